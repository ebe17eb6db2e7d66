-- Open jobs number history.first to history.last, in turns of all customers.

INSERT INTO jobs (id, customer_id, title, description, state, created_at)
SELECT history_id('8202', n), history_id('8001', 1 + n % current_setting('history.customers')::bigint),
       'Paint the fence', 'Green.', 'open', now()
FROM generate_series(current_setting('history.first')::bigint, current_setting('history.last')::bigint) AS n;
