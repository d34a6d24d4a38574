//! Who may depend on whom. The tier is in the path, so that a program can hold it: knowledge flows
//! from the kernel outwards, and a provider's connector can never reach a domain's tables.

use super::{Finding, Outcome, Repo};
use std::collections::BTreeMap;

pub const NAME: &str = "tiers";

/// Inside the platform: each may use those before it. `outbound` stands beside them.
const PLATFORM: &[&str] = &["db", "runtime", "web"];
/// Inside the domain: each may use those before it. Sideways talk goes through events.
const DOMAIN: &[&str] = &[
    "ledger", "notify", "clients", "kyc", "trading", "payments", "recon", "partners", "support",
];
/// Inside the app: wiring, then the API and the portals on it, then the program around them.
const APP: &[&str] = &["paper", "app", "api", "portals", "server"];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Tier {
    Kernel,
    Platform(String),
    Ports,
    Domain(String),
    Connector,
    Kit,
    App(String),
    Sandbox,
    /// Testkit and xtask: may know everything, and nothing but tests may know them.
    Free,
}

pub fn run(repo: &Repo) -> Outcome {
    let mut findings = Vec::new();
    let mut crates: BTreeMap<String, (String, Tier)> = BTreeMap::new();
    let mut manifests = Vec::new();
    for (path, text) in repo.with_extension("toml") {
        let Some(folder) = path
            .strip_suffix("/Cargo.toml")
            .filter(|f| f.starts_with("crates/") || *f == "xtask")
        else {
            continue;
        };
        let manifest: toml::Table = match toml::from_str(text) {
            Ok(table) => table,
            Err(e) => {
                findings.push(Finding::new(NAME, path, 0, format!("make it readable: {}", e.message())));
                continue;
            }
        };
        let Some(name) = manifest
            .get("package")
            .and_then(|p| p.get("name"))
            .and_then(|n| n.as_str())
            .map(str::to_string)
        else {
            continue;
        };
        match tier(folder) {
            Some(tier) => {
                crates.insert(name, (folder.to_string(), tier.clone()));
                manifests.push((path, text, manifest, tier));
            }
            None => findings.push(Finding::new(
                NAME,
                path,
                0,
                "move the crate into a tier's folder, or add it to the tables in xtask/src/check/tiers.rs",
            )),
        }
    }
    for (path, text, manifest, tier) in &manifests {
        for dependency in dependencies(manifest) {
            let Some((folder, other)) = crates.get(&dependency) else { continue };
            if let Err(why) = may_use(tier, other) {
                let line = 1 + text
                    .lines()
                    .position(|l| l.trim_start().starts_with(dependency.as_str()))
                    .unwrap_or(0);
                findings.push(Finding::new(NAME, path, line, format!("drop the dependency on {folder}: {why}")));
            }
        }
    }
    findings.into()
}

/// Names of what the crate is built with, for all targets; dev-dependencies are free.
fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let targets = manifest
        .get("target")
        .and_then(|t| t.as_table())
        .into_iter()
        .flat_map(|t| t.values())
        .filter_map(|t| t.as_table());
    std::iter::once(manifest)
        .chain(targets)
        .flat_map(|owner| ["dependencies", "build-dependencies"].map(|k| owner.get(k).and_then(|v| v.as_table())))
        .flatten()
        .flatten()
        .map(|(key, value)| value.get("package").and_then(|p| p.as_str()).unwrap_or(key).to_string())
        .collect()
}

fn tier(folder: &str) -> Option<Tier> {
    let parts: Vec<&str> = folder.split('/').collect();
    match parts.as_slice() {
        ["crates", "kernel"] => Some(Tier::Kernel),
        ["crates", "ports"] => Some(Tier::Ports),
        ["crates", "sandbox"] => Some(Tier::Sandbox),
        ["crates", "testkit"] | ["xtask"] => Some(Tier::Free),
        ["crates", "platform", name] if PLATFORM.contains(name) || *name == "outbound" => Some(Tier::Platform((*name).to_string())),
        ["crates", "domain", name] if DOMAIN.contains(name) => Some(Tier::Domain((*name).to_string())),
        ["crates", "app", name] if APP.contains(name) => Some(Tier::App((*name).to_string())),
        ["crates", "connectors", "kit"] => Some(Tier::Kit),
        ["crates", "connectors", _] => Some(Tier::Connector),
        _ => None,
    }
}

