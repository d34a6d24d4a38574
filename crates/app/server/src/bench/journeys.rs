//! What one client waits for from end to end, on a brokerage with a past: N10, from the provider's
//! callback to the money on the trading account; and the second half of N7, from a deal on the
//! platform to the partner's total.

use super::figure::{Figure, ms, percentile};
use super::house::{House, How};
use super::load::{Connection, post};
use super::plan::Plan;
use qd_db::{Tx, sql};
use qd_kernel::{Amount, Currency, Problem, Result, Ts, vals};
use qd_payments::DepositId;
use qd_payments::deposit::{self, DepositState, NewDeposit};
use qd_runtime::access::Caller;
use qd_trading::TradingAccountId;
use serde_json::json;
use std::time::{Duration, Instant};

/// Nothing here takes longer unless it never comes.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    Credit,
    Total,
}

pub async fn run(plan: &Plan, figures: &[Figures]) -> Result<()> {
    let past = if plan.smoke { (90, 30) } else { (150, 60) };
    for engine in plan.place.engines() {
        for f in figures {
            let how = How {
                working: true,
                feed_every_s: if *f == Figures::Total { 1 } else { 0 },
                past: Some(past),
            };
            let house = House::open(plan, plan.place.database(engine).await?, how).await?;
            match f {
                Figures::Credit => credit(plan, &house).await?,
                Figures::Total => total(plan, &house).await?,
            }
            house.close().await;
        }
    }
    Ok(())
}

/// A client with a live account in euro; `partner`: one whose trades somebody is paid for.
struct Trader {
    client: String,
    account: TradingAccountId,
    server: String,
    login: String,
}

async fn trader(house: &House, partner: bool) -> Result<Trader> {
    let found = house
        .app
        .core
        .db
        .read(async move |tx: &mut Tx| {
            let rows: Vec<(String, TradingAccountId, String, String, i64)> = tx
                .rows(
                    sql!(
                        "SELECT a.client_id, a.id, a.server, a.login, (SELECT COUNT(*) FROM partner_clients p WHERE p.client_id = a.client_id AND p.to_at IS NULL AND p.state = 'active' AND p.partner_id IS NOT NULL)
                         FROM trading_accounts a WHERE a.kind = 'live' AND a.state = 'ready' AND a.currency = 'EUR' AND a.entity = 'eu' ORDER BY a.id LIMIT 500"
                    ),
                    &[],
                )
                .await?;
            Ok(rows)
        })
        .await?;
    let (client, account, server, login, _) = found
        .into_iter()
        .find(|r| !partner || r.4 > 0)
        .ok_or_else(|| Problem::bug("bench_nobody", "the simulated past has no such client; it needs more clients"))?;
    Ok(Trader {
        client,
        account,
        server,
        login,
    })
}

