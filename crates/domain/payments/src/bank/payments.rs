//! Payments by bank: a withdrawal's leg or an entry sent back. They wait for a batch, leave with it, and
//! end by what the bank says: its answer to the file, the account's statement, or a return.

use super::{PaymentKind, PaymentState, entries, outgoing, payable, tail_of};
use crate::store::{self, BankEntryRow, BankPaymentRow, LegRow, WithdrawalRow};
use crate::withdrawal::{self, LegEffect, LegKind, LegState, PlannedLeg, leg};
use crate::{BankBatchId, BankEntryId, BankPaymentId, WithdrawalId};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result, Ts};
use qd_ports::bank::{BankEntry, Direction, PaymentStatus, StatusWord};
use qd_ports::psp::RefundState;
use qd_runtime::access::{Caller, Right};
use qd_runtime::{Core, exceptions};
use serde::Serialize;
use serde_json::json;

/// Of a list of what waits.
const LISTED: i64 = 500;

/// A receiver: holder, account, BIC.
pub(crate) type Receiver = (String, String, Option<String>);

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BankPayment)]
pub struct PaymentView {
    pub id: BankPaymentId,
    pub entity: String,
    pub connection: String,
    pub kind: PaymentKind,
    pub withdrawal_id: Option<WithdrawalId>,
    pub n: Option<i64>,
    pub client_id: Option<String>,
    pub amount: Amount,
    pub holder: Option<String>,
    /// The last four characters of the receiver's account.
    pub last4: Option<String>,
    pub state: PaymentState,
    pub batch_id: Option<BankBatchId>,
    /// Why it cannot go into a batch yet: `account_missing`, `account_malformed`; or the bank's code.
    pub reason: Option<String>,
    pub created_at_us: Ts,
}

impl From<BankPaymentRow> for PaymentView {
    fn from(p: BankPaymentRow) -> Self {
        PaymentView {
            amount: Amount::new(p.amount_minor, p.currency),
            last4: p.account.as_deref().map(tail_of),
            reason: match p.state {
                PaymentState::Waiting => missing(&p).map(str::to_string),
                _ => p.reason,
            },
            id: p.id,
            entity: p.entity,
            connection: p.connection,
            kind: p.kind,
            withdrawal_id: p.withdrawal_id,
            n: p.n,
            client_id: p.client_id,
            holder: p.holder,
            state: p.state,
            batch_id: p.batch_id,
            created_at_us: p.created_at,
        }
    }
}

/// What keeps a payment out of a batch.
pub(super) fn missing(p: &BankPaymentRow) -> Option<&'static str> {
    match (&p.account, &p.holder) {
        (Some(a), Some(h)) if payable(a, h, p.bic.as_deref()).is_ok() => None,
        (Some(_), Some(_)) => Some("account_malformed"),
        _ => Some("account_missing"),
    }
}

/// What waits for a batch, the oldest first. Needs `withdrawals.view`.
pub async fn waiting(tx: &mut Tx, caller: &Caller) -> Result<Vec<PaymentView>> {
    caller.require(Right::WithdrawalsView)?;
    let rows = store::bank_payments_waiting(tx, caller.allowed_entities().as_deref(), None, LISTED).await?;
    Ok(rows.into_iter().map(PaymentView::from).collect())
}

pub(super) async fn save(tx: &mut Tx, core: &Core, p: &mut BankPaymentRow) -> Result<()> {
    p.changed_at = core.now();
    if !store::update_bank_payment(tx, p).await? {
        return Err(Problem::unavailable(
            "bank_payment_changed",
            "this payment was changed a moment ago; try again",
        ));
    }
    p.version += 1;
    Ok(())
}

/// Who a planned part goes to by bank; None when nobody named an account, or it does not go by bank.
pub(crate) async fn receiver(tx: &mut Tx, w: &WithdrawalRow, p: &PlannedLeg) -> Result<Option<Receiver>> {
    if p.kind() != LegKind::Bank {
        return Ok(None);
    }
    if let Some(s) = &p.source {
        let e = store::bank_entry(tx, BankEntryId::parse(&s.payment_ref)?).await?;
        let own = e.filter(|e| e.client_id.as_deref() == Some(w.client_id.as_str()));
        return Ok(own.and_then(|e| Some((e.party_name?, e.party_account?, e.party_bic))));
    }
    match p.target() {
        Some(id) => Ok(store::target(tx, id).await?.map(|t| (t.holder, t.account, t.bic))),
        None => Ok(None),
    }
}

