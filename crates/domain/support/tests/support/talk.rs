use crate::house::{code, first, house, staff_of};
use crate::store_tampering::{DROP_MESSAGES, EDIT_MESSAGE};
use qd_clients::timeline::{self, LineFilter};
use qd_kernel::Ts;
use qd_runtime::access::{Caller, Role, StaffId};
use qd_support::{
    Assign, Category, Close, MessageKind, NewTicket, OwnedBy, Priority, QueueFilter, Sort, Then, TicketState, Triage, figures,
};
use qd_testkit::TestDb;

fn question(subject: &str) -> NewTicket {
    NewTicket {
        subject: subject.into(),
        category: Category::Deposit,
        about: None,
        body: "I paid an hour ago.".into(),
        priority: None,
    }
}

qd_testkit::both! {
    async fn a_question_is_answered_reopened_and_closed_with_its_clocks(t: TestDb) {
        let h = house(t).await;
        let (alex, _) = h.client("alex@example.com").await;
        let (me, q) = (alex.clone(), question("Where is my deposit?"));
        let t1 = h.write(async move |tx, core| qd_support::open(tx, core, &me, q.clone()).await).await.unwrap();
        assert_eq!((t1.state, t1.priority, t1.due_at), (TicketState::Open, Priority::Normal, t1.first_reply_due_at));
        assert_eq!(t1.first_reply_due_at.secs_since(t1.created_at), 4 * 3_600);

        h.t.clock.advance_secs(1_800);
        let (sofia, id) = (h.sofia.clone(), t1.id);
        let t2 = h.write(async move |tx, core| qd_support::reply(tx, core, &sofia, id, "Which card was it?", Then::AskClient).await).await.unwrap();
        assert_eq!((t2.state, t2.owner_id), (TicketState::WaitingClient, Some(staff_of(&h.sofia))));
        assert!(t2.first_reply_at.is_some_and(|at| (1_800..1_805).contains(&at.secs_since(t1.created_at))));

        // A day of the client's own is not counted against us.
        h.t.clock.advance_secs(86_400);
        let me = alex.clone();
        let t3 = h.write(async move |tx, core| qd_support::client_reply(tx, core, &me, id, "The blue one.").await).await.unwrap();
        assert_eq!(t3.state, TicketState::WaitingUs);
        assert!((86_400..86_405).contains(&t3.resolve_due_at.secs_since(t1.resolve_due_at)));
        assert_eq!(t3.due_at, t3.resolve_due_at);

        let me = alex.clone();
        let seen = h.write(async move |tx, core| qd_support::my_ticket(tx, core, &me, id).await).await.unwrap();
        assert_eq!(seen.messages.len(), 3);

        let sofia = h.sofia.clone();
        let t4 = h.write(async move |tx, core| qd_support::solve(tx, core, &sofia, id, "answered by telephone").await).await.unwrap();
        assert_eq!(t4.state, TicketState::Solved);
        let me = alex.clone();
        let t5 = h.write(async move |tx, core| qd_support::client_reply(tx, core, &me, id, "Not yet!").await).await.unwrap();
        assert_eq!((t5.state, t5.reopened, t5.solved_at), (TicketState::WaitingUs, 1, None));

        let me = alex.clone();
        h.write(async move |tx, core| qd_support::client_solved(tx, core, &me, id).await).await.unwrap();
        h.t.clock.advance_secs(8 * 86_400);
        // The job itself, without the machinery around it.
        run_close(&h).await;
        let me = alex.clone();
        assert_eq!(code(h.write(async move |tx, core| qd_support::client_reply(tx, core, &me, id, "One more.").await).await), "ticket_state");
        let last = h.write(async move |tx, _| Ok(qd_support::find(tx, id).await?.unwrap())).await.unwrap();
        assert_eq!((last.state, last.messages), (TicketState::Closed, 4));
    }

    async fn each_reads_what_is_theirs_and_what_another_person_has_is_not_taken(t: TestDb) {
        let h = house(t).await;
        let (alex, alex_id) = h.client("alex@example.com").await;
        let (eve, _) = h.client("eve@example.com").await;
        let (me, mut q) = (alex.clone(), question("My IBAN DE89 3704 0044 0532 0130 00"));
        q.body = "Please pay to DE89 3704 0044 0532 0130 00.".into();
        let id = h.write(async move |tx, core| qd_support::open(tx, core, &me, q.clone()).await).await.unwrap().id;

        assert_eq!(code(h.write(async move |tx, core| qd_support::my_ticket(tx, core, &eve, id).await).await), "not_found");
        let sofia = h.sofia.clone();
        h.write(async move |tx, core| qd_support::note(tx, core, &sofia, id, "Check with compliance.").await).await.unwrap();
        let me = alex.clone();
        let mine = h.write(async move |tx, core| qd_support::my_ticket(tx, core, &me, id).await).await.unwrap();
        assert_eq!(mine.messages.len(), 1, "a note is not the client's to read");
        assert!(mine.messages[0].body.contains("DE89"));

        // Support and sales read no account numbers; finance does.
        let finance = Caller::staff(StaffId::from_body(7), "Farid", &[Role::Finance], None, &["eu"]);
        for (who, sees, notes) in [(h.sofia.clone(), false, true), (finance, true, true)] {
            let v = h.write(async move |tx, core| qd_support::view(tx, core, &who, id).await).await.unwrap();
            assert_eq!(v.messages[0].body.contains("DE89"), sees);
            assert_eq!(v.messages.iter().any(|m| m.kind == MessageKind::Note), notes);
            assert_eq!(v.messages[0].by_name, "Alex Weber");
        }
        // Of sales only the client's own agent, and without the notes.
        let other = Caller::staff(StaffId::from_body(3), "Oliver", &[Role::Sales], Some("english"), &["eu"]);
        assert_eq!(code(h.write(async move |tx, core| qd_support::view(tx, core, &other, id).await).await), "not_found");
        let lena = h.lena.clone();
        let v = h.write(async move |tx, core| qd_support::view(tx, core, &lena, id).await).await.unwrap();
        assert!(!v.may_work && v.messages.iter().all(|m| m.kind != MessageKind::Note));
        let lena = h.lena.clone();
        assert_eq!(code(h.write(async move |tx, core| qd_support::reply(tx, core, &lena, id, "Hi", Then::Solve).await).await), "right_missing");
        let lena = h.lena.clone();
        assert_eq!(code(h.write(async move |tx, _| qd_support::queue(tx, &lena, &QueueFilter::default(), Sort::Due, Ts(0), &first()).await).await), "client_needed");

        let (a, b) = (h.sofia.clone(), h.samir.clone());
        h.write(async move |tx, core| qd_support::claim(tx, core, &a, id).await).await.unwrap();
        assert_eq!(code(h.write(async move |tx, core| qd_support::claim(tx, core, &b, id).await).await), "ticket_taken");

        // The timeline finds the words and never holds the account number.
        let sofia = h.sofia.clone();
        let lines = h
            .write(async move |tx, _| {
                let f = LineFilter { text: Some("please pay".into()), ..LineFilter::default() };
                timeline::list(tx, &sofia, alex_id, &f, &first()).await
            })
            .await
            .unwrap();
        assert_eq!(lines.items.len(), 1);
        assert!(!serde_json::to_string(&lines.items).unwrap().contains("DE89"));
    }

    async fn a_hand_over_is_another_person_or_desk_and_the_queue_shows_what_is_due_first(t: TestDb) {
        let h = house(t).await;
        let (alex, alex_id) = h.client("alex@example.com").await;
        let mut ids = Vec::new();
        for s in ["first", "second", "third"] {
            let (me, q) = (alex.clone(), question(s));
            ids.push(h.write(async move |tx, core| qd_support::open(tx, core, &me, q.clone()).await).await.unwrap());
            h.t.clock.advance_secs(60);
        }
        let (sofia, urgent, version) = (h.sofia.clone(), ids[2].id, ids[2].version);
        let change = Triage { version, priority: Some(Priority::Urgent), ..Triage::default() };
        h.write(async move |tx, core| qd_support::triage(tx, core, &sofia, urgent, change.clone()).await).await.unwrap();
        let sofia = h.sofia.clone();
        let now = h.core.now();
        let q = h.write(async move |tx, _| qd_support::queue(tx, &sofia, &QueueFilter::default(), Sort::Due, now, &first()).await).await.unwrap();
        assert_eq!(q.items.iter().map(|r| r.subject.as_str()).collect::<Vec<_>>(), ["third", "first", "second"]);

        let id = ids[0].id;
        let (a, b, to) = (h.sofia.clone(), h.sofia.clone(), staff_of(&h.samir));
        h.write(async move |tx, core| qd_support::claim(tx, core, &a, id).await).await.unwrap();
        h.write(async move |tx, core| qd_support::release(tx, core, &b, id).await).await.unwrap();
        let sofia = h.sofia.clone();
        let t = h.write(async move |tx, core| qd_support::claim(tx, core, &sofia, id).await).await.unwrap();
        assert_eq!(t.handovers, 0, "taking one's own back is no hand-over");
        let sofia = h.sofia.clone();
        let give = Assign { owner_id: Some(to), desk: None, reason: "knows payments".into() };
        let t = h.write(async move |tx, core| qd_support::assign(tx, core, &sofia, id, give.clone()).await).await.unwrap();
        assert_eq!((t.handovers, t.owner_name.as_deref()), (1, Some("Samir")));
        let sofia = h.sofia.clone();
        let give = Assign { owner_id: None, desk: Some("german".into()), reason: String::new() };
        let t = h.write(async move |tx, core| qd_support::assign(tx, core, &sofia, id, give.clone()).await).await.unwrap();
        assert_eq!((t.handovers, t.owner_id, t.desk.as_deref()), (2, None, Some("german")));
        let sofia = h.sofia.clone();
        let nowhere = Assign { owner_id: None, desk: Some("moon".into()), reason: String::new() };
        assert_eq!(code(h.write(async move |tx, core| qd_support::assign(tx, core, &sofia, id, nowhere.clone()).await).await), "desk_unknown");

        // Nobody of the other entity finds them, and filters hold.
        let intl = Caller::staff(StaffId::from_body(9), "Omar", &[Role::Support], None, &["intl"]);
        let none = h.write(async move |tx, _| qd_support::queue(tx, &intl, &QueueFilter::default(), Sort::Newest, now, &first()).await).await.unwrap();
        assert!(none.items.is_empty());
        let sofia = h.sofia.clone();
        let f = QueueFilter { owner: Some(OwnedBy::Nobody), desk: Some("german".into()), client_id: Some(alex_id), ..QueueFilter::default() };
        let one = h.write(async move |tx, _| qd_support::queue(tx, &sofia, &f, Sort::Newest, now, &first()).await).await.unwrap();
        assert_eq!(one.items.len(), 1);
    }

    async fn the_report_names_the_slowest_queue_first_and_counts_against_deposits(t: TestDb) {
        let h = house(t).await;
        let (alex, _) = h.client("alex@example.com").await;
        let from = h.core.now();
        for (s, desk, wait) in [("quick", "english", 60), ("slow", "german", 20_000)] {
            let (me, q) = (alex.clone(), question(s));
            let id = h.write(async move |tx, core| qd_support::open(tx, core, &me, q.clone()).await).await.unwrap().id;
            let sofia = h.sofia.clone();
            let give = Assign { owner_id: None, desk: Some(desk.into()), reason: String::new() };
            h.write(async move |tx, core| qd_support::assign(tx, core, &sofia, id, give.clone()).await).await.unwrap();
            h.t.clock.advance_secs(wait);
            let sofia = h.sofia.clone();
            h.write(async move |tx, core| qd_support::reply(tx, core, &sofia, id, "Done.", Then::Solve).await).await.unwrap();
        }
        let (sofia, until) = (h.sofia.clone(), h.core.now());
        let r = h.write(async move |tx, core| figures::report(tx, &sofia, from, until, core.now(), 300).await).await.unwrap();
        assert_eq!((r.all.opened, r.all.solved, r.all.first_reply_late), (2, 2, 1));
        assert_eq!(r.by_desk[0].key.as_deref(), Some("german"));
        assert!(r.by_desk[0].first_reply_median_s.is_some_and(|s| (20_000..20_005).contains(&s)));
        assert_eq!(r.per_100_deposits.as_deref(), Some("0.67"));
        let lena = h.lena.clone();
        assert_eq!(code(h.write(async move |tx, core| figures::report(tx, &lena, from, until, core.now(), 0).await).await), "scope_too_narrow");
    }

    async fn messages_are_kept_as_they_were_and_a_full_client_is_told(t: TestDb) {
        let h = house(t).await;
        let (alex, _) = h.client("alex@example.com").await;
        for i in 0..20 {
            let (me, q) = (alex.clone(), question(&format!("number {i}")));
            h.write(async move |tx, core| qd_support::open(tx, core, &me, q.clone()).await).await.unwrap();
        }
        let (me, q) = (alex.clone(), question("one more"));
        assert_eq!(code(h.write(async move |tx, core| qd_support::open(tx, core, &me, q.clone()).await).await), "tickets_too_many");
        for script in [EDIT_MESSAGE, DROP_MESSAGES] {
            assert!(h.t.db.run_script(script, script).await.is_err(), "{script}");
        }
        let bad = NewTicket { about: Some("cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V".into()), ..question("about nothing of theirs") };
        let me = alex.clone();
        assert_eq!(code(h.write(async move |tx, core| qd_support::open(tx, core, &me, bad.clone()).await).await), "about_malformed");
    }
}

async fn run_close(h: &crate::house::House) {
    use qd_runtime::jobs::{Registry, run_until_idle};
    let registry = Registry::new().every("tickets.close", 600, std::sync::Arc::new(Close { core: h.core.clone() }));
    run_until_idle(&h.core, &registry).await.unwrap();
}
