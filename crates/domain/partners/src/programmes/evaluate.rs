//! From what is kept of a client to where the client stands, and to what is booked for it.

use super::lots::{self, Counter};
use super::settle::{Due, settle};
use super::{MoneyKind, qualified};
use crate::attribution::ShareState;
use crate::booking::{self, LineKind};
use crate::engine::cpa::{self, Activity, CpaState, Decision, Deposit, Facts};
use crate::engine::explain::Explanation;
use crate::engine::{Quote, Stop, Tested, fx};
use crate::exact::Exact;
use crate::ids::{PartnerId, PlanId};
use crate::partner::PartnerState;
use crate::plan::programmes::{ClockStart, Cpa, OncePer, Programmes};
use crate::plan::{ClawbackScope, Plan, PlanRef};
use crate::plans;
use crate::store::{attribution, partners, plans as plan_store, programmes as store};
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::Caller;
use qd_runtime::events::{self, NewEvent};
use qd_runtime::exceptions::{self, NewException};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Raised for a client whose standing cannot be said: a rate is missing.
pub const STOPPED: &str = "programme.stopped";

/// A plan version with its document.
pub(crate) struct Version {
    pub at: PlanRef,
    pub plan: Plan,
    pub document: Value,
}

impl Version {
    fn read(row: &plan_store::VersionRow) -> Result<Version> {
        Ok(Version {
            at: PlanRef {
                plan: row.plan_id.to_string(),
                version: row.version,
            },
            plan: Plan::read(&row.document)?,
            document: row.document.clone(),
        })
    }

    pub fn programmes(&self) -> &Programmes {
        &self.plan.programmes
    }

    /// Whether rules by the deal begin with qualification.
    fn has_rules_after(&self) -> bool {
        self.plan.rules.iter().any(|r| r.after_qualification)
    }
}

/// The plan of a partner at a moment: the own one, the entity's, the house's.
pub(crate) async fn plan_at(tx: &mut Tx, partner: &partners::PartnerRow, at: Ts) -> Result<Option<Version>> {
    for holder in [
        partner.id.to_string(),
        plans::entity_holder(&partner.entity),
        plans::GLOBAL.to_string(),
    ] {
        let used = plan_store::uses(tx, &holder).await?;
        let Some(u) = used.iter().find(|u| u.from_at <= at && u.to_at.is_none_or(|t| at < t)) else {
            continue;
        };
        let versions = plan_store::versions(tx, u.plan_id).await?;
        if let Some(v) = plans::pick(&versions, at) {
            return Version::read(v).map(Some);
        }
    }
    Ok(None)
}

async fn version(tx: &mut Tx, plan: &str, number: i64) -> Result<Option<Version>> {
    let versions = plan_store::versions(tx, PlanId::parse(plan)?).await?;
    versions.iter().find(|v| v.version == number).map(Version::read).transpose()
}

/// All that is kept of a client.
struct Known {
    client: store::ClientRow,
    quotes: Vec<Quote>,
    facts: Vec<store::FactRow>,
    first_deposit: Option<Ts>,
}

impl Known {
    async fn load(tx: &mut Tx, client: &str) -> Result<Option<Known>> {
        let Some(c) = store::client(tx, client).await? else {
            return Ok(None);
        };
        let facts = store::facts(tx, client).await?;
        Ok(Some(Known {
            quotes: serde_json::from_value(c.quotes.clone())?,
            first_deposit: facts.iter().filter(|f| f.kind == MoneyKind::Deposit).map(|f| f.at).min(),
            client: c,
            facts,
        }))
    }

    fn deposits(&self) -> Result<Vec<Deposit>> {
        let mut back: BTreeMap<&str, Exact> = BTreeMap::new();
        for f in self
            .facts
            .iter()
            .filter(|f| matches!(f.kind, MoneyKind::Chargeback | MoneyKind::Refund))
        {
            if let Some(about) = &f.about {
                let b = back.entry(about).or_insert(Exact::ZERO);
                *b = b.plus(lots::units(f.minor, f.currency));
            }
        }
        self.facts
            .iter()
            .filter(|f| f.kind == MoneyKind::Deposit)
            .map(|f| {
                Ok(Deposit {
                    id: f.reference.clone(),
                    at: f.at,
                    amount: lots::units(f.minor, f.currency),
                    taken_back: back.get(f.reference.as_str()).copied().unwrap_or(Exact::ZERO),
                    currency: f.currency,
                    quotes: serde_json::from_value(f.quotes.clone())?,
                })
            })
            .collect()
    }
}

