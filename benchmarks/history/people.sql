-- Customers and contractors with empty wallets. Settings: history.customers, history.contractors.

INSERT INTO users (id, email, name, role, password_hash, created_at)
SELECT history_id('8001', n), 'customer' || n || '@example.com', 'Customer ' || n, 'customer', 'none', history_at(0)
FROM generate_series(1, current_setting('history.customers')::bigint) AS n;

INSERT INTO wallets (id, user_id, currency, created_at)
SELECT history_id('8002', n), history_id('8001', n), 'usd', history_at(0)
FROM generate_series(1, current_setting('history.customers')::bigint) AS n;

INSERT INTO users (id, email, name, role, password_hash, created_at)
SELECT history_id('8003', n), 'contractor' || n || '@example.com', 'Contractor ' || n, 'contractor', 'none', history_at(0)
FROM generate_series(1, current_setting('history.contractors')::bigint) AS n;

INSERT INTO wallets (id, user_id, currency, created_at)
SELECT history_id('8004', n), history_id('8003', n), 'usd', history_at(0)
FROM generate_series(1, current_setting('history.contractors')::bigint) AS n;

INSERT INTO ledger_accounts (name, currency, normal_side, may_go_below_zero)
SELECT name, 'usd', side, true FROM (VALUES
    ('stripe:balance', 'debit'), ('platform:processing_costs', 'debit'),
    ('platform:platform_fees', 'credit'), ('platform:service_fees', 'credit')
) AS platform (name, side);

INSERT INTO ledger_accounts (name, currency, normal_side, may_go_below_zero)
SELECT 'wallet:' || id || ':available', 'usd', 'credit', false FROM wallets ORDER BY id;
