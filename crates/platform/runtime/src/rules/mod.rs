//! Rules as data: sets of CEL expressions over facts, with outcomes and reason codes. A version
//! is never edited; a new one may be tried in the shadow beside the one that bites. An expression
//! that fails on the facts does not match and is reported; a set may say that this stops the
//! whole decision (`on_error: stop`), so that nothing passes because a rule was broken.

mod program;
mod store;
pub mod trial;

pub use program::{Fault, MAX_DEPTH, MAX_EXPRESSION, MAX_FACTS, MAX_LIST, MAX_LOOPS, MAX_NODES, MAX_TEXT};

use crate::Core;
use crate::access::{Caller, Right};
use crate::audit;
use qd_db::Tx;
use qd_kernel::{Class, Problem, Result, id, text_enum};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

id!(RuleId, "rul", "A rule, through all its versions.");

text_enum!(
    /// What a version does when its set is evaluated.
    State as RuleState {
        Active = "active",
        /// Evaluated and reported, without effect.
        Shadow = "shadow",
        Retired = "retired",
    }
);
text_enum!(
    /// What an expression that fails on the facts does to the decision.
    OnError as RuleOnError {
        Skip = "skip",
        Stop = "stop",
    }
);
text_enum!(
    /// What a fact is, for the check at saving and for the editor.
    FactType as RuleFactType {
        Bool = "bool",
        Int = "int",
        /// Whole minor units of the currency named beside it.
        Money = "money",
        Text = "text",
        List = "list",
        Object = "object",
    }
);

/// Test cases of one rule.
pub const MAX_TESTS: usize = 100;
/// Active and shadow rules evaluated for one set.
pub const MAX_RULES: usize = 500;

/// A place where rules are asked, and the facts it knows. `facts` maps dotted paths to types;
/// empty means that any name is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    pub name: String,
    pub title: String,
    pub on_error: OnError,
    #[serde(default)]
    #[schema(required)]
    pub facts: BTreeMap<String, FactType>,
    /// 0 in a draft of a new one, else the version the change starts from.
    #[serde(default)]
    #[schema(required)]
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RuleCase)]
pub struct Case {
    #[serde(default)]
    pub name: String,
    pub facts: Value,
    /// Whether the rule must match.
    pub expect: bool,
}

/// What a person hands in. `id` and `base_version` are absent for a new rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    #[serde(default)]
    pub id: Option<RuleId>,
    #[serde(default)]
    pub base_version: Option<i64>,
    pub set: String,
    #[serde(default)]
    pub entity: Option<String>,
    pub name: String,
    pub priority: i64,
    pub expression: String,
    pub outcome: Value,
    pub reason_code: String,
    pub state: State,
    #[serde(default)]
    pub tests: Vec<Case>,
    #[serde(default)]
    pub note: String,
}

/// One version of a rule.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Rule {
    pub id: RuleId,
    pub set: String,
    pub entity: Option<String>,
    pub name: String,
    pub version: i64,
    pub priority: i64,
    pub expression: String,
    pub outcome: Value,
    pub reason_code: String,
    pub state: State,
    pub tests: Vec<Case>,
    pub note: String,
    pub changed_by: String,
    #[serde(rename = "changed_at_us")]
    pub changed_at: qd_kernel::Ts,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fired {
    pub rule_id: RuleId,
    pub name: String,
    pub version: i64,
    pub reason_code: String,
    pub outcome: Value,
    pub shadow: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleError {
    pub rule_id: RuleId,
    pub name: String,
    pub version: i64,
    pub shadow: bool,
    pub code: String,
    pub detail: String,
}

/// What was asked and what every rule said, in order of priority. Keep [`Evaluation::record`]
/// with the decision.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    pub set: String,
    pub entity: Option<String>,
    /// Rules whose expression was true, shadow ones included.
    pub matched: Vec<Fired>,
    /// `(rule, version)` of those that were false.
    pub unmatched: Vec<(RuleId, i64)>,
    pub errors: Vec<RuleError>,
    /// An active rule failed in a set that says stop: the answer is that a person decides.
    pub stopped: bool,
    pub inputs: Value,
}

impl Evaluation {
    /// The first active rule that matched; none when the evaluation was stopped.
    pub fn first(&self) -> Option<&Fired> {
        self.active().next()
    }
    /// All active rules that matched; none when the evaluation was stopped.
    pub fn active(&self) -> impl Iterator<Item = &Fired> {
        self.matched.iter().filter(move |f| !f.shadow && !self.stopped)
    }
    pub fn shadow(&self) -> impl Iterator<Item = &Fired> {
        self.matched.iter().filter(|f| f.shadow)
    }
    pub fn reasons(&self) -> Vec<String> {
        let mut out: Vec<String> = self.active().map(|f| f.reason_code.clone()).collect();
        if self.stopped {
            out.push("rule_failed".into());
        }
        out
    }
    /// The whole evaluation as evidence.
    pub fn record(&self) -> Value {
        json!({"set": self.set, "entity": self.entity, "facts": self.inputs, "matched": self.matched, "unmatched": self.unmatched,
               "errors": self.errors, "stopped": self.stopped})
    }
}

