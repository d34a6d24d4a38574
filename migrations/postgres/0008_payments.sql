-- Money in and out: connections to providers, deposits, withdrawals and their legs, transfers
-- between a client's own places, disputes.

CREATE TABLE psp_connections (
    id TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    provider TEXT NOT NULL,
    methods TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    last_ok_at BIGINT,
    last_error TEXT,
    last_error_at BIGINT
);

CREATE TABLE deposits (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    account_id TEXT,
    method TEXT NOT NULL,
    connection TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('created', 'redirected', 'pending', 'held', 'succeeded', 'posted', 'failed', 'expired', 'cancelled')),
    provider_ref TEXT,
    payment_ref TEXT,
    redirect_url TEXT,
    failure_code TEXT,
    soft_failure BOOLEAN NOT NULL,
    received_minor BIGINT NOT NULL,
    returned_minor BIGINT NOT NULL,
    dispute_state TEXT,
    fee_minor BIGINT,
    fee_currency TEXT,
    instrument TEXT,
    fingerprint TEXT,
    first_deposit BOOLEAN NOT NULL,
    device TEXT,
    ip TEXT,
    locale TEXT NOT NULL,
    held_reason TEXT,
    left_in_wallet BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    received_at BIGINT,
    posted_at BIGINT,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX deposits_client ON deposits (client_id, id);
CREATE INDEX deposits_state ON deposits (state, id);
CREATE UNIQUE INDEX deposits_provider ON deposits (connection, provider_ref);
CREATE INDEX deposits_fingerprint ON deposits (fingerprint);
CREATE INDEX deposits_payment ON deposits (connection, payment_ref);

-- Which deposit of a client was the first usable one: at most one, whoever books at the same time.
CREATE TABLE first_deposits (
    client_id TEXT PRIMARY KEY,
    deposit_id TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE TABLE withdrawals (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    account_id TEXT,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('collecting', 'deciding', 'review', 'approved', 'paying', 'paid', 'returned', 'refused', 'rejected', 'cancelled')),
    approval_id TEXT,
    approvals_needed BIGINT NOT NULL,
    rule TEXT,
    signals TEXT NOT NULL,
    reason_code TEXT,
    reason_text TEXT,
    desk TEXT NOT NULL CHECK (desk IN ('finance', 'compliance')),
    claimed_by TEXT,
    device TEXT,
    ip TEXT,
    due_at BIGINT,
    requested_at BIGINT NOT NULL,
    decided_at BIGINT,
    approved_at BIGINT,
    paid_at BIGINT,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX withdrawals_client ON withdrawals (client_id, id);
CREATE INDEX withdrawals_state ON withdrawals (state, id);

CREATE TABLE withdrawal_legs (
    withdrawal_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('refund', 'bank')),
    connection TEXT,
    deposit_id TEXT,
    payment_ref TEXT,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'sending', 'pending', 'paid', 'returned')),
    our_ref TEXT NOT NULL UNIQUE,
    provider_ref TEXT,
    failure_code TEXT,
    first_sent_at BIGINT,
    done_at BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (withdrawal_id, n)
);
CREATE INDEX withdrawal_legs_provider ON withdrawal_legs (connection, provider_ref);

CREATE TABLE transfers (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    from_account TEXT,
    to_account TEXT,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('collecting', 'sending', 'done', 'refused', 'returned')),
    reason_code TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX transfers_client ON transfers (client_id, id);

CREATE TABLE disputes (
    id TEXT PRIMARY KEY,
    deposit_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    connection TEXT NOT NULL,
    provider_ref TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    provider_state TEXT NOT NULL,
    reason TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX disputes_provider ON disputes (connection, provider_ref);
CREATE INDEX disputes_client ON disputes (client_id, id);
