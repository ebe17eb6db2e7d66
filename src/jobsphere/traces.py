"""Tracebacks for the log: where it happened and what kind of error it was, without people's data."""

import traceback

# Their messages quote values: a row's key, a field's input.
_QUOTING = ("sqlalchemy.", "asyncpg.", "pydantic", "fastapi.", "starlette.", "stripe.")


def trace(error: BaseException) -> str:
    """The traceback of ``error`` and of what caused it; messages that quote values are left out."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f"{trace(cause)}\nThen:\n" if cause is not None else ""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{before}{frames}{_headline(error)}"


def _headline(error: BaseException) -> str:
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    quotes = kind.startswith(_QUOTING) or isinstance(error, UnicodeError)
    return kind if quotes else f"{kind}: {error}"
