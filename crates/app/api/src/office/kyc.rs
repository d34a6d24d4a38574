//! Verification: the reviewers' queue and what they decide.

use crate::kit::{At, Items, Reply, list_query, read, within, write};
use crate::me::kyc::{ReadFields, show};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use qd_app::App;
use qd_kernel::{Page, Ts};
use qd_kyc::{
    Again, Approval, Band, Case, CaseState, CaseView, DocumentId, DocumentVerdict, Figures, HistoryLine, KycId, Level, OwnedBy,
    QueueFilter, QueueRow, Verdict, Waiver,
};
use qd_runtime::access::{Right, StaffId, staff};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

list_query!(Queue {
    /// What waits for the house (submitted, in review) without a word.
    state: CaseState as CaseState,
    entity: String as String,
    /// `standard` or `enhanced`.
    level: Level as Level,
    /// `low`, `medium`, `high`.
    band: Band as Band,
    country: String as String,
    /// A reason's code.
    reason: String as String,
    /// `me`, `nobody`, or somebody's id.
    owner: String as String,
    overdue: bool as bool,
});

/// The queue, the case that is due first at the top.
#[utoipa::path(get, path = "/api/v1/kyc/queue", tag = "kyc", params(Queue), responses((status = 200, body = Page<QueueRow>)))]
pub async fn queue(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Queue>) -> Reply<Json<Value>> {
    let (page, now) = (q.page()?, app.core.now());
    let owner = match q.owner.as_deref() {
        None | Some("") => None,
        Some("me") => Some(OwnedBy::Me),
        Some("nobody") => Some(OwnedBy::Nobody),
        Some(id) => Some(OwnedBy::Person(<StaffId as crate::kit::PathPart>::part("owner", id)?)),
    };
    let f = QueueFilter {
        state: q.state,
        entity: q.entity.clone(),
        level: q.level,
        band: q.band,
        country: q.country.clone(),
        reason: q.reason.clone(),
        owner,
        overdue: q.overdue.unwrap_or(false),
    };
    read(&app, async move |tx| qd_kyc::queue(tx, &caller, &f, now, &page).await).await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// Microseconds since 1970; 30 days ago without it.
    since_us: Option<i64>,
}

/// The queue in numbers: waiting, overdue, medians.
#[utoipa::path(get, path = "/api/v1/kyc/figures", tag = "kyc", params(Since), responses((status = 200, body = Figures)))]
pub async fn figures(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Since>) -> Reply<Json<Value>> {
    let now = app.core.now();
    let since = q.since_us.map_or(now.plus_days(-30), Ts);
    read(&app, async move |tx| qd_kyc::figures(tx, &caller, since, now).await).await
}

/// A case with the house's own history.
#[derive(Serialize, ToSchema)]
#[schema(as = KycCaseFile)]
pub struct CaseFile {
    #[serde(flatten)]
    case: CaseView,
    /// The oldest first. None for a narrow right, which shows the state only.
    history: Option<Vec<HistoryLine>>,
}

/// One case: what was asked for and sent, checks, risk, clocks, as far as I may see.
#[utoipa::path(get, path = "/api/v1/kyc/{id}", tag = "kyc", responses((status = 200, body = CaseFile)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<KycId>) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        let v = qd_kyc::case_view(tx, &caller, id).await?.by_the_clock(now);
        within(tx, &caller, Right::KycView, Some(&v.client_id)).await?;
        let history = qd_kyc::history(tx, &caller, id).await.ok();
        Ok(CaseFile { case: v, history })
    })
    .await
}

/// Who approved a client, when, on what evidence.
#[utoipa::path(get, path = "/api/v1/clients/{id}/kyc-approvals", tag = "kyc", responses((status = 200, body = Items<Approval>)))]
pub async fn approvals(State(app): State<App>, Asker(caller): Asker, At(id): At<qd_clients::ClientId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        qd_clients::get(tx, &caller, Right::KycView, id).await?;
        qd_kyc::who_approved(tx, &caller, &id.to_string()).await.map(Items::from)
    })
    .await
}

