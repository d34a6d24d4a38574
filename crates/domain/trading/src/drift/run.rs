//! One run: read the server by groups, repair what is safe, write down the rest.
//!
//! Both sides move while they are read. What differs is therefore read a second time, after the
//! deals of the last hour have been recorded again, and counts only where the server said the same
//! both times.

use super::compare::{self, Differs};
use super::{DriftKind, DriftRunId, FindingId, KEEP_RUNS_DAYS, Repair, RunState};
use crate::jobs::{Ctx, JobResult, PLATFORM_DOWN_S, field, later};
use crate::store_drift::{self as store, FindingRow, LoginRow, OursRow, RunRow};
use crate::{AccountKind, AccountState, Platforms, SyncState, TradingAccountId, accounts, feed, store as base};
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_ledger::Purpose;
use qd_ports::platform::{Deal, PlatformAccount, Position, TradingPlatform};
use qd_ports::{CallError, CallResult};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{Handler, Lease};
use qd_runtime::{Core, exceptions};
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// A change that is asked for and does not hold after this long is drift.
const PENDING_TOO_LONG_S: i64 = 600;
/// Positions per statement.
const IDS: usize = 400;
/// A run that nobody has ended by then never will be.
const LOST_AFTER_S: i64 = 3_600;

/// By the clock, one per server: makes the run that [`Drift`] carries out.
pub fn due_handler(core: &Core, platforms: &Platforms, server: &str) -> Arc<dyn Handler> {
    Arc::new(Due {
        ctx: Ctx {
            core: core.clone(),
            platforms: platforms.clone(),
        },
        server: server.to_string(),
        kind: Box::leak(format!("trading.drift_due.{server}").into_boxed_str()),
    })
}

struct Due {
    ctx: Ctx,
    server: String,
    kind: &'static str,
}

