//! Reading .reg exports: version 5 and REGEDIT4, every value type, continued lines, default values, deletions and comments.
//!
//! A malformed line is a [`Problem`] that names file, line and reason; everything readable is kept. Reading never fails as a whole
//! and takes time proportional to the text.
//!
//! Limits: [`MAX_VALUE_BYTES`] of data a value, [`MAX_NAME_CHARS`] a name, [`MAX_DEPTH`] keys deep, [`MAX_PROBLEMS`] reported a
//! file (the rest is counted). The size of files is bounded where they are opened.
//!
//! Left out: Wine's own forms (`str(2):`), and keys outside the five roots.

mod assignment;

use std::borrow::Cow;
use std::fmt;

use sickbay_diagnosis::reading::Data;

use super::reg_data::TextBytes;
use super::reg_text;
use super::registry::{Registry, short_root};
use assignment::{Assigned, Quoted, assignment, first_line, quoted};

/// Most bytes of data in one value. Windows advises against more than 2,048, and keeps what is larger than 1 MiB elsewhere.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// Most characters in the name of a value, which is Windows' own limit; also of one key in a path (Windows: 255).
pub const MAX_NAME_CHARS: usize = 16_383;
/// Most keys from the root down, which is Windows' own limit.
pub const MAX_DEPTH: usize = 512;
/// Most problems reported for one file.
pub const MAX_PROBLEMS: usize = 1_000;

/// Something in a recording that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; `None` where it concerns the whole file.
    pub line: Option<usize>,
    /// Why, for people.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

/// What reading one file came to, beside the registry that was filled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegFileRead {
    /// Whether the first line says that this is a .reg file.
    pub has_header: bool,
    /// Keys and values that were read, deletions included.
    pub entries: usize,
    /// What could not be read, in order of lines.
    pub problems: Vec<Problem>,
}

/// Reads the .reg file in `bytes`, called `file` in problems, on top of what `registry` holds.
pub fn read_reg(file: &str, bytes: &[u8], registry: &mut Registry) -> RegFileRead {
    let decoded = reg_text::decode(bytes);
    let mut reader = Reader {
        file,
        text: &decoded.text,
        at: 0,
        line: 1,
        encoding: TextBytes::Utf16,
        key: Place::None,
        read: RegFileRead::default(),
        unreported: 0,
    };
    reader.header(decoded.is_ansi);
    while reader.at < reader.text.len() {
        reader.entry(registry);
    }
    reader.finish()
}

/// Why a line is not read.
type Reason = Cow<'static, str>;

/// Where values go.
enum Place {
    /// No key was named yet.
    None,
    /// Under this key.
    Key(String),
    /// Nowhere: the key above could not be read, which was reported.
    Unreadable,
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    at: usize,
    line: usize,
    encoding: TextBytes,
    key: Place,
    read: RegFileRead,
    unreported: usize,
}

impl<'a> Reader<'a> {
    fn header(&mut self, is_ansi: bool) {
        while self.at < self.text.len() && self.current_line().trim().is_empty() {
            self.skip_line();
        }
        let first = self.current_line().trim();
        self.read.has_header = true;
        if first == "REGEDIT4" {
            self.encoding = TextBytes::Ansi;
            self.skip_line();
        } else if first == "Windows Registry Editor Version 5.00" {
            if is_ansi {
                self.problem(
                    "the text is neither UTF-16 nor UTF-8; it is read as Windows-1252".into(),
                );
            }
            self.skip_line();
        } else {
            self.read.has_header = false;
            self.problem(
                "the first line is neither \"Windows Registry Editor Version 5.00\" nor \"REGEDIT4\"; the file is read as \
                 version 5"
                    .into(),
            );
        }
    }

    /// Reads one entry, or reports it and goes on behind its line.
    fn entry(&mut self, registry: &mut Registry) {
        let line = self.current_line();
        let begin = line.trim_start_matches([' ', '\t', '\u{feff}', '\0']);
        let result = match begin.trim_end().chars().next() {
            None | Some(';') => {
                self.skip_line();
                return;
            }
            Some('[') => self.key_line(begin, registry),
            Some('"' | '@') => self.value(line.len() - begin.len(), registry),
            Some(_) => Err("this is neither a key, a value nor a comment".into()),
        };
        match result {
            Ok(()) => self.read.entries += 1,
            Err(reason) => {
                self.problem(reason);
                self.skip_entry();
            }
        }
    }

