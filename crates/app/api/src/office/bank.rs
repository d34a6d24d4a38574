//! The bank: statement files, their entries, payments in batches, where clients are paid to.

use super::deposits::Reason;
use crate::kit::{At, Paged, Reply, covered, list_query, within, write};
use crate::schema::Items;
use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use qd_app::App;
use qd_app::compose::payment_facts;
use qd_kernel::{Class, Page};
use qd_payments::bank::targets::{self, TargetView};
use qd_payments::bank::{self, BatchView, EntryState, EntryView, FileView, NewBatch, PaymentView};
use qd_payments::{BankBatchId, BankEntryId, BankFileId, DepositId};
use qd_runtime::access::Right;
use qd_web::body::whole;
use qd_web::{Answer, Api, ApiProblem, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(Right::DepositsManage, routes!(load))
        .route(Right::DepositsView, routes!(files))
        .route(Right::DepositsView, routes!(file))
        .route(Right::DepositsManage, routes!(original))
        .route(Right::DepositsView, routes!(entries))
        .route(Right::DepositsView, routes!(entry))
        .route(Right::DepositsManage, routes!(assign))
        .route(Right::DepositsManage, routes!(send_back))
        .route(Right::WithdrawalsView, routes!(payments))
        .route(Right::WithdrawalsView, routes!(batches))
        .route(Right::WithdrawalsPayout, routes!(prepare))
        .route(Right::WithdrawalsView, routes!(batch))
        .route(Right::WithdrawalsPayout, routes!(decide))
        .route(Right::WithdrawalsPayout, routes!(batch_file))
        .route(Right::WithdrawalsView, routes!(targets_of))
}

#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Load {
    pub entity: String,
    /// The file's name, for people.
    pub name: String,
}

/// How long a file may take to arrive.
const UPLOAD_TIME: Duration = Duration::from_secs(300);
/// A day of a busy account.
const MAX_FILE: usize = 32 * 1024 * 1024;

/// Loads a file of the bank as it came (camt.053, camt.054 or pain.002, 32 MB): kept encrypted, read by a
/// job as a whole or not at all. The same file again is answered with what it became.
#[utoipa::path(post, path = "/api/v1/bank/statements", tag = "bank", params(Load), request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 201, body = FileView)))]
pub async fn load(State(app): State<App>, req: Request) -> Reply<Answer> {
    let (mut parts, body) = req.into_parts();
    let Asker(caller) = Asker::from_request_parts(&mut parts, &()).await?;
    let key = IdempotencyKey::from_request_parts(&mut parts, &()).await?;
    let Params(q) = Params::<Load>::from_request_parts(&mut parts, &()).await?;
    caller.require(Right::DepositsManage)?;
    let bytes = whole(body, MAX_FILE, UPLOAD_TIME).await?;
    let stored = app.files.put_data(bytes.to_vec(), MAX_FILE).await?;
    let (core, c, f) = (app.core.clone(), caller.clone(), stored.clone());
    let input = json!({"query": q, "sha256": stored.sha256});
    let done = write(&app, &caller, key, "bank.load", &input, 201, async move |tx| {
        let view = bank::load(tx, &core, &c, &q.entity, &q.name, &f).await?;
        let kept = bank::original(tx, &c, view.id).await? == f.id;
        Ok(Loaded { view, kept })
    })
    .await;
    // The same content is here already, or nothing was written: this copy has no owner.
    let orphan = match &done {
        Ok(a) => a.replayed || a.body["kept"] == json!(false),
        Err(ApiProblem(p)) => !matches!(p.class, Class::Unavailable | Class::Bug),
    };
    if orphan {
        app.files.remove(stored.id).await?;
    }
    done.map(|mut a| {
        if let Some(o) = a.body.as_object_mut() {
            o.remove("kept");
        }
        a
    })
}

#[derive(Serialize)]
struct Loaded {
    #[serde(flatten)]
    view: FileView,
    kept: bool,
}

/// Files of the bank, the newest first.
#[utoipa::path(get, path = "/api/v1/bank/statements", tag = "bank", params(Paged), responses((status = 200, body = Page<FileView>)))]
pub async fn files(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let (c, page) = (caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::DepositsView, None).await?;
        bank::files(tx, &c, &page).await
    })
    .await
}

/// One file: how far it is, what became of its entries, and what is wrong with a refused one.
#[utoipa::path(get, path = "/api/v1/bank/statements/{id}", tag = "bank", responses((status = 200, body = FileView)))]
pub async fn file(State(app): State<App>, Asker(caller): Asker, At(id): At<BankFileId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::DepositsView, None).await?;
        bank::file(tx, &c, id).await
    })
    .await
}

/// The file as it came, for inspection.
#[utoipa::path(get, path = "/api/v1/bank/statements/{id}/original", tag = "bank", responses((status = 200, content_type = "application/xml", body = String)))]
pub async fn original(State(app): State<App>, Asker(caller): Asker, At(id): At<BankFileId>) -> Reply<Response> {
    let file = app
        .core
        .db
        .read(async move |tx| {
            within(tx, &caller, Right::DepositsManage, None).await?;
            bank::original(tx, &caller, id).await
        })
        .await?;
    let content = app.files.get(file).await?;
    crate::download::file(content.bytes, "application/xml", &format!("{id}.xml"))
}

list_query!(Entries {
    state: EntryState as EntryState,
    file_id: BankFileId as String,
});

