//! Deposits by the payment providers beside cards, paid on their pages, through workers and callbacks.

use crate::alex::{apply, approve};
use crate::world::World;
use serde_json::json;

/// What the customer's browser was sent to names the payment at its end.
fn named(url: &str) -> String {
    url.rsplit(['/', '=']).next().unwrap_or_default().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wallets_are_paid_on_the_provider_s_page_and_the_money_arrives_once() {
    let w = World::busy().await;
    let (token, client) = w.client("wallet.weber@example.com").await;
    apply(&w, &token).await;
    let clara = w.staff("clara").await;
    approve(&w, &clara, &client).await;
    w.until("the trading account", "/api/v1/me/accounts", &token, |a| {
        a["items"][0]["state"] == "ready"
    })
    .await;
    for method in ["skrill", "neteller"] {
        let body = json!({"amount": {"minor": 25_040, "currency": "EUR"}, "method": method});
        let d = w.post("/api/v1/me/deposits", &token, body).await.ok();
        let path = format!("/api/v1/me/deposits/{}", d["id"].as_str().unwrap());
        let d = w
            .until("the provider's page", &path, &token, |d| d["redirect_url"].is_string())
            .await;
        let order = json!({"ref": named(d["redirect_url"].as_str().unwrap())});
        w.outside("POST", &format!("/control/{method}/{method}-eu/pay"), Some(&order)).await;
        let done = w
            .until("the money", &path, &token, |d| d["state"] == "posted" || d["state"] == "succeeded")
            .await;
        assert_eq!(done["received"], json!({"minor": 25_040, "currency": "EUR"}), "{method}: {done:#}");
        let kinds = w.outside("GET", &format!("/control/{method}/{method}-eu/events"), None).await;
        assert!(!kinds["events"].as_array().unwrap().is_empty(), "{method}: {kinds:#}");
    }
    let wallet = w.get("/api/v1/me/wallet", &token).await.ok();
    assert_eq!(
        (&wallet["items"][0]["currency"], &wallet["items"][0]["balance_minor"]),
        (&json!("EUR"), &json!(50_080)),
        "{wallet:#}"
    );
    w.end().await;
}
