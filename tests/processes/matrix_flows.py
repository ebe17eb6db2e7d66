"""The flows of the crash matrix: what is done, which calls to Stripe go wrong, and what must be so at the end.

A flow of another folder is one more entry of ``MATRIX``: the machine (``crash_matrix.py``) takes all it needs
from here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.processes import deposit_flows as deposits
from tests.processes import refund_flows as refunds
from tests.processes import withdrawal_flows as withdrawals
from tests.processes.world import World


@dataclass(frozen=True, slots=True)
class MatrixFlow:
    """``play`` is played in the saved world ``begins_with``; each of ``calls`` goes wrong once in it.

    Killed is at the crash points that begin with one of ``points``. ``breaches`` names what is wrong at the end;
    that the whole outcome (books, objects at Stripe, what people see) is the same as without any trouble is
    looked at for every flow.
    """

    begins_with: str
    play: Callable[[World], None]
    calls: tuple[str, ...]
    points: tuple[str, ...]
    breaches: Callable[[World], list[str]]


def breaches_of_withdrawals(world: World) -> list[str]:
    """One live transfer and one live payout for each paid withdrawal, none for one that ended otherwise."""
    transfers = world.stripe("GET", "/transfers", form={"limit": "100"})["data"]
    payouts = world.stripe("GET", "/payouts", account=world.ids["account"], form={"limit": "100"})["data"]
    breaches = []
    for id_, state in world.rows("SELECT id::text, state FROM withdrawals"):
        live = (
            sum(_names(one, id_) and one["amount_reversed"] < one["amount"] for one in transfers),
            sum(_names(one, id_) and one["status"] in ("pending", "in_transit", "paid") for one in payouts),
        )
        wanted = (1, 1) if state == "paid" else (0, 0)
        if live != wanted:
            breaches.append(
                f"a withdrawal that is {state} has {live[0]} live transfers and {live[1]} live payouts"
            )
    entries = "SELECT count(*) FROM journal_entries WHERE reference LIKE 'withdrawal:%:' || '{}'"
    back = world.rows(entries.format("reverse")) + world.rows(entries.format("release"))
    returned = world.rows("SELECT count(*) FROM withdrawals WHERE state = 'returned'")
    if sum(times for (times,) in back) != returned[0][0]:
        breaches.append(f"{returned[0][0]} withdrawals were returned, and money came back {back} times")
    return breaches


def breaches_of_refunds(world: World) -> list[str]:
    """What went back of each charge at Stripe is what we know of, and each refund of ours was made once."""
    breaches = []
    at_stripe = world.stripe("GET", "/refunds", form={"limit": "100"})["data"]
    for id_, state in world.rows("SELECT id::text, state FROM refunds WHERE requested_by IS NOT NULL"):
        made = sum(one["metadata"].get("refund_id") == id_ for one in at_stripe)
        if made != (state in ("pending", "succeeded")):
            breaches.append(f"a refund that is {state} was made {made} times")
    for charge_id, refunded_minor in world.rows("SELECT charge_id, refunded_minor FROM deposits"):
        refunded = world.stripe("GET", f"/charges/{charge_id}")["amount_refunded"]
        if refunded != refunded_minor:
            breaches.append(f"{refunded} of a charge went back, we know of {refunded_minor}")
    return breaches


def breaches_of_disputes(world: World) -> list[str]:
    """What Stripe moved for disputes is booked once, and nothing of a decided one is held."""
    moved = sum(
        entry["net"]
        for dispute in world.stripe("GET", "/disputes", form={"limit": "100"})["data"]
        for entry in dispute["balance_transactions"]
    )
    [(booked,)] = world.rows("SELECT COALESCE(sum(amount_minor - fee_minor), 0)::bigint FROM dispute_movements")
    breaches = [f"Stripe moved {moved} for disputes, {booked} are booked"] if moved != booked else []
    held = world.rows("SELECT 1 FROM dispute_parts WHERE state = 'frozen'")
    return breaches + [f"{len(held)} parts are still frozen" for _ in held[:1]]


def _names(stripe_object: Mapping[str, Any], withdrawal_id: str) -> bool:
    return bool(stripe_object["metadata"].get("withdrawal_id") == withdrawal_id)


def breaches_of_deposits(world: World) -> list[str]:
    """One charge for each deposit in a wallet, none for another; every attempt kept; both books the same."""
    charges = world.stripe("GET", "/charges", form={"limit": "100"})["data"]
    breaches = []
    for id_, state, ended in world.rows("SELECT id::text, state, attempts_ended FROM deposits"):
        paid = sum(one["metadata"].get("deposit_id") == id_ and one["paid"] for one in charges)
        if paid != (state == "succeeded"):
            breaches.append(f"a deposit that is {state} was charged {paid} times")
        tried = world.rows(f"SELECT number, state FROM deposit_attempts WHERE deposit_id = '{id_}' ORDER BY 1")  # noqa: S608
        if [number for number, _ in tried] != list(range(1, ended + 1)) or tried[-1][1] != "succeeded":
            breaches.append(f"a deposit that is {state} after {ended} attempts has {tried}")
    [(ours,)] = world.rows(_AT_STRIPE)
    lines = world.control("/books", method="GET")["accounts"]
    theirs = sum(line["available"] + line["pending"] for line in lines if "Platform" in line["account"])
    return breaches if ours == theirs else [*breaches, f"stripe:balance is {ours}, Stripe's books hold {theirs}"]


_AT_STRIPE = """
    SELECT COALESCE(sum(CASE a.id WHEN p.debit_account_id THEN p.amount_minor ELSE -p.amount_minor END), 0)::bigint
    FROM ledger_accounts AS a JOIN postings AS p ON a.id IN (p.debit_account_id, p.credit_account_id)
    WHERE a.name = 'stripe:balance'
