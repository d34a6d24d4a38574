//! Payable figures, terms of payment, batches of payouts, invoices.

use crate::kit::{At, Reply, list_query, read, write};
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use qd_app::App;
use qd_app::payees::House;
use qd_kernel::{Currency, Page, Problem};
use qd_partners::payouts::batch::{self, Batch, BatchState, BatchView, NewBatch, Proposal, Told};
use qd_partners::payouts::terms::{self, Document, TermsView};
use qd_partners::payouts::{self, Figures};
use qd_partners::statements::invoices::{self, Invoice};
use qd_partners::{BatchId, PartnerId, StatementId};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What a partner may be paid now, by currency, and why not more.
#[utoipa::path(get, path = "/api/v1/partners/{id}/payable", tag = "partners", responses((status = 200, body = Items<Figures>)))]
pub async fn payable(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| {
        Ok(Items {
            items: payouts::payables(tx, &core, &caller, id).await?,
        })
    })
    .await
}

/// A partner's terms of payment: what its contract says, and what holds.
#[utoipa::path(get, path = "/api/v1/partners/{id}/terms", tag = "partners", responses((status = 200, body = TermsView)))]
pub async fn terms_get(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>) -> Reply<Json<Value>> {
    crate::kit::covered(&app, &caller.clone(), async move |tx| terms::get(tx, &caller, id).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"base_version": 0, "document": {"calendar": "monthly", "hold_days": 30}, "reason": "new contract"}))]
pub struct PutTerms {
    /// The version the change starts from; 0 for the first.
    base_version: i64,
    document: Document,
    reason: String,
}

/// Replaces what a partner's contract says on payment.
#[utoipa::path(put, path = "/api/v1/partners/{id}/terms", tag = "partners", request_body = PutTerms, responses((status = 200, body = TermsView)))]
pub async fn terms_put(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<PutTerms>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "partner.terms", &(id, &req), 200, async move |tx| {
        terms::put(tx, &core, &c, id, r.base_version, r.document.clone(), &r.reason).await
    })
    .await
}

list_query!(
    /// Of batches.
    Batches {
        /// `prepared`, `released`, `done`, `refused`.
        state: String as String,
    }
);

/// Batches of payouts, the newest first.
#[utoipa::path(get, path = "/api/v1/payout-batches", tag = "partners", params(Batches), responses((status = 200, body = Page<Batch>)))]
pub async fn batch_list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Batches>) -> Reply<Json<Value>> {
    let page = q.page()?;
    let state = match q.state.as_deref().filter(|s| !s.is_empty()) {
        None => None,
        Some(s) => Some(
            BatchState::parse(s)
                .ok_or_else(|| Problem::invalid("state", "state_unknown", "expected prepared, released, done or refused"))?,
        ),
    };
    read(&app, async move |tx| batch::list(tx, &caller, state, &page).await).await
}

#[derive(Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ForWhom {
    pub entity: String,
    pub currency: String,
}

/// Who would be paid now, who would not, and why.
#[utoipa::path(get, path = "/api/v1/payout-proposal", tag = "partners", params(ForWhom), responses((status = 200, body = Proposal)))]
pub async fn proposal(State(app): State<App>, Asker(caller): Asker, Params(q): Params<ForWhom>) -> Reply<Json<Value>> {
    let core = app.core.clone();
    let currency = Currency::parse(&q.currency)?;
    read(&app, async move |tx| {
        batch::propose(tx, &core, &caller, &q.entity, currency, &House(core.clone())).await
    })
    .await
}

/// Prepares a batch: holds what each partner is paid. Somebody else releases it.
#[utoipa::path(post, path = "/api/v1/payout-batches", tag = "partners", request_body = NewBatch, responses((status = 201, body = BatchView)))]
pub async fn batch_prepare(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<NewBatch>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout_batch.prepare", &req, 201, async move |tx| {
        batch::prepare(tx, &core, &c, r.clone(), &House(core.clone())).await
    })
    .await
}

