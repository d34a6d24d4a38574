//! A case with everything that belongs to it; opening, keeping the applicant's facts, reopening.

use crate::compare::mismatches;
use crate::model::{self, Command, Facts};
use crate::requirement::required;
use crate::store::answers::AnswerRow;
use crate::store::documents::Document;
use crate::store::{self, CaseRow};
use crate::{Applicant, CaseState, Day, DocumentState, KycId, Level, Requirement, RequirementState};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::access::{Caller, Right, Scope, StaffId, Who};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::tenancy::{self, Class3, Entity};
use qd_runtime::{Core, audit};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What every command answers: where the case stands. Hand `version` back with a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = KycCaseBrief)]
pub struct Case {
    pub id: KycId,
    pub client_id: String,
    pub entity: String,
    pub level: Level,
    pub state: CaseState,
    pub version: i64,
}

/// Who has the case in hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = KycReviewer)]
pub struct Reviewer {
    pub id: StaffId,
    pub name: String,
}

impl From<&CaseRow> for Case {
    fn from(r: &CaseRow) -> Case {
        Case {
            id: r.id,
            client_id: r.client_id.clone(),
            entity: r.entity.clone(),
            level: r.level,
            state: r.state,
            version: r.version,
        }
    }
}

/// The row and all that its decisions look at.
pub(crate) struct CaseFile {
    pub(crate) row: CaseRow,
    pub(crate) entity: Arc<Entity>,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) documents: Vec<Document>,
    pub(crate) answers: Option<AnswerRow>,
}

impl CaseFile {
    pub(crate) async fn load(tx: &mut Tx, row: CaseRow) -> Result<CaseFile> {
        let entity = tenancy::get(tx, &row.entity).await?;
        let requirements = store::requirements(tx, row.id).await?;
        let documents = store::documents::of_case(tx, row.id).await?;
        let answers = if asks_test(&entity, row.level) {
            store::answers::latest(tx, &row.client_id).await?
        } else {
            None
        };
        Ok(CaseFile {
            row,
            entity,
            requirements,
            documents,
            answers,
        })
    }

    /// The case as it was at a moment, by the rule book of then.
    pub(crate) async fn load_at(tx: &mut Tx, row: CaseRow, at: Ts) -> Result<CaseFile> {
        let entity = match tenancy::entity_as_of(tx, &row.entity, at).await? {
            Some(e) => Arc::new(e),
            None => tenancy::get(tx, &row.entity).await?,
        };
        let requirements = store::requirements_at(tx, row.id, at).await?;
        let documents = store::documents::of_case_at(tx, row.id, at).await?;
        let answers = if asks_test(&entity, row.level) {
            store::answers::latest_at(tx, &row.client_id, at).await?
        } else {
            None
        };
        Ok(CaseFile {
            row,
            entity,
            requirements,
            documents,
            answers,
        })
    }

    /// Takes the row's lock until the commit.
    pub(crate) async fn lock(tx: &mut Tx, id: KycId) -> Result<CaseFile> {
        let row = store::lock(tx, id).await?.ok_or_else(missing_case)?;
        CaseFile::load(tx, row).await
    }

    pub(crate) fn asks_test(&self) -> bool {
        asks_test(&self.entity, self.row.level)
    }

    /// What the client still has to give, by dotted keys: `profile.birth_date`, `questionnaire`,
    /// `questionnaire.warning`, `document.identity`, `document.identity.back`.
    pub(crate) fn missing(&self) -> Vec<String> {
        let mut out: Vec<String> = self.row.applicant.0.missing().iter().map(|f| format!("profile.{f}")).collect();
        out.extend(self.test_missing());
        for r in &self.requirements {
            out.extend(self.document_missing(r));
        }
        out
    }