    fn key_line(&mut self, line: &str, registry: &mut Registry) -> Result<(), Reason> {
        self.key = Place::Unreadable;
        let end = line
            .rfind(']')
            .ok_or("the name of the key has no closing bracket")?;
        ends_here(&line[end + 1..])?;
        let (path, delete) = match line[1..end].strip_prefix('-') {
            Some(path) => (path, true),
            None => (&line[1..end], false),
        };
        check_path(path)?;
        if delete {
            registry.delete_key(path);
        } else {
            registry.create_key(path);
            self.key = Place::Key(path.to_owned());
        }
        self.skip_line();
        Ok(())
    }

    /// Reads a value that starts `indent` bytes into the current line.
    fn value(&mut self, indent: usize, registry: &mut Registry) -> Result<(), Reason> {
        let rest = &self.text[self.at + indent..];
        let (name, rest) = match rest.strip_prefix('@') {
            Some(rest) => (Quoted::default(), rest),
            None => quoted(rest, MAX_NAME_CHARS)?,
        };
        let rest = rest
            .trim_start_matches([' ', '\t'])
            .strip_prefix('=')
            .ok_or("the name of the value is not followed by =")?
            .trim_start_matches([' ', '\t']);
        let (assigned, rest) = assignment(rest, self.encoding)?;
        ends_here(first_line(rest))?;
        let odd_escape = name.has_odd_escape || assigned.has_odd_escape();
        let key = match &self.key {
            Place::Key(key) => Some(key),
            Place::Unreadable => None,
            Place::None => return Err("a value stands before any key".into()),
        };
        if let Some(key) = key {
            match assigned {
                Assigned::Deletion => {
                    registry.delete_value(key, &name.text);
                }
                Assigned::Text(text) => registry.set_value(key, &name.text, Data::Text(text.text)),
                Assigned::Data(data) => registry.set_value(key, &name.text, data),
            }
        }
        if odd_escape {
            self.problem(
                "a backslash stands before a character that needs none; both are kept".into(),
            );
        }
        self.go_to(self.text.len() - rest.len());
        self.skip_line();
        Ok(())
    }

    fn current_line(&self) -> &'a str {
        first_line(&self.text[self.at..])
    }

    fn skip_line(&mut self) {
        let rest = &self.text[self.at..];
        self.go_to(self.at + rest.find('\n').map_or(rest.len(), |end| end + 1));
    }

    /// Goes behind the current line and those that continue it.
    fn skip_entry(&mut self) {
        while self.current_line().trim_end().ends_with('\\') && self.at < self.text.len() {
            self.skip_line();
        }
        self.skip_line();
    }

    fn go_to(&mut self, at: usize) {
        let passed = &self.text[self.at..at];
        self.line += passed.bytes().filter(|byte| *byte == b'\n').count();
        self.at = at;
    }

    fn problem(&mut self, reason: Reason) {
        if self.read.problems.len() >= MAX_PROBLEMS {
            self.unreported += 1;
            return;
        }
        self.read.problems.push(Problem {
            file: self.file.to_owned(),
            line: Some(self.line),
            reason: reason.into_owned(),
        });
    }

    fn finish(mut self) -> RegFileRead {
        if self.unreported > 0 {
            self.read.problems.push(Problem {
                file: self.file.to_owned(),
                line: None,
                reason: format!("{} further problems are not listed", self.unreported),
            });
        }
        self.read
    }
}

/// Only blanks and a comment may follow.
fn ends_here(rest: &str) -> Result<(), Reason> {
    match rest.trim_start_matches([' ', '\t', '\0']).chars().next() {
        None | Some(';' | '\r') => Ok(()),
        Some(_) => Err("something follows where the line should end".into()),
    }
}

fn check_path(path: &str) -> Result<(), Reason> {
    let mut names = path.split('\\');
    let root = names.next().unwrap_or_default();
    if short_root(root).is_none() {
        return Err(format!("{root:.80?} is no root of the registry").into());
    }
    if path.split('\\').count() > MAX_DEPTH {
        return Err(format!("the key is more than {MAX_DEPTH} keys deep").into());
    }
    if names.any(|name| name.chars().count() > MAX_NAME_CHARS) {
        return Err(format!("a name in the key has more than {MAX_NAME_CHARS} characters").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
