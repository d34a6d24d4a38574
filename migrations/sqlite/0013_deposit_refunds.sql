-- Deposits that a person gives back to where they came from, and which devices clients share.

-- SQLite changes a check only with the table.
CREATE TABLE deposits_new (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    account_id TEXT,
    method TEXT NOT NULL,
    connection TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('created', 'redirected', 'pending', 'held', 'succeeded', 'posted', 'failed', 'expired', 'cancelled', 'refunding', 'refunded')),
    provider_ref TEXT,
    payment_ref TEXT,
    redirect_url TEXT,
    failure_code TEXT,
    soft_failure INTEGER NOT NULL,
    received_minor INTEGER NOT NULL,
    returned_minor INTEGER NOT NULL,
    dispute_state TEXT,
    fee_minor INTEGER,
    fee_currency TEXT,
    instrument TEXT,
    fingerprint TEXT,
    first_deposit INTEGER NOT NULL,
    device TEXT,
    ip TEXT,
    locale TEXT NOT NULL,
    held_reason TEXT,
    left_in_wallet INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    received_at INTEGER,
    posted_at INTEGER,
    changed_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
INSERT INTO deposits_new (id, client_id, entity, account_id, method, connection, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, received_minor, returned_minor, dispute_state, fee_minor, fee_currency, instrument, fingerprint, first_deposit, device, ip, locale, held_reason, left_in_wallet, created_at, expires_at, received_at, posted_at, changed_at, version) SELECT id, client_id, entity, account_id, method, connection, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, received_minor, returned_minor, dispute_state, fee_minor, fee_currency, instrument, fingerprint, first_deposit, device, ip, locale, held_reason, left_in_wallet, created_at, expires_at, received_at, posted_at, changed_at, version FROM deposits;
DROP TABLE deposits;
ALTER TABLE deposits_new RENAME TO deposits;
CREATE INDEX deposits_client ON deposits (client_id, id);
CREATE INDEX deposits_state ON deposits (state, id);
CREATE UNIQUE INDEX deposits_provider ON deposits (connection, provider_ref);
CREATE INDEX deposits_fingerprint ON deposits (fingerprint);
CREATE INDEX deposits_payment ON deposits (connection, payment_ref);

-- Each try to give a held deposit back.
CREATE TABLE deposit_refunds (
    deposit_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    connection TEXT NOT NULL,
    payment_ref TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'sending', 'pending', 'paid', 'returned')),
    our_ref TEXT NOT NULL UNIQUE,
    provider_ref TEXT,
    failure_code TEXT,
    asked_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    first_sent_at INTEGER,
    done_at INTEGER,
    version INTEGER NOT NULL,
    PRIMARY KEY (deposit_id, n)
) STRICT;
CREATE INDEX deposit_refunds_provider ON deposit_refunds (connection, provider_ref);

-- The same browser with several people.
CREATE INDEX devices_by_browser ON devices (mark);
