//! Accounts that many post to at once are several rows on PostgreSQL, and nothing of it may show:
//! not in sums, not in statements, not in what the auditor says.

use crate::store_faults::{PLANTED_IN_A_STRIPE, SPLIT, all_rows};
use crate::tools::*;
use crate::{audit, journal};
use qd_db::Engine;
use qd_kernel::{PageRequest, Rate, Ts};
use qd_ledger::{ConvertEntry, JournalRange, NewEntry, StatementLine};
use qd_testkit::TestDb;
use std::collections::BTreeSet;
use tokio::sync::oneshot;

/// Every line of a statement, in pages of `size`.
async fn whole(t: &TestDb, account: &str, size: u32) -> Vec<StatementLine> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let (k, page) = (key(account), PageRequest::new(Some(size), cursor.as_deref()).unwrap());
        let got = t.db.read(async move |tx| qd_ledger::statement(tx, &k, &page).await).await.unwrap();
        all.extend(got.items);
        cursor = got.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

/// Numbered to 1 without gaps, each balance the one below it plus the posting, the newest the
/// account's.
async fn chained(t: &TestDb, account: &str, lines: &[StatementLine]) {
    let mut above: Option<&StatementLine> = None;
    for l in lines {
        if let Some(a) = above {
            assert_eq!(
                (a.seq - 1, a.balance_minor - a.minor),
                (l.seq, l.balance_minor),
                "{account}: {a:?} above {l:?}"
            );
        } else {
            assert_eq!(l.seq, lines.len() as i64);
            assert_eq!(l.balance_minor, balance(t, account).await.balance_minor);
        }
        above = Some(l);
    }
    assert!(lines.last().is_none_or(|l| l.seq == 1 && l.balance_minor == l.minor));
}

async fn rows_in_use(t: &TestDb, account: &str) -> usize {
    let stem = key(account).id().to_string()[..29].to_string();
    all_rows(t)
        .await
        .iter()
        .filter(|(id, _, seq)| id.starts_with(&stem) && *seq > 0)
        .count()
}

/// Two entries in two transactions that are open at the same time.
async fn side_by_side(t: &TestDb, one: NewEntry, other: NewEntry) {
    let ((posted, one_is_posted), (go_on, may_go_on)) = (oneshot::channel(), oneshot::channel());
    let signals = std::sync::Mutex::new(Some((posted, may_go_on)));
    let core = t.core.clone();
    let first = tokio::spawn({
        let core = core.clone();
        async move {
            let c = core.clone();
            core.db
                .write(async move |tx| {
                    let p = qd_ledger::post(tx, &c, one.clone()).await?;
                    let taken = signals.lock().unwrap().take();
                    if let Some((posted, may_go_on)) = taken {
                        posted.send(()).unwrap();
                        may_go_on.await.unwrap();
                    }
                    Ok(p)
                })
                .await
        }
    });
    one_is_posted.await.unwrap();
    post(&core, other).await.unwrap();
    go_on.send(()).unwrap();
    first.await.unwrap().unwrap();
}

/// Eight deposits of 10, 20, … through psp:card, on two rows of its account.
async fn two_rows(t: &TestDb) {
    let deposit = |n: i64| {
        entry(
            &format!("d{n}"),
            &format!("client:c{n}/wallet/EUR {}, psp:card/clearing/EUR {}", n * 10, -n * 10),
        )
    };
    match t.db.engine() {
        Engine::Sqlite => {
            for n in 1..=8 {
                post(&t.core, deposit(n)).await.unwrap();
            }
            audit::tamper(t, SPLIT).await;
        }
        Engine::Postgres => {
            post(&t.core, deposit(1)).await.unwrap();
            for n in 1..=3 {
                side_by_side(t, deposit(2 * n), deposit(2 * n + 1)).await;
            }
            post(&t.core, deposit(8)).await.unwrap();
        }
    }
    assert!(rows_in_use(t, "psp:card/clearing/EUR").await >= 2);
    sound(t).await;
}

async fn finds(t: &TestDb, what: &str) {
    let planted = PLANTED_IN_A_STRIPE
        .iter()
        .find(|p| p.what == what)
        .expect("a planted fault of that name");
    two_rows(t).await;
    audit::reported(t, planted).await;
}

