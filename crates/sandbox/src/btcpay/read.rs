//! Reading requests: fields that are wrong are named, all of them at once (HTTP 422).

use crate::rail::{Call, Reply};
use qd_kernel::{Currency, format_fixed, parse_fixed};
use serde_json::{Map, Value, json};

/// A request's object and what is wrong with it.
pub struct Read {
    pub o: Map<String, Value>,
    faults: Vec<Value>,
}

impl Read {
    pub fn of(call: &Call, known: &[&str]) -> Result<Read, Reply> {
        let Some(Value::Object(o)) = call.json() else {
            return Err(fields(vec![json!({"path": "", "message": "Unable to parse the JSON body"})]));
        };
        let mut r = Read { o, faults: Vec::new() };
        let odd: Vec<String> = r.o.keys().filter(|k| !known.contains(&k.as_str())).cloned().collect();
        for name in odd {
            r.fault(&name, "This property is not known");
        }
        Ok(r)
    }

    pub fn fault(&mut self, path: &str, message: &str) {
        self.faults.push(json!({"path": path, "message": message}));
    }

    /// Text, empty when it is not there; anything else than text is wrong.
    pub fn text(&mut self, path: &str) -> String {
        match self.o.get(path) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(s)) => s.clone(),
            Some(_) => {
                self.fault(path, "Could not convert to a string");
                String::new()
            }
        }
    }

    pub fn flag(&mut self, path: &str) -> bool {
        match self.o.get(path) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(b)) => *b,
            Some(_) => {
                self.fault(path, "Could not convert to a boolean");
                false
            }
        }
    }

    /// Minor units of `amount` in `currency`; a decimal in text, above nothing.
    pub fn amount(&mut self, path: &str, currency: &str) -> i64 {
        let text = self.text(path);
        let places = places(currency).unwrap_or(2);
        match parse_fixed(&text, places).filter(|m| *m > 0) {
            Some(minor) => minor,
            None => {
                self.fault(
                    path,
                    "Amount should be a decimal in text, more than 0, with the decimals of its currency",
                );
                0
            }
        }
    }

    pub fn currency(&mut self, path: &str) -> String {
        let code = self.text(path);
        if places(&code).is_none() {
            self.fault(path, "Invalid currency");
        }
        code
    }

    /// Err with every fault there is.
    pub fn checked(self) -> Result<Map<String, Value>, Reply> {
        if self.faults.is_empty() {
            Ok(self.o)
        } else {
            Err(fields(self.faults))
        }
    }
}

fn fields(faults: Vec<Value>) -> Reply {
    Reply::json(422, Value::Array(faults))
}

pub fn places(currency: &str) -> Option<u8> {
    Currency::parse(currency).ok().map(Currency::exponent)
}

pub fn decimal(minor: i64, currency: &str) -> String {
    format_fixed(minor, places(currency).unwrap_or(2))
}

/// Euro cents of one bitcoin; every other currency of money is taken for the euro. A demo has one rate.
const BTC_CENTS: i64 = 6_000_000;

/// What a sum is in bitcoin, in satoshi, cut off.
pub fn satoshi(minor: i64, currency: &str) -> i64 {
    if currency == "BTC" {
        return minor;
    }
    let unit = 10i64.pow(u32::from(places(currency).unwrap_or(2)));
    let sats = i128::from(minor) * 100 * 100_000_000 / i128::from(unit) / i128::from(BTC_CENTS);
    i64::try_from(sats).unwrap_or(i64::MAX)
}
