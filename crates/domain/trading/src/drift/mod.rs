//! Drift: what a server says against what we have of it. Asked for by the clock or by a person,
//! carried out by a job that reads whole groups, never one account after another.
//!
//! | kind | ours | theirs | what is done |
//! | --- | --- | --- | --- |
//! | balance | platform account in the ledger | balance and credit | exception for finance, with cause |
//! | credit | credit given and not taken back | credit | exception for finance |
//! | rights, group, leverage | what we want | what holds there | ours is restored where it is stricter by our word, else theirs is taken over; asked for and not done for long: exception |
//! | positions | open volume by deals | open positions | exception |
//! | deals | lots and result of the day by recorded deals | a fresh read of the day | recorded again; what still differs: exception |
//! | missing | an account with a login | no such login | exception |

mod compare;
mod run;

pub use crate::store_drift::LoginRow;
pub(crate) use run::Drift;
pub use run::due_handler;

use crate::store_drift::{self as store, FindingFilter, FindingRow, RunRow};
use crate::{Rights, TradingAccountId, servers};
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Page, PageRequest, Problem, Result, Ts, id, text_enum};
use qd_runtime::access::{Caller, Mask, Right, mask};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;

id!(DriftRunId, "drf", "One comparison of a server with what we have of it.");
id!(FindingId, "dfi", "One difference between a server and us.");

text_enum! {
    /// What differs.
    DriftKind {
        Balance = "balance",
        Credit = "credit",
        Rights = "rights",
        Group = "group",
        Leverage = "leverage",
        Positions = "positions",
        Deals = "deals",
        Missing = "missing",
    }
}
text_enum! {
    /// What the comparison itself did about a difference.
    Repair as DriftRepair {
        /// Ours was set there again.
        Restored = "restored",
        /// Theirs is ours now.
        TakenOver = "taken_over",
        /// Deals the feed had missed were recorded.
        ReadAgain = "read_again",
    }
}
text_enum! {
    RunState as DriftRunState { Waiting = "waiting", Done = "done", Failed = "failed" }
}

/// Runs older than this are forgotten; findings are kept.
pub(crate) const KEEP_RUNS_DAYS: i64 = 90;

/// One side of a day in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DriftDaySide)]
pub struct DaySide {
    /// Trades, the cancelled ones apart.
    pub trades: i64,
    /// Lots of the trades in 1e-8.
    pub volume_e8: i64,
    /// Profit, swap and commission of everything but money moves, in minor units.
    pub result_minor: i64,
    /// Balance and credit operations, in minor units.
    pub money_minor: i64,
}

/// A day (UTC) of all accounts in one currency.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DriftDay)]
pub struct Day {
    /// `2026-11-20`.
    pub day: String,
    pub currency: Currency,
    pub ours: DaySide,
    pub theirs: DaySide,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DriftRun)]
pub struct RunView {
    pub id: DriftRunId,
    pub server: String,
    /// A person, or `clock`.
    pub asked_by: String,
    pub asked_at_us: Ts,
    pub state: RunState,
    pub ended_at_us: Option<Ts>,
    pub error: Option<String>,
    pub accounts: i64,
    pub positions: i64,
    pub deals: i64,
    /// Differences that are open.
    pub differs: i64,
    /// Differences that this run has repaired.
    pub repaired: i64,
    /// Logins there that belong to no account here.
    pub unmapped: i64,
    /// The day before and this day, on both sides, without the last two minutes.
    pub days: Vec<Day>,
}

impl From<RunRow> for RunView {
    fn from(r: RunRow) -> Self {
        RunView {
            id: r.id,
            server: r.server,
            asked_by: r.asked_by,
            asked_at_us: r.asked_at,
            state: r.state,
            ended_at_us: r.ended_at,
            error: r.error,
            accounts: r.accounts,
            positions: r.positions,
            deals: r.deals,
            differs: r.differs,
            repaired: r.repaired,
            unmapped: r.unmapped,
            days: serde_json::from_str(&r.days).unwrap_or_default(),
        }
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DriftFinding)]
pub struct FindingView {
    pub id: FindingId,
    pub server: String,
    pub login: String,
    pub account_id: Option<TradingAccountId>,
    pub client_id: Option<String>,
    pub kind: DriftKind,
    /// As text: an amount, a group, `read_only`, lots.
    pub ours: String,
    pub theirs: String,
    /// Theirs less ours, where it is money.
    pub delta: Option<Amount>,
    pub cause: String,
    pub repair: Option<Repair>,
    pub first_seen_at_us: Ts,
    pub last_seen_at_us: Ts,
    /// None while it is open.
    pub ended_at_us: Option<Ts>,
}

impl From<FindingRow> for FindingView {
    fn from(f: FindingRow) -> Self {
        FindingView {
            delta: f.delta_minor.zip(f.currency).map(|(m, c)| Amount::new(m, c)),
            id: f.id,
            server: f.server,
            login: f.login,
            account_id: f.account_id,
            client_id: f.client_id,
            kind: f.kind,
            ours: f.ours,
            theirs: f.theirs,
            cause: f.cause,
            repair: f.repair,
            first_seen_at_us: f.first_seen_at,
            last_seen_at_us: f.last_seen_at,
            ended_at_us: f.ended_at,
        }
    }
}

