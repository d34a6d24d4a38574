//! Month closes: what stands against them, running, being killed, going on, and what they leave.

use crate::kit::*;
use crate::paying::{Known, Verified, agree, close_month, earner, set};
use crate::tx;
use qd_kernel::{Currency, Entropy, Lots, PageRequest, Problem, SeededEntropy, Ts};
use qd_partners::attribution::Registration;
use qd_partners::clicks::{self, NewLink};
use qd_partners::close::job::{CalendarHandler, CloseHandler, chunk};
use qd_partners::close::{self, CloseState, Trade};
use qd_partners::payouts::terms;
use qd_partners::{CloseId, DealFacts, PartnerId, statements};
use qd_runtime::jobs::{Registry, run_until_idle};
use qd_testkit::TestDb;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

async fn create(t: &TestDb, month: &'static str, trades: Known) -> qd_kernel::Result<close::Close> {
    let list = close::look(&t.core, &finance(), "eu", month, Arc::new(trades)).await?;
    tx!(t, |tx, core| close::create(tx, core, &finance(), &list).await)
}

async fn run(t: &TestDb, id: CloseId, accept: &[&str], trades: Known) -> qd_kernel::Result<close::Close> {
    let list = close::look_again(&t.core, &finance(), id, Arc::new(trades)).await?;
    let accept: Vec<String> = accept.iter().map(|a| a.to_string()).collect();
    tx!(t, |tx, core| close::run(tx, core, &finance(), id, &accept, "known", &list).await)
}

fn jobs(t: &TestDb) -> Registry {
    Registry::new().add(Arc::new(CloseHandler::new(t.core.clone(), Arc::new(Verified::default()))))
}

pub async fn get(t: &TestDb, id: CloseId) -> close::View {
    t.db.read(async move |tx| close::get(tx, &finance(), id).await).await.unwrap()
}

async fn all(t: &TestDb, p: PartnerId) -> Vec<statements::Statement> {
    t.db.read(async move |tx| statements::list(tx, &finance(), p, &PageRequest::new(Some(200), None)?).await)
        .await
        .unwrap()
        .items
}

fn trade(ticket: &str, revision: i64, at: Ts) -> Trade {
    Trade {
        server: "mt5".into(),
        ticket: ticket.into(),
        revision,
        at,
    }
}

