"""Early fraud warnings: the card's bank reports a payment as fraudulent before anybody disputes it."""

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.lists import dated_list_parameters, page
from stripe_sandbox.http.parameters import text
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record
from stripe_sandbox.webhooks.events import emit

KIND = "radar.early_fraud_warning"
FRAUD_TYPES = (
    "card_never_received fraudulent_card_application made_with_counterfeit_card made_with_lost_card "
    "made_with_stolen_card misc unauthorized_use_of_card"
).split()
LIST = dated_list_parameters(charge=text, payment_intent=text)


def warn(sandbox: Sandbox, charge: Record, fraud_type: str = "made_with_stolen_card") -> Record:
    """The bank warns of a charge; it is actionable unless it was refunded or disputed already."""
    warning = sandbox.add(
        KIND,
        "issfr",
        charge["_account"],
        actionable=not (charge["refunded"] or charge["disputed"]),
        charge=charge["id"],
        fraud_type=fraud_type,
        livemode=False,
        payment_intent=charge["payment_intent"],
    )
    emit(sandbox, f"{KIND}.created", warning)
    return warning


def act_upon(sandbox: Sandbox, charge: Record) -> None:
    """The charge was fully refunded or disputed: nothing is left to be done about its warnings."""
    for warning in list(sandbox.store.newest_first(KIND, charge["_account"], {"charge": charge["id"]})):
        previous = sandbox.store.change(warning, actionable=False)
        if previous:
            emit(sandbox, f"{KIND}.updated", warning, previous)


def retrieve(call: Call) -> Record:
    """One warning."""
    return call.named(KIND, "early_fraud_warning")


def list_warnings(call: Call) -> Record:
    """Warnings, newest first."""
    return page(call, KIND, "/v1/radar/early_fraud_warnings", call.only("charge", "payment_intent"))
