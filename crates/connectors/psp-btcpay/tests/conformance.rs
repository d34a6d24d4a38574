//! The connector against the sandbox's BTCPay server, which was written apart from it.
#![allow(clippy::unwrap_used)]

#[path = "../../kit/tests/rail_world/mod.rs"]
mod rail_world;

use qd_kernel::{Amount, Currency, Secret, Ts};
use qd_ports::Fate;
use qd_ports::psp::{
    HookRefusal, HookSubject, OpenDeposit, PROBE_MISSING, PayOut, PaymentState, PayoutState, Psp, RefundDeposits, TakeDeposits, VerifyHook,
};
use qd_psp_btcpay::BtcPay;
use qd_sandbox::FaultKind;
use rail_world::{World, demo, eur, nobody, payout, refund, world};
use serde_json::json;

const ADDRESS: &str = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq";

async fn btcpay(more: &[(&str, &str)]) -> (World, BtcPay) {
    let mut cfg = demo("btcpay-eu");
    cfg.settings.extend(more.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())));
    let w = world(cfg).await;
    let psp = BtcPay::connect(w.account()).unwrap();
    (w, psp)
}

async fn open(w: &World, psp: &BtcPay, our_ref: &str, minor: i64) -> String {
    psp.open_deposit(&w.wish(our_ref, "btc", minor)).await.unwrap().provider_ref
}

#[tokio::test]
async fn a_deposit_is_opened_once_paid_and_reported_whole() {
    let (w, psp) = btcpay(&[("payment_methods", "BTC-CHAIN BTC-LN"), ("expiration_minutes", "30")]).await;
    let wish = w.wish("dep_1", "btc", 50_000);
    let s = psp.open_deposit(&wish).await.unwrap();
    assert!(s.redirect_url.as_deref().is_some_and(|u| u.contains(&s.provider_ref)), "{s:?}");
    assert_eq!(s.state, PaymentState::Created);
    assert_eq!(psp.open_deposit(&wish).await.unwrap().provider_ref, s.provider_ref);
    w.pay("dep_1", "pay").await;
    let r = psp.deposit(&s.provider_ref).await.unwrap();
    assert_eq!(
        (r.state, r.amount, r.received, r.our_ref.as_deref()),
        (PaymentState::Succeeded, eur(50_000), Some(eur(50_000)), Some("dep_1"))
    );
    assert_eq!(r.instrument.unwrap().kind, "crypto");
    let about = HookSubject::Deposit {
        our_ref: Some("dep_1".into()),
        provider_ref: s.provider_ref.clone(),
    };
    let events = w.events(&psp, 4, |b| b.contains(&s.provider_ref)).await;
    let kinds: Vec<&str> = events.iter().map(|e| e.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "InvoiceReceivedPayment",
            "InvoiceProcessing",
            "InvoicePaymentSettled",
            "InvoiceSettled"
        ]
    );
    assert!(events.iter().all(|e| e.subject == about));
    assert_eq!(
        psp.refund(&refund("wdr_1-1", &s.provider_ref, 1)).await.unwrap_err().code,
        "not_offered"
    );
    // A price in a coin is one with eight decimals.
    let btc = Amount::new(12_345, Currency::parse("BTC").unwrap());
    let wish = OpenDeposit {
        amount: btc,
        ..w.wish("dep_2", "btc", 1)
    };
    let s = psp.open_deposit(&wish).await.unwrap();
    assert_eq!(psp.deposit(&s.provider_ref).await.unwrap().amount, btc);
}

