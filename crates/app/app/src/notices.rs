//! What staff are told: in the portal at once, by mail when they have not looked after a while. And
//! the mails of the house as lines of the client's timeline.

use crate::App;
use crate::reactions::{Told, client_of, params};
use async_trait::async_trait;
use qd_clients::ClientId;
use qd_clients::timeline::{self, NewLine, Visibility};
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_notify::{MailRequest, NewNotification, NotificationId, Param, Params, Recipient, Template, mail, notify};
use qd_runtime::access::logins::Whom;
use qd_runtime::access::{Caller, StaffId, staff};
use qd_runtime::jobs::{self, Handler, JobError, Lease, NewJob};
use qd_runtime::tenancy;
use serde_json::json;

/// Whoever has the portal open reads within this time; to all others a mail goes.
const LOOKS_WITHIN_S: i64 = 120;
/// Older news than this are history that was brought in.
const NEWS_S: i64 = 86_400;
const UNREAD_JOB: &str = "notice.unread";

/// A lead or a task is somebody's now.
pub(crate) async fn told(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    let Some(owner) = told.payload["owner_id"].as_str() else {
        return Ok(());
    };
    let now = app.core.now();
    if now.secs_since(told.at) > NEWS_S {
        return Ok(());
    }
    let c = client_of(tx, told).await?;
    let (title_key, data) = match told.kind.as_str() {
        "task.due" => (
            "notification.task_due",
            json!({"client_id": c.id, "client": c.name(), "task": told.payload["title"]}),
        ),
        _ => (
            "notification.lead_assigned",
            json!({"client_id": c.id, "client": c.name(), "rule": told.payload["rule"]}),
        ),
    };
    let n = NewNotification {
        recipient: owner.to_string(),
        key: Some(told.key(&told.kind)),
        kind: told.kind.clone(),
        title_key: title_key.into(),
        data,
        object: Some(format!("client:{}", c.id)),
        entity: Some(c.entity.clone()),
    };
    let Some(id) = notify(tx, &app.core, n).await? else { return Ok(()) };
    let body = json!({"notification_id": id, "owner_id": owner, "client_id": c.id, "kind": told.kind, "title": told.payload["title"]});
    jobs::enqueue(
        tx,
        &app.core,
        NewJob::new(UNREAD_JOB, body, now).key(id.to_string()).after_secs(LOOKS_WITHIN_S),
    )
    .await
    .map(|_| ())
}

/// A mail went out: a line of its client's timeline. A subject with an amount is for those who see
/// amounts. What somebody wrote by hand has its line already.
pub(crate) async fn mailed(app: &App, tx: &mut Tx, told: &Told) -> Result<()> {
    let Some(client) = told.payload["client_id"].as_str() else {
        return Ok(());
    };
    let template = told.text("template")?;
    if template == Template::Personal.as_str() {
        return Ok(());
    }
    let money = ["deposit_", "withdrawal_", "statement_", "partner_"]
        .iter()
        .any(|p| template.starts_with(p));
    let visibility = if money { Visibility::Money } else { Visibility::Staff };
    let subject = told.text("subject")?;
    let data = json!({"mail_id": told.payload["mail_id"], "template": template, "subject": subject, "direction": "out"});
    let line = NewLine::new(ClientId::parse(client)?, "mail", "timeline.mail", data, visibility)
        .key(told.id.clone())
        .at(told.at)
        .text(subject);
    timeline::put(tx, &app.core, &Caller::system("events"), line).await.map(|_| ())
}

/// A mail to a client, written by somebody of the house; it stands in the timeline with its words.
/// The caller's right is checked by whoever calls.
pub async fn write_to_client(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    c: &qd_clients::Client,
    subject: &str,
    body: &str,
) -> Result<qd_notify::MailId> {
    let Some(address) = c.email.clone() else {
        return Err(Problem::conflict("no_address", "this client has no mail address"));
    };
    let wrong = |field: &str, max: usize| Problem::invalid(field, "text_length", format!("expected 1 to {max} characters"));
    let (subject, body) = (subject.trim(), body.trim());
    if subject.is_empty() || subject.chars().count() > 200 || subject.contains(char::is_control) {
        return Err(wrong("subject", 200));
    }
    if body.is_empty() || body.chars().count() > 10_000 || body.contains('\0') {
        return Err(wrong("body", 10_000));
    }
    let request = MailRequest {
        key: format!("personal:{}", qd_notify::MailId::new(&app.core.env)),
        template: Template::Personal,
        brand: c.brand.clone(),
        language: c.language.clone(),
        to: Recipient { name: c.name(), address },
        client_id: Some(c.id.to_string()),
        params: params([
            ("subject", Param::Text(subject.into())),
            ("body", Param::Lines(body.into())),
            ("by", Param::Text(caller.label())),
        ]),
    };
    let id = mail(tx, &app.core, request)
        .await?
        .ok_or_else(|| Problem::conflict("mail_written", "this mail was written before"))?;
    let data = json!({"mail_id": id, "template": Template::Personal, "subject": subject, "body": body, "direction": "out"});
    timeline::put(
        tx,
        &app.core,
        caller,
        NewLine::new(c.id, "mail", "timeline.mail", data, Visibility::Staff).text(format!("{subject} {body}")),
    )
    .await?;
    let e = qd_runtime::audit::Entry::new(caller, "mail.written", format!("client:{}", c.id))
        .client(c.id.to_string())
        .entity(Some(c.entity.clone()));
    qd_runtime::audit::record(tx, &app.core, e.after(json!({"mail_id": id, "subject": subject}))).await?;
    Ok(id)
}

