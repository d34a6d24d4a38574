//! The built files: embedded in the program, or in development read from a folder.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

include!(concat!(env!("OUT_DIR"), "/dist.rs"));

/// A hashed name never gets other content.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// The four apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppKind {
    /// What may be asked for without a session.
    Auth,
    Trader,
    Partner,
    Backoffice,
}

impl AppKind {
    /// The app that has an address; `web/vite.config.ts` holds the same table for development.
    pub fn of(path: &str) -> AppKind {
        let mut parts = path.trim_start_matches('/').split('/');
        let first = parts.next().unwrap_or_default();
        let (home, door) = match first {
            "office" => (AppKind::Backoffice, parts.next().unwrap_or_default()),
            "partner" => (AppKind::Partner, parts.next().unwrap_or_default()),
            other => (AppKind::Trader, other),
        };
        match door {
            "sign-in" | "register" | "forgot" | "reset" | "verify" | "invite" => AppKind::Auth,
            _ => home,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            AppKind::Auth => "auth",
            AppKind::Trader => "trader",
            AppKind::Partner => "partner",
            AppKind::Backoffice => "backoffice",
        }
    }
}

enum Source {
    Embedded,
    Folder(PathBuf),
}

/// The built portals.
pub struct Site {
    source: Source,
    /// Of embedded files, which do not change.
    tags: Mutex<HashMap<String, String>>,
    manifest: OnceLock<Arc<Manifest>>,
}

impl Site {
    /// What was there when the program was built.
    pub fn embedded() -> Site {
        Site::from(Source::Embedded)
    }

    /// A folder like `web/dist`, read at each request.
    pub fn folder(dir: PathBuf) -> Site {
        Site::from(Source::Folder(dir))
    }

    fn from(source: Source) -> Site {
        Site {
            source,
            tags: Mutex::default(),
            manifest: OnceLock::new(),
        }
    }

    /// Whether there are portals at all.
    pub fn built(&self) -> bool {
        self.page(AppKind::Auth).is_some()
    }

    fn file(&self, name: &str) -> Option<Bytes> {
        match &self.source {
            Source::Embedded => {
                let at = FILES.binary_search_by(|(n, _)| (*n).cmp(name)).ok()?;
                Some(Bytes::from_static(FILES[at].1))
            }
            Source::Folder(dir) => {
                let plain = name.split('/').all(|p| !p.is_empty() && p != "." && p != ".." && !p.contains('\\'));
                if !plain {
                    return None;
                }
                std::fs::read(dir.join(name)).ok().map(Bytes::from)
            }
        }
    }

    /// The HTML of an app, with its marks.
    pub(crate) fn page(&self, app: AppKind) -> Option<String> {
        let body = self.file(&format!("{}/index.html", app.name()))?;
        String::from_utf8(body.to_vec()).ok()
    }

    /// What the browser may fetch before the page's script asks for it: the texts in its language.
    pub(crate) fn preload(&self, app: AppKind, language: &str) -> Option<String> {
        let manifest = match &self.source {
            Source::Embedded => self.manifest.get_or_init(|| Arc::new(self.read_manifest())).clone(),
            Source::Folder(_) => Arc::new(self.read_manifest()),
        };
        manifest.texts(app, language)
    }

    fn read_manifest(&self) -> Manifest {
        let text = self.file(".vite/manifest.json").unwrap_or_default();
        Manifest(serde_json::from_slice(&text).unwrap_or(Value::Null))
    }

    /// A file of the build with the headers of a file that never changes. None when there is none.
    pub(crate) fn asset(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let name = format!("assets/{path}");
        // The compressed copies are representations, not files of their own.
        if name.ends_with(".br") || name.ends_with(".gz") {
            return None;
        }
        let plain = self.file(&name)?;
        let mut chosen = (plain, None);
        for (coding, suffix) in [("br", ".br"), ("gzip", ".gz")] {
            if accepts(headers, coding)
                && let Some(body) = self.file(&format!("{name}{suffix}"))
            {
                chosen = (body, Some(coding));
                break;
            }
        }
        let (body, coding) = chosen;
        let tag = self.tag(&name, coding, &body);
        let mut r = if matches_tag(headers, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut r = Body::from(body).into_response();
            r.headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind_of(path)));
            if let Some(c) = coding {
                r.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(c));
            }
            r
        };
        let h = r.headers_mut();
        h.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOREVER));
        h.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(v) = HeaderValue::from_str(&tag) {
            h.insert(header::ETAG, v);
        }
        Some(r)
    }

    /// A strong tag: another one for each representation.
    fn tag(&self, name: &str, coding: Option<&str>, body: &[u8]) -> String {
        let key = format!("{name} {}", coding.unwrap_or_default());
        let keep = matches!(self.source, Source::Embedded);
        let mut tags = self.tags.lock().unwrap_or_else(|p| p.into_inner());
        if let Some(t) = tags.get(&key).filter(|_| keep) {
            return t.clone();
        }
        let tag = etag(body);
        if keep {
            tags.insert(key, tag.clone());
        }
        tag
    }
}

