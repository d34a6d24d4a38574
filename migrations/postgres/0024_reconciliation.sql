-- Reconciliation: providers' settlement files, the ledger's side of each provider, breaks between
-- the two and between the platform and us.

CREATE TABLE settlement_files (
    id TEXT PRIMARY KEY,
    connection TEXT NOT NULL,
    entity TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size > 0),
    -- The file's own id, where its provider writes one.
    file_ref TEXT,
    state TEXT NOT NULL CHECK (state IN ('stored', 'reading', 'settling', 'done', 'refused')),
    lines_total BIGINT NOT NULL,
    lines_read BIGINT NOT NULL,
    matched BIGINT NOT NULL,
    breaks BIGINT NOT NULL,
    repeated BIGINT NOT NULL,
    problem TEXT,
    -- The first and the last moment its lines speak of.
    from_at BIGINT,
    until_at BIGINT,
    loaded_by TEXT NOT NULL,
    loaded_at BIGINT NOT NULL,
    finished_at BIGINT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX settlement_files_content ON settlement_files (connection, sha256);
CREATE INDEX settlement_files_ref ON settlement_files (connection, file_ref);

-- The file as it came, sealed, in pieces.
CREATE TABLE settlement_parts (
    file_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (file_id, n)
);

CREATE TABLE settlement_lines (
    -- The file's id and the place in it.
    id TEXT PRIMARY KEY,
    file_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    -- As the provider's file counts.
    line BIGINT NOT NULL,
    connection TEXT NOT NULL,
    kind TEXT NOT NULL,
    word TEXT NOT NULL,
    our_ref TEXT,
    provider_ref TEXT,
    payment_ref TEXT,
    -- As our balance there saw it.
    minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    fee_minor BIGINT,
    fee_currency TEXT,
    at BIGINT NOT NULL,
    -- The same line in another file has the same mark.
    mark TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'matched', 'noted', 'repeated', 'broken', 'explained')),
    rule TEXT,
    entry_id TEXT
);
CREATE UNIQUE INDEX settlement_lines_place ON settlement_lines (file_id, n);
CREATE INDEX settlement_lines_mark ON settlement_lines (connection, mark);
CREATE INDEX settlement_lines_open ON settlement_lines (connection, our_ref) WHERE state IN ('open', 'broken');
CREATE INDEX settlement_lines_open_provider ON settlement_lines (connection, provider_ref) WHERE state IN ('open', 'broken');
CREATE INDEX settlement_lines_entry ON settlement_lines (entry_id) WHERE state = 'broken';

-- What the ledger says about each provider: a row per entry and currency on its clearing account.
CREATE TABLE recon_entries (
    id TEXT PRIMARY KEY,
    entry_id TEXT NOT NULL,
    connection TEXT NOT NULL,
    entity TEXT NOT NULL,
    reference TEXT NOT NULL,
    kind TEXT NOT NULL,
    minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    our_ref TEXT,
    provider_ref TEXT,
    payment_ref TEXT,
    fee_minor BIGINT,
    fee_currency TEXT,
    client_id TEXT,
    booked_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'matched', 'broken', 'explained')),
    rule TEXT,
    line_id TEXT,
    asked_at BIGINT
);
CREATE INDEX recon_entries_ours ON recon_entries (connection, our_ref);
CREATE INDEX recon_entries_provider ON recon_entries (connection, provider_ref);
CREATE INDEX recon_entries_payment ON recon_entries (connection, payment_ref);
CREATE INDEX recon_entries_entry ON recon_entries (entry_id);
CREATE INDEX recon_entries_open ON recon_entries (connection, booked_at) WHERE state = 'open';

-- How far the ledger's postings on a clearing account have been taken in, per row of the account.
CREATE TABLE recon_places (
    connection TEXT NOT NULL,
    currency TEXT NOT NULL,
    stripe BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (connection, currency, stripe)
);

CREATE TABLE recon_breaks (
    id TEXT PRIMARY KEY,
    -- What it is about: line:…, entry:…, move:…, fee:…, fault:…; one open break for each.
    subject TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('provider', 'platform')),
    -- The connection or the trading server.
    party TEXT NOT NULL,
    entity TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- The other side's figure less ours.
    minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    cause TEXT NOT NULL,
    owner_role TEXT NOT NULL,
    file_id TEXT,
    line_id TEXT,
    entry_id TEXT,
    client_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'deciding', 'resolved', 'explained')),
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    how TEXT,
    explained_by TEXT,
    approval_id TEXT,
    correction TEXT,
    correction_entry TEXT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX recon_breaks_subject ON recon_breaks (subject) WHERE state IN ('open', 'deciding');
CREATE INDEX recon_breaks_state ON recon_breaks (state, id);
CREATE INDEX recon_breaks_line ON recon_breaks (line_id) WHERE state IN ('open', 'deciding');
CREATE INDEX recon_breaks_entry ON recon_breaks (entry_id) WHERE state IN ('open', 'deciding');
