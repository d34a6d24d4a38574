//! Hyperswitch's states into ours (payment-providers.md 0 and 5.2), each word by name. A word this
//! version does not know is open, for a person.

use crate::amount::from_wire;
use crate::wire::{Dispute, Event, Payment, Payout, Refund, our_ref};
use qd_kernel::{Amount, Ts};
use qd_ports::psp::{
    DepositReport, DisputeReport, DisputeState, HookEvent, HookRefusal, HookSubject, Instrument, PaymentState, PayoutReport, PayoutState,
    RefundReport, RefundState,
};
use serde_json::Value;

/// An answer that contradicts itself or us, or one that can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Echo(String),
    Unreadable(String),
}

pub(crate) fn amount(minor: i64, code: &str) -> Result<Amount, Wrong> {
    from_wire(minor, code).ok_or_else(|| Wrong::Unreadable(format!("an amount of {minor} {code} makes no sense to us")))
}

pub(crate) fn payment_state(p: &Payment) -> Result<PaymentState, Wrong> {
    Ok(match p.status.as_str() {
        // A declined attempt leaves the page open for another.
        "requires_payment_method" if p.error_code.is_some() => PaymentState::RequiresAction,
        "requires_payment_method" | "requires_confirmation" => PaymentState::Created,
        "requires_customer_action" => PaymentState::RequiresAction,
        "requires_merchant_action"
        | "review"
        | "processing"
        | "partially_captured_and_processing"
        | "partially_captured_and_capturable" => PaymentState::Pending,
        "requires_capture" | "partially_authorized_and_requires_capture" => PaymentState::Authorised,
        // The second one is final: what was not taken will not be.
        "succeeded" | "partially_captured" => PaymentState::Succeeded,
        "failed" => PaymentState::Failed,
        "expired" => PaymentState::Expired,
        "cancelled" | "cancelled_post_capture" => PaymentState::Cancelled,
        // The processor behind it answered with another amount, currency or id (IntegrityFailure).
        "conflicted" => return Err(Wrong::Echo("the processor's answer conflicts with what was asked of it".into())),
        _ => PaymentState::Pending,
    })
}

fn instrument(p: &Payment) -> Option<Instrument> {
    let kind = match p.payment_method.as_deref()? {
        "card" | "card_redirect" => "card",
        "bank_redirect" | "bank_transfer" | "bank_debit" | "real_time_payment" | "open_banking" => "bank",
        "crypto" => "crypto",
        _ => "wallet",
    };
    let card = p.payment_method_data.as_ref().and_then(|d| d.get("card"));
    let of = |name: &str| card?.get(name)?.as_str().map(str::to_string);
    Some(Instrument {
        kind: kind.into(),
        brand: of("card_network").or_else(|| p.payment_method_type.clone()),
        last4: of("last4"),
        fingerprint: None,
        country: None,
        holder: of("card_holder_name"),
    })
}

pub(crate) fn deposit(p: &Payment) -> Result<DepositReport, Wrong> {
    let state = payment_state(p)?;
    let received = match p.amount_received {
        Some(minor) => Some(amount(minor, &p.currency)?),
        None => None,
    };
    if state == PaymentState::Succeeded && received.is_none() {
        return Err(Wrong::Unreadable("a payment that succeeded without amount_received".into()));
    }
    let refunded = p
        .refunds
        .iter()
        .flatten()
        .filter(|r| refund_state(&r.status) == RefundState::Succeeded)
        .map(|r| r.amount)
        .sum();
    Ok(DepositReport {
        our_ref: our_ref(p.metadata.as_ref()),
        provider_ref: p.payment_id.clone(),
        payment_ref: Some(p.payment_id.clone()),
        state,
        amount: amount(p.amount, &p.currency)?,
        received: received.filter(|r| !r.is_zero()),
        refunded_minor: refunded,
        fee: None,
        failure_code: match state {
            PaymentState::Succeeded => None,
            _ => p.error_code.clone(),
        },
        // It has tried its own other routes by then; another method may still go.
        soft_failure: state == PaymentState::RequiresAction && p.error_code.is_some(),
        instrument: instrument(p),
    })
}

