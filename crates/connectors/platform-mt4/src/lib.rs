//! MetaTrader 4 through an HTTP bridge to its Manager API. Facts and contract: trading-platforms.md
//! section 3.

mod bridge;
mod map;

pub use qd_outbound::{Fingerprint, Reach, Trust};

use crate::bridge::{Bridge, Reply, escaped};
use crate::map::{Command, Trade};
use async_trait::async_trait;
use jiff::tz::TimeZone;
use qd_connector_kit::groups::hits;
use qd_connector_kit::zone::{ServerZone, measured_min};
use qd_connector_kit::{Scalar, checked_ref};
use qd_kernel::{Amount, Currency, Env, Problem, Secret, Ts};
use qd_outbound::{Client, ClientOptions, Method, Uri};
use qd_ports::platform::{
    AccountChange, AccountState, Capabilities, Capability, Deal, Found, MoneyKind, MoneyOp, MoneyReceipt, NO_FREE_MARGIN, NewAccount,
    PlatformAccount, Position, ServerInfo, Support, TradeRights, TradingPlatform,
};
use qd_ports::{CallError, CallResult, Fate};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// How long currencies, contract sizes, the offset and whose group a login is in are believed.
const BELIEVED_S: i64 = 600;
const GROUPS_S: i64 = 60;
/// How far around an operation its row is searched: an hour for a clock change, five minutes for
/// clocks that differ.
const SKEW_S: i64 = 3_600 + 300;
/// The field `id` holds 31 characters and the terminator.
const OUR_REF_MAX: usize = 31;

#[derive(Clone, Debug)]
pub struct Mt4Config {
    /// Our name of the server, for logs.
    pub server_id: String,
    /// `https://host` of the bridge.
    pub base_url: String,
    pub client_id: String,
    pub client_secret: Secret,
    /// The trade platform's name or id at the bridge.
    pub platform: String,
    pub trust: Trust,
    pub reach: Reach,
    /// One request with its whole answer; the bridge may wait 20 s for a connection of its own.
    pub timeout_ms: u64,
    /// IANA name of the server's zone. Without it today's offset is used for all moments.
    pub zone: Option<String>,
}

impl Mt4Config {
    /// The web's trust, public addresses, 45 s, the zone as measured.
    pub fn new(
        server_id: impl Into<String>,
        base_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: Secret,
        platform: impl Into<String>,
    ) -> Self {
        Mt4Config {
            server_id: server_id.into(),
            base_url: base_url.into(),
            client_id: client_id.into(),
            client_secret,
            platform: platform.into(),
            trust: Trust::WebRoots,
            reach: Reach::PublicOnly,
            timeout_ms: 45_000,
            zone: None,
        }
    }
}

type Kept<T> = tokio::sync::Mutex<Option<(Ts, HashMap<String, T>)>>;

/// A trading server behind a bridge.
pub struct Mt4 {
    server_id: String,
    env: Env,
    bridge: Bridge,
    named_zone: Option<TimeZone>,
    zone: Mutex<Option<(Ts, ServerZone)>>,
    currencies: Kept<Currency>,
    contracts: Kept<i64>,
    /// Login to group.
    groups: Kept<String>,
    opening: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Mt4 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mt4").field("server_id", &self.server_id).finish_non_exhaustive()
    }
}

/// For what fails before the change of a compound operation was sent: the change did not leave.
pub(crate) fn before_sending(mut e: CallError) -> CallError {
    if e.fate == Fate::Unknown {
        e.fate = Fate::NotSent;
    }
    e
}

fn checked_login(login: &str) -> CallResult<&str> {
    let plain = (1..=9).contains(&login.len()) && login.bytes().all(|b| b.is_ascii_digit()) && !login.starts_with('0');
    if plain {
        Ok(login)
    } else {
        Err(CallError::refused("login_malformed", "a MetaTrader login is a number"))
    }
}

fn is_token(t: &str) -> bool {
    (1..=20).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
}

/// True when `comment` begins with the whole token and not merely with a longer one.
fn carries(comment: &str, token: &str) -> bool {
    comment
        .trim_start()
        .strip_prefix(token)
        .is_some_and(|rest| !rest.starts_with(|c: char| c == '-' || c.is_ascii_alphanumeric()))
}

