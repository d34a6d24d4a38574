//! Which connection a deposit goes through, and why.
//!
//! Asked in this order: what may take the payment at all (the method's connections that are neither
//! down nor switched off nor tried already), the rules of the set `deposit.routing`, the arm of a
//! running experiment, and what the connections achieved; the configured order decides what these
//! leave open. What was seen is kept with the attempt and, where there was a choice, as a decision.

mod experiment;
mod health;
pub mod listed;
mod measure;

pub use experiment::{Arm, ArmResult, ExperimentState, ExperimentView, NewExperiment, end, list as experiments, start};
pub use health::{ConnectionHealth, Window, connections, enable};
pub(crate) use health::{call_done, other_call_done, probed};
pub use listed::Listed;
pub use measure::{Level, SuccessRow, success};

use crate::store;
use crate::{ClientFacts, DepositId, MethodFact};
use measure::Figures;
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result, text_enum};
use qd_runtime::access::Caller;
use qd_runtime::{Core, audit, rules};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The rules that order or leave out connections.
pub const RULE_SET: &str = "deposit.routing";

text_enum!(
    /// What put the chosen connection first.
    ChosenBy as RouteChosenBy {
        /// There was no other.
        Only = "only",
        /// The order of the entity's configuration.
        Configured = "configured",
        Rule = "rule",
        Measured = "measured",
        Experiment = "experiment",
        /// All are down: the first of them is asked all the same.
        AllDown = "all_down",
    }
);

text_enum!(
    /// Why a connection could not take it.
    LeftOut as RouteLeftOut { Down = "down", Disabled = "disabled", Rule = "rule", Tried = "tried" }
);

/// One connection as it was seen. Rates are millionths: 810000 is 81 %.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = RouteCandidate)]
pub struct Candidate {
    pub connection: String,
    pub left_out: Option<LeftOut>,
    /// Attempts that ended in the window, and those of them that were paid.
    pub ended: i64,
    pub paid: i64,
    /// Smoothed; None where nothing was measured.
    pub rate_ppm: Option<i64>,
    pub cost_ppm: Option<i64>,
    /// The rate less the cost: what of each unit asked for arrives.
    pub score_ppm: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = RouteRule)]
pub struct RuleUsed {
    pub name: String,
    pub version: i64,
    pub reason_code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = RouteExperiment)]
pub struct InExperiment {
    pub id: String,
    pub name: String,
    pub arm: String,
}

/// Where a payment goes and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Route {
    pub connection: String,
    pub by: ChosenBy,
    /// Those that would be next, in order.
    pub then: Vec<String>,
    pub candidates: Vec<Candidate>,
    /// What the rates were measured over; None when the attempts were too few to say anything.
    pub measured: Option<Level>,
    /// The rules that ordered or left out, in their order.
    pub rules: Vec<RuleUsed>,
    /// The client's arm, also where its connection could not be taken.
    pub experiment: Option<InExperiment>,
    /// What the rules were asked with.
    pub facts: Value,
}

/// What is to be routed.
pub struct Ask<'a> {
    pub client: &'a ClientFacts,
    pub method: &'a MethodFact,
    pub amount: Amount,
    /// The first six to eight digits of the card, when they are known.
    pub bin: Option<&'a str>,
    /// Connections that were tried for this deposit.
    pub tried: &'a [String],
}

/// Which band an amount falls in, by whole units of the entity's base currency (of its own, where
/// there is no rate).
pub fn band(facts: &ClientFacts, amount: Amount) -> &'static str {
    let (minor, currency) = match facts.base(amount) {
        Some(minor) => (minor, facts.base_currency),
        None => (amount.minor, amount.currency),
    };
    match minor / currency.minor_per_unit().max(1) {
        ..100 => "under_100",
        100..500 => "100_500",
        500..2_000 => "500_2000",
        2_000..10_000 => "2000_10000",
        _ => "over_10000",
    }
}

/// The connections of a method, the configured first.
pub fn of_method(m: &MethodFact) -> Vec<String> {
    let mut all = vec![m.connection.clone()];
    for o in &m.others {
        if !all.contains(o) {
            all.push(o.clone());
        }
    }
    all
}

fn facts(ask: &Ask<'_>, all: &[String]) -> Value {
    let c = ask.client;
    json!({
        "deposit": {"amount_minor": ask.amount.minor, "amount_base_minor": c.base(ask.amount), "currency": ask.amount.currency,
            "method": ask.method.method, "band": band(c, ask.amount), "attempt": ask.tried.len() + 1},
        "card": {"bin": ask.bin.unwrap_or_default()},
        "client": {"country": c.country, "risk": c.risk, "verified": c.kyc_approved, "vip": c.vip},
        "connections": all,
    })
}

