//! The states of a deposit and what each report does to them. Pure.
//!
//! Refunds by a withdrawal and disputes are not states of this axis: they are sums and marks beside
//! it. Held money that a person gives back is, because it never became the client's.

use qd_kernel::text_enum;
use qd_ports::psp::PaymentState;

text_enum! {
    DepositState {
        /// Ours only; the provider has not confirmed a session.
        Created = "created",
        /// The client was sent to the provider's page.
        Redirected = "redirected",
        /// The client did their part; the provider is not sure yet.
        Pending = "pending",
        /// The money is here and a person must look before it is usable.
        Held = "held",
        /// The money is in the wallet, on its way to the trading account if one was named.
        Succeeded = "succeeded",
        /// It is where the client wanted it.
        Posted = "posted",
        Failed = "failed",
        Expired = "expired",
        Cancelled = "cancelled",
        /// Held money is on its way back to where it came from.
        Refunding = "refunding",
        /// It is back there.
        Refunded = "refunded",
    }
}

impl DepositState {
    /// Nothing more is expected here, though a late success is still accepted.
    pub const fn is_quiet(self) -> bool {
        matches!(
            self,
            DepositState::Posted | DepositState::Failed | DepositState::Expired | DepositState::Cancelled | DepositState::Refunded
        )
    }
    /// The provider's money has been booked.
    pub const fn is_received(self) -> bool {
        matches!(
            self,
            DepositState::Held | DepositState::Succeeded | DepositState::Posted | DepositState::Refunding | DepositState::Refunded
        )
    }
}

/// What happened, from whichever side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The provider gave us a session.
    Opened,
    /// The provider refused to give us one.
    OpenRefused,
    /// A report read from the provider, its echo checked.
    Reported(PaymentState),
    /// A report whose amount or currency is not what was asked for.
    ReportedOther,
    /// Another connection or method is asked after a soft decline, or instead of one that is down.
    TriedElsewhere,
    /// The client gave up before paying.
    CancelledByClient,
    /// A person released a held deposit.
    Released,
    /// The trading account has it, or none was named.
    Posted,
    /// A person gives held money back.
    RefundAsked,
    /// The provider gave it back.
    RefundPaid,
    /// The provider will not give it back.
    RefundFailed,
}

/// What to do about a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Known already, or older than what is known: nothing to do.
    Nothing,
    /// Go to this state, no money moves.
    Go(DepositState),
    /// Book the money, then run the checks: held or on to the account.
    Receive,
    /// Book the money as held: it is not what was asked for.
    ReceiveHeld,
    /// Held money becomes usable.
    Release,
    /// This cannot be: refuse the command.
    Refuse,
}

