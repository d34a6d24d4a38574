//! What must hold for any amount, not for the examples we thought of.

use proptest::prelude::*;
use qd_kernel::{Amount, Currency, MAX_MINOR, Rate, Rounding, format_fixed, parse_fixed, split_largest_remainder};

fn currency() -> impl Strategy<Value = Currency> {
    let all: Vec<Currency> = Currency::all().collect();
    (0..all.len()).prop_map(move |i| all[i])
}
fn rounding() -> impl Strategy<Value = Rounding> {
    prop_oneof![
        Just(Rounding::HalfAwayFromZero),
        Just(Rounding::HalfEven),
        Just(Rounding::TowardZero),
        Just(Rounding::AwayFromZero)
    ]
}

proptest! {
    #[test]
    fn parts_of_a_split_sum_to_the_whole_and_none_is_off_by_a_unit(total in -MAX_MINOR..=MAX_MINOR, weights in prop::collection::vec(0u64..=u64::MAX / 1_000, 1..40)) {
        match split_largest_remainder(total, &weights) {
            None => prop_assert!(weights.iter().all(|w| *w == 0)),
            Some(parts) => {
                prop_assert_eq!(parts.iter().sum::<i64>(), total);
                let sum: u128 = weights.iter().map(|w| u128::from(*w)).sum();
                for (p, w) in parts.iter().zip(&weights) {
                    let exact_floor = u128::from(total.unsigned_abs()) * u128::from(*w) / sum;
                    let got = u128::from(p.unsigned_abs());
                    prop_assert!(got == exact_floor || got == exact_floor + 1);
                    prop_assert!(*w != 0 || *p == 0);
                }
            }
        }
    }

    #[test]
    fn text_and_integer_are_the_same_amount(minor in -MAX_MINOR..=MAX_MINOR, c in currency()) {
        let a = Amount::new(minor, c);
        prop_assert_eq!(Amount::parse(&a.text(), c).unwrap(), a);
        prop_assert_eq!(parse_fixed(&format_fixed(minor, 8), 8), Some(minor));
    }

    #[test]
    fn adding_and_taking_away_returns_to_the_start_or_is_refused(a in -MAX_MINOR..=MAX_MINOR, b in -MAX_MINOR..=MAX_MINOR, c in currency()) {
        let (x, y) = (Amount::new(a, c), Amount::new(b, c));
        match x.add(y) {
            Ok(s) => prop_assert_eq!(s.sub(y).unwrap(), x),
            Err(p) => { prop_assert_eq!(p.code, "amount_out_of_range"); prop_assert!((i128::from(a) + i128::from(b)).abs() > i128::from(MAX_MINOR)); }
        }
    }

    #[test]
    fn rounding_is_the_same_for_both_signs_and_never_off_by_a_unit(n in -1_000_000_000_000_000i64..1_000_000_000_000_000, num in 1i64..1_000_000, den in 1i64..1_000_000, r in rounding()) {
        let c = Currency::EUR;
        if let Ok(plus) = Amount::new(n, c).mul_div(num, den, r) {
            prop_assert_eq!(Amount::new(-n, c).mul_div(num, den, r).unwrap(), plus.neg());
            let exact = i128::from(n) * i128::from(num);
            let back = i128::from(plus.minor) * i128::from(den);
            prop_assert!((exact - back).abs() < i128::from(den));
            if matches!(r, Rounding::HalfAwayFromZero | Rounding::HalfEven) {
                prop_assert!((exact - back).abs() * 2 <= i128::from(den));
            }
        }
    }

    #[test]
    fn converting_at_one_between_exponents_loses_nothing_going_up(minor in -90_000_000i64..90_000_000, to in currency()) {
        let a = Amount::new(minor, Currency::JPY);
        let up = a.convert(Rate::ONE, to, Rounding::HalfAwayFromZero).unwrap();
        prop_assert_eq!(up.convert(Rate::ONE, Currency::JPY, Rounding::HalfAwayFromZero).unwrap(), a);
    }
}

#[test]
fn the_figures_a_book_keeper_would_check_by_hand() {
    let eur = |m| Amount::new(m, Currency::EUR);
    assert_eq!(Rounding::HalfAwayFromZero.div(12_345, 10), Some(1_235));
    assert_eq!(Rounding::HalfAwayFromZero.div(-12_345, 10), Some(-1_235));
    assert_eq!(Rounding::HalfEven.div(12_345, 10), Some(1_234));
    assert_eq!(eur(10_000).split(&[1, 1, 1]).unwrap(), [eur(3_334), eur(3_333), eur(3_333)]);
    assert_eq!(eur(-100).split(&[1, 1, 1]).unwrap(), [eur(-34), eur(-33), eur(-33)]);
    // 900 JPY at 0.00592 EUR is 5.328, booked as 5.33 (ib-commissions.md, example 10).
    assert_eq!(
        Amount::new(900, Currency::JPY)
            .convert(Rate::parse("0.00592").unwrap(), Currency::EUR, Rounding::HalfAwayFromZero)
            .unwrap(),
        eur(533)
    );
    assert_eq!(Amount::parse("5.124", Currency::parse("KWD").unwrap()).unwrap().minor, 5_124);
    assert!(Amount::parse("5.124", Currency::EUR).is_err());
    assert!(Amount::parse("1e3", Currency::EUR).is_err());
    assert!(Amount::parse("5.", Currency::EUR).is_err());
    assert!(Amount::parse("", Currency::EUR).is_err());
    assert!(Amount::parse("99999999999999999999", Currency::EUR).is_err());
    assert!(serde_json::from_str::<Amount>(r#"{"minor":1.5,"currency":"EUR"}"#).is_err());
}
