use crate::house::*;
use qd_kernel::Currency;
use qd_ledger::{AccountKey, Purpose};
use qd_recon::breaks::BreakView;
use qd_recon::{BreakKind as K, BreakState, Correction, CounterAccount, Explanation, FileState};
use qd_runtime::access::Role;
use qd_testkit::{TestDb, both};
use serde_json::json;

const DAY: i64 = 86_400;

/// Three payments, then days later a fourth, which a file has to speak of for the first three to be
/// over their time.
async fn four_deposits(h: &House) -> Vec<String> {
    let mut ids = Vec::new();
    for minor in [50_000, 30_000, 20_000] {
        ids.push(h.deposited(ALEX, minor, None).await.id.to_string());
    }
    h.pass(4 * DAY).await;
    ids.push(h.deposited(ALEX, 10_000, None).await.id.to_string());
    ids
}

async fn balance_of(h: &House, owner: &str, purpose: Purpose) -> i64 {
    let key = AccountKey::new(owner, purpose, Currency::EUR);
    h.core
        .db
        .read(async move |tx| qd_ledger::balance(tx, &key).await)
        .await
        .unwrap()
        .balance_minor
}

both! {
    async fn a_file_as_the_provider_writes_it_leaves_nothing_to_explain(t: TestDb) {
        let h = House::new(t).await;
        let ids = four_deposits(&h).await;
        let d = h.deposit(qd_payments::DepositId::parse(&ids[2]).unwrap()).await;
        h.stripe("dispute", json!({"payment_intent": d.payment_ref.unwrap()})).await;
        h.hooks().await;
        let text = h.export().await;
        let f = h.load(&text).await;
        assert_eq!((f.lines_total, f.lines_read, f.matched, f.breaks, f.repeated), (5, 5, 5, 0, 0));
        h.look().await;
        assert_eq!(h.kinds().await, []);
        assert_eq!(h.exceptions().await, ["payment.dispute"]);

        // The same content is the same file; the same lines in a longer one are not counted again.
        assert_eq!(h.load_as(finance(), &text).await.unwrap().id, f.id);
        h.deposited(ALEX, 12_000, None).await;
        let longer = h.load(&h.export().await).await;
        assert_eq!((longer.lines_total, longer.repeated, longer.matched, longer.breaks), (6, 5, 1, 0));
        h.look().await;
        assert_eq!(h.kinds().await, []);
    }

    async fn three_planted_errors_are_exactly_three_exceptions_and_a_later_file_explains_two(t: TestDb) {
        let h = House::new(t).await;
        let ids = four_deposits(&h).await;
        let whole = h.export().await;
        let mut lines = lines_of(&whole);
        // One amount is another, one line is missing, one is somebody else's.
        let wrong = at(&lines, &ids[0]);
        let right = lines[wrong].clone();
        lines[wrong] = right.replace("500.00", "505.00");
        let missing = lines.remove(at(&lines, &ids[1]));
        let foreign = lines[at(&lines, &ids[2])].replace(&ids[2], "dep_unknown").replace("pi_", "pi_x").replace("ch_", "ch_x");
        lines.push(foreign);
        let f = h.load(&with(&whole, &lines)).await;
        assert_eq!((f.lines_total, f.matched, f.breaks), (4, 2, 2));
        h.look().await;
        h.look().await;
        assert_eq!(h.kinds().await, [K::MissingInLedger, K::MissingAtProvider, K::AmountDiffers]);
        assert_eq!(h.exceptions().await, [qd_recon::UNRECONCILED; 3]);
        let open = h.breaks(BreakState::Open).await;
        let figures: Vec<i64> = open.iter().map(|b| b.difference.minor).collect();
        assert_eq!(figures, [20_000, -30_000, 500]);
        h.pass(3_600).await;
        let open = h.breaks(BreakState::Open).await;
        assert!(open.iter().all(|b| b.owner_role == "finance" && b.age_s >= 3_600 && b.entity == "eu"), "{open:#?}");

        // The next file has what was missing, and the right amount.
        let f = h.load(&with(&whole, &[missing, right])).await;
        assert_eq!((f.matched, f.breaks), (2, 0));
        h.look().await;
        assert_eq!(h.breaks(BreakState::Resolved).await.len(), 2);
        // The line with the wrong amount has no entry any more: the provider has it once too often.
        assert_eq!(h.kinds().await, [K::MissingInLedger, K::DuplicateAtProvider]);
    }

    async fn every_kind_of_break_has_its_name(t: TestDb) {
        let h = House::new(t).await;
        let ids = four_deposits(&h).await;
        let whole = h.export().await;
        let all = lines_of(&whole);
        let line = |n: usize| all[at(&all, &ids[n])].clone();
        let mut lines = vec![line(0), line(0), line(1).replace(",eur,", ",usd,"), line(2), line(3)];
        // Refunded there only; a word nobody knows; a line that cannot be read; another fee.
        let payment = h.deposit(qd_payments::DepositId::parse(&ids[2]).unwrap()).await.payment_ref.unwrap();
        lines.push(format!("txn_r,2026-11-20 10:00:00,2026-11-20 10:00:00,eur,-20.00,0.00,-20.00,refund,re_there,,,{payment},,"));
        lines.push("txn_w,2026-11-20 10:00:00,2026-11-20 10:00:00,eur,3.00,0.00,3.00,moon_dust,xx_1,,,,,".into());
        lines.push("txn_u,yesterday,,eur,3.00,0.00,3.00,charge,ch_1,,,,,".into());
        let fee = lines[3].split(',').nth(5).unwrap().to_string();
        lines[3] = lines[3].replacen(&format!(",{fee},"), ",99.00,", 1);
        let f = h.load(&with(&whole, &lines)).await;
        assert_eq!(f.breaks, 6);
        assert_eq!(h.kinds().await, [K::CurrencyDiffers, K::DuplicateAtProvider, K::StateDiffers, K::FeeDiffers, K::UnreadableLine, K::UnreadableLine]);
        h.look().await;
        assert_eq!(h.breaks(BreakState::Open).await.len(), 6);
    }

    async fn what_the_ledger_learns_later_resolves_a_break_by_itself(t: TestDb) {
        let h = House::new(t).await;
        let d = h.redirected(ALEX, 50_000, None).await;
        let heading = h.export().await;
        let line = |when: &str| format!("txn_1,{when},{when},eur,500.00,0.00,500.00,charge,ch_1,,ch_1,pi_1,{},", d.id);
        // Younger than our own bookkeeping may be late: nothing is said yet.
        let now = h.core.now().rfc3339()[..19].replace('T', " ");
        let f = h.load(&with(&heading, &[line(&now)])).await;
        assert_eq!((f.matched, f.breaks), (0, 0));
        h.look().await;
        assert_eq!(h.kinds().await, []);
        h.pass(901).await;
        h.look().await;
        assert_eq!(h.kinds().await, [K::MissingInLedger]);
        // The callback comes late.
        h.pay(&d).await;
        h.hooks().await;
        h.look().await;
        // The made-up line says that nothing was charged.
        assert_eq!(h.kinds().await, [K::FeeDiffers]);
        let resolved = h.breaks(BreakState::Resolved).await;
        assert_eq!(resolved.iter().map(|b| b.kind).collect::<Vec<_>>(), [K::MissingInLedger]);
        assert_eq!(h.exceptions().await.len(), 1);
    }

    async fn many_lines_may_be_one_entry_and_what_came_and_went_is_nothing(t: TestDb) {
        let h = House::new(t).await;
        let ids = four_deposits(&h).await;
        let whole = h.export().await;
        let all = lines_of(&whole);
        let one = all[at(&all, &ids[0])].clone();
        // 500.00 as 300.00 and 200.00, under the same reference.
        let parts: Vec<String> = [("a", "300.00"), ("b", "200.00")]
            .iter()
            .map(|(n, part)| {
                let fee = one.split(',').nth(5).unwrap();
                one.replacen("500.00", part, 1).replacen("txn_", &format!("txn_{n}"), 1).replacen(&format!(",{fee},"), ",,", 1).replacen(",,", ",0.00,", 1)
            })
            .collect();
        let mut lines = parts;
        lines.extend((1..4).map(|n| all[at(&all, &ids[n])].clone()));
        let lost = "2026-11-20 10:00:00";
        lines.push(format!("txn_x,{lost},{lost},eur,75.00,0.00,75.00,charge,ch_lost,,ch_lost,pi_lost,,"));
        lines.push(format!("txn_y,{lost},{lost},eur,-75.00,0.00,-75.00,refund,re_lost,,ch_lost,pi_lost,,"));
        let f = h.load(&with(&whole, &lines)).await;
        // The fee of a part is not the fee of the whole.
        let kinds = h.kinds().await;
        assert!(kinds.iter().all(|k| *k == K::FeeDiffers), "{kinds:?}");
        assert_eq!((f.lines_total, f.matched), (7, 7));
    }

    async fn a_person_explains_and_money_moves_only_with_a_second_one(t: TestDb) {
        let h = House::new(t).await;
        let ids = four_deposits(&h).await;
        let whole = h.export().await;
        let mut lines = lines_of(&whole);
        let at0 = at(&lines, &ids[0]);
        lines[at0] = lines[at0].replace("500.00", "505.00");
        let foreign = lines[at(&lines, &ids[2])].replace(&ids[2], "dep_unknown").replace("pi_", "pi_x").replace("ch_", "ch_x");
        lines.push(foreign);
        h.load(&with(&whole, &lines)).await;
        let open = h.breaks(BreakState::Open).await;
        let (unknown, more) = (open[0].id, open[1].id);

        let explain = async |id, reason: &str, correction| {
            let e = Explanation { reason: reason.into(), correction };
            h.staff_does(async move |tx, core| qd_recon::explain(tx, core, &finance(), id, e.clone()).await).await
        };
        assert_eq!(explain(unknown, " ", None).await.unwrap_err().code, "reason_missing");
        let b = explain(unknown, "a test payment of the provider's", None).await.unwrap();
        assert_eq!((b.state, b.how.as_deref()), (BreakState::Explained, Some("a test payment of the provider's")));
        assert_eq!(explain(unknown, "again", None).await.unwrap_err().code, "break_not_open");

        let to = Some(Correction { counter: CounterAccount::Suspense });
        let b = explain(more, "paid too much; his bank says so", to).await.unwrap();
        assert_eq!(b.state, BreakState::Deciding);
        let decide = async |who: qd_runtime::access::Caller, yes| {
            h.staff_does(async move |tx, core| qd_recon::decide(tx, core, &who, more, yes, "seen", json!({})).await).await
        };
        assert_eq!(decide(finance(), true).await.unwrap_err().code, "approval_own_request");
        assert_eq!(balance_of(&h, "house:eu", Purpose::Suspense).await, 0);
        let b: BreakView = decide(staff("Olga", Role::Finance), true).await.unwrap();
        assert_eq!(b.state, BreakState::Explained);
        assert!(b.correction_entry.is_some());
        assert_eq!(balance_of(&h, "house:eu", Purpose::Suspense).await, 500);
        assert_eq!(h.at_provider().await, 110_500);
        assert!(h.exceptions().await.is_empty());
        // The correcting entry is no riddle of its own.
        h.pass(30 * DAY).await;
        h.look().await;
        assert_eq!(h.kinds().await, []);
    }

    async fn a_file_of_another_kind_is_refused_and_says_why(t: TestDb) {
        let h = House::new(t).await;
        let f = h.load_as(finance(), "ID,Time (CET),Type\n1,2,3\n").await.unwrap();
        h.work().await;
        let f = h.file(f.id).await;
        assert_eq!(f.state, FileState::Refused);
        assert!(f.problem.unwrap().contains("column_missing"));
        assert_eq!(h.kinds().await, [K::UnreadableLine]);
        assert_eq!(h.load_as(client_caller(ALEX), "x").await.unwrap_err().code, "right_missing");
        assert_eq!(h.load_as(finance(), "").await.unwrap_err().code, "file_empty");
    }

    async fn too_much_money_open_for_too_long_is_an_alarm_that_ends_with_it(t: TestDb) {
        let h = House::new(t).await;
        let ids = four_deposits(&h).await;
        let whole = h.export().await;
        let mut lines = lines_of(&whole);
        let missing = lines.remove(at(&lines, &ids[0]));
        h.load(&with(&whole, &lines)).await;
        h.look().await;
        assert_eq!(h.exceptions().await, [qd_recon::UNRECONCILED]);
        // 500.00 for 21 days is more than 10,000.00 for one.
        h.pass(21 * DAY).await;
        h.look().await;
        assert_eq!(h.exceptions().await, [qd_recon::DRIFT, qd_recon::UNRECONCILED]);
        let core = h.core.clone();
        let standing = h.core.db.read(async move |tx| qd_recon::overview::standings(tx, &core, &finance()).await).await.unwrap();
        let eur = standing.iter().find(|s| s.party == PSP && s.currency == Currency::EUR).unwrap();
        assert_eq!((eur.breaks, eur.break_minor, eur.by_age), (1, 50_000, [0, 0, 0, 1, 0]));
        assert!(eur.drift_minor_days >= 21 * 50_000);
        h.load(&with(&whole, &[missing])).await;
        h.look().await;
        assert!(h.exceptions().await.is_empty());
    }
}
