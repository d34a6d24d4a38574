//! SQL that nobody should run.

pub const PLAN: &[&str] = &["UPDATE deal_plan_versions SET document = '{}'", "DELETE FROM deal_plan_versions"];

pub const CLOSED: &[&str] = &[
    "UPDATE partner_statements SET content = '{}'",
    "UPDATE partner_statements SET closed_by = 'somebody'",
    "DELETE FROM partner_statements",
    "DELETE FROM commission_lines",
    "UPDATE commission_lines SET minor = minor + 1",
    "UPDATE commission_lines SET explanation = '{}'",
    "UPDATE commission_lines SET statement_id = NULL",
];

/// What the auditor must find: script, kind of fault.
pub const PLANTED: &[(&str, &str)] = &[
    ("UPDATE partner_purses SET booked_minor = booked_minor + 1", "purse_lines"),
    ("UPDATE partner_purses SET paid_minor = paid_minor + 1", "purse_payouts"),
    ("UPDATE partner_days SET minor = minor - 1", "purse_days"),
];

pub const REWRITE_SQLITE: &str =
    "DROP TRIGGER partner_statements_fixed; UPDATE partner_statements SET content = replace(content, '1000', '1001')";
pub const REWRITE_POSTGRES: &str =
    "ALTER TABLE partner_statements DISABLE TRIGGER ALL; UPDATE partner_statements SET content = replace(content, '1000', '1001')";
