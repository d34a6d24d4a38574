//! What an attacker would try through the front door, and what must not lie about behind it.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(dead_code, reason = "the world is shared with the other tests")]

#[path = "api/shape.rs"]
mod shape;
#[path = "api/world.rs"]
mod world;

use axum::body::Body;
use axum::response::Response;
use http::{Request, StatusCode, header};
use qd_kernel::PageRequest;
use qd_runtime::access::{Caller, logins};
use qd_web::gate::Peer;
use serde_json::json;
use std::path::Path;
use tower::ServiceExt as _;
use world::{World, request};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";

fn stored(dir: &Path) -> usize {
    let Ok(all) = std::fs::read_dir(dir) else { return 0 };
    all.flatten().map(|e| if e.path().is_dir() { stored(&e.path()) } else { 1 }).sum()
}

async fn mails(w: &World, client: &str) -> Vec<String> {
    let id = client.to_string();
    let page = w
        .app
        .core
        .db
        .read(async move |tx| qd_notify::mails_of(tx, &Caller::system("test"), &id, &PageRequest::new(None, None)?).await)
        .await
        .unwrap();
    page.items.iter().map(|m| m.template.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nul_is_a_wrong_field_wherever_it_comes_in() {
    let w = World::quiet().await;
    let admin = w.staff("admin").await;
    let lead = json!({"brand": "northwind", "first_name": "A\u{0}lex", "email": "nul@example.com"});
    let t = w.ask("POST", "/api/v1/leads", None, Some(&lead)).await;
    assert_eq!(
        (t.status, t.code(), t.pointer()),
        (StatusCode::UNPROCESSABLE_ENTITY, "text_nul", "/first_name")
    );
    let deep = json!({"version": 1, "custom": {"a": [{"b\u{0}": 1}]}});
    let t = w
        .ask("PATCH", "/api/v1/clients/cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", Some(&admin), Some(&deep))
        .await;
    assert_eq!((t.status, t.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/custom/a/0"));
    for path in [
        "/api/v1/search?q=ab%00c",
        "/api/v1/decisions/client%00",
        "/api/v1/clients?cursor=c1%00",
    ] {
        let t = w.get(path, &admin).await;
        assert_eq!((t.status, t.code()), (StatusCode::UNPROCESSABLE_ENTITY, "text_nul"), "{path}");
    }
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_or_repeated_upload_leaves_no_file() {
    let w = World::quiet().await;
    let (token, _) = w.client("files@example.com").await;
    let dir = w.app.config.files.dir.clone();
    let upload = async |requirement: &str, key: &str| {
        let mut r = Request::builder()
            .method("POST")
            .uri(format!("/api/v1/me/kyc/documents?requirement={requirement}&kind=passport"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(Body::from(PNG))
            .unwrap();
        r.headers_mut().insert("idempotency-key", key.parse().unwrap());
        w.send(r).await
    };
    assert_eq!(upload("no_such_thing", "a").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stored(&dir), 0, "after a refusal");
    let asked = w.get("/api/v1/me/kyc", &token).await.ok();
    let requirement = asked["requirements"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["kinds"].as_array().unwrap().contains(&json!("passport")))
        .unwrap()["code"]
        .as_str()
        .unwrap()
        .to_string();
    let first = upload(&requirement, "b").await.ok();
    let again = upload(&requirement, "b").await.ok();
    assert_eq!(first["id"], again["id"]);
    assert_eq!(stored(&dir), 1, "after a repetition");
    let t = w
        .get(&format!("/api/v1/me/kyc/documents/{}", first["id"].as_str().unwrap()), &token)
        .await;
    assert_eq!(t.bytes, PNG);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(t.headers[name], value, "{name}");
    }
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_told_when_their_password_changes_or_a_new_device_signs_in() {
    let w = World::quiet().await;
    let (token, client) = w.newcomer("told@example.com").await;
    assert_eq!(mails(&w, &client).await, ["verify_email"], "the device one came with is no news");
    w.client_again("told@example.com").await;
    assert_eq!(mails(&w, &client).await, ["new_device", "verify_email"]);
    let change = json!({"current": "Alster-Segel-42", "new": "Elbe-Hafen-2026"});
    assert_eq!(w.post("/api/v1/auth/password", &token, change).await.status, StatusCode::NO_CONTENT);
    assert_eq!(mails(&w, &client).await[0], "password_changed");
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_are_for_this_machine_or_for_who_has_the_token() {
    let here = || {
        let mut r = request("GET", "/metrics", None, None);
        r.extensions_mut().insert(Peer("127.0.0.1:40000".parse().unwrap()));
        r
    };
    let w = World::quiet().await;
    assert_eq!(w.send(here()).await.status, StatusCode::OK);
    let mut through = here();
    through.headers_mut().insert("x-forwarded-for", "198.51.100.9".parse().unwrap());
    assert_eq!(w.send(through).await.status, StatusCode::NOT_FOUND, "a proxy on this machine");
    assert_eq!(w.ask("GET", "/metrics", None, None).await.status, StatusCode::NOT_FOUND);
    w.end().await;
    let file = std::env::temp_dir().join(format!("qd_metrics_{}", std::process::id()));
    std::fs::write(&file, "a-long-token\n").unwrap();
    let token = qd_app::config::SecretRef(format!("file:{}", file.display()));
    let w = World::quiet_with(|c| c.server.metrics_token = Some(token)).await;
    assert_eq!(
        w.send(here()).await.status,
        StatusCode::NOT_FOUND,
        "the token is asked for here, too"
    );
    assert_eq!(w.ask("GET", "/metrics", Some("another"), None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(w.ask("GET", "/metrics", Some("a-long-token"), None).await.status, StatusCode::OK);
    let _ = std::fs::remove_file(&file);
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_cannot_take_all_the_places_of_the_live_stream() {
    let w = World::quiet().await;
    let (token, _) = w.client("streams@example.com").await;
    let open = async || -> Response {
        w.router
            .clone()
            .oneshot(request("GET", "/api/v1/events", Some(&token), None))
            .await
            .unwrap()
    };
    let mut streams = Vec::new();
    for _ in 0..12 {
        let r = open().await;
        assert_eq!(r.status(), StatusCode::OK);
        streams.push(r);
    }
    assert_eq!(open().await.status(), StatusCode::TOO_MANY_REQUESTS);
    streams.pop();
    assert_eq!(open().await.status(), StatusCode::OK, "a closed page frees its place");
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_cookie_writes_only_from_our_pages_and_a_reset_ends_it_everywhere() {
    let w = World::quiet().await;
    let (token, client) = w.client("cookie@example.com").await;
    let with_cookie = |fetch_site: &str| {
        let mut r = request("POST", "/api/v1/me/notifications/read", None, None);
        r.headers_mut()
            .insert(header::COOKIE, format!("qd_session={token}").parse().unwrap());
        r.headers_mut().insert("sec-fetch-site", fetch_site.parse().unwrap());
        r
    };
    let t = w.send(with_cookie("cross-site")).await;
    assert_eq!((t.status, t.code()), (StatusCode::FORBIDDEN, "cross_site_write"));
    assert_eq!(w.send(with_cookie("same-origin")).await.status, StatusCode::OK);
    let other = w.client_again("cookie@example.com").await;
    let app = w.app.clone();
    let realm = qd_runtime::access::Realm::Brand("northwind".into());
    let reset = w
        .app
        .core
        .db
        .write(async move |tx| logins::start_reset(tx, &app.access, &realm, "cookie@example.com").await)
        .await
        .unwrap()
        .unwrap();
    let set = json!({"token": reset.token.expose(), "password": "Elbe-Hafen-2026"});
    assert_eq!(
        w.ask("POST", "/api/v1/auth/password/reset", None, Some(&set)).await.status,
        StatusCode::NO_CONTENT
    );
    for t in [&token, &other] {
        assert_eq!(w.get("/api/v1/auth/me", t).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(
        w.ask("POST", "/api/v1/auth/password/reset", None, Some(&set)).await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a link works once"
    );
    assert_eq!(mails(&w, &client).await[0], "password_changed");
    w.end().await;
}
