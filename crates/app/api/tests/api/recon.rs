//! Reconciliation and exchanges through the API, with every answer held to the description.

use crate::world::{World, request};
use axum::body::Body;
use http::{Request, StatusCode, header};
use qd_payments::transfer::quote;
use qd_runtime::access::Caller;
use serde_json::json;

const FILE: &str = "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,charge_id,payment_intent_id\n\
    txn_1,2026-01-05 10:00:00,eur,75.00,1.00,74.00,charge,ch_1,ch_1,pi_nobody\n";

fn upload(token: &str, query: &str, text: &str) -> Request<Body> {
    let mut r = request("POST", &format!("/api/v1/reconciliation/files?{query}"), Some(token), None);
    r.headers_mut()
        .insert(header::CONTENT_TYPE, "application/octet-stream".parse().unwrap());
    let (parts, _) = r.into_parts();
    Request::from_parts(parts, Body::from(text.to_string()))
}

/// PM-07: a payment that only the provider knows is a break, and money moves with a second person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_file_is_read_and_what_it_knows_alone_is_explained_by_two() {
    let w = World::busy().await;
    let finance = w.staff("farid").await;
    let t = w.send(upload(&finance, "connection=nowhere", FILE)).await;
    assert_eq!((t.status, t.code()), (StatusCode::UNPROCESSABLE_ENTITY, "connection_unknown"));
    let f = w.send(upload(&finance, "connection=stripe-eu&name=january.csv", FILE)).await.ok();
    let path = format!("/api/v1/reconciliation/files/{}", f["id"].as_str().unwrap());
    let f = w.until("the file to be read", &path, &finance, |f| f["state"] == "done").await;
    assert_eq!((f["lines_read"].as_i64(), f["breaks"].as_i64()), (Some(1), Some(1)), "{f:#}");
    let lines = w.get(&format!("{path}/lines?state=broken"), &finance).await.ok();
    assert_eq!(lines["items"][0]["provider_ref"], "pi_nobody");
    assert_eq!(
        w.get("/api/v1/reconciliation/files?connection=stripe-eu", &finance).await.ok()["items"][0]["id"],
        f["id"]
    );

    let open = w.get("/api/v1/reconciliation/breaks?state=open", &finance).await.ok();
    let b = &open["items"][0];
    assert_eq!(
        (b["kind"].as_str(), b["difference"]["minor"].as_i64()),
        (Some("missing_in_ledger"), Some(7_500)),
        "{open:#}"
    );
    let raised = w.get("/api/v1/exceptions?state=open&kind=ledger.unreconciled", &finance).await.ok();
    assert_eq!(raised["items"].as_array().unwrap().len(), 1);
    let at = format!("/api/v1/reconciliation/breaks/{}", b["id"].as_str().unwrap());
    let body = json!({"reason": "Nobody knows whose it is yet.", "correction": {"counter": {"place": "suspense"}}});
    let b = w.post(&format!("{at}/explain"), &finance, body).await.ok();
    assert_eq!(b["state"], "deciding");
    let vote = format!("/api/v1/approvals/{}/decide", b["approval_id"].as_str().unwrap());
    let own = w.post(&vote, &finance, json!({"approve": true, "reason": "mine"})).await;
    assert_eq!(own.code(), "approval_own_request");
    let second = w.staff("greta").await;
    w.post(&vote, &second, json!({"approve": true, "reason": "seen in the dashboard"}))
        .await
        .ok();
    let b = w.get(&at, &finance).await.ok();
    assert!(b["state"] == "explained" && b["correction_entry"].is_string(), "{b:#}");

    let standing = w.get("/api/v1/reconciliation/overview", &finance).await.ok();
    assert!(
        standing["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|s| s["party"] == "stripe-eu" && s["breaks"] == 0),
        "{standing:#}"
    );
    let p = w.get("/api/v1/reconciliation/position", &finance).await.ok();
    assert_eq!(p["balanced"], true, "{p:#}");
    let eur = p["positions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["entity"] == "eu" && p["currency"] == "EUR")
        .unwrap()
        .clone();
    assert_eq!(
        (
            eur["client_minor"].as_i64(),
            eur["resource_minor"].as_i64(),
            eur["difference_minor"].as_i64()
        ),
        (Some(7_500), Some(7_500), Some(0)),
        "{eur:#}"
    );
    // Before any of it there was nothing.
    let then = w.get("/api/v1/reconciliation/position?as_of=2026-01-01", &finance).await.ok();
    assert_eq!(
        (then["balanced"].as_bool(), then["positions"].as_array().map(Vec::len)),
        (Some(true), Some(0))
    );
    w.end().await;
}

/// PM-14: a quote whose time is over is refused with a new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_that_is_over_is_answered_with_a_new_one() {
    let w = World::quiet().await;
    let (token, _) = w.client("quote@example.com").await;
    let (core, value) = (w.app.core.clone(), json!({"markup_bp": 50, "quote_s": 0, "on_refusal": "stay"}));
    w.app
        .core
        .db
        .write(async move |tx| {
            qd_runtime::settings::put(tx, &core, &Caller::system("test"), "entity:eu", quote::SETTING, 0, &value, "test").await
        })
        .await
        .unwrap();
    let wish = json!({"amount": {"minor": 10_000, "currency": "EUR"}, "to_currency": "USD"});
    let q = w.post("/api/v1/me/transfers/quote", &token, wish).await.ok();
    assert_eq!(
        (q["pays"]["minor"].as_i64(), q["gets"]["currency"].as_str()),
        (Some(10_000), Some("USD")),
        "{q:#}"
    );
    let t = w
        .post("/api/v1/me/transfers", &token, json!({"amount": q["pays"], "quote_id": q["id"]}))
        .await;
    assert_eq!((t.status, t.code()), (StatusCode::CONFLICT, "quote_expired"));
    assert!(
        t.body["quote"]["id"].is_string() && t.body["quote"]["id"] != q["id"],
        "{:#}",
        t.body
    );
    assert_eq!(t.body["quote"]["gets"], q["gets"]);
    w.end().await;
}