/// Every state x every command. The table test prints and pins it.
pub const fn decide(state: DepositState, command: Command) -> Effect {
    use DepositState as S;
    match command {
        Command::Opened => match state {
            S::Created => Effect::Go(S::Redirected),
            S::Redirected
            | S::Pending
            | S::Held
            | S::Succeeded
            | S::Posted
            | S::Failed
            | S::Expired
            | S::Cancelled
            | S::Refunding
            | S::Refunded => Effect::Nothing,
        },
        Command::OpenRefused => match state {
            S::Created => Effect::Go(S::Failed),
            S::Redirected
            | S::Pending
            | S::Held
            | S::Succeeded
            | S::Posted
            | S::Failed
            | S::Expired
            | S::Cancelled
            | S::Refunding
            | S::Refunded => Effect::Nothing,
        },
        Command::Reported(report) => match report {
            // Paid is paid, however late and after whatever we believed.
            PaymentState::Succeeded => match state {
                S::Created | S::Redirected | S::Pending | S::Failed | S::Expired | S::Cancelled => Effect::Receive,
                S::Held | S::Succeeded | S::Posted | S::Refunding | S::Refunded => Effect::Nothing,
            },
            PaymentState::Pending | PaymentState::Authorised => match state {
                S::Created | S::Redirected => Effect::Go(S::Pending),
                S::Pending | S::Held | S::Succeeded | S::Posted | S::Failed | S::Expired | S::Cancelled | S::Refunding | S::Refunded => {
                    Effect::Nothing
                }
            },
            PaymentState::Created | PaymentState::RequiresAction => match state {
                S::Created => Effect::Go(S::Redirected),
                S::Redirected
                | S::Pending
                | S::Held
                | S::Succeeded
                | S::Posted
                | S::Failed
                | S::Expired
                | S::Cancelled
                | S::Refunding
                | S::Refunded => Effect::Nothing,
            },
            // A no after a yes is out of order: the yes stands; taking money back is a refund or a dispute.
            PaymentState::Failed => match state {
                S::Created | S::Redirected | S::Pending => Effect::Go(S::Failed),
                S::Held | S::Succeeded | S::Posted | S::Failed | S::Expired | S::Cancelled | S::Refunding | S::Refunded => Effect::Nothing,
            },
            PaymentState::Expired => match state {
                S::Created | S::Redirected | S::Pending => Effect::Go(S::Expired),
                S::Held | S::Succeeded | S::Posted | S::Failed | S::Expired | S::Cancelled | S::Refunding | S::Refunded => Effect::Nothing,
            },
            PaymentState::Cancelled => match state {
                S::Created | S::Redirected | S::Pending => Effect::Go(S::Cancelled),
                S::Held | S::Succeeded | S::Posted | S::Failed | S::Expired | S::Cancelled | S::Refunding | S::Refunded => Effect::Nothing,
            },
        },
        Command::ReportedOther => match state {
            S::Created | S::Redirected | S::Pending | S::Failed | S::Expired | S::Cancelled => Effect::ReceiveHeld,
            S::Held | S::Succeeded | S::Posted | S::Refunding | S::Refunded => Effect::Nothing,
        },
        // What may still be paid for is not asked for elsewhere, except on a page that has just declined.
        Command::TriedElsewhere => match state {
            S::Created | S::Redirected | S::Failed | S::Expired => Effect::Go(S::Created),
            S::Pending | S::Held | S::Succeeded | S::Posted | S::Cancelled | S::Refunding | S::Refunded => Effect::Refuse,
        },
        Command::CancelledByClient => match state {
            S::Created | S::Redirected => Effect::Go(S::Cancelled),
            S::Cancelled | S::Expired | S::Failed => Effect::Nothing,
            S::Pending | S::Held | S::Succeeded | S::Posted | S::Refunding | S::Refunded => Effect::Refuse,
        },
        Command::Released => match state {
            S::Held => Effect::Release,
            S::Succeeded | S::Posted => Effect::Nothing,
            S::Created | S::Redirected | S::Pending | S::Failed | S::Expired | S::Cancelled | S::Refunding | S::Refunded => Effect::Refuse,
        },
        Command::Posted => match state {
            S::Succeeded => Effect::Go(S::Posted),
            S::Posted => Effect::Nothing,
            S::Created | S::Redirected | S::Pending | S::Held | S::Failed | S::Expired | S::Cancelled | S::Refunding | S::Refunded => {
                Effect::Refuse
            }
        },
        Command::RefundAsked => match state {
            S::Held => Effect::Go(S::Refunding),
            S::Refunding | S::Refunded => Effect::Nothing,
            S::Created | S::Redirected | S::Pending | S::Succeeded | S::Posted | S::Failed | S::Expired | S::Cancelled => Effect::Refuse,
        },
        Command::RefundPaid => match state {
            S::Refunding => Effect::Go(S::Refunded),
            S::Refunded => Effect::Nothing,
            S::Created | S::Redirected | S::Pending | S::Held | S::Succeeded | S::Posted | S::Failed | S::Expired | S::Cancelled => {
                Effect::Refuse
            }
        },
        // One that was paid and came back, too: held again, and a person looks.
        Command::RefundFailed => match state {
            S::Refunding | S::Refunded => Effect::Go(S::Held),
            S::Held => Effect::Nothing,
            S::Created | S::Redirected | S::Pending | S::Succeeded | S::Posted | S::Failed | S::Expired | S::Cancelled => Effect::Refuse,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const COMMANDS: [Command; 18] = [
        Command::Opened,
        Command::OpenRefused,
        Command::Reported(PaymentState::Created),
        Command::Reported(PaymentState::RequiresAction),
        Command::Reported(PaymentState::Pending),
        Command::Reported(PaymentState::Authorised),
        Command::Reported(PaymentState::Succeeded),
        Command::Reported(PaymentState::Failed),
        Command::Reported(PaymentState::Expired),
        Command::Reported(PaymentState::Cancelled),
        Command::ReportedOther,
        Command::TriedElsewhere,
        Command::CancelledByClient,
        Command::Released,
        Command::Posted,
        Command::RefundAsked,
        Command::RefundPaid,
        Command::RefundFailed,
    ];

    /// The table in this crate's README is this one: a changed cell is seen by the reviewer.
    #[test]
    fn every_state_and_command_is_decided_as_the_readme_says() {
        let mut table = String::from("| command |");
        for s in DepositState::ALL {
            let _ = write!(table, " {s} |");
        }
        let _ = write!(table, "\n|{}", " --- |".repeat(DepositState::ALL.len() + 1));
        for c in COMMANDS {
            let _ = write!(table, "\n| {c:?} |");
            for s in DepositState::ALL {
                let cell = match decide(*s, c) {
                    Effect::Nothing => "-".to_string(),
                    Effect::Go(t) => t.to_string(),
                    Effect::Receive => "RECEIVE".into(),
                    Effect::ReceiveHeld => "HOLD".into(),
                    Effect::Release => "RELEASE".into(),
                    Effect::Refuse => "refuse".into(),
                };
                let _ = write!(table, " {cell} |");
            }
        }
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&table), "the README's deposit table should read:\n{table}");
    }

    #[test]
    fn received_money_is_never_booked_a_second_time_by_any_command() {
        for s in DepositState::ALL.iter().filter(|s| s.is_received()) {
            for c in COMMANDS {
                assert!(!matches!(decide(*s, c), Effect::Receive | Effect::ReceiveHeld), "{s} {c:?}");
            }
        }
    }

    #[test]
    fn a_late_success_is_taken_in_every_state_that_has_no_money_yet() {
        for s in DepositState::ALL.iter().filter(|s| !s.is_received()) {
            assert_eq!(decide(*s, Command::Reported(PaymentState::Succeeded)), Effect::Receive, "{s}");
        }
    }
}
