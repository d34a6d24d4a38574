//! Who reads which commission lines, and what they say about others.

use crate::kit::*;
use crate::tx;
use qd_kernel::{Currency, PageRequest};
use qd_partners::reading::{self, LineFilter, LineState, LineView};
use qd_partners::{DealFacts, PartnerId, statements};
use qd_runtime::access::Caller;
use qd_testkit::TestDb;
use serde_json::json;

/// Two partners who are clients too, the sub below the master; a client of each, and four lines: two
/// for the sub's client, one for the master's, one that pays nothing.
async fn books(t: &TestDb) -> (PartnerId, PartnerId) {
    let master = make(t, "Master", None, Currency::USD, Some("cli_m")).await.id;
    let sub = make(t, "Sub", Some(master), Currency::USD, Some("cli_s")).await.id;
    for (p, rate) in [(master, "10"), (sub, "8")] {
        let plan = plan(t, per_lot(rate, json!({"method": "differential"}))).await;
        on_plan(t, p, plan, day(1, 1)).await;
    }
    give(t, "cli_1", Some(sub), day(1, 2)).await;
    give(t, "cli_2", Some(master), day(1, 2)).await;
    book(t, vec![deal("1", "cli_1", "5", day(3, 5)), deal("2", "cli_2", "1", day(3, 6))]).await;
    let technical = DealFacts {
        technical: true,
        ..deal("3", "cli_1", "1", day(3, 7))
    };
    book(t, vec![technical]).await;
    (sub, master)
}

/// All that the filter finds, in pages of `limit`.
async fn all(t: &TestDb, who: &Caller, f: &LineFilter, limit: u32) -> Vec<LineView> {
    let (mut out, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let (who, f, page) = (who.clone(), f.clone(), PageRequest::new(Some(limit), cursor.as_deref()).unwrap());
        let got = t.db.read(async move |tx| reading::lines(tx, &who, &f, &page).await).await.unwrap();
        out.extend(got.items);
        cursor = got.next_cursor;
        if cursor.is_none() {
            return out;
        }
    }
}

fn tickets(lines: &[LineView]) -> Vec<&str> {
    lines.iter().map(|l| l.ticket.as_str()).collect()
}

qd_testkit::both! {
    async fn staff_list_the_lines_of_all_partners_of_their_entities_and_narrow_them(t: TestDb) {
        let (sub, master) = books(&t).await;
        let any = LineFilter::default();
        let lines = all(&t, &finance(), &any, 50).await;
        let mut found = tickets(&lines);
        found.sort_unstable();
        assert_eq!(found, ["1", "1", "2", "3"]);
        let one_by_one: Vec<_> = all(&t, &finance(), &any, 1).await.iter().map(|l| l.id).collect();
        assert_eq!(one_by_one, lines.iter().map(|l| l.id).collect::<Vec<_>>());
        assert!(all(&t, &elsewhere(), &any, 50).await.is_empty(), "another entity's staff see none");
        let refused = t.db.read(async move |tx| reading::lines(tx, &sales(), &LineFilter::default(), &PageRequest::new(None, None).unwrap()).await).await;
        assert!(refused.is_err());

        let of = |f: LineFilter| { let t = &t; async move { all(t, &finance(), &f, 1).await } };
        assert_eq!(tickets(&of(LineFilter { account: Some("tac_cli_2".into()), ..any.clone() }).await), ["2"]);
        assert_eq!(tickets(&of(LineFilter { account: Some("tac_cli_%".into()), ..any.clone() }).await), [""; 0]);
        assert_eq!(tickets(&of(LineFilter { state: Some(LineState::Zero), ..any.clone() }).await), ["3"]);
        assert_eq!(of(LineFilter { state: Some(LineState::Open), ..any.clone() }).await.len(), 3);
        assert_eq!(tickets(&of(LineFilter { partner_id: Some(master), from: Some(day(3, 6)), ..any.clone() }).await), ["2"]);
        assert_eq!(of(LineFilter { client_id: Some("cli_1".into()), to: Some(day(3, 6)), ..any.clone() }).await.len(), 2);

        tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, Currency::USD, day(4, 1)).await).unwrap();
        let stated = of(LineFilter { state: Some(LineState::Stated), ..any.clone() }).await;
        assert_eq!((tickets(&stated), stated[0].partner_id), (vec!["1"], sub));
        assert_eq!(of(LineFilter { state: Some(LineState::Open), ..any }).await.len(), 2);
    }

    async fn a_partner_reads_his_own_lines_and_nothing_of_those_above_him(t: TestDb) {
        let (sub, master) = books(&t).await;
        // Corrected: the first lines are taken back, and the reversals tell their story too.
        book(&t, vec![DealFacts { revision: 2, ..deal("1", "cli_1", "4", day(3, 5)) }]).await;
        let mine = async |who: &'static str| {
            let page = PageRequest::new(None, None).unwrap();
            t.db.read(async move |tx| reading::my_lines(tx, &client(who), LineFilter::default(), &page).await).await.unwrap().items
        };
        let subs = mine("cli_s").await;
        assert_eq!(subs.len(), 4);
        assert!(subs.iter().any(|l| l.explanation["corrects"]["line"].is_string()));
        for l in &subs {
            let text = serde_json::to_string(l).unwrap();
            assert_eq!(l.partner_id, sub);
            assert!(!text.contains(&master.to_string()), "{text}");
            assert_eq!(l.explanation["path"], json!([sub]));
        }
        // What those below earned is part of one's own story.
        let masters = mine("cli_m").await;
        let over = masters.iter().find(|l| l.level == 2 && l.minor > 0).unwrap();
        assert_eq!(over.explanation["below"][0]["partner"], json!(sub));
        let id = over.id;
        let p = t.db.read(async move |tx| reading::line(tx, &client("cli_s"), id).await).await.unwrap_err();
        assert_eq!(p.code, "not_found");
    }
}
