-- The deals number history.first to history.last: when each was made, between whom, and the ids of its rows.

CREATE TEMPORARY TABLE deals ON COMMIT DROP AS
SELECT n, history_at(n) AS at,
       history_id('8101', n) AS deposit, history_id('8102', n) AS job, history_id('8103', n) AS offer,
       history_id('8001', customer) AS customer, history_id('8002', customer) AS customer_wallet,
       history_id('8003', contractor) AS contractor, history_id('8004', contractor) AS contractor_wallet
FROM generate_series(current_setting('history.first')::bigint, current_setting('history.last')::bigint) AS n,
LATERAL (SELECT 1 + n % current_setting('history.customers')::bigint AS customer,
                1 + n * 7 % current_setting('history.contractors')::bigint AS contractor) AS who;
