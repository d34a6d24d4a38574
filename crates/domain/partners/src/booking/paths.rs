//! Who stands above a client at a moment, for those who only look: the simulator.

use super::lookup::Cache;
use crate::engine::{DealFacts, Hop, Settings};
use qd_db::Tx;
use qd_kernel::Result;

/// Paths of many deals, with what they share looked up once.
pub(crate) struct Paths(Cache);

impl Paths {
    pub(crate) async fn of(tx: &mut Tx, deals: &[DealFacts]) -> Result<Paths> {
        let mut cache = Cache::default();
        let wanted: Vec<(usize, &DealFacts)> = deals.iter().enumerate().collect();
        cache.load_shares(tx, &wanted).await?;
        Ok(Paths(cache))
    }
    /// At the deal's value date.
    pub(crate) async fn path(&mut self, tx: &mut Tx, d: &DealFacts) -> Result<Vec<Hop>> {
        self.0.path(tx, d, d.at).await
    }
    pub(crate) async fn settings(&mut self, tx: &mut Tx, entity: &str) -> Result<Settings> {
        self.0.settings(tx, entity).await
    }
}
