"""What each scenario has come to, in our books and in Stripe's, in words that are the same under every fate."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import Table, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import reading
from jobsphere.deposits.tables import deposits
from jobsphere.disputes.tables import disputes
from jobsphere.ledger.tables import journal_entries, ledger_accounts, postings
from jobsphere.marketplace.tables import offers
from jobsphere.notifications.tables import notifications
from jobsphere.reconciliation.audit import prove
from jobsphere.refunds.tables import refunds
from jobsphere.wallets.tables import wallets
from jobsphere.withdrawals.tables import withdrawals
from tests.chaos.plays import Play
from tests.journeys.conftest import JobSphere

STRIPE_BALANCE = "stripe:balance"
_EXPIRED, _FAILED = "Deposit expired:", "Deposit failed:"
_KEY = {"Authorization": "Bearer sk_test_of_chaos"}
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(rf"{_UUID}|\b(?:re|tr|trr|po|pi|txn|du)_\w+")
_OWNERS: Mapping[Table, Sequence[str]] = {
    wallets: ("user_id",),
    deposits: ("user_id",),
    refunds: ("user_id",),
    disputes: ("user_id",),
    withdrawals: ("user_id",),
    offers: ("customer_id",),
}


@dataclass(slots=True)
class Books:
    """A scenario's part of the books; compared as a whole.

    ``accounts``: what each holds in our ledger, debits less credits, in minor units. ``at_stripe_minor``: what its
    objects moved on the platform's balance there. ``told``: notices. ``seen``: what the API says to its people.
    """

    accounts: Counter[str] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)
    at_stripe_minor: int = 0
    told: Counter[str] = field(default_factory=Counter)
    seen: list[Any] = field(default_factory=list)

    def differences(self, calm: "Books") -> list[str]:
        """What is not as in the calm run."""
        names = [name for name in self.__slots__ if getattr(self, name) != getattr(calm, name)]
        return [f"{name}: {getattr(self, name)}, in the calm run {getattr(calm, name)}" for name in names]


async def books_of(jobsphere: JobSphere, plays: Sequence[Play]) -> tuple[list[Books], list[str]]:
    """The books of every scenario, in the order of ``plays``; what of all books belongs to none of them."""
    books = [Books() for _ in plays]
    async with reading(jobsphere.engine) as connection:
        owners = await _owners(connection, plays)
        strangers = await _read_ledger(connection, owners, books)
        await _read_notices(connection, owners, books)
    strangers += await _read_stripe(jobsphere, owners, books)
    return books, strangers


async def seen_by(play: Play) -> list[Any]:
    """What the API says to its people."""
    return [await _seen(play, at) for at in range(len(play.people))]


async def breaches(jobsphere: JobSphere, plays: Sequence[Play]) -> list[str]:
    """Laws that are broken now; a breach that belongs to a scenario names it."""
    proof = await prove(jobsphere.engine, now=jobsphere.clock.now())
    theirs = await jobsphere.sandbox.books()
    books, strangers = await books_of(jobsphere, plays)
    found = [f"{one.law}: {one.breaches[0]}" for one in proof.results if one.breaches]
    found += [f"of no scenario: {one}" for one in strangers[:3]]
    found += [] if theirs["balanced"] else [f"the sandbox: {theirs['differences']}"]
    for play, one in zip(plays, books, strict=True):
        ours = one.accounts[STRIPE_BALANCE]
        if ours != one.at_stripe_minor:
            found.append(f"{play.scenario}: stripe:balance is {ours}, at Stripe it is {one.at_stripe_minor}")
    all_ours = sum(one.accounts[STRIPE_BALANCE] for one in books)
    all_theirs = sum(line["available"] + line["pending"] for line in theirs["accounts"] if _is_platforms(line))
    return found + ([] if all_ours == all_theirs else [f"stripe:balance is {all_ours}, at Stripe {all_theirs}"])


def _is_platforms(line: Mapping[str, Any]) -> bool:
    return "Platform" in line["account"]


async def _seen(play: Play, at: int) -> Any:
    wallet = await play.people[at].data("/api/wallet")
    transactions = (await play.people[at].data("/api/wallet/transactions"))["transactions"]
    return {
        **{name: wallet[name] for name in ("balance", "escrowBalance", "debt", "isFrozen")},
        "transactions": sorted((one["type"], one["amount"], one["status"]) for one in transactions),
    }


async def _owners(connection: AsyncConnection, plays: Sequence[Play]) -> dict[str, int]:
    """Which scenario each id belongs to: of people and their things, ours and Stripe's."""
    people = {person.id: at for at, play in enumerate(plays) for person in play.people}
    owners = {str(id_): at for id_, at in people.items()}
    for table, columns in _OWNERS.items():
        theirs = [table.c[name] for name in columns]
        rows = await connection.execute(select(table.c.id, *theirs).where(or_(*(c.in_(people) for c in theirs))))
        owners |= {str(row[0]): people[row[1]] for row in rows}
    for table, stripe_id in ((deposits, "payment_intent_id"), (withdrawals, "transfer_id")):
        query = select(table.c[stripe_id], table.c.user_id).where(table.c.user_id.in_(people))
        owners |= {str(row[0]): people[row[1]] for row in await connection.execute(query)}
    return owners


