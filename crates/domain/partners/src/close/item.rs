use serde::{Deserialize, Serialize};

/// One thing on the checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CloseChecklistItem)]
pub struct Item {
    pub code: String,
    /// Nothing is closed while there is one. The others need to be accepted by name.
    pub blocks: bool,
    pub ok: bool,
    pub count: i64,
    /// What is counted.
    pub detail: String,
    /// The first of them.
    pub examples: Vec<String>,
}

impl Item {
    pub(crate) fn new(code: &str, blocks: bool, detail: &str) -> Item {
        Item {
            code: code.into(),
            blocks,
            ok: true,
            count: 0,
            detail: detail.into(),
            examples: Vec::new(),
        }
    }

    pub(crate) fn found(&mut self, what: String, most: usize) {
        self.ok = false;
        self.count += 1;
        if self.examples.len() < most {
            self.examples.push(what);
        }
    }
}
