//! Files to take away: CSV, PDF, their names, their period.

use crate::kit::Reply;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};
use qd_kernel::{Problem, Result, Ts};
use qd_paper::Paper;
use serde::Deserialize;
use utoipa::IntoParams;

/// Rows of one file.
pub const MOST_ROWS: usize = 50_000;

/// What was left out of a file is worse than no file.
pub fn too_many() -> Problem {
    Problem::limit(
        "export_too_long",
        format!("expected at most {MOST_ROWS} rows; narrow the filters or the period"),
    )
}

/// A spreadsheet's text: RFC 4180, with a head.
pub struct Csv(String);

impl Csv {
    pub fn new(head: &[&str]) -> Csv {
        let mut c = Csv(String::new());
        c.row(head.iter().map(|h| (*h).to_string()));
        c
    }
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        for (i, cell) in cells.into_iter().enumerate() {
            if i > 0 {
                self.0.push(',');
            }
            self.0.push_str(&field(&cell));
        }
        self.0.push_str("\r\n");
    }
    pub fn download(self, name: &str) -> Reply<Response> {
        file(self.0.into_bytes(), "text/csv; charset=utf-8", &format!("{name}.csv"))
    }
}

/// Quoted where needed; what a spreadsheet would run as a formula begins with an apostrophe. A number
/// below zero is none.
fn field(f: &str) -> String {
    let number = f
        .strip_prefix('-')
        .is_some_and(|r| !r.is_empty() && r.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    let f = if !number && f.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{f}")
    } else {
        f.to_string()
    };
    if f.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", f.replace('"', "\"\""))
    } else {
        f
    }
}

pub fn file(bytes: Vec<u8>, kind: &'static str, name: &str) -> Reply<Response> {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
        .collect();
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .map_err(|e| Problem::bug("file_name", "a file's name is no header").with_source(e))?;
    let mut r = Response::new(Body::from(bytes));
    let h = r.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    h.insert(header::CONTENT_DISPOSITION, disposition);
    // A statement on a shared computer is nobody's to find in a cache.
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(r)
}

/// Printing takes a while for long papers: away from the threads that answer others.
pub async fn print(p: Paper, name: &str) -> Reply<Response> {
    let bytes = tokio::task::spawn_blocking(move || qd_paper::pdf(&p))
        .await
        .map_err(|e| Problem::bug("printing_panicked", "a paper could not be printed").with_source(e))??;
    file(bytes, "application/pdf", &format!("{name}.pdf"))
}

/// A month, or from and until; without a word from the beginning until now.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Period {
    /// A month in UTC: `2026-10`.
    pub month: Option<String>,
    /// Microseconds since 1970, included.
    pub from_us: Option<i64>,
    /// Not included.
    pub until_us: Option<i64>,
}

impl Period {
    /// From (included) and until (not included).
    pub fn span(&self, now: Ts) -> Result<(Ts, Ts)> {
        let (from, until) = match (&self.month, self.from_us, self.until_us) {
            (Some(m), None, None) => month(m)?,
            (None, from, until) => (Ts(from.unwrap_or(0)), until.map_or(Ts(now.micros().saturating_add(1)), Ts)),
            _ => {
                return Err(Problem::invalid(
                    "month",
                    "one_of",
                    "expected either month, or from_us and until_us",
                ));
            }
        };
        if from >= until {
            return Err(Problem::invalid("from_us", "span_empty", "expected a moment before until_us"));
        }
        Ok((from, until))
    }
    /// For a reader, and for a file's name.
    pub fn name(&self, whole: &str, now: Ts) -> Result<String> {
        let day = |t: Ts| {
            let (y, m, d) = t.ymd();
            format!("{y}-{m:02}-{d:02}")
        };
        let (from, until) = self.span(now)?;
        Ok(match (&self.month, from.micros()) {
            (Some(m), _) => m.clone(),
            (None, 0) if self.until_us.is_none() => whole.to_string(),
            _ => format!("{} – {}", day(from), day(Ts(until.micros() - 1))),
        })
    }
}

fn month(text: &str) -> Result<(Ts, Ts)> {
    let bad = || Problem::invalid("month", "month_malformed", "expected a month like 2026-10");
    let (y, m) = text.split_once('-').ok_or_else(bad)?;
    let plain = |t: &str, n: usize| t.len() == n && t.bytes().all(|b| b.is_ascii_digit());
    if !plain(y, 4) || !plain(m, 2) {
        return Err(bad());
    }
    let (y, m): (i64, u32) = (y.parse().map_err(|_| bad())?, m.parse().map_err(|_| bad())?);
    if !(1..=12).contains(&m) || y < 1970 {
        return Err(bad());
    }
    let next = if m == 12 { (y + 1, 1) } else { (y, m + 1) };
    Ok((Ts::from_ymd(y, m, 1), Ts::from_ymd(next.0, next.1, 1)))
}

/// `2026-10-03 14:05:09`, UTC.
pub fn clock(t: Ts) -> String {
    let text = t.rfc3339();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_text_and_a_comma_is_quoted() {
        let mut c = Csv::new(&["a", "b"]);
        c.row(["=1+1".into(), "x, \"y\"".into()]);
        c.row(["-12.50".into(), "-cmd".into()]);
        assert_eq!(c.0, "a,b\r\n'=1+1,\"x, \"\"y\"\"\"\r\n-12.50,'-cmd\r\n");
    }

    #[test]
    fn a_month_is_from_its_first_to_before_the_next_ones_first_moment() {
        let p = |m: &str| Period {
            month: Some(m.into()),
            ..Period::default()
        };
        let (a, b) = p("2026-12").span(Ts(0)).unwrap();
        assert_eq!((a.ymd(), b.ymd()), ((2026, 12, 1), (2027, 1, 1)));
        for bad in ["2026-13", "2026", "26-01", "2026-1", "x", "2026-1x"] {
            assert!(p(bad).span(Ts(0)).is_err(), "{bad}");
        }
        assert!(
            Period {
                month: Some("2026-01".into()),
                from_us: Some(1),
                until_us: None
            }
            .span(Ts(0))
            .is_err()
        );
        assert_eq!(Period::default().name("all", Ts(5)).unwrap(), "all");
        assert_eq!(clock(Ts::from_ymd(2026, 10, 3)), "2026-10-03 00:00:00");
    }
}
