//! SQL that nobody should run: what the database must refuse, and faults planted behind its back for
//! the auditor to find.

use qd_db::sql;
use qd_testkit::TestDb;

pub const REFUSED: &[&str] = &[
    "UPDATE ledger_postings SET minor = 1",
    "DELETE FROM ledger_postings",
    "UPDATE ledger_entries SET note = 'nothing to see'",
    "DELETE FROM ledger_entries",
    "DELETE FROM ledger_accounts",
    "UPDATE ledger_accounts SET owner = 'client:eve'",
    "UPDATE ledger_accounts SET stripe = 1 WHERE guarded",
    "UPDATE ledger_accounts SET balance_minor = -1 WHERE guarded",
    "UPDATE ledger_accounts SET balance_minor = 9000000000000001 WHERE guarded",
    "DELETE FROM ledger_holds",
    "UPDATE ledger_holds SET state = 'pending', closed_at = NULL",
    "UPDATE ledger_holds SET minor = 1",
];

/// Opens the books for tampering.
pub const UNLOCK_SQLITE: &str = "
    DROP TRIGGER IF EXISTS ledger_entries_fixed; DROP TRIGGER IF EXISTS ledger_entries_kept; DROP TRIGGER IF EXISTS ledger_postings_fixed;
    DROP TRIGGER IF EXISTS ledger_postings_kept; DROP TRIGGER IF EXISTS ledger_accounts_kept; DROP TRIGGER IF EXISTS ledger_accounts_fixed;
    DROP TRIGGER IF EXISTS ledger_holds_kept; DROP TRIGGER IF EXISTS ledger_holds_closed;";
pub const UNLOCK_POSTGRES: &str = "
    ALTER TABLE ledger_entries DISABLE TRIGGER ALL; ALTER TABLE ledger_postings DISABLE TRIGGER ALL;
    ALTER TABLE ledger_accounts DISABLE TRIGGER ALL; ALTER TABLE ledger_holds DISABLE TRIGGER ALL;";

pub struct Planted {
    pub what: &'static str,
    pub script: &'static str,
    /// The kinds of fault that the auditor must name, and no others.
    pub found: &'static [&'static str],
}

/// On books with entries a (in), b (out), r (the reversal of b), hold h (pending), hold s (settled).
pub const PLANTED: &[Planted] = &[
    Planted {
        what: "an edited balance",
        script: "UPDATE ledger_accounts SET balance_minor = balance_minor + 1 WHERE owner = 'client:alex' AND purpose = 'wallet'",
        found: &["balance_differs"],
    },
    Planted {
        what: "a changed amount",
        script: "UPDATE ledger_postings SET minor = minor + 5 WHERE minor = 1000",
        found: &["running_balance_differs", "entry_unbalanced"],
    },
    Planted {
        what: "a changed amount with its balance",
        script: "UPDATE ledger_postings SET minor = minor + 5, balance_after = balance_after + 5 WHERE minor = 1000",
        found: &["running_balance_differs", "entry_unbalanced"],
    },
    Planted {
        what: "a dropped last posting",
        script: "DELETE FROM ledger_postings WHERE balance_after = -1000 AND currency = 'EUR'",
        found: &["balance_differs", "sequence_differs", "entry_incomplete", "entry_unbalanced"],
    },
    Planted {
        what: "a dropped posting in the middle",
        script: "DELETE FROM ledger_postings WHERE minor = -300 AND balance_after = 700",
        found: &[
            "sequence_gap",
            "running_balance_differs",
            "entry_incomplete",
            "entry_unbalanced",
            "reversal_differs",
        ],
    },
    Planted {
        what: "an entry without postings",
        script: "INSERT INTO ledger_entries (id, reference, kind, source, value_at, booked_at) VALUES ('ent_0000000000000000000000000A', 'x', 'x', 'x', 1, 1)",
        found: &["entry_incomplete"],
    },
    Planted {
        what: "a vanished entry",
        script: "DELETE FROM ledger_entries WHERE reference = 'r'",
        found: &["posting_without_entry"],
    },
    Planted {
        what: "a reversal that points at another entry",
        script: "UPDATE ledger_entries SET reverses = (SELECT e.id FROM ledger_entries e WHERE e.reference = 'a') WHERE reference = 'r'",
        found: &["reversal_differs"],
    },
    Planted {
        what: "a posting in another currency",
        script: "UPDATE ledger_postings SET currency = 'USD' WHERE minor = 1000",
        found: &["posting_currency_differs", "entry_unbalanced"],
    },
    Planted {
        what: "an orphan hold",
        script: "INSERT INTO ledger_holds (id, reference, account_id, minor, state, created_at, version)
                 VALUES ('hld_0000000000000000000000000A', 'x', 'lac_0000000000000000000000000A', 5, 'pending', 1, 1)",
        found: &["hold_without_account"],
    },
    Planted {
        what: "a hold that nobody counts",
        script: "UPDATE ledger_accounts SET held_minor = 0",
        found: &["held_differs"],
    },
    Planted {
        what: "a settled hold without its entry",
        script: "UPDATE ledger_holds SET entry_id = 'ent_0000000000000000000000000A' WHERE reference = 's'",
        found: &["hold_without_entry"],
    },
    Planted {
        what: "a guard taken off",
        script: "UPDATE ledger_accounts SET guarded = (1 = 0) WHERE purpose = 'wallet'",
        found: &["guard_flag_differs"],
    },
    Planted {
        what: "money that a guarded account never had",
        script: "UPDATE ledger_postings SET minor = minor - 2000, balance_after = balance_after - 2000 WHERE minor = 1000",
        found: &["guard_broken", "running_balance_differs", "entry_unbalanced"],
    },
];

