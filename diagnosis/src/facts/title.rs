//! What the title of an update names. Titles are in the machine's language; what is read here is the same in each.
//!
//! Read once, when facts are told: rules and questions about updates ask for it with every report of a device.

use super::updates::build_and_revision;
use crate::kb::Kb;

/// Windows 10 was the first whose devices tell a revision and whose updates bring one.
pub(crate) const FIRST_BUILD_WITH_REVISIONS: u32 = 10240;
/// Updates that come every month under one number or are no part of Windows: the removal tool, two of Defender, health tools.
const NOT_OF_WINDOWS: [u32; 4] = [890_830, 2_267_602, 4_052_623, 4_023_057];

/// What the title of an update names; nothing where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Title {
    /// The update's number.
    pub kb: Option<Kb>,
    /// Build and revision that it brings.
    pub build: Option<(u32, u32)>,
    /// Whether it is of Windows itself, as far as number and title tell: .NET and Defender are not.
    pub of_windows: bool,
    /// Whether it says `Windows`, which is called so in every language; updates of Office or a database do not.
    pub says_windows: bool,
}

impl Title {
    /// Reads `2025-08 Cumulative Update for Windows 11 (KB5063878) (26100.4946)`.
    pub fn read(title: &str) -> Self {
        let kb = Kb::find(title);
        let lower = title.to_ascii_lowercase();
        let is_other = lower.contains(".net")
            || lower.contains("defender")
            || kb.is_none_or(|kb| NOT_OF_WINDOWS.contains(&kb.number()));
        Self {
            kb,
            build: named_build(title),
            of_windows: !is_other,
            says_windows: lower.contains("windows"),
        }
    }
}

/// Build and revision in a title: they stand alone in parentheses.
fn named_build(title: &str) -> Option<(u32, u32)> {
    title
        .split(['(', ')'])
        .filter(|part| part.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
        .filter(|part| part.matches('.').count() == 1)
        .find_map(build_and_revision)
        .filter(|(build, _)| *build >= FIRST_BUILD_WITH_REVISIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_names_number_build_and_what_it_is_of() {
        let of = |title| Title::read(title);
        let cumulative =
            of("2025-08 Kumulatives Update für Windows 11 24H2 (KB5063878) (26100.4946)");
        assert_eq!(
            cumulative,
            Title {
                kb: Kb::of_number(5_063_878),
                build: Some((26100, 4946)),
                of_windows: true,
                says_windows: true,
            }
        );
        assert!(
            !of("Cumulative Update for .NET Framework 4.8.1 for Windows 11 (KB5068131)").of_windows
        );
        assert!(!of("Windows Malicious Software Removal Tool (KB890830)").of_windows);
        // A version of something else is no build of Windows.
        assert_eq!(of("Security Intelligence (KB2267602) (1.437)").build, None);
        let office = of("Update for Office (KB5002700)");
        assert!(office.of_windows && !office.says_windows);
        assert_eq!(of("a driver"), Title::default());
    }
}
