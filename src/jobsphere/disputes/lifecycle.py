"""What can happen to a dispute. Rules only: they compute the next dispute, nothing is stored here.

What Stripe does: stripe.md section 6; what we do: lifecycle.md section 8; postings: design.md. A dispute is always
applied from what Stripe says of it now, so its events may come in any order, doubled, or not at all. Money is
booked from Stripe's balance transactions alone; what a dispute asks for only decides how much is frozen.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from jobsphere.disputes import notices
from jobsphere.ledger.accounts import (
    Account,
    dispute_contested,
    dispute_costs,
    dispute_frozen,
    offer_escrow,
    platform_losses,
    stripe_balance,
    wallet_available,
    wallet_debt,
)
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.money import Money
from jobsphere.notifications.notice import Notice
from jobsphere.stripe_gateway.dispute import Dispute as Report
from jobsphere.stripe_gateway.dispute import Movement


class DisputeState(StrEnum):
    """What is true of a dispute."""

    INQUIRY = "inquiry"  # the bank only asks; no money moved
    OPEN = "open"  # the bank took the money; evidence may be submitted until the deadline
    UNDER_REVIEW = "under_review"  # evidence was submitted; the bank decides
    DECIDED = "decided"  # the bank has decided; what follows from it has not moved at Stripe yet
    WON = "won"  # the money is back, and what was frozen is free again
    LOST = "lost"  # the money stays with the card's owner
    CLOSED = "closed"  # an inquiry that never became a dispute; no money moved


# The bank may still ask for, hold or return money.
UNDECIDED = frozenset({DisputeState.INQUIRY, DisputeState.OPEN, DisputeState.UNDER_REVIEW, DisputeState.DECIDED})
# Evidence can be given, or the dispute accepted.
ANSWERABLE = frozenset({DisputeState.INQUIRY, DisputeState.OPEN})
_STATES = {
    "warning_needs_response": DisputeState.INQUIRY,
    "warning_under_review": DisputeState.INQUIRY,
    "warning_closed": DisputeState.CLOSED,
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.UNDER_REVIEW,
    "appeal_needs_response": DisputeState.UNDER_REVIEW,
    "appeal_under_review": DisputeState.UNDER_REVIEW,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
    # The card's owner got the money back at once, so that no chargeback followed: to us it is lost.
    "prevented": DisputeState.LOST,
}


class Shortfall(StrEnum):
    """Who bears what a lost dispute takes beyond what was frozen."""

    DEBT = "debt"  # the customer owes it, and pays it from what comes in next
    PLATFORM = "platform"  # the platform


class PartState(StrEnum):
    """What became of frozen money."""

    FROZEN = "frozen"  # it waits for the bank's decision
    THAWED = "thawed"  # it is back where it came from
    TAKEN = "taken"  # it went to the card's owner


@dataclass(frozen=True, slots=True)
class Part:
    """Money frozen for a dispute; ``offer_id`` is whose escrow it came from, None for the wallet.

    ``position`` is the order in which parts were frozen, and in which they are taken.
    """

    position: int
    amount: Money
    offer_id: UUID | None = None
    state: PartState = PartState.FROZEN


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute of ``amount`` (the bank's figure) of a deposit.

    ``withdrawn`` and ``reinstated`` are what Stripe took and gave back; ``settled`` is what of it was borne by
    somebody, ``borne_by_customer`` of that by the customer. ``booked`` are the balance transactions in the ledger.
    """

    id: UUID
    stripe_dispute_id: str
    deposit_id: UUID
    user_id: UUID
    wallet_id: UUID
    amount: Money
    reason: str
    state: DisputeState
    withdrawn: Money
    reinstated: Money
    settled: Money
    borne_by_customer: Money
    created_at: datetime
    evidence_due_at: datetime | None = None
    is_frozen: bool = False
    booked: frozenset[str] = frozenset()
    parts: tuple[Part, ...] = ()

    @property
    def contested(self) -> Money:
        """What Stripe holds and nobody has borne yet: the balance of the dispute's contested account."""
        return self.withdrawn - self.reinstated - self.settled

    @property
    def frozen(self) -> Money:
        """What is frozen for it."""
        frozen = (part.amount for part in self.parts if part.state is PartState.FROZEN)
        return sum(frozen, Money.zero(self.amount.currency))


@dataclass(frozen=True, slots=True)
class Step:
    """What a look at Stripe leads to. The same dispute as before: nothing to store.

    ``needs_freeze``: money is to be frozen before anything else follows. ``debt`` is what the wallet came to owe.
    """

    dispute: Dispute
    entries: tuple[Entry, ...] = ()
    needs_freeze: bool = False
    debt: Money | None = None
    notices: tuple[Notice, ...] = ()


