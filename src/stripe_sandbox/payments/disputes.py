"""Disputes: the requests that show, answer and accept them."""

from typing import Any

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import invalid, no_such, refused
from stripe_sandbox.http.lists import dated_list_parameters, page
from stripe_sandbox.http.parameters import (
    Parameters,
    boolean,
    merged_metadata,
    metadata,
    not_simulated,
    one_of,
    text,
)
from stripe_sandbox.payments import dispute_course
from stripe_sandbox.payments.dispute_course import view
from stripe_sandbox.payments.dispute_record import (
    AWAITING_EVIDENCE,
    EVIDENCE_FILES,
    EVIDENCE_TEXTS,
    INQUIRIES,
    OPEN,
)
from stripe_sandbox.store import Record, snapshot

FIELD_CHARACTERS_MAX = 20_000
ALL_CHARACTERS_MAX = 150_000


def _evidence_text(value: Any, name: str) -> str | None:
    """A text of up to 20,000 characters; an empty one unsets the field."""
    if not isinstance(value, str) or len(value) > FIELD_CHARACTERS_MAX:
        message = f"Invalid string: {name} must be a string of up to {FIELD_CHARACTERS_MAX} characters"
        raise invalid(message, name, "parameter_invalid_string")
    return value or None


def _evidence_file(value: Any, name: str) -> None:
    """The id of an uploaded file; uploads are not simulated, so no id can be right."""
    if value != "":
        raise no_such("file upload", text(value, name), name, 400)


_EVIDENCE = Parameters(
    optional={
        **dict.fromkeys(EVIDENCE_TEXTS, _evidence_text),
        **dict.fromkeys(EVIDENCE_FILES, _evidence_file),
        "enhanced_evidence": not_simulated,
    }
)
UPDATE = Parameters(
    optional={
        "evidence": _EVIDENCE,
        "intended_submission_method": one_of("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes"),
        "metadata": metadata,
        "submit": boolean,
    }
)
CLOSE = Parameters()
LIST = dated_list_parameters(charge=text, payment_intent=text)


def retrieve(call: Call) -> Record:
    """One dispute."""
    return view(call.sandbox, call.named("dispute", "dispute"))


def list_disputes(call: Call) -> Record:
    """Disputes, newest first."""
    found = page(call, "dispute", "/v1/disputes", call.only("charge", "payment_intent"))
    return found | {"data": [view(call.sandbox, dispute) for dispute in found["data"]]}


def update(call: Call) -> Record:
    """Give evidence, and submit it unless ``submit=false`` only stages it.

    Raises:
        StripeError: the dispute is closed, or evidence was submitted before.
    """
    dispute = call.named("dispute", "dispute")
    if dispute["status"] not in OPEN:
        raise refused("This dispute is already closed")
    answers = "evidence" in call.params or call.get("submit", False)
    if answers and dispute["status"] not in AWAITING_EVIDENCE:
        raise refused("Evidence was submitted for this dispute; it can be submitted only once.")
    before = snapshot(dispute)
    call.sandbox.store.change(dispute, **_changes(call, dispute))
    if answers and call.get("submit", True):
        dispute_course.submit(call.sandbox, dispute)
    dispute_course.tell_update(call.sandbox, dispute, before)
    return view(call.sandbox, dispute)


def close(call: Call) -> Record:
    """Accept a dispute: it is lost, for good.

    Raises:
        StripeError: it is closed, or it is an inquiry, which is accepted by a refund.
    """
    dispute = call.named("dispute", "dispute")
    if dispute["status"] not in OPEN:
        raise refused("This dispute is already closed")
    if dispute["status"] in INQUIRIES:
        raise refused("An inquiry cannot be closed; refund the charge to accept it.")
    dispute_course.decide(call.sandbox, dispute, won=False)
    return view(call.sandbox, dispute)


def _changes(call: Call, dispute: Record) -> Record:
    changes = call.only("intended_submission_method")
    if "metadata" in call.params:
        changes["metadata"] = merged_metadata(dispute["metadata"], call.params["metadata"])
    if "evidence" in call.params:
        evidence = dispute["evidence"] | call.params["evidence"]
        if sum(len(value) for value in evidence.values() if isinstance(value, str)) > ALL_CHARACTERS_MAX:
            raise invalid(f"The evidence may have {ALL_CHARACTERS_MAX} characters in all.", "evidence")
        given = any(value for value in evidence.values())
        changes["evidence"] = evidence
        changes["evidence_details"] = dispute["evidence_details"] | {"has_evidence": given}
    return changes
