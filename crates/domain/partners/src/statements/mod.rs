//! Statements: a period of a partner, closed once and for all.
//!
//! A closed statement is a text (canonical JSON, fields in a fixed order) with its SHA-256, kept as
//! it was written. What comes later with an earlier value date (a late deal, a correction) lands on
//! the next one, as an adjustment.

pub mod calendar;
mod content;
mod csv;
mod floor;
pub mod invoices;

pub use calendar::Calendar;
pub use csv::csv;

use crate::booking::SETTINGS;
use crate::engine::Settings;
use crate::ids::{PartnerId, StatementId};
use crate::partner::{allowed, mine};
use crate::payouts::PayoutState;
use crate::payouts::terms::{Invoicing, Terms, TermsCache};
use crate::store::partners::PartnerRow;
use crate::store::{lines, payouts, statements as store};
use qd_db::Tx;
use qd_kernel::{Currency, Page, PageRequest, Problem, Result, Ts, page::join_key};
use qd_ledger::{AccountKey, Purpose};
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::{Core, settings};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

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

/// Closes the period that ends at `to` for one partner and currency. It begins where the last one
/// ended. Needs `statements.close`.
///
/// Errors: `period_not_over`, `period_closed`, `deals_stopped` (a deal of the time waits for
/// something that is missing: nothing is closed over an unexplained trade), `ledger_differs`.
pub async fn close(tx: &mut Tx, core: &Core, caller: &Caller, partner: PartnerId, currency: Currency, to: Ts) -> Result<Statement> {
    let p = allowed(tx, caller, Right::StatementsClose, partner).await?;
    if to > core.now() {
        return Err(Problem::invalid("to", "period_not_over", "expected a time that has passed"));
    }
    let waiting = lines::count_stopped_before(tx, to).await?;
    if waiting > 0 {
        return Err(Problem::conflict(
            "deals_stopped",
            format!("{waiting} deals before the end of the period wait for something that is missing"),
        ));
    }
    let (terms, _) = TermsCache::default().of(tx, partner, &p.entity).await?;
    let settings = settings::for_entity::<Settings>(tx, &p.entity, SETTINGS).await?.unwrap_or_default();
    close_one(tx, core, caller, &p, &terms, &settings, currency, to).await
}

/// Like [`close`], for whoever has asked for the right, looked for stopped deals and knows the terms.
#[allow(clippy::too_many_arguments, reason = "what is read once for many partners")]
pub(crate) async fn close_one(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    p: &PartnerRow,
    terms: &Terms,
    settings: &Settings,
    currency: Currency,
    to: Ts,
) -> Result<Statement> {
    let partner = p.id;
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
    agree_with_ledger(tx, partner, currency, &purse).await?;
    let mut open = lines::open_lines(tx, partner, currency, to).await?;
    let moved = payouts::unstated(tx, partner, currency, to).await?;
    let (mut paid, mut returned, mut content_payouts) = (Vec::new(), Vec::new(), Vec::new());
    for m in &moved {
        if let Some(at) = m.paid_at.filter(|at| *at < to && m.statement_id.is_none()) {
            paid.push(m.id);
            content_payouts.push(content::payout(m, "paid", at, -m.minor));
        }
        if let Some(at) = m
            .returned_at
            .filter(|at| *at < to && m.state == PayoutState::Returned && m.return_statement_id.is_none())
        {
            returned.push(m.id);
            content_payouts.push(content::payout(m, "returned", at, m.minor));
        }
    }
    let opening_minor = last.as_ref().map_or(0, |s| s.closing_minor);
    let before = opening_minor + content::payouts_minor(&content_payouts);
    if floor::lift(tx, core, p, currency, to, before, &open).await? {
        purse = lines::lock_purse(tx, partner, currency).await?;
        open = lines::open_lines(tx, partner, currency, to).await?;
    }
    let (period, adjust): (Vec<_>, Vec<_>) = open
        .iter()
        .partition(|l| !l.kind.corrects() && (last.is_none() || l.value_at >= from));
    let earlier = if adjust.is_empty() {
        Vec::new()
    } else {
        store::periods(tx, partner, currency).await?
    };
    let rebates = lines::open_rebates(tx, partner, currency, to).await?;
    let id = StatementId::new(&core.env);
    let number = last.as_ref().map_or(1, |s| s.number + 1);
    let invoice = (terms.invoicing == Invoicing::SelfBilling).then(|| format!("SB-{}-{currency}-{number}", &partner.to_string()[4..]));
    let made = content::make(
        content::Head {
            id,
            partner: p,
            currency,
            number,
            from,
            to,
            settings,
            terms,
            opening_minor,
            self_billing: invoice.as_deref(),
        },
        &open,
        &period,
        &adjust,
        &earlier,
        &rebates,
        content_payouts,
    )?;
    let row = store::StatementRow {
        id,
        partner_id: partner,
        currency,
        number,
        period_from: from,
        period_to: to,
        opening_minor,
        lines_minor: made.lines_minor,
        adjustments_minor: made.adjustments_minor,
        payouts_minor: made.payouts_minor,
        closing_minor: made.closing_minor,
        sha256: hex::encode(Sha256::digest(made.text.as_bytes())),
        closed_by: caller.id(),
        closed_at: core.now(),
    };
    store::insert(tx, &row, &made.text).await?;
    if lines::put_on_statement(tx, partner, currency, to, id).await? != (open.len() + rebates.len()) as u64 {
        return Err(Problem::unavailable(qd_db::RETRY, "a line went onto another statement in between"));
    }
    payouts::put_on_statement(tx, &paid, &returned, id).await?;
    purse.statements += 1;
    lines::write_purse(tx, partner, currency, &purse).await?;
    if let Some(number) = invoice {
        invoices::self_billing(tx, core, caller, &row, number).await?;
    }

    let after = json!({"statement": id, "number": number, "closing_minor": row.closing_minor, "currency": currency, "sha256": row.sha256});
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
            entity: Some(p.entity.clone()),
            payload: after,
        },
    )
    .await?;
    Ok(row.into())
}

/// What the partner is owed by the lines is what the ledger says, before anything is closed.
async fn agree_with_ledger(tx: &mut Tx, partner: PartnerId, currency: Currency, purse: &lines::PurseRow) -> Result<()> {
    let account = AccountKey::new(format!("partner:{partner}"), Purpose::CommissionPayable, currency);
    let ledger = qd_ledger::balance(tx, &account).await?.balance_minor;
    let ours = purse.booked_minor - purse.paid_minor;
    if ledger == ours {
        return Ok(());
    }
    Err(Problem::conflict(
        "ledger_differs",
        format!("the lines of {partner} less what was paid make {ours}, the ledger says {ledger}"),
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
