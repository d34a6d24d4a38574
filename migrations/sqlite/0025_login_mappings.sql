-- Logins that were on a server before us: whose they may be, and what people decided.

CREATE TABLE mapping_runs (
    id         TEXT PRIMARY KEY,
    server     TEXT NOT NULL,
    entity     TEXT NOT NULL,
    asked_by   TEXT NOT NULL,
    asked_at   INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    ended_at   INTEGER,
    error      TEXT,
    logins     INTEGER NOT NULL,
    proposed   INTEGER NOT NULL,
    conflicts  INTEGER NOT NULL,
    strangers  INTEGER NOT NULL
) STRICT;
CREATE INDEX mapping_runs_server ON mapping_runs (server, asked_at);

CREATE TABLE login_mappings (
    id             TEXT PRIMARY KEY,
    server         TEXT NOT NULL,
    entity         TEXT NOT NULL,
    login          TEXT NOT NULL,
    platform_group TEXT NOT NULL,
    currency       TEXT NOT NULL,
    leverage       INTEGER NOT NULL,
    rights         TEXT NOT NULL,
    -- As the server shows them.
    name           TEXT NOT NULL,
    email          TEXT NOT NULL,
    phone          TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('proposed', 'conflict', 'stranger', 'accepted', 'refused')),
    conflict       TEXT,
    client_id      TEXT,
    score          INTEGER NOT NULL,
    -- JSON: every client it may be, with score and reasons, the best first.
    candidates     TEXT NOT NULL,
    account_id     TEXT,
    -- Credit that was on it when it became an account here.
    credit_minor   INTEGER NOT NULL,
    decided_by     TEXT,
    decided_at     INTEGER,
    reason         TEXT,
    made_at        INTEGER NOT NULL,
    version        INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX login_mappings_login ON login_mappings (server, login);
CREATE INDEX login_mappings_state ON login_mappings (server, state, id);