async fn credit(plan: &Plan, house: &House) -> Result<()> {
    let who = trader(house, false).await?;
    let (mut added, mut theirs, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let mut control = Connection::open(house.at).await?;
    for i in 0..plan.repeats + 1 {
        let id = wish(house, &who).await?;
        let session = until(|| async {
            Ok(state(house, id)
                .await?
                .filter(|d| d.0 == DepositState::Redirected)
                .and_then(|d| d.1))
        })
        .await?;
        let before = Instant::now();
        let order = json!({"session": session, "card": "4242424242424242"}).to_string();
        control
            .exchange(&post("/sandbox/control/stripe/stripe-eu/pay", "", order.as_bytes()))
            .await?;
        until(|| async { Ok(state(house, id).await?.filter(|d| d.0 == DepositState::Posted)) }).await?;
        let seen = Instant::now();
        let came = house
            .answers
            .first_callback(before)
            .ok_or_else(|| Problem::bug("bench_no_callback", "the deposit was credited without a callback"))?;
        let (all, own) = (ms(seen - came), house.answers.between(came, seen) * 1_000.0);
        // The first one warms caches, sessions and statements.
        if i > 0 {
            added.push((all - own).max(0.001));
            theirs.push(own.max(0.001));
            whole.push(all);
        }
    }
    let engine = house.app.core.db.engine().name();
    Figure::new(
        format!("N10.credit.{engine}"),
        "ms",
        percentile(&added, 0.99),
        percentile(&theirs, 0.99),
    )
    .against("p99 of the time that the sandbox's own answers take in the same span")
    .goal("value <= 100: what we add, p99, between the callback's arrival and the credited state that the client sees")
    .with("engine", engine)
    .with("repeats", added.len())
    .number("median_ms", percentile(&added, 0.5))
    .number("whole_p99_ms", percentile(&whole, 0.99))
    .number("flush_ms", plan.flush_ms)
    .print()
}

async fn wish(house: &House, who: &Trader) -> Result<DepositId> {
    let (core, client, account) = (house.app.core.clone(), who.client.clone(), who.account);
    house
        .app
        .core
        .db
        .write(async move |tx| {
            let facts = qd_app::compose::payment_facts(tx, &core, &client, None).await?;
            let wish = NewDeposit {
                amount: Amount::new(10_000, Currency::EUR),
                method: "card".into(),
                account_id: Some(account),
                bin: None,
            };
            Ok(deposit::create(tx, &core, &Caller::system("bench"), facts, wish).await?.id)
        })
        .await
}

async fn state(house: &House, id: DepositId) -> Result<Option<(DepositState, Option<String>)>> {
    let core = house.app.core.clone();
    let d = house
        .app
        .core
        .db
        .read(async move |tx| deposit::get(tx, &core, &Caller::system("bench"), id).await)
        .await?;
    if let DepositState::Failed | DepositState::Held | DepositState::Expired | DepositState::Cancelled = d.state {
        return Err(Problem::bug(
            "bench_deposit",
            format!("the deposit ended as {:?}: {:?}", d.state, d.held_reason.or(d.failure_code)),
        ));
    }
    Ok(Some((d.state, d.provider_ref)))
}

/// Looks every millisecond.
async fn until<T, F: Future<Output = Result<Option<T>>>>(look: impl Fn() -> F) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(v) = look().await? {
            return Ok(v);
        }
        if begun.elapsed() > LIMIT {
            return Err(Problem::unavailable("bench_waited", "what is waited for did not come within 30 s"));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Lines on all partners' purses: what their portals sum up.
async fn lines(house: &House) -> Result<i64> {
    house
        .app
        .core
        .db
        .read(async |tx| {
            Ok(tx
                .must::<(i64,)>(sql!("SELECT CAST(COALESCE(SUM(lines), 0) AS BIGINT) FROM partner_purses"), &vals![])
                .await?
                .0)
        })
        .await
}

async fn total(plan: &Plan, house: &House) -> Result<()> {
    let who = trader(house, true).await?;
    let platform = house.app.platforms.get(&who.server)?;
    let mut control = Connection::open(house.at).await?;
    let path = format!("/sandbox/control/mt5/{}/trade", who.server);
    let order = json!({"login": who.login.parse::<u64>().unwrap_or(0), "symbol": "EURUSD", "side": "buy", "volume_lots": "0.10", "hold_s": 100, "move_points": 5}).to_string();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    // Everything of the past is read first: the feed has nothing to do when the first deal comes.
    let mut still = (lines(house).await?, Instant::now());
    while still.1.elapsed() < Duration::from_secs(4) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = lines(house).await?;
        if now != still.0 {
            still = (now, Instant::now());
        }
    }
    for i in 0..plan.repeats + 1 {
        // Deals come at any moment of the feed's second.
        tokio::time::sleep(Duration::from_millis(37 * (i as u64 % 27))).await;
        let before = lines(house).await?;
        control.exchange(&post(&path, "", order.as_bytes())).await?;
        let acknowledged = Instant::now();
        let now = house.app.core.now();
        let known = until(|| async {
            let deals = platform
                .deals(r"real\*", now.plus_secs(-2), now.plus_secs(60))
                .await
                .map_err(|e| Problem::unavailable("bench_platform", e.detail))?;
            Ok(deals
                .iter()
                .any(|d| d.login == who.login && d.at >= Ts::from_secs(now.secs() - 1))
                .then(Instant::now))
        })
        .await?;
        until(|| async { Ok((lines(house).await? > before).then_some(())) }).await?;
        if i > 0 {
            ours.push(acknowledged.elapsed().as_secs_f64());
            bare.push((known - acknowledged).as_secs_f64().max(0.000_01));
        }
    }
    let engine = house.app.core.db.engine().name();
    Figure::new(
        format!("N7.partner_total.{engine}"),
        "s",
        percentile(&ours, 0.99),
        percentile(&bare, 0.99),
    )
    .against("p99 until the same deal can be read from the platform at all, asked without pause")
    .goal("value <= 1: from the platform's acknowledgement to the partner's total, p99")
    .with("engine", engine)
    .with("repeats", ours.len())
    .with("feed_every_s", house.app.config.worker.feed_every_s)
    .number("median_s", percentile(&ours, 0.5))
    .print()
}
