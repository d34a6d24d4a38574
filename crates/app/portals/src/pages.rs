//! Pages that are plain HTML: the brand's legal texts, what is shown while the demo is being made,
//! and what stands where no portals were built.

use crate::Front;
use crate::brand::short_lived;
use crate::html::{self, answer, escape, nonce};
use crate::site::AppKind;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use qd_kernel::{Env, Problem};
use qd_notify::is_rtl;
use qd_runtime::tenancy;
use qd_web::ApiProblem;
use tokio::sync::watch;

const STYLE: &str = ":root{color-scheme:light dark}body{margin:0;font:16px/1.6 system-ui,sans-serif;color:light-dark(#1c2430,#e8ecf2);background:light-dark(#fbfcfd,#12161c)}\
main{max-inline-size:44rem;margin:0 auto;padding:3rem 1.25rem}h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}\
.brand{font-weight:600;color:oklch(.5 .13 var(--brand-hue,250))}@media(prefers-color-scheme:dark){.brand{color:oklch(.78 .11 var(--brand-hue,250))}}\
code{font:.9em ui-monospace,monospace;background:light-dark(#eef1f5,#1d232c);padding:.15em .4em;border-radius:4px}progress{inline-size:100%;block-size:.75rem;accent-color:oklch(.55 .13 var(--brand-hue,250))}\
a{color:inherit}.quiet{color:light-dark(#566070,#a5afbd);font-size:.9rem}";

/// A brand's colour and logo.
const FACE: &str = "<link rel=\"icon\" href=\"/brand/logo.svg\" type=\"image/svg+xml\"><link rel=\"stylesheet\" href=\"/brand.css\">";
/// Nothing else can be fetched yet.
const NO_FACE: &str = "<link rel=\"icon\" href=\"data:,\">";

/// A whole page. `head` and `body` are markup.
fn page(language: &str, title: &str, head: &str, body: &str, nonce: &str) -> String {
    let dir = if is_rtl(language) { "rtl" } else { "ltr" };
    format!(
        "<!doctype html><html lang=\"{}\" dir=\"{dir}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{}</title>{head}<style nonce=\"{nonce}\">{STYLE}</style></head><body><main>{body}</main></body></html>",
        escape(language),
        escape(title)
    )
}

/// Stands for an app of which this program holds no files.
pub fn placeholder(app: AppKind, nonce: &str) -> String {
    let what = match app {
        AppKind::Auth => "The sign-in page",
        AppKind::Trader => "The Trader's Room",
        AppKind::Partner => "The Partner Portal",
        AppKind::Backoffice => "The Back Office",
    };
    let body = format!(
        "<p class=\"brand\">Quarterdeck</p><h1>{what} is not in this program</h1>\
         <p>The server runs and its API answers, but it was built without the portals: they need Node 20.19 or newer.</p>\
         <p>To add them, stop the server and run <code>make portals</code>, then start it again with <code>make run</code>.</p>\
         <p>Meanwhile: <a href=\"/api\">the API and its page</a>.</p>"
    );
    page("en", what, FACE, &body, nonce)
}

/// A legal text of the licence behind the brand, in the reader's language.
pub async fn legal(State(front): State<Front>, Path(kind): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let found = async {
        let brand = html::brand_at(&front, &headers).await?.ok_or_else(|| Problem::missing("page"))?;
        let code = brand.entity.clone();
        let entity = front.app.core.db.read(async move |tx| tenancy::get(tx, &code).await).await?;
        let key = entity.config.texts.get(&kind).ok_or_else(|| Problem::missing("page"))?;
        let language = html::language(&html::offered(&front, Some(&brand), false), uri.query(), &headers);
        let language = front.app.catalogue.resolve(&language, key);
        let names = [("brand", brand.name.as_str()), ("entity", entity.name.as_str())];
        let text = front
            .app
            .catalogue
            .said(&language, key, &names)
            .ok_or_else(|| Problem::missing("page"))?;
        Ok::<_, Problem>((brand, language, text))
    };
    match found.await {
        Ok((brand, language, text)) => {
            let (title, body) = written(&text);
            let nonce = nonce(&front.app.core.env);
            let title = if title.is_empty() { brand.name.clone() } else { title };
            let body = format!("<p class=\"brand\">{}</p><h1>{}</h1>{body}", escape(&brand.name), escape(&title));
            answer(page(&language, &title, FACE, &body, &nonce), &nonce)
        }
        Err(p) => ApiProblem(p).into_response(),
    }
}

