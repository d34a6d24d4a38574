//! The trade server's Web API, played by a client of its own over real connections.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use qd_sandbox::mt5::{password_key, proof};
use serde_json::{Value, json};
use tower::ServiceExt;

#[test]
fn the_vendors_hash_vectors_and_our_own_hold() {
    let rows = [
        (
            "Password1",
            "904ba8ecb16273d2f0ae9c3b8a023752",
            ["73007dc7184747ce0f7c98516ef1c851", "4db98fec17aab4dc5a240bdc659e8395"],
            ["77fe51827f7fa69dd80fbec9aa33f1bb", "1732021b1b332f51660b2b315eed3a35"],
        ),
        (
            "Crm-Api-2024!",
            "e9b91f49b6964b07165dc74d5635937f",
            ["00112233445566778899aabbccddeeff", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"],
            ["76285b7f50104b7f43df542a6f817f07", "43ae8d29dcdfc2c92fcdcb3fb56898d0"],
        ),
        (
            "Pärl€1x!",
            "c6a6d527e3ab22438e71179ac72dea4b",
            ["00112233445566778899aabbccddeeff", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"],
            ["f2d26b207f32a433587882db6ede215e", "b613b0b65539f4ecdf5869b76d9e5bbc"],
        ),
    ];
    for (password, key, randoms, answers) in rows {
        let k = password_key(password);
        assert_eq!(hex::encode(k), key);
        for (r, a) in randoms.iter().zip(answers) {
            assert_eq!(proof(&k, &hex::decode(r).unwrap()), a);
        }
    }
}

#[tokio::test]
async fn replies_have_the_captured_layout_and_only_strings() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let ping = c.get("/api/test/access").await;
    assert_eq!(ping.body, "{\r\n\"retcode\" : \"0 Done\"\r\n}\r\n");
    assert!(ping.head.to_lowercase().contains("content-type: application/json"));
    let login = c.add_user(r"real\forex-eur", "Alex \"A\" Müller").await;
    let a = c.get(&format!("/api/user/get?login={login}")).await;
    assert!(a.body.starts_with(
        "{\r\n\"retcode\" : \"0 Done\",\r\n\"answer\" : {\r\n\"Login\" : \"500001\",\r\n\"Group\" : \"real\\\\forex-eur\",\r\n"
    ));
    fn all_strings(v: &Value) -> bool {
        match v {
            Value::Object(o) => o.values().all(all_strings),
            Value::Array(l) => l.iter().all(all_strings),
            other => other.is_string(),
        }
    }
    let u = a.json();
    assert!(all_strings(&u));
    let u = &u["answer"];
    assert_eq!(u["Name"], "Alex \"A\" Müller");
    let vendor = "Login Group Rights Name Company Account Country Language City State ZipCode Address Phone Email ClientID ID Status Comment \
        Color PhonePassword Leverage Agent CertSerialNumber Registration LastAccess LastPassChange LastIP Balance Credit InterestRate \
        CommissionDaily CommissionMonthly BalancePrevDay BalancePrevMonth EquityPrevDay EquityPrevMonth MQID LeadSource LeadCampaign \
        TradeAccounts ZIPCode LimitOrders LimitPositions";
    for field in vendor.split_whitespace() {
        assert!(u.get(field).is_some(), "{field} is missing");
    }
    assert_eq!(u["ApiData"].as_array().unwrap().len(), 16);
    assert_eq!((u["Rights"].as_str(), u["Balance"].as_str()), (Some("355"), Some("0.00")));
    assert_eq!(
        c.get("/api/user/logins?group=demo*").await.body,
        "{\r\n\"retcode\" : \"0 Done\",\r\n\"answer\" : []\r\n}\r\n"
    );
    let unknown = c.get("/api/nonsense/here").await;
    assert_eq!((unknown.status, unknown.retcode()), (200, 12000));
    assert_eq!(c.send("POST", "/api/user/get", "{broken").await.unwrap().retcode(), 3);
}

#[tokio::test]
async fn signing_in_belongs_to_one_connection() {
    let w = world(None).await;
    let (mut a, mut b) = (Client::plain(w.plain).await, Client::plain(w.plain).await);
    let started = a.start().await.json();
    let answer = proof(
        &password_key(PASSWORD),
        &hex::decode(started["srv_rand"].as_str().unwrap()).unwrap(),
    );
    let finish = format!("/api/auth/answer?srv_rand_answer={answer}&cli_rand=00112233445566778899aabbccddeeff");
    let split = b.get(&finish).await;
    assert_eq!((split.status, split.body.as_str()), (403, ""));
    assert_eq!(b.get("/api/user/total").await.status, 403);
    assert_eq!(a.get(&finish).await.retcode(), 0);
    assert_eq!(a.get("/api/user/total").await.status, 200);
    // Again on the same connection.
    a.sign_in().await;
    assert_eq!(a.get("/api/quit").await.retcode(), 0);
    // A request that came by no known connection is nobody's.
    let lost = axum::http::Request::get("/mt5/eu-live/api/auth/start?version=484&agent=t&login=1000&type=manager")
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(w.sandbox.router().oneshot(lost).await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_handshake_lasts_ten_seconds_and_a_silent_session_three_minutes() {
    let w = world(None).await;
    let mut c = Client::plain(w.plain).await;
    let started = c.start().await.json();
    let answer = proof(
        &password_key(PASSWORD),
        &hex::decode(started["srv_rand"].as_str().unwrap()).unwrap(),
    );
    w.clock.advance_secs(12);
    let late = c
        .get(&format!(
            "/api/auth/answer?srv_rand_answer={answer}&cli_rand=00112233445566778899aabbccddeeff"
        ))
        .await;
    assert_eq!(late.status, 403);
    c.sign_in().await;
    for _ in 0..3 {
        w.clock.advance_secs(170);
        assert_eq!(c.get("/api/test/access").await.retcode(), 0);
    }
    w.clock.advance_secs(181);
    assert_eq!(c.get("/api/test/access").await.status, 403);
    assert_eq!(
        c.get("/api/auth/start?version=1&agent=t&login=1000&type=manager").await.retcode(),
        1010
    );
    assert_eq!(
        c.get("/api/auth/start?version=484&agent=t&login=77&type=manager").await.retcode(),
        1001
    );
    c.start().await;
    let wrong = c
        .get(&format!(
            "/api/auth/answer?srv_rand_answer={}&cli_rand={}",
            "0".repeat(32),
            "0".repeat(32)
        ))
        .await;
    assert_eq!(wrong.retcode(), 1001);
    assert_eq!(c.get("/api/test/access").await.status, 403);
}

#[tokio::test]
async fn an_account_is_opened_and_funded_over_tls_and_the_token_finds_the_deal() {
    let w = world(None).await;
    let mut c = over_tls(w.tls, w.sandbox.certificate_pem()).await;
    c.sign_in().await;
    // Query and body together, the old password names, lower-case names, doubled backslashes.
    let made = c
        .post(
            r"/api/user/add?group=real%5C%5Cforex-eur&name=from%20the%20query&leverage=50&pass_main=nope",
            json!({"name": "Alex Berg", "MainPassword": "x", "PassMain": "Secret-2026", "pass_investor": "Secret-2027", "LeadSource": "de", "zipcode": "1010"}),
        )
        .await
        .done();
    assert_eq!(
        (made["Name"].as_str(), made["ZIPCode"].as_str(), made["ZipCode"].as_str()),
        (Some("Alex Berg"), Some("1010"), Some("1010"))
    );
    let login = login_of(&made);
    let t = c
        .post(
            "/api/trade/balance?login=1",
            json!({"login": login, "type": 2, "balance": 500.5, "comment": "D-7K2Q9F4M1X a tail that is far too long to stay"}),
        )
        .await
        .done();
    let deals = c.deals(login).await;
    assert_eq!(deals.len(), 1);
    let d = &deals[0];
    assert_eq!(d["Deal"], t["Ticket"]);
    assert_eq!(d["Comment"].as_str().unwrap().len(), 31);
    assert!(d["Comment"].as_str().unwrap().starts_with("D-7K2Q9F4M1X "));
    let want = [
        ("Action", "2"),
        ("Entry", "0"),
        ("Order", "0"),
        ("Symbol", ""),
        ("Profit", "500.50"),
        ("Dealer", "1000"),
    ];
    for (k, v) in want {
        assert_eq!(d[k], v, "{k}");
    }
    assert_eq!(c.get(&format!("/user_get?login={login}")).await.done()["Balance"], "500.50");
    assert_eq!(
        c.get(&format!("/api/user/check_balance?login={login}&fixflag=0")).await.done()["Balance"],
        json!({"User": "500.500000", "History": "500.500000"})
    );
    // GET works as well, and the deal is found by its ticket and by the old flat name.
    c.get(&format!("/api/trade/balance?login={login}&type=2&balance=-100&comment=W-1"))
        .await
        .done();
    assert_eq!(
        c.get(&format!("/deal_get?ticket={}", t["Ticket"].as_str().unwrap())).await.done()["Profit"],
        "500.50"
    );
    assert_eq!(c.get("/api/deal/get?ticket=1").await.retcode(), 13);
}

#[tokio::test]
async fn balance_operations_refuse_what_the_platform_refuses() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let login = c.add_user(r"real\forex-eur", "A").await;
    c.deposit(login, "100.00", "D-1").await;
    let mut op = async |kind: u8, amount: &str, check: u8| {
        c.post(
            "/api/trade/balance",
            json!({"login": login, "type": kind, "balance": amount, "comment": "", "check_margin": check}),
        )
        .await
        .retcode()
    };
    assert_eq!(op(2, "-100.01", 1).await, 10019);
    assert_eq!(op(3, "-1.00", 1).await, 10019);
    assert_eq!(op(2, "1000000000.01", 1).await, 4005);
    assert_eq!(op(2, "ten", 1).await, 3);
    assert_eq!(op(2, "0", 1).await, 3);
    assert_eq!(op(1, "1", 1).await, 3);
    assert_eq!(op(7, "1", 1).await, 3);
    // Credit cannot be paid out as balance.
    assert_eq!(op(3, "50", 1).await, 0);
    assert_eq!(op(2, "-120", 1).await, 10019);
    assert_eq!(op(6, "5", 1).await, 0);
    assert_eq!(op(2, "-100.01", 0).await, 0);
    assert_eq!(op(5, "-10", 1).await, 0);
    let missing = c
        .post("/api/trade/balance", json!({"login": 999_999, "type": 2, "balance": "1"}))
        .await;
    assert_eq!(missing.retcode(), 13);
    let u = c.get(&format!("/api/user/get?login={login}")).await.done();
    assert_eq!((u["Balance"].as_str(), u["Credit"].as_str()), (Some("-10.01"), Some("55.00")));
}

#[tokio::test]
async fn accounts_follow_the_platforms_rules() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let base = json!({"Group": r"real\forex-eur", "Name": "A", "Leverage": 100, "PassMain": "Secret-2026", "PassInvestor": "Secret-2027"});
    let with = |k: &str, v: Value| {
        let mut b = base.clone();
        b[k] = v;
        b
    };
    for (k, v, code) in [
        ("PassMain", json!("short1!"), 3006),
        ("PassMain", json!("alllower-2026"), 3006),
        ("PassMain", json!("NoSpecial2026"), 3006),
        ("PassMain", json!("Seventeen-chars-1"), 3006),
        ("Leverage", json!(501), 3),
        ("Name", json!(""), 3),
        ("Group", json!(r"real\nowhere"), 13),
        ("Login", json!(42), 3003),
    ] {
        assert_eq!(c.post("/api/user/add", with(k, v.clone())).await.retcode(), code, "{k} {v}");
    }
    let login = c.add_user(r"real\forex-eur", "A").await;
    assert_eq!(c.post("/api/user/add", with("Login", json!(login))).await.retcode(), 3004);
    assert_eq!(
        c.post("/api/user/update", json!({"Login": login, "Group": r"real\forex-usd"}))
            .await
            .retcode(),
        3010
    );
    let u = c
        .post(
            "/api/user/update",
            json!({"Login": login, "Group": r"real\pro-eur", "Leverage": 9000, "Balance": "77", "City": "Wien", "Rights": 483}),
        )
        .await
        .done();
    let shown = (
        u["Group"].as_str(),
        u["Leverage"].as_str(),
        u["Balance"].as_str(),
        u["City"].as_str(),
        u["Rights"].as_str(),
    );
    assert_eq!(shown, (Some(r"real\pro-eur"), Some("100"), Some("0.00"), Some("Wien"), Some("483")));
    let check = |kind: &str, p: &str| format!("/api/user/check_password?login={login}&type={kind}&password={p}");
    assert_eq!(c.get(&check("main", "Secret-2026")).await.retcode(), 0);
    assert_eq!(c.get(&check("investor", "Secret-2026")).await.retcode(), 3006);
    let change = |p: &str| json!({"Login": login, "Type": "main", "Password": p});
    assert_eq!(c.post("/api/user/change_password", change("weak")).await.retcode(), 3006);
    assert_eq!(c.post("/user_pass_change", change("Better-2028")).await.retcode(), 0);
    assert_eq!(c.get(&check("main", "Better-2028")).await.retcode(), 0);
    c.deposit(login, "1000", "D-1").await;
    let opened = w
        .control(
            "POST",
            "/mt5/eu-live/open",
            json!({"login": login, "symbol": "EURUSD", "side": "buy", "volume_lots": "0.10"}),
        )
        .await
        .1;
    assert_eq!(c.get(&format!("/api/user/delete?login={login}")).await.retcode(), 3008);
    assert_eq!(c.get(&format!("/api/position/get_total?login={login}")).await.done()["Total"], "1");
    w.control("POST", "/mt5/eu-live/close", json!({"position": opened["position"]}))
        .await;
    assert_eq!(c.get(&format!("/api/user/archive/add?login={login}")).await.retcode(), 0);
    assert_eq!(c.get(&format!("/api/user/get?login={login}")).await.retcode(), 13);
    assert_eq!(c.post("/api/user/restore", json!({"Login": login})).await.retcode(), 0);
    assert_eq!(c.get(&format!("/api/user/archive/get?login={login}")).await.retcode(), 0);
    assert_eq!(c.get(&format!("/api/user/delete?login={login}")).await.retcode(), 0);
    assert_eq!(c.get(&format!("/api/user/get?login={login}")).await.retcode(), 13);
}

#[tokio::test]
async fn a_dropped_answer_leaves_the_deal_and_a_dropped_request_does_not() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let login = c.add_user(r"real\forex-eur", "A").await;
    let op = |token: &str| format!("/api/trade/balance?login={login}&type=2&balance=10&comment={token}");
    w.fault("trade/balance", "drop_after", json!({})).await;
    w.fault("trade/balance", "drop_before", json!({"server": "eu-live"})).await;
    assert!(c.send("POST", &op("D-AFTER"), "").await.is_none());
    let mut c = w.signed_in().await;
    assert!(c.send("GET", &op("D-BEFORE"), "").await.is_none());
    let mut c = w.signed_in().await;
    let comments: Vec<Value> = c.deals(login).await.iter().map(|d| d["Comment"].clone()).collect();
    assert_eq!(comments, ["D-AFTER"]);
    // The same through the router of the whole program.
    w.fault("trade/balance", "drop_after", json!({})).await;
    let mut web = Client::plain(w.web).await;
    web.base = "/sandbox/mt5/eu-live".into();
    web.sign_in().await;
    assert!(web.send("POST", &op("D-WEB"), "").await.is_none());
    assert_eq!(c.deals(login).await.len(), 2);
    assert_eq!(w.control("GET", "/faults", Value::Null).await.1["faults"], json!([]));
}

