//! A change with an earlier date, over HTTP: refused where it would touch a closed month, shown, decided
//! by a second person, carried out, listed, undone.

use crate::world::World;
use qd_kernel::Lots;
use qd_partners::corrections::CorrectionHandler;
use qd_partners::{DealFacts, booking};
use serde_json::{Value, json};
use std::sync::Arc;

async fn partner(w: &World, paula: &str, name: &str, rate: &str, since: i64) -> String {
    let new = json!({"entity": "eu", "name": name, "currency": "EUR", "payout_method": "bank", "since_us": since});
    let id = w.post("/api/v1/partners", paula, new).await.ok()["id"]
        .as_str()
        .unwrap()
        .to_string();
    let rules = json!([{"id": "base", "kind": "per_lot", "rate": rate}]);
    let document = json!({"format": 1, "name": name, "currency": "EUR", "rules": rules});
    let plan = w
        .post(
            "/api/v1/plans",
            paula,
            json!({"entity": "eu", "document": document, "valid_from_us": since, "reason": "contract"}),
        )
        .await
        .ok();
    let using = json!({"plan": plan["id"], "at_us": since, "reason": "contract"});
    w.post(&format!("/api/v1/partners/{id}/plan"), paula, using).await.ok();
    id
}

async fn work(w: &World) {
    let registry = qd_runtime::jobs::Registry::new().add(Arc::new(CorrectionHandler { core: w.app.core.clone() }));
    qd_runtime::jobs::run_until_idle(&w.app.core, &registry).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_moved_with_an_earlier_date_goes_through_a_second_person() {
    let w = World::quiet().await;
    let now = w.app.core.now();
    let day = |n: i64| now.plus_days(n).micros();
    let (paula, farid) = (w.staff("paula").await, w.staff("farid").await);
    let (_, client) = w.client("moved@example.com").await;
    let a = partner(&w, &paula, "Anna", "8", day(-40)).await;
    let b = partner(&w, &paula, "Bert", "7.5", day(-40)).await;
    let place = format!("/api/v1/clients/{client}/partner");
    let give = |to: &str, at: i64| json!({"partner": to, "at_us": at, "reason": "signed claim"});
    w.post(&place, &paula, give(&a, day(-30))).await.ok();
    let facts: DealFacts = serde_json::from_value(json!({
        "server": "mt5", "ticket": "1", "revision": 1, "kind": "trade", "client": client, "entity": "eu", "country": "DE", "account": "tacc_x",
        "account_type": "std", "group": "real", "currency": "EUR", "symbol": "EURUSD", "product_group": "majors", "volume_closed": Lots(300_000_000),
        "at": now.plus_days(-5),
    }))
    .unwrap();
    let core = w.app.core.clone();
    w.app
        .core
        .db
        .write(async move |tx| booking::book(tx, &core, std::slice::from_ref(&facts)).await)
        .await
        .unwrap();
    let close = json!({"currency": "EUR", "to_us": day(-1)});
    let statement = w.post(&format!("/api/v1/partners/{a}/statements"), &farid, close).await.ok();

    assert_eq!(w.post(&place, &paula, give(&b, day(-20))).await.code(), "correction_needed");
    let seen = w
        .post(&format!("{place}/preview"), &paula, json!({"partner": b, "at_us": day(-20)}))
        .await
        .ok();
    assert_eq!(seen["retier"]["totals"], json!([{"currency": "EUR", "difference_minor": -150}]));
    assert_eq!(seen["retier"], seen["freeze"]);
    let asked =
        json!({"request": {"cause": "client_moved", "client_id": client, "partner": b, "at_us": day(-20)}, "reason": "signed claim"});
    let c = w.post("/api/v1/corrections", &paula, asked).await.ok();
    let one = format!("/api/v1/corrections/{}", c["id"].as_str().unwrap());
    assert_eq!((c["state"].as_str(), c["policy"].as_str()), (Some("prepared"), Some("retier")));
    let approval = format!("/api/v1/approvals/{}/decide", c["approval_id"].as_str().unwrap());
    assert_eq!(
        w.post(&approval, &paula, json!({"approve": true})).await.code(),
        "approval_own_request"
    );
    w.post(&approval, &farid, json!({"approve": true})).await.ok();
    work(&w).await;
    let done = w.get(&one, &farid).await.ok();
    assert_eq!(done["correction"]["state"], "applied");
    assert_eq!(done["done"]["per"], seen["retier"]["per"]);
    let figure = |p: &str| -> Value {
        done["done"]["per"]
            .as_array()
            .unwrap()
            .iter()
            .find(|f| f["partner_id"] == p)
            .unwrap()
            .clone()
    };
    assert_eq!(
        (figure(&a)["difference_minor"].as_i64(), figure(&a)["statement_id"].as_str()),
        (Some(-2_400), statement["id"].as_str())
    );
    assert_eq!(figure(&b)["difference_minor"], 2_250);
    let lines = w.get(&format!("{one}/lines"), &farid).await.ok();
    assert_eq!(
        (lines["items"].as_array().unwrap().len(), done["lines"].as_array().unwrap().len()),
        (2, 2)
    );
    let record = w.get(&place, &paula).await.ok();
    assert_eq!(record["eligibility"]["partner"], b.as_str());
    let list = w
        .get(&format!("/api/v1/corrections?subject=client:{client}&state=applied"), &farid)
        .await
        .ok();
    // The first attribution was carried out at once: nothing had been booked yet.
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    let changes = w.get(&format!("/api/v1/closed-period-changes?partner_id={a}"), &farid).await.ok();
    assert_eq!(
        (changes["items"][0]["cause"].as_str(), changes["items"][0]["minor"].as_i64()),
        (Some("correction"), Some(-2_400))
    );

    let back = w
        .post(&format!("{one}/reverse"), &paula, json!({"reason": "the claim was forged"}))
        .await
        .ok();
    let decide = format!("/api/v1/corrections/{}/decide", back["id"].as_str().unwrap());
    w.post(&decide, &farid, json!({"approve": true})).await.ok();
    work(&w).await;
    assert_eq!(w.get(&one, &farid).await.ok()["correction"]["undone_by"], back["id"]);
    assert_eq!(w.get(&place, &paula).await.ok()["eligibility"]["partner"], a.as_str());
    let money = w.get(&format!("/api/v1/partners/{a}/summary"), &paula).await.ok();
    assert_eq!(money["money"][0]["payable_minor"], 2_400);
    w.end().await;
}