/// A leg by bank waits for its batch.
pub(crate) async fn leg_planned(tx: &mut Tx, core: &Core, w: &WithdrawalRow, l: &LegRow, to: Option<Receiver>) -> Result<()> {
    let connection = match &l.connection {
        Some(c) => c.clone(),
        None => outgoing(tx, &w.entity, l.currency).await?,
    };
    let (holder, account, bic) = to.map_or((None, None, None), |(h, a, b)| (Some(h), Some(a), b));
    let p = BankPaymentRow {
        id: BankPaymentId::new(&core.env),
        entity: w.entity.clone(),
        connection,
        kind: PaymentKind::Leg,
        withdrawal_id: Some(l.withdrawal_id),
        n: Some(l.n),
        entry_id: None,
        client_id: Some(w.client_id.clone()),
        amount_minor: l.amount_minor,
        currency: l.currency,
        holder,
        account,
        bic,
        state: PaymentState::Waiting,
        batch_id: None,
        reason: None,
        created_at: core.now(),
        changed_at: core.now(),
        version: 1,
    };
    store::insert_bank_payment(tx, &p).await.map(|_| ())
}

/// The leg of this payment has ended, or goes on.
pub(crate) async fn leg_told(tx: &mut Tx, core: &Core, id: WithdrawalId, n: i64, state: PaymentState, code: Option<&str>) -> Result<()> {
    let Some(mut p) = store::bank_payment_of_leg(tx, id, n).await? else {
        return Ok(());
    };
    p.state = state;
    if code.is_some() {
        p.reason = code.map(str::to_string);
    }
    save(tx, core, &mut p).await
}

/// An entry goes back to who sent it.
pub(super) async fn send_back(tx: &mut Tx, core: &Core, e: &BankEntryRow) -> Result<BankPaymentId> {
    let p = BankPaymentRow {
        id: BankPaymentId::new(&core.env),
        entity: e.entity.clone(),
        connection: e.connection.clone(),
        kind: PaymentKind::Return,
        withdrawal_id: None,
        n: None,
        entry_id: Some(e.id),
        client_id: None,
        amount_minor: e.amount_minor,
        currency: e.currency,
        holder: e.party_name.clone(),
        account: e.party_account.clone(),
        bic: e.party_bic.clone(),
        state: PaymentState::Waiting,
        batch_id: None,
        reason: None,
        created_at: core.now(),
        changed_at: core.now(),
        version: 1,
    };
    if missing(&p).is_some() {
        return Err(Problem::conflict(
            "payer_account_unknown",
            "the bank did not say which account it came from; ask the bank to return it",
        ));
    }
    store::insert_bank_payment(tx, &p).await?;
    Ok(p.id)
}

/// `bpm-01JD…` as banks write it back, whatever the case.
fn id_of(end_to_end: &str) -> Option<BankPaymentId> {
    let plain = end_to_end.trim();
    let (head, body) = plain.split_at_checked(4)?;
    if !head.eq_ignore_ascii_case("bpm-") && !head.eq_ignore_ascii_case("bpm_") {
        return None;
    }
    BankPaymentId::parse(&format!("bpm_{}", body.to_ascii_uppercase())).ok()
}

fn batch_of(message: &str) -> Option<BankBatchId> {
    let plain = message.trim();
    let (head, body) = plain.split_at_checked(4)?;
    if !head.eq_ignore_ascii_case("bbt-") && !head.eq_ignore_ascii_case("bbt_") {
        return None;
    }
    BankBatchId::parse(&format!("bbt_{}", body.to_ascii_uppercase())).ok()
}

/// It was released: only then can a bank speak of it.
fn left(p: &BankPaymentRow) -> bool {
    !matches!(p.state, PaymentState::Waiting | PaymentState::Batched)
}

/// Payments of ours that an entry is about: by the reference we gave it, or a whole file that the bank
/// booked as one sum. Another sum than ours is not ours.
pub(super) async fn by_reference(tx: &mut Tx, connection: &str, e: &BankEntry) -> Result<Vec<BankPaymentRow>> {
    if let Some(id) = e.end_to_end.as_deref().and_then(id_of) {
        let found = store::bank_payment(tx, id).await?;
        let fits = |p: &BankPaymentRow| {
            p.connection == connection && left(p) && p.amount_minor == e.amount.minor && p.currency == e.amount.currency
        };
        return Ok(found.filter(fits).into_iter().collect());
    }
    if e.direction == Direction::In {
        return Ok(Vec::new());
    }
    let Some(batch) = e.message_ref.as_deref().and_then(batch_of) else {
        return Ok(Vec::new());
    };
    let all: Vec<BankPaymentRow> = store::bank_payments_of(tx, batch).await?.into_iter().filter(left).collect();
    let sum: i64 = all.iter().map(|p| p.amount_minor).sum();
    let fits = all
        .iter()
        .all(|p| p.connection == connection && p.currency == e.amount.currency && p.state == PaymentState::Sent);
    Ok(if fits && sum == e.amount.minor { all } else { Vec::new() })
}

