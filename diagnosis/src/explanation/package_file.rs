//! Names of update packages as the vendor's catalogue gives them: `windows10.0-kb5030211-x64.msu` (fact sheet section 9).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kb::Kb;

/// Longest name that is looked at, in bytes: paths of Windows are shorter.
const NAME_BYTES: usize = 1024;

/// Architectures of devices and packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arch {
    /// 32 bits.
    X86,
    /// 64 bits.
    X64,
    /// ARM of 64 bits.
    Arm64,
    /// Itanium.
    Ia64,
}

impl Arch {
    /// The word that packages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86",
            Self::X64 => "x64",
            Self::Arm64 => "arm64",
            Self::Ia64 => "ia64",
        }
    }

    /// The architecture of that word.
    pub fn named(name: &str) -> Option<Self> {
        [Self::X86, Self::X64, Self::Arm64, Self::Ia64]
            .into_iter()
            .find(|arch| arch.name() == name)
    }
}

/// What the first part of a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// Vista and Server 2008.
    Windows60,
    /// 7 and Server 2008 R2.
    Windows61,
    /// 8 and Server 2012.
    Windows8,
    /// 8.1 and Server 2012 R2.
    Windows81,
    /// Windows 10, the first Windows 11, and Server 2016 to 2022.
    Windows10,
    /// Windows 11 from 22H2 on, and Server 2025.
    Windows11,
}

impl Product {
    const ALL: [Self; 6] = [
        Self::Windows60,
        Self::Windows61,
        Self::Windows8,
        Self::Windows81,
        Self::Windows10,
        Self::Windows11,
    ];

    /// The first part of a package's name.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Windows60 => "windows6.0",
            Self::Windows61 => "windows6.1",
            Self::Windows8 => "windows8-rt",
            Self::Windows81 => "windows8.1",
            Self::Windows10 => "windows10.0",
            Self::Windows11 => "windows11.0",
        }
    }

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Windows60 => "Windows Vista and Server 2008",
            Self::Windows61 => "Windows 7 and Server 2008 R2",
            Self::Windows8 => "Windows 8 and Server 2012",
            Self::Windows81 => "Windows 8.1 and Server 2012 R2",
            Self::Windows10 => "Windows 10, Windows 11 21H2 and Server 2016 to 2022",
            Self::Windows11 => "Windows 11 22H2 and later, and Server 2025",
        }
    }

    /// The prefix of packages for devices of this build.
    pub const fn of_build(build: u32) -> Option<Self> {
        Some(match build {
            6000..=6003 => Self::Windows60,
            7600..=7601 => Self::Windows61,
            9200 => Self::Windows8,
            9600 => Self::Windows81,
            // The first Windows 11 still has packages of Windows 10's prefix.
            10240..=22000 => Self::Windows10,
            22001.. => Self::Windows11,
            _ => return None,
        })
    }
}

/// The name of a package, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFile {
    /// Which product it is for; the prefix of Windows 10 serves several releases and proves none of them.
    pub product: Product,
    /// Its number.
    pub kb: Kb,
    /// Its architecture; nothing where the name has none.
    pub arch: Option<Arch>,
}

/// Why a text is no package's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPackage {
    /// No known prefix.
    #[error(
        "a package's name begins with windows10.0-, windows11.0- or the like, for example windows10.0-kb5030211-x64.msu"
    )]
    Prefix,
    /// No number.
    #[error("the name holds no number such as kb5030211")]
    Number,
    /// Far too long.
    #[error("the name is longer than any file's")]
    TooLong,
}

impl PackageFile {
    /// Understands a name, with or without folders before it, hash or ending after it.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn parse(text: &str) -> Result<Self, NotAPackage> {
        if text.len() > NAME_BYTES {
            return Err(NotAPackage::TooLong);
        }
        let name = text.trim().trim_matches('"').rsplit(['\\', '/']).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let (product, rest) = Product::ALL
            .into_iter()
            .find_map(|product| Some((product, name.strip_prefix(product.prefix())?)))
            .ok_or(NotAPackage::Prefix)?;
        let rest = rest.strip_prefix('-').ok_or(NotAPackage::Prefix)?;
        // The hash may spell anything.
        let rest = rest.split('_').next().unwrap_or_default();
        let rest = rest.split('.').next().unwrap_or_default();
        let mut parts = rest.split('-');
        let kb = parts
            .next()
            .and_then(Kb::parse)
            .ok_or(NotAPackage::Number)?;
        Ok(Self {
            product,
            kb,
            arch: parts.find_map(Arch::named),
        })
    }

    /// Whether a text looks as if a package were meant, so that what is wrong with it is worth telling.
    pub fn looks_like(text: &str) -> bool {
        let text = text.trim().to_ascii_lowercase();
        let ending = text.rsplit('.').next();
        matches!(ending, Some("msu" | "cab")) || text.contains("-kb")
    }
}

