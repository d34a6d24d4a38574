//! The auditor: reads every row of the books and says what does not add up. It shares no code with
//! the writer, on purpose: no statement, no type of the posting path, no rule about purposes.

mod store_audit;
mod stripes;

use qd_db::Db;
use qd_kernel::Result;
use std::collections::HashMap;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable: `balance_differs`, `sequence_gap`, …
    pub kind: &'static str,
    /// The account, entry or hold.
    pub subject: String,
    pub detail: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ledger {} {}: {}", self.kind, self.subject, self.detail)
    }
}

fn fault(kind: &'static str, subject: &str, detail: String) -> Fault {
    Fault {
        kind,
        subject: subject.to_string(),
        detail,
    }
}

/// Which accounts must never fall below zero. Written out here a second time: were the writer's list
/// to change by mistake, the two would disagree.
const NEVER_NEGATIVE: &[&str] = &["wallet", "transit", "payout_transit"];
const LIMIT: i128 = 9_000_000_000_000_000;
const BATCH: i64 = 5_000;

/// Checks on one snapshot:
/// - each account's postings are numbered from 1 without gaps, each balance after is the one before
///   plus the posting, the last one is the account's balance, and a guarded account is never below
///   zero at any step, nor is its available amount now (a striped account: each of its rows);
/// - each entry has two postings or more that sum to zero per currency, a reversal is the exact
///   opposite of what it reverses, a posting has the currency of its account and an entry;
/// - the rows of a striped account belong together, each to the account that its id says, none of
///   them guarded or held, and their sum is in the limit of one account;
/// - what is held is the sum of the pending holds, and a settled hold has its entry.
///
/// Memory grows with the number of accounts, not of postings.
pub async fn run(db: &Db) -> Result<Vec<Fault>> {
    db.read_long(async |tx| {
        let mut faults = Vec::new();
        let accounts = store_audit::accounts(tx, BATCH).await?;
        let by_id: HashMap<&str, &store_audit::Account> = accounts.iter().map(|a| (a.id.as_str(), a)).collect();
        fold(tx, &by_id, &mut faults).await?;
        stripes::check(&accounts, &mut faults);
        sums(tx, &by_id, &mut faults).await?;
        holds(tx, &by_id, &mut faults).await?;
        Ok(faults)
    })
    .await
}

/// Where the fold of one account stands.
#[derive(Default)]
struct Walk {
    balance: i128,
    seq: i64,
}

async fn fold(tx: &mut qd_db::Tx, accounts: &HashMap<&str, &store_audit::Account>, faults: &mut Vec<Fault>) -> Result<()> {
    let mut walks: HashMap<String, Walk> = HashMap::new();
    let mut after = (String::new(), 0);
    loop {
        let postings = store_audit::postings_by_account(tx, &after.0, after.1, BATCH).await?;
        let Some(last) = postings.last() else { break };
        after = (last.account_id.clone(), last.seq);
        for p in &postings {
            let place = format!("{} #{}", p.account_id, p.seq);
            let Some(a) = accounts.get(p.account_id.as_str()) else {
                faults.push(fault("posting_without_account", &place, "no such account".into()));
                continue;
            };
            let w = walks.entry(p.account_id.clone()).or_default();
            if p.seq != w.seq + 1 {
                faults.push(fault("sequence_gap", &place, format!("follows #{}", w.seq)));
            }
            w.seq = p.seq;
            w.balance += i128::from(p.minor);
            if i128::from(p.balance_after) != w.balance {
                faults.push(fault(
                    "running_balance_differs",
                    &place,
                    format!("says {}, the postings make {}", p.balance_after, w.balance),
                ));
                // Go on from what the row says: one wrong row is one fault, not one per row after it.
                w.balance = i128::from(p.balance_after);
            }
            if p.currency != a.currency {
                faults.push(fault(
                    "posting_currency_differs",
                    &place,
                    format!("{} on an account in {}", p.currency, a.currency),
                ));
            }
            if w.balance < 0 && NEVER_NEGATIVE.contains(&a.purpose.as_str()) {
                faults.push(fault("guard_broken", &place, format!("the balance was {}", w.balance)));
            }
            if w.balance.abs() > LIMIT {
                faults.push(fault("balance_out_of_range", &place, format!("the balance was {}", w.balance)));
            }
        }
    }
    let mut ids: Vec<&&str> = accounts.keys().collect();
    ids.sort_unstable();
    for id in ids {
        let a = accounts[*id];
        let w = walks.remove(*id).unwrap_or_default();
        if i128::from(a.balance_minor) != w.balance {
            faults.push(fault(
                "balance_differs",
                id,
                format!("says {}, its postings make {}", a.balance_minor, w.balance),
            ));
        }
        if a.seq != w.seq {
            faults.push(fault(
                "sequence_differs",
                id,
                format!("says {} postings, the last one is #{}", a.seq, w.seq),
            ));
        }
        let guarded = NEVER_NEGATIVE.contains(&a.purpose.as_str());
        if guarded != a.guarded {
            faults.push(fault(
                "guard_flag_differs",
                id,
                format!("{} marked guarded: {}", a.purpose, a.guarded),
            ));
        }
        if guarded && a.balance_minor < a.held_minor {
            faults.push(fault(
                "guard_broken",
                id,
                format!("balance {}, held {}", a.balance_minor, a.held_minor),
            ));
        }
    }
    Ok(())
}

