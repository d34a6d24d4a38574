-- One record per person at one brand, from lead to churned, and everything staff note about it.

CREATE TABLE clients (
    id TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    brand TEXT NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('lead', 'registered', 'verified', 'funded', 'dormant', 'churned')),
    status TEXT NOT NULL CHECK (status IN ('new', 'contacted', 'no_answer', 'callback', 'interested', 'not_interested')),
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    -- Lower case without accents, surname first: what lists sort by.
    name_key TEXT NOT NULL,
    email TEXT,
    -- Lower case: the same person at the same brand.
    email_key TEXT,
    email_verified_at INTEGER,
    phone TEXT,
    country TEXT NOT NULL,
    language TEXT NOT NULL,
    birth_date TEXT,
    nationality TEXT,
    owner_id TEXT,
    desk TEXT,
    partner_id TEXT,
    campaign TEXT NOT NULL,
    kyc_state TEXT NOT NULL,
    vip INTEGER NOT NULL CHECK (vip IN (0, 1)),
    tags TEXT NOT NULL,
    custom TEXT NOT NULL,
    registered_at INTEGER,
    verified_at INTEGER,
    first_deposit_at INTEGER,
    first_response_at INTEGER,
    contact_changed_at INTEGER,
    activity_at INTEGER NOT NULL,
    stage_at INTEGER NOT NULL,
    merged_into TEXT REFERENCES clients (id),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0)
) STRICT;
CREATE UNIQUE INDEX clients_email ON clients (brand, email_key) WHERE merged_into IS NULL AND email_key IS NOT NULL;
CREATE INDEX clients_stage ON clients (stage, id) WHERE merged_into IS NULL;
CREATE INDEX clients_entity ON clients (entity, id) WHERE merged_into IS NULL;
CREATE INDEX clients_owner ON clients (owner_id, id) WHERE merged_into IS NULL;
CREATE INDEX clients_desk ON clients (desk, id) WHERE merged_into IS NULL;
CREATE INDEX clients_country ON clients (country, id) WHERE merged_into IS NULL;
CREATE INDEX clients_kyc ON clients (kyc_state, id) WHERE merged_into IS NULL;
CREATE INDEX clients_partner ON clients (partner_id, id) WHERE partner_id IS NOT NULL;
CREATE INDEX clients_name ON clients (name_key, id) WHERE merged_into IS NULL;
CREATE INDEX clients_activity ON clients (activity_at, id) WHERE merged_into IS NULL;
CREATE INDEX clients_merged ON clients (merged_into) WHERE merged_into IS NOT NULL;

-- How the person came, each time. The first row of a client is the first touch; nothing is edited.
CREATE TABLE touches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id TEXT NOT NULL REFERENCES clients (id),
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    medium TEXT NOT NULL,
    campaign TEXT NOT NULL,
    term TEXT NOT NULL,
    content TEXT NOT NULL,
    landing_language TEXT NOT NULL,
    landing_page TEXT NOT NULL,
    referrer TEXT NOT NULL,
    ip_country TEXT NOT NULL,
    partner_id TEXT,
    click_id TEXT,
    form TEXT NOT NULL
) STRICT;
CREATE INDEX touches_client ON touches (client_id, seq);

CREATE TABLE client_stages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id TEXT NOT NULL REFERENCES clients (id),
    from_stage TEXT,
    to_stage TEXT NOT NULL,
    cause TEXT NOT NULL,
    by_id TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX client_stages_client ON client_stages (client_id, seq);

-- What was agreed to, in which version, from where.
CREATE TABLE consents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id TEXT NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL,
    text_version TEXT NOT NULL,
    given INTEGER NOT NULL CHECK (given IN (0, 1)),
    ip TEXT,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX consents_client ON consents (client_id, seq);

