//! Paysafe's words into ours (payment-providers.md 0 and 4).

use crate::amount::from_paysafe;
use crate::wire::{Event, Object};
use qd_kernel::{Amount, Ts};
use qd_ports::psp::{
    DepositReport, HookEvent, HookRefusal, HookSubject, Instrument, PaymentState, PayoutReport, PayoutState, RefundReport, RefundState,
};

/// Why an answer is not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Odd(pub String);

fn odd(what: &str, o: &Object) -> Odd {
    Odd(format!("{what} {:?} of {}", o.status.chars().take(40).collect::<String>(), o.id))
}

pub(crate) fn amount(o: &Object) -> Result<Amount, Odd> {
    let code = o.currency_code.as_deref().unwrap_or_default();
    from_paysafe(o.amount, code).ok_or_else(|| Odd(format!("amount {} {code:?} of {}", o.amount, o.id)))
}

/// States of a payment handle as long as no payment has used it.
pub(crate) fn handle_state(h: &Object) -> Result<PaymentState, Odd> {
    Ok(match h.status.as_str() {
        "INITIATED" if h.action.as_deref() == Some("REDIRECT") => PaymentState::RequiresAction,
        "INITIATED" => PaymentState::Created,
        // Approved; no money has moved until we take it.
        "PAYABLE" => PaymentState::Authorised,
        // Used by a payment that the list does not show yet.
        "PROCESSING" | "COMPLETED" => PaymentState::Pending,
        "EXPIRED" => PaymentState::Expired,
        "FAILED" | "ERROR" => PaymentState::Failed,
        _ => return Err(odd("handle status", h)),
    })
}

pub(crate) fn payment_state(p: &Object) -> Result<PaymentState, Odd> {
    Ok(match p.status.as_str() {
        "RECEIVED" | "PROCESSING" | "PENDING" | "HELD" => PaymentState::Pending,
        "COMPLETED" => PaymentState::Succeeded,
        "FAILED" => PaymentState::Failed,
        "CANCELLED" => PaymentState::Cancelled,
        _ => return Err(odd("payment status", p)),
    })
}

fn refund_state(r: &Object) -> Result<RefundState, Odd> {
    Ok(match r.status.as_str() {
        "RECEIVED" | "INITIATED" | "PENDING" => RefundState::Pending,
        "COMPLETED" => RefundState::Succeeded,
        "FAILED" | "EXPIRED" => RefundState::Failed,
        "CANCELLED" => RefundState::Cancelled,
        _ => return Err(odd("refund status", r)),
    })
}

fn credit_state(c: &Object) -> Result<PayoutState, Odd> {
    Ok(match c.status.as_str() {
        "RECEIVED" | "INITIATED" | "PENDING" => PayoutState::Pending,
        "COMPLETED" => PayoutState::Paid,
        "FAILED" | "CANCELLED" | "EXPIRED" => PayoutState::Failed,
        _ => return Err(odd("credit status", c)),
    })
}

fn code(o: &Object) -> Option<String> {
    o.error.as_ref().map(|e| e.code.clone())
}

/// Declines that another attempt may get past: not enough money, a limit.
fn soft(code: Option<&str>) -> bool {
    matches!(code, Some("3022" | "3023" | "3051"))
}

/// What a handle and the payment that used it say together; `None` for the handle when only the
/// payment is known.
pub(crate) fn deposit(provider_ref: &str, handle: Option<&Object>, payment: Option<&Object>) -> Result<DepositReport, Odd> {
    let about = payment.or(handle).ok_or_else(|| Odd("neither a handle nor a payment".into()))?;
    let total = amount(about)?;
    let state = match (payment, handle) {
        (Some(p), _) => payment_state(p)?,
        (None, Some(h)) => handle_state(h)?,
        (None, None) => return Err(Odd("neither a handle nor a payment".into())),
    };
    if let (Some(h), Some(p)) = (handle, payment)
        && (amount(h)? != total || h.merchant_ref_num != p.merchant_ref_num)
    {
        return Err(Odd(format!("the handle is about {}, its payment about {total}", amount(h)?)));
    }
    let failed = matches!(state, PaymentState::Failed);
    let failure_code = code(about).filter(|_| failed);
    Ok(DepositReport {
        our_ref: Some(about.merchant_ref_num.clone()),
        provider_ref: provider_ref.to_string(),
        payment_ref: payment.map(|p| p.id.clone()),
        state,
        amount: total,
        received: (state == PaymentState::Succeeded).then_some(total),
        refunded_minor: 0,
        fee: None,
        soft_failure: soft(failure_code.as_deref()),
        failure_code,
        instrument: Some(Instrument {
            kind: "wallet".into(),
            brand: Some("neteller".into()),
            ..Instrument::default()
        }),
    })
}