qd_testkit::both! {
    async fn a_crowd_on_one_account_keeps_its_sum_and_a_statement_of_every_posting(t: TestDb) {
        let mut tasks = Vec::new();
        for n in 0..32i64 {
            let core = t.core.clone();
            tasks.push(tokio::spawn(async move {
                for i in 0..6 {
                    let m = 100 + n * 7 + i;
                    let legs = format!("client:c{n}/wallet/EUR {}, psp:card/clearing/EUR {}, house:eu/fees/EUR -{i}", m + i, -m);
                    let p = post(&core, entry(&format!("d{n}:{i}"), &if i == 0 { legs.replace(", house:eu/fees/EUR -0", "") } else { legs })).await.unwrap();
                    if i == 3 {
                        let c = core.clone();
                        core.db.write(async move |tx| qd_ledger::reverse(tx, &c, p.entry_id, &format!("r{n}"), "a mistake").await).await.unwrap();
                    }
                    if i == 4 {
                        let c = core.clone();
                        core.db.write(async move |tx| {
                            let (from, to) = (key(&format!("client:c{n}/wallet/EUR")), key(&format!("client:c{n}/wallet/USD")));
                            let at = Ts::from_ymd(2026, 11, 20);
                            let e = ConvertEntry {
                                kind: "test.convert", reference: format!("x{n}"), house: "house:eu".into(), from, to, from_minor: 50,
                                rate: Rate::parse("1.1").unwrap(), rate_source: "ECB".into(), rate_at: at, source: "test".into(), value_at: at, note: None,
                            };
                            qd_ledger::convert(tx, &c, e).await
                        }).await.unwrap();
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        // Of each six, the fourth was taken back.
        let expected: i64 = (0..32).flat_map(|n| [0, 1, 2, 4, 5].map(|i| 100 + n * 7 + i)).sum();
        assert_eq!(balance(&t, "psp:card/clearing/EUR").await.balance_minor, -expected);
        assert_eq!(balance(&t, "house:eu/fees/EUR").await.balance_minor, -32 * (1 + 2 + 4 + 5));
        assert_eq!(balance(&t, "house:eu/fx_position/EUR").await.balance_minor, 32 * 50);
        sound(&t).await;

        for (account, postings) in [("psp:card/clearing/EUR", 32 * 7), ("house:eu/fees/EUR", 32 * 6), ("house:eu/fx_position/USD", 32)] {
            for size in [7, 200] {
                let lines = whole(&t, account, size).await;
                assert_eq!(lines.len(), postings, "{account} in pages of {size}");
                assert_eq!(lines.iter().map(|l| l.entry_id).collect::<BTreeSet<_>>().len(), postings, "{account} in pages of {size}");
                chained(&t, account, &lines).await;
            }
        }
        if t.db.engine() == Engine::Postgres {
            assert!(rows_in_use(&t, "psp:card/clearing/EUR").await > 2, "thirty-two at once met on one row");
        }
        let (own, totals) = t.db.read(async |tx| Ok((qd_ledger::balances_of(tx, "psp:card").await?, qd_ledger::totals(tx).await?))).await.unwrap();
        assert_eq!(own.len(), 1, "an owner sees his account once: {own:?}");
        let clearing: Vec<i64> = totals.iter().filter(|l| l.purpose == qd_ledger::Purpose::Clearing).map(|l| l.accounts).collect();
        assert_eq!(clearing, [1]);
        let journal = journal::read(&journal::export(&t, JournalRange::ALL).await);
        assert_eq!(journal[&("assets:psp:card:clearing".to_string(), "EUR".to_string())], expected);
    }

    async fn books_on_two_rows_read_as_one_account_on_either_engine(t: TestDb) {
        two_rows(&t).await;
        assert_eq!(balance(&t, "psp:card/clearing/EUR").await.balance_minor, -360);
        for size in [1, 3, 8, 50] {
            let lines = whole(&t, "psp:card/clearing/EUR", size).await;
            assert_eq!(lines.len(), 8);
            chained(&t, "psp:card/clearing/EUR", &lines).await;
        }
        post_text(&t, "after", "client:c1/wallet/EUR 1, psp:card/clearing/EUR -1").await.unwrap();
        assert_eq!(balance(&t, "psp:card/clearing/EUR").await.balance_minor, -361);
        sound(&t).await;
    }

    async fn what_is_posted_while_somebody_turns_pages_moves_no_line(t: TestDb) {
        two_rows(&t).await;
        let before = whole(&t, "psp:card/clearing/EUR", 50).await;
        let page = PageRequest::new(Some(3), None).unwrap();
        let first = t.db.read(async move |tx| qd_ledger::statement(tx, &key("psp:card/clearing/EUR"), &page).await).await.unwrap();
        assert_eq!(first.items, before[..3]);
        let mut tasks = Vec::new();
        for n in 0..16 {
            let core = t.core.clone();
            tasks.push(tokio::spawn(async move { post(&core, entry(&format!("new{n}"), "client:c1/wallet/EUR 9, psp:card/clearing/EUR -9")).await.unwrap() }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let page = PageRequest::new(Some(50), first.next_cursor.as_deref()).unwrap();
        let rest = t.db.read(async move |tx| qd_ledger::statement(tx, &key("psp:card/clearing/EUR"), &page).await).await.unwrap();
        assert_eq!(rest.items, before[3..]);
        let after = whole(&t, "psp:card/clearing/EUR", 5).await;
        assert_eq!(after.len(), before.len() + 16);
        chained(&t, "psp:card/clearing/EUR", &after).await;
    }

    async fn a_cursor_that_nobody_gave_out_is_refused(t: TestDb) {
        two_rows(&t).await;
        for text in ["", "17", "0:x", "x:1", "0:1;1:2"] {
            let page = PageRequest { limit: 5, after: Some(text.into()) };
            let p = t.db.read(async move |tx| qd_ledger::statement(tx, &key("psp:card/clearing/EUR"), &page).await).await.unwrap_err();
            assert_eq!(p.code, "cursor_malformed", "{text}");
        }
        // Nor does one that claims more than there is show anything twice.
        let page = PageRequest { limit: 50, after: Some((0..32).map(|n| format!("{n}:{}", i64::MAX)).collect::<Vec<_>>().join(",")) };
        let all = t.db.read(async move |tx| qd_ledger::statement(tx, &key("psp:card/clearing/EUR"), &page).await).await.unwrap();
        assert_eq!(all.items, whole(&t, "psp:card/clearing/EUR", 50).await);
    }

    async fn a_replay_whatever_row_it_tries_leaves_every_row_as_it_was(t: TestDb) {
        let legs = "client:alex/wallet/EUR 50, psp:card/clearing/EUR -50";
        let first = post_text(&t, "dep", legs).await.unwrap();
        post_text(&t, "three", "client:alex/wallet/EUR 50, psp:card/clearing/EUR -49, house:eu/fees/EUR -1").await.unwrap();
        let before = all_rows(&t).await;
        for round in 0..2 {
            let mut tasks = Vec::new();
            for n in 0..24 {
                let core = t.core.clone();
                tasks.push(tokio::spawn(async move {
                    match n % 3 {
                        0 => post(&core, entry("dep", legs)).await.map(|p| vec![p]),
                        1 => post(&core, entry("three", "house:eu/fees/EUR -1, client:alex/wallet/EUR 50, psp:card/clearing/EUR -49")).await.map(|p| vec![p]),
                        _ => {
                            let (c, batch) = (core.clone(), vec![entry("dep", legs), entry("dep", legs)]);
                            core.db.write(async move |tx| qd_ledger::post_many(tx, &c, batch.clone()).await).await
                        }
                    }
                }));
            }
            for task in tasks {
                assert!(task.await.unwrap().unwrap().iter().all(|p| p.already), "round {round}");
            }
            let other = post_text(&t, "dep", "client:alex/wallet/EUR 51, psp:card/clearing/EUR -51").await.unwrap_err();
            assert_eq!(other.code, "reference_reused");
        }
        assert_eq!(post_text(&t, "dep", legs).await.unwrap().entry_id, first.entry_id);
        assert_eq!(all_rows(&t).await, before);
        sound(&t).await;
    }

    async fn a_batch_with_every_kind_of_detail_reads_back_as_it_was_given(t: TestDb) {
        let at = Ts::from_ymd(2026, 11, 19);
        let mut fx = entry("b1", "client:a/wallet/EUR 5, psp:card/clearing/EUR -5");
        fx.fx = Some(qd_ledger::FxNote { rate: Rate::parse("1.25").unwrap(), source: "ECB".into(), at });
        let mut noted = entry("b2", "client:b/wallet/EUR 6, psp:card/clearing/EUR -6");
        noted.note = Some("a note, with 'quotes' and {braces}".into());
        let plain = entry("b3", "client:c/wallet/EUR 7, psp:card/clearing/EUR -7");
        for batch in [vec![fx.clone(), noted.clone(), plain.clone()], vec![entry("b4", "client:d/wallet/EUR 8, psp:card/clearing/EUR -8")]] {
            let core = t.core.clone();
            t.db.write(async move |tx| qd_ledger::post_many(tx, &core, batch.clone()).await).await.unwrap();
        }
        for given in [fx, noted, plain] {
            let r = given.reference.clone();
            let e = t.db.read(async move |tx| qd_ledger::entry_by_reference(tx, &r).await).await.unwrap().unwrap();
            assert_eq!((e.kind.as_str(), &e.source, &e.note, &e.fx, e.value_at), (given.kind, &given.source, &given.note, &given.fx, given.value_at));
        }
        let e = t.db.read(async |tx| qd_ledger::entry_by_reference(tx, "b4").await).await.unwrap().unwrap();
        assert_eq!((e.note, e.fx, e.reverses), (None, None, None));
        sound(&t).await;
    }

    async fn all_rows_of_an_account_together_stay_in_the_limit_of_one(t: TestDb) {
        let most: i64 = 9_000_000_000_000_000;
        let share = match t.db.engine() { Engine::Sqlite => most, Engine::Postgres => most / 32 };
        let both = |n: u32, m: i64| entry(&format!("e{n}"), &format!("tacc:t{n}/platform/EUR {m}, psp:card/clearing/EUR {}", -m));
        let three = |n: u32, m: i64| entry(&format!("e{n}"), &format!("tacc:t{n}/platform/EUR {}, tacc:u{n}/platform/EUR 1, psp:card/clearing/EUR {}", m - 1, -m));
        if t.db.engine() == Engine::Postgres {
            for e in [both(1, share + 1), three(1, share + 1)] {
                assert_eq!(post(&t.core, e.clone()).await.unwrap_err().code, "balance_out_of_range");
                let core = t.core.clone();
                let p = t.db.write(async move |tx| qd_ledger::post_many(tx, &core, vec![e.clone()]).await).await.unwrap_err();
                assert_eq!(p.code, "balance_out_of_range");
            }
        }
        post(&t.core, both(2, share)).await.unwrap();
        // In one transaction all entries go to one row: the second finds it full.
        let core = t.core.clone();
        let p = t.db.write(async move |tx| {
            qd_ledger::post(tx, &core, entry("e3", &format!("psp:new/clearing/EUR {}, tacc:t3/platform/EUR {share}", -share))).await?;
            qd_ledger::post(tx, &core, entry("e4", "psp:new/clearing/EUR -1, tacc:t4/platform/EUR 1")).await
        }).await.unwrap_err();
        assert_eq!(p.code, "balance_out_of_range");
        assert_eq!(balance(&t, "psp:card/clearing/EUR").await.balance_minor, -share);
        sound(&t).await;
    }

    async fn an_edited_balance_of_one_row_is_found(t: TestDb) {
        finds(&t, "an edited balance of one row").await;
    }

    async fn money_moved_from_one_row_to_another_is_found(t: TestDb) {
        finds(&t, "money moved from one row to another").await;
    }

    async fn a_posting_carried_over_to_another_row_is_found(t: TestDb) {
        finds(&t, "a posting carried over to another row").await;
    }

    async fn a_dropped_last_posting_of_one_row_is_found(t: TestDb) {
        finds(&t, "a dropped last posting of one row").await;
    }

    async fn a_row_given_to_another_owner_is_found(t: TestDb) {
        finds(&t, "a row given to another owner").await;
    }

    async fn a_hold_on_an_account_of_many_rows_is_found(t: TestDb) {
        finds(&t, "a hold on an account of many rows").await;
    }
}

/// What striping is for. On one row, the second transaction would wait for the first to end, which
/// waits for the second.
#[test]
fn two_transactions_post_to_one_hot_account_without_waiting_for_each_other_on_postgresql() {
    qd_testkit::run_postgres(async |t: TestDb| {
        post_text(&t, "open", "client:z/wallet/EUR 1, psp:card/clearing/EUR -1")
            .await
            .unwrap();
        side_by_side(
            &t,
            entry("a", "client:a/wallet/EUR 5, psp:card/clearing/EUR -4, house:eu/fees/EUR -1"),
            entry("b", "client:b/wallet/EUR 7, psp:card/clearing/EUR -7"),
        )
        .await;
        assert_eq!(balance(&t, "psp:card/clearing/EUR").await.balance_minor, -12);
        sound(&t).await;
    });
}

/// Each with several entries over the same accounts, in opposite orders: were the row chosen anew
/// for each entry, two of them would sooner or later wait for each other.
#[test]
fn all_entries_of_a_transaction_go_to_the_same_row_on_postgresql() {
    qd_testkit::run_postgres(async |t: TestDb| {
        for round in 0..4 {
            let (core, before) = (t.core.clone(), all_rows(&t).await);
            t.db.write(async move |tx| {
                for i in 0..6 {
                    qd_ledger::post(
                        tx,
                        &core,
                        entry(
                            &format!("{round}:{i}"),
                            &format!("client:c{i}/wallet/EUR 2, psp:card/clearing/EUR -2"),
                        ),
                    )
                    .await?;
                }
                Ok(())
            })
            .await
            .unwrap();
            let stem = key("psp:card/clearing/EUR").id().to_string()[..29].to_string();
            let moved = all_rows(&t)
                .await
                .into_iter()
                .filter(|r| r.0.starts_with(&stem) && r.2 > 0 && !before.contains(r))
                .count();
            assert_eq!(moved, 1);
        }
        sound(&t).await;
    });
}