#[tokio::test]
async fn too_little_too_much_and_too_late_are_said_as_they_are() {
    let (w, psp) = btcpay(&[]).await;
    let look = async |id: &str| {
        let r = psp.deposit(id).await.unwrap();
        (r.state, r.received, r.failure_code)
    };
    let some = |s: &str| Some(s.to_string());
    // Part of it comes, then the page expires; the rest comes late; a person settles it by hand.
    let id = open(&w, &psp, "dep_1", 10_000).await;
    w.control("/invoice/dep_1/receive", json!({"amount": "40.00"})).await;
    assert_eq!(look(&id).await, (PaymentState::Pending, Some(eur(4_000)), some("paid_partial")));
    w.clock.advance_secs(16 * 60);
    w.delivered(1, |b| b.contains("InvoiceExpired")).await;
    assert_eq!(look(&id).await, (PaymentState::Pending, Some(eur(4_000)), some("paid_partial")));
    w.control("/invoice/dep_1/receive", json!({"amount": "60.00"})).await;
    assert_eq!(look(&id).await, (PaymentState::Pending, Some(eur(10_000)), some("paid_late")));
    w.control("/invoice/dep_1/mark", json!({"status": "Settled"})).await;
    assert_eq!(look(&id).await, (PaymentState::Succeeded, Some(eur(10_000)), None));
    // Too much settles with what came.
    let id = open(&w, &psp, "dep_2", 10_000).await;
    w.control("/invoice/dep_2/receive", json!({"amount": "120.00"})).await;
    assert_eq!(look(&id).await, (PaymentState::Pending, Some(eur(12_000)), None));
    w.control("/invoice/dep_2/settle", json!({})).await;
    assert_eq!(look(&id).await, (PaymentState::Succeeded, Some(eur(12_000)), None));
    // Settled by hand with less, and with nothing at all.
    let id = open(&w, &psp, "dep_3", 10_000).await;
    w.control("/invoice/dep_3/receive", json!({"amount": "99.00"})).await;
    w.control("/invoice/dep_3/mark", json!({"status": "Settled"})).await;
    assert_eq!(look(&id).await, (PaymentState::Succeeded, Some(eur(9_900)), None));
    let id = open(&w, &psp, "dep_4", 10_000).await;
    w.control("/invoice/dep_4/mark", json!({"status": "Settled"})).await;
    assert_eq!(look(&id).await, (PaymentState::Pending, None, some("marked_without_payment")));
    // Nothing came; something came and was never confirmed; something is confirmed later.
    let id = open(&w, &psp, "dep_5", 10_000).await;
    w.control("/invoice/dep_5/expire", json!({})).await;
    assert_eq!(look(&id).await, (PaymentState::Expired, None, None));
    let id = open(&w, &psp, "dep_6", 10_000).await;
    w.pay("dep_6", "decline").await;
    assert_eq!(look(&id).await, (PaymentState::Failed, Some(eur(10_000)), some("payment_invalid")));
    let id = open(&w, &psp, "dep_7", 10_000).await;
    w.pay("dep_7", "later").await;
    assert_eq!(look(&id).await, (PaymentState::Pending, Some(eur(10_000)), None));
    w.delivered(1, |b| b.contains("InvoiceSettled") && b.contains("dep_7")).await;
    assert_eq!(look(&id).await, (PaymentState::Succeeded, Some(eur(10_000)), None));
}

