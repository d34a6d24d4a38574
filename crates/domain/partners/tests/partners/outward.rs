//! What leaves the house: postbacks to partners' trackers and events to outside engines, against a real
//! receiver over HTTP.

use crate::kit::*;
use crate::tx;
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use qd_courier_http::{HttpCourier, Reach as Near};
use qd_kernel::{Amount, Currency, Env, PageRequest, Result};
use qd_outbound::{Bytes, Client, ClientOptions, Reach, Request};
use qd_partners::attribution::Registration;
use qd_partners::clicks::{self, NewLink, Visit};
use qd_partners::postbacks::{self, Amounts, DailyLots, Draft, Happening, Method, PostbackEvent, SendFilter, SendState, Sender};
use qd_partners::webhooks::{self, Deliver, Replay};
use qd_partners::{Outward, PartnerId, PostbackId, SendId};
use qd_runtime::access::{Caller, Role, StaffId};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{self, Registry};
use qd_sandbox::{ConnId, Sandbox, SandboxConfig};
use qd_testkit::TestDb;
use serde_json::{Value, json};
use std::sync::Arc;

const NEAR: Near = Near::Private;
const FAR: Near = Near::Public;

fn courier(reach: Near) -> Outward {
    Arc::new(HttpCourier::new(reach).unwrap())
}

/// A receiver over HTTP: the sandbox's request bins.
struct Receiver {
    base: String,
    http: Client,
}

impl Receiver {
    async fn start() -> Receiver {
        let cfg = SandboxConfig {
            data_dir: None,
            public_base: "http://127.0.0.1".into(),
            hook_base: "http://127.0.0.1:9".into(),
            stripe: Vec::new(),
            rails: vec![],
            mt5: Vec::new(),
            smtp_listen: None,
            simulate_traders: false,
        };
        let sandbox = Sandbox::start(cfg, Env::system()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let app = axum::Router::new().nest("/sandbox", sandbox.router());
        tokio::spawn(async move { axum::serve(listener, app.into_make_service_with_connect_info::<ConnId>()).await });
        let options = ClientOptions {
            reach: Reach::Anywhere,
            ..ClientOptions::default()
        };
        Receiver {
            base: format!("http://{at}/sandbox"),
            http: Client::new(options).unwrap(),
        }
    }
    fn bin(&self, id: &str) -> String {
        format!("{}/bin/{id}", self.base)
    }
    async fn arrived(&self, id: &str) -> Vec<Value> {
        let r = Request::get(format!("{}/bins/{id}/requests", self.base))
            .body(Bytes::new())
            .unwrap();
        let v: Value = serde_json::from_slice(&self.http.send(r).await.unwrap().body).unwrap();
        v["requests"].as_array().unwrap().clone()
    }
    async fn order(&self, id: &str, what: Value) {
        let r = Request::post(format!("{}/control/bin/{id}", self.base))
            .body(Bytes::from(what.to_string()))
            .unwrap();
        assert!(self.http.send(r).await.unwrap().status.is_success());
    }
}

async fn work(t: &TestDb, reach: Near) {
    let out = courier(reach);
    let r = Registry::new()
        .add(Arc::new(Sender::new(t.core.clone(), key(), out.clone())))
        .add(Arc::new(Deliver::new(t.core.clone(), key(), out)))
        .add(Arc::new(Replay::new(t.core.clone(), Arc::new(Plain))));
    jobs::run_until_idle(&t.core, &r).await.unwrap();
}

fn draft(url: &str, events: &[PostbackEvent], method: Method) -> Draft {
    Draft {
        name: "Tracker".into(),
        events: events.to_vec(),
        url: url.into(),
        method,
        success: Vec::new(),
        amounts: None,
        lot_interval_s: None,
        active: None,
    }
}

async fn add(t: &TestDb, p: PartnerId, d: Draft) -> PostbackId {
    tx!(t, |tx, core| postbacks::create(tx, core, &manager(), Some(p), &d, &courier(NEAR))
        .await)
    .unwrap()
    .id
}

async fn happen(t: &TestDb, client: &'static str, h: Happening) -> usize {
    tx!(t, |tx, core| postbacks::of_client(tx, core, client, &h).await).unwrap()
}

async fn log(t: &TestDb, id: PostbackId) -> Vec<postbacks::SendView> {
    let page = PageRequest::new(Some(100), None).unwrap();
    t.db.read(async move |tx| postbacks::log(tx, &manager(), id, &SendFilter::default(), &page).await)
        .await
        .unwrap()
        .items
}

async fn detail(t: &TestDb, id: SendId) -> postbacks::PostbackSendDetail {
    t.db.read(async move |tx| postbacks::report(tx, &manager(), id).await)
        .await
        .unwrap()
}

/// A partner with a link, and a client who came by it with the tracker's names for the click.
async fn anna(t: &TestDb) -> PartnerId {
    let p = make(t, "Anna", None, Currency::EUR, Some("cli_anna")).await.id;
    let new = NewLink {
        code: Some("ANNA".into()),
        campaign: Some("spring".into()),
        landing: "/start".into(),
    };
    tx!(t, |tx, core| clicks::create_link(tx, core, &manager(), p, new.clone()).await).unwrap();
    p
}

async fn came(t: &TestDb, client: &str) -> String {
    let pairs = [("click_id", "ext 1&2"), ("sub1", "blau/grün"), ("sub2", "b")];
    let v = Visit {
        code: "ANNA".into(),
        ip: Some("192.0.2.7".into()),
        query: pairs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect(),
        consent: true,
        ..Visit::default()
    };
    let visited = tx!(t, |tx, core| clicks::visit(tx, core, &key(), &v).await).unwrap();
    let r = Registration {
        client_id: client.into(),
        entity: "eu".into(),
        brand: "northwind".into(),
        cookie: visited.set_cookie,
        ip: Some("192.0.2.7".into()),
        ..Registration::default()
    };
    register(t, r).await;
    visited.click_id.to_string()
}

fn expected(secret: &str, id: &str, time: &str, body: &str) -> String {
    let raw = BASE64.decode(secret.strip_prefix("whsec_").unwrap().as_bytes()).unwrap();
    let mut m = Hmac::<sha2::Sha256>::new_from_slice(&raw).unwrap();
    m.update(format!("{id}.{time}.{body}").as_bytes());
    format!("v1,{}", BASE64.encode(&m.finalize().into_bytes()))
}

fn header<'a>(r: &'a Value, name: &str) -> &'a str {
    let all = r["headers"].as_array().unwrap();
    all.iter().find(|h| h[0] == name).and_then(|h| h[1].as_str()).unwrap_or_default()
}

