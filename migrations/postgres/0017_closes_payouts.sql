-- Terms of payment, payouts with fee and tax and in batches, invoices, month closes.

-- What a partner's contract says otherwise than the entity's or the house's settings.
CREATE TABLE partner_terms (
    partner_id TEXT PRIMARY KEY REFERENCES partners (id),
    document   TEXT NOT NULL,
    version    BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- What stands against a statement in the partner's or our own books.
CREATE TABLE partner_invoices (
    statement_id TEXT PRIMARY KEY REFERENCES partner_statements (id),
    partner_id   TEXT NOT NULL REFERENCES partners (id),
    kind         TEXT NOT NULL CHECK (kind IN ('invoice', 'self_billing')),
    number       TEXT NOT NULL,
    file_id      TEXT,
    made_by      TEXT NOT NULL,
    made_at      BIGINT NOT NULL
);

CREATE TABLE partner_payout_batches (
    id          TEXT PRIMARY KEY,
    entity      TEXT NOT NULL,
    currency    TEXT NOT NULL,
    method      TEXT NOT NULL CHECK (method IN ('wallet', 'bank', 'platform', 'psp')),
    state       TEXT NOT NULL CHECK (state IN ('prepared', 'released', 'done', 'refused')),
    close_id    TEXT,
    approval_id TEXT NOT NULL,
    items       BIGINT NOT NULL CHECK (items > 0),
    -- Taken from the partners, and what of it leaves.
    minor       BIGINT NOT NULL,
    net_minor   BIGINT NOT NULL,
    prepared_by TEXT NOT NULL,
    prepared_at BIGINT NOT NULL,
    decided_by  TEXT,
    decided_at  BIGINT,
    version     BIGINT NOT NULL
);

CREATE INDEX partner_payout_batches_entity ON partner_payout_batches (entity, prepared_at);

ALTER TABLE partner_payouts
    -- What the partner's balance loses is net, fee and tax together.
    ADD COLUMN fee_minor BIGINT NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),
    ADD COLUMN tax_minor BIGINT NOT NULL DEFAULT 0 CHECK (tax_minor >= 0),
    ADD COLUMN net_minor BIGINT CHECK (net_minor > 0),
    -- Where it goes, as it was when it was prepared.
    ADD COLUMN destination TEXT,
    ADD COLUMN batch_id TEXT REFERENCES partner_payout_batches (id),
    -- Why it was refused or came back.
    ADD COLUMN cause TEXT,
    DROP CONSTRAINT partner_payouts_method_check,
    ADD CONSTRAINT partner_payouts_method_check CHECK (method IN ('wallet', 'bank', 'platform', 'psp'));

UPDATE partner_payouts SET net_minor = minor;

ALTER TABLE partner_payouts
    ALTER COLUMN net_minor SET NOT NULL,
    ADD CONSTRAINT partner_payouts_parts CHECK (net_minor + fee_minor + tax_minor = minor);

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
    done        BIGINT NOT NULL,
    total       BIGINT NOT NULL,
    statements  BIGINT NOT NULL,
    -- How often it was started or taken up again.
    runs        BIGINT NOT NULL,
    made_by     TEXT NOT NULL,
    made_at     BIGINT NOT NULL,
    run_by      TEXT,
    run_at      BIGINT,
    finished_at BIGINT,
    signed_by   TEXT,
    signed_at   BIGINT,
    version     BIGINT NOT NULL,
    UNIQUE (entity, month),
    CHECK ((state = 'signed_off') = (signed_by IS NOT NULL))
);

-- Pairs that could not be closed, each with why.
CREATE TABLE commission_close_faults (
    close_id   TEXT NOT NULL REFERENCES commission_closes (id),
    partner_id TEXT NOT NULL,
    currency   TEXT NOT NULL,
    code       TEXT NOT NULL,
    cause      TEXT NOT NULL,
    PRIMARY KEY (close_id, partner_id, currency)
);
