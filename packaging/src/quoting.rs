//! Text that is put into other text, written so that it stays text there.

/// As text or as the value of an attribute, in XML and in HTML.
pub(crate) fn xml(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => quoted.push_str("&amp;"),
            '<' => quoted.push_str("&lt;"),
            '>' => quoted.push_str("&gt;"),
            '"' => quoted.push_str("&quot;"),
            '\'' => quoted.push_str("&#39;"),
            // Written as they are, a reader of XML would turn them into blanks.
            '\n' => quoted.push_str("&#10;"),
            '\r' => quoted.push_str("&#13;"),
            '\t' => quoted.push_str("&#9;"),
            // XML cannot hold these at all.
            c if c.is_control() => quoted.push('\u{fffd}'),
            c => quoted.push(c),
        }
    }
    quoted
}

/// As a string of PowerShell, quotes included. Nothing is expanded inside; each character that ends such a string, and the typographic
/// ones do too, is doubled.
pub fn powershell(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// Replaces each `@@NAME@@` of a template by its value, in one pass, so that a value that looks like a name stays as it is.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find("@@") {
        filled.push_str(&rest[..at]);
        let after = &rest[at + 2..];
        let name = after.find("@@").map(|end| &after[..end]);
        let value = name.and_then(|name| values.iter().find(|(known, _)| *known == name));
        if let Some((name, value)) = value {
            filled.push_str(value);
            rest = &after[name.len() + 2..];
        } else {
            filled.push_str("@@");
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

/// With the line ends of Windows, which scripts and editors there expect.
pub(crate) fn windows_lines(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What somebody might try in each of the places.
    pub(crate) const HOSTILE: [&str; 9] = [
        "a\"b'c",
        "$(Remove-Item C:\\)",
        "`$x `\" `0",
        "' ; Start-Process calc #",
        "\u{2019}; Start-Process calc #",
        "line\nGet-Process\r\n",
        "&<>]]><script>alert(1)</script>",
        "%PATH% ^& | > !x!",
        "@@URLS@@",
    ];

    #[test]
    fn a_hostile_text_is_one_text_of_xml_and_comes_back_as_it_was() {
        for text in HOSTILE {
            let quoted = xml(text);
            let document = format!("<a b=\"{quoted}\">{quoted}</a>");
            let read = roxmltree::Document::parse(&document).unwrap();
            let element = read.root_element();
            assert_eq!(element.attribute("b"), Some(text));
            assert_eq!(element.text(), Some(text));
            assert_eq!(element.children().count(), 1, "{text}");
        }
        assert_eq!(xml("a\u{1b}b\0"), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn a_hostile_text_is_one_string_of_powershell() {
        for text in HOSTILE {
            let script = format!("$a = {}\n", powershell(text));
            let strings = crate::powershell_grammar::strings(&script);
            assert_eq!(strings, [powershell(text)], "{script}");
        }
    }

    #[test]
    fn what_a_template_is_filled_with_is_not_looked_at_again() {
        let filled = fill("<@@A@@> @@B@@ @@", &[("A", "@@B@@"), ("B", "b")]);
        assert_eq!(filled, "<@@B@@> b @@");
    }
}
