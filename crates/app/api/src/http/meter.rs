//! Answers counted by method, route and status, for /metrics.

use http::{Method, StatusCode};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
pub struct Meter(Arc<Mutex<BTreeMap<(String, String, u16), u64>>>);

impl Meter {
    pub fn count(&self, method: &Method, path: &str, status: StatusCode) {
        // A stranger may invent methods; the map must not grow with them.
        let known = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::HEAD,
            Method::OPTIONS,
        ];
        let method = known.iter().find(|k| *k == method).map_or("other", Method::as_str);
        let mut m = self.0.lock().unwrap_or_else(|p| p.into_inner());
        *m.entry((method.to_string(), path.to_string(), status.as_u16())).or_default() += 1;
    }

    pub fn text(&self) -> String {
        let mut out =
            String::from("# HELP qd_http_requests_total Answers by method, route and status.\n# TYPE qd_http_requests_total counter\n");
        for ((method, path, status), n) in self.0.lock().unwrap_or_else(|p| p.into_inner()).iter() {
            let _ = writeln!(
                out,
                "qd_http_requests_total{{method=\"{method}\",route=\"{path}\",status=\"{status}\"}} {n}"
            );
        }
        out
    }
}
