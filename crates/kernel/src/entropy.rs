//! Randomness, handed in. The system source for production, a repeatable one for tests, the seed
//! and the simulator.

use std::sync::Mutex;

pub trait Entropy: Send + Sync {
    fn fill(&self, out: &mut [u8]);

    fn u64(&self) -> u64 {
        let mut b = [0u8; 8];
        self.fill(&mut b);
        u64::from_le_bytes(b)
    }
    /// Uniform in `0..n` (n > 0), by rejection.
    fn below(&self, n: u64) -> u64 {
        let n = n.max(1);
        let zone = u64::MAX - u64::MAX % n;
        loop {
            let x = self.u64();
            if x < zone {
                return x % n;
            }
        }
    }
    /// `len` characters of Crockford base 32 in capitals: codes, tokens for comments.
    fn code(&self, len: usize) -> String {
        (0..len)
            .map(|_| char::from(crate::id::ALPHABET[usize::try_from(self.below(32)).unwrap_or(0)]))
            .collect()
    }
}

/// The operating system's randomness. A machine that cannot give any must not run a brokerage,
/// so failure stops the process.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("the operating system must provide randomness");
    }
}

/// SplitMix64 from a seed: repeatable, not secret. Tests, seeds and simulations only.
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    pub fn new(seed: u64) -> Self {
        SeededEntropy(Mutex::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        let mut s = self.0.lock().unwrap_or_else(|p| p.into_inner());
        for chunk in out.chunks_mut(8) {
            *s = s.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = *s;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}
