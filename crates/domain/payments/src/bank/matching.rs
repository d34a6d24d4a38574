//! Whose money an entry is: by reference, then by sum, payer and name with a score. Pure, but for the
//! reading of what there is to choose from.

use super::entries::Candidate;
use crate::DepositId;
use crate::store;
use qd_db::Tx;
use qd_kernel::{Result, Ts};
use qd_ports::bank::{BankEntry, is_creditor_reference, latin, same_name};
use std::collections::BTreeMap;

/// From here on an entry is taken without a person, if nothing else comes near.
const SURE: i64 = 80;
/// From here on a person is shown the candidate.
const WORTH_A_LOOK: i64 = 40;
/// The second best has to be at least so far behind.
const LEAD: i64 = 20;
/// Deposits older than this are not guessed at.
const BACK_DAYS: i64 = 60;
/// Deposits of the same sum that are looked at.
const MOST: i64 = 25;
/// Length of a creditor reference of ours.
const REFERENCE: usize = 16;

/// What there is to choose from.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub known: bool,
    /// Named by reference.
    pub named: Option<(DepositId, String)>,
    /// Deposits that wait for this sum: id, client, reference.
    pub waiting: Vec<(String, String, Option<String>)>,
    /// Whose money came from this account before.
    pub payers: Vec<String>,
}

impl Found {
    pub fn clients(&self) -> impl Iterator<Item = &String> {
        let named = self.named.iter().map(|n| &n.1);
        named.chain(self.waiting.iter().map(|w| &w.1)).chain(&self.payers)
    }
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Deposit(DepositId),
    Doubtful(Vec<Candidate>),
    Nobody,
}

/// References with right check digits in what the payer wrote, spaces and case apart.
pub fn references(e: &BankEntry) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let words = [e.creditor_ref.as_deref(), e.end_to_end.as_deref(), Some(e.text.as_str())];
    for text in words.into_iter().flatten() {
        let plain: Vec<char> = text
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_uppercase())
            .collect();
        for at in 0..plain.len().saturating_sub(REFERENCE - 1) {
            if plain[at] != 'R' || plain[at + 1] != 'F' {
                continue;
            }
            let candidate: String = plain[at..at + REFERENCE].iter().collect();
            if is_creditor_reference(&candidate) && !out.contains(&candidate) {
                out.push(candidate);
            }
        }
    }
    out
}

pub async fn find(tx: &mut Tx, entity: &str, connection: &str, account: &str, e: &BankEntry, now: Ts) -> Result<Found> {
    let mut f = Found {
        known: store::bank_entry_known(tx, account, &e.key).await?,
        ..Found::default()
    };
    if f.known {
        return Ok(f);
    }
    for reference in references(e) {
        if let Some(a) = store::attempt_by_provider(tx, connection, &reference).await? {
            let d = crate::deposit::load(tx, a.deposit_id).await?;
            f.named = Some((d.id, d.client_id));
            return Ok(f);
        }
    }
    if let Some(a) = &e.party.account {
        f.payers = store::clients_of_payer(tx, entity, &super::mark(a)).await?;
    }
    let since = now.plus_days(-BACK_DAYS);
    f.waiting = store::waiting_for(tx, connection, e.amount.minor, e.amount.currency, since, MOST).await?;
    Ok(f)
}

/// `names`: of the clients in question.
pub fn judge(e: &BankEntry, f: &Found, names: &BTreeMap<String, String>) -> Verdict {
    if let Some((id, _)) = &f.named {
        return Verdict::Deposit(*id);
    }
    let payer = e.party.name.as_deref().unwrap_or_default();
    let mut all: Vec<Candidate> = Vec::new();
    for (id, client, reference) in &f.waiting {
        let mut c = Candidate::of(client, Some(id.clone()));
        c.add(40, "amount");
        c.person(payer, names.get(client).map_or("", String::as_str));
        if f.payers.contains(client) {
            c.add(50, "payer_known");
        }
        if reference.as_deref().is_some_and(|r| nearly(&e.text, r)) {
            c.add(30, "reference_nearly");
        }
        all.push(c);
    }
    for client in f.payers.iter().filter(|p| !f.waiting.iter().any(|w| w.1 == **p)) {
        let mut c = Candidate::of(client, None);
        c.add(50, "payer_known");
        c.person(payer, names.get(client).map_or("", String::as_str));
        all.push(c);
    }
    all.retain(|c| c.score >= WORTH_A_LOOK);
    all.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.client_id.cmp(&b.client_id)));
    let ahead = all.first().is_some_and(|first| {
        let second = all.get(1).map_or(0, |c| c.score);
        first.score >= SURE && first.score - second >= LEAD
    });
    match all.first() {
        None => Verdict::Nobody,
        Some(first) if ahead && first.deposit_id.is_some() => first
            .deposit_id
            .as_deref()
            .and_then(|d| DepositId::parse(d).ok())
            .map_or(Verdict::Nobody, Verdict::Deposit),
        Some(_) => Verdict::Doubtful(all),
    }
}

