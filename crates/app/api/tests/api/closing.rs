//! Terms of payment, a month close and batches as the office's screens use them.

use crate::world::World;
use http::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_is_checked_closed_and_signed_and_payouts_are_proposed() {
    let w = World::quiet().await;
    let manager = w.staff("paula").await;
    let finance = w.staff("farid").await;
    let new = json!({"entity": "eu", "name": "Nordlicht", "currency": "EUR", "payout_method": "bank"});
    let partner = w.post("/api/v1/partners", &manager, new).await.ok();
    let partner = partner["id"].as_str().unwrap().to_string();
    let terms = format!("/api/v1/partners/{partner}/terms");
    let wrong = json!({"base_version": 0, "document": {"destination": {"way": "bank", "name": "Nordlicht", "iban": "DE00370400440532013000"}}, "reason": "contract"});
    let told = w.ask("PUT", &terms, Some(&manager), Some(&wrong)).await;
    assert_eq!(
        (told.status, told.pointer()),
        (StatusCode::UNPROCESSABLE_ENTITY, "/document/destination/iban")
    );
    let right = json!({"base_version": 0, "reason": "contract", "document": {
        "calendar": "weekly", "reserve": "0.10", "reserve_days": 90, "minimum": {"EUR": "100.00"},
        "destination": {"way": "bank", "name": "Nordlicht", "iban": "DE89370400440532013000"}}});
    let saved = w.ask("PUT", &terms, Some(&manager), Some(&right)).await.ok();
    assert_eq!((&saved["version"], &saved["terms"]["calendar"]), (&json!(1), &json!("weekly")));
    let seen = w.get(&terms, &finance).await.ok();
    assert_eq!(seen["destination"]["iban"], "DE89370400440532013000", "who pays sees where to");
    let seen = w.get(&terms, &manager).await.ok();
    assert_eq!(seen["terms"]["reserve"], "0.10");
    assert_eq!(
        w.get(&format!("/api/v1/partners/{partner}/payable"), &finance).await.ok()["items"],
        json!([])
    );

    let told = w
        .post("/api/v1/commission-closes", &finance, json!({"entity": "eu", "month": "2099-01"}))
        .await;
    assert_eq!((told.code(), told.pointer()), ("month_not_over", "/month"));
    let month = json!({"entity": "eu", "month": "2026-01"});
    let sales = w.staff("lena").await;
    let told = w.post("/api/v1/commission-closes", &sales, month.clone()).await;
    assert_eq!(told.status, StatusCode::FORBIDDEN);
    let close = w.post("/api/v1/commission-closes", &finance, month).await.ok();
    assert!(
        close["checklist"].as_array().unwrap().iter().all(|i| i["ok"] == json!(true)),
        "{close:#}"
    );
    let at = format!("/api/v1/commission-closes/{}", close["id"].as_str().unwrap());
    assert_eq!(w.post(&format!("{at}/sign-off"), &finance, json!({})).await.code(), "close_state");
    w.post(&format!("{at}/run"), &finance, json!({})).await.ok();
    w.post(&format!("{at}/resume"), &finance, json!({})).await.ok();
    qd_runtime::jobs::run_until_idle(&w.app.core, &qd_app::wiring::registry(&w.app).unwrap())
        .await
        .unwrap();
    let done = w.get(&at, &finance).await.ok();
    assert_eq!((&done["close"]["state"], &done["close"]["runs"]), (&json!("done"), &json!(2)));
    let signed = w.post(&format!("{at}/sign-off"), &finance, json!({"remark": "seen"})).await.ok();
    assert_eq!(signed["state"], "signed_off");
    assert_eq!(
        w.get("/api/v1/commission-closes", &finance).await.ok()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let proposal = w.get("/api/v1/payout-proposal?entity=eu&currency=EUR", &finance).await.ok();
    assert_eq!(proposal["items"], json!([]));
    let batch = json!({"entity": "eu", "currency": "EUR", "method": "bank"});
    assert_eq!(w.post("/api/v1/payout-batches", &finance, batch).await.code(), "batch_empty");
    assert_eq!(w.get("/api/v1/payout-batches?state=done", &finance).await.ok()["items"], json!([]));
    assert_eq!(w.get("/api/v1/payout-batches?state=lost", &finance).await.code(), "state_unknown");
    w.end().await;
}
