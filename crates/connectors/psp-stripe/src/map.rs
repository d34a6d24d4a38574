//! Stripe's states into ours (payment-providers.md 0 and 2.4). Only an explicit yes is success and
//! only an explicit no is failure; a value we don't know is pending, or for a person.

use crate::amount::from_stripe;
use crate::wire::{
    Charge, Created, Dispute, Event, EventObject, Expandable, Intent, Metadata, MethodDetails, PaymentError, Refund, Session,
};
use qd_kernel::{Amount, Ts};
use qd_ports::psp::{
    DepositReport, DepositSession, DisputeReport, DisputeState, HookEvent, HookRefusal, HookSubject, Instrument, PaymentState,
    RefundReport, RefundState,
};

/// Where our id stands in metadata.
pub(crate) const OUR_REF: &str = "qd_ref";

/// Two statements that should agree and don't, or an object that can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Echo(String),
    Unreadable(String),
}

fn unreadable(what: &str) -> Wrong {
    Wrong::Unreadable(format!("{what} is missing or unreadable"))
}

fn ours(m: Option<&Metadata>) -> Option<String> {
    m.and_then(|m| m.get(OUR_REF)).filter(|r| !r.is_empty()).cloned()
}

fn amount(value: i64, code: &str) -> Result<Amount, Wrong> {
    from_stripe(value, code).ok_or_else(|| Wrong::Unreadable(format!("an amount of {value} {code} makes no sense to us")))
}

fn intent_id(pi: &Option<Expandable<Intent>>) -> Option<String> {
    match pi {
        Some(Expandable::Id(id)) => Some(id.clone()),
        Some(Expandable::Object(i)) => Some(i.id.clone()),
        None => None,
    }
}

// ---- deposits -----------------------------------------------------------------------------

/// The customer's payment, without the session around it.
fn intent_state(i: &Intent) -> PaymentState {
    match i.status.as_str() {
        "requires_payment_method" if i.last_payment_error.is_some() => PaymentState::RequiresAction,
        "requires_payment_method" | "requires_confirmation" => PaymentState::Created,
        "requires_action" => PaymentState::RequiresAction,
        "requires_capture" => PaymentState::Authorised,
        "succeeded" => PaymentState::Succeeded,
        "canceled" => match i.cancellation_reason.as_deref() {
            Some("expired" | "automatic") => PaymentState::Expired,
            _ => PaymentState::Cancelled,
        },
        // "processing", and whatever comes after this version.
        _ => PaymentState::Pending,
    }
}

/// Session and payment together. A declined card leaves the customer on the page to try another:
/// no failure until the session ends. A session that is complete and unpaid waits for a delayed
/// method; when that comes back declined there is no page left to try again on.
fn state(s: &Session, i: Option<&Intent>) -> PaymentState {
    let paid = matches!(s.payment_status.as_deref(), Some("paid"));
    let inner = i.map(intent_state);
    match (s.status.as_deref(), inner) {
        (_, Some(PaymentState::Succeeded)) => PaymentState::Succeeded,
        (_, Some(PaymentState::Authorised)) => PaymentState::Authorised,
        (Some("expired"), _) => PaymentState::Expired,
        (Some("complete"), Some(PaymentState::RequiresAction)) if i.is_some_and(|i| i.status == "requires_payment_method") => {
            PaymentState::Failed
        }
        (Some("complete"), Some(st @ (PaymentState::Cancelled | PaymentState::Expired | PaymentState::RequiresAction))) => st,
        (Some("complete"), None) if paid => PaymentState::Succeeded,
        (Some("complete"), _) => PaymentState::Pending,
        (Some("open"), Some(st)) => st,
        (Some("open"), None) => PaymentState::Created,
        (_, Some(st @ PaymentState::Cancelled)) => st,
        _ => PaymentState::Pending,
    }
}

/// Declines after which another card or another day may work. Anything else, values we don't know
/// included, is taken for final: stolen and lost cards, suspected fraud, revoked authority.
fn is_soft(code: &str) -> bool {
    matches!(
        code,
        "approve_with_id"
            | "authentication_required"
            | "call_issuer"
            | "card_declined"
            | "card_not_supported"
            | "card_velocity_exceeded"
            | "currency_not_supported"
            | "do_not_honor"
            | "duplicate_transaction"
            | "expired_card"
            | "generic_decline"
            | "incorrect_cvc"
            | "incorrect_number"
            | "incorrect_pin"
            | "incorrect_zip"
            | "insufficient_funds"
            | "invalid_amount"
            | "invalid_cvc"
            | "invalid_expiry_month"
            | "invalid_expiry_year"
            | "invalid_number"
            | "issuer_not_available"
            | "no_action_taken"
            | "not_permitted"
            | "offline_pin_required"
            | "online_or_offline_pin_required"
            | "payment_intent_authentication_failure"
            | "payment_method_provider_decline"
            | "payment_method_provider_timeout"
            | "pin_try_exceeded"
            | "processing_error"
            | "reenter_transaction"
            | "service_not_allowed"
            | "transaction_not_allowed"
            | "try_again_later"
            | "withdrawal_count_limit_exceeded"
    )
}

