"""Withdrawals as rows: read them, and save what a step of the life cycle says, all of it at once."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere import due
from jobsphere.audit.write import write as write_audit
from jobsphere.ledger.posting import Verdict
from jobsphere.money import Money
from jobsphere.notifications.write import notify
from jobsphere.stripe_gateway import calls
from jobsphere.wallets import transactions
from jobsphere.wallets.debts import record_and_repay
from jobsphere.wallets.wallet import InsufficientFunds
from jobsphere.withdrawals.policy import Earlier
from jobsphere.withdrawals.tables import withdrawals
from jobsphere.withdrawals.withdrawal import UNSENT, Step, Withdrawal, WithdrawalState

TRY_GAP_SECONDS_MAX = 300
# How long a withdrawal rests while it waits for money to become available at Stripe.
WAIT_SECONDS = 60


class WithdrawalNotFound(Exception):
    """There is no such withdrawal for this person."""


async def add(connection: AsyncConnection, withdrawal: Withdrawal) -> None:
    """Store a new withdrawal, of which nothing is decided yet; ``save`` its first step in the same breath."""
    await connection.execute(
        insert(withdrawals).values(
            id=withdrawal.id,
            user_id=withdrawal.user_id,
            wallet_id=withdrawal.wallet_id,
            amount_minor=withdrawal.amount.amount_minor,
            currency=withdrawal.amount.currency,
            created_at=withdrawal.created_at,
            account_id=withdrawal.account_id,
            state=withdrawal.state.value,
        )
    )


async def find(connection: AsyncConnection, withdrawal_id: UUID) -> Withdrawal:
    """The withdrawal with this id, unlocked."""
    return _required(await _one(connection, withdrawals.c.id == withdrawal_id))


async def find_owned(connection: AsyncConnection, withdrawal_id: UUID, user_id: UUID) -> Withdrawal:
    """The person's withdrawal with this id.

    Raises:
        WithdrawalNotFound: there is none, or it is somebody else's.
    """
    owned = (withdrawals.c.id == withdrawal_id) & (withdrawals.c.user_id == user_id)
    return _required(await _one(connection, owned))


async def lock(connection: AsyncConnection, withdrawal_id: UUID) -> Withdrawal:
    """The withdrawal, which nobody else changes until this database transaction ends."""
    return _required(await _one(connection, withdrawals.c.id == withdrawal_id, lock=True))


async def lock_owned(connection: AsyncConnection, withdrawal_id: UUID, user_id: UUID) -> Withdrawal:
    """As ``lock``, for the person's own only; raises ``WithdrawalNotFound`` for somebody else's."""
    owned = (withdrawals.c.id == withdrawal_id) & (withdrawals.c.user_id == user_id)
    return _required(await _one(connection, owned, lock=True))


async def held(connection: AsyncConnection, *, limit: int) -> list[Withdrawal]:
    """Those that wait for a review, the longest first."""
    is_held = withdrawals.c.state == WithdrawalState.HELD_FOR_REVIEW.value
    query = select(withdrawals).where(is_held).order_by(withdrawals.c.created_at).limit(limit)
    return [_withdrawal(row) for row in await connection.execute(query)]


async def since(connection: AsyncConnection, wallet_id: UUID, moment: datetime) -> list[Earlier]:
    """What the wallet's owner withdrew after that moment, without what never left or came back."""
    over = [state.value for state in (WithdrawalState.RETURNED, WithdrawalState.CANCELED)]
    c = withdrawals.c
    rows = await connection.execute(
        select(c.amount_minor, c.currency, c.created_at).where(
            c.wallet_id == wallet_id, c.created_at > moment, c.state.not_in(over)
        )
    )
    return [Earlier(Money(row.amount_minor, row.currency), row.created_at) for row in rows]


async def has_been_paid(connection: AsyncConnection, wallet_id: UUID) -> bool:
    """Whether a withdrawal of the wallet has ever arrived at a bank."""
    paid = (withdrawals.c.wallet_id == wallet_id) & (withdrawals.c.state == WithdrawalState.PAID.value)
    return bool((await connection.execute(select(exists().where(paid)))).scalar_one())


