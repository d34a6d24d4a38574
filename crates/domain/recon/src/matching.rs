//! Which line belongs to which entry. Pure: lines and entries in, a verdict per line out.
//!
//! The rules in their order; the first that fits decides, and none of them has a tolerance:
//!
//! | rule | a line and an entry of the same sign, currency and amount that … |
//! | --- | --- |
//! | `our_ref` | carry the same reference of ours |
//! | `provider_ref` | carry the same id of the provider's, or are the same payment, or a chargeback and our entry of the dispute about the same payment |
//! | `many_to_one` | (several lines) share one of these and sum to one entry |
//! | `one_to_many` | (one line) share one of these with several entries that sum to it |
//! | `netted` | (several lines) share one of these, sum to nothing, and we know of none |
//! | `amount_and_time` | have lost all references, and no other entry in the window has the amount |
//!
//! What is left is a break, except when it is younger than our own bookkeeping may be late.

use crate::BreakKind;
use qd_kernel::{Amount, Currency, Ts, text_enum};
use qd_ports::psp::SettlementKind;
use std::collections::HashMap;

text_enum!(
    Rule as MatchRule {
        OurRef = "our_ref",
        ProviderRef = "provider_ref",
        ManyToOne = "many_to_one",
        OneToMany = "one_to_many",
        Netted = "netted",
        AmountAndTime = "amount_and_time",
        /// A fee line and the payment it is for.
        FeeOfPayment = "fee_of_payment",
        /// The provider's API confirmed it, where there is no file.
        ApiReport = "api_report",
        /// An entry and the one that takes it back.
        Reversed = "reversed",
        /// A correcting entry about a break.
        Correction = "correction",
    }
);

/// A settlement line, as far as matching goes. Signed as our balance there saw it.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: String,
    pub kind: SettlementKind,
    pub our_ref: Option<String>,
    pub provider_ref: Option<String>,
    pub payment_ref: Option<String>,
    pub minor: i64,
    pub currency: Currency,
    /// Never positive.
    pub fee: Option<Amount>,
    pub at: Ts,
    /// Another verdict stood before.
    pub broken: bool,
}

/// A ledger entry on the provider's clearing account, in the same sign.
#[derive(Clone, Debug)]
pub struct Entry {
    pub id: String,
    pub kind: String,
    pub our_ref: Option<String>,
    pub provider_ref: Option<String>,
    pub payment_ref: Option<String>,
    pub minor: i64,
    pub currency: Currency,
    /// What was said before it was charged, above zero.
    pub fee: Option<Amount>,
    pub booked_at: Ts,
    /// Neither matched nor explained.
    pub free: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// With the entries it stands for: one, except `one_to_many`, and none when `netted`.
    Matched { rule: Rule, entries: Vec<String> },
    /// Nothing of ours stands against a line of this kind.
    Noted,
    /// Nothing can be said yet.
    Open,
    Break {
        kind: BreakKind,
        entry: Option<String>,
        cause: String,
        minor: i64,
    },
}

/// Entries by the names that lines use.
#[derive(Default)]
pub struct Entries {
    all: Vec<Entry>,
    ours: HashMap<String, Vec<usize>>,
    providers: HashMap<String, Vec<usize>>,
    payments: HashMap<String, Vec<usize>>,
    at: HashMap<String, usize>,
}

impl Entries {
    pub fn new(all: Vec<Entry>) -> Entries {
        let mut out = Entries::default();
        for e in all {
            let i = out.all.len();
            let note = |map: &mut HashMap<String, Vec<usize>>, name: &Option<String>| {
                if let Some(n) = name {
                    map.entry(n.clone()).or_default().push(i);
                }
            };
            note(&mut out.ours, &e.our_ref);
            note(&mut out.providers, &e.provider_ref);
            note(&mut out.payments, &e.payment_ref);
            out.at.insert(e.id.clone(), i);
            out.all.push(e);
        }
        out
    }

    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.at.get(id).map(|i| &self.all[*i])
    }

    fn take(&mut self, i: usize) {
        self.all[i].free = false;
    }

    fn by<'a>(map: &'a HashMap<String, Vec<usize>>, name: &Option<String>) -> &'a [usize] {
        name.as_ref().and_then(|n| map.get(n)).map_or(&[], Vec::as_slice)
    }

    /// Entries of the line's sign that carry one of its names, with the rule that found them: the
    /// first rule that finds any.
    fn named(&self, l: &Line) -> (Rule, Vec<usize>) {
        let same_side = |i: &usize| self.all[*i].minor.signum() == l.minor.signum();
        let pick = |list: &[usize]| list.iter().copied().filter(|i| same_side(i)).collect::<Vec<_>>();
        let ours = pick(Self::by(&self.ours, &l.our_ref));
        if !ours.is_empty() {
            return (Rule::OurRef, ours);
        }
        let theirs = pick(Self::by(&self.providers, &l.provider_ref));
        if !theirs.is_empty() {
            return (Rule::ProviderRef, theirs);
        }
        // Providers name a payment by what a refund of it would name: that is its payment id with us.
        let payment = if l.kind == SettlementKind::Payment {
            let own = pick(Self::by(&self.payments, &l.provider_ref));
            if own.is_empty() {
                pick(Self::by(&self.payments, &l.payment_ref))
            } else {
                own
            }
        } else {
            pick(Self::by(&self.payments, &l.payment_ref))
        };
        let disputed = matches!(l.kind, SettlementKind::Chargeback | SettlementKind::ChargebackReversed);
        let fitting = payment
            .into_iter()
            .filter(|i| match self.all[*i].kind.as_str() {
                "dispute" => disputed,
                // A refund without its own name: only when the amount says which.
                _ => !disputed && (l.kind == SettlementKind::Payment || self.all[*i].minor == l.minor),
            })
            .collect();
        (Rule::ProviderRef, fitting)
    }

    /// Whether any entry, of whatever side, is about the line's payment.
    fn knows(&self, l: &Line) -> bool {
        [&l.our_ref, &l.payment_ref, &l.provider_ref].into_iter().any(|n| {
            !Self::by(&self.ours, n).is_empty() || !Self::by(&self.payments, n).is_empty() || !Self::by(&self.providers, n).is_empty()
        })
    }
}

