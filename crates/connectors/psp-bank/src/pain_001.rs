//! A payment file: customer credit transfer initiation, `pain.001.001.09`, one payment information
//! block, charges shared as the service level says. Pure.

use qd_kernel::{Amount, Currency, Problem, Result};
use qd_ports::bank::{Message, bank_text, bic, iban, latin, plain_id};
use std::fmt::Write;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn agent(bic: Option<&str>) -> String {
    match bic {
        Some(b) => format!("<FinInstnId><BICFI>{b}</BICFI></FinInstnId>"),
        None => "<FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId>".to_string(),
    }
}

fn id(field: &str, text: &str) -> Result<()> {
    bank_text(field, text, 35).or_else(|p| {
        if text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && text.len() <= 35 {
            Ok(())
        } else {
            Err(p)
        }
    })
}

/// The file, UTF-8. Errors name the field as in the message: `/transfers/3/iban`.
pub fn write(m: &Message) -> Result<String> {
    id("/id", &m.id)?;
    m.debtor.check("/debtor")?;
    if m.transfers.is_empty() {
        return Err(Problem::conflict("batch_empty", "there is nothing to pay in this file"));
    }
    let mut sum = 0i64;
    let mut body = String::new();
    for (i, t) in m.transfers.iter().enumerate() {
        let at = |f: &str| format!("/transfers/{i}/{f}");
        id(&at("id"), &t.id)?;
        bank_text(&at("name"), &t.name, 70)?;
        iban(&at("iban"), &t.iban)?;
        t.bic.as_deref().map_or(Ok(()), |b| bic(&at("bic"), b))?;
        if t.minor <= 0 {
            return Err(Problem::invalid(
                &at("minor"),
                "amount_not_positive",
                "expected an amount above zero",
            ));
        }
        sum = sum
            .checked_add(t.minor)
            .ok_or_else(|| Problem::invalid(&at("minor"), "amount_too_big", "expected a smaller sum"))?;
        // Written to a string: cannot fail.
        let _ = write!(
            body,
            "      <CdtTrfTxInf>\n        <PmtId><EndToEndId>{}</EndToEndId></PmtId>\n        <Amt><InstdAmt Ccy=\"{}\">{}</InstdAmt></Amt>\n        <CdtrAgt>{}</CdtrAgt>\n        <Cdtr><Nm>{}</Nm></Cdtr>\n        <CdtrAcct><Id><IBAN>{}</IBAN></Id></CdtrAcct>\n        <RmtInf><Ustrd>{}</Ustrd></RmtInf>\n      </CdtTrfTxInf>\n",
            plain_id(&t.id),
            m.currency,
            Amount::new(t.minor, m.currency).text(),
            agent(t.bic.as_deref()),
            escape(&latin(&t.name)),
            t.iban,
            escape(&latin(&t.text).chars().take(140).collect::<String>()),
        );
    }
    let (y, mo, d) = m.created.ymd();
    let of_day = m.created.micros().rem_euclid(86_400_000_000) / 1_000_000;
    let created = format!(
        "{y:04}-{mo:02}-{d:02}T{:02}:{:02}:{:02}Z",
        of_day / 3_600,
        of_day / 60 % 60,
        of_day % 60
    );
    let count = m.transfers.len();
    let total = Amount::new(sum, m.currency).text();
    let name = escape(&latin(&m.debtor.name));
    let message = plain_id(&m.id);
    let level = if m.currency == Currency::EUR { "SEPA" } else { "NURG" };
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\">\n  <CstmrCdtTrfInitn>\n    <GrpHdr>\n      <MsgId>{message}</MsgId>\n      <CreDtTm>{created}</CreDtTm>\n      <NbOfTxs>{count}</NbOfTxs>\n      <CtrlSum>{total}</CtrlSum>\n      <InitgPty><Nm>{name}</Nm></InitgPty>\n    </GrpHdr>\n    <PmtInf>\n      <PmtInfId>{message}</PmtInfId>\n      <PmtMtd>TRF</PmtMtd>\n      <NbOfTxs>{count}</NbOfTxs>\n      <CtrlSum>{total}</CtrlSum>\n      <PmtTpInf><SvcLvl><Cd>{level}</Cd></SvcLvl></PmtTpInf>\n      <ReqdExctnDt><Dt>{y:04}-{mo:02}-{d:02}</Dt></ReqdExctnDt>\n      <Dbtr><Nm>{name}</Nm></Dbtr>\n      <DbtrAcct><Id><IBAN>{}</IBAN></Id></DbtrAcct>\n      <DbtrAgt>{}</DbtrAgt>\n      <ChrgBr>SLEV</ChrgBr>\n{body}    </PmtInf>\n  </CstmrCdtTrfInitn>\n</Document>\n",
        m.debtor.iban,
        agent(m.debtor.bic.as_deref()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_kernel::Ts;
    use qd_ports::bank::{Debtor, Transfer};

    fn message() -> Message {
        Message {
            id: "pba_1".into(),
            created: Ts::from_ymd(2026, 4, 2).plus_secs(3_723),
            currency: Currency::EUR,
            debtor: Debtor {
                name: "Quarter Brokers Ltd".into(),
                iban: "CY17002001280000001200527600".into(),
                bic: Some("BCYPCY2N".into()),
                connection: "bank-eu".into(),
            },
            transfers: vec![
                Transfer {
                    id: "ppo_1".into(),
                    minor: 25_610,
                    name: "Müller & Söhne".into(),
                    iban: "DE89370400440532013000".into(),
                    bic: None,
                    text: "Statement 3".into(),
                },
                Transfer {
                    id: "ppo_2".into(),
                    minor: 90,
                    name: "Anna".into(),
                    iban: "GB82WEST12345698765432".into(),
                    bic: Some("WESTGB2L".into()),
                    text: "x".repeat(200),
                },
            ],
        }
    }

    #[test]
    fn the_file_says_who_pays_whom_what_and_its_own_sums() {
        let xml = write(&message()).expect("a file");
        for part in [
            "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09",
            "<MsgId>pba-1</MsgId>",
            "<CreDtTm>2026-04-02T01:02:03Z</CreDtTm>",
            "<NbOfTxs>2</NbOfTxs>",
            "<CtrlSum>257.00</CtrlSum>",
            "<Cd>SEPA</Cd>",
            "<EndToEndId>ppo-1</EndToEndId>",
            "<InstdAmt Ccy=\"EUR\">256.10</InstdAmt>",
            "<Nm>Mueller + Soehne</Nm>",
            "<Othr><Id>NOTPROVIDED</Id></Othr>",
            "<BICFI>WESTGB2L</BICFI>",
        ] {
            assert!(xml.contains(part), "{part} is missing in\n{xml}");
        }
        assert!(xml.contains(&format!("<Ustrd>{}</Ustrd>", "x".repeat(140))));
        for (open, close) in [("<CdtTrfTxInf>", "</CdtTrfTxInf>"), ("<PmtInf>", "</PmtInf>"), ("<Nm>", "</Nm>")] {
            assert_eq!(xml.matches(open).count(), xml.matches(close).count(), "{open}");
        }
    }

    #[test]
    fn what_a_bank_would_send_back_is_refused_by_its_place() {
        let mut m = message();
        m.transfers[1].iban = "GB82WEST12345698765431".into();
        assert_eq!(write(&m).expect_err("iban").fields[0].pointer, "/transfers/1/iban");
        let mut m = message();
        m.transfers[0].name = "Øystein \u{1F600}".into();
        assert_eq!(write(&m).expect_err("name").fields[0].code, "charset");
        let mut m = message();
        m.transfers.clear();
        assert_eq!(write(&m).expect_err("none").code, "batch_empty");
    }
}
