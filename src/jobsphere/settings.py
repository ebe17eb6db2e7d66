"""Settings, read once from the environment (and a ``.env`` file); the table in README.md explains them."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobsphere.currencies import SUPPORTED

STRIPE_API_BASE = "https://api.stripe.com"


class ConfigurationError(Exception):
    """JobSphere cannot start like this; the message says which setting to change, and how."""


def _without_slash(url: str) -> str:
    return url.rstrip("/")


def _supported(currency: str) -> str:
    if currency not in SUPPORTED:
        raise ValueError("Stripe takes no cards in this currency; write three lower-case letters, such as usd")
    return currency


BaseUrl = Annotated[str, AfterValidator(_without_slash)]


class Settings(BaseSettings):
    """What may be configured. Amounts are major units of ``payment_currency``."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    stripe_secret_key: SecretStr | None = None
    stripe_publishable_key: str = "pk_test_sandbox"
    stripe_webhook_secret: SecretStr | None = None
    stripe_connect_webhook_secret: SecretStr | None = None
    stripe_connect_client_id: str | None = None
    stripe_api_base: BaseUrl = STRIPE_API_BASE
    # How often Stripe's list of events is read for those that never came: the platform's, and each contractor's.
    catch_up_seconds: Annotated[int, Field(ge=10)] = 300
    catch_up_account_seconds: Annotated[int, Field(ge=10)] = 3600
    stripe_timeout_seconds: Annotated[float, Field(gt=0, le=80)] = 8.0

    payment_currency: Annotated[str, AfterValidator(_supported)] = "usd"
    platform_name: str = "JobSphere"
    platform_email: str = "support@jobsphere.example"
    platform_country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "US"
    frontend_url: BaseUrl | None = None

    database_url: str | None = None
    database_owner_url: str | None = None
    jobsphere_home: Path | None = None
    jobsphere_token_secret: Annotated[SecretStr, Field(min_length=32)] | None = None
    token_lifetime_seconds: Annotated[int, Field(ge=60)] = 12 * 60 * 60
    log_json: bool = False

    # Not set: what ``wallets.limits`` says for the currency.
    deposit_minimum: Decimal | None = None
    deposit_maximum: Decimal | None = None
    # Attempts at payments of one person, and failed ones of one card whoever tried it.
    deposits_per_hour_max: Annotated[int, Field(ge=1)] = 10
    card_failures_per_day_max: Annotated[int, Field(ge=1)] = 10
    withdrawal_minimum: Decimal | None = None
    withdrawal_maximum: Decimal | None = None
    withdrawals_per_day: Annotated[int, Field(ge=1)] = 20
    # Not set: twice the most of one withdrawal.
    withdrawal_daily_maximum: Annotated[Decimal, Field(gt=0)] | None = None
    withdrawal_minimum_by_country: dict[
        Annotated[str, Field(pattern="^[A-Z]{2}$")], Annotated[Decimal, Field(gt=0)]
    ] = {}
    # Which withdrawals an admin looks at before they are sent.
    review_first_withdrawal: bool = False
    review_withdrawals_from: Annotated[Decimal, Field(gt=0)] | None = None
    review_bank_change_days: Annotated[int, Field(ge=0, le=90)] = 0
    # After another bank account was entered, nothing is withdrawn for so long.
    bank_change_wait_hours: Annotated[int, Field(ge=0, le=30 * 24)] = 24
    offer_minimum: Decimal | None = None
    offer_maximum: Decimal | None = None

    # Who bears what a lost dispute takes beyond what was frozen.
    dispute_shortfall: Literal["debt", "platform"] = "debt"

    @model_validator(mode="after")
    def _live_money_only_at_stripe(self) -> Self:
        if self.live and self.stripe_api_base != STRIPE_API_BASE:
            raise ValueError("STRIPE_API_BASE must not be set with a live key: live money only moves at Stripe")
        return self

    @property
    def live(self) -> bool:
        """Whether the key moves real money."""
        return self.stripe_secret_key is not None and "_live_" in self.stripe_secret_key.get_secret_value()

    @property
    def uses_sandbox(self) -> bool:
        """Whether JobSphere starts its own Stripe sandbox, because no key was given."""
        return self.stripe_secret_key is None
