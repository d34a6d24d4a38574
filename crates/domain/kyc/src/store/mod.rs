//! The statements of verification.

pub(crate) mod answers;
pub(crate) mod documents;
pub(crate) mod reviews;

use crate::{Applicant, Band, CaseState, KycId, Level, Requirement, Signals};
use qd_db::{Sql, Tx, row, sql};
use qd_kernel::{Cell, FromCell, Problem, Result, Ts, Val, vals};
use qd_runtime::access::StaffId;
use serde::{Serialize, de::DeserializeOwned};

/// A typed document kept as JSON text. One that does not fit its type is an error, never a default.
#[derive(Clone, Debug)]
pub(crate) struct Json<T>(pub T);

impl<T: DeserializeOwned> FromCell for Json<T> {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        match c {
            Cell::Text(t) => serde_json::from_str(t)
                .map(Json)
                .map_err(|e| Problem::bug("row_unreadable", "a stored document does not fit its type").with_source(e)),
            _ => Err(Problem::bug("row_unreadable", "expected a JSON document")),
        }
    }
}

pub(crate) fn json<T: Serialize>(v: &T) -> Result<Val> {
    Ok(Val::Text(serde_json::to_string(v)?))
}

row! {
    #[derive(Clone, Debug)]
    pub(crate) struct CaseRow {
        pub(crate) id: KycId,
        pub(crate) client_id: String,
        pub(crate) entity: String,
        pub(crate) level: Level,
        pub(crate) state: CaseState,
        pub(crate) config_version: i64,
        pub(crate) country: String,
        pub(crate) applicant: Json<Applicant>,
        pub(crate) signals: Json<Signals>,
        pub(crate) round: i64,
        pub(crate) owner_id: Option<StaffId>,
        pub(crate) owner_name: Option<String>,
        pub(crate) claimed_at: Option<Ts>,
        pub(crate) submitted_at: Option<Ts>,
        pub(crate) due_at: Option<Ts>,
        pub(crate) risk_score: Option<i64>,
        pub(crate) risk_band: Option<Band>,
        pub(crate) reasons: Json<Vec<String>>,
        pub(crate) outcome_code: Option<String>,
        pub(crate) decision_id: Option<String>,
        pub(crate) approved_at: Option<Ts>,
        pub(crate) decided_at: Option<Ts>,
        pub(crate) opened_at: Ts,
        pub(crate) changed_at: Ts,
        pub(crate) version: i64,
    }
}

const INSERT: Sql = sql!(
    "INSERT INTO kyc_cases (id, client_id, entity, level, state, config_version, country, applicant, signals, round, reasons, opened_at, changed_at, version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, '[]', $10, $10, 1) ON CONFLICT DO NOTHING"
);
const FIND: Sql = sql!(
    "SELECT id, client_id, entity, level, state, config_version, country, applicant, signals, round, owner_id, owner_name, claimed_at, submitted_at,
        due_at, risk_score, risk_band, reasons, outcome_code, decision_id, approved_at, decided_at, opened_at, changed_at, version
     FROM kyc_cases WHERE id = $1"
);
const LOCK: Sql = sql!(
    "UPDATE kyc_cases SET version = version + 1 WHERE id = $1
     RETURNING id, client_id, entity, level, state, config_version, country, applicant, signals, round, owner_id, owner_name, claimed_at, submitted_at,
        due_at, risk_score, risk_band, reasons, outcome_code, decision_id, approved_at, decided_at, opened_at, changed_at, version"
);
const OF_CLIENT: Sql = sql!(
    "SELECT id, client_id, entity, level, state, config_version, country, applicant, signals, round, owner_id, owner_name, claimed_at, submitted_at,
        due_at, risk_score, risk_band, reasons, outcome_code, decision_id, approved_at, decided_at, opened_at, changed_at, version
     FROM kyc_cases WHERE client_id = $1 ORDER BY level DESC"
);
// Under the lock the version is one on already; what the row was has the one before.
const KEEP_CASE: Sql = sql!(
    "INSERT INTO kyc_case_past (until_at, id, client_id, entity, level, state, config_version, country, applicant, signals, round, owner_id, owner_name,
        claimed_at, submitted_at, due_at, risk_score, risk_band, reasons, outcome_code, decision_id, approved_at, decided_at, opened_at, changed_at, version)
     SELECT CAST($2 AS BIGINT), id, client_id, entity, level, state, config_version, country, applicant, signals, round, owner_id, owner_name,
        claimed_at, submitted_at, due_at, risk_score, risk_band, reasons, outcome_code, decision_id, approved_at, decided_at, opened_at, changed_at,
        CASE WHEN version > 1 THEN version - 1 ELSE 1 END
     FROM kyc_cases WHERE id = $1"
);
const CASE_PAST: Sql = sql!(
    "SELECT id, client_id, entity, level, state, config_version, country, applicant, signals, round, owner_id, owner_name, claimed_at, submitted_at,
        due_at, risk_score, risk_band, reasons, outcome_code, decision_id, approved_at, decided_at, opened_at, changed_at, version
     FROM kyc_case_past WHERE id = $1 AND until_at > $2 ORDER BY seq LIMIT 1"
);
const ID_OF: Sql = sql!("SELECT id FROM kyc_cases WHERE client_id = $1 AND level = $2");
const SAVE: Sql = sql!(
    "UPDATE kyc_cases SET state = $3, config_version = $4, country = $5, applicant = $6, signals = $7, round = $8, owner_id = $9, owner_name = $10,
        claimed_at = $11, submitted_at = $12, due_at = $13, risk_score = $14, risk_band = $15, reasons = $16, outcome_code = $17, decision_id = $18,
        approved_at = $19, decided_at = $20, changed_at = $21
     WHERE id = $1 AND version = $2"
);
const REQUIREMENTS: Sql = sql!(
    "SELECT code, title_key, kinds, two_sided, max_age_days, expires FROM kyc_requirements WHERE case_id = $1 ORDER BY position, code"
);
const KEEP_REQUIREMENTS: Sql = sql!(
    "INSERT INTO kyc_requirement_past (until_at, case_id, code, position, title_key, kinds, two_sided, max_age_days, expires)
     SELECT CAST($2 AS BIGINT), case_id, code, position, title_key, kinds, two_sided, max_age_days, expires FROM kyc_requirements WHERE case_id = $1"
);
const REQUIREMENTS_PAST: Sql = sql!(
    "SELECT code, title_key, kinds, two_sided, max_age_days, expires FROM kyc_requirement_past
     WHERE case_id = $1 AND until_at = (SELECT MIN(x.until_at) FROM kyc_requirement_past x WHERE x.case_id = $1 AND x.until_at > $2)
     ORDER BY position, code"
);
const CLEAR_REQUIREMENTS: Sql = sql!("DELETE FROM kyc_requirements WHERE case_id = $1");
const ADD_REQUIREMENT: Sql = sql!(
    "INSERT INTO kyc_requirements (case_id, code, position, title_key, kinds, two_sided, max_age_days, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
);

