"""Accounts: the platform's own and those connected to it (Express, or described by ``controller``)."""

import re
from typing import Any

from stripe_sandbox.books import OWN_BUCKETS, balance_minor
from stripe_sandbox.connect import external_accounts
from stripe_sandbox.connect.new_account import new_account
from stripe_sandbox.connect.requirements import Stage, no_requirements, standing
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import invalid, refused, unknown_account
from stripe_sandbox.http.lists import as_list, dated_list_parameters, page
from stripe_sandbox.http.parameters import (
    Parameters,
    Reader,
    anything,
    boolean,
    clearable,
    currency,
    group,
    integer,
    merged_metadata,
    metadata,
    not_simulated,
    one_of,
    text,
)
from stripe_sandbox.ids import new_id
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import DAY, PLATFORM
from stripe_sandbox.store import Record, shown, snapshot
from stripe_sandbox.webhooks.events import emit

CAPABILITIES = ("card_payments", "transfers", "us_bank_account_ach_payments", "tax_reporting_us_1099_k")
# The reasons that a platform may give, and what the account is then shown to be rejected for.
REJECTIONS = {
    "credit": "other",
    "fraud_no_intent_to_fulfill": "fraud",
    "fraud_other": "fraud",
    "fraud_payment_method_casher": "fraud",
    "fraud_payment_method_tester": "fraud",
    "other": "other",
    "terms_of_service": "terms_of_service",
}
_COUNTRY = re.compile("[A-Z]{2}")


def _delay_days(value: Any, name: str) -> int:
    """How many days incoming money waits: a number, or the least that is allowed."""
    return 2 if value == "minimum" else integer(value, name)


_SCHEDULE = Parameters(
    optional={
        "delay_days": _delay_days,
        "interval": one_of("manual", "daily", "weekly", "monthly"),
        "monthly_anchor": integer,
        "weekly_anchor": text,
    }
)
_SETTINGS = Parameters(
    optional={
        "branding": group,
        "card_payments": group,
        "payments": group,
        "payouts": Parameters(
            optional={"debit_negative_balances": boolean, "schedule": _SCHEDULE, "statement_descriptor": text}
        ),
    }
)
_CONTROLLER = Parameters(
    optional={
        "fees": Parameters(optional={"payer": one_of("account", "application")}),
        "losses": Parameters(optional={"payments": one_of("application", "stripe")}),
        "requirement_collection": one_of("application", "stripe"),
        "stripe_dashboard": Parameters(optional={"type": one_of("express", "full", "none")}),
    }
)
_REQUEST = Parameters(optional={"requested": boolean})
_SHARED: dict[str, Reader] = {
    **dict.fromkeys(("account_token", "documents", "groups"), not_simulated),
    "business_profile": group,
    "business_type": one_of("company", "government_entity", "individual", "non_profit"),
    "capabilities": Parameters(optional=dict.fromkeys(CAPABILITIES, _REQUEST)),
    "company": group,
    "default_currency": currency,
    "email": text,
    "external_account": anything,
    "individual": group,
    "metadata": metadata,
    "settings": _SETTINGS,
    "tos_acceptance": Parameters(
        optional={
            "date": integer,
            "ip": text,
            "service_agreement": one_of("full", "recipient"),
            "user_agent": text,
        }
    ),
}
CREATE = Parameters(
    optional=_SHARED
    | {"controller": _CONTROLLER, "country": text, "type": one_of("custom", "express", "standard")}
)
UPDATE = Parameters(optional=_SHARED | {"external_account": clearable(anything)})
REJECT = Parameters(required={"reason": one_of(*REJECTIONS)}, optional={"payouts_action": not_simulated})
LIST = dated_list_parameters()


def open_platform(sandbox: Sandbox) -> Record:
    """The platform's own account, made at the first start; it may do everything and has a bank account."""
    known = sandbox.store.get(PLATFORM)
    if known:
        return known
    platform = sandbox.store.add(new_account(PLATFORM, sandbox.now(), "US", "standard", {"type": "account"}))
    platform |= {"_stage": Stage.COMPLETE.value, "_requested": ["card_payments", "transfers"]}
    platform["settings"]["payouts"]["schedule"]["interval"] = "manual"
    external_accounts.attach_default(sandbox, platform)
    platform |= standing(Stage.COMPLETE, platform["_requested"], has_usable_bank=True)
    return platform


