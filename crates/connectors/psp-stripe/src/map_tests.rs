use super::*;
use serde_json::{Value, json};

fn session(status: &str, payment_status: &str) -> Session {
    serde_json::from_value(json!({"id": "cs_1", "object": "checkout.session", "url": "https://pay", "status": status, "payment_status": payment_status,
        "amount_total": 50_000, "currency": "eur", "client_reference_id": "dep_1", "metadata": {"qd_ref": "dep_1"}, "payment_intent": "pi_1"}))
    .unwrap()
}

fn intent(status: &str, more: Value) -> Intent {
    let mut v = json!({"id": "pi_1", "object": "payment_intent", "status": status, "amount": 50_000, "currency": "eur", "amount_received": 0,
        "metadata": {"qd_ref": "dep_1"}, "last_payment_error": null, "latest_charge": null});
    v.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(v).unwrap()
}

fn declined(code: &str) -> Value {
    json!({"last_payment_error": {"type": "card_error", "code": "card_declined", "decline_code": code}})
}

#[test]
fn session_and_payment_give_one_state() {
    use PaymentState::*;
    let none = json!({});
    let rows = [
        ("open", "unpaid", "requires_payment_method", none.clone(), Created),
        (
            "open",
            "unpaid",
            "requires_payment_method",
            declined("insufficient_funds"),
            RequiresAction,
        ),
        ("open", "unpaid", "requires_action", none.clone(), RequiresAction),
        ("open", "unpaid", "processing", none.clone(), Pending),
        ("complete", "paid", "succeeded", none.clone(), Succeeded),
        ("complete", "unpaid", "processing", none.clone(), Pending),
        ("complete", "unpaid", "requires_payment_method", declined("generic_decline"), Failed),
        ("complete", "unpaid", "requires_payment_method", none.clone(), Pending),
        ("complete", "unpaid", "requires_capture", none.clone(), Authorised),
        // Paid, they say, but the payment itself does not: not a yes yet.
        ("complete", "paid", "processing", none.clone(), Pending),
        ("expired", "unpaid", "requires_payment_method", declined("stolen_card"), Expired),
        ("expired", "unpaid", "canceled", none.clone(), Expired),
        (
            "open",
            "unpaid",
            "canceled",
            json!({"cancellation_reason": "requested_by_customer"}),
            Cancelled,
        ),
        ("open", "unpaid", "canceled", json!({"cancellation_reason": "expired"}), Expired),
        ("complete", "unpaid", "requires_moonlight", none.clone(), Pending),
        ("half_open", "unpaid", "requires_payment_method", none.clone(), Pending),
        ("half_open", "paid", "succeeded", none.clone(), Succeeded),
    ];
    for (status, paid, inner, more, want) in rows {
        let i = intent(inner, more);
        let r = session_report(&session(status, paid), Some(&i)).unwrap();
        assert_eq!(r.state, want, "{status}/{paid}/{inner}");
    }
    assert_eq!(session_report(&session("open", "unpaid"), None).unwrap().state, Created);
    assert_eq!(session_report(&session("expired", "unpaid"), None).unwrap().state, Expired);
}

#[test]
fn a_decline_is_reported_with_its_code_and_whether_another_try_is_worth_it() {
    for (code, soft) in [
        ("insufficient_funds", true),
        ("generic_decline", true),
        ("stolen_card", false),
        ("fraudulent", false),
        ("new_word", false),
    ] {
        let r = session_report(&session("open", "unpaid"), Some(&intent("requires_payment_method", declined(code)))).unwrap();
        assert_eq!((r.failure_code.as_deref(), r.soft_failure), (Some(code), soft));
    }
    let expired = json!({"last_payment_error": {"type": "card_error", "code": "expired_card"}});
    let r = intent_report(&intent("requires_payment_method", expired)).unwrap();
    assert_eq!((r.failure_code.as_deref(), r.soft_failure), (Some("expired_card"), true));
    // The attempt before the one that worked is history.
    let r = session_report(
        &session("complete", "paid"),
        Some(&intent("succeeded", declined("insufficient_funds"))),
    )
    .unwrap();
    assert_eq!((r.state, r.failure_code, r.soft_failure), (PaymentState::Succeeded, None, false));
}

