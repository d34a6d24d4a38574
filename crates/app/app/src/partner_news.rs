//! What partners, their trackers and outside engines learn of clients; and what is looked at when
//! something about a person is new.

use crate::reactions::{Told, client_of};
use crate::{App, compose, store_signals};
use async_trait::async_trait;
use qd_clients::{Client, profile};
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Result};
use qd_partners::attribution::{self, Milestone};
use qd_partners::jobs::{DealName, DealSource as _};
use qd_partners::postbacks::{self, Happening, PostbackEvent};
use qd_partners::signals::{self, Mark, SignalKind};
use qd_partners::{PartnerId, webhooks};
use qd_runtime::access::Caller;
use qd_runtime::jobs::Handler;
use serde_json::{Value, json};
use std::sync::Arc;

/// Events that concern partners.
pub const KINDS: &[&str] = &[
    "client.registered",
    "kyc.submitted",
    "kyc.approved",
    "kyc.rejected",
    "client.ftd",
    "deposit.received",
    "dispute.opened",
    "commission.accrued",
    "programme.qualified",
];

pub fn handlers(app: &App) -> Vec<Arc<dyn Handler>> {
    let core = || app.core.clone();
    vec![
        Arc::new(postbacks::Sender::new(core(), app.links.clone(), app.outward.clone())),
        Arc::new(webhooks::Deliver::new(core(), app.links.clone(), app.outward.clone())),
        Arc::new(webhooks::Replay::new(core(), Arc::new(Outside))),
        Arc::new(attribution::Leaving(core())),
    ]
}

/// What the house knows of a person that two people could share. Values are hashed before they are
/// kept; hints are enough to recognise them.
async fn marks(tx: &mut Tx, c: &Client) -> Result<Vec<Mark>> {
    let id = c.id.to_string();
    let mut out = signals::contact_marks(c.email.as_deref(), c.phone.as_deref());
    if !c.last_name.trim().is_empty() {
        let first: String = c.last_name.chars().take(1).collect();
        out.push(Mark::new(SignalKind::FamilyName, c.last_name.clone(), format!("{first}…")));
    }
    for (mark, label, ip) in store_signals::browsers(tx, &id).await? {
        out.push(Mark::new(SignalKind::Device, hex::encode(mark), label));
        if let Some(ip) = ip {
            let start = ip.split(['.', ':']).next().unwrap_or_default().to_string();
            out.push(Mark::new(SignalKind::Ip, ip, format!("{start}.…")));
        }
    }
    for (print, instrument) in store_signals::instruments(tx, &id).await? {
        let i: Value = instrument.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default();
        let kind = if i["kind"] == "bank" { SignalKind::Bank } else { SignalKind::Card };
        out.push(Mark::new(kind, print, format!("•••• {}", i["last4"].as_str().unwrap_or("?"))));
    }
    for (number, sha256, kind) in store_signals::documents(tx, &id).await? {
        if let Some(n) = number {
            out.push(Mark::new(SignalKind::Document, hex::encode(n), format!("number of a {kind}")));
        }
        out.push(Mark::new(SignalKind::Document, sha256, format!("picture of a {kind}")));
    }
    let (answers, _) = profile::answers(tx, c.id).await?;
    let text = |code: &str| answers.get(code).and_then(Value::as_str).unwrap_or_default().trim().to_lowercase();
    let (street, post, city) = (text("street"), text("postal_code"), text("city"));
    if !street.is_empty() && !(post.is_empty() && city.is_empty()) {
        let plain: String = format!("{street}|{post}|{city}|{}", c.country)
            .chars()
            .filter(|c| c.is_alphanumeric() || *c == '|')
            .collect();
        out.push(Mark::new(
            SignalKind::Address,
            plain,
            format!("{} {}…", c.country, post.chars().take(2).collect::<String>()),
        ));
    }
    Ok(out)
}

/// Looks for what a client shares with their partner, or a partner with their clients.
pub async fn look(app: &App, tx: &mut Tx, c: &Client) -> Result<()> {
    let found = marks(tx, c).await?;
    signals::observe(tx, &app.core, &app.links, &c.id.to_string(), &found).await
}

