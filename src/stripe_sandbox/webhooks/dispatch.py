"""Making the deliveries of an event, with the faults that were planned for them."""

from stripe_sandbox.faults.deliveries import DeliveryFault
from stripe_sandbox.outbox import BEHIND, DELAYED
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record

_PUT_OFF = {
    DeliveryFault.DELAY: DELAYED,
    DeliveryFault.LATE: DELAYED,
    DeliveryFault.REORDER: BEHIND,
}


def dispatch(sandbox: Sandbox, event: Record, endpoint: Record) -> None:
    """Have ``event`` delivered to ``endpoint``, unless deliveries are dropped or a fault says otherwise."""
    outbox, now = sandbox.outbox, sandbox.now()
    rule = sandbox.faults.strike_delivery(event["type"], "connect" if endpoint["_connect"] else "platform")
    fault = DeliveryFault(rule.kind) if rule else None
    delivery = outbox.make(event, endpoint, now, fault)
    if outbox.mode == "drop" or fault is DeliveryFault.DROP:
        return
    if rule and fault in _PUT_OFF:
        put_off(sandbox, delivery, _PUT_OFF[fault], rule.seconds)
        return
    outbox.try_now(delivery)
    if fault is DeliveryFault.DUPLICATE:
        outbox.try_now(outbox.make(event, endpoint, now, fault))


def put_off(sandbox: Sandbox, delivery: Record, state: str, seconds: float) -> None:
    """Let a delivery be tried when ``seconds`` of sandbox time have passed."""
    due = sandbox.now() + seconds
    sandbox.outbox.put_off(delivery, state, due)
    sandbox.schedule.at(due, "delivery.retry", delivery["id"])
