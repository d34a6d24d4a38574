use super::{CaseRow, Json};
use crate::{Band, CaseState, CheckId, CheckKind, CheckOutcome, Finding, KycId, Level, QueueFilter};
use qd_db::{Query, Sql, Tx, row, sql};
use qd_kernel::page::join_key;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, Val, vals};
use qd_runtime::access::StaffId;
use serde_json::Value;

row! {
    #[derive(Clone, Debug)]
    pub(crate) struct CheckRow {
        pub(crate) id: CheckId,
        pub(crate) round: i64,
        pub(crate) kind: CheckKind,
        pub(crate) provider: String,
        pub(crate) outcome: CheckOutcome,
        pub(crate) hits: i64,
        pub(crate) details: Value,
        pub(crate) at: Ts,
    }
}

pub(crate) async fn add_check(tx: &mut Tx, id: CheckId, case: &CaseRow, f: &Finding, at: Ts) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO kyc_checks (id, case_id, round, kind, provider, outcome, hits, details, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
        &vals![id, case.id, case.round, f.kind, &f.provider, f.outcome, f.hits, &f.details, at],
    )
    .await?;
    Ok(())
}

/// The checks of one round, oldest first.
pub(crate) async fn checks(tx: &mut Tx, case: KycId, round: i64) -> Result<Vec<CheckRow>> {
    tx.rows(
        sql!(
            "SELECT id, round, kind, provider, outcome, hits, details, at FROM kyc_checks WHERE case_id = $1 AND round = $2 ORDER BY at, id"
        ),
        &vals![case, round],
    )
    .await
}

const SUBMITTED: Sql = sql!(
    "INSERT INTO kyc_reviews (case_id, round, client_id, entity, level, submitted_at, due_at, automatic) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
);
const CLAIMED: Sql = sql!("UPDATE kyc_reviews SET first_claimed_at = COALESCE(first_claimed_at, $3) WHERE case_id = $1 AND round = $2");
const DECIDED: Sql = sql!(
    "UPDATE kyc_reviews SET decided_at = $3, outcome = $4, automatic = $5, decided_by = $6, decision_id = $7
     WHERE case_id = $1 AND round = $2 AND decided_at IS NULL"
);

pub(crate) async fn submitted(tx: &mut Tx, c: &CaseRow, at: Ts, due: Ts) -> Result<()> {
    tx.exec(SUBMITTED, &vals![c.id, c.round, &c.client_id, &c.entity, c.level, at, due, false])
        .await?;
    Ok(())
}

/// The review has to be done sooner.
pub(crate) async fn due(tx: &mut Tx, c: &CaseRow, due: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE kyc_reviews SET due_at = $3 WHERE case_id = $1 AND round = $2"),
        &vals![c.id, c.round, due],
    )
    .await?;
    Ok(())
}

pub(crate) async fn claimed(tx: &mut Tx, c: &CaseRow, at: Ts) -> Result<()> {
    tx.exec(CLAIMED, &vals![c.id, c.round, at]).await?;
    Ok(())
}

pub(crate) async fn decided(tx: &mut Tx, c: &CaseRow, at: Ts, outcome: &str, automatic: bool, by: &str, decision: &str) -> Result<()> {
    tx.exec_one(DECIDED, &vals![c.id, c.round, at, outcome, automatic, by, decision], || {
        Problem::bug("kyc_review_lost", "a review that is decided was not open")
    })
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub(crate) struct ApprovedRow {
        pub(crate) case_id: KycId,
        pub(crate) entity: String,
        pub(crate) level: Level,
        pub(crate) round: i64,
        pub(crate) submitted_at: Ts,
        pub(crate) decided_at: Ts,
        pub(crate) automatic: bool,
        pub(crate) decided_by: String,
        pub(crate) decision_id: String,
    }
}

