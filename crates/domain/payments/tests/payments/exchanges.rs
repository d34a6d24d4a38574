//! Transfers from one currency into another.

use crate::world::*;
use qd_kernel::{Amount, Currency, Problem, Rate};
use qd_ledger::Purpose;
use qd_payments::TransferId;
use qd_payments::transfer::quote::{self, MidRates, NewQuote, QuoteView};
use qd_payments::transfer::{self, NewTransfer, TransferState as S, TransferView};
use qd_runtime::access::{Caller, Role};
use qd_runtime::settings;
use qd_sandbox::FaultKind;
use qd_testkit::{TestDb, both};
use qd_trading::accounts::AccountView;
use qd_trading::{TradingAccountId, moves};
use serde_json::json;

/// 1 EUR is 1.08 USD.
fn cross(from: Currency, to: Currency) -> Option<Rate> {
    match (from.code(), to.code()) {
        ("EUR", "USD") => Rate::parse("1.08").ok(),
        ("USD", "EUR") => Rate::parse("0.925925925926").ok(),
        _ => None,
    }
}

async fn ask_as(w: &World, who: Caller, new: NewQuote) -> Result<QuoteView, Problem> {
    let facts = w.facts.of(ALEX, Some("dev_home"));
    w.staff_does(async move |tx, core| {
        let mid = MidRates {
            cross: &cross,
            source: "treasury".into(),
            at: core.now(),
            offered: vec![Currency::EUR, Currency::USD, Currency::GBP],
        };
        quote::quote(tx, core, &who, &facts, new.clone(), &mid).await
    })
    .await
}

async fn ask(
    w: &World,
    minor: i64,
    from: Option<TradingAccountId>,
    to: Option<TradingAccountId>,
    into: Option<Currency>,
) -> Result<QuoteView, Problem> {
    let new = NewQuote {
        amount: Amount::new(minor, Currency::EUR),
        from_account: from,
        to_account: to,
        to_currency: into,
    };
    ask_as(w, client_caller(ALEX), new).await
}

async fn send(
    w: &World,
    q: &QuoteView,
    minor: i64,
    from: Option<TradingAccountId>,
    to: Option<TradingAccountId>,
) -> Result<TransferView, Problem> {
    let facts = w.facts.of(ALEX, Some("dev_home"));
    let new = NewTransfer {
        amount: Amount::new(minor, Currency::EUR),
        from_account: from,
        to_account: to,
        quote_id: Some(q.id),
    };
    w.staff_does(async move |tx, core| transfer::create(tx, core, &client_caller(ALEX), facts.clone(), new.clone()).await)
        .await
}

async fn view(w: &World, id: TransferId) -> TransferView {
    w.core
        .db
        .read(async move |tx| transfer::get(tx, &Caller::system("test"), id).await)
        .await
        .unwrap()
}

async fn in_wallet(w: &World, currency: Currency) -> i64 {
    w.balance(&format!("client:{ALEX}"), Purpose::Wallet, currency).await.balance_minor
}

async fn position(w: &World) -> (i64, i64) {
    (
        w.balance("house:eu", Purpose::FxPosition, Currency::EUR).await.balance_minor,
        w.balance("house:eu", Purpose::FxPosition, Currency::USD).await.balance_minor,
    )
}

async fn dollars(w: &World) -> AccountView {
    let a = w.request(ALEX, "standard", Currency::USD).await.unwrap();
    w.work().await;
    w.ready(a.id).await
}

async fn rule(w: &World, on_refusal: &'static str, quote_s: i64) {
    w.staff_does(async move |tx, core| {
        let value = json!({"markup_bp": 50, "quote_s": quote_s, "on_refusal": on_refusal});
        settings::put(tx, core, &Caller::system("test"), "entity:eu", quote::SETTING, 0, &value, "test").await
    })
    .await
    .unwrap();
}

