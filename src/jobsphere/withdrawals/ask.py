"""Ask Stripe about one withdrawal and apply what it says: for every state that is not the end, and for paid ones.

With every webhook dropped a withdrawal still ends right, also when the bank sends the money back days after paid.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction, reading
from jobsphere.observability import logger
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.withdrawals import settle, store
from jobsphere.withdrawals.send import send
from jobsphere.withdrawals.waiting import WATCHED, is_watched
from jobsphere.withdrawals.withdrawal import UNSENT, Withdrawal, WithdrawalState

# Money that came back has waited for days already: once a day is soon enough to hear of it.
WATCH_GAP_SECONDS = 24 * 60 * 60
BATCH_SIZE = 20

log = logger(__name__)

_paid = in_own_transaction(settle.payout_paid)
_failed = in_own_transaction(settle.payout_failed)
_REPORTS = {"paid": _paid, "failed": _failed, "canceled": _failed}


async def ask(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, withdrawal_id: UUID) -> Withdrawal:
    """The withdrawal after what Stripe says of it now; safe at any time, by anybody, as often as they like.

    Raises:
        WithdrawalNotFound: there is no such withdrawal.
        OutcomeUnknown, Refused, StripeMisconfigured: Stripe did not say; the withdrawal is as it was.
        UnexpectedReport: Stripe's payout is of another amount.
    """
    withdrawal = await _read(engine, withdrawal_id)
    if withdrawal.state in UNSENT:
        # Asking is repeating the call with its key, or looking again whether a balance covers it.
        await send(engine, gateway, clock, withdrawal_id)
    elif withdrawal.state is WithdrawalState.IN_TRANSIT or is_watched(withdrawal, clock.now()):
        await _ask_about_payout(engine, gateway, clock, withdrawal)
    return await _read(engine, withdrawal_id)


async def watch_paid(engine: AsyncEngine, gateway: StripeGateway, clock: Clock) -> int:
    """Ask once a day about what counts as paid, as long as its bank may still send it back; returns how many.

    What Stripe does not answer is asked tomorrow.
    """
    due = await _claim_paid(engine, clock.now())
    for withdrawal_id in due:
        try:
            await ask(engine, gateway, clock, withdrawal_id)
        except (OutcomeUnknown, Refused, StripeMisconfigured) as error:
            log.warning("withdrawal.not_told", withdrawal_id=str(withdrawal_id), cause=str(error))
    return len(due)


async def _ask_about_payout(
    engine: AsyncEngine, gateway: StripeGateway, clock: Clock, withdrawal: Withdrawal
) -> None:
    assert withdrawal.payout_id is not None
    payout = await gateway.retrieve_payout(withdrawal.payout_id, account_id=withdrawal.account_id)
    report = _REPORTS.get(payout.status)
    if report is not None:
        await report(engine, payout, withdrawal.account_id, now=clock.now())


async def _read(engine: AsyncEngine, withdrawal_id: UUID) -> Withdrawal:
    async with reading(engine) as connection:
        return await store.find(connection, withdrawal_id)


@in_own_transaction
async def _claim_paid(connection: AsyncConnection, now: datetime) -> list[UUID]:
    return await store.claim_paid(
        connection, now=now, arrived_since=now - WATCHED, gap_seconds=WATCH_GAP_SECONDS, limit=BATCH_SIZE
    )
