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
    config_version BIGINT NOT NULL,
    country TEXT NOT NULL,
    applicant TEXT NOT NULL,
    signals TEXT NOT NULL,
    round BIGINT NOT NULL CHECK (round >= 0),
    owner_id TEXT,
    owner_name TEXT,
    claimed_at BIGINT,
    submitted_at BIGINT,
    due_at BIGINT,
    risk_score BIGINT,
    risk_band TEXT CHECK (risk_band IN ('low', 'medium', 'high')),
    reasons TEXT NOT NULL,
    outcome_code TEXT,
    decision_id TEXT,
    approved_at BIGINT,
    decided_at BIGINT,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    CHECK ((state = 'in_review') = (owner_id IS NOT NULL)),
    CHECK (state <> 'approved' OR approved_at IS NOT NULL)
);
CREATE UNIQUE INDEX kyc_cases_client ON kyc_cases (client_id, level);
-- The queue: what waits for somebody, by its due time.
CREATE INDEX kyc_cases_queue ON kyc_cases (due_at, id) WHERE state IN ('submitted', 'in_review');
CREATE INDEX kyc_cases_state ON kyc_cases (state, due_at, id);
CREATE INDEX kyc_cases_owner ON kyc_cases (owner_id, due_at) WHERE owner_id IS NOT NULL;

-- What a case asks for: a copy of the rule book's list at the time.
CREATE TABLE kyc_requirements (
    case_id TEXT NOT NULL,
    code TEXT NOT NULL,
    position BIGINT NOT NULL,
    title_key TEXT NOT NULL,
    kinds TEXT NOT NULL,
    two_sided TEXT NOT NULL,
    max_age_days BIGINT,
    expires BOOLEAN NOT NULL,
    PRIMARY KEY (case_id, code)
);

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
    size_bytes BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_at BIGINT NOT NULL,
    -- What the document says, and who typed or read it.
    fields TEXT NOT NULL,
    fields_source TEXT CHECK (fields_source IN ('client', 'reviewer', 'ocr')),
    fields_by TEXT,
    fields_at BIGINT,
    expires_on TEXT,
    number_hash BYTEA,
    mismatches TEXT NOT NULL,
    waivers TEXT NOT NULL,
    reason_code TEXT,
    reason_note TEXT,
    decided_by TEXT,
    decided_label TEXT,
    decided_at BIGINT,
    superseded_by TEXT
);
CREATE INDEX kyc_documents_case ON kyc_documents (case_id, uploaded_at, id);
CREATE UNIQUE INDEX kyc_documents_file ON kyc_documents (file_id);
CREATE INDEX kyc_documents_number ON kyc_documents (number_hash) WHERE number_hash IS NOT NULL;
CREATE INDEX kyc_documents_client ON kyc_documents (client_id, id);

CREATE TABLE kyc_checks (
    id TEXT PRIMARY KEY,
    case_id TEXT NOT NULL,
    round BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('data_complete', 'document_quality', 'data_match', 'screening', 'duplicate', 'device_location')),
    provider TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('clear', 'hit', 'error', 'pending')),
    hits BIGINT NOT NULL,
    details TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX kyc_checks_case ON kyc_checks (case_id, round, id);

-- One row for each time a case was handed in, with its clock and how it ended.
CREATE TABLE kyc_reviews (
    case_id TEXT NOT NULL,
    round BIGINT NOT NULL,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    level TEXT NOT NULL,
    submitted_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    first_claimed_at BIGINT,
    decided_at BIGINT,
    outcome TEXT CHECK (outcome IN ('approved', 'rejected', 'resubmission')),
    automatic BOOLEAN NOT NULL,
    decided_by TEXT,
    decision_id TEXT,
    PRIMARY KEY (case_id, round)
);
CREATE INDEX kyc_reviews_client ON kyc_reviews (client_id, decided_at);
CREATE INDEX kyc_reviews_entity ON kyc_reviews (entity, decided_at) WHERE decided_at IS NOT NULL;

CREATE TABLE kyc_answers (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    code TEXT NOT NULL,
    version BIGINT NOT NULL,
    attempt BIGINT NOT NULL CHECK (attempt > 0),
    answers TEXT NOT NULL,
    assessment TEXT NOT NULL,
    score BIGINT NOT NULL,
    class TEXT NOT NULL CHECK (class IN ('pass', 'warn', 'block')),
    leverage_cap BIGINT,
    warning_key TEXT,
    acknowledged_at BIGINT,
    answered_by TEXT NOT NULL,
    answered_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX kyc_answers_attempt ON kyc_answers (client_id, attempt);

-- Who opened which document: part of what a reviewer saw.
CREATE TABLE kyc_views (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document_id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    viewer_id TEXT NOT NULL,
    viewer_label TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX kyc_views_case ON kyc_views (case_id, viewer_id);

CREATE TABLE kyc_history (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    label TEXT NOT NULL,
    what TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    note TEXT
);
CREATE INDEX kyc_history_case ON kyc_history (case_id, seq);

CREATE FUNCTION kyc_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never edited', TG_TABLE_NAME USING ERRCODE = '23514';
END $$;
CREATE TRIGGER kyc_history_keep BEFORE UPDATE OR DELETE ON kyc_history FOR EACH ROW EXECUTE FUNCTION kyc_keep();
CREATE TRIGGER kyc_views_keep BEFORE UPDATE OR DELETE ON kyc_views FOR EACH ROW EXECUTE FUNCTION kyc_keep();
CREATE TRIGGER kyc_checks_keep BEFORE UPDATE OR DELETE ON kyc_checks FOR EACH ROW EXECUTE FUNCTION kyc_keep();
