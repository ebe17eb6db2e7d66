"""Whatever is sent to Stripe with a key is sent by ``stripe_gateway/once.py``, so that nobody decides it anew."""

import ast
import inspect

from jobsphere.stripe_gateway.client import StripeGateway
from tests.architecture.source import modules

# An account that nobody was onboarded on holds nothing, so a second one does no harm.
NEEDS_NO_LOOK = {"jobsphere.payout_accounts.open"}


def sent_with_a_key() -> set[str]:
    methods = inspect.getmembers(StripeGateway, inspect.isfunction)
    return {name for name, method in methods if "key" in inspect.signature(method).parameters}


def functions_that_send(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    def sends(function: ast.AST) -> bool:
        return any(
            isinstance(node, ast.Attribute) and node.attr in sent_with_a_key() and "gateway" in ast.unparse(node)
            for node in ast.walk(function)
        )

    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [function for function in functions if sends(function)]


def test_every_call_with_a_key_is_handed_to_once() -> None:
    senders = {module.name: functions_that_send(module.tree) for module in modules()}

    assert len(sent_with_a_key()) >= 6
    assert {name for name, found in senders.items() if found} >= {
        "jobsphere.deposits.send",
        "jobsphere.withdrawals.at_stripe",
    }
    for name, found in senders.items():
        for function in found:
            assert name in NEEDS_NO_LOOK or "Once(" in ast.unparse(function), f"{name}.{function.name}"
