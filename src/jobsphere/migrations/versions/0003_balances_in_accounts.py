"""An account keeps its balance itself; postings are checked a whole statement at a time."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE postings DROP CONSTRAINT postings_entry_id_fkey",
    "ALTER TABLE postings DROP CONSTRAINT postings_debit_account_id_currency_fkey",
    "ALTER TABLE postings DROP CONSTRAINT postings_credit_account_id_currency_fkey",
    "ALTER TABLE postings DROP CONSTRAINT postings_entry_id_position_key",
    "ALTER TABLE postings DROP COLUMN id",
    "ALTER TABLE postings ADD CONSTRAINT postings_pkey PRIMARY KEY (entry_id, position)",
    "ALTER TABLE postings ADD CONSTRAINT postings_position_is_counted_from_one CHECK (position > 0)",
    "DROP INDEX postings_debit_account_id_idx",
    "DROP INDEX postings_credit_account_id_idx",
    "CREATE INDEX postings_debit_account_id_entry_id_idx ON postings (debit_account_id, entry_id)",
    "CREATE INDEX postings_credit_account_id_entry_id_idx ON postings (credit_account_id, entry_id)",
    "DROP TRIGGER open_balance ON ledger_accounts",
    "DROP TRIGGER refuse_change ON ledger_accounts",
    "ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_id_currency_key",
    "ALTER TABLE ledger_accounts SET (fillfactor = 60)",
    "ALTER TABLE ledger_accounts ADD COLUMN balance_minor BIGINT",
    """
    UPDATE ledger_accounts AS a SET balance_minor = b.balance_minor
    FROM ledger_balances AS b WHERE b.account_id = a.id
    """,
    "DROP TABLE ledger_balances",
    "DROP FUNCTION ledger_lock_balances",
    """
    ALTER TABLE ledger_accounts
        ADD CONSTRAINT ledger_accounts_guarded_has_its_balance CHECK (may_go_below_zero = (balance_minor IS NULL)),
        ADD CONSTRAINT ledger_accounts_never_negative CHECK (balance_minor >= 0)
    """,
    "DROP FUNCTION ledger_open_balance",
    """
    CREATE FUNCTION ledger_open_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.balance_minor := CASE WHEN NEW.may_go_below_zero THEN NULL ELSE 0 END;
        RETURN NEW;
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION ledger_move_balances() RETURNS trigger
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
    CREATE TRIGGER open_balance BEFORE INSERT ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION ledger_open_balance()
    """,
    """
    CREATE TRIGGER refuse_direct_balance BEFORE UPDATE OF balance_minor ON ledger_accounts
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_direct_balance()
    """,
    """
    CREATE TRIGGER refuse_change
    BEFORE UPDATE OF id, name, currency, normal_side, may_go_below_zero OR DELETE ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    "ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER open_balance",
    "ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER refuse_direct_balance",
    "ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER refuse_change",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        # Not text(): colons in the SQL are no parameters.
        op.get_bind().exec_driver_sql(statement)
