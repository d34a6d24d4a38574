//! Uploads, what they say, and what a reviewer makes of each. The content is elsewhere, encrypted
//! (`qd_runtime::files`); here is its reference.

use crate::case::{Case, CaseFile, Done, may_act_for, may_review, missing_case, said};
use crate::compare::{Mismatch, mismatches};
use crate::model::Command;
use crate::review::in_hand;
use crate::store::documents::{self, Document};
use crate::store::{self, Json};
use crate::{Day, DocumentId, DocumentNumber, DocumentState, KycId, Requirement, Side};
use qd_db::Tx;
use qd_kernel::{Problem, Result, text_enum};
use qd_runtime::access::{Caller, Right, Who};
use qd_runtime::files::{self, FileRef};
use qd_runtime::tenancy::RejectKind;
use qd_runtime::{Core, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Uploads one case takes in all its life: enough for years of renewals, too few to fill a disk.
pub(crate) const MAX_UPLOADS: usize = 200;
const MAX_NAME: usize = 200;

text_enum!(
    /// Who read what the document says.
    FieldsSource as DocumentFieldsSource { Client = "client", Reviewer = "reviewer", Ocr = "ocr" }
);

/// What a document says. Only what was read is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct DocumentFields {
    pub holder_name: Option<String>,
    pub birth_date: Option<Day>,
    /// Two capital letters.
    pub nationality: Option<String>,
    /// Made with [`DocumentNumber::new`]: the number itself is not kept.
    pub number: Option<DocumentNumber>,
    pub issued_on: Option<Day>,
    pub expires_on: Option<Day>,
}

impl DocumentFields {
    fn is_empty(&self) -> bool {
        *self == DocumentFields::default()
    }
    fn check(&self) -> Result<()> {
        if self
            .holder_name
            .as_ref()
            .is_some_and(|n| n.trim().is_empty() || n.chars().count() > MAX_NAME || n.contains('\0'))
        {
            return Err(Problem::invalid(
                "/fields/holder_name",
                "name_length",
                format!("expected 1 to {MAX_NAME} characters"),
            ));
        }
        if self
            .nationality
            .as_ref()
            .is_some_and(|c| c.len() != 2 || !c.bytes().all(|b| b.is_ascii_uppercase()))
        {
            return Err(Problem::invalid(
                "/fields/nationality",
                "country_malformed",
                "expected two capital letters",
            ));
        }
        Ok(())
    }
    /// What is given replaces what was known.
    fn over(self, old: &DocumentFields) -> DocumentFields {
        DocumentFields {
            holder_name: self.holder_name.or_else(|| old.holder_name.clone()),
            birth_date: self.birth_date.or_else(|| old.birth_date.clone()),
            nationality: self.nationality.or_else(|| old.nationality.clone()),
            number: self.number.or_else(|| old.number.clone()),
            issued_on: self.issued_on.or_else(|| old.issued_on.clone()),
            expires_on: self.expires_on.or_else(|| old.expires_on.clone()),
        }
    }
    fn names(&self) -> Vec<&'static str> {
        [
            ("holder_name", self.holder_name.is_some()),
            ("birth_date", self.birth_date.is_some()),
            ("nationality", self.nationality.is_some()),
            ("number", self.number.is_some()),
            ("issued_on", self.issued_on.is_some()),
            ("expires_on", self.expires_on.is_some()),
        ]
        .into_iter()
        .filter_map(|(n, there)| there.then_some(n))
        .collect()
    }
}

/// A reviewer takes a difference as it is, and says why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DocumentWaiver)]
pub struct Waiver {
    pub field: String,
    pub reason: String,
}

/// An upload: the file is stored already.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Code of the requirement it is for.
    pub requirement: String,
    /// `passport`, `utility_bill`…: one of the requirement's kinds.
    pub kind: String,
    pub side: Side,
    pub file: FileRef,
    /// What the client types from it, if anything.
    pub fields: DocumentFields,
}

/// What a reviewer makes of one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum DocumentVerdict {
    Accept {
        /// What the reviewer read; added to what is known.
        #[serde(default)]
        fields: DocumentFields,
        /// One for each difference that remains.
        #[serde(default)]
        waivers: Vec<Waiver>,
    },
    Reject {
        /// One of the entity's list.
        reason_code: String,
        /// For the client to read.
        #[serde(default)]
        note: Option<String>,
    },
}

