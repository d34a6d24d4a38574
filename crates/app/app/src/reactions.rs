//! What one domain does when another has changed. An event only enqueues a job, keyed by the
//! event, in the lane of what it is about; the job does the work in one transaction with its own
//! completion. So each reaction happens once, in order, whatever is delivered twice.

use crate::{App, brands, compose, notices, partner_news, payees, referred, tickets};
use async_trait::async_trait;
use qd_clients::timeline::{self, NewLine, Visibility};
use qd_clients::{self as clients, Client, ClientId, Command};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result, Ts};
use qd_notify::{MailRequest, NewNotification, Param, Params, Recipient, Template, mail, notify};
use qd_partners::jobs::{DEAL_JOB, DealHandler};
use qd_partners::programmes::ClientHandler;
use qd_runtime::Core;
use qd_runtime::access::Caller;
use qd_runtime::bus::Subscriptions;
use qd_runtime::events::Event;
use qd_runtime::jobs::{self, Handler, JobError, Lease, NewJob};
use serde_json::{Value, json};
use std::sync::Arc;

type Reply = std::result::Result<(), JobError>;

/// Which events make which job.
pub fn subscriptions() -> Subscriptions {
    Subscriptions::new()
        .subscribe("moves", &["platform_move.*"], |tx, core, ev| Box::pin(move_ended(tx, core, ev)))
        .subscribe("commission", &["deals.recorded"], |tx, core, ev| {
            Box::pin(deals_recorded(tx, core, ev))
        })
        .subscribe("programmes", referred::EVENTS, |tx, core, ev| {
            Box::pin(referred::told(tx, core, ev))
        })
        .subscribe(
            "onboarding",
            &[
                "kyc.approved",
                "kyc.rejected",
                "kyc.resubmission_requested",
                "kyc.case_opened",
                "kyc.submitted",
                "kyc.reopened",
                "kyc.expired",
            ],
            |tx, core, ev| Box::pin(hand_on(tx, core, ev, "react.kyc")),
        )
        .subscribe("accounts", &["trading.account_ready"], |tx, core, ev| {
            Box::pin(hand_on(tx, core, ev, "react.account"))
        })
        .subscribe(
            "deposits",
            &["deposit.state", "deposit.received", "deposit.credited", "client.ftd"],
            |tx, core, ev| Box::pin(hand_on(tx, core, ev, "react.deposit")),
        )
        .subscribe(
            "withdrawals",
            &["withdrawal.state", "withdrawal.paid", "withdrawal.returned"],
            |tx, core, ev| Box::pin(hand_on(tx, core, ev, "react.withdrawal")),
        )
        .subscribe("notices", &["lead.assigned", "task.due"], |tx, core, ev| {
            Box::pin(hand_on(tx, core, ev, "react.notice"))
        })
        .subscribe(
            "tickets",
            &["ticket.opened", "ticket.message", "ticket.state", "ticket.assigned"],
            |tx, core, ev| Box::pin(hand_on(tx, core, ev, "react.ticket")),
        )
        .subscribe("partner_news", partner_news::KINDS, |tx, core, ev| {
            Box::pin(hand_on(tx, core, ev, "react.partner"))
        })
        .subscribe("webhooks", qd_partners::webhooks::KINDS, |tx, core, ev| {
            Box::pin(hand_on(tx, core, ev, "react.webhook"))
        })
        .subscribe("mails", &["mail.sent"], |tx, core, ev| {
            Box::pin(hand_on(tx, core, ev, "react.mail"))
        })
        .subscribe("partner_payouts", &["partner.paid"], |tx, core, ev| {
            Box::pin(hand_on(tx, core, ev, "react.partner_paid"))
        })
        .subscribe(
            "timeline",
            &[
                "trading.account_requested",
                "trading.account_blocked",
                "transfer.state",
                "dispute.opened",
                "statement.closed",
            ],
            |tx, core, ev| Box::pin(hand_on(tx, core, ev, "react.timeline")),
        )
}

