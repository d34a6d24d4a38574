//! From a token to a caller, for the gate in front of every route.

use async_trait::async_trait;
use qd_kernel::Result;
use qd_runtime::access::{Access, Caller};
use qd_web::Identify;

pub struct Door(pub Access);

#[async_trait]
impl Identify for Door {
    async fn identify(&self, token: Option<&str>, ip: Option<String>) -> Result<Caller> {
        match token {
            Some(t) => self.0.resolve(t, ip).await,
            None => Ok(self.0.public(ip)),
        }
    }
}
