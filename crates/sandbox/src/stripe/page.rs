//! The pages a customer sees: the hosted checkout and the bank's authentication step. Plain forms,
//! so that a browser without scripts, a browser test and a scripted client can all use them.

use super::Stripe;
use super::account::CallId;
use super::attempt::{self, How};
use super::customers;
use super::form;
use super::money;
use super::op::Op;
use super::sessions::{self, Payer};
use super::tables::*;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

pub fn router() -> Router<Arc<Stripe>> {
    Router::new()
        .route("/checkout/{id}", get(show).post(pay))
        .route("/checkout/{id}/pay", get(show).post(pay))
        .route("/checkout/{id}/abandon", post(abandon))
        .route("/checkout/{id}/3ds", get(show_challenge).post(answer_session))
        .route("/3ds/{id}", get(show_intent_challenge).post(answer_intent))
}

type At = State<Arc<Stripe>>;

/// The cards on the page's buttons.
const BUTTONS: [(&str, &str); 7] = [
    ("4242424242424242", "Pay with Visa ···· 4242"),
    ("5555555555554444", "Pay with Mastercard ···· 4444"),
    ("4000002760003184", "Pay with 3-D Secure ···· 3184"),
    ("4000000000000002", "Be declined ···· 0002"),
    ("4000000000009995", "Insufficient funds ···· 9995"),
    ("4000000000009979", "Stolen card ···· 9979"),
    ("4000000000000259", "Pay, then dispute ···· 0259"),
];

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;background:#f4f6f9;color:#1b2430;margin:0}main{max-width:30rem;margin:3rem auto;background:#fff;padding:2rem;border-radius:12px;box-shadow:0 1px 6px #0002}h1{font-size:1.1rem;margin:0 0 .25rem}.sum{font-size:2rem;font-weight:600;margin:.25rem 0 1rem}.note{color:#5a6675;font-size:.9rem}.error{background:#fdecea;border:1px solid #d93025;border-radius:8px;padding:.75rem;margin:1rem 0}label{display:block;margin:.75rem 0 .25rem}input{width:100%;box-sizing:border-box;padding:.6rem;border:1px solid #9aa5b1;border-radius:8px;font:inherit}button{display:block;width:100%;margin:.5rem 0;padding:.7rem;border:1px solid #4a50c8;border-radius:8px;background:#fff;color:#343a9e;font:inherit;cursor:pointer}button.main{background:#4a50c8;color:#fff}button.quiet{border-color:#9aa5b1;color:#1b2430}ul{padding-left:1.2rem}fieldset{border:1px solid #d5dbe2;border-radius:8px;margin:1rem 0}";

pub fn escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

pub fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\"><title>{}</title><style>{STYLE}</style></head><body><main>{body}<p class=\"note\">Sandbox. No real card is charged.</p></main></body></html>",
        escape(title)
    );
    let mut r = (status, Html(page)).into_response();
    r.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Forms may lead anywhere: back to the merchant, whoever that is.
    r.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"),
    );
    r
}

pub fn go(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(v) => (StatusCode::SEE_OTHER, [(header::LOCATION, v)]).into_response(),
        Err(_) => html(StatusCode::OK, "Done", "<h1>Done</h1><p>You may close this page.</p>"),
    }
}

/// How the steps of a session are reached from the page being answered: relative, so that the
/// router may stand under any prefix. `/checkout/cs_1` says `cs_1/pay`, `/checkout/cs_1/pay` says
/// `pay`.
fn steps(uri: &Uri, id: &str) -> String {
    if uri.path().trim_end_matches('/').ends_with(id) {
        format!("{id}/")
    } else {
        String::new()
    }
}

fn act<R>(s: &Stripe, table: &'static str, id: &str, f: impl FnOnce(&mut Op<'_>) -> R) -> Option<R> {
    let account = s.holder_of(table, id)?;
    Some(account.run(&s.shared, CallId::default(), f))
}

pub fn nobody() -> Response {
    html(
        StatusCode::NOT_FOUND,
        "Not found",
        "<h1>This page does not exist</h1><p>The link may have been cut.</p>",
    )
}

async fn show(State(s): At, uri: Uri, Path(id): Path<String>) -> Response {
    let found = act(&s, SESSIONS, &id, |op| {
        (op.t.get(SESSIONS, &id).cloned(), op.t.hidden(SESSIONS, &id, "line_items").cloned())
    });
    match found {
        Some((Some(session), items)) => checkout(&session, &items.unwrap_or(Value::Null), &steps(&uri, &id), None),
        _ => nobody(),
    }
}

