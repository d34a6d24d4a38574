//! What both databases keep exactly: nothing, whole numbers, text, bytes, booleans. Types of ours
//! say here how they travel as one of these.

use crate::{Currency, Lots, Problem, Rate, Result, Ts};

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Val {
    Null,
    Int(i64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
}

/// A cell of a row, borrowed from the database's buffer. SQLite has no booleans: they come as 0/1.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    Null,
    Int(i64),
    Bool(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A row that cannot be read is an error with its place, never a default.
pub trait FromCell: Sized {
    fn from_cell(c: Cell<'_>) -> Result<Self>;
}

fn unreadable(expected: &'static str, c: Cell<'_>) -> Problem {
    let got = match c {
        Cell::Null => "null",
        Cell::Int(_) => "an integer",
        Cell::Bool(_) => "a boolean",
        Cell::Text(_) => "other text",
        Cell::Bytes(_) => "bytes",
    };
    Problem::bug("row_unreadable", format!("expected {expected}, found {got}"))
}

impl FromCell for i64 {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        match c {
            Cell::Int(i) => Ok(i),
            Cell::Bool(b) => Ok(i64::from(b)),
            c => Err(unreadable("an integer", c)),
        }
    }
}
macro_rules! small_int {
    ($($t:ty),*) => {$(
        impl FromCell for $t {
            fn from_cell(c: Cell<'_>) -> Result<Self> {
                <$t>::try_from(i64::from_cell(c)?).map_err(|_| unreadable(concat!("a number that fits ", stringify!($t)), c))
            }
        }
        impl From<$t> for Val {
            fn from(v: $t) -> Val { Val::Int(i64::from(v)) }
        }
    )*};
}
small_int!(i32, u32, u16, u8);

impl FromCell for bool {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        match c {
            Cell::Bool(b) => Ok(b),
            Cell::Int(0) => Ok(false),
            Cell::Int(1) => Ok(true),
            c => Err(unreadable("a boolean", c)),
        }
    }
}
impl FromCell for String {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        match c {
            Cell::Text(t) => Ok(t.to_string()),
            c => Err(unreadable("text", c)),
        }
    }
}
impl FromCell for Vec<u8> {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        match c {
            Cell::Bytes(b) => Ok(b.to_vec()),
            c => Err(unreadable("bytes", c)),
        }
    }
}
impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        match c {
            Cell::Null => Ok(None),
            c => T::from_cell(c).map(Some),
        }
    }
}
impl FromCell for Ts {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        i64::from_cell(c).map(Ts)
    }
}
impl FromCell for Lots {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        i64::from_cell(c).map(Lots)
    }
}
impl FromCell for Currency {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        match c {
            Cell::Text(t) => Currency::parse(t).map_err(|_| unreadable("a currency code", c)),
            c => Err(unreadable("a currency code", c)),
        }
    }
}
impl FromCell for Rate {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        match c {
            Cell::Text(t) => Rate::parse(t).map_err(|_| unreadable("a rate", c)),
            c => Err(unreadable("a rate", c)),
        }
    }
}
/// A JSON document kept as text.
impl FromCell for serde_json::Value {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        match c {
            Cell::Text(t) => serde_json::from_str(t).map_err(|_| unreadable("a JSON document", c)),
            c => Err(unreadable("a JSON document", c)),
        }
    }
}

