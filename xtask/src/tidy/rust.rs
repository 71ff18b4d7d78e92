//! Just enough of Rust's surface for rules: code without comments and literals, words, and paths that `use` brings in.
//!
//! It leaves out macros that build identifiers, and nothing here resolves names.

/// The text with comments, strings and character literals turned into blanks. Lines and columns stay.
pub(super) fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_blank(&chars, at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            let blanked = chars[at..end].iter();
            code.extend(blanked.map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// A string literal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    /// What stands between its quotes, as written.
    pub(super) text: String,
    /// The function or macro (`warn!`) between whose parentheses it stands; empty where there is none.
    pub(super) call: String,
}

/// Every string literal, in order.
pub(super) fn literals(text: &str) -> Vec<Literal> {
    let chars: Vec<char> = text.chars().collect();
    let mut literals = Vec::new();
    // What was called by each parenthesis that is open.
    let mut open: Vec<String> = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let end = end_of_blank(&chars, at);
        if end == at {
            match chars[at] {
                '(' => open.push(called(&chars[..at])),
                ')' => drop(open.pop()),
                _ => {}
            }
        } else if matches!(chars[at], '"' | 'r') {
            let written: String = chars[at..end].iter().collect();
            let text = written.trim_start_matches('r').trim_matches('#');
            let text = text.strip_prefix('"').unwrap_or(text);
            literals.push(Literal {
                line,
                text: text.strip_suffix('"').unwrap_or(text).to_owned(),
                call: open.last().cloned().unwrap_or_default(),
            });
        }
        let next = end.max(at + 1);
        line += chars[at..next].iter().filter(|c| **c == '\n').count();
        at = next;
    }
    literals
}

/// The name before a parenthesis, with the mark of a macro.
fn called(before: &[char]) -> String {
    let is_part = |c: &&char| is_word(**c) || **c == '!';
    let mut name: Vec<char> = before.iter().rev().take_while(is_part).copied().collect();
    name.reverse();
    name.into_iter().collect()
}

