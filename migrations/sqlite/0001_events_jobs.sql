-- Events, jobs, idempotency, inbox, exceptions, leases.

-- What happened, written in the transaction that made it happen. `seq` is the order of insertion;
-- readers follow `position`, given after the commit, dense and never again moved.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    position INTEGER UNIQUE,
    kind TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    entity TEXT,
    payload TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_unplaced ON outbox (seq) WHERE position IS NULL;
CREATE INDEX outbox_aggregate ON outbox (aggregate, seq);

-- One row: the last position given. Its lock makes one sequencer of many nodes.
CREATE TABLE outbox_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    last INTEGER NOT NULL
) STRICT;
INSERT INTO outbox_head (one, last) VALUES (1, 0);

-- How far each subscription has come. Those of the in-process bus that are not `alone` move
-- together as the row named '*'.
CREATE TABLE bus_cursors (
    name TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    alone INTEGER NOT NULL CHECK (alone IN (0, 1)),
    stream_seq INTEGER NOT NULL,
    stream_mark TEXT NOT NULL
) STRICT;
INSERT INTO bus_cursors (name, position, alone, stream_seq, stream_mark) VALUES ('*', 0, 0, 0, '');

CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    key TEXT,
    lane TEXT,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'done', 'dead')),
    run_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    every_secs INTEGER,
    token INTEGER NOT NULL,
    leased_by TEXT,
    leased_until INTEGER,
    problem_code TEXT,
    problem_detail TEXT,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    UNIQUE (kind, key)
) STRICT;
CREATE INDEX jobs_ready ON jobs (run_at, seq) WHERE state = 'ready';
CREATE INDEX jobs_leased ON jobs (leased_until) WHERE state = 'leased';
CREATE INDEX jobs_dead ON jobs (seq) WHERE state = 'dead';
CREATE INDEX jobs_lane ON jobs (lane, seq) WHERE state IN ('ready', 'leased');
CREATE UNIQUE INDEX jobs_lane_single ON jobs (lane) WHERE state = 'leased';

CREATE TABLE idempotency (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    input_hash BLOB NOT NULL,
    status INTEGER,
    body TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT;
CREATE INDEX idempotency_at ON idempotency (at);

-- Callbacks as they came: the bytes the signature was made over.
CREATE TABLE inbox (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    connection TEXT NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    body_hash TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('new', 'processed', 'ignored', 'failed')),
    note TEXT,
    repeats INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    processed_at INTEGER,
    UNIQUE (provider, connection, event_id)
) STRICT;
CREATE INDEX inbox_received ON inbox (received_at, id);

-- What was turned away at the door, counted by the hour so that a flood is a few rows.
CREATE TABLE inbox_refused (
    provider TEXT NOT NULL,
    connection TEXT NOT NULL,
    reason TEXT NOT NULL,
    hour INTEGER NOT NULL,
    times INTEGER NOT NULL,
    last_hash TEXT NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (provider, connection, reason, hour)
) STRICT;

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
    repeats INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    resolved_at INTEGER,
    resolution TEXT,
    retry_job_id TEXT,
    version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX exceptions_one_open ON exceptions (kind, subject) WHERE state = 'open';
CREATE INDEX exceptions_open ON exceptions (opened_at, id) WHERE state = 'open';
CREATE INDEX exceptions_opened ON exceptions (opened_at, id);
CREATE INDEX exceptions_client ON exceptions (client_id, opened_at, id);

CREATE TABLE exception_log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    exception_id TEXT NOT NULL REFERENCES exceptions (id),
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE INDEX exception_log_of ON exception_log (exception_id, seq);

CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    token INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;
