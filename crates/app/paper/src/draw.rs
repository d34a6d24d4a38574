//! Marks become a PDF.

use crate::Paper;
use crate::layout::{Ink, Mark, Pages};
use crate::text::Faces;
use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata, TextDirection};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use qd_kernel::{Problem, Result};

/// A colour of the brand's hue, dark enough to read on white.
fn brand(hue: u16) -> rgb::Color {
    let (s, l) = (0.6_f32, 0.32_f32);
    let c = (1.0 - (2.0 * l - 1.0).abs()) * s;
    let h = f32::from(hue % 360) / 60.0;
    let x = c * (1.0 - (h % 2.0 - 1.0).abs());
    let (r, g, b) = match hue % 360 / 60 {
        0 => (c, x, 0.0),
        1 => (x, c, 0.0),
        2 => (0.0, c, x),
        3 => (0.0, x, c),
        4 => (x, 0.0, c),
        _ => (c, 0.0, x),
    };
    let m = l - c / 2.0;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
    let byte = |v: f32| ((v + m) * 255.0).round().clamp(0.0, 255.0) as u8;
    rgb::Color::new(byte(r), byte(g), byte(b))
}

fn fill(p: &Paper, ink: Ink) -> Fill {
    let colour = match ink {
        Ink::Text => rgb::Color::new(26, 29, 36),
        Ink::Grey => rgb::Color::new(91, 98, 112),
        Ink::Brand => brand(p.hue),
        Ink::Shade => rgb::Color::new(240, 241, 244),
        Ink::Rule => rgb::Color::new(214, 217, 223),
    };
    Fill {
        paint: colour.into(),
        ..Fill::default()
    }
}

fn mark(s: &mut Surface<'_>, p: &Paper, f: &Faces, m: &Mark) {
    match m {
        Mark::Box { x, y, w, h, ink } => {
            let mut path = PathBuilder::new();
            if let Some(r) = Rect::from_xywh(*x, *y, *w, *h) {
                path.push_rect(r);
            }
            if let Some(path) = path.finish() {
                s.set_fill(Some(fill(p, *ink)));
                s.draw_path(&path);
            }
        }
        Mark::Text {
            x,
            from_right,
            y,
            size,
            bold,
            ink,
            text,
        } => {
            let line = f.line(text, *bold, p.rtl);
            s.set_fill(Some(fill(p, *ink)));
            let mut at = if *from_right { x - line.width * size } else { *x };
            for piece in &line.pieces {
                if !piece.glyphs.is_empty() {
                    s.draw_glyphs(Point::from_xy(at, *y), &piece.glyphs, piece.font.clone(), &piece.text, *size, false);
                }
                at += piece.width * size;
            }
        }
    }
}

pub fn document(p: &Paper, f: &Faces, all: &Pages) -> Result<Vec<u8>> {
    let (year, month, day) = p.made_at.ymd();
    let part = |v: u32| u8::try_from(v).unwrap_or(1);
    let mut d = Document::new();
    d.set_metadata(
        Metadata::new()
            .title(p.title.clone())
            .authors(vec![p.brand.clone()])
            .language(p.language.clone())
            .creation_date(DateTime::new(u16::try_from(year).unwrap_or(1970)).month(part(month)).day(part(day)))
            .text_direction(if p.rtl {
                TextDirection::RightToLeft
            } else {
                TextDirection::LeftToRight
            }),
    );
    for marks in &all.pages {
        let settings = PageSettings::from_wh(all.width, all.height).ok_or_else(|| Problem::bug("paper_size", "a page has no size"))?;
        let mut page = d.start_page_with(settings);
        let mut surface = page.surface();
        for m in marks {
            mark(&mut surface, p, f, m);
        }
        surface.finish();
        page.finish();
    }
    d.finish()
        .map_err(|e| Problem::bug("paper_unprintable", "the PDF could not be written").with_source(format!("{e:?}")))
}
