"""Databases with pasts of different lengths: the longer ones begin as copies of the shorter."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.contest import Say
from benchmarks.ground import Ground
from benchmarks.history.past import ENTRIES_PER_DEAL, POSTINGS_PER_DEAL, People, live_through
from benchmarks.offers.compare import fill

PEOPLE = People(customers=2_000, contractors=1_000)


@dataclass(frozen=True, slots=True)
class Past:
    """A database in which so many deals have happened; the first has just what its people need to begin."""

    database: str
    deals: int

    @property
    def postings(self) -> str:
        """For people."""
        return f"{self.deals * POSTINGS_PER_DEAL / 1e6:.2g} million postings"

    @property
    def entries(self) -> str:
        """For people."""
        return f"{self.deals * ENTRIES_PER_DEAL / 1e6:.3g} million entries"


async def make_pasts(ground: Ground, deals: Sequence[int], say: Say) -> list[Past]:
    """One with hardly a past, and one for each of the ascending ``deals``."""
    pasts = [Past("past0", PEOPLE.customers)]
    await ground.migrated(pasts[0].database)
    await fill(ground, pasts[0].database, PEOPLE)
    await ground.tidy(pasts[0].database)
    for number, length in enumerate(deals, start=1):
        past = Past(f"past{number}", length)
        say(f"living through {past.postings} …")
        ground.copy(past.database, pasts[-1].database)
        await live_through(ground, past.database, PEOPLE, first=pasts[-1].deals + 1, last=length)
        await ground.tidy(past.database)
        pasts.append(past)
    return pasts
