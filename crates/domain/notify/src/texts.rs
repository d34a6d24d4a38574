//! The texts by language and key. Three languages are built in; more are added at run time from
//! TOML files of the same shape. A key missing in a language is taken from the next: `pt-BR`,
//! `pt`, then English.

use qd_kernel::{Problem, Result};
use std::collections::{BTreeMap, BTreeSet};

/// The language every key exists in.
pub const LAST: &str = "en";

#[derive(Clone, Debug)]
pub struct Catalogue {
    languages: BTreeMap<String, BTreeMap<String, String>>,
}

impl Catalogue {
    pub fn builtin() -> Result<Catalogue> {
        let mut c = Catalogue {
            languages: BTreeMap::new(),
        };
        c.add("en", include_str!("../texts/en.toml"))?;
        c.add("de", include_str!("../texts/de.toml"))?;
        c.add("ar", include_str!("../texts/ar.toml"))?;
        Ok(c)
    }

    /// Adds a language, or texts to one; a key that is there is replaced. Tables become dotted
    /// keys: `[mail.welcome] subject = "…"` is `mail.welcome.subject`.
    pub fn add(&mut self, language: &str, toml_text: &str) -> Result<usize> {
        let ok = (2..=8).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !ok {
            return Err(Problem::invalid(
                "/language",
                "language_malformed",
                "expected a language like de or pt-BR",
            ));
        }
        let table: toml::Table = toml_text
            .parse()
            .map_err(|e| Problem::invalid("/texts", "texts_unreadable", format!("{language}: {e}")))?;
        let mut flat = BTreeMap::new();
        flatten("", &table, &mut flat)?;
        let n = flat.len();
        self.languages.entry(language.to_string()).or_default().extend(flat);
        Ok(n)
    }

    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str)
    }

    /// The text in the language or the next one that has it.
    pub fn get(&self, language: &str, key: &str) -> Option<&str> {
        let base = language.split('-').next().unwrap_or(language);
        [language, base, LAST]
            .iter()
            .find_map(|l| self.languages.get(*l)?.get(key))
            .map(String::as_str)
    }

    /// The language a text would come in, so that a mail is in one language throughout.
    pub fn resolve(&self, language: &str, key: &str) -> String {
        let base = language.split('-').next().unwrap_or(language);
        [language, base]
            .iter()
            .find(|l| self.languages.get(**l).is_some_and(|t| t.contains_key(key)))
            .map_or(LAST, |l| l)
            .to_string()
    }

    pub fn keys(&self, language: &str) -> BTreeSet<&str> {
        self.languages
            .get(language)
            .into_iter()
            .flatten()
            .map(|(k, _)| k.as_str())
            .collect()
    }

    /// All texts of a language with the gaps filled, for the portals.
    pub fn all(&self, language: &str) -> BTreeMap<String, String> {
        self.keys(LAST)
            .into_iter()
            .chain(self.keys(language))
            .filter_map(|k| Some((k.to_string(), self.get(language, k)?.to_string())))
            .collect()
    }
}

/// Written from right to left.
pub fn is_rtl(language: &str) -> bool {
    matches!(language.split('-').next(), Some("ar" | "he" | "fa" | "ur"))
}

fn flatten(prefix: &str, table: &toml::Table, out: &mut BTreeMap<String, String>) -> Result<()> {
    for (k, v) in table {
        let key = if prefix.is_empty() { k.clone() } else { format!("{prefix}.{k}") };
        match v {
            toml::Value::String(s) => {
                out.insert(key, s.trim().to_string());
            }
            toml::Value::Table(t) => flatten(&key, t, out)?,
            _ => return Err(Problem::invalid("/texts", "texts_unreadable", format!("{key}: expected a text"))),
        }
    }
    Ok(())
}

/// The names in braces of a text, in order.
#[cfg(test)]
fn placeholders(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}') else { break };
        out.push(&rest[open + 1..open + close]);
        rest = &rest[open + close + 1..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_language_has_every_text_with_the_same_placeholders() {
        let c = Catalogue::builtin().unwrap();
        let en = c.keys("en");
        for l in ["de", "ar"] {
            assert_eq!(c.keys(l), en, "{l}");
            for k in &en {
                let set = |l| placeholders(c.get(l, k).unwrap()).into_iter().collect::<BTreeSet<_>>();
                assert_eq!(set(l), set("en"), "{l} {k}");
            }
        }
    }

    #[test]
    fn a_language_added_at_run_time_is_used_and_its_gaps_are_filled() {
        let mut c = Catalogue::builtin().unwrap();
        c.add("pt", "[mail.welcome]\nsubject = \"Bem-vindo, {name}\"").unwrap();
        assert_eq!(c.get("pt-BR", "mail.welcome.subject"), Some("Bem-vindo, {name}"));
        assert_eq!(c.get("pt", "mail.welcome.body"), c.get("en", "mail.welcome.body"));
        assert!(c.add("p", "").is_err());
        assert!(c.add("pt", "a = 1").is_err());
    }
}
