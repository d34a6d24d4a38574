//! `/api/user/get` and the old flat `/user_get` name the same command.

/// The command a path asks for, in today's form (`user/get`), lower case.
pub fn command(path: &str) -> String {
    let path = path.trim_matches('/').to_ascii_lowercase();
    let path = path.strip_prefix("api/").unwrap_or(&path);
    if path.contains('/') { path.to_string() } else { flat(path) }
}

fn flat(name: &str) -> String {
    let renamed = match name {
        "user_pass_check" => "user/check_password",
        "user_pass_change" => "user/change_password",
        "user_deposit_change" => "trade/balance",
        "user_balance_check" => "user/check_balance",
        "user_archive" => "user/archive/add",
        "user_external_get" => "user/get_external",
        "trade_margin_check" => "trade/check_margin",
        "trade_rate_buy" => "trade/calc_rate_buy",
        "trade_rate_sell" => "trade/calc_rate_sell",
        "trade_profit" => "trade/calc_profit",
        "dealer_send" => "dealer/send_request",
        "dealer_updates" => "dealer/get_request_result",
        "tick_history_get" => "tick/history",
        "client_ids" => "client/get_ids",
        _ => "",
    };
    if !renamed.is_empty() {
        return renamed.to_string();
    }
    match name.split_once('_') {
        None => name.to_string(),
        Some((noun, verb)) => {
            for folder in ["account", "archive", "backup", "otp_secret", "certificate"] {
                if let Some(rest) = verb.strip_prefix(folder).and_then(|r| r.strip_prefix('_')) {
                    return format!("{noun}/{folder}/{rest}");
                }
            }
            format!("{noun}/{verb}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn old_flat_names_lead_to_todays_commands() {
        for (old, new) in [
            ("/user_get", "user/get"),
            ("/user_account_get_batch", "user/account/get_batch"),
            ("/user_deposit_change", "trade/balance"),
            ("/auth_start", "auth/start"),
            ("/deal_get_page", "deal/get_page"),
            ("/quit", "quit"),
            ("/api/Trade/Balance/", "trade/balance"),
            ("/api/quit", "quit"),
        ] {
            assert_eq!(command(old), new);
        }
    }
}
