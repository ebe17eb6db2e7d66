"""Worlds to play in, JobSpheres of a test's own, and the proof that no process is left behind."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.conftest import TEMPLATE, Databases
from tests.processes import flows
from tests.processes.served import Home
from tests.processes.starting import Starter, until
from tests.processes.world import Saved, World


def processes_of(place: Path) -> list[psutil.Process]:
    """Living processes that were started for a folder: it is in their command line or their environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            told = [*process.cmdline(), *process.environ().values()]
            is_ours = any(str(place) in word for word in told) and process.pid != os.getpid()
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def kill_what_is_left(place: Path) -> list[str]:
    """End what a test left behind after a second, and say what it was."""
    with suppress(AssertionError):
        until("no process is left", lambda: not processes_of(place), seconds_max=1)
    left = processes_of(place)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    return [str(process) for process in left]


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder for everything that is started here. At the end no process of it may be left."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes an unguessable name in it
    is_roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    place = Path(tempfile.mkdtemp(prefix="jobsphere-processes-", dir=memory if is_roomy else None))
    place.chmod(0o711)
    yield place
    left = kill_what_is_left(place)
    shutil.rmtree(place)
    assert left == []


@pytest.fixture(scope="session")
def starter(place: Path) -> Iterator[Starter]:
    starter = Starter(place)
    yield starter
    starter.close()


@pytest.fixture(scope="session")
def worlds(place: Path, databases: Databases, starter: Starter) -> Mapping[str, Saved]:
    """Worlds to begin with: with people, with 80.00 earned, and with a payout account as well."""
    folder = place / "worlds"
    folder.mkdir(mode=0o700)
    saved = {"nobody": Saved(TEMPLATE)}
    steps = {"people": flows.register, "earned": flows.earn, "onboarded": flows.onboard}
    for (name, step), before in zip(steps.items(), ("nobody", "people", "earned"), strict=True):
        with World(folder / name, databases, starter, saved[before]) as world:
            step(world)
            world.settle()
            saved[name] = world.save()
    return saved


@pytest.fixture
def new_home(place: Path) -> Iterator[Callable[[], Home]]:
    """Makes homes of JobSphere. At the end what runs there is stopped, and nothing may be left."""
    homes: list[Home] = []

    def make() -> Home:
        folder = Path(tempfile.mkdtemp(prefix="home-", dir=place))
        folder.chmod(0o711)
        homes.append(Home(folder))
        return homes[-1]

    yield make
    left = []
    for home in homes:
        home.close()
        left += kill_what_is_left(home.folder)
        shutil.rmtree(home.folder)
    assert left == []


@pytest.fixture
def home_of_jobsphere(new_home: Callable[[], Home]) -> Home:
    return new_home()
