//! `commissions preview`: a plan file and an events file in, lines with their explanations out. Needs
//! no database; the same engine as the live feed. Events count by time, server and ticket, in whatever
//! order the file gives them; running values are carried from deal to deal, and a retroactive tier
//! that is reached trues up the deals before, as the books would.
//!
//! The plan file is one plan document, or `{"plans": {"gold": {…}, …}}`; the events file
//! (`schemas/events.schema.json`) has the partners bottom up or in any order, the clients, the
//! quotes, the deals.

mod read;

use crate::booking::LineKind;
use crate::engine::explain::Explanation;
use crate::engine::round::{Purse, of_deal};
use crate::engine::{self, DealFacts, Line, RoundingPlace, State, TrueUp};
use crate::exact::Exact;
use crate::plan::{Need, Plan, PlanRef, TermView, Warning};
use qd_kernel::{Amount, Currency, Problem, Result};
use read::{Events, plans};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

pub const PLAN_SCHEMA: &str = include_str!("../../schemas/plan.schema.json");
pub const EVENTS_SCHEMA: &str = include_str!("../../schemas/events.schema.json");

#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = CommissionPreview)]
pub struct Preview {
    /// In the order of the deals of the file; true-ups behind the deal that reached the band.
    pub lines: Vec<PreviewLine>,
    pub totals: Vec<PreviewTotal>,
    /// Deals that nothing can be said about, with what is missing.
    pub stopped: Vec<PreviewStop>,
    /// Of a draft: what keeps it from being saved, each with its place below `/plan` or `/events`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<DraftProblem>,
    /// Allowed, and probably not meant; by plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// All settings of the plan, those of the file and the defaults. With several plans: of none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<TermView>,
    /// What the plan asks of the feed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewLine {
    /// `server:ticket`; for a true-up the deal that reached the band.
    pub deal: String,
    pub kind: LineKind,
    /// Whose earnings they are; of a rebate: out of whose.
    pub partner: String,
    /// Who gets a rebate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub client: Option<String>,
    pub level: u32,
    pub minor: i64,
    pub currency: Currency,
    pub amount: String,
    pub reason: Option<&'static str>,
    pub plan: Option<PlanRef>,
    pub rule: Option<String>,
    pub explanation: Explanation,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewTotal {
    /// A partner, or the client who gets rebates.
    pub partner: String,
    pub currency: Currency,
    pub minor: i64,
    pub amount: String,
    pub lines: usize,
}

/// A fault of a draft, and what was expected at its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DraftProblem {
    pub pointer: String,
    pub code: String,
    pub expected: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewStop {
    pub deal: String,
    pub code: &'static str,
    pub cause: String,
}

/// Reads both documents and computes. Problems: `plan_refused`, `events_refused`, each with the
/// pointer of every fault.
pub fn preview(plan_file: &Value, events_file: &Value) -> Result<Preview> {
    let plans = plans(plan_file)?;
    let events = read::events(events_file, &plans)?;
    let mut out = run(events)?;
    for p in plans.values() {
        out.warnings.extend(p.plan.warnings());
    }
    if let [only] = plans.values().collect::<Vec<_>>().as_slice() {
        out.terms = only.plan.terms.view();
        out.needs = only.plan.needs();
    }
    Ok(out)
}

/// [`preview`] of a plan that is being written: what is wrong is told, with its place, instead of
/// failing; lines are there once both documents can be read.
pub fn draft(plan_file: &Value, events_file: &Value) -> Result<Preview> {
    let below = |p: Problem, at: &str| -> Result<Vec<DraftProblem>> {
        if p.fields.is_empty() {
            return Err(p);
        }
        Ok(p.fields
            .into_iter()
            .map(|f| DraftProblem {
                pointer: format!("{at}{}", f.pointer),
                code: f.code,
                expected: f.expected,
            })
            .collect())
    };
    let mut out = Preview::default();
    if let Ok(p) = Plan::read(plan_file) {
        out.warnings = p.warnings();
        out.terms = p.terms.view();
        out.needs = p.needs();
    }
    let plans = match plans(plan_file) {
        Ok(p) => p,
        Err(p) => {
            out.problems = below(p, "/plan")?;
            return Ok(out);
        }
    };
    match read::events(events_file, &plans) {
        Err(p) => {
            out.problems = below(p, "/events")?;
            Ok(out)
        }
        Ok(e) => {
            let computed = run(e)?;
            Ok(Preview {
                lines: computed.lines,
                totals: computed.totals,
                stopped: computed.stopped,
                ..out
            })
        }
    }
}

impl Preview {
    /// Adds what the house's settings say against the draft.
    pub fn object(&mut self, p: Problem) -> Result<()> {
        if p.fields.is_empty() {
            return Err(p);
        }
        self.problems.extend(p.fields.into_iter().map(|f| DraftProblem {
            pointer: format!("/plan{}", f.pointer),
            code: f.code,
            expected: f.expected,
        }));
        Ok(())
    }
}

/// A deal that was paid, with its lines as they stand after true-ups.
struct Past {
    deal: usize,
    lines: Vec<Line>,
}

fn run(mut e: Events) -> Result<Preview> {
    let deals = std::mem::take(&mut e.deals);
    let mut state = State::new();
    let mut past: Vec<Past> = Vec::new();
    let mut till = Till::default();
    let mut by_deal: Vec<Vec<PreviewLine>> = (0..deals.len()).map(|_| Vec::new()).collect();
    let mut stopped: Vec<(usize, PreviewStop)> = Vec::new();
    for i in engine::month::in_order(&deals) {
        let d = &deals[i];
        let lines = match engine::month::one(d, &mut e, &mut state) {
            Ok(l) => l,
            Err(s) => {
                let stop = PreviewStop {
                    deal: d.deal(),
                    code: s.code,
                    cause: s.cause,
                };
                stopped.push((i, stop));
                continue;
            }
        };
        let mut late = Vec::new();
        if lines.iter().any(|l| !l.crossed.is_empty()) {
            late = true_up(&deals, i, &mut past, &mut e);
        }
        by_deal[i] = till.book(d, &lines, e.settings.rounding)?;
        past.push(Past { deal: i, lines });
        for t in late {
            by_deal[i].push(till.book_true_up(d, t, e.settings.rounding)?);
        }
    }
    stopped.sort_by_key(|(i, _)| *i);
    Ok(Preview {
        lines: by_deal.into_iter().flatten().collect(),
        totals: till.totals(),
        stopped: stopped.into_iter().map(|(_, s)| s).collect(),
        ..Preview::default()
    })
}

/// Replays what was paid before this deal, now that it reached a band.
fn true_up(deals: &[DealFacts], now: usize, past: &mut [Past], e: &mut Events) -> Vec<TrueUp> {
    let mut all: Vec<DealFacts> = past.iter().map(|p| deals[p.deal].clone()).collect();
    all.push(deals[now].clone());
    let mut after = engine::month(&all, &State::new(), e).lines;
    after.pop();
    let after: Vec<Vec<Line>> = after
        .into_iter()
        .zip(past.iter())
        .map(|(l, p)| l.unwrap_or_else(|_| p.lines.clone()))
        .collect();
    let before: Vec<Vec<Line>> = past.iter().map(|p| p.lines.clone()).collect();
    let which: Vec<&DealFacts> = past.iter().map(|p| &deals[p.deal]).collect();
    let out = engine::true_ups(&which, &before, &after);
    for (p, lines) in past.iter_mut().zip(after) {
        p.lines = lines;
    }
    out
}

/// Purses by partner or client, and currency.
#[derive(Default)]
struct Till(BTreeMap<(String, Currency), (Purse, usize)>);

fn too_big(s: engine::Stop) -> Problem {
    Problem::invalid("/deals", s.code, s.cause)
}

impl Till {
    fn purse(&mut self, l: &Line) -> &mut (Purse, usize) {
        let whose = l.client.as_ref().unwrap_or(&l.partner).clone();
        self.0.entry((whose, l.currency)).or_default()
    }