both! {
    async fn an_account_in_euros_pays_one_in_dollars_at_the_rate_of_the_quote(t: TestDb) {
        let w = World::new(t).await;
        let (eur, usd) = (w.account(ALEX).await, dollars(&w).await);
        w.deposited(ALEX, 50_000, Some(eur.id)).await;
        let q = ask(&w, 20_000, Some(eur.id), Some(usd.id), None).await.unwrap();
        // 1.08 less half a percent.
        assert_eq!((q.rate.text(), q.mid_rate.text(), q.markup_bp), (Rate::parse("1.0746").unwrap().text(), Rate::parse("1.08").unwrap().text(), 50));
        assert_eq!((q.gets, q.source.as_str()), (Amount::new(21_492, Currency::USD), "treasury"));
        let r = send(&w, &q, 20_000, Some(eur.id), Some(usd.id)).await.unwrap();
        // The rate is locked by now: its time may run out on the way.
        w.pass(60).await;
        let v = view(&w, r.id).await;
        assert_eq!((v.state, v.gets, v.rate), (S::Done, Amount::new(21_492, Currency::USD), Some(q.rate)));
        assert_eq!((w.on_server(&eur), w.on_server(&usd)), (30_000, 21_492));
        assert_eq!((in_wallet(&w, Currency::EUR).await, in_wallet(&w, Currency::USD).await), (0, 0));
        assert_eq!(position(&w).await, (20_000, -21_492));
        w.agree(&eur).await;
        w.agree(&usd).await;
        w.finish().await;
    }

    async fn from_the_wallet_into_the_wallet_is_done_at_once_or_not_at_all(t: TestDb) {
        let w = World::new(t).await;
        w.deposited(ALEX, 50_000, None).await;
        let q = ask(&w, 50_000, None, None, Some(Currency::USD)).await.unwrap();
        let r = send(&w, &q, 50_000, None, None).await.unwrap();
        assert_eq!(r.state, S::Done);
        assert_eq!((in_wallet(&w, Currency::EUR).await, in_wallet(&w, Currency::USD).await), (0, 53_730));
        assert_eq!(send(&w, &q, 50_000, None, None).await.unwrap_err().code, "quote_used");
        // More than there is: nothing has moved, and the quote is still good.
        w.deposited(ALEX, 10_000, None).await;
        let q = ask(&w, 10_001, None, None, Some(Currency::USD)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(send(&w, &q, 10_001, None, None).await.unwrap_err().code, "insufficient_funds");
        }
        assert_eq!(position(&w).await, (50_000, -53_730));
        w.finish().await;
    }

    async fn a_quote_holds_for_its_time_for_its_wish_and_for_its_client(t: TestDb) {
        let w = World::new(t).await;
        let (eur, usd) = (w.account(ALEX).await, dollars(&w).await);
        w.deposited(ALEX, 50_000, Some(eur.id)).await;
        let q = ask(&w, 20_000, Some(eur.id), Some(usd.id), None).await.unwrap();
        assert_eq!(send(&w, &q, 20_001, Some(eur.id), Some(usd.id)).await.unwrap_err().code, "quote_for_another_transfer");
        assert_eq!(send(&w, &q, 20_000, None, Some(usd.id)).await.unwrap_err().code, "quote_for_another_transfer");
        w.pass(31).await;
        assert_eq!(send(&w, &q, 20_000, Some(eur.id), Some(usd.id)).await.unwrap_err().code, "quote_expired");
        w.work().await;
        assert_eq!((w.on_server(&eur), w.on_server(&usd)), (50_000, 0));

        let code = async |minor, from, to, into| ask(&w, minor, from, to, into).await.unwrap_err().code;
        assert_eq!(code(0, None, Some(usd.id), None).await, "amount_not_positive");
        assert_eq!(code(100, None, Some(eur.id), None).await, "currency_same");
        assert_eq!(code(100, Some(usd.id), Some(eur.id), None).await, "currency_mismatch");
        assert_eq!(code(100, None, Some(usd.id), Some(Currency::GBP)).await, "currency_mismatch");
        assert_eq!(code(100, None, None, None).await, "field_missing");
        assert_eq!(code(100, None, None, Some(Currency::JPY)).await, "currency_not_offered");
        assert_eq!(code(100, None, None, Some(Currency::GBP)).await, "rate_missing");
        for who in [client_caller("cli_berta"), staff("Fin", Role::Finance)] {
            let new = NewQuote { amount: Amount::new(100, Currency::EUR), from_account: None, to_account: Some(usd.id), to_currency: None };
            assert!(matches!(ask_as(&w, who, new).await.unwrap_err().code, "not_found" | "right_missing"));
        }
        w.finish().await;
    }

    async fn an_account_that_does_not_have_it_changes_nothing(t: TestDb) {
        let w = World::new(t).await;
        let (eur, usd) = (w.account(ALEX).await, dollars(&w).await);
        w.deposited(ALEX, 50_000, Some(eur.id)).await;
        let q = ask(&w, 50_001, Some(eur.id), Some(usd.id), None).await.unwrap();
        let r = send(&w, &q, 50_001, Some(eur.id), Some(usd.id)).await.unwrap();
        w.work().await;
        assert_eq!(view(&w, r.id).await.state, S::Refused);
        assert_eq!((w.on_server(&eur), position(&w).await), (50_000, (0, 0)));
        w.finish().await;
    }

    async fn what_the_second_account_refuses_stays_visible_in_the_new_currency(t: TestDb) {
        let w = World::new(t).await;
        let usd = dollars(&w).await;
        w.deposited(ALEX, 50_000, None).await;
        let q = ask(&w, 20_000, None, Some(usd.id), None).await.unwrap();
        w.order_with("mt5", "trade/balance", FaultKind::Refuse, None, Some("10017"));
        let r = send(&w, &q, 20_000, None, Some(usd.id)).await.unwrap();
        w.work().await;
        // In transit by name, and a person is told.
        assert_eq!((view(&w, r.id).await.state, w.at(&usd, Purpose::Transit).await), (S::Sending, 21_492));
        assert_eq!(w.exceptions().await, ["platform.move_refused"]);
        let m = w.movement(&format!("transfer_in:{}", r.id)).await.id;
        w.staff_does(async move |tx, core| moves::give_back(tx, core, &staff("Fin", Role::Finance), m, "closed").await).await.unwrap();
        w.work().await;
        let v = view(&w, r.id).await;
        assert_eq!((v.state, v.exchanged_back), (S::Returned, false));
        assert_eq!((in_wallet(&w, Currency::EUR).await, in_wallet(&w, Currency::USD).await), (30_000, 21_492));
        w.finish().await;
    }

    async fn by_rule_it_is_exchanged_back_at_the_same_rate(t: TestDb) {
        let w = World::new(t).await;
        rule(&w, "return", 30).await;
        let eur = w.account(ALEX).await;
        w.deposited(ALEX, 50_000, Some(eur.id)).await;
        w.order_with("mt5", "user/add", FaultKind::Refuse, None, Some("8"));
        let closed = w.request(ALEX, "standard", Currency::USD).await.unwrap();
        w.work().await;
        let q = ask(&w, 20_000, Some(eur.id), Some(closed.id), None).await.unwrap();
        let r = send(&w, &q, 20_000, Some(eur.id), Some(closed.id)).await.unwrap();
        w.work().await;
        let v = view(&w, r.id).await;
        assert_eq!((v.state, v.exchanged_back, v.reason_code.as_deref()), (S::Returned, true, Some("account_not_ready")));
        assert_eq!((in_wallet(&w, Currency::EUR).await, in_wallet(&w, Currency::USD).await), (20_000, 0));
        assert_eq!((w.on_server(&eur), position(&w).await), (30_000, (0, 0)));
        w.finish_but(&["trading.open"]).await;
    }
}
