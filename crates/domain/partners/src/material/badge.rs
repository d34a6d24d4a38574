//! A banner with a code in it: the picture, a QR code in its corner, the code in letters. SVG, so that
//! the picture stays as it was made.

use super::MaterialPack;
use data_encoding::BASE64;
use qd_kernel::{Problem, Result};
use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;

/// Quiet modules around a QR code.
const QUIET: i32 = 4;

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn qr(text: &str) -> Result<QrCode> {
    QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|_| Problem::invalid("link", "link_too_long", "expected a shorter link"))
}

/// The dark modules as one path, and the size of the whole in modules.
fn path_of(q: &QrCode) -> (String, i32) {
    let mut d = String::new();
    for y in 0..q.size() {
        for x in 0..q.size() {
            if q.get_module(x, y) {
                let _ = write!(d, "M{},{}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
    }
    (d, q.size() + 2 * QUIET)
}

/// A QR code as an SVG picture.
pub fn qr_svg(text: &str) -> Result<String> {
    let (d, n) = path_of(&qr(text)?);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {n} {n}\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{n}v{n}H0z\"/><path d=\"{d}\"/></svg>"
    ))
}

pub fn banner(pack: &MaterialPack, mime: &str, picture: &[u8]) -> Result<String> {
    let (w, h) = (pack.material.width.unwrap_or(1).max(1), pack.material.height.unwrap_or(1).max(1));
    let (d, n) = path_of(&qr(&pack.link)?);
    // A third of the shorter side, and readable where there is room.
    let side = (w.min(h) / 3).max(96).min(w.min(h));
    let (x, y) = (w - side, h - side);
    let image = BASE64.encode(picture);
    let (code, link) = (escaped(&pack.code), escaped(&pack.link));
    let font = (side / 8).max(8);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\">\
         <a href=\"{link}\"><image href=\"data:{mime};base64,{image}\" width=\"{w}\" height=\"{h}\"/>\
         <svg x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" viewBox=\"0 0 {n} {n}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{n}v{n}H0z\"/><path d=\"{d}\"/></svg>\
         <text x=\"{font}\" y=\"{ty}\" font-family=\"sans-serif\" font-size=\"{font}\" fill=\"#fff\" stroke=\"#000\" stroke-width=\"0.5\">{code}</text></a></svg>",
        ty = h - font / 2,
    ))
}

/// Width and height of a PNG or JPEG picture, from its first bytes.
pub fn image_size(b: &[u8]) -> Option<(i64, i64)> {
    let be = |at: usize, n: usize| -> Option<i64> { b.get(at..at + n).map(|s| s.iter().fold(0i64, |a, x| a << 8 | i64::from(*x))) };
    let sane = |(w, h): (i64, i64)| ((1..=20_000).contains(&w) && (1..=20_000).contains(&h)).then_some((w, h));
    if b.starts_with(b"\x89PNG\r\n\x1a\n") {
        return sane((be(16, 4)?, be(20, 4)?));
    }
    if !b.starts_with(&[0xFF, 0xD8]) {
        return None;
    }
    let mut at = 2;
    loop {
        if *b.get(at)? != 0xFF {
            return None;
        }
        let marker = *b.get(at + 1)?;
        match marker {
            0xFF => at += 1,
            // Start of frame, but for tables and the arithmetic conditioning between them.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => return sane((be(at + 7, 2)?, be(at + 5, 2)?)),
            0xD0..=0xD8 | 0x01 => at += 2,
            _ => at += 2 + usize::try_from(be(at + 2, 2)?).ok()?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pictures_size_is_read_from_its_bytes_and_nonsense_has_none() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend([0, 0, 1, 44, 0, 0, 0, 250]);
        assert_eq!(image_size(&png), Some((300, 250)));
        let jpeg = [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xC2, 0, 17, 8, 0, 90, 2, 0xD8, 3];
        assert_eq!(image_size(&jpeg), Some((728, 90)));
        assert_eq!(image_size(b"GIF89a"), None);
        assert_eq!(image_size(&jpeg[..10]), None);
        assert_eq!(image_size(&[0xFF, 0xD8, 0xFF, 0xE0, 0, 0]), None);
    }

    #[test]
    fn a_qr_code_is_drawn_whole_with_its_quiet_edge() {
        let svg = qr_svg("https://a.example/c/ANNA?m=mat_1").unwrap();
        // Version 3: 29 modules and 4 on each side; the finder's corner stands where it must.
        assert!(svg.contains("viewBox=\"0 0 37 37\""), "{}", &svg[..80]);
        assert!(svg.contains("M4,4h1v1h-1z") && !svg.contains("M3,3h1v1h-1z"));
    }
}
