use crate::inapp::{NewNotification, Notification, NotificationId};
use crate::mail::render::Rendered;
use crate::mail::{Mail, MailId, MailRequest, MailState, Recipient, Template};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

pub async fn insert_mail(tx: &mut Tx, id: MailId, m: &MailRequest, entity: &str, now: Ts) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO mails (id, key, template, brand, language, to_name, to_address, client_id, entity, params, state, attempts, created_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'queued', 0, $11, 1) ON CONFLICT DO NOTHING"
            ),
            &vals![
                id,
                &m.key,
                m.template,
                &m.brand,
                &m.language,
                &m.to.name,
                &m.to.address,
                m.client_id.clone(),
                entity,
                serde_json::to_value(&m.params)?,
                now
            ],
        )
        .await?;
    Ok(n == 1)
}

row! {
    pub struct MailRow {
        pub id: MailId, pub template: Template, pub brand: String, pub language: String, pub to_name: String, pub to_address: String,
        pub client_id: Option<String>, pub entity: Option<String>, pub params: Value, pub state: MailState, pub message_id: Option<String>,
        pub subject: Option<String>, pub text: Option<String>, pub html: Option<String>, pub attempts: i64, pub error: Option<String>,
        pub created_at: Ts, pub sent_at: Option<Ts>,
    }
}

impl MailRow {
    fn into_mail(self) -> Mail {
        Mail {
            id: self.id,
            template: self.template,
            brand: self.brand,
            language: self.language,
            to: Recipient {
                name: self.to_name,
                address: self.to_address,
            },
            client_id: self.client_id,
            entity: self.entity,
            state: self.state,
            message_id: self.message_id,
            subject: self.subject,
            text: self.text,
            html: self.html,
            attempts: self.attempts,
            error: self.error,
            created_at: self.created_at,
            sent_at: self.sent_at,
        }
    }
}

pub async fn mail_row(tx: &mut Tx, id: MailId) -> Result<Option<MailRow>> {
    tx.one(
        sql!(
            "SELECT id, template, brand, language, to_name, to_address, client_id, entity, params, state, message_id, subject, body_text, body_html,
                 attempts, error, created_at, sent_at
             FROM mails WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn mail(tx: &mut Tx, id: MailId) -> Result<Option<Mail>> {
    Ok(mail_row(tx, id).await?.map(MailRow::into_mail))
}

pub async fn mails_of(tx: &mut Tx, client_id: &str, page: &PageRequest) -> Result<Vec<Mail>> {
    let mut q = Query::new(sql!(
        "SELECT id, template, brand, language, to_name, to_address, client_id, entity, params, state, message_id, subject, body_text, body_html,
             attempts, error, created_at, sent_at
         FROM mails WHERE TRUE"
    ));
    q.push(sql!(" AND client_id = $?"), vals![client_id]);
    if let Some(after) = &page.after {
        q.push(sql!(" AND id < $?"), vals![after]);
    }
    q.push(sql!(" ORDER BY id DESC LIMIT $?"), vals![page.fetch()]);
    Ok(tx.query::<MailRow>(&q).await?.into_iter().map(MailRow::into_mail).collect())
}

pub async fn keep_written(tx: &mut Tx, id: MailId, r: &Rendered, message_id: &str) -> Result<()> {
    tx.exec_one(
        sql!("UPDATE mails SET subject = $2, body_text = $3, body_html = $4, language = $5, message_id = $6, version = version + 1 WHERE id = $1 AND state = 'queued'"),
        &vals![id, &r.subject, &r.text, &r.html, &r.language, message_id],
        || Problem::conflict("mail_not_queued", "the mail is not waiting any more"),
    )
    .await
}

pub async fn count_attempt(tx: &mut Tx, id: MailId) -> Result<()> {
    tx.exec(sql!("UPDATE mails SET attempts = attempts + 1 WHERE id = $1"), &vals![id])
        .await?;
    Ok(())
}

/// Ends a mail. Its values are forgotten, and with `forget` what was written too.
pub async fn finish_mail(tx: &mut Tx, id: MailId, state: MailState, error: Option<String>, forget: bool, now: Ts) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE mails SET state = $2, error = $3, sent_at = $4, params = '{}',
                 body_text = CASE WHEN $5 THEN NULL ELSE body_text END, body_html = CASE WHEN $5 THEN NULL ELSE body_html END, version = version + 1
             WHERE id = $1 AND state = 'queued'"
        ),
        &vals![id, state, error, now, forget],
        || Problem::conflict("mail_not_queued", "the mail is not waiting any more"),
    )
    .await
}

pub async fn insert_notification(tx: &mut Tx, id: NotificationId, n: &NewNotification, now: Ts) -> Result<bool> {
    let rows = tx
        .exec(
            sql!(
                "INSERT INTO notifications (id, key, recipient, kind, title_key, data, object, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"
            ),
            &vals![
                id,
                n.key.clone(),
                &n.recipient,
                &n.kind,
                &n.title_key,
                &n.data,
                n.object.clone(),
                now
            ],
        )
        .await?;
    Ok(rows == 1)
}

row! {
    struct NotificationRow {
        id: NotificationId, kind: String, title_key: String, data: Value, object: Option<String>, created_at: Ts, read_at: Option<Ts>,
    }
}

pub async fn notifications(tx: &mut Tx, recipient: &str, unread_only: bool, page: &PageRequest) -> Result<Vec<Notification>> {
    let mut q = Query::new(sql!(
        "SELECT id, kind, title_key, data, object, created_at, read_at FROM notifications WHERE TRUE"
    ));
    q.push(sql!(" AND recipient = $?"), vals![recipient]);
    if unread_only {
        q.push(sql!(" AND read_at IS NULL"), []);
    }
    if let Some(after) = &page.after {
        q.push(sql!(" AND id < $?"), vals![after]);
    }
    q.push(sql!(" ORDER BY id DESC LIMIT $?"), vals![page.fetch()]);
    let rows: Vec<NotificationRow> = tx.query(&q).await?;
    Ok(rows
        .into_iter()
        .map(|r| Notification {
            id: r.id,
            kind: r.kind,
            title_key: r.title_key,
            data: r.data,
            object: r.object,
            created_at: r.created_at,
            read_at: r.read_at,
        })
        .collect())
}

pub async fn unread(tx: &mut Tx, recipient: &str) -> Result<i64> {
    let (n,): (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM notifications WHERE recipient = $1 AND read_at IS NULL"),
            &vals![recipient],
        )
        .await?;
    Ok(n)
}

pub async fn waits(tx: &mut Tx, id: NotificationId) -> Result<bool> {
    let (n,): (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM notifications WHERE id = $1 AND read_at IS NULL"),
            &vals![id],
        )
        .await?;
    Ok(n == 1)
}

pub async fn mark_read(tx: &mut Tx, recipient: &str, id: NotificationId, now: Ts) -> Result<()> {
    tx.exec_one(
        sql!("UPDATE notifications SET read_at = COALESCE(read_at, $3) WHERE id = $1 AND recipient = $2"),
        &vals![id, recipient, now],
        || Problem::missing("notification"),
    )
    .await
}

pub async fn mark_all_read(tx: &mut Tx, recipient: &str, now: Ts) -> Result<u64> {
    tx.exec(
        sql!("UPDATE notifications SET read_at = $2 WHERE recipient = $1 AND read_at IS NULL"),
        &vals![recipient, now],
    )
    .await
}
