//! A client's particulars and test answers as the house sees them.

use crate::kit::{At, Reply, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::compose_kyc::follow_profile;
use qd_clients::{ClientId, profile};
use qd_runtime::access::Right;
use qd_web::{Answer, Asker, Body, IdempotencyKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A client's profile by steps, covered where I may not look.
#[utoipa::path(get, path = "/api/v1/clients/{id}/profile", tag = "clients", responses((status = 200, body = Value, example = json!({"steps": [{"code": "personal", "state": "complete", "missing": [], "values": {"first_name": "Alex"}, "fields": [], "saved_at": 1_790_000_000_000_000_i64}], "resume": null, "complete": true}))))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| profile::profile(tx, &caller, id).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"step": "address", "values": {"street": "Elbchaussee 2"}}))]
pub struct CorrectStep {
    /// Code of a profile step.
    step: String,
    /// Fields by code; those not given stay as they are, null clears.
    #[schema(value_type = Object)]
    values: Map<String, Value>,
}

/// Corrects a step of a client's profile; an open verification follows.
#[utoipa::path(patch, path = "/api/v1/clients/{id}/profile", tag = "clients", request_body = CorrectStep, responses((status = 200, body = Value, example = json!({"steps": [], "resume": null, "complete": true}))))]
pub async fn correct(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<CorrectStep>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "profile.correct", &(id, &req), 200, async move |tx| {
        let p = profile::save_step(tx, &core, &c, id, &r.step, r.values.clone()).await?;
        follow_profile(tx, &core, id).await?;
        Ok(p)
    })
    .await
}

/// A client's answers to the appropriateness test, the latest first, with points and result.
#[utoipa::path(get, path = "/api/v1/clients/{id}/answers", tag = "kyc", responses((status = 200, body = Value, example = json!({"items": [{"code": "cfd", "version": 1, "attempt": 1, "answers": {"experience_years": ["over_3"]}, "assessment": {"score": 18, "class": "pass"}, "answered_at_us": 1_790_000_000_000_000_i64}]}))))]
pub async fn answers(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let c = qd_clients::get(tx, &caller, Right::KycView, id).await?;
        Ok(json!({"items": qd_kyc::answers_of(tx, &caller, &id.to_string(), &c.entity).await?}))
    })
    .await
}
