"""Balance settings: where newer programs set what ``account.settings.payouts`` has; both are the same settings."""

from typing import Any

from stripe_sandbox.connect.accounts import account_record, change_payout_settings
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.parameters import (
    Parameters,
    array,
    boolean,
    clearable,
    integer,
    not_simulated,
    one_of,
    text,
)
from stripe_sandbox.store import Record
from stripe_sandbox.webhooks.events import emit

_SCHEDULE = Parameters(
    optional={
        "interval": one_of("daily", "manual", "monthly", "weekly"),
        "monthly_payout_days": array(integer),
        "weekly_payout_days": array(one_of("monday", "tuesday", "wednesday", "thursday", "friday")),
    }
)
_PAYOUTS = Parameters(
    optional={
        "automatic_transfer_rules_by_currency": not_simulated,
        "minimum_balance_by_currency": not_simulated,
        "schedule": _SCHEDULE,
        "statement_descriptor": text,
    }
)
_TIMING = Parameters(optional={"delay_days_override": clearable(integer), "start_of_day": not_simulated})
_PAYMENTS = Parameters(
    optional={"debit_negative_balances": boolean, "payouts": _PAYOUTS, "settlement_timing": _TIMING}
)
UPDATE = Parameters(optional={"payments": _PAYMENTS})
DELAY_DAYS_LEAST = 2


def retrieve(call: Call) -> Record:
    """The balance settings of the account that the request is made for."""
    return _view(account_record(call.sandbox, call.account))


def update(call: Call) -> Record:
    """Change the schedule of payouts and what else belongs to the balance."""
    account = account_record(call.sandbox, call.account)
    before = _view(account)["payments"]
    change_payout_settings(call.sandbox, account, _payout_settings(call.get("payments", {})))
    after = _view(account)
    previous = {name: value for name, value in before.items() if after["payments"][name] != value}
    if previous:
        emit(call.sandbox, "balance_settings.updated", after, {"payments": previous}, account["id"])
    return after


def _payout_settings(given: Record) -> dict[str, Any]:
    """The same as ``settings.payouts`` of an account would have it."""
    payouts, timing = given.get("payouts", {}), given.get("settlement_timing", {})
    settings = {name: given[name] for name in ("debit_negative_balances",) if name in given}
    settings |= {name: payouts[name] for name in ("statement_descriptor",) if name in payouts}
    schedule = dict(payouts.get("schedule", {}))
    if "delay_days_override" in timing:
        schedule["delay_days"] = timing["delay_days_override"] or DELAY_DAYS_LEAST
    return settings | {"schedule": schedule}


def _view(account: Record) -> Record:
    settings = account["settings"]["payouts"]
    schedule = settings["schedule"]
    days = {"monthly": "monthly_payout_days", "weekly": "weekly_payout_days"}.get(schedule["interval"])
    return {
        "object": "balance_settings",
        "payments": {
            "debit_negative_balances": settings["debit_negative_balances"],
            "payouts": {
                # No `automatic_transfer_rules_by_currency`: the official Python library cannot read its null.
                "minimum_balance_by_currency": None,
                "schedule": {"interval": schedule["interval"]} | ({days: schedule.get(days)} if days else {}),
                "statement_descriptor": settings["statement_descriptor"],
                "status": "enabled" if account["payouts_enabled"] else "disabled",
            },
            "settlement_timing": {"delay_days": schedule["delay_days"], "start_of_day": None},
        },
    }
