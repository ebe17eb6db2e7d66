"""The ledger in PostgreSQL: its tables, and the rules it keeps even if Python is wrong."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
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
    UniqueConstraint("name", "currency"),
    UniqueConstraint("id", "currency"),
    CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency_is_a_code"),
    CheckConstraint("normal_side IN ('debit', 'credit')", name="normal_side_is_known"),
    CheckConstraint(
        "may_go_below_zero = (name ~ '^(platform|stripe):' OR name = 'suspense')",
        name="only_platform_and_stripe_may_go_below_zero",
    ),
)

ledger_balances = Table(
    "ledger_balances",
    metadata,
    Column("account_id", ForeignKey("ledger_accounts.id"), primary_key=True, autoincrement=False),
    Column("balance_minor", BigInteger, nullable=False),
    CheckConstraint("balance_minor >= 0", name="never_negative"),
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
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("entry_id", ForeignKey("journal_entries.id"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("debit_account_id", BigInteger, nullable=False),
    Column("credit_account_id", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    UniqueConstraint("entry_id", "position"),
    ForeignKeyConstraint(["debit_account_id", "currency"], ["ledger_accounts.id", "ledger_accounts.currency"]),
    ForeignKeyConstraint(["credit_account_id", "currency"], ["ledger_accounts.id", "ledger_accounts.currency"]),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
    CheckConstraint("debit_account_id <> credit_account_id", name="two_accounts"),
    Index(None, "debit_account_id"),
    Index(None, "credit_account_id"),
)

install(
    # Balances start at zero with their account and move only with a posting: the application may
    # not write them at all, so these functions run with their owner's rights.
    """
    CREATE FUNCTION ledger_open_balance() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        IF NOT NEW.may_go_below_zero THEN
            INSERT INTO ledger_balances (account_id, balance_minor) VALUES (NEW.id, 0);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION ledger_move_balances() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        UPDATE ledger_balances AS b
        SET balance_minor = b.balance_minor + moved.delta
        FROM (
            SELECT a.id, sum(CASE WHEN a.normal_side = m.side THEN m.amount ELSE -m.amount END) AS delta
            FROM (
                SELECT debit_account_id AS account_id, 'debit' AS side, amount_minor AS amount
                FROM new_postings
                UNION ALL
                SELECT credit_account_id, 'credit', amount_minor FROM new_postings
            ) AS m
            JOIN ledger_accounts AS a ON a.id = m.account_id
            WHERE NOT a.may_go_below_zero
            GROUP BY a.id
        ) AS moved
        WHERE b.account_id = moved.id AND moved.delta <> 0;
        RETURN NULL;
    END $$
    """,
    # The only lock on balances: always in the order of the account ids, so that two never deadlock.
    """
    CREATE FUNCTION ledger_lock_balances(account_ids bigint[])
    RETURNS TABLE (account_id bigint, balance_minor bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT b.account_id, b.balance_minor FROM ledger_balances AS b
        WHERE b.account_id = ANY (account_ids) ORDER BY b.account_id FOR UPDATE
    $$
    """,
    """
    CREATE FUNCTION refuse_direct_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'balances move with postings only' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER open_balance AFTER INSERT ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION ledger_open_balance()
    """,
    """
    CREATE TRIGGER move_balances AFTER INSERT ON postings REFERENCING NEW TABLE AS new_postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_move_balances()
    """,
    """
    CREATE TRIGGER refuse_direct_balance BEFORE INSERT OR UPDATE OR DELETE ON ledger_balances
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_direct_balance()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_balances
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    "ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER open_balance",
    "ALTER TABLE postings ENABLE ALWAYS TRIGGER move_balances",
    "ALTER TABLE ledger_balances ENABLE ALWAYS TRIGGER refuse_direct_balance",
    "ALTER TABLE ledger_balances ENABLE ALWAYS TRIGGER refuse_truncate",
)
for table in (ledger_accounts, journal_entries, postings):
    append_only(table.name)
