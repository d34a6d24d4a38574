//! The states of a withdrawal and of its legs. Pure.

use crate::PayoutTargetId;
use qd_kernel::{split_largest_remainder, text_enum};
use qd_ports::psp::RefundState;

text_enum! {
    WithdrawalState {
        /// The money is being taken off the trading account.
        Collecting = "collecting",
        /// Held in the wallet; the rules are being asked.
        Deciding = "deciding",
        /// Waits for a person, or for two.
        Review = "review",
        Approved = "approved",
        /// On its way to the source.
        Paying = "paying",
        Paid = "paid",
        /// Some or all of it came back after it was sent; that part is in the wallet again.
        Returned = "returned",
        /// The trading account did not have it.
        Refused = "refused",
        /// A person said no; the money is in the wallet again.
        Rejected = "rejected",
        /// The client took the request back.
        Cancelled = "cancelled",
    }
}

text_enum! {
    LegState as WithdrawalLegState { Planned = "planned", Sending = "sending", Pending = "pending", Paid = "paid", Returned = "returned" }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The platform gave the money.
    Collected,
    /// The platform refused to.
    CollectRefused,
    /// The rules let it pass.
    RuleApproved,
    /// The rules want a person.
    RuleStopped,
    /// The last approval needed was given.
    PeopleApproved,
    /// An override with its reason.
    Overridden,
    Rejected,
    CancelledByClient,
    /// The pay job starts to send.
    PayStarted,
    /// The last leg has ended; true: all of it arrived.
    LegsEnded(bool),
    /// A leg that was paid has come back.
    CameBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Nothing,
    Go(WithdrawalState),
    Refuse,
}

/// Every state x every command. The table test prints and pins it.
pub const fn decide(state: WithdrawalState, command: Command) -> Effect {
    use WithdrawalState as S;
    match command {
        Command::Collected => match state {
            S::Collecting => Effect::Go(S::Deciding),
            S::Deciding | S::Review | S::Approved | S::Paying | S::Paid | S::Returned | S::Refused | S::Rejected | S::Cancelled => {
                Effect::Nothing
            }
        },
        Command::CollectRefused => match state {
            S::Collecting => Effect::Go(S::Refused),
            S::Refused => Effect::Nothing,
            S::Deciding | S::Review | S::Approved | S::Paying | S::Paid | S::Returned | S::Rejected | S::Cancelled => Effect::Refuse,
        },
        Command::RuleApproved => match state {
            S::Deciding => Effect::Go(S::Approved),
            S::Review | S::Approved | S::Paying | S::Paid | S::Returned | S::Rejected | S::Cancelled => Effect::Nothing,
            S::Collecting | S::Refused => Effect::Refuse,
        },
        Command::RuleStopped => match state {
            S::Deciding => Effect::Go(S::Review),
            S::Review | S::Approved | S::Paying | S::Paid | S::Returned | S::Rejected | S::Cancelled => Effect::Nothing,
            S::Collecting | S::Refused => Effect::Refuse,
        },
        Command::PeopleApproved => match state {
            S::Review => Effect::Go(S::Approved),
            S::Approved | S::Paying | S::Paid | S::Returned => Effect::Nothing,
            S::Collecting | S::Deciding | S::Refused | S::Rejected | S::Cancelled => Effect::Refuse,
        },
        Command::Overridden => match state {
            S::Review => Effect::Go(S::Approved),
            S::Approved | S::Paying | S::Paid | S::Returned => Effect::Nothing,
            S::Collecting | S::Deciding | S::Refused | S::Rejected | S::Cancelled => Effect::Refuse,
        },
        Command::Rejected => match state {
            S::Review => Effect::Go(S::Rejected),
            S::Rejected => Effect::Nothing,
            S::Collecting | S::Deciding | S::Approved | S::Paying | S::Paid | S::Returned | S::Refused | S::Cancelled => Effect::Refuse,
        },
        // While the platform is being asked nobody can promise anything; once sent, it is gone.
        Command::CancelledByClient => match state {
            S::Deciding | S::Review | S::Approved => Effect::Go(S::Cancelled),
            S::Cancelled => Effect::Nothing,
            S::Collecting | S::Paying | S::Paid | S::Returned | S::Refused | S::Rejected => Effect::Refuse,
        },
        Command::PayStarted => match state {
            S::Approved => Effect::Go(S::Paying),
            S::Paying | S::Paid | S::Returned | S::Cancelled => Effect::Nothing,
            S::Collecting | S::Deciding | S::Review | S::Refused | S::Rejected => Effect::Refuse,
        },
        Command::LegsEnded(all) => match state {
            S::Paying => Effect::Go(if all { S::Paid } else { S::Returned }),
            S::Paid | S::Returned => Effect::Nothing,
            S::Collecting | S::Deciding | S::Review | S::Approved | S::Refused | S::Rejected | S::Cancelled => Effect::Refuse,
        },
        Command::CameBack => match state {
            S::Paid | S::Returned => Effect::Go(S::Returned),
            // The others legs are still on their way; the end of the last one settles it.
            S::Paying => Effect::Nothing,
            S::Collecting | S::Deciding | S::Review | S::Approved | S::Refused | S::Rejected | S::Cancelled => Effect::Refuse,
        },
    }
}

