//! Many payouts at once: proposed from the figures, prepared by one, released by another, sent as a
//! bank file or into wallets, and told one by one what became of them.
//!
//! batch: prepared -> released -> done; prepared -> refused. A payout that bounces is payable again
//! and goes into a later batch; the others stay paid.

use super::destination::same_name;
use super::figures::{Cost, Figures};
use super::terms::{Invoicing, TermsCache, destination};
use super::{Destination, Payout, PayoutState, Way, hold, payable, record, refuse, release, row};
use crate::ids::{BatchId, CloseId, PartnerId, PayoutId};
use crate::partner::PartnerState;
use crate::store::partners::PartnerRow;
use crate::store::{batches as store, lines, partners, payouts as rows};
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Page, PageRequest, Problem, Result, Ts, text_enum};
use qd_ledger::Purpose;
use qd_ports::bank::{Debtor, Message, Transfer, plain_id};
use qd_runtime::access::{Caller, Right};
use qd_runtime::approvals::{self, ApprovalId, NewApproval, Outcome};
use qd_runtime::audit::{self, Entry};
use qd_runtime::{Core, settings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

text_enum!(
    BatchState as PayoutBatchState {
        /// Held; waits for somebody else.
        Prepared = "prepared",
        /// Allowed; some wait for the bank.
        Released = "released",
        /// Each is paid, returned or refused.
        Done = "done",
        Refused = "refused",
    }
);

/// Setting of the entity or the house: the account that partners are paid from.
pub const BANK: &str = "partner_bank";

/// Payouts in one batch: bounds the transaction that prepares or releases it.
pub const MOST: usize = 500;
/// The cause of a payout left out when its batch was released.
const OWED_LESS: &str = "owed less by now";

/// A partner about to be paid, for whoever knows who may be.
#[derive(Clone, Debug)]
pub struct Payee {
    pub partner_id: PartnerId,
    pub entity: String,
    pub name: String,
    /// The partner's own client record.
    pub client_id: Option<String>,
    pub destination: Destination,
    /// Where the papers of a partner without a client record are filed.
    pub kyb_reference: Option<String>,
}

/// Knows what this crate does not: whether a partner is verified and on no list. The app hands it in.
#[async_trait(?Send)]
pub trait Payees: Send + Sync {
    /// A code why this one may not be paid now: `kyc_missing`, `screening_open`, `restricted`.
    async fn refusal(&self, tx: &mut Tx, payee: &Payee) -> Result<Option<&'static str>>;
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PayoutProposalItem)]
pub struct Proposed {
    pub partner_id: PartnerId,
    pub name: String,
    pub method: Option<Way>,
    pub figures: Figures,
    /// Why not: a reason of the figures, `partner_state`, `destination_missing`, `destination_wrong`,
    /// `name_differs`, `wallet_missing`, `invoice_missing`, or a code of the house's checks.
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PayoutProposalTotal)]
pub struct Total {
    pub count: i64,
    pub minor: i64,
    pub net_minor: i64,
}

impl Total {
    fn add(&mut self, minor: i64, net_minor: i64) {
        self.count += 1;
        self.minor += minor;
        self.net_minor += net_minor;
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PayoutProposal)]
pub struct Proposal {
    pub entity: String,
    pub currency: Currency,
    /// By method, of all partners.
    pub totals: BTreeMap<String, Total>,
    /// How many are not paid, by reason.
    pub not_payable: BTreeMap<String, i64>,
    /// The first [`MOST`] who can be paid, by id.
    pub items: Vec<Proposed>,
    /// The first [`MOST`] who are owed something and cannot.
    pub refused: Vec<Proposed>,
}

fn enter(caller: &Caller, right: Right, entity: &str) -> Result<()> {
    caller.require(right)?;
    if caller.enters(Some(entity)) {
        Ok(())
    } else {
        Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"))
    }
}

