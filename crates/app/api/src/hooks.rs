//! Callbacks of providers: capped, verified on their raw bytes, stored, answered. What they mean is
//! for a job.

use crate::http::Limiter;
use crate::kit::{At2, Reply};
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, header};
use qd_app::App;
use qd_kernel::{Class, Problem};
use qd_ports::psp::{HookEvent, HookRefusal, HookSubject};
use qd_runtime::access::Right;
use qd_runtime::exceptions::{self, NewException};
use qd_runtime::inbox::{self, NewHook};
use qd_web::Api;
use qd_web::body::{BODY_TIME, whole};
use qd_web::gate::Peer;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// The largest callback we read; providers' own are some kilobytes.
const MAX_HOOK: usize = 256 * 1024;
/// Headers that may matter later; no cookies, no addresses.
const KEPT: [&str; 4] = ["signature", "content-type", "user-agent", "date"];

/// Providers name their signatures each in their way: `stripe-signature`, `btcpay-sig`, `paypal-transmission-id`.
const SIGNED: [&str; 4] = ["signature", "-sig", "paypal-", "x-webhook-"];

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(Right::Public, routes!(hook))
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"received": true}))]
pub struct HookTaken {
    received: bool,
}

/// Takes a provider's callback. 200 when it is stored (again, when it was stored before); 400 when
/// its signature or its age is wrong; 503 when it could not be stored and should be sent again.
#[utoipa::path(post, path = "/hooks/{provider}/{connection}", tag = "hooks", request_body(content = Vec<u8>, content_type = "application/json"), responses((status = 200, body = HookTaken)))]
pub async fn hook(State(app): State<App>, req: Request) -> Reply<Response> {
    let (mut parts, body) = req.into_parts();
    let At2(provider, connection) = At2::<String, String>::from_request_parts(&mut parts, &()).await?;
    let psp = app
        .psps
        .find(&connection)
        .filter(|p| p.provider() == provider)
        .ok_or_else(|| Problem::missing("connection"))?;
    let bytes = whole(body, MAX_HOOK, BODY_TIME).await?.to_vec();
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .filter_map(|(k, v)| Some((k.as_str().to_string(), v.to_str().ok()?.to_string())))
        .collect();
    match psp.verify(&headers, &bytes, app.core.now()) {
        Ok(event) => store(&app, provider, connection, event, &parts.headers, bytes).await?,
        Err(HookRefusal::Unreadable(why)) => unreadable(&app, provider, connection, why, &parts.headers, bytes).await?,
        Err(HookRefusal::Stale(why)) => return refuse(&app, provider, connection, "stale", why, bytes).await,
        Err(HookRefusal::Forged(why)) => {
            let peer = parts.extensions.get::<Peer>().copied();
            let limiter = parts.extensions.get::<Limiter>();
            if limiter.is_some_and(|l| !l.notes_forged(&connection, &parts.headers, peer)) {
                return Err(Problem::limit(
                    "hooks_forged_too_many",
                    "too many callbacks with a wrong signature from your address",
                )
                .into());
            }
            return refuse(&app, provider, connection, "forged", why, bytes).await;
        }
    }
    let answer = psp.hook_answer();
    let kind = if answer.starts_with('{') {
        "application/json"
    } else {
        "text/plain; charset=utf-8"
    };
    Ok(([(header::CONTENT_TYPE, kind)], answer).into_response())
}

fn kept(headers: &HeaderMap) -> String {
    let worth = |name: &str| KEPT.contains(&name) || SIGNED.iter().any(|part| name.contains(part));
    let pairs: serde_json::Map<String, Value> = headers
        .iter()
        .filter(|(k, _)| worth(k.as_str()))
        .filter_map(|(k, v)| Some((k.to_string(), json!(v.to_str().ok()?))))
        .collect();
    Value::Object(pairs).to_string()
}

