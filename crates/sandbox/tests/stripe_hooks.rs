//! Webhooks: signed, repeated until taken, kept over a restart, and spoiled to order.
#![allow(clippy::unwrap_used)]

mod stripe_support;

use serde_json::json;
use stripe_support::*;

#[tokio::test]
async fn a_payment_s_events_arrive_signed_in_their_order_at_the_connection_s_address() {
    let w = world().await;
    let pi = w.paid("pm_card_visa").await;
    w.catcher.wait("payment_intent.succeeded", 1).await;
    let all = w.catcher.all();
    let kinds: Vec<String> = all
        .iter()
        .filter(|c| c.body.contains(pi["id"].as_str().unwrap()))
        .map(Caught::kind)
        .collect();
    assert_eq!(kinds, ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]);
    for c in &all {
        assert_eq!(c.path, format!("/hooks/stripe/{CONNECTION}"));
        assert!(c.genuine());
    }
    let e = all.last().unwrap().json();
    assert_eq!(
        (e["object"].as_str(), e["livemode"].as_bool(), e["api_version"].as_str()),
        (Some("event"), Some(false), Some(qd_sandbox::stripe::API_VERSION))
    );
    assert_eq!(e["data"]["object"]["metadata"]["deposit"], "dep_1");
    assert!(e["request"]["id"].as_str().unwrap().starts_with("req_"));
    // Taken: nothing is left to catch up on.
    let id = e["id"].as_str().unwrap().to_string();
    for _ in 0..200 {
        if w.get("/v1/events?delivery_success=false").await["data"]
            .as_array()
            .unwrap()
            .is_empty()
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    let listed = w.get("/v1/events?type=payment_intent.succeeded&delivery_success=true").await;
    assert_eq!(
        (listed["data"][0]["id"].as_str(), listed["data"][0]["pending_webhooks"].as_i64()),
        (Some(id.as_str()), Some(0))
    );
}

#[tokio::test]
async fn a_receiver_that_refuses_is_tried_again() {
    let w = world().await;
    *w.catcher.refuse.lock().unwrap() = 3;
    w.paid("pm_card_visa").await;
    let got = w.catcher.wait("payment_intent.succeeded", 1).await;
    assert!(got[0].genuine());
    w.catcher.wait("charge.succeeded", 1).await;
    w.catcher.wait("payment_intent.created", 1).await;
}

#[tokio::test]
async fn webhooks_come_twice_forged_wrong_late_or_not_at_all_when_somebody_orders_it() {
    let w = world().await;
    let target = "webhook:payment_intent.succeeded";
    w.fault(target, "twice", json!({})).await;
    let twice = w.paid("pm_card_visa").await;
    let got = w.catcher.wait("payment_intent.succeeded", 2).await;
    assert_eq!(got[0].json()["id"], got[1].json()["id"]);
    assert!(got.iter().all(|c| c.genuine() && c.about() == twice["id"].as_str().unwrap()));

    w.fault(target, "forged", json!({})).await;
    let forged = w.paid("pm_card_visa").await;
    let id = forged["id"].as_str().unwrap().to_string();
    let got = until("the forged one and the true one", || {
        let of: Vec<_> = w
            .catcher
            .of("payment_intent.succeeded")
            .into_iter()
            .filter(|c| c.about() == id)
            .collect();
        (of.len() == 2).then_some(of)
    })
    .await;
    assert_eq!(
        got.iter()
            .map(|c| (c.genuine(), c.json()["data"]["object"]["amount"].as_i64().unwrap()))
            .collect::<Vec<_>>(),
        [(false, 100_000), (true, 10_000)]
    );

    w.fault(target, "wrong_amount", json!({"value": 7})).await;
    let wrong = w.paid("pm_card_visa").await;
    let id = wrong["id"].as_str().unwrap().to_string();
    let got = until("the wrong amount", || {
        w.catcher.of("payment_intent.succeeded").into_iter().find(|c| c.about() == id)
    })
    .await;
    assert_eq!((got.genuine(), got.json()["data"]["object"]["amount"].as_i64()), (true, Some(7)));
    assert_eq!(w.get(&format!("/v1/payment_intents/{id}")).await["amount"], 10_000);

    w.fault(target, "late", json!({"delay_ms": 400})).await;
    let late = w.paid("pm_card_visa").await;
    let id = late["id"].as_str().unwrap().to_string();
    until("the late one", || {
        w.catcher.of("payment_intent.succeeded").into_iter().find(|c| c.about() == id)
    })
    .await;

    w.fault(target, "lost", json!({})).await;
    let lost = w.paid("pm_card_visa").await;
    w.fault(target, "reorder", json!({})).await;
    let held = w.paid("pm_card_visa").await;
    let next = w.paid("pm_card_visa").await;
    let order = until("both payments", || {
        let of: Vec<String> = w.catcher.of("payment_intent.succeeded").iter().map(Caught::about).collect();
        let at = |p: &serde_json::Value| of.iter().position(|x| x == p["id"].as_str().unwrap());
        Some((at(&held)?, at(&next)?))
    })
    .await;
    assert!(order.0 != order.1);
    let open = w.get("/v1/events?type=payment_intent.succeeded&delivery_success=false").await;
    assert!(
        open["data"]
            .as_array()
            .unwrap()
            .iter()
            .any(|e| e["data"]["object"]["id"] == lost["id"])
    );
    assert!(
        w.catcher
            .of("payment_intent.succeeded")
            .iter()
            .all(|c| c.about() != lost["id"].as_str().unwrap())
    );
}

