//! Logins that were on a server before us: a job proposes whose they are, people decide, and a
//! decided login becomes an account with the balance it came with.
//!
//! | state | what is known |
//! | --- | --- |
//! | proposed | one client fits clearly better than any other |
//! | conflict | two clients fit about as well, or the login is another client's account here |
//! | stranger | nobody fits |
//! | accepted | it is an account here |
//! | refused | a person said no; proposed again only when somebody else fits best |

mod job;

pub(crate) use job::{Adopt, Propose};

use crate::store_mapping::{self as store, Filter, MappingRow, RunRow};
use crate::{AccountKind, AccountState, Rights, SyncState, TradingAccountId, accounts, servers, store as base};
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Currency, Page, PageRequest, Problem, Result, Ts, id, text_enum};
use qd_runtime::access::{Caller, Right};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::tenancy;
use qd_runtime::{Core, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;

id!(MappingRunId, "mpr", "One search for the owners of a server's logins.");
id!(MappingId, "lmp", "Whose a login may be.");

text_enum! {
    MappingState { Proposed = "proposed", Conflict = "conflict", Stranger = "stranger", Accepted = "accepted", Refused = "refused" }
}
text_enum! {
    Conflict as MappingConflict {
        TwoClients = "two_clients",
        /// The login is an account here, and its holder there looks like somebody else.
        LoginTaken = "login_taken",
    }
}
text_enum! {
    RunState as MappingRunState { Waiting = "waiting", Done = "done", Failed = "failed" }
}
text_enum! {
    /// What of a login's record is a client's own.
    Reason as MappingReason { OurRef = "our_ref", Email = "email", Phone = "phone", Name = "name" }
}

impl Reason {
    /// Points of 100. A name is shared, a telephone in families.
    fn points(self) -> i64 {
        match self {
            Reason::OurRef => 100,
            Reason::Email => 60,
            Reason::Phone => 25,
            Reason::Name => 15,
        }
    }
}

/// Less says nothing.
pub const MIN_SCORE: i64 = 25;
/// Two clients nearer to each other than this are for a person to tell apart.
pub const CLEAR_BY: i64 = 15;
/// Decisions in one request.
pub const MAX_DECISIONS: usize = 500;
/// The rule book of an account that came this way.
pub const IMPORTED: &str = "import";
/// The type of one whose group no account type of the entity names.
const NO_TYPE: &str = "imported";

/// A client a login may belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = MappingCandidate)]
pub struct Candidate {
    pub client_id: String,
    /// Of 100.
    pub score: i64,
    pub reasons: Vec<Reason>,
}

impl Candidate {
    pub(crate) fn of(client_id: String, reasons: Vec<Reason>) -> Candidate {
        Candidate {
            client_id,
            score: reasons.iter().map(|r| r.points()).sum::<i64>().min(100),
            reasons,
        }
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MappingRun)]
pub struct RunView {
    pub id: MappingRunId,
    pub server: String,
    pub asked_by: String,
    pub asked_at_us: Ts,
    pub state: RunState,
    pub ended_at_us: Option<Ts>,
    pub error: Option<String>,
    /// Logins looked at.
    pub logins: i64,
    pub proposed: i64,
    pub conflicts: i64,
    pub strangers: i64,
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
            logins: r.logins,
            proposed: r.proposed,
            conflicts: r.conflicts,
            strangers: r.strangers,
        }
    }
}

#[derive(Clone, Serialize, utoipa::ToSchema)]
#[schema(as = LoginMapping)]
pub struct MappingView {
    pub id: MappingId,
    pub server: String,
    pub login: String,
    pub group: String,
    pub currency: Currency,
    pub leverage: i64,
    pub rights: Rights,
    /// The holder as the server shows them.
    pub name: String,
    pub email: String,
    pub phone: String,
    pub state: MappingState,
    pub conflict: Option<Conflict>,
    /// The one proposed or accepted.
    pub client_id: Option<String>,
    pub score: i64,
    /// The best first.
    pub candidates: Vec<Candidate>,
    /// What it became, or the account that has the login.
    pub account_id: Option<TradingAccountId>,
    pub decided_by: Option<String>,
    pub decided_at_us: Option<Ts>,
    pub reason: Option<String>,
    pub made_at_us: Ts,
}

impl From<MappingRow> for MappingView {
    fn from(m: MappingRow) -> Self {
        MappingView {
            candidates: serde_json::from_str(&m.candidates).unwrap_or_default(),
            id: m.id,
            server: m.server,
            login: m.login,
            group: m.platform_group,
            currency: m.currency,
            leverage: m.leverage,
            rights: m.rights,
            name: m.name,
            email: m.email,
            phone: m.phone,
            state: m.state,
            conflict: m.conflict,
            client_id: m.client_id,
            score: m.score,
            account_id: m.account_id,
            decided_by: m.decided_by,
            decided_at_us: m.decided_at,
            reason: m.reason,
            made_at_us: m.made_at,
        }
    }
}

