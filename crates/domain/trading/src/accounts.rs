//! Opening accounts and changing what they may do. Every request is stored first and carried out
//! by a job; until the platform has confirmed, the account shows what is pending and since when.

use crate::moves::MoveView;
use crate::store::{self, AccountFilter, AccountRow};
use crate::{AccountKind, AccountState, Platforms, Rights, SyncState, TradingAccountId};
use qd_db::Tx;
use qd_kernel::{Currency, Page, PageRequest, Problem, Result, Ts};
use qd_ports::platform::{AccountState as Reading, PlatformAccount};
use qd_runtime::access::{Caller, Right};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, audit, exceptions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A platform may be away for a weekend, or paused for weeks: asked every twenty seconds this is
/// more than three of them.
pub(crate) const ATTEMPTS: u32 = 100_000;

/// Who changed what was changed there by hand.
const PLATFORM: &str = "platform";

/// What an account looks like to staff and to its owner.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TradingAccount)]
pub struct AccountView {
    pub id: TradingAccountId,
    pub client_id: String,
    pub entity: String,
    pub kind: AccountKind,
    pub account_type: String,
    pub currency: Currency,
    pub server: String,
    pub group: String,
    pub leverage: i64,
    pub login: Option<String>,
    pub state: AccountState,
    /// `full`, `read_only` or `blocked`, as the platform last confirmed.
    pub rights: Rights,
    pub rights_wanted: Rights,
    pub rights_reason: Option<String>,
    pub rights_by: Option<String>,
    pub sync: Sync,
    /// Balance, equity and margin with the time they were read; None before the first reading.
    pub reading: Option<ReadingView>,
    pub read_at_us: Option<Ts>,
    pub created_at_us: Ts,
    pub ready_at_us: Option<Ts>,
    /// The rule book and its version that placed the account.
    pub mapping: String,
    /// Money to and from the account, the newest first; for staff, on one account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub moves: Option<Vec<MoveView>>,
    /// The first passwords have not been shown yet; for the client, on one account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub passwords_wait: Option<bool>,
}

/// What the platform said last, in minor units of the account's currency.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AccountReading)]
pub struct ReadingView {
    pub currency: Currency,
    pub balance_minor: i64,
    pub credit_minor: i64,
    /// Balance, credit and what open positions stand at.
    pub equity_minor: i64,
    pub margin_minor: i64,
    pub free_margin_minor: i64,
    /// Profit and loss of open positions.
    pub floating_minor: i64,
    pub read_at_us: Ts,
}

impl From<Reading> for ReadingView {
    fn from(r: Reading) -> Self {
        ReadingView {
            currency: r.currency,
            balance_minor: r.balance_minor,
            credit_minor: r.credit_minor,
            equity_minor: r.equity_minor,
            margin_minor: r.margin_minor,
            free_margin_minor: r.free_margin_minor,
            floating_minor: r.floating_minor,
            read_at_us: r.read_at,
        }
    }
}

/// What is known about the platform's side.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AccountSync)]
pub struct Sync {
    pub state: SyncState,
    pub since_us: Ts,
    /// "sent, waiting 00:12": seconds since the change was asked for, while it is pending.
    pub waiting_s: Option<i64>,
    pub error: Option<String>,
}

