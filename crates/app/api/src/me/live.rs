//! Events as they happen: one stream per person, of what that person may know.

use crate::kit::Reply;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use http::HeaderMap;
use qd_app::App;
use qd_kernel::{Problem, Result};
use qd_runtime::access::{Caller, Right, Scope, Who, mask};
use qd_runtime::events::Event;
use qd_runtime::exceptions;
use qd_web::{Asker, live};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// After that the browser connects again, and is asked again who it is: a stream outlives its
/// session by no more than this.
const LIFE: Duration = Duration::from_secs(300);

/// What a client may hear of, and which fields of it. Everything else (exceptions, signals, reasons
/// of reviewers) carries the client's id too and is not for them.
const CLIENT_KINDS: &[&str] = &[
    "deposit.created",
    "deposit.state",
    "deposit.received",
    "deposit.credited",
    "withdrawal.state",
    "withdrawal.paid",
    "withdrawal.returned",
    "transfer.state",
    "kyc.case_opened",
    "kyc.document_uploaded",
    "kyc.submitted",
    "kyc.approved",
    "kyc.rejected",
    "kyc.resubmission_requested",
    "trading.account_requested",
    "trading.account_ready",
    "client.email_verified",
    "commission.accrued",
    "statement.closed",
    "partner.paid",
    "notification.created",
    "ticket.opened",
    "ticket.message",
    "ticket.state",
];
const CLIENT_FIELDS: &[&str] = &[
    "client_id",
    "deposit_id",
    "withdrawal_id",
    "transfer_id",
    "account_id",
    "document_id",
    "notification_id",
    "statement_id",
    "partner_id",
    "state",
    "amount",
    "method",
    "login",
    "server",
    "level",
    "requirement",
    "title_key",
    "data",
    "object",
    "kind",
    "failure_code",
    "first",
    "ticket_id",
    "by",
];

/// Events for whoever is signed in (server-sent events): a client's own, a staff member's by right.
/// `reload` says that something was missed. The stream ends after five minutes; connect again.
#[utoipa::path(get, path = "/api/v1/events", tag = "live", responses((status = 200, content_type = "text/event-stream", body = String, description = "`id` is the position, `event` the kind, `data` a JSON object with `aggregate`, `at_us` and `payload`.")))]
pub async fn events(State(app): State<App>, Asker(caller): Asker, headers: HeaderMap) -> Reply<Response> {
    let seat = Seat::take(caller.id())?;
    let inner = live::stream(app.live.subscribe(), move |e| seen(&caller, e)).into_response();
    let missed = headers.contains_key("last-event-id");
    let (parts, body) = inner.into_parts();
    let first = missed.then(|| Ok::<_, axum::Error>(bytes::Bytes::from_static(b"event: reload\ndata: {}\n\n")));
    let hello = Ok(bytes::Bytes::from_static(b": connected\n\n"));
    let all = futures_util::stream::iter(std::iter::once(hello).chain(first))
        .chain(body.into_data_stream())
        .take_until(Box::pin(tokio::time::sleep(LIFE)));
    let all = all.inspect(move |_| {
        let _open = &seat;
    });
    Ok(Response::from_parts(parts, axum::body::Body::from_stream(all)))
}

/// Streams at once on this node: each holds a connection and is offered every event.
const STREAMS: usize = 10_000;
/// Of one person: pages in several windows, telephones, and old connections that are about to end.
const STREAMS_EACH: usize = 12;

/// How many streams are open, and by whom.
static SEATS: Mutex<(usize, BTreeMap<String, usize>)> = Mutex::new((0, BTreeMap::new()));

/// A place in the audience, free again when the stream is dropped.
struct Seat(String);

impl Seat {
    fn take(who: String) -> Result<Seat> {
        let mut all = SEATS.lock().unwrap_or_else(|p| p.into_inner());
        if all.0 >= STREAMS || all.1.get(&who).is_some_and(|n| *n >= STREAMS_EACH) {
            return Err(Problem::limit(
                "streams_too_many",
                "too many live streams are open; close some pages",
            ));
        }
        all.0 += 1;
        *all.1.entry(who.clone()).or_default() += 1;
        Ok(Seat(who))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = SEATS.lock().unwrap_or_else(|p| p.into_inner());
        if let Some(n) = all.1.get_mut(&self.0) {
            *n -= 1;
            if *n == 0 {
                all.1.remove(&self.0);
            }
            all.0 = all.0.saturating_sub(1);
        }
    }
}

fn body(e: &Event, payload: Value) -> Value {
    json!({"aggregate": e.aggregate, "at_us": e.at, "payload": payload})
}

/// What of an event the caller may know: nothing, or its covered content.
pub(crate) fn seen(caller: &Caller, e: &Event) -> Option<Value> {
    match &caller.who {
        Who::Client { client, .. } => {
            let mine = e.payload.get("client_id").and_then(Value::as_str) == Some(client);
            if !mine || !CLIENT_KINDS.contains(&e.kind.as_str()) {
                return None;
            }
            let fields: Map<String, Value> = e
                .payload
                .as_object()?
                .iter()
                .filter(|(k, _)| CLIENT_FIELDS.contains(&k.as_str()))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            Some(body(e, Value::Object(fields)))
        }
        Who::Staff { id, .. } => {
            let me = id.to_string();
            let is_me = |field: &str| e.payload.get(field).and_then(Value::as_str) == Some(&me);
            if e.kind == "notification.created" {
                return is_me("staff_id").then(|| body(e, mask::cover(caller, &e.payload)));
            }
            if e.kind == "task.due" {
                return is_me("owner_id").then(|| body(e, mask::cover(caller, &e.payload)));
            }
            let scope = caller.require(right_of(&e.kind)?).ok()?;
            let reaches = match scope {
                Scope::All => caller.enters(e.entity.as_deref()),
                Scope::Entity => e.entity.is_some() && caller.enters(e.entity.as_deref()),
                // The event does not know the client's owner, unless it is about owning.
                Scope::Own | Scope::Desk => is_me("owner_id"),
            };
            if !reaches {
                return None;
            }
            let mut payload = mask::cover(caller, &e.payload);
            if e.kind.starts_with("exception.") {
                let text = |f: &str| e.payload.get(f).and_then(Value::as_str).unwrap_or_default();
                if !exceptions::may_read(caller, text("kind"), text("owner_role")) {
                    payload["cause"] = json!(mask::COVERED);
                }
            }
            Some(body(e, payload))
        }
        _ => None,
    }
}

fn right_of(kind: &str) -> Option<Right> {
    Some(match kind.split('.').next().unwrap_or_default() {
        "lead" => Right::LeadsView,
        "client" => Right::ClientsView,
        "kyc" => Right::KycView,
        "trading" | "deals" | "deal" | "platform_move" => Right::AccountsView,
        "deposit" => Right::DepositsView,
        "withdrawal" => Right::WithdrawalsView,
        "transfer" => Right::TransfersView,
        "dispute" => Right::DisputesView,
        "exception" => Right::ExceptionsView,
        "commission" | "statement" => Right::CommissionView,
        "partner" => Right::PartnersView,
        "ticket" => Right::TicketsView,
        _ => return None,
    })
}
