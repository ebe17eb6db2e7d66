"""The plan in force: read from JSON, remembered with all its counts, asked before each request and delivery."""

from typing import Any

from stripe_sandbox.faults.deliveries import DeliveryRule
from stripe_sandbox.faults.requests import RequestRule
from stripe_sandbox.faults.rule import AnyRule, InvalidPlan, read_rules
from stripe_sandbox.store import Record, Store

_RECORD = "sandbox_faults"
_FIELDS = ("seed", "requests", "deliveries")


class FaultPlan:
    """The rules for requests and for deliveries, and the seed that their probabilities are drawn with.

    Every rule counts everything it fits. Where several would strike, the first in the plan does.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._load(store.get(_RECORD) or {})

    def replace(self, given: Any) -> None:
        """Let another plan be in force; a list means a plan for requests.

        Raises:
            InvalidPlan: it is not a plan; the old one stays in force.
        """
        plan = {"requests": given} if isinstance(given, list) else given
        if not isinstance(plan, dict):
            raise InvalidPlan("A plan is an object with seed, requests and deliveries, or a list of requests")
        for name in plan:
            if name not in _FIELDS:
                raise InvalidPlan(f"{name}: there is no such field; there are {', '.join(_FIELDS)}")
        self._load(plan)
        self._remember()

    def clear(self) -> None:
        """Let everything go well again."""
        self.replace({})

    def to_json(self) -> Record:
        """The plan with its counts, as ``replace`` takes it again."""
        return {
            "seed": self.seed,
            "requests": [rule.to_json() for rule in self._requests],
            "deliveries": [rule.to_json() for rule in self._deliveries],
        }

    def strike_request(self, method: str, path: str) -> RequestRule | None:
        """The rule that strikes this request, or None if it may go well."""
        fitting = [(at, rule) for at, rule in enumerate(self._requests) if rule.fits(method, path)]
        return self._strike(fitting) if fitting else None

    def strike_delivery(self, event_type: str, to: str) -> DeliveryRule | None:
        """The rule that strikes this new delivery, or None if it may go well."""
        fitting = [(at, rule) for at, rule in enumerate(self._deliveries) if rule.fits(event_type, to)]
        return self._strike(fitting) if fitting else None

    def _strike(self, fitting: list[tuple[int, AnyRule]]) -> AnyRule | None:
        due = [rule for position, rule in fitting if rule.count(self.seed, position)]
        for rule in due[:1]:
            rule.struck += 1
        self._remember()
        return due[0] if due else None

    def _load(self, plan: Record) -> None:
        requests = read_rules(RequestRule, plan.get("requests", []), "requests")
        deliveries = read_rules(DeliveryRule, plan.get("deliveries", []), "deliveries")
        seed = plan.get("seed", 0)
        if type(seed) is not int:
            raise InvalidPlan("seed: must be a whole number")
        self.seed, self._requests, self._deliveries = seed, requests, deliveries

    def _remember(self) -> None:
        known = self._store.get(_RECORD) or self._store.add({"id": _RECORD, "object": "sandbox.faults"})
        self._store.change(known, **self.to_json())
