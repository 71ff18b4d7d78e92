//! What the kit has to know of the installer that is put into it.

use std::io::Cursor;

use msi::{Package, Select};

/// The same for every version of the collector: by it, Windows Installer knows what to upgrade.
pub const UPGRADE_CODE: &str = "{5B1C9D0E-7E0B-4B57-9A4C-3C2B3F0E6D11}";
/// Its name in the list of programs.
pub const PRODUCT_NAME: &str = "Sickbay Collector";

/// An installer of the collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installer {
    /// Its version, digits and dots.
    pub version: String,
    /// By which Windows knows whether exactly this one is installed; braces, upper case.
    pub product_code: String,
}

/// Why a file is no installer of the collector.
#[derive(Debug, thiserror::Error)]
pub enum NotAnInstaller {
    /// No package of Windows Installer.
    #[error("it is no package of Windows Installer (.msi)")]
    Unreadable(#[source] std::io::Error),
    /// Another program's.
    #[error(
        "it installs {0:?}, not the {PRODUCT_NAME}; `cargo xtask dist` builds the collector's installer"
    )]
    Another(String),
    /// A property that cannot be right.
    #[error("its property {name} is {value:?}, which cannot be")]
    Property {
        /// Which.
        name: &'static str,
        /// What it holds.
        value: String,
    },
}

impl Installer {
    /// Reads the properties of a package.
    pub fn read(file: &[u8]) -> Result<Self, NotAnInstaller> {
        let mut package = Package::open(Cursor::new(file)).map_err(NotAnInstaller::Unreadable)?;
        let rows = package
            .select_rows(Select::table("Property"))
            .map_err(NotAnInstaller::Unreadable)?;
        let properties: Vec<(String, String)> = rows
            .filter_map(|row| Some((row[0].as_str()?.to_owned(), row[1].as_str()?.to_owned())))
            .collect();
        let property = |wanted: &str| {
            let found = properties.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        if !property("UpgradeCode").eq_ignore_ascii_case(UPGRADE_CODE) {
            return Err(NotAnInstaller::Another(property("ProductName")));
        }
        // Both go into scripts, where nothing but these characters may stand.
        let version = checked("ProductVersion", property("ProductVersion"), |value| {
            let parts: Vec<&str> = value.split('.').collect();
            let number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            matches!(parts.len(), 3 | 4) && parts.iter().all(number) && value.len() < 24
        })?;
        let product_code = checked("ProductCode", property("ProductCode"), is_guid)?;
        Ok(Self {
            version,
            product_code: product_code.to_ascii_uppercase(),
        })
    }

    /// The file's name in the kit.
    pub fn file_name(&self) -> String {
        format!("sickbay-collector-{}-x64.msi", self.version)
    }
}

fn checked(
    name: &'static str,
    value: String,
    good: impl FnOnce(&str) -> bool,
) -> Result<String, NotAnInstaller> {
    if good(&value) {
        Ok(value)
    } else {
        Err(NotAnInstaller::Property { name, value })
    }
}

fn is_guid(text: &str) -> bool {
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    inner.is_some_and(|inner| {
        let parts: Vec<usize> = inner.split('-').map(str::len).collect();
        let hex = |c: char| c.is_ascii_hexdigit() || c == '-';
        parts == [8, 4, 4, 4, 12] && inner.chars().all(hex)
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use msi::{Column, Insert, PackageType, Value};

    use super::*;

    pub(crate) const PRODUCT: &str = "{0F0E0D0C-0B0A-0908-0706-050403020100}";

    /// A package with these properties and nothing else.
    pub(crate) fn package(properties: &[(&str, &str)]) -> Vec<u8> {
        let mut package = Package::create(PackageType::Installer, Cursor::new(Vec::new())).unwrap();
        let columns = vec![
            Column::build("Property").primary_key().id_string(72),
            Column::build("Value").text_string(0),
        ];
        package.create_table("Property", columns).unwrap();
        let rows = properties
            .iter()
            .map(|(name, value)| vec![Value::from(*name), Value::from(*value)])
            .collect();
        package
            .insert_rows(Insert::into("Property").rows(rows))
            .unwrap();
        package.flush().unwrap();
        package.into_inner().unwrap().into_inner()
    }

    pub(crate) fn collector(version: &str) -> Vec<u8> {
        package(&[
            ("ProductCode", &PRODUCT.to_ascii_lowercase()),
            ("ProductName", PRODUCT_NAME),
            ("ProductVersion", version),
            ("UpgradeCode", UPGRADE_CODE),
        ])
    }

    #[test]
    fn the_collectors_installer_is_known_by_its_upgrade_code() {
        let read = Installer::read(&collector("1.2.3")).unwrap();
        assert_eq!((&*read.version, &*read.product_code), ("1.2.3", PRODUCT));
        assert_eq!(read.file_name(), "sickbay-collector-1.2.3-x64.msi");
        let another = package(&[
            ("ProductName", "Solitaire"),
            ("UpgradeCode", "{00000000-0000-0000-0000-000000000000}"),
        ]);
        let said = Installer::read(&another).unwrap_err().to_string();
        assert!(said.contains("Solitaire"), "{said}");
        assert!(matches!(
            Installer::read(b"MZ"),
            Err(NotAnInstaller::Unreadable(_))
        ));
    }

    #[test]
    fn nothing_but_a_version_and_a_code_gets_into_scripts() {
        for version in ["1.2", "1.2.x", "1.2.3\" & calc", "", "1..2", "%PATH%"] {
            assert!(Installer::read(&collector(version)).is_err(), "{version}");
        }
        for code in [
            "{}",
            "",
            "{0F0E0D0C-0B0A-0908-0706-05040302010\"}",
            PRODUCT.trim_matches('{'),
        ] {
            let package = package(&[
                ("ProductCode", code),
                ("ProductVersion", "1.2.3"),
                ("UpgradeCode", UPGRADE_CODE),
            ]);
            assert!(Installer::read(&package).is_err(), "{code}");
        }
    }
}
