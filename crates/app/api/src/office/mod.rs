//! What the house does: one list of routes, each with its right.

mod accounts;
mod approvals;
mod audit;
mod bank;
mod bulk;
mod care;
mod clients;
mod control;
mod deposits;
pub(crate) mod exports;
mod house;
mod kyc;
mod mapping;
mod money;
mod names;
mod notes;
pub(crate) mod partners;
mod people;
pub(crate) mod platform;
mod profile;
mod queues;
mod recon;
mod record;
mod reports;
mod routes;
mod rules;
mod servers;
mod tickets;
mod trail;
mod views;
mod webhooks;
mod withdrawals;

use qd_app::App;
use qd_runtime::access::Right;
use qd_web::Api;
use utoipa_axum::routes;

pub fn routes(api: Api<App>) -> Api<App> {
    api.with(people_and_records)
        .with(verification)
        .with(desk_routes)
        .with(money_routes)
        .with(reconciliation_routes)
        .with(payment_routes)
        .with(bank::routes)
        .with(control_routes)
        .with(server_routes)
        .with(house_routes)
        .with(partners::routes)
        .with(partners::origin_routes)
        .with(webhooks::routes)
}

fn people_and_records(api: Api<App>) -> Api<App> {
    api.route(Right::LeadsView, routes!(clients::leads))
        .route(Right::ClientsView, routes!(clients::list))
        .route(Right::LeadsCreate, routes!(clients::add))
        .route(Right::ClientsSearch, routes!(clients::search))
        .route(Right::ClientsView, routes!(record::get))
        .route(Right::ClientsView, routes!(clients::consents))
        .route(Right::ClientsEdit, routes!(clients::change))
        .route(Right::LeadsAssign, routes!(clients::assign))
        .route(Right::ClientsEdit, routes!(clients::stage))
        .route(Right::ClientsView, routes!(clients::logins_of))
        .route(Right::ClientsView, routes!(profile::get))
        .route(Right::ClientsEdit, routes!(profile::correct))
        .route(Right::KycView, routes!(profile::answers))
        .route(Right::ClientFileExport, routes!(record::file))
        .route(Right::TimelineView, routes!(notes::timeline))
        .route(Right::TimelineView, routes!(notes::notes))
        .route(Right::NotesWrite, routes!(notes::add_note))
        .route(Right::AmlWrite, routes!(notes::add_aml_note))
        .route(Right::TimelineView, routes!(notes::calls))
        .route(Right::CallsLog, routes!(notes::log_call))
        .route(Right::CallsLog, routes!(notes::remove_call))
        .route(Right::CallsLog, routes!(notes::log_message))
        .route(Right::CallsLog, routes!(notes::write_mail))
        .route(Right::TasksManage, routes!(notes::agenda))
        .route(Right::TimelineView, routes!(notes::tasks_of))
        .route(Right::TasksManage, routes!(notes::add_task))
        .route(Right::TasksManage, routes!(notes::change_task))
        .route(Right::ClientsMerge, routes!(care::list))
        .route(Right::ClientsMerge, routes!(care::merge))
        .route(Right::ClientsMerge, routes!(care::dismiss))
        .route(Right::ClientsMerge, routes!(care::undo))
        .route(Right::ClientsMerge, routes!(care::logins_of))
        .route(Right::ClientsMerge, routes!(care::move_logins))
        .route(Right::KycReview, routes!(care::decide_logins))
        .route(Right::AccountsRestrict, routes!(care::restrict))
        .route(Right::AccountsRestrict, routes!(care::lift))
        .route(Right::MailView, routes!(care::mails))
        .route(Right::MailView, routes!(care::mail))
}

fn desk_routes(api: Api<App>) -> Api<App> {
    api.route(Right::TicketsView, routes!(tickets::list))
        .route(Right::TicketsView, routes!(tickets::report))
        .route(Right::TicketsView, routes!(tickets::macro_list))
        .route(Right::TicketsWork, routes!(tickets::macro_add))
        .route(Right::TicketsWork, routes!(tickets::macro_put))
        .route(Right::TicketsView, routes!(tickets::get))
        .route(Right::TicketsWork, routes!(tickets::triage))
        .route(Right::TicketsWork, routes!(tickets::reply))
        .route(Right::TicketsWork, routes!(tickets::note))
        .route(Right::TicketsWork, routes!(tickets::claim))
        .route(Right::TicketsWork, routes!(tickets::release))
        .route(Right::TicketsWork, routes!(tickets::assign))
        .route(Right::TicketsWork, routes!(tickets::solve))
        .route(Right::TicketsWork, routes!(tickets::reopen))
        .route(Right::TicketsWork, routes!(tickets::close))
        .route(Right::TicketsView, routes!(tickets::macro_fill))
        .route(Right::TicketsView, routes!(tickets::of_client))
        .route(Right::TicketsWork, routes!(tickets::open))
        .route(Right::MeView, routes!(views::list))
        .route(Right::MeView, routes!(views::add))
        .route(Right::MeView, routes!(views::counts))
        .route(Right::MeView, routes!(views::get))
        .route(Right::MeView, routes!(views::put))
        .route(Right::MeView, routes!(views::remove))
        .route(Right::ClientsView, routes!(bulk::start))
        .route(Right::ClientsView, routes!(bulk::get))
        .route(Right::ClientsView, routes!(exports::clients_csv))
        .route(Right::DepositsView, routes!(exports::deposits_csv))
        .route(Right::WithdrawalsView, routes!(exports::withdrawals_csv))
        .route(Right::CommissionView, routes!(exports::partner_pdf))
}

