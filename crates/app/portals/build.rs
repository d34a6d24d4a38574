//! Lists the built portals (`web/dist`) for embedding, if they are there: this build works without
//! Node, with a page that says how to build them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Looks at a folder that is being written.
const TRIES: u32 = 5;

fn main() {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../..");
    let dist = root.join("web/dist");
    println!("cargo:rerun-if-changed=build.rs");
    // A folder that is not there would make cargo run this again at every build: an empty one, as
    // old as time, is there and has not changed.
    if !dist.is_dir()
        && std::fs::create_dir_all(&dist).is_ok()
        && let Ok(f) = std::fs::File::open(&dist)
    {
        let _ = f.set_modified(SystemTime::UNIX_EPOCH);
    }
    if dist.is_dir() {
        println!("cargo:rerun-if-changed={}", dist.display());
    }
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it"));
    // A copy of its own: `npm run build` may replace the folder while rustc reads it.
    let copies = out.join("dist");
    let mut files = Vec::new();
    for _ in 0..TRIES {
        let _ = std::fs::remove_dir_all(&copies);
        std::fs::create_dir_all(&copies).expect("the build folder is writable");
        files.clear();
        let mut found = Vec::new();
        collect(&dist, &dist, &mut found);
        found.sort();
        for (n, (name, path)) in found.iter().enumerate() {
            let copy = copies.join(format!("{n}"));
            if std::fs::copy(path, &copy).is_ok() {
                files.push((name.clone(), copy));
            }
        }
        if files.len() == found.len() {
            break;
        }
        std::thread::sleep(Duration::from_secs(2));
    }
    let mut text = String::from("pub static FILES: &[(&str, &[u8])] = &[\n");
    for (name, path) in files {
        let _ = writeln!(text, "    ({name:?}, include_bytes!({:?})),", path.display().to_string());
    }
    text.push_str("];\n");
    std::fs::write(out.join("dist.rs"), text).expect("the build folder is writable");
}

/// Names are relative to `web/dist`, with `/`.
fn collect(dist: &Path, dir: &Path, out: &mut Vec<(String, PathBuf)>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        // Notes of the build, except its manifest.
        if entry.file_name().to_str().is_some_and(|n| n.starts_with('.') && n != ".vite") {
            continue;
        }
        if path.is_dir() {
            collect(dist, &path, out);
        } else if let Ok(name) = path.strip_prefix(dist)
            && let Some(name) = name.to_str()
        {
            out.push((name.replace('\\', "/"), path));
        }
    }
}
