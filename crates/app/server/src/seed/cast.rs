//! Who comes, when, and how far they go: a whole past from one number, before anything is written.

use super::Amount;
use qd_kernel::{Entropy, SeededEntropy, Ts};

pub struct Country {
    pub code: &'static str,
    /// ISO 3166 numeric, as cards carry it.
    pub numeric: &'static str,
    pub language: &'static str,
    pub prefix: &'static str,
    pub city: &'static str,
    first: &'static [&'static str],
    last: &'static [&'static str],
}

const GERMAN: &[&str] = &[
    "Anna", "Lukas", "Marie", "Felix", "Jana", "Moritz", "Greta", "Paul", "Clara", "Emil", "Ida", "Jakob", "Frieda", "Anton", "Lotte",
    "Oskar", "Nele", "Hannes", "Mila", "Konrad",
];
const GERMAN_LAST: &[&str] = &[
    "Brenner", "Falk", "Hartwig", "Seidel", "Kranz", "Lorenz", "Ebert", "Voss", "Pohl", "Winter", "Reuter", "Sommer", "Thiele", "Busch",
    "Jansen", "Arnold", "Engel", "Horn", "Kuhn", "Ziegler",
];
const SPANISH: &[&str] = &[
    "Lucia", "Hugo", "Carmen", "Mateo", "Elena", "Pablo", "Marta", "Diego", "Sara", "Javier", "Alba", "Sergio",
];
const SPANISH_LAST: &[&str] = &[
    "Vega", "Molina", "Serrano", "Iglesias", "Cano", "Prieto", "Rubio", "Gallego", "Campos", "Reyes", "Nieto", "Ibarra",
];
const FRENCH: &[&str] = &[
    "Camille", "Louis", "Manon", "Jules", "Chloe", "Arthur", "Lea", "Gabriel", "Ines", "Hugo",
];
const FRENCH_LAST: &[&str] = &[
    "Moreau",
    "Girard",
    "Lambert",
    "Fontaine",
    "Rousseau",
    "Chevalier",
    "Barbier",
    "Perrin",
    "Renard",
    "Colin",
];
const POLISH: &[&str] = &[
    "Zofia", "Jakub", "Hanna", "Szymon", "Maja", "Filip", "Julia", "Kacper", "Alicja", "Marek",
];
const POLISH_LAST: &[&str] = &[
    "Wrona",
    "Zielinska",
    "Kaczmarek",
    "Duda",
    "Pawlak",
    "Sikora",
    "Baran",
    "Szewczyk",
    "Pietrzak",
    "Wilk",
];
const ITALIAN: &[&str] = &[
    "Giulia", "Marco", "Sofia", "Luca", "Chiara", "Matteo", "Elisa", "Davide", "Alice", "Pietro",
];
const ITALIAN_LAST: &[&str] = &[
    "Ferri", "Galli", "Conte", "Fabbri", "Marini", "Leone", "Sala", "Vitali", "Grassi", "Serra",
];
const ARABIC: &[&str] = &[
    "Layla", "Yousef", "Mariam", "Khalid", "Noura", "Hamad", "Aisha", "Tariq", "Reem", "Sami", "Huda", "Faisal",
];
const ARABIC_LAST: &[&str] = &[
    "Al Mansoori",
    "Haddad",
    "Nasser",
    "Khoury",
    "Saleh",
    "Rahman",
    "Darwish",
    "Aziz",
    "Barakat",
    "Qasim",
    "Sabbagh",
    "Taher",
];
const THAI: &[&str] = &["Somchai", "Malee", "Anong", "Kittisak", "Preecha", "Sunee", "Wichai", "Nattaya"];
const THAI_LAST: &[&str] = &[
    "Srisai",
    "Boonmee",
    "Chaiya",
    "Thongchai",
    "Rattana",
    "Saetang",
    "Wongsa",
    "Phumiphak",
];
const BRAZILIAN: &[&str] = &["Bruna", "Rafael", "Camila", "Thiago", "Larissa", "Gustavo", "Beatriz", "Caio"];
const BRAZILIAN_LAST: &[&str] = &["Almeida", "Barbosa", "Cardoso", "Duarte", "Esteves", "Farias", "Macedo", "Pinheiro"];

const fn country(
    code: &'static str,
    numeric: &'static str,
    language: &'static str,
    prefix: &'static str,
    city: &'static str,
    first: &'static [&'static str],
    last: &'static [&'static str],
) -> Country {
    Country {
        code,
        numeric,
        language,
        prefix,
        city,
        first,
        last,
    }
}

