//! Statements and notices: camt.053 and camt.054, versions 02 to 08 (a status is plain text in the old
//! ones and a choice in the new).

use crate::money::{amount, day};
use crate::xml::{Node, each, fault};
use qd_kernel::{Amount, Currency};
use qd_ports::bank::{AccountEntries, BankEntry, BankFile, BankFileKind, Direction, Party};
use qd_ports::psp::SettlementFault;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The payer's words are kept up to here.
const TEXT_KEPT: usize = 500;

#[derive(Default)]
struct Open {
    id: Option<String>,
    line: u32,
    account: Option<String>,
    currency: Option<Currency>,
    opening: Option<Amount>,
    closing: Option<Amount>,
    /// Booked, signed as our balance sees it.
    sum: i64,
    entries: Vec<BankEntry>,
    pending: u32,
    /// How many entries without a reference are made of the same.
    equal: BTreeMap<String, u32>,
}

/// Reads the file or says what is wrong with it first.
pub fn read(text: &str) -> Result<BankFile, SettlementFault> {
    let mut kind = BankFileKind::Statement;
    let mut message_id = None;
    let mut all: Vec<Open> = Vec::new();
    let container = |n: &str| matches!(n, "Stmt" | "Ntfctn");
    each(
        text,
        |path| match path.len() {
            3 => !container(&path[2]),
            4 => container(&path[2]),
            _ => false,
        },
        |path, n| {
            if path[1] == "BkToCstmrDbtCdtNtfctn" {
                kind = BankFileKind::Notice;
            }
            if path.len() == 3 {
                if n.name == "GrpHdr" {
                    message_id = n.owned(&["MsgId"]);
                }
                return Ok(());
            }
            // Each statement begins with its id.
            if n.name == "Id" {
                all.push(Open {
                    id: Some(n.text.trim().to_string()),
                    line: n.line,
                    ..Open::default()
                });
                return Ok(());
            }
            let open = all
                .last_mut()
                .ok_or_else(|| fault(n.line, &path[2], "element_missing", "expected Id first"))?;
            match n.name.as_str() {
                "Acct" => {
                    open.account = n
                        .owned(&["Id", "IBAN"])
                        .or_else(|| n.owned(&["Id", "Othr", "Id"]))
                        .map(|a| a.replace(' ', ""));
                    open.currency = n.text_at(&["Ccy"]).and_then(|c| Currency::parse(c).ok());
                }
                "Bal" => balance(open, &n)?,
                "Ntry" => entry(open, &n)?,
                _ => {}
            }
            Ok(())
        },
    )?;
    let message_id = message_id.ok_or_else(|| fault(1, "GrpHdr/MsgId", "element_missing", "expected the id of the file"))?;
    if all.is_empty() {
        return Err(fault(1, "Stmt", "element_missing", "expected at least one statement or notice"));
    }
    let accounts = all.into_iter().map(closed).collect::<Result<_, _>>()?;
    Ok(BankFile {
        kind,
        message_id,
        accounts,
        statuses: Vec::new(),
    })
}

fn closed(o: Open) -> Result<AccountEntries, SettlementFault> {
    let account = o
        .account
        .ok_or_else(|| fault(o.line, "Acct/Id", "element_missing", "expected the account's IBAN or number"))?;
    if let (Some(opening), Some(closing)) = (o.opening, o.closing) {
        let adds_up = opening.currency == closing.currency && opening.minor.checked_add(o.sum) == Some(closing.minor);
        if !adds_up {
            return Err(fault(
                o.line,
                "Bal",
                "balance_differs",
                format!("expected the opening balance {opening} and the entries to make the closing balance {closing}"),
            ));
        }
    }
    Ok(AccountEntries {
        id: o.id.unwrap_or_default(),
        account,
        currency: o.currency,
        entries: o.entries,
        pending: o.pending,
    })
}

fn direction(n: &Node) -> Result<Direction, SettlementFault> {
    match n.need(&["CdtDbtInd"])?.text.trim() {
        "CRDT" => Ok(Direction::In),
        "DBIT" => Ok(Direction::Out),
        other => Err(fault(
            n.line,
            "CdtDbtInd",
            "value_unknown",
            format!("expected CRDT or DBIT, not {other:.10}"),
        )),
    }
}

fn signed(a: Amount, d: Direction) -> i64 {
    match d {
        Direction::In => a.minor,
        Direction::Out => -a.minor,
    }
}

