"""The policy of withdrawals that the settings describe."""

from datetime import timedelta
from decimal import Decimal

from jobsphere.money import Money
from jobsphere.settings import Settings
from jobsphere.wallets.limits import Limits
from jobsphere.withdrawals.policy import Policy, Review


def policy_of(settings: Settings) -> Policy:
    """What the settings say; without a daily amount, a day allows twice the most of one withdrawal.

    Raises:
        MoneyError: an amount is finer than the currency, or the limits are none.
    """
    limits = Limits.of_settings(settings, "withdrawal")
    currency = settings.payment_currency
    daily, from_amount = settings.withdrawal_daily_maximum, settings.review_withdrawals_from
    return Policy(
        limits=limits,
        minimum_by_country={
            country: _money(minimum, currency)
            for country, minimum in settings.withdrawal_minimum_by_country.items()
        },
        per_day_max=settings.withdrawals_per_day,
        per_day_amount_max=limits.maximum + limits.maximum if daily is None else _money(daily, currency),
        bank_change_wait=timedelta(hours=settings.bank_change_wait_hours),
        review=Review(
            first=settings.review_first_withdrawal,
            from_amount=None if from_amount is None else _money(from_amount, currency),
            after_bank_change=timedelta(days=settings.review_bank_change_days),
        ),
    )


def _money(major: Decimal, currency: str) -> Money:
    return Money.from_major(f"{major:f}", currency)
