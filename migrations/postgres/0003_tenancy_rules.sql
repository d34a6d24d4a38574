-- Entities, brands and desks as data, every version kept; rules with their versions; business
-- settings; the list of stored files.

CREATE TABLE entities (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    country TEXT NOT NULL,
    base_currency TEXT NOT NULL,
    regulator TEXT NOT NULL,
    config TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    updated_at BIGINT NOT NULL
);

CREATE TABLE brands (
    code TEXT PRIMARY KEY,
    entity TEXT NOT NULL REFERENCES entities (code),
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    mail_from TEXT NOT NULL,
    languages TEXT NOT NULL,
    hue BIGINT NOT NULL CHECK (hue BETWEEN 0 AND 359),
    version BIGINT NOT NULL CHECK (version > 0),
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX brands_host ON brands (host);
CREATE INDEX brands_entity ON brands (entity);

CREATE TABLE desks (
    code TEXT PRIMARY KEY,
    entity TEXT REFERENCES entities (code),
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('sales', 'retention', 'partner', 'support')),
    languages TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    updated_at BIGINT NOT NULL
);

-- What an entity, brand, desk, rule set or setting said at each version, and who changed it.
CREATE TABLE config_versions (
    kind TEXT NOT NULL CHECK (kind IN ('entity', 'brand', 'desk', 'rule_set', 'setting')),
    code TEXT NOT NULL,
    version BIGINT NOT NULL,
    doc TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (kind, code, version)
);

CREATE TABLE rule_sets (
    name TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    on_error TEXT NOT NULL CHECK (on_error IN ('skip', 'stop')),
    facts TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    updated_at BIGINT NOT NULL
);

-- A rule points at the version that bites and at the one that is only tried.
CREATE TABLE rules (
    id TEXT PRIMARY KEY,
    set_name TEXT NOT NULL REFERENCES rule_sets (name),
    entity TEXT REFERENCES entities (code),
    name TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    active_version BIGINT,
    shadow_version BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX rules_name ON rules (set_name, COALESCE(entity, ''), name);

CREATE TABLE rule_versions (
    rule_id TEXT NOT NULL REFERENCES rules (id),
    version BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'shadow', 'retired')),
    priority BIGINT NOT NULL,
    expression TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    tests TEXT NOT NULL,
    note TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (rule_id, version)
);

CREATE FUNCTION keep_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'versions are never edited' USING ERRCODE = '23514';
END $$;
CREATE TRIGGER rule_versions_keep BEFORE UPDATE OR DELETE ON rule_versions FOR EACH ROW EXECUTE FUNCTION keep_versions();
CREATE TRIGGER config_versions_keep BEFORE UPDATE OR DELETE ON config_versions FOR EACH ROW EXECUTE FUNCTION keep_versions();

CREATE TABLE settings (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);

-- The content is in the files folder, encrypted; here is what is known about it.
CREATE TABLE files (
    id TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    mime TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX files_sha256 ON files (sha256);
CREATE INDEX files_owner ON files (owner);
