//! The data of a value as a .reg file writes it and as Windows keeps it: bytes of a numbered type into [`Data`], and back.

use sickbay_diagnosis::reading::Data;

use super::reg_text::{utf16_le, windows_1252};

/// Numbers of the registry types that [`Data`] knows by name.
mod kind {
    pub(super) const SZ: u32 = 1;
    pub(super) const EXPAND_SZ: u32 = 2;
    pub(super) const BINARY: u32 = 3;
    pub(super) const DWORD: u32 = 4;
    pub(super) const MULTI_SZ: u32 = 7;
    pub(super) const QWORD: u32 = 11;
}

/// The number that plain `hex:` stands for.
pub(super) const BINARY: u32 = kind::BINARY;

/// How texts are stored in the bytes of `hex(1)`, `hex(2)` and `hex(7)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::host) enum TextBytes {
    /// Version 5.
    Utf16,
    /// REGEDIT4.
    Ansi,
}

/// The data of type `number` in `bytes`. A number of the wrong size stays as its bytes under its type, since Windows does not read
/// it as a number either.
pub(in crate::host) fn from_bytes(number: u32, bytes: Vec<u8>, encoding: TextBytes) -> Data {
    let text = |bytes: &[u8]| match encoding {
        TextBytes::Utf16 => utf16_le(bytes),
        TextBytes::Ansi => windows_1252(bytes),
    };
    match number {
        kind::SZ => Data::Text(until_nul(text(&bytes))),
        kind::EXPAND_SZ => Data::ExpandText(until_nul(text(&bytes))),
        kind::BINARY => Data::Binary(bytes),
        kind::MULTI_SZ => Data::MultiText(strings(&text(&bytes))),
        kind::DWORD => match <[u8; 4]>::try_from(&*bytes) {
            Ok(four) => Data::Dword(u32::from_le_bytes(four)),
            Err(_) => Data::Other {
                kind: number,
                bytes,
            },
        },
        kind::QWORD => match <[u8; 8]>::try_from(&*bytes) {
            Ok(eight) => Data::Qword(u64::from_le_bytes(eight)),
            Err(_) => Data::Other {
                kind: number,
                bytes,
            },
        },
        _ => Data::Other {
            kind: number,
            bytes,
        },
    }
}

/// Type and bytes of what only `hex(N)` can write; `None` for data that no registry holds.
pub(super) fn to_bytes(data: &Data) -> Option<(u32, Vec<u8>)> {
    Some(match data {
        Data::Text(text) => (kind::SZ, nul_terminated(text)),
        Data::ExpandText(text) => (kind::EXPAND_SZ, nul_terminated(text)),
        Data::MultiText(lines) => {
            let mut bytes: Vec<u8> = lines.iter().flat_map(|line| nul_terminated(line)).collect();
            bytes.extend([0, 0]);
            (kind::MULTI_SZ, bytes)
        }
        Data::Binary(bytes) => (kind::BINARY, bytes.clone()),
        Data::Dword(n) => (kind::DWORD, n.to_le_bytes().to_vec()),
        Data::Qword(n) => (kind::QWORD, n.to_le_bytes().to_vec()),
        Data::Other { kind, bytes } => (*kind, bytes.clone()),
        Data::Absent | Data::Unreadable(_) | Data::NotRecorded | Data::Key(_) | Data::Flag(_) => {
            return None;
        }
    })
}

fn nul_terminated(text: &str) -> Vec<u8> {
    text.encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn until_nul(mut text: String) -> String {
    if let Some(end) = text.find('\0') {
        text.truncate(end);
    }
    text
}

/// The strings of a multi-string. Empty ones inside count: in a list of file renames an empty target means "delete". Of the end only
/// the list's own terminator goes, and it may be missing.
fn strings(text: &str) -> Vec<String> {
    let list = text.strip_suffix('\0').unwrap_or(text);
    if list.is_empty() {
        return Vec::new();
    }
    list.strip_suffix('\0')
        .unwrap_or(list)
        .split('\0')
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn multi(text: &str) -> Vec<String> {
        strings(text)
    }

    #[test]
    fn a_multi_string_keeps_its_empty_strings() {
        assert_eq!(multi(""), Vec::<String>::new());
        assert_eq!(multi("\0"), Vec::<String>::new());
        assert_eq!(multi("\0\0"), [""], "a list of one empty string");
        assert_eq!(multi("None\0\0"), ["None"]);
        assert_eq!(multi("a\0\0b\0\0\0"), ["a", "", "b", ""]);
        assert_eq!(multi("a\0b"), ["a", "b"], "no terminator at all");
        assert_eq!(multi("a\0b\0"), ["a", "b"], "no terminator of the list");
    }

    #[test]
    fn a_number_of_the_wrong_size_is_no_number() {
        let short = from_bytes(4, vec![1, 0], TextBytes::Utf16);
        assert_eq!(
            short,
            Data::Other {
                kind: 4,
                bytes: vec![1, 0]
            }
        );
        assert_eq!(
            from_bytes(4, vec![1, 0, 0, 0], TextBytes::Utf16),
            Data::Dword(1)
        );
        assert_eq!(
            from_bytes(11, vec![1, 0, 0, 0, 0, 0, 0, 1], TextBytes::Utf16),
            Data::Qword(0x0100_0000_0000_0001)
        );
    }

    #[test]
    fn texts_of_the_older_format_are_ansi_bytes() {
        assert_eq!(
            from_bytes(2, b"%windir%\\M\xfcll\0".to_vec(), TextBytes::Ansi),
            Data::ExpandText("%windir%\\Müll".to_owned())
        );
        assert_eq!(
            from_bytes(7, b"a\0b\0\0".to_vec(), TextBytes::Ansi),
            Data::MultiText(vec!["a".to_owned(), "b".to_owned()])
        );
    }
}