fn balance(o: &mut Open, n: &Node) -> Result<(), SettlementFault> {
    let word = n.text_at(&["Tp", "CdOrPrtry", "Cd"]).unwrap_or_default();
    if !matches!(word, "OPBD" | "PRCD" | "CLBD") {
        return Ok(());
    }
    let a = amount(n.need(&["Amt"])?)?;
    let a = Amount::new(signed(a, direction(n)?), a.currency);
    if word == "CLBD" {
        o.closing = Some(a);
    } else if word == "OPBD" || o.opening.is_none() {
        o.opening = Some(a);
    }
    Ok(())
}

fn entry(o: &mut Open, n: &Node) -> Result<(), SettlementFault> {
    let whole = amount(n.need(&["Amt"])?)?;
    let direction = direction(n)?;
    let sts = n.need(&["Sts"])?;
    let word = sts.text_at(&["Cd"]).or_else(|| sts.text_at(&["Prtry"])).unwrap_or(&sts.text).trim();
    match word {
        "BOOK" => {}
        "PDNG" | "INFO" | "FUTR" => {
            o.pending += 1;
            return Ok(());
        }
        other => {
            return Err(fault(
                sts.line,
                "Sts",
                "value_unknown",
                format!("expected BOOK, PDNG, INFO or FUTR, not {other:.10}"),
            ));
        }
    }
    if o.currency.is_some_and(|c| c != whole.currency) {
        return Err(fault(n.line, "Ntry/Amt", "currency_mismatch", "expected the account's currency"));
    }
    o.sum = o
        .sum
        .checked_add(signed(whole, direction))
        .ok_or_else(|| fault(n.line, "Ntry/Amt", "amount_too_big", "expected a smaller sum"))?;
    let reversal = n.text_at(&["RvslInd"]).is_some_and(|t| t == "true" || t == "1");
    let booked_on = day(n.at(&["BookgDt"]).or_else(|| n.at(&["ValDt"])))?;
    let details: Vec<&Node> = n.all("NtryDtls").flat_map(|d| d.all("TxDtls")).collect();
    let message_ref = n
        .all("NtryDtls")
        .find_map(|d| d.text_at(&["Btch", "PmtInfId"]).or_else(|| d.text_at(&["Btch", "MsgId"])))
        .map(str::to_string);
    let own_ref = n.owned(&["AcctSvcrRef"]).or_else(|| n.owned(&["NtryRef"]));
    let base = BankEntry {
        line: n.line,
        key: String::new(),
        direction,
        reversal,
        amount: whole,
        booked_on,
        bank_ref: own_ref.clone(),
        end_to_end: None,
        message_ref,
        creditor_ref: None,
        text: cut(n.text_at(&["AddtlNtryInf"]).unwrap_or_default()),
        party: Party::default(),
        return_reason: None,
    };
    if details.is_empty() {
        push(o, base, None);
        return Ok(());
    }
    let many = details.len() > 1;
    let mut sum = 0i64;
    for (i, t) in details.iter().enumerate() {
        let part = match t.at(&["Amt"]).or_else(|| t.at(&["AmtDtls", "TxAmt", "Amt"])) {
            Some(a) => amount(a)?,
            None if many => {
                return Err(fault(
                    t.line,
                    "TxDtls/Amt",
                    "element_missing",
                    "expected the amount of each transaction of a batch",
                ));
            }
            None => whole,
        };
        // A part in the payer's currency says nothing about what was booked.
        let part = if part.currency == whole.currency { part } else { whole };
        sum = sum.saturating_add(part.minor);
        let e = detail(&base, t, direction, if many { part } else { whole });
        push(o, e, many.then_some(i));
    }
    if many && sum != whole.minor {
        return Err(fault(
            n.line,
            "Ntry/Amt",
            "batch_sum_differs",
            format!("expected {whole} to be the sum of its {} transactions", details.len()),
        ));
    }
    Ok(())
}

