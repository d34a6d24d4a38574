//! A mail from a text of the catalogue: plain text and HTML from the same source.
//!
//! In a body, paragraphs are parted by an empty line, `{{name}}` is a place for a value, and a line
//! `[Label]({{link}})` is a button. Everything that comes in is escaped; a place without a value is
//! an error, so that no client ever reads a brace.

use super::{Param, Params, Template};
use crate::colour;
use crate::texts::{Catalogue, is_rtl, next_place};
use qd_kernel::{Amount, Problem, Result};
use qd_runtime::tenancy::{Brand, Entity};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The language it came out in.
    pub language: String,
}

/// `1,234.50 EUR` with the separators of the language.
pub fn format_amount(a: Amount, language: &str) -> String {
    let plain = a.text();
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |d| ("-", d));
    let (whole, part) = digits.split_once('.').map_or((digits, None), |(w, p)| (w, Some(p)));
    let (group, point) = match language.split('-').next() {
        Some("de" | "es" | "it" | "pt" | "nl" | "id" | "tr") => ('.', ','),
        Some("fr" | "pl" | "ru" | "cs" | "sv") => ('\u{a0}', ','),
        _ => (',', '.'),
    };
    let mut out = String::from(sign);
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(group);
        }
        out.push(c);
    }
    if let Some(p) = part {
        out.push(point);
        out.push_str(p);
    }
    format!("{out} {}", a.currency.code())
}

fn value(c: &Catalogue, language: &str, p: &Param) -> Result<String> {
    let text = |k: &str| {
        c.get(language, k)
            .map(str::to_string)
            .ok_or_else(|| Problem::bug("text_missing", format!("no text {k}")))
    };
    Ok(match p {
        Param::Text(t) => t.replace(['\r', '\n'], " "),
        Param::Lines(t) => t.replace('\r', ""),
        Param::Key(k) => text(k)?,
        Param::Keys(keys) => keys
            .iter()
            .map(|k| Ok(format!("- {}", text(k)?)))
            .collect::<Result<Vec<_>>>()?
            .join("\n"),
        Param::Amount(a) => format_amount(*a, language),
        Param::Date(t) => {
            let (y, m, d) = t.ymd();
            if language.starts_with("de") {
                format!("{d:02}.{m:02}.{y}")
            } else {
                format!("{y}-{m:02}-{d:02}")
            }
        }
        Param::Link(l) if (l.starts_with("https://") || l.starts_with("http://")) && !l.contains(['"', '<', '>', ' ', '\r', '\n']) => {
            l.clone()
        }
        Param::Link(_) => return Err(Problem::bug("mail_link_malformed", "a link of a mail is no web address")),
    })
}

fn fill(c: &Catalogue, language: &str, text: &str, params: &Params) -> Result<String> {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, name, after)) = next_place(rest) {
        out.push_str(before);
        let p = params.get(name).ok_or_else(|| {
            Problem::bug(
                "mail_value_missing",
                format!("the mail has a place {{{{{name}}}}} and no value for it"),
            )
        })?;
        out.push_str(&value(c, language, p)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn escape(t: &str) -> String {
    t.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// `[Label](https://…)` alone on its line.
fn button(line: &str) -> Option<(&str, &str)> {
    let (label, rest) = line.trim().strip_prefix('[')?.split_once("](")?;
    let link = rest.strip_suffix(')')?;
    (link.starts_with("https://") || link.starts_with("http://")).then_some((label, link))
}

/// Writes the mail. `params` get `brand` and `entity` by themselves.
pub fn render(c: &Catalogue, template: Template, language: &str, brand: &Brand, entity: &Entity, params: &Params) -> Result<Rendered> {
    let body_key = format!("mail.{template}.body");
    let language = c.resolve(language, &body_key);
    let mut params = params.clone();
    params.insert("brand".into(), Param::Text(brand.name.clone()));
    params.insert("entity".into(), Param::Text(entity.name.clone()));
    let get = |k: &str| {
        c.get(&language, k)
            .ok_or_else(|| Problem::bug("text_missing", format!("no text {k}")))
    };
    let subject = fill(c, &language, get(&format!("mail.{template}.subject"))?, &params)?;
    let body = get(&body_key)?;
    let footer_text = fill(c, &language, get("mail.footer")?, &params)?;
    let risk = match entity.config.texts.get("risk_warning").and_then(|k| c.get(&language, k)) {
        Some(t) => fill(c, &language, t, &params)?,
        None => String::new(),
    };

    let (mut text, mut html) = (String::new(), String::new());
    for paragraph in body.split("\n\n") {
        // Places are filled after the text is cut, so that a value cannot make a paragraph or a
        // button; values go into HTML escaped with the rest of the line.
        let (mut lines_text, mut lines_html) = (Vec::new(), Vec::new());
        for line in paragraph.lines() {
            let filled = fill(c, &language, line, &params)?;
            let is_button = line.trim_start().starts_with('[') && line.contains("](");
            match button(&filled).filter(|_| is_button) {
                Some((label, link)) => {
                    lines_text.push(format!("{label}: {link}"));
                    lines_html.push(format!(
                        "<a href=\"{}\" style=\"display:inline-block;padding:12px 20px;border-radius:6px;background:{};color:#fff;text-decoration:none\">{}</a>",
                        escape(link),
                        colour::of_hue(brand.hue),
                        escape(label)
                    ));
                }
                None => {
                    lines_html.push(escape(&filled).replace('\n', "<br>"));
                    lines_text.push(filled);
                }
            }
        }
        text.push_str(&lines_text.join("\n"));
        text.push_str("\n\n");
        html.push_str(&format!("<p>{}</p>", lines_html.join("<br>")));
    }
    text.push_str(&format!("-- \n{footer_text}\n"));
    if !risk.is_empty() {
        text.push_str(&format!("\n{risk}\n"));
    }
    let dir = if is_rtl(&language) { "rtl" } else { "ltr" };
    let html = format!(
        "<!doctype html><html lang=\"{language}\" dir=\"{dir}\"><head><meta charset=\"utf-8\"><title>{}</title></head>\
         <body style=\"margin:0;background:#f4f5f7;font-family:system-ui,sans-serif;color:#1f2430\">\
         <div style=\"max-width:600px;margin:0 auto;padding:24px\"><div style=\"font-size:20px;font-weight:600;color:{}\">{}</div>\
         <div style=\"background:#fff;border-radius:8px;padding:20px 24px;margin-top:12px;line-height:1.5\">{html}</div>\
         <p style=\"font-size:12px;color:#5b6270\">{}</p><p style=\"font-size:12px;color:#5b6270\">{}</p></div></body></html>",
        escape(&subject),
        colour::of_hue(brand.hue),
        escape(&brand.name),
        escape(&footer_text),
        escape(&risk)
    );
    Ok(Rendered {
        subject,
        text,
        html,
        language,
    })
}
