"""From what happened to what the client is told: one table for the whole of JobSphere."""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import ClientDisconnect

from jobsphere import database, money
from jobsphere.deposits.lifecycle import NoOtherCardPossible
from jobsphere.deposits.pace import CardFailedTooOften, TooManyPayments
from jobsphere.deposits.saved_cards import CardNotFound, NoDefaultCard
from jobsphere.deposits.store import DepositNotFound
from jobsphere.disputes.answer import NotAnswerable
from jobsphere.disputes.store import DisputeNotFound
from jobsphere.disputes.warnings import WarningNotFound
from jobsphere.idempotency.keys import IdempotencyKeyInUse, IdempotencyKeyReused
from jobsphere.identity import people
from jobsphere.marketplace import refusals
from jobsphere.notifications.inbox import NotificationNotFound
from jobsphere.refunds.request import MoreThanRefundable, NotRefundable
from jobsphere.refunds.store import RefundNotFound
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.signature import WrongSignature
from jobsphere.wallets import freezes, wallet
from jobsphere.wallets.limits import AmountOutOfLimits
from jobsphere.web import auth, bodies, idempotency, limits
from jobsphere.web.problem import Problem
from jobsphere.web.routes.wallet import InvalidCursor
from jobsphere.web.withdrawal_errors import PROBLEMS as WITHDRAWAL_PROBLEMS
from jobsphere.webhooks.replay import EventNotParked, NothingSelected, TooManyEvents
from jobsphere.withdrawals.cancel import NotCancelable
from jobsphere.withdrawals.review import NotHeld
from jobsphere.withdrawals.store import WithdrawalNotFound

_SOON = {"Retry-After": "1"}
_LATER = {"Retry-After": "5"}
BUSY = Problem(
    503,
    "busy",
    "Busy",
    "Somebody else is changing the same thing. Repeat the request in a moment, with the same "
    "Idempotency-Key if it moves money.",
    _SOON,
)
DATABASE_UNAVAILABLE = Problem(
    503,
    "database_unavailable",
    "Not available",
    "JobSphere cannot reach its database at the moment. Repeat the request in a few seconds, "
    "with the same Idempotency-Key if it moves money.",
    _LATER,
)
INTERNAL_ERROR = Problem(
    500,
    "internal_error",
    "Internal error",
    "Something went wrong on our side. If you ask about it, give the X-Request-Id of this answer.",
)
INVALID_REQUEST = Problem(
    422, "invalid_request", "Invalid request", "Correct the fields listed in errors and send the request again."
)


class NotReady(Exception):
    """This process cannot serve requests yet, or for the moment."""


