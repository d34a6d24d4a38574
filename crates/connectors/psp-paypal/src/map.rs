//! PayPal's states into ours (payment-providers.md 0 and 8.2). Only an explicit yes is success and
//! only an explicit no is failure; a word we don't know is pending, or for a person.

use crate::amount::from_paypal;
use crate::wire::{BatchHeader, Capture, Dispute, Link, Money, Order, PaymentSource, PayoutBatch, PurchaseUnit, Refund};
use qd_kernel::Amount;
use qd_ports::psp::{
    DepositReport, DepositSession, DisputeReport, DisputeState, Instrument, PaymentState, PayoutReport, PayoutState, RefundReport,
    RefundState,
};

/// Two statements that should agree and don't, or an object that can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Echo(String),
    Unreadable(String),
}

fn unreadable(what: &str) -> Wrong {
    Wrong::Unreadable(format!("{what} is missing or unreadable"))
}

fn amount(m: &Money) -> Result<Amount, Wrong> {
    from_paypal(&m.value, &m.currency_code)
        .ok_or_else(|| Wrong::Unreadable(format!("an amount of {} {} makes no sense to us", m.value, m.currency_code)))
}

fn filled(s: &Option<String>) -> Option<String> {
    s.clone().filter(|s| !s.is_empty())
}

/// The last part of a link's path: the id of what it leads to.
pub(crate) fn linked(links: &[Link], rel: &str) -> Option<String> {
    let href = links.iter().find(|l| l.rel == rel)?.href.as_str();
    let path = href.split(['?', '#']).next()?;
    path.rsplit('/').next().filter(|id| !id.is_empty()).map(str::to_string)
}

// ---- deposits -----------------------------------------------------------------------------

fn unit(o: &Order) -> Result<&PurchaseUnit, Wrong> {
    match o.purchase_units.as_slice() {
        [one] => Ok(one),
        _ => Err(unreadable("the order's one purchase unit")),
    }
}

/// Reference and amount of an order, for the echo check.
pub(crate) fn echo(o: &Order) -> Result<(Option<String>, Amount), Wrong> {
    let u = unit(o)?;
    let total = amount(u.amount.as_ref().ok_or_else(|| unreadable("amount"))?)?;
    let (custom, invoice) = (filled(&u.custom_id), filled(&u.invoice_id));
    if let (Some(a), Some(b)) = (&custom, &invoice)
        && a != b
    {
        return Err(Wrong::Echo(format!("the order carries two references, {a} and {b}")));
    }
    Ok((custom.or(invoice), total))
}

fn capture_state(c: &Capture) -> PaymentState {
    match c.status.as_deref() {
        Some("COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED") => PaymentState::Succeeded,
        Some("DECLINED" | "FAILED") => PaymentState::Failed,
        // "PENDING", and whatever comes after this version.
        _ => PaymentState::Pending,
    }
}

fn order_state(o: &Order, last: Option<&Capture>) -> PaymentState {
    match o.status.as_deref() {
        Some("CREATED" | "SAVED") => PaymentState::Created,
        Some("PAYER_ACTION_REQUIRED") => PaymentState::RequiresAction,
        Some("APPROVED") => PaymentState::Authorised,
        Some("VOIDED") => PaymentState::Cancelled,
        Some("COMPLETED") => last.map_or(PaymentState::Pending, capture_state),
        _ => PaymentState::Pending,
    }
}

