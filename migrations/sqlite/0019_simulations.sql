-- What a proposed commission plan would have cost on deals of the past: asked for, worked out by a job.

CREATE TABLE commission_simulations (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'reading', 'done', 'failed')),
    -- What was asked, as the API takes it.
    ask TEXT NOT NULL,
    -- Codes of the entities whose deals may be looked at; null: all.
    entities TEXT,
    deals INTEGER NOT NULL CHECK (deals >= 0),
    seen INTEGER NOT NULL CHECK (seen >= 0),
    result TEXT,
    -- Why there is no result.
    cause TEXT,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    done_at INTEGER,
    CHECK ((state = 'done') = (result IS NOT NULL))
) STRICT;
CREATE INDEX commission_simulations_made ON commission_simulations (made_at, id);
