-- Terms of payment, payouts with fee and tax and in batches, invoices, month closes.

-- What a partner's contract says otherwise than the entity's or the house's settings.
CREATE TABLE partner_terms (
    partner_id TEXT PRIMARY KEY REFERENCES partners (id),
    document   TEXT NOT NULL,
    version    INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

-- What stands against a statement in the partner's or our own books.
CREATE TABLE partner_invoices (
    statement_id TEXT PRIMARY KEY REFERENCES partner_statements (id),
    partner_id   TEXT NOT NULL REFERENCES partners (id),
    kind         TEXT NOT NULL CHECK (kind IN ('invoice', 'self_billing')),
    number       TEXT NOT NULL,
    file_id      TEXT,
    made_by      TEXT NOT NULL,
    made_at      INTEGER NOT NULL
) STRICT;

CREATE TABLE partner_payout_batches (
    id          TEXT PRIMARY KEY,
    entity      TEXT NOT NULL,
    currency    TEXT NOT NULL,
    method      TEXT NOT NULL CHECK (method IN ('wallet', 'bank', 'platform', 'psp')),
    state       TEXT NOT NULL CHECK (state IN ('prepared', 'released', 'done', 'refused')),
    close_id    TEXT,
    approval_id TEXT NOT NULL,
    items       INTEGER NOT NULL CHECK (items > 0),
    -- Taken from the partners, and what of it leaves.
    minor       INTEGER NOT NULL,
    net_minor   INTEGER NOT NULL,
    prepared_by TEXT NOT NULL,
    prepared_at INTEGER NOT NULL,
    decided_by  TEXT,
    decided_at  INTEGER,
    version     INTEGER NOT NULL
) STRICT;

CREATE INDEX partner_payout_batches_entity ON partner_payout_batches (entity, prepared_at);

CREATE TABLE partner_payouts_new (
    id           TEXT PRIMARY KEY,
    partner_id   TEXT NOT NULL REFERENCES partners (id),
    currency     TEXT NOT NULL,
    -- What the partner's balance loses: net, fee and tax together.
    minor        INTEGER NOT NULL CHECK (minor > 0),
    fee_minor    INTEGER NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),
    tax_minor    INTEGER NOT NULL DEFAULT 0 CHECK (tax_minor >= 0),
    net_minor    INTEGER NOT NULL CHECK (net_minor > 0),
    method       TEXT NOT NULL CHECK (method IN ('wallet', 'bank', 'platform', 'psp')),
    -- Where it goes, as it was when it was prepared.
    destination  TEXT,
    batch_id     TEXT REFERENCES partner_payout_batches (id),
    state        TEXT NOT NULL CHECK (state IN ('prepared', 'released', 'paid', 'refused', 'returned')),
    -- Why it was refused or came back.
    cause        TEXT,
    approval_id  TEXT NOT NULL,
    prepared_by  TEXT NOT NULL,
    prepared_at  INTEGER NOT NULL,
    decided_by   TEXT,
    decided_at   INTEGER,
    paid_at      INTEGER,
    -- The bank's or the ledger's name for the movement.
    reference    TEXT,
    entry_id     TEXT,
    return_entry_id TEXT,
    statement_id TEXT REFERENCES partner_statements (id),
    return_statement_id TEXT REFERENCES partner_statements (id),
    returned_at  INTEGER,
    version      INTEGER NOT NULL,
    CHECK ((state IN ('paid', 'returned')) = (entry_id IS NOT NULL)),
    CHECK (net_minor + fee_minor + tax_minor = minor)
) STRICT;

INSERT INTO partner_payouts_new (id, partner_id, currency, minor, net_minor, method, state, approval_id, prepared_by, prepared_at, decided_by, decided_at,
    paid_at, reference, entry_id, return_entry_id, statement_id, return_statement_id, returned_at, version)
SELECT id, partner_id, currency, minor, minor, method, state, approval_id, prepared_by, prepared_at, decided_by, decided_at,
    paid_at, reference, entry_id, return_entry_id, statement_id, return_statement_id, returned_at, version FROM partner_payouts;

DROP TABLE partner_payouts;
ALTER TABLE partner_payouts_new RENAME TO partner_payouts;

CREATE INDEX partner_payouts_partner ON partner_payouts (partner_id, currency, prepared_at);
CREATE INDEX partner_payouts_batch ON partner_payouts (batch_id, id) WHERE batch_id IS NOT NULL;

CREATE TABLE commission_closes (
    id          TEXT PRIMARY KEY,
    entity      TEXT NOT NULL,
    -- `2026-03`.
    month       TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('checked', 'running', 'stuck', 'done', 'signed_off')),
    checklist   TEXT NOT NULL,
    -- What the run came to: sums, and the payouts it proposes.
    result      TEXT,
    -- The last partner and currency that were dealt with.
    after_partner  TEXT NOT NULL,
    after_currency TEXT NOT NULL,
    -- Pairs of partner and currency.
    done        INTEGER NOT NULL,
    total       INTEGER NOT NULL,
    statements  INTEGER NOT NULL,
    -- How often it was started or taken up again.
    runs        INTEGER NOT NULL,
    made_by     TEXT NOT NULL,
    made_at     INTEGER NOT NULL,
    run_by      TEXT,
    run_at      INTEGER,
    finished_at INTEGER,
    signed_by   TEXT,
    signed_at   INTEGER,
    version     INTEGER NOT NULL,
    UNIQUE (entity, month),
    CHECK ((state = 'signed_off') = (signed_by IS NOT NULL))
) STRICT;

-- Pairs that could not be closed, each with why.
CREATE TABLE commission_close_faults (
    close_id   TEXT NOT NULL REFERENCES commission_closes (id),
    partner_id TEXT NOT NULL,
    currency   TEXT NOT NULL,
    code       TEXT NOT NULL,
    cause      TEXT NOT NULL,
    PRIMARY KEY (close_id, partner_id, currency)
) STRICT;
