"""Every call we make to Stripe. Each is one HTTP request: retrying is for whoever keeps the key."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import httpx
import stripe

from jobsphere.money import Money
from jobsphere.stripe_gateway import dispute as disputes
from jobsphere.stripe_gateway import objects, setup
from jobsphere.stripe_gateway.events import EventsPage, events_page
from jobsphere.stripe_gateway.outcomes import stripe_call as _stripe_call

# The SDK's own version is the one its types describe; our webhook endpoints are made with it too.
API_VERSION = stripe.api_version

# Else the SDK keeps an id of this installation in the user's home, and sends it and the platform with each call.
stripe.enable_telemetry = False


class StripeGateway:
    """Calls Stripe, or anything that speaks like it, with one key.

    Every method may raise ``OutcomeUnknown``, ``Refused`` or ``StripeMisconfigured``
    (``stripe_gateway.errors``), and ``TransactionAlreadyOpen`` inside a database transaction.
    ``key`` is the idempotency key: the same key makes the same thing happen once, for 24 hours.
    """

    def __init__(self, *, secret_key: str, api_base: str, timeout_seconds: float) -> None:
        self._http = stripe.HTTPXClient(timeout=httpx.Timeout(timeout_seconds, connect=min(2.0, timeout_seconds)))
        self._stripe_client = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base},
            http_client=self._http,
            max_network_retries=0,
        )
        self._stripe = self._stripe_client.v1

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    @_stripe_call
    async def list_events(self, *, since: int, after: str | None, account_id: str | None) -> EventsPage:
        """Up to 100 events of an account (None: the platform's), created at ``since`` (Unix seconds) or later.

        Newest first; with ``after`` those that come after this event in the list.
        """
        where: dict[str, Any] = {"limit": 100, "created[gte]": since} | (
            {"starting_after": after} if after else {}
        )
        options = {"stripe_account": account_id} if account_id else {}
        # As JSON: the SDK's own objects fail on some genuine events (stripe.md section 8).
        answer = await self._stripe_client.raw_request_async("get", "/v1/events", **where, **options)
        return events_page(answer.body)

    @_stripe_call
    async def create_customer(self, *, user_id: UUID, email: str, name: str, key: str) -> str:
        """The id of a new customer."""
        made = await self._stripe.customers.create_async(
            {"email": email, "name": name, "metadata": {"user_id": str(user_id)}}, {"idempotency_key": key}
        )
        return made.id

    @_stripe_call
    async def find_customer(self, *, user_id: UUID, email: str) -> str | None:
        """The id of the customer made for a person, if there is one: for an answer that was lost."""
        page = await self._stripe.customers.list_async({"email": email, "limit": 100})
        async for found in page.auto_paging_iter():
            if found.to_dict().get("metadata", {}).get("user_id") == str(user_id):
                return found.id
        return None

    @_stripe_call
    async def create_payment_intent(
        self, *, amount: Money, customer_id: str, deposit_id: UUID, saves_card: bool, key: str
    ) -> objects.PaymentIntent:
        """A PaymentIntent that waits to be confirmed; no card is charged yet.

        With ``saves_card`` the card that pays is the customer's to pay with again.
        """
        parameters: Any = {
            "amount": amount.amount_minor,
            "currency": amount.currency,
            "customer": customer_id,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"deposit_id": str(deposit_id)},
        }
        if saves_card:
            parameters["setup_future_usage"] = "on_session"
        made = await self._stripe.payment_intents.create_async(parameters, {"idempotency_key": key})
        return objects.payment_intent(made.to_dict())

    @_stripe_call
    async def find_payment_intent(self, *, customer_id: str, deposit_id: UUID) -> objects.PaymentIntent | None:
        """The PaymentIntent made for a deposit, if there is one: for an answer that was lost."""
        page = await self._stripe.payment_intents.list_async({"customer": customer_id, "limit": 100})
        async for found in page.auto_paging_iter():
            made = objects.payment_intent(found.to_dict())
            if made.metadata.get("deposit_id") == str(deposit_id):
                return made
        return None

    @_stripe_call
    async def confirm_payment_intent(
        self, payment_intent_id: str, *, payment_method_id: str, key: str
    ) -> objects.PaymentIntent:
        """Charge the card.

        Raises:
            CardDeclined: the bank said no; the PaymentIntent may be confirmed again.
        """
        confirmed = await self._stripe.payment_intents.confirm_async(
            payment_intent_id, {"payment_method": payment_method_id}, {"idempotency_key": key}
        )
        return objects.payment_intent(confirmed.to_dict())

    @_stripe_call
    async def cancel_payment_intent(self, payment_intent_id: str, *, key: str) -> objects.PaymentIntent:
        """Make sure that it never charges a card; refused once it has succeeded."""
        canceled = await self._stripe.payment_intents.cancel_async(payment_intent_id, {}, {"idempotency_key": key})
        return objects.payment_intent(canceled.to_dict())

    @_stripe_call
    async def retrieve_payment_intent(self, payment_intent_id: str) -> objects.PaymentIntent:
        """The PaymentIntent as it is now, with its client secret."""
        found = await self._stripe.payment_intents.retrieve_async(payment_intent_id)
        return objects.payment_intent(found.to_dict())

    @_stripe_call
    async def list_payment_methods(self, customer_id: str) -> list[objects.PaymentMethod]:
        """The cards that are saved to a customer, the latest first."""
        page = await self._stripe.customers.payment_methods.list_async(customer_id, {"type": "card", "limit": 100})
        return [objects.payment_method(found.to_dict()) async for found in page.auto_paging_iter()]

    @_stripe_call
    async def detach_payment_method(self, payment_method_id: str, *, key: str) -> objects.PaymentMethod:
        """Take it from its customer; nobody can pay with it again."""
        gone = await self._stripe.payment_methods.detach_async(payment_method_id, {}, {"idempotency_key": key})
        return objects.payment_method(gone.to_dict())

    @_stripe_call
    async def retrieve_payment_method(self, payment_method_id: str) -> objects.PaymentMethod:
        """The payment method as it is now."""
        found = await self._stripe.payment_methods.retrieve_async(payment_method_id)
        return objects.payment_method(found.to_dict())

    @_stripe_call
    async def retrieve_charge(self, charge_id: str) -> objects.Charge:
        """The charge as it is now, with its line in Stripe's books once there is one."""
        found = await self._stripe.charges.retrieve_async(charge_id, {"expand": ["balance_transaction"]})
        return objects.charge(found.to_dict())

    @_stripe_call
    async def create_refund(
        self, payment_intent_id: str, *, amount: Money, refund_id: UUID, key: str
    ) -> objects.Refund:
        """Send ``amount`` of a payment back to its card; refused while the charge is disputed."""
        made = await self._stripe.refunds.create_async(
            {
                "payment_intent": payment_intent_id,
                "amount": amount.amount_minor,
                "metadata": {"refund_id": str(refund_id)},
            },
            {"idempotency_key": key},
        )
        return objects.refund(made.to_dict())

    @_stripe_call
    async def list_refunds(self, payment_intent_id: str) -> list[objects.Refund]:
        """Every refund of a payment, whoever made it."""
        page = await self._stripe.refunds.list_async({"payment_intent": payment_intent_id, "limit": 100})
        return [objects.refund(found.to_dict()) async for found in page.auto_paging_iter()]

    @_stripe_call
    async def retrieve_dispute(self, dispute_id: str) -> disputes.Dispute:
        """The dispute as it is now, with the balance transactions it has led to."""
        return disputes.dispute((await self._stripe.disputes.retrieve_async(dispute_id)).to_dict())

    @_stripe_call
    async def submit_evidence(self, dispute_id: str, *, evidence: Mapping[str, str], key: str) -> disputes.Dispute:
        """Send evidence to the card's bank, which takes it once; the names are those of Stripe's evidence."""
        sent = await self._stripe.disputes.update_async(
            dispute_id, {"evidence": cast(Any, dict(evidence)), "submit": True}, {"idempotency_key": key}
        )
        return disputes.dispute(sent.to_dict())

    @_stripe_call
    async def accept_dispute(self, dispute_id: str, *, key: str) -> disputes.Dispute:
        """Let the dispute be lost, for good."""
        closed = await self._stripe.disputes.close_async(dispute_id, {}, {"idempotency_key": key})
        return disputes.dispute(closed.to_dict())

    @_stripe_call
    async def retrieve_three_d_secure(self, charge_id: str) -> str | None:
        """How the card's owner was authenticated when a charge was made (``authenticated``), if at all."""
        return disputes.three_d_secure((await self._stripe.charges.retrieve_async(charge_id)).to_dict())

    @_stripe_call
    async def create_account(
        self, *, user_id: UUID, email: str, country: str, is_recipient: bool, key: str
    ) -> objects.Account:
        """An Express account that pays out only when told to (stripe.md section 3: schedule manual).

        ``is_recipient``: under the agreement for accounts that only receive transfers (stripe.md section 4).
        """
        made = await self._stripe.accounts.create_async(
            {
                "type": "express",
                "country": country,
                "email": email,
                "capabilities": {"transfers": {"requested": True}},
                "settings": {"payouts": {"schedule": {"interval": "manual"}}},
                "tos_acceptance": {"service_agreement": "recipient" if is_recipient else "full"},
                "metadata": {"user_id": str(user_id)},
            },
            {"idempotency_key": key},
        )
        return objects.account(made.to_dict())

    @_stripe_call
    async def retrieve_account(self, account_id: str) -> objects.Account:
        """The connected account as it is now."""
        return objects.account((await self._stripe.accounts.retrieve_async(account_id)).to_dict())

    @_stripe_call
    async def retrieve_platform(self) -> setup.Platform:
        """The platform's own account, and Stripe's time."""
        found = await self._stripe.accounts.retrieve_current_async()
        headers = found.last_response.headers if found.last_response is not None else {}
        return setup.platform(found.to_dict(), headers.get("date"))

    @_stripe_call
    async def list_webhook_endpoints(self) -> list[setup.WebhookEndpoint]:
        """Every webhook endpoint of the platform, also those that are switched off."""
        page = await self._stripe.webhook_endpoints.list_async({"limit": 100})
        return [setup.webhook_endpoint(found.to_dict()) async for found in page.auto_paging_iter()]

    @_stripe_call
    async def create_account_link(
        self, account_id: str, *, return_url: str, refresh_url: str
    ) -> objects.AccountLink:
        """A fresh onboarding page; each works once, so there is no key to repeat."""
        made = await self._stripe.account_links.create_async(
            {
                "account": account_id,
                "type": "account_onboarding",
                "return_url": return_url,
                "refresh_url": refresh_url,
            }
        )
        return objects.account_link(made.to_dict())

    @_stripe_call
    async def create_login_link(self, account_id: str) -> str:
        """A page of the account's Express dashboard; it signs in whoever opens it, once."""
        return (await self._stripe.accounts.login_links.create_async(account_id)).url

    @_stripe_call
    async def retrieve_available_balance(self, currency: str, *, account_id: str | None = None) -> Money:
        """What can be transferred (the platform's) or paid out (a connected account's) now."""
        found = await self._stripe.balance.retrieve_async({}, {"stripe_account": account_id} if account_id else {})
        parts = [part.amount for part in found.available if part.currency == currency]
        return Money(sum(parts), currency)

    @_stripe_call
    async def list_pending_money(
        self, currency: str, *, account_id: str | None = None
    ) -> list[objects.BalanceTransaction]:
        """What will become available on the platform's balance or a connected account's (``pending_until``)."""
        page = await self._stripe.balance_transactions.list_async(
            {"currency": currency, "limit": 100}, {"stripe_account": account_id} if account_id else {}
        )
        # The newest come first, and what is pending is days old at most: one page tells enough for a forecast.
        told = [objects.balance_transaction(found.to_dict()) for found in page.data]
        return [line for line in told if line.pending_until is not None]

    @_stripe_call
    async def create_transfer(
        self, *, amount: Money, account_id: str, withdrawal_id: UUID, key: str
    ) -> objects.Transfer:
        """Move money from the platform to a connected account."""
        made = await self._stripe.transfers.create_async(
            {
                "amount": amount.amount_minor,
                "currency": amount.currency,
                "destination": account_id,
                "transfer_group": _transfer_group(withdrawal_id),
                "metadata": {"withdrawal_id": str(withdrawal_id)},
            },
            {"idempotency_key": key},
        )
        return objects.transfer(made.to_dict())

    @_stripe_call
    async def find_transfer(self, withdrawal_id: UUID) -> objects.Transfer | None:
        """The transfer made for a withdrawal, if there is one: for an answer that was lost."""
        page = await self._stripe.transfers.list_async(
            {"transfer_group": _transfer_group(withdrawal_id), "limit": 100}
        )
        async for found in page.auto_paging_iter():
            made = objects.transfer(found.to_dict())
            if made.metadata.get("withdrawal_id") == str(withdrawal_id):
                return made
        return None

    @_stripe_call
    async def reverse_transfer(self, transfer_id: str, *, amount: Money, key: str) -> objects.Reversal:
        """Bring the money of a transfer back to the platform."""
        made = await self._stripe.transfers.reversals.create_async(
            transfer_id, {"amount": amount.amount_minor}, {"idempotency_key": key}
        )
        return objects.reversal(made.to_dict())

    @_stripe_call
    async def find_reversal(self, transfer_id: str, *, amount: Money) -> objects.Reversal | None:
        """The reversal of ``amount`` of a transfer, if there is one, whoever made it."""
        page = await self._stripe.transfers.reversals.list_async(transfer_id, {"limit": 100})
        made = (objects.reversal(found.to_dict()) for found in page.data)
        return next((reversal for reversal in made if reversal.amount == amount), None)

    @_stripe_call
    async def create_payout(
        self, *, amount: Money, account_id: str, withdrawal_id: UUID, attempt: int, key: str
    ) -> objects.Payout:
        """Send money from a connected account to its bank."""
        made = await self._stripe.payouts.create_async(
            {
                "amount": amount.amount_minor,
                "currency": amount.currency,
                "metadata": {"withdrawal_id": str(withdrawal_id), "attempt": str(attempt)},
            },
            {"idempotency_key": key, "stripe_account": account_id},
        )
        return objects.payout(made.to_dict())

    @_stripe_call
    async def retrieve_payout(self, payout_id: str, *, account_id: str) -> objects.Payout:
        """The payout of a connected account as it is now."""
        found = await self._stripe.payouts.retrieve_async(payout_id, {}, {"stripe_account": account_id})
        return objects.payout(found.to_dict())

    @_stripe_call
    async def find_payout(
        self, *, account_id: str, withdrawal_id: UUID, attempt: int, created_from: datetime
    ) -> objects.Payout | None:
        """The payout of one attempt of a withdrawal, if it was made since ``created_from``."""
        page = await self._stripe.payouts.list_async(
            {"created": {"gte": int(created_from.timestamp())}, "limit": 100}, {"stripe_account": account_id}
        )
        async for found in page.auto_paging_iter():
            made = objects.payout(found.to_dict())
            named = (made.metadata.get("withdrawal_id"), made.metadata.get("attempt"))
            if named == (str(withdrawal_id), str(attempt)):
                return made
        return None


def _transfer_group(withdrawal_id: UUID) -> str:
    return f"withdrawal:{withdrawal_id}"
