"""Passwords: argon2id hashes, made and checked in threads of their own."""

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor

from pwdlib import PasswordHash

_hasher = PasswordHash.recommended()
# Each hash takes 64 MiB and a core on purpose: two at a time, however many people sign in at once,
# and not on the threads that everything else shares.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")


async def hash_password(password: str) -> str:
    """The argon2id hash to store instead of ``password``, with its salt and parameters in it."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def matches(password: str, password_hash: str | None) -> bool:
    """Whether ``password`` is the one that was hashed; False, after the same work, without a hash."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _matches, password, password_hash)


def _matches(password: str, password_hash: str | None) -> bool:
    # Asked for in both cases, so that its first use does not tell them apart.
    nobodys_hash = _hash_of_nobodys_password()
    right = _hasher.verify(password, nobodys_hash if password_hash is None else password_hash)
    return right and password_hash is not None


@functools.cache
def _hash_of_nobodys_password() -> str:
    return _hasher.hash("nobody signs in with this")
