//! Statements: a period of a partner, closed once and for all.
//!
//! A closed statement is a text (canonical JSON, fields in a fixed order) with its SHA-256, kept as
//! it was written. What comes later with an earlier value date (a late deal, a correction) lands on
//! the next one, as an adjustment.

use crate::booking::{LineKind, SETTINGS};
use crate::engine::Settings;
use crate::ids::{LineId, PartnerId, PayoutId, StatementId};
use crate::partner::{allowed, mine};
use crate::payouts::PayoutState;
use crate::store::{lines, payouts, statements as store};
use qd_db::Tx;
use qd_kernel::{Currency, Lots, Page, PageRequest, Problem, Result, Ts, page::join_key};
use qd_ledger::{AccountKey, Purpose};
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::{Core, settings};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerStatement)]
pub struct Statement {
    pub id: StatementId,
    pub partner_id: PartnerId,
    pub currency: Currency,
    /// Counts a partner's statements in a currency from 1.
    pub number: i64,
    #[serde(rename = "period_from_us")]
    pub period_from: Ts,
    /// Not included.
    #[serde(rename = "period_to_us")]
    pub period_to: Ts,
    pub opening_minor: i64,
    /// Lines with value dates of the period.
    pub lines_minor: i64,
    /// Corrections, and lines with value dates of earlier periods.
    pub adjustments_minor: i64,
    /// Paid out (below zero) and returned.
    pub payouts_minor: i64,
    pub closing_minor: i64,
    /// Of the content, in hex.
    pub sha256: String,
    pub closed_by: String,
    #[serde(rename = "closed_at_us")]
    pub closed_at: Ts,
}

impl From<store::StatementRow> for Statement {
    fn from(s: store::StatementRow) -> Self {
        Statement {
            id: s.id,
            partner_id: s.partner_id,
            currency: s.currency,
            number: s.number,
            period_from: s.period_from,
            period_to: s.period_to,
            opening_minor: s.opening_minor,
            lines_minor: s.lines_minor,
            adjustments_minor: s.adjustments_minor,
            payouts_minor: s.payouts_minor,
            closing_minor: s.closing_minor,
            sha256: s.sha256,
            closed_by: s.closed_by,
            closed_at: s.closed_at,
        }
    }
}

/// The content, in this order of fields.
#[derive(Serialize)]
struct Content<'a> {
    format: i64,
    statement: StatementId,
    partner: PartnerId,
    partner_name: &'a str,
    entity: &'a str,
    currency: Currency,
    number: i64,
    period_from: String,
    period_to: String,
    settings: Settings,
    plans: Vec<String>,
    opening_minor: i64,
    lines: Vec<ContentLine<'a>>,
    lines_minor: i64,
    adjustments: Vec<ContentLine<'a>>,
    adjustments_minor: i64,
    /// Lines of the period that pay nothing, by reason.
    not_paid: Vec<(String, usize)>,
    payouts: Vec<ContentPayout>,
    payouts_minor: i64,
    closing_minor: i64,
}

#[derive(Serialize)]
struct ContentLine<'a> {
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
}

#[derive(Serialize)]
struct ContentPayout {
    id: PayoutId,
    what: &'static str,
    at: String,
    minor: i64,
    reference: Option<String>,
}

fn content_line(l: &lines::LineRow) -> ContentLine<'_> {
    let rule = match (&l.plan_id, l.plan_version, &l.rule_id) {
        (Some(p), Some(v), Some(r)) => Some(format!("{p} v{v} {r}")),
        _ => None,
    };
    ContentLine {
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
    }
}

