//! The three programs behind Skrill's addresses. Every answer but the checkout's is HTTP 200,
//! errors included.

use super::history;
use super::transaction::{STEPS, SWITCHES, TRANSACTIONS, encode, make, pairs, shortest, signed};
use super::{SESSIONS, Skrill};
use crate::rail::{Body, Call, Op, Reply, same_secret};
use crate::stripe::Fields;
use md5::{Digest as _, Md5};
use qd_kernel::{Currency, Ts, parse_fixed};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A prepared transfer, refund or checkout lives this long.
const SESSION_SECS: i64 = 15 * 60;
/// What the account holds of each currency before anything happened, in minor units.
const OPENING: i64 = 100_000_000;

type Form = BTreeMap<String, String>;

pub fn answer(op: &mut Op<'_>, call: &Call) -> Reply {
    let form = call.form();
    match call.parts().as_slice() {
        ["pay"] if form.contains_key("sid") => Reply::go(&op.page_url(&form["sid"])),
        ["pay"] => checkout(op, &form),
        ["app", "query.pl"] => query(op, &form),
        ["app", "pay.pl"] => two_steps(op, &form, "transfer", prepare_transfer, transfer),
        ["app", "refund.pl"] => two_steps(op, &form, "refund", prepare_refund, refund),
        _ => Reply::of(404, Body::Text("text/html", "<html><body>Not found</body></html>".into())),
    }
}

pub fn checkout_error(code: &str, message: &str) -> Reply {
    Reply::json(400, json!({"code": code, "message": message}))
}

pub fn query_error(status: u16, message: &str) -> Reply {
    Reply::text("text/plain;charset=UTF-8", format!("{status}\t\t{message}"))
}

pub fn xml_error(code: &str) -> Reply {
    xml(&format!("<error><error_msg>{code}</error_msg></error>"))
}

fn xml(inner: &str) -> Reply {
    Reply::text(
        "text/xml;charset=UTF-8",
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<response>{inner}</response>"),
    )
}

fn of<'a>(form: &'a Form, name: &str) -> &'a str {
    form.get(name).map_or("", String::as_str)
}

/// Positive, in a currency's decimals, in its full length.
fn amount(text: &str, currency: &str) -> Option<String> {
    let c = Currency::parse(currency).ok().filter(|c| !c.is_crypto())?;
    let minor = parse_fixed(text, c.exponent()).filter(|m| *m > 0)?;
    Some(qd_kernel::format_fixed(minor, c.exponent()))
}

/// Names beyond a call's own that its `merchant_fields` allow.
fn unknown<'a>(form: &'a Form, own: &str) -> Option<&'a str> {
    let echoed: Vec<&str> = of(form, "merchant_fields").split(',').map(str::trim).collect();
    form.keys()
        .map(String::as_str)
        .find(|k| !own.split(' ').any(|o| o == *k) && !echoed.contains(k))
}

const CHECKOUT: &str = "pay_to_email transaction_id amount currency language status_url status_url2 return_url return_url_target return_url_text cancel_url cancel_url_target pay_from_email detail1_description detail1_text recipient_description logo_url prepare_only merchant_fields payment_methods firstname lastname country";

fn checkout(op: &mut Op<'_>, form: &Form) -> Reply {
    let bad = |what: &str| checkout_error("BAD_REQUEST", &format!("Invalid or missing parameter: {what}"));
    if let Some(name) = unknown(form, CHECKOUT) {
        return bad(name);
    }
    if of(form, "prepare_only") != "1" {
        return bad("prepare_only");
    }
    if !same_secret(of(form, "pay_to_email"), op.setting("email")) {
        return bad("pay_to_email");
    }
    let id = of(form, "transaction_id");
    if id.is_empty() || id.len() > 100 {
        return bad("transaction_id");
    }
    let Some(sum) = amount(of(form, "amount"), of(form, "currency")) else {
        return bad("amount");
    };
    if of(form, "merchant_fields").split(',').count() > 5 {
        return bad("merchant_fields");
    }
    for url in ["status_url", "return_url", "cancel_url"] {
        let given = of(form, url);
        if !given.is_empty() && !given.starts_with("http") && !given.starts_with("mailto:") {
            return bad(url);
        }
    }
    let sid = op.hex(32);
    let mut fields = form.clone();
    fields.insert("amount".into(), sum);
    let until = op.now.plus_secs(SESSION_SECS).secs();
    op.put(SESSIONS, &sid, json!({"fields": fields, "trn": "", "until": until}));
    Reply::text("text/plain;charset=UTF-8", sid)
}

fn signed_in(op: &Op<'_>, form: &Form) -> bool {
    let own = hex::encode(Md5::digest(&op.cfg.key));
    same_secret(of(form, "email"), op.setting("email")) && of(form, "password") == own
}

