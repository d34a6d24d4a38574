//! The description of the API. The routes declare themselves; what is the same everywhere (who may
//! call, how errors look, the idempotency key, path parameters) is added here, once.

use qd_web::{Built, ProblemBody};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use utoipa::OpenApi;

const ABOUT: &str = "Everything the portals do, they do through this API.

**Money** is `{\"minor\": 50000, \"currency\": \"EUR\"}`: EUR 500.00 in whole minor units. **Times** are microseconds since 1970 in UTC, in fields that end in `_us`. **Lots** are decimal text in trading (`volume`) and whole hundred-millionths of a lot in partner figures (`lots`); each field says which.

**Sign in** and send the token as `Authorization: Bearer …`, or let the browser keep it as a cookie. Each operation names the right it needs in `x-right`; programs use API keys with some of these rights.

**Writes** take an `Idempotency-Key`: the same key and body again is answered as before and done once; the same key with another body is `409 idempotency_key_reused`. Commands that move money insist on it.

**Lists** answer `items` and `next_cursor`; hand the cursor back for the next page.

**Errors** are `application/problem+json` with a stable `code` and `fields` that point into the request by JSON pointer. What a caller may not know to exist is 404. A field that the caller's role does not see holds `•••`, whatever its type says.";

#[derive(OpenApi)]
#[openapi(
    info(title = "Quarterdeck", description = ABOUT, license(name = "Apache-2.0", identifier = "Apache-2.0")),
    components(schemas(ProblemBody, qd_kernel::Amount, qd_payments::Step, qd_clients::Sort, qd_support::Sort))
)]
struct Document;

pub fn base() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The finished document.
pub fn value(built: &Built) -> Value {
    let mut doc = serde_json::to_value(&built.openapi).unwrap_or_default();
    name_items(&mut doc);
    say_nulls(&mut doc);
    doc["components"]["securitySchemes"] = json!({
        "token": {"type": "http", "scheme": "bearer", "description": "A session token (`qds_…`) or an API key (`qdk_…`)."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "qd_session", "description": "The same session in a browser; `__Host-qd_session` over HTTPS."}
    });
    let mut tags = BTreeSet::new();
    if let Some(paths) = doc["paths"].as_object_mut() {
        for (path, item) in paths {
            for (method, op) in item.as_object_mut().into_iter().flatten() {
                if let Some(op) = op.as_object_mut() {
                    finish(path, method, op);
                    tags.extend(
                        op["tags"]
                            .as_array()
                            .into_iter()
                            .flatten()
                            .filter_map(|t| t.as_str().map(str::to_string)),
                    );
                }
            }
        }
    }
    doc["tags"] = tags.iter().map(|t| json!({"name": t, "description": tag_words(t)})).collect();
    doc
}

/// As the checked-in file holds it.
pub fn text(built: &Built) -> String {
    let mut t = serde_json::to_string_pretty(&value(built)).unwrap_or_default();
    t.push('\n');
    t
}

/// The rows of a list by their name: a program made from the document has one type for a row,
/// wherever it stands.
fn name_items(doc: &mut Value) {
    let Some(all) = doc["components"]["schemas"].as_object_mut() else {
        return;
    };
    let lists: Vec<(String, String)> = all
        .keys()
        .filter_map(|k| k.split_once("Of_").map(|(_, row)| (k.clone(), row.to_string())))
        .collect();
    for (list, row) in lists {
        let Some(named) = all.get(&row).cloned() else { continue };
        if let Some(rows) = all.get_mut(&list).and_then(|l| l.pointer_mut("/properties/items/items"))
            && *rows == named
        {
            *rows = json!({"$ref": format!("#/components/schemas/{row}")});
        }
    }
}

/// What is only answered, never sent, holds every field it may hold: an empty one is null, not
/// absent, and the document says so. (A field that is absent declares `nullable = false`.)
fn say_nulls(doc: &mut Value) {
    let mut sent = BTreeSet::new();
    for op in operations(doc) {
        reach(doc, &op["requestBody"], &mut sent);
        reach(doc, &op["parameters"], &mut sent);
    }
    let all = doc["components"]["schemas"].as_object_mut().into_iter().flatten();
    for (_, schema) in all.filter(|(name, _)| !sent.contains(*name)) {
        for part in parts(schema) {
            require_nullable(part);
        }
    }
}

fn operations(doc: &Value) -> impl Iterator<Item = &Value> {
    let paths = doc["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(_, item)| item.as_object().into_iter().flatten().map(|(_, op)| op))
}

/// The names of the components that `v` refers to, through others too.
fn reach(doc: &Value, v: &Value, seen: &mut BTreeSet<String>) {
    match v {
        Value::Object(m) => {
            if let Some(name) = m.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next())
                && seen.insert(name.to_string())
            {
                reach(doc, &doc["components"]["schemas"][name], seen);
            }
            m.values().for_each(|v| reach(doc, v, seen));
        }
        Value::Array(a) => a.iter().for_each(|v| reach(doc, v, seen)),
        _ => {}
    }
}

/// An object, or the objects that another takes in.
fn parts(schema: &mut Value) -> Vec<&mut Value> {
    match schema.get("allOf").is_some() {
        true => schema["allOf"].as_array_mut().into_iter().flatten().collect(),
        false => vec![schema],
    }
}

