-- Partners: the tree, links and clicks, whose client is whose, plans, commission lines, statements,
-- payouts. Effective-dated rows have from_at (included) and to_at (not included; NULL: open).

CREATE TABLE partners (
    id            TEXT PRIMARY KEY,
    entity        TEXT NOT NULL,
    name          TEXT NOT NULL,
    -- Normalised for the self-referral check: lower case; digits only.
    email         TEXT,
    phone         TEXT,
    -- The partner's own client record, if there is one: the wallet that payouts go to.
    client_id     TEXT UNIQUE,
    currency      TEXT NOT NULL,
    payout_method TEXT NOT NULL CHECK (payout_method IN ('wallet', 'bank')),
    state         TEXT NOT NULL CHECK (state IN ('applied', 'active', 'suspended', 'terminated')),
    created_at    BIGINT NOT NULL,
    version       BIGINT NOT NULL
);

CREATE INDEX partners_name ON partners (name, id);

-- One row, updated by whoever changes an edge: two moves cannot make a cycle between them.
CREATE TABLE partner_tree (
    id      BIGINT PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);

INSERT INTO partner_tree (id, version) VALUES (1, 1);

CREATE TABLE partner_edges (
    partner_id TEXT NOT NULL REFERENCES partners (id),
    -- NULL: at the top.
    parent_id  TEXT REFERENCES partners (id),
    from_at    BIGINT NOT NULL,
    to_at      BIGINT,
    reason     TEXT NOT NULL,
    made_by    TEXT NOT NULL,
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (partner_id, from_at),
    CHECK (parent_id IS NULL OR parent_id <> partner_id),
    CHECK (to_at IS NULL OR to_at > from_at)
);

CREATE UNIQUE INDEX partner_edges_open ON partner_edges (partner_id) WHERE to_at IS NULL;
CREATE INDEX partner_edges_parent ON partner_edges (parent_id, from_at);