/// Texts added at run time (`texts.dir`): what a portal reads for a language that is not in its build.
pub async fn texts(State(front): State<Front>, Path((language, file)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let found = front
        .app
        .config
        .texts
        .dir
        .as_ref()
        .filter(|_| plain(&language) && file.strip_suffix(".json").is_some_and(plain))
        .map(|dir| dir.join(&language).join(&file));
    match found {
        Some(path) => match tokio::fs::read_to_string(path).await {
            Ok(text) => short_lived(&headers, "application/json", text),
            Err(_) => ApiProblem(Problem::missing("file")).into_response(),
        },
        None => ApiProblem(Problem::missing("file")).into_response(),
    }
}

/// A text's title and its markup: paragraphs are parted by an empty line, `# ` begins the title and
/// `## ` a heading. Nothing of a text is markup by itself.
fn written(text: &str) -> (String, String) {
    let (mut title, mut body) = (String::new(), String::new());
    for part in text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()) {
        if let Some(t) = part.strip_prefix("# ") {
            title = t.to_string();
        } else if let Some(h) = part.strip_prefix("## ") {
            body.push_str(&format!("<h2>{}</h2>", escape(h)));
        } else {
            body.push_str(&format!("<p>{}</p>", escape(part).replace('\n', "<br>")));
        }
    }
    (title, body)
}

/// How far the making of the demo is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub done: u32,
    pub total: u32,
    /// The simulated day.
    pub note: String,
}

/// Answers while the demo is being made: a page that looks again by itself, and 503 for programs.
pub fn waiting(env: Env, state: watch::Receiver<Waiting>) -> Router {
    // Asked for many times a second by whoever waits: no line in the log each time.
    let not_yet = || {
        let body = serde_json::json!({
            "type": "/problems/starting", "title": "Try again", "status": 503, "code": "starting",
            "detail": "the demo is being made; this takes a minute", "fields": [],
        });
        let headers = [(header::CONTENT_TYPE, "application/problem+json"), (header::RETRY_AFTER, "2")];
        (StatusCode::SERVICE_UNAVAILABLE, headers, body.to_string()).into_response()
    };
    let look = move |headers: HeaderMap| {
        let wants_page = headers
            .get(header::ACCEPT)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|a| a.contains("text/html"));
        let r = if wants_page {
            progress(&env, &state.borrow().clone())
        } else {
            not_yet()
        };
        std::future::ready(r)
    };
    Router::new()
        .route("/healthz", get(async || axum::Json(serde_json::json!({"ok": true}))))
        .route("/readyz", get(async move || not_yet()))
        .fallback(look)
}

fn progress(env: &Env, w: &Waiting) -> Response {
    let nonce = nonce(env);
    let how_far = if w.total == 0 {
        "<p>Preparing the books.</p><progress aria-label=\"Progress\"></progress>".to_string()
    } else {
        format!(
            "<p>Simulated day {} of {}: {}</p><progress aria-label=\"Progress\" max=\"{}\" value=\"{}\"></progress>",
            w.done,
            w.total,
            escape(&w.note),
            w.total,
            w.done
        )
    };
    let body = format!(
        "<p class=\"brand\">Quarterdeck</p><h1>The demo brokerage is being made</h1>\
         <p>Months of business are played through the product itself: leads, documents, deposits, trades, commission. This happens once, at the first start.</p>\
         {how_far}<p class=\"quiet\">This page looks again by itself and opens the portal when it is ready.</p>"
    );
    let mut r = answer(page("en", "Quarterdeck is starting", NO_FACE, &body, &nonce), &nonce);
    *r.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let h = r.headers_mut();
    h.insert(header::REFRESH, HeaderValue::from_static("2"));
    h.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    r
}

/// The portals' page when what it needs does not answer.
pub fn unavailable(env: &Env) -> Response {
    let nonce = nonce(env);
    let body = "<p class=\"brand\">Quarterdeck</p><h1>This is not available right now</h1>\
         <p>Something on our side does not answer. Nothing you did was lost.</p><p><a href=\"\">Try again</a></p>";
    let mut r = answer(page("en", "Not available", NO_FACE, body, &nonce), &nonce);
    *r.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    r
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legal_text_is_text() {
        let (title, body) = written("# Terms\n\n## One <b>\n\nFirst\nline & more\n\n\n");
        assert_eq!(title, "Terms");
        assert_eq!(body, "<h2>One &lt;b&gt;</h2><p>First<br>line &amp; more</p>");
    }
}
