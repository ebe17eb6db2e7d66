"""How much work a run does: enough for figures that last, or just enough to try it out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """``seconds`` is one contestant's part of one round; every contestant has its part in every round."""

    name: str
    rounds: int
    seconds: int
    pgbench_scale: int
    wallets: int  # of customers; there are as many contractors and as many escrows
    past_deals: tuple[int, ...]  # how long the pasts are with which growth is measured, five entries a deal
    foreign_peers: bool  # those in benchmarks/peers, which need Node or packages of their own


# A million entries, and five million postings.
FULL = Effort("full", 5, 3, pgbench_scale=50, wallets=50_000, past_deals=(200_000, 833_334), foreign_peers=True)
QUICK = Effort("quick", 3, 1, pgbench_scale=50, wallets=5_000, past_deals=(5_000,), foreign_peers=False)
