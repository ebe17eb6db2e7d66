"""Stripe's objects as ours: every shape is read or refused by name, and who can be paid is Stripe's rule."""

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.money import Money
from jobsphere.stripe_gateway import objects
from jobsphere.stripe_gateway.objects import Card, Failure, UnreadableObject

# STRIPE_SPEC_DIR: recorded answers of Stripe, which are not part of this repository.
SAMPLES = Path(os.environ.get("STRIPE_SPEC_DIR", Path(__file__).parents[3] / "shared" / "stripe")) / "samples"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no recorded samples: STRIPE_SPEC_DIR is not set")

Reader = Callable[[Mapping[str, Any]], object]
READERS: dict[str, Reader] = {
    "payment_intent": objects.payment_intent,
    "refund": objects.refund,
    "account": objects.account,
    "transfer": objects.transfer,
    "transfer_reversal": objects.reversal,
    "payout": objects.payout,
}
# What an object cannot be without.
REQUIRED: dict[str, dict[str, Any]] = {
    "payment_intent": {"id": "pi_1", "status": "succeeded", "amount": 20_000, "currency": "usd"},
    "refund": {"id": "re_1", "amount": 500, "currency": "usd"},
    "account": {"id": "acct_1"},
    "transfer": {"id": "tr_1", "amount": 8_000, "currency": "usd"},
    "transfer_reversal": {"id": "trr_1", "amount": 8_000, "currency": "usd"},
    "payout": {"id": "po_1", "status": "paid", "amount": 8_000, "currency": "usd"},
}
PAYMENT_INTENT = {
    **REQUIRED["payment_intent"],
    "object": "payment_intent",
    "amount_received": 19_000,
    "latest_charge": "ch_1",
    "last_payment_error": None,
    "metadata": {"deposit_id": "d"},
    "client_secret": "pi_1_secret_x",
}


def recorded(kind: str) -> list[Path]:
    return sorted(SAMPLES.glob(f"obj__{kind}__*.json"))


def test_a_payment_intent_says_what_came_not_what_was_asked_for() -> None:
    intent = objects.payment_intent(PAYMENT_INTENT)

    assert (intent.amount, intent.amount_received) == (Money(20_000, "usd"), Money(19_000, "usd"))
    assert (intent.id, intent.status, intent.charge_id) == ("pi_1", "succeeded", "ch_1")
    assert intent.metadata == {"deposit_id": "d"}


def test_before_anything_came_nothing_was_received() -> None:
    assert objects.payment_intent(REQUIRED["payment_intent"]).amount_received == Money(0, "usd")


def test_a_client_secret_is_read_and_never_shown() -> None:
    intent = objects.payment_intent(PAYMENT_INTENT)

    assert intent.client_secret == "pi_1_secret_x"
    assert "secret" not in repr(intent)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "insufficient_funds"),
        ({"code": "expired_card"}, "expired_card"),
        ({"code": "processing_error", "decline_code": None}, "processing_error"),
        ({}, None),
        (None, None),
    ],
)
def test_a_decline_is_named_by_what_says_more(error: Any, code: str | None) -> None:
    failure = objects.payment_intent({**PAYMENT_INTENT, "last_payment_error": error}).failure
    assert (failure.code if failure else None) == code


def test_a_decline_says_which_card_and_which_charge_it_was() -> None:
    card = {"fingerprint": "fp_1", "brand": "visa", "last4": "0002", "exp_year": 2030}
    error = {"code": "card_declined", "charge": "ch_1", "payment_method": {"id": "pm_1", "card": card}}

    failure = objects.payment_intent({**PAYMENT_INTENT, "last_payment_error": error}).failure

    assert failure == Failure("card_declined", "ch_1", "pm_1", Card("fp_1", "visa", "0002"))


@pytest.mark.parametrize("reference", ["ch_1", {"id": "ch_1", "object": "charge"}])
def test_a_reference_is_read_expanded_or_not(reference: Any) -> None:
    assert objects.payment_intent({**PAYMENT_INTENT, "latest_charge": reference}).charge_id == "ch_1"


def test_a_currency_in_capitals_is_the_same_currency() -> None:
    assert objects.transfer({**REQUIRED["transfer"], "currency": "USD"}).amount == Money(8_000, "usd")


def test_a_payout_says_when_it_arrives_and_why_it_failed() -> None:
    payout = objects.payout(
        {**REQUIRED["payout"], "arrival_date": 1_767_225_600, "failure_code": "account_closed"}
    )

    assert payout.arrives_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert payout.failure_code == "account_closed"


def test_an_account_link_says_until_when_it_works() -> None:
    data = {"object": "account_link", "url": "https://connect.stripe.com/x", "expires_at": 1_767_225_600}

    link = objects.account_link(data)

    assert link.expires_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert "connect.stripe.com" not in repr(link)
    for missing in ("url", "expires_at"):
        with pytest.raises(UnreadableObject):
            objects.account_link({name: value for name, value in data.items() if name != missing})