pub(crate) fn view(a: AccountRow, now: Ts) -> AccountView {
    AccountView {
        sync: Sync {
            state: a.sync_state,
            since_us: a.sync_since,
            waiting_s: (a.sync_state == SyncState::Pending).then(|| now.secs_since(a.sync_since)),
            error: a.sync_error,
        },
        reading: a
            .last_state
            .and_then(|t| serde_json::from_str::<Reading>(&t).ok())
            .map(ReadingView::from),
        mapping: format!("{} v{}", a.mapping_id, a.mapping_version),
        id: a.id,
        client_id: a.client_id,
        entity: a.entity,
        kind: a.kind,
        account_type: a.account_type,
        currency: a.currency,
        server: a.server,
        group: a.platform_group,
        leverage: a.leverage,
        login: a.login,
        state: a.state,
        rights: a.rights_actual,
        rights_wanted: a.rights_wanted,
        rights_reason: a.rights_reason,
        rights_by: a.rights_by,
        read_at_us: a.read_at,
        created_at_us: a.created_at,
        ready_at_us: a.ready_at,
        moves: None,
        passwords_wait: None,
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenRequest {
    pub kind: AccountKind,
    pub account_type: String,
    pub currency: Currency,
    /// None takes the mapping's default; never above its maximum nor above the client's cap.
    #[serde(default)]
    pub leverage: Option<i64>,
}

/// The account's owner, as the platform is told. Given by the caller, who owns the client record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Owner {
    pub client_id: String,
    pub entity: String,
    pub name: String,
    pub email: String,
    pub country: String,
    pub city: String,
    pub address: String,
    pub phone: String,
    pub language: String,
}

/// What the entity's rule book says about a new account, decided by the caller; the account keeps
/// the rule book's version for ever (TP-02).
#[derive(Clone, Debug)]
pub struct Mapping {
    pub kind: AccountKind,
    pub account_type: String,
    pub currency: Currency,
    pub server: String,
    pub group: String,
    /// What the type gives without a wish, and the most this client may have.
    pub leverage_default: i64,
    pub leverage_max: i64,
    pub max_per_client: i64,
    /// The entity's code and the version of its rule book.
    pub source: String,
    pub version: i64,
}

pub async fn request(tx: &mut Tx, core: &Core, caller: &Caller, owner: Owner, m: Mapping, wish: Option<i64>) -> Result<AccountView> {
    let now = core.now();
    let cap = m.leverage_max;
    let leverage = match wish {
        Some(l) if l < 1 || l > cap => {
            return Err(Problem::invalid(
                "leverage",
                "leverage_out_of_range",
                format!("expected 1 to {cap}"),
            ));
        }
        Some(l) => l,
        None => m.leverage_default.min(cap),
    };
    let have = store::count_for_limit(tx, &owner.client_id, m.kind, &m.account_type).await?;
    if have >= m.max_per_client {
        return Err(Problem::conflict(
            "account_limit_reached",
            format!(
                "at most {} {} accounts of the type {} for one client",
                m.max_per_client, m.kind, m.account_type
            ),
        ));
    }
    let row = AccountRow {
        id: TradingAccountId::new(&core.env),
        client_id: owner.client_id.clone(),
        entity: owner.entity.clone(),
        kind: m.kind,
        account_type: m.account_type,
        currency: m.currency,
        server: m.server,
        platform_group: m.group,
        leverage,
        login: None,
        state: AccountState::Requested,
        mapping_id: m.source,
        mapping_version: m.version,
        rights_wanted: Rights::Full,
        rights_actual: Rights::Full,
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
    store::insert_account(tx, &row).await?;
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "trading.account_requested",
            aggregate: format!("tacc:{}", row.id),
            entity: Some(row.entity.clone()),
            payload: json!({"account_id": row.id, "client_id": row.client_id, "server": row.server, "kind": row.kind}),
        },
    )
    .await?;
    note(tx, core, caller, "trading_account.requested", &row, None, None).await?;
    jobs::enqueue(
        tx,
        core,
        NewJob::new("trading.open", json!({"account_id": row.id, "owner": owner}), now)
            .key(row.id.to_string())
            .lane(format!("tacc:{}", row.id))
            .attempts(ATTEMPTS),
    )
    .await?;
    Ok(view(row, now))
}

pub async fn get(tx: &mut Tx, core: &Core, caller: &Caller, id: TradingAccountId) -> Result<AccountView> {
    let a = scoped(tx, caller, id).await?;
    Ok(view(a, core.now()))
}

