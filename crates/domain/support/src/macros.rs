//! Answers that are written often: one text per language, with places for what is different.

use crate::model::Category;
use crate::store;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts, id};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::ToSchema;

id!(MacroId, "mac", "A prepared answer.");

/// What a text may leave open. `status` is where the record stands that the ticket is about, in the
/// words that the portals show.
pub const PLACES: [&str; 6] = ["name", "subject", "status", "amount", "reference", "agent"];
/// The language that every macro has.
pub const LAST: &str = "en";

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TicketMacro, example = json!({"id": "mac_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "title": "Where the money is", "category": "deposit", "bodies": {"en": "Hello {{name}},\n\n{{status}}"}, "active": true, "updated_by": "system:defaults", "updated_at_us": 1_790_000_000_000_000_i64, "version": 1}))]
pub struct Macro {
    pub id: MacroId,
    pub title: String,
    /// Offered on tickets of this category; on all when absent.
    pub category: Option<Category>,
    /// By language. `{{name}}`, `{{subject}}`, `{{status}}`, `{{amount}}`, `{{reference}}`, `{{agent}}` are places.
    pub bodies: BTreeMap<String, String>,
    pub active: bool,
    pub updated_by: String,
    pub updated_at_us: Ts,
    pub version: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": "Where the money is", "category": "deposit", "bodies": {"en": "Hello {{name}},\n\n{{status}}"}, "active": true, "version": 0}))]
pub struct MacroDraft {
    pub title: String,
    #[serde(default)]
    pub category: Option<Category>,
    pub bodies: BTreeMap<String, String>,
    #[serde(default = "yes")]
    pub active: bool,
    /// The version the change starts from; 0 for a new one.
    #[serde(default)]
    pub version: i64,
}

fn yes() -> bool {
    true
}

/// The next place of a text: what is before it, its name, what is after it. Written as in the
/// catalogue: `{{name}}`.
fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (name, after) = rest.split_once("}}")?;
    Some((before, name.trim(), after))
}

fn places(text: &str) -> Vec<&str> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some((_, name, after)) = next_place(rest) {
        out.push(name);
        rest = after;
    }
    out
}

fn check(d: &MacroDraft) -> Result<()> {
    if d.title.trim().is_empty() || d.title.chars().count() > 100 || d.title.chars().any(char::is_control) {
        return Err(Problem::invalid("/title", "title_length", "expected 1 to 100 characters"));
    }
    if !d.bodies.contains_key(LAST) || d.bodies.len() > 50 {
        return Err(Problem::invalid(
            "/bodies",
            "bodies_language",
            format!("expected a text in {LAST} and in at most 49 other languages"),
        ));
    }
    for (language, body) in &d.bodies {
        let at = format!("/bodies/{language}");
        let ok = (2..=8).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !ok {
            return Err(Problem::invalid(&at, "language_malformed", "expected a language like de or pt-BR"));
        }
        if body.trim().is_empty() || body.chars().count() > 5_000 {
            return Err(Problem::invalid(&at, "text_length", "expected 1 to 5000 characters"));
        }
        if places(body).iter().any(|p| !PLACES.contains(p)) {
            return Err(Problem::invalid(
                &at,
                "place_unknown",
                format!("expected only the places {}", PLACES.join(", ")),
            ));
        }
    }
    Ok(())
}

/// All of them, by title.
pub async fn list(tx: &mut Tx, caller: &Caller) -> Result<Vec<Macro>> {
    caller.require(Right::TicketsView)?;
    store::macros(tx).await
}

pub async fn get(tx: &mut Tx, caller: &Caller, id: MacroId) -> Result<Macro> {
    caller.require(Right::TicketsView)?;
    store::macro_by_id(tx, id).await?.ok_or_else(|| Problem::missing("macro"))
}

/// Adds or changes one.
pub async fn put(tx: &mut Tx, core: &Core, caller: &Caller, id: Option<MacroId>, d: MacroDraft) -> Result<Macro> {
    caller.require(Right::TicketsWork)?;
    check(&d)?;
    let before = match id {
        Some(id) => Some(store::macro_by_id(tx, id).await?.ok_or_else(|| Problem::missing("macro"))?),
        None => None,
    };
    let m = Macro {
        id: id.unwrap_or_else(|| MacroId::new(&core.env)),
        title: d.title.trim().to_string(),
        category: d.category,
        bodies: d.bodies,
        active: d.active,
        updated_by: caller.id(),
        updated_at_us: core.now(),
        version: d.version + 1,
    };
    if !store::put_macro(tx, &m, before.is_none()).await? {
        return Err(match before {
            None => Problem::conflict("macro_there", "a macro of this title is there already").and_field(
                "/title",
                "macro_there",
                "another title",
            ),
            Some(_) => Problem::conflict("version_changed", "the macro was changed in the meantime").and_field(
                "/version",
                "version_changed",
                "expected the latest version",
            ),
        });
    }
    let e = Entry::new(caller, "macro.saved", format!("macro:{}", m.id))
        .after(json!({"title": m.title, "bodies": m.bodies, "active": m.active}));
    let e = match before {
        Some(b) => e.before(json!({"title": b.title, "bodies": b.bodies, "active": b.active})),
        None => e,
    };
    audit::record(tx, core, e).await?;
    Ok(m)
}

/// Puts the first macros in place: (title, category, bodies). Nothing where there are some already.
pub async fn seed(tx: &mut Tx, core: &Core, first: Vec<(String, Option<Category>, BTreeMap<String, String>)>) -> Result<()> {
    if !store::macros(tx).await?.is_empty() {
        return Ok(());
    }
    for (title, category, bodies) in first {
        let d = MacroDraft {
            title,
            category,
            bodies,
            active: true,
            version: 0,
        };
        // Two nodes that start at once both see an empty table; one of them is first.
        match put(tx, core, &Caller::system("defaults"), None, d).await {
            Err(p) if p.is("macro_there") => {}
            other => other.map(|_| ())?,
        }
    }
    Ok(())
}

/// The text in a language (else in the base language, else English) with its places filled; what has
/// no value becomes nothing.
pub fn fill(m: &Macro, language: &str, values: &BTreeMap<&str, String>) -> String {
    let base = language.split('-').next().unwrap_or(language);
    let body = [language, base, LAST]
        .iter()
        .find_map(|l| m.bodies.get(*l))
        .map_or("", String::as_str);
    let (mut out, mut rest) = (String::with_capacity(body.len()), body);
    while let Some((before, name, after)) = next_place(rest) {
        out.push_str(before);
        out.push_str(values.get(name).map_or("", String::as_str));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_answers_in_the_clients_language_and_a_value_cannot_open_another_place() {
        let m = Macro {
            id: MacroId::from_body(1),
            title: "t".into(),
            category: None,
            bodies: [("en", "Hello {{name}}: {{status}}."), ("de", "Hallo {{name}}: {{status}}.")]
                .map(|(l, b)| (l.to_string(), b.to_string()))
                .into(),
            active: true,
            updated_by: String::new(),
            updated_at_us: Ts(0),
            version: 1,
        };
        let values = BTreeMap::from([("name", "{{status}}".to_string()), ("status", "paid".to_string())]);
        assert_eq!(fill(&m, "de-AT", &values), "Hallo {{status}}: paid.");
        assert_eq!(fill(&m, "ar", &values), "Hello {{status}}: paid.");
        assert_eq!(fill(&m, "en", &BTreeMap::new()), "Hello : .");
    }

    #[test]
    fn a_draft_with_an_unknown_place_or_without_english_names_the_field() {
        let draft = |bodies: &[(&str, &str)]| MacroDraft {
            title: "t".into(),
            category: None,
            bodies: bodies.iter().map(|(l, b)| (l.to_string(), b.to_string())).collect(),
            active: true,
            version: 0,
        };
        assert!(check(&draft(&[("en", "Hello {{name}}")])).is_ok());
        assert_eq!(
            check(&draft(&[("en", "Hello {{iban}}")])).unwrap_err().fields[0].pointer,
            "/bodies/en"
        );
        assert_eq!(check(&draft(&[("de", "Hallo")])).unwrap_err().fields[0].pointer, "/bodies");
    }
}
