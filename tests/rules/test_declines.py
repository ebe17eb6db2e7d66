"""Declines: one sentence a person can act on for every code of Stripe, and none that helps a thief."""

import re

import pytest

from jobsphere.deposits.declines import (
    CANCELED,
    EXPIRED,
    GENERIC,
    NOT_POSSIBLE,
    NOT_SENT,
    Decline,
    explain,
    sentence_for,
)

# docs.stripe.com/declines/codes, the codes of its table, and the error codes of stripe.md section 2.
STRIPE_CODES = """
    approve_with_id authentication_not_handled authentication_required call_issuer card_declined
    card_not_supported card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again
    duplicate_transaction expired_card fraudulent generic_decline highest_risk_level incorrect_cvc incorrect_number
    incorrect_pin incorrect_zip insufficient_funds invalid_account invalid_amount invalid_cvc
    invalid_expiry_month invalid_expiry_year invalid_number invalid_pin issuer_not_available lost_card
    merchant_blacklist new_account_information_available no_action_taken not_permitted offline_pin_required
    online_or_offline_pin_required payment_intent_authentication_failure pickup_card pin_try_exceeded
    processing_error reenter_transaction resource_missing restricted_card revocation_of_all_authorizations
    revocation_of_authorization security_violation service_not_allowed stolen_card stop_payment_order
    test_mode_decline testmode_decline transaction_not_allowed try_again_later withdrawal_count_limit_exceeded
    """.split()
# docs.stripe.com/declines/codes: "don't report more detailed information to your customer"; for lost and
# stolen cards likewise; the rest of these would say the same in other words.
KEPT_QUIET = """
    fraudulent highest_risk_level lost_card merchant_blacklist pickup_card restricted_card security_violation
    stolen_card
    """.split()


@pytest.mark.parametrize("code", STRIPE_CODES)
def test_every_code_has_one_sentence_in_plain_words_without_stripes_own(code: str) -> None:
    decline = explain(code)

    assert re.fullmatch(r"[A-Z][a-zA-Z ,;-]+\.( [A-Z][a-zA-Z ,;-]+\.)?", decline.sentence)
    assert "_" not in decline.sentence
    assert not re.search(
        "stripe|payment ?intent|issuer|fraud|stolen|lost|block|risk", decline.sentence, re.IGNORECASE
    )


@pytest.mark.parametrize("code", KEPT_QUIET)
def test_who_holds_a_stolen_card_is_told_what_everybody_is_told(code: str) -> None:
    assert explain(code) is GENERIC
    assert code not in GENERIC.code + GENERIC.sentence


@pytest.mark.parametrize("code", [None, "", "a_code_of_next_year", "FRAUDULENT", "insufficient funds"])
def test_a_code_nobody_knows_is_a_plain_decline(code: str | None) -> None:
    assert explain(code) is GENERIC


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("insufficient_funds", "enough money"),
        ("expired_card", "expired"),
        ("incorrect_cvc", "security code"),
        ("invalid_cvc", "security code"),
        ("incorrect_number", "number"),
        ("invalid_expiry_month", "expiry date"),
        ("incorrect_zip", "postal code"),
        ("card_not_supported", "another card"),
        ("try_again_later", "later"),
        ("processing_error", "later"),
        ("card_velocity_exceeded", "limit"),
        ("authentication_required", "confirm"),
        ("payment_intent_authentication_failure", "not confirmed"),
    ],
)
def test_what_a_person_can_mend_is_told(code: str, said: str) -> None:
    assert said in explain(code).sentence


@pytest.mark.parametrize(
    "decline", [*map(explain, STRIPE_CODES), GENERIC, NOT_SENT, CANCELED, EXPIRED, NOT_POSSIBLE]
)
def test_the_sentence_is_found_again_by_the_stored_code(decline: Decline) -> None:
    assert sentence_for(decline.code) == decline.sentence


@pytest.mark.parametrize("code", [None, "", "not_ours"])
def test_a_stored_code_that_is_not_ours_reads_as_a_plain_decline(code: str | None) -> None:
    assert sentence_for(code) == GENERIC.sentence
