//! From a stranger to a client with a login: lead form, registration, the proof of the address.
//! Each joins several domains in one transaction.

use crate::App;
use crate::{brands, compose};
use qd_clients::{NewLead, Registered, Registration, Taken, Touch};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Secret};
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
    /// The click in the address of the page (`click`).
    pub click: Option<String>,
    /// What the browser says of itself.
    pub user_agent: Option<String>,
}

async fn brought(app: &App, tx: &mut Tx, brand: &str, origin: &Origin, touch: &mut Touch) -> Result<()> {
    let entity = qd_runtime::tenancy::brand(tx, brand).await.ok().map(|b| b.entity);
    let (code, cookie, click) = (origin.code.as_deref(), origin.cookie.as_deref(), origin.click.as_deref());
    let found = attribution::who_brought(tx, &app.core, &app.links, entity.as_deref(), code, cookie, click).await?;
    if let Some((partner, click)) = found {
        touch.partner_id = Some(partner.to_string());
        touch.click_id = click.map(|c| c.to_string());
    }
    Ok(())
}

/// The public form.
pub async fn take_lead(app: &App, tx: &mut Tx, caller: &Caller, mut lead: NewLead, origin: Origin) -> Result<Taken> {
    brought(app, tx, &lead.brand.clone(), &origin, &mut lead.touch).await?;
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
    brought(app, tx, &r.brand.clone(), &origin, &mut r.touch).await?;
    let (brand, email, phone) = (r.brand.clone(), r.email.clone(), r.phone.clone());
    // A registration that nobody proved and that had its time is in nobody's way.
    let abandoned = logins::abandoned(tx, &app.access, &brand, &email).await?;
    r.over = abandoned.is_some();
    let done = qd_clients::register(tx, &app.core, caller, r).await?;
    let id = done.client_id.to_string();
    let c = compose::client_by_id(tx, &id).await?;
    let login = match abandoned {
        Some((_, whose)) if whose != id => {
            // Staff gave the address to another record meanwhile.
            return Err(Problem::conflict("client_exists", "this address is registered already").and_field(
                "/email",
                "client_exists",
                "expected another address",
            ));
        }
        Some((login, _)) => {
            logins::take_over(tx, &app.access, caller, login, &c.name(), &c.language, &password_hash).await?;
            login
        }
        None => {
            let new = NewLogin {
                brand: brand.clone(),
                entity: done.entity.clone(),
                client_id: id.clone(),
                email: email.clone(),
                name: c.name(),
                language: c.language.clone(),
                password_hash: Some(password_hash),
            };
            logins::create(tx, &app.access, caller, new).await?
        }
    };
    attribution::register(
        tx,
        &app.core,
        &app.links,
        &attribution::Registration {
            client_id: id,
            entity: done.entity.clone(),
            brand,
            email: Some(email),
            phone,
            code: origin.code,
            cookie: origin.cookie,
            click: origin.click,
            ip: caller.ip.clone(),
            user_agent: origin.user_agent,
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
    let portal = brands::portal_of(tx, &app.config, &c.brand).await?;
    let link = format!("{portal}/verify?token={}", token.expose());
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

/// The link of the mail, used by whoever is signed in with the login it was mailed for (or by the
/// house): the address is proven.
pub async fn verify_email(app: &App, tx: &mut Tx, caller: &Caller, token: &Secret) -> Result<String> {
    let v = logins::verify_email(tx, &app.access, caller, token).await?;
    proven(app, tx, &v.client_id).await?;
    Ok(v.client_id)
}

/// Sets a password with the link of a reset or an invitation. A reset proves the address as well as
/// the other mail does. Where nobody ever had, whoever registered may have been a stranger: what they
/// said about the person goes with their password, their second factor and their sessions.
pub async fn reset(app: &App, tx: &mut Tx, ready: &logins::ReadyReset) -> Result<String> {
    let done = logins::finish_reset_in(tx, &app.access, ready).await?;
    if let Some(client) = done.client_id.filter(|_| done.address_proven) {
        if done.stranger_before {
            let c = compose::client_by_id(tx, &client).await?;
            qd_clients::forget_stranger(tx, &app.core, &Caller::system("registration"), c.id, "reset").await?;
        }
        proven(app, tx, &client).await?;
    }
    Ok(done.identity)
}

/// Refuses a client whose address nobody has proven: the registration may be a stranger's.
pub async fn must_be_proven(tx: &mut Tx, caller: &Caller) -> Result<()> {
    if logins::proven(tx, caller).await? {
        return Ok(());
    }
    Err(Problem::conflict(
        "email_unverified",
        "confirm your e-mail address first: open the link in the mail, or have it sent again",
    ))
}

/// The welcome goes out, and verification begins with the documents of the client's entity and
/// country (KY-02).
async fn proven(app: &App, tx: &mut Tx, client_id: &str) -> Result<()> {
    let c = compose::client_by_id(tx, client_id).await?;
    qd_clients::email_verified(tx, &app.core, &Caller::system("registration"), c.id).await?;
    let applicant = crate::compose_kyc::applicant(tx, &c).await?;
    qd_kyc::open_case(tx, &app.core, &Caller::system("registration"), applicant, qd_kyc::Level::Standard).await?;
    if let Some(address) = c.email.clone() {
        let link = format!("{}/verification", brands::portal_of(tx, &app.config, &c.brand).await?);
        mail(
            tx,
            &app.core,
            MailRequest {
                key: format!("welcome:{}", c.id),
                template: Template::Welcome,
                brand: c.brand.clone(),
                language: c.language.clone(),
                to: Recipient { name: c.name(), address },
                client_id: Some(client_id.to_string()),
                params: Params::from([("link".to_string(), Param::Link(link))]),
            },
        )
        .await?;
    }
    Ok(())
}
