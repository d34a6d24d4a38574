//! The record itself: who it is, in which stage, whose; who may see it and who may change it.

use crate::model::{Command, Milestones, Move, Stage, Status, next};
use crate::timeline::{self, Visibility};
use crate::{duplicates, normal, search, store};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts, id};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Mask, Right, Scope, StaffId, Who};
use qd_runtime::audit::{self, Entry};
use qd_runtime::events::{self, NewEvent};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

id!(ClientId, "cli", "A client, from lead to churned.");

/// Tags of one client.
pub const MAX_TAGS: usize = 30;
/// Bytes of the custom fields' JSON.
pub const MAX_CUSTOM: usize = 16 * 1024;

/// The record as kept, uncovered: for use cases, never for answers.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Client {
    pub id: ClientId,
    pub entity: String,
    pub brand: String,
    pub stage: Stage,
    pub status: Status,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    #[serde(rename = "email_verified_at_us")]
    pub email_verified_at: Option<Ts>,
    pub phone: Option<String>,
    /// Residence, two capital letters.
    pub country: String,
    pub language: String,
    /// `1990-05-17`
    pub birth_date: Option<String>,
    pub nationality: Option<String>,
    pub owner_id: Option<StaffId>,
    pub desk: Option<String>,
    pub partner_id: Option<String>,
    /// Of the first touch.
    pub campaign: String,
    /// A copy of verification's state, for lists: `none` until there is a case.
    pub kyc_state: String,
    pub vip: bool,
    pub tags: Vec<String>,
    /// The house's own fields, by name.
    pub custom: Value,
    #[serde(rename = "registered_at_us")]
    pub registered_at: Option<Ts>,
    #[serde(rename = "verified_at_us")]
    pub verified_at: Option<Ts>,
    #[serde(rename = "first_deposit_at_us")]
    pub first_deposit_at: Option<Ts>,
    #[serde(rename = "first_response_at_us")]
    pub first_response_at: Option<Ts>,
    /// When e-mail or telephone changed last, after registration.
    #[serde(rename = "contact_changed_at_us")]
    pub contact_changed_at: Option<Ts>,
    #[serde(rename = "activity_at_us")]
    pub activity_at: Ts,
    #[serde(rename = "stage_at_us")]
    pub stage_at: Ts,
    pub merged_into: Option<ClientId>,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "updated_at_us")]
    pub updated_at: Ts,
    pub version: i64,
}

impl Client {
    pub fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_string()
    }
    /// Whether somebody has registered with the address of an older record without having proven that
    /// it is theirs: what was known about the person before is not theirs to read.
    pub fn unproven(&self) -> bool {
        self.email_verified_at.is_none() && self.registered_at.is_some_and(|r| r.secs_since(self.created_at) > 60)
    }
    pub fn milestones(&self) -> Milestones {
        Milestones {
            registered: self.registered_at.is_some(),
            verified: self.verified_at.is_some(),
            funded: self.first_deposit_at.is_some(),
        }
    }
    fn set_milestones(&mut self, m: Milestones, now: Ts) {
        let set = |at: &mut Option<Ts>, on: bool| *at = if on { at.or(Some(now)) } else { None };
        set(&mut self.registered_at, m.registered);
        set(&mut self.verified_at, m.verified);
        set(&mut self.first_deposit_at, m.funded);
    }
}

/// The right that looking at a record of this stage needs.
pub(crate) fn view_right(stage: Stage) -> Right {
    if stage == Stage::Lead {
        Right::LeadsView
    } else {
        Right::ClientsView
    }
}

/// Whether the caller, having `right` with its scope, reaches this record. Outside it the record
/// is not there at all.
pub(crate) fn reach(caller: &Caller, right: Right, c: &Client) -> Result<()> {
    let reaches = match &caller.who {
        Who::System(_) => true,
        Who::Client { client, .. } => *client == c.id.to_string(),
        Who::Public => false,
        Who::Staff { .. } | Who::ApiKey { .. } => {
            let scope = caller.require(right)?;
            caller.enters(Some(&c.entity))
                && match scope {
                    Scope::Own => caller.staff_id().is_ok_and(|me| c.owner_id == Some(me)),
                    Scope::Desk => {
                        caller.staff_id().is_ok_and(|me| c.owner_id == Some(me)) || (c.desk.is_some() && c.desk.as_deref() == caller.desk())
                    }
                    Scope::Entity | Scope::All => true,
                }
        }
    };
    if reaches { Ok(()) } else { Err(Problem::missing("client")) }
}

