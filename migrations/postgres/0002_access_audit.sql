-- People, their ways in, the audit trail and the votes. Secrets are here only as hashes, and the
-- second factor's seed only sealed.

CREATE TABLE roles (
  role TEXT NOT NULL PRIMARY KEY,
  rights TEXT NOT NULL,          -- {"right": "scope"}
  sees TEXT NOT NULL,            -- ["mask"]
  known TEXT NOT NULL,           -- rights this database has met; newer ones get their default once
  version BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  updated_by TEXT NOT NULL
);

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
  password_set_at BIGINT,
  must_change BOOLEAN NOT NULL,
  totp_sealed BYTEA,
  totp_confirmed_at BIGINT,
  totp_last_step BIGINT NOT NULL,
  email_verified_at BIGINT,
  failed BIGINT NOT NULL,
  locked_until BIGINT,
  last_sign_in_at BIGINT,
  created_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  CHECK ((kind = 'client') = (client_id IS NOT NULL))
);
CREATE UNIQUE INDEX identities_by_address ON identities (realm, email_norm);
CREATE INDEX identities_by_client ON identities (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX identities_staff ON identities (name, id) WHERE kind = 'staff';

CREATE TABLE recovery_codes (
  identity_id TEXT NOT NULL REFERENCES identities (id),
  code_hash BYTEA NOT NULL,
  used_at BIGINT,
  PRIMARY KEY (identity_id, code_hash)
);

CREATE TABLE devices (
  id TEXT NOT NULL PRIMARY KEY,
  identity_id TEXT NOT NULL REFERENCES identities (id),
  mark BYTEA NOT NULL,            -- SHA-256 of the browser's own token or description
  label TEXT NOT NULL,
  first_ip TEXT,
  first_seen_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX devices_by_mark ON devices (identity_id, mark);

CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  token_hash BYTEA NOT NULL,
  identity_id TEXT NOT NULL REFERENCES identities (id),
  device_id TEXT NOT NULL REFERENCES devices (id),
  ip TEXT,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,   -- the absolute end
  step_up_at BIGINT NOT NULL,   -- when the person last proved themselves
  ended_at BIGINT,
  end_reason TEXT
);
CREATE UNIQUE INDEX sessions_by_token ON sessions (token_hash);
CREATE INDEX sessions_open ON sessions (identity_id, created_at) WHERE ended_at IS NULL;

CREATE TABLE sign_ins (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  identity_id TEXT,
  realm TEXT NOT NULL,
  who_mark BYTEA NOT NULL,        -- keyed hash of the address typed: it may be a password typed in the wrong field
  outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'unknown', 'wrong_password', 'wrong_code', 'code_missing', 'locked', 'disabled', 'step_up', 'step_up_failed')),
  ip TEXT,
  device_id TEXT,
  new_device BOOLEAN NOT NULL,
  agent TEXT,
  at BIGINT NOT NULL
);
CREATE INDEX sign_ins_by_identity ON sign_ins (identity_id, seq);
CREATE INDEX sign_ins_by_ip ON sign_ins (ip, at) WHERE outcome <> 'ok';

CREATE TABLE one_time_tokens (
  token_hash BYTEA NOT NULL PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('verify_email', 'reset_password', 'invite')),
  identity_id TEXT NOT NULL REFERENCES identities (id),
  email_norm TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE INDEX one_time_tokens_by_identity ON one_time_tokens (identity_id, purpose);

CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  token_hash BYTEA NOT NULL,
  tail TEXT NOT NULL,            -- the last four characters, to recognise it
  rights TEXT NOT NULL,          -- {"right": "scope"}
  sees TEXT NOT NULL,
  entity TEXT,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  last_used_at BIGINT,
  revoked_at BIGINT
);
CREATE UNIQUE INDEX api_keys_by_token ON api_keys (token_hash);

-- The audit trail. audit_rows is written with the change; the sealer puts each row into the chain
-- in the order in which commits became visible. Nothing of it is ever changed.
CREATE TABLE audit_rows (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  at BIGINT NOT NULL,
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
  content_hash BYTEA NOT NULL
);
CREATE INDEX audit_rows_by_client ON audit_rows (client_id, seq) WHERE client_id IS NOT NULL;
CREATE INDEX audit_rows_by_actor ON audit_rows (actor_id, seq);
CREATE INDEX audit_rows_by_object ON audit_rows (object, seq);
CREATE INDEX audit_rows_by_action ON audit_rows (action, seq);
CREATE INDEX audit_rows_by_time ON audit_rows (at, seq);

CREATE TABLE audit_pending (seq BIGINT NOT NULL PRIMARY KEY);

