//! One deal on its way through a batch: what stands, and what its present revision is to pay.

use super::DealOutcome;
use super::NO_PARTNER;
use super::lookup::Cache;
use crate::engine::fx::Step;
use crate::engine::{self, DealFacts, Line, Quote, Settings, State, Stop};
use crate::store::lines as store;
use qd_db::Tx;
use qd_kernel::{Currency, Result};
use qd_ledger::EntryId;

/// A deal on its way through a batch.
pub(super) struct Work<'a> {
    /// Its place in the input.
    pub(super) at: usize,
    pub(super) deal: &'a DealFacts,
    pub(super) before: Option<store::DealRow>,
    pub(super) standing: Vec<store::LineRow>,
    pub(super) result: std::result::Result<Vec<Line>, Stop>,
    pub(super) zero: Option<&'static str>,
    pub(super) settings: Settings,
    pub(super) entry: Option<EntryId>,
    /// The new revision pays exactly what stands: the lines stay, only the deal's row moves on.
    pub(super) kept: bool,
}

impl Work<'_> {
    /// Whether the lines that would be written are those that stand, to the last digit.
    pub(super) fn says_the_same(&self) -> bool {
        let Ok(lines) = &self.result else { return false };
        let Some(before) = &self.before else { return false };
        let paying: Vec<&Line> = lines.iter().filter(|l| l.reason.is_none()).collect();
        if paying.is_empty() && self.standing.is_empty() {
            return before.outcome == DealOutcome::Zero && before.reason.as_deref() == self.zero;
        }
        let d = self.deal;
        before.outcome == DealOutcome::Paid
            && paying.len() == self.standing.len()
            && paying.iter().zip(&self.standing).all(|(l, s)| {
                let rule = l.rule.as_ref().map(|(p, r)| (p.plan.as_str(), p.version, r.as_str()));
                s.partner_id.to_string() == l.partner
                    && s.currency == l.currency
                    && s.level == i64::from(l.level)
                    && s.exact == l.exact.fraction()
                    && s.client_id == d.client
                    && s.symbol == d.symbol
                    && s.value_at == d.at
                    && rule
                        == s.plan_id
                            .as_deref()
                            .zip(s.plan_version)
                            .zip(s.rule_id.as_deref())
                            .map(|((p, v), r)| (p, v, r))
            })
    }
}

pub(super) async fn prepare<'a>(
    tx: &mut Tx,
    cache: &mut Cache,
    at: usize,
    deal: &'a DealFacts,
    before: Option<store::DealRow>,
) -> Result<Work<'a>> {
    let settings = cache.settings(tx, &deal.entity).await?;
    let standing = match &before {
        Some(_) => store::standing(tx, &deal.server, &deal.ticket).await?,
        None => Vec::new(),
    };
    let path = cache.path(tx, deal).await?;
    let mut state = State::new();
    let skipped = matches!(engine::of_the_deal(deal), Some(("opens_only" | "not_a_trade", _)));
    let result = if skipped && !engine::pays_opening(deal, &path) {
        // Every position opens once: a zero line for each would bury the ones that answer a question.
        Ok(Vec::new())
    } else if let Some(stop) = not_bookable(deal, &path) {
        Err(stop)
    } else if standing.is_empty() {
        engine::lines(deal, &path, &settings, &mut state)
    } else {
        // The value date's rates as they were used then come first: a correction must not bring a
        // gain or loss on exchange.
        let mut d = deal.clone();
        d.quotes = original_quotes(&standing);
        d.quotes.extend(deal.quotes.iter().cloned());
        engine::lines(&d, &path, &settings, &mut state)
    };
    let zero = match &result {
        Ok(lines) if lines.is_empty() => Some(engine::of_the_deal(deal).map_or(NO_PARTNER, |(reason, _)| reason)),
        Ok(lines) if lines.iter().all(|l| l.reason.is_some()) => lines.first().and_then(|l| l.reason),
        _ => None,
    };
    let mut w = Work {
        at,
        deal,
        before,
        standing,
        result,
        zero,
        settings,
        entry: None,
        kept: false,
    };
    w.kept = !w.standing.is_empty() && w.says_the_same();
    Ok(w)
}

fn original_quotes(lines: &[store::LineRow]) -> Vec<Quote> {
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
    out
}

/// `EURUSD`; codes have three to five letters, so every place to cut is tried.
fn split_pair(pair: &str) -> Option<(Currency, Currency)> {
    (3..=5).find_map(|n| Some((Currency::parse(pair.get(..n)?).ok()?, Currency::parse(pair.get(n..)?).ok()?)))
}

/// What the engine can say and the books cannot keep yet: running values, several look-up moments,
/// rebates to clients.
fn not_bookable(d: &DealFacts, path: &[engine::Hop]) -> Option<Stop> {
    let stop = |code, what: &str| {
        Some(Stop {
            code,
            cause: format!("the plans above the client of deal {} {what}", d.deal()),
        })
    };
    match engine::moments(d, path) {
        Err(s) => return Some(s),
        Ok(m) if m != [engine::Moment::close(d)] => return stop("look_up_not_booked", "look up more than the closing time"),
        Ok(_) => {}
    }
    if path
        .first()
        .is_some_and(|h| h.plans.iter().any(|p| !p.plan.client_rebates.is_empty()))
    {
        return stop("rebate_not_booked", "give the client a rebate");
    }
    if !engine::keys(d, path).is_empty() {
        return stop("running_values_missing", "count or cap, and nothing is counted yet");
    }
    None
}
