//! The payment providers this node is connected to, by connection id.

use crate::told::Hearsay;
use qd_kernel::{Problem, Result};
use qd_ports::psp::{Psp, Told};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone)]
pub struct Psps(Arc<BTreeMap<String, Arc<dyn Psp>>>);

impl Psps {
    pub fn new(by_connection: BTreeMap<String, Arc<dyn Psp>>) -> Self {
        Psps(Arc::new(by_connection))
    }
    pub fn get(&self, connection: &str) -> Result<Arc<dyn Psp>> {
        self.0.get(connection).cloned().ok_or_else(|| {
            Problem::unavailable(
                "psp_not_connected",
                format!("this node has no connection to the payment provider {connection}"),
            )
        })
    }
    /// The same, with one that answers about what a callback told instead of asking.
    pub(crate) fn told(&self, connection: &str, told: Told) -> Result<Psps> {
        let inner = self.get(connection)?;
        let mut all = (*self.0).clone();
        all.insert(connection.to_string(), Arc::new(Hearsay { told, inner }));
        Ok(Psps(Arc::new(all)))
    }
    /// All of this node, by connection.
    pub fn all(&self) -> impl Iterator<Item = (String, Arc<dyn Psp>)> + '_ {
        self.0.iter().map(|(id, p)| (id.clone(), p.clone()))
    }
    pub fn find(&self, connection: &str) -> Option<Arc<dyn Psp>> {
        self.0.get(connection).cloned()
    }
}