/// The European brand's countries, and the offshore one's. The first come most often.
pub const EUROPE: [Country; 7] = [
    country("DE", "276", "de", "+4930", "Berlin", GERMAN, GERMAN_LAST),
    country("DE", "276", "de", "+4989", "Munich", GERMAN, GERMAN_LAST),
    country("AT", "040", "de", "+431", "Vienna", GERMAN, GERMAN_LAST),
    country("ES", "724", "es", "+3491", "Madrid", SPANISH, SPANISH_LAST),
    country("FR", "250", "fr", "+331", "Paris", FRENCH, FRENCH_LAST),
    country("PL", "616", "pl", "+4822", "Warsaw", POLISH, POLISH_LAST),
    country("IT", "380", "it", "+3902", "Milan", ITALIAN, ITALIAN_LAST),
];
pub const ELSEWHERE: [Country; 5] = [
    country("AE", "784", "ar", "+9714", "Dubai", ARABIC, ARABIC_LAST),
    country("SA", "682", "ar", "+96611", "Riyadh", ARABIC, ARABIC_LAST),
    country("TH", "764", "th", "+662", "Bangkok", THAI, THAI_LAST),
    country("BR", "076", "pt", "+5511", "Sao Paulo", BRAZILIAN, BRAZILIAN_LAST),
    country("MX", "484", "es", "+5255", "Mexico City", SPANISH, SPANISH_LAST),
];

const CAMPAIGNS: [(&str, &str, &str); 6] = [
    ("google", "cpc", "brand-search"),
    ("google", "cpc", "gold-autumn"),
    ("facebook", "social", "webinar-basics"),
    ("newsletter", "email", "market-week"),
    ("comparison", "referral", "broker-tables"),
    ("", "", ""),
];

/// One person of the past.
#[derive(Clone)]
pub struct Person {
    pub n: usize,
    pub first: &'static str,
    pub last: &'static str,
    pub email: String,
    pub country: &'static str,
    pub language: &'static str,
    pub city: &'static str,
    pub brand: &'static str,
    pub phone: String,
    pub birth: String,
    pub card: String,
    pub document: String,
    pub campaign: (&'static str, &'static str, &'static str),
    /// Sent by this introducing broker, by number: the European ones first.
    pub partner: Option<usize>,
    /// Something makes a person look at the application.
    pub flagged: bool,
}

impl Person {
    pub fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }
}

/// One thing somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Lead,
    Call,
    Register,
    /// Profile, test and documents, handed in.
    Prove,
    Review,
    Deposit {
        minor: i64,
        declines: bool,
    },
    /// Closed trades on one day.
    Trade {
        trades: u32,
    },
    Withdraw {
        minor: i64,
    },
    /// Finance says yes to what of it waits for people.
    Decide,
}

#[derive(Clone, Copy, Debug)]
pub struct Planned {
    pub at: Ts,
    pub person: usize,
    pub act: Act,
}

pub struct Past {
    pub people: Vec<Person>,
    /// In order of time.
    pub acts: Vec<Planned>,
}

struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, n: u64) -> u64 {
        self.0.below(n)
    }
    fn one_of<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap_or(0)]
    }
    /// True in so many of a hundred cases.
    fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }
    fn between(&self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.below(u64::try_from(to - from + 1).unwrap_or(1))).unwrap_or(0)
    }
}

/// Whose sign-ins are printed: the first of each brand. Their lives go through every step.
pub const SHOWN: usize = 2;

/// How many introducing brokers each brand has, in two levels: the first is the master of the rest.
pub const PARTNERS: usize = 3;

/// The past of `amount`, beginning at `start` (a midnight).
pub fn past(amount: Amount, start: Ts) -> Past {
    let dice = Dice(SeededEntropy::new(amount.seed.wrapping_mul(0x9E37_79B9).wrapping_add(17)));
    let days = i64::from(amount.days.max(14));
    let mut people = Vec::new();
    let mut acts = Vec::new();
    for n in 0..usize::try_from(amount.clients).unwrap_or(0) {
        let p = person(&dice, n);
        life(&dice, &p, start, days, &mut acts);
        people.push(p);
    }
    acts.sort_by_key(|a| (a.at, a.person));
    Past { people, acts }
}

