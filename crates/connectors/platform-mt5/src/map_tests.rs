use super::*;

/// A record in the captured layout.
fn record(members: &[(&str, &str)]) -> String {
    let body: Vec<String> = members.iter().map(|(k, v)| format!("\"{k}\" : \"{v}\"")).collect();
    format!("{{\r\n{}\r\n}}\r\n", body.join(",\r\n"))
}

const CLOSE: &[(&str, &str)] = &[
    ("Deal", "136650"),
    ("ExternalID", ""),
    ("Login", "954402"),
    ("Dealer", "0"),
    ("Order", "200101"),
    ("Action", "1"),
    ("Entry", "1"),
    ("Reason", "4"),
    ("Digits", "5"),
    ("DigitsCurrency", "2"),
    ("ContractSize", "100000.00"),
    ("Time", "1795182300"),
    ("TimeMsc", "1795182300123"),
    ("Symbol", "EURUSD"),
    ("Price", "1.08451"),
    ("PriceSL", "0.00000"),
    ("PriceTP", "1.08451"),
    ("Volume", "12500"),
    ("VolumeExt", "125000000"),
    ("Profit", "-312.50"),
    ("Value", "135563.75"),
    ("Storage", "-1.20"),
    ("Commission", "-4.38"),
    ("Fee", "-0.12"),
    ("RateProfit", "1.00000000"),
    ("ExpertID", "0"),
    ("PositionID", "200099"),
    ("Comment", "[tp 1.08451]"),
    ("ProfitRaw", "-312.50000000"),
    ("PricePosition", "1.08701"),
    ("VolumeClosed", "12500"),
    ("VolumeClosedExt", "125000000"),
    ("MarketBid", "1.08451"),
    ("MarketAsk", "1.08460"),
    ("MarketLast", "0.00000"),
    ("ModificationFlags", "0"),
    ("ModifyFlags", "0"),
];

fn with(changes: &[(&str, &str)]) -> String {
    let mut m: Vec<(&str, &str)> = CLOSE.to_vec();
    for (k, v) in changes {
        match m.iter_mut().find(|(n, _)| n == k) {
            Some(slot) => slot.1 = v,
            None => m.push((k, v)),
        }
    }
    record(&m)
}

fn without(names: &[&str], changes: &[(&str, &str)]) -> String {
    let m: Vec<(&str, &str)> = CLOSE
        .iter()
        .filter(|(k, _)| !names.contains(k))
        .map(|(k, v)| (*k, changes.iter().find(|(c, _)| c == k).map_or(*v, |(_, v)| *v)))
        .collect();
    record(&m)
}

fn map(text: &str) -> Mapped<Deal> {
    deal(&serde_json::from_str::<wire::Deal>(text).unwrap(), &ServerZone::fixed(120))
}

#[test]
fn a_closing_deal_becomes_integers_and_utc() {
    let d = map(&with(&[])).unwrap();
    assert_eq!(
        (d.ticket.as_str(), d.login.as_str(), d.kind, d.side, d.entry),
        ("136650", "954402", DealKind::Trade, DealSide::Sell, DealEntry::Out)
    );
    assert_eq!(
        (d.volume, d.volume_closed, d.contract_size),
        (Lots(125_000_000), Lots(125_000_000), 100_000)
    );
    assert_eq!(
        (d.digits, d.price, d.price_position, d.bid, d.ask),
        (5, 108_451, 108_701, Some(108_451), Some(108_460))
    );
    assert_eq!((d.profit_minor, d.swap_minor, d.commission_minor), (-31_250, -120, -450));
    assert_eq!(
        (d.at, d.server_wall_ms),
        (Ts::from_millis(1_795_182_300_123 - 7_200_000), 1_795_182_300_123)
    );
    assert_eq!((d.reason.as_str(), d.technical, d.modified), ("take_profit", false, false));
    assert_eq!(d.position_id, "200099");
}

