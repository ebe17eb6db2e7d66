-- The ledger's part of what deeds.sql tells: five entries and six postings for each deal.

INSERT INTO ledger_accounts (name, currency, normal_side, may_go_below_zero)
SELECT 'offer:' || offer || ':escrow', 'usd', 'credit', false FROM deals ORDER BY n;

INSERT INTO journal_entries (reference, posting_count, recorded_at)
SELECT reference, posting_count, at FROM deals, LATERAL (VALUES
    (1, 'deposit:' || deposit || ':settle', 1), (2, 'deposit:' || deposit || ':fee', 1),
    (3, 'offer:' || offer || ':send', 1), (4, 'offer:' || offer || ':accept', 1),
    (5, 'offer:' || offer || ':complete', 2)
) AS entries (number, reference, posting_count) ORDER BY n, number;

INSERT INTO postings (entry_id, position, debit_account_id, credit_account_id, amount_minor, currency)
SELECT e.id, position, debit.id, credit.id, minor, 'usd'
FROM deals, LATERAL (VALUES
    ('deposit:' || deposit || ':settle', 1, 'stripe:balance', 'wallet:' || customer_wallet || ':available', 100000),
    ('deposit:' || deposit || ':fee', 1, 'platform:processing_costs', 'stripe:balance', 2930),
    ('offer:' || offer || ':send', 1, 'wallet:' || customer_wallet || ':available', 'offer:' || offer || ':escrow', 10500),
    ('offer:' || offer || ':accept', 1, 'offer:' || offer || ':escrow', 'platform:platform_fees', 500),
    ('offer:' || offer || ':complete', 1, 'offer:' || offer || ':escrow', 'wallet:' || contractor_wallet || ':available', 8000),
    ('offer:' || offer || ':complete', 2, 'offer:' || offer || ':escrow', 'platform:service_fees', 2000)
) AS moves (reference, position, debit_name, credit_name, minor)
JOIN journal_entries AS e ON e.reference = moves.reference
JOIN ledger_accounts AS debit ON debit.name = debit_name AND debit.currency = 'usd'
JOIN ledger_accounts AS credit ON credit.name = credit_name AND credit.currency = 'usd'
ORDER BY e.id, position;
