//! Short ways to say what a test does.

use qd_kernel::{Currency, Result, Ts};
use qd_ledger::{AccountKey, Balance, Leg, NewEntry, Posted, Purpose};
use qd_runtime::Core;
use qd_testkit::TestDb;

/// `client:alex/wallet/EUR`
pub fn key(text: &str) -> AccountKey {
    let parts: Vec<&str> = text.split('/').collect();
    let [owner, purpose, currency] = parts[..] else {
        panic!("an account is owner/purpose/CUR: {text}")
    };
    AccountKey::new(
        owner,
        Purpose::parse(purpose).expect("a purpose"),
        Currency::parse(currency).expect("a currency"),
    )
}

/// `client:alex/wallet/EUR 500, psp:card/clearing/EUR -500`
pub fn legs(text: &str) -> Vec<Leg> {
    text.split(',')
        .map(|leg| {
            let (account, minor) = leg.trim().split_once(' ').expect("a leg is an account and an amount");
            Leg::new(key(account), minor.trim().parse().expect("minor units"))
        })
        .collect()
}

pub fn entry(reference: &str, text: &str) -> NewEntry {
    NewEntry {
        kind: "test",
        reference: reference.to_string(),
        legs: legs(text),
        source: format!("test:{reference}"),
        value_at: Ts::from_ymd(2026, 11, 20),
        note: None,
        fx: None,
    }
}

pub async fn post(core: &Core, e: NewEntry) -> Result<Posted> {
    let c = core.clone();
    core.db.write(async move |tx| qd_ledger::post(tx, &c, e.clone()).await).await
}

pub async fn post_text(t: &TestDb, reference: &str, text: &str) -> Result<Posted> {
    post(&t.core, entry(reference, text)).await
}

pub async fn balance(t: &TestDb, account: &str) -> Balance {
    let k = key(account);
    t.db.read(async move |tx| qd_ledger::balance(tx, &k).await).await.unwrap()
}

/// Nothing to complain about, and every currency sums to zero.
pub async fn sound(t: &TestDb) {
    let faults = qd_ledger::verify::run(&t.db).await.unwrap();
    assert!(faults.is_empty(), "{faults:#?}");
    let totals = t.db.read(async |tx| qd_ledger::totals(tx).await).await.unwrap();
    for c in totals.iter().map(|l| l.currency) {
        let sum: i64 = totals.iter().filter(|l| l.currency == c).map(|l| l.balance_minor).sum();
        assert_eq!(sum, 0, "{c} does not sum to zero");
    }
}
