"""Every request of Stripe's that the sandbox answers, in one place."""

from stripe_sandbox.connect import accounts, balance_settings, bank_endpoints, capabilities, onboarding
from stripe_sandbox.http.routing import Endpoint
from stripe_sandbox.money import balance, balance_transactions, payouts, reversals, topups, transfers
from stripe_sandbox.payments import (
    capture,
    charges,
    customers,
    disputes,
    early_fraud_warnings,
    payment_intent_parameters,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
    tokens,
)
from stripe_sandbox.webhooks import endpoints as webhook_endpoints
from stripe_sandbox.webhooks import events

ACCOUNT = "/v1/accounts/{account}"
INTENT = "/v1/payment_intents/{intent}"
METHOD = "/v1/payment_methods/{payment_method}"
SETUP = "/v1/setup_intents/{intent}"
WARNINGS = "/v1/radar/early_fraud_warnings"
REVERSALS = "/v1/transfers/{id}/reversals"

PAYMENTS = (
    Endpoint("POST", "/v1/customers", customers.create, customers.CREATE),
    Endpoint("GET", "/v1/customers", customers.list_customers, customers.LIST),
    Endpoint("GET", "/v1/customers/{customer}", customers.retrieve),
    Endpoint("POST", "/v1/customers/{customer}", customers.update, customers.UPDATE),
    Endpoint("DELETE", "/v1/customers/{customer}", customers.delete),
    Endpoint(
        "GET",
        "/v1/customers/{customer}/payment_methods",
        payment_methods.list_of_customer,
        payment_methods.LIST_OF_CUSTOMER,
    ),
    Endpoint("POST", "/v1/payment_methods", payment_methods.create, payment_methods.CREATE, publishable=True),
    Endpoint("GET", "/v1/payment_methods", payment_methods.list_payment_methods, payment_methods.LIST),
    Endpoint("GET", METHOD, payment_methods.retrieve),
    Endpoint("POST", METHOD, payment_methods.update, payment_methods.UPDATE),
    Endpoint("POST", f"{METHOD}/attach", payment_methods.attach, payment_methods.ATTACH),
    Endpoint("POST", f"{METHOD}/detach", payment_methods.detach, payment_methods.DETACH),
    Endpoint("POST", "/v1/payment_intents", payment_intents.create, payment_intent_parameters.CREATE),
    Endpoint("GET", "/v1/payment_intents", payment_intents.list_payment_intents, payment_intent_parameters.LIST),
    Endpoint("GET", INTENT, payment_intents.retrieve, payment_intent_parameters.RETRIEVE, publishable=True),
    Endpoint("POST", INTENT, payment_intents.update, payment_intent_parameters.UPDATE),
    Endpoint(
        "POST", f"{INTENT}/confirm", payment_intents.confirm, payment_intent_parameters.CONFIRM, publishable=True
    ),
    Endpoint("POST", f"{INTENT}/capture", capture.capture, capture.CAPTURE),
    Endpoint("POST", f"{INTENT}/cancel", payment_intents.cancel, payment_intent_parameters.CANCEL),
    Endpoint("POST", "/v1/setup_intents", setup_intents.create, setup_intents.CREATE),
    Endpoint("GET", "/v1/setup_intents", setup_intents.list_setup_intents, setup_intents.LIST),
    Endpoint("GET", SETUP, setup_intents.retrieve, setup_intents.RETRIEVE, publishable=True),
    Endpoint("POST", SETUP, setup_intents.update, setup_intents.UPDATE),
    Endpoint("POST", f"{SETUP}/confirm", setup_intents.confirm, setup_intents.CONFIRM, publishable=True),
    Endpoint("POST", f"{SETUP}/cancel", setup_intents.cancel, setup_intents.CANCEL),
    Endpoint("GET", "/v1/setup_attempts", setup_intents.list_attempts, setup_intents.LIST_ATTEMPTS),
    Endpoint("POST", "/v1/tokens", tokens.create, tokens.CREATE, publishable=True),
    Endpoint("GET", "/v1/tokens/{token}", tokens.retrieve, publishable=True),
    Endpoint("GET", "/v1/charges", charges.list_charges, charges.LIST),
    Endpoint("GET", "/v1/charges/{charge}", charges.retrieve),
    Endpoint("POST", "/v1/charges/{charge}", charges.update, charges.UPDATE),
    Endpoint("POST", "/v1/refunds", refunds.create, refunds.CREATE),
    Endpoint("GET", "/v1/refunds", refunds.list_refunds, refunds.LIST),
    Endpoint("GET", "/v1/refunds/{refund}", refunds.retrieve),
    Endpoint("POST", "/v1/refunds/{refund}", refunds.update, refunds.UPDATE),
    Endpoint("POST", "/v1/refunds/{refund}/cancel", refunds.cancel, refunds.CANCEL),
    Endpoint("GET", "/v1/charges/{charge}/refunds", refunds.list_of_charge, refunds.LIST_OF_CHARGE),
    Endpoint("GET", "/v1/disputes", disputes.list_disputes, disputes.LIST),
    Endpoint("GET", "/v1/disputes/{dispute}", disputes.retrieve),
    Endpoint("POST", "/v1/disputes/{dispute}", disputes.update, disputes.UPDATE),
    Endpoint("POST", "/v1/disputes/{dispute}/close", disputes.close, disputes.CLOSE),
    Endpoint("GET", WARNINGS, early_fraud_warnings.list_warnings, early_fraud_warnings.LIST),
    Endpoint("GET", f"{WARNINGS}/{{early_fraud_warning}}", early_fraud_warnings.retrieve),
)

