//! What a use case needs at hand: the database, time and chance, and a way to wake the workers.

use qd_db::Db;
use qd_kernel::{Env, Ts};
use std::sync::Arc;
use tokio::sync::Notify;

#[derive(Clone, Debug)]
pub struct Core {
    pub db: Db,
    pub env: Env,
    pub wake: Wake,
}

impl Core {
    pub fn new(db: Db, env: Env) -> Core {
        Core {
            db,
            env,
            wake: Wake::default(),
        }
    }
    pub fn now(&self) -> Ts {
        self.env.now()
    }
}

/// Rung after a commit that left something to do on this node. Only shortens the wait: workers
/// look by themselves at short intervals, because the other node's commit rings no bell here.
#[derive(Clone, Debug, Default)]
pub struct Wake {
    pub outbox: Arc<Notify>,
    pub jobs: Arc<Notify>,
}
