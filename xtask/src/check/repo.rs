//! The tree as the rules see it: every text file's path and content, and every path that exists.

use super::scan::Source;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Folders that are made, not written.
const SKIPPED: &[&str] = &[".git", "target", "node_modules", "dist", "data", "__pycache__"];
/// Folders whose name starts with a dot and that are read all the same.
const HIDDEN: &[&str] = &[".ci", ".cargo", ".config"];
const TEXT: &[&str] = &["rs", "toml", "md", "sql", "json", "ts", "tsx", "css", "html", "sh", "py", "lock"];
/// A larger file is not something a person wrote. The OpenAPI file stays well below it.
const MAX_BYTES: u64 = 4 << 20;

pub struct File {
    pub text: String,
    source: OnceCell<Source>,
}

pub struct Repo {
    pub files: BTreeMap<String, File>,
    /// Files and folders, whatever their kind.
    pub paths: BTreeSet<String>,
}

impl Repo {
    pub fn read(root: &Path) -> std::io::Result<Repo> {
        let mut repo = Repo {
            files: BTreeMap::new(),
            paths: BTreeSet::new(),
        };
        repo.walk(root, "")?;
        Ok(repo)
    }

    fn walk(&mut self, dir: &Path, prefix: &str) -> std::io::Result<()> {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Other tools write while we read: what vanished in between is not ours to judge.
            let Ok(meta) = std::fs::symlink_metadata(entry.path()) else {
                continue;
            };
            let path = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}/{name}")
            };
            if meta.is_dir() {
                // `data` is what `make run` writes at the root; a module may be called data.
                let made = SKIPPED.contains(&name.as_str()) && (name != "data" || prefix.is_empty());
                if made || (name.starts_with('.') && !HIDDEN.contains(&name.as_str())) {
                    continue;
                }
                self.walk(&entry.path(), &path)?;
            } else if meta.is_file()
                && meta.len() <= MAX_BYTES
                && is_text(&name)
                && let Ok(text) = std::fs::read_to_string(entry.path())
            {
                self.insert(&path, text);
            }
            self.paths.insert(path);
        }
        Ok(())
    }

    fn insert(&mut self, path: &str, text: String) {
        self.files.insert(
            path.to_string(),
            File {
                text,
                source: OnceCell::new(),
            },
        );
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(|f| f.text.as_str())
    }

    pub fn with_extension<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(p, _)| extension_of(p) == extension)
            .map(|(p, f)| (p.as_str(), f.text.as_str()))
    }

    /// Every Rust file with its tokens, read once.
    pub fn rust(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.files
            .iter()
            .filter(|(p, _)| extension_of(p) == "rs")
            .map(|(p, f)| (p.as_str(), f.source.get_or_init(|| Source::read(&f.text))))
    }

    /// Files that are compiled for tests only: `tests/` and `benches/` folders, and modules that
    /// another file declares under `#[cfg(test)]`.
    pub fn test_files(&self) -> BTreeSet<&str> {
        let mut tests: BTreeSet<&str> = self
            .files
            .keys()
            .map(String::as_str)
            .filter(|p| in_folder(p, &["tests", "benches"]))
            .collect();
        for (path, source) in self.rust() {
            for module in &source.test_modules {
                let (dir, own) = path.rsplit_once('/').unwrap_or(("", path));
                let stem = own.trim_end_matches(".rs");
                let base = if matches!(stem, "lib" | "main" | "mod") {
                    dir.to_string()
                } else {
                    format!("{dir}/{stem}")
                };
                let file = match &module.file {
                    Some(file) => format!("{dir}/{file}"),
                    None => format!("{base}/{}.rs", module.name),
                };
                let folder = format!("{base}/{}/", module.name);
                tests.extend(
                    self.files
                        .keys()
                        .map(String::as_str)
                        .filter(|p| *p == file || p.starts_with(&folder)),
                );
            }
        }
        tests
    }
}

#[cfg(test)]
impl Repo {
    /// A small tree for a rule's test.
    pub fn of(files: &[(&str, &str)]) -> Repo {
        let mut repo = Repo {
            files: BTreeMap::new(),
            paths: BTreeSet::new(),
        };
        for (path, text) in files {
            repo.insert(path, (*text).to_string());
            let mut at = Some(*path);
            while let Some(p) = at {
                repo.paths.insert(p.to_string());
                at = p.rsplit_once('/').map(|(parent, _)| parent);
            }
        }
        repo
    }
}

fn extension_of(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, n)| n);
    name.rsplit_once('.').map_or("", |(_, e)| e)
}

fn is_text(name: &str) -> bool {
    name == "Makefile" || TEXT.contains(&extension_of(name))
}

/// One of the path's folders (not its last part) has one of these names.
pub fn in_folder(path: &str, names: &[&str]) -> bool {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    parts.iter().any(|p| names.contains(p))
}

/// `path` is `prefix` or lies under it, or is the file `prefix.rs`.
pub fn under(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == ".rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_declared_for_tests_makes_its_file_a_test_file() {
        let repo = Repo::of(&[
            ("crates/a/src/lib.rs", "#[cfg(test)] mod checks; mod real;"),
            ("crates/a/src/checks.rs", ""),
            (
                "crates/a/src/real.rs",
                "#[cfg(test)] mod deep; #[cfg(test)] #[path = \"real_tests.rs\"] mod tests; #[path = \"more.rs\"] #[cfg(test)] mod more;",
            ),
            ("crates/a/src/real_tests.rs", ""),
            ("crates/a/src/more.rs", ""),
            ("crates/a/src/real/deep.rs", ""),
            ("crates/a/src/real/other.rs", ""),
            ("crates/a/tests/flow.rs", ""),
        ]);
        let tests: Vec<_> = repo.test_files().into_iter().collect();
        let expected = ["checks.rs", "more.rs", "real/deep.rs", "real_tests.rs"].map(|f| format!("crates/a/src/{f}"));
        assert_eq!(tests[..4], expected);
        assert_eq!(tests[4..], ["crates/a/tests/flow.rs"]);
    }

    #[test]
    fn a_prefix_covers_its_file_and_its_folder_and_nothing_longer() {
        assert!(under("crates/app/server/src/verify.rs", "crates/app/server/src/verify"));
        assert!(under("crates/app/server/src/verify/chain.rs", "crates/app/server/src/verify"));
        assert!(!under("crates/app/server/src/verifying.rs", "crates/app/server/src/verify"));
    }
}