fn failure(e: &PaymentError) -> (String, bool) {
    let code = e
        .decline_code
        .as_ref()
        .or(e.code.as_ref())
        .or(e.kind.as_ref())
        .cloned()
        .unwrap_or_else(|| "declined".into());
    let soft = is_soft(&code);
    (code, soft)
}

fn instrument(c: &Charge) -> Option<Instrument> {
    let m: &MethodDetails = c.payment_method_details.as_ref()?;
    let kind = match m.kind.as_str() {
        "card" | "card_present" => "card",
        "sepa_debit" | "us_bank_account" | "bacs_debit" | "au_becs_debit" | "acss_debit" | "customer_balance" | "ideal" | "bancontact"
        | "eps" | "p24" | "giropay" | "sofort" | "blik" | "fpx" | "pay_by_bank" => "bank",
        "crypto" => "crypto",
        _ => "wallet",
    };
    let d = m
        .card
        .as_ref()
        .or(m.sepa_debit.as_ref())
        .or(m.us_bank_account.as_ref())
        .or(m.bacs_debit.as_ref())
        .cloned()
        .unwrap_or_default();
    Some(Instrument {
        kind: kind.into(),
        brand: d.brand.or_else(|| (m.kind != "card").then(|| m.kind.clone())),
        last4: d.last4,
        fingerprint: d.fingerprint,
        country: d.country,
        holder: c.billing_details.as_ref().and_then(|b| b.name.clone()).filter(|n| !n.is_empty()),
    })
}

fn charge(i: Option<&Intent>) -> Option<&Charge> {
    match i?.latest_charge.as_ref()? {
        Expandable::Object(c) => Some(c),
        Expandable::Id(_) => None,
    }
}

fn fee(c: Option<&Charge>) -> Option<Amount> {
    match c?.balance_transaction.as_ref()? {
        Expandable::Object(b) => from_stripe(b.fee, &b.currency),
        Expandable::Id(_) => None,
    }
}

pub(crate) fn opened(s: &Session) -> DepositSession {
    let i = match &s.payment_intent {
        Some(Expandable::Object(i)) => Some(&**i),
        _ => None,
    };
    DepositSession {
        provider_ref: s.id.clone(),
        redirect_url: s.url.clone(),
        state: state(s, i),
    }
}

/// Reference, amount and currency of a session, for the echo check.
pub(crate) fn echo(s: &Session) -> Result<(Option<String>, Amount), Wrong> {
    let total = s.amount_total.ok_or_else(|| unreadable("amount_total"))?;
    let code = s.currency.as_deref().ok_or_else(|| unreadable("currency"))?;
    let our_ref = s.client_reference_id.clone().filter(|r| !r.is_empty());
    let noted = ours(s.metadata.as_ref());
    if let (Some(a), Some(b)) = (&our_ref, &noted)
        && a != b
    {
        return Err(Wrong::Echo(format!("the session carries two references, {a} and {b}")));
    }
    Ok((our_ref.or(noted), amount(total, code)?))
}

/// `payment_intent` must have been fetched when the session has one.
pub(crate) fn session_report(s: &Session, i: Option<&Intent>) -> Result<DepositReport, Wrong> {
    let (our_ref, total) = echo(s)?;
    if let Some(i) = i {
        let paid_for = amount(i.amount, &i.currency)?;
        if paid_for != total {
            return Err(Wrong::Echo(format!("the session is about {total}, its payment about {paid_for}")));
        }
        if let (Some(a), Some(b)) = (&our_ref, &ours(i.metadata.as_ref()))
            && a != b
        {
            return Err(Wrong::Echo(format!("the session belongs to {a}, its payment to {b}")));
        }
    }
    let our_ref = our_ref.or_else(|| i.and_then(|i| ours(i.metadata.as_ref())));
    report(s.id.clone(), our_ref, total, state(s, i), i, intent_id(&s.payment_intent))
}

pub(crate) fn intent_report(i: &Intent) -> Result<DepositReport, Wrong> {
    report(
        i.id.clone(),
        ours(i.metadata.as_ref()),
        amount(i.amount, &i.currency)?,
        intent_state(i),
        Some(i),
        Some(i.id.clone()),
    )
}

