//! Masks of account groups, for servers that do not filter by them: `real*,!real-test*`.

/// Whether a mask names the group: any of its parts does and none with `!` does. `*` stands for any
/// text; letters are compared without case.
pub fn hits(mask: &str, group: &str) -> bool {
    let group = group.to_lowercase();
    let mut named = false;
    for part in mask.split(',').map(|p| p.trim().to_lowercase()).filter(|p| !p.is_empty()) {
        match part.strip_prefix('!') {
            Some(not) if like(not, &group) => return false,
            Some(_) => {}
            None => named |= like(&part, &group),
        }
    }
    named
}

fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for m in middle {
        match rest.find(m) {
            Some(at) => rest = &rest[at + m.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything_and_an_exclamation_mark_takes_out() {
        assert!(hits("*", "real-eur") && hits("real*", "Real-EUR") && hits("demo, real-eur", "real-eur"));
        assert!(hits("*eu-*-usd", "real-eu-standard-usd") && !hits("real-eu", "real-eu-standard"));
        assert!(!hits("real*,!real-test*", "real-test-1") && !hits("", "real") && !hits("!demo", "real"));
    }
}
