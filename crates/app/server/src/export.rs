//! `quarterdeck export` and `quarterdeck import`: what exists, and plainly what does not.

use crate::cli::{ExportArgs, ExportWhat, ImportArgs};
use crate::settings;
use qd_kernel::{Class, Problem, Result, Ts};
use qd_ledger::JournalRange;
use std::io::Write;
use std::process::ExitCode;

pub async fn run(args: ExportArgs) -> Result<ExitCode> {
    match args.what {
        ExportWhat::Journal { config, from, to } => {
            let (config, _) = settings::load(&config)?;
            let range = JournalRange {
                from: from.map_or(Ok(JournalRange::ALL.from), |d| date("from", &d))?,
                to: to.map_or(Ok(JournalRange::ALL.to), |d| date("to", &d))?,
            };
            let db = qd_app::open_database(&config.database).await?;
            db.read_long(async move |tx| {
                let mut out = std::io::BufWriter::new(std::io::stdout());
                let mut failed = None;
                qd_ledger::journal_export(tx, range, &mut |piece| {
                    if failed.is_none() {
                        failed = out.write_all(piece.as_bytes()).err();
                    }
                })
                .await?;
                match failed.map_or_else(|| out.flush().err(), Some) {
                    None => Ok(()),
                    // A reader that has seen enough (`| head`) is no fault.
                    Some(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
                    Some(e) => Err(Problem::unavailable("output", "the journal could not be written").with_source(e)),
                }
            })
            .await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

pub(crate) fn date(field: &str, text: &str) -> Result<Ts> {
    let bad = || Problem::invalid(field, "date_malformed", "expected a date like 2026-01-31");
    let mut parts = text.split('-');
    let (Some(y), Some(m), Some(d), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(bad());
    };
    let (y, m, d): (i64, u32, u32) = (
        y.parse().map_err(|_| bad())?,
        m.parse().map_err(|_| bad())?,
        d.parse().map_err(|_| bad())?,
    );
    let at = Ts::from_ymd(y, m, d);
    if !(1..=12).contains(&m) || !(1..=31).contains(&d) || at.ymd() != (y, m, d) {
        return Err(bad());
    }
    Ok(at)
}

pub fn import(args: &ImportArgs) -> Result<ExitCode> {
    let what = args.what.as_deref().unwrap_or("anything");
    Err(Problem::new(
        Class::Missing,
        "import_not_there",
        format!("this version cannot import {what}; clients can be created through the API, and `quarterdeck seed` brings starting data"),
    ))
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn only_days_that_exist_are_dates() {
        assert!(date("from", "2026-02-28").is_ok());
        for bad in ["2026-02-29", "2026-13-01", "2026-1", "yesterday", "2026-02-28-1", ""] {
            assert_eq!(date("from", bad).unwrap_err().code, "date_malformed", "{bad}");
        }
    }
}
