//! What an expression would have said about decisions that were already made: the facts of each are
//! kept with it, so a draft or a shadow version can be held against weeks of real cases before it
//! bites. Changes nothing.

use super::{RuleId, program, store};
use crate::access::Caller;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use serde::Serialize;
use serde_json::Value;

/// Decisions looked at, the newest first.
pub const MOST: i64 = 2_000;
/// Decisions named in the answer.
const NAMED: usize = 50;

/// Where the decisions of a set are kept.
pub struct Source<'a> {
    /// Kind of the decision, such as `withdrawal.rules`.
    pub kind: &'a str,
    /// Pointer to the evaluation in the decision's inputs; empty: the inputs are the evaluation.
    pub at: &'a str,
}

/// How an expression fares against the decisions of a time.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = RuleTrial)]
pub struct Trial {
    #[serde(rename = "from_us")]
    pub from: Ts,
    /// Decisions with facts that were evaluated anew.
    pub decisions: i64,
    /// Older decisions of the time that were not looked at, because there are more than 2,000.
    pub more: bool,
    pub matched: i64,
    /// How often the rule matched when it was asked then; 0 for a new rule.
    pub matched_then: i64,
    /// Matches now and did not then.
    pub only_now: i64,
    /// Matched then and does not now.
    pub only_then: i64,
    /// Facts the expression failed on.
    pub failed: i64,
    /// Decisions where it differs, the newest first, at most 50.
    pub cases: Vec<TrialCase>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RuleTrialCase)]
pub struct TrialCase {
    pub decision_id: String,
    /// `withdrawal:wd_…`
    pub subject: String,
    pub client_id: Option<String>,
    /// What was decided then.
    pub outcome: String,
    #[serde(rename = "at_us")]
    pub at: Ts,
    pub matched_then: bool,
    /// None: the expression failed on these facts.
    pub matches: Option<bool>,
}

/// Holds `expression` against the decisions of `source` since `from` that the caller may see.
/// `rule`: whose own answers of then are compared.
pub async fn run(tx: &mut Tx, caller: &Caller, source: &Source<'_>, expression: &str, rule: Option<RuleId>, from: Ts) -> Result<Trial> {
    let program = program::compile(expression).map_err(|f| Problem::invalid("expression", f.code, f.detail))?;
    let rows = store::decisions(tx, source.kind, from, MOST + 1).await?;
    let mut t = Trial {
        from,
        more: rows.len() as i64 > MOST,
        ..Trial::default()
    };
    let rule = rule.map(|r| r.to_string());
    for d in rows.into_iter().take(MOST as usize).filter(|d| caller.enters(d.entity.as_deref())) {
        let Some(record) = d.inputs.pointer(source.at) else { continue };
        let Some(facts) = record.get("facts") else { continue };
        let then = record.get("matched").and_then(Value::as_array).is_some_and(|all| {
            all.iter()
                .any(|m| rule.is_some() && m.get("rule_id").and_then(Value::as_str) == rule.as_deref() && m["shadow"] != true)
        });
        let now = program::Facts::new(facts).and_then(|f| program.run(&f)).ok();
        t.decisions += 1;
        t.matched += i64::from(now == Some(true));
        t.matched_then += i64::from(then);
        t.failed += i64::from(now.is_none());
        t.only_now += i64::from(now == Some(true) && !then);
        t.only_then += i64::from(now == Some(false) && then);
        if now != Some(then) && t.cases.len() < NAMED {
            t.cases.push(TrialCase {
                decision_id: d.id,
                subject: d.subject,
                client_id: d.client_id,
                outcome: d.outcome,
                at: d.at,
                matched_then: then,
                matches: now,
            });
        }
    }
    Ok(t)
}
