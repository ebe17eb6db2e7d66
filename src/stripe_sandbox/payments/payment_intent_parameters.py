"""Payment intents: what may be given to create, change, confirm, cancel and list them."""

from typing import Any

from stripe_sandbox.http.lists import dated_list_parameters
from stripe_sandbox.http.parameters import (
    Parameters,
    Reader,
    amount,
    anything,
    array,
    boolean,
    clearable,
    currency,
    metadata,
    not_simulated,
    one_of,
    text,
)
from stripe_sandbox.payments.payment_methods import DATA


def _off_session(value: Any, name: str) -> bool:
    """Whether the customer is away; Stripe also takes the kind of agreement instead of ``true``."""
    return bool(one_of("true", "false", "one_off", "recurring")(value, name) != "false")


_AUTOMATIC = Parameters(required={"enabled": boolean}, optional={"allow_redirects": one_of("always", "never")})
_SHARED: dict[str, Reader] = {
    "allowed_payment_method_types": array(one_of("card")),
    "amount_details": anything,
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    "customer": text,
    "description": clearable(text),
    "metadata": metadata,
    "payment_method": clearable(text),
    "payment_method_data": DATA,
    "payment_method_options": anything,
    "receipt_email": clearable(text),
    "setup_future_usage": clearable(one_of("off_session", "on_session")),
    "shipping": clearable(anything),
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
    "transfer_group": text,
}
_NOT_SIMULATED: dict[str, Reader] = dict.fromkeys(
    "application_fee_amount customer_account excluded_payment_method_types hooks payment_details "
    "payment_method_configuration transfer_data".split(),
    not_simulated,
)
_NOT_SIMULATED_AT_FIRST: dict[str, Reader] = dict.fromkeys(
    ("confirmation_token", "mandate", "on_behalf_of"), not_simulated
)
_NOT_SIMULATED_LATER: dict[str, Reader] = dict.fromkeys(
    "amount_to_confirm confirmation_token excluded_payment_method_types hooks mandate payment_details".split(),
    not_simulated,
)
_CONFIRMING: dict[str, Reader] = {
    "error_on_requires_action": boolean,
    "mandate_data": anything,
    "off_session": _off_session,
    "radar_options": anything,
    "return_url": text,
    "use_stripe_sdk": boolean,
}
CREATE = Parameters(
    required={"amount": amount, "currency": currency},
    optional={
        **_SHARED,
        **_CONFIRMING,
        **_NOT_SIMULATED,
        **_NOT_SIMULATED_AT_FIRST,
        "automatic_payment_methods": _AUTOMATIC,
        "confirm": boolean,
        "confirmation_method": one_of("automatic"),
    },
)
UPDATE = Parameters(optional={**_SHARED, **_NOT_SIMULATED, "amount": amount, "currency": currency})
CONFIRM = Parameters(
    optional={
        **{name: _SHARED[name] for name in ("allowed_payment_method_types", "amount_details", "capture_method")},
        **{name: _SHARED[name] for name in ("payment_method", "payment_method_data", "payment_method_options")},
        **{name: _SHARED[name] for name in ("receipt_email", "setup_future_usage", "shipping")},
        **_CONFIRMING,
        **_NOT_SIMULATED_LATER,
        "client_secret": text,
        "expected_payment_method_type": text,
        "key": anything,
    }
)
CANCEL = Parameters(
    optional={"cancellation_reason": one_of("abandoned", "duplicate", "fraudulent", "requested_by_customer")}
)
RETRIEVE = Parameters(optional={"client_secret": text})
LIST = dated_list_parameters(customer=text, customer_account=not_simulated)