fn is_principal(kind: SettlementKind) -> bool {
    matches!(
        kind,
        SettlementKind::Payment
            | SettlementKind::Refund
            | SettlementKind::Payout
            | SettlementKind::Chargeback
            | SettlementKind::ChargebackReversed
    )
}

/// Rules of one line and one entry. Lines they do not decide stay [`Verdict::Open`].
pub fn exact(lines: &[Line], entries: &mut Entries) -> Vec<Verdict> {
    lines.iter().map(|l| exactly(l, entries)).collect()
}

fn exactly(l: &Line, entries: &mut Entries) -> Verdict {
    if l.kind == SettlementKind::Transfer {
        return Verdict::Noted;
    }
    if l.kind == SettlementKind::Fee {
        let of = [&l.payment_ref, &l.our_ref, &l.provider_ref].into_iter().find_map(|n| {
            let found = [&entries.payments, &entries.ours, &entries.providers];
            found.into_iter().find_map(|m| Entries::by(m, n).first().copied())
        });
        return match of {
            Some(i) => Verdict::Matched {
                rule: Rule::FeeOfPayment,
                entries: vec![entries.all[i].id.clone()],
            },
            None => Verdict::Noted,
        };
    }
    if !is_principal(l.kind) {
        return Verdict::Open;
    }
    let (rule, found) = entries.named(l);
    let fit = found
        .into_iter()
        .find(|i| entries.all[*i].free && entries.all[*i].minor == l.minor && entries.all[*i].currency == l.currency);
    match fit {
        None => Verdict::Open,
        Some(i) => {
            entries.take(i);
            Verdict::Matched {
                rule,
                entries: vec![entries.all[i].id.clone()],
            }
        }
    }
}

/// The fee that a line says and the one we were told, where they differ: what the line says less
/// what we expected, in the fee's currency, below zero when it is more.
pub fn fee_differs(l: &Line, e: &Entry) -> Option<Amount> {
    let expected = e.fee?;
    let charged = match l.kind {
        SettlementKind::Fee => Amount::new(l.minor, l.currency),
        SettlementKind::Payment => l.fee?,
        _ => return None,
    };
    let same = charged.currency == expected.currency;
    (same && charged.minor != -expected.minor).then(|| Amount::new(charged.minor + expected.minor, charged.currency))
}

/// What decides about lines that [`exact`] left open.
pub struct Around<'a> {
    /// Lines without a match that share a name with one of these, the lines themselves included.
    pub siblings: &'a [Line],
    /// Free entries without regard to names, for lines that have none.
    pub near: &'a [Entry],
    pub window_s: i64,
    /// Lines younger than this may still be booked.
    pub settled_before: Ts,
}

/// The rest of the rules, and what is wrong where none fits. Answers a verdict for each of `lines`,
/// and verdicts for siblings that were decided with them.
pub fn rest(lines: &[Line], entries: &mut Entries, around: &Around<'_>) -> (Vec<Verdict>, Vec<(String, Verdict)>) {
    let mut others: HashMap<String, Verdict> = HashMap::new();
    let mut out = Vec::with_capacity(lines.len());
    for l in lines {
        let v = match others.remove(&l.id) {
            Some(decided) => decided,
            None => match exactly(l, entries) {
                Verdict::Open => one(l, entries, around, &mut others),
                decided => decided,
            },
        };
        out.push(v);
    }
    let mine: std::collections::HashSet<&str> = lines.iter().map(|l| l.id.as_str()).collect();
    let left = others.into_iter().filter(|(id, _)| !mine.contains(id.as_str())).collect();
    (out, left)
}

fn related(a: &Line, b: &Line) -> bool {
    let same = |x: &Option<String>, y: &Option<String>| x.is_some() && x == y;
    same(&a.our_ref, &b.our_ref)
        || same(&a.provider_ref, &b.provider_ref)
        || same(&a.payment_ref, &b.payment_ref)
        || same(&a.payment_ref, &b.provider_ref)
        || same(&a.provider_ref, &b.payment_ref)
}