#[tokio::test]
async fn every_way_to_lose_the_answer_has_its_fate_and_the_same_call_heals_it() {
    let (w, psp) = btcpay(&[]).await;
    let cases = [
        ("invoices.create", FaultKind::DropBefore, None, Fate::Unknown, "connection_lost"),
        ("invoices.create", FaultKind::DropAfter, None, Fate::Unknown, "connection_lost"),
        ("invoices.create", FaultKind::Garbage, None, Fate::Unknown, "unreadable_answer"),
        ("invoices.create", FaultKind::Forbidden, None, Fate::Unknown, "http_403"),
        ("invoices.create", FaultKind::Refuse, Some("502"), Fate::Unknown, "http_502"),
        (
            "invoices.create",
            FaultKind::Refuse,
            Some("rate-unavailable"),
            Fate::RefusedForNow,
            "rate-unavailable",
        ),
        (
            "invoices.create",
            FaultKind::Refuse,
            Some("generic-error"),
            Fate::Refused,
            "generic-error",
        ),
        ("invoices.create", FaultKind::WrongAmount, None, Fate::Unknown, "echo_mismatch"),
        ("invoices.list", FaultKind::DropAfter, None, Fate::Unknown, "connection_lost"),
    ];
    for (i, (target, kind, value, fate, code)) in cases.into_iter().enumerate() {
        let wish = w.wish(&format!("dep_{i}"), "btc", 10_000);
        w.order(target, kind, value);
        let e = psp.open_deposit(&wish).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (fate, code), "{kind:?} {value:?}: {e}");
        psp.open_deposit(&wish).await.unwrap();
    }
    // However often it was tried, there is one invoice for each.
    let all = w.account().api_base.unwrap();
    let list = qd_outbound::Client::new(qd_outbound::ClientOptions {
        reach: qd_outbound::Reach::Anywhere,
        ..qd_outbound::ClientOptions::default()
    })
    .unwrap()
    .send(
        qd_outbound::Request::get(format!("{all}/api/v1/stores/StoreOfNorthwindEurope/invoices"))
            .header("authorization", "token key-btcpay-eu-26")
            .body(qd_outbound::Bytes::new())
            .unwrap(),
    )
    .await
    .unwrap();
    let list: Vec<serde_json::Value> = serde_json::from_slice(&list.body).unwrap();
    assert_eq!(list.len(), 9);
    let mut away = w.account();
    away.api_base = Some(nobody().await);
    let away = BtcPay::connect(away).unwrap();
    let e = away.open_deposit(&w.wish("dep_away", "btc", 10_000)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::NotSent, "connect_failed"));
    assert_eq!(
        away.open_deposit(&w.wish("dep_away", "btc", 0)).await.unwrap_err().code,
        "amount_not_positive"
    );
}

#[tokio::test]
async fn payouts_are_made_once_and_wait_for_approval_unless_told_otherwise() {
    let (w, psp) = btcpay(&[]).await;
    let wish = payout("wdr_1-1", "btc", ADDRESS, 25_000);
    let missing = psp.payout_status("wdr_1-1", None).await.unwrap_err();
    assert_eq!((missing.fate, missing.code.as_str()), (Fate::Refused, PROBE_MISSING));
    let first = psp.pay_out(&wish).await.unwrap();
    assert_eq!(
        (first.state, first.amount, first.our_ref.as_deref()),
        (PayoutState::Pending, eur(25_000), Some("wdr_1-1"))
    );
    assert_eq!(psp.pay_out(&wish).await.unwrap().provider_ref, first.provider_ref);
    assert_eq!(psp.payout_status("wdr_1-1", None).await.unwrap().provider_ref, first.provider_ref);
    w.control(&format!("/payout/{}/approve", first.provider_ref), json!({})).await;
    let about = HookSubject::Payout {
        our_ref: None,
        provider_ref: first.provider_ref.clone(),
    };
    let events = w.events(&psp, 1, |b| b.contains("Completed")).await;
    assert_eq!(events[0].subject, about);
    let paid = psp.payout_status("wdr_1-1", Some(&first.provider_ref)).await.unwrap();
    assert_eq!((paid.state, paid.amount), (PayoutState::Paid, eur(25_000)));
    // What a person there cancelled is not tried again.
    let second = psp.pay_out(&payout("wdr_2-1", "btc", ADDRESS, 1_000)).await.unwrap();
    w.control(&format!("/payout/{}/cancel", second.provider_ref), json!({})).await;
    let again = psp.pay_out(&payout("wdr_2-1", "btc", ADDRESS, 1_000)).await.unwrap();
    assert_eq!((again.state, again.provider_ref), (PayoutState::Failed, second.provider_ref));
    // Another sum under the same reference, another leg's payout, an address that is none.
    let e = psp.pay_out(&payout("wdr_1-1", "btc", ADDRESS, 25_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    let e = psp.payout_status("wdr_2-1", Some(&first.provider_ref)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    let e = psp.pay_out(&payout("wdr_3-1", "btc", "not an address", 1_000)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "fields_refused"));
    assert!(!e.detail.contains("not an address"));

    let (w, psp) = btcpay(&[("approve_payouts", "true")]).await;
    for (i, (target, kind)) in [
        ("pull-payments.create", FaultKind::DropAfter),
        ("payouts.create", FaultKind::DropBefore),
        ("payouts.create", FaultKind::DropAfter),
        ("payouts.create", FaultKind::Garbage),
        ("payouts.create", FaultKind::WrongAmount),
    ]
    .into_iter()
    .enumerate()
    {
        let address = format!("{ADDRESS}{i}");
        let wish = payout(&format!("wdr_{i}-1"), "btc", &address, 1_000);
        w.order(target, kind, None);
        let e = psp.pay_out(&wish).await.unwrap_err();
        assert_eq!(e.fate, Fate::Unknown, "{target} {kind:?}: {e}");
        let first = psp.pay_out(&wish).await.unwrap();
        assert_eq!(psp.pay_out(&wish).await.unwrap().provider_ref, first.provider_ref);
    }
    w.delivered(5, |b| b.contains("Completed")).await;
    assert_eq!(psp.payout_status("wdr_0-1", None).await.unwrap().state, PayoutState::Paid);
}

#[tokio::test]
async fn what_does_not_exist_or_is_not_ours_is_refused() {
    let (w, psp) = btcpay(&[]).await;
    let e = psp.deposit(psp.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, PROBE_MISSING));
    assert_eq!(psp.deposit("../payouts").await.unwrap_err().code, "provider_ref_malformed");
    let mut other = w.account();
    other.key = Secret::new("not-the-key");
    let e = BtcPay::connect(other).unwrap().deposit(psp.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "unauthorised"));
    for (name, value, want) in [
        ("store", "", "setting_missing"),
        ("store", "a/b", "setting_malformed"),
        ("approve_payouts", "yes", "setting_malformed"),
        ("expiration_minutes", "0", "setting_malformed"),
    ] {
        let mut a = w.account();
        a.settings.insert(name.into(), value.into());
        assert_eq!(BtcPay::connect(a).unwrap_err().code, want, "{name}");
    }
    assert!(psp.can().payouts && !psp.can().refunds);
}

