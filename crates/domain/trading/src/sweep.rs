//! Settings changed by hand on the platform (TP-07, back), the server's own word on itself, and
//! balances nobody asked for lately.
//!
//! The MT5 Web API pushes nothing and has no "changed since" for accounts: a look is one read of all
//! accounts of the groups. So there are two paces. All accounts are looked at in full now and then.
//! Where they are few enough that such a read is small, a quick look in between compares what it
//! reads with what the last one read and touches the database for the differences only.

use crate::jobs::{Ctx, JobResult, PLATFORM_DOWN_S, later};
use crate::{Platforms, accounts, servers, store};
use async_trait::async_trait;
use qd_kernel::{Result, Ts};
use qd_ports::platform::PlatformAccount;
use qd_runtime::Core;
use qd_runtime::jobs::{Handler, Lease};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A read of more accounts than this is too large to be made every other second.
pub const QUICK_ACCOUNTS: usize = 500;

/// Seconds between looks at a server's accounts.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// In full.
    pub all_s: i64,
    /// For changes, up to [`QUICK_ACCOUNTS`] accounts; 0 for none.
    pub quick_s: i64,
}

impl Pace {
    /// How often the job is to be woken.
    pub fn every_s(self) -> i64 {
        if self.quick_s > 0 {
            self.quick_s.min(self.all_s)
        } else {
            self.all_s
        }
    }
}

/// One per server and node. The job queue runs one at a time of them.
pub fn sweep_handler(core: &Core, platforms: &Platforms, server: &str, pace: Pace) -> Arc<dyn Handler> {
    Arc::new(Sweep {
        ctx: Ctx {
            core: core.clone(),
            platforms: platforms.clone(),
        },
        server: server.to_string(),
        kind: Box::leak(format!("trading.sweep.{server}").into_boxed_str()),
        pace,
        last: Mutex::new(None),
    })
}

struct Sweep {
    ctx: Ctx,
    server: String,
    kind: &'static str,
    pace: Pace,
    /// What this node has seen; another node starts with a full look.
    last: Mutex<Option<Seen>>,
}

/// The last full look, and each account's settings at the last look of any kind.
struct Seen {
    full_at: Ts,
    settings: HashMap<String, String>,
}

/// What a person may change by hand there.
fn settings(a: &PlatformAccount) -> String {
    format!("{:?}|{}|{}", a.rights, a.group, a.leverage)
}

impl Sweep {
    fn seen<T>(&self, f: impl FnOnce(&mut Option<Seen>) -> T) -> T {
        f(&mut self.last.lock().unwrap_or_else(|p| p.into_inner()))
    }

    async fn mask(&self) -> Result<String> {
        let server = self.server.clone();
        let row = self.ctx.core.db.read(async move |tx| store::server(tx, &server).await).await?;
        Ok(row.map_or_else(|| "*".into(), |s| s.group_mask))
    }

    /// `asked_at`: when the reading was asked for. Whatever we have settled ourselves since then is
    /// newer than what it says.
    async fn take(&self, read: Vec<PlatformAccount>, asked_at: Ts) -> Result<()> {
        for chunk in read.chunks(500) {
            let (c, server, chunk) = (self.ctx.core.clone(), self.server.clone(), chunk.to_vec());
            self.ctx
                .core
                .db
                .write(async move |tx| {
                    for s in &chunk {
                        if let Some(a) = store::account_by_login(tx, &server, &s.login).await?
                            && a.sync_since < asked_at
                        {
                            accounts::confirmed(tx, &c, a.id, s, None).await?;
                        }
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }

    async fn quick(&self) -> JobResult {
        let platform = self.ctx.platforms.get(&self.server)?;
        let mask = self.mask().await?;
        let asked_at = self.ctx.core.now();
        let read = platform.accounts(&mask).await.map_err(|e| later(&e, PLATFORM_DOWN_S))?;
        let changed: Vec<PlatformAccount> = self.seen(|last| match last {
            None => Vec::new(),
            Some(seen) => read
                .into_iter()
                .filter(|a| seen.settings.get(&a.login).is_none_or(|was| *was != settings(a)))
                .collect(),
        });
        if changed.is_empty() {
            return Ok(());
        }
        let now: Vec<(String, String)> = changed.iter().map(|a| (a.login.clone(), settings(a))).collect();
        self.take(changed, asked_at).await?;
        self.seen(|last| {
            if let Some(seen) = last {
                seen.settings.extend(now);
            }
        });
        Ok(())
    }

    async fn full(&self) -> JobResult {
        let Ctx { core, platforms } = &self.ctx;
        let platform = platforms.get(&self.server)?;
        let mask = self.mask().await?;
        match platform.server_info().await {
            Ok(info) => {
                self.ctx.health(&self.server, Ok(serde_json::to_string(&info).ok())).await;
                let tested = platform_tested(platforms, &self.server, &info.build);
                let (c, server) = (core.clone(), self.server.clone());
                core.db
                    .write(async move |tx| servers::note_build(tx, &c, &server, &info.build, tested).await)
                    .await?;
            }
            Err(e) => {
                self.ctx.health(&self.server, Err(&e)).await;
                return Err(later(&e, PLATFORM_DOWN_S));
            }
        }
        let asked_at = core.now();
        let read = platform.accounts(&mask).await.map_err(|e| later(&e, PLATFORM_DOWN_S))?;
        let seen = (read.len() <= QUICK_ACCOUNTS).then(|| read.iter().map(|a| (a.login.clone(), settings(a))).collect());
        self.take(read, asked_at).await?;
        let (server, before) = (self.server.clone(), core.now().plus_secs(-60));
        let stale = core
            .db
            .read(async move |tx| store::stalest_ready(tx, &server, before, 20).await)
            .await?;
        for (id, login) in stale {
            let state = platform.account_state(&login).await.map_err(|e| later(&e, PLATFORM_DOWN_S))?;
            core.db.write(async move |tx| accounts::reading(tx, id, &state).await).await?;
        }
        self.seen(|last| {
            *last = Some(Seen {
                full_at: asked_at,
                settings: seen.unwrap_or_default(),
            });
        });
        Ok(())
    }
}

fn platform_tested(platforms: &Platforms, server: &str, build: &str) -> bool {
    platforms.capabilities(server).is_some_and(|c| c.tested(build))
}

#[async_trait]
impl Handler for Sweep {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn run(&self, _lease: &Lease) -> JobResult {
        if self.ctx.paused(&self.server).await? {
            return Ok(());
        }
        let now = self.ctx.core.now();
        let (due, small) = self.seen(|last| match last {
            None => (true, false),
            Some(s) => (now.secs_since(s.full_at) >= self.pace.all_s, !s.settings.is_empty()),
        });
        match (due, small && self.pace.quick_s > 0) {
            (true, _) => self.full().await,
            (false, true) => self.quick().await,
            // Too many for that: their turn comes with the next full look.
            (false, false) => Ok(()),
        }
    }
}
