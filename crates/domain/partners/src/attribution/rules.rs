//! How a brokerage decides whose client somebody is: settings per entity, and the models as a pure
//! function over touches.

use crate::signals::SignalKind;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts, text_enum};
use qd_runtime::settings;
use serde::{Deserialize, Serialize};

text_enum!(
    /// Which touch wins.
    Rule as AttributionRule {
        /// The earliest.
        First = "first",
        /// The latest.
        Last = "last",
        /// The latest that was no typed-in address or bookmark; of nothing but such ones the latest.
        LastNonDirect = "last_non_direct",
        /// A code beats every click; then the last click.
        CodeBeforeCookie = "code_before_cookie",
        /// Nobody by itself: a person decides.
        Manual = "manual",
    }
);

text_enum!(
    /// When the decision becomes final.
    Lock as AttributionLock { Registration = "registration", KycApproved = "kyc_approved", Ftd = "ftd" }
);

text_enum!(
    /// The same person at a second brand: decided anew, or the first brand's partner.
    CrossBrand { New = "new", Keep = "keep" }
);

text_enum!(
    /// Where the clients of a partner who leaves go: to the house, to the partner above, or to the
    /// house after some months.
    GoesTo { House = "house", Parent = "parent", Trail = "trail" }
);

/// Setting `attribution` of an entity, else the global one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = AttributionRules)]
pub struct Rules {
    pub model: Rule,
    pub lock: Lock,
    /// How long a click counts: 1 to 730.
    pub cookie_days: i64,
    /// How long after registration a client may be claimed without being late.
    pub claim_days: i64,
    pub cross_brand: CrossBrand,
    pub leaving: GoesTo,
    /// With `trail`: calendar months.
    pub trail_months: i64,
    /// Which shared marks hold a share until somebody has looked.
    pub hold_on: Vec<SignalKind>,
}

pub const SETTING: &str = "attribution";

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            model: Rule::CodeBeforeCookie,
            lock: Lock::Registration,
            cookie_days: crate::clicks::COOKIE_DAYS,
            claim_days: 30,
            cross_brand: CrossBrand::New,
            leaving: GoesTo::House,
            trail_months: 3,
            // An address in the network and a family name are shared by honest people as well.
            hold_on: vec![
                SignalKind::Email,
                SignalKind::Phone,
                SignalKind::Device,
                SignalKind::Card,
                SignalKind::Bank,
                SignalKind::Document,
                SignalKind::Address,
            ],
        }
    }
}

impl Rules {
    pub async fn of(tx: &mut Tx, entity: &str) -> Result<Rules> {
        Ok(settings::for_entity(tx, entity, SETTING).await?.unwrap_or_default())
    }

    pub fn check(&self) -> Result<()> {
        if !(1..=730).contains(&self.cookie_days) {
            return Err(Problem::invalid("cookie_days", "days_refused", "expected 1 to 730 days"));
        }
        if !(0..=3_650).contains(&self.claim_days) {
            return Err(Problem::invalid("claim_days", "days_refused", "expected 0 to 3650 days"));
        }
        if !(1..=120).contains(&self.trail_months) {
            return Err(Problem::invalid("trail_months", "months_refused", "expected 1 to 120 months"));
        }
        Ok(())
    }
}

/// One contact with a partner, as far as the models look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    pub at: Ts,
    /// A code, typed or in the page's address; else a click.
    pub code: bool,
    /// Came from nowhere: no page before, no campaign, no sub id.
    pub direct: bool,
}

/// Which contact wins, by its place in the list; they are in the order of time.
pub fn decide(rule: Rule, contacts: &[Contact]) -> Option<usize> {
    let last = contacts.len().checked_sub(1);
    match rule {
        Rule::First => last.map(|_| 0),
        Rule::Last => last,
        Rule::LastNonDirect => contacts.iter().rposition(|c| !c.direct).or(last),
        Rule::CodeBeforeCookie => contacts.iter().rposition(|c| c.code).or(last),
        Rule::Manual => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A: a click from somewhere, a: one from nowhere, C: a code. In the order of time.
    fn contacts(text: &str) -> Vec<Contact> {
        text.chars()
            .enumerate()
            .map(|(i, c)| Contact {
                at: Ts(i as i64),
                code: c == 'C',
                direct: c == 'a',
            })
            .collect()
    }

    #[test]
    fn every_model_over_every_order_of_touches() {
        // Sequence; then what first, last, last_non_direct, code_before_cookie and manual choose.
        let table: &[(&str, [Option<usize>; 5])] = &[
            ("", [None, None, None, None, None]),
            ("A", [Some(0), Some(0), Some(0), Some(0), None]),
            ("a", [Some(0), Some(0), Some(0), Some(0), None]),
            ("C", [Some(0), Some(0), Some(0), Some(0), None]),
            ("AA", [Some(0), Some(1), Some(1), Some(1), None]),
            ("Aa", [Some(0), Some(1), Some(0), Some(1), None]),
            ("aA", [Some(0), Some(1), Some(1), Some(1), None]),
            ("aa", [Some(0), Some(1), Some(1), Some(1), None]),
            ("AC", [Some(0), Some(1), Some(1), Some(1), None]),
            ("CA", [Some(0), Some(1), Some(1), Some(0), None]),
            ("Ca", [Some(0), Some(1), Some(0), Some(0), None]),
            ("aC", [Some(0), Some(1), Some(1), Some(1), None]),
            ("CC", [Some(0), Some(1), Some(1), Some(1), None]),
            ("AaA", [Some(0), Some(2), Some(2), Some(2), None]),
            ("Aaa", [Some(0), Some(2), Some(0), Some(2), None]),
            ("ACa", [Some(0), Some(2), Some(1), Some(1), None]),
            ("ACA", [Some(0), Some(2), Some(2), Some(1), None]),
            ("CaA", [Some(0), Some(2), Some(2), Some(0), None]),
            ("CAa", [Some(0), Some(2), Some(1), Some(0), None]),
            ("aAC", [Some(0), Some(2), Some(2), Some(2), None]),
        ];
        let rules = [Rule::First, Rule::Last, Rule::LastNonDirect, Rule::CodeBeforeCookie, Rule::Manual];
        for (text, want) in table {
            let got = rules.map(|r| decide(r, &contacts(text)));
            assert_eq!(&got, want, "{text}");
        }
    }

    #[test]
    fn an_empty_setting_is_the_default_and_nonsense_is_refused() {
        let r: Rules = serde_json::from_str("{}").unwrap();
        assert_eq!(r, Rules::default());
        assert!(r.check().is_ok());
        assert!(
            Rules {
                cookie_days: 0,
                ..Rules::default()
            }
            .check()
            .is_err()
        );
        assert!(serde_json::from_str::<Rules>(r#"{"model": "loudest"}"#).is_err());
    }
}