/// One batch with its payouts, totals by state and the ledger's figure.
#[utoipa::path(get, path = "/api/v1/payout-batches/{id}", tag = "partners", responses((status = 200, body = BatchView)))]
pub async fn batch_get(State(app): State<App>, Asker(caller): Asker, At(id): At<BatchId>) -> Reply<Json<Value>> {
    crate::kit::covered(&app, &caller.clone(), async move |tx| batch::get(tx, &caller, id).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"approve": true, "reason": ""}))]
pub struct DecideBatch {
    approve: bool,
    #[serde(default)]
    reason: String,
}

/// Releases or refuses a batch that somebody else prepared. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/payout-batches/{id}/decide", tag = "partners", request_body = DecideBatch, responses((status = 200, body = BatchView)))]
pub async fn batch_decide(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<BatchId>,
    Body(req): Body<DecideBatch>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout_batch.decide", &(id, &req), 200, async move |tx| {
        let seen = match batch::get(tx, &c, id).await {
            Ok(b) => json!({"batch": b.batch, "totals": b.totals}),
            Err(_) => json!({"batch": id}),
        };
        batch::decide(tx, &core, &c, id, r.approve, &r.reason, seen).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reference": "SEPA 2026-11-20/0042"}))]
pub struct BatchPaid {
    /// The bank connection it was paid from; of the house's setting without it.
    #[serde(default)]
    connection: Option<String>,
    reference: String,
}

/// Says that all of it that waits for the bank was paid. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/payout-batches/{id}/mark-paid", tag = "partners", request_body = BatchPaid, responses((status = 200, body = BatchView)))]
pub async fn batch_paid(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<BatchId>,
    Body(req): Body<BatchPaid>,
) -> Reply<Answer> {
    caller.require_step_up(app.core.now())?;
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout_batch.paid", &(id, &req), 200, async move |tx| {
        batch::mark_paid(tx, &core, &c, id, r.connection.as_deref(), &r.reference).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"results": [{"payout_id": "ppo_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "outcome": "returned", "reason": "AC04 account closed"}]}))]
pub struct BatchResults {
    #[serde(default)]
    connection: Option<String>,
    results: Vec<Told>,
}

/// What the bank's return file says, payout by payout. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/payout-batches/{id}/results", tag = "partners", request_body = BatchResults, responses((status = 200, body = BatchView)))]
pub async fn batch_results(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<BatchId>,
    Body(req): Body<BatchResults>,
) -> Reply<Answer> {
    caller.require_step_up(app.core.now())?;
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout_batch.results", &(id, &req), 200, async move |tx| {
        batch::results(tx, &core, &c, id, r.connection.as_deref(), &r.results).await
    })
    .await
}

/// The bank file of a released batch: ISO 20022 `pain.001.001.09`.
#[utoipa::path(get, path = "/api/v1/payout-batches/{id}/file", tag = "partners", responses((status = 200, content_type = "application/xml", body = String)))]
pub async fn batch_file(State(app): State<App>, Asker(caller): Asker, At(id): At<BatchId>) -> Reply<Response> {
    let message = app.core.db.read(async move |tx| batch::file(tx, &caller, id).await).await?;
    let xml = app.bank.payments(&message)?;
    let mut r = xml.into_response();
    let h = r.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"));
    h.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"pain.001.xml\""),
    );
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(r)
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"number": "2026-117"}))]
pub struct RecordInvoice {
    number: String,
}

/// Records the partner's invoice for a statement; where the terms ask for one, nothing is paid
/// without it.
#[utoipa::path(post, path = "/api/v1/statements/{id}/invoice", tag = "partners", request_body = RecordInvoice, responses((status = 201, body = Invoice)))]
pub async fn invoice(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<StatementId>,
    Body(req): Body<RecordInvoice>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "partner.invoice", &(id, &req), 201, async move |tx| {
        invoices::record(tx, &core, &c, id, &r.number).await
    })
    .await
}
