//! What staff and the partner see: clients, volume, earnings, and the story of each line.

use crate::attribution::{Model, ShareState};
use crate::booking::LineKind;
use crate::ids::{CorrectionId, LineId, PartnerId, StatementId};
use crate::partner::{allowed, mine};
use crate::payouts::payable;
use crate::store::{attribution, lines as store};
use qd_db::Tx;
use qd_kernel::{Currency, Lots, Page, PageRequest, Problem, Result, Ts, page::join_key, text_enum};
use qd_ledger::EntryId;
use qd_runtime::access::{Caller, Right};
use serde::Serialize;
use serde_json::Value;

pub use crate::store::lines::LineFilter;

text_enum!(
    /// Where a line stands.
    LineState as CommissionLineState {
        /// Pays, and is on no statement yet.
        Open = "open",
        /// Pays, and is on a closed statement.
        Stated = "stated",
        /// Pays nothing, for its reason.
        Zero = "zero",
    }
);

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CommissionLine)]
pub struct LineView {
    pub id: LineId,
    pub partner_id: PartnerId,
    pub kind: LineKind,
    pub state: LineState,
    pub server: String,
    pub ticket: String,
    pub revision: i64,
    pub level: i64,
    pub client_id: String,
    pub symbol: String,
    pub product_group: Option<String>,
    /// Standard lots paid on, 100 000 000 to the lot.
    pub lots: Lots,
    pub minor: i64,
    pub currency: Currency,
    pub reason: Option<String>,
    pub plan_id: Option<String>,
    pub plan_version: Option<i64>,
    pub rule_id: Option<String>,
    /// The story of the line: enough to work the amount out again by hand.
    #[schema(value_type = crate::engine::explain::Explanation)]
    pub explanation: Value,
    pub reverses: Option<LineId>,
    pub entry_id: Option<EntryId>,
    pub statement_id: Option<StatementId>,
    #[serde(rename = "value_at_us")]
    pub value_at: Ts,
    #[serde(rename = "booked_at_us")]
    pub booked_at: Ts,
    /// The correction it belongs to.
    pub batch_id: Option<CorrectionId>,
    /// The client who gets it, where that is not the partner.
    pub beneficiary: Option<String>,
}

impl From<store::LineRow> for LineView {
    fn from(l: store::LineRow) -> Self {
        LineView {
            id: l.id,
            partner_id: l.partner_id,
            state: match (&l.reason, l.statement_id) {
                (Some(_), _) => LineState::Zero,
                (None, Some(_)) => LineState::Stated,
                (None, None) => LineState::Open,
            },
            kind: l.kind,
            server: l.server,
            ticket: l.ticket,
            revision: l.revision,
            level: l.level,
            client_id: l.client_id,
            symbol: l.symbol,
            product_group: l.product_group,
            lots: l.lots,
            minor: l.minor,
            currency: l.currency,
            reason: l.reason,
            plan_id: l.plan_id,
            plan_version: l.plan_version,
            rule_id: l.rule_id,
            explanation: l.explanation,
            reverses: l.reverses,
            entry_id: l.entry_id,
            statement_id: l.statement_id,
            value_at: l.value_at,
            booked_at: l.booked_at,
            batch_id: l.batch_id,
            beneficiary: l.beneficiary,
        }
    }
}

/// What a partner has in one currency, live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerMoney)]
pub struct Money {
    pub currency: Currency,
    /// All lines ever.
    pub earned_minor: i64,
    pub paid_minor: i64,
    /// The ledger's balance of what we owe; less what payouts hold.
    pub payable_minor: i64,
    pub available_minor: i64,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerDay)]
pub struct Day {
    /// Days since 1970, UTC, of the value date.
    pub day: i64,
    pub currency: Currency,
    pub lots: Lots,
    pub deals: i64,
    pub minor: i64,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerSummary)]
pub struct Summary {
    pub partner_id: PartnerId,
    pub clients: i64,
    pub money: Vec<Money>,
    pub days: Vec<Day>,
}

/// A partner's client, by pseudonym: who it is, is another crate's to show or to mask.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerClient)]
pub struct ClientLine {
    pub client_id: String,
    /// For staff who see who partners' clients are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    #[serde(rename = "since_us")]
    pub since: Ts,
    pub state: ShareState,
    pub model: Model,
    pub lots: Lots,
    pub deals: i64,
    #[serde(rename = "last_deal_at_us")]
    pub last_deal_at: Option<Ts>,
}

/// For staff; `from` and `to` are value dates, both included in whole days.
pub async fn summary(tx: &mut Tx, caller: &Caller, partner: PartnerId, from: Ts, to: Ts) -> Result<Summary> {
    allowed(tx, caller, Right::CommissionView, partner).await?;
    summary_of(tx, partner, from, to).await
}

