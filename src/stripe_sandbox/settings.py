"""What may be tuned: how long things take, what Stripe charges, how deliveries are retried."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Settings:
    """Durations are seconds of sandbox time unless the name says otherwise."""

    card_funds_delay_seconds: int = 2 * DAY
    payout_leaves_after_seconds: int = HOUR
    payout_arrives_after_seconds: int = 2 * DAY
    pending_refund_settles_after_seconds: int = HOUR
    failing_refund_fails_after_seconds: int = HOUR
    unfunded_refund_retried_after_seconds: int = HOUR

    charge_settles_after_seconds: int = 0  # with ``automatic_async``: when the balance transaction is there
    authorization_lapses_after_seconds: int = 7 * DAY
    topup_arrives_after_seconds: int = 2 * DAY

    aftermath_follows_after_seconds: int = 1
    dispute_due_after_seconds: int = 9 * DAY
    dispute_reviewed_after_seconds: int = MINUTE
    inquiry_closes_after_seconds: int = 120 * DAY

    fee_per_mille: int = 29
    fee_fixed_minor: int = 30
    dispute_fee_minor: int = 1500
    dispute_fee_returned_when_won: bool = False  # recorded both ways; the newer record keeps the fee

    account_link_lives_seconds: int = 5 * MINUTE
    answer_kept_seconds: int = DAY
    event_kept_seconds: int = 30 * DAY
    calls_kept_max: int = 10_000

    delivery_concurrency: int = 8
    delivery_timeout_wall_seconds: float = 10.0
    delivery_gaps_seconds: tuple[int, ...] = (
        *(5, 30, 2 * MINUTE, 10 * MINUTE),
        *(HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, DAY),
    )

    def changed(self, values: Mapping[str, Any]) -> "Settings":
        """These settings with other values for some.

        Raises:
            ValueError: a name is unknown, or its value is not a whole number of at least 0, or not true or false.
        """
        known = {field.name: field.type for field in fields(self)}
        for name, value in values.items():
            if known.get(name) not in (int, bool):
                raise ValueError(f"There is no setting {name} that may be changed.")
            if type(value) is not known[name] or value < 0:
                raise ValueError(f"{name} must be {'true or false' if known[name] is bool else 'a whole number'}.")
        return replace(self, **values)


API_VERSION = "2026-10-28.endive"
PLATFORM = "acct_1SandboxPlatform"
