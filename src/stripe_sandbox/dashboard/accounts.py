"""What the owner of an account, the platform's staff or Stripe do to an account by hand."""

from stripe_sandbox.connect import external_accounts
from stripe_sandbox.connect.accounts import begin_sweeping, restand
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import PLATFORM
from stripe_sandbox.store import Record, snapshot
from stripe_sandbox.webhooks.events import emit

APPLICATION = {"id": "ca_SandboxApplication", "object": "application", "name": "The sandbox's platform"}
INTERVALS = ("manual", "daily", "weekly", "monthly")


def deauthorize(sandbox: Sandbox, account: Record) -> Record:
    """The owner disconnects the account: the platform may not act on it, nor see it, any more."""
    _only_connected(account)
    emit(sandbox, "account.application.deauthorized", APPLICATION, account=account["id"])
    sandbox.store.change(account, _deleted=True)
    return account


def restrict(sandbox: Sandbox, account: Record, disabled_reason: str, *, may_receive: bool) -> Record:
    """Stripe stops payouts for this reason and, unless it ``may_receive``, the account's capabilities, too."""
    _only_connected(account)
    return _hold_back(sandbox, account, {"disabled_reason": disabled_reason, "may_receive": may_receive})


def lift_restriction(sandbox: Sandbox, account: Record) -> Record:
    """Stripe takes a restriction back."""
    return _hold_back(sandbox, account, None)


def change_bank(sandbox: Sandbox, account: Record, account_number: str, currency: str | None) -> Record:
    """The owner enters another bank account; payouts in its currency go there from now on."""
    before = snapshot(account)
    details = {"account_number": account_number, "country": account["country"]}
    if currency:
        details["currency"] = currency
    bank = external_accounts.attach(sandbox, account, details, "external_account")
    restand(sandbox, account, before)
    return bank


def remove_bank(sandbox: Sandbox, account: Record, bank_account: str | None) -> Record:
    """The owner removes a bank account, without a name the newest; another one may take its place."""
    before = snapshot(account)
    banks = list(external_accounts.of_account(sandbox, account["id"]))
    bank = next((bank for bank in banks if bank_account in (None, bank["id"])), None)
    if bank is None:
        raise ValueError(f"{account['id']} has no such bank account.")
    external_accounts.remove(sandbox, bank)
    restand(sandbox, account, before)
    return bank


def set_payout_schedule(sandbox: Sandbox, account: Record, interval: str) -> Record:
    """Let all that is available go to the bank at this interval; ``manual``: only when asked to."""
    before = snapshot(account)
    account["settings"]["payouts"]["schedule"]["interval"] = interval
    begin_sweeping(sandbox, account)
    restand(sandbox, account, before)
    return account


def _hold_back(sandbox: Sandbox, account: Record, restriction: Record | None) -> Record:
    before = snapshot(account)
    sandbox.store.change(account, _restriction=restriction)
    restand(sandbox, account, before)
    return account


def _only_connected(account: Record) -> None:
    if account["id"] == PLATFORM:
        raise ValueError("This is done to connected accounts; it is the platform's own.")
    if account.get("_deleted"):
        raise ValueError(f"{account['id']} is not connected to the platform any more.")
