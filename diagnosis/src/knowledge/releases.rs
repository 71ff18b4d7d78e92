//! Releases of Windows: builds, feature update codes, ends of service.
//!
//! One build may belong to a client and a server release (26100 is Windows 11 24H2 and Windows Server 2025), so every lookup by
//! build may give several rows.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{column, filled, rows};
use crate::time::Time;

/// The day on which the table was last checked against the vendor's pages.
pub(super) const DATED: &str = "2026-11-04";

const TABLE: &str = include_str!("../../data/windows-releases.tsv");

static RELEASES: LazyLock<Vec<Release>> =
    LazyLock::new(|| rows(TABLE).filter_map(|row| Release::parse(&row)).collect());

/// Client or server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// Windows for workstations, multi-session included.
    Client,
    /// Windows Server.
    Server,
}

impl DeviceKind {
    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// Until when a release gets updates, by edition; each the last day in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Support {
    /// Home and Pro.
    pub home_pro: Option<Time>,
    /// Enterprise and Education.
    pub enterprise_education: Option<Time>,
    /// LTSC and LTSB.
    pub ltsc: Option<Time>,
    /// LTSC for IoT.
    pub ltsc_iot: Option<Time>,
    /// Mainstream support of servers and of Windows 8.1 and older.
    pub mainstream: Option<Time>,
    /// Security updates of servers and of Windows 8.1 and older.
    pub extended: Option<Time>,
    /// Extended security updates, for those who bought them.
    pub extended_security: Option<Time>,
}

/// One release of Windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `Windows 11 24H2`.
    pub name: &'static str,
    /// Client or server.
    pub kind: DeviceKind,
    /// The compatibility appraiser's code, `GE24H2`; for some old releases that of their family.
    pub feature_update_code: Option<&'static str>,
    /// Whether that code is this release's own and confirmed.
    pub code_confirmed: bool,
    /// 26100.
    pub build: u32,
    /// The build in the names of its update packages: 26100 for 26200 too.
    pub package_build: u32,
    /// First day of general availability.
    pub available_from: Option<Time>,
    /// Until when it gets updates.
    pub support: Support,
}

impl Release {
    fn parse(row: &[&'static str]) -> Option<Self> {
        let kind = match column(row, 1) {
            "client" => DeviceKind::Client,
            "server" => DeviceKind::Server,
            _ => return None,
        };
        let day = |place| filled(column(row, place)).and_then(Time::parse_loose);
        let code = filled(column(row, 3));
        Some(Self {
            name: filled(column(row, 0))?,
            kind,
            feature_update_code: code.and_then(|c| c.split_whitespace().next()),
            code_confirmed: code.is_some_and(|c| !c.contains(' ')),
            build: column(row, 4).rsplit('.').next()?.parse().ok()?,
            package_build: column(row, 5).parse().ok()?,
            available_from: day(6),
            support: Support {
                home_pro: day(7),
                enterprise_education: day(8),
                ltsc: day(9),
                ltsc_iot: day(10),
                mainstream: day(11),
                extended: day(12),
                extended_security: day(13),
            },
        })
    }

    /// The part of the name that policies use: `24H2` of `Windows 11 24H2`.
    pub fn version(&self) -> &'static str {
        self.name.rsplit(' ').next().unwrap_or(self.name)
    }

    /// The part of the name before the version: `Windows 11`.
    pub fn product(&self) -> &'static str {
        self.name
            .strip_suffix(self.version())
            .map_or(self.name, str::trim_end)
    }
}

/// Every release, newest first within clients and servers.
pub fn releases() -> &'static [Release] {
    &RELEASES
}

/// The releases that have this build number.
pub fn releases_of_build(build: u32) -> impl Iterator<Item = &'static Release> {
    RELEASES.iter().filter(move |r| r.build == build)
}

/// The client release that an appraiser code stands for. Where a family shares the code, its first release.
pub fn release_of_code(code: &str) -> Option<&'static Release> {
    let matching = |r: &&Release| {
        r.feature_update_code
            .is_some_and(|c| c.eq_ignore_ascii_case(code))
    };
    RELEASES
        .iter()
        .filter(matching)
        .filter(|r| r.kind == DeviceKind::Client)
        .min_by_key(|r| r.build)
}

/// The client release of a product and version as policy names them: `Windows 11` and `24H2`.
pub fn release_named(product: &str, version: &str) -> Option<&'static Release> {
    RELEASES.iter().find(|r| {
        r.kind == DeviceKind::Client
            && r.product().eq_ignore_ascii_case(product)
            && r.version().eq_ignore_ascii_case(version)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_release_table_parses() {
        assert_eq!(rows(TABLE).count(), RELEASES.len());
        for row in rows(TABLE) {
            for place in 6..=13 {
                let text = column(&row, place);
                assert!(
                    text.is_empty() || Time::parse_loose(text).is_some(),
                    "{}: {text:?} is no date",
                    column(&row, 0)
                );
            }
        }
    }

    #[test]
    fn one_build_can_be_a_client_and_a_server() {
        for (build, names) in [
            (26100, ["Windows 11 24H2", "Windows Server 2025"]),
            (14393, ["Windows 10 1607", "Windows Server 2016"]),
        ] {
            let mut found: Vec<&str> = releases_of_build(build).map(|r| r.name).collect();
            found.sort_unstable();
            assert_eq!(found, names);
        }
    }

    #[test]
    fn codes_and_policy_names_lead_to_releases() {
        assert_eq!(release_of_code("ge24h2").map(|r| r.build), Some(26100));
        assert_eq!(release_of_code("20H1").map(|r| r.build), Some(19041));
        assert_eq!(release_of_code("RS5").map(|r| r.build), Some(17763));
        assert_eq!(release_of_code("UNV"), None);
        let pinned = release_named("Windows 11", "23H2").expect("in the table");
        assert_eq!(pinned.feature_update_code, Some("NI23H2"));
        assert!(pinned.code_confirmed);
        assert!(
            !release_named("Windows 10", "22H2")
                .expect("in the table")
                .code_confirmed
        );
    }
}
