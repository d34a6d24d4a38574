//! Random commands against a model that is nothing but maps and additions. Both engines run the same
//! sequences, so each agreeing with the model means that they agree with each other.

use crate::tools::*;
use qd_kernel::{Entropy, SeededEntropy, Ts};
use qd_ledger::{Closed, HoldState, Leg, NewEntry, NewHold};
use qd_testkit::TestDb;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Cmd {
    Post {
        reference: usize,
        legs: Vec<(usize, i64)>,
    },
    Reverse {
        of: usize,
        reference: usize,
    },
    Hold {
        hold: usize,
        account: usize,
        minor: i64,
        due: Option<i64>,
    },
    Settle {
        hold: usize,
        reference: usize,
        legs: Vec<(usize, i64)>,
    },
    Release {
        hold: usize,
    },
    Expire {
        at: i64,
    },
}

const ACCOUNTS: &[(&str, bool)] = &[
    ("client:a/wallet/EUR", true),
    ("client:b/wallet/EUR", true),
    ("client:a/transit/EUR", true),
    ("psp:card/clearing/EUR", false),
    ("house:eu/fees/EUR", false),
];

/// From here on they have several rows where there are several writers.
const STRIPED: usize = 3;

#[derive(Default)]
struct Model {
    balance: [i64; 5],
    held: [i64; 5],
    entries: BTreeMap<usize, Vec<(usize, i64)>>,
    reversed: BTreeMap<usize, usize>,
    holds: BTreeMap<usize, MHold>,
}

#[derive(Clone)]
struct MHold {
    account: usize,
    minor: i64,
    due: Option<i64>,
    state: HoldState,
    by: Option<usize>,
}

fn sorted(legs: &[(usize, i64)]) -> Vec<(usize, i64)> {
    let mut v = legs.to_vec();
    v.sort_unstable();
    v
}

impl Model {
    fn fits(&self, legs: &[(usize, i64)], freed: Option<(usize, i64)>) -> bool {
        ACCOUNTS.iter().enumerate().filter(|(_, a)| a.1).all(|(i, _)| {
            let touched = legs.iter().any(|l| l.0 == i);
            let delta: i64 = legs.iter().filter(|l| l.0 == i).map(|l| l.1).sum();
            let free = freed.filter(|f| f.0 == i).map_or(0, |f| f.1);
            !touched || self.balance[i] + delta - (self.held[i] - free) >= 0
        })
    }
    fn book(&mut self, reference: usize, legs: &[(usize, i64)], freed: Option<(usize, i64)>) -> &'static str {
        if let Some(stands) = self.entries.get(&reference) {
            return if *stands == sorted(legs) { "already" } else { "reference_reused" };
        }
        if !self.fits(legs, freed) {
            return "insufficient_funds";
        }
        for (i, m) in legs {
            self.balance[*i] += m;
        }
        if let Some((i, m)) = freed {
            self.held[i] -= m;
        }
        self.entries.insert(reference, sorted(legs));
        "ok"
    }
    fn run(&mut self, cmd: &Cmd) -> String {
        match cmd {
            Cmd::Post { reference, legs } => self.book(*reference, legs, None).into(),
            Cmd::Reverse { of, reference } => {
                let Some(legs) = self.entries.get(of) else {
                    return "not_found".into();
                };
                let legs: Vec<_> = legs.iter().map(|(i, m)| (*i, -m)).collect();
                if let Some(by) = self.reversed.get(of) {
                    return if by == reference {
                        "already".into()
                    } else {
                        "already_reversed".into()
                    };
                }
                let answer = self.book(*reference, &legs, None);
                if answer == "ok" {
                    self.reversed.insert(*of, *reference);
                }
                answer.into()
            }
            Cmd::Hold { hold, account, minor, due } => {
                if *account >= STRIPED {
                    return "hold_on_striped_account".into();
                }
                if let Some(h) = self.holds.get(hold) {
                    return if h.account == *account && h.minor == *minor {
                        "ok".into()
                    } else {
                        "reference_reused".into()
                    };
                }
                if self.balance[*account] - self.held[*account] < *minor {
                    return "insufficient_funds".into();
                }
                self.held[*account] += minor;
                self.holds.insert(
                    *hold,
                    MHold {
                        account: *account,
                        minor: *minor,
                        due: *due,
                        state: HoldState::Pending,
                        by: None,
                    },
                );
                "ok".into()
            }
            Cmd::Settle { hold, reference, legs } => {
                let Some(h) = self.holds.get(hold).cloned() else {
                    return "not_found".into();
                };
                if h.state != HoldState::Pending {
                    if h.by != Some(*reference) {
                        return "hold_closed".into();
                    }
                    return if self.entries[reference] == sorted(legs) {
                        "already".into()
                    } else {
                        "reference_reused".into()
                    };
                }
                if legs.iter().filter(|l| l.0 == h.account).map(|l| l.1).sum::<i64>() >= 0 {
                    return "hold_other_account".into();
                }
                if self.entries.contains_key(reference) {
                    return "reference_reused".into();
                }
                let answer = self.book(*reference, legs, Some((h.account, h.minor)));
                if answer == "ok" {
                    self.holds.insert(
                        *hold,
                        MHold {
                            state: HoldState::Settled,
                            by: Some(*reference),
                            ..h
                        },
                    );
                }
                answer.into()
            }
            Cmd::Release { hold } => match self.holds.get_mut(hold) {
                None => "not_found".into(),
                Some(h) if h.state != HoldState::Pending => h.state.to_string(),
                Some(h) => {
                    h.state = HoldState::Released;
                    self.held[h.account] -= h.minor;
                    "ok".into()
                }
            },
            Cmd::Expire { at } => {
                let mut n = 0;
                for h in self.holds.values_mut() {
                    if h.state == HoldState::Pending && h.due.is_some_and(|d| d <= *at) {
                        h.state = HoldState::Expired;
                        self.held[h.account] -= h.minor;
                        n += 1;
                    }
                }
                n.to_string()
            }
        }
    }
}

