//! The states of a ticket and what each move does to them. Pure.

use qd_kernel::text_enum;

text_enum! {
    TicketState {
        /// New; nobody has answered.
        Open = "open",
        WaitingUs = "waiting_us",
        WaitingClient = "waiting_client",
        /// Answered for good, as far as we know; the client may say otherwise.
        Solved = "solved",
        /// Over. What comes after is another ticket.
        Closed = "closed",
    }
}

text_enum!(
    /// What it is about, as the client says.
    Category as TicketCategory { Deposit = "deposit", Withdrawal = "withdrawal", Kyc = "kyc", Account = "account", Partner = "partner", Other = "other" }
);

text_enum!(Priority as TicketPriority { Low = "low", Normal = "normal", High = "high", Urgent = "urgent" });

impl TicketState {
    /// Whether our clock runs.
    pub const fn is_ours(self) -> bool {
        matches!(self, TicketState::Open | TicketState::WaitingUs)
    }
    pub const fn is_over(self) -> bool {
        matches!(self, TicketState::Solved | TicketState::Closed)
    }
}

text_enum! {
    /// What moves a ticket.
    Command {
        ClientWrites = "client_writes",
        /// The client says that it is settled.
        ClientSolves = "client_solves",
        /// An answer, and the client is to say something.
        AskClient = "ask_client",
        /// An answer, and it stays with us.
        KeepWorking = "keep_working",
        Solve = "solve",
        /// Staff take a solved one up again.
        Reopen = "reopen",
        /// Staff, or the house when nobody has said anything for days.
        Close = "close",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Nothing,
    Go(TicketState),
    Refuse,
}

/// Every state x every command. The table test prints and pins it.
pub const fn decide(state: TicketState, command: Command) -> Effect {
    use TicketState as S;
    match command {
        Command::ClientWrites => match state {
            S::Open | S::WaitingUs => Effect::Nothing,
            S::WaitingClient | S::Solved => Effect::Go(S::WaitingUs),
            S::Closed => Effect::Refuse,
        },
        Command::ClientSolves | Command::Solve => match state {
            S::Open | S::WaitingUs | S::WaitingClient => Effect::Go(S::Solved),
            S::Solved => Effect::Nothing,
            S::Closed => Effect::Refuse,
        },
        Command::AskClient => match state {
            S::Open | S::WaitingUs | S::Solved => Effect::Go(S::WaitingClient),
            S::WaitingClient => Effect::Nothing,
            S::Closed => Effect::Refuse,
        },
        Command::KeepWorking => match state {
            S::Open | S::WaitingClient | S::Solved => Effect::Go(S::WaitingUs),
            S::WaitingUs => Effect::Nothing,
            S::Closed => Effect::Refuse,
        },
        Command::Reopen => match state {
            S::Solved => Effect::Go(S::WaitingUs),
            S::Open | S::WaitingUs | S::WaitingClient => Effect::Nothing,
            S::Closed => Effect::Refuse,
        },
        Command::Close => match state {
            S::Solved => Effect::Go(S::Closed),
            S::Closed => Effect::Nothing,
            S::Open | S::WaitingUs | S::WaitingClient => Effect::Refuse,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_state_and_command_is_decided_as_the_readme_says() {
        let mut table = String::from("| command |");
        for s in TicketState::ALL {
            let _ = write!(table, " {s} |");
        }
        let _ = write!(table, "\n|{}", " --- |".repeat(TicketState::ALL.len() + 1));
        for c in Command::ALL {
            let _ = write!(table, "\n| {c} |");
            for s in TicketState::ALL {
                let cell = match decide(*s, *c) {
                    Effect::Nothing => "-".to_string(),
                    Effect::Go(t) => t.to_string(),
                    Effect::Refuse => "refuse".into(),
                };
                let _ = write!(table, " {cell} |");
            }
        }
        let readme = include_str!("../README.md");
        assert!(readme.contains(&table), "the README's table should read:\n{table}");
    }

    #[test]
    fn a_closed_ticket_never_moves_again() {
        for c in Command::ALL {
            assert!(!matches!(decide(TicketState::Closed, *c), Effect::Go(_)), "{c}");
        }
    }
}
