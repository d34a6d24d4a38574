//! Money stories as tables: each line a command and what it must answer.
//!
//! ```text
//! post REF: LEGS                     an entry
//! hold REF: ACCOUNT N [until SECS]   a hold, which expires SECS after the story's start
//! settle HOLD by REF: LEGS
//! release HOLD
//! expire at SECS
//! reverse REF as REF
//! convert REF: ACCOUNT N to ACCOUNT at RATE
//! balance ACCOUNT                    `=> N` or `=> N held M`
//! ```
//! followed by `=> ok | already | released … | the problem's code`; `ok` when nothing is said.

use crate::tools::*;
use qd_kernel::{Rate, Ts};
use qd_ledger::{Closed, ConvertEntry, NewHold};
use qd_testkit::TestDb;

async fn play(t: &TestDb, story: &str) {
    let start = Ts::from_ymd(2026, 11, 20);
    for line in story.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (command, expected) = line.split_once("=>").map_or((line, "ok"), |(c, e)| (c, e.trim()));
        let (verb, rest) = command.trim().split_once(' ').expect("a verb and more");
        let core = t.core.clone();
        let answer = match verb {
            "post" => {
                let (reference, text) = rest.split_once(':').expect("post REF: LEGS");
                posted(post_text(t, reference, text).await)
            }
            "hold" => {
                let (reference, text) = rest.split_once(": ").expect("hold REF: ACCOUNT N");
                let words: Vec<&str> = text.split_whitespace().collect();
                let new = NewHold {
                    account: key(words[0]),
                    minor: words[1].parse().expect("minor units"),
                    reference: reference.to_string(),
                    expires_at: words.get(3).map(|s| start.plus_secs(s.parse().expect("seconds"))),
                };
                answer(
                    t.db.write(async move |tx| qd_ledger::hold(tx, &core, new.clone()).await)
                        .await
                        .map(|_| "ok".into()),
                )
            }
            "settle" => {
                let (names, text) = rest.split_once(": ").expect("settle HOLD by REF: LEGS");
                let (hold, reference) = names.split_once(" by ").expect("settle HOLD by REF");
                let (hold, e) = (hold.to_string(), entry(reference, text));
                posted(
                    t.db.write(async move |tx| qd_ledger::settle(tx, &core, &hold, e.clone()).await)
                        .await,
                )
            }
            "release" => {
                let hold = rest.to_string();
                let r = t.db.write(async move |tx| qd_ledger::release(tx, &core, &hold).await).await;
                answer(r.map(|c| match c {
                    Closed::Now => "ok".into(),
                    Closed::Already(state) => state.to_string(),
                }))
            }
            "expire" => {
                let at = start.plus_secs(rest.trim_start_matches("at ").parse().expect("seconds"));
                answer(
                    t.db.write(async move |tx| qd_ledger::expire_due(tx, &core, at).await)
                        .await
                        .map(|n| n.to_string()),
                )
            }
            "reverse" => {
                let (reference, new) = rest.split_once(" as ").expect("reverse REF as REF");
                let (reference, new) = (reference.to_string(), new.to_string());
                posted(
                    t.db.write(async move |tx| {
                        let e = qd_ledger::entry_by_reference(tx, &reference).await?.expect("posted before");
                        qd_ledger::reverse(tx, &core, e.id, &new, "a mistake").await
                    })
                    .await,
                )
            }
            "convert" => {
                let (reference, text) = rest.split_once(": ").expect("convert REF: …");
                let w: Vec<&str> = text.split_whitespace().collect();
                let c = ConvertEntry {
                    kind: "test.convert",
                    reference: reference.to_string(),
                    house: "house:eu".into(),
                    from: key(w[0]),
                    to: key(w[3]),
                    from_minor: w[1].parse().expect("minor units"),
                    rate: Rate::parse(w[5]).expect("a rate"),
                    rate_source: "ECB".into(),
                    rate_at: start,
                    source: "test".into(),
                    value_at: start,
                    note: None,
                };
                answer(
                    t.db.write(async move |tx| qd_ledger::convert(tx, &core, c.clone()).await)
                        .await
                        .map(|c| c.to_minor.to_string()),
                )
            }
            "balance" => {
                let b = balance(t, rest.trim()).await;
                assert_eq!(b.available_minor, b.balance_minor - b.held_minor);
                if b.held_minor == 0 {
                    b.balance_minor.to_string()
                } else {
                    format!("{} held {}", b.balance_minor, b.held_minor)
                }
            }
            other => panic!("no command {other}"),
        };
        assert_eq!(answer, expected, "in: {line}");
    }
    sound(t).await;
}