    fn book(&mut self, d: &DealFacts, lines: &[Line], place: RoundingPlace) -> Result<Vec<PreviewLine>> {
        let whole = match place {
            RoundingPlace::Deal => Some(of_deal(lines).map_err(too_big)?),
            _ => None,
        };
        let mut out = Vec::with_capacity(lines.len());
        for (i, l) in lines.iter().enumerate() {
            let purse = self.purse(l);
            let minor = match &whole {
                Some(m) => purse.0.book_minor(l, m[i]),
                None => purse.0.book(l, place),
            }
            .map_err(too_big)?;
            purse.1 += 1;
            let kind = if l.client.is_some() { LineKind::Rebate } else { LineKind::Accrual };
            out.push(line(d, kind, l, minor));
        }
        Ok(out)
    }

    fn book_true_up(&mut self, d: &DealFacts, t: TrueUp, place: RoundingPlace) -> Result<PreviewLine> {
        let l = t.into_line();
        let purse = self.purse(&l);
        let minor = purse.0.book(&l, place).map_err(too_big)?;
        purse.1 += 1;
        Ok(line(d, LineKind::TrueUp, &l, minor))
    }

    fn totals(self) -> Vec<PreviewTotal> {
        self.0
            .into_iter()
            .map(|((partner, currency), (p, lines))| PreviewTotal {
                partner,
                currency,
                minor: p.booked,
                amount: Amount::new(p.booked, currency).text(),
                lines,
            })
            .collect()
    }
}

fn line(d: &DealFacts, kind: LineKind, l: &Line, minor: i64) -> PreviewLine {
    let (plan, rule) = l.rule.clone().map_or((None, None), |(p, r)| (Some(p), Some(r)));
    PreviewLine {
        deal: d.deal(),
        kind,
        amount: Amount::new(minor, l.currency).text(),
        partner: l.partner.clone(),
        client: l.client.clone(),
        level: l.level,
        minor,
        currency: l.currency,
        reason: l.reason,
        plan,
        rule,
        explanation: l.why.clone(),
    }
}

impl TrueUp {
    /// As a line of the deal that caused it.
    pub fn into_line(self) -> Line {
        Line {
            partner: self.partner,
            client: self.client,
            level: self.level,
            exact: self.exact,
            currency: self.currency,
            lots: Exact::ZERO,
            reason: None,
            rule: Some((self.plan, self.rule)),
            crossed: Vec::new(),
            why: self.why,
        }
    }
}

impl Preview {
    /// For a terminal.
    pub fn text(&self) -> String {
        let mut t = String::new();
        for l in &self.lines {
            let rule = match (&l.plan, &l.rule) {
                (Some(p), Some(r)) => format!("{} v{} {r}", p.plan, p.version),
                _ => "-".into(),
            };
            let whose = l.client.as_ref().unwrap_or(&l.partner);
            let kind = if l.kind == LineKind::Accrual { "" } else { l.kind.as_str() };
            let _ = writeln!(
                t,
                "{:<16} {whose:<12} level {:<2} {:>14} {}  {rule}  {kind}{}",
                l.deal,
                l.level,
                l.amount,
                l.currency,
                l.reason.unwrap_or("")
            );
            let _ = writeln!(t, "{:<16} {}", "", l.explanation.formula);
            for x in &l.explanation.tested {
                let wanted = if x.wanted.is_empty() {
                    String::new()
                } else {
                    format!(" (wanted: {})", x.wanted)
                };
                let _ = writeln!(t, "{:<16} {}: {}{wanted}", "", x.what, x.value);
            }
        }
        for s in &self.stopped {
            let _ = writeln!(t, "{:<16} STOPPED {}: {}", s.deal, s.code, s.cause);
        }
        for s in &self.totals {
            let _ = writeln!(t, "total {:<12} {:>14} {} in {} lines", s.partner, s.amount, s.currency, s.lines);
        }
        for w in &self.warnings {
            let _ = writeln!(t, "warning {} {}: {}", w.pointer, w.code, w.says);
        }
        for s in &self.terms {
            let _ = writeln!(t, "term {:<22} {}{}", s.name, s.value, if s.stated { "" } else { " (default)" });
        }
        t
    }
}
