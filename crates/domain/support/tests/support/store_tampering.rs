//! What somebody with the database's password would try.

pub const EDIT_MESSAGE: &str = "UPDATE ticket_messages SET body = 'x'";
pub const DROP_MESSAGES: &str = "DELETE FROM ticket_messages";
