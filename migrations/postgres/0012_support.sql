-- What the back office works with: tickets and their macros, saved views, changes of many records
-- at once; and passkeys, one more way to prove who somebody is.

CREATE TABLE tickets (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id),
    entity TEXT NOT NULL,
    subject TEXT NOT NULL,
    category TEXT NOT NULL CHECK (category IN ('deposit', 'withdrawal', 'kyc', 'account', 'partner', 'other')),
    -- The record it is about: dep_…, wdr_…
    about TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'waiting_us', 'waiting_client', 'solved', 'closed')),
    priority TEXT NOT NULL CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    desk TEXT,
    owner_id TEXT,
    owner_name TEXT,
    -- Who had it last, when nobody has it now: a hand-over is another person taking it.
    last_owner_id TEXT,
    opened_by TEXT NOT NULL CHECK (opened_by IN ('client', 'staff')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- The last message that the client reads, and who wrote it.
    message_at BIGINT NOT NULL,
    message_by TEXT NOT NULL CHECK (message_by IN ('client', 'staff')),
    client_read_at BIGINT NOT NULL,
    first_reply_at BIGINT,
    first_reply_due_at BIGINT NOT NULL,
    resolve_due_at BIGINT NOT NULL,
    -- Since when the client is to answer: the clock of the resolution stands still.
    paused_at BIGINT,
    -- What is due next from us; the end of time while nothing is.
    due_at BIGINT NOT NULL,
    solved_at BIGINT,
    closed_at BIGINT,
    messages BIGINT NOT NULL,
    handovers BIGINT NOT NULL,
    reopened BIGINT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0)
);
CREATE INDEX tickets_client ON tickets (client_id, id);
CREATE INDEX tickets_due ON tickets (due_at, id);
CREATE INDEX tickets_owner ON tickets (owner_id, due_at, id);
CREATE INDEX tickets_state ON tickets (state, id);
CREATE INDEX tickets_created ON tickets (created_at);

-- Added and never edited, internal notes included.
CREATE TABLE ticket_messages (
    id TEXT PRIMARY KEY,
    ticket_id TEXT NOT NULL REFERENCES tickets (id),
    kind TEXT NOT NULL CHECK (kind IN ('client', 'staff', 'note')),
    body TEXT NOT NULL,
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX ticket_messages_ticket ON ticket_messages (ticket_id, id);
CREATE TRIGGER ticket_messages_keep BEFORE UPDATE OR DELETE ON ticket_messages FOR EACH ROW EXECUTE FUNCTION keep_client_history();

CREATE TABLE ticket_macros (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    -- None: for every category.
    category TEXT CHECK (category IN ('deposit', 'withdrawal', 'kyc', 'account', 'partner', 'other')),
    -- {"en": "…", "de": "…"}
    bodies TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0)
);
CREATE UNIQUE INDEX ticket_macros_title ON ticket_macros (title);

-- A list as somebody, or a team, wants to see it.
CREATE TABLE saved_views (
    id TEXT PRIMARY KEY,
    list TEXT NOT NULL,
    name TEXT NOT NULL,
    -- A person's own, or a team's: desk:german, role:finance.
    owner_id TEXT,
    team TEXT,
    query TEXT NOT NULL,
    columns TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    CHECK ((owner_id IS NULL) <> (team IS NULL))
);
CREATE UNIQUE INDEX saved_views_own ON saved_views (owner_id, list, name) WHERE owner_id IS NOT NULL;
CREATE UNIQUE INDEX saved_views_team ON saved_views (team, list, name) WHERE team IS NOT NULL;

-- One change of many records: what was asked for, and what came of each.
CREATE TABLE bulk_runs (
    id TEXT PRIMARY KEY,
    action TEXT NOT NULL,
    by_id TEXT NOT NULL,
    total BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX bulk_runs_by ON bulk_runs (by_id, id);

CREATE TABLE bulk_items (
    run_id TEXT NOT NULL REFERENCES bulk_runs (id),
    n BIGINT NOT NULL,
    client_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'changed', 'unchanged', 'failed')),
    code TEXT,
    detail TEXT,
    changes TEXT NOT NULL,
    PRIMARY KEY (run_id, n)
);
CREATE INDEX bulk_items_waiting ON bulk_items (run_id, n) WHERE state = 'waiting';

CREATE TABLE passkeys (
    id TEXT NOT NULL PRIMARY KEY,
    identity_id TEXT NOT NULL REFERENCES identities (id),
    credential_id BYTEA NOT NULL,
    -- COSE: -7 (ES256), -8 (EdDSA), -257 (RS256); the key as this algorithm's signatures are checked with.
    alg BIGINT NOT NULL,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    backed_up BOOLEAN NOT NULL,
    transports TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX passkeys_credential ON passkeys (credential_id);
CREATE INDEX passkeys_identity ON passkeys (identity_id, id);

CREATE TABLE passkey_challenges (
    id TEXT NOT NULL PRIMARY KEY,
    challenge BYTEA NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('register', 'sign_in', 'step_up')),
    realm TEXT NOT NULL,
    identity_id TEXT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_challenges_end ON passkey_challenges (expires_at);
