//! The server is killed at random moments, as by `kill -9`, under a load of deposits and withdrawals
//! and of people becoming clients, while the counterparties live on in a process of their own. At
//! the end nothing that was acknowledged is missing and nothing happened twice: our API, our
//! ledger, the trade server and the card processor tell the same story.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Brokerage, run_well};
use qd_db::DbConfig;
use qd_kernel::{Entropy, SeededEntropy};
use qd_server::story::people::{Client, text_of};
use qd_server::story::{Play, until};
use qd_testkit::TestDb;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CLIENTS: usize = 4;

/// What a client was promised: by the id that was acknowledged.
#[derive(Default)]
struct Promised {
    deposits: BTreeMap<String, i64>,
    withdrawals: BTreeMap<String, i64>,
}

struct Party {
    client: Client,
    account: String,
    login: String,
    promised: Promised,
}

fn play(house: &Brokerage) -> Play {
    Play::new(&format!("http://{}", house.listen), &house.sandbox_url(), None)
        .unwrap()
        .patient()
}

/// Deposits and withdraws until told to stop, each command with a key of its own, sent again with
/// that key until it is answered.
async fn trade_money(p: Play, mut party: Party, seed: u64, stop: Arc<AtomicBool>) -> Party {
    let dice = SeededEntropy::new(seed);
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let (deposit, cents) = (n < 3 || dice.below(3) > 0, 10_000 + i64::try_from(dice.below(40)).unwrap() * 100);
        let key = format!("kill-{seed}-{n}");
        if deposit {
            let body = json!({"amount": {"minor": cents, "currency": "EUR"}, "method": "card", "account_id": party.account});
            let d = p
                .api
                .keyed("/api/v1/me/deposits", party.client.on(), &key, &body)
                .await
                .unwrap()
                .done()
                .unwrap();
            let id = text_of(&d, "id").unwrap();
            party.promised.deposits.insert(id.clone(), cents);
            let d = p.deposit_until(&party.client, &id, 90, |d| d["state"] != "created").await.unwrap();
            let card = party.client.card.clone();
            p.pay(&d, &party.client, &card).await.unwrap();
        } else {
            let cents = 1_000 + i64::try_from(dice.below(20)).unwrap() * 100;
            let body = json!({"amount": {"minor": cents, "currency": "EUR"}, "account_id": party.account});
            let a = p.api.keyed("/api/v1/me/withdrawals", party.client.on(), &key, &body).await.unwrap();
            let w = a.done().unwrap();
            party.promised.withdrawals.insert(text_of(&w, "id").unwrap(), cents);
        }
        tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
    }
    party
}

/// The load is what the rules against many payments in a short time are for: it goes without them.
async fn without_pace(p: &Play) {
    let admin = p.staff("admin").await.unwrap();
    let all = p.api.get("/api/v1/rules", admin.on()).await.unwrap();
    let pace: Vec<&Value> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["reason_code"] == "velocity")
        .collect();
    assert_eq!(pace.len(), 2, "deposits and withdrawals have a rule each");
    for r in pace {
        let mut draft = json!({"base_version": r["version"], "state": "retired", "note": "load"});
        for same in [
            "id",
            "set",
            "entity",
            "name",
            "priority",
            "expression",
            "outcome",
            "reason_code",
            "tests",
        ] {
            draft[same] = r[same].clone();
        }
        p.api.post("/api/v1/rules", admin.on(), &draft).await.unwrap();
    }
}

/// People who become clients, one after the other: the steps of a story.
async fn newcomers(house_url: String, sandbox: String, stop: Arc<AtomicBool>) -> Vec<(Client, String, String)> {
    let mut all = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let mut p = Play::new(&house_url, &sandbox, None).unwrap().patient();
        all.push(p.ready_client("Nora").await.unwrap());
    }
    all
}

/// Every page of one of my lists.
async fn pages(p: &Play, path: &str, c: &Client) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let v = p.api.get(&format!("{path}?limit=100&cursor={cursor}"), c.on()).await.unwrap();
        items.extend(v["items"].as_array().cloned().unwrap_or_default());
        match v["next_cursor"].as_str() {
            Some(next) => cursor = next.to_string(),
            None => return items,
        }
    }
}

/// Everything of one kind at the card processor, by its own API.
async fn at_processor(p: &Play, kind: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let v = p
            .world
            .get(&format!("/stripe/v1/{kind}?limit=100{after}"), Some("sk_test_quarterdeck_eu"))
            .await
            .unwrap();
        let page = v["data"].as_array().cloned().unwrap_or_default();
        if let Some(last) = page.last() {
            after = format!("&starting_after={}", last["id"].as_str().unwrap());
        }
        all.extend(page);
        if v["has_more"] != true {
            return all;
        }
    }
}

const ENDED: [&str; 4] = ["posted", "failed", "expired", "cancelled"];

