"""The Stripe sandbox that ``jobsphere serve`` runs when no Stripe key is set: started, kept alone, stopped."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from jobsphere.cli.stack import home_of, using_sandbox
from jobsphere.settings import ConfigurationError, Settings

_STOP_SECONDS_MAX = 20
# The sandbox of a killed JobSphere ends by itself within this.
_GOES_SECONDS_MAX = 5.0


@contextmanager
def sandbox(settings: Settings, own_url: str) -> Iterator[Settings]:
    """With no Stripe key: start our sandbox, which sends its events to ``own_url``; yield settings that use it.

    Raises:
        ConfigurationError: another process runs the sandbox of this home already.
    """
    if not settings.uses_sandbox:
        yield settings
        return
    folder = home_of(settings) / "sandbox"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone_in(folder) as lock, _running(settings, folder, own_url, lock) as complete:
        yield complete


@contextmanager
def _alone_in(folder: Path) -> Iterator[int]:
    """Keep other processes from running a sandbox on the same state; the lock ends with its last holder."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + _GOES_SECONDS_MAX
        while not _is_locked(lock):
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"Another JobSphere serves with the Stripe sandbox in {folder}: stop it, set another "
                    "JOBSPHERE_HOME, or set STRIPE_SECRET_KEY so that both use the same Stripe"
                )
            time.sleep(0.05)
        yield lock
    finally:
        os.close(lock)


def _is_locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _running(settings: Settings, folder: Path, own_url: str, lock: int) -> Iterator[Settings]:
    address = folder / "address.json"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "stripe_sandbox",
            "serve",
            "--state",
            str(folder / "state.db"),
            "--exit-with-parent",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(settings, own_url),
        # Ctrl-C is for us: the sandbox goes last, when nobody needs it any more.
        start_new_session=True,
        # It holds the lock for as long as it lives, which may be a moment longer than we do.
        pass_fds=(lock,),
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise ConfigurationError(f"The Stripe sandbox did not start (exit code {process.wait()})")
        address.write_bytes(line)
        yield using_sandbox(settings, json.loads(line)["url"])
    finally:
        address.unlink(missing_ok=True)
        process.terminate()
        process.communicate(timeout=_STOP_SECONDS_MAX)


def _environment(settings: Settings, own_url: str) -> Mapping[str, str]:
    def secret(value: SecretStr | None) -> str:
        assert value is not None
        return value.get_secret_value().split(",")[0]

    return {
        **os.environ,
        "STRIPE_SANDBOX_WEBHOOK_URL": f"{own_url}/api/webhooks/stripe",
        "STRIPE_SANDBOX_WEBHOOK_SECRET": secret(settings.stripe_webhook_secret),
        "STRIPE_SANDBOX_CONNECT_WEBHOOK_URL": f"{own_url}/api/webhooks/stripe/connect",
        "STRIPE_SANDBOX_CONNECT_WEBHOOK_SECRET": secret(settings.stripe_connect_webhook_secret),
    }
