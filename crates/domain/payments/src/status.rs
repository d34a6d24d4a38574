//! Where the money is, in words that client and staff share (PM-26, CP-07, SU-03): the same steps,
//! made from the same rows, for the portal, the back office and the ticket.

use qd_kernel::{Ts, text_enum};
use serde::Serialize;

text_enum! {
    StepState { Done = "done", Current = "current", Waiting = "waiting", Failed = "failed" }
}

/// One step. `key` is in the catalogue of texts (`deposit.step.paid`).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Step {
    pub key: &'static str,
    pub state: StepState,
    pub at_us: Option<Ts>,
    /// How long this step usually takes from here, in seconds.
    pub expected_s: Option<i64>,
    /// What is missing, and from whom: `client`, `compliance`, `finance`, `provider`, `platform`.
    pub waiting_for: Option<&'static str>,
    pub detail: Option<String>,
}

impl Step {
    pub(crate) fn new(key: &'static str, state: StepState) -> Step {
        Step {
            key,
            state,
            at_us: None,
            expected_s: None,
            waiting_for: None,
            detail: None,
        }
    }
    pub(crate) fn at(mut self, t: Option<Ts>) -> Step {
        self.at_us = t;
        self
    }
    pub(crate) fn expect(mut self, seconds: i64, from: &'static str) -> Step {
        if self.state == StepState::Current {
            self.expected_s = Some(seconds);
            self.waiting_for = Some(from);
        }
        self
    }
    pub(crate) fn because(mut self, detail: Option<String>) -> Step {
        self.detail = detail;
        self
    }
}

/// Done up to the current one, waiting after it.
pub(crate) fn at(reached: usize, step: usize) -> StepState {
    match step.cmp(&reached) {
        std::cmp::Ordering::Less => StepState::Done,
        std::cmp::Ordering::Equal => StepState::Current,
        std::cmp::Ordering::Greater => StepState::Waiting,
    }
}
