"""Places where a process may be killed on purpose, to prove that being killed there loses nothing.

The Stripe gateway and the database-transaction helper place them, before and after every Stripe
call and every COMMIT, so that no verb can forget one. ``JOBSPHERE_CRASH_AT=name:n`` kills the process
with SIGKILL when it passes the point ``name`` for the n-th time; without it they do nothing.
``JOBSPHERE_CRASH_SIGNAL=SIGSTOP`` makes it stand still there instead, so that a test may kill something else.

``JOBSPHERE_CRASH_LOG=file`` lists the points that are passed in that file, one a line. The process never
makes the file: until it exists, no point counts or kills, so a test says from when on they do.
"""

import os
import signal
from collections import Counter
from collections.abc import Iterable

_declared: set[str] = set()
_passed: Counter[str] = Counter()


def declare(names: Iterable[str]) -> None:
    """Make these points known to ``jobsphere crash-points``."""
    _declared.update(names)


def declared() -> list[str]:
    """Every point of the modules imported so far, sorted."""
    return sorted(_declared)


def reached(name: str) -> None:
    """Kill this process here if ``JOBSPHERE_CRASH_AT`` says so."""
    log = os.environ.get("JOBSPHERE_CRASH_LOG")
    if log and not _noted(name, log):
        return
    wanted = os.environ.get("JOBSPHERE_CRASH_AT")
    if not wanted:
        return
    wanted_name, _, wanted_pass = wanted.rpartition(":")
    if name != wanted_name:
        return
    _passed[name] += 1
    if _passed[name] == int(wanted_pass):
        os.kill(os.getpid(), signal.Signals[os.environ.get("JOBSPHERE_CRASH_SIGNAL", "SIGKILL")])


def _noted(name: str, log: str) -> bool:
    """Whether the log exists; if so, ``name`` is in it, also after SIGKILL."""
    try:
        file = os.open(log, os.O_WRONLY | os.O_APPEND)
    except FileNotFoundError:
        return False
    try:
        os.write(file, f"{name}\n".encode())
    finally:
        os.close(file)
    return True
