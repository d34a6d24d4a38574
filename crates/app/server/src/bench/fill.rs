//! A brokerage of any size, written by the database itself: clients at every stage with touches,
//! stage history, search words, verification, accounts, balances, deposits, tasks and partners. The
//! numbers stand in the names, so that a question's answer is known without asking.

use qd_db::{Db, Sql, sql};
use qd_kernel::{Problem, Result, vals};

/// Clients written in one transaction.
const CHUNK: u64 = 10_000;

/// The id of the client with a number.
pub fn client_id(i: u64) -> String {
    format!("cli_{i:026}")
}

/// Where a question goes: a number that jumps through the clients, each as likely as the next.
pub fn jump(n: u64, clients: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .rotate_left(23)
        .wrapping_mul(0xD6E8_FEB8_6659_FD93)
        % clients.max(1)
}

/// Clients who have deposited and trade: seven in ten have not.
pub fn is_funded(i: u64) -> bool {
    i % 10 >= 7
}

pub fn surname(i: u64) -> String {
    format!("family{:05}", i % 20_011)
}

pub fn email(i: u64) -> String {
    format!("person{i}@mail.example")
}

pub fn activity(i: u64) -> i64 {
    1_780_000_000_000_000 + ((i * 7_919) % 10_000_000_000_000) as i64
}

pub fn login(i: u64) -> String {
    (10_000_000 + i).to_string()
}

pub fn payment(i: u64) -> String {
    format!("pi_bench{i}")
}

/// The last seven digits of the telephone number.
pub fn phone_tail(i: u64) -> String {
    (1_000_000 + i % 9_000_000).to_string()
}

const PARTNERS: Sql = sql!(
    "INSERT INTO partners (id, entity, name, email, phone, client_id, currency, payout_method, state, created_at, version)
     WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 49)
     SELECT 'par_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 'eu', 'Partner ' || CAST(i AS TEXT), NULL, NULL, NULL, 'EUR', 'wallet', 'active',
         1760000000000000, 1 FROM n"
);

