//! Lists with cursors, searches by query, and `expand`.

use super::balance;
use super::error::{Answer, StripeError};
use super::op::Op;
use super::params::Params;
use super::tables::*;
use serde_json::{Value, json};

/// A list endpoint: its table, its address, and the parameters that compare a field.
pub struct Listing {
    pub table: &'static str,
    pub url: &'static str,
    pub fields: &'static str,
}

const PAGING: &str = "limit starting_after ending_before created";

pub fn list(op: &Op<'_>, l: &Listing, p: &Params<'_>) -> Answer<Value> {
    let extra = match l.table {
        EVENTS => " type types delivery_success",
        BALANCE => " payout type currency",
        SESSIONS => " customer_details",
        PAYOUTS => " arrival_date",
        METHODS => " allow_redisplay",
        _ => "",
    };
    p.only(&format!("{PAGING} {}{extra}", l.fields))?;
    let limit = limit(p)?;
    let mut wanted: Vec<(&str, String)> = Vec::new();
    for f in l.fields.split(' ').filter(|f| !f.is_empty()) {
        if let Some(v) = p.text(f)? {
            wanted.push((f, v.to_string()));
        }
    }
    let created = Range::of(p, "created")?;
    let events = EventFilter::of(op, l.table, p)?;
    let payout = if l.table == BALANCE { p.text("payout")? } else { None };
    let kind = if l.table == BALANCE { p.text("type")? } else { None };
    let currency = if l.table == BALANCE { p.text("currency")? } else { None };
    let mail = p
        .object("customer_details")?
        .map(|c| c.need_text("email").map(str::to_string))
        .transpose()?;
    let fits = |r: &Row| {
        r.o["deleted"] != true
            && wanted.iter().all(|(f, v)| r.o.text(f) == v)
            && created.holds(r.o.num("created"))
            && events.as_ref().is_none_or(|e| e.holds(r))
            && payout.is_none_or(|po| r.x.get("payout").and_then(Value::as_str) == Some(po))
            && kind.is_none_or(|k| r.o.is("type", k))
            && currency.is_none_or(|c| r.o.is("currency", c))
            && mail.as_ref().is_none_or(|m| r.o["customer_details"].is("email", m))
    };
    let position = |key: &str| -> Answer<Option<u64>> {
        let Some(id) = p.text(key)? else { return Ok(None) };
        op.t.row(l.table, id)
            .map(|r| Some(r.seq))
            .ok_or_else(|| StripeError::no_such_param(l.table, id, key))
    };
    let (after, before) = (position("starting_after")?, position("ending_before")?);
    if after.is_some() && before.is_some() {
        return Err(StripeError::invalid("You cannot parse both `starting_after` and `ending_before`.").param("ending_before"));
    }
    // An index when a filter has one, else the whole table; both oldest first.
    let indexed = wanted
        .iter()
        .find_map(|(f, v)| Tables::is_indexed(f).map(|f| op.t.rows_by(l.table, f, v)));
    let rows: Box<dyn DoubleEndedIterator<Item = &Row>> = match indexed {
        Some(v) => Box::new(v.into_iter()),
        None => Box::new(op.t.rows(l.table).map(|(_, r)| r)),
    };
    let mut data: Vec<Value>;
    if let Some(b) = before {
        data = rows.filter(|r| r.seq > b && fits(r)).take(limit + 1).map(|r| r.o.clone()).collect();
    } else {
        data = rows
            .rev()
            .filter(|r| after.is_none_or(|a| r.seq < a) && fits(r))
            .take(limit + 1)
            .map(|r| r.o.clone())
            .collect();
    }
    let has_more = data.len() > limit;
    data.truncate(limit);
    if before.is_some() {
        data.reverse();
    }
    let data: Vec<Value> = data.into_iter().map(|o| present(op, l.table, o)).collect();
    Ok(json!({"object": "list", "data": data, "has_more": has_more, "url": l.url}))
}

/// What changes by time alone, or differs between disk and answer.
pub fn present(op: &Op<'_>, table: &'static str, o: Value) -> Value {
    match table {
        BALANCE => balance::shown(op, o),
        _ => o,
    }
}

fn limit(p: &Params<'_>) -> Answer<usize> {
    let n = p.int("limit")?.unwrap_or(10);
    if n < 1 {
        return Err(StripeError::invalid("This value must be greater than or equal to 1.")
            .code("parameter_invalid_integer")
            .param("limit"));
    }
    if n > 100 {
        return Err(StripeError::invalid("This value must be less than or equal to 100.")
            .code("parameter_invalid_integer")
            .param("limit"));
    }
    Ok(usize::try_from(n).unwrap_or(10))
}

/// `created=…` or `created[gte]=…`.
struct Range {
    at_least: i64,
    at_most: i64,
}