fn missing(login: &str) -> CallError {
    CallError::refused("NotFound", format!("the server knows no login {login}"))
}

/// At most `most` characters: longer ones are cut by the server in its own way.
fn short(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(at, _)| &text[..at])
}

impl Mt4 {
    /// Checks the configuration; connects at the first call.
    pub fn new(cfg: Mt4Config, env: Env) -> Result<Mt4, Problem> {
        let bad = |field: &str, expected: &str| Problem::invalid(field, "mt4_config_invalid", expected);
        let base: Uri = cfg.base_url.parse().map_err(|_| bad("base_url", "expected https://host"))?;
        qd_outbound::guard::check_url(&base, cfg.reach).map_err(|c| bad("base_url", &c.detail))?;
        if cfg.platform.is_empty() {
            return Err(bad("platform", "expected the trade platform's name at the bridge"));
        }
        if cfg.timeout_ms == 0 {
            return Err(bad("timeout_ms", "expected more than 0"));
        }
        let named_zone = match &cfg.zone {
            None => None,
            Some(name) => Some(TimeZone::get(name).map_err(|_| bad("zone", "expected an IANA zone name such as Europe/Nicosia"))?),
        };
        let client = Client::new(ClientOptions {
            reach: cfg.reach,
            trust: cfg.trust.clone(),
            timeout: Duration::from_millis(cfg.timeout_ms),
            max_body: 64 * 1024 * 1024,
            ..ClientOptions::default()
        })
        .map_err(|e| bad("trust", &e.detail))?;
        Ok(Mt4 {
            bridge: Bridge {
                base: cfg.base_url.trim_end_matches('/').to_string(),
                client_id: cfg.client_id,
                secret: cfg.client_secret,
                platform: cfg.platform,
                client,
                env: env.clone(),
                token: tokio::sync::Mutex::default(),
                place: tokio::sync::Mutex::default(),
            },
            server_id: cfg.server_id,
            env,
            named_zone,
            zone: Mutex::default(),
            currencies: Kept::default(),
            contracts: Kept::default(),
            groups: Kept::default(),
            opening: tokio::sync::Mutex::default(),
        })
    }

    async fn wall_s(&self) -> CallResult<i64> {
        let reply = self.bridge.get("ServerTime").await?;
        let text: Scalar = reply.read()?;
        let ms = map::wall_ms(text.text()).ok_or_else(|| reply.wrong("the server's time is unreadable"))?;
        Ok(ms.div_euclid(1_000))
    }

    async fn zone(&self) -> CallResult<ServerZone> {
        if let Some(tz) = &self.named_zone {
            return Ok(ServerZone::named(tz.clone()));
        }
        let now = self.env.now();
        if let Some((at, z)) = &*self.zone.lock().unwrap_or_else(|p| p.into_inner())
            && (0..BELIEVED_S).contains(&now.secs_since(*at))
        {
            return Ok(z.clone());
        }
        let minutes = measured_min(self.wall_s().await?, self.env.now())
            .ok_or_else(|| CallError::unknown("unreadable_answer", "the server's clock is not near any zone's"))?;
        let zone = ServerZone::fixed(minutes);
        *self.zone.lock().unwrap_or_else(|p| p.into_inner()) = Some((now, zone.clone()));
        Ok(zone)
    }

    /// A currency of the account's group; a group we have not seen is asked for once.
    async fn currency(&self, group: &str) -> CallResult<Currency> {
        let now = self.env.now();
        let mut kept = self.currencies.lock().await;
        let fresh = kept
            .as_ref()
            .is_some_and(|(at, m)| now.secs_since(*at) < BELIEVED_S && m.contains_key(group));
        if !fresh {
            let all: Vec<map::Group> = self.bridge.pages("GroupsRequest").await?;
            let of = |g: &map::Group| Some((g.group.filled()?.to_string(), Currency::parse(g.currency.filled()?).ok()?));
            *kept = Some((now, all.iter().filter_map(of).collect()));
        }
        let found = kept.as_ref().and_then(|(_, m)| m.get(group).copied());
        found.ok_or_else(|| {
            CallError::refused(
                "group_unknown",
                format!("the server knows no group {group} with a currency we know"),
            )
        })
    }

