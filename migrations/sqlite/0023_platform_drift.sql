-- What a server says against what we have: runs, what they found, logins we do not know.

ALTER TABLE trading_servers ADD COLUMN build TEXT;
ALTER TABLE trading_servers ADD COLUMN build_tested INTEGER;
ALTER TABLE trading_servers ADD COLUMN paused_at INTEGER;
ALTER TABLE trading_servers ADD COLUMN paused_by TEXT;
ALTER TABLE trading_servers ADD COLUMN paused_reason TEXT;

CREATE TABLE drift_runs (
    id         TEXT PRIMARY KEY,
    server     TEXT NOT NULL,
    entity     TEXT NOT NULL,
    asked_by   TEXT NOT NULL,
    asked_at   INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    ended_at   INTEGER,
    error      TEXT,
    -- Compared.
    accounts   INTEGER NOT NULL,
    positions  INTEGER NOT NULL,
    deals      INTEGER NOT NULL,
    -- Found and open, found and repaired.
    differs    INTEGER NOT NULL,
    repaired   INTEGER NOT NULL,
    unmapped   INTEGER NOT NULL,
    -- The days on both sides, as JSON.
    days       TEXT NOT NULL
) STRICT;
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
    delta_minor   INTEGER,
    currency      TEXT,
    cause         TEXT NOT NULL,
    -- What was done about it; empty while it is open or when it went by itself.
    repair        TEXT,
    first_seen_at INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    ended_at      INTEGER
) STRICT;
CREATE UNIQUE INDEX drift_findings_open ON drift_findings (server, login, kind) WHERE ended_at IS NULL;
CREATE INDEX drift_findings_server ON drift_findings (server, id);

-- Logins in our groups that belong to no account here.
CREATE TABLE platform_logins (
    server        TEXT NOT NULL,
    login         TEXT NOT NULL,
    entity        TEXT NOT NULL,
    platform_group TEXT NOT NULL,
    currency      TEXT NOT NULL,
    leverage      INTEGER NOT NULL,
    rights        TEXT NOT NULL,
    our_ref       TEXT,
    balance_minor INTEGER NOT NULL,
    credit_minor  INTEGER NOT NULL,
    -- Deals of it that the feed has recorded.
    deals         INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    PRIMARY KEY (server, login)
) STRICT;