/// Asks the active and shadow rules of a set: those of the entity and those for all entities.
/// An unknown set is a bug of the caller.
pub async fn evaluate(tx: &mut Tx, set: &str, entity: Option<&str>, facts: &Value) -> Result<Evaluation> {
    let Some(head) = store::set(tx, set).await? else {
        return Err(Problem::bug("rule_set_unknown", format!("no rule set {set}")));
    };
    let loaded = program::Facts::new(facts).map_err(|f| Problem::bug("rule_facts", f.detail))?;
    let rules = store::live(tx, set, entity).await?;
    let mut e = Evaluation {
        set: set.to_string(),
        entity: entity.map(str::to_string),
        matched: Vec::new(),
        unmatched: Vec::new(),
        errors: Vec::new(),
        stopped: false,
        inputs: facts.clone(),
    };
    for r in rules {
        let shadow = r.state == State::Shadow;
        match program::compile(&r.expression).and_then(|c| c.run(&loaded)) {
            Ok(false) => e.unmatched.push((r.id, r.version)),
            Ok(true) => e.matched.push(Fired {
                rule_id: r.id,
                name: r.name,
                version: r.version,
                reason_code: r.reason_code,
                outcome: r.outcome,
                shadow,
            }),
            Err(f) => {
                e.stopped |= !shadow && head.on_error == OnError::Stop;
                e.errors.push(RuleError {
                    rule_id: r.id,
                    name: r.name,
                    version: r.version,
                    shadow,
                    code: f.code.into(),
                    detail: f.detail,
                });
            }
        }
    }
    Ok(e)
}

/// Whether a draft would match these facts; for the editor's "try it" and for tests.
pub fn try_out(expression: &str, facts: &Value) -> std::result::Result<bool, Fault> {
    program::compile(expression)?.run(&program::Facts::new(facts)?)
}

/// Everything wrong with a draft, by field; runs its test cases.
pub fn check(draft: &Draft, set: &RuleSet) -> Result<()> {
    let mut p = Problem::new(Class::Invalid, "rule_invalid", "the rule cannot be saved");
    if draft.name.trim().is_empty() || draft.name.len() > 120 {
        p = p.and_field("/name", "name_length", "expected 1 to 120 characters");
    }
    let code_ok = !draft.reason_code.is_empty()
        && draft.reason_code.len() <= 60
        && draft
            .reason_code
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.');
    if !code_ok {
        p = p.and_field("/reason_code", "reason_code_malformed", "expected 1 to 60 of a-z, 0-9, _ and .");
    }
    if !draft.outcome.is_object() {
        p = p.and_field("/outcome", "outcome_not_an_object", "expected an object");
    }
    if draft.tests.len() > MAX_TESTS {
        p = p.and_field("/tests", "too_many_tests", format!("expected at most {MAX_TESTS}"));
    }
    match program::compile(&draft.expression) {
        Err(f) => p = p.and_field("/expression", f.code, f.detail),
        Ok(c) => {
            for path in c.paths.iter().filter(|path| !known(path, &set.facts)) {
                p = p.and_field("/expression", "fact_unknown", format!("the set {} has no fact `{path}`", set.name));
            }
            for (i, case) in draft.tests.iter().enumerate() {
                let got = program::Facts::new(&case.facts).and_then(|f| c.run(&f));
                match got {
                    Ok(got) if got == case.expect => {}
                    Ok(got) => p = p.and_field(&format!("/tests/{i}/expect"), "test_failed", format!("the rule answers {got} here")),
                    Err(f) => p = p.and_field(&format!("/tests/{i}/facts"), f.code, f.detail),
                }
            }
        }
    }
    if p.fields.is_empty() { Ok(()) } else { Err(p) }
}

/// A path is known when it is declared, leads to something declared, or goes on below a declared
/// list or object.
fn known(path: &str, facts: &BTreeMap<String, FactType>) -> bool {
    facts.is_empty()
        || facts.iter().any(|(f, t)| {
            f == path
                || f.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
                || (matches!(t, FactType::Object | FactType::List)
                    && path.strip_prefix(f.as_str()).is_some_and(|rest| rest.starts_with('.')))
        })
}

