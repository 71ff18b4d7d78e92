//! What can ail a machine of the demo, how often, for how long, and with which values of those that real machines show.

use rand::RngExt;
use rand::rngs::StdRng;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS, MINUTE_MS};

pub(super) use super::kind::{Area, Kind};
use super::profile::Profile;

/// An ailment of one machine.
#[derive(Debug, Clone)]
pub(super) struct Ailment {
    pub(super) kind: Kind,
    pub(super) since: Time,
    /// Chooses among the details that a kind leaves open.
    pub(super) variant: u32,
    /// Whether it began while the demo ran.
    pub(super) is_fresh: bool,
}

impl Ailment {
    /// One that a machine has already when the demo starts; chance settles the details.
    pub(super) fn draw(kind: Kind, profile: &Profile, now: Time, chance: &mut StdRng) -> Self {
        let (youngest, oldest) = kind.age_days();
        let age = chance.random_range(youngest * DAY_MS..=oldest * DAY_MS);
        let since = now.plus_millis(-age - chance.random_range(0..HOUR_MS));
        Self {
            kind,
            // Nothing ails a machine longer than it has been installed.
            since: since.max(profile.installed_at.plus_millis(DAY_MS).min(now)),
            variant: chance.random_range(0..1000),
            is_fresh: false,
        }
    }

    /// One that begins at `now`.
    pub(super) fn begin(kind: Kind, now: Time, chance: &mut StdRng) -> Self {
        Self {
            kind,
            since: now.plus_millis(-chance.random_range(MINUTE_MS..HOUR_MS)),
            variant: chance.random_range(0..1000),
            is_fresh: true,
        }
    }

    /// The one of `options` that this ailment's variant chooses.
    pub(super) fn choose<T: Copy>(&self, options: &[T]) -> T {
        options[self.variant as usize % options.len()]
    }

    /// When a user's pause ends: in whole weeks as Settings offers them, at most five, and not before `now` where they allow it.
    pub(super) fn user_pause_ends(&self, now: Time) -> Time {
        let over = now.since(self.since) / (7 * DAY_MS) + 1;
        let weeks = (over + i64::from(self.variant % 3)).min(5);
        self.since.plus_days(7 * weeks)
    }

    /// The disabled service.
    pub(super) fn disabled_service(&self) -> &'static str {
        self.choose(&["wuauserv", "UsoSvc", "BITS", "wuauserv", "DoSvc"])
    }

    /// Whether the disabled service is one without which nothing is searched for, rather than downloaded.
    pub(super) fn stops_searches(&self) -> bool {
        matches!(self.disabled_service(), "wuauserv" | "UsoSvc")
    }

    /// Id of the hold: real ones of the releases from 24H2 on.
    pub(super) fn hold(&self) -> &'static str {
        // Fewer ids than machines, and some much more frequent, as one driver is on many machines.
        self.choose(&[
            "51876952", "51876952", "51876952", "52754008", "53340062", "54157480", "49562592",
            "52325539", "53794850",
        ])
    }

    /// Whether the hold keeps the machine on a release that has gone out of service meanwhile.
    pub(super) fn is_on_old_release(&self) -> bool {
        self.variant % 7 < 2
    }

    /// Why the next release does not support the machine.
    pub(super) fn red_reason(&self) -> &'static str {
        self.choose(&["Tpm", "Tpm", "CpuFms"])
    }

    /// Days by which quality updates are deferred.
    pub(super) fn deferral_days(&self) -> u32 {
        self.choose(&[21, 28, 30, 28])
    }

    /// Free megabytes of a drive that fills up.
    pub(super) fn free_mb(&self) -> u32 {
        if self.disk_is_full() {
            900 + self.variant * 5
        } else {
            11_300 + self.variant * 7
        }
    }

    /// Whether the drive has too little room even for the monthly update.
    pub(super) fn disk_is_full(&self) -> bool {
        self.variant.is_multiple_of(2)
    }

    /// The code with which installations or downloads fail, where that is the whole of the ailment or its sign.
    pub(super) fn code(&self) -> &'static str {
        match self.kind {
            Kind::StoreCorrupt => self.choose(&["0x800F0831", "0x80073712", "0x800F0831"]),
            Kind::StackBroken => "0x80070003",
            Kind::StackOutdated => "0x800F0823",
            Kind::DiskLow => "0x80070070",
            Kind::ServiceDisabled => "0x80070422",
            Kind::DownloadFails => self.choose(&["0x80072EE7", "0x8024402C", "0x80072EE7"]),
            Kind::RecoveryRefused => "0x80244007",
            Kind::Neglected => "0x80244010",
            Kind::ServerUnreachable => "0x80072EFD",
            _ => self.choose(&["0x800F0922", "0x80070005", "0x800F0922"]),
        }
    }

    /// How often that has happened.
    pub(super) fn times(&self) -> u32 {
        3 + self.variant % 5
    }

    /// By how much the machine's clock is ahead, in milliseconds.
    pub(super) fn clock_ahead_ms(&self) -> i64 {
        self.choose(&[9, -47, 12, -190]) * MINUTE_MS
    }
}
