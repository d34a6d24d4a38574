//! What a file is, by its first bytes.

use qd_kernel::text_enum;

text_enum!(
    /// The types a document may have.
    Mime { Jpeg = "image/jpeg", Png = "image/png", Webp = "image/webp", Heic = "image/heic", Pdf = "application/pdf",
        /// A machine's file, which no first bytes tell: a bank's statement, a provider's settlement list.
        Data = "application/octet-stream" }
);

/// The type, or none when it is nothing we take.
pub fn sniff(b: &[u8]) -> Option<Mime> {
    if b.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return Some(Mime::Jpeg);
    }
    if b.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(Mime::Png);
    }
    if b.starts_with(b"RIFF") && b.get(8..12) == Some(b"WEBP") {
        return Some(Mime::Webp);
    }
    if b.starts_with(b"%PDF-") {
        return Some(Mime::Pdf);
    }
    // ISO base media: a box named ftyp whose brand says still image in HEVC.
    const BRANDS: [&[u8]; 6] = [b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"];
    if b.get(4..8) == Some(b"ftyp") && b.get(8..12).is_some_and(|brand| BRANDS.contains(&brand)) {
        return Some(Mime::Heic);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_or_page_named_like_an_image_is_not_taken() {
        assert_eq!(sniff(b"\xFF\xD8\xFF\xE0rest"), Some(Mime::Jpeg));
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\nrest"), Some(Mime::Png));
        assert_eq!(sniff(b"RIFF\x00\x00\x00\x00WEBPVP8 "), Some(Mime::Webp));
        assert_eq!(sniff(b"%PDF-1.7\n"), Some(Mime::Pdf));
        assert_eq!(sniff(b"\x00\x00\x00\x18ftypheic\x00"), Some(Mime::Heic));
        for bad in [
            &b"MZ\x90\x00"[..],
            b"<html>",
            b"\x7fELF",
            b"GIF89a",
            b"<svg xmlns=",
            b"RIFF\x00\x00\x00\x00WAVE",
            b"\x00\x00\x00\x18ftypisom",
            b"",
            b"\xFF\xD8",
        ] {
            assert_eq!(sniff(bad), None);
        }
    }
}
