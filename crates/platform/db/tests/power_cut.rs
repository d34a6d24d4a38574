//! A power cut on SQLite: what was not flushed is gone and the last write is torn. Whatever the
//! database had acknowledged must be there afterwards. A control run with flushes switched off
//! must lose data, or the harness proves nothing.
//!
//! The writer is this test binary itself, run as a child under a preload shim (powercut/shim.c)
//! that records its writes and flushes; it is killed at a random moment, and the disk is rebuilt
//! from the record.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(clippy::unwrap_used, reason = "tests")]

use qd_db::{Db, DbConfig, sql};
use qd_kernel::{Entropy, SeededEntropy, vals};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Rounds in the quick lane and in the slow one (QD_SLOW=1).
const QUICK: u64 = 8;
const SLOW: u64 = 100;

/// SQLite writes a page or a frame at a time; a torn write ends at a sector.
const SECTOR: usize = 512;

fn shim() -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let out = dir.join(format!("powercut-{}.so", std::process::id()));
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/powercut/shim.c");
    let ok = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&out)
        .arg(src)
        .args(["-ldl", "-lpthread"])
        .status()
        .unwrap();
    assert!(ok.success(), "the shim needs a C compiler");
    out
}

/// Not a test by itself: the child that writes until it is killed, saying each acknowledged number.
#[test]
fn child_writer() {
    let Ok(path) = std::env::var("QD_CUT_DB") else { return };
    let durable = std::env::var("QD_CUT_DURABLE").as_deref() == Ok("1");
    let rt = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    rt.block_on(async move {
        let db = Db::open(&DbConfig::Sqlite {
            path: path.into(),
            durable,
        })
        .await
        .unwrap();
        db.write(async |tx| {
            tx.exec(
                sql!("CREATE TABLE IF NOT EXISTS cut (n INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT"),
                &[],
            )
            .await
        })
        .await
        .unwrap();
        let callers = (0..8i64).map(|c| {
            let db = db.clone();
            tokio::spawn(async move {
                for i in 0.. {
                    let n = i * 8 + c;
                    // Long enough that frames span sectors and the checkpoint gets work.
                    let body = format!("{n}:").repeat(100);
                    db.write(async move |tx| {
                        tx.exec(sql!("INSERT INTO cut (n, body) VALUES ($1, $2)"), &vals![n, body.as_str()])
                            .await
                    })
                    .await
                    .unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "acked {n}").unwrap();
                    out.flush().unwrap();
                }
            })
        });
        futures_util::future::join_all(callers).await;
    });
}

struct Op {
    kind: u8,
    name: String,
    at: usize,
    data: Vec<u8>,
}

fn read_log(path: &Path) -> Vec<Op> {
    let raw = std::fs::read(path).unwrap();
    let mut ops = Vec::new();
    let mut rest = raw.as_slice();
    while rest.len() >= 21 {
        let n = u32::from_ne_bytes(rest[1..5].try_into().unwrap()) as usize;
        let at = u64::from_ne_bytes(rest[5..13].try_into().unwrap()) as usize;
        let len = u64::from_ne_bytes(rest[13..21].try_into().unwrap()) as usize;
        // The kill may have cut the last record short.
        if rest.len() < 21 + n + len {
            break;
        }
        ops.push(Op {
            kind: rest[0],
            name: String::from_utf8_lossy(&rest[21..21 + n]).into_owned(),
            at,
            data: rest[21 + n..21 + n + len].to_vec(),
        });
        rest = &rest[21 + n + len..];
    }
    ops
}

fn apply(image: &mut Vec<u8>, op: &Op, bytes: usize) {
    match op.kind {
        b'W' => {
            let data = &op.data[..bytes];
            if image.len() < op.at + data.len() {
                image.resize(op.at + data.len(), 0);
            }
            image[op.at..op.at + data.len()].copy_from_slice(data);
        }
        b'T' => image.resize(op.at, 0),
        _ => {}
    }
}

/// The disk after the cut: per file everything up to its last flush, then a random prefix of what
/// followed, the last of it torn at a sector. A removed name is gone for good after any later
/// flush, as on every journalling file system.
fn disk_after_cut(ops: &[Op], chance: &SeededEntropy) -> BTreeMap<String, Vec<u8>> {
    let names: BTreeSet<&str> = ops.iter().map(|o| o.name.as_str()).collect();
    let mut disk = BTreeMap::new();
    for name in names.into_iter().filter(|n| !n.ends_with("-shm")) {
        let last_flush = ops.iter().rposition(|o| o.kind == b'S').unwrap_or(0);
        let numbered: Vec<(usize, &Op)> = ops.iter().enumerate().filter(|(_, o)| o.name == name).collect();
        let flushed = numbered
            .iter()
            .rposition(|(i, o)| o.kind == b'S' || (o.kind == b'U' && *i < last_flush))
            .map_or(0, |i| i + 1);
        let mine: Vec<&Op> = numbered.into_iter().map(|(_, o)| o).collect();
        let loose = mine.len() - flushed;
        let kept = usize::try_from(chance.below(loose as u64 + 1)).unwrap();
        let mut image = Vec::new();
        // A file is there once something was written to it; a file that was only opened is not.
        let mut there = false;
        for (i, op) in mine[..flushed + kept].iter().enumerate() {
            there = op.kind != b'U';
            if op.kind == b'U' {
                image.clear();
                continue;
            }
            let torn = i >= flushed && i + 1 == flushed + kept && op.kind == b'W';
            let bytes = if torn {
                usize::try_from(chance.below((op.data.len() / SECTOR) as u64 + 1)).unwrap() * SECTOR
            } else {
                op.data.len()
            };
            apply(&mut image, op, bytes.min(op.data.len()));
        }
        if there {
            disk.insert(name.to_string(), image);
        }
    }
    disk
}

