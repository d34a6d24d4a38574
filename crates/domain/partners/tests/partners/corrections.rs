//! Changes with an earlier date: seen first, decided by a second person, carried out by a job, undone
//! only by another one; closed statements stay to the byte.

use crate::kit::*;
use crate::tx;
use qd_kernel::{Currency, Lots, PageRequest, Problem, Ts};
use qd_partners::booking::LineKind;
use qd_partners::corrections::{self, Correction, CorrectionHandler, CorrectionState, ManualLine, Policy, Preview, Request};
use qd_partners::reading::{self, LineFilter, LineView};
use qd_partners::{CorrectionId, DealFacts, PartnerId, StatementId, booking, plans, statements};
use qd_testkit::TestDb;
use serde_json::json;
use std::sync::Arc;

const USD: Currency = Currency::USD;

fn differential() -> serde_json::Value {
    json!({"method": "differential"})
}

pub async fn preview(t: &TestDb, r: Request) -> Result<Preview, Problem> {
    tx!(t, |tx, core| corrections::preview(
        tx,
        core,
        &manager(),
        &r,
        Some("eu"),
        Policy::Retier
    )
    .await)
}

pub async fn prepare(t: &TestDb, r: Request, policy: Policy) -> Result<Correction, Problem> {
    tx!(t, |tx, core| corrections::prepare(
        tx,
        core,
        &manager(),
        &r,
        Some("eu"),
        policy,
        "contract of March"
    )
    .await)
}

pub async fn decide(t: &TestDb, caller: qd_runtime::access::Caller, id: CorrectionId, yes: bool) -> Result<Correction, Problem> {
    tx!(t, |tx, core| corrections::decide(tx, core, &caller, id, yes, "seen", json!({}))
        .await)
}

pub async fn work(t: &TestDb) {
    let registry = qd_runtime::jobs::Registry::new()
        .add(Arc::new(CorrectionHandler { core: t.core.clone() }))
        .add(Arc::new(qd_partners::rebates::RebateHandler { core: t.core.clone() }));
    qd_runtime::jobs::run_until_idle(&t.core, &registry).await.unwrap();
}

/// Prepared by one, allowed by another, carried out.
pub async fn correct(t: &TestDb, r: Request, policy: Policy) -> CorrectionId {
    let c = prepare(t, r, policy).await.unwrap();
    decide(t, finance(), c.id, true).await.unwrap();
    work(t).await;
    assert_eq!(get(t, c.id).await.0.state, CorrectionState::Applied);
    c.id
}

pub async fn get(t: &TestDb, id: CorrectionId) -> (Correction, corrections::Figures) {
    t.db.read(async move |tx| corrections::get(tx, &finance(), id).await).await.unwrap()
}

async fn close(t: &TestDb, p: PartnerId, to: Ts) -> StatementId {
    tx!(t, |tx, core| statements::close(tx, core, &finance(), p, USD, to).await)
        .unwrap()
        .id
}

async fn content(t: &TestDb, id: StatementId) -> String {
    t.db.read(async move |tx| statements::get(tx, &finance(), id).await)
        .await
        .unwrap()
        .1
}

async fn lines_of(t: &TestDb, f: LineFilter) -> Vec<LineView> {
    t.db.read(async move |tx| reading::lines(tx, &finance(), &f, &PageRequest::new(Some(200), None)?).await)
        .await
        .unwrap()
        .items
}

/// M1 (9.00) and M2 (8.50) at the top, S (6.00) below M1, with S's client.
async fn two_masters(t: &TestDb) -> (PartnerId, PartnerId, PartnerId) {
    let (m1, m2) = (make(t, "M1", None, USD, None).await.id, make(t, "M2", None, USD, None).await.id);
    let s = make(t, "S", Some(m1), USD, None).await.id;
    for (p, rate) in [(m1, "9"), (m2, "8.5"), (s, "6")] {
        let id = plan(t, per_lot(rate, differential())).await;
        on_plan(t, p, id, day(1, 1)).await;
    }
    give(t, "cli_1", Some(s), day(1, 2)).await;
    (m1, m2, s)
}

fn march() -> Vec<DealFacts> {
    vec![
        deal("T1", "cli_1", "4", day(3, 5)),
        deal("T2", "cli_1", "3", day(3, 17)),
        deal("T3", "cli_1", "5", day(3, 20)),
    ]
}

