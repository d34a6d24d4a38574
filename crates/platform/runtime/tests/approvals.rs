//! Four eyes are four eyes, whatever one person tries, and whoever comes at once.

use qd_kernel::{Amount, Currency, Entropy, PageRequest, Problem, Result, SeededEntropy};
use qd_runtime::Core;
use qd_runtime::access::{ApiKeyId, Caller, LoginId, Right, Role, SessionId, StaffId, Who};
use qd_runtime::approvals::{self, ApprovalId, ApprovalState, NewApproval, Outcome};
use qd_testkit::{TestDb, both};
use serde_json::json;
use std::collections::BTreeSet;

fn person(n: u128) -> Caller {
    Caller::staff(StaffId::from_body(n), &format!("Person {n}"), &[Role::Finance], None, &["eu"])
}

fn two_of(subject: &str) -> NewApproval {
    NewApproval::new(subject, Right::WithdrawalsApprove, 2, "over the limit")
        .amount(Amount::new(1_000_000, Currency::parse("EUR").unwrap()))
        .about("cli_1", Some("eu".into()))
}

async fn ask(core: &Core, caller: &Caller, n: NewApproval) -> Result<ApprovalId> {
    let (c, caller) = (core.clone(), caller.clone());
    core.db
        .write(async move |tx| approvals::request(tx, &c, &caller, n.clone()).await)
        .await
}

async fn vote(core: &Core, caller: &Caller, id: ApprovalId, approve: bool) -> Result<Outcome> {
    let (c, caller) = (core.clone(), caller.clone());
    core.db
        .write(async move |tx| {
            approvals::vote(
                tx,
                &c,
                &caller,
                id,
                approve,
                "looked at it",
                json!({ "balance_minor": 5, "note": "as shown" }),
            )
            .await
        })
        .await
}

async fn look(core: &Core, caller: &Caller, id: ApprovalId) -> approvals::ApprovalView {
    let caller = caller.clone();
    core.db.read(async move |tx| approvals::get(tx, &caller, id).await).await.unwrap()
}

fn code<T: std::fmt::Debug>(r: Result<T>) -> &'static str {
    r.map_err(|p: Problem| p.code).unwrap_err()
}

