//! One deal on its way through a batch: what stands, and what its present revision is to pay.

use super::lookup::Cache;
use super::{DealOutcome, NO_PARTNER};
use crate::engine::fx::Step;
use crate::engine::month::{World, one};
use crate::engine::{self, DealFacts, Hop, Key, Line, Order, Quote, Settings, State, Stop};
use crate::exact::Exact;
use crate::ids::PartnerId;
use crate::store::{lines as store, states};
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result, Ts};
use qd_ledger::EntryId;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a deal pays by now, its part of all true-ups included: by partner, client (empty: the partner)
/// and currency.
pub(super) type Worth = BTreeMap<(PartnerId, String, Currency), (Exact, i64)>;

pub(super) struct Work<'a> {
    /// Its place in the input; None for a deal that another one changed.
    pub(super) at: Option<usize>,
    /// With the rates first used for it before those of its present revision.
    pub(super) deal: Cow<'a, DealFacts>,
    pub(super) before: Option<store::DealRow>,
    pub(super) standing: Vec<store::LineRow>,
    pub(super) worth: Worth,
    /// The paths at the deal's look-up moments.
    paths: Vec<(Ts, Vec<Hop>)>,
    /// The running values it reads or moves, and those that its booked revision did.
    pub(super) keys: Vec<Key>,
    pub(super) was: Vec<Key>,
    pub(super) result: std::result::Result<Vec<Line>, Stop>,
    pub(super) zero: Option<&'static str>,
    pub(super) settings: Settings,
    pub(super) entry: Option<EntryId>,
    /// The new revision pays exactly what stands: the lines stay, only the deal's row moves on.
    pub(super) kept: bool,
}

struct Known<'a> {
    paths: &'a [(Ts, Vec<Hop>)],
    settings: &'a Settings,
}

impl World for Known<'_> {
    fn path(&mut self, _: &DealFacts, at: Ts) -> std::result::Result<Vec<Hop>, Stop> {
        Ok(self
            .paths
            .iter()
            .find(|(t, _)| *t == at)
            .map(|(_, p)| p.clone())
            .unwrap_or_default())
    }
    fn settings(&mut self, _: &DealFacts) -> Settings {
        self.settings.clone()
    }
}

impl Work<'_> {
    pub(super) fn order(&self) -> Order {
        Order::of(&self.deal)
    }
    pub(super) fn name(&self) -> (String, String) {
        (self.deal.server.clone(), self.deal.ticket.clone())
    }
    /// Whether what it pays depends on other deals, or theirs on it.
    pub(super) fn counts(&self) -> bool {
        !self.keys.is_empty() || !self.was.is_empty()
    }
    /// The path at the deal's closing time.
    pub(super) fn path(&self) -> &[Hop] {
        self.paths.first().map_or(&[], |(_, p)| p.as_slice())
    }

    /// Whether its booked lines go, as they were booked; its part of earlier true-ups then goes by another.
    pub(super) fn changes(&self) -> bool {
        !self.kept && self.result.is_ok() && !self.was.is_empty()
    }

    /// What the deal pays on these running values, which move along.
    pub(super) fn say(&self, state: &mut State) -> std::result::Result<Vec<Line>, Stop> {
        let skipped = matches!(engine::of_the_deal(&self.deal), Some(("opens_only" | "not_a_trade", _)));
        if skipped && !engine::pays_opening(&self.deal, self.path()) {
            // Every position opens once: a zero line for each would bury the ones that answer a question.
            return Ok(Vec::new());
        }
        let mut known = Known {
            paths: &self.paths,
            settings: &self.settings,
        };
        one(&self.deal, &mut known, state)
    }

    pub(super) fn set(&mut self, result: std::result::Result<Vec<Line>, Stop>) {
        self.zero = match &result {
            Ok(lines) if lines.is_empty() => Some(engine::of_the_deal(&self.deal).map_or(NO_PARTNER, |(reason, _)| reason)),
            Ok(lines) if lines.iter().all(|l| l.reason.is_some()) => lines.first().and_then(|l| l.reason),
            _ => None,
        };
        self.result = result;
    }

    /// Whether lines are by the same rules for the same people as those that stand, whatever they pay.
    pub(super) fn same_rules(&self, lines: &[Line]) -> bool {
        let paying: Vec<&Line> = lines.iter().filter(|l| l.reason.is_none()).collect();
        let d = &self.deal;
        paying.len() == self.standing.len()
            && paying.iter().zip(&self.standing).all(|(l, s)| {
                let rule = l.rule.as_ref().map(|(p, r)| (p.plan.as_str(), p.version, r.as_str()));
                let stood = s.plan_id.as_deref().zip(s.plan_version).zip(s.rule_id.as_deref());
                s.partner_id.to_string() == l.partner
                    && s.beneficiary == l.client
                    && s.currency == l.currency
                    && s.level == i64::from(l.level)
                    && s.client_id == d.client
                    && s.symbol == d.symbol
                    && s.value_at == d.at
                    && rule == stood.map(|((p, v), r)| (p, v, r))
            })
    }

    /// Whether the lines that would be written are those that stand, to the last digit.
    pub(super) fn says_the_same(&self) -> bool {
        let Ok(lines) = &self.result else { return false };
        let Some(before) = &self.before else { return false };
        if lines.iter().all(|l| l.reason.is_some()) && self.standing.is_empty() {
            return before.outcome == DealOutcome::Zero && before.reason.as_deref() == self.zero;
        }
        if before.outcome != DealOutcome::Paid || !self.same_rules(lines) {
            return false;
        }
        let paying = lines.iter().filter(|l| l.reason.is_none());
        if self.counts() {
            let mut sums: BTreeMap<(&str, &str, Currency), Exact> = BTreeMap::new();
            for l in paying {
                let s = sums
                    .entry((&l.partner, l.client.as_deref().unwrap_or_default(), l.currency))
                    .or_insert(Exact::ZERO);
                *s = s.plus(l.exact);
            }
            sums.len() == self.worth.len()
                && self
                    .worth
                    .iter()
                    .all(|((p, c, cur), (exact, _))| sums.get(&(p.to_string().as_str(), c.as_str(), *cur)) == Some(exact))
        } else {
            paying.zip(&self.standing).all(|(l, s)| s.exact == l.exact.fraction())
        }
    }
}