/// In the API's own words and in those of its storage, which some events carry.
fn refund_state(word: &str) -> RefundState {
    match word {
        "succeeded" | "success" => RefundState::Succeeded,
        "failed" | "failure" | "transaction_failure" => RefundState::Failed,
        "pending" | "review" | "manual_review" => RefundState::Pending,
        _ => RefundState::Pending,
    }
}

pub(crate) fn refund(r: &Refund) -> Result<RefundReport, Wrong> {
    Ok(RefundReport {
        our_ref: our_ref(r.metadata.as_ref()),
        provider_ref: r.refund_id.clone(),
        payment_ref: r.payment_id.clone(),
        state: refund_state(&r.status),
        amount: amount(r.amount, &r.currency)?,
        failure_code: r.error_code.clone(),
    })
}

pub(crate) fn payout(p: &Payout) -> Result<PayoutReport, Wrong> {
    let state = match p.status.as_str() {
        "success" => PayoutState::Paid,
        "failed" | "failure" | "cancelled" | "expired" | "ineligible" => PayoutState::Failed,
        "reversed" => PayoutState::Returned,
        "pending"
        | "initiated"
        | "requires_creation"
        | "requires_payout_method_data"
        | "requires_confirmation"
        | "requires_fulfillment"
        | "requires_vendor_account_creation" => PayoutState::Pending,
        _ => PayoutState::Pending,
    };
    Ok(PayoutReport {
        our_ref: our_ref(p.metadata.as_ref()),
        provider_ref: p.payout_id.clone(),
        state,
        amount: amount(p.amount, &p.currency)?,
        fee: None,
        failure_code: p.error_code.clone(),
    })
}

pub(crate) fn dispute(d: &Dispute) -> Result<DisputeReport, Wrong> {
    let minor = d
        .amount
        .parse()
        .map_err(|_| Wrong::Unreadable(format!("an amount of {} {} makes no sense to us", d.amount, d.currency)))?;
    let state = match (d.dispute_stage.as_str(), d.dispute_status.as_str()) {
        (_, "dispute_won" | "dispute_cancelled") => DisputeState::Won,
        (_, "dispute_lost" | "dispute_accepted") => DisputeState::Lost,
        ("pre_dispute", "dispute_opened" | "dispute_challenged" | "dispute_expired") => DisputeState::Warning,
        // Expired is the time to answer in, not the verdict.
        ("dispute" | "pre_arbitration", "dispute_opened" | "dispute_challenged" | "dispute_expired") => DisputeState::Opened,
        _ => DisputeState::Unrecognised,
    };
    Ok(DisputeReport {
        provider_ref: d.dispute_id.clone(),
        payment_ref: d.payment_id.clone(),
        state,
        amount: amount(minor, &d.currency)?,
        reason: d.connector_reason.clone().unwrap_or_default(),
        provider_state: format!("{} {}", d.dispute_stage, d.dispute_status),
    })
}

/// `now` is when it came: the body's own time is text of several forms and decides nothing.
pub(crate) fn event(body: &[u8], now: Ts) -> Result<HookEvent, HookRefusal> {
    let e: Event = serde_json::from_slice(body).map_err(|e| HookRefusal::Unreadable(e.to_string()))?;
    let o = &e.content.object;
    let id = |name: &str| {
        o.get(name)
            .and_then(Value::as_str)
            .map(str::to_string)
            .ok_or_else(|| HookRefusal::Unreadable(format!("{} without {name}", e.event_type)))
    };
    let noted = || o.get("metadata")?.get(crate::wire::OUR_REF)?.as_str().map(str::to_string);
    let subject = match e.content.kind.as_str() {
        "payment_details" => HookSubject::Deposit {
            our_ref: noted(),
            provider_ref: id("payment_id")?,
        },
        "refund_details" => HookSubject::Refund {
            our_ref: noted(),
            provider_ref: id("refund_id")?,
        },
        "payout_details" => HookSubject::Payout {
            our_ref: noted(),
            provider_ref: id("payout_id")?,
        },
        "dispute_details" => HookSubject::Dispute {
            provider_ref: id("dispute_id")?,
        },
        _ => HookSubject::Other,
    };
    Ok(HookEvent {
        event_id: e.event_id,
        kind: e.event_type,
        subject,
        at: now,
    })
}