"""
_CHARGED = (
    "POST /v1/customers",
    "POST /v1/payment_intents",
    "POST /v1/payment_intents/*/confirm",
    "GET /v1/charges/*",
)
_DEPOSITING = (
    "commit:deposits.",
    "commit:worker.due_deposits:",
    "commit:worker.due_fees:",
    "commit:webhooks.receive.",
    "commit:webhooks.process.apply:",
    "stripe:",
)
_SENT = ("POST /v1/transfers", "POST /v1/payouts", "GET /v1/balance")
_WITHDRAWING = (
    "commit:withdrawals.",
    "commit:worker.due_withdrawals:",
    "commit:webhooks.receive.",
    "commit:webhooks.process.apply:",
    "stripe:",
)

_REFUNDING = (
    "commit:refunds.",
    "commit:worker.due_refunds:",
    "commit:webhooks.receive.",
    "commit:webhooks.process.apply:",
    "stripe:",
)
_REFUNDED = ("POST /v1/refunds", "GET /v1/refunds", "GET /v1/payment_intents/*")
_DISPUTING = ("commit:webhooks.receive.", "commit:webhooks.process.", "stripe:")
_DISPUTED = ("GET /v1/disputes/*", "GET /v1/payment_intents/*")
_ANSWERING = ("commit:disputes.", "commit:worker.due_answers:", *_DISPUTING)
_ANSWERED = ("GET /v1/charges/*", "POST /v1/disputes/*", "POST /v1/disputes/*/close", *_DISPUTED)

MATRIX: Mapping[str, MatrixFlow] = {
    "deposit": MatrixFlow("people", deposits.deposit, _CHARGED, _DEPOSITING, breaches_of_deposits),
    "deposit with 3-D Secure": MatrixFlow(
        "people", deposits.deposit_with_3d_secure, _CHARGED, _DEPOSITING, breaches_of_deposits
    ),
    "deposit with another card": MatrixFlow(
        "people", deposits.deposit_with_another_card, _CHARGED, _DEPOSITING, breaches_of_deposits
    ),
    "refund": MatrixFlow("earned", refunds.refund_asked_for, _REFUNDED, _REFUNDING, breaches_of_refunds),
    "refund refused": MatrixFlow(
        "earned",
        refunds.refund_refused,
        ("POST /v1/refunds",),
        ("commit:refunds.", "stripe:create_refund:"),
        breaches_of_refunds,
    ),
    "dispute won": MatrixFlow("earned", refunds.dispute_won, _DISPUTED, _DISPUTING, breaches_of_disputes),
    "dispute lost": MatrixFlow("earned", refunds.dispute_lost, _DISPUTED, _DISPUTING, breaches_of_disputes),
    "refund at Stripe": MatrixFlow(
        "earned", refunds.refund_at_stripe_of_spent_money, _REFUNDED, _REFUNDING, breaches_of_refunds
    ),
    "dispute accepted": MatrixFlow(
        "administered", refunds.dispute_accepted, _ANSWERED, _ANSWERING, breaches_of_disputes
    ),
    "dispute answered": MatrixFlow(
        "administered", refunds.dispute_answered, _ANSWERED, _ANSWERING, breaches_of_disputes
    ),
    "withdrawal": MatrixFlow("onboarded", withdrawals.withdraw, _SENT, _WITHDRAWING, breaches_of_withdrawals),
    "withdrawal returned": MatrixFlow(
        "onboarded",
        withdrawals.withdrawal_returned_by_the_bank,
        ("POST /v1/transfers/*/reversals",),
        (
            "commit:withdrawals.send.begin_reversal:",
            "commit:withdrawals.send.transfer_reversed:",
            "stripe:reverse_transfer:",
            "stripe:find_reversal:",
        ),
        breaches_of_withdrawals,
    ),
    "transfer refused": MatrixFlow(
        "onboarded",
        withdrawals.refused_transfer,
        (),
        ("commit:withdrawals.send.transfer_refused:", "stripe:create_transfer:"),
        breaches_of_withdrawals,
    ),
}

# Deposits, refunds and disputes: what happens to cards.
OF_CARDS = tuple(name for name in MATRIX if name.startswith(("deposit", "refund", "dispute")))
