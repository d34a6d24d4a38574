//! What a deposit looks like to its client and to staff, and where its money is.

use super::attempt::{AttemptView, shown};
use super::{DepositState, load};
use crate::status::{Step, StepState, at};
use crate::store::{self, DepositFilter, DepositRow};
use crate::{DepositId, known, purpose, whose};
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Page, PageRequest, Result, Ts};
use qd_ports::psp::Instrument;
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_trading::moves;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Deposit)]
pub struct DepositView {
    pub id: DepositId,
    pub client_id: String,
    pub entity: String,
    pub account_id: Option<String>,
    pub method: String,
    /// Which provider connection it goes through.
    pub connection: String,
    pub amount: Amount,
    pub received: Option<Amount>,
    pub returned: Amount,
    pub state: DepositState,
    /// Send the client here while the state is `redirected`.
    pub redirect_url: Option<String>,
    pub provider_ref: Option<String>,
    pub payment_ref: Option<String>,
    pub failure_code: Option<String>,
    /// Another card or method may work.
    pub try_another: bool,
    pub first_deposit: bool,
    pub held_reason: Option<String>,
    pub dispute_state: Option<String>,
    /// How it was paid; None until the provider has said.
    pub instrument: Option<Instrument>,
    pub steps: Vec<Step>,
    /// Each try to be paid, the oldest first: one connection and one payment each.
    pub attempts: Vec<AttemptView>,
    /// The deposit of which this is a second payment.
    pub second_of: Option<DepositId>,
    pub created_at_us: Ts,
    pub received_at_us: Option<Ts>,
    pub posted_at_us: Option<Ts>,
    pub version: i64,
}

pub(super) async fn view(tx: &mut Tx, core: &Core, d: DepositRow) -> Result<DepositView> {
    let steps = steps(tx, core, &d).await?;
    let attempts: Vec<AttemptView> = store::attempts(tx, d.id).await?.into_iter().map(shown).collect();
    let second_of = if attempts.is_empty() {
        store::attempt_that_became(tx, d.id).await?.map(|a| a.deposit_id)
    } else {
        None
    };
    Ok(DepositView {
        steps,
        attempts,
        second_of,
        amount: Amount::new(d.amount_minor, d.currency),
        received: (d.received_minor > 0).then(|| Amount::new(d.received_minor, d.currency)),
        returned: Amount::new(d.returned_minor, d.currency),
        id: d.id,
        client_id: d.client_id,
        entity: d.entity,
        account_id: d.account_id,
        method: d.method,
        connection: d.connection,
        state: d.state,
        redirect_url: d.redirect_url.filter(|_| d.state == DepositState::Redirected),
        provider_ref: d.provider_ref,
        payment_ref: d.payment_ref,
        failure_code: d.failure_code,
        try_another: d.soft_failure,
        first_deposit: d.first_deposit,
        held_reason: d.held_reason,
        dispute_state: d.dispute_state,
        instrument: d.instrument.and_then(|t| serde_json::from_str(&t).ok()),
        created_at_us: d.created_at,
        received_at_us: d.received_at,
        posted_at_us: d.posted_at,
        version: d.version,
    })
}

/// The same steps for everybody who looks.
async fn steps(tx: &mut Tx, core: &Core, d: &DepositRow) -> Result<Vec<Step>> {
    use DepositState as S;
    let reached = match d.state {
        S::Created => 0,
        S::Redirected => 1,
        S::Pending => 2,
        S::Held | S::Refunding | S::Refunded => 3,
        S::Succeeded => 4,
        S::Posted => 5,
        S::Failed | S::Expired | S::Cancelled => {
            let mut s = vec![Step::new("deposit.requested", StepState::Done).at(Some(d.created_at))];
            let key = match d.state {
                S::Expired => "deposit.expired",
                S::Cancelled => "deposit.cancelled",
                _ => "deposit.failed",
            };
            s.push(
                Step::new(key, StepState::Failed)
                    .at(Some(d.changed_at))
                    .because(d.failure_code.clone()),
            );
            return Ok(s);
        }
    };
    let mut out = vec![
        Step::new("deposit.requested", at(reached, 0))
            .at(Some(d.created_at))
            .expect(3, "provider"),
        Step::new("deposit.pay_at_provider", at(reached, 1)).expect(180, "client"),
        Step::new("deposit.confirmed_by_provider", at(reached, 2)).expect(60, "provider"),
    ];
    if d.state == S::Held {
        out.push(
            Step::new("deposit.checked", StepState::Current)
                .at(d.received_at)
                .expect(4 * 3_600, "finance")
                .because(d.held_reason.clone()),
        );
    } else if d.held_reason.is_some() {
        out.push(Step::new("deposit.checked", StepState::Done));
    }
    if matches!(d.state, S::Refunding | S::Refunded) {
        let done = d.state == S::Refunded;
        let state = if done { StepState::Done } else { StepState::Current };
        out.push(
            Step::new("deposit.given_back", state)
                .at(done.then_some(d.changed_at))
                .expect(3 * 86_400, "provider"),
        );
        return Ok(out);
    }
    out.push(
        Step::new("deposit.in_wallet", if reached >= 4 { StepState::Done } else { StepState::Waiting })
            .at(d.received_at.filter(|_| reached >= 4)),
    );
    if d.account_id.is_some() {
        let m = moves::by_purpose(tx, core, &purpose("deposit", d.id)).await?;
        let state = match d.state {
            S::Posted if d.left_in_wallet => StepState::Failed,
            S::Posted => StepState::Done,
            S::Succeeded => StepState::Current,
            _ => StepState::Waiting,
        };
        let mut s = Step::new("deposit.on_trading_account", state).at(d.posted_at).expect(5, "platform");
        if state == StepState::Failed {
            s.detail = Some("deposit.left_in_wallet".into());
        }
        if let Some(m) = m.filter(|_| state == StepState::Current) {
            s.detail = Some(match m.state {
                qd_trading::MoveState::Refused => {
                    s.waiting_for = Some("finance");
                    s.expected_s = Some(3_600);
                    "deposit.platform_refused".into()
                }
                _ => format!("deposit.sent_waiting:{}", m.waiting_s.unwrap_or(0)),
            });
        }
        out.push(s);
    }
    Ok(out)
}

