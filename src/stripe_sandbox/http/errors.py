"""Stripe's refusals: status, type, code, message and parameter of each."""

from typing import Any

UNSUPPORTED = "sandbox_unsupported"  # the only code that Stripe does not have
DOCUMENTATION = "https://docs.stripe.com/error-codes/"


class StripeError(Exception):
    """A refusal as Stripe words it.

    ``executed`` says that the request had begun to run when it was refused: such an answer is stored under
    its idempotency key and carries ``Stripe-Should-Retry: false``; any other may be repeated with the key.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        executed: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.executed = executed
        self.body = {"message": message, "type": kind, **details}
        if param is not None:
            self.body["param"] = param
        if code is not None:
            self.body["code"] = code
        if code is not None and code != UNSUPPORTED:
            self.body["doc_url"] = DOCUMENTATION + code.replace("_", "-")


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """A parameter that cannot be right; nothing was executed."""
    return StripeError(400, message, code=code, param=param)


def refused(message: str, code: str | None = None, param: str | None = None, **details: Any) -> StripeError:
    """A sound request that the state of things does not allow."""
    return StripeError(400, message, code=code, param=param, executed=True, **details)


def no_such(kind: str, identifier: str, param: str, status: int = 404) -> StripeError:
    """An id that names nothing the caller may see: 404 in the path, 400 in a parameter."""
    noun = kind.replace("payment_method", "PaymentMethod") if status == 400 else kind
    return StripeError(status, f"No such {noun}: '{identifier}'", code="resource_missing", param=param)


def unknown_account(key: str, account: str) -> StripeError:
    """An account that this key may not act on, or that does not exist: Stripe does not say which."""
    masked = f"{key[:8]}{'*' * 8}{key[-4:]}"
    message = f"The provided key '{masked}' may not use account '{account}', or there is no such account."
    return StripeError(403, message, code="account_invalid")


def unsupported(param: str) -> StripeError:
    """A parameter that Stripe knows and that would change the outcome, but that is not simulated."""
    return StripeError(400, f"The sandbox does not simulate `{param}`.", code=UNSUPPORTED, param=param)
