//! Who did what, and proof of it.

use crate::kit::{At, Items, Reply, list_query, read};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::{Page, Problem, Ts};
use qd_runtime::audit::{self, AuditFilter, AuditRow, DecisionRow, Trust};
use qd_web::{Asker, Params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

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
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(Trail), responses((status = 200, body = Page<AuditRow>)))]
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
#[utoipa::path(get, path = "/api/v1/decisions/{subject}", tag = "audit", responses((status = 200, body = Items<DecisionRow>)))]
pub async fn decisions(State(app): State<App>, Asker(caller): Asker, At(subject): At<String>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        audit::decisions_of(tx, &caller, &subject).await.map(Items::from)
    })
    .await
}

/// What is wrong with the trail and the books: nothing, one hopes.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditVerdict)]
pub struct Verdict {
    clean: bool,
    audit: Vec<Fault>,
    ledger: Vec<Fault>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditFault)]
pub struct Fault {
    /// Stable: `row_changed`, `balance_differs`, …
    code: &'static str,
    /// Which row, account, entry or hold.
    row: String,
    detail: String,
}

/// Recomputes the chain and the signatures of the whole trail, and the ledger. Takes its time.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "audit", responses((status = 200, body = Verdict)))]
pub async fn verify(State(app): State<App>) -> Reply<Json<Verdict>> {
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
    let audit: Vec<Fault> = faults
        .into_iter()
        .map(|f| Fault {
            code: f.code,
            row: f.row,
            detail: f.detail,
        })
        .collect();
    let ledger: Vec<Fault> = ledger
        .into_iter()
        .map(|f| Fault {
            code: f.kind,
            row: f.subject,
            detail: f.detail,
        })
        .collect();
    Ok(Json(Verdict {
        clean: audit.is_empty() && ledger.is_empty(),
        audit,
        ledger,
    }))
}
