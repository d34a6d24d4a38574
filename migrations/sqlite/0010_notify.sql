-- Mails to send and sent, and what people are told inside the portals.

CREATE TABLE mails (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    template TEXT NOT NULL,
    brand TEXT NOT NULL,
    language TEXT NOT NULL,
    to_name TEXT NOT NULL,
    to_address TEXT NOT NULL,
    client_id TEXT,
    entity TEXT,
    params TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'refused')),
    -- As written at the first attempt; a retry sends the same.
    message_id TEXT,
    subject TEXT,
    body_text TEXT,
    body_html TEXT,
    attempts INTEGER NOT NULL,
    error TEXT,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX mails_key ON mails (key);
CREATE INDEX mails_client ON mails (client_id, id);

CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    key TEXT,
    recipient TEXT NOT NULL,
    kind TEXT NOT NULL,
    title_key TEXT NOT NULL,
    data TEXT NOT NULL,
    object TEXT,
    created_at INTEGER NOT NULL,
    read_at INTEGER
) STRICT;
CREATE UNIQUE INDEX notifications_key ON notifications (recipient, key);
CREATE INDEX notifications_recipient ON notifications (recipient, id);
CREATE INDEX notifications_unread ON notifications (recipient) WHERE read_at IS NULL;
