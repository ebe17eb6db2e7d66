"""Notifications: one fact is told once to one person, read once, and by nobody else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import ClockMovedByHand
from jobsphere.database import reading
from jobsphere.notifications.inbox import (
    Notification,
    NotificationNotFound,
    count_unread,
    list_notifications,
    mark_read,
)
from jobsphere.notifications.notice import Notice, NoticeType
from jobsphere.notifications.write import notify
from jobsphere.wallets.wallet import Wallet
from tests.database.conftest import Do, Join


@pytest.fixture
async def wallet(joined: Join) -> Wallet:
    return await joined()


def notice(wallet: Wallet, reference: str = "deposit:1:succeeded") -> Notice:
    data = {"depositId": "1"}
    return Notice(reference, wallet.user_id, NoticeType.PAYMENT_RECEIVED, "Deposit successful", "5.00 USD", data)


async def inbox(engine: AsyncEngine, wallet: Wallet, *, limit: int = 100) -> list[Notification]:
    async with reading(engine) as connection:
        return await list_notifications(connection, wallet.user_id, before_id=None, limit=limit)


async def test_a_notice_is_kept_as_it_was_told(
    engine: AsyncEngine, do: Do, wallet: Wallet, clock: ClockMovedByHand
) -> None:
    await do(lambda connection: notify(connection, [notice(wallet)], now=clock.now()))

    [found] = await inbox(engine, wallet)

    assert (found.type, found.title, found.body, found.data, found.created_at, found.read_at) == (
        "payment_received",
        "Deposit successful",
        "5.00 USD",
        {"depositId": "1"},
        clock.now(),
        None,
    )


async def test_one_fact_is_told_once_to_each_person_it_concerns(
    engine: AsyncEngine, do: Do, wallet: Wallet, joined: Join, clock: ClockMovedByHand
) -> None:
    other = await joined()
    told = [notice(wallet), notice(other), notice(wallet)]
    for _ in range(2):
        await do(lambda connection: notify(connection, told, now=clock.now()))

    assert len(await inbox(engine, wallet)) == len(await inbox(engine, other)) == 1


async def test_nothing_to_tell_is_no_error(engine: AsyncEngine, do: Do, wallet: Wallet) -> None:
    await do(lambda connection: notify(connection, [], now=wallet.created_at))

    assert await inbox(engine, wallet) == []


async def test_what_is_rolled_back_was_never_told(engine: AsyncEngine, do: Do, wallet: Wallet) -> None:
    async def work(connection: AsyncConnection) -> None:
        await notify(connection, [notice(wallet)], now=wallet.created_at)
        raise NotificationNotFound

    with pytest.raises(NotificationNotFound):
        await do(work)

    assert await inbox(engine, wallet) == []


async def test_pages_are_newest_first_without_gap_or_repetition_even_at_one_moment(
    engine: AsyncEngine, do: Do, wallet: Wallet, joined: Join, clock: ClockMovedByHand
) -> None:
    other = await joined()
    told = [notice(who, f"fact:{n}") for n in range(7) for who in (wallet, other)]
    await do(lambda connection: notify(connection, told, now=clock.now()))
    found: list[Notification] = []

    async with reading(engine) as connection:
        while page := await list_notifications(
            connection, wallet.user_id, before_id=found[-1].id if found else None, limit=3
        ):
            found += page

    assert len({one.id for one in found}) == len(found) == 7
    assert found == sorted(found, key=lambda one: one.id, reverse=True)


async def test_reading_it_again_keeps_the_first_time(
    engine: AsyncEngine, do: Do, wallet: Wallet, clock: ClockMovedByHand
) -> None:
    first_time = clock.now() + timedelta(hours=1)
    await do(lambda connection: notify(connection, [notice(wallet), notice(wallet, "b")], now=clock.now()))
    _, unread = await inbox(engine, wallet)

    for hours in (1, 2, 3):
        when = clock.now() + timedelta(hours=hours)
        read = await do(lambda c, when=when: mark_read(c, wallet.user_id, unread.id, now=when))  # type: ignore[misc]
        assert read == replace(unread, read_at=first_time)

    async with reading(engine) as connection:
        assert await count_unread(connection, wallet.user_id) == 1
        left = await list_notifications(connection, wallet.user_id, before_id=None, limit=9, unread_only=True)
    assert unread.id not in [one.id for one in left]


async def test_somebody_elses_notification_is_not_found_and_stays_unread(
    engine: AsyncEngine, do: Do, wallet: Wallet, joined: Join, clock: ClockMovedByHand
) -> None:
    other = await joined()
    await do(lambda connection: notify(connection, [notice(wallet)], now=clock.now()))
    [mine] = await inbox(engine, wallet)

    for user_id, notification_id in ((other.user_id, mine.id), (wallet.user_id, mine.id + 1)):
        with pytest.raises(NotificationNotFound):
            await do(lambda c, u=user_id, n=notification_id: mark_read(c, u, n, now=clock.now()))  # type: ignore[misc]

    assert await inbox(engine, wallet) == [mine]
    assert await inbox(engine, other) == []
