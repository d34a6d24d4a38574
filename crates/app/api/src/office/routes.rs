//! Where payments go: routes, connections and their health, experiments, listed instruments.

use super::deposits::Reason;
use crate::kit::{At, Reply, covered, read, write};
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::compose::{method_facts, payment_facts};
use qd_kernel::{Amount, Currency, Problem};
use qd_payments::dispute::{self, DisputeRow};
use qd_payments::routing::{self, Ask, ConnectionHealth, ExperimentView, Listed, NewExperiment, Route, SuccessRow};
use qd_payments::{DisputeId, ExperimentId};
use qd_runtime::access::Right;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhereTo {
    /// A client whose facts are taken.
    client_id: String,
    method: String,
    currency: Currency,
    amount_minor: i64,
    /// Another country than the client's.
    country: Option<String>,
    /// `low`, `medium`, `high` instead of the client's.
    risk: Option<String>,
    /// The first 6 to 8 digits of a card.
    bin: Option<String>,
}

/// Where a deposit would go now and why: candidates, figures, rules, experiment. Nothing is made of it.
#[utoipa::path(get, path = "/api/v1/payments/routing", tag = "payments", params(WhereTo), responses((status = 200, body = Route)))]
pub async fn simulate(State(app): State<App>, Asker(caller): Asker, Params(q): Params<WhereTo>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    covered(&app, &caller, async move |tx| {
        c.require(Right::ConnectionsView)?;
        let mut facts = payment_facts(tx, &core, &q.client_id, None).await?;
        if !c.enters(Some(&facts.entity)) {
            return Err(Problem::missing("client"));
        }
        if let Some(country) = &q.country {
            facts.country.clone_from(country);
            facts.methods = method_facts(tx, &facts.entity, country).await?;
        }
        if let Some(risk) = &q.risk {
            facts.risk.clone_from(risk);
        }
        let method = facts
            .methods
            .iter()
            .find(|m| m.method == q.method)
            .ok_or_else(|| Problem::invalid("method", "method_unavailable", "expected one of the methods offered to this client"))?;
        let ask = Ask {
            client: &facts,
            method,
            amount: Amount::new(q.amount_minor, q.currency).positive("amount_minor")?,
            bin: q.bin.as_deref(),
            tried: &[],
        };
        routing::route(tx, &core, &ask).await
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Of {
    method: String,
    currency: Currency,
}

/// Success by connection, country and band of amounts, over the attempts that the routes are measured by.
#[utoipa::path(get, path = "/api/v1/payments/success", tag = "payments", params(Of), responses((status = 200, body = Items<SuccessRow>)))]
pub async fn success(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Of>) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        Ok(Items {
            items: routing::success(tx, now, &caller, &q.method, q.currency).await?,
        })
    })
    .await
}

/// Payment connections with their health: state, faults and times in rolling windows.
#[utoipa::path(get, path = "/api/v1/payments/connections", tag = "payments", responses((status = 200, body = Items<ConnectionHealth>)))]
pub async fn connections(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        Ok(Items {
            items: routing::connections(tx, now, &caller).await?,
        })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SwitchConnection)]
#[schema(example = json!({"enabled": false, "reason": "Contract ended."}))]
pub struct Switch {
    enabled: bool,
    reason: String,
}

/// Takes a connection out of the routes, or puts it back. What was begun there is followed there.
#[utoipa::path(put, path = "/api/v1/payments/connections/{id}", tag = "payments", request_body = Switch, responses((status = 200, body = ConnectionHealth)))]
pub async fn switch(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<String>,
    Body(req): Body<Switch>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "connection.enable", &(id.clone(), &req), 200, async move |tx| {
        routing::enable(tx, &core, &c, &id, r.enabled, &r.reason).await
    })
    .await
}

/// Experiments, the newest first, with the results of each arm.
#[utoipa::path(get, path = "/api/v1/payments/experiments", tag = "payments", responses((status = 200, body = Items<ExperimentView>)))]
pub async fn experiments(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        Ok(Items {
            items: routing::experiments(tx, &caller).await?,
        })
    })
    .await
}

/// Starts an experiment: a share of the clients goes another way, and stays there.
#[utoipa::path(post, path = "/api/v1/payments/experiments", tag = "payments", request_body = NewExperiment, responses((status = 201, body = ExperimentView)))]
pub async fn start_experiment(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    Body(req): Body<NewExperiment>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "experiment.start", &req, 201, async move |tx| {
        routing::start(tx, &core, &c, r.clone()).await
    })
    .await
}

/// Ends an experiment: everybody goes the usual way again, and the results stay.
#[utoipa::path(post, path = "/api/v1/payments/experiments/{id}/end", tag = "payments", responses((status = 200, body = ExperimentView)))]
pub async fn end_experiment(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<ExperimentId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "experiment.end", &id, 200, async move |tx| {
        routing::end(tx, &core, &c, id).await
    })
    .await
}

/// Instruments whose money is not taken without a look.
#[utoipa::path(get, path = "/api/v1/payments/listed-instruments", tag = "payments", responses((status = 200, body = Items<Listed>)))]
pub async fn listed(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        Ok(Items {
            items: routing::listed::all(tx, &caller).await?,
        })
    })
    .await
}

/// Puts an instrument on the list, by the provider's mark of it.
#[utoipa::path(put, path = "/api/v1/payments/listed-instruments/{fingerprint}", tag = "payments", request_body = Reason, responses((status = 200, body = Listed)))]
pub async fn list_instrument(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(print): At<String>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(
        &app,
        &caller,
        key,
        "instrument.list",
        &(print.clone(), &req),
        200,
        async move |tx| routing::listed::put(tx, &core, &c, &print, &r.reason).await,
    )
    .await
}

#[derive(Serialize, ToSchema)]
pub struct Unlisted {
    fingerprint: String,
}

/// Takes an instrument off the list.
#[utoipa::path(post, path = "/api/v1/payments/listed-instruments/{fingerprint}/remove", tag = "payments", request_body = Reason, responses((status = 200, body = Unlisted)))]
pub async fn unlist_instrument(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(print): At<String>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(
        &app,
        &caller,
        key,
        "instrument.unlist",
        &(print.clone(), &req),
        200,
        async move |tx| {
            routing::listed::remove(tx, &core, &c, &print, &r.reason).await?;
            Ok(Unlisted {
                fingerprint: print.clone(),
            })
        },
    )
    .await
}

/// Takes what a client owes for a dispute out of the wallet, as much as is there. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/disputes/{id}/collect", tag = "money", request_body = Reason, responses((status = 200, body = DisputeRow)))]
pub async fn collect(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DisputeId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    caller.require_step_up(app.core.now())?;
    write(&app, &caller, key, "dispute.collect", &(id, &req), 200, async move |tx| {
        dispute::collect(tx, &core, &c, id, &r.reason).await
    })
    .await
}

/// Gives up what a client owes for a dispute: the loss is the house's. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/disputes/{id}/write-off", tag = "money", request_body = Reason, responses((status = 200, body = DisputeRow)))]
pub async fn write_off(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DisputeId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    caller.require_step_up(app.core.now())?;
    write(&app, &caller, key, "dispute.write_off", &(id, &req), 200, async move |tx| {
        dispute::write_off(tx, &core, &c, id, &r.reason).await
    })
    .await
}
