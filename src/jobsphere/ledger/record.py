"""The one function that changes balances."""

from collections.abc import Sequence

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, BOOLEAN, SMALLINT, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import RunAgain
from jobsphere.ledger.accounts import Account, Side
from jobsphere.ledger.posting import Entry, Posting, Verdict, decide
from jobsphere.money import Money

_FIND_ACCOUNTS = text(
    """
    SELECT a.id, a.name, a.currency FROM ledger_accounts AS a
    JOIN unnest(:names, :currencies) AS wanted (name, currency) USING (name, currency)
    """
).bindparams(bindparam("names", type_=ARRAY(TEXT)), bindparam("currencies", type_=ARRAY(TEXT)))

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

_LOCK_BALANCES = text("SELECT account_id, balance_minor FROM ledger_lock_balances(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(BIGINT))
)

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
    accounts = sorted({account for entry in entries for account in entry.accounts()})
    ids = await _account_ids(connection, accounts)
    balances = await _lock_balances(connection, accounts, ids)
    # Read after the locks: whoever held them has committed, and what it recorded is visible now.
    recorded = await _recorded(connection, [entry.reference for entry in entries])
    verdicts = decide(entries, balances, recorded)
    await _write(connection, _accepted(entries, verdicts), ids)
    return verdicts


async def lock_balance(connection: AsyncConnection, account: Account) -> Money:
    """The balance of a guarded account, which nobody else moves until the database transaction ends."""
    ids = await _account_ids(connection, [account])
    locked = await _lock_balances(connection, [account], ids)
    return Money(locked[account], account.currency)


def _accepted(entries: Sequence[Entry], verdicts: Sequence[Verdict]) -> list[Entry]:
    return [entry for entry, verdict in zip(entries, verdicts, strict=True) if verdict is Verdict.RECORDED]


async def _account_ids(connection: AsyncConnection, accounts: Sequence[Account]) -> dict[Account, int]:
    found = await _find_accounts(connection, accounts)
    missing = [account for account in accounts if account not in found]
    if missing:
        await connection.execute(
            _OPEN_ACCOUNTS,
            {
                "names": [account.name for account in missing],
                "currencies": [account.currency for account in missing],
                "normal_sides": [account.normal_side.value for account in missing],
                "may_go_below_zero": [account.may_go_below_zero for account in missing],
            },
        )
        found |= await _find_accounts(connection, missing)
    return found


async def _find_accounts(connection: AsyncConnection, accounts: Sequence[Account]) -> dict[Account, int]:
    rows = await connection.execute(
        _FIND_ACCOUNTS,
        {
            "names": [account.name for account in accounts],
            "currencies": [account.currency for account in accounts],
        },
    )
    by_key = {(name, currency): id_ for id_, name, currency in rows}
    return {a: by_key[a.name, a.currency] for a in accounts if (a.name, a.currency) in by_key}


async def _lock_balances(
    connection: AsyncConnection, accounts: Sequence[Account], ids: dict[Account, int]
) -> dict[Account, int]:
    guarded = {ids[account]: account for account in accounts if not account.may_go_below_zero}
    if not guarded:
        return {}
    rows = await connection.execute(_LOCK_BALANCES, {"ids": list(guarded)})
    return {guarded[account_id]: balance_minor for account_id, balance_minor in rows}


async def _recorded(connection: AsyncConnection, references: Sequence[str]) -> dict[str, tuple[Posting, ...]]:
    found: dict[str, tuple[Posting, ...]] = {}
    for row in await connection.execute(_FIND_ENTRIES, {"references": list(references)}):
        reference, amount_minor, currency, *sides = row
        debit = Account(sides[0], currency, Side(sides[1]), sides[2])
        credit = Account(sides[3], currency, Side(sides[4]), sides[5])
        found[reference] = (*found.get(reference, ()), Posting(debit, credit, Money(amount_minor, currency)))
    return found


async def _write(connection: AsyncConnection, entries: Sequence[Entry], ids: dict[Account, int]) -> None:
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
            "debit_ids": [ids[posting.debit] for _, _, posting in lines],
            "credit_ids": [ids[posting.credit] for _, _, posting in lines],
            "amounts_minor": [posting.amount.amount_minor for _, _, posting in lines],
            "currencies": [posting.amount.currency for _, _, posting in lines],
        },
    )
