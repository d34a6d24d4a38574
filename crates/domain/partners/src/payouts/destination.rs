//! Where a partner's money goes, checked before anything is sent there.

use qd_kernel::{Problem, Result, text_enum};
pub use qd_ports::bank::{bank_text, bic, iban, latin, same_name};
use serde::{Deserialize, Serialize};

text_enum!(
    /// How a payout leaves: into the partner's client wallet, from there onto the partner's own
    /// trading account, or by a bank file.
    Way as PartnerPayoutWay { Wallet = "wallet", Platform = "platform", Bank = "bank" }
);

/// As the contract says it. `way` decides which of the others are needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartnerPayoutDestination, example = json!({"way": "bank", "name": "Nordlicht GmbH", "iban": "DE89370400440532013000", "bic": "COBADEFFXXX"}))]
pub struct Destination {
    pub way: Way,
    /// The bank account's holder: must be the partner's own name. 1 to 70 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iban: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bic: Option<String>,
    /// The partner's own trading account, `tac_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl Destination {
    pub fn wallet() -> Destination {
        Destination {
            way: Way::Wallet,
            name: None,
            iban: None,
            bic: None,
            account: None,
        }
    }

    /// Refuses what a bank would send back. `at` is the pointer of the destination.
    pub fn check(&self, at: &str) -> Result<()> {
        let missing = |f: &str, what: &str| Problem::invalid(&format!("{at}/{f}"), "missing", what);
        match self.way {
            Way::Wallet => Ok(()),
            Way::Platform => match self.account.as_deref() {
                Some(a) if !a.is_empty() && a.len() <= 60 => Ok(()),
                _ => Err(missing("account", "expected the partner's own trading account")),
            },
            Way::Bank => {
                let name = self
                    .name
                    .as_deref()
                    .ok_or_else(|| missing("name", "expected the holder of the bank account"))?;
                bank_text(&format!("{at}/name"), name, 70)?;
                iban(
                    &format!("{at}/iban"),
                    self.iban.as_deref().ok_or_else(|| missing("iban", "expected an IBAN"))?,
                )?;
                match self.bic.as_deref() {
                    Some(b) => bic(&format!("{at}/bic"), b),
                    None => Ok(()),
                }
            }
        }
    }
}