#[test]
fn a_paid_deposit_tells_instrument_fee_and_refunds() {
    let charge = json!({"amount_received": 50_000, "latest_charge": {"id": "ch_1", "amount_refunded": 12_000,
        "balance_transaction": {"id": "txn_1", "fee": 725, "currency": "eur"}, "billing_details": {"name": "Alex Müller"},
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "country": "DE", "last4": "4242", "fingerprint": "fp_1", "funding": "debit"}}}});
    let r = session_report(&session("complete", "paid"), Some(&intent("succeeded", charge))).unwrap();
    let eur = |m| Amount::new(m, qd_kernel::Currency::EUR);
    assert_eq!(
        (r.amount, r.received, r.fee, r.refunded_minor),
        (eur(50_000), Some(eur(50_000)), Some(eur(725)), 12_000)
    );
    assert_eq!(
        (r.our_ref.as_deref(), r.provider_ref.as_str(), r.payment_ref.as_deref()),
        (Some("dep_1"), "cs_1", Some("pi_1"))
    );
    let i = r.instrument.unwrap();
    assert_eq!(
        (i.kind.as_str(), i.brand.as_deref(), i.last4.as_deref(), i.country.as_deref()),
        ("card", Some("visa"), Some("4242"), Some("DE"))
    );
    assert_eq!((i.fingerprint.as_deref(), i.holder.as_deref()), (Some("fp_1"), Some("Alex Müller")));
    let sepa = json!({"latest_charge": {"payment_method_details": {"type": "sepa_debit", "sepa_debit": {"country": "DE", "last4": "3000", "fingerprint": "f"}}}});
    let i = intent_report(&intent("succeeded", sepa)).unwrap().instrument.unwrap();
    assert_eq!(
        (i.kind.as_str(), i.brand.as_deref(), i.last4.as_deref()),
        ("bank", Some("sepa_debit"), Some("3000"))
    );
}

#[test]
fn statements_that_disagree_are_an_echo_mismatch() {
    let echo = |s: &Session, i: &Intent| matches!(session_report(s, Some(i)), Err(Wrong::Echo(_)));
    let s = session("complete", "paid");
    assert!(!echo(&s, &intent("succeeded", json!({}))));
    assert!(echo(&s, &intent("succeeded", json!({"amount": 50_001}))));
    assert!(echo(&s, &intent("succeeded", json!({"currency": "usd"}))));
    assert!(echo(&s, &intent("succeeded", json!({"metadata": {"qd_ref": "dep_2"}}))));
    let mut two = session("complete", "paid");
    two.client_reference_id = Some("dep_2".into());
    assert!(echo(&two, &intent("succeeded", json!({}))));
    let mut blank = session("open", "unpaid");
    blank.amount_total = None;
    assert!(matches!(session_report(&blank, None), Err(Wrong::Unreadable(_))));
}

#[test]
fn refunds_and_disputes_know_each_state_and_admit_what_they_do_not_know() {
    let refund = |status: Value| {
        let r: Refund = serde_json::from_value(
            json!({"id": "re_1", "amount": 100, "currency": "eur", "status": status, "payment_intent": "pi_1",
            "failure_reason": "expired_or_canceled_card", "metadata": {"qd_ref": "rf_1"}}),
        )
        .unwrap();
        refund_report(&r).unwrap()
    };
    for (word, want) in [
        ("pending", RefundState::Pending),
        ("requires_action", RefundState::Pending),
        ("succeeded", RefundState::Succeeded),
        ("failed", RefundState::Failed),
        ("canceled", RefundState::Cancelled),
        ("beamed", RefundState::Pending),
    ] {
        assert_eq!(refund(json!(word)).state, want, "{word}");
    }
    assert_eq!(refund(Value::Null).state, RefundState::Pending);
    let r = refund(json!("failed"));
    assert_eq!(
        (r.our_ref.as_deref(), r.payment_ref.as_str(), r.failure_code.as_deref()),
        (Some("rf_1"), "pi_1", Some("expired_or_canceled_card"))
    );
    use DisputeState::*;
    for (word, want) in [
        ("warning_needs_response", Warning),
        ("warning_under_review", Warning),
        ("warning_closed", Warning),
        ("needs_response", Opened),
        ("under_review", Opened),
        ("won", Won),
        ("lost", Lost),
        ("appeal_needs_response", Opened),
        ("appeal_under_review", Opened),
        ("prevented", Unrecognised),
        ("undecided", Unrecognised),
    ] {
        let d: Dispute = serde_json::from_value(
            json!({"id": "dp_1", "amount": 50_000, "currency": "eur", "status": word, "reason": "fraudulent",
            "charge": "ch_1", "payment_intent": null}),
        )
        .unwrap();
        let r = dispute_report(&d).unwrap();
        assert_eq!(
            (r.state, r.provider_state.as_str(), r.payment_ref.as_str()),
            (want, word, "ch_1"),
            "{word}"
        );
    }
}