/// Entries of statements, the newest first.
#[utoipa::path(get, path = "/api/v1/bank/entries", tag = "bank", params(Entries), responses((status = 200, body = Page<EntryView>)))]
pub async fn entries(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Entries>) -> Reply<Json<Value>> {
    let (c, page) = (caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::DepositsView, None).await?;
        bank::entries(tx, &c, q.state, q.file_id, &page).await
    })
    .await
}

/// One entry with the candidates it may be from.
#[utoipa::path(get, path = "/api/v1/bank/entries/{id}", tag = "bank", responses((status = 200, body = EntryView)))]
pub async fn entry(State(app): State<App>, Asker(caller): Asker, At(id): At<BankEntryId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::DepositsView, None).await?;
        bank::entry(tx, &c, id).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AssignBankEntry, example = json!({"deposit_id": "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "reason": "The client forgot the reference; the payer's account is his."}))]
pub struct Assign {
    /// The deposit it is for.
    #[serde(default)]
    deposit_id: Option<DepositId>,
    /// Without a deposit: the client, for whom one is made.
    #[serde(default)]
    client_id: Option<String>,
    reason: String,
}

/// Says whose money an entry in suspense is. The checks on deposits run as on any other.
#[utoipa::path(post, path = "/api/v1/bank/entries/{id}/assign", tag = "bank", request_body = Assign, responses((status = 200, body = EntryView)))]
pub async fn assign(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<BankEntryId>,
    Body(req): Body<Assign>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "bank.assign", &(id, &req), 200, async move |tx| {
        let client = bank::assignee(tx, &c, r.deposit_id, r.client_id.as_deref()).await?;
        within(tx, &c, Right::DepositsManage, Some(&client)).await?;
        let facts = payment_facts(tx, &core, &client, None).await?;
        bank::assign(tx, &core, &c, id, r.deposit_id, &facts, &r.reason).await
    })
    .await
}

/// Sends an entry in suspense back to who paid it, with the next batch.
#[utoipa::path(post, path = "/api/v1/bank/entries/{id}/return", tag = "bank", request_body = Reason, responses((status = 200, body = EntryView)))]
pub async fn send_back(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<BankEntryId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "bank.return", &(id, &req), 200, async move |tx| {
        bank::send_back(tx, &core, &c, id, &r.reason).await
    })
    .await
}

/// Payments by bank that wait for a batch, the oldest first.
#[utoipa::path(get, path = "/api/v1/bank/payments", tag = "bank", responses((status = 200, body = Items<PaymentView>)))]
pub async fn payments(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::WithdrawalsView, None).await?;
        Ok(Items {
            items: bank::waiting(tx, &c).await?,
        })
    })
    .await
}

/// Batches of payments by bank, the newest first.
#[utoipa::path(get, path = "/api/v1/bank/batches", tag = "bank", params(Paged), responses((status = 200, body = Page<BatchView>)))]
pub async fn batches(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let (c, page) = (caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::WithdrawalsView, None).await?;
        bank::batches(tx, &c, &page).await
    })
    .await
}

/// Prepares a batch of what waits. Somebody else releases it. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/bank/batches", tag = "bank", request_body = NewBatch, responses((status = 201, body = BatchView)))]
pub async fn prepare(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<NewBatch>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    caller.require_step_up(app.core.now())?;
    write(&app, &caller, key, "bank.prepare", &req, 201, async move |tx| {
        bank::prepare(tx, &core, &c, r.clone()).await
    })
    .await
}

/// One batch with its payments.
#[utoipa::path(get, path = "/api/v1/bank/batches/{id}", tag = "bank", responses((status = 200, body = BatchView)))]
pub async fn batch(State(app): State<App>, Asker(caller): Asker, At(id): At<BankBatchId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::WithdrawalsView, None).await?;
        bank::batch(tx, &c, id).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DecideBankBatch, example = json!({"approve": true, "reason": ""}))]
pub struct Decide {
    approve: bool,
    /// Compulsory with a no.
    #[serde(default)]
    reason: String,
}

/// Releases or refuses a batch that somebody else prepared. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/bank/batches/{id}/decide", tag = "bank", request_body = Decide, responses((status = 200, body = BatchView)))]
pub async fn decide(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<BankBatchId>,
    Body(req): Body<Decide>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "bank.decide", &(id, &req), 200, async move |tx| {
        bank::decide(tx, &core, &c, id, r.approve, &r.reason).await
    })
    .await
}

/// The payment file of a released batch, `pain.001.001.09`: the same each time, so that a bank that gets
/// it twice refuses the second.
#[utoipa::path(get, path = "/api/v1/bank/batches/{id}/file", tag = "bank", responses((status = 200, content_type = "application/xml", body = String)))]
pub async fn batch_file(State(app): State<App>, Asker(caller): Asker, At(id): At<BankBatchId>) -> Reply<Response> {
    let message = app.core.db.read(async move |tx| bank::message(tx, &caller, id).await).await?;
    let xml = app.bank.payments(&message)?;
    crate::download::file(xml.into_bytes(), "application/xml; charset=utf-8", &format!("{id}.xml"))
}

/// The accounts a client is paid to, by their ends.
#[utoipa::path(get, path = "/api/v1/clients/{id}/payout-targets", tag = "bank", responses((status = 200, body = Items<TargetView>)))]
pub async fn targets_of(State(app): State<App>, Asker(caller): Asker, At(id): At<qd_clients::ClientId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        let client = qd_clients::get(tx, &c, Right::WithdrawalsView, id).await?;
        Ok(Items {
            items: targets::list(tx, &c, &id.to_string(), &client.entity).await?,
        })
    })
    .await
}
