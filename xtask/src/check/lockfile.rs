//! One TLS stack. Two providers in one program make rustls panic at its first use, and a C library
//! nobody asked for doubles the build; both arrive through some dependency's default features.

use super::{Finding, Outcome, Repo};

pub const NAME: &str = "lockfile";

const BANNED: &[(&str, &str)] = &[
    ("openssl-sys", "rustls with ring"),
    ("native-tls", "rustls with ring"),
    ("aws-lc-sys", "rustls with ring"),
    ("aws-lc-rs", "rustls with ring"),
];

pub fn run(repo: &Repo) -> Outcome {
    let mut findings = Vec::new();
    for (i, line) in repo.text("Cargo.lock").unwrap_or_default().lines().enumerate() {
        let Some(name) = line.strip_prefix("name = ") else { continue };
        if let Some((name, instead)) = BANNED.iter().find(|(b, _)| name.trim_matches('"') == *b) {
            let todo = format!("switch off the feature that brings {name} (cargo tree -i {name} shows it); here it is {instead}");
            findings.push(Finding::new(NAME, "Cargo.lock", i + 1, todo));
        }
    }
    findings.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_tls_stack_is_found() {
        let lock = "[[package]]\nname = \"ring\"\n[[package]]\nname = \"aws-lc-sys\"\n";
        let found = run(&Repo::of(&[("Cargo.lock", lock)])).findings;
        assert_eq!(found.iter().map(|f| f.line).collect::<Vec<_>>(), [4]);
    }
}