/// The record, for other modules that decide about access themselves.
pub async fn find(tx: &mut Tx, id: ClientId) -> Result<Option<Client>> {
    store::clients::find(tx, id).await
}

/// The record's id and those of the records merged into it.
pub async fn with_merged(tx: &mut Tx, id: ClientId) -> Result<Vec<ClientId>> {
    store::clients::with_merged(tx, id).await
}

/// The record, if the caller has the right and it reaches so far.
pub async fn get(tx: &mut Tx, caller: &Caller, right: Right, id: ClientId) -> Result<Client> {
    let c = find(tx, id).await?.ok_or_else(|| Problem::missing("client"))?;
    reach(caller, right, &c)?;
    Ok(c)
}

/// The record locked for this transaction, after the caller's right was checked: every change of a
/// client starts here, so that changes and events of one client have an order.
pub(crate) async fn lock(tx: &mut Tx, caller: &Caller, right: Right, id: ClientId) -> Result<Client> {
    store::clients::lock(tx, id).await?;
    let c = get(tx, caller, right, id).await?;
    match c.merged_into {
        None => Ok(c),
        Some(into) => Err(Problem::conflict("client_merged", format!("this record was merged into {into}"))),
    }
}

pub(crate) async fn publish(tx: &mut Tx, core: &Core, kind: &'static str, c: &Client, mut payload: Value) -> Result<()> {
    payload["client_id"] = json!(c.id);
    events::publish(
        tx,
        core,
        NewEvent {
            kind,
            aggregate: format!("client:{}", c.id),
            entity: Some(c.entity.clone()),
            payload,
        },
    )
    .await?;
    Ok(())
}

pub(crate) fn entry<'a>(caller: &'a Caller, action: &'static str, c: &Client) -> Entry<'a> {
    Entry::new(caller, action, format!("client:{}", c.id))
        .client(c.id.to_string())
        .entity(Some(c.entity.clone()))
}

/// Moves a client through life; says whether the stage changed. `cause` is a sentence's key with
/// its object: `kyc.approved kyc_…`, `deposit dep_…`, `inactive 90 days`.
pub async fn stage(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId, command: Command, cause: &str) -> Result<bool> {
    let right = if matches!(caller.who, Who::System(_)) {
        Right::ClientsView
    } else {
        Right::ClientsEdit
    };
    let mut c = lock(tx, caller, right, id).await?;
    let now = core.now();
    let from = c.stage;
    match next(from, c.milestones(), command)? {
        Move::Already => Ok(false),
        Move::Noted(m) => {
            c.set_milestones(m, now);
            store::clients::save(tx, &c, now).await?;
            Ok(false)
        }
        Move::To(to, m) => {
            c.set_milestones(m, now);
            c.stage = to;
            c.stage_at = now;
            if !matches!(command, Command::FallAsleep | Command::Churn | Command::Unverify) {
                c.activity_at = now;
            }
            store::clients::save(tx, &c, now).await?;
            note_stage(tx, core, caller, &c, Some(from), cause).await?;
            audit::record(
                tx,
                core,
                entry(caller, "client.stage_changed", &c)
                    .before(json!({"stage": from}))
                    .after(json!({"stage": to}))
                    .reason(cause),
            )
            .await?;
            if command == Command::Register {
                publish(
                    tx,
                    core,
                    "client.registered",
                    &c,
                    json!({"brand": c.brand, "country": c.country, "language": c.language, "partner_id": c.partner_id}),
                )
                .await?;
            }
            Ok(true)
        }
    }
}

/// History line, timeline line and event of a new stage.
pub(crate) async fn note_stage(tx: &mut Tx, core: &Core, caller: &Caller, c: &Client, from: Option<Stage>, cause: &str) -> Result<()> {
    store::clients::add_stage(tx, c.id, from, c.stage, cause, &caller.id(), core.now()).await?;
    let data = json!({"from": from, "to": c.stage, "cause": cause});
    timeline::put(
        tx,
        core,
        caller,
        timeline::NewLine::new(c.id, "stage", "timeline.stage", data.clone(), Visibility::Staff),
    )
    .await?;
    publish(tx, core, "client.stage_changed", c, data).await
}

