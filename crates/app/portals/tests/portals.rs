//! What a browser gets: pages, files, each brand's face, and never a page where a program asked.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use qd_app::{App, Config, demo};
use qd_kernel::Env;
use qd_portals::{Site, Waiting, waiting};
use qd_runtime::access::Caller;
use qd_runtime::{settings, tenancy};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tower::ServiceExt as _;

static COUNT: AtomicU64 = AtomicU64::new(0);

const NORTHWIND: &str = "127.0.0.1:8080";
const HARBOUR: &str = "harbour.localhost:8080";

struct House {
    app: App,
    router: Router,
    dir: PathBuf,
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

struct Told {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Told {
    fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    fn is_page(&self) -> bool {
        self.header("content-type").starts_with("text/html")
    }
}

const PAGE: &str = "<!doctype html><html lang=\"__LANG__\" dir=\"__DIR__\"><head><meta property=\"csp-nonce\" nonce=\"__CSP_NONCE__\"><title>__BRAND__</title><script type=\"module\" src=\"/assets/trader-1.js\"></script></head><body data-app=\"APP\"><p>__BRAND__</p></body></html>";

/// A build like `web/dist`.
fn built(dir: &Path) -> PathBuf {
    let dist = dir.join("dist");
    for app in ["auth", "trader", "partner", "backoffice"] {
        std::fs::create_dir_all(dist.join(app)).unwrap();
        std::fs::write(dist.join(app).join("index.html"), PAGE.replace("APP", app)).unwrap();
    }
    std::fs::create_dir_all(dist.join("assets")).unwrap();
    for (name, body) in [
        ("trader-1.js", "console.log(1)"),
        ("trader-1.js.br", "brotli"),
        ("trader-1.js.gz", "gzip"),
        ("plain-2.css", "a{}"),
        ("font-3.woff2", "f"),
    ] {
        std::fs::write(dist.join("assets").join(name), body).unwrap();
    }
    std::fs::create_dir_all(dist.join(".vite")).unwrap();
    let manifest = json!({
        "apps/trader/index.html": {"file": "assets/trader-1.js", "name": "trader"},
        "virtual:qd-locale/trader/de": {"file": "assets/trader-de.js", "name": "de"},
    });
    std::fs::write(dist.join(".vite/manifest.json"), manifest.to_string()).unwrap();
    dist
}

async fn house(with_portals: bool) -> House {
    house_with(with_portals, |_| {}).await
}

async fn house_with(with_portals: bool, change: impl FnOnce(&mut Config)) -> House {
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let dir = std::env::temp_dir().join(format!("qd_portals_{}_{nanos}_{n}", std::process::id()));
    let env = Env::system();
    demo::make_keys(&dir, &*env.entropy, &[]).unwrap();
    let none = demo::Counterparties {
        servers: Vec::new(),
        manager_login: 1,
        psps: Vec::new(),
        psp_base: String::new(),
        rails: Vec::new(),
        smtp: SocketAddr::from(([127, 0, 0, 1], 9)),
    };
    let mut config = Config::parse(&demo::config_text(&dir, SocketAddr::from(([127, 0, 0, 1], 8080)), &none)).unwrap();
    change(&mut config);
    let app = App::build(config, env).await.unwrap();
    let core = app.core.clone();
    app.core
        .db
        .write(async move |tx| demo::pack()?.apply(tx, &core, &Caller::system("seed")).await)
        .await
        .unwrap();
    let site = if with_portals {
        Site::folder(built(&dir))
    } else {
        Site::folder(dir.join("nothing"))
    };
    let router = qd_api::router_with(app.clone(), Some(qd_portals::router(app.clone(), site)));
    House { app, router, dir }
}

async fn ask(router: &Router, request: Request<Body>) -> Told {
    let r = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = r.into_parts();
    Told {
        status: parts.status,
        headers: parts.headers,
        bytes: body.collect().await.unwrap().to_bytes().to_vec(),
    }
}

impl House {
    async fn get(&self, host: &str, path: &str) -> Told {
        self.get_with(host, path, &[]).await
    }
    /// As a browser in which somebody is signed in.
    async fn get_with(&self, host: &str, path: &str, headers: &[(&str, &str)]) -> Told {
        self.get_as(host, path, &[&[("cookie", "qd_session=x")], headers].concat()).await
    }
    async fn get_as(&self, host: &str, path: &str, headers: &[(&str, &str)]) -> Told {
        let mut r = Request::get(path).header("host", host);
        for (n, v) in headers {
            r = r.header(*n, *v);
        }
        ask(&self.router, r.body(Body::empty()).unwrap()).await
    }
}

#[tokio::test]
async fn each_address_gets_the_page_of_its_app_and_a_deep_link_too() {
    let h = house(true).await;
    for (path, app) in [
        ("/", "trader"),
        ("/deposits/dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V?returned=1", "trader"),
        ("/office", "backoffice"),
        ("/office/clients/cli_1", "backoffice"),
        ("/partner/statements", "partner"),
        ("/sign-in", "auth"),
        ("/office/sign-in", "auth"),
        ("/verify?token=qdt_1", "auth"),
        ("/invite?token=qdt_1", "auth"),
        ("/reset?token=qdt_1", "auth"),
    ] {
        let t = h.get(NORTHWIND, path).await;
        assert_eq!(t.status, 200, "{path}");
        assert!(t.text().contains(&format!("data-app=\"{app}\"")), "{path}: {}", t.text());
    }
}

#[tokio::test]
async fn a_stranger_is_sent_to_the_door_of_the_portal_with_the_way_back() {
    let h = house(true).await;
    for (path, to) in [
        ("/", "/sign-in"),
        (
            "/deposits/dep_1?returned=1&x=a%20b",
            "/sign-in?next=%2Fdeposits%2Fdep_1%3Freturned%3D1%26x%3Da%2520b",
        ),
        ("/office/clients", "/office/sign-in?next=%2Foffice%2Fclients"),
        ("/partner", "/partner/sign-in?next=%2Fpartner"),
        ("//evil.example/x", "/sign-in?next=%2F%2Fevil.example%2Fx"),
    ] {
        let t = h.get_as(NORTHWIND, path, &[("cookie", "qd_lang=de")]).await;
        assert_eq!(
            (t.status, t.header("location"), t.header("cache-control")),
            (StatusCode::SEE_OTHER, to, "no-store"),
            "{path}"
        );
    }
    for path in ["/sign-in", "/register", "/office/sign-in", "/verify?token=x", "/legal/terms"] {
        assert_eq!(h.get_as(NORTHWIND, path, &[]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_page_has_the_strict_policy_and_another_nonce_each_time() {
    let h = house(true).await;
    let mut nonces = Vec::new();
    for _ in 0..3 {
        let t = h.get(NORTHWIND, "/").await;
        let text = t.text();
        let nonce = text.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_string();
        assert!(nonce.len() >= 22 && nonce.bytes().all(|b| b.is_ascii_alphanumeric()), "{nonce}");
        assert_eq!(
            t.header("content-security-policy"),
            format!(
                "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; \
                 worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            )
        );
        assert_eq!(t.header("cache-control"), "no-store");
        assert_eq!(t.header("x-frame-options"), "DENY");
        assert!(!text.contains("__"), "a mark was left: {text}");
        nonces.push(nonce);
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 3);
}

#[tokio::test]
async fn a_page_comes_in_the_chosen_language_with_its_direction_and_its_texts_fetched_early() {
    let h = house(true).await;
    let t = h.get_with(NORTHWIND, "/", &[("accept-language", "de-AT,de;q=0.9")]).await.text();
    assert!(t.contains("<html lang=\"de\" dir=\"ltr\">"), "{t}");
    assert!(
        t.contains("<link rel=\"modulepreload\" crossorigin href=\"/assets/trader-de.js\"></head>"),
        "{t}"
    );
    let t = h.get_with(HARBOUR, "/", &[("cookie", "qd_lang=ar")]).await.text();
    assert!(t.contains("<html lang=\"ar\" dir=\"rtl\">"), "{t}");
    // Northwind has no Arabic; the house's own people may read it all the same.
    let t = h.get_with(NORTHWIND, "/", &[("cookie", "qd_lang=ar")]).await.text();
    assert!(t.contains("lang=\"en\""), "{t}");
    let t = h.get_with(NORTHWIND, "/office", &[("cookie", "qd_lang=ar")]).await.text();
    assert!(t.contains("lang=\"ar\""), "{t}");
}

#[tokio::test]
async fn files_are_kept_for_ever_and_come_compressed_as_the_browser_can_read_them() {
    let h = house(true).await;
    let path = "/assets/trader-1.js";
    let mut tags = Vec::new();
    for (accept, coding, body) in [
        ("gzip, deflate, br", "br", "brotli"),
        ("gzip", "gzip", "gzip"),
        ("br;q=0, gzip;q=0", "", "console.log(1)"),
        ("identity", "", "console.log(1)"),
    ] {
        let t = h.get_with(NORTHWIND, path, &[("accept-encoding", accept)]).await;
        assert_eq!(
            (t.status, t.header("content-encoding"), t.text().as_str()),
            (StatusCode::OK, coding, body)
        );
        assert_eq!(t.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(t.header("vary"), "accept-encoding");
        assert_eq!(t.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(t.header("x-content-type-options"), "nosniff");
        let tag = t.header("etag").to_string();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        let again = h
            .get_with(
                NORTHWIND,
                path,
                &[("accept-encoding", accept), ("if-none-match", &format!("\"x\", {tag}"))],
            )
            .await;
        assert_eq!(
            (again.status, again.bytes.len(), again.header("etag")),
            (StatusCode::NOT_MODIFIED, 0, tag.as_str())
        );
        tags.push(tag);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3, "each representation has its own tag");
    assert_eq!(h.get(NORTHWIND, "/assets/font-3.woff2").await.header("content-type"), "font/woff2");
    assert_eq!(
        h.get_with(NORTHWIND, "/assets/plain-2.css", &[("accept-encoding", "br")])
            .await
            .text(),
        "a{}"
    );
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_and_never_a_page() {
    let h = house(true).await;
    for path in [
        "/assets/gone-9.js",
        "/assets/trader-1.js.br",
        "/assets/..%2Ftrader%2Findex.html",
        "/assets/%2e%2e/trader/index.html",
        "/api/v1/nothing",
        "/api/nothing",
        "/hooks/stripe",
        "/hooks/nobody/here",
        "/sandbox/mail",
        "/c",
        "/metrics/more",
        "/readyz/more",
        "/brand/other.svg",
        "/legal/nothing",
        "/locales/en/x",
        "/wp-login.php",
        "/.env",
    ] {
        let t = h.get_with(NORTHWIND, path, &[("accept", "text/html")]).await;
        assert!(t.status.is_client_error() && !t.is_page(), "{path}: {} {}", t.status, t.text());
        assert_eq!(t.header("content-type"), "application/problem+json", "{path}");
    }
    let post = Request::post("/deposit").header("host", NORTHWIND).body(Body::empty()).unwrap();
    let t = ask(&h.router, post).await;
    assert!(t.status == 404 && !t.is_page());
    // And what is there stays what it was.
    assert_eq!(h.get(NORTHWIND, "/readyz").await.status, 200);
    assert_eq!(h.get(NORTHWIND, "/api/v1/me").await.status, 401);
}

#[tokio::test]
async fn two_brands_on_two_hosts_have_their_own_faces() {
    let h = house(true).await;
    for (host, name, hue, email) in [
        (NORTHWIND, "Northwind", 252, "support@northwind.example"),
        ("localhost:8080", "Northwind", 252, "support@northwind.example"),
        ("HARBOUR.localhost", "Harbour", 168, "care@harbour.example"),
        (HARBOUR, "Harbour", 168, "care@harbour.example"),
    ] {
        assert!(h.get(host, "/").await.text().contains(&format!("<title>{name}</title>")), "{host}");
        let css = h.get(host, "/brand.css").await;
        assert_eq!(css.text(), format!(":root:root{{--brand-hue:{hue}}}\n"));
        assert_eq!(css.header("cache-control"), "public, max-age=300");
        let again = h.get_with(host, "/brand.css", &[("if-none-match", css.header("etag"))]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
        let logo = h.get(host, "/brand/logo.svg").await;
        assert_eq!(logo.header("content-type"), "image/svg+xml");
        assert!(logo.header("content-security-policy").contains("sandbox"));
        assert!(logo.text().contains(&format!("aria-label=\"{name}\"")), "{}", logo.text());
        let manifest: Value = serde_json::from_slice(&h.get(host, "/manifest.webmanifest").await.bytes).unwrap();
        assert_eq!(manifest["name"], name);
        let boot: Value = serde_json::from_slice(&h.get(host, "/api/v1/public/boot").await.bytes).unwrap();
        assert_eq!(
            (&boot["brand"]["name"], &boot["brand"]["support_email"]),
            (&json!(name), &json!(email))
        );
    }
    let css = async |host| h.get(host, "/brand.css").await.header("etag").to_string();
    assert_ne!(css(NORTHWIND).await, css(HARBOUR).await);
}

#[tokio::test]
async fn the_boot_answer_names_languages_countries_texts_and_in_the_demo_alone_people_to_sign_in_as() {
    let boot = async |h: &House| -> Value { serde_json::from_slice(&h.get(HARBOUR, "/api/v1/public/boot").await.bytes).unwrap() };
    let h = house(true).await;
    let b = boot(&h).await;
    assert_eq!((&b["languages"], &b["default_language"]), (&json!(["en", "ar"]), &json!("en")));
    assert_eq!((&b["entity"]["code"], &b["brand"]["zone"]), (&json!("intl"), &json!("Asia/Dubai")));
    let served = |c: &str| {
        let all = b["countries"].as_array().unwrap();
        all.iter().find(|x| x["code"] == c).map(|x| x["served"].as_bool().unwrap())
    };
    assert_eq!((served("AE"), served("US"), served("AQ")), (Some(true), Some(false), None));
    let texts = b["texts"].as_array().unwrap();
    let risk = texts.iter().find(|t| t["use"] == "risk_warning").unwrap();
    assert!(risk["text"]["en"].as_str().unwrap().contains("risk") && risk["text"]["ar"].is_string());
    assert_eq!(
        (risk["url"].as_str(), risk["version"].as_str().map(str::len)),
        (Some("/legal/risk_warning"), Some(8))
    );
    let people = b["demo"]["sign_ins"].as_array().unwrap();
    assert!(people.iter().any(|p| p["role"] == "compliance" && p["portal"] == "/office"));
    assert_eq!(b["demo"]["password"], demo::PASSWORD);

    let real = house_with(true, |c| c.demo = None).await;
    let b = boot(&real).await;
    assert_eq!((&b["demo"], &b["brand"]["code"]), (&Value::Null, &json!("harbour")));
    assert!(!b.to_string().contains("quarterdeck.example"));
}

#[tokio::test]
async fn a_brands_name_is_text_and_a_broken_face_is_no_outage() {
    let h = house(true).await;
    let core = h.app.core.clone();
    h.app
        .core
        .db
        .write(async move |tx| {
            let who = Caller::system("test");
            let mut b = tenancy::brand(tx, "northwind").await?;
            b.name = "N<script>alert(\"1\")</script> & __LANG__".into();
            tenancy::put_brand(tx, &core, &who, b, "test").await?;
            let s = settings::find(tx, "brand:northwind", "brand.face").await?.unwrap();
            settings::put(
                tx,
                &core,
                &who,
                "brand:northwind",
                "brand.face",
                s.version,
                &json!({"logo": 7}),
                "test",
            )
            .await
        })
        .await
        .unwrap();
    let t = h.get(NORTHWIND, "/").await.text();
    assert!(
        t.contains("<title>N&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; __LANG__</title>"),
        "{t}"
    );
    let logo = h.get(NORTHWIND, "/brand/logo.svg").await;
    assert!(logo.status == 200 && !logo.text().contains("<script"), "{}", logo.text());
    assert_eq!(h.get(NORTHWIND, "/legal/risk_warning").await.status, 200);
}

#[tokio::test]
async fn a_legal_text_is_a_page_in_the_readers_language() {
    let h = house(true).await;
    let en = h.get(NORTHWIND, "/legal/risk_warning").await;
    assert!(en.text().contains("lang=\"en\"") && en.text().contains("leverage"), "{}", en.text());
    let de = h.get(NORTHWIND, "/legal/risk_warning?lang=de").await;
    assert!(de.text().contains("lang=\"de\"") && de.text().contains("Risiko"), "{}", de.text());
    let ar = h.get(HARBOUR, "/legal/risk_warning?lang=ar").await;
    assert!(ar.text().contains("dir=\"rtl\""), "{}", ar.text());
}

#[tokio::test]
async fn a_language_added_at_run_time_is_offered_and_its_files_can_be_read() {
    let texts = std::env::temp_dir().join(format!("qd_portals_texts_{}", std::process::id()));
    std::fs::create_dir_all(texts.join("fr")).unwrap();
    std::fs::write(texts.join("fr/legal.json"), r#"{"risk": {"eu": "Les CFD sont risqués."}}"#).unwrap();
    std::fs::write(texts.join("fr/trader.json"), r#"{"title": "Bonjour"}"#).unwrap();
    let dir = texts.clone();
    let h = house_with(true, |c| c.texts.dir = Some(dir)).await;
    let t = h.get(NORTHWIND, "/locales/fr/trader.json").await;
    assert_eq!(
        (t.status, t.header("content-type"), t.text().as_str()),
        (StatusCode::OK, "application/json", r#"{"title": "Bonjour"}"#)
    );
    for path in [
        "/locales/fr/none.json",
        "/locales/fr/..%2Ffr%2Ftrader.json",
        "/locales/../fr.json",
        "/locales/fr/trader",
    ] {
        assert_eq!(h.get(NORTHWIND, path).await.status, 404, "{path}");
    }
    let boot: Value = serde_json::from_slice(&h.get(NORTHWIND, "/api/v1/public/boot").await.bytes).unwrap();
    assert_eq!(boot["languages"], json!(["en", "de", "fr"]));
    assert!(h.get(NORTHWIND, "/?lang=fr").await.text().contains("lang=\"fr\""));
    let page = h.get(NORTHWIND, "/legal/risk_warning?lang=fr").await.text();
    std::fs::remove_dir_all(&texts).unwrap();
    assert!(page.contains("Les CFD sont risqués.") && page.contains("lang=\"fr\""), "{page}");
}

#[tokio::test]
async fn without_a_build_each_portal_says_how_to_get_one_and_the_api_works() {
    let h = house(false).await;
    for (path, what) in [
        ("/", "Trader"),
        ("/office/clients", "Back Office"),
        ("/partner", "Partner"),
        ("/sign-in", "sign-in"),
    ] {
        let t = h.get(NORTHWIND, path).await;
        assert!(t.status == 200 && t.is_page(), "{path}");
        assert!(t.text().contains("make portals") && t.text().contains(what), "{}", t.text());
    }
    assert_eq!(h.get(NORTHWIND, "/assets/trader-1.js").await.status, 404);
    assert_eq!(h.get(NORTHWIND, "/api/v1/public/boot").await.status, 200);
}

#[tokio::test]
async fn at_a_host_of_the_house_itself_the_back_office_has_a_face_and_nobody_is_taken_for_a_brands_client() {
    let h = house_with(true, |c| c.demo = None).await;
    let t = h.get("crm.broker.example", "/office").await;
    assert!(t.status == 200 && t.text().contains("data-app=\"backoffice\""), "{}", t.text());
    assert_eq!(h.get("crm.broker.example", "/api/v1/public/boot").await.status, 200);
    assert_eq!(h.get("crm.broker.example", "/api/v1/public/brand").await.status, 422);
}

#[tokio::test]
async fn while_the_demo_is_made_people_see_how_far_it_is_and_programs_are_told_to_wait() {
    let (far, how_far) = tokio::sync::watch::channel(Waiting::default());
    let router = waiting(Env::system(), how_far);
    let get = |path: &str, accept: &str| Request::get(path).header("accept", accept).body(Body::empty()).unwrap();
    far.send_replace(Waiting {
        done: 57,
        total: 180,
        note: "2026-07-14".into(),
    });
    let t = ask(&router, get("/office/clients", "text/html,*/*")).await;
    assert_eq!(
        (t.status, t.header("refresh"), t.is_page()),
        (StatusCode::SERVICE_UNAVAILABLE, "2", true)
    );
    assert!(t.text().contains("day 57 of 180: 2026-07-14"), "{}", t.text());
    for path in ["/readyz", "/api/v1/me"] {
        let t = ask(&router, get(path, "*/*")).await;
        assert_eq!(
            (t.status, t.header("content-type")),
            (StatusCode::SERVICE_UNAVAILABLE, "application/problem+json")
        );
        assert_eq!(t.header("retry-after"), "2");
    }
    assert_eq!(ask(&router, get("/healthz", "*/*")).await.status, 200);
}
