"""Which event leads to which verb: the whole list, in one place.

A handler has two halves. ``ask`` may call Stripe and runs before any database transaction is open;
``apply`` stores what follows from the event and the answer, in the database transaction that also marks
the event as done. Either may run again. Where an event says all that is needed, many of its kind are applied
``together``, by one database transaction.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.deposits import book_fee, settle
from jobsphere.disputes import settle as settle_dispute
from jobsphere.disputes import warnings
from jobsphere.disputes.lifecycle import Shortfall
from jobsphere.payout_accounts import watch
from jobsphere.refunds import settle as settle_refund
from jobsphere.stripe_gateway import dispute, objects
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import AccountDisconnected, Refused
from jobsphere.webhooks.receive import Source
from jobsphere.withdrawals import settle as settle_withdrawal


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event: ``object`` is Stripe's object as it was then, ``account_id`` whose it is."""

    type: str
    account_id: str | None
    object: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """What a handler needs besides the event."""

    ids: Ids
    now: datetime
    # Who bears what a lost dispute takes beyond what was frozen.
    shortfall: Shortfall = Shortfall.DEBT


# Whether the event was about something of ours.
Applied = Awaitable[bool]
Ask = Callable[[StripeGateway, Event], Awaitable[Any]]
Apply = Callable[[AsyncConnection, Event, Any, Moment], Applied]
# As ``Applied``, or what refused it, for each event by itself: one that is refused keeps no other from its end.
Outcome = bool | Exception


@dataclass(frozen=True, slots=True)
class Together:
    """How events of a type are applied at once; ``read`` takes from Stripe's object what ``apply`` needs."""

    read: Callable[[Mapping[str, Any]], Any]
    apply: Callable[[AsyncConnection, Sequence[Any], datetime], Awaitable[Sequence[Outcome]]]


@dataclass(frozen=True, slots=True)
class Handler:
    """What one type of event leads to, said for people too, and on whose account it must have happened.

    It has either ``apply`` or ``together``.
    """

    does: str
    apply: Apply | None = None
    ask: Ask | None = None
    source: Source = Source.PLATFORM
    together: Together | None = None


def payment_succeeded(stripe_object: Mapping[str, Any]) -> settle.Report:
    return settle.Report(objects.payment_intent(stripe_object), settle.succeeded)


def payment_canceled(stripe_object: Mapping[str, Any]) -> settle.Report:
    return settle.Report(objects.payment_intent(stripe_object), settle.canceled)


async def ask_payment(gateway: StripeGateway, event: Event) -> objects.PaymentIntent | None:
    """States that pass and come again, also failures: only what Stripe says now counts (stripe.md section 1)."""
    try:
        return await gateway.retrieve_payment_intent(objects.identity(event.object))
    except Refused:
        return None  # not of this account, so not ours


async def payment_moved(
    connection: AsyncConnection, event: Event, intent: objects.PaymentIntent | None, moment: Moment
) -> bool:
    return intent is not None and await settle.payment_said(connection, intent, now=moment.now)


async def ask_refunds(gateway: StripeGateway, event: Event) -> settle_refund.Seen | None:
    """Refund events come in any order, several for one refund, and a charge does not carry its refunds since
    API 2022-11-15: what Stripe says now of the payment and of all its refunds counts (stripe.md section 5)."""
    payment_intent_id = objects.id_of(event.object.get("payment_intent"))
    return await settle_refund.look(gateway, payment_intent_id) if payment_intent_id else None


async def refunds_moved(
    connection: AsyncConnection, _: Event, seen: settle_refund.Seen | None, moment: Moment
) -> bool:
    if seen is None:
        return False
    return await settle_refund.refunds_seen(connection, seen, ids=moment.ids, now=moment.now)


async def ask_dispute(gateway: StripeGateway, event: Event) -> settle_dispute.Seen | None:
    """Dispute events come in any order: what Stripe says now counts (stripe.md section 6)."""
    return await settle_dispute.look(gateway, objects.identity(event.object))


async def dispute_moved(
    connection: AsyncConnection, _: Event, seen: settle_dispute.Seen | None, moment: Moment
) -> bool:
    if seen is None:
        return False
    return await settle_dispute.dispute_seen(
        connection, seen, shortfall=moment.shortfall, ids=moment.ids, now=moment.now
    )


async def ask_warned(gateway: StripeGateway, event: Event) -> objects.PaymentIntent | None:
    payment_intent_id = objects.id_of(event.object.get("payment_intent"))
    if payment_intent_id is None:
        return None
    try:
        return await gateway.retrieve_payment_intent(payment_intent_id)
    except Refused as refusal:
        if refusal.code != "resource_missing":
            raise
        return None


async def warned(
    connection: AsyncConnection, event: Event, intent: objects.PaymentIntent | None, moment: Moment
) -> bool:
    if intent is None:
        return False
    report = dispute.fraud_warning(event.object)
    return await warnings.warning_seen(connection, report, intent, ids=moment.ids, now=moment.now)


def transfer_made(connection: AsyncConnection, event: Event, _: None, moment: Moment) -> Applied:
    return settle_withdrawal.transfer_made(connection, objects.transfer(event.object), now=moment.now)


