-- People, their ways in, the audit trail and the votes. Secrets are here only as hashes, and the
-- second factor's seed only sealed.

CREATE TABLE roles (
  role TEXT NOT NULL PRIMARY KEY,
  rights TEXT NOT NULL,          -- {"right": "scope"}
  sees TEXT NOT NULL,            -- ["mask"]
  known TEXT NOT NULL,           -- rights this database has met; newer ones get their default once
  version INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  updated_by TEXT NOT NULL
) STRICT;

CREATE TABLE identities (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('staff', 'client')),
  realm TEXT NOT NULL,           -- 'staff' or 'brand:<code>'
  email TEXT NOT NULL,
  email_norm TEXT NOT NULL,
  name TEXT NOT NULL,
  language TEXT NOT NULL,
  roles TEXT NOT NULL,           -- JSON list; clients: []
  desk TEXT,
  entities TEXT NOT NULL,        -- JSON list of codes, "*" for all
  client_id TEXT,
  state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  password_hash TEXT,
  password_set_at INTEGER,
  must_change INTEGER NOT NULL,
  totp_sealed BLOB,
  totp_confirmed_at INTEGER,
  totp_last_step INTEGER NOT NULL,
  email_verified_at INTEGER,
  failed INTEGER NOT NULL,
  locked_until INTEGER,
  last_sign_in_at INTEGER,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  CHECK ((kind = 'client') = (client_id IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX identities_by_address ON identities (realm, email_norm);
CREATE INDEX identities_by_client ON identities (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX identities_staff ON identities (name, id) WHERE kind = 'staff';

CREATE TABLE recovery_codes (
  identity_id TEXT NOT NULL REFERENCES identities (id),
  code_hash BLOB NOT NULL,
  used_at INTEGER,
  PRIMARY KEY (identity_id, code_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
  id TEXT NOT NULL PRIMARY KEY,
  identity_id TEXT NOT NULL REFERENCES identities (id),
  mark BLOB NOT NULL,            -- SHA-256 of the browser's own token or description
  label TEXT NOT NULL,
  first_ip TEXT,
  first_seen_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX devices_by_mark ON devices (identity_id, mark);

CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  token_hash BLOB NOT NULL,
  identity_id TEXT NOT NULL REFERENCES identities (id),
  device_id TEXT NOT NULL REFERENCES devices (id),
  ip TEXT,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,   -- the absolute end
  step_up_at INTEGER NOT NULL,   -- when the person last proved themselves
  ended_at INTEGER,
  end_reason TEXT
) STRICT;
CREATE UNIQUE INDEX sessions_by_token ON sessions (token_hash);
CREATE INDEX sessions_open ON sessions (identity_id, created_at) WHERE ended_at IS NULL;

CREATE TABLE sign_ins (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  identity_id TEXT,
  realm TEXT NOT NULL,
  who_mark BLOB NOT NULL,        -- keyed hash of the address typed: it may be a password typed in the wrong field
  outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'unknown', 'wrong_password', 'wrong_code', 'code_missing', 'locked', 'disabled', 'step_up', 'step_up_failed')),
  ip TEXT,
  device_id TEXT,
  new_device INTEGER NOT NULL,
  agent TEXT,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_ins_by_identity ON sign_ins (identity_id, seq);
CREATE INDEX sign_ins_by_ip ON sign_ins (ip, at) WHERE outcome <> 'ok';

CREATE TABLE one_time_tokens (
  token_hash BLOB NOT NULL PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('verify_email', 'reset_password', 'invite')),
  identity_id TEXT NOT NULL REFERENCES identities (id),
  email_norm TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX one_time_tokens_by_identity ON one_time_tokens (identity_id, purpose);

CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  token_hash BLOB NOT NULL,
  tail TEXT NOT NULL,            -- the last four characters, to recognise it
  rights TEXT NOT NULL,          -- {"right": "scope"}
  sees TEXT NOT NULL,
  entity TEXT,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used_at INTEGER,
  revoked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX api_keys_by_token ON api_keys (token_hash);

-- The audit trail. audit_rows is written with the change; the sealer puts each row into the chain
-- in the order in which commits became visible. Nothing of it is ever changed.
CREATE TABLE audit_rows (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  actor_label TEXT NOT NULL,
  session_id TEXT,
  ip TEXT,
  device TEXT,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  client_id TEXT,
  entity TEXT,
  before_json TEXT,
  after_json TEXT,
  reason TEXT,
  rule TEXT,
  seen_json TEXT,
  content_hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_rows_by_client ON audit_rows (client_id, seq) WHERE client_id IS NOT NULL;
CREATE INDEX audit_rows_by_actor ON audit_rows (actor_id, seq);
CREATE INDEX audit_rows_by_object ON audit_rows (object, seq);
CREATE INDEX audit_rows_by_action ON audit_rows (action, seq);
CREATE INDEX audit_rows_by_time ON audit_rows (at, seq);

CREATE TABLE audit_pending (seq INTEGER NOT NULL PRIMARY KEY) STRICT;

CREATE TABLE audit_chain (
  position INTEGER NOT NULL PRIMARY KEY,
  audit_id TEXT NOT NULL UNIQUE,
  content_hash BLOB NOT NULL,
  chain_hash BLOB NOT NULL
) STRICT;

CREATE TABLE audit_checkpoints (
  position INTEGER NOT NULL PRIMARY KEY,
  chain_hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  signature BLOB NOT NULL
) STRICT;

-- Where the chain ends; the one row is also what makes sealers queue.
CREATE TABLE audit_head (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  position INTEGER NOT NULL,
  chain_hash BLOB NOT NULL,
  checkpoint_position INTEGER NOT NULL,
  checkpoint_at INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
INSERT INTO audit_head (id, position, chain_hash, checkpoint_position, checkpoint_at, version)
VALUES (1, 0, x'0000000000000000000000000000000000000000000000000000000000000000', 0, 0, 0);

CREATE TABLE decisions (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  client_id TEXT,
  outcome TEXT NOT NULL,
  reasons TEXT NOT NULL,
  rule TEXT,
  rule_version INTEGER,
  inputs TEXT NOT NULL,
  audit_id TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  actor_label TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX decisions_by_subject ON decisions (subject, id);
CREATE INDEX decisions_by_client ON decisions (client_id, id) WHERE client_id IS NOT NULL;

CREATE TRIGGER audit_rows_pend AFTER INSERT ON audit_rows BEGIN INSERT INTO audit_pending (seq) VALUES (NEW.seq); END;
CREATE TRIGGER audit_rows_keep_update BEFORE UPDATE ON audit_rows BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_rows_keep_delete BEFORE DELETE ON audit_rows BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
CREATE TRIGGER audit_chain_keep_update BEFORE UPDATE ON audit_chain BEGIN SELECT RAISE(ABORT, 'the audit chain is never changed'); END;
CREATE TRIGGER audit_chain_keep_delete BEFORE DELETE ON audit_chain BEGIN SELECT RAISE(ABORT, 'the audit chain is never shortened'); END;
CREATE TRIGGER audit_checkpoints_keep_update BEFORE UPDATE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints are never changed'); END;
CREATE TRIGGER audit_checkpoints_keep_delete BEFORE DELETE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END;
CREATE TRIGGER decisions_keep_update BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are never changed'); END;
CREATE TRIGGER decisions_keep_delete BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are never deleted'); END;

CREATE TABLE approvals (
  id TEXT NOT NULL PRIMARY KEY,
  subject TEXT NOT NULL,
  right_code TEXT NOT NULL,
  needed INTEGER NOT NULL CHECK (needed BETWEEN 1 AND 5),
  given INTEGER NOT NULL CHECK (given BETWEEN 0 AND needed),
  amount_minor INTEGER,
  currency TEXT,
  entity TEXT,
  client_id TEXT,
  requester_id TEXT NOT NULL,
  requester_label TEXT NOT NULL,
  requester_may_vote INTEGER NOT NULL,
  reason TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'refused', 'cancelled', 'expired')),
  expires_at INTEGER,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  version INTEGER NOT NULL,
  CHECK ((state = 'waiting') = (ended_at IS NULL)),
  CHECK ((state = 'approved') <= (given = needed)),
  CHECK ((amount_minor IS NULL) = (currency IS NULL))
) STRICT;
CREATE UNIQUE INDEX approvals_one_waiting ON approvals (subject) WHERE state = 'waiting';
CREATE INDEX approvals_by_subject ON approvals (subject, id);
CREATE INDEX approvals_by_state ON approvals (state, id);

CREATE TABLE approval_votes (
  approval_id TEXT NOT NULL REFERENCES approvals (id),
  voter_id TEXT NOT NULL,
  voter_label TEXT NOT NULL,
  approve INTEGER NOT NULL,
  reason TEXT NOT NULL,
  seen TEXT NOT NULL,
  session_id TEXT,
  ip TEXT,
  at INTEGER NOT NULL,
  PRIMARY KEY (approval_id, voter_id)
) STRICT, WITHOUT ROWID;
