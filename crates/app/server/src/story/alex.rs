//! The main story: a German lead becomes a client, trades, and takes his money out again.

use super::people::{BRAND, CONNECTION, Client, ENTITY_SERVER, Person, euros, text_of};
use super::sse::Listening;
use super::{Play, Played, expect, until};
use qd_outbound::Method;
use serde_json::{Value, json};

pub async fn play(p: &mut Play) -> Played<()> {
    let (master, introducer, code) = partners(p).await?;
    let (email, last) = (format!("alex.{}@mail.example", p.run.to_lowercase()), format!("Weber {}", p.run));
    let client_id = lead(p, &email, &last).await?;
    let agent = call(p, &client_id).await?;
    let alex = register(p, &email, &last, &code, &client_id).await?;
    let login = verified(p, &alex).await?;
    let (account, login) = login;
    deposit(p, &alex, &account, &login, &agent).await?;
    trades(p, &alex, &account, &login).await?;
    commission(p, &alex, &master, &introducer).await?;
    statement(p, &introducer).await?;
    small_withdrawal(p, &alex, &account, &login).await?;
    large_withdrawal(p, &alex, &account, &login).await?;
    auditor(p, &alex).await
}

/// Two levels: a master and the broker who brings Alex, on a plan of eight dollars a lot and a
/// fifth of it for the master.
async fn partners(p: &mut Play) -> Played<(String, String, String)> {
    p.step("the partner manager makes an introducing broker under a master, with a plan and a link");
    let paula = p.staff("paula.ortiz").await?;
    let start = qd_kernel::Env::system().now().plus_days(-1).micros();
    let plan = json!({"entity": "eu", "valid_from_us": start, "reason": "contract", "document": {
        "format": 1, "name": format!("Story {}", p.run), "currency": "USD",
        "rules": [{"id": "fx", "kind": "per_lot", "rate": "8.00"}],
        "override": {"method": "percent_of_child", "of": "next", "levels": ["0.20"]},
    }});
    let plan = text_of(&p.api.post("/api/v1/plans", paula.on(), &plan).await?, "id")?;
    let mut ids = Vec::new();
    for name in ["Master", "Introducer"] {
        let body = json!({"entity": "eu", "name": format!("{name} {}", p.run), "email": format!("{}.{}@partner.example", name.to_lowercase(), p.run.to_lowercase()),
            "currency": "EUR", "payout_method": "bank", "parent": ids.last()});
        let id = text_of(&p.api.post("/api/v1/partners", paula.on(), &body).await?, "id")?;
        p.api
            .post(
                &format!("/api/v1/partners/{id}/plan"),
                paula.on(),
                &json!({"plan": plan, "reason": "contract"}),
            )
            .await?;
        ids.push(id);
    }
    let code = format!("IB{}", p.run);
    p.api
        .post(
            &format!("/api/v1/partners/{}/links", ids[1]),
            paula.on(),
            &json!({"code": code, "campaign": "story", "landing": "/de/start"}),
        )
        .await?;
    let click = p
        .api
        .send(Method::GET, &format!("/c/{code}"), None, &[], super::http::Body::None)
        .await?;
    let to = click
        .headers
        .get("location")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
        .to_string();
    expect(click.status == 302 && to.contains(&code), || {
        format!("the partner's link answered {} {to}", click.status)
    })?;
    p.ok(format!("{} below {}, link /c/{code}", ids[1], ids[0]));
    Ok((ids[0].clone(), ids[1].clone(), code))
}

