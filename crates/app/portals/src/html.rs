//! An app's page: the built HTML with the request's nonce, language, direction and brand put in.

use crate::Front;
use crate::pages;
use crate::site::AppKind;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use qd_app::brands;
use qd_kernel::{Env, Result};
use qd_notify::is_rtl;
use qd_runtime::tenancy::Brand;
use qd_web::gate::COOKIE;

/// The cookie in which a portal keeps the language somebody chose.
pub const LANGUAGE_COOKIE: &str = "qd_lang";

/// The name where no brand is configured yet.
pub const HOUSE: &str = "Quarterdeck";

/// What a page may load and do. `style-src` has a nonce because the component library writes style
/// elements; scripts are files of ours and nothing else.
pub fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; \
         worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// Another one for each answer, and not to be guessed.
pub fn nonce(env: &Env) -> String {
    env.entropy.code(26)
}

/// A page with the headers every page has.
pub fn answer(body: String, nonce: &str) -> Response {
    let mut r = Html(body).into_response();
    let h = r.headers_mut();
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(v) = HeaderValue::from_str(&policy(nonce)) {
        h.insert(header::CONTENT_SECURITY_POLICY, v);
    }
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        // Documents are photographed in the portal; nothing else of the device is asked for.
        (
            "permissions-policy",
            "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
        ),
    ] {
        h.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    r
}

/// Whether somebody was signed in at this browser; whether they still are is the API's to say.
pub fn has_session(headers: &HeaderMap) -> bool {
    let host = format!("__Host-{COOKIE}");
    cookies(headers).any(|(name, value)| (name == COOKIE || name == host) && !value.is_empty())
}

/// The door of an app, with the way back: spares a stranger an app that would only send them here.
pub fn to_sign_in(app: AppKind, uri: &Uri) -> Response {
    let door = match app {
        AppKind::Backoffice => "/office/sign-in",
        AppKind::Partner => "/partner/sign-in",
        AppKind::Trader | AppKind::Auth => "/sign-in",
    };
    let back = uri.path_and_query().map_or("/", |p| p.as_str());
    let to = if back == "/" {
        door.to_string()
    } else {
        format!("{door}?next={}", encoded(back))
    };
    let mut r = StatusCode::SEE_OTHER.into_response();
    let h = r.headers_mut();
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(v) = HeaderValue::from_str(&to) {
        h.insert(header::LOCATION, v);
    }
    r
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for b in text.bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|c| c.trim().split_once('='))
}

