-- Transfers from one currency into another: the quote with its rate, and what reached the second place.

CREATE TABLE transfer_quotes (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    from_account TEXT,
    to_account TEXT,
    from_minor INTEGER NOT NULL CHECK (from_minor > 0),
    from_currency TEXT NOT NULL,
    to_minor INTEGER NOT NULL CHECK (to_minor > 0),
    to_currency TEXT NOT NULL,
    rate TEXT NOT NULL,
    -- The reference rate it was made of, and what the house keeps of it.
    mid_rate TEXT NOT NULL,
    markup_bp INTEGER NOT NULL,
    source TEXT NOT NULL,
    rate_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    transfer_id TEXT
) STRICT;
CREATE INDEX transfer_quotes_client ON transfer_quotes (client_id, id);

ALTER TABLE transfers ADD COLUMN quote_id TEXT;
ALTER TABLE transfers ADD COLUMN to_minor INTEGER;
ALTER TABLE transfers ADD COLUMN to_currency TEXT;
ALTER TABLE transfers ADD COLUMN fx_rate TEXT;
ALTER TABLE transfers ADD COLUMN fx_source TEXT;
ALTER TABLE transfers ADD COLUMN fx_at INTEGER;
-- Exchanged back, because the second account did not take it.
ALTER TABLE transfers ADD COLUMN fx_reversed INTEGER NOT NULL DEFAULT 0 CHECK (fx_reversed IN (0, 1));
