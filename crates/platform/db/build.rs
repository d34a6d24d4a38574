//! Lists the migration files of both engines, so that adding one needs no line of Rust.

use std::fmt::Write as _;
use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../migrations");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut out = String::from("pub static MIGRATIONS: &[Migration] = &[\n");
    let dir = root.join("sqlite");
    println!("cargo:rerun-if-changed={}", dir.display());
    println!("cargo:rerun-if-changed={}", root.join("postgres").display());
    let mut names: Vec<String> = std::fs::read_dir(&dir)
        .map(|d| {
            d.filter_map(|e| e.ok())
                .filter_map(|e| e.file_name().into_string().ok())
                .filter(|n| n.ends_with(".sql"))
                .collect()
        })
        .unwrap_or_default();
    names.sort();
    for n in names {
        let number: u32 = n
            .split('_')
            .next()
            .and_then(|p| p.parse().ok())
            .expect("a migration is named NNNN_name.sql");
        for engine in ["sqlite", "postgres"] {
            println!("cargo:rerun-if-changed={}", root.join(engine).join(&n).display());
        }
        let abs = |e: &str| {
            root.join(e)
                .join(&n)
                .canonicalize()
                .expect("each migration has a file for each engine")
                .display()
                .to_string()
        };
        let _ = writeln!(
            out,
            "Migration {{ number: {number}, name: {n:?}, sqlite: include_str!({:?}), postgres: include_str!({:?}) }},",
            abs("sqlite"),
            abs("postgres")
        );
    }
    out.push_str("];\n");
    let dest = Path::new(&std::env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("migrations.rs");
    std::fs::write(dest, out).expect("the build folder is writable");
}
