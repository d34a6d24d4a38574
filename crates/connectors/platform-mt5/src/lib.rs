//! MetaTrader 5 over the Web API (HTTPS, JSON). Facts: trading-platforms.md section 1.
//!
//! Two signed-in connections to the access server: one for reads, so that a long list of deals
//! never stands in the way of a deposit, and one for changes. Each carries one request at a time.

mod accounts;
mod auth;
mod feed;
mod map;
mod money;
mod session;
mod wire;
mod zone;

pub use map::OurRefField;
pub use qd_outbound::{Fingerprint, Trust};

use crate::map::GroupMoney;
use crate::session::{Command, Reply, Session, SignIn, cut};
use crate::zone::ServerZone;
use async_trait::async_trait;
use jiff::tz::TimeZone;
use qd_kernel::{Env, Problem, Secret, Ts};
use qd_outbound::{Uri, WireTarget};
use qd_ports::platform::{
    AccountChange, AccountState, Capabilities, Capability, Deal, Found, MoneyOp, MoneyReceipt, NewAccount, PlatformAccount, Position,
    ServerInfo, Support, TradingPlatform,
};
use qd_ports::{CallError, CallResult, Fate};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// Lists of deals are large: a burst minute of a big server is some tens of megabytes.
const DEFAULT_MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How long the server's offset and a group's currency are believed.
const ZONE_TTL_S: i64 = 60;
const GROUP_TTL_S: i64 = 600;

#[derive(Clone, Debug)]
pub struct Mt5Config {
    /// Our name of the server, for logs.
    pub server_id: String,
    /// `https://host:port` of the access server.
    pub base_url: String,
    pub manager_login: u64,
    /// The API password, which is neither the main nor the investor one.
    pub password: Secret,
    /// Printed in the server's journal; no blanks.
    pub agent: String,
    pub trust: Trust,
    /// One request with its whole answer.
    pub timeout_ms: u64,
    /// Which account field carries our id.
    pub our_ref_field: OurRefField,
    /// IANA name of the server's zone (`Europe/Nicosia`). Without it today's offset is used for
    /// all moments; see `zone.rs`.
    pub zone: Option<String>,
    /// Bytes of one answer. A list of deals that is larger is asked for in halves.
    pub max_answer: usize,
}

impl Mt5Config {
    /// The web's trust, 15 s, 64 MB, our id in the `ID` field, the zone as measured.
    pub fn new(server_id: impl Into<String>, base_url: impl Into<String>, manager_login: u64, password: Secret) -> Self {
        Mt5Config {
            server_id: server_id.into(),
            base_url: base_url.into(),
            manager_login,
            password,
            agent: "Quarterdeck".into(),
            trust: Trust::WebRoots,
            timeout_ms: 15_000,
            our_ref_field: OurRefField::Id,
            zone: None,
            max_answer: DEFAULT_MAX_ANSWER,
        }
    }
}

/// A trading server. One per server and process: what is serialised is serialised in here.
pub struct Mt5 {
    server_id: String,
    env: Env,
    reads: Session,
    changes: Session,
    field: OurRefField,
    named_zone: Option<TimeZone>,
    zone: tokio::sync::Mutex<Option<(Ts, ServerZone)>>,
    groups: Mutex<HashMap<String, (Ts, GroupMoney)>>,
    /// The currency of a login never changes: the server refuses to move an account across.
    logins: Mutex<HashMap<String, GroupMoney>>,
    known: tokio::sync::Mutex<accounts::KnownRefs>,
}

impl std::fmt::Debug for Mt5 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mt5").field("server_id", &self.server_id).finish_non_exhaustive()
    }
}