CREATE TABLE partner_links (
    id         TEXT PRIMARY KEY,
    partner_id TEXT NOT NULL REFERENCES partners (id),
    code       TEXT NOT NULL UNIQUE,
    campaign   TEXT,
    landing    TEXT NOT NULL,
    active     BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX partner_links_partner ON partner_links (partner_id, created_at);

CREATE TABLE partner_clicks (
    id         TEXT PRIMARY KEY,
    link_id    TEXT NOT NULL REFERENCES partner_links (id),
    partner_id TEXT NOT NULL,
    -- The same browser again, when it accepted our cookie.
    visitor    TEXT,
    ip_hash    TEXT,
    ua_hash    TEXT,
    referrer   TEXT,
    landing    TEXT NOT NULL,
    utm        TEXT NOT NULL,
    subs       TEXT NOT NULL,
    consent    BOOLEAN NOT NULL,
    at         BIGINT NOT NULL
);

CREATE INDEX partner_clicks_partner ON partner_clicks (partner_id, at);
CREATE INDEX partner_clicks_visitor ON partner_clicks (visitor, at);
CREATE INDEX partner_clicks_ip ON partner_clicks (ip_hash, at);

CREATE TABLE partner_clients (
    client_id  TEXT NOT NULL,
    from_at    BIGINT NOT NULL,
    to_at      BIGINT,
    -- NULL: looked for one, found none.
    partner_id TEXT REFERENCES partners (id),
    state      TEXT NOT NULL CHECK (state IN ('active', 'held', 'refused')),
    model      TEXT NOT NULL CHECK (model IN ('code', 'last_click', 'none', 'manual')),
    code       TEXT,
    link_id    TEXT,
    click_id   TEXT,
    hold_reason TEXT,
    -- What was known and what lost.
    evidence   TEXT NOT NULL,
    made_by    TEXT NOT NULL,
    made_at    BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    PRIMARY KEY (client_id, from_at),
    CHECK ((state = 'active') OR hold_reason IS NOT NULL)
);

CREATE UNIQUE INDEX partner_clients_open ON partner_clients (client_id) WHERE to_at IS NULL;
CREATE INDEX partner_clients_partner ON partner_clients (partner_id, from_at);

CREATE TABLE deal_plans (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    entity     TEXT,
    -- The last version.
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE deal_plan_versions (
    plan_id    TEXT NOT NULL REFERENCES deal_plans (id),
    version    BIGINT NOT NULL,
    valid_from BIGINT NOT NULL,
    document   TEXT NOT NULL,
    reason     TEXT NOT NULL,
    made_by    TEXT NOT NULL,
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (plan_id, version)
);

-- Which plan a partner is on; holder is a partner's id, or entity:<code>, or global.
CREATE TABLE deal_plan_uses (
    holder  TEXT NOT NULL,
    plan_id TEXT NOT NULL REFERENCES deal_plans (id),
    from_at BIGINT NOT NULL,
    to_at   BIGINT,
    reason  TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (holder, from_at),
    CHECK (to_at IS NULL OR to_at > from_at)
);

CREATE UNIQUE INDEX deal_plan_uses_open ON deal_plan_uses (holder) WHERE to_at IS NULL;
CREATE INDEX deal_plan_uses_plan ON deal_plan_uses (plan_id);

-- One row per platform deal that was looked at: its last revision and what came of it.
CREATE TABLE commission_deals (
    server     TEXT NOT NULL,
    ticket     TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    client_id  TEXT NOT NULL,
    outcome    TEXT NOT NULL CHECK (outcome IN ('paid', 'zero', 'stopped')),
    reason     TEXT,
    cause      TEXT,
    facts      TEXT NOT NULL,
    entry_id   TEXT,
    value_at   BIGINT NOT NULL,
    booked_at  BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    PRIMARY KEY (server, ticket),
    CHECK (outcome = 'paid' OR reason IS NOT NULL)
);

CREATE INDEX commission_deals_stopped ON commission_deals (booked_at) WHERE outcome = 'stopped';
CREATE INDEX commission_deals_client ON commission_deals (client_id, value_at);

CREATE TABLE partner_statements (
    id                TEXT PRIMARY KEY,
    partner_id        TEXT NOT NULL REFERENCES partners (id),
    currency          TEXT NOT NULL,
    number            BIGINT NOT NULL,
    period_from       BIGINT NOT NULL,
    period_to         BIGINT NOT NULL,
    opening_minor     BIGINT NOT NULL,
    lines_minor       BIGINT NOT NULL,
    adjustments_minor BIGINT NOT NULL,
    payouts_minor     BIGINT NOT NULL,
    closing_minor     BIGINT NOT NULL,
    content           TEXT NOT NULL,
    sha256            TEXT NOT NULL,
    closed_by         TEXT NOT NULL,
    closed_at         BIGINT NOT NULL,
    UNIQUE (partner_id, currency, number),
    CHECK (opening_minor + lines_minor + adjustments_minor + payouts_minor = closing_minor)
);

CREATE TABLE commission_lines (
    id           TEXT PRIMARY KEY,
    -- Counts the lines of a partner and currency from 1.
    number       BIGINT NOT NULL,
    partner_id   TEXT NOT NULL REFERENCES partners (id),
    currency     TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('accrual', 'reversal')),
    server       TEXT NOT NULL,
    ticket       TEXT NOT NULL,
    revision     BIGINT NOT NULL,
    level        BIGINT NOT NULL CHECK (level >= 1),
    client_id    TEXT NOT NULL,
    symbol       TEXT NOT NULL,
    product_group TEXT,
    -- Standard lots paid on, 100 000 000 to the lot.
    lots         BIGINT NOT NULL,
    exact        TEXT NOT NULL,
    minor        BIGINT NOT NULL,
    reason       TEXT,
    plan_id      TEXT,
    plan_version BIGINT,
    rule_id      TEXT,
    explanation  TEXT NOT NULL,
    reverses     TEXT UNIQUE REFERENCES commission_lines (id),
    entry_id     TEXT,
    statement_id TEXT REFERENCES partner_statements (id),
    value_at     BIGINT NOT NULL,
    booked_at    BIGINT NOT NULL,
    UNIQUE (partner_id, currency, number),
    CHECK ((kind = 'reversal') = (reverses IS NOT NULL)),
    CHECK (minor = 0 OR entry_id IS NOT NULL),
    CHECK (reason IS NULL OR minor = 0)
);

CREATE INDEX commission_lines_deal ON commission_lines (server, ticket);
CREATE INDEX commission_lines_client ON commission_lines (client_id, partner_id, value_at);
CREATE INDEX commission_lines_open ON commission_lines (partner_id, currency, number) WHERE statement_id IS NULL;
CREATE INDEX commission_lines_booked ON commission_lines (partner_id, booked_at);

-- The running sums of a partner and currency; updated first by whoever books lines, closes a
-- statement or pays, so that these three never overlap.
CREATE TABLE partner_purses (
    partner_id   TEXT NOT NULL REFERENCES partners (id),
    currency     TEXT NOT NULL,
    -- Exact and booked sums of all lines.
    exact        TEXT NOT NULL,
    booked_minor BIGINT NOT NULL,
    paid_minor   BIGINT NOT NULL,
    lines        BIGINT NOT NULL,
    statements   BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    PRIMARY KEY (partner_id, currency)
);

CREATE TABLE partner_days (
    partner_id TEXT NOT NULL,
    currency   TEXT NOT NULL,
    -- Value date as days since 1970.
    day        BIGINT NOT NULL,
    lots       BIGINT NOT NULL,
    deals      BIGINT NOT NULL,
    minor      BIGINT NOT NULL,
    PRIMARY KEY (partner_id, currency, day)
);

CREATE TABLE partner_payouts (
    id           TEXT PRIMARY KEY,
    partner_id   TEXT NOT NULL REFERENCES partners (id),
    currency     TEXT NOT NULL,
    minor        BIGINT NOT NULL CHECK (minor > 0),
    method       TEXT NOT NULL CHECK (method IN ('wallet', 'bank')),
    state        TEXT NOT NULL CHECK (state IN ('prepared', 'released', 'paid', 'refused', 'returned')),
    approval_id  TEXT NOT NULL,
    prepared_by  TEXT NOT NULL,
    prepared_at  BIGINT NOT NULL,
    decided_by   TEXT,
    decided_at   BIGINT,
    paid_at      BIGINT,
    -- The bank's or the ledger's name for the movement.
    reference    TEXT,
    entry_id     TEXT,
    return_entry_id TEXT,
    statement_id TEXT REFERENCES partner_statements (id),
    return_statement_id TEXT REFERENCES partner_statements (id),
    returned_at  BIGINT,
    version      BIGINT NOT NULL,
    CHECK ((state IN ('paid', 'returned')) = (entry_id IS NOT NULL))
);

CREATE INDEX partner_payouts_partner ON partner_payouts (partner_id, currency, prepared_at);

CREATE FUNCTION partners_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = '23514';
END $$;

CREATE TRIGGER partner_statements_fixed BEFORE UPDATE OR DELETE ON partner_statements
    FOR EACH ROW EXECUTE FUNCTION partners_refuse('a closed statement does not change');
CREATE TRIGGER deal_plan_versions_fixed BEFORE UPDATE OR DELETE ON deal_plan_versions
    FOR EACH ROW EXECUTE FUNCTION partners_refuse('a plan version does not change');
CREATE TRIGGER commission_lines_kept BEFORE DELETE ON commission_lines
    FOR EACH ROW EXECUTE FUNCTION partners_refuse('commission lines are append-only');
CREATE TRIGGER commission_lines_fixed BEFORE UPDATE OF id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol,
    product_group, lots, exact, minor, reason, plan_id, plan_version, rule_id, explanation, reverses, entry_id, value_at, booked_at ON commission_lines
    FOR EACH ROW EXECUTE FUNCTION partners_refuse('commission lines are append-only');
CREATE TRIGGER commission_lines_stated BEFORE UPDATE OF statement_id ON commission_lines
    FOR EACH ROW WHEN (OLD.statement_id IS NOT NULL) EXECUTE FUNCTION partners_refuse('a line stays on its statement');
