//! BTCPay's states into ours (payment-providers.md 0 and 6.1). Only what the server calls settled is
//! money; everything else that arrived is reported as received and left open for a person.

use crate::wire::{Event, Invoice, ORDER_ID, OUR_REF, Payout, exact, rounded, text_of};
use qd_kernel::{Amount, Ts};
use qd_ports::psp::{DepositReport, HookEvent, HookRefusal, HookSubject, Instrument, PaymentState, PayoutReport, PayoutState};

/// How much came compared with what was asked, and how it came: the server's second word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Further {
    None,
    PaidPartial,
    PaidLate,
    PaidOver,
    Marked,
    Invalid,
    Unrecognised,
}

fn further(word: &str) -> Further {
    match word {
        "" | "None" => Further::None,
        "PaidPartial" => Further::PaidPartial,
        "PaidLate" => Further::PaidLate,
        "PaidOver" => Further::PaidOver,
        "Marked" => Further::Marked,
        "Invalid" => Further::Invalid,
        _ => Further::Unrecognised,
    }
}

/// The state, and the code staff read when coins came and are not simply the deposit.
fn state(i: &Invoice, received: Option<Amount>) -> (PaymentState, Option<&'static str>) {
    let nothing_came = received.is_some_and(Amount::is_zero);
    match (i.status.as_str(), further(&i.additional_status)) {
        ("New", Further::PaidPartial) => (PaymentState::Pending, Some("paid_partial")),
        ("New", _) => (PaymentState::Created, None),
        ("Processing", _) => (PaymentState::Pending, None),
        // A person at the server said "settled" without a coin having come: nothing to credit.
        ("Settled", Further::Marked) if nothing_came => (PaymentState::Pending, Some("marked_without_payment")),
        ("Settled", _) => (PaymentState::Succeeded, None),
        // The page is over, and coins are there: the server leaves them to a person, and so do we.
        ("Expired", Further::PaidPartial) => (PaymentState::Pending, Some("paid_partial")),
        ("Expired", Further::PaidLate | Further::PaidOver) => (PaymentState::Pending, Some("paid_late")),
        ("Expired", Further::None | Further::Marked | Further::Invalid) => (PaymentState::Expired, None),
        ("Expired", Further::Unrecognised) => (PaymentState::Pending, Some("state_unknown")),
        // Paid and never confirmed, or marked so by a person.
        ("Invalid", _) => (PaymentState::Failed, Some("payment_invalid")),
        _ => (PaymentState::Pending, Some("state_unknown")),
    }
}

/// What the invoice asks for; None when it is no amount of ours.
pub(crate) fn asked(i: &Invoice) -> Option<Amount> {
    exact(&i.amount, &i.currency)
}

pub(crate) fn order_id(i: &Invoice) -> Option<String> {
    text_of(Some(&i.metadata), ORDER_ID)
}

pub(crate) fn opening_state(i: &Invoice) -> PaymentState {
    state(i, paid(i)).0
}

fn paid(i: &Invoice) -> Option<Amount> {
    rounded(i.paid_amount.as_deref()?, &i.currency)
}

pub(crate) fn deposit(i: &Invoice) -> Result<DepositReport, String> {
    let amount = asked(i).ok_or_else(|| format!("{} {} is no amount", i.amount, i.currency))?;
    let received = match &i.paid_amount {
        Some(text) => Some(paid(i).ok_or_else(|| format!("paidAmount {text} {} is no amount", i.currency))?),
        None => None,
    };
    let (state, code) = state(i, received);
    if state == PaymentState::Succeeded && received.is_none() {
        // Over- and underpaid invoices settle too: without the sum there is nothing to credit.
        return Err("a settled invoice without paidAmount".into());
    }
    Ok(DepositReport {
        our_ref: order_id(i),
        provider_ref: i.id.clone(),
        payment_ref: Some(i.id.clone()),
        state,
        amount,
        received: received.filter(|r| !r.is_zero()),
        refunded_minor: 0,
        fee: None,
        failure_code: code.map(str::to_string),
        soft_failure: false,
        instrument: Some(Instrument {
            kind: "crypto".into(),
            ..Instrument::default()
        }),
    })
}

pub(crate) fn payout(p: &Payout) -> Result<PayoutReport, String> {
    let amount = exact(&p.original_amount, &p.original_currency)
        .ok_or_else(|| format!("{} {} is no amount", p.original_amount, p.original_currency))?;
    let (state, code) = match p.state.as_str() {
        "AwaitingApproval" | "AwaitingPayment" | "InProgress" => (PayoutState::Pending, None),
        "Completed" => (PayoutState::Paid, None),
        "Cancelled" => (PayoutState::Failed, Some("cancelled")),
        _ => (PayoutState::Pending, Some("state_unknown")),
    };
    Ok(PayoutReport {
        our_ref: text_of(p.metadata.as_ref(), OUR_REF),
        provider_ref: p.id.clone(),
        state,
        amount,
        fee: None,
        failure_code: code.map(str::to_string),
    })
}

pub(crate) fn event(body: &[u8], store: &str) -> Result<HookEvent, HookRefusal> {
    let e: Event = serde_json::from_slice(body).map_err(|e| HookRefusal::Unreadable(e.to_string()))?;
    let subject = match (e.store_id == store, e.invoice_id, e.payout_id) {
        (true, Some(id), _) => HookSubject::Deposit {
            our_ref: text_of(e.metadata.as_ref(), ORDER_ID),
            provider_ref: id,
        },
        (true, None, Some(id)) => HookSubject::Payout {
            our_ref: None,
            provider_ref: id,
        },
        // Another store of the same server, or an event about neither.
        _ => HookSubject::Other,
    };
    Ok(HookEvent {
        // A redelivery has another id and another body: this one stays.
        event_id: e.original_delivery_id,
        kind: e.kind,
        subject,
        at: Ts::from_secs(e.timestamp),
    })
}
