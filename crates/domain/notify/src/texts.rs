//! The texts by language and key: one catalogue with the portals', in `locales/<language>/` at the
//! root of the repository. What is there when the program is built is in it; further languages, and
//! other words for single texts, are read at the start from a folder of the same shape. A key missing
//! in a language is taken from the next: `pt-BR`, `pt`, then English.
//!
//! The files are i18next's: nested JSON, `{{name}}` is a place for a value. The keys of `mail.json`
//! and `status.json` begin with the file's name (`mail.welcome.subject`); those of `shared.json` and
//! `legal.json`, which the API's answers name, are whole (`reject.expired`).

use qd_kernel::{Problem, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/locales.rs"));

/// The language every key exists in.
pub const LAST: &str = "en";

/// Files whose keys do not begin with the file's name.
const WHOLE_KEYS: [&str; 2] = ["shared", "legal"];
const OURS: [&str; 4] = ["mail", "shared", "legal", "status"];

/// Bytes of one file; a larger one is no catalogue.
const MAX_FILE: u64 = 4 * 1024 * 1024;

#[derive(Clone, Debug)]
pub struct Catalogue {
    languages: BTreeMap<String, BTreeMap<String, String>>,
}

/// What a language lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gaps {
    pub language: String,
    /// How many texts English has.
    pub total: usize,
    /// English stands in for these.
    pub missing: Vec<String>,
    /// Other places than English: a mail with one of these could not be written.
    pub wrong: Vec<String>,
}

impl Catalogue {
    pub fn builtin() -> Result<Catalogue> {
        let mut c = Catalogue {
            languages: BTreeMap::new(),
        };
        for (language, namespace, text) in BUILTIN {
            c.add(language, namespace, text)?;
        }
        Ok(c)
    }

    /// What is built in, and on top of it what is in `dir/<language>/<namespace>.json`. Files of
    /// namespaces that are the portals' alone are passed over.
    pub fn with_folder(dir: &Path) -> Result<Catalogue> {
        let mut c = Catalogue::builtin()?;
        let failed = |e: std::io::Error| {
            Problem::invalid(
                "texts.dir",
                "texts_unreadable",
                format!("expected a readable folder at {}", dir.display()),
            )
            .with_source(e)
        };
        let mut folders: Vec<_> = std::fs::read_dir(dir)
            .map_err(failed)?
            .flatten()
            .map(|e| e.path())
            .filter(|p| p.is_dir())
            .collect();
        folders.sort();
        for folder in folders {
            let Some(language) = folder.file_name().and_then(|n| n.to_str()) else {
                continue;
            };
            for namespace in OURS {
                let file = folder.join(format!("{namespace}.json"));
                let Ok(meta) = std::fs::metadata(&file) else { continue };
                if meta.len() > MAX_FILE {
                    return Err(Problem::invalid(
                        "texts.dir",
                        "texts_unreadable",
                        format!("{} is too long", file.display()),
                    ));
                }
                let text = std::fs::read_to_string(&file).map_err(failed)?;
                c.add(language, namespace, &text)?;
            }
        }
        Ok(c)
    }

    /// Adds a language, or texts to one; a key that is there is replaced.
    pub fn add(&mut self, language: &str, namespace: &str, json_text: &str) -> Result<usize> {
        let ok = (2..=8).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !ok {
            return Err(Problem::invalid(
                "/language",
                "language_malformed",
                format!("expected a language like de or pt-BR, not {language}"),
            ));
        }
        let tree: Value = serde_json::from_str(json_text)
            .map_err(|e| Problem::invalid("/texts", "texts_unreadable", format!("{language}/{namespace}.json: {e}")))?;
        let prefix = if WHOLE_KEYS.contains(&namespace) { "" } else { namespace };
        let mut flat = BTreeMap::new();
        flatten(prefix, &tree, &mut flat).map_err(|key| {
            Problem::invalid(
                "/texts",
                "texts_unreadable",
                format!("{language}/{namespace}.json: {key}: expected a text"),
            )
        })?;
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

    /// [`Catalogue::get`] with plain values in their places; a place without a value stays.
    pub fn said(&self, language: &str, key: &str, values: &[(&str, &str)]) -> Option<String> {
        let mut text = self.get(language, key)?;
        let mut out = String::with_capacity(text.len() + 32);
        while let Some((before, name, after)) = next_place(text) {
            out.push_str(before);
            match values.iter().find(|(n, _)| *n == name) {
                Some((_, v)) => out.push_str(v),
                None => out.push_str(&format!("{{{{{name}}}}}")),
            }
            text = after;
        }
        out.push_str(text);
        Some(out)
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

    /// What each language but English lacks.
    pub fn gaps(&self) -> Vec<Gaps> {
        let english = self.keys(LAST);
        let places = |l: &str, k: &str| {
            let text = self.get(l, k).unwrap_or_default();
            places(text).into_iter().map(str::to_string).collect::<BTreeSet<_>>()
        };
        self.languages()
            .filter(|l| *l != LAST)
            .map(|l| {
                let own = self.keys(l);
                let (there, missing): (Vec<&str>, Vec<&str>) =
                    english.iter().copied().filter(|k| !is_plural(k)).partition(|k| own.contains(k));
                let wrong = there.into_iter().filter(|k| places(l, k) != places(LAST, k));
                Gaps {
                    language: l.to_string(),
                    total: english.len(),
                    wrong: wrong.map(str::to_string).collect(),
                    missing: missing.into_iter().map(str::to_string).collect(),
                }
            })
            .collect()
    }
}

/// Languages need other forms than English; `npm run i18n` in `web/` checks them.
fn is_plural(key: &str) -> bool {
    ["_zero", "_one", "_two", "_few", "_many"].iter().any(|s| key.ends_with(s))
}

/// Written from right to left.
pub fn is_rtl(language: &str) -> bool {
    matches!(language.split('-').next(), Some("ar" | "he" | "fa" | "ur"))
}

/// The first place of a text: what is before it, its name, what is after it.
pub(crate) fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (name, after) = rest.split_once("}}")?;
    Some((before, name.trim(), after))
}

/// The names of a text's places, in order.
fn places(text: &str) -> Vec<&str> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some((_, name, after)) = next_place(rest) {
        out.push(name);
        rest = after;
    }
    out
}

