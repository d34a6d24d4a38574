//! N15: settlement files read, matched with the ledger's side and written, from the sealed file to
//! the last commit; beside the same rows sorted and merged by plain SQLite, which keeps nothing.

use super::figure::Figure;
use super::place::Fresh;
use super::plan::Plan;
use qd_app::config::{PspConfig, SecretRef};
use qd_db::{Engine, sql};
use qd_kernel::{Env, Problem, Result, Secret, vals};
use qd_payments::Psps;
use qd_recon::{FileState, files};
use qd_runtime::Core;
use qd_runtime::access::Caller;
use qd_runtime::files::{FileKey, Files, FilesConfig};
use qd_runtime::jobs::{Registry, run_until_idle};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

const CONNECTION: &str = "stripe-bench";
/// Lines of one file; about 20 MB.
const PER_FILE: i64 = 125_000;
/// Coprime to the sizes: lines come in another order than entries.
const STEP: i64 = 7_919;

pub async fn run(plan: &Plan) -> Result<()> {
    let lines: i64 = if plan.smoke { 1_000 } else { 500_000 };
    let baseline = merged(plan, lines).await?;
    for engine in plan.place.engines() {
        let fresh = plan.place.database(engine).await?;
        let ours = reconciled(plan, &fresh, lines).await?;
        Figure::new(format!("N15.reconcile.{}", engine.name()), "rows/s", ours, baseline)
            .against(
                "the same rows of both sides sorted by reference and merged, from two plain SQLite tables, nothing parsed, nothing written",
            )
            .goal("1,000,000 rows in 300 s")
            .with("engine", engine.name())
            .with("rows", lines * 2)
            .number("seconds", (lines * 2) as f64 / ours)
            .number("flush_ms", plan.flush_ms)
            .print()?;
        fresh.remove().await;
    }
    Ok(())
}

fn minor(n: i64) -> i64 {
    10_000 + n % 90_000
}

/// Rows a second of sorting and merging.
async fn merged(plan: &Plan, lines: i64) -> Result<f64> {
    let fresh = plan.place.database(Engine::Sqlite).await?;
    fresh
        .db
        .run_script(
            "CREATE TABLE bare_lines (ref TEXT NOT NULL, minor INTEGER NOT NULL); CREATE TABLE bare_entries (ref TEXT NOT NULL, minor INTEGER NOT NULL)",
            "SELECT 1",
        )
        .await?;
    fresh
        .db
        .write(async move |tx| {
            tx.exec(
                sql!(
                    "INSERT INTO bare_entries (ref, minor) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $1 - 1)
                     SELECT 'dep_' || printf('%026d', i), 10000 + i % 90000 FROM n"
                ),
                &vals![lines],
            )
            .await?;
            tx.exec(
                sql!(
                    "INSERT INTO bare_lines (ref, minor) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $1 - 1)
                     SELECT 'dep_' || printf('%026d', (i * $2) % $1), 10000 + ((i * $2) % $1) % 90000 FROM n"
                ),
                &vals![lines, STEP],
            )
            .await
        })
        .await?;
    let begun = Instant::now();
    let matched = fresh
        .db
        .read_long(async move |tx| {
            let ours: Vec<(String, i64)> = tx.rows(sql!("SELECT ref, minor FROM bare_entries ORDER BY ref"), &[]).await?;
            let theirs: Vec<(String, i64)> = tx.rows(sql!("SELECT ref, minor FROM bare_lines ORDER BY ref"), &[]).await?;
            Ok(ours.iter().zip(&theirs).filter(|(a, b)| a == b).count())
        })
        .await?;
    let took = begun.elapsed().as_secs_f64();
    fresh.remove().await;
    if i64::try_from(matched).ok() != Some(lines) {
        return Err(Problem::bug("bench_merge", format!("{matched} of {lines} rows were merged")));
    }
    Ok((lines * 2) as f64 / took)
}

