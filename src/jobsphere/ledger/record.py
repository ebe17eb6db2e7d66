"""The one function that changes balances."""

from collections.abc import Sequence

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, BOOLEAN, SMALLINT, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import RunAgain
from jobsphere.ledger.accounts import Account, Side
from jobsphere.ledger.posting import Entry, Posting, Verdict, decide
from jobsphere.money import Money

_OPEN_ACCOUNTS = text(
    """
    INSERT INTO ledger_accounts (name, currency, normal_side, may_go_below_zero)
    SELECT * FROM unnest(:names, :currencies, :normal_sides, :may_go_below_zero)
    ON CONFLICT (name, currency) DO NOTHING
    """
).bindparams(
    bindparam("names", type_=ARRAY(TEXT)),
    bindparam("currencies", type_=ARRAY(TEXT)),
    bindparam("normal_sides", type_=ARRAY(TEXT)),
    bindparam("may_go_below_zero", type_=ARRAY(BOOLEAN)),
)

_LOCK_BALANCES = text(
    "SELECT place, account_id, balance_minor FROM ledger_lock_balances(:names, :currencies)"
).bindparams(bindparam("names", type_=ARRAY(TEXT)), bindparam("currencies", type_=ARRAY(TEXT)))

_FIND_ENTRIES = text(
    """
    SELECT e.reference, p.amount_minor, p.currency, d.name, d.normal_side, d.may_go_below_zero,
           c.name, c.normal_side, c.may_go_below_zero
    FROM journal_entries AS e
    JOIN postings AS p ON p.entry_id = e.id
    JOIN ledger_accounts AS d ON d.id = p.debit_account_id
    JOIN ledger_accounts AS c ON c.id = p.credit_account_id
    WHERE e.reference = ANY (:references)
    ORDER BY e.id, p.position
    """
).bindparams(bindparam("references", type_=ARRAY(TEXT)))

_WRITE_ENTRIES = text(
    """
    INSERT INTO journal_entries (reference, posting_count)
    SELECT * FROM unnest(:references, :posting_counts)
    ON CONFLICT (reference) DO NOTHING
    RETURNING id, reference
    """
).bindparams(bindparam("references", type_=ARRAY(TEXT)), bindparam("posting_counts", type_=ARRAY(SMALLINT)))

_WRITE_POSTINGS = text(
    """
    INSERT INTO postings (entry_id, position, debit_account_id, credit_account_id, amount_minor, currency)
    SELECT * FROM unnest(:entry_ids, :positions, :debit_ids, :credit_ids, :amounts_minor, :currencies)
    """
).bindparams(
    bindparam("entry_ids", type_=ARRAY(BIGINT)),
    bindparam("positions", type_=ARRAY(SMALLINT)),
    bindparam("debit_ids", type_=ARRAY(BIGINT)),
    bindparam("credit_ids", type_=ARRAY(BIGINT)),
    bindparam("amounts_minor", type_=ARRAY(BIGINT)),
    bindparam("currencies", type_=ARRAY(TEXT)),
)


async def record(connection: AsyncConnection, entries: Sequence[Entry]) -> list[Verdict]:
    """Write ``entries`` in order and move their balances, inside the caller's database transaction.

    Returns one verdict per entry, in the same order: recorded, already recorded (same reference and
    postings), or insufficient funds (that entry alone is left out). Balances stay locked until the
    caller's database transaction ends.

    Raises:
        ReferenceReused: a reference stands for other postings already.
        RunAgain: another database transaction took a reference while this one decided.
    """
    accounts = dict.fromkeys(
        account for entry in entries for posting in entry.postings for account in (posting.debit, posting.credit)
    )
    held = await _hold(connection, list(accounts))
    # Read after the locks: whoever held them has committed, and what it recorded is visible now.
    recorded = await _recorded(connection, [entry.reference for entry in entries])
    verdicts = decide(entries, {account: minor for account, (_, minor) in held.items()}, recorded)
    await _write(connection, _accepted(entries, verdicts), held)
    return verdicts


async def lock_balance(connection: AsyncConnection, account: Account) -> Money:
    """The balance of a guarded account, which nobody else moves until the database transaction ends."""
    held = await _hold(connection, [account])
    return Money(held[account][1], account.currency)


def _accepted(entries: Sequence[Entry], verdicts: Sequence[Verdict]) -> list[Entry]:
    return [entry for entry, verdict in zip(entries, verdicts, strict=True) if verdict is Verdict.RECORDED]


async def _hold(connection: AsyncConnection, accounts: Sequence[Account]) -> dict[Account, tuple[int, int]]:
    """Each account's id and balance; locked if it may not go below zero, else the balance is no news (zero)."""
    held = await _lock(connection, accounts)
    missing = [account for account in accounts if account not in held]
    if missing:
        # In one order everywhere, so that two who open the same accounts never wait for each other.
        await _open(connection, sorted(missing))
        # All of them again: locks are taken in the order of ids, in one go.
        held = await _lock(connection, accounts)
    return held


async def _lock(connection: AsyncConnection, accounts: Sequence[Account]) -> dict[Account, tuple[int, int]]:
    rows = await connection.execute(_LOCK_BALANCES, _named(accounts))
    return {accounts[place - 1]: (account_id, balance_minor or 0) for place, account_id, balance_minor in rows}


async def _open(connection: AsyncConnection, accounts: Sequence[Account]) -> None:
    await connection.execute(
        _OPEN_ACCOUNTS,
        {
            **_named(accounts),
            "normal_sides": [account.normal_side.value for account in accounts],
            "may_go_below_zero": [account.may_go_below_zero for account in accounts],
        },
    )


def _named(accounts: Sequence[Account]) -> dict[str, list[str]]:
    return {
        "names": [account.name for account in accounts],
        "currencies": [account.currency for account in accounts],
    }


async def _recorded(connection: AsyncConnection, references: Sequence[str]) -> dict[str, tuple[Posting, ...]]:
    found: dict[str, tuple[Posting, ...]] = {}
    for row in await connection.execute(_FIND_ENTRIES, {"references": list(references)}):
        reference, amount_minor, currency, *sides = row
        debit = Account(sides[0], currency, Side(sides[1]), sides[2])
        credit = Account(sides[3], currency, Side(sides[4]), sides[5])
        found[reference] = (*found.get(reference, ()), Posting(debit, credit, Money(amount_minor, currency)))
    return found


async def _write(
    connection: AsyncConnection, entries: Sequence[Entry], held: dict[Account, tuple[int, int]]
) -> None:
    if not entries:
        return
    rows = await connection.execute(
        _WRITE_ENTRIES,
        {
            "references": [entry.reference for entry in entries],
            "posting_counts": [len(entry.postings) for entry in entries],
        },
    )
    entry_ids = {reference: id_ for id_, reference in rows}
    if len(entry_ids) < len(entries):
        raise RunAgain("a reference was recorded by somebody else meanwhile")
    lines = [
        (entry_ids[entry.reference], position, posting)
        for entry in entries
        for position, posting in enumerate(entry.postings, start=1)
    ]
    await connection.execute(
        _WRITE_POSTINGS,
        {
            "entry_ids": [entry_id for entry_id, _, _ in lines],
            "positions": [position for _, position, _ in lines],
            "debit_ids": [held[posting.debit][0] for _, _, posting in lines],
            "credit_ids": [held[posting.credit][0] for _, _, posting in lines],
            "amounts_minor": [posting.amount.amount_minor for _, _, posting in lines],
            "currencies": [posting.amount.currency for _, _, posting in lines],
        },
    )
