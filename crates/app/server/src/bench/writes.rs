//! N4 and N5: the public lead form and a provider's callback, durable, many callers at once, each
//! against the least a durable write over HTTP costs: a handler that inserts one row.

use super::fill;
use super::house::{Bare, House, How, refused};
use super::load::{self, Make, Round};
use super::plan::Plan;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use qd_db::{Db, Engine, sql};
use qd_kernel::{Env, Problem, Result, vals};
use sha2::Sha256;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    Lead,
    Callback,
}

pub async fn run(plan: &Plan, figures: &[Figures]) -> Result<()> {
    for engine in plan.place.engines() {
        let house = House::open(plan, plan.place.database(engine).await?, How::default()).await?;
        let db = house.app.core.db.clone();
        // Duplicates are looked for among as many as a mid-size broker has.
        fill::clients(&db, plan.clients).await?;
        db.run_script(
            "CREATE TABLE bare_rows (id TEXT PRIMARY KEY, body TEXT NOT NULL, at INTEGER NOT NULL) STRICT",
            "CREATE TABLE bare_rows (id TEXT PRIMARY KEY, body TEXT NOT NULL, at BIGINT NOT NULL)",
        )
        .await?;
        let bare = Bare::serve(
            Router::new()
                .route("/insert", post(insert))
                .with_state(BareWrite { db, env: Env::system() }),
        )
        .await?;
        for f in figures {
            one(plan, &house, &bare, *f).await?;
        }
        house.close().await;
    }
    Ok(())
}

async fn one(plan: &Plan, house: &House, bare: &Bare, what: Figures) -> Result<()> {
    let (name, unit, goal) = match what {
        Figures::Lead => ("N4.lead", "leads/s", "ratio >= 0.3; requests_per_flush >= 8 (SQLite)"),
        Figures::Callback => ("N5.callback", "callbacks/s", "ratio >= 0.5"),
    };
    let engine = house.app.core.db.engine();
    let ours: Make = match what {
        Figures::Lead => Arc::new(|n| load::post("/api/v1/leads", "", lead(n).as_bytes())),
        Figures::Callback => callback(house)?,
    };
    // The same bytes to the bare handler.
    let body: Make = match what {
        Figures::Lead => Arc::new(|n| load::post("/insert", "", lead(n).as_bytes())),
        Figures::Callback => Arc::new(|n| load::post("/insert", "", event(n).as_bytes())),
    };
    let numbers = Arc::new(AtomicU64::new(1));
    let rounds: Mutex<Vec<Round>> = Mutex::default();
    let counted = (AtomicU64::new(0), AtomicU64::new(0));
    let pair = plan
        .pair(
            async || Ok(bare.load(plan, &numbers, &body).await?.rate()),
            async || {
                let before = house.app.core.db.commit_counts().1;
                let r = house.load(plan, &numbers, &ours).await?;
                let flushes = house.app.core.db.commit_counts().1 - before;
                counted.0.fetch_add(r.answers, Ordering::Relaxed);
                counted.1.fetch_add(flushes, Ordering::Relaxed);
                let rate = r.rate();
                rounds.lock().unwrap_or_else(PoisonError::into_inner).push(r);
                Ok(rate)
            },
        )
        .await?;
    let rounds = rounds.into_inner().unwrap_or_else(PoisonError::into_inner);
    let of = |f: &dyn Fn(&Round) -> f64| super::figure::median(&rounds.iter().map(f).collect::<Vec<_>>());
    let mut f = pair
        .figure(format!("{name}.{}", engine.name()), unit)
        .against("a bare axum handler that inserts the same body as one row, durable, with group commit, same database")
        .goal(goal)
        .with("engine", engine.name())
        .with("clients", plan.clients)
        .with("callers", plan.callers)
        .number("flush_ms", plan.flush_ms)
        .number("cpu_ms", of(&Round::server_cpu_ms))
        .number("load_cpu_share", of(&Round::load_share))
        .number("p99_ms", of(&|r| super::figure::percentile(&r.waits_ms, 0.99)));
    if engine == Engine::Sqlite {
        f = f.number(
            "requests_per_flush",
            counted.0.load(Ordering::Relaxed) as f64 / counted.1.load(Ordering::Relaxed).max(1) as f64,
        );
    }
    f.print()
}

/// A landing page's form. One in twenty comes from somebody whose telephone number is known.
pub fn lead(n: u64) -> String {
    let phone = if n % 20 == 0 {
        format!("+4930{:07}", n % 1_000)
    } else {
        format!("+4940{:08}", n % 100_000_000)
    };
    serde_json::json!({
        "brand": "northwind", "first_name": format!("Alex{}", n % 500), "last_name": format!("Weber{}", n % 9_973), "email": format!("lead{n}@mail.example"), "phone": phone,
        "country": "DE", "language": "de", "came": {"utm_source": "search", "utm_medium": "cpc", "utm_campaign": format!("autumn{}", n % 12), "landing_page": "/de/start", "landing_language": "de"},
        "consents": [{"kind": "privacy", "version": "1", "given": true}],
    })
    .to_string()
}

/// What the card processor sends when somebody has paid.
fn event(n: u64) -> String {
    format!(
        r#"{{"id":"evt_bench{n}","object":"event","api_version":"2026-10-28.endive","type":"payment_intent.succeeded","created":1893456000,"livemode":false,"data":{{"object":{{"id":"pi_live{n}","object":"payment_intent","amount":50000,"amount_received":50000,"currency":"eur","status":"succeeded","latest_charge":"ch_{n}","payment_method_types":["card"],"metadata":{{"qd_ref":"dep_{n:026}"}}}}}}}}"#
    )
}

/// Signed as the processor signs, by the secret that the sandbox's first account has.
fn callback(house: &House) -> Result<Make> {
    let account = house
        .sandbox
        .shared()
        .cfg
        .stripe
        .first()
        .cloned()
        .ok_or_else(|| Problem::bug("bench_sandbox", "the sandbox has no card processor"))?;
    let key = Hmac::<Sha256>::new_from_slice(account.webhook_secret.as_bytes())
        .map_err(|e| Problem::bug("bench_key", "the secret is no key").with_source(e))?;
    let path = format!("/hooks/stripe/{}", account.connection);
    let env = Env::system();
    Ok(Arc::new(move |n| {
        let (body, at) = (event(n), env.now().secs().to_string());
        let mut mac = key.clone();
        mac.update(at.as_bytes());
        mac.update(b".");
        mac.update(body.as_bytes());
        let mark = mac.finalize().into_bytes().iter().fold(String::with_capacity(64), |mut s, b| {
            s.extend([b >> 4, b & 15].iter().filter_map(|d| char::from_digit(u32::from(*d), 16)));
            s
        });
        load::post(&path, &format!("stripe-signature: t={at},v1={mark}\r\n"), body.as_bytes())
    }))
}

#[derive(Clone)]
struct BareWrite {
    db: Db,
    env: Env,
}

async fn insert(State(s): State<BareWrite>, body: Bytes) -> Response {
    let (id, at) = (s.env.entropy.code(20), s.env.now());
    let text = String::from_utf8_lossy(&body).into_owned();
    let done =
        s.db.write(async move |tx| {
            tx.exec(
                sql!("INSERT INTO bare_rows (id, body, at) VALUES ($1, $2, $3)"),
                &vals![id.as_str(), text.as_str(), at],
            )
            .await
        })
        .await;
    match done {
        Ok(_) => http::StatusCode::OK.into_response(),
        Err(p) => refused(&p),
    }
}