    pub(crate) fn test_missing(&self) -> Option<String> {
        if !self.asks_test() {
            return None;
        }
        let key = match &self.answers {
            None => "questionnaire",
            Some(a) if a.class == Class3::Block => "questionnaire.passed",
            Some(a) if a.class == Class3::Warn && a.warning_key.is_some() && a.acknowledged_at.is_none() => "questionnaire.warning",
            Some(_) => return None,
        };
        Some(key.to_string())
    }

    pub(crate) fn document_missing(&self, r: &Requirement) -> Vec<String> {
        match r.state(&self.documents) {
            RequirementState::Missing | RequirementState::Rejected => vec![format!("document.{}", r.code)],
            RequirementState::SideMissing => {
                let current = r.current(&self.documents);
                let sides = current.first().map_or(&[][..], |d| r.sides(&d.kind));
                sides
                    .iter()
                    .filter(|s| !current.iter().any(|d| d.side == **s))
                    .map(|s| format!("document.{}.{s}", r.code))
                    .collect()
            }
            RequirementState::Pending | RequirementState::Accepted => Vec::new(),
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        let states: Vec<RequirementState> = self.requirements.iter().map(|r| r.state(&self.documents)).collect();
        let absent = |s: &RequirementState| matches!(s, RequirementState::Missing | RequirementState::SideMissing);
        Facts {
            // A case that asks for nothing proves nothing.
            missing: states.is_empty()
                || states.iter().any(absent)
                || !self.row.applicant.0.missing().is_empty()
                || self.test_missing().is_some(),
            rejected: states.contains(&RequirementState::Rejected),
            unaccepted: states.iter().any(|s| *s != RequirementState::Accepted),
        }
    }

    pub(crate) fn step(&self, command: Command) -> Result<CaseState> {
        model::step(self.row.state, command, self.facts(), &self.missing())
    }

    /// The documents that count.
    pub(crate) fn current(&self) -> Vec<Document> {
        self.requirements.iter().flat_map(|r| r.current(&self.documents)).cloned().collect()
    }

    pub(crate) fn requirement(&self, code: &str) -> Option<&Requirement> {
        self.requirements.iter().find(|r| r.code == code)
    }

    pub(crate) fn subject(&self) -> String {
        subject(self.row.id)
    }

    /// Takes over what the client record says now; the list of requirements follows the country
    /// and documents are compared again. An accepted document that no longer fits is undecided.
    pub(crate) async fn take_applicant(&mut self, tx: &mut Tx, a: Applicant, now: Ts) -> Result<bool> {
        let today = &Day::of(now);
        if a.client_id != self.row.client_id || a.entity != self.row.entity {
            return Err(Problem::invalid(
                "/client_id",
                "kyc_other_client",
                "expected the case's own client and entity",
            ));
        }
        if self.row.applicant.0 == a {
            return Ok(false);
        }
        let moved = a.country != self.row.country;
        self.row.country.clone_from(&a.country);
        self.row.applicant.0 = a;
        if matches!(self.row.state, CaseState::Approved | CaseState::Rejected) {
            return Ok(true);
        }
        if moved {
            self.take_list(tx, now).await?;
        }
        let days_left = self.entity.config.documents.min_days_left;
        for d in self.documents.iter_mut().filter(|d| d.state.is_current()) {
            let Some(r) = self.requirements.iter().find(|r| r.code == d.requirement) else {
                continue;
            };
            let found = mismatches(&self.row.applicant.0, r, &d.fields.0, today, days_left);
            if found != d.mismatches.0 {
                d.mismatches.0 = found;
                d.waivers.0.clear();
                if d.state == DocumentState::Accepted {
                    d.state = DocumentState::Pending;
                }
                store::documents::save(tx, d, now).await?;
            }
        }
        Ok(true)
    }

    /// Copies the rule book's list as it is now, and keeps what reviewers added to it.
    pub(crate) async fn take_list(&mut self, tx: &mut Tx, now: Ts) -> Result<()> {
        let book = required(&self.entity.config, &self.row.country, self.row.level);
        if book.is_empty() {
            return Err(level_not_asked());
        }
        let other = match self.row.level {
            Level::Standard => Level::Enhanced,
            Level::Enhanced => Level::Standard,
        };
        let added = required(&self.entity.config, &self.row.country, other)
            .into_iter()
            .filter(|r| self.requirement(&r.code).is_some());
        let list: Vec<Requirement> = book.iter().cloned().chain(added).collect();
        store::put_requirements(tx, self.row.id, &list, now).await?;
        self.requirements = list;
        self.row.config_version = self.entity.version;
        Ok(())
    }

    /// Writes the row, the line of history and the audit row of one command.
    pub(crate) async fn finish(&mut self, tx: &mut Tx, core: &Core, caller: &Caller, done: Done<'_>) -> Result<()> {
        let now = core.now();
        self.row.changed_at = now;
        store::save(tx, &self.row).await?;
        let who = (caller.id(), caller.label());
        store::note(
            tx,
            self.row.id,
            now,
            (&who.0, &who.1),
            done.what,
            done.from,
            self.row.state,
            done.note,
        )
        .await?;
        let mut after = json!({ "state": self.row.state, "version": self.row.version });
        merge(&mut after, done.after);
        let mut e = audit::Entry::new(caller, done.what, self.subject())
            .client(&self.row.client_id)
            .entity(Some(self.row.entity.clone()))
            .before(json!({ "state": done.from }))
            .after(after);
        e.reason = done.note.map(str::to_string);
        e.seen = done.seen;
        audit::record(tx, core, e).await?;
        Ok(())
    }

    pub(crate) async fn publish(&self, tx: &mut Tx, core: &Core, kind: &'static str, more: Value) -> Result<()> {
        let mut payload = json!({ "client_id": self.row.client_id, "case_id": self.row.id, "level": self.row.level });
        merge(&mut payload, more);
        let ev = NewEvent {
            kind,
            aggregate: self.subject(),
            entity: Some(self.row.entity.clone()),
            payload,
        };
        events::publish(tx, core, ev).await?;
        Ok(())
    }
}

/// What [`CaseFile::finish`] writes down.
pub(crate) struct Done<'a> {
    pub(crate) what: &'static str,
    pub(crate) from: CaseState,
    pub(crate) note: Option<&'a str>,
    pub(crate) after: Value,
    pub(crate) seen: Option<Value>,
}