/// Notes the file and makes it the current document of its requirement and side; the one before
/// stays in the history. A document that was accepted is not replaced.
pub async fn add_document(tx: &mut Tx, core: &Core, caller: &Caller, id: KycId, new: NewDocument) -> Result<DocumentId> {
    let mut file = CaseFile::lock(tx, id).await?;
    may_act_for(caller, &file.row.client_id, &file.row.entity)?;
    new.fields.check()?;
    let from = file.row.state;
    let to = file.step(Command::Supply)?;
    let requirement = file
        .requirement(&new.requirement)
        .cloned()
        .ok_or_else(|| Problem::invalid("/requirement", "requirement_unknown", "expected a document this case asks for"))?;
    if !requirement.kinds.contains(&new.kind) {
        return Err(Problem::invalid(
            "/kind",
            "document_kind",
            format!("expected one of {}", requirement.kinds.join(", ")),
        ));
    }
    if !requirement.sides(&new.kind).contains(&new.side) {
        let sides: Vec<&str> = requirement.sides(&new.kind).iter().map(|s| s.as_str()).collect();
        return Err(Problem::invalid(
            "/side",
            "document_side",
            format!("expected {}", sides.join(" or ")),
        ));
    }
    if file.documents.len() >= MAX_UPLOADS {
        return Err(Problem::limit("kyc_too_many_uploads", "this case takes no more uploads"));
    }
    // The other side of another kind goes, too: a passport is not the back of an identity card.
    let out: Vec<usize> = (0..file.documents.len())
        .filter(|i| {
            let d = &file.documents[*i];
            d.state.is_current() && d.requirement == new.requirement && (d.side == new.side || d.kind != new.kind)
        })
        .collect();
    if out.iter().any(|i| file.documents[*i].state == DocumentState::Accepted) {
        return Err(Problem::conflict(
            "kyc_document_accepted",
            "this document was accepted; it is not asked for again",
        ));
    }
    let now = core.now();
    let doc_id = DocumentId::new(&core.env);
    let days_left = file.entity.config.documents.min_days_left;
    let declared = !new.fields.is_empty();
    let document = Document {
        id: doc_id,
        case_id: id,
        client_id: file.row.client_id.clone(),
        requirement: new.requirement,
        kind: new.kind,
        side: new.side,
        state: DocumentState::Pending,
        file_id: new.file.id,
        sha256: new.file.sha256.clone(),
        mime: new.file.mime,
        size: new.file.size,
        key_id: new.file.key_id.clone(),
        uploaded_by: caller.id(),
        uploaded_at: now,
        expires_on: new.fields.expires_on.clone(),
        mismatches: Json(mismatches(
            &file.row.applicant.0,
            &requirement,
            &new.fields,
            &Day::of(now),
            days_left,
        )),
        fields: Json(new.fields),
        fields_source: declared.then_some(source_of(caller)),
        fields_by: declared.then(|| caller.id()),
        fields_at: declared.then_some(now),
        waivers: Json(Vec::new()),
        reason_code: None,
        reason_note: None,
        decided_by: None,
        decided_label: None,
        decided_at: None,
        superseded_by: None,
    };
    documents::insert(tx, &document).await?;
    files::record(tx, core, &new.file, &owner_of(&file.row.client_id)).await?;
    for i in out {
        let d = &mut file.documents[i];
        d.state = DocumentState::Replaced;
        d.superseded_by = Some(doc_id);
        documents::save(tx, d, now).await?;
    }
    let what = json!({ "document": doc_id, "requirement": document.requirement, "kind": document.kind, "side": document.side, "sha256": document.sha256 });
    file.documents.push(document);
    file.row.state = to;
    file.finish(tx, core, caller, Done::new("kyc.document_uploaded", from).after(what))
        .await?;
    let d = file
        .documents
        .last()
        .ok_or_else(|| Problem::bug("kyc_document_lost", "an upload is not there"))?;
    let payload = json!({ "document_id": d.id, "requirement": d.requirement, "complete": !file.facts().missing && !file.facts().rejected });
    file.publish(tx, core, "kyc.document_uploaded", payload).await?;
    Ok(doc_id)
}

/// Whose a file is, in the list of files.
pub(crate) fn owner_of(client_id: &str) -> String {
    format!("client:{client_id}")
}

fn source_of(caller: &Caller) -> FieldsSource {
    match caller.who {
        Who::System(_) => FieldsSource::Ocr,
        Who::Client { .. } => FieldsSource::Client,
        _ => FieldsSource::Reviewer,
    }
}