qd_testkit::both! {
    async fn a_subtree_moved_with_an_earlier_date_moves_the_money_and_not_a_byte_of_the_closed_month(t: TestDb) {
        // Example 12 by close time, recorded only after March was closed.
        let (m1, m2, s) = two_masters(&t).await;
        book(&t, march()).await;
        let all = async || [owed(&t, m1, USD).await, owed(&t, m2, USD).await, owed(&t, s, USD).await];
        assert_eq!(all().await, [3_600, 0, 7_200]);
        let statement = close(&t, m1, day(4, 1)).await;
        let before = content(&t, statement).await;
        let r = Request::PartnerMoved { partner_id: s, parent: Some(m2), at_us: day(3, 16).micros() };

        let p = preview(&t, r.clone()).await.unwrap();
        assert_eq!(all().await, [3_600, 0, 7_200], "a preview leaves nothing behind");
        assert_eq!(p.retier, p.freeze, "without tiers both are the same");
        assert_eq!((p.retier.deals_seen, p.retier.deals_changed), (2, 2));
        assert!(p.retier.closed_changed);
        let per: Vec<_> = p.retier.per.iter().map(|f| (f.partner_id, f.statement_id, f.old_minor, f.new_minor, f.difference_minor)).collect();
        assert!(per.contains(&(m1, Some(statement), 3_600, 1_200, -2_400)), "{per:?}");
        assert!(per.contains(&(m2, None, 0, 2_000, 2_000)), "{per:?}");
        let same = r.clone();
        let refused = tx!(t, |tx, core| corrections::at_once(tx, core, &manager(), &same, None, "at once").await).unwrap_err();
        assert_eq!(refused.code, "correction_needed");

        let c = prepare(&t, r.clone(), Policy::Retier).await.unwrap();
        assert_eq!((c.state, all().await), (CorrectionState::Prepared, [3_600, 0, 7_200]));
        assert_eq!(decide(&t, manager(), c.id, true).await.unwrap_err().code, "approval_own_request");
        assert_eq!(decide(&t, sales(), c.id, true).await.unwrap_err().code, "right_missing");
        assert_eq!(decide(&t, elsewhere(), c.id, true).await.unwrap_err().code, "not_found");
        assert_eq!(decide(&t, finance(), c.id, true).await.unwrap().state, CorrectionState::Applying);
        work(&t).await;
        let (done, figures) = get(&t, c.id).await;
        assert_eq!((done.state, done.deals_seen, done.deals_total), (CorrectionState::Applied, 2, 2));
        assert_eq!(figures.per, p.retier.per, "what was done is what was seen");
        // S is paid the same; its lines were booked anew with the new path.
        assert_eq!(all().await, [1_200, 2_000, 7_200]);
        let lines = lines_of(&t, LineFilter { batch_id: Some(c.id), ..LineFilter::default() }).await;
        assert!(lines.iter().all(|l| l.batch_id == Some(c.id)) && lines.iter().any(|l| l.kind == LineKind::Reversal));
        assert_eq!(content(&t, statement).await, before, "March's file changed");
        let next = close(&t, m1, day(5, 1)).await;
        let next = t.db.read(async move |tx| statements::get(tx, &finance(), next).await).await.unwrap().0;
        assert_eq!((next.opening_minor, next.adjustments_minor, next.closing_minor), (3_600, -2_400, 1_200));
        let shown = t.db.read(async move |tx| corrections::closed_changes(tx, &finance(), Some(m1), None, &PageRequest::new(None, None)?).await).await.unwrap();
        assert!(shown.items.iter().all(|i| i.cause == "correction" && i.statement_id == statement && i.reason.as_deref() == Some("contract of March")));
        assert_eq!(shown.items.iter().map(|i| i.minor).sum::<i64>(), -2_400);
        sound(&t).await;

        // Undone by another one, by the same steps; after that there is nothing left to undo.
        let u = tx!(t, |tx, core| corrections::undo(tx, core, &manager(), c.id, "wrong partner").await).unwrap();
        assert_eq!(all().await, [1_200, 2_000, 7_200]);
        decide(&t, finance(), u.id, true).await.unwrap();
        work(&t).await;
        assert_eq!(all().await, [3_600, 0, 7_200]);
        assert_eq!(get(&t, c.id).await.0.undone_by, Some(u.id));
        let again = tx!(t, |tx, core| corrections::undo(tx, core, &manager(), c.id, "again").await).unwrap_err();
        assert_eq!(again.code, "correction_state");
        // New deals find the tree as it was.
        book(&t, vec![deal("T4", "cli_1", "1", day(3, 21))]).await;
        assert_eq!(all().await, [3_900, 0, 7_800]);
        assert_eq!(content(&t, statement).await, before);
        sound(&t).await;
    }

    async fn a_client_who_was_somebody_elses_from_the_first_day_is_put_right(t: TestDb) {
        let (_, m2, s) = two_masters(&t).await;
        book(&t, march()).await;
        close(&t, s, day(4, 1)).await;
        let r = Request::ClientMoved { client_id: "cli_1".into(), partner: Some(m2), at_us: day(1, 2).micros() };
        let p = preview(&t, r.clone()).await.unwrap();
        assert_eq!(p.retier.deals_changed, 3);
        correct(&t, r, Policy::Retier).await;
        assert_eq!((owed(&t, s, USD).await, owed(&t, m2, USD).await), (0, 10_200));
        let history = t.db.read(async |tx| qd_partners::attribution::evidence(tx, &manager(), "cli_1").await).await.unwrap();
        assert_eq!(history.len(), 1, "the share from the same moment is replaced");
        sound(&t).await;
    }

    async fn a_move_that_touches_only_the_open_period_is_done_at_once(t: TestDb) {
        let (m1, m2, s) = two_masters(&t).await;
        book(&t, march()).await;
        let r = Request::PartnerMoved { partner_id: s, parent: Some(m2), at_us: day(3, 16).micros() };
        let c = tx!(t, |tx, core| corrections::at_once(tx, core, &manager(), &r, None, "contract").await).unwrap();
        assert_eq!((c.state, c.approval_id), (CorrectionState::Applying, None));
        work(&t).await;
        assert_eq!([owed(&t, m1, USD).await, owed(&t, m2, USD).await, owed(&t, s, USD).await], [1_200, 2_000, 7_200]);
        let circle = Request::PartnerMoved { partner_id: m2, parent: Some(s), at_us: day(3, 18).micros() };
        assert_eq!(preview(&t, circle).await.unwrap_err().fields[0].code, "tree_cycle");
        sound(&t).await;
    }

    async fn a_plan_with_an_earlier_date_pays_the_difference_and_can_be_taken_back(t: TestDb) {
        let p = make(&t, "Anna", None, USD, None).await.id;
        let id = plan(&t, per_lot("8", json!(null))).await;
        on_plan(&t, p, id, day(1, 1)).await;
        give(&t, "cli_1", Some(p), day(1, 2)).await;
        book(&t, march()).await;
        let statement = close(&t, p, day(4, 1)).await;
        let before = content(&t, statement).await;
        let r = Request::PlanVersion { plan_id: id, base_version: 1, document: per_lot("7.5", json!(null)), valid_from_us: day(3, 10).micros() };
        let seen = preview(&t, r.clone()).await.unwrap();
        assert_eq!((seen.retier.totals[0].difference_minor, seen.retier.deals_changed), (-400, 2));
        let versions = async || t.db.read(async move |tx| plans::get(tx, &manager(), id).await).await.unwrap().1.len();
        assert_eq!(versions().await, 1, "a preview saves nothing");
        let c = correct(&t, r, Policy::Retier).await;
        assert_eq!((owed(&t, p, USD).await, versions().await), (9_200, 2));
        let u = tx!(t, |tx, core| corrections::undo(tx, core, &manager(), c, "not agreed").await).unwrap();
        decide(&t, finance(), u.id, true).await.unwrap();
        work(&t).await;
        assert_eq!(owed(&t, p, USD).await, 9_600);
        // On another plan from a day on, with an earlier date.
        let other = plan(&t, per_lot("10", json!(null))).await;
        let c = correct(&t, Request::PlanAssigned { partner_id: p, plan_id: other, at_us: day(3, 20).micros() }, Policy::Retier).await;
        assert_eq!(owed(&t, p, USD).await, 4 * 800 + 3 * 800 + 5 * 1_000);
        let u = tx!(t, |tx, core| corrections::undo(tx, core, &manager(), c, "not agreed").await).unwrap();
        decide(&t, finance(), u.id, true).await.unwrap();
        work(&t).await;
        assert_eq!(owed(&t, p, USD).await, 9_600);
        assert_eq!(content(&t, statement).await, before);
        sound(&t).await;
    }

    async fn amounts_by_hand_need_a_second_person_and_go_back_line_by_line(t: TestDb) {
        let (m1, ..) = two_masters(&t).await;
        let line = |minor| ManualLine { partner_id: m1, minor, currency: USD, value_at_us: day(3, 31).micros(), note: "goodwill for March".into() };
        let nothing = prepare(&t, Request::Manual { lines: vec![line(0)] }, Policy::Retier).await.unwrap_err();
        assert_eq!(nothing.code, "amount_out_of_range");
        let c = prepare(&t, Request::Manual { lines: vec![line(5_000), line(-1_250)] }, Policy::Retier).await.unwrap();
        assert_eq!((owed(&t, m1, USD).await, c.preview.retier.totals[0].difference_minor), (0, 3_750));
        decide(&t, finance(), c.id, true).await.unwrap();
        assert_eq!(owed(&t, m1, USD).await, 3_750);
        let kinds: Vec<LineKind> = lines_of(&t, LineFilter { partner_id: Some(m1), ..LineFilter::default() }).await.into_iter().map(|l| l.kind).collect();
        assert_eq!(kinds, [LineKind::Adjustment, LineKind::Adjustment]);
        let u = tx!(t, |tx, core| corrections::undo(tx, core, &manager(), c.id, "a mistake").await).unwrap();
        decide(&t, finance(), u.id, true).await.unwrap();
        assert_eq!(owed(&t, m1, USD).await, 0);
        let no = prepare(&t, Request::Manual { lines: vec![line(5_000)] }, Policy::Retier).await.unwrap();
        assert_eq!(decide(&t, finance(), no.id, false).await.unwrap().state, CorrectionState::Refused);
        assert_eq!(owed(&t, m1, USD).await, 0);
        sound(&t).await;
    }

    async fn who_comes_to_owe_the_house_is_named_before(t: TestDb) {
        let (m1, ..) = two_masters(&t).await;
        book(&t, march()).await;
        let out = tx!(t, |tx, core| qd_partners::payouts::prepare(tx, core, &finance(), m1, qd_kernel::Amount::new(3_600, USD)).await).unwrap();
        tx!(t, |tx, core| qd_partners::payouts::decide(tx, core, &second_finance(), out.id, true, "ok", json!({})).await).unwrap();
        tx!(t, |tx, core| qd_partners::payouts::mark_paid(tx, core, &second_finance(), out.id, "bank-eu", "CAMT 1").await).unwrap();
        let p = preview(&t, Request::ClientMoved { client_id: "cli_1".into(), partner: None, at_us: day(3, 16).micros() }).await.unwrap();
        let below = &p.retier.below_zero;
        assert_eq!(below.len(), 1, "{below:?}");
        assert_eq!((below[0].partner_id, below[0].now_minor, below[0].then_minor), (m1, 0, -2_400));
    }

    async fn a_long_correction_goes_on_where_it_was_and_ends_with_every_deal_seen(t: TestDb) {
        let (m1, m2, s) = two_masters(&t).await;
        let deals: Vec<DealFacts> = (0..620).map(|i| deal(&format!("{i:05}"), "cli_1", "0.01", day(3, 17).plus_secs(i / 3))).collect();
        book(&t, deals).await;
        close(&t, m1, day(4, 1)).await;
        let c = prepare(&t, Request::PartnerMoved { partner_id: s, parent: Some(m2), at_us: day(3, 16).micros() }, Policy::Retier).await.unwrap();
        decide(&t, finance(), c.id, true).await.unwrap();
        // A worker that dies in between: the next one goes on where it was.
        let (core, id) = (t.core.clone(), c.id);
        let worker = tokio::spawn(async move {
            let registry = qd_runtime::jobs::Registry::new().add(Arc::new(CorrectionHandler { core: core.clone() }));
            let _ = qd_runtime::jobs::run_until_idle(&core, &registry).await;
        });
        qd_testkit::wait_until("the first part", async || get(&t, id).await.0.deals_seen > 0).await;
        worker.abort();
        let _ = worker.await;
        t.clock.advance_secs(120);
        work(&t).await;
        let (c, _) = get(&t, c.id).await;
        assert_eq!((c.state, c.deals_seen, c.deals_changed, c.deals_total), (CorrectionState::Applied, 620, 620, 620));
        assert_eq!([owed(&t, m1, USD).await, owed(&t, m2, USD).await, owed(&t, s, USD).await], [0, 620 * 3, 620 * 6]);
        sound(&t).await;
    }

    async fn twenty_levels_move_in_the_middle_and_the_chain_still_costs_its_highest_rate(t: TestDb) {
        // Rates 1 at the bottom to 20 at the top; another root at 30.
        let mut chain: Vec<PartnerId> = Vec::new();
        for level in 0..20 {
            let p = make(&t, &format!("P{level:02}"), chain.last().copied(), USD, None).await.id;
            let id = plan(&t, per_lot(&(20 - level).to_string(), differential())).await;
            on_plan(&t, p, id, day(1, 1)).await;
            chain.push(p);
        }
        let root = make(&t, "Root", None, USD, None).await.id;
        let id = plan(&t, per_lot("30", differential())).await;
        on_plan(&t, root, id, day(1, 1)).await;
        give(&t, "cli_1", chain.last().copied(), day(1, 2)).await;
        book(&t, vec![deal("1", "cli_1", "1", day(3, 5)), deal("2", "cli_1", "1", day(3, 20))]).await;
        let middle = Request::PartnerMoved { partner_id: chain[9], parent: Some(root), at_us: day(3, 16).micros() };
        for low in [chain[9], chain[15], chain[19]] {
            let circle = Request::PartnerMoved { partner_id: chain[9], parent: Some(low), at_us: day(3, 16).micros() };
            if low != chain[9] {
                assert_eq!(preview(&t, circle).await.unwrap_err().fields[0].code, "tree_cycle");
            }
        }
        correct(&t, middle, Policy::Retier).await;
        // The first deal stays with the twenty; the second costs 30: eleven below, 19 for the root.
        assert_eq!(owed(&t, root, USD).await, 1_900);
        for (i, p) in chain.iter().enumerate() {
            assert_eq!(owed(&t, *p, USD).await, if i < 9 { 100 } else { 200 }, "P{i:02}");
        }
        sound(&t).await;
    }

    async fn a_late_deal_and_an_edited_one_of_a_closed_month_are_listed_with_their_cause(t: TestDb) {
        let (_, _, s) = two_masters(&t).await;
        book(&t, march()).await;
        let statement = close(&t, s, day(4, 1)).await;
        t.clock.advance_secs(60);
        book(&t, vec![deal("T9", "cli_1", "1", day(3, 31)), DealFacts { revision: 2, ..deal("T1", "cli_1", "3", day(3, 5)) }, DealFacts { revision: 2, deleted: true, ..deal("T2", "cli_1", "3", day(3, 17)) }]).await;
        let shown = t.db.read(async move |tx| corrections::closed_changes(tx, &finance(), None, Some(statement), &PageRequest::new(None, None)?).await).await.unwrap();
        let mut got: Vec<(&str, &str, i64)> = shown.items.iter().map(|i| (i.ticket.as_str(), i.cause, i.minor)).collect();
        got.sort_unstable();
        assert_eq!(got, [("T1", "deal_edited", -2_400), ("T1", "deal_edited", 1_800), ("T2", "deal_cancelled", -1_800), ("T9", "late_deal", 600)]);
        assert!(shown.items.iter().all(|i| i.statement_number == 1));
        sound(&t).await;
    }

    async fn a_deal_that_is_not_what_the_platform_says_is_put_right_and_back(t: TestDb) {
        let (m1, _, s) = two_masters(&t).await;
        book(&t, march()).await;
        close(&t, s, day(4, 1)).await;
        let r = Request::DealCorrected { server: "mt5".into(), ticket: "T3".into(), lots: Some(Lots(300_000_000)), cancelled: false };
        let c = correct(&t, r, Policy::Retier).await;
        assert_eq!((owed(&t, s, USD).await, owed(&t, m1, USD).await), (6_000, 3_000));
        assert_eq!(book(&t, march()).await, [booking::Booked::Already, booking::Booked::Already, booking::Booked::Already]);
        let u = tx!(t, |tx, core| corrections::undo(tx, core, &manager(), c, "it was").await).unwrap();
        decide(&t, finance(), u.id, true).await.unwrap();
        work(&t).await;
        assert_eq!((owed(&t, s, USD).await, owed(&t, m1, USD).await), (7_200, 3_600));
        sound(&t).await;
    }
}