type Step = fn(&mut Op<'_>, &Form) -> Reply;

fn two_steps(op: &mut Op<'_>, form: &Form, second: &str, prepare: Step, carry_out: fn(&mut Op<'_>, &Value) -> Reply) -> Reply {
    match of(form, "action") {
        "prepare" if of(form, "email").is_empty() => xml_error("INVALID_EMAIL"),
        "prepare" if !signed_in(op, form) => xml_error("CANNOT_LOGIN"),
        "prepare" => prepare(op, form),
        a if a == second => {
            let step = op.get(STEPS, of(form, "sid")).cloned();
            match step.filter(|s| s.is("for", second) && s.num("until") >= op.now.secs()) {
                Some(s) => {
                    // A SID is good for one go.
                    op.remove(STEPS, of(form, "sid"));
                    carry_out(op, &s["fields"])
                }
                None => xml_error("SESSION_EXPIRED"),
            }
        }
        _ => xml_error("INVALID_OR_MISSING_ACTION"),
    }
}

fn prepared(op: &mut Op<'_>, second: &str, fields: &Form) -> Reply {
    let sid = op.hex(32);
    let until = op.now.plus_secs(SESSION_SECS).secs();
    op.put(STEPS, &sid, json!({"for": second, "fields": fields, "until": until}));
    xml(&format!("<sid>{sid}</sid>"))
}

fn prepare_transfer(op: &mut Op<'_>, form: &Form) -> Reply {
    if let Some(name) = unknown(
        form,
        "action email password amount currency bnf_email subject note frn_trn_id account_id",
    ) {
        return xml_error(&format!("INVALID_{}", name.to_uppercase()));
    }
    if of(form, "amount").is_empty() {
        return xml_error("MISSING_AMOUNT");
    }
    let Some(sum) = amount(of(form, "amount"), of(form, "currency")) else {
        return xml_error("INVALID_AMOUNT");
    };
    if !of(form, "bnf_email").contains('@') {
        return xml_error("INVALID_BNF_EMAIL");
    }
    if of(form, "subject").is_empty() || of(form, "subject").len() > 250 || of(form, "note").len() > 2_000 {
        return xml_error("INVALID_SUBJECT_OR_NOTE");
    }
    if used(op, of(form, "frn_trn_id")) {
        return xml_error("INVALID_FRN_TRN_ID");
    }
    let mut fields = form.clone();
    fields.remove("password");
    fields.insert("amount".into(), sum);
    fields.insert("transaction_id".into(), of(form, "frn_trn_id").into());
    prepared(op, "transfer", &fields)
}

/// A merchant's reference of a transfer is good once.
fn used(op: &Op<'_>, frn: &str) -> bool {
    !frn.is_empty() && op.find(TRANSACTIONS, |t| t["fields"].is("frn_trn_id", frn)).is_some()
}

/// What is left of a currency.
fn balance(op: &Op<'_>, currency: &str) -> i64 {
    let places = Currency::parse(currency).map_or(2, Currency::exponent);
    let moved: i64 = op
        .rows(TRANSACTIONS)
        .filter(|(_, t)| t["fields"].is("currency", currency))
        .map(|(_, t)| {
            let minor = parse_fixed(t["fields"].text("amount"), places).unwrap_or(0);
            match (t.text("kind"), t.num("status")) {
                ("payment", 2) => minor,
                ("transfer", 1 | 2) | ("refund", 0 | 2) => -minor,
                _ => 0,
            }
        })
        .sum();
    OPENING.saturating_add(moved)
}

fn transfer(op: &mut Op<'_>, f: &Value) -> Reply {
    // Two may have been prepared with the same reference: the first one wins.
    if used(op, f.text("frn_trn_id")) {
        return xml_error("INVALID_FRN_TRN_ID");
    }
    let places = Currency::parse(f.text("currency")).map_or(2, Currency::exponent);
    let minor = parse_fixed(f.text("amount"), places).unwrap_or(i64::MAX);
    if minor > balance(op, f.text("currency")) {
        return xml_error("BALANCE_NOT_ENOUGH");
    }
    // Somebody without a wallet has to open one first.
    let mut status = if f.text("bnf_email").starts_with("unregistered") { 1 } else { 2 };
    if switched(op, "payout_next_fails") {
        status = -2;
    }
    let id = op.digits(10);
    let t = make(op, &id, "transfer", f, status);
    let word = match status {
        1 => "scheduled",
        _ => "processed",
    };
    let error = if status == -2 { "<error_msg>LL_NO_PAYMENT</error_msg>" } else { "" };
    xml(&format!(
        "<transaction><amount>{}</amount><currency>{}</currency><id>{}</id><status>{status}</status><status_msg>{word}</status_msg>{error}</transaction>",
        shortest(f.text("amount")),
        f.text("currency"),
        t.text("id")
    ))
}

fn switched(op: &mut Op<'_>, name: &str) -> bool {
    let on = op.get(SWITCHES, name).is_some();
    op.remove(SWITCHES, name);
    on
}

