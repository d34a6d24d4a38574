//! N7: deals as the feed hands them over, through recording, event, job, commission lines and
//! ledger, until all is durable; against inserting the same rows and nothing else.

use super::house::{House, How};
use super::place::{connect, pg};
use super::plan::Plan;
use super::rows::{Copy, copy_of, insert_text};
use qd_db::{Db, Engine, sql};
use qd_kernel::{Lots, Problem, Result, Ts};
use qd_ports::platform::{Deal, DealEntry, DealKind, DealSide};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Deals in one reading of the feed.
const BATCH: usize = 500;
/// What a deal leaves behind.
const TABLES: [&str; 5] = ["deals", "commission_deals", "commission_lines", "ledger_entries", "ledger_postings"];

pub async fn run(plan: &Plan) -> Result<()> {
    for engine in plan.place.engines() {
        let past = if plan.smoke { (90, 30) } else { (400, 30) };
        let house = House::open(
            plan,
            plan.place.database(engine).await?,
            How {
                working: true,
                feed_every_s: 0,
                past: Some(past),
            },
        )
        .await?;
        throughput(plan, &house).await?;
        house.close().await;
    }
    Ok(())
}

async fn throughput(plan: &Plan, house: &House) -> Result<()> {
    let db = house.app.core.db.clone();
    let engine = db.engine();
    let logins: Vec<(String, String)> = db
        .read(async |tx| {
            tx.rows(
                sql!("SELECT a.server, a.login FROM trading_accounts a WHERE a.kind = 'live' AND a.state = 'ready' AND a.entity = 'eu' ORDER BY a.id LIMIT 2000"),
                &[],
            )
            .await
        })
        .await?;
    if logins.is_empty() {
        return Err(Problem::bug(
            "bench_nobody",
            "the simulated past has no live account; it needs more clients",
        ));
    }
    let round = (plan.deals / plan.rounds).max(1);
    let next = AtomicU64::new(1);
    let raw = Raw::make(house).await?;
    let last: Mutex<Vec<Vec<Batch>>> = Mutex::default();
    let (paid, lines) = (AtomicU64::new(0), AtomicU64::new(0));
    // The rows of a round of ours are what the baseline writes next; so ours goes first.
    let mut pair = super::figure::Pair::default();
    for i in 0..=plan.rounds {
        let marks = raw.marks(&db).await?;
        let first = next.fetch_add(round as u64, Ordering::Relaxed);
        let begun = Instant::now();
        ours(house, &logins, first, round).await?;
        let our_rate = round as f64 / begun.elapsed().as_secs_f64();
        let rows = raw.since(&db, &marks).await?;
        lines.fetch_add(rows.iter().map(|b| b[2].len() as u64).sum(), Ordering::Relaxed);
        paid.fetch_add(round as u64, Ordering::Relaxed);
        let begun = Instant::now();
        for b in &rows {
            raw.insert(&db, b).await?;
        }
        let base_rate = round as f64 / begun.elapsed().as_secs_f64();
        last.lock().unwrap_or_else(PoisonError::into_inner).push(rows);
        if i > 0 {
            pair.ours.push(our_rate);
            pair.base.push(base_rate);
        }
    }
    pair.figure(format!("N7.feed.{}", engine.name()), "deals/s")
        .against("plain multi-row inserts of the same rows (deals, commissions, entries, postings) into tables with the same indexes, a transaction for each 500 deals")
        .goal("ratio >= 0.5")
        .with("engine", engine.name())
        .with("deals_per_round", round)
        .with("deals_per_reading", BATCH)
        .number("lines_per_deal", lines.load(Ordering::Relaxed) as f64 / paid.load(Ordering::Relaxed).max(1) as f64)
        .number("flush_ms", plan.flush_ms)
        .print()
}