/// Rows a second of our own way.
async fn reconciled(plan: &Plan, fresh: &Fresh, lines: i64) -> Result<f64> {
    let core = Core::new(fresh.db.clone(), Env::system());
    // Nobody is called; the connector wants keys all the same.
    let key = plan.place.folder("keys")?.join("psp");
    std::fs::write(&key, "sk_test_bench").map_err(|e| Problem::unavailable("bench_folder", "a key could not be written").with_source(e))?;
    let secret = SecretRef(format!("file:{}", key.display()));
    let psp = qd_app::wiring::psp(
        &PspConfig {
            id: CONNECTION.into(),
            entity: "eu".into(),
            provider: "stripe".into(),
            secret_key: secret.clone(),
            webhook_secrets: vec![secret],
            api_base: None,
            settings: BTreeMap::new(),
            secrets: BTreeMap::new(),
            private_network: false,
        },
        "http://127.0.0.1:9",
    )?;
    let psps = Psps::new(BTreeMap::from([(CONNECTION.to_string(), psp)]));
    let store = Files::open(
        FilesConfig {
            dir: plan.place.folder("files")?,
            keys: vec![FileKey {
                id: "bench".into(),
                hex: Secret::new("5e".repeat(32)),
            }],
            max_bytes: 1 << 20,
        },
        core.env.clone(),
    )?;
    let at = core.now().plus_days(-5);
    core.db
        .write(async move |tx| {
            qd_payments::jobs::connections::register(tx, CONNECTION, "eu", "stripe", &serde_json::json!([])).await?;
            tx.exec(
                sql!(
                    "INSERT INTO recon_entries (id, entry_id, connection, entity, reference, kind, minor, currency, our_ref, booked_at, state)
                     WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1 - 1)
                     SELECT 'ent_' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2) || ':EUR', 'ent_' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), $2, 'eu',
                         'deposit:dep_' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2) || ':received', 'deposit', 10000 + i % 90000, 'EUR',
                         'dep_' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), $3, 'open' FROM n"
                ),
                &vals![lines, CONNECTION, at],
            )
            .await
        })
        .await?;
    core.db.run_script("ANALYZE", "ANALYZE").await?;
    let day = at.rfc3339();
    let day = day.get(..10).unwrap_or("2026-11-20").to_string();
    let texts: Vec<Vec<u8>> = (0..lines)
        .step_by(usize::try_from(PER_FILE).unwrap_or(1))
        .map(|from| file(from, (from + PER_FILE).min(lines), lines, &day))
        .collect();
    let registry = qd_recon::handlers(&core, &psps, &store)
        .into_iter()
        .fold(Registry::new(), Registry::add);
    let begun = Instant::now();
    let mut ids = Vec::new();
    for text in &texts {
        let sealed = files::seal(&store, text)?;
        let (c, p) = (core.clone(), psps.clone());
        let f = core
            .db
            .write(async move |tx| files::load(tx, &c, &p, &Caller::system("bench"), CONNECTION, "bench.csv", &sealed).await)
            .await?;
        ids.push(f.id);
        run_until_idle(&core, &registry).await?;
    }
    let took = begun.elapsed().as_secs_f64();
    let mut matched = 0;
    for id in ids {
        let f = core
            .db
            .read(async move |tx| files::get(tx, &Caller::system("bench"), id).await)
            .await?;
        if f.state != FileState::Done || f.breaks != 0 {
            return Err(Problem::bug(
                "bench_reconcile",
                format!("a file ended as {} with {} breaks", f.state, f.breaks),
            ));
        }
        matched += f.matched;
    }
    if matched != lines {
        return Err(Problem::bug("bench_reconcile", format!("{matched} of {lines} lines were matched")));
    }
    Ok((lines * 2) as f64 / took)
}

fn file(from: i64, to: i64, of: i64, day: &str) -> Vec<u8> {
    let mut out = String::from(
        "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,charge_id,payment_intent_id,payment_metadata[qd_ref]\n",
    );
    for i in from..to {
        let n = (i * STEP) % of;
        let m = minor(n);
        let (major, cents) = (m / 100, m % 100);
        let _ = writeln!(
            out,
            "txn_{n:024},{day} 10:00:00,eur,{major}.{cents:02},0.00,{major}.{cents:02},charge,ch_{n:024},ch_{n:024},pi_{n:024},dep_{n:017}"
        );
    }
    out.into_bytes()
}
