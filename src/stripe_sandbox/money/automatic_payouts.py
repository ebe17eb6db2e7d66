"""Automatic payouts: what happens to an account's money unless its schedule says ``manual``."""

from stripe_sandbox.connect import external_accounts
from stripe_sandbox.money.balance import available_minor
from stripe_sandbox.money.currencies import payout_step
from stripe_sandbox.money.payouts import send
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import DAY
from stripe_sandbox.store import Record

_DAYS = {"daily": 1, "weekly": 7, "monthly": 30}


def sweep(sandbox: Sandbox, account: Record) -> None:
    """Send all that is available to the bank, and come back after the schedule's interval."""
    interval = account["settings"]["payouts"]["schedule"]["interval"]
    if interval == "manual" or account.get("_deleted"):
        sandbox.store.change(account, _swept=False)
        return
    if account["payouts_enabled"]:
        for code in account["_currencies"]:
            _send_everything(sandbox, account, code)
    sandbox.later(_DAYS[interval] * DAY, "payouts.sweep", account)


def _send_everything(sandbox: Sandbox, account: Record, code: str) -> None:
    bank = external_accounts.usable(sandbox, account["id"], code)
    amount_minor = available_minor(sandbox, account["id"], code)
    amount_minor -= amount_minor % payout_step(code)
    if bank and amount_minor > 0:
        description = {"description": "STRIPE PAYOUT", "reconciliation_status": "completed"}
        payout = send(sandbox, bank, amount_minor, automatic=True, **description)
        _mark_what_it_paid_out(sandbox, payout)


def _mark_what_it_paid_out(sandbox: Sandbox, payout: Record) -> None:
    """All that was available and not paid out before, and the payout's own line, which evens it out."""
    where = {"currency": payout["currency"], "status": "available", "_paid_out_by": None}
    for entry in list(sandbox.store.newest_first("balance_transaction", payout["_account"], where)):
        sandbox.store.change(entry, _paid_out_by=payout["id"])
