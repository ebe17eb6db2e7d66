"""What people do with deposits and withdrawals, and what may go wrong at Stripe meanwhile.

Each flow can be played through a crash of JobSphere at any point: it asks again and waits, as people do.
"""

from collections.abc import Callable
from dataclasses import dataclass

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
    _until_deposit(world, _begin_deposit(world, key="deposit-for-the-job"), status="completed")
    job = world.post("customer", "/api/jobs", {"title": "Paint", "description": "Green."})["job"]
    body = {"jobId": job["id"], "contractorId": world.ids["contractor"], "amount": "100.00"}
    offer = world.post("customer", "/api/offers", body)["offer"]
    world.post("contractor", f"/api/offers/{offer['id']}/accept", {})
    world.post("customer", f"/api/jobs/{job['id']}/complete", {})


def onboard(world: World) -> None:
    """The contractor opens a payout account and fills in Stripe's page."""
    world.ids["account"] = world.post("contractor", "/api/wallet/connect", {})["accountId"]
    world.control(f"/accounts/{world.ids['account']}/onboard", {"outcome": "complete"})
    world.wait("contractor", "/api/wallet/connect/status", {"onboarded": True})
    world.settle()


def deposit(world: World, card: str = "pm_card_bypassPending", **wanted: object) -> None:
    """200.00 by card, until it is in the wallet, or as ``wanted``."""
    _until_deposit(world, _begin_deposit(world, card), **(wanted or {"status": "completed"}))


def declined_deposit(world: World) -> None:
    deposit(world, "pm_card_visa_chargeDeclined", status="failed")


def deposit_whose_answers_are_lost(world: World) -> None:
    """Stripe does everything, but its answers are errors, which it repeats for a day."""
    paths = ("/v1/customers", "/v1/payment_intents", "/v1/payment_intents/*/confirm")
    world.plan_faults(*({"match": f"POST {path}", "kind": "error_after"} for path in paths))
    # Stripe's event would say first what the answers do not.
    world.control("/deliveries/mode", {"mode": "hold"})
    deposit_id = _begin_deposit(world)
    _until_deposit(world, deposit_id, state="processing")
    world.control("/deliveries/mode", {"mode": "deliver"})
    _until_deposit(world, deposit_id, status="completed")


def deposit_whose_customer_is_never_made(world: World) -> None:
    """Stripe keeps an error under the key for the customer, and has no such customer."""
    id_, email = world.ids["customer"], "customer@example.com"
    world.plan_faults({"match": "POST /v1/customers", "kind": "error_after"})
    form = {"email": email, "name": "customer", "metadata[user_id]": id_}
    world.stripe("POST", "/customers", key=f"user:{id_}:customer:1", succeeds=False, form=form)
    (made,) = world.stripe("GET", "/customers")["data"]
    world.stripe("DELETE", f"/customers/{made['id']}")
    deposit(world)


def refused_deposit(world: World) -> None:
    """Somebody has deleted the customer at Stripe."""
    (customer,) = world.stripe("GET", "/customers")["data"]
    world.stripe("DELETE", f"/customers/{customer['id']}")
    deposit(world, state="canceled", status="failed")


def deposit_given_up(world: World) -> None:
    """Nothing can be confirmed for an hour."""
    world.plan_faults({"match": "POST /v1/payment_intents/*/confirm", "kind": "error_before", "times": 100})
    deposit_id = _begin_deposit(world, "pm_card_visa")
    _until_deposit(world, deposit_id, state="confirming")
    world.rows("UPDATE deposits SET created_at = created_at - interval '61 minutes'")
    _until_deposit(world, deposit_id, state="canceled", status="failed")


def refund(world: World) -> None:
    """50.00 go back to the card, given by a person in Stripe's dashboard; Stripe does not say what at first."""
    world.plan_faults({"match": "GET /v1/refunds", "kind": "error_before"})
    (charge,) = world.stripe("GET", "/charges")["data"]
    world.control("/dashboard/refund", {"charge": charge["id"], "amount": 5000})
    world.wait("customer", "/api/wallet", {"balance": "45.00"})


