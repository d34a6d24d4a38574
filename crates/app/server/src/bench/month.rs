//! N8: a month of deals summed by partner from columns, and its lines written; beside reading the
//! columns once, writing as many bytes, and DuckDB doing the same on the same rows where this machine
//! can have it.

use super::figure::{Figure, median, ms};
use super::load::process_cpu_s;
use super::plan::Plan;
use qd_kernel::{Currency, Lots, Problem, Result, Ts};
use qd_partners::engine::columns::{Builder, ClassId, MonthColumns, Pushed, Record};
use qd_partners::engine::{Hop, Rank, Ranked, RoundingPlace};
use qd_partners::exact::Exact;
use qd_partners::plan::{Plan as Deal, PlanRef};
use qd_partners::{DealFacts, FactKind, Settings};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LEVELS: usize = 7;
const SYMBOLS: usize = 50;
const THREADS: usize = 2;
const DUCK: &str = include_str!("month.py");

pub async fn run(plan: &Plan) -> Result<()> {
    let size = if plan.smoke {
        Size {
            deals: 60_000,
            accounts: 500,
            partners: 300,
        }
    } else {
        Size {
            deals: 10_000_000,
            accounts: 200_000,
            partners: 20_000,
        }
    };
    let dir = plan.place.folder("month")?;
    // Numbers only from here on, on threads of their own.
    let (rounds, smoke) = (plan.rounds, plan.smoke);
    tokio::task::spawn_blocking(move || measure(&size, rounds, smoke, &dir))
        .await
        .map_err(|e| Problem::bug("bench_month", "the month's thread failed").with_source(e))?
}

#[derive(Clone, Copy)]
struct Size {
    deals: u64,
    accounts: u64,
    partners: u64,
}

/// A step of a generator whose steps are independent of each other: the same deals every time.
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Size {
    /// (account, symbol, hundredths of a lot)
    fn deal(&self, n: u64) -> (u64, usize, u64) {
        let r = mixed(n);
        (r % self.accounts, (r >> 24) as usize % SYMBOLS, 1 + (r >> 40) % 500)
    }
    /// Partners of each level, the highest first; all clients are at the bottom, so each deal pays seven.
    fn levels(&self) -> [u64; LEVELS] {
        [1u64, 5, 25, 125, 600, 2_244, 7_000].map(|share| (self.partners * share / 10_000).max(1))
    }
    fn direct(&self, account: u64) -> u64 {
        mixed(account ^ 0x5555) % self.levels()[LEVELS - 1]
    }
    /// Partners' numbers from a bottom one upwards.
    fn path(&self, bottom: u64) -> Vec<u64> {
        let levels = self.levels();
        let mut out = Vec::with_capacity(LEVELS);
        let mut at = bottom;
        for l in (0..LEVELS).rev() {
            out.push(levels[..l].iter().sum::<u64>() + at);
            if l > 0 {
                at = mixed(at ^ (l as u64) << 32) % levels[l - 1];
            }
        }
        out
    }
}

/// Hundredths of a dollar per lot of a symbol at a level.
fn rate(symbol: usize, level: usize) -> u64 {
    let s = symbol as u64;
    if level == 0 {
        300 + (s * 7 % 40) * 5
    } else {
        (LEVELS - level) as u64 * 15 + s % 7 * 5
    }
}

