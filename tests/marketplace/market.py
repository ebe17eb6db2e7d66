"""People with money, jobs and offers, as the verbs make them; each deed in a database transaction of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import ClockMovedByHand, Ids
from jobsphere.database import DatabaseTransaction, reading
from jobsphere.identity.people import Role, User
from jobsphere.ledger.accounts import Account, platform_fees, service_fees, stripe_balance, wallet_available
from jobsphere.ledger.posting import Entry, Posting, Verdict
from jobsphere.ledger.read import balance
from jobsphere.ledger.record import record
from jobsphere.marketplace import read
from jobsphere.marketplace.accept import accept
from jobsphere.marketplace.close import close
from jobsphere.marketplace.complete import complete
from jobsphere.marketplace.expire import expire_due
from jobsphere.marketplace.job import Job
from jobsphere.marketplace.join import join
from jobsphere.marketplace.offer import DAYS_DEFAULT, Offer, OfferState
from jobsphere.marketplace.post import post
from jobsphere.marketplace.release import decline, withdraw
from jobsphere.marketplace.send import Terms, send
from jobsphere.money import Money
from jobsphere.wallets.limits import Limits
from jobsphere.wallets.transactions import Transaction, list_transactions

T = TypeVar("T")

LIMITS = Limits.of(Decimal(5), Decimal(50000), "usd")
_DEED = DatabaseTransaction("tests.marketplace")
_KEPT = (
    "jobs",
    "offers",
    "journal_entries",
    "postings",
    "ledger_accounts",
    "transactions",
    "notifications",
    "audit_log",
)


def usd(major: str) -> Money:
    return Money.from_major(major, "usd")


@dataclass(frozen=True, slots=True)
class Market:
    engine: AsyncEngine
    clock: ClockMovedByHand
    ids: Ids

    async def customer(self, deposited: str = "200.00") -> User:
        user = await self._join(Role.CUSTOMER)
        if usd(deposited):
            await self.move(stripe_balance("usd"), wallet_available(user.id, "usd"), usd(deposited))
        return user

    async def contractor(self) -> User:
        return await self._join(Role.CONTRACTOR)

    async def move(self, debit: Account, credit: Account, amount: Money) -> None:
        """What no verb of the marketplace does: a deposit, or damage."""
        entry = Entry(f"test:{self.ids.new()}", (Posting(debit, credit, amount),))
        assert await self.do(lambda connection: record(connection, [entry])) == [Verdict.RECORDED]

    async def post(self, customer: User, title: str = "Paint the fence") -> Job:
        job_id = self.ids.new()
        return await self.do(
            lambda connection: post(
                connection,
                job_id=job_id,
                customer_id=customer.id,
                title=title,
                description="Green.",
                now=self.clock.now(),
            )
        )

    async def send(
        self,
        customer: User,
        job: Job,
        contractor: User,
        amount: str = "100.00",
        *,
        expires_in_days: int = DAYS_DEFAULT,
    ) -> Offer:
        terms = Terms(job.id, contractor.id, usd(amount), "Please.", expires_in_days)
        offer_id = self.ids.new()
        return await self.do(
            lambda connection: send(
                connection,
                terms,
                offer_id=offer_id,
                customer_id=customer.id,
                limits=LIMITS,
                ids=self.ids,
                now=self.clock.now(),
            )
        )

    async def accept(self, contractor_id: UUID, offer_id: UUID, *, now: datetime | None = None) -> Offer:
        return await self.do(
            lambda connection: accept(
                connection,
                offer_id=offer_id,
                contractor_id=contractor_id,
                ids=self.ids,
                now=now or self.clock.now(),
            )
        )

    async def decline(self, contractor_id: UUID, offer_id: UUID) -> Offer:
        return await self.do(
            lambda connection: decline(
                connection, offer_id=offer_id, contractor_id=contractor_id, ids=self.ids, now=self.clock.now()
            )
        )

    async def withdraw(self, customer_id: UUID, offer_id: UUID) -> Offer:
        return await self.do(
            lambda connection: withdraw(
                connection, offer_id=offer_id, customer_id=customer_id, ids=self.ids, now=self.clock.now()
            )
        )

    async def complete(self, customer_id: UUID, job_id: UUID) -> tuple[Job, Offer]:
        return await self.do(
            lambda connection: complete(
                connection, job_id=job_id, customer_id=customer_id, ids=self.ids, now=self.clock.now()
            )
        )

    async def close(self, customer_id: UUID, job_id: UUID) -> Job:
        return await self.do(
            lambda connection: close(
                connection, job_id=job_id, customer_id=customer_id, ids=self.ids, now=self.clock.now()
            )
        )

    async def expire_due(self, *, now: datetime | None = None, limit: int = 100) -> int:
        return await expire_due(self.engine, now=now or self.clock.now(), limit=limit, ids=self.ids)

    async def do(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        return await _DEED.run(self.engine, work)

    async def state(self, offer: Offer) -> OfferState:
        async with reading(self.engine) as connection:
            return (await read.offer(connection, offer.id, offer.customer_id)).state

    async def available(self, user: User) -> str:
        return await self.balance(wallet_available(user.id, "usd"))

    async def escrow(self, customer: User) -> str:
        async with reading(self.engine) as connection:
            return (await read.balances_of(connection, [customer.id]))[customer.id].escrow.to_major()

    async def platform(self) -> str:
        fees = [
            Money.from_major(await self.balance(account("usd")), "usd")
            for account in (platform_fees, service_fees)
        ]
        return (fees[0] + fees[1]).to_major()

    async def balance(self, account: Account) -> str:
        async with reading(self.engine) as connection:
            return (await balance(connection, account)).to_major()

    async def transactions(self, user: User) -> list[Transaction]:
        async with reading(self.engine) as connection:
            return await list_transactions(connection, user.id, before=None, limit=100)

    async def told(self, user: User) -> list[str]:
        """The types of what the person was told, oldest first."""
        query = text("SELECT type FROM notifications WHERE user_id = :id ORDER BY id")
        async with reading(self.engine) as connection:
            return list(await connection.scalars(query, {"id": user.id}))

    async def everything(self) -> dict[str, list[Any]]:
        """All rows of what a deed may touch, to see that a refused one touched nothing."""
        async with reading(self.engine, one_snapshot=True) as connection:
            return {
                table: list(await connection.execute(text(f"SELECT * FROM {table} ORDER BY 1")))  # noqa: S608
                for table in _KEPT
            }

    async def require_right_books(self) -> None:
        """Every offer's escrow holds what its state promises, and all that came in is somebody's."""
        async with reading(self.engine, one_snapshot=True) as connection:
            assert list(await connection.execute(text(_WRONG_ESCROWS))) == []
            owned = (await connection.scalar(text("SELECT sum(balance_minor) FROM ledger_accounts"))) or 0
            earned = [await balance(connection, account("usd")) for account in (platform_fees, service_fees)]
            at_stripe = await balance(connection, stripe_balance("usd"))
        assert owned + sum(money.amount_minor for money in earned) == at_stripe.amount_minor

    async def _join(self, role: Role) -> User:
        user_id = self.ids.new()
        return await join(
            self.engine,
            user_id=user_id,
            email=f"{user_id}@example.com",
            name="Ann",
            role=role,
            password_hash="not a hash",
            currency="usd",
            now=self.clock.now(),
        )


_WRONG_ESCROWS = """
    SELECT o.id, o.state, a.balance_minor
    FROM offers AS o
    JOIN ledger_accounts AS a ON a.name = format('offer:%s:escrow', o.id)
    WHERE a.balance_minor <> CASE o.state
        WHEN 'sent' THEN o.amount_minor + o.platform_fee_minor WHEN 'accepted' THEN o.amount_minor ELSE 0 END
"""
