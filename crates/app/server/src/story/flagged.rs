//! Two applicants: one is stopped by the rules with reasons, the simple one beside him is live in
//! seconds.

use super::people::{Client, text_of};
use super::{Play, Played, expect};
use serde_json::{Value, json};

pub async fn play(p: &mut Play) -> Played<()> {
    let clara = p.staff("clara.stein").await?;

    p.step("Paul says that he is politically exposed, and his passport has another name");
    let email = format!("paul.{}@mail.example", p.run.to_lowercase());
    let paul = p.register("Paul", &format!("Kaiser {}", p.run), &email, None).await?;
    p.fill_profile(&paul, &json!({"employment": {"pep": true}})).await?;
    p.take_test(&paul).await?;
    let flagged = p.hand_in(&paul, "Somebody Else").await?;
    p.ok(&flagged);

    p.step("his case waits for a person, with its reasons");
    let view = p.api.get(&format!("/api/v1/kyc/{flagged}"), clara.on()).await?;
    let reasons = view["risk"]["reasons"].to_string();
    expect(view["state"] == "submitted", || format!("the case is {}", view["state"]))?;
    for needed in ["pep", "data_mismatch"] {
        expect(reasons.contains(needed), || format!("{needed} is not among the reasons {reasons}"))?;
    }
    p.ok(reasons);

    p.step("he cannot open a live account");
    let a = p
        .api
        .try_post(
            "/api/v1/me/accounts",
            paul.on(),
            &json!({"account_type": "standard", "currency": "EUR"}),
        )
        .await?;
    a.refused(409, "kyc_required")?;
    p.ok("409 kyc_required");

    p.step("support may not decide; two reviewers cannot both have the case");
    let sofia = p.staff("sofia.marques").await?;
    p.api
        .try_post(&format!("/api/v1/kyc/{flagged}/claim"), sofia.on(), &json!({}))
        .await?
        .refused(403, "right_missing")?;
    p.api.post(&format!("/api/v1/kyc/{flagged}/claim"), clara.on(), &json!({})).await?;
    let victor = p.staff("victor.mensah").await?;
    p.api
        .try_post(&format!("/api/v1/kyc/{flagged}/claim"), victor.on(), &json!({}))
        .await?
        .refused(409, "kyc_claimed")?;
    p.ok("403 and 409");

    p.step("one document is asked for again with a coded reason; the client sees which");
    let view = p.api.get(&format!("/api/v1/kyc/{flagged}"), clara.on()).await?;
    let again = json!({"version": view["version"], "reason": "The name is not his.", "documents": [{"requirement": "identity", "reason_code": "name_mismatch"}]});
    p.api.post(&format!("/api/v1/kyc/{flagged}/ask-again"), clara.on(), &again).await?;
    let mine = p.api.get("/api/v1/me/kyc", paul.on()).await?;
    expect(mine["state"] == "resubmission", || format!("Paul sees {}", mine["state"]))?;
    p.ok(format!("resubmission, missing {}", mine["missing"]));

    simple(p, &clara).await
}

async fn simple(p: &mut Play, clara: &super::people::Person) -> Played<()> {
    p.step("Nina, beside him, is simple");
    let email = format!("nina.{}@mail.example", p.run.to_lowercase());
    let nina: Client = p.register("Nina", &format!("Sander {}", p.run), &email, None).await?;
    p.fill_profile(&nina, &json!({})).await?;
    p.take_test(&nina).await?;
    let case = p.hand_in(&nina, &nina.name()).await?;
    let view: Value = p.api.get(&format!("/api/v1/kyc/{case}"), clara.on()).await?;
    if view["state"] == "submitted" {
        p.approve(clara, &case).await?;
    }
    let a = p.live_account(&nina, 30).await?;
    p.ok(format!("approved, login {}", text_of(&a, "login")?));
    Ok(())
}