/// Decides anew where a client stands with each partner, and books the difference. Does nothing for
/// a client nothing is known of. Repeating it changes nothing.
pub async fn evaluate(tx: &mut Tx, core: &Core, client_id: &str) -> Result<()> {
    let Some(known) = Known::load(tx, client_id).await? else {
        return Ok(());
    };
    let standings = store::standings(tx, client_id).await?;
    let share = attribution::open(tx, client_id).await?.filter(|s| s.state != ShareState::Refused);
    let now_with = share.as_ref().and_then(|s| s.partner_id);
    let held = share.as_ref().is_some_and(|s| s.state == ShareState::Held);
    let mut partners: Vec<PartnerId> = standings.iter().map(|s| s.partner_id).collect();
    partners.extend(now_with.filter(|p| !partners.contains(p)));
    partners.sort();
    for id in partners {
        let Some(partner) = partners::get(tx, id).await? else { continue };
        let before = standings.iter().find(|s| s.partner_id == id);
        let mine = now_with == Some(id);
        one(tx, core, &known, &partner, before, mine, held && mine).await?;
    }
    Ok(())
}

async fn one(
    tx: &mut Tx,
    core: &Core,
    known: &Known,
    partner: &partners::PartnerRow,
    before: Option<&store::StandingRow>,
    mine: bool,
    held: bool,
) -> Result<()> {
    let now = core.now();
    let c = &known.client;
    let v = match before.filter(|b| b.pinned) {
        Some(b) => version(tx, &b.plan_id, b.plan_version).await?,
        None => {
            let first = plan_at(tx, partner, known.first_deposit.unwrap_or(now)).await?;
            match first {
                // The clock of the plan says which version it is.
                Some(v) if v.programmes().cpa.as_ref().is_some_and(|c| c.clock == ClockStart::Registration) => {
                    plan_at(tx, partner, c.registered_at).await?.or(Some(v))
                }
                v => v,
            }
        }
    };
    let Some(v) = v else { return Ok(()) };
    let mut standing = None;
    if let Some(cpa) = &v.programmes().cpa {
        let decided = decide(tx, known, partner, before, mine, held, &v, cpa, now).await?;
        match decided {
            Ok(d) => {
                standing = Some(write(tx, core, known, partner, before, &v, cpa, d).await?);
                exceptions::resolve(tx, core, STOPPED, &subject_of(c, partner.id), "it can be said now").await?;
            }
            Err(stop) => return stopped(tx, core, c, partner.id, &stop).await,
        }
    }
    if v.plan.terms.clawback == ClawbackScope::CpaAndLots {
        chargebacks(tx, core, known, partner, &v).await?;
    }
    if let Some(changed) = standing.flatten()
        && v.has_rules_after()
    {
        // What those deals pay follows the moment of qualification.
        let far = Ts(i64::MAX);
        booking::rebook(
            tx,
            core,
            &Caller::system("programme"),
            &c.client_id,
            changed,
            far,
            "the moment of qualification changed",
        )
        .await?;
    }
    Ok(())
}

fn subject_of(c: &store::ClientRow, partner: PartnerId) -> String {
    format!("programme:{}:{partner}", c.client_id)
}

