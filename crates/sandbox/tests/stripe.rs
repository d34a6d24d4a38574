//! The card processor through its HTTP interface, as somebody else's client would use it.
#![allow(clippy::unwrap_used)]

mod stripe_support;

use serde_json::{Value, json};
use stripe_support::*;

#[tokio::test]
async fn a_key_is_needed_and_the_wrong_one_is_refused_in_stripe_s_shape() {
    let w = world().await;
    let none = w.send("GET", "/stripe/v1/balance", &[], "").await.unwrap();
    assert_eq!(none.status, 401);
    assert_eq!(none.error()["type"], "invalid_request_error");
    let wrong = w
        .send("GET", "/stripe/v1/balance", &[("authorization", "Bearer sk_test_someone_else")], "")
        .await
        .unwrap();
    assert_eq!(wrong.status, 401);
    assert!(
        wrong.error()["message"]
            .as_str()
            .unwrap()
            .starts_with("Invalid API Key provided: sk_test_")
    );
    assert!(!wrong.text.contains("someone_else"));
    assert!(wrong.header("request-id").starts_with("req_"));
    let basic = format!("Basic {}", data_encoding::BASE64.encode(format!("{KEY}:").as_bytes()));
    let by_basic = w.send("GET", "/stripe/v1/balance", &[("authorization", &basic)], "").await.unwrap();
    assert_eq!(by_basic.status, 200);
    assert_eq!(by_basic.json()["object"], "balance");
    // The same object is not there for the other account.
    let pi = w.paid("pm_card_visa").await;
    let path = format!("/stripe/v1/payment_intents/{}", pi["id"].as_str().unwrap());
    let other = w
        .send("GET", &path, &[("authorization", "Bearer sk_test_sandbox_intl")], "")
        .await
        .unwrap();
    assert_eq!(other.status, 404);
    assert_eq!(other.error()["code"], "resource_missing");
}

#[tokio::test]
async fn parameters_are_read_as_strictly_as_stripe_reads_them() {
    let w = world().await;
    for (form, code, param) in [
        ("currency=eur", "parameter_missing", "amount"),
        ("amount=1000", "parameter_missing", "currency"),
        ("amount=1000&currency=eur&colour=red", "parameter_unknown", "colour"),
        ("amount=10.00&currency=eur", "parameter_invalid_integer", "amount"),
        ("amount=-5&currency=eur", "parameter_invalid_integer", "amount"),
        ("amount=49&currency=eur", "amount_too_small", "amount"),
        ("amount=100000000&currency=eur", "amount_too_large", "amount"),
        ("amount=5124&currency=kwd", "parameter_invalid_integer", "amount"),
        ("amount=1000&currency=eur&description=", "", ""),
        ("amount=&currency=eur", "parameter_invalid_integer", "amount"),
        (
            "amount=1000&currency=eur&automatic_payment_methods[enabled]=true&automatic_payment_methods[x]=1",
            "parameter_unknown",
            "automatic_payment_methods[x]",
        ),
        ("amount=1000&currency=eur&customer=cus_nobody", "resource_missing", "customer"),
        (
            "amount=1000&currency=eur&payment_method=pm_nobody",
            "resource_missing",
            "payment_method",
        ),
    ] {
        let a = w.post("/v1/payment_intents", form).await;
        if code.is_empty() {
            assert_eq!(a.status, 200, "{form}");
            continue;
        }
        assert_eq!(
            (a.status, a.error()["code"].as_str(), a.error()["param"].as_str()),
            (400, Some(code), Some(param)),
            "{form}: {}",
            a.text
        );
    }
    assert_eq!(w.post("/v1/payment_intents", "amount=50&currency=jpy").await.status, 200);
    assert_eq!(
        w.post("/v1/payment_intents", "amount=5120&currency=KWD").await.ok()["currency"],
        "kwd"
    );
    let json = w
        .send(
            "POST",
            "/stripe/v1/payment_intents",
            &[("authorization", &format!("Bearer {KEY}")), ("content-type", "application/json")],
            r#"{"amount":1}"#,
        )
        .await
        .unwrap();
    assert_eq!(json.status, 400);
    let lost = w.api("GET", "/v1/nothing", "", None).await.unwrap();
    assert_eq!(lost.status, 404);
    assert!(
        lost.error()["message"]
            .as_str()
            .unwrap()
            .starts_with("Unrecognized request URL (GET: /v1/nothing)")
    );
}