/// `{"a": {"b": "x"}}` as `a.b`; names the key that is no text.
fn flatten(at: &str, v: &Value, out: &mut BTreeMap<String, String>) -> std::result::Result<(), String> {
    match v {
        Value::String(s) => {
            out.insert(at.to_string(), s.clone());
            Ok(())
        }
        Value::Object(o) => o.iter().try_for_each(|(k, v)| {
            let key = if at.is_empty() { k.clone() } else { format!("{at}.{k}") };
            flatten(&key, v, out)
        }),
        _ => Err(at.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_languages_of_the_house_lack_nothing_and_have_the_same_places() {
        let c = Catalogue::builtin().unwrap();
        assert!(c.keys("en").len() > 150);
        for g in c.gaps().iter().filter(|g| ["de", "ar"].contains(&g.language.as_str())) {
            assert_eq!((&g.missing, &g.wrong), (&Vec::new(), &Vec::new()), "{}", g.language);
        }
    }

    #[test]
    fn no_text_has_a_brace_that_is_no_place() {
        let c = Catalogue::builtin().unwrap();
        for l in c.languages() {
            for k in c.keys(l) {
                let text = c.get(l, k).unwrap();
                let braces = text.matches(['{', '}']).count();
                assert_eq!(braces, places(text).len() * 4, "{l} {k}: {text}");
            }
        }
    }

    #[test]
    fn a_language_added_at_run_time_is_used_and_its_gaps_are_filled_and_named() {
        let dir = std::env::temp_dir().join(format!("qd_texts_{}", std::process::id()));
        std::fs::create_dir_all(dir.join("pt")).unwrap();
        std::fs::write(
            dir.join("pt/mail.json"),
            r#"{"welcome": {"subject": "{{name}}, bem-vindo à {{brand}}"}, "reset_password": {"subject": "{{oops}}"}}"#,
        )
        .unwrap();
        let c = Catalogue::with_folder(&dir).unwrap();
        std::fs::write(dir.join("pt/shared.json"), r#"{"reject": ["a"]}"#).unwrap();
        let p = Catalogue::with_folder(&dir).unwrap_err();
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(p.is("texts_unreadable") && p.fields[0].expected.contains("reject"), "{p:?}");
        assert_eq!(c.get("pt-BR", "mail.welcome.subject"), Some("{{name}}, bem-vindo à {{brand}}"));
        assert_eq!(
            c.said("pt", "mail.welcome.subject", &[("name", "{{x}}")]).unwrap(),
            "{{x}}, bem-vindo à {{brand}}"
        );
        assert_eq!(c.get("pt", "mail.welcome.body"), c.get("en", "mail.welcome.body"));
        let gaps = c.gaps().into_iter().find(|g| g.language == "pt").unwrap();
        assert!(gaps.missing.contains(&"mail.welcome.body".to_string()));
        assert_eq!(gaps.wrong, ["mail.reset_password.subject"]);
        assert!(Catalogue::with_folder(&dir).is_err());
    }

    #[test]
    fn a_file_that_is_no_catalogue_is_refused_by_its_name() {
        let mut c = Catalogue::builtin().unwrap();
        assert!(c.add("p", "mail", "{}").is_err());
        let p = c.add("pt", "mail", "{").unwrap_err();
        assert!(p.fields[0].expected.contains("pt/mail.json"), "{p:?}");
    }
}
