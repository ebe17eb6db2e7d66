"""The proof of the books: SQL that trusts neither our Python nor the stored balances.

Every check finds what contradicts a law; all of them read one snapshot of the database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.database import reading

SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Check:
    """A law of the books, and the query whose every row is a breach of it; ``$sums`` is what the accounts hold."""

    law: str
    sql: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found: at most ``SHOWN_MAX`` breaches, each as a short text."""

    law: str
    breaches: Sequence[str]


@dataclass(frozen=True, slots=True)
class Proof:
    """The outcome of all checks, with what they covered (counts of entries, postings and accounts)."""

    results: Sequence[Result]
    covered: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether no check found anything."""
        return not any(result.breaches for result in self.results)


# What each account holds, positive on its normal side, by the postings alone: every one of them is read once.
_SUMS_OF_POSTINGS = """
    sums AS (
        SELECT a.id, a.name, a.currency, a.normal_side, a.may_go_below_zero,
               COALESCE(CASE a.normal_side WHEN 'debit' THEN debit_minor ELSE -debit_minor END, 0) AS minor
        FROM ledger_accounts AS a
        LEFT JOIN (
            SELECT account_id, sum(debit_minor) AS debit_minor
            FROM (
                SELECT debit_account_id AS account_id, amount_minor AS debit_minor FROM postings
                UNION ALL
                SELECT credit_account_id, -amount_minor FROM postings
            ) AS sides
            GROUP BY account_id
        ) AS moved ON moved.account_id = a.id
    )
"""
_PARTS = "(SELECT account_id, sum(balance_minor) AS minor FROM balance_parts GROUP BY account_id) AS parts"
# The same, once it is proven that the stored balances say so.
_SUMS_AS_STORED = f"""
    sums AS (
        SELECT a.id, a.name, a.currency, a.normal_side, a.may_go_below_zero,
               COALESCE(a.balance_minor, parts.minor, 0) AS minor
        FROM ledger_accounts AS a LEFT JOIN {_PARTS} ON parts.account_id = a.id
    )
