"""The part of the table of problems that tells why a contractor cannot withdraw, or reach the payout account."""

from jobsphere.payout_accounts.open import (
    CountryNotSupported,
    NoDashboardYet,
    PasswordNeeded,
    SettlesInOtherCurrency,
)
from jobsphere.web.problem import Problem
from jobsphere.withdrawals.bank_minimums import BelowBankMinimum
from jobsphere.withdrawals.checks import BankAccountRefused, NotOnboarded
from jobsphere.withdrawals.policy import BankAccountTooNew, DailyLimitReached
from jobsphere.withdrawals.switch import WithdrawalsPaused

PROBLEMS: dict[type[Exception], Problem] = {
    PasswordNeeded: Problem(
        403,
        "password_needed",
        "Password needed",
        "The bank account can be changed on that page. Send your password with the request.",
    ),
    NoDashboardYet: Problem(
        409,
        "no_dashboard_yet",
        "No dashboard yet",
        "Open and complete your payout account first: POST /api/wallet/connect.",
    ),
    CountryNotSupported: Problem(
        422,
        "country_not_supported",
        "Country not supported",
        "Payout accounts cannot be opened in this country. Check the two letters, or contact support.",
    ),
    SettlesInOtherCurrency: Problem(
        422,
        "account_in_other_currency",
        "Payout account in another currency",
        "A payout account in this country is kept in {error.account_currency}, and this platform pays in "
        "{error.platform_currency}. No account was opened. Choose another country, or contact support.",
    ),
    BankAccountRefused: Problem(
        409,
        "bank_account_refused",
        "Bank account refused",
        "Your bank sent money back. Enter another bank account at Stripe (POST /api/wallet/connect) first.",
    ),
    BelowBankMinimum: Problem(
        422,
        "below_bank_minimum",
        "Too little for the bank",
        "Less than {error.minimum} cannot be sent to a bank in {error.country}. Choose more.",
    ),
    WithdrawalsPaused: Problem(
        409,
        "withdrawals_paused",
        "Withdrawals paused",
        "The platform takes no new withdrawals at the moment. Your money is safe in your wallet; try again later.",
    ),
    BankAccountTooNew: Problem(
        409,
        "bank_account_too_new",
        "Bank account changed",
        "Your bank account was changed. For your safety nothing is withdrawn before "
        "{error.until:%Y-%m-%d %H:%M} UTC.",
    ),
    DailyLimitReached: Problem(
        409,
        "daily_limit_reached",
        "Daily limit reached",
        "This is more than may be withdrawn within 24 hours. {error.advice}.",
    ),
    NotOnboarded: Problem(
        409,
        "not_onboarded",
        "Payout account missing",
        "Open and complete your payout account first: POST /api/wallet/connect.",
    ),
}