fn pick(e: &SeededEntropy, n: u64) -> usize {
    usize::try_from(e.below(n)).unwrap()
}

fn amount(e: &SeededEntropy) -> i64 {
    i64::try_from(e.below(90)).unwrap() + 1
}

/// Mostly out of a wallet, as a settlement is.
fn settling_legs(e: &SeededEntropy) -> Vec<(usize, i64)> {
    let m = amount(e);
    vec![(pick(e, 2), -m), (3, m)]
}

fn some_legs(e: &SeededEntropy) -> Vec<(usize, i64)> {
    if e.below(2) == 0 {
        // Money comes in, or nothing would ever be allowed.
        let m = amount(e) * 2;
        return vec![(pick(e, 2), m), (3, -m)];
    }
    let mut legs = Vec::new();
    let mut sum = 0;
    for _ in 0..1 + e.below(2) {
        let m = amount(e) * if e.below(2) == 0 { 1 } else { -1 };
        legs.push((pick(e, 5), m));
        sum += m;
    }
    if sum == 0 {
        sum = 5;
        legs.push((3, 5));
    }
    // The balancing leg is mostly the unguarded clearing account, so that money comes in at all.
    legs.push((if e.below(3) == 0 { pick(e, 5) } else { 3 }, -sum));
    legs
}

fn random(e: &SeededEntropy, so_far: &[Cmd]) -> Cmd {
    // A replay of something said before, word for word.
    if !so_far.is_empty() && e.below(6) == 0 {
        return so_far[pick(e, so_far.len() as u64)].clone();
    }
    // Small numbers of references and holds, so that they meet.
    match e.below(11) {
        0..=3 => Cmd::Post {
            reference: pick(e, 60),
            legs: some_legs(e),
        },
        4 => Cmd::Reverse {
            of: pick(e, 60),
            reference: pick(e, 90),
        },
        5 | 6 => Cmd::Hold {
            hold: pick(e, 12),
            account: pick(e, if e.below(4) == 0 { 5 } else { 2 }),
            minor: amount(e),
            due: (e.below(2) == 0).then(|| amount(e)),
        },
        7 => Cmd::Settle {
            hold: pick(e, 12),
            reference: 60 + pick(e, 30),
            legs: if e.below(4) == 0 { some_legs(e) } else { settling_legs(e) },
        },
        8 | 9 => Cmd::Release { hold: pick(e, 12) },
        _ => Cmd::Expire { at: amount(e) },
    }
}

