//! The buyer's checks of trading, payments and operations, row by row.

use crate::alex::{apply, approve, pay_in};
use crate::world::World;
use http::StatusCode;
use serde_json::{Value, json};

/// A verified client with an open account: token, client, account, login.
async fn ready(w: &World, mail: &str) -> (String, String, String, String) {
    let (token, client) = w.client(mail).await;
    apply(w, &token).await;
    approve(w, &w.staff("clara").await, &client).await;
    let a = w
        .until("the trading account", "/api/v1/me/accounts", &token, |a| {
            a["items"][0]["state"] == "ready"
        })
        .await["items"][0]
        .clone();
    let text = |f: &str| a[f].as_str().unwrap().to_string();
    (token, client, text("id"), text("login"))
}

/// PM-04, PM-17: a callback is worked on when it comes, not found in the graveyard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_is_processed_and_none_of_its_jobs_dies() {
    let w = World::busy().await;
    let (client, _, account, _) = ready(&w, "callback@example.com").await;
    pay_in(&w, &client, 50_000, Some(&account)).await;
    let ops = w.staff("tom").await;
    let inbox = |v: &Value| {
        v["jobs"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|j| j["kind"] == "inbox.process")
            .cloned()
            .unwrap_or_default()
    };
    let v = w
        .until("every callback to be done", "/api/v1/figures", &ops, |v| {
            inbox(v)["ready"].as_i64().unwrap_or(0) + inbox(v)["leased"].as_i64().unwrap_or(0) == 0
        })
        .await;
    assert_eq!(inbox(&v)["dead"].as_i64().unwrap_or(0), 0, "{v:#}");
    assert_eq!(w.get("/api/v1/jobs/dead", &ops).await.ok()["items"], json!([]));
    // OP-07: how far each subscription is behind is there to see.
    let behind = v["events"]["subscriptions"].as_array().unwrap();
    assert!(
        behind.iter().any(|s| s["subscription"] == "deposits" && s["behind"].is_i64()),
        "{v:#}"
    );
    w.end().await;
}

/// TP-04, TP-10: figures of this moment from the platform; credit with our token, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_and_figures_are_the_platforms_own_and_credit_is_given_once() {
    let w = World::busy().await;
    let (client, _, account, login) = ready(&w, "positions@example.com").await;
    pay_in(&w, &client, 50_000, Some(&account)).await;
    let order = json!({"login": login, "symbol": "EURUSD", "side": "buy", "volume_lots": "0.10"});
    w.outside("POST", "/control/mt5/eu-live/open", Some(&order)).await;
    let p = w.get(&format!("/api/v1/me/accounts/{account}/positions"), &client).await.ok();
    assert_eq!(p["positions"].as_array().map(Vec::len), Some(1), "{p:#}");
    assert_eq!(
        (p["positions"][0]["symbol"].as_str(), p["positions"][0]["volume"].as_str()),
        (Some("EURUSD"), Some("0.10")),
        "{p:#}"
    );
    assert_eq!(
        p["equity"]["minor"].as_i64().unwrap(),
        50_000 + p["positions"][0]["profit"]["minor"].as_i64().unwrap(),
        "one moment, one truth: {p:#}"
    );
    assert!(p["read_at_us"].as_i64().unwrap() > 0);
    let sofia = w.staff("sofia").await;
    assert_eq!(
        w.get(&format!("/api/v1/accounts/{account}/positions"), &sofia).await.ok()["login"],
        login.as_str()
    );

    // Credit: a person of finance, a reason, one booking whatever is sent twice.
    let farid = w.staff("farid").await;
    let path = format!("/api/v1/accounts/{account}/credit");
    let body = json!({"amount": {"minor": 10_000, "currency": "EUR"}, "reason": "Spring campaign."});
    assert_eq!(w.post(&path, &sofia, body.clone()).await.code(), "right_missing");
    assert_eq!(
        w.post(
            &path,
            &farid,
            json!({"amount": {"minor": 10_000, "currency": "EUR"}, "reason": " "})
        )
        .await
        .pointer(),
        "/reason"
    );
    let send = async || {
        let mut r = crate::world::request("POST", &path, Some(&farid), Some(&body));
        r.headers_mut().insert("idempotency-key", "credit-of-spring".parse().unwrap());
        w.send(r).await
    };
    let first = send().await.ok();
    assert_eq!(send().await.ok()["id"], first["id"], "the same command is the same move");
    let is = |minor: i64| move |p: &Value| p["credit"]["minor"] == minor;
    let live = format!("/api/v1/accounts/{account}/positions");
    w.until("the credit", &live, &farid, is(10_000)).await;
    let deals = w
        .until(
            "the credit among the deals",
            &format!("/api/v1/accounts/{account}/deals"),
            &farid,
            |d| d.to_string().contains(first["token"].as_str().unwrap()),
        )
        .await;
    assert_eq!(
        deals["items"].as_array().unwrap().iter().filter(|d| d["kind"] == "credit").count(),
        1,
        "{deals:#}"
    );
    // More than was given cannot be taken back; what was given can, once.
    let back = |minor: i64| json!({"amount": {"minor": minor, "currency": "EUR"}, "take_back": true, "reason": "Campaign over."});
    w.until("the move to be booked", &format!("/api/v1/accounts/{account}"), &farid, |a| {
        a["moves"].as_array().is_some_and(|m| m.iter().all(|m| m["state"] == "done"))
    })
    .await;
    assert_eq!(w.post(&path, &farid, back(10_001)).await.code(), "credit_over_given");
    w.post(&path, &farid, back(10_000)).await.ok();
    assert_eq!(w.post(&path, &farid, back(1)).await.code(), "credit_over_given");
    w.until("the credit to be gone", &live, &farid, is(0)).await;
    assert_eq!(w.get("/api/v1/audit/verify", &w.staff("admin").await).await.ok()["clean"], true);
    // A platform that is silent is a 503, never an older figure.
    w.outside(
        "POST",
        "/control/faults",
        Some(&json!({"provider": "mt5", "server": "eu-live", "target": "*", "kind": "down"})),
    )
    .await;
    let t = w.get(&live, &farid).await;
    assert_eq!((t.status, t.code()), (StatusCode::SERVICE_UNAVAILABLE, "platform_unreachable"));
    w.end().await;
}

