//! How people come in, and who gets them.

mod common;
mod store;

use common::*;
use qd_clients::{Consent, Stage, Touch, consents};
use qd_runtime::access::{Caller, Role};
use qd_runtime::rules::{self, Draft, State};
use qd_testkit::TestDb;
use serde_json::json;
use std::collections::BTreeMap;

qd_testkit::both! {
    async fn a_german_form_becomes_a_lead_with_campaign_country_and_an_agent_who_speaks_german(t: TestDb) {
        let h = house(t).await;
        let taken = h.lead(alex()).await.unwrap();
        assert!(taken.fresh && h.german.contains(&taken.owner_id.unwrap()));
        let c = h.find(taken.client_id).await;
        assert_eq!((c.stage, c.entity.as_str(), c.country.as_str(), c.language.as_str(), c.campaign.as_str()), (Stage::Lead, "eu", "DE", "de", "autumn"));
        assert_eq!(h.events("lead.created").await[0]["campaign"], "autumn");
        assert_eq!(h.events("lead.assigned").await[0]["owner_id"], json!(taken.owner_id));
        // The decision is kept with its facts and the rule that matched.
        let me = Caller::system("test");
        let id = taken.client_id;
        let v = h.t.db.read(async move |tx| qd_clients::view(tx, &me, id).await).await.unwrap();
        assert_eq!(v.first_touch.unwrap().touch.source, "google");
        assert_eq!(v.stages.len(), 1);
        assert!(h.german.iter().any(|g| Some(*g) == v.client.owner_id) && v.owner_name.is_some());
    }

    async fn a_second_campaign_is_the_last_touch_and_the_first_one_stays(t: TestDb) {
        let h = house(t).await;
        let first = h.lead(alex()).await.unwrap();
        let mut again = alex();
        again.email = Some("alex.weber@GMAIL.com".into());
        again.touch = Touch { source: "facebook".into(), campaign: "winter".into(), partner_id: Some("par_x".into()), ..Touch::default() };
        let second = h.lead(again).await.unwrap();
        assert_eq!((second.client_id, second.fresh), (first.client_id, false));
        let id = first.client_id;
        let (a, b) = h.t.db.read(async move |tx| qd_clients::touches(tx, id).await).await.unwrap();
        assert_eq!((a.unwrap().touch.campaign.as_str(), b.unwrap().touch.campaign.as_str()), ("autumn", "winter"));
        let c = h.find(id).await;
        assert_eq!((c.campaign.as_str(), c.partner_id), ("autumn", None), "a later click takes nobody away");
        assert!(h.t.db.run_script(store::EDIT_TOUCH, store::EDIT_TOUCH).await.is_err());
    }

    async fn what_somebody_agreed_to_is_read_back_newest_first_and_stands_as_said_last(t: TestDb) {
        let h = house(t).await;
        let says = |kind: &str, version: &str, given| Consent { kind: kind.into(), version: version.into(), given };
        let mut first = alex();
        first.consents = vec![says("privacy", "2026-01", true), says("marketing", "2026-01", true)];
        let id = h.lead(first).await.unwrap().client_id;
        let between = h.core.now();
        h.t.clock.advance_secs(60);
        let mut again = alex();
        again.consents = vec![says("marketing", "2026-02", false)];
        assert_eq!(h.lead(again).await.unwrap().client_id, id);
        let me = Caller::system("test");
        let (all, then) = h.t.db.read(async move |tx| {
            Ok((consents::of_client(tx, &me, id).await?, consents::until(tx, id, between).await?))
        }).await.unwrap();
        let told = |all: &[consents::KeptConsent]| all.iter().map(|c| (c.kind.clone(), c.version.clone(), c.given, c.in_force)).collect::<Vec<_>>();
        assert_eq!(told(&all), [
            ("marketing".into(), "2026-02".into(), false, true),
            ("marketing".into(), "2026-01".into(), true, false),
            ("privacy".into(), "2026-01".into(), true, true),
        ]);
        assert_eq!(told(&then), [
            ("marketing".into(), "2026-01".into(), true, true),
            ("privacy".into(), "2026-01".into(), true, true),
        ]);
    }

    async fn the_agents_of_a_desk_get_the_same_number_of_leads_and_their_manager_none(t: TestDb) {
        let h = house(t).await;
        let mut counts = BTreeMap::new();
        for i in 0..12 {
            let owner = h.lead(named("Test", "Person", &format!("p{i}@example.com"))).await.unwrap().owner_id.unwrap();
            *counts.entry(owner).or_insert(0) += 1;
        }
        assert_eq!(counts, h.german.iter().map(|g| (*g, 4)).collect());
    }

    async fn an_edited_rule_sends_the_next_lead_elsewhere_and_partner_leads_go_to_the_partner_desk(t: TestDb) {
        let h = house(t).await;
        let mut by_link = named("By", "Link", "link@example.com");
        by_link.touch.partner_id = Some("par_01".into());
        assert_eq!(h.lead(by_link).await.unwrap().owner_id, Some(h.partner));
        let mut arabic = named("Omar", "Said", "omar@example.com");
        (arabic.brand, arabic.language, arabic.country) = ("harbour".into(), Some("ar".into()), Some("AE".into()));
        assert_eq!(h.lead(arabic).await.unwrap().owner_id, Some(h.arabic));
        // Live: campaign "autumn" goes to one person.
        let (core, owner) = (h.core.clone(), h.english);
        h.t.db.write(async move |tx| {
            let d = Draft {
                id: None, base_version: None, set: "lead.routing".into(), entity: None, name: "Autumn to Emma".into(), priority: 1,
                expression: "lead.campaign == 'autumn'".into(), outcome: json!({"owner": owner}), reason_code: "routing.autumn".into(),
                state: State::Active, tests: vec![], note: String::new(),
            };
            rules::save(tx, &core, &Caller::system("test"), d).await
        }).await.unwrap();
        assert_eq!(h.lead(named("Next", "One", "next@example.com")).await.unwrap().owner_id, Some(h.english));
    }

    async fn a_lead_nobody_can_take_is_kept_and_a_manager_is_told(t: TestDb) {
        let h = house(t).await;
        let (core, ids) = (h.core.clone(), h.german.clone());
        let access = h.access.clone();
        h.t.db.write(async move |tx| {
            for id in &ids {
                qd_runtime::access::staff::set_enabled(tx, &access, &Caller::system("test"), *id, false, "left").await?;
            }
            // The manager of the desk would take it: let him go, too.
            let all = qd_runtime::access::staff::list(tx, &Caller::system("test"), Some("german"), true, &qd_kernel::PageRequest::new(None, None)?).await?;
            for s in all.items {
                qd_runtime::access::staff::set_enabled(tx, &access, &Caller::system("test"), s.id, false, "left").await?;
            }
            let _ = &core;
            Ok(())
        }).await.unwrap();
        let taken = h.lead(alex()).await.unwrap();
        assert_eq!((taken.owner_id, taken.desk.as_deref()), (None, Some("german")));
        assert_eq!(h.events("exception.raised").await.len(), 1);
        // Somebody takes it by hand; the exception is over.
        let (core, emma, id) = (h.core.clone(), h.english, taken.client_id);
        let boss = h.staff(Role::SuperAdmin, &["*"]);
        h.t.db.write(async move |tx| qd_clients::assign(tx, &core, &boss, id, Some(emma), None, "speaks German, too").await).await.unwrap();
        let c = h.find(id).await;
        assert_eq!((c.owner_id, c.desk.as_deref()), (Some(emma), Some("english")));
        assert_eq!(h.events("lead.assigned").await.len(), 2);
    }

    async fn the_form_names_every_wrong_field_and_takes_a_lead_with_a_telephone_only(t: TestDb) {
        let h = house(t).await;
        let mut bad = alex();
        (bad.first_name, bad.email, bad.phone) = ("A\u{7}".into(), Some("not an address".into()), Some("12".into()));
        let e = h.lead(bad).await.unwrap_err();
        assert_eq!(e.fields.iter().map(|f| f.pointer.as_str()).collect::<Vec<_>>(), ["/first_name", "/email", "/phone"]);
        let mut none = alex();
        (none.email, none.phone) = (None, None);
        assert_eq!(h.lead(none).await.unwrap_err().fields[0].code, "contact_missing");
        let mut brand = alex();
        brand.brand = "nobody".into();
        assert_eq!(h.lead(brand).await.unwrap_err().fields[0].pointer, "/brand");
        let mut phone = alex();
        (phone.email, phone.country) = (None, None);
        let taken = h.lead(phone).await.unwrap();
        assert_eq!(h.find(taken.client_id).await.country, "DE", "by the address it came from");
    }

    async fn thirty_two_copies_of_one_form_at_once_are_one_lead(t: TestDb) {
        let h = std::sync::Arc::new(house(t).await);
        let mut running = Vec::new();
        for _ in 0..32 {
            let h = h.clone();
            running.push(tokio::spawn(async move { h.lead(alex()).await }));
        }
        let mut ids = std::collections::BTreeSet::new();
        let mut fresh = 0;
        for r in running {
            let taken = r.await.unwrap().unwrap();
            fresh += i32::from(taken.fresh);
            ids.insert(taken.client_id);
        }
        assert_eq!((ids.len(), fresh), (1, 1));
        assert_eq!(h.events("lead.created").await.len(), 1);
        assert_eq!(h.events("lead.returned").await.len(), 31);
    }

    async fn a_registration_turns_the_lead_into_a_client_and_a_refused_country_stays_out(t: TestDb) {
        let h = house(t).await;
        let lead = h.lead(alex()).await.unwrap();
        let r = h.register(registration("alex.weber@gmail.com")).await.unwrap();
        assert_eq!((r.client_id, r.was_lead, r.owner_id), (lead.client_id, true, lead.owner_id));
        let c = h.find(r.client_id).await;
        assert_eq!((c.stage, c.last_name.as_str(), c.campaign.as_str()), (Stage::Registered, "Weber", "autumn"));
        assert_eq!(h.events("client.registered").await.len(), 1);
        assert!(h.register(registration("Alex.Weber@gmail.com")).await.unwrap_err().is("client_exists"));
        let mut us = registration("joe@example.com");
        us.country = "US".into();
        assert!(h.register(us).await.unwrap_err().is("country_not_served"));
        // Nobody was a lead before: the owner is found by the same rules.
        let fresh = h.register(registration("new@example.com")).await.unwrap();
        assert!(!fresh.was_lead && h.german.contains(&fresh.owner_id.unwrap()));
    }
}
