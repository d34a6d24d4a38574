//! Clients' ways through verification.

use crate::tools::*;
use qd_kyc::*;
use qd_runtime::access::{Caller, Role};
use qd_testkit::TestDb;

qd_testkit::both! {
    async fn a_clean_client_is_verified_at_once_by_rule_and_the_record_says_why(t: TestDb) {
        let h = House::new(t).await;
        let a = applicant("cli_a", "intl", "AE");
        let c = h.open(a.clone()).await;
        assert_eq!(c.state, CaseState::Open);
        assert!(!h.gate("cli_a").await.approved);
        h.upload_both(&c).await;
        let c = h.submit(&c, a).await.unwrap();
        assert_eq!(c.state, CaseState::Approved);
        let g = h.gate("cli_a").await;
        assert!(g.approved && !g.stale && g.missing.is_empty());
        assert_eq!((g.level, g.age_days), (Some(Level::Standard), Some(0)));
        let who = h.who_approved(&anna(), "cli_a").await.unwrap();
        assert_eq!(who.len(), 1);
        assert!(who[0].automatic && who[0].in_force);
        assert_eq!((who[0].by.as_str(), who[0].decision.rule.as_deref()), ("rule:kyc.risk", Some("kyc.risk")));
        let inputs = &who[0].decision.inputs;
        assert_eq!(inputs["risk"]["points"], 0);
        assert_eq!(inputs["case"]["documents"].as_array().unwrap().len(), 2);
        assert_eq!(inputs["case"]["documents"][0]["sha256"].as_str().unwrap().len(), 64);
        assert!(inputs["risk"]["evaluation"]["facts"]["client"]["age_years"] == 36);
        assert_eq!(
            h.event_kinds(&c).await,
            ["kyc.case_opened", "kyc.document_uploaded", "kyc.document_uploaded", "kyc.submitted", "kyc.approved"]
        );
        let approved = h.events(&c).await.pop().unwrap();
        assert_eq!((approved.payload["client_id"].as_str(), approved.payload["level"].as_str()), (Some("cli_a"), Some("standard")));
    }

    async fn one_blurred_document_is_sent_again_alone_and_the_history_keeps_both(t: TestDb) {
        let h = House::new(t).await;
        let a = applicant("cli_b", "eu", "DE");
        let c = h.open(a.clone()).await;
        let e = h.submit(&c, a.clone()).await.unwrap_err();
        assert!(e.is("kyc_incomplete"));
        let at: Vec<&str> = e.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(at, ["/questionnaire", "/document/identity", "/document/address"]);
        h.answer(&c, good_answers()).await.unwrap();
        let (p, b) = h.upload_both(&c).await;
        let c = h.submit(&c, a.clone()).await.unwrap();
        assert_eq!(c.state, CaseState::Submitted, "the entity's policy asks for a person");

        let me = client("cli_b", "eu");
        let alone = h.upload(&c, "address", "utility_bill", Side::Single, bill()).await.unwrap_err();
        assert!(alone.is("kyc_state"), "what is being reviewed is not exchanged under the reviewer");
        let nobody = h.accept(&anna(), p).await.unwrap_err();
        assert!(nobody.is("kyc_not_claimed"));
        h.claim(&anna(), &c).await.unwrap();
        h.accept(&anna(), p).await.unwrap();
        h.refuse(&anna(), b, "image_quality", Some("The lower edge is in the dark.")).await.unwrap();
        assert_eq!(h.view(&me, &c).await.unwrap().documents[1].state, DocumentState::Pending, "a verdict is told when it is whole");
        assert!(h.approve(&anna(), &c).await.unwrap_err().is("kyc_incomplete"));
        let c = h.again(&anna(), &c, vec![]).await.unwrap();
        assert_eq!(c.state, CaseState::Resubmission);

        let seen = h.view(&me, &c).await.unwrap();
        let doc = seen.documents.iter().find(|d| d.id == b).unwrap();
        assert_eq!((doc.reason_code.as_deref(), doc.reason_text_key.as_deref()), (Some("image_quality"), Some("reject.image_quality")));
        assert_eq!(doc.reason_note.as_deref(), Some("The lower edge is in the dark."));
        assert_eq!(seen.missing, ["document.address"]);
        assert!(!seen.can_submit && seen.owner.is_none() && seen.risk.is_none() && seen.checks.is_none() && seen.applicant.is_none());
        let asked = h.events(&c).await.pop().unwrap();
        assert_eq!(asked.kind, "kyc.resubmission_requested");
        assert_eq!(asked.payload["documents"][0]["requirement"], "address");
        assert_eq!(asked.payload["documents"][0]["text_key"], "reject.image_quality");

        assert!(h.submit(&c, a.clone()).await.unwrap_err().is("kyc_incomplete"));
        assert!(h.upload(&c, "identity", "passport", Side::Single, passport()).await.unwrap_err().is("kyc_document_accepted"));
        let b2 = h.upload(&c, "address", "utility_bill", Side::Single, bill()).await.unwrap();
        let c = h.submit(&c, a).await.unwrap();
        h.claim(&ben(), &c).await.unwrap();
        h.accept(&ben(), b2).await.unwrap();
        let c = h.approve(&ben(), &c).await.unwrap();
        assert_eq!(c.state, CaseState::Approved);
        let docs = h.view(&anna(), &c).await.unwrap().documents;
        let states: Vec<_> = docs.iter().map(|d| (d.id, d.state, d.superseded_by)).collect();
        assert_eq!(states, [(p, DocumentState::Accepted, None), (b, DocumentState::Replaced, Some(b2)), (b2, DocumentState::Accepted, None)]);
        assert_eq!(docs[1].reason_code.as_deref(), Some("image_quality"), "why it was rejected stays with it");
        let who = h.who_approved(&anna(), "cli_b").await.unwrap();
        assert_eq!((who[0].by.as_str(), who[0].round, who[0].automatic), ("Ben Okafor", 2, false));
    }

    async fn the_stepper_is_the_same_for_client_and_house_after_every_action(t: TestDb) {
        let h = House::new(t).await;
        let mut a = applicant("cli_c", "eu", "DE");
        a.profile_missing = vec!["street".into()];
        let c = h.open(a.clone()).await;
        let both = async |what: &str| {
            let of = async |by: Caller| {
                let id = c.id;
                h.t.db.read(async move |tx| steps(tx, &by, id).await).await.unwrap()
            };
            let (mine, theirs) = (of(client("cli_c", "eu")).await, of(anna()).await);
            assert_eq!(mine, theirs, "{what}");
            mine.iter().map(|s| format!("{}={}", s.key, s.state)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(both("open").await, "profile=todo questionnaire=todo document.identity=todo document.address=todo review=todo");
        a.profile_missing.clear();
        h.answer(&c, good_answers()).await.unwrap();
        let front = h.upload(&c, "identity", "id_card", Side::Front, passport()).await.unwrap();
        let e = h.upload(&c, "identity", "id_card", Side::Single, passport()).await.unwrap_err();
        assert_eq!(e.fields[0].pointer, "/side");
        assert_eq!(h.view(&client("cli_c", "eu"), &c).await.unwrap().missing, ["profile.street", "document.identity.back", "document.address"]);
        let back = h.upload(&c, "identity", "id_card", Side::Back, DocumentFields::default()).await.unwrap();
        let bill_doc = h.upload(&c, "address", "bank_statement", Side::Single, bill()).await.unwrap();
        assert_eq!(both("uploaded").await, "profile=todo questionnaire=done document.identity=waiting document.address=waiting review=todo");
        h.submit(&c, a).await.unwrap();
        assert_eq!(both("handed in").await, "profile=done questionnaire=done document.identity=waiting document.address=waiting review=waiting");
        h.claim(&anna(), &c).await.unwrap();
        h.accept(&anna(), front).await.unwrap();
        h.accept(&anna(), back).await.unwrap();
        h.refuse(&anna(), bill_doc, "poa_too_old", None).await.unwrap();
        assert_eq!(both("half reviewed").await, "profile=done questionnaire=done document.identity=done document.address=waiting review=waiting");
        h.again(&anna(), &c, vec![]).await.unwrap();
        assert_eq!(both("asked again").await, "profile=done questionnaire=done document.identity=done document.address=attention review=attention");
    }

    async fn a_final_rejection_tells_the_client_a_general_text_and_only_compliance_reopens(t: TestDb) {
        let h = House::new(t).await;
        let a = applicant("cli_d", "eu", "DE");
        let c = h.open(a.clone()).await;
        h.answer(&c, good_answers()).await.unwrap();
        h.upload_both(&c).await;
        h.submit(&c, a.clone()).await.unwrap();
        h.claim(&anna(), &c).await.unwrap();
        assert!(h.reject(&anna(), &c, "image_quality").await.unwrap_err().is("reason_not_final"));
        assert!(h.reject(&anna(), &c, "no_such").await.unwrap_err().is("reason_unknown"));
        let c = h.reject(&anna(), &c, "forgery").await.unwrap();
        assert_eq!(c.state, CaseState::Rejected);
        let me = client("cli_d", "eu");
        let seen = serde_json::to_string(&h.view(&me, &c).await.unwrap()).unwrap();
        assert!(seen.contains("reject.generic") && !seen.contains("forgery"), "{seen}");
        let event = h.events(&c).await.pop().unwrap();
        assert_eq!(event.payload["reasons"], serde_json::json!(["reject.generic"]));
        assert!(!event.payload.to_string().contains("forgery"));
        assert!(h.upload(&c, "address", "utility_bill", Side::Single, bill()).await.is_err());
        assert!(h.submit(&c, a).await.unwrap_err().is("kyc_state"));
        assert!(h.reopen(&me, &c, &[]).await.is_err());
        let c = h.reopen(&anna(), &c, &["address"]).await.unwrap();
        assert_eq!(c.state, CaseState::Resubmission);
        let view = h.view(&me, &c).await.unwrap();
        assert_eq!(view.missing, ["document.address"], "only what was named is asked anew");
        assert_eq!(view.outcome_text_key, None);
    }

    async fn a_verified_client_asked_anew_is_not_verified_until_the_end_of_it(t: TestDb) {
        let h = House::new(t).await;
        let a = applicant("cli_e", "intl", "AE");
        let c = h.open(a.clone()).await;
        h.upload_both(&c).await;
        h.submit(&c, a.clone()).await.unwrap();
        let support = staff(9, "Sam", Role::Support, &["intl"]);
        assert!(h.reopen(&support, &c, &[]).await.unwrap_err().is("right_missing"));
        h.reopen(&ben(), &c, &[]).await.unwrap();
        let g = h.gate("cli_e").await;
        assert!(!g.approved && g.level.is_none() && g.approved_at_us.is_none());
        assert_eq!(g.missing, ["document.identity", "document.address"]);
        assert!(!h.who_approved(&ben(), "cli_e").await.unwrap()[0].in_force);
        h.upload_both(&c).await;
        assert_eq!(h.submit(&c, a).await.unwrap().state, CaseState::Approved);
        let who = h.who_approved(&ben(), "cli_e").await.unwrap();
        assert_eq!(who.iter().map(|w| (w.round, w.in_force)).collect::<Vec<_>>(), [(2, true), (1, false)]);
    }

    async fn large_deposits_ask_for_more_at_a_level_of_its_own(t: TestDb) {
        let h = House::new(t).await;
        let a = applicant("cli_f", "eu", "FR");
        let c = h.open(a.clone()).await;
        assert_eq!(h.view(&anna(), &c).await.unwrap().requirements.iter().map(|r| r.code.as_str()).collect::<Vec<_>>(), ["identity", "address"]);
        let more = h.open_level(a.clone(), Level::Enhanced).await.unwrap();
        assert_ne!(more.id, c.id);
        let german = h.open_level(applicant("cli_g", "eu", "DE"), Level::Enhanced).await.unwrap_err();
        assert!(german.is("kyc_level_not_configured"));
        let funds = h.upload(&more, "funds", "payslip", Side::Single, DocumentFields { holder_name: Some("Alex Muller".into()), ..DocumentFields::default() }).await.unwrap();
        h.submit(&more, a.clone()).await.unwrap();
        h.through_review(&anna(), &more, &[funds]).await;
        assert!(!h.gate("cli_f").await.approved, "papers about money do not replace an identity");
        h.answer(&c, good_answers()).await.unwrap();
        let (p, b) = h.upload_both(&c).await;
        h.submit(&c, a).await.unwrap();
        h.through_review(&anna(), &c, &[p, b]).await;
        let g = h.gate("cli_f").await;
        assert!(g.approved);
        assert_eq!(g.level, Some(Level::Enhanced));
        // A reviewer may also ask for it inside the standard case.
        let again = applicant("cli_h", "eu", "FR");
        let c = h.open(again.clone()).await;
        h.answer(&c, good_answers()).await.unwrap();
        let (p, b) = h.upload_both(&c).await;
        h.submit(&c, again.clone()).await.unwrap();
        h.claim(&anna(), &c).await.unwrap();
        for d in [p, b] {
            h.accept(&anna(), d).await.unwrap();
        }
        h.again(&anna(), &c, vec![Again { requirement: "funds".into(), reason_code: None, note: Some("Your last payslip, please.".into()) }]).await.unwrap();
        let asked = h.events(&c).await.pop().unwrap();
        assert_eq!(asked.payload["documents"][0]["requirement"], "funds");
        assert!(h.submit(&c, again).await.unwrap_err().is("kyc_incomplete"));
    }
}
