"""docs/ledger.md names the accounts, postings and laws that the code has: played, computed and compared."""

import inspect
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from jobsphere.database import reading
from jobsphere.disputes import lifecycle as disputes
from jobsphere.disputes.lifecycle import Part as Frozen
from jobsphere.disputes.lifecycle import Shortfall
from jobsphere.identity.people import Role
from jobsphere.ledger import accounts
from jobsphere.ledger.accounts import Account
from jobsphere.ledger.posting import Entry
from jobsphere.marketplace import lifecycle as offers
from jobsphere.marketplace.fees import Fees
from jobsphere.marketplace.job import Job, JobState
from jobsphere.marketplace.offer import Offer, OfferState
from jobsphere.money import Money
from jobsphere.reconciliation.audit import CHECKS
from jobsphere.refunds import lifecycle as refunds
from jobsphere.refunds.lifecycle import Refund, RefundState
from jobsphere.refunds.reasons import refusal
from jobsphere.stripe_gateway.dispute import Dispute, Movement
from jobsphere.stripe_gateway.objects import Payout
from jobsphere.stripe_gateway.objects import Refund as Report
from jobsphere.wallets.debts import Debt, DebtOrigin, Part
from jobsphere.wallets.debts import _entry as repayment
from jobsphere.withdrawals import lifecycle as withdrawals
from jobsphere.withdrawals.reasons import TRANSFER_REFUSED
from jobsphere.withdrawals.withdrawal import Withdrawal, WithdrawalState
from tests.conftest import Databases
from tests.docs.pages import REPOSITORY, code, read, rows, section
from tests.journeys.conftest import JobSphere, running, settings_for_tests

LEDGER = read("docs/ledger.md")
Line = tuple[str, str, str, str]

CUSTOMER, CONTRACTOR, OFFER, WITHDRAWAL, REFUND, DISPUTE = (UUID(int=number) for number in range(1, 7))
NAMES = {
    CUSTOMER: "<customer>",
    CONTRACTOR: "<contractor>",
    OFFER: "<offer>",
    WITHDRAWAL: "<withdrawal>",
    REFUND: "<refund>",
    DISPUTE: "<dispute>",
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)

_POSTED = """
    SELECT e.reference, d.name, c.name, p.amount_minor, p.currency
    FROM postings AS p JOIN journal_entries AS e ON e.id = p.entry_id
    JOIN ledger_accounts AS d ON d.id = p.debit_account_id
    JOIN ledger_accounts AS c ON c.id = p.credit_account_id
    ORDER BY e.id, p.position
"""


def _table(name: str) -> list[Line]:
    return [(code(ref), code(debit), code(credit), amount) for _, ref, debit, credit, amount in _rows(name)]


def _rows(name: str) -> list[list[str]]:
    return rows(section(LEDGER, name))


def test_every_account_is_listed_as_it_is() -> None:
    made = [
        function(**_arguments(function))
        for name, function in vars(accounts).items()
        if getattr(function, "__module__", "") == accounts.__name__
        and inspect.isfunction(function)
        and name[0] != "_"
    ]

    expected = {(one.name, str(one.normal_side), "may" if one.may_go_below_zero else "never") for one in made}
    assert {(code(name), side, below) for name, side, below, _ in _rows("accounts")} == expected


def _arguments(function: object) -> dict[str, str]:
    names = inspect.signature(function).parameters  # type: ignore[arg-type]
    return {name: "usd" if name == "currency" else f"<{name.removesuffix('_id')}>" for name in names}


async def test_the_example_posts_what_the_table_says(databases: Databases, database: str) -> None:
    async with running(databases.url(database), settings_for_tests()) as jobsphere:
        names = await _play(jobsphere)
        async with reading(jobsphere.engine) as connection:
            found = (await connection.execute(text(_POSTED))).all()

    posted = [(*row[:3], Money(row[3], row[4]).to_major()) for row in found]
    assert [tuple(_named(part, names) for part in line) for line in posted] == _table("example")


