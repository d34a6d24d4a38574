//! Posting.
//!
//! A single entry costs one statement on PostgreSQL (locks in account order, checks, entry,
//! balances, postings in one round trip) and six short ones on SQLite; see the store siblings.

use crate::account::{AccountId, AccountKey, Purpose};
use crate::entry::{EntryId, FxNote, Leg, NewEntry, Outcome, Plan, Posted, Stripe};
use crate::{INSUFFICIENT_FUNDS, REFERENCE_REUSED, store, store_postgres, store_sqlite};
use qd_db::{Engine, Tx};
use qd_kernel::{Problem, Rate, Result, Rounding, Ts};
use qd_runtime::Core;
use std::collections::{BTreeMap, HashMap};

/// Books an entry once. The same reference with the same legs answers the first entry.
///
/// Errors: `insufficient_funds` (names the account), `reference_reused`, `balance_out_of_range`,
/// `entry_unbalanced` and other wrong input.
pub async fn post(tx: &mut Tx, core: &Core, e: NewEntry) -> Result<Posted> {
    let now = core.now();
    let plan = Plan::of(EntryId::new(&core.env), e, now, Stripe::of(tx, now))?;
    write(tx, &plan).await
}

pub(crate) async fn write(tx: &mut Tx, plan: &Plan) -> Result<Posted> {
    let mut outcome = attempt(tx, plan).await?;
    if let Outcome::NoAccount = outcome {
        let mut missing = Vec::new();
        for s in &plan.sums {
            if store::account(tx, s.row).await?.is_none() {
                missing.push(&s.key);
            }
        }
        store::create_accounts(tx, missing.into_iter(), plan.booked_at).await?;
        outcome = attempt(tx, plan).await?;
    }
    if let Outcome::Done = outcome {
        return Ok(Posted {
            entry_id: plan.entry_id,
            already: false,
        });
    }
    // A repeated command may find the money long spent: the reference decides before the balance.
    if let Some(entry_id) = store::entry_id(tx, &plan.reference).await? {
        return already(tx, plan, entry_id).await;
    }
    Err(refusal(plan, &outcome))
}

async fn attempt(tx: &mut Tx, plan: &Plan) -> Result<Outcome> {
    match tx.engine() {
        Engine::Sqlite => store_sqlite::write(tx, plan).await,
        Engine::Postgres => store_postgres::write(tx, plan).await,
    }
}

async fn already(tx: &mut Tx, plan: &Plan, entry_id: EntryId) -> Result<Posted> {
    let mut stands = store::postings_of(tx, entry_id).await?;
    stands.sort_unstable();
    if stands != plan.fingerprint() {
        return Err(Problem::conflict(
            REFERENCE_REUSED,
            format!("the reference {} was posted before with other legs", plan.reference),
        ));
    }
    Ok(Posted { entry_id, already: true })
}

fn refusal(plan: &Plan, outcome: &Outcome) -> Problem {
    let name = |id| {
        plan.sums
            .iter()
            .find(|s| s.row == id)
            .map_or_else(String::new, |s| s.key.to_string())
    };
    match outcome {
        Outcome::Short(id) => Problem::conflict(INSUFFICIENT_FUNDS, format!("not enough available on {}", name(*id))),
        Outcome::OverLimit(id) => Problem::conflict(
            "balance_out_of_range",
            format!("the balance of {} would leave the ledger's limit", name(*id)),
        ),
        Outcome::Done | Outcome::Already | Outcome::NoAccount => {
            // Already, and yet no entry with this reference is visible: another transaction holds it.
            Problem::unavailable(qd_db::RETRY, "the entry met another transaction")
        }
    }
}

/// Books many entries with few statements: feeds, imports, statement runs. All or nothing: after an
/// error the caller must give the transaction up. Answers in the order of the input.
pub async fn post_many(tx: &mut Tx, core: &Core, entries: Vec<NewEntry>) -> Result<Vec<Posted>> {
    let now = core.now();
    let mut plans = Vec::with_capacity(entries.len());
    let stripe = Stripe::of(tx, now);
    for (i, e) in entries.into_iter().enumerate() {
        plans.push(Plan::of(EntryId::new(&core.env), e, now, stripe).map_err(|p| Problem {
            detail: format!("entry {i}: {}", p.detail),
            ..p
        })?);
    }
    if plans.is_empty() {
        return Ok(Vec::new());
    }
    let rows: BTreeMap<AccountId, &AccountKey> = plans.iter().flat_map(|p| p.sums.iter().map(|s| (s.row, &s.key))).collect();
    let mut accounts = store::lock_accounts(tx, &rows, now).await?;

    // The first plan of a reference is the one that counts; a second in the same batch is a replay.
    let mut first: HashMap<&str, usize> = HashMap::new();
    let fresh: Vec<&Plan> = plans
        .iter()
        .enumerate()
        .filter(|(i, p)| *first.entry(&p.reference).or_insert(*i) == *i)
        .map(|(_, p)| p)
        .collect();
    let inserted = store::insert_entries(tx, &fresh).await?;
    let all_new = inserted == fresh.len() as u64;

    let mut postings = Vec::new();
    let mut answers: Vec<Posted> = Vec::with_capacity(plans.len());
    for (i, plan) in plans.iter().enumerate() {
        let before = first.get(plan.reference.as_str()).copied().unwrap_or(i);
        if before != i {
            if plans[before].fingerprint() != plan.fingerprint() {
                return Err(Problem::conflict(
                    REFERENCE_REUSED,
                    format!("the reference {} stands twice in the batch with other legs", plan.reference),
                ));
            }
            answers.push(Posted {
                entry_id: answers[before].entry_id,
                already: true,
            });
            continue;
        }
        if !all_new {
            let stands = store::entry_id(tx, &plan.reference).await?.unwrap_or(plan.entry_id);
            if stands != plan.entry_id {
                answers.push(already(tx, plan, stands).await?);
                continue;
            }
        }
        for leg in &plan.legs {
            let a = accounts
                .get_mut(&leg.row)
                .ok_or_else(|| Problem::bug("ledger_account_lost", "a locked account is gone"))?;
            let balance = a.balance_minor + leg.minor;
            if !(-qd_kernel::MAX_MINOR..=qd_kernel::MAX_MINOR).contains(&balance) {
                return Err(refusal(plan, &Outcome::OverLimit(leg.row)));
            }
            a.balance_minor = balance;
            a.seq += 1;
            postings.push(store::PostingRow {
                row: leg.row,
                seq: a.seq,
                entry: plan.entry_id,
                minor: leg.minor,
                currency: leg.currency,
                balance_after: balance,
            });
        }
        for s in &plan.sums {
            let a = &accounts[&s.row];
            if !(-s.limit..=s.limit).contains(&a.balance_minor) {
                return Err(refusal(plan, &Outcome::OverLimit(s.row)));
            }
            if a.guarded && a.balance_minor - a.held_minor < 0 {
                return Err(refusal(plan, &Outcome::Short(s.row)));
            }
        }
        answers.push(Posted {
            entry_id: plan.entry_id,
            already: false,
        });
    }
    store::write_balances(tx, &accounts).await?;
    store::insert_postings(tx, &postings).await?;
    Ok(answers)
}

