use super::*;
use qd_kernel::Currency;
use serde_json::{Value, json};

fn eur(minor: i64) -> Amount {
    Amount::new(minor, Currency::EUR)
}

fn order(status: &str, payments: Value) -> Order {
    serde_json::from_value(json!({
        "id": "ORD1", "status": status,
        "purchase_units": [{"reference_id": "dep_1", "custom_id": "dep_1", "invoice_id": "dep_1",
            "amount": {"currency_code": "EUR", "value": "25.40"}, "payments": payments}],
        "payment_source": {"paypal": {"account_id": "QYR5Z8XDVJNXQ", "email_address": "alex@example.com",
            "name": {"given_name": "Alex", "surname": "Müller"}, "address": {"country_code": "DE"}}},
    }))
    .unwrap()
}

fn capture(status: &str) -> Value {
    json!({"captures": [{"id": "CAP1", "status": status, "custom_id": "dep_1", "amount": {"currency_code": "EUR", "value": "25.40"},
        "seller_receivable_breakdown": {"paypal_fee": {"currency_code": "EUR", "value": "1.12"}},
        "processor_response": {"response_code": "5100"}}]})
}

#[test]
fn every_word_of_an_order_and_its_capture_has_its_state() {
    for (word, want) in [
        ("CREATED", PaymentState::Created),
        ("SAVED", PaymentState::Created),
        ("PAYER_ACTION_REQUIRED", PaymentState::RequiresAction),
        ("APPROVED", PaymentState::Authorised),
        ("VOIDED", PaymentState::Cancelled),
        ("COMPLETED", PaymentState::Pending),
        ("NEVER_HEARD_OF", PaymentState::Pending),
    ] {
        assert_eq!(order_report(&order(word, Value::Null)).unwrap().state, want, "{word}");
    }
    for (word, want) in [
        ("COMPLETED", PaymentState::Succeeded),
        ("PARTIALLY_REFUNDED", PaymentState::Succeeded),
        ("REFUNDED", PaymentState::Succeeded),
        ("PENDING", PaymentState::Pending),
        ("DECLINED", PaymentState::Failed),
        ("FAILED", PaymentState::Failed),
        ("NEVER_HEARD_OF", PaymentState::Pending),
    ] {
        let r = order_report(&order("COMPLETED", capture(word))).unwrap();
        assert_eq!((r.state, r.received.is_some()), (want, want == PaymentState::Succeeded), "{word}");
        assert_eq!(r.failure_code.is_some(), want == PaymentState::Failed, "{word}");
        assert_eq!(r.soft_failure, word == "DECLINED");
    }
}

#[test]
fn a_paid_order_is_reported_with_fee_refunds_and_wallet() {
    let mut payments = capture("PARTIALLY_REFUNDED");
    payments["refunds"] = json!([
        {"id": "REF1", "status": "COMPLETED", "amount": {"currency_code": "EUR", "value": "5.00"}},
        {"id": "REF2", "status": "PENDING", "amount": {"currency_code": "EUR", "value": "1.00"}},
        {"id": "REF3", "status": "COMPLETED", "amount": {"currency_code": "EUR", "value": "0.40"}},
    ]);
    let r = order_report(&order("COMPLETED", payments)).unwrap();
    assert_eq!(
        (r.amount, r.received, r.fee, r.refunded_minor),
        (eur(2_540), Some(eur(2_540)), Some(eur(112)), 540)
    );
    assert_eq!((r.our_ref.as_deref(), r.payment_ref.as_deref()), (Some("dep_1"), Some("CAP1")));
    let i = r.instrument.unwrap();
    assert_eq!(
        (
            i.kind.as_str(),
            i.brand.as_deref(),
            i.fingerprint.as_deref(),
            i.country.as_deref(),
            i.holder.as_deref()
        ),
        ("wallet", Some("paypal"), Some("QYR5Z8XDVJNXQ"), Some("DE"), Some("Alex Müller"))
    );
}

#[test]
fn statements_that_disagree_are_an_echo_mismatch() {
    let mut o = order("CREATED", Value::Null);
    o.purchase_units[0].invoice_id = Some("dep_2".into());
    assert!(matches!(order_report(&o), Err(Wrong::Echo(_))));
    let mut payments = capture("COMPLETED");
    payments["captures"][0]["custom_id"] = "dep_2".into();
    assert!(matches!(order_report(&order("COMPLETED", payments)), Err(Wrong::Echo(_))));
    let mut payments = capture("COMPLETED");
    payments["captures"][0]["amount"]["currency_code"] = "USD".into();
    assert!(matches!(order_report(&order("COMPLETED", payments)), Err(Wrong::Echo(_))));
    let mut o = order("CREATED", Value::Null);
    o.purchase_units.clear();
    assert!(matches!(order_report(&o), Err(Wrong::Unreadable(_))));
}

