//! A sum in words and as data, built together so that they say the same.

use super::explain::Part;
use std::fmt::Display;

#[derive(Clone, Debug, Default)]
pub struct Formula {
    pub text: String,
    pub parts: Vec<Part>,
}

fn shown(value: &impl Display, unit: &str, of: &str) -> String {
    match unit {
        "" | "ratio" | "rate" | "share" => value.to_string(),
        "price" => format!("{value} {}", of.replace('_', " ")),
        _ => format!("{value} {unit}"),
    }
}

impl Formula {
    pub fn start(value: impl Display, unit: &str, of: &str) -> Formula {
        Formula {
            text: shown(&value, unit, of),
            parts: vec![Part::new("start", value, unit, of)],
        }
    }
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
    fn with(mut self, op: &str, word: &str, value: impl Display, unit: &str, of: &str) -> Formula {
        self.text.push_str(word);
        self.text.push_str(&shown(&value, unit, of));
        self.parts.push(Part::new(op, value, unit, of));
        self
    }
    pub fn times(self, value: impl Display, unit: &str, of: &str) -> Formula {
        self.with("times", " x ", value, unit, of)
    }
    pub fn over(self, value: impl Display, unit: &str, of: &str) -> Formula {
        self.with("over", " / ", value, unit, of)
    }
    pub fn equals(self, value: impl Display, unit: &str) -> Formula {
        self.with("equals", " = ", value, unit, "amount")
    }
    /// A second product added to the first.
    pub fn and(mut self, other: Formula) -> Formula {
        if self.is_empty() {
            return other;
        }
        self.text.push_str(" + ");
        self.text.push_str(&other.text);
        let mut parts = other.parts;
        if let Some(first) = parts.first_mut() {
            first.op = "plus".into();
        }
        self.parts.extend(parts);
        self
    }
    pub fn less(mut self, value: impl Display, unit: &str, of: &str, words: &str) -> Formula {
        self.text.push_str(&format!(", less {} {words}", shown(&value, unit, of)));
        self.parts.push(Part::new("less", value, unit, of));
        self
    }
    pub fn plus(mut self, value: impl Display, unit: &str, of: &str, words: &str) -> Formula {
        self.text.push_str(&format!(", plus {} {words}", shown(&value, unit, of)));
        self.parts.push(Part::new("plus", value, unit, of));
        self
    }
}