/// Asks for proposals for every login of the server's groups. A run that waits already is answered
/// instead of a second one.
///
/// Errors: `server_paused` (409).
pub async fn ask(tx: &mut Tx, core: &Core, caller: &Caller, server: &str) -> Result<RunView> {
    caller.require(Right::ConnectionsManage)?;
    let s = servers::entered(tx, caller, server).await?;
    if s.paused_at.is_some() {
        return Err(Problem::conflict("server_paused", "this server is paused; resume it first"));
    }
    let now = core.now();
    if let Some(r) = store::waiting_run(tx, server, now.plus_secs(-3_600)).await? {
        return Ok(r.into());
    }
    let row = RunRow {
        id: MappingRunId::new(&core.env),
        server: s.id.clone(),
        entity: s.entity.clone(),
        asked_by: caller.label(),
        asked_at: now,
        state: RunState::Waiting,
        ended_at: None,
        error: None,
        logins: 0,
        proposed: 0,
        conflicts: 0,
        strangers: 0,
    };
    store::insert_run(tx, &row).await?;
    let job = NewJob::new("trading.map", json!({"run_id": row.id}), now)
        .key(row.id.to_string())
        .lane(format!("map:{server}"))
        .attempts(5);
    jobs::enqueue(tx, core, job).await?;
    let e = audit::Entry::new(caller, "mapping.asked", format!("trading_server:{server}"))
        .entity(Some(s.entity))
        .after(json!({"run_id": row.id}));
    audit::record(tx, core, e).await?;
    Ok(row.into())
}

pub async fn run(tx: &mut Tx, caller: &Caller, id: MappingRunId) -> Result<RunView> {
    let r = store::run(tx, id).await?.ok_or_else(|| Problem::missing("mapping run"))?;
    servers::entered(tx, caller, &r.server).await?;
    Ok(r.into())
}

#[derive(Clone, Debug, Default)]
pub struct MappingQuery {
    pub server: Option<String>,
    pub state: Option<MappingState>,
}

/// Proposals and what became of them, in the order they were made.
pub async fn list(tx: &mut Tx, caller: &Caller, q: MappingQuery, page: &PageRequest) -> Result<Page<MappingView>> {
    caller.require(Right::ConnectionsView)?;
    let f = Filter {
        entities: caller.allowed_entities(),
        server: q.server,
        state: q.state,
    };
    let rows = store::list(tx, &f, page).await?.into_iter().map(MappingView::from).collect();
    Ok(page.finish(rows, |m: &MappingView| m.id.to_string()))
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MappingAccept)]
pub struct Accept {
    pub id: MappingId,
    /// Another client than the one proposed, or the one a person found.
    #[serde(default)]
    pub client_id: Option<String>,
}

/// What people decided about many logins at once.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MappingDecisions)]
pub struct Decisions {
    #[serde(default)]
    pub accept: Vec<Accept>,
    #[serde(default)]
    pub refuse: Vec<MappingId>,
    pub reason: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MappingDecided)]
pub struct Decided {
    pub accepted: Vec<TradingAccountId>,
    pub refused: i64,
}

/// All or nothing: one that cannot be decided so refuses the whole request and is named.
///
/// Errors: `reason_missing`, `too_many`, `mapping_decided` (409), `mapping_login_taken` (409),
/// `mapping_client_missing` where nobody was proposed and none is given, `mapping_other_entity`.
pub async fn decide(tx: &mut Tx, core: &Core, caller: &Caller, d: &Decisions) -> Result<Decided> {
    caller.require(Right::ConnectionsManage)?;
    let reason = d.reason.trim();
    if reason.is_empty() {
        let expected = "expected the reason, which staff and auditors will read";
        return Err(Problem::invalid("reason", "reason_missing", expected));
    }
    if d.accept.len() + d.refuse.len() > MAX_DECISIONS {
        let expected = format!("expected at most {MAX_DECISIONS} decisions at once");
        return Err(Problem::invalid("accept", "too_many", expected));
    }
    let mut out = Decided {
        accepted: Vec::with_capacity(d.accept.len()),
        refused: 0,
    };
    for (i, a) in d.accept.iter().enumerate() {
        let at = format!("/accept/{i}");
        let m = open_one(tx, caller, a.id, &at).await?;
        out.accepted
            .push(accept(tx, core, caller, m, a.client_id.as_deref(), reason, &at).await?);
    }
    for (i, id) in d.refuse.iter().enumerate() {
        let mut m = open_one(tx, caller, *id, &format!("/refuse/{i}")).await?;
        m.state = MappingState::Refused;
        decided(tx, core, caller, &mut m, "login_mapping.refused", reason).await?;
        out.refused += 1;
    }
    Ok(out)
}

