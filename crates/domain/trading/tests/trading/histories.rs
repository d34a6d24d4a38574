//! Random histories of a server: whatever traders and dealers do, in whatever order we read it, the
//! books end where the server's own history ends.

use crate::ground::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use qd_testkit::{TestDb, both};
use qd_trading::accounts::AccountView;
use qd_trading::{Direction, MoveState};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
enum Act {
    Trade {
        who: usize,
        cents: i64,
        points: i64,
        buy: bool,
    },
    Late {
        who: usize,
        ago_s: i64,
        points: i64,
    },
    Open {
        who: usize,
        cents: i64,
    },
    CloseOne {
        pick: usize,
    },
    Price {
        points: i64,
    },
    /// By a dealer, to one of the deals so far.
    Edit {
        pick: usize,
        profit: i64,
    },
    Cancel {
        pick: usize,
    },
    Delete {
        pick: usize,
    },
    Correct {
        who: usize,
        minor: i64,
    },
    Move {
        who: usize,
        minor: i64,
    },
    Pass {
        secs: i64,
    },
    Feed,
}

fn act() -> impl Strategy<Value = Act> {
    let who = || 0..2usize;
    let pick = || 0..1_000usize;
    prop_oneof![
        4 => (who(), 1..40i64, -150..150i64, any::<bool>()).prop_map(|(who, cents, points, buy)| Act::Trade { who, cents, points, buy }),
        2 => (who(), 10..5_000i64, -150..150i64).prop_map(|(who, ago_s, points)| Act::Late { who, ago_s, points }),
        2 => (who(), 1..10i64).prop_map(|(who, cents)| Act::Open { who, cents }),
        2 => pick().prop_map(|pick| Act::CloseOne { pick }),
        1 => (-300..300i64).prop_map(|points| Act::Price { points }),
        2 => (pick(), -9_000..9_000i64).prop_map(|(pick, profit)| Act::Edit { pick, profit }),
        1 => pick().prop_map(|pick| Act::Cancel { pick }),
        2 => pick().prop_map(|pick| Act::Delete { pick }),
        1 => (who(), -3_000..3_000i64).prop_map(|(who, minor)| Act::Correct { who, minor }),
        2 => (who(), -20_000..20_000i64).prop_map(|(who, minor)| Act::Move { who, minor }),
        2 => (1..500i64).prop_map(|secs| Act::Pass { secs }),
        3 => Just(Act::Feed),
    ]
}

struct Floor {
    g: Ground,
    accounts: Vec<AccountView>,
    deals: Vec<Value>,
    moves: usize,
}

impl Floor {
    /// Control calls may be refused (nothing to cancel, no margin): that is part of the history.
    async fn try_control(&self, method: &str, path: &str, body: Value) -> Option<Value> {
        use tower::ServiceExt;
        let req = axum::http::Request::builder()
            .method(method)
            .uri(format!("/control/mt5/{SERVER}/{path}"))
            .body(axum::body::Body::from(body.to_string()))
            .unwrap();
        let res = self.g.sandbox.router().oneshot(req).await.unwrap();
        let good = res.status().is_success();
        let bytes = axum::body::to_bytes(res.into_body(), 1 << 20).await.unwrap();
        good.then(|| serde_json::from_slice(&bytes).unwrap())
    }

    fn lots(cents: i64) -> String {
        format!("{}.{:02}", cents / 100, cents % 100)
    }

    async fn remember(&mut self, done: Option<Value>) {
        let Some(v) = done else { return };
        self.deals.extend(
            ["open_deal", "close_deal"]
                .iter()
                .filter_map(|k| v.get(*k))
                .filter(|d| d.is_number())
                .cloned(),
        );
    }

    fn deal(&self, pick: usize) -> Option<Value> {
        (!self.deals.is_empty()).then(|| self.deals[pick % self.deals.len()].clone())
    }

