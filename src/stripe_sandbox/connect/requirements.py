"""What an account may do, derived from how far its owner came: capabilities, requirements, flags. Pure rules."""

from enum import StrEnum
from typing import Any

from stripe_sandbox.store import Record


class Stage(StrEnum):
    """How far onboarding came, and what Stripe thinks of the result."""

    NEW = "new"  # nothing was filled in yet
    PENDING = "pending"  # everything was filled in, Stripe still verifies it
    COMPLETE = "complete"  # verified; money may come in and go out
    RESTRICTED = "restricted"  # a document is missing; nothing works until it arrives
    REJECTED = "rejected"  # Stripe refuses the account for good


ASKED_FOR = (
    "business_profile.mcc",
    "business_profile.url",
    "business_type",
    "external_account",
    "individual.dob.day",
    "individual.dob.month",
    "individual.dob.year",
    "individual.first_name",
    "individual.last_name",
    "individual.ssn_last_4",
    "tos_acceptance.date",
    "tos_acceptance.ip",
)
_DOCUMENT = "individual.verification.document"

# Why Stripe may stop an account. Those of the first group end when the owner completes onboarding again.
OWNER_MAY_LIFT = ("requirements.past_due", "action_required.requested_capabilities")
DISABLED_REASONS = (
    *OWNER_MAY_LIFT,
    "requirements.pending_verification",
    "under_review",
    "listed",
    "platform_paused",
    "other",
    "rejected.fraud",
    "rejected.incomplete_verification",
    "rejected.listed",
    "rejected.other",
    "rejected.platform_fraud",
    "rejected.platform_other",
    "rejected.platform_terms_of_service",
    "rejected.terms_of_service",
)

_CAPABILITY_STATUS = {
    Stage.NEW: "inactive",
    Stage.PENDING: "pending",
    Stage.COMPLETE: "active",
    Stage.RESTRICTED: "inactive",
    Stage.REJECTED: "inactive",
}


def standing(
    stage: Stage,
    requested: list[str],
    *,
    has_usable_bank: bool,
    rejected_reason: str = "other",
    restriction: Record | None = None,
) -> Record:
    """The account fields that follow from ``stage``; a bank that failed, or none, stops payouts alone.

    A ``restriction`` (its ``disabled_reason``, and whether the account ``may_receive`` all the same) stops
    payouts and, unless it may receive, its capabilities.
    """
    complete = stage is Stage.COMPLETE
    fields = {
        "capabilities": dict.fromkeys(requested, _CAPABILITY_STATUS[stage]),
        "charges_enabled": complete,
        "details_submitted": stage is not Stage.NEW,
        "payouts_enabled": complete and has_usable_bank,
        "requirements": _requirements(stage, has_usable_bank, rejected_reason),
    }
    return fields | _held_back(fields, **restriction) if restriction else fields


def _held_back(fields: Record, disabled_reason: str, *, may_receive: bool) -> Record:
    """The fields that a restriction changes."""
    verifying = disabled_reason == "requirements.pending_verification"
    owed = [_DOCUMENT] if disabled_reason in OWNER_MAY_LIFT else []
    status = "pending" if verifying else "inactive"
    return {
        "capabilities": fields["capabilities"] if may_receive else dict.fromkeys(fields["capabilities"], status),
        "charges_enabled": fields["charges_enabled"] and may_receive,
        "payouts_enabled": False,
        "requirements": fields["requirements"]
        | {
            "currently_due": owed,
            "disabled_reason": disabled_reason,
            "eventually_due": owed,
            "past_due": owed if disabled_reason == "requirements.past_due" else [],
            "pending_verification": [_DOCUMENT] if verifying else [],
        },
    }


def no_requirements() -> dict[str, Any]:
    """The requirements of somebody who owes nothing."""
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": None,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }


def _requirements(stage: Stage, has_usable_bank: bool, rejected_reason: str) -> dict[str, Any]:
    due = _due(stage, has_usable_bank)
    return no_requirements() | {
        "currently_due": due,
        "disabled_reason": _disabled_reason(stage, due, rejected_reason),
        "eventually_due": due,
        "past_due": due,
        "pending_verification": [_DOCUMENT] if stage is Stage.PENDING else [],
    }


def _due(stage: Stage, has_usable_bank: bool) -> list[str]:
    if stage is Stage.NEW:
        return [name for name in ASKED_FOR if not (name == "external_account" and has_usable_bank)]
    if stage is Stage.RESTRICTED:
        return [_DOCUMENT]
    return [] if has_usable_bank or stage is Stage.REJECTED else ["external_account"]


def _disabled_reason(stage: Stage, due: list[str], rejected_reason: str) -> str | None:
    if stage is Stage.REJECTED:
        return f"rejected.{rejected_reason}"
    if stage is Stage.PENDING:
        return "requirements.pending_verification"
    return "requirements.past_due" if due else None
