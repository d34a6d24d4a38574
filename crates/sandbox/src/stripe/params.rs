//! Reading request parameters as strictly as Stripe does: unknown names, missing ones, wrong
//! types and values outside an enumeration are refused, each in Stripe's words.

use super::error::{Answer, StripeError};
use serde_json::{Map, Value, json};

/// Parameters of one call, or of a nested object of it (`at` is then its path in brackets).
pub struct Params<'a> {
    map: &'a Map<String, Value>,
    at: String,
}

/// Fields that only Connect, radar or presentation use: taken in silence, without effect.
pub type Allowed<'s> = &'s str;

impl<'a> Params<'a> {
    pub fn root(map: &'a Map<String, Value>) -> Params<'a> {
        Params { map, at: String::new() }
    }

    /// `amount`, or `line_items[0][quantity]` when nested.
    pub fn name(&self, key: &str) -> String {
        if self.at.is_empty() {
            key.to_string()
        } else {
            format!("{}[{key}]", self.at)
        }
    }

    /// Refuses every name that is not among the space-separated `allowed`.
    pub fn only(&self, allowed: Allowed<'_>) -> Answer<()> {
        let unknown: Vec<String> = self
            .map
            .keys()
            .filter(|k| !allowed.split(' ').any(|a| a == k.as_str()) && k.as_str() != "expand")
            .map(|k| self.name(k))
            .collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(StripeError::unknown_params(&unknown))
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    pub fn raw(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key)
    }

    /// Text; an empty one is refused except where it means "unset" (see [`Params::cleared`]).
    pub fn text(&self, key: &str) -> Answer<Option<&'a str>> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(s)) if s.is_empty() => Err(StripeError::invalid(format!(
                "You passed an empty string for '{}'. We assume empty values are an attempt to unset a parameter; however '{}' cannot be unset. You should remove '{}' from your request or supply a non-empty value.",
                self.name(key),
                self.name(key),
                self.name(key)
            ))
            .code("parameter_invalid_empty")
            .param(&self.name(key))),
            Some(Value::String(s)) if s.len() > 5_000 => Err(StripeError::invalid(format!("Invalid string: {}…; must be at most 5000 characters", s.chars().take(20).collect::<String>()))
                .code("parameter_invalid_string_too_long").param(&self.name(key))),
            Some(Value::String(s)) => Ok(Some(s)),
            Some(_) => Err(StripeError::invalid(format!("Invalid string: {}", self.map[key])).param(&self.name(key))),
        }
    }
    pub fn need_text(&self, key: &str) -> Answer<&'a str> {
        self.text(key)?.ok_or_else(|| StripeError::missing_param(&self.name(key)))
    }
    /// True when the caller passed an empty string to clear the field.
    pub fn cleared(&self, key: &str) -> bool {
        self.map.get(key).and_then(Value::as_str) == Some("")
    }
    /// Text or null: what an updatable optional field becomes, `None` when not mentioned.
    pub fn settable(&self, key: &str) -> Answer<Option<Value>> {
        if self.cleared(key) {
            return Ok(Some(Value::Null));
        }
        Ok(self.text(key)?.map(|s| json!(s)))
    }

    pub fn int(&self, key: &str) -> Answer<Option<i64>> {
        let bad = |v: &Value| {
            let shown = v.as_str().map_or_else(|| v.to_string(), str::to_string);
            StripeError::invalid(format!("Invalid integer: {shown}"))
                .code("parameter_invalid_integer")
                .param(&self.name(key))
        };
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(v @ Value::String(s)) => match s.parse::<i64>() {
                Ok(n) if !s.starts_with('+') => Ok(Some(n)),
                _ => Err(bad(v)),
            },
            Some(v @ Value::Number(n)) => n.as_i64().map(Some).ok_or_else(|| bad(v)),
            Some(v) => Err(bad(v)),
        }
    }
    pub fn need_int(&self, key: &str) -> Answer<i64> {
        self.int(key)?.ok_or_else(|| StripeError::missing_param(&self.name(key)))
    }

    pub fn flag(&self, key: &str) -> Answer<Option<bool>> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(Value::String(s)) if s == "true" => Ok(Some(true)),
            Some(Value::String(s)) if s == "false" => Ok(Some(false)),
            Some(v) => Err(StripeError::invalid(format!("Invalid boolean: {}", v.as_str().unwrap_or("object"))).param(&self.name(key))),
        }
    }

    /// One of the space-separated `values`.
    pub fn choice(&self, key: &str, values: &str) -> Answer<Option<&'a str>> {
        let Some(v) = self.text(key)? else { return Ok(None) };
        if values.split(' ').any(|x| x == v) {
            return Ok(Some(v));
        }
        let all: Vec<&str> = values.split(' ').collect();
        let listed = match all.split_last() {
            Some((last, rest)) if rest.len() > 1 => format!("one of {}, or {last}", rest.join(", ")),
            Some((last, [one])) => format!("one of {one} or {last}"),
            _ => values.to_string(),
        };
        Err(StripeError::invalid(format!("Invalid {}: must be {listed}", self.name(key))).param(&self.name(key)))
    }

    /// A nested object; `Ok(None)` when absent or cleared.
    pub fn object(&self, key: &str) -> Answer<Option<Params<'a>>> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(m)) => Ok(Some(Params {
                map: m,
                at: self.name(key),
            })),
            Some(Value::String(s)) if s.is_empty() => Ok(None),
            Some(_) => Err(StripeError::invalid("Invalid object").param(&self.name(key))),
        }
    }

    /// A list of texts.
    pub fn texts(&self, key: &str) -> Answer<Option<Vec<String>>> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(a)) => {
                let mut out = Vec::with_capacity(a.len());
                for v in a {
                    out.push(
                        v.as_str()
                            .ok_or_else(|| StripeError::invalid("Invalid array").param(&self.name(key)))?
                            .to_string(),
                    );
                }
                Ok(Some(out))
            }
            Some(_) => Err(StripeError::invalid("Invalid array").param(&self.name(key))),
        }
    }

    /// A list of objects, each with its own path.
    pub fn objects(&self, key: &str) -> Answer<Option<Vec<Params<'a>>>> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(a)) => {
                let mut out = Vec::with_capacity(a.len());
                for (i, v) in a.iter().enumerate() {
                    let at = format!("{}[{i}]", self.name(key));
                    let map = v.as_object().ok_or_else(|| StripeError::invalid("Invalid object").param(&at))?;
                    out.push(Params { map, at });
                }
                Ok(Some(out))
            }
            Some(_) => Err(StripeError::invalid("Invalid array").param(&self.name(key))),
        }
    }

    /// Metadata merged into what stands already: an empty value removes its key, an empty
    /// `metadata` removes all. 50 keys of 40 characters, values of 500.
    pub fn metadata(&self, old: &Value) -> Answer<Value> {
        let mut out = old.as_object().cloned().unwrap_or_default();
        match self.map.get("metadata") {
            None | Some(Value::Null) => {}
            Some(Value::String(s)) if s.is_empty() => out.clear(),
            Some(Value::Object(m)) => {
                for (k, v) in m {
                    let name = format!("{}[{k}]", self.name("metadata"));
                    if k.chars().count() > 40 {
                        return Err(StripeError::invalid("Metadata keys can be at most 40 characters").param(&name));
                    }
                    let text = match v {
                        Value::String(s) => s.clone(),
                        Value::Number(_) | Value::Bool(_) => v.to_string(),
                        _ => return Err(StripeError::invalid("Metadata values must be strings").param(&name)),
                    };
                    if text.chars().count() > 500 {
                        return Err(StripeError::invalid(format!(
                            "Metadata values can have up to 500 characters, but you passed in a value that is {} characters.",
                            text.chars().count()
                        ))
                        .param(&name));
                    }
                    if text.is_empty() {
                        out.remove(k);
                    } else {
                        out.insert(k.clone(), json!(text));
                    }
                }
                if out.len() > 50 {
                    return Err(StripeError::invalid("Metadata can have up to 50 keys").param(&self.name("metadata")));
                }
            }
            Some(_) => return Err(StripeError::invalid("Invalid object").param(&self.name("metadata"))),
        }
        Ok(Value::Object(out))
    }
}
