//! `quarterdeck verify`: recomputes what cannot be believed on its word.

use crate::cli::VerifyArgs;
use crate::{say, settings};
use qd_db::Db;
use qd_kernel::{Problem, Result};
use qd_runtime::audit;
use std::process::ExitCode;
use std::time::Instant;

pub async fn run(args: VerifyArgs) -> Result<ExitCode> {
    let (config, _) = settings::load(&args.config)?;
    let trust = trust(&args, &config)?;
    let db = qd_app::open_database(&config.database).await?;
    let faults = all(&db, &trust).await?;
    for f in &faults {
        println!("{f}");
    }
    match faults.len() {
        0 => {
            eprintln!("no faults");
            Ok(ExitCode::SUCCESS)
        }
        n => {
            eprintln!("{n} faults");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn trust(args: &VerifyArgs, config: &qd_app::Config) -> Result<audit::verify::Trust> {
    let mut trust = audit::verify::Trust::default();
    // The signing key is only here on the signing machine; elsewhere its public half is given.
    match qd_app::wiring::audit_public_key(config) {
        Ok(hex) => trust.keys.push(public_key(&hex)?),
        Err(p) if args.key.is_empty() => eprintln!("signatures cannot be checked: {} (--key takes the public key)", p.detail),
        Err(_) => {}
    }
    for k in &args.key {
        trust.keys.push(public_key(k)?);
    }
    if let Some(path) = &args.checkpoints {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Problem::invalid(
                "checkpoints",
                "file_unreadable",
                format!("expected a readable file at {}", path.display()),
            )
            .with_source(e)
        })?;
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            trust.heads.push(audit::verify::Head::from_line(line, &trust.keys)?);
        }
    }
    Ok(trust)
}

fn public_key(hex: &str) -> Result<[u8; 32]> {
    let bad = || Problem::invalid("key", "key_malformed", "expected 64 hexadecimal characters");
    let text = hex.trim();
    if text.len() != 64 || !text.is_ascii() {
        return Err(bad());
    }
    let mut out = [0; 32];
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[i * 2..i * 2 + 2], 16).map_err(|_| bad())?;
    }
    Ok(out)
}

/// Every fault as a line.
pub async fn all(db: &Db, trust: &audit::verify::Trust) -> Result<Vec<String>> {
    let mut out = Vec::new();
    let begun = Instant::now();
    out.extend(audit::verify::verify(db, trust).await?.iter().map(ToString::to_string));
    eprintln!("audit chain and checkpoints: {}", say::seconds(begun.elapsed()));
    let begun = Instant::now();
    out.extend(qd_ledger::verify::run(db).await?.iter().map(ToString::to_string));
    eprintln!("ledger: {}", say::seconds(begun.elapsed()));
    let begun = Instant::now();
    out.extend(qd_partners::verify::run(db).await?.iter().map(ToString::to_string));
    eprintln!("partner statements, lines and totals: {}", say::seconds(begun.elapsed()));
    Ok(out)
}