/// Waits until nothing of this client is under way, then compares all four books.
async fn settled(p: &Play, party: &Party, intents: &[Value], refunds: &[Value]) {
    let c = &party.client;
    let deposits = until("deposits to end", 240, async || {
        let all = pages(p, "/api/v1/me/deposits", c).await;
        Ok(Some(all.clone()).filter(|all| all.iter().all(|d| ENDED.contains(&d["state"].as_str().unwrap()))))
    })
    .await
    .unwrap_or_else(|e| panic!("{e} of {}", c.client_id));
    let withdrawals = until("withdrawals to end", 240, async || {
        let all = pages(p, "/api/v1/me/withdrawals", c).await;
        Ok(Some(all.clone()).filter(|all| {
            all.iter()
                .all(|w| ["paid", "refused", "rejected"].contains(&w["state"].as_str().unwrap()))
        }))
    })
    .await
    .unwrap_or_else(|e| panic!("{e} of {}", c.client_id));

    // Nothing acknowledged is missing, and a key made one thing.
    let known = |all: &[Value]| -> BTreeMap<String, i64> {
        all.iter()
            .map(|d| (d["id"].as_str().unwrap().to_string(), d["amount"]["minor"].as_i64().unwrap()))
            .collect()
    };
    assert_eq!(known(&deposits), party.promised.deposits, "deposits of {}", c.client_id);
    assert_eq!(known(&withdrawals), party.promised.withdrawals, "withdrawals of {}", c.client_id);
    // Everybody paid, so every deposit is on the account.
    assert!(deposits.iter().all(|d| d["state"] == "posted"), "{deposits:?}");

    let sum = |all: &[Value], state: &str| -> i64 {
        all.iter()
            .filter(|x| x["state"] == state)
            .map(|x| x["amount"]["minor"].as_i64().unwrap())
            .sum()
    };
    let (came, went) = (sum(&deposits, "posted"), sum(&withdrawals, "paid"));
    let there = p.balance_there(&party.login).await.unwrap();
    let trades: i64 = pages(p, &format!("/api/v1/me/accounts/{}/deals", party.account), c)
        .await
        .iter()
        .filter(|d| d["kind"] == "trade")
        .map(|d| {
            ["profit_minor", "swap_minor", "commission_minor"]
                .iter()
                .map(|k| d[*k].as_i64().unwrap())
                .sum::<i64>()
        })
        .sum();
    assert_eq!(
        there,
        came - went + trades,
        "the trade server about {}: {came} came, {went} went, {trades} traded",
        party.login
    );

    // The card processor: every payment once, every refund once.
    let mine = |x: &Value, ids: &BTreeMap<String, i64>| {
        ids.contains_key(
            x["metadata"]["qd_ref"]
                .as_str()
                .unwrap_or_default()
                .split(':')
                .next()
                .unwrap_or_default(),
        )
    };
    let paid: i64 = intents
        .iter()
        .filter(|i| i["status"] == "succeeded" && mine(i, &party.promised.deposits))
        .map(|i| i["amount_received"].as_i64().unwrap())
        .sum();
    assert_eq!(paid, came, "the card processor received something else from {}", c.client_id);
    let references: Vec<String> = {
        let mut r = Vec::new();
        for w in &withdrawals {
            for l in w["legs"].as_array().into_iter().flatten() {
                r.extend(l["provider_ref"].as_str().map(str::to_string));
            }
        }
        r
    };
    let back: i64 = refunds
        .iter()
        .filter(|x| references.iter().any(|r| x["id"] == r.as_str()))
        .map(|x| x["amount"].as_i64().unwrap())
        .sum();
    assert_eq!(back, went, "the card processor sent something else back to {}", c.client_id);
}

