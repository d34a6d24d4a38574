-- Commission lines of every kind, corrections in batches, and the running values of plans with tiers
-- and caps.

ALTER TABLE commission_lines DROP CONSTRAINT commission_lines_kind_check;
ALTER TABLE commission_lines ADD CONSTRAINT commission_lines_kind_check CHECK (kind IN ('accrual', 'reversal', 'true_up', 'adjustment', 'cpa', 'revenue_share', 'rebate', 'clawback'));
ALTER TABLE commission_lines DROP CONSTRAINT commission_lines_check;
ALTER TABLE commission_lines ADD CONSTRAINT commission_lines_reverses_check CHECK (kind <> 'reversal' OR reverses IS NOT NULL);
-- The correction it belongs to.
ALTER TABLE commission_lines ADD COLUMN batch_id TEXT;
-- Who gets it, when that is not the partner: a client by rebate. Such a line is not part of what the
-- partner is owed.
ALTER TABLE commission_lines ADD COLUMN beneficiary TEXT;
-- Of a line about a whole period: which one, of which partner, plan and rule.
ALTER TABLE commission_lines ADD COLUMN tier_key TEXT;
DROP TRIGGER commission_lines_fixed ON commission_lines;
CREATE TRIGGER commission_lines_fixed BEFORE UPDATE OF id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol,
    product_group, lots, exact, minor, reason, plan_id, plan_version, rule_id, explanation, reverses, entry_id, value_at, booked_at, batch_id,
    beneficiary, tier_key ON commission_lines
    FOR EACH ROW EXECUTE FUNCTION partners_refuse('commission lines are append-only');

CREATE INDEX commission_lines_batch ON commission_lines (batch_id, id) WHERE batch_id IS NOT NULL;
CREATE INDEX commission_lines_tier ON commission_lines (tier_key) WHERE tier_key IS NOT NULL;
CREATE INDEX commission_deals_at ON commission_deals (value_at, server, ticket);

-- Running values of plans that have a memory (tier volumes, caps, hedged volume): as they stand after
-- the last deal that moved them, in the order of closing time, server and ticket.
CREATE TABLE commission_states (
    key         TEXT PRIMARY KEY,
    -- A fraction.
    value       TEXT NOT NULL,
    last_at     BIGINT NOT NULL,
    last_server TEXT NOT NULL,
    last_ticket TEXT NOT NULL,
    version     BIGINT NOT NULL
);

-- Which deals read or moved a running value, and what it was after each: what has to be worked through
-- again when one of them changes, and from where.
CREATE TABLE commission_state_deals (
    key      TEXT NOT NULL,
    value_at BIGINT NOT NULL,
    server   TEXT NOT NULL,
    ticket   TEXT NOT NULL,
    -- A fraction.
    value    TEXT NOT NULL,
    PRIMARY KEY (key, value_at, server, ticket)
);
CREATE INDEX commission_state_deals_deal ON commission_state_deals (server, ticket);

-- What a deal pays by now, where a period's true-up changed that after its lines were booked. The lines
-- of the deal and its part of all true-ups sum to this.
CREATE TABLE commission_deal_values (
    server     TEXT NOT NULL,
    ticket     TEXT NOT NULL,
    partner_id TEXT NOT NULL,
    -- The client who gets it; empty: the partner.
    beneficiary TEXT NOT NULL,
    currency   TEXT NOT NULL,
    exact      TEXT NOT NULL,
    minor      BIGINT NOT NULL,
    PRIMARY KEY (server, ticket, partner_id, beneficiary, currency)
);

-- A change with an earlier date and what it does to booked lines: prepared by one, decided by another,
-- carried out deal by deal, undone only by another one.
CREATE TABLE commission_corrections (
    id            TEXT PRIMARY KEY,
    cause         TEXT NOT NULL CHECK (cause IN ('rebook', 'client_moved', 'partner_moved', 'plan_version', 'plan_assigned', 'manual', 'reversal')),
    state         TEXT NOT NULL CHECK (state IN ('prepared', 'refused', 'applying', 'applied')),
    -- NULL: of the whole house.
    entity        TEXT,
    -- What it is about: partner:, client:, plan:, correction:.
    subject       TEXT NOT NULL,
    -- What was asked, and what stood before it was carried out.
    request       TEXT NOT NULL,
    before        TEXT,
    policy        TEXT NOT NULL CHECK (policy IN ('retier', 'freeze')),
    from_at       BIGINT NOT NULL,
    to_at         BIGINT NOT NULL,
    reason        TEXT NOT NULL,
    -- The figures the approver saw.
    preview       TEXT NOT NULL,
    approval_id   TEXT,
    prepared_by   TEXT NOT NULL,
    prepared_at   BIGINT NOT NULL,
    decided_by    TEXT,
    decided_at    BIGINT,
    applied_at    BIGINT,
    -- How far it is.
    cursor_at     BIGINT NOT NULL,
    cursor_server TEXT NOT NULL,
    cursor_ticket TEXT NOT NULL,
    deals_seen    BIGINT NOT NULL,
    deals_changed BIGINT NOT NULL,
    deals_total   BIGINT NOT NULL,
    undoes        TEXT REFERENCES commission_corrections (id),
    undone_by     TEXT REFERENCES commission_corrections (id),
    version       BIGINT NOT NULL
);
CREATE INDEX commission_corrections_prepared ON commission_corrections (prepared_at, id);
CREATE INDEX commission_corrections_subject ON commission_corrections (subject);
