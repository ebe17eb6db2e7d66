"""The ledger on a real PostgreSQL: what it records, what it refuses, and what PostgreSQL refuses by itself."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import IdsFromSeed
from jobsphere.database import DatabaseTransaction, reading, sqlstate
from jobsphere.ledger.accounts import (
    Account,
    offer_escrow,
    platform_fees,
    stripe_balance,
    wallet_available,
    withdrawal_in_transit,
)
from jobsphere.ledger.posting import Entry, Posting, ReferenceReused, Verdict
from jobsphere.ledger.read import balance, balances
from jobsphere.ledger.record import record
from jobsphere.money import Money

WALLET = wallet_available(UUID(int=1), "usd")
RECORD = DatabaseTransaction("tests.record")


STRIPE = stripe_balance("usd")


def entry(reference: str, amount_minor: int, *, debit: Account = STRIPE, credit: Account = WALLET) -> Entry:
    return Entry(reference, (Posting(debit=debit, credit=credit, amount=Money(amount_minor, "usd")),))


async def recorded(engine: AsyncEngine, *entries: Entry) -> list[Verdict]:
    return await RECORD.run(engine, lambda connection: record(connection, entries))


async def available(engine: AsyncEngine) -> int:
    async with reading(engine) as connection:
        return (await balance(connection, WALLET)).amount_minor


async def test_each_entry_is_decided_on_the_balance_the_earlier_ones_left(engine: AsyncEngine) -> None:
    transit = withdrawal_in_transit(UUID(int=2), "usd")
    await recorded(engine, entry("in", 100))

    verdicts = await recorded(
        engine, *(entry(f"out:{minor}", minor, debit=WALLET, credit=transit) for minor in (80, 50, 20))
    )

    assert verdicts == [Verdict.RECORDED, Verdict.INSUFFICIENT_FUNDS, Verdict.RECORDED]
    assert await available(engine) == 0


async def test_the_same_reference_is_recorded_once(engine: AsyncEngine) -> None:
    first = await recorded(engine, entry("deposit", 500))
    second = await recorded(engine, entry("deposit", 500))

    assert (first, second) == ([Verdict.RECORDED], [Verdict.ALREADY_RECORDED])
    assert await available(engine) == 500


async def test_twenty_at_once_record_one_reference_once(engine: AsyncEngine) -> None:
    verdicts = await asyncio.gather(*(recorded(engine, entry("deposit", 500)) for _ in range(20)))

    assert sorted(verdict for [verdict] in verdicts).count(Verdict.RECORDED) == 1
    assert await available(engine) == 500


async def test_a_reference_never_stands_for_other_postings(engine: AsyncEngine) -> None:
    await recorded(engine, entry("deposit", 500))

    with pytest.raises(ReferenceReused):
        await recorded(engine, entry("deposit", 501))

    assert await available(engine) == 500


async def test_entries_between_shared_accounts_race_for_a_reference_too(engine: AsyncEngine) -> None:
    fee = entry("fee", 30, debit=platform_fees("usd"), credit=stripe_balance("usd"))

    verdicts = await asyncio.gather(*(recorded(engine, fee) for _ in range(10)))

    assert sorted(verdict for [verdict] in verdicts).count(Verdict.RECORDED) == 1


async def test_wallets_that_pay_each_other_at_once_never_deadlock(engine: AsyncEngine) -> None:
    other = wallet_available(UUID(int=9), "usd")
    await recorded(engine, entry("a", 1000), entry("b", 1000, credit=other))
    there = [entry(f"there:{n}", 10, debit=WALLET, credit=other) for n in range(50)]
    back = [entry(f"back:{n}", 10, debit=other, credit=WALLET) for n in range(50)]

    await asyncio.gather(*(recorded(engine, one) for pair in zip(there, back, strict=True) for one in pair))

    async with reading(engine) as connection:
        found = await balances(connection, [WALLET, other, stripe_balance("usd")])
    assert [money.amount_minor for money in found.values()] == [1000, 1000, 2000]


async def test_platform_accounts_have_a_balance_and_may_pass_zero(engine: AsyncEngine) -> None:
    await recorded(
        engine, entry("in", 700), entry("cost", 30, debit=platform_fees("usd"), credit=stripe_balance("usd"))
    )

    async with reading(engine) as connection:
        assert (await balance(connection, stripe_balance("usd"))).amount_minor == 670
        assert (await balance(connection, platform_fees("usd"))).amount_minor == -30


async def test_nobody_waits_for_an_account_that_all_share(engine: AsyncEngine) -> None:
    await recorded(engine, entry("in", 100), entry("cost", 1, debit=platform_fees("usd"), credit=STRIPE))

    # The outer database transaction moved stripe:balance and is still open while the inner one does.
    async with engine.connect() as outer, engine.connect() as inner:
        await record(outer, [entry("outer", 30, debit=platform_fees("usd"), credit=STRIPE)])
        await record(inner, [entry("inner", 20, debit=platform_fees("usd"), credit=STRIPE)])
        await inner.commit()
        await outer.commit()

    async with reading(engine) as connection:
        assert (await balance(connection, STRIPE)).amount_minor == 49
        assert (await balance(connection, platform_fees("usd"))).amount_minor == -51
        parts = text("SELECT count(*) FROM balance_parts GROUP BY account_id ORDER BY 1")
        assert list((await connection.execute(parts)).scalars()) == [2, 2]


@pytest.mark.parametrize("as_owner", [False, True])
async def test_parts_of_a_balance_move_with_postings_only(
    engine: AsyncEngine, owner_engine: AsyncEngine, as_owner: bool
) -> None:
    await recorded(engine, entry("in", 100))

    with pytest.raises(DBAPIError) as refusal:
        async with (owner_engine if as_owner else engine).begin() as connection:
            await connection.execute(text("INSERT INTO balance_parts (account_id, balance_minor) VALUES (1, 5)"))

    assert sqlstate(refusal.value) == ("23001" if as_owner else "42501")


async def test_an_account_in_two_currencies_is_two_accounts(engine: AsyncEngine) -> None:
    euros = WALLET._replace(currency="eur")
    posting = Posting(stripe_balance("eur"), euros, Money(7, "eur"))

    verdicts = await recorded(engine, entry("dollars", 100), Entry("euros", (posting,)), entry("more", 1))

    assert set(verdicts) == {Verdict.RECORDED}
    async with reading(engine) as connection:
        found = await balances(connection, [WALLET, euros, stripe_balance("eur")])
    assert [str(money) for money in found.values()] == ["1.01 USD", "0.07 EUR", "0.07 EUR"]


async def test_the_debt_of_a_failed_transaction_is_rolled_back(engine: AsyncEngine) -> None:
    class Interrupted(Exception):
        pass

    async def work(connection) -> None:  # type: ignore[no-untyped-def]
        await record(connection, [entry("in", 100)])
        raise Interrupted

    with pytest.raises(Interrupted):
        await RECORD.run(engine, work)

    assert await available(engine) == 0


@pytest.mark.parametrize("role", ["application", "owner"])
@pytest.mark.parametrize(
    ("table", "column"),
    [("postings", "amount_minor"), ("journal_entries", "reference"), ("ledger_accounts", "name")],
)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = NULL", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_what_is_written_is_neither_changed_nor_removed(
    engine: AsyncEngine, owner_engine: AsyncEngine, role: str, table: str, column: str, statement: str
) -> None:
    await recorded(engine, entry("in", 100))

    with pytest.raises(DBAPIError) as refusal:
        async with (owner_engine if role == "owner" else engine).begin() as connection:
            await connection.execute(text(statement.format(table, column)))

    assert sqlstate(refusal.value) == ("23001" if role == "owner" else "42501")


@pytest.mark.parametrize("as_owner", [False, True])
@pytest.mark.parametrize(
    ("amount_minor", "constraint"),
    [(101, "never_negative"), (0, "amount_is_positive"), (-5, "amount_is_positive")],
)
async def test_postgresql_itself_refuses_an_overdraft_and_a_posting_of_nothing(
    engine: AsyncEngine, owner_engine: AsyncEngine, as_owner: bool, amount_minor: int, constraint: str
) -> None:
    await recorded(engine, entry("in", 100))

    with pytest.raises(DBAPIError) as refusal:
        async with (owner_engine if as_owner else engine).begin() as connection:
            await connection.execute(
                text(
                    """
                    WITH entry AS (
                        INSERT INTO journal_entries (reference, posting_count) VALUES ('raw', 1) RETURNING id
                    )
                    INSERT INTO postings
                        (entry_id, position, debit_account_id, credit_account_id, amount_minor, currency)
                    SELECT entry.id, 1, wallet.id, stripe.id, :amount_minor, 'usd'
                    FROM entry, ledger_accounts AS wallet, ledger_accounts AS stripe
                    WHERE wallet.name = :wallet AND stripe.name = 'stripe:balance'
                    """
                ),
                {"amount_minor": amount_minor, "wallet": WALLET.name},
            )

    assert sqlstate(refusal.value) == "23514"
    assert constraint in str(refusal.value)
    assert await available(engine) == 100


@pytest.mark.parametrize("as_owner", [False, True])
async def test_balances_move_with_postings_only(
    engine: AsyncEngine, owner_engine: AsyncEngine, as_owner: bool
) -> None:
    await recorded(engine, entry("in", 100))

    with pytest.raises(DBAPIError):
        async with (owner_engine if as_owner else engine).begin() as connection:
            await connection.execute(text("UPDATE ledger_accounts SET balance_minor = 1000000"))

    assert await available(engine) == 100


async def test_a_wallet_can_never_be_an_account_that_may_go_below_zero(
    engine: AsyncEngine, ids: IdsFromSeed
) -> None:
    with pytest.raises(DBAPIError) as refusal:
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO ledger_accounts (name, currency, normal_side, may_go_below_zero)"
                    " VALUES (:name, 'usd', 'credit', true)"
                ),
                {"name": offer_escrow(ids.new(), "usd").name},
            )

    assert sqlstate(refusal.value) == "23514"


_ADD_POSTING = """
    INSERT INTO postings (entry_id, position, debit_account_id, credit_account_id, amount_minor, currency)
    SELECT {entry}, 1, {debit}, {credit}, 5, '{currency}'
    FROM journal_entries AS e, ledger_accounts AS d, ledger_accounts AS c
    WHERE e.reference = '{reference}' AND d.name = 'stripe:balance' AND c.name LIKE 'wallet:%'
