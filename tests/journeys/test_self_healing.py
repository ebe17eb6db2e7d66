"""With every webhook lost all ends right, and nothing waits without somebody knowing."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import TimeOrderedIds
from jobsphere.database import in_own_transaction, reading
from jobsphere.identity.people import Role
from jobsphere.reconciliation.look_after import look_after
from jobsphere.wallets import freezes
from jobsphere.wallets.freeze import Freeze, FreezeLevel
from jobsphere.webhooks.catch_up import CatchUp, catch_up
from jobsphere.webhooks.tables import event_cursors, webhook_events
from tests.journeys.conftest import JobSphere, running, settings_for_tests
from tests.journeys.test_withdrawals import withdrawn

OFTEN = CatchUp(livemode=False, seconds=10, account_seconds=20)


async def read(jobsphere: JobSphere) -> int:
    """One round, as if the interval had passed."""
    jobsphere.clock.advance(minutes=2)
    return await catch_up(jobsphere.engine, jobsphere.gateway, jobsphere.clock, OFTEN)


async def stored(jobsphere: JobSphere) -> int:
    async with reading(jobsphere.engine) as connection:
        return (await connection.execute(select(func.count()).select_from(webhook_events))).scalar_one()


async def test_lost_events_of_the_platform_and_of_a_contractor_are_read_and_stored_once(
    jobsphere: JobSphere,
) -> None:
    _, contractor = await jobsphere.earned("100")
    before = await stored(jobsphere)
    await jobsphere.sandbox.set_delivery_mode("drop")
    withdrawal_id = await withdrawn(contractor)
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    await jobsphere.sandbox.advance(days=4)

    assert await read(jobsphere) == 2
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "paid")
    after = await stored(jobsphere)
    await jobsphere.sandbox.set_delivery_mode("deliver")
    for event in {one["event"] for one in await jobsphere.sandbox.deliveries()}:
        await jobsphere.sandbox.resend(event)
    await jobsphere.sandbox.drain()
    await read(jobsphere)

    assert after > before
    assert await stored(jobsphere) == after
    await jobsphere.books_hold()


async def test_while_stripe_is_away_the_cursor_stays_and_reading_goes_on_after_it(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await read(jobsphere)
    await jobsphere.sandbox.set_delivery_mode("drop")
    started = await customer.done("/api/wallet/deposit", {"amount": 50, "paymentMethodId": "pm_card_visa"})
    await jobsphere.sandbox.plan_faults({"match": "GET /v1/events", "kind": "error_before", "times": 1})

    await read(jobsphere)
    assert (await customer.data(f"/api/wallet/deposits/{started['depositId']}"))["status"] == "pending"
    await read(jobsphere)

    await jobsphere.deposit_in(customer, started["depositId"], "completed")


async def test_a_long_list_is_read_page_by_page_over_several_rounds(
    jobsphere: JobSphere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobsphere.webhooks.catch_up.PAGES_MAX", 1)
    await jobsphere.sandbox.set_delivery_mode("drop")
    customer = await jobsphere.person(Role.CUSTOMER)
    for _ in range(30):
        await customer.done("/api/wallet/deposit", {"amount": 10, "paymentMethodId": "pm_card_visa"})
        jobsphere.clock.advance(hours=1)

    await read(jobsphere)
    async with reading(jobsphere.engine) as connection:
        under_way = (await connection.execute(select(event_cursors.c.sweep_after))).scalar_one()
    assert under_way is not None
    first = await stored(jobsphere)
    await read(jobsphere)

    assert first == 100
    assert await stored(jobsphere) > first


@pytest.fixture
async def alone(databases: Any, database: str) -> AsyncIterator[JobSphere]:
    """JobSphere that heals itself, with every webhook lost."""
    async with running(databases.url(database), settings_for_tests(), heals=OFTEN) as jobsphere:
        await jobsphere.sandbox.set_delivery_mode("drop")
        yield jobsphere


async def test_the_worker_alone_brings_a_deposit_to_its_end_without_webhooks(alone: JobSphere) -> None:
    async def a_while() -> None:
        alone.clock.advance(minutes=1)

    customer = await alone.person(Role.CUSTOMER)
    started = await customer.done(
        "/api/wallet/deposit", {"amount": 50, "paymentMethodId": "pm_card_bypassPending"}
    )
    await a_while()
    await alone.deposit_in(customer, started["depositId"], "completed")

    await alone.books_hold()


async def test_the_worker_alone_brings_withdrawals_to_every_end_without_webhooks(alone: JobSphere) -> None:
    await alone.sandbox.set_delivery_mode("deliver")
    _, contractor = await alone.earned("100")
    await alone.sandbox.set_delivery_mode("drop")

    async def comes(withdrawal_id: str, state: str) -> Any:
        """Wait for the state, while our time passes."""

        async def reached() -> Any:
            alone.clock.advance(seconds=30)
            found = await contractor.data(f"/api/wallet/withdrawals/{withdrawal_id}")
            return found if found["state"] == state else None

        return await alone.until(f"it is {state}", reached)

    asked = [await contractor.done("/api/wallet/withdraw", {"amount": 20}) for _ in range(4)]
    arrives, fails, canceled, fails_later = (one["withdrawalId"] for one in asked)
    payouts = {
        id_: (await comes(id_, "in_transit"))["payoutId"] for id_ in (arrives, fails, canceled, fails_later)
    }
    await alone.sandbox.fail_payout(payouts[fails], "no_account")
    await alone.sandbox.cancel_payout(payouts[canceled])
    await alone.sandbox.advance(days=3)
    await comes(fails_later, "paid")
    await alone.sandbox.fail_payout(payouts[fails_later], "account_closed")

    ends = {arrives: "paid", fails: "returned", canceled: "returned", fails_later: "returned"}
    reasons = [(await comes(id_, state))["reasonCode"] for id_, state in ends.items()]
    assert reasons == [None, "no_account", "payout_canceled", "account_closed"]
    assert await contractor.wallet() == ("60.00", "0.00")
    delivered = [
        one for one in await alone.sandbox.deliveries() if one["type"].startswith(("payout.", "transfer."))
    ]
    assert {one["state"] for one in delivered} == {"dropped"}
    await alone.books_hold()


async def test_stripe_is_asked_about_what_is_late_and_applies_what_it_says(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    await jobsphere.sandbox.set_delivery_mode("drop")
    withdrawal_id = await withdrawn(contractor)
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    await jobsphere.sandbox.advance(days=4)
    jobsphere.clock.advance(days=2)

    asked = await look_after(jobsphere.engine, jobsphere.gateway, jobsphere.clock, TimeOrderedIds())
    again = await look_after(jobsphere.engine, jobsphere.gateway, jobsphere.clock, TimeOrderedIds())

    assert (asked, again) == (1, 0)
    assert (await contractor.data(f"/api/wallet/withdrawals/{withdrawal_id}"))["state"] == "paid"
    await jobsphere.books_hold()


@in_own_transaction
async def freeze(connection: AsyncConnection, wallet_id: UUID, now: datetime) -> Freeze:
    """A freeze that somebody was to look at again a week later."""
    reason = "Reported as stolen"
    return await freezes.freeze(
        connection, wallet_id, level=FreezeLevel.WITHDRAWALS, reason=reason, author_id=None, now=now
    )


async def test_admins_are_told_once_of_what_is_over_its_limit_and_see_it_among_what_is_owed(
    jobsphere: JobSphere,
) -> None:
    admin = await jobsphere.person(Role.ADMIN)
    _, contractor = await jobsphere.earned("100")
    withdrawal_id = await withdrawn(contractor)
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    frozen = await freeze(jobsphere.engine, contractor.id, jobsphere.clock.now() - timedelta(days=8))
    jobsphere.clock.advance(days=15)

    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            await look_after(jobsphere.engine, jobsphere.gateway, jobsphere.clock, TimeOrderedIds())

    subject = f"withdrawal:{withdrawal_id}"
    both = [subject, f"freeze:{frozen.id}"]
    assert [line["subject"] for line in logs if line["event"] == "obligation.over_limit"] == both
    told = (await admin.data("/api/notifications"))["notifications"]
    assert [(one["type"], one["data"]["subject"]) for one in reversed(told)] == [
        ("attention_needed", one) for one in both
    ]
    owed = (await admin.data("/api/admin/obligations"))["obligations"]
    late, review = (one for one in owed if one["overLimit"])
    assert (review["kind"], review["state"], review["count"]) == ("freeze", "due_for_review", 1)
    assert (late["kind"], late["state"], late["count"]) == ("withdrawal", "in_transit", 1)
    assert late["sums"] == {"usd": "80.00"}
    assert late["oldestAgeSeconds"] >= 15 * 24 * 3600
    assert [one for one in owed if one["count"]] == [late, review]
