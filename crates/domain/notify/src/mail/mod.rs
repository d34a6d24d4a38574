//! The mail queue. A mail is asked for with a key, in the transaction that makes it due; a job
//! writes it in the recipient's language, keeps what it wrote, and sends it.

pub mod render;
pub mod send;

use crate::store;
use qd_db::Tx;
use qd_kernel::{Amount, Page, PageRequest, Problem, Result, Ts, id, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Mask, Right, mask};
use qd_runtime::jobs::{self, NewJob};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

id!(MailId, "mai", "A mail, queued or sent.");

text_enum!(MailState { Queued = "queued", Sent = "sent", Refused = "refused" });

text_enum!(
    /// The mails there are. Each has `mail.<name>.subject` and `mail.<name>.body` in the catalogue.
    Template {
        VerifyEmail = "verify_email",
        ResetPassword = "reset_password",
        PasswordChanged = "password_changed",
        NewDevice = "new_device",
        /// Goes to the address as it was.
        EmailChanged = "email_changed",
        /// Two records were joined: a sign-in rests, works again, or opens the other record too.
        LoginHeld = "login_held",
        LoginOpened = "login_opened",
        LoginAdded = "login_added",
        Welcome = "welcome",
        KycReceived = "kyc_received",
        KycRejected = "kyc_rejected",
        KycRejectedFinal = "kyc_rejected_final",
        /// Approved, with the steps to fund the account.
        KycApproved = "kyc_approved",
        DocumentExpiring = "document_expiring",
        AccountReady = "account_ready",
        DepositReceived = "deposit_received",
        DepositFailed = "deposit_failed",
        DepositCredited = "deposit_credited",
        WithdrawalRequested = "withdrawal_requested",
        WithdrawalApproved = "withdrawal_approved",
        WithdrawalRejected = "withdrawal_rejected",
        WithdrawalPaid = "withdrawal_paid",
        WithdrawalReturned = "withdrawal_returned",
        StatementClosed = "statement_closed",
        PartnerPaid = "partner_paid",
        LeadAssigned = "lead_assigned",
        TaskDue = "task_due",
        StaffInvited = "staff_invited",
        TicketReceived = "ticket_received",
        TicketReply = "ticket_reply",
        /// What somebody of the house writes to a client.
        Personal = "personal",
    }
);

impl Template {
    /// Whether an amount stands in its subject.
    fn names_money(self) -> bool {
        matches!(
            self,
            Template::DepositReceived
                | Template::DepositFailed
                | Template::DepositCredited
                | Template::WithdrawalRequested
                | Template::WithdrawalApproved
                | Template::WithdrawalRejected
                | Template::WithdrawalPaid
                | Template::WithdrawalReturned
                | Template::StatementClosed
                | Template::PartnerPaid
        )
    }
    /// Whether its link opens an account: such a mail's content is forgotten once it is out.
    pub fn is_a_key(self) -> bool {
        matches!(self, Template::VerifyEmail | Template::ResetPassword | Template::StaffInvited)
    }
}

/// A value for a place in a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Param {
    Text(String),
    /// Text with line breaks, as somebody wrote it.
    Lines(String),
    /// A text of the catalogue.
    Key(String),
    /// Several, one line each.
    Keys(Vec<String>),
    Amount(Amount),
    /// A date in UTC.
    Date(Ts),
    /// An address starting with http:// or https://.
    Link(String),
}

pub type Params = BTreeMap<String, Param>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Recipient {
    pub name: String,
    pub address: String,
}

#[derive(Clone, Debug)]
pub struct MailRequest {
    /// At most one mail ever per key: "welcome:cli_…", "deposit_received:dep_…".
    pub key: String,
    pub template: Template,
    /// Whose name, sender and colour it bears.
    pub brand: String,
    pub language: String,
    pub to: Recipient,
    pub client_id: Option<String>,
    pub params: Params,
}

/// A mail as kept.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Mail {
    pub id: MailId,
    pub template: Template,
    pub brand: String,
    pub language: String,
    pub to: Recipient,
    pub client_id: Option<String>,
    pub entity: Option<String>,
    pub state: MailState,
    pub message_id: Option<String>,
    pub subject: Option<String>,
    pub text: Option<String>,
    pub html: Option<String>,
    pub attempts: i64,
    pub error: Option<String>,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "sent_at_us")]
    pub sent_at: Option<Ts>,
}

/// Asks for a mail. None when one with this key was asked for before.
pub async fn mail(tx: &mut Tx, core: &Core, mut m: MailRequest) -> Result<Option<MailId>> {
    // Every mail greets its reader.
    m.params.entry("name".to_string()).or_insert_with(|| Param::Text(m.to.name.clone()));
    if m.to.address.contains(['\r', '\n', ' ', ',', '<', '>']) || !m.to.address.contains('@') {
        return Err(Problem::invalid("/to", "mail_address_malformed", "expected one e-mail address"));
    }
    let entity = qd_runtime::tenancy::brand(tx, &m.brand).await?.entity;
    let id = MailId::new(&core.env);
    let now = core.now();
    if !store::insert_mail(tx, id, &m, &entity, now).await? {
        return Ok(None);
    }
    jobs::enqueue(tx, core, NewJob::new(send::KIND, json!({"mail_id": id}), now).key(id.to_string())).await?;
    Ok(Some(id))
}

/// A client's mails, newest first. Contents are for those who see contact data.
pub async fn mails_of(tx: &mut Tx, caller: &Caller, client_id: &str, page: &PageRequest) -> Result<Page<Mail>> {
    caller.require(Right::MailView)?;
    let mut rows = store::mails_of(tx, client_id, page).await?;
    rows.retain(|m| caller.enters(m.entity.as_deref()));
    let rows = rows.into_iter().map(|m| masked(m, caller)).collect();
    Ok(page.finish(rows, |m: &Mail| m.id.to_string()))
}

/// One mail with its content.
pub async fn mail_view(tx: &mut Tx, caller: &Caller, id: MailId) -> Result<Mail> {
    caller.require(Right::MailView)?;
    let m = store::mail(tx, id)
        .await?
        .filter(|m| caller.enters(m.entity.as_deref()))
        .ok_or_else(|| Problem::missing("mail"))?;
    Ok(masked(m, caller))
}

/// Links in a mail may be one-time keys to an account: never shown to anybody but the recipient.
fn masked(mut m: Mail, caller: &Caller) -> Mail {
    if m.template.is_a_key() {
        m.text = None;
        m.html = None;
    }
    if !caller.sees(Mask::Contact) {
        m.to.address = "***".into();
    }
    if !caller.sees(Mask::Money) || !caller.sees(Mask::Contact) {
        m.text = None;
        m.html = None;
    }
    if m.template.names_money() && !caller.sees(Mask::Money) {
        m.subject = m.subject.map(|_| mask::COVERED.into());
    }
    m
}
