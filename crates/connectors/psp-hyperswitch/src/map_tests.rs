#![allow(clippy::unwrap_used)]
//! Every word of Hyperswitch's and what it means to us.

use crate::map::{self, Wrong};
use crate::wire::{Dispute, Payment, Payout, Refund};
use crate::{ID_LENGTH, id_of};
use qd_kernel::{Amount, Currency, Ts};
use qd_ports::psp::{DisputeState, HookRefusal, HookSubject, PaymentState, PayoutState, RefundState};
use serde_json::{Value, json};

const PAYMENT: &str = "dep_01JD3K00000000000000000001";

fn payment(status: &str, more: Value) -> Payment {
    let mut o = json!({"payment_id": PAYMENT, "status": status, "amount": 12_345, "currency": "EUR", "amount_received": null});
    o.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(o).unwrap()
}

#[test]
fn a_payment_is_money_when_it_says_how_much_was_received() {
    use PaymentState as S;
    for (status, want) in [
        ("requires_payment_method", S::Created),
        ("requires_confirmation", S::Created),
        ("requires_customer_action", S::RequiresAction),
        ("requires_merchant_action", S::Pending),
        ("review", S::Pending),
        ("processing", S::Pending),
        ("partially_captured_and_processing", S::Pending),
        ("partially_captured_and_capturable", S::Pending),
        ("requires_capture", S::Authorised),
        ("partially_authorized_and_requires_capture", S::Authorised),
        ("failed", S::Failed),
        ("expired", S::Expired),
        ("cancelled", S::Cancelled),
        ("cancelled_post_capture", S::Cancelled),
        ("rerouted_by_next_version", S::Pending),
    ] {
        assert_eq!(map::deposit(&payment(status, json!({}))).unwrap().state, want, "{status}");
    }
    let full = map::deposit(&payment("succeeded", json!({"amount_received": 12_345}))).unwrap();
    assert_eq!((full.state, full.received), (S::Succeeded, Some(full.amount)));
    let part = map::deposit(&payment("partially_captured", json!({"amount_received": 345}))).unwrap();
    assert_eq!((part.state, part.received), (S::Succeeded, Some(Amount::new(345, Currency::EUR))));
    assert!(matches!(map::deposit(&payment("succeeded", json!({}))), Err(Wrong::Unreadable(_))));
    // The processor answered with other figures: nothing is credited, a person looks.
    assert!(matches!(
        map::deposit(&payment("conflicted", json!({"amount_received": 12_345}))),
        Err(Wrong::Echo(_))
    ));
}

#[test]
fn a_declined_attempt_is_no_failure_while_the_page_is_open() {
    let r = map::deposit(&payment("requires_payment_method", json!({"error_code": "card_declined"}))).unwrap();
    assert_eq!(
        (r.state, r.failure_code.as_deref(), r.soft_failure),
        (PaymentState::RequiresAction, Some("card_declined"), true)
    );
}

#[test]
fn refunds_that_were_done_are_summed_and_the_instrument_is_told() {
    let refund =
        |amount: i64, status: &str| json!({"refund_id": "r", "payment_id": PAYMENT, "amount": amount, "currency": "EUR", "status": status});
    let r = map::deposit(&payment(
        "succeeded",
        json!({"amount_received": 12_345, "refunds": [refund(100, "succeeded"), refund(20, "pending"), refund(3, "failed"), refund(1_000, "succeeded")],
            "payment_method": "card", "payment_method_type": "credit",
            "payment_method_data": {"card": {"last4": "4242", "card_network": "Visa", "card_holder_name": "Ada Byron"}}}),
    ))
    .unwrap();
    assert_eq!(r.refunded_minor, 1_100);
    let i = r.instrument.unwrap();
    assert_eq!(
        (i.kind.as_str(), i.brand.as_deref(), i.last4.as_deref(), i.holder.as_deref()),
        ("card", Some("Visa"), Some("4242"), Some("Ada Byron"))
    );
    for (word, want) in [
        ("succeeded", RefundState::Succeeded),
        ("success", RefundState::Succeeded),
        ("failed", RefundState::Failed),
        ("transaction_failure", RefundState::Failed),
        ("pending", RefundState::Pending),
        ("review", RefundState::Pending),
        ("manual_review", RefundState::Pending),
        ("lost", RefundState::Pending),
    ] {
        let r: Refund = serde_json::from_value(refund(1, word)).unwrap();
        assert_eq!(map::refund(&r).unwrap().state, want, "{word}");
    }
}