text_enum! {
    /// In whose queue people looked at it.
    Queue as WithdrawalQueue {
        /// Nobody had to.
        None = "none",
        Standard = "standard",
        /// Two people, or compliance.
        HighRisk = "high_risk",
    }
}

text_enum! {
    LegKind as WithdrawalLegKind {
        /// Back to the payment it came by.
        Refund = "refund",
        /// To the client's account at a provider that pays people.
        Payout = "payout",
        Bank = "bank",
    }
}

text_enum! {
    /// In which order money goes back to where it came from.
    SourceOrder as WithdrawalSourceOrder {
        Oldest = "oldest",
        /// Cards before anything else, the oldest first; then the rest, the oldest first.
        CardFirst = "card_first",
        /// From each source its part of all there is.
        ProRata = "pro_rata",
    }
}

/// What a report about a leg does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegEffect {
    Nothing,
    Pending,
    /// Left the house for good.
    Paid,
    /// Never left: from the payout transit back to the wallet.
    Failed,
    /// Left and came back: from the provider's clearing back to the wallet.
    CameBack,
}

pub const fn leg(state: LegState, report: RefundState) -> LegEffect {
    match report {
        RefundState::Pending => match state {
            LegState::Planned | LegState::Sending => LegEffect::Pending,
            LegState::Pending | LegState::Paid | LegState::Returned => LegEffect::Nothing,
        },
        RefundState::Succeeded => match state {
            LegState::Planned | LegState::Sending | LegState::Pending => LegEffect::Paid,
            LegState::Paid | LegState::Returned => LegEffect::Nothing,
        },
        RefundState::Failed | RefundState::Cancelled => match state {
            LegState::Planned | LegState::Sending | LegState::Pending => LegEffect::Failed,
            LegState::Paid => LegEffect::CameBack,
            LegState::Returned => LegEffect::Nothing,
        },
    }
}

/// A deposit that can take money back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub deposit_id: String,
    pub connection: String,
    pub payment_ref: String,
    pub refundable_minor: i64,
    /// How money goes back there.
    pub kind: LegKind,
    /// It came by card.
    pub card: bool,
    /// Of a payout: who gets it.
    pub target: Option<PayoutTargetId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedLeg {
    /// None: what exceeds all deposits (profit).
    pub source: Option<Source>,
    /// Without a source: the client's own account; None: by bank, to an account not named yet.
    pub rest: Option<RestTo>,
    pub amount_minor: i64,
}

/// An account of the client's own that takes what no source can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestTo {
    pub kind: LegKind,
    pub method: String,
    pub connection: Option<String>,
    pub target: PayoutTargetId,
}

impl PlannedLeg {
    pub fn kind(&self) -> LegKind {
        match (&self.source, &self.rest) {
            (Some(s), _) => s.kind,
            (None, Some(r)) => r.kind,
            (None, None) => LegKind::Bank,
        }
    }
    pub fn connection(&self) -> Option<String> {
        match &self.source {
            Some(s) => Some(s.connection.clone()),
            None => self.rest.as_ref().and_then(|r| r.connection.clone()),
        }
    }
    pub fn target(&self) -> Option<PayoutTargetId> {
        match &self.source {
            Some(s) => s.target,
            None => self.rest.as_ref().map(|r| r.target),
        }
    }
}

