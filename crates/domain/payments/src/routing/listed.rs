//! Instruments whose money is not taken without a look.

use crate::store;
use qd_db::{Tx, row};
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::access::{Caller, Right};
use qd_runtime::{Core, audit};
use serde_json::json;

row! {
    /// By the provider's mark of the card or account, never its number.
    #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
    #[schema(as = ListedInstrument)]
    pub struct Listed {
        pub fingerprint: String,
        pub reason: String,
        pub listed_by: String,
        #[serde(rename = "listed_at_us")]
        pub listed_at: Ts,
    }
}

/// Puts an instrument on the list: `card.listed` is true for the rules from then on.
pub async fn put(tx: &mut Tx, core: &Core, caller: &Caller, fingerprint: &str, why: &str) -> Result<Listed> {
    caller.require(Right::DepositsManage)?;
    let why = crate::reason(why)?;
    let print = fingerprint.trim();
    if print.is_empty() || print.len() > 200 || print.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Problem::invalid(
            "fingerprint",
            "fingerprint_malformed",
            "expected the provider's mark of the instrument, as a deposit shows it",
        ));
    }
    // A number that is a card's is refused: it must not be stored anywhere.
    if (12..=19).contains(&print.len()) && print.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::invalid(
            "fingerprint",
            "card_number_refused",
            "expected the provider's mark, not a card number",
        ));
    }
    store::list_instrument(tx, print, &why, &caller.id(), core.now()).await?;
    let note = audit::Entry::new(caller, "instrument.listed", format!("instrument:{print}"))
        .after(json!({"listed": true}))
        .reason(why);
    audit::record(tx, core, note).await?;
    store::listed_instrument(tx, print)
        .await?
        .ok_or_else(|| Problem::bug("listed_lost", "an instrument just listed could not be read"))
}

pub async fn remove(tx: &mut Tx, core: &Core, caller: &Caller, fingerprint: &str, why: &str) -> Result<()> {
    caller.require(Right::DepositsManage)?;
    let why = crate::reason(why)?;
    if !store::unlist_instrument(tx, fingerprint).await? {
        return Err(Problem::missing("listed instrument"));
    }
    let note = audit::Entry::new(caller, "instrument.unlisted", format!("instrument:{fingerprint}"))
        .after(json!({"listed": false}))
        .reason(why);
    audit::record(tx, core, note).await.map(|_| ())
}

pub async fn all(tx: &mut Tx, caller: &Caller) -> Result<Vec<Listed>> {
    caller.require(Right::DepositsManage)?;
    store::listed_instruments(tx).await
}
