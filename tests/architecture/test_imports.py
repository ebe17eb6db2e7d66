"""Who may import what, where the contracts of import-linter do not look: one SDK, one ledger door, pure rules."""

import ast

import pytest

from tests.architecture.source import Module, module, modules

PURE = """
    currencies money ledger.accounts ledger.posting deposits.attempt deposits.lifecycle deposits.declines
    deposits.fees disputes.lifecycle disputes.notices disputes.plan refunds.lifecycle refunds.quote
    refunds.reasons withdrawals.lifecycle withdrawals.reasons marketplace.lifecycle marketplace.fees
    marketplace.job marketplace.offer marketplace.notices marketplace.refusals notifications.notice
    withdrawals.withdrawal withdrawals.waiting withdrawals.expected
    payout_accounts.account payout_accounts.notices payout_accounts.standing payout_accounts.regions
    """.split()
# What rules may use of Python itself: nothing that reads a file, a clock, chance, the network or the environment.
COMPUTES = {"collections", "dataclasses", "datetime", "decimal", "enum", "re", "typing", "uuid"}
# What rules of one folder use of others: rules again, and Stripe's objects as plain data.
PURE_DATA = {f"jobsphere.stripe_gateway.{name}" for name in ("dispute", "fields", "objects")}
# The one function that does, and the one that repays debts with it.
DOORS = {"jobsphere.ledger.record", "jobsphere.wallets.debts.record_and_repay", "jobsphere.wallets.debts.repay"}
# The few modules that move money; an auditor reads these.
MOVES_MONEY = {
    "jobsphere.deposits.book_fee",
    "jobsphere.deposits.store",
    "jobsphere.disputes.freeze",
    "jobsphere.disputes.store",
    "jobsphere.marketplace.store",
    "jobsphere.refunds.request",
    "jobsphere.refunds.settle",
    "jobsphere.refunds.store",
    "jobsphere.wallets.debts",
    "jobsphere.withdrawals.store",
}


def test_only_the_gateway_imports_stripes_sdk() -> None:
    importers = {m.folder for m in modules() if any(name.split(".")[0] == "stripe" for name in m.imports())}

    assert importers == {"stripe_gateway"}


@pytest.mark.parametrize("name", [f"jobsphere.{name}" for name in PURE] + sorted(PURE_DATA))
def test_rules_import_nothing_that_does_io(name: str) -> None:
    pure = {f"jobsphere.{other}" for other in PURE} | PURE_DATA
    for imported in module(name).imports():
        ours = imported.startswith("jobsphere.")
        allowed = _is_one_of(imported, pure) if ours else imported.split(".")[0] in COMPUTES
        assert allowed, f"{name} imports {imported}"


@pytest.mark.parametrize("name", [f"jobsphere.{name}" for name in PURE] + sorted(PURE_DATA))
def test_rules_know_neither_the_time_nor_chance(name: str) -> None:
    unknown = {"now", "today", "utcnow", "uuid1", "uuid4", "uuid7", "open", "print", "input"}
    called = {ast.unparse(node.func) for node in ast.walk(module(name).tree) if isinstance(node, ast.Call)}

    assert not {function for function in called if function.split(".")[-1] in unknown}


def test_only_the_few_modules_that_move_money_import_the_one_function_that_does() -> None:
    importers = {m.name for m in modules() if any(_is_one_of(n, DOORS) for n in m.imports())}

    assert importers == MOVES_MONEY


def test_the_tables_of_the_ledger_are_written_by_the_ledger_alone() -> None:
    tables = ("postings", "journal_entries", "ledger_accounts")
    writes = [f"{verb} {table}" for verb in ("INSERT INTO", "UPDATE", "DELETE FROM") for table in tables]
    writers = {m.folder for m in modules() if any(write in m.text for write in writes)}

    # The migrations write the ledger's own triggers down once more.
    assert writers == {"ledger", "migrations"}
    assert {m.folder for m in modules() if any(n.startswith("jobsphere.ledger.tables") for n in m.imports())} <= {
        "ledger",
        "migrations",
    }


def test_the_sandbox_and_the_application_meet_only_in_the_command_line() -> None:
    def packages(module_: Module) -> set[str]:
        return {name.split(".")[0] for name in module_.imports()}

    assert {m.folder for m in modules() if "stripe_sandbox" in packages(m)} <= {"cli"}
    assert not [m.name for m in modules("stripe_sandbox") if "jobsphere" in packages(m)]


def _is_one_of(imported: str, names: set[str]) -> bool:
    return any(imported == name or imported.startswith(f"{name}.") for name in names)