async fn stopped(tx: &mut Tx, core: &Core, c: &store::ClientRow, partner: PartnerId, s: &Stop) -> Result<()> {
    let e = NewException {
        kind: STOPPED,
        subject: subject_of(c, partner),
        entity: Some(c.entity.clone()),
        client_id: Some(c.client_id.clone()),
        owner_role: "partner_manager",
        rule: s.code,
        cause: s.cause.clone(),
        detail: json!({"code": s.code, "client_id": c.client_id, "partner_id": partner}),
        retry: None,
    };
    exceptions::raise(tx, core, e).await?;
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "all that decides")]
async fn decide(
    tx: &mut Tx,
    known: &Known,
    partner: &partners::PartnerRow,
    before: Option<&store::StandingRow>,
    mine: bool,
    held: bool,
    v: &Version,
    cpa: &Cpa,
    now: Ts,
) -> Result<std::result::Result<Decision, Stop>> {
    let c = &known.client;
    let pinned = before.is_some_and(|b| b.pinned);
    let mut activity: Vec<Activity> = Vec::new();
    if cpa.lots.is_some() || cpa.spread.is_some() {
        let start = match cpa.clock {
            ClockStart::Registration => Some(c.registered_at),
            ClockStart::FirstDeposit => known.first_deposit,
        };
        if let Some(start) = start {
            let end = cpa.within_days.map_or(Ts(i64::MAX), |d| start.plus_days(d + 1));
            let counter = Counter::of(&v.document)?;
            let deals = lots::deals(tx, &c.client_id, c.registered_at, end).await?;
            activity = deals.iter().map(|d| counter.activity(d, cpa.currency)).collect();
        }
    }
    let mut shared: Vec<String> = serde_json::from_value(c.shared.clone())?;
    if held {
        shared.push("attribution_held".into());
    }
    if cpa.once == OncePer::PersonAndBrand {
        store::lock_person(tx, &c.person, &c.brand).await?;
    }
    let paid_for = match cpa.once {
        OncePer::PersonAndBrand => store::paid_for(tx, &c.person, &c.brand, &c.client_id, partner.id).await?,
        OncePer::Client => store::standings(tx, &c.client_id)
            .await?
            .into_iter()
            .find(|s| s.partner_id != partner.id && s.state == CpaState::Qualified)
            .map(|s| s.client_id),
    };
    let facts = Facts {
        registered_at: c.registered_at,
        country: c.country.clone(),
        kyc_country: c.kyc_country.clone(),
        kyc_approved_at: c.kyc_approved_at,
        deposits: known.deposits()?,
        activity,
        shared,
        decided: before.and_then(|b| b.decided),
        // Who was paid first stays paid.
        paid_for: paid_for.filter(|_| !pinned),
    };
    let mut d = match cpa::decide(cpa, &facts, now) {
        Ok(d) => d,
        Err(s) => return Ok(Err(s)),
    };
    // Once qualified, what happens to share and partner later takes nothing away.
    let mut never = |reason: &'static str, what: &str, value: String, wanted: &str, state: CpaState| {
        d.tested.push(Tested::new(what, value, wanted));
        d.state = state;
        d.reason = Some(reason);
        d.amount = Exact::ZERO;
        d.qualified = None;
        d.hold_until = None;
        d.due_at = None;
    };
    if partner.client_id.as_deref() == Some(&c.client_id) {
        never("own_account", "client", "the partner".into(), "somebody else", CpaState::Declined);
    } else if !pinned && !mine {
        never("moved", "partner", "another one by now".into(), "this one", CpaState::Declined);
    } else if !pinned && partner.state != PartnerState::Active {
        never(
            "partner_suspended",
            "partner",
            partner.state.to_string(),
            "active",
            CpaState::OnHold,
        );
    }
    Ok(Ok(d))
}

/// The amount in the wallet's currency: at the rates of the qualifying deal, else of the last deposit
/// before it, else of today; once converted it stays.
async fn in_wallet(
    tx: &mut Tx,
    known: &Known,
    d: &Decision,
    cpa: &Cpa,
    to: Currency,
) -> Result<std::result::Result<(Exact, Vec<fx::Step>), Stop>> {
    if cpa.currency == to {
        return Ok(Ok((d.amount, Vec::new())));
    }
    let mut quotes: Vec<Quote> = Vec::new();
    if let Some(q) = &d.qualified {
        if !q.ticket.is_empty()
            && let Some(deal) = crate::store::lines::deal(tx, &q.server, &q.ticket).await?
        {
            let facts: crate::engine::DealFacts = serde_json::from_value(deal.facts)?;
            quotes.extend(facts.quotes);
        }
        let deposit = known.facts.iter().rev().find(|f| f.kind == MoneyKind::Deposit && f.at <= q.at);
        if let Some(f) = deposit {
            quotes.extend(serde_json::from_value::<Vec<Quote>>(f.quotes.clone())?);
        }
    }
    quotes.extend(known.quotes.iter().cloned());
    Ok(fx::convert(d.amount, cpa.currency, to, &quotes))
}