/// What the bank says of one payment.
pub(super) async fn told(
    tx: &mut Tx,
    core: &Core,
    who: &Caller,
    id: BankPaymentId,
    state: RefundState,
    reference: Option<&str>,
    code: Option<&str>,
) -> Result<()> {
    let mut p = store::bank_payment(tx, id).await?.ok_or_else(|| Problem::missing("bank payment"))?;
    if let (PaymentKind::Leg, Some(w), Some(n)) = (p.kind, p.withdrawal_id, p.n) {
        return withdrawal::bank_told(tx, core, who, w, n, state, reference, code).await;
    }
    let before = match p.state {
        PaymentState::Waiting | PaymentState::Batched => LegState::Planned,
        PaymentState::Sent => LegState::Pending,
        PaymentState::Paid => LegState::Paid,
        PaymentState::Failed | PaymentState::Returned => LegState::Returned,
    };
    let (to, step, gone) = match leg(before, state) {
        LegEffect::Nothing => return Ok(()),
        LegEffect::Pending => {
            p.state = PaymentState::Sent;
            return save(tx, core, &mut p).await;
        }
        LegEffect::Paid => (PaymentState::Paid, "sent_back", true),
        LegEffect::Failed => (PaymentState::Failed, "not_sent_back", false),
        LegEffect::CameBack => (PaymentState::Returned, "came_back", false),
    };
    p.state = to;
    p.reason = code.map(str::to_string);
    let entry = p.entry_id;
    save(tx, core, &mut p).await?;
    match entry {
        Some(e) => entries::returned(tx, core, who, e, &format!("{step}:{id}"), gone).await,
        None => Ok(()),
    }
}

/// A line of the bank's answer to a payment file; false when it is about nothing of ours.
pub(super) async fn answered(tx: &mut Tx, core: &Core, entity: &str, s: &PaymentStatus) -> Result<bool> {
    let who = Caller::system("job:bank.read");
    let found: Vec<BankPaymentRow> = match (&s.end_to_end, &s.message) {
        (Some(e), _) => match id_of(e) {
            Some(id) => store::bank_payment(tx, id).await?.into_iter().collect(),
            None => Vec::new(),
        },
        (None, Some(m)) => match batch_of(m) {
            Some(b) => store::bank_payments_of(tx, b).await?,
            None => Vec::new(),
        },
        (None, None) => Vec::new(),
    };
    let found: Vec<BankPaymentRow> = found.into_iter().filter(|p| p.entity == entity && left(p)).collect();
    for p in &found {
        let state = match s.state {
            StatusWord::Pending => RefundState::Pending,
            StatusWord::Paid => RefundState::Succeeded,
            StatusWord::Refused => RefundState::Failed,
            StatusWord::Unknown => {
                unclear(tx, core, p, s).await?;
                continue;
            }
        };
        told(tx, core, &who, p.id, state, None, s.reason.as_deref().or(Some(&s.word))).await?;
    }
    Ok(!found.is_empty())
}

async fn unclear(tx: &mut Tx, core: &Core, p: &BankPaymentRow, s: &PaymentStatus) -> Result<()> {
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind: "bank.answer_unclear",
            subject: format!("bank_payment:{}", p.id),
            entity: Some(p.entity.clone()),
            client_id: p.client_id.clone(),
            owner_role: "finance",
            rule: "bank_word_unknown",
            cause: format!("the bank says {:.20} about a payment, a word this version does not know", s.word),
            detail: json!({"payment_id": p.id, "word": s.word, "reason": s.reason, "line": s.line}),
            retry: None,
        },
    )
    .await
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_references_are_known_however_a_bank_writes_them() {
        let id = BankPaymentId::from_body(7);
        let plain = qd_ports::bank::plain_id(&id.to_string());
        assert_eq!(id_of(&plain), Some(id));
        assert_eq!(id_of(&plain.to_uppercase()), Some(id));
        assert_eq!(id_of("NOTPROVIDED"), None);
        assert_eq!(id_of("bp"), None);
        let batch = BankBatchId::from_body(9);
        assert_eq!(batch_of(&qd_ports::bank::plain_id(&batch.to_string())), Some(batch));
    }
}
