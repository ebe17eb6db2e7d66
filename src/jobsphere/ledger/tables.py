"""The ledger in PostgreSQL: its tables, and the rules it keeps even if Python is wrong."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)

from jobsphere.schema import append_only, install, metadata

ledger_accounts = Table(
    "ledger_accounts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("normal_side", Text, nullable=False),
    Column("may_go_below_zero", Boolean, nullable=False),
    # What it holds, positive on its normal side; empty where it may go below zero: that is the sum of postings.
    Column("balance_minor", BigInteger),
    UniqueConstraint("name", "currency"),
    CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency_is_a_code"),
    CheckConstraint("normal_side IN ('debit', 'credit')", name="normal_side_is_known"),
    CheckConstraint(
        "may_go_below_zero = (name ~ '^(platform|stripe):' OR name = 'suspense')",
        name="only_platform_and_stripe_may_go_below_zero",
    ),
    CheckConstraint("may_go_below_zero = (balance_minor IS NULL)", name="guarded_has_its_balance"),
    CheckConstraint("balance_minor >= 0", name="never_negative"),
    # Room on every page, so that a balance moves without a new entry in the indexes.
    postgresql_with={"fillfactor": 60},
)

journal_entries = Table(
    "journal_entries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("posting_count", SmallInteger, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("reference <> ''", name="reference_is_given"),
    CheckConstraint("posting_count > 0", name="has_postings"),
)

postings = Table(
    "postings",
    metadata,
    # No foreign keys: ledger_move_balances looks for entry and accounts, a whole statement at a time.
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("debit_account_id", BigInteger, nullable=False),
    Column("credit_account_id", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    CheckConstraint("position > 0", name="position_is_counted_from_one"),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
    CheckConstraint("debit_account_id <> credit_account_id", name="two_accounts"),
    # With the entry, so that what came after a snapshot is one stretch of the index.
    Index(None, "debit_account_id", "entry_id"),
    Index(None, "credit_account_id", "entry_id"),
)

install(
    # Balances start at zero with their account and move only with a posting: the application may
    # not write them at all, so these functions run with their owner's rights.
    """
    CREATE FUNCTION ledger_open_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.balance_minor := CASE WHEN NEW.may_go_below_zero THEN NULL ELSE 0 END;
        RETURN NEW;
    END $$
    """,
    # Also what foreign keys would keep: accounts and entries never vanish, so to look once, when postings are
    # written, is enough; and to look for those of a statement together costs a fraction of the keys.
    """
    CREATE FUNCTION ledger_move_balances() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    DECLARE
        strangers bigint;
    BEGIN
        IF EXISTS (
            SELECT FROM (
                SELECT entry_id, count(*) AS written, max(position) AS last FROM new_postings GROUP BY entry_id
            ) AS p
            LEFT JOIN journal_entries AS e ON e.id = p.entry_id
            WHERE e.posting_count IS DISTINCT FROM p.written OR p.last <> p.written
        ) THEN
            RAISE EXCEPTION 'an entry gets all its postings in one statement, and no more'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        WITH moved AS MATERIALIZED (
            SELECT account_id, currency, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit
            FROM (
                SELECT debit_account_id AS account_id, currency, amount_minor AS debit, 0 AS credit
                FROM new_postings
                UNION ALL
                SELECT credit_account_id, currency, 0, amount_minor FROM new_postings
            ) AS sides
            GROUP BY 1, 2
        ), guarded AS (
            UPDATE ledger_accounts AS a
            SET balance_minor = a.balance_minor
                + CASE a.normal_side WHEN 'debit' THEN debit - credit ELSE credit - debit END
            FROM moved
            WHERE a.id = moved.account_id AND a.currency = moved.currency AND NOT a.may_go_below_zero
            RETURNING a.id
        )
        SELECT count(*) INTO strangers FROM moved
        WHERE account_id NOT IN (SELECT id FROM guarded) AND NOT EXISTS (
            SELECT FROM ledger_accounts AS a
            WHERE a.id = moved.account_id AND a.currency = moved.currency AND a.may_go_below_zero
        );
        IF strangers > 0 THEN
            RAISE EXCEPTION 'a posting moves money between two accounts of its own currency'
                USING ERRCODE = 'foreign_key_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    # The only lock on balances: always in the order of the account ids, so that two never deadlock.
    """
    CREATE FUNCTION ledger_lock_balances(names text[], currencies text[])
    RETURNS TABLE (place bigint, account_id bigint, balance_minor bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    BEGIN
        RETURN QUERY
        SELECT w.place, a.id, a.balance_minor
        FROM unnest(names, currencies) WITH ORDINALITY AS w (name, currency, place)
        JOIN ledger_accounts AS a USING (name, currency)
        WHERE NOT a.may_go_below_zero
        ORDER BY a.id FOR UPDATE OF a;
        RETURN QUERY
        SELECT w.place, a.id, a.balance_minor
        FROM unnest(names, currencies) WITH ORDINALITY AS w (name, currency, place)
        JOIN ledger_accounts AS a USING (name, currency)
        WHERE a.may_go_below_zero AND w.name ~ '^(platform|stripe|suspense)';
    END $$
    """,
    """
    CREATE FUNCTION refuse_direct_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'balances move with postings only' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER open_balance BEFORE INSERT ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION ledger_open_balance()
    """,
    """
    CREATE TRIGGER move_balances AFTER INSERT ON postings REFERENCING NEW TABLE AS new_postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_move_balances()
    """,
    """
    CREATE TRIGGER refuse_direct_balance BEFORE UPDATE OF balance_minor ON ledger_accounts
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_direct_balance()
    """,
    "ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER open_balance",
    "ALTER TABLE postings ENABLE ALWAYS TRIGGER move_balances",
    "ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER refuse_direct_balance",
)
append_only("ledger_accounts", "id", "name", "currency", "normal_side", "may_go_below_zero")
append_only("journal_entries")
append_only("postings")