def account_record(sandbox: Sandbox, account: str) -> Record:
    """The account with this id, which must exist."""
    record = sandbox.store.get(account)
    assert record is not None, "a request's account was checked before its handler ran"
    return record


def create(call: Call) -> Record:
    """A connected account that has filled in nothing yet."""
    kind, controller = _kind(call)
    country = call.get("country", "US").upper()
    if not _COUNTRY.fullmatch(country):
        message = f"Country '{country[:20]}' is unknown. Give its code of two letters, such as US or GB."
        raise invalid(message, "country")
    blank = new_account(new_id("acct"), call.sandbox.now(), country, kind, controller)
    account = call.sandbox.store.add(blank, PLATFORM)
    account["_stage"] = Stage.NEW.value
    _apply(call, account)
    if call.get("external_account"):
        external_accounts.attach(call.sandbox, account, call.params["external_account"], "external_account")
    account |= _standing(call.sandbox, account)
    return view(call.sandbox, account)


def retrieve(call: Call) -> Record:
    """An account connected to the platform."""
    return view(call.sandbox, connected(call, call.path["account"]))


def retrieve_own(call: Call) -> Record:
    """The account that the request is made for."""
    return view(call.sandbox, account_record(call.sandbox, call.account))


def update(call: Call) -> Record:
    """Change what the platform may say about an account."""
    account = connected(call, call.path["account"])
    before = snapshot(account)
    _apply(call, account)
    if call.get("external_account"):
        external_accounts.attach(call.sandbox, account, call.params["external_account"], "external_account")
    restand(call.sandbox, account, before)
    return view(call.sandbox, account)


def list_accounts(call: Call) -> Record:
    """The connected accounts, newest first."""
    found = page(call, "account", "/v1/accounts", {})
    return found | {"data": [view(call.sandbox, account) for account in found["data"]]}


def delete(call: Call) -> Record:
    """Remove an account that holds no money."""
    account = connected(call, call.path["account"])
    name = account["id"]
    held = [(bucket, code) for bucket in OWN_BUCKETS for code in account["_currencies"]]
    if any(balance_minor(call.sandbox, f"{name}:{bucket}", code) for bucket, code in held):
        raise refused("This account cannot be deleted while its balance is not zero.")
    call.sandbox.store.change(account, _deleted=True)
    return {"id": account["id"], "object": "account", "deleted": True}


def reject(call: Call) -> Record:
    """The platform refuses an account: it can do nothing any more."""
    account = connected(call, call.path["account"])
    move_to_stage(call.sandbox, account, Stage.REJECTED, rejected_reason=REJECTIONS[call.params["reason"]])
    return view(call.sandbox, account)


def connected(call: Call, identifier: str) -> Record:
    """The connected account with this id.

    Raises:
        StripeError: 403, there is none, it is not this platform's, or it was deleted.
    """
    account = call.sandbox.store.get(identifier)
    if account is None or account["object"] != "account" or account.get("_deleted"):
        raise unknown_account(call.key, identifier)
    if call.account not in (account["_account"], identifier):
        raise unknown_account(call.key, identifier)
    return account


def move_to_stage(sandbox: Sandbox, account: Record, stage: Stage, *, rejected_reason: str = "other") -> None:
    """Let onboarding have come to ``stage`` and tell the platform what that changed."""
    before = snapshot(account)
    sandbox.store.change(account, _stage=stage.value, _rejected_reason=rejected_reason)
    restand(sandbox, account, before)


def restand(sandbox: Sandbox, account: Record, before: Record) -> None:
    """Derive flags, capabilities and requirements anew; events say what differs from ``before``."""
    sandbox.store.change(account, **_standing(sandbox, account))
    after = snapshot(account)
    for name, status in after["capabilities"].items():
        former = before["capabilities"].get(name)
        if former != status:
            emit(sandbox, "capability.updated", capability(account, name), {"status": former}, account["id"])
    previous = {name: before.get(name) for name, value in after.items() if before.get(name) != value}
    if previous:
        emit(sandbox, "account.updated", view(sandbox, account), previous, account["id"])


