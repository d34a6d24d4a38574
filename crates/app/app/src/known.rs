//! The settings the program reads: what each may hold, where it may stand, and what counts without
//! it. A value that its reader could not use is refused when it is saved, not when it is needed.

use crate::brands::{FACE, Face, MODULES};
use crate::compose::HouseRates;
use qd_kernel::{Currency, Problem, Result};
use qd_kyc::{BANDS_KEY, Bands, POLICY_KEY, Policy, WATCHLIST_KEY, Watchlist};
use qd_partners::exact::Exact;
use qd_partners::guard::{self, Guard};
use qd_partners::house::SymbolTerms;
use qd_partners::payouts::batch::BANK;
use qd_partners::payouts::terms::{Document, TERMS, Terms};
use qd_partners::plan::needs::{self, Feeds};
use qd_partners::{attribution, privacy};
use qd_payments::bank::{ACCOUNTS, HouseAccounts};
use qd_payments::transfer::quote;
use qd_payments::withdrawal::{ORDER, SourceOrder};
use qd_ports::bank::Debtor;
use qd_support::{Category, Clocks, Route, clocks};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub const RATES: &str = "fx.rates";
pub use qd_partners::house::{SYMBOL_GROUPS, SYMBOLS};
const DORMANT: &str = "clients.dormant_days";
const CHURNED: &str = "clients.churned_days";

/// A setting the program reads.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Known {
    pub key: &'static str,
    /// Kinds of scope it may stand in: `global`, `entity`, `brand`.
    pub scopes: &'static [&'static str],
    /// What counts where nothing is set; null when there is nothing then.
    pub standard: Value,
}

const HOUSE: &[&str] = &["global"];
const ENTITY: &[&str] = &["global", "entity"];
const BRAND: &[&str] = &["brand"];

/// All of them, with what counts without them.
pub fn all() -> Result<Vec<Known>> {
    let known = |key, scopes, standard| Known { key, scopes, standard };
    Ok(vec![
        known(RATES, HOUSE, Value::Null),
        known(SYMBOL_GROUPS, HOUSE, json!({})),
        known(FACE, BRAND, json!({ "modules": MODULES })),
        known(POLICY_KEY, ENTITY, serde_json::to_value(Policy::default())?),
        known(BANDS_KEY, ENTITY, serde_json::to_value(Bands::default())?),
        known(WATCHLIST_KEY, ENTITY, Value::Null),
        known(DORMANT, ENTITY, json!(90)),
        known(CHURNED, ENTITY, json!(365)),
        known(clocks::SETTING, ENTITY, serde_json::to_value(Clocks::default())?),
        known(clocks::ROUTING, ENTITY, json!({})),
        known(
            qd_partners::booking::SETTINGS,
            ENTITY,
            serde_json::to_value(qd_partners::Settings::default())?,
        ),
        known(SYMBOLS, HOUSE, json!({})),
        known(guard::SETTINGS, ENTITY, serde_json::to_value(Guard::default())?),
        known(needs::SETTINGS, ENTITY, serde_json::to_value(Feeds::usual())?),
        known(attribution::SETTING, ENTITY, serde_json::to_value(attribution::Rules::default())?),
        known(privacy::SETTING, ENTITY, serde_json::to_value(privacy::Privacy::default())?),
        known(TERMS, ENTITY, serde_json::to_value(Terms::default())?),
        known(BANK, ENTITY, Value::Null),
        known(quote::SETTING, ENTITY, serde_json::to_value(quote::Terms::default())?),
        known(qd_recon::SETTING, ENTITY, serde_json::to_value(qd_recon::Terms::default())?),
        known(ACCOUNTS, ENTITY, serde_json::to_value(HouseAccounts::default())?),
        known(ORDER, ENTITY, serde_json::to_value(SourceOrder::Oldest)?),
    ])
}

