//! The SQL of drift: what we have of a server, and what was found.

use crate::drift::{DriftKind, DriftRunId, FindingId, Repair, RunState};
use crate::{AccountKind, Rights, SyncState, TradingAccountId};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, Lots, PageRequest, Result, Ts, Val, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct RunRow {
        pub id: DriftRunId,
        pub server: String,
        pub entity: String,
        pub asked_by: String,
        pub asked_at: Ts,
        pub state: RunState,
        pub ended_at: Option<Ts>,
        pub error: Option<String>,
        pub accounts: i64,
        pub positions: i64,
        pub deals: i64,
        pub differs: i64,
        pub repaired: i64,
        pub unmapped: i64,
        pub days: String,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct FindingRow {
        pub id: FindingId,
        pub server: String,
        pub entity: String,
        pub login: String,
        pub account_id: Option<TradingAccountId>,
        pub client_id: Option<String>,
        pub kind: DriftKind,
        pub ours: String,
        pub theirs: String,
        pub delta_minor: Option<i64>,
        pub currency: Option<Currency>,
        pub cause: String,
        pub repair: Option<Repair>,
        pub first_seen_at: Ts,
        pub last_seen_at: Ts,
        pub ended_at: Option<Ts>,
    }
}

row! {
    /// An account of ours, as far as it is compared.
    #[derive(Clone, Debug)]
    pub struct OursRow {
        pub id: TradingAccountId,
        pub client_id: String,
        pub entity: String,
        pub kind: AccountKind,
        pub currency: Currency,
        pub login: String,
        pub platform_group: String,
        pub leverage: i64,
        pub rights_wanted: Rights,
        pub sync_state: SyncState,
        pub sync_since: Ts,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct LoginRow {
        pub server: String,
        pub login: String,
        pub entity: String,
        pub platform_group: String,
        pub currency: Currency,
        pub leverage: i64,
        pub rights: Rights,
        pub our_ref: Option<String>,
        pub balance_minor: i64,
        pub credit_minor: i64,
        pub deals: i64,
        pub first_seen_at: Ts,
        pub last_seen_at: Ts,
    }
}

row! {
    /// A deal, as far as a day's figures need it.
    #[derive(Clone, Debug)]
    pub struct DayDealRow {
        pub login: String,
        pub kind: String,
        pub volume: Lots,
        pub result_minor: i64,
        pub at: Ts,
    }
}

// Runs

pub async fn insert_run(tx: &mut Tx, r: &RunRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO drift_runs (id, server, entity, asked_by, asked_at, state, accounts, positions, deals, differs, repaired, unmapped, days)
              VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, 0, 0, 0, '[]')"),
        &vals![r.id, r.server.as_str(), r.entity.as_str(), r.asked_by.as_str(), r.asked_at, r.state],
    )
    .await
    .map(|_| ())
}

pub async fn end_run(tx: &mut Tx, r: &RunRow) -> Result<()> {
    tx.exec(
        sql!(
            "UPDATE drift_runs SET state = $2, ended_at = $3, error = $4, accounts = $5, positions = $6, deals = $7, differs = $8, repaired = $9, unmapped = $10, days = $11
              WHERE id = $1"
        ),
        &vals![r.id, r.state, r.ended_at, r.error.clone(), r.accounts, r.positions, r.deals, r.differs, r.repaired, r.unmapped, r.days.as_str()],
    )
    .await
    .map(|_| ())
}

pub async fn run(tx: &mut Tx, id: DriftRunId) -> Result<Option<RunRow>> {
    tx.one(
        sql!("SELECT id, server, entity, asked_by, asked_at, state, ended_at, error, accounts, positions, deals, differs, repaired, unmapped, days FROM drift_runs WHERE id = $1"),
        &vals![id],
    )
    .await
}

/// The newest run of a server that has an end, or the newest that waits.
pub async fn last_run(tx: &mut Tx, server: &str, waiting: bool) -> Result<Option<RunRow>> {
    tx.one(
        sql!(
            "SELECT id, server, entity, asked_by, asked_at, state, ended_at, error, accounts, positions, deals, differs, repaired, unmapped, days FROM drift_runs
              WHERE server = $1 AND (state = 'waiting') = $2 ORDER BY asked_at DESC, id DESC LIMIT 1"
        ),
        &vals![server, waiting],
    )
    .await
}

/// Runs are kept for a while; what they found is kept for ever.
pub async fn forget_runs(tx: &mut Tx, server: &str, before: Ts) -> Result<()> {
    tx.exec(
        sql!("DELETE FROM drift_runs WHERE server = $1 AND asked_at < $2 AND state <> 'waiting'"),
        &vals![server, before],
    )
    .await
    .map(|_| ())
}