pub async fn my_summary(tx: &mut Tx, caller: &Caller, from: Ts, to: Ts) -> Result<Summary> {
    let me = mine(tx, caller).await?;
    summary_of(tx, me.id, from, to).await
}

async fn summary_of(tx: &mut Tx, partner: PartnerId, from: Ts, to: Ts) -> Result<Summary> {
    let day = |t: Ts| t.micros().div_euclid(86_400_000_000);
    let mut money = Vec::new();
    for p in store::purses(tx, partner).await? {
        let b = qd_ledger::balance(tx, &payable(partner, p.currency)).await?;
        money.push(Money {
            currency: p.currency,
            earned_minor: p.booked_minor,
            paid_minor: p.paid_minor,
            payable_minor: b.balance_minor,
            available_minor: b.available_minor,
        });
    }
    let days = store::days(tx, partner, day(from), day(to)).await?;
    Ok(Summary {
        partner_id: partner,
        clients: attribution::count_clients(tx, partner).await?,
        money,
        days: days
            .into_iter()
            .map(|d| Day {
                day: d.day,
                currency: d.currency,
                lots: d.lots,
                deals: d.deals,
                minor: d.minor,
            })
            .collect(),
    })
}

/// For staff: a partner's, or without one those of all partners of the entities the caller may enter.
pub async fn lines(tx: &mut Tx, caller: &Caller, filter: &LineFilter, page: &PageRequest) -> Result<Page<LineView>> {
    let mut filter = filter.clone();
    match filter.partner_id {
        Some(p) => {
            allowed(tx, caller, Right::CommissionView, p).await?;
        }
        None => {
            caller.require(Right::CommissionView)?;
            filter.entities = caller.allowed_entities();
        }
    }
    page_of(tx, &filter, page).await
}

/// The partner's own lines, zero lines with their reasons included.
pub async fn my_lines(tx: &mut Tx, caller: &Caller, filter: LineFilter, page: &PageRequest) -> Result<Page<LineView>> {
    let me = mine(tx, caller).await?;
    let mut page = page_of(
        tx,
        &LineFilter {
            partner_id: Some(me.id),
            ..filter
        },
        page,
    )
    .await?;
    page.items.iter_mut().for_each(keep_upline_private);
    Ok(page)
}

/// Who stands above a partner, and how far up it goes, is not the partner's to read.
fn keep_upline_private(l: &mut LineView) {
    let me = l.partner_id.to_string();
    if let Some(path) = l.explanation.get_mut("path").and_then(Value::as_array_mut) {
        let mine = path.iter().position(|p| p.as_str() == Some(&me));
        path.truncate(mine.map_or(0, |at| at + 1));
    }
}

async fn page_of(tx: &mut Tx, filter: &LineFilter, page: &PageRequest) -> Result<Page<LineView>> {
    let rows = store::lines(tx, filter, page).await?;
    Ok(page.finish(rows.into_iter().map(LineView::from).collect(), |l: &LineView| {
        join_key(&[&l.booked_at.micros().to_string(), &l.id.to_string()])
    }))
}

/// One line with its story, for staff of the entity and for the partner whose it is.
pub async fn line(tx: &mut Tx, caller: &Caller, id: LineId) -> Result<LineView> {
    let l = store::line(tx, id).await?.ok_or_else(|| Problem::missing("commission line"))?;
    if caller.may(Right::CommissionView) {
        allowed(tx, caller, Right::CommissionView, l.partner_id).await?;
        return Ok(l.into());
    }
    if mine(tx, caller).await?.id != l.partner_id {
        return Err(Problem::missing("commission line"));
    }
    let mut v = LineView::from(l);
    keep_upline_private(&mut v);
    Ok(v)
}

/// A partner's present clients, newest first.
pub async fn clients(tx: &mut Tx, caller: &Caller, partner: PartnerId, page: &PageRequest) -> Result<Page<ClientLine>> {
    allowed(tx, caller, Right::PartnersView, partner).await?;
    clients_of(tx, partner, page).await
}

pub async fn my_clients(tx: &mut Tx, caller: &Caller, page: &PageRequest) -> Result<Page<ClientLine>> {
    let me = mine(tx, caller).await?;
    clients_of(tx, me.id, page).await
}

async fn clients_of(tx: &mut Tx, partner: PartnerId, page: &PageRequest) -> Result<Page<ClientLine>> {
    let rows = attribution::clients(tx, partner, page).await?;
    let rows = rows
        .into_iter()
        .map(|c| ClientLine {
            client_id: c.client_id,
            name: None,
            since: c.from_at,
            state: c.state,
            model: c.model,
            lots: Lots(c.lots),
            deals: c.deals,
            last_deal_at: c.last_at,
        })
        .collect();
    Ok(page.finish(rows, |c: &ClientLine| join_key(&[&c.since.micros().to_string(), &c.client_id])))
}
