//! How long a connection may take and how much may be open.

use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_runtime::settings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The setting: global or of an entity.
pub const SETTING: &str = "reconciliation.terms";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ReconciliationTerms)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// Hours after which an entry has to stand in the provider's file.
    pub settlement_delay_hours: i64,
    /// Hours between entry and line in which amount and time alone may pair them.
    pub window_hours: i64,
    /// Seconds that our own bookkeeping may be behind a line.
    pub grace_s: i64,
    /// Sum over open breaks of amount times age, minor units times days, per currency: above it an alarm.
    pub drift_limit_minor_days: i64,
    /// By connection, where it differs.
    pub connections: BTreeMap<String, Override>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ReconciliationOverride)]
#[serde(deny_unknown_fields, default)]
pub struct Override {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement_delay_hours: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_limit_minor_days: Option<i64>,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms {
            settlement_delay_hours: 48,
            window_hours: 48,
            grace_s: 900,
            drift_limit_minor_days: 1_000_000,
            connections: BTreeMap::new(),
        }
    }
}

impl Terms {
    pub async fn load(tx: &mut Tx, entity: &str) -> Result<Terms> {
        Ok(settings::for_entity(tx, entity, SETTING).await?.unwrap_or_default())
    }

    pub fn delay_hours(&self, connection: &str) -> i64 {
        let own = self.connections.get(connection).and_then(|o| o.settlement_delay_hours);
        own.unwrap_or(self.settlement_delay_hours)
    }

    pub fn drift_limit(&self, connection: &str) -> i64 {
        let own = self.connections.get(connection).and_then(|o| o.drift_limit_minor_days);
        own.unwrap_or(self.drift_limit_minor_days)
    }

    /// Errors: `terms_out_of_range` with the field.
    pub fn check(&self) -> Result<()> {
        let within = |field: &str, v: i64, most: i64| {
            if (0..=most).contains(&v) {
                Ok(())
            } else {
                Err(Problem::invalid(field, "terms_out_of_range", format!("expected 0 to {most}")))
            }
        };
        let hours = 24 * 366;
        within("/settlement_delay_hours", self.settlement_delay_hours, hours)?;
        within("/window_hours", self.window_hours, hours)?;
        within("/grace_s", self.grace_s, 86_400)?;
        within("/drift_limit_minor_days", self.drift_limit_minor_days, qd_kernel::MAX_MINOR)?;
        for (id, o) in &self.connections {
            if let Some(v) = o.settlement_delay_hours {
                within(&format!("/connections/{id}/settlement_delay_hours"), v, hours)?;
            }
            if let Some(v) = o.drift_limit_minor_days {
                within(&format!("/connections/{id}/drift_limit_minor_days"), v, qd_kernel::MAX_MINOR)?;
            }
        }
        Ok(())
    }
}
