"""docs/api.md names every route, field, state and error of the application, and no other."""

from typing import Any

from fastapi import FastAPI

from jobsphere.deposits.declines import _BY_CODE, CANCELED, EXPIRED, GENERIC, NOT_POSSIBLE, NOT_SENT
from jobsphere.disputes.lifecycle import DisputeState
from jobsphere.identity.people import Role
from jobsphere.notifications.notice import NoticeType
from jobsphere.payout_accounts.standing import AccountState, by_state
from jobsphere.refunds.lifecycle import RefundState
from jobsphere.wallets.transactions import TransactionType
from jobsphere.web.app import create_app
from jobsphere.web.auth import Access, Public, api_routes, declared_access
from jobsphere.web.context import Context
from jobsphere.web.errors import INTERNAL_ERROR, INVALID_REQUEST, PROBLEMS, REFUSED_BY_FRAMEWORK
from jobsphere.web.routes.refunds import STATUS as REFUND_STATUS
from jobsphere.web.routes.withdrawals import _STATUS
from jobsphere.withdrawals.reasons import ALL as WITHDRAWAL_REASONS
from jobsphere.withdrawals.withdrawal import WithdrawalState
from tests.conftest import Databases
from tests.docs.pages import code, read, rows, section
from tests.journeys.conftest import JobSphere, Person, running, settings_for_tests

API = read("docs/api.md")


def _app() -> FastAPI:
    """The application, for its routes only: nothing behind it is used."""
    nothing: Any = None
    return create_app(Context(settings_for_tests(), nothing, nothing, nothing, b"", nothing, lambda: None))


def test_every_route_is_listed_with_who_may_call_it_its_body_and_its_key() -> None:
    app = _app()
    schema = app.openapi()
    expected = {
        f"{method} {path}": (_who(declared_access(route)), *_sent(schema, path, method))
        for path, route in api_routes(app.routes)
        for method in route.methods or ()
    }

    listed = {code(route): (who, set(body.split()), key) for route, who, body, key in rows(section(API, "routes"))}
    assert listed == expected


def _who(access: Access) -> str:
    if isinstance(access, Public):
        return "public"
    if access.roles == frozenset(Role):
        return "anybody signed in"
    return ", ".join(role.value for role in Role if role in access.roles)


def _sent(schema: dict[str, Any], path: str, method: str) -> tuple[set[str], str]:
    """The fields of the body as the table writes them, and whether an Idempotency-Key is taken."""
    operation = schema["paths"].get(path, {}).get(method.lower(), {})
    takes_key = any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ()))
    if "requestBody" not in operation:
        return set(), "key" if takes_key else ""
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    body = schema["components"]["schemas"][reference.rpartition("/")[2]]
    required = body.get("required", ())
    fields = {f"`{name}`" if name in required else f"`{name}?`" for name in body["properties"]}
    return fields, "key" if takes_key else ""


def test_every_error_is_listed_with_its_status() -> None:
    problems = [*PROBLEMS.values(), *REFUSED_BY_FRAMEWORK.values(), INTERNAL_ERROR, INVALID_REQUEST]
    expected = {(problem.code, str(problem.status)) for problem in problems}

    # "busy" is also what a deadlock that lasts is answered with; it has one row like the others.
    listed = [(code(name), status) for status, name, _ in rows(section(API, "errors"))]
    assert sorted(listed) == sorted(expected)


def test_the_errors_to_repeat_are_those_with_retry_after() -> None:
    sentence = API[API.index("`Retry-After` comes with") : API.index("<!-- errors: begin")]
    expected = {problem.code for problem in PROBLEMS.values() if "Retry-After" in problem.headers}

    assert {word.strip("`.,") for word in sentence.split() if word.startswith("`")} == expected | {"Retry-After"}


def test_every_reason_of_a_failed_deposit_is_listed() -> None:
    ours = {one.code for one in (*_BY_CODE.values(), GENERIC, NOT_SENT, NOT_POSSIBLE, CANCELED, EXPIRED)}
    listed = {code(name) for names, _ in rows(section(API, "failure codes")) for name in names.split(", ")}

    assert listed == ours


def test_every_reason_of_a_withdrawal_is_listed() -> None:
    listed = [code(row[0]) for row in rows(section(API, "withdrawal reasons"))]

    assert listed == [reason.code for reason in WITHDRAWAL_REASONS]