fn money(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// One plan: fifty rules with seven rates each. Several: each partner's own fifty rates, the rest by
/// difference.
fn documents(plans: u64) -> Vec<Value> {
    (0..plans)
        .map(|p| {
            let levels = if plans == 1 { LEVELS } else { 1 };
            let rules: Vec<Value> = (0..SYMBOLS)
                .flat_map(|s| (0..levels).map(move |l| (s, l)))
                .map(|(s, l)| {
                    let r = if plans == 1 { rate(s, l) } else { 300 + mixed(p << 8 | s as u64) % 160 * 5 };
                    json!({"id": format!("s{s}l{l}"), "kind": "per_lot", "level": l + 1, "rate": money(r), "scope": {"symbols": [symbol(s)]}})
                })
                .collect();
            let method = if plans == 1 { "fixed" } else { "differential" };
            json!({"format": 1, "name": "month", "currency": "USD", "rules": rules, "override": {"method": method}})
        })
        .collect()
}

fn symbol(s: usize) -> String {
    format!("SYM{s:02}")
}

fn facts(s: usize) -> DealFacts {
    let at = Ts::from_ymd(2026, 3, 5);
    serde_json::from_value(json!({
        "server": "mt5", "ticket": "1", "revision": 1, "kind": FactKind::Trade, "client": "c", "entity": "eu", "country": "DE",
        "account": "a", "account_type": "std", "group": "real", "currency": "USD", "symbol": symbol(s), "product_group": "fx",
        "volume_closed": Lots::ONE, "at": at,
    }))
    .expect("the facts of a deal are complete")
}

fn built(size: &Size, plans: u64, rounding: RoundingPlace, grouped: bool) -> Result<(MonthColumns, Duration)> {
    let read: Vec<Arc<Deal>> = documents(plans)
        .iter()
        .map(|d| Deal::read(d).map(Arc::new))
        .collect::<Result<_>>()?;
    let hop = |partner: u64| {
        let p = partner % plans;
        Hop {
            partner: format!("par_{partner}"),
            currency: Currency::USD,
            blocked: None,
            plans: vec![Ranked {
                rank: Rank::Partner,
                at: PlanRef {
                    plan: format!("plan_{p}"),
                    version: 1,
                },
                plan: read[p as usize].clone(),
            }],
            country: String::new(),
            qualified: None,
        }
    };
    let settings = Settings {
        rounding,
        ..Settings::default()
    };
    let announced: Vec<Hop> = (0..plans).map(hop).collect();
    let begun = Instant::now();
    let mut b = Builder::new(settings, &announced);
    let paths: Vec<_> = (0..size.levels()[LEVELS - 1])
        .map(|d| b.path(&size.path(d).into_iter().map(hop).collect::<Vec<_>>()))
        .collect();
    let accounts: Vec<_> = (0..size.accounts).map(|a| b.account(paths[size.direct(a) as usize], 0)).collect();
    let classes: Vec<ClassId> = (0..SYMBOLS).filter_map(|s| b.class(&facts(s))).collect();
    for n in 0..size.deals {
        let (a, s, v) = size.deal(n);
        let pushed = b.push(accounts[a as usize], classes[s], Lots(v as i64 * 1_000_000));
        if pushed != Pushed::Taken {
            return Err(Problem::bug("bench_month", format!("a deal was not taken: {pushed:?}")));
        }
    }
    let month = b.finish(grouped);
    Ok((month, begun.elapsed()))
}

/// What a measurement came to: median milliseconds, and processor time of all threads for one round.
#[derive(Clone, Copy)]
struct Took {
    ms: f64,
    cpu_ms: f64,
}

/// After one round that warms up.
fn timed(rounds: usize, mut work: impl FnMut()) -> Took {
    work();
    let rounds = rounds.max(3);
    let cpu = process_cpu_s();
    let took: Vec<f64> = (0..rounds)
        .map(|_| {
            let t = Instant::now();
            work();
            ms(t.elapsed())
        })
        .collect();
    Took {
        ms: median(&took),
        cpu_ms: (process_cpu_s() - cpu) * 1_000.0 / rounds as f64,
    }
}

fn measure(size: &Size, rounds: usize, smoke: bool, dir: &Path) -> Result<()> {
    let sums = |m: &MonthColumns| {
        timed(rounds, || {
            std::hint::black_box(m.sums(THREADS));
        })
    };
    let start = memory();
    let (month, took) = built(size, 1, RoundingPlace::Carry, true)?;
    let grouped = sums(&month);
    let peak = memory().zip(start).map(|((_, peak), (before, _))| (peak, before));
    let read = timed(rounds, || {
        std::hint::black_box(month.read_once(THREADS));
    });
    let exact = exactly(&month);
    drop(month);
    let (month, _) = built(size, 1, RoundingPlace::Carry, false)?;
    let ungrouped = sums(&month);
    if exactly(&month) != exact {
        return Err(Problem::bug("bench_month", "grouped and ungrouped columns differ"));
    }
    drop(month);
    let (month, _) = built(size, 1, RoundingPlace::Line, true)?;
    let by_line = sums(&month);
    let minor: i64 = month.sums(THREADS).values().map(|s| s.minor).sum();
    let (lines, raw) = written(&month, rounds.min(3), dir)?;
    explained(&month, size)?;
    drop(month);
    let tenth = Size {
        deals: size.deals / 10,
        ..*size
    };
    let (month, _) = built(&tenth, 1, RoundingPlace::Line, true)?;
    let small = sums(&month);
    drop(month);
    let many = if smoke { 8 } else { 400 };
    let (month, many_took) = built(size, many, RoundingPlace::Line, true)?;
    let plans = sums(&month);
    drop(month);

    let duck = if smoke {
        eprintln!("bench: month: DuckDB is left out of a smoke run");
        None
    } else {
        match duck(size, rounds, dir) {
            Ok(d) => Some(d),
            Err(p) => {
                eprintln!("bench: month: without DuckDB: {}", p.detail);
                None
            }
        }
    };
    let sized = |f: Figure| {
        f.with("deals", size.deals)
            .with("accounts", size.accounts)
            .with("partners", size.partners)
            .with("levels", LEVELS)
            .with("rules", SYMBOLS)
            .with("threads", THREADS)
    };
    sized(Figure::new("N8.sums", "ms", grouped.ms, read.ms))
        .against("reading the columns once and adding them up, on as many threads")
        .with("columns", "grouped")
        .number("cpu_ms", grouped.cpu_ms)
        .number("baseline_cpu_ms", read.cpu_ms)
        .number("built_s", took.as_secs_f64())
        .number("million_deals_a_second", size.deals as f64 / grouped.ms / 1_000.0)
        .print()?;
    Figure::new("N8.sums.deals", "ms", by_line.ms, small.ms)
        .against("the same with a tenth of the deals")
        .goal("ratio <= 10")
        .with("deals", size.deals)
        .print()?;
    Figure::new("N8.sums.plans", "ms", plans.ms, by_line.ms)
        .against("the same deals on one plan")
        .goal("ratio <= 2")
        .with("plans", many)
        .with("override", "differential")
        .number("built_s", many_took.as_secs_f64())
        .print()?;
    sized(Figure::new("N8.lines", "ms", lines.1, raw))
        .against("writing as many bytes to files, and their flush")
        .with("lines", lines.0)
        .with("bytes_per_line", Record::BYTES)
        .print()?;
    if let Some((peak, before)) = peak {
        Figure::new("N12.month_memory", "MB", peak, before)
            .against("resident memory of the process before")
            .goal("value <= 1500")
            .with("deals", size.deals)
            .print()?;
    }
    let Some(d) = duck else { return Ok(()) };
    for which in ["ungrouped", "grouped"] {
        for (key, ours) in [("exact", exact.to_string()), ("rounded", minor.to_string())] {
            let theirs = d.text(which, &format!("{key}_sum"))?;
            if theirs != ours {
                return Err(Problem::bug(
                    "bench_month",
                    format!("DuckDB comes to {theirs}, the columns to {ours} ({key})"),
                ));
            }
        }
    }
    let versus = |name: &str, ours: Took, which: &str, key: &str, goal: &str| -> Result<()> {
        let natural = d.number(which, &format!("{key}_natural_ms"))?;
        let tuned = d.number(which, &format!("{key}_tuned_ms"))?;
        sized(Figure::new(name, "ms", ours.ms, natural.min(tuned)))
            .against("DuckDB, the quicker of its two ways: one join by deal and level; sums by direct partner first")
            .goal(goal)
            .with("duckdb", d.version())
            .number("natural_ms", natural)
            .number("tuned_ms", tuned)
            .number("ratio_to_natural", ours.ms / natural)
            .number("cpu_ms", ours.cpu_ms)
            .number("natural_cpu_ms", d.number(which, &format!("{key}_natural_cpu_ms"))?)
            .number("tuned_cpu_ms", d.number(which, &format!("{key}_tuned_cpu_ms"))?)
            .print()
    };
    versus("N8.sums.grouped", grouped, "grouped", "exact", "ratio <= 0.04")?;
    versus("N8.sums.ungrouped", ungrouped, "ungrouped", "exact", "ratio <= 0.167")?;
    versus("N8.sums.rounded", by_line, "grouped", "rounded", "ratio <= 0.167")?;
    sized(Figure::new("N8.lines.duckdb", "ms", lines.1, d.number("grouped", "lines_ms")?))
        .against("DuckDB writing the same four columns of the same lines to a database file")
        .goal("ratio <= 0.333")
        .with("lines", lines.0)
        .with("duckdb", d.version())
        .print()
}

/// All partners' exact sums together, in hundredths of a cent.
fn exactly(month: &MonthColumns) -> i128 {
    let all = month
        .sums(THREADS)
        .values()
        .fold(Exact::ZERO, |a, s| a.plus(s.exact))
        .times(Exact::int(10_000));
    all.parts().0
}

/// (lines, ms) of ours, and ms of as many bytes.
fn written(month: &MonthColumns, rounds: usize, dir: &Path) -> Result<((u64, f64), f64)> {
    let files = || -> Vec<PathBuf> { (0..THREADS).map(|t| dir.join(format!("lines-{t}"))).collect() };
    let mut count = 0;
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        let t = Instant::now();
        let open: Vec<File> = files().iter().map(File::create).collect::<std::io::Result<_>>().map_err(failed)?;
        count = month
            .write_lines(open)
            .ok_or_else(|| Problem::bug("bench_month", "the month's amounts are not narrow"))?
            .map_err(failed)?;
        flush(&files())?;
        ours.push(ms(t.elapsed()));
        remove(&files());
        let t = Instant::now();
        let bytes = count as usize * Record::BYTES / THREADS;
        std::thread::scope(|s| {
            let all: Vec<_> = files()
                .into_iter()
                .map(|f| {
                    s.spawn(move || -> std::io::Result<()> {
                        let block = vec![7u8; 1 << 20];
                        let mut f = File::create(f)?;
                        let mut left = bytes;
                        while left > 0 {
                            let n = left.min(block.len());
                            f.write_all(&block[..n])?;
                            left -= n;
                        }
                        Ok(())
                    })
                })
                .collect();
            all.into_iter()
                .try_for_each(|h| h.join().unwrap_or_else(|_| Err(std::io::Error::other("a writing thread failed"))))
        })
        .map_err(failed)?;
        flush(&files())?;
        raw.push(ms(t.elapsed()));
        remove(&files());
    }
    Ok(((count, median(&ours)), median(&raw)))
}

