//! The checked-in description is the one the program gives.

use crate::world::World;
use serde_json::Value;
use std::collections::BTreeSet;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/api/openapi.json");

/// `QD_WRITE=1 cargo test -p qd-api description` writes it anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checked_in_file_is_what_the_program_serves() {
    let w = World::quiet().await;
    let t = w.ask("GET", "/api/openapi.json", None, None).await;
    let text = String::from_utf8(t.bytes).unwrap();
    if std::env::var("QD_WRITE").is_ok_and(|v| v == "1") {
        std::fs::create_dir_all(std::path::Path::new(FILE).parent().unwrap()).unwrap();
        std::fs::write(FILE, &text).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        kept == text,
        "docs/api/openapi.json is not current: QD_WRITE=1 cargo test -p qd-api --test api description"
    );
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_says_what_it_does_and_shows_an_example() {
    let w = World::quiet().await;
    let mut ids = BTreeSet::new();
    let mut faults = Vec::new();
    for (path, item) in w.document["paths"].as_object().unwrap() {
        for (method, op) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            if !ids.insert(op["operationId"].as_str().unwrap_or_default().to_string()) {
                faults.push(format!("{name}: its operationId is another's"));
            }
            if op["summary"].as_str().is_none_or(|s| s.len() < 4) {
                faults.push(format!("{name}: no summary"));
            }
            if op["tags"].as_array().is_none_or(|t| t.len() != 1) {
                faults.push(format!("{name}: expected one tag"));
            }
            if let Some(body) = op.get("requestBody") {
                for (_, c) in body["content"].as_object().unwrap() {
                    let schema = schema_of(&w.document, &c["schema"]);
                    if schema["type"] == "object"
                        && schema["additionalProperties"] != Value::Bool(false)
                        && schema.get("properties").is_some()
                    {
                        faults.push(format!("{name}: its body takes unknown fields"));
                    }
                }
            }
            for (status, r) in op["responses"].as_object().unwrap() {
                if let Some(r) = r["content"]["application/json"]["schema"]["$ref"].as_str() {
                    let name = r.rsplit('/').next().unwrap_or_default();
                    assert!(
                        !w.document["components"]["schemas"][name].is_null(),
                        "{method} {path} {status}: {r} is not in the document"
                    );
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    for t in w.document["tags"].as_array().unwrap() {
        assert!(
            !t["description"].as_str().unwrap_or_default().is_empty(),
            "the tag {} has no words",
            t["name"]
        );
    }
    w.end().await;
}

/// A generated client is worth its types: every JSON answer is one, and no field of one is a time
/// without its unit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_a_type_and_every_time_its_unit() {
    let w = World::quiet().await;
    let mut faults = Vec::new();
    for (path, item) in w.document["paths"].as_object().unwrap() {
        for (method, op) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            for (status, r) in op["responses"].as_object().unwrap().iter().filter(|(s, _)| s.starts_with('2')) {
                let Some(content) = r["content"].get("application/json") else {
                    continue;
                };
                if content["schema"]["$ref"].is_null() {
                    faults.push(format!("{name} {status}: no type, but {}", content["schema"]));
                }
            }
        }
    }
    for (name, schema) in w.document["components"]["schemas"].as_object().unwrap() {
        let mut fields = BTreeSet::new();
        names_in(schema, &mut fields);
        faults.extend(
            fields
                .iter()
                .filter(|f| f.ends_with("_at") || matches!(f.as_str(), "at" | "locked_until"))
                .map(|f| format!("{name}.{f}: a time ends in _us")),
        );
    }
    let mut refs = BTreeSet::new();
    refs_in(&w.document, &mut refs);
    faults.extend(
        refs.iter()
            .filter(|r| w.document.pointer(r.trim_start_matches('#')).is_none())
            .map(|r| format!("{r} is not in the document")),
    );
    let built = qd_api::build(w.app.clone());
    faults.extend(built.clashes.iter().map(|n| format!("{n}: two types claim this name")));
    assert!(faults.is_empty(), "{faults:#?}");
    w.end().await;
}

fn refs_in(v: &Value, into: &mut BTreeSet<String>) {
    if let Some(r) = v["$ref"].as_str() {
        into.insert(r.to_string());
    }
    v.as_object().into_iter().flatten().for_each(|(_, v)| refs_in(v, into));
    v.as_array().into_iter().flatten().for_each(|v| refs_in(v, into));
}

fn names_in(schema: &Value, into: &mut BTreeSet<String>) {
    for (k, v) in schema["properties"].as_object().into_iter().flatten() {
        into.insert(k.clone());
        names_in(v, into);
    }
    for part in ["allOf", "oneOf", "anyOf"] {
        schema[part].as_array().into_iter().flatten().for_each(|s| names_in(s, into));
    }
    if let Some(items) = schema.get("items") {
        names_in(items, into);
    }
}

fn schema_of<'a>(doc: &'a Value, s: &'a Value) -> &'a Value {
    match s["$ref"].as_str() {
        Some(r) => &doc["components"]["schemas"][r.rsplit('/').next().unwrap_or_default()],
        None => s,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_brings_everything_itself_under_a_strict_policy() {
    let w = World::quiet().await;
    for (path, kind) in [
        ("/api", "text/html"),
        ("/api/page.js", "text/javascript"),
        ("/api/page.css", "text/css"),
    ] {
        let t = w.ask("GET", path, None, None).await;
        assert!(
            t.status.is_success() && t.headers["content-type"].to_str().unwrap().starts_with(kind),
            "{path}"
        );
        let policy = t.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        let text = String::from_utf8(t.bytes).unwrap();
        assert!(!text.contains("http://") && !text.contains("https://"), "{path} names another site");
        assert!(!text.contains("innerHTML"), "{path} writes markup from strings");
    }
    w.end().await;
}
