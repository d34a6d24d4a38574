-- Imports of an exported partner module: how far each is.

CREATE TABLE partner_imports (
    -- Of the export.
    id              TEXT PRIMARY KEY,
    manifest_sha256 TEXT NOT NULL,
    -- Of the client map; empty: none.
    map_sha256      TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('running', 'done')),
    -- Files that are in as a whole, in the order of the format, and rows of the next one.
    files           BIGINT NOT NULL,
    rows_in         BIGINT NOT NULL,
    started_by      TEXT NOT NULL,
    started_at      BIGINT NOT NULL,
    finished_at     BIGINT,
    version         BIGINT NOT NULL
);
