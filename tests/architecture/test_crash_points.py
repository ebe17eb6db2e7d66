"""Crash points: on both sides of every COMMIT and every call to Stripe, so that none can be forgotten."""

import ast
import importlib
import inspect

import pytest

from jobsphere import crash_points
from jobsphere.stripe_gateway.client import StripeGateway
from tests.architecture.source import module, modules

# Running these is what they are for; they declare nothing.
NOT_IMPORTED = ("jobsphere.__main__", "jobsphere.migrations.env")


@pytest.fixture(scope="module")
def declared() -> set[str]:
    for found in modules():
        if found.name not in NOT_IMPORTED and ".versions." not in found.name:
            importlib.import_module(found.name)
    return set(crash_points.declared())


def both_sides(name: str) -> set[str]:
    return {f"{name}:before", f"{name}:after"}


def transactions() -> set[str]:
    """The name of every database transaction that the source code writes down."""
    names = set()
    for found in modules():
        for node in ast.walk(found.tree):
            if isinstance(node, ast.AsyncFunctionDef) and any(
                ast.unparse(decorator) == "in_own_transaction" for decorator in node.decorator_list
            ):
                names.add(f"{found.name.removeprefix('jobsphere.')}.{node.name.strip('_')}")
            match node:
                case ast.Call(func=ast.Name(id="DatabaseTransaction"), args=[ast.Constant(value=str(name))]):
                    names.add(name)
                case ast.Call(func=ast.Name(id="in_own_transaction"), args=[ast.Name(id=function)]):
                    names.add(f"{found.name.removeprefix('jobsphere.')}.{function.strip('_')}")
    return names


def test_every_database_transaction_has_a_point_on_each_side_of_its_commit(declared: set[str]) -> None:
    names = transactions()

    assert len(names) > 20
    for name in names:
        assert both_sides(f"commit:{name}") <= declared, name


def test_every_call_to_stripe_has_a_point_on_each_side(declared: set[str]) -> None:
    calls = {name for name, _ in inspect.getmembers(StripeGateway, inspect.iscoroutinefunction)} - {"close"}

    assert len(calls) > 10
    assert {name for name in calls if not both_sides(f"stripe:{name}") <= declared} == set()


def test_whatever_touches_the_sdk_is_such_a_call() -> None:
    [gateway] = [
        node
        for node in module("jobsphere.stripe_gateway.client").tree.body
        if isinstance(node, ast.ClassDef) and node.name == "StripeGateway"
    ]
    for method in gateway.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name not in ("__init__", "close"):
            decorators = [ast.unparse(decorator) for decorator in method.decorator_list]
            assert ("self._stripe" in ast.unparse(method)) == (decorators == ["_stripe_call"]), method.name


def test_every_point_has_its_other_side_and_a_name_of_its_own(declared: set[str]) -> None:
    for point in declared:
        name, _, side = point.rpartition(":")
        assert side in ("before", "after"), point
        assert both_sides(name) <= declared, point


def test_each_rule_of_a_withdrawal_that_is_sent_has_points_of_its_own(declared: set[str]) -> None:
    points = {point.split(":")[1] for point in declared if point.startswith("commit:withdrawals.send.")}

    assert {f"withdrawals.send.{rule}" for rule in ("begin_transfer", "transfer_made", "begin_payout")} <= points
