//! From JSON to a [`Plan`], collecting every fault with its pointer before answering.

use super::{Forbidden, Plan, PlanScope, RateCurrency, Rule, VolumeFactor, check, rules};
use crate::exact::Exact;
use qd_kernel::{Class, Currency, FieldProblem, Problem, Result, Ts};
use serde_json::{Map, Value};

pub const FORMAT: i64 = 1;
const MAX_RULES: usize = 500;
const MAX_NAMES: usize = 500;
const MAX_TIERS: usize = 20;

/// Faults found so far.
#[derive(Default)]
pub struct Faults(Vec<FieldProblem>);

impl Faults {
    pub fn add(&mut self, pointer: impl Into<String>, code: &str, expected: impl Into<String>) {
        self.0.push(FieldProblem {
            pointer: pointer.into(),
            code: code.to_string(),
            expected: expected.into(),
        });
    }
    pub fn into_result(self, code: &'static str, what: &str) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let detail = self
            .0
            .iter()
            .map(|f| format!("{}: {}", f.pointer, f.expected))
            .collect::<Vec<_>>()
            .join("; ");
        Err(Problem {
            fields: self.0,
            ..Problem::new(Class::Invalid, code, format!("{what}: {detail}"))
        })
    }
}

/// An object being read: what nobody asked for is a fault in the end.
pub struct Obj<'a> {
    map: &'a Map<String, Value>,
    at: String,
    asked: Vec<&'static str>,
}

impl<'a> Obj<'a> {
    pub fn of(v: &'a Value, at: &str, f: &mut Faults) -> Option<Obj<'a>> {
        match v {
            Value::Object(map) => Some(Obj {
                map,
                at: at.to_string(),
                asked: Vec::new(),
            }),
            _ => {
                f.add(if at.is_empty() { "/" } else { at }, "not_an_object", "expected an object");
                None
            }
        }
    }
    pub fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.asked.push(key);
        self.map.get(key).filter(|v| !v.is_null())
    }
    /// A value that is not asked for by looking at it.
    pub fn peek(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|v| !v.is_null())
    }
    pub fn missing(&self, key: &str) -> bool {
        self.peek(key).is_none()
    }
    pub fn pointer(&self, key: &str) -> String {
        format!("{}/{key}", self.at)
    }
    pub fn text(&mut self, key: &'static str, f: &mut Faults) -> Option<&'a str> {
        let v = self.get(key)?;
        match v.as_str().filter(|s| !s.is_empty() && s.len() <= 200) {
            Some(s) => Some(s),
            None => {
                f.add(self.pointer(key), "not_text", "expected text of 1 to 200 characters");
                None
            }
        }
    }
    pub fn need_text(&mut self, key: &'static str, f: &mut Faults) -> String {
        if self.map.get(key).is_none_or(Value::is_null) {
            self.asked.push(key);
            f.add(self.pointer(key), "missing", "expected text");
            return String::new();
        }
        self.text(key, f).unwrap_or_default().to_string()
    }
    pub fn texts(&mut self, key: &'static str, f: &mut Faults) -> Vec<String> {
        let Some(v) = self.get(key) else { return Vec::new() };
        let list: Option<Vec<String>> = v.as_array().filter(|a| a.len() <= MAX_NAMES).map(|a| {
            a.iter()
                .filter_map(Value::as_str)
                .filter(|s| !s.is_empty() && s.len() <= 100)
                .map(str::to_string)
                .collect()
        });
        match list {
            Some(l) if v.as_array().is_some_and(|a| a.len() == l.len()) => l,
            _ => {
                f.add(self.pointer(key), "not_texts", "expected a list of names");
                Vec::new()
            }
        }
    }
    pub fn int(&mut self, key: &'static str, min: i64, max: i64, f: &mut Faults) -> Option<i64> {
        let v = self.get(key)?;
        match v.as_i64().filter(|i| (min..=max).contains(i)) {
            Some(i) => Some(i),
            None => {
                f.add(
                    self.pointer(key),
                    "out_of_range",
                    format!("expected a whole number from {min} to {max}"),
                );
                None
            }
        }
    }
    pub fn flag(&mut self, key: &'static str, f: &mut Faults) -> bool {
        match self.get(key) {
            None => false,
            Some(Value::Bool(b)) => *b,
            Some(_) => {
                f.add(self.pointer(key), "not_a_flag", "expected true or false");
                false
            }
        }
    }
    /// A decimal in text: numbers of JSON have been through a float in too many readers.
    pub fn decimal(&mut self, key: &'static str, f: &mut Faults) -> Option<Exact> {
        let v = self.get(key)?;
        match v.as_str().and_then(Exact::parse) {
            Some(e) => Some(e),
            None => {
                f.add(
                    self.pointer(key),
                    "not_a_decimal",
                    "expected a decimal in text with at most 12 places, such as \"7.50\"",
                );
                None
            }
        }
    }
    pub fn time(&mut self, key: &'static str, f: &mut Faults) -> Option<Ts> {
        let v = self.get(key)?;
        match v.as_str().and_then(parse_time) {
            Some(t) => Some(t),
            None => {
                f.add(self.pointer(key), "not_a_time", "expected 2026-03-31 or 2026-03-31T23:58:30Z");
                None
            }
        }
    }
    pub fn currency(&mut self, key: &'static str, f: &mut Faults) -> Option<Currency> {
        let text = self.text(key, f)?;
        match Currency::parse(text) {
            Ok(c) => Some(c),
            Err(_) => {
                f.add(
                    self.pointer(key),
                    "currency_unknown",
                    "expected a known currency code in capitals, such as EUR",
                );
                None
            }
        }
    }
    pub fn list(&mut self, key: &'static str, max: usize, f: &mut Faults) -> Vec<(&'a Value, String)> {
        let Some(v) = self.get(key) else { return Vec::new() };
        match v.as_array().filter(|a| a.len() <= max) {
            Some(a) => a
                .iter()
                .enumerate()
                .map(|(i, v)| (v, format!("{}/{i}", self.pointer(key))))
                .collect(),
            None => {
                f.add(self.pointer(key), "not_a_list", format!("expected a list of at most {max}"));
                Vec::new()
            }
        }
    }
    pub fn done(self, f: &mut Faults) {
        for key in self.map.keys().filter(|k| !self.asked.contains(&k.as_str())) {
            f.add(
                self.pointer(key),
                "unknown_field",
                format!("expected one of: {}", self.asked.join(", ")),
            );
        }
    }
}

