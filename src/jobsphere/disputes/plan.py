"""Which money is frozen for a dispute, in which order (lifecycle.md section 8). Computes only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from jobsphere.money import Money


@dataclass(frozen=True, slots=True)
class Held:
    """Money that waits in the escrow of an offer."""

    offer_id: UUID
    amount: Money


@dataclass(frozen=True, slots=True)
class Plan:
    """``withdraw`` these open offers, then freeze ``from_wallet``, then so much ``from_escrow`` of each job.

    ``missing`` is what nobody holds any more.
    """

    withdraw: tuple[UUID, ...]
    from_wallet: Money
    from_escrow: tuple[Held, ...]
    missing: Money


def wanted(asked: Money, paid: Money, returned: Money) -> Money:
    """How much a dispute may freeze: what it asks for, but no more than is left of what was paid.

    ``returned`` went back by refunds, or is frozen or lost by other disputes of the same payment.
    """
    return min(asked, max(paid - returned, Money.zero(paid.currency)))


def plan(amount: Money, available: Money, open_offers: Iterable[Held], accepted: Iterable[Held]) -> Plan:
    """The wallet first, then open offers, then jobs under way; both lists newest first.

    An open offer is withdrawn whole, and its money is frozen in the wallet as far as it is needed. Earnings of a
    contractor for a completed job stay with the contractor.
    """
    withdraw, in_wallet = list[UUID](), available
    for offer in open_offers:
        if in_wallet >= amount:
            break
        withdraw.append(offer.offer_id)
        in_wallet += offer.amount
    from_wallet = min(amount, in_wallet)
    from_escrow = _fill(amount - from_wallet, accepted)
    found = sum((held.amount for held in from_escrow), from_wallet)
    return Plan(tuple(withdraw), from_wallet, tuple(from_escrow), amount - found)


def _fill(amount: Money, accepted: Iterable[Held]) -> Sequence[Held]:
    filled = []
    for held in accepted:
        if part := min(held.amount, amount):
            filled.append(Held(held.offer_id, part))
            amount -= part
    return filled