/// Somebody opens the document: answers where its content is, after writing down who looked.
/// Staff need `kyc.documents.view`; a client sees their own. Commit before the content is sent.
pub async fn view_document(tx: &mut Tx, core: &Core, caller: &Caller, id: DocumentId) -> Result<FileRef> {
    let gone = || Problem::missing("document");
    let d = documents::find(tx, id).await?.ok_or_else(gone)?;
    let row = store::find(tx, d.case_id).await?.ok_or_else(missing_case)?;
    match &caller.who {
        Who::Client { client, .. } => {
            caller.require(Right::MeKyc)?;
            if *client != d.client_id {
                return Err(gone());
            }
        }
        _ => {
            caller.require(Right::KycDocumentsView)?;
            if !caller.enters(Some(&row.entity)) {
                return Err(gone());
            }
        }
    }
    store::add_view(tx, id, d.case_id, (&caller.id(), &caller.label()), core.now()).await?;
    let e = audit::Entry::new(caller, "kyc.document_viewed", format!("document:{id}"))
        .client(&d.client_id)
        .entity(Some(row.entity))
        .after(json!({ "case": d.case_id, "requirement": d.requirement, "kind": d.kind, "sha256": d.sha256 }));
    audit::record(tx, core, e).await?;
    Ok(d.file())
}

/// A document with the lock of its case.
async fn locked(tx: &mut Tx, id: DocumentId) -> Result<(CaseFile, usize)> {
    let gone = || Problem::missing("document");
    let case = documents::find(tx, id).await?.ok_or_else(gone)?.case_id;
    let file = CaseFile::lock(tx, case).await?;
    let at = file.documents.iter().position(|d| d.id == id).ok_or_else(gone)?;
    Ok((file, at))
}

fn current_requirement(file: &CaseFile, at: usize) -> Result<Requirement> {
    let d = &file.documents[at];
    if !d.state.is_current() {
        return Err(Problem::conflict("kyc_document_replaced", format!("this document is {}", d.state)));
    }
    file.requirement(&d.requirement)
        .cloned()
        .ok_or_else(|| Problem::conflict("kyc_document_replaced", "this document is not asked for any more"))
}

/// Adds what a reader (a vendor's job) or the reviewer read from a document, without a verdict.
pub async fn read_document(tx: &mut Tx, core: &Core, caller: &Caller, id: DocumentId, fields: DocumentFields) -> Result<Case> {
    let (mut file, at) = locked(tx, id).await?;
    match caller.who {
        Who::System(_) => {}
        _ => in_hand(caller, &file.row)?,
    }
    if matches!(file.row.state, crate::CaseState::Approved | crate::CaseState::Rejected) {
        return Err(Problem::conflict(
            "kyc_state",
            format!("a case that is {} takes no readings", file.row.state),
        ));
    }
    fields.check()?;
    let r = current_requirement(&file, at)?;
    if file.documents[at].state != DocumentState::Pending {
        return Err(Problem::conflict("kyc_document_decided", "this document is decided already"));
    }
    let names = fields.names();
    take_fields(core, caller, &mut file, at, &r, fields);
    let d = &file.documents[at];
    documents::save(tx, d, core.now()).await?;
    let after = json!({ "document": id, "read": names, "mismatches": reasons(&d.mismatches.0) });
    let from = file.row.state;
    file.finish(tx, core, caller, Done::new("kyc.document_read", from).after(after))
        .await?;
    crate::submit::reassess(tx, core, &mut file).await?;
    Ok(Case::from(&file.row))
}

fn take_fields(core: &Core, caller: &Caller, file: &mut CaseFile, at: usize, r: &Requirement, fields: DocumentFields) {
    let now = core.now();
    let days_left = file.entity.config.documents.min_days_left;
    let d = &mut file.documents[at];
    if !fields.is_empty() {
        d.fields = Json(fields.over(&d.fields.0));
        d.fields_source = Some(source_of(caller));
        d.fields_by = Some(caller.id());
        d.fields_at = Some(now);
    }
    d.expires_on.clone_from(&d.fields.0.expires_on);
    d.mismatches = Json(mismatches(&file.row.applicant.0, r, &d.fields.0, &Day::of(now), days_left));
}

fn reasons(list: &[Mismatch]) -> Vec<&str> {
    list.iter().map(|m| m.reason.as_str()).collect()
}