fn one(l: &Line, entries: &mut Entries, around: &Around<'_>, others: &mut HashMap<String, Verdict>) -> Verdict {
    let wrong = |kind, entry: Option<&Entry>, minor, cause: String| Verdict::Break {
        kind,
        entry: entry.map(|e| e.id.clone()),
        cause,
        minor,
    };
    let amount = Amount::new(l.minor, l.currency);
    if !is_principal(l.kind) {
        return wrong(
            BreakKind::UnreadableLine,
            None,
            l.minor,
            format!("{amount} of a kind that is not known"),
        );
    }
    let (_, named) = entries.named(l);
    let free: Vec<usize> = named.iter().copied().filter(|i| entries.all[*i].free).collect();
    let group: Vec<&Line> = around
        .siblings
        .iter()
        .filter(|s| s.id != l.id && is_principal(s.kind) && s.currency == l.currency && related(s, l) && !others.contains_key(&s.id))
        .collect();
    let same_side: Vec<&&Line> = group.iter().filter(|s| s.minor.signum() == l.minor.signum()).collect();
    // Several lines for one entry.
    if let [i] = free[..] {
        let sum: i128 = i128::from(l.minor) + same_side.iter().map(|s| i128::from(s.minor)).sum::<i128>();
        let e = &entries.all[i];
        if !same_side.is_empty() && e.currency == l.currency && sum == i128::from(e.minor) {
            let v = Verdict::Matched {
                rule: Rule::ManyToOne,
                entries: vec![e.id.clone()],
            };
            others.extend(same_side.iter().map(|s| (s.id.clone(), v.clone())));
            entries.take(i);
            return v;
        }
    }
    // One line for several entries.
    let alike: Vec<usize> = free.iter().copied().filter(|i| entries.all[*i].currency == l.currency).collect();
    if alike.len() > 1 && alike.iter().map(|i| i128::from(entries.all[*i].minor)).sum::<i128>() == i128::from(l.minor) {
        let ids = alike.iter().map(|i| entries.all[*i].id.clone()).collect();
        alike.iter().for_each(|i| entries.take(*i));
        return Verdict::Matched {
            rule: Rule::OneToMany,
            entries: ids,
        };
    }
    // It came and went there, and we never knew.
    let sum: i128 = i128::from(l.minor) + group.iter().map(|s| i128::from(s.minor)).sum::<i128>();
    if !group.is_empty() && sum == 0 && free.is_empty() {
        let v = Verdict::Matched {
            rule: Rule::Netted,
            entries: Vec::new(),
        };
        others.extend(group.iter().map(|s| (s.id.clone(), v.clone())));
        return v;
    }
    if let Some(i) = alike.first() {
        let e = &entries.all[*i];
        return wrong(
            BreakKind::AmountDiffers,
            Some(e),
            l.minor - e.minor,
            format!("the provider has {amount}, the ledger {}", Amount::new(e.minor, e.currency)),
        );
    }
    if let Some(i) = free.first() {
        let e = &entries.all[*i];
        return wrong(
            BreakKind::CurrencyDiffers,
            Some(e),
            l.minor,
            format!("the provider has {amount}, the ledger {}", Amount::new(e.minor, e.currency)),
        );
    }
    if !named.is_empty() {
        return wrong(
            BreakKind::DuplicateAtProvider,
            None,
            l.minor,
            format!("the provider has {amount} once more than the ledger"),
        );
    }
    // Our own bookkeeping may be a little behind.
    if l.at >= around.settled_before {
        return Verdict::Open;
    }
    let nameless = l.our_ref.is_none() && l.provider_ref.is_none() && l.payment_ref.is_none();
    if nameless {
        let mut near = around
            .near
            .iter()
            .filter(|e| e.minor == l.minor && e.currency == l.currency && (e.booked_at.secs() - l.at.secs()).abs() <= around.window_s);
        if let (Some(e), None) = (near.next(), near.next()) {
            let still = entries.at.get(&e.id).is_none_or(|i| entries.all[*i].free);
            if still {
                match entries.at.get(&e.id).copied() {
                    Some(i) => entries.take(i),
                    None => {
                        let mut taken = e.clone();
                        taken.free = false;
                        entries.at.insert(taken.id.clone(), entries.all.len());
                        entries.all.push(taken);
                    }
                }
                return Verdict::Matched {
                    rule: Rule::AmountAndTime,
                    entries: vec![e.id.clone()],
                };
            }
        }
    }
    if l.kind != SettlementKind::Payment && entries.knows(l) {
        return wrong(
            BreakKind::StateDiffers,
            None,
            l.minor,
            format!("the provider has taken {amount} for a payment that stands in the ledger as it was"),
        );
    }
    wrong(
        BreakKind::MissingInLedger,
        None,
        l.minor,
        format!("the provider has {amount}, and the ledger knows nothing of it"),
    )
}
