//! Callbacks: believed on their signature, stored once, refused without a trace of effect.

use crate::world::{World, request};
use axum::body::Body;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, StatusCode};
use qd_app::config::{PspConfig, SecretRef};
use qd_kernel::PageRequest;
use qd_runtime::access::Caller;
use qd_runtime::exceptions::{self, Filter};
use qd_web::gate::Peer;
use serde_json::json;

const SECRET: &str = "whsec_quarterdeck_eu";

fn signed(body: &str, at: i64, secret: &str) -> Request<Body> {
    let mut r = request("POST", "/hooks/stripe/stripe-eu", None, None);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    let header = format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()));
    r.headers_mut().insert("stripe-signature", header.parse().unwrap());
    let (parts, _) = r.into_parts();
    Request::from_parts(parts, Body::from(body.to_string()))
}

fn event(id: &str) -> String {
    json!({
        "id": id, "object": "event", "api_version": "2026-10-28", "created": 1, "type": "customer.created", "livemode": false,
        "data": {"object": {"id": "cus_1", "object": "customer"}},
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_copies_at_once_are_one_row_and_all_are_answered() {
    let w = World::busy().await;
    let now = w.app.core.now().secs();
    let body = event("evt_many");
    let answers = futures_util::future::join_all((0..32).map(|_| w.send(signed(&body, now, SECRET)))).await;
    assert!(
        answers.iter().all(|t| t.status == StatusCode::OK),
        "a duplicate is answered as the first"
    );
    let t = w.send(signed(&body, now, SECRET)).await;
    assert_eq!(t.status, StatusCode::OK);
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_stale_and_misdirected_callbacks_are_refused() {
    let w = World::busy().await;
    let now = w.app.core.now().secs();
    let t = w.send(signed(&event("evt_f"), now, "whsec_somebody_else")).await;
    assert_eq!((t.status, t.code()), (StatusCode::BAD_REQUEST, "hook_forged"));
    let t = w.send(signed(&event("evt_s"), now - 3_600, SECRET)).await;
    assert_eq!((t.status, t.code()), (StatusCode::BAD_REQUEST, "hook_stale"));
    let bare = request("POST", "/hooks/stripe/stripe-eu", None, Some(&json!({"id": "evt"})));
    assert_eq!(w.send(bare).await.code(), "hook_forged");
    // Signed for the other connection.
    let mut r = signed(&event("evt_m"), now, SECRET);
    *r.uri_mut() = "/hooks/stripe/stripe-intl".parse().unwrap();
    assert_eq!(w.send(r).await.code(), "hook_forged");
    // The connection is real, the provider is not its own.
    let mut r = signed(&event("evt_p"), now, SECRET);
    *r.uri_mut() = "/hooks/skrill/stripe-eu".parse().unwrap();
    assert_eq!(w.send(r).await.status, StatusCode::NOT_FOUND);
    let large = " ".repeat(300 * 1024);
    assert_eq!(w.send(signed(&large, now, SECRET)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_callback_that_cannot_be_read_is_kept_and_raised_once() {
    let w = World::busy().await;
    let now = w.app.core.now().secs();
    for _ in 0..3 {
        let t = w.send(signed("{\"id\": \"evt_x\", \"type\"", now, SECRET)).await;
        assert_eq!(t.status, StatusCode::OK, "the provider has done its part");
    }
    let page = PageRequest::new(None, None).unwrap();
    let open = w
        .app
        .core
        .db
        .read(async move |tx| {
            exceptions::list(
                tx,
                &Caller::system("test"),
                &Filter {
                    kind: Some("inbox.unreadable".into()),
                    ..Filter::default()
                },
                &page,
            )
            .await
        })
        .await
        .unwrap();
    assert_eq!(open.items.len(), 1);
    assert!(open.items[0].detail["raw"].as_str().unwrap().contains("evt_x"));
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_signatures_is_turned_away_and_the_provider_is_not() {
    let file = std::env::temp_dir().join(format!("qd_hook_{}", std::process::id()));
    std::fs::write(&file, SECRET).unwrap();
    let secret = || SecretRef(format!("file:{}", file.display()));
    let w = World::quiet_with(|c| {
        c.server.rate_limit = true;
        c.psp.push(PspConfig {
            id: "stripe-eu".into(),
            entity: "eu".into(),
            provider: "stripe".into(),
            api_base: None,
            secret_key: secret(),
            webhook_secrets: vec![secret()],
            settings: Default::default(),
            secrets: Default::default(),
            private_network: false,
        });
    })
    .await;
    let now = w.app.core.now().secs();
    let mut turned_away = 0;
    for n in 0..50 {
        let t = w.send(signed(&event(&format!("evt_g{n}")), now, "whsec_guess")).await;
        assert!(matches!(t.code(), "hook_forged" | "hooks_forged_too_many"), "{}", t.body);
        turned_away += u32::from(t.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(turned_away >= 15, "{turned_away} of 50");
    let t = w.send(signed(&event("evt_true"), now, SECRET)).await;
    assert_eq!(t.status, StatusCode::OK, "rightly signed, from the same address: {}", t.body);
    let mut elsewhere = signed(&event("evt_e"), now, "whsec_guess");
    elsewhere.extensions_mut().insert(Peer("198.51.100.4:4000".parse().unwrap()));
    assert_eq!(w.send(elsewhere).await.code(), "hook_forged", "another address is written down");
    let _ = std::fs::remove_file(&file);
    w.end().await;
}
