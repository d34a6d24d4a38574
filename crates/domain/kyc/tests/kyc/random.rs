//! Any sequence of commands: nothing approves a case that is not whole.

use crate::tools::*;
use qd_kernel::{Entropy, SeededEntropy};
use qd_kyc::*;
use qd_runtime::access::Caller;
use qd_runtime::tenancy::Class3;
use qd_testkit::TestDb;

const CLIENTS: u64 = 15;
const COMMANDS: u64 = 45;

/// What a willing client and a willing reviewer would do next.
async fn sensible(h: &House, c: &Case, a: &Applicant) -> String {
    let v = h.view(&Caller::system("test"), c).await.unwrap();
    let owner = if v.owner.as_ref().is_some_and(|o| o.name == "Ben Okafor") {
        ben()
    } else {
        anna()
    };
    let fits = |d: &DocumentView| {
        d.detail
            .as_ref()
            .is_some_and(|x| x.mismatches.is_empty() && x.fields != DocumentFields::default())
    };
    let ok = match v.state {
        CaseState::Submitted => h.claim(&owner, c).await.is_ok(),
        CaseState::InReview => match v.documents.iter().find(|d| d.state == DocumentState::Pending) {
            Some(d) if fits(d) => h.accept(&owner, d.id).await.is_ok(),
            Some(d) => h.refuse(&owner, d.id, "name_mismatch", None).await.is_ok(),
            None if v.documents.iter().any(|d| d.state == DocumentState::Rejected) => h.again(&owner, c, vec![]).await.is_ok(),
            None => h.approve(&owner, c).await.is_ok(),
        },
        CaseState::Approved | CaseState::Rejected => h.reopen(&owner, c, &[]).await.is_ok(),
        _ if v.can_submit => h.submit(c, a.clone()).await.is_ok(),
        _ if has(&v.missing, "questionnaire") => h.answer(c, good_answers()).await.is_ok(),
        _ if has(&v.missing, "document.identity") => h.upload(c, "identity", "passport", Side::Single, passport()).await.is_ok(),
        _ => h.upload(c, "address", "utility_bill", Side::Single, bill()).await.is_ok(),
    };
    format!("sensible at {}{}", v.state, if ok { "" } else { " (refused)" })
}

/// One command by chance; refusals are part of it.
async fn act(h: &House, dice: &SeededEntropy, c: &Case, a: &mut Applicant) -> String {
    let docs = h.view(&Caller::system("test"), c).await.unwrap().documents;
    let some_doc = |dice: &SeededEntropy| {
        docs.get(usize::try_from(dice.below(docs.len().max(1) as u64)).unwrap())
            .map(|d| d.id)
    };
    let by = if dice.below(6) == 0 { ben() } else { anna() };
    let (name, ok) = match dice.below(24) {
        0 => (
            "passport",
            h.upload(c, "identity", "passport", Side::Single, passport()).await.is_ok(),
        ),
        1 => (
            "wrong passport",
            h.upload(
                c,
                "identity",
                "passport",
                Side::Single,
                DocumentFields {
                    holder_name: Some("Max Meier".into()),
                    ..passport()
                },
            )
            .await
            .is_ok(),
        ),
        2 => ("front", h.upload(c, "identity", "id_card", Side::Front, passport()).await.is_ok()),
        3 => ("bill", h.upload(c, "address", "utility_bill", Side::Single, bill()).await.is_ok()),
        4 => (
            "old passport",
            h.upload(
                c,
                "identity",
                "passport",
                Side::Single,
                DocumentFields {
                    expires_on: Some(day("2020-01-01")),
                    ..passport()
                },
            )
            .await
            .is_ok(),
        ),
        5 => (
            "answers",
            h.answer(c, if dice.below(2) == 0 { good_answers() } else { bad_answers() })
                .await
                .is_ok(),
        ),
        6 | 7 => ("submit", h.submit(c, a.clone()).await.is_ok()),
        8 | 9 => ("claim", h.claim(&by, c).await.is_ok()),
        10 => ("release", h.release(&by, c).await.is_ok()),
        11..=13 => match some_doc(dice) {
            Some(d) => ("accept", h.accept(&by, d).await.is_ok()),
            None => ("no document", true),
        },
        14 => match some_doc(dice) {
            Some(d) => ("refuse", h.refuse(&by, d, "cropped", None).await.is_ok()),
            None => ("no document", true),
        },
        15 | 19..=23 => ("approve", h.approve(&by, c).await.is_ok()),
        16 => ("again", h.again(&by, c, vec![]).await.is_ok()),
        17 => {
            if dice.below(3) == 0 {
                (
                    "reopen",
                    h.reopen(&by, c, if dice.below(2) == 0 { &[] } else { &["address"] }).await.is_ok(),
                )
            } else {
                ("reject", dice.below(4) == 0 && h.reject(&by, c, "underage").await.is_ok())
            }
        }
        _ => {
            a.name = if dice.below(3) == 0 {
                "Otto Klein".into()
            } else {
                "Alex Müller".into()
            };
            let (id, a) = (c.id, a.clone());
            (
                "rename",
                h.write(async move |tx, core| set_applicant(tx, core, &Caller::system("test"), id, a.clone()).await)
                    .await
                    .is_ok(),
            )
        }
    };
    format!("{name}{}", if ok { "" } else { " (refused)" })
}

qd_testkit::both! {
    async fn no_sequence_of_commands_approves_a_case_with_a_missing_or_rejected_document(t: TestDb) {
        let h = House::new(t).await;
        let dice = SeededEntropy::new(20_261_120);
        let (mut approved, mut by_rule) = (0, 0);
        for n in 0..CLIENTS {
            let entity = if n % 3 == 0 { "intl" } else { "eu" };
            let mut a = applicant(&format!("cli_{n}"), entity, if entity == "eu" { "DE" } else { "AE" });
            let c = h.open(a.clone()).await;
            let mut done = Vec::new();
            let mut before = CaseState::Open;
            for _ in 0..COMMANDS {
                let what = if dice.below(2) == 0 { sensible(&h, &c, &a).await } else { act(&h, &dice, &c, &mut a).await };
                done.push(what);
                let v = h.view(&Caller::system("test"), &c).await.unwrap();
                let gate = h.gate(&c.client_id).await;
                assert_eq!(gate.approved, v.state == CaseState::Approved, "{done:?}");
                if v.state == CaseState::Approved && before != CaseState::Approved {
                    approved += 1;
                    by_rule += i32::from(v.round > 0 && h.who_approved(&anna(), &c.client_id).await.unwrap()[0].automatic);
                    assert!(v.requirements.iter().all(|r| r.state == RequirementState::Accepted), "{done:?}");
                    assert!(v.missing.is_empty(), "{done:?}");
                    let current: Vec<_> = v.documents.iter().filter(|d| d.state == DocumentState::Accepted).collect();
                    assert!(current.iter().all(|d| d.detail.as_ref().unwrap().mismatches.is_empty()), "nobody waived anything: {done:?}");
                    if entity == "eu" {
                        let id = c.client_id.clone();
                        let last = h.t.db.read(async move |tx| answers_of(tx, &anna(), &id, "eu").await).await.unwrap();
                        assert!(last.first().is_some_and(|l| l.assessment.class == Class3::Pass || l.acknowledged_at_us.is_some()), "{done:?}");
                    }
                }
                before = v.state;
            }
        }
        assert!(approved >= 15 && by_rule >= 1, "the walk reaches approvals ({approved}, {by_rule} by rule)");
    }
}
