//! When an answer is due. Minutes around the clock, by priority; settings `tickets.clocks` and
//! `tickets.routing` of the entity, else global, else these.

use crate::model::{Category, Priority, TicketState};
use qd_db::Tx;
use qd_kernel::{Result, Ts};
use qd_runtime::settings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const SETTING: &str = "tickets.clocks";
pub const ROUTING: &str = "tickets.routing";

/// What nothing is due at: the end of the year 9999, which sorts after everything.
pub(crate) const NEVER: Ts = Ts(253_402_300_799_000_000);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clocks {
    /// Minutes from the client's first words to our first answer.
    pub first_reply_minutes: BTreeMap<Priority, i64>,
    /// Minutes to the solution, without the time that the client takes to answer.
    pub resolve_minutes: BTreeMap<Priority, i64>,
    /// Days of silence after which a solved ticket is closed.
    pub close_after_days: i64,
}

impl Default for Clocks {
    fn default() -> Clocks {
        use Priority::{High, Low, Normal, Urgent};
        Clocks {
            first_reply_minutes: [(Low, 1_440), (Normal, 240), (High, 60), (Urgent, 15)].into(),
            resolve_minutes: [(Low, 10_080), (Normal, 2_880), (High, 1_440), (Urgent, 240)].into(),
            close_after_days: 7,
        }
    }
}

impl Clocks {
    pub async fn load(tx: &mut Tx, entity: &str) -> Result<Clocks> {
        Ok(settings::for_entity(tx, entity, SETTING).await?.unwrap_or_default())
    }
    fn minutes(of: &BTreeMap<Priority, i64>, standard: &BTreeMap<Priority, i64>, p: Priority) -> i64 {
        of.get(&p).or_else(|| standard.get(&p)).copied().unwrap_or(1_440).clamp(1, 525_600)
    }
    pub fn first_reply_due(&self, p: Priority, opened: Ts) -> Ts {
        let m = Self::minutes(&self.first_reply_minutes, &Clocks::default().first_reply_minutes, p);
        opened.plus_secs(m * 60)
    }
    pub fn resolve_due(&self, p: Priority, opened: Ts) -> Ts {
        let m = Self::minutes(&self.resolve_minutes, &Clocks::default().resolve_minutes, p);
        opened.plus_secs(m * 60)
    }
}

/// Where a category goes when nobody has said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    /// A desk's code.
    pub desk: Option<String>,
    pub priority: Option<Priority>,
}

pub(crate) async fn route(tx: &mut Tx, entity: &str, category: Category) -> Result<Route> {
    let all: BTreeMap<Category, Route> = settings::for_entity(tx, entity, ROUTING).await?.unwrap_or_default();
    Ok(all.get(&category).cloned().unwrap_or_default())
}

/// What is due next from us.
pub(crate) fn due(state: TicketState, first_reply_at: Option<Ts>, first_reply_due: Ts, resolve_due: Ts) -> Ts {
    match (state.is_ours(), first_reply_at) {
        (false, _) => NEVER,
        (true, None) => first_reply_due.min(resolve_due),
        (true, Some(_)) => resolve_due,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_is_due_first_and_nothing_while_the_client_thinks() {
        let (c, at) = (Clocks::default(), Ts::from_ymd(2026, 11, 20));
        let (first, solved) = (c.first_reply_due(Priority::High, at), c.resolve_due(Priority::High, at));
        assert_eq!((first.secs_since(at), solved.secs_since(at)), (3_600, 86_400));
        assert_eq!(due(TicketState::Open, None, first, solved), first);
        assert_eq!(due(TicketState::WaitingUs, Some(at), first, solved), solved);
        assert_eq!(due(TicketState::WaitingClient, Some(at), first, solved), NEVER);
    }

    #[test]
    fn a_setting_that_names_one_priority_leaves_the_others_as_they_are() {
        let c: Clocks = serde_json::from_value(serde_json::json!({"first_reply_minutes": {"urgent": 5}})).unwrap();
        let at = Ts::from_ymd(2026, 11, 20);
        assert_eq!(c.first_reply_due(Priority::Urgent, at).secs_since(at), 300);
        assert_eq!(c.first_reply_due(Priority::Low, at).secs_since(at), 86_400);
        assert_eq!(c.close_after_days, 7);
    }
}
