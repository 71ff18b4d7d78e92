//! From the bytes of a .reg file to its text.
//!
//! UTF-16 with a byte order mark (little-endian is what regedit writes; also without the mark where every second byte of the start
//! is zero), UTF-8 with or without the mark, else Windows-1252, which stands for the ANSI code page of older exports. Ill-formed
//! UTF-16 becomes U+FFFD.

/// The text, and whether the bytes were the ANSI code page for want of anything better.
pub(super) struct Decoded {
    pub(super) text: String,
    pub(super) is_ansi: bool,
}

/// Decodes a whole file.
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let unicode = |text| Decoded {
        text,
        is_ansi: false,
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => unicode(utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => unicode(utf16(rest, u16::from_be_bytes)),
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => {
            unicode(utf16(bytes, u16::from_le_bytes))
        }
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            match std::str::from_utf8(bytes) {
                Ok(text) => unicode(text.to_owned()),
                Err(_) => Decoded {
                    text: windows_1252(bytes),
                    is_ansi: true,
                },
            }
        }
    }
}

/// UTF-16LE bytes as text; a last odd byte is left out, as Windows does when it counts characters.
pub(super) fn utf16_le(bytes: &[u8]) -> String {
    utf16(bytes, u16::from_le_bytes)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Bytes of the Western European ANSI code page as text.
pub(super) fn windows_1252(bytes: &[u8]) -> String {
    /// Code points of 0x80 to 0x9f; the five unassigned ones stand for themselves.
    const UPPER: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    bytes
        .iter()
        .map(|byte| match byte {
            0x80..=0x9f => UPPER[usize::from(byte - 0x80)],
            _ => char::from(*byte),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_of_an_export_gives_the_same_text() {
        let text = "REGEDIT4\r\n; Müller";
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let marked = |mark: &[u8], rest: &[u8]| [mark, rest].concat();
        for bytes in [
            marked(b"\xff\xfe", &le),
            marked(b"\xfe\xff", &be),
            le.clone(),
            text.as_bytes().to_vec(),
            marked(b"\xef\xbb\xbf", text.as_bytes()),
            b"REGEDIT4\r\n; M\xfcller".to_vec(),
        ] {
            assert_eq!(decode(&bytes).text, text);
        }
        assert_eq!(windows_1252(b"\x80\x9f\xff"), "€Ÿÿ");
    }

    #[test]
    fn broken_utf16_does_not_stop_the_reader() {
        assert_eq!(decode(b"\xff\xfea\0\x00\xd8b\0c").text, "a\u{fffd}b");
    }
}
