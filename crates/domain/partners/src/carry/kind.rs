//! The files of the format: which, in what order, with what columns.

use qd_kernel::{Problem, Result, Val};
use serde_json::{Map, Value};

/// How a column travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    Text,
    /// A whole number: minor units, counts, revisions.
    Int,
    /// Microseconds since 1970, UTC; named `…_us`.
    Time,
    /// Lots, 100 000 000 to the lot; named `…_e8`.
    Lots,
    Flag,
    /// A document, kept as text in the database.
    Json,
}

use Ty::{Flag, Int, Json, Lots, Text, Time};

pub type Column = (&'static str, Ty);

macro_rules! kinds {
    ($($kind:ident $file:literal key $key:literal: [$($name:ident $ty:ident),+ $(,)?];)+) => {
        /// What a file holds, in the order in which they are read and written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $($kind),+ }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),+];

            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => $file),+ }
            }
            /// In the order of the database's columns; keys of the order first where `key_at` says so.
            pub fn columns(self) -> &'static [Column] {
                match self { $(Kind::$kind => &[$((stringify!($name), $ty)),+]),+ }
            }
            /// The columns that rows are ordered by.
            fn key(self) -> &'static str {
                match self { $(Kind::$kind => $key),+ }
            }
        }
    };
}

kinds! {
    Partners "partners" key "id": [id Text, entity Text, name Text, email Text, phone Text, client_id Text, currency Text, payout_method Text,
        state Text, created_at Time, version Int];
    Edges "edges" key "partner_id from_at": [partner_id Text, parent_id Text, from_at Time, to_at Time, reason Text, made_by Text, made_at Time];
    Links "links" key "id": [id Text, partner_id Text, code Text, campaign Text, landing Text, active Flag, created_at Time];
    Plans "plans" key "id": [id Text, name Text, entity Text, version Int, created_at Time];
    PlanVersions "plan_versions" key "plan_id version": [plan_id Text, version Int, valid_from Time, document Json, reason Text, made_by Text,
        made_at Time];
    PlanUses "plan_uses" key "holder from_at": [holder Text, plan_id Text, from_at Time, to_at Time, reason Text, made_by Text, made_at Time];
    Terms "terms" key "partner_id": [partner_id Text, document Json, version Int, changed_by Text, changed_at Time];
    Shares "shares" key "client_id from_at": [client_id Text, from_at Time, to_at Time, partner_id Text, state Text, model Text, code Text,
        link_id Text, click_id Text, hold_reason Text, evidence Json, made_by Text, made_at Time, version Int];
    Statements "statements" key "partner_id currency number": [id Text, partner_id Text, currency Text, number Int, period_from Time,
        period_to Time, opening_minor Int, lines_minor Int, adjustments_minor Int, payouts_minor Int, closing_minor Int, content Text, sha256 Text,
        closed_by Text, closed_at Time];
    Invoices "invoices" key "statement_id": [statement_id Text, partner_id Text, kind Text, number Text, file_id Text, made_by Text, made_at Time];
    Batches "payout_batches" key "id": [id Text, entity Text, currency Text, method Text, state Text, close_id Text, approval_id Text, items Int,
        minor Int, net_minor Int, prepared_by Text, prepared_at Time, decided_by Text, decided_at Time, version Int];
    Payouts "payouts" key "id": [id Text, partner_id Text, currency Text, minor Int, fee_minor Int, tax_minor Int, net_minor Int, method Text,
        destination Text, batch_id Text, state Text, cause Text, approval_id Text, prepared_by Text, prepared_at Time, decided_by Text,
        decided_at Time, paid_at Time, reference Text, entry_id Text, return_entry_id Text, statement_id Text, return_statement_id Text,
        returned_at Time, version Int];
    Deals "deals" key "server ticket": [server Text, ticket Text, revision Int, client_id Text, outcome Text, reason Text, cause Text, facts Json,
        entry_id Text, value_at Time, booked_at Time, version Int];
    Lines "lines" key "partner_id currency number": [id Text, number Int, partner_id Text, currency Text, kind Text, server Text, ticket Text,
        revision Int, level Int, client_id Text, symbol Text, product_group Text, lots Lots, exact Text, minor Int, reason Text, plan_id Text,
        plan_version Int, rule_id Text, explanation Json, reverses Text, entry_id Text, statement_id Text, value_at Time, booked_at Time,
        batch_id Text, beneficiary Text, tier_key Text];
    DealValues "deal_values" key "server ticket partner_id beneficiary currency": [server Text, ticket Text, partner_id Text, beneficiary Text,
        currency Text, exact Text, minor Int];
    States "states" key "key": [key Text, value Text, last_at Time, last_server Text, last_ticket Text, version Int];
    StateDeals "state_deals" key "key value_at server ticket": [key Text, value_at Time, server Text, ticket Text, value Text];
    Days "days" key "partner_id currency day": [partner_id Text, currency Text, day Int, lots Lots, deals Int, minor Int];
    Purses "purses" key "partner_id currency": [partner_id Text, currency Text, exact Text, booked_minor Int, paid_minor Int, lines Int,
        statements Int, version Int];
    Clients "clients" key "client_id": [client_id Text];
}

