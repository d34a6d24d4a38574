//! Batches of payments by bank: prepared by one person, released by another, one payment file each.

use super::payments::{self, PaymentView};
use super::{BatchState, PaymentKind, PaymentState, accounts};
use crate::store::{self, BankBatchRow};
use crate::{BankBatchId, BankPaymentId, withdrawal};
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Page, PageRequest, Problem, Result, Ts};
use qd_ports::bank::{Message, Transfer, plain_id};
use qd_ports::psp::RefundState;
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::approvals::{self, ApprovalId, NewApproval, Outcome};
use qd_runtime::audit::{self, Entry};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Payments in one batch: bounds the transaction that prepares or releases it.
const MOST: i64 = 500;

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBankBatch, example = json!({"entity": "eu", "connection": "bank-eu", "currency": "EUR"}))]
pub struct NewBatch {
    pub entity: String,
    pub connection: String,
    #[schema(value_type = String)]
    pub currency: Currency,
    /// Only these; without it all that wait and have an account.
    #[serde(default)]
    pub payment_ids: Option<Vec<BankPaymentId>>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BankBatch)]
pub struct BatchView {
    pub id: BankBatchId,
    pub entity: String,
    pub connection: String,
    pub state: BatchState,
    pub approval_id: String,
    pub items: i64,
    pub amount: Amount,
    pub prepared_by: String,
    pub prepared_at_us: Ts,
    pub decided_by: Option<String>,
    pub decided_at_us: Option<Ts>,
    /// Of one batch; empty in lists.
    pub payments: Vec<PaymentView>,
    pub version: i64,
}

fn shown(b: BankBatchRow, payments: Vec<PaymentView>) -> BatchView {
    BatchView {
        amount: Amount::new(b.amount_minor, b.currency),
        id: b.id,
        entity: b.entity,
        connection: b.connection,
        state: b.state,
        approval_id: b.approval_id,
        items: b.items,
        prepared_by: b.prepared_by,
        prepared_at_us: b.prepared_at,
        decided_by: b.decided_by,
        decided_at_us: b.decided_at,
        payments,
        version: b.version,
    }
}

async fn view(tx: &mut Tx, b: BankBatchRow) -> Result<BatchView> {
    let payments = store::bank_payments_of(tx, b.id).await?;
    Ok(shown(b, payments.into_iter().map(PaymentView::from).collect()))
}

async fn scoped(tx: &mut Tx, caller: &Caller, right: Right, id: BankBatchId) -> Result<BankBatchRow> {
    caller.require(right)?;
    store::bank_batch(tx, id)
        .await?
        .filter(|b| caller.enters(Some(&b.entity)))
        .ok_or_else(|| Problem::missing("bank batch"))
}

/// Takes what waits into a batch. Somebody else releases it.
pub async fn prepare(tx: &mut Tx, core: &Core, caller: &Caller, new: NewBatch) -> Result<BatchView> {
    caller.require(Right::WithdrawalsPayout)?;
    if !caller.enters(Some(&new.entity)) {
        return Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"));
    }
    if accounts(tx, &new.entity).await?.of(&new.connection, new.currency).is_none() {
        return Err(Problem::invalid(
            "connection",
            "account_unknown",
            format!(
                "expected a connection with an account in {} in the setting {}",
                new.currency,
                super::ACCOUNTS
            ),
        ));
    }
    let wanted = |id: &BankPaymentId| new.payment_ids.as_ref().is_none_or(|w| w.contains(id));
    let mut chosen = Vec::new();
    let entity = [new.entity.clone()];
    for p in store::bank_payments_waiting(tx, Some(&entity), Some(&new.connection), MOST).await? {
        if p.currency == new.currency && wanted(&p.id) && payments::missing(&p).is_none() {
            chosen.push(p);
        }
    }
    if chosen.is_empty() || new.payment_ids.as_ref().is_some_and(|w| w.len() != chosen.len()) {
        return Err(Problem::conflict(
            "batch_empty",
            "nothing that can be paid waits here, or not all that was named",
        ));
    }
    let id = BankBatchId::new(&core.env);
    let mut sum = Amount::new(0, new.currency);
    for p in &mut chosen {
        sum = sum.add(Amount::new(p.amount_minor, p.currency))?;
        p.state = PaymentState::Batched;
        p.batch_id = Some(id);
        payments::save(tx, core, p).await?;
    }
    let ask = NewApproval {
        entity: Some(new.entity.clone()),
        ..NewApproval::new(
            format!("bank_batch:{id}"),
            Right::WithdrawalsPayout,
            1,
            format!("{} payments by {}", chosen.len(), new.connection),
        )
        .amount(sum)
    };
    let b = BankBatchRow {
        id,
        entity: new.entity,
        connection: new.connection,
        currency: new.currency,
        state: BatchState::Prepared,
        approval_id: approvals::request(tx, core, caller, ask).await?.to_string(),
        items: i64::try_from(chosen.len()).unwrap_or(i64::MAX),
        amount_minor: sum.minor,
        prepared_by: caller.id(),
        prepared_at: core.now(),
        decided_by: None,
        decided_at: None,
        version: 1,
    };
    store::insert_bank_batch(tx, &b).await?;
    note(tx, core, caller, "bank_batch.prepared", &b, None).await?;
    view(tx, b).await
}