/// The client did something: sign-in, trade, payment. Wakes a sleeper.
pub async fn touch_activity(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId, cause: &str) -> Result<()> {
    let c = find(tx, id).await?.ok_or_else(|| Problem::missing("client"))?;
    if matches!(c.stage, Stage::Dormant | Stage::Churned) {
        stage(tx, core, caller, id, Command::Wake, cause).await?;
        return Ok(());
    }
    store::clients::touch(tx, id, core.now()).await
}

/// Verification's state for lists and badges; called by the reaction to its events.
pub async fn set_kyc_state(tx: &mut Tx, core: &Core, id: ClientId, state: &str) -> Result<()> {
    store::clients::set_kyc_state(tx, id, state, core.now()).await
}

/// The partner commission is owed to, as attribution decided.
pub async fn set_partner(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId, partner_id: Option<String>, reason: &str) -> Result<()> {
    let mut c = lock(tx, caller, Right::PartnersManage, id).await?;
    let before = std::mem::replace(&mut c.partner_id, partner_id);
    if before == c.partner_id {
        return Ok(());
    }
    store::clients::save(tx, &c, core.now()).await?;
    let e = entry(caller, "client.partner_changed", &c)
        .before(json!({"partner_id": before}))
        .after(json!({"partner_id": c.partner_id}))
        .reason(reason);
    audit::record(tx, core, e).await?;
    Ok(())
}

/// The address proved to be the client's.
pub async fn email_verified(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId) -> Result<()> {
    let mut c = lock(tx, caller, Right::MeEdit, id).await?;
    if c.email_verified_at.is_some() {
        return Ok(());
    }
    let now = core.now();
    c.email_verified_at = Some(now);
    c.activity_at = now;
    store::clients::save(tx, &c, now).await?;
    timeline::put(
        tx,
        core,
        caller,
        timeline::NewLine::new(id, "registration", "timeline.email_verified", json!({}), Visibility::Client),
    )
    .await?;
    audit::record(tx, core, entry(caller, "client.email_verified", &c)).await?;
    publish(tx, core, "client.email_verified", &c, json!({})).await
}

/// Whoever registered with this address never proved that it was theirs, and now somebody else has it:
/// what the first one said about themselves is not the second one's. It stays in the record's history
/// and in the timeline, for staff; name and country stay until the person says otherwise.
pub async fn forget_stranger(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId, cause: &str) -> Result<()> {
    store::clients::lock(tx, id).await?;
    let before = find(tx, id).await?.ok_or_else(|| Problem::missing("client"))?;
    let mut c = before.clone();
    let now = core.now();
    c.phone = None;
    c.birth_date = None;
    c.nationality = None;
    store::clients::save(tx, &c, now).await?;
    let mut steps = Vec::new();
    for (step, _, _, version) in store::profile::latest(tx, id).await? {
        store::profile::add(tx, id, &step, version + 1, &json!({}), &caller.id(), now).await?;
        steps.push(step);
    }
    after_identity(tx, core, caller, &before, &c).await?;
    let data = json!({"cause": cause, "phone": before.phone, "birth_date": before.birth_date, "steps": steps});
    timeline::put(
        tx,
        core,
        caller,
        timeline::NewLine::new(id, "registration", "timeline.handed_over", data, Visibility::Staff),
    )
    .await?;
    let (was, is) = changes(&before, &c)?;
    audit::record(
        tx,
        core,
        entry(caller, "client.handed_over", &c).before(was).after(is).reason(cause),
    )
    .await?;
    publish(
        tx,
        core,
        "client.changed",
        &c,
        json!({"fields": ["phone", "birth_date", "nationality"]}),
    )
    .await
}

/// From here to the commit nobody else does something of this kind for the client: limits that count
/// what is there hold for two requests at once.
pub async fn one_at_a_time(tx: &mut Tx, id: ClientId) -> Result<()> {
    store::clients::lock(tx, id).await
}

/// What staff (or the client, for contact data) may change by hand. Absent fields stay.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub country: Option<String>,
    pub language: Option<String>,
    pub birth_date: Option<String>,
    pub nationality: Option<String>,
    pub status: Option<Status>,
    pub vip: Option<bool>,
    pub tags: Option<Vec<String>>,
    pub custom: Option<Value>,
}

impl Patch {
    /// Fields that documents prove.
    fn touches_identity(&self) -> bool {
        self.first_name.is_some()
            || self.last_name.is_some()
            || self.birth_date.is_some()
            || self.nationality.is_some()
            || self.country.is_some()
    }
    fn is_staff_only(&self) -> bool {
        self.status.is_some() || self.vip.is_some() || self.tags.is_some() || self.custom.is_some()
    }
}

