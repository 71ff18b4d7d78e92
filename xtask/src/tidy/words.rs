//! What pages say stands in the crate `web`, in its templates and its module `words`, so that it can be read, and translated, in one place.
//!
//! A literal is taken for words where it begins as a sentence or a label does, or holds three plain words in a row. What is said to nobody
//! who looks at pages is left out: log lines, reasons of `expect`, test modules; and markup, which is a template that stands in Rust.

use super::Offence;
use super::rust::literals;
use super::tree::{File, Tree};

/// Where no words of pages stand.
const WITHOUT: [&str; 2] = ["server/src/pages", "web/src"];
/// Where they do.
const WITH: &str = "web/src/words/";
/// Calls whose words no page shows.
const UNSEEN: [&str; 7] = [
    "expect", "error!", "warn!", "info!", "debug!", "trace!", "assert!",
];
/// So many plain words in a row are no name, address or command any more.
const IN_A_ROW: usize = 3;

/// Finds words of pages that stand elsewhere.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let files = WITHOUT.iter().flat_map(|folder| tree.rust_below(folder));
    files
        .filter(|file| !file.path.starts_with(WITH) && file.name() != "tests.rs")
        .flat_map(of_file)
        .collect()
}

fn of_file(file: &File) -> Vec<Offence> {
    let tests = file.code.find("#[cfg(test)]").unwrap_or(file.code.len());
    let until = file.code[..tests].lines().count();
    literals(&file.text)
        .into_iter()
        .filter(|literal| literal.line <= until && !UNSEEN.contains(&literal.call.as_str()))
        .filter(|literal| are_words(&literal.text))
        .map(|literal| {
            let shown: String = literal.text.chars().take(40).collect();
            let why = format!("{shown:?} are words of a page outside of {WITH}, where nobody who translates pages finds them");
            let instead = "hand the page a value with the facts in it, and put the words for it into web/src/words or a template";
            Offence::new(&file.path, literal.line, why, instead)
        })
        .collect()
}

fn are_words(text: &str) -> bool {
    let is_markup = text.starts_with('<') || text.starts_with("{%");
    !is_markup && (begins_as_sentence(text) || is_told(text))
}

/// `Your password`, `Serious`; not `DEVICE_ID`.
fn begins_as_sentence(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(char::is_uppercase) && chars.next().is_some_and(char::is_lowercase)
}

/// `must be a whole number`; not `kind:{} build={}`.
fn is_told(text: &str) -> bool {
    let mut row = 0;
    text.split_whitespace().any(|word| {
        let word = word.trim_end_matches(['.', ',', ':', ';', '?', '!']);
        let is_plain = !word.is_empty() && word.chars().all(char::is_lowercase);
        row = if is_plain { row + 1 } else { 0 };
        row >= IN_A_ROW
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let offences = check(&Tree::of(&[(path, text)]));
        offences.into_iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn words_of_pages_outside_of_their_module_are_refused() {
        for bad in [
            r#"let done = "Your password is kept.";"#,
            r#"let label = "Serious";"#,
            r#"Err(format!("must be a whole number of {unit}"))"#,
            r#"Problem::not_found(r"There is no such account.")"#,
        ] {
            let text = format!("fn a() {{\n    {bad}\n}}\n");
            for path in ["server/src/pages/account.rs", "web/src/pages/account.rs"] {
                assert_eq!(lines(path, &text), [2], "{path}: {bad}");
            }
            for path in [
                "web/src/words/account.rs",
                "server/src/api/me.rs",
                "server/src/pages/a/tests.rs",
            ] {
                assert!(lines(path, &text).is_empty(), "{path}: {bad}");
            }
        }
    }

    #[test]
    fn what_no_page_says_in_words_may_stand_anywhere() {
        for fine in [
            r#"tracing::error!(error = %chain(&error), "the CA cannot be used");"#,
            r#"serde_json::to_value(document).expect("The API describes itself in JSON")"#,
            r#"format!("kind:{} build={}", kind, build)"#,
            r#""sickbay-server token create --config sickbay.toml""#,
            r#""public, max-age=31536000, immutable""#,
            r#""DEVICE_ID""#,
            r##"r#"<button type="button">{{ words::COPY }}</button>"#"##,
            "// \"Not a literal at all.\"",
            "#[cfg(test)]\nmod tests {\n    const A: &str = \"A device in a test\";\n}",
        ] {
            let text = format!("{fine}\n");
            assert!(lines("server/src/pages/a.rs", &text).is_empty(), "{fine}");
        }
    }
}