/// The account if the caller may know of it; else it does not exist for them.
pub(crate) async fn scoped(tx: &mut Tx, caller: &Caller, id: TradingAccountId) -> Result<AccountRow> {
    let a = store::account(tx, id).await?.ok_or_else(|| Problem::missing("trading account"))?;
    match caller.client_id() {
        Ok(c) if c == a.client_id => Ok(a),
        Ok(_) => Err(Problem::missing("trading account")),
        Err(_) => {
            caller.require(Right::AccountsView)?;
            match caller.allowed_entities() {
                Some(e) if !e.contains(&a.entity) => Err(Problem::missing("trading account")),
                _ => Ok(a),
            }
        }
    }
}

pub async fn of_client(tx: &mut Tx, core: &Core, client_id: &str) -> Result<Vec<AccountView>> {
    let now = core.now();
    Ok(store::accounts_of(tx, client_id).await?.into_iter().map(|a| view(a, now)).collect())
}

/// For sums over a client's accounts.
pub async fn of_client_ids(tx: &mut Tx, client_id: &str) -> Result<Vec<TradingAccountId>> {
    store::account_ids_of(tx, client_id).await
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct AccountQuery {
    pub server: Option<String>,
    pub state: Option<AccountState>,
    pub sync_state: Option<SyncState>,
    pub rights: Option<Rights>,
}

pub async fn list(tx: &mut Tx, core: &Core, caller: &Caller, q: AccountQuery, page: &PageRequest) -> Result<Page<AccountView>> {
    caller.require(Right::AccountsView)?;
    let f = AccountFilter {
        entities: caller.allowed_entities(),
        server: q.server,
        state: q.state,
        sync_state: q.sync_state,
        rights: q.rights,
    };
    let now = core.now();
    let rows = store::list_accounts(tx, &f, page)
        .await?
        .into_iter()
        .map(|a| view(a, now))
        .collect();
    Ok(page.finish(rows, |a: &AccountView| a.id.to_string()))
}

/// Restricts or frees an account. Takes effect on the platform by a job; the wish and its reason
/// are visible at once.
pub async fn restrict(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: TradingAccountId,
    rights: Rights,
    reason: &str,
) -> Result<AccountView> {
    caller.require(Right::AccountsRestrict)?;
    if reason.trim().is_empty() {
        return Err(Problem::invalid(
            "reason",
            "reason_missing",
            "expected the reason, which staff and auditors will read",
        ));
    }
    let mut a = scoped(tx, caller, id).await?;
    let before = json!({"rights": a.rights_wanted});
    let now = core.now();
    a.rights_wanted = rights;
    a.rights_reason = Some(reason.to_string());
    a.rights_by = Some(caller.label());
    pending(&mut a, now);
    save(tx, &mut a).await?;
    note(
        tx,
        core,
        caller,
        "trading_account.rights_changed",
        &a,
        Some(before),
        Some(reason.to_string()),
    )
    .await?;
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "trading.account_blocked",
            aggregate: format!("tacc:{}", a.id),
            entity: Some(a.entity.clone()),
            payload: json!({"account_id": a.id, "client_id": a.client_id, "rights": rights}),
        },
    )
    .await?;
    apply_later(tx, core, &a).await?;
    Ok(view(a, now))
}

/// `max`: the most this client may have, from the entity's rule book.
pub async fn set_leverage(tx: &mut Tx, core: &Core, caller: &Caller, id: TradingAccountId, leverage: i64, max: i64) -> Result<AccountView> {
    caller.require(Right::AccountsLeverage)?;
    let mut a = scoped(tx, caller, id).await?;
    if !(1..=max).contains(&leverage) {
        return Err(Problem::invalid(
            "leverage",
            "leverage_out_of_range",
            format!("expected 1 to {max}"),
        ));
    }
    let before = json!({"leverage": a.leverage});
    let now = core.now();
    a.leverage = leverage;
    pending(&mut a, now);
    save(tx, &mut a).await?;
    note(tx, core, caller, "trading_account.leverage_changed", &a, Some(before), None).await?;
    apply_later(tx, core, &a).await?;
    Ok(view(a, now))
}

