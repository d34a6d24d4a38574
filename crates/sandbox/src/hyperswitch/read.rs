//! Reading requests: unknown fields are refused, missing ones named, one at a time.

use super::error;
use crate::rail::{Call, Reply};
use qd_kernel::Currency;
use serde_json::{Map, Value};

/// Ids of payments, refunds and payouts are exactly so long.
const ID_LENGTH: usize = 30;

pub struct Read(Map<String, Value>);

pub fn invalid(field: &str, expected: &str) -> Reply {
    error(
        400,
        "invalid_request",
        "IR_05",
        &format!("{field} contains invalid data. Expected format is {expected}"),
    )
}

impl Read {
    pub fn of(call: &Call, known: &[&str]) -> Result<Read, Reply> {
        let Some(Value::Object(o)) = call.json() else {
            return Err(error(400, "invalid_request", "IR_06", "Json deserialize error: expected an object"));
        };
        match o.keys().find(|k| !known.contains(&k.as_str())) {
            Some(odd) => Err(error(
                400,
                "invalid_request",
                "IR_06",
                &format!("Json deserialize error: unknown field `{odd}`"),
            )),
            None => Ok(Read(o)),
        }
    }

    pub fn value(&self, field: &str) -> Value {
        self.0.get(field).cloned().unwrap_or(Value::Null)
    }

    /// Text, empty when it is not there.
    pub fn text(&self, field: &str) -> Result<&str, Reply> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(s)) => Ok(s),
            Some(_) => Err(invalid(field, "a string")),
        }
    }

    pub fn need(&self, field: &str) -> Result<&str, Reply> {
        match self.text(field)? {
            "" => Err(error(400, "invalid_request", "IR_04", &format!("Missing required param: {field}"))),
            t => Ok(t),
        }
    }

    pub fn flag(&self, field: &str) -> Result<bool, Reply> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(b)) => Ok(*b),
            Some(_) => Err(invalid(field, "a boolean")),
        }
    }

    pub fn id(&self, field: &str) -> Result<&str, Reply> {
        let id = self.need(field)?;
        let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if id.len() == ID_LENGTH && plain {
            Ok(id)
        } else {
            Err(invalid(field, "30 characters"))
        }
    }

    /// Minor units, above nothing.
    pub fn amount(&self, field: &str) -> Result<i64, Reply> {
        match self.0.get(field) {
            None | Some(Value::Null) => Err(error(400, "invalid_request", "IR_04", &format!("Missing required param: {field}"))),
            Some(v) => v
                .as_i64()
                .filter(|a| *a > 0)
                .ok_or_else(|| invalid(field, "a whole number of minor units")),
        }
    }

    pub fn currency(&self, field: &str) -> Result<&str, Reply> {
        let code = self.need(field)?;
        match Currency::parse(code) {
            Ok(c) if !c.is_crypto() => Ok(code),
            _ => Err(invalid(field, "a currency code")),
        }
    }
}
