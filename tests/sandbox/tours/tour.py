"""A marketplace's day at the sandbox, by the official Python library alone: ``python tour.py ADDRESS``.

It prints one line for each thing that happened, and ends with 0 if all of it was as it should be.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import stripe

ADDRESS = sys.argv[1]
client = stripe.StripeClient("sk_test_tour", base_addresses={"api": ADDRESS}, max_network_retries=0).v1
page = httpx.Client(trust_env=False, timeout=60)

# --- the webhook receiver: every signature is checked by the library ---

received: list[Any] = []
secrets: dict[str, str] = {}


class Receiver(BaseHTTPRequestHandler):
    """Takes deliveries that the library accepts."""

    def do_POST(self) -> None:
        """Keep one event."""
        body = self.rfile.read(int(self.headers["content-length"]))
        signature = self.headers["stripe-signature"]
        event = stripe.Webhook.construct_event(body, signature, secrets[self.path])
        received.append(event)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_parts: object) -> None:
        """Say nothing."""


receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
Thread(target=receiver.serve_forever, daemon=True).start()


def listen(path: str, *, connect: bool) -> None:
    """Have events sent to a path of the receiver."""
    url = f"http://127.0.0.1:{receiver.server_port}{path}"
    endpoint = client.webhook_endpoints.create({"url": url, "enabled_events": ["*"], "connect": connect})
    secrets[path] = str(endpoint.secret)


# --- what is not Stripe's: time, banks, and the pages that people click through ---


def sandbox(path: str, **body: object) -> Any:
    """Do something by the control interface."""
    return page.post(f"{ADDRESS}/_sandbox/{path}", json=body).raise_for_status().json()


def press(url: str, outcome: str) -> None:
    """Press a button of a page."""
    page.post(url, data={"outcome": outcome})


def told(kind: str) -> Any:
    """The newest event of this type, once everything that waits to be delivered was delivered."""
    sandbox("deliveries/drain")
    found = [event for event in received if event.type == kind]
    assert found, f"nobody was told of {kind}"
    return found[-1]


def step(text: str) -> None:
    """Say what happened."""
    sys.stdout.write(f"{text}\n")


def paid_with(card: str, amount: int) -> stripe.PaymentIntent:
    """A payment that is confirmed when it is made."""
    return client.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "payment_method": card,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "confirm": True,
        }
    )


def refused_with(card: str, amount: int) -> Any:
    """How a payment that is declined is refused."""
    try:
        paid_with(card, amount)
    except stripe.CardError as error:
        return error
    raise AssertionError(f"{card} was not declined")


# --- the tour ---

listen("/platform", connect=False)
listen("/connect", connect=True)

paid = paid_with("pm_card_bypassPending", 50_000)
assert paid.status == "succeeded"
assert told("payment_intent.succeeded").data.object.id == paid.id
step("deposit: succeeded")

declined = refused_with("pm_card_visa_chargeDeclined", 5_000)
assert told("payment_intent.payment_failed").data.object.id == declined.error.payment_intent.id
step(f"decline: {declined.http_status} {declined.code} {declined.error.decline_code}")

asked = client.payment_intents.create(
    {
        "amount": 5_000,
        "currency": "usd",
        "payment_method": "pm_card_threeDSecure2Required",
        "confirm": True,
        "return_url": "https://example.com/back",
    }
)
step(f"3DS: {asked.status}")
assert asked.next_action is not None
assert asked.next_action.redirect_to_url is not None
press(str(asked.next_action.redirect_to_url.url), "complete")
assert told("payment_intent.succeeded").data.object.id == asked.id
step(f"3DS: {client.payment_intents.retrieve(asked.id).status}")

refund = client.refunds.create({"payment_intent": paid.id, "amount": 1_000})
assert told("charge.refunded").data.object.amount_refunded == 1_000
step(f"refund: {refund.status}")

for evidence in ("winning_evidence", "losing_evidence"):
    intent = paid_with("pm_card_createDispute", 20_000)
    sandbox("clock/advance", seconds=60)
    [dispute] = client.disputes.list({"payment_intent": intent.id}).data
    assert told("charge.dispute.created").data.object.id == dispute.id
    client.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}, "submit": True})
    sandbox("clock/advance", seconds=60)
    closed = told("charge.dispute.closed").data.object
    assert closed.id == dispute.id
    step(f"dispute: {dispute.status}, {closed.status}")

account = client.accounts.create(
    {
        "type": "express",
        "capabilities": {"transfers": {"requested": True}},
        "settings": {"payouts": {"schedule": {"interval": "manual"}}},
    }
)
link = client.account_links.create(
    {
        "account": account.id,
        "type": "account_onboarding",
        "refresh_url": "https://example.com/again",
        "return_url": "https://example.com/back",
    }
)
step(f"onboarding: payouts {str(account.payouts_enabled).lower()}")
press(link.url, "complete")
assert told("account.updated").account == account.id
step(f"onboarding: payouts {str(client.accounts.retrieve(account.id).payouts_enabled).lower()}")

transfer = client.transfers.create({"amount": 9_000, "currency": "usd", "destination": account.id})
assert told("transfer.created").data.object.id == transfer.id
theirs: Any = {"stripe_account": account.id}
[available] = client.balance.retrieve({}, theirs).available
step(f"transfer: {available.amount} {available.currency} available")


def pay_out(amount: int) -> Any:
    """A payout that counts as paid, as its event shows it."""
    payout = client.payouts.create({"amount": amount, "currency": "usd"}, theirs)
    sandbox("clock/advance", seconds=3 * 86_400)
    event = told("payout.paid")
    assert (event.account, event.data.object.id) == (account.id, payout.id)
    return event.data.object


step(f"payout: {pay_out(4_000).status}")

returned = pay_out(5_000)
sandbox("dashboard/fail_payout", payout=returned.id, code="account_closed")
failed = told("payout.failed").data.object
bank: Any = client.accounts.external_accounts.list(account.id).data[0]
step(f"payout: {returned.status}, then {failed.status} ({failed.failure_code}); the bank is {bank.status}")

try:
    stripe.Webhook.construct_event(json.dumps({"object": "event"}), "t=1,v1=00", secrets["/platform"])
except stripe.SignatureVerificationError:
    step("signatures: a forged one is refused")

books = page.get(f"{ADDRESS}/_sandbox/books").json()
step(f"books: {'balanced' if books['balanced'] else books['differences']}")
receiver.shutdown()
