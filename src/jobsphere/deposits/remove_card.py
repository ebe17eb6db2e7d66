"""Let Stripe forget a card: kept as wanted first, sent once, gone on with by the worker until it has answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere import due
from jobsphere.audit.write import write as write_audit
from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction, reading
from jobsphere.deposits.saved_cards import CardState, alone, own_card
from jobsphere.deposits.tables import saved_cards
from jobsphere.observability import logger
from jobsphere.stripe_gateway import calls, once
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.objects import PaymentMethod
from jobsphere.stripe_gateway.once import Once

TRY_GAP_SECONDS_MAX = 300

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Removal:
    """A card on its way out."""

    id: UUID
    payment_method_id: str
    state: CardState
    tries: int


async def want_removed(
    engine: AsyncEngine,
    gateway: StripeGateway,
    user_id: UUID,
    payment_method_id: str,
    *,
    row_id: UUID,
    now: datetime,
    lease_seconds: float,
) -> UUID:
    """Keep that a card is to be removed; ``remove`` does it. From now on it is not shown any more.

    Raises:
        CardNotFound: it is nobody's, or somebody else's, or removed already.
    """
    await own_card(engine, gateway, user_id, payment_method_id)
    until = now + timedelta(seconds=lease_seconds)
    return await _store_wanted(engine, user_id, payment_method_id, row_id, now, until)


async def remove(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, card_id: UUID) -> bool:
    """Tell Stripe, once; whether the card is gone. An outcome that stays unknown is tried again later."""
    async with reading(engine) as connection:
        removal = await _find(connection, card_id)
    if removal.state is not CardState.REMOVING:
        return removal.state is CardState.REMOVED
    key = await _before_detach(engine, removal, clock.now())
    try:
        await once.send(engine, clock, _detachment(gateway, removal.payment_method_id, key))
    except Refused as refusal:
        return await _store_answer(engine, removal, key, refusal.code or "unspecified", clock.now())
    except (OutcomeUnknown, StripeMisconfigured) as error:
        log.warning("card.outcome_unknown", card_id=str(card_id), cause=str(error))
        await _try_later(engine, removal, clock.now())
        return False
    return await _store_answer(engine, removal, key, None, clock.now())


def _detachment(gateway: StripeGateway, payment_method_id: str, key: str) -> Once[PaymentMethod]:
    async def look_up(_: datetime) -> PaymentMethod | None:
        method = await gateway.retrieve_payment_method(payment_method_id)
        return method if method.customer_id is None else None

    return Once(key, lambda: gateway.detach_payment_method(payment_method_id, key=key), look_up)


async def claim_due(
    connection: AsyncConnection, *, now: datetime, lease_seconds: float, limit: int
) -> Sequence[UUID]:
    """The cards that are to be removed now; nobody else gets them until the lease is over."""
    rows = await due.claim(
        connection, saved_cards, saved_cards.c.id, now=now, lease_seconds=lease_seconds, limit=limit
    )
    return [row.id for row in rows]


@in_own_transaction
async def _store_wanted(
    connection: AsyncConnection,
    user_id: UUID,
    payment_method_id: str,
    row_id: UUID,
    now: datetime,
    until: datetime,
) -> UUID:
    await alone(connection, user_id)
    wanted = {"state": CardState.REMOVING.value, "is_default": False, "next_try_at": until}
    new = insert(saved_cards).values(
        id=row_id, user_id=user_id, payment_method_id=payment_method_id, created_at=now, **wanted
    )
    c = saved_cards.c
    stored = await connection.execute(
        new.on_conflict_do_update(
            index_elements=["payment_method_id"], set_=wanted, where=c.state == CardState.SAVED.value
        ).returning(c.id)
    )
    made = stored.scalar_one_or_none()
    if made is None:  # somebody was quicker: their removal is this one
        made = (
            await connection.execute(select(c.id).where(c.payment_method_id == payment_method_id))
        ).scalar_one()
    await write_audit(
        connection, actor_id=user_id, action="card.removed", subject=f"card:{payment_method_id}", now=now
    )
    return UUID(str(made))


@in_own_transaction
async def _before_detach(connection: AsyncConnection, removal: Removal, now: datetime) -> str:
    return await calls.begin_attempt(connection, f"card:{removal.id}:detach", now=now)


@in_own_transaction
async def _store_answer(
    connection: AsyncConnection, removal: Removal, key: str, refusal: str | None, now: datetime
) -> bool:
    if refusal is None:
        await calls.succeeded(connection, key, object_id=removal.payment_method_id, now=now)
    else:
        await calls.refused(connection, key, code=refusal, now=now)
    if refusal == calls.NEVER_HAPPENED:
        # It is attached still, as a look has shown: the next attempt has the next key.
        await _later(connection, removal, now)
        return False
    # Stripe detaches what is attached: whatever it refuses is not attached (any more).
    gone = {"state": CardState.REMOVED.value, "next_try_at": None}
    await connection.execute(update(saved_cards).where(saved_cards.c.id == removal.id).values(**gone))
    return True


@in_own_transaction
async def _try_later(connection: AsyncConnection, removal: Removal, now: datetime) -> None:
    await _later(connection, removal, now)


async def _later(connection: AsyncConnection, removal: Removal, now: datetime) -> None:
    await due.try_later(
        connection,
        saved_cards,
        removal.id,
        tries=removal.tries,
        gap_seconds_max=TRY_GAP_SECONDS_MAX,
        now=now,
    )


async def _find(connection: AsyncConnection, card_id: UUID) -> Removal:
    c = saved_cards.c
    query = select(c.id, c.payment_method_id, c.state, c.tries).where(c.id == card_id)
    row = (await connection.execute(query)).one()
    return Removal(row.id, row.payment_method_id, CardState(row.state), row.tries)
