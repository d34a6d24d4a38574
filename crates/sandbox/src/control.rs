//! `/control`: ordering faults. Each counterparty adds its own switches below `/control/<name>`.

use crate::{Fault, Shared};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use qd_kernel::{Class, Problem};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::sync::Arc;

/// A refused control call: the same shape whatever the counterparty.
pub struct ControlError(pub Problem);

impl From<Problem> for ControlError {
    fn from(p: Problem) -> Self {
        ControlError(p)
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match self.0.class {
            Class::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Class::Missing => StatusCode::NOT_FOUND,
            Class::Conflict => StatusCode::CONFLICT,
            Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({"code": self.0.code, "detail": self.0.detail}))).into_response()
    }
}

pub type Answer = Result<Response, ControlError>;

/// Reads a JSON body whatever its content type says; an empty one is `{}`.
pub fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ControlError> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|e| ControlError(Problem::invalid("body", "body_unreadable", e.to_string())))
}

pub fn ok(v: serde_json::Value) -> Answer {
    Ok(Json(v).into_response())
}

pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/faults", get(list).post(order).delete(cancel_all))
        .route("/faults/{id}", delete(cancel))
        .with_state(shared)
}

async fn list(State(s): State<Arc<Shared>>) -> Answer {
    ok(json!({"faults": s.faults.list()}))
}

async fn order(State(s): State<Arc<Shared>>, body: Bytes) -> Answer {
    let fault: Fault = read(&body)?;
    let rails = crate::rail::all();
    let known: Vec<&str> = ["mt5", "stripe"].into_iter().chain(rails.iter().map(|r| r.name())).collect();
    if !known.contains(&fault.provider.as_str()) {
        let expected = format!("expected one of {}", known.join(", "));
        return Err(Problem::invalid("provider", "provider_unknown", expected).into());
    }
    if fault.target.is_empty() || fault.count == 0 {
        return Err(Problem::invalid("target", "fault_without_effect", "expected a target and a count of at least 1").into());
    }
    let id = s.faults.order(fault);
    Ok((StatusCode::CREATED, Json(json!({"id": id}))).into_response())
}

async fn cancel(State(s): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    match s.faults.cancel(Some(&id)) {
        0 => Err(Problem::missing("fault").into()),
        _ => ok(json!({"cancelled": 1})),
    }
}

async fn cancel_all(State(s): State<Arc<Shared>>) -> Answer {
    ok(json!({"cancelled": s.faults.cancel(None)}))
}
