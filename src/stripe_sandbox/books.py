"""The sandbox's own double-entry books, against which everything else it says about money is proved.

A book is a place where money can be: ``acct_…:available``, ``acct_…:pending``, ``acct_…:in_transit``, or
outside (``outside:cards``, ``outside:banks``, ``outside:stripe_fees``). ``clearing:…`` lies between two
accounts and is empty whenever nothing is half done. Every book belongs to one currency; outside books go
below zero by what came in through them.
"""

from collections import Counter
from dataclasses import dataclass

from stripe_sandbox import deeds
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import PLATFORM
from stripe_sandbox.store import Record

CARDS = "outside:cards"
BANKS = "outside:banks"
STRIPE_FEES = "outside:stripe_fees"
TRANSFERS = "clearing:transfers"

OWN_BUCKETS = ("available", "pending", "in_transit")


@dataclass(frozen=True, slots=True)
class Line:
    """One account's money in one currency, in minor units."""

    account: str
    currency: str
    available: int
    pending: int
    in_transit: int


def move(sandbox: Sandbox, entry: Record, source: str, destination: str, amount_minor: int) -> None:
    """Move money between two books. Nothing else does; ``entry`` is the balance transaction that says why."""
    assert amount_minor >= 0, "money moves forward; turn the direction instead"
    if amount_minor == 0:
        return
    currency = entry["currency"]
    _add(sandbox, source, currency, -amount_minor)
    _add(sandbox, destination, currency, amount_minor)
    entry["_moves"].append([source, destination, amount_minor])
    sandbox.store.touch(entry)


def balance_minor(sandbox: Sandbox, book: str, currency: str) -> int:
    """What is in a book."""
    record = sandbox.store.get(_book_id(book, currency))
    return int(record["balance_minor"]) if record else 0


def currencies(sandbox: Sandbox, account: str) -> list[str]:
    """The currencies in which an account has or had money."""
    record = sandbox.store.get(account)
    return sorted(record["_currencies"]) if record else []


def lines(sandbox: Sandbox) -> list[Line]:
    """Every account's money, one line per currency, the platform's first."""
    books = sandbox.store.of_kind("sandbox.book")
    owners = {(book["account"], book["currency"]) for book in books if book["account"].startswith("acct_")}
    return [
        Line(
            account, currency, *(balance_minor(sandbox, f"{account}:{bucket}", currency) for bucket in OWN_BUCKETS)
        )
        for account, currency in sorted(owners, key=lambda owner: (owner[0] != PLATFORM, owner))
    ]


def differences(sandbox: Sandbox) -> list[str]:
    """Every way in which books, balance transactions and objects contradict each other; empty is the law."""
    stored = Counter(
        {(b["name"], b["currency"]): b["balance_minor"] for b in sandbox.store.of_kind("sandbox.book")}
    )
    moved: Counter[tuple[str, str]] = Counter()
    stated: Counter[tuple[str, str]] = Counter()
    for entry in sandbox.store.of_kind("balance_transaction"):
        currency = entry["currency"]
        stated[f"{entry['_account']}:{entry['status']}", currency] += entry["net"]
        for source, destination, amount_minor in entry["_moves"]:
            moved[source, currency] -= amount_minor
            moved[destination, currency] += amount_minor
    return [
        *_unequal(stored, moved),
        *_misstated(stored, stated),
        *_created_money(stored),
        *_left_in_clearing(stored),
        *deeds.differences(sandbox.store),
    ]


def assert_balanced(sandbox: Sandbox) -> None:
    """Raise AssertionError naming every contradiction in the books."""
    found = differences(sandbox)
    assert not found, "\n".join(found)


def _unequal(stored: Counter[tuple[str, str]], moved: Counter[tuple[str, str]]) -> list[str]:
    return [
        f"{book} has {stored[book, currency]} {currency}, its moves sum to {moved[book, currency]}"
        for book, currency in sorted(stored.keys() | moved.keys())
        if stored[book, currency] != moved[book, currency]
    ]


def _misstated(stored: Counter[tuple[str, str]], stated: Counter[tuple[str, str]]) -> list[str]:
    owned = {key for key in stored if key[0].endswith((":available", ":pending"))}
    return [
        f"{book} has {stored[book, currency]} {currency}, its balance transactions say {stated[book, currency]}"
        for book, currency in sorted(owned | stated.keys())
        if stored[book, currency] != stated[book, currency]
    ]


def _created_money(stored: Counter[tuple[str, str]]) -> list[str]:
    totals: Counter[str] = Counter()
    for (_, currency), amount_minor in stored.items():
        totals[currency] += amount_minor
    return [f"all books together have {total} {currency}" for currency, total in totals.items() if total]


def _left_in_clearing(stored: Counter[tuple[str, str]]) -> list[str]:
    clearing = {key: amount for key, amount in stored.items() if key[0].startswith("clearing:")}
    return [f"{book} still holds {amount} {currency}" for (book, currency), amount in clearing.items() if amount]


def _book_id(book: str, currency: str) -> str:
    return f"{book}:{currency}"


def _add(sandbox: Sandbox, book: str, currency: str, amount_minor: int) -> None:
    record = sandbox.store.get(_book_id(book, currency)) or _open(sandbox, book, currency)
    sandbox.store.change(record, balance_minor=record["balance_minor"] + amount_minor)


def _open(sandbox: Sandbox, book: str, currency: str) -> Record:
    owner = book.partition(":")[0]
    account = sandbox.store.get(owner)
    if account and currency not in account["_currencies"]:
        sandbox.store.change(account, _currencies=[*account["_currencies"], currency])
    record = {"id": _book_id(book, currency), "object": "sandbox.book", "name": book}
    return sandbox.store.add(record | {"account": owner, "currency": currency, "balance_minor": 0})