/// What the callback is about, as the job reads it, and the payment whose callbacks keep their order.
fn subject(e: &HookEvent) -> Result<Value, Problem> {
    let told = match &e.subject {
        HookSubject::Told { report } => Some(report.subject()),
        _ => None,
    };
    let lane = match told.as_ref().unwrap_or(&e.subject) {
        HookSubject::Deposit { our_ref, provider_ref }
        | HookSubject::Refund { our_ref, provider_ref }
        | HookSubject::Payout { our_ref, provider_ref } => our_ref.as_ref().or(Some(provider_ref)),
        HookSubject::Dispute { provider_ref } => Some(provider_ref),
        HookSubject::Told { .. } | HookSubject::Other => None,
    };
    let mut about = serde_json::to_value(&e.subject)?;
    about["lane"] = json!(lane);
    Ok(about)
}

async fn store(app: &App, provider: String, connection: String, event: HookEvent, headers: &HeaderMap, body: Vec<u8>) -> Reply<()> {
    let (core, headers_json, about) = (app.core.clone(), kept(headers), subject(&event)?);
    let received_at = core.now();
    app.core
        .db
        .write(async move |tx| {
            let msg = NewHook {
                provider: &provider,
                connection: &connection,
                event_id: &event.event_id,
                kind: &event.kind,
                headers_json: headers_json.clone(),
                body: &body,
                subject: about.clone(),
                received_at,
            };
            inbox::receive(tx, &core, msg).await.map(|_| ())
        })
        .await
        .map_err(again)
}

/// Anything that went wrong while storing is worth another try of the provider.
fn again(p: Problem) -> qd_web::ApiProblem {
    match p.class {
        Class::Unavailable => p.into(),
        _ => Problem::unavailable("hook_not_stored", "this callback could not be stored; send it again")
            .with_source(p)
            .into(),
    }
}

/// Rightly signed and not to be read: kept as it came, and a person is told. Never guessed.
async fn unreadable(app: &App, provider: String, connection: String, why: String, headers: &HeaderMap, body: Vec<u8>) -> Reply<()> {
    let (core, headers_json) = (app.core.clone(), kept(headers));
    let received_at = core.now();
    let id = format!("unreadable:{}", hex::encode(Sha256::digest(&body)));
    app.core
        .db
        .write(async move |tx| {
            let msg = NewHook { provider: &provider, connection: &connection, event_id: &id, kind: "unreadable", headers_json: headers_json.clone(), body: &body, subject: Value::Null, received_at };
            let inbox::Received::New(inbox_id) = inbox::receive(tx, &core, msg).await? else { return Ok(()) };
            inbox::finish(tx, &core, inbox_id, inbox::InboxState::Failed, Some(&why)).await?;
            exceptions::raise(
                tx,
                &core,
                NewException {
                    kind: "inbox.unreadable",
                    subject: format!("inbox:{inbox_id}"),
                    entity: None,
                    client_id: None,
                    owner_role: "finance",
                    rule: "hook_not_understood",
                    cause: format!("{connection} sent a signed callback that cannot be read: {why}"),
                    detail: json!({"inbox_id": inbox_id, "connection": connection, "raw": String::from_utf8_lossy(&body).chars().take(20_000).collect::<String>()}),
                    retry: None,
                },
            )
            .await
            .map(|_| ())
        })
        .await
        .map_err(again)
}

async fn refuse(app: &App, provider: String, connection: String, reason: &'static str, why: String, body: Vec<u8>) -> Reply<Response> {
    let core = app.core.clone();
    tracing::warn!(provider, connection, reason, "callback refused");
    app.core
        .db
        .write(async move |tx| inbox::refuse(tx, &core, &provider, &connection, reason, &body).await)
        .await
        .map_err(again)?;
    let code = if reason == "stale" { "hook_stale" } else { "hook_forged" };
    let p = Problem::invalid(
        "signature",
        code,
        "expected a fresh signature of this connection over the bytes sent",
    )
    .with_source(why);
    Err(p.into())
}
