//! The connector against the sandbox's Hyperswitch, which was written apart from it.
#![allow(clippy::unwrap_used)]

#[path = "../../kit/tests/rail_world/mod.rs"]
mod rail_world;

use qd_kernel::{Amount, Currency, Secret, Ts};
use qd_ports::Fate;
use qd_ports::psp::{
    DisputeState, HookRefusal, HookSubject, OpenDeposit, PROBE_MISSING, PayOut, PaymentState, PayoutState, Psp, RefundDeposits,
    RefundState, ReportDisputes, TakeDeposits, VerifyHook,
};
use qd_psp_hyperswitch::Hyperswitch;
use qd_sandbox::FaultKind;
use rail_world::{World, demo, eur, nobody, payout, refund, world};
use serde_json::json;

const IBAN: &str = "DE89370400440532013000";

async fn hyperswitch() -> (World, Hyperswitch) {
    let w = world(demo("hyperswitch-intl")).await;
    let psp = Hyperswitch::connect(w.account()).unwrap();
    (w, psp)
}

/// An id as ours are: 30 characters.
fn dep(n: usize) -> String {
    format!("dep_01JD3K{n:020}")
}

async fn paid(w: &World, psp: &Hyperswitch, n: usize, minor: i64) -> String {
    let s = psp.open_deposit(&w.wish(&dep(n), "wallet", minor)).await.unwrap();
    w.pay(&s.provider_ref, "pay").await;
    s.provider_ref
}