    async fn contract(&self, symbol: &str) -> CallResult<i64> {
        let now = self.env.now();
        let mut kept = self.contracts.lock().await;
        let fresh = kept
            .as_ref()
            .is_some_and(|(at, m)| now.secs_since(*at) < BELIEVED_S && m.contains_key(symbol));
        if !fresh {
            let all: Vec<map::Symbol> = self.bridge.pages("SymbolsRequest").await?;
            let of = |s: &map::Symbol| Some((s.symbol.filled()?.to_string(), s.contract_size.int()?));
            *kept = Some((now, all.iter().filter_map(of).collect()));
        }
        let found = kept.as_ref().and_then(|(_, m)| m.get(symbol).copied());
        found.ok_or_else(|| CallError::unreadable(format!("the server tells no contract size of {symbol}"), ""))
    }

    async fn mapped(&self, reply: &str, u: &map::User) -> CallResult<PlatformAccount> {
        let unreadable = |why: String| CallError::unreadable(format!("{reply}: {why}"), format!("login {}", u.login.text()));
        let group = u.group.filled().ok_or_else(|| unreadable("group is missing".into()))?;
        let currency = self.currency(group).await?;
        map::account(u, currency).map_err(unreadable)
    }

    async fn one(&self, login: &str) -> CallResult<Option<PlatformAccount>> {
        let login = checked_login(login)?;
        let reply = match self.bridge.get(&format!("UserRecordRequest/{login}")).await {
            Err(e) if e.code == "NotFound" => return Ok(None),
            r => r?,
        };
        if reply.data.is_none() {
            return Ok(None);
        }
        let user: map::User = reply.read()?;
        if user.login.text() != login {
            return Err(reply.wrong("the answer is about another login"));
        }
        self.mapped(&reply.path, &user).await.map(Some)
    }

    async fn everybody(&self) -> CallResult<Vec<map::User>> {
        let all: Vec<map::User> = self.bridge.pages("UsersRequest").await?;
        let groups = all.iter().map(|u| (u.login.text().to_string(), u.group.text().to_string()));
        *self.groups.lock().await = Some((self.env.now(), groups.collect()));
        Ok(all)
    }

    /// The group of each of these logins; who is new since the last look is looked up once.
    async fn groups_of<'a>(&self, mut logins: impl Iterator<Item = &'a str>) -> CallResult<HashMap<String, String>> {
        let now = self.env.now();
        if let Some((at, m)) = &*self.groups.lock().await
            && now.secs_since(*at) < GROUPS_S
            && logins.all(|l| m.contains_key(l))
        {
            return Ok(m.clone());
        }
        self.everybody().await?;
        Ok(self.groups.lock().await.as_ref().map(|(_, m)| m.clone()).unwrap_or_default())
    }

    async fn set_password(&self, login: &str, password: &Secret, investor: bool) -> CallResult<()> {
        let body = json!({"password": password.expose(), "changeInvestor": investor}).to_string();
        let call = format!("UserPasswordSet/{login}");
        self.bridge.change(Method::POST, &call, None, &body).await.map(|_| ())
    }

    async fn margin(&self, a: &PlatformAccount) -> CallResult<AccountState> {
        let reply = self.bridge.get(&format!("MarginLevelRequest/{}", a.login)).await?;
        let m: map::Margin = reply.read()?;
        map::state(a, &m, self.env.now()).map_err(|why| reply.wrong(why))
    }

    /// Rows of one login that were closed, or booked, between two moments.
    async fn history(&self, login: &str, from: Ts, to: Ts) -> CallResult<(Reply, Vec<Trade>)> {
        let zone = self.zone().await?;
        let (from, to) = zone.window(from, to);
        let at = |s: i64| escaped(&format!("{}+00:00", map::wall_text(s)));
        let call = format!("TradesUserHistory/{login}?fromTime={}&toTime={}", at(from), at(to));
        let reply = self.bridge.get(&call).await?;
        let rows = reply.read()?;
        Ok((reply, rows))
    }
}

