//! An account: its tables behind one lock, and who is waiting for what.

use super::op::{Identity, Op};
use super::tables::Tables;
use crate::{Shared, StripeAccountConfig};
use qd_kernel::Result;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::Notify;

pub struct Account {
    pub who: Identity,
    tables: Mutex<Tables>,
    /// Idempotency keys of calls that are under way.
    busy_keys: Mutex<HashSet<String>>,
    /// Something new may be due.
    pub wake: Notify,
}

/// What a call is known by.
#[derive(Clone, Default)]
pub struct CallId {
    pub request: Option<String>,
    pub key: Option<String>,
}

impl Account {
    pub fn open(cfg: &StripeAccountConfig, shared: &Shared) -> Result<Account> {
        let digest = hex::encode(Sha256::digest(&cfg.connection));
        let who = Identity {
            connection: cfg.connection.clone(),
            id: format!("acct_1{}", &digest[..15]),
            secret_key: cfg.secret_key.clone(),
            webhook_secret: cfg.webhook_secret.clone(),
        };
        let tables = Tables::load(&cfg.connection, &shared.books)?;
        Ok(Account {
            who,
            tables: Mutex::new(tables),
            busy_keys: Mutex::default(),
            wake: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(|p| p.into_inner())
    }

    /// Carries `f` out under the lock and writes what it changed; wakes the deliverer.
    pub fn run<R>(&self, shared: &Shared, call: CallId, f: impl FnOnce(&mut Op<'_>) -> R) -> R {
        let r = self.run_quietly(shared, call, f);
        self.wake.notify_one();
        r
    }

    pub fn run_quietly<R>(&self, shared: &Shared, call: CallId, f: impl FnOnce(&mut Op<'_>) -> R) -> R {
        let mut tables = self.lock();
        let mut op = Op {
            t: &mut tables,
            who: &self.who,
            shared,
            now: shared.env.now(),
            request: call.request,
            key: call.key,
        };
        let r = f(&mut op);
        if let Err(e) = tables.flush(&shared.books) {
            // The change stays in memory and marked; the next flush tries again.
            tracing::error!(connection = %self.who.connection, error = %e, "the Stripe sandbox could not write its books");
        }
        r
    }

    /// Claims an idempotency key for the time of a call; `None` when another call holds it.
    pub fn claim(&self, key: &str) -> Option<KeyGuard<'_>> {
        let mut busy = self.busy_keys.lock().unwrap_or_else(|p| p.into_inner());
        busy.insert(key.to_string()).then(|| KeyGuard {
            account: self,
            key: key.to_string(),
        })
    }
}

pub struct KeyGuard<'a> {
    account: &'a Account,
    key: String,
}

impl Drop for KeyGuard<'_> {
    fn drop(&mut self) {
        self.account.busy_keys.lock().unwrap_or_else(|p| p.into_inner()).remove(&self.key);
    }
}
