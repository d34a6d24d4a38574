//! The SQL of this crate.

use crate::{AccountKind, AccountState, Direction, MoveId, MoveKind, MoveState, Rights, SyncState, TradingAccountId};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, Lots, PageRequest, Result, Ts, Val, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct AccountRow {
        pub id: TradingAccountId,
        pub client_id: String,
        pub entity: String,
        pub kind: AccountKind,
        pub account_type: String,
        pub currency: Currency,
        pub server: String,
        pub platform_group: String,
        pub leverage: i64,
        pub login: Option<String>,
        pub state: AccountState,
        pub mapping_id: String,
        pub mapping_version: i64,
        pub rights_wanted: Rights,
        pub rights_actual: Rights,
        pub rights_reason: Option<String>,
        pub rights_by: Option<String>,
        pub sync_state: SyncState,
        pub sync_since: Ts,
        pub sync_error: Option<String>,
        pub last_state: Option<String>,
        pub read_at: Option<Ts>,
        pub created_at: Ts,
        pub ready_at: Option<Ts>,
        pub version: i64,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct MoveRow {
        pub id: MoveId,
        pub account_id: TradingAccountId,
        pub client_id: String,
        pub entity: String,
        pub server: String,
        pub login: String,
        pub direction: Direction,
        pub kind: MoveKind,
        pub amount_minor: i64,
        pub currency: Currency,
        pub token: String,
        pub purpose: String,
        pub state: MoveState,
        pub sends: i64,
        pub empty_looks: i64,
        pub first_sent_at: Option<Ts>,
        pub sent_at: Option<Ts>,
        pub done_at: Option<Ts>,
        pub ticket: Option<String>,
        pub last_code: Option<String>,
        pub last_detail: Option<String>,
        pub created_at: Ts,
        pub version: i64,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct DealRow {
        pub server: String,
        pub ticket: String,
        pub revision: i64,
        pub login: String,
        pub account_id: Option<TradingAccountId>,
        pub kind: String,
        pub side: String,
        pub entry: String,
        pub technical: bool,
        pub reason: String,
        pub symbol: String,
        pub volume: Lots,
        pub volume_closed: Lots,
        pub contract_size: i64,
        pub digits: u8,
        pub price: i64,
        pub price_position: i64,
        pub bid: Option<i64>,
        pub ask: Option<i64>,
        pub profit_minor: i64,
        pub swap_minor: i64,
        pub commission_minor: i64,
        pub currency: Currency,
        pub position_id: String,
        pub comment: String,
        pub at: Ts,
        pub server_wall_ms: i64,
        pub modified: bool,
        pub gone: bool,
        pub recorded_at: Ts,
    }
}

row! {
    #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
    #[schema(as = TradingServer)]
    pub struct ServerRow {
        pub id: String,
        pub entity: String,
        pub platform: String,
        pub kind: AccountKind,
        pub group_mask: String,
        pub enabled: bool,
        pub info: Option<String>,
        #[serde(rename = "last_ok_at_us")]
        pub last_ok_at: Option<Ts>,
        pub last_error: Option<String>,
        #[serde(rename = "last_error_at_us")]
        pub last_error_at: Option<Ts>,
        /// The API's build as the server stated it last.
        pub build: Option<String>,
        /// Whether the connector was tested against it.
        pub build_tested: Option<bool>,
        /// Since when its jobs wait; None: they run.
        #[serde(rename = "paused_at_us")]
        pub paused_at: Option<Ts>,
        pub paused_by: Option<String>,
        pub paused_reason: Option<String>,
    }
}

row! {
    #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
    #[schema(as = DealFeed)]
    pub struct CursorRow {
        pub server: String,
        #[serde(rename = "watermark_at_us")]
        pub watermark_at: Ts,
        #[serde(rename = "short_rescan_at_us")]
        pub short_rescan_at: Ts,
        #[serde(rename = "long_rescan_at_us")]
        pub long_rescan_at: Ts,
        #[serde(rename = "polled_at_us")]
        pub polled_at: Ts,
        pub deals_total: i64,
        pub lag_us: i64,
    }
}

// Servers

pub async fn put_server(tx: &mut Tx, id: &str, entity: &str, platform: &str, kind: AccountKind, mask: &str) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO trading_servers (id, entity, platform, kind, group_mask, enabled) VALUES ($1, $2, $3, $4, $5, TRUE)
              ON CONFLICT (id) DO UPDATE SET entity = excluded.entity, platform = excluded.platform, kind = excluded.kind, group_mask = excluded.group_mask"),
        &vals![id, entity, platform, kind, mask],
    )
    .await
    .map(|_| ())
}

