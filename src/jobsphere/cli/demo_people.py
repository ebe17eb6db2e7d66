"""People to try JobSphere with; they exist only where money is play money, in the sandbox."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import Clock, Ids
from jobsphere.identity.passwords import hash_password
from jobsphere.identity.people import EmailTaken, Role, WrongCredentials, sign_in
from jobsphere.marketplace.join import join

DEMO_PASSWORD = "demo-password"  # noqa: S105 - printed at every start


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody to sign in as."""

    email: str
    name: str
    role: Role


DEMO_PEOPLE = (
    DemoPerson("customer@demo.example", "Demo Customer", Role.CUSTOMER),
    DemoPerson("contractor@demo.example", "Demo Contractor", Role.CONTRACTOR),
    DemoPerson("admin@demo.example", "Demo Admin", Role.ADMIN),
)


async def join_demo_people(engine: AsyncEngine, clock: Clock, ids: Ids, currency: str) -> None:
    """Register those who are missing."""
    try:
        await sign_in(engine, DEMO_PEOPLE[-1].email, DEMO_PASSWORD)
    except WrongCredentials:
        password_hash = await hash_password(DEMO_PASSWORD)
    else:
        return
    for person in DEMO_PEOPLE:
        try:
            await join(
                engine,
                user_id=ids.new(),
                email=person.email,
                name=person.name,
                role=person.role,
                password_hash=password_hash,
                currency=currency,
                now=clock.now(),
            )
        except EmailTaken:
            continue
