-- Events, jobs, idempotency, inbox, exceptions, leases.

-- What happened, written in the transaction that made it happen. `seq` is the order of insertion;
-- readers follow `position`, given after the commit, dense and never again moved.
CREATE TABLE outbox (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    position BIGINT UNIQUE,
    kind TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    entity TEXT,
    payload TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX outbox_unplaced ON outbox (seq) WHERE position IS NULL;
CREATE INDEX outbox_aggregate ON outbox (aggregate, seq);

-- One row: the last position given. Its lock makes one sequencer of many nodes.
CREATE TABLE outbox_head (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    last BIGINT NOT NULL
);
INSERT INTO outbox_head (one, last) VALUES (1, 0);

-- How far each subscription has come. Those of the in-process bus that are not `alone` move
-- together as the row named '*'.
CREATE TABLE bus_cursors (
    name TEXT PRIMARY KEY,
    position BIGINT NOT NULL,
    alone BOOLEAN NOT NULL,
    stream_seq BIGINT NOT NULL,
    stream_mark TEXT NOT NULL
);
INSERT INTO bus_cursors (name, position, alone, stream_seq, stream_mark) VALUES ('*', 0, FALSE, 0, '');

CREATE TABLE jobs (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    key TEXT,
    lane TEXT,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'done', 'dead')),
    run_at BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    every_secs BIGINT,
    token BIGINT NOT NULL,
    leased_by TEXT,
    leased_until BIGINT,
    problem_code TEXT,
    problem_detail TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (kind, key)
);
CREATE INDEX jobs_ready ON jobs (run_at, seq) WHERE state = 'ready';
CREATE INDEX jobs_leased ON jobs (leased_until) WHERE state = 'leased';
CREATE INDEX jobs_dead ON jobs (seq) WHERE state = 'dead';
CREATE INDEX jobs_lane ON jobs (lane, seq) WHERE state IN ('ready', 'leased');
CREATE UNIQUE INDEX jobs_lane_single ON jobs (lane) WHERE state = 'leased';

CREATE TABLE idempotency (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    input_hash BYTEA NOT NULL,
    status BIGINT,
    body TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_at ON idempotency (at);

-- Callbacks as they came: the bytes the signature was made over.
CREATE TABLE inbox (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    connection TEXT NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BYTEA NOT NULL,
    body_hash TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('new', 'processed', 'ignored', 'failed')),
    note TEXT,
    repeats BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    processed_at BIGINT,
    UNIQUE (provider, connection, event_id)
);
CREATE INDEX inbox_received ON inbox (received_at, id);

-- What was turned away at the door, counted by the hour so that a flood is a few rows.
CREATE TABLE inbox_refused (
    provider TEXT NOT NULL,
    connection TEXT NOT NULL,
    reason TEXT NOT NULL,
    hour BIGINT NOT NULL,
    times BIGINT NOT NULL,
    last_hash TEXT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (provider, connection, reason, hour)
);

CREATE TABLE exceptions (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    entity TEXT,
    client_id TEXT,
    owner_role TEXT NOT NULL,
    owner_id TEXT,
    rule TEXT NOT NULL,
    cause TEXT NOT NULL,
    detail TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'resolved', 'dismissed')),
    repeats BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    resolved_at BIGINT,
    resolution TEXT,
    retry_job_id TEXT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX exceptions_one_open ON exceptions (kind, subject) WHERE state = 'open';
CREATE INDEX exceptions_open ON exceptions (opened_at, id) WHERE state = 'open';
CREATE INDEX exceptions_opened ON exceptions (opened_at, id);
CREATE INDEX exceptions_client ON exceptions (client_id, opened_at, id);

CREATE TABLE exception_log (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exception_id TEXT NOT NULL REFERENCES exceptions (id),
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX exception_log_of ON exception_log (exception_id, seq);

CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    token BIGINT NOT NULL,
    until BIGINT NOT NULL
);
