//! What the back office works with: tickets, views, many records at once, queues; and files to take
//! away.

use crate::alex::pay_in;
use crate::world::World;
use http::StatusCode;
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use serde_json::{Value, json};

fn text(v: &Value) -> String {
    v.as_str().unwrap_or_default().to_string()
}

/// Money in a client's wallet, as a provider's deposit would book it.
async fn give(w: &World, client: &str, reference: &'static str, minor: i64) {
    let (core, client) = (w.app.core.clone(), client.to_string());
    w.app
        .core
        .db
        .write(async move |tx| {
            let leg = |owner: &str, purpose: Purpose, minor: i64| Leg {
                account: AccountKey {
                    owner: owner.into(),
                    purpose,
                    currency: qd_kernel::Currency::parse("EUR").unwrap(),
                },
                minor,
            };
            let entry = NewEntry {
                kind: "deposit",
                reference: reference.into(),
                legs: vec![
                    leg(&format!("client:{client}"), Purpose::Wallet, minor),
                    leg("psp:stripe-eu", Purpose::Clearing, -minor),
                ],
                source: "test".into(),
                value_at: core.now(),
                note: Some("=HYPERLINK(1)".into()),
                fx: None,
            };
            qd_ledger::post(tx, &core, entry).await.map(|_| ())
        })
        .await
        .unwrap();
}

/// SU-01, SU-02, SU-03.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_about_a_deposit_is_answered_in_the_portals_own_words() {
    let w = World::busy().await;
    let (alex, id) = w.client("ticket@example.com").await;
    crate::alex::apply(&w, &alex).await;
    crate::alex::approve(&w, &w.staff("clara").await, &id).await;
    let (eve, _) = w.client("eve@example.com").await;
    let asked = json!({"amount": {"minor": 12_000, "currency": "EUR"}, "method": "card"});
    let about = text(&w.post("/api/v1/me/deposits", &alex, asked).await.ok()["id"]);
    let question =
        json!({"subject": "Where is my money?", "category": "deposit", "about": about, "body": "My IBAN is DE89 3704 0044 0532 0130 00."});
    let mine = w.post("/api/v1/me/tickets", &alex, question.clone()).await.ok();
    let ticket = text(&mine["ticket"]["id"]);
    assert_eq!(mine["ticket"]["state"], "open");
    assert!(mine["ticket"]["reply_due_at_us"].is_i64());
    let t = w.post("/api/v1/me/tickets", &eve, question).await;
    assert_eq!(
        (t.status, t.code(), t.pointer()),
        (StatusCode::UNPROCESSABLE_ENTITY, "record_unknown", "/about")
    );
    let other = w.get(&format!("/api/v1/me/tickets/{ticket}"), &eve).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);

    let sofia = w.staff("sofia").await;
    let queue = w.get("/api/v1/tickets?unsolved=true", &sofia).await.ok();
    assert_eq!(queue["items"][0]["id"], ticket.as_str());
    let seen = w.get(&format!("/api/v1/tickets/{ticket}"), &sofia).await.ok();
    assert!(!seen.to_string().contains("DE89"), "support reads no account numbers: {seen:#}");
    let state = text(&seen["record"]["state"]);
    let shown = w
        .app
        .catalogue
        .get("de", &format!("status.deposit_client.{state}"))
        .unwrap()
        .to_string();
    assert_eq!(
        (seen["record"]["id"].as_str(), seen["record"]["text"].as_str()),
        (Some(about.as_str()), Some(shown.as_str()))
    );
    let macros = w.get("/api/v1/tickets/macros", &sofia).await.ok();
    let m = macros["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["category"] == "deposit")
        .unwrap();
    let filled = w
        .get(&format!("/api/v1/tickets/{ticket}/macros/{}", text(&m["id"])), &sofia)
        .await
        .ok();
    assert!(
        text(&filled["text"]).contains(&shown) && text(&filled["text"]).contains("120,00 EUR"),
        "{filled:#}"
    );

    // Sales read it only when the client is theirs; compliance's note is nobody's here.
    let note = json!({"body": "Check the source of funds."});
    w.post(&format!("/api/v1/clients/{id}/aml-notes"), &w.staff("clara").await, note)
        .await
        .ok();
    w.post(&format!("/api/v1/tickets/{ticket}/note"), &sofia, json!({"body": "Asked finance."}))
        .await
        .ok();
    let answered = w
        .post(
            &format!("/api/v1/tickets/{ticket}/reply"),
            &sofia,
            json!({"body": "It is on its way.", "then": "ask_client"}),
        )
        .await
        .ok();
    assert_eq!(answered["ticket"]["state"], "waiting_client");
    assert_eq!(answered["messages"].as_array().map(Vec::len), Some(3));
    let mine = w.get(&format!("/api/v1/me/tickets/{ticket}"), &alex).await.ok();
    assert_eq!(
        mine["messages"].as_array().map(Vec::len),
        Some(2),
        "the note is not the client's: {mine:#}"
    );
    assert_eq!(mine["ticket"]["unread"], false, "looking at it makes it read");
    let lines = w.get(&format!("/api/v1/clients/{id}/timeline?text=on+its+way"), &sofia).await.ok();
    assert_eq!(lines["items"][0]["kind"], "ticket");
    assert!(!lines.to_string().contains("source of funds"));

    // SU-05: the report and the home page know of it.
    let report = w.get("/api/v1/tickets/report", &sofia).await.ok();
    assert_eq!(
        (report["all"]["opened"].as_i64(), report["all"]["first_reply_late"].as_i64()),
        (Some(1), Some(0))
    );
    w.post(
        &format!("/api/v1/me/tickets/{ticket}/messages"),
        &alex,
        json!({"body": "Thank you."}),
    )
    .await
    .ok();
    let home = w.get("/api/v1/home", &sofia).await.ok();
    assert!(
        home["queues"]
            .as_array()
            .unwrap()
            .iter()
            .any(|q| q["key"] == "tickets" && q["waiting"] == 1),
        "{home:#}"
    );
    let again = w
        .post(&format!("/api/v1/me/tickets/{ticket}/solved"), &alex, Value::Null)
        .await
        .ok();
    assert_eq!(again["ticket"]["state"], "solved");
    w.end().await;
}

