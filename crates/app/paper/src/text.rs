//! From text to glyphs in the order they stand on paper: runs of one direction (Unicode's
//! bidirectional algorithm), pieces of one font, shaped.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use qd_kernel::{Problem, Result};
use rustybuzz::{Direction, Face, UnicodeBuffer};
use std::sync::OnceLock;
use unicode_bidi::{BidiInfo, Level};

const LATIN: &[u8] = include_bytes!("../fonts/NotoSans-Regular.ttf");
const LATIN_BOLD: &[u8] = include_bytes!("../fonts/NotoSans-Bold.ttf");
const ARABIC: &[u8] = include_bytes!("../fonts/NotoSansArabic-Regular.ttf");
const ARABIC_BOLD: &[u8] = include_bytes!("../fonts/NotoSansArabic-Bold.ttf");

struct OneFace {
    font: Font,
    face: Face<'static>,
}

pub struct Faces {
    latin: [OneFace; 2],
    arabic: [OneFace; 2],
}

fn face(bytes: &'static [u8]) -> Option<OneFace> {
    Some(OneFace {
        font: Font::new(bytes.into(), 0)?,
        face: Face::from_slice(bytes, 0)?,
    })
}

/// Read once; the bytes are the program's own.
pub fn faces() -> Result<&'static Faces> {
    static FACES: OnceLock<Option<Faces>> = OnceLock::new();
    FACES
        .get_or_init(|| {
            Some(Faces {
                latin: [face(LATIN)?, face(LATIN_BOLD)?],
                arabic: [face(ARABIC)?, face(ARABIC_BOLD)?],
            })
        })
        .as_ref()
        .ok_or_else(|| Problem::bug("font_unreadable", "a font of the program cannot be read"))
}

/// A stretch of glyphs of one font and direction.
pub struct Piece {
    pub font: Font,
    pub glyphs: Vec<KrillaGlyph>,
    pub text: String,
    /// In ems.
    pub width: f32,
}

/// A line of text, shaped, from left to right on paper.
pub struct Line {
    pub pieces: Vec<Piece>,
    pub width: f32,
}

fn arabic(c: char) -> bool {
    matches!(u32::from(c), 0x0600..=0x06FF | 0x0750..=0x077F | 0x08A0..=0x08FF | 0xFB50..=0xFDFF | 0xFE70..=0xFEFC)
}

/// Marks of direction and joining have no glyph of their own.
fn invisible(c: char) -> bool {
    matches!(u32::from(c), 0x200B..=0x200F | 0x202A..=0x202E | 0x2060 | 0x2066..=0x2069 | 0xFEFF)
}

impl Faces {
    fn of(&self, is_arabic: bool, bold: bool) -> &OneFace {
        let both = if is_arabic { &self.arabic } else { &self.latin };
        &both[usize::from(bold)]
    }

    /// What no font of ours draws is a question mark, so that a reader sees that something stands
    /// there.
    fn drawable(&self, text: &str) -> String {
        text.chars()
            .map(|c| match c {
                '\t' | '\n' | '\r' | '\u{a0}' | '\u{202f}' => ' ',
                c if invisible(c) => c,
                c if self.of(arabic(c), false).face.glyph_index(c).is_some() => c,
                _ => '?',
            })
            .collect()
    }

    pub fn line(&self, text: &str, bold: bool, rtl: bool) -> Line {
        let text = self.drawable(text);
        let base = if rtl { Level::rtl() } else { Level::ltr() };
        let info = BidiInfo::new(&text, Some(base));
        let mut pieces = Vec::new();
        for p in &info.paragraphs {
            let (levels, runs) = info.visual_runs(p, p.range.clone());
            for run in runs {
                let backwards = levels.get(run.start).is_some_and(Level::is_rtl);
                let mut parts = self.parts(&text[run], bold, backwards);
                if backwards {
                    parts.reverse();
                }
                pieces.append(&mut parts);
            }
        }
        let width = pieces.iter().map(|p| p.width).sum();
        Line { pieces, width }
    }

    /// A run in pieces of one font. What belongs to no script goes with what is before it.
    fn parts(&self, run: &str, bold: bool, rtl: bool) -> Vec<Piece> {
        let mut cuts: Vec<(usize, bool)> = Vec::new();
        for (at, c) in run.char_indices() {
            let is_arabic = arabic(c);
            match cuts.last() {
                Some((_, before)) if *before == is_arabic => {}
                Some((_, true)) if c == ' ' || invisible(c) => {}
                _ => cuts.push((at, is_arabic)),
            }
        }
        let ends = cuts.iter().skip(1).map(|c| c.0).chain(std::iter::once(run.len()));
        cuts.iter()
            .zip(ends)
            .map(|((start, is_arabic), end)| shape(self.of(*is_arabic, bold), &run[*start..end], rtl))
            .collect()
    }

