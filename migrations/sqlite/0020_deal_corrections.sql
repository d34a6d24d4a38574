-- Corrections of single deals. SQLite changes a check only with the table.

CREATE TABLE commission_corrections_new (
    id            TEXT PRIMARY KEY,
    cause         TEXT NOT NULL CHECK (cause IN ('rebook', 'client_moved', 'partner_moved', 'plan_version', 'plan_assigned', 'deal_corrected', 'manual', 'reversal')),
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
    undoes        TEXT REFERENCES commission_corrections_new (id),
    undone_by     TEXT REFERENCES commission_corrections_new (id),
    version       INTEGER NOT NULL
) STRICT;
INSERT INTO commission_corrections_new (id, cause, state, entity, subject, request, before, policy, from_at, to_at, reason, preview, approval_id, prepared_by, prepared_at, decided_by, decided_at, applied_at, cursor_at, cursor_server, cursor_ticket, deals_seen, deals_changed, deals_total, undoes, undone_by, version) SELECT id, cause, state, entity, subject, request, before, policy, from_at, to_at, reason, preview, approval_id, prepared_by, prepared_at, decided_by, decided_at, applied_at, cursor_at, cursor_server, cursor_ticket, deals_seen, deals_changed, deals_total, undoes, undone_by, version FROM commission_corrections;
DROP TABLE commission_corrections;
ALTER TABLE commission_corrections_new RENAME TO commission_corrections;
CREATE INDEX commission_corrections_prepared ON commission_corrections (prepared_at, id);
CREATE INDEX commission_corrections_subject ON commission_corrections (subject);
