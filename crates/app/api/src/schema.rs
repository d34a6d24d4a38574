//! Shapes that many answers share. What is in them, the domain's views say themselves.

use serde::Serialize;
use utoipa::ToSchema;

/// A list that is short by nature: all of it, without pages.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ListOf)]
pub struct Items<T> {
    pub items: Vec<T>,
}

impl<T> From<Vec<T>> for Items<T> {
    fn from(items: Vec<T>) -> Self {
        Items { items }
    }
}
