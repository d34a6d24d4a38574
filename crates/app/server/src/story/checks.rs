//! The buyer's five checks, each said to pass or to fail; one that fails does not keep the next from
//! being made.

use super::alex::{withdraw, withdrawal_until};
use super::http::Body;
use super::people::{Client, text_of};
use super::{Play, Played, expect, flagged, until};
use qd_outbound::Method;
use serde_json::{Value, json};

pub async fn play(p: &mut Play) -> Played<()> {
    let mut said = Vec::new();
    said.push(("a simple and a flagged verification", flagged::play(p).await));
    // The next ones need one client with money on an account.
    match funded(p).await {
        Err(e) => {
            said.extend(["the log of a withdrawal", "an account is blocked and freed", "the live report"].map(|t| (t, Err(e.clone()))))
        }
        Ok((c, account, login)) => {
            said.push(("the log of a withdrawal", withdrawal_log(p, &c, &account).await));
            said.push(("an account is blocked and freed", block(p, &account, &login).await));
            said.push(("the live report", report(p, &c, &account).await));
        }
    }
    said.push(("what sales sees after signing in", sales(p).await));
    println!();
    let mut failed = 0;
    for (n, (title, outcome)) in said.iter().enumerate() {
        match outcome {
            Ok(()) => println!("PASS  check {}: {title}", n + 1),
            Err(why) => {
                failed += 1;
                println!("FAIL  check {}: {title}: {why}", n + 1);
            }
        }
    }
    p.step("all five checks");
    expect(failed == 0, || format!("{failed} of {} checks failed", said.len()))
}

async fn funded(p: &mut Play) -> Played<(Client, String, String)> {
    let (c, account, login) = p.ready_client("Bruno").await?;
    p.step("he pays EUR 500");
    let d = p.start_deposit(&c, 50_000, &account).await?;
    p.pay(&d, &c, &c.card).await?;
    p.deposit_until(&c, &text_of(&d, "id")?, 60, |d| d["state"] == "posted").await?;
    p.ok("on his account");
    Ok((c, account, login))
}

async fn withdrawal_log(p: &mut Play, c: &Client, account: &str) -> Played<()> {
    p.step("a withdrawal, and who did what with it");
    let id = withdraw(p, c, account, 6_000).await?;
    let (farid, clara) = (p.staff("farid.aziz").await?, p.staff("clara.stein").await?);
    let w = until("the decision", 60, async || {
        let w = p.api.get(&format!("/api/v1/withdrawals/{id}"), farid.on()).await?;
        Ok(Some(w).filter(|w| !matches!(w["state"].as_str(), Some("collecting" | "deciding"))))
    })
    .await?;
    if w["state"] == "review" {
        p.step_up(&farid, &p.password.clone()).await?;
        p.api
            .post(
                &format!("/api/v1/withdrawals/{id}/approve"),
                farid.on(),
                &json!({"reason": "funds and source checked"}),
            )
            .await?;
    }
    let w = withdrawal_until(p, &farid, false, &id, 60, "paid").await?;
    let log = p
        .api
        .get(&format!("/api/v1/audit?object=withdrawal:{id}&limit=200"), clara.on())
        .await?;
    let rows: Vec<Value> = log["items"].as_array().cloned().unwrap_or_default();
    let states: Vec<&str> = rows.iter().rev().filter_map(|r| r["after"]["state"].as_str()).collect();
    for needed in ["collecting", "deciding", "approved", "paid"] {
        expect(states.contains(&needed), || format!("the log never says {needed}: {states:?}"))?;
    }
    expect(
        rows.iter()
            .all(|r| r["actor_label"].as_str().is_some_and(|a| !a.is_empty()) && r["at_us"].is_i64()),
        || "a line of the log does not say who or when".into(),
    )?;
    let decided = p.api.get(&format!("/api/v1/decisions/withdrawal:{id}"), clara.on()).await?;
    let d = &decided["items"][0];
    expect(d["inputs"]["facts"].is_object(), || {
        format!("the decision does not say what was seen: {d}")
    })?;
    expect(w["legs"][0]["provider_ref"].is_string(), || {
        format!("the payout has no reference of the provider: {}", w["legs"])
    })?;
    p.ok(format!(
        "{} lines, decided by {}, {}",
        rows.len(),
        d["rule"],
        w["legs"][0]["provider_ref"]
    ));
    Ok(())
}