#[test]
fn an_old_server_without_the_newer_members_is_understood() {
    let d = map(&without(
        &[
            "VolumeExt",
            "VolumeClosedExt",
            "VolumeClosed",
            "Fee",
            "TimeMsc",
            "MarketBid",
            "MarketAsk",
            "ModifyFlags",
        ],
        &[],
    ))
    .unwrap();
    assert_eq!((d.volume, d.volume_closed), (Lots(125_000_000), Lots(125_000_000)));
    assert_eq!((d.bid, d.ask, d.commission_minor), (None, None, -438));
    assert_eq!(d.server_wall_ms, 1_795_182_300_000);
    let d = map(&with(&[
        ("VolumeExt", "0"),
        ("VolumeClosedExt", "0"),
        ("VolumeClosed", "100"),
        ("MarketBid", "0.00000"),
    ]))
    .unwrap();
    assert_eq!((d.volume, d.volume_closed, d.bid), (Lots(125_000_000), Lots(1_000_000), None));
}

#[test]
fn json_numbers_are_as_good_as_strings() {
    let text = with(&[])
        .replace("\"-312.50\"", "-312.50")
        .replace("\"12500\"", "12500")
        .replace("\"1.08451\"", "1.08451");
    assert_eq!(map(&text), map(&with(&[])));
}

#[test]
fn an_opening_deal_closes_nothing_and_a_reversal_says_how_much_it_closed() {
    assert_eq!(map(&with(&[("Entry", "0")])).unwrap().volume_closed, Lots(0));
    let d = map(&with(&[("Entry", "2"), ("VolumeClosedExt", "50000000")])).unwrap();
    assert_eq!(
        (d.entry, d.volume, d.volume_closed),
        (DealEntry::InOut, Lots(125_000_000), Lots(50_000_000))
    );
    assert!(
        map(&without(&["VolumeClosed", "VolumeClosedExt"], &[("Entry", "2")]))
            .unwrap_err()
            .contains("VolumeClosed")
    );
    assert_eq!(map(&with(&[("Entry", "3")])).unwrap().entry, DealEntry::OutBy);
}

#[test]
fn every_action_has_its_kind() {
    for n in 0..=20 {
        let want = match n {
            0 | 1 => DealKind::Trade,
            2 => DealKind::Balance,
            3 | 6 | 20 => DealKind::Credit,
            13 | 14 => DealKind::CancelledTrade,
            _ => DealKind::Other,
        };
        let d = map(&with(&[("Action", &n.to_string())])).unwrap();
        assert_eq!(d.kind, want, "action {n}");
        assert_eq!(d.side == DealSide::Sell, n == 1 || n == 14, "action {n}");
    }
    let d = map(&with(&[("Action", "21")])).unwrap();
    assert_eq!((d.kind, d.reason.as_str()), (DealKind::Other, "action_21"));
}

#[test]
fn a_balance_operation_needs_no_symbol_and_no_price() {
    let text = record(&[
        ("Deal", "9"),
        ("Login", "1"),
        ("Action", "2"),
        ("Entry", "0"),
        ("Reason", "2"),
        ("Digits", "0"),
        ("DigitsCurrency", "0"),
        ("Time", "1795182300"),
        ("Symbol", ""),
        ("Price", "0"),
        ("Volume", "0"),
        ("Profit", "-50000"),
        ("Comment", "W-7K2Q9F4M1X"),
    ]);
    let d = map(&text).unwrap();
    assert_eq!(
        (d.kind, d.profit_minor, d.reason.as_str(), d.comment.as_str()),
        (DealKind::Balance, -50_000, "balance", "W-7K2Q9F4M1X")
    );
}

#[test]
fn edits_show_in_either_spelling_and_housekeeping_is_marked() {
    assert!(map(&with(&[("ModificationFlags", "2")])).unwrap().modified);
    assert!(map(&with(&[("ModifyFlags", "32")])).unwrap().modified);
    for (n, technical) in [
        ("6", true),
        ("12", true),
        ("13", true),
        ("15", true),
        ("18", true),
        ("0", false),
        ("5", false),
        ("99", false),
    ] {
        let d = map(&with(&[("Reason", n)])).unwrap();
        assert_eq!(d.technical, technical, "reason {n}");
    }
    assert_eq!(map(&with(&[("Reason", "99")])).unwrap().reason, "reason_99");
}

