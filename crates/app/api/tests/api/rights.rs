//! Every operation of the document as every role: allowed exactly where the checked-in matrix says
//! so.

use crate::world::{World, request};
use axum::body::Body;
use http::{Request, StatusCode};
use qd_app::demo;
use qd_runtime::access::{Matrix, Right, Role};
use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Somebody with a token, and what the matrix calls them.
struct Somebody {
    name: String,
    role: Role,
    token: Option<String>,
}

/// Path parameters that no record has; queries and bodies are left out on purpose, so that what is
/// allowed fails later, on its input, and changes nothing.
fn address(template: &str) -> String {
    template
        .split('/')
        .map(|p| if p.starts_with('{') { "nobody" } else { p })
        .collect::<Vec<_>>()
        .join("/")
}

fn bare(method: &str, path: &str, token: Option<&str>) -> Request<Body> {
    request(&method.to_uppercase(), path, token, None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operation_is_open_to_the_roles_of_the_matrix_and_to_nobody_else() {
    let w = World::quiet().await;
    let mut people = vec![Somebody {
        name: "nobody".into(),
        role: Role::Public,
        token: None,
    }];
    for p in demo::PEOPLE.iter().filter(|p| p.shown) {
        people.push(Somebody {
            name: p.role.to_string(),
            role: p.role,
            token: Some(w.staff(p.email).await),
        });
    }
    let (token, _) = w.client("rights@example.com").await;
    people.push(Somebody {
        name: "client".into(),
        role: Role::Client,
        token: Some(token),
    });
    let over = w.staff("farid").await;
    w.ask("POST", "/api/v1/auth/sign-out", Some(&over), None).await.ok();
    people.push(Somebody {
        name: "a session that is over".into(),
        role: Role::Public,
        token: Some(over),
    });

    let mut seen = 0;
    for (template, item) in w.document["paths"].as_object().unwrap() {
        for method in METHODS {
            let Some(op) = item.get(method) else { continue };
            let named = op["x-right"]
                .as_str()
                .unwrap_or_else(|| panic!("{method} {template} names no right"));
            let right = Right::parse(named).unwrap_or_else(|| panic!("{method} {template}: no such right {named}"));
            seen += 1;
            for who in &people {
                // Ending one's own session would end the test; it has one of its own above.
                if template == "/api/v1/auth/sign-out" && who.token.is_some() && who.role != Role::Public {
                    continue;
                }
                let t = w.send(bare(method, &address(template), who.token.as_deref())).await;
                // What the matrix gives the public beyond "public" is for the forms behind public routes.
                let allowed = right == Right::Public
                    || who.role != Role::Public && Matrix::builtin().role(who.role).is_some_and(|g| g.rights.contains_key(&right));
                // A partner's server proves itself with a token of its own, which the handler asks for.
                let own_key = right == Right::Public && t.code() == "token_missing";
                let refused = t.status == StatusCode::UNAUTHORIZED && !own_key || t.code() == "right_missing";
                let place = format!("{method} {template} ({named}) as {}: {} {}", who.name, t.status, t.code());
                assert_eq!(allowed, !refused, "{place}");
                if !allowed && who.role == Role::Public {
                    assert_eq!(t.status, StatusCode::UNAUTHORIZED, "{place}");
                    let code = if who.token.is_some() { "session_over" } else { "sign_in_required" };
                    assert_eq!(t.code(), code, "{place}");
                } else if !allowed {
                    assert_eq!(t.status, StatusCode::FORBIDDEN, "{place}");
                }
            }
        }
    }
    assert!(seen > 150, "the document has only {seen} operations");
    w.end().await;
}

/// What the issue names: sales never approve money, support never see AML notes.
#[test]
fn the_matrix_keeps_apart_what_must_be_apart() {
    let has = |role: Role, right: Right| Matrix::builtin().role(role).is_some_and(|g| g.rights.contains_key(&right));
    for right in [
        Right::WithdrawalsApprove,
        Right::WithdrawalsOverride,
        Right::WithdrawalsPayout,
        Right::KycReview,
        Right::AmlView,
    ] {
        assert!(!has(Role::Sales, right) && !has(Role::SalesManager, right), "{right}");
    }
    assert!(!has(Role::Support, Right::AmlView) && !has(Role::Support, Right::AmlWrite));
    for right in Right::ALL.iter().filter(|r| has(Role::Auditor, **r) && !r.is_own()) {
        assert!(right.reads_only(), "the auditor may {right}");
    }
}

/// The same path without a method that is described answers nothing either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_document_does_not_describe_is_not_there() {
    let w = World::quiet().await;
    let admin = w.staff("admin").await;
    for template in w.document["paths"].as_object().unwrap().keys() {
        for method in METHODS {
            if w.document["paths"][template].get(method).is_some() {
                continue;
            }
            let t = w.send(bare(method, &address(template), Some(&admin))).await;
            assert_eq!(t.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {template}");
        }
    }
    let t = w.get("/api/v1/nothing", &admin).await;
    assert_eq!((t.status, t.code()), (StatusCode::NOT_FOUND, "not_found"));
    assert_eq!(w.document["paths"]["/api/v1/nothing"], Value::Null);
    w.end().await;
}