fn detail(base: &BankEntry, t: &Node, direction: Direction, amount: Amount) -> BankEntry {
    let given = |p: Option<&str>| p.filter(|t| *t != "NOTPROVIDED").map(str::to_string);
    let (who, account, agent) = match direction {
        Direction::In => ("Dbtr", "DbtrAcct", "DbtrAgt"),
        Direction::Out => ("Cdtr", "CdtrAcct", "CdtrAgt"),
    };
    let parties = t.at(&["RltdPties"]).cloned().unwrap_or_default();
    let party = Party {
        name: parties.owned(&[who, "Nm"]).or_else(|| parties.owned(&[who, "Pty", "Nm"])),
        account: parties
            .owned(&[account, "Id", "IBAN"])
            .or_else(|| parties.owned(&[account, "Id", "Othr", "Id"]))
            .map(|a| a.replace(' ', "")),
        bic: t
            .owned(&["RltdAgts", agent, "FinInstnId", "BICFI"])
            .or_else(|| t.owned(&["RltdAgts", agent, "FinInstnId", "BIC"])),
    };
    let words: Vec<&str> = t
        .at(&["RmtInf"])
        .into_iter()
        .flat_map(|r| r.all("Ustrd"))
        .map(|u| u.text.trim())
        .collect();
    let text = if words.is_empty() {
        base.text.clone()
    } else {
        cut(&words.join(" "))
    };
    BankEntry {
        line: t.line,
        amount,
        bank_ref: t.owned(&["Refs", "AcctSvcrRef"]).or_else(|| base.bank_ref.clone()),
        end_to_end: given(t.text_at(&["Refs", "EndToEndId"])),
        message_ref: given(t.text_at(&["Refs", "PmtInfId"]))
            .or_else(|| given(t.text_at(&["Refs", "MsgId"])))
            .or_else(|| base.message_ref.clone()),
        creditor_ref: t.owned(&["RmtInf", "Strd", "CdtrRefInf", "Ref"]).map(|r| r.replace(' ', "")),
        text,
        party,
        return_reason: t.at(&["RtrInf"]).map(|r| {
            r.owned(&["Rsn", "Cd"])
                .or_else(|| r.owned(&["Rsn", "Prtry"]))
                .unwrap_or_else(|| "NARR".into())
        }),
        ..base.clone()
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_KEPT).collect()
}

