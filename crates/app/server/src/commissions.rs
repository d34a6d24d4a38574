//! `quarterdeck commissions`: plans from files alone, without a database; a month of a database worked
//! out anew.

use crate::cli::{CommissionsCommand, ConfigArgs};
use crate::export::date;
use crate::settings;
use qd_kernel::{Amount, Env, Problem, Result, Ts};
use qd_partners::corrections::{self, Policy, Request};
use qd_partners::preview;
use qd_partners::simulate::{self, Ask, Slice};
use qd_partners::{PartnerId, PlanId};
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
        CommissionsCommand::Export { config, out, entity } => return crate::carry::export(&config, out, entity).await,
        CommissionsCommand::Import {
            config,
            from,
            dry_run,
            client_map,
        } => return crate::carry::import(&config, from, dry_run, client_map.as_deref()).await,
        CommissionsCommand::Recompute { config, month, apply } => return recompute(&config, &month, apply).await,
        CommissionsCommand::Simulate {
            config,
            plan,
            from,
            to,
            partner,
            on_plan,
            json,
        } => {
            let ask = Ask {
                document: Some(read(&plan)?),
                plan_id: None,
                partners: partner.iter().map(|p| PartnerId::parse(p)).collect::<Result<_>>()?,
                on_plan: on_plan.as_deref().map(PlanId::parse).transpose()?,
                from_us: date("from", &from)?.micros(),
                to_us: date("to", &to)?.micros(),
                currency: None,
            };
            return simulate(&config, ask, json).await;
        }
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

async fn simulate(config: &ConfigArgs, ask: Ask, json: bool) -> Result<ExitCode> {
    let (config, _) = settings::load(config)?;
    let db = qd_app::open_database(&config.database).await?;
    let core = Core::new(db.clone(), Env::system());
    let c = core.clone();
    let (q, deals) = db
        .read(async move |tx| {
            let q = simulate::check(tx, &c, &Caller::system("cli:commissions.simulate"), &ask).await?;
            let deals = simulate::size(tx, &q).await?;
            Ok((q, deals))
        })
        .await?;
    eprintln!("{deals} deals to look at");
    let s = qd_app::simulations::answer(&core, q, None).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&s)?);
        return Ok(ExitCode::SUCCESS);
    }
    let money = |minor| Amount::new(minor, s.currency).text();
    let row = |name: &str, x: &Slice| {
        println!(
            "{name:<16} {:>8} deals {:>14} lots  revenue {:>14}  today {:>14}  proposed {:>14}  differs {:>13}  margin {:>14}  break-even {} a lot",
            x.deals,
            x.lots,
            money(x.revenue_minor),
            money(x.today_minor),
            money(x.proposed_minor),
            money(x.difference_minor),
            money(x.margin_proposed_minor),
            x.break_even_per_lot.as_deref().unwrap_or("-"),
        );
    };
    println!("in {}", s.currency);
    s.months.iter().for_each(|m| row(&m.key, m));
    s.products
        .iter()
        .for_each(|p| row(if p.key.is_empty() { "(unmapped)" } else { &p.key }, p));
    row("total", &s.total);
    for p in &s.partners {
        println!(
            "{} {}: today {}, proposed {}, differs {}",
            p.partner_id,
            if p.on_plan { "on the plan" } else { "above" },
            money(p.today_minor),
            money(p.proposed_minor),
            money(p.difference_minor)
        );
    }
    for c in &s.cliffs {
        println!(
            "{} {} {}: {} counted, {} to go to {}, then {} instead of {}{}",
            c.partner_id,
            c.tier,
            c.period,
            c.count,
            c.to_go.as_deref().unwrap_or("nothing"),
            c.threshold.as_deref().unwrap_or("no further band"),
            c.rate_next.as_deref().unwrap_or("-"),
            c.rate_now.as_deref().unwrap_or("-"),
            c.jump.as_ref().map_or_else(String::new, |j| format!(", {j} at once"))
        );
    }
    for (code, n) in &s.stopped {
        println!("{n} deals cannot be said: {code}");
    }
    if s.revenue_unknown > 0 {
        println!("{} deals count without revenue: the feed does not say it", s.revenue_unknown);
    }
    for c in &s.unconverted {
        println!("amounts in {c} are left out: no rate");
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