/// False when this client has a case of this level already.
pub(crate) async fn insert(tx: &mut Tx, id: KycId, a: &Applicant, level: Level, config_version: i64, now: Ts) -> Result<bool> {
    let signals = json(&Signals::default())?;
    let n = tx
        .exec(
            INSERT,
            &vals![
                id,
                &a.client_id,
                &a.entity,
                level,
                CaseState::Open,
                config_version,
                &a.country,
                json(a)?,
                signals,
                now
            ],
        )
        .await?;
    Ok(n == 1)
}

pub(crate) async fn find(tx: &mut Tx, id: KycId) -> Result<Option<CaseRow>> {
    tx.one(FIND, &vals![id]).await
}

/// Takes the row's lock until the commit and answers it as it is now, one version on.
pub(crate) async fn lock(tx: &mut Tx, id: KycId) -> Result<Option<CaseRow>> {
    tx.one(LOCK, &vals![id]).await
}

/// A client's cases, the standard one first.
pub(crate) async fn of_client(tx: &mut Tx, client_id: &str) -> Result<Vec<CaseRow>> {
    tx.rows(OF_CLIENT, &vals![client_id]).await
}

pub(crate) async fn id_of(tx: &mut Tx, client_id: &str, level: Level) -> Result<Option<KycId>> {
    Ok(tx.one::<(KycId,)>(ID_OF, &vals![client_id, level]).await?.map(|r| r.0))
}

/// A client's cases as they were at a moment, the standard one first.
pub(crate) async fn of_client_at(tx: &mut Tx, client_id: &str, at: Ts) -> Result<Vec<CaseRow>> {
    let mut out = Vec::new();
    for now in of_client(tx, client_id).await? {
        let then = tx.one::<CaseRow>(CASE_PAST, &vals![now.id, at]).await?.unwrap_or(now);
        if then.opened_at <= at {
            out.push(then);
        }
    }
    Ok(out)
}

/// Writes back what was read with [`lock`].
pub(crate) async fn save(tx: &mut Tx, c: &CaseRow) -> Result<()> {
    tx.exec(KEEP_CASE, &vals![c.id, c.changed_at]).await?;
    tx.exec_one(
        SAVE,
        &vals![
            c.id,
            c.version,
            c.state,
            c.config_version,
            &c.country,
            json(&c.applicant.0)?,
            json(&c.signals.0)?,
            c.round,
            c.owner_id,
            c.owner_name.clone(),
            c.claimed_at,
            c.submitted_at,
            c.due_at,
            c.risk_score,
            c.risk_band,
            json(&c.reasons.0)?,
            c.outcome_code.clone(),
            c.decision_id.clone(),
            c.approved_at,
            c.decided_at,
            c.changed_at
        ],
        || Problem::bug("kyc_lock_lost", "a locked case was changed by somebody else"),
    )
    .await
}

