//! The appropriateness test: questions with weights, a score, and what a result does. Pure.
//!
//! It asks for knowledge and experience (MiFID II art. 25(3); delegated regulation 2017/565
//! art. 55). The firm must not encourage leaving answers out, so an unanswered required question
//! is an error, and an explicit "prefer not to say" is an option that scores nothing.

use qd_kernel::{Class, Problem, Result, text_enum};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Questionnaire {
    pub code: String,
    pub version: u32,
    pub questions: Vec<Question>,
    /// From the highest `from_score` down; the first one reached counts. One must start at 0.
    pub results: Vec<ResultBand>,
    /// Attempts allowed in 24 hours.
    pub attempts_per_day: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub code: String,
    pub text_key: String,
    /// Several options may be chosen.
    #[serde(default)]
    pub several: bool,
    #[serde(default)]
    pub optional: bool,
    pub options: Vec<AnswerOption>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerOption {
    pub code: String,
    pub text_key: String,
    #[serde(default)]
    pub score: i64,
    /// Choosing it fails the test whatever the score.
    #[serde(default)]
    pub knockout: bool,
}

text_enum!(
    /// What the result means for the client.
    Class3 as AppropriatenessClass {
        Pass = "pass",
        /// Not appropriate: a warning must be shown and confirmed.
        Warn = "warn",
        Block = "block",
    }
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultBand {
    pub from_score: i64,
    pub class: Class3,
    /// Leverage the client may have at most.
    #[serde(default)]
    pub leverage_cap: Option<u32>,
    /// Text that must be shown and confirmed before trading.
    #[serde(default)]
    pub warning_key: Option<String>,
}

/// Question code to chosen option codes.
pub type Answers = BTreeMap<String, Vec<String>>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Assessment {
    pub score: i64,
    pub max_score: i64,
    pub class: Class3,
    pub leverage_cap: Option<u32>,
    pub warning_key: Option<String>,
    /// Points by question, and which ones were knocked out.
    pub by_question: BTreeMap<String, i64>,
    pub knockouts: Vec<String>,
}

impl Questionnaire {
    /// Everything wrong with the definition, by field.
    pub fn check(&self) -> Result<()> {
        let mut p = Problem::new(Class::Invalid, "questionnaire_invalid", "the questionnaire cannot be used");
        let mut wrong = |at: String, expected: &str| {
            p.fields.push(qd_kernel::FieldProblem {
                pointer: at,
                code: "questionnaire".into(),
                expected: expected.into(),
            })
        };
        if self.questions.is_empty() {
            wrong("/questions".into(), "expected at least one question");
        }
        let mut codes = BTreeSet::new();
        for (i, q) in self.questions.iter().enumerate() {
            if !codes.insert(&q.code) {
                wrong(format!("/questions/{i}/code"), "expected each code once");
            }
            let options: BTreeSet<_> = q.options.iter().map(|o| &o.code).collect();
            if q.options.len() < 2 || options.len() != q.options.len() {
                wrong(format!("/questions/{i}/options"), "expected at least two options, each code once");
            }
        }
        if !self.results.iter().any(|r| r.from_score <= 0) {
            wrong("/results".into(), "expected a result for score 0");
        }
        if self.results.windows(2).any(|w| w[0].from_score <= w[1].from_score) {
            wrong("/results".into(), "expected results from the highest score down");
        }
        if p.fields.is_empty() { Ok(()) } else { Err(p) }
    }

    fn max_score(&self) -> i64 {
        self.questions
            .iter()
            .map(|q| {
                let gains = q.options.iter().map(|o| o.score.max(0));
                if q.several { gains.sum() } else { gains.max().unwrap_or(0) }
            })
            .sum()
    }

    /// Scores a complete set of answers; unknown, missing and doubled ones are named by field.
    pub fn assess(&self, answers: &Answers) -> Result<Assessment> {
        let mut p = Problem::new(Class::Invalid, "answers_invalid", "the answers do not fit the questionnaire");
        let mut wrong = |at: String, code: &str, expected: &str| {
            p.fields.push(qd_kernel::FieldProblem {
                pointer: at,
                code: code.into(),
                expected: expected.into(),
            })
        };
        for code in answers.keys().filter(|c| !self.questions.iter().any(|q| q.code == **c)) {
            wrong(
                format!("/answers/{code}"),
                "question_unknown",
                "expected a question of this version",
            );
        }
        let mut by_question = BTreeMap::new();
        let mut knockouts = Vec::new();
        for q in &self.questions {
            let at = format!("/answers/{}", q.code);
            let given = answers.get(&q.code).map(Vec::as_slice).unwrap_or_default();
            if given.is_empty() {
                if !q.optional {
                    wrong(at, "answer_missing", "expected an answer");
                }
                continue;
            }
            if given.len() > 1 && !q.several {
                wrong(at.clone(), "one_answer", "expected one option");
            }
            let mut seen = BTreeSet::new();
            let mut points = 0i64;
            for g in given {
                match q.options.iter().find(|o| o.code == *g) {
                    Some(o) if seen.insert(g) => {
                        points = points.saturating_add(o.score);
                        if o.knockout {
                            knockouts.push(q.code.clone());
                        }
                    }
                    Some(_) => wrong(at.clone(), "answer_twice", "expected each option once"),
                    None => wrong(at.clone(), "option_unknown", "expected an option of this question"),
                }
            }
            by_question.insert(q.code.clone(), points);
        }
        if !p.fields.is_empty() {
            return Err(p);
        }
        let score: i64 = by_question.values().sum();
        let band = if knockouts.is_empty() {
            self.results.iter().find(|r| score >= r.from_score)
        } else {
            None
        };
        // A knocked-out or below-zero score gets the lowest result.
        let band = band
            .or(self.results.last())
            .ok_or_else(|| Problem::bug("questionnaire_without_results", "the questionnaire has no results"))?;
        Ok(Assessment {
            score,
            max_score: self.max_score(),
            class: band.class,
            leverage_cap: band.leverage_cap,
            warning_key: band.warning_key.clone(),
            by_question,
            knockouts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(code: &str, score: i64, knockout: bool) -> AnswerOption {
        AnswerOption {
            code: code.into(),
            text_key: String::new(),
            score,
            knockout,
        }
    }
    fn q() -> Questionnaire {
        Questionnaire {
            code: "cfd".into(),
            version: 1,
            questions: vec![
                Question {
                    code: "years".into(),
                    text_key: String::new(),
                    several: false,
                    optional: false,
                    options: vec![option("none", 0, false), option("three", 5, false)],
                },
                Question {
                    code: "leverage".into(),
                    text_key: String::new(),
                    several: true,
                    optional: false,
                    options: vec![option("loss", 3, false), option("gain", 2, false), option("risk_free", 0, true)],
                },
            ],
            results: vec![
                ResultBand {
                    from_score: 7,
                    class: Class3::Pass,
                    leverage_cap: None,
                    warning_key: None,
                },
                ResultBand {
                    from_score: 0,
                    class: Class3::Warn,
                    leverage_cap: Some(10),
                    warning_key: Some("w".into()),
                },
            ],
            attempts_per_day: 2,
        }
    }
    fn answers(list: &[(&str, &[&str])]) -> Answers {
        list.iter()
            .map(|(q, a)| (q.to_string(), a.iter().map(|s| s.to_string()).collect()))
            .collect()
    }

    #[test]
    fn a_knowing_client_passes_a_beginner_is_warned_and_a_knockout_outweighs_the_score() {
        let q = q();
        q.check().unwrap();
        let pass = q.assess(&answers(&[("years", &["three"]), ("leverage", &["loss"])])).unwrap();
        assert_eq!(
            (pass.score, pass.max_score, pass.class, pass.leverage_cap),
            (8, 10, Class3::Pass, None)
        );
        let warn = q.assess(&answers(&[("years", &["none"]), ("leverage", &["gain"])])).unwrap();
        assert_eq!((warn.class, warn.leverage_cap), (Class3::Warn, Some(10)));
        let out = q
            .assess(&answers(&[("years", &["three"]), ("leverage", &["loss", "gain", "risk_free"])]))
            .unwrap();
        assert_eq!((out.score, out.class), (10, Class3::Warn));
        assert_eq!(out.knockouts, ["leverage"]);
    }

    #[test]
    fn every_wrong_answer_is_named_by_its_question() {
        let e = q()
            .assess(&answers(&[("years", &["three", "none"]), ("shoe_size", &["42"])]))
            .unwrap_err();
        let at: Vec<_> = e.fields.iter().map(|f| (f.pointer.as_str(), f.code.as_str())).collect();
        assert_eq!(
            at,
            [
                ("/answers/shoe_size", "question_unknown"),
                ("/answers/years", "one_answer"),
                ("/answers/leverage", "answer_missing")
            ]
        );
    }
}
