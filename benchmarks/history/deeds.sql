-- What became of the deals number history.first to history.last, each from beginning to end: a customer deposits 1,000,
-- Stripe keeps 29.30; a job, an offer of 100 and 5 for the platform, accepted, completed: 80 for the contractor, 20 for
-- the platform. All rows that JobSphere writes on the way are there, but those of the ledger: they are in entries.sql.

INSERT INTO deposits (id, user_id, wallet_id, amount_minor, currency, state, payment_method_id, payment_intent_id,
                      charge_id, created_at, attempted_at, attempts_ended)
SELECT deposit, customer, customer_wallet, 100000, 'usd', 'succeeded', 'pm_card_visa', 'pi_past' || lpad(n::text, 20, '0'),
       'ch_past' || lpad(n::text, 20, '0'), at, at, 1
FROM deals;

INSERT INTO deposit_attempts (deposit_id, number, state, payment_method_id, card_fingerprint, card_brand, card_last4,
                              charge_id, started_at, ended_at)
SELECT deposit, 1, 'succeeded', 'pm_card_visa', 'fingerprint' || n % 1000, 'visa', '4242',
       'ch_past' || lpad(n::text, 20, '0'), at, at
FROM deals;

INSERT INTO charge_fees (id, charge_id, state, balance_transaction_id, fee_minor, currency, created_at, booked_at)
SELECT deposit, 'ch_past' || lpad(n::text, 20, '0'), 'booked', 'txn_past' || lpad(n::text, 20, '0'), 2930, 'usd', at, at
FROM deals;

INSERT INTO stripe_calls (key, first_sent_at, finished_at, object_id)
SELECT 'deposit:' || deposit || deed, at, at, 'pi_past' || lpad(n::text, 20, '0')
FROM deals, (VALUES (':create'), (':confirm:1')) AS calls (deed);

INSERT INTO webhook_events (event_key, source, type, livemode, payload, received_at, status, tries, processed_at)
SELECT 'evt_past' || lpad(n::text, 20, '0') || kind, 'platform', type, false, '{}', at, 'done', 1, at
FROM deals, (VALUES ('a', 'payment_intent.succeeded'), ('b', 'charge.updated')) AS events (kind, type);

INSERT INTO jobs (id, customer_id, title, description, state, created_at, completed_at)
SELECT job, customer, 'Paint the fence', 'Green.', 'completed', at, at FROM deals;

INSERT INTO offers (id, job_id, customer_id, contractor_id, customer_wallet_id, contractor_wallet_id, amount_minor,
                    platform_fee_minor, service_fee_minor, currency, message, state, expires_at, created_at, answered_at)
SELECT offer, job, customer, contractor, customer_wallet, contractor_wallet, 10000, 500, 2000, 'usd', '', 'completed',
       at + interval '7 days', at, at
FROM deals;

INSERT INTO transactions (id, type, amount_minor, currency, from_wallet_id, to_wallet_id, status, offer_id, job_id,
                          description, stripe_payment_intent_id, stripe_charge_id, created_at, completed_at)
SELECT deposit, 'deposit', 100000, 'usd', NULL, customer_wallet, 'completed', NULL, NULL, 'Deposit by card',
       'pi_past' || lpad(n::text, 20, '0'), 'ch_past' || lpad(n::text, 20, '0'), at, at
FROM deals;

INSERT INTO transactions (id, type, amount_minor, currency, from_wallet_id, to_wallet_id, status, offer_id, job_id,
                          description, created_at, completed_at)
SELECT history_id(kind, n), type, minor, 'usd', customer_wallet,
       CASE type WHEN 'contractor_payout' THEN contractor_wallet END, 'completed', offer, job,
       description || ' for “Paint the fence”', at, at
FROM deals, (VALUES
    ('8111', 'escrow_hold', 10500, 'Protected payment'), ('8112', 'platform_fee', 500, 'Platform fee'),
    ('8113', 'contractor_payout', 8000, 'Payment'), ('8114', 'service_fee', 2000, 'Service fee')
) AS movements (kind, type, minor, description);

INSERT INTO notifications (reference, user_id, type, title, body, data, created_at)
SELECT subject || ':' || person, person, type, title, title || ': 100.00 USD for “Paint the fence”.',
       jsonb_build_object('offerId', offer, 'jobId', job), at
FROM deals, LATERAL (VALUES
    ('deposit:' || deposit || ':succeeded', customer, 'payment_received', 'Deposit successful'),
    ('offer:' || offer || ':send', contractor, 'offer_received', 'Offer received'),
    ('offer:' || offer || ':accept', customer, 'offer_accepted', 'Offer accepted'),
    ('offer:' || offer || ':complete', customer, 'job_completed', 'Job completed'),
    ('offer:' || offer || ':complete', contractor, 'job_completed', 'Job completed')
) AS notices (subject, person, type, title);

INSERT INTO audit_log (at, actor_id, action, subject, details)
SELECT at, actor, action, subject, '{}' FROM deals, LATERAL (VALUES
    (customer, 'deposit.created', 'deposit:' || deposit), (NULL, 'deposit.succeeded', 'deposit:' || deposit),
    (customer, 'job.open', 'job:' || job), (customer, 'offer.sent', 'offer:' || offer),
    (contractor, 'offer.accepted', 'offer:' || offer), (contractor, 'job.assigned', 'job:' || job),
    (customer, 'offer.completed', 'offer:' || offer), (customer, 'job.completed', 'job:' || job)
) AS deeds (actor, action, subject);

INSERT INTO idempotency_keys (user_id, route, key, body_sha256, answer_status, answer_body, created_at)
SELECT customer, 'POST /api/offers', 'past:' || n, sha256('{}'), 201, '{}', at FROM deals;