/// A difference that no reason makes good.
fn is_absolute(m: &Mismatch) -> bool {
    m.reason == "expired" || m.reason == "issued_in_future"
}

/// Differences that stand in the way of a document, with what was waived taken out.
pub(crate) fn open_differences<'a>(found: &'a [Mismatch], waivers: &[Waiver]) -> Vec<&'a Mismatch> {
    found
        .iter()
        .filter(|m| is_absolute(m) || !waivers.iter().any(|w| w.field == m.field))
        .collect()
}

/// Accepts or rejects one document of a case in the caller's hands. Accepting needs the dates the
/// rule book asks about, and a reason for each difference from what the client said.
pub async fn decide_document(tx: &mut Tx, core: &Core, caller: &Caller, id: DocumentId, verdict: DocumentVerdict) -> Result<Case> {
    let (mut file, at) = locked(tx, id).await?;
    may_review(caller, &file.row.entity)?;
    in_hand(caller, &file.row)?;
    let r = current_requirement(&file, at)?;
    let from = file.row.state;
    let now = core.now();
    let (what, note, after) = match verdict {
        DocumentVerdict::Accept { fields, waivers } => {
            fields.check()?;
            for (i, w) in waivers.iter().enumerate() {
                said(&format!("/waivers/{i}/reason"), &w.reason)?;
            }
            take_fields(core, caller, &mut file, at, &r, fields);
            check_dates_known(&file, at, &r)?;
            let d = &mut file.documents[at];
            let open = open_differences(&d.mismatches.0, &waivers);
            if !open.is_empty() {
                return Err(open.iter().fold(
                    Problem::conflict("kyc_mismatch", "the document says something else than expected"),
                    |p, m| {
                        p.and_field(
                            &format!("/fields/{}", m.field),
                            m.reason.clone(),
                            if is_absolute(m) {
                                "expected another document"
                            } else {
                                "expected a waiver with a reason"
                            },
                        )
                    },
                ));
            }
            d.state = DocumentState::Accepted;
            d.waivers = Json(waivers);
            d.reason_code = None;
            d.reason_note = None;
            let after = json!({ "document": id, "requirement": d.requirement, "sha256": d.sha256, "waivers": d.waivers.0 });
            ("kyc.document_accepted", None, after)
        }
        DocumentVerdict::Reject { reason_code, note } => {
            let known = file
                .entity
                .config
                .reject_reason(&reason_code)
                .ok_or_else(|| Problem::invalid("/reason_code", "reason_unknown", "expected a reason of the entity's list"))?;
            if known.kind == RejectKind::Final {
                return Err(Problem::invalid(
                    "/reason_code",
                    "reason_final",
                    "this reason ends the whole case: reject the case",
                ));
            }
            let note = note.map(|n| said("/note", &n).map(str::to_string)).transpose()?;
            let d = &mut file.documents[at];
            d.state = DocumentState::Rejected;
            d.waivers = Json(Vec::new());
            d.reason_code = Some(reason_code.clone());
            d.reason_note.clone_from(&note);
            let after = json!({ "document": id, "requirement": d.requirement, "sha256": d.sha256, "reason_code": reason_code });
            ("kyc.document_rejected", note, after)
        }
    };
    let d = &mut file.documents[at];
    d.decided_by = Some(caller.id());
    d.decided_label = Some(caller.label());
    d.decided_at = Some(now);
    documents::save(tx, d, now).await?;
    file.finish(tx, core, caller, Done::new(what, from).note(note.as_deref()).after(after))
        .await?;
    Ok(Case::from(&file.row))
}

/// The dates the rule book measures must have been read from one of the sides.
pub(crate) fn check_dates_known(file: &CaseFile, at: usize, r: &Requirement) -> Result<()> {
    let kind = &file.documents[at].kind;
    let sides: Vec<&Document> = r.current(&file.documents).into_iter().filter(|d| d.kind == *kind).collect();
    let mut p = Problem::conflict("kyc_fields_missing", "read these from the document first");
    if r.expires && !sides.iter().any(|d| d.fields.0.expires_on.is_some()) {
        p = p.and_field("/fields/expires_on", "field_missing", "expected the date of expiry");
    }
    if r.max_age_days.is_some() && !sides.iter().any(|d| d.fields.0.issued_on.is_some()) {
        p = p.and_field("/fields/issued_on", "field_missing", "expected the date of issue");
    }
    if p.fields.is_empty() { Ok(()) } else { Err(p) }
}
