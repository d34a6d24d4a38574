//! What the server's configuration says about access, with defaults a broker can live with.

use qd_kernel::{Problem, Result, Secret};

/// 32 bytes that seal the second factors' seeds and key the marks of typed addresses. From a file
/// or the configuration, never from the database; losing it means enrolling second factors anew.
#[derive(Clone)]
pub struct HouseKey([u8; 32]);

impl HouseKey {
    pub fn from_bytes(bytes: [u8; 32]) -> HouseKey {
        HouseKey(bytes)
    }
    /// 64 hexadecimal characters.
    pub fn from_hex(text: &Secret) -> Result<HouseKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.expose().trim(), &mut bytes)
            .map_err(|_| Problem::invalid("access.house_key", "key_malformed", "expected 64 hexadecimal characters"))?;
        Ok(HouseKey(bytes))
    }
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for HouseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Times in seconds.
#[derive(Clone, Debug)]
pub struct AccessConfig {
    pub house_key: HouseKey,
    /// Argon2id: memory in KiB and passes. Each check takes that memory, so `hash_slots` bounds it.
    pub argon_memory_kib: u32,
    pub argon_passes: u32,
    /// How many passwords are checked at once; more wait.
    pub hash_slots: usize,
    /// How many may wait; more are told to come back.
    pub hash_queue: usize,
    pub staff_idle_secs: i64,
    pub staff_session_secs: i64,
    pub client_session_secs: i64,
    /// How long a proof counts as fresh for money and approvals.
    pub step_up_secs: i64,
    /// Wrong passwords or codes in a row before an identity rests, and for how long.
    pub lock_after: i64,
    pub lock_secs: i64,
    /// Failures from one address within `ip_window_secs` before it is told to wait.
    pub ip_failures: i64,
    pub ip_window_secs: i64,
    /// Staff without a second factor may do nothing but enrol one.
    pub staff_second_factor: bool,
    /// Shown in authenticator apps.
    pub issuer: String,
    /// How long a resolved token is believed without asking the database: the longest a change made
    /// on another node stays unseen here.
    pub cache_secs: i64,
    pub verify_email_secs: i64,
    pub reset_secs: i64,
    pub invite_secs: i64,
}

impl AccessConfig {
    pub fn new(house_key: HouseKey) -> AccessConfig {
        AccessConfig {
            house_key,
            argon_memory_kib: 19_456,
            argon_passes: 2,
            hash_slots: 2,
            hash_queue: 64,
            staff_idle_secs: 30 * 60,
            staff_session_secs: 12 * 3_600,
            client_session_secs: 30 * 86_400,
            step_up_secs: 15 * 60,
            lock_after: 10,
            lock_secs: 15 * 60,
            ip_failures: 100,
            ip_window_secs: 15 * 60,
            staff_second_factor: true,
            issuer: "Quarterdeck".to_string(),
            cache_secs: 5,
            verify_email_secs: 3 * 86_400,
            reset_secs: 3_600,
            invite_secs: 7 * 86_400,
        }
    }
    /// The same with argon2id as light as it goes: tests only.
    pub fn light(house_key: HouseKey) -> AccessConfig {
        AccessConfig {
            argon_memory_kib: 64,
            argon_passes: 1,
            ..AccessConfig::new(house_key)
        }
    }
}