/// Figures and reasons of these partners.
async fn look(
    tx: &mut Tx,
    core: &Core,
    cache: &mut TermsCache,
    ids: &[PartnerId],
    currency: Currency,
    payees: &dyn Payees,
) -> Result<Vec<(PartnerRow, Option<Destination>, Proposed)>> {
    let mut found = Vec::new();
    for id in ids {
        found.push(partners::get(tx, *id).await?.ok_or_else(|| Problem::missing("partner"))?);
    }
    let keys: Vec<(PartnerId, String)> = found.iter().map(|p| (p.id, p.entity.clone())).collect();
    let mut figures = payable::many(tx, cache, &keys, currency, core.now()).await?;
    let mut out = Vec::new();
    for p in found {
        let Some(f) = figures.remove(&p.id) else { continue };
        let (terms, own) = cache.of(tx, p.id, &p.entity).await?;
        let to = destination(&p, &own);
        let mut reason = f.reason.clone();
        if reason.is_none() {
            reason = fault(&p, to.as_ref()).map(str::to_string);
        }
        if reason.is_none() && terms.invoicing != Invoicing::None && !store::uninvoiced(tx, p.id, currency).await?.is_empty() {
            reason = Some("invoice_missing".into());
        }
        if let (None, Some(d)) = (&reason, &to) {
            let payee = Payee {
                partner_id: p.id,
                entity: p.entity.clone(),
                name: p.name.clone(),
                client_id: p.client_id.clone(),
                destination: d.clone(),
                kyb_reference: own.kyb_reference.clone(),
            };
            reason = payees.refusal(tx, &payee).await?.map(str::to_string);
        }
        let item = Proposed {
            partner_id: p.id,
            name: p.name.clone(),
            method: to.as_ref().map(|d| d.way),
            figures: f,
            reason,
        };
        out.push((p, to, item));
    }
    Ok(out)
}

/// What stands against paying this partner there, as far as this crate knows.
fn fault(p: &PartnerRow, to: Option<&Destination>) -> Option<&'static str> {
    if p.state != PartnerState::Active {
        return Some("partner_state");
    }
    let Some(d) = to else { return Some("destination_missing") };
    if d.check("/destination").is_err() {
        return Some("destination_wrong");
    }
    match d.way {
        Way::Bank if !same_name(d.name.as_deref().unwrap_or_default(), &p.name) => Some("name_differs"),
        Way::Wallet | Way::Platform if p.client_id.is_none() => Some("wallet_missing"),
        _ => None,
    }
}

