-- Trading servers, accounts on them, money moves to and from them, the deals they report.

CREATE TABLE trading_servers (
    id TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    platform TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('live', 'demo')),
    group_mask TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    info TEXT,
    last_ok_at BIGINT,
    last_error TEXT,
    last_error_at BIGINT
);

CREATE TABLE trading_accounts (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('live', 'demo')),
    account_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    server TEXT NOT NULL,
    platform_group TEXT NOT NULL,
    leverage BIGINT NOT NULL,
    login TEXT,
    state TEXT NOT NULL CHECK (state IN ('requested', 'opening', 'ready', 'failed', 'closed')),
    mapping_id TEXT NOT NULL,
    mapping_version BIGINT NOT NULL,
    rights_wanted TEXT NOT NULL,
    rights_actual TEXT NOT NULL,
    rights_reason TEXT,
    rights_by TEXT,
    sync_state TEXT NOT NULL CHECK (sync_state IN ('synced', 'pending', 'failed')),
    sync_since BIGINT NOT NULL,
    sync_error TEXT,
    sealed_passwords BYTEA,
    last_state TEXT,
    read_at BIGINT,
    created_at BIGINT NOT NULL,
    ready_at BIGINT,
    version BIGINT NOT NULL
);
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
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'unknown', 'done', 'refused', 'returned')),
    sends BIGINT NOT NULL,
    empty_looks BIGINT NOT NULL,
    first_sent_at BIGINT,
    sent_at BIGINT,
    done_at BIGINT,
    ticket TEXT,
    last_code TEXT,
    last_detail TEXT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX platform_moves_account ON platform_moves (account_id, id);
CREATE INDEX platform_moves_open ON platform_moves (state, created_at);

-- Deals as reported, append-only: an edit is a new revision of the same ticket.
CREATE TABLE deals (
    server TEXT NOT NULL,
    ticket TEXT NOT NULL,
    revision BIGINT NOT NULL,
    login TEXT NOT NULL,
    account_id TEXT,
    kind TEXT NOT NULL,
    side TEXT NOT NULL,
    entry TEXT NOT NULL,
    technical BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    symbol TEXT NOT NULL,
    volume BIGINT NOT NULL,
    volume_closed BIGINT NOT NULL,
    contract_size BIGINT NOT NULL,
    digits BIGINT NOT NULL,
    price BIGINT NOT NULL,
    price_position BIGINT NOT NULL,
    bid BIGINT,
    ask BIGINT,
    profit_minor BIGINT NOT NULL,
    swap_minor BIGINT NOT NULL,
    commission_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    position_id TEXT NOT NULL,
    comment TEXT NOT NULL,
    at BIGINT NOT NULL,
    server_wall_ms BIGINT NOT NULL,
    modified BOOLEAN NOT NULL,
    gone BOOLEAN NOT NULL,
    fingerprint TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (server, ticket, revision)
);
CREATE INDEX deals_account ON deals (account_id, at);
CREATE INDEX deals_server_time ON deals (server, at);
CREATE INDEX deals_position ON deals (server, position_id);

CREATE TABLE feed_cursors (
    server TEXT PRIMARY KEY,
    watermark_at BIGINT NOT NULL,
    short_rescan_at BIGINT NOT NULL,
    long_rescan_at BIGINT NOT NULL,
    polled_at BIGINT NOT NULL,
    deals_total BIGINT NOT NULL,
    lag_us BIGINT NOT NULL
);
