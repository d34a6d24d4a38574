//! Entities, brands, desks and settings as data; the demo's starting data.

use qd_kernel::Currency;
use qd_runtime::access::Caller;
use qd_runtime::tenancy::{self, DocumentRule, Entity, Pack};
use qd_runtime::{rules, settings};
use qd_testkit::TestDb;
use serde_json::json;

const DEMO: &[(&str, &str)] = &[
    ("entity-eu.toml", include_str!("../../../app/app/demo/entity-eu.toml")),
    ("entity-intl.toml", include_str!("../../../app/app/demo/entity-intl.toml")),
    ("brands-desks.toml", include_str!("../../../app/app/demo/brands-desks.toml")),
    ("rules-lead.toml", include_str!("../../../app/app/demo/rules-lead.toml")),
    ("rules-kyc.toml", include_str!("../../../app/app/demo/rules-kyc.toml")),
    ("rules-money.toml", include_str!("../../../app/app/demo/rules-money.toml")),
];

async fn demo(t: &TestDb) -> u32 {
    let core = t.core.clone();
    t.db.write(async move |tx| Pack::parse(DEMO.iter().copied())?.apply(tx, &core, &Caller::system("seed")).await)
        .await
        .unwrap()
}

async fn entity(t: &TestDb, code: &'static str) -> Entity {
    t.db.read(async move |tx| Ok((*tenancy::get(tx, code).await?).clone()))
        .await
        .unwrap()
}

