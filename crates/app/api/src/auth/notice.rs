//! What people are told about their own login when it changes: the mail goes to the address as it
//! was, because whoever took the login over has the new one.

use qd_app::App;
use qd_app::notices::about_login;
use qd_kernel::Result;
use qd_notify::Template;
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
        .write(async move |tx| about_login(&a, tx, &to, template, device.as_deref()).await)
        .await
    {
        tracing::warn!(
            code = p.code,
            template = template.as_str(),
            "a notice about a login could not be queued"
        );
    }
}
