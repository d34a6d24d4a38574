//! Paying partners. One person prepares (the money is held), another releases; a wallet is paid at
//! once, a bank transfer when somebody marks it with the bank's reference. A returned one is payable
//! again.
//!
//! prepared -> released (bank) | paid (wallet, platform) | refused; released -> paid | refused;
//! paid -> returned.
//!
//! What may be paid is said by [`figures`], from [`terms`]; many at once go in a [`batch`].

pub mod batch;
pub mod destination;
pub mod figures;
pub mod payable;
pub mod terms;

pub use destination::{Destination, Way};
pub use figures::Figures;
pub use payable::{payables, payables_mine};

use self::terms::TermsCache;
use crate::ids::{BatchId, PartnerId, PayoutId};
use crate::partner::PayoutMethod;
use crate::partner::{PartnerState, allowed, mine};
use crate::store::{lines, payouts as store};
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Page, PageRequest, Problem, Result, Ts, page::join_key, text_enum};
use qd_ledger::{AccountKey, EntryId, Leg, NewEntry, NewHold, Purpose};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::approvals::{self, ApprovalId, NewApproval, Outcome};
use qd_runtime::audit::{self, Entry};
use qd_runtime::events::{self, NewEvent};
use serde::Serialize;
use serde_json::{Value, json};

text_enum!(
    PayoutState as PartnerPayoutState {
        /// Held; waits for somebody else.
        Prepared = "prepared",
        /// Allowed; waits for the bank.
        Released = "released",
        Paid = "paid",
        Refused = "refused",
        /// Came back; payable again.
        Returned = "returned",
    }
);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerPayout)]
pub struct Payout {
    pub id: PayoutId,
    pub partner_id: PartnerId,
    pub currency: Currency,
    /// What the partner's balance loses: net, fee and tax.
    pub minor: i64,
    pub fee_minor: i64,
    pub tax_minor: i64,
    /// What arrives.
    pub net_minor: i64,
    pub method: Way,
    /// Where it goes, as it was when it was prepared.
    pub destination: Option<Destination>,
    pub batch_id: Option<BatchId>,
    pub state: PayoutState,
    /// Why it was refused or came back.
    pub cause: Option<String>,
    pub approval_id: ApprovalId,
    pub prepared_by: String,
    #[serde(rename = "prepared_at_us")]
    pub prepared_at: Ts,
    pub decided_by: Option<String>,
    #[serde(rename = "decided_at_us")]
    pub decided_at: Option<Ts>,
    #[serde(rename = "paid_at_us")]
    pub paid_at: Option<Ts>,
    pub reference: Option<String>,
    pub entry_id: Option<EntryId>,
    #[serde(rename = "returned_at_us")]
    pub returned_at: Option<Ts>,
    pub version: i64,
}

impl From<store::PayoutRow> for Payout {
    fn from(p: store::PayoutRow) -> Self {
        Payout {
            id: p.id,
            partner_id: p.partner_id,
            currency: p.currency,
            minor: p.minor,
            fee_minor: p.fee_minor,
            tax_minor: p.tax_minor,
            net_minor: p.net_minor,
            method: p.method,
            destination: p.destination.and_then(|d| serde_json::from_value(d).ok()),
            batch_id: p.batch_id,
            state: p.state,
            cause: p.cause,
            approval_id: p.approval_id,
            prepared_by: p.prepared_by,
            prepared_at: p.prepared_at,
            decided_by: p.decided_by,
            decided_at: p.decided_at,
            paid_at: p.paid_at,
            reference: p.reference,
            entry_id: p.entry_id,
            returned_at: p.returned_at,
            version: p.version,
        }
    }
}

/// What the partner is owed.
pub fn payable(partner: PartnerId, currency: Currency) -> AccountKey {
    AccountKey::new(format!("partner:{partner}"), Purpose::CommissionPayable, currency)
}

fn hold_name(id: PayoutId) -> String {
    format!("partner_payout:{id}")
}