/// The payment that counts: the one that succeeded, else one that may, else the newest.
pub(crate) fn best(payments: Vec<Object>) -> Result<Option<Object>, Odd> {
    let mut best: Option<(u8, Object)> = None;
    for p in payments {
        let rank = match payment_state(&p)? {
            PaymentState::Succeeded => 2,
            PaymentState::Pending => 1,
            PaymentState::Failed
            | PaymentState::Cancelled
            | PaymentState::Expired
            | PaymentState::Created
            | PaymentState::RequiresAction
            | PaymentState::Authorised => 0,
        };
        if best.as_ref().is_none_or(|(r, _)| rank > *r) {
            best = Some((rank, p));
        }
    }
    Ok(best.map(|(_, p)| p))
}

pub(crate) fn refund(r: &Object, payment_ref: Option<&str>) -> Result<RefundReport, Odd> {
    Ok(RefundReport {
        our_ref: Some(r.merchant_ref_num.clone()),
        provider_ref: r.id.clone(),
        payment_ref: payment_ref
            .map(str::to_string)
            .or_else(|| r.settlement_id.clone())
            .unwrap_or_default(),
        state: refund_state(r)?,
        amount: amount(r)?,
        failure_code: code(r),
    })
}

pub(crate) fn payout(c: &Object) -> Result<PayoutReport, Odd> {
    Ok(PayoutReport {
        our_ref: Some(c.merchant_ref_num.clone()),
        provider_ref: c.id.clone(),
        state: credit_state(c)?,
        amount: amount(c)?,
        fee: None,
        failure_code: code(c),
    })
}