/// On books whose account psp:card has two rows or more with two postings each.
pub const PLANTED_IN_A_STRIPE: &[Planted] = &[
    Planted {
        what: "an edited balance of one row",
        script: "UPDATE ledger_accounts SET balance_minor = balance_minor + 1
                 WHERE owner = 'psp:card' AND stripe = (SELECT MAX(stripe) FROM ledger_accounts WHERE seq > 0)",
        found: &["balance_differs"],
    },
    Planted {
        what: "money moved from one row to another",
        script: "UPDATE ledger_accounts SET balance_minor = balance_minor + CASE stripe WHEN (SELECT MAX(stripe) FROM ledger_accounts WHERE seq > 0) THEN 5 ELSE -5 END
                 WHERE owner = 'psp:card' AND stripe IN (SELECT MAX(stripe) FROM ledger_accounts WHERE seq > 0
                    UNION ALL SELECT MIN(stripe) FROM ledger_accounts WHERE seq > 0 AND owner = 'psp:card')",
        found: &["balance_differs"],
    },
    Planted {
        what: "a posting carried over to another row",
        script: "UPDATE ledger_postings SET seq = 1000, account_id = (SELECT MIN(id) FROM ledger_accounts WHERE seq > 0 AND owner = 'psp:card')
                 WHERE seq = (SELECT MAX(p.seq) FROM ledger_postings p WHERE p.account_id = ledger_postings.account_id)
                    AND account_id = (SELECT MAX(id) FROM ledger_accounts WHERE seq > 0 AND owner = 'psp:card')",
        found: &["sequence_gap", "running_balance_differs", "balance_differs", "sequence_differs"],
    },
    Planted {
        what: "a dropped last posting of one row",
        script: "DELETE FROM ledger_postings
                 WHERE seq = (SELECT MAX(p.seq) FROM ledger_postings p WHERE p.account_id = ledger_postings.account_id)
                    AND account_id = (SELECT MAX(id) FROM ledger_accounts WHERE seq > 0 AND owner = 'psp:card')",
        found: &["balance_differs", "sequence_differs", "entry_incomplete", "entry_unbalanced"],
    },
    Planted {
        what: "a row given to another owner",
        script: "UPDATE ledger_accounts SET owner = 'psp:other' WHERE id = (SELECT MAX(id) FROM ledger_accounts WHERE seq > 0 AND owner = 'psp:card')",
        found: &["stripe_astray"],
    },
    Planted {
        what: "a hold on an account of many rows",
        script: "INSERT INTO ledger_holds (id, reference, account_id, minor, state, created_at, version)
                 SELECT 'hld_0000000000000000000000000A', 'x', id, 5, 'pending', 1, 1 FROM ledger_accounts WHERE owner = 'psp:card' AND stripe = 0;
                 UPDATE ledger_accounts SET held_minor = 5 WHERE owner = 'psp:card' AND stripe = 0",
        found: &["hold_on_striped_account"],
    },
];

/// The account psp:card as it would be had its postings after the fourth gone to another row: SQLite
/// only ever writes the first.
pub const SPLIT: &str = "
    INSERT INTO ledger_accounts (id, owner, purpose, currency, guarded, balance_minor, held_minor, seq, created_at, stripe)
    SELECT SUBSTR(a.id, 1, 29) || '5', a.owner, a.purpose, a.currency, a.guarded, a.balance_minor - p.balance_after, 0, a.seq - 4, a.created_at, 5
    FROM ledger_accounts a JOIN ledger_postings p ON p.account_id = a.id AND p.seq = 4 WHERE a.owner = 'psp:card';
    UPDATE ledger_postings SET account_id = SUBSTR(account_id, 1, 29) || '5', seq = seq - 4,
        balance_after = balance_after - (SELECT p.balance_after FROM ledger_postings p WHERE p.account_id = ledger_postings.account_id AND p.seq = 4)
    WHERE account_id IN (SELECT id FROM ledger_accounts WHERE owner = 'psp:card' AND stripe = 0) AND seq > 4;
    UPDATE ledger_accounts SET seq = 4,
        balance_minor = (SELECT p.balance_after FROM ledger_postings p WHERE p.account_id = ledger_accounts.id AND p.seq = 4)
    WHERE owner = 'psp:card' AND stripe = 0;";

/// Id, balance and number of postings of every row of the ledger, also of those never written to.
pub async fn all_rows(t: &TestDb) -> Vec<(String, i64, i64)> {
    t.db.read(async |tx| {
        tx.rows(sql!("SELECT id, balance_minor, seq FROM ledger_accounts ORDER BY id"), &[])
            .await
    })
    .await
    .unwrap()
}
