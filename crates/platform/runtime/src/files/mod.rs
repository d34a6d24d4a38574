//! Clients' documents on disk, encrypted. A file is written once, whole, under its id, and read
//! back by it; what is known about it (owner, type, size, hash) is a row beside whatever refers
//! to it. Only the sniffed type counts; what the browser called it does not.
//!
//! On disk: `QDF1`, one byte of key id length, the key id, 24 bytes of nonce, then
//! XChaCha20-Poly1305 of (4 bytes length, a JSON head, the content). The file's id and the header
//! are authenticated with it, so one file put in another's place is refused.

mod sniff;
mod store;

pub use sniff::{Mime, sniff};

use crate::Core;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use qd_db::Tx;
use qd_kernel::{Env, Problem, Result, Secret, Ts, id};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

id!(FileId, "fil", "A stored file.");

/// A phone's photo of a passport is 3 to 8 MB.
pub const DEFAULT_MAX_BYTES: usize = 12 * 1024 * 1024;
const MAGIC: &[u8; 4] = b"QDF1";
const NONCE: usize = 24;

/// One encryption key: 32 bytes as 64 hex digits. Old ones stay listed for reading.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileKey {
    /// 1 to 32 letters, digits or dashes; written in each file's header.
    pub id: String,
    pub hex: Secret,
}

#[derive(Clone, Debug)]
pub struct FilesConfig {
    pub dir: PathBuf,
    /// The first one encrypts; all decrypt.
    pub keys: Vec<FileKey>,
    pub max_bytes: usize,
}

/// What a document row keeps about its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    pub id: FileId,
    /// Lower-case hex of the content.
    pub sha256: String,
    pub mime: Mime,
    pub size: i64,
    /// Which key it was encrypted with.
    pub key_id: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    mime: Mime,
    sha256: String,
    size: i64,
}

/// Content and type, decrypted and checked against its hash.
#[derive(Clone, Debug)]
pub struct Content {
    pub mime: Mime,
    pub sha256: String,
    pub bytes: Vec<u8>,
}

/// Where the files are. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    keys: Vec<(String, XChaCha20Poly1305)>,
    max_bytes: usize,
    env: Env,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files")
    }
}

impl Files {
    pub fn open(config: FilesConfig, env: Env) -> Result<Files> {
        let mut keys = Vec::new();
        for k in &config.keys {
            let ok = (1..=32).contains(&k.id.len()) && k.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let raw: Option<[u8; 32]> = hex::decode(k.hex.expose()).ok().and_then(|v| v.try_into().ok());
            let (true, Some(raw)) = (ok, raw) else {
                return Err(Problem::invalid(
                    "files.keys",
                    "file_key_malformed",
                    "expected an id of letters, digits and dashes and 64 hex digits",
                ));
            };
            keys.push((k.id.clone(), XChaCha20Poly1305::new(&Key::from(raw))));
        }
        if keys.is_empty() {
            return Err(Problem::invalid("files.keys", "file_key_missing", "expected at least one key"));
        }
        std::fs::create_dir_all(&config.dir)
            .map_err(|e| Problem::unavailable("files_unwritable", "the files folder cannot be made").with_source(e))?;
        Ok(Files {
            inner: Arc::new(Inner {
                dir: config.dir,
                keys,
                max_bytes: config.max_bytes,
                env,
            }),
        })
    }

    /// Stores content: type sniffed, size capped, encrypted, flushed. Not inside a transaction;
    /// a file whose row is never written is garbage and holds no name.
    pub async fn put(&self, bytes: Vec<u8>) -> Result<FileRef> {
        if bytes.is_empty() {
            return Err(Problem::invalid("/file", "file_empty", "expected a file with content"));
        }
        if bytes.len() > self.inner.max_bytes {
            return Err(
                Problem::limit("file_too_big", format!("a file may have {} bytes", self.inner.max_bytes)).and_field(
                    "/file",
                    "file_too_big",
                    "expected a smaller file",
                ),
            );
        }
        let mime =
            sniff(&bytes).ok_or_else(|| Problem::invalid("/file", "file_type_unsupported", "expected a JPEG, PNG, WebP, HEIC or PDF"))?;
        let inner = self.inner.clone();
        run_blocking(move || inner.put(mime, &bytes)).await
    }