fn hook(kind: &str, object: Value) -> Result<HookEvent, HookRefusal> {
    event(
        json!({"id": "evt_1", "object": "event", "type": kind, "created": 1_795_132_800, "livemode": false, "data": {"object": object}})
            .to_string()
            .as_bytes(),
        Ts(7),
    )
}

#[test]
fn an_event_says_what_it_is_about_and_nothing_more() {
    let meta = json!({"qd_ref": "dep_1"});
    let about = |kind: &str, object: Value| hook(kind, object).unwrap().subject;
    let deposit = |r: Option<&str>, p: &str| HookSubject::Deposit {
        our_ref: r.map(str::to_string),
        provider_ref: p.to_string(),
    };
    for kind in [
        "checkout.session.completed",
        "checkout.session.expired",
        "checkout.session.async_payment_failed",
    ] {
        assert_eq!(
            about(
                kind,
                json!({"id": "cs_1", "client_reference_id": "dep_1", "payment_intent": "pi_1"})
            ),
            deposit(Some("dep_1"), "cs_1")
        );
    }
    assert_eq!(
        about("checkout.session.completed", json!({"id": "cs_1", "metadata": meta})),
        deposit(Some("dep_1"), "cs_1")
    );
    for kind in [
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.never_heard_of",
    ] {
        assert_eq!(about(kind, json!({"id": "pi_1", "metadata": meta})), deposit(Some("dep_1"), "pi_1"));
    }
    // Somebody else's payment on the same account.
    assert_eq!(
        about("payment_intent.succeeded", json!({"id": "pi_9", "metadata": {}})),
        deposit(None, "pi_9")
    );
    assert_eq!(
        about("charge.refunded", json!({"id": "ch_1", "payment_intent": "pi_1", "metadata": meta})),
        deposit(Some("dep_1"), "pi_1")
    );
    assert_eq!(
        about("charge.refunded", json!({"id": "ch_1", "payment_intent": null})),
        HookSubject::Other
    );
    for kind in ["refund.created", "refund.failed", "charge.refund.updated"] {
        assert_eq!(
            about(kind, json!({"id": "re_1", "metadata": {"qd_ref": "rf_1"}})),
            HookSubject::Refund {
                our_ref: Some("rf_1".into()),
                provider_ref: "re_1".into()
            }
        );
    }
    assert_eq!(
        about("charge.dispute.created", json!({"id": "dp_1", "payment_intent": "pi_1"})),
        HookSubject::Dispute {
            provider_ref: "dp_1".into()
        }
    );
    for kind in ["charge.succeeded", "payout.paid", "radar.early_fraud_warning.created"] {
        assert_eq!(about(kind, json!({"id": "x_1"})), HookSubject::Other);
    }
    assert_eq!(
        about("balance.available", json!({"object": "balance", "available": []})),
        HookSubject::Other
    );
    let thin = br#"{"id":"evt_2","object":"v2.core.event","type":"v2.money_management.outbound_payment.posted","created":"2026-11-20T09:00:00.000Z","related_object":{"id":"obp_1"}}"#;
    let e = event(thin, Ts(7)).unwrap();
    assert_eq!((e.subject, e.at), (HookSubject::Other, Ts(7)));
    let e = hook("payout.paid", json!({"id": "po_1"})).unwrap();
    assert_eq!(
        (e.event_id.as_str(), e.kind.as_str(), e.at),
        ("evt_1", "payout.paid", Ts::from_secs(1_795_132_800))
    );
}

#[test]
fn a_signed_body_that_cannot_be_read_is_never_guessed() {
    let unreadable = |r: Result<HookEvent, HookRefusal>| assert!(matches!(r, Err(HookRefusal::Unreadable(_))), "{r:?}");
    unreadable(event(b"not json", Ts(7)));
    unreadable(event(br#"{"id":"evt_1","created":1}"#, Ts(7)));
    unreadable(event(br#"{"id":"evt_1","type":"payment_intent.succeeded","created":1}"#, Ts(7)));
    unreadable(hook("payment_intent.succeeded", json!({"id": ""})));
    unreadable(hook("payment_intent.succeeded", json!({"no": "id"})));
}
