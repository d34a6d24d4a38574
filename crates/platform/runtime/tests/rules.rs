//! Rules as data: saved with checks, tried in the shadow, never edited, and never a silent pass.

mod store;

use qd_kernel::Problem;
use qd_runtime::access::{Caller, Role, StaffId};
use qd_runtime::rules::{self, Case, Draft, FactType, OnError, RuleSet, State};
use qd_testkit::TestDb;
use serde_json::json;

fn set(name: &str, on_error: OnError) -> RuleSet {
    let facts = [
        ("lead.country", FactType::Text),
        ("lead.partner_id", FactType::Text),
        ("amount_minor", FactType::Money),
        ("tags", FactType::List),
    ];
    RuleSet {
        name: name.into(),
        title: name.into(),
        on_error,
        facts: facts.map(|(k, t)| (k.to_string(), t)).into(),
        version: 0,
    }
}

fn draft(set: &str, name: &str, priority: i64, expression: &str) -> Draft {
    Draft {
        id: None,
        base_version: None,
        set: set.into(),
        entity: None,
        name: name.into(),
        priority,
        expression: expression.into(),
        outcome: json!({"desk": name}),
        reason_code: "test".into(),
        state: State::Active,
        tests: vec![],
        note: String::new(),
    }
}

async fn with_set(t: &TestDb, on_error: OnError) {
    let core = t.core.clone();
    t.db.write(async move |tx| rules::put_set(tx, &core, &Caller::system("test"), set("lead.routing", on_error), "test").await)
        .await
        .unwrap();
}

async fn save(t: &TestDb, d: Draft) -> Result<rules::Rule, Problem> {
    let core = t.core.clone();
    t.db.write(async move |tx| rules::save(tx, &core, &Caller::system("test"), d.clone()).await)
        .await
}

async fn ask(t: &TestDb, entity: Option<&'static str>, facts: serde_json::Value) -> rules::Evaluation {
    t.db.read(async move |tx| rules::evaluate(tx, "lead.routing", entity, &facts).await)
        .await
        .unwrap()
}

