//! Life: prices move every second; traders open and close by themselves when asked for.

use super::book::{REASON_CLIENT, User};
use super::market::SYMBOLS;
use super::server::Server;
use super::trading::Open;
use qd_kernel::{Entropy, SeededEntropy};
use std::sync::Arc;
use std::time::Duration;

const TICK: Duration = Duration::from_secs(1);
const SAVE_EVERY: u64 = 60;
const TRADER_STEP: Duration = Duration::from_secs(5);
/// One step in so many opens a position: about five deals a minute over three servers.
const OPEN_ONE_IN: u64 = 14;
const MAX_OPEN: usize = 3;

pub fn spawn(server: Arc<Server>) {
    let s = server.clone();
    tokio::spawn(async move {
        let mut n = 0;
        while s.shared.pause(TICK).await {
            s.tick();
            n += 1;
            if n % SAVE_EVERY == 0 {
                s.save_prices();
            }
        }
    });
    if server.shared.cfg.simulate_traders {
        let rng = SeededEntropy::new(server.shared.env.entropy.u64());
        tokio::spawn(async move {
            while server.shared.pause(TRADER_STEP).await {
                server.close_due();
                if rng.below(OPEN_ONE_IN) == 0 {
                    server.open_somewhere(&rng);
                }
            }
        });
    }
}

impl Server {
    pub(super) fn tick(&self) {
        let done = self.change(|b| {
            b.market.step();
            self.enforce_margin(b);
            Ok(())
        });
        if let Err(c) = done {
            tracing::warn!(server = %self.cfg.name, code = c.0, "market step failed");
        }
    }

    /// Closes what simulated traders meant to close by now.
    fn close_due(&self) {
        let now = self.now();
        let _ = self.change(|b| {
            let due: Vec<u64> = b
                .positions()
                .filter(|p| p.close_at.is_some_and(|t| t <= now))
                .map(|p| p.ticket)
                .collect();
            for t in due {
                self.close_position(b, t, None, None, now, REASON_CLIENT)?;
            }
            Ok(())
        });
    }

    /// A funded account opens a position it can carry.
    fn open_somewhere(&self, rng: &SeededEntropy) {
        let at = self.now();
        let _ = self.change(|b| {
            let worth = |u: &User| {
                let g = b.group_of(u);
                (u.balance + u.credit) / 10i64.pow(u32::from(g.digits)) / if g.currency == "JPY" { 150 } else { 1 }
            };
            let funded: Vec<(u64, i64)> = b
                .users
                .values()
                .filter(|u| u.may_trade())
                .map(|u| (u.login, worth(u)))
                .filter(|(l, w)| *w >= 50 && b.positions_of(*l).count() < MAX_OPEN)
                .collect();
            if funded.is_empty() {
                return Ok(());
            }
            let pick = usize::try_from(rng.below(u64::try_from(funded.len()).unwrap_or(1))).unwrap_or(0);
            let (login, worth) = funded[pick];
            let symbol = SYMBOLS[usize::try_from(rng.below(6)).unwrap_or(0)].name;
            let buy = rng.below(2) == 0;
            // Hundredths of a lot, by the size of the purse.
            let hundredths = (worth / 400).clamp(1, 300) * i64::try_from(rng.below(4) + 1).unwrap_or(1);
            let hold = i64::try_from(rng.below(900) + 20).unwrap_or(60);
            for hundredths in [hundredths, 1] {
                let volume = hundredths * 1_000_000;
                if self.affordable(b, login, symbol, buy, volume).is_ok() {
                    let close_at = Some(at.plus_secs(hold));
                    self.open_position(
                        b,
                        &Open {
                            login,
                            symbol,
                            buy,
                            volume,
                            price: None,
                            at,
                            reason: REASON_CLIENT,
                            comment: "",
                            close_at,
                        },
                    )?;
                    break;
                }
            }
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mt5::NewAccount;
    use crate::{Sandbox, demo_config};
    use qd_kernel::{Env, TestClock, Ts};

    async fn life(seed: u64) -> Vec<(u64, u64, String, i64, u8)> {
        let clock = Arc::new(TestClock::new(Ts::from_ymd(2026, 11, 20)));
        let mut cfg = demo_config(None, "127.0.0.1:0".parse().unwrap());
        cfg.smtp_listen = None;
        cfg.mt5.truncate(1);
        cfg.mt5[0].tls_listen = None;
        cfg.simulate_traders = false;
        let sandbox = Sandbox::start(cfg, Env::new(clock.clone(), Arc::new(SeededEntropy::new(seed))))
            .await
            .unwrap();
        let s = sandbox.mt5("eu-live").unwrap();
        for (i, minor) in [0, 1_000, 500_000, 2_000_000].into_iter().enumerate() {
            let login = s
                .add_account(&NewAccount {
                    login: None,
                    group: r"real\eu-pro-eur",
                    name: "T",
                    email: "",
                    leverage: 100,
                    password: "Secret-2026",
                    comment: "",
                    our_ref: "",
                    registered: Ts::from_ymd(2026, 1, 1),
                })
                .unwrap();
            if minor > 0 {
                s.add_balance(login, 2, minor, "D", Ts::from_ymd(2026, 1, 2)).unwrap();
            }
            assert_eq!(login, 500_001 + u64::try_from(i).unwrap());
        }
        let rng = SeededEntropy::new(seed);
        for _ in 0..40 {
            s.open_somewhere(&rng);
            s.tick();
            clock.advance_secs(120);
            s.close_due();
        }
        clock.advance_secs(2_000);
        s.close_due();
        let b = s.book();
        assert_eq!(b.position_count(), 0, "what was opened is closed in the end");
        let now = s.now();
        let deals = (500_001..=500_004)
            .flat_map(|l| b.deals_of(l, 0, i64::MAX / 2_000, now))
            .filter(|d| d.is_trade());
        deals.map(|d| (d.ticket, d.login, d.symbol.clone(), d.volume, d.entry)).collect()
    }

    #[tokio::test]
    async fn funded_accounts_trade_by_themselves_and_the_seed_decides_what() {
        let a = life(3).await;
        assert!(a.len() > 20 && a.len() % 2 == 0, "{}", a.len());
        assert!(a.iter().all(|d| d.1 >= 500_003), "an empty purse does not trade");
        assert_eq!(a, life(3).await);
        assert_ne!(a, life(4).await);
    }
}
