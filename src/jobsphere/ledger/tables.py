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

# 32 pages hold 3,600 postings; of their accounts, one in a hundred others seems to be there too.
_MAY_HOLD = "int8_bloom_ops (n_distinct_per_range=2000)"

ledger_accounts = Table(
    "ledger_accounts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("normal_side", Text, nullable=False),
    Column("may_go_below_zero", Boolean, nullable=False),
    # What it holds, positive on its normal side; empty where it may go below zero: that is in balance_parts.
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
    # To list an account. No request does, so an index that is read in milliseconds and costs a posting next to
    # nothing (ADR 22): it remembers which pages may hold an account.
    Index(
        "postings_accounts_idx",
        "debit_account_id",
        "credit_account_id",
        postgresql_using="brin",
        postgresql_ops={"debit_account_id": _MAY_HOLD, "credit_account_id": _MAY_HOLD},
        postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
    ),
)

balance_parts = Table(
    "balance_parts",
    metadata,
    # What an account that may go below zero holds is the sum of its parts. Nearly every entry moves such an
    # account, and each database transaction moves a part that no other holds: nobody waits. There are as many as
    # ever moved the account at the same time.
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("balance_minor", BigInteger, nullable=False),
    postgresql_with={"fillfactor": 20},
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
    # written, is enough; and to look for those of a statement together costs a fraction of the keys. Joined row by
    # row, through the keys: a plan made on small tables must not read large ones whole.
    """
    CREATE FUNCTION ledger_move_balances() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    DECLARE
        shared record;
        free_id bigint;
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
        FOR shared IN
            WITH moved AS MATERIALIZED (
                SELECT account_id, currency, sum(debit_minor)::bigint AS debit_minor
                FROM (
                    SELECT debit_account_id AS account_id, currency, amount_minor AS debit_minor FROM new_postings
                    UNION ALL
                    SELECT credit_account_id, currency, -amount_minor FROM new_postings
                ) AS sides
                GROUP BY 1, 2
            ), guarded AS (
                UPDATE ledger_accounts AS a
                SET balance_minor = a.balance_minor
                    + CASE a.normal_side WHEN 'debit' THEN debit_minor ELSE -debit_minor END
                FROM moved
                WHERE a.id = moved.account_id AND a.currency = moved.currency AND NOT a.may_go_below_zero
                RETURNING a.id
            )
            SELECT a.id, CASE a.normal_side WHEN 'debit' THEN debit_minor ELSE -debit_minor END AS moved_minor
            FROM moved
            LEFT JOIN ledger_accounts AS a
                ON a.id = moved.account_id AND a.currency = moved.currency AND a.may_go_below_zero
            WHERE account_id NOT IN (SELECT id FROM guarded)
        LOOP
            IF shared.id IS NULL THEN
                RAISE EXCEPTION 'a posting moves money between two accounts of its own currency'
                    USING ERRCODE = 'foreign_key_violation';
            END IF;
            SELECT id INTO free_id FROM balance_parts WHERE account_id = shared.id
            LIMIT 1 FOR UPDATE SKIP LOCKED;
            IF FOUND THEN
                UPDATE balance_parts SET balance_minor = balance_minor + shared.moved_minor
                WHERE account_id = shared.id AND id = free_id;
            ELSE
                INSERT INTO balance_parts (account_id, balance_minor) VALUES (shared.id, shared.moved_minor);
            END IF;
        END LOOP;
        RETURN NULL;
    END $$
    """,
    # The only lock on balances: always in the order of the account ids, so that two never deadlock. Which of the
    # references are taken (rows without an account) is looked up after it: whoever held a lock has committed.
    """
    CREATE FUNCTION ledger_hold(guarded text[], shared text[], currencies text[], entry_references text[])
    RETURNS TABLE (account_id bigint, name text, currency text, balance_minor bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    BEGIN
        RETURN QUERY
        SELECT a.id, a.name, a.currency, a.balance_minor FROM ledger_accounts AS a
        WHERE a.name = ANY (guarded) AND a.currency = ANY (currencies) AND NOT a.may_go_below_zero
        ORDER BY a.id FOR UPDATE;
        RETURN QUERY
        SELECT a.id, a.name, a.currency, NULL::bigint FROM ledger_accounts AS a
        WHERE a.name = ANY (shared) AND a.currency = ANY (currencies) AND a.may_go_below_zero;
        RETURN QUERY
        SELECT NULL::bigint, e.reference, NULL, NULL::bigint FROM journal_entries AS e
        WHERE e.reference = ANY (entry_references);
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
    """
    CREATE TRIGGER refuse_direct_balance BEFORE INSERT OR UPDATE OR DELETE ON balance_parts
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_direct_balance()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON balance_parts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    "ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER open_balance",
    "ALTER TABLE postings ENABLE ALWAYS TRIGGER move_balances",
    "ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER refuse_direct_balance",
    "ALTER TABLE balance_parts ENABLE ALWAYS TRIGGER refuse_direct_balance",
    "ALTER TABLE balance_parts ENABLE ALWAYS TRIGGER refuse_truncate",
)
append_only("ledger_accounts", "id", "name", "currency", "normal_side", "may_go_below_zero", each="statement")
append_only("journal_entries")
append_only("postings")
