//! Releases of Windows: builds, feature update codes, ends of service.
//!
//! One build may belong to a client and a server release (26100 is Windows 11 24H2 and Windows Server 2025), so every lookup by
//! build may give several rows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::table::{Row, Table, TableError};
use crate::time::Time;

/// The releases, newest first within clients and servers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Releases(Vec<Arc<Release>>);

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

    /// The kind of that word.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Client, Self::Server]
            .into_iter()
            .find(|kind| kind.name() == name)
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
    pub name: Box<str>,
    /// Client or server.
    pub kind: DeviceKind,
    /// The compatibility appraiser's code, `GE24H2`; for some old releases that of their family.
    pub feature_update_code: Option<Box<str>>,
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

impl Releases {
    pub(super) fn parse(table: &Table<'_>) -> Result<Self, TableError> {
        let rows = table.rows.iter();
        let releases = rows.map(|row| Release::parse(row).map(Arc::new));
        let releases = releases.collect::<Result<Vec<_>, _>>()?;
        table.each_once("this release", releases.iter().map(|release| &release.name))?;
        Ok(Self(releases))
    }

    pub(super) fn all(&self) -> &[Arc<Release>] {
        &self.0
    }

    pub(super) fn of_code(&self, code: &str) -> Option<&Arc<Release>> {
        let has_code = |r: &&Arc<Release>| {
            let own = r.feature_update_code.as_deref();
            own.is_some_and(|own| own.eq_ignore_ascii_case(code))
        };
        self.0
            .iter()
            .filter(has_code)
            .filter(|r| r.kind == DeviceKind::Client)
            .min_by_key(|r| r.build)
    }

    pub(super) fn named(&self, product: &str, version: &str) -> Option<&Arc<Release>> {
        self.0.iter().find(|r| {
            r.kind == DeviceKind::Client
                && r.product().eq_ignore_ascii_case(product)
                && r.version().eq_ignore_ascii_case(version)
        })
    }
}

impl Release {
    fn parse(row: &Row<'_>) -> Result<Self, TableError> {
        let day = |place| row.understood_if_there(place, "a day", Time::parse_loose);
        let code = row.optional(3);
        Ok(Self {
            name: row.filled(0, "the release's name")?.into(),
            kind: row.understood(1, "`client` or `server`", DeviceKind::named)?,
            feature_update_code: code
                .and_then(|c| c.split_whitespace().next())
                .map(Into::into),
            code_confirmed: code.is_some_and(|c| !c.contains(' ')),
            build: row.understood(4, "a version that ends in a build", |text| {
                text.rsplit('.').next()?.parse().ok()
            })?,
            package_build: row.understood(5, "a build", |text| text.parse().ok())?,
            available_from: day(6)?,
            support: Support {
                home_pro: day(7)?,
                enterprise_education: day(8)?,
                ltsc: day(9)?,
                ltsc_iot: day(10)?,
                mainstream: day(11)?,
                extended: day(12)?,
                extended_security: day(13)?,
            },
        })
    }

    /// The part of the name that policies use: `24H2` of `Windows 11 24H2`.
    pub fn version(&self) -> &str {
        self.name.rsplit(' ').next().unwrap_or(&self.name)
    }

    /// The part of the name before the version: `Windows 11`.
    pub fn product(&self) -> &str {
        self.name
            .strip_suffix(self.version())
            .map_or(&self.name, str::trim_end)
    }
}

#[cfg(test)]
mod tests {
    use crate::knowledge::Knowledge;

    #[test]
    fn one_build_can_be_a_client_and_a_server() {
        for (build, names) in [
            (26100, ["Windows 11 24H2", "Windows Server 2025"]),
            (14393, ["Windows 10 1607", "Windows Server 2016"]),
        ] {
            let found = Knowledge::built_in().releases_of_build(build);
            let mut found: Vec<&str> = found.map(|r| &*r.name).collect();
            found.sort_unstable();
            assert_eq!(found, names);
        }
    }

    #[test]
    fn codes_and_policy_names_lead_to_releases() {
        let known = Knowledge::built_in();
        let build = |code| known.release_of_code(code).map(|r| r.build);
        assert_eq!(build("ge24h2"), Some(26100));
        assert_eq!(build("20H1"), Some(19041));
        assert_eq!(build("RS5"), Some(17763));
        assert_eq!(build("UNV"), None);
        let named = |product, version| known.release_named(product, version).expect("in the table");
        let pinned = named("Windows 11", "23H2");
        assert_eq!(pinned.feature_update_code.as_deref(), Some("NI23H2"));
        assert!(pinned.code_confirmed);
        assert!(!named("Windows 10", "22H2").code_confirmed);
    }

    #[test]
    fn releases_that_a_package_enables_share_the_build_of_their_packages() {
        let known = Knowledge::built_in();
        for (build, family) in [
            (19042, 19041),
            (19045, 19041),
            (22631, 22621),
            (26200, 26100),
            (26100, 26100),
            (31337, 31337),
        ] {
            assert_eq!(known.package_build(build), family);
        }
    }
}