/// What the rules of the set say: names to leave out, an order, and who said so.
#[derive(Default)]
struct Ruled {
    out: Vec<String>,
    only: Option<Vec<String>>,
    prefer: Vec<String>,
    used: Vec<RuleUsed>,
}

impl Ruled {
    fn takes(&self, connection: &str) -> bool {
        !self.out.iter().any(|o| o == connection) && self.only.as_ref().is_none_or(|o| o.iter().any(|x| x == connection))
    }
}

fn names(outcome: &Value, field: &str) -> Vec<String> {
    let list = outcome.get(field).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|v| v.as_str().map(str::to_string)).collect()
}

/// `exclude` leaves out, `only` leaves out all others, `prefer` puts first: the first rule that
/// prefers gives the order.
async fn ruled(tx: &mut Tx, entity: &str, facts: &Value) -> Result<Ruled> {
    let e = match rules::evaluate(tx, RULE_SET, Some(entity), facts).await {
        Ok(e) => e,
        // A house that started before this set was known has no rules about routes.
        Err(p) if p.is("rule_set_unknown") => return Ok(Ruled::default()),
        Err(p) => return Err(p),
    };
    let mut r = Ruled::default();
    for f in e.active() {
        r.out.extend(names(&f.outcome, "exclude"));
        let only = names(&f.outcome, "only");
        if !only.is_empty() && r.only.is_none() {
            r.only = Some(only);
        }
        if r.prefer.is_empty() {
            r.prefer = names(&f.outcome, "prefer");
        }
        r.used.push(RuleUsed {
            name: f.name.clone(),
            version: f.version,
            reason_code: f.reason_code.clone(),
        });
    }
    Ok(r)
}

/// Chooses, and writes nothing. None of the connections can take it: `method_not_routed`.
pub async fn route(tx: &mut Tx, core: &Core, ask: &Ask<'_>) -> Result<Route> {
    let all = of_method(ask.method);
    let facts = facts(ask, &all);
    let ruled = ruled(tx, &ask.client.entity, &facts).await?;
    let mut candidates = Vec::with_capacity(all.len());
    for connection in &all {
        let row = store::connection(tx, connection).await?;
        let left_out = if ask.tried.contains(connection) {
            Some(LeftOut::Tried)
        } else if !ruled.takes(connection) {
            Some(LeftOut::Rule)
        } else if row.as_ref().is_some_and(|r| !r.enabled) {
            Some(LeftOut::Disabled)
        } else if row.is_some_and(|r| r.down_since.is_some()) {
            Some(LeftOut::Down)
        } else {
            None
        };
        candidates.push(Candidate {
            connection: connection.clone(),
            left_out,
            ended: 0,
            paid: 0,
            rate_ppm: None,
            cost_ppm: None,
            score_ppm: None,
        });
    }
    let mut route = Route {
        connection: String::new(),
        by: ChosenBy::Configured,
        then: Vec::new(),
        candidates,
        measured: None,
        rules: ruled.used,
        experiment: None,
        facts,
    };
    let mut open: Vec<String> = route.open();
    if open.is_empty() {
        // Better asked again and again than refused: what is down may be up before the client is gone.
        let down = route.candidates.iter().filter(|c| c.left_out == Some(LeftOut::Down));
        open = down.map(|c| c.connection.clone()).collect();
        if open.is_empty() {
            return Err(Problem::conflict(
                "method_not_routed",
                "no connection takes this payment now; choose another method",
            ));
        }
        route.by = ChosenBy::AllDown;
    } else if open.len() == 1 {
        route.by = if all.len() == 1 { ChosenBy::Only } else { ChosenBy::Configured };
        if open[0] != all[0] && !route.rules.is_empty() && route.candidates.iter().any(|c| c.left_out == Some(LeftOut::Rule)) {
            route.by = ChosenBy::Rule;
        }
    }
    if all.len() > 1 {
        let found = measure::figures(tx, core.now(), ask, &all).await?;
        route.order(&mut open, &ruled.prefer, found);
        let arm = experiment::arm_of(tx, ask).await?;
        if let Some((seen, connection)) = arm {
            route.experiment = Some(seen);
            if let Some(at) = open.iter().position(|o| *o == connection).filter(|_| route.by != ChosenBy::AllDown) {
                let first = open.remove(at);
                open.insert(0, first);
                route.by = ChosenBy::Experiment;
            }
        }
    }
    route.connection = open.remove(0);
    route.then = open;
    Ok(route)
}