async fn lead(p: &mut Play, email: &str, last: &str) -> Played<String> {
    p.step("the German agents listen, and Alex fills in the German form");
    let lena = p.staff("lena.vogt").await?;
    let jonas = p.staff("jonas.brandt").await?;
    let mut streams = Vec::new();
    for agent in [&lena, &jonas] {
        streams.push((Listening::open(&p.api.base, "/api/v1/events", &agent.token).await?, agent.clone()));
    }
    let form = json!({
        "brand": BRAND, "first_name": "Alex", "last_name": last, "email": email, "phone": format!("+4940{}", digits(&p.run, 7)), "language": "de", "country": "DE",
        "message": "Ich interessiere mich für den Handel mit MetaTrader 5.",
        "came": {"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "herbst", "landing_page": "/de/start", "landing_language": "de"},
        "consents": [{"kind": "privacy", "version": "2026-01", "given": true}],
    });
    p.api.post("/api/v1/leads", None, &form).await?;
    p.ok("taken");

    p.step("a rule gives him to the German desk, and his agent is told at once");
    let mut owner = None;
    for (_, agent) in &streams {
        let v = p
            .api
            .get(&format!("/api/v1/search?q={}", super::http::encoded(email)), agent.on())
            .await?;
        if let Some(hit) = v["items"].as_array().into_iter().flatten().next() {
            owner = Some((agent.clone(), hit.clone()));
        }
    }
    let (agent, hit) = owner.ok_or("neither German agent sees the lead: it was not assigned to the German desk")?;
    expect(hit["owner_id"] == agent.id.as_str() && hit["desk"] == "german", || {
        format!("assigned to {} at {}", hit["owner_id"], hit["desk"])
    })?;
    let id = text_of(&hit, "id")?;
    let mut how = "no live stream over TLS here".to_string();
    for (stream, who) in streams {
        if who.id == agent.id
            && let Some(mut s) = stream
        {
            let (kind, _) = s
                .wait("the notice of the lead", 5, |k, v| {
                    k.starts_with("lead.") && v["aggregate"].as_str().is_some_and(|a| a.ends_with(&id))
                })
                .await?;
            how = format!("live event {kind}");
        }
    }
    p.ok(format!("{id} belongs to {} of the German desk, {how}", agent.name));
    Ok(id)
}

fn digits(code: &str, n: usize) -> String {
    code.bytes()
        .cycle()
        .take(n)
        .enumerate()
        .map(|(i, b)| char::from(b'2' + (b.wrapping_add(u8::try_from(i).unwrap_or(0))) % 8))
        .collect()
}

async fn call(p: &mut Play, client: &str) -> Played<Person> {
    p.step("the agent calls, sets the status, and books a task in two days");
    let mut agent = None;
    for name in ["lena.vogt", "jonas.brandt"] {
        let s = p.staff(name).await?;
        let a = p
            .api
            .send(
                Method::GET,
                &format!("/api/v1/clients/{client}"),
                s.on(),
                &[],
                super::http::Body::None,
            )
            .await?;
        if a.status == 200 {
            agent = Some(s);
        }
    }
    let agent = agent.ok_or("no agent may see the lead")?;
    let due = qd_kernel::Env::system().now().plus_days(2).micros();
    let body = json!({"direction": "out", "outcome": "reached", "duration_s": 240, "body": "Wants to start with 500 euro.", "status": "contacted",
        "follow_up": {"title": "Ask about the documents", "due_at_us": due}});
    p.api.post(&format!("/api/v1/clients/{client}/calls"), agent.on(), &body).await?;
    let record = p.api.get(&format!("/api/v1/clients/{client}"), agent.on()).await?;
    expect(record["client"]["status"] == "contacted", || {
        format!("the status is {}", record["client"]["status"])
    })?;
    let tasks = p.api.get(&format!("/api/v1/clients/{client}/tasks"), agent.on()).await?;
    expect(tasks["items"].as_array().is_some_and(|t| t.len() == 1), || {
        "the task is not there".into()
    })?;
    p.ok(format!("{}: reached, contacted, one task", agent.name));
    Ok(agent)
}

async fn register(p: &mut Play, email: &str, last: &str, code: &str, lead: &str) -> Played<Client> {
    p.step("Alex registers with his introducer's code and follows the link of the mail");
    let alex = p.register("Alex", last, email, Some(code)).await?;
    expect(alex.client_id == lead, || {
        format!("the lead {lead} and the client {} are two records", alex.client_id)
    })?;
    p.ok("the same record, address proved");

    p.step("profile and appropriateness test");
    p.fill_profile(&alex, &json!({})).await?;
    let test = p.take_test(&alex).await?;
    expect(test["class"] == "pass", || format!("the test says {}", test["class"]))?;
    p.ok("complete, passed");
    Ok(alex)
}

async fn verified(p: &mut Play, alex: &Client) -> Played<(String, String)> {
    p.step("passport and utility bill are uploaded and handed in");
    let case = p.hand_in(alex, &alex.name()).await?;
    p.ok(&case);

    p.step("sales may not look at the papers, compliance claims and approves");
    let lena = p.staff("lena.vogt").await?;
    let clara = p.staff("clara.stein").await?;
    let a = p.api.try_post(&format!("/api/v1/kyc/{case}/claim"), lena.on(), &json!({})).await?;
    a.refused(403, "right_missing")?;
    let done = p.approve(&clara, &case).await?;
    expect(done["state"] == "approved", || format!("the case is {}", done["state"]))?;
    p.ok(format!("approved by {}", clara.name));

    p.step("the platform opens his account on the right server and group");
    let a = p.live_account(alex, 30).await?;
    let (account, login) = (text_of(&a, "id")?, text_of(&a, "login")?);
    expect(a["server"] == ENTITY_SERVER, || format!("the account is on {}", a["server"]))?;
    let there = p.account_there(&login).await?;
    expect(there["group"] == r"real\eu-standard-eur" && there["currency"] == "EUR", || {
        format!("the trade server says {there}")
    })?;
    p.ok(format!("login {login} in {}, leverage {}", there["group"], there["leverage"]));

    p.step("the welcome mail is in German");
    let text = p.mail(&alex.email, "Handelskonto", 20).await?;
    expect(text.contains(&login) && text.contains("Guten Tag"), || {
        "it is not the German text with the login".into()
    })?;
    p.ok(format!("Ihr Handelskonto {login} ist bereit"));
    Ok((account, login))
}

async fn deposit(p: &mut Play, alex: &Client, account: &str, login: &str, agent: &Person) -> Played<()> {
    let stream = Listening::open(&p.api.base, "/api/v1/events", &agent.token).await?;
    p.step("EUR 500 by card through the hosted page");
    let d = p.start_deposit(alex, 50_000, account).await?;
    let id = text_of(&d, "id")?;
    p.pay(&d, alex, &alex.card).await?;
    p.ok(&id);

    p.step("callback, wallet, trading account");
    let d = p.deposit_until(alex, &id, 30, |d| d["state"] == "posted").await?;
    let there = p.balance_there(login).await?;
    expect(there == 50_000, || format!("the trade server has {there}"))?;
    let steps: Vec<&str> = d["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|s| s["state"] == "done")
        .filter_map(|s| s["key"].as_str())
        .collect();
    p.ok(format!(
        "{} at the trade server; the client sees {}",
        euros(there),
        steps.join(", ")
    ));

    p.step("his agent is told of the first deposit, not of the sum");
    let found = until("the notice of the first deposit", 10, async || {
        let v = p.api.get("/api/v1/me/notifications", agent.on()).await?;
        let hit = v["items"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|n| n["kind"] == "client.ftd" && n["object"].as_str().is_some_and(|o| o.ends_with(&alex.client_id)));
        Ok(hit.cloned())
    })
    .await?;
    expect(!found["data"].to_string().contains("50000"), || {
        "the notice tells sales the amount".into()
    })?;
    drop(stream);
    p.ok(format!("{} to {}", found["title_key"].as_str().unwrap_or_default(), agent.name));

    p.step("the record shows who cleared the first deposit");
    let finance = p.staff("farid.aziz").await?;
    let record = p.api.get(&format!("/api/v1/clients/{}", alex.client_id), finance.on()).await?;
    expect(record["first_deposit"]["connection"] == CONNECTION, || {
        format!("first deposit: {}", record["first_deposit"])
    })?;
    p.ok(format!(
        "{} {}",
        CONNECTION,
        record["first_deposit"]["payment_ref"].as_str().unwrap_or_default()
    ));
    Ok(())
}

async fn trades(p: &mut Play, alex: &Client, account: &str, login: &str) -> Played<()> {
    p.step("Alex trades 0.2 lots of EURUSD and wins 5 pips");
    let order = json!({"login": login, "symbol": "EURUSD", "side": "buy", "volume_lots": "0.20", "hold_s": 90, "move_points": 50});
    let done = p.world.post(&format!("/control/mt5/{ENTITY_SERVER}/trade"), None, &order).await?;
    p.ok(format!(
        "deals {} and {}, profit {}",
        done["open_deal"],
        done["close_deal"],
        done["profit"].as_str().unwrap_or_default()
    ));

    p.step("the deals arrive and the ledger follows the platform");
    let seen = until("his deals", 20, async || {
        let v = p.api.get(&format!("/api/v1/me/accounts/{account}/deals"), alex.on()).await?;
        let trades: Vec<Value> = v["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|d| d["kind"] == "trade")
            .cloned()
            .collect();
        Ok(Some(trades).filter(|t| t.len() >= 2))
    })
    .await?;
    let there = p.balance_there(login).await?;
    agrees(p, account, there).await?;
    p.ok(format!("{} deals, {} on both sides", seen.len(), euros(there)));
    Ok(())
}

/// Our ledger's word about a login against the server's.
async fn agrees(p: &Play, account: &str, there: i64) -> Played<()> {
    let finance = p.staff("farid.aziz").await?;
    until("ledger and platform to agree", 20, async || {
        let v = p.api.get(&format!("/api/v1/ledger/balances/tacc:{account}"), finance.on()).await?;
        let ours = v["items"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|b| b["purpose"] == "platform")
            .and_then(|b| b["balance_minor"].as_i64());
        Ok(ours.filter(|o| *o == there))
    })
    .await
    .map(|_| ())
    .map_err(|e| format!("{e}; the trade server has {there}"))
}

async fn commission(p: &mut Play, alex: &Client, master: &str, introducer: &str) -> Played<()> {
    p.step("his introducer and the master earn, with reasons");
    let paula = p.staff("paula.ortiz").await?;
    let mut out = Vec::new();
    for (partner, who) in [(introducer, "introducer"), (master, "master")] {
        let line = until("commission lines", 20, async || {
            let v = p
                .api
                .get(
                    &format!("/api/v1/commission-lines?partner_id={partner}&client_id={}", alex.client_id),
                    paula.on(),
                )
                .await?;
            let paid = v["items"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|l| l["minor"].as_i64().is_some_and(|m| m > 0))
                .cloned();
            Ok(paid)
        })
        .await
        .map_err(|e| format!("{e} of the {who}"))?;
        expect(!line["explanation"].is_null(), || {
            format!("the line of the {who} has no explanation")
        })?;
        out.push(format!(
            "{who} level {} {} {}",
            line["level"],
            euros(line["minor"].as_i64().unwrap_or(0)),
            rule(&line)
        ));
    }
    p.ok(out.join("; "));
    Ok(())
}

fn rule(line: &Value) -> String {
    let r = line["rule"].as_str().or(line["rule_id"].as_str()).unwrap_or_default();
    if r.is_empty() { String::new() } else { format!("by rule {r}") }
}

async fn statement(p: &mut Play, introducer: &str) -> Played<()> {
    p.step("the statement is closed, one prepares the payout, another releases it");
    let paula = p.staff("paula.ortiz").await?;
    let farid = p.staff("farid.aziz").await?;
    let now = qd_kernel::Env::system().now().micros();
    let s = p
        .api
        .post(
            &format!("/api/v1/partners/{introducer}/statements"),
            paula.on(),
            &json!({"currency": "EUR", "to_us": now}),
        )
        .await?;
    let closing = s["closing_minor"].as_i64().unwrap_or(0);
    expect(closing > 0 && s["sha256"].as_str().is_some_and(|h| h.len() == 64), || {
        format!("the statement says {s}")
    })?;
    let body = json!({"amount": {"minor": closing, "currency": "EUR"}});
    let payout = text_of(
        &p.api
            .post(&format!("/api/v1/partners/{introducer}/payouts"), paula.on(), &body)
            .await?,
        "id",
    )?;
    let own = p
        .api
        .try_post(
            &format!("/api/v1/payouts/{payout}/decide"),
            paula.on(),
            &json!({"approve": true, "reason": "me"}),
        )
        .await?;
    expect(own.status == 403 || own.status == 409, || {
        format!("who prepared it released it: {}", own.status)
    })?;
    p.step_up(&farid, &p.password.clone()).await?;
    p.api
        .post(
            &format!("/api/v1/payouts/{payout}/decide"),
            farid.on(),
            &json!({"approve": true, "reason": "statement checked"}),
        )
        .await?;
    let paid = p
        .api
        .post(
            &format!("/api/v1/payouts/{payout}/paid"),
            farid.on(),
            &json!({"connection": CONNECTION, "reference": format!("SEPA {}", p.run)}),
        )
        .await?;
    expect(paid["state"] == "paid", || format!("the payout is {}", paid["state"]))?;
    p.ok(format!(
        "{} paid, statement sha256 {}…",
        euros(closing),
        &s["sha256"].as_str().unwrap_or_default().get(..12).unwrap_or_default()
    ));
    Ok(())
}

pub(super) async fn withdraw(p: &Play, alex: &Client, account: &str, minor: i64) -> Played<String> {
    let body = json!({"amount": {"minor": minor, "currency": "EUR"}, "account_id": account});
    text_of(&p.api.post("/api/v1/me/withdrawals", alex.on(), &body).await?, "id")
}

pub(super) async fn withdrawal_until(p: &Play, who: &Person, mine: bool, id: &str, secs: u64, state: &str) -> Played<Value> {
    let path = if mine {
        format!("/api/v1/me/withdrawals/{id}")
    } else {
        format!("/api/v1/withdrawals/{id}")
    };
    let mut last = Value::Null;
    let found = until(&format!("the withdrawal to be {state}"), secs, async || {
        last = p.api.get(&path, who.on()).await?;
        Ok(Some(last.clone()).filter(|w| w["state"] == state))
    })
    .await;
    found.map_err(|e| format!("{e}: it is {} {} {}", last["state"], last["signals"], last["reason_code"]))
}

/// What went back to a card, at the card processor.
async fn refunds(p: &Play) -> Played<Vec<Value>> {
    let v = p.world.get(&format!("/control/stripe/{CONNECTION}/events"), None).await?;
    let list = v["events"]
        .as_array()
        .or(v["data"].as_array())
        .or(v.as_array())
        .cloned()
        .unwrap_or_default();
    Ok(list.into_iter().filter(|e| e["type"] == "refund.created").collect())
}

async fn small_withdrawal(p: &mut Play, alex: &Client, account: &str, login: &str) -> Played<()> {
    p.step("Alex withdraws EUR 50, which passes by rule, back to his card");
    let before = p.balance_there(login).await?;
    let id = withdraw(p, alex, account, 5_000).await?;
    let w = withdrawal_until(p, &alex.person, true, &id, 30, "paid").await?;
    let there = p.balance_there(login).await?;
    expect(there == before - 5_000, || format!("the trade server has {there}, it had {before}"))?;
    let finance = p.staff("farid.aziz").await?;
    let seen = p.api.get(&format!("/api/v1/withdrawals/{id}"), finance.on()).await?;
    let leg = &seen["legs"][0];
    expect(leg["kind"] == "refund" && leg["connection"] == CONNECTION, || {
        format!("it went {leg}")
    })?;
    let reference = leg["provider_ref"].as_str().unwrap_or_default().to_string();
    let known = refunds(p).await?.iter().any(|e| e.to_string().contains(&reference));
    expect(known, || format!("the card processor knows no refund {reference}"))?;
    let decisions = p
        .api
        .get(&format!("/api/v1/decisions/withdrawal:{id}"), p.staff("clara.stein").await?.on())
        .await?;
    let rule = decisions["items"][0]["rule"]
        .as_str()
        .or(seen["rule"].as_str())
        .unwrap_or_default()
        .to_string();
    p.ok(format!(
        "{} by {rule:?}, {reference}, {} steps shown",
        euros(w["amount"]["minor"].as_i64().unwrap_or(0)),
        w["steps"].as_array().map_or(0, Vec::len)
    ));
    Ok(())
}

async fn large_withdrawal(p: &mut Play, alex: &Client, account: &str, login: &str) -> Played<()> {
    p.step("he deposits EUR 8,000 more");
    let d = p.start_deposit(alex, 800_000, account).await?;
    p.pay(&d, alex, &alex.card).await?;
    p.deposit_until(alex, &text_of(&d, "id")?, 30, |d| d["state"] == "posted").await?;
    p.ok(euros(p.balance_there(login).await?));

    p.step("and withdraws EUR 6,000: a person has to look, and a second one");
    let id = withdraw(p, alex, account, 600_000).await?;
    let (farid, greta) = (p.staff("farid.aziz").await?, p.staff("greta.holm").await?);
    let w = withdrawal_until(p, &farid, false, &id, 30, "review").await?;
    expect(w["approvals_needed"] == 2, || format!("it needs {} people", w["approvals_needed"]))?;
    let plan = p.api.get(&format!("/api/v1/withdrawals/{id}/plan"), farid.on()).await?;
    p.ok(format!(
        "{id}, signals {}, {} parts planned",
        w["signals"],
        plan["items"].as_array().map_or(0, Vec::len)
    ));

    p.step("sales may not vote; the same person's second vote is refused; two people suffice");
    let lena = p.staff("lena.vogt").await?;
    p.api
        .try_post(
            &format!("/api/v1/withdrawals/{id}/approve"),
            lena.on(),
            &json!({"reason": "please"}),
        )
        .await?
        .refused(403, "right_missing")?;
    let password = p.password.clone();
    p.step_up(&farid, &password).await?;
    p.api
        .post(
            &format!("/api/v1/withdrawals/{id}/approve"),
            farid.on(),
            &json!({"reason": "sources match"}),
        )
        .await?;
    let twice = p
        .api
        .try_post(
            &format!("/api/v1/withdrawals/{id}/approve"),
            farid.on(),
            &json!({"reason": "again"}),
        )
        .await?;
    twice.refused(409, "approval_same_person")?;
    p.step_up(&greta, &password).await?;
    p.api
        .post(
            &format!("/api/v1/withdrawals/{id}/approve"),
            greta.on(),
            &json!({"reason": "agreed"}),
        )
        .await?;
    p.ok(format!("{} and {}", farid.name, greta.name));

    p.step("the money leaves by the source it came from");
    let w = withdrawal_until(p, &farid, false, &id, 30, "paid").await?;
    let legs: Vec<Value> = w["legs"].as_array().cloned().unwrap_or_default();
    let sum: i64 = legs.iter().filter_map(|l| l["amount"]["minor"].as_i64()).sum();
    expect(sum == 600_000 && legs.iter().all(|l| l["kind"] == "refund"), || {
        format!("the parts are {legs:?}")
    })?;
    let there = p.balance_there(login).await?;
    agrees(p, account, there).await?;
    p.ok(format!(
        "{} in {} refunds, {} left on the account",
        euros(sum),
        legs.len(),
        euros(there)
    ));
    Ok(())
}

async fn auditor(p: &mut Play, alex: &Client) -> Played<()> {
    p.step("the auditor reads the whole life from the first click");
    let aron = p.staff("aron.weiss").await?;
    let file = p.api.get(&format!("/api/v1/clients/{}/file", alex.client_id), aron.on()).await?;
    let parts: Vec<String> = file
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| {
            let list = v.as_array().or_else(|| v["items"].as_array())?;
            Some(format!("{k} {}", list.len()))
        })
        .collect();
    for needed in ["audit", "decisions", "deposits", "withdrawals"] {
        expect(parts.iter().any(|x| x.starts_with(needed) && !x.ends_with(" 0")), || {
            format!("the file has no {needed}: {}", parts.join(", "))
        })?;
    }
    p.ok(parts.join(", "));

    p.step("and proves that nobody has edited it");
    let v = p.api.get("/api/v1/audit/verify", aron.on()).await?;
    expect(v["clean"] == true, || format!("verify says {v}"))?;
    p.ok("audit chain and ledger are clean");
    Ok(())
}