fn verification(api: Api<App>) -> Api<App> {
    api.route(Right::KycReview, routes!(kyc::queue))
        .route(Right::KycReview, routes!(kyc::figures))
        .route(Right::KycView, routes!(kyc::get))
        .route(Right::KycView, routes!(kyc::approvals))
        .route(Right::KycReview, routes!(kyc::claim))
        .route(Right::KycReview, routes!(kyc::release))
        .route(Right::KycReview, routes!(kyc::assign))
        .route(Right::KycReview, routes!(kyc::approve))
        .route(Right::KycReview, routes!(kyc::reject))
        .route(Right::KycReview, routes!(kyc::ask_again))
        .route(Right::KycReview, routes!(kyc::reopen))
        .route(Right::KycDocumentsView, routes!(kyc::document))
        .route(Right::KycReview, routes!(kyc::read_fields))
        .route(Right::KycReview, routes!(kyc::accept))
        .route(Right::KycReview, routes!(kyc::reject_document))
}

fn money_routes(api: Api<App>) -> Api<App> {
    api.route(Right::AccountsView, routes!(accounts::list))
        .route(Right::AccountsView, routes!(accounts::get))
        .route(Right::AccountsView, routes!(accounts::deals))
        .route(Right::AccountsView, routes!(platform::positions))
        .route(Right::AccountsCredit, routes!(platform::give_credit))
        .route(Right::AccountsOpen, routes!(accounts::open))
        .route(Right::AccountsRestrict, routes!(accounts::restrict))
        .route(Right::AccountsLeverage, routes!(accounts::leverage))
        .route(Right::AccountsView, routes!(accounts::refresh))
        .route(Right::ExceptionsWork, routes!(accounts::retry_move))
        .route(Right::DepositsManage, routes!(accounts::give_back))
        .route(Right::DepositsView, routes!(deposits::list))
        .route(Right::DepositsView, routes!(deposits::get))
        .route(Right::DepositsManage, routes!(deposits::release))
        .route(Right::DepositsManage, routes!(deposits::refund))
        .route(Right::DepositsView, routes!(trail::of_deposit))
        .route(Right::WithdrawalsView, routes!(trail::of_withdrawal))
        .route(Right::NotesWrite, routes!(trail::note_withdrawal))
        .route(Right::WithdrawalsView, routes!(withdrawals::list))
        .route(Right::WithdrawalsView, routes!(withdrawals::get))
        .route(Right::WithdrawalsView, routes!(withdrawals::plan))
        .route(Right::WithdrawalsPayout, routes!(withdrawals::split))
        .route(Right::WithdrawalsReview, routes!(withdrawals::claim))
        .route(Right::WithdrawalsReview, routes!(withdrawals::release))
        .route(Right::WithdrawalsReview, routes!(withdrawals::hand_over))
        .route(Right::WithdrawalsApprove, routes!(withdrawals::approve))
        .route(Right::WithdrawalsReview, routes!(withdrawals::reject))
        .route(Right::WithdrawalsOverride, routes!(withdrawals::force))
        .route(Right::WithdrawalsPayout, routes!(withdrawals::bank_leg))
        .route(Right::TransfersView, routes!(money::transfers))
        .route(Right::TransfersView, routes!(money::transfer_one))
        .route(Right::DisputesView, routes!(money::disputes))
        .route(Right::LedgerView, routes!(money::totals))
        .route(Right::LedgerView, routes!(money::balances))
        .route(Right::LedgerView, routes!(money::statement))
        .route(Right::LedgerView, routes!(money::entry))
        .route(Right::LedgerExport, routes!(money::journal))
}

fn reconciliation_routes(api: Api<App>) -> Api<App> {
    api.route(Right::LedgerAdjust, routes!(recon::load))
        .route(Right::LedgerView, routes!(recon::file_list))
        .route(Right::LedgerView, routes!(recon::file))
        .route(Right::LedgerView, routes!(recon::lines))
        .route(Right::LedgerView, routes!(recon::break_list))
        .route(Right::LedgerView, routes!(recon::break_one))
        .route(Right::LedgerAdjust, routes!(recon::explain))
        .route(Right::LedgerView, routes!(recon::standings))
        .route(Right::LedgerView, routes!(recon::position))
}

