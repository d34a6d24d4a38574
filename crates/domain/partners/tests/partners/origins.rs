//! Where clients come from: models and locks, claims with their evidence, signs of self-referral,
//! partners who leave, material, funnels.

use crate::kit::*;
use crate::tx;
use qd_kernel::{Currency, PageRequest, Result};
use qd_partners::attribution::{self, ClaimState, Milestone, Model, NewClaim, Registration, Rule, ShareState, Verdict};
use qd_partners::clicks::{self, ClickOutcome, NewLink, Visit};
use qd_partners::funnel::{self, By};
use qd_partners::material::{self, MaterialFilter, MaterialKind};
use qd_partners::partner::{self, PartnerState};
use qd_partners::signals::{self, CaseState, Mark, SignalKind};
use qd_partners::{PartnerId, booking};
use qd_runtime::access::{Caller, Role, StaffId};
use qd_runtime::jobs::{self, Registry};
use qd_runtime::settings;
use qd_testkit::TestDb;
use serde_json::{Value, json};
use std::sync::Arc;

fn second_manager() -> Caller {
    Caller::staff(StaffId::from_body(11), "Pavel", &[Role::PartnerManager], None, &["eu"])
}

async fn rules(t: &TestDb, value: Value) {
    tx!(t, |tx, core| {
        let version = settings::find(tx, "entity:eu", "attribution").await?.map_or(0, |s| s.version);
        settings::put(tx, core, &Caller::system("test"), "entity:eu", "attribution", version, &value, "").await
    })
    .unwrap();
}

async fn linked(t: &TestDb, name: &str, client: Option<&str>) -> PartnerId {
    let p = make(t, name, None, Currency::USD, client).await.id;
    let new = NewLink {
        code: Some(name.into()),
        campaign: None,
        landing: "/start".into(),
    };
    tx!(t, |tx, core| clicks::create_link(tx, core, &manager(), p, new.clone()).await).unwrap();
    p
}

/// A click of one browser; from a page with `sub1`, or from nowhere.
async fn click(t: &TestDb, code: &str, cookie: &mut Option<String>, sub: Option<&str>) -> clicks::Visited {
    let v = Visit {
        code: code.into(),
        ip: Some("192.0.2.7".into()),
        user_agent: Some("Mozilla/5.0 (iPhone) Safari/600".into()),
        referrer: sub.map(|_| "https://blog.example/a".to_string()),
        query: sub.map(|s| vec![("sub1".to_string(), s.to_string())]).unwrap_or_default(),
        consent: true,
        cookie: cookie.clone(),
    };
    let done = tx!(t, |tx, core| clicks::visit(tx, core, &key(), &v).await).unwrap();
    *cookie = done.set_cookie.clone();
    t.clock.advance_secs(600);
    done
}

fn reg(client: &str, cookie: &Option<String>) -> Registration {
    Registration {
        client_id: client.into(),
        entity: "eu".into(),
        brand: "northwind".into(),
        cookie: cookie.clone(),
        ip: Some("192.0.2.7".into()),
        user_agent: Some("Mozilla/5.0 (iPhone) Safari/600".into()),
        ..Registration::default()
    }
}

async fn reach(t: &TestDb, client: &'static str, step: Milestone) -> Option<attribution::Share> {
    tx!(t, |tx, core| {
        let now = core.now();
        attribution::reached(tx, core, &key(), client, step, now).await
    })
    .unwrap()
}

async fn look(t: &TestDb, client: &'static str, marks: Vec<Mark>) {
    tx!(t, |tx, core| signals::observe(tx, core, &key(), client, &marks).await).unwrap();
}

async fn share(t: &TestDb, client: &'static str) -> attribution::Share {
    let all =
        t.db.read(async move |tx| attribution::evidence(tx, &manager(), client).await)
            .await
            .unwrap();
    all.into_iter().next_back().unwrap()
}

async fn evidence(t: &TestDb, client: &'static str) -> attribution::Evidence {
    t.db.read(async move |tx| attribution::evidence_of(tx, &key(), &manager(), client).await)
        .await
        .unwrap()
}

