"""Wallets and transactions: pages without gap or repetition, totals, freezes that are remembered, ids once."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import ClockMovedByHand, IdsFromSeed
from jobsphere.database import reading, sqlstate, violated_constraint
from jobsphere.money import Money
from jobsphere.wallets import transactions
from jobsphere.wallets.transactions import Cursor, Transaction, TransactionStatus, TransactionType
from jobsphere.wallets.wallet import (
    Totals,
    Wallet,
    WalletInactive,
    WalletNotFound,
    available_balance,
    lock_wallet_of,
    totals,
    wallet_by_account,
    wallet_by_id,
    wallet_of,
)
from tests.database.conftest import Do, Join


@pytest.fixture
async def wallet(joined: Join) -> Wallet:
    return await joined()


def deposit(wallet: Wallet, id_: UUID, *, minor: int = 100, seconds: int = 0) -> Transaction:
    return Transaction(
        id=id_,
        type=TransactionType.DEPOSIT,
        amount=Money(minor, "usd"),
        from_wallet_id=None,
        to_wallet_id=wallet.id,
        status=TransactionStatus.PENDING,
        description="Deposit by card",
        created_at=wallet.created_at + timedelta(seconds=seconds),
    )


async def pages(engine: AsyncEngine, wallet: Wallet, limit: int) -> list[list[Transaction]]:
    found, cursor = [], None
    async with reading(engine) as connection:
        while page := await transactions.list_transactions(connection, wallet.id, before=cursor, limit=limit):
            found.append(page)
            cursor = Cursor(page[-1].created_at, page[-1].id)
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_are_newest_first_without_gap_or_repetition_even_at_one_moment(
    engine: AsyncEngine, do: Do, ids: IdsFromSeed, wallet: Wallet, joined: Join, limit: int
) -> None:
    # Four moments with five each: out of the wallet, into it, and some of somebody else.
    other = await joined()
    mine = [deposit(wallet, ids.new(), seconds=n // 5) for n in range(20)]
    mine = [replace(t, from_wallet_id=wallet.id, to_wallet_id=None) if n % 3 else t for n, t in enumerate(mine)]
    foreign = [deposit(other, ids.new(), seconds=n // 5) for n in range(20)]
    await do(lambda connection: transactions.write(connection, *mine, *foreign))

    found = await pages(engine, wallet, limit)

    expected = sorted(mine, key=lambda t: (t.created_at, t.id), reverse=True)
    assert [t for page in found for t in page] == expected
    assert all(len(page) == limit for page in found[:-1])


async def test_what_is_newer_than_the_cursor_does_not_move_the_next_page(
    engine: AsyncEngine, do: Do, ids: IdsFromSeed, wallet: Wallet
) -> None:
    old = [deposit(wallet, ids.new(), seconds=n) for n in range(4)]
    await do(lambda connection: transactions.write(connection, *old))
    cursor = Cursor(old[2].created_at, old[2].id)
    await do(lambda connection: transactions.write(connection, deposit(wallet, ids.new(), seconds=9)))

    async with reading(engine) as connection:
        page = await transactions.list_transactions(connection, wallet.id, before=cursor, limit=10)

    assert page == [old[1], old[0]]


async def test_a_transfer_between_a_wallet_and_itself_is_shown_once(
    engine: AsyncEngine, do: Do, ids: IdsFromSeed, wallet: Wallet
) -> None:
    own = replace(deposit(wallet, ids.new()), from_wallet_id=wallet.id)
    await do(lambda connection: transactions.write(connection, own))

    assert await pages(engine, wallet, 10) == [[own]]


async def test_every_field_of_a_transaction_is_kept(
    engine: AsyncEngine, do: Do, ids: IdsFromSeed, wallet: Wallet
) -> None:
    full = replace(
        deposit(wallet, ids.new()),
        status=TransactionStatus.COMPLETED,
        completed_at=wallet.created_at,
        offer_id=ids.new(),
        job_id=ids.new(),
        stripe_payment_intent_id="pi_1",
        stripe_charge_id="ch_1",
        stripe_transfer_id="tr_1",
        stripe_payout_id="po_1",
    )
    await do(lambda connection: transactions.write(connection, full))

    assert await pages(engine, wallet, 10) == [[full]]


async def test_it_fails_is_tried_again_and_completes(
    engine: AsyncEngine, do: Do, ids: IdsFromSeed, wallet: Wallet, clock: ClockMovedByHand
) -> None:
    pending = deposit(wallet, ids.new())
    await do(lambda connection: transactions.write(connection, pending))

    await do(lambda connection: transactions.fail(connection, pending.id, reason="No."))
    [[failed]] = await pages(engine, wallet, 10)
    await do(lambda connection: transactions.reopen(connection, pending.id))
    [[reopened]] = await pages(engine, wallet, 10)
    await do(lambda c: transactions.complete(c, pending.id, now=clock.now(), stripe_charge_id="ch_1"))
    [[completed]] = await pages(engine, wallet, 10)

    assert failed == replace(pending, status=TransactionStatus.FAILED, failure_reason="No.")
    assert reopened == pending
    assert completed == replace(
        pending, status=TransactionStatus.COMPLETED, completed_at=clock.now(), stripe_charge_id="ch_1"
    )


@pytest.mark.parametrize(
    "column", ["stripe_payment_intent_id", "stripe_charge_id", "stripe_transfer_id", "stripe_payout_id"]
)
async def test_an_object_of_stripe_belongs_to_one_transaction(
    do: Do, ids: IdsFromSeed, wallet: Wallet, column: str
) -> None:
    first, second = deposit(wallet, ids.new()), deposit(wallet, ids.new())
    await do(lambda connection: transactions.write(connection, first, second))
    await do(lambda connection: transactions.attach(connection, first.id, **{column: "x_1"}))

    with pytest.raises(DBAPIError) as refusal:
        await do(lambda connection: transactions.attach(connection, second.id, **{column: "x_1"}))

    assert violated_constraint(refusal.value) == f"transactions_{column}_key"


@pytest.mark.parametrize("column", ["stripe_customer_id", "stripe_connect_account_id"])
async def test_a_person_at_stripe_has_one_wallet(do: Do, wallet: Wallet, joined: Join, column: str) -> None:
    other = await joined()
    change = f"UPDATE wallets SET {column} = 'x_1' WHERE id = :id"  # noqa: S608
    await do(lambda connection: connection.execute(text(change), {"id": wallet.id}))

    with pytest.raises(DBAPIError) as refusal:
        await do(lambda connection: connection.execute(text(change), {"id": other.id}))

    assert violated_constraint(refusal.value) == f"wallets_{column}_key"


@pytest.mark.parametrize(
    "change",
    [
        "status = 'completed'",  # without its time
        "status = 'failed'",  # without its reason
        "completed_at = now()",
        "failure_reason = 'x'",
        "amount_minor = 0",
        "to_wallet_id = NULL",
        "type = 'gift'",
        "status = 'perhaps'",
    ],
)
async def test_postgresql_refuses_a_transaction_that_contradicts_itself(
    do: Do, ids: IdsFromSeed, wallet: Wallet, change: str
) -> None:
    await do(lambda connection: transactions.write(connection, deposit(wallet, ids.new())))

    with pytest.raises(DBAPIError) as refusal:
        await do(lambda connection: connection.execute(text(f"UPDATE transactions SET {change}")))  # noqa: S608

    assert sqlstate(refusal.value) == "23514"


async def test_totals_count_what_is_completed_and_each_once(
    engine: AsyncEngine, do: Do, ids: IdsFromSeed, wallet: Wallet, joined: Join, clock: ClockMovedByHand
) -> None:
    other = await joined()

    def done(type_: TransactionType, minor: int, *, outgoing: bool, completed: bool = True) -> Transaction:
        me, them = (wallet.id, other.id) if type_ is TransactionType.CONTRACTOR_PAYOUT else (wallet.id, None)
        return Transaction(
            ids.new(),
            type_,
            Money(minor, "usd"),
            me if outgoing else them,
            them if outgoing else me,
            TransactionStatus.COMPLETED if completed else TransactionStatus.PENDING,
            "x",
            clock.now(),
            completed_at=clock.now() if completed else None,
        )

    types = TransactionType
    await do(
        lambda connection: transactions.write(
            connection,
            done(types.DEPOSIT, 1, outgoing=False),
            done(types.ESCROW_HOLD, 2, outgoing=True),
            done(types.REFUND, 4, outgoing=False),
            done(types.REFUND, 8, outgoing=True),
            done(types.PLATFORM_FEE, 16, outgoing=True),
            done(types.SERVICE_FEE, 32, outgoing=True),
            done(types.CONTRACTOR_PAYOUT, 64, outgoing=True),
            done(types.CONTRACTOR_PAYOUT, 128, outgoing=False),
            done(types.WITHDRAWAL, 256, outgoing=True),
            done(types.WITHDRAWAL, 512, outgoing=True, completed=False),
            done(types.CONTRACTOR_PAYOUT, 1024, outgoing=False, completed=False),
        )
    )

    async with reading(engine) as connection:
        assert await totals(connection, wallet) == Totals(
            earnings=Money(128, "usd"), spent=Money(16 + 32 + 64, "usd"), withdrawals=Money(256, "usd")
        )


async def test_a_new_wallet_is_empty(engine: AsyncEngine, wallet: Wallet) -> None:
    nothing = Money.zero("usd")
    async with reading(engine) as connection:
        assert await available_balance(connection, wallet) == nothing
        assert await totals(connection, wallet) == Totals(nothing, nothing, nothing)
    assert await pages(engine, wallet, 10) == []


def test_nothing_enters_a_closed_wallet(wallet: Wallet) -> None:
    wallet.require_active()
    with pytest.raises(WalletInactive):
        replace(wallet, is_active=False).require_active()


async def test_a_freeze_waits_for_a_deed_that_holds_the_wallet(
    do: Do, superuser_engine: AsyncEngine, wallet: Wallet
) -> None:
    async def while_held(connection: object) -> None:
        await lock_wallet_of(connection, wallet.user_id)  # type: ignore[arg-type]
        async with superuser_engine.connect() as other:
            with pytest.raises(DBAPIError) as refusal:
                await other.execute(text("SELECT 1 FROM wallets FOR NO KEY UPDATE NOWAIT"))
            assert sqlstate(refusal.value) == "55P03"

    await do(while_held)


async def test_a_wallet_nobody_has_is_not_found(engine: AsyncEngine, do: Do, wallet: Wallet) -> None:
    nobody = uuid4()
    async with reading(engine) as connection:
        assert await wallet_by_id(connection, wallet.id) == wallet
        for look in (wallet_of(connection, nobody), wallet_by_id(connection, nobody)):
            with pytest.raises(WalletNotFound):
                await look
        with pytest.raises(WalletNotFound):
            await wallet_by_account(connection, "acct_of_nobody")
