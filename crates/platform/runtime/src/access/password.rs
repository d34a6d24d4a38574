//! Passwords: what is accepted, and argon2id in bounded numbers off the request threads.

use super::AccessConfig;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use qd_kernel::{Entropy, Problem, Result, Secret};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Characters at the least.
pub const MIN_STAFF: usize = 12;
pub const MIN_CLIENT: usize = 8;
/// Bytes at the most: nobody types more, and hashing costs by length.
pub const MAX_BYTES: usize = 256;

/// What people choose first, in lower case. A small list of our own: the longer ones come with
/// their own licences and live outside the program.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "password1",
    "password12",
    "password123",
    "password1234",
    "12345678",
    "123456789",
    "1234567890",
    "12345678910",
    "123456789012",
    "87654321",
    "11111111",
    "111111111111",
    "00000000",
    "000000000000",
    "88888888",
    "12341234",
    "123123123",
    "123123123123",
    "qwertyui",
    "qwertyuiop",
    "qwerty123",
    "qwerty1234",
    "qwerty12345",
    "qwerty123456",
    "qwertzuiop",
    "azertyuiop",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx",
    "1qaz2wsx3edc",
    "zaq12wsx",
    "asdfghjk",
    "asdfghjkl",
    "asdf1234",
    "zxcvbnm1",
    "zxcvbnm123",
    "abcd1234",
    "abc12345",
    "abcdefgh",
    "abcdefghijkl",
    "a1b2c3d4",
    "aa123456",
    "aa12345678",
    "iloveyou",
    "iloveyou1",
    "iloveyou123",
    "letmein1",
    "letmein123",
    "letmein12345",
    "welcome1",
    "welcome12",
    "welcome123",
    "welcome1234",
    "changeme",
    "changeme1",
    "changeme123",
    "changeme1234",
    "trustno1",
    "football",
    "football1",
    "baseball",
    "superman",
    "superman1",
    "batman123",
    "sunshine",
    "sunshine1",
    "princess",
    "princess1",
    "dragon123",
    "monkey123",
    "shadow123",
    "master123",
    "michael1",
    "jennifer",
    "computer",
    "internet",
    "whatever",
    "starwars",
    "starwars1",
    "pokemon1",
    "liverpool",
    "chelsea1",
    "arsenal1",
    "mercedes",
    "ferrari1",
    "corvette",
    "samsung1",
    "google123",
    "facebook",
    "facebook1",
    "linkedin",
    "administrator",
    "admin123",
    "admin1234",
    "admin12345",
    "admin123456",
    "administrator1",
    "root1234",
    "test1234",
    "test12345",
    "testtest",
    "testtesttest",
    "temp1234",
    "guest123",
    "secret123",
    "secret1234",
    "p@ssw0rd",
    "p@ssword",
    "p@ssw0rd123",
    "passwort",
    "passwort1",
    "passwort123",
    "passwort1234",
    "hallo123",
    "schatz123",
    "motdepasse",
    "contrasena",
    "trader123",
    "trading1",
    "trading123",
    "forex123",
    "forex1234",
    "forex12345",
    "metatrader",
    "metatrader4",
    "metatrader5",
    "bitcoin1",
    "bitcoin123",
    "money123",
    "quarterdeck",
    "quarterdeck1",
    "brokerage",
    "brokerage123",
];