/// The answer reaches the client by mail and in the portal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_mailed_in_the_clients_language_and_told_in_the_portal() {
    let w = World::busy().await;
    let (alex, _) = w.client("answer@example.com").await;
    let q = json!({"subject": "Hebel", "category": "account", "body": "Wie ändere ich den Hebel?"});
    let ticket = text(&w.post("/api/v1/me/tickets", &alex, q).await.ok()["ticket"]["id"]);
    let sofia = w.staff("sofia").await;
    w.post(
        &format!("/api/v1/tickets/{ticket}/reply"),
        &sofia,
        json!({"body": "In Ihrem Bereich unter Konten.", "then": "solve"}),
    )
    .await
    .ok();
    w.until("the notice", "/api/v1/me/notifications", &alex, |n| {
        n["items"]
            .as_array()
            .is_some_and(|i| i.iter().any(|n| n["title_key"] == "notification.ticket_reply"))
    })
    .await;
    let id = text(&w.get(&format!("/api/v1/tickets/{ticket}"), &sofia).await.ok()["ticket"]["client_id"]);
    let mails = w
        .until("the mail", &format!("/api/v1/clients/{id}/mails"), &sofia, |m| {
            m["items"]
                .as_array()
                .is_some_and(|i| i.iter().any(|m| m["template"] == "ticket_reply" && m["state"] == "sent"))
        })
        .await;
    let mail = mails["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["template"] == "ticket_reply")
        .unwrap();
    assert_eq!(mail["language"], "de");
    assert!(text(&mail["subject"]).contains("Hebel"));
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_view_counts_what_its_list_shows_and_a_team_shares_it() {
    let w = World::quiet().await;
    let (martin, lena, sofia) = (w.staff("martin").await, w.staff("lena").await, w.staff("sofia").await);
    for n in 0..3 {
        w.client(&format!("v{n}@example.com")).await;
    }
    let mine = json!({"list": "clients", "name": "Registered", "query": "stage=registered&country=DE", "columns": ["name"]});
    let v = w.post("/api/v1/views", &sofia, mine.clone()).await.ok();
    let broken = json!({"list": "clients", "name": "Broken", "query": "colour=blue"});
    w.post("/api/v1/views", &sofia, broken).await.ok();
    let counts = w.get("/api/v1/views/counts?list=clients", &sofia).await.ok();
    let of = |name: &str| {
        let all = counts["items"].as_array().unwrap();
        all.iter().find(|c| (c["id"] == v["id"]) == (name == "Registered")).unwrap().clone()
    };
    assert_eq!(
        (of("Registered")["count"].as_i64(), of("Registered")["more"].as_bool()),
        (Some(3), Some(false))
    );
    assert_eq!(
        (of("Broken")["count"].as_i64(), of("Broken")["code"].as_str()),
        (None, Some("query_malformed"))
    );

    let team = json!({"list": "clients", "name": "Desk", "team": "desk:german", "query": "stage=funded", "is_default": true});
    w.post("/api/v1/views", &martin, team.clone()).await.ok();
    let seen = w.get("/api/v1/views", &lena).await.ok();
    assert_eq!(
        (seen["items"][0]["name"].as_str(), seen["items"][0]["may_change"].as_bool()),
        (Some("Desk"), Some(false))
    );
    assert_eq!(w.post("/api/v1/views", &lena, team).await.code(), "team_not_yours");
    let id = text(&v["id"]);
    let put = json!({"list": "clients", "name": "All mine", "query": "", "version": 1});
    assert_eq!(
        w.ask("PUT", &format!("/api/v1/views/{id}"), Some(&lena), Some(&put)).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        w.ask("PUT", &format!("/api/v1/views/{id}"), Some(&sofia), Some(&put)).await.ok()["version"],
        2
    );
    assert_eq!(
        w.ask("DELETE", &format!("/api/v1/views/{id}"), Some(&sofia), None).await.status,
        StatusCode::NO_CONTENT
    );
    let client = w.client_again("v0@example.com").await;
    assert_eq!(w.get("/api/v1/views", &client).await.status, StatusCode::FORBIDDEN);
    w.end().await;
}

/// BO-09.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_are_changed_after_a_preview_and_the_same_request_again_changes_nothing() {
    let w = World::quiet().await;
    let admin = w.staff("admin").await;
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(w.client(&format!("b{n}@example.com")).await.1);
    }
    let action = json!({"kind": "tag", "add": ["Autumn"]});
    let ask = json!({"filter": "stage=registered&country=DE", "action": action, "reason": "Campaign of the autumn.", "dry_run": true});
    let p = w.post("/api/v1/clients/bulk", &admin, ask.clone()).await.ok();
    assert_eq!(
        (p["records"].as_i64(), p["changed"].as_i64(), p["id"].is_null()),
        (Some(4), Some(4), true)
    );
    assert_eq!(p["items"][0]["changes"][0], json!({"field": "tags", "from": [], "to": ["autumn"]}));
    assert_eq!(w.get("/api/v1/clients?tag=autumn", &admin).await.ok()["items"], json!([]));

    let mut real = ask;
    real["dry_run"] = json!(false);
    let send = async || {
        let mut r = crate::world::request("POST", "/api/v1/clients/bulk", Some(&admin), Some(&real));
        r.headers_mut().insert("idempotency-key", "bulk-1".parse().unwrap());
        w.send(r).await.ok()
    };
    let (a, b) = (send().await, send().await);
    assert_eq!((a["changed"].as_i64(), a["finished"].as_bool()), (Some(4), Some(true)));
    assert_eq!(a["id"], b["id"]);
    assert_eq!(
        w.get("/api/v1/clients?tag=autumn", &admin).await.ok()["items"]
            .as_array()
            .map(Vec::len),
        Some(4)
    );
    let trail = w.get(&format!("/api/v1/audit?object=client:{}", ids[0]), &admin).await.ok();
    let changed = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["action"] == "client.changed")
        .count();
    assert_eq!(changed, 1, "one audit row for the record, however often it was asked");

    let both = json!({"ids": [ids[0]], "filter": "", "action": {"kind": "stage", "command": "churn"}, "reason": "x"});
    assert_eq!(w.post("/api/v1/clients/bulk", &admin, both).await.code(), "one_of");
    let verify = json!({"ids": [ids[0]], "action": {"kind": "stage", "command": "verify"}, "reason": "x"});
    assert_eq!(w.post("/api/v1/clients/bulk", &admin, verify).await.pointer(), "/action/command");
    let sofia = w.staff("sofia").await;
    let assign = json!({"ids": [ids[0]], "action": {"kind": "assign", "desk": "english"}, "reason": "x"});
    assert_eq!(w.post("/api/v1/clients/bulk", &sofia, assign).await.code(), "right_missing");
    w.end().await;
}

