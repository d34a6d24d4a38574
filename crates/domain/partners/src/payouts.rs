//! Paying partners. One person prepares (the money is held), another releases; a wallet is paid at
//! once, a bank transfer when somebody marks it with the bank's reference. A returned one is payable
//! again.
//!
//! prepared -> released (bank) | paid (wallet) | refused; released -> paid | refused;
//! paid -> returned.

use crate::ids::{PartnerId, PayoutId};
use crate::partner::{PartnerState, PayoutMethod, allowed, mine};
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
    pub minor: i64,
    pub method: PayoutMethod,
    pub state: PayoutState,
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
            method: p.method,
            state: p.state,
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
/// when the partner is not owed so much.
pub async fn prepare(tx: &mut Tx, core: &Core, caller: &Caller, partner: PartnerId, amount: Amount) -> Result<Payout> {
    let p = allowed(tx, caller, Right::PayoutsPrepare, partner).await?;
    let amount = amount.positive("amount")?;
    if p.state != PartnerState::Active {
        return Err(Problem::conflict(
            "partner_state",
            format!("a partner who is {} is not paid", p.state),
        ));
    }
    if p.payout_method == PayoutMethod::Wallet && p.client_id.is_none() {
        return Err(Problem::conflict("wallet_missing", "the partner has no client wallet"));
    }
    let id = PayoutId::new(&core.env);
    lines::lock_purse(tx, partner, amount.currency).await?;
    let hold = NewHold {
        account: payable(partner, amount.currency),
        minor: amount.minor,
        reference: hold_name(id),
        expires_at: None,
    };
    qd_ledger::hold(tx, core, hold).await?;
    let mut ask = NewApproval::new(
        format!("partner_payout:{id}"),
        Right::PayoutsRelease,
        1,
        format!("payout to partner {partner}"),
    )
    .amount(amount);
    ask.entity = Some(p.entity.clone());
    let approval_id = approvals::request(tx, core, caller, ask).await?;
    let row = store::PayoutRow {
        id,
        partner_id: partner,
        currency: amount.currency,
        minor: amount.minor,
        method: p.payout_method,
        state: PayoutState::Prepared,
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
    };
    store::insert(tx, &row).await?;
    record(tx, core, caller, "payout.prepare", &row, Some(p.entity), None).await?;
    Ok(row.into())
}

/// The other person's yes or no. `seen`: what the person had before them. A wallet is paid with the
/// yes. Needs `payouts.release`; the preparer is refused (`approval_own_request`).
pub async fn decide(tx: &mut Tx, core: &Core, caller: &Caller, id: PayoutId, approve: bool, reason: &str, seen: Value) -> Result<Payout> {
    let mut row = store::get(tx, id).await?.ok_or_else(|| Problem::missing("payout"))?;
    let p = allowed(tx, caller, Right::PayoutsRelease, row.partner_id).await?;
    if row.state != PayoutState::Prepared {
        return Err(Problem::conflict("payout_state", format!("this payout is {} already", row.state)));
    }
    match approvals::vote(tx, core, caller, row.approval_id, approve, reason, seen).await? {
        Outcome::Waiting { .. } => return Ok(row.into()),
        Outcome::Refused => {
            lines::lock_purse(tx, row.partner_id, row.currency).await?;
            qd_ledger::release(tx, core, &hold_name(id)).await?;
            row.state = PayoutState::Refused;
        }
        Outcome::Approved => {
            // Corrections since it was prepared may have taken from what was held.
            lines::lock_purse(tx, row.partner_id, row.currency).await?;
            if qd_ledger::balance(tx, &payable(row.partner_id, row.currency)).await?.balance_minor < row.minor {
                return Err(Problem::conflict(
                    qd_ledger::INSUFFICIENT_FUNDS,
                    "the partner is owed less than this by now; refuse it and prepare another",
                ));
            }
            row.state = PayoutState::Released;
        }
    }
    row.decided_by = Some(caller.id());
    row.decided_at = Some(core.now());
    if row.state == PayoutState::Released && row.method == PayoutMethod::Wallet {
        let client = p
            .client_id
            .clone()
            .ok_or_else(|| Problem::conflict("wallet_missing", "the partner has no client wallet"))?;
        let to = AccountKey::new(format!("client:{client}"), Purpose::Wallet, row.currency);
        pay(tx, core, &mut row, &p.entity, to, None).await?;
    }
    store::update(tx, &row).await?;
    row.version += 1;
    record(tx, core, caller, "payout.decide", &row, Some(p.entity), Some(reason)).await?;
    Ok(row.into())
}

