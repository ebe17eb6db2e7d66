"""What a world has come to, in words that are the same whenever the same has happened."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobsphere.database import create_engine
from jobsphere.reconciliation.audit import Proof, prove
from tests.processes.world import World

_BALANCES = """
    SELECT name, sum(amount)::bigint FROM (
        SELECT d.name, p.amount_minor * CASE d.normal_side WHEN 'debit' THEN 1 ELSE -1 END AS amount
        FROM postings AS p JOIN ledger_accounts AS d ON d.id = p.debit_account_id
        UNION ALL
        SELECT c.name, p.amount_minor * CASE c.normal_side WHEN 'credit' THEN 1 ELSE -1 END
        FROM postings AS p JOIN ledger_accounts AS c ON c.id = p.credit_account_id
    ) AS moved GROUP BY name
"""
_TRANSACTIONS = "SELECT type, status, amount_minor, failure_reason FROM transactions"
# Of an account the last word counts: Stripe is asked how it is now, so what it was in between may go unseen.
_NOTICES = """
    SELECT user_id::text, type, title, body FROM notifications WHERE type <> 'account_updated'
    UNION ALL
    (SELECT user_id::text, type, title, body FROM notifications WHERE type = 'account_updated'
     ORDER BY id DESC LIMIT 1)
"""
# When a deposit is given up, Stripe's event about it may be quicker than we are to say so.
_SAME = ("The payment could not be sent. Please try again.", "The payment was canceled.")
_OBJECTS = ("customers", "payment_intents", "charges", "refunds", "disputes", "transfers")
_FIELDS = ("status", "amount", "amount_received", "amount_refunded", "amount_reversed", "captured")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Compared as a whole; ids that are drawn anew each time are left out."""

    accounts: Counter[tuple[Any, ...]]  # kind of account, minor units
    entries: Counter[str]  # kind of journal entry
    transactions: Counter[tuple[Any, ...]]  # as people see them
    notices: Counter[tuple[Any, ...]]  # what people were told
    wallets: dict[str, Any]  # what the API says to each
    at_stripe: Counter[tuple[Any, ...]]  # objects and where they stand
    stripe_books: Counter[tuple[Any, ...]]  # the sandbox's own

    def made_at_stripe(self, *kinds: str) -> list[int]:
        """How many there are of each kind of object, whatever became of them."""
        return [sum(times for one, times in self.at_stripe.items() if one[1] == kind) for kind in kinds]


def outcome(world: World) -> Outcome:
    """Look at everything, and prove the books on both sides."""
    proof = asyncio.run(_proof(world))
    assert proof.holds, [result for result in proof.results if result.breaches]
    books = world.control("/books", method="GET")
    assert books["balanced"], books["differences"]
    assert _keys_used_twice(world) == []
    assert world.rows("SELECT event_key, error FROM webhook_events WHERE status = 'parked'") == []
    return Outcome(
        accounts=Counter((_kind(world, name), minor) for name, minor in world.rows(_BALANCES)),
        entries=Counter(_kind(world, name) for (name,) in world.rows("SELECT reference FROM journal_entries")),
        transactions=Counter(map(_reworded, world.rows(_TRANSACTIONS))),
        notices=Counter(_reworded((_kind(world, who), *told)) for who, *told in world.rows(_NOTICES)),
        wallets={who: _without_ids(world.get(who, "/api/wallet")) for who in ("customer", "contractor")},
        at_stripe=Counter(_objects(world)),
        stripe_books=Counter(
            (_stripe_kind(line["account"]), line["available"], line["pending"], line["in_transit"])
            for line in books["accounts"]
        ),
    )


def _reworded(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.replace(*_SAME) if isinstance(value, str) else value for value in row)


async def _proof(world: World) -> Proof:
    engine = create_engine(world.databases.url(world.database), pool_size=1)
    try:
        return await prove(engine, now=datetime.now(UTC))
    finally:
        await engine.dispose()


def _objects(world: World) -> list[tuple[Any, ...]]:
    found = [
        ("platform", kind, one)
        for kind in _OBJECTS
        for one in world.stripe("GET", f"/{kind}", form={"limit": "100"})["data"]
    ]
    for account in world.stripe("GET", "/accounts", form={"limit": "100"})["data"]:
        payouts = world.stripe("GET", "/payouts", account=account["id"], form={"limit": "100"})["data"]
        found += [("connected", "payouts", one) for one in payouts]
        found.append(("platform", "accounts", account))
    return [(where, kind, *(one.get(name) for name in _FIELDS)) for where, kind, one in found]


def _keys_used_twice(world: World) -> list[str]:
    """Idempotency keys with which something was done at Stripe more than once."""
    calls = world.control("/calls", method="GET")["data"]
    done = Counter(
        (call["stripe_account"], call["idempotency_key"])
        for call in calls
        if call["idempotency_key"] and call["status"] == 200 and not call["replayed"]
    )
    return [f"{key} {times} times" for key, times in done.items() if times > 1]


def _kind(world: World, name: str) -> str:
    people = {id_: who for who, id_ in world.ids.items()}
    named = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda id_: people.get(id_[0], "<id>"), name)
    return re.sub(r"\b(re|tr|po|pi|txn)_\w+", "<id>", named)


def _stripe_kind(account: str) -> str:
    return account if "Platform" in account else "connected"


def _without_ids(wallet: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value is not None if name.startswith("stripe") else value for name, value in wallet.items()}
    owed = [(debt["origin"], debt["amount"], debt["repaid"]) for debt in wallet["debts"]]
    return {**kept, "id": None, "debts": owed}
