"""A scenario under way, and what people, banks and whoever sits at Stripe's dashboard do in it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from jobsphere.database import reading
from jobsphere.deposits.lifecycle import UNSENT
from jobsphere.deposits.tables import deposits
from jobsphere.disputes.tables import fraud_warnings
from jobsphere.identity.people import Role
from jobsphere.refunds.tables import refunds
from tests.chaos.plan import Kind, Scenario
from tests.chaos.world import World
from tests.journeys.conftest import JobSphere, Person

ASKED_MAX = 60
CARDS = {
    Kind.PAID_WITH_3DS: "pm_card_threeDSecure2Required",
    Kind.FAILED_3DS: "pm_card_threeDSecure2Required",
    Kind.DECLINED: "pm_card_visa_chargeDeclined",
    Kind.DECLINED_THEN_PAID: "pm_card_visa_chargeDeclinedInsufficientFunds",
    Kind.REFUND_FAILED: "pm_card_refundFail",
    Kind.REFUND_PENDING: "pm_card_pendingRefund",
}
INQUIRING = (Kind.INQUIRY, Kind.INQUIRY_LOST)


@dataclass(slots=True)
class Play:
    """A scenario under way: who plays it, and what it knows of itself. The first of ``people`` acts."""

    world: World
    scenario: Scenario
    people: tuple[Person, ...]
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def person(self) -> Person:
        return self.people[0]

    @property
    def jobsphere(self) -> JobSphere:
        return self.world.jobsphere

    @property
    def amount(self) -> str:
        return major(self.scenario.amount_minor)

    @property
    def part(self) -> str:
        return major(self.scenario.part_minor)

    async def ask(self, path: str, body: Any, key: str) -> Any:
        """As a client does: with one key, again as long as the answer is not definite."""
        for _ in range(ASKED_MAX):
            answer = await self.person.post(path, body, key=f"{key}:{self.person.id}")
            if answer.status_code < 500 and answer.status_code not in (409, 429):
                assert answer.is_success, f"{self.scenario}: {path}: {answer.text}"
                return answer.json()["data"]
            await self.world.moment()
        raise AssertionError(f"{self.scenario}: {path}: {answer.text}")

    async def eventually(self, what: Callable[[], Awaitable[Any]]) -> Any:
        """Look until there is something; time goes on meanwhile."""
        for _ in range(ASKED_MAX * 10):
            if found := await what():
                return found
            await self.world.moment()
        raise AssertionError(f"{self.scenario} waits in vain for {what.__name__}")

    async def deposit(self) -> Any:
        return await self.person.data(f"/api/wallet/deposits/{self.ids['deposit']}")

    async def charge(self) -> str:
        """Stripe's id of the charge that this person paid first."""

        async def charge_id() -> Any:
            c = deposits.c
            first = select(c.charge_id).where(c.user_id == self.person.id).order_by(c.created_at).limit(1)
            async with reading(self.jobsphere.engine) as connection:
                return await connection.scalar(first)

        return str(await self.eventually(charge_id))

    async def states_of(self, table: Any) -> list[str]:
        """The states of this person's rows there, in the order of the alphabet."""
        query = select(table.c.state).where(table.c.user_id == self.person.id).order_by(table.c.state)
        async with reading(self.jobsphere.engine) as connection:
            return list((await connection.execute(query)).scalars())


async def pay(play: Play) -> None:
    """Deposit; pass or fail authentication, or take another card, where that is the scenario."""
    kind = play.scenario.kind
    await _deposit(play, CARDS.get(kind, "pm_card_bypassPending"), "deposit")
    if kind in (Kind.PAID_WITH_3DS, Kind.FAILED_3DS):
        await _authenticate(play, succeed=kind is Kind.PAID_WITH_3DS)
    elif kind is Kind.DECLINED_THEN_PAID:
        await play.eventually(_is_declined(play))
        path = f"/api/wallet/deposits/{play.ids['deposit']}/resume"
        await play.ask(path, {"paymentMethodId": "pm_card_visa"}, "resume")
    await play.eventually(_is_sent(play))


async def pay_again(play: Play) -> None:
    """What comes in pays what the wallet owes."""
    await _deposit(play, "pm_card_bypassPending", "deposit-again")
    await play.eventually(_is_sent(play))


async def _deposit(play: Play, card: str, key: str) -> None:
    started = await play.ask("/api/wallet/deposit", {"amount": play.amount, "paymentMethodId": card}, key)
    play.ids["deposit"] = started["depositId"]


def _is_sent(play: Play) -> Callable[[], Awaitable[Any]]:
    """A deposit that Stripe does not take within an hour is given up, and no scenario is about that."""

    async def sent() -> bool:
        return (await play.deposit())["state"] not in UNSENT

    return sent


async def _authenticate(play: Play, *, succeed: bool) -> None:
    async def asked() -> Any:
        shown = await play.deposit()
        return shown["state"] == "requires_action" and shown["stripePaymentIntentId"]

    await play.jobsphere.sandbox.authenticate(str(await play.eventually(asked)), succeed=succeed)


def _is_declined(play: Play) -> Callable[[], Awaitable[Any]]:
    async def declined() -> bool:
        return bool((await play.deposit())["state"] == "declined")

    return declined


