//! The states of a case and what each command does to them. Pure.

use qd_kernel::{Problem, Result, text_enum};

text_enum!(
    /// How far a client is looked into. Each level is a case of its own.
    Level as KycLevel {
        Standard = "standard",
        /// Documents that large deposits or a reviewer ask for.
        Enhanced = "enhanced",
    }
);

text_enum!(
    CaseState as KycState {
        /// Nothing has been given yet.
        Open = "open",
        /// Something has been given, something may be missing.
        Collecting = "collecting",
        /// Handed in; waits for checks or for a reviewer.
        Submitted = "submitted",
        /// In one reviewer's hands.
        InReview = "in_review",
        /// The client was asked for something again.
        Resubmission = "resubmission",
        Approved = "approved",
        /// Final for the client; compliance may reopen.
        Rejected = "rejected",
        /// Was approved; a document ran out.
        Expired = "expired",
    }
);

impl CaseState {
    /// The client may add documents and hand in.
    pub const fn is_with_client(self) -> bool {
        matches!(
            self,
            CaseState::Open | CaseState::Collecting | CaseState::Resubmission | CaseState::Expired
        )
    }
    /// Somebody of the house, or a check, has to act.
    pub const fn is_waiting_for_us(self) -> bool {
        matches!(self, CaseState::Submitted | CaseState::InReview)
    }
}

text_enum!(
    Command as KycCommand {
        /// The client, or somebody for them, gave a document or answers.
        Supply = "supply",
        Submit = "submit",
        Claim = "claim",
        Release = "release",
        Reassign = "reassign",
        /// Ask for documents again.
        AskAgain = "ask_again",
        Approve = "approve",
        /// Approval by rule, without a person.
        ApproveByRule = "approve_by_rule",
        Reject = "reject",
        /// A document the approval rests on ran out.
        Expire = "expire",
        /// Verify again.
        Reopen = "reopen",
    }
);

/// What the case's requirements add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Something required is not there: a profile field, the test, a document or its back.
    pub missing: bool,
    /// A current document is rejected.
    pub rejected: bool,
    /// A required document is not accepted (pending counts, and so does missing).
    pub unaccepted: bool,
}