"""
_STORED_IS_TRUE = Check(
    "every stored balance is the sum of its postings",
    f"""
    WITH $sums
    SELECT name || ': stored ' || COALESCE(stored::text, 'nothing') || ', postings ' || minor
    FROM (
        SELECT sums.name, sums.minor, CASE
            WHEN NOT a.may_go_below_zero AND parts.account_id IS NULL THEN a.balance_minor
            WHEN a.may_go_below_zero AND a.balance_minor IS NULL THEN COALESCE(parts.minor, 0)
        END AS stored
        FROM sums JOIN ledger_accounts AS a USING (id) LEFT JOIN {_PARTS} ON parts.account_id = a.id
    ) AS compared
    WHERE stored IS DISTINCT FROM minor
    """,
)

# What holds of any ledger, whatever it is kept for.
LEDGER_CHECKS = (
    Check(
        "every journal entry has all its postings",
        """
        SELECT e.reference FROM journal_entries AS e LEFT JOIN postings AS p ON p.entry_id = e.id
        GROUP BY e.id HAVING count(p.entry_id) <> e.posting_count
        """,
    ),
    Check(
        "debits equal credits in every currency",
        """
        WITH $sums
        SELECT currency || ': ' || sum(CASE normal_side WHEN 'debit' THEN minor ELSE -minor END)
        FROM sums GROUP BY currency
        HAVING sum(CASE normal_side WHEN 'debit' THEN minor ELSE -minor END) <> 0
        """,
    ),
    _STORED_IS_TRUE,
    Check(
        "no account of a person, offer or withdrawal is below zero",
        "WITH $sums SELECT name || ': ' || minor FROM sums WHERE minor < 0 AND NOT may_go_below_zero",
    ),
    Check(
        "nothing is left in suspense",
        "WITH $sums SELECT currency || ': ' || minor FROM sums WHERE name = 'suspense' AND minor <> 0",
    ),
)

# What holds of a ledger in which only JobSphere's deeds are recorded.
CHECKS = (
    *LEDGER_CHECKS,
    Check(
        "every journal entry is of a deed that JobSphere does",
        """
        SELECT reference FROM journal_entries
        WHERE reference !~ ('^(deposit:[-0-9a-f]{36}:(settle|fee)|offer:[-0-9a-f]{36}:[a-z]+'
            || '|(refund|dispute|withdrawal):[-0-9a-f]{36}:[a-z]+(:[A-Za-z0-9_]+)?'
            || '|debt:[-0-9a-f]{36}:[-a-z]+:[-0-9a-f]{36}:[a-z]+(:[A-Za-z0-9_]+)?)$')
        """,
    ),
    Check(
        "what is at Stripe, on connected accounts and under way to banks is what the deeds say",
        """
        WITH $sums,
        held AS (
            SELECT currency, sum(minor) AS minor,
                   CASE WHEN name LIKE 'stripe:connected:%' THEN 'stripe:connected' ELSE name END AS place
            FROM sums WHERE name LIKE 'stripe:%' GROUP BY 1, 3
        ),
        deeds (currency, place, minor) AS (
            SELECT currency, 'stripe:balance', amount_minor FROM deposits WHERE state = 'succeeded'
            UNION ALL SELECT currency, 'stripe:balance', -fee_minor FROM charge_fees WHERE state = 'booked'
            UNION ALL SELECT currency, 'stripe:balance', -amount_minor FROM refunds
                WHERE is_taken AND state NOT IN ('failed', 'canceled')
            UNION ALL SELECT d.currency, 'stripe:balance', m.amount_minor - m.fee_minor
                FROM dispute_movements AS m JOIN disputes AS d ON d.id = m.dispute_id
            UNION ALL SELECT currency, 'stripe:balance', -amount_minor FROM withdrawals
                WHERE COALESCE(unresolved_in, state) NOT IN
                    ('requested', 'held_for_review', 'reserved', 'transferring', 'returned', 'canceled')
            UNION ALL SELECT currency, 'stripe:connected', amount_minor FROM withdrawals
                WHERE COALESCE(unresolved_in, state) IN ('transferred', 'paying_out', 'failed', 'reversing')
            UNION ALL SELECT currency, 'stripe:paying_out', amount_minor FROM withdrawals
                WHERE state = 'in_transit'
        ),
        said AS (SELECT currency, place, sum(minor) AS minor FROM deeds GROUP BY 1, 2)
        SELECT place || ' in ' || currency || ': ledger ' || COALESCE(held.minor, 0)
               || ', deeds ' || COALESCE(said.minor, 0)
        FROM held FULL JOIN said USING (currency, place)
        WHERE COALESCE(held.minor, 0) <> COALESCE(said.minor, 0)
        """,
    ),
    Check(
        "no event about money waits for a person",
        """
        SELECT 'event ' || event_key || ' (' || type || '): ' || error FROM webhook_events
        WHERE status = 'parked' AND tries > 0
        """,
    ),
    Check(
        "escrow is what was promised and neither released nor returned",
        """
        WITH $sums
        SELECT 'offer ' || o.id || ' is ' || o.state || ': escrow ' || COALESCE(sums.minor, 0)
        FROM offers AS o
        LEFT JOIN sums ON sums.name = 'offer:' || o.id || ':escrow' AND sums.currency = o.currency
        LEFT JOIN (
            SELECT offer_id, sum(amount_minor) AS minor FROM dispute_parts WHERE state = 'frozen' GROUP BY offer_id
        ) AS frozen ON frozen.offer_id = o.id
        WHERE COALESCE(sums.minor, 0) <> CASE o.state
            WHEN 'sent' THEN o.amount_minor + o.platform_fee_minor
            WHEN 'accepted' THEN o.amount_minor - COALESCE(frozen.minor, 0) ELSE 0 END
        """,
    ),
    Check(
        "what is in transit belongs to withdrawals that are not over",
        """
        WITH $sums
        SELECT 'withdrawal ' || w.id || ' is ' || w.state || ': in transit ' || COALESCE(sums.minor, 0)
        FROM withdrawals AS w
        LEFT JOIN sums ON sums.name = 'withdrawal:' || w.id || ':in_transit' AND sums.currency = w.currency
        WHERE COALESCE(sums.minor, 0) <>
            CASE WHEN w.state IN ('requested', 'paid', 'returned', 'canceled') THEN 0 ELSE w.amount_minor END
        """,
    ),
    Check(
        "what is in transit to cards belongs to refunds that Stripe has not taken",
        """
        WITH $sums
        SELECT 'refund ' || r.id || ' is ' || r.state || ': in transit ' || COALESCE(sums.minor, 0)
        FROM refunds AS r
        LEFT JOIN sums ON sums.name = 'refund:' || r.id || ':in_transit' AND sums.currency = r.currency
        WHERE COALESCE(sums.minor, 0) <>
            CASE WHEN r.is_taken OR r.state IN ('failed', 'canceled') THEN 0 ELSE r.amount_minor END
        """,
    ),
    Check(
        "no deposit is refunded more than was paid",
        """
        SELECT 'deposit ' || d.id || ': counted ' || d.refunded_minor || ', refunds ' || COALESCE(made.minor, 0)
               || ' of ' || d.amount_minor
        FROM deposits AS d
        LEFT JOIN (
            SELECT deposit_id, sum(amount_minor) AS minor FROM refunds
            WHERE state NOT IN ('failed', 'canceled') GROUP BY deposit_id
        ) AS made ON made.deposit_id = d.id
        WHERE d.refunded_minor <> COALESCE(made.minor, 0) OR d.refunded_minor > d.amount_minor
        """,
    ),
    Check(
        "what disputes hold is what was frozen for them, and what Stripe took and nobody bore",
        """
        WITH $sums,
        disputed AS (
            SELECT 'dispute:' || id || ':contested' AS name, currency,
                   withdrawn_minor - reinstated_minor - settled_minor AS minor FROM disputes
            UNION ALL
            SELECT 'dispute:' || d.id || ':frozen', d.currency,
                   COALESCE(sum(p.amount_minor) FILTER (WHERE p.state = 'frozen'), 0)
            FROM disputes AS d LEFT JOIN dispute_parts AS p ON p.dispute_id = d.id GROUP BY d.id
        ),
        held AS (SELECT name, currency, minor FROM sums WHERE name LIKE 'dispute:%')
        SELECT name || ': ledger ' || COALESCE(held.minor, 0) || ', disputes ' || COALESCE(disputed.minor, 0)
        FROM held FULL JOIN disputed USING (name, currency)
        WHERE COALESCE(held.minor, 0) <> COALESCE(disputed.minor, 0)
        UNION ALL
        SELECT 'dispute ' || id || ' is ' || state || ' and still holds money' FROM disputes AS d
        WHERE state IN ('won', 'lost', 'closed', 'inquiry') AND (
            withdrawn_minor - reinstated_minor - settled_minor <> 0
            OR EXISTS (SELECT FROM dispute_parts AS p WHERE p.dispute_id = d.id AND p.state = 'frozen'))
        """,
    ),
    Check(
        "every debt has its origin, and no wallet holds money while it owes",
        """
        WITH $sums,
        owed AS (
            SELECT 'wallet:' || wallet_id || ':debt' AS name, currency, sum(amount_minor - repaid_minor) AS minor
            FROM debts GROUP BY wallet_id, currency
        ),
        accounts AS (SELECT name, currency, minor FROM sums WHERE name ~ '^wallet:.*:debt$')
        SELECT name || ': ledger ' || COALESCE(accounts.minor, 0) || ', debts ' || COALESCE(owed.minor, 0)
        FROM accounts FULL JOIN owed USING (name, currency)
        WHERE COALESCE(accounts.minor, 0) <> COALESCE(owed.minor, 0)
        UNION ALL
        SELECT held.name || ' holds ' || held.minor || ' and owes ' || debt.minor
        FROM sums AS held
        JOIN sums AS debt
          ON debt.name = replace(held.name, ':available', ':debt') AND debt.currency = held.currency
        WHERE held.name ~ '^wallet:.*:available$' AND held.minor > 0 AND debt.minor > 0
        """,
    ),
    Check(
        "every deposit that succeeded is credited once, and no other is",
        """
        SELECT 'deposit ' || d.id || ' is ' || d.state || ': credited ' || COALESCE(sum(p.amount_minor), 0)
        FROM deposits AS d
        LEFT JOIN journal_entries AS e ON e.reference = 'deposit:' || d.id || ':settle'
        LEFT JOIN postings AS p ON p.entry_id = e.id
        GROUP BY d.id
        HAVING COALESCE(sum(p.amount_minor), 0) <> CASE d.state WHEN 'succeeded' THEN d.amount_minor ELSE 0 END
        """,
    ),
    Check(
        "what Stripe keeps of a charge is booked once, as Stripe said",
        """
        SELECT 'deposit ' || d.id || ': fee '
               || COALESCE(f.state || ' ' || COALESCE(f.fee_minor, 0), 'not asked for')
               || ', booked ' || COALESCE(booked.minor, 0)
        FROM deposits AS d
        LEFT JOIN charge_fees AS f ON f.id = d.id
        LEFT JOIN (
            SELECT d.id, sum(CASE a.name WHEN 'platform:processing_costs' THEN p.amount_minor
                                         ELSE -p.amount_minor END) AS minor
            FROM deposits AS d
            JOIN journal_entries AS e ON e.reference = 'deposit:' || d.id || ':fee'
            JOIN postings AS p ON p.entry_id = e.id JOIN ledger_accounts AS a ON a.id = p.debit_account_id
            GROUP BY d.id
        ) AS booked ON booked.id = d.id
        WHERE COALESCE(booked.minor, 0) <> COALESCE(f.fee_minor, 0)
           OR (d.state = 'succeeded') <> (f.id IS NOT NULL)
        """,
    ),
    Check(
        "people see as completed what the ledger says is completed",
        """
        SELECT 'transaction ' || t.id || ' is ' || t.status
        FROM transactions AS t
        LEFT JOIN deposits AS d ON d.id = t.id LEFT JOIN withdrawals AS w ON w.id = t.id
        LEFT JOIN refunds AS r ON r.id = t.id LEFT JOIN disputes AS x ON x.id = t.id
        WHERE (t.type = 'deposit' AND (t.status = 'completed') <> (d.state IS NOT DISTINCT FROM 'succeeded'))
           OR (t.type = 'withdrawal' AND (t.status = 'completed') <> (w.state IS NOT DISTINCT FROM 'paid'))
           OR (x.id IS NOT NULL AND (t.status = 'completed') <> (x.state = 'lost'))
           OR (r.id IS NOT NULL AND (t.status = 'completed') <> (r.state = 'succeeded'))
        """,
    ),
    Check(
        "nothing waits for longer than it may",
        """
        SELECT 'deposit ' || id || ' is ' || state || ' since ' || attempted_at FROM deposits
        WHERE (state IN ('created', 'confirming') AND attempted_at < $1::timestamptz - interval '2 hours')
           OR (state IN ('requires_action', 'declined') AND attempted_at < $1::timestamptz - interval '26 hours')
        UNION ALL
        SELECT 'deposit ' || id || ' is processing since ' || created_at FROM deposits
        WHERE state = 'processing' AND created_at < $1::timestamptz - interval '10 days'
        UNION ALL
        SELECT 'fee of deposit ' || id || ' is not known since ' || created_at FROM charge_fees
        WHERE state = 'pending' AND created_at < $1::timestamptz - interval '10 days'
        UNION ALL
        SELECT 'withdrawal ' || id || ' is ' || state || ' since ' || created_at FROM withdrawals
        WHERE state NOT IN ('paid', 'returned', 'canceled') AND created_at < $1::timestamptz - interval '14 days'
        UNION ALL
        SELECT 'refund ' || id || ' is ' || state || ' since ' || created_at FROM refunds
        WHERE state IN ('requested', 'sending') AND created_at < $1::timestamptz - interval '2 days'
        UNION ALL
        SELECT 'refund ' || id || ' is pending since ' || created_at FROM refunds
        WHERE state = 'pending' AND created_at < $1::timestamptz - interval '30 days'
        UNION ALL
        SELECT 'dispute ' || id || ' is decided since long, and its money did not move' FROM disputes
        WHERE state = 'decided' AND created_at < $1::timestamptz - interval '180 days'
        UNION ALL
        SELECT 'offer ' || id || ' should have expired at ' || expires_at FROM offers
        WHERE state = 'sent' AND expires_at < $1::timestamptz - interval '1 hour'
        UNION ALL
        SELECT 'event ' || event_key || ' is unprocessed since ' || received_at FROM webhook_events
        WHERE status = 'new' AND received_at < $1::timestamptz - interval '6 hours'
        """,
    ),
)

_SETTINGS = (
    # A proof over millions of postings takes longer than a request may.
    "statement_timeout = '10min'",
    # Sums of a million accounts at once instead of through files.
    "work_mem = '64MB'",
)

_COVERED = """
    SELECT (SELECT count(*) FROM journal_entries), (SELECT count(*) FROM postings),
           (SELECT count(*) FROM ledger_accounts)