CREATE TABLE client_tags (
    tag TEXT NOT NULL,
    client_id TEXT NOT NULL REFERENCES clients (id),
    PRIMARY KEY (tag, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_tags_client ON client_tags (client_id);

-- Every version of every profile step.
CREATE TABLE profile_steps (
    client_id TEXT NOT NULL REFERENCES clients (id),
    step TEXT NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL,
    by_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (client_id, step, version)
) STRICT, WITHOUT ROWID;

-- Normalised marks of a person, to find the same one again.
CREATE TABLE client_keys (
    kind TEXT NOT NULL CHECK (kind IN ('email', 'phone', 'name_birth', 'document')),
    mark TEXT NOT NULL,
    client_id TEXT NOT NULL REFERENCES clients (id),
    PRIMARY KEY (kind, mark, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_keys_client ON client_keys (client_id);

CREATE TABLE duplicates (
    id TEXT PRIMARY KEY,
    first_id TEXT NOT NULL REFERENCES clients (id),
    second_id TEXT NOT NULL REFERENCES clients (id),
    score INTEGER NOT NULL CHECK (score BETWEEN 0 AND 100),
    reasons TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'merged', 'linked', 'dismissed')),
    survivor_id TEXT,
    decided_by TEXT,
    decided_at INTEGER,
    note TEXT,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    CHECK (first_id < second_id)
) STRICT;
CREATE UNIQUE INDEX duplicates_pair ON duplicates (first_id, second_id);
CREATE INDEX duplicates_second ON duplicates (second_id);
CREATE INDEX duplicates_state ON duplicates (state, id);

CREATE TABLE notes (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL CHECK (kind IN ('general', 'aml')),
    body TEXT NOT NULL,
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX notes_client ON notes (client_id, kind, id);

CREATE TABLE calls (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id),
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    outcome TEXT NOT NULL CHECK (outcome IN ('reached', 'no_answer', 'voicemail', 'wrong_number', 'callback')),
    duration_s INTEGER NOT NULL,
    body TEXT NOT NULL,
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX calls_client ON calls (client_id, id);

CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id),
    title TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'cancelled')),
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    closed_at INTEGER,
    outcome TEXT,
    version INTEGER NOT NULL CHECK (version > 0)
) STRICT;
CREATE INDEX tasks_client ON tasks (client_id, due_at);
CREATE INDEX tasks_owner ON tasks (owner_id, due_at, id) WHERE state = 'open';

CREATE TABLE restrictions (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL CHECK (kind IN ('deposits', 'withdrawals', 'trading', 'sign_in', 'everything')),
    reason TEXT NOT NULL,
    -- May the client read the reason?
    told INTEGER NOT NULL CHECK (told IN (0, 1)),
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at INTEGER NOT NULL,
    lifted_at INTEGER,
    lifted_by TEXT,
    lift_reason TEXT
) STRICT;
CREATE UNIQUE INDEX restrictions_open ON restrictions (client_id, kind) WHERE lifted_at IS NULL;
CREATE INDEX restrictions_client ON restrictions (client_id, id);

-- What happened, in one line each, for whoever may see it.
CREATE TABLE timeline (
    id TEXT PRIMARY KEY,
    key TEXT,
    client_id TEXT NOT NULL REFERENCES clients (id),
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    title_key TEXT NOT NULL,
    data TEXT NOT NULL,
    words TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('client', 'staff', 'money', 'aml')),
    by_name TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX timeline_key ON timeline (client_id, key);
CREATE INDEX timeline_client ON timeline (client_id, at, id);

-- The next agent of a desk.
CREATE TABLE desk_turns (
    desk TEXT PRIMARY KEY,
    turn INTEGER NOT NULL
) STRICT;

CREATE TABLE search_words (
    word TEXT NOT NULL,
    client_id TEXT NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL CHECK (kind IN ('name', 'contact', 'ref')),
    PRIMARY KEY (word, client_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX search_words_client ON search_words (client_id, kind);

CREATE TRIGGER touches_keep_u BEFORE UPDATE ON touches BEGIN SELECT RAISE(ABORT, 'touches are never edited'); END;
CREATE TRIGGER touches_keep_d BEFORE DELETE ON touches BEGIN SELECT RAISE(ABORT, 'touches are never deleted'); END;
CREATE TRIGGER client_stages_keep_u BEFORE UPDATE ON client_stages BEGIN SELECT RAISE(ABORT, 'stage history is never edited'); END;
CREATE TRIGGER client_stages_keep_d BEFORE DELETE ON client_stages BEGIN SELECT RAISE(ABORT, 'stage history is never deleted'); END;
CREATE TRIGGER notes_keep_u BEFORE UPDATE ON notes BEGIN SELECT RAISE(ABORT, 'notes are never edited'); END;
CREATE TRIGGER notes_keep_d BEFORE DELETE ON notes BEGIN SELECT RAISE(ABORT, 'notes are never deleted'); END;
CREATE TRIGGER calls_keep_u BEFORE UPDATE ON calls BEGIN SELECT RAISE(ABORT, 'calls are never edited'); END;
CREATE TRIGGER calls_keep_d BEFORE DELETE ON calls BEGIN SELECT RAISE(ABORT, 'calls are never deleted'); END;
CREATE TRIGGER timeline_keep_u BEFORE UPDATE ON timeline BEGIN SELECT RAISE(ABORT, 'the timeline is never edited'); END;
CREATE TRIGGER timeline_keep_d BEFORE DELETE ON timeline BEGIN SELECT RAISE(ABORT, 'the timeline is never deleted'); END;
CREATE TRIGGER consents_keep_u BEFORE UPDATE ON consents BEGIN SELECT RAISE(ABORT, 'consents are never edited'); END;
CREATE TRIGGER consents_keep_d BEFORE DELETE ON consents BEGIN SELECT RAISE(ABORT, 'consents are never deleted'); END;
