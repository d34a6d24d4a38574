use super::Json;
use crate::AnswersId;
use qd_db::{Sql, Tx, row, sql};
use qd_kernel::{Problem, Result, Ts, vals};
use qd_runtime::tenancy::{Answers, Assessment, Class3};

row! {
    #[derive(Clone, Debug)]
    pub(crate) struct AnswerRow {
        pub(crate) id: AnswersId,
        pub(crate) client_id: String,
        pub(crate) entity: String,
        pub(crate) code: String,
        pub(crate) version: u32,
        pub(crate) attempt: i64,
        pub(crate) answers: Json<Answers>,
        pub(crate) assessment: Json<Assessment>,
        pub(crate) score: i64,
        pub(crate) class: Class3,
        pub(crate) leverage_cap: Option<u32>,
        pub(crate) warning_key: Option<String>,
        pub(crate) acknowledged_at: Option<Ts>,
        pub(crate) answered_by: String,
        pub(crate) answered_at: Ts,
    }
}

const LATEST: Sql = sql!(
    "SELECT id, client_id, entity, code, version, attempt, answers, assessment, score, class, leverage_cap, warning_key, acknowledged_at, answered_by, answered_at
     FROM kyc_answers WHERE client_id = $1 ORDER BY attempt DESC LIMIT 1"
);
const ALL: Sql = sql!(
    "SELECT id, client_id, entity, code, version, attempt, answers, assessment, score, class, leverage_cap, warning_key, acknowledged_at, answered_by, answered_at
     FROM kyc_answers WHERE client_id = $1 ORDER BY attempt DESC LIMIT 100"
);

pub(crate) async fn latest(tx: &mut Tx, client_id: &str) -> Result<Option<AnswerRow>> {
    tx.one(LATEST, &vals![client_id]).await
}

/// The latest up to a moment; a warning confirmed later is not confirmed yet.
pub(crate) async fn latest_at(tx: &mut Tx, client_id: &str, at: Ts) -> Result<Option<AnswerRow>> {
    let mut row = all(tx, client_id).await?.into_iter().find(|a| a.answered_at <= at);
    if let Some(a) = &mut row {
        a.acknowledged_at = a.acknowledged_at.filter(|t| *t <= at);
    }
    Ok(row)
}

pub(crate) async fn all(tx: &mut Tx, client_id: &str) -> Result<Vec<AnswerRow>> {
    tx.rows(ALL, &vals![client_id]).await
}

pub(crate) async fn since(tx: &mut Tx, client_id: &str, at: Ts) -> Result<i64> {
    Ok(tx
        .must::<(i64,)>(
            sql!("SELECT COUNT(*) FROM kyc_answers WHERE client_id = $1 AND answered_at > $2"),
            &vals![client_id, at],
        )
        .await?
        .0)
}

/// The attempt's number is unique: of two sent at once, one is refused.
pub(crate) async fn insert(tx: &mut Tx, a: &AnswerRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "INSERT INTO kyc_answers (id, client_id, entity, code, version, attempt, answers, assessment, score, class, leverage_cap, warning_key, answered_by, answered_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING"
        ),
        &vals![
            a.id,
            &a.client_id,
            &a.entity,
            &a.code,
            a.version,
            a.attempt,
            super::json(&a.answers.0)?,
            super::json(&a.assessment.0)?,
            a.score,
            a.class,
            a.leverage_cap,
            a.warning_key.clone(),
            &a.answered_by,
            a.answered_at
        ],
        || Problem::conflict("kyc_answers_at_once", "the test was answered twice at once"),
    )
    .await
}

/// False when it was confirmed before.
pub(crate) async fn acknowledge(tx: &mut Tx, id: AnswersId, at: Ts) -> Result<bool> {
    Ok(tx
        .exec(
            sql!("UPDATE kyc_answers SET acknowledged_at = $2 WHERE id = $1 AND acknowledged_at IS NULL"),
            &vals![id, at],
        )
        .await?
        == 1)
}