/// The account behind a row, in words: an entry and its reversal may use different stripes.
fn whose(accounts: &HashMap<&str, &store_audit::Account>, row: &str) -> String {
    accounts
        .get(row)
        .map_or_else(|| row.to_string(), |a| format!("{} {} {}", a.owner, a.purpose, a.currency))
}

async fn sums(tx: &mut qd_db::Tx, accounts: &HashMap<&str, &store_audit::Account>, faults: &mut Vec<Fault>) -> Result<()> {
    let mut after = String::new();
    loop {
        // Whole entries at a time: the batch is cut by entries, never inside one.
        let entries = store_audit::entries(tx, &after, BATCH / 10).await?;
        let Some(last) = entries.last() else { break };
        let postings = store_audit::postings_of_entries(tx, &after, &last.id).await?;
        after.clone_from(&last.id);
        let mut by_entry: HashMap<&str, Vec<&store_audit::Posting>> = HashMap::new();
        for p in &postings {
            by_entry.entry(p.entry_id.as_str()).or_default().push(p);
        }
        for e in &entries {
            let of = by_entry.remove(e.id.as_str()).unwrap_or_default();
            if of.len() < 2 {
                faults.push(fault("entry_incomplete", &e.id, format!("{} postings", of.len())));
            }
            let mut per: HashMap<&str, i128> = HashMap::new();
            for p in &of {
                *per.entry(p.currency.as_str()).or_default() += i128::from(p.minor);
            }
            let mut off: Vec<_> = per.into_iter().filter(|(_, sum)| *sum != 0).collect();
            off.sort_unstable();
            for (currency, sum) in off {
                faults.push(fault("entry_unbalanced", &e.id, format!("its postings in {currency} sum to {sum}")));
            }
            if let Some(original) = &e.reverses {
                let mut theirs: Vec<(String, i128)> = store_audit::legs_of(tx, original)
                    .await?
                    .into_iter()
                    .map(|(a, m)| (whose(accounts, &a), -i128::from(m)))
                    .collect();
                let mut ours: Vec<(String, i128)> = of.iter().map(|p| (whose(accounts, &p.account_id), i128::from(p.minor))).collect();
                theirs.sort_unstable();
                ours.sort_unstable();
                if theirs != ours {
                    faults.push(fault("reversal_differs", &e.id, format!("is not the opposite of {original}")));
                }
            }
        }
    }
    for (account, seq, entry) in store_audit::postings_without_entry(tx).await? {
        faults.push(fault(
            "posting_without_entry",
            &format!("{account} #{seq}"),
            format!("no entry {entry}"),
        ));
    }
    Ok(())
}

async fn holds(tx: &mut qd_db::Tx, accounts: &HashMap<&str, &store_audit::Account>, faults: &mut Vec<Fault>) -> Result<()> {
    let mut held: HashMap<String, i128> = HashMap::new();
    let mut after = String::new();
    loop {
        let holds = store_audit::holds(tx, &after, BATCH).await?;
        let Some(last) = holds.last() else { break };
        after.clone_from(&last.id);
        for h in &holds {
            if !accounts.contains_key(h.account_id.as_str()) {
                faults.push(fault("hold_without_account", &h.id, format!("no account {}", h.account_id)));
            }
            if accounts.get(h.account_id.as_str()).is_some_and(|a| stripes::shared(a)) {
                faults.push(fault("hold_on_striped_account", &h.id, format!("holds on {}", h.account_id)));
            }
            if h.minor <= 0 {
                faults.push(fault("hold_not_positive", &h.id, format!("holds {}", h.minor)));
            }
            match h.state.as_str() {
                "pending" => *held.entry(h.account_id.clone()).or_default() += i128::from(h.minor),
                "settled" if !h.entry_there => {
                    faults.push(fault("hold_without_entry", &h.id, "settled by an entry that is not there".into()))
                }
                "settled" | "released" | "expired" => {}
                other => faults.push(fault("hold_state_unknown", &h.id, other.to_string())),
            }
        }
    }
    let mut ids: Vec<&&str> = accounts.keys().collect();
    ids.sort_unstable();
    for id in ids {
        let sum = held.remove(*id).unwrap_or_default();
        if i128::from(accounts[*id].held_minor) != sum {
            faults.push(fault(
                "held_differs",
                id,
                format!("says {}, its pending holds sum to {sum}", accounts[*id].held_minor),
            ));
        }
    }
    Ok(())
}