// Findings

pub async fn open_findings(tx: &mut Tx, server: &str) -> Result<Vec<FindingRow>> {
    tx.rows(
        sql!(
            "SELECT id, server, entity, login, account_id, client_id, kind, ours, theirs, delta_minor, currency, cause, repair, first_seen_at, last_seen_at, ended_at
              FROM drift_findings WHERE server = $1 AND ended_at IS NULL ORDER BY id"
        ),
        &vals![server],
    )
    .await
}

pub async fn insert_findings(tx: &mut Tx, rows: &[FindingRow]) -> Result<()> {
    let rows: Vec<Vec<Val>> = rows
        .iter()
        .map(|f| {
            vals![
                f.id,
                f.server.as_str(),
                f.entity.as_str(),
                f.login.as_str(),
                f.account_id,
                f.client_id.clone(),
                f.kind,
                f.ours.as_str(),
                f.theirs.as_str(),
                f.delta_minor,
                f.currency,
                f.cause.as_str(),
                f.repair,
                f.first_seen_at,
                f.last_seen_at,
                f.ended_at
            ]
            .to_vec()
        })
        .collect();
    tx.exec_many(
        sql!("INSERT INTO drift_findings (id, server, entity, login, account_id, client_id, kind, ours, theirs, delta_minor, currency, cause, repair, first_seen_at, last_seen_at, ended_at)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"),
        &rows,
    )
    .await
    .map(|_| ())
}

pub async fn update_findings(tx: &mut Tx, rows: &[FindingRow]) -> Result<()> {
    let rows: Vec<Vec<Val>> = rows
        .iter()
        .map(|f| {
            vals![
                f.id,
                f.ours.as_str(),
                f.theirs.as_str(),
                f.delta_minor,
                f.cause.as_str(),
                f.last_seen_at,
                f.ended_at
            ]
            .to_vec()
        })
        .collect();
    tx.exec_many(
        sql!(
            "UPDATE drift_findings SET ours = $2, theirs = $3, delta_minor = $4, cause = $5, last_seen_at = $6, ended_at = $7 WHERE id = $1"
        ),
        &rows,
    )
    .await
    .map(|_| ())
}

pub struct FindingFilter {
    pub entities: Option<Vec<String>>,
    pub server: Option<String>,
    pub kind: Option<DriftKind>,
    pub open: Option<bool>,
}

pub(crate) fn in_entities(q: &mut Query, entities: Option<&[String]>) {
    let Some(e) = entities else { return };
    q.push(sql!(" AND entity IN ("), []);
    for (i, code) in e.iter().enumerate() {
        if i > 0 {
            q.push(sql!(", "), []);
        }
        q.push(sql!("$?"), [Val::from(code)]);
    }
    if e.is_empty() {
        q.push(sql!(" NULL"), []);
    }
    q.push(sql!(")"), []);
}

pub async fn findings(tx: &mut Tx, f: &FindingFilter, page: &PageRequest) -> Result<Vec<FindingRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, server, entity, login, account_id, client_id, kind, ours, theirs, delta_minor, currency, cause, repair, first_seen_at, last_seen_at, ended_at
           FROM drift_findings WHERE TRUE"
    ));
    in_entities(&mut q, f.entities.as_deref());
    if let Some(s) = &f.server {
        q.push(sql!(" AND server = $?"), [Val::from(s)]);
    }
    if let Some(k) = f.kind {
        q.push(sql!(" AND kind = $?"), [Val::from(k)]);
    }
    if f.open == Some(true) {
        q.push(sql!(" AND ended_at IS NULL"), []);
    }
    if f.open == Some(false) {
        q.push(sql!(" AND ended_at IS NOT NULL"), []);
    }
    if let Some(a) = &page.after {
        q.push(sql!(" AND id < $?"), [Val::from(a)]);
    }
    q.push(sql!(" ORDER BY id DESC LIMIT $?"), [Val::from(page.fetch())]);
    tx.query(&q).await
}

// Our side

pub async fn ours(tx: &mut Tx, server: &str) -> Result<Vec<OursRow>> {
    tx.rows(
        sql!(
            "SELECT id, client_id, entity, kind, currency, login, platform_group, leverage, rights_wanted, sync_state, sync_since FROM trading_accounts
              WHERE server = $1 AND state = 'ready' AND login IS NOT NULL ORDER BY id"
        ),
        &vals![server],
    )
    .await
}