impl Mt5 {
    /// Checks the configuration; connects at the first call.
    pub fn new(cfg: Mt5Config, env: Env) -> Result<Mt5, Problem> {
        let bad = |field: &str, expected: &str| Problem::invalid(field, "mt5_config_invalid", expected);
        let base: Uri = cfg.base_url.parse().map_err(|_| bad("base_url", "expected https://host:port"))?;
        qd_outbound::guard::check_url(&base, qd_outbound::Reach::Anywhere).map_err(|c| bad("base_url", &c.detail))?;
        if base.query().is_some() {
            return Err(bad("base_url", "expected https://host:port without a query"));
        }
        if cfg.agent.is_empty() || cfg.agent.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(bad("agent", "expected a word without blanks"));
        }
        if cfg.timeout_ms == 0 {
            return Err(bad("timeout_ms", "expected more than 0"));
        }
        let named_zone = match &cfg.zone {
            None => None,
            Some(name) => Some(TimeZone::get(name).map_err(|_| bad("zone", "expected an IANA zone name such as Europe/Nicosia"))?),
        };
        let key = auth::Key::of(&cfg.password);
        let session = |name| {
            let mut target = WireTarget::new(base.clone());
            target.trust = cfg.trust.clone();
            target.timeout = Duration::from_millis(cfg.timeout_ms);
            target.max_body = cfg.max_answer;
            let sign_in = SignIn {
                target,
                manager_login: cfg.manager_login,
                key: key.clone(),
                agent: cfg.agent.clone(),
            };
            Session::new(sign_in, env.clone(), name)
        };
        Ok(Mt5 {
            reads: session("reads"),
            changes: session("changes"),
            server_id: cfg.server_id,
            env,
            field: cfg.our_ref_field,
            named_zone,
            zone: tokio::sync::Mutex::default(),
            groups: Mutex::default(),
            logins: Mutex::default(),
            known: tokio::sync::Mutex::default(),
        })
    }

    pub fn server_id(&self) -> &str {
        &self.server_id
    }

    async fn read(&self, cmd: Command) -> CallResult<Reply> {
        self.reads.call(&cmd).await
    }

    /// One record, or None when the server found nothing.
    async fn read_one<T: for<'a> Deserialize<'a>>(&self, cmd: Command) -> CallResult<Option<T>> {
        let reply = self.reads.call(&cmd).await?;
        one(&reply, cmd.path)
    }

    /// The server's clock against UTC, believed for a minute.
    async fn zone(&self) -> CallResult<ServerZone> {
        if let Some(tz) = &self.named_zone {
            return Ok(ServerZone::named(tz.clone()));
        }
        let mut kept = self.zone.lock().await;
        let now = self.env.now();
        if let Some((at, zone)) = &*kept
            && (0..ZONE_TTL_S).contains(&now.secs_since(*at))
        {
            return Ok(zone.clone());
        }
        let (_, minutes) = self.server_clock().await?;
        let zone = ServerZone::fixed(minutes);
        *kept = Some((now, zone.clone()));
        Ok(zone)
    }

    /// Wall-clock seconds as shown and the offset in minutes.
    async fn server_clock(&self) -> CallResult<(Option<i64>, i32)> {
        let settings = self.read_one::<wire::TimeSettings>(Command::read("/api/time/get")).await;
        let shown = self.read_one::<wire::TimeNow>(Command::read("/api/time/server")).await;
        let now = self.env.now();
        let (settings, wall) = match (settings, shown) {
            // Either of the two is enough: a manager may lack the right to one of them.
            (Err(e), Err(_)) => return Err(e),
            (s, w) => (s.ok().flatten(), w.ok().flatten().as_ref().and_then(zone::wall_seconds)),
        };
        let minutes = zone::offset_minutes(settings.as_ref(), wall, now)
            .ok_or_else(|| CallError::unknown("unreadable_answer", "the server tells neither its zone nor its time"))?;
        Ok((wall, minutes))
    }

    /// Currency and places of a group's money.
    async fn group_money(&self, group: &str) -> CallResult<GroupMoney> {
        let now = self.env.now();
        if let Some((at, m)) = self.groups.lock().unwrap_or_else(|p| p.into_inner()).get(group)
            && (0..GROUP_TTL_S).contains(&now.secs_since(*at))
        {
            return Ok(*m);
        }
        let cmd = Command::read("/api/group/get").with("group", group);
        let reply = self.read(cmd).await?;
        let record: wire::Group = one(&reply, "/api/group/get")?
            .ok_or_else(|| CallError::refused("group_unknown", format!("the server knows no group {group}")))?;
        let money = map::group_money(&record).map_err(|why| reply.unreadable("/api/group/get", why))?;
        self.groups
            .lock()
            .unwrap_or_else(|p| p.into_inner())
            .insert(group.to_string(), (now, money));
        Ok(money)
    }

    /// Currency of a login. None when there is no such login.
    async fn login_money(&self, login: &str) -> CallResult<Option<GroupMoney>> {
        if let Some(m) = self.logins.lock().unwrap_or_else(|p| p.into_inner()).get(login) {
            return Ok(Some(*m));
        }
        Ok(self.user(login).await?.map(|(_, money)| money))
    }

    fn knows(&self, login: &str) -> bool {
        self.logins.lock().unwrap_or_else(|p| p.into_inner()).contains_key(login)
    }

    fn remember(&self, login: &str, money: GroupMoney) {
        self.logins
            .lock()
            .unwrap_or_else(|p| p.into_inner())
            .insert(login.to_string(), money);
    }
}

/// A login is a number above zero; anything else would be a list or a mask to the server.
fn checked_login(login: &str) -> CallResult<&str> {
    let plain = !login.is_empty() && login.len() <= 19 && login.bytes().all(|b| b.is_ascii_digit()) && !login.starts_with('0');
    if plain {
        Ok(login)
    } else {
        Err(CallError::refused("login_malformed", "a MetaTrader login is a number"))
    }
}

