//! Corrections: a change with an earlier date, its figures first, a second person, then the work.

use super::super::deposits::Reason;
use crate::kit::{At, Paged, Reply, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Result};
use qd_partners::corrections::{self, ClosedChange, Correction, CorrectionState, Figures, Policy, Preview, Request};
use qd_partners::reading::{self, LineFilter, LineView};
use qd_partners::{CorrectionId, PartnerId, StatementId};
use qd_runtime::access::{Caller, Right};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"request": {"cause": "client_moved", "client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "partner": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "at_us": 1_790_000_000_000_000_i64}, "policy": "retier"}))]
pub struct PreviewCorrection {
    request: Request,
    /// What becomes of the tiers of closed periods: `retier` (without a word) or `freeze`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    policy: Option<Policy>,
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"request": {"cause": "rebook", "partner_id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "from_us": 1_790_000_000_000_000_i64}, "policy": "retier", "reason": "Signed claim of April."}))]
pub struct MakeCorrection {
    request: Request,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    policy: Option<Policy>,
    reason: String,
}

/// The entity of the client it is about, as far as the caller may see the client.
async fn clients_entity(tx: &mut Tx, caller: &Caller, r: &Request) -> Result<Option<String>> {
    let client = match r {
        Request::ClientMoved { client_id, .. }
        | Request::Rebook {
            client_id: Some(client_id),
            ..
        } => client_id,
        _ => return Ok(None),
    };
    let c = qd_clients::get(tx, caller, Right::PartnersManage, ClientId::parse(client)?).await?;
    Ok(Some(c.entity))
}

/// What the client's own record says follows the correction.
async fn client_follows(tx: &mut Tx, app: &App, c: &Correction) -> Result<()> {
    if !matches!(c.state, CorrectionState::Applying | CorrectionState::Applied) {
        return Ok(());
    }
    if let Some((client, partner)) = corrections::client_now(tx, c).await? {
        let partner = partner.map(|p| p.to_string());
        let me = Caller::system("system:correction");
        qd_clients::set_partner(tx, &app.core, &me, ClientId::parse(&client)?, partner, &c.reason).await?;
    }
    Ok(())
}

/// The vote, and what follows from it outside the partners' records.
pub(crate) async fn decide_it(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: CorrectionId,
    approve: bool,
    reason: &str,
) -> Result<Correction> {
    let seen = match corrections::get(tx, caller, id).await {
        Ok((c, _)) => serde_json::to_value(c.preview)?,
        Err(_) => json!({"correction": id}),
    };
    let c = corrections::decide(tx, &app.core, caller, id, approve, reason, seen).await?;
    client_follows(tx, app, &c).await?;
    Ok(c)
}

/// Carries a move with an earlier date out, or says that it needs a correction.
pub(super) async fn at_once(tx: &mut Tx, app: &App, caller: &Caller, r: &Request, reason: &str) -> Result<()> {
    let entity = clients_entity(tx, caller, r).await?;
    let c = corrections::at_once(tx, &app.core, caller, r, entity.as_deref(), reason).await?;
    client_follows(tx, app, &c).await
}

async fn preview_of(app: &App, caller: &Caller, r: Request, policy: Policy) -> Reply<Json<Preview>> {
    let (core, caller) = (app.core.clone(), caller.clone());
    let p = app
        .core
        .db
        .write(async move |tx| {
            let entity = clients_entity(tx, &caller, &r).await?;
            corrections::preview(tx, &core, &caller, &r, entity.as_deref(), policy).await
        })
        .await?;
    Ok(Json(p))
}

/// What a change with an earlier date would move, by partner and statement, tiers looked at again and
/// tiers as closed; nothing is changed.
#[utoipa::path(post, path = "/api/v1/corrections/preview", tag = "partners", request_body = PreviewCorrection, responses((status = 200, body = Preview)))]
pub async fn preview(State(app): State<App>, Asker(caller): Asker, Body(req): Body<PreviewCorrection>) -> Reply<Json<Preview>> {
    preview_of(&app, &caller, req.request, req.policy.unwrap_or(Policy::Retier)).await
}

/// Prepares a correction with its figures; somebody else decides.
#[utoipa::path(post, path = "/api/v1/corrections", tag = "partners", request_body = MakeCorrection, responses((status = 201, body = Correction)))]
pub async fn create(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<MakeCorrection>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "correction.prepare", &req, 201, async move |tx| {
        let entity = clients_entity(tx, &c, &r.request).await?;
        let policy = r.policy.unwrap_or(Policy::Retier);
        corrections::prepare(tx, &core, &c, &r.request, entity.as_deref(), policy, &r.reason).await
    })
    .await
}

list_query!(Corrections {
    state: CorrectionState as CorrectionState,
    /// `client:…`, `partner:…`, `plan:…`, `house`.
    subject: String as String,
});

/// Corrections, the newest first.
#[utoipa::path(get, path = "/api/v1/corrections", tag = "partners", params(Corrections), responses((status = 200, body = Page<Correction>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Corrections>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        corrections::list(tx, &caller, q.state, q.subject.as_deref(), &page).await
    })
    .await
}

