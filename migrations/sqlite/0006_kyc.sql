-- Verification of clients: one case for each client and level, what it asks for, every upload, the
-- checks, the reviews with their clocks, the answers to the appropriateness test, who opened a
-- document, and the case's own history.

CREATE TABLE kyc_cases (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('standard', 'enhanced')),
    state TEXT NOT NULL CHECK (state IN ('open', 'collecting', 'submitted', 'in_review', 'resubmission', 'approved', 'rejected', 'expired')),
    -- The version of the entity's rule book that the list of requirements was taken from.
    config_version INTEGER NOT NULL,
    country TEXT NOT NULL,
    applicant TEXT NOT NULL,
    signals TEXT NOT NULL,
    round INTEGER NOT NULL CHECK (round >= 0),
    owner_id TEXT,
    owner_name TEXT,
    claimed_at INTEGER,
    submitted_at INTEGER,
    due_at INTEGER,
    risk_score INTEGER,
    risk_band TEXT CHECK (risk_band IN ('low', 'medium', 'high')),
    reasons TEXT NOT NULL,
    outcome_code TEXT,
    decision_id TEXT,
    approved_at INTEGER,
    decided_at INTEGER,
    opened_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    CHECK ((state = 'in_review') = (owner_id IS NOT NULL)),
    CHECK (state <> 'approved' OR approved_at IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX kyc_cases_client ON kyc_cases (client_id, level);
-- The queue: what waits for somebody, by its due time.
CREATE INDEX kyc_cases_queue ON kyc_cases (due_at, id) WHERE state IN ('submitted', 'in_review');
CREATE INDEX kyc_cases_state ON kyc_cases (state, due_at, id);
CREATE INDEX kyc_cases_owner ON kyc_cases (owner_id, due_at) WHERE owner_id IS NOT NULL;

-- What a case asks for: a copy of the rule book's list at the time.
CREATE TABLE kyc_requirements (
    case_id TEXT NOT NULL,
    code TEXT NOT NULL,
    position INTEGER NOT NULL,
    title_key TEXT NOT NULL,
    kinds TEXT NOT NULL,
    two_sided TEXT NOT NULL,
    max_age_days INTEGER,
    expires INTEGER NOT NULL,
    PRIMARY KEY (case_id, code)
) STRICT;

-- Every upload, for ever: a new one replaces the old one as current and leaves it here.
CREATE TABLE kyc_documents (
    id TEXT PRIMARY KEY,
    case_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    requirement TEXT NOT NULL,
    kind TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('single', 'front', 'back')),
    state TEXT NOT NULL CHECK (state IN ('pending', 'accepted', 'rejected', 'replaced', 'outdated')),
    file_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    mime TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_at INTEGER NOT NULL,
    -- What the document says, and who typed or read it.
    fields TEXT NOT NULL,
    fields_source TEXT CHECK (fields_source IN ('client', 'reviewer', 'ocr')),
    fields_by TEXT,
    fields_at INTEGER,
    expires_on TEXT,
    number_hash BLOB,
    mismatches TEXT NOT NULL,
    waivers TEXT NOT NULL,
    reason_code TEXT,
    reason_note TEXT,
    decided_by TEXT,
    decided_label TEXT,
    decided_at INTEGER,
    superseded_by TEXT
) STRICT;
CREATE INDEX kyc_documents_case ON kyc_documents (case_id, uploaded_at, id);
CREATE UNIQUE INDEX kyc_documents_file ON kyc_documents (file_id);
CREATE INDEX kyc_documents_number ON kyc_documents (number_hash) WHERE number_hash IS NOT NULL;
CREATE INDEX kyc_documents_client ON kyc_documents (client_id, id);

CREATE TABLE kyc_checks (
    id TEXT PRIMARY KEY,
    case_id TEXT NOT NULL,
    round INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('data_complete', 'document_quality', 'data_match', 'screening', 'duplicate', 'device_location')),
    provider TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('clear', 'hit', 'error', 'pending')),
    hits INTEGER NOT NULL,
    details TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX kyc_checks_case ON kyc_checks (case_id, round, id);

-- One row for each time a case was handed in, with its clock and how it ended.
CREATE TABLE kyc_reviews (
    case_id TEXT NOT NULL,
    round INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    level TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    first_claimed_at INTEGER,
    decided_at INTEGER,
    outcome TEXT CHECK (outcome IN ('approved', 'rejected', 'resubmission')),
    automatic INTEGER NOT NULL,
    decided_by TEXT,
    decision_id TEXT,
    PRIMARY KEY (case_id, round)
) STRICT;
CREATE INDEX kyc_reviews_client ON kyc_reviews (client_id, decided_at);
CREATE INDEX kyc_reviews_entity ON kyc_reviews (entity, decided_at) WHERE decided_at IS NOT NULL;

CREATE TABLE kyc_answers (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    code TEXT NOT NULL,
    version INTEGER NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt > 0),
    answers TEXT NOT NULL,
    assessment TEXT NOT NULL,
    score INTEGER NOT NULL,
    class TEXT NOT NULL CHECK (class IN ('pass', 'warn', 'block')),
    leverage_cap INTEGER,
    warning_key TEXT,
    acknowledged_at INTEGER,
    answered_by TEXT NOT NULL,
    answered_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX kyc_answers_attempt ON kyc_answers (client_id, attempt);

-- Who opened which document: part of what a reviewer saw.
CREATE TABLE kyc_views (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    viewer_id TEXT NOT NULL,
    viewer_label TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX kyc_views_case ON kyc_views (case_id, viewer_id);

CREATE TABLE kyc_history (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    label TEXT NOT NULL,
    what TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    note TEXT
) STRICT;
CREATE INDEX kyc_history_case ON kyc_history (case_id, seq);

CREATE TRIGGER kyc_history_keep_u BEFORE UPDATE ON kyc_history BEGIN SELECT RAISE(ABORT, 'a case history is never edited'); END;
CREATE TRIGGER kyc_history_keep_d BEFORE DELETE ON kyc_history BEGIN SELECT RAISE(ABORT, 'a case history is never deleted'); END;
CREATE TRIGGER kyc_views_keep_u BEFORE UPDATE ON kyc_views BEGIN SELECT RAISE(ABORT, 'views are never edited'); END;
CREATE TRIGGER kyc_views_keep_d BEFORE DELETE ON kyc_views BEGIN SELECT RAISE(ABORT, 'views are never deleted'); END;
CREATE TRIGGER kyc_checks_keep_u BEFORE UPDATE ON kyc_checks BEGIN SELECT RAISE(ABORT, 'checks are never edited'); END;
CREATE TRIGGER kyc_checks_keep_d BEFORE DELETE ON kyc_checks BEGIN SELECT RAISE(ABORT, 'checks are never deleted'); END;
