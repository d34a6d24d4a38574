//! What tickets need of the other domains: whose a record is, where it stands in the words the
//! portals use, and who is told what.

use crate::reactions::{Told, client_of, params};
use crate::{App, brands};
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_notify::{MailRequest, NewNotification, Param, Recipient, Template, format_amount, mail, notify};
use qd_partners::{LineId, partner};
use qd_payments::{DepositId, TransferId, WithdrawalId};
use qd_runtime::access::Caller;
use qd_support::macros::{self, Macro};
use qd_support::{Category, MessageId, MessageKind, Side, Ticket, TicketId, TicketState};
use qd_trading::TradingAccountId;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Where a record stands, as the client reads it in the portal.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "kind": "deposit", "state": "pending", "key": "status.deposit_client.pending", "text": "On its way", "language": "en", "amount": {"minor": 50_000, "currency": "EUR"}}))]
pub struct RecordStatus {
    pub id: String,
    /// `deposit`, `withdrawal`, `transfer`, `account`, `commission_line`.
    pub kind: String,
    pub state: String,
    /// Key of the text in the catalogue of the portals.
    pub key: String,
    pub text: String,
    /// The client's, in which the text is.
    pub language: String,
    pub amount: Option<Amount>,
}

/// Kind, state, amount and owner of a record a ticket may be about.
struct Found {
    kind: &'static str,
    state: String,
    amount: Option<Amount>,
    client_id: String,
}

async fn record(app: &App, tx: &mut Tx, about: &str) -> Result<Option<Found>> {
    let (prefix, id) = qd_support::about_parts(about)?;
    let (core, who) = (&app.core, Caller::system("tickets"));
    let there = |r: Result<Found>| match r {
        Ok(f) => Ok(Some(f)),
        Err(p) if p.is("not_found") => Ok(None),
        Err(p) => Err(p),
    };
    there(match prefix {
        "dep" => qd_payments::deposit::get(tx, core, &who, DepositId::parse(id)?)
            .await
            .map(|d| Found {
                kind: "deposit",
                state: d.state.to_string(),
                amount: Some(d.amount),
                client_id: d.client_id,
            }),
        "wdr" => qd_payments::withdrawal::get(tx, core, &who, WithdrawalId::parse(id)?)
            .await
            .map(|w| Found {
                kind: "withdrawal",
                state: w.state.to_string(),
                amount: Some(w.amount),
                client_id: w.client_id,
            }),
        "trf" => qd_payments::transfer::get(tx, &who, TransferId::parse(id)?).await.map(|t| Found {
            kind: "transfer",
            state: t.state.to_string(),
            amount: Some(t.amount),
            client_id: t.client_id,
        }),
        "tacc" => qd_trading::accounts::get(tx, core, &who, TradingAccountId::parse(id)?)
            .await
            .map(|a| Found {
                kind: "account",
                state: a.state.to_string(),
                amount: None,
                client_id: a.client_id,
            }),
        "cml" => {
            let line = qd_partners::reading::line(tx, &who, LineId::parse(id)?).await;
            match line {
                Ok(l) => partner::get(tx, &who, l.partner_id).await.map(|p| Found {
                    kind: "commission_line",
                    state: l.state.to_string(),
                    amount: Some(Amount::new(l.minor, l.currency)),
                    client_id: p.client_id.unwrap_or_default(),
                }),
                Err(e) => Err(e),
            }
        }
        _ => return Ok(None),
    })
}

/// A client may name records of their own only; another's is not there.
pub async fn check_about(app: &App, tx: &mut Tx, client_id: ClientId, about: Option<&str>) -> Result<()> {
    let Some(about) = about else { return Ok(()) };
    let ours = qd_clients::with_merged(tx, client_id).await?;
    match record(app, tx, about).await? {
        Some(f) if ours.iter().any(|c| c.to_string() == f.client_id) => Ok(()),
        _ => Err(Problem::invalid(
            "/about",
            "record_unknown",
            "expected the id of a record of this client",
        )),
    }
}

/// The status of the record a ticket is about, in a language.
pub async fn status(app: &App, tx: &mut Tx, about: &str, language: &str) -> Result<Option<RecordStatus>> {
    let Some(f) = record(app, tx, about).await? else { return Ok(None) };
    // Where the portal has a friendlier word for the client than for staff, it is the client's.
    let words = |kind: &str| format!("status.{kind}.{}", f.state);
    let friendly = words(&format!("{}_client", f.kind));
    let key = if app.catalogue.get(language, &friendly).is_some() {
        friendly
    } else {
        words(f.kind)
    };
    let text = app.catalogue.get(language, &key).unwrap_or(&f.state).to_string();
    Ok(Some(RecordStatus {
        id: about.to_string(),
        kind: f.kind.to_string(),
        state: f.state,
        language: app.catalogue.resolve(language, &key),
        key,
        text,
        amount: f.amount,
    }))
}

