"""Building HTML so that nothing gets in unescaped: what is not HTML already becomes text."""

from html import escape


class Html(str):
    """A piece of HTML; every other text is escaped when it is put into one."""

    __slots__ = ()


Content = object
_EMPTY = ("input", "br", "meta")


def tag(element: str, /, *content: Content, **attributes: object) -> Html:
    """An element; None and False leave an attribute out, True gives it no value.

    In the names of attributes a closing underscore is dropped (``class_``) and others are hyphens.
    """
    given = "".join(_attribute(key, value) for key, value in attributes.items() if value not in (None, False))
    if element in _EMPTY:
        return Html(f"<{element}{given}>")
    return Html(f"<{element}{given}>{join(*content)}</{element}>")


def join(*content: Content) -> Html:
    """Pieces of HTML one after the other; lists are pieces, too, and None is none."""
    return Html("".join(_piece(piece) for piece in content))


def _piece(piece: Content) -> str:
    if piece is None:
        return ""
    if isinstance(piece, Html):
        return str(piece)
    if isinstance(piece, (list, tuple)):
        return join(*piece)
    return escape(str(piece))


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def table(head: list[str], rows: list[list[Content]], empty: str) -> Html:
    """A table that can be scrolled sideways on a phone, or a sentence if it has no rows."""
    if not rows:
        return tag("p", empty, class_="quiet")
    heading = tag("tr", [tag("th", cell) for cell in head])
    body = [tag("tr", [tag("td", cell) for cell in row]) for row in rows]
    return tag("div", tag("table", tag("thead", heading), tag("tbody", body)), class_="wide")


def post(action: str, *content: Content, **hidden: object) -> Html:
    """A form that changes something."""
    fields = [tag("input", type="hidden", name=name, value=value) for name, value in hidden.items()]
    return tag("form", fields, *content, method="post", action=action)


def button(label: str, name: str | None = None, value: object = None, class_: str | None = None) -> Html:
    """A button that sends its form."""
    return tag("button", label, name=name, value=value, class_=class_)


def select(name: str, choices: list[str], chosen: str | None, label: str) -> Html:
    """A choice of one word; an empty one stands for none."""
    options = [tag("option", word or "none", value=word, selected=word == (chosen or "")) for word in choices]
    return tag("label", label, " ", tag("select", options, name=name))