/// A strong tag of some content.
pub(crate) fn etag(body: &[u8]) -> String {
    format!("\"{}\"", &hex::encode(Sha256::digest(body))[..24])
}

/// Whether the browser has this content already.
pub(crate) fn matches_tag(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(|t| t.trim().trim_start_matches("W/"))
        .any(|t| t == tag || t == "*")
}

fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .any(|part| {
            let mut it = part.split(';').map(str::trim);
            let name = it.next().unwrap_or_default();
            let refused = it.any(|q| q.strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty()));
            name.eq_ignore_ascii_case(coding) && !refused
        })
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|p| p.1) {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some("woff") => "font/woff",
        Some("wasm") => "application/wasm",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The build's own list of what belongs to what.
struct Manifest(Value);

impl Manifest {
    /// The chunk with the texts of an app's first page in a language, under the name that
    /// `web/packages/i18n/vite.ts` gives its module.
    fn texts(&self, app: AppKind, language: &str) -> Option<String> {
        let key = format!("virtual:qd-locale/{}/{language}", app.name());
        Some(format!("/{}", self.0[&key]["file"].as_str()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_one_app() {
        for (path, app) in [
            ("/", AppKind::Trader),
            ("/deposits/dep_1", AppKind::Trader),
            ("/officer", AppKind::Trader),
            ("/office", AppKind::Backoffice),
            ("/office/clients/cli_1", AppKind::Backoffice),
            ("/office/sign-in", AppKind::Auth),
            ("/office/reset", AppKind::Auth),
            ("/partner", AppKind::Partner),
            ("/partner/sign-in", AppKind::Auth),
            ("/sign-in", AppKind::Auth),
            ("/verify", AppKind::Auth),
            ("/invite", AppKind::Auth),
            ("/register/step", AppKind::Auth),
        ] {
            assert_eq!(AppKind::of(path), app, "{path}");
        }
    }

    #[test]
    fn a_coding_with_weight_nothing_is_refused() {
        let with = |v: &str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, v.parse().unwrap())]);
        assert!(accepts(&with("gzip, deflate, br, zstd"), "br"));
        assert!(accepts(&with("gzip;q=0.5"), "gzip"));
        assert!(!accepts(&with("br;q=0, gzip"), "br"));
        assert!(!accepts(&with("identity"), "gzip"));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }

    #[test]
    fn the_texts_of_the_language_and_no_others_are_fetched_early() {
        let m = Manifest(serde_json::json!({
            "apps/auth/index.html": {"file": "assets/auth.js", "name": "auth"},
            "virtual:qd-locale/auth/de": {"file": "assets/locale-auth-de-1.js", "name": "de"},
            "virtual:qd-locale/auth/en": {"file": "assets/locale-auth-en-2.js", "name": "en"},
            "virtual:qd-locale/trader/de": {"file": "assets/locale-trader-de-3.js", "name": "de"},
        }));
        assert_eq!(m.texts(AppKind::Auth, "de").as_deref(), Some("/assets/locale-auth-de-1.js"));
        assert_eq!(m.texts(AppKind::Auth, "ar"), None);
        assert_eq!(Manifest(Value::Null).texts(AppKind::Auth, "de"), None);
    }

    #[test]
    fn a_build_that_is_embedded_has_its_texts_to_fetch_early() {
        let site = Site::embedded();
        for app in [AppKind::Auth, AppKind::Trader, AppKind::Partner, AppKind::Backoffice] {
            // Without a build there is nothing to find.
            if site.page(app).is_none() {
                continue;
            }
            let file = site
                .preload(app, "de")
                .unwrap_or_else(|| panic!("no texts of {} in the manifest", app.name()));
            assert!(site.file(file.trim_start_matches('/')).is_some(), "{file}");
        }
    }
}
