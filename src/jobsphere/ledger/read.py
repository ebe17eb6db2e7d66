"""Balances, read without locking anything."""

from collections.abc import Iterable

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.ledger.accounts import Account
from jobsphere.money import Money

_BALANCES = text(
    """
    SELECT a.name, a.currency, COALESCE(
        a.balance_minor, (SELECT sum(p.balance_minor) FROM balance_parts AS p WHERE p.account_id = a.id), 0
    )::bigint
    FROM ledger_accounts AS a
    WHERE a.name = ANY (:names) AND a.currency = ANY (:currencies)
    """
).bindparams(bindparam("names", type_=ARRAY(TEXT)), bindparam("currencies", type_=ARRAY(TEXT)))


async def balances(connection: AsyncConnection, accounts: Iterable[Account]) -> dict[Account, Money]:
    """The balance of each account, positive on its normal side; zero for one never used."""
    wanted = list(accounts)
    rows = await connection.execute(
        _BALANCES,
        {
            "names": [account.name for account in wanted],
            "currencies": list({account.currency for account in wanted}),
        },
    )
    found = {(name, currency): balance_minor for name, currency, balance_minor in rows}
    return {a: Money(found.get((a.name, a.currency), 0), a.currency) for a in wanted}


async def balance(connection: AsyncConnection, account: Account) -> Money:
    """The balance of one account."""
    return (await balances(connection, [account]))[account]
