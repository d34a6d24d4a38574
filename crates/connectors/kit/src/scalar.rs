//! Numbers as the text they are.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A string, number or boolean, as text. Null is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scalar(String);

impl Scalar {
    pub fn text(&self) -> &str {
        &self.0
    }
    /// The text unless it is empty.
    pub fn filled(&self) -> Option<&str> {
        Some(self.0.trim()).filter(|t| !t.is_empty())
    }
    /// A whole number; `12.00` counts as one.
    pub fn int(&self) -> Option<i64> {
        self.filled().and_then(|t| qd_kernel::parse_fixed(t, 0))
    }
    /// A decimal with at most `scale` places, as an integer.
    pub fn fixed(&self, scale: u8) -> Option<i64> {
        self.filled().and_then(|t| qd_kernel::parse_fixed(t, scale))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(d)?.get();
        match raw.as_bytes().first() {
            Some(b'"') if !raw.contains('\\') => Ok(Scalar(raw[1..raw.len() - 1].to_string())),
            Some(b'"') => serde_json::from_str(raw).map(Scalar).map_err(D::Error::custom),
            Some(b'{' | b'[') => Err(D::Error::custom("expected a scalar, found a structure")),
            _ if raw == "null" => Ok(Scalar::default()),
            _ => Ok(Scalar(raw.to_string())),
        }
    }
}
