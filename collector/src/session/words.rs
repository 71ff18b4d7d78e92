//! Words of a server or a proxy, made fit for the log, for `last-error.json` and for the terminal of whoever asks why a device does
//! not report: one line of bounded length, without controls and without marks that hide or reorder.
//!
//! It is done where such words come in, because they leave in many places and none of those could tell them from the collector's own.

/// The first `most` characters of `words` that may be shown. What stands in the place of a line's end is a blank.
pub(crate) fn plain(words: &str, most: usize) -> String {
    words
        .chars()
        .map(|c| {
            if matches!(c, '\n' | '\r' | '\t') {
                ' '
            } else {
                c
            }
        })
        .filter(|c| !hides(*c))
        .take(most)
        .collect()
}

/// As in `sickbay-web`, which shows such characters instead: there a raw value is proof, here nothing is lost.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_cannot_command_a_terminal_begin_a_line_or_turn_text_around() {
        for (words, shown) in [
            ("no\u{1b}[2J\u{7}", "no[2J"),
            ("\u{9b}31mred\u{0}\u{7f}", "31mred"),
            ("one\r\ntwo\tthree", "one  two three"),
            ("exe\u{202e}fdp.\u{200b}", "exefdp."),
            ("Größe-東京-חיפה", "Größe-東京-חיפה"),
        ] {
            assert_eq!(plain(words, 100), shown);
        }
        assert_eq!(plain("ü\u{1b}ü\u{1b}ü", 2), "üü");
    }
}