pub(super) async fn scoped(tx: &mut Tx, caller: &Caller, id: DepositId) -> Result<DepositRow> {
    let d = load(tx, id).await?;
    known(caller, Right::DepositsView, "deposit", &d.client_id, &d.entity)?;
    Ok(d)
}

pub async fn get(tx: &mut Tx, core: &Core, caller: &Caller, id: DepositId) -> Result<DepositView> {
    let d = scoped(tx, caller, id).await?;
    view(tx, core, d).await
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct DepositQuery {
    pub client_id: Option<String>,
    pub state: Option<DepositState>,
    pub connection: Option<String>,
}

/// For staff by right and entity; a client sees their own.
pub async fn list(tx: &mut Tx, core: &Core, caller: &Caller, q: DepositQuery, page: &PageRequest) -> Result<Page<DepositView>> {
    let of = whose(caller, Right::DepositsView, q.client_id)?;
    let f = DepositFilter {
        entities: of.entities,
        client_id: of.client_id,
        state: q.state,
        connection: q.connection.filter(|_| !of.own),
    };
    let rows = page.finish(store::list_deposits(tx, &f, page).await?, |d| d.id.to_string());
    let mut items = Vec::with_capacity(rows.items.len());
    for d in rows.items {
        items.push(view(tx, core, d).await?);
    }
    Ok(Page {
        items,
        next_cursor: rows.next_cursor,
    })
}

/// The first deposit of a client, for the record: amount, time, provider and its reference.
pub async fn first_of(tx: &mut Tx, core: &Core, client_id: &str) -> Result<Option<DepositView>> {
    match store::first_received(tx, client_id).await? {
        None => Ok(None),
        Some(d) => view(tx, core, d).await.map(Some),
    }
}

/// How many were asked for in a period. An id holds the time it was made.
pub async fn made_between(tx: &mut Tx, entities: Option<&[String]>, from: Ts, until: Ts) -> Result<i64> {
    let at = |t: Ts| DepositId::from_body(u128::from(u64::try_from(t.millis()).unwrap_or(0)) << 80);
    store::deposits_made(tx, entities, at(from), at(until)).await
}

/// What a deposit was in money: for who reckons with a client's deposits.
#[derive(Clone, Debug)]
pub struct Money {
    pub id: DepositId,
    /// When the provider said so.
    pub at: Ts,
    pub received: Amount,
    /// As a whole, by a person of the house; what withdrawals return is not that.
    pub given_back: bool,
    pub fee: Option<Amount>,
    /// The same for the same card.
    pub card: Option<String>,
}

/// All money a client ever paid in and could use, oldest first. Asks no right: it is for use cases
/// that have asked theirs.
pub async fn money_of(tx: &mut Tx, client_id: &str) -> Result<Vec<Money>> {
    let f = DepositFilter {
        entities: None,
        client_id: Some(client_id.to_string()),
        state: None,
        connection: None,
    };
    let mut out = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = PageRequest::new(Some(200), cursor.as_deref())?;
        let rows = page.finish(store::list_deposits(tx, &f, &page).await?, |d| d.id.to_string());
        for d in rows.items {
            let given_back = matches!(d.state, DepositState::Refunding | DepositState::Refunded);
            let usable = matches!(d.state, DepositState::Succeeded | DepositState::Posted) || given_back;
            let Some(at) = d.received_at.filter(|_| usable && d.received_minor > 0) else {
                continue;
            };
            let card = d.instrument.as_deref().and_then(|t| serde_json::from_str::<Instrument>(t).ok());
            out.push(Money {
                id: d.id,
                at,
                received: Amount::new(d.received_minor, d.currency),
                given_back,
                fee: d
                    .fee_minor
                    .zip(d.fee_currency)
                    .and_then(|(m, c)| Some(Amount::new(m, Currency::parse(&c).ok()?))),
                card: card.and_then(|c| c.fingerprint),
            });
        }
        cursor = rows.next_cursor;
        if cursor.is_none() {
            out.reverse();
            return Ok(out);
        }
    }
}
