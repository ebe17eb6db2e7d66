"""dj-stripe's endpoint (``peers/djstripe``) under gunicorn, in the same PostgreSQL."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.contest import CannotMeasure
from benchmarks.ground import Ground
from benchmarks.history.past import connected
from benchmarks.load import deliver
from benchmarks.serving import REPOSITORY, SECRET, NotServed, started
from benchmarks.webhooks.deliveries import Sender

_FOLDER = REPOSITORY / "benchmarks" / "peers" / "djstripe"
_PYTHON = _FOLDER / ".venv" / "bin" / "python"
_DATABASE = "djstripe"
_ENDPOINT = "00000000-0000-4000-8000-000000000001"
_DELIVERIES_PER_SECOND_MAX = 3_000
_WARM_UP_SECONDS = 0.5
# What gunicorn's documents recommend: twice the cores and one; threads, because Stripe keeps connections open.
_SWITCHES = (
    f"--bind 127.0.0.1:0 --workers {2 * (os.cpu_count() or 1) + 1} --worker-class gthread --threads 4 "
    "--keep-alive 75 --no-control-socket"
)
_STORED = "SELECT count(*) FROM djstripe_webhookeventtrigger WHERE valid"


@dataclass(slots=True)
class DjStripe:
    """The endpoint on ``port``, and how many deliveries it acknowledged."""

    ground: Ground
    port: int
    sender: Sender = field(default_factory=lambda: Sender(SECRET, path=f"/stripe/webhook/{_ENDPOINT}/"))
    acknowledged: int = 0

    async def rate(self, seconds: float) -> float:
        deliveries = self.sender.deliveries(round((seconds + _WARM_UP_SECONDS) * _DELIVERIES_PER_SECOND_MAX))
        upcoming = iter(deliveries)
        warm_up = await deliver(self.port, upcoming, _WARM_UP_SECONDS)
        answered = await deliver(self.port, upcoming, seconds)
        self.acknowledged += len(warm_up.event_ids) + len(answered.event_ids)
        async with connected(self.ground.owner_url(_DATABASE)) as connection:
            stored = await connection.fetchval(_STORED)
        if stored != self.acknowledged:
            raise CannotMeasure(f"{self.acknowledged} deliveries were acknowledged, {stored} are stored")
        return len(answered.event_ids) / answered.seconds


@contextmanager
def djstripe_served(ground: Ground) -> Iterator[int]:
    """The endpoint with its tables made; yields its port.

    Raises:
        NotServed: its packages are not installed, or it did not start.
    """
    if not _PYTHON.exists():
        raise NotServed("the packages of benchmarks/peers/djstripe are not installed (make bench does)")
    ground.prepare(_DATABASE)
    environment = {"DATABASE": json.dumps(_database(ground)), "DJANGO_SETTINGS_MODULE": "settings"}
    prepared = subprocess.run(
        [_PYTHON, "prepare.py", _ENDPOINT, SECRET],
        cwd=_FOLDER,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    if prepared.returncode != 0:
        raise NotServed(f"dj-stripe's tables were not made: {prepared.stderr.decode(errors='replace')[-300:]}")
    command = [str(_PYTHON), "-m", "gunicorn", *_SWITCHES.split(), "django.core.wsgi:get_wsgi_application()"]
    announcement = r"Listening at: http://\S+:([0-9]+)"
    with started(command, environment, _FOLDER, ground.home / "djstripe.log", announcement) as running:
        yield running.port


def _database(ground: Ground) -> dict[str, str]:
    return {
        "HOST": ground.cluster.host,
        "PORT": str(ground.cluster.port),
        "USER": ground.owner.name,
        "PASSWORD": ground.owner.password,
        "NAME": _DATABASE,
    }