/// Holds the money and asks for a release. Needs `payouts.prepare`; refused (`insufficient_funds`)
/// when the partner is not owed so much, (`not_payable_yet`) when a part of it is held or reserved.
pub async fn prepare(tx: &mut Tx, core: &Core, caller: &Caller, partner: PartnerId, amount: Amount) -> Result<Payout> {
    let p = allowed(tx, caller, Right::PayoutsPrepare, partner).await?;
    let amount = amount.positive("amount")?;
    if p.state != PartnerState::Active {
        return Err(Problem::conflict(
            "partner_state",
            format!("a partner who is {} is not paid", p.state),
        ));
    }
    lines::lock_purse(tx, partner, amount.currency).await?;
    let mut cache = TermsCache::default();
    let (terms, own) = cache.of(tx, partner, &p.entity).await?;
    let to = terms::destination(&p, &own);
    let f = payable::of(tx, &terms, partner, amount.currency, core.now()).await?;
    // A person may pay what is on no statement yet; what is held or reserved nobody pays.
    let most = f.balance_minor - f.under_way_minor - f.held_minor - f.reserved_minor;
    if amount.minor > most && amount.minor <= f.balance_minor - f.under_way_minor {
        return Err(Problem::conflict(
            "not_payable_yet",
            format!(
                "of {} there are {} held and {} in reserve",
                Amount::new(f.balance_minor, amount.currency).text(),
                Amount::new(f.held_minor, amount.currency).text(),
                Amount::new(f.reserved_minor, amount.currency).text()
            ),
        ));
    }
    let id = PayoutId::new(&core.env);
    hold(tx, core, id, partner, amount).await?;
    let mut ask = NewApproval::new(
        format!("partner_payout:{id}"),
        Right::PayoutsRelease,
        1,
        format!("payout to partner {partner}"),
    )
    .amount(amount);
    ask.entity = Some(p.entity.clone());
    let approval_id = approvals::request(tx, core, caller, ask).await?;
    let c = figures::cost(&terms, amount.currency, amount.minor)?;
    let row = row(
        core,
        caller,
        id,
        partner,
        amount,
        c,
        to.as_ref(),
        p.payout_method,
        approval_id,
        None,
    )?;
    store::insert(tx, &row).await?;
    record(tx, core, caller, "payout.prepare", &row, Some(p.entity), None).await?;
    Ok(row.into())
}

pub(super) async fn hold(tx: &mut Tx, core: &Core, id: PayoutId, partner: PartnerId, amount: Amount) -> Result<()> {
    let hold = NewHold {
        account: payable(partner, amount.currency),
        minor: amount.minor,
        reference: hold_name(id),
        expires_at: None,
    };
    qd_ledger::hold(tx, core, hold).await.map(|_| ())
}

#[allow(clippy::too_many_arguments, reason = "the parts of one row")]
pub(super) fn row(
    core: &Core,
    caller: &Caller,
    id: PayoutId,
    partner: PartnerId,
    amount: Amount,
    c: figures::Cost,
    to: Option<&Destination>,
    method: PayoutMethod,
    approval_id: ApprovalId,
    batch_id: Option<BatchId>,
) -> Result<store::PayoutRow> {
    if c.net_minor <= 0 {
        return Err(Problem::conflict("fee_exceeds", "fee and tax leave nothing of this payout"));
    }
    let way = to.map_or(
        match method {
            PayoutMethod::Wallet => Way::Wallet,
            PayoutMethod::Bank => Way::Bank,
        },
        |d| d.way,
    );
    Ok(store::PayoutRow {
        id,
        partner_id: partner,
        currency: amount.currency,
        minor: amount.minor,
        fee_minor: c.fee_minor,
        tax_minor: c.tax_minor,
        net_minor: c.net_minor,
        method: way,
        destination: to.map(serde_json::to_value).transpose()?,
        batch_id,
        state: PayoutState::Prepared,
        cause: None,
        approval_id,
        prepared_by: caller.id(),
        prepared_at: core.now(),
        decided_by: None,
        decided_at: None,
        paid_at: None,
        reference: None,
        entry_id: None,
        return_entry_id: None,
        statement_id: None,
        return_statement_id: None,
        returned_at: None,
        version: 1,
    })
}

/// The other person's yes or no. `seen`: what the person had before them. A wallet is paid with the
/// yes. Needs `payouts.release`; the preparer is refused (`approval_own_request`).
pub async fn decide(tx: &mut Tx, core: &Core, caller: &Caller, id: PayoutId, approve: bool, reason: &str, seen: Value) -> Result<Payout> {
    let mut row = store::get(tx, id).await?.ok_or_else(|| Problem::missing("payout"))?;
    let p = allowed(tx, caller, Right::PayoutsRelease, row.partner_id).await?;
    if row.state != PayoutState::Prepared {
        return Err(Problem::conflict("payout_state", format!("this payout is {} already", row.state)));
    }
    if let Some(b) = row.batch_id {
        return Err(Problem::conflict("payout_in_batch", format!("decide on the whole batch {b}")));
    }
    match approvals::vote(tx, core, caller, row.approval_id, approve, reason, seen).await? {
        Outcome::Waiting { .. } => return Ok(row.into()),
        Outcome::Refused => refuse(tx, core, caller, &mut row, reason).await?,
        Outcome::Approved => release(tx, core, caller, &mut row, &p).await?,
    }
    store::update(tx, &row).await?;
    row.version += 1;
    record(tx, core, caller, "payout.decide", &row, Some(p.entity), Some(reason)).await?;
    Ok(row.into())
}

