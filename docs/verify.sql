-- Proves the core of JobSphere's books on any database or restored dump:
--
--     psql --no-psqlrc --file docs/verify.sql DATABASE
--
-- Each query lists what breaks one law. When all is well, every one of them answers "(0 rows)".
-- It trusts the postings and none of the Python code. Stored balances are proved against the postings by the
-- third query; those after it use them.

\set ON_ERROR_STOP on
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;

\echo 'Journal entries without all their postings'
SELECT e.reference, e.posting_count, count(p.entry_id) AS found
FROM journal_entries AS e LEFT JOIN postings AS p ON p.entry_id = e.id
GROUP BY e.id HAVING count(p.entry_id) <> e.posting_count;

\echo 'Currencies in which debits and credits differ'
SELECT currency, sum(minor) AS difference FROM (
    SELECT a.currency, p.amount_minor AS minor FROM postings AS p JOIN ledger_accounts AS a ON a.id = p.debit_account_id
    UNION ALL
    SELECT a.currency, -p.amount_minor FROM postings AS p JOIN ledger_accounts AS a ON a.id = p.credit_account_id
) AS moved GROUP BY currency HAVING sum(minor) <> 0;

\echo 'Stored balances that are not the sum of their postings, or below zero'
SELECT a.name, a.currency, a.stored, COALESCE(s.minor, 0) AS postings
FROM (
    SELECT id, name, currency, balance_minor < 0 AS is_below,
        CASE WHEN may_go_below_zero THEN COALESCE(parts.minor, 0) ELSE balance_minor END AS stored
    FROM ledger_accounts
    LEFT JOIN (SELECT account_id, sum(balance_minor) AS minor FROM balance_parts GROUP BY account_id) AS parts
        ON parts.account_id = id
) AS a
LEFT JOIN (
    SELECT m.account_id, sum(CASE WHEN m.side = a.normal_side THEN m.minor ELSE -m.minor END) AS minor
    FROM (
        SELECT debit_account_id AS account_id, 'debit' AS side, amount_minor AS minor FROM postings
        UNION ALL
        SELECT credit_account_id, 'credit', amount_minor FROM postings
    ) AS m JOIN ledger_accounts AS a ON a.id = m.account_id
    GROUP BY m.account_id
) AS s ON s.account_id = a.id
WHERE a.stored <> COALESCE(s.minor, 0) OR a.is_below;

\echo 'Accounts of people, offers or withdrawals without a guarded balance'
SELECT name, currency FROM ledger_accounts
WHERE name !~ '^(platform|stripe):' AND name <> 'suspense' AND balance_minor IS NULL;

\echo 'Offers whose escrow is not what was promised and neither released nor returned'
SELECT o.id, o.state, COALESCE(a.balance_minor, 0) AS escrow
FROM offers AS o
LEFT JOIN ledger_accounts AS a ON a.name = 'offer:' || o.id || ':escrow' AND a.currency = o.currency
WHERE COALESCE(a.balance_minor, 0) <> CASE o.state
    WHEN 'sent' THEN o.amount_minor + o.platform_fee_minor
    WHEN 'accepted' THEN o.amount_minor - (
        SELECT COALESCE(sum(p.amount_minor), 0) FROM dispute_parts AS p
        WHERE p.offer_id = o.id AND p.state = 'frozen'
    ) ELSE 0 END;

\echo 'Withdrawals whose money in transit does not fit their state'
SELECT w.id, w.state, COALESCE(a.balance_minor, 0) AS in_transit
FROM withdrawals AS w
LEFT JOIN ledger_accounts AS a ON a.name = 'withdrawal:' || w.id || ':in_transit' AND a.currency = w.currency
WHERE COALESCE(a.balance_minor, 0) <>
    CASE WHEN w.state IN ('requested', 'paid', 'returned', 'canceled') THEN 0 ELSE w.amount_minor END;

\echo 'Refunds whose money in transit does not fit their state'
SELECT r.id, r.state, COALESCE(a.balance_minor, 0) AS in_transit
FROM refunds AS r
LEFT JOIN ledger_accounts AS a ON a.name = 'refund:' || r.id || ':in_transit' AND a.currency = r.currency
WHERE COALESCE(a.balance_minor, 0) <>
    CASE WHEN r.is_taken OR r.state IN ('failed', 'canceled') THEN 0 ELSE r.amount_minor END;

\echo 'Wallets whose debt in the ledger is not the sum of their open debts'
SELECT a.name, a.currency, a.balance_minor AS ledger, COALESCE(sum(d.amount_minor - d.repaid_minor), 0) AS debts
FROM ledger_accounts AS a
LEFT JOIN debts AS d ON a.name = 'wallet:' || d.wallet_id || ':debt' AND a.currency = d.currency
WHERE a.name ~ '^wallet:.*:debt$'
GROUP BY a.id HAVING a.balance_minor <> COALESCE(sum(d.amount_minor - d.repaid_minor), 0);

\echo 'Deposits whose processing fee is not posted as Stripe said'
SELECT d.id, f.state, f.fee_minor, COALESCE(sum(p.amount_minor), 0) AS posted
FROM deposits AS d
LEFT JOIN charge_fees AS f ON f.id = d.id
LEFT JOIN journal_entries AS e ON e.reference = 'deposit:' || d.id || ':fee'
LEFT JOIN postings AS p ON p.entry_id = e.id
GROUP BY d.id, f.id
HAVING COALESCE(sum(p.amount_minor), 0) <> abs(COALESCE(f.fee_minor, 0))
    OR (d.state = 'succeeded') <> (f.id IS NOT NULL);

\echo 'Disputes whose frozen or contested money is not what the ledger says'
SELECT d.id, d.state, COALESCE(f.balance_minor, 0) AS frozen, COALESCE(c.balance_minor, 0) AS contested
FROM disputes AS d
LEFT JOIN ledger_accounts AS f ON f.name = 'dispute:' || d.id || ':frozen' AND f.currency = d.currency
LEFT JOIN ledger_accounts AS c ON c.name = 'dispute:' || d.id || ':contested' AND c.currency = d.currency
WHERE COALESCE(c.balance_minor, 0) <> d.withdrawn_minor - d.reinstated_minor - d.settled_minor
   OR COALESCE(f.balance_minor, 0) <> (
        SELECT COALESCE(sum(p.amount_minor), 0) FROM dispute_parts AS p
        WHERE p.dispute_id = d.id AND p.state = 'frozen'
    );

COMMIT;