pub fn handlers(app: &App) -> Vec<Arc<dyn Handler>> {
    let mut all: Vec<Arc<dyn Handler>> = vec![
        Arc::new(Reaction {
            app: app.clone(),
            kind: "react.kyc",
            run: |app, tx, ev| Box::pin(kyc(app, tx, ev)),
        }),
        Arc::new(Reaction {
            app: app.clone(),
            kind: "react.account",
            run: |app, tx, ev| Box::pin(account(app, tx, ev)),
        }),
        Arc::new(Reaction {
            app: app.clone(),
            kind: "react.deposit",
            run: |app, tx, ev| Box::pin(deposit(app, tx, ev)),
        }),
        Arc::new(Reaction {
            app: app.clone(),
            kind: "react.withdrawal",
            run: |app, tx, ev| Box::pin(withdrawal(app, tx, ev)),
        }),
        Arc::new(Reaction {
            app: app.clone(),
            kind: "react.partner_paid",
            run: |app, tx, ev| Box::pin(partner_paid(app, tx, ev)),
        }),
        Arc::new(Reaction {
            app: app.clone(),
            kind: "react.timeline",
            run: |app, tx, ev| Box::pin(on_timeline(app, tx, ev)),
        }),
        Arc::new(Reaction {
            app: app.clone(),
            kind: "react.notice",
            run: |app, tx, ev| Box::pin(notices::told(app, tx, ev)),
        }),
        Arc::new(Reaction {
            app: app.clone(),
            kind: "react.mail",
            run: |app, tx, ev| Box::pin(notices::mailed(app, tx, ev)),
        }),
        Arc::new(Reaction {
            app: app.clone(),
            kind: "react.partner",
            run: |app, tx, ev| Box::pin(partner_news::told(app, tx, ev)),
        }),
        Arc::new(Reaction {
            app: app.clone(),
            kind: "react.webhook",
            run: |app, tx, ev| Box::pin(partner_news::outside(app, tx, ev)),
        }),
        Arc::new(Reaction {
            app: app.clone(),
            kind: "react.ticket",
            run: |app, tx, ev| Box::pin(tickets::told(app, tx, ev)),
        }),
        Arc::new(qd_support::bulk::Bulk {
            core: app.core.clone(),
            access: app.access.clone(),
        }),
        Arc::new(notices::StillUnread(app.clone())),
        Arc::new(qd_partners::corrections::CorrectionHandler { core: app.core.clone() }),
        Arc::new(qd_partners::rebates::RebateHandler { core: app.core.clone() }),
        Arc::new(DealHandler::new(app.core.clone(), Arc::new(compose::Deals))),
        Arc::new(qd_partners::close::job::CloseHandler::new(
            app.core.clone(),
            Arc::new(payees::House(app.core.clone())),
        )),
        Arc::new(ClientHandler::new(app.core.clone(), Arc::new(referred::Referred(app.clone())))),
    ];
    all.push(Arc::new(crate::simulations::Simulate(app.core.clone())));
    all.push(Arc::new(clients::tasks::TaskDue { core: app.core.clone() }));
    all.extend(partner_news::handlers(app));
    all.extend(qd_kyc::handlers(&app.core));
    all
}

async fn hand_on(tx: &mut Tx, core: &Core, ev: &Event, kind: &'static str) -> Result<()> {
    let body = json!({"id": ev.id, "kind": ev.kind, "entity": ev.entity, "at": ev.at, "payload": ev.payload});
    jobs::enqueue(
        tx,
        core,
        NewJob::new(kind, body, core.now())
            .key(ev.id.to_string())
            .lane(format!("{kind}:{}", ev.aggregate)),
    )
    .await
    .map(|_| ())
}

/// In the server's lane: revisions of one deal are booked in order.
async fn deals_recorded(tx: &mut Tx, core: &Core, ev: &Event) -> Result<()> {
    let server = ev.payload["server"].as_str().unwrap_or_default().to_string();
    let mut deals = ev.payload["deals"].clone();
    for d in deals.as_array_mut().into_iter().flatten() {
        d["server"] = json!(server);
    }
    jobs::enqueue(
        tx,
        core,
        NewJob::new(DEAL_JOB, json!({"deals": deals}), core.now())
            .key(ev.id.to_string())
            .lane(format!("commission:{server}"))
            .attempts(1_000),
    )
    .await
    .map(|_| ())
}

async fn move_ended(tx: &mut Tx, core: &Core, ev: &Event) -> Result<()> {
    let outcome = match ev.kind.as_str() {
        "platform_move.done" => "done",
        "platform_move.refused" => "refused",
        "platform_move.returned" => "returned",
        _ => return Ok(()),
    };
    let body = json!({"purpose": ev.payload["purpose"], "outcome": outcome, "code": ev.payload["code"]});
    jobs::enqueue(
        tx,
        core,
        NewJob::new("payments.move_settled", body, core.now())
            .key(ev.id.to_string())
            .lane(format!("settled:{}", ev.aggregate)),
    )
    .await
    .map(|_| ())
}

