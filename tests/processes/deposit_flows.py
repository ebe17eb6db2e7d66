"""A customer deposits, and what may go wrong at Stripe meanwhile."""

from tests.processes.starting import until
from tests.processes.world import World


def deposit(world: World, card: str = "pm_card_bypassPending", **wanted: object) -> None:
    """200.00 by card, until it is in the wallet, or as ``wanted``."""
    until_deposit(world, begin_deposit(world, card), **(wanted or {"status": "completed"}))


def declined_deposit(world: World) -> None:
    deposit(world, "pm_card_visa_chargeDeclined", status="failed")


def deposit_whose_answers_are_lost(world: World) -> None:
    """Stripe does everything, but its answers are errors, which it repeats for a day."""
    paths = ("/v1/customers", "/v1/payment_intents", "/v1/payment_intents/*/confirm")
    world.plan_faults(*({"match": f"POST {path}", "kind": "error_after"} for path in paths))
    # Stripe's event would say first what the answers do not.
    world.control("/deliveries/mode", {"mode": "hold"})
    deposit_id = begin_deposit(world)
    until_deposit(world, deposit_id, state="processing")
    world.control("/deliveries/mode", {"mode": "deliver"})
    until_deposit(world, deposit_id, status="completed")


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
    deposit_id = begin_deposit(world, "pm_card_visa")
    until_deposit(world, deposit_id, state="confirming")
    world.rows("UPDATE deposits SET attempted_at = attempted_at - interval '61 minutes'")
    until_deposit(world, deposit_id, state="canceled", status="failed")


def refund(world: World) -> None:
    """50.00 go back to the card, given by a person in Stripe's dashboard; Stripe does not say what at first."""
    world.plan_faults({"match": "GET /v1/refunds", "kind": "error_before"})
    (charge,) = world.stripe("GET", "/charges")["data"]
    world.control("/dashboard/refund", {"charge": charge["id"], "amount": 5000})
    world.wait("customer", "/api/wallet", {"balance": "45.00"})


def deposit_with_another_card(world: World) -> None:
    """The first card is declined, the second pays; what Stripe keeps of it is not known at once."""
    world.plan_faults({"match": "GET /v1/charges/*", "kind": "error_before"})
    deposit_id = begin_deposit(world, "pm_card_visa_chargeDeclined")
    until_deposit(world, deposit_id, state="declined")
    body = {"paymentMethodId": "pm_card_bypassPending"}
    world.post("customer", f"/api/wallet/deposits/{deposit_id}/resume", body, key="another-card")
    until_deposit(world, deposit_id, status="completed")


def deposit_asked_for(world: World) -> None:
    """The customer passes 3-D Secure and comes back before Stripe's event does."""
    world.control("/deliveries/mode", {"mode": "hold"})
    deposit_id = begin_deposit(world, "pm_card_threeDSecure2Required")
    until_deposit(world, deposit_id, state="requires_action")
    intent_id = world.get("customer", f"/api/wallet/deposits/{deposit_id}")["stripePaymentIntentId"]
    world.control("/dashboard/authenticate", {"payment_intent": intent_id, "succeed": True})

    def completed() -> bool:
        path = f"/api/wallet/deposits/{deposit_id}/resume"
        return bool(world.post("customer", path, {})["status"] == "completed")

    until("asking ends it", completed)
    world.control("/deliveries/mode", {"mode": "deliver"})


def deposit_that_expires(world: World) -> None:
    """Nobody goes on with it for a day."""
    deposit_id = begin_deposit(world, "pm_card_threeDSecure2Required")
    until_deposit(world, deposit_id, state="requires_action")
    a_day_passes(world)
    until_deposit(world, deposit_id, state="expired", status="failed")


def deposit_paid_in_the_last_moment(world: World) -> None:
    """It is paid when it is to expire, and Stripe's event does not come."""
    world.control("/deliveries/mode", {"mode": "hold"})
    deposit_id = begin_deposit(world, "pm_card_threeDSecure2Required")
    until_deposit(world, deposit_id, state="requires_action")
    intent_id = world.get("customer", f"/api/wallet/deposits/{deposit_id}")["stripePaymentIntentId"]
    world.control("/dashboard/authenticate", {"payment_intent": intent_id, "succeed": True})
    a_day_passes(world)
    until_deposit(world, deposit_id, status="completed")
    world.control("/deliveries/mode", {"mode": "deliver"})


def card_kept_and_removed(world: World) -> None:
    """Stripe does not say at first that it has forgotten the card."""
    world.plan_faults({"match": "POST /v1/payment_methods/*/detach", "kind": "drop_after"})
    body = {"amount": 200, "paymentMethodId": "pm_card_bypassPending", "saveCard": True}
    deposit_id = world.post("customer", "/api/wallet/deposit", body, key="deposit")["depositId"]
    until_deposit(world, deposit_id, status="completed")
    (card,) = world.get("customer", "/api/wallet/cards")["cards"]
    world.post("customer", f"/api/wallet/cards/{card['id']}/default", {})
    world.ask("DELETE", f"/api/wallet/cards/{card['id']}", "customer")

    def forgotten() -> bool:
        method = world.stripe("GET", f"/payment_methods/{card['id']}")
        return method["customer"] is None and world.get("customer", "/api/wallet/cards")["cards"] == []

    until("it is forgotten", forgotten)


def deposit_with_3d_secure(world: World) -> None:
    """The customer passes 3-D Secure, and Stripe's event says so."""
    deposit_id = begin_deposit(world, "pm_card_threeDSecure2Required")
    until_deposit(world, deposit_id, state="requires_action")
    intent_id = world.get("customer", f"/api/wallet/deposits/{deposit_id}")["stripePaymentIntentId"]
    world.control("/dashboard/authenticate", {"payment_intent": intent_id, "succeed": True})
    until_deposit(world, deposit_id, status="completed")


def a_day_passes(world: World) -> None:
    day = "interval '25 hours'"
    world.rows(f"UPDATE deposits SET attempted_at = attempted_at - {day}, next_try_at = now()")  # noqa: S608


def begin_deposit(world: World, card: str = "pm_card_bypassPending", *, key: str = "deposit") -> str:
    body = {"amount": 200, "paymentMethodId": card}
    return str(world.post("customer", "/api/wallet/deposit", body, key=key)["depositId"])


def until_deposit(world: World, deposit_id: str, **wanted: object) -> None:
    world.wait("customer", f"/api/wallet/deposits/{deposit_id}", wanted)
