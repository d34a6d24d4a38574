//! Signatures of callbacks: made with a shared secret, compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use qd_kernel::Secret;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

fn mac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut m = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for p in parts {
        m.update(p);
    }
    m.finalize().into_bytes().to_vec()
}

pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    mac::<Hmac<Sha256>>(key, parts)
}

pub fn hmac_sha512(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    mac::<Hmac<Sha512>>(key, parts)
}

pub fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Whether one of the secrets makes this signature. All are tried, so that the time says nothing
/// about which.
pub fn any_fits(secrets: &[Secret], given: &[u8], make: impl Fn(&Secret) -> Vec<u8>) -> bool {
    let mut good = subtle::Choice::from(0);
    for s in secrets.iter().filter(|s| !s.is_empty()) {
        good |= make(s).as_slice().ct_eq(given);
    }
    good.into()
}
