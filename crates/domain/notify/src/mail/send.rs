//! Sending: a job per mail. What SMTP says for good (5xx) ends the mail as refused; everything
//! else is tried again with the same text and the same Message-ID, by which a receiver recognises
//! a mail whose first acceptance was never heard of here.

use super::{MailId, MailState, render};
use crate::store;
use crate::texts::Catalogue;
use async_trait::async_trait;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use qd_kernel::{Problem, Result, Secret, Ts};
use qd_runtime::Core;
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{Handler, JobError, Lease};
use qd_runtime::tenancy;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub const KIND: &str = "notify.mail";
/// A mail server that takes longer is as good as down; the job tries again.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// Plain: the sandbox's mail catcher, or a relay on the same machine.
    None,
    /// Plain first, then STARTTLS, required.
    Starttls,
    /// TLS from the first byte.
    Tls,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    pub host: String,
    pub port: u16,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub pass: Option<Secret>,
    pub tls: SmtpTls,
}

/// One mail, ready to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Without the angle brackets.
    pub message_id: String,
    /// `Name <address>`
    pub from: String,
    pub to_name: String,
    pub to_address: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub date: Ts,
}

#[derive(Clone, Debug)]
pub enum SendError {
    /// Try again.
    Later(String),
    /// This mail will never be taken.
    Refused(String),
}

#[async_trait]
pub trait MailTransport: Send + Sync {
    async fn send(&self, m: &Outgoing) -> std::result::Result<(), SendError>;
}

/// A mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Smtp {
    pub fn new(c: &SmtpConfig) -> Result<Smtp> {
        let parameters = || {
            TlsParameters::new(c.host.clone())
                .map_err(|e| Problem::invalid("smtp.host", "smtp_tls", "expected a host name for TLS").with_source(e))
        };
        let tls = match c.tls {
            SmtpTls::None => Tls::None,
            SmtpTls::Starttls => Tls::Required(parameters()?),
            SmtpTls::Tls => Tls::Wrapper(parameters()?),
        };
        let mut b = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&c.host)
            .port(c.port)
            .tls(tls)
            .timeout(Some(TIMEOUT));
        if let (Some(user), Some(pass)) = (&c.user, &c.pass) {
            b = b.credentials(Credentials::new(user.clone(), pass.expose().to_string()));
        }
        Ok(Smtp { transport: b.build() })
    }
}

fn build(m: &Outgoing) -> std::result::Result<Message, String> {
    let from: Mailbox = m.from.parse().map_err(|e| format!("sender: {e}"))?;
    let to = Mailbox::new(
        Some(m.to_name.clone()).filter(|n| !n.is_empty()),
        m.to_address.parse().map_err(|e| format!("recipient: {e}"))?,
    );
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(m.date.secs()).unwrap_or(0));
    Message::builder()
        .from(from)
        .to(to)
        .subject(&m.subject)
        .date(date)
        .message_id(Some(format!("<{}>", m.message_id)))
        .multipart(MultiPart::alternative_plain_html(m.text.clone(), m.html.clone()))
        .map_err(|e| e.to_string())
}

#[async_trait]
impl MailTransport for Smtp {
    async fn send(&self, m: &Outgoing) -> std::result::Result<(), SendError> {
        let message = build(m).map_err(SendError::Refused)?;
        match self.transport.send(message).await {
            Ok(r) if r.is_positive() => Ok(()),
            Ok(r) => Err(SendError::Later(format!("answer {}", r.code()))),
            // The server's sentence may repeat the address; its code says enough.
            Err(e) if e.is_permanent() => Err(SendError::Refused(
                e.status().map_or_else(|| "refused".into(), |c| format!("refused with {c}")),
            )),
            Err(e) => Err(SendError::Later(
                e.status().map_or_else(|| e.to_string(), |c| format!("answer {c}")),
            )),
        }
    }
}

/// The job `notify.mail`.
pub struct MailHandler {
    core: Core,
    catalogue: Arc<Catalogue>,
    transport: Arc<dyn MailTransport>,
}

impl MailHandler {
    pub fn new(core: Core, catalogue: Arc<Catalogue>, transport: Arc<dyn MailTransport>) -> MailHandler {
        MailHandler {
            core,
            catalogue,
            transport,
        }
    }

    /// Writes the mail, or takes what an earlier attempt wrote.
    async fn prepare(&self, id: MailId) -> Result<Option<(store::MailRow, Outgoing)>> {
        let (core, catalogue) = (self.core.clone(), self.catalogue.clone());
        self.core
            .db
            .write(async move |tx| {
                let Some(row) = store::mail_row(tx, id).await? else {
                    return Err(Problem::missing("mail"));
                };
                if row.state != MailState::Queued {
                    return Ok(None);
                }
                let brand = tenancy::brand(tx, &row.brand).await?;
                let written = match (&row.subject, &row.text, &row.html, &row.message_id) {
                    (Some(s), Some(t), Some(h), Some(m)) => (s.clone(), t.clone(), h.clone(), m.clone()),
                    _ => {
                        let entity = tenancy::get(tx, &brand.entity).await?;
                        let params = serde_json::from_value(row.params.clone())?;
                        let r = render::render(&catalogue, row.template, &row.language, &brand, &entity, &params)?;
                        let message_id = format!("{id}@{}", brand.host);
                        store::keep_written(tx, id, &r, &message_id).await?;
                        (r.subject, r.text, r.html, message_id)
                    }
                };
                store::count_attempt(tx, id).await?;
                let out = Outgoing {
                    message_id: written.3,
                    from: brand.mail_from,
                    to_name: row.to_name.clone(),
                    to_address: row.to_address.clone(),
                    subject: written.0,
                    text: written.1,
                    html: written.2,
                    date: core.now(),
                };
                Ok(Some((row, out)))
            })
            .await
    }
}

#[async_trait]
impl Handler for MailHandler {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let id = MailId::parse(lease.text("mail_id")?)?;
        let Some((row, out)) = self.prepare(id).await? else { return Ok(()) };
        let (state, error) = match self.transport.send(&out).await {
            Ok(()) => (MailState::Sent, None),
            Err(SendError::Refused(why)) => (MailState::Refused, Some(why)),
            Err(SendError::Later(why)) => {
                return Err(JobError::retry(
                    Problem::unavailable("mail_not_sent", "the mail server did not take the mail").with_source(why),
                ));
            }
        };
        let (core, lease) = (self.core.clone(), lease.clone());
        let subject = out.subject;
        self.core
            .db
            .write(async move |tx| {
                lease.complete(tx).await?;
                store::finish_mail(tx, id, state, error.clone(), row.template.is_a_key(), core.now()).await?;
                let kind = if state == MailState::Sent { "mail.sent" } else { "mail.refused" };
                let payload = json!({"mail_id": id, "client_id": row.client_id, "template": row.template, "subject": subject});
                events::publish(
                    tx,
                    &core,
                    NewEvent {
                        kind,
                        aggregate: format!("mail:{id}"),
                        entity: row.entity.clone(),
                        payload,
                    },
                )
                .await?;
                Ok(())
            })
            .await?;
        Ok(())
    }
}
