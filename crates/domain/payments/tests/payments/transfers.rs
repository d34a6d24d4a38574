use crate::world::*;
use qd_kernel::{Amount, Currency, PageRequest, Problem};
use qd_ledger::Purpose;
use qd_payments::TransferId;
use qd_payments::transfer::{self, NewTransfer, TransferState as S, TransferView};
use qd_runtime::access::{Caller, Role};
use qd_sandbox::FaultKind;
use qd_testkit::{TestDb, both};
use qd_trading::{TradingAccountId, moves};

async fn send(w: &World, minor: i64, from: Option<TradingAccountId>, to: Option<TradingAccountId>) -> Result<TransferView, Problem> {
    let facts = w.facts.of(ALEX, Some("dev_home"));
    let new = NewTransfer {
        amount: Amount::new(minor, Currency::EUR),
        from_account: from,
        to_account: to,
        quote_id: None,
    };
    w.staff_does(async move |tx, core| transfer::create(tx, core, &client_caller(ALEX), facts.clone(), new.clone()).await)
        .await
}

async fn state(w: &World, id: TransferId) -> (S, Option<String>) {
    let t = w
        .core
        .db
        .read(async move |tx| transfer::get(tx, &Caller::system("test"), id).await)
        .await
        .unwrap();
    (t.state, t.reason_code)
}