fn checkout(s: &Value, items: &Value, here: &str, error: Option<&str>) -> Response {
    let sum = money::shown(s.num("amount_total"), s.text("currency"));
    let back = s["cancel_url"]
        .as_str()
        .map(|u| format!("<p><a href=\"{}\">Back to the merchant</a></p>", escape(u)))
        .unwrap_or_default();
    match s.text("status") {
        "complete" => {
            return html(
                StatusCode::OK,
                "Paid",
                &format!(
                    "<h1>This payment is complete</h1><p class=\"sum\">{sum}</p><p><a href=\"{}\">Continue</a></p>",
                    escape(&sessions::success_url(s))
                ),
            );
        }
        "expired" => return html(StatusCode::GONE, "Expired", &format!("<h1>This checkout has expired</h1>{back}")),
        _ => {}
    }
    let lines: String = items
        .as_array()
        .into_iter()
        .flatten()
        .map(|i| {
            format!(
                "<li>{} × {} — {}</li>",
                escape(i.text("description")),
                i.num("quantity"),
                money::shown(i.num("amount_total"), i.text("currency"))
            )
        })
        .collect();
    let alert = error
        .map(|e| format!("<p class=\"error\" role=\"alert\" id=\"error\">{}</p>", escape(e)))
        .unwrap_or_default();
    let buttons: String = BUTTONS
        .iter()
        .map(|(n, label)| format!("<button name=\"card\" value=\"{n}\" id=\"card-{n}\">{label}</button>"))
        .collect();
    let email = s["customer_email"].as_str().unwrap_or_default();
    let abandon = if s["cancel_url"].is_string() {
        format!("<form method=\"post\" action=\"{here}abandon\"><button class=\"quiet\" id=\"abandon\">Abandon and go back</button></form>")
    } else {
        String::new()
    };
    let body = format!(
        "<h1>Checkout</h1><p class=\"sum\" id=\"amount\">{sum}</p><ul>{lines}</ul>{alert}\
         <form method=\"post\" action=\"{here}pay\"><label for=\"number\">Card number</label><input id=\"number\" name=\"number\" inputmode=\"numeric\" autocomplete=\"off\" placeholder=\"4242 4242 4242 4242\" required>\
         <label for=\"email\">Email</label><input id=\"email\" name=\"email\" type=\"email\" value=\"{}\"><label for=\"name\">Name on card</label><input id=\"name\" name=\"name\"><button class=\"main\" id=\"pay\">Pay {sum}</button></form>\
         <form method=\"post\" action=\"{here}pay\"><fieldset><legend>Test cards</legend>{buttons}<button name=\"outcome\" value=\"processing\" id=\"processing\">Pay by a delayed method</button></fieldset></form>{abandon}",
        escape(email)
    );
    html(
        if error.is_some() {
            StatusCode::PAYMENT_REQUIRED
        } else {
            StatusCode::OK
        },
        &format!("Pay {sum}"),
        &body,
    )
}

fn fields(body: &Bytes) -> HashMap<String, String> {
    form::pairs(&String::from_utf8_lossy(body))
        .into_iter()
        .filter(|(_, v)| !v.is_empty())
        .collect()
}

async fn pay(State(s): At, uri: Uri, Path(id): Path<String>, body: Bytes) -> Response {
    let mut f = fields(&body);
    let number = f
        .remove("card")
        .or_else(|| f.remove("number"))
        .unwrap_or_else(|| "4242424242424242".into());
    let how = How {
        delayed: f.get("outcome").is_some_and(|o| o == "processing"),
        ..How::default()
    };
    let here = steps(&uri, &id);
    let paid = act(&s, SESSIONS, &id, |op| {
        let card = customers::number_of(&number, "number");
        let tried = card.and_then(|c| {
            sessions::pay(
                op,
                &id,
                &c,
                Payer {
                    email: f.remove("email"),
                    name: f.remove("name"),
                },
                how,
            )
        });
        let session = op.t.get(SESSIONS, &id).cloned().unwrap_or(Value::Null);
        let items = op.t.hidden(SESSIONS, &id, "line_items").cloned().unwrap_or(Value::Null);
        (tried, session, items)
    });
    match paid {
        None => nobody(),
        Some((Ok(session), ..)) if session.is("status", "open") => go(&format!("{here}3ds")),
        Some((Ok(session), ..)) => go(&sessions::success_url(&session)),
        // Paid or expired meanwhile (the back button, a second window): the page says so.
        Some((Err(_), session, items)) if !session.is("status", "open") => checkout(&session, &items, &here, None),
        Some((Err(e), session, items)) => checkout(&session, &items, &here, e.body.get("message").and_then(Value::as_str)),
    }
}

async fn abandon(State(s): At, Path(id): Path<String>) -> Response {
    let session = act(&s, SESSIONS, &id, |op| op.t.get(SESSIONS, &id).cloned()).flatten();
    match session {
        None => nobody(),
        Some(x) => match x["cancel_url"].as_str() {
            Some(u) => go(u),
            None => html(
                StatusCode::OK,
                "Abandoned",
                "<h1>Nothing was paid</h1><p>You may close this page.</p>",
            ),
        },
    }
}