/// Closes the period that ends at `to` for one partner and currency. It begins where the last one
/// ended. Needs `statements.close`.
///
/// Errors: `period_not_over`, `period_closed`, `deals_stopped` (a deal of the time waits for
/// something that is missing: nothing is closed over an unexplained trade), `ledger_differs`.
pub async fn close(tx: &mut Tx, core: &Core, caller: &Caller, partner: PartnerId, currency: Currency, to: Ts) -> Result<Statement> {
    let p = allowed(tx, caller, Right::StatementsClose, partner).await?;
    let now = core.now();
    if to > now {
        return Err(Problem::invalid("to", "period_not_over", "expected a time that has passed"));
    }
    // Nobody books, pays or closes for this partner until we are done.
    let mut purse = lines::lock_purse(tx, partner, currency).await?;
    let last = store::last(tx, partner, currency).await?;
    let from = last.as_ref().map_or(p.created_at.min(to), |s| s.period_to);
    if last.is_some() && to <= from {
        return Err(Problem::conflict(
            "period_closed",
            format!("this partner's statements reach to {from}"),
        ));
    }
    let waiting = lines::count_stopped_before(tx, to).await?;
    if waiting > 0 {
        return Err(Problem::conflict(
            "deals_stopped",
            format!("{waiting} deals before the end of the period wait for something that is missing"),
        ));
    }
    let open = lines::open_lines(tx, partner, currency, to).await?;
    let (period, adjust): (Vec<_>, Vec<_>) = open
        .iter()
        .partition(|l| !l.kind.corrects() && (last.is_none() || l.value_at >= from));
    let moved = payouts::unstated(tx, partner, currency, to).await?;
    let (mut paid, mut returned, mut content_payouts) = (Vec::new(), Vec::new(), Vec::new());
    for m in &moved {
        if let Some(at) = m.paid_at.filter(|at| *at < to && m.statement_id.is_none()) {
            paid.push(m.id);
            content_payouts.push(ContentPayout {
                id: m.id,
                what: "paid",
                at: at.rfc3339(),
                minor: -m.minor,
                reference: m.reference.clone(),
            });
        }
        if let Some(at) = m
            .returned_at
            .filter(|at| *at < to && m.state == PayoutState::Returned && m.return_statement_id.is_none())
        {
            returned.push(m.id);
            content_payouts.push(ContentPayout {
                id: m.id,
                what: "returned",
                at: at.rfc3339(),
                minor: m.minor,
                reference: m.reference.clone(),
            });
        }
    }
    let sum = |ls: &[&lines::LineRow]| ls.iter().map(|l| l.minor).sum::<i64>();
    let opening_minor = last.as_ref().map_or(0, |s| s.closing_minor);
    let (lines_minor, adjustments_minor) = (sum(&period), sum(&adjust));
    let payouts_minor: i64 = content_payouts.iter().map(|c| c.minor).sum();
    let closing_minor = opening_minor + lines_minor + adjustments_minor + payouts_minor;

    let mut not_paid: Vec<(String, usize)> = Vec::new();
    for reason in period.iter().filter_map(|l| l.reason.as_deref()) {
        match not_paid.iter_mut().find(|(r, _)| r == reason) {
            Some(n) => n.1 += 1,
            None => not_paid.push((reason.to_string(), 1)),
        }
    }
    not_paid.sort();
    let plans: BTreeSet<String> = open
        .iter()
        .filter_map(|l| Some(format!("{} v{}", l.plan_id.as_ref()?, l.plan_version?)))
        .collect();
    let id = StatementId::new(&core.env);
    let number = last.as_ref().map_or(1, |s| s.number + 1);
    let content = Content {
        format: 1,
        statement: id,
        partner,
        partner_name: &p.name,
        entity: &p.entity,
        currency,
        number,
        period_from: from.rfc3339(),
        period_to: to.rfc3339(),
        settings: settings::for_entity::<Settings>(tx, &p.entity, SETTINGS).await?.unwrap_or_default(),
        plans: plans.into_iter().collect(),
        opening_minor,
        lines: period.iter().map(|l| content_line(l)).collect(),
        lines_minor,
        adjustments: adjust.iter().map(|l| content_line(l)).collect(),
        adjustments_minor,
        not_paid,
        payouts: content_payouts,
        payouts_minor,
        closing_minor,
    };
    let text = serde_json::to_string(&content)?;
    let row = store::StatementRow {
        id,
        partner_id: partner,
        currency,
        number,
        period_from: from,
        period_to: to,
        opening_minor,
        lines_minor,
        adjustments_minor,
        payouts_minor,
        closing_minor,
        sha256: hex::encode(Sha256::digest(text.as_bytes())),
        closed_by: caller.id(),
        closed_at: now,
    };
    agree_with_ledger(tx, &row, &purse).await?;
    store::insert(tx, &row, &text).await?;
    let ids: Vec<LineId> = open.iter().map(|l| l.id).collect();
    if lines::put_on_statement(tx, &ids, id).await? != ids.len() as u64 {
        return Err(Problem::unavailable(qd_db::RETRY, "a line went onto another statement in between"));
    }
    payouts::put_on_statement(tx, &paid, &returned, id).await?;
    purse.statements += 1;
    lines::write_purse(tx, partner, currency, &purse).await?;

    let after = json!({"statement": id, "number": number, "closing_minor": closing_minor, "currency": currency, "sha256": row.sha256});
    audit::record(
        tx,
        core,
        Entry::new(caller, "statement.close", format!("partner:{partner}"))
            .entity(Some(p.entity.clone()))
            .after(after.clone()),
    )
    .await?;
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "statement.closed",
            aggregate: format!("partner:{partner}"),
            entity: Some(p.entity),
            payload: after,
        },
    )
    .await?;
    Ok(row.into())
}

