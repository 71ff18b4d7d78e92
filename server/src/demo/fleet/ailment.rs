//! What can ail a machine of the demo: a few kinds for each issue, with the values that real machines show.

use rand::RngExt;
use rand::rngs::StdRng;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};

use super::profile::Profile;

/// An ailment of one machine.
#[derive(Debug, Clone)]
pub(super) struct Ailment {
    pub(super) kind: Kind,
    pub(super) since: Time,
    /// Chooses among the details that a kind leaves open.
    pub(super) variant: u32,
}

/// What ails a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A user paused all updates in Settings.
    PausedByUser,
    /// A group policy pauses quality updates.
    QualityPausedByPolicy,
    /// MDM pauses feature updates.
    FeaturePausedByMdm,
    /// A safeguard hold.
    Held,
    /// Hardware or software that the next release does not support.
    HardwareTooOld,
    /// The appraiser has not run.
    NotAppraised,
    /// It lost the WSUS policy and asks Windows Update.
    LostWsus,
    /// An old policy names a WSUS server over plain HTTP.
    PlainHttpWsus,
    /// A WSUS address without the switch that puts it to use.
    WsusNotSwitchedOn,
    /// Sources per class without the value that puts them in force.
    ClassesNotSwitchedOn,
    /// Update Health Tools are missing.
    NoHealthTools,
    /// The service of Update Health Tools is disabled.
    HealthServiceDisabled,
    /// A restart is pending.
    RestartPending,
    /// The update agent fails when it is asked for a pending restart.
    AgentFails,
    /// Automatic updates are turned off.
    AutomaticUpdatesOff,
    /// A service that updating needs is disabled.
    ServiceDisabled,
    /// The update server does not let it connect, and scans fail.
    ServerUnreachable,
}

/// Two ailments of one area would overwrite each other's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Pause,
    Appraisal,
    Source,
    HealthTools,
    Restart,
    Automatic,
    Services,
    Way,
}

impl Kind {
    /// Every kind.
    pub(super) const ALL: [Self; 17] = [
        Self::PausedByUser,
        Self::Held,
        Self::RestartPending,
        Self::LostWsus,
        Self::NoHealthTools,
        Self::QualityPausedByPolicy,
        Self::HardwareTooOld,
        Self::PlainHttpWsus,
        Self::ServiceDisabled,
        Self::NotAppraised,
        Self::AutomaticUpdatesOff,
        Self::FeaturePausedByMdm,
        Self::WsusNotSwitchedOn,
        Self::HealthServiceDisabled,
        Self::AgentFails,
        Self::ClassesNotSwitchedOn,
        Self::ServerUnreachable,
    ];

    pub(super) const fn area(self) -> Area {
        match self {
            Self::PausedByUser | Self::QualityPausedByPolicy | Self::FeaturePausedByMdm => {
                Area::Pause
            }
            Self::Held | Self::HardwareTooOld | Self::NotAppraised => Area::Appraisal,
            Self::LostWsus
            | Self::PlainHttpWsus
            | Self::WsusNotSwitchedOn
            | Self::ClassesNotSwitchedOn => Area::Source,
            Self::NoHealthTools | Self::HealthServiceDisabled => Area::HealthTools,
            Self::RestartPending | Self::AgentFails => Area::Restart,
            Self::AutomaticUpdatesOff => Area::Automatic,
            Self::ServiceDisabled => Area::Services,
            Self::ServerUnreachable => Area::Way,
        }
    }

    /// Whether a machine can have it: servers get no feature updates and need no Update Health Tools, and only what the appraiser
    /// looks at can be held.
    pub(super) fn fits(self, profile: &Profile) -> bool {
        let is_client = !profile.release.is_server;
        match self.area() {
            Area::Appraisal => !profile.release.targets.is_empty(),
            Area::HealthTools => is_client,
            Area::Pause => is_client || self == Self::QualityPausedByPolicy,
            Area::Source => is_client || self == Self::PlainHttpWsus || self == Self::LostWsus,
            Area::Restart | Area::Automatic | Area::Services | Area::Way => true,
        }
    }

    /// Longest time that it may have lasted when the demo starts, in milliseconds. Pauses must not have run out.
    pub(super) const fn oldest_ms(self) -> i64 {
        match self.area() {
            Area::Pause => 6 * DAY_MS,
            Area::Restart => 14 * DAY_MS,
            _ => 60 * DAY_MS,
        }
    }

    /// Whether a restart is what ends it.
    pub(super) fn ends_with_a_restart(self) -> bool {
        self == Self::RestartPending
    }
}

impl Ailment {
    /// Begins at `since`; chance settles the details.
    pub(super) fn draw(kind: Kind, since: Time, chance: &mut StdRng) -> Self {
        Self {
            kind,
            since: since.plus_millis(-chance.random_range(0..HOUR_MS)),
            variant: chance.random_range(0..1000),
        }
    }

    /// The one of `options` that this ailment's variant chooses.
    pub(super) fn choose<T: Copy>(&self, options: &[T]) -> T {
        options[self.variant as usize % options.len()]
    }

    /// When a user's pause ends: one to five weeks after it began, in whole weeks as Settings offers them.
    pub(super) fn user_pause_ends(&self) -> Time {
        self.since.plus_days(7 * (1 + i64::from(self.variant % 5)))
    }

    /// The disabled service.
    pub(super) fn disabled_service(&self) -> &'static str {
        self.choose(&["wuauserv", "BITS", "UsoSvc", "DoSvc"])
    }

    /// Id of the hold: real ones of the releases from 24H2 on.
    pub(super) fn hold(&self) -> &'static str {
        // Fewer ids than machines, and some much more frequent, as one driver is on many machines.
        self.choose(&[
            "51876952", "51876952", "51876952", "52754008", "53340062", "54157480", "49562592",
            "52325539", "53794850",
        ])
    }

    /// Why the next release does not support the machine.
    pub(super) fn red_reason(&self) -> &'static str {
        self.choose(&["Tpm", "Tpm", "CpuFms"])
    }
}
