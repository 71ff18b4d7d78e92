//! The Windows releases of the demo's fleet. Builds and names are real; revisions and KB numbers are plausible for November 2026 and
//! go on evenly from there.

use super::calendar::Month;

/// Build before which policy cannot set sources per class.
pub(super) const FIRST_BUILD_WITH_CLASS_SOURCES: u32 = 19041;

/// First build whose updates name it in their titles.
const FIRST_BUILD_IN_TITLES: u32 = 22000;

/// A Windows release in the fleet.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) build: u32,
    /// Build in the names of its packages, which releases of one family share.
    pub(super) package_build: u32,
    /// Build revision of November 2026, and how many a month adds.
    revision: (i64, i64),
    pub(super) display_version: &'static str,
    /// Name of the product without its edition. Windows 11 still calls itself Windows 10 there.
    pub(super) product: &'static str,
    /// Name of the release in the titles of updates.
    pub(super) title: &'static str,
    pub(super) is_server: bool,
    /// Editions of which the release is in service, most frequent first.
    pub(super) editions: &'static [&'static str],
    /// Releases newer than this one that the appraiser looks at; empty on servers.
    pub(super) targets: &'static [Target],
    /// Share among healthy machines; none for a release that is out of service.
    pub(super) weight: u32,
    /// Fewest and most days ago that a machine got it, which for a new release is not long.
    pub(super) age_days: (i64, i64),
}

/// A release that a client may be offered.
#[derive(Debug)]
pub(super) struct Target {
    /// Name of the appraiser's subkey.
    pub(super) code: &'static str,
    pub(super) build: u32,
}

const GE24H2: Target = Target {
    code: "GE24H2",
    build: 26100,
};
const GE25H2: Target = Target {
    code: "GE25H2",
    build: 26200,
};
const GE26H2: Target = Target {
    code: "GE26H2",
    build: 26300,
};

const BUSINESS: &[&str] = &["Enterprise", "Enterprise", "Professional", "Education"];
/// Those whose releases stay in service for a year longer.
const LONGER: &[&str] = &["Enterprise", "Enterprise", "Education"];
const SERVER: &[&str] = &["ServerStandard", "ServerStandard", "ServerDatacenter"];

/// Windows 10 22H2, with extended security updates.
pub(super) const WINDOWS_10: &Release = &RELEASES[0];
/// Windows 11 23H2, out of service.
pub(super) const WINDOWS_11_23H2: &Release = &RELEASES[1];
/// Windows 11 24H2.
pub(super) const WINDOWS_11_24H2: &Release = &RELEASES[2];
/// Windows Server 2016, near its end.
pub(super) const SERVER_2016: &Release = &RELEASES[5];
/// Windows Server 2019.
pub(super) const SERVER_2019: &Release = &RELEASES[6];

/// Every release of the fleet.
pub(super) static RELEASES: [Release; 9] = [
    client(
        (19045, 19041),
        (7417, 61),
        "22H2",
        "Windows 10 Version 22H2",
        LONGER,
        &[GE24H2, GE25H2],
        8,
    ),
    client(
        (22631, 22621),
        (7688, 117),
        "23H2",
        "Windows 11, version 23H2",
        &[],
        &[GE24H2, GE25H2, GE26H2],
        0,
    ),
    client(
        (26100, 26100),
        (9284, 131),
        "24H2",
        "Windows 11, version 24H2",
        LONGER,
        &[GE25H2, GE26H2],
        24,
    ),
    client(
        (26200, 26100),
        (9284, 131),
        "25H2",
        "Windows 11, version 25H2",
        BUSINESS,
        &[GE26H2],
        41,
    ),
    client(
        (26300, 26100),
        (9284, 131),
        "26H2",
        "Windows 11, version 26H2",
        BUSINESS,
        &[],
        7,
    ),
    server(14393, (9470, 113), "1607", "Windows Server 2016", 0),
    server(17763, (8880, 109), "1809", "Windows Server 2019", 4),
    server(20348, (5345, 98), "21H2", "Windows Server 2022", 10),
    server(26100, (33560, 138), "24H2", "Windows Server 2025", 6),
];

const fn client(
    (build, package_build): (u32, u32),
    revision: (i64, i64),
    display_version: &'static str,
    title: &'static str,
    editions: &'static [&'static str],
    targets: &'static [Target],
    weight: u32,
) -> Release {
    Release {
        build,
        package_build,
        revision,
        display_version,
        product: "Windows 10",
        title,
        is_server: false,
        editions,
        targets,
        weight,
        age_days: match build {
            26300 => (10, 50),
            26200 => (230, 400),
            _ => (230, 1500),
        },
    }
}

const fn server(
    build: u32,
    revision: (i64, i64),
    display_version: &'static str,
    product: &'static str,
    weight: u32,
) -> Release {
    Release {
        build,
        package_build: build,
        revision,
        display_version,
        product,
        title: product,
        is_server: true,
        editions: SERVER,
        targets: &[],
        weight,
        age_days: (230, 1500),
    }
}

impl Release {
    /// The revision that a month's update brings.
    pub(super) fn ubr(&self, month: Month) -> u32 {
        let (november, a_month) = self.revision;
        // Months differ in what they bring; November 2026 itself is as the table says.
        let uneven = (month.number * 37).rem_euclid(29);
        u32::try_from(november + month.number * a_month + uneven).unwrap_or_default()
    }

    /// The number of a month's update, which releases of one family share. No real update has it, so that no table knows it and the fleet
    /// learns it.
    pub(super) fn kb(&self, month: Month) -> String {
        let number = 5_994_100 + month.number * 2_710 + i64::from(self.package_build % 97) * 11;
        format!("KB{number}")
    }

    /// The title of a month's update.
    pub(super) fn update_title(&self, month: Month) -> String {
        let released = month.released.date();
        let released = released.get(..7).unwrap_or_default();
        let title = format!(
            "{released} Cumulative Update for {} for x64-based Systems ({})",
            self.title,
            self.kb(month)
        );
        // Only titles for Windows 11 and Server 2025 name the build.
        if self.build < FIRST_BUILD_IN_TITLES {
            return title;
        }
        format!("{title} ({}.{})", self.build, self.ubr(month))
    }
}
