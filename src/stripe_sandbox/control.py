"""A client for the control interface: move time, hold deliveries, plan faults, read the books."""

from types import TracebackType
from typing import Any, Literal, Self, TypedDict

import httpx

TIMEOUT_SECONDS = 120.0


class FaultFields(TypedDict, total=False):
    """A planned fault; see ``stripe_sandbox.http.faults``."""

    match: str
    kind: str
    times: int
    seconds: float
    skip: int


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

    async def release(self) -> int:
        """Deliver what is held; returns how many deliveries that were."""
        return int((await self._ask("POST", "/deliveries/release"))["released"])

    async def resend(self, event: str, *, times: int = 1) -> int:
        """Deliver an event again; returns how many deliveries that makes."""
        return int((await self._ask("POST", "/deliveries/resend", {"event": event, "times": times}))["deliveries"])

    async def drain(self) -> None:
        """Wait until nothing is waiting to be tried now."""
        await self._ask("POST", "/deliveries/drain")

    async def books(self) -> dict[str, Any]:
        """``accounts``: money per account and currency; ``balanced``; ``differences`` if it is not."""
        return await self._ask("GET", "/books")

    async def calls(self) -> list[dict[str, Any]]:
        """The requests seen on Stripe's paths, newest last."""
        return _data(await self._ask("GET", "/calls"))

    async def plan_faults(self, *faults: FaultFields) -> None:
        """Replace the plan of faults."""
        await self._ask("POST", "/faults", list(faults))

    async def clear_faults(self) -> None:
        """Let everything go well again."""
        await self._ask("DELETE", "/faults")

    async def authenticate(self, payment_intent: str, *, succeed: bool) -> dict[str, Any]:
        """Pass or fail the card's authentication; returns the payment intent."""
        return await self._ask("POST", f"/payment_intents/{payment_intent}/authenticate", {"succeed": succeed})

    async def onboard(
        self,
        account: str,
        outcome: Literal["complete", "pending", "restricted", "rejected"] = "complete",
        *,
        account_number: str | None = None,
    ) -> dict[str, Any]:
        """Fill in the onboarding form with that outcome and, if given, that bank account number."""
        body = {"outcome": outcome, "account_number": account_number}
        return await self._ask("POST", f"/accounts/{account}/onboard", body)

    async def fail_payout(self, payout: str, code: str = "account_closed") -> dict[str, Any]:
        """Let the bank return a payout, also one that counts as paid."""
        return await self._ask("POST", f"/payouts/{payout}/fail", {"code": code})

    async def dashboard_refund(self, charge: str, amount: int | None = None) -> dict[str, Any]:
        """Refund a charge as a person would in the dashboard."""
        return await self._ask("POST", "/dashboard/refund", {"charge": charge, "amount": amount})

    async def reset(self) -> None:
        """Forget everything but the webhook endpoints."""
        await self._ask("POST", "/reset")

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        response = await self._client.request(method, path, json=body)
        answer: dict[str, Any] = response.json()
        if response.is_error:
            raise Refused(answer["error"])
        return answer


def _data(answer: dict[str, Any]) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = answer["data"]
    return data