#[tokio::test]
async fn every_other_fault_does_what_its_order_says() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let login = c.add_user(r"real\forex-eur", "A").await;
    w.fault("trade/balance", "refuse", json!({"value": 10019})).await;
    let body = |t: &str| json!({"login": login, "type": 2, "balance": "10", "comment": t});
    assert_eq!(c.post("/api/trade/balance", body("D-1")).await.retcode(), 10019);
    w.fault("trade/balance", "garbage", json!({})).await;
    let garbage = c.post("/api/trade/balance", body("D-2")).await;
    assert!(serde_json::from_str::<Value>(&garbage.body).is_err());
    assert_eq!(c.deals(login).await.len(), 1);
    w.fault("*", "forbidden", json!({"count": 1})).await;
    assert_eq!(c.get("/api/user/total").await.status, 403);
    c.sign_in().await;
    assert_eq!(c.get("/api/user/total").await.retcode(), 0);
    w.fault("trade/balance", "late_visible", json!({"delay_ms": 60_000})).await;
    c.post("/api/trade/balance", body("D-3")).await.done();
    assert_eq!(c.get(&format!("/api/user/get?login={login}")).await.done()["Balance"], "20.00");
    assert_eq!(c.deals(login).await.len(), 1);
    w.clock.advance_secs(61);
    assert_eq!(c.deals(login).await.len(), 2);
    w.fault("trade/balance", "wrong_amount", json!({"value": "7.77"})).await;
    c.post("/api/trade/balance", body("D-4")).await.done();
    assert_eq!(c.deals(login).await[2]["Profit"], "7.77");
    for kind in ["slow", "slow_before"] {
        w.fault("trade/balance", kind, json!({"delay_ms": 5})).await;
        c.post("/api/trade/balance", body("D-5")).await.done();
    }
    assert_eq!(c.deals(login).await.len(), 5);
    w.fault("*", "down", json!({})).await;
    for _ in 0..2 {
        assert!(
            Client::plain(w.plain)
                .await
                .send("GET", "/api/auth/start?version=484&agent=t&login=1000&type=manager", "")
                .await
                .is_none()
        );
    }
    assert_eq!(w.control("DELETE", "/faults", Value::Null).await.1["cancelled"], 1);
    w.signed_in().await;
    assert_eq!(
        w.control("POST", "/faults", json!({"provider": "mt5", "target": "*", "kind": "nonsense"}))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn an_operator_can_block_an_account_and_restart_the_server() {
    let w = world(None).await;
    let mut c = w.signed_in().await;
    let login = c.add_user(r"real\forex-eur", "A").await;
    let account = format!("/api/user/account/get?login={login}");
    assert_eq!(c.get(&account).await.retcode(), 13);
    c.deposit(login, "100", "D-1").await;
    assert_eq!(c.get(&account).await.done()["Equity"], "100.00");
    assert_eq!(
        c.get("/api/user/account/get_batch?group=real*")
            .await
            .done()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let blocked = w
        .control("POST", &format!("/mt5/eu-live/account/{login}/block"), json!({"mode": "read_only"}))
        .await
        .1;
    assert_eq!(
        (blocked["read_only"].as_bool(), blocked["enabled"].as_bool()),
        (Some(true), Some(true))
    );
    assert_eq!(c.get(&format!("/api/user/get?login={login}")).await.done()["Rights"], "359");
    let open = json!({"login": login, "side": "buy", "volume_lots": "0.01"});
    assert_eq!(w.control("POST", "/mt5/eu-live/open", open).await.0, 409);
    assert_eq!(
        w.control("GET", "/mt5/eu-live/accounts", Value::Null).await.1["accounts"][0]["balance"],
        "100.00"
    );
    assert_eq!(w.control("POST", "/mt5/eu-live/restart", Value::Null).await.0, 200);
    // The connection is cut, or at the least no longer signed in.
    assert!(c.send("GET", "/api/user/total", "").await.is_none_or(|a| a.status == 403));
    let mut c = w.signed_in().await;
    assert_eq!(c.get(&account).await.retcode(), 13);
    assert_eq!(c.get(&format!("/api/user/get?login={login}")).await.done()["Balance"], "100.00");
}

#[tokio::test]
async fn the_books_and_the_certificate_survive_a_restart() {
    let dir = folder("books");
    let first = world(Some(dir.clone())).await;
    let mut c = first.signed_in().await;
    let login = c.add_user(r"real\forex-eur", "Alex Berg").await;
    let ticket: u64 = c.deposit(login, "250", "D-1").await.parse().unwrap();
    let opened = first
        .control(
            "POST",
            "/mt5/eu-live/open",
            json!({"login": login, "side": "buy", "volume_lots": "0.01"}),
        )
        .await
        .1;
    let pem = first.sandbox.certificate_pem().to_string();
    first.sandbox.shutdown().await;
    drop(first);

    let second = world(Some(dir.clone())).await;
    assert_eq!(second.sandbox.certificate_pem(), pem);
    let mut c = over_tls(second.tls, &pem).await;
    c.sign_in().await;
    assert_eq!(c.get(&format!("/api/user/get?login={login}")).await.done()["Name"], "Alex Berg");
    assert_eq!(c.deals(login).await.len(), 2);
    let positions = c.get(&format!("/api/position/get_batch?login={login}")).await.done();
    assert_eq!(positions[0]["Position"], opened["position"].to_string());
    let next: u64 = c.deposit(login, "1", "D-2").await.parse().unwrap();
    assert!(next > ticket + 1);
    assert_eq!(c.add_user(r"real\forex-eur", "B").await, login + 1);
    second.sandbox.shutdown().await;
    let _ = std::fs::remove_dir_all(dir);
}
