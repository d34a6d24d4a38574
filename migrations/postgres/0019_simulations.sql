-- What a proposed commission plan would have cost on deals of the past: asked for, worked out by a job.

CREATE TABLE commission_simulations (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'reading', 'done', 'failed')),
    -- What was asked, as the API takes it.
    ask TEXT NOT NULL,
    -- Codes of the entities whose deals may be looked at; null: all.
    entities TEXT,
    deals BIGINT NOT NULL CHECK (deals >= 0),
    seen BIGINT NOT NULL CHECK (seen >= 0),
    result TEXT,
    -- Why there is no result.
    cause TEXT,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    done_at BIGINT,
    CHECK ((state = 'done') = (result IS NOT NULL))
);
CREATE INDEX commission_simulations_made ON commission_simulations (made_at, id);
