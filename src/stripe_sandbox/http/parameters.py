"""Checking parameters: one small table per endpoint says which there are, which must be given and of what type.

A reader takes the raw form value and the parameter's full name (``card[number]``) and returns the value, or
raises the refusal that Stripe would answer.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from stripe_sandbox.http.errors import invalid, unsupported
from stripe_sandbox.http.forms import Form

Reader = Callable[[Any, str], Any]

AMOUNT_MAX = 99_999_999
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_CURRENCIES = frozenset(
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp "
    "cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils "
    "inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr "
    "mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek "
    "sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf "
    "yer zar zmw".split()
)


class Parameters:
    """The parameters of one endpoint."""

    def __init__(
        self, required: Mapping[str, Reader] | None = None, optional: Mapping[str, Reader] | None = None
    ) -> None:
        self.required = dict(required or {})
        self.readers = {**self.required, **(optional or {})}

    def read(self, form: Form, within: str = "") -> Form:
        """The values given, checked and converted.

        Raises:
            StripeError: a parameter is unknown, missing or not of its type; nothing was executed.
        """
        unknown = [name for name in form if name not in self.readers]
        if unknown:
            raise _unknown(unknown, within)
        for name in self.required:
            if name not in form:
                full = _full(name, within)
                raise invalid(f"Missing required param: {full}.", full, "parameter_missing")
        return {name: self.readers[name](value, _full(name, within)) for name, value in form.items()}

    def __call__(self, value: Any, name: str) -> Form:
        """Read a group of parameters, so that a table may stand inside another."""
        return self.read(_group(value, name), name)


def _full(name: str, within: str) -> str:
    return f"{within}[{name}]" if within else name


def _unknown(names: list[str], within: str) -> Exception:
    full = [_full(name, within) for name in names]
    noun = "parameter" if len(full) == 1 else "parameters"
    return invalid(f"Received unknown {noun}: {', '.join(full)}", full[0], "parameter_unknown")


def _group(value: Any, name: str) -> Form:
    if not isinstance(value, dict):
        raise invalid(f"Invalid object: {name} must be a group of parameters", name, "parameter_invalid_type")
    return value


def text(value: Any, name: str) -> str:
    """A string that is not empty."""
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {name} must be a string", name, "parameter_invalid_string")
    if not value:
        message = f"'{name}' was given as an empty string, which would unset it; it cannot be unset."
        raise invalid(message, name, "parameter_invalid_empty")
    if len(value) > 5000:
        raise invalid(f"Invalid string: {name} has more than 5000 characters", name, "parameter_invalid_string")
    return value


def integer(value: Any, name: str) -> int:
    """A whole number, negative ones included."""
    if not isinstance(value, str) or not _INTEGER.fullmatch(value):
        raise invalid(f"Invalid integer: {value}", name, "parameter_invalid_integer")
    return int(value)


def amount(value: Any, name: str) -> int:
    """An amount in minor units: at least 1, at most eight digits."""
    number = integer(value, name)
    if number < 1:
        raise invalid("This value must be greater than or equal to 1.", name, "parameter_invalid_integer")
    if number > AMOUNT_MAX:
        raise invalid(f"Amount must be no more than {AMOUNT_MAX} minor units", name, "amount_too_large")
    return number


def boolean(value: Any, name: str) -> bool:
    """``true`` or ``false``."""
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", name)
    return bool(value == "true")


def currency(value: Any, name: str) -> str:
    """A currency's three letters, in lower case."""
    code = text(value, name).lower()
    if code not in _CURRENCIES:
        raise invalid(f"Invalid currency: {code[:20]}", name)
    return code


def one_of(*values: str) -> Reader:
    """One of the given words."""

    def read(value: Any, name: str) -> str:
        if value not in values:
            raise invalid(f"Invalid {name}: must be one of {', '.join(values)}", name)
        return str(value)

    return read


def clearable(reader: Reader) -> Reader:
    """As ``reader``, but an empty string unsets the value: it reads as None."""
    return lambda value, name: None if value == "" else reader(value, name)


def array(reader: Reader) -> Reader:
    """A list; its elements are given as ``name[]`` or ``name[0]``."""

    def read(value: Any, name: str) -> list[Any]:
        positions = _group(value, name)
        if not all(position.isdecimal() and len(position) <= 4 for position in positions):
            raise invalid("Invalid array", name, "parameter_invalid_array")
        return [reader(positions[at], f"{name}[{at}]") for at in sorted(positions, key=int)]

    return read


def metadata(value: Any, name: str) -> dict[str, str]:
    """Up to 50 keys of 40 characters with values of 500; an empty value removes its key, "" removes all."""
    if value == "":
        return {"": ""}
    pairs = _group(value, name)
    if len(pairs) > 50:
        raise invalid("Metadata may have up to 50 keys", name)
    for key, inner in pairs.items():
        if len(key) > 40 or not isinstance(inner, str) or len(inner) > 500:
            raise invalid("Metadata keys have up to 40 and values up to 500 characters", f"{name}[{key[:40]}]")
    return pairs


def merged_metadata(old: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """``old`` with what ``metadata`` read put over it."""
    if given == {"": ""}:
        return {}
    return {key: value for key, value in (old | given).items() if value != ""}


def moment_range(value: Any, name: str) -> dict[str, int]:
    """A moment, or bounds on it: ``gt``, ``gte``, ``lt``, ``lte``."""
    if isinstance(value, str):
        exactly = integer(value, name)
        return {"gte": exactly, "lte": exactly}
    return Parameters(optional=dict.fromkeys(("gt", "gte", "lt", "lte"), integer)).read(_group(value, name), name)


def anything(value: Any, name: str) -> Any:
    """Known to Stripe and without effect here: taken as it is."""
    return value


def group(value: Any, name: str) -> Form:
    """A group of parameters that is known to Stripe, of which nothing is checked here."""
    return _group(value, name)


def not_simulated(value: Any, name: str) -> Any:
    """Known to Stripe, would change the outcome, and is refused rather than ignored."""
    raise unsupported(name)
