//! `quarterdeck check-config`: everything that can be known without starting anything.

use crate::cli::ConfigArgs;
use crate::settings;
use qd_app::Config;
use qd_app::config::{BusConfig, DatabaseConfig, TrustConfig};
use qd_kernel::{Problem, Result};
use qd_notify::{Catalogue, Gaps};
use std::process::ExitCode;

/// Keys named in a line.
const SHOWN: usize = 10;

pub fn run(args: &ConfigArgs) -> Result<ExitCode> {
    let (config, path) = settings::load(args)?;
    let problems = secrets(&config);
    for p in &problems {
        crate::say::problem(p);
    }
    if !problems.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    let texts = match &config.texts.dir {
        Some(dir) => Catalogue::with_folder(dir)?,
        None => Catalogue::builtin()?,
    };
    for g in texts.gaps() {
        println!("{}", gap(&g));
    }
    println!(
        "{}: fine; {} trading servers, {} payment connections",
        path.display(),
        config.trading_server.len(),
        config.psp.len()
    );
    Ok(ExitCode::SUCCESS)
}

/// What a language lacks, in a line: the first few by name.
fn gap(g: &Gaps) -> String {
    let named = |what: &str, keys: &[String]| match keys.len() {
        0 => String::new(),
        n => {
            let more = if n > SHOWN {
                format!(" and {} more", n - SHOWN)
            } else {
                String::new()
            };
            let first: Vec<&str> = keys.iter().take(SHOWN).map(String::as_str).collect();
            format!("; {n} {what}: {}{more}", first.join(", "))
        }
    };
    let whole = if g.missing.is_empty() && g.wrong.is_empty() {
        "; complete"
    } else {
        ""
    };
    format!(
        "texts {}: {} texts{whole}{}{}",
        g.language,
        g.total,
        named("missing, English stands in", &g.missing),
        named("with other places than English", &g.wrong)
    )
}

/// Every secret and file that the configuration names must be there.
pub fn secrets(c: &Config) -> Vec<Problem> {
    let mut out = Vec::new();
    let mut look = |r: Result<()>| {
        if let Err(p) = r {
            out.push(p);
        }
    };
    if let DatabaseConfig::Postgres { url, .. } = &c.database {
        look(url.read("database.url").map(|_| ()));
    }
    if let BusConfig::Nats { credentials: Some(s), .. } = &c.bus {
        look(s.read("bus.credentials").map(|_| ()));
    }
    look(
        c.keys
            .house
            .read("keys.house")
            .and_then(|s| qd_runtime::access::HouseKey::from_hex(&s))
            .map(|_| ()),
    );
    look(
        c.keys
            .audit
            .read("keys.audit")
            .and_then(|s| qd_runtime::audit::AuditKey::from_hex(&s))
            .map(|_| ()),
    );
    for k in &c.files.keys {
        look(k.key.read(&format!("files.keys.{}", k.id)).map(|_| ()));
    }
    if c.files.keys.is_empty() {
        look(Err(Problem::invalid(
            "files.keys",
            "file_keys_missing",
            "expected at least one key; the first encrypts",
        )));
    }
    if let Some(s) = &c.mail.password {
        look(s.read("mail.password").map(|_| ()));
    }
    for s in &c.trading_server {
        look(
            s.manager_password
                .read(&format!("trading_server.{}.manager_password", s.id))
                .map(|_| ()),
        );
        if let TrustConfig::Pinned(path) = &s.trust {
            look(
                std::fs::read_to_string(path)
                    .map_err(|e| {
                        Problem::invalid(
                            &format!("trading_server.{}.trust.pinned", s.id),
                            "certificate_missing",
                            "expected a readable PEM file",
                        )
                        .with_source(e)
                    })
                    .map(|_| ()),
            );
        }
    }
    for p in &c.psp {
        look(p.secret_key.read(&format!("psp.{}.secret_key", p.id)).map(|_| ()));
        for s in &p.webhook_secrets {
            look(s.read(&format!("psp.{}.webhook_secrets", p.id)).map(|_| ()));
        }
        for (name, s) in &p.secrets {
            look(s.read(&format!("psp.{}.secrets.{name}", p.id)).map(|_| ()));
        }
        if p.webhook_secrets.is_empty() {
            look(Err(Problem::invalid(
                &format!("psp.{}.webhook_secrets", p.id),
                "webhook_secret_missing",
                "expected at least one: callbacks are believed by their signature",
            )));
        }
    }
    out
}
