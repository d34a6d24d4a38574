//! Jobs of the bank rail.

use super::FactsOf;
use crate::bank::files::Read;
use qd_ports::bank::BankFiles;
use qd_runtime::Core;
use qd_runtime::files::Files;
use qd_runtime::jobs::Handler;
use std::sync::Arc;

/// Reading loaded files.
pub fn bank_handlers(core: &Core, files: &Files, formats: Arc<dyn BankFiles>, facts: Arc<dyn FactsOf>) -> Vec<Arc<dyn Handler>> {
    vec![Arc::new(Read {
        core: core.clone(),
        files: files.clone(),
        formats,
        facts,
    })]
}