/// Lets the held money go; the caller writes the row.
pub(super) async fn refuse(tx: &mut Tx, core: &Core, caller: &Caller, row: &mut store::PayoutRow, cause: &str) -> Result<()> {
    lines::lock_purse(tx, row.partner_id, row.currency).await?;
    qd_ledger::release(tx, core, &hold_name(row.id)).await?;
    row.state = PayoutState::Refused;
    row.cause = Some(cause.to_string());
    if row.decided_at.is_none() {
        row.decided_by = Some(caller.id());
        row.decided_at = Some(core.now());
    }
    Ok(())
}

/// The yes: a wallet is paid at once, a bank waits. The caller writes the row.
pub(super) async fn release(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    row: &mut store::PayoutRow,
    p: &crate::store::partners::PartnerRow,
) -> Result<()> {
    // Corrections since it was prepared may have taken from what was held.
    lines::lock_purse(tx, row.partner_id, row.currency).await?;
    if qd_ledger::balance(tx, &payable(row.partner_id, row.currency)).await?.balance_minor < row.minor {
        return Err(Problem::conflict(
            qd_ledger::INSUFFICIENT_FUNDS,
            format!(
                "the partner {} is owed less than this by now; refuse it and prepare another",
                row.partner_id
            ),
        ));
    }
    row.state = PayoutState::Released;
    row.decided_by = Some(caller.id());
    row.decided_at = Some(core.now());
    if row.method != Way::Bank {
        let client = p
            .client_id
            .clone()
            .ok_or_else(|| Problem::conflict("wallet_missing", "the partner has no client wallet"))?;
        let to = AccountKey::new(format!("client:{client}"), Purpose::Wallet, row.currency);
        pay(tx, core, row, &p.entity, to, None).await?;
    }
    Ok(())
}

/// The bank has paid: `connection` is the bank's ledger name (`psp:<connection>`), `reference` what
/// its statement says. Needs `payouts.release`. Repeated with the same reference it answers the same.
pub async fn mark_paid(tx: &mut Tx, core: &Core, caller: &Caller, id: PayoutId, connection: &str, reference: &str) -> Result<Payout> {
    let mut row = store::get(tx, id).await?.ok_or_else(|| Problem::missing("payout"))?;
    let p = allowed(tx, caller, Right::PayoutsRelease, row.partner_id).await?;
    if row.state == PayoutState::Paid && row.reference.as_deref() == Some(reference) {
        return Ok(row.into());
    }
    if row.state != PayoutState::Released || row.method != Way::Bank {
        return Err(Problem::conflict(
            "payout_state",
            format!("this payout is {} by {}", row.state, row.method),
        ));
    }
    if reference.trim().is_empty() || reference.len() > 140 {
        return Err(Problem::invalid("reference", "text_malformed", "expected 1 to 140 characters"));
    }
    let bank = AccountKey::new(format!("psp:{connection}"), Purpose::Clearing, row.currency);
    pay(tx, core, &mut row, &p.entity, bank, Some(reference)).await?;
    store::update(tx, &row).await?;
    row.version += 1;
    record(tx, core, caller, "payout.paid", &row, Some(p.entity), None).await?;
    Ok(row.into())
}

/// Settles the hold: what we owed is now in `to`.
pub(super) async fn pay(
    tx: &mut Tx,
    core: &Core,
    row: &mut store::PayoutRow,
    entity: &str,
    to: AccountKey,
    reference: Option<&str>,
) -> Result<()> {
    let mut purse = lines::lock_purse(tx, row.partner_id, row.currency).await?;
    let now = core.now();
    let entry = NewEntry {
        kind: "partner.paid",
        reference: format!("partner_payout:{}:paid", row.id),
        legs: legs(row, entity, to),
        source: format!("partner_payout:{}", row.id),
        value_at: now,
        note: reference.map(str::to_string),
        fx: None,
    };
    let posted = qd_ledger::settle(tx, core, &hold_name(row.id), entry).await?;
    purse.paid_minor += row.minor;
    lines::write_purse(tx, row.partner_id, row.currency, &purse).await?;
    row.state = PayoutState::Paid;
    row.paid_at = Some(now);
    row.entry_id = Some(posted.entry_id);
    row.reference = Some(reference.map_or_else(|| posted.entry_id.to_string(), str::to_string));
    let payload = json!({"partner_id": row.partner_id, "payout_id": row.id, "minor": row.minor, "net_minor": row.net_minor, "currency": row.currency, "method": row.method,
            "account": row.destination.as_ref().and_then(|d| d.get("account"))});
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "partner.paid",
            aggregate: format!("partner:{}", row.partner_id),
            entity: Some(entity.to_string()),
            payload,
        },
    )
    .await?;
    Ok(())
}

