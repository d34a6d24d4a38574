//! Problems as RFC 9457 bodies; the one place that maps a class to a status and a log level.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use qd_kernel::{Class, Problem};
use serde::Serialize;
use utoipa::ToSchema;

/// `application/problem+json`. `code` is stable; `fields` point into the request by JSON pointer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"type": "/problems/amount_not_positive", "title": "Invalid", "status": 422, "code": "amount_not_positive", "detail": "amount.minor: expected more than 0 minor units", "fields": [{"pointer": "/amount/minor", "code": "amount_not_positive", "expected": "expected more than 0 minor units"}]}))]
pub struct ProblemBody {
    pub r#type: String,
    pub title: &'static str,
    pub status: u16,
    pub code: String,
    pub detail: String,
    pub fields: Vec<FieldBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FieldBody {
    /// JSON pointer into the request body, or `/name` of a query or path parameter.
    pub pointer: String,
    pub code: String,
    /// What was expected there.
    pub expected: String,
}

/// A problem on its way out.
#[derive(Debug)]
pub struct ApiProblem(pub Problem);

impl From<Problem> for ApiProblem {
    fn from(p: Problem) -> Self {
        ApiProblem(p)
    }
}

pub fn status_of(p: &Problem) -> StatusCode {
    match p.class {
        Class::Invalid if matches!(p.code, "body_unreadable" | "hook_forged" | "hook_stale") => StatusCode::BAD_REQUEST,
        Class::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Class::Unauthenticated => StatusCode::UNAUTHORIZED,
        Class::Forbidden => StatusCode::FORBIDDEN,
        Class::Missing => StatusCode::NOT_FOUND,
        Class::Conflict => StatusCode::CONFLICT,
        Class::Limit if p.code == "body_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        Class::Limit => StatusCode::TOO_MANY_REQUESTS,
        Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Class::Bug => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn title(c: Class) -> &'static str {
    match c {
        Class::Invalid => "Invalid",
        Class::Unauthenticated => "Not signed in",
        Class::Forbidden => "Not allowed",
        Class::Missing => "Not found",
        Class::Conflict => "Not in this state",
        Class::Limit => "Over a limit",
        Class::Unavailable => "Try again",
        Class::Bug => "Our mistake",
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let p = self.0;
        let status = status_of(&p);
        match p.class {
            Class::Bug => tracing::error!(code = p.code, detail = %p.detail, source = p.source.as_deref().unwrap_or(""), "request failed"),
            Class::Unavailable => {
                tracing::warn!(code = p.code, detail = %p.detail, source = p.source.as_deref().unwrap_or(""), "request failed")
            }
            _ => tracing::debug!(code = p.code, "request refused"),
        }
        // The sentence of a bug is for us; the caller gets the code to quote.
        let detail = if p.class == Class::Bug {
            "something went wrong on our side; the code and the request id find it in our log".to_string()
        } else {
            p.detail
        };
        let body = ProblemBody {
            r#type: format!("/problems/{}", p.code),
            title: title(p.class),
            status: status.as_u16(),
            code: p.code.to_string(),
            detail,
            fields: p
                .fields
                .into_iter()
                .map(|f| FieldBody {
                    pointer: f.pointer,
                    code: f.code,
                    expected: f.expected,
                })
                .collect(),
        };
        let mut r = (status, axum::Json(body)).into_response();
        r.headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
            r.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        r
    }
}