#[test]
fn refunds_know_their_capture_and_their_state() {
    for (word, want) in [
        ("COMPLETED", RefundState::Succeeded),
        ("PENDING", RefundState::Pending),
        ("FAILED", RefundState::Failed),
        ("CANCELLED", RefundState::Cancelled),
        ("NEVER_HEARD_OF", RefundState::Pending),
    ] {
        let r: Refund = serde_json::from_value(json!({"id": "REF1", "status": word, "custom_id": "rf_1",
            "amount": {"currency_code": "EUR", "value": "5"}, "status_details": {"reason": "ECHECK"},
            "links": [{"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/CAP1"}]}))
        .unwrap();
        let r = refund_report(&r).unwrap();
        assert_eq!((r.state, r.payment_ref.as_str(), r.amount), (want, "CAP1", eur(500)), "{word}");
        assert_eq!(
            r.failure_code.is_some(),
            matches!(want, RefundState::Failed | RefundState::Cancelled),
            "{word}"
        );
    }
}

#[test]
fn disputes_follow_stage_and_outcome() {
    let dispute = |status: &str, stage: &str, outcome: Option<&str>| {
        let d: Dispute = serde_json::from_value(json!({"dispute_id": "PP-D-1", "reason": "UNAUTHORISED", "status": status,
            "dispute_life_cycle_stage": stage, "dispute_amount": {"currency_code": "EUR", "value": "25.40"},
            "dispute_outcome": outcome.map(|o| json!({"outcome_code": o})),
            "disputed_transactions": [{"seller_transaction_id": "CAP1", "custom": "dep_1"}]}))
        .unwrap();
        dispute_report(&d).unwrap()
    };
    for status in ["OPEN", "WAITING_FOR_BUYER_RESPONSE", "WAITING_FOR_SELLER_RESPONSE", "UNDER_REVIEW"] {
        assert_eq!(dispute(status, "INQUIRY", None).state, DisputeState::Warning);
        for stage in ["CHARGEBACK", "PRE_ARBITRATION", "ARBITRATION"] {
            assert_eq!(dispute(status, stage, None).state, DisputeState::Opened);
        }
        assert_eq!(dispute(status, "NEVER_HEARD_OF", None).state, DisputeState::Unrecognised);
    }
    for (outcome, want) in [
        ("RESOLVED_BUYER_FAVOUR", DisputeState::Lost),
        ("ACCEPTED", DisputeState::Lost),
        ("RESOLVED_SELLER_FAVOUR", DisputeState::Won),
        ("CANCELED_BY_BUYER", DisputeState::Won),
        ("DENIED", DisputeState::Won),
        ("RESOLVED_WITH_PAYOUT", DisputeState::Unrecognised),
        ("NONE", DisputeState::Unrecognised),
    ] {
        assert_eq!(dispute("RESOLVED", "CHARGEBACK", Some(outcome)).state, want, "{outcome}");
    }
    assert_eq!(dispute("OTHER", "CHARGEBACK", None).state, DisputeState::Unrecognised);
    let d = dispute("RESOLVED", "CHARGEBACK", Some("ACCEPTED"));
    assert_eq!(
        (d.provider_state.as_str(), d.payment_ref.as_str()),
        ("RESOLVED/CHARGEBACK/ACCEPTED", "CAP1")
    );
}

#[test]
fn a_payout_is_what_its_item_says() {
    let payout = |batch: &str, item: &str| {
        let b: PayoutBatch = serde_json::from_value(json!({
            "batch_header": {"payout_batch_id": "BAT1", "batch_status": batch, "sender_batch_header": {"sender_batch_id": "wdr_1-1"}},
            "items": [{"payout_item_id": "ITM1", "transaction_status": item, "payout_item_fee": {"currency": "EUR", "value": "0.25"},
                "payout_item": {"amount": {"currency": "EUR", "value": "25.40"}, "receiver": "alex@example.com", "sender_item_id": "wdr_1-1"}}]}))
        .unwrap();
        payout_report(&b).unwrap()
    };
    for (word, want) in [
        ("SUCCESS", PayoutState::Paid),
        ("FAILED", PayoutState::Failed),
        ("PENDING", PayoutState::Pending),
        ("UNCLAIMED", PayoutState::Pending),
        ("ONHOLD", PayoutState::Pending),
        ("BLOCKED", PayoutState::Pending),
        ("RETURNED", PayoutState::Returned),
        ("REFUNDED", PayoutState::Returned),
        ("REVERSED", PayoutState::Returned),
        ("NEVER_HEARD_OF", PayoutState::Pending),
    ] {
        assert_eq!(payout("SUCCESS", word).state, want, "{word}");
    }
    assert_eq!(payout("PROCESSING", "PENDING").state, PayoutState::Pending);
    assert_eq!(payout("DENIED", "PENDING").state, PayoutState::Failed);
    assert_eq!(payout("CANCELED", "PENDING").state, PayoutState::Failed);
    let r = payout("SUCCESS", "UNCLAIMED");
    assert_eq!(
        (r.our_ref.as_deref(), r.failure_code.as_deref(), r.fee),
        (Some("wdr_1-1"), Some("UNCLAIMED"), Some(eur(25)))
    );
}