fn csv(bytes: &[u8]) -> Vec<Vec<String>> {
    String::from_utf8(bytes.to_vec())
        .unwrap()
        .lines()
        .map(|l| l.split(',').map(str::to_string).collect())
        .collect()
}

/// CP-06, TP-15.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_to_take_away_says_what_the_list_says() {
    let w = World::busy().await;
    let (alex, id) = w.client("paper@example.com").await;
    crate::alex::apply(&w, &alex).await;
    crate::alex::approve(&w, &w.staff("clara").await, &id).await;
    let account = text(
        &w.until("the account", "/api/v1/me/accounts", &alex, |a| a["items"][0]["state"] == "ready")
            .await["items"][0]["id"],
    );
    pay_in(&w, &alex, 50_000, Some(&account)).await;
    give(&w, &id, "deposit:extra", 2_500).await;

    let list = w.get("/api/v1/me/wallet/EUR/statement", &alex).await.ok();
    let t = w.get("/api/v1/me/wallet/EUR/statement.csv", &alex).await;
    assert!(t.headers["content-disposition"].to_str().unwrap().contains("attachment"));
    assert_eq!(t.headers["cache-control"], "private, no-store");
    let rows = csv(&t.bytes);
    assert_eq!(rows.len() - 1, list["items"].as_array().unwrap().len());
    let last = rows.last().unwrap();
    assert_eq!((last[6].as_str(), last[8].as_str()), ("25.00", "25.00"), "{rows:?}");
    assert!(last[9].starts_with('\''), "a note is no formula: {last:?}");

    let deals = w.get(&format!("/api/v1/me/accounts/{account}/deals"), &alex).await.ok();
    let rows = csv(&w.get(&format!("/api/v1/me/accounts/{account}/deals.csv"), &alex).await.bytes);
    assert_eq!(rows.len() - 1, deals["items"].as_array().unwrap().len());

    for path in [
        "/api/v1/me/wallet/EUR/statement.pdf".to_string(),
        format!("/api/v1/me/accounts/{account}/statement.pdf"),
    ] {
        let t = w.get(&path, &alex).await;
        assert!(t.bytes.starts_with(b"%PDF-"), "{path}: {}", t.status);
        assert_eq!(t.headers["content-type"], "application/pdf");
    }
    let month = w.get("/api/v1/me/wallet/EUR/statement.csv?month=2001-01", &alex).await;
    assert_eq!(csv(&month.bytes).len(), 1, "nothing happened then");
    assert_eq!(
        w.get("/api/v1/me/wallet/EUR/statement.pdf?month=2001-13", &alex).await.pointer(),
        "/month"
    );
    let (eve, _) = w.client("eve2@example.com").await;
    assert_eq!(
        w.get(&format!("/api/v1/me/accounts/{account}/statement.pdf"), &eve).await.status,
        StatusCode::NOT_FOUND
    );

    // The house's lists, with the caller's covered fields, and who took them.
    let farid = w.staff("farid").await;
    let list = w.get("/api/v1/deposits", &farid).await.ok();
    let rows = csv(&w.get("/api/v1/deposits.csv", &farid).await.bytes);
    let sum: i64 = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["amount"]["minor"].as_i64().unwrap())
        .sum();
    let taken: i64 = rows[1..].iter().map(|r| r[7].replace('.', "").parse::<i64>().unwrap()).sum();
    assert_eq!((rows.len() - 1, taken), (list["items"].as_array().unwrap().len(), sum));
    let (lena, admin) = (w.staff("lena").await, w.staff("admin").await);
    let hers = json!({"owner_id": w.get("/api/v1/auth/me", &lena).await.ok()["id"], "reason": "hers"});
    w.post(&format!("/api/v1/clients/{id}/assign"), &admin, hers).await.ok();
    let t = w.get(&format!("/api/v1/deposits.csv?client_id={id}"), &lena).await;
    let covered = String::from_utf8(t.bytes).unwrap();
    assert!(
        t.status.is_success() && covered.contains("•••") && !covered.contains("500.00"),
        "sales see no amounts, in files either: {covered}"
    );
    let clients = csv(&w.get("/api/v1/clients.csv?stage=funded", &farid).await.bytes);
    assert!(clients[1..].iter().all(|r| r[3] == "funded"));
    assert!(w.get("/api/v1/withdrawals.csv", &farid).await.status.is_success());
    let trail = w.get("/api/v1/audit?action=list.exported", &w.staff("admin").await).await.ok();
    assert!(trail["items"].as_array().unwrap().len() >= 4, "{trail:#}");
    w.end().await;
}

