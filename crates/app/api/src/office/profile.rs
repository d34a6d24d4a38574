//! A client's particulars and test answers as the house sees them.

use crate::kit::{At, Items, Reply, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::compose_kyc::follow_profile;
use qd_clients::ClientId;
use qd_clients::profile::{self, Profile};
use qd_kyc::AnswerSet;
use qd_runtime::access::Right;
use qd_web::{Answer, Asker, Body, IdempotencyKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A client's profile by steps, covered where I may not look.
#[utoipa::path(get, path = "/api/v1/clients/{id}/profile", tag = "clients", responses((status = 200, body = Profile)))]
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
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    values: Map<String, Value>,
}

/// Corrects a step of a client's profile; an open verification follows.
#[utoipa::path(patch, path = "/api/v1/clients/{id}/profile", tag = "clients", request_body = CorrectStep, responses((status = 200, body = Profile)))]
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
#[utoipa::path(get, path = "/api/v1/clients/{id}/answers", tag = "kyc", responses((status = 200, body = Items<AnswerSet>)))]
pub async fn answers(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let c = qd_clients::get(tx, &caller, Right::KycView, id).await?;
        qd_kyc::answers_of(tx, &caller, &id.to_string(), &c.entity).await.map(Items::from)
    })
    .await
}
