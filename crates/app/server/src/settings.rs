//! Finding and reading the configuration: the file, then the variables that override its keys.

use crate::cli::ConfigArgs;
use qd_app::Config;
use qd_kernel::{Class, Problem, Result};
use std::path::{Path, PathBuf};

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Truth,
}

/// Every documented key that a variable may override: `QD_` and the key in capitals.
const OVERRIDES: [(&str, &str, &str, Kind); 30] = [
    ("QD_SERVER_LISTEN", "server", "listen", Kind::Text),
    ("QD_SERVER_PUBLIC_URL", "server", "public_url", Kind::Text),
    ("QD_SERVER_BEHIND_PROXY", "server", "behind_proxy", Kind::Truth),
    ("QD_SERVER_METRICS_TOKEN", "server", "metrics_token", Kind::Text),
    ("QD_DATABASE_ENGINE", "database", "engine", Kind::Text),
    ("QD_DATABASE_PATH", "database", "path", Kind::Text),
    ("QD_DATABASE_URL", "database", "url", Kind::Text),
    ("QD_DATABASE_MAX_CONNECTIONS", "database", "max_connections", Kind::Number),
    ("QD_BUS_KIND", "bus", "kind", Kind::Text),
    ("QD_BUS_URL", "bus", "url", Kind::Text),
    ("QD_BUS_CREDENTIALS", "bus", "credentials", Kind::Text),
    ("QD_BUS_REPLICAS", "bus", "replicas", Kind::Number),
    ("QD_BUS_STREAM", "bus", "stream", Kind::Text),
    ("QD_WORKER_CONCURRENCY", "worker", "concurrency", Kind::Number),
    ("QD_WORKER_NODE", "worker", "node", Kind::Text),
    ("QD_WORKER_FEED_EVERY_S", "worker", "feed_every_s", Kind::Number),
    ("QD_WORKER_SWEEP_EVERY_S", "worker", "sweep_every_s", Kind::Number),
    ("QD_WORKER_WATCH_EVERY_S", "worker", "watch_every_s", Kind::Number),
    ("QD_ACCESS_STAFF_SECOND_FACTOR", "access", "staff_second_factor", Kind::Truth),
    ("QD_ACCESS_ISSUER", "access", "issuer", Kind::Text),
    ("QD_KEYS_HOUSE", "keys", "house", Kind::Text),
    ("QD_KEYS_AUDIT", "keys", "audit", Kind::Text),
    ("QD_FILES_DIR", "files", "dir", Kind::Text),
    ("QD_FILES_MAX_BYTES", "files", "max_bytes", Kind::Number),
    ("QD_MAIL_HOST", "mail", "host", Kind::Text),
    ("QD_MAIL_PORT", "mail", "port", Kind::Number),
    ("QD_MAIL_USER", "mail", "user", Kind::Text),
    ("QD_MAIL_PASSWORD", "mail", "password", Kind::Text),
    ("QD_MAIL_TLS", "mail", "tls", Kind::Text),
    ("QD_TEXTS_DIR", "texts", "dir", Kind::Text),
];

/// Which file, when none was named: what is usual, then the demo's own.
fn find(args: &ConfigArgs) -> Result<PathBuf> {
    if let Some(p) = &args.config {
        return Ok(p.clone());
    }
    let demo = PathBuf::from(std::env::var("QD_DATA").unwrap_or_else(|_| "./data".into())).join(qd_app::demo::CONFIG_FILE);
    [PathBuf::from("quarterdeck.toml"), demo]
        .into_iter()
        .find(|p| p.is_file())
        .ok_or_else(|| {
            Problem::new(
                Class::Missing,
                "config_missing",
                "name the configuration file: --config FILE (quarterdeck.example.toml explains every key)",
            )
        })
}

pub fn load(args: &ConfigArgs) -> Result<(Config, PathBuf)> {
    let path = find(args)?;
    Ok((read(&path)?, path))
}

pub fn read(path: &Path) -> Result<Config> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Problem::new(
            Class::Missing,
            "config_missing",
            format!("the configuration file {} cannot be read", path.display()),
        )
        .with_source(e)
    })?;
    let given: Vec<(&str, &str, &str, Kind, String)> = OVERRIDES
        .iter()
        .filter_map(|(var, section, key, kind)| Some((*var, *section, *key, *kind, std::env::var(var).ok().filter(|v| !v.is_empty())?)))
        .collect();
    overridden(&text, &given)
}

fn overridden(text: &str, given: &[(&str, &str, &str, Kind, String)]) -> Result<Config> {
    if given.is_empty() {
        // The file as it is: errors can point at its lines.
        return Config::parse(text);
    }
    let mut doc: toml::Table = toml::from_str(text)
        .map_err(|e| Problem::new(Class::Invalid, "config_invalid", e.message().to_string()).with_source(e.to_string()))?;
    for (var, section, key, kind, value) in given {
        let value = match kind {
            Kind::Text => toml::Value::String(value.clone()),
            Kind::Number => toml::Value::Integer(
                value
                    .parse()
                    .map_err(|_| Problem::invalid(var, "variable_invalid", "expected a whole number"))?,
            ),
            Kind::Truth => toml::Value::Boolean(
                value
                    .parse()
                    .map_err(|_| Problem::invalid(var, "variable_invalid", "expected true or false"))?,
            ),
        };
        let table = doc
            .entry((*section).to_string())
            .or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let Some(table) = table.as_table_mut() else {
            return Err(Problem::invalid(section, "config_invalid", "expected a section"));
        };
        table.insert((*key).to_string(), value);
    }
    let text = toml::to_string(&doc)
        .map_err(|e| Problem::bug("config_unwritable", "the configuration could not be put together").with_source(e))?;
    Config::parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../../quarterdeck.example.toml");

    #[test]
    fn the_committed_example_is_a_whole_configuration() {
        let c = Config::parse(EXAMPLE).unwrap();
        assert!(!c.trading_server.is_empty() && !c.psp.is_empty());
    }

    #[test]
    fn the_example_names_every_variable() {
        for (var, ..) in OVERRIDES {
            assert!(EXAMPLE.contains(var), "{var} is not explained in quarterdeck.example.toml");
        }
    }

    #[test]
    fn a_variable_overrides_its_key() {
        let given = [
            ("QD_SERVER_LISTEN", "server", "listen", Kind::Text, "127.0.0.1:9999".to_string()),
            ("QD_WORKER_CONCURRENCY", "worker", "concurrency", Kind::Number, "3".to_string()),
        ];
        let c = overridden(EXAMPLE, &given).unwrap();
        assert_eq!((c.server.listen.port(), c.worker.concurrency), (9999, 3));
    }

    #[test]
    fn an_unknown_key_stops_the_start_and_is_named() {
        let text = EXAMPLE.replace("[server]", "[server]\nlisten_adress = \"x\"");
        let p = Config::parse(&text).unwrap_err();
        assert!(p.detail.contains("listen_adress"), "{}", p.detail);
        assert_eq!(p.code, "config_invalid");
    }

    #[test]
    fn a_variable_of_the_wrong_kind_is_named() {
        let given = [("QD_WORKER_CONCURRENCY", "worker", "concurrency", Kind::Number, "many".to_string())];
        assert_eq!(overridden(EXAMPLE, &given).unwrap_err().code, "variable_invalid");
    }
}
