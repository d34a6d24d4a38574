//! The reply's form: every scalar a JSON string, `retcode` first, the layout a captured server
//! has (one member per line, blanks around the colon, CRLF).

use std::fmt::{Display, Write};

/// A value of a reply. There are no numbers on this wire.
#[derive(Clone, Debug)]
pub enum W {
    S(String),
    O(Vec<(&'static str, W)>),
    L(Vec<W>),
}

/// A scalar from anything printable.
pub fn s(v: impl Display) -> W {
    W::S(v.to_string())
}

/// A scaled integer as decimal text.
pub fn dec(value: i64, digits: u8) -> W {
    W::S(qd_kernel::format_fixed(value, digits))
}

/// A return code of the Web API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u32);

impl Code {
    pub const DONE: Code = Code(0);
    pub const ERROR: Code = Code(2);
    pub const PARAMS: Code = Code(3);
    pub const NOT_FOUND: Code = Code(13);
    pub const CLIENT_TYPE: Code = Code(1000);
    pub const ACCOUNT_INVALID: Code = Code(1001);
    pub const CLIENT_OLD: Code = Code(1010);
    pub const LOGIN_RESERVED: Code = Code(3003);
    pub const LOGIN_EXISTS: Code = Code(3004);
    pub const BAD_PASSWORD: Code = Code(3006);
    pub const HAS_TRADES: Code = Code(3008);
    pub const OTHER_CURRENCY: Code = Code(3010);
    pub const MAX_MONEY: Code = Code(4005);
    pub const VOLUME: Code = Code(10014);
    pub const NO_MONEY: Code = Code(10019);
    pub const POSITION_CLOSED: Code = Code(10036);
    pub const TRADE_DISABLED: Code = Code(10017);
    pub const NOT_IMPLEMENTED: Code = Code(12000);

    pub fn text(self) -> &'static str {
        match self.0 {
            0 => "Done",
            1 => "Done, no changes",
            2 => "Common error",
            3 => "Invalid parameters",
            4 => "Invalid data",
            5 => "Disk error",
            6 => "Memory error",
            7 => "Network error",
            8 => "Not enough permissions",
            9 => "Operation timeout",
            10 => "No connection",
            11 => "Service is not available",
            12 => "Too frequent requests",
            13 => "Not found",
            14 => "Partial result",
            15 => "Server shutdown in progress",
            16 => "Operation was canceled",
            17 => "Duplicate attempt",
            1000 => "Invalid client type",
            1001 => "Invalid account",
            1002 => "Account disabled",
            1010 => "Client is too old",
            1011 => "Manager account has no configuration",
            1012 => "IP address unallowed for manager",
            1018 => "Server is busy",
            2007 => "Duplicate configuration",
            3002 => "Logins range exhausted",
            3003 => "Login reserved at another server",
            3004 => "Account already exists",
            3006 => "Invalid account password",
            3007 => "Users limit reached",
            3008 => "Account has open trades",
            3009 => "Attempt to move account to different server",
            3010 => "Attempt to move account to different currency group",
            4001 => "Limit reached",
            4005 => "Maximum amount of money exceeded",
            10009 => "Request completed",
            10012 => "Request timed out",
            10013 => "Invalid request",
            10014 => "Invalid volume",
            10017 => "Trade is disabled",
            10018 => "Market is closed",
            10019 => "Not enough money",
            10031 => "No connection",
            10036 => "Position already closed",
            12000 => "Not implemented",
            _ => "Error",
        }
    }
}

/// What a command answers: the code, members beside `answer` (auth, ticks), and the answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub code: Code,
    pub beside: Vec<(&'static str, W)>,
    pub answer: Option<W>,
}

pub type Outcome = Result<Reply, Code>;

impl Reply {
    pub fn done() -> Reply {
        Reply {
            code: Code::DONE,
            beside: Vec::new(),
            answer: None,
        }
    }
    pub fn answer(w: W) -> Reply {
        Reply {
            code: Code::DONE,
            beside: Vec::new(),
            answer: Some(w),
        }
    }
    pub fn object(members: Vec<(&'static str, W)>) -> Reply {
        Reply::answer(W::O(members))
    }
    pub fn list(items: Vec<W>) -> Reply {
        Reply::answer(W::L(items))
    }
    pub fn total(n: usize) -> Reply {
        Reply::object(vec![("Total", s(n))])
    }
    pub fn code(code: Code) -> Reply {
        Reply {
            code,
            beside: Vec::new(),
            answer: None,
        }
    }

    pub fn render(&self) -> String {
        let mut out = String::with_capacity(256);
        let _ = write!(out, "{{\r\n\"retcode\" : \"{} {}\"", self.code.0, self.code.text());
        for (k, v) in self
            .beside
            .iter()
            .map(|(k, v)| (*k, v))
            .chain(self.answer.iter().map(|a| ("answer", a)))
        {
            let _ = write!(out, ",\r\n\"{k}\" : ");
            value(&mut out, v);
        }
        out.push_str("\r\n}\r\n");
        out
    }
}

fn value(out: &mut String, w: &W) {
    match w {
        W::S(t) => string(out, t),
        W::O(members) => object(out, members),
        W::L(items) if items.is_empty() => out.push_str("[]"),
        W::L(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                    if matches!(item, W::O(_)) {
                        out.push_str("\r\n");
                    }
                }
                value(out, item);
            }
            if items.iter().any(|i| matches!(i, W::O(_))) {
                out.push_str("\r\n");
            }
            out.push(']');
        }
    }
}

fn object(out: &mut String, members: &[(&'static str, W)]) {
    out.push_str("{\r\n");
    for (i, (k, v)) in members.iter().enumerate() {
        let _ = write!(out, "\"{k}\" : ");
        value(out, v);
        out.push_str(if i + 1 < members.len() { ",\r\n" } else { "\r\n" });
    }
    out.push('}');
}

fn string(out: &mut String, t: &str) {
    out.push('"');
    for c in t.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
