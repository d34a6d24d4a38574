use super::{Case, Draft, FactType, MAX_RULES, OnError, Rule, RuleId, RuleSet, State};
use qd_db::{Tx, row, sql};
use qd_kernel::{Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    struct SetRow { name: String, title: String, on_error: OnError, facts: Value, version: i64 }
}

impl SetRow {
    fn into_set(self) -> Result<RuleSet> {
        let facts: std::collections::BTreeMap<String, FactType> = serde_json::from_value(self.facts)?;
        Ok(RuleSet {
            name: self.name,
            title: self.title,
            on_error: self.on_error,
            facts,
            version: self.version,
        })
    }
}

pub async fn set(tx: &mut Tx, name: &str) -> Result<Option<RuleSet>> {
    tx.one::<SetRow>(
        sql!("SELECT name, title, on_error, facts, version FROM rule_sets WHERE name = $1"),
        &vals![name],
    )
    .await?
    .map(SetRow::into_set)
    .transpose()
}

pub async fn sets(tx: &mut Tx) -> Result<Vec<RuleSet>> {
    let rows: Vec<SetRow> = tx
        .rows(
            sql!("SELECT name, title, on_error, facts, version FROM rule_sets ORDER BY name"),
            &[],
        )
        .await?;
    rows.into_iter().map(SetRow::into_set).collect()
}

pub async fn put_set(tx: &mut Tx, s: &RuleSet, now: Ts) -> Result<()> {
    let facts = serde_json::to_value(&s.facts)?;
    let taken = || Problem::conflict("version_changed", "the rule set was changed in the meantime");
    if s.version == 1 {
        tx.exec_one(
            sql!("INSERT INTO rule_sets (name, title, on_error, facts, version, updated_at) VALUES ($1, $2, $3, $4, 1, $5) ON CONFLICT DO NOTHING"),
            &vals![&s.name, &s.title, s.on_error, facts, now],
            taken,
        )
        .await
    } else {
        tx.exec_one(
            sql!("UPDATE rule_sets SET title = $2, on_error = $3, facts = $4, version = version + 1, updated_at = $5 WHERE name = $1 AND version = $6"),
            &vals![&s.name, &s.title, s.on_error, facts, now, s.version - 1],
            taken,
        )
        .await
    }
}

row! {
    /// What evaluation needs, and no more.
    pub struct LiveRow {
        pub id: RuleId, pub name: String, pub version: i64, pub state: State, pub expression: String, pub outcome: Value, pub reason_code: String,
    }
}

pub async fn live(tx: &mut Tx, set: &str, entity: Option<&str>) -> Result<Vec<LiveRow>> {
    tx.rows(
        sql!(
            "SELECT r.id, r.name, v.version, v.state, v.expression, v.outcome, v.reason_code
             FROM rules r JOIN rule_versions v ON v.rule_id = r.id AND (v.version = r.active_version OR v.version = r.shadow_version)
             WHERE r.set_name = $1 AND (r.entity IS NULL OR r.entity = $2)
             ORDER BY v.priority, r.id, v.version LIMIT $3"
        ),
        &vals![set, entity, i64::try_from(MAX_RULES).unwrap_or(i64::MAX)],
    )
    .await
}

fn pointers(state: State, version: i64) -> (Option<i64>, Option<i64>) {
    match state {
        State::Active => (Some(version), None),
        State::Shadow => (None, Some(version)),
        State::Retired => (None, None),
    }
}

pub async fn insert(tx: &mut Tx, id: RuleId, d: &Draft, now: Ts) -> Result<()> {
    let (active, shadow) = pointers(d.state, 1);
    tx.exec_one(
        sql!(
            "INSERT INTO rules (id, set_name, entity, name, version, active_version, shadow_version, created_at, updated_at)
             VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $7) ON CONFLICT DO NOTHING"
        ),
        &vals![id, &d.set, d.entity.clone(), &d.name, active, shadow, now],
        || {
            Problem::conflict("rule_name_taken", "another rule of this set has this name").and_field(
                "/name",
                "rule_name_taken",
                "expected a name of its own",
            )
        },
    )
    .await
}

pub async fn advance(tx: &mut Tx, id: RuleId, base: i64, d: &Draft, now: Ts) -> Result<()> {
    let (active, shadow) = pointers(d.state, base + 1);
    tx.exec_one(
        sql!(
            "UPDATE rules SET name = $3, version = version + 1, active_version = CASE WHEN $4 = 'shadow' THEN active_version ELSE $5 END,
                 shadow_version = $6, updated_at = $7
             WHERE id = $1 AND version = $2"
        ),
        &vals![id, base, &d.name, d.state, active, shadow, now],
        || {
            Problem::conflict("version_changed", "the rule was changed in the meantime").and_field(
                "/base_version",
                "version_changed",
                "expected the latest version",
            )
        },
    )
    .await
}

