//! The SQL of mapping logins that were on a server before us.

use crate::mapping::{Conflict, MappingId, MappingRunId, MappingState, RunState};
use crate::{Rights, TradingAccountId};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Result, Ts, Val, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct RunRow {
        pub id: MappingRunId,
        pub server: String,
        pub entity: String,
        pub asked_by: String,
        pub asked_at: Ts,
        pub state: RunState,
        pub ended_at: Option<Ts>,
        pub error: Option<String>,
        pub logins: i64,
        pub proposed: i64,
        pub conflicts: i64,
        pub strangers: i64,
    }
}

row! {
    #[derive(Clone)]
    pub struct MappingRow {
        pub id: MappingId,
        pub server: String,
        pub entity: String,
        pub login: String,
        pub platform_group: String,
        pub currency: Currency,
        pub leverage: i64,
        pub rights: Rights,
        pub name: String,
        pub email: String,
        pub phone: String,
        pub state: MappingState,
        pub conflict: Option<Conflict>,
        pub client_id: Option<String>,
        pub score: i64,
        pub candidates: String,
        pub account_id: Option<TradingAccountId>,
        pub credit_minor: i64,
        pub decided_by: Option<String>,
        pub decided_at: Option<Ts>,
        pub reason: Option<String>,
        pub made_at: Ts,
        pub version: i64,
    }
}

pub async fn insert_run(tx: &mut Tx, r: &RunRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO mapping_runs (id, server, entity, asked_by, asked_at, state, logins, proposed, conflicts, strangers) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, 0)"),
        &vals![r.id, r.server.as_str(), r.entity.as_str(), r.asked_by.as_str(), r.asked_at, r.state],
    )
    .await
    .map(|_| ())
}

pub async fn end_run(tx: &mut Tx, r: &RunRow) -> Result<()> {
    tx.exec(
        sql!("UPDATE mapping_runs SET state = $2, ended_at = $3, error = $4, logins = $5, proposed = $6, conflicts = $7, strangers = $8 WHERE id = $1"),
        &vals![r.id, r.state, r.ended_at, r.error.clone(), r.logins, r.proposed, r.conflicts, r.strangers],
    )
    .await
    .map(|_| ())
}

pub async fn run(tx: &mut Tx, id: MappingRunId) -> Result<Option<RunRow>> {
    tx.one(
        sql!("SELECT id, server, entity, asked_by, asked_at, state, ended_at, error, logins, proposed, conflicts, strangers FROM mapping_runs WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn waiting_run(tx: &mut Tx, server: &str, since: Ts) -> Result<Option<RunRow>> {
    tx.one(
        sql!(
            "SELECT id, server, entity, asked_by, asked_at, state, ended_at, error, logins, proposed, conflicts, strangers FROM mapping_runs
              WHERE server = $1 AND state = 'waiting' AND asked_at > $2 ORDER BY asked_at DESC LIMIT 1"
        ),
        &vals![server, since],
    )
    .await
}

pub async fn mapping(tx: &mut Tx, id: MappingId) -> Result<Option<MappingRow>> {
    tx.one(
        sql!(
            "SELECT id, server, entity, login, platform_group, currency, leverage, rights, name, email, phone, state, conflict, client_id, score, candidates, account_id, credit_minor,
               decided_by, decided_at, reason, made_at, version FROM login_mappings WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn of_server(tx: &mut Tx, server: &str) -> Result<Vec<MappingRow>> {
    tx.rows(
        sql!(
            "SELECT id, server, entity, login, platform_group, currency, leverage, rights, name, email, phone, state, conflict, client_id, score, candidates, account_id, credit_minor,
               decided_by, decided_at, reason, made_at, version FROM login_mappings WHERE server = $1 ORDER BY login"
        ),
        &vals![server],
    )
    .await
}

pub async fn insert(tx: &mut Tx, rows: &[MappingRow]) -> Result<()> {
    let rows: Vec<Vec<Val>> = rows
        .iter()
        .map(|m| {
            vals![
                m.id,
                m.server.as_str(),
                m.entity.as_str(),
                m.login.as_str(),
                m.platform_group.as_str(),
                m.currency,
                m.leverage,
                m.rights,
                m.name.as_str(),
                m.email.as_str(),
                m.phone.as_str(),
                m.state,
                m.conflict,
                m.client_id.clone(),
                m.score,
                m.candidates.as_str(),
                m.account_id,
                m.credit_minor,
                m.made_at
            ]
            .to_vec()
        })
        .collect();
    tx.exec_many(
        sql!("INSERT INTO login_mappings (id, server, entity, login, platform_group, currency, leverage, rights, name, email, phone, state, conflict, client_id, score, candidates,
                account_id, credit_minor, made_at, version)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 1)"),
        &rows,
    )
    .await
    .map(|_| ())
}

/// The version is the lock: false when somebody decided meanwhile.
pub async fn update(tx: &mut Tx, m: &MappingRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "UPDATE login_mappings SET platform_group = $3, leverage = $4, rights = $5, name = $6, email = $7, phone = $8, state = $9, conflict = $10, client_id = $11, score = $12,
                   candidates = $13, account_id = $14, credit_minor = $15, decided_by = $16, decided_at = $17, reason = $18, made_at = $19, version = version + 1 WHERE id = $1 AND version = $2"
            ),
            &vals![
                m.id,
                m.version,
                m.platform_group.as_str(),
                m.leverage,
                m.rights,
                m.name.as_str(),
                m.email.as_str(),
                m.phone.as_str(),
                m.state,
                m.conflict,
                m.client_id.clone(),
                m.score,
                m.candidates.as_str(),
                m.account_id,
                m.credit_minor,
                m.decided_by.clone(),
                m.decided_at,
                m.reason.clone(),
                m.made_at
            ],
        )
        .await?;
    Ok(n == 1)
}

/// What an account came with.
pub async fn by_account(tx: &mut Tx, account_id: TradingAccountId) -> Result<Option<MappingRow>> {
    tx.one(
        sql!(
            "SELECT id, server, entity, login, platform_group, currency, leverage, rights, name, email, phone, state, conflict, client_id, score, candidates, account_id, credit_minor,
               decided_by, decided_at, reason, made_at, version FROM login_mappings WHERE account_id = $1 AND state = 'accepted' LIMIT 1"
        ),
        &vals![account_id],
    )
    .await
}

pub struct Filter {
    pub entities: Option<Vec<String>>,
    pub server: Option<String>,
    pub state: Option<MappingState>,
}

pub async fn list(tx: &mut Tx, f: &Filter, page: &PageRequest) -> Result<Vec<MappingRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, server, entity, login, platform_group, currency, leverage, rights, name, email, phone, state, conflict, client_id, score, candidates, account_id, credit_minor,
           decided_by, decided_at, reason, made_at, version FROM login_mappings WHERE TRUE"
    ));
    crate::store_drift::in_entities(&mut q, f.entities.as_deref());
    if let Some(s) = &f.server {
        q.push(sql!(" AND server = $?"), [Val::from(s)]);
    }
    if let Some(s) = f.state {
        q.push(sql!(" AND state = $?"), [Val::from(s)]);
    }
    if let Some(a) = &page.after {
        q.push(sql!(" AND id > $?"), [Val::from(a)]);
    }
    q.push(sql!(" ORDER BY id LIMIT $?"), [Val::from(page.fetch())]);
    tx.query(&q).await
}
