"""A contractor withdraws, and what may go wrong at Stripe and the bank meanwhile."""

from tests.processes.world import World

_REVERSAL_RESTS = "SELECT FROM withdrawals WHERE state = 'failed' AND next_try_at > now() + interval '10 seconds'"
_ENDS = """
    SELECT FROM withdrawals AS one, withdrawals AS other
    WHERE one.state = 'returned' AND other.state = 'unresolved' AND other.reversal_attempt > 1
"""


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


def canceled_withdrawal(world: World) -> None:
    """The platform's money at Stripe is gone, and the contractor waits no longer."""
    _drain(world)
    path = _begin_withdrawal(world)
    world.wait("contractor", path, {"state": "reserved", "reasonCode": "platform_funds_pending"})
    world.post("contractor", f"{path}/cancel", key="cancel")
    world.wait("contractor", path, {"state": "canceled", "status": "failed"})


def answer_lost_for_a_day(world: World) -> None:
    """Stripe makes the transfer, nobody hears of it until its key is too old, and then it is found."""
    world.control("/deliveries/mode", {"mode": "hold"})
    world.plan_faults(
        {"match": "POST /v1/transfers", "kind": "drop_after", "times": 100},
        {"match": "GET /v1/transfers", "kind": "error_before", "times": 100},
    )
    path = _begin_withdrawal(world, state="transferring")
    world.rows("UPDATE stripe_calls SET first_sent_at = first_sent_at - interval '23 hours'")
    world.wait("contractor", path, {"state": "unresolved", "reasonCode": "answer_lost"})
    world.clear_faults()
    world.wait("contractor", path, {"state": "in_transit"})
    world.control("/deliveries/mode", {"mode": "deliver"})
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
    world.control("/dashboard/onboard", {"account": world.ids["account"], "outcome": "rejected"})
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
    world.control("/dashboard/onboard", {"account": world.ids["account"], "outcome": "rejected"})
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
    world.control("/dashboard/onboard", {"account": world.ids["account"], "outcome": "complete"})
    world.stripe("POST", "/payouts", account=world.ids["account"], form={"amount": "8000", "currency": "usd"})
    world.clear_faults()
    world.wait_for_row(_REVERSAL_RESTS)
    _give_account_money(world)
    world.wait("contractor", path, {"state": "returned", "status": "failed"})


def account_disconnected(world: World) -> None:
    """The account is disconnected between transfer and payout, and holds the money of only one of two by then."""
    world.control("/deliveries/mode", {"mode": "hold"})
    world.plan_faults({"match": "POST /v1/transfers", "kind": "drop_after", "times": 100})
    paths = [_begin_withdrawal(world, amount=40, key=f"withdrawal-{n}", state="transferring") for n in (1, 2)]
    account = world.ids["account"]
    world.stripe("POST", "/payouts", account=account, form={"amount": "4000", "currency": "usd"})
    world.control("/dashboard/deauthorize", {"account": account})
    world.clear_faults()
    world.wait_for_row(_ENDS)
    world.control("/deliveries/mode", {"mode": "deliver"})
    # For the other one only a person can do something, and that is no work that waits.
    world.rows("UPDATE withdrawals SET next_try_at = NULL WHERE state = 'unresolved'")
    assert all(world.get("contractor", path)["reasonCode"] == "account_disconnected" for path in paths)


def _begin_withdrawal(
    world: World,
    call_that_fails: str | None = None,
    *,
    amount: int = 80,
    key: str = "withdrawal",
    **wanted: object,
) -> str:
    """Its path; with a call that Stripe does not answer until the faults are cleared, once it is ``wanted``."""
    if call_that_fails is not None:
        world.plan_faults({"match": call_that_fails, "kind": "error_before", "times": 100})
    made = world.post("contractor", "/api/wallet/withdraw", {"amount": amount}, key=key)
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
    world.control("/dashboard/fail_payout", {"payout": payout_id, "code": "account_closed"})


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
