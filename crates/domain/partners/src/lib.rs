//! Partners: the tree, links and clicks, whose client is whose, plans as data, the commission engine,
//! lines with their reasons, statements, payouts.
//!
//! [`engine::lines`] is pure: deals, paths and plans in, lines out. [`booking::book`] runs it on the
//! database's tree and plans of the deal's value date and writes lines, ledger entries and sums in
//! one transaction. [`preview::preview`] runs it on two files.

pub mod attribution;
pub mod booking;
pub mod carry;
pub mod clicks;
pub mod close;
pub mod corrections;
mod delivery;
pub mod engine;
pub mod exact;
pub mod funnel;
pub mod guard;
pub mod house;
mod ids;
pub mod jobs;
pub mod material;
pub mod partner;
pub mod payouts;
pub mod plan;
pub mod plans;
pub mod postbacks;
pub mod preview;
pub mod privacy;
pub mod programmes;
pub mod progress;
pub mod reading;
pub mod rebates;
pub mod signals;
pub mod simulate;
pub mod statements;
mod store;
pub mod tree;
pub mod verify;
pub mod webhooks;

pub use delivery::Outward;
pub use engine::{DealFacts, FactKind, Quote, Settings};
pub use ids::{
    BatchId, ClaimId, ClickId, CloseId, CorrectionId, ExportId, LineId, LinkId, MaterialId, PartnerId, PayoutId, PlanId, PostbackId,
    SendId, SimulationId, StatementId, WebhookId, WebhookSendId,
};