#[async_trait]
impl Handler for Due {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let (core, server, lease) = (self.ctx.core.clone(), self.server.clone(), lease.clone());
        self.ctx
            .core
            .db
            .write(async move |tx| {
                if let Some(s) = base::server(tx, &server).await?
                    && s.paused_at.is_none()
                {
                    if let Some(mut lost) = store::last_run(tx, &server, true).await?
                        && core.now().secs_since(lost.asked_at) > LOST_AFTER_S
                    {
                        lost.state = RunState::Failed;
                        lost.ended_at = Some(core.now());
                        lost.error = Some("it was never finished".into());
                        store::end_run(tx, &lost).await?;
                    }
                    super::begin(tx, &core, &server, &s.entity, "clock").await?;
                    store::forget_runs(tx, &server, core.now().plus_days(-KEEP_RUNS_DAYS)).await?;
                }
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// Carries out a run.
pub(crate) struct Drift(pub(crate) Ctx);

#[async_trait]
impl Handler for Drift {
    fn kind(&self) -> &'static str {
        "trading.drift"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: DriftRunId = field(&lease.payload, "run_id")?;
        let (run, server) = core
            .db
            .read(async move |tx| {
                let run = store::run(tx, id).await?.ok_or_else(|| Problem::missing("drift run"))?;
                let s = base::server(tx, &run.server)
                    .await?
                    .ok_or_else(|| Problem::missing("trading server"))?;
                Ok((run, s))
            })
            .await?;
        if run.state != RunState::Waiting {
            return Ok(());
        }
        if server.paused_at.is_some() {
            return self.failed(lease, run, "the server is paused").await;
        }
        let mut job = Run {
            ctx: &self.0,
            platform: self.0.platforms.get(&run.server)?,
            server: run.server.clone(),
            mask: server.group_mask,
            row: run.clone(),
            found: Vec::new(),
        };
        match job.all(lease).await {
            Ok(()) => Ok(()),
            Err(Stop::Call(e)) => {
                self.0.health(&run.server, Err(&e)).await;
                if lease.is_last_attempt() {
                    return self.failed(lease, run, &format!("{}: {}", e.code, e.detail)).await;
                }
                Err(later(&e, PLATFORM_DOWN_S))
            }
            Err(Stop::House(p)) => Err(p.into()),
        }
    }
}

impl Drift {
    async fn failed(&self, lease: &Lease, run: RunRow, why: &str) -> JobResult {
        let (core, lease, why) = (self.0.core.clone(), lease.clone(), why.to_string());
        self.0
            .core
            .db
            .write(async move |tx| {
                let mut run = run.clone();
                run.state = RunState::Failed;
                run.ended_at = Some(core.now());
                run.error = Some(why.clone());
                store::end_run(tx, &run).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// Why a run stops.
enum Stop {
    Call(CallError),
    House(Problem),
}
impl From<CallError> for Stop {
    fn from(e: CallError) -> Self {
        Stop::Call(e)
    }
}
impl From<Problem> for Stop {
    fn from(p: Problem) -> Self {
        Stop::House(p)
    }
}
type Step<T> = std::result::Result<T, Stop>;

/// What a read of the server said.
struct Reading {
    accounts: Vec<PlatformAccount>,
    positions: Vec<Position>,
}

/// Our side, read in one transaction after the server's.
struct Books {
    ledger: HashMap<TradingAccountId, i64>,
    credit: HashMap<TradingAccountId, i64>,
    under_way: HashSet<TradingAccountId>,
    /// By login and position: open volume, and whether its first deal is known.
    positions: HashMap<(String, String), (i64, bool)>,
    since: Ts,
}

/// A difference with what was done about it.
#[derive(Clone)]
struct Found {
    d: Differs,
    repair: Option<Repair>,
    cause: String,
}

struct Run<'a> {
    ctx: &'a Ctx,
    platform: Arc<dyn TradingPlatform>,
    server: String,
    mask: String,
    row: RunRow,
    found: Vec<Found>,
}

impl Run<'_> {
    fn core(&self) -> &Core {
        &self.ctx.core
    }

    async fn ours(&self) -> Result<Vec<OursRow>> {
        let server = self.server.clone();
        self.core().db.read(async move |tx| store::ours(tx, &server).await).await
    }

    async fn all(&mut self, lease: &Lease) -> Step<()> {
        let ours = self.ours().await?;
        let known: HashMap<&str, &OursRow> = ours.iter().map(|a| (a.login.as_str(), a)).collect();
        self.days(&known).await?;
        let asked_at = self.core().now();
        let first = self.read().await?;
        self.row.accounts = count(first.accounts.iter().filter(|a| known.contains_key(a.login.as_str())).count());
        self.row.positions = count(first.positions.iter().filter(|p| known.contains_key(p.login.as_str())).count());
        self.settings(&known, &first.accounts, asked_at).await?;
        let mut differs = self.differs(&known, &first, None).await?;
        if !differs.is_empty() {
            let now = self.core().now();
            let deals = self.deals(now.plus_secs(-feed::SHORT_RESCAN_S)).await?;
            self.record(deals, now.plus_secs(-feed::SHORT_RESCAN_S)).await?;
            let second = self.read().await?;
            differs = self.differs(&known, &second, Some(&first)).await?;
        }
        for d in differs {
            let cause = self.cause(&known, &d).await?;
            self.found.push(Found { d, repair: None, cause });
        }
        let strangers = self.strangers(&known, &first.accounts).await?;
        self.write(lease, &known, strangers).await
    }

    async fn read(&self) -> CallResult<Reading> {
        let positions = self.platform.open_positions(&self.mask).await?;
        let accounts = self.platform.accounts(&self.mask).await?;
        Ok(Reading { accounts, positions })
    }

    async fn deals(&self, from: Ts) -> CallResult<Vec<Deal>> {
        self.platform.deals(&self.mask, from, self.core().now().plus_secs(60)).await
    }

    /// As the feed would: known ones change nothing.
    async fn record(&self, deals: Vec<Deal>, from: Ts) -> Result<feed::Ingested> {
        let (core, server) = (self.core().clone(), self.server.clone());
        let window = (from.plus_secs(2), core.now().plus_secs(-30));
        let window = (window.1 > window.0).then_some(window);
        self.core()
            .db
            .write(async move |tx| feed::ingest(tx, &core, &server, &deals, window).await)
            .await
    }

    async fn our_days(&self, from: Ts, to: Ts) -> Result<compare::Days> {
        let server = self.server.clone();
        let rows = self
            .core()
            .db
            .read(async move |tx| store::day_deals(tx, &server, from, to).await)
            .await?;
        Ok(compare::our_days(&rows))
    }

    /// Yesterday and today, on both sides; what the feed has missed is recorded.
    async fn days(&mut self, known: &HashMap<&str, &OursRow>) -> Step<()> {
        let now = self.core().now();
        let today = now.secs().div_euclid(86_400);
        let from = Ts::from_secs((today - 1) * 86_400);
        // What is newer may be on its way in the feed.
        let to = now.plus_secs(-feed::OVERLAP_S);
        let before = self.our_days(from, to).await?;
        let deals = self.deals(from).await?;
        let theirs = compare::their_days(&deals, known, from, to);
        self.row.deals = count(deals.len());
        let missed = compare::days_differ(&before, &theirs, known);
        self.record(deals, from).await?;
        let after = self.our_days(from, to).await?;
        let left = compare::days_differ(&after, &theirs, known);
        let still: HashSet<&str> = left.iter().map(|d| d.login.as_str()).collect();
        for d in missed.into_iter().filter(|d| !still.contains(d.login.as_str())) {
            self.found.push(Found {
                d,
                repair: Some(Repair::ReadAgain),
                cause: "the feed had missed deals of these days; they are recorded now".into(),
            });
        }
        for d in left {
            self.found.push(Found {
                d,
                repair: None,
                cause: "the server lists other deals of these days than are recorded here, also after reading them again".into(),
            });
        }
        self.row.days = serde_json::to_string(&compare::day_totals(&after, &theirs, known)).map_err(|e| Stop::House(Problem::from(e)))?;
        Ok(())
    }

    /// What was changed there by hand is taken over or put back, as the sweep would; what was asked
    /// for long ago and does not hold is written down.
    async fn settings(&mut self, known: &HashMap<&str, &OursRow>, seen: &[PlatformAccount], asked_at: Ts) -> Step<()> {
        let now = self.core().now();
        for s in seen {
            let Some(a) = known.get(s.login.as_str()) else { continue };
            let differs = compare::settings(a, s);
            if differs.is_empty() || a.sync_since >= asked_at {
                continue;
            }
            if a.sync_state == SyncState::Synced {
                let (core, id, s) = (self.core().clone(), a.id, s.clone());
                let after = self
                    .core()
                    .db
                    .write(async move |tx| {
                        accounts::confirmed(tx, &core, id, &s, None).await?;
                        base::account(tx, id).await
                    })
                    .await?;
                let restored = after.is_some_and(|r| r.sync_state == SyncState::Pending);
                for d in differs {
                    let (repair, cause) = if restored && d.kind == DriftKind::Rights {
                        (
                            Repair::Restored,
                            "the restriction set here was lifted on the platform; it is set there again",
                        )
                    } else {
                        (Repair::TakenOver, "changed on the platform; what holds there is shown here now")
                    };
                    self.found.push(Found {
                        d,
                        repair: Some(repair),
                        cause: cause.into(),
                    });
                }
            } else if a.sync_state == SyncState::Failed || now.secs_since(a.sync_since) > PENDING_TOO_LONG_S {
                let cause = format!("asked for {} s ago and it does not hold there", now.secs_since(a.sync_since));
                self.found.extend(differs.into_iter().map(|d| Found {
                    d,
                    repair: None,
                    cause: cause.clone(),
                }));
            }
        }
        Ok(())
    }

    async fn books(&self, known: &HashMap<&str, &OursRow>, there: &[Position]) -> Result<Books> {
        let now = self.core().now();
        let server = self.server.clone();
        let mut owners: Vec<String> = known.values().map(|a| format!("tacc:{}", a.id)).collect();
        owners.sort_unstable();
        let ids: HashMap<String, TradingAccountId> = known.values().map(|a| (format!("tacc:{}", a.id), a.id)).collect();
        let open: Vec<String> = there
            .iter()
            .filter(|p| known.contains_key(p.login.as_str()))
            .map(|p| p.position_id.clone())
            .collect();
        self.core()
            .db
            .read(async move |tx| {
                let mut ledger = HashMap::new();
                if let (Some(first), Some(last)) = (owners.first(), owners.last()) {
                    for (key, balance) in qd_ledger::balances_between(tx, Purpose::Platform, first, last).await? {
                        if let Some(id) = ids.get(&key.owner) {
                            *ledger.entry(*id).or_insert(0) += balance.balance_minor;
                        }
                    }
                }
                let credit = store::credits(tx, &server).await?.into_iter().collect();
                let under_way = store::money_under_way(tx, &server).await?.into_iter().map(|r| r.0).collect();
                let touched = store::touched_positions(tx, &server, now.plus_days(-2)).await?;
                let mut wanted = open.clone();
                wanted.extend(touched.into_iter().map(|r| r.0));
                wanted.sort_unstable();
                wanted.dedup();
                let mut positions = HashMap::new();
                for chunk in wanted.chunks(IDS) {
                    for (login, position, volume, first) in store::positions_by_deals(tx, &server, chunk).await? {
                        positions.insert((login, position), (volume, first == 1));
                    }
                }
                let since = store::first_deal_at(tx, &server).await?.unwrap_or(now);
                Ok(Books {
                    ledger,
                    credit,
                    under_way,
                    positions,
                    since,
                })
            })
            .await
    }

    /// Money, positions and missing logins. `before`: an earlier read; what it says otherwise is
    /// moving, and nobody's to judge now.
    async fn differs(&self, known: &HashMap<&str, &OursRow>, now: &Reading, before: Option<&Reading>) -> Result<Vec<Differs>> {
        let books = self.books(known, &now.positions).await?;
        let earlier: Option<HashMap<&str, (i64, i64)>> = before.map(|r| {
            let pair = |a: &PlatformAccount| (a.balance_minor, a.credit_minor);
            r.accounts.iter().map(|a| (a.login.as_str(), pair(a))).collect()
        });
        let mut out = Vec::new();
        let there: HashSet<&str> = now.accounts.iter().map(|a| a.login.as_str()).collect();
        for s in &now.accounts {
            let Some(a) = known.get(s.login.as_str()) else { continue };
            let moving = earlier
                .as_ref()
                .is_some_and(|e| e.get(s.login.as_str()) != Some(&(s.balance_minor, s.credit_minor)));
            // Play money is in no book of ours.
            if a.kind != AccountKind::Live || moving || books.under_way.contains(&a.id) {
                continue;
            }
            let of = |m: &HashMap<TradingAccountId, i64>| m.get(&a.id).copied().unwrap_or(0);
            out.extend(compare::money(a, s, of(&books.ledger), of(&books.credit)));
        }
        for a in known.values() {
            let gone_before = earlier.as_ref().is_none_or(|e| !e.contains_key(a.login.as_str()));
            if !there.contains(a.login.as_str()) && gone_before {
                out.push(Differs {
                    login: a.login.clone(),
                    kind: DriftKind::Missing,
                    ours: a.platform_group.clone(),
                    theirs: String::new(),
                    delta: None,
                });
            }
        }
        let volumes = |r: &Reading| -> HashMap<String, i64> { r.positions.iter().map(|p| (p.position_id.clone(), p.volume.0)).collect() };
        let (was, is) = (before.map(&volumes), volumes(now));
        let unsettled = |id: &str| was.as_ref().is_some_and(|w| w.get(id) != is.get(id));
        out.extend(compare::positions(&books.positions, &now.positions, known, books.since, unsettled));
        Ok(out)
    }

    async fn cause(&self, known: &HashMap<&str, &OursRow>, d: &Differs) -> Result<String> {
        let Some(a) = known.get(d.login.as_str()) else {
            return Ok(String::new());
        };
        let id = a.id;
        Ok(match d.kind {
            DriftKind::Balance => {
                let sums = self.core().db.read(async move |tx| store::explained(tx, id).await).await?;
                let delta = d.delta.map_or(0, |x| x.minor);
                if sums.foreign_minor != 0 && sums.foreign_minor == delta {
                    "booked on the platform without an order of ours".into()
                } else if sums.now_minor != sums.first_minor && sums.first_minor.saturating_sub(sums.now_minor) == delta {
                    "deals were edited or deleted on the platform, and its balance was not corrected".into()
                } else {
                    "not explained by the deals we know: the balance there is not the sum of its history, or deals are missing".into()
                }
            }
            DriftKind::Credit => "credit was given, taken or used up on the platform without an order of ours".into(),
            DriftKind::Positions => "the server's open positions are not those of its deals".into(),
            DriftKind::Missing => match self.platform.account(&d.login).await {
                Ok(Some(there)) => format!("moved to the group {}, which is not among ours", there.group),
                Ok(None) => "deleted or archived on the platform".into(),
                Err(e) => format!("no longer in our groups, and asked for it alone the server says {}", e.code),
            },
            DriftKind::Rights | DriftKind::Group | DriftKind::Leverage | DriftKind::Deals => String::new(),
        })
    }

    /// Logins that belong to nobody here. One that is being opened right now is somebody's.
    async fn strangers(&self, known: &HashMap<&str, &OursRow>, seen: &[PlatformAccount]) -> Result<Vec<PlatformAccount>> {
        let server = self.server.clone();
        let all: Vec<PlatformAccount> = seen.iter().filter(|s| !known.contains_key(s.login.as_str())).cloned().collect();
        self.core()
            .db
            .read(async move |tx| {
                let mut out = Vec::new();
                for s in &all {
                    let own = s.our_ref.as_deref().and_then(|r| TradingAccountId::parse(r).ok());
                    let opening = match own {
                        Some(id) => base::account(tx, id).await?.is_some_and(|a| a.state != AccountState::Ready),
                        None => false,
                    };
                    if !opening && base::account_by_login(tx, &server, &s.login).await?.is_none() {
                        out.push(s.clone());
                    }
                }
                Ok(out)
            })
            .await
    }

    async fn write(&mut self, lease: &Lease, known: &HashMap<&str, &OursRow>, strangers: Vec<PlatformAccount>) -> Step<()> {
        let ours: HashMap<String, OursRow> = known.values().map(|a| (a.login.clone(), (*a).clone())).collect();
        let (core, lease, row, found) = (self.core().clone(), lease.clone(), self.row.clone(), self.found.clone());
        self.core()
            .db
            .write(async move |tx| {
                let mut row = row.clone();
                let rows = findings(&core, &row, &ours, &found);
                settle(tx, &core, &row, &rows).await?;
                row.unmapped = note_strangers(tx, &core, &row, &strangers).await?;
                row.state = RunState::Done;
                row.ended_at = Some(core.now());
                row.differs = count(rows.iter().filter(|f| f.ended_at.is_none()).count());
                row.repaired = count(rows.iter().filter(|f| f.ended_at.is_some()).count());
                store::end_run(tx, &row).await?;
                let ev = NewEvent {
                    kind: "trading.drift_compared",
                    aggregate: format!("server:{}", row.server),
                    entity: Some(row.entity.clone()),
                    payload: json!({"run_id": row.id, "server": row.server, "differs": row.differs, "repaired": row.repaired, "unmapped": row.unmapped}),
                };
                events::publish(tx, &core, ev).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn findings(core: &Core, run: &RunRow, ours: &HashMap<String, OursRow>, found: &[Found]) -> Vec<FindingRow> {
    let now = core.now();
    found
        .iter()
        .map(|f| {
            let a = ours.get(&f.d.login);
            FindingRow {
                id: FindingId::new(&core.env),
                server: run.server.clone(),
                entity: a.map_or_else(|| run.entity.clone(), |a| a.entity.clone()),
                login: f.d.login.clone(),
                account_id: a.map(|a| a.id),
                client_id: a.map(|a| a.client_id.clone()),
                kind: f.d.kind,
                ours: f.d.ours.clone(),
                theirs: f.d.theirs.clone(),
                delta_minor: f.d.delta.map(|x| x.minor),
                currency: f.d.delta.map(|x| x.currency),
                cause: f.cause.clone(),
                repair: f.repair,
                first_seen_at: now,
                last_seen_at: now,
                ended_at: f.repair.is_some().then_some(now),
            }
        })
        .collect()
}

/// The exception a difference is, and whose.
fn exception_of(kind: DriftKind) -> (&'static str, &'static str) {
    match kind {
        DriftKind::Balance => ("platform.drift_balance", "finance"),
        DriftKind::Credit => ("platform.drift_credit", "finance"),
        DriftKind::Rights | DriftKind::Group | DriftKind::Leverage => ("platform.drift_settings", "ops"),
        DriftKind::Positions => ("platform.drift_positions", "ops"),
        DriftKind::Deals => ("platform.drift_deals", "ops"),
        DriftKind::Missing => ("platform.drift_missing", "ops"),
    }
}

fn subject(f: &FindingRow) -> String {
    let of = f
        .account_id
        .map_or_else(|| format!("login:{}:{}", f.server, f.login), |id| format!("tacc:{id}"));
    match f.kind {
        DriftKind::Rights | DriftKind::Group | DriftKind::Leverage => format!("{of}:{}", f.kind),
        DriftKind::Balance | DriftKind::Credit | DriftKind::Positions | DriftKind::Deals | DriftKind::Missing => of,
    }
}

/// Brings the open findings and their exceptions to what this run has found.
async fn settle(tx: &mut Tx, core: &Core, run: &RunRow, rows: &[FindingRow]) -> Result<()> {
    let now = core.now();
    let mut open: BTreeMap<(String, DriftKind), FindingRow> = store::open_findings(tx, &run.server)
        .await?
        .into_iter()
        .map(|f| ((f.login.clone(), f.kind), f))
        .collect();
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for f in rows {
        if f.repair.is_some() {
            new.push(f.clone());
            continue;
        }
        match open.remove(&(f.login.clone(), f.kind)) {
            Some(old) => changed.push(FindingRow {
                ours: f.ours.clone(),
                theirs: f.theirs.clone(),
                delta_minor: f.delta_minor,
                cause: f.cause.clone(),
                last_seen_at: now,
                ..old
            }),
            None => new.push(f.clone()),
        }
        let (kind, owner_role) = exception_of(f.kind);
        let e = exceptions::NewException {
            kind,
            subject: subject(f),
            entity: Some(f.entity.clone()),
            client_id: f.client_id.clone(),
            owner_role,
            rule: "platform_drift",
            cause: format!("{} login {}: here {}, there {}: {}", f.server, f.login, f.ours, f.theirs, f.cause),
            detail: json!({"run_id": run.id, "account_id": f.account_id, "ours": f.ours, "theirs": f.theirs}),
            retry: None,
        };
        exceptions::raise(tx, core, e).await?;
    }
    for (_, old) in open {
        exceptions::resolve(
            tx,
            core,
            exception_of(old.kind).0,
            &subject(&old),
            "a later comparison found no difference",
        )
        .await?;
        changed.push(FindingRow {
            ended_at: Some(now),
            ..old
        });
    }
    store::update_findings(tx, &changed).await?;
    store::insert_findings(tx, &new).await
}

/// Keeps the list of logins that belong to nobody here; how many there are.
async fn note_strangers(tx: &mut Tx, core: &Core, run: &RunRow, seen: &[PlatformAccount]) -> Result<i64> {
    let now = core.now();
    let deals: HashMap<String, i64> = store::ownerless_deals(tx, &run.server).await?.into_iter().collect();
    let rows: Vec<LoginRow> = seen
        .iter()
        .map(|s| LoginRow {
            server: run.server.clone(),
            login: s.login.clone(),
            entity: run.entity.clone(),
            platform_group: s.group.clone(),
            currency: s.currency,
            leverage: i64::from(s.leverage),
            rights: s.rights.into(),
            our_ref: s.our_ref.clone(),
            balance_minor: s.balance_minor,
            credit_minor: s.credit_minor,
            deals: deals.get(&s.login).copied().unwrap_or(0),
            first_seen_at: now,
            last_seen_at: now,
        })
        .collect();
    let still: HashSet<&str> = seen.iter().map(|s| s.login.as_str()).collect();
    let gone: Vec<String> = store::logins(tx, &run.server)
        .await?
        .into_iter()
        .map(|l| l.login)
        .filter(|l| !still.contains(l.as_str()))
        .collect();
    store::remove_logins(tx, &run.server, &gone).await?;
    store::put_logins(tx, &rows).await?;
    let subject = format!("server:{}", run.server);
    if rows.is_empty() {
        exceptions::resolve(tx, core, "platform.logins_unmapped", &subject, "every login belongs to an account").await?;
        return Ok(0);
    }
    let traded = rows.iter().filter(|r| r.deals > 0).count();
    let e = exceptions::NewException {
        kind: "platform.logins_unmapped",
        subject,
        entity: Some(run.entity.clone()),
        client_id: None,
        owner_role: "ops",
        rule: "platform_login_unknown",
        cause: format!(
            "{} logins of {} belong to no account here; {traded} of them have traded",
            rows.len(),
            run.server
        ),
        detail: json!({"run_id": run.id, "logins": rows.iter().take(50).map(|r| r.login.as_str()).collect::<Vec<_>>()}),
        retry: None,
    };
    exceptions::raise(tx, core, e).await?;
    Ok(count(rows.len()))
}
