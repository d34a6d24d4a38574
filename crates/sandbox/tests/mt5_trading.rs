//! Deals, positions, prices and pages of the trade server, over real connections.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use serde_json::{Value, json};

#[tokio::test]
async fn masks_choose_groups_for_users_groups_and_deals() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let mut logins = Vec::new();
    for g in [r"real\forex-eur", r"real\pro-eur", r"demo\forex-usd"] {
        let l = c.add_user(g, "A").await;
        c.deposit(l, "10", "D").await;
        logins.push(l.to_string());
    }
    let of = async |c: &mut Client<tokio::net::TcpStream>, m: &str| {
        let a = c.get(&format!("/api/user/logins?group={m}")).await.done();
        a.as_array()
            .unwrap()
            .iter()
            .map(|l| l.as_str().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&mut c, "real*").await, logins[..2]);
    assert_eq!(of(&mut c, r"*,!real\pro-eur").await, [logins[0].clone(), logins[2].clone()]);
    assert_eq!(of(&mut c, r"demo\\forex-usd,real\pro*").await, logins[1..]);
    let deals = c.get("/api/deal/get_batch?group=real*&from=0&to=4000000000").await.done();
    assert_eq!(deals.as_array().unwrap().len(), 2);
    let posted = c
        .post(
            "/api/deal/get_batch",
            json!({"group": ["*", r"!real\*"], "from": 0, "to": 4_000_000_000i64}),
        )
        .await
        .done();
    assert_eq!(posted[0]["Login"], logins[2].as_str());
    assert_eq!(c.get("/api/deal/get_batch?group=real*&login=1&from=0&to=1").await.retcode(), 3);
    assert_eq!(c.get("/api/deal/get_batch?group=real*").await.retcode(), 3);
    assert_eq!(c.get("/api/user/get_batch?group=real*").await.done().as_array().unwrap().len(), 2);
    assert_eq!(c.get("/api/group/get?mask=real*").await.done().as_array().unwrap().len(), 3);
    let one = c.get(r"/api/group/get?group=real\forex-eur").await.done();
    assert_eq!(
        (one[0]["Currency"].as_str(), one[0]["CurrencyDigits"].as_str()),
        (Some("EUR"), Some("2"))
    );
    assert_eq!(c.get("/api/symbol/get?symbol=EURUSD").await.done()["ContractSize"], "100000.00");
    let ticks = c.get(r"/api/tick/last?symbol=Forex\Major\*&trans_id=0").await.json();
    assert_eq!(ticks["answer"].as_array().unwrap().len(), 3);
    let again = c.get(&format!("/api/tick/last?symbol=*&trans_id={}", 1_000_000)).await.done();
    assert_eq!(again, json!([]));
}

#[tokio::test]
async fn pages_hold_a_hundred_and_batches_go_by_wall_clock() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let login = c.add_user(r"real\forex-usd", "A").await;
    c.deposit(login, "100000", "D-1").await;
    assert_eq!(
        w.control("POST", "/mt5/eu-live/burst", json!({"count": 60, "login": login}))
            .await
            .1["deals"],
        120
    );
    let span = format!("login={login}&from=0&to=4000000000");
    assert_eq!(c.get(&format!("/api/deal/get_total?{span}")).await.done()["Total"], "121");
    let page = async |c: &mut Client<tokio::net::TcpStream>, offset: u32| {
        c.get(&format!("/api/deal/get_page?{span}&offset={offset}&total=500"))
            .await
            .done()
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        (page(&mut c, 0).await, page(&mut c, 100).await, page(&mut c, 200).await),
        (100, 21, 0)
    );
    assert_eq!(c.get(&format!("/api/history/get_total?{span}")).await.done()["Total"], "120");
    // Athens is two hours east in November: the wall clock says 11 when UTC says 9.
    let wall = START.secs() + 7_200;
    let in_window = c
        .get(&format!("/api/deal/get_batch?login={login}&from={}&to={}", wall - 1, wall + 60))
        .await
        .done();
    assert!(!in_window.as_array().unwrap().is_empty());
    let utc = c
        .get(&format!(
            "/api/deal/get_batch?login={login}&from={}&to={}",
            START.secs() - 120,
            START.secs() + 60
        ))
        .await
        .done();
    assert_eq!(utc, json!([]));
    let time = c.get("/api/time/server").await.done();
    let shown = time["Time"].as_str().unwrap();
    assert!(shown.contains("2026.11.20 11:0"), "{shown}");
    let zone = c.get("/api/time/get").await.done();
    assert_eq!(
        (zone["TimeZone"].as_str(), zone["DaylightState"].as_str()),
        (Some("120"), Some("0"))
    );
    // In July an hour more.
    w.clock.set(qd_kernel::Ts::from_ymd(2027, 7, 1));
    c.sign_in().await;
    assert!(
        c.get("/time_server").await.done()["Time"]
            .as_str()
            .unwrap()
            .ends_with("2027.07.01 03:00:00")
    );
    let zone = c.get("/api/time/get").await.done();
    assert_eq!(
        (zone["TimeZone"].as_str(), zone["DaylightState"].as_str()),
        (Some("120"), Some("1"))
    );
    assert_eq!(c.get("/api/common/get").await.done()["TotalDeals"], "121");
}