/// Edits the record from a version. Identity data of a verified client is changed by staff only,
/// because documents were accepted for it; what staff note about a client, only by staff.
pub async fn edit(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: ClientId,
    base_version: i64,
    patch: Patch,
    reason: &str,
) -> Result<Client> {
    let own = matches!(caller.who, Who::Client { .. });
    let mut c = lock(tx, caller, if own { Right::MeEdit } else { Right::ClientsEdit }, id).await?;
    if own {
        caller.require(Right::MeEdit)?;
        if patch.is_staff_only() {
            return Err(Problem::forbidden("staff_only", "only staff may change these fields"));
        }
        if c.verified_at.is_some() && patch.touches_identity() {
            return Err(Problem::conflict(
                "profile_locked",
                "this was verified with your documents: ask us to change it",
            ));
        }
    }
    if c.version != base_version {
        return Err(
            Problem::conflict("version_changed", "the record was changed in the meantime").and_field(
                "/version",
                "version_changed",
                "expected the latest version",
            ),
        );
    }
    let before = c.clone();
    apply(&mut c, patch)?;
    let now = core.now();
    if c.email != before.email || c.phone != before.phone {
        c.contact_changed_at = Some(now);
        if c.email != before.email {
            c.email_verified_at = None;
        }
    }
    let (was, is) = changes(&before, &c)?;
    if is.as_object().is_none_or(serde_json::Map::is_empty) {
        return Ok(c);
    }
    store::clients::save(tx, &c, now).await?;
    c.version += 1;
    if c.tags != before.tags {
        store::clients::set_tags(tx, id, &c.tags).await?;
    }
    after_identity(tx, core, caller, &before, &c).await?;
    let fields: Vec<&String> = is.as_object().into_iter().flat_map(|o| o.keys()).collect();
    let line = timeline::NewLine::new(
        id,
        "profile",
        "timeline.profile_changed",
        json!({"fields": fields, "reason": reason}),
        if own { Visibility::Client } else { Visibility::Staff },
    );
    publish(tx, core, "client.changed", &c, json!({"fields": fields})).await?;
    timeline::put(tx, core, caller, line).await?;
    audit::record(tx, core, entry(caller, "client.changed", &c).before(was).after(is).reason(reason)).await?;
    Ok(c)
}

/// After a change of who somebody is: search words, marks, and a look for the same person.
pub(crate) async fn after_identity(tx: &mut Tx, core: &Core, caller: &Caller, before: &Client, c: &Client) -> Result<()> {
    let identity = |c: &Client| {
        (
            c.first_name.clone(),
            c.last_name.clone(),
            c.email.clone(),
            c.phone.clone(),
            c.birth_date.clone(),
            c.country.clone(),
        )
    };
    if identity(before) != identity(c) {
        search::refresh(tx, c).await?;
        duplicates::refresh(tx, core, caller, c).await?;
    }
    Ok(())
}

fn apply(c: &mut Client, p: Patch) -> Result<()> {
    let name = |field: &str, v: String| {
        let v = v.trim().to_string();
        if v.chars().count() > 100 || v.chars().any(char::is_control) {
            return Err(Problem::invalid(field, "name_malformed", "expected at most 100 characters"));
        }
        Ok(v)
    };
    if let Some(v) = p.first_name {
        c.first_name = name("/first_name", v)?;
    }
    if let Some(v) = p.last_name {
        c.last_name = name("/last_name", v)?;
    }
    if let Some(v) = p.email {
        qd_runtime::access::check_email(&v)?;
        c.email = Some(v.trim().to_string());
    }
    if let Some(v) = p.country {
        c.country = country("/country", &v)?;
    }
    if let Some(v) = p.nationality {
        c.nationality = Some(country("/nationality", &v)?);
    }
    if let Some(v) = p.phone {
        c.phone = phone_number("/phone", &v, &c.country)?;
    }
    if let Some(v) = p.language {
        c.language = language("/language", &v)?;
    }
    if let Some(v) = p.birth_date {
        c.birth_date = Some(date("/birth_date", &v)?);
    }
    if let Some(v) = p.status {
        c.status = v;
    }
    if let Some(v) = p.vip {
        c.vip = v;
    }
    if let Some(v) = p.tags {
        let mut tags: Vec<String> = v.iter().map(|t| t.trim().to_lowercase()).filter(|t| !t.is_empty()).collect();
        tags.sort();
        tags.dedup();
        if tags.len() > MAX_TAGS || tags.iter().any(|t| t.chars().count() > 40) {
            return Err(Problem::invalid(
                "/tags",
                "tags_too_many",
                format!("expected at most {MAX_TAGS} tags of 40 characters"),
            ));
        }
        c.tags = tags;
    }
    if let Some(v) = p.custom {
        if !v.is_object() || v.to_string().len() > MAX_CUSTOM {
            return Err(Problem::invalid(
                "/custom",
                "custom_malformed",
                format!("expected an object of at most {MAX_CUSTOM} bytes"),
            ));
        }
        c.custom = v;
    }
    Ok(())
}

