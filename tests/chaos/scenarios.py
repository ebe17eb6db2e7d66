"""What people and banks do in each kind of scenario, and where it must end."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from jobsphere.database import reading
from jobsphere.deposits.lifecycle import UNSENT
from jobsphere.deposits.tables import deposits
from jobsphere.disputes.tables import disputes, fraud_warnings
from jobsphere.identity.people import Role
from jobsphere.refunds.tables import refunds
from tests.chaos.plan import Kind, Scenario
from tests.chaos.world import World
from tests.journeys.conftest import Person

ASKED_MAX = 60
CARDS = {
    Kind.PAID_WITH_3DS: "pm_card_threeDSecure2Required",
    Kind.FAILED_3DS: "pm_card_threeDSecure2Required",
    Kind.DECLINED: "pm_card_visa_chargeDeclined",
    Kind.DECLINED_THEN_PAID: "pm_card_visa_chargeDeclinedInsufficientFunds",
    Kind.REFUND_FAILED: "pm_card_refundFail",
    Kind.REFUND_PENDING: "pm_card_pendingRefund",
}
WITHDRAWING = (Kind.WITHDRAWN, Kind.PAYOUT_FAILED, Kind.PAYOUT_FAILED_AFTER_PAID)


@dataclass(slots=True)
class Play:
    """A scenario under way: who plays it, and what it knows of itself."""

    world: World
    scenario: Scenario
    person: Person
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def amount(self) -> str:
        return _major(self.scenario.amount_minor)

    @property
    def part(self) -> str:
        return _major(self.scenario.part_minor)

    async def ask(self, path: str, body: Any, key: str) -> Any:
        """As a client does: with one key, again as long as the answer is not definite."""
        for _ in range(ASKED_MAX):
            answer = await self.person.post(path, body, key=f"{key}:{self.person.id}")
            if answer.status_code < 500 and answer.status_code not in (409, 429):
                assert answer.is_success, answer.text
                return answer.json()["data"]
            await self.world.moment()
        raise AssertionError(f"{path}: {answer.text}")

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
        """Stripe's id of the charge that was paid."""

        async def charge_id() -> Any:
            c = deposits.c
            async with reading(self.world.jobsphere.engine) as connection:
                return await connection.scalar(select(c.charge_id).where(c.user_id == self.person.id))

        return str(await self.eventually(charge_id))

    async def state_of(self, table: Any) -> str | None:
        """The state of this person's only row there."""
        async with reading(self.world.jobsphere.engine) as connection:
            state: str | None = await connection.scalar(
                select(table.c.state).where(table.c.user_id == self.person.id)
            )
            return state


Act = Callable[[Play], Awaitable[None]]
# Whether it is where it must be before the next act, or at its end.
Reached = Callable[[Play], Awaitable[bool]]
Step = tuple[Act, Reached]


async def start(world: World, scenario: Scenario) -> Play:
    """The person, with what they need before anything is lost or late."""
    jobsphere = world.jobsphere
    if scenario.kind not in WITHDRAWING:
        return Play(world, scenario, await jobsphere.person(Role.CUSTOMER))
    _, contractor = await jobsphere.earned(_major(scenario.amount_minor))
    play = Play(world, scenario, contractor)
    play.ids["pay"] = (await contractor.wallet())[0]
    return play


async def pay(play: Play) -> None:
    """Deposit; pass or fail authentication, or take another card, where that is the scenario."""
    kind = play.scenario.kind
    card = CARDS.get(kind, "pm_card_bypassPending")
    started = await play.ask("/api/wallet/deposit", {"amount": play.amount, "paymentMethodId": card}, "deposit")
    play.ids["deposit"] = started["depositId"]
    if kind in (Kind.PAID_WITH_3DS, Kind.FAILED_3DS):
        await _authenticate(play, succeed=kind is Kind.PAID_WITH_3DS)
    elif kind is Kind.DECLINED_THEN_PAID:
        await play.eventually(_is_declined(play))
        path = f"/api/wallet/deposits/{play.ids['deposit']}/resume"
        await play.ask(path, {"paymentMethodId": "pm_card_visa"}, "resume")
    await play.eventually(_is_sent(play))


def _is_sent(play: Play) -> Callable[[], Awaitable[Any]]:
    """A deposit that Stripe does not take within an hour is given up, and no scenario is about that."""

    async def sent() -> bool:
        return (await play.deposit())["state"] not in UNSENT

    return sent


async def _authenticate(play: Play, *, succeed: bool) -> None:
    async def asked() -> Any:
        shown = await play.deposit()
        return shown["state"] == "requires_action" and shown["stripePaymentIntentId"]

    await play.world.jobsphere.sandbox.authenticate(str(await play.eventually(asked)), succeed=succeed)


def _is_declined(play: Play) -> Callable[[], Awaitable[Any]]:
    async def declined() -> bool:
        return bool((await play.deposit())["state"] == "declined")

    return declined


def deposit_is(status: str) -> Reached:
    async def reached(play: Play) -> bool:
        return bool((await play.deposit())["status"] == status)

    return reached


