"""A client for the control interface: move time, hold deliveries, plan faults, read the books."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypedDict

import httpx

from stripe_sandbox.settings import PLATFORM

TIMEOUT_SECONDS = 120.0


class FaultFields(TypedDict, total=False):
    """A rule for requests; see ``stripe_sandbox.faults.requests``."""

    match: str
    kind: str
    skip: int
    every: int
    times: int | None
    probability: float
    seconds: float


class DeliveryFaultFields(FaultFields, total=False):
    """A rule for deliveries; see ``stripe_sandbox.faults.deliveries``."""

    to: Literal["any", "platform", "connect"]


class Refused(Exception):
    """The sandbox did not do it; the message says why."""


class Control:
    """The control interface of the sandbox at ``url``."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=f"{url}/_sandbox", timeout=TIMEOUT_SECONDS, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def health(self) -> dict[str, Any]:
        """Raises unless the sandbox answers."""
        return await self._ask("GET", "/health")

    async def now(self) -> int:
        """Sandbox time in Unix seconds."""
        return int((await self._ask("GET", "/clock"))["now"])

    async def advance(self, *, seconds: float = 0, hours: float = 0, days: float = 0) -> int:
        """Let time pass; everything that falls due happens, in order. Returns the new time."""
        total = seconds + 3600 * hours + 86400 * days
        return int((await self._ask("POST", "/clock/advance", {"seconds": total}))["now"])

    async def schedule(self) -> list[dict[str, Any]]:
        """What falls due in the future, the next first: when (``due``), which ``action``, to which ``subject``."""
        return _data(await self._ask("GET", "/schedule"))

    async def webhook_endpoints(self) -> list[dict[str, Any]]:
        """The endpoints that events go to."""
        return _data(await self._ask("GET", "/webhook_endpoints"))

    async def add_webhook_endpoint(self, url: str, secret: str, *, connect: bool = False) -> dict[str, Any]:
        """Send all events of the platform, or of connected accounts, to ``url``."""
        return await self._ask("POST", "/webhook_endpoints", {"url": url, "secret": secret, "connect": connect})

    async def deliveries(self) -> list[dict[str, Any]]:
        """Every delivery and its state, oldest first."""
        return _data(await self._ask("GET", "/deliveries"))

    async def set_delivery_mode(self, mode: Literal["deliver", "hold", "drop"]) -> None:
        """Deliver events, hold them back, or drop them."""
        await self._ask("POST", "/deliveries/mode", {"mode": mode})

    async def release(
        self, pattern: str = "*", *, delivery: str | None = None, shuffled_by: int | None = None
    ) -> int:
        """Deliver what is held, one after the other; returns how many deliveries that were.

        ``pattern`` chooses by type (``payout.*``), ``delivery`` a single one; the seed ``shuffled_by`` an order.
        """
        body = {"type": pattern, "delivery": delivery, "shuffled_by": shuffled_by}
        return int((await self._ask("POST", "/deliveries/release", body))["released"])

    async def drop(self, pattern: str = "*", *, delivery: str | None = None) -> int:
        """Give up what is held; returns how many deliveries that were."""
        body = {"type": pattern, "delivery": delivery}
        return int((await self._ask("POST", "/deliveries/drop", body))["dropped"])

    async def duplicate(self, pattern: str = "*", *, delivery: str | None = None) -> int:
        """Hold once more what is held; returns how many deliveries that were."""
        body = {"type": pattern, "delivery": delivery}
        return int((await self._ask("POST", "/deliveries/duplicate", body))["duplicated"])

    async def resend(self, event: str, *, times: int = 1) -> int:
        """Deliver an event again; returns how many deliveries that makes."""
        return int((await self._ask("POST", "/deliveries/resend", {"event": event, "times": times}))["deliveries"])

    async def drain(self) -> None:
        """Wait until nothing is waiting to be tried now."""
        await self._ask("POST", "/deliveries/drain")

    async def settings(self) -> dict[str, Any]:
        """How long things take and what Stripe charges; see ``stripe_sandbox.settings``."""
        return await self._ask("GET", "/settings")

    async def change_settings(self, **values: int | bool) -> dict[str, Any]:
        """Use other values for some settings until the next reset; returns all of them."""
        return await self._ask("POST", "/settings", values)

    async def books(self) -> dict[str, Any]:
        """``accounts``: money per account and currency; ``balanced``; ``differences`` if it is not."""
        return await self._ask("GET", "/books")

    async def calls(self) -> list[dict[str, Any]]:
        """The requests seen on Stripe's paths, newest last."""
        return _data(await self._ask("GET", "/calls"))

    async def plan_faults(
        self, *requests: FaultFields, deliveries: Sequence[DeliveryFaultFields] = (), seed: int = 0
    ) -> None:
        """Replace the plan of faults, for requests and for deliveries."""
        plan = {"seed": seed, "requests": list(requests), "deliveries": list(deliveries)}
        await self._ask("POST", "/faults", plan)

    async def plan_chance(
        self,
        seed: int,
        *,
        requests: Mapping[str, float] | None = None,
        deliveries: Mapping[str, float] | None = None,
    ) -> None:
        """Replace the plan of faults by a probability for each kind; the same seed gives the same run."""
        plan = {"seed": seed, "requests": dict(requests or {}), "deliveries": dict(deliveries or {})}
        await self._ask("POST", "/faults", plan)

    async def faults(self) -> dict[str, Any]:
        """The plan in force, each rule with what it has ``seen`` and ``struck``."""
        return await self._ask("GET", "/faults")

    async def clear_faults(self) -> None:
        """Let everything go well again."""
        await self._ask("DELETE", "/faults")

    async def authenticate(self, payment_intent: str, *, succeed: bool) -> dict[str, Any]:
        """Pass or fail the card's authentication; returns the payment intent."""
        return await self._do("authenticate", payment_intent=payment_intent, succeed=succeed)

    async def authenticate_setup(self, setup_intent: str, *, succeed: bool) -> dict[str, Any]:
        """Pass or fail the authentication that saving a card waits for; returns the setup intent."""
        return await self._do("authenticate_setup", setup_intent=setup_intent, succeed=succeed)

    async def onboard(
        self,
        account: str,
        outcome: Literal["complete", "pending", "restricted", "rejected"] = "complete",
        *,
        account_number: str | None = None,
    ) -> dict[str, Any]:
        """Fill in the onboarding form with that outcome and, if given, that bank account number."""
        return await self._do("onboard", account=account, outcome=outcome, account_number=account_number)

    async def restrict(
        self, account: str, disabled_reason: str = "requirements.past_due", *, may_receive: bool = False
    ) -> dict[str, Any]:
        """Stop an account's payouts and, unless it ``may_receive``, its capabilities; returns the account."""
        return await self._do(
            "restrict", account=account, disabled_reason=disabled_reason, may_receive=may_receive
        )

    async def lift_restriction(self, account: str) -> dict[str, Any]:
        """Take a restriction back; returns the account."""
        return await self._do("lift_restriction", account=account)

    async def deauthorize(self, account: str) -> dict[str, Any]:
        """Let the owner disconnect the account: requests for it get 403 from now on."""
        return await self._do("deauthorize", account=account)

    async def change_bank(
        self, account: str, account_number: str = "000123456789", *, currency: str | None = None
    ) -> dict[str, Any]:
        """Let the owner enter another bank account, which payouts go to from now on; returns it."""
        return await self._do("change_bank", account=account, account_number=account_number, currency=currency)

    async def remove_bank(self, account: str, bank_account: str | None = None) -> dict[str, Any]:
        """Let the owner remove a bank account, without a name the newest; returns it."""
        return await self._do("remove_bank", account=account, bank_account=bank_account)

    async def set_payout_schedule(
        self, interval: Literal["manual", "daily", "weekly", "monthly"], *, account: str = PLATFORM
    ) -> dict[str, Any]:
        """Pay out an account, without a name the platform, by itself or only when asked to."""
        return await self._do("payout_schedule", account=account, interval=interval)

    async def cancel_payout(self, payout: str) -> dict[str, Any]:
        """Cancel a payout that is still pending; returns it."""
        return await self._do("cancel_payout", payout=payout)

    async def fail_payout(self, payout: str, code: str = "account_closed") -> dict[str, Any]:
        """Let the bank return a payout, also one that counts as paid; returns it."""
        return await self._do("fail_payout", payout=payout, code=code)

    async def fail_topup(self, topup: str, code: str = "insufficient_funds") -> dict[str, Any]:
        """Let the bank refuse a top-up, or take back what it had paid; returns it."""
        return await self._do("fail_topup", topup=topup, code=code)

    async def reverse_transfer(self, transfer: str, amount: int | None = None) -> dict[str, Any]:
        """Reverse a transfer as a person would in the dashboard; returns the reversal."""
        return await self._do("reverse_transfer", transfer=transfer, amount=amount)

    async def dashboard_refund(self, charge: str, amount: int | None = None) -> dict[str, Any]:
        """Refund a charge as a person would in the dashboard; returns the refund."""
        return await self._do("refund", charge=charge, amount=amount)

    async def roll_secret(
        self, webhook_endpoint: str, secret: str | None = None, *, overlap_seconds: int = 86_400
    ) -> str:
        """Sign with a new secret, and for the overlap with the former one, too; returns the new one."""
        given = {"secret": secret, "overlap_seconds": overlap_seconds}
        return str((await self._do("roll_secret", webhook_endpoint=webhook_endpoint, **given))["secret"])

    async def fail_refund(self, refund: str, reason: str = "expired_or_canceled_card") -> dict[str, Any]:
        """Let the card's bank return a refund, also one that counts as succeeded; returns it."""
        return await self._do("fail_refund", refund=refund, reason=reason)

    async def dispute(
        self,
        charge: str,
        amount: int | None = None,
        *,
        reason: str = "fraudulent",
        case: Literal["chargeback", "inquiry", "resolution"] = "chargeback",
    ) -> dict[str, Any]:
        """Let a person dispute a charge at their bank, all of it or ``amount``; returns the dispute.

        An inquiry moves no money; a resolution gives the money back at once and is final (``prevented``).
        """
        return await self._do("dispute", charge=charge, amount=amount, reason=reason, case=case)

    async def decide_dispute(
        self,
        dispute: str,
        outcome: Literal["won", "lost"],
        *,
        fee_returned: bool | None = None,
        reinstated: int | None = None,
        reinstated_first: bool = False,
    ) -> dict[str, Any]:
        """Let the bank decide an open dispute; returns it.

        ``reinstated``: only so much comes back. ``reinstated_first``: it is told before the dispute is closed.
        """
        options = {"fee_returned": fee_returned, "reinstated": reinstated, "reinstated_first": reinstated_first}
        return await self._do("decide_dispute", dispute=dispute, outcome=outcome, **options)

    async def escalate_inquiry(self, dispute: str) -> dict[str, Any]:
        """Let the bank make a chargeback of its inquiry; returns the dispute."""
        return await self._do("escalate_inquiry", dispute=dispute)

    async def warn_of_fraud(self, charge: str, fraud_type: str = "made_with_stolen_card") -> dict[str, Any]:
        """Let the card's bank report a charge as fraudulent; returns the early fraud warning."""
        return await self._do("warn_of_fraud", charge=charge, fraud_type=fraud_type)

    async def reset(self) -> None:
        """Forget everything but the webhook endpoints."""
        await self._ask("POST", "/reset")

    async def _do(self, action: str, **given: Any) -> dict[str, Any]:
        return await self._ask("POST", f"/dashboard/{action}", given)

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        response = await self._client.request(method, path, json=body)
        answer: dict[str, Any] = response.json()
        if response.is_error:
            raise Refused(answer["error"])
        return answer


def _data(answer: dict[str, Any]) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = answer["data"]
    return data
