//! Every call to somebody else x everything that can happen to it, and every callback x every way it
//! can come, on both engines: in the end the money is where the books say, or somebody is told.

use super::outside::{FAULTS, Fault, Script};
use super::run::{House, prepare};
use qd_payments::deposit::DepositState;
use qd_payments::withdrawal::WithdrawalState;
use qd_ports::psp::DisputeState;
use qd_testkit::{TestDb, both};

const CALLS: [&str; 9] = [
    "platform.open",
    "psp.open",
    "psp.deposit",
    "platform.in",
    "platform.find",
    "platform.out",
    "psp.refund",
    "psp.refund_status",
    "psp.dispute",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Once,
    Lost,
    Late,
    ManyTimes,
    Backwards,
    Forged,
    /// About another amount than was asked for.
    OtherAmount,
    Garbage,
}

const WAYS: [Came; 7] = [
    Came::Lost,
    Came::Late,
    Came::ManyTimes,
    Came::Backwards,
    Came::Forged,
    Came::OtherAmount,
    Came::Garbage,
];

/// Callbacks come in this way.
async fn deliver(h: &House, came: Came) {
    let mut hooks = std::mem::take(&mut h.out.books().hooks);
    match came {
        Came::Lost => hooks.clear(),
        Came::Late => h.pass(90_000).await,
        Came::Backwards => hooks.reverse(),
        Came::Once | Came::ManyTimes | Came::Forged | Came::OtherAmount | Came::Garbage => {}
    }
    for hook in &hooks {
        if came == Came::Forged {
            let mut bad = hook.clone();
            bad["sign"] = "bad".into();
            h.knock(&bad).await.unwrap();
        }
        if came == Came::Garbage {
            h.knock(&serde_json::json!({"sign": "good", "id": format!("{}x", hook["id"]), "about": 7}))
                .await
                .unwrap();
        }
        for _ in 0..if came == Came::ManyTimes { 5 } else { 1 } {
            h.knock(hook).await.unwrap();
        }
    }
    h.work().await;
}

/// A deposit to an account, part of it out again, and a dispute about the rest.
async fn story(h: &mut House, script: Vec<(&'static str, Fault)>, came: Came) -> Vec<String> {
    let client = format!("cli_m{}", h.accounts.len());
    h.out.books().script = Script::List(script);
    h.open_account(&client).await;
    let account = h.accounts.last().unwrap().id;
    let id = h.wish(&client, 50_000, Some(account)).await.unwrap();
    h.work().await;
    let mut paid = false;
    for _ in 0..80 {
        let session = {
            let b = h.out.books();
            b.payments
                .iter()
                .find(|(_, p)| p.our_ref == id.to_string() && p.shown)
                .map(|(s, _)| s.clone())
        };
        if let (false, Some(s)) = (paid, session) {
            let minor = if came == Came::OtherAmount { 49_000 } else { 50_000 };
            h.out.books().pay(&s, minor);
            deliver(h, came).await;
            paid = true;
        }
        let d = h.deposit(id).await;
        if matches!(d.state, DepositState::Posted | DepositState::Held | DepositState::Failed) {
            break;
        }
        h.move_on().await;
        h.pass(30).await;
    }
    if h.deposit(id).await.state == DepositState::Posted {
        let w = h.withdraw(&client, 20_000, Some(account)).await.unwrap();
        for _ in 0..60 {
            h.work().await;
            deliver(h, came).await;
            match h.withdrawal(w).await.state {
                WithdrawalState::Review => h.approve(w).await,
                WithdrawalState::Paid | WithdrawalState::Returned | WithdrawalState::Refused => break,
                _ => {}
            }
            h.pass(60).await;
        }
    }
    let session = h
        .out
        .books()
        .payments
        .iter()
        .find(|(_, p)| p.our_ref == id.to_string() && p.received > 0)
        .map(|(s, _)| s.clone());
    if let Some(s) = session {
        let dispute = h.out.books().dispute(&s).unwrap();
        deliver(h, came).await;
        h.out.books().dispute_ends(&dispute, DisputeState::Won);
        deliver(h, came).await;
    }
    if came == Came::Lost {
        // The provider sends what was not taken again: here all of it, much later.
        h.pass(86_400).await;
        h.out.books().tell_all();
    }
    let shown = matches!(&h.out.books().script, Script::List(left) if left.is_empty());
    h.heal().await;
    let mut faults = h.faults().await;
    if !shown {
        faults.push("the call never happened: this cell shows nothing".into());
    }
    faults
}

async fn cells(t: TestDb, calls: &[&'static str]) {
    prepare(&t.core).await;
    let mut h = House::open(t.core.clone(), t.clock.clone(), 1, &[]).await;
    let mut wrong = Vec::new();
    for call in calls {
        for fault in FAULTS {
            // We look for money only where no answer came.
            let script = match *call {
                "platform.find" => vec![("platform.in", Fault::LostAfter), ("platform.find", fault)],
                call => vec![(call, fault)],
            };
            for f in story(&mut h, script, Came::Once).await {
                wrong.push(format!("{call} {fault:?}: {f}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

both! {
    async fn opening_an_account_and_a_session_with_each_fault(t: TestDb) {
        cells(t, &CALLS[..2]).await;
    }
    async fn reading_a_payment_and_crediting_the_account_with_each_fault(t: TestDb) {
        cells(t, &CALLS[2..4]).await;
    }
    async fn looking_for_money_and_taking_it_off_with_each_fault(t: TestDb) {
        cells(t, &CALLS[4..6]).await;
    }
    async fn refunds_and_disputes_with_each_fault(t: TestDb) {
        cells(t, &CALLS[6..]).await;
    }
    async fn callbacks_in_each_way(t: TestDb) {
        prepare(&t.core).await;
        let mut h = House::open(t.core.clone(), t.clock.clone(), 1, &[]).await;
        let mut wrong = Vec::new();
        for came in WAYS {
            for f in story(&mut h, Vec::new(), came).await {
                wrong.push(format!("{came:?}: {f}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
