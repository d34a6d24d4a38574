//! How a withdrawal goes back: to the sources it came from, in the entity's order, the rest to an account
//! of the client's own; or as a person of finance chose within the same limits.

use super::{LegKind, PlannedLeg, RestTo, Source, SourceOrder, WithdrawalState, load, note, save, scoped, split_to_sources};
use crate::deposit::DepositState;
use crate::store::{self, DepositRow, PayoutTargetRow, WithdrawalRow};
use crate::{BankEntryId, ClientFacts, DepositId, PayoutTargetId, WithdrawalId, reason};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_ports::psp::Instrument;
use qd_runtime::access::{Caller, Right};
use qd_runtime::{Core, settings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Setting of the entity: `oldest`, `card_first` or `pro_rata`.
pub const ORDER: &str = "withdrawal.source_order";

/// A part as a person wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WithdrawalSplitPart)]
pub struct SplitPart {
    /// The deposit it returns to; without it to the client's own account.
    #[serde(default)]
    pub deposit_id: Option<String>,
    pub minor: i64,
}

pub(super) async fn plan_of(tx: &mut Tx, w: &WithdrawalRow) -> Result<Vec<PlannedLeg>> {
    let amount = Amount::new(w.amount_minor, w.currency);
    let sources = sources_of(tx, &w.client_id, amount).await?;
    let rest = rest_of(tx, &w.client_id, w.target_id).await?;
    if let Some(chosen) = &w.split {
        let parts: Vec<SplitPart> = serde_json::from_str(chosen)?;
        // What came back to a source since, or went there, counts: a split that fits no more gives way
        // to the rule's.
        if let Ok(legs) = chosen_legs(&parts, &sources, amount.minor) {
            return Ok(with_rest(legs, rest));
        }
    }
    let order = order(tx, &w.entity).await?;
    Ok(with_rest(split_to_sources(amount.minor, &sources, order), rest))
}

async fn order(tx: &mut Tx, entity: &str) -> Result<SourceOrder> {
    Ok(settings::for_entity(tx, entity, ORDER).await?.unwrap_or(SourceOrder::Oldest))
}

fn with_rest(legs: Vec<PlannedLeg>, rest: Option<RestTo>) -> Vec<PlannedLeg> {
    legs.into_iter()
        .map(|mut l| {
            if l.source.is_none() {
                l.rest.clone_from(&rest);
            }
            l
        })
        .collect()
}

async fn sources_of(tx: &mut Tx, client_id: &str, amount: Amount) -> Result<Vec<Source>> {
    let targets = store::targets_of(tx, client_id).await?;
    let mut can: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    let mut sources = Vec::new();
    for d in store::received_of(tx, client_id).await? {
        // Disputed money is already on its way back by another road.
        if d.currency != amount.currency || d.dispute_state.as_deref().is_some_and(|s| s != "won") {
            continue;
        }
        let Some(payment_ref) = d.payment_ref.clone() else { continue };
        let planned = store::refunds_planned(tx, &d.id.to_string()).await?;
        let left = d.received_minor - d.returned_minor - planned;
        // Held money is not the client's yet, and may have to go back by itself.
        if left <= 0 || !matches!(d.state, DepositState::Succeeded | DepositState::Posted) {
            continue;
        }
        if !can.contains_key(&d.connection) {
            let both = (
                store::can_refund(tx, &d.connection).await?,
                store::can_pay_out(tx, &d.connection).await?,
            );
            can.insert(d.connection.clone(), both);
        }
        let (refund, pay_out) = can.get(&d.connection).copied().unwrap_or((true, false));
        let to = way(&d, &payment_ref, refund, pay_out, &targets);
        if let Some((kind, target)) = to {
            sources.push(Source {
                deposit_id: d.id.to_string(),
                card: instrument(&d).is_some_and(|i| i.kind == "card"),
                connection: d.connection,
                payment_ref,
                refundable_minor: left,
                kind,
                target,
            });
        }
    }
    Ok(sources)
}

/// None: nothing can go back there, so that it goes with the rest.
fn way(
    d: &DepositRow,
    payment_ref: &str,
    refund: bool,
    pay_out: bool,
    targets: &[PayoutTargetRow],
) -> Option<(LegKind, Option<PayoutTargetId>)> {
    if refund {
        return Some((LegKind::Refund, None));
    }
    if BankEntryId::parse(payment_ref).is_ok() {
        return Some((LegKind::Bank, None));
    }
    let own = targets.iter().find(|t| t.connection.as_ref() == Some(&d.connection))?;
    pay_out.then_some((LegKind::Payout, Some(own.id)))
}

fn instrument(d: &DepositRow) -> Option<Instrument> {
    serde_json::from_str(d.instrument.as_deref()?).ok()
}

/// Where what exceeds the sources goes.
async fn rest_of(tx: &mut Tx, client_id: &str, chosen: Option<PayoutTargetId>) -> Result<Option<RestTo>> {
    let all = store::targets_of(tx, client_id).await?;
    let t = match chosen {
        Some(id) => store::target(tx, id).await?,
        None => all.into_iter().find(|t| t.connection.is_none() && t.name_matches),
    };
    Ok(t.map(|t| RestTo {
        kind: if t.connection.is_some() { LegKind::Payout } else { LegKind::Bank },
        method: t.method,
        connection: t.connection,
        target: t.id,
    }))
}

/// The legs of a person's split: all of the amount, to each source no more than is left of it.
fn chosen_legs(parts: &[SplitPart], sources: &[Source], amount_minor: i64) -> Result<Vec<PlannedLeg>> {
    let mut sum = 0i64;
    let mut rest = 0i64;
    let mut legs: Vec<PlannedLeg> = Vec::new();
    for (i, p) in parts.iter().enumerate() {
        if p.minor <= 0 {
            return Err(Problem::invalid(
                &format!("parts/{i}/minor"),
                "amount_not_positive",
                "expected an amount above zero",
            ));
        }
        sum = sum.saturating_add(p.minor);
        let Some(id) = &p.deposit_id else {
            rest = rest.saturating_add(p.minor);
            continue;
        };
        let at = format!("parts/{i}/deposit_id");
        let s = sources
            .iter()
            .find(|s| s.deposit_id == *id)
            .ok_or_else(|| Problem::invalid(&at, "source_unknown", "expected a deposit of this client that money can go back to"))?;
        if legs.iter().any(|l| l.source.as_ref().is_some_and(|o| o.deposit_id == *id)) {
            return Err(Problem::invalid(&at, "source_twice", "expected each deposit once"));
        }
        if p.minor > s.refundable_minor {
            return Err(Problem::invalid(
                &format!("parts/{i}/minor"),
                "more_than_came",
                format!("expected at most {} minor units, what is left of this deposit", s.refundable_minor),
            ));
        }
        legs.push(PlannedLeg {
            source: Some(s.clone()),
            rest: None,
            amount_minor: p.minor,
        });
    }
    if sum != amount_minor {
        return Err(Problem::invalid(
            "parts",
            "parts_differ_from_amount",
            format!("expected parts that make {amount_minor} minor units together"),
        ));
    }
    if rest > 0 {
        legs.push(PlannedLeg {
            source: None,
            rest: None,
            amount_minor: rest,
        });
    }
    Ok(legs)
}

/// Finance changes how it goes back, with a reason, before it is sent. An empty list gives it back to
/// the entity's rule.
pub async fn split(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId, parts: &[SplitPart], why: &str) -> Result<Vec<PlanView>> {
    caller.require(Right::WithdrawalsPayout)?;
    let why = reason(why)?;
    let mut w = scoped(tx, caller, id).await?;
    let early = matches!(
        w.state,
        WithdrawalState::Collecting | WithdrawalState::Deciding | WithdrawalState::Review | WithdrawalState::Approved
    );
    if !early {
        return Err(Problem::conflict(
            "withdrawal_on_its_way",
            format!("a withdrawal that is {} has its parts already", w.state),
        ));
    }
    if !parts.is_empty() {
        let amount = Amount::new(w.amount_minor, w.currency);
        let sources = sources_of(tx, &w.client_id, amount).await?;
        chosen_legs(parts, &sources, amount.minor)?;
    }
    w.split = if parts.is_empty() {
        None
    } else {
        Some(serde_json::to_string(parts)?)
    };
    w.changed_at = core.now();
    save(tx, &mut w).await?;
    let seen = serde_json::to_value(parts)?;
    note(tx, core, caller, "withdrawal.split_changed", &w, None, Some(why), Some(seen)).await?;
    plan(tx, caller, id).await
}

/// What a client reads before asking for a withdrawal.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WithdrawalPreview)]
pub struct Preview {
    /// Withdrawals are stopped for me for now.
    pub stopped: bool,
    /// My verification is finished; without it nothing can be withdrawn.
    pub verified: bool,
    /// The smallest withdrawal, in the entity's base currency.
    pub least: Amount,
    /// A person has decided after this many hours at the latest, where one has to.
    pub review_hours: i64,
    /// Where the amount would go: back to what was paid with, in the entity's order, the rest to an
    /// account of my own.
    pub parts: Vec<PreviewPart>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WithdrawalPreviewPart)]