/// What the partner is owed by the lines is what the ledger says, before anything is closed.
async fn agree_with_ledger(tx: &mut Tx, s: &store::StatementRow, purse: &lines::PurseRow) -> Result<()> {
    let account = AccountKey::new(format!("partner:{}", s.partner_id), Purpose::CommissionPayable, s.currency);
    let ledger = qd_ledger::balance(tx, &account).await?.balance_minor;
    let ours = purse.booked_minor - purse.paid_minor;
    if ledger == ours {
        return Ok(());
    }
    Err(Problem::conflict(
        "ledger_differs",
        format!(
            "the lines of {} less what was paid make {ours}, the ledger says {ledger}",
            s.partner_id
        ),
    ))
}

/// Partners of an entity (or of all) with something to close before `to`, some at a time. A close of
/// many partners is a loop over this and [`close`], one transaction each: it can be stopped and
/// taken up again.
pub async fn to_close(tx: &mut Tx, caller: &Caller, entity: Option<&str>, to: Ts, limit: u32) -> Result<Vec<(PartnerId, Currency)>> {
    caller.require(Right::StatementsClose)?;
    if !caller.enters(entity) {
        return Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"));
    }
    store::to_close(tx, entity, to, i64::from(limit)).await
}

/// Newest first, for staff.
pub async fn list(tx: &mut Tx, caller: &Caller, partner: PartnerId, page: &PageRequest) -> Result<Page<Statement>> {
    allowed(tx, caller, Right::CommissionView, partner).await?;
    page_of(tx, partner, page).await
}

pub async fn my_list(tx: &mut Tx, caller: &Caller, page: &PageRequest) -> Result<Page<Statement>> {
    let me = mine(tx, caller).await?;
    page_of(tx, me.id, page).await
}

async fn page_of(tx: &mut Tx, partner: PartnerId, page: &PageRequest) -> Result<Page<Statement>> {
    let rows = store::list(tx, partner, page).await?;
    Ok(page.finish(rows.into_iter().map(Statement::from).collect(), |s: &Statement| {
        join_key(&[&s.closed_at.micros().to_string(), &s.id.to_string()])
    }))
}

/// A statement with its content, byte for byte as it was closed.
pub async fn get(tx: &mut Tx, caller: &Caller, id: StatementId) -> Result<(Statement, String)> {
    let s = store::get(tx, id).await?.ok_or_else(|| Problem::missing("statement"))?;
    if caller.may(Right::CommissionView) {
        allowed(tx, caller, Right::CommissionView, s.partner_id).await?;
    } else if mine(tx, caller).await?.id != s.partner_id {
        return Err(Problem::missing("statement"));
    }
    let content = store::content(tx, id).await?.ok_or_else(|| Problem::missing("statement"))?;
    Ok((s.into(), content))
}

/// The content's lines as CSV: one row per line and adjustment, amounts in units.
pub fn csv(content: &str) -> Result<String> {
    let v: serde_json::Value = serde_json::from_str(content)?;
    let currency = v
        .get("currency")
        .and_then(serde_json::Value::as_str)
        .and_then(|c| Currency::parse(c).ok())
        .ok_or_else(|| Problem::bug("statement_unreadable", "a statement without currency"))?;
    let mut out = String::from("section,id,value_date,booked,deal,client,symbol,level,lots,amount,currency,reason,rule,corrects\n");
    for section in ["lines", "adjustments"] {
        for l in v.get(section).and_then(serde_json::Value::as_array).into_iter().flatten() {
            let text = |k: &str| match l.get(k) {
                Some(serde_json::Value::String(s)) => s.clone(),
                Some(serde_json::Value::Null) | None => String::new(),
                Some(v) => v.to_string(),
            };
            let int = |k: &str| l.get(k).and_then(serde_json::Value::as_i64).unwrap_or_default();
            let amount = qd_kernel::Amount::new(int("minor"), currency).text();
            let fields = [
                section.to_string(),
                text("id"),
                text("value_date"),
                text("booked"),
                text("deal"),
                text("client"),
                text("symbol"),
                text("level"),
                Lots(int("lots")).text(),
                amount,
                currency.to_string(),
                text("reason"),
                text("rule"),
                text("corrects"),
            ];
            out.push_str(&fields.iter().map(|f| csv_field(f)).collect::<Vec<_>>().join(","));
            out.push('\n');
        }
    }
    Ok(out)
}

/// Quoted where needed; what a spreadsheet would run as a formula begins with an apostrophe. A
/// number below zero is one.
fn csv_field(f: &str) -> String {
    let number = f
        .strip_prefix('-')
        .is_some_and(|r| !r.is_empty() && r.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    let f = if !number && f.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{f}")
    } else {
        f.to_string()
    };
    if f.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", f.replace('"', "\"\""))
    } else {
        f
    }
}
