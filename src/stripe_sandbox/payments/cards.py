"""The test cards: their numbers, the tokens that stand for them, and how each behaves. Pure data and rules."""

from dataclasses import dataclass
from enum import StrEnum


class Authentication(StrEnum):
    """When the card's bank wants the customer to authenticate."""

    NEVER = "never"
    ALWAYS = "always"
    UNLESS_SET_UP = "unless_set_up"  # with the customer present; without them, unless it was set up for that
    ON_SESSION = "on_session"  # with the customer present; it counts as set up already


class Aftermath(StrEnum):
    """What follows a successful payment."""

    NOTHING = "nothing"
    FRAUD_DISPUTE = "fraud_dispute"
    NOT_RECEIVED_DISPUTE = "not_received_dispute"
    INQUIRY = "inquiry"
    SEVERAL_DISPUTES = "several_disputes"
    FRAUD_WARNING = "fraud_warning"


class RefundCourse(StrEnum):
    """What becomes of a refund to the card."""

    SUCCEEDS = "succeeds"
    PENDING_FIRST = "pending_first"
    FAILS_LATER = "fails_later"


@dataclass(frozen=True, slots=True)
class Decline:
    """A refusal by the card's bank, or by Stripe on its behalf."""

    code: str
    decline_code: str
    message: str = "Your card was declined."
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A test card. ``may_be_saved`` is false for those declined already when saved to a customer."""

    number: str
    tokens: tuple[str, ...]
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None
    may_be_saved: bool = True
    authentication: Authentication = Authentication.NEVER
    available_at_once: bool = False
    refunds: RefundCourse = RefundCourse.SUCCEEDS
    aftermath: Aftermath = Aftermath.NOTHING
    blocked: bool = False

    @property
    def is_set_up(self) -> bool:
        """Whether the card counts as set up for later payments without anybody having done it."""
        return self.authentication is Authentication.ON_SESSION

    def must_authenticate(self, *, off_session: bool, set_up: bool) -> bool:
        """Whether a payment needs the customer's authentication."""
        if not off_session or self.authentication is Authentication.ALWAYS:
            return self.authentication is not Authentication.NEVER
        return self.authentication is Authentication.UNLESS_SET_UP and not set_up


def _declined(decline_code: str) -> Decline:
    return Decline("card_declined", decline_code)


GENERIC = _declined("generic_decline")
INSUFFICIENT_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.", "exp_month")
INCORRECT_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "cvc")
PROCESSING_ERROR = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
NOT_A_TEST_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. The request was in test mode, but the card is not a test card.",
    "number",
)


def _refused(number: str, decline: Decline, *tokens: str) -> Card:
    return Card(number, tokens, decline=decline, may_be_saved=False)


