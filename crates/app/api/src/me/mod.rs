//! What a client does and sees of their own.

pub(crate) mod accounts;
mod deposits;
mod exports;
pub(crate) mod kyc;
pub(crate) mod live;
mod notifications;
mod partner;
mod partner_tools;
mod profile;
mod tickets;
mod transfers;
pub(crate) mod wallet;
mod withdrawals;

use qd_app::App;
use qd_runtime::access::Right;
use qd_web::Api;
use utoipa_axum::routes;

// In several pieces: a chain of all of them would need more stack than a test's thread has.
pub fn routes(api: Api<App>) -> Api<App> {
    api.with(own_record)
        .with(own_money)
        .with(own_papers)
        .with(own_partnership)
        .with(own_partner_tools)
}

fn own_record(api: Api<App>) -> Api<App> {
    api.route(Right::MeView, routes!(profile::get))
        .route(Right::MeEdit, routes!(profile::put_step))
        .route(Right::MeView, routes!(profile::timeline))
        .route(Right::MeView, routes!(profile::consents))
        .route(Right::MeKyc, routes!(kyc::questionnaire, kyc::answer))
        .route(Right::MeKyc, routes!(kyc::acknowledge))
        .route(Right::MeKyc, routes!(kyc::get))
        .route(Right::MeKyc, routes!(kyc::upload))
        .route(Right::MeKyc, routes!(kyc::document))
        .route(Right::MeKyc, routes!(kyc::submit))
        .route(Right::MeAccounts, routes!(accounts::types))
        .route(Right::MeAccounts, routes!(accounts::list, accounts::open))
        .route(Right::MeAccounts, routes!(accounts::get))
        .route(Right::MeAccounts, routes!(accounts::refresh))
        .route(Right::MeAccounts, routes!(accounts::reveal))
        .route(Right::MeAccounts, routes!(accounts::deals))
        .route(Right::MeAccounts, routes!(accounts::positions))
}

fn own_money(api: Api<App>) -> Api<App> {
    api.route(Right::MeDeposit, routes!(deposits::methods))
        .route(Right::MeDeposit, routes!(deposits::list, deposits::create))
        .route(Right::MeDeposit, routes!(deposits::get))
        .route(Right::MeDeposit, routes!(deposits::cancel))
        .route(Right::MeDeposit, routes!(deposits::again))
        .route(Right::MeWithdraw, routes!(withdrawals::list, withdrawals::create))
        .route(Right::MeWithdraw, routes!(withdrawals::preview))
        .route(Right::MeWithdraw, routes!(withdrawals::get))
        .route(Right::MeWithdraw, routes!(withdrawals::cancel))
        .route(Right::MeWithdraw, routes!(withdrawals::targets_list, withdrawals::targets_add))
        .route(Right::MeWithdraw, routes!(withdrawals::targets_remove))
        .route(Right::MeDeposit, routes!(deposits::transfer_details))
        .route(Right::MeTransfer, routes!(transfers::list, transfers::create))
        .route(Right::MeTransfer, routes!(transfers::quote))
        .route(Right::MeTransfer, routes!(transfers::get))
        .route(Right::MeStatements, routes!(wallet::balances))
        .route(Right::MeStatements, routes!(wallet::statement))
}

fn own_papers(api: Api<App>) -> Api<App> {
    api.route(Right::MeStatements, routes!(exports::wallet_csv))
        .route(Right::MeStatements, routes!(exports::wallet_pdf))
        .route(Right::MeAccounts, routes!(exports::deals_csv))
        .route(Right::MeAccounts, routes!(exports::account_pdf))
        .route(Right::MePartner, routes!(exports::partner_pdf))
        .route(Right::MeTickets, routes!(tickets::list, tickets::open))
        .route(Right::MeTickets, routes!(tickets::get))
        .route(Right::MeTickets, routes!(tickets::message))
        .route(Right::MeTickets, routes!(tickets::solved))
}

fn own_partnership(api: Api<App>) -> Api<App> {
    api.route(Right::MePartner, routes!(partner::get, partner::apply))
        .route(Right::MePartner, routes!(partner::links, partner::add_link))
        .route(Right::MePartner, routes!(partner::tree))
        .route(Right::MePartner, routes!(partner::clients))
        .route(Right::MePartner, routes!(partner::lines))
        .route(Right::MePartner, routes!(partner::tiers))
        .route(Right::MePartner, routes!(partner::terms))
        .route(Right::MePartner, routes!(partner::statements))
        .route(Right::MePartner, routes!(partner::statement))
        .route(Right::MePartner, routes!(partner::statement_csv))
        .route(Right::MePartner, routes!(partner::payouts))
}

fn own_partner_tools(api: Api<App>) -> Api<App> {
    api.route(Right::MePartner, routes!(partner_tools::postbacks, partner_tools::add_postback))
        .route(
            Right::MePartner,
            routes!(partner_tools::edit_postback, partner_tools::remove_postback),
        )
        .route(Right::MePartner, routes!(partner_tools::test_postback))
        .route(Right::MePartner, routes!(partner_tools::postback_log))
        .route(Right::MePartner, routes!(partner_tools::postback_report))
        .route(Right::MePartner, routes!(partner_tools::replay_postback))
        .route(
            Right::MePartner,
            routes!(partner_tools::postback_secret, partner_tools::new_postback_secret),
        )
        .route(Right::MePartner, routes!(partner_tools::door, partner_tools::set_door))
        .route(Right::MePartner, routes!(partner_tools::claims, partner_tools::file_claim))
        .route(Right::MePartner, routes!(partner_tools::withdraw_claim))
        .route(Right::MePartner, routes!(partner_tools::funnel))
        .route(Right::MePartner, routes!(partner_tools::material))
        .route(Right::MePartner, routes!(partner_tools::material_pack))
        .route(Right::MePartner, routes!(partner_tools::material_picture))
        .route(Right::MePartner, routes!(partner::payable))
        .route(Right::MePartner, routes!(partner::programmes))
        .route(Right::MeView, routes!(notifications::list))
        .route(Right::MeView, routes!(notifications::read_all))
        .route(Right::MeView, routes!(notifications::read_one))
        .route(Right::MeView, routes!(live::events))
}