fn answer(r: qd_kernel::Result<String>) -> String {
    r.unwrap_or_else(|p| p.code.to_string())
}

fn posted(r: qd_kernel::Result<qd_ledger::Posted>) -> String {
    answer(r.map(|p| if p.already { "already".into() } else { "ok".into() }))
}

qd_testkit::both! {
    async fn a_deposit_reaches_the_trading_server_once_however_often_the_news_comes(t: TestDb) {
        play(&t, "
            post dep1: client:alex/wallet/EUR 50000, psp:card/clearing/EUR -50000
            post dep1: psp:card/clearing/EUR -50000, client:alex/wallet/EUR 50000   => already
            post dep1: client:alex/wallet/EUR 50001, psp:card/clearing/EUR -50001   => reference_reused
            post dep1: client:eve/wallet/EUR 50000, psp:card/clearing/EUR -50000    => reference_reused
            post fee1: psp:card/clearing/EUR 145, house:eu/fees/EUR -145
            post mv1a: client:alex/wallet/EUR -50000, client:alex/transit/EUR 50000
            post mv1b: client:alex/transit/EUR -50000, tacc:tac_1/platform/EUR 50000
            post mv1a: client:alex/wallet/EUR -50000, client:alex/transit/EUR 50000 => already
            balance client:alex/wallet/EUR    => 0
            balance client:alex/transit/EUR   => 0
            balance tacc:tac_1/platform/EUR   => 50000
            balance psp:card/clearing/EUR     => -49855
            balance house:eu/fees/EUR         => -145
        ").await;
    }

    async fn guarded_accounts_refuse_what_is_not_there_and_unguarded_ones_do_not(t: TestDb) {
        play(&t, "
            post a: client:alex/wallet/EUR 100, psp:card/clearing/EUR -100
            post b: client:alex/wallet/EUR -101, client:alex/transit/EUR 101   => insufficient_funds
            balance client:alex/wallet/EUR     => 100
            balance client:alex/transit/EUR    => 0
            post b: client:alex/wallet/EUR -100, client:alex/transit/EUR 100
            post c: client:new/wallet/EUR -1, client:alex/wallet/EUR 1         => insufficient_funds
            post d: partner:par_1/commission_payable/USD -500, house:eu/commission_expense/USD 500
            balance partner:par_1/commission_payable/USD => -500
            # Both legs on one account: only where it ends counts, and that is not below zero.
            post e: client:alex/transit/EUR -150, client:alex/transit/EUR 60, client:alex/wallet/EUR 90
            balance client:alex/transit/EUR    => 10
        ").await;
    }

    async fn an_entry_must_balance_in_each_currency_by_itself(t: TestDb) {
        play(&t, "
            post a: client:alex/wallet/EUR 100, psp:card/clearing/EUR -99              => entry_unbalanced
            post a: client:alex/wallet/EUR 100, psp:card/clearing/USD -100             => entry_unbalanced
            post a: client:alex/wallet/EUR 0, psp:card/clearing/EUR 0                  => amount_out_of_range
            post a: client:alex/wallet/EUR 9000000000000001, psp:card/clearing/EUR -9000000000000001 => amount_out_of_range
            post a: nobody/wallet/EUR 100, psp:card/clearing/EUR -100                  => owner_malformed
            post a: client:alex/wallet/EUR 9000000000000000, tacc:a/platform/EUR -9000000000000000
            post b: client:alex/wallet/EUR 1, tacc:b/platform/EUR -1                   => balance_out_of_range
            post c: client:eve/wallet/EUR 1, tacc:a/platform/EUR -1                    => balance_out_of_range
            post d: client:eve/wallet/EUR 1, psp:card/clearing/EUR 1, tacc:a/platform/EUR -2 => balance_out_of_range
            balance client:eve/wallet/EUR      => 0
            post b: client:alex/wallet/EUR -1, tacc:a/platform/EUR 1
        ").await;
    }

    async fn a_withdrawal_is_held_settled_and_cannot_be_spent_twice(t: TestDb) {
        play(&t, "
            post dep: client:alex/wallet/EUR 1000, psp:card/clearing/EUR -1000
            hold wdr1: client:alex/wallet/EUR 700
            hold wdr1: client:alex/wallet/EUR 700                            => ok
            hold wdr1: client:alex/wallet/EUR 701                            => reference_reused
            hold wdr2: client:alex/wallet/EUR 301                            => insufficient_funds
            balance client:alex/wallet/EUR                                   => 1000 held 700
            post spend: client:alex/wallet/EUR -301, client:alex/transit/EUR 301 => insufficient_funds
            settle wdr1 by pay1: client:eve/wallet/EUR -700, client:alex/payout_transit/EUR 700 => hold_other_account
            settle wdr1 by pay1: client:alex/wallet/EUR -1001, client:alex/payout_transit/EUR 1001 => insufficient_funds
            balance client:alex/wallet/EUR                                   => 1000 held 700
            settle wdr1 by pay1: client:alex/wallet/EUR -700, client:alex/payout_transit/EUR 700
            settle wdr1 by pay1: client:alex/wallet/EUR -700, client:alex/payout_transit/EUR 700 => already
            settle wdr1 by pay2: client:alex/wallet/EUR -700, client:alex/payout_transit/EUR 700 => hold_closed
            settle wdr1 by pay1: client:alex/wallet/EUR -1, client:alex/payout_transit/EUR 1 => reference_reused
            release wdr1                                                     => settled
            hold wdr1: client:alex/wallet/EUR 700                            => ok
            balance client:alex/wallet/EUR                                   => 300
            post paid: client:alex/payout_transit/EUR -700, psp:card/clearing/EUR 700
            balance client:alex/payout_transit/EUR                           => 0
            balance psp:card/clearing/EUR                                    => -300
        ").await;
    }

    async fn a_hold_is_given_back_by_release_or_by_time_and_only_once(t: TestDb) {
        play(&t, "
            post dep: client:alex/wallet/EUR 1000, psp:card/clearing/EUR -1000
            hold a: client:alex/wallet/EUR 100
            hold b: client:alex/wallet/EUR 200 until 60
            hold c: client:alex/wallet/EUR 300 until 60
            hold d: client:alex/wallet/EUR 400 until 120
            hold e: client:alex/transit/EUR 1          => insufficient_funds
            hold e: psp:card/clearing/EUR 1            => hold_on_striped_account
            balance client:alex/wallet/EUR             => 1000 held 1000
            release a
            release a                                  => released
            settle c by s: client:alex/wallet/EUR -250, client:alex/transit/EUR 250
            expire at 59                               => 0
            expire at 60                               => 1
            expire at 60                               => 0
            release b                                  => expired
            settle b by s2: client:alex/wallet/EUR -1, client:alex/transit/EUR 1 => hold_closed
            balance client:alex/wallet/EUR             => 750 held 400
            release nothing                            => not_found
        ").await;
    }

    async fn a_reversal_is_the_exact_opposite_and_happens_once(t: TestDb) {
        play(&t, "
            post a: client:alex/wallet/EUR 333, psp:card/clearing/EUR -300, house:eu/fees/EUR -33
            reverse a as a:back
            reverse a as a:back                        => already
            reverse a as a:again                       => already_reversed
            balance client:alex/wallet/EUR             => 0
            balance house:eu/fees/EUR                  => 0
            reverse a:back as a:forth
            balance client:alex/wallet/EUR             => 333
            post spend: client:alex/wallet/EUR -300, client:alex/transit/EUR 300
            reverse a:forth as a:third                 => insufficient_funds
        ").await;
    }

    async fn a_conversion_leaves_the_house_open_in_both_currencies(t: TestDb) {
        play(&t, "
            post a: client:alex/wallet/JPY 900, psp:card/clearing/JPY -900
            convert c1: client:alex/wallet/JPY 900 to client:alex/wallet/USD at 0.0064      => 576
            convert c1: client:alex/wallet/JPY 900 to client:alex/wallet/USD at 0.0064      => 576
            balance client:alex/wallet/JPY             => 0
            balance client:alex/wallet/USD             => 576
            balance house:eu/fx_position/JPY           => 900
            balance house:eu/fx_position/USD           => -576
            convert c2: client:alex/wallet/USD 577 to client:alex/wallet/JPY at 156.25      => insufficient_funds
            convert c3: client:alex/wallet/USD 1 to client:alex/wallet/USD at 1             => currency_same
            convert c4: client:alex/wallet/USD 1 to client:alex/wallet/BTC at 0.0000001     => amount_out_of_range
            convert c5: client:alex/wallet/USD 576 to client:alex/wallet/KWD at 0.3075      => 1771
        ").await;
    }

    async fn a_replay_answers_the_first_entry_even_when_the_money_is_long_spent(t: TestDb) {
        play(&t, "
            post dep: client:alex/wallet/EUR 100, psp:card/clearing/EUR -100
            post out: client:alex/wallet/EUR -100, client:alex/transit/EUR 100
            post out: client:alex/wallet/EUR -100, client:alex/transit/EUR 100  => already
            balance client:alex/wallet/EUR => 0
        ").await;
    }
}

qd_testkit::both! {
    async fn a_refused_posting_leaves_the_rest_of_its_transaction_whole(t: TestDb) {
        let core = t.core.clone();
        let code = t.db.write(async move |tx| {
            qd_ledger::post(tx, &core, entry("in", "client:alex/wallet/EUR 100, psp:card/clearing/EUR -100")).await?;
            let refused = qd_ledger::post(tx, &core, entry("out", "client:alex/wallet/EUR -200, client:alex/transit/EUR 200")).await;
            qd_ledger::post(tx, &core, entry("less", "client:alex/wallet/EUR -60, client:alex/transit/EUR 60")).await?;
            Ok(refused.unwrap_err().code)
        }).await.unwrap();
        assert_eq!(code, "insufficient_funds");
        assert_eq!(balance(&t, "client:alex/wallet/EUR").await.balance_minor, 40);
        let out = t.db.read(async |tx| qd_ledger::entry_by_reference(tx, "out").await).await.unwrap();
        assert!(out.is_none(), "the refused entry is in the books");
        sound(&t).await;
    }

    async fn a_batch_ends_as_its_entries_one_by_one_would_and_fails_as_a_whole(t: TestDb) {
        post_text(&t, "b2", "client:b/wallet/EUR 7, psp:card/clearing/EUR -7").await.unwrap();
        let batch = vec![
            entry("b1", "client:a/wallet/EUR 100, psp:card/clearing/EUR -100"),
            entry("b2", "client:b/wallet/EUR 7, psp:card/clearing/EUR -7"),
            entry("b3", "client:a/wallet/EUR -40, client:b/wallet/EUR 40"),
            entry("b1", "client:a/wallet/EUR 100, psp:card/clearing/EUR -100"),
            entry("b4", "client:b/wallet/EUR -47, client:b/transit/EUR 47"),
        ];
        for round in 0..2 {
            let (core, batch) = (t.core.clone(), batch.clone());
            let answers = t.db.write(async move |tx| qd_ledger::post_many(tx, &core, batch.clone()).await).await.unwrap();
            let already: Vec<bool> = answers.iter().map(|p| p.already).collect();
            assert_eq!(already, if round == 0 { [false, true, false, true, false] } else { [true; 5] });
        }
        assert_eq!(balance(&t, "client:a/wallet/EUR").await.balance_minor, 60);
        assert_eq!(balance(&t, "client:b/transit/EUR").await.balance_minor, 47);
        for (bad, code) in [
            (entry("c2", "client:a/wallet/EUR -61, client:b/wallet/EUR 61"), "insufficient_funds"),
            (entry("b1", "client:a/wallet/EUR 5, psp:card/clearing/EUR -5"), "reference_reused"),
        ] {
            let core = t.core.clone();
            let good = entry("c1", "client:c/wallet/EUR 5, psp:card/clearing/EUR -5");
            let p = t.db.write(async move |tx| qd_ledger::post_many(tx, &core, vec![good.clone(), bad.clone()]).await).await.unwrap_err();
            assert_eq!(p.code, code);
        }
        assert_eq!(balance(&t, "client:c/wallet/EUR").await.balance_minor, 0);
        sound(&t).await;
    }
}
