//! The exported journal, read back by a small parser of hledger's grammar that knows nothing of us
//! (and by hledger itself where the machine has it).

use crate::tools::*;
use qd_kernel::{Currency, Ts, parse_fixed};
use qd_ledger::{JournalRange, journal_export};
use qd_testkit::TestDb;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

pub async fn export(t: &TestDb, range: JournalRange) -> String {
    let text = Arc::new(Mutex::new(String::new()));
    let into = text.clone();
    t.db.read_long(async move |tx| {
        let into = into.clone();
        journal_export(tx, range, &mut move |piece: &str| into.lock().unwrap().push_str(piece)).await
    })
    .await
    .unwrap();
    Arc::try_unwrap(text)
        .map(|m| m.into_inner().unwrap())
        .unwrap_or_else(|shared| shared.lock().unwrap().clone())
}

/// Balances by (account, currency) after checking every transaction and assertion.
pub fn read(journal: &str) -> BTreeMap<(String, String), i64> {
    let mut declared: BTreeSet<String> = BTreeSet::new();
    let mut commodities: BTreeSet<String> = BTreeSet::new();
    let mut balances: BTreeMap<(String, String), i64> = BTreeMap::new();
    let mut open: BTreeMap<String, i64> = BTreeMap::new();
    let (mut last_date, mut assertions) = (String::new(), 0);
    let minor = |amount: &str| {
        let (number, code) = amount.trim().split_once(' ').expect("an amount is a number and a commodity");
        let c = Currency::parse(code).expect("a known commodity");
        (parse_fixed(number, c.exponent()).expect("a plain decimal"), code.to_string())
    };
    for line in journal.lines() {
        if line.trim().is_empty() {
            assert!(open.values().all(|v| *v == 0), "a transaction does not balance before: {line}");
            open.clear();
        } else if let Some(rest) = line.strip_prefix("commodity ") {
            commodities.insert(rest.rsplit(' ').next().unwrap().to_string());
        } else if let Some(name) = line.strip_prefix("account ") {
            assert!(declared.insert(name.to_string()), "declared twice: {name}");
        } else if line.starts_with(';') || line.trim_start().starts_with(';') {
        } else if let Some(rest) = line.strip_prefix("    ") {
            let (account, amount) = rest.split_once("  ").expect("two spaces between account and amount");
            if let Some(account) = account.strip_prefix('(').and_then(|a| a.strip_suffix(')')) {
                let (zero, asserted) = amount.split_once(" = ").expect("an assertion");
                assert_eq!(minor(zero).0, 0);
                let (expected, code) = minor(asserted);
                let got = balances.get(&(account.to_string(), code)).copied().unwrap_or_default();
                assert_eq!(got, expected, "{account}");
                assertions += 1;
                continue;
            }
            assert!(declared.contains(account), "not declared: {account}");
            let (m, code) = minor(amount);
            assert!(commodities.contains(&code));
            *open.entry(code.clone()).or_default() += m;
            *balances.entry((account.to_string(), code)).or_default() += m;
        } else {
            let date = line.split(' ').next().unwrap();
            assert_eq!(date.len(), 10);
            assert!(date >= last_date.as_str(), "not in order of date: {line}");
            last_date = date.to_string();
        }
    }
    assert_eq!(assertions, balances.len(), "each balance is asserted once");
    balances
}

fn hledger_agrees(journal: &str) {
    let path = std::env::temp_dir().join(format!("qd_journal_{}_{:p}.journal", std::process::id(), journal.as_ptr()));
    std::fs::write(&path, journal).unwrap();
    match std::process::Command::new("hledger")
        .arg("-f")
        .arg(&path)
        .args(["check", "--strict"])
        .output()
    {
        Ok(out) => assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr)),
        Err(_) => eprintln!("hledger is not installed: only our own parser has read the journal"),
    }
    let _ = std::fs::remove_file(&path);
}

qd_testkit::both! {
    async fn the_journal_balances_and_its_assertions_hold(t: TestDb) {
        let day = |d| Ts::from_ymd(2026, 11, d);
        for (reference, d, text) in [
            ("dep:1", 3, "client:alex/wallet/EUR 50000, psp:card/clearing/EUR -50000"),
            ("late", 2, "client:eve/wallet/JPY 900, psp:card/clearing/JPY -900"),
            ("fee", 4, "psp:card/clearing/EUR 145, house:eu/fees/EUR -145"),
            ("coin", 4, "client:eve/wallet/BTC 150000000, psp:chain/clearing/BTC -150000000"),
            ("out", 5, "client:alex/wallet/EUR -20000, client:alex/payout_transit/EUR 20000"),
        ] {
            let mut e = entry(reference, text);
            e.value_at = day(d);
            e.note = Some("a note; with (odd) | signs".into());
            post(&t.core, e).await.unwrap();
        }
        let core = t.core.clone();
        t.db.write(async move |tx| {
            let e = qd_ledger::entry_by_reference(tx, "out").await?.expect("posted above");
            qd_ledger::reverse(tx, &core, e.id, "out:back", "bank refused").await
        }).await.unwrap();

        let all = export(&t, JournalRange::ALL).await;
        let balances = read(&all);
        assert_eq!(balances[&("liabilities:client:alex:wallet".to_string(), "EUR".to_string())], -50_000);
        assert_eq!(balances[&("assets:psp:card:clearing".to_string(), "EUR".to_string())], 49_855);
        assert_eq!(balances[&("expenses:house:eu:fees".to_string(), "EUR".to_string())], 145);
        assert!(all.contains("1.50000000 BTC"));
        hledger_agrees(&all);

        // A part of the time begins with what there was and ends with its own balances.
        let part = export(&t, JournalRange { from: day(3), to: day(5) }).await;
        let balances = read(&part);
        assert_eq!(balances[&("liabilities:client:eve:wallet".to_string(), "JPY".to_string())], -900);
        assert!(!balances.contains_key(&("liabilities:client:alex:payout_transit".to_string(), "EUR".to_string())));
        hledger_agrees(&part);
    }

    async fn empty_books_make_an_empty_journal(t: TestDb) {
        assert!(read(&export(&t, JournalRange::ALL).await).is_empty());
    }
}