both! {
    async fn money_goes_from_the_wallet_to_an_account_to_another_and_back(t: TestDb) {
        let w = World::new(t).await;
        let (a, b) = (w.account(ALEX).await, w.account(ALEX).await);
        w.deposited(ALEX, 50_000, None).await;
        for (from, to) in [(None, Some(a.id)), (Some(a.id), Some(b.id)), (Some(b.id), None)] {
            let r = send(&w, 30_000, from, to).await.unwrap();
            assert_eq!(w.money(ALEX).await, 50_000);
            w.work().await;
            assert_eq!(state(&w, r.id).await, (S::Done, None));
            assert_eq!(w.money(ALEX).await, 50_000);
            w.agree(&a).await;
            w.agree(&b).await;
        }
        assert_eq!((w.wallet(ALEX).await, w.available(ALEX).await, w.on_server(&a), w.on_server(&b)), (50_000, 50_000, 0, 0));
        w.feed().await;
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn each_way_to_lose_an_answer_ends_with_the_money_once_at_the_other_place(t: TestDb) {
        let w = World::new(t).await;
        let (a, b) = (w.account(ALEX).await, w.account(ALEX).await);
        w.deposited(ALEX, 50_000, Some(a.id)).await;
        let (mut from, mut to) = (&a, &b);
        for kind in [FaultKind::DropBefore, FaultKind::DropAfter, FaultKind::Garbage] {
            w.order("mt5", "trade/balance", kind);
            let r = send(&w, 50_000, Some(from.id), Some(to.id)).await.unwrap();
            w.until("the transfer", 2, async || (state(&w, r.id).await.0 == S::Done).then_some(())).await;
            assert_eq!((w.on_server(from), w.on_server(to), w.money(ALEX).await), (0, 50_000, 50_000), "{kind:?}");
            w.agree(from).await;
            w.agree(to).await;
            (from, to) = (to, from);
        }
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn an_account_without_the_free_margin_keeps_its_money(t: TestDb) {
        let w = World::new(t).await;
        let (a, b) = (w.account(ALEX).await, w.account(ALEX).await);
        w.deposited(ALEX, 50_000, Some(a.id)).await;
        let r = send(&w, 50_001, Some(a.id), Some(b.id)).await.unwrap();
        w.work().await;
        assert_eq!(state(&w, r.id).await, (S::Refused, Some("insufficient_free_margin".into())));
        assert_eq!((w.on_server(&a), w.wallet(ALEX).await), (50_000, 0));
        assert_eq!(send(&w, 100, None, Some(b.id)).await.unwrap_err().code, "insufficient_funds");
        w.finish().await;
    }

    async fn a_second_account_that_does_not_take_it_leaves_the_money_with_the_client(t: TestDb) {
        let w = World::new(t).await;
        let a = w.account(ALEX).await;
        w.deposited(ALEX, 50_000, Some(a.id)).await;
        // Not open yet: the money comes off the first one and stays in the wallet.
        w.order_with("mt5", "user/add", FaultKind::Refuse, None, Some("8"));
        let closed = w.request(ALEX, "standard", Currency::EUR).await.unwrap();
        w.work().await;
        let r = send(&w, 20_000, Some(a.id), Some(closed.id)).await.unwrap();
        w.work().await;
        assert_eq!(state(&w, r.id).await, (S::Returned, Some("account_not_ready".into())));
        assert_eq!((w.wallet(ALEX).await, w.available(ALEX).await), (20_000, 20_000));

        // Refused by the platform: in transit until a person decides.
        let b = w.account(ALEX).await;
        for retried in [true, false] {
            w.order_with("mt5", "trade/balance", FaultKind::Refuse, None, Some("10017"));
            let r = send(&w, 10_000, None, Some(b.id)).await.unwrap();
            w.work().await;
            assert_eq!((state(&w, r.id).await.0, w.at(&b, Purpose::Transit).await), (S::Sending, 10_000));
            let m = w.movement(&format!("transfer_in:{}", r.id)).await.id;
            if retried {
                w.staff_does(async move |tx, core| moves::retry(tx, core, &staff("Fin", Role::Finance), m).await).await.unwrap();
            } else {
                w.staff_does(async move |tx, core| moves::give_back(tx, core, &staff("Fin", Role::Finance), m, "no trading on it").await).await.unwrap();
            }
            w.work().await;
            assert_eq!(state(&w, r.id).await.0, if retried { S::Done } else { S::Returned });
        }
        assert_eq!((w.wallet(ALEX).await, w.on_server(&b), w.money(ALEX).await), (10_000, 10_000, 50_000));
        w.agree(&b).await;
        w.finish_but(&["trading.open"]).await;
    }

    async fn only_between_ones_own_places_of_one_currency(t: TestDb) {
        let w = World::new(t).await;
        let a = w.account(ALEX).await;
        let hers = w.account("cli_berta").await;
        let usd = w.request(ALEX, "standard", Currency::USD).await.unwrap();
        let demo = w.request(ALEX, "demo", Currency::EUR).await.unwrap();
        w.work().await;
        w.deposited(ALEX, 50_000, None).await;
        let code = async |from, to| send(&w, 1_000, from, to).await.unwrap_err().code;
        assert_eq!(code(Some(a.id), Some(a.id)).await, "same_place");
        assert_eq!(code(None, None).await, "same_place");
        assert_eq!(code(None, Some(hers.id)).await, "not_found");
        assert_eq!(code(Some(hers.id), None).await, "not_found");
        assert_eq!(code(None, Some(usd.id)).await, "currency_mismatch");
        assert_eq!(code(None, Some(demo.id)).await, "account_is_demo");
        assert_eq!(send(&w, 0, None, Some(a.id)).await.unwrap_err().code, "amount_not_positive");
        let facts = w.facts.of(ALEX, None);
        let new = NewTransfer { amount: Amount::new(1_000, Currency::EUR), from_account: None, to_account: Some(a.id), quote_id: None };
        for (who, code) in [(client_caller("cli_berta"), "not_found"), (staff("Fin", Role::Finance), "right_missing")] {
            let (f, n) = (facts.clone(), new.clone());
            let p = w.staff_does(async move |tx, core| transfer::create(tx, core, &who, f.clone(), n.clone()).await).await.unwrap_err();
            assert_eq!(p.code, code);
        }
        let r = send(&w, 1_000, None, Some(a.id)).await.unwrap();
        let p = w.core.db.read(async move |tx| transfer::get(tx, &client_caller("cli_berta"), r.id).await).await.unwrap_err();
        assert_eq!(p.code, "not_found");
        let page = PageRequest::new(None, None).unwrap();
        let own = w.core.db.read(async move |tx| transfer::list(tx, &client_caller(ALEX), None, &page).await).await.unwrap();
        assert_eq!(own.items.len(), 1);
        w.finish().await;
    }
}
