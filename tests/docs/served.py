"""JobSphere as ``make run`` starts it, on a free port and with data of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 10


@contextmanager
def served(home: Path, *, fresh: bool = True) -> Iterator[str]:
    """Its address; it is stopped as Ctrl-C stops it. ``fresh``: ``home`` is made."""
    if fresh:
        home.mkdir()
        home.chmod(0o711)
    said = home / "serve.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobsphere", "serve", "--port", "0"],
            cwd=home,
            env={**os.environ, "JOBSPHERE_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200"},
            stdout=log,
            stderr=log,
        )
    try:
        yield _address(process, said)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=STOP_SECONDS_MAX)


def _address(process: "subprocess.Popen[bytes]", said: Path) -> str:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"API +(http://\S+)", said.read_text(errors="replace")):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(said.read_text(errors="replace"))