/// A client's approvals, the last one first.
pub(crate) async fn approvals(tx: &mut Tx, client_id: &str) -> Result<Vec<ApprovedRow>> {
    tx.rows(
        sql!(
            "SELECT case_id, entity, level, round, submitted_at, decided_at, automatic, decided_by, decision_id FROM kyc_reviews
             WHERE client_id = $1 AND decided_at IS NOT NULL AND outcome = 'approved' ORDER BY decided_at DESC LIMIT 50"
        ),
        &vals![client_id],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub(crate) struct ClockRow {
        pub(crate) submitted_at: Ts,
        pub(crate) due_at: Ts,
        pub(crate) first_claimed_at: Option<Ts>,
        pub(crate) decided_at: Ts,
        pub(crate) automatic: bool,
    }
}

const CLOCKS: Sql =
    sql!("SELECT submitted_at, due_at, first_claimed_at, decided_at, automatic FROM kyc_reviews WHERE decided_at IS NOT NULL");
const SINCE: Sql = sql!(" AND decided_at >= $?");
const NEWEST_DECIDED: Sql = sql!(" ORDER BY decided_at DESC LIMIT $?");
const WAITING: Sql = sql!(
    "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN owner_id IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT),
        MIN(submitted_at) FROM kyc_cases WHERE state IN ('submitted', 'in_review')"
);
const OVERDUE_COUNT: Sql = sql!("SELECT COUNT(*) FROM kyc_cases WHERE state IN ('submitted', 'in_review')");

/// Reviews that ended since, the newest first.
pub(crate) async fn clocks(tx: &mut Tx, entities: Option<&[String]>, since: Ts, limit: i64) -> Result<Vec<ClockRow>> {
    let mut q = Query::new(CLOCKS);
    q.push(SINCE, [Val::from(since)]);
    within(&mut q, entities);
    q.push(NEWEST_DECIDED, [Val::from(limit)]);
    tx.query(&q).await
}

/// How many wait, how many of them have no owner, since when the oldest waits, how many are overdue.
pub(crate) async fn waiting(tx: &mut Tx, entities: Option<&[String]>, now: Ts) -> Result<(i64, i64, Option<Ts>, i64)> {
    let mut q = Query::new(WAITING);
    within(&mut q, entities);
    let (all, unowned, oldest) = tx.query::<(i64, i64, Option<Ts>)>(&q).await?.into_iter().next().unwrap_or_default();
    let mut q = Query::new(OVERDUE_COUNT);
    q.push(OVERDUE, [Val::from(now)]);
    within(&mut q, entities);
    let overdue = tx.query::<(i64,)>(&q).await?.into_iter().next().unwrap_or_default().0;
    Ok((all, unowned, oldest, overdue))
}

fn within(q: &mut Query, entities: Option<&[String]>) {
    if let Some(list) = entities {
        q.push(NONE, []);
        for e in list {
            q.push(OR_ENTITY, [Val::from(e)]);
        }
        q.push(CLOSE, []);
    }
}

row! {
    #[derive(Clone, Debug)]
    pub(crate) struct QueueRead {
        pub(crate) id: KycId,
        pub(crate) client_id: String,
        pub(crate) entity: String,
        pub(crate) level: Level,
        pub(crate) state: CaseState,
        pub(crate) country: String,
        pub(crate) applicant: Json<crate::Applicant>,
        pub(crate) round: i64,
        pub(crate) owner_id: Option<StaffId>,
        pub(crate) owner_name: Option<String>,
        pub(crate) claimed_at: Option<Ts>,
        pub(crate) submitted_at: Option<Ts>,
        pub(crate) due_at: Option<Ts>,
        pub(crate) risk_score: Option<i64>,
        pub(crate) risk_band: Option<Band>,
        pub(crate) reasons: Json<Vec<String>>,
        pub(crate) version: i64,
        pub(crate) sort: i64,
    }
}

const QUEUE: Sql = sql!(
    "SELECT id, client_id, entity, level, state, country, applicant, round, owner_id, owner_name, claimed_at, submitted_at, due_at, risk_score, risk_band,
        reasons, version, COALESCE(due_at, changed_at) FROM kyc_cases WHERE version > 0"
);
const OPEN_ONES: Sql = sql!(" AND state IN ('submitted', 'in_review')");
const WITH_STATE: Sql = sql!(" AND state = $?");
const WITH_ENTITY: Sql = sql!(" AND entity = $?");
const WITH_LEVEL: Sql = sql!(" AND level = $?");
const WITH_BAND: Sql = sql!(" AND risk_band = $?");
const WITH_COUNTRY: Sql = sql!(" AND country = $?");
const WITH_REASON: Sql = sql!(" AND reasons LIKE $?");
const OWNED: Sql = sql!(" AND owner_id = $?");
const UNOWNED: Sql = sql!(" AND owner_id IS NULL");
const OVERDUE: Sql = sql!(" AND due_at < $?");
const NONE: Sql = sql!(" AND (1 = 0");
const OR_ENTITY: Sql = sql!(" OR entity = $?");
const CLOSE: Sql = sql!(" )");
const AFTER: Sql = sql!(" AND (COALESCE(due_at, changed_at) > $? OR (COALESCE(due_at, changed_at) = $? AND id > $?))");
// The queue proper has a due time on every row: the index serves the order.
const AFTER_DUE: Sql = sql!(" AND (due_at > $? OR (due_at = $? AND id > $?))");
const ORDER: Sql = sql!(" ORDER BY COALESCE(due_at, changed_at), id LIMIT $?");
const ORDER_DUE: Sql = sql!(" ORDER BY due_at, id LIMIT $?");

pub(crate) async fn queue(
    tx: &mut Tx,
    entities: Option<&[String]>,
    f: &QueueFilter,
    owner: Option<Option<StaffId>>,
    now: Ts,
    page: &PageRequest,
) -> Result<Page<QueueRead>> {
    let mut q = Query::new(QUEUE);
    let waiting = match f.state {
        None => {
            q.push(OPEN_ONES, []);
            true
        }
        Some(s) => {
            q.push(WITH_STATE, [Val::from(s)]);
            s.is_waiting_for_us()
        }
    };
    for (piece, v) in [(WITH_ENTITY, &f.entity), (WITH_COUNTRY, &f.country)] {
        if let Some(v) = v {
            q.push(piece, [Val::from(v)]);
        }
    }
    if let Some(v) = f.level {
        q.push(WITH_LEVEL, [Val::from(v)]);
    }
    if let Some(v) = f.band {
        q.push(WITH_BAND, [Val::from(v)]);
    }
    if let Some(r) = &f.reason {
        q.push(WITH_REASON, [Val::from(format!("%\"{r}\"%"))]);
    }
    match owner {
        None => {}
        Some(None) => {
            q.push(UNOWNED, []);
        }
        Some(Some(id)) => {
            q.push(OWNED, [Val::from(id)]);
        }
    }
    if f.overdue {
        q.push(OVERDUE, [Val::from(now)]);
    }
    within(&mut q, entities);
    if let Some(parts) = page.after_parts() {
        let bad = || Problem::invalid("cursor", "cursor_malformed", "expected the `next_cursor` of an earlier page");
        let [at, id] = parts[..] else { return Err(bad()) };
        let at: i64 = at.parse().map_err(|_| bad())?;
        q.push(
            if waiting { AFTER_DUE } else { AFTER },
            [Val::from(at), Val::from(at), Val::from(id)],
        );
    }
    q.push(if waiting { ORDER_DUE } else { ORDER }, [Val::from(page.fetch())]);
    let rows: Vec<QueueRead> = tx.query(&q).await?;
    Ok(page.finish(rows, |r| join_key(&[&r.sort.to_string(), &r.id.to_string()])))
}
