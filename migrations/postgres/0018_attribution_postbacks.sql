-- Attribution with evidence, claims, signs of self-referral, postbacks, the feed for an outside
-- engine, marketing material.

-- More models decide now.
ALTER TABLE partner_clients DROP CONSTRAINT partner_clients_model_check;
ALTER TABLE partner_clients ADD CONSTRAINT partner_clients_model_check
    CHECK (model IN ('code', 'last_click', 'first_click', 'last_non_direct', 'none', 'manual', 'claim', 'other_brand'));

-- The partner's own name for the click, and the rest of what an argument needs later.
ALTER TABLE partner_clicks ADD COLUMN campaign TEXT;
ALTER TABLE partner_clicks ADD COLUMN device TEXT;
ALTER TABLE partner_clicks ADD COLUMN external TEXT;
ALTER TABLE partner_clicks ADD COLUMN material_id TEXT;
ALTER TABLE partner_clicks ADD COLUMN outcome TEXT NOT NULL DEFAULT 'landed' CHECK (outcome IN ('landed', 'withdrawn'));
ALTER TABLE partner_clicks ADD COLUMN source TEXT NOT NULL DEFAULT 'browser' CHECK (source IN ('browser', 'server'));
-- As in subs, to count by.
ALTER TABLE partner_clicks ADD COLUMN sub1 TEXT;
ALTER TABLE partner_clicks ADD COLUMN sub2 TEXT;
ALTER TABLE partner_clicks ADD COLUMN sub3 TEXT;
ALTER TABLE partner_clicks ADD COLUMN sub4 TEXT;
ALTER TABLE partner_clicks ADD COLUMN sub5 TEXT;
CREATE INDEX partner_clicks_link ON partner_clicks (link_id, at);
CREATE UNIQUE INDEX partner_clicks_external ON partner_clicks (partner_id, external) WHERE source = 'server';

-- What was known of a client's way to us, and how far the client has come.
CREATE TABLE partner_origins (
    client_id     TEXT PRIMARY KEY,
    entity        TEXT NOT NULL,
    brand         TEXT NOT NULL,
    visitor       TEXT,
    code          TEXT,
    click_id      TEXT,
    ip_hash       TEXT,
    ua_hash       TEXT,
    device        TEXT,
    -- The setting in force when the client registered.
    model         TEXT NOT NULL CHECK (model IN ('first', 'last', 'last_non_direct', 'code_before_cookie', 'manual')),
    lock_at       TEXT NOT NULL CHECK (lock_at IN ('registration', 'kyc_approved', 'ftd')),
    cookie_days   BIGINT NOT NULL,
    locked_at     BIGINT,
    registered_at BIGINT NOT NULL,
    approved_at   BIGINT,
    funded_at     BIGINT,
    version       BIGINT NOT NULL
);
CREATE INDEX partner_origins_visitor ON partner_origins (visitor);
CREATE INDEX partner_origins_ip ON partner_origins (ip_hash, registered_at);

-- Somebody says: this client is mine.
CREATE TABLE partner_claims (
    id         TEXT PRIMARY KEY,
    partner_id TEXT NOT NULL REFERENCES partners (id),
    entity     TEXT NOT NULL,
    -- As the partner named the client; NULL client: nobody of that name was found.
    named      TEXT NOT NULL,
    client_id  TEXT,
    evidence   TEXT NOT NULL,
    file_id    TEXT,
    filed_by   TEXT NOT NULL,
    filed_at   BIGINT NOT NULL,
    late       BOOLEAN NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'refused', 'withdrawn')),
    decided_by TEXT,
    decided_at BIGINT,
    reason     TEXT,
    from_at    BIGINT,
    -- What the person who decided had in front of them.
    seen       TEXT,
    version    BIGINT NOT NULL,
    CHECK (state IN ('open', 'withdrawn') OR (decided_by IS NOT NULL AND reason IS NOT NULL))
);
CREATE INDEX partner_claims_partner ON partner_claims (partner_id, filed_at);
CREATE INDEX partner_claims_state ON partner_claims (state, filed_at);
CREATE UNIQUE INDEX partner_claims_open ON partner_claims (client_id, partner_id) WHERE state = 'open' AND client_id IS NOT NULL;
CREATE INDEX partner_claims_client ON partner_claims (client_id);

-- When the share of a partner who left ends.
CREATE TABLE partner_trails (
    partner_id TEXT PRIMARY KEY REFERENCES partners (id),
    left_at    BIGINT NOT NULL,
    -- What happens with the clients.
    goes_to    TEXT NOT NULL CHECK (goes_to IN ('house', 'parent', 'trail')),
    ends_at    BIGINT NOT NULL,
    done_at    BIGINT,
    moved      BIGINT NOT NULL
);
CREATE INDEX partner_trails_due ON partner_trails (ends_at) WHERE done_at IS NULL;

-- Marks of a person, as keyed hashes: who shares one with the partner is looked at.
CREATE TABLE partner_signals (
    client_id TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('email', 'email_pattern', 'phone', 'device', 'ip', 'address', 'card', 'bank', 'document', 'family_name')),
    mark      TEXT NOT NULL,
    -- Enough to recognise it, not to use it: •••• 4242.
    hint      TEXT NOT NULL,
    seen_at   BIGINT NOT NULL,
    PRIMARY KEY (client_id, kind, mark)
);
CREATE INDEX partner_signals_mark ON partner_signals (mark, kind);

