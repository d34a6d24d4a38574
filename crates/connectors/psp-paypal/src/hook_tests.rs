//! The published check string, signed with OpenSSL by a key whose certificate lies beside this file.

use super::*;
use qd_ports::psp::HookRefusal::{Forged, Stale, Unreadable};
use serde_json::json;

const CERTIFICATE: &str = include_str!("hook_test_certificate.pem");
const BODY: &str = r#"{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"id":"CAP1","status":"COMPLETED","amount":{"currency_code":"EUR","value":"25.40"}}}"#;
const SIG: &str = "BMll4fEhbJyUQ2J/yUJh8yno1NPra2fIIbkBOE/F7u2RpSP/uQvJ8W/EPjD6SE46mfLtij3ulxi+ySae1TJWD76N0RzxoMrAw8lzohabmyP2LygzRp2ag8gghf0IBRIdD0AY9R1Ct808206DpTH6CjXoPifFhhrvhwoWjf8E4rLWHRanoPmbBy13+b2yuoWBllb8e1MUorO2AQF5vIrVRwmFd/LHDjS2BbuSdarO7xF4Ru6Eer+z1WUlWSglSJ1DC6xRVlXdvggOHD3uA2iX7B7pkZex1OXxNNZQSlPio5YR2TQKGOY5VbQx/GivW0PNJGlkpiWCI65Iw2CS1h2e9g==";
const NOW: Ts = Ts::from_secs(1_893_456_000);

fn pinned() -> Pinned {
    Pinned::new("1JE4291016473214C", &[Secret::new(CERTIFICATE)]).unwrap()
}

fn headers(changed: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all = vec![
        ("paypal-transmission-id", "69cd13f0-d67a-11e5-baa3-778b53f4ae55"),
        ("paypal-transmission-time", "2030-01-01T00:00:00Z"),
        ("paypal-auth-algo", "SHA256withRSA"),
        ("paypal-cert-url", "https://attacker.example/cert.pem"),
        ("paypal-transmission-sig", SIG),
    ];
    for (name, value) in changed {
        all.retain(|(n, _)| n != name);
        if !value.is_empty() {
            all.push((name, value));
        }
    }
    all.into_iter().map(|(n, v)| (n.to_string(), v.to_string())).collect()
}

#[test]
fn the_published_check_string_is_accepted_with_the_pinned_certificate() {
    assert_eq!(crc32(BODY.as_bytes()), 607_738_853);
    assert_eq!(pinned().check(&headers(&[]), BODY.as_bytes(), NOW), Ok(NOW));
}

#[test]
fn anything_changed_or_missing_is_forged() {
    let forged = |h: Vec<(String, String)>, body: &str| {
        let r = pinned().check(&h, body.as_bytes(), NOW);
        assert!(matches!(r, Err(Forged(_))), "{r:?}");
    };
    forged(headers(&[]), &BODY.replace("25.40", "95.40"));
    for name in [
        "paypal-transmission-id",
        "paypal-transmission-time",
        "paypal-auth-algo",
        "paypal-transmission-sig",
    ] {
        forged(headers(&[(name, "")]), BODY);
    }
    forged(headers(&[("paypal-transmission-id", "another")]), BODY);
    forged(headers(&[("paypal-transmission-time", "2030-01-01T00:00:01Z")]), BODY);
    forged(headers(&[("paypal-auth-algo", "SHA1withRSA")]), BODY);
    forged(headers(&[("paypal-transmission-sig", "no base64!")]), BODY);
    forged(headers(&[("paypal-transmission-sig", "AAAA")]), BODY);
    let other = Pinned::new("WEBHOOK_ID", &[Secret::new(CERTIFICATE)]).unwrap();
    assert!(matches!(other.check(&headers(&[]), BODY.as_bytes(), NOW), Err(Forged(_))));
}

#[test]
fn a_delivery_may_be_days_late_but_not_weeks() {
    let run = |days: i64| pinned().check(&headers(&[]), BODY.as_bytes(), NOW.plus_days(days));
    assert_eq!(run(3), Ok(NOW));
    assert!(matches!(run(5), Err(Stale(_))));
    assert!(matches!(run(-5), Err(Stale(_))));
}

#[test]
fn without_a_readable_certificate_nothing_starts() {
    for bad in ["", "whsec_1", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let e = Pinned::new("W", &[Secret::new(bad)]).unwrap_err();
        assert_eq!(e.fields[0].code, "webhook_certificate_malformed", "{bad}");
    }
    assert!(Pinned::new("W", &[]).is_err());
}

