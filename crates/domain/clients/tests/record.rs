//! The record and everything staff note on it, cut to what each may see.

mod common;
mod store;

use common::*;
use qd_clients::tasks::{self, NewTask, TaskChange, TaskDue};
use qd_clients::timeline::{self, LineFilter};
use qd_clients::*;
use qd_kernel::{PageRequest, Ts};
use qd_runtime::access::{Caller, Role};
use qd_runtime::jobs::{Registry, run_until_idle};
use qd_testkit::TestDb;
use serde_json::json;
use std::sync::Arc;

fn page() -> PageRequest {
    PageRequest::new(None, None).unwrap()
}

async fn step(h: &House, id: ClientId, c: Command, cause: &'static str) -> bool {
    let core = h.core.clone();
    h.t.db
        .write(async move |tx| stage(tx, &core, &Caller::system("test"), id, c, cause).await)
        .await
        .unwrap()
}

qd_testkit::both! {
    async fn a_life_from_form_to_deposit_to_silence_is_listed_step_by_step_with_time_and_cause(t: TestDb) {
        let h = house(t).await;
        h.lead(alex()).await.unwrap();
        let id = h.register(registration("alex.weber@gmail.com")).await.unwrap().client_id;
        assert!(step(&h, id, Command::Verify, "kyc.approved kyc_1").await);
        assert!(!step(&h, id, Command::Verify, "kyc.approved kyc_1").await, "told twice, once done");
        assert!(step(&h, id, Command::Fund, "deposit dep_1").await);
        h.t.clock.advance_secs(91 * 86_400);
        let registry = || Registry::new().every("dormancy", 3_600, Arc::new(Dormancy { core: h.core.clone() }));
        run_until_idle(&h.core, &registry()).await.unwrap();
        assert_eq!(h.find(id).await.stage, Stage::Dormant);
        let core = h.core.clone();
        h.t.db.write(async move |tx| touch_activity(tx, &core, &Caller::system("test"), id, "signed in").await).await.unwrap();
        assert_eq!(h.find(id).await.stage, Stage::Funded);
        let lines = h.t.db.read(async move |tx| stage_history(tx, &Caller::system("test"), id).await).await.unwrap();
        let told: Vec<_> = lines.iter().map(|l| (l.to.as_str(), l.cause.as_str())).collect();
        assert_eq!(
            told,
            [("lead", "form landing"), ("registered", "registration"), ("verified", "kyc.approved kyc_1"), ("funded", "deposit dep_1"), ("dormant", "inactive 90 days"), ("funded", "signed in")]
        );
        assert_eq!(h.events("client.stage_changed").await.len(), 5);
    }

    async fn during_a_call_note_status_and_follow_up_are_one_step_and_the_task_is_in_the_agenda(t: TestDb) {
        let h = house(t).await;
        let taken = h.lead(alex()).await.unwrap();
        let (id, owner) = (taken.client_id, taken.owner_id.unwrap());
        let agent = h.sales(owner, "german");
        let due = h.core.now().plus_days(2);
        let call = NewCall {
            direction: Direction::Out, outcome: CallOutcome::Reached, duration_s: 180, body: "Wants to start with 500".into(),
            status: Some(Status::Interested), follow_up: Some(NewTask { title: "Call again".into(), due_at: due, owner_id: None }),
        };
        let (core, who, c) = (h.core.clone(), agent.clone(), call.clone());
        let (_, task) = h.t.db.write(async move |tx| log_call(tx, &core, &who, id, c.clone()).await).await.unwrap();
        let task = task.unwrap();
        let c = h.find(id).await;
        assert_eq!(c.status, Status::Interested);
        assert!(c.first_response_at.is_some());
        let who = agent.clone();
        let agenda = h.t.db.read(async move |tx| tasks::agenda(tx, &who, None, None, &page()).await).await.unwrap();
        assert_eq!(agenda.items.iter().map(|t| t.id).collect::<Vec<_>>(), [task.id]);
        // Nothing of a call with a wrong follow-up is kept.
        let mut wrong = call.clone();
        wrong.follow_up = Some(NewTask { title: " ".into(), due_at: due, owner_id: None });
        let (core, who) = (h.core.clone(), agent.clone());
        assert!(h.t.db.write(async move |tx| log_call(tx, &core, &who, id, wrong.clone()).await).await.is_err());
        let who = agent.clone();
        assert_eq!(h.t.db.read(async move |tx| calls(tx, &who, id, &page()).await).await.unwrap().items.len(), 1);
        // Due: said once; a moved task is said at its new time only.
        let (core, who) = (h.core.clone(), agent.clone());
        h.t.db.write(async move |tx| tasks::change(tx, &core, &who, task.id, 1, TaskChange::Move { due_at: due.plus_days(1) }).await).await.unwrap();
        let registry = || Registry::new().add(Arc::new(TaskDue { core: h.core.clone() }));
        h.t.clock.set(due.plus_secs(1));
        run_until_idle(&h.core, &registry()).await.unwrap();
        assert_eq!(h.events("task.due").await.len(), 0);
        h.t.clock.set(due.plus_days(1).plus_secs(1));
        run_until_idle(&h.core, &registry()).await.unwrap();
        assert_eq!(h.events("task.due").await[0]["owner_id"], json!(owner));
        let (core, who) = (h.core.clone(), agent.clone());
        let done = h.t.db.write(async move |tx| tasks::change(tx, &core, &who, task.id, 2, TaskChange::Done { outcome: "reached".into() }).await).await.unwrap();
        assert_eq!(done.state, tasks::TaskState::Done);
        let (core, who) = (h.core.clone(), agent.clone());
        assert!(h.t.db.write(async move |tx| tasks::change(tx, &core, &who, task.id, 3, TaskChange::Cancel { reason: String::new() }).await).await.unwrap_err().is("task_closed"));
    }

    async fn a_call_stays_in_the_record_and_the_attempt_to_remove_it_is_in_the_audit(t: TestDb) {
        let h = house(t).await;
        let taken = h.lead(alex()).await.unwrap();
        let (id, agent) = (taken.client_id, h.sales(taken.owner_id.unwrap(), "german"));
        let call = NewCall { direction: Direction::Out, outcome: CallOutcome::NoAnswer, duration_s: 0, body: String::new(), status: None, follow_up: None };
        let (core, who) = (h.core.clone(), agent.clone());
        let (k, _) = h.t.db.write(async move |tx| log_call(tx, &core, &who, id, call.clone()).await).await.unwrap();
        let (core, who) = (h.core.clone(), agent.clone());
        let refusal = h.t.db.write(async move |tx| refuse_call_removal(tx, &core, &who, k.id).await).await.unwrap();
        assert!(refusal.is("call_kept"));
        for script in store::EDIT_HISTORY {
            assert!(h.t.db.run_script(script, script).await.is_err(), "{script}");
        }
        let found = h.t.db.read(async move |tx| {
            qd_runtime::audit::search(tx, &Caller::system("test"), &qd_runtime::audit::AuditFilter { client_id: Some(id.to_string()), ..Default::default() }, &page()).await
        }).await.unwrap();
        assert!(found.items.iter().any(|a| a.action == "call.removal_refused"));
    }

    async fn an_aml_note_exists_for_compliance_and_for_nobody_else(t: TestDb) {
        let h = house(t).await;
        let id = h.lead(alex()).await.unwrap().client_id;
        let compliance = h.staff(Role::Compliance, &["eu"]);
        let support = h.staff(Role::Support, &["eu"]);
        let (core, who) = (h.core.clone(), compliance.clone());
        h.t.db.write(async move |tx| {
            add_note(tx, &core, &who, id, NoteKind::Aml, "Cash salary looks odd").await?;
            add_note(tx, &core, &who, id, NoteKind::General, "Prefers mornings").await
        }).await.unwrap();
        let core = h.core.clone();
        let who = support.clone();
        assert!(h.t.db.write(async move |tx| add_note(tx, &core, &who, id, NoteKind::Aml, "x").await).await.unwrap_err().is("right_missing"));
        let see = async |who: Caller, text: Option<&'static str>| {
            h.t.db.read(async move |tx| {
                let f = LineFilter { text: text.map(str::to_string), ..LineFilter::default() };
                let lines = timeline::list(tx, &who, id, &f, &page()).await?.items;
                let n = if who.may(qd_runtime::access::Right::TimelineView) { notes(tx, &who, id, &page()).await?.items.len() } else { 0 };
                Ok((lines.iter().any(|l| l.kind == "aml_note"), n))
            }).await.unwrap()
        };
        assert_eq!(see(compliance.clone(), None).await, (true, 2));
        assert_eq!(see(compliance, Some("SALARY")).await, (true, 2));
        assert_eq!(see(support.clone(), None).await, (false, 1));
        assert_eq!(see(support, Some("salary")).await, (false, 1), "a search does not leak it either");
        let me = h.client(id, "eu");
        let lines = h.t.db.read(async move |tx| timeline::list(tx, &me, id, &LineFilter::default(), &page()).await).await.unwrap();
        assert!(lines.items.iter().all(|l| l.visibility == timeline::Visibility::Client));
    }

    async fn each_role_sees_as_far_as_its_right_reaches_and_outside_it_nothing_exists(t: TestDb) {
        let h = house(t).await;
        let taken = h.lead(alex()).await.unwrap();
        let id = h.register(registration("alex.weber@gmail.com")).await.unwrap().client_id;
        let owner = taken.owner_id.unwrap();
        let other = *h.german.iter().find(|g| **g != owner).unwrap();
        let look = async |who: Caller| h.t.db.read(async move |tx| view(tx, &who, id).await).await;
        assert!(look(h.sales(owner, "german")).await.is_ok());
        assert!(look(h.sales(other, "german")).await.unwrap_err().is("not_found"));
        assert!(look(h.staff(Role::Compliance, &["eu"])).await.is_ok());
        assert!(look(h.staff(Role::Compliance, &["intl"])).await.unwrap_err().is("not_found"));
        assert!(look(h.client(id, "eu")).await.is_ok());
        assert!(look(h.client(ClientId::new(&h.core.env), "eu")).await.unwrap_err().is("not_found"));
        assert!(look(Caller::public()).await.unwrap_err().is("not_found"));
        let count = async |who: Caller| h.t.db.read(async move |tx| Ok(list(tx, &who, &Filter::default(), Sort::Newest, &page()).await?.items.len())).await.unwrap();
        assert_eq!(count(h.sales(owner, "german")).await, 1);
        assert_eq!(count(h.sales(other, "german")).await, 0);
        assert_eq!(count(Caller::staff(other, "Boss", &[Role::SalesManager], Some("german"), &["eu"])).await, 1);
        assert_eq!(count(h.staff(Role::Compliance, &["intl"])).await, 0);
        // Somebody without the right to contact data reads covers, in the record, lists and profile.
        let finance = h.staff(Role::Finance, &["eu"]);
        if !finance.sees(qd_runtime::access::Mask::Contact) {
            let v = look(finance).await.unwrap();
            assert!(!v.client.email.unwrap().contains('@'));
        }
        let partner = h.staff(Role::PartnerManager, &["eu"]);
        if !partner.sees(qd_runtime::access::Mask::Contact) {
            assert!(!look(partner).await.unwrap().client.phone.unwrap().contains("171"));
        }
    }

    async fn an_edit_from_an_old_version_is_refused_and_each_change_has_before_and_after(t: TestDb) {
        let h = house(t).await;
        let id = h.lead(alex()).await.unwrap().client_id;
        let v = h.find(id).await.version;
        let change = async |version: i64, p: Patch| {
            let (core, who) = (h.core.clone(), h.staff(Role::Support, &["eu"]));

            h.t.db.write(async move |tx| {

                edit(tx, &core, &who, id, version, p.clone(), "asked by telephone").await
            }).await
        };
        let after = change(v, Patch { phone: Some("+49 30 7654321".into()), tags: Some(vec!["VIP list".into(), "vip list".into()]), vip: Some(true), ..Patch::default() }).await.unwrap();
        assert_eq!((after.tags.as_slice(), after.vip, after.version), (&["vip list".to_string()][..], true, v + 1));
        assert!(after.contact_changed_at.is_some());
        assert!(change(v, Patch { vip: Some(false), ..Patch::default() }).await.unwrap_err().is("version_changed"));
        let e = change(v + 1, Patch { birth_date: Some("1990-02-30".into()), ..Patch::default() }).await.unwrap_err();
        assert_eq!(e.fields[0].pointer, "/birth_date");
        let found = h.t.db.read(async move |tx| {
            qd_runtime::audit::search(tx, &Caller::system("test"), &qd_runtime::audit::AuditFilter { client_id: Some(id.to_string()), ..Default::default() }, &page()).await
        }).await.unwrap();
        let row = found.items.iter().find(|a| a.action == "client.changed").unwrap();
        assert_eq!(row.before.as_ref().unwrap()["phone"], "+49 171 1234567");
        assert_eq!(row.after.as_ref().unwrap()["phone"], "+49 30 7654321");
        let by_tag = h.t.db.read(async |tx| {
            let f = Filter { tag: Some("vip list".into()), vip: Some(true), ..Filter::default() };
            list(tx, &Caller::system("test"), &f, Sort::Name, &page()).await
        }).await.unwrap();
        assert_eq!(by_tag.items.len(), 1);
    }

    async fn a_restriction_stops_what_it_names_and_its_reason_is_told_only_where_it_may_be(t: TestDb) {
        let h = house(t).await;
        let id = h.lead(alex()).await.unwrap().client_id;
        let (core, who) = (h.core.clone(), h.staff(Role::Compliance, &["eu"]));
        let r = h.t.db.write(async move |tx| restrictions::restrict(tx, &core, &who, id, restrictions::RestrictionKind::Withdrawals, "Open case 17", false).await).await.unwrap();
        let check = async |k| h.t.db.read(async move |tx| Ok(restrictions::must_be_free(tx, id, k).await)).await.unwrap();
        let e = check(restrictions::RestrictionKind::Withdrawals).await.unwrap_err();
        assert!(e.is("client_restricted") && !e.detail.contains("17"));
        assert!(check(restrictions::RestrictionKind::Deposits).await.is_ok());
        let support = h.staff(Role::Support, &["eu"]);
        let v = h.t.db.read(async move |tx| view(tx, &support, id).await).await.unwrap();
        assert_eq!(v.restrictions.len(), 1);
        assert!(!v.restrictions[0].reason.contains("17"));
        let (core, who) = (h.core.clone(), h.staff(Role::Compliance, &["eu"]));
        h.t.db.write(async move |tx| restrictions::lift(tx, &core, &who, r.id, "cleared").await).await.unwrap();
        assert!(check(restrictions::RestrictionKind::Withdrawals).await.is_ok());
    }

    async fn a_profile_is_saved_step_by_step_taken_up_again_and_locked_once_verified(t: TestDb) {
        let h = house(t).await;
        let id = h.register(registration("alex.weber@gmail.com")).await.unwrap().client_id;
        let me = h.client(id, "eu");
        let save = async |who: Caller, step: &'static str, v: serde_json::Value| {
            let core = h.core.clone();
            h.t.db.write(async move |tx| profile::save_step(tx, &core, &who, id, step, v.as_object().unwrap().clone()).await).await
        };
        let who = me.clone();
        let p = h.t.db.read(async move |tx| profile::profile(tx, &who, id).await).await.unwrap();
        assert_eq!(p.resume.as_deref(), Some("personal"));
        assert_eq!(p.steps[0].missing, ["birth_date", "nationality"], "name and country were typed at registration");
        let e = save(me.clone(), "personal", json!({"birth_date": "2012-01-01", "nationality": "Germany", "shoe": 42})).await.unwrap_err();
        assert_eq!(e.fields.iter().map(|f| (f.pointer.as_str(), f.code.as_str())).collect::<Vec<_>>(),
            [("/values/birth_date", "underage"), ("/values/nationality", "country_malformed"), ("/values/shoe", "field_unknown")]);
        let p = save(me.clone(), "personal", json!({"birth_date": "1990-05-17", "nationality": "de"})).await.unwrap();
        assert_eq!(p.resume.as_deref(), Some("address"));
        let p = save(me.clone(), "address", json!({"street": "Hauptstr. 1"})).await.unwrap();
        assert_eq!((p.resume.as_deref(), p.steps[1].state), (Some("address"), profile::StepState::Partial));
        save(me.clone(), "address", json!({"city": "Berlin", "postal_code": "10115"})).await.unwrap();
        save(me.clone(), "employment", json!({"occupation": "employed", "income_band": "20k_50k", "wealth_band": "under_20k", "source_of_funds": "salary", "pep": false})).await.unwrap();
        let p = save(me.clone(), "tax", json!({"tax_country": "DE", "us_person": false})).await.unwrap();
        assert!(p.complete);
        let (answers, missing) = h.t.db.read(async move |tx| profile::answers(tx, id).await).await.unwrap();
        assert_eq!((answers["occupation"].as_str(), answers["pep"].as_bool(), missing.len()), (Some("employed"), Some(false), 0));
        step(&h, id, Command::Verify, "kyc.approved").await;
        let e = save(me.clone(), "address", json!({"city": "Hamburg"})).await.unwrap_err();
        assert_eq!(e.fields[0].code, "profile_locked");
        save(me, "employment", json!({"occupation": "retired"})).await.unwrap();
        save(h.staff(Role::Compliance, &["eu"]), "address", json!({"city": "Hamburg"})).await.unwrap();
    }

    async fn pages_of_a_list_meet_without_gap_or_repeat_in_every_order(t: TestDb) {
        let h = house(t).await;
        for i in 0..23 {
            let first = ["Zoë", "Émile", "adam", "Bo"][i % 4];
            h.lead(named(first, &format!("N{}", i % 5), &format!("x{i}@example.com"))).await.unwrap();
        }
        for sort in Sort::ALL {
            let mut seen = Vec::new();
            let mut cursor: Option<String> = None;
            loop {
                let (c, sort) = (cursor.clone(), *sort);
                let p = h.t.db.read(async move |tx| list(tx, &Caller::system("test"), &Filter::default(), sort, &PageRequest::new(Some(5), c.as_deref())?).await).await.unwrap();
                seen.extend(p.items.iter().map(|r| r.id));
                cursor = p.next_cursor;
                if cursor.is_none() { break }
            }
            let unique: std::collections::BTreeSet<_> = seen.iter().collect();
            assert_eq!((seen.len(), unique.len()), (23, 23), "{sort}");
        }
        let _ = Ts(0);
    }
}
