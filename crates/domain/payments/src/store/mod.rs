//! The SQL of this crate, a file for each noun.

mod attempts;
mod bank;
mod connections;
mod deposits;
mod disputes;
mod quotes;
mod refunds;
mod routing;
mod settling;
mod signs;
mod transfers;
mod withdrawals;

pub use attempts::*;
pub(crate) use bank::*;
pub use connections::*;
pub use deposits::*;
pub use disputes::*;
pub use quotes::*;
pub(crate) use refunds::*;
pub use routing::*;
pub use settling::*;
pub use signs::*;
pub use transfers::*;
pub use withdrawals::*;

use qd_db::{Query, sql};
use qd_kernel::{PageRequest, Val};

fn entities(q: &mut Query, codes: Option<&[String]>) {
    let Some(codes) = codes else { return };
    q.push(sql!(" AND entity IN ('-'"), []);
    for c in codes {
        q.push(sql!(", $?"), [Val::from(c)]);
    }
    q.push(sql!(")"), []);
}

/// Newest first; the id carries the time.
fn tail(q: &mut Query, page: &PageRequest) {
    if let Some(a) = &page.after {
        q.push(sql!(" AND id < $?"), [Val::from(a)]);
    }
    q.push(sql!(" ORDER BY id DESC LIMIT $?"), [Val::from(page.fetch())]);
}
