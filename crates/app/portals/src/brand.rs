//! A brand's face by host: colour, logo, and what a phone keeps on its home screen.

use crate::Front;
use crate::html::{self, HOUSE, escape};
use crate::site::{etag, matches_tag};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use qd_app::brands::{self, Face};
use qd_kernel::Result;
use qd_notify::{colour, is_rtl};
use qd_runtime::tenancy::Brand;
use qd_web::ApiProblem;
use serde_json::json;

/// The colour of a house without a brand.
const HUE: u32 = 255;
/// Bytes of a logo; a longer one is no logo.
const MAX_LOGO: usize = 48 * 1024;
/// A changed face shows within five minutes.
const SHORT: &str = "public, max-age=300";
/// An image is drawn, and can neither run nor load anything, even when it is opened by itself.
const IMAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

async fn face(front: &Front, headers: &HeaderMap) -> Result<Option<(Brand, Face)>> {
    let (host, config) = (brands::host_of(headers), front.app.config.clone());
    front
        .app
        .core
        .db
        .read(async move |tx| {
            let Some(b) = brands::face_at(tx, host.as_deref(), &config).await? else {
                return Ok(None);
            };
            let f = Face::of(tx, &b.code).await?;
            Ok(Some((b, f)))
        })
        .await
}

pub fn short_lived(headers: &HeaderMap, kind: &'static str, body: String) -> Response {
    let tag = etag(body.as_bytes());
    let mut r = if matches_tag(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut r = body.into_response();
        r.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        r
    };
    let h = r.headers_mut();
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static(SHORT));
    if let Ok(v) = HeaderValue::from_str(&tag) {
        h.insert(header::ETAG, v);
    }
    r
}

/// The variables the portals' colours are made of.
pub async fn css(State(front): State<Front>, headers: HeaderMap) -> Response {
    match html::brand_at(&front, &headers).await {
        Ok(b) => short_lived(
            &headers,
            "text/css; charset=utf-8",
            format!(":root:root{{--brand-hue:{}}}\n", b.map_or(HUE, |b| b.hue)),
        ),
        Err(p) => ApiProblem(p).into_response(),
    }
}

pub async fn logo(State(front): State<Front>, headers: HeaderMap) -> Response {
    let image = match face(&front, &headers).await {
        Ok(Some((b, f))) => f.logo.filter(|l| is_image(l)).unwrap_or_else(|| drawn(&b.name, b.hue)),
        Ok(None) => drawn(HOUSE, HUE),
        Err(p) => return ApiProblem(p).into_response(),
    };
    let mut r = short_lived(&headers, "image/svg+xml", image);
    let h = r.headers_mut();
    h.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(IMAGE_POLICY));
    h.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    r
}

fn is_image(text: &str) -> bool {
    text.len() <= MAX_LOGO && text.trim_start().starts_with("<svg")
}

/// The first letter on the brand's colour.
fn drawn(name: &str, hue: u32) -> String {
    let letter: String = name.chars().find(|c| c.is_alphanumeric()).unwrap_or('Q').to_uppercase().collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 64 64\" role=\"img\" aria-label=\"{}\"><rect width=\"64\" height=\"64\" rx=\"14\" fill=\"{}\"/>\
         <text x=\"32\" y=\"44\" font-family=\"system-ui,sans-serif\" font-size=\"34\" font-weight=\"700\" text-anchor=\"middle\" fill=\"#fff\">{}</text></svg>",
        escape(name),
        colour::of_hue(hue),
        escape(&letter)
    )
}

pub async fn web_manifest(State(front): State<Front>, uri: Uri, headers: HeaderMap) -> Response {
    let brand = match html::brand_at(&front, &headers).await {
        Ok(b) => b,
        Err(p) => return ApiProblem(p).into_response(),
    };
    let language = html::language(&html::offered(&front, brand.as_ref(), false), uri.query(), &headers);
    let (name, hue) = brand.as_ref().map_or((HOUSE, HUE), |b| (b.name.as_str(), b.hue));
    let body = json!({
        "name": name, "short_name": name, "id": "/", "start_url": "/", "scope": "/", "display": "standalone",
        "lang": language, "dir": if is_rtl(&language) { "rtl" } else { "ltr" },
        "background_color": "#ffffff", "theme_color": colour::of_hue(hue),
        "icons": [{"src": "/brand/logo.svg", "type": "image/svg+xml", "sizes": "any", "purpose": "any"}],
    });
    short_lived(&headers, "application/manifest+json", body.to_string())
}
