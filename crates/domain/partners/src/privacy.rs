//! What a partner may see of the clients they brought, beyond pseudonym and volume.

use qd_db::Tx;
use qd_kernel::{Result, text_enum};
use qd_runtime::settings;
use serde::{Deserialize, Serialize};

text_enum!(
    /// How much of a name or an address is shown.
    Shown as PartnerSees { Nothing = "nothing", Masked = "masked", Full = "full" }
);

/// Setting `partner_privacy` of an entity, else the global one. Without it: pseudonym, country, step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = PartnerPrivacy)]
pub struct Privacy {
    /// Masked: initials.
    pub name: Shown,
    /// Masked: a…@g….
    pub email: Shown,
    pub country: bool,
    /// Registered, approved, funded, and when.
    pub steps: bool,
}

pub const SETTING: &str = "partner_privacy";

impl Default for Privacy {
    fn default() -> Privacy {
        Privacy {
            name: Shown::Nothing,
            email: Shown::Nothing,
            country: true,
            steps: true,
        }
    }
}

impl Privacy {
    pub async fn of(tx: &mut Tx, entity: &str) -> Result<Privacy> {
        Ok(settings::for_entity(tx, entity, SETTING).await?.unwrap_or_default())
    }

    pub fn name(&self, full: &str) -> Option<String> {
        match self.name {
            Shown::Nothing => None,
            Shown::Full => Some(full.to_string()),
            Shown::Masked => Some(
                full.split_whitespace()
                    .filter_map(|w| w.chars().next())
                    .map(|c| format!("{c}."))
                    .collect(),
            ),
        }
    }

    pub fn email(&self, full: &str) -> Option<String> {
        match self.email {
            Shown::Nothing => None,
            Shown::Full => Some(full.to_string()),
            Shown::Masked => Some(crate::signals::masked_email(full)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_is_shown_unless_the_setting_says_so() {
        let p = Privacy::default();
        assert_eq!((p.name("Anna Kern"), p.email("anna@x.org")), (None, None));
        let p: Privacy = serde_json::from_str(r#"{"name": "masked", "email": "masked"}"#).unwrap();
        assert_eq!(
            (p.name("Anna Kern").as_deref(), p.email("anna@x.org").as_deref()),
            (Some("A.K."), Some("a…@x…"))
        );
    }
}