#[tokio::test]
async fn an_idempotency_key_replays_the_answer_refuses_another_body_and_remembers_a_decline() {
    let w = world().await;
    let form = "amount=10000&currency=eur&confirm=true&payment_method=pm_card_visa";
    let first = w.api("POST", "/v1/payment_intents", form, Some("key-1")).await.unwrap();
    let again = w.api("POST", "/v1/payment_intents", form, Some("key-1")).await.unwrap();
    assert_eq!(first.text, again.text);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("original-request"), first.header("request-id"));
    assert_eq!(w.get("/v1/charges").await["data"].as_array().unwrap().len(), 1);
    let other = w
        .api("POST", "/v1/payment_intents", "amount=10001&currency=eur", Some("key-1"))
        .await
        .unwrap();
    assert_eq!((other.status, other.error()["type"].as_str()), (400, Some("idempotency_error")));
    let place = w.api("POST", "/v1/customers", "email=a@b.c", Some("key-1")).await.unwrap();
    assert_eq!(place.error()["type"], "idempotency_error");
    // A validation error is not kept; a decline is the outcome and is.
    assert_eq!(
        w.api("POST", "/v1/payment_intents", "currency=eur", Some("key-2"))
            .await
            .unwrap()
            .status,
        400
    );
    assert_eq!(
        w.api("POST", "/v1/payment_intents", "amount=1000&currency=eur", Some("key-2"))
            .await
            .unwrap()
            .status,
        200
    );
    let bad = "amount=10000&currency=eur&confirm=true&payment_method=pm_card_chargeDeclined";
    let declined = w.api("POST", "/v1/payment_intents", bad, Some("key-3")).await.unwrap();
    let same = w.api("POST", "/v1/payment_intents", bad, Some("key-3")).await.unwrap();
    assert_eq!((declined.status, same.status), (402, 402));
    assert_eq!(declined.error()["charge"], same.error()["charge"]);
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_can_be_repeated_with_its_key_without_paying_twice() {
    let w = world().await;
    let form = "amount=10000&currency=eur&confirm=true&payment_method=pm_card_visa";
    w.fault("payment_intents.create", "drop_after", json!({})).await;
    assert!(w.api("POST", "/v1/payment_intents", form, Some("lost")).await.is_none());
    let again = w.api("POST", "/v1/payment_intents", form, Some("lost")).await.unwrap();
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(w.get("/v1/payment_intents").await["data"].as_array().unwrap().len(), 1);

    w.fault("payment_intents.create", "drop_before", json!({})).await;
    assert!(w.api("POST", "/v1/payment_intents", form, Some("not-done")).await.is_none());
    assert_eq!(w.get("/v1/payment_intents").await["data"].as_array().unwrap().len(), 1);

    w.fault("refunds.create", "refuse", json!({"value": "rate_limit"})).await;
    let pi = again.json()["id"].as_str().unwrap().to_string();
    assert_eq!(w.post("/v1/refunds", &format!("payment_intent={pi}")).await.status, 429);
    w.fault("*", "garbage", json!({})).await;
    assert!(serde_json::from_str::<Value>(&w.post("/v1/refunds", &format!("payment_intent={pi}")).await.text).is_err());
    assert_eq!(w.get("/v1/refunds").await["data"].as_array().unwrap().len(), 1);
    w.fault("*", "forbidden", json!({})).await;
    assert_eq!(w.api("GET", "/v1/balance", "", None).await.unwrap().status, 403);

    // While a call with a key is under way, the same key is refused and may be tried again.
    w.fault("payment_intents.create", "slow_before", json!({"delay_ms": 700})).await;
    let slow = w.api("POST", "/v1/payment_intents", form, Some("busy"));
    let quick = async {
        until("the slow call to begin", || {
            w.sandbox.shared().faults.list().is_empty().then_some(())
        })
        .await;
        w.api("POST", "/v1/payment_intents", form, Some("busy")).await.unwrap()
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert_eq!(slow.unwrap().status, 200);
    assert_eq!(
        (quick.status, quick.error()["code"].as_str(), quick.header("stripe-should-retry")),
        (409, Some("idempotency_key_in_use"), "true")
    );

    w.fault("*", "down", json!({"connection": CONNECTION})).await;
    for _ in 0..2 {
        assert!(w.api("GET", "/v1/balance", "", None).await.is_none());
    }
    let other = w
        .send("GET", "/stripe/v1/balance", &[("authorization", "Bearer sk_test_sandbox_intl")], "")
        .await
        .unwrap();
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn cards_decline_softly_hard_or_for_their_expiry_and_the_intent_waits_for_another() {
    let w = world().await;
    for (number, code, decline) in [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000009979", "card_declined", "stolen_card"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4111111111111111", "card_declined", "test_mode_live_card"),
    ] {
        let form = format!(
            "amount=10000&currency=eur&confirm=true&payment_method_data[type]=card&payment_method_data[card][number]={number}&payment_method_data[card][exp_month]=12&payment_method_data[card][exp_year]=2034&payment_method_data[card][cvc]=123"
        );
        let a = w.post("/v1/payment_intents", &form).await;
        assert_eq!(
            (
                a.status,
                a.error()["type"].as_str(),
                a.error()["code"].as_str(),
                a.error()["decline_code"].as_str()
            ),
            (402, Some("card_error"), Some(code), Some(decline)),
            "{number}"
        );
    }
    let a = w
        .post(
            "/v1/payment_intents",
            "amount=10000&currency=eur&confirm=true&payment_method=pm_card_chargeDeclinedInsufficientFunds",
        )
        .await;
    let pi = &a.error()["payment_intent"];
    assert_eq!(
        (pi["status"].as_str(), pi["last_payment_error"]["decline_code"].as_str()),
        (Some("requires_payment_method"), Some("insufficient_funds"))
    );
    assert!(pi["payment_method"].is_null());
    let id = pi["id"].as_str().unwrap().to_string();
    let paid = w
        .post(
            &format!("/v1/payment_intents/{id}/confirm"),
            "payment_method=pm_card_cy&expand[]=latest_charge.balance_transaction",
        )
        .await
        .ok();
    assert_eq!(
        (paid["status"].as_str(), paid["amount_received"].as_i64()),
        (Some("succeeded"), Some(10_000))
    );
    let card = &paid["latest_charge"]["payment_method_details"]["card"];
    assert_eq!(
        (card["country"].as_str(), card["brand"].as_str(), card["funding"].as_str()),
        (Some("CY"), Some("visa"), Some("credit"))
    );
    assert_eq!(card["fingerprint"].as_str().unwrap().len(), 16);
    let line = &paid["latest_charge"]["balance_transaction"];
    assert_eq!(
        (line["amount"].as_i64(), line["fee"].as_i64(), line["net"].as_i64()),
        (Some(10_000), Some(165), Some(9_835))
    );
    let charges = w.get(&format!("/v1/charges?payment_intent={id}")).await;
    let states: Vec<&str> = charges["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["status"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["succeeded", "failed"]);
    let twice = w.post(&format!("/v1/payment_intents/{id}/confirm"), "").await;
    assert_eq!(twice.error()["code"], "payment_intent_unexpected_state");
}

#[tokio::test]
async fn a_refund_never_exceeds_what_is_left_and_may_fail_after_it_succeeded() {
    let w = world().await;
    let pi = w.paid("pm_card_visa").await;
    let id = pi["id"].as_str().unwrap();
    let part = w
        .post(
            "/v1/refunds",
            &format!("payment_intent={id}&amount=4000&reason=requested_by_customer"),
        )
        .await
        .ok();
    assert_eq!((part["status"].as_str(), part["amount"].as_i64()), (Some("succeeded"), Some(4_000)));
    let over = w.post("/v1/refunds", &format!("payment_intent={id}&amount=6001")).await;
    assert_eq!((over.status, over.error()["param"].as_str()), (400, Some("amount")));
    assert!(
        over.error()["message"]
            .as_str()
            .unwrap()
            .contains("greater than unrefunded amount on charge (60.00 EUR)")
    );
    let rest = w.post("/v1/refunds", &format!("payment_intent={id}")).await.ok();
    assert_eq!(rest["amount"], 6_000);
    let none = w.post("/v1/refunds", &format!("payment_intent={id}")).await;
    assert_eq!(none.error()["code"], "charge_already_refunded");
    let cancel = w.post(&format!("/v1/refunds/{}/cancel", rest["id"].as_str().unwrap()), "").await;
    assert_eq!(cancel.status, 400);
    // The bank gives the second one back: it can then be refunded anew.
    let failed = w
        .control(
            &format!("/stripe/{CONNECTION}/refund/{}/fail", rest["id"].as_str().unwrap()),
            json!({}),
        )
        .await
        .ok();
    assert_eq!(failed["status"], "failed");
    let back = w
        .get(&format!(
            "/v1/balance_transactions/{}",
            failed["failure_balance_transaction"].as_str().unwrap()
        ))
        .await;
    assert_eq!((back["type"].as_str(), back["net"].as_i64()), (Some("refund_failure"), Some(6_000)));
    let hooks = w.catcher.wait("refund.failed", 1).await;
    assert_eq!(hooks[0].about(), rest["id"].as_str().unwrap());
    let charge = w
        .get(&format!("/v1/charges/{}?expand[]=refunds", pi["latest_charge"].as_str().unwrap()))
        .await;
    assert_eq!(
        (charge["amount_refunded"].as_i64(), charge["refunded"].as_bool()),
        (Some(4_000), Some(false))
    );
    assert_eq!(charge["refunds"]["data"].as_array().unwrap().len(), 2);
    assert_eq!(w.post("/v1/refunds", &format!("payment_intent={id}&amount=6000")).await.status, 200);
    // A card whose refunds fail by themselves.
    let bad = w.paid("pm_card_refundFail").await;
    let refund = w
        .post("/v1/refunds", &format!("payment_intent={}", bad["id"].as_str().unwrap()))
        .await
        .ok();
    assert_eq!(refund["status"], "succeeded");
    w.catcher.wait("refund.failed", 2).await;
}

#[tokio::test]
async fn money_held_is_captured_in_part_or_released() {
    let w = world().await;
    let held = w
        .post(
            "/v1/payment_intents",
            "amount=10000&currency=eur&capture_method=manual&confirm=true&payment_method=pm_card_visa",
        )
        .await
        .ok();
    assert_eq!(
        (held["status"].as_str(), held["amount_capturable"].as_i64()),
        (Some("requires_capture"), Some(10_000))
    );
    let id = held["id"].as_str().unwrap();
    let refund = w.post("/v1/refunds", &format!("payment_intent={id}")).await;
    assert_eq!(refund.status, 400);
    let much = w
        .post(&format!("/v1/payment_intents/{id}/capture"), "amount_to_capture=10001")
        .await;
    assert_eq!(much.error()["code"], "amount_too_large");
    let done = w
        .post(&format!("/v1/payment_intents/{id}/capture"), "amount_to_capture=7000")
        .await
        .ok();
    assert_eq!(
        (done["status"].as_str(), done["amount_received"].as_i64()),
        (Some("succeeded"), Some(7_000))
    );
    let over = w.post("/v1/refunds", &format!("payment_intent={id}&amount=7001")).await;
    assert_eq!(over.status, 400);
    let other = w
        .post(
            "/v1/payment_intents",
            "amount=10000&currency=eur&capture_method=manual&confirm=true&payment_method=pm_card_visa",
        )
        .await
        .ok();
    let gone = w
        .post(
            &format!("/v1/payment_intents/{}/cancel", other["id"].as_str().unwrap()),
            "cancellation_reason=abandoned",
        )
        .await
        .ok();
    assert_eq!(
        (gone["status"].as_str(), gone["amount_capturable"].as_i64()),
        (Some("canceled"), Some(0))
    );
}

#[tokio::test]
async fn a_dispute_takes_the_money_and_gives_it_back_when_won() {
    let w = world().await;
    let pi = w.paid("pm_card_visa").await;
    let pay = json!({"payment_intent": pi["id"]});
    let d = w.control(&format!("/stripe/{CONNECTION}/dispute"), pay.clone()).await.ok();
    assert_eq!(
        (
            d["status"].as_str(),
            d["amount"].as_i64(),
            d["balance_transactions"][0]["net"].as_i64()
        ),
        (Some("needs_response"), Some(10_000), Some(-12_000))
    );
    assert_eq!(w.control(&format!("/stripe/{CONNECTION}/dispute"), pay).await.status, 409);
    let id = d["id"].as_str().unwrap();
    let refused = w
        .post("/v1/refunds", &format!("payment_intent={}", pi["id"].as_str().unwrap()))
        .await;
    assert_eq!(refused.error()["code"], "charge_disputed");
    let answered = w
        .post(
            &format!("/v1/disputes/{id}"),
            "evidence[customer_name]=Ann&evidence[uncategorized_text]=she+paid&submit=true",
        )
        .await
        .ok();
    assert_eq!(
        (
            answered["status"].as_str(),
            answered["evidence_details"]["submission_count"].as_i64()
        ),
        (Some("under_review"), Some(1))
    );
    assert_eq!(
        w.post(&format!("/v1/disputes/{id}"), "evidence[nonsense]=1").await.error()["code"],
        "parameter_unknown"
    );
    let won = w
        .control(&format!("/stripe/{CONNECTION}/dispute/{id}/close"), json!({"status": "won"}))
        .await
        .ok();
    assert_eq!(
        (won["status"].as_str(), won["balance_transactions"][1]["net"].as_i64()),
        (Some("won"), Some(10_000))
    );
    for kind in [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ] {
        w.catcher.wait(kind, 1).await;
    }
    // The card that disputes by itself; accepting the loss ends it.
    let by_card = w.paid("pm_card_createDispute").await;
    let list = w
        .get(&format!("/v1/disputes?payment_intent={}", by_card["id"].as_str().unwrap()))
        .await;
    let lost = w
        .post(&format!("/v1/disputes/{}/close", list["data"][0]["id"].as_str().unwrap()), "")
        .await
        .ok();
    assert_eq!(lost["status"], "lost");
}

#[tokio::test]
async fn lists_page_both_ways_search_finds_metadata_and_expand_puts_objects_in_place() {
    let w = world().await;
    for i in 0..5 {
        w.post(
            "/v1/payment_intents",
            &format!("amount={}&currency=eur&metadata[order]=o-{i}", 1_000 + i),
        )
        .await
        .ok();
    }
    let first = w.get("/v1/payment_intents?limit=2").await;
    let amounts = |v: &Value| -> Vec<i64> {
        v["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["amount"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(
        (amounts(&first), first["has_more"].as_bool(), first["url"].as_str()),
        (vec![1_004, 1_003], Some(true), Some("/v1/payment_intents"))
    );
    let next = w
        .get(&format!(
            "/v1/payment_intents?limit=3&starting_after={}",
            first["data"][1]["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(
        (amounts(&next), next["has_more"].as_bool()),
        (vec![1_002, 1_001, 1_000], Some(false))
    );
    let back = w
        .get(&format!(
            "/v1/payment_intents?limit=2&ending_before={}",
            next["data"][2]["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!((amounts(&back), back["has_more"].as_bool()), (vec![1_002, 1_001], Some(true)));
    assert_eq!(w.api("GET", "/v1/payment_intents?limit=101", "", None).await.unwrap().status, 400);
    assert_eq!(
        w.api("GET", "/v1/payment_intents?colour=red", "", None).await.unwrap().error()["code"],
        "parameter_unknown"
    );
    let found = w
        .get("/v1/payment_intents/search?query=metadata%5B%27order%27%5D%3A%27o-3%27")
        .await;
    assert_eq!((amounts(&found), found["object"].as_str()), (vec![1_003], Some("search_result")));
    let paid = w.paid("pm_card_visa").await;
    let whole = w
        .get(&format!(
            "/v1/refunds?expand[]=data.charge&payment_intent={}",
            paid["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(whole["data"].as_array().unwrap().len(), 0);
    let bad = w
        .api(
            "GET",
            &format!("/v1/payment_intents/{}?expand[]=amount", paid["id"].as_str().unwrap()),
            "",
            None,
        )
        .await
        .unwrap();
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn the_signature_is_the_published_vector() {
    let body = r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","created":1893456000,"livemode":false,"data":{"object":{"id":"pi_1","object":"payment_intent","amount":12345,"currency":"eur","status":"succeeded"}}}"#;
    assert_eq!(
        qd_sandbox::stripe::signature("whsec_test_9f3c2b7a1d5e4860", 1_893_456_000, body),
        "t=1893456000,v1=b1c6bf873f6f7c10585c158e961a4eaf3201738bc363a956986d37ae44fa6143"
    );
}
