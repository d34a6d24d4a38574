//! PayPal's error bodies.

use crate::rail::Reply;
use serde_json::{Value, json};

/// An error by its status, name and sentence.
pub(super) struct Kind(pub u16, pub &'static str, pub &'static str);

pub(super) const INVALID: Kind = Kind(
    400,
    "INVALID_REQUEST",
    "Request is not well-formed, syntactically incorrect, or violates schema.",
);
pub(super) const UNPROCESSABLE: Kind = Kind(
    422,
    "UNPROCESSABLE_ENTITY",
    "The requested action could not be performed, semantically incorrect, or failed business validation.",
);
pub(super) const MISSING: Kind = Kind(404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.");
const OTHERS: [Kind; 7] = [
    Kind(400, "VALIDATION_ERROR", "Invalid data provided."),
    Kind(403, "NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    Kind(
        409,
        "RESOURCE_CONFLICT",
        "The server has detected a conflict while processing this request.",
    ),
    Kind(
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "The server does not support the request payload's media type.",
    ),
    Kind(429, "RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    Kind(500, "INTERNAL_SERVER_ERROR", "An internal server error has occurred."),
    Kind(503, "SERVICE_UNAVAILABLE", "Service Unavailable."),
];

pub(super) struct Issue(Value);

impl Issue {
    pub fn new(field: &str, issue: &str, description: &str) -> Issue {
        Issue(json!({"field": field, "location": "body", "issue": issue, "description": description}))
    }
}

impl Kind {
    pub fn reply(&self, issues: &[Issue]) -> Reply {
        let details: Vec<&Value> = issues.iter().map(|i| &i.0).collect();
        let body = json!({"name": self.1, "message": self.2, "debug_id": "b1946ac92492d", "details": details, "links": []});
        Reply::json(self.0, body)
    }
}

pub(super) fn by_status(status: u16) -> Reply {
    match OTHERS.iter().find(|k| k.0 == status) {
        Some(k) => k.reply(&[]),
        None if status == 401 => token_spent(),
        None => Kind(status, "ERROR", "An error has occurred.").reply(&[]),
    }
}

pub(super) fn unprocessable(issue: &str, description: &str) -> Reply {
    UNPROCESSABLE.reply(&[Issue::new("", issue, description)])
}

pub(super) fn missing() -> Reply {
    MISSING.reply(&[Issue::new(
        "",
        "INVALID_RESOURCE_ID",
        "Specified resource ID does not exist. Please check the resource ID and try again.",
    )])
}

pub(super) fn token_spent() -> Reply {
    Reply::json(
        401,
        json!({"error": "invalid_token", "error_description": "Token signature verification failed"}),
    )
}

pub(super) fn client_unknown() -> Reply {
    Reply::json(
        401,
        json!({"error": "invalid_client", "error_description": "Client Authentication failed"}),
    )
}

/// Members PayPal does not know here, missing ones, and texts that are too long. `known` gives each
/// member its longest text; 0 is no text.
pub(super) fn shape(o: &Value, at: &str, known: &[(&str, usize)], needed: &[&str]) -> Result<(), Reply> {
    let Some(m) = o.as_object() else {
        return Err(INVALID.reply(&[Issue::new(at, "INVALID_PARAMETER_SYNTAX", "An object is expected.")]));
    };
    let mut issues = Vec::new();
    for (k, v) in m {
        let field = format!("{at}/{k}");
        match known.iter().find(|(name, _)| name == k) {
            None => issues.push(Issue::new(&field, "INVALID_PARAMETER", "Not a parameter of this call.")),
            Some((_, 0)) => {}
            Some((_, most)) => match v.as_str() {
                None => issues.push(Issue::new(&field, "INVALID_PARAMETER_SYNTAX", "A text is expected.")),
                Some(s) if s.is_empty() || s.chars().count() > *most => {
                    issues.push(Issue::new(
                        &field,
                        "INVALID_STRING_LENGTH",
                        "The value of a field is either too short or too long.",
                    ));
                }
                Some(_) => {}
            },
        }
    }
    for name in needed {
        if !m.contains_key(*name) {
            issues.push(Issue::new(
                &format!("{at}/{name}"),
                "MISSING_REQUIRED_PARAMETER",
                "A required field is missing.",
            ));
        }
    }
    if issues.is_empty() { Ok(()) } else { Err(INVALID.reply(&issues)) }
}