/// Each takes the first number and the one after the last; `$3` is a member of staff.
const STEPS: [Sql; 14] = [
    sql!(
        "INSERT INTO clients (id, entity, brand, stage, status, first_name, last_name, name_key, email, email_key, email_verified_at, phone, country, language,
             owner_id, desk, partner_id, campaign, kyc_state, vip, tags, custom, registered_at, verified_at, first_deposit_at, activity_at, stage_at, created_at,
             updated_at, version)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
         SELECT 'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2),
             CASE WHEN i % 3 = 0 THEN 'intl' ELSE 'eu' END, CASE WHEN i % 3 = 0 THEN 'harbour' ELSE 'northwind' END,
             CASE WHEN i % 10 < 4 THEN 'lead' WHEN i % 10 < 6 THEN 'registered' WHEN i % 10 < 7 THEN 'verified' ELSE 'funded' END,
             CASE WHEN i % 4 = 0 THEN 'new' WHEN i % 4 = 1 THEN 'contacted' ELSE 'interested' END,
             'Given' || SUBSTR(CAST(1000 + i % 997 AS TEXT), 2), 'Family' || SUBSTR(CAST(100000 + i % 20011 AS TEXT), 2),
             'family' || SUBSTR(CAST(100000 + i % 20011 AS TEXT), 2) || ' given' || SUBSTR(CAST(1000 + i % 997 AS TEXT), 2),
             'person' || CAST(i AS TEXT) || '@mail.example', 'person' || CAST(i AS TEXT) || '@mail.example',
             CASE WHEN i % 10 >= 4 THEN 1780000000000000 + i END, '+4930' || CAST(1000000 + i % 9000000 AS TEXT),
             CASE i % 8 WHEN 0 THEN 'DE' WHEN 1 THEN 'AT' WHEN 2 THEN 'FR' WHEN 3 THEN 'ES' WHEN 4 THEN 'AE' WHEN 5 THEN 'GB' WHEN 6 THEN 'PL' ELSE 'IT' END,
             CASE WHEN i % 2 = 0 THEN 'de' ELSE 'en' END, CASE WHEN i % 4 = 1 THEN $3 END, CASE WHEN i % 2 = 0 THEN 'german' ELSE 'english' END,
             CASE WHEN i % 5 = 0 THEN 'par_000000000' || SUBSTR(CAST(100000000000000000 + i % 50 AS TEXT), 2) END,
             'campaign' || CAST(i % 40 AS TEXT), CASE WHEN i % 10 < 6 THEN 'none' ELSE 'approved' END, (i % 50 = 0), '[]', '{}',
             CASE WHEN i % 10 >= 4 THEN 1780000000000000 + i END, CASE WHEN i % 10 >= 6 THEN 1780000100000000 + i END,
             CASE WHEN i % 10 >= 7 THEN 1780000200000000 + i END, 1780000000000000 + (i * 7919) % 10000000000000, 1780000000000000 + i, 1780000000000000 + i,
             1780000000000000 + i, 1
         FROM n"
    ),
    sql!(
        "INSERT INTO touches (client_id, at, source, medium, campaign, term, content, landing_language, landing_page, referrer, ip_country, partner_id, click_id, form)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
         SELECT 'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 1780000000000000 + i, 'search', 'cpc', 'campaign' || CAST(i % 40 AS TEXT), '', '',
             'de', '/start', '', COALESCE(SUBSTR($3, 1, 0), '') || 'DE', NULL, NULL, 'landing' FROM n"
    ),
    sql!(
        "INSERT INTO client_stages (client_id, from_stage, to_stage, cause, by_id, at)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
         SELECT 'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), NULL, 'lead', 'form landing', COALESCE($3, 'public'), 1780000000000000 + i FROM n"
    ),
    sql!(
        "INSERT INTO client_stages (client_id, from_stage, to_stage, cause, by_id, at)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
         SELECT 'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 'lead', 'registered', 'registration', COALESCE($3, 'public'), 1780000000000000 + i
         FROM n WHERE i % 10 >= 4"
    ),
    sql!(
        "INSERT INTO search_words (word, client_id, kind)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2),
         w (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM w WHERE k < 12)
         SELECT CASE k WHEN 1 THEN 'given' || SUBSTR(CAST(1000 + i % 997 AS TEXT), 2)
                 WHEN 2 THEN 'family' || SUBSTR(CAST(100000 + i % 20011 AS TEXT), 2)
                 WHEN 3 THEN 'person' || CAST(i AS TEXT) || '@mail.example'
                 WHEN 4 THEN 'person' || CAST(i AS TEXT)
                 WHEN 5 THEN '4930' || CAST(1000000 + i % 9000000 AS TEXT)
                 WHEN 6 THEN '30' || CAST(1000000 + i % 9000000 AS TEXT)
                 WHEN 7 THEN '0' || CAST(1000000 + i % 9000000 AS TEXT)
                 ELSE SUBSTR(CAST(1000000 + i % 9000000 AS TEXT), k - 7) END,
             'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), CASE WHEN k < 3 THEN 'name' ELSE SUBSTR('contact' || COALESCE($3, ''), 1, 7) END
         FROM n CROSS JOIN w WHERE k <> 12"
    ),
    sql!(
        "INSERT INTO search_words (word, client_id, kind)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2), w (k) AS (SELECT 1 UNION ALL SELECT 2)
         SELECT CASE k WHEN 1 THEN CAST(10000000 + i AS TEXT) ELSE 'pi_bench' || CAST(i AS TEXT) END,
             'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), SUBSTR('ref' || COALESCE($3, ''), 1, 3) FROM n CROSS JOIN w WHERE i % 10 >= 7"
    ),
    sql!(
        "INSERT INTO client_keys (kind, mark, client_id)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2), w (k) AS (SELECT 1 UNION ALL SELECT 2)
         SELECT CASE k WHEN 1 THEN 'email' ELSE SUBSTR('phone' || COALESCE($3, ''), 1, 5) END,
             CASE k WHEN 1 THEN 'person' || CAST(i AS TEXT) || '@mail.example' ELSE '4930' || CAST(1000000 + i % 9000000 AS TEXT) END,
             'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2) FROM n CROSS JOIN w"
    ),
    sql!(
        "INSERT INTO timeline (id, key, client_id, at, kind, title_key, data, words, visibility, by_name)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2), w (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM w WHERE k < 4)
         SELECT 'tln_00000000' || CAST(k AS TEXT) || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), NULL,
             'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 1780000000000000 + i + k, 'lead', 'timeline.lead_created', '{\"source\": \"search\"}', '',
             'staff', SUBSTR(COALESCE($3, ''), 1, 0) || 'Public' FROM n CROSS JOIN w"
    ),
    sql!(
        "INSERT INTO tasks (id, client_id, title, owner_id, due_at, state, created_by, created_at, closed_at, outcome, version)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
         SELECT 'tsk_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 'Call back',
             COALESCE($3, ''), 1790000000000000 + i, 'open', COALESCE($3, ''), 1780000000000000 + i, NULL, NULL, 1 FROM n WHERE i % 3 = 0"
    ),
    sql!(
        "INSERT INTO kyc_cases (id, client_id, entity, level, state, config_version, country, applicant, signals, round, submitted_at, risk_score, risk_band, reasons,
             approved_at, decided_at, opened_at, changed_at, version)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
         SELECT 'kyc_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2),
             CASE WHEN i % 3 = 0 THEN 'intl' ELSE 'eu' END, 'standard', 'approved', 1, 'DE',
             '{\"client_id\": \"cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2) || '\", \"entity\": \"eu\", \"country\": \"DE\", \"name\": \"Given Family\", \"email\": \"person' || CAST(i AS TEXT) || '@mail.example\"}',
             '{}', 1, 1780000050000000 + i, 10, 'low', '[]', 1780000100000000 + i, 1780000100000000 + i, 1780000040000000 + i, 1780000100000000 + i,
             1 + LENGTH(SUBSTR(COALESCE($3, ''), 1, 0))
         FROM n WHERE i % 10 >= 6"
    ),
    sql!(
        "INSERT INTO trading_accounts (id, client_id, entity, kind, account_type, currency, server, platform_group, leverage, login, state, mapping_id, mapping_version,
             rights_wanted, rights_actual, sync_state, sync_since, last_state, read_at, created_at, ready_at, version)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
         SELECT 'tacc_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2),
             CASE WHEN i % 3 = 0 THEN 'intl' ELSE 'eu' END, 'live', 'standard', 'EUR', SUBSTR('bench' || COALESCE($3, ''), 1, 5), 'real\\eu-standard-eur', 30,
             CAST(10000000 + i AS TEXT), 'ready', 'eu', 1, 'full', 'full', 'synced', 1780000150000000 + i,
             '{\"login\": \"0\", \"currency\": \"EUR\", \"balance_minor\": 50000, \"credit_minor\": 0, \"equity_minor\": 50120, \"margin_minor\": 1000, \"free_margin_minor\": 49120, \"floating_minor\": 120, \"read_at\": 1780000300000000}', 1780000300000000 + i, 1780000140000000 + i, 1780000150000000 + i, 1
         FROM n WHERE i % 10 >= 7"
    ),
    sql!(
        "INSERT INTO ledger_accounts (id, owner, purpose, currency, guarded, balance_minor, held_minor, seq, created_at)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2), w (k) AS (SELECT 1 UNION ALL SELECT 2)
         SELECT 'lac_00000000' || CAST(k AS TEXT) || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2),
             CASE k WHEN 1 THEN 'client:cli_000000000' ELSE 'tacc:tacc_000000000' END || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2),
             CASE k WHEN 1 THEN 'wallet' ELSE 'platform' END, 'EUR', (k = 1), 0, 0, 0, 1780000150000000 + LENGTH(COALESCE($3, '')) FROM n CROSS JOIN w WHERE i % 10 >= 7"
    ),
    sql!(
        "INSERT INTO deposits (id, client_id, entity, account_id, method, connection, amount_minor, currency, state, provider_ref, payment_ref, soft_failure, received_minor,
             returned_minor, left_in_wallet, failure_code, first_deposit, locale, created_at, expires_at, received_at, posted_at, changed_at, version)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2), w (k) AS (SELECT 1 UNION ALL SELECT 2)
         SELECT 'dep_00000000' || CAST(k AS TEXT) || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2),
             CASE WHEN i % 3 = 0 THEN 'intl' ELSE 'eu' END, NULL, 'card', SUBSTR('bench' || COALESCE($3, ''), 1, 5), 50000, 'EUR',
             CASE k WHEN 1 THEN 'failed' ELSE 'posted' END, 'cs_bench' || CAST(k AS TEXT) || '_' || CAST(i AS TEXT), 'pi_bench' || CAST(i AS TEXT), (k = 1),
             CASE k WHEN 1 THEN 0 ELSE 50000 END, 0, (k = 3), CASE k WHEN 1 THEN 'card_declined' END, (k = 2), 'de', 1780000190000000 + i, 1780002000000000 + i,
             1780000200000000 + i, 1780000200000000 + i, 1780000200000000 + i, 3
         FROM n CROSS JOIN w WHERE i % 10 >= 7"
    ),
    sql!(
        "INSERT INTO partner_clients (client_id, from_at, to_at, partner_id, state, model, evidence, made_by, made_at, version)
         WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
         SELECT 'cli_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 1780000000000000, NULL,
             'par_000000000' || SUBSTR(CAST(100000000000000000 + i % 50 AS TEXT), 2), 'active', 'code', '{}', COALESCE($3, 'public'), 1780000000000000, 1 FROM n WHERE i % 5 = 0"
    ),
];

