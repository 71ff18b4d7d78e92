//! What a line of a .reg file assigns to a value: a text, a number, bytes of a type, or its deletion.

use sickbay_diagnosis::reading::Data;

use super::super::reg_data::{self, TextBytes};
use super::{MAX_VALUE_BYTES, Reason};

/// A text between quotation marks, its escapes resolved.
#[derive(Default)]
pub(super) struct Quoted {
    pub(super) text: String,
    /// A backslash stood before something other than a backslash or a quotation mark.
    pub(super) has_odd_escape: bool,
}

/// Reads a text from its opening quotation mark, and returns what follows the closing one. The text may hold line breaks.
pub(super) fn quoted(text: &str, max_chars: usize) -> Result<(Quoted, &str), Reason> {
    let inside = text
        .strip_prefix('"')
        .ok_or("a quotation mark is missing")?;
    let mut out = Quoted::default();
    let mut chars = inside.char_indices();
    let mut length = 0;
    while let Some((at, c)) = chars.next() {
        length += 1;
        if length > max_chars {
            return Err(format!("a text has more than {max_chars} characters").into());
        }
        match c {
            '"' => return Ok((out, &inside[at + 1..])),
            '\\' => match chars.next() {
                Some((_, next @ ('\\' | '"'))) => out.text.push(next),
                Some((_, next)) => {
                    out.text.extend(['\\', next]);
                    out.has_odd_escape = true;
                }
                None => break,
            },
            _ => out.text.push(c),
        }
    }
    Err("the closing quotation mark is missing".into())
}

/// What stands behind the equals sign.
pub(super) enum Assigned {
    Deletion,
    Text(Quoted),
    Data(Data),
}

impl Assigned {
    /// Whether a backslash stood where none was needed.
    pub(super) fn has_odd_escape(&self) -> bool {
        matches!(self, Self::Text(text) if text.has_odd_escape)
    }
}

/// Reads what stands behind the equals sign, and returns what follows it.
pub(super) fn assignment(text: &str, encoding: TextBytes) -> Result<(Assigned, &str), Reason> {
    if let Some(rest) = text.strip_prefix('-') {
        return Ok((Assigned::Deletion, rest));
    }
    if text.starts_with('"') {
        let (text, rest) = quoted(text, MAX_VALUE_BYTES / 2)?;
        return Ok((Assigned::Text(text), rest));
    }
    let line = first_line(text);
    let (form, _) = line.split_once(':').ok_or_else(|| {
        if line.trim().is_empty() {
            Reason::from("the value has no data")
        } else {
            format!("{:.80?} is no form of data", line.trim()).into()
        }
    })?;
    let rest = &text[form.len() + 1..];
    if form.eq_ignore_ascii_case("dword") {
        return dword(rest);
    }
    let kind = hex_kind(form)?;
    let (bytes, rest) = hex_bytes(rest)?;
    let data = reg_data::from_bytes(kind, bytes, encoding);
    Ok((Assigned::Data(data), rest))
}

fn dword(text: &str) -> Result<(Assigned, &str), Reason> {
    let line = first_line(text);
    let digits = line.split(';').next().unwrap_or(line).trim();
    let is_number =
        (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    match u32::from_str_radix(digits, 16) {
        Ok(number) if is_number => Ok((Assigned::Data(Data::Dword(number)), &text[line.len()..])),
        _ => Err(format!("dword {digits:.80?} is not one to eight hexadecimal digits").into()),
    }
}

/// The type in `hex`, `hex(2)`, `hex(b)`.
fn hex_kind(form: &str) -> Result<u32, Reason> {
    let unknown = || Reason::from(format!("{form:.80?} is no form of data"));
    let form_tail = match form.get(..3) {
        Some(start) if start.eq_ignore_ascii_case("hex") => form[3..].trim_end(),
        _ => return Err(unknown()),
    };
    if form_tail.is_empty() {
        return Ok(reg_data::BINARY);
    }
    form_tail
        .strip_prefix('(')
        .and_then(|tail| tail.strip_suffix(')'))
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .ok_or_else(unknown)
}

/// Comma-separated bytes; a backslash at the end of a line continues on the next, comments may stand between.
fn hex_bytes(text: &str) -> Result<(Vec<u8>, &str), Reason> {
    let mut bytes = Vec::new();
    let mut rest = text;
    let mut is_continued = true;
    while is_continued {
        if rest.is_empty() && rest.len() < text.len() {
            return Err("the data is cut off: a continued line is missing".into());
        }
        let line = first_line(rest);
        let content = line.split(';').next().unwrap_or(line).trim();
        let is_comment = line.trim_start().starts_with(';');
        is_continued = content.ends_with('\\') || (is_comment && rest.len() < text.len());
        for byte in content.trim_end_matches('\\').split(',') {
            let byte = byte.trim();
            if byte.is_empty() {
                continue;
            }
            bytes.push(hex_byte(byte)?);
            if bytes.len() > MAX_VALUE_BYTES {
                return Err(format!("the data has more than {MAX_VALUE_BYTES} bytes").into());
            }
        }
        rest = &rest[line.len()..];
        if is_continued {
            rest = rest.trim_start_matches('\r');
            rest = rest.strip_prefix('\n').unwrap_or(rest);
        }
    }
    Ok((bytes, rest))
}

fn hex_byte(digits: &str) -> Result<u8, Reason> {
    u8::from_str_radix(digits, 16)
        .ok()
        .filter(|_| digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
        .ok_or_else(|| format!("{digits:.80?} is no byte in hexadecimal").into())
}

/// The text up to the end of its first line.
pub(super) fn first_line(text: &str) -> &str {
    let line = text.split('\n').next().unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line)
}
