//! The connector against two of the sandbox's providers, which were written apart from it: a bank
//! redirect it speaks to with its defaults, and a QR code it knows by its settings only.
#![allow(clippy::unwrap_used)]

#[path = "../../kit/tests/rail_world/mod.rs"]
mod rail_world;

use qd_kernel::{Amount, Currency, Secret};
use qd_ports::Fate;
use qd_ports::psp::{
    HookSubject, OpenDeposit, PROBE_MISSING, PaymentState, Psp, RefundDeposits, RefundState, ReportDisputes, TakeDeposits,
};
use qd_psp_redirect::Redirect;
use qd_sandbox::FaultKind;
use rail_world::{World, demo, eur, nobody, refund, world};
use serde_json::json;

async fn bank() -> (World, Redirect) {
    let w = world(demo("redirect-eu")).await;
    let psp = Redirect::connect(w.account()).unwrap();
    (w, psp)
}

async fn open(w: &World, psp: &Redirect, our_ref: &str, minor: i64) -> String {
    let s = psp.open_deposit(&w.wish(our_ref, "instant_bank", minor)).await.unwrap();
    s.provider_ref
}

#[tokio::test]
async fn a_deposit_is_opened_once_paid_and_reported_whole() {
    let (w, psp) = bank().await;
    let wish = w.wish("dep_1", "instant_bank", 50_000);
    let s = psp.open_deposit(&wish).await.unwrap();
    assert!(s.redirect_url.as_deref().is_some_and(|u| u.starts_with("http")), "{s:?}");
    assert_eq!(s.state, PaymentState::Created);
    assert_eq!(psp.open_deposit(&wish).await.unwrap().provider_ref, s.provider_ref);
    assert_eq!(psp.deposit(&s.provider_ref).await.unwrap().state, PaymentState::Created);
    w.pay("dep_1", "pay").await;
    let r = psp.deposit(&s.provider_ref).await.unwrap();
    assert_eq!(
        (r.state, r.amount, r.received, r.our_ref.as_deref()),
        (PaymentState::Succeeded, eur(50_000), Some(eur(50_000)), Some("dep_1"))
    );
    assert_eq!(r.instrument.unwrap().brand.as_deref(), Some("instant_bank"));
    let mut events = w.events(&psp, 1, |b| b.contains("paid")).await;
    let e = events.remove(0);
    assert_eq!(e.kind, "payment.paid");
    let subject = HookSubject::Deposit {
        our_ref: Some("dep_1".into()),
        provider_ref: s.provider_ref,
    };
    assert_eq!(e.subject, subject);
    assert!(psp.can().refunds && !psp.can().payouts);
}

#[tokio::test]
async fn every_end_of_a_visit_has_its_state() {
    let (w, psp) = bank().await;
    let id = open(&w, &psp, "dep_1", 1_000).await;
    w.pay("dep_1", "abandon").await;
    assert_eq!(psp.deposit(&id).await.unwrap().state, PaymentState::Created);
    w.pay("dep_1", "later").await;
    assert_eq!(psp.deposit(&id).await.unwrap().state, PaymentState::Pending);
    w.delivered(1, |b| b.contains("\"paid\"")).await;
    assert_eq!(psp.deposit(&id).await.unwrap().state, PaymentState::Succeeded);
    let id = open(&w, &psp, "dep_2", 1_000).await;
    w.pay("dep_2", "decline").await;
    let r = psp.deposit(&id).await.unwrap();
    assert_eq!(
        (r.state, r.failure_code.as_deref(), r.soft_failure, r.received),
        (PaymentState::Failed, Some("bank_declined"), true, None)
    );
    let id = open(&w, &psp, "dep_3", 1_000).await;
    w.clock.advance_secs(2_000);
    w.delivered(1, |b| b.contains("expired")).await;
    assert_eq!(psp.deposit(&id).await.unwrap().state, PaymentState::Expired);
    // Another sum came than was asked for: said as it is, for a person.
    let id = open(&w, &psp, "dep_4", 1_000).await;
    w.control("/payment/dep_4/receive", json!({"minor": 900})).await;
    let r = psp.deposit(&id).await.unwrap();
    assert_eq!(
        (r.state, r.amount, r.received),
        (PaymentState::Succeeded, eur(1_000), Some(eur(900)))
    );
}

#[tokio::test]
async fn refunds_are_repeatable_bounded_and_may_fail() {
    let (w, psp) = bank().await;
    let id = open(&w, &psp, "dep_1", 50_000).await;
    assert_eq!(psp.refund(&refund("wdr_1-1", &id, 1_000)).await.unwrap_err().fate, Fate::Refused);
    w.pay("dep_1", "pay").await;
    let first = psp.refund(&refund("wdr_1-1", &id, 20_000)).await.unwrap();
    assert_eq!(
        (first.state, first.amount, first.our_ref.as_deref()),
        (RefundState::Pending, eur(20_000), Some("wdr_1-1"))
    );
    assert_eq!(
        psp.refund(&refund("wdr_1-1", &id, 20_000)).await.unwrap().provider_ref,
        first.provider_ref
    );
    // The same reference about another sum: what the first call did is the question.
    let e = psp.refund(&refund("wdr_1-1", &id, 20_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "reference_used"));
    let e = psp.refund(&refund("wdr_1-2", &id, 30_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "amount_too_high"));
    let events = w.events(&psp, 1, |b| b.contains("refund")).await;
    let about = HookSubject::Refund {
        our_ref: Some("wdr_1-1".into()),
        provider_ref: first.provider_ref.clone(),
    };
    assert_eq!(events[0].subject, about);
    assert_eq!(psp.refund_status(&first.provider_ref).await.unwrap().state, RefundState::Succeeded);
    assert_eq!(psp.deposit(&id).await.unwrap().refunded_minor, 20_000);
    let second = psp.refund(&refund("wdr_1-3", &id, 30_000)).await.unwrap();
    w.control(&format!("/refund/{}/fail", second.provider_ref), json!({})).await;
    let r = psp.refund_status(&second.provider_ref).await.unwrap();
    assert_eq!((r.state, r.failure_code.as_deref()), (RefundState::Failed, Some("account_closed")));
    assert_eq!(psp.dispute("x").await.unwrap_err().code, "not_offered");
}

