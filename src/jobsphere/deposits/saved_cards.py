"""The cards a person keeps with Stripe: listed from there, for Stripe knows them, with what only we know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.audit.write import write as write_audit
from jobsphere.database import in_own_transaction, reading
from jobsphere.deposits.tables import saved_cards
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.objects import PaymentMethod
from jobsphere.wallets.wallet import lock_wallet_of, wallet_of


class CardState(StrEnum):
    """What is true of a card that a person kept."""

    SAVED = "saved"  # at Stripe, to pay with
    REMOVING = "removing"  # its owner does not want it any more; Stripe may have been told
    REMOVED = "removed"  # Stripe has forgotten it


class CardNotFound(Exception):
    """This person keeps no such card."""


class NoDefaultCard(Exception):
    """No card was named, and this person has chosen none for that."""


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card that its owner can pay with; ``is_default``: when they name none."""

    method: PaymentMethod
    is_default: bool


async def cards_of(engine: AsyncEngine, gateway: StripeGateway, user_id: UUID) -> Sequence[SavedCard]:
    """The cards of a person, the latest first.

    Raises:
        OutcomeUnknown, StripeMisconfigured: Stripe does not say which.
    """
    async with reading(engine) as connection:
        wallet = await wallet_of(connection, user_id)
        query = select(saved_cards.c.payment_method_id, saved_cards.c.state, saved_cards.c.is_default)
        rows = (await connection.execute(query.where(saved_cards.c.user_id == user_id))).all()
    if wallet.stripe_customer_id is None:
        return ()
    gone = {row.payment_method_id for row in rows if row.state != CardState.SAVED.value}
    default = next((row.payment_method_id for row in rows if row.is_default), None)
    kept = await gateway.list_payment_methods(wallet.stripe_customer_id)
    return [SavedCard(one, one.id == default) for one in kept if one.id not in gone]


async def own_card(
    engine: AsyncEngine, gateway: StripeGateway, user_id: UUID, payment_method_id: str
) -> SavedCard:
    """One of the person's cards.

    Raises:
        CardNotFound: it is nobody's, or somebody else's.
        OutcomeUnknown, StripeMisconfigured: Stripe does not say whose it is.
    """
    for card in await cards_of(engine, gateway, user_id):
        if card.method.id == payment_method_id:
            return card
    raise CardNotFound


async def make_default(
    engine: AsyncEngine,
    gateway: StripeGateway,
    user_id: UUID,
    payment_method_id: str,
    *,
    row_id: UUID,
    now: datetime,
) -> SavedCard:
    """From now on pay with this card when none is named.

    Raises:
        CardNotFound: it is nobody's, or somebody else's.
    """
    card = await own_card(engine, gateway, user_id, payment_method_id)
    await _store_default(engine, user_id, payment_method_id, row_id, now)
    return SavedCard(card.method, is_default=True)


async def default_card(connection: AsyncConnection, user_id: UUID) -> str:
    """The payment method to pay with when none is named.

    Raises:
        NoDefaultCard: the person has chosen none.
    """
    c = saved_cards.c
    query = select(c.payment_method_id).where(c.user_id == user_id, c.is_default)
    found = (await connection.execute(query)).scalar_one_or_none()
    if found is None:
        raise NoDefaultCard
    return str(found)


@in_own_transaction
async def _store_default(
    connection: AsyncConnection, user_id: UUID, payment_method_id: str, row_id: UUID, now: datetime
) -> None:
    await alone(connection, user_id)
    c = saved_cards.c
    await connection.execute(
        update(saved_cards).where(c.user_id == user_id, c.is_default).values(is_default=False)
    )
    new = insert(saved_cards).values(
        id=row_id,
        user_id=user_id,
        payment_method_id=payment_method_id,
        state=CardState.SAVED.value,
        is_default=True,
        created_at=now,
    )
    kept = await connection.execute(
        new.on_conflict_do_update(
            index_elements=["payment_method_id"],
            set_={"is_default": True},
            where=(c.user_id == user_id) & (c.state == CardState.SAVED.value),
        ).returning(c.id)
    )
    if kept.one_or_none() is None:
        raise CardNotFound  # removed meanwhile
    await write_audit(
        connection, actor_id=user_id, action="card.default", subject=f"card:{payment_method_id}", now=now
    )


async def alone(connection: AsyncConnection, user_id: UUID) -> None:
    """Until the database transaction ends nobody else changes this person's cards."""
    wallet = await lock_wallet_of(connection, user_id)
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"cards of {wallet.id}", 0))))