/// `2026-03-31` (midnight UTC) or `2026-03-31T23:58:30Z`, seconds optional fractions up to micros.
pub fn parse_time(s: &str) -> Option<Ts> {
    let (date, time) = match s.split_once('T') {
        None => (s, None),
        Some((d, t)) => (d, Some(t.strip_suffix('Z')?)),
    };
    let part = |s: &str, len: usize| {
        (s.len() == len && s.bytes().all(|b| b.is_ascii_digit()))
            .then(|| s.parse::<u32>().ok())
            .flatten()
    };
    let mut d = date.split('-');
    let (y, m, day) = (part(d.next()?, 4)?, part(d.next()?, 2)?, part(d.next()?, 2)?);
    let midnight = Ts::from_ymd(i64::from(y), m, day);
    if d.next().is_some() || midnight.ymd() != (i64::from(y), m, day) {
        return None;
    }
    let Some(time) = time else { return Some(midnight) };
    let (hms, micros) = match time.split_once('.') {
        None => (time, 0),
        Some((hms, frac)) if (1..=6).contains(&frac.len()) => (hms, qd_kernel::parse_fixed(&format!("0.{frac}"), 6)?),
        Some(_) => return None,
    };
    let mut t = hms.split(':');
    let (h, min, sec) = (part(t.next()?, 2)?, part(t.next()?, 2)?, part(t.next()?, 2)?);
    if t.next().is_some() || h > 23 || min > 59 || sec > 59 {
        return None;
    }
    Some(Ts(midnight.plus_secs(i64::from(h * 3_600 + min * 60 + sec)).micros() + micros))
}

impl Plan {
    /// Reads and checks a document. The problem (`plan_refused`) names each fault by its pointer:
    /// unknown fields, malformed values, rules that tie, overrides without rates.
    pub fn read(doc: &Value) -> Result<Plan> {
        let mut f = Faults::default();
        let plan = plan(doc, &mut f);
        if let Some(p) = &plan {
            check::run(p, &mut f);
        }
        f.into_result("plan_refused", "the plan cannot be saved")?;
        plan.ok_or_else(|| Problem::bug("plan_unread", "a plan without faults was not read"))
    }
}