struct Round {
    acked: BTreeSet<i64>,
    found: Option<BTreeSet<i64>>,
}

fn round(shim: &Path, seed: u64, durable: bool) -> Round {
    let chance = SeededEntropy::new(seed);
    let base = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cut-{}-{seed}-{durable}", std::process::id()));
    let _ = std::fs::remove_dir_all(&base);
    let live = base.join("live");
    std::fs::create_dir_all(&live).unwrap();
    let log = base.join("log");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child_writer", "--exact", "--nocapture", "--test-threads=1"])
        .env("LD_PRELOAD", shim)
        .env("QD_CUT_DIR", &live)
        .env("QD_CUT_LOG", &log)
        .env("QD_CUT_DB", live.join("q.db"))
        .env("QD_CUT_DURABLE", if durable { "1" } else { "0" })
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Killed after a random number of acknowledgements: sometimes in the first commit, sometimes
    // with checkpoints behind it.
    let stop_after = 1 + chance.below(2_500);
    let mut acked = BTreeSet::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(Ok(l)) = lines.next() {
        if let Some(n) = l
            .rsplit("acked ")
            .next()
            .and_then(|n| n.parse().ok())
            .filter(|_| l.contains("acked "))
        {
            acked.insert(n);
            if acked.len() as u64 == stop_after {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    let disk = disk_after_cut(&read_log(&log), &chance);
    let after = base.join("after");
    std::fs::create_dir_all(&after).unwrap();
    for (name, image) in &disk {
        std::fs::write(after.join(name), image).unwrap();
    }
    let found = read_back(&after.join("q.db"));
    std::fs::remove_dir_all(&base).unwrap();
    Round { acked, found }
}

/// None: the file is no database any more.
fn read_back(path: &Path) -> Option<BTreeSet<i64>> {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let path = path.to_path_buf();
    rt.block_on(async move {
        let db = Db::open(&DbConfig::Sqlite { path, durable: true }).await.ok()?;
        db.write(async |tx| {
            let ok: Vec<(String,)> = tx.rows(sql!("PRAGMA integrity_check"), &[]).await?;
            assert_eq!(ok.first().map(|r| r.0.as_str()), Some("ok"), "the file is damaged");
            let rows: Vec<(i64, String)> = tx.rows(sql!("SELECT n, body FROM cut"), &[]).await?;
            for (n, body) in &rows {
                assert_eq!(*body, format!("{n}:").repeat(100), "a row is damaged");
            }
            Ok(rows.into_iter().map(|r| r.0).collect())
        })
        .await
        .inspect_err(|p| eprintln!("reading back: {p}"))
        .ok()
    })
}

fn rounds() -> u64 {
    if std::env::var("QD_SLOW").is_ok() { SLOW } else { QUICK }
}

#[test]
fn whatever_was_acknowledged_survives_a_power_cut() {
    let shim = shim();
    let mut acked_in_all = 0;
    for seed in 0..rounds() {
        let r = round(&shim, seed, true);
        let found = r.found.unwrap_or_else(|| panic!("round {seed}: the database cannot be read"));
        let lost: Vec<&i64> = r.acked.difference(&found).collect();
        assert!(
            lost.is_empty(),
            "round {seed}: {} of {} acknowledged rows are gone, first {:?}",
            lost.len(),
            r.acked.len(),
            lost.first()
        );
        acked_in_all += r.acked.len();
    }
    assert!(
        acked_in_all > 100,
        "the writer acknowledged almost nothing ({acked_in_all}): the rounds show nothing"
    );
}

#[test]
fn without_flushes_the_same_harness_loses_acknowledged_rows() {
    let shim = shim();
    let lost = (1_000..1_000 + QUICK).any(|seed| {
        let r = round(&shim, seed, false);
        match std::panic::catch_unwind(|| r.found.clone()) {
            Ok(Some(found)) => r.acked.difference(&found).next().is_some(),
            _ => true,
        }
    });
    assert!(lost, "nothing was lost without flushes: the harness does not see what it should");
}
