"""Somebody joins the marketplace: the person and their wallet, both or neither."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.database import in_own_transaction
from jobsphere.identity.people import Role, User, register
from jobsphere.wallets.wallet import open_wallet


async def _join(
    connection: AsyncConnection,
    *,
    user_id: UUID,
    email: str,
    name: str,
    role: Role,
    password_hash: str,
    currency: str,
    now: datetime,
) -> User:
    """Register a person and open their wallet in ``currency``; an admin has none (``Role``).

    Raises:
        EmailTaken: somebody has this e-mail address already; nothing was stored.
    """
    user = await register(
        connection,
        user_id=user_id,
        email=email,
        name=name,
        role=role,
        password_hash=password_hash,
        now=now,
    )
    if role is not Role.ADMIN:
        # One wallet per person, so it needs no id of its own.
        await open_wallet(connection, wallet_id=user.id, user_id=user.id, currency=currency, now=now)
    await write_audit(
        connection,
        actor_id=user.id,
        action="user.joined",
        subject=f"user:{user.id}",
        now=now,
        details={"role": role.value},
    )
    return user


join = in_own_transaction(_join)
