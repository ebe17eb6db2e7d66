"""Freeze money for a dispute in the order of lifecycle.md section 8, and let jobs wait, go on or end by it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.disputes import lifecycle, store
from jobsphere.disputes.lifecycle import Dispute, Part, PartState
from jobsphere.disputes.plan import Held, Plan, plan, wanted
from jobsphere.ledger.accounts import wallet_available
from jobsphere.ledger.record import lock_balance
from jobsphere.marketplace import pause
from jobsphere.marketplace.pause import Funded
from jobsphere.money import Money
from jobsphere.wallets import freezes
from jobsphere.wallets.freeze import FreezeLevel
from jobsphere.wallets.tables import wallets


async def lock_funded(connection: AsyncConnection, dispute: Dispute) -> Sequence[Funded]:
    """The customer's jobs, offers and wallet, locked in the order that everybody keeps."""
    funded = await pause.funded_by(connection, dispute.user_id)
    locked = select(wallets.c.id).where(wallets.c.id == dispute.wallet_id).with_for_update(key_share=True)
    await connection.execute(locked)
    return funded


async def freeze(
    connection: AsyncConnection,
    dispute: Dispute,
    paid: Money,
    funded: Sequence[Funded],
    *,
    ids: Ids,
    now: datetime,
) -> Dispute:
    """Set aside what the dispute asks for, as far as there is any; if less, stop what leaves the wallet."""
    amount = wanted(dispute.amount, paid, await store.returned_of(connection, dispute))
    planned = plan(amount, await _available(connection, dispute), _held(funded, True), _held(funded, False))
    given_up = [one for one in funded if one.offer.id in planned.withdraw]
    await pause.withdraw_all(connection, given_up, ids=ids, now=now)
    # Once more: what came back from offers has paid the wallet's debts first.
    planned = plan(amount, await _available(connection, dispute), (), _held(funded, False))
    waiting = {held.offer_id for held in planned.from_escrow}
    await pause.pause_all(connection, [one for one in funded if one.offer.id in waiting], ids=ids, now=now)
    if planned.missing:
        await _stop_outgoing(connection, dispute, now)
    step = lifecycle.froze(dispute, _parts(planned))
    return await store.save(connection, dispute, step, now=now)


async def free_jobs(
    connection: AsyncConnection,
    before: Dispute,
    after: Dispute,
    funded: Sequence[Funded],
    *,
    ids: Ids,
    now: datetime,
) -> None:
    """After it was settled: jobs that lost money end, those whose money is all back go on."""
    lost = {part.offer_id for part in after.parts if part.state is PartState.TAKEN and part not in before.parts}
    waited = {part.offer_id for part in before.parts if part.state is PartState.FROZEN}
    theirs = [one for one in funded if one.offer.id in waited]
    await pause.cancel_all(connection, [one for one in theirs if one.offer.id in lost], ids=ids, now=now)
    await pause.resume_all(connection, [one for one in theirs if one.offer.id not in lost], ids=ids, now=now)


async def let_go(connection: AsyncConnection, dispute: Dispute, now: datetime) -> None:
    """It is won: money may leave the wallet again, unless something else stops it."""
    reason = "The dispute was won"
    for name in (_stopped(dispute), _blocked(dispute)):
        await freezes.lift_by_reference(connection, name, reason=reason, author_id=None, now=now)


async def block(connection: AsyncConnection, dispute: Dispute, now: datetime) -> None:
    """It is lost: an admin decides when money may leave the wallet again."""
    await freezes.freeze(
        connection,
        dispute.wallet_id,
        level=FreezeLevel.OUTGOING,
        reason="A dispute was lost",
        author_id=None,
        now=now,
        reference=_blocked(dispute),
    )


async def _stop_outgoing(connection: AsyncConnection, dispute: Dispute, now: datetime) -> None:
    await freezes.freeze(
        connection,
        dispute.wallet_id,
        level=FreezeLevel.OUTGOING,
        reason="A dispute asks for more than the wallet holds",
        author_id=None,
        now=now,
        reference=_stopped(dispute),
    )


def live_offers(funded: Sequence[Funded]) -> frozenset[UUID]:
    """The offers whose jobs wait for their money."""
    return frozenset(one.offer.id for one in funded if not one.is_open)


def _stopped(dispute: Dispute) -> str:
    return f"dispute:{dispute.id}"


def _blocked(dispute: Dispute) -> str:
    return f"dispute:{dispute.id}:lost"


def _held(funded: Sequence[Funded], is_open: bool) -> list[Held]:
    return [Held(one.offer.id, one.escrow) for one in funded if one.is_open is is_open]


def _parts(planned: Plan) -> tuple[Part, ...]:
    sources = [(planned.from_wallet, None), *((held.amount, held.offer_id) for held in planned.from_escrow)]
    found = [(amount, offer_id) for amount, offer_id in sources if amount]
    return tuple(Part(position, amount, offer_id) for position, (amount, offer_id) in enumerate(found))


async def _available(connection: AsyncConnection, dispute: Dispute) -> Money:
    return await lock_balance(connection, wallet_available(dispute.wallet_id, dispute.amount.currency))
