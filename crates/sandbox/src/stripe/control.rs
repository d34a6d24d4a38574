//! `/control/stripe/{connection}`: what the customer, the card network and the bank would do.

use super::Stripe;
use super::account::{Account, CallId};
use super::attempt::{self, How};
use super::balance;
use super::customers;
use super::deliver;
use super::disputes;
use super::error::StripeError;
use super::op::Op;
use super::outbound;
use super::refunds;
use super::report;
use super::sessions::{self, Payer};
use super::tables::*;
use crate::control::{ControlError, ok, read};
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use qd_kernel::Problem;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub fn router(stripe: Arc<Stripe>) -> Router {
    Router::new()
        .route("/{connection}/pay", post(pay))
        .route("/{connection}/dispute", post(dispute))
        .route("/{connection}/dispute/{id}/close", post(close))
        .route("/{connection}/refund/{id}/{what}", post(refund))
        .route("/{connection}/outbound/{id}/{what}", post(outbound_becomes))
        .route("/{connection}/payout", post(payout))
        .route("/{connection}/payout/{id}/fail", post(fail_payout))
        .route("/{connection}/session/{id}/expire", post(expire))
        .route("/{connection}/resend", post(resend))
        .route("/{connection}/events", get(events))
        .route("/{connection}/settlement", get(settlement))
        .with_state(stripe)
}

/// Refusals keep the shape of the API they come from, or of the control interface.
enum Refused {
    Stripe(Box<StripeError>),
    Control(ControlError),
}

impl From<StripeError> for Refused {
    fn from(e: StripeError) -> Self {
        Refused::Stripe(Box::new(e))
    }
}
impl From<ControlError> for Refused {
    fn from(e: ControlError) -> Self {
        Refused::Control(e)
    }
}
impl From<Problem> for Refused {
    fn from(p: Problem) -> Self {
        Refused::Control(ControlError(p))
    }
}
impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Refused::Stripe(e) => (e.status, Json(e.json())).into_response(),
            Refused::Control(c) => c.into_response(),
        }
    }
}

type Answer = Result<Response, Refused>;
type At = State<Arc<Stripe>>;

fn account(s: &Stripe, connection: &str) -> Result<Arc<Account>, Refused> {
    s.account(connection).ok_or_else(|| Problem::missing("Stripe connection").into())
}

