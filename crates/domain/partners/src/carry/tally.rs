//! What must be the same before and after: sums per partner and currency, hashes of statements.

use super::{Kind, StatementNote};
use crate::ids::{PartnerId, StatementId};
use qd_kernel::{Currency, Problem, Result, Val};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A partner's sums in a currency, in its minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    pub partner_id: PartnerId,
    pub currency: Currency,
    /// How many, those of clients' rebates included.
    pub lines: u64,
    /// Of the partner's own lines.
    pub booked_minor: i64,
    /// Of lines that clients get.
    pub rebates_minor: i64,
    /// Of payouts that are paid.
    pub paid_minor: i64,
    pub statements: u64,
    /// What the last statement closes with.
    pub closing_minor: i64,
}

/// Sums up rows of lines, payouts and statements; others pass by.
#[derive(Default)]
pub struct Tally {
    sums: BTreeMap<(String, String), Sum>,
    statements: Vec<StatementNote>,
    /// Payouts that are neither paid nor over.
    pub(super) under_way: u64,
    faults: Vec<String>,
}

fn text<'a>(kind: Kind, row: &'a [Val], name: &str) -> Result<&'a str> {
    match &row[kind.at(name)?] {
        Val::Text(t) => Ok(t),
        _ => Err(Problem::invalid(name, "row_unreadable", format!("expected text in {name}"))),
    }
}

fn int(kind: Kind, row: &[Val], name: &str) -> Result<i64> {
    match &row[kind.at(name)?] {
        Val::Int(i) => Ok(*i),
        _ => Err(Problem::invalid(
            name,
            "row_unreadable",
            format!("expected a whole number in {name}"),
        )),
    }
}

fn plus(to: &mut i64, by: i64) -> Result<()> {
    *to = to.checked_add(by).ok_or_else(|| {
        Problem::invalid(
            "minor",
            "amount_out_of_range",
            "the amounts of a partner sum to more than the ledger holds",
        )
    })?;
    Ok(())
}

impl Tally {
    fn sum(&mut self, kind: Kind, row: &[Val]) -> Result<&mut Sum> {
        let (p, c) = (text(kind, row, "partner_id")?, text(kind, row, "currency")?);
        let (partner_id, currency) = (PartnerId::parse(p)?, Currency::parse(c)?);
        Ok(self.sums.entry((p.to_string(), c.to_string())).or_insert_with(|| Sum {
            partner_id,
            currency,
            lines: 0,
            booked_minor: 0,
            rebates_minor: 0,
            paid_minor: 0,
            statements: 0,
            closing_minor: 0,
        }))
    }

    /// Rows come in the order of their file. Errors: a row whose fields cannot be read.
    pub fn add(&mut self, kind: Kind, row: &[Val]) -> Result<()> {
        match kind {
            Kind::Lines => {
                let minor = int(kind, row, "minor")?;
                let own = row[kind.at("beneficiary")?] == Val::Null;
                let s = self.sum(kind, row)?;
                s.lines += 1;
                plus(if own { &mut s.booked_minor } else { &mut s.rebates_minor }, minor)?;
            }
            Kind::Payouts => match text(kind, row, "state")? {
                "paid" => {
                    let minor = int(kind, row, "minor")?;
                    plus(&mut self.sum(kind, row)?.paid_minor, minor)?;
                }
                "prepared" | "released" => self.under_way += 1,
                _ => {}
            },
            Kind::Statements => {
                let closing = int(kind, row, "closing_minor")?;
                let s = self.sum(kind, row)?;
                s.statements += 1;
                s.closing_minor = closing;
                let id = text(kind, row, "id")?;
                let said = text(kind, row, "sha256")?;
                let made = hex::encode(Sha256::digest(text(kind, row, "content")?.as_bytes()));
                if said != made {
                    self.faults.push(format!("statement {id}: says {said}, its content makes {made}"));
                }
                self.statements.push(StatementNote {
                    id: StatementId::parse(id)?,
                    sha256: made,
                });
            }
            // Each is what its lines and payouts sum to, and must say so.
            Kind::Purses => {
                let (booked, paid) = (int(kind, row, "booked_minor")?, int(kind, row, "paid_minor")?);
                let s = self.sum(kind, row)?;
                if (booked, paid) != (s.booked_minor, s.paid_minor) {
                    let fault = format!(
                        "purse {} {}: says {booked} booked and {paid} paid, lines and payouts make {} and {}",
                        s.partner_id, s.currency, s.booked_minor, s.paid_minor
                    );
                    self.faults.push(fault);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Sums by partner and currency, statements in the order of partner, currency and number, and
    /// what rows contradict each other in.
    pub fn finish(self) -> (Vec<Sum>, Vec<StatementNote>, Vec<String>) {
        (self.sums.into_values().collect(), self.statements, self.faults)
    }
}

/// One line for each sum or hash that is not as the manifest says.
pub(super) fn differences(said: (&[Sum], &[StatementNote]), found: (&[Sum], &[StatementNote]), at: &str) -> Vec<String> {
    let mut out = Vec::new();
    let by = |s: &[Sum]| -> BTreeMap<(PartnerId, Currency), Sum> { s.iter().map(|s| ((s.partner_id, s.currency), s.clone())).collect() };
    let (a, b) = (by(said.0), by(found.0));
    let show = |s: Option<&Sum>| match s {
        None => "nothing".to_string(),
        Some(s) => format!(
            "{} in {} lines, {} of rebates, {} paid, {} statements closing with {}",
            s.booked_minor, s.lines, s.rebates_minor, s.paid_minor, s.statements, s.closing_minor
        ),
    };
    let mut keys: Vec<_> = a.keys().chain(b.keys()).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    for k in keys {
        let (x, y) = (a.get(&k), b.get(&k));
        if x != y {
            out.push(format!("sums {} {}: the manifest says {}, {at} {}", k.0, k.1, show(x), show(y)));
        }
    }
    let by = |s: &[StatementNote]| -> BTreeMap<StatementId, String> { s.iter().map(|s| (s.id, s.sha256.clone())).collect() };
    let (a, b) = (by(said.1), by(found.1));
    let mut keys: Vec<_> = a.keys().chain(b.keys()).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    for k in keys {
        let (x, y) = (a.get(&k), b.get(&k));
        if x != y {
            let none = "none".to_string();
            out.push(format!(
                "statement {k}: the manifest says {}, {at} {}",
                x.unwrap_or(&none),
                y.unwrap_or(&none)
            ));
        }
    }
    out
}