/// Who would be paid now, and who is owed something and would not. Needs `payouts.prepare`.
pub async fn propose(tx: &mut Tx, core: &Core, caller: &Caller, entity: &str, currency: Currency, payees: &dyn Payees) -> Result<Proposal> {
    enter(caller, Right::PayoutsPrepare, entity)?;
    let mut out = Proposal {
        entity: entity.to_string(),
        currency,
        totals: BTreeMap::new(),
        not_payable: BTreeMap::new(),
        items: Vec::new(),
        refused: Vec::new(),
    };
    let mut cache = TermsCache::default();
    let mut after = String::new();
    loop {
        let ids: Vec<PartnerId> = store::owed(tx, entity, currency, &after, 200)
            .await?
            .into_iter()
            .map(|r| r.0)
            .collect();
        let Some(last) = ids.last() else { return Ok(out) };
        after = last.to_string();
        for (_, _, item) in look(tx, core, &mut cache, &ids, currency, payees).await? {
            match (&item.reason, item.method) {
                (None, Some(m)) => {
                    out.totals
                        .entry(m.to_string())
                        .or_default()
                        .add(item.figures.payable_minor, item.figures.net_minor);
                    if out.items.len() < MOST {
                        out.items.push(item);
                    }
                }
                (reason, _) => {
                    let reason = reason.clone().unwrap_or_else(|| "destination_missing".into());
                    *out.not_payable.entry(reason).or_default() += 1;
                    if out.refused.len() < MOST {
                        out.refused.push(item);
                    }
                }
            }
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPayoutBatch, example = json!({"entity": "eu", "currency": "EUR", "method": "bank"}))]
pub struct NewBatch {
    pub entity: String,
    pub currency: Currency,
    pub method: Way,
    /// None: all who can be paid this way, at most 500 at once.
    #[serde(default)]
    pub partners: Option<Vec<PartnerId>>,
    #[serde(default)]
    pub close_id: Option<CloseId>,
}

/// Holds what each partner is paid and asks for a release of all together. Needs `payouts.prepare`.
/// Errors: `partner_not_payable` naming the one and why, when it was named; `batch_empty`;
/// `batch_too_big`.
pub async fn prepare(tx: &mut Tx, core: &Core, caller: &Caller, new: NewBatch, payees: &dyn Payees) -> Result<BatchView> {
    enter(caller, Right::PayoutsPrepare, &new.entity)?;
    let named = new.partners.is_some();
    let mut ids: BTreeSet<PartnerId> = new.partners.iter().flatten().copied().collect();
    if ids.len() > MOST {
        return Err(Problem::invalid(
            "partners",
            "batch_too_big",
            format!("expected at most {MOST} partners"),
        ));
    }
    if !named {
        let p = propose(tx, core, caller, &new.entity, new.currency, payees).await?;
        ids = p
            .items
            .iter()
            .filter(|i| i.method == Some(new.method))
            .map(|i| i.partner_id)
            .collect();
    }
    // Nobody books, closes or pays for these until we are done; in the order of everybody else.
    for id in &ids {
        lines::lock_purse(tx, *id, new.currency).await?;
    }
    let ids: Vec<PartnerId> = ids.into_iter().collect();
    let looked = look(tx, core, &mut TermsCache::default(), &ids, new.currency, payees).await?;
    let mut items = Vec::new();
    for (i, (p, to, item)) in looked.into_iter().enumerate() {
        if p.entity != new.entity {
            return Err(Problem::invalid(
                &format!("/partners/{i}"),
                "entity_differs",
                format!("expected partners of {}", new.entity),
            ));
        }
        let reason = item
            .reason
            .clone()
            .or_else(|| (item.method != Some(new.method)).then(|| "method_differs".to_string()));
        match (reason, to) {
            (None, Some(to)) => items.push((p, to, item.figures)),
            (reason, _) if named => {
                let reason = reason.unwrap_or_default();
                return Err(Problem::conflict(
                    "partner_not_payable",
                    format!("{} ({}) cannot be paid: {reason}", p.name, p.id),
                ));
            }
            _ => {}
        }
    }
    if items.is_empty() {
        return Err(Problem::conflict("batch_empty", "there is nobody to pay in this way now"));
    }
    let id = BatchId::new(&core.env);
    let minor: i64 = items.iter().map(|i| i.2.payable_minor).sum();
    let net_minor: i64 = items.iter().map(|i| i.2.net_minor).sum();
    let mut ask = NewApproval::new(
        format!("payout_batch:{id}"),
        Right::PayoutsRelease,
        1,
        format!("{} payouts to partners of {}", items.len(), new.entity),
    )
    .amount(Amount::new(minor, new.currency));
    ask.entity = Some(new.entity.clone());
    let approval_id = approvals::request(tx, core, caller, ask).await?;
    let b = store::BatchRow {
        id,
        entity: new.entity,
        currency: new.currency,
        method: new.method,
        state: BatchState::Prepared,
        close_id: new.close_id,
        approval_id,
        items: items.len() as i64,
        minor,
        net_minor,
        prepared_by: caller.id(),
        prepared_at: core.now(),
        decided_by: None,
        decided_at: None,
        version: 1,
    };
    store::insert(tx, &b).await?;
    for (p, to, f) in items {
        let payout = PayoutId::new(&core.env);
        let amount = Amount::new(f.payable_minor, new.currency);
        hold(tx, core, payout, p.id, amount).await?;
        let c = Cost {
            fee_minor: f.fee_minor,
            tax_minor: f.tax_minor,
            net_minor: f.net_minor,
        };
        let r = row(
            core,
            caller,
            payout,
            p.id,
            amount,
            c,
            Some(&to),
            p.payout_method,
            approval_id,
            Some(id),
        )?;
        rows::insert(tx, &r).await?;
        record(tx, core, caller, "payout.prepare", &r, Some(p.entity), None).await?;
    }
    note(tx, core, caller, "payout_batch.prepare", &b, None).await?;
    view(tx, b).await
}

async fn note(tx: &mut Tx, core: &Core, caller: &Caller, action: &'static str, b: &store::BatchRow, reason: Option<&str>) -> Result<()> {
    let mut e = Entry::new(caller, action, format!("payout_batch:{}", b.id))
        .entity(Some(b.entity.clone()))
        .after(json!({"items": b.items, "minor": b.minor, "net_minor": b.net_minor, "currency": b.currency, "method": b.method, "state": b.state}));
    if let Some(r) = reason {
        e = e.reason(r);
    }
    audit::record(tx, core, e).await?;
    Ok(())
}

async fn load(tx: &mut Tx, caller: &Caller, right: Right, id: BatchId) -> Result<store::BatchRow> {
    caller.require(right)?;
    store::get(tx, id)
        .await?
        .filter(|b| caller.enters(Some(&b.entity)))
        .ok_or_else(|| Problem::missing("payout batch"))
}

/// The other person's yes or no to all of it. Wallets are paid with the yes; who is owed less by now
/// is left out, with that cause. Needs `payouts.release`; the preparer is refused
/// (`approval_own_request`).
pub async fn decide(tx: &mut Tx, core: &Core, caller: &Caller, id: BatchId, approve: bool, reason: &str, seen: Value) -> Result<BatchView> {
    let mut b = load(tx, caller, Right::PayoutsRelease, id).await?;
    if b.state != BatchState::Prepared {
        return Err(Problem::conflict("batch_state", format!("this batch is {} already", b.state)));
    }
    let outcome = approvals::vote(tx, core, caller, b.approval_id, approve, reason, seen).await?;
    if let Outcome::Waiting { .. } = outcome {
        return view(tx, b).await;
    }
    let mut items = rows::of_batch(tx, id).await?;
    // Purses in the order of everybody else.
    items.sort_by_key(|i| i.partner_id);
    for mut r in items {
        let p = partners::get(tx, r.partner_id).await?.ok_or_else(|| Problem::missing("partner"))?;
        if outcome == Outcome::Refused {
            refuse(tx, core, caller, &mut r, reason).await?;
        } else {
            match release(tx, core, caller, &mut r, &p).await {
                Err(e) if e.is(qd_ledger::INSUFFICIENT_FUNDS) => refuse(tx, core, caller, &mut r, OWED_LESS).await?,
                other => other?,
            }
        }
        rows::update(tx, &r).await?;
        record(tx, core, caller, "payout.decide", &r, Some(p.entity), Some(reason)).await?;
    }
    b.state = if outcome == Outcome::Refused {
        BatchState::Refused
    } else {
        BatchState::Released
    };
    b.decided_by = Some(caller.id());
    b.decided_at = Some(core.now());
    store::update(tx, &b).await?;
    b.version += 1;
    note(tx, core, caller, "payout_batch.decide", &b, Some(reason)).await?;
    settle(tx, b).await
}

/// Done when nothing of it is open.
async fn settle(tx: &mut Tx, mut b: store::BatchRow) -> Result<BatchView> {
    let open = |r: &rows::PayoutRow| matches!(r.state, PayoutState::Prepared | PayoutState::Released);
    if b.state == BatchState::Released && !rows::of_batch(tx, b.id).await?.iter().any(open) {
        b.state = BatchState::Done;
        store::update(tx, &b).await?;
        b.version += 1;
    }
    view(tx, b).await
}

/// What the bank says of one payout.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PayoutResult)]
pub struct Told {
    pub payout_id: PayoutId,
    /// `paid` or `returned`.
    pub outcome: PayoutState,
    /// Of a paid one: what the bank's statement says.
    #[serde(default)]
    pub reference: Option<String>,
    /// Of a returned one.
    #[serde(default)]
    pub reason: Option<String>,
}

async fn connection(tx: &mut Tx, b: &store::BatchRow, given: Option<&str>) -> Result<String> {
    match given {
        Some(c) => Ok(c.to_string()),
        None => Ok(bank(tx, &b.entity).await?.connection),
    }
}

/// Says that all of it that waits for the bank was paid. Needs `payouts.release`.
pub async fn mark_paid(tx: &mut Tx, core: &Core, caller: &Caller, id: BatchId, via: Option<&str>, reference: &str) -> Result<BatchView> {
    let b = load(tx, caller, Right::PayoutsRelease, id).await?;
    let via = connection(tx, &b, via).await?;
    let mut items = rows::of_batch(tx, id).await?;
    items.sort_by_key(|i| i.partner_id);
    for r in items.iter().filter(|r| r.state == PayoutState::Released) {
        super::mark_paid(tx, core, caller, r.id, &via, reference).await?;
    }
    note(tx, core, caller, "payout_batch.paid", &b, None).await?;
    settle(tx, b).await
}

/// What the bank's return file says, payout by payout; said twice, done once. Needs
/// `payouts.release`. Errors: by the pointer of the row; one wrong row, and nothing is done.
pub async fn results(tx: &mut Tx, core: &Core, caller: &Caller, id: BatchId, via: Option<&str>, told: &[Told]) -> Result<BatchView> {
    let b = load(tx, caller, Right::PayoutsRelease, id).await?;
    let of = rows::of_batch(tx, id).await?;
    let mut order: Vec<(usize, &Told, PartnerId)> = Vec::new();
    for (i, t) in told.iter().enumerate() {
        let r = of
            .iter()
            .find(|r| r.id == t.payout_id)
            .ok_or_else(|| Problem::invalid(&format!("/results/{i}/payout_id"), "not_found", "expected a payout of this batch"))?;
        order.push((i, t, r.partner_id));
    }
    order.sort_by_key(|o| o.2);
    for (i, t, _) in order {
        match t.outcome {
            PayoutState::Paid => {
                let via = connection(tx, &b, via).await?;
                super::mark_paid(tx, core, caller, t.payout_id, &via, t.reference.as_deref().unwrap_or_default()).await?;
            }
            PayoutState::Returned => {
                super::mark_returned(tx, core, caller, t.payout_id, t.reason.as_deref().unwrap_or_default()).await?;
            }
            _ => {
                return Err(Problem::invalid(
                    &format!("/results/{i}/outcome"),
                    "outcome_unknown",
                    "expected paid or returned",
                ));
            }
        }
    }
    settle(tx, b).await
}

async fn bank(tx: &mut Tx, entity: &str) -> Result<Debtor> {
    settings::for_entity::<Debtor>(tx, entity, BANK).await?.ok_or_else(|| {
        Problem::conflict(
            "house_bank_missing",
            format!("set {BANK} for entity:{entity} or global: the account that partners are paid from"),
        )
    })
}

/// What the bank is asked to pay of what was released. Needs `payouts.release`.
pub async fn file(tx: &mut Tx, caller: &Caller, id: BatchId) -> Result<Message> {
    let b = load(tx, caller, Right::PayoutsRelease, id).await?;
    if b.method != Way::Bank || !matches!(b.state, BatchState::Released | BatchState::Done) {
        return Err(Problem::conflict(
            "batch_state",
            format!(
                "a bank file is made of a released batch by bank; this is {} by {}",
                b.state, b.method
            ),
        ));
    }
    let debtor = bank(tx, &b.entity).await?;
    let mut transfers = Vec::new();
    for r in rows::of_batch(tx, id).await? {
        // What was left out with the release never went to the bank; what came back did.
        if r.state == PayoutState::Refused && r.cause.as_deref() == Some(OWED_LESS) {
            continue;
        }
        let d: Destination = serde_json::from_value(r.destination.unwrap_or_default())?;
        transfers.push(Transfer {
            id: r.id.to_string(),
            minor: r.net_minor,
            name: d.name.unwrap_or_default(),
            iban: d.iban.unwrap_or_default(),
            bic: d.bic,
            text: format!("Commission {}", plain_id(&r.id.to_string())),
        });
    }
    Ok(Message {
        id: b.id.to_string(),
        created: b.decided_at.unwrap_or(b.prepared_at),
        currency: b.currency,
        debtor,
        transfers,
    })
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PayoutBatch)]
pub struct Batch {
    pub id: BatchId,
    pub entity: String,
    pub currency: Currency,
    pub method: Way,
    pub state: BatchState,
    pub close_id: Option<CloseId>,
    pub approval_id: ApprovalId,
    pub items: i64,
    /// Taken from the partners.
    pub minor: i64,
    /// What of it leaves.
    pub net_minor: i64,
    pub prepared_by: String,
    #[serde(rename = "prepared_at_us")]
    pub prepared_at: Ts,
    pub decided_by: Option<String>,
    #[serde(rename = "decided_at_us")]
    pub decided_at: Option<Ts>,
    pub version: i64,
}