impl Kind {
    /// `lines.jsonl`.
    pub fn file(self) -> String {
        format!("{}.jsonl", self.name())
    }

    /// Where a column is.
    pub(crate) fn at(self, name: &str) -> Result<usize> {
        self.columns()
            .iter()
            .position(|(n, _)| *n == name)
            .ok_or_else(|| Problem::bug("column_unknown", "a kind was asked for a column it does not have"))
    }

    fn keys(self) -> impl Iterator<Item = Result<usize>> {
        self.key().split(' ').map(move |n| self.at(n))
    }

    /// A key before all others.
    pub(crate) fn first(self) -> Result<Vec<Val>> {
        self.keys()
            .map(|k| {
                Ok(match self.columns()[k?].1 {
                    Text | Json => Val::Text(String::new()),
                    _ => Val::Int(i64::MIN),
                })
            })
            .collect()
    }

    /// The key of a row.
    pub(crate) fn key_of(self, row: &[Val]) -> Result<Vec<Val>> {
        self.keys().map(|k| Ok(row[k?].clone())).collect()
    }
}

/// The name in the file.
fn shown((name, ty): &Column) -> String {
    match ty {
        Time => format!("{name}_us"),
        Lots => format!("{name}_e8"),
        _ => (*name).to_string(),
    }
}

/// A row as a line of its file, without the line feed.
pub(crate) fn line(kind: Kind, row: &[Val]) -> Result<String> {
    let mut out = String::with_capacity(64 * row.len());
    for (i, (column, v)) in kind.columns().iter().zip(row).enumerate() {
        out.push(if i == 0 { '{' } else { ',' });
        out.push('"');
        out.push_str(&shown(column));
        out.push_str("\":");
        match (v, column.1) {
            (Val::Null, _) => out.push_str("null"),
            (Val::Int(i), Flag) => out.push_str(if *i == 0 { "false" } else { "true" }),
            (Val::Int(i), _) => out.push_str(&i.to_string()),
            (Val::Bool(b), _) => out.push_str(if *b { "true" } else { "false" }),
            (Val::Text(t), Json) => out.push_str(&serde_json::from_str::<Value>(t)?.to_string()),
            (Val::Text(t), _) => out.push_str(&serde_json::to_string(t)?),
            (Val::Bytes(_), _) => return Err(Problem::bug("row_unreadable", "a column of bytes is not part of the format")),
        }
    }
    out.push('}');
    Ok(out)
}

/// A line back to a row. The answer on failure says what was expected of which field.
pub(crate) fn row(kind: Kind, text: &str) -> std::result::Result<Vec<Val>, String> {
    let mut m: Map<String, Value> = serde_json::from_str(text).map_err(|e| format!("expected a JSON object: column {}", e.column()))?;
    let mut out = Vec::with_capacity(kind.columns().len());
    for c in kind.columns() {
        let name = shown(c);
        let v = m.remove(&name).ok_or_else(|| format!("expected a field {name}"))?;
        out.push(match (v, c.1) {
            (Value::Null, _) => Val::Null,
            (Value::String(t), Text) => Val::Text(t),
            (Value::Bool(b), Flag) => Val::Bool(b),
            (v, Int | Time | Lots) => Val::Int(v.as_i64().ok_or_else(|| format!("expected a whole number in {name}"))?),
            (v, Json) => Val::Text(v.to_string()),
            (_, Text) => return Err(format!("expected text in {name}")),
            (_, Flag) => return Err(format!("expected true or false in {name}")),
        });
    }
    match m.keys().next() {
        Some(k) => Err(format!("expected no field {k}")),
        None => Ok(out),
    }
}