/// An event as a job carries it.
pub struct Told {
    pub id: String,
    pub kind: String,
    pub entity: Option<String>,
    pub at: Ts,
    pub payload: Value,
}

impl Told {
    pub fn text(&self, field: &str) -> Result<&str> {
        self.payload
            .get(field)
            .and_then(Value::as_str)
            .ok_or_else(|| Problem::bug("event_field_missing", format!("the event {} has no text {field}", self.kind)))
    }
    pub fn amount(&self) -> Result<Amount> {
        Ok(serde_json::from_value(self.payload["amount"].clone())?)
    }
    pub fn key(&self, what: &str) -> String {
        format!("{what}:{}", self.id)
    }
}

type Step = for<'a> fn(&'a App, &'a mut Tx, &'a Told) -> futures_util::future::LocalBoxFuture<'a, Result<()>>;

struct Reaction {
    app: App,
    kind: &'static str,
    run: Step,
}

#[async_trait]
impl Handler for Reaction {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn run(&self, lease: &Lease) -> Reply {
        let (app, run, lease) = (self.app.clone(), self.run, lease.clone());
        let told = Told {
            id: lease.text("id")?.to_string(),
            kind: lease.text("kind")?.to_string(),
            entity: lease.payload["entity"].as_str().map(str::to_string),
            at: Ts(lease.payload["at"].as_i64().unwrap_or_default()),
            payload: lease.payload["payload"].clone(),
        };
        self.app
            .core
            .db
            .write(async move |tx| {
                run(&app, tx, &told).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

pub(crate) async fn client_of(tx: &mut Tx, told: &Told) -> Result<Client> {
    let id = ClientId::parse(told.text("client_id")?)?;
    clients::find(tx, id).await?.ok_or_else(|| Problem::missing("client"))
}

pub(crate) fn params<const N: usize>(pairs: [(&str, Param); N]) -> Params {
    pairs.into_iter().map(|(k, v)| (k.to_string(), v)).collect()
}

/// A mail to the client in their language; none to somebody without an address.
async fn write_to(app: &App, tx: &mut Tx, c: &Client, template: Template, key: String, params: Params) -> Result<()> {
    let Some(address) = c.email.clone() else { return Ok(()) };
    mail(
        tx,
        &app.core,
        MailRequest {
            key,
            template,
            brand: c.brand.clone(),
            language: c.language.clone(),
            to: Recipient { name: c.name(), address },
            client_id: Some(c.id.to_string()),
            params,
        },
    )
    .await?;
    Ok(())
}

/// A page of the portals of the client's brand.
async fn page(app: &App, tx: &mut Tx, c: &Client, path: &str) -> Result<Param> {
    let portal = brands::portal_of(tx, &app.config, &c.brand).await?;
    Ok(Param::Link(format!("{portal}{path}")))
}

/// What a client reads for a reason's code; a code nobody wrote a sentence for says to ask.
fn reason_text(app: &App, code: &str) -> Param {
    let key = format!("reason.{code}");
    Param::Key(match app.catalogue.get("en", &key) {
        Some(_) => key,
        None => "reason.other".into(),
    })
}

pub(crate) async fn line(
    app: &App,
    tx: &mut Tx,
    c: &Client,
    told: &Told,
    kind: &'static str,
    title_key: &'static str,
    data: Value,
    visibility: Visibility,
) -> Result<()> {
    timeline::put(
        tx,
        &app.core,
        &Caller::system("events"),
        NewLine::new(c.id, kind, title_key, data, visibility).key(told.id.clone()),
    )
    .await
    .map(|_| ())
}

async fn tell_owner(app: &App, tx: &mut Tx, c: &Client, told: &Told, kind: &str, title_key: &str, data: Value) -> Result<()> {
    let Some(owner) = c.owner_id else { return Ok(()) };
    notify(
        tx,
        &app.core,
        NewNotification {
            recipient: owner.to_string(),
            key: Some(told.key(kind)),
            kind: kind.to_string(),
            title_key: title_key.to_string(),
            data,
            object: Some(format!("client:{}", c.id)),
            entity: Some(c.entity.clone()),
        },
    )
    .await
    .map(|_| ())
}

/// In the client's portal: in the list behind the bell, and at once where a page is open. What staff
/// wrote to themselves is never in `data`.
async fn tell_client(app: &App, tx: &mut Tx, c: &Client, told: &Told, title_key: &str, data: Value, object: Option<String>) -> Result<()> {
    notify(
        tx,
        &app.core,
        NewNotification {
            recipient: c.id.to_string(),
            key: Some(told.key(title_key)),
            kind: told.kind.clone(),
            title_key: title_key.to_string(),
            data,
            object,
            entity: Some(c.entity.clone()),
        },
    )
    .await
    .map(|_| ())
}

async fn kyc(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    let c = client_of(tx, told).await?;
    let core = &app.core;
    let who = Caller::system("events");
    let standing = qd_kyc::gate(tx, &c.id.to_string(), core.now()).await?;
    if let Some(state) = standing.state {
        clients::set_kyc_state(tx, core, c.id, &state.to_string()).await?;
    }
    match told.kind.as_str() {
        "kyc.approved" => {
            clients::stage(tx, core, &who, c.id, Command::Verify, "kyc.approved").await?;
            line(
                app,
                tx,
                &c,
                told,
                "kyc",
                "timeline.kyc_approved",
                json!({"level": told.payload["level"]}),
                Visibility::Client,
            )
            .await?;
            tell_client(app, tx, &c, told, "notification.kyc_approved", json!({}), None).await?;
            let link = page(app, tx, &c, "/deposit").await?;
            write_to(
                app,
                tx,
                &c,
                Template::KycApproved,
                told.key("kyc_approved"),
                params([("link", link)]),
            )
            .await?;
            compose::open_first_accounts(app, tx, &c).await
        }
        "kyc.resubmission_requested" => {
            line(
                app,
                tx,
                &c,
                told,
                "kyc",
                "timeline.kyc_resubmission",
                told.payload.clone(),
                Visibility::Client,
            )
            .await?;
            let reasons = compose::reject_texts(tx, &c.entity, &told.payload).await?;
            let rejected = told.payload["documents"].as_array().is_some_and(|d| !d.is_empty());
            let title = match rejected {
                true => "notification.document_rejected",
                false => "notification.kyc_resubmission",
            };
            tell_client(app, tx, &c, told, title, json!({"reason_keys": reasons}), None).await?;
            let link = page(app, tx, &c, "/verification").await?;
            write_to(
                app,
                tx,
                &c,
                Template::KycRejected,
                told.key("kyc_rejected"),
                params([("reasons", Param::Keys(reasons)), ("link", link)]),
            )
            .await
        }
        "kyc.rejected" => {
            line(app, tx, &c, told, "kyc", "timeline.kyc_rejected", json!({}), Visibility::Client).await?;
            let reasons = compose::reject_texts(tx, &c.entity, &told.payload).await?;
            tell_client(
                app,
                tx,
                &c,
                told,
                "notification.kyc_rejected",
                json!({"reason_keys": reasons}),
                None,
            )
            .await?;
            write_to(
                app,
                tx,
                &c,
                Template::KycRejectedFinal,
                told.key("kyc_rejected_final"),
                params([("reasons", Param::Keys(reasons))]),
            )
            .await
        }
        // The approval is gone until the end of the new round.
        "kyc.reopened" | "kyc.expired" => {
            clients::stage(tx, core, &who, c.id, Command::Unverify, &told.kind).await?;
            line(
                app,
                tx,
                &c,
                told,
                "kyc",
                "timeline.kyc_again",
                json!({"cause": told.kind}),
                Visibility::Client,
            )
            .await
        }
        "kyc.submitted" => {
            line(app, tx, &c, told, "kyc", "timeline.kyc_submitted", json!({}), Visibility::Client).await?;
            write_to(app, tx, &c, Template::KycReceived, told.key("kyc_received"), Params::new()).await
        }
        _ => line(app, tx, &c, told, "kyc", "timeline.kyc_opened", json!({}), Visibility::Client).await,
    }
}

async fn account(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    let c = client_of(tx, told).await?;
    let (login, server) = (told.text("login")?.to_string(), told.text("server")?.to_string());
    line(
        app,
        tx,
        &c,
        told,
        "account",
        "timeline.account_ready",
        json!({"login": login, "server": server}),
        Visibility::Client,
    )
    .await?;
    qd_clients::search::put(tx, c.id, &[login.as_str()]).await?;
    let object = told.payload["account_id"].as_str().map(|a| format!("account:{a}"));
    tell_client(
        app,
        tx,
        &c,
        told,
        "notification.account_ready",
        json!({"login": login, "server": server}),
        object,
    )
    .await?;
    let leverage = told.payload["leverage"].as_i64().unwrap_or(1).to_string();
    let values = params([
        ("login", Param::Text(login)),
        ("server", Param::Text(server)),
        ("currency", Param::Text(told.text("currency")?.to_string())),
        ("leverage", Param::Text(leverage)),
        ("link", page(app, tx, &c, "/accounts").await?),
    ]);
    write_to(app, tx, &c, Template::AccountReady, told.key("account_ready"), values).await
}

async fn deposit(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    let c = client_of(tx, told).await?;
    let core = &app.core;
    let who = Caller::system("events");
    let amount = told.amount()?;
    let data = json!({"deposit_id": told.payload["deposit_id"], "amount": amount, "method": told.payload["method"], "state": told.payload["state"], "failure_code": told.payload["failure_code"]});
    let object = told.payload["deposit_id"].as_str().map(|d| format!("deposit:{d}"));
    match told.kind.as_str() {
        "client.ftd" => {
            clients::stage(tx, core, &who, c.id, Command::Fund, "first deposit").await?;
            line(
                app,
                tx,
                &c,
                told,
                "deposit",
                "timeline.first_deposit",
                data.clone(),
                Visibility::Money,
            )
            .await?;
            // Sales learn that and not how much: the amount is behind the money mask.
            tell_owner(
                app,
                tx,
                &c,
                told,
                "client.ftd",
                "notification.ftd",
                json!({"client_id": c.id, "name": c.name()}),
            )
            .await
        }
        "deposit.received" => {
            clients::touch_activity(tx, core, &who, c.id, "deposit").await?;
            let deposit = qd_payments::DepositId::parse(told.text("deposit_id")?)?;
            let refs = compose::provider_references(tx, core, deposit).await?;
            qd_clients::search::put(tx, c.id, &refs.iter().map(String::as_str).collect::<Vec<_>>()).await?;
            line(app, tx, &c, told, "deposit", "timeline.deposit_received", data, Visibility::Money).await?;
            // What goes on to a trading account is announced when it is there.
            if told.payload["account_id"].is_null() {
                tell_client(
                    app,
                    tx,
                    &c,
                    told,
                    "notification.deposit_received",
                    json!({"amount": amount}),
                    object,
                )
                .await?;
            }
            write_to(
                app,
                tx,
                &c,
                Template::DepositReceived,
                told.key("deposit_received"),
                params([("amount", Param::Amount(amount))]),
            )
            .await
        }
        "deposit.credited" => {
            line(app, tx, &c, told, "deposit", "timeline.deposit_credited", data, Visibility::Money).await?;
            let login = compose::login_of(tx, core, told.payload["account_id"].as_str()).await?;
            let data = json!({"amount": amount, "login": login});
            tell_client(app, tx, &c, told, "notification.deposit_credited", data, object).await?;
            write_to(
                app,
                tx,
                &c,
                Template::DepositCredited,
                told.key("deposit_credited"),
                params([("amount", Param::Amount(amount)), ("login", Param::Text(login))]),
            )
            .await
        }
        _ => {
            let state = told.text("state")?;
            if !matches!(state, "failed" | "expired" | "cancelled" | "held" | "refunding" | "refunded") {
                return Ok(());
            }
            line(app, tx, &c, told, "deposit", "timeline.deposit_state", data, Visibility::Money).await?;
            if state == "refunding" {
                return tell_client(
                    app,
                    tx,
                    &c,
                    told,
                    "notification.deposit_refunded",
                    json!({"amount": amount}),
                    object,
                )
                .await;
            }
            if state != "failed" {
                return Ok(());
            }
            let reason = told.payload["failure_code"].as_str().unwrap_or("declined").to_string();
            let data = json!({"amount": amount, "failure_code": reason});
            tell_client(app, tx, &c, told, "notification.deposit_failed", data, object).await?;
            let values = params([
                ("amount", Param::Amount(amount)),
                ("reason", reason_text(app, &reason)),
                ("link", page(app, tx, &c, "/deposit").await?),
            ]);
            write_to(app, tx, &c, Template::DepositFailed, told.key("deposit_failed"), values).await
        }
    }
}

/// A partner's earnings for its own trading account: they are in the wallet now and go on from there,
/// like any transfer of the client's.
async fn partner_paid(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    if told.text("method")? != "platform" {
        return Ok(());
    }
    let partner = qd_partners::PartnerId::parse(told.text("partner_id")?)?;
    let Some(client) = qd_partners::partner::get(tx, &Caller::system("partner_paid"), partner)
        .await?
        .client_id
    else {
        return Ok(());
    };
    let minor = told.payload["net_minor"].as_i64().unwrap_or_default();
    let currency = qd_kernel::Currency::parse(told.text("currency")?)?;
    let facts = compose::payment_facts(tx, &app.core, &client, None).await?;
    let transfer = qd_payments::transfer::NewTransfer {
        amount: Amount::new(minor, currency),
        from_account: None,
        to_account: Some(qd_trading::TradingAccountId::parse(told.text("account")?)?),
        quote_id: None,
    };
    // Refused, the money stays in the wallet, where the partner finds it; the dead job says why.
    qd_payments::transfer::create(tx, &app.core, &Caller::system("partner_paid"), facts, transfer)
        .await
        .map(|_| ())
}

async fn withdrawal(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    let c = client_of(tx, told).await?;
    let amount = told.amount()?;
    let state = told.text("state")?.to_string();
    let data = json!({"withdrawal_id": told.payload["withdrawal_id"], "amount": amount, "state": state, "reason_code": told.payload["reason_code"]});
    line(
        app,
        tx,
        &c,
        told,
        "withdrawal",
        "timeline.withdrawal_state",
        data,
        Visibility::Money,
    )
    .await?;
    let template = match state.as_str() {
        "collecting" | "deciding" => Template::WithdrawalRequested,
        "approved" => Template::WithdrawalApproved,
        "rejected" | "refused" => Template::WithdrawalRejected,
        "paid" => Template::WithdrawalPaid,
        "returned" => Template::WithdrawalReturned,
        _ => return Ok(()),
    };
    let title = match state.as_str() {
        "rejected" | "refused" => Some("notification.withdrawal_rejected"),
        "paid" => Some("notification.withdrawal_paid"),
        "returned" => Some("notification.withdrawal_returned"),
        _ => None,
    };
    if let Some(title) = title {
        let object = Some(format!("withdrawal:{}", told.text("withdrawal_id")?));
        tell_client(app, tx, &c, told, title, json!({"amount": amount}), object).await?;
    }
    // One mail per withdrawal and kind: collecting and deciding both mean "we have it".
    let key = format!("{template}:{}", told.text("withdrawal_id")?);
    let values = params([
        ("amount", Param::Amount(amount)),
        ("method", Param::Key("method.source".into())),
        ("reason", reason_text(app, told.payload["reason_code"].as_str().unwrap_or("other"))),
        (
            "link",
            page(app, tx, &c, &format!("/withdrawals/{}", told.text("withdrawal_id")?)).await?,
        ),
    ]);
    write_to(app, tx, &c, template, key, values).await
}

async fn on_timeline(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    if told.payload.get("client_id").and_then(Value::as_str).is_none() {
        return Ok(());
    }
    let c = client_of(tx, told).await?;
    let (kind, title, visibility) = match told.kind.as_str() {
        "trading.account_requested" => ("account", "timeline.account_requested", Visibility::Client),
        "trading.account_blocked" => ("account", "timeline.account_rights", Visibility::Staff),
        "transfer.state" => ("transfer", "timeline.transfer_state", Visibility::Money),
        "dispute.opened" => ("dispute", "timeline.dispute", Visibility::Money),
        _ => ("partner", "timeline.statement_closed", Visibility::Client),
    };
    if told.kind == "dispute.opened" {
        chargeback_flag(app, tx, &c).await?;
    }
    line(app, tx, &c, told, kind, title, told.payload.clone(), visibility).await
}

/// The mark on the record of a client whose money was charged back.
const CHARGEBACK: &str = "chargeback";

/// Puts the mark on while a dispute is open or lost, and takes it off when all of them are won.
async fn chargeback_flag(app: &App, tx: &mut Tx, c: &Client) -> Result<()> {
    let marked = qd_payments::dispute::marked(tx, &c.id.to_string()).await?;
    if marked == c.tags.iter().any(|t| t == CHARGEBACK) {
        return Ok(());
    }
    let mut tags: Vec<String> = c.tags.iter().filter(|t| *t != CHARGEBACK).cloned().collect();
    if marked {
        tags.push(CHARGEBACK.into());
    }
    let patch = clients::Patch {
        tags: Some(tags),
        ..clients::Patch::default()
    };
    let why = if marked {
        "a payment was charged back"
    } else {
        "the disputes were won"
    };
    clients::edit(tx, &app.core, &Caller::system("events"), c.id, c.version, patch, why)
        .await
        .map(|_| ())
}
