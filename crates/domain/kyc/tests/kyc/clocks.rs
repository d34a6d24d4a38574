//! Due times, reminders, expiry.

use crate::tools::*;
use qd_kernel::{PageRequest, Ts};
use qd_kyc::*;
use qd_runtime::exceptions::{self, ExceptionState, Filter};
use qd_runtime::jobs::{Registry, run_until_idle};
use qd_testkit::TestDb;

async fn run_jobs(h: &House) {
    let registry = handlers(&h.t.core).into_iter().fold(Registry::new(), Registry::add);
    run_until_idle(&h.t.core, &registry).await.unwrap();
}

async fn handed_in(h: &House, client_id: &str) -> (Case, DocumentId, DocumentId) {
    let a = applicant(client_id, "eu", "DE");
    let c = h.open(a.clone()).await;
    h.answer(&c, good_answers()).await.unwrap();
    let (p, b) = h.upload_both(&c).await;
    let c = h.submit(&c, a).await.unwrap();
    (c, p, b)
}

qd_testkit::both! {
    async fn a_review_past_its_time_is_somebodys_to_look_at_until_it_is_decided(t: TestDb) {
        let h = House::new(t).await;
        let (c, p, b) = handed_in(&h, "cli_a").await;
        let (late, ..) = handed_in(&h, "cli_b").await;
        let open = async || {
            let page = PageRequest::new(None, None).unwrap();
            let f = Filter { state: Some(ExceptionState::Open), owner_role: Some("compliance".into()), ..Filter::default() };
            h.t.db.read(async move |tx| exceptions::list(tx, &anna(), &f, &page).await).await.unwrap().items
        };
        let start = h.t.core.now();
        h.claim(&anna(), &c).await.unwrap();
        h.release(&anna(), &c).await.unwrap();
        let id = c.id;
        h.write(async move |tx, core| reassign(tx, core, &anna(), id, ben().staff_id()?, "Ben Okafor", "he knows the family").await).await.unwrap();
        assert!(h.accept(&anna(), p).await.unwrap_err().detail.contains("Ben Okafor"));
        run_jobs(&h).await;
        assert!(open().await.is_empty());
        assert!(h.queue(&anna(), QueueFilter { overdue: true, ..QueueFilter::default() }).await.unwrap().is_empty());

        h.at(start.plus_secs(8 * 3_600 + 60));
        run_jobs(&h).await;
        let found = open().await;
        assert_eq!(found.len(), 2);
        assert!(found.iter().any(|e| e.cause.contains("Ben Okafor")) && found.iter().any(|e| e.cause.contains("nobody")));
        let mine = QueueFilter { owner: Some(OwnedBy::Me), overdue: true, ..QueueFilter::default() };
        let rows = h.queue(&ben(), mine).await.unwrap();
        assert_eq!(rows.iter().map(|r| (r.client_id.as_str(), r.overdue)).collect::<Vec<_>>(), [("cli_a", true)]);
        let free = h.queue(&anna(), QueueFilter { owner: Some(OwnedBy::Nobody), ..QueueFilter::default() }).await.unwrap();
        assert_eq!(free.iter().map(|r| r.client_id.as_str()).collect::<Vec<_>>(), ["cli_b"]);

        for d in [p, b] {
            h.accept(&ben(), d).await.unwrap();
        }
        h.approve(&ben(), &c).await.unwrap();
        let left = open().await;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].subject, format!("kyc:{}", late.id));

        let now = h.t.core.now();
        let f = h.t.db.read(async move |tx| figures(tx, &anna(), start.plus_days(-1), now).await).await.unwrap();
        assert_eq!((f.waiting, f.unclaimed, f.overdue, f.decided, f.by_rule, f.late), (1, 1, 1, 1, 0, 1));
        assert_eq!(f.median_to_claim_s, Some(0), "the clock of the first look is the first claim's");
        assert!((8 * 3_600..8 * 3_600 + 120).contains(&f.median_by_person_s.unwrap()));
    }

    async fn the_queue_pages_by_due_time_and_misses_nobody(t: TestDb) {
        let h = House::new(t).await;
        let mut made = Vec::new();
        for i in 0..7 {
            made.push(handed_in(&h, &format!("cli_{i}")).await.0.client_id);
        }
        let (mut cursor, mut seen, now) = (None::<String>, Vec::new(), h.t.core.now());
        loop {
            let page = PageRequest::new(Some(3), cursor.as_deref()).unwrap();
            let got = h.t.db.read(async move |tx| queue(tx, &anna(), &QueueFilter::default(), now, &page).await).await.unwrap();
            seen.extend(got.items.into_iter().map(|r| r.client_id));
            cursor = got.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, made);
        let all = QueueFilter { state: Some(CaseState::Submitted), entity: Some("eu".into()), country: Some("DE".into()), level: Some(Level::Standard), ..QueueFilter::default() };
        assert_eq!(h.queue(&anna(), all).await.unwrap().len(), 7);
        assert!(h.queue(&anna(), QueueFilter { state: Some(CaseState::Approved), ..QueueFilter::default() }).await.unwrap().is_empty());
        let bad = PageRequest::new(None, Some("c1616263")).unwrap();
        assert!(h.t.db.read(async move |tx| queue(tx, &anna(), &QueueFilter::default(), now, &bad).await).await.unwrap_err().is("cursor_malformed"));
    }

    async fn a_document_that_runs_out_is_announced_and_then_ends_the_approval(t: TestDb) {
        let h = House::new(t).await;
        let a = applicant("cli_a", "intl", "AE");
        let c = h.open(a.clone()).await;
        let until = |d: &str| DocumentFields { expires_on: Some(day(d)), ..passport() };
        h.upload(&c, "identity", "passport", Side::Single, until("2027-03-01")).await.unwrap();
        h.upload(&c, "address", "utility_bill", Side::Single, bill()).await.unwrap();
        assert_eq!(h.submit(&c, a.clone()).await.unwrap().state, CaseState::Approved);
        run_jobs(&h).await;
        let reminders = async || h.events(&c).await.into_iter().filter(|e| e.kind == "kyc.document_expiring").map(|e| e.payload["days_left"].as_i64().unwrap()).collect::<Vec<_>>();
        assert!(reminders().await.is_empty());
        h.at(Ts::from_ymd(2027, 2, 1));
        run_jobs(&h).await;
        let first = reminders().await;
        assert_eq!(first, [28], "the one of 30 days before, a little late");
        h.at(Ts::from_ymd(2027, 2, 28).plus_secs(60));
        run_jobs(&h).await;
        assert_eq!(reminders().await.len(), first.len() + 1, "and the one of 7 days before");
        h.at(Ts::from_ymd(2027, 3, 1).plus_secs(3_600));
        run_jobs(&h).await;
        assert!(h.gate("cli_a").await.approved, "its last day is a good one");
        h.at(Ts::from_ymd(2027, 3, 2).plus_secs(1));
        run_jobs(&h).await;
        let g = h.gate("cli_a").await;
        assert!(!g.approved);
        assert_eq!((g.state, g.missing), (Some(CaseState::Expired), vec!["document.identity".to_string()]));
        assert!(h.event_kinds(&c).await.contains(&"kyc.expired".to_string()));
        assert!(h.submit(&c, a.clone()).await.unwrap_err().is("kyc_incomplete"));
        h.upload(&c, "identity", "passport", Side::Single, until("2037-03-01")).await.unwrap();
        assert_eq!(h.submit(&c, a).await.unwrap().state, CaseState::Approved, "the address was accepted in its time and stays");
    }

    async fn an_old_verification_is_a_signal_and_no_end(t: TestDb) {
        let h = House::new(t).await;
        let a = applicant("cli_a", "intl", "AE");
        let c = h.open(a.clone()).await;
        h.upload_both(&c).await;
        h.submit(&c, a).await.unwrap();
        h.at(h.t.core.now().plus_days(1_200));
        let g = h.gate("cli_a").await;
        assert!(g.approved && g.stale);
        assert_eq!(g.age_days, Some(1_200));
        assert_eq!(h.gate("cli_nobody").await.missing, ["kyc"]);
    }
}
