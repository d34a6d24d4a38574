#![allow(clippy::unwrap_used)]
//! Every pair of words an invoice can have, and amounts as the server writes them.

use crate::map;
use crate::wire::{Invoice, Payout, exact, rounded};
use qd_kernel::{Amount, Currency};
use qd_ports::psp::{HookRefusal, HookSubject, PaymentState, PayoutState};
use serde_json::json;

fn invoice(status: &str, further: &str, paid: &str) -> Invoice {
    serde_json::from_value(json!({
        "id": "I1", "storeId": "S1", "amount": "25.40", "paidAmount": paid, "currency": "EUR", "checkoutLink": "https://b/i/I1",
        "createdTime": 1_893_456_000, "status": status, "additionalStatus": further, "metadata": {"orderId": "dep_1", "n": 7},
    }))
    .unwrap()
}

fn eur(minor: i64) -> Amount {
    Amount::new(minor, Currency::EUR)
}

#[test]
fn only_what_the_server_settled_is_money_and_what_came_is_said_as_it_came() {
    use PaymentState as S;
    for (status, further, paid, state, received, code) in [
        ("New", "None", "0", S::Created, None, None),
        ("New", "PaidPartial", "10.00", S::Pending, Some(1_000), Some("paid_partial")),
        ("Processing", "None", "25.40", S::Pending, Some(2_540), None),
        ("Processing", "PaidOver", "30.00", S::Pending, Some(3_000), None),
        ("Settled", "None", "25.400000017", S::Succeeded, Some(2_540), None),
        ("Settled", "PaidOver", "30.00", S::Succeeded, Some(3_000), None),
        ("Settled", "PaidPartial", "20.00", S::Succeeded, Some(2_000), None),
        ("Settled", "PaidLate", "25.40", S::Succeeded, Some(2_540), None),
        ("Settled", "Marked", "25.40", S::Succeeded, Some(2_540), None),
        ("Settled", "Marked", "12.00", S::Succeeded, Some(1_200), None),
        ("Settled", "Marked", "0", S::Pending, None, Some("marked_without_payment")),
        ("Expired", "None", "0", S::Expired, None, None),
        ("Expired", "PaidPartial", "10.00", S::Pending, Some(1_000), Some("paid_partial")),
        ("Expired", "PaidLate", "25.40", S::Pending, Some(2_540), Some("paid_late")),
        ("Expired", "Elsewhere", "0", S::Pending, None, Some("state_unknown")),
        ("Invalid", "None", "25.40", S::Failed, Some(2_540), Some("payment_invalid")),
        ("Invalid", "Marked", "0", S::Failed, None, Some("payment_invalid")),
        ("Thawing", "None", "25.40", S::Pending, Some(2_540), Some("state_unknown")),
    ] {
        let r = map::deposit(&invoice(status, further, paid)).unwrap();
        assert_eq!(
            (r.state, r.received, r.failure_code.as_deref()),
            (state, received.map(eur), code),
            "{status} {further} {paid}"
        );
        assert_eq!((r.amount, r.our_ref.as_deref()), (eur(2_540), Some("dep_1")));
    }
    let mut old = invoice("Settled", "None", "0");
    old.paid_amount = None;
    assert!(map::deposit(&old).is_err());
}

#[test]
fn amounts_are_read_to_the_digit_and_worth_is_rounded() {
    assert_eq!(exact("25.4", "EUR"), Some(eur(2_540)));
    assert_eq!(exact("25.40000000", "EUR"), Some(eur(2_540)));
    assert_eq!(exact("25", "EUR"), Some(eur(2_500)));
    assert_eq!(exact("500.00", "JPY"), Some(Amount::new(500, Currency::JPY)));
    assert_eq!(
        exact("0.00012345", "BTC"),
        Some(Amount::new(12_345, Currency::parse("BTC").unwrap()))
    );
    for bad in ["25.401", "25,40", "", "-", "1e3", "25.4ä"] {
        assert_eq!(exact(bad, "EUR"), None, "{bad}");
    }
    assert_eq!(rounded("99.9999", "EUR"), Some(eur(10_000)));
    assert_eq!(rounded("99.994", "EUR"), Some(eur(9_999)));
    assert_eq!(rounded("0.00499999999999999999999", "EUR"), Some(eur(0)));
    assert_eq!(rounded("7", "EUR"), Some(eur(700)));
    for bad in ["-1", "1.-5", ".5", "", "one", "99999999999999999999999999.1"] {
        assert_eq!(rounded(bad, "EUR"), None, "{bad}");
    }
}

#[test]
fn a_payout_is_paid_when_completed_and_nothing_else() {
    for (state, want) in [
        ("AwaitingApproval", PayoutState::Pending),
        ("AwaitingPayment", PayoutState::Pending),
        ("InProgress", PayoutState::Pending),
        ("Completed", PayoutState::Paid),
        ("Cancelled", PayoutState::Failed),
        ("Forgotten", PayoutState::Pending),
    ] {
        let p: Payout = serde_json::from_value(json!({
            "id": "P1", "pullPaymentId": "PP1", "destination": "bc1qexample", "originalCurrency": "EUR", "originalAmount": "10.00",
            "state": state, "metadata": {"qd_ref": "wdr_1-1"},
        }))
        .unwrap();
        let r = map::payout(&p).unwrap();
        assert_eq!(
            (r.state, r.amount, r.our_ref.as_deref()),
            (want, eur(1_000), Some("wdr_1-1")),
            "{state}"
        );
    }
}

#[test]
fn an_event_is_known_by_its_first_delivery_and_another_stores_is_none_of_ours() {
    let body = |store: &str| {
        json!({"deliveryId": "D2", "webhookId": "W1", "originalDeliveryId": "D1", "isRedelivery": true, "type": "InvoiceSettled",
            "timestamp": 1_893_456_000, "storeId": store, "invoiceId": "I1", "metadata": {"orderId": "dep_1"}})
        .to_string()
    };
    let e = map::event(body("S1").as_bytes(), "S1").unwrap();
    assert_eq!(
        (e.event_id.as_str(), e.kind.as_str(), e.at.secs()),
        ("D1", "InvoiceSettled", 1_893_456_000)
    );
    assert_eq!(
        e.subject,
        HookSubject::Deposit {
            our_ref: Some("dep_1".into()),
            provider_ref: "I1".into()
        }
    );
    assert_eq!(map::event(body("S2").as_bytes(), "S1").unwrap().subject, HookSubject::Other);
    let payout = json!({"originalDeliveryId": "D9", "type": "PayoutUpdated", "timestamp": 1, "storeId": "S1", "payoutId": "P1", "payoutState": "Completed"});
    assert_eq!(
        map::event(payout.to_string().as_bytes(), "S1").unwrap().subject,
        HookSubject::Payout {
            our_ref: None,
            provider_ref: "P1".into()
        }
    );
    assert!(matches!(map::event(b"{}", "S1"), Err(HookRefusal::Unreadable(_))));
}
