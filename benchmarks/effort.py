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


FULL = Effort("full", rounds=5, seconds=4, pgbench_scale=50, wallets=50_000)
QUICK = Effort("quick", rounds=3, seconds=1, pgbench_scale=50, wallets=5_000)
