//! A thousand brokerages, each from its seed. A seed that fails says so with its number and its
//! story; `QD_SIM_SEED=n` plays that one alone, byte for byte the same.

use super::outside::Script;
use super::run::{CLIENTS, House, prepare};
use qd_db::{Db, DbConfig};
use qd_kernel::{Env, SeededEntropy, TestClock, Ts};
use qd_payments::withdrawal::WithdrawalState;
use qd_ports::psp::{DisputeState, PaymentState, RefundState};
use qd_runtime::Core;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Played by `make test`, in eight parts side by side.
const SEEDS: u64 = 1_000;
const PARTS: u64 = 8;
const STEPS: u64 = 20;

/// How one seed ended: its story, and what was not as it has to be.
struct Played {
    story: Vec<String>,
    faults: Vec<String>,
    /// Deposits that arrived, withdrawals that were paid.
    ends: (usize, usize),
}

fn start() -> Ts {
    Ts::from_ymd(2026, 11, 20).plus_secs(9 * 3_600)
}

fn folder(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("qd_sim_{}_{name}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// A database with the rule book in it, copied for each seed.
struct Template {
    dir: PathBuf,
    /// Kept open: nothing writes to the files while they are copied.
    _core: Core,
}

fn env(seed: u64, clock: &Arc<TestClock>) -> Env {
    Env::new(clock.clone(), Arc::new(SeededEntropy::new(seed ^ 0x5eed)))
}

async fn open(dir: &Path) -> Db {
    Db::open(&DbConfig::Sqlite {
        path: dir.join("quarterdeck.db"),
        durable: false,
    })
    .await
    .unwrap()
}

impl Template {
    async fn new(name: &str) -> Template {
        let dir = folder(name);
        let db = open(&dir).await;
        db.migrate().await.unwrap();
        let core = Core::new(db, env(0, &Arc::new(TestClock::new(start()))));
        prepare(&core).await;
        Template { dir, _core: core }
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

async fn play(from: &Template, seed: u64, honest: bool) -> Played {
    let dir = from.dir.join(seed.to_string());
    std::fs::create_dir_all(&dir).unwrap();
    for file in ["quarterdeck.db", "quarterdeck.db-wal"] {
        std::fs::copy(from.dir.join(file), dir.join(file)).unwrap();
    }
    // After everything the template has written.
    let clock = Arc::new(TestClock::new(start().plus_secs(60)));
    let core = Core::new(open(&dir).await, env(seed, &clock));
    let mut h = House::open(core, clock, seed, &CLIENTS).await;
    h.out.books().script = Script::Chance { one_in: 6 };
    h.out.books().honest = honest;
    for _ in 0..STEPS {
        step(&mut h).await;
    }
    h.heal().await;
    let played = Played {
        faults: h.faults().await,
        ends: h.ends().await,
        story: std::mem::take(&mut h.out.books().trace),
    };
    drop(h);
    let _ = std::fs::remove_dir_all(dir);
    played
}

fn draw(h: &House, below: usize) -> usize {
    h.out.books().draw(below as u64) as usize
}

async fn step(h: &mut House) {
    match draw(h, 15) {
        0..=3 => {
            let n = draw(h, CLIENTS.len());
            let minor = 1_000 + draw(h, 60_000) as i64;
            let account = (draw(h, 3) > 0).then(|| h.accounts[n].id);
            let _ = h.wish(CLIENTS[n], minor, account).await;
            h.work().await;
        }
        4..=6 => customers(h).await,
        7..=8 => callbacks(h).await,
        9 => {
            let secs = [1, 15, 61, 300, 3_700, 21_600][draw(h, 6)];
            h.note(format!("{secs} s pass"));
            h.pass(secs).await;
        }
        10..=11 => {
            let n = draw(h, CLIENTS.len());
            let minor = 2_000 + draw(h, 40_000) as i64;
            let account = (draw(h, 2) == 0).then(|| h.accounts[n].id);
            let _ = h.withdraw(CLIENTS[n], minor, account).await;
            h.work().await;
        }
        12 => {
            for id in h.withdrawals.clone() {
                if h.withdrawal(id).await.state == WithdrawalState::Review {
                    h.approve(id).await;
                } else if draw(h, 4) == 0 {
                    let w = h.withdrawal(id).await;
                    let _ = h.cancel(&w.client_id, id).await;
                }
            }
            h.work().await;
        }
        13 => refunds_and_disputes(h).await,
        _ => h.work().await,
    }
}

/// Somebody pays, is declined, gives up, or pays too little.
async fn customers(h: &mut House) {
    {
        let mut b = h.out.books();
        let open: Vec<(String, i64, PaymentState)> = b
            .payments
            .iter()
            .filter(|(_, p)| p.shown && p.received == 0)
            .map(|(id, p)| (id.clone(), p.asked.minor, p.state))
            .collect();
        if open.is_empty() {
            return;
        }
        let (id, asked, state) = open[b.draw(open.len() as u64) as usize].clone();
        match (b.draw(10), state) {
            // A late yes comes after an expiry, too.
            (0..=6, _) => b.pay(&id, asked),
            (7, _) => b.pay(&id, asked - 500),
            (8, PaymentState::RequiresAction) => b.end(&id, PaymentState::Failed),
            (_, PaymentState::RequiresAction) => b.end(&id, PaymentState::Expired),
            _ => {}
        }
    }
    h.work().await;
}

/// Some of what waits comes: in any order, twice, forged beside the true one. The rest comes later.
async fn callbacks(h: &mut House) {
    let hooks = {
        let mut b = h.out.books();
        let mut out = Vec::new();
        for _ in 0..3 {
            if b.hooks.is_empty() {
                break;
            }
            let n = b.draw(b.hooks.len() as u64) as usize;
            let hook = b.hooks.remove(n);
            if b.draw(4) == 0 {
                out.push(hook.clone());
            }
            if b.draw(5) == 0 {
                let mut forged = hook.clone();
                forged["sign"] = "bad".into();
                forged["id"] = "evt_forged".into();
                out.push(forged);
            }
            out.push(hook);
        }
        out
    };
    for hook in &hooks {
        h.knock(hook).await.unwrap();
    }
    h.work().await;
}

async fn refunds_and_disputes(h: &mut House) {
    {
        let mut b = h.out.books();
        let pending: Vec<String> = b
            .refunds
            .values()
            .filter(|r| r.state == RefundState::Pending)
            .map(|r| r.our_ref.clone())
            .collect();
        let paid: Vec<String> = b
            .payments
            .iter()
            .filter(|(_, p)| p.received > p.refunded)
            .map(|(id, _)| id.clone())
            .collect();
        let open: Vec<String> = b
            .disputes
            .iter()
            .filter(|(_, d)| d.state == DisputeState::Opened)
            .map(|(id, _)| id.clone())
            .collect();
        match b.draw(4) {
            0 if !pending.is_empty() => {
                let r = pending[b.draw(pending.len() as u64) as usize].clone();
                b.refund_ends(&r, RefundState::Failed);
            }
            1 if !paid.is_empty() => {
                let p = paid[b.draw(paid.len() as u64) as usize].clone();
                if !b.disputes.values().any(|d| d.payment == p) {
                    b.dispute(&p);
                }
            }
            2 if !open.is_empty() => {
                let d = open[b.draw(open.len() as u64) as usize].clone();
                let how = if b.draw(2) == 0 { DisputeState::Won } else { DisputeState::Lost };
                b.dispute_ends(&d, how);
            }
            _ => {}
        }
    }
    h.work().await;
}

fn on_one_thread<T>(f: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(f)
}

fn play_part(part: u64) {
    let all: Vec<u64> = match std::env::var("QD_SIM_SEED").ok().and_then(|s| s.parse().ok()) {
        Some(one) if one % PARTS == part => vec![one],
        Some(_) => return,
        None => (0..SEEDS).filter(|s| s % PARTS == part).collect(),
    };
    on_one_thread(async {
        let from = Template::new(&format!("part_{part}")).await;
        let (mut deposits, mut withdrawals, mut deaths) = (0, 0, 0);
        let several = all.len() > 1;
        for seed in all {
            let p = play(&from, seed, true).await;
            assert!(p.faults.is_empty(), "seed {seed}: {:#?}\n{}", p.faults, p.story.join("\n"));
            deposits += p.ends.0;
            withdrawals += p.ends.1;
            deaths += p.story.iter().filter(|l| l.ends_with(" dies")).count();
        }
        // Houses where nothing happens are right about everything.
        assert!(
            !several || (deposits > 60 && withdrawals > 10 && deaths > 30),
            "{deposits} deposits, {withdrawals} withdrawals, {deaths} deaths"
        );
    });
}

#[test]
fn whatever_fails_the_money_is_where_the_books_say_part_1() {
    play_part(0);
}

#[test]
fn whatever_fails_the_money_is_where_the_books_say_part_2() {
    play_part(1);
}

#[test]
fn whatever_fails_the_money_is_where_the_books_say_part_3() {
    play_part(2);
}

#[test]
fn whatever_fails_the_money_is_where_the_books_say_part_4() {
    play_part(3);
}

#[test]
fn whatever_fails_the_money_is_where_the_books_say_part_5() {
    play_part(4);
}

#[test]
fn whatever_fails_the_money_is_where_the_books_say_part_6() {
    play_part(5);
}

#[test]
fn whatever_fails_the_money_is_where_the_books_say_part_7() {
    play_part(6);
}

#[test]
fn whatever_fails_the_money_is_where_the_books_say_part_8() {
    play_part(7);
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    on_one_thread(async {
        let from = Template::new("same").await;
        let mut lines = 0;
        for seed in [3, 17, 404, 911] {
            let (a, b) = (play(&from, seed, true).await, play(&from, seed, true).await);
            assert_eq!(a.story.join("\n"), b.story.join("\n"), "seed {seed}");
            lines += a.story.len();
        }
        assert!(lines > 100, "four seeds tell next to nothing");
    });
}

/// The control: with a connector that takes silence for "never sent", money is doubled, and found.
#[test]
fn a_connector_that_takes_silence_for_not_sent_is_caught() {
    on_one_thread(async {
        let from = Template::new("careless").await;
        let mut caught = 0;
        for seed in 0..40 {
            caught += usize::from(!play(&from, seed, false).await.faults.is_empty());
        }
        assert!(caught > 0, "forty seeds with a careless connector, and nothing was found");
    });
}