/// Writes the standing and books. Some: the earlier of the moments of qualification before and now,
/// where they differ.
#[allow(clippy::too_many_arguments, reason = "whose standing, by what, and the decision")]
async fn write(
    tx: &mut Tx,
    core: &Core,
    known: &Known,
    partner: &partners::PartnerRow,
    before: Option<&store::StandingRow>,
    v: &Version,
    cpa: &Cpa,
    d: Decision,
) -> Result<Option<Ts>> {
    let now = core.now();
    let c = &known.client;
    let mut wallet = before.and_then(|b| b.wallet.clone());
    let mut steps = d.fx.clone();
    let target = if d.amount.is_zero() {
        Exact::ZERO
    } else if let Some(known) = wallet.as_deref().and_then(Exact::parse_fraction) {
        known
    } else {
        match in_wallet(tx, known, &d, cpa, partner.currency).await? {
            Ok((amount, more)) => {
                steps.extend(more);
                wallet = Some(amount.fraction());
                amount
            }
            Err(stop) => {
                stopped(tx, core, c, partner.id, &stop).await?;
                return Ok(None);
            }
        }
    };
    let booked = before.map_or(0, |b| b.booked_minor);
    let qualified_at = d.qualified.as_ref().map(|q| q.at);
    let mut booked_minor = booked;
    if !target.is_zero() || booked != 0 {
        let formula = match d.reason {
            None => format!("{} {} for a client who qualified", d.amount, cpa.currency),
            Some(reason) => format!("no longer due: {reason}"),
        };
        let why = Explanation {
            formula,
            method: "cpa".into(),
            path: vec![partner.id.to_string()],
            level: 1,
            fx: steps,
            tested: d.tested.clone(),
            exact: target.to_string(),
            ..Explanation::default()
        };
        let due = Due {
            partner: partner.id,
            entity: partner.entity.clone(),
            currency: partner.currency,
            subject: format!("cpa:{}", c.client_id),
            client_id: c.client_id.clone(),
            target,
            kind: LineKind::Cpa,
            same_kind: false,
            plan: Some(v.at.clone()),
            rule: "cpa",
            zero_reason: None,
            value_at: qualified_at.or(before.and_then(|b| b.qualified_at)).unwrap_or(now),
            why,
        };
        booked_minor = settle(tx, core, due).await?.0;
    }
    let pinned = before.is_some_and(|b| b.pinned) || d.state == CpaState::Qualified;
    let before_q: Option<cpa::Qualified> = before.and_then(|b| b.qualified.clone()).map(serde_json::from_value).transpose()?;
    let counted = |state: Option<CpaState>, q: Option<cpa::Qualified>| q.filter(|_| state == Some(CpaState::Qualified));
    let (was, is) = (
        counted(before.map(|b| b.state), before_q),
        counted(Some(d.state), d.qualified.clone()),
    );
    let row = store::StandingRow {
        client_id: c.client_id.clone(),
        partner_id: partner.id,
        plan_id: v.at.plan.clone(),
        plan_version: v.at.version,
        state: d.state,
        reason: d.reason.map(str::to_string),
        tested: serde_json::to_value(&d.tested)?,
        qualified: d.qualified.as_ref().map(serde_json::to_value).transpose()?,
        // When it was, also after it was undone.
        qualified_at: qualified_at.or(before.and_then(|b| b.qualified_at)),
        pinned,
        ftd: d.ftd.fraction(),
        amount: d.amount.fraction(),
        amount_currency: cpa.currency,
        wallet,
        currency: partner.currency,
        booked_minor,
        hold_until: d.hold_until,
        kyc_before_payout: d.kyc_before_payout,
        decided: before.and_then(|b| b.decided),
        decided_by: before.and_then(|b| b.decided_by.clone()),
        approval_id: before.and_then(|b| b.approval_id.clone()),
        due_at: d.due_at,
        changed_at: now,
        version: before.map_or(0, |b| b.version),
    };
    let same = before.is_some_and(|b| {
        (
            b.state,
            &b.reason,
            &b.tested,
            &b.qualified,
            b.booked_minor,
            b.due_at,
            b.hold_until,
            b.kyc_before_payout,
        ) == (
            row.state,
            &row.reason,
            &row.tested,
            &row.qualified,
            row.booked_minor,
            row.due_at,
            row.hold_until,
            row.kyc_before_payout,
        ) && (b.plan_version, &b.plan_id) == (row.plan_version, &row.plan_id)
    });
    if !same {
        store::put_standing(tx, &row).await?;
    }
    if before.map(|b| b.state) != Some(row.state) {
        changed(tx, core, c, &row, before.map(|b| b.state)).await?;
    }
    Ok(match (was, is) {
        (Some(a), Some(b)) if a == b => None,
        (Some(a), Some(b)) => Some(a.at.min(b.at)),
        (Some(q), None) | (None, Some(q)) => Some(q.at),
        (None, None) => None,
    })
}