async fn file(t: &TestDb, p: PartnerId, by: Caller, client: &'static str) -> Result<attribution::Claim> {
    tx!(t, |tx, core| {
        let new = NewClaim {
            named: client.into(),
            client: client.starts_with("cli_").then(|| (client.to_string(), "eu".to_string())),
            evidence: "signed form of 3 March".into(),
            file_id: None,
        };
        let partner = by.client_id().is_err().then_some(p);
        attribution::file_claim(tx, core, &by, partner, new).await
    })
}

fn yes(reason: &str) -> Verdict {
    Verdict {
        accept: true,
        reason: reason.into(),
        from_us: None,
        despite_late: false,
        client_id: None,
    }
}

qd_testkit::both! {
    async fn the_entitys_model_decides_over_the_same_touches_and_each_says_by_what(t: TestDb) {
        let (anna, ben, cleo) = (linked(&t, "ANNA", None).await, linked(&t, "BEN", None).await, linked(&t, "CLEO", None).await);
        let mut cookie = None;
        click(&t, "ANNA", &mut cookie, Some("a")).await;
        click(&t, "BEN", &mut cookie, Some("b")).await;
        click(&t, "CLEO", &mut cookie, None).await;
        let table = [
            ("first", None, Some(anna), Model::FirstClick),
            ("last", None, Some(cleo), Model::LastClick),
            ("last_non_direct", None, Some(ben), Model::LastNonDirect),
            ("code_before_cookie", None, Some(cleo), Model::LastClick),
            ("code_before_cookie", Some("anna"), Some(anna), Model::Code),
            ("last", Some("anna"), Some(anna), Model::Code),
            ("first", Some("ben"), Some(anna), Model::FirstClick),
            ("manual", Some("anna"), None, Model::None),
        ];
        for (n, (model, code, want, how)) in table.into_iter().enumerate() {
            rules(&t, json!({"model": model})).await;
            let r = Registration { code: code.map(str::to_string), ..reg(&format!("cli_{n}"), &cookie) };
            let s = register(&t, r).await;
            assert_eq!((s.partner, s.model), (want, how), "{model} {code:?}");
        }
        // Ten days are over: no click counts; without consent there is the code only.
        rules(&t, json!({"model": "last", "cookie_days": 10})).await;
        t.clock.advance_secs(11 * 86_400);
        assert_eq!(register(&t, reg("cli_late", &cookie)).await.partner, None);
        let s = register(&t, Registration { code: Some("BEN".into()), ..reg("cli_code", &None) }).await;
        assert_eq!((s.partner, s.model), (Some(ben), Model::Code));
    }

    async fn until_the_lock_a_later_touch_still_counts_and_after_it_none_does(t: TestDb) {
        let (anna, ben) = (linked(&t, "ANNA", None).await, linked(&t, "BEN", None).await);
        rules(&t, json!({"model": "last", "lock": "ftd"})).await;
        let mut cookie = None;
        click(&t, "ANNA", &mut cookie, Some("a")).await;
        assert_eq!(register(&t, reg("cli_1", &cookie)).await.partner, Some(anna));
        t.clock.advance_secs(3_600);
        assert!(reach(&t, "cli_1", Milestone::KycApproved).await.is_none());
        click(&t, "BEN", &mut cookie, Some("b")).await;
        let moved = reach(&t, "cli_1", Milestone::Ftd).await.unwrap();
        assert_eq!((moved.partner, moved.model), (Some(ben), Model::LastClick));
        click(&t, "ANNA", &mut cookie, Some("a")).await;
        assert!(reach(&t, "cli_1", Milestone::Ftd).await.is_none(), "a first deposit comes once");
        let e = evidence(&t, "cli_1").await;
        assert_eq!((e.shares.len(), e.shares[0].partner, e.shares[1].partner), (2, Some(anna), Some(ben)));
        assert_eq!(e.shares[0].to_at, Some(e.shares[1].from_at), "dated, without a gap");
        // What a person decided, a lock does not undo.
        register(&t, reg("cli_2", &cookie)).await;
        t.clock.advance_secs(60);
        let at = t.core.now();
        give(&t, "cli_2", Some(ben), at).await;
        t.clock.advance_secs(60);
        assert!(reach(&t, "cli_2", Milestone::Ftd).await.is_none());
        assert_eq!(share(&t, "cli_2").await.partner, Some(ben));
    }

    async fn two_partners_claim_a_client_and_a_third_person_decides_with_everything_in_sight(t: TestDb) {
        let (anna, ben) = (linked(&t, "ANNA", Some("cli_anna")).await, linked(&t, "BEN", Some("cli_ben")).await);
        let mut cookie = None;
        click(&t, "ANNA", &mut cookie, Some("a")).await;
        click(&t, "BEN", &mut cookie, Some("b")).await;
        assert_eq!(register(&t, reg("cli_1", &cookie)).await.partner, Some(ben));
        register(&t, reg("cli_near", &None)).await;
        let mine = file(&t, anna, client("cli_anna"), "cli_1").await.unwrap();
        assert_eq!((mine.client_id.as_deref(), mine.state), (None, ClaimState::Open), "a partner does not learn whether such a client exists");
        let nobody = file(&t, anna, client("cli_anna"), "nobody@example.org").await.unwrap();
        assert_eq!((nobody.client_id, nobody.late, nobody.state), (mine.client_id.clone(), mine.late, mine.state));
        assert_eq!(file(&t, anna, client("cli_anna"), "cli_1").await.unwrap_err().code, "claim_open");
        file(&t, ben, manager(), "cli_1").await.unwrap();

        let e = evidence(&t, "cli_1").await;
        assert_eq!(e.touches.iter().map(|x| (x.partner, x.code.as_deref(), x.known_by, x.same_address)).collect::<Vec<_>>(),
            [(anna, Some("ANNA"), "browser", true), (ben, Some("BEN"), "browser", true)]);
        assert_eq!(e.touches[0].device.as_deref(), Some("mobile safari"));
        assert_eq!(e.claims.len(), 2);
        let says: Vec<(Rule, Option<PartnerId>, bool)> = e.models.iter().map(|m| (m.rule, m.partner, m.in_force)).collect();
        assert_eq!(says, [(Rule::First, Some(anna), false), (Rule::Last, Some(ben), false), (Rule::LastNonDirect, Some(ben), false),
            (Rule::CodeBeforeCookie, Some(ben), true), (Rule::Manual, None, false)]);
        assert_eq!(e.overlaps.iter().map(|o| o.client_id.as_str()).collect::<Vec<_>>(), ["cli_near"]);

        let staff_filed = e.claims[1].id;
        let v = yes("form checked");
        let err = tx!(t, |tx, core| attribution::decide_claim(tx, core, &key(), &manager(), staff_filed, &v, None).await).unwrap_err();
        assert_eq!(err.code, "claim_same_person");
        t.clock.advance_secs(60);
        let (id, v) = (mine.id, yes("the form is older than both clicks"));
        let done = tx!(t, |tx, core| attribution::decide_claim(tx, core, &key(), &second_manager(), id, &v, None).await).unwrap();
        assert_eq!((done.state, done.seen.as_ref().unwrap()["touches"].as_array().unwrap().len()), (ClaimState::Accepted, 2));
        let s = share(&t, "cli_1").await;
        assert_eq!((s.partner, s.model), (Some(anna), Model::Claim));
        let v = yes("again");
        assert_eq!(tx!(t, |tx, core| attribution::decide_claim(tx, core, &key(), &second_manager(), id, &v, None).await).unwrap_err().code, "claim_decided");
        let page = PageRequest::new(Some(10), None).unwrap();
        let seen = t.db.read(async move |tx| attribution::my_claims(tx, &client("cli_anna"), &page).await).await.unwrap().items;
        assert!(seen.iter().all(|c| c.client_id.is_none() && c.seen.is_none() && c.decided_by.is_none()));
    }

    async fn a_late_claim_needs_a_word_more_and_moves_no_money_backwards(t: TestDb) {
        let (anna, ben) = (linked(&t, "ANNA", None).await, linked(&t, "BEN", None).await);
        let plan = plan(&t, per_lot("8", json!(null))).await;
        on_plan(&t, anna, plan, day(1, 1)).await;
        on_plan(&t, ben, plan, day(1, 1)).await;
        rules(&t, json!({"claim_days": 30})).await;
        register(&t, Registration { code: Some("BEN".into()), ..reg("cli_1", &None) }).await;
        t.clock.advance_secs(60);
        let at = t.core.now();
        book(&t, vec![deal("1", "cli_1", "1", at)]).await;
        t.clock.advance_secs(31 * 86_400);
        let c = file(&t, anna, manager(), "cli_1").await.unwrap();
        assert!(c.late);
        let v = yes("kept his word late");
        assert_eq!(tx!(t, |tx, core| attribution::decide_claim(tx, core, &key(), &second_manager(), c.id, &v, None).await).unwrap_err().code, "claim_late");
        let v = Verdict { despite_late: true, ..yes("kept his word late") };
        tx!(t, |tx, core| attribution::decide_claim(tx, core, &key(), &second_manager(), c.id, &v, None).await).unwrap();
        t.clock.advance_secs(60);
        let at = t.core.now();
        book(&t, vec![deal("2", "cli_1", "1", at)]).await;
        assert_eq!((owed(&t, ben, Currency::USD).await, owed(&t, anna, Currency::USD).await), (800, 800));
        sound(&t).await;
    }

    async fn a_shared_card_holds_the_share_a_person_releases_it_and_new_signs_hold_it_again(t: TestDb) {
        let p = linked(&t, "ANNA", Some("cli_anna")).await;
        let plan = plan(&t, per_lot("8", json!(null))).await;
        on_plan(&t, p, plan, day(1, 1)).await;
        register(&t, Registration { code: Some("ANNA".into()), ..reg("cli_1", &None) }).await;
        look(&t, "cli_anna", vec![Mark::new(SignalKind::Card, "fp_1", "•••• 4242"), Mark::new(SignalKind::Ip, "192.0.2.7", "192.…")]).await;
        // An address in the network alone is no reason.
        look(&t, "cli_1", vec![Mark::new(SignalKind::Ip, "192.0.2.7", "192.…")]).await;
        assert_eq!(share(&t, "cli_1").await.state, ShareState::Active);
        look(&t, "cli_1", vec![Mark::new(SignalKind::Card, "FP_1 ", "•••• 4242")]).await;
        let s = share(&t, "cli_1").await;
        assert_eq!((s.state, s.hold_reason.as_deref()), (ShareState::Held, Some("self_referral")));
        t.clock.advance_secs(60);
        let at = t.core.now();
        assert_eq!(format!("{:?}", book(&t, vec![deal("1", "cli_1", "1", at)]).await[0]), "Zero { reason: \"attribution_held\" }");
        let case = evidence(&t, "cli_1").await.referral.remove(0);
        assert_eq!((case.state, case.signals.iter().map(|s| (s.kind, s.hint.as_str())).collect::<Vec<_>>()),
            (CaseState::Open, vec![(SignalKind::Card, "•••• 4242"), (SignalKind::Ip, "192.…")]));

        tx!(t, |tx, core| attribution::decide_hold(tx, core, &manager(), "cli_1", true, "one household, two people").await).unwrap();
        tx!(t, |tx, core| booking::book_held(tx, core, "cli_1").await).unwrap();
        assert_eq!(owed(&t, p, Currency::USD).await, 800);
        // The same sign again is decided; another is not.
        look(&t, "cli_1", vec![Mark::new(SignalKind::Card, "fp_1", "•••• 4242")]).await;
        assert_eq!(share(&t, "cli_1").await.state, ShareState::Active);
        look(&t, "cli_1", vec![Mark::new(SignalKind::Document, "sha", "picture of a passport")]).await;
        look(&t, "cli_anna", vec![Mark::new(SignalKind::Document, "sha", "picture of a passport")]).await;
        assert_eq!(share(&t, "cli_1").await.state, ShareState::Held, "what comes to light at the partner's counts as well");
        tx!(t, |tx, core| attribution::decide_hold(tx, core, &manager(), "cli_1", false, "one person").await).unwrap();
        assert_eq!((share(&t, "cli_1").await.state, evidence(&t, "cli_1").await.referral[0].state), (ShareState::Refused, CaseState::Refused));
        let page = PageRequest::new(Some(10), None).unwrap();
        let found = t.db.read(async move |tx| signals::cases(tx, &manager(), Some(CaseState::Refused), Some(p), &page).await).await.unwrap();
        assert_eq!(found.items.len(), 1);
    }

    async fn a_second_brand_keeps_the_partner_only_where_the_setting_says_so(t: TestDb) {
        let (anna, ben) = (linked(&t, "ANNA", None).await, linked(&t, "BEN", None).await);
        let person = || Some("kim@example.org".to_string());
        register(&t, Registration { code: Some("ANNA".into()), email: person(), ..reg("cli_1", &None) }).await;
        look(&t, "cli_1", signals::contact_marks(Some("kim@example.org"), None)).await;
        let other = async |id: &str| register(&t, Registration { code: Some("BEN".into()), email: person(), brand: "meridian".into(), ..reg(id, &None) }).await;
        assert_eq!(other("cli_2").await.partner, Some(ben));
        rules(&t, json!({"cross_brand": "keep"})).await;
        let s = other("cli_3").await;
        assert_eq!((s.partner, s.model), (Some(anna), Model::OtherBrand));
    }

    async fn the_clients_of_a_partner_who_leaves_go_where_the_setting_says_and_when(t: TestDb) {
        let top = make(&t, "Top", None, Currency::USD, None).await;
        for (goes_to, want, days) in [("house", None, 0), ("parent", Some(top.id), 0), ("trail", None, 62)] {
            rules(&t, json!({"leaving": goes_to, "trail_months": 2})).await;
            let p = make(&t, goes_to, Some(top.id), Currency::USD, None).await;
            let name: &'static str = match goes_to { "house" => "cli_h", "parent" => "cli_p", _ => "cli_t" };
            give(&t, name, Some(p.id), day(2, 1)).await;
            tx!(t, |tx, core| partner::set_state(tx, core, &manager(), p.id, p.version, PartnerState::Terminated, "left").await).unwrap();
            let r = Registry::new().add(Arc::new(attribution::Leaving(t.core.clone())));
            jobs::run_until_idle(&t.core, &r).await.unwrap();
            let earns = async |at: qd_kernel::Ts| t.db.read(async move |tx| attribution::earns_after_leaving(tx, p.id, at).await).await.unwrap();
            assert!(earns(day(2, 1)).await, "what was traded before is theirs, however late it comes");
            if days > 0 {
                assert!(earns(t.core.now()).await);
                assert_eq!(share(&t, name).await.partner, Some(p.id), "still theirs");
                t.clock.advance_secs(days * 86_400);
                jobs::run_until_idle(&t.core, &r).await.unwrap();
            }
            assert!(!earns(t.core.now()).await);
            assert_eq!(share(&t, name).await.partner, want, "{goes_to}");
        }
    }

    async fn material_carries_the_partners_code_and_withdrawn_it_leads_nowhere_but_is_counted(t: TestDb) {
        let p = linked(&t, "ANNA", Some("cli_anna")).await;
        let text = material::Draft { entity: "eu".into(), brand: "northwind".into(), language: "de".into(), kind: MaterialKind::Text, name: "Signatur".into(), body: Some("Konto: {link} ({code})".into()), landing: "/de/start".into() };
        let banner = material::Draft { kind: MaterialKind::Banner, name: "300 <b>".into(), body: None, ..text.clone() };
        let b = banner.clone();
        assert_eq!(tx!(t, |tx, core| material::upload(tx, core, &manager(), &b, None).await).unwrap_err().fields[0].code, "picture_missing");
        let b = material::Draft { landing: "//evil.example".into(), ..text.clone() };
        assert_eq!(tx!(t, |tx, core| material::upload(tx, core, &manager(), &b, None).await).unwrap_err().fields[0].pointer, "/landing");
        let m = tx!(t, |tx, core| material::upload(tx, core, &manager(), &text, None).await).unwrap();
        let pic = material::Picture { file_id: "fil_1".into(), mime: "image/png".into(), width: 300, height: 250 };
        let ban = tx!(t, |tx, core| material::upload(tx, core, &manager(), &banner, Some(pic.clone())).await).unwrap();
        let id = m.id;
        let pack = async |id| t.db.read(async move |tx| material::my_pack(tx, &client("cli_anna"), id, None, "https://trade.example").await).await;
        let got = pack(id).await.unwrap();
        let link = format!("https://trade.example/c/ANNA?m={id}");
        assert_eq!((got.link.as_str(), got.text.as_deref()), (link.as_str(), Some(format!("Konto: {link} (ANNA)").as_str())));
        let drawn = material::banner(&pack(ban.id).await.unwrap(), "image/png", b"PNG").unwrap();
        assert!(drawn.contains(">ANNA<") && drawn.contains("data:image/png;base64,UE5H") && drawn.contains(&format!("m={}", ban.id)), "{drawn}");
        assert!(pack(ban.id).await.unwrap().html.unwrap().contains("alt=\"300 &lt;b&gt;\""));

        let visit = async || {
            let v = Visit { code: "ANNA".into(), query: vec![("m".into(), id.to_string())], consent: true, ..Visit::default() };
            tx!(t, |tx, core| clicks::visit(tx, core, &key(), &v).await).unwrap()
        };
        let ok = visit().await;
        assert_eq!(ok.redirect, format!("/de/start?pc=ANNA&click={}", ok.click_id));
        tx!(t, |tx, core| material::withdraw(tx, core, &manager(), id, "the bonus ended").await).unwrap();
        let gone = visit().await;
        assert_eq!((gone.outcome, gone.set_cookie), (ClickOutcome::Withdrawn, None));
        assert_eq!(pack(id).await.unwrap_err().code, "material_withdrawn");
        let page = PageRequest::new(Some(10), None).unwrap();
        let (q, f) = (page.clone(), MaterialFilter::default());
        let shelf = t.db.read(async move |tx| material::my_list(tx, &client("cli_anna"), &f, &q).await).await.unwrap().items;
        assert_eq!(shelf.iter().map(|m| m.id).collect::<Vec<_>>(), [ban.id], "the partner is offered what is in use");
        let f = MaterialFilter { kind: Some(MaterialKind::Text), ..MaterialFilter::default() };
        let all = t.db.read(async move |tx| material::list(tx, &manager(), &f, &page).await).await.unwrap().items;
        assert_eq!((all[0].clicks, all[0].clicks_withdrawn), (Some(1), Some(1)));
        let at = t.core.now();
        let by = t.db.read(async move |tx| funnel::funnel(tx, &manager(), Some(p), By::Material, at.plus_days(-1), at).await).await.unwrap();
        assert_eq!((by.total.clicks, by.total.clicks_withdrawn), (1, 1));
    }

    async fn a_funnel_counts_from_click_to_lots_by_link_and_by_sub_id(t: TestDb) {
        let p = linked(&t, "ANNA", Some("cli_anna")).await;
        let plan = plan(&t, per_lot("8", json!(null))).await;
        on_plan(&t, p, plan, day(1, 1)).await;
        for (sub, client) in [("blue", Some("cli_1")), ("blue", Some("cli_2")), ("red", Some("cli_3")), ("red", None), ("red", None)] {
            let mut cookie = None;
            click(&t, "ANNA", &mut cookie, Some(sub)).await;
            if let Some(c) = client {
                register(&t, reg(c, &cookie)).await;
            }
        }
        for c in ["cli_1", "cli_2", "cli_3"] {
            reach(&t, c, Milestone::KycApproved).await;
        }
        reach(&t, "cli_1", Milestone::Ftd).await;
        let at = t.core.now();
        book(&t, vec![deal("1", "cli_1", "2", at)]).await;
        let (from, to) = (at.plus_days(-1), at.plus_secs(1));
        let of = async |by, caller: Caller, whose| t.db.read(async move |tx| funnel::funnel(tx, &caller, whose, by, from, to).await).await;
        let f = of(By::Sub1, client("cli_anna"), None).await.unwrap();
        let rows: Vec<_> = f.rows.iter().map(|r| (r.part.as_str(), r.clicks, r.registrations, r.kyc_approved, r.ftd, r.active, r.lots.text())).collect();
        assert_eq!(rows, [("red", 3, 1, 1, 0, 0, "0.00".to_string()), ("blue", 2, 2, 2, 1, 1, "2.00".to_string())]);
        let f = of(By::Link, manager(), Some(p)).await.unwrap();
        assert_eq!((f.rows.len(), f.rows[0].label.as_deref(), f.total.clicks, f.total.visitors, f.total.registrations), (1, Some("ANNA"), 5, 5, 3));
        assert_eq!(of(By::Link, elsewhere(), Some(p)).await.unwrap_err().code, "not_found");
        assert_eq!(of(By::Link, client("cli_bob"), Some(p)).await.unwrap_err().code, "not_found");
    }
}
