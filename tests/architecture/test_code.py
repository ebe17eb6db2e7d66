"""What may not be written where: floats near money, clocks and chance outside of one file, silence."""

import ast

import pytest

from tests.architecture.source import Module, modules

NEAR_MONEY = ("money", "ledger", "deposits", "refunds", "withdrawals", "marketplace", "wallets", "disputes")
LINES_MAX = 400
# What draws time or ids by itself, and why it may.
MAY_DRAW = {
    ("jobsphere.clock", "datetime.now"): "this is the clock",
    ("jobsphere.clock", "uuid7"): "this is the source of ids",
    ("jobsphere.web.request_log", "uuid4"): "names a line of the log; nothing is stored or decided by it",
    ("jobsphere.cli.check", "datetime.now"): "a command looks at a real database, whose rows are of real time",
}
DRAWS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "uuid1", "uuid4", "uuid7"}
DRAWS |= {"uuid.uuid1", "uuid.uuid4", "uuid.uuid7", "uuid_utils.uuid7", "datetime.datetime.now"}


def near_money() -> list[Module]:
    return [m for m in modules() if m.folder in NEAR_MONEY]


def every(package: str) -> list[Module]:
    return list(modules(package))


def test_no_float_is_near_money() -> None:
    found = [
        f"{m.name}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"
        for m in near_money()
        for node in ast.walk(m.tree)
        if _is_float(node)
    ]

    assert found == []


def _is_float(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=float()):
            return True
        case ast.Call(func=ast.Name(id="float" | "round")):
            return True
        # What "/" gives of two whole numbers is a float.
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
        case _:
            return False


@pytest.mark.parametrize("package", ["jobsphere", "stripe_sandbox"])
def test_every_file_opens_by_saying_what_it_is_for(package: str) -> None:
    assert [m.name for m in every(package) if not (ast.get_docstring(m.tree) or "").strip()] == []


@pytest.mark.parametrize("package", ["jobsphere", "stripe_sandbox"])
def test_every_file_can_be_read_in_one_sitting(package: str) -> None:
    # The first migration is the whole schema, statement by statement, and is read as a list.
    long = {m.name: m.text.count("\n") for m in every(package) if ".migrations.versions." not in m.name}

    assert {name: lines for name, lines in long.items() if lines > LINES_MAX} == {}


def test_time_and_ids_come_from_one_file() -> None:
    drawn = {(m.name, name) for m in modules() for name in m.names() if name in DRAWS}

    assert drawn == set(MAY_DRAW)


def test_nobody_commits_or_begins_but_the_helper_for_database_transactions() -> None:
    # A migration is one owner's session with a lock of its own.
    may = {"jobsphere.database", "jobsphere.migrations.migrate", "jobsphere.migrations.env"}
    verbs = {"commit", "rollback", "begin", "begin_nested"}
    found = {
        f"{m.name}: {ast.unparse(node.func)}"
        for m in modules()
        if m.name not in may
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in verbs
    }

    # Not a database transaction: the first call with a key.
    assert {name for name in found if not name.endswith(": calls.begin")} == set()


def test_nobody_goes_past_sqlalchemy_to_the_driver() -> None:
    # SQLAlchemy sends BEGIN with its own first statement: a call to the driver before it would be stored even
    # where the rest is rolled back (tests/database/test_transactions.py). For run_statement there is no rest.
    past = {"get_raw_connection", "driver_connection", "dbapi_connection"}
    users = {m.name for m in modules() for name in m.names() if name.split(".")[-1] in past}

    assert users == {"jobsphere.database"}


def test_no_failure_is_swallowed() -> None:
    bare = [
        f"{m.name}:{node.lineno}"
        for m in modules()
        for node in ast.walk(m.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or [type(inner) for inner in node.body] == [ast.Pass])
        and not _names_what_it_expects(node)
    ]

    assert bare == []


def _names_what_it_expects(handler: ast.ExceptHandler) -> bool:
    return handler.type is not None and ast.unparse(handler.type) not in ("Exception", "BaseException")
