"""The one function that changes balances."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import RunAgain
from jobsphere.ledger.accounts import Account, Side
from jobsphere.ledger.posting import Entry, Posting, Verdict, decide
from jobsphere.money import Money

# In the driver's own words: text() would look at every element of these arrays.
_OPEN_ACCOUNTS = """
    INSERT INTO ledger_accounts (name, currency, normal_side, may_go_below_zero)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[])
    ON CONFLICT (name, currency) DO NOTHING
"""

_HOLD = "SELECT account_id, name, currency, balance_minor FROM ledger_hold($1, $2, $3, $4)"

_FIND_ENTRIES = """
    SELECT e.reference, p.amount_minor, p.currency, d.name, d.normal_side, d.may_go_below_zero,
           c.name, c.normal_side, c.may_go_below_zero
    FROM journal_entries AS e
    JOIN postings AS p ON p.entry_id = e.id
    JOIN ledger_accounts AS d ON d.id = p.debit_account_id
    JOIN ledger_accounts AS c ON c.id = p.credit_account_id
    WHERE e.reference = ANY ($1::text[])
    ORDER BY e.id, p.position
"""

# Ids ascend in the order of the references, so the n-th of them is of the n-th entry. If a reference is taken
# after all, no posting is written.
_WRITE = """
    WITH written AS (
        INSERT INTO journal_entries (reference, posting_count)
        SELECT reference, posting_count
        FROM unnest($1::text[], $2::smallint[]) WITH ORDINALITY AS e (reference, posting_count, place)
        ORDER BY place
        ON CONFLICT (reference) DO NOTHING
        RETURNING id
    ), numbered AS MATERIALIZED (SELECT array_agg(id ORDER BY id) AS ids FROM written)
    INSERT INTO postings (entry_id, position, debit_account_id, credit_account_id, amount_minor, currency)
    SELECT ids[place], position, debit_id, credit_id, amount_minor, currency
    FROM numbered, unnest($3::integer[], $4::smallint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[])
        AS p (place, position, debit_id, credit_id, amount_minor, currency)
    WHERE cardinality(ids) = cardinality($1)
"""


@dataclass(frozen=True, slots=True)
class _Held:
    """What is known under the locks: ids and balances of accounts, and which references are taken."""

    ids: dict[Account, int]
    balances_minor: dict[Account, int]
    taken: list[str]


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
    held = await _hold(connection, list(accounts), [entry.reference for entry in entries])
    recorded = await _recorded(connection, held.taken) if held.taken else {}
    verdicts = decide(entries, held.balances_minor, recorded)
    await _write(connection, _accepted(entries, verdicts), held.ids)
    return verdicts


async def lock_balance(connection: AsyncConnection, account: Account) -> Money:
    """The balance of a guarded account, which nobody else moves until the database transaction ends."""
    held = await _hold(connection, [account], [])
    return Money(held.balances_minor[account], account.currency)


def _accepted(entries: Sequence[Entry], verdicts: Sequence[Verdict]) -> list[Entry]:
    return [entry for entry, verdict in zip(entries, verdicts, strict=True) if verdict is Verdict.RECORDED]


async def _hold(connection: AsyncConnection, accounts: Sequence[Account], references: list[str]) -> _Held:
    """Lock the accounts that may not go below zero, and open those that are new."""
    held = await _look(connection, accounts, references)
    missing = [account for account in accounts if account not in held.ids]
    if not missing:
        return held
    # In one order everywhere, so that two who open the same accounts never wait for each other.
    await _open(connection, sorted(missing))
    # All of them again: locks are taken in the order of ids, in one go.
    return await _look(connection, accounts, references)


async def _look(connection: AsyncConnection, accounts: Sequence[Account], references: list[str]) -> _Held:
    guarded = [account.name for account in accounts if not account.may_go_below_zero]
    shared = [account.name for account in accounts if account.may_go_below_zero]
    currencies = list({account.currency for account in accounts})
    rows = await connection.exec_driver_sql(_HOLD, (guarded, shared, currencies, references))
    named = {(account.name, account.currency): account for account in accounts}
    held = _Held({}, {}, [])
    for account_id, name, currency, balance_minor in map(tuple, rows):
        if account_id is None:
            held.taken.append(name)
        # A name may be found in the currency of another account.
        elif (account := named.get((name, currency))) is not None:
            held.ids[account] = account_id
            if balance_minor is not None:
                held.balances_minor[account] = balance_minor
    return held


async def _open(connection: AsyncConnection, accounts: Sequence[Account]) -> None:
    await connection.exec_driver_sql(
        _OPEN_ACCOUNTS,
        (
            [account.name for account in accounts],
            [account.currency for account in accounts],
            [account.normal_side.value for account in accounts],
            [account.may_go_below_zero for account in accounts],
        ),
    )


async def _recorded(connection: AsyncConnection, references: Sequence[str]) -> dict[str, tuple[Posting, ...]]:
    found: dict[str, tuple[Posting, ...]] = {}
    for row in await connection.exec_driver_sql(_FIND_ENTRIES, (list(references),)):
        reference, amount_minor, currency, *sides = tuple(row)
        debit = Account(sides[0], currency, Side(sides[1]), sides[2])
        credit = Account(sides[3], currency, Side(sides[4]), sides[5])
        found[reference] = (*found.get(reference, ()), Posting(debit, credit, Money(amount_minor, currency)))
    return found


async def _write(connection: AsyncConnection, entries: Sequence[Entry], ids: dict[Account, int]) -> None:
    if not entries:
        return
    lines = [
        (
            place,
            position,
            ids[posting.debit],
            ids[posting.credit],
            posting.amount.amount_minor,
            posting.amount.currency,
        )
        for place, entry in enumerate(entries, start=1)
        for position, posting in enumerate(entry.postings, start=1)
    ]
    references = [entry.reference for entry in entries]
    counts = [len(entry.postings) for entry in entries]
    columns = map(list, zip(*lines, strict=True))
    written = await connection.exec_driver_sql(_WRITE, (references, counts, *columns))
    if written.rowcount < len(lines):
        raise RunAgain("a reference was recorded by somebody else meanwhile")