def capability(account: Record, name: str) -> Record:
    """One capability of an account."""
    reason = account["requirements"]["disabled_reason"]
    status = account["capabilities"].get(name, "unrequested")
    return {
        "id": name,
        "object": "capability",
        "account": account["id"],
        "future_requirements": no_requirements(),
        "requested": name in account["_requested"],
        "requested_at": account["created"] if name in account["_requested"] else None,
        "requirements": no_requirements() | {"disabled_reason": None if status == "active" else reason},
        "status": status,
    }


def view(sandbox: Sandbox, account: Record) -> Record:
    """The account as Stripe shows it, with its external accounts."""
    banks = [shown(bank) for bank in external_accounts.of_account(sandbox, account["id"])]
    url = f"/v1/accounts/{account['id']}/external_accounts"
    listed = as_list(banks, url) | {"total_count": len(banks)}
    return shown(account) | {"external_accounts": listed}


def _standing(sandbox: Sandbox, account: Record) -> Record:
    return standing(
        Stage(account["_stage"]),
        account["_requested"],
        has_usable_bank=external_accounts.usable(sandbox, account["id"]) is not None,
        rejected_reason=account["_rejected_reason"],
        restriction=account.get("_restriction"),
    )


def _kind(call: Call) -> tuple[str, Record]:
    """The account's type and its controller, of which the caller gives one."""
    if "type" in call.params and "controller" in call.params:
        raise invalid("You may give only one of `type` and `controller`.", "controller")
    if "controller" not in call.params:
        kind = call.get("type", "standard")
        return kind, _controller(kind)
    given = call.params["controller"]
    dashboard = given.get("stripe_dashboard", {}).get("type", "full")
    return "express" if dashboard == "express" else "none", _controller("standard") | given


def _controller(kind: str) -> Record:
    payer = {"express": "application_express", "custom": "application_custom"}.get(kind, "account")
    return {
        "fees": {"payer": payer},
        "is_controller": True,
        "losses": {"payments": "stripe" if kind == "standard" else "application"},
        "requirement_collection": "application" if kind == "custom" else "stripe",
        "stripe_dashboard": {"type": {"express": "express", "standard": "full"}.get(kind, "none")},
        "type": "application",
    }


def _apply(call: Call, account: Record) -> None:
    """Put the parameters that create and update share onto the account."""
    for name in ("business_type", "default_currency", "email"):
        if name in call.params:
            account[name] = call.params[name]
    for name in ("business_profile", "tos_acceptance"):
        account[name] = account[name] | call.get(name, {})
    account["metadata"] = merged_metadata(account["metadata"], call.get("metadata", {}))
    _apply_settings(account["settings"], call.get("settings", {}))
    for name, wish in call.get("capabilities", {}).items():
        _request(account, name, requested=wish.get("requested", True))
    call.sandbox.store.touch(account)
    begin_sweeping(call.sandbox, account)


def begin_sweeping(sandbox: Sandbox, account: Record) -> None:
    """Pay out automatically from tomorrow on, unless the schedule is manual or that has begun already."""
    if account["settings"]["payouts"]["schedule"]["interval"] != "manual" and not account["_swept"]:
        sandbox.store.change(account, _swept=True)
        sandbox.later(DAY, "payouts.sweep", account)


def change_payout_settings(sandbox: Sandbox, account: Record, given: Record) -> None:
    """Put the given payout settings over the old ones, and tell the platform."""
    before = snapshot(account)
    _apply_settings(account["settings"], {"payouts": given})
    sandbox.store.touch(account)
    begin_sweeping(sandbox, account)
    restand(sandbox, account, before)


def _apply_settings(settings: Record, given: Record) -> None:
    """Put the given groups over the old ones; payouts have a group inside that is merged as well."""
    schedule = settings["payouts"]["schedule"] | given.get("payouts", {}).get("schedule", {})
    for name, values in given.items():
        settings[name] = settings.get(name, {}) | values
    settings["payouts"]["schedule"] = schedule


def request_capability(sandbox: Sandbox, account: Record, name: str, *, requested: bool) -> None:
    """Ask for a capability, or give it back."""
    before = snapshot(account)
    _request(account, name, requested=requested)
    restand(sandbox, account, before)


def _request(account: Record, name: str, *, requested: bool) -> None:
    others = [known for known in account["_requested"] if known != name]
    account["_requested"] = [*others, name] if requested else others