/// The fields that differ, as they were and as they are.
fn changes(a: &Client, b: &Client) -> Result<(Value, Value)> {
    let (va, vb) = (serde_json::to_value(a)?, serde_json::to_value(b)?);
    let (mut was, mut is) = (serde_json::Map::new(), serde_json::Map::new());
    for (k, v) in vb.as_object().into_iter().flatten() {
        if va.get(k) != Some(v) {
            was.insert(k.clone(), va.get(k).cloned().unwrap_or_default());
            is.insert(k.clone(), v.clone());
        }
    }
    Ok((Value::Object(was), Value::Object(is)))
}

pub(crate) fn country(field: &str, v: &str) -> Result<String> {
    let v = v.trim().to_ascii_uppercase();
    if v.len() == 2 && v.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(v)
    } else {
        Err(Problem::invalid(field, "country_malformed", "expected two letters like DE"))
    }
}

pub(crate) fn language(field: &str, v: &str) -> Result<String> {
    let v = v.trim();
    let ok = (2..=8).contains(&v.len())
        && v.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && v.bytes().take(2).all(|b| b.is_ascii_lowercase());
    if ok {
        Ok(v.to_string())
    } else {
        Err(Problem::invalid(
            field,
            "language_malformed",
            "expected a language like de or pt-BR",
        ))
    }
}

/// Empty means none; anything else must be long enough to call.
pub(crate) fn phone_number(field: &str, v: &str, country: &str) -> Result<Option<String>> {
    let v = v.trim();
    if v.is_empty() {
        return Ok(None);
    }
    let plain = v.len() <= 40 && v.bytes().all(|b| b.is_ascii_digit() || b"+-/(). ".contains(&b));
    match normal::phone(v, country).filter(|_| plain) {
        Some(_) => Ok(Some(v.to_string())),
        None => Err(Problem::invalid(
            field,
            "phone_malformed",
            "expected a telephone number with 7 to 15 digits",
        )),
    }
}

/// A calendar date `YYYY-MM-DD` that exists.
pub(crate) fn date(field: &str, v: &str) -> Result<String> {
    let parts: Vec<&str> = v.split('-').collect();
    let ok = match parts.as_slice() {
        [y, m, d] if y.len() == 4 && m.len() == 2 && d.len() == 2 => match (y.parse::<i64>(), m.parse::<u32>(), d.parse::<u32>()) {
            (Ok(y), Ok(m), Ok(d)) => (1..=12).contains(&m) && (1..=31).contains(&d) && Ts::from_ymd(y, m, d).ymd() == (y, m, d),
            _ => false,
        },
        _ => false,
    };
    if ok {
        Ok(v.to_string())
    } else {
        Err(Problem::invalid(field, "date_malformed", "expected a date like 1990-05-17"))
    }
}

/// Whole years at a moment.
pub fn age_years(birth_date: &str, at: Ts) -> Option<i64> {
    let mut p = birth_date.split('-');
    let (y, m, d) = (
        p.next()?.parse::<i64>().ok()?,
        p.next()?.parse::<u32>().ok()?,
        p.next()?.parse::<u32>().ok()?,
    );
    let (ny, nm, nd) = at.ymd();
    Some(ny - y - i64::from((nm, nd) < (m, d)))
}

/// Contact data covered for callers who may not see it.
pub(crate) fn cover(caller: &Caller, c: &mut Client) {
    let own = matches!(&caller.who, Who::Client { client, .. } if *client == c.id.to_string());
    if !own && !caller.sees(Mask::Contact) {
        let covered = || qd_runtime::access::mask::COVERED.to_string();
        c.email = c.email.as_ref().map(|_| covered());
        c.phone = c.phone.as_ref().map(|_| covered());
        c.birth_date = c.birth_date.as_ref().map(|_| covered());
    }
}