async def ask_account(gateway: StripeGateway, event: Event) -> objects.Account | None:
    """Account events come often and out of order: what Stripe says now is what counts (stripe.md section 4).

    Whatever the event's object is (an account, a capability, a bank account), whose it is stands beside it.
    """
    return await watch.look(gateway, str(event.account_id))


async def account_changed(
    connection: AsyncConnection, event: Event, account: objects.Account | None, moment: Moment
) -> bool:
    return await watch.seen(connection, str(event.account_id), account, seen_at=moment.now) is not None


async def account_disconnected(connection: AsyncConnection, event: Event, _: None, moment: Moment) -> bool:
    return await watch.seen(connection, str(event.account_id), None, seen_at=moment.now) is not None


def payout_paid(connection: AsyncConnection, event: Event, _: None, moment: Moment) -> Applied:
    payout = objects.payout(event.object)
    return settle_withdrawal.payout_paid(connection, payout, event.account_id, now=moment.now)


async def ask_payout(gateway: StripeGateway, event: Event) -> objects.Payout | None:
    """That money came back is asked, not believed, for it leads to a reversal. None when there is no such payout.

    Of an account that is disconnected nobody can ask: there the event is the last word.
    """
    try:
        return await gateway.retrieve_payout(objects.identity(event.object), account_id=str(event.account_id))
    except AccountDisconnected:
        return objects.payout(event.object)
    except Refused as refusal:
        if refusal.code != "resource_missing":
            raise
        return None


async def payout_failed(
    connection: AsyncConnection, event: Event, payout: objects.Payout | None, moment: Moment
) -> bool:
    if payout is None or payout.status not in ("failed", "canceled"):
        return False
    return await settle_withdrawal.payout_failed(connection, payout, event.account_id, now=moment.now)


_ACCOUNT_CHANGED = Handler(
    "keeps what Stripe says of the contractor's account now",
    account_changed,
    ask=ask_account,
    source=Source.CONNECT,
)

HANDLERS: Mapping[str, Handler] = {
    "payment_intent.succeeded": Handler(
        "credits the wallet, once", together=Together(payment_succeeded, settle.payments_reported)
    ),
    "payment_intent.payment_failed": Handler(
        "keeps the attempt that was declined", payment_moved, ask=ask_payment
    ),
    "payment_intent.canceled": Handler(
        "ends the deposit", together=Together(payment_canceled, settle.payments_reported)
    ),
    "payment_intent.requires_action": Handler("asks the customer for 3-D Secure", payment_moved, ask=ask_payment),
    "payment_intent.processing": Handler("shows that the bank is at it", payment_moved, ask=ask_payment),
    # Its line in Stripe's books may be there now.
    "charge.updated": Handler(
        "books Stripe's fee for the charge", together=Together(objects.identity, book_fee.charges_updated)
    ),
    # One refund sends several of these; each is booked once, by its id.
    "charge.refunded": Handler("books the refunds that Stripe lists", refunds_moved, ask=ask_refunds),
    "refund.created": Handler("as `charge.refunded`", refunds_moved, ask=ask_refunds),
    "refund.updated": Handler("as `charge.refunded`", refunds_moved, ask=ask_refunds),
    "refund.failed": Handler("as `charge.refunded`", refunds_moved, ask=ask_refunds),
    "charge.refund.updated": Handler("as `charge.refunded`", refunds_moved, ask=ask_refunds),
    "charge.dispute.created": Handler(
        "freezes what the customer holds, books what Stripe took", dispute_moved, ask=ask_dispute
    ),
    "charge.dispute.updated": Handler("as `charge.dispute.created`", dispute_moved, ask=ask_dispute),
    "charge.dispute.funds_withdrawn": Handler("as `charge.dispute.created`", dispute_moved, ask=ask_dispute),
    "charge.dispute.funds_reinstated": Handler(
        "books what Stripe gave back, and thaws", dispute_moved, ask=ask_dispute
    ),
    "charge.dispute.closed": Handler("thaws or takes what was frozen", dispute_moved, ask=ask_dispute),
    "radar.early_fraud_warning.created": Handler("opens a review, proposes a refund", warned, ask=ask_warned),
    "radar.early_fraud_warning.updated": Handler(
        "closes the review when the payment is refunded or disputed", warned, ask=ask_warned
    ),
    "transfer.created": Handler("keeps the transfer of a withdrawal", transfer_made),
    # Gone since API 2017-04-06, but old versions and the guide send it (stripe.md section 3).
    "transfer.paid": Handler("as `transfer.created`", transfer_made),
    "account.updated": _ACCOUNT_CHANGED,
    "capability.updated": _ACCOUNT_CHANGED,
    "account.external_account.created": _ACCOUNT_CHANGED,
    "account.external_account.updated": _ACCOUNT_CHANGED,
    "account.external_account.deleted": _ACCOUNT_CHANGED,
    # Its object is our application; the account cannot be asked any more.
    "account.application.deauthorized": Handler(
        "ends the payout account: no more withdrawals", account_disconnected, source=Source.CONNECT
    ),
    "payout.paid": Handler("completes the withdrawal", payout_paid, source=Source.CONNECT),
    "payout.failed": Handler(
        "brings the money back to the wallet", payout_failed, ask=ask_payout, source=Source.CONNECT
    ),
    # Canceled before it left: the money is back on the connected account, as after a failure.
    "payout.canceled": Handler("as `payout.failed`", payout_failed, ask=ask_payout, source=Source.CONNECT),
}