fn flush(files: &[PathBuf]) -> Result<()> {
    files
        .iter()
        .try_for_each(|f| File::options().append(true).open(f)?.sync_all())
        .map_err(failed)
}

fn remove(files: &[PathBuf]) {
    for f in files {
        let _ = std::fs::remove_file(f);
    }
}

/// Some lines told by the engine: the amounts must be those of the arithmetic here.
fn explained(month: &MonthColumns, size: &Size) -> Result<()> {
    for i in (0..size.deals as usize).step_by((size.deals as usize / 1_000).max(1)) {
        let told = month
            .explain(i)
            .ok_or_else(|| Problem::bug("bench_month", "a deal has no story"))?
            .map_err(|s| Problem::bug("bench_month", s.cause))?;
        let wrong = told.len() != LEVELS || told.iter().any(|l| l.why.formula.is_empty() || l.exact.minor(2).is_none());
        if wrong {
            return Err(Problem::bug("bench_month", "a line cannot be told"));
        }
    }
    Ok(())
}

/// Resident and highest resident memory so far, MB; the highest starts anew.
fn memory() -> Option<(f64, f64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let of = |key: &str| -> Option<f64> {
        let line = status.lines().find(|l| l.starts_with(key))?;
        let kb: u32 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(f64::from(kb) / 1_024.0)
    };
    let out = (of("VmRSS:")?, of("VmHWM:")?);
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    Some(out)
}

