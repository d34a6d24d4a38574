//! What a bank answers to a payment file: pain.002, versions 03 to 15.

use crate::xml::{Node, each, fault};
use qd_ports::bank::{BankFile, BankFileKind, PaymentStatus, StatusWord};
use qd_ports::psp::SettlementFault;

/// Taken in is not settled; `PART` says to look inside.
fn state(word: &str) -> Option<StatusWord> {
    match word {
        "RCVD" | "ACTC" | "ACCP" | "ACSP" | "ACWC" | "ACWP" | "PDNG" | "PATC" => Some(StatusWord::Pending),
        "ACSC" | "ACCC" => Some(StatusWord::Paid),
        "RJCT" | "CANC" => Some(StatusWord::Refused),
        "PART" => None,
        _ => Some(StatusWord::Unknown),
    }
}

fn reason(n: &Node) -> Option<String> {
    n.owned(&["StsRsnInf", "Rsn", "Cd"])
        .or_else(|| n.owned(&["StsRsnInf", "Rsn", "Prtry"]))
}

/// Reads the file or says what is wrong with it first.
pub fn read(text: &str) -> Result<BankFile, SettlementFault> {
    let mut message_id = None;
    let mut message: Option<String> = None;
    let mut statuses = Vec::new();
    each(
        text,
        |path| path.len() == 3,
        |_, n| {
            match n.name.as_str() {
                "GrpHdr" => message_id = n.owned(&["MsgId"]),
                "OrgnlGrpInfAndSts" => {
                    message = n.owned(&["OrgnlMsgId"]);
                    if let Some(word) = n.text_at(&["GrpSts"])
                        && let Some(state) = state(word)
                    {
                        statuses.push(PaymentStatus {
                            line: n.line,
                            message: message.clone(),
                            end_to_end: None,
                            state,
                            word: word.to_string(),
                            reason: reason(&n),
                        });
                    }
                }
                "OrgnlPmtInfAndSts" => {
                    let block = n.owned(&["OrgnlPmtInfId"]).or_else(|| message.clone());
                    if let Some(word) = n.text_at(&["PmtInfSts"])
                        && let Some(state) = state(word)
                    {
                        statuses.push(PaymentStatus {
                            line: n.line,
                            message: block.clone(),
                            end_to_end: None,
                            state,
                            word: word.to_string(),
                            reason: reason(&n),
                        });
                    }
                    for t in n.all("TxInfAndSts") {
                        let word = t.need(&["TxSts"])?.text.trim().to_string();
                        let end_to_end = t.need(&["OrgnlEndToEndId"])?.text.trim().to_string();
                        statuses.push(PaymentStatus {
                            line: t.line,
                            message: block.clone(),
                            end_to_end: Some(end_to_end),
                            state: state(&word).unwrap_or(StatusWord::Unknown),
                            word,
                            reason: reason(t),
                        });
                    }
                }
                _ => {}
            }
            Ok(())
        },
    )?;
    Ok(BankFile {
        kind: BankFileKind::Status,
        message_id: message_id.ok_or_else(|| fault(1, "GrpHdr/MsgId", "element_missing", "expected the id of the file"))?,
        accounts: Vec::new(),
        statuses,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_payment_of_an_answer_says_what_became_of_it() {
        let tx = |id: &str, word: &str, why: &str| {
            format!("<TxInfAndSts><OrgnlEndToEndId>{id}</OrgnlEndToEndId><TxSts>{word}</TxSts>{why}</TxInfAndSts>")
        };
        let file = format!(
            "<Document>\n<CstmrPmtStsRpt>\n<GrpHdr><MsgId>A1</MsgId></GrpHdr>\n<OrgnlGrpInfAndSts><OrgnlMsgId>bbt-1</OrgnlMsgId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>\n<OrgnlPmtInfAndSts><OrgnlPmtInfId>bbt-1</OrgnlPmtInfId>{}{}{}</OrgnlPmtInfAndSts>\n</CstmrPmtStsRpt>\n</Document>",
            tx("a", "ACSC", ""),
            tx("b", "RJCT", "<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>"),
            tx("c", "HUH", ""),
        );
        let f = read(&file).expect("readable");
        assert_eq!((f.kind, f.message_id.as_str()), (BankFileKind::Status, "A1"));
        let got: Vec<_> = f
            .statuses
            .iter()
            .map(|s| (s.end_to_end.as_deref(), s.state, s.reason.as_deref()))
            .collect();
        assert_eq!(
            got,
            [
                (Some("a"), StatusWord::Paid, None),
                (Some("b"), StatusWord::Refused, Some("AC04")),
                (Some("c"), StatusWord::Unknown, None)
            ]
        );
    }

    #[test]
    fn a_file_refused_as_a_whole_names_no_payment() {
        let file = "<Document><CstmrPmtStsRpt><GrpHdr><MsgId>A1</MsgId></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>bbt-1</OrgnlMsgId><GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>AM10</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>";
        let s = &read(file).expect("readable").statuses[0];
        assert_eq!(
            (s.message.as_deref(), s.end_to_end.as_deref(), s.state, s.reason.as_deref()),
            (Some("bbt-1"), None, StatusWord::Refused, Some("AM10"))
        );
    }
}
