"""The calls of a withdrawal that move money at Stripe, each to be sent once, and how each is found again."""

from functools import partial
from typing import Any

from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.objects import Payout, Reversal, Transfer
from jobsphere.stripe_gateway.once import Once
from jobsphere.withdrawals.withdrawal import Withdrawal


def transfer(gateway: StripeGateway, withdrawal: Withdrawal) -> Once[Transfer]:
    """From the platform's balance to the connected account's; found by its transfer group."""
    create = partial(
        gateway.create_transfer,
        amount=withdrawal.amount,
        account_id=withdrawal.account_id,
        withdrawal_id=withdrawal.id,
        key=withdrawal.transfer_key,
    )
    return Once(withdrawal.transfer_key, create, lambda _: gateway.find_transfer(withdrawal.id))


def payout(gateway: StripeGateway, withdrawal: Withdrawal) -> Once[Payout]:
    """From the connected account to its bank; found among those created since, by its metadata."""
    named: dict[str, Any] = {
        "account_id": withdrawal.account_id,
        "withdrawal_id": withdrawal.id,
        "attempt": withdrawal.payout_attempt,
    }
    return Once(
        withdrawal.payout_key,
        lambda: gateway.create_payout(amount=withdrawal.amount, key=withdrawal.payout_key, **named),
        lambda since: gateway.find_payout(created_from=since, **named),
    )


def reversal(gateway: StripeGateway, withdrawal: Withdrawal, transfer_id: str) -> Once[Reversal]:
    """The transfer back to the platform; found among the transfer's reversals."""
    amount, key = withdrawal.amount, withdrawal.reversal_key
    return Once(
        key,
        lambda: gateway.reverse_transfer(transfer_id, amount=amount, key=key),
        lambda _: gateway.find_reversal(transfer_id, amount=amount),
    )