#[async_trait]
impl TradingPlatform for Mt4 {
    async fn server_info(&self) -> CallResult<ServerInfo> {
        let place = self.bridge.find_place().await?;
        let wall = self.wall_s().await?;
        let zone = self.zone().await?;
        let now = self.env.now();
        let server_time = wall.checked_mul(1_000).and_then(|ms| zone.to_utc(ms)).unwrap_or(now);
        Ok(ServerInfo {
            name: self.bridge.platform.clone(),
            build: place.build,
            server_time,
            utc_offset_min: i32::try_from(zone.offset_s(now) / 60).unwrap_or(0),
            accounts: None,
            deals: None,
        })
    }

    /// Three steps at the bridge: the record, which has no password yet, and the two passwords. Each
    /// is repeatable, because the record is found by our id.
    async fn open_account(&self, new: &NewAccount) -> CallResult<PlatformAccount> {
        checked_ref(&new.our_ref, OUR_REF_MAX)?;
        // Two callers with one id must not both find nothing.
        let _one = self.opening.lock().await;
        self.currency(&new.group).await.map_err(before_sending)?;
        let all = self.everybody().await.map_err(before_sending)?;
        let made = match all.iter().find(|u| u.id.text() == new.our_ref) {
            Some(u) => self.mapped("UsersRequest", u).await.map_err(before_sending)?,
            None => {
                let body = json!({"login": 0, "group": new.group, "name": short(&new.name, 127), "leverage": new.leverage, "enable": true,
                    "enableReadOnly": false, "enableChangePassword": true, "email": short(&new.email, 47), "phone": short(&new.phone, 31),
                    "country": short(&new.country, 31), "city": short(&new.city, 31), "address": short(&new.address, 95), "id": new.our_ref});
                let key = format!("open-{}", new.our_ref);
                let reply = self
                    .bridge
                    .change(Method::POST, "UserRecordNew", Some(&key), &body.to_string())
                    .await?;
                let user: map::User = reply.read()?;
                self.mapped(&reply.path, &user).await?
            }
        };
        self.set_password(&made.login, &new.main_password, false).await?;
        self.set_password(&made.login, &new.investor_password, true).await?;
        Ok(made)
    }

    async fn account(&self, login: &str) -> CallResult<Option<PlatformAccount>> {
        self.one(login).await
    }

    async fn accounts(&self, group_mask: &str) -> CallResult<Vec<PlatformAccount>> {
        let mut out = Vec::new();
        for u in self.everybody().await?.iter().filter(|u| hits(group_mask, u.group.text())) {
            out.push(self.mapped("UsersRequest", u).await?);
        }
        Ok(out)
    }

    async fn change_account(&self, login: &str, change: &AccountChange) -> CallResult<PlatformAccount> {
        let before = self.one(login).await.map_err(before_sending)?.ok_or_else(|| missing(login))?;
        let mut patch = serde_json::Map::new();
        if let Some(r) = change.rights.filter(|r| *r != before.rights) {
            patch.insert("enable".into(), json!(r != TradeRights::Blocked));
            // Lifting a block later brings back what was there.
            if r != TradeRights::Blocked {
                patch.insert("enableReadOnly".into(), json!(r == TradeRights::ReadOnly));
            }
        }
        if let Some(g) = change.group.as_ref().filter(|g| **g != before.group) {
            if self.currency(g).await.map_err(before_sending)? != before.currency {
                return Err(CallError::refused(
                    "currency_differs",
                    format!("the group {g} is in another currency"),
                ));
            }
            patch.insert("group".into(), json!(g));
        }
        if let Some(l) = change.leverage.filter(|l| *l != before.leverage) {
            patch.insert("leverage".into(), json!(l));
        }
        if patch.is_empty() {
            return Ok(before);
        }
        let body = serde_json::Value::Object(patch).to_string();
        self.bridge
            .change(Method::PATCH, &format!("UserRecord/{login}"), None, &body)
            .await?;
        let lost = |mut e: CallError| {
            e.fate = Fate::Unknown;
            e
        };
        let after = self.one(login).await.map_err(lost)?.ok_or_else(|| missing(login))?;
        let kept = change.rights.is_some_and(|r| r != after.rights)
            || change.group.as_ref().is_some_and(|g| *g != after.group)
            || change.leverage.is_some_and(|l| l != after.leverage);
        if kept {
            return Err(CallError::refused("not_applied", "the server said done but kept its own settings"));
        }
        Ok(after)
    }

    async fn account_state(&self, login: &str) -> CallResult<AccountState> {
        let a = self.one(login).await?.ok_or_else(|| missing(login))?;
        self.margin(&a).await
    }

