//! The SQL of this crate, a file for each noun.

mod breaks;
mod entries;
mod files;
mod lines;
mod places;

pub use breaks::*;
pub use entries::*;
pub use files::*;
pub use lines::*;
pub use places::*;

use qd_db::{Query, Sql, sql};
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

/// Ends a list that `start` has opened with `(''`. Filled up to a round number, so that few
/// different texts are prepared.
fn among<'a>(q: &mut Query, start: Sql, names: impl IntoIterator<Item = &'a str>) {
    q.push(start, []);
    let mut n = 0;
    for name in names {
        q.push(sql!(", $?"), [Val::from(name)]);
        n += 1;
    }
    while n % 64 != 0 {
        q.push(sql!(", $?"), [Val::from("")]);
        n += 1;
    }
    q.push(sql!(")"), []);
}