#[tokio::test]
async fn a_trade_makes_two_complete_deals_and_can_be_edited_cancelled_deleted_and_late() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let login = c.add_user(r"real\pro-eur", "A").await;
    c.deposit(login, "5000", "D-1").await;
    let order = json!({"login": login, "symbol": "EURUSD", "side": "sell", "volume_lots": "1.25", "hold_s": 1200, "move_points": 100});
    let (status, t) = w.control("POST", "/mt5/eu-live/trade", order).await;
    assert_eq!(status, 200, "{t}");
    let deals = c.deals(login).await;
    let find = |n: &Value| {
        let ticket = n.to_string();
        deals.iter().find(|d| d["Deal"] == ticket.as_str()).unwrap().clone()
    };
    let (i, o) = (find(&t["open_deal"]), find(&t["close_deal"]));
    for (d, k, v) in [
        (&i, "Action", "1"),
        (&i, "Entry", "0"),
        (&i, "Volume", "12500"),
        (&i, "VolumeExt", "125000000"),
        (&i, "VolumeClosed", "0"),
        (&i, "Commission", "-3.75"),
        (&o, "Action", "0"),
        (&o, "Entry", "1"),
        (&o, "VolumeClosedExt", "125000000"),
        (&o, "ProfitRaw", "125.00"),
        (&o, "Digits", "5"),
        (&o, "ContractSize", "100000.00"),
    ] {
        assert_eq!(d[k], v, "{k}");
    }
    assert_eq!(o["PricePosition"], i["Price"]);
    assert_eq!(o["PositionID"], i["PositionID"]);
    assert_eq!(i["PositionID"], i["Order"]);
    assert_eq!(o["Profit"], t["profit"]);
    let secs = |d: &Value| d["Time"].as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!(secs(&o) - secs(&i), 1200);
    let ticket = t["close_deal"].as_u64().unwrap();
    let hist = c
        .get(&format!("/api/history/get?ticket={}", o["Order"].as_str().unwrap()))
        .await
        .done();
    assert_eq!((hist["State"].as_str(), hist["Order"].as_str()), (Some("4"), o["Order"].as_str()));

    let edited = w
        .control(
            "PATCH",
            &format!("/mt5/eu-live/deal/{ticket}"),
            json!({"volume_lots": "2.00", "comment": "fixed"}),
        )
        .await
        .1;
    assert_eq!(edited["modification_flags"], 2);
    let d = c.get(&format!("/api/deal/get?ticket={ticket}")).await.done();
    assert_eq!(
        (
            d["VolumeClosed"].as_str(),
            d["ModifyFlags"].as_str(),
            d["ModificationFlags"].as_str()
        ),
        (Some("20000"), Some("2"), Some("2"))
    );
    let own = c
        .post("/api/deal/update", json!({"Deal": ticket, "ExternalID": "CRM-1"}))
        .await
        .done();
    assert_eq!(
        (own["ExternalID"].as_str(), own["ModificationFlags"].as_str()),
        (Some("CRM-1"), Some("34"))
    );
    w.control("POST", &format!("/mt5/eu-live/deal/{ticket}/cancel"), Value::Null).await;
    let d = c.get(&format!("/api/deal/get?ticket={ticket}")).await.done();
    assert_eq!((d["Action"].as_str(), d["Profit"].as_str()), (Some("13"), Some("0.00")));
    let check = c.get(&format!("/api/user/check_balance?login={login}")).await.done();
    assert_eq!(check["Balance"]["User"], check["Balance"]["History"]);
    w.control("DELETE", &format!("/mt5/eu-live/deal/{ticket}"), Value::Null).await;
    assert_eq!(c.get(&format!("/api/deal/get?ticket={ticket}")).await.retcode(), 13);
    let late = w
        .control(
            "POST",
            "/mt5/eu-live/late_deal",
            json!({"login": login, "volume_lots": "0.10", "ago_s": 7200}),
        )
        .await
        .1;
    let l = c.get(&format!("/api/deal/get?ticket={}", late["close_deal"])).await.done();
    assert!(secs(&l) < secs(&o) && late["close_deal"].as_u64().unwrap() > ticket);
    assert_eq!(
        w.control("POST", "/mt5/eu-live/trade", json!({"login": 1, "side": "buy"})).await.0,
        404
    );
    assert_eq!(
        w.control("POST", "/mt5/eu-live/trade", json!({"login": login, "side": "up"}))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn opposite_positions_close_each_other_and_a_deal_can_be_made_a_reversal() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let login = c.add_user(r"real\forex-usd", "A").await;
    c.deposit(login, "5000", "D-1").await;
    let mut positions = Vec::new();
    for (side, lots) in [("buy", "0.30"), ("sell", "0.20")] {
        let o = w
            .control(
                "POST",
                "/mt5/eu-live/open",
                json!({"login": login, "side": side, "volume_lots": lots}),
            )
            .await
            .1;
        positions.push(o["position"].clone());
    }
    let body = json!({"position": positions[0], "by": positions[1]});
    let made = w.control("POST", "/mt5/eu-live/close_by", body.clone()).await.1;
    for t in made["close_deals"].as_array().unwrap() {
        let d = c.get(&format!("/api/deal/get?ticket={t}")).await.done();
        assert_eq!((d["Entry"].as_str(), d["VolumeClosed"].as_str()), (Some("3"), Some("2000")));
    }
    let left = c.get(&format!("/api/position/get_batch?login={login}")).await.done();
    assert_eq!((left.as_array().unwrap().len(), left[0]["Volume"].as_str()), (1, Some("1000")));
    assert_eq!(w.control("POST", "/mt5/eu-live/close_by", body).await.0, 409);
    let ticket = &made["close_deals"][0];
    let edit = json!({"entry": 2, "volume_lots": "0.50", "volume_closed_ext": 20_000_000});
    w.control("PATCH", &format!("/mt5/eu-live/deal/{ticket}"), edit).await;
    let d = c.get(&format!("/api/deal/get?ticket={ticket}")).await.done();
    let shown = (d["Entry"].as_str(), d["Volume"].as_str(), d["VolumeClosed"].as_str());
    assert_eq!(shown, (Some("2"), Some("5000"), Some("2000")));
}

