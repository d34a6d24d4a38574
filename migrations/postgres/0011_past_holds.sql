-- What a record was before each change, so that a client's file can be read as of a date; logins that
-- rest because of a merge; whether an address was ever proven.

-- The merge (dup_...) because of which this login rests, whatever its state says.
ALTER TABLE identities ADD COLUMN held_for TEXT;
-- When an address of this login was proven for the first time: until then nobody knows whose it is.
ALTER TABLE identities ADD COLUMN proven_at BIGINT;
UPDATE identities SET proven_at = COALESCE(email_verified_at,
    (SELECT MIN(a.at) FROM audit_rows a WHERE a.object = 'login:' || identities.id AND a.action = 'login.email_verified'));

-- Each time a login was put to rest by a merge: whose it was, whose it became, and the end of it.
CREATE TABLE login_holds (
    duplicate_id TEXT NOT NULL,
    identity_id TEXT NOT NULL REFERENCES identities (id),
    from_client TEXT NOT NULL,
    to_client TEXT NOT NULL,
    held_at BIGINT NOT NULL,
    -- The login is the other record's from here on.
    moved_at BIGINT,
    -- The merge was taken apart: the login is as it was.
    ended_at BIGINT,
    PRIMARY KEY (duplicate_id, identity_id, held_at)
);
CREATE UNIQUE INDEX login_holds_open ON login_holds (identity_id) WHERE ended_at IS NULL;

CREATE TABLE identity_past (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The moment at which this stopped being so.
    until_at BIGINT NOT NULL,
    id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    realm TEXT NOT NULL,
    email TEXT NOT NULL,
    state TEXT NOT NULL,
    held_for TEXT,
    totp_confirmed_at BIGINT,
    email_verified_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX identity_past_of ON identity_past (id, seq);
CREATE INDEX identity_past_client ON identity_past (client_id);

CREATE TABLE client_past (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The moment at which this stopped being so.
    until_at BIGINT NOT NULL,
    id TEXT NOT NULL,
    entity TEXT NOT NULL,
    brand TEXT NOT NULL,
    stage TEXT NOT NULL,
    status TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT,
    email_verified_at BIGINT,
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
    vip BOOLEAN NOT NULL,
    tags TEXT NOT NULL,
    custom TEXT NOT NULL,
    registered_at BIGINT,
    verified_at BIGINT,
    first_deposit_at BIGINT,
    first_response_at BIGINT,
    contact_changed_at BIGINT,
    activity_at BIGINT NOT NULL,
    stage_at BIGINT NOT NULL,
    merged_into TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX client_past_of ON client_past (id, seq);

CREATE TABLE kyc_case_past (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The moment at which this stopped being so.
    until_at BIGINT NOT NULL,
    id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    level TEXT NOT NULL,
    state TEXT NOT NULL,
    config_version BIGINT NOT NULL,
    country TEXT NOT NULL,
    applicant TEXT NOT NULL,
    signals TEXT NOT NULL,
    round BIGINT NOT NULL,
    owner_id TEXT,
    owner_name TEXT,
    claimed_at BIGINT,
    submitted_at BIGINT,
    due_at BIGINT,
    risk_score BIGINT,
    risk_band TEXT,
    reasons TEXT NOT NULL,
    outcome_code TEXT,
    decision_id TEXT,
    approved_at BIGINT,
    decided_at BIGINT,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX kyc_case_past_of ON kyc_case_past (id, seq);

CREATE TABLE kyc_document_past (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The moment at which this stopped being so.
    until_at BIGINT NOT NULL,
    id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    requirement TEXT NOT NULL,
    kind TEXT NOT NULL,
    side TEXT NOT NULL,
    state TEXT NOT NULL,
    file_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    mime TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_at BIGINT NOT NULL,
    fields TEXT NOT NULL,
    fields_source TEXT,
    fields_by TEXT,
    fields_at BIGINT,
    expires_on TEXT,
    mismatches TEXT NOT NULL,
    waivers TEXT NOT NULL,
    reason_code TEXT,
    reason_note TEXT,
    decided_by TEXT,
    decided_label TEXT,
    decided_at BIGINT,
    superseded_by TEXT
);
CREATE INDEX kyc_document_past_of ON kyc_document_past (id, seq);

CREATE TABLE kyc_requirement_past (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The moment at which this stopped being so.
    until_at BIGINT NOT NULL,
    case_id TEXT NOT NULL,
    code TEXT NOT NULL,
    position BIGINT NOT NULL,
    title_key TEXT NOT NULL,
    kinds TEXT NOT NULL,
    two_sided TEXT NOT NULL,
    max_age_days BIGINT,
    expires BOOLEAN NOT NULL
);
CREATE INDEX kyc_requirement_past_of ON kyc_requirement_past (case_id, seq);

CREATE TRIGGER identity_past_keep BEFORE UPDATE OR DELETE ON identity_past FOR EACH ROW EXECUTE FUNCTION keep_forever();
CREATE TRIGGER client_past_keep BEFORE UPDATE OR DELETE ON client_past FOR EACH ROW EXECUTE FUNCTION keep_forever();
CREATE TRIGGER kyc_case_past_keep BEFORE UPDATE OR DELETE ON kyc_case_past FOR EACH ROW EXECUTE FUNCTION keep_forever();
CREATE TRIGGER kyc_document_past_keep BEFORE UPDATE OR DELETE ON kyc_document_past FOR EACH ROW EXECUTE FUNCTION keep_forever();
CREATE TRIGGER kyc_requirement_past_keep BEFORE UPDATE OR DELETE ON kyc_requirement_past FOR EACH ROW EXECUTE FUNCTION keep_forever();
