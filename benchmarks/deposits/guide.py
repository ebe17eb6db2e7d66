"""The guide's webhook handler in Node (``peers/guide``), on tables of its own in the same PostgreSQL."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.contest import CannotMeasure
from benchmarks.ground import Ground
from benchmarks.history.past import connected
from benchmarks.load import deliver
from benchmarks.serving import REPOSITORY, SECRET, NotServed, started
from benchmarks.webhooks.deliveries import AMOUNT_MINOR, Sender

_FOLDER = REPOSITORY / "benchmarks" / "peers" / "guide"
_DATABASE = "guide"
_WALLETS = 5_000
_DELIVERIES_PER_SECOND_MAX = 3_000
_WARM_UP_SECONDS = 0.5

_FILL = """
INSERT INTO transactions (id, wallet_id, type, amount_minor, status, stripe_payment_intent_id)
SELECT n, 1 + n * 7919 % $3::bigint, 'deposit', $4::bigint, 'pending', 'pi_' || lpad(n::text, 24, '0')
FROM generate_series($1::bigint, $2::bigint) AS n
"""
_CREDITED = """
SELECT (SELECT count(*) FROM transactions WHERE status = 'completed'), (SELECT sum(balance_minor) FROM wallets)
"""


@dataclass(slots=True)
class Guide:
    """The handler on ``port``, and every event that it acknowledged: its wallet is credited by then."""

    ground: Ground
    port: int
    sender: Sender = field(default_factory=lambda: Sender(SECRET))
    event_ids: set[str] = field(default_factory=set)

    async def rate(self, seconds: float) -> float:
        """Deposits credited in each second."""
        first = self.sender.sent + 1
        deliveries = self.sender.deliveries(round((seconds + _WARM_UP_SECONDS) * _DELIVERIES_PER_SECOND_MAX))
        async with connected(self.ground.owner_url(_DATABASE)) as connection:
            await connection.execute(_FILL, first, self.sender.sent, _WALLETS, AMOUNT_MINOR)
            await connection.execute("ANALYZE transactions")
        upcoming = iter(deliveries)
        self.event_ids.update((await deliver(self.port, upcoming, _WARM_UP_SECONDS)).event_ids)
        before = len(self.event_ids)
        answered = await deliver(self.port, upcoming, seconds)
        self.event_ids.update(answered.event_ids)
        await self._require_credits()
        return (len(self.event_ids) - before) / answered.seconds

    async def _require_credits(self) -> None:
        async with connected(self.ground.owner_url(_DATABASE)) as connection:
            completed, credited_minor = await connection.fetchrow(_CREDITED)
        if completed != len(self.event_ids) or credited_minor != completed * AMOUNT_MINOR:
            raise CannotMeasure(f"{len(self.event_ids)} events were acknowledged, {completed} are credited")


@contextmanager
def guide_served(ground: Ground) -> Iterator[int]:
    """The handler as one process of Node; yields its port.

    Raises:
        NotServed: Node or what the handler needs is not installed, or it did not start.
    """
    node = shutil.which("node")
    if node is None or not (_FOLDER / "node_modules").exists():
        raise NotServed("Node and the packages of benchmarks/peers/guide are not installed (make bench does)")
    database = {
        "host": ground.cluster.host,
        "port": ground.cluster.port,
        "user": ground.owner.name,
        "password": ground.owner.password,
        "database": _DATABASE,
    }
    environment = {"DATABASE": json.dumps(database), "WEBHOOK_SECRET": SECRET, "NODE_ENV": "production"}
    log = ground.home / "guide.log"
    with started([node, "handler.mjs"], environment, _FOLDER, log, r"on port ([0-9]+)") as running:
        yield running.port


async def make_tables(ground: Ground) -> None:
    """An empty database with the guide's tables, and wallets in it."""
    ground.prepare(_DATABASE)
    async with connected(ground.owner_url(_DATABASE)) as connection:
        await connection.execute((_FOLDER / "tables.sql").read_text())
        await connection.execute(
            "INSERT INTO wallets (id, user_id) SELECT n, n FROM generate_series(1, $1::bigint) AS n", _WALLETS
        )
