"""A payout account as we know it: what Stripe last said, and what became of its bank account. No I/O."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from jobsphere.payout_accounts.standing import AccountState, Standing, bank_for, by_state, standing
from jobsphere.stripe_gateway.objects import Account, BankAccount


@dataclass(frozen=True, slots=True)
class PayoutAccount:
    """A contractor's account at Stripe; the bank account is the last known one, also when it is removed."""

    account_id: str
    wallet_id: UUID
    opened_at: datetime
    state: AccountState = AccountState.INCOMPLETE
    seen_at: datetime | None = None
    country: str | None = None
    default_currency: str | None = None
    transfers: str | None = None
    payouts_enabled: bool = False
    details_submitted: bool = False
    disabled_reason: str | None = None
    currently_due: tuple[str, ...] = ()
    bank_id: str | None = None
    bank_fingerprint: str | None = None
    bank_last4: str | None = None
    bank_name: str | None = None
    bank_changed_at: datetime | None = None

    @property
    def standing(self) -> Standing:
        """The state with its explanation and next step."""
        return by_state(self.state)

    def held_until(self, wait: timedelta) -> datetime | None:
        """Until when nothing is withdrawn, because the bank account was changed; None if it never was."""
        return None if self.bank_changed_at is None else self.bank_changed_at + wait

    def is_newer_than(self, seen_at: datetime) -> bool:
        """Whether we know something that was asked after ``seen_at``."""
        return self.seen_at is not None and self.seen_at > seen_at


@dataclass(frozen=True, slots=True)
class Change:
    """What a look at Stripe changed."""

    after: PayoutAccount
    state_changed: bool
    bank_changed: bool


def seen(before: PayoutAccount, account: Account, currency: str, at: datetime) -> Change:
    """Stripe says that the account is like this, asked at ``at``."""
    now = standing(account, currency).state
    bank = bank_for(account, currency)
    changed = bank is not None and before.bank_id is not None and not _is_same(before, bank)
    after = replace(
        before,
        state=now,
        seen_at=at,
        country=account.country,
        default_currency=account.default_currency,
        transfers=account.transfers,
        payouts_enabled=account.payouts_enabled,
        details_submitted=account.details_submitted,
        disabled_reason=account.disabled_reason,
        currently_due=account.currently_due,
        bank_changed_at=at if changed else before.bank_changed_at,
    )
    if bank is not None:
        after = replace(
            after,
            bank_id=bank.id,
            bank_fingerprint=bank.fingerprint,
            bank_last4=bank.last4,
            bank_name=bank.bank_name,
        )
    return Change(after, now is not before.state, changed)


def disconnected(before: PayoutAccount, at: datetime) -> Change:
    """Stripe gives us no access any more: nothing can be paid there, whatever we knew."""
    after = replace(before, state=AccountState.DISCONNECTED, seen_at=at, transfers=None, payouts_enabled=False)
    return Change(after, before.state is not AccountState.DISCONNECTED, bank_changed=False)


def _is_same(before: PayoutAccount, bank: BankAccount) -> bool:
    """The same account number entered again is no change, though Stripe gives it another id."""
    if before.bank_fingerprint is None or bank.fingerprint is None:
        return before.bank_id == bank.id
    return before.bank_fingerprint == bank.fingerprint
