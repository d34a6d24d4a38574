//! What a contract with a partner settles besides rates: each with a default, each printed with the
//! plan and on statements.

use crate::exact::Exact;
use qd_kernel::text_enum;
use serde::Serialize;

text_enum!(
    /// The moment at which rules and the tree are looked up. `half`: half the volume by each.
    LookUp { Close = "close", Open = "open", Half = "half" }
);
text_enum!(
    /// Whose midnight ends a day and a month.
    Calendar { Utc = "utc", Server = "server" }
);
text_enum!(
    /// What a parent by difference subtracts: the most that anybody below earns, or the next one's.
    Inversion { RunningMaximum = "running_maximum", NextBelow = "next_below" }
);
text_enum!(
    /// What becomes of the level of a partner who has no rate: kept by the house, passed to the next
    /// one above, or the levels close up.
    Gaps { Keep = "keep", PassUp = "pass_up", Compress = "compress" }
);
text_enum!(
    /// What is above a cap: kept by the house, or open to those above who are paid by difference.
    CapExcess { House = "house", PassUp = "pass_up" }
);
text_enum!(
    /// Whether a client's rebate is taken out before partners above take their percentage.
    RebateTaken { Before = "before", After = "after" }
);
text_enum!(
    /// A deal corrected after its month was closed: the month's tier is looked at again, or stands.
    Corrections { Retier = "retier", Freeze = "freeze" }
);
text_enum!(
    FeeBearer { House = "house", Partner = "partner" }
);
text_enum!(
    /// What a chargeback takes back.
    ClawbackScope { None = "none", Cpa = "cpa", CpaAndLots = "cpa_and_lots" }
);
text_enum!(
    SelfReferral { Hold = "hold", Refuse = "refuse" }
);
text_enum!(
    Attribution { LastClick = "last_click", FirstClick = "first_click", LastNonDirect = "last_non_direct", Code = "code", Manual = "manual" }
);
text_enum!(
    /// What happens to the clients of a partner who leaves.
    Termination { House = "house", Parent = "parent", Trail = "trail" }
);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub look_up: LookUp,
    pub calendar: Calendar,
    /// Where the rates of exchange come from; for people and the choice of the source.
    pub fx_source: String,
    /// Excluded volume counts for tiers too.
    pub tiers_count_excluded: bool,
    pub inversion: Inversion,
    pub gaps: Gaps,
    pub cap_excess: CapExcess,
    pub rebate_taken: RebateTaken,
    pub corrections: Corrections,
    pub hold_days: i64,
    /// Part of each statement kept back for `reserve_days`.
    pub reserve: Exact,
    pub reserve_days: i64,
    /// In the wallet's currency.
    pub minimum_payout: Exact,
    pub fee_bearer: FeeBearer,
    /// Part of a payout that it costs.
    pub payout_fee: Exact,
    pub clawback: ClawbackScope,
    /// A clawback never takes the balance below minus this; None: no floor.
    pub clawback_floor: Option<Exact>,
    pub self_referral: SelfReferral,
    pub attribution: Attribution,
    pub termination: Termination,
    /// With `trail`: how long the partner keeps earning.
    pub trail_months: i64,
    /// Names of the terms that the document states itself.
    pub stated: Vec<&'static str>,
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            look_up: LookUp::Close,
            calendar: Calendar::Utc,
            fx_source: "house".into(),
            tiers_count_excluded: false,
            inversion: Inversion::RunningMaximum,
            gaps: Gaps::Keep,
            cap_excess: CapExcess::House,
            rebate_taken: RebateTaken::After,
            corrections: Corrections::Retier,
            hold_days: 0,
            reserve: Exact::ZERO,
            reserve_days: 0,
            minimum_payout: Exact::ZERO,
            fee_bearer: FeeBearer::House,
            payout_fee: Exact::ZERO,
            clawback: ClawbackScope::Cpa,
            clawback_floor: None,
            self_referral: SelfReferral::Hold,
            attribution: Attribution::LastClick,
            termination: Termination::House,
            trail_months: 0,
            stated: Vec::new(),
        }
    }
}

/// One setting as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PlanTerm)]
pub struct TermView {
    pub name: &'static str,
    pub value: String,
    /// Whether the plan says so itself; else it is the default.
    pub stated: bool,
}

impl Terms {
    /// All of them, in a fixed order.
    pub fn view(&self) -> Vec<TermView> {
        let yes = |b: bool| if b { "yes" } else { "no" }.to_string();
        let all: Vec<(&'static str, String)> = vec![
            ("look_up", self.look_up.to_string()),
            ("conversion", "deal".into()),
            ("fx_source", self.fx_source.clone()),
            ("calendar", self.calendar.to_string()),
            ("tiers_count_excluded", yes(self.tiers_count_excluded)),
            ("inversion", self.inversion.to_string()),
            ("gaps", self.gaps.to_string()),
            ("cap_excess", self.cap_excess.to_string()),
            ("rebate_taken", self.rebate_taken.to_string()),
            ("corrections", self.corrections.to_string()),
            ("hold_days", self.hold_days.to_string()),
            ("reserve", self.reserve.to_string()),
            ("reserve_days", self.reserve_days.to_string()),
            ("minimum_payout", self.minimum_payout.to_string()),
            ("fee_bearer", self.fee_bearer.to_string()),
            ("payout_fee", self.payout_fee.to_string()),
            ("clawback", self.clawback.to_string()),
            (
                "clawback_floor",
                self.clawback_floor.map_or_else(|| "none".into(), |f| f.to_string()),
            ),
            ("self_referral", self.self_referral.to_string()),
            ("attribution", self.attribution.to_string()),
            ("termination", self.termination.to_string()),
            ("trail_months", self.trail_months.to_string()),
        ];
        all.into_iter()
            .map(|(name, value)| TermView {
                name,
                value,
                stated: self.stated.contains(&name),
            })
            .collect()
    }
}
