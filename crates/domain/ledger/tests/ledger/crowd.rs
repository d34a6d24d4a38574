//! Many at once. What races: the read of a balance and its change. Without the guard in the same
//! statement (or behind the row's lock), two of them spend the same money.

use crate::tools::*;
use qd_ledger::NewHold;
use qd_testkit::TestDb;

const TASKS: i64 = 32;
const EACH: i64 = 8;

qd_testkit::both! {
    async fn thirty_two_spenders_never_get_more_than_there_is(t: TestDb) {
        post_text(&t, "in", "client:alex/wallet/EUR 1000, psp:card/clearing/EUR -1000").await.unwrap();
        let mut tasks = Vec::new();
        for n in 0..TASKS {
            let core = t.core.clone();
            tasks.push(tokio::spawn(async move {
                let mut spent = 0;
                for i in 0..EACH {
                    let e = entry(&format!("out:{n}:{i}"), &format!("client:alex/wallet/EUR -7, client:c{n}/wallet/EUR 7"));
                    match post(&core, e).await {
                        Ok(p) => spent += i64::from(!p.already) * 7,
                        Err(p) => assert_eq!(p.code, "insufficient_funds", "{p}"),
                    }
                }
                spent
            }));
        }
        let mut spent = 0;
        for task in tasks {
            spent += task.await.unwrap();
        }
        // 256 times 7 is more than 1000: all of it but the rest that no 7 fits into is spent.
        assert_eq!(spent, 994);
        assert_eq!(balance(&t, "client:alex/wallet/EUR").await.balance_minor, 6);
        sound(&t).await;
    }

    async fn the_same_news_from_many_sides_at_once_is_booked_once(t: TestDb) {
        for round in 0..4 {
            let mut tasks = Vec::new();
            for _ in 0..16 {
                let core = t.core.clone();
                tasks.push(tokio::spawn(async move {
                    post(&core, entry(&format!("dep:{round}"), "client:alex/wallet/EUR 50, psp:card/clearing/EUR -50")).await.unwrap()
                }));
            }
            let mut answers = Vec::new();
            for task in tasks {
                answers.push(task.await.unwrap());
            }
            assert_eq!(answers.iter().filter(|p| !p.already).count(), 1);
            assert!(answers.iter().all(|p| p.entry_id == answers[0].entry_id));
            assert_eq!(balance(&t, "client:alex/wallet/EUR").await.balance_minor, 50 * (round + 1));
        }
        sound(&t).await;
    }

    async fn transfers_in_all_directions_keep_the_sum_and_nobody_waits_in_a_circle(t: TestDb) {
        for n in 0..6 {
            post_text(&t, &format!("in:{n}"), &format!("client:c{n}/wallet/EUR 100, psp:card/clearing/EUR -100")).await.unwrap();
        }
        let mut tasks = Vec::new();
        for n in 0..TASKS {
            let core = t.core.clone();
            tasks.push(tokio::spawn(async move {
                for i in 0..EACH {
                    let (a, b, c) = (n % 6, (n + i + 1) % 6, (n + 2 * i + 3) % 6);
                    if a == b || b == c || a == c {
                        continue;
                    }
                    let text = format!("client:c{a}/wallet/EUR -30, client:c{b}/wallet/EUR 20, client:c{c}/wallet/EUR 10");
                    if let Err(p) = post(&core, entry(&format!("t:{n}:{i}"), &text)).await {
                        assert_eq!(p.code, "insufficient_funds", "{p}");
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let mut sum = 0;
        for n in 0..6 {
            let b = balance(&t, &format!("client:c{n}/wallet/EUR")).await.balance_minor;
            assert!(b >= 0);
            sum += b;
        }
        assert_eq!(sum, 600);
        sound(&t).await;
    }

    async fn holds_settlements_releases_and_expiry_at_once_end_each_hold_one_way(t: TestDb) {
        post_text(&t, "in", "client:alex/wallet/EUR 1000, psp:card/clearing/EUR -1000").await.unwrap();
        let due = t.core.now();
        let mut tasks = Vec::new();
        for n in 0..TASKS {
            let core = t.core.clone();
            tasks.push(tokio::spawn(async move {
                // Four tasks fight over each of eight holds of 100.
                let name = format!("h{}", n % 8);
                let (c, h) = (core.clone(), NewHold { account: key("client:alex/wallet/EUR"), minor: 100, reference: name.clone(), expires_at: Some(due) });
                core.db.write(async move |tx| qd_ledger::hold(tx, &c, h.clone()).await).await.unwrap();
                let c = core.clone();
                let r = match n / 8 {
                    0 => core.db.write(async move |tx| qd_ledger::release(tx, &c, &name).await).await.map(|_| ()),
                    1 => core.db.write(async move |tx| qd_ledger::expire_due(tx, &c, due).await).await.map(|_| ()),
                    _ => {
                        let e = entry(&format!("s:{name}"), "client:alex/wallet/EUR -100, client:alex/payout_transit/EUR 100");
                        core.db.write(async move |tx| qd_ledger::settle(tx, &c, &name, e.clone()).await).await.map(|_| ())
                    }
                };
                if let Err(p) = r {
                    assert_eq!(p.code, "hold_closed", "{p}");
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let core = t.core.clone();
        t.db.write(async move |tx| qd_ledger::expire_due(tx, &core, due).await).await.unwrap();
        let (w, p) = (balance(&t, "client:alex/wallet/EUR").await, balance(&t, "client:alex/payout_transit/EUR").await);
        assert_eq!(w.held_minor, 0);
        assert_eq!(w.balance_minor + p.balance_minor, 1000);
        sound(&t).await;
    }
}
