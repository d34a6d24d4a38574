//! Whose account a sign-in opens: registrations of strangers, merged records, changed addresses. And
//! a client's file as of a date.

use crate::alex::{apply, approve};
use crate::world::World;
use http::StatusCode;
use qd_kernel::PageRequest;
use qd_runtime::access::{Caller, Realm, logins};
use serde_json::{Value, json};

const BRAND: &str = "northwind";

async fn mails(w: &World, client: &str) -> Vec<(String, String)> {
    let id = client.to_string();
    let page = w
        .app
        .core
        .db
        .read(async move |tx| qd_notify::mails_of(tx, &Caller::system("test"), &id, &PageRequest::new(None, None)?).await)
        .await
        .unwrap();
    page.items.iter().map(|m| (m.template.to_string(), m.to.address.clone())).collect()
}

/// The token of the mail that "Forgot password" sends.
async fn reset_link(w: &World, email: &str) -> String {
    let (app, email) = (w.app.clone(), email.to_string());
    let reset = w
        .app
        .core
        .db
        .write(async move |tx| logins::start_reset(tx, &app.access, &Realm::Brand(BRAND.into()), &email).await)
        .await
        .unwrap()
        .expect("a reset");
    reset.token.expose().to_string()
}

async fn sign_in(w: &World, email: &str, password: &str) -> crate::world::Told {
    let b = json!({"brand": BRAND, "email": email, "password": password});
    w.ask("POST", "/api/v1/auth/sign-in", None, Some(&b)).await
}