impl From<i64> for Val {
    fn from(v: i64) -> Val {
        Val::Int(v)
    }
}
impl From<bool> for Val {
    fn from(v: bool) -> Val {
        Val::Bool(v)
    }
}
impl From<&str> for Val {
    fn from(v: &str) -> Val {
        Val::Text(v.to_string())
    }
}
impl From<String> for Val {
    fn from(v: String) -> Val {
        Val::Text(v)
    }
}
impl From<&String> for Val {
    fn from(v: &String) -> Val {
        Val::Text(v.clone())
    }
}
impl From<Vec<u8>> for Val {
    fn from(v: Vec<u8>) -> Val {
        Val::Bytes(v)
    }
}
impl From<&[u8]> for Val {
    fn from(v: &[u8]) -> Val {
        Val::Bytes(v.to_vec())
    }
}
impl From<Ts> for Val {
    fn from(v: Ts) -> Val {
        Val::Int(v.0)
    }
}
impl From<Lots> for Val {
    fn from(v: Lots) -> Val {
        Val::Int(v.0)
    }
}
impl From<Currency> for Val {
    fn from(v: Currency) -> Val {
        Val::Text(v.code().to_string())
    }
}
impl From<Rate> for Val {
    fn from(v: Rate) -> Val {
        Val::Text(v.text())
    }
}
impl From<serde_json::Value> for Val {
    fn from(v: serde_json::Value) -> Val {
        Val::Text(v.to_string())
    }
}
impl From<&serde_json::Value> for Val {
    fn from(v: &serde_json::Value) -> Val {
        Val::Text(v.to_string())
    }
}
impl<T: Into<Val>> From<Option<T>> for Val {
    fn from(v: Option<T>) -> Val {
        v.map_or(Val::Null, Into::into)
    }
}

/// The parameters of a statement: `vals![id, amount.minor, name]`.
#[macro_export]
macro_rules! vals {
    ($($v:expr),* $(,)?) => { [$($crate::Val::from($v)),*] };
}

/// For a fieldless state enum: text in the database, the same text in JSON, one list of states.
///
/// `text_enum!(WithdrawalState { Requested = "requested", Paid = "paid" });` Where two crates say
/// the same name, one gives the API's description another: `text_enum!(StepState as KycStepState { … })`.
#[macro_export]
macro_rules! text_enum {
    ($(#[$m:meta])* $name:ident { $($(#[$vm:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $crate::text_enum!($(#[$m])* $name as $name { $($(#[$vm])* $variant = $text),+ });
    };
    ($(#[$m:meta])* $name:ident as $shown:ident { $($(#[$vm:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$m])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vm])* $variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
            pub fn parse(s: &str) -> ::std::option::Option<Self> {
                match s { $($text => Some($name::$variant),)+ _ => None }
            }
        }
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl $crate::FromCell for $name {
            fn from_cell(c: $crate::Cell<'_>) -> $crate::Result<Self> {
                match c {
                    $crate::Cell::Text(t) => Self::parse(t).ok_or_else(|| $crate::Problem::bug("row_unreadable", concat!("unknown ", stringify!($name)))),
                    _ => Err($crate::Problem::bug("row_unreadable", concat!("expected text for ", stringify!($name)))),
                }
            }
        }
        impl ::std::convert::From<$name> for $crate::Val {
            fn from(v: $name) -> $crate::Val { $crate::Val::Text(v.as_str().to_string()) }
        }
        impl $crate::id::serde_crate::Serialize for $name {
            fn serialize<S: $crate::id::serde_crate::Serializer>(&self, s: S) -> ::std::result::Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }
        impl<'de> $crate::id::serde_crate::Deserialize<'de> for $name {
            fn deserialize<D: $crate::id::serde_crate::Deserializer<'de>>(d: D) -> ::std::result::Result<Self, D::Error> {
                let s = <::std::borrow::Cow<'de, str> as $crate::id::serde_crate::Deserialize<'de>>::deserialize(d)?;
                Self::parse(&s).ok_or_else(|| {
                    <D::Error as $crate::id::serde_crate::de::Error>::unknown_variant(&s, &[$($text),+])
                })
            }
        }
        impl $crate::id::utoipa_crate::PartialSchema for $name {
            fn schema() -> $crate::id::utoipa_crate::openapi::RefOr<$crate::id::utoipa_crate::openapi::Schema> {
                $crate::describe::words(Self::ALL.iter().map(|v| v.as_str()))
            }
        }
        impl $crate::id::utoipa_crate::ToSchema for $name {
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(stringify!($shown))
            }
        }
    };
}
