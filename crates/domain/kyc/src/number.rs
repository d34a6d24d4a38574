//! Numbers of documents. The number itself is not kept: a keyed hash finds the same number again
//! (another client with this passport), and its last characters let a person recognise it.

use hmac::{Hmac, KeyInit, Mac};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Secret};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// 32 bytes from the configuration. With another key, numbers kept before are not found again.
#[derive(Clone)]
pub struct NumberKey([u8; 32]);

impl NumberKey {
    pub fn from_bytes(bytes: [u8; 32]) -> NumberKey {
        NumberKey(bytes)
    }
    /// 64 hexadecimal characters.
    pub fn from_hex(text: &Secret) -> Result<NumberKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.expose().trim(), &mut bytes)
            .map_err(|_| Problem::invalid("kyc.number_key", "key_malformed", "expected 64 hexadecimal characters"))?;
        Ok(NumberKey(bytes))
    }
}

impl std::fmt::Debug for NumberKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// What is kept of a document's number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DocumentNumber {
    /// HMAC-SHA256 of the letters and digits in capitals; lower-case hex.
    pub hash: String,
    /// At most the last four characters, and never more than half of it.
    pub tail: String,
}

/// A machine-readable zone has 9, the longest printed numbers have some 20.
const MAX_LEN: usize = 40;

impl DocumentNumber {
    /// None when nothing of it is a letter or a digit; spaces and dashes do not count.
    pub fn new(key: &NumberKey, number: &str) -> Option<DocumentNumber> {
        let plain: String = number
            .chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_uppercase)
            .take(MAX_LEN)
            .collect();
        if plain.is_empty() {
            return None;
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes keys of any length");
        mac.update(b"qd.document_number.1\n");
        mac.update(plain.as_bytes());
        let len = plain.chars().count();
        let tail: String = plain.chars().skip(len - 4.min(len / 2)).collect();
        Some(DocumentNumber {
            hash: hex::encode(mac.finalize().into_bytes()),
            tail,
        })
    }
    pub(crate) fn bytes(&self) -> Vec<u8> {
        hex::decode(&self.hash).unwrap_or_default()
    }
}

/// Clients who have shown a document with this number: two of them are one person, or one of them
/// is somebody else.
pub async fn clients_with_number(tx: &mut Tx, number: &DocumentNumber) -> Result<Vec<String>> {
    crate::store::documents::clients_with_number(tx, &number.bytes()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_written_otherwise_is_the_same_and_another_key_knows_nothing() {
        let key = NumberKey::from_bytes([7; 32]);
        let a = DocumentNumber::new(&key, "c01x 0006-h").unwrap();
        assert_eq!(a, DocumentNumber::new(&key, "C01X0006H").unwrap());
        assert_eq!(a.tail, "006H");
        assert_ne!(
            a.hash,
            DocumentNumber::new(&NumberKey::from_bytes([8; 32]), "C01X0006H").unwrap().hash
        );
        assert_eq!(DocumentNumber::new(&key, "AB1").unwrap().tail, "1");
        assert_eq!(DocumentNumber::new(&key, " - "), None);
        assert_eq!(format!("{key:?}"), "***");
    }
}
