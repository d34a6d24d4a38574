//! `quarterdeck commissions`: plans from files alone, without a database.

use crate::cli::CommissionsCommand;
use qd_kernel::{Problem, Result};
use qd_partners::preview;
use std::path::Path;
use std::process::ExitCode;

pub fn run(command: CommissionsCommand) -> Result<ExitCode> {
    match command {
        CommissionsCommand::Schema { what } => match what.as_str() {
            "plan" => println!("{}", preview::PLAN_SCHEMA),
            "events" => println!("{}", preview::EVENTS_SCHEMA),
            _ => return Err(Problem::invalid("what", "schema_unknown", "expected plan or events")),
        },
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
