//! A payment's own history and notes; names for ids.

use crate::alex::{apply, approve, pay_in};
use crate::world::World;
use serde_json::json;

/// PM-20, BO-04: both owners, the comment and the note are in one history, and the note is on the
/// client's timeline too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawals_history_holds_its_owners_its_hand_overs_and_its_notes() {
    let w = World::busy().await;
    let (client, id) = w.client("trail@example.com").await;
    apply(&w, &client).await;
    let (clara, farid) = (w.staff("clara").await, w.staff("farid").await);
    approve(&w, &clara, &id).await;
    pay_in(&w, &client, 50_000, None).await;
    let t = w
        .post(
            "/api/v1/me/withdrawals",
            &client,
            json!({"amount": {"minor": 10_000, "currency": "EUR"}}),
        )
        .await
        .ok();
    let one = format!("/api/v1/withdrawals/{}", t["id"].as_str().unwrap());
    w.until("the review", &one, &farid, |t| t["state"] == "review").await;
    w.post(&format!("{one}/claim"), &farid, json!({})).await.ok();
    w.post(&format!("{one}/notes"), &farid, json!({"body": "Called back: new telephone."}))
        .await
        .ok();
    w.post(
        &format!("{one}/hand-over"),
        &farid,
        json!({"desk": "compliance", "comment": "Please look at the source."}),
    )
    .await
    .ok();
    let row = w.post(&format!("{one}/claim"), &clara, json!({})).await.ok();
    let history = w.get(&format!("{one}/history"), &farid).await.ok();
    let seen: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|l| l["who"].as_str().unwrap().starts_with("stf_"))
        .map(|l| (l["what"].as_str().unwrap(), l["label"].as_str().unwrap(), l["note"].as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("withdrawal.claimed", "Clara Stein", None),
            ("withdrawal.handed_over", "Farid Aziz", Some("Please look at the source.")),
            ("withdrawal.noted", "Farid Aziz", Some("Called back: new telephone.")),
            ("withdrawal.claimed", "Farid Aziz", None),
        ],
        "{history:#}"
    );
    let timeline = w.get(&format!("/api/v1/clients/{id}/timeline?kinds=note"), &farid).await.ok();
    assert_eq!(timeline["items"][0]["data"]["body"], "Called back: new telephone.");
    // Support sees that it was handed over, not why.
    let sofia = w.get(&format!("{one}/history"), &w.staff("sofia").await).await.ok();
    assert!(sofia["items"].as_array().unwrap().iter().all(|l| l["note"].is_null()), "{sofia:#}");

    let who = row["claimed_by"].as_str().unwrap();
    let names = w
        .get(&format!("/api/v1/names?ids={id},{who},cli_00000000000000000000000000"), &farid)
        .await
        .ok();
    assert_eq!(names["items"].as_array().unwrap().len(), 2, "{names:#}");
    assert!(names["items"].as_array().unwrap().iter().any(|n| n["name"] == "Clara Stein"));
    // Somebody who sees their own clients only does not learn others' names by their ids.
    let lena = w.get(&format!("/api/v1/names?ids={id}"), &w.staff("maya").await).await.ok();
    assert!(lena["items"].as_array().unwrap().is_empty(), "{lena:#}");
    let finance = w.get("/api/v1/colleagues?role=finance", &farid).await.ok();
    assert!(finance["items"].as_array().unwrap().iter().any(|s| s["name"] == "Farid Aziz"));
    assert_eq!(w.get("/api/v1/names?ids=x", &client).await.code(), "right_missing");
    w.end().await;
}