# One row is all that an exception needs. Subclasses share the row of the nearest class listed.
PROBLEMS: dict[type[Exception], Problem] = {
    **WITHDRAWAL_PROBLEMS,
    bodies.InvalidJson: Problem(
        400,
        "invalid_json",
        "Invalid JSON",
        "Send one JSON object in UTF-8, without repeated names, NaN, Infinity or deep nesting.",
    ),
    bodies.WrongContentType: Problem(
        415,
        "unsupported_media_type",
        "Unsupported media type",
        "Send the body as JSON, with the header Content-Type: application/json.",
    ),
    limits.BodyTooLarge: Problem(
        413,
        "body_too_large",
        "Body too large",
        "Send a body of at most {error.bytes_max} bytes.",
        # The rest of the body is not read: the connection cannot carry another request.
        {"Connection": "close"},
    ),
    ClientDisconnect: Problem(400, "client_disconnected", "Disconnected", "Send the whole body."),
    auth.NotSignedIn: Problem(
        401,
        "not_signed_in",
        "Not signed in",
        "Sign in with POST /api/auth/login and send its token as Authorization: Bearer.",
        {"WWW-Authenticate": "Bearer"},
    ),
    auth.NotAllowed: Problem(
        403, "not_allowed", "Not allowed", "Sign in as somebody whose role may do this; yours may not."
    ),
    people.WrongCredentials: Problem(
        401,
        "wrong_credentials",
        "Wrong credentials",
        "Check the e-mail address and the password; they do not belong together.",
        {"WWW-Authenticate": "Bearer"},
    ),
    people.EmailTaken: Problem(
        409, "email_taken", "E-mail address taken", "Sign in instead, or register with another e-mail address."
    ),
    money.NotAnAmount: Problem(
        422, "invalid_amount", "Invalid amount", "Write the amount as a plain decimal number, such as 19.99."
    ),
    money.TooManyDecimals: Problem(
        422,
        "too_many_decimals",
        "Too many decimals",
        "Write the amount with fewer decimals: {error}.",
    ),
    money.NotPayable: Problem(
        422, "amount_not_payable", "Amount not payable", "Choose an amount that cards and banks can move: {error}."
    ),
    AmountOutOfLimits: Problem(
        422,
        "amount_out_of_limits",
        "Amount out of limits",
        "Choose an amount from {error.limits.minimum} to {error.limits.maximum}.",
    ),
    wallet.InsufficientFunds: Problem(
        409,
        "insufficient_funds",
        "Insufficient funds",
        "Your wallet does not hold this much. GET /api/wallet shows the balance; choose less, or add money first.",
    ),
    freezes.WalletFrozen: Problem(
        403,
        "wallet_frozen",
        "Wallet frozen",
        "The wallet cannot be used for this at the moment; GET /api/wallet shows until when. "
        "Please contact support.",
    ),
    freezes.FreezeNotFound: Problem(
        404, "freeze_not_found", "Freeze not found", "GET /api/admin/freezes lists those in force."
    ),
    freezes.FreezeWithoutLength: Problem(
        422, "freeze_without_length", "Freeze without length", "Choose times that are still to come."
    ),
    wallet.WalletInactive: Problem(
        403, "wallet_inactive", "Wallet closed", "This wallet is closed. Please contact support."
    ),
    wallet.OtherCurrency: Problem(
        409,
        "other_currency",
        "Other currency",
        "This wallet, or the other person's, holds another currency than the platform. Please contact support.",
    ),
    wallet.WalletNotFound: Problem(404, "wallet_not_found", "Wallet not found", "Check the id of the wallet."),
    NotCancelable: Problem(
        409,
        "withdrawal_not_cancelable",
        "Withdrawal not cancelable",
        "It is being sent or is over, so it cannot be canceled any more; GET it to see how far it is.",
    ),
    NotHeld: Problem(
        409,
        "withdrawal_not_held",
        "Withdrawal not held for review",
        "It does not wait for a review: somebody decided already, or its owner canceled it.",
    ),
    TooManyPayments: Problem(
        429,
        "too_many_payments",
        "Too many payments",
        "You have tried {error.at_most} payments within an hour. Try again later.",
    ),
    CardFailedTooOften: Problem(
        429,
        "card_failed_too_often",
        "Card failed too often",
        "This card failed {error.at_most} times within a day. Use another card, or try again tomorrow.",
    ),
    CardNotFound: Problem(404, "card_not_found", "Card not found", "GET /api/wallet/cards lists your cards."),
    NoDefaultCard: Problem(
        409,
        "no_default_card",
        "No default card",
        "Name a payment method, or choose a default card first.",
    ),
    NoOtherCardPossible: Problem(
        409,
        "no_other_card_possible",
        "No other card possible",
        "This deposit is over, or is being paid at this moment. Look at it again, or start a new one.",
    ),
    people.WrongPassword: Problem(
        403, "wrong_password", "Wrong password", "Give the password with which you sign in; this is another one."
    ),
    DepositNotFound: Problem(404, "deposit_not_found", "Deposit not found", "Check the id of the deposit."),
    RefundNotFound: Problem(404, "refund_not_found", "Refund not found", "Check the id of the refund."),
    DisputeNotFound: Problem(404, "dispute_not_found", "Dispute not found", "GET /api/admin/disputes lists them."),
    WarningNotFound: Problem(
        404, "fraud_warning_not_found", "Warning not found", "GET /api/admin/fraud-warnings lists those there are."
    ),
    NotAnswerable: Problem(
        409,
        "dispute_not_answerable",
        "Not answerable",
        "The dispute takes no answer ({error.state}). Evidence is given once and before the bank has decided; "
        "an inquiry is accepted by a refund.",
    ),
    NotRefundable: Problem(
        409,
        "not_refundable",
        "Not refundable",
        "Nothing of this deposit can be refunded now ({error.reason}). The quote of the refund says when it can.",
    ),
    MoreThanRefundable: Problem(
        422,
        "more_than_refundable",
        "More than refundable",
        "Choose an amount of at most {error.refundable}, as the quote of the refund says.",
    ),
    WithdrawalNotFound: Problem(
        404, "withdrawal_not_found", "Withdrawal not found", "Check the id of the withdrawal."
    ),
    refusals.JobNotFound: Problem(404, "job_not_found", "Job not found", "GET /api/jobs lists those you may see."),
    refusals.OfferNotFound: Problem(404, "offer_not_found", "Offer not found", "GET /api/offers lists yours."),
    refusals.ContractorNotFound: Problem(
        404, "contractor_not_found", "Contractor not found", "GET /api/contractors lists those who take jobs."
    ),
    refusals.JobNotOpen: Problem(
        409,
        "job_not_open",
        "Job not open",
        "The job is {error.state}. Offers are sent and accepted, and a job is closed, only while it is open.",
    ),
    refusals.JobNotAssigned: Problem(
        409,
        "job_not_assigned",
        "Job not assigned",
        "The job is {error.state}. Only a job with an accepted offer can be completed, and only once.",
    ),
    refusals.OfferNotOpen: Problem(
        409, "offer_not_open", "Offer not open", "The offer is {error.state}. It cannot be answered again."
    ),
    refusals.OfferExpired: Problem(
        409, "offer_expired", "Offer expired", "The offer has expired; the job needs a new one."
    ),
    NotificationNotFound: Problem(
        404, "notification_not_found", "Notification not found", "GET /api/notifications lists yours."
    ),
    InvalidCursor: Problem(
        400,
        "invalid_cursor",
        "Invalid cursor",
        "Use the nextCursor of the page before, or none.",
    ),
    WrongSignature: Problem(
        400,
        "wrong_signature",
        "Wrong signature",
        "Sign the body with the secret of this endpoint, with a timestamp of the last five minutes.",
    ),
    EventNotParked: Problem(
        404, "event_not_parked", "Event not parked", "GET /api/admin/webhook-events/parked lists those there are."
    ),
    NothingSelected: Problem(
        422, "nothing_selected", "Nothing selected", "Name an event, a type or a time: never everything is meant."
    ),
    TooManyEvents: Problem(
        422, "too_many_events", "Too many events", "More than 10,000 events fit. Name a type or a shorter time."
    ),
    OutcomeUnknown: Problem(
        503,
        "payment_provider_unreachable",
        "Payment provider unreachable",
        "The payment provider does not answer at the moment. Repeat the request in a few seconds.",
        _LATER,
    ),
    Refused: Problem(
        502,
        "payment_provider_refused",
        "Payment provider refused",
        "The payment provider refused this. Check what you sent; if it is right, please contact support.",
    ),
    StripeMisconfigured: Problem(
        503,
        "payment_provider_misconfigured",
        "Payment provider misconfigured",
        "The platform cannot use its payment provider at the moment. Nothing was changed; try again later.",
    ),
    idempotency.InvalidIdempotencyKey: Problem(
        400,
        "invalid_idempotency_key",
        "Invalid Idempotency-Key",
        "Send one Idempotency-Key of 1 to 255 visible ASCII characters, or none.",
    ),
    IdempotencyKeyReused: Problem(
        422,
        "idempotency_key_reused",
        "Idempotency-Key reused",
        "This Idempotency-Key was used with another body. Use a new key for a new request.",
    ),
    IdempotencyKeyInUse: Problem(
        409,
        "idempotency_key_in_use",
        "Idempotency-Key in use",
        "A request with this Idempotency-Key is still running. Repeat it in a moment to get its answer.",
        _SOON,
    ),
    database.Busy: BUSY,
    database.RunAgain: BUSY,
    database.CommitOutcomeUnknown: Problem(
        503,
        "outcome_unknown",
        "Outcome unknown",
        "It may have been done or not. Repeat the request with the same Idempotency-Key to find out.",
        _SOON,
    ),
    PoolTimeout: DATABASE_UNAVAILABLE,
    # While connecting, asyncpg raises the operating system's errors as they are.
    OSError: DATABASE_UNAVAILABLE,
    NotReady: Problem(
        503, "not_ready", "Not ready", "Ask again in a few seconds; the database does not answer.", _LATER
    ),
}

# What the framework refuses by itself, by status.
REFUSED_BY_FRAMEWORK = {
    404: Problem(404, "not_found", "Not found", "Check the path; /docs lists those that exist."),
    405: Problem(405, "method_not_allowed", "Method not allowed", "Use one of the methods in Allow."),
}

_SERVER_GONE = ("08", "57P0", "53300")
_HELD_UP = ("40001", "40P01", "55P03", "57014")


def problem_for(error: Exception) -> Problem:
    """The row of the error's class or of the nearest class above it; ``internal_error`` without one."""
    for above in type(error).__mro__:
        if above in PROBLEMS:
            return PROBLEMS[above]
    return _database_problem(error)


def _database_problem(error: Exception) -> Problem:
    is_cut_off = isinstance(error, DBAPIError) and error.connection_invalidated
    # While connecting, SQLAlchemy lets the driver's own errors through.
    code = str(database.sqlstate(error) or getattr(error, "sqlstate", ""))
    if is_cut_off or code.startswith(_SERVER_GONE):
        return DATABASE_UNAVAILABLE
    return BUSY if code in _HELD_UP else INTERNAL_ERROR
