//! The kinds of ailments, and which machines can have them.

use super::profile::Profile;
use super::release::FIRST_BUILD_WITH_CLASS_SOURCES;

/// What ails a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A user paused all updates in Settings.
    PausedByUser,
    /// A group policy pauses quality updates.
    QualityPausedByPolicy,
    /// MDM pauses feature updates.
    FeaturePausedByMdm,
    /// A policy defers quality updates for longer than the owner wants.
    DeferredTooLong,
    /// A safeguard hold.
    Held,
    /// Hardware or software that the next release does not support.
    HardwareTooOld,
    /// The appraiser has not run.
    NotAppraised,
    /// A policy keeps it on a release that is out of service.
    Pinned,
    /// Its release is out of service, and nothing else says why it is still there.
    Outlived,
    /// Its release goes out of service soon.
    NearingEnd,
    /// It lost the WSUS policy and asks Windows Update.
    LostWsus,
    /// An old policy names a WSUS server over plain HTTP.
    PlainHttpWsus,
    /// A WSUS address without the switch that puts it to use.
    WsusNotSwitchedOn,
    /// Sources per class without the value that puts them in force.
    ClassesNotSwitchedOn,
    /// WSUS refuses its list of installed updates.
    RecoveryRefused,
    /// Update Health Tools are missing.
    NoHealthTools,
    /// The service of Update Health Tools is disabled.
    HealthServiceDisabled,
    /// A restart is pending.
    RestartPending,
    /// The update agent fails whatever it is asked.
    AgentFails,
    /// Servicing cannot be asked for the state of the component store.
    StoreUnasked,
    /// Automatic updates are turned off.
    AutomaticUpdatesOff,
    /// A service that updating needs is disabled.
    ServiceDisabled,
    /// Its searches have failed for months, and nobody noticed.
    Neglected,
    /// Its update server cannot be connected to.
    ServerUnreachable,
    /// Downloads fail.
    DownloadFails,
    /// The system drive fills up.
    DiskLow,
    /// The component store is damaged.
    StoreCorrupt,
    /// The servicing stack's folder is gone.
    StackBroken,
    /// The servicing stack is too old for what it is to install.
    StackOutdated,
    /// The same update fails again and again, and nothing else shows why.
    InstallFails,
    /// A deployment tool keeps sending it the update that it has.
    SentWhatItHas,
    /// A deployment tool keeps sending it an update that a later one replaced.
    SentWhatIsReplaced,
    /// A deployment tool sends it the update of another release.
    SentAnothers,
    /// It was installed from the release's first image and sent the next release at once.
    ImageTooOld,
    /// It was cloned from an image that had an update client id.
    Cloned,
    /// The certificate of its registration with the directory is gone.
    RegistrationBroken,
    /// It was never registered with the directory.
    NotRegistered,
    /// Its Secure Boot rests on the certificates of 2011.
    OldCertificates,
    /// Its clock is off.
    ClockOff,
    /// It was not heard of for weeks.
    Silent,
    /// It was last on the network with an old collector.
    OldCollector,
}

/// Two ailments of one area would overwrite each other's values, or each would claim to be why updates are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    /// What stands between a machine and the month's update.
    Updating,
    FeaturePause,
    Upgrade,
    Source,
    HealthTools,
    Agent,
    Store,
    Identity,
    Directory,
    Firmware,
    Clock,
    /// The machine does not connect.
    Away,
}

impl Kind {
    /// Every kind, each with its share: machines of 200. Those come first that small fleets have too, so that no issue is missing there.
    pub(super) const SHARES: [(Self, usize); 41] = [
        (Self::ServiceDisabled, 4),
        (Self::PausedByUser, 4),
        (Self::Held, 7),
        (Self::Pinned, 3),
        (Self::RestartPending, 7),
        (Self::LostWsus, 4),
        (Self::WsusNotSwitchedOn, 1),
        (Self::PlainHttpWsus, 5),
        (Self::NoHealthTools, 4),
        (Self::HardwareTooOld, 3),
        (Self::AutomaticUpdatesOff, 2),
        (Self::DeferredTooLong, 3),
        (Self::DownloadFails, 3),
        (Self::StoreCorrupt, 2),
        (Self::StackBroken, 1),
        (Self::StackOutdated, 1),
        (Self::Neglected, 2),
        (Self::RecoveryRefused, 2),
        (Self::ServerUnreachable, 3),
        (Self::NotRegistered, 2),
        (Self::AgentFails, 1),
        (Self::ClockOff, 2),
        (Self::OldCertificates, 5),
        (Self::DiskLow, 5),
        (Self::Cloned, 3),
        (Self::Silent, 3),
        (Self::OldCollector, 2),
        (Self::SentWhatItHas, 2),
        (Self::SentWhatIsReplaced, 1),
        (Self::SentAnothers, 2),
        (Self::ImageTooOld, 1),
        (Self::Outlived, 4),
        (Self::NearingEnd, 2),
        (Self::QualityPausedByPolicy, 2),
        (Self::InstallFails, 2),
        (Self::RegistrationBroken, 1),
        (Self::FeaturePausedByMdm, 1),
        (Self::NotAppraised, 1),
        (Self::HealthServiceDisabled, 1),
        (Self::StoreUnasked, 1),
        (Self::ClassesNotSwitchedOn, 1),
    ];

