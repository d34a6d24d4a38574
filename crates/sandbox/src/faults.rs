//! Misbehaviour to order. Somebody orders a fault over the control interface; the counterparty
//! asks, call by call, whether one is due.

use serde::{Deserialize, Serialize};
use std::sync::Mutex;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A business error; `value` is the provider's code.
    Refuse,
    /// Not applied, connection closed.
    DropBefore,
    /// Applied, connection closed without an answer.
    DropAfter,
    /// Applied, answered after `delay_ms`.
    Slow,
    /// Applied and answered after `delay_ms`.
    SlowBefore,
    /// Applied, the answer cannot be read.
    Garbage,
    /// HTTP 403 without a body, not applied.
    Forbidden,
    /// Every call fails until the fault is deleted.
    Down,
    /// MetaTrader: the deal of the operation shows only after `delay_ms`.
    LateVisible,
    /// Another amount than asked (calls) or than true (webhooks).
    WrongAmount,
    /// Webhook after `delay_ms`.
    Late,
    Twice,
    Lost,
    /// Webhook delivered after the one that follows it.
    Reorder,
    /// An extra delivery with a bad signature.
    Forged,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    #[serde(default)]
    pub id: String,
    /// `stripe`, `mt5`, or the name of one of [`crate::rail::all`].
    pub provider: String,
    /// The operation, e.g. `trade/balance`, `payment_intents.create`, `webhook`; `*` is any call
    /// (webhooks must be named).
    pub target: String,
    /// One trade server or one payment connection; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "connection")]
    pub server: Option<String>,
    pub kind: FaultKind,
    /// How many calls it still spoils.
    #[serde(default = "once")]
    pub count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text_or_number")]
    pub value: Option<String>,
}

fn once() -> u32 {
    1
}

fn text_or_number<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<serde_json::Value>::deserialize(d)? {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(s)) => Some(s),
        Some(other) => Some(other.to_string()),
    })
}

impl Fault {
    /// `delay_ms`, or `default_ms` when the order named none.
    pub fn delay(&self, default_ms: u64) -> Duration {
        Duration::from_millis(self.delay_ms.unwrap_or(default_ms))
    }
    fn hits(&self, provider: &str, server: &str, target: &str) -> bool {
        self.provider == provider
            && self.server.as_deref().is_none_or(|s| s == server)
            && (self.target.eq_ignore_ascii_case(target) || (self.target == "*" && !target.starts_with("webhook")))
    }
}

/// The orders outstanding, oldest first.
#[derive(Default)]
pub struct Faults(Mutex<(u64, Vec<Fault>)>);

impl Faults {
    pub fn order(&self, mut fault: Fault) -> String {
        let mut g = self.0.lock().unwrap_or_else(|p| p.into_inner());
        g.0 += 1;
        fault.id = format!("flt_{}", g.0);
        let id = fault.id.clone();
        g.1.push(fault);
        id
    }
    pub fn list(&self) -> Vec<Fault> {
        self.0.lock().unwrap_or_else(|p| p.into_inner()).1.clone()
    }
    /// One by its id, or all; how many went.
    pub fn cancel(&self, id: Option<&str>) -> usize {
        let all = &mut self.0.lock().unwrap_or_else(|p| p.into_inner()).1;
        let before = all.len();
        all.retain(|f| id.is_some_and(|i| i != f.id));
        before - all.len()
    }
    /// The oldest order for this call that `fits`, counted down by one ([`FaultKind::Down`] stays).
    /// `server` is the trade server's or the Stripe connection's name.
    pub fn take(&self, provider: &str, server: &str, target: &str, fits: impl Fn(FaultKind) -> bool) -> Option<Fault> {
        let all = &mut self.0.lock().unwrap_or_else(|p| p.into_inner()).1;
        let at = all.iter().position(|f| f.hits(provider, server, target) && fits(f.kind))?;
        if all[at].kind == FaultKind::Down {
            return Some(all[at].clone());
        }
        all[at].count = all[at].count.saturating_sub(1);
        let taken = all[at].clone();
        if taken.count == 0 {
            all.remove(at);
        }
        Some(taken)
    }
}