#[tokio::test]
async fn a_held_event_goes_out_after_the_one_that_follows_it() {
    let w = world().await;
    w.fault("webhook:charge.succeeded", "reorder", json!({"delay_ms": 60_000})).await;
    let pi = w.paid("pm_card_visa").await;
    w.catcher.wait("charge.succeeded", 1).await;
    let kinds: Vec<String> = w
        .catcher
        .all()
        .iter()
        .filter(|c| c.body.contains(pi["id"].as_str().unwrap()))
        .map(Caught::kind)
        .collect();
    let at = |k: &str| kinds.iter().position(|x| x == k).unwrap();
    assert!(at("payment_intent.succeeded") < at("charge.succeeded"), "{kinds:?}");
}

#[tokio::test]
async fn the_same_signed_event_can_be_sent_many_times_at_once() {
    let w = world().await;
    w.paid("pm_card_visa").await;
    let first = w.catcher.wait("payment_intent.succeeded", 1).await.remove(0);
    let sent = w
        .control(
            &format!("/stripe/{CONNECTION}/resend"),
            json!({"event": first.json()["id"], "times": 10, "concurrent": true}),
        )
        .await
        .ok();
    assert_eq!(sent["statuses"].as_array().unwrap().iter().filter(|s| **s == 200).count(), 10);
    let got = w.catcher.of("payment_intent.succeeded");
    assert_eq!(got.len(), 11);
    assert!(got.iter().all(|c| c.genuine() && c.json()["id"] == first.json()["id"]));
    let signatures: std::collections::HashSet<_> = got[1..]
        .iter()
        .map(|c| c.headers["stripe-signature"].to_str().unwrap().to_string())
        .collect();
    assert_eq!(signatures.len(), 1);
    let all = w
        .send("GET", &format!("/control/stripe/{CONNECTION}/events"), &[], "")
        .await
        .unwrap()
        .ok();
    assert!(all["events"].as_array().unwrap().iter().any(|e| e["id"] == first.json()["id"]));
}

#[tokio::test]
async fn undelivered_webhooks_saved_answers_and_payments_survive_a_restart() {
    let dir = std::env::temp_dir().join(format!(
        "qd-sandbox-stripe-{}-{}",
        std::process::id(),
        qd_kernel::Env::system().entropy.code(8)
    ));
    let nobody = Catcher::default();
    *nobody.refuse.lock().unwrap() = u32::MAX;
    let deaf = nobody.listen().await;
    let before = world_at(Some(dir.clone()), nobody, deaf).await;
    let form = "amount=10000&currency=eur&confirm=true&payment_method=pm_card_visa";
    let first = before.api("POST", "/v1/payment_intents", form, Some("kept")).await.unwrap();
    let session = before.session().await;
    before.sandbox.shutdown().await;
    drop(before);

    let catcher = Catcher::default();
    let hook_base = catcher.listen().await;
    let after = world_at(Some(dir.clone()), catcher, hook_base).await;
    let again = after.api("POST", "/v1/payment_intents", form, Some("kept")).await.unwrap();
    assert_eq!(
        (again.text.as_str(), again.header("idempotent-replayed")),
        (first.text.as_str(), "true")
    );
    let endpoint = after.get("/v1/events?delivery_success=false").await;
    assert!(!endpoint["data"].as_array().unwrap().is_empty());
    let got = after.catcher.wait("payment_intent.succeeded", 1).await;
    assert_eq!(got[0].about(), first.json()["id"].as_str().unwrap());
    let paid = after
        .control(&format!("/stripe/{CONNECTION}/pay"), json!({"session": session["id"]}))
        .await
        .ok();
    assert_eq!(paid["status"], "succeeded");
    let _ = std::fs::remove_dir_all(dir);
}

#[tokio::test]
async fn an_endpoint_made_through_the_api_gets_its_own_secret_and_only_its_types() {
    let w = world().await;
    let other = Catcher::default();
    let url = other.listen().await;
    let made = w
        .post(
            "/v1/webhook_endpoints",
            &format!("url={url}/mine&enabled_events[]=payment_intent.succeeded"),
        )
        .await
        .ok();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert!(w.get(&format!("/v1/webhook_endpoints/{}", made["id"].as_str().unwrap())).await["secret"].is_null());
    w.paid("pm_card_visa").await;
    let got = other.wait("payment_intent.succeeded", 1).await;
    assert!(!got[0].genuine(), "signed with the other secret");
    assert_eq!(got[0].path, "/mine");
    w.catcher.wait("payment_intent.succeeded", 1).await;
    assert_eq!(other.all().len(), 1);
}
