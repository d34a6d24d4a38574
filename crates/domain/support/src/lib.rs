//! What the back office works with beside the records themselves: tickets and the macros they are
//! answered with, saved views of lists, and changes of many records at once.

pub mod bulk;
pub mod clocks;
pub mod cover;
pub mod figures;
pub mod macros;
pub mod model;
mod queue;
mod store;
mod ticket;
mod view;
pub mod views;

pub use clocks::{Clocks, Route};
pub use model::{Category, Priority, TicketState};
pub use queue::{OwnedBy, QueueFilter, Sort, TicketRow, of_client, queue, waiting};
pub use ticket::{
    Assign, Close, MessageId, MessageKind, NewTicket, Side, Then, Ticket, TicketId, Triage, about_parts, assign, claim, client_reply,
    client_solved, close, find, note, open, open_for, release, reopen, reply, said, solve, triage,
};
pub use view::{Message, MyMessage, MyTicket, MyTicketRow, TicketView, mine, my_ticket, read, view};
