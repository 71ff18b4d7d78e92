//! Error codes as Windows writes them, in one spelling (fact sheet section 0).

/// The code as `0x` and eight upper-case digits; nothing for what is no code.
///
/// Windows writes the same code as `0x8024402C`, `8024402C`, `-2145107924` and `2149859372`. Eight digits alone are hexadecimal: no
/// error code is so small in decimal.
pub(super) fn hresult(text: &str) -> Option<String> {
    number(text).map(of)
}

/// A code as a number in its one spelling.
pub(super) fn of(code: u32) -> String {
    format!("{code:#010X}").replace("0X", "0x")
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(digits, 16).ok();
    }
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return u32::from_str_radix(text, 16).ok();
    }
    let decimal: i64 = text.parse().ok()?;
    u32::try_from(decimal)
        .ok()
        .or_else(|| i32::try_from(decimal).ok().map(i32::cast_unsigned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_code_is_the_same_code() {
        for form in [
            "0x8024402C",
            "0x8024402c",
            "8024402C",
            "-2145107924",
            "2149859372",
        ] {
            assert_eq!(hresult(form).as_deref(), Some("0x8024402C"), "{form}");
        }
        assert_eq!(hresult("0").as_deref(), Some("0x00000000"));
        for nonsense in ["", "0x", "soon", "0x123456789", "99999999999"] {
            assert_eq!(hresult(nonsense), None, "{nonsense}");
        }
    }
}