impl Facts {
    /// Everything is there and accepted.
    pub const WHOLE: Facts = Facts {
        missing: false,
        rejected: false,
        unaccepted: false,
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not in this state.
    State,
    /// Something is missing or rejected.
    Incomplete,
    /// A required document has not been accepted.
    Unaccepted,
    /// Nothing is asked for.
    NothingAsked,
}

/// Every state x every command. The table test prints and pins it.
pub const fn next(state: CaseState, command: Command, facts: Facts) -> std::result::Result<CaseState, Refusal> {
    use CaseState as S;
    match command {
        Command::Supply => match state {
            S::Open | S::Collecting | S::Expired => Ok(S::Collecting),
            S::Resubmission => Ok(S::Resubmission),
            S::Submitted | S::InReview | S::Approved | S::Rejected => Err(Refusal::State),
        },
        Command::Submit => match state {
            S::Open | S::Collecting | S::Resubmission | S::Expired => {
                if facts.missing || facts.rejected {
                    Err(Refusal::Incomplete)
                } else {
                    Ok(S::Submitted)
                }
            }
            S::Submitted | S::InReview | S::Approved | S::Rejected => Err(Refusal::State),
        },
        Command::Claim => match state {
            S::Submitted => Ok(S::InReview),
            S::Open | S::Collecting | S::InReview | S::Resubmission | S::Approved | S::Rejected | S::Expired => Err(Refusal::State),
        },
        Command::Release => match state {
            S::InReview => Ok(S::Submitted),
            S::Open | S::Collecting | S::Submitted | S::Resubmission | S::Approved | S::Rejected | S::Expired => Err(Refusal::State),
        },
        Command::Reassign => match state {
            S::Submitted | S::InReview => Ok(S::InReview),
            S::Open | S::Collecting | S::Resubmission | S::Approved | S::Rejected | S::Expired => Err(Refusal::State),
        },
        Command::AskAgain => match state {
            S::InReview => {
                if facts.missing || facts.rejected {
                    Ok(S::Resubmission)
                } else {
                    Err(Refusal::NothingAsked)
                }
            }
            S::Open | S::Collecting | S::Submitted | S::Resubmission | S::Approved | S::Rejected | S::Expired => Err(Refusal::State),
        },
        Command::Approve => match state {
            S::InReview => approvable(facts),
            S::Open | S::Collecting | S::Submitted | S::Resubmission | S::Approved | S::Rejected | S::Expired => Err(Refusal::State),
        },
        Command::ApproveByRule => match state {
            S::Submitted => approvable(facts),
            S::Open | S::Collecting | S::InReview | S::Resubmission | S::Approved | S::Rejected | S::Expired => Err(Refusal::State),
        },
        Command::Reject => match state {
            S::InReview => Ok(S::Rejected),
            S::Open | S::Collecting | S::Submitted | S::Resubmission | S::Approved | S::Rejected | S::Expired => Err(Refusal::State),
        },
        Command::Expire => match state {
            S::Approved => Ok(S::Expired),
            S::Open | S::Collecting | S::Submitted | S::InReview | S::Resubmission | S::Rejected | S::Expired => Err(Refusal::State),
        },
        Command::Reopen => match state {
            S::Approved | S::Rejected | S::Expired => Ok(S::Resubmission),
            S::Open | S::Collecting | S::Submitted | S::InReview | S::Resubmission => Err(Refusal::State),
        },
    }
}

const fn approvable(facts: Facts) -> std::result::Result<CaseState, Refusal> {
    if facts.missing || facts.rejected {
        Err(Refusal::Incomplete)
    } else if facts.unaccepted {
        Err(Refusal::Unaccepted)
    } else {
        Ok(CaseState::Approved)
    }
}

/// [`next`] with the refusal as a problem; `missing` names what is not there.
pub(crate) fn step(state: CaseState, command: Command, facts: Facts, missing: &[String]) -> Result<CaseState> {
    next(state, command, facts).map_err(|r| match r {
        Refusal::State => Problem::conflict("kyc_state", format!("a case that is {state} does not take {command}")),
        Refusal::Incomplete => missing.iter().fold(
            Problem::conflict("kyc_incomplete", "something is missing or was rejected"),
            |p, m| p.and_field(&format!("/{}", m.replace('.', "/")), "kyc_missing", "expected to be given"),
        ),
        Refusal::Unaccepted => Problem::conflict("kyc_documents_undecided", "each required document has to be accepted first"),
        Refusal::NothingAsked => Problem::conflict("kyc_nothing_asked", "name at least one document to ask for again"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// The kindest facts for a command: the table shows where it leads when its guard is content.
    fn kind(command: Command) -> Facts {
        match command {
            Command::AskAgain => Facts {
                rejected: true,
                unaccepted: true,
                ..Facts::WHOLE
            },
            _ => Facts::WHOLE,
        }
    }

    #[test]
    fn every_state_and_command_is_decided_as_the_readme_says() {
        let mut table = String::from("| command |");
        for s in CaseState::ALL {
            let _ = write!(table, " {s} |");
        }
        table.push_str("\n| --- |");
        for _ in CaseState::ALL {
            table.push_str(" --- |");
        }
        for c in Command::ALL {
            let _ = write!(table, "\n| {c} |");
            for s in CaseState::ALL {
                let _ = match next(*s, *c, kind(*c)) {
                    Ok(to) => write!(table, " {to} |"),
                    Err(_) => write!(table, " - |"),
                };
            }
        }
        let readme = include_str!("../README.md");
        assert!(readme.contains(&table), "the README's table should read:\n{table}");
    }

    #[test]
    fn nothing_leads_to_approved_while_a_document_is_missing_rejected_or_undecided() {
        for s in CaseState::ALL {
            for c in Command::ALL {
                for bits in 1..8u8 {
                    let facts = Facts {
                        missing: bits & 1 != 0,
                        rejected: bits & 2 != 0,
                        unaccepted: bits & 4 != 0,
                    };
                    if next(*s, *c, facts) == Ok(CaseState::Approved) {
                        panic!("{s} {c} {facts:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn only_a_whole_case_is_handed_in_and_only_a_handed_in_case_is_decided() {
        for s in CaseState::ALL {
            assert_ne!(
                next(
                    *s,
                    Command::Submit,
                    Facts {
                        missing: true,
                        rejected: false,
                        unaccepted: true
                    }
                ),
                Ok(CaseState::Submitted),
                "{s}"
            );
            for c in [Command::Approve, Command::ApproveByRule, Command::Reject, Command::AskAgain] {
                assert!(s.is_waiting_for_us() || next(*s, c, kind(c)).is_err(), "{s} {c}");
            }
        }
        // Handing in does not wait for documents to be accepted: that is the review.
        assert_eq!(
            next(
                CaseState::Collecting,
                Command::Submit,
                Facts {
                    unaccepted: true,
                    ..Facts::WHOLE
                }
            ),
            Ok(CaseState::Submitted)
        );
    }
}