    /// Stores a machine's file of any type, such as a bank's statement: encrypted and flushed as the others,
    /// with a size limit of its own. Never to be shown in a browser.
    pub async fn put_data(&self, bytes: Vec<u8>, max_bytes: usize) -> Result<FileRef> {
        if bytes.is_empty() {
            return Err(Problem::invalid("/file", "file_empty", "expected a file with content"));
        }
        if bytes.len() > max_bytes {
            return Err(
                Problem::limit("file_too_big", format!("such a file may have {max_bytes} bytes")).and_field(
                    "/file",
                    "file_too_big",
                    "expected a smaller file",
                ),
            );
        }
        let inner = self.inner.clone();
        run_blocking(move || inner.put(Mime::Data, &bytes)).await
    }

    /// Reads a file back; the id is the only way to it.
    pub async fn get(&self, id: FileId) -> Result<Content> {
        let inner = self.inner.clone();
        run_blocking(move || inner.get(id)).await
    }

    /// Seals a small secret for a column: key id, nonce and cipher text in one.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>> {
        let (key_id, cipher) = self.inner.keys.first().ok_or_else(|| Problem::bug("file_key_missing", "no key"))?;
        let mut out = vec![u8::try_from(key_id.len()).unwrap_or_default()];
        out.extend_from_slice(key_id.as_bytes());
        let mut nonce = [0u8; NONCE];
        self.inner.env.entropy.fill(&mut nonce);
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &out })
            .map_err(|_| Problem::bug("seal_failed", "a secret could not be sealed"))?;
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`Files::seal`] made.
    pub fn unseal(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        let broken = || Problem::bug("seal_broken", "a sealed secret was changed or its key is not configured");
        let head = 1 + usize::from(*sealed.first().ok_or_else(broken)?);
        let key_id = sealed.get(1..head).ok_or_else(broken)?;
        let nonce: [u8; NONCE] = sealed.get(head..head + NONCE).and_then(|n| n.try_into().ok()).ok_or_else(broken)?;
        let (_, cipher) = self.inner.keys.iter().find(|(k, _)| k.as_bytes() == key_id).ok_or_else(broken)?;
        cipher
            .decrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: &sealed[head + NONCE..],
                    aad: &sealed[..head],
                },
            )
            .map_err(|_| broken())
    }

    /// Removes a file for good (end of retention, erasure). Missing is fine.
    pub async fn remove(&self, id: FileId) -> Result<()> {
        let path = self.inner.path(id);
        run_blocking(move || match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Problem::unavailable("files_unwritable", "a file cannot be removed").with_source(e))
            }
            _ => Ok(()),
        })
        .await
    }
}

async fn run_blocking<T: Send + 'static>(f: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(f)
        .await
        .map_err(|e| Problem::bug("files_panicked", "the files worker panicked").with_source(e))?
}

impl Inner {
    /// Two levels of folders from the id's random tail keep each folder small.
    fn path(&self, id: FileId) -> PathBuf {
        let name = id.to_string();
        let tail = &name[name.len().saturating_sub(4)..];
        self.dir.join(&tail[..2]).join(&tail[2..]).join(&name)
    }