struct Plain;

#[async_trait::async_trait(?Send)]
impl webhooks::Data for Plain {
    async fn data(&self, _: &mut qd_db::Tx, _: &str, payload: &Value) -> Result<Value> {
        Ok(payload.clone())
    }
}

fn ops() -> Caller {
    Caller::staff(StaffId::from_body(9), "Otto", &[Role::SuperAdmin], None, &["eu", "uk"])
}

qd_testkit::both! {
    async fn click_registration_and_first_deposit_arrive_with_their_values_once_and_say_nothing_of_the_person(t: TestDb) {
        use PostbackEvent::{Click, Ftd, Registration};
        let r = Receiver::start().await;
        let p = anna(&t).await;
        let url = format!("{}?c={{click_id}}&s={{{{sub1}}}}&x={{sub3}}&e={{event}}&a={{amount}}&cur={{currency}}&land={{country}}&u={{client}}&id={{postback_id}}&ev={{event_id}}&code={{link_code}}&k={{campaign}}", r.bin("a"));
        let id = add(&t, p, draft(&url, &[Click, Registration, Ftd], Method::Get)).await;
        let ours = came(&t, "cli_1").await;
        let mut h = Happening::new(Registration, "evt_1", t.core.now(), "registered");
        h.country = Some("DE".into());
        assert_eq!(happen(&t, "cli_1", h.clone()).await, 1);
        assert_eq!(happen(&t, "cli_1", h).await, 0, "told twice, reported once");
        let mut h = Happening::new(Ftd, "evt_2", t.core.now(), "received");
        h.amount = Some(Amount::new(25_050, Currency::EUR));
        happen(&t, "cli_1", h).await;
        assert_eq!(happen(&t, "cli_nobodys", Happening::new(Ftd, "evt_3", t.core.now(), "received")).await, 0);
        work(&t, NEAR).await;
        work(&t, NEAR).await;

        let got = r.arrived("a").await;
        assert_eq!(got.iter().map(|g| g["pairs"]["e"].as_str().unwrap()).collect::<Vec<_>>(), ["click", "registration", "ftd"]);
        for g in &got {
            assert_eq!((g["pairs"]["c"].as_str(), g["pairs"]["s"].as_str(), g["pairs"]["x"].as_str()), (Some("ext 1&2"), Some("blau/grün"), Some("")));
            assert_eq!((g["method"].as_str(), g["pairs"]["code"].as_str(), g["pairs"]["k"].as_str()), (Some("GET"), Some("ANNA"), Some("spring")));
        }
        assert_eq!(got[0]["pairs"]["ev"], ours);
        assert_eq!((&got[1]["pairs"]["land"], &got[1]["pairs"]["u"]), (&json!("DE"), &json!("cli_1")));
        assert_eq!((&got[2]["pairs"]["a"], &got[2]["pairs"]["cur"]), (&json!("251"), &json!("EUR")), "whole units without a contract that says more");
        let lines = log(&t, id).await;
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|l| l.state == SendState::Done && l.status == Some(200) && l.attempts == 1 && l.excerpt.is_some()));
        assert_eq!(lines[0].id.to_string(), got[2]["pairs"]["id"].as_str().unwrap());
    }

    async fn what_may_work_later_is_tried_again_with_growing_gaps_and_what_will_not_is_final(t: TestDb) {
        let r = Receiver::start().await;
        let p = anna(&t).await;
        came(&t, "cli_1").await;
        let one = async |bin: &str, n: i64, order: Value| {
            r.order(bin, order).await;
            let id = add(&t, p, draft(&format!("{}?e={{event}}", r.bin(bin)), &[PostbackEvent::Deposit], Method::Get)).await;
            happen(&t, "cli_1", Happening::new(PostbackEvent::Deposit, format!("evt_{n}"), t.core.now(), "received")).await;
            work(&t, NEAR).await;
            id
        };
        for (n, status) in [(1, 500), (2, 503), (3, 429), (4, 408)] {
            let id = one(&format!("again{status}"), n, json!({"status": status, "count": 1})).await;
            let l = &log(&t, id).await[0];
            assert_eq!((l.state, l.status, l.attempts), (SendState::Waiting, Some(status), 1));
            t.clock.advance_secs(4);
            work(&t, NEAR).await;
            assert_eq!(log(&t, id).await[0].attempts, 1, "not before its time");
            t.clock.advance_secs(2);
            work(&t, NEAR).await;
            let l = log(&t, id).await.remove(0);
            assert_eq!((l.state, l.status, l.attempts), (SendState::Done, Some(200), 2));
            let d = detail(&t, l.id).await;
            assert_eq!(d.tries.iter().map(|t| t.status).collect::<Vec<_>>(), [Some(status), Some(200)]);
            tx!(t, |tx, core| postbacks::remove(tx, core, &manager(), id).await).unwrap();
        }
        for (n, status) in [(5, 404), (6, 400), (7, 410)] {
            let id = one(&format!("no{status}"), n, json!({"status": status})).await;
            t.clock.advance_secs(86_400);
            work(&t, NEAR).await;
            let l = &log(&t, id).await[0];
            assert_eq!((l.state, l.status, l.attempts, l.error.as_deref()), (SendState::Failed, Some(status), 1, Some("status_refused")));
            tx!(t, |tx, core| postbacks::remove(tx, core, &manager(), id).await).unwrap();
        }
        // A redirect is an answer; nobody goes where it points.
        let id = one("hop", 8, json!({"status": 302, "location": r.bin("behind")})).await;
        assert_eq!((log(&t, id).await[0].state, log(&t, id).await[0].error.as_deref()), (SendState::Failed, Some("redirect_not_followed")));
        assert!(r.arrived("behind").await.is_empty());
        // Down for a day: ten attempts, then no more.
        tx!(t, |tx, core| postbacks::remove(tx, core, &manager(), id).await).unwrap();
        let id = one("down", 9, json!({"status": 502})).await;
        for _ in 0..12 {
            t.clock.advance_secs(43_300);
            work(&t, NEAR).await;
        }
        assert_eq!((log(&t, id).await[0].state, log(&t, id).await[0].attempts, r.arrived("down").await.len()), (SendState::Failed, 10, 10));
    }

    async fn a_replay_has_the_same_event_and_a_new_postback_id_and_a_test_is_marked(t: TestDb) {
        let r = Receiver::start().await;
        let p = anna(&t).await;
        came(&t, "cli_1").await;
        let url = format!("{}?e={{event}}&ev={{event_id}}&id={{postback_id}}&t={{test}}&a={{amount}}", r.bin("a"));
        let id = add(&t, p, draft(&url, &[PostbackEvent::Ftd], Method::Get)).await;
        happen(&t, "cli_1", Happening::new(PostbackEvent::Ftd, "evt_1", t.core.now(), "received")).await;
        let first = log(&t, id).await[0].id;
        assert_eq!(tx!(t, |tx, core| postbacks::replay(tx, core, &manager(), first).await).unwrap_err().code, "report_waiting");
        work(&t, NEAR).await;
        let again = tx!(t, |tx, core| postbacks::replay(tx, core, &client("cli_anna"), first).await).unwrap();
        assert_eq!(again.replay_of, Some(first));
        work(&t, NEAR).await;
        tx!(t, |tx, core| postbacks::test(tx, core, &client("cli_anna"), id, PostbackEvent::Deposit).await).unwrap();
        work(&t, NEAR).await;
        let got = r.arrived("a").await;
        assert_eq!(got.len(), 3);
        assert_eq!(got[0]["pairs"]["ev"], got[1]["pairs"]["ev"]);
        assert_ne!(got[0]["pairs"]["id"], got[1]["pairs"]["id"]);
        assert_eq!((&got[2]["pairs"]["t"], &got[2]["pairs"]["e"], &got[2]["pairs"]["a"]), (&json!("1"), &json!("deposit"), &json!("250")));
        // Nobody else reads or repeats it, and learns no more than that there is nothing.
        let e = t.db.read(async move |tx| postbacks::report(tx, &client("cli_bob"), first).await).await.unwrap_err();
        assert_eq!(e.code, "not_found");
        make(&t, "Bob", None, Currency::EUR, Some("cli_bob")).await;
        let e = tx!(t, |tx, core| postbacks::replay(tx, core, &client("cli_bob"), first).await).unwrap_err();
        assert_eq!(e.code, "not_found");
        let e = tx!(t, |tx, core| postbacks::replay(tx, core, &elsewhere(), first).await).unwrap_err();
        assert_eq!(e.code, "not_found");
    }

    async fn what_is_posted_is_signed_and_a_new_secret_signs_from_then_on(t: TestDb) {
        let r = Receiver::start().await;
        let p = anna(&t).await;
        came(&t, "cli_1").await;
        let id = add(&t, p, draft(&r.bin("signed"), &[PostbackEvent::KycApproved], Method::Post)).await;
        happen(&t, "cli_1", Happening::new(PostbackEvent::KycApproved, "evt_1", t.core.now(), "approved")).await;
        work(&t, NEAR).await;
        let secret = async || t.db.read(async move |tx| postbacks::secret(tx, &key(), &client("cli_anna"), id).await).await.unwrap();
        let first = secret().await;
        tx!(t, |tx, core| postbacks::new_secret(tx, core, &client("cli_anna"), id).await).unwrap();
        let second = secret().await;
        assert_ne!(first.expose(), second.expose());
        happen(&t, "cli_1", Happening::new(PostbackEvent::KycApproved, "evt_2", t.core.now(), "approved")).await;
        work(&t, NEAR).await;
        let got = r.arrived("signed").await;
        for (g, s) in got.iter().zip([&first, &second]) {
            let (id, time, body) = (header(g, "webhook-id"), header(g, "webhook-timestamp"), g["body"].as_str().unwrap());
            assert_eq!(header(g, "webhook-signature"), expected(s.expose(), id, time, body));
            let v: Value = serde_json::from_str(body).unwrap();
            assert_eq!((v["event"].as_str(), v["click_id"].as_str(), v["postback_id"].as_str()), (Some("kyc_approved"), Some("ext 1&2"), Some(id)));
        }
        assert_eq!(got.len(), 2);
    }

    async fn an_address_inside_our_own_network_is_never_called_however_it_is_spelled(t: TestDb) {
        let r = Receiver::start().await;
        let p = anna(&t).await;
        came(&t, "cli_1").await;
        for url in ["http://127.0.0.1/pb", "http://10.0.0.1/pb", "http://[::1]/pb", "http://localhost/pb", "http://169.254.169.254/pb", "https://t.example:8443/pb", "https://{sub1}.example/pb"] {
            let d = draft(url, &[PostbackEvent::Ftd], Method::Get);
            let e = tx!(t, |tx, core| postbacks::create(tx, core, &client("cli_anna"), None, &d, &courier(FAR)).await).unwrap_err();
            assert_eq!(e.fields[0].pointer, "/url", "{url}");
        }
        // A name is looked up when it is called, and its address is what counts.
        let d = draft("http://2130706433/pb", &[PostbackEvent::Ftd], Method::Get);
        let named = tx!(t, |tx, core| postbacks::create(tx, core, &client("cli_anna"), None, &d, &courier(FAR)).await).unwrap().id;
        // Saved while an exception was in force, and the exception is gone.
        let saved = add(&t, p, draft(&r.bin("inside"), &[PostbackEvent::Ftd], Method::Get)).await;
        happen(&t, "cli_1", Happening::new(PostbackEvent::Ftd, "evt_1", t.core.now(), "received")).await;
        work(&t, FAR).await;
        let l = &log(&t, named).await[0];
        assert_eq!((l.state, l.error.as_deref()), (SendState::Failed, Some("address_refused (not_sent)")));
        let l = &log(&t, saved).await[0];
        assert_eq!((l.state, l.error.as_deref()), (SendState::Failed, Some("address_refused")));
        assert!(r.arrived("inside").await.is_empty());
    }

    async fn ten_postbacks_amounts_by_contract_and_commission_reported_with_its_distance(t: TestDb) {
        let r = Receiver::start().await;
        let p = anna(&t).await;
        let mut d = draft(&format!("{}?a={{payout}}&c={{currency}}", r.bin("a")), &[PostbackEvent::Commission], Method::Get);
        d.amounts = Some(Amounts::Exact);
        let mine = d.clone();
        let e = tx!(t, |tx, core| postbacks::create(tx, core, &client("cli_anna"), None, &mine, &courier(NEAR)).await).unwrap_err();
        assert_eq!(e.code, "amounts_by_contract");
        let id = add(&t, p, d).await;
        let earn = async |event: &'static str, minor: i64| {
            let mut h = Happening::new(PostbackEvent::Commission, event, t.core.now(), "accrued");
            h.payout = Some(Amount::new(minor, Currency::EUR));
            tx!(t, |tx, core| postbacks::of_partner(tx, core, p, &h).await).unwrap()
        };
        earn("evt_1", 125).await;
        work(&t, NEAR).await;
        for (e, m) in [("evt_2", 300), ("evt_3", -40), ("evt_3", -40), ("evt_4", 11)] {
            earn(e, m).await;
            work(&t, NEAR).await;
        }
        assert_eq!(r.arrived("a").await.len(), 1, "nothing more within the hour");
        t.clock.advance_secs(3_601);
        work(&t, NEAR).await;
        let got = r.arrived("a").await;
        assert_eq!(got.iter().map(|g| g["pairs"]["a"].as_str().unwrap()).collect::<Vec<_>>(), ["1.25", "2.71"]);
        assert_eq!(log(&t, id).await.len(), 2);
        for n in 1..postbacks::MAX_POSTBACKS {
            add(&t, p, draft(&r.bin(&n.to_string()), &[PostbackEvent::Click], Method::Get)).await;
        }
        let d = draft(&r.bin("x"), &[PostbackEvent::Click], Method::Get);
        assert_eq!(tx!(t, |tx, core| postbacks::create(tx, core, &manager(), Some(p), &d, &courier(NEAR)).await).unwrap_err().code, "postbacks_full");
    }

    async fn yesterdays_lots_are_reported_once_the_day_is_over_by_client_and_group(t: TestDb) {
        let r = Receiver::start().await;
        let p = anna(&t).await;
        came(&t, "cli_1").await;
        let plan = plan(&t, per_lot("8", json!(null))).await;
        on_plan(&t, p, plan, day(1, 1)).await;
        add(&t, p, draft(&format!("{}?u={{client}}&l={{lots}}&g={{symbol_group}}&d={{status}}&c={{click_id}}", r.bin("a")), &[PostbackEvent::LotsDaily], Method::Get)).await;
        let at = t.core.now();
        let mut usd = vec![deal("1", "cli_1", "2", at), deal("2", "cli_1", "0.5", at)];
        usd.iter_mut().for_each(|d| d.quotes = vec![quote(Currency::EUR, Currency::USD, "1.08", at)]);
        book(&t, usd).await;
        let daily = async || {
            let r = Registry::new().every("lots", 60, Arc::new(DailyLots(t.core.clone())));
            jobs::run_until_idle(&t.core, &r).await.unwrap();
            work(&t, NEAR).await;
        };
        daily().await;
        assert!(r.arrived("a").await.is_empty(), "the day is not over");
        t.clock.advance_secs(17 * 3_600);
        daily().await;
        t.clock.advance_secs(3_600);
        daily().await;
        let got = r.arrived("a").await;
        assert_eq!(got.len(), 1);
        let q = &got[0]["pairs"];
        assert_eq!((&q["u"], &q["l"], &q["g"], &q["d"], &q["c"]), (&json!("cli_1"), &json!("2.50"), &json!("majors"), &json!("2026-11-20"), &json!("ext 1&2")));
    }

    async fn a_trackers_server_tells_a_click_once_with_a_token_that_can_be_taken_away(t: TestDb) {
        let p = anna(&t).await;
        tx!(t, |tx, core| postbacks::open_door(tx, core, &client("cli_anna"), None, true).await).unwrap();
        let token = async || {
            let d = t.db.read(async |tx| postbacks::my_door(tx, &key(), &client("cli_anna"), None).await).await.unwrap();
            d.unwrap().1.map(|t| t.0.expose().to_string())
        };
        let first = token().await.unwrap();
        let read = async |text: String| t.db.read(async move |tx| postbacks::read_token(tx, &key(), &text).await).await;
        assert_eq!(read(first.clone()).await.unwrap(), p);
        let pairs = vec![("click_id".to_string(), "t-1".to_string()), ("sub2".to_string(), "x".to_string())];
        let q = pairs.clone();
        let one = tx!(t, |tx, core| postbacks::report_click(tx, core, p, None, &q).await).unwrap();
        let two = tx!(t, |tx, core| postbacks::report_click(tx, core, p, Some("anna"), &pairs).await).unwrap();
        assert_eq!((one.click_id, one.known, two.known, one.landing.clone()), (two.click_id, false, true, format!("/start?pc=ANNA&click={}", one.click_id)));
        // Who registers with that click in the page's address is the partner's, without any cookie.
        let s = register(&t, Registration { client_id: "cli_9".into(), entity: "eu".into(), click: Some(one.click_id.to_string()), ..Registration::default() }).await;
        assert_eq!((s.partner, s.click), (Some(p), Some(one.click_id)));
        tx!(t, |tx, core| postbacks::open_door(tx, core, &manager(), Some(p), true).await).unwrap();
        assert_eq!(read(first.clone()).await.unwrap_err().code, "token_refused");
        let second = token().await.unwrap();
        assert!(read(second.clone()).await.is_ok());
        assert_eq!(read(second.replace("pdt.", "pdx.")).await.unwrap_err().code, "token_refused");
        tx!(t, |tx, core| postbacks::open_door(tx, core, &client("cli_anna"), None, false).await).unwrap();
        assert_eq!((token().await, read(second).await.unwrap_err().code), (None, "token_refused"));
    }

    async fn an_outside_engine_gets_each_event_signed_and_a_day_again_with_the_same_ids(t: TestDb) {
        let r = Receiver::start().await;
        let d = webhooks::Draft { name: "Engine".into(), entity: Some("eu".into()), url: r.bin("engine"), kinds: vec!["deposit.received".into()], active: None };
        let bad = webhooks::Draft { kinds: vec!["secrets.all".into()], ..d.clone() };
        assert_eq!(tx!(t, |tx, core| webhooks::create(tx, core, &ops(), &bad, &courier(NEAR)).await).unwrap_err().fields[0].pointer, "/kinds");
        let far = d.clone();
        assert_eq!(tx!(t, |tx, core| webhooks::create(tx, core, &ops(), &far, &courier(FAR)).await).unwrap_err().fields[0].pointer, "/url");
        assert_eq!(tx!(t, |tx, core| webhooks::create(tx, core, &manager(), &d, &courier(NEAR)).await).unwrap_err().code, "right_missing");
        let d = webhooks::Draft { name: "Engine".into(), entity: Some("eu".into()), url: r.bin("engine"), kinds: vec!["deposit.received".into()], active: None };
        let id = tx!(t, |tx, core| webhooks::create(tx, core, &ops(), &d, &courier(NEAR)).await).unwrap().id;
        let event = async |kind: &'static str, entity: &'static str, n: i64| {
            let id = tx!(t, |tx, core| events::publish(tx, core, NewEvent { kind, aggregate: format!("deposit:{n}"), entity: Some(entity.into()), payload: json!({"n": n}) }).await).unwrap();
            t.db.write(async |tx| events::place_new(tx, 100).await).await.unwrap();
            let h = webhooks::Happened { id: id.to_string(), kind: kind.into(), entity: Some(entity.into()), payload: json!({"n": n}), at: t.core.now() };
            tx!(t, |tx, core| webhooks::plan(tx, core, &Plain, &h).await).unwrap()
        };
        r.order("engine", json!({"status": 503, "count": 1})).await;
        assert_eq!((event("deposit.received", "eu", 1).await, event("deposit.received", "uk", 2).await, event("deposit.state", "eu", 3).await), (1, 0, 0));
        work(&t, NEAR).await;
        t.clock.advance_secs(6);
        work(&t, NEAR).await;
        t.clock.advance_secs(86_400);
        event("deposit.received", "eu", 4).await;
        work(&t, NEAR).await;
        let got = r.arrived("engine").await;
        assert_eq!(got.len(), 3, "one was tried twice");
        let secret = t.db.read(async move |tx| webhooks::secret(tx, &key(), &ops(), id).await).await.unwrap();
        for g in &got {
            let (i, time, body) = (header(g, "webhook-id"), header(g, "webhook-timestamp"), g["body"].as_str().unwrap());
            assert_eq!(header(g, "webhook-signature"), expected(secret.expose(), i, time, body));
        }
        assert_eq!(header(&got[0], "webhook-id"), header(&got[1], "webhook-id"));

        // The first day again: its one event, with its id, and not the second day's.
        tx!(t, |tx, core| webhooks::replay_day(tx, core, &ops(), id, "2026-11-20").await).unwrap();
        assert_eq!(tx!(t, |tx, core| webhooks::replay_day(tx, core, &ops(), id, "2026-13-20").await).unwrap_err().code, "day_malformed");
        work(&t, NEAR).await;
        let after = r.arrived("engine").await;
        assert_eq!(after.len(), 4);
        assert_eq!(header(&after[3], "webhook-id"), header(&got[0], "webhook-id"));
        assert_eq!(serde_json::from_str::<Value>(after[3]["body"].as_str().unwrap()).unwrap()["data"]["n"], 1);
        let page = PageRequest::new(Some(10), None).unwrap();
        let lines = t.db.read(async move |tx| webhooks::log(tx, &ops(), id, None, &page).await).await.unwrap().items;
        assert_eq!(lines.iter().map(|l| (l.replay, l.state)).collect::<Vec<_>>(), [(true, SendState::Done), (false, SendState::Done), (false, SendState::Done)]);
    }
}