/// Where the comment or literal that begins at `at` ends; `at` itself where none begins.
fn end_of_blank(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    let in_word = at > 0 && is_word(chars[at - 1]);
    match (chars[at], next) {
        ('/', Some('/')) => find(chars, at, |c| c == '\n'),
        ('/', Some('*')) => end_of_comment(chars, at),
        ('"', _) => end_of_string(chars, at),
        ('r', Some('"' | '#'))
            if !in_word || (chars[at - 1] == 'b' && (at < 2 || !is_word(chars[at - 2]))) =>
        {
            end_of_raw_string(chars, at)
        }
        ('\'', Some('\\')) => (find(chars, at + 3, |c| c == '\'') + 1).min(chars.len()),
        ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

fn find(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    let from = from.min(chars.len());
    let place = chars[from..].iter().position(|c| wanted(*c));
    place.map_or(chars.len(), |n| from + n)
}

fn end_of_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn end_of_raw_string(chars: &[char], start: usize) -> usize {
    let quote = find(chars, start + 1, |c| c != '#');
    let hashes = quote - start - 1;
    // `r#type` is an identifier, not a string.
    if chars.get(quote) != Some(&'"') {
        return start;
    }
    let mut at = quote + 1;
    while at < chars.len() {
        let rest = &chars[at + 1..];
        if chars[at] == '"' && rest.len() >= hashes && rest[..hashes].iter().all(|c| *c == '#') {
            return at + 1 + hashes;
        }
        at += 1;
    }
    chars.len()
}

/// Whether a character is part of an identifier.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The lines, from 1, on which `wanted` stands as whole words.
pub(super) fn lines_with(code: &str, wanted: &str) -> Vec<usize> {
    let numbered = code.lines().enumerate();
    numbered
        .filter(|(_, line)| has_words(line, wanted))
        .map(|(n, _)| n + 1)
        .collect()
}

fn has_words(line: &str, wanted: &str) -> bool {
    line.match_indices(wanted).any(|(at, found)| {
        let before = line[..at].chars().next_back();
        let after = line[at + found.len()..].chars().next();
        let starts = !wanted.starts_with(is_word) || before.is_none_or(|c| !is_word(c));
        let ends = !wanted.ends_with(is_word) || after.is_none_or(|c| !is_word(c));
        starts && ends
    })
}

/// Every path that a `use` brings in, written out, with the line of its `use`: `use a::{b, c::d}` gives `a::b` and `a::c::d`.
pub(super) fn used_paths(code: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    let mut line = 1;
    let mut rest = code;
    let mut before = '\n';
    while let Some(c) = rest.chars().next() {
        if !is_word(before) && rest.starts_with("use ") {
            let end = rest.find(';').unwrap_or(rest.len());
            let tree = &rest[4..end];
            let mut found = Vec::new();
            write_out("", tree, &mut found);
            paths.extend(found.into_iter().map(|path| (line, path)));
        }
        if c == '\n' {
            line += 1;
        }
        before = c;
        rest = &rest[c.len_utf8()..];
    }
    paths
}

fn write_out(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    for part in split_top(tree) {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        if let Some((head, inner)) = part.split_once('{') {
            let inner = inner.trim_end().trim_end_matches('}');
            let head: String = head.split_whitespace().collect();
            write_out(&format!("{prefix}{head}"), inner, paths);
        } else {
            let name = part.split(" as ").next().unwrap_or(part);
            let name: String = name.split_whitespace().collect();
            paths.push(format!("{prefix}{name}"));
        }
    }
}

/// Splits at commas that stand outside braces.
fn split_top(tree: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&tree[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tree[start..]);
    parts
}

/// The lines on which a path is used or begun: `std::fs` is found in `use std::{fs, io}`, in `use std::fs::File` and in
/// `std::fs::read(..)`.
pub(super) fn lines_naming(code: &str, path: &str) -> Vec<usize> {
    let below = format!("{path}::");
    // A crate's name alone may as well be that of a variable.
    let written = if path.contains("::") { path } else { &below };
    let used = used_paths(code)
        .into_iter()
        .filter(|(_, used)| used == path || used.starts_with(&below))
        .map(|(line, _)| line);
    let mut lines: Vec<usize> = used.chain(lines_with(code, written)).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let text = "a // std::fs\n/* b /* c */ d */ e \"f\\\"g\" 'h' '\\'' r#\"i\"j\"# br\"k\" l<'m> r#type \"\nn\" o";
        let words: Vec<String> = code_of(text)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        assert_eq!(words, ["a", "e", "b", "l<'m>", "r#type", "o"]);
        assert_eq!(code_of(text).lines().count(), text.lines().count());
        assert_eq!(code_of("\"open"), " ".repeat(5));
        assert_eq!(code_of("'\\"), "  ");
    }

    #[test]
    fn literals_know_their_line_and_who_is_told_them() {
        let text = "a(\"b\", c!(1, (2),\n    r#\"d \"e\"\"#)); // \"f\"\n\"g\\\"\"";
        let found: Vec<_> = literals(text)
            .into_iter()
            .map(|literal| (literal.line, literal.text, literal.call))
            .collect();
        let expected = [(1, "b", "a"), (2, "d \"e\"", "c!"), (3, "g\\\"", "")];
        let expected = expected.map(|(line, text, call)| (line, text.to_owned(), call.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn nested_uses_are_written_out() {
        let code =
            "x\npub use std::{\n    fs,\n    time::{Duration, Instant as I},\n};\nuse tokio;";
        let expected = [
            (2, "std::fs"),
            (2, "std::time::Duration"),
            (2, "std::time::Instant"),
            (6, "tokio"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(n, path)| (*n, (*path).to_owned()))
            .collect();
        assert_eq!(used_paths(code), expected);
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(
            lines_naming("let rand = 1;\nrand::rng();\nuse rand;", "rand"),
            [2, 3]
        );
        assert_eq!(lines_with("unsafe_code\nan unsafe {\n", "unsafe"), [2]);
        assert_eq!(
            lines_naming(
                "use std::{fs, io};\nlet a = std::fs::read();\nstd::fsx",
                "std::fs"
            ),
            [1, 2]
        );
    }
}
