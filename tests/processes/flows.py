"""What people do with deposits and withdrawals, and what may go wrong at Stripe meanwhile.

Each flow can be played through a crash of JobSphere at any point: it asks again and waits, as people do.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.processes import deposit_flows as deposits
from tests.processes import refund_flows as refunds
from tests.processes import withdrawal_flows as withdrawals
from tests.processes.starting import until
from tests.processes.world import PASSWORD, World

Play = Callable[[World], None]


@dataclass(frozen=True, slots=True)
class Flow:
    """``begins_with``: the name of the saved world it is played in."""

    play: Play
    begins_with: str


def register(world: World) -> None:
    """A customer and a contractor, signed in."""
    for role in ("customer", "contractor"):
        person = {"email": f"{role}@example.com", "password": PASSWORD}
        world.post(role, "/api/auth/register", {**person, "name": role, "role": role})
        data = world.post(role, "/api/auth/login", person)
        world.tokens[role], world.ids[role] = data["token"], data["user"]["id"]


def earn(world: World) -> None:
    """A deposit of 200.00 and a job of 100.00: the contractor has 80.00."""
    deposits.until_deposit(world, deposits.begin_deposit(world, key="deposit-for-the-job"), status="completed")
    job = world.post("customer", "/api/jobs", {"title": "Paint", "description": "Green."})["job"]
    body = {"jobId": job["id"], "contractorId": world.ids["contractor"], "amount": "100.00"}
    offer = world.post("customer", "/api/offers", body)["offer"]
    world.post("contractor", f"/api/offers/{offer['id']}/accept", {})
    world.post("customer", f"/api/jobs/{job['id']}/complete", {})


def onboard(world: World) -> None:
    """The contractor opens a payout account and fills in Stripe's page."""
    world.ids["account"] = world.post("contractor", "/api/wallet/connect", {})["accountId"]
    world.control("/dashboard/onboard", {"account": world.ids["account"], "outcome": "complete"})
    world.wait("contractor", "/api/wallet/connect/status", {"onboarded": True})
    world.settle()


def appoint(world: World) -> None:
    """Somebody is an admin; the command for that asks for a password at a terminal."""
    person = {"email": "admin@example.com", "password": PASSWORD}
    world.post("admin", "/api/auth/register", {**person, "name": "admin", "role": "customer"})
    world.rows("UPDATE users SET role = 'admin' WHERE email = 'admin@example.com'")
    data = world.post("admin", "/api/auth/login", person)
    world.tokens["admin"], world.ids["admin"] = data["token"], data["user"]["id"]


def onboarding_whose_answer_is_lost(world: World) -> None:
    """Stripe makes an account but answers with an error, which it repeats; the contractor asks again."""
    world.plan_faults({"match": "POST /v1/accounts", "kind": "error_after"})
    until("there is an account", lambda: world.ask("POST", "/api/wallet/connect", "contractor", {}).is_success)
    onboard(world)


# In this order: a point that an earlier flow passed is not played again in a later one.
FLOWS = {
    "deposit": Flow(deposits.deposit, "people"),
    "withdrawal": Flow(withdrawals.withdraw, "onboarded"),
    "onboarding": Flow(onboard, "earned"),
    "deposit declined": Flow(deposits.declined_deposit, "people"),
    "deposit whose answers are lost": Flow(deposits.deposit_whose_answers_are_lost, "people"),
    "deposit whose customer is never made": Flow(deposits.deposit_whose_customer_is_never_made, "people"),
    "deposit with another card": Flow(deposits.deposit_with_another_card, "people"),
    "deposit asked for": Flow(deposits.deposit_asked_for, "people"),
    "deposit that expires": Flow(deposits.deposit_that_expires, "people"),
    "deposit paid in the last moment": Flow(deposits.deposit_paid_in_the_last_moment, "people"),
    "card kept and removed": Flow(deposits.card_kept_and_removed, "people"),
    "deposit refused": Flow(deposits.refused_deposit, "earned"),
    "deposit given up": Flow(deposits.deposit_given_up, "people"),
    "refund": Flow(deposits.refund, "earned"),
    "refund asked for": Flow(refunds.refund_asked_for, "earned"),
    "refund whose answers are lost": Flow(refunds.refund_whose_answers_are_lost, "earned"),
    "refund refused": Flow(refunds.refund_refused, "earned"),
    "dispute won": Flow(refunds.dispute_won, "earned"),
    "dispute lost": Flow(refunds.dispute_lost, "earned"),
    "withdrawal returned by the bank": Flow(withdrawals.withdrawal_returned_by_the_bank, "onboarded"),
    "withdrawal whose answers are lost": Flow(withdrawals.withdrawal_whose_answers_are_lost, "onboarded"),
    "withdrawal before there is money": Flow(withdrawals.withdrawal_before_there_is_money, "onboarded"),
    "withdrawal canceled": Flow(withdrawals.canceled_withdrawal, "onboarded"),
    "withdrawal whose answer is lost for a day": Flow(withdrawals.answer_lost_for_a_day, "onboarded"),
    "transfer without money": Flow(withdrawals.transfer_without_money, "onboarded"),
    "transfer refused": Flow(withdrawals.refused_transfer, "onboarded"),
    "payout without money": Flow(withdrawals.payout_without_money, "onboarded"),
    "payout refused": Flow(withdrawals.refused_payout, "onboarded"),
    "reversal without money": Flow(withdrawals.reversal_without_money, "onboarded"),
    "account disconnected": Flow(withdrawals.account_disconnected, "onboarded"),
    "onboarding whose answer is lost": Flow(onboarding_whose_answer_is_lost, "earned"),
}
