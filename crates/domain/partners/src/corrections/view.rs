//! Corrections as staff see them.

use super::{Correction, CorrectionState, Figures, run};
use crate::booking::LineKind;
use crate::ids::{CorrectionId, LineId, PartnerId, StatementId};
use crate::partner::allowed;
use crate::store::corrections::{self as store, CorrectionRow};
use qd_db::Tx;
use qd_kernel::{Currency, Page, PageRequest, Problem, Result, page::join_key};
use qd_runtime::access::{Caller, Right};
use serde::Serialize;

pub(super) async fn row(tx: &mut Tx, caller: &Caller, right: Right, id: CorrectionId) -> Result<CorrectionRow> {
    caller.require(right)?;
    let c = store::get(tx, id).await?.ok_or_else(|| Problem::missing("correction"))?;
    if caller.enters(c.entity.as_deref()) {
        Ok(c)
    } else {
        Err(Problem::missing("correction"))
    }
}

/// A correction with what its lines moved so far. Needs `commission.view`.
pub async fn get(tx: &mut Tx, caller: &Caller, id: CorrectionId) -> Result<(Correction, Figures)> {
    let c = row(tx, caller, Right::CommissionView, id).await?;
    let mut done = Figures {
        deals_seen: c.deals_seen,
        deals_changed: c.deals_changed,
        ..Figures::default()
    };
    if matches!(c.state, CorrectionState::Applying | CorrectionState::Applied) {
        run::figures(tx, id, &mut done).await?;
    }
    Ok((Correction::of(c)?, done))
}

/// Newest first. Needs `commission.view`.
pub async fn list(
    tx: &mut Tx,
    caller: &Caller,
    state: Option<CorrectionState>,
    subject: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Correction>> {
    caller.require(Right::CommissionView)?;
    let rows = store::list(tx, caller.allowed_entities().as_deref(), state, subject, page).await?;
    let items = rows.into_iter().map(Correction::of).collect::<Result<Vec<_>>>()?;
    Ok(page.finish(items, |c: &Correction| {
        join_key(&[&c.prepared_at_us.to_string(), &c.id.to_string()])
    }))
}

/// After a correction about a client's partner: whose client it is now.
pub async fn client_now(tx: &mut Tx, c: &Correction) -> Result<Option<(String, Option<PartnerId>)>> {
    let super::Request::ClientMoved { client_id, .. } = &c.request else {
        return Ok(None);
    };
    let open = crate::store::attribution::open(tx, client_id).await?;
    Ok(Some((client_id.clone(), open.and_then(|o| o.partner_id))))
}

/// A line that was booked after the period of its value date was closed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ClosedPeriodChange)]
pub struct ClosedChange {
    pub line_id: LineId,
    pub kind: LineKind,
    pub partner_id: PartnerId,
    pub partner_name: String,
    /// Empty for a line about a whole period.
    pub client_id: String,
    pub server: String,
    pub ticket: String,
    pub minor: i64,
    pub currency: Currency,
    /// The closed statement, which stays as it is.
    pub statement_id: StatementId,
    pub statement_number: i64,
    pub period_from_us: i64,
    pub period_to_us: i64,
    pub value_at_us: i64,
    pub booked_at_us: i64,
    /// `late_deal`, `deal_edited`, `deal_cancelled`, `tier_changed`, `correction`, or the line's kind.
    pub cause: &'static str,
    pub batch_id: Option<CorrectionId>,
    /// Of the correction, or of the deal.
    pub reason: Option<String>,
}

fn cause(r: &store::ClosedRow) -> &'static str {
    if r.batch_id.is_some() {
        return "correction";
    }
    match r.kind {
        LineKind::TrueUp => "tier_changed",
        LineKind::Reversal if r.deal_reason.as_deref() == Some("deal_cancelled") => "deal_cancelled",
        LineKind::Reversal => "deal_edited",
        LineKind::Accrual | LineKind::Rebate if r.revision <= 1 => "late_deal",
        LineKind::Accrual | LineKind::Rebate => "deal_edited",
        LineKind::Adjustment => "adjustment",
        LineKind::Cpa => "cpa",
        LineKind::RevenueShare => "revenue_share",
        LineKind::Clawback => "clawback",
    }
}

/// What was booked for closed periods since they were closed, newest first. Needs `commission.view`.
pub async fn closed_changes(
    tx: &mut Tx,
    caller: &Caller,
    partner: Option<PartnerId>,
    statement: Option<StatementId>,
    page: &PageRequest,
) -> Result<Page<ClosedChange>> {
    caller.require(Right::CommissionView)?;
    if let Some(p) = partner {
        allowed(tx, caller, Right::CommissionView, p).await?;
    }
    let rows = store::closed_changes(tx, caller.allowed_entities().as_deref(), partner, statement, page).await?;
    let items: Vec<ClosedChange> = rows
        .into_iter()
        .map(|r| ClosedChange {
            cause: cause(&r),
            line_id: r.line_id,
            kind: r.kind,
            partner_id: r.partner_id,
            partner_name: r.partner_name,
            client_id: r.client_id,
            server: r.server,
            ticket: r.ticket,
            minor: r.minor,
            currency: r.currency,
            statement_id: r.statement_id,
            statement_number: r.number,
            period_from_us: r.period_from.micros(),
            period_to_us: r.period_to.micros(),
            value_at_us: r.value_at.micros(),
            booked_at_us: r.booked_at.micros(),
            batch_id: r.batch_id,
            reason: r.batch_reason.or(r.deal_reason),
        })
        .collect();
    Ok(page.finish(items, |c: &ClosedChange| {
        join_key(&[&c.booked_at_us.to_string(), &c.line_id.to_string()])
    }))
}
