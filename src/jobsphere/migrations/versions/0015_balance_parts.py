"""Platform accounts keep their balance in parts; postings are found by account through a small index."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STATEMENTS = (
    "DROP INDEX postings_debit_account_id_entry_id_idx",
    "DROP INDEX postings_credit_account_id_entry_id_idx",
    """
    CREATE INDEX postings_accounts_idx ON postings USING brin (
        debit_account_id int8_bloom_ops (n_distinct_per_range=2000),
        credit_account_id int8_bloom_ops (n_distinct_per_range=2000)
    ) WITH (pages_per_range = 32, autosummarize = on)
    """,
    """
    CREATE TABLE balance_parts (
        account_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        balance_minor BIGINT NOT NULL,
        CONSTRAINT balance_parts_pkey PRIMARY KEY (account_id, id)
    ) WITH (fillfactor = 20)
    """,
    """
    INSERT INTO balance_parts (account_id, balance_minor)
    SELECT a.id, sum(CASE moved.side WHEN a.normal_side THEN amount_minor ELSE -amount_minor END)
    FROM (
        SELECT debit_account_id AS account_id, 'debit' AS side, amount_minor FROM postings
        UNION ALL
        SELECT credit_account_id, 'credit', amount_minor FROM postings
    ) AS moved
    JOIN ledger_accounts AS a ON a.id = moved.account_id
    WHERE a.may_go_below_zero GROUP BY a.id
    """,
    """
    CREATE OR REPLACE FUNCTION ledger_move_balances() RETURNS trigger
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
    "DROP FUNCTION ledger_lock_balances",
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
    "DROP TRIGGER refuse_change ON ledger_accounts",
    """
    CREATE TRIGGER refuse_change
    BEFORE UPDATE OF id, name, currency, normal_side, may_go_below_zero OR DELETE ON ledger_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_direct_balance BEFORE INSERT OR UPDATE OR DELETE ON balance_parts
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_direct_balance()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON balance_parts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    "ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER refuse_change",
    "ALTER TABLE balance_parts ENABLE ALWAYS TRIGGER refuse_direct_balance",
    "ALTER TABLE balance_parts ENABLE ALWAYS TRIGGER refuse_truncate",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        # Not text(): colons in the SQL are no parameters.
        op.get_bind().exec_driver_sql(statement)
