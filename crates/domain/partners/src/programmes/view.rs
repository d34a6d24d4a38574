//! What staff and the partner see of the programmes.

use super::months::{ClosedMonth, name};
use crate::engine::Tested;
use crate::engine::cpa::{CpaState, Qualified};
use crate::exact::Exact;
use crate::ids::PartnerId;
use crate::partner::{allowed, mine};
use crate::store::programmes as store;
use qd_db::Tx;
use qd_kernel::{Currency, Page, PageRequest, Problem, Result, Ts};
use qd_runtime::access::{Caller, Right};
use serde::Serialize;

/// Where a client stands in the programme of a partner, with every figure that was looked at.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProgrammeStanding)]
pub struct Standing {
    pub client_id: String,
    pub partner_id: PartnerId,
    pub plan_id: String,
    pub plan_version: i64,
    pub state: CpaState,
    /// `no_first_deposit`, `first_deposit_open`, `first_deposit_small`, `lots_missing`, `kyc_missing`,
    /// `kyc_late`, `time_over`, `country_not_offered`, `already_paid`, `self_referral`, `own_account`,
    /// `moved`, `partner_suspended`, …; none on a qualified one.
    pub reason: Option<String>,
    pub tested: Vec<Tested>,
    /// The sum due, in units of `amount_currency`; 0 unless qualified.
    pub amount: String,
    pub amount_currency: Currency,
    /// First deposit, same currency.
    pub first_deposit: String,
    #[serde(rename = "qualified_at_us")]
    pub qualified_at: Option<Ts>,
    /// The deal that completed it, `server:ticket`.
    pub qualified_by: Option<String>,
    /// What stands booked for the partner, minor units of `currency`.
    pub booked_minor: i64,
    pub currency: Currency,
    /// Not payable before.
    #[serde(rename = "hold_until_us")]
    pub hold_until: Option<Ts>,
    /// Not payable until the identity is approved.
    pub kyc_before_payout: bool,
    /// What a person said about a client on hold.
    pub decided: Option<bool>,
    pub decided_by: Option<String>,
    /// Waits for this vote.
    pub approval_id: Option<String>,
    /// When time alone changes it.
    #[serde(rename = "due_at_us")]
    pub due_at: Option<Ts>,
    #[serde(rename = "changed_at_us")]
    pub changed_at: Ts,
}

fn text(fraction: &str) -> Result<String> {
    Exact::parse_fraction(fraction)
        .map(|e| e.to_string())
        .ok_or_else(|| Problem::bug("row_unreadable", "a standing holds no number"))
}

pub(super) fn standing_view(r: store::StandingRow) -> Result<Standing> {
    let q: Option<Qualified> = r.qualified.map(serde_json::from_value).transpose()?;
    Ok(Standing {
        amount: text(&r.amount)?,
        first_deposit: text(&r.ftd)?,
        tested: serde_json::from_value(r.tested)?,
        qualified_by: q.filter(|q| !q.ticket.is_empty()).map(|q| format!("{}:{}", q.server, q.ticket)),
        client_id: r.client_id,
        partner_id: r.partner_id,
        plan_id: r.plan_id,
        plan_version: r.plan_version,
        state: r.state,
        reason: r.reason,
        amount_currency: r.amount_currency,
        qualified_at: r.qualified_at,
        booked_minor: r.booked_minor,
        currency: r.currency,
        hold_until: r.hold_until,
        kyc_before_payout: r.kyc_before_payout,
        decided: r.decided,
        decided_by: r.decided_by,
        approval_id: r.approval_id,
        due_at: r.due_at,
        changed_at: r.changed_at,
    })
}

/// What the partner sees of a client: no name, nothing of what is shared or decided.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MyProgrammeStanding)]
pub struct MyStanding {
    pub client_id: String,
    pub state: CpaState,
    pub reason: Option<String>,
    pub tested: Vec<Tested>,
    pub amount: String,
    pub amount_currency: Currency,
    #[serde(rename = "qualified_at_us")]
    pub qualified_at: Option<Ts>,
    pub booked_minor: i64,
    pub currency: Currency,
    #[serde(rename = "hold_until_us")]
    pub hold_until: Option<Ts>,
    #[serde(rename = "changed_at_us")]
    pub changed_at: Ts,
}

impl From<Standing> for MyStanding {
    fn from(s: Standing) -> MyStanding {
        // Who is suspected of what, and whose other record it is, is not told.
        let told = |t: &Tested| !matches!(t.what.as_str(), "shared with the partner" | "paid for this person" | "identity");
        MyStanding {
            reason: s.reason.map(|r| if r == "self_referral" { "under_review".to_string() } else { r }),
            tested: s.tested.into_iter().filter(told).collect(),
            client_id: s.client_id,
            state: s.state,
            amount: s.amount,
            amount_currency: s.amount_currency,
            qualified_at: s.qualified_at,
            booked_minor: s.booked_minor,
            currency: s.currency,
            hold_until: s.hold_until,
            changed_at: s.changed_at,
        }
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProgrammeCount)]
pub struct Count {
    pub state: CpaState,
    pub clients: i64,
}

