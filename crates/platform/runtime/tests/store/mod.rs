//! What somebody with the database's password might try.

#![allow(dead_code, reason = "each test file uses some of it")]

/// Versions of rules and of configured things; every line must be refused.
pub const EDIT_VERSIONS: [&str; 4] = [
    "UPDATE rule_versions SET expression = 'false'",
    "DELETE FROM rule_versions",
    "UPDATE config_versions SET doc = '{}'",
    "DELETE FROM config_versions",
];