pub async fn add_version(tx: &mut Tx, id: RuleId, version: i64, d: &Draft, by: &str, now: Ts) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO rule_versions (rule_id, version, state, priority, expression, outcome, reason_code, tests, note, changed_by, changed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        &vals![id, version, d.state, d.priority, &d.expression, &d.outcome, &d.reason_code, serde_json::to_value(&d.tests)?, &d.note, by, now],
    )
    .await?;
    Ok(())
}

row! {
    struct RuleRow {
        id: RuleId, set: String, entity: Option<String>, name: String, version: i64, priority: i64, expression: String, outcome: Value,
        reason_code: String, state: State, tests: Value, note: String, changed_by: String, changed_at: Ts,
    }
}

impl RuleRow {
    fn into_rule(self) -> Result<Rule> {
        let tests: Vec<Case> = serde_json::from_value(self.tests)?;
        Ok(Rule {
            id: self.id,
            set: self.set,
            entity: self.entity,
            name: self.name,
            version: self.version,
            priority: self.priority,
            expression: self.expression,
            outcome: self.outcome,
            reason_code: self.reason_code,
            state: self.state,
            tests,
            note: self.note,
            changed_by: self.changed_by,
            changed_at: self.changed_at,
        })
    }
}

pub async fn version(tx: &mut Tx, id: RuleId, version: Option<i64>) -> Result<Option<Rule>> {
    tx.one::<RuleRow>(
        sql!(
            "SELECT r.id, r.set_name, r.entity, r.name, v.version, v.priority, v.expression, v.outcome, v.reason_code, v.state, v.tests, v.note,
                 v.changed_by, v.changed_at
             FROM rules r JOIN rule_versions v ON v.rule_id = r.id WHERE r.id = $1 AND v.version = COALESCE($2, r.version)"
        ),
        &vals![id, version],
    )
    .await?
    .map(RuleRow::into_rule)
    .transpose()
}

pub async fn history(tx: &mut Tx, id: RuleId) -> Result<Vec<Rule>> {
    let rows: Vec<RuleRow> = tx
        .rows(
            sql!(
                "SELECT r.id, r.set_name, r.entity, r.name, v.version, v.priority, v.expression, v.outcome, v.reason_code, v.state, v.tests, v.note,
                     v.changed_by, v.changed_at
                 FROM rules r JOIN rule_versions v ON v.rule_id = r.id WHERE r.id = $1 ORDER BY v.version DESC LIMIT 500"
            ),
            &vals![id],
        )
        .await?;
    rows.into_iter().map(RuleRow::into_rule).collect()
}

pub async fn list(tx: &mut Tx, set: Option<&str>) -> Result<Vec<Rule>> {
    let rows: Vec<RuleRow> = tx
        .rows(
            sql!(
                "SELECT r.id, r.set_name, r.entity, r.name, v.version, v.priority, v.expression, v.outcome, v.reason_code, v.state, v.tests, v.note,
                     v.changed_by, v.changed_at
                 FROM rules r JOIN rule_versions v ON v.rule_id = r.id AND v.version = r.version
                 WHERE r.set_name = COALESCE($1, r.set_name) ORDER BY r.set_name, v.priority, r.id LIMIT 5000"
            ),
            &vals![set],
        )
        .await?;
    rows.into_iter().map(RuleRow::into_rule).collect()
}

row! {
    /// A decision with the facts it rested on.
    pub struct DecisionRow {
        pub id: String,
        pub subject: String,
        pub client_id: Option<String>,
        pub outcome: String,
        pub inputs: Value,
        pub at: Ts,
        pub entity: Option<String>,
    }
}

pub async fn decisions(tx: &mut Tx, kind: &str, from: Ts, limit: i64) -> Result<Vec<DecisionRow>> {
    tx.rows(
        sql!(
            "SELECT d.id, d.subject, d.client_id, d.outcome, d.inputs, d.at, a.entity FROM decisions d JOIN audit_rows a ON a.id = d.audit_id
             WHERE d.kind = $1 AND d.at >= $2 ORDER BY d.at DESC, d.id DESC LIMIT $3"
        ),
        &vals![kind, from, limit],
    )
    .await
}