/// What left our debt to the partner arrives, is our fee, or is the tax office's.
fn legs(row: &store::PayoutRow, entity: &str, to: AccountKey) -> Vec<Leg> {
    let house = |purpose| AccountKey::new(format!("house:{entity}"), purpose, row.currency);
    let mut legs = vec![
        Leg::new(payable(row.partner_id, row.currency), -row.minor),
        Leg::new(to, row.net_minor),
    ];
    if row.fee_minor != 0 {
        legs.push(Leg::new(house(Purpose::Fees), row.fee_minor));
    }
    if row.tax_minor != 0 {
        legs.push(Leg::new(house(Purpose::Suspense), row.tax_minor));
    }
    legs
}

/// The bank sent it back, before or after it was booked as paid: the partner is owed it again, and it
/// can be paid again. A payout to a wallet is not returned; the partner has it. Needs
/// `payouts.release`.
pub async fn mark_returned(tx: &mut Tx, core: &Core, caller: &Caller, id: PayoutId, reason: &str) -> Result<Payout> {
    let mut row = store::get(tx, id).await?.ok_or_else(|| Problem::missing("payout"))?;
    let p = allowed(tx, caller, Right::PayoutsRelease, row.partner_id).await?;
    if row.state == PayoutState::Returned || (row.state == PayoutState::Refused && row.cause.as_deref() == Some(reason)) {
        return Ok(row.into());
    }
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    if (row.state, row.method) == (PayoutState::Released, Way::Bank) {
        refuse(tx, core, caller, &mut row, reason).await?;
        store::update(tx, &row).await?;
        row.version += 1;
        record(tx, core, caller, "payout.returned", &row, Some(p.entity), Some(reason)).await?;
        return Ok(row.into());
    }
    let (PayoutState::Paid, Way::Bank, Some(entry)) = (row.state, row.method, row.entry_id) else {
        return Err(Problem::conflict(
            "payout_state",
            format!("this payout is {} by {}", row.state, row.method),
        ));
    };
    let mut purse = lines::lock_purse(tx, row.partner_id, row.currency).await?;
    let back = qd_ledger::reverse(tx, core, entry, &format!("partner_payout:{id}:returned"), reason).await?;
    purse.paid_minor -= row.minor;
    lines::write_purse(tx, row.partner_id, row.currency, &purse).await?;
    row.state = PayoutState::Returned;
    row.returned_at = Some(core.now());
    row.return_entry_id = Some(back.entry_id);
    row.cause = Some(reason.to_string());
    store::update(tx, &row).await?;
    row.version += 1;
    record(tx, core, caller, "payout.returned", &row, Some(p.entity), Some(reason)).await?;
    Ok(row.into())
}

pub(super) async fn record(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    row: &store::PayoutRow,
    entity: Option<String>,
    reason: Option<&str>,
) -> Result<()> {
    let after = json!({"partner": row.partner_id, "minor": row.minor, "net_minor": row.net_minor, "batch": row.batch_id, "currency": row.currency, "method": row.method, "state": row.state, "reference": row.reference});
    let mut e = Entry::new(caller, action, format!("partner_payout:{}", row.id))
        .entity(entity)
        .after(after);
    if let Some(r) = reason {
        e = e.reason(r);
    }
    audit::record(tx, core, e).await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, caller: &Caller, id: PayoutId) -> Result<Payout> {
    let row = store::get(tx, id).await?.ok_or_else(|| Problem::missing("payout"))?;
    allowed(tx, caller, Right::CommissionView, row.partner_id).await?;
    Ok(row.into())
}

/// Newest first, of one partner.
pub async fn list(tx: &mut Tx, caller: &Caller, partner: PartnerId, page: &PageRequest) -> Result<Page<Payout>> {
    allowed(tx, caller, Right::CommissionView, partner).await?;
    page_of(tx, partner, page).await
}

pub async fn my_list(tx: &mut Tx, caller: &Caller, page: &PageRequest) -> Result<Page<Payout>> {
    let me = mine(tx, caller).await?;
    page_of(tx, me.id, page).await
}

async fn page_of(tx: &mut Tx, partner: PartnerId, page: &PageRequest) -> Result<Page<Payout>> {
    let rows = store::list(tx, Some(partner), page).await?;
    Ok(page.finish(rows.into_iter().map(Payout::from).collect(), |p: &Payout| {
        join_key(&[&p.prepared_at.micros().to_string(), &p.id.to_string()])
    }))
}
