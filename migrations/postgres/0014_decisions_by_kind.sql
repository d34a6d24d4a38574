-- The newest decisions of a kind: a draft of a rule is held against them.
CREATE INDEX decisions_by_kind ON decisions (kind, at);