CREATE TABLE partner_referral_cases (
    client_id  TEXT NOT NULL,
    partner_id TEXT NOT NULL REFERENCES partners (id),
    entity     TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('open', 'released', 'refused')),
    signals    TEXT NOT NULL,
    opened_at  BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    decided_by TEXT,
    reason     TEXT,
    version    BIGINT NOT NULL,
    PRIMARY KEY (client_id, partner_id)
);
CREATE INDEX partner_referral_cases_state ON partner_referral_cases (state, opened_at);

CREATE TABLE partner_postbacks (
    id             TEXT PRIMARY KEY,
    partner_id     TEXT NOT NULL REFERENCES partners (id),
    entity         TEXT NOT NULL,
    name           TEXT NOT NULL,
    events         TEXT NOT NULL,
    url            TEXT NOT NULL,
    method         TEXT NOT NULL CHECK (method IN ('get', 'post')),
    -- Statuses that mean taken; empty: any 2xx.
    success        TEXT NOT NULL,
    -- How much the partner may know of amounts, by contract.
    amounts        TEXT NOT NULL CHECK (amounts IN ('exact', 'whole', 'none')),
    -- Seconds between two reports of volume or commission.
    -- Gone for its owner; what it sent stays.
    removed_at     BIGINT,
    lot_interval_s BIGINT NOT NULL,
    -- Which of the derived signing secrets is in use.
    secret_no      BIGINT NOT NULL,
    active         BOOLEAN NOT NULL,
    made_by        TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    changed_at     BIGINT NOT NULL,
    version        BIGINT NOT NULL
);
CREATE INDEX partner_postbacks_partner ON partner_postbacks (partner_id, created_at);

CREATE TABLE partner_postback_sends (
    id          TEXT PRIMARY KEY,
    postback_id TEXT NOT NULL REFERENCES partner_postbacks (id),
    partner_id  TEXT NOT NULL,
    event       TEXT NOT NULL,
    -- One per happening and postback; a replay and a test have their own.
    dedup       TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    client_id   TEXT,
    facts       TEXT NOT NULL,
    test        BOOLEAN NOT NULL,
    replay_of   TEXT,
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed', 'dropped')),
    attempts    BIGINT NOT NULL,
    url         TEXT,
    status      BIGINT,
    error       TEXT,
    excerpt     TEXT,
    due_at      BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    last_at     BIGINT,
    version     BIGINT NOT NULL
);
CREATE UNIQUE INDEX partner_postback_sends_dedup ON partner_postback_sends (postback_id, dedup);
CREATE INDEX partner_postback_sends_log ON partner_postback_sends (postback_id, created_at, id);
CREATE INDEX partner_postback_sends_waiting ON partner_postback_sends (postback_id, event, created_at) WHERE state = 'waiting';

CREATE TABLE partner_postback_tries (
    send_id TEXT NOT NULL REFERENCES partner_postback_sends (id),
    n       BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    ms      BIGINT NOT NULL,
    status  BIGINT,
    error   TEXT,
    excerpt TEXT,
    PRIMARY KEY (send_id, n)
);

-- The door for a partner's own server: the number says which derived token is valid.
CREATE TABLE partner_doors (
    partner_id TEXT PRIMARY KEY REFERENCES partners (id),
    token_no   BIGINT NOT NULL,
    active     BOOLEAN NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE webhook_endpoints (
    id         TEXT PRIMARY KEY,
    entity     TEXT,
    name       TEXT NOT NULL,
    url        TEXT NOT NULL,
    kinds      TEXT NOT NULL,
    secret_no  BIGINT NOT NULL,
    active     BOOLEAN NOT NULL,
    made_by    TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);

CREATE TABLE webhook_sends (
    id          TEXT PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id),
    kind        TEXT NOT NULL,
    -- The outbox event, and its place there; NULL for a test.
    event_id    TEXT,
    position    BIGINT,
    dedup       TEXT NOT NULL,
    body        TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    replay      BOOLEAN NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed', 'dropped')),
    attempts    BIGINT NOT NULL,
    status      BIGINT,
    error       TEXT,
    excerpt     TEXT,
    created_at  BIGINT NOT NULL,
    last_at     BIGINT,
    version     BIGINT NOT NULL
);
CREATE UNIQUE INDEX webhook_sends_dedup ON webhook_sends (endpoint_id, dedup);
CREATE INDEX webhook_sends_log ON webhook_sends (endpoint_id, created_at, id);

CREATE TABLE partner_material (
    id               TEXT PRIMARY KEY,
    entity           TEXT NOT NULL,
    brand            TEXT NOT NULL,
    language         TEXT NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('banner', 'landing', 'text')),
    name             TEXT NOT NULL,
    -- Text material, with {link} and {code} in it.
    body             TEXT,
    landing          TEXT NOT NULL,
    file_id          TEXT,
    mime             TEXT,
    width            BIGINT,
    height           BIGINT,
    state            TEXT NOT NULL CHECK (state IN ('active', 'withdrawn')),
    made_by          TEXT NOT NULL,
    created_at       BIGINT NOT NULL,
    withdrawn_by     TEXT,
    withdrawn_at     BIGINT,
    withdrawn_reason TEXT,
    version          BIGINT NOT NULL,
    CHECK (kind <> 'banner' OR file_id IS NOT NULL),
    CHECK (kind <> 'text' OR body IS NOT NULL),
    CHECK (state = 'active' OR withdrawn_reason IS NOT NULL)
);
CREATE INDEX partner_material_shelf ON partner_material (entity, brand, language, created_at);
CREATE INDEX partner_clicks_material ON partner_clicks (material_id) WHERE material_id IS NOT NULL;