fn about(kind: &str, resource: serde_json::Value) -> std::result::Result<HookSubject, HookRefusal> {
    let body = json!({"id": "WH-9", "event_type": kind, "create_time": "2026-11-20T09:00:00Z", "resource": resource});
    event(body.to_string().as_bytes(), Ts(7)).map(|e| e.subject)
}

#[test]
fn an_event_says_what_it_is_about_and_nothing_more() {
    let deposit = |ours: Option<&str>, theirs: &str| {
        Ok(HookSubject::Deposit {
            our_ref: ours.map(str::to_string),
            provider_ref: theirs.into(),
        })
    };
    let order = json!({"id": "ORD1", "purchase_units": [{"custom_id": "dep_1"}]});
    for kind in ["CHECKOUT.ORDER.APPROVED", "CHECKOUT.ORDER.COMPLETED", "CHECKOUT.ORDER.VOIDED"] {
        assert_eq!(about(kind, order.clone()), deposit(Some("dep_1"), "ORD1"));
    }
    assert_eq!(
        about("CHECKOUT.PAYMENT-APPROVAL.REVERSED", json!({"order_id": "ORD1"})),
        deposit(None, "ORD1")
    );
    let capture = json!({"id": "CAP1", "custom_id": "dep_1", "supplementary_data": {"related_ids": {"order_id": "ORD1"}}});
    for kind in ["PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.DENIED", "PAYMENT.CAPTURE.PENDING"] {
        assert_eq!(about(kind, capture.clone()), deposit(Some("dep_1"), "ORD1"));
    }
    assert_eq!(about("PAYMENT.CAPTURE.COMPLETED", json!({"id": "CAP1"})), deposit(None, "CAP1"));
    let up = json!([{"rel": "self", "href": "https://x/v2/payments/refunds/REF1"}, {"rel": "up", "href": "https://x/v2/payments/captures/CAP1"}]);
    assert_eq!(
        about("PAYMENT.CAPTURE.REVERSED", json!({"id": "REF1", "links": up})),
        deposit(None, "CAP1")
    );
    for kind in ["PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED"] {
        let want = HookSubject::Refund {
            our_ref: Some("rf_1".into()),
            provider_ref: "REF1".into(),
        };
        assert_eq!(about(kind, json!({"id": "REF1", "custom_id": "rf_1"})), Ok(want));
    }
    for kind in ["CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.UPDATED", "CUSTOMER.DISPUTE.RESOLVED"] {
        let want = HookSubject::Dispute {
            provider_ref: "PP-D-1".into(),
        };
        assert_eq!(about(kind, json!({"dispute_id": "PP-D-1"})), Ok(want));
    }
    let payout = Ok(HookSubject::Payout {
        our_ref: Some("wdr_1-1".into()),
        provider_ref: "BAT1".into(),
    });
    let batch = json!({"batch_header": {"payout_batch_id": "BAT1", "sender_batch_header": {"sender_batch_id": "wdr_1-1"}}});
    assert_eq!(about("PAYMENT.PAYOUTSBATCH.SUCCESS", batch), payout);
    let item = json!({"payout_item_id": "ITM1", "payout_batch_id": "BAT1", "payout_item": {"sender_item_id": "wdr_1-1"}});
    assert_eq!(about("PAYMENT.PAYOUTS-ITEM.RETURNED", item), payout);
    for kind in ["BILLING.PLAN.CREATED", "INVOICING.INVOICE.PAID"] {
        assert_eq!(about(kind, json!({"id": "X"})), Ok(HookSubject::Other));
    }
    let body = json!({"id": "WH-9", "event_type": "X", "create_time": "2026-11-20T09:00:00Z"}).to_string();
    let e = event(body.as_bytes(), Ts(7)).unwrap();
    assert_eq!((e.event_id.as_str(), e.at), ("WH-9", Ts::from_secs(1_795_165_200)));
}

#[test]
fn a_signed_body_that_cannot_be_read_is_never_guessed() {
    assert!(matches!(event(b"not json", Ts(7)), Err(Unreadable(_))));
    assert!(matches!(event(br#"{"id":"WH-1"}"#, Ts(7)), Err(Unreadable(_))));
    for kind in [
        "PAYMENT.CAPTURE.COMPLETED",
        "CHECKOUT.ORDER.APPROVED",
        "CUSTOMER.DISPUTE.CREATED",
        "PAYMENT.PAYOUTS-ITEM.FAILED",
    ] {
        assert!(matches!(about(kind, json!({"no": "id"})), Err(Unreadable(_))), "{kind}");
        assert!(
            matches!(about(kind, json!({"id": "", "dispute_id": ""})), Err(Unreadable(_))),
            "{kind}"
        );
    }
}
