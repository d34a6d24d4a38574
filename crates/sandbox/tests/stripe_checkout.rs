//! Paying as a customer does, and money that leaves: the hosted page, the authentication step, the
//! control interface, payouts.
#![allow(clippy::unwrap_used)]

mod stripe_support;

use serde_json::json;
use stripe_support::*;

#[tokio::test]
async fn the_hosted_page_takes_a_card_declines_one_and_asks_for_authentication_without_scripts() {
    let w = world().await;
    let s = w.session().await;
    assert_eq!(
        (s["status"].as_str(), s["payment_status"].as_str(), s["amount_total"].as_i64()),
        (Some("open"), Some("unpaid"), Some(25_000))
    );
    let url = s["url"].as_str().unwrap().to_string();
    let page = w.send("GET", &url, &[], "").await.unwrap();
    assert!(
        page.text.contains("250.00 EUR") && page.text.contains("Deposit &amp; more"),
        "{}",
        page.text
    );
    let declined = w.submit(&format!("{url}/pay"), "card=4000000000009995").await;
    assert_eq!(declined.status, 402);
    assert!(declined.text.contains("insufficient funds"));
    let asked = w.submit(&format!("{url}/pay"), "card=4000002760003184").await;
    assert_eq!((asked.status, asked.header("location")), (303, "3ds"));
    let step = w.send("GET", &format!("{url}/3ds"), &[], "").await.unwrap();
    assert!(step.text.contains("Complete authentication"));
    let failed = w.submit(&format!("{url}/3ds"), "answer=fail").await;
    assert_eq!(failed.status, 402);
    w.submit(&format!("{url}/pay"), "card=4000002760003184").await;
    let done = w.submit(&format!("{url}/3ds"), "answer=complete").await;
    let id = s["id"].as_str().unwrap();
    assert_eq!(
        (done.status, done.header("location")),
        (303, format!("http://127.0.0.1:9/back?s={id}").as_str())
    );
    let after = w
        .get(&format!("/v1/checkout/sessions/{id}?expand[]=payment_intent&expand[]=line_items"))
        .await;
    assert_eq!(
        (after["status"].as_str(), after["payment_status"].as_str()),
        (Some("complete"), Some("paid"))
    );
    assert_eq!(
        (
            after["payment_intent"]["status"].as_str(),
            after["payment_intent"]["metadata"]["deposit"].as_str()
        ),
        (Some("succeeded"), Some("dep_7"))
    );
    assert_eq!(after["line_items"]["data"][0]["amount_total"], 25_000);
    let hook = w.catcher.wait("checkout.session.completed", 1).await;
    assert_eq!(
        (hook[0].json()["data"]["object"]["client_reference_id"].as_str(), hook[0].genuine()),
        (Some("dep_7"), true)
    );
    // A second window pays nothing.
    assert!(
        w.submit(&format!("{url}/pay"), "card=4242424242424242")
            .await
            .text
            .contains("complete")
    );
    assert_eq!(
        w.get("/v1/charges").await["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|c| c["status"] == "succeeded")
            .count(),
        1
    );
    // Leaving, and expiry.
    let other = w.session().await;
    let url = other["url"].as_str().unwrap();
    assert_eq!(
        w.submit(&format!("{url}/abandon"), "").await.header("location"),
        "http://127.0.0.1:9/no"
    );
    let id = other["id"].as_str().unwrap();
    assert_eq!(
        w.post(&format!("/v1/checkout/sessions/{id}/expire"), "").await.ok()["status"],
        "expired"
    );
    assert_eq!(w.send("GET", url, &[], "").await.unwrap().status, 410);
    w.catcher.wait("checkout.session.expired", 1).await;
}

#[tokio::test]
async fn an_intent_that_wants_authentication_leads_to_a_page_and_back() {
    let w = world().await;
    let form = "amount=10000&currency=eur&confirm=true&payment_method=pm_card_authenticationRequired";
    let ask = w
        .post(
            "/v1/payment_intents",
            &format!("{form}&return_url=http%3A%2F%2F127.0.0.1%3A9%2Fr%3Fx%3D1"),
        )
        .await
        .ok();
    let to = &ask["next_action"]["redirect_to_url"];
    assert_eq!(
        (ask["status"].as_str(), to["return_url"].as_str()),
        (Some("requires_action"), Some("http://127.0.0.1:9/r?x=1"))
    );
    let page = to["url"].as_str().unwrap();
    assert!(w.send("GET", page, &[], "").await.unwrap().text.contains("100.00 EUR"));
    let back = w.submit(page, "answer=complete").await;
    let id = ask["id"].as_str().unwrap();
    assert!(
        back.header("location")
            .starts_with(&format!("http://127.0.0.1:9/r?x=1&payment_intent={id}&"))
    );
    assert!(back.header("location").ends_with("redirect_status=succeeded"));
    assert_eq!(w.get(&format!("/v1/payment_intents/{id}")).await["status"], "succeeded");
    // Where nobody can authenticate, the card is declined.
    let alone = w.post("/v1/payment_intents", &format!("{form}&off_session=true")).await;
    assert_eq!(
        (alone.status, alone.error()["code"].as_str()),
        (402, Some("authentication_required"))
    );
}

#[tokio::test]
async fn the_control_interface_pays_as_the_customer_would() {
    let w = world().await;
    let at = format!("/stripe/{CONNECTION}/pay");
    let s = w.session().await;
    let late = w.control(&at, json!({"session": s["id"], "outcome": "processing"})).await.ok();
    assert_eq!(late["status"], "processing");
    let waiting = w.get(&format!("/v1/checkout/sessions/{}", s["id"].as_str().unwrap())).await;
    assert_eq!(
        (waiting["status"].as_str(), waiting["payment_status"].as_str()),
        (Some("complete"), Some("unpaid"))
    );
    assert_eq!(w.control(&at, json!({"session": s["id"]})).await.ok()["status"], "succeeded");
    w.catcher.wait("checkout.session.async_payment_succeeded", 1).await;
    let pi = w.post("/v1/payment_intents", "amount=1000&currency=eur").await.ok();
    let no = w
        .control(&at, json!({"payment_intent": pi["id"], "card": "4000000000009979"}))
        .await
        .ok();
    assert_eq!(
        (no["status"].as_str(), no["error"]["decline_code"].as_str()),
        (Some("requires_payment_method"), Some("stolen_card"))
    );
    let yes = w
        .control(&at, json!({"payment_intent": pi["id"], "card": "4000002760003184"}))
        .await
        .ok();
    assert_eq!(yes["status"], "succeeded");
    assert_eq!(w.control(&at, json!({"payment_intent": pi["id"]})).await.status, 400);
    assert_eq!(w.control("/stripe/nobody/pay", json!({"session": "x"})).await.status, 404);
}

#[tokio::test]
async fn payouts_list_their_lines_and_outbound_payments_post_and_come_back() {
    let w = world().await;
    w.paid("pm_card_visa").await;
    let early = w.post("/v1/payouts", "amount=100&currency=eur").await;
    assert_eq!(early.error()["code"], "balance_insufficient");
    let po = w.control(&format!("/stripe/{CONNECTION}/payout"), json!({})).await.ok();
    assert_eq!((po["amount"].as_i64(), po["automatic"].as_bool()), (Some(9_835), Some(true)));
    let lines = w
        .get(&format!("/v1/balance_transactions?payout={}", po["id"].as_str().unwrap()))
        .await;
    let kinds: Vec<&str> = lines["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["payout", "charge"]);
    assert_eq!(
        lines["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| l["net"].as_i64().unwrap())
            .sum::<i64>(),
        0
    );
    let done = w.catcher.wait("payout.reconciliation_completed", 1).await;
    assert_eq!(done[0].json()["data"]["object"]["status"], "paid");

    let auth = format!("Bearer {KEY}");
    let body = json!({"from": {"financial_account": "fa_1", "currency": "eur"}, "to": {"recipient": "acct_r", "payout_method": "gba_1"}, "amount": {"value": 5000, "currency": "eur"}, "metadata": {"withdrawal": "wdr_1"}}).to_string();
    let h = [
        ("authorization", auth.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", "out-1"),
    ];
    let path = "/sandbox/stripe/v2/money_management/outbound_payments";
    let o = w.send("POST", path, &h, &body).await.unwrap().ok();
    assert_eq!(
        (o["status"].as_str(), o["amount"]["value"].as_i64()),
        (Some("processing"), Some(5_000))
    );
    assert_eq!(w.send("POST", path, &h, &body).await.unwrap().ok()["id"], o["id"]);
    let id = o["id"].as_str().unwrap();
    let posted = w.catcher.wait("v2.money_management.outbound_payment.posted", 1).await;
    assert_eq!(posted[0].json()["related_object"]["id"], id);
    let back = w
        .control(&format!("/stripe/{CONNECTION}/outbound/{id}/return"), json!({}))
        .await
        .ok();
    assert_eq!(
        (back["status"].as_str(), back["status_details"]["returned"]["reason"].as_str()),
        (Some("returned"), Some("payout_method_closed"))
    );
    let now = w.send("GET", &format!("{path}/{id}"), &h[..1], "").await.unwrap().ok();
    assert_eq!(now["status"], "returned");
    let missing = w
        .send("POST", path, &h[..2], r#"{"amount":{"value":1,"currency":"eur"}}"#)
        .await
        .unwrap();
    assert_eq!(missing.error()["code"], "parameter_missing");
}

#[tokio::test]
async fn payments_of_the_past_can_be_seeded_and_nobody_hears_of_them() {
    use qd_kernel::Ts;
    use qd_sandbox::stripe::SeedPayment;
    let w = world().await;
    let (connection, day) = ("stripe-eu", Ts::from_ymd(2026, 8, 3));
    let order = SeedPayment {
        our_ref: "dep_old",
        amount: 50_000,
        currency: "EUR",
        description: "Deposit",
        email: "a@example.org",
        name: "Anna Berg",
        card: "4000002760000016",
        success_url: "http://127.0.0.1:9/back",
        opened: day,
        paid: day.plus_secs(40),
    };
    let paid = w.sandbox.stripe().seed_payment(connection, &order).unwrap();
    let refund = w
        .sandbox
        .stripe()
        .seed_refund(connection, &paid.payment_intent, 20_000, "wdr_old", day.plus_days(3))
        .unwrap();
    assert_eq!(
        w.sandbox.stripe().refund_of(connection, "wdr_old").unwrap().as_deref(),
        Some(refund.as_str())
    );
    let s = w
        .get(&format!(
            "/v1/checkout/sessions/{}?expand[]=payment_intent.latest_charge",
            paid.session
        ))
        .await;
    assert_eq!(
        (s["payment_status"].as_str(), s["created"].as_i64()),
        (Some("paid"), Some(day.secs()))
    );
    let charge = &s["payment_intent"]["latest_charge"];
    assert_eq!(
        (charge["amount_refunded"].as_i64(), charge["created"].as_i64()),
        (Some(20_000), Some(day.secs() + 40))
    );
    // A payment of today comes after them, and is the first that is told about.
    let url = w.session().await["url"].as_str().unwrap().to_string();
    w.submit(&format!("{url}/pay"), "card=4242424242424242").await;
    let told = w.catcher.wait("checkout.session.completed", 1).await;
    assert_eq!(told[0].json()["data"]["object"]["client_reference_id"], "dep_7");
    assert!(
        w.sandbox
            .stripe()
            .seed_refund(connection, &paid.payment_intent, 40_000, "wdr_x", day)
            .is_err()
    );
}