async def _play(jobsphere: JobSphere) -> dict[str, str]:
    """The guide's example; what each id is called in the table."""
    customer, contractor = await jobsphere.person(Role.CUSTOMER), await jobsphere.person(Role.CONTRACTOR)
    deposit = await jobsphere.deposited(customer, "200.00")
    await jobsphere.same_as_stripes_books()
    job = (await customer.done("/api/jobs", {"title": "Paint"}))["job"]
    body = {"jobId": job["id"], "contractorId": str(contractor.id), "amount": "100.00"}
    offer = (await customer.done("/api/offers", body))["offer"]
    await contractor.done(f"/api/offers/{offer['id']}/accept")
    await customer.done(f"/api/jobs/{job['id']}/complete")
    await jobsphere.onboarded(contractor)
    requested = await contractor.done("/api/wallet/withdraw", {"amount": "80.00"})
    await jobsphere.withdrawal_in(contractor, requested["withdrawalId"], "in_transit")
    await jobsphere.sandbox.advance(days=3)
    paid = await jobsphere.withdrawal_in(contractor, requested["withdrawalId"], "paid")
    return {
        str(customer.id): "<customer>",
        str(contractor.id): "<contractor>",
        deposit["depositId"]: "<deposit>",
        offer["id"]: "<offer>",
        paid["withdrawalId"]: "<withdrawal>",
        paid["transferId"]: "<transfer>",
        paid["payoutId"]: "<payout>",
    }


def _named(line: str, names: dict[str, str]) -> str:
    for id_, name in names.items():
        line = line.replace(id_, name)
    return line


def test_everything_else_posts_what_the_table_says() -> None:
    entries = [*_offers_that_end(), *_withdrawals_that_fail(), *_refunds(), _repayment(), *_disputes()]
    expected = [line for entry in entries for line in _lines(entry)]

    assert _table("otherwise") == expected


def _lines(entry: Entry) -> list[Line]:
    names = {str(id_): name for id_, name in NAMES.items()}

    def called(account: Account) -> str:
        return _named(account.name, names)

    reference = _named(entry.reference, names)
    return [(reference, called(one.debit), called(one.credit), one.amount.to_major()) for one in entry.postings]


def _offers_that_end() -> list[Entry]:
    job = Job(UUID(int=9), CUSTOMER, "Paint", "", JobState.OPEN, NOW)
    fees = Fees.on(Money(10_000, "usd"))
    people = (CUSTOMER, CONTRACTOR, CUSTOMER, CONTRACTOR)
    offer = Offer(OFFER, job.id, *people, fees, "", OfferState.SENT, NOW, NOW - timedelta(days=7))
    steps = [deed(job, offer, now=NOW) for deed in (offers.decline, offers.withdraw, offers.expire)]
    assert offers.give_way(job, offer, now=NOW).entry == steps[-1].entry
    return [step.entry for step in steps if step.entry is not None]


def _withdrawals_that_fail() -> list[Entry]:
    amount = Money(8_000, "usd")
    sending = Withdrawal(WITHDRAWAL, CONTRACTOR, CONTRACTOR, "acct_1", amount, WithdrawalState.TRANSFERRING, NOW)
    payout = Payout("<payout>", "failed", amount, None, None, {})
    on_its_way = replace(sending, state=WithdrawalState.IN_TRANSIT, payout_id=payout.id)
    paid = replace(on_its_way, state=WithdrawalState.PAID)
    steps = [
        withdrawals.transfer_refused(sending, TRANSFER_REFUSED),
        withdrawals.payout_failed(on_its_way, payout, NOW),
        withdrawals.payout_failed(paid, payout, NOW),
        withdrawals.transfer_reversed(replace(paid, state=WithdrawalState.REVERSING), "trr_1"),
    ]
    return [entry for step in steps for entry in step.entries]


