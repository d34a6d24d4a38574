//! Settlement files: comma-separated text with quoted fields, as RFC 4180 has it. Rows keep the
//! line they began on, so that a fault can name it.

/// One row: the line it begins on, counted from 1, and its fields.
pub type Row = (u32, Vec<String>);

/// Rows of `text`; empty lines are skipped. Err names the line where a quoted field begins that
/// never ends.
pub fn rows(text: &str, separator: char) -> Result<Vec<Row>, u32> {
    let mut out = Vec::new();
    let (mut fields, mut field) = (Vec::new(), String::new());
    let (mut line, mut began) = (1u32, 1u32);
    let mut quoted_since = None;
    let mut chars = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\n' {
            line = line.saturating_add(1);
        }
        if quoted_since.is_some() {
            match c {
                '"' if chars.peek() == Some(&'"') => {
                    chars.next();
                    field.push('"');
                }
                '"' => quoted_since = None,
                c => field.push(c),
            }
            continue;
        }
        match c {
            '"' if field.is_empty() => quoted_since = Some(line),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                end(&mut out, began, &mut fields, &mut field);
                began = line;
            }
            c if c == separator => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    if let Some(line) = quoted_since {
        return Err(line);
    }
    end(&mut out, began, &mut fields, &mut field);
    Ok(out)
}

fn end(out: &mut Vec<Row>, began: u32, fields: &mut Vec<String>, field: &mut String) {
    fields.push(std::mem::take(field));
    let fields = std::mem::take(fields);
    if fields.iter().any(|f| !f.is_empty()) {
        out.push((began, fields));
    }
}

/// A heading: column numbers by name, whatever its case and blanks.
pub struct Heading<'a>(pub &'a [String]);

impl Heading<'_> {
    pub fn at(&self, name: &str) -> Option<usize> {
        let same = |n: &String| {
            let words = n.split_whitespace();
            words.clone().count() == name.split_whitespace().count()
                && words.zip(name.split_whitespace()).all(|(a, b)| a.eq_ignore_ascii_case(b))
        };
        self.0.iter().position(same)
    }

    /// A row's field below this name, without blanks around it; None when the column or the text is missing.
    pub fn of<'r>(&self, name: &str, row: &'r [String]) -> Option<&'r str> {
        row.get(self.at(name)?).map(|f| f.trim()).filter(|f| !f.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_separators_and_line_ends_inside_fields_are_kept_and_lines_are_counted() {
        let text = "\u{feff}a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\n\n1,\n";
        assert_eq!(
            rows(text, ',').unwrap(),
            vec![
                (1, vec!["a".to_string(), "b".to_string()]),
                (2, vec!["x, \"y\"".to_string(), "two\nlines".to_string()]),
                (5, vec!["1".to_string(), String::new()]),
            ]
        );
        assert_eq!(rows("a\nb,\"c\n", ','), Err(2));
        let heading = ["A".to_string(), " Debit  or credit ".to_string()];
        assert_eq!(Heading(&heading).at("Debit or Credit"), Some(1));
        assert_eq!(Heading(&heading).at("Debit"), None);
        assert_eq!(Heading(&heading).of("a", &[" 1 ".into()]), Some("1"));
        assert_eq!(Heading(&heading).of("Debit or Credit", &["1".into()]), None);
    }
}