/// A verified body. Types that we act on must name their object; the others need only be events.
pub(crate) fn event(body: &[u8], now: Ts) -> Result<HookEvent, HookRefusal> {
    let e: Event = serde_json::from_slice(body).map_err(|why| HookRefusal::Unreadable(why.to_string()))?;
    let payload = e.payload.as_ref();
    let our_ref = payload.and_then(|p| p.merchant_ref_num.clone());
    let provider_ref = || {
        payload
            .and_then(|p| p.id.clone())
            .or_else(|| Some(e.resource_id.clone()).filter(|r| !r.is_empty()))
            .ok_or_else(|| HookRefusal::Unreadable(format!("{} without its object", e.event_type)))
    };
    let credit = payload.is_some_and(|p| p.transaction_type.as_deref() == Some("STANDALONE_CREDIT"));
    let subject = match e.event_type.as_str() {
        t if t.starts_with("PAYMENT_HANDLE_") && credit => HookSubject::Other,
        t if t.starts_with("PAYMENT_") => HookSubject::Deposit {
            our_ref,
            provider_ref: provider_ref()?,
        },
        t if t.starts_with("REFUND_") => HookSubject::Refund {
            our_ref,
            provider_ref: provider_ref()?,
        },
        t if t.starts_with("SA_CREDIT_") => HookSubject::Payout {
            our_ref,
            provider_ref: provider_ref()?,
        },
        _ => HookSubject::Other,
    };
    Ok(HookEvent {
        event_id: format!("{}:{}", e.resource_id, e.event_type),
        kind: e.event_type,
        subject,
        at: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(status: &str) -> Object {
        let text = format!(
            r#"{{"id":"1","merchantRefNum":"dep_1","status":"{status}","amount":2540,"currencyCode":"EUR","paymentHandleToken":"SC1","action":"REDIRECT"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn every_status_of_a_handle_and_a_payment_has_its_meaning() {
        for (word, want) in [
            ("INITIATED", PaymentState::RequiresAction),
            ("PAYABLE", PaymentState::Authorised),
            ("PROCESSING", PaymentState::Pending),
            ("COMPLETED", PaymentState::Pending),
            ("EXPIRED", PaymentState::Expired),
            ("FAILED", PaymentState::Failed),
            ("ERROR", PaymentState::Failed),
        ] {
            assert_eq!(handle_state(&object(word)), Ok(want), "{word}");
        }
        for (word, want) in [
            ("RECEIVED", PaymentState::Pending),
            ("PROCESSING", PaymentState::Pending),
            ("PENDING", PaymentState::Pending),
            ("HELD", PaymentState::Pending),
            ("COMPLETED", PaymentState::Succeeded),
            ("FAILED", PaymentState::Failed),
            ("CANCELLED", PaymentState::Cancelled),
        ] {
            assert_eq!(payment_state(&object(word)), Ok(want), "{word}");
        }
        for (word, refund, credit) in [
            ("RECEIVED", RefundState::Pending, PayoutState::Pending),
            ("INITIATED", RefundState::Pending, PayoutState::Pending),
            ("PENDING", RefundState::Pending, PayoutState::Pending),
            ("COMPLETED", RefundState::Succeeded, PayoutState::Paid),
            ("FAILED", RefundState::Failed, PayoutState::Failed),
            ("CANCELLED", RefundState::Cancelled, PayoutState::Failed),
            ("EXPIRED", RefundState::Failed, PayoutState::Failed),
        ] {
            assert_eq!(
                (refund_state(&object(word)), credit_state(&object(word))),
                (Ok(refund), Ok(credit)),
                "{word}"
            );
        }
        let new = object("SURPRISE");
        assert!(handle_state(&new).is_err() && payment_state(&new).is_err() && refund_state(&new).is_err() && credit_state(&new).is_err());
    }

    #[test]
    fn the_payment_that_succeeded_counts_and_a_handle_must_agree_with_it() {
        let of = |words: &[&str]| best(words.iter().map(|w| object(w)).collect()).unwrap().map(|p| p.status);
        assert_eq!(of(&["FAILED", "COMPLETED", "PENDING"]).as_deref(), Some("COMPLETED"));
        assert_eq!(of(&["CANCELLED", "PENDING"]).as_deref(), Some("PENDING"));
        assert_eq!(of(&[]), None);
        let (handle, mut payment) = (object("COMPLETED"), object("COMPLETED"));
        assert_eq!(deposit("1", Some(&handle), Some(&payment)).unwrap().state, PaymentState::Succeeded);
        payment.amount = 2_541;
        assert!(deposit("1", Some(&handle), Some(&payment)).is_err());
    }

    #[test]
    fn an_event_says_what_it_is_about() {
        let about = |kind: &str, more: &str| {
            let text = format!(r#"{{"eventType":"{kind}","resourceId":"r1","payload":{{"id":"p1","merchantRefNum":"dep_1"{more}}}}}"#);
            event(text.as_bytes(), Ts(0)).unwrap()
        };
        let (our_ref, provider_ref) = (Some("dep_1".to_string()), "p1".to_string());
        let e = about("PAYMENT_COMPLETED", "");
        assert_eq!(e.event_id, "r1:PAYMENT_COMPLETED");
        assert_eq!(
            e.subject,
            HookSubject::Deposit {
                our_ref: our_ref.clone(),
                provider_ref: provider_ref.clone()
            }
        );
        assert_eq!(about("PAYMENT_HANDLE_PAYABLE", "").subject, e.subject);
        assert_eq!(
            about("SA_CREDIT_FAILED", "").subject,
            HookSubject::Payout {
                our_ref: our_ref.clone(),
                provider_ref: provider_ref.clone()
            }
        );
        assert_eq!(about("REFUND_COMPLETED", "").subject, HookSubject::Refund { our_ref, provider_ref });
        let credit = about("PAYMENT_HANDLE_COMPLETED", r#","transactionType":"STANDALONE_CREDIT""#);
        assert_eq!(
            (credit.subject, about("SETTLEMENT_COMPLETED", "").subject),
            (HookSubject::Other, HookSubject::Other)
        );
        assert!(matches!(event(b"[]", Ts(0)), Err(HookRefusal::Unreadable(_))));
        assert!(matches!(
            event(br#"{"eventType":"PAYMENT_FAILED","resourceId":""}"#, Ts(0)),
            Err(HookRefusal::Unreadable(_))
        ));
    }
}