fn payment_routes(api: Api<App>) -> Api<App> {
    api.route(Right::ConnectionsView, routes!(routes::simulate))
        .route(Right::ConnectionsView, routes!(routes::success))
        .route(Right::ConnectionsView, routes!(routes::connections))
        .route(Right::ConnectionsManage, routes!(routes::switch))
        .route(Right::ConnectionsView, routes!(routes::experiments))
        .route(Right::ConnectionsManage, routes!(routes::start_experiment))
        .route(Right::ConnectionsManage, routes!(routes::end_experiment))
        .route(Right::DepositsManage, routes!(routes::listed))
        .route(Right::DepositsManage, routes!(routes::list_instrument))
        .route(Right::DepositsManage, routes!(routes::unlist_instrument))
        .route(Right::DisputesManage, routes!(routes::collect))
        .route(Right::DisputesManage, routes!(routes::write_off))
}

fn control_routes(api: Api<App>) -> Api<App> {
    api.route(Right::ExceptionsView, routes!(control::exceptions_list))
        .route(Right::ExceptionsView, routes!(control::exception))
        .route(Right::ExceptionsWork, routes!(control::assign))
        .route(Right::ExceptionsWork, routes!(control::note))
        .route(Right::ExceptionsWork, routes!(control::resolve))
        .route(Right::ExceptionsWork, routes!(control::dismiss))
        .route(Right::JobsView, routes!(control::dead))
        .route(Right::JobsRetry, routes!(control::retry))
        .route(Right::JobsView, routes!(control::figures))
        .route(Right::ApprovalsView, routes!(control::approvals_list))
        .route(Right::ApprovalsView, routes!(control::approval))
        .route(Right::ApprovalsView, routes!(approvals::decide))
        .route(Right::ExceptionsView, routes!(queues::weekly))
        .route(Right::MeView, routes!(queues::queues))
        .route(Right::ClientsView, routes!(names::names))
        .route(Right::ClientsView, routes!(names::colleagues))
        .route(Right::ConnectionsView, routes!(control::connections_list))
        .route(Right::MeView, routes!(control::home))
        .route(Right::AuditView, routes!(audit::search))
        .route(Right::AuditView, routes!(audit::decisions))
        .route(Right::AuditView, routes!(reports::overrides))
        .route(Right::WithdrawalsView, routes!(reports::withdrawal_queues))
        .route(Right::WithdrawalsReview, routes!(reports::withdrawal_trials))
        .route(Right::AuditVerify, routes!(audit::verify))
}

fn server_routes(api: Api<App>) -> Api<App> {
    api.route(Right::ConnectionsView, routes!(servers::report))
        .route(Right::ConnectionsView, routes!(servers::run))
        .route(Right::ConnectionsManage, routes!(servers::compare))
        .route(Right::ConnectionsView, routes!(servers::logins))
        .route(Right::ConnectionsManage, routes!(servers::pause))
        .route(Right::ConnectionsManage, routes!(servers::resume))
        .route(Right::ConnectionsManage, routes!(mapping::ask))
        .route(Right::ConnectionsView, routes!(mapping::run))
        .route(Right::ConnectionsView, routes!(mapping::list))
        .route(Right::ConnectionsManage, routes!(mapping::decide))
}

fn house_routes(api: Api<App>) -> Api<App> {
    api.route(Right::SettingsView, routes!(house::entities))
        .route(Right::SettingsView, routes!(house::entity))
        .route(Right::EntitiesEdit, routes!(house::put_entity))
        .route(Right::SettingsView, routes!(house::brands))
        .route(Right::EntitiesEdit, routes!(house::put_brand))
        .route(Right::SettingsView, routes!(house::desks))
        .route(Right::EntitiesEdit, routes!(house::put_desk))
        .route(Right::SettingsView, routes!(house::history))
        .route(Right::SettingsView, routes!(house::settings_list))
        .route(Right::SettingsView, routes!(house::settings_known))
        .route(Right::SettingsEdit, routes!(house::put_setting))
        .route(Right::RulesView, routes!(rules::sets))
        .route(Right::RulesView, routes!(rules::list))
        .route(Right::RulesView, routes!(rules::get))
        .route(Right::RulesEdit, routes!(rules::save))
        .route(Right::RulesView, routes!(rules::try_out))
        .route(Right::RulesView, routes!(rules::on_past))
        .route(Right::StaffView, routes!(people::list))
        .route(Right::StaffManage, routes!(people::add))
        .route(Right::StaffView, routes!(people::get))
        .route(Right::StaffManage, routes!(people::change))
        .route(Right::StaffManage, routes!(people::enable))
        .route(Right::StaffManage, routes!(people::reset_second))
        .route(Right::StaffManage, routes!(people::unlock))
        .route(Right::StaffManage, routes!(people::invite))
        .route(Right::StaffView, routes!(people::matrix))
        .route(Right::RolesManage, routes!(people::put_role))
        .route(Right::ApiKeysManage, routes!(people::keys))
        .route(Right::ApiKeysManage, routes!(people::add_key))
        .route(Right::ApiKeysManage, routes!(people::revoke))
}
