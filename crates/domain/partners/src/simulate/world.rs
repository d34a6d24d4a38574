//! The deals of a question with the paths above them, each path kept once.

use super::Question;
use super::answer::{self, Simulation};
use crate::engine::month::World;
use crate::engine::{Blocked, DealFacts, Hop, Rank, Settings, Stop};
use crate::plan::PlanRef;
use qd_kernel::{Currency, Result, Ts};
use std::collections::HashMap;

/// A deal, who stood above its client, and the house's settings.
pub struct Met {
    pub deal: DealFacts,
    pub path: Vec<Hop>,
    pub settings: Settings,
}

/// Whether the partner would be on the proposed plan.
fn meant(q: &Question, h: &Hop) -> bool {
    let on_plan = |id: &crate::ids::PlanId| {
        let id = id.to_string();
        h.plans.iter().any(|p| p.at.plan == id)
    };
    q.ask.partners.iter().any(|p| p.to_string() == h.partner) || q.ask.on_plan.as_ref().is_some_and(on_plan)
}

pub(super) fn concerns(q: &Question, path: &[Hop]) -> bool {
    path.iter().any(|h| meant(q, h))
}

/// The path as it would be: those meant are on the proposed plan, with what stood behind their own.
fn proposed(q: &Question, path: &[Hop]) -> Vec<Hop> {
    path.iter()
        .map(|h| {
            let mut h = h.clone();
            if meant(q, &h) {
                match q.ask.on_plan {
                    // In its place, at its rank.
                    Some(id) => {
                        let id = id.to_string();
                        for p in h.plans.iter_mut().filter(|p| p.at.plan == id) {
                            let rank = p.rank;
                            *p = q.plan.clone();
                            p.rank = rank;
                        }
                    }
                    None => {
                        h.plans.retain(|p| p.rank != Rank::Partner);
                        h.plans.insert(0, q.plan.clone());
                    }
                }
            }
            h
        })
        .collect()
}

type PathKey = (String, Vec<(String, Currency, Option<Blocked>, Vec<(Rank, PlanRef)>)>);

/// Everything an answer needs.
pub struct Sample {
    pub(super) question: Question,
    pub(super) deals: Vec<DealFacts>,
    /// By deal: its path in `paths`.
    pub(super) at: Vec<u32>,
    pub(super) paths: Vec<Above>,
    ids: HashMap<PathKey, u32>,
    /// Deals that were looked at, those that do not concern the question too.
    pub(super) seen: i64,
}

/// One path with the plans of the time, and with the proposed one.
pub(super) struct Above {
    pub today: Vec<Hop>,
    pub then: Vec<Hop>,
    pub settings: Settings,
}

impl Sample {
    pub fn new(question: Question) -> Sample {
        Sample {
            question,
            deals: Vec::new(),
            at: Vec::new(),
            paths: Vec::new(),
            ids: HashMap::new(),
            seen: 0,
        }
    }

    pub fn add(&mut self, deals: Vec<Met>, seen: i64) {
        self.seen += seen;
        for m in deals {
            let hops = m
                .path
                .iter()
                .map(|h| {
                    let plans = h.plans.iter().map(|p| (p.rank, p.at.clone())).collect();
                    (h.partner.clone(), h.currency, h.blocked, plans)
                })
                .collect();
            let next = self.paths.len() as u32;
            let id = *self.ids.entry((m.deal.entity.clone(), hops)).or_insert(next);
            // A client's qualification is the client's own: such a path is never shared.
            let own = m.path.iter().any(|h| h.qualified.is_some());
            let id = if id == next || own {
                self.paths.push(Above {
                    then: proposed(&self.question, &m.path),
                    today: m.path,
                    settings: m.settings,
                });
                self.paths.len() as u32 - 1
            } else {
                id
            };
            self.at.push(id);
            self.deals.push(m.deal);
        }
    }

    /// Pure, and as long as it takes: a second for some ten thousand deals.
    pub fn answer(&self) -> Result<Simulation> {
        answer::answer(self)
    }

    pub(super) fn is_meant(&self, h: &Hop) -> bool {
        meant(&self.question, h)
    }
}

/// The sample for [`crate::engine::month`].
pub(super) struct Replay<'a> {
    pub paths: &'a [Above],
    /// Which path a deal has.
    pub at: HashMap<(&'a str, &'a str), u32>,
    pub proposed: bool,
}

impl Replay<'_> {
    fn above(&self, d: &DealFacts) -> &Above {
        let at = self.at.get(&(d.server.as_str(), d.ticket.as_str())).copied().unwrap_or_default();
        &self.paths[at as usize]
    }
}

impl World for Replay<'_> {
    fn path(&mut self, d: &DealFacts, _: Ts) -> std::result::Result<Vec<Hop>, Stop> {
        let a = self.above(d);
        Ok(if self.proposed { a.then.clone() } else { a.today.clone() })
    }
    fn settings(&mut self, d: &DealFacts) -> Settings {
        self.above(d).settings.clone()
    }
}
