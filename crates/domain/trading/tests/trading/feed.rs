use crate::ground::*;
use qd_kernel::{Currency, PageRequest, Ts};
use qd_ledger::Purpose;
use qd_ports::platform::{Deal, DealKind};
use qd_testkit::{TestDb, both};
use qd_trading::Direction;
use qd_trading::accounts::AccountView;
use qd_trading::feed::{self, DealView, Ingested};
use serde_json::{Value, json};

const ALEX: &str = "cli_alex";

/// An account with 1000.00 on the server, its deposit read by the feed.
async fn trading(t: TestDb) -> (Ground, AccountView) {
    let g = Ground::new(t).await;
    let a = g.account(ALEX).await;
    g.give(ALEX, 100_000).await;
    g.ask(&a, Direction::ToPlatform, 100_000, "deposit:1").await.unwrap();
    g.work().await;
    g.feed().await;
    g.agree(&a).await;
    (g, a)
}

async fn trade(g: &Ground, a: &AccountView, lots: &str, points: i64) -> Value {
    g.mt5(
        "trade",
        json!({"login": a.login, "symbol": "EURUSD", "volume_lots": lots, "move_points": points, "hold_s": 30}),
    )
    .await
}

async fn history(g: &Ground, a: &AccountView) -> Vec<DealView> {
    let id = a.id;
    g.core
        .db
        .read(async move |tx| {
            feed::history(
                tx,
                &client_caller(ALEX),
                id,
                None,
                None,
                &PageRequest::new(Some(200), None).unwrap(),
            )
            .await
        })
        .await
        .unwrap()
        .items
}

fn of(all: &[DealView], ticket: &Value) -> DealView {
    all.iter()
        .find(|d| d.ticket == ticket.to_string())
        .unwrap_or_else(|| panic!("deal {ticket} is not recorded"))
        .clone()
}

/// The server's deals as the connector reads them, of the last day.
async fn read(g: &Ground) -> Vec<Deal> {
    let now = g.core.now();
    g.platforms
        .get(SERVER)
        .unwrap()
        .deals("real\\*", now.plus_secs(-86_400), now.plus_secs(60))
        .await
        .unwrap()
}

async fn ingest(g: &Ground, deals: Vec<Deal>, window: Option<(Ts, Ts)>) -> Ingested {
    let core = g.core.clone();
    g.core
        .db
        .write(async move |tx| feed::ingest(tx, &core, SERVER, &deals, window).await)
        .await
        .unwrap()
}

