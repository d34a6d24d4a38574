//! What the house says: mails in the client's language under the brand's name, and notifications
//! inside the portals. Nothing here decides when; the app's reactions call [`mail`] and
//! [`notify`], in the transaction of the job that reacts, with a key that makes it happen once.

pub mod colour;
mod inapp;
mod mail;
mod store;
mod texts;

pub use inapp::{NewNotification, Notification, NotificationId, list_mine, mark_all_read, mark_read, notify, unread, waits};
pub use mail::render::{Rendered, format_amount, render};
pub use mail::send::{MailHandler, MailTransport, Outgoing, SendError, Smtp, SmtpConfig, SmtpTls};
pub use mail::{Mail, MailId, MailRequest, MailState, Param, Params, Recipient, Template, mail, mail_view, mails_of};
pub use texts::{Catalogue, Gaps, is_rtl};
