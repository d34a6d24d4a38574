//! Reading the two files.

use crate::engine::month::World;
use crate::engine::{Blocked, DealFacts, FactKind, Hop, Qualified, Quote, Rank, Ranked, Settings, Side, Stop};
use crate::exact::Exact;
use crate::plan::read::{Faults, Obj};
use crate::plan::{Direction, Plan, PlanRef};
use qd_kernel::{Currency, Lots, Problem, Rate, Result, Ts};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const MAX: usize = 1_000_000;

struct Member {
    parent: Option<String>,
    /// Other parents, each from a time on, oldest first.
    moves: Vec<(Ts, Option<String>)>,
    currency: Currency,
    blocked: Option<Blocked>,
    country: String,
    plans: Vec<Ranked>,
}

impl Member {
    fn parent_at(&self, at: Ts) -> Option<&String> {
        let moved = self.moves.iter().rev().find(|(from, _)| *from <= at);
        moved.map_or(self.parent.as_ref(), |(_, p)| p.as_ref())
    }
}

struct Client {
    partner: Option<String>,
    qualified: BTreeMap<String, Qualified>,
}

/// The events file as it was read.
pub struct Events {
    pub settings: Settings,
    pub deals: Vec<DealFacts>,
    members: BTreeMap<String, Member>,
    clients: BTreeMap<String, Client>,
}

impl World for Events {
    fn path(&mut self, d: &DealFacts, at: Ts) -> std::result::Result<Vec<Hop>, Stop> {
        let Some(client) = self.clients.get(&d.client) else {
            return Ok(Vec::new());
        };
        let Some(partner) = &client.partner else { return Ok(Vec::new()) };
        Ok(above(&self.members, partner, at)
            .into_iter()
            .filter_map(|id| {
                let m = self.members.get(&id)?;
                let blocked = if id == d.client { Some(Blocked::OwnAccount) } else { m.blocked };
                Some(Hop {
                    currency: m.currency,
                    blocked,
                    plans: m.plans.clone(),
                    country: m.country.clone(),
                    qualified: client.qualified.get(&id).cloned(),
                    partner: id,
                })
            })
            .collect())
    }
    fn settings(&mut self, _: &DealFacts) -> Settings {
        self.settings.clone()
    }
}

pub fn events(v: &Value, plans: &BTreeMap<String, Ranked>) -> Result<Events> {
    let mut f = Faults::default();
    let read = all(v, plans, &mut f);
    f.into_result("events_refused", "the events cannot be read")?;
    read.ok_or_else(|| Problem::bug("events_unread", "events without faults were not read"))
}

pub fn plans(file: &Value) -> Result<BTreeMap<String, Ranked>> {
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

fn all(v: &Value, plans: &BTreeMap<String, Ranked>, f: &mut Faults) -> Option<Events> {
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
                parents.push((format!("{at}/parent"), id.clone(), parent.clone(), Ts(i64::MIN)));
            }
            for (i, (from, parent)) in m.moves.iter().enumerate() {
                parents.extend(parent.clone().map(|p| (format!("{at}/moves/{i}/parent"), id.clone(), p, *from)));
            }
            if members.insert(id, m).is_some() {
                f.add(format!("{at}/id"), "id_taken", "expected an id that no other partner has");
            }
        }
    }
    for (at, id, parent, from) in parents {
        if !members.contains_key(&parent) {
            f.add(at, "partner_unknown", "expected the id of a partner of this file");
        } else if above(&members, &parent, from).contains(&id) {
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
        let mut qualified = BTreeMap::new();
        for (v, at) in c.list("qualified", 1_000, f) {
            qualified.extend(qualification(v, &at, f));
        }
        c.done(f);
        clients.insert(id, Client { partner, qualified });
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
    Some(Events {
        settings,
        deals,
        members,
        clients,
    })
}

fn qualification(v: &Value, at: &str, f: &mut Faults) -> Option<(String, Qualified)> {
    let mut o = Obj::of(v, at, f)?;
    let partner = o.need_text("partner", f);
    if o.missing("at") {
        f.add(o.pointer("at"), "missing", "expected the time of the deal");
    }
    let q = Qualified {
        at: o.time("at", f).unwrap_or_default(),
        server: o.text("server", f).unwrap_or("file").to_string(),
        ticket: o.need_text("ticket", f),
        lots_after: o.decimal("lots_after", f).unwrap_or(Exact::ZERO),
    };
    o.done(f);
    Some((partner, q))
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
    let country = o.text("country", f).unwrap_or_default().to_string();
    let mut moves = Vec::new();
    for (v, at) in o.list("moves", 1_000, f) {
        let Some(mut m) = Obj::of(v, &at, f) else { continue };
        if m.missing("from") {
            f.add(m.pointer("from"), "missing", "expected the time of the move");
        }
        moves.push((m.time("from", f).unwrap_or_default(), m.text("parent", f).map(str::to_string)));
        m.done(f);
    }
    moves.sort();
    o.done(f);
    Some((
        id,
        Member {
            parent,
            moves,
            currency,
            blocked,
            country,
            plans: ranked,
        },
    ))
}

fn above(members: &BTreeMap<String, Member>, from: &str, at: Ts) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut next = Some(from.to_string());
    while let Some(id) = next {
        if out.contains(&id) {
            break;
        }
        next = members.get(&id).and_then(|m| m.parent_at(at).cloned());
        out.push(id);
    }
    out
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
    let currency = o.currency("currency", f).unwrap_or(Currency::USD);
    let minor = |o: &mut Obj<'_>, key, f: &mut Faults| o.decimal(key, f).and_then(|v| v.minor(currency.exponent()));
    let (commission_minor, swap_minor) = (minor(&mut o, "commission", f), minor(&mut o, "swap", f));
    let (profit_minor, revenue_minor) = (minor(&mut o, "profit", f), minor(&mut o, "revenue", f));
    let opened_lots = o.decimal("opened_lots", f).unwrap_or(Exact::ZERO);
    let volume_opened = Lots(opened_lots.times(Exact::int(Lots::ONE.units())).minor(0).unwrap_or(0));
    let direction = match o.text("direction", f) {
        None => None,
        Some(t) => Direction::parse(t).or_else(|| {
            f.add(format!("{at}/direction"), "direction_unknown", "expected buy or sell");
            None
        }),
    };
    let d = DealFacts {
        volume_opened,
        server_at: o.time("server_at", f),
        direction,
        position: text(&mut o, "position", f, ""),
        brand: text(&mut o, "brand", f, ""),
        language: text(&mut o, "language", f, ""),
        campaign: text(&mut o, "campaign", f, ""),
        tags: o.texts("tags", f),
        funded_at: o.time("funded_at", f),
        price_currency: o.currency("price_currency", f),
        contract_size: o.decimal("contract_size", f),
        pip_size: o.decimal("pip_size", f),
        open: side(&mut o, "open", f),
        close: side(&mut o, "close", f),
        average_spread: o.decimal("average_spread", f),
        markup: o.decimal("markup", f),
        commission_minor,
        swap_minor,
        profit_minor,
        revenue_minor,
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
        currency,
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
    };
    o.done(f);
    Some(d)
}

fn side(o: &mut Obj<'_>, key: &'static str, f: &mut Faults) -> Side {
    let at = o.pointer(key);
    let Some(mut s) = o.get(key).and_then(|v| Obj::of(v, &at, f)) else {
        return Side::default();
    };
    let side = Side {
        price: s.decimal("price", f),
        bid: s.decimal("bid", f),
        ask: s.decimal("ask", f),
        raw_spread: s.decimal("raw_spread", f),
    };
    s.done(f);
    side
}