    /// The fewest machines that it makes sense on.
    pub(super) fn fewest(self) -> usize {
        // A clone is one only beside another.
        if self == Self::Cloned { 2 } else { 1 }
    }

    pub(super) const fn area(self) -> Area {
        match self {
            Self::PausedByUser
            | Self::QualityPausedByPolicy
            | Self::DeferredTooLong
            | Self::RestartPending
            | Self::AutomaticUpdatesOff
            | Self::ServiceDisabled
            | Self::Neglected
            | Self::ServerUnreachable
            | Self::DownloadFails
            | Self::DiskLow
            | Self::StoreCorrupt
            | Self::StackBroken
            | Self::StackOutdated
            | Self::InstallFails
            | Self::SentWhatItHas
            | Self::SentWhatIsReplaced
            | Self::SentAnothers
            | Self::RecoveryRefused => Area::Updating,
            Self::FeaturePausedByMdm => Area::FeaturePause,
            Self::Held
            | Self::HardwareTooOld
            | Self::NotAppraised
            | Self::Pinned
            | Self::ImageTooOld
            | Self::Outlived
            | Self::NearingEnd => Area::Upgrade,
            Self::LostWsus
            | Self::PlainHttpWsus
            | Self::WsusNotSwitchedOn
            | Self::ClassesNotSwitchedOn => Area::Source,
            Self::NoHealthTools | Self::HealthServiceDisabled => Area::HealthTools,
            Self::AgentFails => Area::Agent,
            Self::StoreUnasked => Area::Store,
            Self::Cloned => Area::Identity,
            Self::RegistrationBroken | Self::NotRegistered => Area::Directory,
            Self::OldCertificates => Area::Firmware,
            Self::ClockOff => Area::Clock,
            Self::Silent | Self::OldCollector => Area::Away,
        }
    }

    /// Whether a machine can have both.
    pub(super) fn goes_with(self, other: Self) -> bool {
        // Who does not scan WSUS is not refused by it.
        let refused =
            |one: Self, other: Self| one == Self::RecoveryRefused && other.area() == Area::Source;
        self.area() != other.area() && !refused(self, other) && !refused(other, self)
    }

    /// Whether a machine can have it: servers get no feature updates and need no Update Health Tools, only what the appraiser looks at
    /// can be held, and where ConfigMgr brings the updates a policy about them makes no difference.
    pub(super) fn fits(self, profile: &Profile) -> bool {
        let is_client = !profile.release.is_server;
        let has_targets = !profile.release.targets.is_empty();
        let is_new = profile.release.targets.is_empty() && is_client;
        let is_ours = !profile.place.is_managed_elsewhere();
        // Before that a deferral or pause beside WSUS means to scan Windows Update instead, which is another story.
        let has_class_sources = profile.release.build >= FIRST_BUILD_WITH_CLASS_SOURCES;
        match self {
            Self::Held | Self::NotAppraised => has_targets,
            Self::HardwareTooOld | Self::Pinned | Self::Outlived | Self::ImageTooOld => {
                is_client && !is_new
            }
            // The releases of which enough machines tell what an update brings, whatever the size of the fleet.
            Self::SentWhatItHas | Self::SentWhatIsReplaced => {
                is_ours && is_client && profile.release.package_build == 26100
            }
            Self::NearingEnd | Self::StackOutdated => !is_client,
            Self::Neglected => is_ours && !is_new,
            Self::NoHealthTools
            | Self::HealthServiceDisabled
            | Self::WsusNotSwitchedOn
            | Self::ClassesNotSwitchedOn => is_client && is_ours,
            Self::LostWsus | Self::RecoveryRefused | Self::ServerUnreachable => is_ours,
            Self::QualityPausedByPolicy => has_class_sources,
            Self::DeferredTooLong => is_ours && has_class_sources,
            Self::PausedByUser | Self::Cloned => is_client,
            Self::FeaturePausedByMdm | Self::OldCollector => is_client && has_targets,
            Self::RegistrationBroken | Self::NotRegistered => profile.place.is_laptop(),
            _ => true,
        }
    }

    /// Days that it has lasted when the demo starts, at least and at most.
    pub(super) const fn age_days(self) -> (i64, i64) {
        match self {
            Self::SentWhatItHas | Self::SentWhatIsReplaced | Self::SentAnothers => (3, 20),
            Self::ImageTooOld => (3, 12),
            // Pauses must not have run out.
            Self::PausedByUser | Self::QualityPausedByPolicy => (1, 33),
            Self::FeaturePausedByMdm => (1, 20),
            Self::RestartPending => (0, 19),
            Self::Neglected => (150, 210),
            Self::RecoveryRefused | Self::ServerUnreachable => (9, 26),
            Self::StackOutdated => (30, 55),
            Self::Silent => (17, 64),
            Self::OldCollector => (1, 4),
            Self::LostWsus | Self::AgentFails | Self::StoreUnasked => (2, 25),
            // So long that most have missed two monthly updates.
            _ if matches!(self.area(), Area::Updating) => (33, 95),
            _ => (18, 75),
        }
    }

    /// Whether it can begin and end while the demo runs. What only a new connection would show does not, nor what is not connected.
    pub(super) fn comes_and_goes(self) -> bool {
        !matches!(self.area(), Area::Away | Area::Clock)
    }

    /// Whether a restart is what ends it.
    pub(super) fn ends_with_a_restart(self) -> bool {
        self == Self::RestartPending
    }
}