BANK = {"data": [{"id": "ba_1"}]}
# The recorded combinations of stripe.md section 4, and what a bank account has to do with it.
# details_submitted, charges_enabled, payouts_enabled, transfers, disabled_reason, external accounts
COMBINATIONS: list[tuple[bool, bool, bool, str | None, str | None, Any, bool]] = [
    (True, False, False, "pending", "requirements.pending_verification", BANK, False),
    (True, True, True, "active", None, BANK, True),
    (False, True, False, "active", "requirements.past_due", BANK, False),
    (True, False, False, "active", "requirements.pending_verification", BANK, False),
    (True, True, False, "active", "requirements.pending_verification", BANK, False),
    (True, False, False, "inactive", "rejected.fraud", BANK, False),
    # Neither form nor charges decide anything: a recipient without them can be paid.
    (False, False, True, "active", None, BANK, True),
    # Each condition alone is not enough.
    (True, True, True, "pending", None, BANK, False),
    (True, True, True, None, None, BANK, False),
    (True, True, False, "active", None, BANK, False),
    (True, True, True, "active", "under_review", BANK, False),
    (True, True, True, "active", None, {"data": []}, False),
    (True, True, True, "active", None, None, False),
]


@pytest.mark.parametrize(
    ("details", "charges", "payouts", "transfers", "disabled", "external", "can_be_paid"), COMBINATIONS
)
def test_who_can_be_paid(
    details: bool,
    charges: bool,
    payouts: bool,
    transfers: str | None,
    disabled: str | None,
    external: Any,
    can_be_paid: bool,
) -> None:
    account = objects.account(
        {
            "id": "acct_1",
            "details_submitted": details,
            "charges_enabled": charges,
            "payouts_enabled": payouts,
            "capabilities": {"transfers": transfers},
            "requirements": {"disabled_reason": disabled},
            "external_accounts": external,
        }
    )

    assert account.can_be_paid is can_be_paid


def test_an_account_that_says_nothing_cannot_be_paid() -> None:
    assert not objects.account({"id": "acct_1"}).can_be_paid


@needs_samples
@pytest.mark.parametrize("kind", READERS)
def test_every_recorded_object_is_read(kind: str) -> None:
    samples = recorded(kind)
    assert samples

    for path in samples:
        data = json.loads(path.read_text())
        read: Any = READERS[kind](data)
        assert read.id == data["id"], path.name
        if kind != "account":
            assert read.amount == Money(data["amount"], data["currency"]), path.name


@needs_samples
def test_recorded_accounts_can_be_paid_exactly_where_the_rule_says_so() -> None:
    can_be_paid = []
    for path in recorded("account"):
        data = json.loads(path.read_text())
        by_the_rule = (
            data["payouts_enabled"] is True
            and (data.get("capabilities") or {}).get("transfers") == "active"
            and bool((data.get("external_accounts") or {}).get("data"))
            and not (data.get("requirements") or {}).get("disabled_reason")
        )
        assert objects.account(data).can_be_paid is by_the_rule, path.name
        can_be_paid += [path.name] if by_the_rule else []

    # A recording's name: details_submitted, charges_enabled, payouts_enabled, capabilities.
    assert [name for name in can_be_paid if "__custom-" in name] == [
        f"obj__account__custom-true-true-true-{capabilities}.json"
        for capabilities in ("active-active", "active-recipient", "active")
    ]


@pytest.mark.parametrize("kind", READERS)
def test_what_it_must_have_is_enough(kind: str) -> None:
    assert READERS[kind](REQUIRED[kind])


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, fields in REQUIRED.items() for name in fields])
def test_without_what_it_must_have_it_is_unreadable(kind: str, name: str) -> None:
    without = {field: value for field, value in REQUIRED[kind].items() if field != name}

    with pytest.raises(UnreadableObject):
        READERS[kind](without)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)
NAMES = """
    id status amount amount_received amount_reversed currency latest_charge last_payment_error metadata
    client_secret charge payment_intent capabilities payouts_enabled details_submitted external_accounts
    requirements destination arrival_date failure_code object
    """.split()
INNER = ["id", "code", "decline_code", "transfers", "data", "disabled_reason", "currently_due"]
ODD = st.dictionaries(st.sampled_from(NAMES), JSON | st.dictionaries(st.sampled_from(INNER), JSON), max_size=4)


@given(st.sampled_from(sorted(READERS)), ODD)
def test_whatever_comes_is_read_or_unreadable_and_what_is_read_has_its_type(
    kind: str, odd: dict[str, Any]
) -> None:
    try:
        read = READERS[kind]({**REQUIRED[kind], **odd})
    except UnreadableObject:
        return

    for name in ("charge_id", "failure_code", "client_secret", "transfers", "disabled_reason", "destination"):
        assert isinstance(getattr(read, name, None), str | None), name
    assert all(isinstance(due, str) for due in getattr(read, "currently_due", ()))