/// Takes an entry back by its exact opposite, on its value date, in the present booking time. An
/// entry can be taken back once (`already_reversed`); the guard holds for reversals too.
pub async fn reverse(tx: &mut Tx, core: &Core, entry_id: EntryId, reference: &str, reason: &str) -> Result<Posted> {
    let e = crate::entry(tx, entry_id).await?.ok_or_else(|| Problem::missing("ledger entry"))?;
    let new = NewEntry {
        kind: "reversal",
        reference: reference.to_string(),
        legs: e.legs.into_iter().map(|l| Leg { minor: -l.minor, ..l }).collect(),
        source: e.source,
        value_at: e.value_at,
        note: Some(reason.to_string()),
        fx: e.fx,
    };
    let now = core.now();
    let mut plan = Plan::of(EntryId::new(&core.env), new, now, Stripe::of(tx, now))?;
    plan.reverses = Some(entry_id);
    if let Some((by, by_reference)) = store::reversal_of(tx, entry_id).await? {
        if by_reference == plan.reference {
            return Ok(Posted {
                entry_id: by,
                already: true,
            });
        }
        return Err(Problem::conflict(
            "already_reversed",
            format!("the entry {entry_id} was taken back before"),
        ));
    }
    write(tx, &plan).await
}

/// A change of money from one currency into another.
#[derive(Clone, Debug)]
pub struct ConvertEntry {
    pub kind: &'static str,
    pub reference: String,
    /// Whose position carries it: `house:<entity>`.
    pub house: String,
    pub from: AccountKey,
    pub to: AccountKey,
    /// Above zero: what leaves `from`.
    pub from_minor: i64,
    /// Units of `to`'s currency for one unit of `from`'s.
    pub rate: Rate,
    pub rate_source: String,
    pub rate_at: Ts,
    pub source: String,
    pub value_at: Ts,
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Converted {
    pub posted: Posted,
    /// What reached `to`: rounded once, half away from zero.
    pub to_minor: i64,
}

/// Two balanced pairs through the house's position accounts, so that each currency sums to zero and
/// the position shows what the house is open in.
pub async fn convert(tx: &mut Tx, core: &Core, c: ConvertEntry) -> Result<Converted> {
    if c.from_minor <= 0 {
        return Err(Problem::invalid(
            "from_minor",
            "amount_not_positive",
            "expected more than 0 minor units",
        ));
    }
    let (f, t) = (c.from.currency, c.to.currency);
    if f == t {
        return Err(Problem::invalid(
            "to/currency",
            "currency_same",
            "expected another currency than that of `from`",
        ));
    }
    let to_minor = c
        .rate
        .apply(c.from_minor, f.exponent(), t.exponent(), Rounding::HalfAwayFromZero)
        .filter(|m| *m > 0)
        .ok_or_else(|| {
            Problem::invalid(
                "from_minor",
                "amount_out_of_range",
                "expected an amount that is at least one minor unit after conversion",
            )
        })?;
    let position = |currency| AccountKey::new(c.house.clone(), Purpose::FxPosition, currency);
    let legs = vec![
        Leg::new(c.from, -c.from_minor),
        Leg::new(position(f), c.from_minor),
        Leg::new(position(t), -to_minor),
        Leg::new(c.to, to_minor),
    ];
    let fx = Some(FxNote {
        rate: c.rate,
        source: c.rate_source,
        at: c.rate_at,
    });
    let posted = post(
        tx,
        core,
        NewEntry {
            kind: c.kind,
            reference: c.reference,
            legs,
            source: c.source,
            value_at: c.value_at,
            note: c.note,
            fx,
        },
    )
    .await?;
    Ok(Converted { posted, to_minor })
}