/// Refuses what the reader of `key` could not use, with the pointer of the place below `/value`.
/// A key nobody knows is the house's own affair.
pub fn check(scope: &str, key: &str, value: &Value) -> Result<()> {
    let Some(known) = all()?.into_iter().find(|k| k.key == key) else {
        return Ok(());
    };
    let kind = scope.split_once(':').map_or(scope, |(kind, _)| kind);
    if !known.scopes.contains(&kind) {
        return Err(Problem::invalid(
            "/scope",
            "setting_scope_wrong",
            format!("expected {} for this setting", known.scopes.join(" or ")),
        ));
    }
    match key {
        RATES => rates(&read(value)?),
        SYMBOL_GROUPS => groups(&read(value)?),
        FACE => face(&read(value)?),
        POLICY_KEY => policy(&read(value)?),
        BANDS_KEY => bands(&read(value)?),
        WATCHLIST_KEY => names(&read(value)?),
        DORMANT | CHURNED => within("/value", read(value)?, 1, 3_650),
        clocks::SETTING => minutes(&read(value)?),
        clocks::ROUTING => read::<BTreeMap<Category, Route>>(value).map(|_| ()),
        SYMBOLS => terms(&read(value)?),
        guard::SETTINGS => read::<Guard>(value).map(|_| ()),
        needs::SETTINGS => read::<Feeds>(value).map(|_| ()),
        attribution::SETTING => read::<attribution::Rules>(value)?.check().map_err(below),
        privacy::SETTING => read::<privacy::Privacy>(value).map(|_| ()),
        TERMS => read::<Document>(value)?.check().map_err(below),
        quote::SETTING => read::<quote::Terms>(value)?.check().map_err(below),
        qd_recon::SETTING => read::<qd_recon::Terms>(value)?.check().map_err(below),
        ACCOUNTS => read::<HouseAccounts>(value)?.check().map_err(below),
        ORDER => read::<SourceOrder>(value).map(|_| ()),
        BANK => read::<Debtor>(value)?.check("").map_err(below),
        _ => read::<qd_partners::Settings>(value).map(|_| ()),
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> Result<T> {
    qd_web::body::parse(value.to_string().as_bytes()).map_err(|mut p| {
        for f in &mut p.fields {
            f.pointer = format!("/value{}", f.pointer.trim_end_matches('/'));
        }
        p
    })
}

/// The pointers of a reader's own check, as places of the whole request.
fn below(mut p: Problem) -> Problem {
    for f in &mut p.fields {
        f.pointer = format!("/value{}", f.pointer);
    }
    p
}

fn within(pointer: &str, n: i64, low: i64, high: i64) -> Result<()> {
    if (low..=high).contains(&n) {
        return Ok(());
    }
    Err(Problem::invalid(pointer, "limit_out_of_range", format!("expected {low} to {high}")))
}

fn rates(r: &HouseRates) -> Result<()> {
    if r.source.trim().is_empty() {
        return Err(Problem::invalid(
            "/value/source",
            "field_missing",
            "expected where the rates come from",
        ));
    }
    for (code, rate) in &r.rates {
        let at = format!("/value/rates/{code}");
        if Currency::parse(code).is_err() {
            return Err(Problem::invalid(&at, "currency_unknown", "expected a currency such as USD"));
        }
        if rate.scaled() <= 0 {
            return Err(Problem::invalid(&at, "rate_not_positive", "expected a rate above zero"));
        }
    }
    Ok(())
}

fn terms(all: &BTreeMap<String, SymbolTerms>) -> Result<()> {
    for (symbol, t) in all {
        let given = [("pip_size", &t.pip_size), ("average_spread", &t.average_spread)];
        let given = given.into_iter().filter_map(|(k, v)| v.as_ref().map(|v| (k.to_string(), v)));
        let markups = t.markups.iter().map(|(g, v)| (format!("markups/{g}"), v));
        for (field, v) in given.chain(markups) {
            let fits = Exact::parse(v).is_some_and(|n| !n.is_negative() && (field != "pip_size" || !n.is_zero()));
            if !fits {
                return Err(Problem::invalid(
                    &format!("/value/{symbol}/{field}"),
                    "decimal_malformed",
                    "expected a decimal in text, such as 0.0001; a pip size is above 0",
                ));
            }
        }
    }
    Ok(())
}

fn groups(g: &BTreeMap<String, String>) -> Result<()> {
    let plain = |s: &str| !s.is_empty() && s.len() <= 40 && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    for (symbol, group) in g {
        if !plain(group) {
            return Err(Problem::invalid(
                &format!("/value/{symbol}"),
                "code_malformed",
                "expected a group such as fx_majors: small letters, digits and _",
            ));
        }
    }
    Ok(())
}

fn face(f: &Face) -> Result<()> {
    if let Some(zone) = &f.zone
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        return Err(Problem::invalid(
            "/value/zone",
            "zone_unknown",
            "expected a zone such as Europe/Nicosia",
        ));
    }
    if let Some(mail) = &f.support_email
        && !mail
            .split_once('@')
            .is_some_and(|(who, host)| !who.is_empty() && host.contains('.'))
    {
        return Err(Problem::invalid(
            "/value/support_email",
            "email_malformed",
            "expected an e-mail address",
        ));
    }
    if let Some(logo) = &f.logo
        && !logo.trim_start().starts_with("<svg")
    {
        return Err(Problem::invalid("/value/logo", "logo_malformed", "expected an SVG image as text"));
    }
    for (at, m) in f.modules.iter().flatten().enumerate() {
        if !MODULES.contains(&m.as_str()) {
            return Err(Problem::invalid(
                &format!("/value/modules/{at}"),
                "value_unknown",
                format!("expected one of {}", MODULES.join(", ")),
            ));
        }
    }
    Ok(())
}

fn policy(p: &Policy) -> Result<()> {
    within("/value/review_hours", i64::from(p.review_hours), 1, 720)?;
    within("/value/high_risk_review_hours", i64::from(p.high_risk_review_hours), 1, 720)?;
    within("/value/min_file_bytes", p.min_file_bytes, 0, 5_000_000)
}

fn bands(b: &Bands) -> Result<()> {
    within("/value/low_below", b.low_below, 0, 1_000)?;
    if b.high_from < b.low_below {
        return Err(Problem::invalid(
            "/value/high_from",
            "bands_inverted",
            "expected at least the score up to which the risk is low",
        ));
    }
    within("/value/high_from", b.high_from, 0, 1_000)
}

fn names(w: &Watchlist) -> Result<()> {
    match w.names.iter().position(|n| n.trim().chars().count() < 2) {
        Some(at) => Err(Problem::invalid(
            &format!("/value/names/{at}"),
            "name_malformed",
            "expected a name of two letters or more",
        )),
        None => Ok(()),
    }
}

fn minutes(c: &Clocks) -> Result<()> {
    for (field, of) in [
        ("first_reply_minutes", &c.first_reply_minutes),
        ("resolve_minutes", &c.resolve_minutes),
    ] {
        for (priority, n) in of {
            within(&format!("/value/{field}/{priority}"), *n, 1, 525_600)?;
        }
    }
    within("/value/close_after_days", c.close_after_days, 1, 365)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(scope: &str, key: &str, value: Value) -> String {
        check(scope, key, &value).unwrap_err().fields[0].pointer.clone()
    }

    #[test]
    fn what_counts_without_a_setting_could_be_saved_as_it_stands() {
        for k in all().unwrap().into_iter().filter(|k| !k.standard.is_null()) {
            let scope = if k.scopes == BRAND { "brand:x" } else { "global" };
            check(scope, k.key, &k.standard).unwrap_or_else(|e| panic!("{}: {e:?}", k.key));
        }
    }

    #[test]
    fn a_wrong_value_is_refused_with_the_place_it_stands_at() {
        assert_eq!(pointer("global", POLICY_KEY, json!({"review_hours": 0})), "/value/review_hours");
        assert_eq!(pointer("global", POLICY_KEY, json!({"review_hours": "8"})), "/value/review_hours");
        assert_eq!(
            pointer("global", BANDS_KEY, json!({"low_below": 60, "high_from": 30})),
            "/value/high_from"
        );
        assert_eq!(
            pointer("global", RATES, json!({"base": "EUR", "source": "x", "rates": {"USD": "0"}})),
            "/value/rates/USD"
        );
        assert_eq!(pointer("brand:x", FACE, json!({"zone": "Europe/Nowhere"})), "/value/zone");
        assert_eq!(pointer("global", DORMANT, json!(0)), "/value");
        assert_eq!(
            pointer("global", clocks::SETTING, json!({"first_reply_minutes": {"high": 0}})),
            "/value/first_reply_minutes/high"
        );
    }

    #[test]
    fn a_setting_stands_only_where_it_is_read_and_an_unknown_one_anywhere() {
        assert_eq!(pointer("entity:eu", RATES, json!({})), "/scope");
        assert_eq!(pointer("global", FACE, json!({})), "/scope");
        assert!(check("entity:eu", "review.hours", &json!({"any": 1})).is_ok());
    }
}
