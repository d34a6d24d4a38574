//! Checks, risk, rule books.

use crate::tools::*;
use qd_kyc::*;
use qd_runtime::access::Caller;
use qd_runtime::tenancy::{self, DocumentRule, Entity};
use qd_testkit::TestDb;
use serde_json::json;

/// Uploads the usual two and hands in.
async fn hand_in(h: &House, a: Applicant, signals: Signals, p: DocumentFields) -> Case {
    let c = h.open(a.clone()).await;
    h.upload(&c, "identity", "passport", Side::Single, p).await.unwrap();
    h.upload(&c, "address", "utility_bill", Side::Single, bill()).await.unwrap();
    h.submit_with(&c, a, signals).await.unwrap()
}

fn home() -> Signals {
    Signals {
        ip_country: Some("AE".into()),
        ..Signals::default()
    }
}

qd_testkit::both! {
    async fn each_trigger_stops_its_client_by_name_while_the_clean_one_passes(t: TestDb) {
        let h = House::new(t).await;
        let clean = hand_in(&h, applicant("cli_clean", "intl", "AE"), home(), passport()).await;
        assert_eq!(clean.state, CaseState::Approved);

        let other_birth = DocumentFields { birth_date: Some(day("1991-05-14")), ..passport() };
        let listed = Applicant { name: "Viktor Anatol Karlov".into(), ..applicant("cli_listed", "intl", "AE") };
        let listed_papers = DocumentFields { holder_name: Some("Karlov Viktor".into()), ..passport() };
        let vague = Applicant { occupation: None, pep: None, ..applicant("cli_vague", "intl", "AE") };
        let cases = [
            ("cli_match", hand_in(&h, applicant("cli_match", "intl", "AE"), home(), other_birth).await, vec!["check_data_match", "data_mismatch"]),
            ("cli_listed", hand_in(&h, listed, home(), listed_papers).await, vec!["check_screening", "screening_hit"]),
            (
                "cli_odd",
                hand_in(&h, applicant("cli_odd", "intl", "AE"), Signals { ip_country: Some("NG".into()), device_other_clients: 2, duplicates_open: 0 }, passport()).await,
                vec!["check_device_location", "ip_country", "device_shared"],
            ),
            ("cli_vague", hand_in(&h, vague, home(), passport()).await, vec!["check_data_complete"]),
        ];
        for (client, c, reasons) in &cases {
            assert_eq!(c.state, CaseState::Submitted, "{client}");
            let v = h.view(&anna(), c).await.unwrap();
            let risk = v.risk.unwrap();
            for r in reasons {
                assert!(has(&risk.reasons, r), "{client} {r}: {:?}", risk.reasons);
            }
            assert!(v.due_at_us.unwrap() > h.t.core.now());
            assert!(!h.gate(client).await.approved);
        }
        let listed = &cases[1].1;
        let v = h.view(&anna(), listed).await.unwrap();
        assert_eq!(v.risk.as_ref().unwrap().band, Some(Band::High));
        let check = v.checks.unwrap().into_iter().find(|c| c.kind == CheckKind::Screening).unwrap();
        assert_eq!((check.outcome, check.hits, &check.details["matched"]), (CheckOutcome::Hit, 1, &json!(["Viktor Karlov"])));
        assert!(h.gate("cli_listed").await.screening_open && !h.gate("cli_odd").await.screening_open && !h.gate("cli_clean").await.screening_open);
        // High risk is due sooner, so it stands at the top.
        let rows = h.queue(&anna(), QueueFilter::default()).await.unwrap();
        assert_eq!(rows.first().unwrap().client_id, "cli_listed");
        let only = h.queue(&anna(), QueueFilter { reason: Some("device_shared".into()), ..QueueFilter::default() }).await.unwrap();
        assert_eq!(only.iter().map(|r| r.client_id.as_str()).collect::<Vec<_>>(), ["cli_odd"]);
        // The decision to ask a person is on record with its facts.
        let id = listed.id;
        let found = h.t.db.read(async move |tx| qd_runtime::audit::decisions_of(tx, &anna(), &format!("kyc:{id}")).await).await.unwrap();
        assert_eq!((found[0].kind.as_str(), found[0].outcome.as_str()), ("kyc.risk", "review"));
        assert_eq!(found[0].inputs["risk"]["evaluation"]["facts"]["screening"]["hits"], 1);
    }

    async fn the_same_passport_or_file_at_two_clients_stops_the_second(t: TestDb) {
        let h = House::new(t).await;
        let with_number = |n: &str| DocumentFields { number: number(n), ..passport() };
        let first = hand_in(&h, applicant("cli_1", "intl", "AE"), home(), with_number("C01X 0006H")).await;
        assert_eq!(first.state, CaseState::Approved);
        let second = hand_in(&h, applicant("cli_2", "intl", "AE"), home(), with_number("c01x0006h")).await;
        assert_eq!(second.state, CaseState::Submitted);
        let v = h.view(&anna(), &second).await.unwrap();
        assert!(has(&v.risk.unwrap().reasons, "document_reused"));
        let shared = h.t.db.read(async |tx| clients_with_number(tx, &number("C01X0006H").unwrap()).await).await.unwrap();
        assert_eq!(shared, ["cli_1", "cli_2"]);
        assert!(!serde_json::to_string(&h.view(&anna(), &second).await.unwrap().documents).unwrap().to_uppercase().contains("C01X0006H"), "the number itself is nowhere");

        let third = h.open(applicant("cli_3", "intl", "AE")).await;
        let file = h.file();
        h.upload_file(&third, "identity", "passport", Side::Single, passport(), file.clone()).await.unwrap();
        let twice = h.upload_file(&third, "address", "utility_bill", Side::Single, bill(), file.clone()).await.unwrap_err();
        assert!(twice.is("kyc_file_used"));
        let a = applicant("cli_4", "intl", "AE");
        let fourth = h.open(a.clone()).await;
        let copy = qd_runtime::files::FileRef { id: qd_runtime::files::FileId::new(&h.t.core.env), ..file };
        h.upload_file(&fourth, "identity", "passport", Side::Single, passport(), copy).await.unwrap();
        h.upload(&fourth, "address", "utility_bill", Side::Single, bill()).await.unwrap();
        assert_eq!(h.submit(&fourth, a).await.unwrap().state, CaseState::Submitted);
    }

    async fn a_difference_needs_a_reason_and_an_expired_document_cannot_be_talked_through(t: TestDb) {
        let h = House::new(t).await;
        let a = applicant("cli_m", "eu", "DE");
        let c = h.open(a.clone()).await;
        h.answer(&c, good_answers()).await.unwrap();
        let p = h.upload(&c, "identity", "passport", Side::Single, DocumentFields::default()).await.unwrap();
        let b = h.upload(&c, "address", "utility_bill", Side::Single, bill()).await.unwrap();
        h.submit(&c, a).await.unwrap();
        h.claim(&anna(), &c).await.unwrap();
        let e = h.accept(&anna(), p).await.unwrap_err();
        assert!(e.is("kyc_fields_missing"));
        assert_eq!(e.fields[0].pointer, "/fields/expires_on");
        let accept = |fields: DocumentFields, waivers: &[(&str, &str)]| DocumentVerdict::Accept {
            fields,
            waivers: waivers.iter().map(|(f, r)| Waiver { field: f.to_string(), reason: r.to_string() }).collect(),
        };
        let read = DocumentFields { birth_date: Some(day("1990-05-15")), ..passport() };
        let e = h.judge(&anna(), p, accept(read.clone(), &[])).await.unwrap_err();
        assert!(e.is("kyc_mismatch"));
        assert_eq!((e.fields[0].pointer.as_str(), e.fields[0].code.as_str()), ("/fields/birth_date", "birth_date_mismatch"));
        assert!(h.judge(&anna(), p, accept(read.clone(), &[("birth_date", "  ")])).await.is_err(), "a reason says something");
        let gone = DocumentFields { expires_on: Some(day("2026-11-19")), ..read.clone() };
        assert!(h.judge(&anna(), p, accept(gone, &[("birth_date", "typing slip"), ("expires_on", "he is nice")])).await.unwrap_err().is("kyc_mismatch"));
        h.judge(&anna(), p, accept(read, &[("birth_date", "typing slip, confirmed by telephone")])).await.unwrap();
        h.accept(&anna(), b).await.unwrap();
        let view = h.view(&anna(), &c).await.unwrap();
        let detail = view.documents[0].detail.as_ref().unwrap();
        assert_eq!((detail.mismatches[0].expected.as_str(), detail.mismatches[0].document.as_str()), ("1990-05-14", "1990-05-15"));
        h.approve(&anna(), &c).await.unwrap();
        let who = h.who_approved(&anna(), "cli_m").await.unwrap();
        assert_eq!(who[0].decision.inputs["documents"][0]["waivers"][0]["reason"], "typing slip, confirmed by telephone");
    }

    async fn a_vendors_answer_is_waited_for_and_then_decides(t: TestDb) {
        let h = House::new(t).await;
        h.set(POLICY_KEY, "entity:intl", json!({ "auto_approve_low_risk": true, "declared_data_counts": true,
            "providers": [{ "kind": "screening", "provider": "lists" }] })).await;
        let say = async |c: &Case, outcome: CheckOutcome, hits: i64| {
            let id = c.id;
            h.write(async move |tx, core| {
                let f = Finding { kind: CheckKind::Screening, provider: "lists".into(), outcome, hits, details: json!({ "list_version": "2026-11-20" }) };
                record_check(tx, core, &Caller::system("job:screening"), id, f).await
            })
            .await
        };
        let clean = hand_in(&h, applicant("cli_v", "intl", "AE"), home(), passport()).await;
        assert_eq!(clean.state, CaseState::Submitted);
        assert_eq!(h.view(&anna(), &clean).await.unwrap().risk.unwrap().reasons, ["check_screening_pending"]);
        assert_eq!(say(&clean, CheckOutcome::Pending, 0).await.unwrap().state, CaseState::Submitted);
        assert_eq!(say(&clean, CheckOutcome::Clear, 0).await.unwrap().state, CaseState::Approved);
        assert!(say(&clean, CheckOutcome::Clear, 0).await.unwrap_err().is("kyc_state"));

        let hit = hand_in(&h, applicant("cli_w", "intl", "AE"), home(), passport()).await;
        assert_eq!(say(&hit, CheckOutcome::Hit, 1).await.unwrap().state, CaseState::Submitted);
        let reasons = h.view(&anna(), &hit).await.unwrap().risk.unwrap().reasons;
        assert!(has(&reasons, "check_screening") && has(&reasons, "screening_hit"), "{reasons:?}");
        let id = hit.id;
        let by_hand = h.write(async move |tx, core| {
            let f = Finding { kind: CheckKind::Screening, provider: "lists".into(), outcome: CheckOutcome::Clear, hits: 0, details: json!({}) };
            record_check(tx, core, &anna(), id, f).await
        }).await.unwrap_err();
        assert!(by_hand.is("system_only"));

        // A reader's fields arrive after the handing-in: the match is made then.
        let a = applicant("cli_x", "intl", "AE");
        let c = h.open(a.clone()).await;
        let p = h.upload(&c, "identity", "passport", Side::Single, DocumentFields::default()).await.unwrap();
        h.upload(&c, "address", "utility_bill", Side::Single, bill()).await.unwrap();
        h.submit_with(&c, a, home()).await.unwrap();
        say(&c, CheckOutcome::Clear, 0).await.unwrap();
        assert!(has(&h.view(&anna(), &c).await.unwrap().risk.unwrap().reasons, "check_data_match_error"), "unread is not a match");
        let read = h.write(async move |tx, core| read_document(tx, core, &Caller::system("job:ocr"), p, passport()).await).await.unwrap();
        assert_eq!(read.state, CaseState::Approved);
    }

    async fn a_broken_rule_stops_everybody_at_a_person(t: TestDb) {
        let h = House::new(t).await;
        h.write(async |tx, core| {
            let draft = qd_runtime::rules::Draft {
                id: None,
                base_version: None,
                set: "kyc.risk".into(),
                entity: None,
                name: "Divides by nothing".into(),
                priority: 5,
                expression: "client.age_years / documents.mismatches > 3".into(),
                outcome: json!({ "score": 1 }),
                reason_code: "odd".into(),
                state: qd_runtime::rules::State::Active,
                tests: vec![],
                note: String::new(),
            };
            qd_runtime::rules::save(tx, core, &Caller::system("test"), draft).await
        })
        .await
        .unwrap();
        let c = hand_in(&h, applicant("cli_r", "intl", "AE"), home(), passport()).await;
        assert_eq!(c.state, CaseState::Submitted);
        assert!(has(&h.view(&anna(), &c).await.unwrap().risk.unwrap().reasons, "rule_failed"));
    }

    async fn a_document_added_to_one_licence_is_asked_of_its_new_clients_only(t: TestDb) {
        let h = House::new(t).await;
        let codes = async |c: &Case| {
            let v = h.view(&anna(), c).await.unwrap();
            (v.config_version, v.requirements.into_iter().map(|r| r.code).collect::<Vec<_>>().join(" "))
        };
        let german = h.open(applicant("cli_de", "eu", "DE")).await;
        let italian = h.open(applicant("cli_it", "eu", "IT")).await;
        assert_eq!(codes(&german).await, (1, "identity address".into()));
        assert_eq!(codes(&italian).await, (1, "identity address tax".into()));
        h.write(async |tx, core| {
            let mut e: Entity = (*tenancy::get(tx, "eu").await?).clone();
            let selfie = DocumentRule {
                code: "selfie".into(),
                title_key: "document.selfie".into(),
                kinds: vec!["selfie".into()],
                two_sided: vec![],
                max_age_days: None,
                expires: false,
                over_deposits_minor: None,
            };
            e.config.documents.by_country.get_mut("DE").unwrap().push(selfie);
            tenancy::put_entity(tx, core, &Caller::system("admin"), e, "selfies from now on").await
        })
        .await
        .unwrap();
        assert_eq!(codes(&german).await, (1, "identity address".into()), "a case keeps the list it was opened with");
        assert_eq!(codes(&h.open(applicant("cli_de2", "eu", "DE")).await).await, (2, "identity address selfie".into()));
        assert_eq!(codes(&h.open(applicant("cli_th", "intl", "AE")).await).await, (1, "identity address".into()));
        // Moving to another country changes the list; what was accepted for it is compared again.
        let moved = Applicant { country: "IT".into(), nationality: Some("DE".into()), ..applicant("cli_de", "eu", "DE") };
        h.write(async move |tx, core| set_applicant(tx, core, &Caller::system("job:clients"), german.id, moved.clone()).await).await.unwrap();
        assert_eq!(codes(&h.open(applicant("cli_de", "eu", "IT")).await).await, (2, "identity address tax".into()));
        assert!(h.open_level(applicant("cli_us", "eu", "US"), Level::Standard).await.unwrap_err().is("country_not_served"));
    }
}
