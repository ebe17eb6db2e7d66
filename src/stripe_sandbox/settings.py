"""What may be tuned: how long things take, what Stripe charges, how deliveries are retried."""

from dataclasses import dataclass

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


API_VERSION = "2026-10-28.endive"
PLATFORM = "acct_1SandboxPlatform"
