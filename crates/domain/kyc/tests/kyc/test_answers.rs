//! The appropriateness test.

use crate::tools::*;
use qd_kyc::*;
use qd_runtime::tenancy::{self, Class3, Entity};
use qd_testkit::TestDb;

qd_testkit::both! {
    async fn who_fails_the_test_is_warned_and_capped_and_every_attempt_is_kept(t: TestDb) {
        let h = House::new(t).await;
        let a = applicant("cli_a", "eu", "DE");
        let c = h.open(a.clone()).await;
        h.upload_both(&c).await;
        let cap = async || h.t.db.read(async |tx| leverage_cap(tx, "cli_a").await).await.unwrap();
        assert_eq!(cap().await, None);
        let first = h.answer(&c, bad_answers()).await.unwrap();
        assert_eq!((first.assessment.class, first.attempt, first.version), (Class3::Warn, 1, 1));
        assert_eq!(cap().await, Some(5));
        let e = h.submit(&c, a.clone()).await.unwrap_err();
        assert_eq!(e.fields[0].pointer, "/questionnaire/warning");
        let read = async || h.write(async |tx, core| acknowledge_warning(tx, core, &client("cli_a", "eu"), "cli_a", "eu").await).await;
        let at = read().await.unwrap().acknowledged_at_us;
        assert!(at.is_some());
        assert_eq!(read().await.unwrap().acknowledged_at_us, at, "confirmed once");
        assert!(h.view(&client("cli_a", "eu"), &c).await.unwrap().can_submit);

        let second = h.answer(&c, good_answers()).await.unwrap();
        assert_eq!((second.attempt, second.assessment.class), (2, Class3::Pass));
        assert_eq!(cap().await, None, "the last attempt counts");
        assert!(read().await.unwrap_err().is("kyc_no_warning"));
        assert!(h.answer(&c, good_answers()).await.unwrap_err().is("kyc_test_passed"));
        let all = h.t.db.read(async |tx| answers_of(tx, &client("cli_a", "eu"), "cli_a", "eu").await).await.unwrap();
        assert_eq!(all.iter().map(|s| (s.attempt, s.assessment.score)).collect::<Vec<_>>(), [(2, second.assessment.score), (1, first.assessment.score)]);
    }

    async fn attempts_are_counted_by_day_and_wrong_answers_by_question(t: TestDb) {
        let h = House::new(t).await;
        let c = h.open(applicant("cli_a", "eu", "DE")).await;
        let mut half = bad_answers();
        half.remove("education");
        half.insert("shoe_size".into(), vec!["42".into()]);
        let e = h.answer(&c, half).await.unwrap_err();
        let at: Vec<&str> = e.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(at, ["/answers/shoe_size", "/answers/education"]);
        h.answer(&c, bad_answers()).await.unwrap();
        h.answer(&c, bad_answers()).await.unwrap();
        assert!(h.answer(&c, good_answers()).await.unwrap_err().is("kyc_attempts_used"));
        h.at(h.t.core.now().plus_days(1).plus_secs(60));
        h.answer(&c, good_answers()).await.unwrap();
        // A new version of the test may be taken although the old one was passed.
        h.write(async |tx, core| {
            let mut e: Entity = (*tenancy::get(tx, "eu").await?).clone();
            e.config.appropriateness.as_mut().unwrap().version = 2;
            tenancy::put_entity(tx, core, &qd_runtime::access::Caller::system("admin"), e, "clearer questions").await
        })
        .await
        .unwrap();
        assert_eq!(h.answer(&c, good_answers()).await.unwrap().version, 2);
        let other = h.open(applicant("cli_b", "intl", "AE")).await;
        assert!(h.answer(&other, good_answers()).await.unwrap_err().is("kyc_no_questionnaire"));
    }
}
