"""What a contractor is told of their payout account. Rules only."""

from datetime import datetime
from uuid import UUID

from jobsphere.notifications.notice import Notice, NoticeType
from jobsphere.payout_accounts.account import Change, PayoutAccount
from jobsphere.payout_accounts.standing import AccountState

_TITLES = {
    AccountState.ACTION_NEEDED: "Payout account needs attention",
    AccountState.BANK_ACCOUNT_MISSING: "Payout account needs a bank account",
    AccountState.READY: "Payout account ready",
    AccountState.OTHER_CURRENCY: "Payout account in another currency",
    AccountState.STOPPED: "Payout account stopped",
    AccountState.DISCONNECTED: "Payout account disconnected",
}


def notices(before: PayoutAccount, change: Change, user_id: UUID) -> list[Notice]:
    """A change of state that the contractor would not expect, and every change of the bank account."""
    told = []
    if change.state_changed and (change.after.state in _TITLES or before.state is AccountState.READY):
        told.append(_state_changed(change.after, user_id))
    if change.bank_changed:
        told.append(_bank_changed(change.after, user_id))
    return told


def _state_changed(account: PayoutAccount, user_id: UUID) -> Notice:
    return Notice(
        # It may change to and fro within a second, and each change is told.
        reference=f"account:{account.account_id}:{account.state}:{_at(account.seen_at)}",
        user_id=user_id,
        type=NoticeType.ACCOUNT_UPDATED,
        title=_TITLES.get(account.state, "Payout account being checked"),
        body=account.standing.explanation,
        data={"accountId": account.account_id, "state": account.state.value},
    )


def _bank_changed(account: PayoutAccount, user_id: UUID) -> Notice:
    return Notice(
        reference=f"account:{account.account_id}:bank:{account.bank_id}:{_at(account.bank_changed_at)}",
        user_id=user_id,
        type=NoticeType.BANK_ACCOUNT_CHANGED,
        title="Bank account changed",
        body=(
            f"Withdrawals go to the bank account that ends in {account.bank_last4} from now on. For your safety "
            "nothing is withdrawn for a while. If it was not you who changed it, contact support at once."
        ),
        data={"accountId": account.account_id},
    )


def _at(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