impl Candidate {
    fn of(client: &str, deposit: Option<String>) -> Candidate {
        Candidate {
            client_id: client.to_string(),
            deposit_id: deposit,
            score: 0,
            reasons: Vec::new(),
        }
    }
    fn add(&mut self, points: i64, why: &str) {
        self.score += points;
        self.reasons.push(why.to_string());
    }
    fn person(&mut self, payer: &str, name: &str) {
        if same_name(payer, name) {
            self.add(40, "name");
        } else if shares_a_word(payer, name) {
            self.add(15, "name_in_part");
        }
    }
}

fn shares_a_word(a: &str, b: &str) -> bool {
    let words = |t: &str| -> Vec<String> {
        latin(t)
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| w.chars().count() > 2)
            .map(str::to_string)
            .collect()
    };
    let b = words(b);
    words(a).iter().any(|w| b.contains(w))
}

/// The reference stands in the text but for at most two wrong characters.
fn nearly(text: &str, reference: &str) -> bool {
    let plain: Vec<u8> = text
        .bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|b| b.to_ascii_uppercase())
        .collect();
    plain
        .windows(reference.len().max(1))
        .any(|w| w.iter().zip(reference.bytes()).filter(|(a, b)| **a != *b).count() <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_kernel::{Amount, Currency};
    use qd_ports::bank::{Direction, Party, creditor_reference};

    fn entry(text: &str, payer: &str) -> BankEntry {
        BankEntry {
            line: 1,
            key: "k".into(),
            direction: Direction::In,
            reversal: false,
            amount: Amount::new(50_000, Currency::EUR),
            booked_on: None,
            bank_ref: None,
            end_to_end: None,
            message_ref: None,
            creditor_ref: None,
            text: text.into(),
            party: Party {
                name: Some(payer.into()),
                account: Some("DE89370400440532013000".into()),
                bic: None,
            },
            return_reason: None,
        }
    }

    fn deposit(n: u128) -> String {
        DepositId::from_body(n).to_string()
    }

    #[test]
    fn a_reference_is_found_however_the_payer_spaces_it() {
        let r = creditor_reference("7K3M9Q2X4TNB").expect("plain");
        let spaced = format!("deposit {} thanks", qd_ports::bank::in_groups(&r).to_lowercase());
        assert_eq!(references(&entry(&spaced, "x")), [r.clone()]);
        let mistyped = r.replace('K', "L");
        assert!(references(&entry(&mistyped, "x")).is_empty());
        assert!(nearly(&format!("to {mistyped}"), &r) && !nearly("RF", &r));
    }

    #[test]
    fn sum_and_name_alone_are_sure_only_when_nobody_else_comes_near() {
        let names: BTreeMap<String, String> = [
            ("a".to_string(), "Alex Müller".to_string()),
            ("b".to_string(), "Anna Berg".to_string()),
        ]
        .into();
        let mut f = Found {
            waiting: vec![(deposit(1), "a".into(), None), (deposit(2), "b".into(), None)],
            ..Found::default()
        };
        assert_eq!(
            judge(&entry("", "ALEX MUELLER"), &f, &names),
            Verdict::Deposit(DepositId::from_body(1))
        );
        // Two deposits of the same sum by the same person: which one is a person's matter.
        f.waiting.push((deposit(3), "a".into(), None));
        assert!(matches!(judge(&entry("", "ALEX MUELLER"), &f, &names), Verdict::Doubtful(c) if c.len() == 3));
        let stranger = judge(&entry("", "Somebody Else"), &f, &names);
        assert!(matches!(stranger, Verdict::Doubtful(c) if c.iter().all(|c| c.reasons == ["amount"])));
        assert_eq!(judge(&entry("", "Somebody Else"), &Found::default(), &names), Verdict::Nobody);
    }

    #[test]
    fn a_payer_known_by_account_without_an_open_deposit_is_for_a_person() {
        let names: BTreeMap<String, String> = [("a".to_string(), "Alex Müller".to_string())].into();
        let f = Found {
            payers: vec!["a".into()],
            ..Found::default()
        };
        match judge(&entry("", "Alex Müller"), &f, &names) {
            Verdict::Doubtful(c) => assert_eq!((c[0].score, c[0].deposit_id.as_deref()), (90, None)),
            other => panic!("{other:?}"),
        }
    }
}