async def refund(play: Play) -> None:
    await _refund(play, play.part)


async def _refund(play: Play, amount: str) -> None:
    await play.ask(f"/api/wallet/deposits/{play.ids['deposit']}/refund", {"amount": amount}, "refund")

    async def sent() -> bool:
        return not {"requested", "sending"} & set(await play.states_of(refunds))

    await play.eventually(sent)


async def refund_at_stripe(play: Play) -> None:
    await play.jobsphere.sandbox.dashboard_refund(await play.charge(), play.scenario.part_minor)


async def refund_on_both_sides(play: Play) -> None:
    """A part in the dashboard, and as much again by the owner, who need not know of it."""
    half = play.scenario.part_minor // 2
    await play.jobsphere.sandbox.dashboard_refund(await play.charge(), half)
    await _refund(play, major(half))


async def dispute(play: Play) -> None:
    case = "inquiry" if play.scenario.kind in INQUIRING else "chargeback"
    await _dispute(play, "dispute", None, case)


async def dispute_part(play: Play) -> None:
    await _dispute(play, "dispute", play.scenario.part_minor)


async def dispute_rest(play: Play) -> None:
    await _dispute(play, "another dispute", play.scenario.amount_minor - play.scenario.part_minor)


async def _dispute(play: Play, name: str, amount_minor: int | None, case: Any = "chargeback") -> None:
    made = await play.jobsphere.sandbox.dispute(await play.charge(), amount_minor, case=case)
    play.ids[name] = made["id"]


async def dispute_and_lose(play: Play) -> None:
    await dispute(play)
    await lose(play)


async def escalate(play: Play) -> None:
    await play.jobsphere.sandbox.escalate_inquiry(play.ids["dispute"])


async def win(play: Play) -> None:
    await play.jobsphere.sandbox.decide_dispute(play.ids["dispute"], "won")


async def win_in_part(play: Play) -> None:
    part = play.scenario.part_minor
    await play.jobsphere.sandbox.decide_dispute(play.ids["dispute"], "won", reinstated=part)


async def win_another(play: Play) -> None:
    await play.jobsphere.sandbox.decide_dispute(play.ids["another dispute"], "won")


async def lose(play: Play) -> None:
    await play.jobsphere.sandbox.decide_dispute(play.ids["dispute"], "lost")


async def warn(play: Play) -> None:
    await play.jobsphere.sandbox.warn_of_fraud(await play.charge())


async def is_warned(play: Play) -> bool:
    query = select(fraud_warnings.c.id).where(fraud_warnings.c.deposit_id == play.ids["deposit"])
    async with reading(play.jobsphere.engine) as connection:
        found = (await connection.execute(query)).first()
    return found is not None


async def withdraw(play: Play) -> None:
    made = await play.ask("/api/wallet/withdraw", {"amount": play.ids["pay"]}, "withdraw")
    play.ids["withdrawal"] = made["withdrawalId"]
    payout_id = await play.eventually(_payout_id(play))
    if play.scenario.kind is Kind.PAYOUT_FAILED:
        await play.jobsphere.sandbox.fail_payout(payout_id)


async def fail_payout(play: Play) -> None:
    await play.jobsphere.sandbox.fail_payout((await withdrawal_of(play))["payoutId"])


def _payout_id(play: Play) -> Callable[[], Awaitable[Any]]:
    async def payout_id() -> Any:
        return (await withdrawal_of(play))["payoutId"]

    return payout_id


async def withdrawal_of(play: Play) -> Any:
    return await play.person.data(f"/api/wallet/withdrawals/{play.ids['withdrawal']}")


async def a_customer(jobsphere: JobSphere, scenario: Scenario) -> tuple[Person, ...]:
    return (await jobsphere.person(Role.CUSTOMER),)


async def who_spent_it(jobsphere: JobSphere, scenario: Scenario) -> tuple[Person, ...]:
    """A customer whose deposit of the amount went to a contractor, fee and all."""
    return await jobsphere.earned(major(_offer_minor(scenario)), deposit=major(scenario.amount_minor))


async def who_earned_it(jobsphere: JobSphere, scenario: Scenario) -> tuple[Person, ...]:
    customer, contractor = await jobsphere.earned(major(scenario.amount_minor))
    return contractor, customer


async def who_promised_it(jobsphere: JobSphere, scenario: Scenario) -> tuple[Person, ...]:
    """A customer whose deposit waits for a contractor's work."""
    customer, contractor = await jobsphere.person(Role.CUSTOMER), await jobsphere.person(Role.CONTRACTOR)
    await jobsphere.deposited(customer, major(scenario.amount_minor))
    job = (await customer.done("/api/jobs", {"title": "Paint", "description": "All of it."}))["job"]
    body = {"jobId": job["id"], "contractorId": str(contractor.id), "amount": major(_offer_minor(scenario))}
    offer = (await customer.done("/api/offers", body))["offer"]
    await contractor.done(f"/api/offers/{offer['id']}/accept")
    return customer, contractor


def _offer_minor(scenario: Scenario) -> int:
    """The most that the amount is enough for, with the 5 % on top."""
    return scenario.amount_minor * 100 // 105 - 1


def major(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