qd_testkit::both! {
    async fn the_demo_data_loads_once_and_a_second_start_changes_nothing(t: TestDb) {
        assert!(demo(&t).await > 20);
        assert_eq!(demo(&t).await, 0);
        let brand = t.db.read(async |tx| tenancy::brand_by_host(tx, "harbour.localhost").await).await.unwrap().unwrap();
        assert_eq!((brand.code.as_str(), brand.entity.as_str()), ("harbour", "intl"));
        let desks = t.db.read(async |tx| tenancy::desks(tx).await).await.unwrap();
        assert_eq!(desks.len(), 4);
    }

    async fn two_licences_ask_for_other_documents_leverage_and_limits_in_one_system(t: TestDb) {
        demo(&t).await;
        let (eu, intl) = (entity(&t, "eu").await, entity(&t, "intl").await);
        let codes = |e: &Entity, c: &str| e.config.documents_for(c).iter().map(|d| d.code.clone()).collect::<Vec<_>>();
        assert_eq!(codes(&eu, "IT"), ["identity", "address", "tax"]);
        assert_eq!(codes(&eu, "DE"), ["identity", "address"]);
        assert!(eu.config.documents_for("DE")[1].kinds.iter().any(|k| k == "registration_certificate"));
        assert_eq!((eu.config.deposits.before_verified_minor, intl.config.deposits.before_verified_minor), (0, 200_000));
        let (eur, usd) = (Currency::parse("EUR").unwrap(), Currency::parse("USD").unwrap());
        let m = eu.config.map_account("standard", eur, "DE", false, None, None).unwrap();
        assert_eq!((m.server.as_str(), m.group.as_str(), m.leverage), ("eu-live", r"real\eu-standard-eur", 30));
        assert_eq!(eu.config.map_account("standard", eur, "PL", false, None, Some(500)).unwrap().leverage, 25);
        assert_eq!(eu.config.map_account("standard", eur, "DE", false, Some(5), None).unwrap().leverage, 5, "the test's cap bites");
        assert!(eu.config.map_account("pro", eur, "DE", false, None, None).unwrap_err().is("account_type_professional"));
        assert_eq!(intl.config.map_account("standard", usd, "TH", false, None, Some(400)).unwrap().leverage, 400);
        let offered = |e: &Entity, country: &str, c| e.config.methods_for(country, c).iter().map(|m| m.code.clone()).collect::<Vec<_>>();
        assert_eq!(offered(&eu, "DE", eur)[0], "card");
        // Local methods are for residents: a German and a Thai client see different ones.
        let local = |codes: Vec<String>| codes.into_iter().filter(|c| ["instant_bank", "promptpay"].contains(&c.as_str())).collect::<Vec<_>>();
        assert_eq!(local(offered(&eu, "DE", eur)), ["instant_bank"]);
        assert_eq!(local(offered(&intl, "TH", usd)), ["promptpay"]);
        assert!(local(offered(&eu, "FR", eur)).is_empty() && local(offered(&intl, "BR", usd)).is_empty());
        assert!(eu.config.appropriateness.is_some() && intl.config.appropriateness.is_none());
    }

    async fn a_document_added_for_one_licence_leaves_the_other_alone_and_the_old_rule_book_can_be_read(t: TestDb) {
        demo(&t).await;
        let before = t.core.now();
        let mut draft = entity(&t, "eu").await;
        let selfie: DocumentRule = serde_json::from_value(json!({"code": "selfie", "title_key": "document.selfie", "kinds": ["selfie"]})).unwrap();
        draft.config.documents.default.push(selfie);
        let (core, d) = (t.core.clone(), draft.clone());
        let after = t.db.write(async move |tx| tenancy::put_entity(tx, &core, &Caller::system("test"), d.clone(), "selfie from now on").await).await.unwrap();
        assert_eq!(after.version, 2);
        assert_eq!(entity(&t, "eu").await.config.documents_for("FR").last().unwrap().code, "selfie");
        assert_eq!(entity(&t, "intl").await.version, 1);
        let old = t.db.read(async move |tx| tenancy::entity_as_of(tx, "eu", before).await).await.unwrap().unwrap();
        assert!(old.config.documents_for("FR").iter().all(|d| d.code != "selfie"));
        // The same change again starts from a version that is over.
        let core = t.core.clone();
        let e = t.db.write(async move |tx| tenancy::put_entity(tx, &core, &Caller::system("test"), draft.clone(), "").await).await.unwrap_err();
        assert!(e.is("version_changed"));
        let history = t.db.read(async |tx| tenancy::history(tx, "entity", "eu").await).await.unwrap();
        assert_eq!(history.iter().map(|h| (h.version, h.reason.as_str())).collect::<Vec<_>>(), [(2, "selfie from now on"), (1, "starting data")]);
    }

    async fn a_rule_book_with_mistakes_is_refused_field_by_field(t: TestDb) {
        demo(&t).await;
        let mut draft = entity(&t, "eu").await;
        draft.config.languages.clear();
        draft.config.documents.default[0].kinds.clear();
        draft.config.countries.not_served.push("Germany".into());
        draft.config.leverage.retail_max = 0;
        let core = t.core.clone();
        let e = t.db.write(async move |tx| tenancy::put_entity(tx, &core, &Caller::system("test"), draft.clone(), "").await).await.unwrap_err();
        let at: Vec<_> = e.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(at, ["/config/languages", "/config/countries/not_served/11", "/config/documents/default/0/kinds", "/config/leverage/retail_max"]);
    }

    async fn the_demo_rules_route_a_german_to_the_german_desk_and_a_partner_lead_to_the_partner_desk(t: TestDb) {
        demo(&t).await;
        let route = async |entity: &'static str, lead: serde_json::Value| {
            let e = t.db.read(async move |tx| rules::evaluate(tx, "lead.routing", Some(entity), &json!({"lead": lead})).await).await.unwrap();
            assert!(e.errors.is_empty(), "{:?}", e.errors);
            e.first().unwrap().outcome["round_robin"].as_str().unwrap().to_string()
        };
        let lead = |language: &str, country: &str, partner: &str| json!({"language": language, "country": country, "partner_id": partner});
        assert_eq!(route("eu", lead("de", "DE", "")).await, "german");
        assert_eq!(route("eu", lead("de", "DE", "par_1")).await, "partner");
        assert_eq!(route("intl", lead("ar", "AE", "")).await, "arabic");
        assert_eq!(route("intl", lead("de", "DE", "")).await, "english", "the German desk serves the other licence");
    }

    async fn the_narrower_setting_wins_and_every_version_is_kept(t: TestDb) {
        demo(&t).await;
        let core = t.core.clone();
        t.db.write(async move |tx| {
            let me = Caller::system("test");
            settings::put(tx, &core, &me, "global", "review.hours", 0, &json!(24), "first").await?;
            settings::put(tx, &core, &me, "entity:eu", "review.hours", 0, &json!(4), "faster").await?;
            settings::put(tx, &core, &me, "entity:eu", "review.hours", 1, &json!(8), "slower").await
        })
        .await
        .unwrap();
        let (eu, intl, wrong) = t
            .db
            .read(async |tx| {
                let eu: Option<i64> = settings::for_entity(tx, "eu", "review.hours").await?;
                let intl: Option<i64> = settings::for_entity(tx, "intl", "review.hours").await?;
                Ok((eu, intl, settings::get::<String>(tx, "global", "review.hours").await))
            })
            .await
            .unwrap();
        assert_eq!((eu, intl), (Some(8), Some(24)));
        assert!(wrong.unwrap_err().is("setting_unreadable"));
        let kept = t.db.read(async |tx| tenancy::history(tx, "setting", "entity:eu/review.hours").await).await.unwrap();
        assert_eq!(kept.iter().map(|k| k.doc.clone()).collect::<Vec<_>>(), [json!(8), json!(4)]);
        let core = t.core.clone();
        let e =
            t.db.write(async move |tx| settings::put(tx, &core, &Caller::system("test"), "entity:eu", "review.hours", 1, &json!(1), "").await).await.unwrap_err();
        assert!(e.is("version_changed"));
    }
}
