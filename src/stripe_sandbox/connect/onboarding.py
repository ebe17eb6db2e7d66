"""Onboarding: links to the sandbox's own form, what its answers do, and links to the Express dashboard."""

from stripe_sandbox.connect import external_accounts
from stripe_sandbox.connect.accounts import connected, restand
from stripe_sandbox.connect.requirements import OWNER_MAY_LIFT, Stage
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import refused
from stripe_sandbox.http.parameters import Parameters, anything, one_of, text
from stripe_sandbox.ids import new_id
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record, snapshot

CREATE_LINK = Parameters(
    required={"account": text, "type": one_of("account_onboarding", "account_update")},
    optional={
        "collect": one_of("currently_due", "eventually_due"),
        "collection_options": anything,
        "refresh_url": text,
        "return_url": text,
    },
)
OUTCOMES = ("complete", "pending", "restricted", "rejected")


def create_link(call: Call) -> Record:
    """A link to the onboarding form; it works once and for five minutes."""
    sandbox, params = call.sandbox, call.params
    account = connected(call, params["account"])
    if "refresh_url" not in params or "return_url" not in params:
        raise refused("Give both `refresh_url` and `return_url` for this kind of account link.")
    if params["type"] == "account_update" and account["controller"]["requirement_collection"] == "stripe":
        raise refused(
            "Stripe collects what this account must say, so its links are of the type account_onboarding."
        )
    link: Record = {
        "id": new_id("link"),
        "object": "sandbox.link",
        "subject": account["id"],
        "expires_at": sandbox.now() + sandbox.settings.account_link_lives_seconds,
        "return_url": params["return_url"],
        "refresh_url": params["refresh_url"],
        "used": False,
    }
    sandbox.store.add(link)
    return {
        "object": "account_link",
        "created": sandbox.now(),
        "expires_at": link["expires_at"],
        "url": f"{sandbox.base_url}/_sandbox/pages/onboarding/{link['id']}",
    }


def create_login_link(call: Call) -> Record:
    """A link to the Express dashboard of an account that has submitted its details."""
    account = connected(call, call.path["account"])
    if account["type"] != "express":
        raise refused("Only Express accounts have login links.")
    if not account["details_submitted"]:
        raise refused("This account has not completed onboarding, so there is no dashboard to log in to.")
    url = f"{call.sandbox.base_url}/_sandbox/pages/express/{account['id']}"
    return {"object": "login_link", "created": call.sandbox.now(), "url": url}


def open_link(sandbox: Sandbox, identifier: str) -> Record | None:
    """The link, if it still works: not used and not expired."""
    link = sandbox.store.get(identifier)
    if link is None or link["object"] != "sandbox.link":
        return None
    return None if link["used"] or link["expires_at"] <= sandbox.now() else link


def use_link(sandbox: Sandbox, link: Record) -> Record:
    """The link's page was submitted: it never works again. Returns the account."""
    sandbox.store.change(link, used=True)
    account = sandbox.store.get(link["subject"])
    assert account is not None, "accounts are marked deleted, never removed"
    return account


def onboard(sandbox: Sandbox, account: Record, outcome: str, account_number: str | None = None) -> Record:
    """Let the owner have filled in everything, with the given outcome and bank account number.

    Without a number a good bank is added if there is none. What the owner owed, by a restriction, is done, too.
    Returns the account.
    """
    before = snapshot(account)
    if account_number is not None or external_accounts.usable(sandbox, account["id"]) is None:
        bank = {"account_number": account_number or external_accounts.GOOD_NUMBER, "country": account["country"]}
        external_accounts.attach(sandbox, account, bank, "external_account")
    accepted = sandbox.now()
    account["tos_acceptance"] |= {"date": account["tos_acceptance"]["date"] or accepted, "ip": "127.0.0.1"}
    restriction = account.get("_restriction")
    if restriction and restriction["disabled_reason"] in OWNER_MAY_LIFT:
        restriction = None
    sandbox.store.change(
        account,
        business_type=account["business_type"] or "individual",
        _restriction=restriction,
        _stage=Stage(outcome).value,
    )
    restand(sandbox, account, before)
    return account