CREATE TABLE audit_chain (
  position BIGINT NOT NULL PRIMARY KEY,
  audit_id TEXT NOT NULL UNIQUE,
  content_hash BYTEA NOT NULL,
  chain_hash BYTEA NOT NULL
);

CREATE TABLE audit_checkpoints (
  position BIGINT NOT NULL PRIMARY KEY,
  chain_hash BYTEA NOT NULL,
  at BIGINT NOT NULL,
  key_id TEXT NOT NULL,
  signature BYTEA NOT NULL
);

-- Where the chain ends; the one row is also what makes sealers queue.
CREATE TABLE audit_head (
  id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
  position BIGINT NOT NULL,
  chain_hash BYTEA NOT NULL,
  checkpoint_position BIGINT NOT NULL,
  checkpoint_at BIGINT NOT NULL,
  version BIGINT NOT NULL
);
INSERT INTO audit_head (id, position, chain_hash, checkpoint_position, checkpoint_at, version)
VALUES (1, 0, '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea, 0, 0, 0);

CREATE TABLE decisions (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  client_id TEXT,
  outcome TEXT NOT NULL,
  reasons TEXT NOT NULL,
  rule TEXT,
  rule_version BIGINT,
  inputs TEXT NOT NULL,
  audit_id TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  actor_label TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX decisions_by_subject ON decisions (subject, id);
CREATE INDEX decisions_by_client ON decisions (client_id, id) WHERE client_id IS NOT NULL;

CREATE FUNCTION audit_pend() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_pending (seq) VALUES (NEW.seq);
  RETURN NULL;
END $$;
CREATE TRIGGER audit_rows_pend AFTER INSERT ON audit_rows FOR EACH ROW EXECUTE FUNCTION audit_pend();

-- 23514 is check_violation: the same answer as SQLite's triggers give.
CREATE FUNCTION keep_forever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is never changed', TG_TABLE_NAME USING ERRCODE = '23514';
END $$;
CREATE TRIGGER audit_rows_keep BEFORE UPDATE OR DELETE ON audit_rows FOR EACH ROW EXECUTE FUNCTION keep_forever();
CREATE TRIGGER audit_rows_keep_whole BEFORE TRUNCATE ON audit_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_forever();
CREATE TRIGGER audit_chain_keep BEFORE UPDATE OR DELETE ON audit_chain FOR EACH ROW EXECUTE FUNCTION keep_forever();
CREATE TRIGGER audit_chain_keep_whole BEFORE TRUNCATE ON audit_chain FOR EACH STATEMENT EXECUTE FUNCTION keep_forever();
CREATE TRIGGER audit_checkpoints_keep BEFORE UPDATE OR DELETE ON audit_checkpoints FOR EACH ROW EXECUTE FUNCTION keep_forever();
CREATE TRIGGER audit_checkpoints_keep_whole BEFORE TRUNCATE ON audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION keep_forever();
CREATE TRIGGER decisions_keep BEFORE UPDATE OR DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION keep_forever();
CREATE TRIGGER decisions_keep_whole BEFORE TRUNCATE ON decisions FOR EACH STATEMENT EXECUTE FUNCTION keep_forever();

CREATE TABLE approvals (
  id TEXT NOT NULL PRIMARY KEY,
  subject TEXT NOT NULL,
  right_code TEXT NOT NULL,
  needed BIGINT NOT NULL CHECK (needed BETWEEN 1 AND 5),
  given BIGINT NOT NULL CHECK (given BETWEEN 0 AND needed),
  amount_minor BIGINT,
  currency TEXT,
  entity TEXT,
  client_id TEXT,
  requester_id TEXT NOT NULL,
  requester_label TEXT NOT NULL,
  requester_may_vote BOOLEAN NOT NULL,
  reason TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'refused', 'cancelled', 'expired')),
  expires_at BIGINT,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  version BIGINT NOT NULL,
  CHECK ((state = 'waiting') = (ended_at IS NULL)),
  CHECK ((state = 'approved') <= (given = needed)),
  CHECK ((amount_minor IS NULL) = (currency IS NULL))
);
CREATE UNIQUE INDEX approvals_one_waiting ON approvals (subject) WHERE state = 'waiting';
CREATE INDEX approvals_by_subject ON approvals (subject, id);
CREATE INDEX approvals_by_state ON approvals (state, id);

CREATE TABLE approval_votes (
  approval_id TEXT NOT NULL REFERENCES approvals (id),
  voter_id TEXT NOT NULL,
  voter_label TEXT NOT NULL,
  approve BOOLEAN NOT NULL,
  reason TEXT NOT NULL,
  seen TEXT NOT NULL,
  session_id TEXT,
  ip TEXT,
  at BIGINT NOT NULL,
  PRIMARY KEY (approval_id, voter_id)
);