/// From the connector's hands to the last commission row.
async fn ours(house: &House, logins: &[(String, String)], first: u64, count: usize) -> Result<()> {
    let core = house.app.core.clone();
    let server = logins[0].0.clone();
    let now = core.now();
    let deals: Vec<Deal> = (0..count as u64)
        .map(|i| deal(first + i, &logins[((first + i) % logins.len() as u64) as usize].1, now))
        .collect();
    for batch in deals.chunks(BATCH) {
        let (c, server, batch) = (core.clone(), server.clone(), batch.to_vec());
        core.db
            .write(async move |tx| qd_trading::feed::ingest(tx, &c, &server, &batch, None).await)
            .await?;
    }
    let (from, to) = (ticket(first), ticket(first + count as u64));
    let begun = Instant::now();
    loop {
        let (from, to) = (from.clone(), to.clone());
        let (n,): (i64,) = core
            .db
            .read(async move |tx| {
                tx.must(
                    sql!("SELECT COUNT(*) FROM commission_deals WHERE ticket >= $1 AND ticket < $2"),
                    &qd_kernel::vals![from.as_str(), to.as_str()],
                )
                .await
            })
            .await?;
        if n as usize >= count {
            return Ok(());
        }
        if begun.elapsed() > Duration::from_secs(120) {
            return Err(Problem::unavailable(
                "bench_waited",
                format!("only {n} of {count} deals reached the commission lines"),
            ));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn ticket(n: u64) -> String {
    format!("{:012}", 900_000_000_000 + n)
}

/// A trade that closes a position.
fn deal(n: u64, login: &str, now: Ts) -> Deal {
    Deal {
        ticket: ticket(n),
        login: login.to_string(),
        kind: DealKind::Trade,
        side: DealSide::Sell,
        entry: DealEntry::Out,
        technical: false,
        reason: "client".into(),
        symbol: "EURUSD".into(),
        volume: Lots(10_000_000 + (n % 9) as i64 * 1_000_000),
        volume_closed: Lots(10_000_000 + (n % 9) as i64 * 1_000_000),
        contract_size: 100_000,
        digits: 5,
        price: 108_000 + (n % 500) as i64,
        price_position: 107_900,
        bid: Some(108_000),
        ask: Some(108_001),
        profit_minor: (n % 2_000) as i64 - 1_000,
        swap_minor: 0,
        commission_minor: 0,
        position_id: format!("p{n}"),
        comment: String::new(),
        at: now.plus_millis(-((n % 20_000) as i64)),
        server_wall_ms: now.millis(),
        modified: false,
    }
}

/// The rows of one reading, by table.
type Batch = Vec<Vec<Vec<qd_kernel::Val>>>;

/// Copies of the tables without checks, references and triggers.
struct Raw {
    copies: Vec<Copy>,
    client: Option<tokio_postgres::Client>,
}

impl Raw {
    async fn make(house: &House) -> Result<Raw> {
        let mut copies = Vec::new();
        for t in TABLES {
            copies.push(copy_of(&house.app.core.db, t).await?);
        }
        let client = match house.url() {
            Some(u) => Some(connect(u.expose()).await?),
            None => None,
        };
        Ok(Raw { copies, client })
    }

    /// How many rows each table has.
    async fn marks(&self, db: &Db) -> Result<Vec<i64>> {
        let mut out = Vec::new();
        for c in &self.copies {
            out.push(c.count(db).await?);
        }
        Ok(out)
    }

    /// What came since, spread evenly over as many batches as there were readings.
    async fn since(&self, db: &Db, marks: &[i64]) -> Result<Vec<Batch>> {
        let mut all = Vec::new();
        for (c, from) in self.copies.iter().zip(marks) {
            all.push(c.newest(db, c.count(db).await? - from).await?);
        }
        let batches = all[0].len().div_ceil(BATCH).max(1);
        Ok((0..batches)
            .map(|b| {
                all.iter()
                    .map(|rows| rows[rows.len() * b / batches..rows.len() * (b + 1) / batches].to_vec())
                    .collect()
            })
            .collect())
    }

    async fn insert(&self, db: &Db, batch: &Batch) -> Result<()> {
        match (&self.client, db.engine()) {
            (Some(client), Engine::Postgres) => {
                let mut text = String::from("BEGIN");
                for (c, rows) in self.copies.iter().zip(batch).filter(|(_, rows)| !rows.is_empty()) {
                    text.push_str("; ");
                    text.push_str(&insert_text(&c.name, rows));
                }
                text.push_str("; COMMIT");
                client.batch_execute(&text).await.map_err(pg)
            }
            _ => {
                let batch: Vec<_> = self.copies.iter().map(|c| c.insert).zip(batch.clone()).collect();
                db.write(async move |tx| {
                    for (statement, rows) in &batch {
                        tx.exec_many(*statement, rows).await?;
                    }
                    Ok(())
                })
                .await
            }
        }
    }
}