/// BO-06, SU-05.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exceptions_are_counted_by_the_week_and_queues_by_age() {
    let w = World::quiet().await;
    let core = w.app.core.clone();
    let now = core.now();
    w.app
        .core
        .db
        .write(async move |tx| {
            for n in 0..3 {
                let e = qd_runtime::exceptions::NewException {
                    kind: "deposit.held",
                    subject: format!("deposit:{n}"),
                    entity: Some("eu".into()),
                    client_id: None,
                    owner_role: "finance",
                    rule: "test",
                    cause: "test".into(),
                    detail: json!({}),
                    retry: None,
                };
                qd_runtime::exceptions::raise(tx, &core, e).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let farid = w.staff("farid").await;
    let r = w.get("/api/v1/exceptions/weekly", &farid).await.ok();
    let weeks = r["weeks"].as_array().unwrap();
    assert_eq!(weeks.len(), 8);
    let last = weeks.last().unwrap();
    assert!(last["from_us"].as_i64().unwrap() <= now.micros() && now.micros() < last["until_us"].as_i64().unwrap());
    assert_eq!((last["count"].as_i64(), weeks[0]["count"].as_i64()), (Some(3), Some(0)));
    let held = r["kinds"].as_array().unwrap().iter().find(|k| k["kind"] == "deposit.held").unwrap();
    assert_eq!(held["counts"][7], 3);
    let bar = format!(
        "/api/v1/exceptions?kind=deposit.held&opened_from_us={}&opened_until_us={}",
        last["from_us"], last["until_us"]
    );
    assert_eq!(w.get(&bar, &farid).await.ok()["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(w.get("/api/v1/exceptions/weekly?weeks=0", &farid).await.pointer(), "/weeks");
    // Sales managers see their own role's queue only.
    let martin = w.get("/api/v1/exceptions/weekly", &w.staff("martin").await).await.ok();
    assert!(martin["kinds"].as_array().unwrap().iter().all(|k| k["kind"] != "deposit.held"));

    let q = w.get("/api/v1/reports/queues", &farid).await.ok();
    let finance = q["queues"]
        .as_array()
        .unwrap()
        .iter()
        .find(|q| q["key"] == "exceptions.finance")
        .unwrap()
        .clone();
    assert_eq!(
        (
            finance["waiting"].as_i64(),
            finance["under_1h"].as_i64(),
            finance["longer"].as_i64()
        ),
        (Some(3), Some(3), Some(0))
    );
    w.end().await;
}

/// One inbox for approvals.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_is_decided_from_the_inbox_under_its_own_rules() {
    let w = World::busy().await;
    let (alex, id) = w.client("inbox@example.com").await;
    crate::alex::apply(&w, &alex).await;
    crate::alex::approve(&w, &w.staff("clara").await, &id).await;
    pay_in(&w, &alex, 900_000, None).await;
    let asked = json!({"amount": {"minor": 800_000, "currency": "EUR"}});
    let wd = text(&w.post("/api/v1/me/withdrawals", &alex, asked).await.ok()["id"]);
    let farid = w.staff("farid").await;
    let inbox = w
        .until("the approval", "/api/v1/approvals", &farid, |a| {
            a["items"]
                .as_array()
                .is_some_and(|i| i.iter().any(|a| a["subject"] == format!("withdrawal:{wd}")))
        })
        .await;
    let a = inbox["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|a| a["subject"] == format!("withdrawal:{wd}"))
        .unwrap()
        .clone();
    let path = format!("/api/v1/approvals/{}/decide", text(&a["id"]));
    let paula = w.staff("paula").await;
    assert_eq!(w.post(&path, &paula, json!({"approve": true})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        w.post(&path, &farid, json!({"approve": false})).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let yes = w
        .post(&path, &farid, json!({"approve": true, "reason": "Known client."}))
        .await
        .ok();
    assert_eq!(yes["given"], 1);
    if yes["state"] == "waiting" {
        assert_eq!(w.post(&path, &farid, json!({"approve": true})).await.code(), "approval_same_person");
        let greta = w.staff("greta").await;
        assert_eq!(w.post(&path, &greta, json!({"approve": true})).await.ok()["state"], "approved");
    }
    w.until("the payout", &format!("/api/v1/withdrawals/{wd}"), &farid, |v| {
        !matches!(v["state"].as_str(), Some("review" | "deciding"))
    })
    .await;
    w.end().await;
}
