//! Who did what, and proof of it.

use crate::kit::{At, Reply, list_query, read};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::{Problem, Ts};
use qd_runtime::audit::{self, AuditFilter, Trust};
use qd_web::{Asker, Params};
use serde_json::{Value, json};

list_query!(Trail {
    client_id: String as String,
    /// Who: `stf_…`, `lgn_…`, `key_…`, `system:…`.
    person: String as String,
    /// What it was done to: `withdrawal:wdr_…`.
    object: String as String,
    action: String as String,
    from_us: i64 as i64,
    until_us: i64 as i64,
});

/// The audit trail, the newest first, of my entities; covered where I may not look.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(Trail), responses((status = 200, body = Value, example = json!({"items": [{"id": "aud_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "at": 1_790_000_000_000_000_i64, "actor_kind": "staff", "actor_id": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "actor_label": "Mara Lindqvist", "action": "withdrawal.approved", "object": "withdrawal:wdr_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "before": {"state": "review"}, "after": {"state": "approved"}, "reason": null, "position": 4711}], "next_cursor": null}))))]
pub async fn search(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Trail>) -> Reply<Json<Value>> {
    let page = q.page()?;
    let f = AuditFilter {
        client_id: q.client_id.clone(),
        person: q.person.clone(),
        object: q.object.clone(),
        action: q.action.clone(),
        from: q.from_us.map(Ts),
        until: q.until_us.map(Ts),
    };
    read(&app, async move |tx| audit::search(tx, &caller, &f, &page).await).await
}

/// The decisions about one thing (`withdrawal:wdr_…`, `kyc:kyc_…`), with exactly what was seen.
#[utoipa::path(get, path = "/api/v1/decisions/{subject}", tag = "audit", responses((status = 200, body = Value, example = json!({"items": [{"id": "dcs_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "kind": "withdrawal", "subject": "withdrawal:wdr_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "outcome": "review", "reasons": ["new_device"], "rule": "new device", "rule_version": 1, "inputs": {}, "actor_label": "rule:withdrawal.auto", "at": 1_790_000_000_000_000_i64}]}))))]
pub async fn decisions(State(app): State<App>, Asker(caller): Asker, At(subject): At<String>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        Ok(json!({"items": audit::decisions_of(tx, &caller, &subject).await?}))
    })
    .await
}

/// Recomputes the chain and the signatures of the whole trail, and the ledger. Takes its time.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "audit", responses((status = 200, body = Value, example = json!({"clean": true, "audit": [], "ledger": []}))))]
pub async fn verify(State(app): State<App>) -> Reply<Json<Value>> {
    let key = qd_app::wiring::audit_public_key(&app.config)?;
    let mut bytes = [0u8; 32];
    hex::decode_to_slice(&key, &mut bytes).map_err(|_| Problem::bug("audit_key", "the audit key cannot be read"))?;
    let faults = audit::verify(
        &app.core.db,
        &Trust {
            keys: vec![bytes],
            heads: Vec::new(),
        },
    )
    .await?;
    let ledger = qd_ledger::verify::run(&app.core.db).await?;
    let audit: Vec<Value> = faults
        .iter()
        .map(|f| json!({"code": f.code, "row": f.row, "detail": f.detail}))
        .collect();
    let ledger: Vec<Value> = ledger
        .iter()
        .map(|f| json!({"code": f.kind, "row": f.subject, "detail": f.detail}))
        .collect();
    Ok(Json(
        json!({"clean": audit.is_empty() && ledger.is_empty(), "audit": audit, "ledger": ledger}),
    ))
}