pub async fn servers(tx: &mut Tx) -> Result<Vec<ServerRow>> {
    tx.rows(sql!("SELECT id, entity, platform, kind, group_mask, enabled, info, last_ok_at, last_error, last_error_at, build, build_tested, paused_at, paused_by, paused_reason FROM trading_servers ORDER BY id"), &[]).await
}

pub async fn server(tx: &mut Tx, id: &str) -> Result<Option<ServerRow>> {
    tx.one(sql!("SELECT id, entity, platform, kind, group_mask, enabled, info, last_ok_at, last_error, last_error_at, build, build_tested, paused_at, paused_by, paused_reason FROM trading_servers WHERE id = $1"), &vals![id]).await
}

pub async fn server_ok(tx: &mut Tx, id: &str, info: Option<&str>, at: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE trading_servers SET info = COALESCE($2, info), last_ok_at = $3, last_error = NULL WHERE id = $1"),
        &vals![id, info, at],
    )
    .await
    .map(|_| ())
}

pub async fn server_failed(tx: &mut Tx, id: &str, error: &str, at: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE trading_servers SET last_error = $2, last_error_at = $3 WHERE id = $1"),
        &vals![id, error, at],
    )
    .await
    .map(|_| ())
}

pub async fn set_paused(tx: &mut Tx, id: &str, paused: Option<(Ts, &str, &str)>) -> Result<()> {
    tx.exec(
        sql!("UPDATE trading_servers SET enabled = $2, paused_at = $3, paused_by = $4, paused_reason = $5 WHERE id = $1"),
        &vals![
            id,
            paused.is_none(),
            paused.map(|p| p.0),
            paused.map(|p| p.1.to_string()),
            paused.map(|p| p.2.to_string())
        ],
    )
    .await
    .map(|_| ())
}

pub async fn set_build(tx: &mut Tx, id: &str, build: &str, tested: bool) -> Result<()> {
    tx.exec(
        sql!("UPDATE trading_servers SET build = $2, build_tested = $3 WHERE id = $1"),
        &vals![id, build, tested],
    )
    .await
    .map(|_| ())
}

// Accounts

pub async fn insert_account(tx: &mut Tx, a: &AccountRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO trading_accounts (id, client_id, entity, kind, account_type, currency, server, platform_group, leverage, login, state, mapping_id, mapping_version,
                rights_wanted, rights_actual, sync_state, sync_since, created_at, version)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"),
        &vals![a.id, a.client_id.as_str(), a.entity.as_str(), a.kind, a.account_type.as_str(), a.currency, a.server.as_str(), a.platform_group.as_str(), a.leverage, a.login.clone(), a.state, a.mapping_id.as_str(), a.mapping_version, a.rights_wanted, a.rights_actual, a.sync_state, a.sync_since, a.created_at, a.version],
    )
    .await
    .map(|_| ())
}

