//! What a machine of the demo is, whatever ails it: release, edition, place, and how soon it installs what comes out.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};

use super::place::{Names, Place};
use super::release::{RELEASES, Release};

/// What a machine is, whatever ails it.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) release: &'static Release,
    pub(super) edition: &'static str,
    pub(super) place: Place,
    pub(super) host_name: String,
    /// How long after it came out it installs an update, in milliseconds.
    pub(super) patch_delay_ms: i64,
    pub(super) installed_at: Time,
    pub(super) started_at: Time,
    /// How long before any look at it it last looked for updates, in milliseconds.
    pub(super) scan_age_ms: i64,
    /// How long before any look at it its upgrade was last appraised, in milliseconds.
    pub(super) appraisal_age_ms: i64,
    /// SMBIOS UUID.
    pub(super) fingerprint: String,
    /// Id towards WSUS.
    pub(super) update_client_id: String,
    /// Thumbprint of the certificate by which the directory knows it.
    pub(super) thumbprint: String,
    /// Free gigabytes on the system drive.
    pub(super) free_gb: u64,
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
        let (fewest, most) = release.age_days;
        let longest_run = if release.is_server { 12 } else { 6 };
        let thumbprint: u128 = chance.random();
        let tail: u32 = chance.random();
        Self {
            release,
            edition: release
                .editions
                .choose(chance)
                .expect("a release in service has editions"),
            host_name: place.host_name.clone(),
            place,
            patch_delay_ms: chance.random_range(DAY_MS..10 * DAY_MS),
            installed_at: now.plus_millis(-chance.random_range(fewest * DAY_MS..most * DAY_MS)),
            started_at: now.plus_millis(-chance.random_range(HOUR_MS..longest_run * DAY_MS)),
            scan_age_ms: chance.random_range(HOUR_MS / 6..9 * HOUR_MS),
            appraisal_age_ms: chance.random_range(HOUR_MS..5 * DAY_MS),
            fingerprint: guid(chance),
            update_client_id: guid(chance),
            thumbprint: format!("{thumbprint:032X}{tail:08X}"),
            free_gb: chance.random_range(31..180),
            serial: chance.random(),
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
