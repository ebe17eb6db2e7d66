"""What the ledger decides: laws that hold for any entries in any order, and what an entry must be."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.ledger.accounts import (
    Account,
    Side,
    offer_escrow,
    platform_fees,
    service_fees,
    stripe_balance,
    stripe_connected,
    stripe_paying_out,
    wallet_available,
    wallet_debt,
    withdrawal_in_transit,
)
from jobsphere.ledger.posting import Entry, InvalidEntry, Posting, ReferenceReused, Verdict, decide
from jobsphere.money import Money

ONE = UUID(int=1)
WALLET = wallet_available(ONE, "usd")
OTHER_WALLET = wallet_available(UUID(int=2), "usd")
ESCROW = offer_escrow(UUID(int=3), "usd")
DEBT = wallet_debt(ONE, "usd")
STRIPE = stripe_balance("usd")
FEES = platform_fees("usd")
ACCOUNTS = (WALLET, OTHER_WALLET, ESCROW, DEBT, STRIPE, FEES)

PAIRS = st.sampled_from([(debit, credit) for debit in ACCOUNTS for credit in ACCOUNTS if debit != credit])
POSTINGS = st.builds(
    lambda pair, minor: Posting(pair[0], pair[1], Money(minor, "usd")), PAIRS, st.integers(1, 100)
)
ENTRIES = st.lists(
    st.builds(
        Entry,
        st.integers(0, 10**6).map(str),
        st.lists(POSTINGS, min_size=1, max_size=4).map(tuple),
    ),
    max_size=20,
    unique_by=lambda entry: entry.reference,
)
BALANCES = st.dictionaries(st.sampled_from((WALLET, OTHER_WALLET, ESCROW, DEBT)), st.integers(0, 200))


def moved(balances: dict[Account, int], entries: list[Entry], verdicts: list[Verdict]) -> dict[Account, int]:
    """The balances after the recorded entries, computed without the code under test."""
    after = dict(balances)
    for entry, verdict in zip(entries, verdicts, strict=True):
        if verdict is not Verdict.RECORDED:
            continue
        for posting in entry.postings:
            minor = posting.amount.amount_minor
            for account, sign in ((posting.debit, 1), (posting.credit, -1)):
                grows_by_debit = account.normal_side is Side.DEBIT
                after[account] = after.get(account, 0) + (sign if grows_by_debit else -sign) * minor
    return after


@given(ENTRIES, BALANCES)
def test_no_guarded_account_is_ever_below_zero_after_any_entry(
    entries: list[Entry], balances: dict[Account, int]
) -> None:
    verdicts = decide(entries, balances, {})

    for count in range(len(entries) + 1):
        after = moved(balances, entries[:count], verdicts[:count])
        assert all(minor >= 0 for account, minor in after.items() if not account.may_go_below_zero)


@given(ENTRIES, BALANCES)
def test_an_entry_is_refused_only_where_it_would_take_an_account_below_zero(
    entries: list[Entry], balances: dict[Account, int]
) -> None:
    verdicts = decide(entries, balances, {})

    for index, verdict in enumerate(verdicts):
        before = moved(balances, entries[:index], verdicts[:index])
        would_be = moved(before, [entries[index]], [Verdict.RECORDED])
        overdrawn = any(minor < 0 for account, minor in would_be.items() if not account.may_go_below_zero)
        assert verdict is (Verdict.INSUFFICIENT_FUNDS if overdrawn else Verdict.RECORDED)


@given(ENTRIES, BALANCES)
def test_money_is_neither_made_nor_lost(entries: list[Entry], balances: dict[Account, int]) -> None:
    def total(of: dict[Account, int]) -> int:
        return sum(minor if account.normal_side is Side.DEBIT else -minor for account, minor in of.items())

    after = moved(balances, entries, decide(entries, balances, {}))

    assert total(after) == total(balances)


@given(ENTRIES, BALANCES)
def test_what_was_recorded_is_not_recorded_again_whatever_the_balances_are_now(
    entries: list[Entry], balances: dict[Account, int]
) -> None:
    verdicts = decide(entries, balances, {})
    recorded = {
        entry.reference: entry.postings
        for entry, verdict in zip(entries, verdicts, strict=True)
        if verdict is Verdict.RECORDED
    }

    again = decide(entries, moved(balances, entries, verdicts), recorded)

    for first, second in zip(verdicts, again, strict=True):
        assert (first is Verdict.RECORDED) == (second is Verdict.ALREADY_RECORDED)


@given(ENTRIES, BALANCES)
def test_a_duplicate_inside_a_batch_is_recorded_once(entries: list[Entry], balances: dict[Account, int]) -> None:
    twice = [entry for entry in entries for _ in range(2)]

    verdicts = decide(twice, balances, {})

    for first, second in zip(verdicts[::2], verdicts[1::2], strict=True):
        expected = Verdict.ALREADY_RECORDED if first is Verdict.RECORDED else Verdict.INSUFFICIENT_FUNDS
        assert second is expected


@given(ENTRIES, BALANCES)
def test_one_batch_decides_as_one_entry_after_the_other_does(
    entries: list[Entry], balances: dict[Account, int]
) -> None:
    one_by_one: list[Verdict] = []
    now = dict(balances)
    for entry in entries:
        verdicts = decide([entry], now, {})
        now = moved(now, [entry], verdicts)
        one_by_one += verdicts

    assert decide(entries, balances, {}) == one_by_one


def out(reference: str, minor: int) -> Entry:
    return Entry(reference, (Posting(debit=WALLET, credit=ESCROW, amount=Money(minor, "usd")),))


def test_80_50_and_20_out_of_100_are_yes_no_yes() -> None:
    verdicts = decide([out("a", 80), out("b", 50), out("c", 20)], {WALLET: 100}, {})

    assert verdicts == [Verdict.RECORDED, Verdict.INSUFFICIENT_FUNDS, Verdict.RECORDED]


def test_the_order_of_entries_decides_who_gets_the_money() -> None:
    assert decide([out("b", 50), out("a", 80)], {WALLET: 100}, {}) == [
        Verdict.RECORDED,
        Verdict.INSUFFICIENT_FUNDS,
    ]


def test_the_postings_of_an_entry_count_together() -> None:
    there_and_back = Entry(
        "round", (*out("x", 30).postings, Posting(debit=ESCROW, credit=WALLET, amount=Money(30, "usd")))
    )

    assert decide([there_and_back], {}, {}) == [Verdict.RECORDED]


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_a_reference_never_stands_for_other_postings(in_one_batch: bool) -> None:
    recorded = {} if in_one_batch else {"a": out("a", 80).postings}
    batch = [out("a", 80), out("a", 79)] if in_one_batch else [out("a", 79)]

    with pytest.raises(ReferenceReused):
        decide(batch, {WALLET: 1000}, recorded)


@pytest.mark.parametrize("minor", [0, -1])
def test_a_posting_moves_at_least_one_unit(minor: int) -> None:
    with pytest.raises(InvalidEntry):
        Posting(WALLET, ESCROW, Money(minor, "usd"))


@pytest.mark.parametrize("currencies", [("usd", "usd", "eur"), ("usd", "eur", "usd"), ("eur", "usd", "usd")])
def test_a_posting_has_one_currency(currencies: tuple[str, str, str]) -> None:
    debit, credit, amount = currencies

    with pytest.raises(InvalidEntry):
        Posting(stripe_balance(debit), wallet_available(ONE, credit), Money(1, amount))


def test_a_posting_has_two_accounts() -> None:
    with pytest.raises(InvalidEntry):
        Posting(WALLET, WALLET, Money(1, "usd"))


@pytest.mark.parametrize(("reference", "postings"), [("", out("x", 1).postings), ("x", ())])
def test_an_entry_has_a_reference_and_postings(reference: str, postings: tuple[Posting, ...]) -> None:
    with pytest.raises(InvalidEntry):
        Entry(reference, postings)


CHART = [
    # account, name, grows by, may go below zero: the table "What each operation posts" of design.md
    (WALLET, f"wallet:{ONE}:available", Side.CREDIT, False),
    (DEBT, f"wallet:{ONE}:debt", Side.DEBIT, False),
    (offer_escrow(ONE, "usd"), f"offer:{ONE}:escrow", Side.CREDIT, False),
    (withdrawal_in_transit(ONE, "usd"), f"withdrawal:{ONE}:in_transit", Side.CREDIT, False),
    (STRIPE, "stripe:balance", Side.DEBIT, True),
    (stripe_connected(ONE, "usd"), f"stripe:connected:{ONE}", Side.DEBIT, True),
    (stripe_paying_out("usd"), "stripe:paying_out", Side.DEBIT, True),
    (FEES, "platform:platform_fees", Side.CREDIT, True),
    (service_fees("usd"), "platform:service_fees", Side.CREDIT, True),
]


@pytest.mark.parametrize(("account", "name", "side", "may_go_below_zero"), CHART, ids=lambda cell: str(cell)[:40])
def test_the_chart_of_accounts_is_the_one_of_the_design(
    account: Account, name: str, side: Side, may_go_below_zero: bool
) -> None:
    assert account == Account(name, "usd", side, may_go_below_zero)


@pytest.mark.parametrize(
    ("debit", "credit", "debit_delta", "credit_delta"),
    [(STRIPE, WALLET, 7, 7), (WALLET, ESCROW, -7, 7), (WALLET, STRIPE, -7, -7), (DEBT, STRIPE, 7, -7)],
)
def test_a_debit_grows_assets_and_shrinks_what_we_owe(
    debit: Account, credit: Account, debit_delta: int, credit_delta: int
) -> None:
    posting = Posting(debit, credit, Money(7, "usd"))

    assert posting.deltas() == ((debit, debit_delta), (credit, credit_delta))