async fn open_one(tx: &mut Tx, caller: &Caller, id: MappingId, at: &str) -> Result<MappingRow> {
    let found = store::mapping(tx, id).await?.filter(|m| caller.enters(Some(&m.entity)));
    let m = found.ok_or_else(|| Problem::missing("login mapping"))?;
    if matches!(m.state, MappingState::Accepted | MappingState::Refused) {
        return Err(Problem::conflict(
            "mapping_decided",
            format!("{at}: login {} is {} already", m.login, m.state),
        ));
    }
    Ok(m)
}

async fn decided(tx: &mut Tx, core: &Core, caller: &Caller, m: &mut MappingRow, action: &'static str, reason: &str) -> Result<()> {
    m.decided_by = Some(caller.label());
    m.decided_at = Some(core.now());
    m.reason = Some(reason.to_string());
    if !store::update(tx, m).await? {
        let text = "somebody else decided this one a moment ago; try again";
        return Err(Problem::unavailable("mapping_changed", text));
    }
    let mut e = audit::Entry::new(caller, action, format!("login_mapping:{}", m.id))
        .entity(Some(m.entity.clone()))
        .after(json!({"server": m.server, "login": m.login, "account_id": m.account_id, "score": m.score}))
        .reason(reason);
    if let Some(c) = m.client_id.clone().filter(|_| m.state == MappingState::Accepted) {
        e = e.client(c);
    }
    audit::record(tx, core, e).await?;
    let ev = NewEvent {
        kind: "trading.mapping_decided",
        aggregate: format!("login:{}:{}", m.server, m.login),
        entity: Some(m.entity.clone()),
        payload: json!({"mapping_id": m.id, "server": m.server, "login": m.login, "state": m.state, "client_id": m.client_id, "account_id": m.account_id}),
    };
    events::publish(tx, core, ev).await.map(|_| ())
}

async fn accept(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    mut m: MappingRow,
    client: Option<&str>,
    reason: &str,
    at: &str,
) -> Result<TradingAccountId> {
    let now = core.now();
    if base::account_by_login(tx, &m.server, &m.login).await?.is_some() {
        let text = format!("{at}: login {} is an account here already", m.login);
        return Err(Problem::conflict("mapping_login_taken", text));
    }
    // Two fit as well: which of them, a person has to say.
    let proposed = m.client_id.clone().filter(|_| m.state == MappingState::Proposed);
    let Some(client_id) = client.map(str::to_string).or(proposed) else {
        let expected = "expected the client this login belongs to: nobody was proposed for it";
        return Err(Problem::invalid(&format!("{at}/client_id"), "mapping_client_missing", expected));
    };
    let c = qd_clients::get(tx, caller, Right::ClientsView, ClientId::parse(&client_id)?).await?;
    let s = base::server(tx, &m.server)
        .await?
        .ok_or_else(|| Problem::missing("trading server"))?;
    if c.entity != m.entity {
        let text = format!("{at}: the client belongs to {}, the server to {}", c.entity, m.entity);
        return Err(Problem::conflict("mapping_other_entity", text));
    }
    let row = base::AccountRow {
        id: TradingAccountId::new(&core.env),
        client_id: client_id.clone(),
        entity: c.entity.clone(),
        kind: s.kind,
        account_type: account_type(tx, &m).await?,
        currency: m.currency,
        server: m.server.clone(),
        platform_group: m.platform_group.clone(),
        leverage: m.leverage,
        login: Some(m.login.clone()),
        // Ready once its balance is in the books.
        state: AccountState::Opening,
        mapping_id: IMPORTED.into(),
        mapping_version: 1,
        rights_wanted: m.rights,
        rights_actual: m.rights,
        rights_reason: None,
        rights_by: None,
        sync_state: SyncState::Pending,
        sync_since: now,
        sync_error: None,
        last_state: None,
        read_at: None,
        created_at: now,
        ready_at: None,
        version: 1,
    };
    base::insert_account(tx, &row).await?;
    let job = NewJob::new("trading.adopt", json!({"account_id": row.id}), now)
        .key(row.id.to_string())
        .lane(format!("tacc:{}", row.id))
        .attempts(accounts::ATTEMPTS);
    jobs::enqueue(tx, core, job).await?;
    m.state = MappingState::Accepted;
    m.conflict = None;
    m.client_id = Some(client_id);
    m.account_id = Some(row.id);
    decided(tx, core, caller, &mut m, "login_mapping.accepted", reason).await?;
    Ok(row.id)
}

/// By the entity's rule book, read backwards: the type whose group it is in.
async fn account_type(tx: &mut Tx, m: &MappingRow) -> Result<String> {
    let e = tenancy::get(tx, &m.entity).await?;
    let found = e
        .config
        .accounts
        .iter()
        .find(|t| t.server == m.server && t.groups.values().any(|g| *g == m.platform_group));
    Ok(found.map_or_else(|| NO_TYPE.to_string(), |t| t.code.clone()))
}

/// Live or not: only real money is in the books.
pub(crate) fn counts(kind: AccountKind) -> bool {
    kind == AccountKind::Live
}
