//! Ids: a readable prefix and a time-sortable body, `cli_01JD3K…`. A newtype per thing; parsing
//! checks the prefix, and nothing converts into something else unless declared.

use crate::{Clock, Entropy};

/// Crockford base 32, capitals: no I, L, O, U.
pub const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 48 bits of milliseconds, 80 bits of chance: 26 characters, sortable by time of making.
pub fn new_body(clock: &dyn Clock, entropy: &dyn Entropy) -> u128 {
    let ms = u128::from(u64::try_from(clock.now().millis()).unwrap_or(0) & 0xFFFF_FFFF_FFFF);
    let mut b = [0u8; 16];
    entropy.fill(&mut b[6..]);
    (ms << 80) | (u128::from_be_bytes(b) & ((1u128 << 80) - 1))
}

pub fn encode_body(v: u128) -> [u8; 26] {
    let mut out = [b'0'; 26];
    let mut v = v;
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[usize::try_from(v & 31).unwrap_or(0)];
        v >>= 5;
    }
    out
}

pub fn decode_body(s: &str) -> Option<u128> {
    if s.len() != 26 {
        return None;
    }
    let mut v: u128 = 0;
    for (i, c) in s.bytes().enumerate() {
        let d = ALPHABET.iter().position(|a| *a == c)?;
        if i == 0 && d > 7 {
            return None;
        }
        v = (v << 5) | u128::try_from(d).ok()?;
    }
    Some(v)
}

/// Declares an id newtype: `id!(ClientId, "cli", "A client, from lead to churned.")`. Where two
/// crates say the same name, one gives the description another: `id!(LineId as TimelineLineId, …)`.
#[macro_export]
macro_rules! id {
    ($name:ident, $prefix:literal, $doc:literal) => {
        $crate::id!($name as $name, $prefix, $doc);
    };
    ($name:ident as $shown:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        #[allow(dead_code, reason = "not every id is made in every crate")]

        impl $name {
            pub const PREFIX: &'static str = $prefix;
            pub fn new(env: &$crate::Env) -> Self {
                $name($crate::id::new_body(&*env.clock, &*env.entropy))
            }
            /// For ids derived from something else (a seed, a hash), never for new business objects.
            pub const fn from_body(body: u128) -> Self {
                $name(body)
            }
            pub fn parse(s: &str) -> ::std::result::Result<Self, $crate::Problem> {
                s.strip_prefix(concat!($prefix, "_"))
                    .and_then($crate::id::decode_body)
                    .map($name)
                    .ok_or_else(|| {
                        $crate::Problem::invalid(
                            "id",
                            "id_malformed",
                            concat!("expected an id like ", $prefix, "_ followed by 26 characters"),
                        )
                    })
            }
        }
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                let b = $crate::id::encode_body(self.0);
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(::std::str::from_utf8(&b).unwrap_or_default())
            }
        }
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(self, f)
            }
        }
        impl $crate::FromCell for $name {
            fn from_cell(c: $crate::Cell<'_>) -> $crate::Result<Self> {
                match c {
                    $crate::Cell::Text(t) => Self::parse(t)
                        .map_err(|_| $crate::Problem::bug("row_unreadable", concat!("expected an id starting with ", $prefix, "_"))),
                    _ => Err($crate::Problem::bug(
                        "row_unreadable",
                        concat!("expected an id starting with ", $prefix, "_"),
                    )),
                }
            }
        }
        impl ::std::convert::From<$name> for $crate::Val {
            fn from(v: $name) -> $crate::Val {
                $crate::Val::Text(v.to_string())
            }
        }
        impl ::std::str::FromStr for $name {
            type Err = $crate::Problem;
            fn from_str(s: &str) -> ::std::result::Result<Self, $crate::Problem> {
                Self::parse(s)
            }
        }
        impl $crate::id::serde_crate::Serialize for $name {
            fn serialize<S: $crate::id::serde_crate::Serializer>(&self, s: S) -> ::std::result::Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> $crate::id::serde_crate::Deserialize<'de> for $name {
            fn deserialize<D: $crate::id::serde_crate::Deserializer<'de>>(d: D) -> ::std::result::Result<Self, D::Error> {
                let s = <::std::borrow::Cow<'de, str> as $crate::id::serde_crate::Deserialize<'de>>::deserialize(d)?;
                Self::parse(&s).map_err(|_| {
                    <D::Error as $crate::id::serde_crate::de::Error>::custom(concat!("expected an id starting with ", $prefix, "_"))
                })
            }
        }
        impl $crate::id::utoipa_crate::PartialSchema for $name {
            fn schema() -> $crate::id::utoipa_crate::openapi::RefOr<$crate::id::utoipa_crate::openapi::Schema> {
                $crate::describe::id($prefix, $doc)
            }
        }
        impl $crate::id::utoipa_crate::ToSchema for $name {
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(stringify!($shown))
            }
        }
    };
}

#[doc(hidden)]
pub use serde as serde_crate;
#[doc(hidden)]
pub use utoipa as utoipa_crate;

#[cfg(test)]
mod tests {
    use crate::{Env, Ts};
    id!(ThingId, "thg", "A thing.");
    id!(OtherId, "oth", "Another.");

    #[test]
    fn an_id_of_one_kind_is_refused_as_another_and_sorts_by_time() {
        let env = Env::seeded(1, Ts::from_secs(1_000));
        let a = ThingId::new(&env);
        let b = ThingId::from_body(a_later());
        assert_eq!(ThingId::parse(&a.to_string()).unwrap(), a);
        assert!(OtherId::parse(&a.to_string()).is_err());
        assert!(ThingId::parse("thg_short").is_err());
        assert!(ThingId::parse(&format!("thg_{}", "Z".repeat(26))).is_err());
        assert!(a.to_string() < b.to_string());
        let json = serde_json::to_string(&a).unwrap();
        assert_eq!(serde_json::from_str::<ThingId>(&json).unwrap(), a);
    }

    fn a_later() -> u128 {
        let env = Env::seeded(2, Ts::from_secs(2_000));
        crate::id::new_body(&*env.clock, &*env.entropy)
    }
}
