//! Statements put together from literals: lists with optional filters. Values only ever travel as
//! parameters; every piece of text is still a `sql!` literal.

use crate::Sql;
use qd_kernel::Val;

/// `$?` in a piece stands for the next parameter.
pub struct Query {
    pub(crate) text: String,
    pub(crate) params: Vec<Val>,
}

impl Query {
    pub fn new(start: Sql) -> Query {
        Query {
            text: start.text().to_string(),
            params: Vec::new(),
        }
    }
    /// Appends a piece; it must hold as many `$?` as there are values.
    pub fn push(&mut self, piece: Sql, values: impl IntoIterator<Item = Val>) -> &mut Self {
        let mut values = values.into_iter();
        let mut parts = piece.text().split("$?");
        if let Some(first) = parts.next() {
            self.text.push_str(first);
        }
        for part in parts {
            if let Some(v) = values.next() {
                self.params.push(v);
            }
            self.text.push('$');
            self.text.push_str(&self.params.len().to_string());
            self.text.push_str(part);
        }
        self
    }
    pub fn text(&self) -> &str {
        &self.text
    }
}
