//! `quarterdeck commissions`: plans from files alone, without a database; a month of a database worked
//! out anew.

use crate::cli::{CommissionsCommand, ConfigArgs};
use crate::settings;
use qd_kernel::{Amount, Env, Problem, Result, Ts};
use qd_partners::corrections::{self, Policy, Request};
use qd_partners::preview;
use qd_runtime::Core;
use qd_runtime::access::Caller;
use std::path::Path;
use std::process::ExitCode;

pub async fn run(command: CommissionsCommand) -> Result<ExitCode> {
    match command {
        CommissionsCommand::Close {
            config,
            month,
            entity,
            accept,
            reason,
        } => return crate::close_month::run(&config, &entity, &month, &accept, &reason).await,
        CommissionsCommand::Schema { what } => match what.as_str() {
            "plan" => println!("{}", preview::PLAN_SCHEMA),
            "events" => println!("{}", preview::EVENTS_SCHEMA),
            _ => return Err(Problem::invalid("what", "schema_unknown", "expected plan or events")),
        },
        CommissionsCommand::Recompute { config, month, apply } => return recompute(&config, &month, apply).await,
        CommissionsCommand::Preview { plan, events, json } => {
            let p = preview::preview(&read(&plan)?, &read(&events)?)?;
            if json {
                println!("{}", serde_json::to_string_pretty(&p)?);
            } else {
                print!("{}", p.text());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The first moment of a month and of the next.
fn month_of(text: &str) -> Result<(Ts, Ts)> {
    let bad = || Problem::invalid("month", "month_malformed", "expected a month like 2026-03");
    let (y, m) = text.split_once('-').ok_or_else(bad)?;
    let (y, m): (i64, u32) = (y.parse().map_err(|_| bad())?, m.parse().map_err(|_| bad())?);
    if !(1..=12).contains(&m) || !(1970..=9_999).contains(&y) {
        return Err(bad());
    }
    let next = if m == 12 {
        Ts::from_ymd(y + 1, 1, 1)
    } else {
        Ts::from_ymd(y, m + 1, 1)
    };
    Ok((Ts::from_ymd(y, m, 1), next))
}

async fn recompute(config: &ConfigArgs, month: &str, apply: bool) -> Result<ExitCode> {
    let (from, to) = month_of(month)?;
    let (config, _) = settings::load(config)?;
    let db = qd_app::open_database(&config.database).await?;
    let core = Core::new(db.clone(), Env::system());
    let request = Request::Rebook {
        client_id: None,
        partner_id: None,
        from_us: from.micros(),
        to_us: Some(to.micros()),
    };
    let reason = format!("recomputation of {month}");
    let (figures, prepared) = db
        .write(async move |tx| {
            let me = Caller::system("cli:commissions.recompute");
            let p = corrections::preview(tx, &core, &me, &request, None, Policy::Retier).await?;
            if !apply || p.retier.lines == 0 {
                return Ok((p.retier, None));
            }
            let c = corrections::prepare(tx, &core, &me, &request, None, Policy::Retier, &reason).await?;
            Ok((p.retier, Some(c.id)))
        })
        .await?;
    for f in &figures.per {
        let amount = |minor| Amount::new(minor, f.currency).text();
        println!(
            "{} {} {}: booked {}, recomputed {}, differs by {} {} in {} lines",
            f.partner_id,
            f.partner_name,
            f.statement_number.map_or_else(|| "open".to_string(), |n| format!("statement {n}")),
            amount(f.old_minor),
            amount(f.new_minor),
            amount(f.difference_minor),
            f.currency,
            f.lines
        );
    }
    for s in &figures.stopped {
        println!("cannot be said: {s}");
    }
    eprintln!("{} deals, {} differ", figures.deals_seen, figures.deals_changed);
    if let Some(id) = prepared {
        eprintln!("prepared the correction {id}; a person with statements.close decides");
    }
    Ok(if figures.lines == 0 && figures.deals_stopped == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn read(path: &Path) -> Result<serde_json::Value> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Problem::invalid("file", "file_unreadable", format!("expected a readable file at {}", path.display())).with_source(e)
    })?;
    serde_json::from_str(&text).map_err(|e| {
        Problem::invalid(
            "file",
            "file_not_json",
            format!("{} is not JSON: line {}, column {}", path.display(), e.line(), e.column()),
        )
    })
}
