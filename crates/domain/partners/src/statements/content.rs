//! The text of a closed statement: canonical JSON, fields in the order of these structures. Its
//! SHA-256 is the statement's; paper, CSV and screen are made of it. Format 2; statements of format 1
//! stay as they were written.

use crate::booking::LineKind;
use crate::engine::Settings;
use crate::ids::{LineId, PartnerId, PayoutId, StatementId};
use crate::payouts::terms::Terms;
use crate::store::lines::LineRow;
use crate::store::partners::PartnerRow;
use crate::store::payouts::PayoutRow;
use qd_kernel::{Currency, Lots, Result, Ts};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Serialize)]
struct Content<'a> {
    format: i64,
    statement: StatementId,
    partner: PartnerId,
    partner_name: &'a str,
    entity: &'a str,
    currency: Currency,
    number: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    self_billing: Option<&'a str>,
    period_from: String,
    period_to: String,
    settings: &'a Settings,
    terms: &'a Terms,
    plans: Vec<String>,
    opening_minor: i64,
    lines: Vec<Line<'a>>,
    lines_minor: i64,
    adjustments: Vec<Line<'a>>,
    adjustments_minor: i64,
    /// Lines of the period that pay nothing, by reason.
    not_paid: Vec<(String, usize)>,
    /// Sums of lines and adjustments together.
    by_kind: Vec<Sum>,
    by_client: Vec<Sum>,
    by_product: Vec<Sum>,
    by_level: Vec<Sum>,
    /// What of the partner's gross went to clients: by client; no part of the partner's balance.
    rebates: Vec<Sum>,
    rebates_minor: i64,
    /// Rates that lines were converted with.
    fx: Vec<Fx>,
    payouts: Vec<Payout>,
    payouts_minor: i64,
    /// Of the payouts above.
    fees_minor: i64,
    tax_minor: i64,
    closing_minor: i64,
}

#[derive(Serialize)]
struct Line<'a> {
    id: LineId,
    kind: LineKind,
    value_date: String,
    booked: String,
    deal: String,
    client: &'a str,
    symbol: &'a str,
    level: i64,
    lots: Lots,
    minor: i64,
    reason: Option<&'a str>,
    rule: Option<String>,
    corrects: Option<LineId>,
    /// Of an adjustment: the statement that its value date belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    of_statement: Option<i64>,
}

#[derive(Serialize)]
struct Sum {
    key: String,
    lines: i64,
    lots: Lots,
    minor: i64,
}

#[derive(Serialize)]
struct Fx {
    pair: String,
    rate: String,
    source: String,
    lines: i64,
}

#[derive(Serialize)]
pub(super) struct Payout {
    id: PayoutId,
    what: &'static str,
    at: String,
    minor: i64,
    fee_minor: i64,
    tax_minor: i64,
    net_minor: i64,
    reference: Option<String>,
}

pub(super) fn payouts_minor(all: &[Payout]) -> i64 {
    all.iter().map(|p| p.minor).sum()
}

pub(super) fn payout(m: &PayoutRow, what: &'static str, at: Ts, minor: i64) -> Payout {
    let sign = minor.signum();
    Payout {
        id: m.id,
        what,
        at: at.rfc3339(),
        minor,
        fee_minor: sign * m.fee_minor,
        tax_minor: sign * m.tax_minor,
        net_minor: sign * m.net_minor,
        reference: m.reference.clone(),
    }
}

/// What a statement says besides its lines.
pub(super) struct Head<'a> {
    pub id: StatementId,
    pub partner: &'a PartnerRow,
    pub currency: Currency,
    pub number: i64,
    pub from: Ts,
    pub to: Ts,
    pub settings: &'a Settings,
    pub terms: &'a Terms,
    pub opening_minor: i64,
    pub self_billing: Option<&'a str>,
}

pub(super) struct Made {
    pub text: String,
    pub lines_minor: i64,
    pub adjustments_minor: i64,
    pub payouts_minor: i64,
    pub closing_minor: i64,
}

fn line(l: &LineRow) -> Line<'_> {
    let rule = match (&l.plan_id, l.plan_version, &l.rule_id) {
        (Some(p), Some(v), Some(r)) => Some(format!("{p} v{v} {r}")),
        _ => None,
    };
    Line {
        id: l.id,
        kind: l.kind,
        value_date: l.value_at.rfc3339(),
        booked: l.booked_at.rfc3339(),
        deal: format!("{}:{}:{}", l.server, l.ticket, l.revision),
        client: &l.client_id,
        symbol: &l.symbol,
        level: l.level,
        lots: l.lots,
        minor: l.minor,
        reason: l.reason.as_deref(),
        rule,
        corrects: l.reverses,
        of_statement: None,
    }
}

