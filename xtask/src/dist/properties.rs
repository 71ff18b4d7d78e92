//! What a Windows program tells of itself in its properties, where inventories look for versions.

/// What is wrong with the properties of `program`, which has to tell `version`.
pub(super) fn wrong(program: &[u8], version: &str) -> Option<String> {
    // A version resource is named by this text, and holds its names and values in the same form.
    let parts = ["VS_VERSION_INFO", "Sickbay Collector", version];
    let missing: Vec<&str> = parts
        .into_iter()
        .filter(|part| !has_text(program, part))
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "the program's properties lack {}; windres, of Debian's binutils-mingw-w64-x86-64, makes them",
            missing.join(" and ")
        )
    })
}

/// Whether `text` stands in `program` in UTF-16, ended by a zero.
fn has_text(program: &[u8], text: &str) -> bool {
    let wide: Vec<u8> = text
        .encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect();
    program.windows(wide.len()).any(|window| window == wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_of_another_version_are_told() {
        let wide = |text: &str| -> Vec<u8> {
            let units = text.encode_utf16().chain([0]);
            units.flat_map(u16::to_le_bytes).collect()
        };
        let program = [
            wide("VS_VERSION_INFO"),
            wide("Sickbay Collector"),
            wide("1.2.30"),
        ]
        .concat();
        assert_eq!(wrong(&program, "1.2.30"), None);
        let told = wrong(&program, "1.2.3").unwrap_or_default();
        assert!(told.contains("lack 1.2.3;"), "{told}");
        assert!(wrong(b"MZ", "1.2.3").is_some());
    }
}
