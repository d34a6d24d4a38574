//! The partner module out of one database and into another, on both engines.

use crate::kit::*;
use crate::tiers::tiered;
use crate::tx;
use qd_kernel::{Currency, Problem, Result};
use qd_partners::carry::{self, ClientMap, Kind, Lines, Manifest, Outcome, Sink, Source};
use qd_partners::clicks::{self, NewLink};
use qd_partners::{DealFacts, payouts, statements};
use qd_runtime::access::Caller;
use qd_testkit::TestDb;
use serde_json::json;
use std::collections::BTreeMap;

const USD: Currency = Currency::USD;

/// Files in memory; `breaks` stops a reader in the middle of a file, as a kill does.
#[derive(Clone, Default)]
struct Files {
    of: BTreeMap<Kind, Vec<String>>,
    breaks: Option<(Kind, usize)>,
}

struct Writer(Vec<(Kind, Vec<String>)>);

impl Sink for Writer {
    fn begin(&mut self, kind: Kind) -> Result<()> {
        self.0.push((kind, Vec::new()));
        Ok(())
    }
    fn line(&mut self, line: &str) -> Result<()> {
        self.0.last_mut().unwrap().1.push(line.strip_suffix('\n').unwrap().to_string());
        Ok(())
    }
}

impl Source for Files {
    fn lines(&self, kind: Kind) -> Result<Lines> {
        let all = self.of[&kind].clone();
        Ok(Box::new(all.into_iter().map(Ok)))
    }
}

/// A reader that is cut off when it comes to a place for the second time: the check has been, the
/// import is at work.
struct Cut(Files, std::sync::atomic::AtomicU32);

impl Source for Cut {
    fn lines(&self, kind: Kind) -> Result<Lines> {
        use std::sync::atomic::Ordering::Relaxed;
        let (at, n) = self.0.breaks.unwrap();
        let lines = self.0.lines(kind)?;
        if kind != at || self.1.fetch_add(1, Relaxed) == 0 {
            return Ok(lines);
        }
        Ok(Box::new(
            lines.take(n).chain(std::iter::once(Err(Problem::unavailable("cut", "cut off")))),
        ))
    }
}

async fn out(t: &TestDb, entity: Option<&'static str>) -> (Manifest, Files) {
    let core = t.core.clone();
    t.db.read_long(async move |tx| {
        let mut w = Writer(Vec::new());
        let m = carry::export(tx, &core, entity, &mut w, &mut |_, _, _| {}).await?;
        let of = w.0.into_iter().collect();
        Ok((m, Files { of, breaks: None }))
    })
    .await
    .unwrap()
}

async fn put(t: &TestDb, m: &Manifest, source: &dyn Source, map: &ClientMap, dry: bool) -> Result<Outcome> {
    let text = serde_json::to_string(m).unwrap();
    carry::import(&t.core, &Caller::system("test"), &text, source, map, dry, &mut |_, _, _| {}).await
}

/// Another database on the same engine, a day later: the same chance makes other ids.
async fn empty(t: &TestDb) -> TestDb {
    let other = match t.db.engine() {
        qd_db::Engine::Sqlite => TestDb::sqlite().await,
        qd_db::Engine::Postgres => TestDb::postgres().await.unwrap(),
    };
    other.clock.advance_secs(86_400);
    other
}

/// Tree, link, tiers that cross, an edit, statements, a payout, open lines.
async fn busy(t: &TestDb) {
    let master = make(t, "Master", None, USD, None).await.id;
    let sub = make(t, "Sub", Some(master), USD, Some("cli_wallet")).await.id;
    let flat = plan(t, per_lot("9", json!({"method": "differential"}))).await;
    let tiers = plan(t, tiered("retroactive", ["6", "7", "8"], "retier")).await;
    on_plan(t, master, flat, day(1, 1)).await;
    on_plan(t, sub, tiers, day(1, 1)).await;
    tx!(t, |tx, core| clicks::create_link(
        tx,
        core,
        &manager(),
        sub,
        NewLink {
            code: Some("SUB1".into()),
            campaign: Some("spring".into()),
            landing: "/start".into()
        }
    )
    .await)
    .unwrap();
    give(t, "cli_1", Some(sub), day(1, 2)).await;
    give(t, "cli_2", Some(master), day(1, 2)).await;
    book(
        t,
        vec![
            deal("1", "cli_1", "50", day(3, 5)),
            deal("2", "cli_1", "60", day(3, 6)),
            deal("3", "cli_2", "1.5", day(3, 7)),
        ],
    )
    .await;
    for p in [master, sub] {
        tx!(t, |tx, core| statements::close(tx, core, &finance(), p, USD, day(4, 1)).await).unwrap();
    }
    book(
        t,
        vec![
            DealFacts {
                revision: 2,
                ..deal("1", "cli_1", "40", day(3, 5))
            },
            deal("4", "cli_1", "2", day(4, 5)),
        ],
    )
    .await;
    let paid = tx!(t, |tx, core| payouts::prepare(
        tx,
        core,
        &finance(),
        sub,
        qd_kernel::Amount::new(1_000, USD)
    )
    .await)
    .unwrap();
    tx!(t, |tx, core| payouts::decide(
        tx,
        core,
        &second_finance(),
        paid.id,
        true,
        "fine",
        json!({})
    )
    .await)
    .unwrap();
}