impl<'a> Done<'a> {
    pub(crate) fn new(what: &'static str, from: CaseState) -> Done<'a> {
        Done {
            what,
            from,
            note: None,
            after: Value::Null,
            seen: None,
        }
    }
    pub(crate) fn note(mut self, note: Option<&'a str>) -> Done<'a> {
        self.note = note;
        self
    }
    pub(crate) fn after(mut self, after: Value) -> Done<'a> {
        self.after = after;
        self
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(a), Value::Object(b)) = (into, more) {
        a.extend(b);
    }
}

fn asks_test(entity: &Entity, level: Level) -> bool {
    level == Level::Standard && entity.config.appropriateness.is_some()
}

pub(crate) fn subject(id: KycId) -> String {
    format!("kyc:{id}")
}

pub(crate) fn missing_case() -> Problem {
    Problem::missing("verification")
}

fn level_not_asked() -> Problem {
    Problem::conflict("kyc_level_not_configured", "the entity asks for no documents at this level")
}

/// For what a client does: the client, the house, or a reviewer on their behalf. What the caller
/// may not know of does not exist.
pub(crate) fn may_act_for(caller: &Caller, client_id: &str, entity: &str) -> Result<()> {
    match &caller.who {
        Who::System(_) => Ok(()),
        Who::Client { client, .. } => {
            caller.require(Right::MeKyc)?;
            if client == client_id { Ok(()) } else { Err(missing_case()) }
        }
        _ => may_review(caller, entity),
    }
}

/// For what a reviewer does.
pub(crate) fn may_review(caller: &Caller, entity: &str) -> Result<()> {
    wide(caller, Right::KycReview)?;
    if caller.enters(Some(entity)) { Ok(()) } else { Err(missing_case()) }
}

/// For looking. A scope of own or desk is measured where the client's owner is known: by whoever
/// shows the client.
pub(crate) fn may_look(caller: &Caller, client_id: &str, entity: &str) -> Result<()> {
    match &caller.who {
        Who::Client { client, .. } => {
            caller.require(Right::MeKyc)?;
            if client == client_id { Ok(()) } else { Err(missing_case()) }
        }
        _ => {
            caller.require(Right::KycView)?;
            if caller.enters(Some(entity)) { Ok(()) } else { Err(missing_case()) }
        }
    }
}

/// A right over the whole entity: lists know no owner of a client.
pub(crate) fn wide(caller: &Caller, right: Right) -> Result<()> {
    match caller.require(right)? {
        Scope::Entity | Scope::All => Ok(()),
        Scope::Own | Scope::Desk => Err(Problem::forbidden(
            "scope_too_narrow",
            format!("this needs the right {right} over the entity"),
        )),
    }
}

/// Opens the client's case at a level, or answers the one that is there. The list of documents is
/// the rule book's of this moment.
pub async fn open_case(tx: &mut Tx, core: &Core, caller: &Caller, applicant: Applicant, level: Level) -> Result<Case> {
    may_act_for(caller, &applicant.client_id, &applicant.entity)?;
    if let Some(c) = existing(tx, &applicant, level).await? {
        return Ok(c);
    }
    let entity = tenancy::get(tx, &applicant.entity).await?;
    if entity.config.countries.not_served.contains(&applicant.country) {
        return Err(Problem::conflict(
            "country_not_served",
            "the entity does not serve residents of this country",
        ));
    }
    let list = required(&entity.config, &applicant.country, level);
    if list.is_empty() {
        return Err(level_not_asked());
    }
    let id = KycId::new(&core.env);
    let now = core.now();
    if !store::insert(tx, id, &applicant, level, entity.version, now).await? {
        // Opened by another transaction a moment ago.
        return existing(tx, &applicant, level)
            .await?
            .ok_or_else(|| Problem::bug("kyc_case_lost", "a case is neither new nor there"));
    }
    store::put_requirements(tx, id, &list, now).await?;
    let row = store::find(tx, id).await?.ok_or_else(missing_case)?;
    let mut file = CaseFile::load(tx, row).await?;
    let codes: Vec<String> = file.requirements.iter().map(|r| r.code.clone()).collect();
    let after = json!({ "level": level, "config_version": file.row.config_version, "requirements": codes });
    file.finish(tx, core, caller, Done::new("kyc.case_opened", CaseState::Open).after(after.clone()))
        .await?;
    file.publish(tx, core, "kyc.case_opened", json!({ "requirements": codes })).await?;
    Ok(Case::from(&file.row))
}

async fn existing(tx: &mut Tx, a: &Applicant, level: Level) -> Result<Option<Case>> {
    let Some(id) = store::id_of(tx, &a.client_id, level).await? else {
        return Ok(None);
    };
    let row = store::find(tx, id).await?.ok_or_else(missing_case)?;
    if row.entity == a.entity {
        Ok(Some(Case::from(&row)))
    } else {
        Err(missing_case())
    }
}

/// The client record changed: keeps the case's copy up to date. While somebody reviews, the change
/// is flagged and the reviewer's screen is out of date.
pub async fn set_applicant(tx: &mut Tx, core: &Core, caller: &Caller, id: KycId, applicant: Applicant) -> Result<Case> {
    let before = store::find(tx, id).await?.ok_or_else(missing_case)?;
    may_act_for(caller, &before.client_id, &before.entity)?;
    if before.applicant.0 == applicant {
        return Ok(Case::from(&before));
    }
    let mut file = CaseFile::lock(tx, id).await?;
    let from = file.row.state;
    if file.take_applicant(tx, applicant, core.now()).await? {
        if from == CaseState::InReview {
            add_reason(&mut file.row, "data_changed");
        }
        file.finish(tx, core, caller, Done::new("kyc.applicant_changed", from)).await?;
        crate::submit::reassess(tx, core, &mut file).await?;
    }
    Ok(Case::from(&file.row))
}

pub(crate) fn add_reason(row: &mut CaseRow, code: &str) {
    if !row.reasons.0.iter().any(|r| r == code) {
        row.reasons.0.push(code.to_string());
    }
}

/// Verifies again (compliance, or a job with a reason): the named requirements are asked anew, all
/// of them when none is named; what else was accepted stays. The client is not approved until the
/// end of it.
pub async fn reopen(tx: &mut Tx, core: &Core, caller: &Caller, id: KycId, requirements: &[String], reason: &str) -> Result<Case> {
    let mut file = CaseFile::lock(tx, id).await?;
    may_review(caller, &file.row.entity)?;
    let reason = said("/reason", reason)?;
    let from = file.row.state;
    let to = file.step(Command::Reopen)?;
    let now = core.now();
    file.take_list(tx, now).await?;
    for (i, code) in requirements.iter().enumerate() {
        ask_for(tx, &mut file, code, &format!("/requirements/{i}"), now).await?;
    }
    for d in file
        .documents
        .iter_mut()
        .filter(|d| d.state.is_current() && (requirements.is_empty() || requirements.contains(&d.requirement)))
    {
        d.state = DocumentState::Outdated;
        store::documents::save(tx, d, now).await?;
    }
    open_again(&mut file.row, to, now);
    file.finish(
        tx,
        core,
        caller,
        Done::new("kyc.reopened", from)
            .note(Some(reason))
            .after(json!({ "requirements": requirements })),
    )
    .await?;
    let asked: Vec<&String> = file
        .requirements
        .iter()
        .map(|r| &r.code)
        .filter(|c| requirements.is_empty() || requirements.contains(c))
        .collect();
    file.publish(tx, core, "kyc.reopened", json!({ "requirements": asked })).await?;
    Ok(Case::from(&file.row))
}

pub(crate) fn open_again(row: &mut CaseRow, to: CaseState, now: Ts) {
    row.state = to;
    row.owner_id = None;
    row.owner_name = None;
    row.claimed_at = None;
    row.due_at = None;
    row.approved_at = None;
    row.changed_at = now;
}

/// Adds a requirement of the entity's rule book that the case does not ask for yet.
pub(crate) async fn ask_for(tx: &mut Tx, file: &mut CaseFile, code: &str, at: &str, now: Ts) -> Result<()> {
    if file.requirement(code).is_some() {
        return Ok(());
    }
    let rule = file.entity.config.documents_for(&file.row.country).iter().find(|r| r.code == code);
    let Some(rule) = rule else {
        return Err(Problem::invalid(
            at,
            "requirement_unknown",
            "expected a document of the entity's rule book",
        ));
    };
    let list: Vec<Requirement> = file.requirements.iter().cloned().chain([Requirement::from(rule)]).collect();
    store::put_requirements(tx, file.row.id, &list, now).await?;
    file.requirements = list;
    Ok(())
}

/// A person's reason: one to two thousand characters.
pub(crate) fn said<'a>(field: &str, text: &'a str) -> Result<&'a str> {
    match text.trim() {
        "" => Err(Problem::invalid(field, "reason_empty", "say why in a sentence")),
        t if t.contains('\0') => Err(Problem::invalid(
            field,
            "reason_characters",
            "expected text without control characters",
        )),
        t if t.chars().count() > 2_000 => Err(Problem::invalid(field, "reason_too_long", "expected at most 2000 characters")),
        t => Ok(t),
    }
}
