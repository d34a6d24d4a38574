//! A mail catcher: takes everything by SMTP, shows it over HTTP, sends nothing on.

mod mime;
mod smtp;

use crate::Shared;
use crate::control::{Answer, ok};
use crate::store::Batch;
use crate::stripe::escape;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use qd_kernel::{Problem, Result, id};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// How many mails are kept; the oldest goes first.
const KEEP: usize = 5_000;
const KIND: &str = "mail";

id!(MessageId, "eml", "A caught mail; ids sort by the time of arrival.");

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Message {
    id: String,
    /// As in the header; the envelope's address when there is none.
    from: String,
    /// Who the envelope was addressed to.
    to: Vec<String>,
    /// Everybody in the To and Cc headers.
    header_to: Vec<String>,
    subject: String,
    text: Option<String>,
    html: Option<String>,
    attachments: Vec<String>,
    headers: Vec<(String, String)>,
    received_at_us: i64,
}

impl Message {
    fn json(&self) -> Value {
        json!({
            "id": self.id, "from": self.from, "to": self.to, "header_to": self.header_to, "subject": self.subject, "text": self.text,
            "html": self.html, "attachments": self.attachments, "received_at": qd_kernel::Ts(self.received_at_us).rfc3339(), "received_at_us": self.received_at_us,
        })
    }
}

pub struct Mail {
    shared: Arc<Shared>,
    /// Oldest first.
    messages: Mutex<VecDeque<Message>>,
    address: OnceLock<SocketAddr>,
}

impl Mail {
    /// Loads what was caught before and starts the SMTP listener, when the settings ask for one.
    pub async fn start(shared: Arc<Shared>) -> Result<Arc<Mail>> {
        let messages = shared.books.load::<Message>(KIND)?.into_iter().map(|(_, m)| m).collect();
        let mail = Arc::new(Mail {
            shared: shared.clone(),
            messages: Mutex::new(messages),
            address: OnceLock::new(),
        });
        if let Some(want) = shared.cfg.smtp_listen {
            let (listener, at) = crate::conn::bind(want).await?;
            // Set once, here.
            let _ = mail.address.set(at);
            tokio::spawn(smtp::listen(listener, mail.clone(), shared));
        }
        Ok(mail)
    }

    /// Mounted at `/mail`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/", get(to_page))
            .route("/messages", get(list).delete(clear))
            .route("/messages/{id}", get(one))
            .route("/messages/{id}/html", get(html_part))
            .with_state(self.clone())
    }

    /// The page at `/mail/`: a nested router never sees a path that ends at its prefix's slash.
    pub fn index(self: &Arc<Self>) -> Router {
        Router::new().route("/mail/", get(page)).with_state(self.clone())
    }

    /// Where the SMTP listener is, when there is one.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.get().copied()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Message>> {
        self.messages.lock().unwrap_or_else(|p| p.into_inner())
    }

    /// Keeps a message; its id.
    fn keep(&self, envelope_from: String, to: Vec<String>, raw: &[u8]) -> Result<String> {
        let p = mime::parse(raw);
        let m = Message {
            id: MessageId::new(&self.shared.env).to_string(),
            from: if p.from.is_empty() { envelope_from } else { p.from },
            to,
            header_to: p.to,
            subject: p.subject,
            text: p.text,
            html: p.html,
            attachments: p.attachments,
            headers: p.headers,
            received_at_us: self.shared.env.now().micros(),
        };
        let id = m.id.clone();
        let mut all = self.lock();
        let mut batch = Batch::default();
        batch.put(KIND, &id, &m)?;
        let surplus = (all.len() + 1).saturating_sub(KEEP);
        for old in all.iter().take(surplus) {
            batch.remove(KIND, &old.id);
        }
        self.shared.books.write(batch)?;
        all.drain(..surplus);
        all.push_back(m);
        Ok(id)
    }
}

type At = State<Arc<Mail>>;

#[derive(Deserialize, Default)]
struct Filter {
    to: Option<String>,
    /// An id: only what came after it. Or a moment in microseconds or RFC 3339.
    after: Option<String>,
    subject: Option<String>,
    limit: Option<usize>,
}

