//! Partners as the house sees them: the tree, links, whose client is whose, plans, lines,
//! statements, payouts.

mod attribution;
mod batches;
mod clients;
mod closes;
mod commission;
mod corrections;
mod links;
mod material;
mod payouts;
mod people;
mod plans;
mod postbacks;
mod programmes;
mod simulate;
mod statements;

pub(crate) use attribution::{FileClaim, named};
pub(crate) use clients::{eligibility, evidence};
pub(crate) use commission::{Lines, Span};
pub(crate) use corrections::decide_it;
pub(crate) use links::AddLink;
pub(crate) use material::OfShelf;
pub(crate) use postbacks::{DoorState, EditPostback, FunnelOf, Log, OpenDoor, SigningSecret, TestPostback, door_of};
pub(crate) use statements::{ClosedStatement, csv_of};

use qd_app::App;
use qd_runtime::access::Right;
use qd_web::Api;
use utoipa_axum::routes;

/// Where clients come from: evidence, claims, postbacks, material, funnels.
pub fn origin_routes(api: Api<App>) -> Api<App> {
    api.route(Right::PartnersView, routes!(attribution::evidence))
        .route(Right::PartnersView, routes!(attribution::claims))
        .route(Right::PartnersView, routes!(attribution::claim))
        .route(Right::PartnersManage, routes!(attribution::file))
        .route(Right::PartnersManage, routes!(attribution::decide))
        .route(Right::PartnersView, routes!(attribution::referrals))
        .route(Right::PartnersView, routes!(attribution::rules))
        .route(Right::PartnersView, routes!(postbacks::list))
        .route(Right::PartnersManage, routes!(postbacks::add))
        .route(Right::PartnersManage, routes!(postbacks::edit, postbacks::remove))
        .route(Right::PartnersManage, routes!(postbacks::test))
        .route(Right::PartnersView, routes!(postbacks::log))
        .route(Right::PartnersView, routes!(postbacks::report))
        .route(Right::PartnersManage, routes!(postbacks::replay))
        .route(Right::PartnersManage, routes!(postbacks::secret, postbacks::new_secret))
        .route(Right::MeView, routes!(postbacks::macros))
        .route(Right::PartnersManage, routes!(postbacks::set_door))
        .route(Right::PartnersView, routes!(postbacks::funnel))
        .route(Right::PartnersView, routes!(material::list))
        .route(Right::PartnersManage, routes!(material::upload))
        .route(Right::PartnersManage, routes!(material::withdraw))
        .route(Right::PartnersView, routes!(material::picture))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.with(people_routes)
        .with(plan_routes)
        .with(commission_routes)
        .with(correction_routes)
        .with(payout_routes)
        .with(close_routes)
}

fn people_routes(api: Api<App>) -> Api<App> {
    api.route(Right::PartnersView, routes!(people::list))
        .route(Right::PartnersManage, routes!(people::create))
        .route(Right::PartnersView, routes!(people::get))
        .route(Right::PartnersManage, routes!(people::edit))
        .route(Right::PartnersManage, routes!(people::set_state))
        .route(Right::PartnersManage, routes!(people::move_to))
        .route(Right::PartnersView, routes!(people::below))
        .route(Right::PartnersView, routes!(links::links))
        .route(Right::PartnersManage, routes!(links::add_link))
        .route(Right::PartnersManage, routes!(links::link_active))
        .route(Right::PartnersView, routes!(clients::clients))
        .route(Right::PartnersView, routes!(clients::of_client))
        .route(Right::PartnersManage, routes!(clients::reassign))
        .route(Right::PartnersManage, routes!(clients::decide_hold))
}

fn plan_routes(api: Api<App>) -> Api<App> {
    api.route(Right::PartnersView, routes!(plans::plan_list))
        .route(Right::PlansManage, routes!(plans::plan_save))
        .route(Right::PartnersView, routes!(plans::plan_get))
        .route(Right::PlansManage, routes!(plans::plan_preview))
        .route(Right::PlansManage, routes!(simulate::simulate))
        .route(Right::PlansManage, routes!(simulate::simulation))
        .route(Right::PlansManage, routes!(plans::plan_assign))
        .route(Right::PlansManage, routes!(plans::plan_default))
}

fn commission_routes(api: Api<App>) -> Api<App> {
    api.route(Right::CommissionView, routes!(programmes::overview))
        .route(Right::CommissionView, routes!(programmes::clients))
        .route(Right::PartnersManage, routes!(programmes::decide))
        .route(Right::PartnersManage, routes!(programmes::quarantine))
        .route(Right::CommissionView, routes!(commission::summary))
        .route(Right::CommissionView, routes!(commission::lines))
        .route(Right::CommissionView, routes!(commission::line))
        .route(Right::CommissionView, routes!(statements::statement_list))
        .route(Right::StatementsClose, routes!(statements::close))
        .route(Right::CommissionView, routes!(statements::statement))
        .route(Right::CommissionView, routes!(statements::statement_csv))
}

fn correction_routes(api: Api<App>) -> Api<App> {
    api.route(Right::PartnersManage, routes!(corrections::preview))
        .route(Right::PartnersManage, routes!(corrections::create))
        .route(Right::CommissionView, routes!(corrections::list))
        .route(Right::CommissionView, routes!(corrections::get))
        .route(Right::CommissionView, routes!(corrections::lines))
        .route(Right::StatementsClose, routes!(corrections::decide))
        .route(Right::PartnersManage, routes!(corrections::reverse))
        .route(Right::PartnersManage, routes!(corrections::preview_move))
        .route(Right::PartnersManage, routes!(corrections::preview_client))
        .route(Right::CommissionView, routes!(corrections::closed))
}

fn payout_routes(api: Api<App>) -> Api<App> {
    api.route(Right::CommissionView, routes!(payouts::payout_list))
        .route(Right::PayoutsPrepare, routes!(payouts::prepare))
        .route(Right::CommissionView, routes!(payouts::payout))
        .route(Right::PayoutsRelease, routes!(payouts::decide))
        .route(Right::PayoutsRelease, routes!(payouts::paid))
        .route(Right::PayoutsRelease, routes!(payouts::returned))
        .route(Right::CommissionView, routes!(batches::payable))
        .route(Right::CommissionView, routes!(batches::terms_get))
        .route(Right::PartnersManage, routes!(batches::terms_put))
        .route(Right::PayoutsPrepare, routes!(batches::proposal))
        .route(Right::CommissionView, routes!(batches::batch_list))
        .route(Right::PayoutsPrepare, routes!(batches::batch_prepare))
        .route(Right::CommissionView, routes!(batches::batch_get))
        .route(Right::PayoutsRelease, routes!(batches::batch_decide))
        .route(Right::PayoutsRelease, routes!(batches::batch_paid))
        .route(Right::PayoutsRelease, routes!(batches::batch_results))
        .route(Right::PayoutsRelease, routes!(batches::batch_file))
        .route(Right::PayoutsPrepare, routes!(batches::invoice))
}

fn close_routes(api: Api<App>) -> Api<App> {
    api.route(Right::CommissionView, routes!(closes::close_list))
        .route(Right::StatementsClose, routes!(closes::close_create))
        .route(Right::CommissionView, routes!(closes::close_get))
        .route(Right::StatementsClose, routes!(closes::close_run))
        .route(Right::StatementsClose, routes!(closes::close_resume))
        .route(Right::StatementsClose, routes!(closes::close_sign))
}
