//! Rules as data: sets, rules with their versions, trying one out.

use crate::kit::{At, Items, Reply, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::Problem;
use qd_runtime::access::Caller;
use qd_runtime::rules::{self, Case, Draft, Rule, RuleId, RuleSet, trial};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The places where rules are asked, and the facts each knows.
#[utoipa::path(get, path = "/api/v1/rule-sets", tag = "rules", responses((status = 200, body = Items<RuleSet>)))]
pub async fn sets(State(app): State<App>) -> Reply<Json<Value>> {
    read(&app, async |tx| rules::sets(tx).await.map(Items::from)).await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Rules {
    /// Name of a set; all without it.
    set: Option<String>,
}

fn mine(caller: &Caller, entity: Option<&str>) -> bool {
    entity.is_none() || caller.enters(entity)
}

/// The latest version of each rule, in order of priority.
#[utoipa::path(get, path = "/api/v1/rules", tag = "rules", params(Rules), responses((status = 200, body = Items<Rule>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Rules>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let mut items = rules::list(tx, q.set.as_deref()).await?;
        items.retain(|r| mine(&caller, r.entity.as_deref()));
        Ok(Items { items })
    })
    .await
}

#[derive(Serialize, ToSchema)]
pub struct RuleVersions {
    /// The newest first.
    versions: Vec<Rule>,
}

/// One rule with all its versions, the newest first.
#[utoipa::path(get, path = "/api/v1/rules/{id}", tag = "rules", responses((status = 200, body = RuleVersions)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<RuleId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let versions = rules::history(tx, id).await?;
        match versions.first() {
            Some(r) if mine(&caller, r.entity.as_deref()) => Ok(RuleVersions { versions }),
            _ => Err(Problem::missing("rule")),
        }
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"set": "withdrawal.auto", "entity": "eu", "name": "small and trusted", "priority": 100, "expression": "withdrawal.amount_base_minor <= limits.auto_max_minor", "outcome": {"decision": "approve"}, "reason_code": "small_trusted", "state": "shadow", "tests": [{"name": "EUR 100", "facts": {"withdrawal": {"amount_base_minor": 10_000}, "limits": {"auto_max_minor": 50_000}}, "expect": true}], "note": "Trial."}))]
pub struct SaveRule {
    /// Absent for a new rule.
    #[serde(default)]
    id: Option<RuleId>,
    /// The version the change starts from.
    #[serde(default)]
    base_version: Option<i64>,
    set: String,
    #[serde(default)]
    entity: Option<String>,
    name: String,
    priority: i64,
    /// In CEL, over the set's facts.
    expression: String,
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    outcome: Value,
    reason_code: String,
    /// `active`, `shadow`, `retired`.
    state: rules::State,
    #[serde(default)]
    tests: Vec<Case>,
    #[serde(default)]
    note: String,
}

impl From<SaveRule> for Draft {
    fn from(r: SaveRule) -> Draft {
        Draft {
            id: r.id,
            base_version: r.base_version,
            set: r.set,
            entity: r.entity,
            name: r.name,
            priority: r.priority,
            expression: r.expression,
            outcome: r.outcome,
            reason_code: r.reason_code,
            state: r.state,
            tests: r.tests,
            note: r.note,
        }
    }
}

/// Saves a rule as a new version, after its expression and its test cases were checked. Needs a
/// fresh proof.
#[utoipa::path(post, path = "/api/v1/rules", tag = "rules", request_body = SaveRule, responses((status = 201, body = Rule)))]
pub async fn save(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<SaveRule>) -> Reply<Answer> {
    caller.require_step_up(app.core.now())?;
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "rule.save", &req, 201, async move |tx| {
        rules::save(tx, &core, &c, r.clone().into()).await
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expression": "withdrawal.amount_base_minor <= 50000", "facts": {"withdrawal": {"amount_base_minor": 10_000}}}))]
pub struct TryRule {
    expression: String,
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    facts: Value,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RuleTried)]
pub struct Tried {
    /// None when it could not be evaluated.
    matches: Option<bool>,
    error: Option<Trouble>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RuleTrouble)]
pub struct Trouble {
    /// Stable.
    code: String,
    detail: String,
}

/// Evaluates an expression over facts, and changes nothing.
#[utoipa::path(post, path = "/api/v1/rules/try", tag = "rules", request_body = TryRule, responses((status = 200, body = Tried)))]
pub async fn try_out(Body(req): Body<TryRule>) -> Reply<Json<Tried>> {
    let answer = tokio::task::spawn_blocking(move || rules::try_out(&req.expression, &req.facts))
        .await
        .map_err(|e| Problem::bug("rule_panicked", "an expression could not be evaluated").with_source(e))?;
    Ok(Json(match answer {
        Ok(m) => Tried {
            matches: Some(m),
            error: None,
        },
        Err(f) => Tried {
            matches: None,
            error: Some(Trouble {
                code: f.code.to_string(),
                detail: f.detail.to_string(),
            }),
        },
    }))
}

/// Where the decisions of a set keep what the rules were told: the kind of the decision, and the
/// pointer to the evaluation in its inputs.
fn evidence(set: &str) -> Option<trial::Source<'static>> {
    let (kind, at) = match set {
        "withdrawal.auto" => ("withdrawal.rules", ""),
        "deposit.checks" => ("deposit.checks", ""),
        "lead.routing" => ("lead.routing", ""),
        "kyc.risk" => ("kyc.risk", "/risk/evaluation"),
        _ => return None,
    };
    Some(trial::Source { kind, at })
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TryRuleOnPast, example = json!({"set": "withdrawal.auto", "expression": "withdrawal.amount_base_minor <= 50000", "days": 30}))]
pub struct OnPast {
    set: String,
    /// In CEL, over the set's facts.
    expression: String,
    /// The rule whose own answers of then are compared.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    rule_id: Option<RuleId>,
    /// How far back, 1 to 400; 30 without it.
    #[serde(default)]
    days: Option<i64>,
}

/// Holds an expression against decisions that were made: how often it would have matched, and where
/// it differs from then. Changes nothing.
#[utoipa::path(post, path = "/api/v1/rules/trial", tag = "rules", request_body = OnPast, responses((status = 200, body = trial::Trial)))]
pub async fn on_past(State(app): State<App>, Asker(caller): Asker, Body(req): Body<OnPast>) -> Reply<Json<Value>> {
    let source = evidence(&req.set).ok_or_else(|| Problem::invalid("set", "rule_set_unknown", "expected the name of a rule set"))?;
    let days = req.days.unwrap_or(30);
    if !(1..=400).contains(&days) {
        return Err(Problem::invalid("days", "days_out_of_range", "expected 1 to 400").into());
    }
    let from = app.core.now().plus_secs(-days * 86_400);
    read(&app, async move |tx| {
        trial::run(tx, &caller, &source, &req.expression, req.rule_id, from).await
    })
    .await
}
