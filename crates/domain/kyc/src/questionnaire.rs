//! Answers to the entity's appropriateness test: every attempt is kept with the version it answered
//! and what it came to.

use crate::case::{CaseFile, Done, may_act_for, may_look};
use crate::model::Command;
use crate::store::Json;
use crate::store::answers::{self, AnswerRow};
use crate::{AnswersId, CaseState, Level, store};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::access::Caller;
use qd_runtime::tenancy::{self, Answers, Assessment, Class3};
use qd_runtime::{Core, audit};
use serde::Serialize;
use serde_json::json;

/// One attempt.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = QuestionnaireAnswers)]
pub struct AnswerSet {
    pub id: AnswersId,
    pub client_id: String,
    pub entity: String,
    /// Questionnaire and its version.
    pub code: String,
    pub version: u32,
    pub attempt: i64,
    /// Question code to the codes of the chosen options.
    #[schema(value_type = std::collections::BTreeMap<String, Vec<String>>)]
    pub answers: Answers,
    pub assessment: Assessment,
    pub acknowledged_at_us: Option<Ts>,
    pub answered_by: String,
    pub answered_at_us: Ts,
}

impl From<AnswerRow> for AnswerSet {
    fn from(r: AnswerRow) -> AnswerSet {
        AnswerSet {
            id: r.id,
            client_id: r.client_id,
            entity: r.entity,
            code: r.code,
            version: r.version,
            attempt: r.attempt,
            answers: r.answers.0,
            assessment: r.assessment.0,
            acknowledged_at_us: r.acknowledged_at,
            answered_by: r.answered_by,
            answered_at_us: r.answered_at,
        }
    }
}

/// Scores and keeps a set of answers. The last attempt counts; the entity limits attempts in 24
/// hours, and a test that was passed is not taken again while its version is in force.
pub async fn answer(tx: &mut Tx, core: &Core, caller: &Caller, client_id: &str, entity: &str, given: Answers) -> Result<AnswerSet> {
    may_act_for(caller, client_id, entity)?;
    let book = tenancy::get(tx, entity).await?;
    let q = book
        .config
        .appropriateness
        .as_ref()
        .ok_or_else(|| Problem::conflict("kyc_no_questionnaire", "the entity asks no questionnaire"))?;
    let assessment = q.assess(&given)?;
    // The case's lock first: two attempts at once come one after the other.
    let mut file = match store::id_of(tx, client_id, Level::Standard).await? {
        Some(id) => Some(CaseFile::lock(tx, id).await?),
        None => None,
    };
    if file.as_ref().is_some_and(|f| f.row.entity != entity) {
        return Err(Problem::missing("verification"));
    }
    let now = core.now();
    let last = answers::latest(tx, client_id).await?;
    if let Some(l) = &last
        && l.class == Class3::Pass
        && (l.code.as_str(), l.version) == (q.code.as_str(), q.version)
    {
        return Err(Problem::conflict("kyc_test_passed", "this test was passed already"));
    }
    if answers::since(tx, client_id, now.plus_days(-1)).await? >= i64::from(q.attempts_per_day.max(1)) {
        return Err(Problem::limit("kyc_attempts_used", "no attempt is left today; try again tomorrow"));
    }
    let row = AnswerRow {
        id: AnswersId::new(&core.env),
        client_id: client_id.to_string(),
        entity: entity.to_string(),
        code: q.code.clone(),
        version: q.version,
        attempt: last.map_or(1, |l| l.attempt + 1),
        answers: Json(given),
        score: assessment.score,
        class: assessment.class,
        leverage_cap: assessment.leverage_cap,
        warning_key: assessment.warning_key.clone(),
        assessment: Json(assessment),
        acknowledged_at: None,
        answered_by: caller.id(),
        answered_at: now,
    };
    answers::insert(tx, &row).await?;
    let summary = json!({ "answers": row.id, "questionnaire": row.code, "questionnaire_version": row.version, "attempt": row.attempt,
        "points": row.score, "class": row.class, "leverage_cap": row.leverage_cap });
    match &mut file {
        Some(f) => {
            f.answers = Some(row.clone());
            let from = f.row.state;
            if from.is_with_client() {
                f.row.state = f.step(Command::Supply)?;
            }
            f.finish(
                tx,
                core,
                caller,
                Done::new("kyc.questionnaire_answered", from).after(summary.clone()),
            )
            .await?;
            f.publish(
                tx,
                core,
                "kyc.questionnaire_answered",
                json!({ "class": row.class, "leverage_cap": row.leverage_cap }),
            )
            .await?;
        }
        None => {
            let e = audit::Entry::new(caller, "kyc.questionnaire_answered", format!("client:{client_id}"))
                .client(client_id)
                .entity(Some(entity.to_string()))
                .after(summary);
            audit::record(tx, core, e).await?;
        }
    }
    Ok(row.into())
}

/// The client read the warning of the last attempt and wants to go on.
pub async fn acknowledge_warning(tx: &mut Tx, core: &Core, caller: &Caller, client_id: &str, entity: &str) -> Result<AnswerSet> {
    may_act_for(caller, client_id, entity)?;
    let case = store::id_of(tx, client_id, Level::Standard).await?;
    let file = match case {
        Some(id) => Some(CaseFile::lock(tx, id).await?),
        None => None,
    };
    let mut row = answers::latest(tx, client_id)
        .await?
        .filter(|a| a.entity == entity)
        .ok_or_else(|| Problem::missing("set of answers"))?;
    let Some(key) = row.warning_key.clone() else {
        return Err(Problem::conflict("kyc_no_warning", "the last attempt carries no warning"));
    };
    let now = core.now();
    if answers::acknowledge(tx, row.id, now).await? {
        row.acknowledged_at = Some(now);
        let after = json!({ "answers": row.id, "warning_key": key });
        match file {
            Some(mut f) => {
                let from: CaseState = f.row.state;
                f.finish(tx, core, caller, Done::new("kyc.warning_acknowledged", from).after(after))
                    .await?;
            }
            None => {
                let e = audit::Entry::new(caller, "kyc.warning_acknowledged", format!("client:{client_id}"))
                    .client(client_id)
                    .entity(Some(entity.to_string()))
                    .after(after);
                audit::record(tx, core, e).await?;
            }
        }
    }
    Ok(row.into())
}

/// All attempts, the last one first.
pub async fn answers_of(tx: &mut Tx, caller: &Caller, client_id: &str, entity: &str) -> Result<Vec<AnswerSet>> {
    may_look(caller, client_id, entity)?;
    Ok(answers::all(tx, client_id)
        .await?
        .into_iter()
        .filter(|a| a.entity == entity)
        .map(AnswerSet::from)
        .collect())
}

/// The highest leverage the last attempt allows; None when it sets no limit. For opening accounts
/// and changing leverage; the entity's own maximum applies beside it.
pub async fn leverage_cap(tx: &mut Tx, client_id: &str) -> Result<Option<u32>> {
    Ok(answers::latest(tx, client_id).await?.and_then(|a| a.leverage_cap))
}