/// What stands, and the path of the deal's moments; what it pays too, unless that depends on others.
pub(super) async fn prepare<'a>(
    tx: &mut Tx,
    cache: &mut Cache,
    at: Option<usize>,
    deal: Cow<'a, DealFacts>,
    before: Option<store::DealRow>,
) -> Result<Work<'a>> {
    let settings = cache.settings(tx, &deal.entity).await?;
    let (mut standing, mut was, mut values) = (Vec::new(), Vec::new(), Vec::new());
    if before.is_some() {
        standing = store::standing(tx, &deal.server, &deal.ticket).await?;
        was = states::keys_of(tx, &deal.server, &deal.ticket).await?;
        if !was.is_empty() {
            values = states::values(tx, &deal.server, &deal.ticket).await?;
        }
    }
    prepared(tx, cache, at, deal, before, settings, standing, was, values).await
}

#[allow(clippy::too_many_arguments, reason = "all that is known about one deal")]
pub(super) async fn prepared<'a>(
    tx: &mut Tx,
    cache: &mut Cache,
    at: Option<usize>,
    deal: Cow<'a, DealFacts>,
    before: Option<store::DealRow>,
    settings: Settings,
    standing: Vec<store::LineRow>,
    was: Vec<Key>,
    values: Vec<states::ValueRow>,
) -> Result<Work<'a>> {
    // The value date's rates as they were used then come first: a correction must not bring a gain or
    // loss on exchange.
    let deal = if standing.is_empty() {
        deal
    } else {
        let mut d = deal.into_owned();
        d.quotes = first_quotes(&standing, std::mem::take(&mut d.quotes));
        Cow::Owned(d)
    };
    let path = cache.path(tx, &deal, deal.at).await?;
    let moments = engine::moments(&deal, &path);
    let mut paths = vec![(deal.at, path)];
    for m in moments.iter().flatten().filter(|m| m.at != deal.at) {
        let path = cache.path(tx, &deal, m.at).await?;
        paths.push((m.at, path));
    }
    let mut keys: Vec<Key> = paths.iter().flat_map(|(_, p)| engine::keys(&deal, p)).collect();
    keys.sort();
    keys.dedup();
    let mut w = Work {
        at,
        worth: worth(&standing, values)?,
        deal,
        before,
        standing,
        paths,
        keys,
        was,
        result: Ok(Vec::new()),
        zero: None,
        settings,
        entry: None,
        kept: false,
    };
    if !w.counts() {
        let result = w.say(&mut State::new());
        w.set(result);
        w.kept = !w.standing.is_empty() && w.says_the_same();
    }
    Ok(w)
}

fn worth(standing: &[store::LineRow], values: Vec<states::ValueRow>) -> Result<Worth> {
    let mut out = Worth::new();
    for l in standing {
        let exact = exact_of(&l.exact)?;
        let v = out
            .entry((l.partner_id, l.beneficiary.clone().unwrap_or_default(), l.currency))
            .or_insert((Exact::ZERO, 0));
        *v = (v.0.plus(exact), v.1 + l.minor);
    }
    for v in values {
        out.insert((v.partner_id, v.beneficiary, v.currency), (exact_of(&v.exact)?, v.minor));
    }
    Ok(out)
}

pub(super) fn exact_of(text: &str) -> Result<Exact> {
    Exact::parse_fraction(text).ok_or_else(|| Problem::bug("row_unreadable", "a row holds no number"))
}

/// The rates in the stories of the standing lines, then those of the facts for other pairs.
fn first_quotes(lines: &[store::LineRow], facts: Vec<Quote>) -> Vec<Quote> {
    let mut out: Vec<Quote> = Vec::new();
    for l in lines {
        let steps: Vec<Step> = l
            .explanation
            .get("fx")
            .and_then(|v| serde_json::from_value(v.clone()).ok())
            .unwrap_or_default();
        for s in steps {
            let Some((base, quote)) = split_pair(&s.pair) else { continue };
            if out.iter().all(|q| (q.base, q.quote) != (base, quote)) {
                out.push(Quote {
                    base,
                    quote,
                    rate: s.rate,
                    source: s.source,
                    at: s.at_us,
                });
            }
        }
    }
    for q in facts {
        if out.iter().all(|o| (o.base, o.quote) != (q.base, q.quote)) {
            out.push(q);
        }
    }
    out
}

/// `EURUSD`; codes have three to five letters, so every place to cut is tried.
fn split_pair(pair: &str) -> Option<(Currency, Currency)> {
    (3..=5).find_map(|n| Some((Currency::parse(pair.get(..n)?).ok()?, Currency::parse(pair.get(n..)?).ok()?)))
}