MONEY = (
    Endpoint("GET", "/v1/balance", balance.retrieve),
    Endpoint("GET", "/v1/balance_settings", balance_settings.retrieve),
    Endpoint("POST", "/v1/balance_settings", balance_settings.update, balance_settings.UPDATE),
    Endpoint(
        "GET",
        "/v1/balance_transactions",
        balance_transactions.list_balance_transactions,
        balance_transactions.LIST,
    ),
    Endpoint("GET", "/v1/balance_transactions/{id}", balance_transactions.retrieve),
    Endpoint("POST", "/v1/transfers", transfers.create, transfers.CREATE),
    Endpoint("GET", "/v1/transfers", transfers.list_transfers, transfers.LIST),
    Endpoint("GET", "/v1/transfers/{transfer}", transfers.retrieve),
    Endpoint("POST", "/v1/transfers/{transfer}", transfers.update, transfers.UPDATE),
    Endpoint("POST", REVERSALS, reversals.create, reversals.CREATE),
    Endpoint("GET", REVERSALS, reversals.list_reversals, reversals.LIST),
    Endpoint("GET", f"{REVERSALS}/{{reversal}}", reversals.retrieve),
    Endpoint("POST", f"{REVERSALS}/{{reversal}}", reversals.update, reversals.UPDATE),
    Endpoint("POST", "/v1/payouts", payouts.create, payouts.CREATE),
    Endpoint("GET", "/v1/payouts", payouts.list_payouts, payouts.LIST),
    Endpoint("GET", "/v1/payouts/{payout}", payouts.retrieve),
    Endpoint("POST", "/v1/payouts/{payout}", payouts.update, payouts.UPDATE),
    Endpoint("POST", "/v1/payouts/{payout}/cancel", payouts.cancel, payouts.CANCEL),
)

TOPUPS = (
    Endpoint("POST", "/v1/topups", topups.create, topups.CREATE),
    Endpoint("GET", "/v1/topups", topups.list_topups, topups.LIST),
    Endpoint("GET", "/v1/topups/{topup}", topups.retrieve),
    Endpoint("POST", "/v1/topups/{topup}", topups.update, topups.UPDATE),
    Endpoint("POST", "/v1/topups/{topup}/cancel", topups.cancel, topups.CANCEL),
)

CONNECT = (
    Endpoint("GET", "/v1/account", accounts.retrieve_own),
    Endpoint("POST", "/v1/accounts", accounts.create, accounts.CREATE),
    Endpoint("GET", "/v1/accounts", accounts.list_accounts, accounts.LIST),
    Endpoint("GET", ACCOUNT, accounts.retrieve),
    Endpoint("POST", ACCOUNT, accounts.update, accounts.UPDATE),
    Endpoint("DELETE", ACCOUNT, accounts.delete),
    Endpoint("POST", f"{ACCOUNT}/reject", accounts.reject, accounts.REJECT),
    Endpoint("GET", f"{ACCOUNT}/capabilities", capabilities.list_capabilities),
    Endpoint("GET", f"{ACCOUNT}/capabilities/{{capability}}", capabilities.retrieve),
    Endpoint("POST", f"{ACCOUNT}/capabilities/{{capability}}", capabilities.update, capabilities.UPDATE),
    Endpoint("POST", f"{ACCOUNT}/external_accounts", bank_endpoints.create, bank_endpoints.CREATE),
    Endpoint("GET", f"{ACCOUNT}/external_accounts", bank_endpoints.list_banks, bank_endpoints.LIST),
    Endpoint("GET", f"{ACCOUNT}/external_accounts/{{id}}", bank_endpoints.retrieve),
    Endpoint("POST", f"{ACCOUNT}/external_accounts/{{id}}", bank_endpoints.update, bank_endpoints.UPDATE),
    Endpoint("DELETE", f"{ACCOUNT}/external_accounts/{{id}}", bank_endpoints.delete),
    Endpoint("POST", f"{ACCOUNT}/login_links", onboarding.create_login_link),
    Endpoint("POST", "/v1/account_links", onboarding.create_link, onboarding.CREATE_LINK),
)

WEBHOOKS = (
    Endpoint("GET", "/v1/events", events.list_events, events.LIST),
    Endpoint("GET", "/v1/events/{event}", events.retrieve),
    Endpoint("POST", "/v1/webhook_endpoints", webhook_endpoints.create, webhook_endpoints.CREATE),
    Endpoint("GET", "/v1/webhook_endpoints", webhook_endpoints.list_endpoints, webhook_endpoints.LIST),
    Endpoint("GET", "/v1/webhook_endpoints/{webhook_endpoint}", webhook_endpoints.retrieve),
    Endpoint(
        "POST", "/v1/webhook_endpoints/{webhook_endpoint}", webhook_endpoints.update, webhook_endpoints.UPDATE
    ),
    Endpoint("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}", webhook_endpoints.delete),
)

ENDPOINTS = (*PAYMENTS, *MONEY, *TOPUPS, *CONNECT, *WEBHOOKS)