#[tokio::test]
async fn a_falling_market_warns_and_then_closes_the_position() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let login = c.add_user(r"real\forex-usd", "A").await;
    c.deposit(login, "1500", "D-1").await;
    let open = json!({"login": login, "symbol": "EURUSD", "side": "buy", "volume_lots": "1.00"});
    assert_eq!(w.control("POST", "/mt5/eu-live/open", open.clone()).await.0, 200);
    assert_eq!(w.control("POST", "/mt5/eu-live/open", open).await.0, 409);
    let account = format!("/api/user/account/get?login={login}");
    let a = c.get(&account).await.done();
    assert_eq!(a["SOActivation"], "0");
    assert!(a["Margin"].as_str().unwrap().starts_with("11"));
    w.control("POST", "/mt5/eu-live/price", json!({"symbol": "EURUSD", "move_points": -450}))
        .await;
    assert_eq!(c.get(&account).await.done()["SOActivation"], "1");
    w.control("POST", "/mt5/eu-live/price", json!({"symbol": "EURUSD", "move_points": -700}))
        .await;
    assert_eq!(c.get(&format!("/api/position/get_batch?login={login}")).await.done(), json!([]));
    let deals = c.deals(login).await;
    assert_eq!((deals[2]["Reason"].as_str(), deals[2]["Entry"].as_str()), (Some("5"), Some("1")));
    let m = c
        .get(&format!(
            "/api/trade/check_margin?login={login}&symbol=EURUSD&type=0&volume=1000000&price=0"
        ))
        .await
        .done();
    assert!(m["new"]["Margin"].as_str().unwrap().starts_with("11"), "{m}");
    let p = c
        .get("/api/trade/calc_profit?symbol=EURUSD&type=0&volume=100000000&price_open=1.10000&price_close=1.10100")
        .await
        .done();
    assert_eq!(p["Profit"], "100.00");
}

