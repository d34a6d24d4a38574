//! Holds an answer to what the document says about it: the part of JSON Schema our document uses.

use http::StatusCode;
use serde_json::Value;

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
    if let (Some(items), Some(list)) = (schema.get("items"), v.as_array()) {
        for (i, x) in list.iter().enumerate() {
            check(doc, items, x, format!("{at}/{i}"), wrong);
        }
    }
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let Some(object) = v.as_object() else { return };
    for (k, x) in object {
        match properties.get(k) {
            Some(s) => check(doc, s, x, format!("{at}/{k}"), wrong),
            None => wrong.push(format!("{at}/{k}: not in the document")),
        }
    }
    for k in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(k) {
            wrong.push(format!("{at}/{k}: missing"));
        }
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
        "components": {"schemas": {"A": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}, "s": {"type": ["string", "null"]}}}}},
    });
    let faults = |v: Value| {
        let mut w = Vec::new();
        check(&doc, &json!({"$ref": "#/components/schemas/A"}), &v, String::new(), &mut w);
        w.len()
    };
    assert_eq!(faults(json!({"n": 1, "s": null})), 0);
    assert_eq!(faults(json!({"n": "•••"})), 0);
    assert_eq!(faults(json!({"n": "1"})), 1);
    assert_eq!(faults(json!({"s": "x"})), 1);
    assert_eq!(faults(json!({"n": 1, "more": 2})), 1);
    assert_eq!(operation(&doc, "get", "/a/7").map(|o| o.0), Some("/a/{id}"));
}
