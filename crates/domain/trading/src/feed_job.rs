//! The job that reads a server's deals by the clock.

use crate::jobs::{Ctx, JobResult, later};
use crate::store::{self, CursorRow};
use crate::{Platforms, feed};
use async_trait::async_trait;
use qd_kernel::{Problem, Result};
use qd_ports::CallError;
use qd_runtime::jobs::{Handler, Lease};
use qd_runtime::{Core, exceptions};
use serde_json::json;
use std::sync::Arc;

/// A deal time may be this far ahead of our clock: the server's clock is not ours.
const CLOCK_SKEW_S: i64 = 60;

/// One per server and node; a lease inside the job queue (its lane) keeps a server's feed single.
pub fn feed_handler(core: &Core, platforms: &Platforms, server: &str) -> Arc<dyn Handler> {
    Arc::new(Feed {
        ctx: Ctx {
            core: core.clone(),
            platforms: platforms.clone(),
        },
        server: server.to_string(),
        kind: Box::leak(format!("trading.feed.{server}").into_boxed_str()),
    })
}

/// Reads new deals of one server, and at intervals the past again.
struct Feed {
    ctx: Ctx,
    server: String,
    kind: &'static str,
}

#[async_trait]
impl Handler for Feed {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn run(&self, _lease: &Lease) -> JobResult {
        let Ctx { core, platforms } = &self.ctx;
        if self.ctx.paused(&self.server).await? {
            return Ok(());
        }
        let platform = platforms.get(&self.server)?;
        let server = self.server.clone();
        let (mask, cursor) = core
            .db
            .read(async move |tx| {
                let s = store::server(tx, &server)
                    .await?
                    .ok_or_else(|| Problem::missing("trading server"))?;
                Ok((s.group_mask, store::cursor(tx, &server).await?))
            })
            .await?;
        let now = core.now();
        let mut cur = cursor.unwrap_or(CursorRow {
            server: self.server.clone(),
            watermark_at: now.plus_secs(-LONG_START_S),
            short_rescan_at: now,
            long_rescan_at: now,
            polled_at: now,
            deals_total: 0,
            lag_us: 0,
        });
        let to = now.plus_secs(CLOCK_SKEW_S);
        let long = now.secs_since(cur.long_rescan_at) >= feed::LONG_RESCAN_EVERY_S;
        let short = now.secs_since(cur.short_rescan_at) >= feed::SHORT_RESCAN_EVERY_S;
        let overlap = cur.watermark_at.plus_secs(-feed::OVERLAP_S);
        let from = if long {
            overlap.min(now.plus_secs(-feed::LONG_RESCAN_S))
        } else if short {
            overlap.min(now.plus_secs(-feed::SHORT_RESCAN_S))
        } else {
            overlap
        };
        let deals = match platform.deals(&mask, from, to).await {
            Ok(d) => d,
            Err(e) => {
                self.ctx.health(&self.server, Err(&e)).await;
                if let Some(raw) = e.raw.clone() {
                    self.unreadable(&e, raw).await?;
                }
                return Err(later(&e, 2));
            }
        };
        if long {
            cur.long_rescan_at = now;
        }
        if long || short {
            cur.short_rescan_at = now;
        }
        let newest = deals.iter().map(|d| d.at).max();
        cur.watermark_at = newest.map_or(cur.watermark_at, |n| n.max(cur.watermark_at));
        cur.polled_at = now;
        // A complete list of the window, less its ragged ends: a deal missing from the middle is gone.
        let window = (from.plus_secs(2), now.plus_secs(-feed::OVERLAP_S.min(30)));
        let window = (window.1 > window.0).then_some(window);
        let (c, server) = (core.clone(), self.server.clone());
        core.db
            .write(async move |tx| {
                let mut cur = cur.clone();
                let done = feed::ingest(tx, &c, &server, &deals, window).await?;
                cur.deals_total += i64::try_from(done.new).unwrap_or(0);
                if done.new > 0 {
                    cur.lag_us = newest.map_or(0, |n| (c.now().0 - n.0).max(0));
                }
                store::put_cursor(tx, &cur).await?;
                exceptions::resolve(
                    tx,
                    &c,
                    "platform.feed_unreadable",
                    &format!("server:{server}"),
                    "a later answer was clear",
                )
                .await?;
                store::server_ok(tx, &server, None, c.now()).await
            })
            .await?;
        Ok(())
    }
}

/// A new connection starts this far back.
const LONG_START_S: i64 = feed::LONG_RESCAN_S;

impl Feed {
    async fn unreadable(&self, e: &CallError, raw: String) -> Result<()> {
        let core = &self.ctx.core;
        let (c, server, cause) = (core.clone(), self.server.clone(), format!("{}: {}", e.code, e.detail));
        core.db
            .write(async move |tx| {
                let entity = store::server(tx, &server).await?.map(|s| s.entity);
                exceptions::raise(
                    tx,
                    &c,
                    exceptions::NewException {
                        kind: "platform.feed_unreadable",
                        subject: format!("server:{server}"),
                        entity,
                        client_id: None,
                        owner_role: "ops",
                        rule: "feed_answer_unreadable",
                        cause: cause.clone(),
                        detail: json!({"raw": raw.chars().take(20_000).collect::<String>()}),
                        retry: None,
                    },
                )
                .await
                .map(|_| ())
            })
            .await
    }
}