def _refunds() -> list[Entry]:
    """Asked for and made, refused, failed before and after Stripe took it; then one made at Stripe."""
    amount = Money(5_000, "usd")
    asked = Refund(REFUND, UUID(int=8), CUSTOMER, CUSTOMER, "pi_1", amount, RefundState.REQUESTED, NOW)
    sending = replace(asked, state=RefundState.SENDING)

    def report(status: str) -> Report:
        return Report("<re>", status, amount, None, None)

    steps = [
        refunds.request(asked),
        refunds.reported(sending, report("succeeded")),
        refunds.refused(sending, refusal("charge_disputed")),
        refunds.reported(sending, report("failed")),
        refunds.reported(replace(sending, state=RefundState.SUCCEEDED, is_taken=True), report("failed")),
        refunds.found(replace(asked, state=RefundState.PENDING), report("succeeded"), Money(3_000, "usd")),
    ]
    return [entry for step in steps for entry in step.entries]


def _repayment() -> Entry:
    owed, nothing = Money(2_000, "usd"), Money.zero("usd")
    debt = Debt(UUID(int=10), CUSTOMER, DebtOrigin.REFUND, REFUND, owed, nothing, NOW)
    return repayment([Part(debt, owed)], f"debt:{CUSTOMER}:deposit:<deposit>:settle")


def _disputes() -> list[Entry]:
    """Taken and frozen, won; lost with money missing; given back after an appeal; a job that lost its money."""
    amount = Money(10_000, "usd")

    def report(status: str, *movements: Movement) -> Dispute:
        return Dispute("<du>", status, amount, "fraudulent", None, None, movements, None, 0)

    taken, fee = Movement("<txn>", -amount, Money(1_500, "usd")), Money.zero("usd")
    given = Movement("<txn>", amount, fee)
    people = {"deposit_id": UUID(int=8), "user_id": CUSTOMER, "wallet_id": CUSTOMER}
    first = disputes.new(report("needs_response"), id_=DISPUTE, now=NOW, **people)
    opened = disputes.seen(first, report("needs_response", taken))
    frozen = disputes.froze(
        opened.dispute, (Frozen(0, Money(3_000, "usd")), Frozen(1, Money(5_000, "usd"), offer_id=OFFER))
    )
    won = disputes.seen(frozen.dispute, report("won", taken, replace(given, id="<txn2>")))
    lost = disputes.seen(frozen.dispute, report("lost", taken))
    live = frozenset({OFFER})
    owed = disputes.settle(lost.dispute, Shortfall.DEBT, live)
    borne = disputes.settle(lost.dispute, Shortfall.PLATFORM, live)
    appealed = disputes.seen(borne.dispute, report("won", taken, replace(given, id="<txn2>")))
    steps = [opened, frozen, won, disputes.settle(won.dispute, Shortfall.DEBT, live), owed, borne, appealed]
    return [entry for step in steps for entry in step.entries] + [_job_that_lost_money()]


def _job_that_lost_money() -> Entry:
    job = Job(UUID(int=9), CUSTOMER, "Paint", "", JobState.PAUSED, NOW)
    people = (CUSTOMER, CONTRACTOR, CUSTOMER, CONTRACTOR)
    fees = Fees.on(Money(10_000, "usd"))
    offer = Offer(OFFER, job.id, *people, fees, "", OfferState.ACCEPTED, NOW, NOW - timedelta(days=7), NOW)
    entry = offers.cancel(job, offer, Money(5_000, "usd")).entry
    assert entry is not None
    return entry


def test_the_laws_are_those_that_are_checked() -> None:
    listed = re.findall(r"^[0-9]+\. (.+)$", section(LEDGER, "laws"), re.MULTILINE)

    assert listed == [check.law for check in CHECKS]


def test_only_the_listed_files_move_money() -> None:
    source = REPOSITORY / "src" / "jobsphere"
    movers = {
        str(path.relative_to(REPOSITORY))
        for path in source.rglob("*.py")
        if re.search(
            r"ledger\.record|from jobsphere\.ledger import .*\brecord\b|\brecord_and_repay\b", path.read_text()
        )
    }

    assert set(re.findall(r"^- `(.+)`$", section(LEDGER, "movers"), re.MULTILINE)) == movers
