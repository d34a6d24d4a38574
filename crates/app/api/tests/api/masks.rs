//! What each role sees of a client's verification and profile, and what stays covered.

use crate::alex::{apply, approve};
use crate::world::World;
use serde_json::{Value, json};

const COVERED: &str = "•••";

fn field(profile: &Value, step: &str, code: &str) -> Value {
    let steps = profile["steps"].as_array().expect("steps");
    steps.iter().find(|s| s["code"] == step).expect("the step")["values"][code].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exposure_risk_and_papers_are_compliances_and_the_auditors_and_nobody_elses() {
    let w = World::quiet().await;
    let (token, id) = w.client("masked@example.com").await;
    let clara = w.staff("clara").await;
    let record = async |who: &str| w.get(&format!("/api/v1/clients/{id}"), who).await.ok();

    // Before anything is approved, the standing says what is missing, and to whom it is shown.
    let before = record(&clara).await;
    assert_eq!(
        (before["kyc"]["approved"].clone(), before["kyc"]["level"].clone()),
        (json!(false), Value::Null)
    );
    assert!(before["kyc"]["missing"].to_string().contains("document.identity"), "{before:#}");
    apply(&w, &token).await;
    let case = record(&clara).await["kyc"]["case_id"]
        .as_str()
        .expect("a case for compliance")
        .to_string();

    for (name, aml, money, papers) in [
        ("clara", true, true, true),
        ("aron", true, true, true),
        ("farid", false, true, false),
        ("sofia", false, true, false),
        ("tom", false, true, false),
    ] {
        let who = w.staff(name).await;
        let view = w.get(&format!("/api/v1/kyc/{case}"), &who).await.ok();
        assert_eq!(view["risk"].is_object(), aml, "{name}: {view:#}");
        assert_eq!(view["checks"].is_array(), aml, "{name}");
        assert_eq!(view["applicant"]["pep"].is_boolean(), aml, "{name}: {}", view["applicant"]);
        assert_eq!(view["applicant"]["source_of_funds"].is_string(), money, "{name}");
        assert_eq!(view["documents"][0]["detail"].is_object(), papers, "{name}");
        assert_eq!(view["overdue"], json!(false), "{name}");
        let profile = w.get(&format!("/api/v1/clients/{id}/profile"), &who).await.ok();
        let pep = field(&profile, "employment", "pep");
        assert_eq!(pep, if aml { json!(false) } else { json!(COVERED) }, "{name}");
        assert_eq!(
            field(&profile, "address", "street"),
            json!("Elbchaussee 1"),
            "{name} sees contact data"
        );
        assert_eq!(record(&who).await["kyc"]["risk"].is_object(), aml, "{name}");
    }
    // The client sees their own answers and nothing of the house's side.
    let own = w.get("/api/v1/me/kyc", &token).await.ok();
    for house in [
        "risk",
        "checks",
        "owner",
        "due_at_us",
        "overdue",
        "outcome_code",
        "applicant",
        "decision_id",
    ] {
        assert!(own[house].is_null(), "{house} is the house's");
    }
    assert_eq!(
        field(&w.get("/api/v1/me", &token).await.ok()["profile"], "employment", "pep"),
        json!(false)
    );

    approve(&w, &clara, &id).await;
    let after = record(&w.staff("sofia").await).await;
    assert_eq!(
        (
            after["kyc"]["approved"].clone(),
            after["kyc"]["level"].clone(),
            after["kyc"]["age_days"].clone()
        ),
        (json!(true), json!("standard"), json!(0))
    );
    assert!(after["kyc"]["case_id"].is_null() && after["kyc"]["risk"].is_null(), "{after:#}");
    for (name, seen) in [("clara", true), ("sofia", false), ("farid", false)] {
        let who = w.staff(name).await;
        let all = w.get(&format!("/api/v1/clients/{id}/kyc-approvals"), &who).await.ok();
        let decision = &all["items"][0]["decision"];
        assert_eq!(decision["inputs"] != json!(COVERED), seen, "{name}: {decision:#}");
        assert_eq!(all["items"][0]["in_force"], true, "{name}");
    }
    w.end().await;
}
