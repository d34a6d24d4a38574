-- The ledger: accounts, entries of postings that sum to zero per currency, holds.
-- Entries and postings are append-only; a mistake is corrected by a reversal.

CREATE TABLE ledger_accounts (
    id            TEXT PRIMARY KEY,
    owner         TEXT NOT NULL,
    purpose       TEXT NOT NULL CHECK (purpose IN ('wallet', 'clearing', 'transit', 'platform', 'payout_transit', 'fees', 'chargebacks',
                      'trading_result', 'commission_expense', 'commission_payable', 'fx_position', 'suspense', 'credit_given')),
    currency      TEXT NOT NULL,
    guarded       INTEGER NOT NULL CHECK (guarded IN (0, 1)),
    -- The fold of the account's postings, kept beside them.
    balance_minor INTEGER NOT NULL CHECK (balance_minor BETWEEN -9000000000000000 AND 9000000000000000),
    -- The sum of its pending holds.
    held_minor    INTEGER NOT NULL CHECK (held_minor BETWEEN 0 AND 9000000000000000),
    -- The number of its last posting.
    seq           INTEGER NOT NULL CHECK (seq >= 0),
    created_at    INTEGER NOT NULL,
    -- A striped account is several rows, numbered from 0: the last character of the id says which.
    stripe        INTEGER NOT NULL DEFAULT 0 CHECK (stripe BETWEEN 0 AND 31),
    UNIQUE (owner, purpose, currency, stripe),
    CHECK (guarded = 0 OR balance_minor - held_minor >= 0),
    CHECK (stripe = 0 OR (guarded = 0 AND held_minor = 0))
) STRICT;

CREATE TABLE ledger_entries (
    id         TEXT PRIMARY KEY,
    reference  TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    source     TEXT NOT NULL,
    note       TEXT,
    fx_rate    TEXT,
    fx_source  TEXT,
    fx_at      INTEGER,
    -- The entry this one takes back; once at the most.
    reverses   TEXT UNIQUE REFERENCES ledger_entries (id),
    value_at   INTEGER NOT NULL,
    booked_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX ledger_entries_value ON ledger_entries (value_at, id);

CREATE TABLE ledger_postings (
    account_id    TEXT NOT NULL REFERENCES ledger_accounts (id),
    seq           INTEGER NOT NULL CHECK (seq > 0),
    entry_id      TEXT NOT NULL REFERENCES ledger_entries (id),
    minor         INTEGER NOT NULL CHECK (minor <> 0),
    currency      TEXT NOT NULL,
    balance_after INTEGER NOT NULL,
    PRIMARY KEY (account_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX ledger_postings_entry ON ledger_postings (entry_id);

CREATE TABLE ledger_holds (
    id         TEXT PRIMARY KEY,
    reference  TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES ledger_accounts (id),
    minor      INTEGER NOT NULL CHECK (minor > 0),
    state      TEXT NOT NULL CHECK (state IN ('pending', 'settled', 'released', 'expired')),
    entry_id   TEXT REFERENCES ledger_entries (id),
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    closed_at  INTEGER,
    version    INTEGER NOT NULL,
    CHECK ((state = 'pending') = (closed_at IS NULL)),
    CHECK ((state = 'settled') = (entry_id IS NOT NULL))
) STRICT;

CREATE INDEX ledger_holds_account ON ledger_holds (account_id, state);
CREATE INDEX ledger_holds_due ON ledger_holds (expires_at) WHERE state = 'pending';

CREATE TRIGGER ledger_entries_fixed BEFORE UPDATE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger entries are append-only'); END;
CREATE TRIGGER ledger_entries_kept BEFORE DELETE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger entries are append-only'); END;
CREATE TRIGGER ledger_postings_fixed BEFORE UPDATE ON ledger_postings BEGIN SELECT RAISE(ABORT, 'ledger postings are append-only'); END;
CREATE TRIGGER ledger_postings_kept BEFORE DELETE ON ledger_postings BEGIN SELECT RAISE(ABORT, 'ledger postings are append-only'); END;
CREATE TRIGGER ledger_accounts_kept BEFORE DELETE ON ledger_accounts BEGIN SELECT RAISE(ABORT, 'ledger accounts are never deleted'); END;
CREATE TRIGGER ledger_accounts_fixed BEFORE UPDATE OF id, owner, purpose, currency, stripe, guarded, created_at ON ledger_accounts
    BEGIN SELECT RAISE(ABORT, 'a ledger account keeps its owner, purpose and currency'); END;
CREATE TRIGGER ledger_holds_kept BEFORE DELETE ON ledger_holds BEGIN SELECT RAISE(ABORT, 'holds are never deleted'); END;
CREATE TRIGGER ledger_holds_closed BEFORE UPDATE ON ledger_holds WHEN OLD.state <> 'pending'
    BEGIN SELECT RAISE(ABORT, 'a closed hold does not change'); END;
