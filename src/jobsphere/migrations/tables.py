"""Every table there is: importing this fills ``schema.metadata``."""

from jobsphere.audit import tables as audit
from jobsphere.deposits import tables as deposits
from jobsphere.disputes import tables as disputes
from jobsphere.idempotency import tables as idempotency
from jobsphere.identity import tables as identity
from jobsphere.ledger import tables as ledger
from jobsphere.marketplace import tables as marketplace
from jobsphere.notifications import tables as notifications
from jobsphere.payout_accounts import tables as payout_accounts
from jobsphere.reconciliation import tables as reconciliation
from jobsphere.refunds import tables as refunds
from jobsphere.schema import metadata
from jobsphere.stripe_gateway import tables as stripe_gateway
from jobsphere.wallets import tables as wallets
from jobsphere.webhooks import tables as webhooks
from jobsphere.withdrawals import tables as withdrawals

FOLDERS = (
    audit,
    deposits,
    disputes,
    idempotency,
    identity,
    ledger,
    marketplace,
    notifications,
    refunds,
    payout_accounts,
    reconciliation,
    stripe_gateway,
    wallets,
    webhooks,
    withdrawals,
)

__all__ = ["FOLDERS", "metadata"]
