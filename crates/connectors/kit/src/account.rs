//! One account at a provider, as the configuration describes it (`[[psp]]`).

use qd_kernel::{Problem, Result, Secret};
use qd_outbound::{Client, ClientOptions, Reach, Uri};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Account {
    /// Our name of the connection; the callbacks' address ends with it.
    pub connection_id: String,
    /// Another address than the provider's own: a sandbox, a proxy.
    pub api_base: Option<String>,
    pub key: Secret,
    /// Several while one is being replaced.
    pub hook_secrets: Vec<Secret>,
    /// Where the provider's callbacks reach us, for providers that are told with each payment.
    pub hook_url: String,
    /// What this provider wants to know besides, by the names in its connector's README.
    pub settings: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, Secret>,
    pub reach: Reach,
}

impl Account {
    /// The address to call, without a slash at its end; `own` is the provider's.
    pub fn base(&self, own: &str) -> Result<String> {
        let base = self.api_base.as_deref().unwrap_or(own).trim_end_matches('/').to_string();
        let bad = |expected: String| Problem::invalid("psp.api_base", "api_base_malformed", expected);
        let uri: Uri = base.parse().map_err(|_| bad(format!("expected a URL such as {own}")))?;
        qd_outbound::guard::check_url(&uri, Reach::Anywhere).map_err(|c| bad(c.detail))?;
        Ok(base)
    }

    /// The main key, which has to be visible ASCII.
    pub fn key(&self, like: &str) -> Result<&Secret> {
        plain(&self.key, "psp.secret_key", like)
    }

    /// At least one secret that callbacks are signed with.
    pub fn hook_secrets(&self, like: &str) -> Result<&[Secret]> {
        if self.hook_secrets.is_empty() {
            return Err(Problem::invalid(
                "psp.webhook_secrets",
                "webhook_secret_missing",
                format!("expected at least one, such as {like}"),
            ));
        }
        for s in &self.hook_secrets {
            plain(s, "psp.webhook_secrets", like)?;
        }
        Ok(&self.hook_secrets)
    }

    /// A setting that has to be there.
    pub fn setting(&self, name: &str, like: &str) -> Result<&str> {
        match self.settings.get(name).map(|s| s.trim()) {
            Some(s) if !s.is_empty() => Ok(s),
            _ => Err(Problem::invalid(
                &format!("psp.settings.{name}"),
                "setting_missing",
                format!("expected one such as {like}"),
            )),
        }
    }

    /// A further secret that has to be there.
    pub fn secret(&self, name: &str, like: &str) -> Result<&Secret> {
        let field = format!("psp.secrets.{name}");
        let missing = || Problem::invalid(&field, "secret_missing", format!("expected one such as {like}"));
        plain(self.secrets.get(name).ok_or_else(missing)?, &field, like)
    }

    pub fn client(&self) -> Result<Client> {
        Client::new(ClientOptions {
            reach: self.reach,
            ..ClientOptions::default()
        })
        .map_err(|e| Problem::bug("client_unbuildable", "the HTTP client could not be built").with_source(format!("{e:?}")))
    }
}

fn plain<'a>(s: &'a Secret, field: &str, like: &str) -> Result<&'a Secret> {
    if !s.is_empty() && s.expose().bytes().all(|b| b.is_ascii_graphic()) {
        Ok(s)
    } else {
        Err(Problem::invalid(field, "secret_malformed", format!("expected one such as {like}")))
    }
}
