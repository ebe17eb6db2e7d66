"""One request to Stripe's paths, as its handler sees it."""

from dataclasses import dataclass, field
from typing import Any

from stripe_sandbox.http.errors import no_such
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record


@dataclass(slots=True)
class Call:
    """Checked parameters, the account acted on, and the sandbox."""

    sandbox: Sandbox
    account: str
    params: dict[str, Any] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    form: dict[str, Any] = field(default_factory=dict)
    key: str = ""

    @property
    def publishable(self) -> bool:
        """Made with a publishable key: by a browser, not by the owner of the account."""
        return self.key.startswith("pk_")

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter's value, or ``default`` if it was not given."""
        return self.params.get(name, default)

    def only(self, *names: str) -> Record:
        """Those of the named parameters that were given."""
        return {name: self.params[name] for name in names if name in self.params}

    def named(self, kind: str, name: str, param: str | None = None) -> Record:
        """The record that the path names.

        Raises:
            StripeError: 404, there is none or it is another account's.
        """
        return self.find(kind, self.path[name], param or name, 404)

    def given(self, kind: str, param: str) -> Record | None:
        """The record that a parameter names, or None if the parameter was not given.

        Raises:
            StripeError: 400, it names none or another account's.
        """
        identifier = self.params.get(param)
        return None if identifier is None else self.find(kind, identifier, param, 400)

    def find(self, kind: str, identifier: str, param: str, status: int) -> Record:
        """The record of this account with this kind and id, or a refusal with ``status``."""
        record = self.sandbox.store.get(identifier)
        if record is None or record["object"] != kind or record["_account"] != self.account:
            raise no_such(kind, identifier, param, status)
        if record.get("_deleted") and status == 400:
            raise no_such(kind, identifier, param, status)
        return record