def withdraw(world: World) -> None:
    """80.00 to the bank, until it is there."""
    _until_it_is_at_the_bank(world, _begin_withdrawal(world))


def withdrawal_returned_by_the_bank(world: World) -> None:
    path = _begin_withdrawal(world)
    _bank_returns_it(world, path)
    world.wait("contractor", path, {"state": "returned", "status": "failed"})


def withdrawal_whose_answers_are_lost(world: World) -> None:
    """Stripe does everything, but its answers are errors, which it repeats; then the bank returns the money."""
    paths = ("/v1/transfers", "/v1/payouts", "/v1/transfers/*/reversals")
    world.plan_faults(*({"match": f"POST {path}", "kind": "error_after"} for path in paths))
    world.control("/deliveries/mode", {"mode": "hold"})
    path = _begin_withdrawal(world)
    world.wait("contractor", path, {"state": "in_transit"})
    world.control("/deliveries/mode", {"mode": "deliver"})
    _bank_returns_it(world, path)
    world.wait("contractor", path, {"state": "returned", "status": "failed"})


def withdrawal_before_there_is_money(world: World) -> None:
    """The platform's money at Stripe is gone before the transfer begins, and comes back."""
    _drain(world)
    path = _begin_withdrawal(world)
    world.wait("contractor", path, {"state": "reserved", "reasonCode": "platform_funds_pending"})
    _top_up(world)
    _until_it_is_at_the_bank(world, path)


def transfer_without_money(world: World) -> None:
    """The platform's money at Stripe is gone when the transfer is made, and comes back."""
    path = _begin_withdrawal(world, "POST /v1/transfers", state="transferring")
    _drain(world)
    world.clear_faults()
    world.wait("contractor", path, {"state": "reserved", "reasonCode": "platform_funds_pending"})
    _top_up(world)
    _until_it_is_at_the_bank(world, path)


def refused_transfer(world: World) -> None:
    """Stripe closes the contractor's account before the transfer is made."""
    path = _begin_withdrawal(world, "POST /v1/transfers", state="transferring")
    world.control(f"/accounts/{world.ids['account']}/onboard", {"outcome": "rejected"})
    world.clear_faults()
    world.wait("contractor", path, {"state": "returned", "status": "failed"})


def payout_without_money(world: World) -> None:
    """The money has left the contractor's account when the payout is made, and comes back."""
    path = _begin_withdrawal(world, "POST /v1/payouts", state="paying_out")
    (transfer,) = world.stripe("GET", "/transfers")["data"]
    world.stripe("POST", f"/transfers/{transfer['id']}/reversals")
    world.clear_faults()
    world.wait("contractor", path, {"state": "transferred", "reasonCode": "account_funds_pending"})
    _give_account_money(world)
    _until_it_is_at_the_bank(world, path)


def refused_payout(world: World) -> None:
    """Stripe closes the contractor's account before the payout is made."""
    path = _begin_withdrawal(world, "POST /v1/payouts", state="paying_out")
    world.control(f"/accounts/{world.ids['account']}/onboard", {"outcome": "rejected"})
    world.clear_faults()
    world.wait("contractor", path, {"state": "returned", "status": "failed"})


def reversal_without_money(world: World) -> None:
    """The money has left the contractor's account when the transfer is reversed, and comes back."""
    path = _begin_withdrawal(world)
    world.wait("contractor", path, {"state": "in_transit"})
    world.plan_faults({"match": "POST /v1/transfers/*/reversals", "kind": "error_before", "times": 100})
    _bank_returns_it(world, path)
    world.wait("contractor", path, {"state": "reversing"})
    # With another bank account, the money can go there.
    world.control(f"/accounts/{world.ids['account']}/onboard", {"outcome": "complete"})
    world.stripe("POST", "/payouts", account=world.ids["account"], form={"amount": "8000", "currency": "usd"})
    world.clear_faults()
    world.wait_for_row(_REVERSAL_RESTS)
    _give_account_money(world)
    world.wait("contractor", path, {"state": "returned", "status": "failed"})


def onboarding_whose_answer_is_lost(world: World) -> None:
    """Stripe makes an account but answers with an error, which it repeats; the contractor asks again."""
    world.plan_faults({"match": "POST /v1/accounts", "kind": "error_after"})
    until("there is an account", lambda: world.ask("POST", "/api/wallet/connect", "contractor", {}).is_success)
    onboard(world)


