"""A person's wallet: balances, totals, and the transactions on it."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from fastapi.responses import JSONResponse

from jobsphere.database import reading
from jobsphere.identity.people import Role, User
from jobsphere.marketplace.read import balances_of
from jobsphere.money import Money
from jobsphere.wallets import freezes
from jobsphere.wallets.debts import Debt, debts_of
from jobsphere.wallets.transactions import Cursor, Transaction, list_transactions
from jobsphere.wallets.wallet import totals, wallet_of
from jobsphere.web.answers import answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import router
from jobsphere.web.context import CurrentContext

routes = router("wallet")

WalletOwner = Annotated[User, Depends(allow(Role.CUSTOMER, Role.CONTRACTOR))]
PageLimit = Annotated[int, Query(ge=1, le=100)]
PageCursor = Annotated[str | None, Query(max_length=200, description="`nextCursor` of the page before.")]


class InvalidCursor(Exception):
    """The cursor is not one that a page of ours gave."""


@routes.get("/api/wallet")
async def wallet(context: CurrentContext, caller: WalletOwner) -> JSONResponse:
    """Your balance, what is held for your offers, and what went through the wallet so far."""
    async with reading(context.engine) as connection:
        found = await wallet_of(connection, caller.id)
        frozen = await freezes.of(connection, found, now=context.clock.now())
        balances = (await balances_of(connection, [caller.id]))[caller.id]
        sums = await totals(connection, found)
        owed = await debts_of(connection, found.id)
    return answer(
        "Your wallet.",
        {
            "id": found.id,
            "balance": balances.available.to_major(),
            "escrowBalance": balances.escrow.to_major(),
            "debt": sum((one.open for one in owed), Money.zero(found.currency)).to_major(),
            "debts": [_debt_data(one) for one in owed],
            "currency": found.currency,
            "isActive": found.is_active,
            "isFrozen": bool(frozen),
            "freezes": [{"level": one.level.value, "endsAt": one.ends_at} for one in frozen],
            "totalEarnings": sums.earnings.to_major(),
            "totalSpent": sums.spent.to_major(),
            "totalWithdrawals": sums.withdrawals.to_major(),
            "stripeCustomerId": found.stripe_customer_id,
            "stripeConnectAccountId": found.stripe_connect_account_id,
            "stripeConnectOnboarded": found.stripe_connect_onboarded,
        },
    ).response()


@routes.get("/api/wallet/transactions")
async def transactions(
    context: CurrentContext, caller: WalletOwner, limit: PageLimit = 20, cursor: PageCursor = None
) -> JSONResponse:
    """Your transactions, newest first; `nextCursor` leads to older ones and is null at the end."""
    before = _read_cursor(cursor) if cursor else None
    async with reading(context.engine) as connection:
        found = await wallet_of(connection, caller.id)
        page = await list_transactions(connection, found.id, before=before, limit=limit)
    # A full page may be the last one; the next is empty then.
    next_cursor = _write_cursor(page[-1]) if len(page) == limit else None
    data = {"transactions": [transaction_data(one) for one in page], "nextCursor": next_cursor}
    return answer("Your transactions, newest first.", data).response()


def _debt_data(debt: Debt) -> dict[str, Any]:
    """A debt as JSON; ``originId`` is the refund or dispute that it comes from."""
    return {
        "id": debt.id,
        "origin": debt.origin.value,
        "originId": debt.origin_id,
        "amount": debt.amount.to_major(),
        "repaid": debt.repaid.to_major(),
        "open": debt.open.to_major(),
        "currency": debt.amount.currency,
        "createdAt": debt.created_at,
    }


def transaction_data(transaction: Transaction) -> dict[str, Any]:
    """A transaction as JSON; `from` and `to` are wallets, null for a card, a bank or the platform."""
    return {
        "id": transaction.id,
        "type": transaction.type.value,
        "amount": transaction.amount.to_major(),
        "currency": transaction.amount.currency,
        "from": transaction.from_wallet_id,
        "to": transaction.to_wallet_id,
        "status": transaction.status.value,
        "offerId": transaction.offer_id,
        "jobId": transaction.job_id,
        "description": transaction.description,
        "failureReason": transaction.failure_reason,
        "createdAt": transaction.created_at,
        "completedAt": transaction.completed_at,
        "stripePaymentIntentId": transaction.stripe_payment_intent_id,
        "stripeChargeId": transaction.stripe_charge_id,
        "stripeTransferId": transaction.stripe_transfer_id,
        "stripePayoutId": transaction.stripe_payout_id,
    }


def _write_cursor(last: Transaction) -> str:
    return base64.urlsafe_b64encode(f"{last.created_at.isoformat()} {last.id}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> Cursor:
    try:
        created_at, id_ = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(" ")
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None:
            raise InvalidCursor
        return Cursor(moment.astimezone(UTC), UUID(id_))
    except (ValueError, OverflowError, binascii.Error) as error:
        raise InvalidCursor from error