both! {
    async fn two_people_make_it_and_each_name_time_and_view_is_kept(t: TestDb) {
        let id = ask(&t.core, &Caller::system("rule:withdrawal.over_limit"), two_of("withdrawal:1")).await.unwrap();
        assert_eq!(code(ask(&t.core, &person(9), two_of("withdrawal:1")).await), "approval_waiting");
        assert!(look(&t.core, &person(1), id).await.may_vote);
        assert_eq!(vote(&t.core, &person(1), id, true).await.unwrap(), Outcome::Waiting { given: 1, needed: 2 });
        assert!(!look(&t.core, &person(1), id).await.may_vote);
        assert_eq!(vote(&t.core, &person(2), id, true).await.unwrap(), Outcome::Approved);
        assert_eq!(code(vote(&t.core, &person(3), id, true).await), "approval_ended");
        assert_eq!(code(vote(&t.core, &person(3), id, false).await), "approval_ended");
        let v = look(&t.core, &person(3), id).await;
        assert_eq!((v.state, v.given, v.amount_minor), (ApprovalState::Approved, 2, Some(1_000_000)));
        let names: Vec<&str> = v.votes.iter().map(|v| v.voter_label.as_str()).collect();
        assert_eq!(names, ["Person 1", "Person 2"]);
        assert!(v.votes[0].at < v.votes[1].at);
        assert_eq!(v.votes[0].seen["balance_minor"], json!(5));
        // The next round for the same thing is a new approval.
        ask(&t.core, &person(9), two_of("withdrawal:1")).await.unwrap();
        let all = t.db.read(async |tx| approvals::of_subject(tx, &person(1), "withdrawal:1").await).await.unwrap();
        assert_eq!(all.iter().map(|a| a.state).collect::<Vec<_>>(), [ApprovalState::Waiting, ApprovalState::Approved]);
    }

    async fn who_may_not_look_at_withdrawals_sees_no_vote_on_them_and_who_does_not_decide_not_why(t: TestDb) {
        let id = ask(&t.core, &Caller::system("rule:withdrawal.over_limit"), two_of("withdrawal:1")).await.unwrap();
        vote(&t.core, &person(1), id, true).await.unwrap();
        let of = |role| Caller::staff(StaffId::from_body(7), "P", &[role], None, &["eu"]);
        let listed = async |c: Caller| t.db.read(async move |tx| approvals::list(tx, &c, ApprovalState::Waiting, &PageRequest::new(None, None)?).await).await.unwrap().items.len();
        assert_eq!((listed(of(Role::PartnerManager)).await, listed(of(Role::Ops)).await, listed(of(Role::Finance)).await), (0, 1, 1));
        let c = of(Role::PartnerManager);
        assert_eq!(code(t.db.read(async move |tx| approvals::get(tx, &c, id).await).await), "not_found");
        let covered = qd_runtime::access::mask::COVERED;
        let ops = look(&t.core, &of(Role::Ops), id).await;
        assert_eq!((ops.reason.as_str(), &ops.votes[0].seen), (covered, &json!(covered)));
        assert_eq!(look(&t.core, &of(Role::Finance), id).await.reason, "over the limit");
    }

    async fn no_way_lets_one_person_give_two_of_two(t: TestDb) {
        let id = ask(&t.core, &person(9), two_of("withdrawal:2")).await.unwrap();
        let one = person(1);
        assert!(matches!(vote(&t.core, &one, id, true).await.unwrap(), Outcome::Waiting { .. }));
        let mut elsewhere = one.clone().from_ip(Some("198.51.100.4".into()));
        elsewhere.session = Some(SessionId::from_body(2));
        elsewhere.device = Some("dev_other".into());
        let renamed = Caller::staff(StaffId::from_body(1), "Another Name", &[Role::Compliance], None, &["*"]);
        let mut key = one.clone();
        key.who = Who::ApiKey { id: ApiKeyId::from_body(1), name: "Person 1's key".into(), entity: Some("eu".into()) };
        let mut client = one.clone();
        client.who = Who::Client { login: LoginId::from_body(1), client: "cli_1".into(), entity: "eu".into() };
        for (what, caller, expected) in [
            ("again", &one, "approval_same_person"),
            ("from another session and place", &elsewhere, "approval_same_person"),
            ("in another role, under another name", &renamed, "approval_same_person"),
            ("with a key", &key, "person_required"),
            ("as a client with borrowed rights", &client, "person_required"),
            ("as a rule", &Caller::system("rule:any"), "person_required"),
            ("as nobody", &Caller::public(), "person_required"),
            ("as the one who asked", &person(9), "approval_own_request"),
        ] {
            assert_eq!(code(vote(&t.core, caller, id, true).await), expected, "{what}");
        }
        let v = look(&t.core, &one, id).await;
        assert_eq!((v.state, v.given, v.votes.len()), (ApprovalState::Waiting, 1, 1));
        // A no after one's own yes is a second vote as well.
        assert_eq!(code(vote(&t.core, &one, id, false).await), "approval_same_person");
    }

    async fn the_one_who_asks_may_be_one_of_two_only_when_told_so(t: TestDb) {
        let id = ask(&t.core, &person(1), NewApproval { requester_may_vote: true, ..two_of("withdrawal:3") }).await.unwrap();
        assert!(matches!(vote(&t.core, &person(1), id, true).await.unwrap(), Outcome::Waiting { .. }));
        assert_eq!(code(vote(&t.core, &person(1), id, true).await), "approval_same_person");
        assert_eq!(vote(&t.core, &person(2), id, true).await.unwrap(), Outcome::Approved);
    }

    async fn one_no_ends_it_and_needs_a_reason(t: TestDb) {
        let id = ask(&t.core, &person(9), two_of("withdrawal:4")).await.unwrap();
        vote(&t.core, &person(1), id, true).await.unwrap();
        let c = t.core.clone();
        let silent = t.db.write(async move |tx| approvals::vote(tx, &c, &person(2), id, false, " ", json!({})).await).await;
        assert_eq!(code(silent), "reason_missing");
        assert_eq!(vote(&t.core, &person(2), id, false).await.unwrap(), Outcome::Refused);
        assert_eq!(code(vote(&t.core, &person(3), id, true).await), "approval_ended");
    }

    async fn a_vote_needs_the_right_in_the_entity_and_a_fresh_proof(t: TestDb) {
        let id = ask(&t.core, &person(9), two_of("withdrawal:5")).await.unwrap();
        let sales = Caller::staff(StaffId::from_body(1), "S", &[Role::Sales], None, &["eu"]);
        let abroad = Caller::staff(StaffId::from_body(2), "F", &[Role::Finance], None, &["intl"]);
        let stale = Caller { step_up_until: Some(t.core.now().plus_secs(-1)), ..person(3) };
        assert_eq!(code(vote(&t.core, &sales, id, true).await), "right_missing");
        assert_eq!(code(vote(&t.core, &abroad, id, true).await), "not_found");
        assert_eq!(code(vote(&t.core, &stale, id, true).await), "step_up_required");
        assert_eq!(code(vote(&t.core, &person(1), ApprovalId::from_body(1), true).await), "not_found");
        assert_eq!(look(&t.core, &person(1), id).await.votes.len(), 0);
        let waiting = t.db.read(async move |tx| approvals::list(tx, &abroad, ApprovalState::Waiting, &PageRequest::new(None, None)?).await).await.unwrap();
        assert!(waiting.items.is_empty());
    }

    async fn it_ends_by_time_and_when_its_thing_goes_away(t: TestDb) {
        let until = t.core.now().plus_secs(60);
        let late = ask(&t.core, &person(9), NewApproval { expires_at: Some(until), ..two_of("withdrawal:6") }).await.unwrap();
        let gone = ask(&t.core, &person(9), two_of("withdrawal:7")).await.unwrap();
        t.clock.advance_secs(61);
        assert_eq!(code(vote(&t.core, &person(1), late, true).await), "approval_ended");
        let c = t.core.clone();
        let due = t.db.write(async move |tx| approvals::expire_due(tx, &c, c.now()).await).await.unwrap();
        assert_eq!(due, [(late, "withdrawal:6".to_string())]);
        let c = t.core.clone();
        t.db.write(async move |tx| approvals::cancel(tx, &c, &person(9), gone, "the client changed their mind").await).await.unwrap();
        assert_eq!(look(&t.core, &person(1), late).await.state, ApprovalState::Expired);
        assert_eq!(look(&t.core, &person(1), gone).await.state, ApprovalState::Cancelled);
        assert_eq!(code(vote(&t.core, &person(1), gone, true).await), "approval_ended");
        assert_eq!(code(ask(&t.core, &person(9), NewApproval { needed: 6, ..two_of("x:1") }).await), "needed_out_of_range");
        assert_eq!(code(ask(&t.core, &person(9), NewApproval { needed: 0, ..two_of("x:1") }).await), "needed_out_of_range");
    }

    async fn thirty_two_votes_at_once_count_exactly_as_many_as_were_needed(t: TestDb) {
        let other = t.another_node().await;
        for needed in [1, 2, 5] {
            let id = ask(&t.core, &person(99), NewApproval { needed, ..two_of(&format!("withdrawal:many{needed}")) }).await.unwrap();
            let tasks: Vec<_> = (0..32)
                .map(|i| {
                    let core = if i % 2 == 0 { t.core.clone() } else { other.clone() };
                    // Each of sixteen people twice.
                    tokio::spawn(async move { vote(&core, &person(i / 2), id, true).await })
                })
                .collect();
            let mut approved = 0;
            let mut waiting = 0;
            for task in tasks {
                match task.await.unwrap() {
                    Ok(Outcome::Approved) => approved += 1,
                    Ok(Outcome::Waiting { .. }) => waiting += 1,
                    Ok(Outcome::Refused) => panic!("nobody refused"),
                    Err(p) => assert!(p.is("approval_ended") || p.is("approval_same_person"), "{p}"),
                }
            }
            assert_eq!((approved, waiting), (1, needed - 1));
            let v = look(&t.core, &person(1), id).await;
            let people: BTreeSet<&str> = v.votes.iter().map(|v| v.voter_id.as_str()).collect();
            assert_eq!((v.given, people.len()), (needed, usize::try_from(needed).unwrap()));
        }
    }

    async fn whatever_order_people_vote_in_the_outcome_is_that_of_the_model(t: TestDb) {
        let chance = SeededEntropy::new(11);
        for round in 0..60 {
            let needed = u32::try_from(1 + chance.below(3)).unwrap();
            let requester = u128::from(chance.below(4));
            let may = chance.below(2) == 1;
            let n = NewApproval { needed, requester_may_vote: may, ..two_of(&format!("withdrawal:r{round}")) };
            let id = ask(&t.core, &person(requester), n).await.unwrap();
            let (mut yes, mut over): (BTreeSet<u128>, Option<ApprovalState>) = (BTreeSet::new(), None);
            for _ in 0..8 {
                let who = u128::from(chance.below(4));
                let approve = chance.below(6) > 0;
                let got = vote(&t.core, &person(who), id, approve).await;
                if over.is_some() {
                    assert_eq!(code(got), "approval_ended");
                } else if who == requester && !may {
                    assert_eq!(code(got), "approval_own_request");
                } else if yes.contains(&who) {
                    assert_eq!(code(got), "approval_same_person");
                } else if !approve {
                    assert_eq!(got.unwrap(), Outcome::Refused);
                    over = Some(ApprovalState::Refused);
                } else {
                    yes.insert(who);
                    let given = u32::try_from(yes.len()).unwrap();
                    if given == needed {
                        over = Some(ApprovalState::Approved);
                        assert_eq!(got.unwrap(), Outcome::Approved);
                    } else {
                        assert_eq!(got.unwrap(), Outcome::Waiting { given, needed });
                    }
                }
            }
            assert_eq!(look(&t.core, &person(1), id).await.state, over.unwrap_or(ApprovalState::Waiting));
        }
    }
}
