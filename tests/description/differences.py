"""Where the sandbox may differ from the description, field by field, each with the reason.

The description's answers are of API version 2023-08-16, the sandbox speaks 2026-10-28.endive.
"""

NEWER = "came with an API version after that of the description"
RECORDED = "absent from the description, present in recorded objects"

# Fields that the description does not know, by kind of object.
UNDESCRIBED_FIELDS = {
    "balance.refund_and_dispute_prefunding": NEWER,
    "balance_transaction.balance_type": NEWER,
    "charge.dispute": RECORDED,
    "charge.source": RECORDED,
    "dispute.enhanced_eligibility_types": NEWER,
    "dispute.intended_submission_method": NEWER,
    "payment_intent.payment_method_configuration_details": NEWER,
    "payment_method.allow_redisplay": NEWER,
    "payout.application_fee": NEWER,
    "payout.application_fee_amount": NEWER,
    "payout.payout_method": NEWER,
    "payout.trace_id": NEWER,
    "refund.destination_details": NEWER,
    "refund.payment_method": NEWER,
    "refund.pending_reason": NEWER,
    "setup_intent.payment_method_configuration_details": NEWER,
}

# Values or absences that the description does not allow, by kind of object and field.
DIFFERENT_VALUES = {
    "dispute.status": "`prevented` came with a later API version",
    "account.type": "`none`, of accounts that only a controller describes, came with a later API version",
}

# Parameters that the description, which is of the server's side, does not know, or does not know to hold a
# card: Stripe's library in the browser sends them. They are left out when a browser's request is judged.
BROWSER_PARAMETERS = frozenset(
    "client_attribution_metadata client_secret expected_payment_method_type guid key muid pasted_fields "
    "payment_method_data payment_user_agent referrer sid time_on_page".split()
)