fn code(r: Result<Outcome>) -> String {
    r.map(|o| format!("{o:?}")).unwrap_err().code.to_string()
}

qd_testkit::both! {
    async fn what_goes_out_comes_in_with_equal_sums_and_hashes(t: TestDb) {
        busy(&t).await;
        sound(&t).await;
        let (m, files) = out(&t, None).await;
        assert!(m.rows(Kind::Lines) > 6 && m.rows(Kind::Statements) == 2 && m.rows(Kind::States) > 0 && m.rows(Kind::Payouts) == 1, "{m:?}");
        assert!(m.sums.iter().any(|s| s.paid_minor == 1_000));
        let other = empty(&t).await;
        let o = put(&other, &m, &files, &ClientMap::default(), true).await.unwrap();
        assert_eq!((o.faults, o.rows), (vec![], 0));
        let o = put(&other, &m, &files, &ClientMap::default(), false).await.unwrap();
        assert!(o.faults.is_empty() && !o.resumed && o.rows > 20, "{o:?}");
        sound(&other).await;
        for s in &m.sums {
            assert_eq!(owed(&other, s.partner_id, USD).await, s.booked_minor - s.paid_minor);
        }
        // Out again, it is the same, byte for byte.
        let (again, same) = out(&other, None).await;
        assert_eq!((&again.sums, &again.statements, &again.files), (&m.sums, &m.statements, &m.files));
        assert!(same.of == files.of);
        // And refused a second time, with what is there.
        let p = put(&other, &m, &files, &ClientMap::default(), false).await.unwrap_err();
        assert!(p.code == "import_not_empty" && p.detail.contains("2 partners"), "{p:?}");

        // Business goes on as it would have: a late edit of an imported deal, a new deal, a statement.
        let news = vec![DealFacts { revision: 2, ..deal("3", "cli_2", "1", day(3, 7)) }, deal("5", "cli_1", "3", day(4, 6))];
        book(&t, news.clone()).await;
        book(&other, news).await;
        sound(&other).await;
        for s in &m.sums {
            let p = s.partner_id;
            assert_eq!(owed(&other, p, USD).await, owed(&t, p, USD).await);
            tx!(other, |tx, core| statements::close(tx, core, &finance(), p, USD, day(5, 1)).await).unwrap();
        }
        sound(&other).await;
    }

    async fn a_changed_line_is_found_before_anything_is_written(t: TestDb) {
        busy(&t).await;
        let (m, files) = out(&t, None).await;
        let other = empty(&t).await;
        let mut bent = files.clone();
        let line = &mut bent.of.get_mut(&Kind::Lines).unwrap()[0];
        *line = line.replace("\"level\":1", "\"level\":3").replace("\"level\":2", "\"level\":1").replace("\"level\":3", "\"level\":2");
        let o = put(&other, &m, &bent, &ClientMap::default(), false).await.unwrap();
        assert!(o.faults.len() == 1 && o.faults[0].starts_with("lines.jsonl: the manifest says"), "{o:?}");
        // With a hash to match, the sums still tell.
        let mut short = files.clone();
        short.of.get_mut(&Kind::Lines).unwrap().pop();
        let o = put(&other, &m, &short, &ClientMap::default(), false).await.unwrap();
        assert!(o.faults.iter().any(|f| f.starts_with("sums par_")), "{o:?}");
        // A statement whose content was touched.
        let mut forged = files.clone();
        let s = &mut forged.of.get_mut(&Kind::Statements).unwrap()[0];
        *s = s.replace("partner_name\\\":\\\"", "partner_name\\\":\\\"X");
        let o = put(&other, &m, &forged, &ClientMap::default(), false).await.unwrap();
        assert!(o.faults.iter().any(|f| f.starts_with("statement pst_")), "{o:?}");
        // Nothing of it is there.
        let o = put(&other, &m, &files, &ClientMap::default(), true).await.unwrap();
        assert!(o.faults.is_empty(), "{o:?}");
    }

    async fn a_killed_import_goes_on_where_it_was(t: TestDb) {
        busy(&t).await;
        // More than one piece.
        let many: Vec<DealFacts> = (0..600).map(|n| deal(&format!("m{n}"), "cli_2", "0.01", day(4, 7))).collect();
        book(&t, many).await;
        let (m, files) = out(&t, None).await;
        let other = empty(&t).await;
        let cut = Cut(Files { breaks: Some((Kind::Deals, 550)), ..files.clone() }, 0.into());
        assert_eq!(code(put(&other, &m, &cut, &ClientMap::default(), false).await), "cut");
        // Another export, or other names for clients, do not go on with it.
        let map = ClientMap::read("from,to\ncli_1,cli_9\n").unwrap();
        assert_eq!(code(put(&other, &m, &files, &map, false).await), "import_under_way");
        let o = put(&other, &m, &files, &ClientMap::default(), false).await.unwrap();
        assert!(o.faults.is_empty() && o.resumed, "{o:?}");
        let all: u64 = Kind::ALL.iter().filter(|k| **k != Kind::Clients).map(|k| m.rows(*k)).sum();
        let first: u64 = Kind::ALL.iter().take_while(|k| **k != Kind::Deals).map(|k| m.rows(*k)).sum();
        assert_eq!(o.rows, all - first - 500);
        sound(&other).await;
    }

    async fn clients_take_the_names_they_have_in_the_new_house(t: TestDb) {
        busy(&t).await;
        let (m, files) = out(&t, None).await;
        let other = empty(&t).await;
        let map = ClientMap::read("from,to\ncli_1,cli_new1\ncli_wallet,cli_neww\n").unwrap();
        let o = put(&other, &m, &files, &map, false).await.unwrap();
        assert!(o.faults.is_empty(), "{o:?}");
        let (_, now) = out(&other, None).await;
        assert_eq!(now.of[&Kind::Clients], [r#"{"client_id":"cli_2"}"#, r#"{"client_id":"cli_new1"}"#]);
        let text = |k: Kind| now.of[&k].join("\n");
        assert!(!text(Kind::Deals).contains(r#"":"cli_1""#) && text(Kind::Partners).contains("cli_neww"));
        assert!(now.of[&Kind::Statements] == files.of[&Kind::Statements]);
        // Under the new name the client trades on.
        book(&other, vec![deal("6", "cli_new1", "1", day(4, 8))]).await;
        sound(&other).await;
        for (text, code) in [("a,b\n", "client_map_malformed"), ("from,to\nx\n", "client_map_malformed"), ("from,to\na,b\nc,b\n", "client_map_double")] {
            assert_eq!(ClientMap::read(text).unwrap_err().code, code);
        }
    }

    async fn an_entity_goes_out_by_itself_and_payouts_under_way_stay(t: TestDb) {
        busy(&t).await;
        let (m, files) = out(&t, Some("eu")).await;
        let (whole, _) = out(&t, None).await;
        assert_eq!((&m.sums, &m.statements), (&whole.sums, &whole.statements));
        assert_eq!(m.files, whole.files);
        let (none, _) = out(&t, Some("uk")).await;
        assert_eq!((none.rows(Kind::Partners), none.rows(Kind::Lines), none.rows(Kind::Deals), none.rows(Kind::Clients)), (0, 0, 0, 0));
        drop(files);
        let p = m.sums[0].partner_id;
        tx!(t, |tx, core| payouts::prepare(tx, core, &finance(), p, qd_kernel::Amount::new(100, USD)).await).unwrap();
        let (m, files) = out(&t, None).await;
        let o = put(&empty(&t).await, &m, &files, &ClientMap::default(), true).await.unwrap();
        assert!(o.faults.len() == 1 && o.faults[0].contains("1 payouts are prepared or released"), "{o:?}");
    }
}