#[test]
fn a_record_that_makes_no_sense_says_which_member() {
    for (member, value) in [
        ("Deal", ""),
        ("Deal", "0"),
        ("Login", "x"),
        ("Action", "buy"),
        ("Profit", "1e5"),
        ("Profit", "1.234"),
        ("Profit", ""),
        ("Time", ""),
        ("DigitsCurrency", ""),
        ("Entry", "7"),
        ("Price", "n/a"),
        ("ContractSize", "0.5"),
        ("Symbol", ""),
    ] {
        let changes: Vec<(&str, &str)> = if member == "Time" {
            vec![("Time", ""), ("TimeMsc", "")]
        } else {
            vec![(member, value)]
        };
        let e = map(&with(&changes)).unwrap_err();
        assert!(e.contains(member), "{member}={value}: {e}");
    }
}

#[test]
fn an_average_price_with_more_places_than_the_symbol_is_rounded() {
    assert_eq!(map(&with(&[("PricePosition", "1.08701500")])).unwrap().price_position, 108_702);
    assert_eq!(map(&with(&[("PricePosition", "1.08701499")])).unwrap().price_position, 108_701);
}

#[test]
fn only_two_bits_of_the_rights_ever_change() {
    // 6627 and 2531 are masks from live records, with internal and undocumented bits.
    for mask in [0x163u64, 6627, 2531, 0x28B, 0x3_FFFF] {
        for want in [TradeRights::Full, TradeRights::ReadOnly, TradeRights::Blocked] {
            let got = with_rights(mask, want);
            assert_eq!(rights_of(got), want, "{mask:#x}");
            assert_eq!((got ^ mask) & !(ENABLED | TRADE_DISABLED), 0, "{mask:#x} {want:?}");
        }
        let read_only = with_rights(mask, TradeRights::ReadOnly);
        assert_eq!(with_rights(read_only, TradeRights::Blocked) & TRADE_DISABLED, TRADE_DISABLED);
    }
}

#[test]
fn money_is_written_with_the_groups_places() {
    let eur = |m| Amount::new(m, Currency::EUR);
    assert_eq!(money_text(eur(50_000), 2).as_deref(), Some("500.00"));
    assert_eq!(money_text(eur(-1), 2).as_deref(), Some("-0.01"));
    assert_eq!(money_text(eur(50_000), 0).as_deref(), Some("500"));
    assert_eq!(money_text(eur(50_001), 0), None);
    assert_eq!(money_text(Amount::new(-7_000, Currency::JPY), 2).as_deref(), Some("-7000.00"));
}

#[test]
fn a_token_is_found_whole_or_not_at_all() {
    assert!(carries_token("D-7K2Q9F4M1X", "D-7K2Q9F4M1X"));
    assert!(carries_token("D-7K2Q9F4M1X deposit card", "D-7K2Q9F4M1X"));
    assert!(!carries_token("D-7K2Q9F4M1XY", "D-7K2Q9F4M1X"));
    assert!(!carries_token("D-7K2Q9F4M1X-2", "D-7K2Q9F4M1X"));
    assert!(!carries_token("re D-7K2Q9F4M1X", "D-7K2Q9F4M1X"));
    assert!(is_token("D-7K2Q9F4M1X") && !is_token("") && !is_token("d-1") && !is_token("A|B") && !is_token(&"A".repeat(21)));
}

fn user(extra: &[(&str, &str)]) -> wire::User {
    let mut m = vec![
        ("Login", "954402"),
        ("Group", "real\\\\forex-usd"),
        ("Rights", "6627"),
        ("Leverage", "100"),
        ("Balance", "26000.00"),
        ("Credit", "0.00"),
        ("ID", "tac_01JD3K0000000000000000000A"),
        ("Comment", "vip"),
    ];
    for (k, v) in extra {
        if let Some(slot) = m.iter_mut().find(|(n, _)| n == k) {
            slot.1 = v;
        }
    }
    serde_json::from_str(&record(&m)).unwrap()
}

