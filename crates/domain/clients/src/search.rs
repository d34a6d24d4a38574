//! Finding a client by the start of a word: name, mail, end of the telephone number, login,
//! a provider's reference. Words are rows of an index; a question is a range of it.

use crate::client::{Client, ClientId, view_right};
use crate::list::{Row, scope_of};
use crate::{normal, store};
use qd_db::Tx;
use qd_kernel::{Problem, Result, text_enum};
use qd_runtime::access::{Caller, Mask, Right};
use std::collections::BTreeSet;

text_enum!(
    WordKind {
        Name = "name",
        /// Mail and telephone: found only by those who may see them.
        Contact = "contact",
        /// Logins, references, our own ids.
        Ref = "ref",
    }
);

/// Answers of one search.
pub const MAX_FOUND: u32 = 50;
/// Characters of a word that are indexed.
const MAX_WORD: usize = 80;
/// The longest end of a telephone number that is indexed.
const TAIL: usize = 9;
/// Shorter starts match too many.
const MIN_START: usize = 2;

fn own_words(c: &Client) -> Vec<(String, WordKind)> {
    let mut out = BTreeSet::new();
    for w in normal::words(&c.name()) {
        out.insert((w, WordKind::Name));
    }
    if let Some(e) = &c.email {
        let e = e.trim().to_lowercase();
        if let Some((local, _)) = e.rsplit_once('@') {
            out.insert((local.to_string(), WordKind::Contact));
        }
        out.insert((e, WordKind::Contact));
    }
    if let Some(p) = c.phone.as_deref().and_then(|p| normal::phone(p, &c.country)) {
        // People ask by the last digits; four are the fewest worth asking for.
        for n in 4..=TAIL {
            if let Some(tail) = p.len().checked_sub(n).and_then(|at| p.get(at..)) {
                out.insert((tail.to_string(), WordKind::Contact));
            }
        }
        out.insert((p, WordKind::Contact));
    }
    out.into_iter().map(|(w, k)| (w.chars().take(MAX_WORD).collect(), k)).collect()
}

/// Makes the index say what the record says.
pub(crate) async fn refresh(tx: &mut Tx, c: &Client) -> Result<()> {
    store::search::replace(tx, c.id, &own_words(c)).await
}

/// Adds words a client is found by: a login, a payment's reference. Adding again changes nothing.
pub async fn put(tx: &mut Tx, client_id: ClientId, words: &[&str]) -> Result<()> {
    let words: Vec<(String, WordKind)> = words
        .iter()
        .map(|w| normal::plain(w.trim()).chars().take(MAX_WORD).collect::<String>())
        .filter(|w| !w.is_empty())
        .map(|w| (w, WordKind::Ref))
        .collect();
    store::search::add(tx, client_id, &words).await
}

/// Clients of whom every word of the question starts a word, as far as the caller may see.
pub async fn find(tx: &mut Tx, caller: &Caller, question: &str) -> Result<Vec<Row>> {
    let scope = scope_of(caller, caller.require(Right::ClientsSearch)?)?;
    let q = question.trim();
    // A mail address or reference is one word; a telephone number typed with spaces is one, too.
    let digits: String = q.chars().filter(char::is_ascii_digit).collect();
    let is_phone = digits.len() >= 4 && q.chars().all(|c| c.is_ascii_digit() || "+-/(). ".contains(c));
    let is_one = q.contains('@') || q.contains('_');
    let mut starts = match (is_phone, is_one) {
        (true, _) => vec![digits.trim_start_matches('0').to_string()],
        (_, true) => vec![normal::plain(q)],
        _ => normal::words(q),
    };
    starts.sort_by_key(|w| std::cmp::Reverse(w.chars().count()));
    starts.truncate(5);
    if starts.first().is_none_or(|w| w.chars().count() < MIN_START) {
        return Err(Problem::invalid(
            "q",
            "question_too_short",
            format!("expected a word of at least {MIN_START} characters"),
        ));
    }
    let mut kinds = vec![WordKind::Name, WordKind::Ref];
    if caller.sees(Mask::Contact) {
        kinds.push(WordKind::Contact);
    }
    let mut rows = store::search::find(tx, &starts, &kinds, &scope, MAX_FOUND).await?;
    if rows.is_empty() && is_phone && digits.len() > TAIL {
        // Typed without the country, or with another prefix: the end of the number says enough.
        let tail = vec![digits[digits.len() - TAIL..].to_string()];
        rows = store::search::find(tx, &tail, &kinds, &scope, MAX_FOUND).await?;
    }
    rows.retain(|r| caller.may(view_right(r.stage)));
    for r in &mut rows {
        r.cover(caller);
    }
    Ok(rows)
}
