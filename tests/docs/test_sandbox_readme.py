"""The sandbox's README: its quick start works as pasted, in both languages, and in a test."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stripe_sandbox.testing import run_in_process
from tests.docs.pages import blocks, read, section

README = read("src/stripe_sandbox/README.md")
TOURS = Path(__file__).parents[1] / "sandbox" / "tours"
ADDRESS_IN_README = "http://127.0.0.1:12111"
SECONDS_MAX = 120

pytestmark = pytest.mark.processes


async def test_the_quick_start_in_python_works_as_pasted(tmp_path: Path) -> None:
    assert await _said(tmp_path, "python", "start.py", sys.executable) == _quoted()


@pytest.mark.skipif(
    shutil.which("node") is None, reason="Node is not on this machine; its quick start was not run"
)
async def test_the_quick_start_in_node_works_as_pasted(tmp_path: Path) -> None:
    if not (TOURS / "node_modules" / "stripe").exists():
        subprocess.run(["npm", "ci", "--prefer-offline"], cwd=TOURS, check=True, timeout=300)  # noqa: S607
    (tmp_path / "node_modules").symlink_to(TOURS / "node_modules")

    assert await _said(tmp_path, "js", "start.mjs", "node") == _quoted()


def test_the_test_in_the_readme_passes(tmp_path: Path) -> None:
    [test] = blocks(section(README, "in tests"), "python")
    (tmp_path / "test_pasted.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "."]

    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS_MAX, env=_environment()
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def _quoted() -> str:
    [quoted] = blocks(section(README, "quick start output"), "text")
    return quoted


async def _said(folder: Path, language: str, name: str, program: str) -> str:
    """What the block in this language prints, run against a sandbox of its own."""
    [pasted] = blocks(section(README, "quick start"), language)
    assert ADDRESS_IN_README in pasted
    async with run_in_process() as sandbox:
        (folder / name).write_text(pasted.replace(ADDRESS_IN_README, sandbox.url))
        # The sandbox answers meanwhile, from a thread of its own.
        done = subprocess.run(
            [program, name],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_MAX,
            env=_environment(),
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _environment() -> dict[str, str]:
    """Loopback is reached directly, whatever proxy this machine uses."""
    return {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