#[test]
fn an_account_takes_its_currency_from_the_group_and_its_digits_from_the_registry() {
    let g: wire::Group = serde_json::from_str(&record(&[("Group", "g"), ("Currency", "USD"), ("CurrencyDigits", "2")])).unwrap();
    let money = group_money(&g).unwrap();
    let a = account(&user(&[]), money, OurRefField::Id).unwrap();
    assert_eq!(
        (a.login.as_str(), a.group.as_str(), a.currency, a.leverage),
        ("954402", "real\\forex-usd", Currency::USD, 100)
    );
    assert_eq!((a.balance_minor, a.credit_minor, a.rights), (2_600_000, 0, TradeRights::Full));
    assert_eq!(a.our_ref.as_deref(), Some("tac_01JD3K0000000000000000000A"));
    assert_eq!(
        account(&user(&[]), money, OurRefField::Comment).unwrap().our_ref.as_deref(),
        Some("vip")
    );
    assert_eq!(account(&user(&[("ID", "")]), money, OurRefField::Id).unwrap().our_ref, None);
    assert!(
        account(&user(&[("Balance", "")]), money, OurRefField::Id)
            .unwrap_err()
            .contains("Balance")
    );
    let jpy = GroupMoney {
        currency: Currency::JPY,
        digits: 2,
    };
    assert_eq!(
        account(&user(&[("Balance", "26000.00")]), jpy, OurRefField::Id)
            .unwrap()
            .balance_minor,
        26_000
    );
    // Half a yen cannot be kept, and is not rounded away in silence.
    assert!(account(&user(&[("Balance", "26000.50")]), jpy, OurRefField::Id).is_err());
    let unknown: wire::Group = serde_json::from_str(&record(&[("Currency", "USC")])).unwrap();
    assert!(group_money(&unknown).unwrap_err().contains("USC"));
}

#[test]
fn the_margin_record_and_the_idle_account_give_the_same_shape() {
    let a: wire::Account = serde_json::from_str(&record(&[
        ("Login", "954402"),
        ("CurrencyDigits", "2"),
        ("Balance", "1000.00"),
        ("Credit", "50.00"),
        ("Margin", "210.55"),
        ("MarginFree", "-3.10"),
        ("MarginLevel", "98.53"),
        ("Profit", "-840.00"),
        ("Storage", "-2.55"),
        ("Equity", "207.45"),
    ]))
    .unwrap();
    let s = account_state(&a, Currency::EUR, Ts(7)).unwrap();
    assert_eq!(
        (s.equity_minor, s.floating_minor, s.free_margin_minor, s.margin_minor),
        (20_745, -84_255, -310, 21_055)
    );
    let idle = idle_state(
        &account(
            &user(&[("Credit", "10.00")]),
            GroupMoney {
                currency: Currency::USD,
                digits: 2,
            },
            OurRefField::Id,
        )
        .unwrap(),
        Ts(7),
    );
    assert_eq!(
        (idle.equity_minor, idle.free_margin_minor, idle.margin_minor),
        (2_601_000, 2_601_000, 0)
    );
}

#[test]
fn a_position_is_mapped_and_a_third_side_is_refused() {
    let p = |action: &str| {
        let text = record(&[
            ("Position", "200099"),
            ("Login", "954402"),
            ("Symbol", "USDJPY"),
            ("Action", action),
            ("Digits", "3"),
            ("DigitsCurrency", "2"),
            ("TimeCreate", "1795182300"),
            ("PriceOpen", "151.234"),
            ("PriceCurrent", "151.300"),
            ("Volume", "100"),
            ("Profit", "0.44"),
            ("Storage", "0.00"),
        ]);
        position(&serde_json::from_str(&text).unwrap(), &ServerZone::fixed(0))
    };
    let one = p("1").unwrap();
    assert_eq!(
        (one.side, one.volume, one.price_open, one.profit_minor),
        (DealSide::Sell, Lots(1_000_000), 151_234, 44)
    );
    assert_eq!(one.opened_at, Ts::from_secs(1_795_182_300));
    assert!(p("2").is_err());
}

#[test]
fn languages_become_the_numbers_windows_uses() {
    assert_eq!(
        (langid("de"), langid("de-CH"), langid("EN_us"), langid("xx")),
        (Some(7), Some(7), Some(9), None)
    );
}