    fn put(&self, mime: Mime, bytes: &[u8]) -> Result<FileRef> {
        let id = FileId::new(&self.env);
        let sha256 = hex::encode(Sha256::digest(bytes));
        let size = i64::try_from(bytes.len()).map_err(|_| Problem::bug("file_size", "a file longer than an i64"))?;
        let head = serde_json::to_vec(&Head {
            mime,
            sha256: sha256.clone(),
            size,
        })?;
        let mut plain = Vec::with_capacity(4 + head.len() + bytes.len());
        plain.extend_from_slice(&u32::try_from(head.len()).unwrap_or_default().to_be_bytes());
        plain.extend_from_slice(&head);
        plain.extend_from_slice(bytes);
        let (key_id, cipher) = self.keys.first().ok_or_else(|| Problem::bug("file_key_missing", "no key"))?;
        let mut header = Vec::from(*MAGIC);
        header.push(u8::try_from(key_id.len()).unwrap_or_default());
        header.extend_from_slice(key_id.as_bytes());
        let mut nonce = [0u8; NONCE];
        self.env.entropy.fill(&mut nonce);
        let aad = [header.as_slice(), id.to_string().as_bytes()].concat();
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: &aad })
            .map_err(|_| Problem::bug("file_encrypt", "a file could not be encrypted"))?;
        let path = self.path(id);
        write_whole(&path, &[&header, &nonce, &sealed])
            .map_err(|e| Problem::unavailable("files_unwritable", "a file cannot be written").with_source(e))?;
        Ok(FileRef {
            id,
            sha256,
            mime,
            size,
            key_id: key_id.clone(),
        })
    }

    fn get(&self, id: FileId) -> Result<Content> {
        let raw = match std::fs::read(self.path(id)) {
            Ok(r) => r,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(Problem::missing("file")),
            Err(e) => return Err(Problem::unavailable("files_unreadable", "a file cannot be read").with_source(e)),
        };
        let broken = |what: &'static str| Problem::bug("file_broken", what);
        let rest = raw
            .strip_prefix(MAGIC.as_slice())
            .ok_or_else(|| broken("a stored file has no header"))?;
        let key_len = usize::from(*rest.first().ok_or_else(|| broken("a stored file is cut off"))?);
        let header_len = MAGIC.len() + 1 + key_len;
        let key_id = rest.get(1..1 + key_len).ok_or_else(|| broken("a stored file is cut off"))?;
        let nonce: [u8; NONCE] = raw
            .get(header_len..header_len + NONCE)
            .and_then(|n| n.try_into().ok())
            .ok_or_else(|| broken("a stored file is cut off"))?;
        let (_, cipher) = self
            .keys
            .iter()
            .find(|(k, _)| k.as_bytes() == key_id)
            .ok_or_else(|| broken("a stored file was encrypted with a key that is not configured"))?;
        let aad = [&raw[..header_len], id.to_string().as_bytes()].concat();
        let plain = cipher
            .decrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: &raw[header_len + NONCE..],
                    aad: &aad,
                },
            )
            .map_err(|_| broken("a stored file was changed or put in another's place"))?;
        let len: [u8; 4] = plain
            .get(..4)
            .and_then(|l| l.try_into().ok())
            .ok_or_else(|| broken("a stored file is cut off"))?;
        let at = 4usize.saturating_add(usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX));
        let head: Head = serde_json::from_slice(plain.get(4..at).ok_or_else(|| broken("a stored file is cut off"))?)?;
        let bytes = plain[at..].to_vec();
        if hex::encode(Sha256::digest(&bytes)) != head.sha256 {
            return Err(broken("a stored file does not have its hash"));
        }
        Ok(Content {
            mime: head.mime,
            sha256: head.sha256,
            bytes,
        })
    }
}

/// Under a temporary name, flushed, then renamed: a crash leaves no half file under a real name.
fn write_whole(path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    use std::io::Write as _;
    let dir = path.parent().ok_or_else(|| std::io::Error::other("no folder"))?;
    std::fs::create_dir_all(dir)?;
    let tmp = path.with_extension("tmp");
    let mut f = std::fs::File::create_new(&tmp)?;
    for p in parts {
        f.write_all(p)?;
    }
    f.sync_all()?;
    std::fs::rename(&tmp, path)?;
    std::fs::File::open(dir)?.sync_all()
}

/// Notes a stored file in the caller's transaction. `owner` is what it belongs to: `client:cli_…`.
pub async fn record(tx: &mut Tx, core: &Core, file: &FileRef, owner: &str) -> Result<()> {
    store::insert(tx, file, owner, core.now()).await
}

/// A noted file and whose it is.
#[derive(Clone, Debug, Serialize)]
pub struct Known {
    pub file: FileRef,
    pub owner: String,
    pub created_at: Ts,
}

pub async fn find(tx: &mut Tx, id: FileId) -> Result<Option<Known>> {
    store::find(tx, id).await
}

/// Other owners of the same content: a document used by two people is a red flag.
pub async fn other_owners(tx: &mut Tx, sha256: &str, owner: &str) -> Result<Vec<String>> {
    store::other_owners(tx, sha256, owner).await
}