async def _read_ledger(connection: AsyncConnection, owners: Mapping[str, int], books: list[Books]) -> list[str]:
    p, e, a = postings.c, journal_entries.c, ledger_accounts.c
    sides = union_all(
        select(p.entry_id, p.debit_account_id.label("account_id"), p.amount_minor.label("minor")),
        select(p.entry_id, p.credit_account_id, -p.amount_minor),
    ).subquery()
    query = (
        select(e.reference, a.name, sides.c.minor)
        .join_from(sides, journal_entries, e.id == sides.c.entry_id)
        .join(ledger_accounts, a.id == sides.c.account_id)
    )
    strangers, counted = list[str](), set[str]()
    for reference, name, minor in await connection.execute(query):
        at = owners.get(reference.split(":")[1])
        if at is None:
            strangers.append(reference)
            continue
        books[at].accounts[_kind(name)] += minor
        if reference not in counted:
            counted.add(reference)
            books[at].entries[_kind(reference)] += 1
    for one in books:
        one.accounts = Counter({name: minor for name, minor in one.accounts.items() if minor})
    return strangers


async def _read_notices(connection: AsyncConnection, owners: Mapping[str, int], books: list[Books]) -> None:
    c = notifications.c
    rows = await connection.execute(select(c.user_id, c.type, c.title, c.body))
    for user_id, type_, title, body in rows:
        # Of an account the last word counts: what it was in between may go unseen.
        if (at := owners.get(str(user_id))) is not None and type_ != "account_updated":
            books[at].told[f"{title}: {body}"] += 1
    for one in books:
        if any(told.startswith(_EXPIRED) for told in one.told):
            # How its last attempt ended may have been heard of only then, and is not told any more.
            one.told = Counter({told: times for told, times in one.told.items() if not told.startswith(_FAILED)})


async def _read_stripe(jobsphere: JobSphere, owners: Mapping[str, int], books: list[Books]) -> list[str]:
    """Each line of the platform's balance belongs to the payment or the transfer that it comes from."""
    strangers = []
    async with httpx.AsyncClient(base_url=jobsphere.sandbox_url, headers=_KEY, trust_env=False) as http:
        params = {"limit": "100", "expand[]": "data.source"}
        while True:
            page = (await http.get("/v1/balance_transactions", params=params)).raise_for_status().json()
            for line in page["data"]:
                at = owners.get(_cause(line["source"]))
                if at is None:
                    strangers.append(line["id"])
                else:
                    books[at].at_stripe_minor += line["net"]
            if not page["has_more"]:
                return strangers
            params["starting_after"] = page["data"][-1]["id"]


def _cause(source: Mapping[str, Any]) -> str:
    """The id of the PaymentIntent or of the transfer behind an object of Stripe's."""
    if source["object"] == "transfer":
        return str(source["id"])
    return str(source["transfer"] if source["object"] == "transfer_reversal" else source["payment_intent"])


def _kind(name: str) -> str:
    return _ID.sub("<id>", name)
