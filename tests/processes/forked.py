"""A program that has imported JobSphere and the sandbox, and becomes one of them in a forked process.

Starting them from scratch spends a second on imports, hundreds of times. A forked one is the same program with
the same arguments and environment in a process of its own, which can be killed like any other. Orders come one
a line on standard input; when that ends, whatever still runs is killed.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jobsphere.cli.serve
import jobsphere.web.app
import stripe_sandbox.cli
import stripe_sandbox.server

PROGRAMS: dict[str, Callable[[], None]] = {
    "jobsphere": jobsphere.cli.main,
    "stripe-sandbox": stripe_sandbox.cli.main,
}


def main() -> None:
    """Obey until there are no more orders: start a program, or say how one of them ended."""
    running: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "poll" in order:
            answer = _exit_code(order["poll"])
            if answer is not None:
                running.discard(order["poll"])
        elif (answer := os.fork()) == 0:
            _become(order)
            return
        else:
            running.add(answer)
        print(json.dumps(answer), flush=True)  # noqa: T201 - the answer to the order
    for pid in running:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _exit_code(pid: int) -> int | None:
    """None while it runs, -9 after SIGKILL. It is this program's own child, so the number cannot be another's."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become(order: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(order["environment"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = order["command"]
    PROGRAMS[sys.argv[0]]()


if __name__ == "__main__":
    main()