/// What DuckDB said.
struct Duck(Value);

impl Duck {
    fn number(&self, which: &str, key: &str) -> Result<f64> {
        self.0[which][key]
            .as_f64()
            .ok_or_else(|| Problem::bug("bench_month", format!("DuckDB did not say {which}/{key}")))
    }
    fn text(&self, which: &str, key: &str) -> Result<&str> {
        self.0[which][key]
            .as_str()
            .ok_or_else(|| Problem::bug("bench_month", format!("DuckDB did not say {which}/{key}")))
    }
    fn version(&self) -> String {
        self.0["version"].as_str().unwrap_or("?").to_string()
    }
}

/// The same rows in files, a Python of its own with DuckDB, the same sums and lines.
fn duck(size: &Size, rounds: usize, dir: &Path) -> Result<Duck> {
    let python = dir.join("venv/bin/python3");
    run_it(Command::new("python3").args(["-m", "venv"]).arg(dir.join("venv")))?;
    run_it(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "duckdb"]))?;
    let csv = |name: &str, write: &dyn Fn(&mut BufWriter<File>) -> std::io::Result<()>| -> Result<()> {
        let mut w = BufWriter::with_capacity(1 << 20, File::create(dir.join(name)).map_err(failed)?);
        write(&mut w).and_then(|()| w.flush()).map_err(failed)
    };
    csv("deals.csv", &|w| {
        (0..size.deals).try_for_each(|n| {
            let (a, s, v) = size.deal(n);
            writeln!(w, "{n},{a},{s},{v}")
        })
    })?;
    csv("accounts.csv", &|w| {
        (0..size.accounts).try_for_each(|a| writeln!(w, "{a},{}", size.direct(a)))
    })?;
    csv("paths.csv", &|w| {
        (0..size.levels()[LEVELS - 1]).try_for_each(|d| {
            size.path(d)
                .iter()
                .enumerate()
                .try_for_each(|(l, p)| writeln!(w, "{d},{},{p}", l + 1))
        })
    })?;
    csv("rates.csv", &|w| {
        (0..SYMBOLS).try_for_each(|s| (0..LEVELS).try_for_each(|l| writeln!(w, "{s},{},{}", l + 1, rate(s, l))))
    })?;
    std::fs::write(dir.join("month.py"), DUCK).map_err(failed)?;
    let out = Command::new(&python)
        .arg(dir.join("month.py"))
        .arg(dir)
        .args([rounds.to_string(), THREADS.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(failed)?;
    if !out.status.success() {
        return Err(Problem::unavailable(
            "bench_duckdb",
            String::from_utf8_lossy(&out.stderr).into_owned(),
        ));
    }
    Ok(Duck(serde_json::from_slice(&out.stdout)?))
}

fn run_it(command: &mut Command) -> Result<()> {
    let out = command.stdin(Stdio::null()).output().map_err(failed)?;
    if out.status.success() {
        return Ok(());
    }
    Err(Problem::unavailable(
        "bench_duckdb",
        String::from_utf8_lossy(&out.stderr).into_owned(),
    ))
}

fn failed(e: std::io::Error) -> Problem {
    Problem::unavailable("bench_month", "a file or program of the month failed").with_source(e)
}