impl Range {
    fn of(p: &Params<'_>, key: &str) -> Answer<Range> {
        let mut r = Range {
            at_least: i64::MIN,
            at_most: i64::MAX,
        };
        if !p.has(key) {
            return Ok(r);
        }
        if !p.raw(key).is_some_and(Value::is_object) {
            let t = p.int(key)?.unwrap_or_default();
            return Ok(Range { at_least: t, at_most: t });
        }
        if let Some(o) = p.object(key)? {
            o.only("gt gte lt lte")?;
            r.at_least = o
                .int("gte")?
                .unwrap_or(i64::MIN)
                .max(o.int("gt")?.map_or(i64::MIN, |t| t.saturating_add(1)));
            r.at_most = o
                .int("lte")?
                .unwrap_or(i64::MAX)
                .min(o.int("lt")?.map_or(i64::MAX, |t| t.saturating_sub(1)));
        }
        Ok(r)
    }
    fn holds(&self, t: i64) -> bool {
        (self.at_least..=self.at_most).contains(&t)
    }
}

struct EventFilter {
    types: Vec<String>,
    delivered: Option<bool>,
    since: i64,
}

impl EventFilter {
    fn of(op: &Op<'_>, table: &str, p: &Params<'_>) -> Answer<Option<EventFilter>> {
        if table != EVENTS {
            return Ok(None);
        }
        let mut types = p.texts("types")?.unwrap_or_default();
        if types.len() > 20 {
            return Err(StripeError::invalid("You may pass up to 20 event types.").param("types"));
        }
        if let Some(t) = p.text("type")? {
            if !types.is_empty() {
                return Err(StripeError::invalid("You may only specify one of these parameters: type, types.").param("types"));
            }
            types.push(t.to_string());
        }
        Ok(Some(EventFilter {
            types,
            delivered: p.flag("delivery_success")?,
            since: op.now.plus_days(-30).secs(),
        }))
    }
    fn holds(&self, r: &Row) -> bool {
        let kind = r.o.text("type");
        let open = r.x.get("undelivered").and_then(Value::as_i64).unwrap_or(0) > 0;
        r.o.num("created") >= self.since
            && (self.types.is_empty()
                || self
                    .types
                    .iter()
                    .any(|t| t == kind || t.strip_suffix('*').is_some_and(|head| kind.starts_with(head))))
            && self.delivered.is_none_or(|d| d != open)
    }
}

pub fn search(op: &Op<'_>, table: &'static str, url: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("query limit page")?;
    let query = p.need_text("query")?;
    let bad = || {
        StripeError::invalid("We were unable to parse your search query. Refer to https://stripe.com/docs/search for the query language.")
            .param("query")
    };
    let clauses = clauses(query).ok_or_else(bad)?;
    let limit = limit(p)?;
    let skip = match p.text("page")? {
        None => 0usize,
        Some(t) => t
            .strip_prefix("page_")
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| StripeError::invalid("Invalid page").param("page"))?,
    };
    let fits = |r: &Row| {
        if clauses.any {
            clauses.list.iter().any(|c| c.holds(&r.o))
        } else {
            clauses.list.iter().all(|c| c.holds(&r.o))
        }
    };
    let mut data: Vec<Value> =
        op.t.rows(table)
            .rev()
            .map(|(_, r)| r)
            .filter(|r| r.o["deleted"] != true && fits(r))
            .skip(skip)
            .take(limit + 1)
            .map(|r| r.o.clone())
            .collect();
    let has_more = data.len() > limit;
    data.truncate(limit);
    let next = if has_more {
        json!(format!("page_{}", skip + limit))
    } else {
        Value::Null
    };
    Ok(json!({"object": "search_result", "data": data, "has_more": has_more, "next_page": next, "url": url}))
}

struct Clauses {
    list: Vec<Clause>,
    /// OR instead of AND; the two do not mix.
    any: bool,
}

struct Clause {
    field: Vec<String>,
    not: bool,
    how: &'static str,
    value: String,
}

impl Clause {
    fn holds(&self, o: &Value) -> bool {
        let found = self.field.iter().try_fold(o, |v, k| v.get(k));
        let hit = match found {
            None | Some(Value::Null) => self.value == "null" && self.how == ":",
            Some(v) => {
                let text = v.as_str().map_or_else(|| v.to_string(), str::to_string);
                match (self.how, text.parse::<i64>(), self.value.parse::<i64>()) {
                    (">", Ok(a), Ok(b)) => a > b,
                    ("<", Ok(a), Ok(b)) => a < b,
                    (">=", Ok(a), Ok(b)) => a >= b,
                    ("<=", Ok(a), Ok(b)) => a <= b,
                    ("~", ..) => text.to_lowercase().contains(&self.value.to_lowercase()),
                    (":", ..) => text.eq_ignore_ascii_case(&self.value),
                    _ => false,
                }
            }
        };
        hit != self.not
    }
}

