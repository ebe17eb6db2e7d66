"""The requests about an account's banks: add, look up, change, list, remove."""

from stripe_sandbox.connect import external_accounts
from stripe_sandbox.connect.accounts import connected, restand
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import no_such, refused
from stripe_sandbox.http.lists import as_list, list_parameters
from stripe_sandbox.http.parameters import (
    Parameters,
    anything,
    boolean,
    clearable,
    merged_metadata,
    metadata,
    not_simulated,
    one_of,
    text,
)
from stripe_sandbox.store import Record, shown, snapshot
from stripe_sandbox.webhooks.events import emit

CREATE = Parameters(
    required={"external_account": anything}, optional={"default_for_currency": boolean, "metadata": metadata}
)
UPDATE = Parameters(
    optional={
        "account_holder_name": clearable(text),
        "account_holder_type": one_of("individual", "company"),
        "account_type": one_of("checking", "savings"),
        "default_for_currency": boolean,
        "documents": not_simulated,
        "metadata": metadata,
    }
)
LIST = list_parameters(object=one_of("bank_account", "card"))


def create(call: Call) -> Record:
    """Add a bank; payouts in its currency go to it if it is the first, or if the caller says so."""
    account = connected(call, call.path["account"])
    before = snapshot(account)
    given, default = call.params["external_account"], call.get("default_for_currency", False)
    bank = external_accounts.attach(call.sandbox, account, given, "external_account", default=default)
    bank["metadata"] = merged_metadata({}, call.get("metadata", {}))
    restand(call.sandbox, account, before)
    return bank


def retrieve(call: Call) -> Record:
    """One bank of an account."""
    return _named(call)


def update(call: Call) -> Record:
    """Change a bank's holder or metadata, or let payouts go to it."""
    bank = _named(call)
    changes = dict(call.params)
    if "metadata" in changes:
        changes["metadata"] = merged_metadata(bank["metadata"], changes["metadata"])
    if changes.get("default_for_currency"):
        for other in external_accounts.of_account(call.sandbox, bank["account"]):
            if other["currency"] == bank["currency"]:
                call.sandbox.store.change(other, default_for_currency=False)
    previous = call.sandbox.store.change(bank, **changes)
    if previous:
        emit(call.sandbox, "account.external_account.updated", bank, previous)
    return bank


def list_banks(call: Call) -> Record:
    """The banks of an account, newest first; cards are not simulated, so there are none."""
    account = connected(call, call.path["account"])
    banks = external_accounts.of_account(call.sandbox, account["id"]) if call.get("object") != "card" else ()
    url = f"/v1/accounts/{account['id']}/external_accounts"
    return as_list([shown(bank) for bank in banks], url)


def delete(call: Call) -> Record:
    """Remove a bank that is not the one payouts go to."""
    bank = _named(call)
    if bank["default_for_currency"]:
        raise refused("You cannot delete the default external account; make another one the default first.")
    external_accounts.remove(call.sandbox, bank)
    return {"id": bank["id"], "object": "bank_account", "deleted": True}


def _named(call: Call) -> Record:
    account = connected(call, call.path["account"])
    bank = call.sandbox.store.get(call.path["id"])
    if bank is None or bank["object"] != "bank_account" or bank["account"] != account["id"]:
        raise no_such("external account", call.path["id"], "id")
    return bank
