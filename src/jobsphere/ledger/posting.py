"""Journal entries and postings, and which of them the balances allow. Computes only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from jobsphere.ledger.accounts import Account, Side
from jobsphere.money import Money


class InvalidEntry(ValueError):
    """An entry that no ledger can hold; a mistake of the code that built it."""


class ReferenceReused(Exception):
    """The reference is taken by an entry with other postings; a mistake of the code that built it."""


class Verdict(StrEnum):
    """What became of an entry."""

    RECORDED = "recorded"
    ALREADY_RECORDED = "already_recorded"  # the same reference with the same postings, earlier
    INSUFFICIENT_FUNDS = "insufficient_funds"  # it would take a guarded account below zero


@dataclass(frozen=True, slots=True)
class Posting:
    """Moves ``amount`` from one account to another: ``debit`` and ``credit`` change by the same amount."""

    debit: Account
    credit: Account
    amount: Money

    def __post_init__(self) -> None:
        if self.amount.amount_minor <= 0:
            raise InvalidEntry("a posting moves at least one minor unit")
        if not self.debit.currency == self.credit.currency == self.amount.currency:
            raise InvalidEntry("both accounts and the amount of a posting have one currency")
        if self.debit == self.credit:
            raise InvalidEntry("a posting has two accounts")

    def deltas(self) -> tuple[tuple[Account, int], tuple[Account, int]]:
        """By how many minor units each account's balance changes."""
        minor = self.amount.amount_minor
        return (
            (self.debit, minor if self.debit.normal_side is Side.DEBIT else -minor),
            (self.credit, minor if self.credit.normal_side is Side.CREDIT else -minor),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """Postings that happen together or not at all, once: ``reference`` names the event for ever."""

    reference: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        if not self.reference or not self.postings:
            raise InvalidEntry("an entry has a reference and at least one posting")

    def accounts(self) -> set[Account]:
        return {account for posting in self.postings for account in (posting.debit, posting.credit)}


def decide(
    entries: Iterable[Entry],
    balances_minor: Mapping[Account, int],
    recorded: Mapping[str, tuple[Posting, ...]],
) -> list[Verdict]:
    """One verdict per entry, taking them in order, each on the balances the earlier ones left.

    ``balances_minor`` holds the guarded accounts (absent: zero); ``recorded`` the entries that exist
    already among the references. 80, 50 and 20 out of a balance of 100: yes, no, yes.

    Raises:
        ReferenceReused: a reference stands for other postings already.
    """
    balances = dict(balances_minor)
    known = dict(recorded)
    verdicts = []
    for entry in entries:
        if entry.reference in known:
            if known[entry.reference] != entry.postings:
                raise ReferenceReused(entry.reference)
            verdicts.append(Verdict.ALREADY_RECORDED)
            continue
        after = _balances_after(entry.postings, balances)
        if any(minor < 0 for minor in after.values()):
            verdicts.append(Verdict.INSUFFICIENT_FUNDS)
            continue
        balances.update(after)
        known[entry.reference] = entry.postings
        verdicts.append(Verdict.RECORDED)
    return verdicts


def _balances_after(postings: Sequence[Posting], balances: Mapping[Account, int]) -> dict[Account, int]:
    after: dict[Account, int] = {}
    for posting in postings:
        for account, delta in posting.deltas():
            if not account.may_go_below_zero:
                after[account] = after.get(account, balances.get(account, 0)) + delta
    return after
