"""The requests about single capabilities of an account."""

from stripe_sandbox.connect.accounts import CAPABILITIES, capability, connected, request_capability
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import no_such
from stripe_sandbox.http.lists import as_list
from stripe_sandbox.http.parameters import Parameters, boolean
from stripe_sandbox.store import Record

UPDATE = Parameters(optional={"requested": boolean})


def retrieve(call: Call) -> Record:
    """One capability, requested or not."""
    account = connected(call, call.path["account"])
    return capability(account, _name(call))


def update(call: Call) -> Record:
    """Request a capability, or give it back."""
    account = connected(call, call.path["account"])
    request_capability(call.sandbox, account, _name(call), requested=call.get("requested", True))
    return capability(account, call.path["capability"])


def list_capabilities(call: Call) -> Record:
    """The capabilities that were requested."""
    account = connected(call, call.path["account"])
    url = f"/v1/accounts/{account['id']}/capabilities"
    return as_list([capability(account, name) for name in account["_requested"]], url)


def _name(call: Call) -> str:
    name = call.path["capability"]
    if name not in CAPABILITIES:
        raise no_such("capability", name, "capability")
    return name