fn person(dice: &Dice, n: usize) -> Person {
    let europe = n == 0 || (n != 1 && dice.chance(65));
    let c = if n == 0 {
        &EUROPE[0]
    } else if n == 1 {
        &ELSEWHERE[0]
    } else if europe {
        dice.one_of(&EUROPE)
    } else {
        dice.one_of(&ELSEWHERE)
    };
    let (first, last) = (*dice.one_of(c.first), *dice.one_of(c.last));
    let email = match n {
        0 => "client@quarterdeck.example".to_string(),
        1 => "client.harbour@quarterdeck.example".to_string(),
        _ => format!("{}.{}.{n}@mail.example", first.to_lowercase(), last.to_lowercase().replace(' ', "")),
    };
    let head = format!("400000{}{:06}", c.numeric, 500_000 + n);
    Person {
        n,
        first,
        last,
        email,
        country: c.code,
        language: c.language,
        city: c.city,
        brand: if europe { "northwind" } else { "harbour" },
        phone: format!("{}{:07}", c.prefix, 2_000_000 + n),
        birth: format!(
            "{:04}-{:02}-{:02}",
            dice.between(1958, 2003),
            dice.between(1, 12),
            dice.between(1, 28)
        ),
        card: with_check_digit(&head),
        document: format!("{}{:07}", *dice.one_of(&["C", "L", "P", "X"]), 1_000_000 + n * 7),
        campaign: *dice.one_of(&CAMPAIGNS),
        partner: if n >= SHOWN && dice.chance(22) {
            Some(usize::try_from(dice.below(PARTNERS as u64)).unwrap_or(0) + if europe { 0 } else { PARTNERS })
        } else {
            None
        },
        flagged: n >= SHOWN && dice.chance(6),
    }
}

/// From the lead on, in steps that each lose some.
fn life(dice: &Dice, p: &Person, start: Ts, days: i64, acts: &mut Vec<Planned>) {
    let first = p.n < SHOWN;
    // Later months bring more: the house grows.
    let came = if first {
        1
    } else {
        dice.between(0, days - 1).max(dice.between(0, days - 1))
    };
    let at = |day: i64, dice: &Dice| start.plus_days(day).plus_secs(dice.between(7 * 3600, 20 * 3600));
    let mut put = |at: Ts, act: Act| {
        // What lies ahead of the present has not happened.
        if at < start.plus_days(days) {
            acts.push(Planned { at, person: p.n, act });
        }
    };
    let lead = at(came, dice);
    if dice.chance(80) {
        put(lead, Act::Lead);
        if dice.chance(60) {
            put(lead.plus_secs(dice.between(900, 30_000)), Act::Call);
        }
    }
    if !first && !dice.chance(45) {
        return;
    }
    let registered = lead.plus_secs(dice.between(1_800, 3 * 86_400));
    put(registered, Act::Register);
    if !first && !dice.chance(75) {
        return;
    }
    let proved = registered.plus_secs(dice.between(600, 86_400));
    put(proved, Act::Prove);
    if !first && !dice.chance(94) {
        // Nobody has looked at it yet. A desk that works has no months-old applications: theirs came
        // in within the last day and a half, and all before it as much later.
        let n = i64::try_from(p.n).unwrap_or(0);
        let handed_in = start.plus_days(days).plus_secs(-(1_200 + n * 7_919 % 120_000));
        let later = (handed_in.micros() - proved.micros()) / 1_000_000;
        let end = start.plus_days(days);
        for a in acts.iter_mut().filter(|a| a.person == p.n) {
            a.at = a.at.plus_secs(later);
        }
        acts.retain(|a| a.person != p.n || a.at < end && a.act != Act::Prove);
        acts.push(Planned {
            at: handed_in,
            person: p.n,
            act: Act::Prove,
        });
        return;
    }
    let approved = proved.plus_secs(dice.between(1_200, 40_000));
    put(approved, Act::Review);
    if !first && !dice.chance(82) {
        return;
    }
    let mut paid = approved.plus_secs(dice.between(1_800, 3 * 86_400));
    let usual = dice.between(2, 40) * 10_000;
    // The newest failures would still be asked about at the provider, which has never heard of them.
    let may_fail = paid < start.plus_days(days - 12);
    if may_fail && dice.chance(12) {
        put(
            paid,
            Act::Deposit {
                minor: usual,
                declines: true,
            },
        );
        paid = paid.plus_secs(1_200);
    }
    put(
        paid,
        Act::Deposit {
            minor: usual,
            declines: false,
        },
    );
    let end = start.plus_days(days);
    let stays = if first { days } else { dice.between(5, 150) };
    let mut day = paid.plus_days(1);
    let (mut put_in, mut taken) = (usual, 0);
    while day < end && day < paid.plus_days(stays) {
        put(
            day.plus_secs(dice.between(0, 3 * 3600)),
            Act::Trade {
                trades: u32::try_from(dice.between(1, 4)).unwrap_or(1),
            },
        );
        if dice.chance(6) {
            let more = dice.between(1, 15) * 10_000;
            put_in += more;
            put(
                day.plus_secs(4 * 3600),
                Act::Deposit {
                    minor: more,
                    declines: false,
                },
            );
        }
        if dice.chance(5) && taken + 10_000 < put_in / 2 {
            let out = dice.between(2, 10) * 1_000;
            taken += out;
            put(day.plus_secs(5 * 3600), Act::Withdraw { minor: out });
            // What people must decide about is decided some hours later; the newest wait.
            put(
                day.plus_secs(5 * 3600 + 5_400 + i64::try_from(p.n % 7).unwrap_or(0) * 3_600),
                Act::Decide,
            );
        }
        day = day.plus_secs(dice.between(2 * 86_400, 9 * 86_400));
    }
}