/// PM-09, PM-11, PM-16, SE-06: what the queue shows, and what is forced through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_shows_funds_and_sources_and_a_forced_withdrawal_is_in_the_weeks_report() {
    let w = World::busy().await;
    let (client, id, account, _) = ready(&w, "queue@example.com").await;
    pay_in(&w, &client, 50_000, Some(&account)).await;
    // Before asking, the client reads where it would go: to the card what came from it, the rest to the bank.
    let preview = w.get("/api/v1/me/withdrawal-preview?minor=60000&currency=EUR", &client).await.ok();
    assert_eq!(
        (preview["verified"].as_bool(), preview["stopped"].as_bool()),
        (Some(true), Some(false))
    );
    let parts: Vec<_> = preview["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["method"].as_str().unwrap(), p["amount"]["minor"].as_i64().unwrap()))
        .collect();
    assert_eq!(parts, [("card", 50_000), ("bank", 10_000)], "{preview:#}");
    let t = w
        .post(
            "/api/v1/me/withdrawals",
            &client,
            json!({"amount": {"minor": 10_000, "currency": "EUR"}, "account_id": account}),
        )
        .await
        .ok();
    let one = format!("/api/v1/withdrawals/{}", t["id"].as_str().unwrap());
    let farid = w.staff("farid").await;
    w.until("the review", &one, &farid, |t| t["state"] == "review").await;
    let queue = w.get("/api/v1/withdrawals?state=review", &farid).await.ok();
    let row = queue["items"].as_array().unwrap().iter().find(|r| r["id"] == t["id"]).unwrap();
    let checks = &row["checks"];
    assert_eq!(
        (checks["funds"]["enough"].as_bool(), checks["source"]["same_source"].as_bool()),
        (Some(true), Some(true)),
        "{checks:#}"
    );
    assert_eq!(
        (checks["kyc"]["verified"].as_bool(), checks["kyc"]["age_days"].as_i64()),
        (Some(true), Some(0)),
        "{checks:#}"
    );
    assert_eq!(
        checks["funds"]["share_of_balance_pct"], 20,
        "of all the client has, not of what was just collected: {checks:#}"
    );
    assert!(
        w.get(&one, &w.staff("sofia").await).await.ok()["checks"].is_null(),
        "for those who review"
    );
    assert!(
        w.get(&format!("/api/v1/me/withdrawals/{}", t["id"].as_str().unwrap()), &client)
            .await
            .ok()["checks"]
            .is_null()
    );

    let clara = w.staff("clara").await;
    assert_eq!(
        w.post(&format!("{one}/override"), &farid, json!({"reason": "please"})).await.code(),
        "right_missing"
    );
    assert_eq!(
        w.post(&format!("{one}/override"), &clara, json!({"reason": "  "})).await.code(),
        "reason_missing"
    );
    w.post(
        &format!("{one}/override"),
        &clara,
        json!({"reason": "Client called; device proved."}),
    )
    .await
    .ok();
    w.until("the payout", &one, &farid, |t| t["state"] == "paid").await;
    let aron = w.staff("aron").await;
    let report = w.get("/api/v1/reports/overrides", &aron).await.ok();
    let line = report["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|i| i["client_id"] == id.as_str())
        .unwrap_or_else(|| panic!("{report:#}"));
    assert_eq!(
        (line["by"].as_str(), line["reason"].as_str()),
        (Some("Clara Stein"), Some("Client called; device proved.")),
        "{line:#}"
    );
    assert_eq!(
        (line["amount"]["minor"].as_i64(), line["reviewed"].as_str()),
        (Some(10_000), Some("open")),
        "{line:#}"
    );
    let at = line["at_us"].as_i64().unwrap();
    assert_eq!(
        w.get(&format!("/api/v1/reports/overrides?until_us={at}"), &aron).await.ok()["items"],
        json!([]),
        "the end is not itself included"
    );
    assert_eq!(
        w.get(&format!("/api/v1/reports/overrides?from_us={at}&until_us={at}"), &aron)
            .await
            .code(),
        "span_empty"
    );
    w.end().await;
}
