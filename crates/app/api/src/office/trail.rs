//! What was done with one payment, by whom and why; and notes on it.

use crate::kit::{At, Items, Reply, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_clients::{ClientId, NoteKind};
use qd_db::Tx;
use qd_kernel::{PageRequest, Problem, Result, Ts};
use qd_payments::{DepositId, WithdrawalId, deposit, withdrawal};
use qd_runtime::access::{Caller, Mask, Right};
use qd_runtime::audit::{self, AuditFilter};
use qd_web::{Answer, Asker, Body, IdempotencyKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Lines of one payment that are shown: the newest.
const LINES: u32 = 200;

/// One thing that was done with a payment.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"at_us": 1_793_701_590_000_158_i64, "what": "withdrawal.handed_over", "who": "stf_01M7WHR97W74H2RRAE2BKMQDM5", "label": "Farid Aziz", "note": "Third device this month.", "state": "review", "desk": "compliance", "claimed_by": null, "rule": null}))]
pub struct PaymentLine {
    at_us: Ts,
    /// The audit trail's word: `withdrawal.claimed`, `deposit.state`, …
    what: String,
    who: String,
    label: String,
    /// What they said; for those who decide about payments.
    note: Option<String>,
    /// The state after it.
    state: Option<String>,
    desk: Option<String>,
    claimed_by: Option<String>,
    /// The rule behind it; for those who decide about payments.
    rule: Option<String>,
}

async fn lines(tx: &mut Tx, caller: &Caller, object: String) -> Result<Items<PaymentLine>> {
    let decides = caller.may(Right::WithdrawalsReview) || caller.may(Right::AuditView) || caller.sees(Mask::Aml);
    let filter = AuditFilter {
        object: Some(object),
        ..AuditFilter::default()
    };
    // The caller was let through to the payment: what happened with it is part of it.
    let rows = audit::search(tx, &Caller::system("trail"), &filter, &PageRequest::new(Some(LINES), None)?).await?;
    let items = rows.items.into_iter().map(|r| {
        let text = |key: &str| r.after.as_ref().and_then(|a| a[key].as_str()).map(str::to_string);
        PaymentLine {
            at_us: r.at,
            state: text("state"),
            desk: text("desk"),
            claimed_by: text("claimed_by"),
            note: r.reason.filter(|_| decides),
            rule: r.rule.filter(|_| decides),
            what: r.action,
            who: r.actor_id,
            label: r.actor_label,
        }
    });
    Ok(Items { items: items.collect() })
}

/// What was done with a withdrawal, the newest first: states, owners, hand-overs with their comments,
/// votes, notes.
#[utoipa::path(get, path = "/api/v1/withdrawals/{id}/history", tag = "withdrawals", responses((status = 200, body = Items<PaymentLine>)))]
pub async fn of_withdrawal(State(app): State<App>, Asker(caller): Asker, At(id): At<WithdrawalId>) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| {
        withdrawal::get(tx, &core, &caller, id).await?;
        lines(tx, &caller, format!("withdrawal:{id}")).await
    })
    .await
}

/// What was done with a deposit, the newest first.
#[utoipa::path(get, path = "/api/v1/deposits/{id}/history", tag = "deposits", responses((status = 200, body = Items<PaymentLine>)))]
pub async fn of_deposit(State(app): State<App>, Asker(caller): Asker, At(id): At<DepositId>) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| {
        let d = deposit::get(tx, &core, &caller, id).await?;
        crate::kit::within(tx, &caller, Right::DepositsView, Some(&d.client_id)).await?;
        lines(tx, &caller, format!("deposit:{id}")).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"body": "Called back: it was the client's new telephone."}))]
pub struct PaymentNote {
    body: String,
}

/// Adds a note to a withdrawal. It stands in the withdrawal's history, on the client's timeline and in
/// the audit trail; nobody can edit it.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/notes", tag = "withdrawals", request_body = PaymentNote, responses((status = 201, body = qd_clients::Note)))]
pub async fn note_withdrawal(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<WithdrawalId>,
    Body(req): Body<PaymentNote>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "withdrawal.note", &(id, &req), 201, async move |tx| {
        let w = withdrawal::get(tx, &core, &c, id).await?;
        let client = ClientId::parse(&w.client_id).map_err(|_| Problem::missing("client"))?;
        let note = qd_clients::add_note(tx, &core, &c, client, NoteKind::General, &r.body).await?;
        audit::record(
            tx,
            &core,
            audit::Entry {
                caller: &c,
                action: "withdrawal.noted",
                object: format!("withdrawal:{id}"),
                client_id: Some(w.client_id),
                entity: Some(w.entity),
                before: None,
                after: Some(json!({"note_id": note.id, "state": w.state})),
                reason: Some(note.body.clone()),
                rule: None,
                seen: None,
            },
        )
        .await?;
        Ok(note)
    })
    .await
}
