//! Stripe's error bodies.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

pub type Answer<T> = Result<T, StripeError>;

/// One error of the API: a status and the `error` object.
#[derive(Clone, Debug)]
pub struct StripeError {
    pub status: StatusCode,
    pub body: Map<String, Value>,
    /// Validation errors come before execution began and are not kept for the idempotency key;
    /// declines are the outcome of an execution and are kept.
    pub executed: bool,
}

impl StripeError {
    pub fn new(status: u16, kind: &str, message: impl Into<String>) -> StripeError {
        let mut body = Map::new();
        body.insert("type".into(), json!(kind));
        body.insert("message".into(), json!(message.into()));
        StripeError {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            body,
            executed: false,
        }
    }
    pub fn invalid(message: impl Into<String>) -> StripeError {
        StripeError::new(400, "invalid_request_error", message)
    }
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> StripeError {
        self.body.insert(key.into(), value.into());
        self
    }
    pub fn code(self, code: &str) -> StripeError {
        let url = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
        self.with("code", code).with("doc_url", url)
    }
    pub fn param(self, param: &str) -> StripeError {
        self.with("param", param)
    }
    pub fn done(mut self) -> StripeError {
        self.executed = true;
        self
    }
    pub fn missing_param(param: &str) -> StripeError {
        StripeError::invalid(format!("Missing required param: {param}."))
            .code("parameter_missing")
            .param(param)
    }
    pub fn unknown_params(params: &[String]) -> StripeError {
        let (word, list) = (if params.len() == 1 { "parameter" } else { "parameters" }, params.join(", "));
        let first = params.first().map(String::as_str).unwrap_or_default();
        StripeError::invalid(format!("Received unknown {word}: {list}"))
            .code("parameter_unknown")
            .param(first)
    }
    /// An id in the path (404) that names nothing.
    pub fn no_such(what: &str, id: &str, param: &str) -> StripeError {
        StripeError::new(404, "invalid_request_error", format!("No such {what}: '{id}'"))
            .code("resource_missing")
            .param(param)
    }
    /// An id in the parameters (400) that names nothing.
    pub fn no_such_param(what: &str, id: &str, param: &str) -> StripeError {
        StripeError::invalid(format!("No such {what}: '{id}'"))
            .code("resource_missing")
            .param(param)
    }
    /// A refusal of the card: 402, kept for the idempotency key.
    pub fn card(code: &str, decline_code: Option<&str>, message: &str) -> StripeError {
        let e = StripeError::new(402, "card_error", message).code(code).done();
        match decline_code {
            Some(d) => e.with("decline_code", d),
            None => e,
        }
    }
    pub fn unrecognized(method: &str, path: &str) -> StripeError {
        StripeError::new(
            404,
            "invalid_request_error",
            format!(
                "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
            ),
        )
    }
    /// The whole answer body.
    pub fn json(&self) -> Value {
        json!({"error": self.body})
    }
}