/// Whether a new password may be set. `about`: the person's address and name, which it must not be.
pub fn check(password: &Secret, staff: bool, about: &[&str]) -> Result<()> {
    let p = password.expose();
    let min = if staff { MIN_STAFF } else { MIN_CLIENT };
    if p.chars().count() < min {
        return Err(Problem::invalid("password", "password_short", format!("at least {min} characters")));
    }
    if p.len() > MAX_BYTES {
        return Err(Problem::invalid("password", "password_long", format!("at most {MAX_BYTES} bytes")));
    }
    let lower = p.to_lowercase();
    let one_character = p.chars().all(|c| p.starts_with(c));
    // "Password2024!!" is "password" to whoever guesses.
    let bare = lower.trim_end_matches(|c: char| !c.is_alphabetic());
    if one_character || COMMON.contains(&lower.as_str()) || (bare.chars().count() * 2 > p.chars().count() && COMMON.contains(&bare)) {
        return Err(Problem::invalid(
            "password",
            "password_common",
            "one that others would not guess first",
        ));
    }
    for a in about {
        let a = a.to_lowercase();
        let local = a.split('@').next().unwrap_or_default();
        if [a.as_str(), local]
            .iter()
            .any(|x| x.chars().count() >= 4 && (lower == **x || bare == *x))
        {
            return Err(Problem::invalid(
                "password",
                "password_is_name",
                "one that is not your address or name",
            ));
        }
    }
    Ok(())
}

pub(super) struct Hasher {
    params: Params,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
    /// Checked when there is no identity, so that an unknown address takes as long as a known one.
    nobody: String,
}

fn argon(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

fn failed(e: impl std::fmt::Display) -> Problem {
    Problem::bug("password_hash", "a password could not be hashed").with_source(e)
}

fn hash_now(params: &Params, password: &str, salt: &[u8]) -> Result<String> {
    argon(params)
        .hash_password_with_salt(password.as_bytes(), salt)
        .map(|h| h.to_string())
        .map_err(failed)
}

impl Hasher {
    pub(super) async fn new(config: &AccessConfig, entropy: &dyn Entropy) -> Result<Hasher> {
        let params = Params::new(config.argon_memory_kib, config.argon_passes, 1, None).map_err(failed)?;
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let nobody = hash_now(&params, "nobody has this password", &salt)?;
        Ok(Hasher {
            params,
            slots: Arc::new(Semaphore::new(config.hash_slots.max(1))),
            waiting: AtomicUsize::new(0),
            queue: config.hash_queue,
            nobody,
        })
    }

    pub(super) async fn hash(&self, entropy: &dyn Entropy, password: &Secret) -> Result<String> {
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let (params, password) = (self.params.clone(), password.clone());
        self.run(move || hash_now(&params, password.expose(), &salt)).await?
    }

    /// False for a wrong password and, after the same work, when there is nothing to compare with.
    pub(super) async fn verify(&self, hash: Option<&str>, password: &Secret) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.nobody).to_string();
        let (params, password) = (self.params.clone(), password.clone());
        let same = self
            .run(move || {
                // The cost is the stored hash's own.
                password.expose().len() <= MAX_BYTES && argon(&params).verify_password(password.expose().as_bytes(), hash.as_str()).is_ok()
            })
            .await?;
        Ok(known && same)
    }

    async fn run<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        struct Leave<'a>(&'a AtomicUsize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _leave = Leave(&self.waiting);
        if before >= self.queue {
            return Err(Problem::limit(
                "sign_in_busy",
                "too many people sign in at this moment; try again in a few seconds",
            ));
        }
        let permit = self.slots.clone().acquire_owned().await.map_err(failed)?;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            f()
        })
        .await
        .map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(p: &str, staff: bool) -> Option<&'static str> {
        check(&Secret::new(p), staff, &["anna.berg@northwind.example", "Anna Berg"])
            .err()
            .map(|p| p.code)
    }

    #[test]
    fn short_common_and_personal_passwords_are_refused_and_long_plain_ones_taken() {
        assert_eq!(refused("elevenchars", true), Some("password_short"));
        assert_eq!(refused("7chars!", false), Some("password_short"));
        assert_eq!(refused(&"x".repeat(257), true), Some("password_long"));
        assert_eq!(refused("Password1234", true), Some("password_common"));
        assert_eq!(refused("Metatrader5!", true), Some("password_common"));
        assert_eq!(refused("zzzzzzzzzzzzzz", true), Some("password_common"));
        assert_eq!(refused("Anna.Berg2026", true), Some("password_is_name"));
        assert_eq!(refused("correct horse battery", true), None);
        assert_eq!(refused("größer!8", false), None);
    }
}
