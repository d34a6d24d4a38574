//! Quotes for transfers at the house's reference rates.

use crate::compose::HouseRates;
use crate::known::RATES;
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_payments::transfer::quote::{self, MidRates, NewQuote, QuoteView};
use qd_payments::{ClientFacts, QuoteId};
use qd_runtime::access::Caller;
use qd_runtime::{Core, settings, tenancy};

/// A new wish, or an older quote's at today's rate.
#[derive(Clone, Debug)]
pub enum Wish {
    New(NewQuote),
    Again(QuoteId),
}

pub async fn quote(tx: &mut Tx, core: &Core, caller: &Caller, facts: &ClientFacts, wish: Wish) -> Result<QuoteView> {
    let none = || Problem::conflict("rate_missing", "the house has set no reference rates");
    let rates = HouseRates::load(tx).await?.ok_or_else(none)?;
    let set = settings::find(tx, settings::GLOBAL, RATES).await?.ok_or_else(none)?;
    let entity = tenancy::get(tx, &facts.entity).await?;
    let cross = |from, to| rates.cross(from, to);
    let mid = MidRates {
        cross: &cross,
        source: rates.source.clone(),
        at: set.updated_at,
        offered: entity.config.currencies.clone(),
    };
    match wish {
        Wish::New(n) => quote::quote(tx, core, caller, facts, n, &mid).await,
        Wish::Again(id) => quote::again(tx, core, caller, facts, id, &mid).await,
    }
}