fn instrument(s: &PaymentSource) -> Option<Instrument> {
    let w = s.paypal.as_ref()?;
    let name = w.name.as_ref().map(|n| {
        let parts = [filled(&n.given_name), filled(&n.surname)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    Some(Instrument {
        kind: "wallet".into(),
        brand: Some("paypal".into()),
        last4: None,
        fingerprint: filled(&w.account_id),
        country: w.address.as_ref().and_then(|a| filled(&a.country_code)),
        holder: name.filter(|n| !n.is_empty()),
    })
}

pub(crate) fn opened(o: &Order) -> DepositSession {
    let link = |rel: &str| o.links.iter().find(|l| l.rel == rel).map(|l| l.href.clone());
    DepositSession {
        provider_ref: o.id.clone(),
        redirect_url: link("payer-action").or_else(|| link("approve")),
        state: order_state(o, None),
    }
}

pub(crate) fn order_report(o: &Order) -> Result<DepositReport, Wrong> {
    let (our_ref, total) = echo(o)?;
    let payments = unit(o)?.payments.clone().unwrap_or_default();
    // The one that took the money counts; else the latest.
    let taken = payments.captures.iter().find(|c| capture_state(c) == PaymentState::Succeeded);
    let last = taken.or_else(|| payments.captures.last());
    let mut received = None;
    let mut fee = None;
    let mut failure_code = None;
    if let Some(c) = last {
        let about = amount(&c.amount)?;
        if about.currency != total.currency {
            return Err(Wrong::Echo(format!("the order is about {total}, its capture about {about}")));
        }
        if let (Some(a), Some(b)) = (&our_ref, filled(&c.custom_id))
            && *a != b
        {
            return Err(Wrong::Echo(format!("the order belongs to {a}, its capture to {b}")));
        }
        let state = capture_state(c);
        if state == PaymentState::Succeeded {
            received = Some(about);
        }
        if state == PaymentState::Failed {
            let code = c.processor_response.as_ref().and_then(|p| filled(&p.response_code));
            failure_code = code.or_else(|| filled(&c.status));
        }
        fee = match c.seller_receivable_breakdown.as_ref().and_then(|b| b.paypal_fee.as_ref()) {
            Some(m) => Some(amount(m)?),
            None => None,
        };
    }
    let mut refunded_minor: i64 = 0;
    for r in &payments.refunds {
        if refund_state(r) == RefundState::Succeeded {
            refunded_minor = refunded_minor.saturating_add(amount(&r.amount)?.minor);
        }
    }
    Ok(DepositReport {
        our_ref,
        provider_ref: o.id.clone(),
        payment_ref: last.map(|c| c.id.clone()),
        state: order_state(o, last),
        amount: total,
        received,
        refunded_minor,
        fee,
        soft_failure: failure_code.is_some() && last.is_some_and(|c| c.status.as_deref() == Some("DECLINED")),
        failure_code,
        instrument: o.payment_source.as_ref().and_then(instrument),
    })
}

// ---- refunds, disputes, payouts -----------------------------------------------------------

fn refund_state(r: &Refund) -> RefundState {
    match r.status.as_deref() {
        Some("COMPLETED") => RefundState::Succeeded,
        Some("FAILED") => RefundState::Failed,
        Some("CANCELLED") => RefundState::Cancelled,
        // "PENDING", and whatever comes after this version.
        _ => RefundState::Pending,
    }
}

pub(crate) fn refund_report(r: &Refund) -> Result<RefundReport, Wrong> {
    let state = refund_state(r);
    let failed = matches!(state, RefundState::Failed | RefundState::Cancelled);
    Ok(RefundReport {
        our_ref: filled(&r.custom_id),
        provider_ref: r.id.clone(),
        payment_ref: linked(&r.links, "up").ok_or_else(|| unreadable("the link to the capture"))?,
        state,
        amount: amount(&r.amount)?,
        failure_code: r.status_details.as_ref().and_then(|d| filled(&d.reason)).filter(|_| failed),
    })
}

/// An inquiry moves no money; from the claim ("chargeback" in PayPal's word) on it is taken. The
/// outcome's word decides a resolved one.
fn dispute_state(d: &Dispute) -> DisputeState {
    let stage = d.dispute_life_cycle_stage.as_deref();
    match d.status.as_deref() {
        Some("OPEN" | "WAITING_FOR_BUYER_RESPONSE" | "WAITING_FOR_SELLER_RESPONSE" | "UNDER_REVIEW") => match stage {
            Some("INQUIRY") => DisputeState::Warning,
            Some("CHARGEBACK" | "PRE_ARBITRATION" | "ARBITRATION") => DisputeState::Opened,
            _ => DisputeState::Unrecognised,
        },
        Some("RESOLVED") => match d.dispute_outcome.as_ref().and_then(|o| o.outcome_code.as_deref()) {
            Some("RESOLVED_BUYER_FAVOUR" | "ACCEPTED") => DisputeState::Lost,
            Some("RESOLVED_SELLER_FAVOUR" | "CANCELED_BY_BUYER" | "DENIED") => DisputeState::Won,
            // "RESOLVED_WITH_PAYOUT" and "NONE" among them: who bears it is for a person to read.
            _ => DisputeState::Unrecognised,
        },
        _ => DisputeState::Unrecognised,
    }
}

pub(crate) fn dispute_report(d: &Dispute) -> Result<DisputeReport, Wrong> {
    let words = [
        d.status.as_deref(),
        d.dispute_life_cycle_stage.as_deref(),
        d.dispute_outcome.as_ref().and_then(|o| o.outcome_code.as_deref()),
    ];
    let payment_ref = match d.disputed_transactions.as_slice() {
        [one] => filled(&one.seller_transaction_id),
        _ => None,
    };
    Ok(DisputeReport {
        provider_ref: d.dispute_id.clone(),
        payment_ref: payment_ref.ok_or_else(|| unreadable("the one disputed transaction"))?,
        state: dispute_state(d),
        amount: amount(&d.dispute_amount)?,
        reason: d.reason.clone(),
        provider_state: words.into_iter().flatten().collect::<Vec<_>>().join("/"),
    })
}

/// What the batch alone says, before its item is there.
pub(crate) fn batch_state(h: &BatchHeader) -> PayoutState {
    match h.batch_status.as_str() {
        // Nothing of it was or will be processed.
        "DENIED" | "CANCELED" => PayoutState::Failed,
        // "PENDING", "PROCESSING"; "SUCCESS" means processed, the item says how.
        _ => PayoutState::Pending,
    }
}

fn item_state(word: &str) -> PayoutState {
    match word {
        "SUCCESS" => PayoutState::Paid,
        "FAILED" => PayoutState::Failed,
        "RETURNED" | "REFUNDED" | "REVERSED" => PayoutState::Returned,
        // "PENDING", "UNCLAIMED", "ONHOLD", "BLOCKED": our money is with PayPal, and may go either way.
        _ => PayoutState::Pending,
    }
}

/// Of a batch that was read with its items; ours have one each.
pub(crate) fn payout_report(b: &PayoutBatch) -> Result<PayoutReport, Wrong> {
    let item = match b.items.as_slice() {
        [one] => one,
        _ => return Err(unreadable("the batch's one item")),
    };
    let our_ref = filled(&item.payout_item.sender_item_id);
    let batch_ref = b.batch_header.sender_batch_header.as_ref().and_then(|h| filled(&h.sender_batch_id));
    if let (Some(a), Some(b)) = (&our_ref, &batch_ref)
        && a != b
    {
        return Err(Wrong::Echo(format!("the batch belongs to {b}, its item to {a}")));
    }
    let word = item.transaction_status.as_deref().unwrap_or_default();
    let state = match (batch_state(&b.batch_header), item_state(word)) {
        (PayoutState::Failed, PayoutState::Pending) => PayoutState::Failed,
        (_, by_item) => by_item,
    };
    let told = item.errors.as_ref().and_then(|e| filled(&e.name));
    Ok(PayoutReport {
        our_ref: our_ref.or(batch_ref),
        provider_ref: b.batch_header.payout_batch_id.clone(),
        state,
        amount: amount(&item.payout_item.amount)?,
        fee: match &item.payout_item_fee {
            Some(m) => Some(amount(m)?),
            None => None,
        },
        failure_code: match state {
            PayoutState::Paid => None,
            PayoutState::Pending => told.or_else(|| matches!(word, "UNCLAIMED" | "ONHOLD" | "BLOCKED").then(|| word.to_string())),
            PayoutState::Failed | PayoutState::Returned => told.or_else(|| {
                Some(if word.is_empty() {
                    b.batch_header.batch_status.clone()
                } else {
                    word.to_string()
                })
            }),
        },
    })
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
