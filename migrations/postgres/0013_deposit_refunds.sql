-- Deposits that a person gives back to where they came from, and which devices clients share.

ALTER TABLE deposits DROP CONSTRAINT deposits_state_check;
ALTER TABLE deposits ADD CONSTRAINT deposits_state_check CHECK (state IN ('created', 'redirected', 'pending', 'held', 'succeeded', 'posted', 'failed', 'expired', 'cancelled', 'refunding', 'refunded'));

-- Each try to give a held deposit back.
CREATE TABLE deposit_refunds (
    deposit_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    connection TEXT NOT NULL,
    payment_ref TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'sending', 'pending', 'paid', 'returned')),
    our_ref TEXT NOT NULL UNIQUE,
    provider_ref TEXT,
    failure_code TEXT,
    asked_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    first_sent_at BIGINT,
    done_at BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (deposit_id, n)
);
CREATE INDEX deposit_refunds_provider ON deposit_refunds (connection, provider_ref);

-- The same browser with several people.
CREATE INDEX devices_by_browser ON devices (mark);