/// `leave` is where a customer goes who gives up, when there is such a place.
fn challenge(action: &str, leave: Option<&str>, pi: &Value) -> Response {
    if !pi.is("status", "requires_action") {
        return html(
            StatusCode::OK,
            "Nothing to confirm",
            "<h1>There is nothing to confirm</h1><p>This payment waits for no authentication.</p>",
        );
    }
    let sum = money::shown(pi.num("amount"), pi.text("currency"));
    let leave = leave
        .map(|l| format!("<form method=\"post\" action=\"{l}\"><button class=\"quiet\" id=\"leave\">Cancel and go back to the merchant</button></form>"))
        .unwrap_or_default();
    html(
        StatusCode::OK,
        "Confirm with your bank",
        &format!(
            "<h1>Your bank wants to know that it is you</h1><p class=\"sum\">{sum}</p><form method=\"post\" action=\"{action}\"><button class=\"main\" name=\"answer\" value=\"complete\" id=\"complete\">Complete authentication</button><button name=\"answer\" value=\"fail\" id=\"fail\">Fail authentication</button></form>{leave}"
        ),
    )
}

async fn show_challenge(State(s): At, uri: Uri, Path(id): Path<String>) -> Response {
    let found = act(&s, SESSIONS, &id, |op| {
        let session = op.t.get(SESSIONS, &id)?;
        let pi = op.t.get(INTENTS, session.text("payment_intent"))?.clone();
        Some((pi, session["cancel_url"].is_string()))
    })
    .flatten();
    match found {
        Some((pi, back)) => {
            let here = steps(&uri, &id);
            let leave = back.then(|| format!("{here}abandon"));
            challenge(&format!("{here}3ds"), leave.as_deref(), &pi)
        }
        None => nobody(),
    }
}

async fn answer_session(State(s): At, uri: Uri, Path(id): Path<String>, body: Bytes) -> Response {
    let passed = fields(&body).get("answer").is_none_or(|a| a != "fail");
    let here = steps(&uri, &id);
    let done = act(&s, SESSIONS, &id, |op| {
        let pi =
            op.t.get(SESSIONS, &id)
                .map(|x| x.text("payment_intent").to_string())
                .unwrap_or_default();
        let result = attempt::answer_challenge(op, &pi, passed);
        sessions::refresh(op, &id);
        let items = op.t.hidden(SESSIONS, &id, "line_items").cloned().unwrap_or(Value::Null);
        (result, op.t.get(SESSIONS, &id).cloned().unwrap_or(Value::Null), items)
    });
    match done {
        None => nobody(),
        Some((_, session, _)) if session.is("status", "complete") => go(&sessions::success_url(&session)),
        Some((Err(e), session, items)) => checkout(&session, &items, &here, e.body.get("message").and_then(Value::as_str)),
        Some((Ok(pi), session, items)) => checkout(&session, &items, &here, pi["last_payment_error"]["message"].as_str()),
    }
}

async fn show_intent_challenge(State(s): At, Path(id): Path<String>) -> Response {
    match act(&s, INTENTS, &id, |op| op.t.get(INTENTS, &id).cloned()).flatten() {
        Some(pi) => challenge(&id, None, &pi),
        None => nobody(),
    }
}

async fn answer_intent(State(s): At, Path(id): Path<String>, body: Bytes) -> Response {
    let passed = fields(&body).get("answer").is_none_or(|a| a != "fail");
    let done = act(&s, INTENTS, &id, |op| {
        let before = op.t.get(INTENTS, &id).cloned().unwrap_or(Value::Null);
        // A decline after the challenge shows in the intent; the page only leads back.
        let _ = attempt::answer_challenge(op, &id, passed);
        if let Some(session) = sessions::of_intent(op, &id) {
            sessions::refresh(op, &session);
        }
        (before, op.t.get(INTENTS, &id).cloned().unwrap_or(Value::Null))
    });
    let Some((before, after)) = done else { return nobody() };
    let status = if matches!(after.text("status"), "succeeded" | "requires_capture" | "processing") {
        "succeeded"
    } else {
        "failed"
    };
    match before["next_action"]["redirect_to_url"]["return_url"].as_str() {
        Some(back) => {
            let sign = if back.contains('?') { '&' } else { '?' };
            go(&format!(
                "{back}{sign}payment_intent={id}&payment_intent_client_secret={}&redirect_status={status}",
                after.text("client_secret")
            ))
        }
        None => html(
            StatusCode::OK,
            "Done",
            &format!("<h1>Authentication {status}</h1><p>You may close this page.</p>"),
        ),
    }
}
