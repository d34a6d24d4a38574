//! The page a customer sees at any of these providers: a plain form, so that a browser without
//! scripts, a browser test and a scripted client can all use it.

use super::Desk;
use crate::stripe::{escape, form, go, html, nobody};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use qd_kernel::{Problem, Result};
use serde_json::Value;
use std::sync::Arc;

/// What the customer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pay,
    Decline,
    /// Goes back to the merchant without an answer.
    Abandon,
    /// Pays in a way that is not finished yet; a second `pay` or `decline` ends it.
    Later,
}

impl Outcome {
    pub fn parse(word: &str) -> Result<Outcome> {
        match word {
            "pay" | "success" => Ok(Outcome::Pay),
            "decline" => Ok(Outcome::Decline),
            "abandon" => Ok(Outcome::Abandon),
            "later" => Ok(Outcome::Later),
            _ => Err(Problem::invalid(
                "outcome",
                "outcome_unknown",
                "expected pay, decline, abandon or later",
            )),
        }
    }
}

/// A payment as the page shows it.
pub struct Page {
    /// The provider's name for people.
    pub title: String,
    /// `25.40 EUR`.
    pub sum: String,
    /// Label and value: an address to send coins to, a reference.
    pub lines: Vec<(String, String)>,
    /// No longer to be paid: what became of it, in a sentence.
    pub ended: Option<String>,
    /// Where the customer goes from an ended page.
    pub back: Option<String>,
}

/// What became of it.
pub struct Paid {
    /// Where the customer's browser goes.
    pub go: Option<String>,
    /// The payment as the provider shows it.
    pub object: Value,
}

pub(super) fn router() -> Router<Arc<Desk>> {
    Router::new().route("/{connection}/hosted/{id}", get(show).post(act))
}

const BUTTONS: [(&str, &str, &str); 4] = [
    ("pay", "main", "Pay"),
    ("decline", "", "Be declined"),
    ("later", "", "Pay, to be confirmed later"),
    ("abandon", "quiet", "Abandon and go back"),
];

async fn show(State(desk): State<Arc<Desk>>, Path((connection, id)): Path<(String, String)>) -> Response {
    let page = desk
        .account(&connection)
        .and_then(|a| a.run_quietly(&desk.shared, |op| desk.rail.page(op, &id)));
    page.map_or_else(nobody, |p| draw(&p, &id, None))
}

fn draw(p: &Page, id: &str, error: Option<&str>) -> Response {
    let title = escape(&p.title);
    let sum = escape(&p.sum);
    let lines: String = p
        .lines
        .iter()
        .map(|(l, v)| format!("<li>{}: <code>{}</code></li>", escape(l), escape(v)))
        .collect();
    if let Some(end) = &p.ended {
        let back = p
            .back
            .as_deref()
            .map(|u| format!("<p><a id=\"back\" href=\"{}\">Back to the merchant</a></p>", escape(u)))
            .unwrap_or_default();
        let body = format!(
            "<h1>{title}</h1><p class=\"sum\">{sum}</p><p id=\"ended\">{}</p>{back}",
            escape(end)
        );
        return html(StatusCode::OK, &p.title, &body);
    }
    let alert = error
        .map(|e| format!("<p class=\"error\" role=\"alert\" id=\"error\">{}</p>", escape(e)))
        .unwrap_or_default();
    let buttons: String = BUTTONS
        .iter()
        .map(|(value, class, label)| {
            format!("<button class=\"{class}\" name=\"outcome\" value=\"{value}\" id=\"{value}\">{label}</button>")
        })
        .collect();
    let body = format!(
        "<h1>{title}</h1><p class=\"sum\" id=\"amount\">{sum}</p><ul>{lines}</ul>{alert}<form method=\"post\" action=\"{}\">{buttons}</form>",
        escape(id)
    );
    let status = if error.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    html(status, &p.title, &body)
}

async fn act(State(desk): State<Arc<Desk>>, Path((connection, id)): Path<(String, String)>, body: Bytes) -> Response {
    let Some(account) = desk.account(&connection) else {
        return nobody();
    };
    let word = form::pairs(&String::from_utf8_lossy(&body))
        .into_iter()
        .find(|(k, _)| k == "outcome")
        .map(|(_, v)| v);
    let done = account.run(&desk.shared, |op| {
        desk.rail.page(op, &id)?;
        let tried = Outcome::parse(word.as_deref().unwrap_or("pay")).and_then(|o| desk.rail.pay(op, &id, o));
        Some((tried, desk.rail.page(op, &id)?))
    });
    match done {
        None => nobody(),
        Some((Ok(Paid { go: Some(to), .. }), _)) => go(&to),
        Some((Ok(_), page)) => draw(&page, &id, None),
        Some((Err(e), page)) => draw(&page, &id, Some(&e.detail)),
    }
}
