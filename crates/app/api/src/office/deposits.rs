//! Deposits as the house sees them.

use crate::kit::{At, Reply, covered, list_query, within, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::Page;
use qd_payments::DepositId;
use qd_payments::deposit::{self, DepositQuery, DepositState, DepositView};
use qd_runtime::access::Right;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

list_query!(Deposits {
    client_id: String as String,
    state: DepositState as DepositState,
    /// A provider connection.
    connection: String as String,
});

/// Deposits, the newest first.
#[utoipa::path(get, path = "/api/v1/deposits", tag = "deposits", params(Deposits), responses((status = 200, body = Page<DepositView>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Deposits>) -> Reply<Json<Value>> {
    let (core, c, page) = (app.core.clone(), caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::DepositsView, q.client_id.as_deref()).await?;
        deposit::list(
            tx,
            &core,
            &c,
            DepositQuery {
                client_id: q.client_id.clone(),
                state: q.state,
                connection: q.connection.clone(),
            },
            &page,
        )
        .await
    })
    .await
}

/// One deposit with its steps.
#[utoipa::path(get, path = "/api/v1/deposits/{id}", tag = "deposits", responses((status = 200, body = DepositView)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<DepositId>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    covered(&app, &caller, async move |tx| {
        let d = deposit::get(tx, &core, &c, id).await?;
        within(tx, &c, Right::DepositsView, Some(&d.client_id)).await?;
        Ok(d)
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Card holder's name checked by telephone."}))]
pub struct Reason {
    /// Staff and auditors will read it.
    pub reason: String,
}

/// Lets a held deposit go on to the wallet and the account.
#[utoipa::path(post, path = "/api/v1/deposits/{id}/release", tag = "deposits", request_body = Reason, responses((status = 200, body = DepositView)))]
pub async fn release(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DepositId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    caller.require_step_up(app.core.now())?;
    write(&app, &caller, key, "deposit.release", &(id, &req), 200, async move |tx| {
        deposit::release(tx, &core, &c, id, &r.reason).await
    })
    .await
}

/// Gives a held deposit back to where it came from. The provider's own report ends it: `refunded`, or
/// `held` again with an exception. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/deposits/{id}/refund", tag = "deposits", request_body = Reason, responses((status = 200, body = DepositView)))]
pub async fn refund(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DepositId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    caller.require_step_up(app.core.now())?;
    write(&app, &caller, key, "deposit.refund", &(id, &req), 200, async move |tx| {
        deposit::refund(tx, &core, &c, id, &r.reason).await
    })
    .await
}
