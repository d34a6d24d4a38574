//! One trade server: its settings, clock, books and who is signed in.

use super::auth::{self, Sessions};
use super::book::{Book, Group, User};
use super::dealer::Requests;
use super::wire::Code;
use crate::{Mt5ServerConfig, Shared};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use qd_kernel::{Problem, Result, Ts};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

pub struct Server {
    pub cfg: Mt5ServerConfig,
    pub shared: Arc<Shared>,
    pub(super) sessions: Sessions,
    pub(super) key: [u8; 16],
    /// Changes when the server restarts; its own listeners then cut their connections.
    pub(super) generation: watch::Sender<u64>,
    pub(super) requests: Requests,
    zone: TimeZone,
    book: Mutex<Book>,
}

impl Server {
    pub fn open(shared: Arc<Shared>, cfg: Mt5ServerConfig) -> Result<Server> {
        let zone = TimeZone::get(&cfg.tz).map_err(|e| {
            Problem::invalid("tz", "zone_unknown", "expected an IANA time zone with a zone database at hand").with_source(e)
        })?;
        let book = Book::load(&cfg, &shared.books, shared.env.entropy.u64())?;
        let key = auth::password_key(&cfg.manager_password);
        let (generation, _) = watch::channel(0);
        Ok(Server {
            cfg,
            shared,
            sessions: Sessions::default(),
            key,
            generation,
            requests: Requests::default(),
            zone,
            book: Mutex::new(book),
        })
    }

    /// After an update of the server.
    pub fn set_build(&self, build: u32) {
        self.sessions.build.store(build, std::sync::atomic::Ordering::Relaxed);
    }

    pub fn now(&self) -> Ts {
        self.shared.env.now()
    }

    fn offset(&self, at: Ts) -> (i64, bool) {
        let t = Timestamp::from_second(at.secs()).unwrap_or(Timestamp::UNIX_EPOCH);
        let info = self.zone.to_offset_info(t);
        (i64::from(info.offset().seconds()), info.dst().is_dst())
    }
    /// Minutes east of UTC without daylight saving, and whether it applies now.
    pub(super) fn zone_now(&self) -> (i64, bool) {
        let (seconds, dst) = self.offset(self.now());
        (seconds / 60 - if dst { 60 } else { 0 }, dst)
    }
    /// Milliseconds of the server's wall clock: local time read as if it were UTC.
    pub fn wall_msc(&self, at: Ts) -> i64 {
        at.millis() + self.offset(at).0 * 1000
    }
    pub fn wall_secs(&self, at: Ts) -> i64 {
        self.wall_msc(at).div_euclid(1000)
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(|p| p.into_inner())
    }

    /// Runs a change and writes it through in one transaction. Changes check everything before
    /// they touch anything; what a failed one did change is written as well, so that memory and
    /// disk say the same.
    pub(crate) fn change<T>(&self, f: impl FnOnce(&mut Book) -> std::result::Result<T, Code>) -> std::result::Result<T, Code> {
        let mut b = self.book();
        let r = f(&mut b);
        b.save(&self.shared.books).map_err(|e| disk(&e))?;
        r
    }

    /// A trade server comes back with its books and without its memory: nobody is signed in, no
    /// account has a trading state until it trades again.
    pub fn restart(&self) {
        self.sessions.end_all();
        let mut b = self.book();
        b.active.clear();
        b.edges.clear();
        let holders = b.exposed();
        b.active.extend(holders);
        drop(b);
        self.generation.send_modify(|g| *g += 1);
    }

    pub(super) fn save_prices(&self) {
        let bids = self.book().market.bids.clone();
        if let Err(e) = self.shared.books.put(&format!("mt5.{}.price", self.cfg.name), "bids", &bids) {
            tracing::warn!(error = %e, server = %self.cfg.name, "prices not saved");
        }
    }
}

pub(super) fn disk(e: &Problem) -> Code {
    tracing::error!(error = %e, "the books could not be written");
    Code(5)
}

/// An account's trading state, in minor units; `level` in hundredths of a percent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    pub balance: i64,
    pub credit: i64,
    pub floating: i64,
    pub margin: i64,
    pub equity: i64,
    pub free: i64,
    pub level: i64,
}

impl Book {
    pub fn account(&self, u: &User, g: &Group) -> Account {
        let (mut floating, mut margin) = (0i64, 0i64);
        for p in self.positions_of(u.login) {
            floating += self.floating(p, g);
            margin += self.margin_of(&p.symbol, p.price_open, p.volume, u.leverage, g);
        }
        let equity = u.balance + u.credit + floating;
        let level = if margin == 0 {
            0
        } else {
            i64::try_from(i128::from(equity) * 10_000 / i128::from(margin)).unwrap_or(i64::MAX)
        };
        Account {
            balance: u.balance,
            credit: u.credit,
            floating,
            margin,
            equity,
            free: equity - margin,
            level,
        }
    }
}