/// A login in our groups that belongs to no account here.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UnmappedLogin)]
pub struct LoginView {
    pub server: String,
    pub login: String,
    pub group: String,
    pub leverage: i64,
    pub rights: Rights,
    pub balance: Amount,
    pub credit: Amount,
    /// Deals of it that the feed has recorded.
    pub deals: i64,
    pub first_seen_at_us: Ts,
    pub last_seen_at_us: Ts,
}

impl From<LoginRow> for LoginView {
    fn from(l: LoginRow) -> Self {
        LoginView {
            balance: Amount::new(l.balance_minor, l.currency),
            credit: Amount::new(l.credit_minor, l.currency),
            server: l.server,
            login: l.login,
            group: l.platform_group,
            leverage: l.leverage,
            rights: l.rights,
            deals: l.deals,
            first_seen_at_us: l.first_seen_at,
            last_seen_at_us: l.last_seen_at,
        }
    }
}

/// Asks for a comparison now. One that waits already is answered instead of a second one.
///
/// Errors: `server_paused` (409).
pub async fn ask(tx: &mut Tx, core: &Core, caller: &Caller, server: &str) -> Result<RunView> {
    caller.require(Right::ConnectionsManage)?;
    let s = servers::entered(tx, caller, server).await?;
    if s.paused_at.is_some() {
        return Err(Problem::conflict("server_paused", "this server is paused; resume it first"));
    }
    let (row, fresh) = begin(tx, core, &s.id, &s.entity, &caller.label()).await?;
    if fresh {
        let e = audit::Entry::new(caller, "drift.asked", format!("trading_server:{server}"))
            .entity(Some(s.entity))
            .after(json!({"run_id": row.id}));
        audit::record(tx, core, e).await?;
    }
    Ok(row.into())
}

/// The run that waits for its turn, made when there is none.
pub(crate) async fn begin(tx: &mut Tx, core: &Core, server: &str, entity: &str, by: &str) -> Result<(RunRow, bool)> {
    if let Some(r) = store::last_run(tx, server, true).await? {
        return Ok((r, false));
    }
    let now = core.now();
    let row = RunRow {
        id: DriftRunId::new(&core.env),
        server: server.into(),
        entity: entity.into(),
        asked_by: by.into(),
        asked_at: now,
        state: RunState::Waiting,
        ended_at: None,
        error: None,
        accounts: 0,
        positions: 0,
        deals: 0,
        differs: 0,
        repaired: 0,
        unmapped: 0,
        days: "[]".into(),
    };
    store::insert_run(tx, &row).await?;
    let job = NewJob::new("trading.drift", json!({"run_id": row.id}), now)
        .key(row.id.to_string())
        .lane(format!("drift:{server}"))
        .attempts(5);
    jobs::enqueue(tx, core, job).await?;
    Ok((row, true))
}

#[derive(Clone, Debug, Default)]
pub struct FindingQuery {
    pub server: Option<String>,
    pub kind: Option<DriftKind>,
    pub open: Option<bool>,
}

/// Differences, the newest first.
pub async fn findings(tx: &mut Tx, caller: &Caller, q: FindingQuery, page: &PageRequest) -> Result<Page<FindingView>> {
    caller.require(Right::ConnectionsView)?;
    let f = FindingFilter {
        entities: caller.allowed_entities(),
        server: q.server,
        kind: q.kind,
        open: q.open,
    };
    let covered = !caller.sees(Mask::Money);
    let cover = |mut f: FindingView| {
        // Amounts stand in these texts, where no key covers them.
        if covered && matches!(f.kind, DriftKind::Balance | DriftKind::Credit | DriftKind::Deals) {
            f.ours = mask::COVERED.into();
            f.theirs = mask::COVERED.into();
        }
        f
    };
    let found = store::findings(tx, &f, page).await?;
    let rows = found.into_iter().map(|r| cover(FindingView::from(r))).collect();
    Ok(page.finish(rows, |f: &FindingView| f.id.to_string()))
}

/// Of each server the caller may see: the newest run that has ended, or else the one that waits.
pub async fn runs(tx: &mut Tx, caller: &Caller, server: Option<&str>) -> Result<Vec<RunView>> {
    let mut out = Vec::new();
    for s in servers::seen(tx, caller).await? {
        if server.is_some_and(|id| id != s.id) {
            continue;
        }
        let last = match store::last_run(tx, &s.id, false).await? {
            Some(r) => Some(r),
            None => store::last_run(tx, &s.id, true).await?,
        };
        out.extend(last.map(RunView::from));
    }
    Ok(out)
}

pub async fn run(tx: &mut Tx, caller: &Caller, id: DriftRunId) -> Result<RunView> {
    let r = store::run(tx, id).await?.ok_or_else(|| Problem::missing("drift run"))?;
    servers::entered(tx, caller, &r.server).await?;
    Ok(r.into())
}

/// Logins that belong to no account here, by server and login.
pub async fn unmapped(tx: &mut Tx, caller: &Caller, server: Option<&str>, page: &PageRequest) -> Result<Page<LoginView>> {
    caller.require(Right::ConnectionsView)?;
    let rows = store::list_logins(tx, caller.allowed_entities().as_deref(), server, page)
        .await?
        .into_iter()
        .map(LoginView::from)
        .collect();
    Ok(page.finish(rows, |l: &LoginView| qd_kernel::page::join_key(&[&l.server, &l.login])))
}
