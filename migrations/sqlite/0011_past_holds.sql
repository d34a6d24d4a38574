-- What a record was before each change, so that a client's file can be read as of a date; logins that
-- rest because of a merge; whether an address was ever proven.

-- The merge (dup_...) because of which this login rests, whatever its state says.
ALTER TABLE identities ADD COLUMN held_for TEXT;
-- When an address of this login was proven for the first time: until then nobody knows whose it is.
ALTER TABLE identities ADD COLUMN proven_at INTEGER;
UPDATE identities SET proven_at = COALESCE(email_verified_at,
    (SELECT MIN(a.at) FROM audit_rows a WHERE a.object = 'login:' || identities.id AND a.action = 'login.email_verified'));

-- Each time a login was put to rest by a merge: whose it was, whose it became, and the end of it.
CREATE TABLE login_holds (
    duplicate_id TEXT NOT NULL,
    identity_id TEXT NOT NULL REFERENCES identities (id),
    from_client TEXT NOT NULL,
    to_client TEXT NOT NULL,
    held_at INTEGER NOT NULL,
    -- The login is the other record's from here on.
    moved_at INTEGER,
    -- The merge was taken apart: the login is as it was.
    ended_at INTEGER,
    PRIMARY KEY (duplicate_id, identity_id, held_at)
) STRICT;
CREATE UNIQUE INDEX login_holds_open ON login_holds (identity_id) WHERE ended_at IS NULL;

CREATE TABLE identity_past (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The moment at which this stopped being so.
    until_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    realm TEXT NOT NULL,
    email TEXT NOT NULL,
    state TEXT NOT NULL,
    held_for TEXT,
    totp_confirmed_at INTEGER,
    email_verified_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX identity_past_of ON identity_past (id, seq);
CREATE INDEX identity_past_client ON identity_past (client_id);

CREATE TABLE client_past (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The moment at which this stopped being so.
    until_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    entity TEXT NOT NULL,
    brand TEXT NOT NULL,
    stage TEXT NOT NULL,
    status TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT,
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
    vip INTEGER NOT NULL,
    tags TEXT NOT NULL,
    custom TEXT NOT NULL,
    registered_at INTEGER,
    verified_at INTEGER,
    first_deposit_at INTEGER,
    first_response_at INTEGER,
    contact_changed_at INTEGER,
    activity_at INTEGER NOT NULL,
    stage_at INTEGER NOT NULL,
    merged_into TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX client_past_of ON client_past (id, seq);

CREATE TABLE kyc_case_past (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The moment at which this stopped being so.
    until_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    level TEXT NOT NULL,
    state TEXT NOT NULL,
    config_version INTEGER NOT NULL,
    country TEXT NOT NULL,
    applicant TEXT NOT NULL,
    signals TEXT NOT NULL,
    round INTEGER NOT NULL,
    owner_id TEXT,
    owner_name TEXT,
    claimed_at INTEGER,
    submitted_at INTEGER,
    due_at INTEGER,
    risk_score INTEGER,
    risk_band TEXT,
    reasons TEXT NOT NULL,
    outcome_code TEXT,
    decision_id TEXT,
    approved_at INTEGER,
    decided_at INTEGER,
    opened_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX kyc_case_past_of ON kyc_case_past (id, seq);

CREATE TABLE kyc_document_past (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The moment at which this stopped being so.
    until_at INTEGER NOT NULL,
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
    size_bytes INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_at INTEGER NOT NULL,
    fields TEXT NOT NULL,
    fields_source TEXT,
    fields_by TEXT,
    fields_at INTEGER,
    expires_on TEXT,
    mismatches TEXT NOT NULL,
    waivers TEXT NOT NULL,
    reason_code TEXT,
    reason_note TEXT,
    decided_by TEXT,
    decided_label TEXT,
    decided_at INTEGER,
    superseded_by TEXT
) STRICT;
CREATE INDEX kyc_document_past_of ON kyc_document_past (id, seq);

CREATE TABLE kyc_requirement_past (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The moment at which this stopped being so.
    until_at INTEGER NOT NULL,
    case_id TEXT NOT NULL,
    code TEXT NOT NULL,
    position INTEGER NOT NULL,
    title_key TEXT NOT NULL,
    kinds TEXT NOT NULL,
    two_sided TEXT NOT NULL,
    max_age_days INTEGER,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX kyc_requirement_past_of ON kyc_requirement_past (case_id, seq);

CREATE TRIGGER identity_past_keep_u BEFORE UPDATE ON identity_past BEGIN SELECT RAISE(ABORT, 'what was is never edited'); END;
CREATE TRIGGER identity_past_keep_d BEFORE DELETE ON identity_past BEGIN SELECT RAISE(ABORT, 'what was is never deleted'); END;
CREATE TRIGGER client_past_keep_u BEFORE UPDATE ON client_past BEGIN SELECT RAISE(ABORT, 'what was is never edited'); END;
CREATE TRIGGER client_past_keep_d BEFORE DELETE ON client_past BEGIN SELECT RAISE(ABORT, 'what was is never deleted'); END;
CREATE TRIGGER kyc_case_past_keep_u BEFORE UPDATE ON kyc_case_past BEGIN SELECT RAISE(ABORT, 'what was is never edited'); END;
CREATE TRIGGER kyc_case_past_keep_d BEFORE DELETE ON kyc_case_past BEGIN SELECT RAISE(ABORT, 'what was is never deleted'); END;
CREATE TRIGGER kyc_document_past_keep_u BEFORE UPDATE ON kyc_document_past BEGIN SELECT RAISE(ABORT, 'what was is never edited'); END;
CREATE TRIGGER kyc_document_past_keep_d BEFORE DELETE ON kyc_document_past BEGIN SELECT RAISE(ABORT, 'what was is never deleted'); END;
CREATE TRIGGER kyc_requirement_past_keep_u BEFORE UPDATE ON kyc_requirement_past BEGIN SELECT RAISE(ABORT, 'what was is never edited'); END;
CREATE TRIGGER kyc_requirement_past_keep_d BEFORE DELETE ON kyc_requirement_past BEGIN SELECT RAISE(ABORT, 'what was is never deleted'); END;