row! {
    struct RequirementRow { code: String, title_key: String, kinds: Json<Vec<String>>, two_sided: Json<Vec<String>>, max_age_days: Option<u32>, expires: bool }
}

pub(crate) async fn requirements(tx: &mut Tx, case: KycId) -> Result<Vec<Requirement>> {
    Ok(asked(tx.rows(REQUIREMENTS, &vals![case]).await?))
}

/// What the case asked for at a moment.
pub(crate) async fn requirements_at(tx: &mut Tx, case: KycId, at: Ts) -> Result<Vec<Requirement>> {
    let past: Vec<RequirementRow> = tx.rows(REQUIREMENTS_PAST, &vals![case, at]).await?;
    if past.is_empty() {
        return requirements(tx, case).await;
    }
    Ok(asked(past))
}

fn asked(rows: Vec<RequirementRow>) -> Vec<Requirement> {
    rows.into_iter()
        .map(|r| Requirement {
            code: r.code,
            title_key: r.title_key,
            kinds: r.kinds.0,
            two_sided: r.two_sided.0,
            max_age_days: r.max_age_days,
            expires: r.expires,
        })
        .collect()
}

/// Replaces the list.
pub(crate) async fn put_requirements(tx: &mut Tx, case: KycId, list: &[Requirement], now: Ts) -> Result<()> {
    tx.exec(KEEP_REQUIREMENTS, &vals![case, now]).await?;
    tx.exec(CLEAR_REQUIREMENTS, &vals![case]).await?;
    let mut rows = Vec::with_capacity(list.len());
    for (i, r) in list.iter().enumerate() {
        let position = i64::try_from(i).unwrap_or(i64::MAX);
        rows.push(
            vals![
                case,
                &r.code,
                position,
                &r.title_key,
                json(&r.kinds)?,
                json(&r.two_sided)?,
                r.max_age_days,
                r.expires
            ]
            .to_vec(),
        );
    }
    tx.exec_many(ADD_REQUIREMENT, &rows).await?;
    Ok(())
}

/// One line of a case's history.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = KycHistoryLine)]
pub struct HistoryLine {
    pub at_us: Ts,
    pub who: String,
    pub label: String,
    pub what: String,
    pub from: CaseState,
    pub to: CaseState,
    pub note: Option<String>,
}

row! {
    struct HistoryRow { at: Ts, who: String, label: String, what: String, from: CaseState, to: CaseState, note: Option<String> }
}

#[allow(clippy::too_many_arguments, reason = "the columns of one row")]
pub(crate) async fn note(
    tx: &mut Tx,
    case: KycId,
    at: Ts,
    who: (&str, &str),
    what: &str,
    from: CaseState,
    to: CaseState,
    note: Option<&str>,
) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO kyc_history (case_id, at, who, label, what, from_state, to_state, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
        &vals![case, at, who.0, who.1, what, from, to, note],
    )
    .await?;
    Ok(())
}

pub(crate) async fn history(tx: &mut Tx, case: KycId) -> Result<Vec<HistoryLine>> {
    let rows: Vec<HistoryRow> = tx
        .rows(
            sql!("SELECT at, who, label, what, from_state, to_state, note FROM kyc_history WHERE case_id = $1 ORDER BY seq LIMIT 1000"),
            &vals![case],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|r| HistoryLine {
            at_us: r.at,
            who: r.who,
            label: r.label,
            what: r.what,
            from: r.from,
            to: r.to,
            note: r.note,
        })
        .collect())
}

row! {
    #[derive(Clone, Debug)]
    pub(crate) struct ViewRow { pub(crate) document_id: crate::DocumentId, pub(crate) viewer_id: String, pub(crate) viewer_label: String, pub(crate) at: Ts }
}

pub(crate) async fn add_view(tx: &mut Tx, document: crate::DocumentId, case: KycId, viewer: (&str, &str), at: Ts) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO kyc_views (document_id, case_id, viewer_id, viewer_label, at) VALUES ($1, $2, $3, $4, $5)"),
        &vals![document, case, viewer.0, viewer.1, at],
    )
    .await?;
    Ok(())
}

/// When this person last opened each document of the case.
pub(crate) async fn views_by(tx: &mut Tx, case: KycId, viewer: &str) -> Result<Vec<ViewRow>> {
    tx.rows(
        sql!(
            "SELECT document_id, viewer_id, MAX(viewer_label), MAX(at) FROM kyc_views WHERE case_id = $1 AND viewer_id = $2
             GROUP BY document_id, viewer_id ORDER BY document_id"
        ),
        &vals![case, viewer],
    )
    .await
}
