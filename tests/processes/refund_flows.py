"""Money goes back to a card, asked for by the customer or by the card's bank; what may go wrong meanwhile."""

from tests.processes import deposit_flows as deposits
from tests.processes.world import World


def refund_asked_for(world: World) -> None:
    """The customer asks for 50.00 of the deposit, and Stripe makes the refund."""
    _ask(world)
    world.wait_for_row("SELECT 1 FROM refunds WHERE state = 'succeeded'")
    world.settle()


def refund_whose_answers_are_lost(world: World) -> None:
    """Stripe is out of reach first, and then does it but answers with an error."""
    world.plan_faults(*({"match": "POST /v1/refunds", "kind": kind} for kind in ("error_before", "drop_after")))
    refund_asked_for(world)


def refund_refused(world: World) -> None:
    """Most of it went back in Stripe's dashboard already, and nobody has told us when the customer asks."""
    world.control("/deliveries/mode", {"mode": "hold"})
    world.control("/dashboard/refund", {"charge": _charge(world), "amount": 15500})
    _ask(world)
    world.wait_for_row("SELECT 1 FROM refunds WHERE state = 'canceled'")
    world.control("/deliveries/mode", {"mode": "deliver"})
    world.control("/deliveries/release", {})
    world.wait_for_row("SELECT 1 FROM refunds WHERE state = 'succeeded'")
    world.settle()


def refund_at_stripe_of_spent_money(world: World) -> None:
    """155.00 of 200.00 go back in Stripe's dashboard, 95.00 of them are left; the next deposit pays the rest."""
    world.control("/dashboard/refund", {"charge": _charge(world), "amount": 15500})
    world.wait_for_row("SELECT 1 FROM refunds WHERE state = 'succeeded'")
    world.wait("customer", "/api/wallet", {"balance": "0.00", "debt": "60.00"})
    deposits.until_deposit(world, deposits.begin_deposit(world, key="pays-the-debt"), status="completed")
    world.wait("customer", "/api/wallet", {"balance": "140.00", "debt": "0.00"})


def dispute_accepted(world: World) -> None:
    """An admin lets the bank have its 60.00."""
    dispute_id = _open_dispute(world)
    world.post("admin", f"/api/admin/disputes/{dispute_id}/accept", {"reason": "It is true."}, key="accept")
    world.wait_for_row("SELECT 1 FROM disputes WHERE state = 'lost'")
    world.settle()


def dispute_answered(world: World) -> None:
    """An admin submits what is known, the bank reads it and gives the 60.00 back."""
    dispute_id = _open_dispute(world)
    body = {"statement": "winning_evidence"}
    world.post("admin", f"/api/admin/disputes/{dispute_id}/evidence", body, key="evidence")
    world.wait_for_row("SELECT 1 FROM dispute_answers WHERE state = 'sent'")
    world.wait_for_row("SELECT 1 FROM disputes WHERE state = 'under_review'")
    world.control("/clock/advance", {"seconds": 7 * 24 * 3600})
    world.wait_for_row("SELECT 1 FROM disputes WHERE state = 'won'")
    world.settle()


def dispute_won(world: World) -> None:
    """The card's bank takes 60.00 back, and gives them back."""
    _dispute(world, "won")


def dispute_lost(world: World) -> None:
    """The card's bank takes 60.00 back, for good."""
    _dispute(world, "lost")


def _open_dispute(world: World) -> str:
    """Our id of a dispute of 60.00, which are frozen."""
    world.control("/dashboard/dispute", {"charge": _charge(world), "amount": 6000})
    world.wait_for_row("SELECT 1 FROM disputes WHERE state = 'open' AND is_frozen")
    [(dispute_id,)] = world.rows("SELECT id::text FROM disputes")
    return str(dispute_id)


def _dispute(world: World, outcome: str) -> None:
    dispute = world.control("/dashboard/dispute", {"charge": _charge(world), "amount": 6000})
    world.wait_for_row("SELECT 1 FROM disputes WHERE state = 'open' AND is_frozen")
    world.control("/dashboard/decide_dispute", {"dispute": dispute["id"], "outcome": outcome})
    world.wait_for_row(f"SELECT 1 FROM disputes WHERE state = '{outcome}'")  # noqa: S608 - a word of ours
    world.settle()


def _ask(world: World) -> None:
    deposits = world.get("customer", "/api/wallet/transactions")["transactions"]
    path = f"/api/wallet/deposits/{deposits[-1]['id']}/refund"
    world.post("customer", path, {"amount": "50.00"}, key="refund")


def _charge(world: World) -> str:
    (charge,) = world.stripe("GET", "/charges")["data"]
    return str(charge["id"])