def new(report: Report, *, id_: UUID, deposit_id: UUID, user_id: UUID, wallet_id: UUID, now: datetime) -> Dispute:
    """A dispute of which nothing is booked yet."""
    nothing = Money.zero(report.amount.currency)
    return Dispute(
        id=id_,
        stripe_dispute_id=report.id,
        deposit_id=deposit_id,
        user_id=user_id,
        wallet_id=wallet_id,
        amount=report.amount,
        reason=report.reason,
        state=DisputeState.INQUIRY,
        withdrawn=nothing,
        reinstated=nothing,
        settled=nothing,
        borne_by_customer=nothing,
        created_at=now,
    )


def seen(dispute: Dispute, report: Report) -> Step:
    """Book what moved at Stripe, and go where the bank's decision leads; it is settled by ``settle``.

    What Stripe says now is newer than what we know, but for one thing: what is settled stays settled, until
    Stripe moves money again.
    """
    entries: list[Entry] = []
    after = replace(dispute, amount=report.amount, reason=report.reason, evidence_due_at=report.evidence_due_at)
    # Withdrawals first, so that nothing is given back before it was taken.
    for movement in sorted(report.movements, key=lambda one: one.amount.amount_minor > 0):
        if movement.id not in after.booked:
            after, entry = _book(after, movement)
            entries.extend(entry)
    after = replace(after, state=_state(dispute, after, report))
    moves_money = after.state in (DisputeState.OPEN, DisputeState.UNDER_REVIEW, DisputeState.DECIDED)
    takes_money = after.state is DisputeState.LOST and bool(after.contested)
    needs_freeze = (moves_money or takes_money) and not after.is_frozen and report.status != "won"
    return Step(after, tuple(entries), needs_freeze)


def froze(dispute: Dispute, parts: tuple[Part, ...]) -> Step:
    """This money is frozen for it; less than it asks for if there is no more."""
    frozen = replace(dispute, is_frozen=True, parts=parts)
    moves = tuple((_place(dispute, part), _frozen(dispute), part.amount) for part in parts)
    return Step(
        frozen,
        (_entry(dispute, "freeze", *moves),) if moves else (),
        notices=(notices.opened(frozen.id, frozen.user_id, frozen.amount, frozen.frozen),),
    )


def settle(dispute: Dispute, shortfall: Shortfall, live_offers: frozenset[UUID]) -> Step:
    """The bank has decided and the money has moved: take what was lost in order, and thaw the rest.

    ``live_offers`` are those whose job still waits for its money; what came from others goes to the wallet.
    Called again, it bears only what Stripe took since.
    """
    if dispute.state not in (DisputeState.WON, DisputeState.LOST) or not (dispute.contested or dispute.frozen):
        return Step(dispute)
    lost = dispute.contested
    taken, parts = _take(dispute, lost)
    rest = lost - taken
    contested = _contested(dispute)
    moves = [(_frozen(dispute), contested, taken)]
    owes = shortfall is Shortfall.DEBT
    bearer = wallet_debt(dispute.wallet_id, _currency(dispute)) if owes else platform_losses(_currency(dispute))
    moves.append((bearer, contested, rest))
    thawed = [part for part in reversed(parts) if part.state is PartState.THAWED and part not in dispute.parts]
    for part in thawed:
        home = part if part.offer_id in live_offers else replace(part, offer_id=None)
        moves.append((_frozen(dispute), _place(dispute, home), part.amount))
    debt = rest if owes and rest else None
    after = replace(
        dispute,
        parts=parts,
        settled=dispute.settled + lost,
        borne_by_customer=dispute.borne_by_customer + taken + (rest if owes else rest - rest),
    )
    # Named after the latest movement, so that money that Stripe takes later is borne once, too.
    fact = f"settle:{len(dispute.booked)}"
    return Step(after, (_entry(dispute, fact, *moves),), debt=debt)


def told(dispute: Dispute, before: Dispute, debt: Money | None) -> tuple[Notice, ...]:
    """What its customer is told of how it ended, once."""
    if dispute.state is before.state:
        return ()
    if dispute.state is DisputeState.WON:
        lost = dispute.settled
        return (notices.won(dispute.id, dispute.user_id, dispute.amount, lost),)
    if dispute.state is DisputeState.LOST:
        return (notices.lost(dispute.id, dispute.user_id, dispute.amount, debt),)
    return ()