/// Return to source, each up to what is left of it; what exceeds them all goes to the client's own
/// account. `sources`: the oldest first.
pub fn split_to_sources(amount_minor: i64, sources: &[Source], order: SourceOrder) -> Vec<PlannedLeg> {
    let mut left = amount_minor;
    let mut legs = Vec::new();
    let mut inline: Vec<&Source> = sources.iter().collect();
    // Stable: the oldest first among equals.
    if order == SourceOrder::CardFirst {
        inline.sort_by_key(|s| !s.card);
    }
    let weights: Vec<u64> = inline.iter().map(|s| u64::try_from(s.refundable_minor).unwrap_or(0)).collect();
    let all = weights.iter().fold(0u64, |a, w| a.saturating_add(*w));
    let spread = match order {
        SourceOrder::ProRata => split_largest_remainder(left.min(i64::try_from(all).unwrap_or(i64::MAX)), &weights),
        SourceOrder::Oldest | SourceOrder::CardFirst => None,
    };
    for (i, s) in inline.into_iter().enumerate() {
        let most = spread.as_ref().map_or(s.refundable_minor, |p| p[i].min(s.refundable_minor));
        let part = left.min(most);
        if part > 0 {
            legs.push(PlannedLeg {
                source: Some(s.clone()),
                rest: None,
                amount_minor: part,
            });
            left -= part;
        }
    }
    if left > 0 {
        legs.push(PlannedLeg {
            source: None,
            rest: None,
            amount_minor: left,
        });
    }
    legs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const COMMANDS: [Command; 12] = [
        Command::Collected,
        Command::CollectRefused,
        Command::RuleApproved,
        Command::RuleStopped,
        Command::PeopleApproved,
        Command::Overridden,
        Command::Rejected,
        Command::CancelledByClient,
        Command::PayStarted,
        Command::LegsEnded(true),
        Command::LegsEnded(false),
        Command::CameBack,
    ];

    #[test]
    fn every_state_and_command_is_decided_as_the_readme_says() {
        let mut table = String::from("| command |");
        for s in WithdrawalState::ALL {
            let _ = write!(table, " {s} |");
        }
        let _ = write!(table, "\n|{}", " --- |".repeat(WithdrawalState::ALL.len() + 1));
        for c in COMMANDS {
            let _ = write!(table, "\n| {c:?} |");
            for s in WithdrawalState::ALL {
                let cell = match decide(*s, c) {
                    Effect::Nothing => "-".to_string(),
                    Effect::Go(t) => t.to_string(),
                    Effect::Refuse => "refuse".into(),
                };
                let _ = write!(table, " {cell} |");
            }
        }
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&table), "the README's withdrawal table should read:\n{table}");
    }

    #[test]
    fn only_an_approved_withdrawal_is_ever_sent_and_an_ended_one_never_starts_again() {
        for s in WithdrawalState::ALL {
            let to_paying = decide(*s, Command::PayStarted) == Effect::Go(WithdrawalState::Paying);
            assert_eq!(to_paying, *s == WithdrawalState::Approved, "{s}");
        }
        for s in [WithdrawalState::Refused, WithdrawalState::Rejected, WithdrawalState::Cancelled] {
            for c in COMMANDS {
                assert!(!matches!(decide(s, c), Effect::Go(_)), "{s} {c:?}");
            }
        }
    }

    #[test]
    fn a_split_returns_to_each_source_no_more_than_came_from_it() {
        let src = |id: &str, m| Source {
            deposit_id: id.into(),
            connection: "c".into(),
            payment_ref: id.into(),
            refundable_minor: m,
            kind: LegKind::Refund,
            card: id == "card",
            target: None,
        };
        // Deposits of 500 and 300, a withdrawal of 600 (PM-19).
        let legs = split_to_sources(60_000, &[src("card", 50_000), src("wallet", 30_000)], SourceOrder::Oldest);
        assert_eq!(legs.iter().map(|l| l.amount_minor).collect::<Vec<_>>(), [50_000, 10_000]);
        // Profit on top of a deposit that was already given back in part.
        let legs = split_to_sources(60_000, &[src("card", 20_000), src("empty", 0)], SourceOrder::Oldest);
        assert_eq!(
            legs.iter().map(|l| (l.source.is_some(), l.amount_minor)).collect::<Vec<_>>(),
            [(true, 20_000), (false, 40_000)]
        );
    }

    #[test]
    fn the_order_of_sources_is_the_entitys_choice_and_never_takes_more_from_one_than_came() {
        let src = |id: &str, m| Source {
            deposit_id: id.into(),
            connection: "c".into(),
            payment_ref: id.into(),
            refundable_minor: m,
            kind: LegKind::Refund,
            card: id == "card",
            target: None,
        };
        let parts = |order| -> Vec<(String, i64)> {
            split_to_sources(60_000, &[src("wallet", 30_000), src("card", 50_000)], order)
                .into_iter()
                .map(|l| (l.source.map_or_else(String::new, |s| s.deposit_id), l.amount_minor))
                .collect()
        };
        let named = |a: &str, m, b: &str, n| vec![(a.to_string(), m), (b.to_string(), n)];
        assert_eq!(parts(SourceOrder::Oldest), named("wallet", 30_000, "card", 30_000));
        assert_eq!(parts(SourceOrder::CardFirst), named("card", 50_000, "wallet", 10_000));
        assert_eq!(parts(SourceOrder::ProRata), named("wallet", 22_500, "card", 37_500));
        // Whatever the sums: all of it is planned, and no source gives more than it has.
        for amount in [1, 7, 99, 1_000, 12_345, 90_000] {
            let sources = [src("a", 1), src("card", 333), src("b", 12_000), src("c", 0), src("d", 7)];
            for order in SourceOrder::ALL {
                let legs = split_to_sources(amount, &sources, *order);
                assert_eq!(legs.iter().map(|l| l.amount_minor).sum::<i64>(), amount, "{order}");
                for l in &legs {
                    assert!(
                        l.amount_minor > 0 && l.source.as_ref().is_none_or(|s| l.amount_minor <= s.refundable_minor),
                        "{order}"
                    );
                }
            }
        }
    }
}
