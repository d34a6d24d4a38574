//! The client's own particulars, in the steps the entity's rule book names. A step may be saved
//! half done and taken up later; every version is kept.

use crate::client::{self, Client, ClientId, entry, publish};
use crate::store;
use crate::timeline::{self, NewLine, Visibility};
use qd_db::Tx;
use qd_kernel::{Class, Problem, Result, Ts, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right, Who, mask};
use qd_runtime::audit;
use qd_runtime::tenancy::{self, Entity, FieldKind, ProfileField, ProfileStep};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Fields that are columns of the record, not answers beside it.
const COLUMNS: [&str; 6] = ["first_name", "last_name", "birth_date", "nationality", "country", "phone"];
/// Fields that documents prove: locked for the client once verified.
const PROVEN: [&str; 9] = [
    "first_name",
    "last_name",
    "birth_date",
    "nationality",
    "country",
    "street",
    "postal_code",
    "city",
    "place_of_birth",
];

text_enum!(StepState as ProfileStepState { Todo = "todo", Partial = "partial", Complete = "complete" });

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProfileStepView)]
pub struct StepView {
    pub code: String,
    pub state: StepState,
    /// Required fields without a value.
    pub missing: Vec<String>,
    /// By the fields' codes: text, a number or a yes.
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub values: Map<String, Value>,
    pub fields: Vec<ProfileField>,
    #[serde(rename = "saved_at_us")]
    pub saved_at: Option<Ts>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Profile {
    pub steps: Vec<StepView>,
    /// The first step that is not complete: where to go on.
    pub resume: Option<String>,
    pub complete: bool,
}

fn column(c: &Client, code: &str) -> Option<Value> {
    let text = |t: &str| (!t.is_empty()).then(|| json!(t));
    match code {
        "first_name" => text(&c.first_name),
        "last_name" => text(&c.last_name),
        "birth_date" => c.birth_date.as_deref().and_then(text),
        "nationality" => c.nationality.as_deref().and_then(text),
        "country" => (c.country != crate::intake::UNKNOWN_COUNTRY).then(|| json!(c.country)),
        "phone" => c.phone.as_deref().and_then(text),
        _ => None,
    }
}

fn view_of(step: &ProfileStep, c: &Client, kept: Option<(Value, Ts)>) -> StepView {
    let (data, saved_at) = kept.map_or((Value::Null, None), |(d, at)| (d, Some(at)));
    let mut values = Map::new();
    for f in &step.fields {
        let v = column(c, &f.code).or_else(|| data.get(&f.code).filter(|v| !v.is_null()).cloned());
        if let Some(v) = v {
            values.insert(f.code.clone(), v);
        }
    }
    let missing: Vec<String> = step
        .fields
        .iter()
        .filter(|f| f.required && !values.contains_key(&f.code))
        .map(|f| f.code.clone())
        .collect();
    let state = match (missing.is_empty(), saved_at.is_some()) {
        (true, _) => StepState::Complete,
        (false, true) => StepState::Partial,
        (false, false) => StepState::Todo,
    };
    StepView {
        code: step.code.clone(),
        state,
        missing,
        values,
        fields: step.fields.clone(),
        saved_at,
    }
}

async fn build(tx: &mut Tx, c: &Client, entity: &Entity) -> Result<Profile> {
    build_until(tx, c, entity, Ts(i64::MAX)).await
}

/// The profile out of the answers given up to a moment.
pub(crate) async fn build_until(tx: &mut Tx, c: &Client, entity: &Entity, at: Ts) -> Result<Profile> {
    let kept = store::profile::latest_until(tx, c.id, at).await?;
    let steps: Vec<StepView> = entity
        .config
        .profile
        .steps
        .iter()
        .map(|s| view_of(s, c, kept.iter().find(|k| k.0 == s.code).map(|k| (k.1.clone(), k.2))))
        .collect();
    let resume = steps.iter().find(|s| s.state != StepState::Complete).map(|s| s.code.clone());
    Ok(Profile {
        complete: resume.is_none(),
        resume,
        steps,
    })
}

/// The profile as the client or staff see it.
pub async fn profile(tx: &mut Tx, caller: &Caller, id: ClientId) -> Result<Profile> {
    let own = matches!(caller.who, Who::Client { .. });
    let c = client::get(tx, caller, if own { Right::MeView } else { Right::ClientsView }, id).await?;
    let entity = tenancy::get(tx, &c.entity).await?;
    let p = build(tx, &c, &entity).await?;
    Ok(shown(caller, &c, p))
}

/// What the reader may see of it.
fn shown(caller: &Caller, c: &Client, mut p: Profile) -> Profile {
    let own = matches!(caller.who, Who::Client { .. });
    for s in &mut p.steps {
        if own && c.unproven() {
            for code in ["phone", "birth_date", "nationality"] {
                if let Some(v) = s.values.get_mut(code) {
                    *v = json!(mask::COVERED);
                }
            }
        }
        // Contact, money and anti-money-laundering fields each by their own mask.
        if !own {
            let covered = mask::cover(caller, &Value::Object(std::mem::take(&mut s.values)));
            s.values = covered.as_object().cloned().unwrap_or_default();
        }
    }
    p
}

/// All answers by field code, and the required fields that are missing; for use cases that decide.
pub async fn answers(tx: &mut Tx, id: ClientId) -> Result<(Map<String, Value>, Vec<String>)> {
    let c = client::find(tx, id).await?.ok_or_else(|| Problem::missing("client"))?;
    let entity = tenancy::get(tx, &c.entity).await?;
    let p = build(tx, &c, &entity).await?;
    let missing = p.steps.iter().flat_map(|s| s.missing.clone()).collect();
    Ok((p.steps.into_iter().flat_map(|s| s.values).collect(), missing))
}

/// Checks one value; none clears the field.
fn check(f: &ProfileField, v: &Value) -> std::result::Result<Option<Value>, (&'static str, String)> {
    let wrong = |expected: &str| Err(("value_malformed", expected.to_string()));
    let at = format!("/values/{}", f.code);
    let read = |r: Result<String>| {
        r.map(|t| Some(json!(t)))
            .map_err(|p| (p.code, p.fields.first().map(|f| f.expected.clone()).unwrap_or_default()))
    };
    match (v, f.kind) {
        (Value::Null, _) => Ok(None),
        (Value::String(t), _) if t.trim().is_empty() => Ok(None),
        (Value::String(t), FieldKind::Text) if t.chars().count() <= 200 && !t.chars().any(char::is_control) => Ok(Some(json!(t.trim()))),
        (_, FieldKind::Text) => wrong("expected a text of at most 200 characters"),
        (Value::String(t), FieldKind::Date) => read(client::date(&at, t)),
        (_, FieldKind::Date) => wrong("expected a date like 1990-05-17"),
        (Value::String(t), FieldKind::Country) => read(client::country(&at, t)),
        (_, FieldKind::Country) => wrong("expected two letters like DE"),
        (Value::String(t), FieldKind::Choice) if f.options.contains(t) => Ok(Some(json!(t))),
        (_, FieldKind::Choice) => wrong(&format!("expected one of {}", f.options.join(", "))),
        (Value::Bool(b), FieldKind::Bool) => Ok(Some(json!(b))),
        (_, FieldKind::Bool) => wrong("expected true or false"),
        (Value::Number(n), FieldKind::Int) if n.as_i64().is_some() => Ok(Some(json!(n.as_i64()))),
        (_, FieldKind::Int) => wrong("expected a whole number"),
    }
}

/// Saves what is given of a step; fields not given stay as they are. Half a step may be saved.
pub async fn save_step(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId, step: &str, values: Map<String, Value>) -> Result<Profile> {
    let own = matches!(caller.who, Who::Client { .. });
    if own {
        caller.require(Right::MeEdit)?;
    }
    let mut c = client::lock(tx, caller, if own { Right::MeEdit } else { Right::ClientsEdit }, id).await?;
    let entity = tenancy::get(tx, &c.entity).await?;
    let definition = entity
        .config
        .profile
        .steps
        .iter()
        .find(|s| s.code == step)
        .ok_or_else(|| Problem::invalid("/step", "step_unknown", "expected a step of the profile"))?;
    let kept = store::profile::latest(tx, id).await?.into_iter().find(|k| k.0 == step);
    let was = view_of(definition, &c, kept.as_ref().map(|k| (k.1.clone(), k.2))).values;
    let before = c.clone();
    let now = core.now();

    let mut p = Problem::new(Class::Invalid, "profile_invalid", "some fields are not right");
    let mut data = kept.as_ref().and_then(|k| k.1.as_object().cloned()).unwrap_or_default();
    for (code, v) in &values {
        let at = format!("/values/{code}");
        let Some(f) = definition.fields.iter().find(|f| f.code == *code) else {
            p = p.and_field(&at, "field_unknown", "expected a field of this step");
            continue;
        };
        let v = match check(f, v) {
            Ok(v) => v,
            Err((code, expected)) => {
                p = p.and_field(&at, code, expected);
                continue;
            }
        };
        if v.as_ref() == was.get(code) {
            continue;
        }
        if own && c.verified_at.is_some() && PROVEN.contains(&code.as_str()) {
            p = p.and_field(&at, "profile_locked", "this was verified with your documents: ask us to change it");
            continue;
        }
        let text = || v.as_ref().and_then(Value::as_str).unwrap_or_default().to_string();
        match code.as_str() {
            "birth_date"
                if v.is_some()
                    && client::age_years(&text(), now).is_none_or(|a| a < i64::from(entity.config.profile.min_age_years) || a > 120) =>
            {
                p = p.and_field(
                    &at,
                    "underage",
                    format!("expected an age of at least {}", entity.config.profile.min_age_years),
                );
            }
            "country" if entity.config.countries.not_served.contains(&text()) => {
                p = p.and_field(&at, "country_not_served", "expected a country we serve");
            }
            "country" if v.is_none() => {}
            "first_name" => c.first_name = text(),
            "last_name" => c.last_name = text(),
            "birth_date" => c.birth_date = v.as_ref().map(|_| text()),
            "nationality" => c.nationality = v.as_ref().map(|_| text()),
            "country" => c.country = text(),
            "phone" => match client::phone_number(&at, &text(), &c.country) {
                Ok(n) => c.phone = n,
                Err(e) => p.fields.extend(e.fields),
            },
            _ => {
                data.insert(code.clone(), v.unwrap_or_default());
            }
        }
    }
    if !p.fields.is_empty() {
        return Err(p);
    }
    c.activity_at = if own { now } else { c.activity_at };
    if c.phone != before.phone {
        // Whoever holds a stolen session must not move the number that we would call.
        if own && before.phone.is_some() {
            caller.require_step_up(now)?;
        }
        c.contact_changed_at = Some(now);
    }
    store::clients::save(tx, &c, now).await?;
    c.version += 1;
    data.retain(|k, _| !COLUMNS.contains(&k.as_str()));
    let version = kept.as_ref().map_or(0, |k| k.3) + 1;
    store::profile::add(tx, id, step, version, &Value::Object(data.clone()), &caller.id(), now).await?;
    client::after_identity(tx, core, caller, &before, &c).await?;
    let is = view_of(definition, &c, Some((Value::Object(data), now))).values;
    let changed: Vec<&String> = is
        .iter()
        .filter(|(k, v)| was.get(*k) != Some(v))
        .map(|(k, _)| k)
        .chain(was.keys().filter(|k| !is.contains_key(*k)))
        .collect();
    if !changed.is_empty() {
        let pick = |m: &Map<String, Value>| {
            Value::Object(
                changed
                    .iter()
                    .map(|k| ((*k).clone(), m.get(*k).cloned().unwrap_or_default()))
                    .collect(),
            )
        };
        timeline::put(
            tx,
            core,
            caller,
            NewLine::new(
                id,
                "profile",
                "timeline.profile_saved",
                json!({"step": step, "fields": changed}),
                Visibility::Client,
            ),
        )
        .await?;
        publish(tx, core, "client.profile_saved", &c, json!({"step": step, "fields": changed})).await?;
        audit::record(
            tx,
            core,
            entry(caller, "client.profile_saved", &c).before(pick(&was)).after(pick(&is)),
        )
        .await?;
    }
    let p = build(tx, &c, &entity).await?;
    Ok(shown(caller, &c, p))
}
