//! Which addresses a call may go to. URLs that a user typed (a webhook's target) must not make
//! our server talk to its own network: loopback, private ranges, link-local with the cloud's
//! metadata service, and everything else that is not the public internet are refused. The check
//! is on the address that the connection then really uses, so a name that resolves differently the
//! second time gains nothing; redirects are never followed.

use crate::Cause;
use http::Uri;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How far a client may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reach {
    /// Public addresses only: for URLs that users configure.
    #[default]
    PublicOnly,
    /// Any address: for counterparties that an operator configures (a trading server in the same
    /// rack, the sandbox on loopback).
    Anywhere,
}

/// The error that travels through the resolver.
#[derive(Debug, Clone)]
pub struct Refused {
    host: String,
}

impl Refused {
    pub(crate) fn cause(&self) -> Cause {
        Cause::new("address_refused", format!("{} is not a public address", self.host))
    }
}
impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not a public address", self.host)
    }
}
impl std::error::Error for Refused {}

/// For the form where a user enters a URL: scheme http or https, a host, no sign-in data in it,
/// and, when the host is an address, a public one. Names are checked when they are resolved.
pub fn check_url(uri: &Uri, reach: Reach) -> Result<(), Cause> {
    match uri.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err(Cause::new("url_malformed", "expected a URL that starts with http:// or https://")),
    }
    let host = uri
        .host()
        .filter(|h| !h.is_empty())
        .ok_or_else(|| Cause::new("url_malformed", "expected a host in the URL"))?;
    if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
        return Err(Cause::new("url_malformed", "a URL must not carry a user name or password"));
    }
    if reach == Reach::PublicOnly {
        if let Some(ip) = literal(host)
            && !is_public(ip)
        {
            return Err(Refused { host: host.to_string() }.cause());
        }
        if is_local_name(host) {
            return Err(Refused { host: host.to_string() }.cause());
        }
    }
    Ok(())
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_local_name(host: &str) -> bool {
    let h = host.trim_end_matches('.').to_ascii_lowercase();
    h == "localhost" || h.ends_with(".localhost") || h.ends_with(".internal") || h.ends_with(".local")
}

/// Resolves and keeps only what `reach` allows. An empty result is a refusal when something had
/// been found.
pub(crate) async fn resolve(host: &str, port: u16, reach: Reach) -> std::io::Result<Vec<SocketAddr>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = tokio::net::lookup_host((bare, port)).await?.collect();
    if found.is_empty() {
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address"));
    }
    if reach == Reach::Anywhere {
        return Ok(found);
    }
    // One private address among public ones is how rebinding starts: such a name is refused whole.
    if is_local_name(host) || found.iter().any(|a| !is_public(a.ip())) {
        return Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            Refused { host: host.to_string() },
        ));
    }
    Ok(found)
}

/// True for addresses of the public internet.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => public_v4(v4),
        IpAddr::V6(v6) => public_v6(v6),
    }
}

fn public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)            // this network, private, loopback
            | (100, 64..=127, _)        // carrier-grade NAT
            | (169, 254, _)             // link-local; 169.254.169.254 is the cloud's metadata
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)           // protocol assignments, documentation
            | (192, 88, 99)             // 6to4 relays
            | (198, 18 | 19, _)         // benchmarks
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, _, _) // multicast, reserved, broadcast
    )
}

fn public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let low4 = || {
        let o = ip.octets();
        Ipv4Addr::new(o[12], o[13], o[14], o[15])
    };
    // Wrapped IPv4 counts as what it wraps.
    if s[..5] == [0; 5] && (s[5] == 0xffff || s[5] == 0) {
        return s[5] == 0xffff && public_v4(low4());
    }
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return public_v4(low4());
    }
    if s[0] == 0x2002 {
        let o = ip.octets();
        return public_v4(Ipv4Addr::new(o[2], o[3], o[4], o[5]));
    }
    // Only 2000::/3 is global unicast; inside it Teredo and friends (2001::/23), documentation.
    s[0] & 0xe000 == 0x2000 && !(s[0] == 0x2001 && (s[1] < 0x200 || s[1] == 0xdb8)) && !(s[0] == 0x3fff && s[1] < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_addresses_are_refused_in_every_spelling() {
        for ip in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "::7f00:1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn a_url_of_a_user_needs_a_scheme_a_host_and_no_password() {
        let check = |u: &str| check_url(&u.parse().unwrap(), Reach::PublicOnly).map_err(|c| c.code);
        assert_eq!(check("https://example.com/hook"), Ok(()));
        assert_eq!(check("ftp://example.com/"), Err("url_malformed"));
        assert_eq!(check("/only/a/path"), Err("url_malformed"));
        assert_eq!(check("https://me:secret@example.com/"), Err("url_malformed"));
        assert_eq!(check("http://127.0.0.1:5432/"), Err("address_refused"));
        assert_eq!(check("http://[::1]/"), Err("address_refused"));
        assert_eq!(check("http://LOCALHOST./"), Err("address_refused"));
        assert_eq!(check_url(&"http://127.0.0.1/".parse().unwrap(), Reach::Anywhere), Ok(()));
    }
}
