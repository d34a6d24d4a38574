//! Whose face a request sees and whose name a mail bears: the brand by host, its face, and where
//! its portals are.

use crate::config::{Config, DemoConfig};
use http::HeaderMap;
use http::header;
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_runtime::settings;
use qd_runtime::tenancy::{self, Brand};
use serde::{Deserialize, Serialize};

/// The setting with a brand's face, in the scope `brand:<code>`.
pub const FACE: &str = "brand.face";

/// Parts of the portals a brand may switch off.
pub const MODULES: [&str; 7] = [
    "accounts",
    "deposits",
    "withdrawals",
    "transfers",
    "documents",
    "partner",
    "support",
];

/// What a brand shows besides its name, colour and languages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Face {
    /// An SVG image. Without one the portals draw the first letter on the brand's colour.
    pub logo: Option<String>,
    /// Without one, the address its mails come from.
    pub support_email: Option<String>,
    /// IANA name of the zone its times are shown in, UTC without one.
    pub zone: Option<String>,
    /// Of [`MODULES`]; all without a list.
    pub modules: Option<Vec<String>>,
}

impl Face {
    /// The brand's face. One that cannot be read must not take the portals down: it counts as none.
    pub async fn of(tx: &mut Tx, brand: &str) -> Result<Face> {
        match settings::get::<Face>(tx, &format!("brand:{brand}"), FACE).await {
            Ok(f) => Ok(f.unwrap_or_default()),
            Err(p) if p.is("setting_unreadable") => {
                tracing::warn!(brand, "the setting brand.face cannot be read; the brand shows the usual face");
                Ok(Face::default())
            }
            Err(p) => Err(p),
        }
    }

    pub fn modules(&self) -> Vec<String> {
        match &self.modules {
            None => MODULES.iter().map(|m| (*m).to_string()).collect(),
            Some(list) => list.iter().filter(|m| MODULES.contains(&m.as_str())).cloned().collect(),
        }
    }
}

/// The host that was called, lower case, without port.
pub fn host_of(headers: &HeaderMap) -> Option<String> {
    let h = headers.get(header::HOST)?.to_str().ok()?.to_lowercase();
    Some(without_port(&h).0.to_string())
}

/// `trade.example:8080` in its host and `:8080`.
fn without_port(authority: &str) -> (&str, &str) {
    match authority.rfind(':') {
        Some(i) if authority[i + 1..].bytes().all(|b| b.is_ascii_digit()) => authority.split_at(i),
        _ => (authority, ""),
    }
}

/// The brand that is named, else the one whose host was called; in the demo, whose address is
/// nobody's host, else the one it is given to.
pub async fn brand_of(tx: &mut Tx, code: Option<&str>, host: Option<&str>, demo: Option<&DemoConfig>) -> Result<Brand> {
    let unknown = || Problem::invalid("brand", "brand_unknown", "expected the code of a brand");
    if let Some(code) = code {
        return tenancy::brand(tx, code)
            .await
            .map_err(|p| if p.is("not_found") { unknown() } else { p });
    }
    if let Some(host) = host
        && let Some(b) = tenancy::brand_by_host(tx, host).await?
    {
        return Ok(b);
    }
    if demo.is_some()
        && let Some(b) = first(tx, demo).await?
    {
        return Ok(b);
    }
    Err(unknown())
}

/// The brand that the demo's address is given to, else the first by code.
async fn first(tx: &mut Tx, demo: Option<&DemoConfig>) -> Result<Option<Brand>> {
    let mut all = tenancy::brands(tx).await?;
    let named = demo.and_then(|d| d.brand.as_ref());
    let at = named.and_then(|d| all.iter().position(|b| b.code == *d)).unwrap_or(0);
    Ok((at < all.len()).then(|| all.swap_remove(at)))
}

