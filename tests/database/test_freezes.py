"""Freezes: what each level stops and until when, several at once, each once, remembered for ever."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import ClockMovedByHand, IdsFromSeed
from jobsphere.database import reading, sqlstate
from jobsphere.wallets import freezes
from jobsphere.wallets.freeze import Freeze, FreezeLevel, Use
from jobsphere.wallets.freezes import FreezeNotFound, FreezeWithoutLength, WalletFrozen
from jobsphere.wallets.wallet import Wallet, WalletInactive, WalletNotFound, lock_wallet_of, wallet_of
from tests.database.conftest import Do, Join

Put = Callable[..., Coroutine[Any, Any, Freeze]]


@pytest.fixture
async def wallet(joined: Join) -> Wallet:
    return await joined()


@pytest.fixture
def put(do: Do, wallet: Wallet, clock: ClockMovedByHand) -> Put:
    """Freezes the wallet."""

    async def put(level: FreezeLevel = FreezeLevel.OUTGOING, **more: Any) -> Freeze:
        def work(connection: AsyncConnection) -> Awaitable[Freeze]:
            given = {"reason": "Reported as stolen", "author_id": None, "now": clock.now(), **more}
            return freezes.freeze(connection, wallet.id, level=level, **given)

        done = await do(work)
        assert isinstance(done, Freeze)
        return done

    return put


async def stopped(engine: AsyncEngine, wallet: Wallet, clock: ClockMovedByHand) -> set[Use]:
    found = set()
    async with reading(engine) as connection:
        now_read = await wallet_of(connection, wallet.user_id)
        for use in Use:
            try:
                await freezes.require_free(connection, now_read, use, now=clock.now())
            except WalletFrozen:
                found.add(use)
    return found


@pytest.mark.parametrize(
    ("level", "stops"),
    [
        (FreezeLevel.WITHDRAWALS, {Use.WITHDRAW}),
        (FreezeLevel.OUTGOING, {Use.WITHDRAW, Use.SPEND}),
        (FreezeLevel.ALL, {Use.WITHDRAW, Use.SPEND, Use.PAY_IN}),
    ],
)
async def test_each_level_stops_what_the_one_before_does_and_more(
    engine: AsyncEngine, put: Put, wallet: Wallet, clock: ClockMovedByHand, level: FreezeLevel, stops: set[Use]
) -> None:
    assert await stopped(engine, wallet, clock) == set()
    await put(level)
    assert await stopped(engine, wallet, clock) == stops


async def test_a_freeze_ends_by_itself_at_its_time(
    engine: AsyncEngine, put: Put, wallet: Wallet, clock: ClockMovedByHand
) -> None:
    await put(ends_at=clock.now() + timedelta(hours=1))
    clock.advance(minutes=59, seconds=59)
    assert await stopped(engine, wallet, clock) == {Use.WITHDRAW, Use.SPEND}
    clock.advance(seconds=1)
    assert await stopped(engine, wallet, clock) == set()


async def test_of_several_the_strictest_decides_and_lifting_one_leaves_the_others(
    engine: AsyncEngine, do: Do, put: Put, wallet: Wallet, clock: ClockMovedByHand
) -> None:
    strict, mild = await put(FreezeLevel.ALL), await put(FreezeLevel.WITHDRAWALS)

    async def lift(one: Freeze) -> None:
        await do(lambda c: freezes.lift(c, one.id, reason="Cleared", author_id=None, now=clock.now()))

    assert await stopped(engine, wallet, clock) == set(Use)
    await lift(strict)
    assert await stopped(engine, wallet, clock) == {Use.WITHDRAW}
    with pytest.raises(FreezeNotFound):
        await lift(strict)
    await lift(mild)
    assert await stopped(engine, wallet, clock) == set()
    async with reading(engine) as connection:
        assert not (await wallet_of(connection, wallet.user_id)).is_frozen


async def test_a_freeze_and_its_end_keep_who_did_it_and_why(
    engine: AsyncEngine, do: Do, put: Put, ids: IdsFromSeed, joined: Join, clock: ClockMovedByHand, wallet: Wallet
) -> None:
    admin = (await joined()).user_id
    put_one = await put(reason="Chargeback", author_id=admin)
    await do(lambda c: freezes.lift(c, put_one.id, reason="Won", author_id=admin, now=clock.now()))

    async with reading(engine) as connection:
        rows = await connection.execute(
            text("SELECT actor_id, action, details FROM audit_log WHERE subject = :subject ORDER BY id"),
            {"subject": f"wallet:{wallet.id}"},
        )
        about = {"freeze_id": put_one.id, "level": "outgoing"}
        assert [tuple(row) for row in rows] == [
            (admin, "wallet.frozen", {**about, "reason": "Chargeback"}),
            (admin, "wallet.freeze_lifted", {**about, "reason": "Won"}),
        ]


async def test_the_owner_is_told_of_each_freeze_and_of_its_end_once_and_never_why(
    engine: AsyncEngine, do: Do, put: Put, clock: ClockMovedByHand, wallet: Wallet
) -> None:
    lifted = await put(FreezeLevel.ALL, reference="dispute:1")
    await put(FreezeLevel.ALL, reference="dispute:1")
    await put(FreezeLevel.WITHDRAWALS, ends_at=clock.now() + timedelta(hours=1))
    await do(lambda c: freezes.lift(c, lifted.id, reason="Cleared", author_id=None, now=clock.now()))
    await do(lambda c: freezes.tell_ended(c, now=clock.now()))
    clock.advance(hours=1)
    for _ in range(2):
        await do(lambda c: freezes.tell_ended(c, now=clock.now()))

    async with reading(engine) as connection:
        told = await connection.execute(text("SELECT user_id, title, body FROM notifications ORDER BY id"))
        rows = [tuple(row) for row in told]
    assert [(user_id, title) for user_id, title, _ in rows] == [
        (wallet.user_id, "Wallet frozen"),
        (wallet.user_id, "Wallet frozen"),
        (wallet.user_id, "Freeze ended"),
        (wallet.user_id, "Freeze ended"),
    ]
    assert "Something else still limits" in rows[2][2]
    assert rows[3][2].endswith("You can use your wallet as before.")
    assert not any("stolen" in body or "Cleared" in body for _, _, body in rows)


async def test_a_reference_freezes_once_and_ends_it_once(
    engine: AsyncEngine, do: Do, put: Put, wallet: Wallet, clock: ClockMovedByHand
) -> None:
    first = await put(reference="dispute:1")
    assert await put(FreezeLevel.ALL, reference="dispute:1") == first

    async def end() -> object:
        return await do(
            lambda c: freezes.lift_by_reference(c, "dispute:1", reason="Won", author_id=None, now=clock.now())
        )

    assert await end() == first
    assert await end() is None
    assert await put(reference="dispute:1") == first
    assert await stopped(engine, wallet, clock) == set()


async def test_the_next_to_be_reviewed_is_listed_first(
    engine: AsyncEngine, put: Put, clock: ClockMovedByHand
) -> None:
    later, over = await put(), await put(ends_at=clock.now() + timedelta(minutes=1))
    sooner = await put(review_at=clock.now() + timedelta(days=1))
    assert later.review_at == clock.now() + freezes.REVIEW_AFTER
    clock.advance(minutes=2)

    async with reading(engine) as connection:
        listed = await freezes.list_in_force(connection, now=clock.now(), limit=10)
    assert [one.id for one in listed] == [sooner.id, later.id]
    assert over not in listed


@pytest.mark.parametrize("time", ["ends_at", "review_at"])
async def test_a_freeze_ends_after_it_begins(put: Put, clock: ClockMovedByHand, time: str) -> None:
    with pytest.raises(FreezeWithoutLength):
        await put(**{time: clock.now()})


async def test_only_wallets_that_exist_are_frozen(do: Do, ids: IdsFromSeed, clock: ClockMovedByHand) -> None:
    nobody = ids.new()
    with pytest.raises(WalletNotFound):
        await do(
            lambda c: freezes.freeze(c, nobody, level=FreezeLevel.ALL, reason="x", author_id=None, now=clock.now())
        )


async def test_a_closed_wallet_is_used_for_nothing(
    engine: AsyncEngine, owner_engine: AsyncEngine, wallet: Wallet, clock: ClockMovedByHand
) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(text("UPDATE wallets SET is_active = false"))
    async with reading(engine) as connection:
        closed = await wallet_of(connection, wallet.user_id)
        for use in Use:
            with pytest.raises(WalletInactive):
                await freezes.require_free(connection, closed, use, now=clock.now())


async def test_a_use_that_holds_the_wallet_ends_before_a_freeze_begins(
    engine: AsyncEngine, do: Do, put: Put, wallet: Wallet, clock: ClockMovedByHand
) -> None:
    async def use(connection: AsyncConnection) -> asyncio.Task[Freeze]:
        held = await lock_wallet_of(connection, wallet.user_id)
        freezing = asyncio.create_task(put(), context=contextvars.Context())
        await _until_somebody_waits(engine)
        await freezes.require_free(connection, held, Use.SPEND, now=clock.now())
        assert not freezing.done()
        return freezing

    freezing = await do(use)
    assert isinstance(freezing, asyncio.Task)
    await freezing
    assert await stopped(engine, wallet, clock) == {Use.WITHDRAW, Use.SPEND}


async def _until_somebody_waits(engine: AsyncEngine) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with engine.connect() as connection:
        while not (await connection.execute(waiting)).scalar_one():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE freezes SET reason = 'x'",
        "UPDATE freezes SET ends_at = NULL",
        "DELETE FROM freezes",
        "TRUNCATE freezes",
    ],
)
async def test_why_a_wallet_was_frozen_is_kept_as_it_was_written(
    put: Put, owner_engine: AsyncEngine, change: str
) -> None:
    await put()
    async with owner_engine.connect() as connection:
        with pytest.raises(DBAPIError) as refusal:
            await connection.execute(text(change))
    assert sqlstate(refusal.value) == "23001"
