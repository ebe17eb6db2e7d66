"""The law of the books: after every step of any story they agree with themselves and with every statement."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from stripe_sandbox.books import assert_balanced, balance_minor, differences
from stripe_sandbox.connect import accounts, onboarding
from stripe_sandbox.connect.accounts import open_platform
from stripe_sandbox.due import fire_due
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import StripeError
from stripe_sandbox.money import payouts, reversals, topups, transfers
from stripe_sandbox.payments import capture, charges, dispute_course, payment_intents, refunds
from stripe_sandbox.payments.dispute_record import Case
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import PLATFORM, Settings
from stripe_sandbox.store import Record

CARDS = (
    "pm_card_visa",
    "pm_card_bypassPending",
    "pm_card_refundFail",
    "pm_card_pendingRefund",
    "pm_card_chargeDeclined",
    "pm_card_createDisputeInquiry",
    "pm_card_createMultipleDisputes",
)
BANKS = ("000123456789", "000111111116")
AMOUNTS = st.integers(min_value=50, max_value=20_000)


class Marketplace(RuleBasedStateMachine):
    """Any order of payments, captures, refunds, disputes, top-ups, transfers, reversals, payouts and time."""

    paid, sent, paid_out = Bundle("paid"), Bundle("sent"), Bundle("paid_out")
    disputed, topped_up = Bundle("disputed"), Bundle("topped_up")

    def __init__(self) -> None:
        super().__init__()
        self.sandbox = Sandbox()
        open_platform(self.sandbox)
        self.accounts = [self._account(number) for number in BANKS]

    def _call(self, account: str = PLATFORM, path: dict[str, str] | None = None, **params: Any) -> Call:
        return Call(self.sandbox, account, params=params, path=path or {})

    def _account(self, number: str) -> str:
        account = accounts.create(self._call(type="express", capabilities={"transfers": {"requested": True}}))
        onboarding.onboard(self.sandbox, self._record(account["id"]), "complete", number)
        return str(account["id"])

    @rule(target=paid, amount=AMOUNTS, card=st.sampled_from(CARDS))
    def pay(self, amount: int, card: str) -> Any:
        redirects = {"enabled": True, "allow_redirects": "never"}
        call = self._call(
            amount=amount, currency="usd", payment_method=card, confirm=True, automatic_payment_methods=redirects
        )
        return self._try(payment_intents.create, call)

    @rule(target=paid, amount=AMOUNTS)
    def agree(self, amount: int) -> Any:
        redirects = {"enabled": True, "allow_redirects": "never"}
        call = self._call(
            amount=amount,
            currency="usd",
            payment_method="pm_card_visa",
            capture_method="manual",
            confirm=True,
            automatic_payment_methods=redirects,
        )
        return self._try(payment_intents.create, call)

    @rule(intent=paid, amount=AMOUNTS)
    def capture(self, intent: str, amount: int) -> None:
        self._try(capture.capture, self._call(path={"intent": intent}, amount_to_capture=amount))

    @rule(intent=paid)
    def cancel_payment(self, intent: str) -> None:
        self._try(payment_intents.cancel, self._call(path={"intent": intent}))

    @rule(target=topped_up, amount=AMOUNTS, source=st.sampled_from(("btok_us", "btok_us_no_account")))
    def top_up(self, amount: int, source: str) -> Any:
        return self._try(topups.create, self._call(amount=amount, currency="usd", source=source))

    @rule(topup=topped_up)
    def bank_takes_top_up_back(self, topup: str) -> None:
        topups.fail(self.sandbox, self._record(topup), "no_account")

    @rule(seconds=st.sampled_from((0, 60, 4_000)))
    def let_charges_settle_after(self, seconds: int) -> None:
        self.sandbox.change_settings({"charge_settles_after_seconds": seconds})

    @rule(intent=paid, amount=AMOUNTS)
    def refund(self, intent: str, amount: int) -> None:
        self._try(refunds.create, self._call(payment_intent=intent, amount=amount))

    @rule(intent=paid)
    def refund_the_rest(self, intent: str) -> None:
        self._try(refunds.create, self._call(payment_intent=intent))

    @rule(target=sent, amount=AMOUNTS, which=st.integers(0, 1))
    def transfer(self, amount: int, which: int) -> Any:
        call = self._call(amount=amount, currency="usd", destination=self.accounts[which])
        return self._try(transfers.create, call)

    @rule(target=sent, intent=paid, amount=AMOUNTS, which=st.integers(0, 1))
    def transfer_from_a_charge(self, intent: str, amount: int, which: int) -> Any:
        call = self._call(
            amount=amount,
            currency="usd",
            destination=self.accounts[which],
            source_transaction=self._record(intent)["latest_charge"],
        )
        return self._try(transfers.create, call)

    @rule(transfer=sent, amount=AMOUNTS)
    def reverse(self, transfer: str, amount: int) -> None:
        self._try(reversals.create, self._call(path={"id": transfer}, amount=amount))

    @rule(target=paid_out, amount=AMOUNTS, which=st.integers(0, 2))
    def pay_out(self, amount: int, which: int) -> Any:
        account = [*self.accounts, PLATFORM][which]
        return self._try(payouts.create, self._call(account, amount=amount, currency="usd"))

    @rule(payout=paid_out)
    def cancel_payout(self, payout: str) -> None:
        self._try(payouts.cancel, self._call(self._record(payout)["_account"], {"payout": payout}))

    @rule(payout=paid_out)
    def bank_returns_payout(self, payout: str) -> None:
        record = self._record(payout)
        if record["status"] not in ("failed", "canceled"):
            payouts.fail(self.sandbox, record, "account_closed")

    @rule(target=disputed, intent=paid, amount=AMOUNTS, case=st.sampled_from(Case))
    def dispute(self, intent: str, amount: int, case: Case) -> Any:
        charge = self._record(self._record(intent)["latest_charge"])
        if not charge["captured"]:
            return multiple()
        return dispute_course.open_dispute(self.sandbox, charge, amount, "general", case)["id"]

    @rule(dispute=disputed)
    def escalate(self, dispute: str) -> None:
        dispute_course.escalate(self.sandbox, self._record(dispute))

    @rule(dispute=disputed, won=st.booleans(), fee_returned=st.booleans(), part=st.none() | st.just(10))
    def decide(self, dispute: str, won: bool, fee_returned: bool, part: int | None) -> None:
        record = self._record(dispute)
        dispute_course.decide(self.sandbox, record, won=won, fee_returned=fee_returned, reinstated_minor=part)

    @rule(hours=st.integers(1, 60))
    def wait(self, hours: int) -> None:
        target = self.sandbox.clock.now() + 3600 * hours
        while (due := self.sandbox.schedule.next_due()) is not None and due <= target:
            self.sandbox.move_clock_to(due)
            fire_due(self.sandbox)
        self.sandbox.move_clock_to(target)

    @invariant()
    def books_are_balanced(self) -> None:
        assert_balanced(self.sandbox)

    @invariant()
    def no_connected_account_owes_money(self) -> None:
        for account in self.accounts:
            assert balance_minor(self.sandbox, f"{account}:available", "usd") >= 0
            assert balance_minor(self.sandbox, f"{account}:in_transit", "usd") >= 0

    def _record(self, identifier: str) -> Record:
        record = self.sandbox.store.get(identifier)
        assert record is not None
        return record

    @staticmethod
    def _try(handler: Any, call: Call) -> Any:
        """The id of what was made; nothing is added to the bundle if the request was refused."""
        try:
            return handler(call)["id"]
        except StripeError:
            return multiple()


TestMarketplace = Marketplace.TestCase
TestMarketplace.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


@given(amount=st.integers(min_value=50, max_value=99_999_999))
def test_the_fee_is_the_nearest_whole_minor_unit_of_29_per_mille_plus_30(amount: int) -> None:
    fee = charges.fee_minor(Settings(), amount)

    assert abs((fee - 30) * 1000 - amount * 29) <= 500


@pytest.mark.parametrize(
    ("tamper", "complaint"),
    [
        (lambda book, entry: book.update(balance_minor=book["balance_minor"] + 1), "its moves sum to"),
        (lambda book, entry: entry.update(net=entry["net"] - 1), "its balance transactions say"),
        (lambda book, entry: entry.update(status="pending"), "its balance transactions say"),
        (lambda book, entry: entry["_moves"].pop(), "its moves sum to"),
        (lambda book, entry: entry.update(amount=entry["amount"] - 1, fee=entry["fee"] - 1), "does not add up"),
        (lambda book, entry: entry.update(amount=entry["amount"] - 1), "its balance transactions sum to"),
        (lambda book, entry: entry.update(source="ch_none"), "does not exist"),
    ],
)
def test_tampering_is_noticed(tamper: Any, complaint: str) -> None:
    marketplace = Marketplace()
    marketplace.pay(10_000, "pm_card_bypassPending")
    store = marketplace.sandbox.store
    book = store.get(f"{PLATFORM}:available:usd")
    entry = next(store.of_kind("balance_transaction"))
    assert differences(marketplace.sandbox) == []

    tamper(book, entry)

    assert any(complaint in difference for difference in differences(marketplace.sandbox))