/// Accounts of a server with money on its way, whose balance is nobody's to compare now.
pub async fn money_under_way(tx: &mut Tx, server: &str) -> Result<Vec<(TradingAccountId,)>> {
    tx.rows(
        sql!("SELECT DISTINCT account_id FROM platform_moves WHERE server = $1 AND state IN ('sending', 'unknown')"),
        &vals![server],
    )
    .await
}

/// Credit given and not taken back, per account, with what imported logins came with.
pub async fn credits(tx: &mut Tx, server: &str) -> Result<Vec<(TradingAccountId, i64)>> {
    tx.rows(
        sql!(
            "SELECT account_id, CAST(SUM(minor) AS BIGINT) FROM
               (SELECT account_id, CASE WHEN direction = 'to_platform' THEN amount_minor ELSE -amount_minor END AS minor FROM platform_moves
                 WHERE server = $1 AND kind = 'credit' AND state = 'done'
                UNION ALL SELECT account_id, credit_minor AS minor FROM login_mappings WHERE server = $1 AND state = 'accepted' AND credit_minor <> 0) c GROUP BY account_id"
        ),
        &vals![server],
    )
    .await
}

/// Newest revisions that the platform still has, of accounts of ours, from `from` up to `to`.
pub async fn day_deals(tx: &mut Tx, server: &str, from: Ts, to: Ts) -> Result<Vec<DayDealRow>> {
    tx.rows(
        sql!(
            "SELECT d.login, d.kind, d.volume, d.profit_minor + d.swap_minor + d.commission_minor, d.at FROM deals d
              WHERE d.server = $1 AND d.at >= $2 AND d.at < $3 AND d.account_id IS NOT NULL AND d.gone = FALSE
                AND NOT EXISTS (SELECT 1 FROM deals n WHERE n.server = d.server AND n.ticket = d.ticket AND n.revision > d.revision)"
        ),
        &vals![server, from, to],
    )
    .await
}

/// Deals recorded of logins that belonged to nobody then.
pub async fn ownerless_deals(tx: &mut Tx, server: &str) -> Result<Vec<(String, i64)>> {
    tx.rows(
        sql!("SELECT login, COUNT(DISTINCT ticket) FROM deals WHERE server = $1 AND account_id IS NULL GROUP BY login"),
        &vals![server],
    )
    .await
}

/// Positions that deals since then belong to.
pub async fn touched_positions(tx: &mut Tx, server: &str, since: Ts) -> Result<Vec<(String,)>> {
    tx.rows(
        sql!("SELECT DISTINCT position_id FROM deals WHERE server = $1 AND at >= $2 AND kind = 'trade' AND account_id IS NOT NULL AND position_id <> ''"),
        &vals![server, since],
    )
    .await
}

/// By our deals: (login, position, open volume in 1e-8 lots, whether its first deal is known).
pub async fn positions_by_deals(tx: &mut Tx, server: &str, ids: &[String]) -> Result<Vec<(String, String, i64, i64)>> {
    let mut q = Query::new(sql!(
        "SELECT p.login, p.position_id, p.open_volume, p.opening_known
         FROM (SELECT d.server, d.login, d.position_id, CAST(SUM(d.volume - 2 * d.volume_closed) AS BIGINT) AS open_volume,
                 CAST(MAX(CASE WHEN d.entry = 'in' THEN 1 ELSE 0 END) AS BIGINT) AS opening_known
               FROM deals d
               WHERE d.kind = 'trade' AND d.gone = FALSE AND d.account_id IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM deals n WHERE n.server = d.server AND n.ticket = d.ticket AND n.revision > d.revision)
               GROUP BY d.server, d.login, d.position_id) p
         WHERE 1 = 1"
    ));
    q.push(sql!(" AND p.server = $? AND p.position_id IN ("), [Val::from(server)]);
    for (i, id) in ids.iter().enumerate() {
        if i > 0 {
            q.push(sql!(", "), []);
        }
        q.push(sql!("$?"), [Val::from(id)]);
    }
    q.push(sql!(")"), []);
    tx.query(&q).await
}

/// The first deal the feed has of a server.
pub async fn first_deal_at(tx: &mut Tx, server: &str) -> Result<Option<Ts>> {
    Ok(tx
        .one::<(Ts,)>(sql!("SELECT at FROM deals WHERE server = $1 ORDER BY at LIMIT 1"), &vals![server])
        .await?
        .map(|r| r.0))
}

