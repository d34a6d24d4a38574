-- The bank rail: statement files and their entries, payments by bank in batches, where clients are paid
-- to; withdrawals with a split of their own, their turns between desks, and what a trial of rules says.

CREATE TABLE bank_files (
    id TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL UNIQUE,
    file_id TEXT NOT NULL,
    size BIGINT NOT NULL,
    kind TEXT CHECK (kind IN ('statement', 'notice', 'status')),
    message_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'reading', 'done', 'refused')),
    fault TEXT,
    -- Entries of the file, and how many of them are in.
    entries BIGINT NOT NULL,
    entries_done BIGINT NOT NULL,
    matched BIGINT NOT NULL,
    doubtful BIGINT NOT NULL,
    suspense BIGINT NOT NULL,
    known BIGINT NOT NULL,
    payouts BIGINT NOT NULL,
    other BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    loaded_by TEXT NOT NULL,
    loaded_at BIGINT NOT NULL,
    finished_at BIGINT,
    version BIGINT NOT NULL
);

CREATE TABLE bank_entries (
    id TEXT PRIMARY KEY,
    file_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    connection TEXT NOT NULL,
    -- Of ours; with the key what makes an entry the same in every file.
    account TEXT NOT NULL,
    entry_key TEXT NOT NULL,
    line BIGINT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    booked_on BIGINT,
    bank_ref TEXT,
    end_to_end TEXT,
    creditor_ref TEXT,
    remittance TEXT NOT NULL,
    party_name TEXT,
    party_account TEXT,
    party_bic TEXT,
    party_mark TEXT,
    return_reason TEXT,
    state TEXT NOT NULL CHECK (state IN ('matched', 'doubtful', 'suspense', 'returning', 'returned', 'payout', 'other')),
    deposit_id TEXT,
    client_id TEXT,
    payment_id TEXT,
    -- Who it may be from, with scores and reasons.
    candidates TEXT NOT NULL,
    decided_by TEXT,
    reason TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX bank_entries_once ON bank_entries (account, entry_key);
CREATE INDEX bank_entries_state ON bank_entries (state, id);
CREATE INDEX bank_entries_mark ON bank_entries (party_mark, state);
CREATE INDEX bank_entries_file ON bank_entries (file_id, id);

-- What goes out by bank: a withdrawal's leg, or an entry sent back.
CREATE TABLE bank_payments (
    id TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    connection TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('leg', 'return')),
    withdrawal_id TEXT,
    n BIGINT,
    entry_id TEXT,
    client_id TEXT,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    holder TEXT,
    account TEXT,
    bic TEXT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'batched', 'sent', 'paid', 'failed', 'returned')),
    batch_id TEXT,
    reason TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX bank_payments_state ON bank_payments (connection, state, id);
CREATE INDEX bank_payments_batch ON bank_payments (batch_id, id);
CREATE UNIQUE INDEX bank_payments_leg ON bank_payments (withdrawal_id, n);

CREATE TABLE bank_batches (
    id TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    connection TEXT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('prepared', 'released', 'refused')),
    approval_id TEXT NOT NULL,
    items BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    prepared_by TEXT NOT NULL,
    prepared_at BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    version BIGINT NOT NULL
);

CREATE TABLE payout_targets (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    method TEXT NOT NULL,
    -- The provider that pays there; none for a bank account.
    connection TEXT,
    account TEXT NOT NULL,
    mark TEXT NOT NULL,
    holder TEXT NOT NULL,
    country TEXT NOT NULL,
    bic TEXT,
    name_matches BOOLEAN NOT NULL,
    added_by TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE INDEX payout_targets_client ON payout_targets (client_id, id);
CREATE INDEX payout_targets_mark ON payout_targets (mark);

ALTER TABLE withdrawal_legs DROP CONSTRAINT withdrawal_legs_kind_check;
ALTER TABLE withdrawal_legs ADD CONSTRAINT withdrawal_legs_kind_check CHECK (kind IN ('refund', 'payout', 'bank'));
ALTER TABLE withdrawal_legs ADD COLUMN target_id TEXT;
CREATE INDEX withdrawal_legs_deposit ON withdrawal_legs (deposit_id);

ALTER TABLE withdrawals ADD COLUMN target_id TEXT;
-- How finance wants it to go back, in place of the rule's way.
ALTER TABLE withdrawals ADD COLUMN split TEXT;
-- Which queue people looked at it in, and until when.
ALTER TABLE withdrawals ADD COLUMN queue TEXT NOT NULL DEFAULT 'none' CHECK (queue IN ('none', 'standard', 'high_risk'));
ALTER TABLE withdrawals ADD COLUMN reviewed_at BIGINT;
UPDATE withdrawals SET queue = CASE WHEN approvals_needed > 1 OR desk = 'compliance' THEN 'high_risk' ELSE 'standard' END WHERE approvals_needed > 0;
UPDATE withdrawals SET reviewed_at = COALESCE(approved_at, changed_at) WHERE approvals_needed > 0 AND state <> 'review';
CREATE INDEX withdrawals_queue ON withdrawals (queue, decided_at);

-- Whose turn it was, from when to when.
CREATE TABLE withdrawal_turns (
    withdrawal_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    desk TEXT NOT NULL CHECK (desk IN ('finance', 'compliance')),
    from_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    until_at BIGINT,
    -- The last one who had taken it.
    owner TEXT,
    handed_by TEXT,
    comment TEXT,
    PRIMARY KEY (withdrawal_id, n)
);

-- What the rules that are being tried would have decided, beside what was decided.
CREATE TABLE withdrawal_trials (
    withdrawal_id TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    live TEXT NOT NULL CHECK (live IN ('auto', 'review', 'two')),
    trial TEXT NOT NULL CHECK (trial IN ('auto', 'review', 'two')),
    live_signals TEXT NOT NULL,
    trial_signals TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX withdrawal_trials_at ON withdrawal_trials (at);

-- What a connection can do for us, as its connector says at start.
ALTER TABLE psp_connections ADD COLUMN can_refund BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE psp_connections ADD COLUMN can_pay_out BOOLEAN NOT NULL DEFAULT FALSE;