    async fn play(&mut self, a: Act) {
        let login = |who: usize| self.accounts[who].login.clone();
        match a {
            Act::Trade { who, cents, points, buy } => {
                let v = self.try_control("POST", "trade", json!({"login": login(who), "symbol": "EURUSD", "side": if buy { "buy" } else { "sell" }, "volume_lots": Self::lots(cents), "move_points": points})).await;
                self.remember(v).await;
            }
            Act::Late { who, ago_s, points } => {
                let v = self
                    .try_control(
                        "POST",
                        "late_deal",
                        json!({"login": login(who), "symbol": "GBPUSD", "volume_lots": "0.10", "move_points": points, "ago_s": ago_s}),
                    )
                    .await;
                self.remember(v).await;
            }
            Act::Open { who, cents } => {
                let v = self
                    .try_control(
                        "POST",
                        "open",
                        json!({"login": login(who), "symbol": "EURUSD", "volume_lots": Self::lots(cents)}),
                    )
                    .await;
                self.remember(v).await;
            }
            Act::CloseOne { pick } => {
                let all = self.try_control("GET", "positions", json!({})).await.unwrap();
                let open = all["positions"].as_array().unwrap();
                if !open.is_empty() {
                    let v = self
                        .try_control("POST", "close", json!({"position": open[pick % open.len()]["position"]}))
                        .await;
                    self.remember(v).await;
                }
            }
            Act::Price { points } => {
                self.try_control("POST", "price", json!({"symbol": "EURUSD", "move_points": points}))
                    .await;
            }
            Act::Edit { pick, profit } => {
                if let Some(d) = self.deal(pick) {
                    self.try_control("PATCH", &format!("deal/{d}"), json!({"profit": qd_kernel::format_fixed(profit, 2)}))
                        .await;
                }
            }
            Act::Cancel { pick } => {
                if let Some(d) = self.deal(pick) {
                    self.try_control("POST", &format!("deal/{d}/cancel"), json!({})).await;
                }
            }
            Act::Delete { pick } => {
                if let Some(d) = self.deal(pick) {
                    self.try_control("DELETE", &format!("deal/{d}"), json!({})).await;
                }
            }
            Act::Correct { who, minor } => {
                self.try_control(
                    "POST",
                    "balance",
                    json!({"login": login(who), "amount": qd_kernel::format_fixed(minor, 2), "type": 5, "comment": "correction"}),
                )
                .await;
            }
            Act::Move { who, minor } => {
                let direction = if minor > 0 {
                    Direction::ToPlatform
                } else {
                    Direction::FromPlatform
                };
                self.moves += 1;
                // Too much for the wallet is refused; too little is no amount.
                let _ = self
                    .g
                    .ask(
                        &self.accounts[who].clone(),
                        direction,
                        minor.abs(),
                        &format!("deposit:{}", self.moves),
                    )
                    .await;
                self.g.work().await;
            }
            Act::Pass { secs } => self.g.clock.advance_secs(secs),
            Act::Feed => self.g.feed().await,
        }
    }
}

async fn one_history(t: TestDb, acts: Vec<Act>) {
    let g = Ground::new(t).await;
    let mut accounts = Vec::new();
    for client in ["cli_alex", "cli_berta"] {
        g.give(client, 300_000).await;
        let a = g.account(client).await;
        g.ask(&a, Direction::ToPlatform, 200_000, &format!("first:{client}")).await.unwrap();
        g.work().await;
        accounts.push(a);
    }
    let mut f = Floor {
        g,
        accounts,
        deals: Vec::new(),
        moves: 0,
    };
    for a in acts {
        f.play(a).await;
    }
    let Floor { g, accounts, moves, .. } = f;
    // The last look at the last hour, and at the last week.
    g.feed().await;
    g.pass(3_700).await;
    g.feed().await;
    let server = g.sandbox.mt5(SERVER).unwrap();
    for a in &accounts {
        server.mend_balance(a.login.as_deref().unwrap().parse().unwrap()).unwrap();
        g.agree(a).await;
    }
    for n in 1..=moves {
        let (core, purpose) = (g.core.clone(), format!("deposit:{n}"));
        let m = g
            .core
            .db
            .read(async move |tx| qd_trading::moves::by_purpose(tx, &core, &purpose).await)
            .await
            .unwrap();
        assert!(m.is_none_or(|m| matches!(m.state, MoveState::Done | MoveState::Refused)));
    }
    assert!(
        g.exceptions().await.iter().all(|k| k == "platform.move_refused"),
        "{:?}",
        g.exceptions().await
    );
    g.finish().await;
}

/// Sequences as proptest makes them, from a seed of the test's own: the body is async and owns a
/// database, so the cases are run here and not by the macro.
fn cases(n: usize, seed: u8) -> Vec<Vec<Act>> {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]));
    let history = proptest::collection::vec(act(), 10..40);
    (0..n).map(|_| history.new_tree(&mut runner).unwrap().current()).collect()
}

both! {
    async fn the_books_end_where_the_servers_history_ends(t: TestDb) {
        let config = t.config();
        drop(t);
        for (i, acts) in cases(8, 26).into_iter().enumerate() {
            let t = match &config {
                qd_db::DbConfig::Sqlite { .. } => TestDb::sqlite().await,
                qd_db::DbConfig::Postgres { .. } => TestDb::postgres().await.unwrap(),
            };
            eprintln!("history {i}: {acts:#?}");
            one_history(t, acts).await;
        }
    }
}
