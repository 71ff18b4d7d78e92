//! From text to filter, by recursive descent.
//!
//! Never panics; recursion is bounded by [`MAX_DEPTH`]. Every error says where, what is wrong and what to write instead.

use std::str::FromStr;

use super::error::{FilterError, Problem};
use super::{Compare, Filter, MAX_BYTES, MAX_DEPTH, NumberField, Pattern, Test, TextField};
use crate::verdict::Kept;

/// Whether a character may stand in a value without quotes.
pub(super) fn is_plain(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '(' | ')' | '"')
}

/// Whether a text may stand as a word without quotes.
pub(super) fn is_bare_word(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|c| is_plain(c) && !is_sign(c))
        && keyword(text).is_none()
}

fn is_sign(c: char) -> bool {
    matches!(c, ':' | '=' | '<' | '>')
}

fn keyword(word: &str) -> Option<&'static str> {
    ["or", "and", "not"]
        .into_iter()
        .find(|keyword| word.eq_ignore_ascii_case(keyword))
}

impl Filter {
    /// Reads a filter; the empty text is [`Filter::Everything`]. See the [module](super) for the language.
    ///
    /// ```
    /// use sickbay_diagnosis::filter::{Filter, Pattern, Test, TextField};
    ///
    /// assert_eq!(Filter::parse("  ")?, Filter::Everything);
    /// let name = Filter::Is(Test::Text(TextField::Name, Pattern::new("*kiosk*")));
    /// assert_eq!(Filter::parse("-kiosk")?, Filter::Not(Box::new(name)));
    ///
    /// let error = Filter::parse("kiosk nam:PC-01").unwrap_err();
    /// assert_eq!(error.position(), 7);
    /// assert!(error.to_string().contains("write one of name, id, domain"));
    /// # Ok::<(), sickbay_diagnosis::filter::FilterError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut reader = Reader {
            text,
            at: 0,
            depth: 0,
        };
        if text.len() > MAX_BYTES {
            let bytes = text.len();
            return Err(reader.error(0, Problem::TooLong { bytes }));
        }
        reader.skip_blanks();
        if reader.peek().is_none() {
            return Ok(Self::Everything);
        }
        let filter = reader.any()?;
        match reader.peek() {
            None => Ok(filter),
            // Everything but a parenthesis that was never opened begins a further term.
            Some(_) => Err(reader.error(reader.at, Problem::StrayParenthesis)),
        }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