/// Writes clients 0 to `clients - 1`. The first member of staff owns a quarter of them.
pub async fn clients(db: &Db, clients: u64) -> Result<()> {
    let staff: Vec<(String,)> = db
        .read(async |tx| {
            tx.rows(sql!("SELECT id FROM identities WHERE kind = 'staff' ORDER BY id LIMIT 1"), &[])
                .await
        })
        .await?;
    let staff = staff
        .into_iter()
        .next()
        .map(|s| s.0)
        .ok_or_else(|| Problem::bug("bench_nobody", "the house has no staff"))?;
    let mut progress = crate::say::Progress::new("bench: filling", clients);
    db.write(async |tx| tx.exec(PARTNERS, &[]).await).await?;
    let mut from = 0;
    while from < clients {
        let to = (from + CHUNK).min(clients);
        let staff = staff.clone();
        db.write(async move |tx| {
            for s in STEPS {
                tx.exec(s, &vals![from as i64, to as i64, staff.as_str()]).await?;
            }
            Ok(())
        })
        .await?;
        from = to;
        progress.at(from, "");
    }
    // Without statistics both planners guess; a database in use has them.
    db.run_script("ANALYZE", "ANALYZE").await?;
    progress.done(&format!("({clients} clients)"));
    Ok(())
}

