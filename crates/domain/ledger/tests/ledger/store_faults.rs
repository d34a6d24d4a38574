//! SQL that nobody should run: what the database must refuse, and faults planted behind its back for
//! the auditor to find.

pub const REFUSED: &[&str] = &[
    "UPDATE ledger_postings SET minor = 1",
    "DELETE FROM ledger_postings",
    "UPDATE ledger_entries SET note = 'nothing to see'",
    "DELETE FROM ledger_entries",
    "DELETE FROM ledger_accounts",
    "UPDATE ledger_accounts SET owner = 'client:eve'",
    "UPDATE ledger_accounts SET balance_minor = -1 WHERE guarded",
    "UPDATE ledger_accounts SET balance_minor = 9000000000000001 WHERE guarded",
    "DELETE FROM ledger_holds",
    "UPDATE ledger_holds SET state = 'pending', closed_at = NULL",
    "UPDATE ledger_holds SET minor = 1",
];

/// Opens the books for tampering.
pub const UNLOCK_SQLITE: &str = "
    DROP TRIGGER ledger_entries_fixed; DROP TRIGGER ledger_entries_kept; DROP TRIGGER ledger_postings_fixed;
    DROP TRIGGER ledger_postings_kept; DROP TRIGGER ledger_accounts_kept; DROP TRIGGER ledger_accounts_fixed;
    DROP TRIGGER ledger_holds_kept; DROP TRIGGER ledger_holds_closed;";
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
        found: &["sequence_gap", "running_balance_differs", "entry_incomplete", "entry_unbalanced", "reversal_differs"],
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