async fn block(p: &mut Play, account: &str, login: &str) -> Played<()> {
    let tom = p.staff("tom.becker").await?;
    for (rights, closed) in [("read_only", true), ("full", false)] {
        p.step(if closed {
            "operations make the account read-only"
        } else {
            "and free it again"
        });
        let path = format!("/api/v1/accounts/{account}/restrict");
        p.api
            .post(&path, tom.on(), &json!({"rights": rights, "reason": "check of the buyer"}))
            .await?;
        until("the trade server to follow", 10, async || {
            Ok(p.account_there(login).await?["read_only"].as_bool().filter(|r| *r == closed))
        })
        .await?;
        let a = until("the confirmation", 10, async || {
            let a = p.api.get(&format!("/api/v1/accounts/{account}"), tom.on()).await?;
            Ok(Some(a).filter(|a| a["sync"]["state"] == "synced" && a["rights"] == rights))
        })
        .await?;
        expect(a["rights_by"] == tom.name.as_str(), || {
            format!("the record says {} did it", a["rights_by"])
        })?;
        p.ok(format!("{rights} at the trade server, by {}", a["rights_by"]));
    }
    Ok(())
}

/// The sum on trading accounts in the house's totals.
async fn on_accounts(p: &Play) -> Played<i64> {
    let admin = p.staff("admin").await?;
    let v = p.api.get("/api/v1/ledger/totals", admin.on()).await?;
    let rows = v["items"].as_array().cloned().unwrap_or_default();
    Ok(rows
        .iter()
        .filter(|r| r["currency"] == "EUR" && r["purpose"] == "platform")
        .filter_map(|r| r["balance_minor"].as_i64())
        .sum())
}

async fn report(p: &mut Play, c: &Client, account: &str) -> Played<()> {
    p.step("a deposit is in the report as soon as it is on the account");
    let before = on_accounts(p).await?;
    let d = p.start_deposit(c, 25_000, account).await?;
    p.pay(&d, c, &c.card).await?;
    p.deposit_until(c, &text_of(&d, "id")?, 60, |d| d["state"] == "posted").await?;
    let admin = p.staff("admin").await?;
    let own = p
        .api
        .get(
            &format!("/api/v1/ledger/statement?owner=tacc:{account}&purpose=platform&currency=EUR&limit=1"),
            admin.on(),
        )
        .await?;
    expect(own["items"][0]["minor"] == 25_000, || {
        format!("the account's newest line is {}", own["items"][0])
    })?;
    // Others trade and pay meanwhile: the house's sum has moved, the client's line is exact.
    let after = on_accounts(p).await?;
    expect(after != before, || format!("the house's total stands still at {before}"))?;
    p.ok(format!(
        "total on accounts {} before, {} now",
        super::people::euros(before),
        super::people::euros(after)
    ));
    Ok(())
}

async fn sales(p: &mut Play) -> Played<()> {
    p.step("sales sign in: their own clients, no money, no papers, no approvals");
    let lena = p.staff("lena.vogt").await?;
    let own = p.api.get("/api/v1/clients?limit=200", lena.on()).await?;
    let mine: Vec<Value> = own["items"].as_array().cloned().unwrap_or_default();
    expect(mine.iter().all(|c| c["owner_id"] == lena.id.as_str()), || {
        "a client of somebody else is in the list".into()
    })?;
    for path in ["/api/v1/kyc/queue", "/api/v1/withdrawals", "/api/v1/ledger/totals", "/api/v1/audit"] {
        p.api
            .send(Method::GET, path, lena.on(), &[], Body::None)
            .await?
            .refused(403, "right_missing")?;
    }
    if let Some(c) = mine.first() {
        let record = p.api.get(&format!("/api/v1/clients/{}", text_of(c, "id")?), lena.on()).await?;
        expect(record["money"].is_null(), || "sales see money".into())?;
    }
    p.ok(format!("{} clients of her own", mine.len()));
    Ok(())
}