/// The bank has paid: `connection` is the bank's ledger name (`psp:<connection>`), `reference` what
/// its statement says. Needs `payouts.release`. Repeated with the same reference it answers the same.
pub async fn mark_paid(tx: &mut Tx, core: &Core, caller: &Caller, id: PayoutId, connection: &str, reference: &str) -> Result<Payout> {
    let mut row = store::get(tx, id).await?.ok_or_else(|| Problem::missing("payout"))?;
    let p = allowed(tx, caller, Right::PayoutsRelease, row.partner_id).await?;
    if row.state == PayoutState::Paid && row.reference.as_deref() == Some(reference) {
        return Ok(row.into());
    }
    if row.state != PayoutState::Released || row.method != PayoutMethod::Bank {
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
async fn pay(tx: &mut Tx, core: &Core, row: &mut store::PayoutRow, entity: &str, to: AccountKey, reference: Option<&str>) -> Result<()> {
    let mut purse = lines::lock_purse(tx, row.partner_id, row.currency).await?;
    let now = core.now();
    let entry = NewEntry {
        kind: "partner.paid",
        reference: format!("partner_payout:{}:paid", row.id),
        legs: vec![Leg::new(payable(row.partner_id, row.currency), -row.minor), Leg::new(to, row.minor)],
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
    let payload =
        json!({"partner_id": row.partner_id, "payout_id": row.id, "minor": row.minor, "currency": row.currency, "method": row.method});
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

/// The bank sent it back: the partner is owed it again. A payout to a wallet is not returned; the
/// partner has it. Needs `payouts.release`.
pub async fn mark_returned(tx: &mut Tx, core: &Core, caller: &Caller, id: PayoutId, reason: &str) -> Result<Payout> {
    let mut row = store::get(tx, id).await?.ok_or_else(|| Problem::missing("payout"))?;
    let p = allowed(tx, caller, Right::PayoutsRelease, row.partner_id).await?;
    if row.state == PayoutState::Returned {
        return Ok(row.into());
    }
    let (PayoutState::Paid, PayoutMethod::Bank, Some(entry)) = (row.state, row.method, row.entry_id) else {
        return Err(Problem::conflict(
            "payout_state",
            format!("this payout is {} by {}", row.state, row.method),
        ));
    };
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    let mut purse = lines::lock_purse(tx, row.partner_id, row.currency).await?;
    let back = qd_ledger::reverse(tx, core, entry, &format!("partner_payout:{id}:returned"), reason).await?;
    purse.paid_minor -= row.minor;
    lines::write_purse(tx, row.partner_id, row.currency, &purse).await?;
    row.state = PayoutState::Returned;
    row.returned_at = Some(core.now());
    row.return_entry_id = Some(back.entry_id);
    store::update(tx, &row).await?;
    row.version += 1;
    record(tx, core, caller, "payout.returned", &row, Some(p.entity), Some(reason)).await?;
    Ok(row.into())
}

async fn record(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    row: &store::PayoutRow,
    entity: Option<String>,
    reason: Option<&str>,
) -> Result<()> {
    let after = json!({"partner": row.partner_id, "minor": row.minor, "currency": row.currency, "method": row.method, "state": row.state, "reference": row.reference});
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
