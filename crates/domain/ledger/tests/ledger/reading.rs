//! Statements, entries, totals, as the portals read them.

use crate::tools::*;
use qd_kernel::PageRequest;
use qd_testkit::TestDb;

qd_testkit::both! {
    async fn a_statement_shows_each_posting_with_its_source_and_the_balance_it_left_page_by_page(t: TestDb) {
        let mut expected = Vec::new();
        let mut balance = 0;
        for n in 1..=25i64 {
            let minor = if n % 3 == 0 { -n } else { n * 2 };
            balance += minor;
            expected.push((n, minor, balance, format!("test:r{n}")));
            post_text(&t, &format!("r{n}"), &format!("client:alex/wallet/EUR {minor}, psp:card/clearing/EUR {}", -minor)).await.unwrap();
        }
        expected.reverse();
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = PageRequest::new(Some(10), cursor.as_deref()).unwrap();
            let lines = t.db.read(async move |tx| qd_ledger::statement(tx, &key("client:alex/wallet/EUR"), &page).await).await.unwrap();
            seen.extend(lines.items.into_iter().map(|l| (l.seq, l.minor, l.balance_minor, l.source)));
            cursor = lines.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected);
        let page = PageRequest::new(None, None).unwrap();
        let none = t.db.read(async move |tx| qd_ledger::statement(tx, &key("client:eve/wallet/EUR"), &page).await).await.unwrap();
        assert!(none.items.is_empty());
    }

    async fn an_entry_can_be_opened_from_any_side_and_an_owner_sees_all_his_accounts(t: TestDb) {
        post_text(&t, "a", "client:alex/wallet/EUR 100, client:alex/wallet/EUR 5, psp:card/clearing/EUR -105").await.unwrap();
        post_text(&t, "b", "client:alex/wallet/USD 7, psp:card/clearing/USD -7").await.unwrap();
        let (e, own) = t.db.read(async |tx| {
            let e = qd_ledger::entry_by_reference(tx, "a").await?.expect("posted above");
            assert_eq!(qd_ledger::entry(tx, e.id).await?.as_ref(), Some(&e));
            Ok((e, qd_ledger::balances_of(tx, "client:alex").await?))
        }).await.unwrap();
        let mut texts: Vec<String> = e.legs.iter().map(|l| format!("{} {}", l.account, l.minor)).collect();
        texts.sort();
        assert_eq!(texts, ["client:alex wallet EUR 100", "client:alex wallet EUR 5", "psp:card clearing EUR -105"]);
        let own: Vec<String> = own.iter().map(|(k, b)| format!("{k} {}", b.available_minor)).collect();
        assert_eq!(own, ["client:alex wallet EUR 105", "client:alex wallet USD 7"]);
    }
}