#[tokio::test]
async fn a_deposit_is_opened_once_paid_and_reported_whole() {
    let (w, psp) = hyperswitch().await;
    let wish = w.wish(&dep(1), "wallet", 50_000);
    let s = psp.open_deposit(&wish).await.unwrap();
    assert!(s.redirect_url.as_deref().is_some_and(|u| u.contains(&dep(1))), "{s:?}");
    assert_eq!((s.state, s.provider_ref.as_str()), (PaymentState::Created, dep(1).as_str()));
    // The id is taken there for good; the repeat reads what is behind it.
    let again = psp.open_deposit(&wish).await.unwrap();
    assert_eq!((again.provider_ref, again.redirect_url), (s.provider_ref.clone(), s.redirect_url));
    let e = psp.open_deposit(&w.wish(&dep(1), "wallet", 50_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    // A second attempt at the same deposit has a longer name of ours and a payment of its own.
    let second = format!("{}-2", dep(1));
    let other = psp.open_deposit(&w.wish(&second, "wallet", 50_000)).await.unwrap().provider_ref;
    assert_ne!(other, s.provider_ref);
    assert_eq!(psp.deposit(&other).await.unwrap().our_ref, Some(second));
    w.pay(&dep(1), "pay").await;
    let r = psp.deposit(&s.provider_ref).await.unwrap();
    assert_eq!(
        (r.state, r.amount, r.received, r.our_ref),
        (PaymentState::Succeeded, eur(50_000), Some(eur(50_000)), Some(dep(1)))
    );
    let i = r.instrument.unwrap();
    assert_eq!(
        (i.kind.as_str(), i.brand.as_deref(), i.last4.as_deref()),
        ("card", Some("Visa"), Some("4242"))
    );
    let events = w.events(&psp, 1, |b| b.contains("payment_succeeded")).await;
    let about = HookSubject::Deposit {
        our_ref: Some(dep(1)),
        provider_ref: dep(1),
    };
    assert_eq!((&events[0].subject, events[0].kind.as_str()), (&about, "payment_succeeded"));
}

#[tokio::test]
async fn every_state_of_a_payment_is_told() {
    let (w, psp) = hyperswitch().await;
    for n in 0..8 {
        psp.open_deposit(&w.wish(&dep(n), "wallet", 1_000)).await.unwrap();
    }
    let state = async |n: usize| psp.deposit(&dep(n)).await.unwrap().state;
    w.pay(&dep(0), "later").await;
    assert_eq!(state(0).await, PaymentState::Pending);
    w.delivered(1, |b| b.contains("payment_succeeded")).await;
    assert_eq!(state(0).await, PaymentState::Succeeded);
    w.pay(&dep(1), "decline").await;
    let r = psp.deposit(&dep(1)).await.unwrap();
    assert_eq!((r.state, r.failure_code.as_deref()), (PaymentState::Failed, Some("card_declined")));
    w.control(&format!("/payment/{}/attempt_fails", dep(2)), json!({})).await;
    let r = psp.deposit(&dep(2)).await.unwrap();
    assert_eq!((r.state, r.soft_failure), (PaymentState::RequiresAction, true));
    for (n, status, want) in [
        (3, "review", PaymentState::Pending),
        (4, "cancelled", PaymentState::Cancelled),
        (5, "expired", PaymentState::Expired),
    ] {
        w.control(&format!("/payment/{}/become", dep(n)), json!({"status": status})).await;
        assert_eq!(state(n).await, want, "{status}");
    }
    w.control(
        &format!("/payment/{}/become", dep(6)),
        json!({"status": "partially_captured", "received": 400}),
    )
    .await;
    let r = psp.deposit(&dep(6)).await.unwrap();
    assert_eq!((r.state, r.received), (PaymentState::Succeeded, Some(eur(400))));
    // The processor answered with other figures: no report, a person.
    w.control(
        &format!("/payment/{}/become", dep(7)),
        json!({"status": "conflicted", "received": 100}),
    )
    .await;
    let e = psp.deposit(&dep(7)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str(), e.raw.is_some()), (Fate::Unknown, "echo_mismatch", true));
}

#[tokio::test]
async fn an_approved_payment_is_taken_once() {
    let (w, psp) = hyperswitch().await;
    psp.open_deposit(&w.wish(&dep(1), "wallet", 1_000)).await.unwrap();
    w.control(&format!("/payment/{}/become", dep(1)), json!({"status": "requires_capture"}))
        .await;
    assert_eq!(psp.deposit(&dep(1)).await.unwrap().state, PaymentState::Authorised);
    assert_eq!(psp.take(&dep(1), &dep(1), eur(999)).await.unwrap_err().code, "echo_mismatch");
    w.order("payments.capture", FaultKind::DropAfter, None);
    assert_eq!(psp.take(&dep(1), &dep(1), eur(1_000)).await.unwrap_err().fate, Fate::Unknown);
    for _ in 0..2 {
        let r = psp.take(&dep(1), &dep(1), eur(1_000)).await.unwrap();
        assert_eq!((r.state, r.received), (PaymentState::Succeeded, Some(eur(1_000))));
    }
}

#[tokio::test]
async fn every_way_to_lose_the_answer_has_its_fate_and_the_same_call_heals_it() {
    let (w, psp) = hyperswitch().await;
    let cases = [
        (FaultKind::DropBefore, None, Fate::Unknown, "connection_lost"),
        (FaultKind::DropAfter, None, Fate::Unknown, "connection_lost"),
        (FaultKind::Garbage, None, Fate::Unknown, "unreadable_answer"),
        (FaultKind::Forbidden, None, Fate::Unknown, "http_403"),
        (FaultKind::Refuse, Some("502"), Fate::Unknown, "http_502"),
        (FaultKind::Refuse, Some("HE_00"), Fate::Unknown, "HE_00"),
        (FaultKind::Refuse, Some("HE_03"), Fate::RefusedForNow, "HE_03"),
        (FaultKind::Refuse, Some("IR_06"), Fate::Refused, "IR_06"),
        (FaultKind::WrongAmount, None, Fate::Unknown, "echo_mismatch"),
    ];
    for (i, (kind, value, fate, code)) in cases.into_iter().enumerate() {
        let wish = w.wish(&dep(i), "wallet", 10_000);
        w.order("payments.create", kind, value);
        let e = psp.open_deposit(&wish).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (fate, code), "{kind:?} {value:?}: {e}");
        assert_eq!(psp.open_deposit(&wish).await.unwrap().provider_ref, dep(i));
    }
    let mut away = w.account();
    away.api_base = Some(nobody().await);
    let away = Hyperswitch::connect(away).unwrap();
    let e = away.open_deposit(&w.wish(&dep(90), "wallet", 10_000)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::NotSent, "connect_failed"));
    let krona = OpenDeposit {
        amount: Amount::new(500, Currency::parse("ISK").unwrap()),
        ..w.wish(&dep(91), "wallet", 1)
    };
    assert_eq!(away.open_deposit(&krona).await.unwrap_err().code, "currency_unsupported");
    assert_eq!(
        away.open_deposit(&w.wish("dep/1", "wallet", 1)).await.unwrap_err().code,
        "our_ref_malformed"
    );
}

