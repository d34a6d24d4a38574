//! Who may see and do what.

use crate::tools::*;
use qd_kernel::{Class, PageRequest};
use qd_kyc::*;
use qd_runtime::access::{Caller, Role};
use qd_runtime::audit::{self, AuditFilter};
use qd_testkit::TestDb;

async fn handed_in(h: &House, client_id: &str) -> (Case, DocumentId, DocumentId) {
    let a = applicant(client_id, "eu", "DE");
    let c = h.open(a.clone()).await;
    h.answer(&c, good_answers()).await.unwrap();
    let (p, b) = h.upload_both(&c).await;
    let c = h.submit(&c, a).await.unwrap();
    (c, p, b)
}

qd_testkit::both! {
    async fn another_client_and_another_entitys_people_are_told_there_is_no_such_case(t: TestDb) {
        let h = House::new(t).await;
        let (c, p, _) = handed_in(&h, "cli_a").await;
        let stranger = client("cli_b", "eu");
        let abroad = staff(5, "Ida", Role::Compliance, &["intl"]);
        for by in [&stranger, &abroad] {
            assert_eq!(h.view(by, &c).await.unwrap_err().class, Class::Missing);
            let (by2, id) = (by.clone(), c.id);
            assert_eq!(h.t.db.read(async move |tx| steps(tx, &by2, id).await).await.unwrap_err().class, Class::Missing);
            let by2 = by.clone();
            assert_eq!(h.write(async move |tx, core| view_document(tx, core, &by2, p).await).await.unwrap_err().class, Class::Missing);
        }
        assert_eq!(h.claim(&abroad, &c).await.unwrap_err().class, Class::Missing);
        assert_eq!(h.who_approved(&abroad, "cli_a").await.unwrap_err().class, Class::Missing);
        assert!(h.queue(&abroad, QueueFilter::default()).await.unwrap().is_empty());
        assert_eq!(h.queue(&anna(), QueueFilter::default()).await.unwrap().len(), 1);
        // Acting for somebody else.
        let id = c.id;
        let foreign = h.write(async move |tx, core| {
            let file = qd_runtime::files::FileRef { id: qd_runtime::files::FileId::new(&core.env), sha256: "0".repeat(64), mime: qd_runtime::files::Mime::Pdf, size: 1, key_id: "k".into() };
            add_document(tx, core, &client("cli_b", "eu"), id, NewDocument { requirement: "address".into(), kind: "utility_bill".into(), side: Side::Single, file, fields: bill() }).await
        }).await.unwrap_err();
        assert_eq!(foreign.class, Class::Missing);
        let posed = h.write(async move |tx, core| open_case(tx, core, &client("cli_b", "eu"), applicant("cli_z", "eu", "DE"), Level::Standard).await).await.unwrap_err();
        assert_eq!(posed.class, Class::Missing);
        assert_eq!(h.view(&Caller::public(), &c).await.unwrap_err().class, Class::Unauthenticated);
    }

    async fn sales_and_support_cannot_review_and_do_not_see_risk_or_papers(t: TestDb) {
        let h = House::new(t).await;
        let (c, p, _) = handed_in(&h, "cli_a").await;
        let support = staff(6, "Sam", Role::Support, &["eu"]);
        let sales = staff(7, "Sal", Role::Sales, &["eu"]);
        for by in [&support, &sales] {
            assert!(h.claim(by, &c).await.unwrap_err().is("right_missing"));
            let by2 = by.clone();
            assert!(h.write(async move |tx, core| view_document(tx, core, &by2, p).await).await.unwrap_err().is("right_missing"));
            let v = h.view(by, &c).await.unwrap();
            assert!(v.risk.is_none() && v.checks.is_none() && v.documents.iter().all(|d| d.detail.is_none()));
        }
        assert!(h.queue(&sales, QueueFilter::default()).await.unwrap_err().is("scope_too_narrow"));
        let rows = h.queue(&support, QueueFilter::default()).await.unwrap();
        assert!(rows[0].reasons.is_none() && rows[0].risk_score.is_none() && rows[0].risk_band.is_none());
        assert!(h.queue(&support, QueueFilter { band: Some(Band::Low), ..QueueFilter::default() }).await.unwrap_err().is("mask_closed"), "a filter must not leak what is covered");
        h.claim(&anna(), &c).await.unwrap();
        h.release(&anna(), &c).await.unwrap();
        let id = c.id;
        h.write(async move |tx, core| reassign(tx, core, &anna(), id, ben().staff_id()?, "Ben Okafor", "suspicion of layering").await).await.unwrap();
        let lines = async |by: Caller| h.t.db.read(async move |tx| history(tx, &by, id).await).await.unwrap();
        assert!(lines(anna()).await.iter().any(|l| l.note.as_deref() == Some("suspicion of layering")));
        assert!(!lines(support).await.iter().any(|l| l.note.as_deref().is_some_and(|n| n.contains("layering"))));
    }

    async fn every_look_at_a_document_is_on_record_and_part_of_what_the_reviewer_saw(t: TestDb) {
        let h = House::new(t).await;
        let (c, p, b) = handed_in(&h, "cli_a").await;
        let file = h.write(async move |tx, core| view_document(tx, core, &anna(), p).await).await.unwrap();
        let auditor = staff(8, "Otto", Role::Auditor, &["*"]);
        let looker = auditor.clone();
        h.write(async move |tx, core| view_document(tx, core, &looker, b).await).await.unwrap();
        let found = h
            .t
            .db
            .read(async move |tx| audit::search(tx, &auditor, &AuditFilter { action: Some("kyc.document_viewed".into()), ..AuditFilter::default() }, &PageRequest::new(None, None)?).await)
            .await
            .unwrap();
        assert_eq!(found.items.iter().map(|r| r.actor_label.as_str()).collect::<Vec<_>>(), ["Otto", "Anna Berg"]);
        h.through_review(&anna(), &c, &[p, b]).await;
        let who = h.who_approved(&anna(), "cli_a").await.unwrap();
        let docs = who[0].decision.inputs["documents"].as_array().unwrap().clone();
        assert_eq!(docs[0]["sha256"], serde_json::json!(file.sha256));
        assert!(docs[0]["opened_at_us"].is_i64(), "Anna opened the passport");
        assert!(docs[1]["opened_at_us"].is_null(), "and not the bill; Otto did");
        // The evidence is covered for those who may not see documents; the client is not told.
        let ops = staff(11, "Olga", Role::Ops, &["eu"]);
        let covered = h.who_approved(&ops, "cli_a").await.unwrap();
        assert_eq!(covered[0].by, "Anna Berg");
        assert!(!covered[0].decision.inputs.to_string().contains(&file.sha256));
        assert!(h.who_approved(&client("cli_a", "eu"), "cli_a").await.is_err());
    }

    async fn a_verdict_on_an_older_screen_or_by_another_person_is_refused(t: TestDb) {
        let h = House::new(t).await;
        let (c, p, b) = handed_in(&h, "cli_a").await;
        h.claim(&anna(), &c).await.unwrap();
        let taken = h.claim(&ben(), &c).await.unwrap_err();
        assert!(taken.is("kyc_claimed") && taken.detail.contains("Anna Berg"));
        assert!(h.accept(&ben(), p).await.unwrap_err().detail.contains("Anna Berg"));
        h.accept(&anna(), p).await.unwrap();
        let seen = h.accept(&anna(), b).await.unwrap().version;
        let changed = Applicant { phone: Some("+491".into()), ..applicant("cli_a", "eu", "DE") };
        let id = c.id;
        h.write(async move |tx, core| set_applicant(tx, core, &Caller::system("job:clients"), id, changed.clone()).await).await.unwrap();
        assert!(h.approve_at(&anna(), &c, seen).await.unwrap_err().is("kyc_case_changed"));
        assert!(has(&h.view(&anna(), &c).await.unwrap().risk.unwrap().reasons, "data_changed"));
        let renamed = Applicant { name: "Max Meier".into(), ..applicant("cli_a", "eu", "DE") };
        h.write(async move |tx, core| set_applicant(tx, core, &Caller::system("job:clients"), id, renamed.clone()).await).await.unwrap();
        assert!(h.approve(&anna(), &c).await.unwrap_err().is("kyc_documents_undecided"), "what was accepted for one name is not for another");
        let v = h.version(&c).await;
        assert!(h.claim(&anna(), &c).await.unwrap().version == v, "claiming one's own case changes nothing");
    }
}
