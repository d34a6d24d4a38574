//! Holds an answer to what the document says about it: the part of JSON Schema our document uses.

use http::StatusCode;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Finds the operation by its path template and checks the body against the answer's schema.
pub fn hold(doc: &Value, method: &str, path: &str, status: StatusCode, body: &Value) {
    let Some((template, op)) = operation(doc, &method.to_lowercase(), path) else {
        return;
    };
    let answer = &op["responses"][status.as_str()];
    assert!(!answer.is_null(), "{method} {template}: the document knows no {status}");
    for (_, c) in answer["content"].as_object().into_iter().flatten() {
        let mut wrong = Vec::new();
        check(doc, &c["schema"], body, String::new(), &mut wrong);
        assert!(
            wrong.is_empty(),
            "{method} {template} {status} is not as documented: {wrong:?}\n{body:#}"
        );
    }
}

pub fn operation<'a>(doc: &'a Value, method: &str, path: &str) -> Option<(&'a str, &'a Value)> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |t: &str| {
        let t: Vec<&str> = t.split('/').collect();
        t.len() == parts.len() && t.iter().zip(&parts).all(|(a, b)| a.starts_with('{') || a == b)
    };
    // A literal beats a parameter, as in the router.
    let mut found: Vec<(&String, &Value)> = doc["paths"]
        .as_object()?
        .iter()
        .filter(|(t, i)| fits(t) && i.get(method).is_some())
        .collect();
    found.sort_by_key(|(t, _)| t.matches('{').count());
    found.first().map(|(t, i)| (t.as_str(), &i[method]))
}

fn check(doc: &Value, schema: &Value, v: &Value, at: String, wrong: &mut Vec<String>) {
    if let Some(r) = schema["$ref"].as_str() {
        let name = r.rsplit('/').next().unwrap_or_default();
        return check(doc, &doc["components"]["schemas"][name], v, at, wrong);
    }
    // A covered field holds dots, whatever it would be.
    if v == "•••" {
        return;
    }
    if let Some(list) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        // Something or null: what is wrong with the something is worth telling.
        if let [a, b] = list.as_slice()
            && let Some(other) = [(a, b), (b, a)].iter().find(|(n, _)| n["type"] == "null").map(|(_, o)| *o)
        {
            if !v.is_null() {
                check(doc, other, v, at, wrong);
            }
            return;
        }
        let fits = list.iter().any(|s| {
            let mut w = Vec::new();
            check(doc, s, v, String::new(), &mut w);
            w.is_empty()
        });
        if !fits {
            wrong.push(format!("{at}: none of the alternatives"));
        }
        return;
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(s) => vec![s],
        Value::Array(a) => a.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|t| is(v, t)) {
        wrong.push(format!("{at}: expected {types:?}, found {v}"));
        return;
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(v)
    {
        wrong.push(format!("{at}: {v} is none of {words:?}"));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), v.as_str())
        && !id_fits(pattern, text)
    {
        wrong.push(format!("{at}: {text} is not like {pattern}"));
    }
    if let (Some(items), Some(list)) = (schema.get("items"), v.as_array()) {
        for (i, x) in list.iter().enumerate() {
            check(doc, items, x, format!("{at}/{i}"), wrong);
        }
    }
    let Some(object) = v.as_object() else { return };
    let (mut properties, mut required) = (BTreeMap::new(), BTreeSet::new());
    gather(doc, schema, &mut properties, &mut required);
    // What stands in a map, where the document says; a free object says nothing.
    let rest = schema.get("additionalProperties").filter(|r| r.is_object());
    let free = properties.is_empty();
    for (k, x) in object {
        match properties.get(k.as_str()).copied().or(rest) {
            Some(s) => check(doc, s, x, format!("{at}/{k}"), wrong),
            None if free => {}
            None => wrong.push(format!("{at}/{k}: not in the document")),
        }
    }
    for k in required {
        if !object.contains_key(k) {
            wrong.push(format!("{at}/{k}: missing"));
        }
    }
}

/// The fields of an object, its own and those of the objects it takes in.
fn gather<'a>(doc: &'a Value, schema: &'a Value, properties: &mut BTreeMap<&'a str, &'a Value>, required: &mut BTreeSet<&'a str>) {
    if let Some(r) = schema["$ref"].as_str() {
        let name = r.rsplit('/').next().unwrap_or_default();
        return gather(doc, &doc["components"]["schemas"][name], properties, required);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        gather(doc, part, properties, required);
    }
    properties.extend(schema["properties"].as_object().into_iter().flatten().map(|(k, v)| (k.as_str(), v)));
    required.extend(schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
}

/// Of patterns, those of ids matter: the prefix says what is named.
fn id_fits(pattern: &str, text: &str) -> bool {
    let body = "_[0-9A-HJKMNP-TV-Z]{26}$";
    match pattern.strip_prefix('^').and_then(|p| p.strip_suffix(body)) {
        Some(prefix) => text
            .strip_prefix(prefix)
            .and_then(|t| t.strip_prefix('_'))
            .is_some_and(|t| t.len() == 26 && t.bytes().all(|b| b.is_ascii_alphanumeric())),
        None => true,
    }
}

fn is(v: &Value, t: &str) -> bool {
    match t {
        "string" => v.is_string(),
        "integer" => v.is_i64() || v.is_u64(),
        "number" => v.is_number(),
        "boolean" => v.is_boolean(),
        "array" => v.is_array(),
        "object" => v.is_object(),
        "null" => v.is_null(),
        _ => false,
    }
}

#[test]
fn a_body_that_is_not_as_documented_is_found() {
    use serde_json::json;
    let doc = json!({
        "paths": {"/a/{id}": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}}}}},
        "components": {"schemas": {
            "A": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}, "s": {"type": ["string", "null"]}, "id": {"type": "string", "pattern": "^cli_[0-9A-HJKMNP-TV-Z]{26}$"}, "w": {"type": "string", "enum": ["in", "out"]}, "map": {"type": "object", "additionalProperties": {"type": "integer"}}}},
            "B": {"allOf": [{"$ref": "#/components/schemas/A"}, {"type": "object", "required": ["b"], "properties": {"b": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/A"}]}}}]},
        }},
    });
    let of = |name: &str, v: Value| {
        let mut w = Vec::new();
        check(
            &doc,
            &json!({"$ref": format!("#/components/schemas/{name}")}),
            &v,
            String::new(),
            &mut w,
        );
        w.len()
    };
    let faults = |v: Value| of("A", v);
    assert_eq!(faults(json!({"n": 1, "s": null})), 0);
    assert_eq!(faults(json!({"n": "•••"})), 0);
    assert_eq!(faults(json!({"n": "1"})), 1);
    assert_eq!(faults(json!({"s": "x"})), 1);
    assert_eq!(faults(json!({"n": 1, "more": 2})), 1);
    assert_eq!(faults(json!({"n": 1, "id": "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"})), 1);
    assert_eq!(
        faults(json!({"n": 1, "id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "w": "in", "map": {"a": 1}})),
        0
    );
    assert_eq!(faults(json!({"n": 1, "w": "up", "map": {"a": "1"}})), 2);
    assert_eq!(of("B", json!({"n": 1, "b": null})), 0);
    assert_eq!(of("B", json!({"b": {"n": "1"}, "more": 1})), 3);
    assert_eq!(operation(&doc, "get", "/a/7").map(|o| o.0), Some("/a/{id}"));
}
