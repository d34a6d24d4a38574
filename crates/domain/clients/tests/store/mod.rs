//! What somebody with the database's password might try; every line must be refused.

#![allow(dead_code, reason = "each test file uses some of it")]

pub const EDIT_TOUCH: &str = "UPDATE touches SET campaign = 'x'";
/// On tables that have rows in the test.
pub const EDIT_HISTORY: [&str; 4] = [
    "DELETE FROM calls",
    "UPDATE calls SET body = 'x'",
    "DELETE FROM timeline",
    "DELETE FROM client_stages",
];