_GOOD = (
    Card("4242424242424242", ("pm_card_visa", "pm_card_us")),
    Card("4000056655665556", ("pm_card_visa_debit",), funding="debit"),
    Card("5555555555554444", ("pm_card_mastercard",), brand="mastercard"),
    Card("5200828282828210", ("pm_card_mastercard_debit",), brand="mastercard", funding="debit"),
    Card("5105105105105100", ("pm_card_mastercard_prepaid",), brand="mastercard", funding="prepaid"),
    Card("378282246310005", ("pm_card_amex", "pm_card_threeDSecureNotSupported"), brand="amex"),
    Card("3056930009020004", ("pm_card_diners",), brand="diners"),
    Card("3566002020360505", ("pm_card_jcb",), brand="jcb"),
    Card("6200000000000005", ("pm_card_unionpay",), brand="unionpay"),
    Card("4000001240000000", ("pm_card_ca",), country="CA"),
    Card("4000008260000000", ("pm_card_gb",), country="GB"),
    Card("4000002760000016", ("pm_card_de",), country="DE"),
    Card("4000002500000003", ("pm_card_fr",), country="FR"),
    Card("6011111111111117", ("pm_card_discover",), brand="discover"),
    Card("4000000000000077", ("pm_card_bypassPending",), available_at_once=True),
    Card("4000003720000278", ("pm_card_bypassPendingInternational",), country="IE", available_at_once=True),
)
_DECLINED = (
    _refused("4000000000000002", GENERIC, "pm_card_visa_chargeDeclined", "pm_card_chargeDeclined"),
    _refused(
        "4000000000009995",
        INSUFFICIENT_FUNDS,
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "pm_card_chargeDeclinedInsufficientFunds",
    ),
    _refused("4000000000009987", _declined("lost_card"), "pm_card_visa_chargeDeclinedLostCard"),
    _refused("4000000000009979", _declined("stolen_card"), "pm_card_visa_chargeDeclinedStolenCard"),
    _refused("4000000000000069", EXPIRED, "pm_card_chargeDeclinedExpiredCard"),
    _refused("4000000000000127", INCORRECT_CVC, "pm_card_chargeDeclinedIncorrectCvc"),
    _refused("4000000000000119", PROCESSING_ERROR, "pm_card_chargeDeclinedProcessingError"),
    _refused(
        "4000000000006975",
        _declined("card_velocity_exceeded"),
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
    ),
    Card("4000000000000341", ("pm_card_chargeCustomerFail", "pm_card_visa_chargeCustomerFail"), decline=GENERIC),
    Card("4100000000000019", ("pm_card_radarBlock",), decline=_declined("fraudulent"), blocked=True),
)
_AUTHENTICATED = (
    Card(
        "4000002500003155",
        ("pm_card_authenticationRequiredOnSetup",),
        country="FR",
        authentication=Authentication.UNLESS_SET_UP,
    ),
    Card(
        "4000003800000446",
        ("pm_card_authenticationRequiredSetupForOffSession",),
        country="IE",
        authentication=Authentication.ON_SESSION,
    ),
    Card("4000000000003055", ("pm_card_threeDSecureOptional",)),
    Card("4000000000003063", ("pm_card_threeDSecureRequired",), authentication=Authentication.ALWAYS),
    Card(
        "4000002760003184", ("pm_card_authenticationRequired",), country="DE", authentication=Authentication.ALWAYS
    ),
    Card("4000000000003220", ("pm_card_threeDSecure2Required",), authentication=Authentication.ALWAYS),
    Card(
        "4000008400001629",
        ("pm_card_threeDSecureRequiredChargeDeclined",),
        authentication=Authentication.ALWAYS,
        decline=GENERIC,
    ),
    Card(
        "4000008260003178",
        ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",),
        authentication=Authentication.ALWAYS,
        decline=INSUFFICIENT_FUNDS,
    ),
)
_REFUNDED = (
    Card("4000000000007726", ("pm_card_pendingRefund",), refunds=RefundCourse.PENDING_FIRST),
    Card("4000000000005126", ("pm_card_refundFail",), refunds=RefundCourse.FAILS_LATER),
)

_DISPUTED = (
    Card("4000000000000259", ("pm_card_createDispute",), aftermath=Aftermath.FRAUD_DISPUTE),
    Card(
        "4000000000002685",
        ("pm_card_createDisputeProductNotReceived",),
        aftermath=Aftermath.NOT_RECEIVED_DISPUTE,
    ),
    Card("4000000000001976", ("pm_card_createDisputeInquiry",), aftermath=Aftermath.INQUIRY),
    Card("4000000404000079", ("pm_card_createMultipleDisputes",), aftermath=Aftermath.SEVERAL_DISPUTES),
    Card("4000000000005423", ("pm_card_createIssuerFraudRecord",), aftermath=Aftermath.FRAUD_WARNING),
)

_ALL = (*_GOOD, *_DECLINED, *_AUTHENTICATED, *_REFUNDED, *_DISPUTED)
BY_NUMBER = {card.number: card for card in _ALL}
BY_TOKEN = {token: card for card in _ALL for token in card.tokens}


def passes_check_digit(number: str) -> bool:
    """Whether the last digit of a card number is the one that the others demand (Luhn)."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