async fn save(w: &World, token: &str, step: &str, values: Value) {
    w.ask("PATCH", "/api/v1/me", Some(token), Some(&json!({"step": step, "values": values})))
        .await
        .ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unproven_registration_opens_nothing_and_a_strangers_click_does_not_prove_it() {
    let w = World::quiet().await;
    let (squatter, client) = w.newcomer("victim@example.com").await;
    let deposit = json!({"amount": {"minor": 5_000, "currency": "EUR"}, "method": "card"});
    let account = json!({"account_type": "standard", "currency": "EUR"});
    for (path, body) in [
        ("/api/v1/me/deposits", deposit),
        ("/api/v1/me/accounts", account),
        ("/api/v1/me/kyc/submit", json!({})),
        ("/api/v1/me/partner", json!({"name": "Squat", "currency": "EUR"})),
    ] {
        let t = w.post(path, &squatter, body).await;
        assert_eq!(
            (t.status, t.code()),
            (StatusCode::CONFLICT, "email_unverified"),
            "{path}: {}",
            t.body
        );
    }
    assert_eq!(w.get("/api/v1/me/kyc", &squatter).await.code(), "email_unverified");

    // The owner of the address clicks: without a session, and signed in as somebody else.
    let link = json!({"token": w.link_for(&client).await});
    let alone = w.ask("POST", "/api/v1/auth/email/verify", None, Some(&link)).await;
    assert_eq!(alone.status, StatusCode::UNAUTHORIZED);
    let (other, _) = w.newcomer("victim.other@example.com").await;
    assert_eq!(w.post("/api/v1/auth/email/verify", &other, link).await.code(), "token_other_login");
    assert_eq!(w.get("/api/v1/auth/me", &squatter).await.ok()["email_verified"], false);

    // They set a password of their own: what the stranger had and said is gone.
    save(&w, &squatter, "personal", json!({"birth_date": "1971-02-03", "nationality": "DE"})).await;
    save(
        &w,
        &squatter,
        "address",
        json!({"street": "Squat 1", "postal_code": "20095", "city": "Hamburg"}),
    )
    .await;
    let set = json!({"token": reset_link(&w, "victim@example.com").await, "password": "Elbe-Hafen-2026"});
    let t = w.ask("POST", "/api/v1/auth/password/reset", None, Some(&set)).await;
    assert_eq!(t.status, StatusCode::NO_CONTENT, "{}", t.body);
    assert_eq!(w.get("/api/v1/auth/me", &squatter).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(&w, "victim@example.com", "Alster-Segel-42").await.code(), "sign_in_failed");
    let own = sign_in(&w, "victim@example.com", "Elbe-Hafen-2026").await.ok()["token"]
        .as_str()
        .unwrap()
        .to_string();
    let me = w.get("/api/v1/me", &own).await.ok();
    assert_eq!(me["email_verified"], true);
    assert!(!me.to_string().contains("Squat") && !me.to_string().contains("1971"), "{me:#}");
    assert_eq!(w.get("/api/v1/me/kyc", &own).await.ok()["state"], "open");
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_address_hears_that_it_is_not_the_sign_in_any_more() {
    let w = World::quiet().await;
    let (token, client) = w.client("before@example.com").await;
    let t = w.post("/api/v1/auth/email", &token, json!({"email": "after@example.com"})).await;
    assert_eq!(t.status, StatusCode::NO_CONTENT, "{}", t.body);
    let sent = mails(&w, &client).await;
    assert!(sent.contains(&("email_changed".into(), "before@example.com".into())), "{sent:?}");
    assert!(sent.contains(&("verify_email".into(), "after@example.com".into())), "{sent:?}");
    w.end().await;
}

/// Two records of one person at one brand, and the proposal that they are one.
async fn twins(w: &World, support: &str) -> ((String, String), (String, String), String) {
    let (a, b) = (w.client("twin.a@example.com").await, w.client("twin.b@example.com").await);
    for t in [&a.0, &b.0] {
        save(w, t, "personal", json!({"birth_date": "1980-01-31", "nationality": "DE"})).await;
    }
    let found = w.get(&format!("/api/v1/duplicates?client_id={}", b.1), support).await.ok();
    let id = found["items"][0]["id"].as_str().expect("a proposal").to_string();
    (a, b, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_closes_a_sign_in_and_a_second_person_decides_whether_it_opens_the_other_record() {
    let w = World::quiet().await;
    let (support, clara, victor) = (w.staff("sofia").await, w.staff("clara").await, w.staff("victor").await);
    let (keep, gone, dup) = twins(&w, &support).await;
    let at = |what: &str| format!("/api/v1/duplicates/{dup}/{what}");
    let merge = json!({"survivor_id": keep.1, "reason": "Same person."});
    w.post(&at("merge"), &support, merge.clone()).await.ok();
    assert_eq!(w.get("/api/v1/auth/me", &gone.0).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(&w, "twin.b@example.com", "Alster-Segel-42").await.code(), "sign_in_failed");
    assert!(
        mails(&w, &gone.1)
            .await
            .contains(&("login_held".into(), "twin.b@example.com".into()))
    );
    let resting = w.get(&at("logins"), &support).await.ok();
    assert_eq!(resting["logins"][0]["from_client"], json!(gone.1));
    assert_eq!(w.get("/api/v1/auth/me", &keep.0).await.ok()["client_id"], json!(keep.1));

    // Support asks; support does not decide, and who asks does not either.
    let asked = w.post(&at("logins/move"), &support, json!({"reason": "Called back."})).await.ok();
    assert!(asked["approval_id"].as_str().unwrap().starts_with("apr_"));
    let yes = json!({"approve": true, "reason": "Same passport."});
    assert_eq!(
        w.post(&at("logins/decide"), &support, yes.clone()).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        w.post(&at("logins/move"), &clara, json!({"reason": "x"})).await.code(),
        "approval_waiting"
    );
    assert_eq!(w.post(&at("logins/decide"), &clara, yes.clone()).await.ok()["outcome"], "approved");
    let moved = sign_in(&w, "twin.b@example.com", "Alster-Segel-42").await.ok()["token"]
        .as_str()
        .unwrap()
        .to_string();
    assert_eq!(w.get("/api/v1/auth/me", &moved).await.ok()["client_id"], json!(keep.1));
    assert!(
        mails(&w, &keep.1)
            .await
            .contains(&("login_added".into(), "twin.a@example.com".into()))
    );

    // Two people after all: everything is as it was.
    w.post(&at("undo"), &support, json!({"reason": "Brothers."})).await.ok();
    assert_eq!(w.get("/api/v1/auth/me", &moved).await.status, StatusCode::UNAUTHORIZED);
    let back = sign_in(&w, "twin.b@example.com", "Alster-Segel-42").await.ok()["token"]
        .as_str()
        .unwrap()
        .to_string();
    assert_eq!(w.get("/api/v1/auth/me", &back).await.ok()["client_id"], json!(gone.1));

    // Again, and a no: it rests until the merge is taken apart, which needs no second person.
    w.post(&at("merge"), &support, merge).await.ok();
    w.post(&at("logins/move"), &clara, json!({"reason": "y"})).await.ok();
    assert_eq!(w.post(&at("logins/decide"), &clara, yes).await.code(), "approval_own_request");
    let no = json!({"approve": false, "reason": "Not proven."});
    assert_eq!(w.post(&at("logins/decide"), &victor, no).await.ok()["outcome"], "refused");
    assert_eq!(sign_in(&w, "twin.b@example.com", "Alster-Segel-42").await.code(), "sign_in_failed");
    w.post(&at("undo"), &support, json!({"reason": "Brothers."})).await.ok();
    sign_in(&w, "twin.b@example.com", "Alster-Segel-42").await.ok();
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_as_of_a_date_shows_nothing_that_came_after() {
    let w = World::quiet().await;
    let (auditor, clara) = (w.staff("aron").await, w.staff("clara").await);
    let (token, id) = w.client("file@example.com").await;
    apply(&w, &token).await;
    let restrict = json!({"kind": "withdrawals", "reason": "first", "told": false});
    let r = w.post(&format!("/api/v1/clients/{id}/restrictions"), &clara, restrict).await.ok();
    let then = w.app.core.now().micros();

    // Everything changes.
    approve(&w, &clara, &id).await;
    let version = w.get(&format!("/api/v1/clients/{id}"), &clara).await.ok()["client"]["version"].clone();
    let edit = json!({"version": version, "last_name": "Changed", "phone": "+49 40 7654321", "reason": "test"});
    w.ask("PATCH", &format!("/api/v1/clients/{id}"), Some(&clara), Some(&edit))
        .await
        .ok();
    let street = json!({"step": "address", "values": {"street": "Later 2"}});
    w.ask("PATCH", &format!("/api/v1/clients/{id}/profile"), Some(&clara), Some(&street))
        .await
        .ok();
    let lift = format!("/api/v1/clients/{id}/restrictions/{}/lift", r["id"].as_str().unwrap());
    w.post(&lift, &clara, json!({"reason": "cleared"})).await.ok();
    let other = json!({"kind": "deposits", "reason": "two-of-them", "told": false});
    w.post(&format!("/api/v1/clients/{id}/restrictions"), &clara, other).await.ok();
    let change = w.post("/api/v1/auth/email", &token, json!({"email": "moved@example.com"})).await;
    assert_eq!(change.status, StatusCode::NO_CONTENT, "{}", change.body);
    let file = async |at: i64| w.get(&format!("/api/v1/clients/{id}/file?as_of={at}"), &auditor).await.ok();
    let now_file = file(w.app.core.now().micros()).await;
    let kyc_id = now_file["kyc"]["cases"][0]["case"]["id"].as_str().unwrap().to_string();
    let reopen = json!({"requirements": ["address"], "reason": "moved house"});
    w.post(&format!("/api/v1/kyc/{kyc_id}/reopen"), &clara, reopen).await.ok();
    let now_file = file(w.app.core.now().micros()).await;
    let was = file(then).await;

    let texts = was.to_string();
    for later in [
        "Changed",
        "7654321",
        "Later 2",
        "two-of-them",
        "cleared",
        "moved@example.com",
        "moved house",
    ] {
        assert!(!texts.contains(later), "{later} was not known then");
    }
    let street = |f: &Value| {
        let steps = f["profile"]["steps"].as_array().unwrap().clone();
        steps.iter().find(|s| s["code"] == "address").unwrap()["values"]["street"].clone()
    };
    assert_eq!(
        (was["record"]["last_name"].clone(), street(&was)),
        (json!("Weber"), json!("Elbchaussee 1"))
    );
    assert_eq!(
        (now_file["record"]["last_name"].clone(), street(&now_file)),
        (json!("Changed"), json!("Later 2"))
    );
    assert_eq!(
        (was["restrictions"].as_array().unwrap().len(), &was["restrictions"][0]["reason"]),
        (1, &json!("first"))
    );
    assert_eq!(now_file["restrictions"][0]["reason"], "two-of-them");
    let login = |f: &Value| (f["logins"][0]["email"].clone(), f["logins"][0]["email_verified_at_us"].is_null());
    assert_eq!(login(&was), (json!("file@example.com"), false));
    assert_eq!(login(&now_file), (json!("moved@example.com"), true));
    let kyc = |f: &Value| f["kyc"]["cases"][0]["case"]["state"].clone();
    assert_eq!(kyc(&was), "submitted");
    assert_eq!(kyc(&now_file), "resubmission");
    let state = |f: &Value| {
        let all = f["kyc"]["cases"][0]["case"]["documents"].as_array().unwrap().clone();
        all.iter().find(|d| d["requirement"] == "address").unwrap()["state"].clone()
    };
    assert_ne!(state(&was), "outdated");
    assert_eq!(state(&now_file), "outdated");
    let before = w.get(&format!("/api/v1/clients/{id}/file?as_of=2020-01-01"), &auditor).await;
    assert_eq!(before.code(), "as_of_before_client");
    w.end().await;
}

/// The unverified may pay in up to a limit in all, however many requests come at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_deposits_at_once_do_not_pass_the_limit_of_the_unverified() {
    let w = World::quiet().await;
    // The offshore entity takes some before the verification.
    let brand = "harbour";
    let b = json!({"brand": brand, "email": "race@example.com", "password": "Alster-Segel-42", "first_name": "Rae", "last_name": "Ce", "country": "AE", "language": "en"});
    let client = w.ask("POST", "/api/v1/register", None, Some(&b)).await.ok()["client_id"]
        .as_str()
        .unwrap()
        .to_string();
    let b = json!({"brand": brand, "email": "race@example.com", "password": "Alster-Segel-42"});
    let token = w.ask("POST", "/api/v1/auth/sign-in", None, Some(&b)).await.ok()["token"]
        .as_str()
        .unwrap()
        .to_string();
    let link = json!({"token": w.link_for(&client).await});
    w.post("/api/v1/auth/email/verify", &token, link).await.ok();
    let methods = w.get("/api/v1/me/deposit-methods", &token).await.ok();
    let limit = methods["unverified_limit"]["minor"].as_i64().unwrap();
    let method = &methods["items"][0]["method"];
    // More than half each: one of them fits.
    let ask = json!({"amount": {"minor": limit / 2 + 1, "currency": methods["unverified_limit"]["currency"]}, "method": method});
    let all = futures_util::future::join_all((0..8).map(|_| w.post("/api/v1/me/deposits", &token, ask.clone()))).await;
    let made = all.iter().filter(|t| t.status == StatusCode::CREATED).count();
    let refused = all.iter().filter(|t| t.code() == "kyc_required").count();
    assert_eq!((made, refused), (1, 7), "{:?}", all.iter().map(|t| &t.body).collect::<Vec<_>>());
    w.end().await;
}