#[tokio::test]
async fn a_redelivery_and_a_repeat_have_the_first_ones_id_and_a_forged_one_is_refused() {
    let (w, psp) = btcpay(&[]).await;
    open(&w, &psp, "dep_1", 1_000).await;
    w.order("webhook:InvoiceSettled", FaultKind::Twice, None);
    w.pay("dep_1", "pay").await;
    let ids: Vec<String> = w
        .events(&psp, 2, |b| b.contains("InvoiceSettled"))
        .await
        .into_iter()
        .map(|e| e.event_id)
        .collect();
    assert_eq!(ids[0], ids[1]);
    open(&w, &psp, "dep_2", 1_000).await;
    w.order("webhook", FaultKind::Forged, None);
    w.pay("dep_2", "pay").await;
    w.forged(&psp).await;
}

#[tokio::test]
async fn the_published_signature_is_accepted_and_none_that_differs() {
    let (w, _) = btcpay(&[]).await;
    let mut a = w.account();
    a.hook_secrets = vec![Secret::new("btcpay-demo-secret")];
    a.settings.insert("store".into(), "S1".into());
    let psp = BtcPay::connect(a).unwrap();
    let body = r#"{"deliveryId":"D1","webhookId":"W1","originalDeliveryId":"D1","isRedelivery":false,"type":"InvoiceSettled","timestamp":1893456000,"storeId":"S1","invoiceId":"I1","manuallyMarked":false,"overPaid":false}"#;
    let good = "sha256=db2627f17761d2d15e332e209489b944d689366026efee558905afc8f4806c4a";
    let verify = |sig: &str, body: &str| psp.verify(&[("btcpay-sig".into(), sig.into())], body.as_bytes(), Ts::from_secs(1_893_456_000));
    let e = verify(good, body).unwrap();
    let about = HookSubject::Deposit {
        our_ref: None,
        provider_ref: "I1".into(),
    };
    assert_eq!((e.event_id.as_str(), e.subject, e.at.secs()), ("D1", about, 1_893_456_000));
    for bad in ["", "sha256=", &good[7..], &good[..good.len() - 2], &good.replace("db26", "db27")] {
        assert!(matches!(verify(bad, body), Err(HookRefusal::Forged(_))), "{bad}");
    }
    assert!(matches!(verify(good, &body.replace("I1", "I2")), Err(HookRefusal::Forged(_))));
}