pub(crate) fn pending(a: &mut AccountRow, now: Ts) {
    a.sync_state = SyncState::Pending;
    a.sync_since = now;
    a.sync_error = None;
}

pub(crate) async fn apply_later(tx: &mut Tx, core: &Core, a: &AccountRow) -> Result<()> {
    jobs::enqueue(
        tx,
        core,
        NewJob::new("trading.apply", json!({"account_id": a.id}), core.now())
            .lane(format!("tacc:{}", a.id))
            .attempts(ATTEMPTS),
    )
    .await
    .map(|_| ())
}

pub(crate) async fn save(tx: &mut Tx, a: &mut AccountRow) -> Result<()> {
    if !store::update_account(tx, a).await? {
        return Err(Problem::unavailable(
            "account_changed",
            "somebody else changed this account a moment ago; try again",
        ));
    }
    a.version += 1;
    Ok(())
}

async fn note(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    a: &AccountRow,
    before: Option<Value>,
    reason: Option<String>,
) -> Result<()> {
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action,
            object: format!("trading_account:{}", a.id),
            client_id: Some(a.client_id.clone()),
            entity: Some(a.entity.clone()),
            before,
            after: Some(json!({"state": a.state, "rights": a.rights_wanted, "leverage": a.leverage, "server": a.server, "group": a.platform_group, "login": a.login})),
            reason,
            rule: None,
            seen: None,
        },
    )
    .await
    .map(|_| ())
}

/// The first passwords, once: they are erased as they are shown.
pub async fn reveal_passwords(tx: &mut Tx, core: &Core, caller: &Caller, platforms: &Platforms, id: TradingAccountId) -> Result<Passwords> {
    let client = caller.client_id()?;
    let a = scoped(tx, caller, id).await?;
    if a.client_id != client || a.state != AccountState::Ready {
        return Err(Problem::missing("trading account"));
    }
    let sealed = store::passwords(tx, id).await?.ok_or_else(|| {
        Problem::conflict(
            "passwords_already_shown",
            "the first passwords were shown once and are gone; set a new one",
        )
    })?;
    let plain = platforms.vault.open(&sealed)?;
    store::set_passwords(tx, id, None).await?;
    note(tx, core, caller, "trading_account.passwords_shown", &a, None, None).await?;
    let p: Passwords = serde_json::from_slice(&plain)?;
    Ok(p)
}

/// Whether the first passwords are still there to be shown.
pub async fn passwords_wait(tx: &mut Tx, id: TradingAccountId) -> Result<bool> {
    Ok(store::passwords(tx, id).await?.is_some())
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Passwords {
    pub main: String,
    pub investor: String,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords(***)")
    }
}

/// Twelve characters with lower, upper, digit and special, in random places
/// (trading-platforms.md 1.5).
pub(crate) fn new_password(core: &Core) -> String {
    const SETS: [&[u8]; 4] = [b"abcdefghijkmnpqrstuvwxyz", b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"23456789", b"!@#%*-_+"];
    let e = &core.env.entropy;
    let pick = |s: &[u8]| s[usize::try_from(e.below(s.len() as u64)).unwrap_or(0)];
    let mut out: Vec<u8> = SETS.iter().map(|s| pick(s)).collect();
    while out.len() < 12 {
        out.push(pick(SETS[usize::try_from(e.below(3)).unwrap_or(0)]));
    }
    for i in (1..out.len()).rev() {
        out.swap(i, usize::try_from(e.below(i as u64 + 1)).unwrap_or(0));
    }
    out.into_iter().map(char::from).collect()
}

