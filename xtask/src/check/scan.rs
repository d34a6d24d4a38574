//! A small reader of Rust text: enough to tell code from comments and strings, numbers from tuple
//! fields, and code for tests from code for the product. It never fails; a file that does not
//! compile gives tokens that mean little, and the compiler says the rest.

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ident,
    Int,
    Float,
    /// The content between the quotes, escapes untouched.
    Str,
    Char,
    Lifetime,
    /// One character, or `::`, or `..`.
    Punct,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub text: String,
    pub line: usize,
}

impl Token {
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Ident | Kind::Punct) && self.text == text
    }
}

pub struct Source {
    pub tokens: Vec<Token>,
    /// Comment text by the line it starts on.
    pub comments: BTreeMap<usize, String>,
    /// For each token: is it compiled for tests only?
    pub in_test: Vec<bool>,
    pub test_modules: Vec<TestModule>,
}

/// `#[cfg(test)] mod NAME;`
pub struct TestModule {
    pub name: String,
    /// `#[path = "FILE"]`, relative to the folder of the declaring file.
    pub file: Option<String>,
}

impl Source {
    pub fn read(text: &str) -> Source {
        let mut lexer = Lexer {
            chars: text.chars().collect(),
            at: 0,
            line: 1,
            tokens: Vec::new(),
            comments: BTreeMap::new(),
        };
        lexer.run();
        let mut source = Source {
            in_test: vec![false; lexer.tokens.len()],
            tokens: lexer.tokens,
            comments: lexer.comments,
            test_modules: Vec::new(),
        };
        source.mark_tests();
        source
    }

    /// Where `pattern` (identifiers and punctuation) stands, as indices of its first token.
    pub fn find<'a>(&'a self, pattern: &'a [&'a str]) -> impl Iterator<Item = usize> + 'a {
        (0..self.tokens.len()).filter(move |i| {
            pattern
                .iter()
                .enumerate()
                .all(|(k, want)| self.tokens.get(i + k).is_some_and(|t| t.is(want)))
        })
    }

    fn mark_tests(&mut self) {
        let mut i = 0;
        // A path attribute may stand before or after `#[cfg(test)]`.
        let mut file = None;
        while i < self.tokens.len() {
            if !self.tokens[i].is("#") {
                file = None;
                i += 1;
                continue;
            }
            let inner = self.tokens.get(i + 1).is_some_and(|t| t.is("!"));
            let open = i + 1 + usize::from(inner);
            if !self.tokens.get(open).is_some_and(|t| t.is("[")) {
                i += 1;
                continue;
            }
            let close = self.matching(open);
            let test = is_test_attribute(&self.tokens[open + 1..close.min(self.tokens.len())]);
            if !test {
                file = self.path_attribute(open).or(file);
                i = close + 1;
            } else if inner {
                // `#![cfg(test)]` at the head of a file or a block: what follows is for tests.
                let end = self.tokens.len();
                self.in_test[i..end].fill(true);
                return;
            } else {
                let end = self.item_end(close + 1, file.take());
                self.in_test[i..end].fill(true);
                i = end;
            }
        }
    }

    /// FILE, when the attribute whose bracket is at `open` is `path = "FILE"`.
    fn path_attribute(&self, open: usize) -> Option<String> {
        let at = |k: usize| self.tokens.get(open + k);
        let named = at(1).is_some_and(|t| t.is("path")) && at(2).is_some_and(|t| t.is("="));
        at(3).filter(|t| named && t.kind == Kind::Str).map(|t| t.text.clone())
    }

    /// The index of the bracket that closes the one at `open`, or the number of tokens.
    fn matching(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for (i, t) in self.tokens.iter().enumerate().skip(open) {
            if t.is("(") || t.is("[") || t.is("{") {
                depth += 1;
            } else if t.is(")") || t.is("]") || t.is("}") {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return i;
                }
            }
        }
        self.tokens.len()
    }

    /// One past the item (or field, or statement) that starts at `start`, other attributes included.
    fn item_end(&mut self, mut start: usize, mut file: Option<String>) -> usize {
        while self.tokens.get(start).is_some_and(|t| t.is("#")) && self.tokens.get(start + 1).is_some_and(|t| t.is("[")) {
            file = self.path_attribute(start + 1).or(file);
            start = self.matching(start + 1) + 1;
        }
        let mut i = start;
        if self.tokens.get(i).is_some_and(|t| t.is("pub")) {
            i += 1;
            if self.tokens.get(i).is_some_and(|t| t.is("(")) {
                i = self.matching(i) + 1;
            }
        }
        if self.tokens.get(i).is_some_and(|t| t.is("mod")) && self.tokens.get(i + 2).is_some_and(|t| t.is(";")) {
            let name = self.tokens[i + 1].text.clone();
            self.test_modules.push(TestModule { name, file });
            return i + 3;
        }
        const ITEMS: &[&str] = &[
            "fn",
            "mod",
            "impl",
            "struct",
            "enum",
            "union",
            "use",
            "const",
            "static",
            "trait",
            "type",
            "unsafe",
            "async",
            "extern",
            "macro_rules",
            "let",
        ];
        let whole = self.tokens.get(i).is_some_and(|t| ITEMS.iter().any(|k| t.is(k)));
        while i < self.tokens.len() {
            let t = &self.tokens[i];
            if t.is("(") || t.is("[") {
                i = self.matching(i) + 1;
            } else if t.is("{") {
                let end = self.matching(i) + 1;
                // `let x = { … };` and `const X: T = T { … };` end with their semicolon.
                if self.tokens.get(end).is_some_and(|t| t.is(";")) {
                    return end + 1;
                }
                return end.min(self.tokens.len());
            } else if t.is(";") || (!whole && t.is(",")) {
                return i + 1;
            } else if t.is("}") || t.is(")") || t.is("]") {
                return i;
            } else {
                i += 1;
            }
        }
        self.tokens.len()
    }
}

