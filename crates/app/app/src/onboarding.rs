//! From a stranger to a client with a login: lead form, registration, the proof of the address.
//! Each joins several domains in one transaction.

use crate::App;
use crate::compose;
use qd_clients::{NewLead, Registered, Registration, Taken, Touch};
use qd_db::Tx;
use qd_kernel::{Result, Secret};
use qd_notify::{MailRequest, Param, Params, Recipient, Template, mail};
use qd_partners::attribution;
use qd_runtime::access::logins::{self, NewLogin};
use qd_runtime::access::{Caller, LoginId};

/// What a browser says about where its visitor came from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// A partner's code, typed or carried by the landing page (`pc`).
    pub code: Option<String>,
    /// The value of the partner cookie.
    pub cookie: Option<String>,
}

async fn brought(app: &App, tx: &mut Tx, origin: &Origin, touch: &mut Touch) -> Result<()> {
    if let Some((partner, click)) =
        attribution::who_brought(tx, &app.core, &app.links, origin.code.as_deref(), origin.cookie.as_deref()).await?
    {
        touch.partner_id = Some(partner.to_string());
        touch.click_id = click.map(|c| c.to_string());
    }
    Ok(())
}

/// The public form.
pub async fn take_lead(app: &App, tx: &mut Tx, caller: &Caller, mut lead: NewLead, origin: Origin) -> Result<Taken> {
    brought(app, tx, &origin, &mut lead.touch).await?;
    qd_clients::take_lead(tx, &app.core, caller, lead).await
}

/// Client record, login, partner, and the mail with the link that proves the address.
pub async fn register(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    mut r: Registration,
    origin: Origin,
    password_hash: String,
) -> Result<(Registered, LoginId)> {
    brought(app, tx, &origin, &mut r.touch).await?;
    let (brand, email, phone) = (r.brand.clone(), r.email.clone(), r.phone.clone());
    let done = qd_clients::register(tx, &app.core, caller, r).await?;
    let id = done.client_id.to_string();
    let c = compose::client_by_id(tx, &id).await?;
    let login = logins::create(
        tx,
        &app.access,
        caller,
        NewLogin {
            brand: brand.clone(),
            entity: done.entity.clone(),
            client_id: id.clone(),
            email: email.clone(),
            name: c.name(),
            language: c.language.clone(),
            password_hash: Some(password_hash),
        },
    )
    .await?;
    attribution::register(
        tx,
        &app.core,
        &app.links,
        &attribution::Registration {
            client_id: id,
            entity: done.entity.clone(),
            email: Some(email),
            phone,
            code: origin.code,
            cookie: origin.cookie,
            ip: caller.ip.clone(),
        },
    )
    .await?;
    send_verification(app, tx, login, &c).await?;
    Ok((done, login))
}

/// A new link; older ones lose their power.
pub async fn send_verification(app: &App, tx: &mut Tx, login: LoginId, c: &qd_clients::Client) -> Result<()> {
    let token = logins::issue_verification(tx, &app.access, login).await?;
    let Some(address) = c.email.clone() else { return Ok(()) };
    let link = format!("{}/verify-email?token={}", app.config.server.public_url, token.expose());
    let key = format!("verify_email:{login}:{}", app.core.now().0);
    mail(
        tx,
        &app.core,
        MailRequest {
            key,
            template: Template::VerifyEmail,
            brand: c.brand.clone(),
            language: c.language.clone(),
            to: Recipient { name: c.name(), address },
            client_id: Some(c.id.to_string()),
            params: Params::from([("link".to_string(), Param::Link(link))]),
        },
    )
    .await?;
    Ok(())
}

/// The link of the mail: the address is proven, the welcome goes out, and verification begins with
/// the documents of the client's entity and country (KY-02).
pub async fn verify_email(app: &App, tx: &mut Tx, caller: &Caller, token: &Secret) -> Result<String> {
    let v = logins::verify_email(tx, &app.access, token).await?;
    let c = compose::client_by_id(tx, &v.client_id).await?;
    qd_clients::email_verified(tx, &app.core, caller, c.id).await?;
    let applicant = crate::compose_kyc::applicant(tx, &c).await?;
    qd_kyc::open_case(tx, &app.core, &Caller::system("registration"), applicant, qd_kyc::Level::Standard).await?;
    if let Some(address) = c.email.clone() {
        let link = format!("{}/profile", app.config.server.public_url);
        mail(
            tx,
            &app.core,
            MailRequest {
                key: format!("welcome:{}", c.id),
                template: Template::Welcome,
                brand: c.brand.clone(),
                language: c.language.clone(),
                to: Recipient { name: c.name(), address },
                client_id: Some(v.client_id.clone()),
                params: Params::from([("link".to_string(), Param::Link(link))]),
            },
        )
        .await?;
    }
    Ok(v.client_id)
}