const EPOCH: Ts = Ts::from_secs(1_700_000_000);

async fn run(t: &TestDb, world: u64, cmd: Cmd) -> String {
    // Each world has accounts and references of its own in the one database.
    let name = move |i: usize| {
        let mut k = key(ACCOUNTS[i].0);
        k.owner = format!("{}-{world}", k.owner);
        k
    };
    let legs_of = move |legs: &[(usize, i64)]| legs.iter().map(|(i, m)| Leg::new(name(*i), *m)).collect::<Vec<_>>();
    let entry_of = move |r: usize, legs: &[(usize, i64)]| NewEntry {
        legs: legs_of(legs),
        ..entry(&format!("{world}:{r}"), "client:a/wallet/EUR 1")
    };
    let core = t.core.clone();
    let posted = |p: qd_ledger::Posted| if p.already { "already".to_string() } else { "ok".to_string() };
    t.db.write(async move |tx| match &cmd {
        Cmd::Post { reference, legs } => qd_ledger::post(tx, &core, entry_of(*reference, legs)).await.map(posted),
        Cmd::Reverse { of, reference } => match qd_ledger::entry_by_reference(tx, &format!("{world}:{of}")).await? {
            None => Ok("not_found".into()),
            Some(e) => qd_ledger::reverse(tx, &core, e.id, &format!("{world}:{reference}"), "random")
                .await
                .map(posted),
        },
        Cmd::Hold { hold, account, minor, due } => {
            let h = NewHold {
                account: name(*account),
                minor: *minor,
                reference: format!("{world}:{hold}"),
                expires_at: due.map(|d| EPOCH.plus_secs(d)),
            };
            qd_ledger::hold(tx, &core, h).await.map(|_| "ok".into())
        }
        Cmd::Settle { hold, reference, legs } => qd_ledger::settle(tx, &core, &format!("{world}:{hold}"), entry_of(*reference, legs))
            .await
            .map(posted),
        Cmd::Release { hold } => qd_ledger::release(tx, &core, &format!("{world}:{hold}")).await.map(|c| match c {
            Closed::Now => "ok".into(),
            Closed::Already(s) => s.to_string(),
        }),
        Cmd::Expire { at } => qd_ledger::expire_due(tx, &core, EPOCH.plus_secs(*at)).await.map(|n| n.to_string()),
    })
    .await
    .unwrap_or_else(|p| p.code.to_string())
}

qd_testkit::both! {
    async fn any_sequence_of_commands_answers_and_ends_like_the_model(t: TestDb) {
        let mut answers: BTreeMap<String, u32> = BTreeMap::new();
        for world in 0..25u64 {
            let e = SeededEntropy::new(1_000 + world);
            let mut model = Model::default();
            let mut so_far: Vec<Cmd> = Vec::new();
            for step in 0..90 {
                let cmd = random(&e, &so_far);
                let expected = model.run(&cmd);
                let got = run(&t, world, cmd.clone()).await;
                so_far.push(cmd);
                assert_eq!(got, expected, "world {world}, step {step}: {:#?}", so_far);
                *answers.entry(got).or_default() += 1;
            }
            for (i, a) in ACCOUNTS.iter().enumerate() {
                let mut k = key(a.0);
                k.owner = format!("{}-{world}", k.owner);
                let b = t.db.read(async move |tx| qd_ledger::balance(tx, &k).await).await.unwrap();
                assert_eq!((b.balance_minor, b.held_minor), (model.balance[i], model.held[i]), "world {world}, {}", a.0);
            }
            // Left pending, the holds of this world would come due in the next one.
            let core = t.core.clone();
            t.db.write(async move |tx| qd_ledger::expire_due(tx, &core, EPOCH.plus_secs(1_000)).await).await.unwrap();
        }
        // The sequences reach what they are there to reach.
        for kind in ["ok", "already", "reference_reused", "insufficient_funds", "hold_closed", "already_reversed", "released", "expired", "settled", "hold_other_account", "hold_on_striped_account"] {
            assert!(answers.contains_key(kind), "no sequence ever answered {kind}: {answers:?}");
        }
        sound(&t).await;
    }
}
