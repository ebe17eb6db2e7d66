"""Take a refund to Stripe; the worker calls it, and repeats the stored key until Stripe answers."""

from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction, reading
from jobsphere.observability import logger
from jobsphere.refunds import lifecycle, reasons, store
from jobsphere.refunds.lifecycle import UNSENT, Refund, RefundState
from jobsphere.stripe_gateway import calls, once
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.objects import Refund as Report
from jobsphere.stripe_gateway.once import Once

log = logger(__name__)


async def send(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, refund_id: UUID) -> Refund:
    """Go on with a refund as far as Stripe answers.

    An outcome that stays unknown is no error: the refund keeps its state and its key, and is tried again later.
    """
    async with reading(engine) as connection:
        refund = await store.find(connection, refund_id)
    if refund.state is RefundState.REQUESTED:
        refund = await _begin(engine, refund_id, clock.now())
    if refund.state not in UNSENT:
        return refund
    try:
        made = await once.send(engine, clock, _call(gateway, refund))
    except Refused as refusal:
        return await _refused(engine, refund, refusal.code, clock.now())
    except (OutcomeUnknown, StripeMisconfigured) as error:
        log.warning("refund.outcome_unknown", refund_id=str(refund_id), cause=str(error))
        return await _try_later(engine, refund_id, clock.now())
    return await _made(engine, refund, made, clock.now())


def _call(gateway: StripeGateway, refund: Refund) -> Once[Report]:
    call = partial(
        gateway.create_refund, refund.payment_intent_id, amount=refund.amount, refund_id=refund.id, key=refund.key
    )

    async def look_up(_since: datetime) -> Report | None:
        every = await gateway.list_refunds(refund.payment_intent_id)
        return next((one for one in every if one.metadata.get("refund_id") == str(refund.id)), None)

    return Once(refund.key, call, look_up)


@in_own_transaction
async def _begin(connection: AsyncConnection, refund_id: UUID, now: datetime) -> Refund:
    refund = await store.lock(connection, refund_id)
    return await store.save(connection, refund, lifecycle.begin_sending(refund), now=now)


@in_own_transaction
async def _made(connection: AsyncConnection, sent: Refund, made: Report, now: datetime) -> Refund:
    refund = await store.lock(connection, sent.id)
    await calls.succeeded(connection, sent.key, object_id=made.id, now=now)
    if refund.stripe_refund_id not in (None, made.id):
        return refund
    return await store.save(connection, refund, lifecycle.reported(refund, made), now=now)


@in_own_transaction
async def _refused(connection: AsyncConnection, sent: Refund, code: str | None, now: datetime) -> Refund:
    refund = await store.lock(connection, sent.id)
    await calls.refused(connection, sent.key, code=code, now=now)
    if refund.key != sent.key:
        return refund  # the answer to an attempt that is over, from a worker that was late
    if code == calls.NEVER_HAPPENED:
        return await store.save(connection, refund, lifecycle.try_again(refund), now=now)
    log.warning("refund.refused", refund_id=str(refund.id), code=code)
    return await store.save(connection, refund, lifecycle.refused(refund, reasons.refusal(code)), now=now)


@in_own_transaction
async def _try_later(connection: AsyncConnection, refund_id: UUID, now: datetime) -> Refund:
    refund = await store.lock(connection, refund_id)
    await store.try_later(connection, refund, now=now)
    return refund