/// Another person's yes or no. Released, the payments are the bank's; refused, they wait again.
pub async fn decide(tx: &mut Tx, core: &Core, caller: &Caller, id: BankBatchId, approve: bool, why: &str) -> Result<BatchView> {
    let mut b = scoped(tx, caller, Right::WithdrawalsPayout, id).await?;
    if b.state != BatchState::Prepared {
        return Err(Problem::conflict("batch_state", format!("this batch is {} already", b.state)));
    }
    let items = store::bank_payments_of(tx, id).await?;
    let seen = json!({"items": b.items, "amount": Amount::new(b.amount_minor, b.currency), "payments": items.iter().map(|p| p.id).collect::<Vec<_>>()});
    let approval = ApprovalId::parse(&b.approval_id)?;
    let released = match approvals::vote(tx, core, caller, approval, approve, why, seen).await? {
        Outcome::Waiting { .. } => return view(tx, b).await,
        Outcome::Approved => true,
        Outcome::Refused => false,
    };
    b.state = if released { BatchState::Released } else { BatchState::Refused };
    b.decided_by = Some(caller.id());
    b.decided_at = Some(core.now());
    // The row first: two people at once must not both release it.
    if !store::update_bank_batch(tx, &b).await? {
        return Err(Problem::unavailable(
            "batch_changed",
            "this batch was changed a moment ago; try again",
        ));
    }
    b.version += 1;
    for mut p in items {
        match (released, p.kind, p.withdrawal_id, p.n) {
            // The leg first, which tells its payment.
            (true, PaymentKind::Leg, Some(w), Some(n)) => {
                if p.state != PaymentState::Batched {
                    continue;
                }
                p.state = PaymentState::Sent;
                payments::save(tx, core, &mut p).await?;
                withdrawal::bank_told(tx, core, caller, w, n, RefundState::Pending, None, None).await?;
            }
            (true, ..) => {
                p.state = PaymentState::Sent;
                payments::save(tx, core, &mut p).await?;
            }
            (false, ..) if p.state == PaymentState::Batched => {
                p.state = PaymentState::Waiting;
                p.batch_id = None;
                payments::save(tx, core, &mut p).await?;
            }
            (false, ..) => {}
        }
    }
    note(tx, core, caller, "bank_batch.decided", &b, Some(why)).await?;
    view(tx, b).await
}

/// What the bank is asked to pay: of a released batch, the same each time.
pub async fn message(tx: &mut Tx, caller: &Caller, id: BankBatchId) -> Result<Message> {
    let b = scoped(tx, caller, Right::WithdrawalsPayout, id).await?;
    if b.state != BatchState::Released {
        return Err(Problem::conflict(
            "batch_state",
            format!("a payment file is made of a released batch; this one is {}", b.state),
        ));
    }
    let debtor = accounts(tx, &b.entity)
        .await?
        .of(&b.connection, b.currency)
        .ok_or_else(|| {
            Problem::conflict(
                "account_unknown",
                format!("the setting {} has no account for this batch any more", super::ACCOUNTS),
            )
        })?
        .debtor();
    let transfers = store::bank_payments_of(tx, id)
        .await?
        .into_iter()
        .map(|p| Transfer {
            text: format!(
                "{} {}",
                if p.kind == PaymentKind::Leg {
                    "Withdrawal"
                } else {
                    "Returned payment"
                },
                plain_id(&p.id.to_string())
            ),
            id: p.id.to_string(),
            minor: p.amount_minor,
            name: p.holder.unwrap_or_default(),
            iban: p.account.unwrap_or_default(),
            bic: p.bic,
        })
        .collect();
    Ok(Message {
        id: b.id.to_string(),
        created: b.decided_at.unwrap_or(b.prepared_at),
        currency: b.currency,
        debtor,
        transfers,
    })
}

/// Needs `withdrawals.view`.
pub async fn get(tx: &mut Tx, caller: &Caller, id: BankBatchId) -> Result<BatchView> {
    let b = scoped(tx, caller, Right::WithdrawalsView, id).await?;
    view(tx, b).await
}

/// The newest first, without their payments.
pub async fn list(tx: &mut Tx, caller: &Caller, page: &PageRequest) -> Result<Page<BatchView>> {
    caller.require(Right::WithdrawalsView)?;
    let rows = store::bank_batches(tx, caller.allowed_entities().as_deref(), page).await?;
    let rows = page.finish(rows, |b| b.id.to_string());
    Ok(Page {
        items: rows.items.into_iter().map(|b| shown(b, Vec::new())).collect(),
        next_cursor: rows.next_cursor,
    })
}

async fn note(tx: &mut Tx, core: &Core, caller: &Caller, action: &'static str, b: &BankBatchRow, why: Option<&str>) -> Result<()> {
    audit::record(
        tx,
        core,
        Entry {
            entity: Some(b.entity.clone()),
            after: Some(
                json!({"state": b.state, "items": b.items, "amount": Amount::new(b.amount_minor, b.currency), "connection": b.connection}),
            ),
            reason: why.map(str::to_string),
            ..Entry::new(caller, action, format!("bank_batch:{}", b.id))
        },
    )
    .await
    .map(|_| ())
}
