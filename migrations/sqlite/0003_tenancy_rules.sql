-- Entities, brands and desks as data, every version kept; rules with their versions; business
-- settings; the list of stored files.

CREATE TABLE entities (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    country TEXT NOT NULL,
    base_currency TEXT NOT NULL,
    regulator TEXT NOT NULL,
    config TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE brands (
    code TEXT PRIMARY KEY,
    entity TEXT NOT NULL REFERENCES entities (code),
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    mail_from TEXT NOT NULL,
    languages TEXT NOT NULL,
    hue INTEGER NOT NULL CHECK (hue BETWEEN 0 AND 359),
    version INTEGER NOT NULL CHECK (version > 0),
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX brands_host ON brands (host);
CREATE INDEX brands_entity ON brands (entity);

CREATE TABLE desks (
    code TEXT PRIMARY KEY,
    entity TEXT REFERENCES entities (code),
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('sales', 'retention', 'partner', 'support')),
    languages TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    updated_at INTEGER NOT NULL
) STRICT;

-- What an entity, brand, desk, rule set or setting said at each version, and who changed it.
CREATE TABLE config_versions (
    kind TEXT NOT NULL CHECK (kind IN ('entity', 'brand', 'desk', 'rule_set', 'setting')),
    code TEXT NOT NULL,
    version INTEGER NOT NULL,
    doc TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (kind, code, version)
) STRICT;

CREATE TABLE rule_sets (
    name TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    on_error TEXT NOT NULL CHECK (on_error IN ('skip', 'stop')),
    facts TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    updated_at INTEGER NOT NULL
) STRICT;

-- A rule points at the version that bites and at the one that is only tried.
CREATE TABLE rules (
    id TEXT PRIMARY KEY,
    set_name TEXT NOT NULL REFERENCES rule_sets (name),
    entity TEXT REFERENCES entities (code),
    name TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    active_version INTEGER,
    shadow_version INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX rules_name ON rules (set_name, COALESCE(entity, ''), name);

CREATE TABLE rule_versions (
    rule_id TEXT NOT NULL REFERENCES rules (id),
    version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'shadow', 'retired')),
    priority INTEGER NOT NULL,
    expression TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    tests TEXT NOT NULL,
    note TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (rule_id, version)
) STRICT;

CREATE TRIGGER rule_versions_keep_u BEFORE UPDATE ON rule_versions BEGIN SELECT RAISE(ABORT, 'rule versions are never edited'); END;
CREATE TRIGGER rule_versions_keep_d BEFORE DELETE ON rule_versions BEGIN SELECT RAISE(ABORT, 'rule versions are never deleted'); END;
CREATE TRIGGER config_versions_keep_u BEFORE UPDATE ON config_versions BEGIN SELECT RAISE(ABORT, 'versions are never edited'); END;
CREATE TRIGGER config_versions_keep_d BEFORE DELETE ON config_versions BEGIN SELECT RAISE(ABORT, 'versions are never deleted'); END;

CREATE TABLE settings (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT;

-- The content is in the files folder, encrypted; here is what is known about it.
CREATE TABLE files (
    id TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    mime TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX files_sha256 ON files (sha256);
CREATE INDEX files_owner ON files (owner);
