//! `quarterdeck commissions close`: a month close from the command line, beside a running server or
//! without one. Interrupted, it goes on where it was when it is said again.

use crate::cli::ConfigArgs;
use crate::settings;
use qd_app::payees::{Feed, House};
use qd_kernel::{Amount, Env, Result};
use qd_partners::close::{CloseState, job};
use qd_runtime::Core;
use qd_runtime::access::Caller;
use std::process::ExitCode;
use std::sync::Arc;

pub async fn run(config: &ConfigArgs, entity: &str, month: &str, accept: &[String], reason: &str) -> Result<ExitCode> {
    let (config, _) = settings::load(config)?;
    let db = qd_app::open_database(&config.database).await?;
    let core = Core::new(db, Env::system());
    let payees = Arc::new(House(core.clone()));
    let caller = Caller::system("commissions_close");
    let closed = job::close_month(
        &core,
        &caller,
        entity,
        month,
        accept,
        reason,
        Arc::new(Feed),
        payees,
        |done, total| {
            eprintln!("{done} of {total}");
        },
    )
    .await?;
    for i in &closed.checklist {
        println!("{} {}: {}", if i.ok { "ok" } else { "--" }, i.code, i.count);
        for e in &i.examples {
            println!("     {e}");
        }
    }
    let Some(result) = closed.result else {
        return Ok(ExitCode::FAILURE);
    };
    println!("{} statements; {} is {}", closed.statements, closed.month, closed.state);
    for s in result.sums {
        let text = |m| Amount::new(m, s.currency).text();
        println!(
            "{}: owed {}; on statements {}, open {}, payouts not stated {}",
            s.currency,
            text(s.balance_minor),
            text(s.closing_minor),
            text(s.open_minor),
            text(s.payouts_minor)
        );
        for (method, t) in result.proposed.get(s.currency.code()).into_iter().flatten() {
            println!(
                "  to pay by {method}: {} partners, {} ({} after fee and tax)",
                t.count,
                text(t.minor),
                text(t.net_minor)
            );
        }
        for (why, n) in result.not_payable.get(s.currency.code()).into_iter().flatten() {
            println!("  not paid, {why}: {n}");
        }
    }
    Ok(if closed.state == CloseState::Stuck {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
