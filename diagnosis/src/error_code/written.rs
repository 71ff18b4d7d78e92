//! Error codes as Windows writes them, and in one spelling (fact sheet section 0).

use super::meant::Meant;
use super::number::Number;

/// How a code was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    /// `0x8024402C`, also as `0x8024402CL`, `&H8024402C` or with 64 bits.
    Hexadecimal,
    /// `8024402C`.
    BareHexadecimal,
    /// `-2145107924` or `2149859372`.
    Decimal,
}

/// A written form of a code that is read as that code again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What the form is called.
    pub name: &'static str,
    /// The code in it.
    pub text: String,
}

/// A code as a number in its one spelling: `0x` and eight upper-case digits.
pub fn spelled(code: u32) -> String {
    format!("0x{code:08X}")
}

/// The code as `0x` and eight upper-case digits; nothing for what is no code.
///
/// Windows writes the same code as `0x8024402C`, `8024402C`, `-2145107924` and `2149859372`. Eight digits alone are hexadecimal: no
/// error code is so small in decimal.
pub fn hresult(text: &str) -> Option<String> {
    read(text).map(|(code, _)| spelled(code))
}

/// Every form of a code, its one spelling first. A form that would be read as another code is left out: `404` says HTTP's status, so
/// that it is no form of Win32's error of this number.
pub fn forms(code: u32) -> Vec<Form> {
    let mut forms = vec![
        Form {
            name: "hexadecimal",
            text: spelled(code),
        },
        Form {
            name: "hexadecimal without 0x",
            text: format!("{code:08X}"),
        },
    ];
    let signed = code.cast_signed();
    if signed < 0 {
        forms.push(Form {
            name: "signed decimal",
            text: signed.to_string(),
        });
    }
    forms.push(Form {
        name: if signed < 0 {
            "unsigned decimal"
        } else {
            "decimal"
        },
        text: code.to_string(),
    });
    if let Some(number) = Number::in_code(code) {
        forms.push(Form {
            name: number.kind.name(),
            text: number.value.to_string(),
        });
    }
    forms.retain(|form| Meant::by(&form.text).is_some_and(|meant| meant.code == code));
    forms
}

/// The number that a text is as a whole, and how it was written.
pub(super) fn read(text: &str) -> Option<(u32, Notation)> {
    let text = text.trim();
    let prefix = |prefix: &str| {
        let (before, digits) = text.split_at_checked(prefix.len())?;
        before.eq_ignore_ascii_case(prefix).then_some(digits)
    };
    if let Some(digits) = prefix("0x").or_else(|| prefix("&H")) {
        return Some((hexadecimal(without_suffix(digits))?, Notation::Hexadecimal));
    }
    let bare = without_suffix(text);
    if matches!(bare.len(), 8 | 16) && bare.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some((hexadecimal(bare)?, Notation::BareHexadecimal));
    }
    let digits = bare.strip_prefix(['-', '+']).unwrap_or(bare);
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let decimal: i64 = bare.parse().ok()?;
    let code = u32::try_from(decimal)
        .ok()
        .or_else(|| i32::try_from(decimal).ok().map(i32::cast_unsigned))?;
    Some((code, Notation::Decimal))
}

/// Hexadecimal digits as a code. A negative number printed with 64 bits has eight leading F.
fn hexadecimal(digits: &str) -> Option<u32> {
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let wide = u64::from_str_radix(digits, 16).ok()?;
    let sign = wide >> 32;
    (sign == 0 || (sign == 0xFFFF_FFFF && wide & 0x8000_0000 != 0))
        .then_some((wide & 0xFFFF_FFFF) as u32)
}

/// Without what C puts behind a number, `L` or `UL`.
fn without_suffix(text: &str) -> &str {
    let text = text.strip_suffix(['L', 'l']).unwrap_or(text);
    text.strip_suffix(['U', 'u']).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    #[test]
    fn every_form_of_a_code_is_the_same_code() {
        for form in [
            "0x8024402C",
            "0x8024402c",
            "0X8024402c",
            "0x8024402CL",
            "0x8024402cul",
            "&H8024402C",
            "0xFFFFFFFF8024402C",
            "FFFFFFFF8024402C",
            "8024402C",
            "8024402c",
            " -2145107924\n",
            "-2145107924L",
            "2149859372",
        ] {
            assert_eq!(hresult(form).as_deref(), Some("0x8024402C"), "{form}");
        }
        assert_eq!(hresult("0").as_deref(), Some("0x00000000"));
        for nonsense in [
            "",
            "-",
            "0x",
            "0xL",
            "0x+5",
            "--5",
            "soon",
            "0x123456789",
            "0xFFFFFFFF00000001",
            "99999999999",
            "-9999999999",
            "0é",
        ] {
            assert_eq!(hresult(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_form_that_means_something_else_is_left_out() {
        let texts = |code| -> Vec<String> { forms(code).into_iter().map(|f| f.text).collect() };
        assert_eq!(
            texts(0x8007_274C),
            [
                "0x8007274C",
                "8007274C",
                "-2147014836",
                "2147952460",
                "10060"
            ]
        );
        assert_eq!(texts(0x8019_0194).last().unwrap(), "404");
        assert!(!texts(0x8007_0194).contains(&"404".to_owned()));
        assert!(!texts(0x04C8_7187).contains(&"80244103".to_owned()));
        assert_eq!(texts(0x0024_0006), ["0x00240006", "00240006", "2359302"]);
    }
}
