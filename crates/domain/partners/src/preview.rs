//! `commissions preview`: lines from files alone. A plan file and an events file in, lines with
//! their explanations and totals out; no database, the same engine as the live feed.
//!
//! The plan file is one plan, or `{"plans": {"name": plan, …}}`. The events file (its schema is
//! `schemas/events.schema.json`) has the partners bottom up or in any order, the clients, the
//! quotes, the deals.

use crate::engine::round::Purse;
use crate::engine::{self, Blocked, DealFacts, FactKind, Hop, Quote, Rank, Ranked, Settings};
use crate::exact::Exact;
use crate::plan::read::{Faults, Obj};
use crate::plan::{Plan, PlanRef};
use qd_kernel::{Amount, Currency, Lots, Problem, Rate, Result};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

pub const PLAN_SCHEMA: &str = include_str!("../schemas/plan.schema.json");
pub const EVENTS_SCHEMA: &str = include_str!("../schemas/events.schema.json");

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CommissionPreview)]
pub struct Preview {
    pub lines: Vec<PreviewLine>,
    pub totals: Vec<PreviewTotal>,
    /// Deals that nothing can be said about, with what is missing.
    pub stopped: Vec<PreviewStop>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewLine {
    pub deal: String,
    pub partner: String,
    pub level: u32,
    pub minor: i64,
    pub currency: Currency,
    pub amount: String,
    pub reason: Option<&'static str>,
    pub plan: Option<PlanRef>,
    pub rule: Option<String>,
    pub explanation: engine::explain::Explanation,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewTotal {
    pub partner: String,
    pub currency: Currency,
    pub minor: i64,
    pub amount: String,
    pub lines: usize,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewStop {
    pub deal: String,
    pub code: &'static str,
    pub cause: String,
}

struct Member {
    parent: Option<String>,
    currency: Currency,
    blocked: Option<Blocked>,
    plans: Vec<Ranked>,
}

const MAX: usize = 1_000_000;

/// Reads both documents and computes. Problems: `plan_refused`, `events_refused`, each with the
/// pointer of every fault.
pub fn preview(plan_file: &Value, events_file: &Value) -> Result<Preview> {
    let plans = plans(plan_file)?;
    let mut f = Faults::default();
    let input = events(events_file, &plans, &mut f);
    f.into_result("events_refused", "the events cannot be read")?;
    let Some((settings, members, clients, deals)) = input else {
        return Err(Problem::bug("events_unread", "events without faults were not read"));
    };
    let mut out = Preview {
        lines: Vec::new(),
        totals: Vec::new(),
        stopped: Vec::new(),
    };
    let mut purses: BTreeMap<(String, Currency), (Purse, usize)> = BTreeMap::new();
    let mut state = engine::State::new();
    for d in deals {
        let path = path(clients.get(&d.client).and_then(|c| c.as_deref()), &members, &d);
        let lines = match engine::lines(&d, &path, &settings, &mut state) {
            Ok(l) => l,
            Err(s) => {
                out.stopped.push(PreviewStop {
                    deal: d.deal(),
                    code: s.code,
                    cause: s.cause,
                });
                continue;
            }
        };
        for l in lines {
            let purse = purses.entry((l.partner.clone(), l.currency)).or_default();
            let minor = purse
                .0
                .book(&l, settings.rounding)
                .map_err(|s| Problem::invalid("/deals", s.code, s.cause))?;
            purse.1 += 1;
            let (plan, rule) = l.rule.clone().map_or((None, None), |(p, r)| (Some(p), Some(r)));
            out.lines.push(PreviewLine {
                deal: d.deal(),
                amount: Amount::new(minor, l.currency).text(),
                partner: l.partner,
                level: l.level,
                minor,
                currency: l.currency,
                reason: l.reason,
                plan,
                rule,
                explanation: l.why,
            });
        }
    }
    out.totals = purses
        .into_iter()
        .map(|((partner, currency), (p, lines))| PreviewTotal {
            partner,
            currency,
            minor: p.booked,
            amount: Amount::new(p.booked, currency).text(),
            lines,
        })
        .collect();
    Ok(out)
}

impl Preview {
    /// For a terminal.
    pub fn text(&self) -> String {
        let mut t = String::new();
        for l in &self.lines {
            let rule = match (&l.plan, &l.rule) {
                (Some(p), Some(r)) => format!("{} v{} {r}", p.plan, p.version),
                _ => "-".into(),
            };
            let _ = writeln!(
                t,
                "{:<16} {:<12} level {:<2} {:>14} {}  {rule}  {}",
                l.deal,
                l.partner,
                l.level,
                l.amount,
                l.currency,
                l.reason.unwrap_or("")
            );
            let _ = writeln!(t, "{:<16} {}", "", l.explanation.formula);
            for x in &l.explanation.tested {
                let _ = writeln!(t, "{:<16} {}: {} (wanted: {})", "", x.what, x.value, x.wanted);
            }
        }
        for s in &self.stopped {
            let _ = writeln!(t, "{:<16} STOPPED {}: {}", s.deal, s.code, s.cause);
        }
        for s in &self.totals {
            let _ = writeln!(t, "total {:<12} {:>14} {} in {} lines", s.partner, s.amount, s.currency, s.lines);
        }
        t
    }
}

fn plans(file: &Value) -> Result<BTreeMap<String, Ranked>> {
    let several = file.get("plans").and_then(Value::as_object);
    let mut out = BTreeMap::new();
    let mut add = |name: &str, doc: &Value| -> Result<()> {
        let plan = Plan::read(doc).map_err(|mut p| {
            if several.is_some() {
                p.fields.iter_mut().for_each(|f| f.pointer = format!("/plans/{name}{}", f.pointer));
            }
            p
        })?;
        let at = PlanRef {
            plan: name.to_string(),
            version: 1,
        };
        out.insert(
            name.to_string(),
            Ranked {
                rank: Rank::Partner,
                at,
                plan: Arc::new(plan),
            },
        );
        Ok(())
    };
    match several {
        Some(map) => map.iter().try_for_each(|(name, doc)| add(name, doc))?,
        None => add("plan", file)?,
    }
    Ok(out)
}

type Input = (Settings, BTreeMap<String, Member>, BTreeMap<String, Option<String>>, Vec<DealFacts>);

fn events(v: &Value, plans: &BTreeMap<String, Ranked>, f: &mut Faults) -> Option<Input> {
    let mut o = Obj::of(v, "", f)?;
    if o.int("format", 1, 1, f).is_none() && v.get("format").is_none() {
        f.add("/format", "missing", "expected 1");
    }
    let settings = match o.get("settings") {
        None => Settings::default(),
        Some(s) => serde_json::from_value(s.clone()).unwrap_or_else(|e| {
            f.add("/settings", "settings_malformed", e.to_string());
            Settings::default()
        }),
    };
    let mut members = BTreeMap::new();
    let mut parents = Vec::new();
    for (v, at) in o.list("partners", MAX, f) {
        if let Some((id, m)) = member(v, &at, plans, f) {
            if let Some(parent) = &m.parent {
                parents.push((format!("{at}/parent"), id.clone(), parent.clone()));
            }
            if members.insert(id, m).is_some() {
                f.add(format!("{at}/id"), "id_taken", "expected an id that no other partner has");
            }
        }
    }
    for (at, id, parent) in parents {
        if !members.contains_key(&parent) {
            f.add(at, "partner_unknown", "expected the id of a partner of this file");
        } else if above(&members, &parent).contains(&id) {
            f.add(at, "tree_cycle", "expected a partner that is not below this one");
        }
    }
    let mut clients = BTreeMap::new();
    for (v, at) in o.list("clients", MAX, f) {
        let Some(mut c) = Obj::of(v, &at, f) else { continue };
        let (id, partner) = (c.need_text("id", f), c.text("partner", f).map(str::to_string));
        if let Some(p) = partner.as_ref().filter(|p| !members.contains_key(*p)) {
            f.add(
                format!("{at}/partner"),
                "partner_unknown",
                format!("expected the id of a partner of this file, not {p}"),
            );
        }
        c.done(f);
        clients.insert(id, partner);
    }
    let quotes: Vec<Quote> = o
        .list("quotes", MAX, f)
        .into_iter()
        .filter_map(|(v, at)| quote(v, &at, f))
        .collect();
    let mut deals = Vec::new();
    for (v, at) in o.list("deals", MAX, f) {
        if let Some(d) = deal(v, &at, &quotes, f) {
            if !clients.contains_key(&d.client) {
                f.add(format!("{at}/client"), "client_unknown", "expected the id of a client of this file");
            }
            deals.push(d);
        }
    }
    o.done(f);
    Some((settings, members, clients, deals))
}

fn member(v: &Value, at: &str, plans: &BTreeMap<String, Ranked>, f: &mut Faults) -> Option<(String, Member)> {
    let mut o = Obj::of(v, at, f)?;
    let id = o.need_text("id", f);
    let parent = o.text("parent", f).map(str::to_string);
    let currency = o.currency("currency", f).unwrap_or(Currency::USD);
    let blocked = match o.text("state", f) {
        None | Some("active") => None,
        Some("suspended" | "terminated") => Some(Blocked::PartnerSuspended),
        Some(_) => {
            f.add(format!("{at}/state"), "state_unknown", "expected active, suspended or terminated");
            None
        }
    };
    let mut ranked = Vec::new();
    let mut add = |name: Option<&str>, rank: Rank, field: &str, f: &mut Faults| {
        let Some(name) = name else { return };
        match plans.get(name) {
            Some(p) => ranked.push(Ranked { rank, ..p.clone() }),
            None => f.add(
                format!("{at}/{field}"),
                "plan_unknown",
                format!("expected one of: {}", plans.keys().cloned().collect::<Vec<_>>().join(", ")),
            ),
        }
    };
    let named = [
        ("plan", Rank::Partner),
        ("campaign_plan", Rank::Campaign),
        ("entity_plan", Rank::Entity),
        ("global_plan", Rank::Global),
    ];
    for (field, rank) in named {
        let name = o.text(field, f);
        add(name, rank, field, f);
    }
    if ranked.is_empty() && plans.len() == 1 && o.get("plan").is_none() {
        // One plan in the file and none named: it is everybody's.
        ranked.extend(plans.values().cloned());
    }
    o.done(f);
    Some((
        id,
        Member {
            parent,
            currency,
            blocked,
            plans: ranked,
        },
    ))
}

fn above(members: &BTreeMap<String, Member>, from: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut at = Some(from.to_string());
    while let Some(id) = at {
        if out.contains(&id) {
            break;
        }
        at = members.get(&id).and_then(|m| m.parent.clone());
        out.push(id);
    }
    out
}

fn path(partner: Option<&str>, members: &BTreeMap<String, Member>, d: &DealFacts) -> Vec<Hop> {
    let Some(partner) = partner else { return Vec::new() };
    above(members, partner)
        .into_iter()
        .filter_map(|id| {
            let m = members.get(&id)?;
            let blocked = if id == d.client { Some(Blocked::OwnAccount) } else { m.blocked };
            Some(Hop {
                currency: m.currency,
                blocked,
                plans: m.plans.clone(),
                country: String::new(),
                qualified: None,
                partner: id,
            })
        })
        .collect()
}

fn quote(v: &Value, at: &str, f: &mut Faults) -> Option<Quote> {
    let mut o = Obj::of(v, at, f)?;
    let (base, quote) = (o.currency("base", f), o.currency("quote", f));
    let rate = match Rate::parse(&o.need_text("rate", f)) {
        Ok(r) => Some(r),
        Err(p) => {
            f.add(format!("{at}/rate"), p.code, "expected a decimal above 0 with at most 12 places");
            None
        }
    };
    let source = o.text("source", f).unwrap_or("file").to_string();
    let time = o.time("at", f).unwrap_or_default();
    o.done(f);
    Some(Quote {
        base: base?,
        quote: quote?,
        rate: rate?,
        source,
        at: time,
    })
}

fn deal(v: &Value, at: &str, quotes: &[Quote], f: &mut Faults) -> Option<DealFacts> {
    let mut o = Obj::of(v, at, f)?;
    let text = |o: &mut Obj<'_>, key, f: &mut Faults, default: &str| o.text(key, f).unwrap_or(default).to_string();
    let kind = match o.text("kind", f) {
        None => FactKind::Trade,
        Some(k) => FactKind::parse(k).unwrap_or_else(|| {
            f.add(format!("{at}/kind"), "kind_unknown", "expected trade, cancelled_trade or other");
            FactKind::Other
        }),
    };
    // Lots in text, or the platform's whole units: 100 000 000 to the lot.
    let volume_closed = match (o.decimal("lots", f), o.int("volume_units", 0, i64::MAX, f)) {
        (Some(l), None) => match l.times(Exact::int(Lots::ONE.units())).minor(0) {
            Some(units) if Exact::lots(Lots(units)) == l && units >= 0 => Lots(units),
            _ => {
                f.add(
                    format!("{at}/lots"),
                    "lots_malformed",
                    "expected 0 or more lots with at most 8 places",
                );
                Lots(0)
            }
        },
        (None, Some(u)) => Lots(u),
        _ => {
            f.add(format!("{at}/lots"), "missing", "expected either lots or volume_units");
            Lots(0)
        }
    };
    let d = DealFacts {
        server: text(&mut o, "server", f, "file"),
        ticket: o.need_text("ticket", f),
        revision: o.int("revision", 1, i64::MAX, f).unwrap_or(1),
        kind,
        deleted: o.flag("deleted", f),
        technical: o.flag("technical", f),
        reason: text(&mut o, "reason", f, ""),
        client: o.need_text("client", f),
        entity: text(&mut o, "entity", f, ""),
        country: text(&mut o, "country", f, ""),
        account: text(&mut o, "account", f, ""),
        account_type: text(&mut o, "account_type", f, ""),
        group: text(&mut o, "group", f, ""),
        currency: o.currency("currency", f).unwrap_or(Currency::USD),
        counts: !o.flag("excluded", f),
        symbol: o.need_text("symbol", f),
        product_group: o.text("product_group", f).map(str::to_string),
        volume_closed,
        opened_at: o.time("opened_at", f),
        at: match o.time("at", f) {
            Some(t) => t,
            None => {
                if v.get("at").is_none() {
                    f.add(format!("{at}/at"), "missing", "expected the time of the deal");
                }
                qd_kernel::Ts::default()
            }
        },
        negative_balance: o.flag("negative_balance", f),
        equity_minor: o.int("equity_minor", i64::MIN, i64::MAX, f),
        bonus_minor: o.int("bonus_minor", i64::MIN, i64::MAX, f),
        quotes: quotes.to_vec(),
        ..DealFacts::default()
    };
    o.done(f);
    Some(d)
}
