//! Striped accounts: do their rows belong together?

use super::store_audit::Account;
use super::{Fault, LIMIT, fault};
use std::collections::HashMap;

/// Written out here a second time, like everything the auditor knows.
const SHARED: &[&str] = &[
    "clearing",
    "fees",
    "chargebacks",
    "trading_result",
    "commission_expense",
    "fx_position",
    "suspense",
];
/// Of ids, in order: the last character is the number of the row.
const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

pub fn shared(a: &Account) -> bool {
    SHARED.contains(&a.purpose.as_str()) && (a.owner.starts_with("house:") || a.owner.starts_with("psp:"))
}

pub fn check(accounts: &[Account], faults: &mut Vec<Fault>) {
    let mut first: HashMap<(&str, &str, &str), &Account> = HashMap::new();
    let mut sums: HashMap<(&str, &str, &str), i128> = HashMap::new();
    for a in accounts {
        let key = (a.owner.as_str(), a.purpose.as_str(), a.currency.as_str());
        *sums.entry(key).or_default() += i128::from(a.balance_minor);
        if a.stripe == 0 {
            first.insert(key, a);
        }
    }
    for a in accounts.iter().filter(|a| a.stripe != 0) {
        if !shared(a) {
            faults.push(fault(
                "stripe_astray",
                &a.id,
                format!("stripe {} of {} {}, which has one row", a.stripe, a.owner, a.purpose),
            ));
        }
        let stem = |id: &str| id.get(..id.len().saturating_sub(1)).map(str::to_string);
        let key = (a.owner.as_str(), a.purpose.as_str(), a.currency.as_str());
        match first.get(&key) {
            None => faults.push(fault(
                "stripe_astray",
                &a.id,
                format!("stripe {} of an account without its first row", a.stripe),
            )),
            Some(f) if stem(&f.id) != stem(&a.id) => faults.push(fault(
                "stripe_astray",
                &a.id,
                format!("stripe {} of the account {}", a.stripe, f.id),
            )),
            Some(_) => {}
        }
        let said =
            a.id.chars()
                .next_back()
                .and_then(|c| DIGITS.find(c))
                .and_then(|n| i64::try_from(n).ok());
        if said != Some(a.stripe) {
            faults.push(fault("stripe_astray", &a.id, format!("numbered {}", a.stripe)));
        }
    }
    let mut over: Vec<_> = sums.into_iter().filter(|(_, sum)| sum.abs() > LIMIT).collect();
    over.sort_unstable();
    for ((owner, purpose, currency), sum) in over {
        faults.push(fault(
            "balance_out_of_range",
            &format!("{owner} {purpose} {currency}"),
            format!("its rows sum to {sum}"),
        ));
    }
}