impl Route {
    fn open(&self) -> Vec<String> {
        let open = self.candidates.iter().filter(|c| c.left_out.is_none());
        open.map(|c| c.connection.clone()).collect()
    }

    /// Puts those that are left in order: as the rules prefer, else by what was measured.
    fn order(&mut self, open: &mut [String], prefer: &[String], found: Figures) {
        for c in &mut self.candidates {
            if let Some(f) = found.of(&c.connection) {
                c.ended = f.ended;
                c.paid = f.paid;
                c.rate_ppm = f.rate_ppm;
                c.cost_ppm = f.cost_ppm;
                c.score_ppm = f.score_ppm;
            }
        }
        self.measured = found.level;
        let before = open.first().cloned();
        let place = |c: &String| prefer.iter().position(|p| p == c).unwrap_or(usize::MAX);
        let score = |c: &String| found.of(c).and_then(|f| f.score_ppm).map_or(0, |s| -(s / measure::POINT_PPM));
        // Stable: what neither a rule nor a whole point of success separates stays as configured.
        open.sort_by_key(|c| (place(c), score(c)));
        let single = self.by != ChosenBy::Configured || open.len() < 2;
        if !single && open.first().is_some_and(|c| prefer.contains(c)) {
            self.by = ChosenBy::Rule;
        } else if !single && (open.first() != before.as_ref() || found.level.is_some()) {
            self.by = ChosenBy::Measured;
        }
    }

    /// Why, in codes.
    pub fn reasons(&self) -> Vec<String> {
        let mut out: Vec<String> = match self.by {
            ChosenBy::Rule => self.rules.iter().map(|r| r.reason_code.clone()).collect(),
            other => vec![other.to_string()],
        };
        for c in &self.candidates {
            if let Some(why) = c.left_out {
                out.push(format!("{}_{why}", c.connection));
            }
        }
        out
    }
}

/// Keeps the decision; None where there was nothing to decide.
pub(crate) async fn decided(tx: &mut Tx, core: &Core, id: DepositId, facts: &ClientFacts, r: &Route) -> Result<Option<String>> {
    if r.by == ChosenBy::Only {
        return Ok(None);
    }
    let rule = r.rules.first().filter(|_| r.by == ChosenBy::Rule);
    let id = audit::decide(
        tx,
        core,
        audit::Decision {
            caller: &Caller::system("rule:deposit.routing"),
            kind: "deposit.route",
            subject: format!("deposit:{id}"),
            client_id: Some(facts.client_id.clone()),
            entity: Some(facts.entity.clone()),
            outcome: r.connection.clone(),
            reasons: r.reasons(),
            rule: rule.map(|r| r.name.clone()),
            rule_version: rule.map(|r| r.version),
            inputs: serde_json::to_value(r)?,
        },
    )
    .await?;
    Ok(Some(id.to_string()))
}

/// Puts a client's methods in the order of their success, the best first, and marks those that
/// nothing can take now. A method that too few have used stays where it is configured.
pub async fn in_order(tx: &mut Tx, core: &Core, facts: &ClientFacts) -> Result<Vec<MethodFact>> {
    let mut out = facts.methods.clone();
    let mut scores = Vec::with_capacity(out.len());
    for m in &mut out {
        let all = of_method(m);
        let mut open = 0;
        for c in &all {
            let row = store::connection(tx, c).await?;
            open += usize::from(row.is_none_or(|r| r.enabled && r.down_since.is_none()));
        }
        m.unavailable = open == 0;
        scores.push((m.method.clone(), measure::of_method(tx, core.now(), facts, m).await?));
    }
    let known: Vec<i64> = scores.iter().filter_map(|(_, s)| *s).collect();
    // Not measured: as good as the average of those that are.
    let usual = if known.is_empty() {
        0
    } else {
        known.iter().sum::<i64>() / i64::try_from(known.len()).unwrap_or(1)
    };
    let score = |m: &MethodFact| {
        let s = scores.iter().find(|(n, _)| *n == m.method).and_then(|(_, s)| *s);
        s.unwrap_or(usual) / measure::POINT_PPM
    };
    out.sort_by_key(|m| (m.unavailable, -score(m)));
    Ok(out)
}
