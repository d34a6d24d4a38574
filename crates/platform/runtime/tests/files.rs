//! Stored documents: encrypted, typed by content, refused when tampered with.

use qd_kernel::{Env, Secret, Ts};
use qd_runtime::files::{self, FileKey, Files, FilesConfig, Mime};
use qd_testkit::TestDb;
use std::path::{Path, PathBuf};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let p = std::env::temp_dir().join(format!("qd_files_{name}_{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&p);
        Folder(p)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn key(id: &str, byte: &str) -> FileKey {
    FileKey {
        id: id.into(),
        hex: Secret::new(byte.repeat(32)),
    }
}

fn open(dir: &Path, keys: Vec<FileKey>) -> Files {
    Files::open(
        FilesConfig {
            dir: dir.into(),
            keys,
            max_bytes: 1_000,
        },
        Env::seeded(3, Ts::from_secs(1_000)),
    )
    .unwrap()
}

fn stored(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(d) = todo.pop() {
        for e in std::fs::read_dir(d).unwrap() {
            let p = e.unwrap().path();
            if p.is_dir() { todo.push(p) } else { out.push(p) }
        }
    }
    out.sort();
    out
}

const PASSPORT: &[u8] = b"\xFF\xD8\xFF\xE0 passport of Alex Weber";

#[tokio::test]
async fn a_file_comes_back_whole_and_its_content_is_not_readable_on_disk() {
    let dir = Folder::new("whole");
    let files = open(&dir.0, vec![key("k1", "ab")]);
    let f = files.put(PASSPORT.to_vec()).await.unwrap();
    assert_eq!(
        (f.mime, f.size, f.key_id.as_str()),
        (Mime::Jpeg, i64::try_from(PASSPORT.len()).unwrap(), "k1")
    );
    let back = files.get(f.id).await.unwrap();
    assert_eq!((back.bytes.as_slice(), back.mime, &back.sha256), (PASSPORT, Mime::Jpeg, &f.sha256));
    let on_disk = stored(&dir.0);
    assert_eq!(on_disk.len(), 1, "no temporary file is left");
    let raw = std::fs::read(&on_disk[0]).unwrap();
    assert!(!raw.windows(4).any(|w| w == b"Alex"));
    files.remove(f.id).await.unwrap();
    assert!(files.get(f.id).await.unwrap_err().is("not_found"));
}

#[tokio::test]
async fn a_changed_byte_a_swapped_file_and_a_missing_key_are_all_refused() {
    let dir = Folder::new("tamper");
    let files = open(&dir.0, vec![key("k1", "ab")]);
    let a = files.put(PASSPORT.to_vec()).await.unwrap();
    let b = Files::open(
        FilesConfig {
            dir: dir.0.clone(),
            keys: vec![key("k1", "ab")],
            max_bytes: 1_000,
        },
        Env::seeded(4, Ts::from_secs(1_000)),
    )
    .unwrap();
    let b = b.put(b"%PDF-1.7 bill".to_vec()).await.unwrap();
    let path = |id: String| {
        stored(&dir.0)
            .into_iter()
            .find(|p| p.file_name().unwrap().to_str() == Some(id.as_str()))
            .unwrap()
    };
    let (pa, pb) = (path(a.id.to_string()), path(b.id.to_string()));
    let (ra, rb) = (std::fs::read(&pa).unwrap(), std::fs::read(&pb).unwrap());
    for at in 0..ra.len() {
        let mut bad = ra.clone();
        bad[at] ^= 1;
        std::fs::write(&pa, &bad).unwrap();
        assert!(files.get(a.id).await.is_err(), "byte {at}");
    }
    std::fs::write(&pa, &rb).unwrap();
    assert!(files.get(a.id).await.unwrap_err().is("file_broken"));
    std::fs::write(&pa, &ra).unwrap();
    // A new key encrypts, the old one still reads; without it nothing does.
    let rotated = open(&dir.0, vec![key("k2", "cd"), key("k1", "ab")]);
    assert_eq!(rotated.get(a.id).await.unwrap().bytes, PASSPORT);
    assert!(open(&dir.0, vec![key("k2", "cd")]).get(a.id).await.unwrap_err().is("file_broken"));
}

#[tokio::test]
async fn what_is_no_document_or_too_big_or_empty_is_refused_with_its_field() {
    let dir = Folder::new("refused");
    let files = open(&dir.0, vec![key("k1", "ab")]);
    for (bytes, code) in [
        (b"<html><script>".to_vec(), "file_type_unsupported"),
        (vec![], "file_empty"),
        ([PASSPORT, &[0; 1_000]].concat(), "file_too_big"),
    ] {
        let e = files.put(bytes).await.unwrap_err();
        assert_eq!((e.code, e.fields[0].pointer.as_str()), (code, "/file"));
    }
    assert!(stored(&dir.0).is_empty());
}

qd_testkit::both! {
    async fn the_same_document_of_two_clients_is_noticed(t: TestDb) {
        let dir = Folder::new(if t.db.engine() == qd_db::Engine::Sqlite { "reuse_l" } else { "reuse_p" });
        let files = open(&dir.0, vec![key("k1", "ab")]);
        let (a, b) = (files.put(PASSPORT.to_vec()).await.unwrap(), files.put(PASSPORT.to_vec()).await.unwrap());
        let (core, sha) = (t.core.clone(), a.sha256.clone());
        let others = t.db.write(async move |tx| {
            files::record(tx, &core, &a, "client:cli_a").await?;
            files::record(tx, &core, &b, "client:cli_b").await?;
            files::other_owners(tx, &sha, "client:cli_b").await
        }).await.unwrap();
        assert_eq!(others, ["client:cli_a"]);
    }
}
