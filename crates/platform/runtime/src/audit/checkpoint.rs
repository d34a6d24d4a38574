//! Signed statements "the chain had this head at this length". They leave the database, so that
//! whoever holds it cannot rewrite what lies before them.

use ed25519_dalek::{Signer, SigningKey};
use qd_kernel::{Problem, Result, Secret, Ts};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The key that signs checkpoints. Its 32-byte seed comes from a file or the configuration, never
/// from the database.
#[derive(Clone)]
pub struct AuditKey(SigningKey);

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AuditKey({})", self.id())
    }
}

impl AuditKey {
    pub fn from_seed(seed: &[u8; 32]) -> AuditKey {
        AuditKey(SigningKey::from_bytes(seed))
    }
    /// 64 hexadecimal characters.
    pub fn from_hex(seed: &Secret) -> Result<AuditKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(seed.expose().trim(), &mut bytes)
            .map_err(|_| Problem::invalid("audit.signing_key", "key_malformed", "expected 64 hexadecimal characters"))?;
        Ok(AuditKey::from_seed(&bytes))
    }
    /// For those who check: give it away.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
    pub fn public_hex(&self) -> String {
        hex::encode(self.public())
    }
    /// The first 16 hexadecimal characters of the SHA-256 of the public key.
    pub fn id(&self) -> String {
        let mut s = hex::encode(Sha256::digest(self.public()));
        s.truncate(16);
        s
    }
    pub(super) fn sign(&self, position: i64, chain_hash: &[u8; 32], at: Ts) -> Checkpoint {
        let text = format!(
            "quarterdeck audit checkpoint 1\n{position}\n{}\n{}\n",
            hex::encode(chain_hash),
            at.micros()
        );
        Checkpoint {
            position,
            chain_hash: hex::encode(chain_hash),
            at,
            key_id: self.id(),
            signature: hex::encode(self.0.sign(text.as_bytes()).to_bytes()),
        }
    }
}

/// What is signed (Ed25519): the line `quarterdeck audit checkpoint 1`, then position, chain hash
/// in hexadecimal and time in µs, each followed by a line feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub position: i64,
    pub chain_hash: String,
    pub at: Ts,
    pub key_id: String,
    pub signature: String,
}

impl Checkpoint {
    /// One line for a file or a log elsewhere.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
    pub fn parse(line: &str) -> Result<Checkpoint> {
        serde_json::from_str(line)
            .map_err(|e| Problem::invalid("checkpoint", "checkpoint_malformed", "one JSON object a line").with_source(e))
    }
}