/// A macro filled for a ticket, in the client's language.
pub async fn fill(app: &App, tx: &mut Tx, caller: &Caller, t: &Ticket, m: &Macro) -> Result<String> {
    let c = qd_clients::find(tx, t.client_id).await?.ok_or_else(|| Problem::missing("client"))?;
    let mut values = BTreeMap::from([
        ("name", c.first_name.clone()),
        ("subject", t.subject.clone()),
        ("agent", caller.label()),
        ("reference", t.about.clone().unwrap_or_default()),
    ]);
    if let Some(about) = &t.about
        && let Some(s) = status(app, tx, about, &c.language).await?
    {
        values.insert("status", s.text);
        if let Some(a) = s.amount {
            values.insert("amount", format_amount(a, &c.language));
        }
    }
    Ok(macros::fill(m, &c.language, &values))
}

/// The macros a new house starts with, from the catalogue.
pub async fn first_macros(app: &App, tx: &mut Tx) -> Result<()> {
    let of = |name: &str, category: Option<Category>| {
        let key = |part: &str| format!("macro.{name}.{part}");
        let bodies: BTreeMap<String, String> = app
            .catalogue
            .languages()
            .filter(|l| app.catalogue.resolve(l, &key("body")) == **l)
            .filter_map(|l| Some((l.to_string(), app.catalogue.get(l, &key("body"))?.to_string())))
            .collect();
        let title = app.catalogue.get(macros::LAST, &key("title"))?.to_string();
        Some((title, category, bodies))
    };
    let first = [
        of("deposit_status", Some(Category::Deposit)),
        of("withdrawal_status", Some(Category::Withdrawal)),
        of("documents_needed", Some(Category::Kyc)),
        of("anything_else", None),
    ];
    macros::seed(tx, &app.core, first.into_iter().flatten().collect()).await
}

/// What happens in tickets, told to whoever should know: the client by mail and in the portal, the
/// owner in the portal.
pub(crate) async fn told(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    let id = TicketId::parse(told.text("ticket_id")?)?;
    let Some(t) = qd_support::find(tx, id).await? else { return Ok(()) };
    let by = told.payload["by"].as_str().and_then(Side::parse);
    match (told.kind.as_str(), by) {
        ("ticket.opened", Some(Side::Client)) => to_client(app, tx, told, &t, Template::TicketReceived, None).await,
        ("ticket.opened" | "ticket.message", Some(Side::Staff)) => {
            to_client(app, tx, told, &t, Template::TicketReply, Some("notification.ticket_reply")).await
        }
        ("ticket.message", Some(Side::Client)) => to_owner(app, tx, told, &t, "notification.ticket_message").await,
        ("ticket.state", _) if t.state == TicketState::Solved && told.payload["state"] == json!("solved") => {
            notice(app, tx, told, t.client_id.to_string(), &t, "notification.ticket_solved").await
        }
        ("ticket.assigned", _) if told.payload["by_id"] != json!(t.owner_id) => {
            to_owner(app, tx, told, &t, "notification.ticket_assigned").await
        }
        _ => Ok(()),
    }
}

async fn to_owner(app: &App, tx: &mut Tx, told: &Told, t: &Ticket, title_key: &str) -> Result<()> {
    match t.owner_id {
        Some(o) => notice(app, tx, told, o.to_string(), t, title_key).await,
        None => Ok(()),
    }
}

async fn notice(app: &App, tx: &mut Tx, told: &Told, recipient: String, t: &Ticket, title_key: &str) -> Result<()> {
    let data: Value = json!({"ticket_id": t.id, "subject": qd_support::cover::bank(&t.subject), "client_id": t.client_id});
    let n = NewNotification {
        recipient,
        key: Some(told.key(title_key)),
        kind: told.kind.clone(),
        title_key: title_key.into(),
        data,
        object: Some(format!("ticket:{}", t.id)),
        entity: Some(t.entity.clone()),
    };
    notify(tx, &app.core, n).await.map(|_| ())
}

async fn to_client(app: &App, tx: &mut Tx, told: &Told, t: &Ticket, template: Template, title_key: Option<&str>) -> Result<()> {
    if let Some(key) = title_key {
        notice(app, tx, told, t.client_id.to_string(), t, key).await?;
    }
    let c = client_of(tx, told).await?;
    let Some(address) = c.email.clone() else { return Ok(()) };
    let body = match told.payload["message_id"].as_str() {
        Some(id) => match qd_support::said(tx, MessageId::parse(id)?).await? {
            // A note is nobody's to mail, whatever an event says.
            Some((MessageKind::Note, _)) | None => return Ok(()),
            Some((_, body)) => body,
        },
        None => String::new(),
    };
    let link = format!("{}/support/{}", brands::portal_of(tx, &app.config, &c.brand).await?, t.id);
    let request = MailRequest {
        key: told.key(template.as_str()),
        template,
        brand: c.brand.clone(),
        language: c.language.clone(),
        to: Recipient { name: c.name(), address },
        client_id: Some(c.id.to_string()),
        params: params([
            ("subject", Param::Text(t.subject.clone())),
            ("body", Param::Lines(body)),
            ("number", Param::Text(t.id.to_string())),
            ("link", Param::Link(link)),
        ]),
    };
    mail(tx, &app.core, request).await.map(|_| ())
}