_REVERSAL_RESTS = "SELECT FROM withdrawals WHERE state = 'failed' AND next_try_at > now() + interval '10 seconds'"


def _begin_deposit(world: World, card: str = "pm_card_bypassPending", *, key: str = "deposit") -> str:
    body = {"amount": 200, "paymentMethodId": card}
    return str(world.post("customer", "/api/wallet/deposit", body, key=key)["depositId"])


def _until_deposit(world: World, deposit_id: str, **wanted: object) -> None:
    world.wait("customer", f"/api/wallet/deposits/{deposit_id}", wanted)


def _begin_withdrawal(world: World, call_that_fails: str | None = None, **wanted: object) -> str:
    """Its path; with a call that Stripe does not answer until the faults are cleared, once it is ``wanted``."""
    if call_that_fails is not None:
        world.plan_faults({"match": call_that_fails, "kind": "error_before", "times": 100})
    made = world.post("contractor", "/api/wallet/withdraw", {"amount": 80}, key="withdrawal")
    path = f"/api/wallet/withdrawals/{made['withdrawalId']}"
    world.wait("contractor", path, wanted)
    return path


def _until_it_is_at_the_bank(world: World, path: str) -> None:
    world.wait("contractor", path, {"state": "in_transit"})
    # A payout leaves after an hour and arrives two days later; Stripe would give up an event after three.
    world.control("/clock/advance", {"seconds": 50 * 3600})
    world.wait("contractor", path, {"state": "paid", "status": "completed"})


def _bank_returns_it(world: World, path: str) -> None:
    payout_id = world.wait("contractor", path, {"state": "in_transit"})["payoutId"]
    world.control(f"/payouts/{payout_id}/fail", {"code": "account_closed"})


def _drain(world: World) -> None:
    """Pay out everything the platform has at Stripe."""
    (available,) = world.stripe("GET", "/balance")["available"]
    world.stripe("POST", "/payouts", form={"amount": str(available["amount"]), "currency": "usd"})


def _top_up(world: World) -> None:
    """Bring the platform money by a payment that is none of JobSphere's deposits."""
    methods = {"automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never"}
    form = {"amount": "20000", "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": "true"}
    world.stripe("POST", "/payment_intents", form={**form, **methods})
    world.leases_end()


def _give_account_money(world: World) -> None:
    """Bring the contractor's account money by a transfer that is none of JobSphere's withdrawals."""
    form = {"amount": "8000", "currency": "usd", "destination": world.ids["account"]}
    world.stripe("POST", "/transfers", form=form)
    world.leases_end()


# In this order: a point that an earlier flow passed is not played again in a later one.
FLOWS = {
    "deposit": Flow(deposit, "people"),
    "withdrawal": Flow(withdraw, "onboarded"),
    "onboarding": Flow(onboard, "earned"),
    "deposit declined": Flow(declined_deposit, "people"),
    "deposit whose answers are lost": Flow(deposit_whose_answers_are_lost, "people"),
    "deposit whose customer is never made": Flow(deposit_whose_customer_is_never_made, "people"),
    "deposit refused": Flow(refused_deposit, "earned"),
    "deposit given up": Flow(deposit_given_up, "people"),
    "refund": Flow(refund, "earned"),
    "withdrawal returned by the bank": Flow(withdrawal_returned_by_the_bank, "onboarded"),
    "withdrawal whose answers are lost": Flow(withdrawal_whose_answers_are_lost, "onboarded"),
    "withdrawal before there is money": Flow(withdrawal_before_there_is_money, "onboarded"),
    "transfer without money": Flow(transfer_without_money, "onboarded"),
    "transfer refused": Flow(refused_transfer, "onboarded"),
    "payout without money": Flow(payout_without_money, "onboarded"),
    "payout refused": Flow(refused_payout, "onboarded"),
    "reversal without money": Flow(reversal_without_money, "onboarded"),
    "onboarding whose answer is lost": Flow(onboarding_whose_answer_is_lost, "earned"),
}