qd_testkit::both! {
    async fn the_first_rule_by_priority_decides_and_an_edit_counts_from_the_next_question_on(t: TestDb) {
        with_set(&t, OnError::Skip).await;
        let all = save(&t, draft("lead.routing", "english", 900, "true")).await.unwrap();
        save(&t, draft("lead.routing", "german", 20, "lead.country in ['DE', 'AT']")).await.unwrap();
        let facts = json!({"lead": {"country": "AT"}});
        let e = ask(&t, None, facts.clone()).await;
        assert_eq!(e.first().unwrap().name, "german");
        assert_eq!(e.matched.len(), 2);
        assert_eq!(e.inputs, facts);
        let mut change = draft("lead.routing", "english", 5, "true");
        change.id = Some(all.id);
        change.base_version = Some(all.version);
        let v2 = save(&t, change).await.unwrap();
        assert_eq!(v2.version, 2);
        assert_eq!(ask(&t, None, facts).await.first().unwrap().name, "english");
        let id = all.id;
        let first = t.db.read(async move |tx| rules::version(tx, id, 1).await).await.unwrap().unwrap();
        assert_eq!((first.priority, first.version), (900, 1));
        let history = t.db.read(async move |tx| rules::history(tx, id).await).await.unwrap();
        assert_eq!(history.len(), 2);
    }

    async fn a_rule_is_refused_with_the_field_that_is_wrong_and_its_own_test_cases_are_run(t: TestDb) {
        with_set(&t, OnError::Skip).await;
        let e = save(&t, draft("lead.routing", "broken", 1, "lead.country ==")).await.unwrap_err();
        assert_eq!((e.fields[0].pointer.as_str(), e.fields[0].code.as_str()), ("/expression", "rule_syntax"));
        let e = save(&t, draft("lead.routing", "typo", 1, "lead.cuntry == 'DE'")).await.unwrap_err();
        assert_eq!((e.fields[0].pointer.as_str(), e.fields[0].code.as_str()), ("/expression", "fact_unknown"));
        let e = save(&t, draft("no.such_set", "x", 1, "true")).await.unwrap_err();
        assert_eq!(e.fields[0].pointer, "/set");
        let mut d = draft("lead.routing", "tested", 1, "lead.country == 'DE'");
        d.reason_code = "Not A Code".into();
        d.tests = vec![
            Case { name: "right".into(), facts: json!({"lead": {"country": "DE"}}), expect: true },
            Case { name: "wrong".into(), facts: json!({"lead": {"country": "FR"}}), expect: true },
            Case { name: "incomplete".into(), facts: json!({"lead": {}}), expect: false },
        ];
        let e = save(&t, d).await.unwrap_err();
        let at: Vec<_> = e.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(at, ["/reason_code", "/tests/1/expect", "/tests/2/facts"]);
        let none = t.db.read(async |tx| rules::list(tx, Some("lead.routing")).await).await.unwrap();
        assert!(none.is_empty(), "nothing of a refused rule is kept");
    }

    async fn a_shadow_version_is_reported_beside_the_active_one_and_decides_nothing(t: TestDb) {
        with_set(&t, OnError::Skip).await;
        let r = save(&t, draft("lead.routing", "german", 20, "lead.country == 'DE'")).await.unwrap();
        let mut shadow = draft("lead.routing", "german", 20, "lead.country in ['DE', 'CH']");
        (shadow.id, shadow.base_version, shadow.state) = (Some(r.id), Some(1), State::Shadow);
        save(&t, shadow.clone()).await.unwrap();
        let e = ask(&t, None, json!({"lead": {"country": "CH"}})).await;
        assert!(e.first().is_none());
        assert_eq!(e.shadow().map(|f| f.version).collect::<Vec<_>>(), [2]);
        // The same version, made active, bites and ends the shadow.
        (shadow.base_version, shadow.state) = (Some(2), State::Active);
        save(&t, shadow.clone()).await.unwrap();
        let e = ask(&t, None, json!({"lead": {"country": "CH"}})).await;
        assert_eq!(e.first().map(|f| (f.version, f.shadow)), Some((3, false)));
        assert_eq!(e.shadow().count(), 0);
        // Two editors: the second one hears of the first.
        (shadow.base_version, shadow.state) = (Some(2), State::Retired);
        let e = save(&t, shadow.clone()).await.unwrap_err();
        assert!(e.is("version_changed"));
        shadow.base_version = Some(3);
        save(&t, shadow).await.unwrap();
        assert!(ask(&t, None, json!({"lead": {"country": "CH"}})).await.matched.is_empty());
    }

    async fn a_rule_that_fails_on_the_facts_does_not_match_and_stops_a_set_that_says_so(t: TestDb) {
        with_set(&t, OnError::Stop).await;
        save(&t, draft("lead.routing", "signal", 10, "amount_minor > 100")).await.unwrap();
        save(&t, draft("lead.routing", "let it pass", 900, "true")).await.unwrap();
        let good = ask(&t, None, json!({"amount_minor": 50})).await;
        assert_eq!(good.first().unwrap().name, "let it pass");
        // The fact is missing: without the stop this would have passed.
        let bad = ask(&t, None, json!({"lead": {"country": "DE"}})).await;
        assert!(bad.stopped && bad.first().is_none());
        assert_eq!((bad.errors[0].name.as_str(), bad.errors[0].code.as_str()), ("signal", "rule_fact_missing"));
        assert_eq!(bad.reasons(), ["rule_failed"]);
        let core = t.core.clone();
        t.db.write(async move |tx| rules::put_set(tx, &core, &Caller::system("test"), RuleSet { version: 1, ..set("lead.routing", OnError::Skip) }, "test").await)
            .await
            .unwrap();
        let skipped = ask(&t, None, json!({"lead": {"country": "DE"}})).await;
        assert_eq!(skipped.first().unwrap().name, "let it pass");
        assert_eq!(skipped.errors.len(), 1);
    }

    async fn a_version_cannot_be_edited_or_deleted_even_by_hand_in_the_database(t: TestDb) {
        with_set(&t, OnError::Skip).await;
        save(&t, draft("lead.routing", "german", 20, "true")).await.unwrap();
        for script in store::EDIT_VERSIONS {
            assert!(t.db.run_script(script, script).await.is_err(), "{script}");
        }
        let kept = t.db.read(async |tx| rules::list(tx, None).await).await.unwrap();
        assert_eq!(kept[0].expression, "true");
    }

    async fn only_those_with_the_right_and_the_entity_may_change_rules(t: TestDb) {
        with_set(&t, OnError::Skip).await;
        let sales = Caller::staff(StaffId::new(&t.core.env), "Sales", &[Role::Sales], None, &["eu"]);
        let core = t.core.clone();
        let e = t.db.write(async move |tx| rules::save(tx, &core, &sales, draft("lead.routing", "mine", 1, "true")).await).await.unwrap_err();
        assert!(e.is("right_missing"));
        // Somebody of one entity may not write a rule for all of them.
        let admin = Caller::staff(StaffId::new(&t.core.env), "Admin", &[Role::SuperAdmin], None, &["eu"]);
        let core = t.core.clone();
        let e = t.db.write(async move |tx| rules::save(tx, &core, &admin, draft("lead.routing", "mine", 1, "true")).await).await.unwrap_err();
        assert!(e.is("entity_not_allowed"));
    }
}