both! {
    async fn trades_move_the_result_into_the_books_once_however_often_they_are_read(t: TestDb) {
        let (g, a) = trading(t).await;
        let won = trade(&g, &a, "0.10", 120).await;
        trade(&g, &a, "0.20", -40).await;
        for _ in 0..3 {
            g.feed().await;
        }
        g.agree(&a).await;
        assert_ne!(g.on_server(&a), 100_000);
        let all = history(&g, &a).await;
        assert_eq!(all.len(), 5, "a deposit and two round trips");
        let closed = of(&all, &won["close_deal"]);
        assert_eq!((closed.revision, closed.entry.as_str(), closed.volume.as_str()), (1, "out", "0.10"));
        let house = g.balance("house:eu", Purpose::TradingResult, Currency::EUR).await.balance_minor;
        assert_eq!(house, 100_000 - g.on_server(&a));
        let told: usize = g.events("deals.recorded").iter().map(|e| e["deals"].as_array().unwrap().len()).sum();
        assert_eq!(told, 5);
        g.finish().await;
    }

    async fn a_late_an_edited_a_cancelled_and_a_deleted_deal_are_each_found(t: TestDb) {
        let (g, a) = trading(t).await;
        g.pass(3_600).await;
        let edited = trade(&g, &a, "0.10", 100).await;
        let cancelled = trade(&g, &a, "0.10", 50).await;
        let deleted = trade(&g, &a, "0.10", -70).await;
        g.feed().await;
        g.agree(&a).await;
        let before = g.on_server(&a);

        // Closed an hour ago and seen only now: further back than any poll's overlap.
        let late = g.mt5("late_deal", json!({"login": a.login, "symbol": "EURUSD", "volume_lots": "0.30", "move_points": 90, "ago_s": 3_000})).await;
        g.pass(200).await;
        trade(&g, &a, "0.01", 1).await;
        g.feed().await;
        assert!(!history(&g, &a).await.iter().any(|d| d.ticket == late["close_deal"].to_string()));
        g.pass(300).await;
        g.feed().await;
        of(&history(&g, &a).await, &late["close_deal"]);
        g.agree(&a).await;
        assert_ne!(g.on_server(&a), before);

        g.mt5(&format!("deal/{}/cancel", cancelled["close_deal"]), json!({})).await;
        g.control("PATCH", &format!("/mt5/{SERVER}/deal/{}", edited["close_deal"]), json!({"profit": "55.55"})).await;
        g.control("DELETE", &format!("/mt5/{SERVER}/deal/{}", deleted["close_deal"]), json!({})).await;
        g.pass(400).await;
        g.feed().await;
        let all = history(&g, &a).await;
        let e = of(&all, &edited["close_deal"]);
        assert_eq!((e.revision, e.profit_minor, e.modified), (2, 5_555, true));
        assert_eq!(of(&all, &cancelled["close_deal"]).kind, "cancelled_trade");
        let d = of(&all, &deleted["close_deal"]);
        assert_eq!((d.revision, d.deleted), (2, true));
        // A cancelled deal moves the balance there; an edited or deleted one only once a dealer
        // has checked the balance against the history.
        g.sandbox.mt5(SERVER).unwrap().mend_balance(a.login.as_deref().unwrap().parse().unwrap()).unwrap();
        g.agree(&a).await;
        for _ in 0..2 {
            g.pass(400).await;
            g.feed().await;
        }
        g.agree(&a).await;
        assert_eq!(history(&g, &a).await.len(), all.len());
        g.finish().await;
    }

    async fn a_deal_that_comes_back_counts_again(t: TestDb) {
        let (g, a) = trading(t).await;
        trade(&g, &a, "0.10", 100).await;
        g.feed().await;
        let deals = read(&g).await;
        let platform = g.at(&a, Purpose::Platform).await;
        let window = Some((g.core.now().plus_secs(-3_600), g.core.now()));
        let gone = ingest(&g, deals.iter().filter(|d| d.kind == DealKind::Balance).cloned().collect(), window).await;
        assert_eq!(gone.gone, 2);
        assert_eq!(g.at(&a, Purpose::Platform).await, 100_000);
        assert_eq!(ingest(&g, Vec::new(), None).await.gone, 0, "an incomplete list proves nothing");
        let back = ingest(&g, deals, window).await;
        assert_eq!((back.new, back.revised), (0, 2));
        assert_eq!(g.at(&a, Purpose::Platform).await, platform);
        g.finish().await;
    }

    async fn a_deal_that_is_twice_in_one_answer_counts_once(t: TestDb) {
        let (g, a) = trading(t).await;
        trade(&g, &a, "0.10", 100).await;
        let deals = read(&g).await;
        let twice: Vec<Deal> = deals.iter().chain(deals.iter()).cloned().collect();
        let done = ingest(&g, twice, None).await;
        assert_eq!((done.new, done.revised), (2, 0));
        g.agree(&a).await;
        // The same ticket with two contents: the later one stands.
        let mut edited: Vec<Deal> = deals.iter().filter(|d| d.kind == DealKind::Trade && d.profit_minor != 0).cloned().collect();
        let mut again = edited[0].clone();
        edited[0].profit_minor += 100;
        again.profit_minor += 300;
        let before = g.at(&a, Purpose::Platform).await;
        assert_eq!(ingest(&g, vec![edited[0].clone(), again], None).await.revised, 2);
        assert_eq!(g.at(&a, Purpose::Platform).await, before + 300);
        g.finish().await;
    }

    async fn a_feed_that_stood_still_for_ten_days_misses_nothing(t: TestDb) {
        let (g, a) = trading(t).await;
        for day in 0..10 {
            g.clock.advance_secs(86_400);
            trade(&g, &a, "0.05", if day % 2 == 0 { 80 } else { -90 }).await;
        }
        g.feed().await;
        g.agree(&a).await;
        assert_eq!(history(&g, &a).await.len(), 21);
        g.finish().await;
    }

    async fn deals_of_a_login_we_do_not_know_are_kept_and_count_once_we_do(t: TestDb) {
        let (g, a) = trading(t).await;
        let stranger = g.mt5("account", json!({"Group": r"real\eu-standard-eur", "Name": "Somebody", "Leverage": 30, "PassMain": "Abcdef-12345", "PassInvestor": "Abcdef-12345"})).await;
        g.mt5("balance", json!({"login": stranger["login"], "amount": "300.00", "comment": "by hand"})).await;
        g.mt5("trade", json!({"login": stranger["login"], "symbol": "EURUSD", "volume_lots": "0.10", "move_points": 100})).await;
        g.feed().await;
        assert!(g.exceptions().await.is_empty());
        g.agree(&a).await;

        // The answer to an opening is lost; somebody trades on the new login before we hear of it.
        g.order("mt5", "user/add", qd_sandbox::FaultKind::DropAfter);
        let b = g.request("cli_berta", "standard", Currency::EUR).await.unwrap();
        g.work().await;
        let all = g.control("GET", &format!("/mt5/{SERVER}/accounts"), json!({})).await;
        let login = all["accounts"].as_array().unwrap().iter().map(|x| x["login"].as_u64().unwrap()).max().unwrap();
        g.mt5("trade", json!({"login": login, "symbol": "EURUSD", "volume_lots": "0.10", "move_points": 100})).await;
        g.feed().await;
        g.pass(5).await;
        let b = g.ready(b.id).await;
        assert_eq!(b.login, Some(login.to_string()));
        assert_eq!(g.at(&b, Purpose::Platform).await, 0);
        g.pass(400).await;
        g.feed().await;
        g.agree(&b).await;
        assert_ne!(g.on_server(&b), 0);
        g.finish().await;
    }

    async fn money_that_we_did_not_send_is_shown_to_a_person_and_not_booked(t: TestDb) {
        let (g, a) = trading(t).await;
        let foreign = g.mt5("balance", json!({"login": a.login, "amount": "77.00", "comment": "bonus for Alex"})).await;
        let bonus = g.mt5("balance", json!({"login": a.login, "amount": "20.00", "type": 6, "comment": "welcome"})).await;
        g.feed().await;
        let e = g.open_exceptions().await;
        assert_eq!(e.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(), ["platform.foreign_money", "platform.foreign_money"]);
        assert_eq!(e[0].subject, format!("deal:{SERVER}:{}", foreign["deal"]));
        assert_eq!((g.at(&a, Purpose::Platform).await, g.on_server(&a)), (100_000, 109_700));
        // A dealer's correction is a result: it changes the balance by a deal of its own kind.
        g.mt5("balance", json!({"login": a.login, "amount": "-5.00", "type": 5, "comment": "swap mistake"})).await;
        g.feed().await;
        assert_eq!(g.at(&a, Purpose::Platform).await, 99_500);
        // Taken back there: nobody need look any more.
        for d in [&foreign, &bonus] {
            g.control("DELETE", &format!("/mt5/{SERVER}/deal/{}", d["deal"]), json!({})).await;
        }
        g.pass(400).await;
        g.feed().await;
        assert!(g.exceptions().await.is_empty());
        g.sandbox.mt5(SERVER).unwrap().mend_balance(a.login.as_deref().unwrap().parse().unwrap()).unwrap();
        g.agree(&a).await;
        g.finish().await;
    }

    async fn our_own_operation_deleted_on_the_server_is_shown_to_a_person(t: TestDb) {
        let (g, _) = trading(t).await;
        let ticket = g.movement("deposit:1").await.platform_ticket.unwrap();
        g.control("DELETE", &format!("/mt5/{SERVER}/deal/{ticket}"), json!({})).await;
        g.pass(400).await;
        g.feed().await;
        assert_eq!(g.exceptions().await, ["platform.money_differs"]);
        g.finish().await;
    }

    async fn an_answer_that_cannot_be_read_stops_nothing_and_is_kept_until_the_next_good_one(t: TestDb) {
        let (g, a) = trading(t).await;
        trade(&g, &a, "0.10", 100).await;
        g.order("mt5", "deal/get_batch", qd_sandbox::FaultKind::Garbage);
        g.feed().await;
        assert_eq!(g.exceptions().await, ["platform.feed_unreadable"]);
        g.pass(10).await;
        g.feed().await;
        assert!(g.exceptions().await.is_empty());
        g.agree(&a).await;
        g.finish().await;
    }

    async fn play_money_moves_nothing_in_the_books(t: TestDb) {
        let g = Ground::new(t).await;
        let d = g.request(ALEX, "demo", Currency::USD).await.unwrap();
        g.work().await;
        let d = g.ready(d.id).await;
        g.control("POST", "/mt5/demo/balance", json!({"login": d.login, "amount": "10000.00"})).await;
        g.control("POST", "/mt5/demo/trade", json!({"login": d.login, "symbol": "EURUSD", "volume_lots": "1.00", "move_points": 500})).await;
        g.feed_of("demo").await;
        assert_eq!(g.at(&d, Purpose::Platform).await, 0);
        assert!(g.exceptions().await.is_empty());
        assert_eq!(history(&g, &d).await.len(), 3);
        g.finish().await;
    }
}
