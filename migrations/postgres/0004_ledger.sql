-- The ledger: accounts, entries of postings that sum to zero per currency, holds.
-- Entries and postings are append-only; a mistake is corrected by a reversal.

-- The fill factor leaves room on the page for a row's next version: a posting then touches no index.
CREATE TABLE ledger_accounts (
    id            TEXT PRIMARY KEY,
    owner         TEXT NOT NULL,
    purpose       TEXT NOT NULL CHECK (purpose IN ('wallet', 'clearing', 'transit', 'platform', 'payout_transit', 'fees', 'chargebacks',
                      'trading_result', 'commission_expense', 'commission_payable', 'fx_position', 'suspense', 'credit_given')),
    currency      TEXT NOT NULL,
    guarded       BOOLEAN NOT NULL,
    -- The fold of the account's postings, kept beside them.
    balance_minor BIGINT NOT NULL CHECK (balance_minor BETWEEN -9000000000000000 AND 9000000000000000),
    -- The sum of its pending holds.
    held_minor    BIGINT NOT NULL CHECK (held_minor BETWEEN 0 AND 9000000000000000),
    -- The number of its last posting.
    seq           BIGINT NOT NULL CHECK (seq >= 0),
    created_at    BIGINT NOT NULL,
    -- A striped account is several rows, numbered from 0: the last character of the id says which.
    stripe        BIGINT NOT NULL DEFAULT 0 CHECK (stripe BETWEEN 0 AND 31),
    UNIQUE (owner, purpose, currency, stripe),
    CHECK (NOT guarded OR balance_minor - held_minor >= 0),
    CHECK (stripe = 0 OR (NOT guarded AND held_minor = 0))
) WITH (fillfactor = 60);

CREATE TABLE ledger_entries (
    id         TEXT PRIMARY KEY,
    reference  TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    source     TEXT NOT NULL,
    note       TEXT,
    fx_rate    TEXT,
    fx_source  TEXT,
    fx_at      BIGINT,
    -- The entry this one takes back; once at the most.
    reverses   TEXT UNIQUE REFERENCES ledger_entries (id),
    value_at   BIGINT NOT NULL,
    booked_at  BIGINT NOT NULL
);

CREATE INDEX ledger_entries_value ON ledger_entries (value_at, id);

CREATE TABLE ledger_postings (
    account_id    TEXT NOT NULL REFERENCES ledger_accounts (id),
    seq           BIGINT NOT NULL CHECK (seq > 0),
    entry_id      TEXT NOT NULL REFERENCES ledger_entries (id),
    minor         BIGINT NOT NULL CHECK (minor <> 0),
    currency      TEXT NOT NULL,
    balance_after BIGINT NOT NULL,
    PRIMARY KEY (account_id, seq)
);

CREATE INDEX ledger_postings_entry ON ledger_postings (entry_id);

CREATE TABLE ledger_holds (
    id         TEXT PRIMARY KEY,
    reference  TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES ledger_accounts (id),
    minor      BIGINT NOT NULL CHECK (minor > 0),
    state      TEXT NOT NULL CHECK (state IN ('pending', 'settled', 'released', 'expired')),
    entry_id   TEXT REFERENCES ledger_entries (id),
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    closed_at  BIGINT,
    version    BIGINT NOT NULL,
    CHECK ((state = 'pending') = (closed_at IS NULL)),
    CHECK ((state = 'settled') = (entry_id IS NOT NULL))
);

CREATE INDEX ledger_holds_account ON ledger_holds (account_id, state);
CREATE INDEX ledger_holds_due ON ledger_holds (expires_at) WHERE state = 'pending';

-- 23514 is the class of a check constraint: the program sees the same refusal on both engines.
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = '23514';
END $$;

CREATE TRIGGER ledger_entries_fixed BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse('ledger entries are append-only');
CREATE TRIGGER ledger_entries_kept BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('ledger entries are append-only');
CREATE TRIGGER ledger_postings_fixed BEFORE UPDATE OR DELETE ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse('ledger postings are append-only');
CREATE TRIGGER ledger_postings_kept BEFORE TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('ledger postings are append-only');
CREATE TRIGGER ledger_accounts_kept BEFORE DELETE ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse('ledger accounts are never deleted');
CREATE TRIGGER ledger_accounts_fixed BEFORE UPDATE OF id, owner, purpose, currency, stripe, guarded, created_at ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse('a ledger account keeps its owner, purpose and currency');
CREATE TRIGGER ledger_holds_kept BEFORE DELETE ON ledger_holds
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse('holds are never deleted');
CREATE TRIGGER ledger_holds_closed BEFORE UPDATE ON ledger_holds
    FOR EACH ROW WHEN (OLD.state <> 'pending') EXECUTE FUNCTION ledger_refuse('a closed hold does not change');
