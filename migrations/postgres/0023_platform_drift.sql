-- What a server says against what we have: runs, what they found, logins we do not know.

ALTER TABLE trading_servers ADD COLUMN build TEXT;
ALTER TABLE trading_servers ADD COLUMN build_tested BOOLEAN;
ALTER TABLE trading_servers ADD COLUMN paused_at BIGINT;
ALTER TABLE trading_servers ADD COLUMN paused_by TEXT;
ALTER TABLE trading_servers ADD COLUMN paused_reason TEXT;

CREATE TABLE drift_runs (
    id         TEXT PRIMARY KEY,
    server     TEXT NOT NULL,
    entity     TEXT NOT NULL,
    asked_by   TEXT NOT NULL,
    asked_at   BIGINT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    ended_at   BIGINT,
    error      TEXT,
    -- Compared.
    accounts   BIGINT NOT NULL,
    positions  BIGINT NOT NULL,
    deals      BIGINT NOT NULL,
    -- Found and open, found and repaired.
    differs    BIGINT NOT NULL,
    repaired   BIGINT NOT NULL,
    unmapped   BIGINT NOT NULL,
    -- The days on both sides, as JSON.
    days       TEXT NOT NULL
);
CREATE INDEX drift_runs_server ON drift_runs (server, asked_at);

CREATE TABLE drift_findings (
    id            TEXT PRIMARY KEY,
    server        TEXT NOT NULL,
    entity        TEXT NOT NULL,
    login         TEXT NOT NULL,
    account_id    TEXT,
    client_id     TEXT,
    kind          TEXT NOT NULL,
    ours          TEXT NOT NULL,
    theirs        TEXT NOT NULL,
    -- Theirs less ours, where it is money.
    delta_minor   BIGINT,
    currency      TEXT,
    cause         TEXT NOT NULL,
    -- What was done about it; empty while it is open or when it went by itself.
    repair        TEXT,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    ended_at      BIGINT
);
CREATE UNIQUE INDEX drift_findings_open ON drift_findings (server, login, kind) WHERE ended_at IS NULL;
CREATE INDEX drift_findings_server ON drift_findings (server, id);

-- Logins in our groups that belong to no account here.
CREATE TABLE platform_logins (
    server        TEXT NOT NULL,
    login         TEXT NOT NULL,
    entity        TEXT NOT NULL,
    platform_group TEXT NOT NULL,
    currency      TEXT NOT NULL,
    leverage      BIGINT NOT NULL,
    rights        TEXT NOT NULL,
    our_ref       TEXT,
    balance_minor BIGINT NOT NULL,
    credit_minor  BIGINT NOT NULL,
    -- Deals of it that the feed has recorded.
    deals         BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    PRIMARY KEY (server, login)
);