fn plan(doc: &Value, f: &mut Faults) -> Option<Plan> {
    let mut o = Obj::of(doc, "", f)?;
    match o.int("format", FORMAT, FORMAT, f) {
        None if doc.get("format").is_none() => f.add("/format", "missing", "expected 1"),
        _ => {}
    }
    let name = o.need_text("name", f);
    let currency = match o.need_text("currency", f).as_str() {
        "" => RateCurrency::Account,
        "account" => RateCurrency::Account,
        code => match Currency::parse(code) {
            Ok(c) => RateCurrency::Money(c),
            Err(_) => {
                f.add(
                    "/currency",
                    "currency_unknown",
                    "expected a known currency code in capitals, or account",
                );
                RateCurrency::Account
            }
        },
    };
    let scope = o.get("scope").and_then(|v| plan_scope(v, f)).unwrap_or_default();
    let rules: Vec<Rule> = o
        .list("rules", MAX_RULES, f)
        .into_iter()
        .filter_map(|(v, at)| rules::rule(v, &at, f))
        .collect();
    let overrides = o.get("override").and_then(|v| rules::overriding(v, f));
    let exclusions = o.get("exclusions").and_then(|v| rules::exclusions(v, f)).unwrap_or_default();
    let volume_factors = o
        .list("volume_factors", MAX_NAMES, f)
        .into_iter()
        .filter_map(|(v, at)| volume_factor(v, &at, f))
        .collect();
    let programmes = super::programmes::read(&mut o, currency, f);
    let tiers = o
        .list("tiers", MAX_TIERS, f)
        .into_iter()
        .filter_map(|(v, at)| rules::tier(v, &at, f))
        .collect();
    let regions = o
        .list("regions", MAX_NAMES, f)
        .into_iter()
        .filter_map(|(v, at)| rules::region(v, &at, f))
        .collect();
    let caps = o.get("caps").and_then(|v| rules::caps(v, f)).unwrap_or_default();
    let client_rebates = o
        .list("client_rebates", MAX_NAMES, f)
        .into_iter()
        .filter_map(|(v, at)| rules::client_rebate(v, &at, f))
        .collect();
    let minimum_posting = o.decimal("minimum_posting", f).filter(|m| *m > Exact::ZERO);
    let terms = o.get("terms").and_then(|v| rules::terms(v, f)).unwrap_or_default();
    // Words for people: kept in the document, of no effect.
    let _ = o.text("note", f);
    o.done(f);
    Some(Plan {
        name,
        currency,
        scope,
        rules,
        overrides,
        exclusions,
        volume_factors,
        programmes: programmes.by_terms(&terms),
        tiers,
        regions,
        caps,
        client_rebates,
        minimum_posting,
        terms,
    })
}

fn plan_scope(v: &Value, f: &mut Faults) -> Option<PlanScope> {
    let mut o = Obj::of(v, "/scope", f)?;
    let (entities, countries) = (o.texts("entities", f), o.texts("countries", f));
    let mut forbidden = Vec::new();
    for (v, at) in o.list("forbidden", MAX_NAMES, f) {
        if let Some(mut e) = Obj::of(v, &at, f) {
            let (country, source) = (e.need_text("country", f), e.need_text("source", f));
            e.done(f);
            forbidden.push(Forbidden { country, source });
        }
    }
    o.done(f);
    Some(PlanScope {
        entities,
        countries,
        forbidden,
    })
}

fn volume_factor(v: &Value, at: &str, f: &mut Faults) -> Option<VolumeFactor> {
    let mut o = Obj::of(v, at, f)?;
    let (account_types, groups) = (o.texts("account_types", f), o.texts("groups", f));
    if o.map.get("factor").is_none_or(Value::is_null) {
        f.add(o.pointer("factor"), "missing", "expected a decimal in text");
    }
    let factor = o.decimal("factor", f).unwrap_or(Exact::ONE);
    if factor.is_negative() {
        f.add(o.pointer("factor"), "factor_negative", "expected 0 or more");
    }
    o.done(f);
    Some(VolumeFactor {
        account_types,
        groups,
        factor,
    })
}
