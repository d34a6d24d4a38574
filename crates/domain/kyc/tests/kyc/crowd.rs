//! Several at once.

use crate::tools::*;
use qd_kyc::*;
use qd_runtime::access::{Role, StaffId};
use qd_testkit::TestDb;

qd_testkit::both! {
    async fn of_ten_reviewers_who_claim_at_once_one_gets_the_case_and_the_others_learn_his_name(t: TestDb) {
        let h = House::new(t).await;
        let a = applicant("cli_a", "eu", "DE");
        let c = h.open(a.clone()).await;
        h.answer(&c, good_answers()).await.unwrap();
        h.upload_both(&c).await;
        h.submit(&c, a).await.unwrap();
        let tries: Vec<_> = (0..10u128)
            .map(|n| {
                let (core, id) = (h.t.core.clone(), c.id);
                tokio::spawn(async move {
                    let by = staff(100 + n, &format!("Reviewer {n}"), Role::Compliance, &["eu"]);
                    let db = core.db.clone();
                    db.write(async move |tx| claim(tx, &core, &by, id).await).await
                })
            })
            .collect();
        let mut won = 0;
        let mut owners = std::collections::BTreeSet::new();
        for t in tries {
            match t.await.unwrap() {
                Ok(_) => won += 1,
                Err(p) => {
                    assert!(p.is("kyc_claimed"), "{p}");
                    owners.insert(p.detail);
                }
            }
        }
        assert_eq!((won, owners.len()), (1, 1));
        let owner = h.view(&anna(), &c).await.unwrap().owner.unwrap();
        assert!(owners.iter().all(|d| d.contains(&owner.name)));
        assert_ne!(owner.id, StaffId::from_body(1));
    }

    async fn a_case_opened_and_filled_by_many_hands_at_once_is_one_case_with_every_upload(t: TestDb) {
        let h = House::new(t).await;
        let opened: Vec<_> = (0..6)
            .map(|_| {
                let core = h.t.core.clone();
                tokio::spawn(async move {
                    let db = core.db.clone();
                    db.write(async move |tx| open_case(tx, &core, &client("cli_a", "eu"), applicant("cli_a", "eu", "DE"), Level::Standard).await).await
                })
            })
            .collect();
        let mut ids = std::collections::BTreeSet::new();
        let mut case = None;
        for o in opened {
            let c = o.await.unwrap().unwrap();
            ids.insert(c.id);
            case = Some(c);
        }
        assert_eq!(ids.len(), 1);
        let c = case.unwrap();
        let uploads: Vec<_> = (0..8)
            .map(|_| {
                let (core, id, file) = (h.t.core.clone(), c.id, h.file());
                tokio::spawn(async move {
                    let db = core.db.clone();
                    db.write(async move |tx| {
                        let new = NewDocument { requirement: "identity".into(), kind: "passport".into(), side: Side::Single, file: file.clone(), fields: passport() };
                        add_document(tx, &core, &client("cli_a", "eu"), id, new).await
                    })
                    .await
                })
            })
            .collect();
        for u in uploads {
            u.await.unwrap().unwrap();
        }
        let docs = h.view(&anna(), &c).await.unwrap().documents;
        assert_eq!(docs.len(), 8);
        assert_eq!(docs.iter().filter(|d| d.state == DocumentState::Pending).count(), 1, "one of them is current, whichever came last");
        assert_eq!(docs.iter().filter(|d| d.state == DocumentState::Replaced && d.superseded_by.is_some()).count(), 7);
    }
}