/// Gives the entry its key and keeps it.
fn push(o: &mut Open, mut e: BankEntry, part: Option<usize>) {
    let sign = if e.direction == Direction::In { '+' } else { '-' };
    // The sum stands in the key: a bank's counter that begins anew each year hides no payment.
    e.key = match (&e.bank_ref, part) {
        (Some(r), None) => format!("{r}|{sign}{}", e.amount.minor),
        (Some(r), Some(_)) if e.end_to_end.is_some() => {
            format!("{r}|{sign}{}|{}", e.amount.minor, e.end_to_end.as_deref().unwrap_or_default())
        }
        (Some(r), Some(i)) => format!("{r}|{sign}{}|{i}", e.amount.minor),
        (None, _) => {
            let made_of = format!(
                "{sign}{}|{}|{}|{}|{}|{}",
                e.amount,
                e.booked_on.map_or(0, |t| t.micros()),
                e.end_to_end.as_deref().unwrap_or_default(),
                e.creditor_ref.as_deref().unwrap_or_default(),
                e.party.account.as_deref().unwrap_or_default(),
                e.text
            );
            let hash = hex::encode(&Sha256::digest(made_of.as_bytes())[..16]);
            let nth = o.equal.entry(hash.clone()).or_default();
            *nth += 1;
            format!("#{hash}|{nth}")
        }
    };
    o.entries.push(e);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(root: &str, container: &str, body: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">\n<{root}>\n<GrpHdr><MsgId>M1</MsgId></GrpHdr>\n<{container}>\n<Id>S1</Id>\n<Acct><Id><IBAN>CY17002001280000001200527600</IBAN></Id><Ccy>EUR</Ccy></Acct>\n{body}</{container}>\n</{root}>\n</Document>\n"
        )
    }
    fn statement(body: &str) -> String {
        file("BkToCstmrStmt", "Stmt", body)
    }
    fn bal(word: &str, amt: &str) -> String {
        format!("<Bal><Tp><CdOrPrtry><Cd>{word}</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">{amt}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>\n")
    }
    const PAID: &str = "<Ntry><Amt Ccy=\"EUR\">500.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>B1</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RltdPties><Dbtr><Pty><Nm>Alex M&#252;ller &amp; Co</Nm></Pty></Dbtr><DbtrAcct><Id><IBAN>DE89 3704 0044 0532 0130 00</IBAN></Id></DbtrAcct></RltdPties><RmtInf><Ustrd>Deposit RF18 5390</Ustrd><Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>\n";

    #[test]
    fn an_entry_is_read_with_its_payer_its_references_and_its_line() {
        let f = read(&statement(PAID)).expect("readable");
        assert_eq!(
            (f.kind, f.message_id.as_str(), f.accounts.len()),
            (BankFileKind::Statement, "M1", 1)
        );
        let a = &f.accounts[0];
        assert_eq!(
            (a.account.as_str(), a.currency),
            ("CY17002001280000001200527600", Some(Currency::EUR))
        );
        let e = &a.entries[0];
        assert_eq!(
            (e.line, e.amount, e.direction),
            (8, Amount::new(50_000, Currency::EUR), Direction::In)
        );
        assert_eq!(e.party.name.as_deref(), Some("Alex Müller & Co"));
        assert_eq!(e.party.account.as_deref(), Some("DE89370400440532013000"));
        assert_eq!(
            (e.end_to_end.as_deref(), e.creditor_ref.as_deref()),
            (None, Some("RF18539007547034"))
        );
        assert_eq!((e.text.as_str(), e.key.as_str()), ("Deposit RF18 5390", "B1|+50000"));
    }

    #[test]
    fn the_same_entry_has_the_same_key_in_a_notice_and_in_a_statement() {
        let notice = read(&file("BkToCstmrDbtCdtNtfctn", "Ntfctn", PAID)).expect("readable");
        assert_eq!(notice.kind, BankFileKind::Notice);
        let booked = read(&statement(PAID)).expect("readable");
        assert_eq!(notice.accounts[0].entries[0].key, booked.accounts[0].entries[0].key);
        // Without a reference two equal payments are two, in both files.
        let bare = PAID.replace("<AcctSvcrRef>B1</AcctSvcrRef>", "");
        let keys = |x: String| {
            read(&x).expect("readable").accounts[0]
                .entries
                .iter()
                .map(|e| e.key.clone())
                .collect::<Vec<_>>()
        };
        let twice = keys(statement(&bare.repeat(2)));
        assert!(twice[0] != twice[1]);
        assert_eq!(twice, keys(file("BkToCstmrDbtCdtNtfctn", "Ntfctn", &bare.repeat(2))));
    }

    #[test]
    fn what_is_only_announced_is_counted_and_not_an_entry() {
        let old = PAID.replace("<Sts><Cd>BOOK</Cd></Sts>", "<Sts>PDNG</Sts>");
        let f = read(&statement(&old)).expect("readable");
        assert_eq!((f.accounts[0].pending, f.accounts[0].entries.len()), (1, 0));
        let odd = PAID.replace("<Cd>BOOK</Cd>", "<Cd>MAYB</Cd>");
        assert_eq!(read(&statement(&odd)).expect_err("unknown").code, "value_unknown");
    }

    #[test]
    fn a_statement_that_does_not_add_up_is_refused() {
        let good = format!("{}{}{PAID}", bal("OPBD", "10.00"), bal("CLBD", "510.00"));
        assert!(read(&statement(&good)).is_ok());
        let wrong = format!("{}{}{PAID}", bal("OPBD", "10.00"), bal("CLBD", "511.00"));
        assert_eq!(read(&statement(&wrong)).expect_err("sum").code, "balance_differs");
    }

    #[test]
    fn a_batch_is_its_transactions_and_must_be_their_sum() {
        let tx = |n: u32, amt: &str| {
            format!(
                "<TxDtls><Refs><EndToEndId>E{n}</EndToEndId></Refs><Amt Ccy=\"EUR\">{amt}</Amt><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls>"
            )
        };
        let batch = |second: &str| {
            statement(&format!(
                "<Ntry><Amt Ccy=\"EUR\">30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><AcctSvcrRef>B9</AcctSvcrRef><NtryDtls>{}{}</NtryDtls></Ntry>",
                tx(1, "10.00"),
                tx(2, second)
            ))
        };
        let f = read(&batch("20.00")).expect("readable");
        let e = &f.accounts[0].entries;
        assert_eq!(e.iter().map(|e| e.key.as_str()).collect::<Vec<_>>(), ["B9|+1000|E1", "B9|+2000|E2"]);
        assert_eq!(e[1].return_reason.as_deref(), Some("AC04"));
        assert_eq!(read(&batch("20.01")).expect_err("sum").code, "batch_sum_differs");
    }

    #[test]
    fn a_malformed_file_is_refused_with_its_line() {
        let cut_off = statement(PAID);
        let e = read(&cut_off[..cut_off.len() - 30]).expect_err("cut off");
        assert!(matches!(e.code.as_str(), "file_cut_off" | "xml_malformed") && e.line > 8, "{e:?}");
        let e = read(&statement(&PAID.replace("500.00", "5OO.00"))).expect_err("letters");
        assert_eq!((e.code.as_str(), e.line, e.field.as_str()), ("amount_malformed", 8, "Amt"));
        let e = read(&statement(&PAID.replace("2026-11-20", "20.11.2026"))).expect_err("date");
        assert_eq!((e.code.as_str(), e.line), ("date_malformed", 8));
        let entity = statement(&PAID.replace("&amp;", "&secret;"));
        assert_eq!(read(&entity).expect_err("entity").code, "entity_unknown");
        let doctype = format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{}", statement(PAID));
        assert_eq!(read(&doctype).expect_err("doctype").code, "doctype_refused");
        let deep = statement(&format!("<Ntry>{}{}</Ntry>", "<a>".repeat(50), "</a>".repeat(50)));
        assert_eq!(read(&deep).expect_err("deep").code, "xml_too_deep");
    }
}