impl fmt::Display for PackageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-kb{}", self.product.prefix(), self.kb.number())?;
        match self.arch {
            Some(arch) => write!(f, "-{}", arch.name()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_the_catalogue_are_understood() {
        let hash = "4ca4c1b4b8d0f0c9a5b8c4a6d3f0a1b2c3d4e5f6";
        for (text, product, kb, arch) in [
            (
                "windows10.0-kb5030211-x64.msu",
                Product::Windows10,
                5_030_211,
                Some(Arch::X64),
            ),
            (
                r"C:\Users\a b\Downloads\Windows10.0-KB5030211-arm64.msu",
                Product::Windows10,
                5_030_211,
                Some(Arch::Arm64),
            ),
            (
                "\"/tmp/windows11.0-kb5043080-x64.msu\"",
                Product::Windows11,
                5_043_080,
                Some(Arch::X64),
            ),
            (
                "windows6.1-kb4474419-v3-x64.msu",
                Product::Windows61,
                4_474_419,
                Some(Arch::X64),
            ),
            (
                "windows8-rt-kb4019216-x86",
                Product::Windows8,
                4_019_216,
                Some(Arch::X86),
            ),
            (
                "windows8.1-kb2919355-x64.msu",
                Product::Windows81,
                2_919_355,
                Some(Arch::X64),
            ),
            (
                "windows10.0-kb5031226-x64-ndp48.msu",
                Product::Windows10,
                5_031_226,
                Some(Arch::X64),
            ),
            (
                "windows6.0-kb4493471.msu",
                Product::Windows60,
                4_493_471,
                None,
            ),
        ] {
            let file = PackageFile::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (file.product, file.kb.number(), file.arch),
                (product, kb, arch),
                "{text}"
            );
        }
        let hashed = format!("windows10.0-kb5030211-x64_{hash}.msu");
        assert_eq!(
            PackageFile::parse(&hashed),
            PackageFile::parse("windows10.0-kb5030211-x64.msu")
        );
        let misleading = "windows10.0-kb5030211-x64_arm64-kb1234567.msu";
        assert_eq!(
            PackageFile::parse(misleading).map(|f| f.arch),
            Ok(Some(Arch::X64))
        );
    }

    #[test]
    fn what_is_no_package_is_refused_with_what_is_missing() {
        assert_eq!(PackageFile::parse("setup.exe"), Err(NotAPackage::Prefix));
        assert_eq!(
            PackageFile::parse("windows10.0.msu"),
            Err(NotAPackage::Prefix)
        );
        assert_eq!(
            PackageFile::parse("windows10.0-x64.msu"),
            Err(NotAPackage::Number)
        );
        assert_eq!(
            PackageFile::parse(&"windows10.0-".repeat(200)),
            Err(NotAPackage::TooLong)
        );
    }

    #[test]
    fn one_prefix_serves_windows_10_and_servers_up_to_2022() {
        let of = Product::of_build;
        assert_eq!(of(19045), Some(Product::Windows10));
        assert_eq!(of(20348), Some(Product::Windows10));
        assert_eq!(of(22000), Some(Product::Windows10));
        assert_eq!(of(22631), Some(Product::Windows11));
        assert_eq!(of(26100), Some(Product::Windows11));
        assert_eq!(of(9600), Some(Product::Windows81));
        assert_eq!(of(100), None);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            let _ = PackageFile::parse(&text);
            let _ = PackageFile::parse(&format!("windows10.0-{text}"));
        }

        #[test]
        fn what_is_printed_is_understood(number in 100_000_u32..100_000_000, place in 0_usize..6, arch in 0_usize..4) {
            let file = PackageFile {
                product: Product::ALL[place],
                kb: Kb::of_number(number).expect("in range"),
                arch: Some([Arch::X86, Arch::X64, Arch::Arm64, Arch::Ia64][arch]),
            };
            prop_assert_eq!(PackageFile::parse(&format!("{file}.msu")), Ok(file));
        }
    }
}