qd_testkit::both! {
    async fn a_month_is_not_closed_over_a_trade_that_nobody_explained(t: TestDb) {
        earner(&t, "Anna", "cli_1").await;
        book(&t, vec![deal("1", "cli_1", "1", day(3, 5))]).await;
        let known = Known(vec![trade("1", 1, day(3, 5)), trade("2", 1, day(3, 6)), trade("3", 1, day(4, 6))]);
        assert_eq!(create(&t, "2026-12", known.clone()).await.unwrap_err().code, "month_not_over");
        assert_eq!(create(&t, "2026-3", known.clone()).await.unwrap_err().code, "month_malformed");
        let c = create(&t, "2026-03", known.clone()).await.unwrap();
        let item = c.checklist.iter().find(|i| i.code == "trades_unexplained").unwrap();
        assert_eq!((item.ok, item.count, item.examples[0].as_str()), (false, 1, "mt5:2:1"));
        let e = run(&t, c.id, &["trades_unexplained"], known.clone()).await.unwrap_err();
        assert!(e.code == "close_blocked" && e.detail.contains("mt5:2:1"), "{e:?}");
        // A later revision that was not booked is as unexplained as a trade.
        book(&t, vec![deal("2", "cli_1", "1", day(3, 6))]).await;
        let edited = Known(vec![trade("1", 2, day(3, 5)), trade("2", 1, day(3, 6))]);
        assert!(run(&t, c.id, &[], edited).await.unwrap_err().detail.contains("mt5:1:2"));
        // And one that waits for its symbol is named with what is missing.
        book(&t, vec![DealFacts { product_group: None, ..deal("9", "cli_1", "1", day(3, 7)) }]).await;
        let e = run(&t, c.id, &[], Known::default()).await.unwrap_err();
        assert!(e.code == "close_blocked" && e.detail.contains("mt5:9"), "{e:?}");
        book(&t, vec![deal("9", "cli_1", "1", day(3, 7))]).await;
        run(&t, c.id, &[], known).await.unwrap();
        run_until_idle(&t.core, &jobs(&t)).await.unwrap();
        assert_eq!(get(&t, c.id).await.close.state, CloseState::Done);
        let e = create(&t, "2026-03", Known::default()).await.unwrap_err();
        assert_eq!(e.code, "close_state");
        sound(&t).await;
    }

    async fn an_undecided_partner_wants_somebodys_word(t: TestDb) {
        let p = make(&t, "Anna", None, Currency::USD, None).await.id;
        tx!(t, |tx, core| clicks::create_link(tx, core, &manager(), p, NewLink { code: Some("ANNA".into()), campaign: None, landing: "/start".into() }).await).unwrap();
        let share = register(&t, Registration { client_id: "cli_9".into(), entity: "eu".into(), code: Some("ANNA".into()), email: Some("anna@partners.example".into()), ..Registration::default() }).await;
        assert_eq!(share.state.as_str(), "held");
        t.clock.advance_secs(12 * 86_400);
        let c = create(&t, "2026-11", Known::default()).await.unwrap();
        let e = run(&t, c.id, &[], Known::default()).await.unwrap_err();
        assert_eq!(e.code, "close_not_accepted");
        run(&t, c.id, &["shares_held"], Known::default()).await.unwrap();
        run_until_idle(&t.core, &jobs(&t)).await.unwrap();
        assert_eq!(get(&t, c.id).await.close.state, CloseState::Done);
    }

    async fn killed_in_the_middle_it_goes_on_and_closes_each_partner_once(t: TestDb) {
        let id = plan(&t, per_lot("10", json!(null))).await;
        let (mut who, mut deals) = (Vec::new(), Vec::new());
        for n in 0..9 {
            let p = make(&t, &format!("P{n}"), None, Currency::USD, None).await.id;
            on_plan(&t, p, id, day(1, 1)).await;
            give(&t, &format!("cli_{n}"), Some(p), day(1, 2)).await;
            deals.push(deal(&format!("{n}"), &format!("cli_{n}"), "1", day(3, 5)));
            deals.push(deal(&format!("late{n}"), &format!("cli_{n}"), "1", day(4, 5)));
            who.push(p);
        }
        book(&t, deals).await;
        let c = create(&t, "2026-03", Known::default()).await.unwrap();
        assert_eq!(c.total, 9);
        run(&t, c.id, &[], Known::default()).await.unwrap();
        // Two chunks, then a third that dies before its commit: nothing of it stands.
        assert!(chunk(&t.core, c.id, 3).await.unwrap());
        assert!(chunk(&t.core, c.id, 2).await.unwrap());
        let (core, id) = (t.core.clone(), c.id);
        let died: qd_kernel::Result<bool> = t.db.write(async move |tx| {
            close::step(tx, &core, &qd_runtime::access::Caller::system("month_close"), id, 3).await?;
            Err(Problem::conflict("killed", "in the middle of a chunk"))
        }).await;
        assert_eq!(died.unwrap_err().code, "killed");
        let seen = get(&t, c.id).await.close;
        assert_eq!((seen.state, seen.done, seen.total, seen.statements), (CloseState::Running, 5, 9, 5));
        // Another node takes it up, with the first job still there: both run, each partner is closed once.
        run(&t, c.id, &[], Known::default()).await.unwrap();
        run_until_idle(&t.core, &jobs(&t)).await.unwrap();
        let seen = get(&t, c.id).await.close;
        assert_eq!((seen.state, seen.done, seen.statements, seen.runs), (CloseState::Done, 9, 9, 2));
        for p in &who {
            let s = all(&t, *p).await;
            assert_eq!((s.len(), s[0].closing_minor), (1, 1_000), "April waits for its own close");
        }
        let sum = &seen.result.unwrap().sums[0];
        assert_eq!((sum.balance_minor, sum.closing_minor, sum.open_minor), (18_000, 9_000, 9_000));
        assert_eq!(run(&t, c.id, &[], Known::default()).await.unwrap_err().code, "close_state");
        let machine = tx!(t, |tx, core| close::sign_off(tx, core, &qd_runtime::access::Caller::system("x"), id, "").await);
        assert!(machine.is_err(), "a machine does not sign");
        let signed = tx!(t, |tx, core| close::sign_off(tx, core, &second_finance(), id, "all seen").await).unwrap();
        assert_eq!((signed.state, signed.signed_by.is_some()), (CloseState::SignedOff, true));
        assert_eq!(close_month(&t, "2026-04").await.statements, 9);
        sound(&t).await;
    }

    async fn a_closed_statement_keeps_its_hash_and_says_where_an_adjustment_belongs(t: TestDb) {
        let p = earner(&t, "Anna", "cli_1").await;
        book(&t, vec![deal("1", "cli_1", "5", day(3, 5)), deal("2", "cli_1", "1", day(4, 5))]).await;
        close_month(&t, "2026-03").await;
        let content = async |id| t.db.read(async move |tx| statements::get(tx, &finance(), id).await).await.unwrap();
        let march = all(&t, p).await.remove(0);
        let (_, before) = content(march.id).await;
        assert_eq!(hex::encode(Sha256::digest(before.as_bytes())), march.sha256);
        book(&t, vec![DealFacts { revision: 2, volume_closed: Lots(qd_kernel::parse_fixed("3", 8).unwrap()), ..deal("1", "cli_1", "5", day(3, 5)) }]).await;
        agree(&t, p, json!({"calendar": "weekly", "fee": "0.02"})).await;
        close_month(&t, "2026-04").await;
        let (again, after) = content(march.id).await;
        assert_eq!((after, again.sha256), (before, march.sha256.clone()), "March changed");
        // April 2nd week onwards was weekly; the correction is on the first of them.
        let mut april = all(&t, p).await;
        april.retain(|s| s.number > 1);
        april.sort_by_key(|s| s.number);
        assert_eq!(april.iter().map(|s| (s.lines_minor, s.adjustments_minor)).collect::<Vec<_>>(), [(1_000, -2_000)]);
        let v: Value = serde_json::from_str(&content(april[0].id).await.1).unwrap();
        assert_eq!((&v["format"], v["adjustments"].as_array().unwrap().len()), (&json!(2), 2));
        assert!(v["adjustments"].as_array().unwrap().iter().all(|a| a["of_statement"] == json!(1)), "{v}");
        assert_eq!(v["by_client"][0]["minor"], json!(-1_000));
        assert_eq!((&v["terms"]["calendar"], &v["settings"]["rounding"]), (&json!("weekly"), &json!("line")));
        sound(&t).await;
    }

    async fn each_calendar_and_zone_ends_where_it_says(t: TestDb) {
        set(&t, "global", terms::TERMS, json!({"time_zone": "UTC"})).await;
        let (monthly, twice, tokyo) = (earner(&t, "M", "cli_m").await, earner(&t, "T", "cli_t").await, earner(&t, "J", "cli_j").await);
        agree(&t, twice, json!({"calendar": "twice_monthly"})).await;
        agree(&t, tokyo, json!({"time_zone": "Asia/Tokyo"})).await;
        for c in ["m", "t", "j"] {
            let client = format!("cli_{c}");
            // The last is on 31 March at 16:00 UTC: April in Tokyo.
            book(&t, vec![deal(&format!("{c}1"), &client, "1", day(3, 5)), deal(&format!("{c}2"), &client, "2", day(3, 20)), deal(&format!("{c}3"), &client, "4", day(3, 31).plus_secs(16 * 3_600))]).await;
        }
        assert_eq!(close_month(&t, "2026-03").await.statements, 4);
        let ends = async |p| all(&t, p).await.into_iter().rev().map(|s| (s.period_to, s.lines_minor)).collect::<Vec<_>>();
        assert_eq!(ends(monthly).await, [(day(4, 1), 7_000)]);
        assert_eq!(ends(twice).await, [(day(3, 16), 1_000), (day(4, 1), 6_000)]);
        assert_eq!(ends(tokyo).await, [(day(3, 31).plus_secs(15 * 3_600), 3_000)]);
        sound(&t).await;
    }

    async fn shorter_calendars_close_by_themselves_but_not_over_a_waiting_deal(t: TestDb) {
        set(&t, "global", terms::TERMS, json!({"time_zone": "UTC"})).await;
        let (monthly, weekly) = (earner(&t, "M", "cli_m").await, earner(&t, "W", "cli_w").await);
        agree(&t, weekly, json!({"calendar": "weekly"})).await;
        for c in ["m", "w"] {
            book(&t, vec![deal(&format!("{c}1"), &format!("cli_{c}"), "1", day(11, 3)), deal(&format!("{c}2"), &format!("cli_{c}"), "2", day(11, 11))]).await;
        }
        let jobs = Registry::new().every("statement.calendar", 3_600, Arc::new(CalendarHandler::new(t.core.clone())));
        // A deal of 10 November waits: the week before it is closed, its own is not.
        book(&t, vec![DealFacts { product_group: None, ..deal("w9", "cli_w", "1", day(11, 10)) }]).await;
        run_until_idle(&t.core, &jobs).await.unwrap();
        let ends = async |p| all(&t, p).await.into_iter().rev().map(|s| (s.period_to, s.lines_minor)).collect::<Vec<_>>();
        assert_eq!(ends(weekly).await, [(day(11, 9), 1_000)]);
        book(&t, vec![deal("w9", "cli_w", "1", day(11, 10))]).await;
        t.clock.advance_secs(3_601);
        run_until_idle(&t.core, &jobs).await.unwrap();
        assert_eq!(ends(weekly).await, [(day(11, 9), 1_000), (day(11, 16), 3_000)]);
        assert!(ends(monthly).await.is_empty(), "the month is the month close's");
        sound(&t).await;
    }

    async fn whatever_happens_statements_and_open_lines_make_the_balance(t: TestDb) {
        let e = SeededEntropy::new(7);
        set(&t, "global", terms::TERMS, json!({"time_zone": "UTC"})).await;
        let mut who = Vec::new();
        for n in 0..4 {
            let p = earner(&t, &format!("P{n}"), &format!("cli_{n}")).await;
            if n == 2 {
                agree(&t, p, json!({"calendar": "weekly"})).await;
            }
            who.push(p);
        }
        let mut revisions: std::collections::BTreeMap<(u64, u64), i64> = std::collections::BTreeMap::new();
        for month in 1..=6u32 {
            for _ in 0..30 {
                let (c, ticket) = (e.below(4), e.below(40));
                let r = revisions.entry((c, ticket)).or_insert(0);
                *r += 1;
                // Any month so far, so that closed ones are corrected too; a ticket keeps its day.
                let at = day(1 + u32::try_from(ticket).unwrap() % 6, 3 + u32::try_from(ticket).unwrap() % 25);
                let mut d = deal(&format!("{c}-{ticket}"), &format!("cli_{c}"), &format!("{}.{:02}", e.below(3), 1 + e.below(99)), at);
                d.revision = *r;
                d.deleted = e.below(6) == 0;
                book(&t, vec![d]).await;
            }
            let closed = close_month(&t, &format!("2026-{month:02}")).await;
            assert_eq!(closed.state, CloseState::Done, "{:?}", closed.checklist);
            for s in closed.result.unwrap().sums {
                assert_eq!(s.balance_minor, s.closing_minor + s.open_minor + s.payouts_minor);
                let mut ledger = 0;
                for p in &who {
                    ledger += owed(&t, *p, Currency::USD).await;
                }
                assert_eq!(s.balance_minor, ledger);
            }
            sound(&t).await;
        }
    }

    /// `QD_CLOSE_PARTNERS=2000` measures; the figure is in the crate's README.
    async fn many_partners_are_closed_chunk_by_chunk(t: TestDb) {
        let n: usize = std::env::var("QD_CLOSE_PARTNERS").ok().and_then(|v| v.parse().ok()).unwrap_or(120);
        let id = plan(&t, per_lot("10", json!(null))).await;
        tx!(t, |tx, core| qd_partners::plans::set_default(tx, core, &manager(), Some("eu"), id, day(1, 1), "all").await).unwrap();
        let mut deals = Vec::new();
        for i in 0..n {
            let p = make(&t, &format!("P{i}"), None, Currency::USD, None).await.id;
            give(&t, &format!("cli_{i}"), Some(p), day(1, 2)).await;
            for d in 0..3 {
                deals.push(deal(&format!("{i}-{d}"), &format!("cli_{i}"), "1", day(3, 5 + d)));
            }
        }
        let trades = Known(deals.iter().map(|d| trade(&d.ticket, 1, d.at)).collect());
        for some in deals.chunks(500) {
            book(&t, some.to_vec()).await;
        }
        let begun = std::time::Instant::now();
        let c = create(&t, "2026-03", trades.clone()).await.unwrap();
        let checked = begun.elapsed();
        run(&t, c.id, &[], trades).await.unwrap();
        run_until_idle(&t.core, &jobs(&t)).await.unwrap();
        println!("{n} partners, {} trades: checklist {checked:?}, all of it {:?}", n * 3, begun.elapsed());
        let done = get(&t, c.id).await.close;
        assert_eq!((done.state, done.done, done.statements), (CloseState::Done, n as i64, n as i64));
        assert_eq!(done.result.unwrap().sums[0].closing_minor, n as i64 * 3_000);
    }
}