async def claim_paid(
    connection: AsyncConnection, *, now: datetime, arrived_since: datetime, gap_seconds: float, limit: int
) -> list[UUID]:
    """The ids of paid withdrawals to ask Stripe about: arrived since then, and not asked about for a while."""
    c = withdrawals.c
    not_asked = c.watched_at.is_(None) | (c.watched_at <= now - timedelta(seconds=gap_seconds))
    due = (
        select(c.id)
        .where(c.state == WithdrawalState.PAID.value, c.estimated_arrival > arrived_since, not_asked)
        .order_by(c.estimated_arrival)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = update(withdrawals).where(c.id.in_(due.scalar_subquery())).values(watched_at=now).returning(c.id)
    return list((await connection.execute(claimed)).scalars())


async def bank_refused_at(connection: AsyncConnection, account_id: str) -> datetime | None:
    """When a bank last refused, or sent back, a payout of this account."""
    last = select(func.max(withdrawals.c.payout_failed_at)).where(
        withdrawals.c.account_id == account_id, withdrawals.c.payout_failed_at.is_not(None)
    )
    moment: datetime | None = (await connection.execute(last)).scalar_one()
    return moment


async def waiting_to_be_sent(connection: AsyncConnection, currency: str) -> Money:
    """What was asked for before and still needs the platform's balance at Stripe."""
    unsent = [state.value for state in (WithdrawalState.RESERVED, WithdrawalState.TRANSFERRING)]
    total = select(func.coalesce(func.sum(withdrawals.c.amount_minor), 0)).where(
        withdrawals.c.state.in_(unsent), withdrawals.c.currency == currency, withdrawals.c.next_try_at.is_not(None)
    )
    return Money(int((await connection.execute(total)).scalar_one()), currency)


async def lock_by_metadata(
    connection: AsyncConnection, withdrawal_id: str | None, *, account_id: str | None
) -> Withdrawal | None:
    """The withdrawal that a transfer or payout names in its metadata, if it is of that account."""
    try:
        id_ = UUID(withdrawal_id or "")
    except ValueError:
        return None
    mine = (withdrawals.c.id == id_) & (withdrawals.c.account_id == account_id)
    return await _one(connection, mine, lock=True)


async def save(
    connection: AsyncConnection,
    before: Withdrawal,
    step: Step,
    *,
    now: datetime,
    wait_seconds: float = 0,
    actor_id: UUID | None = None,
    note: str | None = None,
) -> Withdrawal:
    """Store a step: the withdrawal, its entries, its transaction, its notices and the audit row.

    Where there is more to send, whoever claimed it keeps its lease, or it rests for ``wait_seconds``.
    The audit row says who did it (nobody: the platform) and their ``note``.

    Raises:
        InsufficientFunds: the wallet does not hold the amount; the caller's work is to be rolled back.
    """
    after = step.withdrawal
    if after == before and not step.entries:
        return after
    await connection.execute(
        update(withdrawals)
        .where(withdrawals.c.id == after.id)
        .values(**_changes(before, after, now, wait_seconds))
    )
    verdicts = await record_and_repay(connection, step.entries, now=now) if step.entries else []
    if Verdict.INSUFFICIENT_FUNDS in verdicts:
        raise InsufficientFunds
    if step.begins is not None:
        await calls.begin(connection, step.begins, now=now)
    await _save_transaction(connection, before, step, now)
    await notify(connection, step.notices, now=now)
    await write_audit(
        connection,
        actor_id=actor_id,
        action=f"withdrawal.{after.state.value}",
        subject=f"withdrawal:{after.id}",
        now=now,
        details={"reason": after.reason} | ({"note": note} if note else {}),
    )
    return after


async def try_later(connection: AsyncConnection, withdrawal: Withdrawal, *, now: datetime) -> None:
    """The outcome of a call is unknown: go on after a gap that doubles each time."""
    await due.try_later(
        connection,
        withdrawals,
        withdrawal.id,
        tries=withdrawal.tries,
        gap_seconds_max=TRY_GAP_SECONDS_MAX,
        now=now,
    )


async def rest(connection: AsyncConnection, before: Withdrawal, step: Step, *, now: datetime) -> None:
    """Keep why it waits, and look again after a while. A look changes nothing, so it leaves no audit row."""
    values = _changes(before, step.withdrawal, now, WAIT_SECONDS)
    await connection.execute(update(withdrawals).where(withdrawals.c.id == before.id).values(**values))


async def claim_due(
    connection: AsyncConnection, *, now: datetime, lease_seconds: float, limit: int
) -> Sequence[UUID]:
    """The ids of withdrawals to go on with; nobody else gets them until the lease is over."""
    rows = await due.claim(
        connection, withdrawals, withdrawals.c.id, now=now, lease_seconds=lease_seconds, limit=limit
    )
    return [row.id for row in rows]


async def _save_transaction(connection: AsyncConnection, before: Withdrawal, step: Step, now: datetime) -> None:
    after = step.withdrawal
    ids = {}
    if after.transfer_id is not None and after.transfer_id != before.transfer_id:
        ids["stripe_transfer_id"] = after.transfer_id
    if after.payout_id is not None and after.payout_id != before.payout_id:
        ids["stripe_payout_id"] = after.payout_id
    if ids:
        await transactions.attach(connection, after.id, **ids)
    if after.state is WithdrawalState.PAID:
        await transactions.complete(connection, after.id, now=now)
    elif step.failure is not None:
        await transactions.fail(connection, after.id, reason=step.failure.sentence)


def _changes(before: Withdrawal, after: Withdrawal, now: datetime, wait_seconds: float) -> dict[str, Any]:
    lost_in = after.unresolved_in.value if after.unresolved_in else None
    changes = {**asdict(after), "state": after.state.value, "unresolved_in": lost_in}
    for fixed in ("id", "user_id", "wallet_id", "account_id", "amount", "created_at"):
        del changes[fixed]
    if after.state not in UNSENT:
        return {**changes, "next_try_at": None}
    if wait_seconds or before.state not in UNSENT:
        return {**changes, "next_try_at": now + timedelta(seconds=wait_seconds)}
    return changes


async def _one(
    connection: AsyncConnection, condition: ColumnElement[bool], *, lock: bool = False
) -> Withdrawal | None:
    query = select(withdrawals).where(condition)
    if lock:
        query = query.with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _withdrawal(row)


def _required(withdrawal: Withdrawal | None) -> Withdrawal:
    if withdrawal is None:
        raise WithdrawalNotFound
    return withdrawal


def _withdrawal(row: Row[Any]) -> Withdrawal:
    facts = dict(row._mapping)
    for ours in ("next_try_at", "watched_at"):
        del facts[ours]
    amount = Money(facts.pop("amount_minor"), facts.pop("currency"))
    states = {"state": WithdrawalState(row.state)}
    if row.unresolved_in is not None:
        states["unresolved_in"] = WithdrawalState(row.unresolved_in)
    return Withdrawal(**{**facts, **states}, amount=amount)
