//! The handshake's hashes (trading-platforms.md 1.3). Both sides prove that they know the
//! password without sending it: bytes are concatenated, not their hex text.

use md5::{Digest, Md5};
use qd_kernel::Secret;

/// `MD5(MD5(UTF-16LE(password)) || "WebAPI")`. As good as the password: never printed.
#[derive(Clone)]
pub(crate) struct Key([u8; 16]);

impl Key {
    pub fn of(password: &Secret) -> Key {
        let mut inner = Md5::new();
        for unit in password.expose().encode_utf16() {
            inner.update(unit.to_le_bytes());
        }
        let mut outer = Md5::new();
        outer.update(inner.finalize());
        outer.update(b"WebAPI");
        Key(outer.finalize().into())
    }

    /// The proof for a challenge, in lower-case hex.
    pub fn answer(&self, challenge: &[u8; 16]) -> String {
        let mut h = Md5::new();
        h.update(self.0);
        h.update(challenge);
        hex::encode(h.finalize())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// 32 hex digits, either case.
pub(crate) fn challenge(text: &str) -> Option<[u8; 16]> {
    let mut out = [0u8; 16];
    hex::decode_to_slice(text, &mut out).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(password: &str, rand: &str) -> String {
        Key::of(&Secret::new(password)).answer(&challenge(rand).unwrap())
    }

    #[test]
    fn the_vendors_vectors_and_the_ones_beyond_ascii_come_out() {
        assert_eq!(
            hex::encode(Key::of(&Secret::new("Password1")).0),
            "904ba8ecb16273d2f0ae9c3b8a023752"
        );
        assert_eq!(
            answer("Password1", "73007dc7184747ce0f7c98516ef1c851"),
            "77fe51827f7fa69dd80fbec9aa33f1bb"
        );
        assert_eq!(
            answer("Password1", "4db98fec17aab4dc5a240bdc659e8395"),
            "1732021b1b332f51660b2b315eed3a35"
        );
        assert_eq!(
            answer("Crm-Api-2024!", "00112233445566778899aabbccddeeff"),
            "76285b7f50104b7f43df542a6f817f07"
        );
        assert_eq!(
            answer("Crm-Api-2024!", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
            "43ae8d29dcdfc2c92fcdcb3fb56898d0"
        );
        assert_eq!(
            answer("Pärl€1x!", "00112233445566778899AABBCCDDEEFF"),
            "f2d26b207f32a433587882db6ede215e"
        );
        assert_eq!(
            answer("Pärl€1x!", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
            "b613b0b65539f4ecdf5869b76d9e5bbc"
        );
    }

    #[test]
    fn a_challenge_that_is_not_sixteen_bytes_is_refused() {
        assert!(challenge("0011").is_none());
        assert!(challenge("zz112233445566778899aabbccddeeff").is_none());
    }
}