/// Notes a step for funnels and locks; where a lock changed the partner, the record follows.
async fn step(app: &App, tx: &mut Tx, c: &Client, told: &Told, which: Milestone) -> Result<()> {
    let share = attribution::reached(tx, &app.core, &app.links, &c.id.to_string(), which, told.at).await?;
    if let Some(s) = share {
        let who = Caller::system("attribution");
        let partner = s.partner.map(|p| p.to_string());
        qd_clients::set_partner(tx, &app.core, &who, c.id, partner, "attribution locked").await?;
    }
    Ok(())
}

/// `react.partner`.
pub async fn told(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    let event = match told.kind.as_str() {
        "commission.accrued" => return accrued(app, tx, told).await,
        "client.registered" => PostbackEvent::Registration,
        "kyc.approved" => PostbackEvent::KycApproved,
        "kyc.rejected" => PostbackEvent::Rejected,
        "client.ftd" => PostbackEvent::Ftd,
        "deposit.received" => PostbackEvent::Deposit,
        "dispute.opened" => PostbackEvent::Chargeback,
        "programme.qualified" => PostbackEvent::Qualified,
        _ => {
            let c = client_of(tx, told).await?;
            return look(app, tx, &c).await;
        }
    };
    let c = client_of(tx, told).await?;
    match event {
        PostbackEvent::KycApproved => step(app, tx, &c, told, Milestone::KycApproved).await?,
        PostbackEvent::Ftd => step(app, tx, &c, told, Milestone::Ftd).await?,
        _ => {}
    }
    look(app, tx, &c).await?;
    let status = match event {
        PostbackEvent::Registration => "registered",
        PostbackEvent::KycApproved => "approved",
        PostbackEvent::Rejected => "kyc_rejected",
        PostbackEvent::Chargeback => told.payload["state"].as_str().unwrap_or("opened"),
        PostbackEvent::Qualified => "qualified",
        _ => "received",
    };
    let mut h = Happening::new(event, told.id.clone(), told.at, status);
    h.country = Some(c.country.clone());
    match event {
        PostbackEvent::Ftd | PostbackEvent::Deposit => h.amount = Some(told.amount()?),
        PostbackEvent::Qualified => h.payout = told.amount().ok(),
        // An event of before disputes told their amount has none.
        PostbackEvent::Chargeback => h.amount = told.amount().ok(),
        _ => {}
    }
    postbacks::of_client(tx, &app.core, &c.id.to_string(), &h).await.map(|_| ())
}

async fn accrued(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    let minor = told.payload["minor"].as_i64().unwrap_or_default();
    if minor == 0 {
        return Ok(());
    }
    let partner = PartnerId::parse(told.text("partner_id")?)?;
    let mut h = Happening::new(PostbackEvent::Commission, told.id.clone(), told.at, "accrued");
    h.payout = Some(Amount::new(minor, Currency::parse(told.text("currency")?)?));
    postbacks::of_partner(tx, &app.core, partner, &h).await.map(|_| ())
}

/// `react.webhook`.
pub async fn outside(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    let h = webhooks::Happened {
        id: told.id.clone(),
        kind: told.kind.clone(),
        entity: told.entity.clone(),
        payload: told.payload.clone(),
        at: told.at,
    };
    webhooks::plan(tx, &app.core, &Outside, &h).await.map(|_| ())
}

/// What an outside engine reads: the event, and of deals everything that our own engine looks at.
pub struct Outside;

#[async_trait(?Send)]
impl webhooks::Data for Outside {
    async fn data(&self, tx: &mut Tx, kind: &str, payload: &Value) -> Result<Value> {
        if kind != "deals.recorded" {
            return Ok(payload.clone());
        }
        let server = payload["server"].as_str().unwrap_or_default();
        let names: Vec<DealName> = payload["deals"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|d| {
                Some(DealName {
                    server: server.to_string(),
                    ticket: d["ticket"].as_str()?.to_string(),
                    revision: d["revision"].as_i64()?,
                })
            })
            .collect();
        let facts = compose::Deals.facts(tx, &names).await?;
        Ok(json!({"server": server, "deals": facts}))
    }
}