/// The country in a sentence; nobody reads the code that stands for an unknown one.
fn country_of(c: &qd_clients::Client) -> Param {
    if c.country == qd_clients::UNKNOWN_COUNTRY {
        Param::Key("country.unknown".into())
    } else {
        Param::Text(c.country.clone())
    }
}

/// A mail to somebody about their own sign-in, to the address it had before the change.
pub async fn about_login(app: &App, tx: &mut Tx, to: &Whom, template: Template, device: Option<&str>) -> Result<()> {
    let brand = match to.realm.strip_prefix("brand:") {
        Some(code) => code.to_string(),
        // The house writes to its own people in the name of its first brand.
        None => tenancy::brands(tx)
            .await?
            .into_iter()
            .next()
            .map(|b| b.code)
            .ok_or_else(|| Problem::conflict("brand_missing", "no brand is configured, so no mail can be sent"))?,
    };
    let mut values = params([("name", Param::Text(to.name.clone())), ("date", Param::Date(app.core.now()))]);
    if let Some(d) = device {
        let text = d.chars().filter(|c| !c.is_control()).take(120).collect();
        values.insert("device".to_string(), Param::Text(text));
    }
    let recipient = Recipient {
        name: to.name.clone(),
        address: to.email.clone(),
    };
    let m = MailRequest {
        key: format!("{template}:{}", app.core.env.entropy.code(20)),
        template,
        brand,
        language: to.language.clone(),
        to: recipient,
        client_id: to.client_id.clone(),
        params: values,
    };
    mail(tx, &app.core, m).await.map(|_| ())
}

/// The job that mails what nobody looked at.
pub(crate) struct StillUnread(pub App);

#[async_trait]
impl Handler for StillUnread {
    fn kind(&self) -> &'static str {
        UNREAD_JOB
    }

    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let (app, lease) = (self.0.clone(), lease.clone());
        let id = NotificationId::parse(lease.text("notification_id")?)?;
        let (owner, client) = (StaffId::parse(lease.text("owner_id")?)?, ClientId::parse(lease.text("client_id")?)?);
        self.0
            .core
            .db
            .write(async move |tx| {
                lease.complete(tx).await?;
                if !qd_notify::waits(tx, id).await? {
                    return Ok(());
                }
                let Some(c) = qd_clients::find(tx, client).await? else {
                    return Ok(());
                };
                let person = staff::get(tx, &Caller::system("notices"), owner).await?;
                if person.state != "active" {
                    return Ok(());
                }
                let (first, _) = qd_clients::touches(tx, client).await?;
                let source = first
                    .map(|t| t.touch.source)
                    .filter(|s| !s.is_empty())
                    .unwrap_or_else(|| "-".into());
                let link = Param::Link(format!("{}/office/clients/{client}", app.config.server.public_url));
                let mut values: Params = params([
                    ("client", Param::Text(c.name())),
                    ("country", country_of(&c)),
                    ("source", Param::Text(source)),
                    ("link", link),
                ]);
                let template = match lease.payload["kind"].as_str() {
                    Some("task.due") => {
                        values.insert(
                            "task".into(),
                            Param::Text(lease.payload["title"].as_str().unwrap_or_default().into()),
                        );
                        Template::TaskDue
                    }
                    _ => Template::LeadAssigned,
                };
                let to = Recipient {
                    name: person.name,
                    address: person.email,
                };
                mail(
                    tx,
                    &app.core,
                    MailRequest {
                        key: format!("unread:{id}"),
                        template,
                        brand: c.brand.clone(),
                        language: person.language,
                        to,
                        client_id: None,
                        params: values,
                    },
                )
                .await
                .map(|_| ())
            })
            .await?;
        Ok(())
    }
}
