//! Other names for clients: their numbers in the installation that an export goes into.

use super::Kind;
use crate::engine::Key;
use qd_kernel::{Problem, Result, Val};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

/// Old client id to new one. Clients that are not in it keep theirs.
#[derive(Clone, Debug, Default)]
pub struct ClientMap {
    to: HashMap<String, String>,
    sha256: String,
}

impl ClientMap {
    /// CSV of two columns, `from,to`, with that first line.
    ///
    /// Errors: `client_map_malformed`, `client_map_double` (a client named twice on one side).
    pub fn read(text: &str) -> Result<ClientMap> {
        let bad = |n: usize, what: &str| Problem::invalid("client_map", "client_map_malformed", format!("line {}: expected {what}", n + 1));
        let mut to = HashMap::new();
        let mut seen = BTreeSet::new();
        for (n, row) in text.lines().enumerate() {
            let row = row.trim();
            if n == 0 {
                if row != "from,to" {
                    return Err(bad(n, "the heading from,to"));
                }
                continue;
            }
            if row.is_empty() {
                continue;
            }
            let (a, b) = row.split_once(',').ok_or_else(|| bad(n, "two ids and a comma"))?;
            let fine = |t: &str| !t.is_empty() && t.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-');
            if !fine(a) || !fine(b) {
                return Err(bad(n, "two ids of letters, digits, _ and -"));
            }
            if to.insert(a.to_string(), b.to_string()).is_some() || !seen.insert(b.to_string()) {
                return Err(Problem::invalid(
                    "client_map",
                    "client_map_double",
                    format!("line {}: expected each client once on either side", n + 1),
                ));
            }
        }
        Ok(ClientMap {
            to,
            sha256: hex::encode(Sha256::digest(text.as_bytes())),
        })
    }

    /// In hex; empty for none.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    fn name(&self, v: &mut Val) {
        if let Val::Text(t) = v
            && let Some(new) = self.to.get(t.as_str())
        {
            t.clone_from(new);
        }
    }

    /// A row with its clients by their new names. What was said about them stays as it was said:
    /// evidence, explanations, statements.
    pub(super) fn apply(&self, kind: Kind, row: &mut [Val]) -> Result<()> {
        if self.to.is_empty() {
            return Ok(());
        }
        let plain: &[&str] = match kind {
            Kind::Partners | Kind::Shares | Kind::Deals => &["client_id"],
            Kind::Lines => &["client_id", "beneficiary"],
            Kind::DealValues => &["beneficiary"],
            _ => &[],
        };
        for name in plain {
            self.name(&mut row[kind.at(name)?]);
        }
        match kind {
            Kind::Deals => {
                if let Val::Text(t) = &mut row[kind.at("facts")?] {
                    let mut facts: serde_json::Value = serde_json::from_str(t)?;
                    if let Some(c) = facts.get_mut("client")
                        && let Some(new) = c.as_str().and_then(|old| self.to.get(old))
                    {
                        *c = serde_json::Value::String(new.clone());
                        *t = facts.to_string();
                    }
                }
            }
            Kind::States | Kind::StateDeals => {
                if let Val::Text(t) = &mut row[kind.at("key")?] {
                    *t = Key::new(t.clone()).renamed(|part| self.to.get(part).cloned()).as_str().to_string();
                }
            }
            _ => {}
        }
        Ok(())
    }
}
