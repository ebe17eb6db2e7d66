"""People with deposits, and events about them on their way through the inbox."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import ClockMovedByHand, IdsFromSeed
from jobsphere.database import reading
from jobsphere.deposits.start import start
from jobsphere.identity.people import User
from jobsphere.ledger.accounts import stripe_balance, wallet_debt
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.ledger.record import record
from jobsphere.reconciliation.audit import prove
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.wallets.debts import DebtOrigin, owe
from jobsphere.webhooks.envelope import open_envelope
from jobsphere.webhooks.process import Processing
from jobsphere.webhooks.receive import Arrived, Inbox, Source
from tests.database.history import LIMITS
from tests.marketplace.market import Market, usd

# Everything that a deposit leaves behind, without ids of rows: what it is called is in it.
LEFT_BEHIND = """
    SELECT 'deposit', d.payment_intent_id, d.state, d.charge_id, d.failure_code, d.attempts_ended::text
    FROM deposits AS d
    UNION ALL SELECT 'attempt', d.payment_intent_id, a.state, a.charge_id, a.failure_code, a.number::text
    FROM deposit_attempts AS a JOIN deposits AS d ON d.id = a.deposit_id
    UNION ALL SELECT 'transaction', t.type, t.status, t.stripe_charge_id, t.stripe_payment_intent_id,
        concat_ws(' ', t.failure_reason, t.amount_minor)
    FROM transactions AS t
    UNION ALL SELECT 'fee', d.payment_intent_id, f.state, f.charge_id, f.currency, f.tries::text
    FROM charge_fees AS f JOIN deposits AS d ON d.id = f.id
    UNION ALL SELECT 'notice', d.payment_intent_id, n.type, n.title, n.body, split_part(n.reference, ':', 3)
    FROM notifications AS n JOIN deposits AS d ON d.id::text = n.data ->> 'depositId'
    UNION ALL SELECT 'audit', d.payment_intent_id, a.action, NULL, NULL, NULL
    FROM audit_log AS a JOIN deposits AS d ON a.subject = 'deposit:' || d.id
    UNION ALL SELECT 'entry', regexp_replace(e.reference, '[-0-9a-f]{36}', '<id>', 'g'), p.amount_minor::text,
        regexp_replace(debit.name, '[-0-9a-f]{36}', '<id>'), regexp_replace(credit.name, '[-0-9a-f]{36}', '<id>'),
        p.position::text
    FROM postings AS p JOIN journal_entries AS e ON e.id = p.entry_id
    JOIN ledger_accounts AS debit ON debit.id = p.debit_account_id
    JOIN ledger_accounts AS credit ON credit.id = p.credit_account_id
    UNION ALL SELECT 'debt', amount_minor::text, repaid_minor::text, NULL, NULL, NULL FROM debts
    UNION ALL SELECT 'event', event_key, status, error, NULL, open_claims::text FROM webhook_events
"""


@dataclass(slots=True)
class Mail:
    """People with deposits, and events about them on their way through the inbox."""

    market: Market
    engine: AsyncEngine
    clock: ClockMovedByHand
    ids: IdsFromSeed
    stripe: StripeGateway
    deposits: dict[str, UUID] = field(default_factory=dict)
    received: int = 0

    @property
    def processing(self) -> Processing:
        return Processing(self.engine, self.stripe, self.clock, self.ids)

    async def deposit(self, name: str, customer: User, amount: str = "50.00") -> None:
        """One whose PaymentIntent we do not know yet; its name is what it is called at Stripe."""
        id_ = self.deposits[name] = self.ids.new()
        await self.market.do(
            lambda connection: start(
                connection,
                deposit_id=id_,
                user_id=customer.id,
                amount=usd(amount),
                payment_method_id="pm_card_visa",
                limits=LIMITS,
                now=self.clock.now(),
                lease_seconds=0,
            )
        )

    async def owing(self, customer: User, *debts: str) -> None:
        """Let the wallet owe: its money was spent, and went back to a card."""

        async def work(connection: AsyncConnection) -> None:
            for debt in debts:
                self.clock.advance(seconds=1)
                posting = Posting(wallet_debt(customer.id, "usd"), stripe_balance("usd"), usd(debt))
                entry = Entry(f"refund:{self.ids.new()}:made", (posting,))
                await record(connection, [entry])
                origin = (DebtOrigin.REFUND, self.ids.new())
                reference, now = entry.reference, self.clock.now()
                await owe(connection, customer.id, usd(debt), *origin, reference=reference, now=now)

        await self.market.do(work)

    async def arrive(self, type_: str, name: str, *, received: int = 5000, intent_id: str | None = None) -> str:
        """An event about that deposit; returns its id."""
        self.received += 1
        self.clock.advance(milliseconds=1)
        key = f"evt_{self.received}_{name}"
        stripe_object = {
            "id": intent_id or f"pi_{name}",
            "object": "payment_intent",
            "status": type_.rpartition(".")[2],
            "amount": 5000,
            "amount_received": received,
            "currency": "usd",
            "latest_charge": f"ch_{intent_id or name}",
            "metadata": {"deposit_id": str(self.deposits[name])} if name in self.deposits else {},
        }
        if type_ == "charge.updated":
            stripe_object = {"id": f"ch_{name}", "object": "charge"}
        await self.store({"id": key, "object": "event", "type": type_, "data": {"object": stripe_object}})
        return key

    async def store(self, event: dict[str, Any]) -> None:
        body = json.dumps(event).encode()
        envelope = open_envelope(body, livemode=False)
        await Inbox(self.engine).store(Arrived(envelope, body, Source.PLATFORM, self.clock.now()))

    async def settle(self) -> None:
        """Let the worker do all that is due now."""
        while await self.processing.settle():
            pass

    async def events(self) -> dict[str, tuple[str, int, str | None]]:
        """Status, tries and error of each."""
        query = text("SELECT event_key, status, tries, error FROM webhook_events ORDER BY id")
        async with reading(self.engine) as connection:
            return {key: (status, tries, error) for key, status, tries, error in await connection.execute(query)}

    async def left_behind(self) -> list[Any]:
        async with reading(self.engine) as connection:
            return sorted(map(tuple, await connection.execute(text(LEFT_BEHIND))), key=repr)

    async def changes_of(self, table: str) -> int:
        """How many database transactions wrote the rows that are there."""
        query = text(f"SELECT count(DISTINCT xmin::text) FROM {table}")  # noqa: S608
        async with reading(self.engine) as connection:
            return int((await connection.execute(query)).scalar_one())

    async def do(self, statement: str, **values: Any) -> None:
        await self.market.do(lambda connection: connection.execute(text(statement), values))

    async def books_hold(self) -> None:
        assert (await prove(self.engine, now=self.clock.now())).holds


async def paid(mail: Mail, count: int) -> list[str]:
    """Deposits of one person each, every one with the event that it succeeded."""
    names = [f"d{number}" for number in range(count)]
    for name in names:
        await mail.deposit(name, await mail.market.customer("0.00"))
    return [await mail.arrive("payment_intent.succeeded", name) for name in names]
