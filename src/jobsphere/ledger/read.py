"""Balances, read without locking anything."""

from collections.abc import Iterable

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.ledger.accounts import Account
from jobsphere.money import Money

_BALANCES = text(
    """
    SELECT a.name, a.currency, COALESCE(a.balance_minor, (
        SELECT COALESCE(sum(CASE side WHEN a.normal_side THEN amount_minor ELSE -amount_minor END), 0)
        FROM (
            SELECT 'debit' AS side, amount_minor FROM postings WHERE debit_account_id = a.id
            UNION ALL
            SELECT 'credit', amount_minor FROM postings WHERE credit_account_id = a.id
        ) AS moved
    ))::bigint
    FROM ledger_accounts AS a
    JOIN unnest(:names, :currencies) AS wanted (name, currency) USING (name, currency)
    """
).bindparams(bindparam("names", type_=ARRAY(TEXT)), bindparam("currencies", type_=ARRAY(TEXT)))


async def balances(connection: AsyncConnection, accounts: Iterable[Account]) -> dict[Account, Money]:
    """The balance of each account, positive on its normal side; zero for one never used."""
    wanted = list(accounts)
    rows = await connection.execute(
        _BALANCES,
        {
            "names": [account.name for account in wanted],
            "currencies": [account.currency for account in wanted],
        },
    )
    found = {(name, currency): balance_minor for name, currency, balance_minor in rows}
    return {a: Money(found.get((a.name, a.currency), 0), a.currency) for a in wanted}


async def balance(connection: AsyncConnection, account: Account) -> Money:
    """The balance of one account."""
    return (await balances(connection, [account]))[account]
