//! Getting in, and not getting in.

mod access_kit;

use access_kit::*;
use qd_kernel::{PageRequest, Secret};
use qd_runtime::access::{AccessConfig, Proof, Realm, Right, Role, Scope, SignIn, Who, logins};
use qd_testkit::{TestDb, both};

both! {
    async fn the_right_password_opens_a_session_that_carries_ones_rights(t: TestDb) {
        let a = open(&t).await;
        let id = hire(&a, "Anna@Northwind.example", &[Role::Sales]).await;
        let s = a.sign_in(SignIn { email: " anna@northwind.EXAMPLE ".into(), ..staff_door("") }).await.unwrap();
        assert!(s.token.expose().starts_with("qds_") && s.token.expose().len() == 47 && s.new_device);
        let c = caller(&a, &s).await.unwrap();
        assert_eq!(c.id(), id.to_string());
        assert_eq!(c.session, Some(s.session));
        assert_eq!(c.require(Right::ClientsView).unwrap(), Scope::Own);
        assert_eq!(refused(c.require(Right::WithdrawalsApprove)), "right_missing");
        assert_eq!(c.desk(), Some("german"));
        assert_eq!(c.ip.as_deref(), Some("192.0.2.1"));
        assert!(!enter(&a, "anna@northwind.example").await.new_device, "the same browser again");
        let other = a.sign_in(SignIn { device: Some("cookie-2".into()), ..staff_door("anna@northwind.example") }).await.unwrap();
        assert!(other.new_device && other.token != s.token);
        let log = t.db.read(async move |tx| logins::sign_ins_of(tx, &c, &PageRequest::new(Some(2), None)?).await).await.unwrap();
        assert_eq!(log.items.iter().map(|r| (r.outcome.as_str(), r.new_device)).collect::<Vec<_>>(), [("ok", true), ("ok", false)]);
        assert!(log.next_cursor.is_some());
    }

    async fn unknown_wrong_disabled_and_resting_are_one_answer(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "root@x.example", &[Role::SuperAdmin]).await;
        let id = hire(&a, "a@x.example", &[Role::Ops]).await;
        assert_eq!(refused(a.sign_in(staff_door("nobody@x.example")).await), "sign_in_failed");
        assert_eq!(refused(a.sign_in(at_door(Realm::Staff, "a@x.example", "wrong")).await), "sign_in_failed");
        assert_eq!(refused(a.sign_in(at_door(Realm::Brand("northwind".into()), "a@x.example", PASSWORD)).await), "sign_in_failed", "staff are no clients");
        let me = a.clone();
        t.db.write(async move |tx| qd_runtime::access::staff::set_enabled(tx, &me, &seed(), id, false, "left").await).await.unwrap();
        assert_eq!(refused(a.sign_in(staff_door("a@x.example")).await), "sign_in_failed");
    }

    async fn an_unknown_address_costs_the_same_work_as_a_known_one(t: TestDb) {
        // With no room for hashing at all, both are told so: both would have hashed.
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Ops]).await;
        let full = open_with(&t, AccessConfig { hash_queue: 0, ..config() }).await;
        assert_eq!(refused(full.sign_in(staff_door("a@x.example")).await), "sign_in_busy");
        assert_eq!(refused(full.sign_in(staff_door("nobody@x.example")).await), "sign_in_busy");
    }

    async fn failures_in_a_row_make_the_login_rest_even_for_the_right_password(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Ops]).await;
        for _ in 0..4 {
            assert_eq!(refused(a.sign_in(at_door(Realm::Staff, "a@x.example", "wrong")).await), "sign_in_failed");
        }
        enter(&a, "a@x.example").await;
        for _ in 0..5 {
            assert_eq!(refused(a.sign_in(at_door(Realm::Staff, "a@x.example", "wrong")).await), "sign_in_failed");
        }
        assert_eq!(refused(a.sign_in(staff_door("a@x.example")).await), "sign_in_failed");
        t.clock.advance_secs(15 * 60);
        enter(&a, "a@x.example").await;
    }

    async fn a_resting_login_does_not_tell_a_right_password_from_a_wrong_one(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Ops]).await;
        let me = caller(&a, &enter(&a, "a@x.example").await).await.unwrap();
        let try_with = async |old: &str| refused(a.change_password(&me, &Secret::new(old), &Secret::new("another good one 7")).await);
        for _ in 0..5 {
            assert_eq!(try_with("wrong").await, "password_wrong");
        }
        assert_eq!((try_with("wrong").await, try_with(PASSWORD).await), ("sign_in_failed", "sign_in_failed"));
    }

    async fn nobody_has_a_mailbox_filled_with_links(t: TestDb) {
        let a = open(&t).await;
        let login = client(&a, "northwind", "alex@x.example", "cli_1").await.unwrap();
        let ask = async || { let me = a.clone(); t.db.write(async move |tx| logins::issue_verification(tx, &me, login).await).await };
        for _ in 0..5 {
            ask().await.unwrap();
        }
        assert_eq!(refused(ask().await), "verification_too_many");
        t.clock.advance_secs(3_601);
        ask().await.unwrap();
    }

    async fn guesses_sent_at_once_are_all_counted(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Ops]).await;
        let tasks: Vec<_> = (0..20).map(|i| {
            let a = a.clone();
            tokio::spawn(async move { refused(a.sign_in(at_door(Realm::Staff, "a@x.example", &format!("guess {i}"))).await) })
        }).collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), "sign_in_failed");
        }
        assert_eq!(refused(a.sign_in(staff_door("a@x.example")).await), "sign_in_failed", "it rests");
    }

    async fn an_address_that_fails_too_often_is_told_to_wait(t: TestDb) {
        let a = open_with(&t, AccessConfig { ip_failures: 3, ..config() }).await;
        hire(&a, "a@x.example", &[Role::Ops]).await;
        for i in 0..3 {
            a.sign_in(staff_door(&format!("guess{i}@x.example"))).await.unwrap_err();
        }
        assert_eq!(refused(a.sign_in(staff_door("a@x.example")).await), "sign_in_too_many");
        a.sign_in(SignIn { ip: Some("192.0.2.99".into()), ..staff_door("a@x.example") }).await.unwrap();
        t.clock.advance_secs(15 * 60 + 1);
        enter(&a, "a@x.example").await;
    }

    async fn one_address_at_two_brands_is_two_logins(t: TestDb) {
        let a = open(&t).await;
        client(&a, "northwind", "alex@mail.example", "cli_1").await.unwrap();
        client(&a, "harbour", "alex@mail.example", "cli_2").await.unwrap();
        let taken = client(&a, "northwind", "Alex@Mail.example", "cli_3").await.unwrap_err();
        assert!(taken.is("login_taken"));
        assert_eq!(taken.fields[0].pointer, "/email");
        let s = a.sign_in(at_door(Realm::Brand("harbour".into()), "alex@mail.example", PASSWORD)).await.unwrap();
        let c = caller(&a, &s).await.unwrap();
        assert_eq!(c.client_id().unwrap(), "cli_2");
        assert!(matches!(&c.who, Who::Client { entity, .. } if entity == "eu"));
        assert_eq!(c.allowed_entities(), Some(vec!["eu".to_string()]));
        assert_eq!(c.require(Right::MeWithdraw).unwrap(), Scope::Own);
        assert_eq!(refused(c.require(Right::ClientsView)), "right_missing");
    }

    async fn a_second_factor_is_asked_for_and_no_code_works_twice(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Finance]).await;
        let first = enter(&a, "a@x.example").await;
        let (seed, _) = second_factor(&a, &first).await;
        let with = |c: Secret| SignIn { code: Some(c), ..staff_door("a@x.example") };
        assert_eq!(refused(a.sign_in(staff_door("a@x.example")).await), "second_factor_required");
        assert_eq!(refused(a.sign_in(SignIn { password: Secret::new("wrong"), ..staff_door("a@x.example") }).await), "sign_in_failed", "the password comes first");
        let now = t.core.now();
        assert_eq!(refused(a.sign_in(with(code(&seed, now))).await), "second_factor_wrong", "the code of the confirmation is spent");
        t.clock.advance_secs(30);
        let fresh = code(&seed, t.core.now());
        a.sign_in(with(fresh.clone())).await.unwrap();
        assert_eq!(refused(a.sign_in(with(fresh)).await), "second_factor_wrong");
        assert_eq!(refused(a.sign_in(with(Secret::new("000000"))).await), "second_factor_wrong");
        t.clock.advance_secs(60);
        // Eight at once with one code: one gets in.
        let c = code(&seed, t.core.now());
        let tasks: Vec<_> = (0..8).map(|_| { let (a, s) = (a.clone(), with(c.clone())); tokio::spawn(async move { a.sign_in(s).await.is_ok() }) }).collect();
        let mut entered = 0;
        for task in tasks {
            entered += u32::from(task.await.unwrap());
        }
        assert_eq!(entered, 1);
    }

    async fn a_recovery_code_works_once(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Finance]).await;
        let first = enter(&a, "a@x.example").await;
        let (_, codes) = second_factor(&a, &first).await;
        assert_eq!(codes.len(), 10);
        let with = |c: &Secret| SignIn { code: Some(c.clone()), ..staff_door("a@x.example") };
        let s = a.sign_in(with(&codes[3])).await.unwrap();
        assert_eq!(refused(a.sign_in(with(&codes[3])).await), "second_factor_wrong");
        a.sign_in(with(&codes[4])).await.unwrap();
        let c = caller(&a, &s).await.unwrap();
        let me = c.clone();
        assert_eq!(t.db.read(async move |tx| logins::second_factor_state(tx, &me).await).await.unwrap(), (true, 8));
        let renewed = a.renew_recovery_codes(&c).await.unwrap();
        assert_eq!(refused(a.sign_in(with(&codes[5])).await), "second_factor_wrong", "the old list is over");
        a.sign_in(with(&renewed[0])).await.unwrap();
    }

    async fn confirming_a_second_factor_ends_other_sessions_and_a_wrong_code_confirms_nothing(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Finance]).await;
        let (mine, other) = (enter(&a, "a@x.example").await, enter(&a, "a@x.example").await);
        let c = caller(&a, &mine).await.unwrap();
        assert_eq!(refused(a.confirm_second_factor(&c, &Secret::new("123456")).await), "second_factor_not_started");
        let e = a.enrol_second_factor(&c).await.unwrap();
        assert!(e.url.expose().starts_with("otpauth://totp/"));
        assert_eq!(refused(a.confirm_second_factor(&c, &Secret::new("000000")).await), "second_factor_wrong");
        enter(&a, "a@x.example").await;
        a.confirm_second_factor(&c, &code(&e.secret, t.core.now())).await.unwrap();
        assert_eq!(refused(caller(&a, &other).await), "session_over");
        caller(&a, &mine).await.unwrap();
        assert_eq!(refused(a.enrol_second_factor(&c).await), "second_factor_in_force");
        a.remove_second_factor(&c).await.unwrap();
        enter(&a, "a@x.example").await;
    }

    async fn staff_without_a_required_second_factor_may_only_enrol_one(t: TestDb) {
        let a = open_with(&t, AccessConfig { staff_second_factor: true, ..config() }).await;
        hire(&a, "a@x.example", &[Role::SuperAdmin]).await;
        client(&a, "northwind", "c@x.example", "cli_1").await.unwrap();
        let s = enter(&a, "a@x.example").await;
        assert!(s.must_enrol_second_factor);
        let c = caller(&a, &s).await.unwrap();
        assert_eq!(refused(c.require(Right::StaffManage)), "right_missing");
        c.require(Right::MeSecurity).unwrap();
        let e = a.enrol_second_factor(&c).await.unwrap();
        a.confirm_second_factor(&c, &code(&e.secret, t.core.now())).await.unwrap();
        caller(&a, &s).await.unwrap().require(Right::StaffManage).unwrap();
        let s = a.sign_in(at_door(Realm::Brand("northwind".into()), "c@x.example", PASSWORD)).await.unwrap();
        caller(&a, &s).await.unwrap().require(Right::MeView).unwrap();
    }

    async fn step_up_goes_stale_and_comes_back_with_a_proof(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Finance]).await;
        let s = enter(&a, "a@x.example").await;
        caller(&a, &s).await.unwrap().require_step_up(t.core.now()).unwrap();
        t.clock.advance_secs(15 * 60 + 1);
        let c = caller(&a, &s).await.unwrap();
        assert_eq!(refused(c.require_step_up(t.core.now())), "step_up_required");
        assert_eq!(refused(a.step_up(&c, Proof::default()).await), "password_missing");
        assert_eq!(refused(a.step_up(&c, Proof { password: Some(Secret::new("wrong")), code: None }).await), "password_wrong");
        a.step_up(&c, password_proof()).await.unwrap();
        let c = caller(&a, &s).await.unwrap();
        c.require_step_up(t.core.now()).unwrap();
        let (seed, _) = second_factor(&a, &s).await;
        assert_eq!(refused(a.step_up(&c, password_proof()).await), "code_missing", "with a second factor, that is the proof");
        assert_eq!(refused(a.step_up(&c, Proof { password: None, code: Some(code(&seed, t.core.now())) }).await), "second_factor_wrong", "spent by the confirmation");
        t.clock.advance_secs(30);
        a.step_up(&c, Proof { password: None, code: Some(code(&seed, t.core.now())) }).await.unwrap();
    }

    async fn guessing_at_the_step_up_locks_like_guessing_at_the_door(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "a@x.example", &[Role::Finance]).await;
        let s = enter(&a, "a@x.example").await;
        let c = caller(&a, &s).await.unwrap();
        for _ in 0..5 {
            a.step_up(&c, Proof { password: Some(Secret::new("wrong")), code: None }).await.unwrap_err();
        }
        assert_eq!(refused(a.step_up(&c, password_proof()).await), "sign_in_failed");
        assert_eq!(refused(a.sign_in(staff_door("a@x.example")).await), "sign_in_failed");
    }
}
