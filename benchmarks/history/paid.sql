-- Deposits number history.first to history.last: the card was charged, Stripe's event has not come.

CREATE TEMPORARY TABLE paid ON COMMIT DROP AS
SELECT n, now() AS at, history_id('8201', n) AS deposit, 'pi_' || lpad(n::text, 24, '0') AS intent,
       history_id('8001', customer) AS customer, history_id('8002', customer) AS wallet
FROM generate_series(current_setting('history.first')::bigint, current_setting('history.last')::bigint) AS n,
LATERAL (SELECT 1 + n * 7919 % current_setting('history.customers')::bigint AS customer) AS who;

INSERT INTO deposits (id, user_id, wallet_id, amount_minor, currency, state, payment_method_id, payment_intent_id,
                      created_at, attempted_at)
SELECT deposit, customer, wallet, 20000, 'usd', 'processing', 'pm_card_visa', intent, at, at FROM paid;

INSERT INTO deposit_attempts (deposit_id, number, state, payment_method_id, started_at)
SELECT deposit, 1, 'open', 'pm_card_visa', at FROM paid;

INSERT INTO transactions (id, type, amount_minor, currency, to_wallet_id, status, description,
                          stripe_payment_intent_id, created_at)
SELECT deposit, 'deposit', 20000, 'usd', wallet, 'pending', 'Deposit by card', intent, at FROM paid;

INSERT INTO stripe_calls (key, first_sent_at, finished_at, object_id)
SELECT 'deposit:' || deposit || deed, at, at, intent
FROM paid, (VALUES (':create'), (':confirm:1')) AS calls (deed);

INSERT INTO audit_log (at, actor_id, action, subject, details)
SELECT at, customer, 'deposit.created', 'deposit:' || deposit,
       jsonb_build_object('amount_minor', 20000, 'currency', 'usd')
FROM paid;
