"""Send once: which key Stripe sees, how often and for how long, and what a look at its objects may prove."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import TimeOrderedIds
from jobsphere.database import in_own_transaction
from jobsphere.settings import Settings
from jobsphere.stripe_gateway import calls, once
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.once import Once
from tests.journeys.conftest import JobSphere, settings_for_tests

CUSTOMERS = "POST /v1/customers"
UNANSWERED = ["timeout_before", "timeout_after", "error_before", "drop_after", "rate_limit", "conflict"]
DONE_UNANSWERED = ["timeout_after", "drop_after"]


@in_own_transaction
async def begin(connection: AsyncConnection, name: str, now: datetime) -> str:
    return await calls.begin_attempt(connection, name, now=now)


@in_own_transaction
async def end(connection: AsyncConnection, key: str, code: str | None, now: datetime) -> None:
    await calls.refused(connection, key, code=code, now=now)


@dataclass(frozen=True, slots=True)
class CustomerOfATest:
    """The making of a customer at Stripe, which may be tried again and again."""

    jobsphere: JobSphere
    key: str
    looks: list[datetime] = field(default_factory=list)

    async def send(self) -> str:
        gateway, user_id, email = self.jobsphere.gateway, TEST_USER, "somebody@example.com"
        create = partial(gateway.create_customer, user_id=user_id, email=email, name="Somebody", key=self.key)

        async def look_up(since: datetime) -> str | None:
            self.looks.append(since)
            return await gateway.find_customer(user_id=user_id, email=email)

        return await once.send(self.jobsphere.engine, self.jobsphere.clock, Once(self.key, create, look_up))

    async def stays_unknown(self, times: int) -> None:
        for _ in range(times):
            with pytest.raises(OutcomeUnknown):
                await self.send()

    async def keys_seen(self) -> list[str]:
        return [
            one["idempotency_key"]
            for one in await self.jobsphere.sandbox.calls()
            if (one["method"], one["path"]) == ("POST", "/v1/customers")
        ]

    async def made(self) -> int:
        """Customers made at Stripe under any key."""
        seen = await self.jobsphere.sandbox.deliveries()
        return len({one["event"] for one in seen if one["type"] == "customer.created"})


TEST_USER = TimeOrderedIds().new()


@pytest.fixture
def settings() -> Settings:
    # A fault without an answer lasts until we hang up.
    return settings_for_tests(stripe_timeout_seconds=0.5)


@pytest.fixture
async def customer(jobsphere: JobSphere) -> CustomerOfATest:
    key = await begin(jobsphere.engine, "customer-of-a-test", jobsphere.clock.now())
    return CustomerOfATest(jobsphere, key)


@pytest.mark.parametrize("kind", UNANSWERED)
async def test_what_is_not_answered_is_sent_again_with_the_same_key_and_happens_once(
    customer: CustomerOfATest, kind: Any
) -> None:
    await customer.jobsphere.sandbox.plan_faults({"match": CUSTOMERS, "kind": kind, "times": 3})
    await customer.stays_unknown(1)
    customer.jobsphere.clock.advance(hours=10)
    await customer.stays_unknown(1)
    customer.jobsphere.clock.advance(hours=12)
    await customer.stays_unknown(1)

    first = await customer.send()

    assert first == await customer.send()
    assert set(await customer.keys_seen()) == {customer.key}
    assert await customer.made() == 1
    assert customer.looks == []


@pytest.mark.parametrize("kind", DONE_UNANSWERED)
async def test_after_23_hours_it_is_looked_up_and_never_sent_again(customer: CustomerOfATest, kind: Any) -> None:
    await customer.jobsphere.sandbox.plan_faults({"match": CUSTOMERS, "kind": kind, "times": 100})
    await customer.stays_unknown(2)
    sent = len(await customer.keys_seen())
    customer.jobsphere.clock.advance(hours=23)

    found = await customer.send()

    assert found.startswith("cus_")
    customer.jobsphere.clock.advance(hours=100)
    assert await customer.send() == found
    assert len(await customer.keys_seen()) == sent
    assert await customer.made() == 1


async def test_what_is_not_there_after_23_hours_may_still_come_and_after_24_is_proven_absent(
    customer: CustomerOfATest,
) -> None:
    jobsphere = customer.jobsphere
    await jobsphere.sandbox.plan_faults({"match": CUSTOMERS, "kind": "timeout_before", "times": 100})
    await customer.stays_unknown(1)
    jobsphere.clock.advance(hours=23, minutes=30)
    await customer.stays_unknown(1)
    jobsphere.clock.advance(minutes=30)

    with pytest.raises(Refused) as refusal:
        await customer.send()

    assert refusal.value.code == calls.NEVER_HAPPENED
    await end(jobsphere.engine, customer.key, refusal.value.code, jobsphere.clock.now())
    await jobsphere.sandbox.clear_faults()
    second = await begin(jobsphere.engine, "customer-of-a-test", jobsphere.clock.now())
    assert second != customer.key
    await CustomerOfATest(jobsphere, second).send()
    assert await customer.keys_seen() == [customer.key, second]
    assert await customer.made() == 1


async def test_an_error_that_stripe_has_stored_under_the_key_is_looked_up_at_once(
    customer: CustomerOfATest,
) -> None:
    await customer.jobsphere.sandbox.plan_faults({"match": CUSTOMERS, "kind": "error_after"})
    await customer.stays_unknown(1)

    assert (await customer.send()).startswith("cus_")

    assert len(customer.looks) == 1
    assert await customer.made() == 1


async def test_a_look_that_stripe_refuses_proves_nothing(jobsphere: JobSphere) -> None:
    key = await begin(jobsphere.engine, "refund-of-a-test", jobsphere.clock.now())
    jobsphere.clock.advance(hours=48)

    async def never() -> None:
        raise AssertionError("it is not sent after a day")

    async def refused(_: datetime) -> None:
        await jobsphere.gateway.retrieve_account("acct_unknown")

    with pytest.raises((OutcomeUnknown, StripeMisconfigured)):
        await once.send(jobsphere.engine, jobsphere.clock, Once(key, never, refused))


async def test_a_definite_refusal_ends_the_attempt_and_asks_for_no_look(jobsphere: JobSphere) -> None:
    key = await begin(jobsphere.engine, "transfer-of-a-test", jobsphere.clock.now())

    async def look_up(_: datetime) -> None:
        raise AssertionError("a refusal needs no look")

    with pytest.raises(Refused):
        await once.send(
            jobsphere.engine,
            jobsphere.clock,
            Once(key, partial(jobsphere.gateway.cancel_payment_intent, "pi_unknown", key=key), look_up),
        )


@pytest.mark.parametrize(
    ("path", "before", "state"),
    [("/v1/transfers", "reserved", "transferring"), ("/v1/payouts", "transferred", "paying_out")],
)
@pytest.mark.parametrize("kind", ["drop_after", "timeout_after", "timeout_before"])
async def test_stripe_sees_one_key_for_a_withdrawal_however_often_it_is_resent_and_none_after_a_day(
    jobsphere: JobSphere, path: str, before: str, state: str, kind: Any
) -> None:
    _, contractor = await jobsphere.earned("100")
    await jobsphere.sandbox.set_delivery_mode("hold")
    await jobsphere.sandbox.plan_faults({"match": f"POST {path}", "kind": kind, "times": 1000})
    withdrawal_id = (await contractor.done("/api/wallet/withdraw", {"amount": 80}))["withdrawalId"]
    await jobsphere.withdrawal_in(contractor, withdrawal_id, state)

    async def keys() -> list[str]:
        seen = await jobsphere.sandbox.calls()
        return [one["idempotency_key"] for one in seen if (one["method"], one["path"]) == ("POST", path)]

    async def resent(times: int) -> Any:
        return len(await keys()) >= times

    for hours in (1, 10, 11):
        sent = len(await keys())
        jobsphere.clock.advance(hours=hours)
        jobsphere.worker.wake()
        await jobsphere.until("it is sent again", partial(resent, sent + 1))
    jobsphere.clock.advance(hours=3)
    resends = await keys()
    jobsphere.worker.wake()
    if kind == "timeout_before":
        # It never happened, and only now a new attempt may begin.
        await jobsphere.withdrawal_in(contractor, withdrawal_id, before)
        await jobsphere.sandbox.clear_faults()
        jobsphere.clock.advance(minutes=2)
        jobsphere.worker.wake()
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")

    call = {"/v1/transfers": "transfer", "/v1/payouts": "payout"}[path]
    name = f"withdrawal:{withdrawal_id}:{call}"
    assert await keys() == [f"{name}:1"] * len(resends) + ([f"{name}:2"] if kind == "timeout_before" else [])
    assert await jobsphere.card_money_minor() == 10500 - 8000
    await jobsphere.books_hold()


async def test_a_reversal_is_resent_with_one_key_too_and_after_a_day_only_looked_for(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    withdrawal_id = (await contractor.done("/api/wallet/withdraw", {"amount": 80}))["withdrawalId"]
    sent = await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    path = f"/v1/transfers/{sent['transferId']}/reversals"
    await jobsphere.sandbox.plan_faults({"match": f"POST {path}", "kind": "drop_after", "times": 1000})
    await jobsphere.sandbox.fail_payout(sent["payoutId"], "no_account")
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "reversing")

    async def keys() -> list[str]:
        seen = await jobsphere.sandbox.calls()
        return [one["idempotency_key"] for one in seen if (one["method"], one["path"]) == ("POST", path)]

    async def resent(times: int) -> Any:
        return len(await keys()) >= times

    for hours in (1, 21):
        before = len(await keys())
        jobsphere.clock.advance(hours=hours)
        jobsphere.worker.wake()
        await jobsphere.until("it is sent again", partial(resent, before + 1))
    jobsphere.clock.advance(hours=3)
    known = await keys()
    jobsphere.worker.wake()
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "returned")

    assert await keys() == known
    assert set(known) == {f"withdrawal:{withdrawal_id}:reversal:1"}
    assert await contractor.wallet() == ("80.00", "0.00")
    await jobsphere.books_hold()