async fn scenario(house: &Brokerage, kills: usize, seed: u64) {
    let dice = SeededEntropy::new(seed);
    let mut server = house.serve();
    let mut parties = Vec::new();
    for n in 0..CLIENTS {
        let mut p = play(house);
        let (client, account, login) = p
            .ready_client(["Ada", "Bea", "Cleo", "Dana"][n % 4])
            .await
            .unwrap_or_else(|e| panic!("{e}\n{}", server.log()));
        parties.push(Party {
            client,
            account,
            login,
            promised: Promised::default(),
        });
    }
    let p = play(house);
    without_pace(&p).await;
    // Somebody who has never traded is looked at when he withdraws.
    for party in &mut parties {
        let body = json!({"amount": {"minor": 50_000, "currency": "EUR"}, "method": "card", "account_id": party.account});
        let d = p.api.post("/api/v1/me/deposits", party.client.on(), &body).await.unwrap();
        let id = text_of(&d, "id").unwrap();
        party.promised.deposits.insert(id.clone(), 50_000);
        let d = p
            .deposit_until(&party.client, &id, 30, |d| d["state"] == "redirected")
            .await
            .unwrap();
        let card = party.client.card.clone();
        p.pay(&d, &party.client, &card).await.unwrap();
        p.deposit_until(&party.client, &id, 60, |d| d["state"] == "posted").await.unwrap();
        let order =
            json!({"login": party.login, "symbol": "EURUSD", "side": "buy", "volume_lots": "0.10", "hold_s": 60, "move_points": 20});
        p.world.post("/control/mt5/eu-live/trade", None, &order).await.unwrap();
        until("his deals", 30, async || {
            let v = p
                .api
                .get(&format!("/api/v1/me/accounts/{}/deals", party.account), party.client.on())
                .await?;
            Ok(v["items"]
                .as_array()
                .filter(|a| a.iter().filter(|d| d["kind"] == "trade").count() >= 2)
                .map(|_| ()))
        })
        .await
        .unwrap();
    }

    let stop = Arc::new(AtomicBool::new(false));
    let work: Vec<_> = parties
        .into_iter()
        .enumerate()
        .map(|(n, party)| tokio::task::spawn_local(trade_money(play(house), party, seed * 100 + n as u64, stop.clone())))
        .collect();
    let arrivals = tokio::task::spawn_local(newcomers(format!("http://{}", house.listen), house.sandbox_url(), stop.clone()));
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(150 + dice.below(2_500))).await;
        server.kill();
        server = house.launch();
        let (at, log) = (server.at, server.log());
        assert!(!log.contains("panicked"), "{log}");
        tokio::task::spawn_blocking(move || {
            (0..6_000).any(|_| {
                std::thread::sleep(Duration::from_millis(20));
                common::get(at, "/readyz").is_some_and(|r| r.0 == 200)
            })
        })
        .await
        .unwrap();
        if let Some(s) = server.child.try_wait().unwrap() {
            panic!("the server did not come back: {s}\n{}", server.log());
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut parties = Vec::new();
    for w in work {
        parties.push(w.await.unwrap());
    }
    let new = arrivals.await.unwrap();
    assert!(
        parties.iter().map(|p| p.promised.deposits.len()).sum::<usize>() > CLIENTS,
        "there was no load"
    );

    let p = play(house);
    // What is on its way has to arrive before the books are compared.
    for party in &parties {
        until("money to arrive", 240, async || {
            let all = pages(&p, "/api/v1/me/deposits", &party.client).await;
            Ok(all.iter().all(|d| ENDED.contains(&d["state"].as_str().unwrap())).then_some(()))
        })
        .await
        .unwrap();
        until("money to leave", 240, async || {
            let all = pages(&p, "/api/v1/me/withdrawals", &party.client).await;
            Ok(all
                .iter()
                .all(|w| ["paid", "refused", "rejected"].contains(&w["state"].as_str().unwrap()))
                .then_some(()))
        })
        .await
        .unwrap();
    }
    let (intents, refunds) = (at_processor(&p, "payment_intents").await, at_processor(&p, "refunds").await);
    for party in &parties {
        settled(&p, party, &intents, &refunds).await;
    }
    // Newcomers are verified once and have one account each.
    for (c, account, _) in &new {
        let v = p.api.get("/api/v1/me/accounts", c.on()).await.unwrap();
        let ids: Vec<&str> = v["items"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [account.as_str()], "accounts of {}", c.client_id);
    }
    let logins = p.world.get("/control/mt5/eu-live/accounts", None).await.unwrap();
    assert_eq!(
        logins["accounts"].as_array().unwrap().len(),
        parties.len() + new.len(),
        "the trade server has accounts that nobody asked for"
    );
    run_well(&["verify", "--config", house.config()]);
    let served = parties
        .iter()
        .map(|p| p.promised.deposits.len() + p.promised.withdrawals.len())
        .sum::<usize>();
    println!("{kills} kills, {served} movements of money, {} newcomers", new.len());
    assert!(server.stop().success());
}

fn kills() -> usize {
    if std::env::var("QD_SLOW").is_ok_and(|v| v == "1") { 100 } else { 5 }
}

#[test]
fn killed_at_random_moments_on_sqlite_nothing_acknowledged_is_missing_and_nothing_is_doubled() {
    let house = Brokerage::new("kill");
    run_well(&["migrate", "--config", house.config()]);
    run_well(&["seed", "--demo", "--config", house.config()]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, scenario(&house, kills(), 7));
}

#[test]
fn killed_at_random_moments_on_postgres_and_nats_nothing_acknowledged_is_missing_and_nothing_is_doubled() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(db) = runtime.block_on(TestDb::postgres()) else { return };
    let Some(nats) = qd_testkit::nats() else { return };
    let DbConfig::Postgres { url, .. } = db.config() else {
        panic!("not PostgreSQL")
    };
    let house = Brokerage::new("kill_pg");
    house.on_postgres(url.expose(), &nats);
    run_well(&["seed", "--demo", "--config", house.config()]);
    tokio::task::LocalSet::new().block_on(&runtime, scenario(&house, kills(), 11));
    drop(house);
    drop(db);
}
