//! Doors: sessions in cookies and headers, second factors, limits, health, streams.

use crate::world::{World, request};
use axum::body::Body;
use http::{Request, StatusCode, header};
use qd_app::demo;
use qd_kernel::{Secret, Ts};
use qd_runtime::access::code_at;
use qd_web::gate::Peer;
use serde_json::json;
use std::net::SocketAddr;
use tower::ServiceExt as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_keeps_the_session_in_a_cookie_that_other_sites_cannot_write_with() {
    let w = World::quiet().await;
    let b = json!({"email": "farid.aziz@quarterdeck.example", "password": demo::PASSWORD});
    let t = w.ask("POST", "/api/v1/auth/staff/sign-in", None, Some(&b)).await;
    let cookies: Vec<String> = t
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|v| v.to_str().unwrap().to_string())
        .collect();
    let session = cookies.iter().find(|c| c.starts_with("qd_session=")).expect("a session cookie");
    assert!(
        session.contains("HttpOnly") && session.contains("SameSite=Lax") && session.contains("Path=/"),
        "{session}"
    );
    assert!(
        cookies.iter().any(|c| c.starts_with("qd_device=")),
        "the browser is recognised next time"
    );
    let pair = session.split(';').next().unwrap().to_string();
    let with = |method: &str, path: &str, site: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, &pair)
            .header("sec-fetch-site", site)
            .body(Body::empty())
            .unwrap()
    };
    assert!(
        w.send(with("GET", "/api/v1/auth/me", "cross-site")).await.status.is_success(),
        "reading does no harm"
    );
    let t = w.send(with("POST", "/api/v1/auth/sign-out", "cross-site")).await;
    assert_eq!((t.status, t.code()), (StatusCode::FORBIDDEN, "cross_site_write"));
    assert_eq!(
        w.send(with("POST", "/api/v1/auth/sign-out", "same-origin")).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        w.send(with("GET", "/api/v1/auth/me", "same-origin")).await.status,
        StatusCode::UNAUTHORIZED
    );
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_https_the_cookie_is_bound_to_the_host_and_the_browser_told_to_stay_on_it() {
    let w = World::quiet_with(|c| c.server.public_url = "https://office.broker.example".into()).await;
    let b = json!({"email": "farid.aziz@quarterdeck.example", "password": demo::PASSWORD});
    let t = w.ask("POST", "/api/v1/auth/staff/sign-in", None, Some(&b)).await;
    let cookies: Vec<&str> = t.headers.get_all(header::SET_COOKIE).iter().map(|v| v.to_str().unwrap()).collect();
    assert!(
        cookies.iter().any(|c| c.starts_with("__Host-qd_session=") && c.contains("Secure")),
        "{cookies:?}"
    );
    assert!(t.headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_enrol_a_second_factor_first_and_prove_themselves_with_it_afterwards() {
    let w = World::quiet_with(|c| c.access.staff_second_factor = true).await;
    let b = json!({"email": "farid.aziz@quarterdeck.example", "password": demo::PASSWORD});
    let t = w.ask("POST", "/api/v1/auth/staff/sign-in", None, Some(&b)).await.ok();
    assert_eq!(t["must_enrol_second_factor"], true);
    let token = t["token"].as_str().unwrap().to_string();
    assert_eq!(
        w.get("/api/v1/deposits", &token).await.code(),
        "right_missing",
        "nothing before the second factor"
    );
    let e = w.ask("POST", "/api/v1/auth/second-factor/enrol", Some(&token), None).await.ok();
    let secret = Secret::new(e["secret"].as_str().unwrap());
    let now = || Ts(w.app.core.now().0);
    let wrong = w
        .post("/api/v1/auth/second-factor/confirm", &token, json!({"code": "000000"}))
        .await;
    assert_eq!((wrong.status, wrong.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/code"));
    let codes = w
        .post(
            "/api/v1/auth/second-factor/confirm",
            &token,
            json!({"code": code_at(&secret, now()).unwrap()}),
        )
        .await
        .ok();
    let recovery = codes["recovery_codes"][0].as_str().unwrap().to_string();
    assert!(w.get("/api/v1/deposits", &token).await.status.is_success());
    let t = w.ask("POST", "/api/v1/auth/staff/sign-in", None, Some(&b)).await;
    assert_eq!(t.code(), "second_factor_required");
    let b = json!({"email": "farid.aziz@quarterdeck.example", "password": demo::PASSWORD, "code": recovery});
    assert!(
        w.ask("POST", "/api/v1/auth/staff/sign-in", None, Some(&b))
            .await
            .status
            .is_success()
    );
    assert_eq!(
        w.ask("POST", "/api/v1/auth/staff/sign-in", None, Some(&b)).await.code(),
        "second_factor_wrong",
        "a recovery code works once"
    );
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_tries_too_often_from_one_address_waits_and_others_do_not() {
    let w = World::quiet_with(|c| c.server.rate_limit = true).await;
    let from = |last: u8| {
        let mut r = request(
            "POST",
            "/api/v1/auth/password/forgot",
            None,
            Some(&json!({"email": "a@example.com", "brand": "northwind"})),
        );
        r.extensions_mut().insert(Peer(SocketAddr::from(([198, 51, 100, last], 1))));
        r
    };
    let mut refused = None;
    for _ in 0..100 {
        let t = w.send(from(1)).await;
        if t.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(t);
            break;
        }
        assert_eq!(t.status, StatusCode::ACCEPTED);
    }
    let t = refused.expect("a hundred at once are too many");
    assert!(t.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(w.send(from(2)).await.status, StatusCode::ACCEPTED);
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_figures_need_nobody_and_name_nobody() {
    let w = World::quiet().await;
    w.client("figures@example.com").await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(w.ask("GET", path, None, None).await.ok()["ok"], true, "{path}");
    }
    assert_eq!(
        w.ask("GET", "/metrics", None, None).await.status,
        StatusCode::NOT_FOUND,
        "from the street"
    );
    let mut here = request("GET", "/metrics", None, None);
    here.extensions_mut().insert(Peer("127.0.0.1:40000".parse().unwrap()));
    let t = w.send(here).await;
    let text = String::from_utf8(t.bytes).unwrap();
    for name in [
        "qd_jobs_ready",
        "qd_jobs_dead",
        "qd_outbox_waiting",
        "qd_exceptions_open",
        "qd_http_requests_total",
    ] {
        assert!(text.contains(name), "{name} in\n{text}");
    }
    assert!(text.contains("route=\"/api/v1/register\",status=\"201\"} 1"), "{text}");
    assert!(!text.contains("figures@example.com"));
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_with_the_same_key_is_done_once_and_another_is_refused() {
    let w = World::quiet().await;
    let (_, client) = w.client("keys@example.com").await;
    let admin = w.staff("admin").await;
    let note = |text: &str| {
        let mut r = request(
            "POST",
            &format!("/api/v1/clients/{client}/notes"),
            Some(&admin),
            Some(&json!({"body": text})),
        );
        r.headers_mut().insert("idempotency-key", "one-note".parse().unwrap());
        r
    };
    let first = w.send(note("Called.")).await;
    let second = w.send(note("Called.")).await;
    assert_eq!((first.status, second.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.body["id"], second.body["id"]);
    assert_eq!(second.headers["idempotent-replayed"], "true");
    let other = w.send(note("Something else.")).await;
    assert_eq!((other.status, other.code()), (StatusCode::CONFLICT, "idempotency_key_reused"));
    let all = w.get(&format!("/api/v1/clients/{client}/notes"), &admin).await.ok();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_some_of_its_makers_rights_until_it_is_revoked() {
    let w = World::quiet().await;
    let admin = w.staff("admin").await;
    let made = w
        .post(
            "/api/v1/api-keys",
            &admin,
            json!({"name": "Reports", "rights": ["deposits.view"], "sees": ["money"]}),
        )
        .await
        .ok();
    let key = made["key"].as_str().unwrap().to_string();
    assert!(w.get("/api/v1/deposits", &key).await.status.is_success());
    assert_eq!(w.get("/api/v1/clients", &key).await.code(), "right_missing");
    let listed = w.get("/api/v1/api-keys", &admin).await.ok();
    assert!(!listed.to_string().contains(&key), "a key is shown once");
    w.post(
        &format!("/api/v1/api-keys/{}/revoke", made["id"].as_str().unwrap()),
        &admin,
        json!({"reason": "done"}),
    )
    .await
    .ok();
    assert_eq!(w.get("/api/v1/deposits", &key).await.status, StatusCode::UNAUTHORIZED);
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_carries_what_its_owner_may_know() {
    use futures_util::StreamExt as _;
    let w = World::busy().await;
    let lena = w.staff("lena").await;
    let open = |token: String| {
        let router = w.router.clone();
        async move { router.oneshot(request("GET", "/api/v1/events", Some(&token), None)).await.unwrap() }
    };
    let r = open(lena).await;
    assert!(r.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/event-stream"));
    let mut lenas = r.into_body().into_data_stream();
    let (alex, alex_id) = w.newcomer("stream@example.com").await;
    let mut alexes = open(alex.clone()).await.into_body().into_data_stream();
    // Somebody else's deposit, then one's own notification: only the second may come.
    let (_, other_id) = w.client("other.stream@example.com").await;
    assert_ne!(alex_id, other_id);
    let compliance = w.staff("clara").await;
    w.post(
        &format!("/api/v1/clients/{alex_id}/restrictions"),
        &compliance,
        json!({"kind": "deposits", "reason": "secret suspicion"}),
    )
    .await
    .ok();
    // Proving the address opens the case: after the stream is open, or its news could be out before.
    w.prove(&alex, &alex_id).await;
    let mut text = String::new();
    while !text.contains("kyc.case_opened") {
        let chunk = tokio::time::timeout(std::time::Duration::from_secs(30), alexes.next())
            .await
            .expect("the case is announced")
            .unwrap()
            .unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(
        !text.contains("secret suspicion") && !text.contains("client.restricted") && !text.contains(&other_id),
        "{text}"
    );
    // The German lead goes to the German desk, and the one who got it hears of it.
    let lead = json!({"brand": "northwind", "first_name": "Greta", "last_name": "Sommer", "email": "greta@example.com", "language": "de", "country": "DE", "came": {"landing_language": "de"}});
    let mut heard = String::new();
    for n in 0..6 {
        let mut l = lead.clone();
        l["email"] = json!(format!("greta{n}@example.com"));
        w.ask("POST", "/api/v1/leads", None, Some(&l)).await.ok();
    }
    while !heard.contains("lead.assigned") {
        let chunk = tokio::time::timeout(std::time::Duration::from_secs(30), lenas.next())
            .await
            .expect("one of six German leads is hers")
            .unwrap()
            .unwrap();
        heard.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_of_the_house_are_for_who_may_enter_each_entity_however_that_is_written() {
    let w = World::quiet().await;
    // Farid's entities are listed one by one, and are all there are.
    let farid = w.staff("farid").await;
    assert_eq!(w.get("/api/v1/ledger/totals", &farid).await.status, StatusCode::OK);
    assert_eq!(w.get("/api/v1/ledger/journal", &farid).await.status, StatusCode::OK);
    let admin = w.staff("admin").await;
    let me = w.get("/api/v1/auth/me", &farid).await.ok();
    let change =
        json!({"name": me["name"], "language": "en", "roles": ["finance"], "desk": null, "entities": ["eu"], "reason": "one licence only"});
    let id = me["id"].as_str().unwrap();
    let mut change = change;
    change["version"] = w.get(&format!("/api/v1/staff/{id}"), &admin).await.ok()["version"].clone();
    let t = w.ask("PUT", &format!("/api/v1/staff/{id}"), Some(&admin), Some(&change)).await;
    assert!(t.status.is_success(), "{}", t.body);
    assert_eq!(w.get("/api/v1/ledger/totals", &farid).await.code(), "all_entities_needed");
    assert_eq!(w.get("/api/v1/ledger/journal", &farid).await.code(), "all_entities_needed");
    w.end().await;
}