pub async fn app_page(front: &Front, kind: AppKind, path: &str, query: Option<&str>, headers: &HeaderMap) -> Result<Response> {
    let brand = brand_at(front, headers).await?;
    let house = path.starts_with("/office");
    let language = language(&offered(front, brand.as_ref(), house), query, headers);
    let name = brand.as_ref().map_or(HOUSE, |b| b.name.as_str());
    let nonce = nonce(&front.app.core.env);
    let dir = if is_rtl(&language) { "rtl" } else { "ltr" };
    let body = match front.site.page(kind) {
        None => pages::placeholder(kind, &nonce),
        Some(text) => {
            let marks = [
                ("__CSP_NONCE__", nonce.as_str()),
                ("__LANG__", &escape(&language)),
                ("__DIR__", dir),
                ("__BRAND__", &escape(name)),
            ];
            let links = match front.site.preload(kind, &language) {
                Some(f) => format!("<link rel=\"modulepreload\" crossorigin href=\"{}\">", escape(&f)),
                None => String::new(),
            };
            fill(&text, &marks).replacen("</head>", &format!("{links}</head>"), 1)
        }
    };
    let mut r = answer(body, &nonce);
    // The page is written for one language and one brand.
    r.headers_mut()
        .insert(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    Ok(r)
}

pub async fn brand_at(front: &Front, headers: &HeaderMap) -> Result<Option<Brand>> {
    let (host, config) = (brands::host_of(headers), front.app.config.clone());
    front
        .app
        .core
        .db
        .read(async move |tx| brands::face_at(tx, host.as_deref(), &config).await)
        .await
}

/// The languages to choose from: a brand's own for its clients, all there are for the house. Only
/// those that have texts.
pub fn offered(front: &Front, brand: Option<&Brand>, house: bool) -> Vec<String> {
    let all: Vec<String> = front.app.catalogue.languages().map(str::to_string).collect();
    match brand.filter(|_| !house) {
        None => all,
        Some(b) => b.languages.iter().filter(|l| all.contains(l)).cloned().collect(),
    }
}

/// What somebody chose (`?lang=`, then the cookie), else what the browser asks for, else the first.
pub fn language(offered: &[String], query: Option<&str>, headers: &HeaderMap) -> String {
    let mut wanted: Vec<String> = Vec::new();
    wanted.extend(
        query
            .into_iter()
            .flat_map(|q| q.split('&'))
            .filter_map(|p| p.strip_prefix("lang=").map(str::to_string)),
    );
    wanted.extend(cookies(headers).filter(|(n, _)| *n == LANGUAGE_COOKIE).map(|(_, v)| v.to_string()));
    wanted.extend(asked_for(headers));
    let has = |l: &str| offered.iter().find(|o| o.eq_ignore_ascii_case(l)).cloned();
    wanted
        .iter()
        .find_map(|w| has(w).or_else(|| has(w.split('-').next().unwrap_or(w))))
        .or_else(|| offered.first().cloned())
        .unwrap_or_else(|| "en".to_string())
}

/// `Accept-Language` in the order of its weights, which are thousandths here.
fn asked_for(headers: &HeaderMap) -> Vec<String> {
    let mut all: Vec<(u32, String)> = headers
        .get_all(header::ACCEPT_LANGUAGE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .take(30)
        .map(|part| {
            let mut it = part.split(';').map(str::trim);
            let name = it.next().unwrap_or_default().to_string();
            (it.find_map(|q| q.strip_prefix("q=").map(thousandths)).unwrap_or(1_000), name)
        })
        .filter(|(w, _)| *w > 0)
        .collect();
    all.sort_by_key(|(w, _)| std::cmp::Reverse(*w));
    all.into_iter().map(|(_, n)| n).collect()
}

fn thousandths(q: &str) -> u32 {
    let (whole, part) = q.split_once('.').unwrap_or((q, ""));
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    whole.parse::<u32>().unwrap_or(0).min(1) * 1_000 + if whole == "0" { digits.parse().unwrap_or(0) } else { 0 }
}

/// Puts the values in place of their marks, once: a value that looks like a mark stays as it is.
fn fill(text: &str, marks: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 512);
    let mut rest = text;
    while let Some(at) = rest.find("__") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match marks.iter().find(|(m, _)| rest.starts_with(m)) {
            Some((m, value)) => {
                out.push_str(value);
                rest = &rest[m.len()..];
            }
            None => {
                out.push_str("__");
                rest = &rest[2..];
            }
        }
    }
    out.push_str(rest);
    out
}

pub fn escape(t: &str) -> String {
    let mut out = String::with_capacity(t.len());
    for c in t.chars() {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.clone(), v.parse().unwrap())).collect()
    }

    #[test]
    fn a_chosen_language_wins_over_the_browsers_and_one_without_texts_is_never_taken() {
        let offered: Vec<String> = ["en", "de", "ar"].map(String::from).into();
        let browser = said(&[(header::ACCEPT_LANGUAGE, "fr-FR, de-AT;q=0.8, en;q=0.9")]);
        assert_eq!(language(&offered, None, &browser), "en");
        let chosen = said(&[(header::ACCEPT_LANGUAGE, "en"), (header::COOKIE, "a=b; qd_lang=ar")]);
        assert_eq!(language(&offered, None, &chosen), "ar");
        assert_eq!(language(&offered, Some("x=1&lang=de"), &chosen), "de");
        assert_eq!(language(&offered, Some("lang=%22><script>"), &HeaderMap::new()), "en");
        assert_eq!(language(&offered, None, &said(&[(header::ACCEPT_LANGUAGE, "de-AT")])), "de");
        assert_eq!(language(&[], None, &browser), "en");
    }

    #[test]
    fn weights_are_read_without_floats() {
        assert_eq!(
            ["1", "1.0", "0.8", "0.85", "0", "0.001", "x"].map(thousandths),
            [1_000, 1_000, 800, 850, 0, 1, 0]
        );
    }

    #[test]
    fn a_value_that_looks_like_a_mark_stays_as_it_is() {
        let marks = [("__BRAND__", "__LANG__ & Co"), ("__LANG__", "de")];
        assert_eq!(
            fill("<i>__BRAND__</i> __LANG__ __OTHER__ __", &marks),
            "<i>__LANG__ & Co</i> de __OTHER__ __"
        );
    }
}