const ENTRIES: Sql = sql!(
    "INSERT INTO ledger_entries (id, reference, kind, source, value_at, booked_at)
     WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2), w (k) AS (SELECT 10 UNION ALL SELECT k + 1 FROM w WHERE k < 24)
     SELECT 'ent_0000000' || CAST(k AS TEXT) || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 'fill:' || CAST(k AS TEXT) || ':' || CAST(i AS TEXT), 'transfer', 'fill',
         1780000300000000 + i * 100 + k, 1780000300000000 + i * 100 + k FROM n CROSS JOIN w WHERE i % 10 >= 7"
);

const POSTINGS: Sql = sql!(
    "INSERT INTO ledger_postings (account_id, seq, entry_id, minor, currency, balance_after)
     WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2), w (k) AS (SELECT 10 UNION ALL SELECT k + 1 FROM w WHERE k < 24),
     s (a) AS (SELECT 1 UNION ALL SELECT 2)
     SELECT 'lac_00000000' || CAST(a AS TEXT) || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), k - 9,
         'ent_0000000' || CAST(k AS TEXT) || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), CASE (a + k) % 2 WHEN 0 THEN 100 ELSE -100 END, 'EUR',
         CASE WHEN k % 2 = 1 THEN 0 WHEN a = 1 THEN -100 ELSE 100 END
     FROM n CROSS JOIN w CROSS JOIN s WHERE i % 10 >= 7"
);

/// Fifteen entries between wallet and trading account of every funded client: nine postings for
/// each client of the house.
pub async fn postings(db: &Db, clients: u64) -> Result<()> {
    let mut progress = crate::say::Progress::new("bench: filling the ledger", clients);
    let mut from = 0;
    while from < clients {
        let to = (from + CHUNK).min(clients);
        db.write(async move |tx| {
            tx.exec(ENTRIES, &vals![from as i64, to as i64]).await?;
            tx.exec(POSTINGS, &vals![from as i64, to as i64]).await?;
            Ok(())
        })
        .await?;
        from = to;
        progress.at(from, "");
    }
    progress.done("");
    Ok(())
}