fn prepare_refund(op: &mut Op<'_>, form: &Form) -> Reply {
    let own = "action email password transaction_id mb_transaction_id amount refund_note merchant_fields refund_status_url";
    if let Some(name) = unknown(form, own) {
        return xml_error(&format!("INVALID_{}", name.to_uppercase()));
    }
    let (trn, mb) = (of(form, "transaction_id"), of(form, "mb_transaction_id"));
    let of_ours = |t: &Value| {
        t.is("kind", "payment")
            && if mb.is_empty() {
                t["fields"].is("transaction_id", trn)
            } else {
                t.is("id", mb)
            }
    };
    let Some((id, payment)) = op.find(TRANSACTIONS, of_ours) else {
        return xml_error("INVALID_OR_MISSING_TRANSACTION_ID");
    };
    if payment.num("status") != 2 {
        return xml_error("REFUND_DENIED");
    }
    let f = &payment["fields"];
    let places = Currency::parse(f.text("currency")).map_or(2, Currency::exponent);
    let whole = f.text("amount");
    let asked = if of(form, "amount").is_empty() { whole } else { of(form, "amount") };
    let Some(sum) = amount(asked, f.text("currency")) else {
        return xml_error("INVALID_AMOUNT");
    };
    let minor = |t: &str| parse_fixed(t, places).unwrap_or(0);
    let gone: i64 = op
        .rows(TRANSACTIONS)
        .filter(|(_, t)| t.is("kind", "refund") && t["fields"].is("parent", &id) && matches!(t.num("status"), 0 | 2))
        .map(|(_, t)| minor(t["fields"].text("amount")))
        .sum();
    if gone >= minor(whole) {
        return xml_error("ALREADY_REFUNDED");
    }
    if gone + minor(&sum) > minor(whole) {
        return xml_error("REFUND_DENIED");
    }
    let mut fields = form.clone();
    fields.remove("password");
    fields.insert("amount".into(), sum);
    fields.insert("currency".into(), f.text("currency").into());
    fields.insert("transaction_id".into(), f.text("transaction_id").into());
    fields.insert("status_url".into(), of(form, "refund_status_url").into());
    fields.insert("parent".into(), id);
    prepared(op, "refund", &fields)
}

fn refund(op: &mut Op<'_>, f: &Value) -> Reply {
    let status = if switched(op, "refund_next_pending") { 0 } else { 2 };
    let id = op.digits(10);
    make(op, &id, "refund", f, status);
    Skrill.tell(op, &id);
    xml(&format!(
        "<mb_amount>{}0000</mb_amount><mb_currency>{}</mb_currency><mb_transaction_id>{id}</mb_transaction_id><merchant_id>{}</merchant_id><status>{status}</status><transaction_id>{}</transaction_id>",
        f.text("amount"),
        f.text("currency"),
        op.setting("merchant_id"),
        f.text("transaction_id"),
    ))
}

/// `dd-mm-yyyy` as the first second of that day.
fn day(text: &str) -> Option<Ts> {
    let mut parts = text.split('-').map(|p| p.parse::<i64>().ok());
    let (d, m, y) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = (1..=31).contains(&d) && (1..=12).contains(&m) && y > 2000;
    fits.then(|| Ts::from_ymd(y, u32::try_from(m).unwrap_or(1), u32::try_from(d).unwrap_or(1)))
}

fn query(op: &mut Op<'_>, form: &Form) -> Reply {
    if !signed_in(op, form) {
        return query_error(401, "Cannot login");
    }
    match of(form, "action") {
        action @ ("status_trn" | "repost") => {
            let (trn, mb) = (of(form, "trn_id"), of(form, "mb_trn_id"));
            if trn.is_empty() && mb.is_empty() {
                return query_error(402, "Missing parameter: trn_id");
            }
            // Refunds carry the payment's reference; only payments and transfers answer to it.
            let fits = |t: &Value| {
                if trn.is_empty() {
                    t.is("id", mb)
                } else {
                    t["fields"].is("transaction_id", trn) && !t.is("kind", "refund")
                }
            };
            let Some((id, t)) = op.find(TRANSACTIONS, fits) else {
                return query_error(403, &format!("Transaction not found: {}", if trn.is_empty() { mb } else { trn }));
            };
            if action == "repost" {
                Skrill.tell(op, &id);
                return query_error(200, "OK");
            }
            let all = signed(op, &pairs(op, &t), &op.cfg.hook_secret);
            Reply::text("text/plain;charset=UTF-8", format!("200\t\tOK\n{}\n", encode(&all)))
        }
        "history" => {
            let Some(from) = day(of(form, "start_date")) else {
                return query_error(402, "Missing parameter: start_date");
            };
            let to = match of(form, "end_date") {
                "" => i64::MAX,
                d => match day(d) {
                    Some(d) => d.plus_days(1).micros(),
                    None => return query_error(402, "Missing parameter: end_date"),
                },
            };
            let csv = history::csv(op, op.setting("currency"), from.micros(), to);
            Reply::text("text/csv", csv)
        }
        _ => query_error(405, "Illegal parameter value: action"),
    }
}
