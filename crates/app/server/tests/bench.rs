//! Every figure can be taken, and comes out as a line that a program can read. Nothing here looks
//! at how fast anything is.
#![cfg(feature = "bench")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::process::Command;

/// The figures of a whole run, without the clean build; those with `*` once for each engine.
const FIGURES: [&str; 20] = [
    "N1.view.*",
    "N2.list.*",
    "N2.list.sizes.*",
    "N3.search.*",
    "N3.search.sizes.*",
    "N4.lead.*",
    "N5.callback.*",
    "N6.hot.*",
    "N6.batch.*",
    "N7.feed.*",
    "N7.partner_total.*",
    "N10.credit.*",
    "N11.kill.*",
    "N15.reconcile.*",
    "N8.sums",
    "N8.sums.deals",
    "N8.sums.plans",
    "N8.lines",
    "N12.idle_memory",
    "N12.month_memory",
];

fn expected() -> BTreeSet<String> {
    let mut engines = vec!["sqlite"];
    if std::env::var("QD_TEST_PG").is_ok_and(|v| !v.is_empty()) {
        engines.push("postgres");
    } else {
        assert!(
            std::env::var("QD_TEST_SQLITE_ONLY").is_ok_and(|v| v == "1"),
            "set QD_TEST_PG (cargo xtask env -- cargo test ...), or QD_TEST_SQLITE_ONLY=1 for a quick look"
        );
    }
    let mut all: BTreeSet<String> = FIGURES
        .iter()
        .flat_map(|f| match f.strip_suffix('*') {
            Some(head) => engines.iter().map(|e| format!("{head}{e}")).collect(),
            None => vec![(*f).to_string()],
        })
        .collect();
    // Its baseline is a transaction of PostgreSQL on both engines.
    if engines.len() == 2 {
        all.extend(engines.iter().map(|e| format!("N6.single.{e}")));
    }
    all
}

#[test]
fn a_tiny_run_prints_every_figure_as_a_json_line_with_its_baseline() {
    let dir = std::env::temp_dir().join(format!("qd-bench-test-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_quarterdeck"))
        .args(["bench", "--smoke"])
        .env("QD_BENCH_DIR", &dir)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    let left: Vec<_> = std::fs::read_dir(&dir).unwrap().flatten().map(|e| e.path()).collect();
    let _ = std::fs::remove_dir_all(&dir);
    assert!(out.status.success(), "{told}");
    assert!(left.is_empty(), "what was measured on is removed: {left:?}");
    let mut names = BTreeSet::new();
    for line in String::from_utf8(out.stdout).unwrap().lines() {
        let v: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("not JSON ({e}): {line}"));
        for key in ["value", "baseline", "ratio"] {
            assert!(v[key].as_f64().is_some_and(|n| n.is_finite() && n > 0.0), "{key} of {line}");
        }
        assert!(v["unit"].as_str().is_some_and(|u| !u.is_empty()), "{line}");
        assert!(v["conditions"]["baseline_is"].as_str().is_some_and(|b| !b.is_empty()), "{line}");
        assert!(names.insert(v["name"].as_str().unwrap().to_string()), "twice: {line}");
    }
    assert_eq!(names, expected(), "{told}");
}

#[test]
fn an_unknown_figure_is_refused_with_the_names_there_are() {
    let out = Command::new(env!("CARGO_BIN_EXE_quarterdeck"))
        .args(["bench", "moonshot"])
        .output()
        .unwrap();
    assert!(!out.status.success());
    let told = String::from_utf8_lossy(&out.stderr);
    assert!(told.contains("ledger") && told.contains("memory"), "{told}");
}
