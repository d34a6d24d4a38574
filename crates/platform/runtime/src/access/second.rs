//! The second factor: time-based codes (RFC 6238, SHA-1, six digits, 30 seconds, one step either
//! way) and recovery codes. The seed is kept sealed; a code's step is never accepted twice.

use super::{AccessConfig, HouseKey};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use qd_kernel::{Entropy, Problem, Result, Secret, Ts};
use sha2::Sha256;
use totp_rs::{Builder, Totp};

/// Bytes of a seed: what SHA-1 can use.
const SEED: usize = 20;
pub(super) const RECOVERY_CODES: usize = 10;

/// What an authenticator app needs.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Base 32, to type.
    pub secret: Secret,
    /// `otpauth://…`, to show as a picture.
    pub url: Secret,
}

fn totp(config: &AccessConfig, seed: &[u8], account: &str) -> Result<Totp> {
    Builder::new()
        .with_secret(seed)
        .with_issuer(Some(config.issuer.replace(':', " ")))
        .with_account_name(account.replace(':', " "))
        .build()
        .map_err(|e| Problem::bug("totp", "a second factor could not be set up").with_source(e))
}

pub(super) fn new_seed(entropy: &dyn Entropy) -> Vec<u8> {
    let mut seed = vec![0; SEED];
    entropy.fill(&mut seed);
    seed
}

pub(super) fn enrolment(config: &AccessConfig, seed: &[u8], account: &str) -> Result<Enrolment> {
    let t = totp(config, seed, account)?;
    let url = t
        .to_url()
        .map_err(|e| Problem::bug("totp", "a second factor could not be described").with_source(e))?;
    Ok(Enrolment {
        secret: Secret::new(t.secret().to_base32()),
        url: Secret::new(url),
    })
}

/// The step of the code when it is good and later than `last_step`.
pub(super) fn accepted_step(config: &AccessConfig, seed: &[u8], code: &Secret, now: Ts, last_step: i64) -> Result<Option<i64>> {
    let digits: String = code.expose().chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    let seconds = u64::try_from(now.secs()).unwrap_or(0);
    let step = totp(config, seed, "")?.check(&digits, seconds).and_then(|s| i64::try_from(s).ok());
    Ok(step.filter(|s| *s > last_step))
}

/// The code of a moment: for the seed's demo staff and for tests.
pub fn code_at(base32: &Secret, at: Ts) -> Result<String> {
    let bad = || Problem::invalid("secret", "secret_malformed", "expected base 32");
    let seed = data_encoding::BASE32_NOPAD.decode(base32.expose().as_bytes()).map_err(|_| bad())?;
    let t = Builder::new().with_secret(seed).build().map_err(|_| bad())?;
    Ok(t.generate(u64::try_from(at.secs()).unwrap_or(0)).to_string())
}

pub(super) fn seal(key: &HouseKey, entropy: &dyn Entropy, whose: &str, seed: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; 24];
    entropy.fill(&mut nonce);
    let sealed = XChaCha20Poly1305::new(&Key::from(*key.bytes()))
        .encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: seed,
                aad: whose.as_bytes(),
            },
        )
        .map_err(|_| Problem::bug("seal", "a secret could not be sealed"))?;
    let mut out = nonce.to_vec();
    out.extend(sealed);
    Ok(out)
}

pub(super) fn open(key: &HouseKey, whose: &str, sealed: &[u8]) -> Result<Vec<u8>> {
    let bad = || Problem::bug("seal", "a sealed secret cannot be opened: another house key, or another person's");
    let (nonce, body) = sealed.split_first_chunk::<24>().ok_or_else(bad)?;
    XChaCha20Poly1305::new(&Key::from(*key.bytes()))
        .decrypt(
            &XNonce::from(*nonce),
            Payload {
                msg: body,
                aad: whose.as_bytes(),
            },
        )
        .map_err(|_| bad())
}

/// A hash that says nothing to whoever lacks the house key, for short or guessable things.
pub(super) fn keyed(key: &HouseKey, what: &str, text: &str) -> Vec<u8> {
    // HMAC takes keys of any length.
    let mut m = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key.bytes()).expect("HMAC takes keys of any length");
    m.update(what.as_bytes());
    m.update(&[0]);
    m.update(text.as_bytes());
    m.finalize().into_bytes().to_vec()
}

/// `7K3M-Q0XA-9TZR`: 60 bits.
pub(super) fn new_recovery_code(entropy: &dyn Entropy) -> String {
    [entropy.code(4), entropy.code(4), entropy.code(4)].join("-")
}

pub(super) fn recovery_hash(key: &HouseKey, identity: &str, code: &Secret) -> Option<Vec<u8>> {
    let plain: String = code
        .expose()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    (plain.len() == 12).then(|| keyed(key, identity, &plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_kernel::{Env, SeededEntropy};

    fn config() -> AccessConfig {
        AccessConfig::light(HouseKey::from_bytes([7; 32]))
    }

    /// RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let seed = Secret::new(data_encoding::BASE32_NOPAD.encode(b"12345678901234567890"));
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(code_at(&seed, Ts::from_secs(at)).unwrap(), code);
        }
    }

    #[test]
    fn a_code_is_good_for_its_neighbours_too_and_never_a_second_time() {
        let c = config();
        let seed = b"12345678901234567890";
        let try_at = |code: &str, at, last| accepted_step(&c, seed, &Secret::new(code), Ts::from_secs(at), last).unwrap();
        assert_eq!(try_at("287082", 59, 0), Some(1));
        assert_eq!(try_at("287 082", 89, 0), Some(1), "a step late");
        assert_eq!(try_at("287082", 120, 0), None, "three steps late");
        assert_eq!(try_at("287082", 59, 1), None, "again");
        assert_eq!(try_at("28708", 59, 0), None);
        assert_eq!(try_at("", 59, 0), None);
    }

    #[test]
    fn a_sealed_seed_opens_for_its_owner_and_key_only() {
        let e = SeededEntropy::new(3);
        let (key, other) = (HouseKey::from_bytes([7; 32]), HouseKey::from_bytes([8; 32]));
        let sealed = seal(&key, &e, "stf_1", b"seed").unwrap();
        assert_eq!(open(&key, "stf_1", &sealed).unwrap(), b"seed");
        assert!(open(&key, "stf_2", &sealed).is_err());
        assert!(open(&other, "stf_1", &sealed).is_err());
        assert!(open(&key, "stf_1", &sealed[..10]).is_err());
    }

    #[test]
    fn a_recovery_code_is_recognised_however_it_is_typed() {
        let env = Env::seeded(1, Ts(0));
        let key = HouseKey::from_bytes([7; 32]);
        let code = new_recovery_code(&*env.entropy);
        assert_eq!(code.len(), 14);
        let typed = Secret::new(code.to_lowercase().replace('-', " "));
        assert_eq!(
            recovery_hash(&key, "stf_1", &typed),
            recovery_hash(&key, "stf_1", &Secret::new(code.clone()))
        );
        assert_ne!(recovery_hash(&key, "stf_2", &typed), recovery_hash(&key, "stf_1", &typed));
        assert_eq!(recovery_hash(&key, "stf_1", &Secret::new("123456")), None);
    }
}
