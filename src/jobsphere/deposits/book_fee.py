"""Find out what Stripe kept of a charge, and book it once it is known.

Charges are captured asynchronously, so the charge may have no balance transaction yet when its money is credited
(stripe.md section 1): the worker asks until there is one.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, Text, any_, bindparam, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere import due
from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction, reading
from jobsphere.deposits.fees import ChargeFee, FeeState, UnexpectedFee, booking
from jobsphere.deposits.lifecycle import Deposit
from jobsphere.deposits.tables import charge_fees, deposit_attempts, deposits
from jobsphere.ledger.record import record
from jobsphere.money import Money
from jobsphere.observability import logger
from jobsphere.rows import arrays, rows_of
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.objects import BalanceTransaction, Card, Charge

TRY_GAP_SECONDS_MAX = 3600

_NAMES = ("id", "charge_id", "state", "currency", "next_try_at", "created_at")
_EXPECT = (
    insert(charge_fees)
    .from_select(_NAMES, select(rows_of(charge_fees, *_NAMES)))
    .on_conflict_do_nothing(index_elements=["id"])
)
_ASK_NOW = (
    update(charge_fees)
    .where(charge_fees.c.charge_id == any_(bindparam("charge_ids", type_=ARRAY(Text))))
    .where(charge_fees.c.state == FeeState.PENDING.value)
    .values(next_try_at=bindparam("now"))
    .returning(charge_fees.c.charge_id)
)

log = logger(__name__)


async def expect_fees(connection: AsyncConnection, charged: Sequence[Deposit], *, now: datetime) -> None:
    """Charges succeeded: from now on their fees are asked for."""
    rows = [
        {
            "id": deposit.id,
            "charge_id": deposit.charge_id,
            "state": FeeState.PENDING.value,
            "currency": deposit.amount.currency,
            "next_try_at": now,
            "created_at": now,
        }
        for deposit in charged
    ]
    if rows:
        await connection.execute(_EXPECT, arrays(rows))


async def charges_updated(connection: AsyncConnection, charge_ids: Sequence[str], now: datetime) -> list[bool]:
    """Stripe says that these charges have changed: their fees may be known now. Whether each is waited for."""
    found = await connection.execute(_ASK_NOW, {"charge_ids": list(charge_ids), "now": now})
    waited_for = set(found.scalars())
    return [charge_id in waited_for for charge_id in charge_ids]


async def claim_due(
    connection: AsyncConnection, *, now: datetime, lease_seconds: float, limit: int
) -> Sequence[UUID]:
    """The deposits whose fee is to be asked for; nobody else gets them until the lease is over."""
    rows = await due.claim(
        connection, charge_fees, charge_fees.c.id, now=now, lease_seconds=lease_seconds, limit=limit
    )
    return [row.id for row in rows]


async def book_fee(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, deposit_id: UUID) -> bool:
    """Ask Stripe what it kept of the charge of a deposit; book it if it is known. Whether nothing is waited for.

    Raises:
        UnexpectedFee: Stripe's books are about other money; nothing is booked.
    """
    async with reading(engine) as connection:
        found = await _find(connection, deposit_id)
    if found is None or found[0].state is FeeState.BOOKED:
        return True
    fee, payment_intent_id = found
    try:
        charge = await _charge(gateway, fee, payment_intent_id)
    except (OutcomeUnknown, Refused, StripeMisconfigured) as error:
        log.warning("fee.outcome_unknown", deposit_id=str(deposit_id), cause=str(error))
        charge = None
    if charge is None or charge.balance_transaction is None:
        await _try_later(engine, fee, clock.now())
        return False
    try:
        await _book(engine, deposit_id, charge, charge.balance_transaction, clock.now())
    except UnexpectedFee:
        await _try_later(engine, fee, clock.now())
        raise
    return True


async def _charge(gateway: StripeGateway, fee: ChargeFee, payment_intent_id: str | None) -> Charge | None:
    charge_id = fee.charge_id
    if charge_id is None and payment_intent_id is not None:
        charge_id = (await gateway.retrieve_payment_intent(payment_intent_id)).charge_id
    return None if charge_id is None else await gateway.retrieve_charge(charge_id)


@in_own_transaction
async def _book(
    connection: AsyncConnection, deposit_id: UUID, charge: Charge, line: BalanceTransaction, now: datetime
) -> None:
    c = charge_fees.c
    await connection.execute(select(c.id).where(c.id == deposit_id).with_for_update())
    found = await _find(connection, deposit_id)
    if found is None or found[0].state is FeeState.BOOKED:
        return
    entry = booking(found[0], line)
    if entry is not None:
        await record(connection, [entry])
    known = {
        "state": FeeState.BOOKED.value,
        "charge_id": charge.id,
        "balance_transaction_id": line.id,
        "fee_minor": line.fee.amount_minor,
        "booked_at": now,
        "next_try_at": None,
    }
    await connection.execute(update(charge_fees).where(c.id == deposit_id).values(**known))
    if charge.card is not None:
        await _keep_card(connection, deposit_id, charge.id, charge.card)


async def _keep_card(connection: AsyncConnection, deposit_id: UUID, charge_id: str, card: Card) -> None:
    """The charge says which card it was; its attempt did not know."""
    c = deposit_attempts.c
    known = {"card_fingerprint": card.fingerprint, "card_brand": card.brand, "card_last4": card.last4}
    of_charge = (c.deposit_id == deposit_id) & (c.charge_id == charge_id)
    await connection.execute(update(deposit_attempts).where(of_charge).values(**known))


@in_own_transaction
async def _try_later(connection: AsyncConnection, fee: ChargeFee, now: datetime) -> None:
    await due.try_later(
        connection,
        charge_fees,
        fee.deposit_id,
        tries=fee.tries,
        gap_seconds_max=TRY_GAP_SECONDS_MAX,
        now=now,
    )


async def _find(connection: AsyncConnection, deposit_id: UUID) -> tuple[ChargeFee, str | None] | None:
    query = (
        select(charge_fees, deposits.c.amount_minor, deposits.c.payment_intent_id)
        .join(deposits, deposits.c.id == charge_fees.c.id)
        .where(charge_fees.c.id == deposit_id)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else (_fee(row), row.payment_intent_id)


def _fee(row: Row[tuple[object, ...]]) -> ChargeFee:
    return ChargeFee(
        deposit_id=row.id,
        charge_id=row.charge_id,
        charged=Money(row.amount_minor, row.currency),
        state=FeeState(row.state),
        tries=row.tries,
    )