pub async fn account(tx: &mut Tx, id: TradingAccountId) -> Result<Option<AccountRow>> {
    tx.one(
        sql!("SELECT id, client_id, entity, kind, account_type, currency, server, platform_group, leverage, login, state, mapping_id, mapping_version, rights_wanted, rights_actual,
                rights_reason, rights_by, sync_state, sync_since, sync_error, last_state, read_at, created_at, ready_at, version FROM trading_accounts WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn account_by_login(tx: &mut Tx, server: &str, login: &str) -> Result<Option<AccountRow>> {
    tx.one(
        sql!("SELECT id, client_id, entity, kind, account_type, currency, server, platform_group, leverage, login, state, mapping_id, mapping_version, rights_wanted, rights_actual,
                rights_reason, rights_by, sync_state, sync_since, sync_error, last_state, read_at, created_at, ready_at, version FROM trading_accounts WHERE server = $1 AND login = $2"),
        &vals![server, login],
    )
    .await
}

pub async fn accounts_of(tx: &mut Tx, client_id: &str) -> Result<Vec<AccountRow>> {
    tx.rows(
        sql!("SELECT id, client_id, entity, kind, account_type, currency, server, platform_group, leverage, login, state, mapping_id, mapping_version, rights_wanted, rights_actual,
                rights_reason, rights_by, sync_state, sync_since, sync_error, last_state, read_at, created_at, ready_at, version FROM trading_accounts WHERE client_id = $1 ORDER BY id"),
        &vals![client_id],
    )
    .await
}

pub async fn account_ids_of(tx: &mut Tx, client_id: &str) -> Result<Vec<TradingAccountId>> {
    let rows: Vec<(TradingAccountId,)> = tx
        .rows(
            sql!("SELECT id FROM trading_accounts WHERE client_id = $1 ORDER BY id"),
            &vals![client_id],
        )
        .await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}

pub struct AccountFilter {
    pub entities: Option<Vec<String>>,
    pub server: Option<String>,
    pub state: Option<AccountState>,
    pub sync_state: Option<SyncState>,
    pub rights: Option<Rights>,
}

pub async fn list_accounts(tx: &mut Tx, f: &AccountFilter, page: &PageRequest) -> Result<Vec<AccountRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, client_id, entity, kind, account_type, currency, server, platform_group, leverage, login, state, mapping_id, mapping_version, rights_wanted, rights_actual,
           rights_reason, rights_by, sync_state, sync_since, sync_error, last_state, read_at, created_at, ready_at, version FROM trading_accounts WHERE TRUE"
    ));
    if let Some(e) = &f.entities {
        q.push(sql!(" AND entity IN ("), []);
        for (i, code) in e.iter().enumerate() {
            if i > 0 {
                q.push(sql!(", "), []);
            }
            q.push(sql!("$?"), [Val::from(code)]);
        }
        q.push(sql!(")"), []);
    }
    if let Some(s) = &f.server {
        q.push(sql!(" AND server = $?"), [Val::from(s)]);
    }
    if let Some(s) = f.state {
        q.push(sql!(" AND state = $?"), [Val::from(s)]);
    }
    if let Some(s) = f.sync_state {
        q.push(sql!(" AND sync_state = $?"), [Val::from(s)]);
    }
    if let Some(r) = f.rights {
        q.push(sql!(" AND rights_actual = $?"), [Val::from(r)]);
    }
    if let Some(a) = &page.after {
        q.push(sql!(" AND id < $?"), [Val::from(a)]);
    }
    q.push(sql!(" ORDER BY id DESC LIMIT $?"), [Val::from(page.fetch())]);
    tx.query(&q).await
}

/// Every aggregate change goes through here: the version is the lock.
pub async fn update_account(tx: &mut Tx, a: &AccountRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE trading_accounts SET platform_group = $3, leverage = $4, login = $5, state = $6, rights_wanted = $7, rights_actual = $8, rights_reason = $9, rights_by = $10,
                    sync_state = $11, sync_since = $12, sync_error = $13, ready_at = $14, version = version + 1 WHERE id = $1 AND version = $2"),
            &vals![a.id, a.version, a.platform_group.as_str(), a.leverage, a.login.clone(), a.state, a.rights_wanted, a.rights_actual, a.rights_reason.clone(), a.rights_by.clone(), a.sync_state, a.sync_since, a.sync_error.clone(), a.ready_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn set_passwords(tx: &mut Tx, id: TradingAccountId, sealed: Option<Vec<u8>>) -> Result<()> {
    tx.exec(
        sql!("UPDATE trading_accounts SET sealed_passwords = $2 WHERE id = $1"),
        &vals![id, sealed],
    )
    .await
    .map(|_| ())
}

pub async fn passwords(tx: &mut Tx, id: TradingAccountId) -> Result<Option<Vec<u8>>> {
    Ok(tx
        .one::<(Option<Vec<u8>>,)>(sql!("SELECT sealed_passwords FROM trading_accounts WHERE id = $1"), &vals![id])
        .await?
        .and_then(|r| r.0))
}

pub async fn set_reading(tx: &mut Tx, id: TradingAccountId, state: &str, at: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE trading_accounts SET last_state = $2, read_at = $3 WHERE id = $1 AND (read_at IS NULL OR read_at < $3)"),
        &vals![id, state, at],
    )
    .await
    .map(|_| ())
}

pub async fn stalest_ready(tx: &mut Tx, server: &str, before: Ts, limit: i64) -> Result<Vec<(TradingAccountId, String)>> {
    tx.rows(
        sql!("SELECT id, login FROM trading_accounts WHERE server = $1 AND state = 'ready' AND login IS NOT NULL AND (read_at IS NULL OR read_at < $2) ORDER BY COALESCE(read_at, 0) LIMIT $3"),
        &vals![server, before, limit],
    )
    .await
}

pub async fn count_for_limit(tx: &mut Tx, client_id: &str, kind: AccountKind, account_type: &str) -> Result<i64> {
    Ok(tx
        .must::<(i64,)>(
            sql!("SELECT COUNT(*) FROM trading_accounts WHERE client_id = $1 AND kind = $2 AND account_type = $3 AND state <> 'closed'"),
            &vals![client_id, kind, account_type],
        )
        .await?
        .0)
}

// Moves

pub async fn insert_move(tx: &mut Tx, m: &MoveRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("INSERT INTO platform_moves (id, account_id, client_id, entity, server, login, direction, kind, amount_minor, currency, token, purpose, state, sends, empty_looks, created_at, version)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, $14, 1) ON CONFLICT (purpose) DO NOTHING"),
            &vals![m.id, m.account_id, m.client_id.as_str(), m.entity.as_str(), m.server.as_str(), m.login.as_str(), m.direction, m.kind, m.amount_minor, m.currency, m.token.as_str(), m.purpose.as_str(), m.state, m.created_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn get_move(tx: &mut Tx, id: MoveId) -> Result<Option<MoveRow>> {
    tx.one(
        sql!("SELECT id, account_id, client_id, entity, server, login, direction, kind, amount_minor, currency, token, purpose, state, sends, empty_looks, first_sent_at, sent_at, done_at, ticket, last_code, last_detail, created_at, version
              FROM platform_moves WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn move_by_purpose(tx: &mut Tx, purpose: &str) -> Result<Option<MoveRow>> {
    tx.one(
        sql!("SELECT id, account_id, client_id, entity, server, login, direction, kind, amount_minor, currency, token, purpose, state, sends, empty_looks, first_sent_at, sent_at, done_at, ticket, last_code, last_detail, created_at, version
              FROM platform_moves WHERE purpose = $1"),
        &vals![purpose],
    )
    .await
}

pub async fn move_by_token(tx: &mut Tx, token: &str) -> Result<Option<MoveRow>> {
    tx.one(
        sql!("SELECT id, account_id, client_id, entity, server, login, direction, kind, amount_minor, currency, token, purpose, state, sends, empty_looks, first_sent_at, sent_at, done_at, ticket, last_code, last_detail, created_at, version
              FROM platform_moves WHERE token = $1"),
        &vals![token],
    )
    .await
}

/// Credit of the account that was given and not taken back; what is being taken back counts as taken.
pub async fn credit_given(tx: &mut Tx, account_id: TradingAccountId) -> Result<i64> {
    Ok(tx
        .must::<(i64,)>(
            sql!("SELECT CAST(COALESCE(SUM(CASE WHEN direction = 'to_platform' AND state = 'done' THEN amount_minor
                                                WHEN direction = 'from_platform' AND state NOT IN ('refused', 'returned') THEN -amount_minor ELSE 0 END), 0) AS BIGINT)
                  FROM platform_moves WHERE account_id = $1 AND kind = 'credit'"),
            &vals![account_id],
        )
        .await?
        .0)
}

/// Another deal of the account whose comment starts with the same token.
pub async fn token_booked_before(tx: &mut Tx, account_id: TradingAccountId, token: &str, ticket: &str) -> Result<Option<String>> {
    Ok(tx
        .one::<(String,)>(
            sql!("SELECT ticket FROM deals WHERE account_id = $1 AND kind IN ('balance', 'credit') AND NOT gone AND ticket <> $3 AND (comment = $2 OR comment LIKE $2 || ' %') ORDER BY ticket LIMIT 1"),
            &vals![account_id, token, ticket],
        )
        .await?
        .map(|r| r.0))
}

pub async fn moves_of(tx: &mut Tx, account_id: TradingAccountId, limit: i64) -> Result<Vec<MoveRow>> {
    tx.rows(
        sql!("SELECT id, account_id, client_id, entity, server, login, direction, kind, amount_minor, currency, token, purpose, state, sends, empty_looks, first_sent_at, sent_at, done_at, ticket, last_code, last_detail, created_at, version
              FROM platform_moves WHERE account_id = $1 ORDER BY id DESC LIMIT $2"),
        &vals![account_id, limit],
    )
    .await
}

pub async fn update_move(tx: &mut Tx, m: &MoveRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE platform_moves SET state = $3, sends = $4, empty_looks = $5, first_sent_at = $6, sent_at = $7, done_at = $8, ticket = $9, last_code = $10, last_detail = $11, version = version + 1
                  WHERE id = $1 AND version = $2"),
            &vals![m.id, m.version, m.state, m.sends, m.empty_looks, m.first_sent_at, m.sent_at, m.done_at, m.ticket.clone(), m.last_code.clone(), m.last_detail.clone()],
        )
        .await?;
    Ok(n == 1)
}

// Deals

row! {
    pub struct Known {
        pub ticket: String,
        pub revision: i64,
        pub fingerprint: String,
        pub gone: bool,
        pub profit_minor: i64,
        pub swap_minor: i64,
        pub commission_minor: i64,
        pub kind: String,
        pub login: String,
        pub account_id: Option<TradingAccountId>,
    }
}

pub async fn latest_deal(tx: &mut Tx, server: &str, ticket: &str) -> Result<Option<Known>> {
    tx.one(
        sql!("SELECT ticket, revision, fingerprint, gone, profit_minor, swap_minor, commission_minor, kind, login, account_id FROM deals WHERE server = $1 AND ticket = $2 ORDER BY revision DESC LIMIT 1"),
        &vals![server, ticket],
    )
    .await
}

/// Newest revisions of the deals with a time in the window (inclusive).
pub async fn known_between(tx: &mut Tx, server: &str, from: Ts, to: Ts) -> Result<Vec<Known>> {
    tx.rows(
        sql!("SELECT d.ticket, d.revision, d.fingerprint, d.gone, d.profit_minor, d.swap_minor, d.commission_minor, d.kind, d.login, d.account_id FROM deals d
              WHERE d.server = $1 AND d.at >= $2 AND d.at <= $3
                AND d.revision = (SELECT MAX(n.revision) FROM deals n WHERE n.server = d.server AND n.ticket = d.ticket)"),
        &vals![server, from, to],
    )
    .await
}

pub async fn insert_deals(tx: &mut Tx, rows: &[Vec<Val>]) -> Result<u64> {
    tx.exec_many(
        sql!("INSERT INTO deals (server, ticket, revision, login, account_id, kind, side, entry, technical, reason, symbol, volume, volume_closed, contract_size, digits, price, price_position,
                bid, ask, profit_minor, swap_minor, commission_minor, currency, position_id, comment, at, server_wall_ms, modified, gone, fingerprint, recorded_at)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)
              ON CONFLICT DO NOTHING"),
        rows,
    )
    .await
}

/// A copy of the last revision, marked as gone from the server.
pub async fn insert_gone(tx: &mut Tx, server: &str, ticket: &str, revision: i64, at: Ts) -> Result<u64> {
    tx.exec(
        sql!("INSERT INTO deals (server, ticket, revision, login, account_id, kind, side, entry, technical, reason, symbol, volume, volume_closed, contract_size, digits, price, price_position,
                bid, ask, profit_minor, swap_minor, commission_minor, currency, position_id, comment, at, server_wall_ms, modified, gone, fingerprint, recorded_at)
              SELECT server, ticket, revision + 1, login, account_id, kind, side, entry, technical, reason, symbol, volume, volume_closed, contract_size, digits, price, price_position,
                bid, ask, profit_minor, swap_minor, commission_minor, currency, position_id, comment, at, server_wall_ms, modified, TRUE, 'gone', $4
              FROM deals WHERE server = $1 AND ticket = $2 AND revision = $3 ON CONFLICT DO NOTHING"),
        &vals![server, ticket, revision, at],
    )
    .await
}

pub async fn deal(tx: &mut Tx, server: &str, ticket: &str, revision: i64) -> Result<Option<DealRow>> {
    tx.one(
        sql!("SELECT server, ticket, revision, login, account_id, kind, side, entry, technical, reason, symbol, volume, volume_closed, contract_size, digits, price, price_position, bid, ask,
                profit_minor, swap_minor, commission_minor, currency, position_id, comment, at, server_wall_ms, modified, gone, recorded_at
              FROM deals WHERE server = $1 AND ticket = $2 AND revision = $3"),
        &vals![server, ticket, revision],
    )
    .await
}

row! {
    /// A deal that opened a position or added to it.
    #[derive(Clone, Debug)]
    pub struct EntryRow {
        pub at: Ts,
        pub digits: u8,
        pub price: i64,
        pub bid: Option<i64>,
        pub ask: Option<i64>,
        pub opened: Lots,
        pub commission_minor: i64,
    }
}

/// The entries of a position, oldest first: newest revisions that the platform still has.
pub async fn entries(tx: &mut Tx, server: &str, position_id: &str) -> Result<Vec<EntryRow>> {
    tx.rows(
        sql!(
            "SELECT d.at, d.digits, d.price, d.bid, d.ask, d.volume - d.volume_closed, d.commission_minor FROM deals d
             WHERE d.server = $1 AND d.position_id = $2 AND d.entry IN ('in', 'in_out') AND d.kind = 'trade' AND d.gone = FALSE
               AND NOT EXISTS (SELECT 1 FROM deals n WHERE n.server = d.server AND n.ticket = d.ticket AND n.revision > d.revision)
             ORDER BY d.at, d.ticket LIMIT 1000"
        ),
        &vals![server, position_id],
    )
    .await
}

/// Of the newest revisions that the platform still has.
pub async fn balance_before(tx: &mut Tx, account_id: TradingAccountId, at: Ts) -> Result<i64> {
    let (sum,): (i64,) = tx
        .must(
            sql!(
                "SELECT CAST(COALESCE(SUM(d.profit_minor + d.swap_minor + d.commission_minor), 0) AS BIGINT)
              FROM deals d WHERE d.account_id = $1 AND d.at < $2 AND d.kind <> 'credit' AND d.gone = FALSE
                AND NOT EXISTS (SELECT 1 FROM deals n WHERE n.server = d.server AND n.ticket = d.ticket AND n.revision > d.revision)"
            ),
            &vals![account_id, at],
        )
        .await?;
    Ok(sum)
}

/// Newest revisions of an account's deals, newest first.
pub async fn deals_of(
    tx: &mut Tx,
    account_id: TradingAccountId,
    from: Ts,
    to: Ts,
    after: Option<(i64, &str)>,
    limit: i64,
) -> Result<Vec<DealRow>> {
    let (at, ticket) = after.unwrap_or((i64::MAX, ""));
    tx.rows(
        sql!("SELECT d.server, d.ticket, d.revision, d.login, d.account_id, d.kind, d.side, d.entry, d.technical, d.reason, d.symbol, d.volume, d.volume_closed, d.contract_size, d.digits, d.price,
                d.price_position, d.bid, d.ask, d.profit_minor, d.swap_minor, d.commission_minor, d.currency, d.position_id, d.comment, d.at, d.server_wall_ms, d.modified, d.gone, d.recorded_at
              FROM deals d WHERE d.account_id = $1 AND d.at >= $2 AND d.at <= $3 AND (d.at < $4 OR (d.at = $4 AND d.ticket < $5))
                AND NOT EXISTS (SELECT 1 FROM deals n WHERE n.server = d.server AND n.ticket = d.ticket AND n.revision > d.revision)
              ORDER BY d.at DESC, d.ticket DESC LIMIT $6"),
        &vals![account_id, from, to, at, ticket, limit],
    )
    .await
}

/// Newest revisions of trades on an entity's live accounts with times from `span.0` up to `span.1`:
/// (server, ticket, revision, at), in the order of (at, server, ticket), after `after`.
pub async fn trades_between(
    tx: &mut Tx,
    entity: &str,
    span: (Ts, Ts),
    after: &(Ts, String, String),
    limit: i64,
) -> Result<Vec<(String, String, i64, Ts)>> {
    tx.rows(
        sql!(
            "SELECT d.server, d.ticket, d.revision, d.at FROM deals d JOIN trading_accounts a ON a.id = d.account_id
             WHERE a.entity = $1 AND a.kind = 'live' AND d.kind IN ('trade', 'cancelled_trade') AND d.at >= $2 AND d.at < $3
                AND (d.at, d.server, d.ticket) > ($4, $5, $6)
                AND NOT EXISTS (SELECT 1 FROM deals n WHERE n.server = d.server AND n.ticket = d.ticket AND n.revision > d.revision)
             ORDER BY d.at, d.server, d.ticket LIMIT $7"
        ),
        &vals![entity, span.0, span.1, after.0, &after.1, &after.2, limit],
    )
    .await
}

/// Closed trades and their volume over all of a client's live accounts: (deals, 1e-8 lots).
pub async fn activity(tx: &mut Tx, client_id: &str) -> Result<(i64, i64)> {
    tx.must(
        sql!(
            "SELECT COUNT(*), CAST(COALESCE(SUM(d.volume_closed), 0) AS BIGINT) FROM trading_accounts a JOIN deals d ON d.account_id = a.id
              WHERE a.client_id = $1 AND a.kind = 'live' AND d.kind = 'trade' AND d.entry <> 'in' AND NOT d.gone
                AND NOT EXISTS (SELECT 1 FROM deals n WHERE n.server = d.server AND n.ticket = d.ticket AND n.revision > d.revision)"
        ),
        &vals![client_id],
    )
    .await
}

pub async fn cursor(tx: &mut Tx, server: &str) -> Result<Option<CursorRow>> {
    tx.one(sql!("SELECT server, watermark_at, short_rescan_at, long_rescan_at, polled_at, deals_total, lag_us FROM feed_cursors WHERE server = $1"), &vals![server]).await
}

pub async fn cursors(tx: &mut Tx) -> Result<Vec<CursorRow>> {
    tx.rows(
        sql!(
            "SELECT server, watermark_at, short_rescan_at, long_rescan_at, polled_at, deals_total, lag_us FROM feed_cursors ORDER BY server"
        ),
        &[],
    )
    .await
}

pub async fn put_cursor(tx: &mut Tx, c: &CursorRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO feed_cursors (server, watermark_at, short_rescan_at, long_rescan_at, polled_at, deals_total, lag_us) VALUES ($1, $2, $3, $4, $5, $6, $7)
              ON CONFLICT (server) DO UPDATE SET watermark_at = excluded.watermark_at, short_rescan_at = excluded.short_rescan_at, long_rescan_at = excluded.long_rescan_at,
                polled_at = excluded.polled_at, deals_total = excluded.deals_total, lag_us = excluded.lag_us"),
        &vals![c.server.as_str(), c.watermark_at, c.short_rescan_at, c.long_rescan_at, c.polled_at, c.deals_total, c.lag_us],
    )
    .await
    .map(|_| ())
}