/// Takes what the platform says about an account: confirms what was pending, notices what was
/// changed there (TP-07, both ways). `asked`: the rights this node has just set there itself, so
/// that the echo of an older wish of ours is not taken for somebody's change on the platform.
pub(crate) async fn confirmed(tx: &mut Tx, core: &Core, id: TradingAccountId, seen: &PlatformAccount, asked: Option<Rights>) -> Result<()> {
    let Some(mut a) = store::account(tx, id).await? else {
        return Ok(());
    };
    let actual: Rights = seen.rights.into();
    let settled = a.sync_state == SyncState::Synced;
    let differs = actual != a.rights_actual || seen.group != a.platform_group || i64::from(seen.leverage) != a.leverage;
    if settled && !differs {
        return Ok(());
    }
    let before = json!({"rights": a.rights_actual, "group": a.platform_group, "leverage": a.leverage});
    a.rights_actual = actual;
    let overtaken = settled && asked == Some(actual) && actual != a.rights_wanted;
    let foreign = settled && !overtaken;
    // A restriction of ours is not lifted by somebody else: it is set there again.
    let ours = a.rights_by.as_deref().is_some_and(|by| by != PLATFORM);
    let lifted = foreign && ours && actual.freer_than(a.rights_wanted);
    if foreign && lifted {
        a.platform_group = seen.group.clone();
        a.leverage = i64::from(seen.leverage);
        pending(&mut a, core.now());
    } else if foreign {
        // Changed on the platform itself: that is the truth now, and it is said so.
        a.rights_wanted = actual;
        a.rights_reason = Some("changed on the platform".into());
        a.rights_by = Some(PLATFORM.into());
        a.platform_group = seen.group.clone();
        a.leverage = i64::from(seen.leverage);
    }
    let synced = !lifted && actual == a.rights_wanted && i64::from(seen.leverage) == a.leverage;
    if synced {
        a.sync_state = SyncState::Synced;
        a.sync_since = core.now();
        a.sync_error = None;
    } else if overtaken {
        pending(&mut a, core.now());
    }
    save(tx, &mut a).await?;
    if synced && !settled {
        exceptions::resolve(
            tx,
            core,
            "platform.change_refused",
            &format!("tacc:{id}"),
            "the platform shows it as wanted",
        )
        .await?;
    }
    if overtaken || lifted {
        apply_later(tx, core, &a).await?;
    }
    if lifted {
        let cause = format!(
            "{} login {}: {} was lifted to {actual} on the platform and is set there again",
            a.server, seen.login, a.rights_wanted
        );
        let what = json!({"account_id": a.id, "rights_wanted": a.rights_wanted, "rights_there": actual});
        let (entity, client_id) = (Some(a.entity.clone()), Some(a.client_id.clone()));
        let e = exceptions::NewException {
            kind: "platform.restriction_lifted",
            subject: format!("tacc:{id}"),
            entity,
            client_id,
            owner_role: "ops",
            rule: "platform_lifted_restriction",
            cause,
            detail: what,
            retry: None,
        };
        exceptions::raise(tx, core, e).await?;
        note(
            tx,
            core,
            &Caller::system(PLATFORM),
            "trading_account.restriction_restored",
            &a,
            Some(before),
            None,
        )
        .await?;
    } else if foreign {
        note(
            tx,
            core,
            &Caller::system(PLATFORM),
            "trading_account.changed_on_platform",
            &a,
            Some(before),
            None,
        )
        .await?;
        events::publish(
            tx,
            core,
            NewEvent {
                kind: "trading.account_blocked",
                aggregate: format!("tacc:{}", a.id),
                entity: Some(a.entity.clone()),
                payload: json!({"account_id": a.id, "client_id": a.client_id, "rights": actual}),
            },
        )
        .await?;
    }
    Ok(())
}

pub(crate) async fn reading(tx: &mut Tx, id: TradingAccountId, r: &Reading) -> Result<()> {
    store::set_reading(tx, id, &serde_json::to_string(r)?, r.read_at).await
}
