"""How a payout account stands: the recorded combinations of Stripe's flags, and every state with its next step."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from jobsphere.payout_accounts.account import Change, PayoutAccount, disconnected, seen
from jobsphere.payout_accounts.notices import notices
from jobsphere.payout_accounts.regions import needs_recipient_agreement
from jobsphere.payout_accounts.standing import AccountState, NextStep, by_state, standing
from jobsphere.stripe_gateway import objects
from jobsphere.stripe_gateway.objects import Account

S = AccountState
BANK = {"id": "ba_1", "currency": "usd", "fingerprint": "f1", "last4": "6789", "default_for_currency": True}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OWNER = UUID(int=7)


def account(
    details: bool = True,
    payouts: bool = True,
    transfers: str | None = "active",
    disabled: str | None = None,
    banks: tuple[dict[str, Any], ...] = (BANK,),
    due: tuple[str, ...] = (),
    currency: str | None = "usd",
) -> Account:
    return objects.account(
        {
            "id": "acct_1",
            "details_submitted": details,
            "payouts_enabled": payouts,
            "capabilities": {"transfers": transfers},
            "default_currency": currency,
            "requirements": {"disabled_reason": disabled, "currently_due": list(due)},
            "external_accounts": {"data": list(banks)},
        }
    )


DOCUMENT = ("individual.verification.document",)
# The recorded combinations of stripe.md section 4 come first; then what else Stripe's API description allows.
TABLE: list[tuple[Account | None, AccountState]] = [
    (account(True, False, "pending", "requirements.pending_verification"), S.BEING_CHECKED),
    (account(), S.READY),
    (account(False, False, "active", "requirements.past_due", due=DOCUMENT), S.INCOMPLETE),
    (account(True, False, "active", "requirements.pending_verification"), S.BEING_CHECKED),
    (account(True, False, "inactive", "rejected.fraud"), S.STOPPED),
    (None, S.NOT_OPENED),
    (
        account(False, False, "inactive", "requirements.past_due", (), ("external_account", *DOCUMENT)),
        S.INCOMPLETE,
    ),
    (account(False, False, "inactive", None, ()), S.INCOMPLETE),
    # A recipient who can be paid is ready, whatever the form says.
    (account(False), S.READY),
    (account(True, False, "inactive", "requirements.past_due", due=DOCUMENT), S.ACTION_NEEDED),
    (account(True, False, "active", "action_required.requested_capabilities"), S.ACTION_NEEDED),
    (account(due=DOCUMENT), S.READY),
    (account(payouts=False, due=DOCUMENT), S.ACTION_NEEDED),
    (
        account(payouts=False, banks=(), disabled="requirements.past_due", due=("external_account",)),
        S.BANK_ACCOUNT_MISSING,
    ),
    (account(banks=()), S.BANK_ACCOUNT_MISSING),
    (account(banks=({**BANK, "status": "errored"},)), S.BANK_ACCOUNT_MISSING),
    (account(banks=({**BANK, "status": "verification_failed"},)), S.BANK_ACCOUNT_MISSING),
    (
        account(True, False, banks=(), disabled="requirements.past_due", due=("external_account", *DOCUMENT)),
        S.ACTION_NEEDED,
    ),
    (account(transfers="pending"), S.BEING_CHECKED),
    (account(transfers=None), S.BEING_CHECKED),
    (account(payouts=False), S.BEING_CHECKED),
    (account(disabled="under_review"), S.BEING_CHECKED),
    (account(disabled="listed"), S.BEING_CHECKED),
    (account(disabled="platform_paused"), S.STOPPED),
    (account(disabled="other"), S.STOPPED),
    (account(disabled="rejected.terms_of_service"), S.STOPPED),
    (account(disabled="a reason of next year"), S.STOPPED),
    (account(currency="eur"), S.OTHER_CURRENCY),
    (account(banks=({**BANK, "currency": "eur"},)), S.OTHER_CURRENCY),
    (account(currency=None), S.READY),
]


@pytest.mark.parametrize(("told", "state"), TABLE)
def test_each_combination_is_one_plain_state(told: Account | None, state: AccountState) -> None:
    assert standing(told, "usd").state is state


def test_the_table_has_every_state_but_the_one_that_stripe_does_not_tell() -> None:
    assert {state for _, state in TABLE} == set(S) - {S.DISCONNECTED}


def test_only_an_account_that_can_be_paid_is_ready() -> None:
    assert all(told is not None and told.can_be_paid for told, state in TABLE if state is S.READY)


def test_an_account_that_is_disconnected_is_nothing_else() -> None:
    assert standing(account(), "usd", is_disconnected=True).state is S.DISCONNECTED


def test_every_state_says_what_it_is_and_what_to_do_next() -> None:
    steps = {state: by_state(state).next_step for state in S}

    assert all(by_state(state).state is state and by_state(state).explanation.endswith(".") for state in S)
    assert [state for state, step in steps.items() if step is NextStep.NONE] == [S.READY]
    assert [state for state, step in steps.items() if step is NextStep.WAIT] == [S.BEING_CHECKED]
    assert {state for state, step in steps.items() if step is NextStep.OPEN_ACCOUNT} == {
        S.NOT_OPENED,
        S.DISCONNECTED,
    }


def known(**more: Any) -> PayoutAccount:
    blank = PayoutAccount("acct_1", OWNER, NOON)
    return replace(seen(blank, account(), "usd", NOON).after, **more)


def other(**more: Any) -> Account:
    return account(banks=({**BANK, "id": "ba_2", "fingerprint": "f2", "last4": "4321", **more},))


def later(before: PayoutAccount, told: Account) -> Change:
    return seen(before, told, "usd", NOON + timedelta(hours=1))


def test_the_first_bank_account_is_no_change() -> None:
    change = seen(PayoutAccount("acct_1", OWNER, NOON), account(), "usd", NOON)
    assert (change.bank_changed, change.after.bank_last4, change.after.bank_changed_at) == (False, "6789", None)


def test_another_bank_account_is_a_change_that_holds_withdrawals_for_the_waiting_time() -> None:
    change = later(known(), other())

    assert (change.bank_changed, change.after.bank_last4) == (True, "4321")
    assert change.after.held_until(timedelta(hours=24)) == NOON + timedelta(hours=25)
    assert not later(change.after, other()).bank_changed


def test_the_same_account_number_entered_again_is_no_change() -> None:
    change = later(known(), other(fingerprint="f1"))
    assert (change.bank_changed, change.after.bank_id) == (False, "ba_2")


def test_without_fingerprints_the_id_decides() -> None:
    assert later(known(bank_fingerprint=None), other()).bank_changed
    assert later(known(), other(fingerprint=None)).bank_changed
    assert not later(known(), account(banks=({**BANK, "fingerprint": None},))).bank_changed


def test_a_bank_account_that_is_removed_stays_known_so_that_the_next_is_a_change() -> None:
    removed = later(known(), account(banks=(), payouts=False))
    assert (removed.after.state, removed.bank_changed) == (S.BANK_ACCOUNT_MISSING, False)
    assert later(removed.after, other()).bank_changed


def test_a_second_bank_account_that_nothing_goes_to_is_no_change() -> None:
    second = {**BANK, "id": "ba_2", "fingerprint": "f2", "default_for_currency": False}
    assert not later(known(), account(banks=(second, BANK))).bank_changed


def test_losing_the_account_loses_nothing_that_was_known_of_its_bank() -> None:
    change = disconnected(known(), NOON)
    assert (change.after.state, change.after.bank_id, change.state_changed) == (S.DISCONNECTED, "ba_1", True)
    assert not disconnected(change.after, NOON).state_changed


def test_the_contractor_is_told_of_what_needs_them_and_of_every_bank_account() -> None:
    def told(before: PayoutAccount, change: Change) -> list[str]:
        return [notice.title for notice in notices(before, change, OWNER)]

    fresh = PayoutAccount("acct_1", OWNER, NOON)
    checking = account(True, False, "pending", "requirements.pending_verification")
    assert told(fresh, later(fresh, checking)) == []
    assert told(fresh, later(fresh, account())) == ["Payout account ready"]
    assert told(known(), later(known(), account())) == []
    assert told(known(), later(known(), checking)) == ["Payout account being checked"]
    assert told(known(), later(known(), other())) == ["Bank account changed"]
    assert told(known(), disconnected(known(), NOON)) == ["Payout account disconnected"]


@pytest.mark.parametrize(
    ("platform", "contractor", "needed"),
    [
        ("US", "US", False),
        ("US", "DE", False),
        ("DE", "GB", False),
        ("CH", "NO", False),
        ("US", "JP", True),
        ("JP", "US", True),
        ("JP", "JP", False),
        ("BR", "MX", True),
    ],
)
def test_across_the_border_of_the_region_an_account_only_receives(
    platform: str, contractor: str, needed: bool
) -> None:
    assert needs_recipient_agreement(platform, contractor) is needed