/// Takes a case from the queue; a second person is told whose it is.
#[utoipa::path(post, path = "/api/v1/kyc/{id}/claim", tag = "kyc", responses((status = 200, body = Case)))]
pub async fn claim(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<KycId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "kyc.claim", &id, 200, async move |tx| {
        qd_kyc::claim(tx, &core, &c, id).await
    })
    .await
}

/// Gives a case back to the queue; its clock goes on.
#[utoipa::path(post, path = "/api/v1/kyc/{id}/release", tag = "kyc", responses((status = 200, body = Case)))]
pub async fn release(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<KycId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "kyc.release", &id, 200, async move |tx| {
        qd_kyc::release(tx, &core, &c, id).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KycReassign, example = json!({"staff_id": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "reason": "Holiday."}))]
pub struct Reassign {
    staff_id: StaffId,
    reason: String,
}

/// Puts a case into a colleague's hands.
#[utoipa::path(post, path = "/api/v1/kyc/{id}/assign", tag = "kyc", request_body = Reassign, responses((status = 200, body = Case)))]
pub async fn assign(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<KycId>,
    Body(req): Body<Reassign>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "kyc.assign", &(id, &req), 200, async move |tx| {
        let name = staff::name_of(tx, r.staff_id)
            .await?
            .ok_or_else(|| qd_kernel::Problem::invalid("staff_id", "staff_unknown", "expected somebody who works here"))?;
        qd_kyc::reassign(tx, &core, &c, id, r.staff_id, &name, &r.reason).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KycDecide, example = json!({"version": 9, "reason": "Passport and utility bill match the profile."}))]
pub struct Decide {
    /// The case's version on the reviewer's screen.
    version: i64,
    /// Internal: why. Clients never see it.
    reason: String,
}

impl Decide {
    fn verdict(&self) -> Verdict {
        Verdict {
            version: self.version,
            reason: self.reason.clone(),
        }
    }
}

