//! What the house's settings say against a plan: inputs that no feed delivers, pay that is not allowed,
//! names nobody knows, currencies and symbols without what they need. Each fault with its pointer.

use crate::guard::{self, Guard};
use crate::plan::needs::{self, Feeds};
use crate::plan::read::Faults;
use crate::plan::{Pay, Plan, RateCurrency};
use qd_db::Tx;
use qd_kernel::{Currency, Result};
use qd_runtime::{settings, tenancy};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The key of [`SymbolTerms`] by symbol, global.
pub const SYMBOLS: &str = "symbols.terms";
/// The key of the product group of each symbol, global.
pub const SYMBOL_GROUPS: &str = "symbols.groups";
/// The key of the house's reference rates, global.
const RATES: &str = "fx.rates";

/// What the trading server does not say of a symbol. Decimals in text, in the symbol's price.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SymbolTerms {
    /// Size of a pip, such as `0.0001`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pip_size: Option<String>,
    /// The currency of its price; without it the last three letters of a name of six.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The usual spread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_spread: Option<String>,
    /// What is added to the raw spread, by trading group; `*` for all others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub markups: BTreeMap<String, String>,
}

/// The part of the house's rates that is needed here; its shape is the app's.
#[derive(Deserialize)]
struct Rates {
    base: Currency,
    #[serde(default)]
    rates: BTreeMap<String, serde_json::Value>,
}

/// Refuses (`plan_refused`) what the settings of the plan's entity, or the house's, say against it.
pub async fn refuse(tx: &mut Tx, entity: Option<&str>, plan: &Plan) -> Result<()> {
    let mut f = Faults::default();
    against(tx, entity, plan, &mut f).await?;
    f.into_result("plan_refused", "the plan cannot be used")
}

async fn setting<T: serde::de::DeserializeOwned>(tx: &mut Tx, entity: Option<&str>, key: &str) -> Result<Option<T>> {
    match entity {
        Some(e) => settings::for_entity(tx, e, key).await,
        None => settings::get(tx, settings::GLOBAL, key).await,
    }
}

async fn against(tx: &mut Tx, entity: Option<&str>, plan: &Plan, f: &mut Faults) -> Result<()> {
    let guard: Guard = setting(tx, entity, guard::SETTINGS).await?.unwrap_or_default();
    guard.refuse(plan, entity, f);
    let feeds: Feeds = setting(tx, entity, needs::SETTINGS).await?.unwrap_or_else(Feeds::usual);
    feeds.refuse(plan, f);

    let known: Vec<String> = tenancy::entities(tx).await?.iter().map(|e| e.code.clone()).collect();
    if !known.is_empty() {
        let mut named = |list: &[String], at: String| {
            for e in list.iter().filter(|e| !known.contains(e)) {
                f.add(
                    at.clone(),
                    "entity_unknown",
                    format!("expected one of the house's entities ({}), not {e}", known.join(", ")),
                );
            }
        };
        named(&plan.scope.entities, "/scope/entities".into());
        for (i, r) in plan.rules.iter().enumerate() {
            named(&r.scope.entities, format!("/rules/{i}/scope/entities"));
        }
    }

    if let Some(rates) = settings::get::<Rates>(tx, settings::GLOBAL, RATES).await? {
        let has = |c: Currency| c == rates.base || rates.rates.contains_key(c.code());
        let mut priced = |c: Option<RateCurrency>, at: String| {
            if let Some(RateCurrency::Money(c)) = c
                && !has(c)
            {
                f.add(
                    at,
                    "currency_without_rate",
                    format!("expected a currency with a rate of exchange: add {c} to the house's rates ({RATES}) or take another"),
                );
            }
        };
        priced(Some(plan.currency), "/currency".into());
        for (i, r) in plan.rules.iter().enumerate() {
            priced(r.currency, format!("/rules/{i}/currency"));
        }
    }
    symbols(tx, plan, f).await
}

/// Names that are configured nowhere, and pips of symbols without a pip size. Only where symbols are
/// configured at all.
async fn symbols(tx: &mut Tx, plan: &Plan, f: &mut Faults) -> Result<()> {
    let groups: BTreeMap<String, String> = settings::get(tx, settings::GLOBAL, SYMBOL_GROUPS).await?.unwrap_or_default();
    let terms: BTreeMap<String, SymbolTerms> = settings::get(tx, settings::GLOBAL, SYMBOLS).await?.unwrap_or_default();
    if groups.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<&String> = groups.values().collect();
    for (i, r) in plan.rules.iter().enumerate() {
        let s = &r.scope;
        for name in s.symbols.iter().filter(|n| !groups.contains_key(*n)) {
            f.add(
                format!("/rules/{i}/scope/symbols"),
                "symbol_unknown",
                format!("expected symbols with a product group ({SYMBOL_GROUPS}): {name} has none"),
            );
        }
        for name in s.product_groups.iter().filter(|n| !known.contains(n)) {
            let list: Vec<&str> = known.iter().map(|k| k.as_str()).collect();
            f.add(
                format!("/rules/{i}/scope/product_groups"),
                "group_unknown",
                format!("expected one of {}, not {name}", list.join(", ")),
            );
        }
        let named = |symbol: &str| s.symbols.iter().any(|n| n == symbol);
        let impossible = !s.symbols.is_empty()
            && !s.product_groups.is_empty()
            && s.symbols
                .iter()
                .all(|n| groups.get(n).is_some_and(|g| !s.product_groups.contains(g)));
        if impossible {
            f.add(
                format!("/rules/{i}/scope/product_groups"),
                "scope_impossible",
                "expected the product group of one of the rule's symbols, or none",
            );
        }
        let pips = r.pay == Pay::Pips || plan.exclusions.min_move_pips.is_some();
        if !pips {
            continue;
        }
        let lacking: Vec<&str> = groups
            .iter()
            .filter(|(n, g)| (s.symbols.is_empty() || named(n)) && (s.product_groups.is_empty() || s.product_groups.contains(g)))
            .filter(|(n, _)| terms.get(*n).is_none_or(|t| t.pip_size.is_none()))
            .map(|(n, _)| n.as_str())
            .collect();
        if !lacking.is_empty() {
            let at = if r.pay == Pay::Pips {
                format!("/rules/{i}/pay")
            } else {
                "/exclusions/min_move_pips".to_string()
            };
            f.add(
                at,
                "pip_size_missing",
                format!(
                    "expected symbols with a pip size: set it in {SYMBOLS} for {}, or limit the rule to others",
                    lacking.iter().take(10).copied().collect::<Vec<_>>().join(", ")
                ),
            );
        }
    }
    Ok(())
}