def _state(before: Dispute, booked: Dispute, report: Report) -> DisputeState:
    state = _STATES.get(report.status, DisputeState.UNDER_REVIEW)
    if before.state in (DisputeState.WON, DisputeState.LOST) and state not in (
        DisputeState.WON,
        DisputeState.LOST,
    ):
        # An appeal: it is told again when it is decided; what was borne is borne until then.
        return before.state
    if state is DisputeState.WON and booked.withdrawn and not booked.reinstated:
        return DisputeState.DECIDED
    if state is DisputeState.LOST and not booked.withdrawn:
        return DisputeState.DECIDED
    return state


def _book(dispute: Dispute, movement: Movement) -> tuple[Dispute, tuple[Entry, ...]]:
    booked = replace(dispute, booked=dispute.booked | {movement.id})
    if movement.amount.amount_minor < 0:
        amount = -movement.amount
        moves = [(_contested(dispute), _stripe(dispute), amount), *_fee(dispute, movement)]
        return replace(booked, withdrawn=dispute.withdrawn + amount), _entries(
            dispute, f"withdrawn:{movement.id}", moves
        )
    contested = min(movement.amount, dispute.contested)
    # More than is contested comes back after it was borne: to whom bore it, the customer first.
    customer = min(movement.amount - contested, dispute.borne_by_customer)
    platform = movement.amount - contested - customer
    available = wallet_available(dispute.wallet_id, _currency(dispute))
    moves = [
        (_stripe(dispute), _contested(dispute), contested),
        (_stripe(dispute), available, customer),
        (_stripe(dispute), platform_losses(_currency(dispute)), platform),
        *_fee(dispute, movement),
    ]
    after = replace(
        booked,
        reinstated=dispute.reinstated + movement.amount,
        settled=dispute.settled - customer - platform,
        borne_by_customer=dispute.borne_by_customer - customer,
    )
    return after, _entries(dispute, f"reinstated:{movement.id}", moves)


def _fee(dispute: Dispute, movement: Movement) -> list[tuple[Account, Account, Money]]:
    costs = dispute_costs(_currency(dispute))
    if movement.fee.amount_minor < 0:
        return [(_stripe(dispute), costs, -movement.fee)]
    return [(costs, _stripe(dispute), movement.fee)]


def _take(dispute: Dispute, lost: Money) -> tuple[Money, tuple[Part, ...]]:
    """Parts in order until ``lost`` is reached; one that is taken only in part is split, the rest thawed."""
    taken, parts = Money.zero(_currency(dispute)), list[Part]()
    position = len(dispute.parts)
    for part in dispute.parts:
        if part.state is not PartState.FROZEN:
            parts.append(part)
            continue
        takes = min(part.amount, lost - taken)
        taken += takes
        if takes:
            parts.append(replace(part, amount=takes, state=PartState.TAKEN))
        if rest := part.amount - takes:
            is_split = bool(takes)
            parts.append(
                replace(
                    part,
                    amount=rest,
                    state=PartState.THAWED,
                    position=position if is_split else part.position,
                )
            )
            position += is_split
    return taken, tuple(parts)


def _place(dispute: Dispute, part: Part) -> Account:
    """Where frozen money comes from, and goes back to.

    An open offer is withdrawn before its money is frozen, so that comes from the wallet. The escrow of an accepted
    offer goes back to its job, which goes on.
    """
    if part.offer_id is not None:
        return offer_escrow(part.offer_id, _currency(dispute))
    return wallet_available(dispute.wallet_id, _currency(dispute))


def _entries(dispute: Dispute, fact: str, moves: list[tuple[Account, Account, Money]]) -> tuple[Entry, ...]:
    return (_entry(dispute, fact, *moves),) if any(amount for _, _, amount in moves) else ()


def _entry(dispute: Dispute, fact: str, *moves: tuple[Account, Account, Money]) -> Entry:
    postings = tuple(
        Posting(debit=debit, credit=credit, amount=amount) for debit, credit, amount in moves if amount
    )
    return Entry(f"dispute:{dispute.id}:{fact}", postings)


def _currency(dispute: Dispute) -> str:
    return dispute.amount.currency


def _stripe(dispute: Dispute) -> Account:
    return stripe_balance(_currency(dispute))


def _frozen(dispute: Dispute) -> Account:
    return dispute_frozen(dispute.id, _currency(dispute))


def _contested(dispute: Dispute) -> Account:
    return dispute_contested(dispute.id, _currency(dispute))
