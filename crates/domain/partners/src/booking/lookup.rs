//! What a batch looks up more than once: whose client, the tree, the plans, the settings of a moment.

use super::SETTINGS;
use crate::attribution::{ShareState, earns_after_leaving};
use crate::engine::{Blocked, DealFacts, Hop, Rank, Ranked, Settings};
use crate::guard::{self, Guard};
use crate::ids::PartnerId;
use crate::partner::PartnerState;
use crate::plan::{Plan, PlanRef};
use crate::store::{attribution, partners, plans as plan_store, states};
use crate::{plans, programmes};
use qd_db::Tx;
use qd_kernel::{Result, Ts};
use qd_runtime::settings;
use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What a batch looks up more than once.
#[derive(Default)]
pub(super) struct Cache {
    pub(super) shares: HashMap<String, Vec<attribution::ShareRow>>,
    /// By partner: when the path holds, and the path.
    pub(super) paths: HashMap<PartnerId, Vec<(Ts, Ts, Vec<partners::PathRow>)>>,
    pub(super) uses: HashMap<String, Vec<plan_store::UseRow>>,
    pub(super) versions: HashMap<crate::ids::PlanId, Vec<plan_store::VersionRow>>,
    pub(super) plans: HashMap<(crate::ids::PlanId, i64), Arc<Plan>>,
    pub(super) settings: HashMap<String, Settings>,
    pub(super) entities: HashMap<PartnerId, String>,
    closed: HashMap<PartnerId, Option<Ts>>,
}

async fn earns_still(tx: &mut Tx, r: &partners::PathRow, at: Ts) -> Result<bool> {
    Ok(r.state == PartnerState::Terminated && earns_after_leaving(tx, r.id, at).await?)
}

impl Cache {
    pub(super) async fn load_shares(&mut self, tx: &mut Tx, wanted: &[(usize, &DealFacts)]) -> Result<()> {
        let clients: BTreeSet<&str> = wanted.iter().map(|(_, d)| d.client.as_str()).collect();
        let clients: Vec<&str> = clients.into_iter().collect();
        self.shares = clients.iter().map(|c| (c.to_string(), Vec::new())).collect();
        for row in attribution::histories(tx, &clients).await? {
            self.shares.entry(row.client_id.clone()).or_default().push(row);
        }
        Ok(())
    }

    pub(super) async fn settings(&mut self, tx: &mut Tx, entity: &str) -> Result<Settings> {
        if let Some(s) = self.settings.get(entity) {
            return Ok(s.clone());
        }
        let mut s = settings::for_entity::<Settings>(tx, entity, SETTINGS).await?.unwrap_or_default();
        if let Some(g) = settings::for_entity::<Guard>(tx, entity, guard::SETTINGS).await? {
            s.guard = Arc::new(g);
        }
        self.settings.insert(entity.to_string(), s.clone());
        Ok(s)
    }

    /// The partners above the deal's client at a moment, with the plans of that moment.
    pub(super) async fn path(&mut self, tx: &mut Tx, d: &DealFacts, at: Ts) -> Result<Vec<Hop>> {
        if !self.shares.contains_key(&d.client) {
            let rows = attribution::history(tx, &d.client).await?;
            self.shares.insert(d.client.clone(), rows);
        }
        let share = self
            .shares
            .get(&d.client)
            .into_iter()
            .flatten()
            .find(|s| s.from_at <= at && s.to_at.is_none_or(|t| at < t));
        let (Some(partner), held) = (match share {
            Some(s) if s.state != ShareState::Refused => (s.partner_id, s.state == ShareState::Held),
            _ => (None, false),
        }) else {
            return Ok(Vec::new());
        };
        let rows = self.path_of(tx, partner, at).await?;
        let mut hops = Vec::with_capacity(rows.len());
        for r in rows {
            self.entities.entry(r.id).or_insert_with(|| r.entity.clone());
            let blocked = if held {
                Some(Blocked::AttributionHeld)
            } else if r.client_id.as_deref() == Some(&d.client) {
                Some(Blocked::OwnAccount)
            } else if r.state != PartnerState::Active && !earns_still(tx, &r, at).await? {
                Some(Blocked::PartnerSuspended)
            } else {
                None
            };
            let mut ranked = Vec::new();
            let holders = [
                (r.id.to_string(), Rank::Partner),
                (plans::entity_holder(&r.entity), Rank::Entity),
                (plans::GLOBAL.to_string(), Rank::Global),
            ];
            for (holder, rank) in holders {
                ranked.extend(self.plan(tx, &holder, rank, at).await?);
            }
            let after = ranked
                .iter()
                .any(|p: &Ranked| p.plan.rules.iter().any(|rule| rule.after_qualification));
            let qualified = if after {
                programmes::qualified(tx, &d.client, r.id).await?
            } else {
                None
            };
            hops.push(Hop {
                partner: r.id.to_string(),
                currency: r.currency,
                blocked,
                plans: ranked,
                country: String::new(),
                qualified,
            });
        }
        Ok(hops)
    }

    /// The end of a partner's last closed statement.
    pub(super) async fn closed_to(&mut self, tx: &mut Tx, partner: PartnerId) -> Result<Option<Ts>> {
        if let Some(t) = self.closed.get(&partner) {
            return Ok(*t);
        }
        let t = states::closed_to(tx, partner).await?;
        self.closed.insert(partner, t);
        Ok(t)
    }

    async fn path_of(&mut self, tx: &mut Tx, partner: PartnerId, at: Ts) -> Result<Vec<partners::PathRow>> {
        if let Some(known) = self
            .paths
            .get(&partner)
            .and_then(|all| all.iter().find(|(from, to, _)| *from <= at && at < *to))
        {
            return Ok(known.2.clone());
        }
        let rows = partners::path(tx, partner, at).await?;
        let from = rows.iter().map(|r| r.from_at).max().unwrap_or(at);
        let to = rows.iter().filter_map(|r| r.to_at).min().unwrap_or(Ts(i64::MAX));
        // Before the partner's first edge there is no path to remember.
        if !rows.is_empty() {
            self.paths.entry(partner).or_default().push((from, to, rows.clone()));
        }
        Ok(rows)
    }

    async fn plan(&mut self, tx: &mut Tx, holder: &str, rank: Rank, at: Ts) -> Result<Option<Ranked>> {
        if !self.uses.contains_key(holder) {
            let rows = plan_store::uses(tx, holder).await?;
            self.uses.insert(holder.to_string(), rows);
        }
        let used = self.uses[holder]
            .iter()
            .find(|u| u.from_at <= at && u.to_at.is_none_or(|t| at < t))
            .map(|u| u.plan_id);
        let Some(id) = used else { return Ok(None) };
        if let Slot::Vacant(slot) = self.versions.entry(id) {
            slot.insert(plan_store::versions(tx, id).await?);
        }
        let Some(v) = plans::pick(&self.versions[&id], at) else {
            return Ok(None);
        };
        let plan = match self.plans.get(&(id, v.version)) {
            Some(p) => p.clone(),
            None => {
                let p = Arc::new(Plan::read(&v.document)?);
                self.plans.insert((id, v.version), p.clone());
                p
            }
        };
        Ok(Some(Ranked {
            rank,
            at: PlanRef {
                plan: id.to_string(),
                version: v.version,
            },
            plan,
        }))
    }
}
