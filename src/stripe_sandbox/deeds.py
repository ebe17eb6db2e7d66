"""What each object says about money, held against the balance transactions that name it as their source."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from stripe_sandbox.store import Record, Store

_KEPT = ("pending", "succeeded", "in_transit", "paid")  # states of refunds and payouts whose money has left
_ENTRIES_OF_A_DISPUTE = {"warning_needs_response": 0, "warning_under_review": 0, "warning_closed": 0, "won": 2}


def differences(store: Store) -> list[str]:
    """Every object whose balance transactions sum to something else than it says; empty is the law."""
    entries: defaultdict[str, list[Record]] = defaultdict(list)
    for entry in store.of_kind("balance_transaction"):
        entries[entry["source"]].append(entry)
    found = [
        *_ill_stated(store),
        *_wrongly_refunded(store),
        *(f"{source} has balance transactions but does not exist" for source in entries if not store.get(source)),
    ]
    for kind, said in _SAID.items():
        for record in store.of_kind(kind):
            stated = sum(entry["amount"] for entry in entries.get(record["id"], ()))
            if stated != said(record):
                found.append(f"{record['id']} says {said(record)}, its balance transactions sum to {stated}")
    return found


def _charge(charge: Record) -> int:
    return int(charge["amount_captured"]) if charge["paid"] and charge["balance_transaction"] else 0


def _refund(refund: Record) -> int:
    return -refund["amount"] if refund["balance_transaction"] and refund["status"] in _KEPT else 0


def _dispute(dispute: Record) -> int:
    """The withdrawal alone, nothing, or both: what came back may be a part."""
    amounts = [entry["amount"] for entry in dispute["balance_transactions"]]
    expected = _ENTRIES_OF_A_DISPUTE.get(dispute["status"], 1)
    withdrawn = [-dispute["amount"]] if expected else []
    sound = len(amounts) == expected and amounts[:1] == withdrawn
    return sum(amounts) if sound else -dispute["amount"]


def _payout(payout: Record) -> int:
    return -payout["amount"] if payout["status"] in _KEPT else 0


def _topup(topup: Record) -> int:
    return int(topup["amount"]) if topup["status"] == "succeeded" else 0


_SAID: dict[str, Callable[[Record], int]] = {
    "charge": _charge,
    "dispute": _dispute,
    "payout": _payout,
    "refund": _refund,
    "topup": _topup,
    "transfer": lambda transfer: -transfer["amount"],
    "transfer_reversal": lambda reversal: int(reversal["amount"]),
}


def _ill_stated(store: Store) -> Iterator[str]:
    for entry in store.of_kind("balance_transaction"):
        fees = sum(detail["amount"] for detail in entry["fee_details"])
        if entry["net"] != entry["amount"] - entry["fee"] or entry["fee"] != fees:
            yield f"{entry['id']} does not add up"


def _wrongly_refunded(store: Store) -> Iterator[str]:
    """Charges that count other refunds than there are; what was never captured counts as refunded, too."""
    refunded: Counter[str] = Counter()
    for refund in store.of_kind("refund"):
        if refund["status"] in _KEPT:
            refunded[refund["charge"]] += refund["amount"]
    for charge in store.of_kind("charge"):
        released = charge["amount"] - charge["amount_captured"] if charge["captured"] else 0
        if charge["captured"] and charge["amount_refunded"] != refunded[charge["id"]] + released:
            yield f"{charge['id']} says that {charge['amount_refunded']} was refunded, its refunds do not"
