//! Which handler does which kind, and what runs by the clock.

use super::Handler;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Clone, Default)]
pub struct Registry {
    pub(super) handlers: HashMap<&'static str, Arc<dyn Handler>>,
    pub(super) schedules: Vec<Schedule>,
}

#[derive(Clone)]
pub(super) struct Schedule {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) every_secs: i64,
}

impl Registry {
    pub fn new() -> Registry {
        Registry::default()
    }

    /// The last handler added for a kind does it.
    #[allow(clippy::should_implement_trait, reason = "the word of the trade; nothing is summed here")]
    pub fn add(mut self, handler: Arc<dyn Handler>) -> Registry {
        self.handlers.insert(handler.kind(), handler);
        self
    }

    /// Runs the handler every `secs` seconds, counted from the end of one run, on one node of
    /// all. It is a job like others: leased, retried, and never dead, because its next turn comes
    /// by itself.
    pub fn every(mut self, name: impl Into<String>, secs: i64, handler: Arc<dyn Handler>) -> Registry {
        self.schedules.push(Schedule {
            name: name.into(),
            kind: handler.kind(),
            every_secs: secs.max(1),
        });
        self.add(handler)
    }

    pub fn kinds(&self) -> Vec<&'static str> {
        let mut k: Vec<_> = self.handlers.keys().copied().collect();
        k.sort_unstable();
        k
    }
}