#[derive(Serialize, ToSchema)]
pub struct CorrectionFile {
    correction: Correction,
    /// What its lines moved so far.
    done: Figures,
    /// The last of its lines.
    lines: Vec<LineView>,
}

/// One correction: what was asked and seen, how far it is, what it moved, its last 50 lines.
#[utoipa::path(get, path = "/api/v1/corrections/{id}", tag = "partners", responses((status = 200, body = CorrectionFile)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<CorrectionId>) -> Reply<Json<Value>> {
    let first = PageRequest::new(Some(50), None)?;
    read(&app, async move |tx| {
        let (correction, done) = corrections::get(tx, &caller, id).await?;
        let lines = reading::lines(tx, &caller, &of_batch(id), &first).await?.items;
        Ok(CorrectionFile { correction, done, lines })
    })
    .await
}

fn of_batch(id: CorrectionId) -> LineFilter {
    LineFilter {
        batch_id: Some(id),
        ..LineFilter::default()
    }
}

/// The lines of a correction, the newest first.
#[utoipa::path(get, path = "/api/v1/corrections/{id}/lines", tag = "partners", params(Paged), responses((status = 200, body = Page<LineView>)))]
pub async fn lines(State(app): State<App>, Asker(caller): Asker, At(id): At<CorrectionId>, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| reading::lines(tx, &caller, &of_batch(id), &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"approve": true, "reason": ""}))]
pub struct DecideCorrection {
    approve: bool,
    #[serde(default)]
    reason: String,
}

/// Carries out or refuses a correction that somebody else prepared. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/corrections/{id}/decide", tag = "partners", request_body = DecideCorrection, responses((status = 200, body = Correction)))]
pub async fn decide(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<CorrectionId>,
    Body(req): Body<DecideCorrection>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "correction.decide", &(id, &req), 200, async move |tx| {
        decide_it(tx, &a, &c, id, r.approve, &r.reason).await
    })
    .await
}

/// Prepares the correction that undoes this one.
#[utoipa::path(post, path = "/api/v1/corrections/{id}/reverse", tag = "partners", request_body = Reason, responses((status = 201, body = Correction)))]
pub async fn reverse(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<CorrectionId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "correction.reverse", &(id, &req), 201, async move |tx| {
        corrections::undo(tx, &core, &c, id, &r.reason).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"parent": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "at_us": 1_790_000_000_000_000_i64}))]
pub struct PreviewMove {
    /// None: a root.
    parent: Option<PartnerId>,
    at_us: i64,
}

/// What moving a partner from a time on would move in money.
#[utoipa::path(post, path = "/api/v1/partners/{id}/move/preview", tag = "partners", request_body = PreviewMove, responses((status = 200, body = Preview)))]
pub async fn preview_move(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<PartnerId>,
    Body(req): Body<PreviewMove>,
) -> Reply<Json<Preview>> {
    let r = Request::PartnerMoved {
        partner_id: id,
        parent: req.parent,
        at_us: req.at_us,
    };
    preview_of(&app, &caller, r, Policy::Retier).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"partner": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "at_us": 1_790_000_000_000_000_i64}))]
pub struct PreviewReassign {
    /// None: nobody's.
    partner: Option<PartnerId>,
    at_us: i64,
}

/// What giving a client to another partner from a time on would move in money.
#[utoipa::path(post, path = "/api/v1/clients/{id}/partner/preview", tag = "partners", request_body = PreviewReassign, responses((status = 200, body = Preview)))]
pub async fn preview_client(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<ClientId>,
    Body(req): Body<PreviewReassign>,
) -> Reply<Json<Preview>> {
    let r = Request::ClientMoved {
        client_id: id.to_string(),
        partner: req.partner,
        at_us: req.at_us,
    };
    preview_of(&app, &caller, r, Policy::Retier).await
}

list_query!(ClosedChanges {
    partner_id: PartnerId as String,
    /// The closed statement.
    statement_id: StatementId as String,
});

/// What was booked for closed periods since they were closed, and why, the newest first.
#[utoipa::path(get, path = "/api/v1/closed-period-changes", tag = "partners", params(ClosedChanges), responses((status = 200, body = Page<ClosedChange>)))]
pub async fn closed(State(app): State<App>, Asker(caller): Asker, Params(q): Params<ClosedChanges>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        corrections::closed_changes(tx, &caller, q.partner_id, q.statement_id, &page).await
    })
    .await
}
