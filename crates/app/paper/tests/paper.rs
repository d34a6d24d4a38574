//! The PDF as a reader meets it.

use qd_kernel::Ts;
use qd_paper::{Column, Paper, page_count, pdf};

fn paper(rows: usize, rtl: bool) -> Paper {
    Paper {
        brand: "Northwind".into(),
        hue: 210,
        title: if rtl {
            "كشف حساب المحفظة".into()
        } else {
            "Wallet statement".into()
        },
        language: if rtl { "ar".into() } else { "en".into() },
        rtl,
        house: "Northwind Markets EU Ltd, Limassol, licensed by CySEC 000/00".into(),
        facts: vec![
            ("Client".into(), "Alex Weber".into()),
            ("Period".into(), "2026-10".into()),
            ("Opening balance".into(), "0.00 EUR".into()),
        ],
        columns: vec![
            Column::text("Date", 2),
            Column::text("What", 4),
            Column::number("Amount", 2),
            Column::number("Balance", 2),
        ],
        rows: (0..rows)
            .map(|i| {
                let what = if rtl {
                    "إيداع بالبطاقة 4242".to_string()
                } else {
                    format!("Deposit dep_{i} with a long reference that needs more than a line")
                };
                vec!["2026-10-01 12:00".into(), what, "500.00".into(), "1,000.00".into()]
            })
            .collect(),
        totals: vec![vec![String::new(), "Closing balance".into(), String::new(), "1,000.00 EUR".into()]],
        empty: "Nothing in this period.".into(),
        page_of: "Page {n} of {all}".into(),
        made_at: Ts::from_ymd(2026, 11, 20),
        landscape: false,
    }
}

#[test]
fn the_same_paper_gives_the_same_bytes_and_starts_like_a_pdf() {
    let a = pdf(&paper(3, false)).unwrap();
    assert!(a.starts_with(b"%PDF-1.") && a.ends_with(b"%%EOF"));
    assert_eq!(a, pdf(&paper(3, false)).unwrap());
    assert!(a.len() < 80_000, "fonts are cut down to the letters used: {} bytes", a.len());
}

#[test]
fn many_rows_take_many_pages_and_none_takes_one() {
    assert_eq!(page_count(&paper(0, false)).unwrap(), 1);
    assert!(page_count(&paper(200, false)).unwrap() > 3);
    assert!(page_count(&paper(200, true)).unwrap() > 2);
}

#[test]
fn a_row_with_the_wrong_number_of_cells_and_a_book_are_refused() {
    let mut p = paper(1, false);
    p.rows[0].pop();
    assert!(pdf(&p).unwrap_err().is("paper_columns"));
    let mut p = paper(1, false);
    p.rows = vec![p.rows[0].clone(); qd_paper::MOST_ROWS + 1];
    assert!(pdf(&p).unwrap_err().is("paper_too_long"));
}

/// Writes both to look at: `QD_PAPER=/tmp/paper cargo test -p qd-paper`.
#[test]
fn both_directions_of_writing_are_written() {
    for (name, rtl) in [("ltr", false), ("rtl", true)] {
        let bytes = pdf(&paper(40, rtl)).unwrap();
        if let Ok(dir) = std::env::var("QD_PAPER") {
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(format!("{dir}/{name}.pdf"), bytes).unwrap();
        }
    }
}
