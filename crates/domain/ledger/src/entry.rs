//! Entries before they are written: what is asked, checked and laid out by account.

use crate::account::{AccountId, AccountKey, stripes};
use qd_db::Tx;
use qd_kernel::{Currency, MAX_MINOR, Problem, Rate, Result, Ts};
use serde::Serialize;
use std::collections::BTreeMap;

qd_kernel::id!(EntryId, "ent", "A ledger entry.");

/// One posting of an entry, in minor units of the account's currency; above zero increases it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[schema(as = LedgerLeg)]
pub struct Leg {
    pub account: AccountKey,
    pub minor: i64,
}

impl Leg {
    pub fn new(account: AccountKey, minor: i64) -> Leg {
        Leg { account, minor }
    }
}

/// The rate behind an entry, kept with it for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = LedgerFx)]
pub struct FxNote {
    pub rate: Rate,
    pub source: String,
    #[serde(rename = "at_us")]
    pub at: Ts,
}

#[derive(Clone, Debug)]
pub struct NewEntry {
    /// What happened, in the words of the caller's domain: `deposit.received`.
    pub kind: &'static str,
    /// Unique for the business fact: `deposit:dep_…:received`.
    pub reference: String,
    pub legs: Vec<Leg>,
    /// Ids of the event, PSP payment or platform deal behind it.
    pub source: String,
    /// The day it belongs to; the booking time is the transaction's.
    pub value_at: Ts,
    pub note: Option<String>,
    pub fx: Option<FxNote>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Posted {
    pub entry_id: EntryId,
    /// The reference had been posted before; nothing changed.
    pub already: bool,
}

/// An entry as it stands in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = LedgerEntry)]
pub struct EntryView {
    pub id: EntryId,
    pub kind: String,
    pub reference: String,
    pub source: String,
    pub note: Option<String>,
    pub fx: Option<FxNote>,
    pub reverses: Option<EntryId>,
    #[serde(rename = "value_at_us")]
    pub value_at: Ts,
    #[serde(rename = "booked_at_us")]
    pub booked_at: Ts,
    pub legs: Vec<Leg>,
}

const MAX_LEGS: usize = 200;
const MAX_TEXT: usize = 200;
const MAX_NOTE: usize = 2_000;

/// Which of a striped account's rows a transaction writes to: one that no other transaction of this
/// process writes to at the same time, and the same one for all its entries, so that two transactions
/// of several entries never take two rows of an account in opposite orders. A new one each hour, for
/// a quiet process uses few numbers, and rows shall fill evenly.
///
/// A repeated reference may try another row than the first did; what it tried stays as it was.
#[derive(Clone, Copy)]
pub(crate) struct Stripe {
    number: u8,
    of: u8,
}

impl Stripe {
    pub fn of(tx: &Tx, now: Ts) -> Stripe {
        let of = stripes(tx.engine());
        let hour = now.secs().div_euclid(3_600);
        Stripe {
            number: (i64::from(tx.number()) + hour).rem_euclid(i64::from(of)) as u8,
            of,
        }
    }
    fn row(self, key: &AccountKey) -> AccountId {
        if key.striped() { key.id().stripe(self.number) } else { key.id() }
    }
    /// How far the row's balance may go either way. The rows of an account together stay in the
    /// limit of an account, whatever each of them does.
    fn limit(self, key: &AccountKey) -> i64 {
        if key.striped() { MAX_MINOR / i64::from(self.of) } else { MAX_MINOR }
    }
}

/// An entry ready to be written.
pub(crate) struct Plan {
    pub entry_id: EntryId,
    pub kind: String,
    pub reference: String,
    pub source: String,
    pub note: Option<String>,
    pub fx: Option<FxNote>,
    pub reverses: Option<EntryId>,
    pub value_at: Ts,
    pub booked_at: Ts,
    /// In the order of writing: by row, within a row the increases first, so that no step of the
    /// running balance lies below both its ends.
    pub legs: Vec<PlannedLeg>,
    /// One per account, by the id of the row: the order in which rows are locked.
    pub sums: Vec<Sum>,
    /// A hold that this entry settles: its amount stops being held in the same step.
    pub freed: Option<(AccountId, i64)>,
}

#[derive(Clone)]
pub(crate) struct PlannedLeg {
    pub row: AccountId,
    pub currency: Currency,
    pub minor: i64,
}

pub(crate) struct Sum {
    /// The account's row that is written to; of an account that is not striped, its id.
    pub row: AccountId,
    pub key: AccountKey,
    pub minor: i64,
    pub postings: i64,
    /// The row's balance stays within this, either way.
    pub limit: i64,
}

impl Sum {
    pub fn freed(&self, plan: &Plan) -> i64 {
        plan.freed.filter(|(id, _)| *id == self.row).map_or(0, |(_, minor)| minor)
    }
}

fn text(field: &str, value: &str, max: usize) -> Result<()> {
    if value.is_empty() || value.len() > max || value.chars().any(char::is_control) {
        return Err(Problem::invalid(
            field,
            "text_malformed",
            format!("expected 1 to {max} characters without control characters"),
        ));
    }
    Ok(())
}

impl Plan {
    pub fn of(entry_id: EntryId, e: NewEntry, booked_at: Ts, stripe: Stripe) -> Result<Plan> {
        text("reference", &e.reference, MAX_TEXT)?;
        text("source", &e.source, MAX_TEXT)?;
        text("kind", e.kind, MAX_TEXT)?;
        if let Some(n) = &e.note {
            text("note", n, MAX_NOTE)?;
        }
        if let Some(fx) = &e.fx {
            text("fx/source", &fx.source, MAX_TEXT)?;
        }
        if !(2..=MAX_LEGS).contains(&e.legs.len()) {
            return Err(Problem::invalid("legs", "legs_count", format!("expected 2 to {MAX_LEGS} legs")));
        }
        let mut by_currency: BTreeMap<Currency, i128> = BTreeMap::new();
        let mut by_account: BTreeMap<AccountId, (AccountKey, i128, i64)> = BTreeMap::new();
        let mut legs = Vec::with_capacity(e.legs.len());
        for (i, leg) in e.legs.into_iter().enumerate() {
            leg.account.check(&format!("/legs/{i}"))?;
            if leg.minor == 0 || !(-MAX_MINOR..=MAX_MINOR).contains(&leg.minor) {
                return Err(Problem::invalid(
                    &format!("/legs/{i}/minor"),
                    "amount_out_of_range",
                    format!("expected not 0 and at most {MAX_MINOR} minor units either way"),
                ));
            }
            *by_currency.entry(leg.account.currency).or_default() += i128::from(leg.minor);
            let row = stripe.row(&leg.account);
            legs.push(PlannedLeg {
                row,
                currency: leg.account.currency,
                minor: leg.minor,
            });
            let sum = by_account.entry(row).or_insert((leg.account, 0, 0));
            sum.1 += i128::from(leg.minor);
            sum.2 += 1;
        }
        if let Some((currency, off)) = by_currency.iter().find(|(_, sum)| **sum != 0) {
            return Err(Problem::invalid(
                "legs",
                "entry_unbalanced",
                format!("expected legs that sum to zero per currency; {currency} is off by {off} minor units"),
            ));
        }
        legs.sort_by(|a, b| a.row.cmp(&b.row).then(b.minor.cmp(&a.minor)));
        let sums = by_account
            .into_iter()
            .map(|(row, (key, minor, postings))| {
                let minor =
                    i64::try_from(minor).map_err(|_| Problem::invalid("legs", "amount_out_of_range", "expected less on one account"))?;
                let limit = stripe.limit(&key);
                Ok(Sum {
                    row,
                    key,
                    minor,
                    postings,
                    limit,
                })
            })
            .collect::<Result<Vec<Sum>>>()?;
        Ok(Plan {
            entry_id,
            kind: e.kind.to_string(),
            reference: e.reference,
            source: e.source,
            note: e.note,
            fx: e.fx,
            reverses: None,
            value_at: e.value_at,
            booked_at,
            legs,
            sums,
            freed: None,
        })
    }

    /// Account (whichever row) and amount of each leg, for comparison with what stands in the books.
    pub fn fingerprint(&self) -> Vec<(AccountId, i64)> {
        let mut v: Vec<_> = self.legs.iter().map(|l| (l.row.account(), l.minor)).collect();
        v.sort_unstable();
        v
    }
}

/// How an attempt to write a plan ended. Only `Done` has changed anything.
pub(crate) enum Outcome {
    Done,
    Already,
    /// Not every account has a row yet.
    NoAccount,
    /// A guarded account would show less than nothing available.
    Short(AccountId),
    /// A balance would leave the limit of its row.
    OverLimit(AccountId),
}