#[test]
fn what_could_reach_inside_or_means_nothing_is_refused_when_it_is_saved() {
    let code = |u: &str, reach| {
        postbacks::template::check(u, courier(reach).as_ref())
            .err()
            .map(|p| p.fields[0].code.clone())
    };
    assert_eq!(code("https://t.example/pb?c={click_id}", FAR), None);
    assert_eq!(code("http://t.example:80/pb", FAR), None);
    for (url, want) in [
        ("https://{sub1}/pb", "url_macro_in_host"),
        ("https://t.example:{sub1}/pb", "url_macro_in_host"),
        ("https://t.example/pb?c={click", "url_malformed"),
        ("https://t.example/pb?c=click}", "url_malformed"),
        ("https://t.example/pb?c={{click_id}", "url_malformed"),
        ("https://t.example/pb?c={email}", "macro_unknown"),
        ("https://t.example:8080/pb", "port_refused"),
        ("http://127.0.0.1/pb", "address_refused"),
        ("http://[::1]/pb", "address_refused"),
        ("http://169.254.169.254/latest", "address_refused"),
        ("http://localhost/pb", "address_refused"),
        ("ftp://t.example/pb", "url_malformed"),
        ("https://me:pw@t.example/pb", "url_malformed"),
        ("https://t.example/a b", "url_malformed"),
    ] {
        assert_eq!(code(url, FAR).as_deref(), Some(want), "{url}");
    }
    assert_eq!(code("http://127.0.0.1:9150/pb?c={click_id}", NEAR), None);
}
