-- Trading servers, accounts on them, money moves to and from them, the deals they report.

CREATE TABLE trading_servers (
    id TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    platform TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('live', 'demo')),
    group_mask TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    info TEXT,
    last_ok_at INTEGER,
    last_error TEXT,
    last_error_at INTEGER
) STRICT;

CREATE TABLE trading_accounts (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('live', 'demo')),
    account_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    server TEXT NOT NULL,
    platform_group TEXT NOT NULL,
    leverage INTEGER NOT NULL,
    login TEXT,
    state TEXT NOT NULL CHECK (state IN ('requested', 'opening', 'ready', 'failed', 'closed')),
    mapping_id TEXT NOT NULL,
    mapping_version INTEGER NOT NULL,
    rights_wanted TEXT NOT NULL,
    rights_actual TEXT NOT NULL,
    rights_reason TEXT,
    rights_by TEXT,
    sync_state TEXT NOT NULL CHECK (sync_state IN ('synced', 'pending', 'failed')),
    sync_since INTEGER NOT NULL,
    sync_error TEXT,
    sealed_passwords BLOB,
    last_state TEXT,
    read_at INTEGER,
    created_at INTEGER NOT NULL,
    ready_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX trading_accounts_client ON trading_accounts (client_id, id);
CREATE UNIQUE INDEX trading_accounts_login ON trading_accounts (server, login);
CREATE INDEX trading_accounts_sync ON trading_accounts (sync_state, sync_since);

-- One movement of money between our ledger and a login. The token travels with the money.
CREATE TABLE platform_moves (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    server TEXT NOT NULL,
    login TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('to_platform', 'from_platform')),
    kind TEXT NOT NULL CHECK (kind IN ('balance', 'credit')),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'unknown', 'done', 'refused', 'returned')),
    sends INTEGER NOT NULL,
    empty_looks INTEGER NOT NULL,
    first_sent_at INTEGER,
    sent_at INTEGER,
    done_at INTEGER,
    ticket TEXT,
    last_code TEXT,
    last_detail TEXT,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX platform_moves_account ON platform_moves (account_id, id);
CREATE INDEX platform_moves_open ON platform_moves (state, created_at);

-- Deals as reported, append-only: an edit is a new revision of the same ticket.
CREATE TABLE deals (
    server TEXT NOT NULL,
    ticket TEXT NOT NULL,
    revision INTEGER NOT NULL,
    login TEXT NOT NULL,
    account_id TEXT,
    kind TEXT NOT NULL,
    side TEXT NOT NULL,
    entry TEXT NOT NULL,
    technical INTEGER NOT NULL,
    reason TEXT NOT NULL,
    symbol TEXT NOT NULL,
    volume INTEGER NOT NULL,
    volume_closed INTEGER NOT NULL,
    contract_size INTEGER NOT NULL,
    digits INTEGER NOT NULL,
    price INTEGER NOT NULL,
    price_position INTEGER NOT NULL,
    bid INTEGER,
    ask INTEGER,
    profit_minor INTEGER NOT NULL,
    swap_minor INTEGER NOT NULL,
    commission_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    position_id TEXT NOT NULL,
    comment TEXT NOT NULL,
    at INTEGER NOT NULL,
    server_wall_ms INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (server, ticket, revision)
) STRICT;
CREATE INDEX deals_account ON deals (account_id, at);
CREATE INDEX deals_server_time ON deals (server, at);
CREATE INDEX deals_position ON deals (server, position_id);

CREATE TABLE feed_cursors (
    server TEXT PRIMARY KEY,
    watermark_at INTEGER NOT NULL,
    short_rescan_at INTEGER NOT NULL,
    long_rescan_at INTEGER NOT NULL,
    polled_at INTEGER NOT NULL,
    deals_total INTEGER NOT NULL,
    lag_us INTEGER NOT NULL
) STRICT;