/// The text, and how far it was read.
struct Reader<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// Terms between `or`s.
    fn any(&mut self) -> Result<Filter, FilterError> {
        let mut parts = vec![self.all("or")?];
        while self.take_keyword("or") {
            parts.push(self.all("or")?);
        }
        Ok(one_or(parts, Filter::Any))
    }

    /// Terms side by side, at least one. `after` is the word that an error names where there is none.
    fn all(&mut self, after: &'static str) -> Result<Filter, FilterError> {
        let mut parts = vec![self.term(after)?];
        loop {
            self.skip_blanks();
            if self.take_keyword("and") {
                parts.push(self.term("and")?);
            } else if self.peek().is_none_or(|c| c == ')') || self.sees_keyword() == Some("or") {
                return Ok(one_or(parts, Filter::All));
            } else {
                parts.push(self.term(after)?);
            }
        }
    }

    /// A negation, a group or a test. What follows it is a blank, a closing parenthesis or the end.
    fn term(&mut self, after: &'static str) -> Result<Filter, FilterError> {
        self.skip_blanks();
        let start = self.at;
        match (self.peek(), self.sees_keyword()) {
            (_, Some(word @ ("or" | "and"))) => {
                Err(self.error(start, Problem::NothingBefore { word }))
            }
            (_, Some(_)) => {
                self.at += "not".len();
                self.negated(start, "not")
            }
            (Some('-'), None) => {
                self.at += 1;
                self.negated(start, "-")
            }
            (Some('('), None) => self.group(start),
            (None | Some(')'), _) if start == 0 || after_opening(&self.text[..start]) => {
                Err(self.error(start, Problem::StrayParenthesis))
            }
            (None | Some(')'), _) => Err(self.error(start, Problem::MissingTerm { after })),
            (Some(_), None) => {
                let test = self.test()?;
                self.end_of_term()?;
                Ok(Filter::Is(test))
            }
        }
    }

    fn negated(&mut self, start: usize, word: &'static str) -> Result<Filter, FilterError> {
        self.deeper(start)?;
        let inner = self.term(word)?;
        self.depth -= 1;
        Ok(Filter::Not(Box::new(inner)))
    }

    fn group(&mut self, start: usize) -> Result<Filter, FilterError> {
        self.deeper(start)?;
        self.at += 1;
        self.skip_blanks();
        let filter = match self.peek() {
            Some(')') => Filter::Everything,
            None => return Err(self.error(start, Problem::OpenParenthesis)),
            Some(_) => self.any()?,
        };
        if self.peek() != Some(')') {
            return Err(self.error(start, Problem::OpenParenthesis));
        }
        self.at += 1;
        self.depth -= 1;
        self.end_of_term()?;
        Ok(filter)
    }

    fn test(&mut self) -> Result<Test, FilterError> {
        let start = self.at;
        if self.peek() == Some('"') {
            let word = self.quoted()?;
            return if word.is_empty() {
                Err(self.error(start, Problem::EmptyWord))
            } else {
                Ok(word_in_name(&word))
            };
        }
        let word = self.take_while(|c| is_plain(c) && !is_sign(c));
        if self.peek().is_some_and(is_sign) {
            self.field_test(word, start)
        } else {
            Ok(word_in_name(word))
        }
    }

    fn field_test(&mut self, field: &str, start: usize) -> Result<Test, FilterError> {
        if field.is_empty() {
            let sign = self.sign();
            return Err(self.error(start, Problem::NoField { sign }));
        }
        let is = |name: &str| field.eq_ignore_ascii_case(name);
        if let Some(number) = NumberField::ALL.into_iter().find(|f| is(f.name())) {
            return self.number_test(number);
        }
        let text = TextField::ALL.into_iter().find(|f| is(f.name()));
        let (name, example) = match text {
            Some(text) => (text.name(), "field:value or field:\"two words\""),
            None if is("issue") => ("issue", "issue:pending-reboot"),
            None if is("cause") => ("cause", "cause:40667045*"),
            None if is("state") => ("state", "state:open"),
            None => {
                let found = field.to_owned();
                return Err(self.error(start, Problem::UnknownField { found }));
            }
        };
        let sign_at = self.at;
        let sign = self.sign();
        if sign != ":" {
            return Err(self.error(sign_at, Problem::NotComparable { field: name, sign }));
        }
        let value_at = self.at;
        let value = match self.peek() {
            Some('"') => self.quoted()?,
            Some(c) if is_plain(c) => self.take_while(is_plain).to_owned(),
            _ => {
                return Err(self.error(
                    value_at,
                    Problem::NoValue {
                        field: name,
                        example,
                    },
                ));
            }
        };
        match (text, name) {
            (Some(text), _) => Ok(Test::Text(text, Pattern::new(value))),
            (None, "issue") => Ok(Test::Issue(Pattern::new(value))),
            (None, "cause") => Ok(Test::Cause(Pattern::new(value))),
            (None, _) => match Kept::named(&value.to_ascii_lowercase()) {
                Some(state) => Ok(Test::State(state)),
                None => Err(self.error(value_at, Problem::UnknownState { found: value })),
            },
        }
    }

    fn number_test(&mut self, field: NumberField) -> Result<Test, FilterError> {
        let compare = match self.sign() {
            "<" => Compare::Less,
            "<=" => Compare::AtMost,
            ">" => Compare::Greater,
            ">=" => Compare::AtLeast,
            _ => Compare::Equal,
        };
        let start = self.at;
        let digits = self.take_while(is_plain);
        // A sign before the digits, which `parse` would take, is no part of the language.
        if digits.bytes().all(|b| b.is_ascii_digit())
            && let Ok(number) = digits.parse()
        {
            return Ok(Test::Number(field, compare, number));
        }
        let example = match field {
            NumberField::Build => "build>=26100",
            NumberField::Ubr => "ubr>=4000",
        };
        let field = field.name();
        Err(self.error(start, Problem::NotANumber { field, example }))
    }

    /// The sign that stands here.
    fn sign(&mut self) -> &'static str {
        let rest = &self.text[self.at..];
        let sign = ["<=", ">=", "<", ">", "=", ":"]
            .into_iter()
            .find(|sign| rest.starts_with(sign))
            .expect("callers saw the first character of a sign");
        self.at += sign.len();
        sign
    }

    fn quoted(&mut self) -> Result<String, FilterError> {
        let start = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let at = self.at;
            match self.take() {
                None => return Err(self.error(start, Problem::OpenQuote)),
                Some('"') => return Ok(value),
                Some('\\') => match self.take() {
                    Some(c @ ('"' | '\\')) => value.push(c),
                    _ => return Err(self.error(at, Problem::BadEscape)),
                },
                Some(c) => value.push(c),
            }
        }
    }

    fn end_of_term(&self) -> Result<(), FilterError> {
        match self.peek() {
            None | Some(')') => Ok(()),
            Some(c) if c.is_whitespace() => Ok(()),
            Some(found) => Err(self.error(self.at, Problem::Touching { found })),
        }
    }

    fn deeper(&mut self, start: usize) -> Result<(), FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(start, Problem::TooDeep));
        }
        Ok(())
    }

    /// The keyword that stands here. `or(` and `not"` are none but words that touch what follows, which is then told: the canonical
    /// text, which has the blank, would be longer otherwise.
    fn sees_keyword(&self) -> Option<&'static str> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !is_plain(c)).unwrap_or(rest.len());
        let found = keyword(&rest[..end])?;
        let touched = match rest[end..].chars().next() {
            Some('"') => true,
            Some('(') => found != "not",
            _ => false,
        };
        (!touched).then_some(found)
    }

    fn take_keyword(&mut self, word: &'static str) -> bool {
        let seen = self.sees_keyword() == Some(word);
        if seen {
            self.at += word.len();
        }
        seen
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn skip_blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn error(&self, at: usize, problem: Problem) -> FilterError {
        FilterError {
            position: self.text[..at].chars().count() + 1,
            problem,
        }
    }
}

/// Whether nothing but blanks stands between the last opening parenthesis and here.
fn after_opening(text: &str) -> bool {
    matches!(text.trim_end().chars().last(), None | Some('('))
}

fn one_or(mut parts: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.len() {
        1 => parts.remove(0),
        _ => several(parts),
    }
}

fn word_in_name(word: &str) -> Test {
    let pattern = if word.contains('*') {
        word.to_owned()
    } else {
        format!("*{word}*")
    };
    Test::Text(TextField::Name, Pattern::new(pattern))
}
