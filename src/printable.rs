//! Names that others made, for a terminal or a page.

/// Text from elsewhere, without control characters, and without those that change the direction of writing or are not seen.
pub fn printable(text: &str) -> String {
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().map(|c| if hides(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_elsewhere_cannot_write_over_others() {
        assert_eq!(printable("O=A\u{202e}B\u{1b}[2J\u{2066}é"), "O=A\u{fffd}B\u{fffd}[2J\u{fffd}é");
    }
}