/// Saves a new rule or a new version of one. An active version replaces the active one and ends
/// the shadow; a shadow version leaves the active one in force; a retired one ends both.
pub async fn save(tx: &mut Tx, core: &Core, caller: &Caller, draft: Draft) -> Result<Rule> {
    caller.require(Right::RulesEdit)?;
    let set = store::set(tx, &draft.set)
        .await?
        .ok_or_else(|| Problem::invalid("/set", "rule_set_unknown", "expected the name of a rule set"))?;
    if let (Some(allowed), entity) = (caller.allowed_entities(), draft.entity.as_deref())
        && !entity.is_some_and(|e| allowed.iter().any(|a| a == e))
    {
        return Err(Problem::forbidden(
            "entity_not_allowed",
            "this rule belongs to an entity outside your rights",
        ));
    }
    if let Some(e) = &draft.entity
        && crate::tenancy::find(tx, e).await?.is_none()
    {
        return Err(Problem::invalid("/entity", "entity_unknown", "expected the code of an entity"));
    }
    check(&draft, &set)?;
    let now = core.now();
    let before = match draft.id {
        None => None,
        Some(id) => Some(latest(tx, id).await?.ok_or_else(|| Problem::missing("rule"))?),
    };
    let (id, version) = match &before {
        None => {
            let id = RuleId::new(&core.env);
            store::insert(tx, id, &draft, now).await?;
            (id, 1)
        }
        Some(b) => {
            if b.set != draft.set || b.entity != draft.entity {
                return Err(Problem::invalid(
                    "/set",
                    "rule_moved",
                    "a rule stays in its set and entity: make a new one",
                ));
            }
            let base = draft
                .base_version
                .ok_or_else(|| Problem::invalid("/base_version", "version_missing", "expected the version the change starts from"))?;
            store::advance(tx, b.id, base, &draft, now).await?;
            (b.id, base + 1)
        }
    };
    store::add_version(tx, id, version, &draft, &caller.id(), now).await?;
    let rule = latest(tx, id)
        .await?
        .ok_or_else(|| Problem::bug("rule_lost", "a saved rule is not there"))?;
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action: "rule.save",
            object: format!("rule:{id}"),
            client_id: None,
            entity: rule.entity.clone(),
            before: before.map(serde_json::to_value).transpose()?,
            after: Some(serde_json::to_value(&rule)?),
            reason: Some(draft.note.clone()).filter(|n| !n.is_empty()),
            rule: None,
            seen: None,
        },
    )
    .await?;
    Ok(rule)
}

/// Makes or changes a rule set (its facts and what an error does).
pub async fn put_set(tx: &mut Tx, core: &Core, caller: &Caller, set: RuleSet, reason: &str) -> Result<RuleSet> {
    caller.require(Right::RulesEdit)?;
    let ok = |s: &str| {
        !s.is_empty()
            && s.len() <= 60
            && s.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.')
    };
    if !ok(&set.name) {
        return Err(Problem::invalid("/name", "name_malformed", "expected 1 to 60 of a-z, 0-9, _ and ."));
    }
    let before = store::set(tx, &set.name).await?;
    let after = RuleSet {
        version: set.version + 1,
        ..set
    };
    store::put_set(tx, &after, core.now()).await?;
    crate::tenancy::keep_version(
        tx,
        core,
        caller,
        "rule_set",
        &after.name,
        after.version,
        &serde_json::to_value(&after)?,
        reason,
    )
    .await?;
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action: "rule_set.save",
            object: format!("rule_set:{}", after.name),
            client_id: None,
            entity: None,
            before: before.map(serde_json::to_value).transpose()?,
            after: Some(serde_json::to_value(&after)?),
            reason: Some(reason.to_string()).filter(|n| !n.is_empty()),
            rule: None,
            seen: None,
        },
    )
    .await?;
    Ok(after)
}

/// The latest version of a rule.
pub async fn latest(tx: &mut Tx, id: RuleId) -> Result<Option<Rule>> {
    store::version(tx, id, None).await
}

/// One version, as it was.
pub async fn version(tx: &mut Tx, id: RuleId, version: i64) -> Result<Option<Rule>> {
    store::version(tx, id, Some(version)).await
}

/// All versions of a rule, newest first.
pub async fn history(tx: &mut Tx, id: RuleId) -> Result<Vec<Rule>> {
    store::history(tx, id).await
}

/// The latest versions of a set's rules, in order of priority; all sets when `set` is none.
pub async fn list(tx: &mut Tx, set: Option<&str>) -> Result<Vec<Rule>> {
    store::list(tx, set).await
}

pub async fn sets(tx: &mut Tx) -> Result<Vec<RuleSet>> {
    store::sets(tx).await
}

pub async fn set(tx: &mut Tx, name: &str) -> Result<Option<RuleSet>> {
    store::set(tx, name).await
}
