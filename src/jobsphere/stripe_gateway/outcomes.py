"""What surrounds every call to Stripe: crash points, the refusal inside a database transaction, outcomes."""

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

import stripe

from jobsphere import crash_points
from jobsphere.database import TransactionAlreadyOpen, open_transaction_name
from jobsphere.observability import logger
from jobsphere.stripe_gateway import objects
from jobsphere.stripe_gateway.errors import (
    AccountDisconnected,
    CardDeclined,
    OutcomeUnknown,
    Refused,
    StripeMisconfigured,
)

Gateway = TypeVar("Gateway")
P = ParamSpec("P")
T = TypeVar("T")

log = logger(__name__)


def stripe_call(
    call: Callable[Concatenate[Gateway, P], Awaitable[T]],
) -> Callable[Concatenate[Gateway, P], Awaitable[T]]:
    """Put crash points around a call, keep it out of database transactions, and name its outcomes."""
    name = call.__name__
    before, after = f"stripe:{name}:before", f"stripe:{name}:after"
    crash_points.declare((before, after))

    @functools.wraps(call)
    async def run(self: Gateway, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if (transaction := open_transaction_name()) is not None:
            raise TransactionAlreadyOpen(f"Stripe was called inside the database transaction {transaction}")
        crash_points.reached(before)
        try:
            return await call(self, *args, **kwargs)
        except stripe.StripeError as error:
            raise _named(name, error) from error
        except (objects.UnreadableObject, ValueError) as error:
            # Stripe said yes in words we cannot read: it did happen.
            log.error("stripe.unreadable_answer", operation=name, cause=type(error).__name__)
            raise OutcomeUnknown(name, "unreadable answer") from error
        finally:
            crash_points.reached(after)

    return run


def _named(operation: str, error: stripe.StripeError) -> Exception:
    match error:
        case stripe.CardError():
            return CardDeclined(operation, _failure(error), _declined_intent(error))
        case stripe.IdempotencyError():
            # The key was used with other parameters: what it did then is not known here.
            log.error("stripe.key_reused", operation=operation)
            return OutcomeUnknown(operation, "key used with other parameters")
        # The SDK gives an error of this class no code of its own.
        case stripe.PermissionError() if _told(error).get("code") == "account_invalid":
            return AccountDisconnected(operation)
        case stripe.AuthenticationError() | stripe.PermissionError():
            log.error("stripe.misconfigured", operation=operation, http_status=error.http_status)
            return StripeMisconfigured(operation)
        case stripe.InvalidRequestError() if error.http_status in (400, 404):
            return Refused(operation, error.code)
        case _:
            return OutcomeUnknown(
                operation,
                f"{type(error).__name__} {error.http_status or ''}".strip(),
                will_not_change=(error.headers or {}).get("idempotent-replayed") == "true",
            )


def _failure(error: stripe.CardError) -> objects.Failure:
    return objects.failure(_told(error)) or objects.Failure(error.code)


def _declined_intent(error: stripe.CardError) -> objects.PaymentIntent | None:
    intent = _told(error).get("payment_intent")
    try:
        return objects.payment_intent(_mapping(intent))
    except objects.UnreadableObject:
        return None  # the card was declined all the same


def _told(error: stripe.StripeError) -> Mapping[str, Any]:
    return _mapping(_mapping(error.json_body).get("error"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
