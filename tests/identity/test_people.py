"""Registering, finding and signing in people, on a real database."""

import asyncio
import time
from uuid import UUID

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import Clock, Ids
from jobsphere.database import in_own_transaction, reading
from jobsphere.identity import passwords
from jobsphere.identity.passwords import hash_password
from jobsphere.identity.people import (
    EmailTaken,
    Role,
    User,
    WrongCredentials,
    find_user,
    register,
    sign_in,
)
from jobsphere.identity.tables import users

PASSWORD = "correct horse battery"
register_alone = in_own_transaction(register)


@pytest.fixture
async def ann(engine: AsyncEngine, clock: Clock, ids: Ids) -> User:
    return await register_alone(
        engine,
        user_id=ids.new(),
        email="Ann@Example.com",
        name="Ann",
        role=Role.CUSTOMER,
        password_hash=await hash_password(PASSWORD),
        now=clock.now(),
    )


async def deactivate(engine: AsyncEngine, user_id: UUID) -> None:
    async with engine.begin() as connection:
        await connection.execute(update(users).where(users.c.id == user_id).values(is_active=False))


async def test_a_registered_user_is_found_and_signs_in(engine: AsyncEngine, ann: User) -> None:
    async with reading(engine) as connection:
        assert await find_user(connection, ann.id) == ann
        assert await find_user(connection, UUID(int=1)) is None

    assert await sign_in(engine, "ann@example.COM", PASSWORD) == ann


async def test_an_address_is_taken_in_whatever_case(engine: AsyncEngine, ann: User, ids: Ids) -> None:
    with pytest.raises(EmailTaken):
        await register_alone(
            engine,
            user_id=ids.new(),
            email=ann.email.swapcase(),
            name="Another",
            role=Role.CONTRACTOR,
            password_hash="x",
            now=ann.created_at,
        )


async def test_postgresql_refuses_the_same_address_and_an_unknown_role(engine: AsyncEngine, ann: User) -> None:
    row = {"id": UUID(int=2), "name": "N", "password_hash": "x", "created_at": ann.created_at}
    for wrong in ({"email": "ANN@example.com", "role": "customer"}, {"email": "b@b.bb", "role": "king"}):
        with pytest.raises(IntegrityError):
            async with engine.begin() as connection:
                await connection.execute(users.insert().values(**row, **wrong))


async def test_of_parallel_registrations_one_wins(engine: AsyncEngine, clock: Clock, ids: Ids) -> None:
    async def attempt() -> bool:
        try:
            await register_alone(
                engine,
                user_id=ids.new(),
                email="bob@example.com",
                name="Bob",
                role=Role.CONTRACTOR,
                password_hash="x",
                now=clock.now(),
            )
        except EmailTaken:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt() for _ in range(8)))) == 1


async def test_wrong_password_unknown_address_and_inactive_user_are_refused_alike(
    engine: AsyncEngine, ann: User
) -> None:
    refusals = []
    for email, password in ((ann.email, "wrong password"), ("nobody@example.com", PASSWORD)):
        with pytest.raises(WrongCredentials) as refusal:
            await sign_in(engine, email, password)
        refusals.append(str(refusal.value))
    await deactivate(engine, ann.id)
    with pytest.raises(WrongCredentials) as refusal:
        await sign_in(engine, ann.email, PASSWORD)

    assert {*refusals, str(refusal.value)} == {""}


async def test_an_unknown_address_costs_the_same_work(engine: AsyncEngine, ann: User) -> None:
    async def seconds(email: str) -> float:
        started = time.process_time()
        for _ in range(3):
            with pytest.raises(WrongCredentials):
                await sign_in(engine, email, "wrong password")
        return time.process_time() - started

    await seconds(ann.email)
    known, unknown = await seconds(ann.email), await seconds("nobody@example.com")

    assert unknown > known / 2


async def test_hashes_are_argon2id_with_a_salt_of_their_own() -> None:
    first, second = await hash_password(PASSWORD), await hash_password(PASSWORD)

    assert first != second
    assert first.startswith("$argon2id$")
    assert not Argon2Hasher().check_needs_rehash(first)
    assert await passwords.matches(PASSWORD, first)
    assert not await passwords.matches("nobody signs in with this", None)


async def test_the_loop_goes_on_while_passwords_are_hashed() -> None:
    hashing = asyncio.gather(*(hash_password(PASSWORD) for _ in range(4)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1
    await hashing

    assert turns > 10
