-- Transfers from one currency into another: the quote with its rate, and what reached the second place.

CREATE TABLE transfer_quotes (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    from_account TEXT,
    to_account TEXT,
    from_minor BIGINT NOT NULL CHECK (from_minor > 0),
    from_currency TEXT NOT NULL,
    to_minor BIGINT NOT NULL CHECK (to_minor > 0),
    to_currency TEXT NOT NULL,
    rate TEXT NOT NULL,
    -- The reference rate it was made of, and what the house keeps of it.
    mid_rate TEXT NOT NULL,
    markup_bp BIGINT NOT NULL,
    source TEXT NOT NULL,
    rate_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    transfer_id TEXT
);
CREATE INDEX transfer_quotes_client ON transfer_quotes (client_id, id);

ALTER TABLE transfers ADD COLUMN quote_id TEXT;
ALTER TABLE transfers ADD COLUMN to_minor BIGINT;
ALTER TABLE transfers ADD COLUMN to_currency TEXT;
ALTER TABLE transfers ADD COLUMN fx_rate TEXT;
ALTER TABLE transfers ADD COLUMN fx_source TEXT;
ALTER TABLE transfers ADD COLUMN fx_at BIGINT;
-- Exchanged back, because the second account did not take it.
ALTER TABLE transfers ADD COLUMN fx_reversed BOOLEAN NOT NULL DEFAULT FALSE;