    /// The token is also the bridge's idempotency key: it answers a repetition with the first answer.
    async fn move_money(&self, op: &MoneyOp) -> CallResult<MoneyReceipt> {
        if !is_token(&op.token) {
            return Err(CallError::refused("token_malformed", "a token is 1 to 20 of A-Z, 0-9 and -"));
        }
        if op.amount.is_zero() {
            return Err(CallError::refused("amount_zero", "nothing to move"));
        }
        let a = self
            .one(&op.login)
            .await
            .map_err(before_sending)?
            .ok_or_else(|| missing(&op.login))?;
        if a.currency != op.amount.currency {
            let detail = format!("login {} is in {}, not {}", op.login, a.currency, op.amount.currency);
            return Err(CallError::refused("currency_mismatch", detail));
        }
        // The Manager API books whatever it is told: the margin is looked at here, just before.
        if op.check_margin && op.amount.minor < 0 {
            let s = self.margin(&a).await.map_err(before_sending)?;
            let own = if op.kind == MoneyKind::Credit {
                s.credit_minor
            } else {
                s.balance_minor
            };
            let wanted = op.amount.minor.saturating_neg();
            if wanted > own || wanted > s.free_margin_minor {
                let detail = format!(
                    "{} is free on login {}",
                    Amount::new(s.free_margin_minor.min(own), a.currency),
                    op.login
                );
                return Err(CallError::refused(NO_FREE_MARGIN, detail));
            }
        }
        let command = if op.kind == MoneyKind::Credit { "Credit" } else { "Balance" };
        // An amount is written as the decimal it is, never through a float.
        let body = format!(
            "{{\"tradeTransactionType\":\"BrBalance\",\"tradeCommand\":\"{command}\",\"orderBy\":{},\"price\":{},\"comment\":\"{}\"}}",
            op.login,
            op.amount.text(),
            op.token
        );
        let reply = self.bridge.change(Method::POST, "TradeTransaction", Some(&op.token), &body).await?;
        let done: Trade = reply.read()?;
        let ticket = done.number().map_err(|why| reply.wrong(why))?;
        Ok(MoneyReceipt {
            ticket: ticket.to_string(),
            amount_minor: op.amount.minor,
            at: None,
        })
    }

    async fn find_money(&self, op: &MoneyOp) -> CallResult<Found> {
        let login = checked_login(&op.login)?;
        let until = Ts(self.env.now().0.max(op.since.0));
        let (reply, rows) = self.history(login, op.since.plus_secs(-SKEW_S), until.plus_secs(SKEW_S)).await?;
        let zone = self.zone().await?;
        let wanted = if op.kind == MoneyKind::Credit {
            Command::Credit
        } else {
            Command::Balance
        };
        let mut receipts: Vec<MoneyReceipt> = Vec::new();
        for t in rows {
            let command = t.command().map_err(|why| reply.wrong(why))?;
            if !matches!(command, Command::Balance | Command::Credit) || !carries(t.comment.text(), &op.token) {
                continue;
            }
            let all = map::deals(&t, op.amount.currency, 0, &zone).map_err(|why| reply.wrong(why))?;
            for d in all {
                if receipts.iter().any(|r| r.ticket == d.ticket) {
                    continue;
                }
                if d.login != login || d.profit_minor != op.amount.minor || command != wanted {
                    let detail = format!("order {} carries the token, but moves {} minor units", d.ticket, d.profit_minor);
                    return Err(CallError::unknown("echo_mismatch", detail));
                }
                receipts.push(MoneyReceipt {
                    ticket: d.ticket,
                    amount_minor: d.profit_minor,
                    at: Some(d.at),
                });
            }
        }
        Ok(match receipts.len() {
            0 => Found::Nothing,
            1 => Found::One(receipts.remove(0)),
            _ => Found::Several(receipts),
        })
    }