    /// In ems.
    pub fn width(&self, text: &str, bold: bool, rtl: bool) -> f32 {
        self.line(text, bold, rtl).width
    }

    /// The text in lines of at most `width` ems, cut at blanks; a word that is too long is cut
    /// anywhere.
    pub fn wrap(&self, text: &str, bold: bool, rtl: bool, width: f32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in text.split([' ', '\n', '\r', '\t']).filter(|w| !w.is_empty()) {
            let longer = if line.is_empty() {
                word.to_string()
            } else {
                format!("{line} {word}")
            };
            if self.width(&longer, bold, rtl) <= width {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                let longer = format!("{line}{c}");
                if !line.is_empty() && self.width(&longer, bold, rtl) > width {
                    lines.push(std::mem::take(&mut line));
                    line.push(c);
                } else {
                    line = longer;
                }
            }
        }
        if !line.is_empty() || lines.is_empty() {
            lines.push(line);
        }
        lines
    }
}

fn shape(f: &OneFace, text: &str, rtl: bool) -> Piece {
    let em = f.font.units_per_em();
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.guess_segment_properties();
    buffer.set_direction(if rtl { Direction::RightToLeft } else { Direction::LeftToRight });
    let out = rustybuzz::shape(&f.face, &[], buffer);
    let (infos, positions) = (out.glyph_infos(), out.glyph_positions());
    // Where each cluster begins, in the order of the text: its end is where the next begins.
    let mut starts: Vec<u32> = infos.iter().map(|i| i.cluster).collect();
    starts.sort_unstable();
    starts.dedup();
    let end_of = |cluster: u32| {
        let next = starts.partition_point(|s| *s <= cluster);
        starts.get(next).map_or(text.len(), |s| usize::try_from(*s).unwrap_or(text.len()))
    };
    #[allow(clippy::cast_precision_loss, reason = "font units are small numbers")]
    let ems = |v: i32| v as f32 / em;
    let mut width = 0.0;
    let glyphs = infos
        .iter()
        .zip(positions)
        .map(|(i, p)| {
            width += ems(p.x_advance);
            let start = usize::try_from(i.cluster).unwrap_or(0);
            KrillaGlyph::new(
                GlyphId::new(i.glyph_id),
                ems(p.x_advance),
                ems(p.x_offset),
                ems(p.y_offset),
                ems(p.y_advance),
                start..end_of(i.cluster),
                None,
            )
        })
        .collect();
    Piece {
        font: f.font.clone(),
        glyphs,
        text: text.to_string(),
        width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arabic_letters_join_and_stand_from_right_to_left_with_numbers_from_left_to_right() {
        let f = faces().unwrap();
        let apart: f32 = "سلام".chars().map(|c| f.width(&c.to_string(), false, true)).sum();
        assert!(f.width("سلام", false, true) < apart, "joined letters are narrower than four alone");
        let line = f.line("رصيد 1,234.50 EUR", false, true);
        let on_paper: Vec<&str> = line.pieces.iter().map(|p| p.text.trim()).collect();
        assert_eq!(
            on_paper.last().map(|t| t.chars().next()),
            Some(Some('ر')),
            "the first word stands at the right: {on_paper:?}"
        );
        assert!(on_paper.concat().contains("1,234.50"));
    }

    #[test]
    fn a_text_is_cut_at_blanks_and_a_long_word_anywhere() {
        let f = faces().unwrap();
        let lines = f.wrap("one two three", false, false, f.width("one two", false, false));
        assert_eq!(lines, ["one two", "three"]);
        assert!(f.wrap("dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", false, false, 5.0).len() > 2);
        assert_eq!(f.wrap("", false, false, 5.0), [""]);
    }

    #[test]
    fn what_no_font_draws_is_a_question_mark_and_never_a_fault() {
        let f = faces().unwrap();
        assert_eq!(f.drawable("a漢b\u{1F600}ß Ω ж"), "a?b?ß Ω ж");
        let _ = f.line("漢字 \u{202e}abc\u{0000}", true, true);
    }
}
