//! The client record, from lead to churned: who it is, how they came, whose they are, what was
//! said and agreed, what is to do.
//!
//! One record per person at one brand. Changes lock the record first, so that the events of one
//! client have an order. History (touches, stages, notes, calls, timeline, consents) is added,
//! never edited; the database refuses it.

mod client;
pub mod consents;
mod dial;
mod dormancy;
pub mod duplicates;
mod fitting;
pub mod geo;
mod intake;
mod list;
pub mod model;
pub mod normal;
mod notes;
pub mod past;
pub mod profile;
pub mod restrictions;
mod routing;
pub mod search;
mod store;
pub mod tasks;
pub mod timeline;
mod view;

pub use client::{
    Client, ClientId, Patch, age_years, edit, email_verified, find, forget_stranger, get, one_at_a_time, set_kyc_state, set_partner, stage,
    touch_activity, with_merged,
};
pub use dormancy::{Dormancy, JOB as DORMANCY_JOB};
pub use fitting::{Fit, fitting};
pub use intake::{
    Consent, KeptTouch, NewLead, Registered, Registration, Taken, Touch, UNKNOWN_COUNTRY, register, take_lead, touches, touches_until,
};
pub use list::{Filter, Row, Sort, list};
pub use model::{Command, Stage, Status};
pub use notes::{
    Call, CallId, CallOutcome, Channel, Direction, NewCall, Note, NoteId, NoteKind, add_note, calls, log_call, log_message, notes,
    refuse_call_removal,
};
pub use routing::{SET as ROUTING_SET, assign};
pub use view::{ClientView, SamePerson, StageLine, stage_history, view};
