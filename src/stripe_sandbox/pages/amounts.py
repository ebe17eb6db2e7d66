"""Amounts and moments as people read them."""

from datetime import UTC, datetime

# How many decimals a minor unit stands for, where it is not two. ISK and UGX are sent as if they had two.
_DECIMALS = dict.fromkeys(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(), 0
) | dict.fromkeys("bhd jod kwd omr tnd".split(), 3)


def money(amount_minor: int, currency: str) -> str:
    """An amount in major units with its currency, such as ``-1,234.50 USD``."""
    decimals = _DECIMALS.get(currency, 2)
    whole, rest = divmod(abs(amount_minor), 10**decimals)
    fraction = f".{rest:0{decimals}}" if decimals else ""
    return f"{'-' if amount_minor < 0 else ''}{whole:,}{fraction} {currency.upper()}"


def moment(timestamp: float) -> str:
    """A moment of sandbox time in UTC, to the second."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S")
