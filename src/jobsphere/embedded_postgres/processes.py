"""The server's processes as the operating system sees them: finding ours among all, and ending them."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from jobsphere.embedded_postgres.accounts import Account
from jobsphere.embedded_postgres.layout import Layout

_STOPPED = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}


@dataclass(frozen=True, slots=True)
class PidFile:
    """What the server's own note in its data folder says; after a crash it is stale."""

    pid: int
    port: int
    says_ready: bool  # asking one that is not ready would only fill its log


def pid_file(data: Path) -> Path:
    return data / "postmaster.pid"


def read_pid_file(data: Path) -> PidFile | None:
    """The note, or None when there is none or it is not written to its end yet."""
    try:
        lines = pid_file(data).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 4 or not (lines[0].isdigit() and lines[3].isdigit()):
        return None
    return PidFile(
        pid=int(lines[0]),
        port=int(lines[3]),
        says_ready=len(lines) > 7 and lines[7].strip() == "ready",
    )


def running_postmaster(layout: Layout, account: Account) -> psutil.Process | None:
    """The living main process of the server on this data folder.

    The note alone proves nothing: after a restart of the machine its number may belong to anybody. The account and
    the command line are asked because both can be read everywhere; in a container even root may not read the rest.
    """
    process = _noted_process(layout, account)
    if process is None:
        return None
    command = _command_of(process)
    is_ours = (
        len(command) > 2
        and Path(command[0]).name == "postgres"
        and command[1:3] == ["-D", str(layout.data)]
        and not _is_gone(process)
    )
    return process if is_ours else None


def dying_postmaster(layout: Layout, account: Account) -> list[psutil.Process]:
    """The main process in its last moment, without a command line but with its ports; or nothing."""
    process = _noted_process(layout, account)
    return [process] if process and not _command_of(process) and not _is_gone(process) else []


def _noted_process(layout: Layout, account: Account) -> psutil.Process | None:
    note = read_pid_file(layout.data)
    with contextlib.suppress(psutil.Error):
        if note is not None and (process := psutil.Process(note.pid)).uids().effective == account.uid:
            return process
    return None


def lingering_processes(layout: Layout, account: Account) -> list[psutil.Process]:
    """The server's other processes; when their main process was killed they may outlive it for a while."""
    title = f"postgres: {layout.cluster_name}: "
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if " ".join(process.cmdline()).startswith(title) and process.uids().effective == account.uid:
                found.append(process)
    return found


def end(processes: Iterable[psutil.Process], *steps: tuple[signal.Signals | None, float]) -> bool:
    """Send each signal (None: just wait) and give it so many seconds; whether all are gone."""
    left = list(processes)
    for number, seconds in steps:
        for process in left:
            if number is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
        deadline = time.monotonic() + seconds
        while (left := [process for process in left if not _is_gone(process)]) and time.monotonic() < deadline:
            time.sleep(0.01)
    return not left


def end_group(argument: str) -> None:
    """Kill the program that was started with ``argument`` and all that it started, and wait for their end."""
    leaders = {process.pid for process in psutil.process_iter() if argument in _command_of(process)}
    end([process for process in psutil.process_iter() if _group_of(process) in leaders], (signal.SIGKILL, 2))


def _command_of(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def _group_of(process: psutil.Process) -> int | None:
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(process.pid)
    return None


def _is_gone(process: psutil.Process) -> bool:
    try:
        if process.is_running() and process.status() not in _STOPPED:
            return False
        _reap(process)
    except psutil.NoSuchProcess:
        pass
    return True


def _reap(process: psutil.Process) -> None:
    """A dead server that this process started stays a zombie until asked for; other children are left alone."""
    is_zombie_of_ours = (
        process.status() == psutil.STATUS_ZOMBIE and process.ppid() == os.getpid() and process.name() == "postgres"
    )
    if is_zombie_of_ours:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
