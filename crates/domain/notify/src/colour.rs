//! A brand's colour where style sheets of our own cannot be used: in mails, and on a phone's home
//! screen. The portals make theirs from the same hue.

/// `oklch(48% 0.13 h)` for each tenth degree, less of the chroma where a screen cannot show it. White
/// text on any of them has a contrast of more than 4.5.
const COLOURS: [&str; 36] = [
    "#95385b", "#98374d", "#99383e", "#993a2e", "#983e1b", "#934302", "#8a4b01", "#825100", "#7a5604", "#735a00", "#6b5e05", "#626202",
    "#566600", "#456b02", "#2f6e1f", "#067132", "#027048", "#046e55", "#046d5f", "#046c68", "#076b6f", "#046a77", "#05687f", "#066788",
    "#006495", "#0c60a3", "#2e5ba6", "#4256a6", "#5152a4", "#5e4da1", "#6a499b", "#744593", "#7d418a", "#853e80", "#8b3b74", "#913968",
];

/// The colour nearest to a hue (0 to 359 degrees, of the oklch circle: 0 is pink, 150 green, 250 blue).
pub fn of_hue(hue: u32) -> &'static str {
    let n = usize::try_from((hue % 360 + 5) / 10 % 36).unwrap_or(0);
    COLOURS[n]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hue_has_the_colour_nearest_to_it() {
        assert_eq!(
            (of_hue(0), of_hue(4), of_hue(355), of_hue(359)),
            (COLOURS[0], COLOURS[0], COLOURS[0], COLOURS[0])
        );
        assert_eq!(
            (of_hue(5), of_hue(250), of_hue(344), of_hue(345)),
            (COLOURS[1], COLOURS[25], COLOURS[34], COLOURS[35])
        );
    }
}
