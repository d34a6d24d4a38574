-- What is paid by the client or by the month: what is known of referred clients, where each of them
-- stands, months of revenue share and what they carry, clients set apart.

CREATE TABLE programme_clients (
    client_id       TEXT PRIMARY KEY,
    entity          TEXT NOT NULL,
    brand           TEXT NOT NULL,
    -- The same for all records of one person.
    person          TEXT NOT NULL,
    country         TEXT NOT NULL,
    kyc_country     TEXT,
    registered_at   BIGINT NOT NULL,
    -- The first approval there ever was.
    kyc_approved_at BIGINT,
    -- What the client shares with the partner, a list of names.
    shared          TEXT NOT NULL,
    -- Rates when it was last told.
    quotes          TEXT NOT NULL,
    changed_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL
);
CREATE INDEX programme_clients_person ON programme_clients (person, brand);

-- Money that is no deal's: deposits, what was taken back of them, fees, bonuses, taxes.
CREATE TABLE programme_facts (
    client_id   TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('deposit', 'chargeback', 'refund', 'payment_fee', 'bonus', 'tax', 'hedging')),
    reference   TEXT NOT NULL,
    -- The deposit it is about.
    about       TEXT,
    minor       BIGINT NOT NULL,
    currency    TEXT NOT NULL,
    -- Value date, and the rates of that day as they were when it was first told.
    at          BIGINT NOT NULL,
    quotes      TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, kind, reference)
);

-- Where a client stands in the programme of a partner.
CREATE TABLE programme_standings (
    client_id         TEXT NOT NULL,
    partner_id        TEXT NOT NULL REFERENCES partners (id),
    plan_id           TEXT NOT NULL,
    plan_version      BIGINT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('registered', 'qualified', 'not_qualified', 'declined', 'on_hold')),
    reason            TEXT,
    tested            TEXT NOT NULL,
    -- The moment and deal of qualification; kept with a state that still counts on it.
    qualified         TEXT,
    qualified_at      BIGINT,
    -- The plan version stays the one it qualified by.
    pinned BOOLEAN NOT NULL,
    -- In the plan's currency, and in the wallet's as first converted; fractions.
    ftd               TEXT NOT NULL,
    amount            TEXT NOT NULL,
    amount_currency   TEXT NOT NULL,
    wallet            TEXT,
    currency          TEXT NOT NULL,
    -- What stands booked now.
    booked_minor      BIGINT NOT NULL,
    hold_until        BIGINT,
    kyc_before_payout BOOLEAN NOT NULL,
    -- What a person said about what is shared with the partner.
    decided BOOLEAN,
    decided_by        TEXT,
    approval_id       TEXT,
    -- When time alone changes it.
    due_at            BIGINT,
    changed_at        BIGINT NOT NULL,
    version           BIGINT NOT NULL,
    PRIMARY KEY (client_id, partner_id)
);
CREATE INDEX programme_standings_partner ON programme_standings (partner_id, state, client_id);
CREATE INDEX programme_standings_due ON programme_standings (due_at) WHERE due_at IS NOT NULL;

-- A closed month of a partner and plan; client_id empty: all clients that are not set apart.
CREATE TABLE programme_months (
    partner_id TEXT NOT NULL REFERENCES partners (id),
    plan_id    TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    -- Months since year 0: year * 12 + month - 1.
    month      BIGINT NOT NULL,
    plan_version BIGINT NOT NULL,
    currency   TEXT NOT NULL,
    -- Fractions, in revenue terms: before the share.
    net        TEXT NOT NULL,
    base       TEXT NOT NULL,
    carry_out  TEXT NOT NULL,
    -- What is left of each month below zero.
    carry      TEXT NOT NULL,
    share      TEXT NOT NULL,
    -- Sums per client still to be earned back.
    recoup     TEXT NOT NULL,
    pay        TEXT NOT NULL,
    line_id    TEXT,
    closed_at  BIGINT NOT NULL,
    PRIMARY KEY (partner_id, plan_id, client_id, month)
);
CREATE INDEX programme_months_month ON programme_months (partner_id, month);

-- What of a client's net revenue in a month has been settled so far: what comes later is a difference.
CREATE TABLE programme_revenues (
    partner_id TEXT NOT NULL,
    plan_id    TEXT NOT NULL,
    month      BIGINT NOT NULL,
    client_id  TEXT NOT NULL,
    net        TEXT NOT NULL,
    PRIMARY KEY (partner_id, plan_id, month, client_id)
);

-- A client whose losses for the house block nobody else's share.
CREATE TABLE programme_quarantines (
    partner_id TEXT NOT NULL REFERENCES partners (id),
    client_id  TEXT NOT NULL,
    from_month BIGINT NOT NULL,
    -- Not included.
    to_month   BIGINT,
    reason     TEXT NOT NULL,
    made_by    TEXT NOT NULL,
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (partner_id, client_id, from_month),
    CHECK (to_month IS NULL OR to_month >= from_month)
);
