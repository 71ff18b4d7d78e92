//! Texts as Windows passes them: UTF-16, ended by a zero.

/// A text to hand to Windows.
pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The text up to the first zero. What is no Unicode becomes U+FFFD.
pub(super) fn text(wide: &[u16]) -> String {
    let end = wide.iter().position(|unit| *unit == 0);
    String::from_utf16_lossy(&wide[..end.unwrap_or(wide.len())])
}
