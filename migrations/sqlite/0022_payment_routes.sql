-- Where a payment goes: the attempts of a deposit, what a connection's calls were like, experiments,
-- instruments nobody may pay with, and what a dispute took of the client.

-- Each try to be paid for one deposit: one connection, one payment at its provider. `route` is the
-- decision as it was made (JSON). One row for each old deposit is written here: at 3 million of them
-- a minute.
CREATE TABLE deposit_attempts (
    deposit_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    connection TEXT NOT NULL,
    -- What the provider knows it by.
    our_ref TEXT NOT NULL UNIQUE,
    method TEXT NOT NULL,
    country TEXT NOT NULL,
    band TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('created', 'redirected', 'pending', 'paid', 'paid_second', 'failed', 'expired', 'cancelled')),
    provider_ref TEXT,
    payment_ref TEXT,
    redirect_url TEXT,
    failure_code TEXT,
    soft_failure INTEGER NOT NULL,
    chosen_by TEXT NOT NULL,
    route TEXT,
    decision_id TEXT,
    experiment_id TEXT,
    arm TEXT,
    fee_minor INTEGER,
    -- The deposit made of this payment when another attempt had been paid already.
    became TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    opened_at INTEGER,
    ended_at INTEGER,
    version INTEGER NOT NULL,
    PRIMARY KEY (deposit_id, n)
) STRICT;
CREATE INDEX deposit_attempts_provider ON deposit_attempts (connection, provider_ref);
CREATE INDEX deposit_attempts_payment ON deposit_attempts (connection, payment_ref);
CREATE INDEX deposit_attempts_measured ON deposit_attempts (method, currency, created_at);
CREATE INDEX deposit_attempts_country ON deposit_attempts (method, currency, country, created_at);
CREATE INDEX deposit_attempts_became ON deposit_attempts (became);
CREATE INDEX deposit_attempts_experiment ON deposit_attempts (experiment_id);

INSERT INTO deposit_attempts (deposit_id, n, connection, our_ref, method, country, band, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, chosen_by,
    fee_minor, created_at, expires_at, opened_at, ended_at, version)
SELECT id, 1, connection, id, method, '', '', amount_minor, currency,
    CASE WHEN received_at IS NOT NULL THEN 'paid' WHEN state IN ('created', 'redirected', 'pending', 'failed', 'expired', 'cancelled') THEN state ELSE 'paid' END,
    provider_ref, payment_ref, redirect_url, failure_code, soft_failure, 'configured',
    CASE WHEN fee_currency = currency THEN fee_minor ELSE NULL END, created_at, expires_at, NULL, received_at, 1
FROM deposits;

-- Deposits by device and by address: how many in an hour, and of how many people.
CREATE INDEX deposits_device ON deposits (device, created_at);
CREATE INDEX deposits_ip ON deposits (ip, created_at);

ALTER TABLE psp_connections ADD COLUMN faults_in_row INTEGER NOT NULL DEFAULT 0;
ALTER TABLE psp_connections ADD COLUMN down_since INTEGER;
ALTER TABLE psp_connections ADD COLUMN probed_at INTEGER;

-- Calls to a connection, minute by minute; kept for two days.
CREATE TABLE psp_calls (
    connection TEXT NOT NULL,
    -- Minutes since 1970.
    minute INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    -- Calls that the provider did not answer, or not so that it could be understood.
    faults INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    slowest_ms INTEGER NOT NULL,
    PRIMARY KEY (connection, minute)
) STRICT;

-- A share of the clients sent another way, to learn how it does.
CREATE TABLE routing_experiments (
    id TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    name TEXT NOT NULL,
    method TEXT NOT NULL,
    -- [{"name", "connection", "share"}], shares in percent.
    arms TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'ended')),
    started_by TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_by TEXT,
    ended_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX routing_experiments_entity ON routing_experiments (entity, state);

-- Instruments whose money is not taken without a look: stolen, charged back, test cards.
CREATE TABLE listed_instruments (
    fingerprint TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    listed_by TEXT NOT NULL,
    listed_at INTEGER NOT NULL
) STRICT;

-- What a dispute has taken out of the client's wallet so far, and what the client still owes.
ALTER TABLE disputes ADD COLUMN taken_minor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE disputes ADD COLUMN owed_minor INTEGER NOT NULL DEFAULT 0;