#[tokio::test]
async fn every_way_to_lose_the_answer_has_its_fate_and_the_same_call_heals_it() {
    let (w, psp) = bank().await;
    let cases = [
        (FaultKind::DropBefore, None, Fate::Unknown, "connection_lost"),
        (FaultKind::DropAfter, None, Fate::Unknown, "connection_lost"),
        (FaultKind::Garbage, None, Fate::Unknown, "unreadable_answer"),
        (FaultKind::Forbidden, None, Fate::Unknown, "http_403"),
        (FaultKind::Refuse, Some("502"), Fate::Unknown, "http_502"),
        (FaultKind::Refuse, Some("internal"), Fate::Unknown, "internal"),
        (FaultKind::Refuse, Some("busy"), Fate::RefusedForNow, "busy"),
        (FaultKind::Refuse, Some("limit_exceeded"), Fate::Refused, "limit_exceeded"),
        (FaultKind::WrongAmount, None, Fate::Unknown, "echo_mismatch"),
    ];
    for (i, (kind, value, fate, code)) in cases.into_iter().enumerate() {
        let wish = w.wish(&format!("dep_{i}"), "instant_bank", 10_000);
        w.order("payments.create", kind, value);
        let e = psp.open_deposit(&wish).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (fate, code), "{kind:?} {value:?}: {e}");
        let first = psp.open_deposit(&wish).await.unwrap();
        assert_eq!(psp.open_deposit(&wish).await.unwrap().provider_ref, first.provider_ref);
    }
    let mut away = w.account();
    away.api_base = Some(nobody().await);
    let away = Redirect::connect(away).unwrap();
    let e = away.open_deposit(&w.wish("dep_away", "instant_bank", 10_000)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::NotSent, "connect_failed"));
    let coins = OpenDeposit {
        amount: Amount::new(1_000, Currency::parse("BTC").unwrap()),
        ..w.wish("dep_btc", "instant_bank", 1)
    };
    assert_eq!(away.open_deposit(&coins).await.unwrap_err().code, "currency_unsupported");
}

#[tokio::test]
async fn what_does_not_exist_or_is_not_ours_is_refused() {
    let (w, psp) = bank().await;
    let e = psp.deposit(psp.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, PROBE_MISSING));
    assert_eq!(psp.deposit("../refunds").await.unwrap_err().code, "provider_ref_malformed");
    let mut other = w.account();
    other.key = Secret::new("not-the-key");
    let other = Redirect::connect(other).unwrap();
    let e = other.deposit(psp.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "unauthorised"));
    assert!(!format!("{e} {other:?}").contains("not-the-key"));
    // A setting that is misspelt, missing or impossible is named.
    for (name, value, want) in [
        ("feild_id", "x", "setting_unknown"),
        ("merchant", "", "setting_missing"),
        ("amount_form", "float", "setting_malformed"),
        ("signature_algorithm", "md5", "setting_malformed"),
    ] {
        let mut a = w.account();
        a.settings.insert(name.into(), value.into());
        assert_eq!(Redirect::connect(a).unwrap_err().code, want, "{name}");
    }
}

#[tokio::test]
async fn callbacks_twice_have_one_id_and_forged_ones_are_refused() {
    let (w, psp) = bank().await;
    open(&w, &psp, "dep_1", 1_000).await;
    w.order("webhook", FaultKind::Twice, None);
    w.pay("dep_1", "pay").await;
    let ids: Vec<String> = w
        .events(&psp, 2, |b| b.contains("dep_1"))
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
async fn a_provider_that_differs_in_everything_needs_settings_and_no_code() {
    let w = world(demo("redirect-intl")).await;
    let psp = Redirect::connect(w.account()).unwrap();
    let thb = Amount::new(100_000, Currency::parse("THB").unwrap());
    let wish = OpenDeposit {
        amount: thb,
        ..w.wish("dep_th", "promptpay", 1)
    };
    let s = psp.open_deposit(&wish).await.unwrap();
    assert_eq!(psp.open_deposit(&wish).await.unwrap().provider_ref, s.provider_ref);
    w.pay("dep_th", "later").await;
    assert_eq!(psp.deposit(&s.provider_ref).await.unwrap().state, PaymentState::Pending);
    w.pay("dep_th", "pay").await;
    let r = psp.deposit(&s.provider_ref).await.unwrap();
    assert_eq!((r.state, r.amount, r.received), (PaymentState::Succeeded, thb, Some(thb)));
    let events = w.events(&psp, 2, |b| b.contains("dep_th")).await;
    assert_eq!(events[0].event_id, format!("payment:{}:SCANNED", s.provider_ref));
    assert_eq!(events[1].event_id, format!("payment:{}:SUCCESS", s.provider_ref));
    assert!(!psp.can().refunds);
    assert_eq!(
        psp.refund(&refund("wdr_1-1", &s.provider_ref, 1)).await.unwrap_err().code,
        "not_offered"
    );
    w.order("payments.get", FaultKind::WrongAmount, None);
    assert_ne!(psp.deposit(&s.provider_ref).await.unwrap().amount, thb);
}
