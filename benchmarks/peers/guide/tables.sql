-- The guide's collections that its handler touches, as tables.

CREATE TABLE wallets (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL UNIQUE,
    balance_minor bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE transactions (
    id bigint PRIMARY KEY,
    wallet_id bigint NOT NULL REFERENCES wallets (id),
    type text NOT NULL,
    amount_minor bigint NOT NULL,
    status text NOT NULL,
    stripe_payment_intent_id text NOT NULL UNIQUE,
    stripe_charge_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz
);

CREATE INDEX ON transactions (wallet_id, created_at);

CREATE TABLE notifications (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL,
    type text NOT NULL,
    title text NOT NULL,
    message text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX ON notifications (user_id, created_at);