/// `#[test]`, `#[tokio::test(…)]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`; not `#[cfg(not(test))]`.
fn is_test_attribute(inside: &[Token]) -> bool {
    if inside.first().is_some_and(|t| t.is("cfg")) {
        return inside.iter().any(|t| t.is("test")) && !inside.iter().any(|t| t.is("not"));
    }
    let path = inside.iter().take_while(|t| t.kind == Kind::Ident || t.is("::"));
    path.last().is_some_and(|t| t.is("test"))
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
    comments: BTreeMap<usize, String>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn bump(&mut self) -> char {
        let c = self.peek(0);
        self.at += 1;
        if c == '\n' {
            self.line += 1;
        }
        c
    }

    fn push(&mut self, kind: Kind, text: String, line: usize) {
        self.tokens.push(Token { kind, text, line });
    }

    fn run(&mut self) {
        while self.at < self.chars.len() {
            let c = self.peek(0);
            let line = self.line;
            if c.is_whitespace() {
                self.bump();
            } else if c == '/' && self.peek(1) == '/' {
                let mut text = String::new();
                while self.at < self.chars.len() && self.peek(0) != '\n' {
                    text.push(self.bump());
                }
                self.comments.entry(line).or_default().push_str(&text);
            } else if c == '/' && self.peek(1) == '*' {
                let text = self.block_comment();
                self.comments.entry(line).or_default().push_str(&text);
            } else if let Some(hashes) = self.raw_string() {
                self.raw(hashes, line);
            } else if c == '"' || (matches!(c, 'b' | 'c') && self.peek(1) == '"') {
                if c != '"' {
                    self.bump();
                }
                self.quoted(line);
            } else if c == '\'' || (c == 'b' && self.peek(1) == '\'') {
                if c == 'b' {
                    self.bump();
                }
                self.char_or_lifetime(line);
            } else if c.is_ascii_digit() {
                self.number(line);
            } else if c == '_' || c.is_alphabetic() {
                if c == 'r' && self.peek(1) == '#' && (self.peek(2) == '_' || self.peek(2).is_alphabetic()) {
                    self.at += 2;
                }
                let text = self.word();
                self.push(Kind::Ident, text, line);
            } else {
                let mut text = String::from(self.bump());
                if (c == ':' && self.peek(0) == ':') || (c == '.' && self.peek(0) == '.') {
                    text.push(self.bump());
                }
                self.push(Kind::Punct, text, line);
            }
        }
    }

    fn word(&mut self) -> String {
        let mut text = String::new();
        while self.peek(0) == '_' || self.peek(0).is_alphanumeric() {
            text.push(self.bump());
        }
        text
    }

    fn block_comment(&mut self) -> String {
        let mut text = String::new();
        let mut depth = 0usize;
        while self.at < self.chars.len() {
            if self.peek(0) == '/' && self.peek(1) == '*' {
                depth += 1;
                text.push(self.bump());
                text.push(self.bump());
            } else if self.peek(0) == '*' && self.peek(1) == '/' {
                depth -= 1;
                text.push(self.bump());
                text.push(self.bump());
                if depth == 0 {
                    break;
                }
            } else {
                text.push(self.bump());
            }
        }
        text
    }

    /// The number of hashes when a raw string (`r"`, `r#"`, `br#"`, `cr"`) starts here.
    fn raw_string(&self) -> Option<usize> {
        let skip = match (self.peek(0), self.peek(1)) {
            ('r', _) => 1,
            ('b' | 'c', 'r') => 2,
            _ => return None,
        };
        let mut hashes = 0;
        while self.peek(skip + hashes) == '#' {
            hashes += 1;
        }
        (self.peek(skip + hashes) == '"').then_some(hashes)
    }

    fn raw(&mut self, hashes: usize, line: usize) {
        while self.bump() != '"' {}
        let mut text = String::new();
        while self.at < self.chars.len() {
            let c = self.bump();
            if c == '"' && (0..hashes).all(|k| self.peek(k) == '#') {
                self.at += hashes;
                break;
            }
            text.push(c);
        }
        self.push(Kind::Str, text, line);
    }

    fn quoted(&mut self, line: usize) {
        self.bump();
        let mut text = String::new();
        while self.at < self.chars.len() {
            match self.bump() {
                '"' => break,
                '\\' => {
                    text.push('\\');
                    text.push(self.bump());
                }
                c => text.push(c),
            }
        }
        self.push(Kind::Str, text, line);
    }

    fn char_or_lifetime(&mut self, line: usize) {
        self.bump();
        if self.peek(0) == '\\' {
            let mut text = String::new();
            text.push(self.bump());
            text.push(self.bump());
            while self.at < self.chars.len() && self.peek(0) != '\'' {
                text.push(self.bump());
            }
            self.bump();
            self.push(Kind::Char, text, line);
        } else if self.peek(1) == '\'' {
            let text = String::from(self.bump());
            self.bump();
            self.push(Kind::Char, text, line);
        } else {
            let text = self.word();
            self.push(Kind::Lifetime, text, line);
        }
    }

    fn number(&mut self, line: usize) {
        let field = self.tokens.last().is_some_and(|t| t.is("."));
        let mut text = String::new();
        if field {
            // `pair.0.1`: two tuple fields, not the number 0.1.
            while self.peek(0).is_ascii_digit() {
                text.push(self.bump());
            }
            return self.push(Kind::Int, text, line);
        }
        let radix = self.peek(0) == '0' && matches!(self.peek(1), 'x' | 'o' | 'b');
        let mut float = false;
        loop {
            let c = self.peek(0);
            if c == '_' || c.is_alphanumeric() {
                let exponent = !radix && matches!(c, 'e' | 'E') && !text.contains(['e', 'E']);
                text.push(self.bump());
                if exponent && (self.peek(0).is_ascii_digit() || matches!(self.peek(0), '+' | '-')) {
                    float = true;
                    text.push(self.bump());
                }
            } else if c == '.' && !float && !radix && self.peek(1) != '.' && !(self.peek(1) == '_' || self.peek(1).is_alphabetic()) {
                // `1..2` is a range and `1.max(2)` a call; `1.5` and `1.` are numbers with a point.
                float = true;
                text.push(self.bump());
            } else {
                break;
            }
        }
        let float = !radix && (float || text.ends_with("f32") || text.ends_with("f64"));
        self.push(if float { Kind::Float } else { Kind::Int }, text, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, kind: Kind) -> Vec<String> {
        Source::read(text)
            .tokens
            .into_iter()
            .filter(|t| t.kind == kind)
            .map(|t| t.text)
            .collect()
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        let text =
            "// f64 one\n/* f64 /* nested */ still */ let a = \"f64 \\\" f64\"; let b = r#\"f64 \" \"#; let c = b'\\''; fn g<'a>() {}";
        assert_eq!(texts(text, Kind::Ident), ["let", "a", "let", "b", "let", "c", "fn", "g"]);
        assert_eq!(texts(text, Kind::Str), ["f64 \\\" f64", "f64 \" "]);
        assert_eq!(texts(text, Kind::Lifetime), ["a"]);
        assert!(Source::read(text).comments[&1].contains("f64 one"));
    }

    #[test]
    fn numbers_with_a_point_are_told_from_ranges_fields_and_calls() {
        assert_eq!(
            texts("1.5 2. 1e9 3f64 1_0.0_1 2.5e-3 7e+2", Kind::Float),
            ["1.5", "2.", "1e9", "3f64", "1_0.0_1", "2.5e-3", "7e+2"]
        );
        let none = texts("0..10 pair.0.1 1.max(2) 0x1e5 10u64 1_000 0b11 a.0..b.1 0xf64", Kind::Float);
        assert!(none.is_empty(), "{none:?}");
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let source = Source::read("/* a\nb */\nlet x = \"one\ntwo\";\nlast");
        assert_eq!(source.tokens.last().map(|t| t.line), Some(5));
    }

    #[test]
    fn code_for_tests_is_marked_and_code_after_it_is_not() {
        let text = "fn a() { one() }\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn t() { two() } }\nfn b() { three() }\n#[tokio::test(flavor = \"x\")] async fn c() { four() }\n#[cfg(not(test))] fn d() { five() }\nstruct S { #[cfg(test)] f: six, g: seven }";
        let source = Source::read(text);
        let marked = |name: &str| source.tokens.iter().zip(&source.in_test).find(|(t, _)| t.is(name)).map(|(_, m)| *m);
        for (name, test) in [
            ("one", false),
            ("two", true),
            ("three", false),
            ("four", true),
            ("five", false),
            ("six", true),
            ("seven", false),
        ] {
            assert_eq!(marked(name), Some(test), "{name}");
        }
    }

    #[test]
    fn unfinished_text_still_ends() {
        for text in [
            "\"open",
            "r#\"open",
            "/* open",
            "'",
            "b'",
            "#[cfg(test)] mod",
            "#[",
            "1.",
            "fn a() {",
        ] {
            Source::read(text);
        }
    }
}