#[test]
fn payouts_end_paid_failed_or_returned() {
    for (word, want) in [
        ("success", PayoutState::Paid),
        ("failed", PayoutState::Failed),
        ("cancelled", PayoutState::Failed),
        ("expired", PayoutState::Failed),
        ("ineligible", PayoutState::Failed),
        ("reversed", PayoutState::Returned),
        ("pending", PayoutState::Pending),
        ("initiated", PayoutState::Pending),
        ("requires_creation", PayoutState::Pending),
        ("requires_payout_method_data", PayoutState::Pending),
        ("requires_confirmation", PayoutState::Pending),
        ("requires_fulfillment", PayoutState::Pending),
        ("requires_vendor_account_creation", PayoutState::Pending),
        ("teleported", PayoutState::Pending),
    ] {
        let p: Payout = serde_json::from_value(json!({"payout_id": "p", "amount": 500, "currency": "EUR", "status": word})).unwrap();
        assert_eq!(map::payout(&p).unwrap().state, want, "{word}");
    }
}

#[test]
fn a_dispute_is_won_or_lost_by_its_verdict_and_a_warning_before_it_is_one() {
    for (stage, status, want) in [
        ("pre_dispute", "dispute_opened", DisputeState::Warning),
        ("dispute", "dispute_opened", DisputeState::Opened),
        ("dispute", "dispute_challenged", DisputeState::Opened),
        ("pre_arbitration", "dispute_expired", DisputeState::Opened),
        ("dispute", "dispute_accepted", DisputeState::Lost),
        ("dispute", "dispute_lost", DisputeState::Lost),
        ("dispute", "dispute_won", DisputeState::Won),
        ("dispute", "dispute_cancelled", DisputeState::Won),
        ("dispute", "dispute_frozen", DisputeState::Unrecognised),
        ("afterlife", "dispute_opened", DisputeState::Unrecognised),
    ] {
        let d: Dispute = serde_json::from_value(
            json!({"dispute_id": "d", "payment_id": PAYMENT, "amount": "1234", "currency": "EUR",
            "dispute_stage": stage, "dispute_status": status, "connector_reason": "fraud"}),
        )
        .unwrap();
        let r = map::dispute(&d).unwrap();
        assert_eq!((r.state, r.amount.minor), (want, 1_234), "{stage} {status}");
    }
}

#[test]
fn events_say_what_they_are_about() {
    let event = |kind: &str, object: Value| {
        let body = json!({"merchant_id": "m", "event_id": "evt_1", "event_type": "x", "content": {"type": kind, "object": object}, "timestamp": "2030-01-01T00:00:00Z"});
        map::event(body.to_string().as_bytes(), Ts::from_secs(7))
    };
    let noted = json!({"qd_ref": "wdr_1-1"});
    assert_eq!(
        event("payment_details", json!({"payment_id": PAYMENT, "metadata": {"qd_ref": "dep_1-2"}}))
            .unwrap()
            .subject,
        HookSubject::Deposit {
            our_ref: Some("dep_1-2".into()),
            provider_ref: PAYMENT.into()
        }
    );
    assert_eq!(
        event("refund_details", json!({"refund_id": "r", "metadata": noted}))
            .unwrap()
            .subject,
        HookSubject::Refund {
            our_ref: Some("wdr_1-1".into()),
            provider_ref: "r".into()
        }
    );
    assert_eq!(
        event("payout_details", json!({"payout_id": "p", "metadata": noted}))
            .unwrap()
            .subject,
        HookSubject::Payout {
            our_ref: Some("wdr_1-1".into()),
            provider_ref: "p".into()
        }
    );
    assert_eq!(
        event("dispute_details", json!({"dispute_id": "d"})).unwrap().subject,
        HookSubject::Dispute { provider_ref: "d".into() }
    );
    assert_eq!(event("mandate_details", json!({})).unwrap().subject, HookSubject::Other);
    assert!(matches!(event("refund_details", json!({})), Err(HookRefusal::Unreadable(_))));
}

#[test]
fn ids_have_the_schemas_length_and_are_always_the_same() {
    assert_eq!(id_of(PAYMENT).unwrap(), PAYMENT);
    let long = id_of("wdr_01JD3K00000000000000000001-1").unwrap();
    assert_eq!(long.len(), ID_LENGTH);
    assert_eq!(long, id_of("wdr_01JD3K00000000000000000001-1").unwrap());
    assert_ne!(long, id_of("wdr_01JD3K00000000000000000001-2").unwrap());
    assert_eq!(id_of("a/b").unwrap_err().code, "our_ref_malformed");
}
