"""Which fields of which objects may be expanded, and into what. The test of conformance holds it against Stripe's.

A kind that has no line of its own is not simulated: such fields are always null, so anything may follow them.
"""

# What an endpoint answers, by the last segment of its path that stands here.
KINDS = {
    "account": "account",
    "account_links": "account_link",
    "accounts": "account",
    "balance": "balance",
    "balance_settings": "balance_settings",
    "balance_transactions": "balance_transaction",
    "capabilities": "capability",
    "charges": "charge",
    "customers": "customer",
    "disputes": "dispute",
    "early_fraud_warnings": "radar.early_fraud_warning",
    "events": "event",
    "external_accounts": "bank_account",
    "login_links": "login_link",
    "payment_intents": "payment_intent",
    "payment_methods": "payment_method",
    "payouts": "payout",
    "refunds": "refund",
    "reversals": "transfer_reversal",
    "setup_attempts": "setup_attempt",
    "setup_intents": "setup_intent",
    "tokens": "token",
    "topups": "topup",
    "transfers": "transfer",
    "webhook_endpoints": "webhook_endpoint",
}
ALONE = frozenset({"account", "balance", "balance_settings"})  # one object, not a list of them

# Fields that hold a list, whose objects stand in its ``data``.
LISTED = frozenset({"external_accounts", "refunds", "reversals", "sources", "subscriptions", "tax_ids"})

EXPANDABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "account": {"external_accounts": ("bank_account",)},
    "balance_transaction": {
        "source": ("charge", "dispute", "payout", "refund", "topup", "transfer", "transfer_reversal"),
    },
    "bank_account": {"account": ("account",), "customer": ("customer",)},
    "capability": {"account": ("account",)},
    "charge": {
        "application": ("application",),
        "application_fee": ("application_fee",),
        "balance_transaction": ("balance_transaction",),
        "customer": ("customer",),
        "dispute": ("dispute",),
        "failure_balance_transaction": ("balance_transaction",),
        "on_behalf_of": ("account",),
        "payment_intent": ("payment_intent",),
        "refunds": ("refund",),
        "review": ("review",),
        "source_transfer": ("transfer",),
        "transfer": ("transfer",),
    },
    "customer": {
        "default_source": ("bank_account", "card"),
        "sources": ("bank_account", "card"),
        "subscriptions": ("subscription",),
        "tax_ids": ("tax_id",),
        "test_clock": ("test_helpers.test_clock",),
    },
    "dispute": {"charge": ("charge",), "payment_intent": ("payment_intent",)},
    "payment_intent": {
        "application": ("application",),
        "customer": ("customer",),
        "latest_charge": ("charge",),
        "on_behalf_of": ("account",),
        "payment_method": ("payment_method",),
        "review": ("review",),
    },
    "payment_method": {"customer": ("customer",)},
    "payout": {
        "balance_transaction": ("balance_transaction",),
        "destination": ("bank_account",),
        "failure_balance_transaction": ("balance_transaction",),
        "original_payout": ("payout",),
        "reversed_by": ("payout",),
    },
    "radar.early_fraud_warning": {"charge": ("charge",), "payment_intent": ("payment_intent",)},
    "refund": {
        "balance_transaction": ("balance_transaction",),
        "charge": ("charge",),
        "failure_balance_transaction": ("balance_transaction",),
        "payment_intent": ("payment_intent",),
        "source_transfer_reversal": ("transfer_reversal",),
        "transfer_reversal": ("transfer_reversal",),
    },
    "setup_attempt": {
        "application": ("application",),
        "customer": ("customer",),
        "on_behalf_of": ("account",),
        "payment_method": ("payment_method",),
        "setup_intent": ("setup_intent",),
    },
    "setup_intent": {
        "application": ("application",),
        "customer": ("customer",),
        "latest_attempt": ("setup_attempt",),
        "mandate": ("mandate",),
        "on_behalf_of": ("account",),
        "payment_method": ("payment_method",),
        "single_use_mandate": ("mandate",),
    },
    "topup": {"balance_transaction": ("balance_transaction",)},
    "transfer": {
        "balance_transaction": ("balance_transaction",),
        "destination": ("account",),
        "destination_payment": ("charge",),
        "reversals": ("transfer_reversal",),
        "source_transaction": ("charge",),
    },
    "transfer_reversal": {
        "balance_transaction": ("balance_transaction",),
        "destination_payment_refund": ("refund",),
        "source_refund": ("refund",),
        "transfer": ("transfer",),
    },
    # These have nothing to expand; they stand here because they are simulated.
    **{kind: {} for kind in ("account_link", "balance", "balance_settings", "event", "login_link", "token")},
    "webhook_endpoint": {},
}


def answered(method: str, path: str) -> tuple[str | None, bool]:
    """The kind of object that an endpoint answers, and whether it answers a list of them."""
    segments = path.strip("/").split("/")
    known = [segment for segment in segments if segment in KINDS]
    if not known:
        return None, False
    return KINDS[known[-1]], method == "GET" and segments[-1] == known[-1] and known[-1] not in ALONE
