//! The auditor of this crate: statement hashes and chains, purses against lines, days, payouts and
//! the ledger. One fault per line of output.

use crate::payouts::payable;
use crate::store::statements as store;
use qd_db::Db;
use qd_kernel::Result;
use sha2::{Digest, Sha256};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `statement_hash`, `statement_chain`, `statement_lines`, `purse_lines`, `purse_days`,
    /// `purse_payouts`, `ledger_differs`, `running_value`.
    pub kind: &'static str,
    pub subject: String,
    pub detail: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "partners {} {}: {}", self.kind, self.subject, self.detail)
    }
}

pub async fn run(db: &Db) -> Result<Vec<Fault>> {
    db.read_long(async |tx| {
        let mut faults = Vec::new();
        let mut add = |kind, subject: String, detail: String| faults.push(Fault { kind, subject, detail });
        let mut after = (String::new(), String::new(), 0);
        let mut before: Option<(String, String, i64, i64)> = None;
        loop {
            let rows = store::audit(tx, &after, 200).await?;
            let Some(last) = rows.last() else { break };
            after = (last.partner_id.to_string(), last.currency.to_string(), last.number);
            for s in rows {
                let hash = hex::encode(Sha256::digest(s.content.as_bytes()));
                if hash != s.sha256 {
                    add(
                        "statement_hash",
                        s.id.to_string(),
                        format!("says {}, its content makes {hash}", s.sha256),
                    );
                }
                let key = (s.partner_id.to_string(), s.currency.to_string());
                let (number, opening) = match &before {
                    Some(b) if (b.0.as_str(), b.1.as_str()) == (key.0.as_str(), key.1.as_str()) => (b.2 + 1, b.3),
                    _ => (1, 0),
                };
                if s.number != number || s.opening_minor != opening || s.opening_minor + s.moved_minor != s.closing_minor {
                    add(
                        "statement_chain",
                        s.id.to_string(),
                        format!(
                            "number {} opens with {}, expected number {number} with {opening}",
                            s.number, s.opening_minor
                        ),
                    );
                }
                if s.on_lines_minor != s.said_lines_minor {
                    add(
                        "statement_lines",
                        s.id.to_string(),
                        format!("says {}, its lines sum to {}", s.said_lines_minor, s.on_lines_minor),
                    );
                }
                before = Some((key.0, key.1, s.number, s.closing_minor));
            }
        }
        for (key, value, found) in crate::store::states::audit(tx).await? {
            add(
                "running_value",
                key,
                format!("says {value}, the last deal left {}", found.unwrap_or_else(|| "none".into())),
            );
        }
        for p in store::audit_purses(tx).await? {
            let subject = format!("{} {}", p.partner_id, p.currency);
            if (p.booked_minor, p.lines) != (p.line_sum, p.line_count) {
                add(
                    "purse_lines",
                    subject.clone(),
                    format!(
                        "says {} in {} lines, the lines make {} in {}",
                        p.booked_minor, p.lines, p.line_sum, p.line_count
                    ),
                );
            }
            if p.day_sum != p.booked_minor {
                add(
                    "purse_days",
                    subject.clone(),
                    format!("says {}, the days make {}", p.booked_minor, p.day_sum),
                );
            }
            if p.paid_sum != p.paid_minor {
                add(
                    "purse_payouts",
                    subject.clone(),
                    format!("says {} paid, the payouts make {}", p.paid_minor, p.paid_sum),
                );
            }
            let ledger = qd_ledger::balance(tx, &payable(p.partner_id, p.currency)).await?.balance_minor;
            if ledger != p.booked_minor - p.paid_minor {
                add(
                    "ledger_differs",
                    subject,
                    format!(
                        "lines less payouts make {}, the ledger says {ledger}",
                        p.booked_minor - p.paid_minor
                    ),
                );
            }
        }
        Ok(faults)
    })
    .await
}
