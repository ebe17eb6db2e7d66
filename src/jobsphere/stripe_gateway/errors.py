"""How a call to Stripe can end without an answer that helps, grouped by what the caller must do.

The grouping is design.md's table of outcomes; the facts are in stripe.md section 9.
"""

from jobsphere.stripe_gateway.objects import Failure, PaymentIntent


class OutcomeUnknown(Exception):
    """No answer, or one that says nothing: it may have happened. Keep the key and ask again with it.

    ``will_not_change``: Stripe has stored this very answer under the key and repeats it for a day
    (stripe.md section 9), so only a look at its objects tells what happened.
    """

    def __init__(self, operation: str, cause: str, *, will_not_change: bool = False) -> None:
        super().__init__(f"{operation}: {cause}")
        self.operation = operation
        self.cause = cause
        self.will_not_change = will_not_change


class OutcomeLost(OutcomeUnknown):
    """As unknown, and it is too late to ask with the key again: only a later look at Stripe's objects can tell."""


class Refused(Exception):
    """Stripe refused for good: it did not happen, and never will with this key."""

    def __init__(self, operation: str, code: str | None) -> None:
        super().__init__(f"{operation}: {code}")
        self.operation = operation
        self.code = code


class CardDeclined(Refused):
    """A confirmation failed; the PaymentIntent lives on and may be confirmed with another card."""

    def __init__(self, operation: str, failure: Failure, payment_intent: PaymentIntent | None) -> None:
        super().__init__(operation, failure.code)
        self.failure = failure
        self.payment_intent = payment_intent


class StripeMisconfigured(Exception):
    """Stripe does not accept our key, or the key may not do this: a person must change the settings."""

    def __init__(self, operation: str) -> None:
        super().__init__(operation)
        self.operation = operation


class AccountDisconnected(StripeMisconfigured):
    """The key may not act for this connected account: its owner took the access away (stripe.md section 4).

    Stripe answers the same when the key is of another platform.
    """
