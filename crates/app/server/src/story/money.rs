//! Stories about money between systems: what is lost, doubled, refused or silent outside, and what
//! client and staff see meanwhile.

use super::people::{CONNECTION, Client, ENTITY_SERVER, text_of};
use super::{Play, Played, expect, until};
use serde_json::{Value, json};

const SUM: i64 = 30_000;

async fn paid_once(p: &Play, c: &Client, id: &str, login: &str, secs: u64) -> Played<Value> {
    let d = p.deposit_until(c, id, secs, |d| d["state"] == "posted").await?;
    let there = p.balance_there(login).await?;
    expect(there == SUM, || {
        format!("the trade server has {there} minor units instead of {SUM}")
    })?;
    Ok(d)
}

/// Entries of the client's wallet: what was booked, once or more often.
async fn received(p: &Play, c: &Client) -> Played<usize> {
    let v = p.api.get("/api/v1/me/wallet/EUR/statement", c.on()).await?;
    Ok(v["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|l| {
            l["reference"]
                .as_str()
                .is_some_and(|r| r.starts_with("deposit:") && r.ends_with(":received"))
        })
        .count())
}

pub async fn lost_callback(p: &mut Play) -> Played<()> {
    let (c, account, login) = p.ready_client("Lotte").await?;
    p.step("the card processor will lose its callbacks");
    let f = p
        .fault(&json!({"provider": "stripe", "server": CONNECTION, "target": "webhook", "kind": "lost", "count": 20}))
        .await?;
    p.ok(&f);
    p.step("she pays EUR 300, and nobody is told");
    let d = p.start_deposit(&c, SUM, &account).await?;
    let id = text_of(&d, "id")?;
    p.pay(&d, &c, &c.card).await?;
    p.ok(&id);
    p.step("the payment is asked about, and arrives all the same");
    let d = paid_once(p, &c, &id, &login, 90).await?;
    p.world.delete(&format!("/control/faults/{f}")).await.ok();
    expect(received(p, &c).await? == 1, || "the deposit is not booked once".into())?;
    p.ok(format!("{}, booked once", d["state"].as_str().unwrap_or_default()));
    Ok(())
}

pub async fn double_callback(p: &mut Play) -> Played<()> {
    let (c, account, login) = p.ready_client("Doro").await?;
    p.step("she pays EUR 300; a forged callback with ten times the sum comes along");
    let f = p
        .fault(&json!({"provider": "stripe", "server": CONNECTION, "target": "webhook", "kind": "forged", "count": 10}))
        .await?;
    let d = p.start_deposit(&c, SUM, &account).await?;
    let id = text_of(&d, "id")?;
    p.pay(&d, &c, &c.card).await?;
    let posted = paid_once(p, &c, &id, &login, 60).await?;
    p.world.delete(&format!("/control/faults/{f}")).await.ok();
    p.ok(posted["state"].as_str().unwrap_or_default());

    p.step("the true callback is sent 32 times at once");
    let session = text_of(&posted, "provider_ref")?;
    let v = p.world.get(&format!("/control/stripe/{CONNECTION}/events"), None).await?;
    let list = v["events"]
        .as_array()
        .or(v["data"].as_array())
        .or(v.as_array())
        .cloned()
        .unwrap_or_default();
    let event = list
        .iter()
        .find(|e| e["type"] == "checkout.session.completed" && e.to_string().contains(&session))
        .ok_or("the card processor has no event of this payment")?;
    let body = json!({"event": event["id"], "times": 32, "concurrent": true});
    p.world.post(&format!("/control/stripe/{CONNECTION}/resend"), None, &body).await?;
    p.ok(event["id"].as_str().unwrap_or_default());

    p.step("one effect");
    // Give every copy the time to do harm.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let there = p.balance_there(&login).await?;
    let booked = received(p, &c).await?;
    expect(there == SUM && booked == 1, || {
        format!("the trade server has {there}, the wallet was credited {booked} times")
    })?;
    p.ok("booked once, on the account once");
    Ok(())
}

pub async fn platform_refuses(p: &mut Play) -> Played<()> {
    let (c, account, login) = p.ready_client("Rosa").await?;
    p.step("the trade server will refuse the next credit");
    p.fault(&json!({"provider": "mt5", "server": ENTITY_SERVER, "target": "trade/balance", "kind": "refuse", "value": "3", "count": 1}))
        .await?;
    p.ok("ordered");
    p.step("she pays EUR 300; client and staff see that it waits for finance");
    let d = p.start_deposit(&c, SUM, &account).await?;
    let id = text_of(&d, "id")?;
    p.pay(&d, &c, &c.card).await?;
    let d = p
        .deposit_until(&c, &id, 60, |d| {
            d["state"] == "succeeded" && d["steps"].to_string().contains("deposit.platform_refused")
        })
        .await?;
    let farid = p.staff("farid.aziz").await?;
    let case = until("the exception", 10, async || {
        let v = p
            .api
            .get("/api/v1/exceptions?kind=platform.move_refused&state=open", farid.on())
            .await?;
        Ok(v["items"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|x| x["client_id"] == c.client_id.as_str())
            .cloned())
    })
    .await?;
    let there = p.balance_there(&login).await?;
    expect(there == 0, || format!("the trade server has {there}"))?;
    p.ok(format!("{}: {}", d["state"], case["cause"].as_str().unwrap_or_default()));

    p.step("finance sends it again, twice by accident");
    let detail = p
        .api
        .get(&format!("/api/v1/exceptions/{}", text_of(&case, "id")?), farid.on())
        .await?;
    let moved = find(&detail, "move_id")
        .or_else(|| find(&case, "move_id"))
        .ok_or("the exception does not name the move")?;
    for _ in 0..2 {
        p.api.post(&format!("/api/v1/moves/{moved}/retry"), farid.on(), &json!({})).await?;
    }
    paid_once(p, &c, &id, &login, 30).await?;
    p.ok("on the account once");
    Ok(())
}

/// A text field wherever it stands.
fn find(v: &Value, field: &str) -> Option<String> {
    match v {
        Value::Object(m) => m
            .get(field)
            .and_then(Value::as_str)
            .map(str::to_string)
            .or_else(|| m.values().find_map(|x| find(x, field))),
        Value::Array(a) => a.iter().find_map(|x| find(x, field)),
        _ => None,
    }
}

pub async fn platform_silent(p: &mut Play) -> Played<()> {
    let (c, account, login) = p.ready_client("Silke").await?;
    p.step("the trade server will book the next credit and not say so");
    p.fault(&json!({"provider": "mt5", "server": ENTITY_SERVER, "target": "trade/balance", "kind": "drop_after", "count": 1}))
        .await?;
    p.ok("ordered");
    p.step("she pays EUR 300");
    let d = p.start_deposit(&c, SUM, &account).await?;
    let id = text_of(&d, "id")?;
    p.pay(&d, &c, &c.card).await?;
    p.ok(&id);
    p.step("the operation is looked up by its token, and not sent again");
    paid_once(p, &c, &id, &login, 90).await?;
    p.ok("on the account once");
    Ok(())
}
