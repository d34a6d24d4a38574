use crate::house::*;
use qd_recon::{BreakKind as K, BreakState, FileState, Side};
use qd_runtime::jobs::Registry;
use qd_testkit::{TestDb, both};
use serde_json::json;
use std::fmt::Write as _;

const HEADING: &str = "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,payment_intent_id";

both! {
    async fn a_reader_that_dies_is_followed_by_one_that_goes_on_where_it_was(t: TestDb) {
        let h = House::new(t).await;
        let mut text = String::from(HEADING);
        for n in 0..2_600 {
            let _ = write!(text, "\ntxn_{n},2026-11-20 10:00:00,eur,-0.25,0.00,-0.25,fee,fee_{n},");
        }
        let f = h.load_as(finance(), &text).await.unwrap();
        let (psps, files) = (h.psps.clone(), h.files.clone());
        h.kill_when(
            move |core| qd_recon::handlers(&core, &psps, &files).into_iter().fold(Registry::new(), Registry::add),
            async || h.file(f.id).await.lines_read >= 500,
        )
        .await;
        let before = h.file(f.id).await;
        h.take_over().await;
        let f = h.file(f.id).await;
        assert_eq!(f.state, FileState::Done);
        assert!(before.lines_read >= 500);
        assert_eq!((f.lines_total, f.lines_read, f.matched, f.repeated, f.breaks), (2_600, 2_600, 2_600, 0, 0));
        assert!(h.exceptions().await.is_empty());
    }

    async fn money_that_the_platform_booked_and_does_not_show_is_a_break_of_the_platforms(t: TestDb) {
        let h = House::new(t).await;
        let a = h.account(ALEX).await;
        let d = h.deposited(ALEX, 50_000, Some(a.id)).await;
        let ticket = h.movement(&format!("deposit:{}", d.id)).await.platform_ticket.unwrap();
        // Gone before our feed has read it.
        h.control("DELETE", &format!("/mt5/{}/deal/{ticket}", a.server), json!({})).await;
        h.look().await;
        assert_eq!(h.kinds().await, []);
        h.pass(1_000).await;
        h.feed().await;
        h.look().await;
        let open = h.breaks(BreakState::Open).await;
        assert_eq!(open.iter().map(|b| (b.kind, b.side, b.party.as_str())).collect::<Vec<_>>(), [(K::MissingAtProvider, Side::Platform, a.server.as_str())]);
        assert_eq!((open[0].difference.minor, open[0].owner_role.as_str()), (-50_000, "ops"));
        assert_eq!(open[0].client_id.as_deref(), Some(ALEX));
        h.look().await;
        assert_eq!(h.breaks(BreakState::Open).await.len(), 1);
    }
}