/// In whose name the house writes to its own people.
pub async fn house(tx: &mut Tx, config: &Config) -> Result<Brand> {
    first(tx, config.demo.as_ref())
        .await?
        .ok_or_else(|| Problem::conflict("brand_missing", "no brand is configured, so no mail can be sent"))
}

/// Whose face the portals show at a host: the brand's, or at a host of the house itself (the back
/// office has its own in many houses) the first brand's. None where nothing is configured yet.
pub async fn face_at(tx: &mut Tx, host: Option<&str>, config: &Config) -> Result<Option<Brand>> {
    match brand_of(tx, None, host, config.demo.as_ref()).await {
        Ok(b) => Ok(Some(b)),
        Err(p) if p.is("brand_unknown") => first(tx, None).await,
        Err(p) => Err(p),
    }
}

/// Where a brand's portals are, without a slash at the end: scheme and port of the installation's
/// public address, the brand's own host.
pub fn portal(config: &Config, b: &Brand) -> String {
    let public = config.server.public_url.trim_end_matches('/');
    let at_the_address = config.demo.as_ref().is_some_and(|d| d.brand.as_deref() == Some(&b.code));
    let Some((scheme, rest)) = public.split_once("://").filter(|_| !at_the_address && !b.host.is_empty()) else {
        return public.to_string();
    };
    let (_, port) = without_port(rest.split('/').next().unwrap_or(rest));
    format!("{scheme}://{}{port}", b.host)
}

/// [`portal`] by the brand's code.
pub async fn portal_of(tx: &mut Tx, config: &Config, brand: &str) -> Result<String> {
    Ok(portal(config, &tenancy::brand(tx, brand).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use std::net::SocketAddr;
    use std::path::Path;

    fn config(public: &str, brand: Option<&str>) -> Config {
        let none = demo::Counterparties {
            servers: Vec::new(),
            manager_login: 1,
            psps: Vec::new(),
            psp_base: String::new(),
            rails: Vec::new(),
            smtp: SocketAddr::from(([127, 0, 0, 1], 9)),
        };
        let text = demo::config_text(Path::new("/tmp/x"), SocketAddr::from(([127, 0, 0, 1], 8080)), &none);
        let mut c = Config::parse(&text).unwrap();
        c.server.public_url = public.into();
        if let Some(d) = &mut c.demo {
            d.brand = brand.map(Into::into);
        }
        c
    }

    fn brand(code: &str, host: &str) -> Brand {
        Brand {
            code: code.into(),
            entity: "eu".into(),
            name: code.into(),
            host: host.into(),
            mail_from: "A <a@b.example>".into(),
            languages: vec!["en".into()],
            hue: 1,
            version: 1,
        }
    }

    #[test]
    fn a_brands_portals_are_at_its_host_with_the_installations_scheme_and_port() {
        let c = config("https://crm.broker.example/", None);
        assert_eq!(portal(&c, &brand("a", "trade.a.example")), "https://trade.a.example");
        let c = config("http://127.0.0.1:8080", Some("a"));
        assert_eq!(portal(&c, &brand("a", "trade.a.example")), "http://127.0.0.1:8080");
        assert_eq!(portal(&c, &brand("b", "b.localhost")), "http://b.localhost:8080");
        let c = config("http://[::1]:8080", None);
        assert_eq!(portal(&c, &brand("b", "b.localhost")), "http://b.localhost:8080");
        assert_eq!(portal(&c, &brand("b", "")), "http://[::1]:8080");
    }

    #[test]
    fn a_port_is_no_part_of_a_host() {
        let host = |h: &str| host_of(&HeaderMap::from_iter([(header::HOST, h.parse().unwrap())])).unwrap();
        assert_eq!(host("Trade.A.example:8443"), "trade.a.example");
        assert_eq!(host("trade.a.example"), "trade.a.example");
        assert_eq!(host("[::1]"), "[::1]");
        assert_eq!(host("[::1]:80"), "[::1]");
    }
}
