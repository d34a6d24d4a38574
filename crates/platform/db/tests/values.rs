//! What goes in comes out, on both engines.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use qd_db::{Query, Sql, Tx, row, sql};
use qd_kernel::{Val, vals};
use qd_testkit::{TestDb, both};

const TABLE_SQLITE: &str = "CREATE TABLE sample (n INTEGER PRIMARY KEY, i INTEGER, t TEXT, b BLOB, f INTEGER) STRICT";
const TABLE_POSTGRES: &str = "CREATE TABLE sample (n BIGINT PRIMARY KEY, i BIGINT, t TEXT, b BYTEA, f BOOLEAN)";
const PUT: Sql = sql!("INSERT INTO sample (n, i, t, b, f) VALUES ($1, $2, $3, $4, $5)");
const GET: Sql = sql!("SELECT n, i, t, b, f FROM sample ORDER BY n");
const START: Sql = sql!("SELECT n, i, t, b, f FROM sample WHERE n > 0");
const BETWEEN: Sql = sql!(" AND n >= $? AND n <= $?");
const WITH_TEXT: Sql = sql!(" AND t = $?");
const ORDER: Sql = sql!(" ORDER BY n DESC LIMIT $?");
const REPEATED: Sql = sql!("SELECT n, i, t, b, f FROM sample WHERE n = $2 OR (n = $1 AND n < $2)");
const RETURNED: Sql = sql!("UPDATE sample SET i = 0 WHERE n > $1 RETURNING n");
const COUNT: Sql = sql!("SELECT COUNT(*), CAST(COALESCE(SUM(i), 0) AS BIGINT) FROM sample WHERE n > $1");

row! {
    #[derive(Debug, PartialEq, Clone)]
    struct Sample {
        n: i64,
        i: Option<i64>,
        t: Option<String>,
        b: Option<Vec<u8>>,
        f: Option<bool>,
    }
}

fn samples() -> Vec<Sample> {
    let s = |n, i, t: Option<&str>, b: Option<Vec<u8>>, f| Sample {
        n,
        i,
        t: t.map(str::to_string),
        b,
        f,
    };
    vec![
        s(1, Some(i64::MIN), Some(""), Some(vec![]), Some(false)),
        s(
            2,
            Some(i64::MAX),
            Some("Ångström – 日本語 – مرحبا – 👩‍👩‍👧"),
            Some((0..=255).collect()),
            Some(true),
        ),
        s(3, None, None, None, None),
        s(4, Some(0), Some("O'Brien \"$1\" ?1 %_\\ \n\t"), Some(vec![0; 100_000]), Some(true)),
        s(5, Some(-1), Some(&"x".repeat(200_000)), Some(vec![0xff, 0x00]), Some(false)),
    ]
}

async fn filled(t: &TestDb) {
    t.db.run_script(TABLE_SQLITE, TABLE_POSTGRES).await.unwrap();
    t.db.write(async |tx: &mut Tx| {
        let rows: Vec<Vec<Val>> = samples().into_iter().map(|s| vals![s.n, s.i, s.t, s.b, s.f].to_vec()).collect();
        assert_eq!(tx.exec_many(PUT, &rows).await?, 5);
        Ok(())
    })
    .await
    .unwrap();
}

both! {
    async fn a_nul_in_text_is_the_callers_mistake_on_both_engines(t: TestDb) {
        filled(&t).await;
        let put = t.db.write(async |tx: &mut Tx| tx.exec(PUT, &vals![9, 0, "a\0b", Vec::<u8>::new(), true]).await).await;
        assert!(put.unwrap_err().is("text_nul"));
        let many = t.db.write(async |tx: &mut Tx| tx.exec_many(PUT, &[vals![9, 0, "\0", Vec::<u8>::new(), true].to_vec()]).await).await;
        assert!(many.unwrap_err().is("text_nul"));
        let asked = t.db.read(async |tx: &mut Tx| {
            let mut q = Query::new(START);
            q.push(WITH_TEXT, vals!["\0"]);
            tx.query::<Sample>(&q).await
        }).await;
        assert!(asked.unwrap_err().is("text_nul"));
    }

    async fn extremes_text_of_all_scripts_bytes_and_nothing_come_back_as_they_went(t: TestDb) {
        filled(&t).await;
        let back: Vec<Sample> = t.db.read(async |tx: &mut Tx| tx.rows(GET, &[]).await).await.unwrap();
        assert_eq!(back, samples());
    }

    async fn a_statement_put_together_binds_each_value_once_and_in_order(t: TestDb) {
        filled(&t).await;
        let found: Vec<Sample> = t.db.read(async |tx: &mut Tx| {
            let mut q = Query::new(START);
            q.push(BETWEEN, vals![1, 4]).push(WITH_TEXT, vals!["O'Brien \"$1\" ?1 %_\\ \n\t"]).push(ORDER, vals![10]);
            tx.query(&q).await
        }).await.unwrap();
        assert_eq!(found.iter().map(|s| s.n).collect::<Vec<_>>(), [4]);
    }

    async fn parameters_are_numbered_not_counted(t: TestDb) {
        filled(&t).await;
        let found: Vec<Sample> = t.db.read(async |tx: &mut Tx| tx.rows(REPEATED, &vals![1, 2]).await).await.unwrap();
        assert_eq!(found.len(), 2);
    }

    async fn returning_answers_every_changed_row_and_exec_counts_them(t: TestDb) {
        filled(&t).await;
        let (rows, n) = t.db.write(async |tx: &mut Tx| {
            let rows: Vec<(i64,)> = tx.rows(RETURNED, &vals![2]).await?;
            Ok((rows, tx.exec(RETURNED, &vals![1]).await?))
        }).await.unwrap();
        assert_eq!((rows.len(), n), (3, 4));
        let (count, sum): (i64, i64) = t.db.read(async |tx: &mut Tx| tx.must(COUNT, &vals![1]).await).await.unwrap();
        assert_eq!((count, sum), (4, 0));
    }

    async fn a_row_that_does_not_fit_its_type_names_the_column(t: TestDb) {
        filled(&t).await;
        let p = t.db.read(async |tx: &mut Tx| tx.rows::<(i64, i64)>(GET, &[]).await).await.unwrap_err();
        assert!(p.is("row_unreadable"));
        assert!(p.detail.contains("column 1"), "{}", p.detail);
    }
}