    /// Rows that have changed since the window's begin, which holds every one opened or closed in it.
    async fn deals(&self, group_mask: &str, from: Ts, to: Ts) -> CallResult<Vec<Deal>> {
        let zone = self.zone().await?;
        let since = zone.window(from, to).0;
        let body = json!({"timestamp": map::wall_text(since)}).to_string();
        let started = self.bridge.ask("TradesSyncStart", &body).await?;
        let id: Scalar = started.read()?;
        let id = id.filled().ok_or_else(|| started.wrong("no number of the sync"))?.to_string();
        let rows: Vec<Trade> = self.bridge.pages(&format!("TradesSyncRead?sync={}", escaped(&id))).await?;
        let groups = self.groups_of(rows.iter().map(|t| t.login.text())).await?;
        let mut out = Vec::new();
        for t in &rows {
            let unreadable = |why: String| CallError::unreadable(format!("TradesSyncRead: {why}"), format!("order {}", t.order.text()));
            // A login that was deleted has no group to be asked for by.
            let Some(group) = groups.get(t.login.text()).filter(|g| hits(group_mask, g)) else {
                continue;
            };
            let currency = self.currency(group).await?;
            let contract = match t.symbol.filled() {
                Some(s) => self.contract(s).await?,
                None => 0,
            };
            let all = map::deals(t, currency, contract, &zone).map_err(unreadable)?;
            out.extend(all.into_iter().filter(|d| d.at.secs() >= from.secs() && d.at.secs() <= to.secs()));
        }
        out.sort_by(|x, y| (x.server_wall_ms, x.ticket.len(), &x.ticket).cmp(&(y.server_wall_ms, y.ticket.len(), &y.ticket)));
        out.dedup_by(|x, y| x.ticket == y.ticket);
        Ok(out)
    }

    async fn positions(&self, login: &str) -> CallResult<Vec<Position>> {
        let login = checked_login(login)?;
        let mut all = self.open_positions("*").await?;
        all.retain(|p| p.login == login);
        Ok(all)
    }

    async fn open_positions(&self, group_mask: &str) -> CallResult<Vec<Position>> {
        let zone = self.zone().await?;
        let rows: Vec<Trade> = self.bridge.pages("TradesRequest").await?;
        let groups = self.groups_of(rows.iter().map(|t| t.login.text())).await?;
        let mut out = Vec::new();
        for t in &rows {
            let Some(group) = groups.get(t.login.text()).filter(|g| hits(group_mask, g)) else {
                continue;
            };
            let currency = self.currency(group).await?;
            let unreadable = |why: String| CallError::unreadable(format!("TradesRequest: {why}"), format!("order {}", t.order.text()));
            out.extend(map::position(t, currency, &zone).map_err(unreadable)?);
        }
        Ok(out)
    }

    async fn states(&self, group_mask: &str) -> CallResult<Vec<AccountState>> {
        let margins: Vec<map::Margin> = self.bridge.pages("MarginsGet").await?;
        let read_at = self.env.now();
        let by_login: HashMap<&str, &map::Margin> = margins.iter().map(|m| (m.login.text(), m)).collect();
        let mut out = Vec::new();
        for a in self.accounts(group_mask).await? {
            if let Some(m) = by_login.get(a.login.as_str()) {
                let unreadable = |why: String| CallError::unreadable(format!("MarginsGet: {why}"), format!("login {}", a.login));
                out.push(map::state(&a, m, read_at).map_err(unreadable)?);
            }
        }
        Ok(out)
    }

    fn capabilities(&self) -> Capabilities {
        use Capability as C;
        use Support::{No, Partly, Yes};
        Capabilities {
            api: "MetaTrader 4 Manager API over an HTTP bridge",
            builds: vec![(1_090, 1_440)],
            table: vec![
                (C::OpenAccount, Yes),
                (C::ReadOnly, Yes),
                (C::Block, Yes),
                (C::ChangeGroup, Yes),
                (C::ChangeLeverage, Yes),
                (C::Balance, Yes),
                (C::Credit, Yes),
                // Booked as a balance operation.
                (C::Correction, Partly),
                // Looked at just before; the server itself books whatever it is told.
                (C::FreeMarginCheck, Partly),
                (C::FindMoney, Yes),
                (C::RepeatSafeMoney, Yes),
                (C::DealsByGroup, Yes),
                (C::DealEdits, Yes),
                (C::PositionsByGroup, Yes),
                (C::MarginByGroup, Yes),
                (C::MarginEdges, Yes),
                (C::HolderData, Yes),
                (C::Push, No),
            ],
        }
    }
}
