//! `quarterdeck bench`: figures beside their baselines of the same run, one JSON object per line on
//! standard output; what is being done goes to standard error. `docs/benchmarks.md` explains each.
//!
//! The baselines are bare on purpose: raw statements, a handler that checks nothing. That is why
//! SQL stands here, outside of a store.

#![allow(clippy::float_arithmetic, reason = "rates and ratios; no money is computed here")]

mod build;
mod feed;
mod figure;
mod fill;
mod house;
mod journeys;
mod kill;
mod ledger;
mod load;
mod memory;
mod month;
mod others;
mod place;
mod plan;
mod reads;
mod recon;
mod rows;
mod writes;

use crate::cli::BenchArgs;
use plan::Plan;
use qd_kernel::{Problem, Result};
use std::process::ExitCode;
use std::time::Instant;

/// Names a caller may ask for, and the number in the list of goals.
const FIGURES: [(&str, &str); 14] = [
    ("ledger", "N6"),
    ("lead", "N4"),
    ("callback", "N5"),
    ("view", "N1"),
    ("list", "N2"),
    ("search", "N3"),
    ("feed", "N7"),
    ("total", "N7"),
    ("month", "N8"),
    ("credit", "N10"),
    ("reconcile", "N15"),
    ("kill", "N11"),
    ("memory", "N12"),
    ("build", "N13"),
];

pub async fn run(args: BenchArgs) -> Result<ExitCode> {
    let mut wanted: Vec<&str> = Vec::new();
    for n in &args.names {
        let found = FIGURES
            .iter()
            .filter(|(name, number)| n == name || n.eq_ignore_ascii_case(number))
            .map(|f| f.0);
        let before = wanted.len();
        wanted.extend(found);
        if wanted.len() == before {
            return Err(Problem::invalid(
                "names",
                "figure_unknown",
                format!("expected some of {}", FIGURES.map(|f| f.0).join(", ")),
            ));
        }
    }
    if wanted.is_empty() {
        // The clean build takes as long as everything else together: on request.
        wanted.extend(FIGURES.iter().map(|f| f.0).filter(|f| *f != "build" || args.build));
    }
    let plan = Plan::of(&args)?;
    if plan.place.server.is_none() {
        eprintln!("bench: QD_TEST_PG is not set; the figures on PostgreSQL are left out (make bench sets it)");
    }
    let mut failed = false;
    for group in groups(&wanted) {
        let begun = Instant::now();
        let names = group.join(", ");
        eprintln!("bench: {names} ...");
        // One figure that cannot be taken must not hide the others.
        if let Err(p) = some(&plan, &group).await {
            failed = true;
            eprintln!("bench: {names} failed:");
            crate::say::problem(&p);
        }
        eprintln!("bench: {names} took {}", crate::say::seconds(begun.elapsed()));
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Figures that share a filled database are taken together.
fn groups<'a>(wanted: &[&'a str]) -> Vec<Vec<&'a str>> {
    [
        &["ledger"][..],
        &["lead", "callback"],
        &["view", "list", "search"],
        &["feed"],
        &["total", "credit"],
        &["month"],
        &["reconcile"],
        &["kill"],
        &["memory"],
        &["build"],
    ]
    .iter()
    .map(|g| wanted.iter().copied().filter(|w| g.contains(w)).collect::<Vec<_>>())
    .filter(|g| !g.is_empty())
    .collect()
}

async fn some(plan: &Plan, names: &[&str]) -> Result<()> {
    let has = |n: &str| names.contains(&n);
    let reads: Vec<_> = [
        ("view", reads::Figures::View),
        ("list", reads::Figures::List),
        ("search", reads::Figures::Search),
    ]
    .into_iter()
    .filter(|f| has(f.0))
    .map(|f| f.1)
    .collect();
    let writes: Vec<_> = [("lead", writes::Figures::Lead), ("callback", writes::Figures::Callback)]
        .into_iter()
        .filter(|f| has(f.0))
        .map(|f| f.1)
        .collect();
    let journeys: Vec<_> = [("total", journeys::Figures::Total), ("credit", journeys::Figures::Credit)]
        .into_iter()
        .filter(|f| has(f.0))
        .map(|f| f.1)
        .collect();
    match names.first().copied() {
        Some("ledger") => ledger::run(plan).await,
        Some("lead" | "callback") => writes::run(plan, &writes).await,
        Some("view" | "list" | "search") => reads::run(plan, &reads).await,
        Some("feed") => feed::run(plan).await,
        Some("total" | "credit") => journeys::run(plan, &journeys).await,
        Some("month") => month::run(plan).await,
        Some("reconcile") => recon::run(plan).await,
        Some("kill") => kill::run(plan).await,
        Some("memory") => memory::run(plan).await,
        Some("build") => build::run(plan).await,
        _ => Ok(()),
    }
}
