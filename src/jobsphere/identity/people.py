"""Users: register them, find them, and let them sign in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.database import reading
from jobsphere.identity.passwords import matches
from jobsphere.identity.tables import users


class EmailTaken(Exception):
    """Somebody is registered with this e-mail address already."""


class WrongCredentials(Exception):
    """The e-mail address and the password do not belong to anybody who may sign in."""


class WrongPassword(Exception):
    """Somebody who is signed in gave a password that is not theirs."""


class Role(StrEnum):
    """What a person is on the marketplace; everybody is exactly one of these."""

    CUSTOMER = "customer"  # pays money in, posts jobs and sends offers
    CONTRACTOR = "contractor"  # accepts offers, does the jobs and withdraws the money
    ADMIN = "admin"  # looks after the platform; has no wallet of their own


@dataclass(frozen=True, slots=True)
class User:
    """One person, without the password."""

    id: UUID
    email: str
    name: str
    role: Role
    is_active: bool
    created_at: datetime


_USER_COLUMNS = (
    users.c.id,
    users.c.email,
    users.c.name,
    users.c.role,
    users.c.is_active,
    users.c.created_at,
)
_FIND_SEVERAL = select(*_USER_COLUMNS).where(users.c.id == any_(bindparam("user_ids", type_=ARRAY(Uuid))))


async def register(
    connection: AsyncConnection,
    *,
    user_id: UUID,
    email: str,
    name: str,
    role: Role,
    password_hash: str,
    now: datetime,
) -> User:
    """Store a new, active user; ``password_hash`` comes from ``passwords.hash_password``.

    Raises:
        EmailTaken: the address is in use, in whatever case it is written.
    """
    new = User(user_id, email, name, role, is_active=True, created_at=now)
    stored = await connection.scalar(
        insert(users)
        .values(
            id=new.id,
            email=email,
            name=name,
            role=role.value,
            password_hash=password_hash,
            is_active=True,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[func.lower(users.c.email)])
        .returning(users.c.id)
    )
    if stored is None:
        raise EmailTaken
    return new


async def sign_in(engine: AsyncEngine, email: str, password: str) -> User:
    """The active user with this e-mail address (in any case) and this password.

    An address nobody has takes as long, and is answered the same, as a wrong password.

    Raises:
        WrongCredentials: there is no such user, the password is another one, or the user is not active.
    """
    async with reading(engine) as connection:
        rows = await connection.execute(
            select(*_USER_COLUMNS, users.c.password_hash).where(func.lower(users.c.email) == func.lower(email))
        )
        row = rows.one_or_none()
    right = await matches(password, row.password_hash if row else None)
    if row is None or not right or not row.is_active:
        raise WrongCredentials
    return _user(row[:-1])


async def require_password(engine: AsyncEngine, user_id: UUID, password: str) -> None:
    """Make sure that whoever asks, signed in already, is the person and not just somebody with their token.

    Raises:
        WrongPassword: the password is another one.
    """
    async with reading(engine) as connection:
        rows = await connection.execute(select(users.c.password_hash).where(users.c.id == user_id))
        password_hash = rows.scalar_one_or_none()
    if not await matches(password, password_hash):
        raise WrongPassword


async def find_user(connection: AsyncConnection, user_id: UUID) -> User | None:
    """The user with this id, active or not."""
    row = (await connection.execute(select(*_USER_COLUMNS).where(users.c.id == user_id))).one_or_none()
    return _user(row) if row is not None else None


async def find_users(connection: AsyncConnection, user_ids: Sequence[UUID]) -> list[User | None]:
    """As ``find_user``, for several, in their order."""
    rows = await connection.execute(_FIND_SEVERAL, {"user_ids": list(set(user_ids))})
    found = {row.id: _user(row) for row in rows}
    return [found.get(user_id) for user_id in user_ids]


def _user(row: tuple[UUID, str, str, str, bool, datetime]) -> User:
    user_id, email, name, role, is_active, created_at = row
    return User(user_id, email, name, Role(role), is_active, created_at)