fn act<R>(s: &Stripe, connection: &str, f: impl FnOnce(&mut Op<'_>) -> Result<R, StripeError>) -> Result<R, Refused> {
    Ok(account(s, connection)?.run(&s.shared, CallId::default(), f)?)
}

fn say(v: Value) -> Answer {
    Ok(ok(v)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    payment_intent: Option<String>,
    session: Option<String>,
    card: Option<String>,
    /// `success`, `decline`, `processing`, `requires_action`, `authentication_failed`.
    outcome: Option<String>,
    email: Option<String>,
    name: Option<String>,
}

async fn pay(State(s): At, Path(connection): Path<String>, body: Bytes) -> Answer {
    let order: Pay = read(&body)?;
    let v = act(&s, &connection, |op| pay_as_customer(op, order))?;
    say(v)
}

fn pay_as_customer(op: &mut Op<'_>, order: Pay) -> Result<Value, StripeError> {
    let outcome = match order.outcome.as_deref().unwrap_or("success") {
        "succeeded" | "success" => "success",
        "declined" | "decline" => "decline",
        o @ ("processing" | "requires_action" | "authentication_failed") => o,
        other => {
            return Err(StripeError::invalid(format!(
                "Unknown outcome {other}: expected success, decline, processing, requires_action or authentication_failed."
            ))
            .param("outcome"));
        }
    };
    let session = match (&order.session, &order.payment_intent) {
        (Some(s), _) => Some(op.must(SESSIONS, s, "session")?.text("id").to_string()),
        (None, Some(pi)) => {
            op.must(INTENTS, pi, "payment_intent")?;
            sessions::of_intent(op, pi)
        }
        (None, None) => return Err(StripeError::missing_param("payment_intent")),
    };
    let intent_of = |op: &Op<'_>| match &session {
        Some(s) => {
            op.t.get(SESSIONS, s)
                .map(|s| s.text("payment_intent").to_string())
                .unwrap_or_default()
        }
        None => order.payment_intent.clone().unwrap_or_default(),
    };
    let waiting = op.t.get(INTENTS, &intent_of(op)).is_some_and(|p| p.is("status", "processing"));
    let result = if waiting {
        attempt::settle_delayed(op, &intent_of(op), outcome != "decline").map(|_| ())
    } else {
        let fallback = match outcome {
            "decline" => "4000000000000002",
            "requires_action" | "authentication_failed" => "4000002760003184",
            _ => "4242424242424242",
        };
        let card = customers::number_of(order.card.as_deref().unwrap_or(fallback), "card")?;
        let how = How {
            delayed: outcome == "processing",
            return_url: Some("https://example.invalid".into()),
            ..How::default()
        };
        let tried = match &session {
            Some(s) => sessions::pay(
                op,
                s,
                &card,
                Payer {
                    email: order.email,
                    name: order.name,
                },
                how,
            )
            .map(|_| ()),
            None => pay_intent(op, &intent_of(op), &card, how),
        };
        let pi = intent_of(op);
        let asked = op.t.get(INTENTS, &pi).is_some_and(|p| p.is("status", "requires_action"));
        match tried {
            Ok(()) if asked && outcome != "requires_action" => {
                attempt::answer_challenge(op, &pi, outcome != "authentication_failed").map(|_| ())
            }
            other => other,
        }
    };
    if let Some(s) = &session {
        sessions::refresh(op, s);
    }
    let pi = op.t.get(INTENTS, &intent_of(op)).cloned().unwrap_or(Value::Null);
    let mut v = json!({"payment_intent": pi["id"], "status": pi["status"], "charge": pi["latest_charge"], "session": session});
    match result {
        Ok(()) => Ok(v),
        // A decline is a result of paying; anything else means that there was nothing to pay.
        Err(e) if e.executed => {
            v["error"] = Value::Object(e.body);
            Ok(v)
        }
        Err(e) => Err(e),
    }
}

fn pay_intent(op: &mut Op<'_>, id: &str, card: &super::cards::TestCard, how: How) -> Result<(), StripeError> {
    let pi = op.must(INTENTS, id, "payment_intent")?;
    if !matches!(
        pi.text("status"),
        "requires_payment_method" | "requires_confirmation" | "requires_action"
    ) {
        return Err(super::intents::unexpected(
            &pi,
            &format!("This PaymentIntent has a status of {} and takes no payment.", pi.text("status")),
        ));
    }
    let method = customers::store_method(op, card, 12, op.now.ymd().0 + 4, json!({}), json!({}));
    op.edit(INTENTS, id, |m| {
        m.insert("payment_method".into(), method["id"].clone());
    });
    attempt::confirm(op, id, how).map(|_| ())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dispute {
    payment_intent: Option<String>,
    charge: Option<String>,
    amount: Option<i64>,
    reason: Option<String>,
    #[serde(default)]
    inquiry: bool,
}

async fn dispute(State(s): At, Path(connection): Path<String>, body: Bytes) -> Answer {
    let o: Dispute = read(&body)?;
    let v = act(&s, &connection, |op| {
        let charge = match (&o.charge, &o.payment_intent) {
            (Some(c), _) => c.clone(),
            (None, Some(pi)) => op.must(INTENTS, pi, "payment_intent")?.text("latest_charge").to_string(),
            (None, None) => return Err(StripeError::missing_param("payment_intent")),
        };
        let c = op.must(CHARGES, &charge, "charge")?;
        if !c.is("status", "succeeded") || c["captured"] != true || c["disputed"] == true {
            return Err(StripeError::new(
                409,
                "invalid_request_error",
                format!("Charge {charge} cannot be disputed: it was not paid, or is disputed already."),
            ));
        }
        Ok(disputes::open(
            op,
            &charge,
            o.amount,
            o.reason.as_deref().unwrap_or("fraudulent"),
            o.inquiry,
        ))
    })?;
    say(v)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    status: String,
}

async fn close(State(s): At, Path((connection, id)): Path<(String, String)>, body: Bytes) -> Answer {
    let o: Close = read(&body)?;
    if !matches!(o.status.as_str(), "won" | "lost") {
        return Err(Problem::invalid("status", "status_unknown", "expected won or lost").into());
    }
    let v = act(&s, &connection, |op| {
        op.must(DISPUTES, &id, "dispute")?;
        Ok(disputes::decide(op, &id, o.status == "won"))
    })?;
    say(v)
}

async fn refund(State(s): At, Path((connection, id, what)): Path<(String, String, String)>) -> Answer {
    let v = act(&s, &connection, |op| match what.as_str() {
        "fail" => refunds::fail(op, &id),
        "settle" => {
            refunds::settle(op, &id);
            op.must(REFUNDS, &id, "id")
        }
        _ => Err(StripeError::no_such("refund action", &what, "what")),
    })?;
    say(v)
}

async fn outbound_becomes(State(s): At, Path((connection, id, what)): Path<(String, String, String)>) -> Answer {
    let v = act(&s, &connection, |op| {
        let status = match what.as_str() {
            "post" => "posted",
            "fail" => "failed",
            "return" => "returned",
            _ => return Err(StripeError::no_such("outbound payment action", &what, "what")),
        };
        // Money that comes back was first sent.
        if status == "returned" && op.t.get(OUTBOUND, &id).is_some_and(|o| o.is("status", "processing")) {
            outbound::become_(op, &id, "posted")?;
        }
        outbound::become_(op, &id, status)
    })?;
    say(v)
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Payout {
    currency: Option<String>,
    /// Only what is available by date; else pending money is released first.
    available_only: bool,
}

/// The nightly sweep, now: one automatic payout whose lines can be listed.
async fn payout(State(s): At, Path(connection): Path<String>, body: Bytes) -> Answer {
    let o: Payout = read(&body)?;
    let v = act(&s, &connection, |op| {
        balance::automatic_payout(op, &o.currency.as_deref().unwrap_or("eur").to_lowercase(), !o.available_only)
            .ok_or_else(|| StripeError::new(409, "invalid_request_error", "There is nothing to pay out."))
    })?;
    say(v)
}

async fn fail_payout(State(s): At, Path((connection, id)): Path<(String, String)>) -> Answer {
    let v = act(&s, &connection, |op| balance::fail_payout(op, &id))?;
    say(v)
}

async fn expire(State(s): At, Path((connection, id)): Path<(String, String)>) -> Answer {
    let v = act(&s, &connection, |op| {
        op.must(SESSIONS, &id, "session")?;
        sessions::lapse(op, &id);
        op.must(SESSIONS, &id, "session")
    })?;
    say(v)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resend {
    event: String,
    #[serde(default = "one")]
    times: u32,
    #[serde(default)]
    concurrent: bool,
}

fn one() -> u32 {
    1
}

/// The same signed bytes `times` times, all at once when `concurrent`; the statuses that came back.
async fn resend(State(s): At, Path(connection): Path<String>, body: Bytes) -> Answer {
    let o: Resend = read(&body)?;
    if !(1..=200).contains(&o.times) {
        return Err(Problem::invalid("times", "times_out_of_range", "expected 1 to 200").into());
    }
    let a = account(&s, &connection)?;
    let event = a.run_quietly(&s.shared, CallId::default(), |op| {
        op.t.get(EVENTS, &o.event).or_else(|| op.t.get(THIN_EVENTS, &o.event)).cloned()
    });
    let event = event.ok_or_else(|| Refused::from(Problem::missing("event")))?;
    let text = serde_json::to_string_pretty(&event).map_err(Problem::from)?;
    let url = format!("{}/hooks/stripe/{connection}", s.shared.cfg.hook_base);
    let signed = deliver::signature(&a.who.webhook_secret, s.shared.env.now().secs(), &text);
    let mut statuses = Vec::new();
    if o.concurrent {
        let all = (0..o.times).map(|_| deliver::post(&s.http, &url, &signed, &text));
        statuses = futures_util::future::join_all(all).await;
    } else {
        for _ in 0..o.times {
            statuses.push(deliver::post(&s.http, &url, &signed, &text).await);
        }
    }
    say(json!({"event": o.event, "statuses": statuses}))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Interval {
    /// Unix seconds, as `interval_start` and `interval_end` of a report run; `to` is not included.
    from: Option<i64>,
    to: Option<i64>,
}

/// The itemised balance report as the dashboard would export it.
async fn settlement(State(s): At, Path(connection): Path<String>, Query(i): Query<Interval>) -> Answer {
    let text = account(&s, &connection)?.run_quietly(&s.shared, CallId::default(), |op| {
        report::csv(op, i.from.unwrap_or(0), i.to.unwrap_or(i64::MAX))
    });
    Ok(([(axum::http::header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response())
}

/// Newest first, with what is still to be delivered.
async fn events(State(s): At, Path(connection): Path<String>) -> Answer {
    let a = account(&s, &connection)?;
    let v = a.run_quietly(&s.shared, CallId::default(), |op| {
        let mut rows: Vec<(u64, Value)> = [EVENTS, THIN_EVENTS]
            .into_iter()
            .flat_map(|t| op.t.rows(t).rev().take(1_000))
            .map(|(id, r)| {
                let about = if r.o["data"].is_object() { &r.o["data"]["object"] } else { &r.o["related_object"] };
                (r.seq, json!({"id": id, "type": r.o["type"], "created": r.o["created"], "object": about["id"], "undelivered": r.x.get("undelivered"), "event": r.o}))
            })
            .collect();
        rows.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        let open: Vec<Value> = op
            .t
            .rows(DELIVERIES)
            .map(|(id, r)| json!({"id": id, "event": r.o["event"], "url": r.o["url"], "attempt": r.o["attempt"], "next_at_us": r.o["next"], "last_status": r.o["last_status"], "held": r.o["held"]}))
            .collect();
        json!({"events": rows.into_iter().map(|(_, v)| v).collect::<Vec<_>>(), "deliveries": open})
    });
    say(v)
}