impl Filter {
    fn holds(&self, m: &Message) -> bool {
        let to = |t: &String| m.to.iter().chain(&m.header_to).any(|a| a.eq_ignore_ascii_case(t));
        let after = |a: &String| match a.parse::<i64>() {
            Ok(us) => m.received_at_us > us,
            // An id has been dealt with by position.
            Err(_) if a.starts_with("eml_") => true,
            // RFC 3339 text of one zone sorts like the moments it names.
            Err(_) => qd_kernel::Ts(m.received_at_us).rfc3339().as_str() > a.as_str(),
        };
        self.to.as_ref().is_none_or(to)
            && self.after.as_ref().is_none_or(after)
            && self
                .subject
                .as_ref()
                .is_none_or(|s| m.subject.to_lowercase().contains(&s.to_lowercase()))
    }
}

/// Oldest first.
async fn list(State(mail): At, Query(f): Query<Filter>) -> Answer {
    let all = mail.lock();
    let start = f
        .after
        .as_ref()
        .and_then(|a| all.iter().position(|m| m.id == *a))
        .map_or(0, |i| i + 1);
    let found: Vec<Value> = all
        .iter()
        .skip(start)
        .filter(|m| f.holds(m))
        .take(f.limit.unwrap_or(KEEP))
        .map(Message::json)
        .collect();
    ok(json!({"messages": found, "count": found.len()}))
}

fn find(mail: &Mail, id: &str) -> Result<Message> {
    mail.lock()
        .iter()
        .find(|m| m.id == id)
        .cloned()
        .ok_or_else(|| Problem::missing("mail"))
}

async fn one(State(mail): At, Path(id): Path<String>) -> Answer {
    let m = find(&mail, &id)?;
    let mut v = m.json();
    v["headers"] = json!(m.headers);
    ok(v)
}

async fn clear(State(mail): At) -> Answer {
    let mut all = mail.lock();
    let mut batch = Batch::default();
    for m in all.iter() {
        batch.remove(KIND, &m.id);
    }
    mail.shared.books.write(batch)?;
    let n = all.len();
    all.clear();
    ok(json!({"deleted": n}))
}

/// The HTML part as a browser shows it, locked up: it is somebody else's page.
async fn html_part(State(mail): At, Path(id): Path<String>) -> Answer {
    let m = find(&mail, &id)?;
    let mut r: Response = Html(m.html.unwrap_or_default()).into_response();
    r.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        ),
    );
    Ok(r)
}

/// The list's links are relative to `…/mail/`.
async fn to_page() -> Redirect {
    Redirect::permanent("mail/")
}

async fn page(State(mail): At) -> Html<String> {
    let all = mail.lock();
    let rows: String = all
        .iter()
        .rev()
        .take(200)
        .map(|m| {
            let link = match m.html {
                Some(_) => format!(" <a href=\"messages/{}/html\">HTML</a>", m.id),
                None => String::new(),
            };
            format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td><details><summary>{}</summary><pre>{}</pre></details>{link} <a href=\"messages/{}\">JSON</a></td></tr>",
                escape(&qd_kernel::Ts(m.received_at_us).rfc3339()[..19].replace('T', " ")),
                escape(&m.from),
                escape(&m.to.join(", ")),
                escape(&m.subject),
                escape(m.text.as_deref().unwrap_or_default()),
                m.id
            )
        })
        .collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>Caught mail</title><style>body{{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#1b2430}}table{{border-collapse:collapse;width:100%}}th,td{{text-align:left;vertical-align:top;padding:.5rem;border-bottom:1px solid #d5dbe2}}pre{{white-space:pre-wrap}}</style></head><body><h1>Caught mail</h1><p>{} mails, newest first. Nothing is sent on. Times are UTC.</p><table><thead><tr><th scope=\"col\">Received</th><th scope=\"col\">From</th><th scope=\"col\">To</th><th scope=\"col\">Subject</th></tr></thead><tbody>{rows}</tbody></table></body></html>",
        all.len()
    ))
}