pub struct PreviewPart {
    pub amount: Amount,
    /// `card`, `wallet`… of the deposit it returns to, `bank` for a transfer.
    pub method: String,
    /// The card or account it returns to, as far as the provider told.
    pub instrument: Option<Instrument>,
}

/// How a withdrawal of the client would be paid if it were asked for now. Nothing is promised: what
/// counts is the plan made when it is sent.
pub async fn preview(tx: &mut Tx, facts: &ClientFacts, amount: Amount) -> Result<Preview> {
    let mut parts: Vec<PreviewPart> = Vec::new();
    let sources = sources_of(tx, &facts.client_id, amount).await?;
    let order = order(tx, &facts.entity).await?;
    let rest = rest_of(tx, &facts.client_id, None).await?;
    for leg in with_rest(split_to_sources(amount.minor, &sources, order), rest) {
        let (method, instrument) = match &leg.source {
            None => (leg.rest.as_ref().map_or_else(|| "bank".to_string(), |r| r.method.clone()), None),
            Some(s) => match store::deposit(tx, DepositId::parse(&s.deposit_id)?).await? {
                Some(d) => (d.method.clone(), instrument(&d)),
                None => continue,
            },
        };
        // Several deposits by one card are one line to the reader.
        match parts.iter_mut().find(|p| p.method == method && p.instrument == instrument) {
            Some(p) => p.amount.minor = p.amount.minor.saturating_add(leg.amount_minor),
            None => parts.push(PreviewPart {
                amount: Amount::new(leg.amount_minor, amount.currency),
                method,
                instrument,
            }),
        }
    }
    Ok(Preview {
        stopped: facts.withdrawals_stopped.is_some(),
        verified: facts.kyc_approved,
        least: Amount::new(facts.limits.withdrawal_min_minor, facts.base_currency),
        review_hours: facts.limits.review_hours,
        parts,
    })
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WithdrawalPlanPart)]
pub struct PlanView {
    pub amount: Amount,
    /// The deposit the part returns to; None: to an account of the client's own.
    pub deposit_id: Option<String>,
    pub connection: Option<String>,
    /// How it leaves.
    pub kind: LegKind,
    /// The client's own account it goes to, when one is named.
    pub target_id: Option<PayoutTargetId>,
    /// What could still go back to this deposit.
    pub most: Option<Amount>,
    /// A person chose this split.
    pub chosen: bool,
}

/// How the money would go back, before anybody has decided (PM-19).
pub async fn plan(tx: &mut Tx, caller: &Caller, id: WithdrawalId) -> Result<Vec<PlanView>> {
    scoped(tx, caller, id).await?;
    let w = load(tx, id).await?;
    Ok(plan_of(tx, &w)
        .await?
        .into_iter()
        .map(|l| PlanView {
            amount: Amount::new(l.amount_minor, w.currency),
            kind: l.kind(),
            target_id: l.target(),
            most: l.source.as_ref().map(|s| Amount::new(s.refundable_minor, w.currency)),
            chosen: w.split.is_some(),
            connection: l.connection(),
            deposit_id: l.source.map(|s| s.deposit_id),
        })
        .collect())
}