/// Told to the house: an event on each change of state, a case while somebody has to decide.
async fn changed(tx: &mut Tx, core: &Core, c: &store::ClientRow, row: &store::StandingRow, before: Option<CpaState>) -> Result<()> {
    let payload = json!({
        "client_id": c.client_id, "partner_id": row.partner_id, "state": row.state, "before": before, "reason": row.reason,
        "booked_minor": row.booked_minor, "currency": row.currency,
    });
    let e = NewEvent {
        kind: "programme.state",
        aggregate: format!("partner:{}", row.partner_id),
        entity: Some(c.entity.clone()),
        payload,
    };
    events::publish(tx, core, e).await?;
    if row.state == CpaState::Qualified && before != Some(CpaState::Qualified) {
        let e = NewEvent {
            kind: "programme.qualified",
            aggregate: format!("partner:{}", row.partner_id),
            entity: Some(c.entity.clone()),
            payload: json!({
                "client_id": c.client_id, "partner_id": row.partner_id,
                "amount": Amount::new(row.booked_minor, row.currency),
            }),
        };
        events::publish(tx, core, e).await?;
    }
    let subject = subject_of(c, row.partner_id);
    if row.state == CpaState::OnHold {
        let shared: Vec<String> = serde_json::from_value(c.shared.clone())?;
        let e = NewException {
            kind: HELD,
            subject,
            entity: Some(c.entity.clone()),
            client_id: Some(c.client_id.clone()),
            owner_role: "partner_manager",
            rule: "programme.held",
            cause: format!("the client shares {} with the partner who is to be paid", shared.join(", ")),
            detail: json!({"partner_id": row.partner_id, "shared": shared, "reason": row.reason}),
            retry: None,
        };
        exceptions::raise(tx, core, e).await?;
    } else if before == Some(CpaState::OnHold) {
        exceptions::resolve(tx, core, HELD, &subject, "it is decided").await?;
    }
    Ok(())
}

/// Raised while a client's sum is on hold.
pub const HELD: &str = "programme.held";

/// What the client's deals earned between each disputed deposit and the dispute, taken back while the
/// money is gone.
async fn chargebacks(tx: &mut Tx, core: &Core, known: &Known, partner: &partners::PartnerRow, v: &Version) -> Result<()> {
    let c = &known.client;
    for f in known.facts.iter().filter(|f| f.kind == MoneyKind::Chargeback) {
        let deposit = known
            .facts
            .iter()
            .find(|d| d.kind == MoneyKind::Deposit && f.about.as_deref() == Some(&d.reference));
        let Some(deposit) = deposit else { continue };
        let mut sums: BTreeMap<Currency, (Exact, usize)> = BTreeMap::new();
        for (currency, exact, _, _) in store::earned_on(tx, partner.id, &c.client_id, deposit.at, f.at).await? {
            let e = Exact::parse_fraction(&exact).ok_or_else(|| Problem::bug("row_unreadable", "a line holds no number"))?;
            let s = sums.entry(currency).or_insert((Exact::ZERO, 0));
            *s = (s.0.plus(e), s.1 + 1);
        }
        for (currency, (earned, lines)) in sums {
            let gone = f.minor > 0;
            let target = if gone && earned > Exact::ZERO { earned.neg() } else { Exact::ZERO };
            let tested = vec![
                Tested::new(
                    "disputed",
                    format!("{} {}", lots::units(f.minor, f.currency), f.currency),
                    "0 to keep the commission",
                ),
                Tested::new("earned in the disputed time", format!("{earned} {currency}"), "taken back"),
                Tested::new("lines", lines, "of deals from the deposit to the dispute"),
            ];
            let why = Explanation {
                formula: format!("chargeback {}: {target} {currency}", f.reference),
                method: "chargeback".into(),
                path: vec![partner.id.to_string()],
                level: 1,
                tested,
                exact: target.to_string(),
                ..Explanation::default()
            };
            let due = Due {
                partner: partner.id,
                entity: partner.entity.clone(),
                currency,
                subject: format!("chargeback:{}", f.reference),
                client_id: c.client_id.clone(),
                target,
                kind: LineKind::Clawback,
                same_kind: true,
                plan: Some(v.at.clone()),
                rule: "chargeback",
                zero_reason: None,
                value_at: f.at,
                why,
            };
            settle(tx, core, due).await?;
        }
    }
    Ok(())
}

/// For shares that begin with qualification.
pub(super) async fn counts_from(tx: &mut Tx, client: &str, partner: PartnerId) -> Result<Option<Ts>> {
    Ok(qualified(tx, client, partner).await?.map(|q| q.at))
}
