"""Limits include both ends, and settings refuse what would move live money anywhere but at Stripe."""

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from jobsphere.cli.stack import read_settings
from jobsphere.money import CurrencyMismatch, Money, MoneyError
from jobsphere.settings import STRIPE_API_BASE, ConfigurationError, Settings
from jobsphere.wallets.limits import AmountOutOfLimits, Limits

LIMITS = Limits.of(Decimal(10), Decimal(10_000), "usd")
LIVE_KEYS = ["sk_live_x", "rk_live_x", " sk_live_x"]


@pytest.fixture(autouse=True)
def _no_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_limits_are_given_in_major_units() -> None:
    assert Limits(Money(1_000, "usd"), Money(1_000_000, "usd")) == LIMITS
    assert Limits.of(Decimal("0.5"), Decimal("1E+4"), "usd").maximum == Money(1_000_000, "usd")
    assert Limits.of(Decimal(10), Decimal(10_000), "jpy") == Limits(Money(10, "jpy"), Money(10_000, "jpy"))


@pytest.mark.parametrize("amount_minor", [1_000, 1_001, 500_000, 999_999, 1_000_000])
def test_both_ends_are_allowed(amount_minor: int) -> None:
    LIMITS.require(Money(amount_minor, "usd"))


@pytest.mark.parametrize("amount_minor", [-1_000, 0, 999, 1_000_001, 10**15])
def test_outside_of_the_limits_is_refused_and_says_what_they_are(amount_minor: int) -> None:
    with pytest.raises(AmountOutOfLimits) as refusal:
        LIMITS.require(Money(amount_minor, "usd"))

    assert refusal.value.limits == LIMITS
    assert str(refusal.value) == "between 10.00 USD and 10000.00 USD"


def test_an_amount_of_another_currency_is_not_compared() -> None:
    with pytest.raises(CurrencyMismatch):
        LIMITS.require(Money(5_000, "eur"))


@pytest.mark.parametrize(("minimum", "currency"), [(Decimal("0.001"), "usd"), (Decimal("0.5"), "jpy")])
def test_a_limit_below_the_smallest_unit_is_a_mistake(minimum: Decimal, currency: str) -> None:
    with pytest.raises(MoneyError):
        Limits.of(minimum, Decimal(10), currency)


@pytest.mark.parametrize("key", LIVE_KEYS)
@pytest.mark.parametrize(
    "base",
    [
        "http://localhost:12111",
        "https://api.stripe.com.evil.example",
        "http://api.stripe.com",
        "https://api.stripe.com/v1",
    ],
)
def test_a_live_key_goes_to_stripe_and_nowhere_else(key: str, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", key)
    monkeypatch.setenv("STRIPE_API_BASE", base)

    with pytest.raises(ValidationError) as refusal:
        Settings()

    assert "STRIPE_API_BASE must not be set with a live key" in str(refusal.value)


def test_the_refusal_of_a_live_key_does_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_verysecret")
    monkeypatch.setenv("STRIPE_API_BASE", "http://localhost")

    with pytest.raises(ValidationError) as refusal:
        Settings()

    assert "verysecret" not in str(refusal.value)


@pytest.mark.parametrize("key", LIVE_KEYS)
@pytest.mark.parametrize("base", [None, STRIPE_API_BASE, f"{STRIPE_API_BASE}/"])
def test_a_live_key_with_stripes_own_address_is_fine(
    key: str, base: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", key)
    if base is not None:
        monkeypatch.setenv("STRIPE_API_BASE", base)

    settings = Settings()

    assert settings.live
    assert settings.stripe_api_base == STRIPE_API_BASE


def test_a_test_key_may_talk_to_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_x")
    monkeypatch.setenv("STRIPE_API_BASE", "http://localhost:12111/")

    settings = Settings()

    assert not settings.live
    assert settings.stripe_api_base == "http://localhost:12111"


@pytest.mark.parametrize("field", [name for name in Settings.model_fields if name != "model_config"])
def test_an_empty_variable_is_an_unset_one(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(field.upper(), "")

    assert getattr(Settings(), field) == Settings.model_fields[field].default


def test_without_a_key_the_sandbox_is_used_and_nothing_is_live() -> None:
    settings = Settings()

    assert settings.uses_sandbox
    assert not settings.live


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    names = (
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "STRIPE_CONNECT_WEBHOOK_SECRET",
        "JOBSPHERE_TOKEN_SECRET",
    )
    for name in names:
        monkeypatch.setenv(name, "sk_test_verysecret_and_long_enough")

    assert "verysecret" not in repr(Settings())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAYMENT_CURRENCY", "USD"),
        ("PAYMENT_CURRENCY", "dollars"),
        ("DEPOSIT_MINIMUM", "ten"),
        ("DEPOSIT_MINIMUM", "NaN"),
        ("STRIPE_TIMEOUT_SECONDS", "0"),
        ("PLATFORM_COUNTRY", "us"),
        ("JOBSPHERE_TOKEN_SECRET", "short"),
    ],
)
def test_a_value_that_means_nothing_is_refused_at_start(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize(
    ("minimum", "maximum"), [("0", "10"), ("-1", "10"), ("0.001", "10"), ("10.01", "10"), ("10", "1000.005")]
)
def test_limits_that_no_amount_can_keep_are_refused_at_start(
    minimum: str, maximum: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WITHDRAWAL_MINIMUM", minimum)
    monkeypatch.setenv("WITHDRAWAL_MAXIMUM", maximum)

    with pytest.raises(ConfigurationError, match="WITHDRAWAL_MINIMUM and WITHDRAWAL_MAXIMUM"):
        read_settings()


@pytest.mark.parametrize("currency", ["zzz", "USD", "dollars", "us", "btc", "xau"])
def test_a_currency_that_stripe_takes_no_cards_in_is_refused_at_start(
    currency: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENT_CURRENCY", currency)

    with pytest.raises(ConfigurationError, match=r"PAYMENT_CURRENCY: .*Stripe takes no cards in this currency"):
        read_settings()


@pytest.mark.parametrize(
    ("currency", "minimum", "maximum"),
    [
        ("usd", "0.49", "100"),
        ("huf", "174.00", "10000"),
        ("jpy", "49", "1000"),
        ("usd", "10", "1000000"),
        ("huf", "1000.50", "10000"),
        ("kwd", "1.001", "100"),
    ],
)
def test_deposits_that_stripe_does_not_charge_are_refused_at_start(
    currency: str, minimum: str, maximum: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENT_CURRENCY", currency)
    monkeypatch.setenv("DEPOSIT_MINIMUM", minimum)
    monkeypatch.setenv("DEPOSIT_MAXIMUM", maximum)

    with pytest.raises(ConfigurationError, match="DEPOSIT_MINIMUM and DEPOSIT_MAXIMUM"):
        read_settings()


def test_limits_that_nobody_set_are_those_of_dollars_times_a_power_of_ten() -> None:
    found = {
        code: Limits.of_settings(Settings(_env_file=None, payment_currency=code), "deposit").minimum.to_major()
        for code in ("usd", "eur", "czk", "jpy", "krw", "vnd", "kwd")
    }

    assert found == {
        "usd": "10.00",
        "eur": "10.00",
        "czk": "100.00",
        "jpy": "1000",
        "krw": "10000",
        "vnd": "100000",
        "kwd": "10.000",
    }
