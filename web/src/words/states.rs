//! How devices, findings, updates and tokens stand, in a word or a few.

use sickbay_diagnosis::facts::update_log::Became;
use sickbay_diagnosis::facts::updates::PackageState;
use sickbay_diagnosis::verdict::{Kept, Severity, State};

use crate::chart::Series;

/// Something serious is open on a device.
pub(crate) const SERIOUS: &str = "Serious";
/// Something is open, none of it serious.
pub(crate) const WARNING: &str = "Warning";
/// Nothing is open, and not everything is known.
pub(crate) const UNKNOWN: &str = "Unknown";
/// Everything is known and good.
pub(crate) const HEALTHY: &str = "Healthy";
/// No report ever came.
pub(crate) const NEVER_REPORTED: &str = "Never reported";
/// It is accepted for a time.
pub(crate) const ACCEPTED: &str = "Accepted";

/// What a number of a chart counts.
pub(crate) const fn series(series: Series) -> &'static str {
    match series {
        Series::Serious => SERIOUS,
        Series::Warning => WARNING,
        Series::Unknown => UNKNOWN,
        Series::NeverReported => NEVER_REPORTED,
        Series::Healthy => HEALTHY,
        Series::Accepted => ACCEPTED,
    }
}

/// How bad an open finding is.
pub(crate) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Serious => SERIOUS,
        Severity::Warning => WARNING,
    }
}

/// Open findings of a severity, as a heading.
pub(crate) const fn severities(severity: Severity) -> &'static str {
    match severity {
        Severity::Serious => SERIOUS,
        Severity::Warning => "Warnings",
    }
}

/// One of the four answers.
pub(crate) const fn state(state: State) -> &'static str {
    match state {
        State::Open => "Open",
        State::Unknown => UNKNOWN,
        State::Clear => "Clear",
        State::NotApplicable => "Not applicable",
    }
}

/// How a finding is kept.
pub(crate) const fn kept(kept: Kept) -> &'static str {
    match kept {
        Kept::Open => "Open",
        Kept::Accepted => ACCEPTED,
        Kept::Unknown => UNKNOWN,
    }
}

/// What became of an update.
pub(crate) const fn became(what: Became) -> &'static str {
    match what {
        Became::Installed => "Installed",
        Became::InstalledWithErrors => "Installed with errors",
        Became::InstallFailed => "Installation failed",
        Became::InstallAborted => "Installation broken off",
        Became::Installing => "Being installed",
        Became::Removed => "Removed",
        Became::RemovalFailed => "Removal failed",
        Became::DownloadFailed => "Download failed",
        Became::ScanFailed => "Looking for updates failed",
        Became::Unsettled(state) => match state {
            PackageState::InstallPending => "Installed at the next restart",
            PackageState::UninstallPending => "Removed at the next restart",
            PackageState::Resolving | PackageState::Staging => "Being prepared",
            PackageState::PartiallyInstalled => "Half installed",
            PackageState::Unknown(_) => "In an unknown state",
            _ => "Marked invalid",
        },
    }
}