/// `metadata['order']:'7' AND -status:"canceled"`.
fn clauses(query: &str) -> Option<Clauses> {
    let (mut rest, mut list, mut any, mut all) = (query.trim(), Vec::new(), false, false);
    loop {
        let not = rest.starts_with('-');
        rest = rest.trim_start_matches('-');
        let end = rest.find([':', '<', '>', '~', '['])?;
        let mut field: Vec<String> = rest[..end].trim().split('.').map(str::to_string).collect();
        rest = &rest[end..];
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = quoted(inner)?;
            field.push(key);
            rest = after.strip_prefix(']')?;
        }
        let how = [">=", "<=", ":", ">", "<", "~"].into_iter().find(|h| rest.starts_with(h))?;
        rest = rest[how.len()..].trim_start();
        let value = if rest.starts_with(['\'', '"']) {
            let (v, after) = quoted(rest)?;
            rest = after;
            v
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            let v = rest[..end].to_string();
            rest = &rest[end..];
            v
        };
        list.push(Clause { field, not, how, value });
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let word = rest.split(' ').next().unwrap_or_default();
        match word.to_uppercase().as_str() {
            "AND" => all = true,
            "OR" => any = true,
            _ => return None,
        }
        rest = rest[word.len()..].trim_start();
    }
    (!(any && all)).then_some(Clauses { list, any })
}

fn quoted(s: &str) -> Option<(String, &str)> {
    let q = s.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut out = String::new();
    let mut escaped = false;
    for (i, c) in s.char_indices().skip(1) {
        if escaped {
            out.push(c);
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == q {
            return Some((out, &s[i + 1..]));
        } else {
            out.push(c);
        }
    }
    None
}

/// Puts whole objects where ids stand, as `expand[]` asks.
pub fn expand(op: &Op<'_>, answer: &mut Value, p: &Params<'_>) -> Answer<()> {
    for path in p.texts("expand")?.unwrap_or_default() {
        let parts: Vec<&str> = path.split('.').collect();
        if parts.len() > 5 {
            return Err(StripeError::invalid("You cannot expand more than 4 levels of a property.").param("expand"));
        }
        walk(op, answer, &parts).ok_or_else(|| {
            StripeError::invalid(format!(
                "This property cannot be expanded ({path}). You may want to try expanding it with a different path."
            ))
            .param("expand")
        })?;
    }
    Ok(())
}

fn walk(op: &Op<'_>, at: &mut Value, path: &[&str]) -> Option<()> {
    if let Value::Array(items) = at {
        return items.iter_mut().try_for_each(|i| walk(op, i, path));
    }
    let (head, rest) = path.split_first()?;
    let virtual_list = match (at.text("object"), *head) {
        ("charge", "refunds") => Some(of_parent(op, REFUNDS, "charge", at.text("id"))),
        ("checkout.session", "line_items") => Some(line_items(op, at.text("id"))),
        _ => None,
    };
    if let Some(l) = virtual_list {
        at[*head] = l;
    }
    let child = at.get_mut(*head)?;
    match child {
        Value::Null => return Some(()),
        Value::String(id) => {
            let (table, o) = find(op, id)?;
            *child = present(op, table, o);
        }
        Value::Array(_) | Value::Object(_) => {}
        _ => return None,
    }
    if rest.is_empty() { Some(()) } else { walk(op, child, rest) }
}

/// Refunds of a charge, as its expandable sub-list.
fn of_parent(op: &Op<'_>, table: &'static str, field: &'static str, id: &str) -> Value {
    let data: Vec<Value> =
        op.t.rows_by(table, field, id)
            .into_iter()
            .rev()
            .take(10)
            .map(|r| r.o.clone())
            .collect();
    json!({"object": "list", "data": data, "has_more": false, "url": format!("/v1/charges/{id}/refunds")})
}

pub fn line_items(op: &Op<'_>, session: &str) -> Value {
    let data = op.t.hidden(SESSIONS, session, "line_items").cloned().unwrap_or(json!([]));
    json!({"object": "list", "data": data, "has_more": false, "url": format!("/v1/checkout/sessions/{session}/line_items")})
}

fn find(op: &Op<'_>, id: &str) -> Option<(&'static str, Value)> {
    let table = match id.split('_').next()? {
        "pi" => INTENTS,
        "ch" => CHARGES,
        "re" => REFUNDS,
        "cus" => CUSTOMERS,
        "pm" => METHODS,
        "txn" => BALANCE,
        "du" => DISPUTES,
        "po" => PAYOUTS,
        "cs" => SESSIONS,
        _ => return None,
    };
    op.t.get(table, id).map(|o| (table, o.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_query_compares_metadata_numbers_and_negations_but_mixes_no_and_with_or() {
        let o = json!({"amount": 500, "status": "succeeded", "metadata": {"order": "it's 7"}});
        let hit = |q: &str| {
            clauses(q).map(|c| {
                if c.any {
                    c.list.iter().any(|x| x.holds(&o))
                } else {
                    c.list.iter().all(|x| x.holds(&o))
                }
            })
        };
        assert_eq!(hit(r"metadata['order']:'it\'s 7' AND amount>=500"), Some(true));
        assert_eq!(hit("metadata[\"order\"]:\"8\" OR status:'succeeded'"), Some(true));
        assert_eq!(hit("-status:'succeeded'"), Some(false));
        assert_eq!(hit("metadata['none']:null"), Some(true));
        assert_eq!(hit("a:'1' AND b:'2' OR c:'3'"), None);
        assert_eq!(hit("nonsense"), None);
    }
}
