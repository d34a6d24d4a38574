//! Sessions, tokens and passwords: how they end.

mod access_kit;

use access_kit::*;
use qd_kernel::{Clock as _, Secret};
use qd_runtime::access::{Access, Caller, Realm, Right, Role, code_at, holds, logins, staff};
use qd_testkit::{TestDb, both};

const NEW: &str = "a quite different phrase";

async fn reset(a: &Access, realm: Realm, email: &str) -> Option<logins::Reset> {
    let (me, email) = (a.clone(), email.to_string());
    a.core
        .db
        .write(async move |tx| logins::start_reset(tx, &me, &realm, &email).await)
        .await
        .unwrap()
}

both! {
    async fn a_staff_session_ends_when_idle_and_at_its_absolute_end(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Ops]).await;
        let s = enter(&a, "a@x.example").await;
        for _ in 0..3 {
            t.clock.advance_secs(29 * 60);
            caller(&a, &s).await.unwrap();
        }
        t.clock.advance_secs(30 * 60 + 1);
        assert_eq!(refused(caller(&a, &s).await), "session_over");
        let s = enter(&a, "a@x.example").await;
        for _ in 0..25 {
            t.clock.advance_secs(28 * 60);
            caller(&a, &s).await.unwrap();
        }
        t.clock.advance_secs(25 * 60);
        assert_eq!(refused(caller(&a, &s).await), "session_over", "twelve hours are over, used or not");
    }

    async fn a_clients_session_lasts_thirty_days_used_or_not(t: TestDb) {
        let a = open(&t).await;
        client(&a, "northwind", "c@x.example", "cli_1").await.unwrap();
        let s = a.sign_in(at_door(Realm::Brand("northwind".into()), "c@x.example", PASSWORD)).await.unwrap();
        t.clock.advance_secs(29 * 86_400);
        caller(&a, &s).await.unwrap();
        t.clock.advance_secs(86_400);
        assert_eq!(refused(caller(&a, &s).await), "session_over");
    }

    async fn a_token_nobody_issued_opens_nothing(t: TestDb) {
        let a = open(&t).await;
        for token in ["", "qds_", "qds_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Bearer x", "qdt_x", "' OR 1=1 --"] {
            assert_eq!(refused(a.resolve(token, None).await), "session_over", "{token}");
        }
        assert_eq!(refused(a.resolve("qdk_AAAA", None).await), "api_key_unknown");
    }

    async fn signing_out_and_ending_others_work_at_once_here_and_within_seconds_elsewhere(t: TestDb) {
        let a = open(&t).await;
        let elsewhere = Access::open(t.another_node().await, config()).await.unwrap();
        hire(&a, "a@x.example", &[Role::Ops]).await;
        let (one, two, three) = (enter(&a, "a@x.example").await, enter(&a, "a@x.example").await, enter(&a, "a@x.example").await);
        for s in [&one, &two, &three] {
            caller(&a, s).await.unwrap();
            caller(&elsewhere, s).await.unwrap();
        }
        let me = caller(&a, &one).await.unwrap();
        let seen = me.clone();
        let now = t.core.now();
        let list = t.db.read(async move |tx| logins::sessions_of(tx, &seen, now).await).await.unwrap();
        assert_eq!(list.len(), 3);
        let (x, c, id) = (a.clone(), me.clone(), two.session);
        t.db.write(async move |tx| logins::end_session(tx, &x, &c, id).await).await.unwrap();
        assert_eq!(refused(caller(&a, &two).await), "session_over");
        let (x, c) = (a.clone(), me.clone());
        assert_eq!(t.db.write(async move |tx| logins::end_other_sessions(tx, &x, &c).await).await.unwrap(), 1);
        assert_eq!(refused(caller(&a, &three).await), "session_over");
        a.sign_out(&me).await.unwrap();
        assert_eq!(refused(caller(&a, &one).await), "session_over");
        t.clock.advance_secs(5);
        for s in [&one, &two, &three] {
            assert_eq!(refused(caller(&elsewhere, s).await), "session_over");
        }
    }

    async fn nobody_ends_the_session_of_another(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Ops]).await;
        hire(&a, "b@x.example", &[Role::SuperAdmin]).await;
        let (mine, theirs) = (enter(&a, "b@x.example").await, enter(&a, "a@x.example").await);
        let (x, me) = (a.clone(), caller(&a, &mine).await.unwrap());
        let id = theirs.session;
        assert_eq!(refused(t.db.write(async move |tx| logins::end_session(tx, &x, &me, id).await).await), "not_found");
        caller(&a, &theirs).await.unwrap();
    }

    async fn disabling_and_changing_roles_act_at_once(t: TestDb) {
        let a = open(&t).await;
        let id = hire(&a, "a@x.example", &[Role::Finance]).await;
        let s = enter(&a, "a@x.example").await;
        let before = caller(&a, &s).await.unwrap();
        before.require(Right::WithdrawalsApprove).unwrap();
        let v = t.db.read(async move |tx| staff::get(tx, &seed(), id).await).await.unwrap();
        let c = staff::StaffChange { name: v.name, language: v.language, roles: vec![Role::Support], desk: None, entities: vec!["eu".into()], version: v.version, reason: "moves".into() };
        let me = a.clone();
        t.db.write(async move |tx| staff::update(tx, &me, &seed(), id, c.clone()).await).await.unwrap();
        let after = caller(&a, &s).await.unwrap();
        assert_eq!(refused(after.require(Right::WithdrawalsApprove)), "right_missing");
        assert_eq!(after.allowed_entities(), Some(vec!["eu".to_string()]));
        let me = a.clone();
        t.db.write(async move |tx| staff::set_enabled(tx, &me, &seed(), id, false, "left").await).await.unwrap();
        assert_eq!(refused(caller(&a, &s).await), "session_over");
        let me = a.clone();
        t.db.write(async move |tx| staff::set_enabled(tx, &me, &seed(), id, true, "came back").await).await.unwrap();
        assert_eq!(refused(caller(&a, &s).await), "session_over", "the old session stays over");
        enter(&a, "a@x.example").await;
    }

    async fn a_changed_password_ends_other_sessions_and_the_old_one_opens_nothing(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "anna.berg@x.example", &[Role::Ops]).await;
        let (mine, other) = (enter(&a, "anna.berg@x.example").await, enter(&a, "anna.berg@x.example").await);
        let c = caller(&a, &mine).await.unwrap();
        let change = async |old: &str, new: &str| refused(a.change_password(&c, &Secret::new(old), &Secret::new(new)).await);
        assert_eq!(change("wrong", NEW).await, "password_wrong");
        assert_eq!(change(PASSWORD, "short").await, "password_short");
        assert_eq!(change(PASSWORD, "Password1234!").await, "password_common");
        assert_eq!(change(PASSWORD, "anna.berg2026").await, "password_is_name");
        assert_eq!(change(PASSWORD, PASSWORD).await, "password_same");
        assert_eq!(change(PASSWORD, NEW).await, "ok");
        caller(&a, &mine).await.unwrap();
        assert_eq!(refused(caller(&a, &other).await), "session_over");
        assert_eq!(refused(a.sign_in(staff_door("anna.berg@x.example")).await), "sign_in_failed");
        a.sign_in(at_door(Realm::Staff, "anna.berg@x.example", NEW)).await.unwrap();
    }

    async fn a_reset_works_once_in_time_ends_sessions_and_leaves_the_second_factor(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Ops]).await;
        assert!(reset(&a, Realm::Staff, "nobody@x.example").await.is_none());
        let s = enter(&a, "a@x.example").await;
        second_factor(&a, &s).await;
        let first = reset(&a, Realm::Staff, "A@x.example").await.unwrap();
        let second = reset(&a, Realm::Staff, "a@x.example").await.unwrap();
        assert_eq!(refused(a.finish_reset(&first.token, &Secret::new(NEW)).await), "token_invalid", "a newer one went out");
        assert_eq!(refused(a.finish_reset(&second.token, &Secret::new("short")).await), "password_short");
        a.finish_reset(&second.token, &Secret::new(NEW)).await.unwrap();
        assert_eq!(refused(a.finish_reset(&second.token, &Secret::new(NEW)).await), "token_invalid");
        assert_eq!(refused(caller(&a, &s).await), "session_over");
        assert_eq!(refused(a.sign_in(at_door(Realm::Staff, "a@x.example", NEW)).await), "second_factor_required");
        let late = reset(&a, Realm::Staff, "a@x.example").await.unwrap();
        t.clock.advance_secs(3_601);
        assert_eq!(refused(a.finish_reset(&late.token, &Secret::new(NEW)).await), "token_invalid");
    }

    async fn nobodys_mailbox_is_flooded_with_resets(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Ops]).await;
        let mut sent = 0;
        for _ in 0..20 {
            sent += u32::from(reset(&a, Realm::Staff, "a@x.example").await.is_some());
        }
        assert_eq!(sent, 5);
        t.clock.advance_secs(3_601);
        assert!(reset(&a, Realm::Staff, "a@x.example").await.is_some());
    }

    async fn an_invitation_sets_the_first_password(t: TestDb) {
        let a = open(&t).await;
        let me = a.clone();
        let invite = t.db.write(async move |tx| {
            let n = staff::NewStaff { email: "new@x.example".into(), name: "New".into(), language: "en".into(), roles: vec![Role::Sales], desk: None, entities: vec!["eu".into()], password_hash: None, must_change: false };
            let id = staff::create(tx, &me, &seed(), n).await?;
            logins::issue_invite(tx, &me, &seed(), id).await
        }).await.unwrap();
        assert_eq!(refused(a.sign_in(at_door(Realm::Staff, "new@x.example", "")).await), "sign_in_failed", "no password is not an empty one");
        a.finish_reset(&invite.token, &Secret::new(PASSWORD)).await.unwrap();
        enter(&a, "new@x.example").await;
    }

    async fn an_address_is_verified_once_and_only_by_the_mail_sent_to_it(t: TestDb) {
        let a = open(&t).await;
        let id = client(&a, "northwind", "c@x.example", "cli_1").await.unwrap();
        let issue = async || { let me = a.clone(); t.db.write(async move |tx| logins::issue_verification(tx, &me, id).await).await.unwrap() };
        let verify = async |token: &Secret| { let (me, token) = (a.clone(), token.clone()); t.db.write(async move |tx| logins::verify_email(tx, &me, &Caller::system("registration"), &token).await).await };
        let token = issue().await;
        let v = verify(&token).await.unwrap();
        assert!(v.first && v.client_id == "cli_1" && v.entity.as_deref() == Some("eu"));
        assert_eq!(refused(verify(&token).await), "token_invalid");
        let again = issue().await;
        assert!(!verify(&again).await.unwrap().first);
        let stale = issue().await;
        let s = a.sign_in(at_door(Realm::Brand("northwind".into()), "c@x.example", PASSWORD)).await.unwrap();
        let (me, c) = (a.clone(), caller(&a, &s).await.unwrap());
        t.db.write(async move |tx| logins::change_email(tx, &me, &c, "other@x.example").await).await.unwrap();
        assert_eq!(refused(verify(&stale).await), "token_invalid", "it proves the old address");
        let late = issue().await;
        t.clock.advance_secs(3 * 86_400 + 1);
        assert_eq!(refused(verify(&late).await), "token_invalid");
        let views = t.db.read(async |tx| logins::of_client(tx, "cli_1").await).await.unwrap();
        assert_eq!((views[0].email.as_str(), views[0].email_verified_at), ("other@x.example", None));
    }

    async fn only_the_session_of_the_login_that_was_mailed_proves_its_address(t: TestDb) {
        let a = open(&t).await;
        let door = |mail: &str| at_door(Realm::Brand("northwind".into()), mail, PASSWORD);
        let id = client(&a, "northwind", "squat@x.example", "cli_1").await.unwrap();
        client(&a, "northwind", "reader@x.example", "cli_2").await.unwrap();
        let me = a.clone();
        let token = t.db.write(async move |tx| logins::issue_verification(tx, &me, id).await).await.unwrap();
        let verify = async |c: Caller| { let (me, token) = (a.clone(), token.clone()); t.db.write(async move |tx| logins::verify_email(tx, &me, &c, &token).await).await };
        assert_eq!(refused(verify(Caller::public()).await), "token_other_login");
        let reader = a.sign_in(door("reader@x.example")).await.unwrap();
        assert_eq!(refused(verify(caller(&a, &reader).await.unwrap()).await), "token_other_login");
        let own = a.sign_in(door("squat@x.example")).await.unwrap();
        assert!(verify(caller(&a, &own).await.unwrap()).await.unwrap().first, "the tries of others did not use the link up");
    }

    async fn a_reset_of_a_login_nobody_proved_throws_out_whoever_made_it(t: TestDb) {
        let a = open(&t).await;
        let door = |p: &str| at_door(Realm::Brand("northwind".into()), "c@x.example", p);
        client(&a, "northwind", "c@x.example", "cli_1").await.unwrap();
        let squatter = a.sign_in(door(PASSWORD)).await.unwrap();
        let c = caller(&a, &squatter).await.unwrap();
        let e = a.enrol_second_factor(&c).await.unwrap();
        a.confirm_second_factor(&c, &Secret::new(code_at(&e.secret, t.clock.now()).unwrap())).await.unwrap();
        let r = reset(&a, Realm::Brand("northwind".into()), "c@x.example").await.unwrap();
        let ready = a.ready_reset(&r.token, &Secret::new(NEW)).await.unwrap();
        let me = a.clone();
        let done = t.db.write(async move |tx| logins::finish_reset_in(tx, &me, &ready).await).await.unwrap();
        assert!(done.address_proven && done.stranger_before);
        assert_eq!(refused(caller(&a, &squatter).await), "session_over");
        a.sign_in(door(NEW)).await.expect("no second factor of a stranger in the way");
        // From now on it is somebody's: the next reset leaves the second factor where it is.
        let own = a.sign_in(door(NEW)).await.unwrap();
        let c = caller(&a, &own).await.unwrap();
        let e = a.enrol_second_factor(&c).await.unwrap();
        a.confirm_second_factor(&c, &Secret::new(code_at(&e.secret, t.clock.now()).unwrap())).await.unwrap();
        // Neither does it help to change the address first: it was proven once.
        let me = a.clone();
        let c = caller(&a, &own).await.unwrap();
        t.db.write(async move |tx| logins::change_email(tx, &me, &c, "thief@x.example").await).await.unwrap();
        let r = reset(&a, Realm::Brand("northwind".into()), "thief@x.example").await.unwrap();
        a.finish_reset(&r.token, &Secret::new("another long Password 77")).await.unwrap();
        let back = at_door(Realm::Brand("northwind".into()), "thief@x.example", "another long Password 77");
        assert_eq!(refused(a.sign_in(back).await), "second_factor_required");
    }

    async fn an_abandoned_registration_is_the_next_ones_and_a_proven_one_never(t: TestDb) {
        let a = open(&t).await;
        let id = client(&a, "northwind", "c@x.example", "cli_1").await.unwrap();
        let abandoned = async || { let me = a.clone(); t.db.read(async move |tx| logins::abandoned(tx, &me, "northwind", "C@x.example").await).await.unwrap().map(|a| a.0) };
        assert_eq!(abandoned().await, None, "its link still works");
        let old = a.sign_in(at_door(Realm::Brand("northwind".into()), "c@x.example", PASSWORD)).await.unwrap();
        t.clock.advance_secs(3 * 86_400 + 1);
        assert_eq!(abandoned().await, Some(id));
        let hash = a.hash_new_password(&Secret::new(NEW), false, &[]).await.unwrap();
        let me = a.clone();
        t.db.write(async move |tx| logins::take_over(tx, &me, &Caller::public(), id, "Anna", "de", &hash).await).await.unwrap();
        assert_eq!(refused(caller(&a, &old).await), "session_over");
        assert_eq!(refused(a.sign_in(at_door(Realm::Brand("northwind".into()), "c@x.example", PASSWORD)).await), "sign_in_failed");
        a.sign_in(at_door(Realm::Brand("northwind".into()), "c@x.example", NEW)).await.unwrap();
        let me = a.clone();
        let token = t.db.write(async move |tx| logins::issue_verification(tx, &me, id).await).await.unwrap();
        let me = a.clone();
        t.db.write(async move |tx| logins::verify_email(tx, &me, &Caller::system("test"), &token).await).await.unwrap();
        t.clock.advance_secs(30 * 86_400);
        assert_eq!(abandoned().await, None);
    }

    async fn closing_a_client_ends_their_sessions(t: TestDb) {
        let a = open(&t).await;
        client(&a, "northwind", "c@x.example", "cli_9").await.unwrap();
        let door = || at_door(Realm::Brand("northwind".into()), "c@x.example", PASSWORD);
        let s = a.sign_in(door()).await.unwrap();
        caller(&a, &s).await.unwrap();
        let me = a.clone();
        t.db.write(async move |tx| logins::set_enabled(tx, &me, &seed(), "cli_9", false, "closed").await).await.unwrap();
        assert_eq!(refused(caller(&a, &s).await), "session_over");
        assert_eq!(refused(a.sign_in(door()).await), "sign_in_failed");
    }

    async fn a_merge_lays_a_login_to_rest_and_only_the_move_wakes_it_elsewhere(t: TestDb) {
        let a = open(&t).await;
        client(&a, "northwind", "c@x.example", "cli_1").await.unwrap();
        let door = || at_door(Realm::Brand("northwind".into()), "c@x.example", PASSWORD);
        let s = a.sign_in(door()).await.unwrap();
        let me = a.clone();
        let told = t.db.write(async move |tx| holds::hold(tx, &me, &seed(), "dup_1", "cli_1", "cli_9", "same person").await).await.unwrap();
        assert_eq!(told[0].email, "c@x.example");
        assert_eq!(refused(caller(&a, &s).await), "session_over");
        assert_eq!(refused(a.sign_in(door()).await), "sign_in_failed");
        assert!(reset(&a, Realm::Brand("northwind".into()), "c@x.example").await.is_none(), "no way round by a reset");
        // Opening the client's doors opens none that a merge has shut.
        let me = a.clone();
        t.db.write(async move |tx| logins::set_enabled(tx, &me, &seed(), "cli_1", true, "x").await).await.unwrap();
        assert_eq!(refused(a.sign_in(door()).await), "sign_in_failed");
        let asleep = t.clock.now();
        t.clock.advance_secs(60);
        let me = a.clone();
        t.db.write(async move |tx| holds::move_held(tx, &me, &seed(), "dup_1", "checked").await).await.unwrap();
        let moved = a.sign_in(door()).await.unwrap();
        assert_eq!(caller(&a, &moved).await.unwrap().client_id().unwrap(), "cli_9");
        t.clock.advance_secs(60);
        let me = a.clone();
        t.db.write(async move |tx| holds::release(tx, &me, &seed(), "dup_1", "two people").await).await.unwrap();
        assert_eq!(refused(caller(&a, &moved).await), "session_over");
        let back = a.sign_in(door()).await.unwrap();
        assert_eq!(caller(&a, &back).await.unwrap().client_id().unwrap(), "cli_1");
        assert!(t.db.read(async |tx| holds::held(tx, "dup_1").await).await.unwrap().is_empty());
        // And what it was on the way can be read afterwards.
        let then = async |client: &'static str, at| t.db.read(async move |tx| logins::of_client_at(tx, client, at).await).await.unwrap();
        assert_eq!(then("cli_1", asleep).await[0].state, "held");
        assert_eq!(then("cli_9", asleep.plus_secs(90)).await[0].state, "active");
        assert!(then("cli_1", asleep.plus_secs(90)).await.is_empty());
        assert_eq!(then("cli_1", t.clock.now()).await[0].state, "active");
    }
}