/// By key: lines that pay, lots (of reversals below zero), money.
fn sums<'a>(lines: impl Iterator<Item = &'a LineRow>, key: impl Fn(&LineRow) -> String) -> Vec<Sum> {
    let mut by: BTreeMap<String, (i64, i64, i64)> = BTreeMap::new();
    for l in lines.filter(|l| l.reason.is_none()) {
        let sign = if l.reverses.is_some() { -1 } else { 1 };
        let s = by.entry(key(l)).or_default();
        s.0 += 1;
        s.1 += sign * l.lots.units();
        s.2 += l.minor;
    }
    by.into_iter()
        .map(|(key, (lines, lots, minor))| Sum {
            key,
            lines,
            lots: Lots(lots),
            minor,
        })
        .collect()
}

fn rates(lines: &[LineRow]) -> Vec<Fx> {
    let mut by: BTreeMap<(String, String, String), i64> = BTreeMap::new();
    for l in lines {
        for s in l.explanation.get("fx").and_then(serde_json::Value::as_array).into_iter().flatten() {
            let text = |k: &str| s.get(k).and_then(serde_json::Value::as_str).unwrap_or_default().to_string();
            *by.entry((text("pair"), text("rate"), text("source"))).or_default() += 1;
        }
    }
    by.into_iter()
        .map(|((pair, rate, source), lines)| Fx { pair, rate, source, lines })
        .collect()
}

pub(super) fn make(
    h: Head<'_>,
    open: &[LineRow],
    period: &[&LineRow],
    adjust: &[&LineRow],
    earlier: &[(i64, Ts, Ts)],
    rebates: &[LineRow],
    payouts: Vec<Payout>,
) -> Result<Made> {
    let sum = |ls: &[&LineRow]| ls.iter().map(|l| l.minor).sum::<i64>();
    let (lines_minor, adjustments_minor) = (sum(period), sum(adjust));
    let payouts_minor = payouts_minor(&payouts);
    let closing_minor = h.opening_minor + lines_minor + adjustments_minor + payouts_minor;
    let mut not_paid: BTreeMap<String, usize> = BTreeMap::new();
    for reason in period.iter().filter_map(|l| l.reason.clone()) {
        *not_paid.entry(reason).or_default() += 1;
    }
    let plans: BTreeSet<String> = open
        .iter()
        .filter_map(|l| Some(format!("{} v{}", l.plan_id.as_ref()?, l.plan_version?)))
        .collect();
    let of = |at: Ts| {
        earlier
            .iter()
            .find(|(n, from, to)| (*n == 1 || *from <= at) && at < *to)
            .map(|(n, _, _)| *n)
    };
    let content = Content {
        format: 2,
        statement: h.id,
        partner: h.partner.id,
        partner_name: &h.partner.name,
        entity: &h.partner.entity,
        currency: h.currency,
        number: h.number,
        self_billing: h.self_billing,
        period_from: h.from.rfc3339(),
        period_to: h.to.rfc3339(),
        settings: h.settings,
        terms: h.terms,
        plans: plans.into_iter().collect(),
        opening_minor: h.opening_minor,
        lines: period.iter().map(|l| line(l)).collect(),
        lines_minor,
        adjustments: adjust
            .iter()
            .map(|l| Line {
                of_statement: of(l.value_at),
                ..line(l)
            })
            .collect(),
        adjustments_minor,
        not_paid: not_paid.into_iter().collect(),
        by_kind: sums(open.iter(), |l| l.kind.to_string()),
        by_client: sums(open.iter(), |l| l.client_id.clone()),
        by_product: sums(open.iter(), |l| l.product_group.clone().unwrap_or_default()),
        by_level: sums(open.iter(), |l| format!("{:03}", l.level)),
        rebates: sums(rebates.iter(), |l| l.beneficiary.clone().unwrap_or_default()),
        rebates_minor: rebates.iter().map(|l| l.minor).sum(),
        fx: rates(open),
        fees_minor: payouts.iter().map(|p| p.fee_minor).sum(),
        tax_minor: payouts.iter().map(|p| p.tax_minor).sum(),
        payouts,
        payouts_minor,
        closing_minor,
    };
    Ok(Made {
        text: serde_json::to_string(&content)?,
        lines_minor,
        adjustments_minor,
        payouts_minor,
        closing_minor,
    })
}
