//! Whose record fits contact data that come from elsewhere: an account on a trading server, a list.

use crate::client::{Client, ClientId};
use crate::duplicates::MarkKind;
use crate::{normal, store};
use qd_db::Tx;
use qd_kernel::Result;
use std::collections::BTreeSet;

/// A record, and what of the data is its own.
#[derive(Clone, Debug)]
pub struct Fit {
    pub client: Client,
    pub email: bool,
    pub phone: bool,
    pub name: bool,
}

/// More records than this by one name or number say nothing.
const MOST: i64 = 20;

/// The entity's records that share an e-mail address, a telephone number or the whole name, in any
/// order of its words; merged records apart. Asks no right: it is for use cases that asked theirs.
pub async fn fitting(tx: &mut Tx, entity: &str, email: &str, phone: &str, name: &str) -> Result<Vec<Fit>> {
    let mailbox = normal::mailbox(email);
    let mut ids: BTreeSet<ClientId> = BTreeSet::new();
    if let Some(m) = &mailbox {
        ids.extend(store::duplicates::marked(tx, entity, MarkKind::Email, m, MOST).await?);
    }
    if let Some(n) = normal::phone(phone, "") {
        ids.extend(store::duplicates::marked(tx, entity, MarkKind::Phone, &n, MOST).await?);
    }
    let words = normal::words(name);
    for turn in turns(&words) {
        ids.extend(store::duplicates::named(tx, entity, &turn, MOST).await?);
    }
    let mut sorted = words;
    sorted.sort();
    let mut out = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(client) = store::clients::find(tx, id).await? else {
            continue;
        };
        let mut theirs = normal::words(&client.name());
        theirs.sort();
        let same_phone = |p: &str| normal::phone(p, &client.country).is_some_and(|n| normal::phone(phone, &client.country) == Some(n));
        out.push(Fit {
            email: mailbox.is_some() && client.email.as_deref().and_then(normal::mailbox) == mailbox,
            phone: client.phone.as_deref().is_some_and(same_phone),
            name: sorted.len() > 1 && theirs == sorted,
            client,
        });
    }
    Ok(out)
}

/// How lists may have sorted the name: surnames of any number of words first.
fn turns(words: &[String]) -> Vec<String> {
    if words.len() < 2 {
        return Vec::new();
    }
    (0..words.len())
        .map(|at| {
            let (first, last) = words.split_at(at);
            [last, first].concat().join(" ")
        })
        .collect()
}