def test_every_type_and_state_is_listed() -> None:
    def first(name: str) -> list[str]:
        return [code(row[0]) for row in rows(section(API, name))]

    assert first("transaction types") == [type_.value for type_ in TransactionType]
    assert first("notification types") == [type_.value for type_ in NoticeType]
    accounts = [(code(state), code(step)) for state, step, _ in rows(section(API, "account states"))]
    assert accounts == [(state.value, by_state(state).next_step.value) for state in AccountState]
    states = [(code(state), status) for state, status, _ in rows(section(API, "withdrawal states"))]
    assert states == [(state.value, _STATUS.get(state, "pending")) for state in WithdrawalState]
    assert first("dispute states") == [state.value for state in DisputeState]
    states = [(code(state), status) for state, status, _ in rows(section(API, "refund states"))]
    assert states == [(state.value, REFUND_STATUS.get(state, "pending")) for state in RefundState]


async def test_the_answers_hold_the_fields_that_are_listed(databases: Databases, database: str) -> None:
    listed = {name: set(fields.replace("`", "").split()) for name, fields in rows(section(API, "fields"))}

    async with running(databases.url(database), settings_for_tests()) as jobsphere:
        found = await _answers(jobsphere)

    assert {name: set(answer) for name, answer in found.items()} == listed


async def _card(customer: Person) -> dict[str, Any]:
    body = {"amount": 10, "paymentMethodId": "pm_card_visa", "saveCard": True}
    await customer.done("/api/wallet/deposit", body)
    card: dict[str, Any] = (await customer.data("/api/wallet/cards"))["cards"][0]
    return card


async def _answers(jobsphere: JobSphere) -> dict[str, dict[str, Any]]:
    """One of each kind."""
    customer, contractor = await jobsphere.earned("100")
    admin = await jobsphere.person(Role.ADMIN)
    withdrawal = await contractor.done("/api/wallet/withdraw", {"amount": 80})
    spent = (await customer.data("/api/wallet/transactions"))["transactions"][-1]
    await jobsphere.sandbox.dashboard_refund(spent["stripeChargeId"], 1000)
    wallet = await jobsphere.until("a debt", lambda: _wallet_that_owes(customer))
    withdrawal_path = f"/api/wallet/withdrawals/{withdrawal['withdrawalId']}"
    deposit = await customer.done(
        "/api/wallet/deposit", {"amount": 10, "paymentMethodId": "pm_card_bypassPending"}
    )
    return {
        "user": (await customer.data("/api/me"))["user"],
        "wallet": wallet,
        "debt": wallet["debts"][0],
        "refund quote": await customer.data(f"/api/wallet/deposits/{spent['id']}/refund/quote"),
        "refund": (await customer.data("/api/wallet/refunds"))["refunds"][0],
        "withdrawal quote": await contractor.done("/api/wallet/withdraw/quote", {"amount": 80}),
        "transaction": (await customer.data("/api/wallet/transactions"))["transactions"][0],
        "deposit": deposit,
        "card": await _card(customer),
        "attempt": (await customer.data(f"/api/wallet/deposits/{deposit['depositId']}"))["attempts"][0],
        "onboarding": await (await jobsphere.person(Role.CONTRACTOR)).done("/api/wallet/connect", {}),
        "payout account": await contractor.data("/api/wallet/connect/status"),
        "withdrawal": await contractor.data(withdrawal_path),
        "contractor": (await customer.data("/api/contractors"))["contractors"][0],
        "job": (await customer.data("/api/jobs?mine=true"))["jobs"][0],
        "offer": (await customer.data("/api/offers"))["offers"][0],
        "notification": (await customer.data("/api/notifications"))["notifications"][0],
        "freeze": await admin.done(f"/api/admin/wallets/{customer.id}/freeze", {"reason": "Look at it"}),
        **await _disputed(jobsphere, admin, str(spent["stripeChargeId"])),
        "platform": await admin.data("/api/admin/platform"),
        "obligation": (await admin.data("/api/admin/obligations"))["obligations"][0],
    }


async def _wallet_that_owes(customer: Person) -> dict[str, Any] | None:
    wallet: dict[str, Any] = await customer.data("/api/wallet")
    return wallet if wallet["debts"] else None


async def _disputed(jobsphere: JobSphere, admin: Person, charge: str) -> dict[str, dict[str, Any]]:
    await jobsphere.sandbox.warn_of_fraud(charge)
    await jobsphere.sandbox.dispute(charge, 1000)

    async def told(path: str, name: str) -> Any:
        return (await admin.data(path))[name]

    [dispute] = await jobsphere.until("a dispute", lambda: told("/api/admin/disputes", "disputes"))
    [warning] = await jobsphere.until("a warning", lambda: told("/api/admin/fraud-warnings", "fraudWarnings"))
    answer = await admin.done(f"/api/admin/disputes/{dispute['disputeId']}/evidence", {})
    return {"dispute": dispute, "answer": answer, "fraud warning": warning}