fn with_check_digit(head: &str) -> String {
    let sum: u32 = head
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = u32::from(b - b'0');
            match (i % 2, d) {
                (0, 0..=4) => d * 2,
                (0, _) => d * 2 - 9,
                _ => d,
            }
        })
        .sum();
    format!("{head}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(p: &Past) -> Vec<String> {
        p.acts
            .iter()
            .map(|a| format!("{} {} {:?}", a.at, a.person, a.act))
            .chain(p.people.iter().map(|x| format!("{} {} {}", x.email, x.phone, x.card)))
            .collect()
    }

    #[test]
    fn one_number_makes_one_past() {
        let (amount, start) = (
            Amount {
                clients: 60,
                days: 90,
                seed: 5,
            },
            Ts::from_ymd(2026, 5, 1),
        );
        assert_eq!(texts(&past(amount, start)), texts(&past(amount, start)));
        assert_ne!(texts(&past(amount, start)), texts(&past(Amount { seed: 6, ..amount }, start)));
    }

    #[test]
    fn nothing_happens_before_the_beginning_or_after_the_present_and_all_in_order() {
        let (amount, start) = (
            Amount {
                clients: 200,
                days: 60,
                seed: 1,
            },
            Ts::from_ymd(2026, 5, 1),
        );
        let p = past(amount, start);
        assert!(p.acts.windows(2).all(|w| w[0].at <= w[1].at));
        assert!(p.acts.iter().all(|a| a.at >= start && a.at < start.plus_days(60)));
        assert!(p.acts.iter().any(|a| a.act == Act::Review) && p.acts.iter().any(|a| matches!(a.act, Act::Withdraw { .. })));
    }

    #[test]
    fn what_waits_for_a_reviewer_has_waited_for_a_day_and_a_half_at_most() {
        let (amount, start) = (
            Amount {
                clients: 300,
                days: 120,
                seed: 1,
            },
            Ts::from_ymd(2026, 5, 1),
        );
        let p = past(amount, start);
        let reviewed = |n: usize| p.acts.iter().any(|a| a.person == n && a.act == Act::Review);
        let open: Vec<&Planned> = p.acts.iter().filter(|a| a.act == Act::Prove && !reviewed(a.person)).collect();
        assert!(open.len() > 3);
        assert!(open.iter().all(|a| a.at >= start.plus_days(120).plus_secs(-130_000)));
        let first = |n: usize, what: Act| p.acts.iter().find(|a| a.person == n && a.act == what).map(|a| a.at);
        assert!(open.iter().all(|a| first(a.person, Act::Register).is_some_and(|r| r < a.at)));
    }

    #[test]
    fn cards_are_well_formed_and_everybody_has_his_own() {
        assert_eq!(with_check_digit("424242424242424"), "4242424242424242");
        let p = past(
            Amount {
                clients: 300,
                days: 30,
                seed: 2,
            },
            Ts::from_ymd(2026, 5, 1),
        );
        let mut cards: Vec<_> = p.people.iter().map(|x| x.card.clone()).collect();
        cards.sort();
        cards.dedup();
        assert_eq!(cards.len(), 300);
        assert!(cards.iter().all(|c| c.len() == 16));
    }
}