/// What a month below zero left, by plan; `client_id` set where a client carries alone.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProgrammeCarry)]
pub struct Carried {
    pub plan_id: String,
    pub client_id: String,
    pub currency: Currency,
    /// 0 or below, in revenue: before the share.
    pub carry: String,
    /// Sums per client still to be earned back by the share.
    pub recoup: String,
    /// `2026-03`: as of the close of.
    pub month: String,
}

/// A client set apart.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProgrammeQuarantine)]
pub struct Apart {
    pub client_id: String,
    pub from_month: String,
    /// Not included.
    pub to_month: Option<String>,
    pub reason: String,
    pub made_by: String,
    #[serde(rename = "made_at_us")]
    pub made_at: Ts,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProgrammeOverview)]
pub struct Overview {
    pub partner_id: PartnerId,
    pub counts: Vec<Count>,
    /// Booked for clients and not payable yet, minor units of `currency`.
    pub held_minor: i64,
    pub currency: Currency,
    pub carry: Vec<Carried>,
    /// The newest first.
    pub months: Vec<ClosedMonth>,
    pub quarantines: Vec<Apart>,
}

const MONTHS: i64 = 36;

async fn of_partner(tx: &mut Tx, partner: PartnerId, currency: Currency, now: Ts) -> Result<Overview> {
    let counts = store::counts(tx, partner).await?;
    let rows = store::months(tx, partner, MONTHS).await?;
    let mut carry: Vec<Carried> = Vec::new();
    for r in &rows {
        let seen = carry.iter().any(|c| c.plan_id == r.plan_id && c.client_id == r.client_id);
        if !seen {
            carry.push(Carried {
                plan_id: r.plan_id.clone(),
                client_id: r.client_id.clone(),
                currency: r.currency,
                carry: text(&r.carry_out)?,
                recoup: text(&r.recoup)?,
                month: name(r.month),
            });
        }
    }
    let quarantines = store::quarantines(tx, partner).await?;
    Ok(Overview {
        partner_id: partner,
        counts: counts.into_iter().map(|(state, clients)| Count { state, clients }).collect(),
        held_minor: store::held(tx, partner, currency, now).await?,
        currency,
        carry,
        months: rows.into_iter().map(ClosedMonth::try_from).collect::<Result<_>>()?,
        quarantines: quarantines
            .into_iter()
            .map(|q| Apart {
                client_id: q.client_id,
                from_month: name(q.from_month),
                to_month: q.to_month.map(name),
                reason: q.reason,
                made_by: q.made_by,
                made_at: q.made_at,
            })
            .collect(),
    })
}

/// Counts, what is held, what is carried, closed months. Needs `commission.view`.
pub async fn overview(tx: &mut Tx, caller: &Caller, partner: PartnerId, now: Ts) -> Result<Overview> {
    let p = allowed(tx, caller, Right::CommissionView, partner).await?;
    of_partner(tx, partner, p.currency, now).await
}

/// The partner's own, with a page of clients; who they are is not told.
pub async fn my_overview(tx: &mut Tx, caller: &Caller, page: &PageRequest, now: Ts) -> Result<(Overview, Page<MyStanding>)> {
    let me = mine(tx, caller).await?;
    let mut o = of_partner(tx, me.id, me.currency, now).await?;
    // Why and by whom is the house's.
    o.quarantines.clear();
    let clients = page_of(tx, me.id, None, page).await?;
    let items = clients.items.into_iter().map(MyStanding::from).collect();
    Ok((
        o,
        Page {
            items,
            next_cursor: clients.next_cursor,
        },
    ))
}

/// The clients of a partner's programme, by id. Needs `commission.view`.
pub async fn standings(
    tx: &mut Tx,
    caller: &Caller,
    partner: PartnerId,
    state: Option<CpaState>,
    page: &PageRequest,
) -> Result<Page<Standing>> {
    allowed(tx, caller, Right::CommissionView, partner).await?;
    page_of(tx, partner, state, page).await
}

async fn page_of(tx: &mut Tx, partner: PartnerId, state: Option<CpaState>, page: &PageRequest) -> Result<Page<Standing>> {
    let parts = page.after_parts();
    let after = parts.as_deref().and_then(|p| p.first().copied()).unwrap_or("").to_string();
    let rows = store::standings_of(tx, partner, state, &after, page.fetch()).await?;
    let items = rows.into_iter().map(standing_view).collect::<Result<_>>()?;
    Ok(page.finish(items, |s: &Standing| qd_kernel::page::join_key(&[&s.client_id])))
}

/// Where a client stands with each partner it was brought by, for the client's file.
pub async fn of_client(tx: &mut Tx, caller: &Caller, client: &str) -> Result<Vec<Standing>> {
    caller.require(Right::PartnersView)?;
    store::standings(tx, client).await?.into_iter().map(standing_view).collect()
}