/// Err says why not.
fn may_use(from: &Tier, to: &Tier) -> Result<(), String> {
    let ordered = |order: &[&str], a: &str, b: &str| {
        let place = |n: &str| order.iter().position(|o| *o == n);
        if place(b) < place(a) {
            Ok(())
        } else {
            Err(format!("the order there is {}", order.join(" < ")))
        }
    };
    match (from, to) {
        (Tier::Free, _) => Ok(()),
        (_, Tier::Free) => Err("only tests use it: make it a dev-dependency".into()),
        (_, Tier::Kernel) => Ok(()),
        (Tier::Kernel, _) => Err("the kernel knows nobody".into()),
        (Tier::Sandbox, _) => Err("the sandbox knows the kernel only, so that it finds our connectors' mistakes".into()),
        (Tier::Platform(a), Tier::Platform(b)) => match (a.as_str(), b.as_str()) {
            ("outbound", _) => Err("outbound knows the kernel only".into()),
            (_, "outbound") => Err("only connectors and the app make network calls".into()),
            _ => ordered(PLATFORM, a, b),
        },
        (Tier::Platform(_), _) => Err("the platform knows the kernel and the platform below it".into()),
        (Tier::Ports, Tier::Platform(_)) => Ok(()),
        (Tier::Ports, _) => Err("ports know what lies below them".into()),
        (Tier::Kit | Tier::Connector, Tier::Ports) => Ok(()),
        (Tier::Connector, Tier::Kit) => Ok(()),
        (Tier::Kit | Tier::Connector, Tier::Platform(p)) if p == "outbound" => Ok(()),
        (Tier::Kit, _) => Err("the kit of the connectors knows kernel, ports and outbound, and no connector".into()),
        (Tier::Connector, _) => Err("a connector knows kernel, ports, outbound and the kit only".into()),
        (Tier::Domain(_), Tier::Platform(p)) if p == "outbound" => Err("only connectors and the app make network calls".into()),
        (Tier::Domain(_), Tier::Platform(_) | Tier::Ports) => Ok(()),
        (Tier::Domain(a), Tier::Domain(b)) => ordered(DOMAIN, a, b),
        (Tier::Domain(_), _) => Err("a domain knows kernel, platform, ports and lower domains".into()),
        (Tier::App(a), Tier::App(b)) => ordered(APP, a, b),
        (Tier::App(a), Tier::Sandbox) if a != "server" => Err("only the program starts the counterparties".into()),
        (Tier::App(_), _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, section: &str, dependency: &str) -> String {
        format!("[package]\nname = \"{name}\"\n\n[{section}]\n{dependency}.workspace = true\n")
    }

    /// The findings when `from` gets a dependency on `to` in `section`.
    fn with(from: &str, section: &str, to: &str) -> Vec<Finding> {
        let a = manifest("qd-from", section, "qd-to");
        let b = "[package]\nname = \"qd-to\"\n";
        run(&Repo::of(&[(&format!("{from}/Cargo.toml"), &a), (&format!("{to}/Cargo.toml"), b)])).findings
    }

    #[test]
    fn knowledge_flows_outwards_only() {
        let allowed = [
            ("crates/platform/runtime", "crates/platform/db"),
            ("crates/platform/web", "crates/platform/runtime"),
            ("crates/ports", "crates/kernel"),
            ("crates/domain/payments", "crates/domain/ledger"),
            ("crates/domain/partners", "crates/domain/trading"),
            ("crates/domain/kyc", "crates/ports"),
            ("crates/connectors/psp-x", "crates/platform/outbound"),
            ("crates/connectors/psp-x", "crates/ports"),
            ("crates/sandbox", "crates/kernel"),
            ("crates/app/app", "crates/connectors/psp-x"),
            ("crates/app/server", "crates/sandbox"),
            ("crates/testkit", "crates/app/server"),
        ];
        for (from, to) in allowed {
            assert!(with(from, "dependencies", to).is_empty(), "{from} -> {to}");
        }
        let refused = [
            ("crates/kernel", "crates/platform/db"),
            ("crates/platform/db", "crates/platform/runtime"),
            ("crates/platform/runtime", "crates/platform/web"),
            ("crates/platform/web", "crates/domain/ledger"),
            ("crates/platform/outbound", "crates/platform/db"),
            ("crates/ports", "crates/domain/ledger"),
            ("crates/domain/ledger", "crates/domain/payments"),
            ("crates/domain/trading", "crates/domain/payments"),
            ("crates/domain/payments", "crates/connectors/psp-x"),
            ("crates/domain/payments", "crates/platform/outbound"),
            ("crates/domain/kyc", "crates/app/app"),
            ("crates/connectors/psp-x", "crates/platform/db"),
            ("crates/connectors/psp-x", "crates/connectors/psp-y"),
            ("crates/connectors/psp-x", "crates/domain/payments"),
            ("crates/sandbox", "crates/ports"),
            ("crates/app/app", "crates/app/api"),
            ("crates/app/api", "crates/sandbox"),
            ("crates/domain/ledger", "crates/testkit"),
        ];
        for (from, to) in refused {
            let found = with(from, "dependencies", to);
            assert_eq!(found.len(), 1, "{from} -> {to}");
            assert_eq!((found[0].path.as_str(), found[0].line), (format!("{from}/Cargo.toml").as_str(), 5));
        }
    }

    #[test]
    fn tests_may_use_anything_and_builds_may_not() {
        assert!(with("crates/kernel", "dev-dependencies", "crates/testkit").is_empty());
        assert_eq!(with("crates/kernel", "build-dependencies", "crates/platform/db").len(), 1);
        assert_eq!(
            with("crates/kernel", "target.'cfg(unix)'.dependencies", "crates/platform/db").len(),
            1
        );
    }

    #[test]
    fn a_renamed_dependency_is_seen_by_its_package() {
        let a = "[package]\nname = \"qd-kernel\"\n[dependencies]\nstore = { package = \"qd-db\", path = \"../platform/db\" }\n";
        let found = run(&Repo::of(&[
            ("crates/kernel/Cargo.toml", a),
            ("crates/platform/db/Cargo.toml", "[package]\nname = \"qd-db\"\n"),
        ]))
        .findings;
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_crate_outside_the_tiers_is_found() {
        for folder in ["crates/domain/casino", "crates/misc", "crates/platform/extra"] {
            let found = run(&Repo::of(&[(&format!("{folder}/Cargo.toml"), "[package]\nname = \"qd-x\"\n")])).findings;
            assert_eq!(found.len(), 1, "{folder}");
        }
    }
}
