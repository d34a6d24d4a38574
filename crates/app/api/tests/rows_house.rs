//! Requirement rows played at the API as their buyer would: leads, verification, entities, access.

#![allow(dead_code, reason = "the harness is shared with the other tests, and has more than these use")]

#[path = "api/shape.rs"]
mod shape;
#[path = "api/world.rs"]
mod world;

use http::StatusCode;
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use serde_json::{Value, json};
use world::World;

/// Hands in the public form and finds the lead by its campaign.
async fn lead(w: &World, admin: &str, form: Value) -> Value {
    w.ask("POST", "/api/v1/leads", None, Some(&form)).await.ok();
    let campaign = form["came"]["utm_campaign"].as_str().unwrap();
    let found = w.get(&format!("/api/v1/leads?campaign={campaign}"), admin).await.ok();
    found["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|l| l["email"] == form["email"])
        .expect("the lead is in the list")
        .clone()
}

fn form(email: &str, language: &str, campaign: &str) -> Value {
    json!({"brand": "northwind", "first_name": "Jo", "last_name": "Doe", "email": email, "language": language,
        "came": {"utm_source": "google", "utm_campaign": campaign, "landing_language": language}, "consents": [{"kind": "privacy", "version": "1", "given": true}]})
}

/// The sign-in of whoever owns a record of the demo's German desk.
async fn owner_of(w: &World, lead: &Value) -> String {
    for who in ["lena", "jonas"] {
        let t = w.staff(who).await;
        if w.get("/api/v1/auth/me", &t).await.ok()["id"] == lead["owner_id"] {
            return t;
        }
    }
    panic!("nobody of the German desk owns {lead}");
}

/// LC-02.
#[tokio::test]
async fn the_first_touch_stays_when_the_lead_comes_again_by_another_campaign() {
    let w = World::quiet().await;
    let admin = w.staff("admin").await;
    let l = lead(&w, &admin, form("again@example.com", "de", "spring")).await;
    w.ask("POST", "/api/v1/leads", None, Some(&form("again@example.com", "de", "summer")))
        .await
        .ok();
    let r = w.get(&format!("/api/v1/clients/{}", l["id"].as_str().unwrap()), &admin).await.ok();
    assert_eq!(r["client"]["first_touch"]["campaign"], "spring");
    assert_eq!(r["client"]["last_touch"]["campaign"], "summer");
    w.end().await;
}

/// LC-03.
#[tokio::test]
async fn a_rule_edited_live_decides_about_the_next_lead_and_is_named() {
    let w = World::quiet().await;
    let admin = w.staff("admin").await;
    let german = lead(&w, &admin, form("de@example.com", "de", "one")).await;
    let mut irish = form("en@example.com", "en", "two");
    irish["country"] = json!("IE");
    let english = lead(&w, &admin, irish).await;
    assert_eq!(
        (german["desk"].as_str(), english["desk"].as_str()),
        (Some("german"), Some("english"))
    );
    let pia = w.get("/api/v1/auth/me", &w.staff("pia").await).await.ok()["id"].clone();
    let rule = json!({"set": "lead.routing", "entity": "eu", "name": "Polish autumn", "priority": 15, "expression": "lead.campaign == 'jesien'",
        "outcome": {"owner": pia}, "reason_code": "routing.campaign", "state": "active", "note": "Autumn in Poland.",
        "tests": [{"name": "autumn", "facts": {"lead": {"campaign": "jesien"}}, "expect": true}]});
    assert_eq!(
        w.post("/api/v1/rules", &w.staff("lena").await, rule.clone()).await.status,
        StatusCode::FORBIDDEN
    );
    w.post("/api/v1/rules", &admin, rule).await.ok();
    let polish = lead(&w, &admin, form("pl@example.com", "pl", "jesien")).await;
    assert_eq!(polish["owner_id"], pia);
    let lines = w
        .get(
            &format!("/api/v1/clients/{}/timeline?kinds=owner", polish["id"].as_str().unwrap()),
            &admin,
        )
        .await
        .ok();
    assert_eq!(lines["items"][0]["data"]["rule"], "Polish autumn");
    w.end().await;
}

/// LC-04, LC-08, LC-09.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_is_told_and_mail_call_chat_and_note_stand_in_one_timeline() {
    let w = World::busy().await;
    let admin = w.staff("admin").await;
    let l = lead(&w, &admin, form("four@example.com", "de", "four")).await;
    let id = l["id"].as_str().unwrap().to_string();
    let agent = owner_of(&w, &l).await;
    w.until("the notice", "/api/v1/me/notifications", &agent, |n| {
        n["items"].as_array().is_some_and(|i| {
            i.iter()
                .any(|n| n["kind"] == "lead.assigned" && n["object"] == format!("client:{id}"))
        })
    })
    .await;

    w.post(
        &format!("/api/v1/clients/{id}/notes"),
        &agent,
        json!({"body": "Interested in gold."}),
    )
    .await
    .ok();
    w.post(
        &format!("/api/v1/clients/{id}/messages"),
        &agent,
        json!({"channel": "whatsapp", "direction": "in", "body": "Welche Papiere?"}),
    )
    .await
    .ok();
    let call = json!({"direction": "out", "outcome": "reached", "duration_s": 60, "body": "Kennt MT5.", "status": "contacted", "follow_up": {"title": "Papiere", "due_at_us": w.app.core.now().plus_days(2).micros()}});
    w.post(&format!("/api/v1/clients/{id}/calls"), &agent, call).await.ok();
    let body = "Guten Tag,\nbitte den Reisepass <b>ganz</b> zeigen.";
    let mail = w
        .post(
            &format!("/api/v1/clients/{id}/mails"),
            &agent,
            json!({"subject": "Ihre Papiere", "body": body}),
        )
        .await
        .ok();
    assert_eq!(
        w.post(
            &format!("/api/v1/clients/{id}/mails"),
            &agent,
            json!({"subject": " ", "body": body})
        )
        .await
        .pointer(),
        "/subject"
    );
    let path = format!("/api/v1/clients/{id}/timeline");
    let lines = w.get(&path, &agent).await.ok();
    let kinds: Vec<&str> = lines["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|l| l["kind"].as_str())
        .collect();
    for kind in ["mail", "call", "chat", "note"] {
        assert!(kinds.contains(&kind), "no {kind} in {kinds:?}");
    }
    for (word, kind) in [("Reisepass", "mail"), ("MT5", "call"), ("Welche", "chat"), ("gold", "note")] {
        let found = w.get(&format!("{path}?text={word}"), &agent).await.ok();
        assert_eq!(
            (found["items"].as_array().unwrap().len(), found["items"][0]["kind"].as_str()),
            (1, Some(kind)),
            "{word}"
        );
    }
    let tasks = w.get("/api/v1/tasks", &agent).await.ok();
    assert!(tasks["items"].as_array().unwrap().iter().any(|t| t["title"] == "Papiere"));
    w.until(
        "the mail on its way",
        &format!("/api/v1/mails/{}", mail["id"].as_str().unwrap()),
        &admin,
        |m| m["state"] == "sent",
    )
    .await;
    let sent = w.outside("GET", "/mail/messages?to=four%40example.com", None).await;
    let text = sent["messages"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("bitte den Reisepass <b>ganz</b> zeigen.") && text.contains("Northwind"),
        "{text}"
    );
    // Somebody who does not own the client writes to nobody.
    let other = w.staff("omar").await;
    assert_eq!(
        w.post(
            &format!("/api/v1/clients/{id}/mails"),
            &other,
            json!({"subject": "Hi", "body": "Hi"})
        )
        .await
        .status,
        StatusCode::NOT_FOUND
    );
    w.end().await;
}

/// LC-14.
#[tokio::test]
async fn a_partners_lead_goes_to_the_partner_desk_and_says_whether_somebody_earns() {
    let w = World::quiet().await;
    let (admin, manager) = (w.staff("admin").await, w.staff("paula").await);
    let p = w
        .post(
            "/api/v1/partners",
            &manager,
            json!({"entity": "eu", "name": "Nordlicht", "currency": "EUR", "payout_method": "bank"}),
        )
        .await
        .ok();
    let partner = p["id"].as_str().unwrap();
    w.post(
        &format!("/api/v1/partners/{partner}/links"),
        &manager,
        json!({"code": "NORD24", "landing": "/de/start"}),
    )
    .await
    .ok();
    let mut f = form("ib@example.com", "de", "ib");
    f["came"]["partner_code"] = json!("nord24");
    let l = lead(&w, &admin, f).await;
    assert_eq!(l["desk"], "partner");
    let path = format!("/api/v1/clients/{}", l["id"].as_str().unwrap());
    let claim = w.get(&path, &admin).await.ok()["partner"].clone();
    assert_eq!(claim["partner"], partner);
    assert_ne!(claim["reason_code"], "no_partner");
    let seen = w.get(&path, &w.staff("pia").await).await.ok()["partner"].clone();
    assert_eq!(
        seen,
        json!({"eligible": claim["eligible"], "reason_code": claim["reason_code"]}),
        "the agent learns whether, not who"
    );
    w.end().await;
}

/// KY-02, KY-11, KY-14.
#[tokio::test]
async fn documents_follow_country_and_entity_and_change_without_a_deployment() {
    let w = World::quiet().await;
    let admin = w.staff("admin").await;
    let entity = async |code: &str| w.get(&format!("/api/v1/entities/{code}"), &admin).await.ok();
    let intl = entity("intl").await;
    let mut eu = entity("eu").await;
    let de = eu["config"]["documents"]["by_country"]["DE"].clone();
    assert_ne!(de, eu["config"]["documents"]["default"]);
    let mut fr = eu["config"]["documents"]["default"].clone();
    fr.as_array_mut()
        .unwrap()
        .push(json!({"code": "tax", "title_key": "document.tax", "kinds": ["tax_letter"]}));
    eu["config"]["documents"]["by_country"]["FR"] = fr.clone();
    eu["reason"] = json!("French tax letter.");
    eu.as_object_mut().unwrap().remove("code");
    assert_eq!(
        w.ask("PUT", "/api/v1/entities/eu", Some(&w.staff("farid").await), Some(&eu))
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    w.ask("PUT", "/api/v1/entities/eu", Some(&admin), Some(&eu)).await.ok();
    assert_eq!(
        entity("eu").await["config"]["documents"]["by_country"]["FR"]
            .as_array()
            .unwrap()
            .len(),
        fr.as_array().unwrap().len()
    );
    assert_eq!(entity("intl").await, intl, "the other entity is as it was");
    let history = w.get("/api/v1/history/entity/eu", &admin).await.ok();
    assert_eq!(history["items"].as_array().unwrap().len(), 2);
    let (client, _) = w.client("gate@example.com").await;
    let refused = w
        .post(
            "/api/v1/me/deposits",
            &client,
            json!({"amount": {"minor": 50_000, "currency": "EUR"}, "method": "card"}),
        )
        .await;
    assert_eq!(refused.code(), "kyc_required");
    let refused = w
        .post(
            "/api/v1/me/accounts",
            &client,
            json!({"account_type": "standard", "currency": "EUR"}),
        )
        .await;
    assert_eq!(refused.code(), "kyc_required");
    w.end().await;
}

/// CP-02.
#[tokio::test]
async fn half_a_profile_goes_on_at_the_same_step_from_another_device() {
    let w = World::quiet().await;
    let (t, _) = w.client("half@example.com").await;
    let step = json!({"step": "personal", "values": {"first_name": "Alex", "last_name": "Weber", "birth_date": "1990-05-17", "nationality": "DE"}});
    w.ask("PATCH", "/api/v1/me", Some(&t), Some(&step)).await.ok();
    w.ask(
        "PATCH",
        "/api/v1/me",
        Some(&t),
        Some(&json!({"step": "address", "values": {"street": "Elbchaussee 1"}})),
    )
    .await
    .ok();
    let me = w.get("/api/v1/me", &w.client_again("half@example.com").await).await.ok();
    assert_eq!(me["profile"]["resume"], "address");
    assert_eq!(me["profile"]["steps"][1]["values"]["street"], "Elbchaussee 1");
    w.end().await;
}

/// SE-04.
#[tokio::test]
async fn a_changed_telephone_number_leaves_old_new_who_and_from_where() {
    let w = World::quiet().await;
    let admin = w.staff("admin").await;
    let mut f = form("phone@example.com", "de", "phone");
    f["phone"] = json!("+49 40 1234567");
    let l = lead(&w, &admin, f).await;
    let id = l["id"].as_str().unwrap();
    let version = w.get(&format!("/api/v1/clients/{id}"), &admin).await.ok()["client"]["version"].clone();
    w.ask(
        "PATCH",
        &format!("/api/v1/clients/{id}"),
        Some(&owner_of(&w, &l).await),
        Some(&json!({"version": version, "phone": "+49 40 7654321", "reason": "Client called."})),
    )
    .await
    .ok();
    let row = w
        .get(
            &format!("/api/v1/audit?client_id={id}&action=client.changed"),
            &w.staff("aron").await,
        )
        .await
        .ok()["items"][0]
        .clone();
    assert_eq!(
        (row["before"]["phone"].as_str(), row["after"]["phone"].as_str()),
        (Some("+49 40 1234567"), Some("+49 40 7654321"))
    );
    assert!(
        row["actor_id"] == l["owner_id"] && row["ip"] == "192.0.2.7" && row["reason"] == "Client called.",
        "{row:#}"
    );
    w.end().await;
}

/// ME-01, CP-10.
#[tokio::test]
async fn another_licence_with_its_brand_is_data() {
    let w = World::quiet().await;
    let admin = w.staff("admin").await;
    let mut config = w.get("/api/v1/entities/intl", &admin).await.ok()["config"].clone();
    config["currencies"] = json!(["USD", "JPY"]);
    config["documents"]["by_country"] = json!({});
    config["documents"]["default"] =
        json!([{"code": "identity", "title_key": "document.identity", "kinds": ["passport"], "expires": true}]);
    let new = json!({"name": "Third Ltd", "country": "MU", "base_currency": "USD", "regulator": "FSC", "config": config, "version": 0, "reason": "New licence."});
    w.ask("PUT", "/api/v1/entities/mu", Some(&admin), Some(&new)).await.ok();
    let brand = json!({"entity": "mu", "name": "Third", "host": "third.example", "mail_from": "Third <hi@third.example>", "languages": ["en"], "hue": 20, "version": 0, "reason": "New."});
    w.ask("PUT", "/api/v1/brands/third", Some(&admin), Some(&brand)).await.ok();
    let shown = async |code: &str| w.ask("GET", &format!("/api/v1/public/brand?code={code}"), None, None).await.ok();
    let (third, northwind) = (shown("third").await, shown("northwind").await);
    assert_eq!(third["currencies"], json!(["USD", "JPY"]));
    for field in ["name", "hue", "languages", "entity"] {
        assert_ne!(third[field], northwind[field], "{field}");
    }
    let mut wrong = new.clone();
    wrong["config"]["leverage"]["retial_max"] = json!(30);
    let refused = w.ask("PUT", "/api/v1/entities/xx", Some(&admin), Some(&wrong)).await;
    assert_eq!(
        (refused.status, refused.pointer()),
        (StatusCode::UNPROCESSABLE_ENTITY, "/config/leverage/retial_max")
    );
    w.end().await;
}

/// ME-04.
#[tokio::test]
async fn a_report_in_one_currency_lists_its_rates_their_time_and_what_rounding_left() {
    let w = World::quiet().await;
    let core = w.app.core.clone();
    w.app
        .core
        .db
        .write(async move |tx| {
            for (n, (currency, minor)) in [("EUR", 10_001_i64), ("USD", 33_333), ("JPY", 777), ("USD", 3)]
                .into_iter()
                .enumerate()
            {
                let currency = qd_kernel::Currency::parse(currency)?;
                let leg = |owner: &str, purpose, minor| Leg {
                    account: AccountKey {
                        owner: owner.into(),
                        purpose,
                        currency,
                    },
                    minor,
                };
                let entry = NewEntry {
                    kind: "deposit",
                    reference: format!("deposit:test{n}"),
                    legs: vec![
                        leg("client:cli_test", Purpose::Wallet, minor),
                        leg("psp:stripe-eu", Purpose::Clearing, 1 - minor),
                        leg("house:eu", Purpose::Fees, -1),
                    ],
                    source: "test".into(),
                    value_at: core.now(),
                    note: None,
                    fx: None,
                };
                qd_ledger::post(tx, &core, entry).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let admin = w.staff("admin").await;
    let r = w.get("/api/v1/ledger/totals?in=EUR", &admin).await.ok();
    let rates = r["report"]["rates"].as_array().unwrap();
    assert_eq!(
        rates.iter().map(|r| r["currency"].as_str().unwrap()).collect::<Vec<_>>(),
        ["EUR", "JPY", "USD"]
    );
    assert!(
        rates
            .iter()
            .all(|r| r["at_us"].is_i64() && !r["source"].as_str().unwrap().is_empty()),
        "{rates:#?}"
    );
    let lines = r["items"].as_array().unwrap();
    let sum: i64 = lines.iter().map(|l| l["converted_minor"].as_i64().unwrap()).sum();
    assert_eq!(r["report"]["rounding_minor"], sum);
    assert!(
        sum.abs() <= i64::try_from(lines.len()).unwrap(),
        "more than a minor unit a line was lost: {sum}"
    );
    let by_purpose: i64 = r["report"]["by_purpose"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["minor"].as_i64().unwrap())
        .sum();
    assert_eq!(by_purpose, sum);
    assert_eq!(
        w.get("/api/v1/ledger/totals?in=XYZ", &admin).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(w.get("/api/v1/ledger/totals?in=THB", &admin).await.code(), "rate_missing");
    w.end().await;
}

/// IN-01.
#[tokio::test]
async fn a_scoped_key_adds_a_client_reads_lines_and_nothing_else() {
    let w = World::quiet().await;
    let admin = w.staff("admin").await;
    let new = json!({"name": "Website", "rights": ["leads.create", "leads.view", "clients.view", "commission.view"], "entity": "eu", "sees": ["contact"]});
    let key = w.post("/api/v1/api-keys", &admin, new).await.ok()["key"]
        .as_str()
        .unwrap()
        .to_string();
    let person = json!({"brand": "northwind", "first_name": "Kay", "last_name": "Ey", "email": "kay@example.com", "country": "DE", "language": "de", "source": "website"});
    let made = w.post("/api/v1/clients", &key, person.clone()).await.ok();
    let id = made["client_id"].as_str().unwrap();
    let seen = w.get(&format!("/api/v1/clients/{id}"), &key).await.ok();
    assert_eq!(
        (seen["client"]["email"].as_str(), seen["client"]["first_touch"]["form"].as_str()),
        (Some("kay@example.com"), Some("api"))
    );
    let manager = w.staff("paula").await;
    let p = w
        .post(
            "/api/v1/partners",
            &manager,
            json!({"entity": "eu", "name": "Nordlicht", "currency": "EUR", "payout_method": "bank"}),
        )
        .await
        .ok();
    w.get(&format!("/api/v1/commission-lines?partner_id={}", p["id"].as_str().unwrap()), &key)
        .await
        .ok();
    let all = w
        .get("/api/v1/commission-lines?state=open&account=tacc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", &key)
        .await
        .ok();
    assert_eq!(all["items"], json!([]), "of all partners of the key's entity, without naming one");
    assert_eq!(w.get("/api/v1/commission-lines?account=500001", &key).await.pointer(), "/account");
    for closed in ["/api/v1/withdrawals", "/api/v1/audit", "/api/v1/staff"] {
        assert_eq!(w.get(closed, &key).await.code(), "right_missing", "{closed}");
    }
    let mut elsewhere = person;
    elsewhere["brand"] = json!("harbour");
    assert_eq!(w.post("/api/v1/clients", &key, elsewhere).await.code(), "entity_not_allowed");
    w.end().await;
}

/// LC-06.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_card_shows_on_the_record_while_its_page_is_still_open() {
    let w = World::busy().await;
    let admin = w.staff("admin").await;
    let mut eu = w.get("/api/v1/entities/eu", &admin).await.ok();
    eu["config"]["deposits"]["before_verified_minor"] = json!(100_000);
    eu["reason"] = json!("Deposits before verification.");
    eu.as_object_mut().unwrap().remove("code");
    w.ask("PUT", "/api/v1/entities/eu", Some(&admin), Some(&eu)).await.ok();
    let (t, client) = w.client("declined@example.com").await;
    let d = w
        .post(
            "/api/v1/me/deposits",
            &t,
            json!({"amount": {"minor": 20_000, "currency": "EUR"}, "method": "card"}),
        )
        .await
        .ok();
    let path = format!("/api/v1/me/deposits/{}", d["id"].as_str().unwrap());
    let d = w.until("the provider's page", &path, &t, |d| d["state"] == "redirected").await;
    w.outside(
        "POST",
        "/control/stripe/stripe-eu/pay",
        Some(&json!({"session": d["provider_ref"], "card": "4000000000009995", "name": "Alex Weber"})),
    )
    .await;
    let record = w
        .until("the failure", &format!("/api/v1/clients/{client}"), &admin, |r| {
            r["failed_deposits"].as_array().is_some_and(|f| !f.is_empty())
        })
        .await;
    let failed = &record["failed_deposits"][0];
    assert_eq!(
        (
            failed["id"].as_str(),
            failed["failure_code"].as_str(),
            failed["connection"].as_str()
        ),
        (d["id"].as_str(), Some("insufficient_funds"), Some("stripe-eu")),
        "{failed:#}"
    );
    w.end().await;
}