/// Approves a case in my hands whose documents are all accepted. What I saw is kept with it.
#[utoipa::path(post, path = "/api/v1/kyc/{id}/approve", tag = "kyc", request_body = Decide, responses((status = 200, body = Case)))]
pub async fn approve(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<KycId>,
    Body(req): Body<Decide>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "kyc.approve", &(id, &req), 200, async move |tx| {
        qd_kyc::approve(tx, &core, &c, id, r.verdict()).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": 9, "reason_code": "forgery", "reason": "The photo page was altered."}))]
pub struct RejectCase {
    version: i64,
    /// One of the entity's final reasons.
    reason_code: String,
    reason: String,
}

/// Ends a case for the client.
#[utoipa::path(post, path = "/api/v1/kyc/{id}/reject", tag = "kyc", request_body = RejectCase, responses((status = 200, body = Case)))]
pub async fn reject(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<KycId>,
    Body(req): Body<RejectCase>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    let verdict = Verdict {
        version: req.version,
        reason: req.reason.clone(),
    };
    write(&app, &caller, key, "kyc.reject", &(id, &req), 200, async move |tx| {
        qd_kyc::reject(tx, &core, &c, id, &r.reason_code, verdict.clone()).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskFor {
    /// Code of the requirement.
    requirement: String,
    /// One of the entity's reasons; none when the requirement is new to the case.
    #[serde(default)]
    reason_code: Option<String>,
    /// For the client to read.
    #[serde(default)]
    note: Option<String>,
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": 9, "reason": "The bill is from spring.", "documents": [{"requirement": "address", "reason_code": "poa_too_old", "note": "Not older than three months, please."}]}))]
pub struct AskAgain {
    version: i64,
    reason: String,
    /// Beside those that are rejected already.
    #[serde(default)]
    documents: Vec<AskFor>,
}

/// Sends a case back for some documents; what was accepted stays.
#[utoipa::path(post, path = "/api/v1/kyc/{id}/ask-again", tag = "kyc", request_body = AskAgain, responses((status = 200, body = Case)))]
pub async fn ask_again(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<KycId>,
    Body(req): Body<AskAgain>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "kyc.ask_again", &(id, &req), 200, async move |tx| {
        let again = r
            .documents
            .iter()
            .map(|d| Again {
                requirement: d.requirement.clone(),
                reason_code: d.reason_code.clone(),
                note: d.note.clone(),
            })
            .collect();
        let verdict = Verdict {
            version: r.version,
            reason: r.reason.clone(),
        };
        qd_kyc::ask_again(tx, &core, &c, id, again, verdict).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"requirements": ["address"], "reason": "Moved."}))]
pub struct Reopen {
    /// All of them when none is named.
    #[serde(default)]
    requirements: Vec<String>,
    reason: String,
}

/// Verifies again: the named requirements are asked anew; the client is not approved until the end.
#[utoipa::path(post, path = "/api/v1/kyc/{id}/reopen", tag = "kyc", request_body = Reopen, responses((status = 200, body = Case)))]
pub async fn reopen(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<KycId>,
    Body(req): Body<Reopen>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "kyc.reopen", &(id, &req), 200, async move |tx| {
        qd_kyc::reopen(tx, &core, &c, id, &r.requirements, &r.reason).await
    })
    .await
}

/// The content of a document. Who looks is written down.
#[utoipa::path(get, path = "/api/v1/documents/{id}", tag = "kyc", responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)))]
pub async fn document(State(app): State<App>, Asker(caller): Asker, At(id): At<DocumentId>) -> Reply<Response> {
    show(&app, caller, id).await
}

/// Notes what a document says, without a verdict.
#[utoipa::path(post, path = "/api/v1/documents/{id}/fields", tag = "kyc", request_body = ReadFields, responses((status = 200, body = Case)))]
pub async fn read_fields(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DocumentId>,
    Body(req): Body<ReadFields>,
) -> Reply<Answer> {
    let (core, c, fields) = (app.core.clone(), caller.clone(), req.fields(&app)?);
    write(&app, &caller, key, "document.read", &(id, &req), 200, async move |tx| {
        qd_kyc::read_document(tx, &core, &c, id, fields.clone()).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Waive {
    field: String,
    reason: String,
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"fields": {"expires_on": "2031-05-14"}, "waivers": [{"field": "holder_name", "reason": "Second given name left out."}]}))]
pub struct Accept {
    /// What I read from it; added to what is known.
    #[serde(default)]
    fields: ReadFields,
    /// One for each difference that remains.
    #[serde(default)]
    waivers: Vec<Waive>,
}

/// Accepts a document of a case in my hands.
#[utoipa::path(post, path = "/api/v1/documents/{id}/accept", tag = "kyc", request_body = Accept, responses((status = 200, body = Case)))]
pub async fn accept(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DocumentId>,
    Body(req): Body<Accept>,
) -> Reply<Answer> {
    let (core, c, fields) = (app.core.clone(), caller.clone(), req.fields.fields(&app)?);
    let waivers: Vec<Waiver> = req
        .waivers
        .iter()
        .map(|w| Waiver {
            field: w.field.clone(),
            reason: w.reason.clone(),
        })
        .collect();
    write(&app, &caller, key, "document.accept", &(id, &req), 200, async move |tx| {
        qd_kyc::decide_document(
            tx,
            &core,
            &c,
            id,
            DocumentVerdict::Accept {
                fields: fields.clone(),
                waivers: waivers.clone(),
            },
        )
        .await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason_code": "image_quality", "note": "The lower edge is cut off."}))]
pub struct RejectDocument {
    reason_code: String,
    /// For the client to read.
    #[serde(default)]
    note: Option<String>,
}

/// Rejects a document of a case in my hands, with a coded reason.
#[utoipa::path(post, path = "/api/v1/documents/{id}/reject", tag = "kyc", request_body = RejectDocument, responses((status = 200, body = Case)))]
pub async fn reject_document(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DocumentId>,
    Body(req): Body<RejectDocument>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "document.reject", &(id, &req), 200, async move |tx| {
        qd_kyc::decide_document(
            tx,
            &core,
            &c,
            id,
            DocumentVerdict::Reject {
                reason_code: r.reason_code.clone(),
                note: r.note.clone(),
            },
        )
        .await
    })
    .await
}
