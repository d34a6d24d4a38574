//! What may not be paid where: rows of a settings document, each with the rule it rests on. A plan
//! that could only pay what is forbidden is refused when it is saved; a client of a forbidden country
//! leaves a zero line that names the source.

use crate::plan::read::Faults;
use crate::plan::{Plan, RebateAmount};
use qd_kernel::text_enum;
use serde::{Deserialize, Serialize};

/// The key of the settings document, by entity or global.
pub const SETTINGS: &str = "commission.guard";

text_enum!(
    /// Who would be paid.
    PaidRole as RemuneratedRole { Partner = "partner", Client = "client", Staff = "staff" }
);

/// One kind of pay that is not allowed. Empty fields: any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ForbiddenPay)]
pub struct Ban {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// Of the client, two capitals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    pub role: PaidRole,
    /// Kinds of rate (`per_lot`, `pips`, `per_million`, `spread`, `markup`, `commission`), `client_rebate`,
    /// `cpa`, `revenue_share`; empty: every kind.
    #[serde(default)]
    pub pays: Vec<String>,
    /// The law or rule it rests on; shown to whoever is refused.
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RemunerationGuard)]
pub struct Guard {
    pub forbidden: Vec<Ban>,
    /// Codes of entities under the Cyprus regulator: its circulars apply to them.
    #[serde(default)]
    pub cyprus_entities: Vec<String>,
}

impl Default for Guard {
    fn default() -> Self {
        let ban = |country: Option<&str>, role, pays: &[&str], source: &str| Ban {
            entity: None,
            country: country.map(str::to_string),
            role,
            pays: pays.iter().map(|p| (*p).to_string()).collect(),
            source: source.to_string(),
        };
        Guard {
            forbidden: vec![ban(
                Some("NL"),
                PaidRole::Partner,
                &[],
                "AFM (Netherlands): investment firms may not pay third parties for referring investors",
            )],
            cyprus_entities: Vec::new(),
        }
    }
}

/// What the circulars say of every entity under the Cyprus regulator.
const CYPRUS: [(PaidRole, &[&str], &str); 2] = [
    (
        PaidRole::Client,
        &["client_rebate"],
        "CySEC circulars C168 and C194: volume rebates and similar benefits to retail clients are inappropriate",
    ),
    (
        PaidRole::Staff,
        &["per_lot", "per_million", "spread", "markup", "revenue_share"],
        "CySEC (2016, remuneration): staff pay by volume, deposits or client losses is a conflict of interest",
    ),
];

impl Guard {
    /// The source of the ban on paying `role` by `pay` for a client of this entity and country.
    pub fn bans(&self, entity: &str, country: &str, role: PaidRole, pay: &str) -> Option<&str> {
        let own = self.forbidden.iter().find(|b| {
            b.role == role
                && b.entity.as_deref().is_none_or(|e| e == entity)
                && b.country.as_deref().is_none_or(|c| c == country)
                && (b.pays.is_empty() || b.pays.iter().any(|p| p == pay))
        });
        own.map(|b| b.source.as_str()).or_else(|| {
            self.cyprus_entities.iter().any(|e| e == entity).then(|| {
                CYPRUS
                    .iter()
                    .find(|(r, pays, _)| *r == role && pays.contains(&pay))
                    .map(|(_, _, s)| *s)
            })?
        })
    }

    /// Faults of a plan that says what may not be paid: a rule or rebate each of whose entities and
    /// countries is forbidden. What is forbidden only in part leaves zero lines at run time.
    pub fn refuse(&self, p: &Plan, entity: Option<&str>, f: &mut Faults) {
        let any = [String::new()];
        let house: Vec<String> = entity.map(str::to_string).into_iter().collect();
        let entities: &[String] = if p.scope.entities.is_empty() { &house } else { &p.scope.entities };
        let either = |own: &[String], wide: &[String]| -> Vec<String> {
            let list = if own.is_empty() { wide } else { own };
            if list.is_empty() { any.to_vec() } else { list.to_vec() }
        };
        let all_banned = |entities: &[String], countries: &[String], role, pay: &str| -> Option<String> {
            let mut source = None;
            for e in entities {
                for c in countries {
                    source = Some(self.bans(e, c, role, pay)?.to_string());
                }
            }
            source
        };
        for (i, r) in p.rules.iter().enumerate() {
            let region: Vec<String> = p
                .regions
                .iter()
                .filter(|g| r.scope.regions.contains(&g.name))
                .flat_map(|g| g.countries.clone())
                .collect();
            let own = if r.scope.countries.is_empty() {
                region
            } else {
                r.scope.countries.clone()
            };
            let (e, c) = (either(&r.scope.entities, entities), either(&own, &p.scope.countries));
            if let Some(s) = all_banned(&e, &c, PaidRole::Partner, r.pay.as_str()) {
                f.add(
                    format!("/rules/{i}/scope"),
                    "pay_forbidden",
                    format!("expected a scope where this may be paid: {s}"),
                );
            }
        }
        for (i, r) in p.client_rebates.iter().enumerate() {
            let (e, c) = (either(&[], entities), either(&[], &p.scope.countries));
            if let Some(s) = all_banned(&e, &c, PaidRole::Client, "client_rebate") {
                let field = match r.amount {
                    RebateAmount::Percent(_) => "percent",
                    RebateAmount::PerLot(_) => "per_lot",
                };
                f.add(
                    format!("/client_rebates/{i}/{field}"),
                    "pay_forbidden",
                    format!("expected no rebate to clients of this scope: {s}"),
                );
            }
        }
    }
}
