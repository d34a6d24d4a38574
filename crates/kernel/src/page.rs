//! Cursor pages. A cursor is opaque to the caller: the sort key of the last row seen, in text.

use crate::{Problem, Result};
use serde::Serialize;
use utoipa::ToSchema;

/// No list answers more rows at once: a page fits a screen and a request fits a budget.
pub const MAX_PAGE: u32 = 200;
pub const DEFAULT_PAGE: u32 = 50;

#[derive(Clone, Debug)]
pub struct PageRequest {
    pub limit: u32,
    pub after: Option<String>,
}

impl PageRequest {
    pub fn new(limit: Option<u32>, cursor: Option<&str>) -> Result<Self> {
        let limit = limit.unwrap_or(DEFAULT_PAGE);
        if limit == 0 || limit > MAX_PAGE {
            return Err(Problem::invalid("limit", "limit_out_of_range", format!("expected 1 to {MAX_PAGE}")));
        }
        let after = match cursor {
            None | Some("") => None,
            Some(c) => Some(
                decode(c).ok_or_else(|| Problem::invalid("cursor", "cursor_malformed", "expected the `next_cursor` of an earlier page"))?,
            ),
        };
        Ok(PageRequest { limit, after })
    }
    /// One more than asked, to learn whether there is a next page.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }
    /// Splits a composite cursor made with [`join_key`].
    pub fn after_parts(&self) -> Option<Vec<&str>> {
        self.after.as_deref().map(|a| a.split('\u{1f}').collect())
    }
    /// Cuts the extra row off and makes the next cursor from the last row that stays.
    pub fn finish<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> String) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(|r| encode(&key(r))) } else { None };
        Page { items: rows, next_cursor }
    }
}

/// Joins the parts of a composite sort key.
pub fn join_key(parts: &[&str]) -> String {
    parts.join("\u{1f}")
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PageOf)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Hand it back for the next page; none after the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

fn encode(s: &str) -> String {
    let mut out = String::with_capacity(s.len() * 2 + 2);
    out.push_str("c1");
    for b in s.bytes() {
        out.push(char::from_digit(u32::from(b >> 4), 16).unwrap_or('0'));
        out.push(char::from_digit(u32::from(b & 15), 16).unwrap_or('0'));
    }
    out
}

fn decode(s: &str) -> Option<String> {
    let h = s.strip_prefix("c1")?;
    if !h.len().is_multiple_of(2) || !h.is_ascii() {
        return None;
    }
    let bytes: Option<Vec<u8>> = (0..h.len()).step_by(2).map(|i| u8::from_str_radix(&h[i..i + 2], 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_row_of_a_full_page_becomes_the_cursor_and_a_bad_cursor_names_its_field() {
        let p = PageRequest::new(Some(2), None).unwrap();
        let page = p.finish(vec!["a", "b", "c"], |r| r.to_string());
        assert_eq!(page.items, ["a", "b"]);
        let next = PageRequest::new(Some(2), page.next_cursor.as_deref()).unwrap();
        assert_eq!(next.after.as_deref(), Some("b"));
        assert_eq!(PageRequest::new(Some(2), Some("zz")).unwrap_err().fields[0].pointer, "/cursor");
        assert!(PageRequest::new(Some(0), None).is_err());
        assert!(PageRequest::new(Some(201), None).is_err());
    }
}
