//! What people are told about their own login when it changes: the mail goes to the address as it
//! was, because whoever took the login over has the new one.

use super::house_brand;
use qd_app::App;
use qd_db::Tx;
use qd_kernel::Result;
use qd_notify::{MailRequest, Param, Params, Recipient, Template};
use qd_runtime::access::logins::{self, Whom};

/// The person as they can be reached now.
pub(super) async fn whom(app: &App, identity: &str) -> Result<Option<Whom>> {
    let id = identity.to_string();
    app.core.db.read(async move |tx| logins::whom(tx, &id).await).await
}

/// Queues the mail. The change itself is done already: a mail that cannot be written is a line in
/// the log and no error for the person.
pub(super) async fn tell(app: &App, to: Option<Whom>, template: Template, device: Option<&str>) {
    let Some(to) = to else { return };
    let (a, device) = (app.clone(), device.map(str::to_string));
    if let Err(p) = app
        .core
        .db
        .write(async move |tx| write(tx, &a, &to, template, device.as_deref()).await)
        .await
    {
        tracing::warn!(
            code = p.code,
            template = template.as_str(),
            "a notice about a login could not be queued"
        );
    }
}

async fn write(tx: &mut Tx, app: &App, to: &Whom, template: Template, device: Option<&str>) -> Result<()> {
    let brand = match to.realm.strip_prefix("brand:") {
        Some(code) => code.to_string(),
        None => house_brand(tx).await?,
    };
    let mut params: Params = [
        ("name".to_string(), Param::Text(to.name.clone())),
        ("date".to_string(), Param::Date(app.core.now())),
    ]
    .into();
    if let Some(d) = device {
        params.insert(
            "device".to_string(),
            Param::Text(d.chars().filter(|c| !c.is_control()).take(120).collect()),
        );
    }
    let key = format!("{template}:{}", app.core.env.entropy.code(20));
    let recipient = Recipient {
        name: to.name.clone(),
        address: to.email.clone(),
    };
    let m = MailRequest {
        key,
        template,
        brand,
        language: to.language.clone(),
        to: recipient,
        client_id: to.client_id.clone(),
        params,
    };
    qd_notify::mail(tx, &app.core, m).await.map(|_| ())
}
