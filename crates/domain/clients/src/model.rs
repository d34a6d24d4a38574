//! The life of a client, pure. Milestones are facts that happened once; the stage follows from
//! them, unless the client went quiet (dormant) or left (churned).

use qd_kernel::{Problem, Result, text_enum};

text_enum!(Stage as ClientStage { Lead = "lead", Registered = "registered", Verified = "verified", Funded = "funded", Dormant = "dormant", Churned = "churned" });

text_enum!(
    /// How far the talk with the client is; staff set it by hand or with a call.
    Status as ClientStatus { New = "new", Contacted = "contacted", NoAnswer = "no_answer", Callback = "callback", Interested = "interested", NotInterested = "not_interested" }
);

text_enum!(
    /// What moves a client from stage to stage.
    Command as ClientCommand {
        Register = "register",
        /// Compliance approved.
        Verify = "verify",
        /// The approval was taken back or ran out.
        Unverify = "unverify",
        /// The first deposit arrived.
        Fund = "fund",
        /// Nothing was heard for the entity's number of days.
        FallAsleep = "fall_asleep",
        /// The client did something again.
        Wake = "wake",
        /// Left for good, or staff gave up.
        Churn = "churn",
    }
);

/// What has happened so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Milestones {
    pub registered: bool,
    pub verified: bool,
    pub funded: bool,
}

impl Milestones {
    /// The stage of somebody who is neither quiet nor gone.
    pub fn stage(self) -> Stage {
        match self {
            Milestones { funded: true, .. } => Stage::Funded,
            Milestones { verified: true, .. } => Stage::Verified,
            Milestones { registered: true, .. } => Stage::Registered,
            _ => Stage::Lead,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    To(Stage, Milestones),
    /// The milestone is new, the stage stays: verified after funded.
    Noted(Milestones),
    /// It was so before; nothing to do.
    Already,
}

/// What a command does in a stage. Refusals name the stage.
pub fn next(stage: Stage, m: Milestones, c: Command) -> Result<Move> {
    use Command as C;
    let refused = |why: &str| Err(Problem::conflict("stage_refused", format!("a client in stage {stage} {why}")));
    let mut after = m;
    let already = match c {
        C::Register => std::mem::replace(&mut after.registered, true),
        C::Verify if !m.registered => return refused("cannot be verified: not registered"),
        C::Verify => std::mem::replace(&mut after.verified, true),
        C::Unverify => !std::mem::replace(&mut after.verified, false),
        C::Fund if !m.registered => return refused("cannot be funded: not registered"),
        C::Fund => std::mem::replace(&mut after.funded, true),
        C::FallAsleep if stage == Stage::Lead => return refused("has no account to sleep on"),
        C::FallAsleep if stage == Stage::Churned => return refused("has left already"),
        C::FallAsleep => {
            return Ok(if stage == Stage::Dormant {
                Move::Already
            } else {
                Move::To(Stage::Dormant, m)
            });
        }
        C::Churn => {
            return Ok(if stage == Stage::Churned {
                Move::Already
            } else {
                Move::To(Stage::Churned, m)
            });
        }
        C::Wake => !matches!(stage, Stage::Dormant | Stage::Churned),
    };
    let asleep = matches!(stage, Stage::Dormant | Stage::Churned);
    // Losing the approval wakes nobody; everything else is a sign of life.
    let to = if asleep && c == C::Unverify { stage } else { after.stage() };
    Ok(match (already && !asleep, to == stage) {
        (true, _) => Move::Already,
        (false, false) => Move::To(to, after),
        (false, true) if after == m => Move::Already,
        (false, true) => Move::Noted(after),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states() -> Vec<(Stage, Milestones)> {
        let m = |registered, verified, funded| Milestones {
            registered,
            verified,
            funded,
        };
        let lives = [
            m(false, false, false),
            m(true, false, false),
            m(true, true, false),
            m(true, true, true),
            m(true, false, true),
        ];
        let mut out: Vec<_> = lives.iter().map(|l| (l.stage(), *l)).collect();
        out.extend(lives[1..].iter().map(|l| (Stage::Dormant, *l)));
        out.extend(lives.iter().map(|l| (Stage::Churned, *l)));
        out
    }

    /// Every stage against every command, as the README shows it.
    fn table() -> String {
        let mut out = String::from("| stage | milestones |");
        for c in Command::ALL {
            out.push_str(&format!(" {c} |"));
        }
        out.push_str("\n| --- | --- |");
        out.push_str(&" --- |".repeat(Command::ALL.len()));
        for (s, m) in states() {
            let text = [(m.registered, "r"), (m.verified, "v"), (m.funded, "f")]
                .iter()
                .map(|(b, t)| if *b { *t } else { "-" })
                .collect::<String>();
            out.push_str(&format!("\n| {s} | {text} |"));
            for c in Command::ALL {
                let cell = match next(s, m, *c) {
                    Ok(Move::To(to, _)) => to.to_string(),
                    Ok(Move::Noted(_)) => "noted".into(),
                    Ok(Move::Already) => "already".into(),
                    Err(_) => "refused".into(),
                };
                out.push_str(&format!(" {cell} |"));
            }
        }
        out
    }

    #[test]
    fn the_readme_shows_every_stage_against_every_command() {
        let readme = include_str!("../README.md");
        assert!(readme.contains(&table()), "put this into README.md:\n{}", table());
    }

    #[test]
    fn a_repeated_command_changes_nothing_and_no_command_forgets_a_deposit() {
        for (s, m) in states() {
            for c in Command::ALL {
                match next(s, m, *c) {
                    Ok(Move::To(s2, m2)) => {
                        assert!(m2.funded || !m.funded);
                        assert_eq!(next(s2, m2, *c).unwrap(), Move::Already, "{s} {c}");
                    }
                    Ok(Move::Noted(m2)) => assert_eq!(next(s, m2, *c).unwrap(), Move::Already, "{s} {c}"),
                    _ => {}
                }
            }
        }
    }
}