/// The one record of an answer. A list of one counts; a server may answer a single look-up so.
fn one<T: for<'a> Deserialize<'a>>(reply: &Reply, path: &str) -> CallResult<Option<T>> {
    let Some(answer) = &reply.answer else { return Ok(None) };
    let records = wire::list(answer).map_err(|why| reply.unreadable(path, why))?;
    match records.as_slice() {
        [] => Ok(None),
        [r] => serde_json::from_str(r.get()).map(Some).map_err(|why| reply.unreadable(path, why)),
        more => Err(reply.unreadable(path, format!("{} records where one was expected", more.len()))),
    }
}

/// Every record of an answer through `map`; the first that fails fails the call, with its text.
fn all<R: for<'a> Deserialize<'a>, T>(reply: &Reply, path: &str, mut map: impl FnMut(&R) -> Result<T, String>) -> CallResult<Vec<T>> {
    let Some(answer) = &reply.answer else { return Ok(Vec::new()) };
    let records = wire::list(answer).map_err(|why| reply.unreadable(path, why))?;
    let mut out = Vec::with_capacity(records.len());
    for raw in records {
        let record: R = serde_json::from_str(raw.get()).map_err(|why| CallError::unreadable(format!("{path}: {why}"), cut(raw.get())))?;
        out.push(map(&record).map_err(|why| CallError::unreadable(format!("{path}: {why}"), cut(raw.get())))?);
    }
    Ok(out)
}

/// For what fails before the change of a compound operation was sent: whatever became of the
/// look-up, the operation itself did not leave. Plain refusals stay refusals.
fn before_sending(mut e: CallError) -> CallError {
    if e.fate == Fate::Unknown {
        e.fate = Fate::NotSent;
    }
    e
}

#[async_trait]
impl TradingPlatform for Mt5 {
    async fn server_info(&self) -> CallResult<ServerInfo> {
        self.read_server_info().await
    }
    async fn open_account(&self, new: &NewAccount) -> CallResult<PlatformAccount> {
        self.find_or_add(new).await
    }
    async fn account(&self, login: &str) -> CallResult<Option<PlatformAccount>> {
        self.read_account(login).await
    }
    async fn accounts(&self, group_mask: &str) -> CallResult<Vec<PlatformAccount>> {
        self.list_accounts(group_mask).await
    }
    async fn change_account(&self, login: &str, change: &AccountChange) -> CallResult<PlatformAccount> {
        self.update_account(login, change).await
    }
    async fn account_state(&self, login: &str) -> CallResult<AccountState> {
        self.read_state(login).await
    }
    async fn move_money(&self, op: &MoneyOp) -> CallResult<MoneyReceipt> {
        self.send_money(op).await
    }
    async fn find_money(&self, op: &MoneyOp) -> CallResult<Found> {
        self.look_for_money(op).await
    }
    async fn deals(&self, group_mask: &str, from: Ts, to: Ts) -> CallResult<Vec<Deal>> {
        self.read_deals(group_mask, from, to).await
    }
    async fn positions(&self, login: &str) -> CallResult<Vec<Position>> {
        self.read_positions(login).await
    }
    async fn open_positions(&self, group_mask: &str) -> CallResult<Vec<Position>> {
        self.read_open_positions(group_mask).await
    }
    async fn states(&self, group_mask: &str) -> CallResult<Vec<AccountState>> {
        self.read_states(group_mask).await
    }
    fn capabilities(&self) -> Capabilities {
        use Capability as C;
        use Support::{No, Partly, Yes};
        Capabilities {
            api: "MetaTrader 5 Web API",
            // The commands under /api begin with 2920; newer than the last is not known to differ.
            builds: vec![(2_920, 4_755)],
            table: vec![
                (C::OpenAccount, Yes),
                (C::ReadOnly, Yes),
                (C::Block, Yes),
                (C::ChangeGroup, Yes),
                (C::ChangeLeverage, Yes),
                (C::Balance, Yes),
                (C::Credit, Yes),
                (C::Correction, Yes),
                (C::FreeMarginCheck, Yes),
                (C::FindMoney, Yes),
                (C::RepeatSafeMoney, No),
                (C::DealsByGroup, Yes),
                (C::DealEdits, Yes),
                (C::PositionsByGroup, Yes),
                // Accounts idle since the server's restart have no margin record.
                (C::MarginByGroup, Partly),
                (C::MarginEdges, Yes),
                // Needs the manager's right to personal data.
                (C::HolderData, Partly),
                (C::Push, No),
            ],
        }
    }
}
