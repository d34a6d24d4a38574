//! Signing in and everything about one's own ways in.

mod notice;
mod passkeys;
mod password;
mod second;
mod session;
mod sign_in;

use qd_app::App;
use qd_runtime::access::Right;
use qd_web::Api;
use utoipa_axum::routes;

pub(crate) use password::mail_link;
pub(crate) use qd_app::brands::{brand_of, host_of};
pub(crate) use sign_in::cookie;

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(Right::Public, routes!(sign_in::staff))
        .route(Right::Public, routes!(sign_in::client))
        .route(Right::MeSecurity, routes!(sign_in::step_up))
        .route(Right::MeSecurity, routes!(sign_in::sign_out))
        .route(Right::MeSecurity, routes!(session::whoami))
        .route(Right::MeSecurity, routes!(session::list, session::end_others))
        .route(Right::MeSecurity, routes!(session::end))
        .route(Right::MeSecurity, routes!(session::devices))
        .route(Right::MeSecurity, routes!(session::sign_ins))
        .route(Right::MeSecurity, routes!(second::enrol))
        .route(Right::MeSecurity, routes!(second::confirm))
        .route(Right::MeSecurity, routes!(second::remove))
        .route(Right::MeSecurity, routes!(second::recovery_codes))
        .route(Right::MeSecurity, routes!(passkeys::begin))
        .route(Right::MeSecurity, routes!(passkeys::list, passkeys::keep))
        .route(Right::MeSecurity, routes!(passkeys::remove))
        .route(Right::MeSecurity, routes!(passkeys::step_up_begin))
        .route(Right::MeSecurity, routes!(passkeys::step_up))
        .route(Right::Public, routes!(passkeys::sign_in_begin))
        .route(Right::Public, routes!(passkeys::sign_in))
        .route(Right::MeSecurity, routes!(password::change))
        .route(Right::Public, routes!(password::forgot))
        .route(Right::Public, routes!(password::reset))
        .route(Right::MeSecurity, routes!(password::verify_email))
        .route(Right::MeSecurity, routes!(password::send_verification))
        .route(Right::MeSecurity, routes!(password::change_email))
}
