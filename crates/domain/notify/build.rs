//! Lists the catalogue (`locales/<language>/<namespace>.json`) for embedding: a new folder is a new
//! language, without code.

use std::fmt::Write as _;
use std::path::PathBuf;

/// Namespaces whose texts the server writes itself; all others are the portals' alone.
const OURS: [&str; 4] = ["mail", "shared", "legal", "status"];

fn main() {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../../locales");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut languages: Vec<PathBuf> = std::fs::read_dir(&root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect();
    languages.sort();
    let mut text = String::from("/// Language, namespace, content.\nstatic BUILTIN: &[(&str, &str, &str)] = &[\n");
    for dir in languages {
        let Some(language) = dir.file_name().and_then(|n| n.to_str()) else {
            continue;
        };
        for namespace in OURS {
            if let Ok(file) = dir.join(format!("{namespace}.json")).canonicalize() {
                let _ = writeln!(
                    text,
                    "    ({language:?}, {namespace:?}, include_str!({:?})),",
                    file.display().to_string()
                );
            }
        }
    }
    text.push_str("];\n");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it")).join("locales.rs");
    std::fs::write(out, text).expect("the build folder is writable");
}
