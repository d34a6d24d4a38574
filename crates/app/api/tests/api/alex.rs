//! One client's life through the API, with every answer held to the description.

use crate::world::{World, request};
use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

const MAIL: &str = "alex.weber@example.com";

fn upload(token: &str, query: &str, mark: u8) -> Request<Body> {
    let mut r = request("POST", &format!("/api/v1/me/kyc/documents?{query}"), Some(token), None);
    r.headers_mut().insert(header::CONTENT_TYPE, "image/png".parse().unwrap());
    let (parts, _) = r.into_parts();
    Request::from_parts(parts, Body::from([b"\x89PNG\r\n\x1a\n".to_vec(), vec![mark; 900]].concat()))
}

/// The last mail to somebody whose text holds a link with a token.
pub async fn token_of(w: &World, to: &str) -> String {
    for _ in 0..600 {
        let m = w
            .outside("GET", &format!("/mail/messages?to={}", to.replace('@', "%40")), None)
            .await;
        for mail in m["messages"].as_array().into_iter().flatten() {
            if let Some((_, rest)) = mail["text"].as_str().unwrap_or_default().split_once("token=") {
                return rest
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c))
                    .collect();
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no mail with a link to {to}");
}

/// Profile, test, papers, hand in.
pub async fn apply(w: &World, token: &str) {
    for (step, values) in [
        (
            "personal",
            json!({"first_name": "Alex", "last_name": "Weber", "birth_date": "1990-05-17", "nationality": "DE"}),
        ),
        (
            "address",
            json!({"street": "Elbchaussee 1", "postal_code": "22765", "city": "Hamburg", "country": "DE"}),
        ),
        (
            "employment",
            json!({"occupation": "employed", "income_band": "50k_100k", "wealth_band": "20k_100k", "source_of_funds": "salary", "pep": false}),
        ),
        ("tax", json!({"tax_country": "DE", "tax_number": "12345678901", "us_person": false})),
    ] {
        w.ask("PATCH", "/api/v1/me", Some(token), Some(&json!({"step": step, "values": values})))
            .await
            .ok();
    }
    let me = w.get("/api/v1/me", token).await.ok();
    assert_eq!(me["profile"]["complete"], true, "{me:#}");
    let q = w.get("/api/v1/me/questionnaire", token).await.ok();
    assert!(!q.to_string().contains("score"), "points are not for clients");
    let answers = json!({"experience_years": ["over_3"], "trades_last_year": ["over_50"], "education": ["finance_work"], "leverage_effect": ["gains_and_losses"], "margin_closeout": ["positions_closed"], "risk_of_loss": ["can_lose_all"]});
    let a = w.post("/api/v1/me/questionnaire", token, json!({"answers": answers})).await.ok();
    assert_eq!(a["class"], "pass");
    let expires = "expires_on=2033-05-14&holder_name=Alex%20Weber&birth_date=1990-05-17&number=C01X0006H&nationality=DE";
    w.send(upload(token, &format!("requirement=identity&kind=passport&{expires}"), 1))
        .await
        .ok();
    let issued = {
        let (y, m, d) = w.app.core.now().plus_days(-20).ymd();
        format!("{y:04}-{m:02}-{d:02}")
    };
    w.send(upload(
        token,
        &format!("requirement=address&kind=utility_bill&issued_on={issued}&holder_name=Alex%20Weber"),
        2,
    ))
    .await
    .ok();
    let kyc = w.get("/api/v1/me/kyc", token).await.ok();
    assert_eq!(kyc["can_submit"], true, "{kyc:#}");
    assert!(
        kyc["risk"].is_null() && kyc["owner"].is_null(),
        "the house's side is not the client's"
    );
    w.ask("POST", "/api/v1/me/kyc/submit", Some(token), None).await.ok();
}

/// Claims, opens and accepts each document, approves.
pub async fn approve(w: &World, reviewer: &str, client: &str) {
    let q = w.get("/api/v1/kyc/queue", reviewer).await.ok();
    let row = q["items"].as_array().unwrap().iter().find(|r| r["client_id"] == client);
    let Some(row) = row else {
        // A clean case may pass by rule.
        return;
    };
    let id = row["case_id"].as_str().unwrap().to_string();
    w.post(&format!("/api/v1/kyc/{id}/claim"), reviewer, json!({})).await.ok();
    let case = w.get(&format!("/api/v1/kyc/{id}"), reviewer).await.ok();
    for d in case["documents"].as_array().unwrap() {
        let doc = d["id"].as_str().unwrap();
        let seen = w.get(&format!("/api/v1/documents/{doc}"), reviewer).await;
        assert!(seen.bytes.starts_with(b"\x89PNG") && seen.headers["cache-control"] == "no-store");
        w.post(&format!("/api/v1/documents/{doc}/accept"), reviewer, json!({})).await.ok();
    }
    let version = w.get(&format!("/api/v1/kyc/{id}"), reviewer).await.ok()["version"].clone();
    w.post(
        &format!("/api/v1/kyc/{id}/approve"),
        reviewer,
        json!({"version": version, "reason": "Passport and bill match."}),
    )
    .await
    .ok();
    let why = w.get(&format!("/api/v1/clients/{client}/kyc-approvals"), reviewer).await.ok();
    assert_eq!(why["items"][0]["by"], "Clara Stein");
}

pub async fn pay_in(w: &World, token: &str, minor: i64, account: Option<&str>) -> Value {
    let d = w
        .post(
            "/api/v1/me/deposits",
            token,
            json!({"amount": {"minor": minor, "currency": "EUR"}, "method": "card", "account_id": account}),
        )
        .await
        .ok();
    let path = format!("/api/v1/me/deposits/{}", d["id"].as_str().unwrap());
    let d = w.until("the provider's page", &path, token, |d| d["state"] == "redirected").await;
    w.outside(
        "POST",
        "/control/stripe/stripe-eu/pay",
        Some(&json!({"session": d["provider_ref"], "card": "4242424242424242", "name": "Alex Weber"})),
    )
    .await;
    w.until("the money", &path, token, |d| d["state"] == "posted").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_first_click_to_the_withdrawal() {
    let w = World::busy().await;
    // A partner's link brings the visitor.
    let manager = w.staff("paula").await;
    let partner = w
        .post(
            "/api/v1/partners",
            &manager,
            json!({"entity": "eu", "name": "Nordlicht", "currency": "EUR", "payout_method": "bank"}),
        )
        .await
        .ok();
    let partner_id = partner["id"].as_str().unwrap().to_string();
    w.post(
        &format!("/api/v1/partners/{partner_id}/links"),
        &manager,
        json!({"code": "NORD24", "landing": "/de/start"}),
    )
    .await
    .ok();
    let plan = json!({"format": 1, "name": "per client", "currency": "EUR", "cpa": {"amounts": [{"countries": ["DE"], "amount": "150"}, {"amount": "50"}],
        "first_deposit": {"min": "600"}, "window": {"days": 30}, "hold_days": 30}});
    let plan = w
        .post(
            "/api/v1/plans",
            &manager,
            json!({"entity": "eu", "document": plan, "valid_from_us": 0, "reason": "agreed"}),
        )
        .await
        .ok();
    w.post(
        &format!("/api/v1/partners/{partner_id}/plan"),
        &manager,
        json!({"plan": plan["id"], "at_us": 1, "reason": "agreed"}),
    )
    .await
    .ok();
    let click = w.ask("GET", "/c/nord24?consent=1&utm_source=blog", None, None).await;
    assert_eq!(click.status, StatusCode::FOUND);
    assert!(
        click.headers["location"]
            .to_str()
            .unwrap()
            .starts_with("/de/start?pc=NORD24&click=")
    );
    assert!(click.headers["set-cookie"].to_str().unwrap().contains("HttpOnly"));

    // Who comes through a partner is the partner desk's.
    let lead = json!({"brand": "northwind", "first_name": "Alex", "last_name": "Weber", "email": MAIL, "phone": "+49 40 1234567", "language": "de",
        "came": {"utm_source": "google", "utm_campaign": "herbst", "landing_language": "de", "landing_page": "/de/start", "partner_code": "NORD24"},
        "consents": [{"kind": "privacy", "version": "1", "given": true}]});
    let t = w.ask("POST", "/api/v1/leads", None, Some(&lead)).await.ok();
    assert_eq!(t, json!({"received": true}), "the form says nothing about who is known");
    let admin = w.staff("admin").await;
    let found = w.get("/api/v1/leads?campaign=herbst", &admin).await.ok();
    let row = &found["items"][0];
    let id = row["id"].as_str().unwrap().to_string();
    assert_eq!(
        (row["desk"].as_str(), row["country"].as_str(), row["partner_id"].as_str()),
        (Some("partner"), Some("DE"), Some(partner_id.as_str())),
        "{row:#}"
    );
    let agent = w.staff("pia").await;
    assert_eq!(w.get("/api/v1/auth/me", &agent).await.ok()["id"], row["owner_id"]);
    let call = json!({"direction": "out", "outcome": "reached", "duration_s": 240, "body": "Möchte MT5.", "follow_up": {"title": "Unterlagen", "due_at_us": w.app.core.now().plus_days(1).micros()}});
    let logged = w.post(&format!("/api/v1/clients/{id}/calls"), &agent, call).await.ok();
    assert_eq!(logged["task"]["state"], "open");
    let call_id = logged["call"]["id"].as_str().unwrap();
    assert_eq!(
        w.ask("DELETE", &format!("/api/v1/calls/{call_id}"), Some(&agent), None)
            .await
            .code(),
        "call_kept"
    );
    let record = w.get(&format!("/api/v1/clients/{id}"), &agent).await.ok();
    assert_eq!(record["client"]["status"], "contacted");
    assert!(record["money"].is_null(), "sales do not see money: {record:#}");

    // Registration, proof of the address.
    let (alex, client) = w.client_who_came(MAIL, json!({"partner_code": "NORD24"})).await;
    assert_eq!(client, id, "the lead's record");
    let token = token_of(&w, MAIL).await;
    let alone = w
        .ask("POST", "/api/v1/auth/email/verify", None, Some(&json!({"token": token})))
        .await;
    assert_eq!(alone.status, StatusCode::UNAUTHORIZED, "the link alone proves nothing");
    w.ask("POST", "/api/v1/auth/email/verify", Some(&alex), Some(&json!({"token": token})))
        .await
        .ok();
    assert_eq!(
        w.ask("POST", "/api/v1/auth/email/verify", Some(&alex), Some(&json!({"token": token})))
            .await
            .code(),
        "token_invalid",
        "a link works once"
    );
    assert_eq!(w.get("/api/v1/auth/me", &alex).await.ok()["email_verified"], true);

    apply(&w, &alex).await;
    let clara = w.staff("clara").await;
    approve(&w, &clara, &client).await;
    let accounts = w
        .until("the trading account", "/api/v1/me/accounts", &alex, |a| {
            a["items"][0]["state"] == "ready"
        })
        .await;
    let account = accounts["items"][0]["id"].as_str().unwrap().to_string();
    assert_eq!(accounts["items"][0]["server"], "eu-live");
    let one = format!("/api/v1/me/accounts/{account}");
    assert_eq!(w.get(&one, &alex).await.ok()["passwords_wait"], true);
    w.post(&format!("/api/v1/me/accounts/{account}/reveal-passwords"), &alex, json!({}))
        .await
        .ok();
    assert_eq!(
        w.post(&format!("/api/v1/me/accounts/{account}/reveal-passwords"), &alex, json!({}))
            .await
            .code(),
        "passwords_already_shown"
    );
    assert_eq!(w.get(&one, &alex).await.ok()["passwords_wait"], false);
    assert!(w.get("/api/v1/me", &alex).await.ok()["partner"].is_null(), "no partner");

    // Money in, all the way to the platform.
    let methods = w.get("/api/v1/me/deposit-methods", &alex).await.ok();
    assert_eq!(methods["items"][0]["method"], "card");
    let d = pay_in(&w, &alex, 50_000, Some(&account)).await;
    assert_eq!(
        (d["first_deposit"].as_bool(), d["received"]["minor"].as_i64()),
        (Some(true), Some(50_000))
    );
    pay_in(&w, &alex, 20_000, None).await;
    let wallet = w.get("/api/v1/me/wallet", &alex).await.ok();
    assert_eq!(wallet["items"][0]["available_minor"], 20_000, "{wallet:#}");
    let lines = w.get("/api/v1/me/wallet/EUR/statement", &alex).await.ok();
    assert_eq!(lines["items"][0]["balance_minor"], 20_000);
    w.until("the notice of the first deposit", "/api/v1/me/notifications", &agent, |n| {
        n.to_string().contains("client.ftd")
    })
    .await;

    // Both deposits of the first day, and the identity: the partner is paid, and it is held.
    let path = format!("/api/v1/clients/{client}/partner");
    let p = w
        .until("the client to qualify", &path, &manager, |p| {
            p["programmes"][0]["state"] == "qualified"
        })
        .await;
    let s = &p["programmes"][0];
    assert_eq!(
        (s["booked_minor"].as_i64(), s["first_deposit"].as_str()),
        (Some(15_000), Some("700")),
        "{s:#}"
    );
    let all = w.get(&format!("/api/v1/partners/{partner_id}/programmes"), &manager).await.ok();
    assert_eq!(
        (all["held_minor"].as_i64(), all["counts"][0]["clients"].as_i64()),
        (Some(15_000), Some(1)),
        "{all:#}"
    );

    // Money out: two people where the rules say so, and never one of them twice.
    let t = w
        .post(
            "/api/v1/me/withdrawals",
            &alex,
            json!({"amount": {"minor": 10_000, "currency": "EUR"}}),
        )
        .await
        .ok();
    let path = format!("/api/v1/me/withdrawals/{}", t["id"].as_str().unwrap());
    let t = w
        .until("the decision", &path, &alex, |t| {
            !matches!(t["state"].as_str(), Some("collecting" | "deciding"))
        })
        .await;
    assert_eq!(t["signals"], json!([]), "what stopped it is not for the client");
    if t["state"] == "review" {
        let id = t["id"].as_str().unwrap().to_string();
        let farid = w.staff("farid").await;
        let seen = w.get(&format!("/api/v1/withdrawals/{id}"), &farid).await.ok();
        assert!(!seen["signals"].as_array().unwrap().is_empty());
        w.get(&format!("/api/v1/withdrawals/{id}/plan"), &farid).await.ok();
        w.post(&format!("/api/v1/withdrawals/{id}/claim"), &farid, json!({})).await.ok();
        let one = w.post(&format!("/api/v1/withdrawals/{id}/approve"), &farid, json!({})).await.ok();
        if one["state"] == "review" {
            assert_eq!(
                w.post(&format!("/api/v1/withdrawals/{id}/approve"), &farid, json!({})).await.code(),
                "approval_same_person"
            );
            w.post(&format!("/api/v1/withdrawals/{id}/approve"), &w.staff("greta").await, json!({}))
                .await
                .ok();
        }
    }
    w.until("the payout", &path, &alex, |t| t["state"] == "paid").await;

    // What each sees of it.
    let whole = w.get(&format!("/api/v1/clients/{client}"), &admin).await.ok();
    assert_eq!(whole["first_deposit"]["connection"], "stripe-eu");
    assert_eq!(whole["kyc"]["approved"], true);
    assert_eq!(whole["partner"]["partner"], partner_id.as_str());
    let sales = w.get(&format!("/api/v1/deposits?client_id={client}"), &agent).await.ok();
    assert_eq!(sales["items"][0]["amount"], "•••", "amounts are covered for sales");
    assert_eq!(
        w.get("/api/v1/deposits", &agent).await.code(),
        "client_needed",
        "their own clients only, by name"
    );
    let auditor = w.staff("aron").await;
    let file = w.get(&format!("/api/v1/clients/{client}/file"), &auditor).await.ok();
    for part in [
        "timeline",
        "stages",
        "deposits",
        "withdrawals",
        "ledger",
        "decisions",
        "audit",
        "accounts",
        "mails",
        "calls",
    ] {
        assert!(file[part].as_array().is_some_and(|a| !a.is_empty()), "the file has no {part}");
    }
    assert_eq!(file["cut"], json!([]));
    let before = w.get(&format!("/api/v1/clients/{client}/file?as_of=2020-01-01"), &auditor).await;
    assert_eq!(before.code(), "as_of_before_client", "nobody was there before");
    let journal = w.get("/api/v1/ledger/journal", &w.staff("aron").await).await;
    assert!(journal.status == StatusCode::OK || journal.code() == "all_entities_needed");
    let journal = String::from_utf8(w.get("/api/v1/ledger/journal", &admin).await.bytes).unwrap();
    assert!(journal.contains("liabilities:client:"), "{journal}");
    assert_eq!(w.get("/api/v1/audit/verify", &admin).await.ok()["clean"], true);
    rules_are_held_against_what_was_decided(&w, &admin).await;
    for (path, who) in [
        ("/api/v1/home", &admin),
        ("/api/v1/search?q=Weber", &agent),
        ("/api/v1/connections", &admin),
        ("/api/v1/figures", &admin),
        ("/api/v1/exceptions", &admin),
        ("/api/v1/approvals", &admin),
        ("/api/v1/ledger/totals", &admin),
        ("/api/v1/kyc/figures", &clara),
        ("/api/v1/accounts", &admin),
        ("/api/v1/withdrawals", &admin),
        ("/api/v1/transfers", &admin),
        ("/api/v1/audit?limit=5", &admin),
        ("/api/v1/rules", &admin),
        ("/api/v1/rule-sets", &admin),
        ("/api/v1/entities", &admin),
        ("/api/v1/brands", &admin),
        ("/api/v1/desks", &admin),
        ("/api/v1/settings", &admin),
        ("/api/v1/staff", &admin),
        ("/api/v1/roles", &admin),
        ("/api/v1/plans", &manager),
        ("/api/v1/partners", &manager),
        (&format!("/api/v1/commission-lines?partner_id={partner_id}"), &manager),
        (&format!("/api/v1/partners/{partner_id}"), &manager),
        (&format!("/api/v1/partners/{partner_id}/tree"), &manager),
        (&format!("/api/v1/partners/{partner_id}/links"), &manager),
        (&format!("/api/v1/partners/{partner_id}/clients"), &manager),
        (&format!("/api/v1/partners/{partner_id}/summary"), &manager),
        (&format!("/api/v1/partners/{partner_id}/statements"), &manager),
        (&format!("/api/v1/partners/{partner_id}/payouts"), &manager),
        ("/api/v1/duplicates", &admin),
        ("/api/v1/tasks", &agent),
        ("/api/v1/jobs/dead", &admin),
        ("/api/v1/me/timeline", &alex),
        ("/api/v1/me/account-types", &alex),
        ("/api/v1/me/transfers", &alex),
        ("/api/v1/auth/sessions", &alex),
        ("/api/v1/auth/devices", &alex),
        ("/api/v1/auth/sign-ins", &alex),
        ("/api/v1/history/entity/eu", &admin),
        ("/api/v1/public/brand?code=northwind", &alex),
    ] {
        w.get(path, who).await.ok();
    }
    for part in ["timeline", "notes", "calls", "tasks", "mails", "logins", "disputes", "partner"] {
        w.get(&format!("/api/v1/clients/{client}/{part}"), &admin).await.ok();
    }
    w.end().await;
}

/// Drafts meet the withdrawals that were decided above before they decide any.
async fn rules_are_held_against_what_was_decided(w: &World, admin: &str) {
    let trial = async |expression: &str| {
        w.post(
            "/api/v1/rules/trial",
            admin,
            json!({"set": "withdrawal.auto", "expression": expression, "days": 30}),
        )
        .await
    };
    let all = trial("withdrawal.amount_base_minor > 0").await.ok();
    let decisions = all["decisions"].as_i64().unwrap();
    assert!(decisions >= 1, "{all}");
    assert_eq!(
        (all["matched"].as_i64(), all["only_now"].as_i64()),
        (Some(decisions), Some(decisions)),
        "{all}"
    );
    assert_eq!(all["cases"].as_array().unwrap().len() as i64, decisions, "{all}");
    let none = trial("withdrawal.amount_base_minor < 0").await.ok();
    assert_eq!(
        (none["matched"].as_i64(), none["cases"].as_array().unwrap().len()),
        (Some(0), 0),
        "{none}"
    );
    // What is in force matched then as it does now.
    let rules = w.get("/api/v1/rules?set=withdrawal.auto", admin).await.ok();
    for r in rules["items"].as_array().unwrap() {
        let body = json!({"set": "withdrawal.auto", "expression": r["expression"], "rule_id": r["id"]});
        let same = w.post("/api/v1/rules/trial", admin, body).await.ok();
        assert_eq!(
            (same["matched"].clone(), same["only_now"].as_i64(), same["only_then"].as_i64()),
            (same["matched_then"].clone(), Some(0), Some(0)),
            "{same}"
        );
    }
    assert_eq!(trial("withdrawal.").await.code(), "rule_syntax");
    let far = json!({"set": "withdrawal.auto", "expression": "true", "days": 4000});
    assert_eq!(w.post("/api/v1/rules/trial", admin, far).await.code(), "days_out_of_range");
}