#[tokio::test]
async fn refunds_are_repeatable_bounded_and_may_fail_later() {
    let (w, psp) = hyperswitch().await;
    let id = paid(&w, &psp, 1, 50_000).await;
    let leg = "wdr_01JD3K00000000000000000001-1";
    w.order("refunds.create", FaultKind::DropAfter, None);
    assert_eq!(psp.refund(&refund(leg, &id, 20_000)).await.unwrap_err().fate, Fate::Unknown);
    let first = psp.refund(&refund(leg, &id, 20_000)).await.unwrap();
    assert_eq!(
        (first.state, first.amount, first.our_ref.as_deref()),
        (RefundState::Succeeded, eur(20_000), Some(leg))
    );
    assert_eq!(psp.deposit(&id).await.unwrap().refunded_minor, 20_000);
    let e = psp.refund(&refund(leg, &id, 20_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    let e = psp.refund(&refund("wdr_2-1", &id, 30_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "IR_13"));
    w.control("/refund/next_pending", json!({})).await;
    let rest = psp.refund(&refund("wdr_3-1", &id, 30_000)).await.unwrap();
    assert_eq!(rest.state, RefundState::Pending);
    w.control(&format!("/refund/{}/review", rest.provider_ref), json!({})).await;
    assert_eq!(psp.refund_status(&rest.provider_ref).await.unwrap().state, RefundState::Pending);
    w.control(&format!("/refund/{}/fail", rest.provider_ref), json!({})).await;
    let r = psp.refund_status(&rest.provider_ref).await.unwrap();
    assert_eq!(
        (r.state, r.failure_code.as_deref(), r.our_ref.as_deref()),
        (RefundState::Failed, Some("account_closed"), Some("wdr_3-1"))
    );
    let events = w.events(&psp, 1, |b| b.contains("refund_succeeded")).await;
    let about = HookSubject::Refund {
        our_ref: Some(leg.into()),
        provider_ref: first.provider_ref,
    };
    assert_eq!(events[0].subject, about);
}

#[tokio::test]
async fn payouts_are_made_once_and_may_come_back() {
    let (w, psp) = hyperswitch().await;
    let wish = payout("wdr_1-1", "bank", IBAN, 25_000);
    assert_eq!(psp.payout_status("wdr_1-1", None).await.unwrap_err().code, PROBE_MISSING);
    w.order("payouts.create", FaultKind::DropAfter, None);
    assert_eq!(psp.pay_out(&wish).await.unwrap_err().fate, Fate::Unknown);
    let first = psp.payout_status("wdr_1-1", None).await.unwrap();
    assert_eq!(
        (first.state, first.amount, first.our_ref.as_deref()),
        (PayoutState::Pending, eur(25_000), Some("wdr_1-1"))
    );
    assert_eq!(psp.pay_out(&wish).await.unwrap().provider_ref, first.provider_ref);
    let events = w.events(&psp, 1, |b| b.contains("payout_success")).await;
    let about = HookSubject::Payout {
        our_ref: Some("wdr_1-1".into()),
        provider_ref: first.provider_ref.clone(),
    };
    assert_eq!(events[0].subject, about);
    let by_id = async || psp.payout_status("wdr_1-1", Some(&first.provider_ref)).await.unwrap().state;
    assert_eq!(by_id().await, PayoutState::Paid);
    w.control(&format!("/payout/{}/reversed", first.provider_ref), json!({})).await;
    assert_eq!(by_id().await, PayoutState::Returned);
    let wallet = psp.pay_out(&payout("wdr_2-1", "wallet", "ada@example.com", 1_000)).await.unwrap();
    w.control(&format!("/payout/{}/failed", wallet.provider_ref), json!({})).await;
    let r = psp.payout_status("wdr_2-1", None).await.unwrap();
    assert_eq!((r.state, r.failure_code.as_deref()), (PayoutState::Failed, Some("account_closed")));
    let e = psp.pay_out(&payout("wdr_1-1", "bank", IBAN, 25_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    let e = psp.payout_status("wdr_2-1", Some(&first.provider_ref)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    assert_eq!(
        psp.pay_out(&payout("wdr_3-1", "bank", "nowhere", 1)).await.unwrap_err().code,
        "payout_target_unsupported"
    );
}

#[tokio::test]
async fn disputes_are_warned_of_opened_won_and_lost() {
    let (w, psp) = hyperswitch().await;
    let id = paid(&w, &psp, 1, 50_000).await;
    let d = w.control("/dispute", json!({"ref": id, "stage": "pre_dispute"})).await;
    assert_eq!(
        psp.dispute(d["dispute_id"].as_str().unwrap()).await.unwrap().state,
        DisputeState::Warning
    );
    for (end, want) in [("won", DisputeState::Won), ("lost", DisputeState::Lost)] {
        let d = w.control("/dispute", json!({"ref": id})).await;
        let dispute = d["dispute_id"].as_str().unwrap();
        let r = psp.dispute(dispute).await.unwrap();
        assert_eq!(
            (r.state, r.amount, r.payment_ref.as_str()),
            (DisputeState::Opened, eur(50_000), id.as_str())
        );
        w.control(&format!("/dispute/{dispute}/{end}"), json!({})).await;
        assert_eq!(psp.dispute(dispute).await.unwrap().state, want);
        let events = w
            .events(&psp, 1, |b| b.contains(&format!("dispute_{end}")) && b.contains(dispute))
            .await;
        let about = HookSubject::Dispute {
            provider_ref: dispute.into(),
        };
        assert_eq!(events[0].subject, about);
    }
}

#[tokio::test]
async fn what_does_not_exist_or_is_not_ours_is_refused() {
    let (w, psp) = hyperswitch().await;
    let e = psp.deposit(psp.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, PROBE_MISSING));
    assert_eq!(psp.deposit("../refunds").await.unwrap_err().code, "provider_ref_malformed");
    let mut other = w.account();
    other.key = Secret::new("not-the-key");
    let e = Hyperswitch::connect(other).unwrap().deposit(psp.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "unauthorised"));
    let mut a = w.account();
    a.settings.insert("session_expiry_s".into(), "soon".into());
    assert_eq!(Hyperswitch::connect(a).unwrap_err().code, "setting_malformed");
}

#[tokio::test]
async fn an_event_twice_has_one_id_and_a_forged_one_is_refused() {
    let (w, psp) = hyperswitch().await;
    w.order("webhook", FaultKind::Twice, None);
    paid(&w, &psp, 1, 1_000).await;
    let ids: Vec<String> = w
        .events(&psp, 2, |b| b.contains("payment_succeeded"))
        .await
        .into_iter()
        .map(|e| e.event_id)
        .collect();
    assert_eq!(ids[0], ids[1]);
    w.order("webhook", FaultKind::Forged, None);
    paid(&w, &psp, 2, 1_000).await;
    w.forged(&psp).await;
}

#[tokio::test]
async fn the_published_signature_is_accepted_and_none_that_differs() {
    let (w, _) = hyperswitch().await;
    let mut a = w.account();
    a.hook_secrets = vec![Secret::new("hs_resp_hash_key_demo_0001")];
    let psp = Hyperswitch::connect(a).unwrap();
    let body = r#"{"merchant_id":"m_1","event_id":"evt_018f","event_type":"payment_succeeded","content":{"type":"payment_details","object":{"payment_id":"pay_1","status":"succeeded","amount":12345,"currency":"EUR","updated":"2030-01-01T00:00:00.000Z"}},"timestamp":"2030-01-01T00:00:00.000Z"}"#;
    let good =
        "779d2ef60c087bf6aa1770ab1baf1275a1afd573a635b5c49bc7e192f208c314e8f2b5a23fe2235e044e66e60609804a3308e1dd94b01ec8c05b18d50416b37d";
    let now = Ts::from_secs(1_893_456_000);
    let verify = |name: &str, sig: &str, body: &str| psp.verify(&[(name.into(), sig.into())], body.as_bytes(), now);
    let e = verify("x-webhook-signature-512", good, body).unwrap();
    assert_eq!((e.event_id.as_str(), e.kind.as_str()), ("evt_018f", "payment_succeeded"));
    for (name, sig, body) in [
        ("x-webhook-signature-512", good, body.replace("12345", "12346").as_str()),
        ("x-webhook-signature-512", &good[..126], body),
        ("x-webhook-signature-512", "", body),
        // The shorter signature alone is none we take.
        (
            "x-webhook-signature-256",
            "a3816bc729d1f8f65032be9b329b6face3e7d8285dfcae5b97fd97256dd27716",
            body,
        ),
        (
            "x-webhook-signature-512",
            "a3816bc729d1f8f65032be9b329b6face3e7d8285dfcae5b97fd97256dd27716",
            body,
        ),
    ] {
        assert!(matches!(verify(name, sig, body), Err(HookRefusal::Forged(_))), "{name} {sig}");
    }
}