impl From<store::BatchRow> for Batch {
    fn from(b: store::BatchRow) -> Self {
        Batch {
            id: b.id,
            entity: b.entity,
            currency: b.currency,
            method: b.method,
            state: b.state,
            close_id: b.close_id,
            approval_id: b.approval_id,
            items: b.items,
            minor: b.minor,
            net_minor: b.net_minor,
            prepared_by: b.prepared_by,
            prepared_at: b.prepared_at,
            decided_by: b.decided_by,
            decided_at: b.decided_at,
            version: b.version,
        }
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PayoutBatchView)]
pub struct BatchView {
    pub batch: Batch,
    pub payouts: Vec<Payout>,
    /// By state of the payouts.
    pub totals: BTreeMap<String, Total>,
    /// What the ledger took from the partners for those paid and not returned.
    pub ledger_minor: i64,
    /// Whether that is the sum of those paid.
    pub reconciled: bool,
}

async fn view(tx: &mut Tx, b: store::BatchRow) -> Result<BatchView> {
    let items = rows::of_batch(tx, b.id).await?;
    let mut totals: BTreeMap<String, Total> = BTreeMap::new();
    let mut ledger_minor = 0;
    for r in &items {
        totals.entry(r.state.to_string()).or_default().add(r.minor, r.net_minor);
        for e in [r.entry_id, r.return_entry_id].into_iter().flatten() {
            let e = qd_ledger::entry(tx, e)
                .await?
                .ok_or_else(|| Problem::bug("entry_lost", "a payout's ledger entry is gone"))?;
            ledger_minor -= e
                .legs
                .iter()
                .filter(|l| l.account.purpose == Purpose::CommissionPayable)
                .map(|l| l.minor)
                .sum::<i64>();
        }
    }
    let paid = totals.get(PayoutState::Paid.as_str()).map_or(0, |t| t.minor);
    Ok(BatchView {
        batch: b.into(),
        payouts: items.into_iter().map(Payout::from).collect(),
        totals,
        ledger_minor,
        reconciled: ledger_minor == paid,
    })
}

/// Needs `commission.view`.
pub async fn get(tx: &mut Tx, caller: &Caller, id: BatchId) -> Result<BatchView> {
    let b = load(tx, caller, Right::CommissionView, id).await?;
    view(tx, b).await
}

/// Newest first.
pub async fn list(tx: &mut Tx, caller: &Caller, state: Option<BatchState>, page: &PageRequest) -> Result<Page<Batch>> {
    caller.require(Right::CommissionView)?;
    let entities = caller.allowed_entities();
    let found = store::list(tx, entities.as_deref(), state, page).await?;
    Ok(page.finish(found.into_iter().map(Batch::from).collect(), |b: &Batch| b.id.to_string()))
}