"""


async def prove(
    engine: AsyncEngine,
    *,
    now: datetime,
    checks: Sequence[Check] = CHECKS,
    proven: Callable[[str], None] = lambda law: None,
) -> Proof:
    """Run the checks on one snapshot. Writes nothing and locks nobody out; ``proven`` is told of each law done.

    PostgreSQL does the work, with constant memory here, whatever the size of the books.
    """
    async with reading(engine, one_snapshot=True) as connection:
        for setting in _SETTINGS:
            await connection.exec_driver_sql(f"SET LOCAL {setting}")
        found = {}
        sums = _SUMS_OF_POSTINGS
        # First whether the stored balances are true: if so, the other laws need not add the postings up again.
        for check in sorted(checks, key=lambda check: check is not _STORED_IS_TRUE):
            found[check] = await _breaches(connection, check, sums, now)
            if check is _STORED_IS_TRUE and not found[check]:
                sums = _SUMS_AS_STORED
            proven(check.law)
        entries, postings, accounts = (await connection.execute(text(_COVERED))).one()
    results = [Result(check.law, found[check]) for check in checks]
    return Proof(results, {"entries": entries, "postings": postings, "accounts": accounts})


async def _breaches(connection: AsyncConnection, check: Check, sums: str, now: datetime) -> Sequence[str]:
    parameters = (now,) if "$1" in check.sql else ()
    # Not text(): its colons would be parameters, and account names have colons.
    query = f"{check.sql.replace('$sums', sums)} LIMIT {SHOWN_MAX}"
    return [str(row[0]) for row in await connection.exec_driver_sql(query, parameters)]