async def refund(play: Play) -> None:
    path = f"/api/wallet/deposits/{play.ids['deposit']}/refund"
    await play.ask(path, {"amount": play.part}, "refund")

    async def sent() -> bool:
        return await play.state_of(refunds) not in ("requested", "sending")

    await play.eventually(sent)


async def refund_at_stripe(play: Play) -> None:
    await play.world.jobsphere.sandbox.dashboard_refund(await play.charge(), play.scenario.part_minor)


async def dispute(play: Play) -> None:
    case = "inquiry" if play.scenario.kind is Kind.INQUIRY else "chargeback"
    made = await play.world.jobsphere.sandbox.dispute(await play.charge(), case=case)  # type: ignore[arg-type]
    play.ids["dispute"] = made["id"]


async def decide(play: Play) -> None:
    outcome = "lost" if play.scenario.kind is Kind.DISPUTE_LOST else "won"
    await play.world.jobsphere.sandbox.decide_dispute(play.ids["dispute"], outcome)  # type: ignore[arg-type]


async def warn(play: Play) -> None:
    await play.world.jobsphere.sandbox.warn_of_fraud(await play.charge())


async def is_warned(play: Play) -> bool:
    query = select(fraud_warnings.c.id).where(fraud_warnings.c.deposit_id == play.ids["deposit"])
    async with reading(play.world.jobsphere.engine) as connection:
        found = (await connection.execute(query)).first()
    return found is not None


def row_is(table: Any, *states: str) -> Reached:
    async def reached(play: Play) -> bool:
        return await play.state_of(table) in states

    return reached


async def withdraw(play: Play) -> None:
    made = await play.ask("/api/wallet/withdraw", {"amount": play.ids["pay"]}, "withdraw")
    play.ids["withdrawal"] = made["withdrawalId"]
    payout_id = await play.eventually(_payout_id(play))
    if play.scenario.kind is Kind.PAYOUT_FAILED:
        await play.world.jobsphere.sandbox.fail_payout(payout_id)


async def fail_payout(play: Play) -> None:
    await play.world.jobsphere.sandbox.fail_payout((await _withdrawal(play))["payoutId"])


def _payout_id(play: Play) -> Callable[[], Awaitable[Any]]:
    async def payout_id() -> Any:
        return (await _withdrawal(play))["payoutId"]

    return payout_id


async def _withdrawal(play: Play) -> Any:
    return await play.person.data(f"/api/wallet/withdrawals/{play.ids['withdrawal']}")


def withdrawal_is(state: str) -> Reached:
    async def reached(play: Play) -> bool:
        return bool((await _withdrawal(play))["state"] == state)

    return reached


_PAID: Step = (pay, deposit_is("completed"))
STEPS: dict[Kind, Sequence[Step]] = {
    Kind.PAID: [_PAID],
    Kind.PAID_WITH_3DS: [_PAID],
    Kind.FAILED_3DS: [(pay, deposit_is("failed"))],
    Kind.DECLINED: [(pay, deposit_is("failed"))],
    Kind.DECLINED_THEN_PAID: [_PAID],
    Kind.REFUNDED: [_PAID, (refund, row_is(refunds, "succeeded"))],
    Kind.REFUND_PENDING: [_PAID, (refund, row_is(refunds, "succeeded"))],
    Kind.REFUND_FAILED: [_PAID, (refund, row_is(refunds, "failed"))],
    Kind.REFUNDED_AT_STRIPE: [_PAID, (refund_at_stripe, row_is(refunds, "succeeded"))],
    Kind.DISPUTE_WON: [_PAID, (dispute, row_is(disputes, "open")), (decide, row_is(disputes, "won"))],
    Kind.DISPUTE_LOST: [_PAID, (dispute, row_is(disputes, "open")), (decide, row_is(disputes, "lost"))],
    Kind.INQUIRY: [_PAID, (dispute, row_is(disputes, "inquiry")), (decide, row_is(disputes, "closed"))],
    Kind.FRAUD_WARNING: [_PAID, (warn, is_warned)],
    Kind.WITHDRAWN: [(withdraw, withdrawal_is("paid"))],
    Kind.PAYOUT_FAILED: [(withdraw, withdrawal_is("returned"))],
    Kind.PAYOUT_FAILED_AFTER_PAID: [
        (withdraw, withdrawal_is("paid")),
        (fail_payout, withdrawal_is("returned")),
    ],
}


async def books_of(play: Play) -> dict[str, Any]:
    """What the person has in the end: the same whatever happened to the webhooks."""
    wallet = await play.person.data("/api/wallet")
    seen = (await play.person.data("/api/wallet/transactions"))["transactions"]
    return {
        "balance": wallet["balance"],
        "escrow": wallet["escrowBalance"],
        "debt": wallet["debt"],
        "frozen": wallet["isFrozen"],
        "transactions": sorted((one["type"], one["amount"], one["status"]) for one in seen),
    }


def _major(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