"""
_RIGHT = {"reference": "new", "entry": "e.id", "debit": "d.id", "credit": "c.id", "currency": "usd"}


@pytest.mark.parametrize("as_owner", [False, True])
@pytest.mark.parametrize(
    ("wrong", "state"),
    [
        ({"reference": "in"}, "23505"),
        ({"reference": "of two"}, "23000"),  # one of its postings alone
        ({"entry": "e.id + 1000"}, "23000"),
        ({"debit": "d.id + 1000"}, "23503"),
        ({"credit": "c.id + 1000"}, "23503"),
        ({"currency": "eur"}, "23503"),
    ],
    ids=str,
)
async def test_postgresql_itself_refuses_a_posting_of_no_entry_or_account_or_a_part_of_an_entry(
    engine: AsyncEngine, owner_engine: AsyncEngine, as_owner: bool, wrong: dict[str, str], state: str
) -> None:
    await recorded(engine, entry("in", 100))
    async with engine.begin() as connection:
        entries = "INSERT INTO journal_entries (reference, posting_count) VALUES ('new', 1), ('of two', 2)"
        await connection.execute(text(entries))

    with pytest.raises(DBAPIError) as refusal:
        async with (owner_engine if as_owner else engine).begin() as connection:
            await connection.execute(text(_ADD_POSTING.format(**(_RIGHT | wrong))))

    assert sqlstate(refusal.value) == state
    assert await available(engine) == 100


async def test_postgresql_itself_refuses_a_posting_more_for_an_old_entry(engine: AsyncEngine) -> None:
    await recorded(engine, entry("in", 100))
    later = _ADD_POSTING.format(**(_RIGHT | {"reference": "in"})).replace("e.id, 1,", "e.id, 2,")

    with pytest.raises(DBAPIError) as refusal:
        async with engine.begin() as connection:
            await connection.execute(text(later))

    assert sqlstate(refusal.value) == "23000"
