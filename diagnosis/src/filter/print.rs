//! A filter's canonical text.
//!
//! What [`Filter::parse`] returned prints as a text that parses to the same filter again and is never longer than the one it came
//! from, so every parsed filter also fits into a link. Filters put together in code keep their meaning.

use std::fmt::{self, Display, Formatter, Write as _};

use super::parse::{is_bare_word, is_plain};
use super::{Filter, Pattern, Test, TextField};

/// What the printed part stands in; decides about parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Any,
    All,
    Not,
}

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print(self, Inside::Nothing, f)
    }
}

fn print(filter: &Filter, inside: Inside, f: &mut Formatter<'_>) -> fmt::Result {
    match filter {
        Filter::Everything if inside == Inside::Nothing => Ok(()),
        Filter::Everything => f.write_str("()"),
        Filter::Is(test) => print_test(test, f),
        Filter::Not(inner) => {
            f.write_char('-')?;
            print(inner, Inside::Not, f)
        }
        Filter::All(parts) => match parts.as_slice() {
            [] => print(&Filter::Everything, inside, f),
            [only] => print(only, inside, f),
            several => {
                let bare = matches!(inside, Inside::Nothing | Inside::Any);
                print_several(several, " ", Inside::All, bare, f)
            }
        },
        Filter::Any(parts) => match parts.as_slice() {
            // None of nothing holds.
            [] => f.write_str("-()"),
            [only] => print(only, inside, f),
            several => print_several(several, " or ", Inside::Any, inside == Inside::Nothing, f),
        },
    }
}

fn print_several(
    parts: &[Filter],
    between: &str,
    inside: Inside,
    bare: bool,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    if !bare {
        f.write_char('(')?;
    }
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            f.write_str(between)?;
        }
        print(part, inside, f)?;
    }
    if !bare {
        f.write_char(')')?;
    }
    Ok(())
}

fn print_test(test: &Test, f: &mut Formatter<'_>) -> fmt::Result {
    match test {
        Test::Text(field, pattern) => {
            if *field == TextField::Name
                && let Some(word) = as_word(pattern)
            {
                return if is_bare_word(word) {
                    f.write_str(word)
                } else {
                    print_quoted(word, f)
                };
            }
            write!(f, "{}:", field.name())?;
            print_value(pattern, f)
        }
        Test::Number(field, compare, number) => {
            write!(f, "{}{}{number}", field.name(), compare.sign())
        }
        Test::Issue(pattern) => {
            f.write_str("issue:")?;
            print_value(pattern, f)
        }
        Test::Cause(pattern) => {
            f.write_str("cause:")?;
            print_value(pattern, f)
        }
        Test::State(state) => write!(f, "state:{}", state.name()),
    }
}

/// The word that stands for a pattern of the host name: `*word*` is a word without its stars, any other pattern with stars is
/// itself a word. A pattern without stars is none.
fn as_word(pattern: &Pattern) -> Option<&str> {
    let text = pattern.as_str();
    let contained = text
        .strip_prefix('*')
        .and_then(|rest| rest.strip_suffix('*'))
        .filter(|word| !word.is_empty() && !word.contains('*'));
    contained.or_else(|| text.contains('*').then_some(text))
}

fn print_value(pattern: &Pattern, f: &mut Formatter<'_>) -> fmt::Result {
    let text = pattern.as_str();
    if !text.is_empty() && text.chars().all(is_plain) {
        f.write_str(text)
    } else {
        print_quoted(text, f)
    }
}

fn print_quoted(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}
