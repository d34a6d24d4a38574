//! A table on paper: title, facts, rows with a head that repeats, totals, page numbers, as PDF, from
//! left to right or from right to left. Texts come in ready; nothing here knows what they mean.
//!
//! Letters of the Latin, Greek, Cyrillic and Arabic scripts are drawn, Arabic joined as it is
//! written; others are shown as a question mark. Measures are points, which are fractions: that is
//! paper, not money, and amounts come as text.

#![allow(
    clippy::float_arithmetic,
    reason = "places on paper are fractions of a point; amounts come as text"
)]

mod draw;
mod layout;
mod text;

use qd_kernel::{Problem, Result, Ts};

/// The page that is printed.
#[derive(Clone, Debug, Default)]
pub struct Paper {
    /// Whose letter it is: the brand's name.
    pub brand: String,
    /// Degrees of its colour.
    pub hue: u16,
    pub title: String,
    pub language: String,
    pub rtl: bool,
    /// Small print under the title and at the foot: the entity and its regulator.
    pub house: String,
    /// Above the table, two in a row: "Account", "500001".
    pub facts: Vec<(String, String)>,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
    /// Below the table, in its columns, heavier.
    pub totals: Vec<Vec<String>>,
    /// In place of the rows when there are none.
    pub empty: String,
    /// "Page {n} of {all}" with both places.
    pub page_of: String,
    /// When it was made.
    pub made_at: Ts,
    pub landscape: bool,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub title: String,
    /// Share of the width.
    pub share: u16,
    /// Numbers stand at the right in every direction of writing, so that digits are under digits.
    pub number: bool,
}

impl Column {
    pub fn text(title: impl Into<String>, share: u16) -> Column {
        Column {
            title: title.into(),
            share,
            number: false,
        }
    }
    pub fn number(title: impl Into<String>, share: u16) -> Column {
        Column {
            number: true,
            ..Column::text(title, share)
        }
    }
}

/// Rows of one paper: more are a file for a program, not something to read.
pub const MOST_ROWS: usize = 20_000;

/// How many pages it takes.
pub fn page_count(p: &Paper) -> Result<usize> {
    Ok(layout::pages(p, text::faces()?).pages.len())
}

/// The PDF. The same paper gives the same bytes.
pub fn pdf(p: &Paper) -> Result<Vec<u8>> {
    if p.rows.len() > MOST_ROWS {
        return Err(Problem::limit(
            "paper_too_long",
            format!("expected at most {MOST_ROWS} rows; ask for a shorter period"),
        ));
    }
    if p.columns.is_empty() || p.rows.iter().chain(&p.totals).any(|r| r.len() != p.columns.len()) {
        return Err(Problem::bug(
            "paper_columns",
            "a row has another number of cells than the table has columns",
        ));
    }
    let faces = text::faces()?;
    draw::document(p, faces, &layout::pages(p, faces))
}