fn require_nullable(schema: &mut Value) {
    let null = |s: &Value| s["type"] == "null" || s["type"].as_array().is_some_and(|t| t.iter().any(|t| t == "null"));
    let nullable: Vec<Value> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, p)| {
            null(p)
                || ["oneOf", "anyOf"]
                    .iter()
                    .any(|k| p[*k].as_array().is_some_and(|a| a.iter().any(null)))
        })
        .map(|(name, _)| json!(name))
        .collect();
    if nullable.is_empty() {
        return;
    }
    if let Some(m) = schema.as_object_mut()
        && let Some(required) = m.entry("required").or_insert_with(|| json!([])).as_array_mut()
    {
        required.extend(nullable.into_iter().filter(|n| !required.contains(n)).collect::<Vec<_>>());
    }
}

fn tag_words(tag: &str) -> &'static str {
    match tag {
        "auth" => "Signing in, proving it again, passwords, second factors, one's own sessions.",
        "public" => "Forms and pages that need no sign-in.",
        "me" => "What a client does and sees of their own.",
        "clients" => "The one record of a person, from lead to churned.",
        "kyc" => "Verification: the queue, cases, documents, decisions.",
        "accounts" => "Trading accounts.",
        "deposits" => "Money coming in.",
        "withdrawals" => "Money going out, with its approvals.",
        "payments" => "Where payments go: routes, connections and their health, experiments, listed instruments.",
        "bank" => "Statements, payments by bank, accounts clients are paid to.",
        "money" => "Transfers, moves to and from the platforms, disputes.",
        "ledger" => "The books.",
        "reconciliation" => "Providers, books and platforms held against each other; where every unit of client money is.",
        "partners" => "Introducing brokers: tree, plans, commission, statements, payouts.",
        "control" => "Exceptions, jobs, approvals, connections, figures.",
        "tickets" => "Questions of clients, their clocks, prepared answers.",
        "views" => "Lists as somebody or a team wants to see them.",
        "rules" => "Rule sets and rules.",
        "house" => "Entities, brands, desks, settings, staff, roles, keys.",
        "audit" => "Who did what, and proof of it.",
        "hooks" => "Callbacks of providers.",
        "live" => "Streams of events and notifications.",
        _ => "",
    }
}

fn finish(path: &str, method: &str, op: &mut Map<String, Value>) {
    let words: Vec<String> = path
        .trim_start_matches("/api/v1")
        .split('/')
        .filter(|s| !s.is_empty())
        .map(|s| s.trim_matches(|c| c == '{' || c == '}').replace('-', "_"))
        .collect();
    op.insert("operationId".into(), json!(format!("{method}_{}", words.join("_"))));
    let public = op.get("x-right").and_then(Value::as_str) == Some("public");
    if !public {
        op.insert("security".into(), json!([{"token": []}, {"cookie": []}]));
    }
    let params = op.entry("parameters").or_insert_with(|| json!([]));
    let mut has: Vec<String> = params
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|p| p["name"].as_str().map(str::to_string))
        .collect();
    if let Some(list) = params.as_array_mut() {
        for name in path
            .split('/')
            .filter_map(|s| s.strip_prefix('{').and_then(|s| s.strip_suffix('}')))
        {
            if !has.iter().any(|h| h == name) {
                list.push(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
                has.push(name.to_string());
            }
        }
        let api_write =
            matches!(method, "post" | "put" | "patch" | "delete") && path.starts_with("/api/v1/") && !path.starts_with("/api/v1/auth/");
        if api_write {
            list.push(json!({"name": "Idempotency-Key", "in": "header", "required": op_insists(path, method), "description": "One per intended effect, 1 to 255 visible characters.", "schema": {"type": "string"}}));
        }
        if list.is_empty() {
            op.remove("parameters");
        }
    }
    let write = method != "get";
    let by_id = path.contains('{');
    let mut add = vec![];
    if write || op.get("parameters").is_some() {
        add.push(("422", "A field is wrong; `fields` says which and what was expected."));
    }
    if write {
        add.push(("400", "The body cannot be read."));
        add.push((
            "409",
            "True, but not in the present state; or the idempotency key was used for something else.",
        ));
    }
    if !public {
        add.push(("401", "Not signed in, or the session is over."));
        add.push(("403", "The right is missing, or a fresh proof (`step_up_required`)."));
    }
    if by_id {
        add.push(("404", "Not there, or not for this caller to know."));
    }
    add.push(("429", "Too many requests; `Retry-After` says when to come back."));
    add.push(("503", "Something this depends on does not answer; try again."));
    if let Some(responses) = op.get_mut("responses").and_then(Value::as_object_mut) {
        for (status, words) in add {
            responses.entry(status).or_insert_with(|| {
                json!({"description": words, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}})
            });
        }
    }
}

/// Commands that move money: the key is not optional there.
fn op_insists(path: &str, method: &str) -> bool {
    method == "post" && matches!(path, "/api/v1/me/deposits" | "/api/v1/me/withdrawals" | "/api/v1/me/transfers")
}