row! {
    /// What an account's deals add up to: newest revisions, first revisions, and what moved money
    /// without an order of ours.
    #[derive(Clone, Debug)]
    pub struct Explained {
        pub now_minor: i64,
        pub first_minor: i64,
        pub foreign_minor: i64,
    }
}

pub async fn explained(tx: &mut Tx, account_id: TradingAccountId) -> Result<Explained> {
    tx.must(
        sql!(
            "SELECT CAST(COALESCE(SUM(CASE WHEN d.gone = FALSE AND d.revision = (SELECT MAX(n.revision) FROM deals n WHERE n.server = d.server AND n.ticket = d.ticket)
                                          THEN d.profit_minor + d.swap_minor + d.commission_minor ELSE 0 END), 0) AS BIGINT),
                    CAST(COALESCE(SUM(CASE WHEN d.revision = 1 THEN d.profit_minor + d.swap_minor + d.commission_minor ELSE 0 END), 0) AS BIGINT),
                    CAST(COALESCE(SUM(CASE WHEN d.kind IN ('balance', 'credit') AND d.gone = FALSE
                                            AND d.revision = (SELECT MAX(n.revision) FROM deals n WHERE n.server = d.server AND n.ticket = d.ticket)
                                            AND NOT EXISTS (SELECT 1 FROM platform_moves m WHERE m.account_id = d.account_id AND (d.comment = m.token OR d.comment LIKE m.token || ' %'))
                                          THEN d.profit_minor ELSE 0 END), 0) AS BIGINT)
               FROM deals d WHERE d.account_id = $1"
        ),
        &vals![account_id],
    )
    .await
}

// Logins that belong to nobody here

pub async fn logins(tx: &mut Tx, server: &str) -> Result<Vec<LoginRow>> {
    tx.rows(
        sql!(
            "SELECT server, login, entity, platform_group, currency, leverage, rights, our_ref, balance_minor, credit_minor, deals, first_seen_at, last_seen_at
              FROM platform_logins WHERE server = $1 ORDER BY login"
        ),
        &vals![server],
    )
    .await
}

pub async fn put_logins(tx: &mut Tx, rows: &[LoginRow]) -> Result<()> {
    let rows: Vec<Vec<Val>> = rows
        .iter()
        .map(|l| {
            vals![
                l.server.as_str(),
                l.login.as_str(),
                l.entity.as_str(),
                l.platform_group.as_str(),
                l.currency,
                l.leverage,
                l.rights,
                l.our_ref.clone(),
                l.balance_minor,
                l.credit_minor,
                l.deals,
                l.first_seen_at,
                l.last_seen_at
            ]
            .to_vec()
        })
        .collect();
    tx.exec_many(
        sql!("INSERT INTO platform_logins (server, login, entity, platform_group, currency, leverage, rights, our_ref, balance_minor, credit_minor, deals, first_seen_at, last_seen_at)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
              ON CONFLICT (server, login) DO UPDATE SET platform_group = excluded.platform_group, currency = excluded.currency, leverage = excluded.leverage,
                rights = excluded.rights, our_ref = excluded.our_ref, balance_minor = excluded.balance_minor, credit_minor = excluded.credit_minor,
                deals = excluded.deals, last_seen_at = excluded.last_seen_at"),
        &rows,
    )
    .await
    .map(|_| ())
}

pub async fn remove_logins(tx: &mut Tx, server: &str, logins: &[String]) -> Result<()> {
    let rows: Vec<Vec<Val>> = logins.iter().map(|l| vals![server, l.as_str()].to_vec()).collect();
    tx.exec_many(sql!("DELETE FROM platform_logins WHERE server = $1 AND login = $2"), &rows)
        .await
        .map(|_| ())
}

pub async fn list_logins(tx: &mut Tx, entities: Option<&[String]>, server: Option<&str>, page: &PageRequest) -> Result<Vec<LoginRow>> {
    let mut q = Query::new(sql!(
        "SELECT server, login, entity, platform_group, currency, leverage, rights, our_ref, balance_minor, credit_minor, deals, first_seen_at, last_seen_at
           FROM platform_logins WHERE TRUE"
    ));
    in_entities(&mut q, entities);
    if let Some(s) = server {
        q.push(sql!(" AND server = $?"), [Val::from(s)]);
    }
    if let Some([s, l]) = page.after_parts().as_deref().and_then(|p| <&[&str; 2]>::try_from(p).ok()) {
        q.push(sql!(" AND (server, login) > ($?, $?)"), [Val::from(*s), Val::from(*l)]);
    }
    q.push(sql!(" ORDER BY server, login LIMIT $?"), [Val::from(page.fetch())]);
    tx.query(&q).await
}
