//! What a machine of the demo is: release, edition, patch level, place, and when it last started.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};

use super::place::{Names, Place};

/// A Windows release in the fleet.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) build: u32,
    /// Build in the names of its packages, which releases of one family share.
    pub(super) package_build: u32,
    /// Build revisions, newest first: this month's, last month's, the one before.
    pub(super) revisions: [u32; 3],
    pub(super) display_version: &'static str,
    /// Name of the product without its edition. Windows 11 still calls itself Windows 10 there.
    pub(super) product: &'static str,
    pub(super) is_server: bool,
    /// Editions, most frequent first.
    editions: &'static [&'static str],
    /// Releases newer than this one that the appraiser looks at; empty on servers.
    pub(super) targets: &'static [Target],
    weight: u32,
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

const CLIENT_EDITIONS: &[&str] = &["Enterprise", "Enterprise", "Professional", "Education"];
const SERVER_EDITIONS: &[&str] = &["ServerStandard", "ServerStandard", "ServerDatacenter"];

const RELEASES: [Release; 8] = [
    client(
        19045,
        19041,
        [7417, 7366, 7291],
        "22H2",
        &[GE24H2, GE25H2],
        9,
    ),
    client(
        22631,
        22621,
        [7688, 7582, 7435],
        "23H2",
        &[GE24H2, GE25H2, GE26H2],
        8,
    ),
    client(
        26100,
        26100,
        [9284, 9168, 8894],
        "24H2",
        &[GE25H2, GE26H2],
        28,
    ),
    client(26200, 26100, [9284, 9168, 8894], "25H2", &[GE26H2], 37),
    server(14393, [9470, 9339, 9234], "1607", "Windows Server 2016", 1),
    server(17763, [8880, 8755, 8644], "1809", "Windows Server 2019", 3),
    server(20348, [5345, 5256, 5139], "21H2", "Windows Server 2022", 9),
    server(
        26100,
        [33560, 33420, 33296],
        "24H2",
        "Windows Server 2025",
        5,
    ),
];

const fn client(
    build: u32,
    package_build: u32,
    revisions: [u32; 3],
    display_version: &'static str,
    targets: &'static [Target],
    weight: u32,
) -> Release {
    Release {
        build,
        package_build,
        revisions,
        display_version,
        product: "Windows 10",
        is_server: false,
        editions: CLIENT_EDITIONS,
        targets,
        weight,
    }
}

const fn server(
    build: u32,
    revisions: [u32; 3],
    display_version: &'static str,
    product: &'static str,
    weight: u32,
) -> Release {
    Release {
        build,
        package_build: build,
        revisions,
        display_version,
        product,
        is_server: true,
        editions: SERVER_EDITIONS,
        targets: &[],
        weight,
    }
}

/// What a machine is, whatever ails it.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) release: &'static Release,
    pub(super) edition: &'static str,
    pub(super) place: Place,
    pub(super) host_name: String,
    /// Which of the release's revisions it runs; 0 is the newest.
    pub(super) revision: usize,
    pub(super) installed_at: Time,
    pub(super) patched_at: Time,
    pub(super) started_at: Time,
    pub(super) appraised_at: Time,
    /// SMBIOS UUID.
    pub(super) fingerprint: String,
    /// Id towards WSUS.
    pub(super) update_client_id: String,
    /// Number that tells apart what is drawn per machine without meaning, such as product codes.
    pub(super) serial: u32,
}

impl Profile {
    /// Draws a machine.
    pub(super) fn draw(names: &mut Names, chance: &mut StdRng, now: Time) -> Self {
        let release = RELEASES
            .choose_weighted(chance, |release| release.weight)
            .expect("the releases have weights");
        let place = names.draw(release.is_server, chance);
        let revision = match chance.random_range(0..100) {
            0..78 => 0,
            78..95 => 1,
            _ => 2,
        };
        let patched_at = now
            .plus_millis(-chance.random_range(DAY_MS..12 * DAY_MS) - revision as i64 * 28 * DAY_MS);
        let longest_run = if release.is_server { 12 } else { 6 };
        let started_at = now.plus_millis(-chance.random_range(HOUR_MS..longest_run * DAY_MS));
        Self {
            release,
            edition: release
                .editions
                .choose(chance)
                .expect("every release has editions"),
            host_name: place.host_name.clone(),
            place,
            revision,
            installed_at: now.plus_days(-chance.random_range(40..1200)),
            patched_at: patched_at.min(started_at),
            started_at,
            appraised_at: now.plus_millis(-chance.random_range(HOUR_MS..5 * DAY_MS)),
            fingerprint: guid(chance),
            update_client_id: guid(chance),
            serial: chance.random(),
        }
    }

    /// Name of the product with its edition, as the registry has it.
    pub(super) fn product_name(&self) -> String {
        let edition = match self.edition {
            "Professional" => "Pro",
            edition => edition.strip_prefix("Server").unwrap_or(edition),
        };
        format!("{} {edition}", self.release.product)
    }

    /// The revision that it runs.
    pub(super) fn ubr(&self) -> u32 {
        self.release.revisions[self.revision]
    }

    /// The revision it ran before, where the table still knows it.
    pub(super) fn previous_ubr(&self) -> Option<u32> {
        self.release.revisions.get(self.revision + 1).copied()
    }

    /// Starts again at `now` with the newest cumulative update.
    pub(super) fn restart_and_update(&mut self, now: Time) {
        self.started_at = now;
        if self.revision > 0 {
            self.revision = 0;
            self.patched_at = now;
        }
    }
}

/// A GUID as registries write it, without braces.
pub(super) fn guid(chance: &mut StdRng) -> String {
    let n: u128 = chance.random();
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        n >> 96,
        (n >> 80) & 0xffff,
        (n >> 64) & 0xfff,
        0x8000 | ((n >> 48) & 0x3fff),
        n & 0xffff_ffff_ffff
    )
}
