//! Partners in the database: the tree, links and clicks, attribution, plans, rights.

use crate::kit::*;
use crate::tx;
use qd_kernel::{Currency, PageRequest};
use qd_partners::attribution::{self, Model, Registration, ShareState};
use qd_partners::clicks::{self, NewLink, Visit};
use qd_partners::partner::{self, PartnerState};
use qd_partners::{plans, tree};
use qd_testkit::TestDb;
use serde_json::json;

fn reg(client: &str) -> Registration {
    Registration {
        client_id: client.into(),
        entity: "eu".into(),
        ..Registration::default()
    }
}

qd_testkit::both! {
    async fn a_tree_of_twelve_answers_its_path_at_any_day_and_never_closes_into_a_circle(t: TestDb) {
        let mut above = None;
        let mut all = Vec::new();
        for n in 0..12 {
            let p = make(&t, &format!("P{n:02}"), above, Currency::USD, None).await;
            above = Some(p.id);
            all.push(p.id);
        }
        let bottom = all[11];
        let up: Vec<_> = all.iter().rev().copied().collect();
        assert_eq!(t.db.read(async move |tx| tree::path(tx, bottom, day(6, 1)).await).await.unwrap(), up);

        let (top, middle) = (all[0], all[6]);
        let p = tx!(t, |tx, core| tree::move_partner(tx, core, &manager(), top, Some(bottom), day(6, 1), "why not").await).unwrap_err();
        assert_eq!(p.fields[0].code, "tree_cycle");

        // The lower half goes to the top on the first of June: before, the path is the old one.
        tx!(t, |tx, core| tree::move_partner(tx, core, &manager(), middle, None, day(6, 1), "own contract").await).unwrap();
        let (before, after) = t.db.read(async move |tx| Ok((tree::path(tx, bottom, day(5, 31)).await?, tree::path(tx, bottom, day(6, 1)).await?))).await.unwrap();
        assert_eq!(before, up);
        assert_eq!(after, up[..6]);
        // Now the old top may go below the old bottom, from June on; not from May on.
        let p = tx!(t, |tx, core| tree::move_partner(tx, core, &manager(), top, Some(bottom), day(5, 1), "backdated").await).unwrap_err();
        assert_eq!(p.fields[0].code, "tree_cycle");
        tx!(t, |tx, core| tree::move_partner(tx, core, &manager(), top, Some(bottom), day(6, 2), "fine").await).unwrap();
        let p = tx!(t, |tx, core| tree::move_partner(tx, core, &manager(), middle, Some(top), day(7, 1), "circle").await).unwrap_err();
        assert_eq!(p.fields[0].code, "tree_cycle");
        let p = tx!(t, |tx, core| tree::move_partner(tx, core, &manager(), top, None, day(6, 1), "too early").await).unwrap_err();
        assert_eq!(p.fields[0].code, "move_too_early");
        let members = t.db.read(async move |tx| tree::below(tx, &manager(), middle, day(6, 3)).await).await.unwrap();
        assert_eq!((members.len(), members[0].id, members.last().unwrap().level), (12, middle, 11));
    }

    async fn two_moves_at_once_cannot_make_a_circle_between_them(t: TestDb) {
        let (a, b) = (make(&t, "A", None, Currency::USD, None).await.id, make(&t, "B", None, Currency::USD, None).await.id);
        let go = |x, y| {
            let core = t.core.clone();
            tokio::spawn(async move {
                let c = core.clone();
                core.db.write(async move |tx| tree::move_partner(tx, &c, &manager(), x, Some(y), day(3, 1), "at once").await).await
            })
        };
        let (first, second) = (go(a, b), go(b, a));
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        assert!(first.is_ok() != second.is_ok(), "one of the two must be refused");
        let path = t.db.read(async move |tx| tree::path(tx, a, day(4, 1)).await).await.unwrap();
        assert!(path.len() <= 2);
    }

    async fn a_click_is_kept_without_the_person_and_the_cookie_only_with_consent(t: TestDb) {
        let p = make(&t, "Anna", None, Currency::USD, None).await;
        let link = tx!(t, |tx, core| clicks::create_link(tx, core, &manager(), p.id, NewLink { code: Some("anna-de".into()), campaign: Some("spring".into()), landing: "/de/start?x=1#form".into() }).await).unwrap();
        assert_eq!(link.code, "ANNA-DE");
        for bad in ["//evil.example", "http://x.example", "javascript:alert(1)", "/\\evil"] {
            let e = tx!(t, |tx, core| clicks::create_link(tx, core, &manager(), p.id, NewLink { code: None, campaign: None, landing: bad.into() }).await).unwrap_err();
            assert_eq!(e.code, "landing_malformed", "{bad}");
        }
        let visit = |consent, cookie: Option<String>| Visit {
            code: "anna-DE".into(), ip: Some("192.0.2.7".into()), user_agent: Some("Firefox".into()), referrer: Some("https://blog.example/a".into()),
            query: vec![("utm_source".into(), "mail".into()), ("sub1".into(), "x".repeat(400)), ("password".into(), "secret".into())], consent, cookie,
        };
        let v = visit(false, None);
        let without = tx!(t, |tx, core| clicks::visit(tx, core, &key(), &v).await).unwrap();
        assert_eq!(without.redirect, format!("/de/start?x=1&pc=ANNA-DE&click={}#form", without.click_id));
        assert!(without.set_cookie.is_none());
        let v = visit(true, None);
        let first = tx!(t, |tx, core| clicks::visit(tx, core, &key(), &v).await).unwrap();
        let v = visit(true, first.set_cookie.clone());
        let second = tx!(t, |tx, core| clicks::visit(tx, core, &key(), &v).await).unwrap();
        let (a, b) = (key().read_cookie(&first.set_cookie.unwrap()).unwrap(), key().read_cookie(&second.set_cookie.unwrap()).unwrap());
        assert_eq!(a.0, b.0, "the same browser is the same visitor");
        assert_eq!((a.1, b.1), (first.click_id, second.click_id));

        tx!(t, |tx, core| clicks::set_link_active(tx, core, &manager(), link.id, false).await).unwrap();
        let v = visit(true, None);
        assert_eq!(tx!(t, |tx, core| clicks::visit(tx, core, &key(), &v).await).unwrap_err().code, "not_found");
        let links = t.db.read(async move |tx| clicks::links(tx, &manager(), p.id).await).await.unwrap();
        assert_eq!((links[0].clicks, links[0].active), (3, false));
    }

    async fn a_typed_code_beats_the_last_click_and_the_loser_stands_in_the_evidence(t: TestDb) {
        let (anna, ben) = (make(&t, "Anna", None, Currency::USD, None).await.id, make(&t, "Ben", None, Currency::USD, None).await.id);
        for (p, code) in [(anna, "ANNA"), (ben, "BEN")] {
            tx!(t, |tx, core| clicks::create_link(tx, core, &manager(), p, NewLink { code: Some(code.into()), campaign: None, landing: "/start".into() }).await).unwrap();
        }
        let mut cookie = None;
        for code in ["ANNA", "BEN"] {
            let v = Visit { code: code.into(), ip: Some("192.0.2.7".into()), consent: true, cookie: cookie.clone(), ..Visit::default() };
            cookie = tx!(t, |tx, core| clicks::visit(tx, core, &key(), &v).await).unwrap().set_cookie;
            t.clock.advance_secs(3_600);
        }
        let s = register(&t, Registration { cookie: cookie.clone(), code: Some("anna".into()), ip: Some("192.0.2.7".into()), ..reg("cli_1") }).await;
        assert_eq!((s.partner, s.model, s.state), (Some(anna), Model::Code, ShareState::Active));
        let claims = s.evidence["claims"].as_array().unwrap();
        assert_eq!(claims.iter().map(|c| c["won"].as_bool().unwrap()).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(claims[1]["partner"], ben.to_string(), "the last click is the strongest loser");
        assert_eq!(s.evidence["touches"].as_array().unwrap().len(), 2);

        let s = register(&t, Registration { cookie: cookie.clone(), code: Some("nobody".into()), ..reg("cli_2") }).await;
        assert_eq!((s.partner, s.model), (Some(ben), Model::LastClick));
        assert_eq!(s.evidence["left_out"][0]["left_out"], "code_unknown");

        // Locked: a second registration of the same client answers the first decision.
        let again = register(&t, Registration { code: Some("anna".into()), ..reg("cli_2") }).await;
        assert_eq!(again, s);

        t.clock.advance_secs(31 * 86_400);
        let s = register(&t, Registration { cookie, ..reg("cli_3") }).await;
        assert_eq!((s.partner, s.model), (None, Model::None));
        let forged = format!("v1.X.{}.{}", qd_partners::ClickId::from_body(1), "0".repeat(32));
        assert_eq!(register(&t, Registration { cookie: Some(forged), ..reg("cli_4") }).await.partner, None);
        let shown = t.db.read(async |tx| attribution::evidence(tx, &manager(), "cli_1").await).await.unwrap();
        assert_eq!(shown.len(), 1);
    }

    async fn one_who_brings_himself_is_held_with_a_reason_and_a_person_decides(t: TestDb) {
        let p = make(&t, "Anna", None, Currency::USD, None).await.id;
        tx!(t, |tx, core| clicks::create_link(tx, core, &manager(), p, NewLink { code: Some("ANNA".into()), campaign: None, landing: "/start".into() }).await).unwrap();
        let plan = plan(&t, per_lot("8", json!(null))).await;
        on_plan(&t, p, plan, day(1, 1)).await;
        let s = register(&t, Registration { code: Some("ANNA".into()), email: Some(" Anna+trade@Partners.example".into()), ..reg("cli_self") }).await;
        assert_eq!((s.state, s.hold_reason.as_deref(), s.partner), (ShareState::Held, Some("self_referral"), Some(p)));
        let at = t.core.now();
        let e = t.db.read(async move |tx| attribution::eligibility(tx, "cli_self", None, "eu", "DE", at).await).await.unwrap();
        assert_eq!((e.eligible, e.reason_code), (false, "attribution_held"));
        let open = t.db.read(async |tx| {
            let f = qd_runtime::exceptions::Filter { client_id: Some("cli_self".into()), ..Default::default() };
            qd_runtime::exceptions::list(tx, &qd_runtime::access::Caller::system("test"), &f, &PageRequest::new(None, None)?).await
        }).await.unwrap();
        assert_eq!(open.items.len(), 1);
        assert!(!open.items[0].cause.contains('@'), "no personal data in the cause");

        // Held deals pay nothing, and are paid in full once somebody has said yes.
        let at = t.core.now();
        let booked = book(&t, vec![deal("1", "cli_self", "2", at)]).await;
        assert_eq!(format!("{:?}", booked[0]), "Zero { reason: \"attribution_held\" }");
        assert_eq!(owed(&t, p, Currency::USD).await, 0);
        assert_eq!(tx!(t, |tx, core| attribution::decide_hold(tx, core, &sales(), "cli_self", true, "x").await).unwrap_err().code, "right_missing");
        let s = tx!(t, |tx, core| attribution::decide_hold(tx, core, &manager(), "cli_self", true, "two people at one address, papers seen").await).unwrap();
        assert_eq!(s.state, ShareState::Active);
        let n = tx!(t, |tx, core| qd_partners::booking::book_held(tx, core, "cli_self").await).unwrap();
        assert_eq!((n, owed(&t, p, Currency::USD).await), (1, 1_600));
        assert_eq!(tx!(t, |tx, core| qd_partners::booking::book_held(tx, core, "cli_self").await).unwrap(), 0);
        sound(&t).await;
    }

    async fn should_a_partner_earn_on_this_client_is_answered_with_plan_and_reason(t: TestDb) {
        let p = make(&t, "Anna", None, Currency::USD, Some("cli_anna")).await;
        let at = day(3, 1);
        let ask = async |client: &'static str, country: &'static str| {
            let e = t.db.read(async move |tx| attribution::eligibility(tx, client, None, "eu", country, at).await).await.unwrap();
            (e.eligible, e.reason_code, e.plan)
        };
        assert_eq!(ask("cli_1", "DE").await, (false, "no_partner", None));
        give(&t, "cli_1", Some(p.id), day(1, 2)).await;
        give(&t, "cli_anna", Some(p.id), day(1, 2)).await;
        assert_eq!(ask("cli_1", "DE").await, (false, "no_plan", None));
        let mut doc = per_lot("8", json!(null));
        doc["scope"] = json!({"countries": ["DE", "NL"], "forbidden": [{"country": "NL", "source": "AFM"}]});
        let id = plan(&t, doc).await;
        tx!(t, |tx, core| plans::set_default(tx, core, &manager(), Some("eu"), id, day(1, 1), "house plan").await).unwrap();
        let name = Some("8 per lot".to_string());
        assert_eq!(ask("cli_1", "DE").await, (true, "eligible", name.clone()));
        assert_eq!(ask("cli_1", "NL").await, (false, "country_forbidden", name.clone()));
        assert_eq!(ask("cli_1", "FR").await, (false, "plan_out_of_scope", name.clone()));
        assert_eq!(ask("cli_anna", "DE").await, (false, "own_account", name.clone()));
        tx!(t, |tx, core| partner::set_state(tx, core, &manager(), p.id, p.version, PartnerState::Suspended, "complaint").await).unwrap();
        assert_eq!(ask("cli_1", "DE").await, (false, "partner_suspended", name));
    }

    async fn rights_and_entities_hold_and_the_wrong_caller_learns_nothing(t: TestDb) {
        let p = make(&t, "Anna", None, Currency::USD, Some("cli_anna")).await;
        let get = async |caller: qd_runtime::access::Caller| t.db.read(async move |tx| partner::get(tx, &caller, p.id).await).await;
        assert!(get(manager()).await.is_ok());
        assert_eq!(get(sales()).await.unwrap_err().code, "right_missing");
        assert_eq!(get(elsewhere()).await.unwrap_err().code, "not_found");
        let mine = t.db.read(async |tx| partner::mine(tx, &client("cli_anna")).await).await.unwrap();
        assert_eq!(mine.id, p.id);
        assert_eq!(t.db.read(async |tx| partner::mine(tx, &client("cli_bob")).await).await.unwrap_err().code, "not_found");
        let page = PageRequest::new(Some(10), None).unwrap();
        let list = async |caller: qd_runtime::access::Caller, name: Option<&'static str>| {
            let page = page.clone();
            t.db.read(async move |tx| partner::list(tx, &caller, None, name, &page).await).await.unwrap().items.len()
        };
        assert_eq!(list(manager(), None).await, 1);
        assert_eq!(list(manager(), Some("nna")).await, 1);
        assert_eq!(list(manager(), Some("%")).await, 0);
        assert_eq!(list(elsewhere(), None).await, 0);

        // A client applies; the state machine leaves no way around the activation.
        let applied = tx!(t, |tx, core| partner::apply(tx, core, &client("cli_bob"), "Bob", Currency::EUR).await).unwrap();
        assert_eq!(applied.state, PartnerState::Applied);
        let e = tx!(t, |tx, core| clicks::create_my_link(tx, core, &client("cli_bob"), NewLink { code: None, campaign: None, landing: "/start".into() }).await).unwrap_err();
        assert_eq!(e.code, "partner_state");
        let active = tx!(t, |tx, core| partner::set_state(tx, core, &manager(), applied.id, 1, PartnerState::Active, "papers seen").await).unwrap();
        assert_eq!(tx!(t, |tx, core| partner::set_state(tx, core, &manager(), applied.id, 1, PartnerState::Suspended, "stale").await).unwrap_err().code, "version_stale");
        tx!(t, |tx, core| partner::set_state(tx, core, &manager(), active.id, active.version, PartnerState::Terminated, "left").await).unwrap();
        assert_eq!(tx!(t, |tx, core| partner::set_state(tx, core, &manager(), active.id, active.version + 1, PartnerState::Active, "back").await).unwrap_err().code, "partner_state");
    }

    async fn a_plan_is_saved_in_versions_that_never_change_and_the_wrong_one_is_refused(t: TestDb) {
        let id = plan(&t, per_lot("8", json!(null))).await;
        let doc = per_lot("7", json!(null));
        let (_, version) = tx!(t, |tx, core| plans::save(tx, core, &manager(), Some((id, 1)), None, &doc, day(4, 1), "lower").await).unwrap();
        assert_eq!(version, 2);
        let doc = per_lot("9", json!(null));
        assert_eq!(tx!(t, |tx, core| plans::save(tx, core, &manager(), Some((id, 1)), None, &doc, day(4, 1), "stale").await).unwrap_err().code, "version_stale");
        let bad = json!({"format": 1, "name": "x", "currency": "USD", "rules": [{"id": "a", "kind": "per_lot", "rate": "1"}, {"id": "b", "kind": "per_lot", "rate": "2"}]});
        let p = tx!(t, |tx, core| plans::save(tx, core, &manager(), None, Some("eu"), &bad, day(1, 1), "tie").await).unwrap_err();
        assert_eq!((p.code, p.fields[0].pointer.as_str(), p.fields[0].code.as_str()), ("plan_refused", "/rules/1", "rule_tie"));
        let (view, versions) = t.db.read(async move |tx| plans::get(tx, &manager(), id).await).await.unwrap();
        assert_eq!((view.version, versions.len(), versions[1].document["rules"][0]["rate"].as_str()), (2, 2, Some("8")));
        assert_eq!(t.db.read(async move |tx| plans::get(tx, &elsewhere(), id).await).await.unwrap_err().code, "not_found");
        for script in crate::store_tampering::PLAN {
            assert_eq!(t.db.run_script(script, script).await.unwrap_err().code, "db_check", "{script}");
        }
    }
}