#[tokio::test]
async fn a_dealers_request_is_queued_and_its_result_asked_for() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let login = c.add_user(r"real\forex-usd", "A").await;
    c.deposit(login, "1000", "D-1").await;
    let req = json!({"Action": 200, "Login": login, "Symbol": "GBPUSD", "Volume": 1000, "Type": 1, "TypeFill": 0, "PriceOrder": "0", "Digits": 5});
    let id = c.post("/api/dealer/send_request", req).await.done()["ID"].clone();
    let result = c
        .get(&format!("/api/dealer/get_request_result?id={}", id.as_str().unwrap()))
        .await
        .done();
    assert_eq!(result[0]["Retcode"], "10009");
    let p = c.get(&format!("/api/position/get?login={login}&symbol=GBPUSD")).await.done();
    assert_eq!((p["Action"].as_str(), p["Volume"].as_str()), (Some("1"), Some("1000")));
    assert_eq!(c.get(&format!("/api/order/get_batch?login={login}")).await.done(), json!([]));
    assert_eq!(c.get(&format!("/api/order/get_total?login={login}")).await.done()["Total"], "0");
}

#[tokio::test]
async fn months_of_business_can_be_seeded_from_inside() {
    use qd_kernel::Lots;
    use qd_sandbox::mt5::{NewAccount, SeedTrade};
    let w = world(None).await;
    let s = w.sandbox.mt5("eu-live").unwrap();
    let day = |n: i64| START.plus_days(-n);
    let login = s
        .add_account(&NewAccount {
            login: Some(500_100),
            group: r"real\forex-usd",
            name: "Seeded",
            email: "s@example.org",
            leverage: 100,
            password: "Secret-2026",
            comment: "",
            our_ref: "acc-1",
            registered: day(90),
        })
        .unwrap();
    let ticket = s.add_balance(login, 2, 1_000_000, "D-SEED", day(89)).unwrap();
    assert_eq!(
        (s.login_of("acc-1"), s.money_with(login, "D-SEED")),
        (Some(login), Some((ticket, 1_000_000)))
    );
    assert_eq!((s.login_of("acc-2"), s.money_with(login, "W-SEED")), (None, None));
    let trade = |n: i64| SeedTrade {
        login,
        symbol: "EURUSD",
        buy: true,
        volume: Lots::ONE,
        opened: day(n),
        closed: day(n).plus_secs(60),
        points: 10,
    };
    let done = s.add_trades(&[trade(80), trade(70)]).unwrap();
    assert_eq!(done.iter().map(|t| t.profit).collect::<Vec<_>>(), [1_000, 1_000]);
    assert_eq!(s.balance_of(login), Some((1_002_000, 0)));
    let mut c = w.signed_in().await;
    assert_eq!(c.deals(login).await.len(), 5);
    assert!(s.add_balance(1, 2, 1, "", day(1)).is_err());
}