fn report(
    provider_ref: String,
    our_ref: Option<String>,
    total: Amount,
    state: PaymentState,
    i: Option<&Intent>,
    payment_ref: Option<String>,
) -> Result<DepositReport, Wrong> {
    let charge = charge(i);
    let received = match i {
        Some(i) if i.amount_received != 0 => Some(amount(i.amount_received, &i.currency)?),
        _ => None,
    };
    let refunded_minor = match (i, charge) {
        (Some(i), Some(c)) if c.amount_refunded != 0 => amount(c.amount_refunded, &i.currency)?.minor,
        _ => 0,
    };
    // A decline before the attempt that worked is history.
    let failed = i
        .and_then(|i| i.last_payment_error.as_ref())
        .filter(|_| !matches!(state, PaymentState::Succeeded | PaymentState::Authorised));
    let (failure_code, soft_failure) = failed.map(failure).map_or((None, false), |(c, s)| (Some(c), s));
    Ok(DepositReport {
        our_ref,
        provider_ref,
        payment_ref,
        state,
        amount: total,
        received,
        refunded_minor,
        fee: fee(charge),
        failure_code,
        soft_failure,
        instrument: charge.and_then(instrument),
    })
}

// ---- refunds and disputes -----------------------------------------------------------------

pub(crate) fn refund_report(r: &Refund) -> Result<RefundReport, Wrong> {
    Ok(RefundReport {
        our_ref: ours(r.metadata.as_ref()),
        provider_ref: r.id.clone(),
        payment_ref: r
            .payment_intent
            .clone()
            .or_else(|| r.charge.clone())
            .ok_or_else(|| unreadable("payment_intent"))?,
        state: match r.status.as_deref() {
            Some("succeeded") => RefundState::Succeeded,
            Some("failed") => RefundState::Failed,
            Some("canceled") => RefundState::Cancelled,
            _ => RefundState::Pending,
        },
        amount: amount(r.amount, &r.currency)?,
        failure_code: r.failure_reason.clone(),
    })
}

pub(crate) fn dispute_report(d: &Dispute) -> Result<DisputeReport, Wrong> {
    Ok(DisputeReport {
        provider_ref: d.id.clone(),
        payment_ref: d
            .payment_intent
            .clone()
            .or_else(|| d.charge.clone())
            .ok_or_else(|| unreadable("payment_intent"))?,
        state: match d.status.as_str() {
            "warning_needs_response" | "warning_under_review" | "warning_closed" => DisputeState::Warning,
            // An appeal: the money is away until it is won.
            "needs_response" | "under_review" | "appeal_needs_response" | "appeal_under_review" => DisputeState::Opened,
            "won" => DisputeState::Won,
            "lost" => DisputeState::Lost,
            // "prevented" among them: the money went back some other way, a person looks how.
            _ => DisputeState::Unrecognised,
        },
        amount: amount(d.amount, &d.currency)?,
        reason: d.reason.clone(),
        provider_state: d.status.clone(),
    })
}

// ---- events -------------------------------------------------------------------------------

/// A verified body, signed at `signed_at`. Types that we act on must name their object; the others
/// need only be events.
pub(crate) fn event(body: &[u8], signed_at: Ts) -> Result<HookEvent, HookRefusal> {
    let e: Event = serde_json::from_slice(body).map_err(|why| HookRefusal::Unreadable(why.to_string()))?;
    let object = || {
        let o = e.data.as_ref().map(|d| &d.object);
        o.filter(|o| !o.id.is_empty())
            .ok_or_else(|| HookRefusal::Unreadable(format!("{} without its object", e.kind)))
    };
    let noted = |o: &EventObject| ours(o.metadata.as_ref());
    let subject = match e.kind.as_str() {
        k if k.starts_with("checkout.session.") => {
            let o = object()?;
            let our_ref = o.client_reference_id.clone().filter(|r| !r.is_empty()).or_else(|| noted(o));
            HookSubject::Deposit {
                our_ref,
                provider_ref: o.id.clone(),
            }
        }
        k if k.starts_with("payment_intent.") => {
            let o = object()?;
            HookSubject::Deposit {
                our_ref: noted(o),
                provider_ref: o.id.clone(),
            }
        }
        k if k.starts_with("refund.") || k == "charge.refund.updated" => {
            let o = object()?;
            HookSubject::Refund {
                our_ref: noted(o),
                provider_ref: o.id.clone(),
            }
        }
        k if k.starts_with("charge.dispute.") => HookSubject::Dispute {
            provider_ref: object()?.id.clone(),
        },
        // The charge knows its payment; how much went back is read from there.
        "charge.refunded" => {
            let o = object()?;
            match &o.payment_intent {
                Some(Expandable::Id(id)) => HookSubject::Deposit {
                    our_ref: noted(o),
                    provider_ref: id.clone(),
                },
                Some(Expandable::Object(i)) => HookSubject::Deposit {
                    our_ref: noted(o),
                    provider_ref: i.id.clone(),
                },
                None => HookSubject::Other,
            }
        }
        _ => HookSubject::Other,
    };
    let at = match e.created {
        Created::Seconds(s) => Ts::from_secs(s),
        Created::Text(_) => signed_at,
    };
    Ok(HookEvent {
        event_id: e.id,
        kind: e.kind,
        subject,
        at,
    })
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
