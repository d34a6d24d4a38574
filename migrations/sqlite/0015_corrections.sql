-- Commission lines of every kind, corrections in batches, and the running values of plans with tiers
-- and caps.

-- SQLite changes a check only with the table.
CREATE TABLE commission_lines_new (
    id           TEXT PRIMARY KEY,
    -- Counts the lines of a partner and currency from 1.
    number       INTEGER NOT NULL,
    partner_id   TEXT NOT NULL REFERENCES partners (id),
    currency     TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('accrual', 'reversal', 'true_up', 'adjustment', 'cpa', 'revenue_share', 'rebate', 'clawback')),
    server       TEXT NOT NULL,
    ticket       TEXT NOT NULL,
    revision     INTEGER NOT NULL,
    level        INTEGER NOT NULL CHECK (level >= 1),
    client_id    TEXT NOT NULL,
    symbol       TEXT NOT NULL,
    product_group TEXT,
    -- Standard lots paid on, 100 000 000 to the lot.
    lots         INTEGER NOT NULL,
    exact        TEXT NOT NULL,
    minor        INTEGER NOT NULL,
    reason       TEXT,
    plan_id      TEXT,
    plan_version INTEGER,
    rule_id      TEXT,
    explanation  TEXT NOT NULL,
    reverses     TEXT UNIQUE REFERENCES commission_lines_new (id),
    entry_id     TEXT,
    statement_id TEXT REFERENCES partner_statements (id),
    value_at     INTEGER NOT NULL,
    booked_at    INTEGER NOT NULL,
    -- The correction it belongs to.
    batch_id     TEXT,
    -- Who gets it, when that is not the partner: a client by rebate. Such a line is not part of what
    -- the partner is owed.
    beneficiary  TEXT,
    -- Of a line about a whole period: which one, of which partner, plan and rule.
    tier_key     TEXT,
    UNIQUE (partner_id, currency, number),
    CHECK (kind <> 'reversal' OR reverses IS NOT NULL),
    CHECK (minor = 0 OR entry_id IS NOT NULL),
    CHECK (reason IS NULL OR minor = 0)
) STRICT;
INSERT INTO commission_lines_new (id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol, product_group, lots, exact, minor, reason, plan_id, plan_version, rule_id, explanation, reverses, entry_id, statement_id, value_at, booked_at) SELECT id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol, product_group, lots, exact, minor, reason, plan_id, plan_version, rule_id, explanation, reverses, entry_id, statement_id, value_at, booked_at FROM commission_lines ORDER BY id;
DROP TABLE commission_lines;
ALTER TABLE commission_lines_new RENAME TO commission_lines;
CREATE INDEX commission_lines_deal ON commission_lines (server, ticket);
CREATE INDEX commission_lines_client ON commission_lines (client_id, partner_id, value_at);
CREATE INDEX commission_lines_open ON commission_lines (partner_id, currency, number) WHERE statement_id IS NULL;
CREATE INDEX commission_lines_booked ON commission_lines (partner_id, booked_at);
CREATE TRIGGER commission_lines_kept BEFORE DELETE ON commission_lines BEGIN SELECT RAISE(ABORT, 'commission lines are append-only'); END;
CREATE TRIGGER commission_lines_fixed BEFORE UPDATE OF id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol,
    product_group, lots, exact, minor, reason, plan_id, plan_version, rule_id, explanation, reverses, entry_id, value_at, booked_at, batch_id,
    beneficiary, tier_key ON commission_lines
    BEGIN SELECT RAISE(ABORT, 'commission lines are append-only'); END;
CREATE TRIGGER commission_lines_stated BEFORE UPDATE OF statement_id ON commission_lines WHEN OLD.statement_id IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a line stays on its statement'); END;

CREATE INDEX commission_lines_batch ON commission_lines (batch_id, id) WHERE batch_id IS NOT NULL;
CREATE INDEX commission_lines_tier ON commission_lines (tier_key) WHERE tier_key IS NOT NULL;
CREATE INDEX commission_deals_at ON commission_deals (value_at, server, ticket);

-- Running values of plans that have a memory (tier volumes, caps, hedged volume): as they stand after
-- the last deal that moved them, in the order of closing time, server and ticket.
CREATE TABLE commission_states (
    key         TEXT PRIMARY KEY,
    -- A fraction.
    value       TEXT NOT NULL,
    last_at     INTEGER NOT NULL,
    last_server TEXT NOT NULL,
    last_ticket TEXT NOT NULL,
    version     INTEGER NOT NULL
) STRICT;

-- Which deals read or moved a running value, and what it was after each: what has to be worked through
-- again when one of them changes, and from where.
CREATE TABLE commission_state_deals (
    key      TEXT NOT NULL,
    value_at INTEGER NOT NULL,
    server   TEXT NOT NULL,
    ticket   TEXT NOT NULL,
    -- A fraction.
    value    TEXT NOT NULL,
    PRIMARY KEY (key, value_at, server, ticket)
) STRICT;
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
    minor      INTEGER NOT NULL,
    PRIMARY KEY (server, ticket, partner_id, beneficiary, currency)
) STRICT;

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
    from_at       INTEGER NOT NULL,
    to_at         INTEGER NOT NULL,
    reason        TEXT NOT NULL,
    -- The figures the approver saw.
    preview       TEXT NOT NULL,
    approval_id   TEXT,
    prepared_by   TEXT NOT NULL,
    prepared_at   INTEGER NOT NULL,
    decided_by    TEXT,
    decided_at    INTEGER,
    applied_at    INTEGER,
    -- How far it is.
    cursor_at     INTEGER NOT NULL,
    cursor_server TEXT NOT NULL,
    cursor_ticket TEXT NOT NULL,
    deals_seen    INTEGER NOT NULL,
    deals_changed INTEGER NOT NULL,
    deals_total   INTEGER NOT NULL,
    undoes        TEXT REFERENCES commission_corrections (id),
    undone_by     TEXT REFERENCES commission_corrections (id),
    version       INTEGER NOT NULL
) STRICT;
CREATE INDEX commission_corrections_prepared ON commission_corrections (prepared_at, id);
CREATE INDEX commission_corrections_subject ON commission_corrections (subject);
