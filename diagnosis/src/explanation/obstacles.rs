//! What stands in the way of updates on a device, told by the verdicts on it.

use serde::{Deserialize, Serialize};

use super::reason::Class;
use crate::diagnose::Diagnosis;
use crate::expectation::{UpdateClass, UpdateSource};
use crate::facts::PendingRebootFacts;
use crate::facts::pause::Pause;
use crate::issue::Case;
use crate::time::Time;

/// Something that stands in the way of quality or feature updates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// What it is.
    pub kind: ObstacleKind,
    /// Whether quality updates are concerned.
    pub quality: bool,
    /// Whether feature updates are concerned.
    pub feature: bool,
    /// In words.
    pub label: String,
    /// When it ends by itself, or since when it is so, where that is told.
    pub at: Option<Time>,
}

/// Sorts of obstacles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ObstacleKind {
    /// A pause; ends at `at`.
    Paused,
    /// A deferral by policy.
    Deferred {
        /// For how long after an update came out.
        days: u16,
    },
    /// A safeguard hold, or a block.
    Held,
    /// Updates come from elsewhere than expected.
    WrongSource,
    /// A restart is due, since `at`.
    Restart,
    /// Services or policies stop updates.
    Stopped,
}

impl ObstacleKind {
    /// The class of a device on which it decides.
    pub const fn class(self) -> Class {
        match self {
            Self::Paused => Class::Paused,
            Self::Deferred { .. } => Class::Deferred,
            Self::Held => Class::Held,
            Self::WrongSource => Class::WrongSource,
            Self::Restart => Class::WaitingForRestart,
            Self::Stopped => Class::Stopped,
        }
    }
}

/// The obstacles that open verdicts and policies make. Accepted ones too: that somebody accepts a pause does not bring the update.
pub(super) fn obstacles(case: &Case<'_>, diagnosis: &Diagnosis) -> Vec<Obstacle> {
    let mut all = Vec::new();
    let mut add = |kind, quality, feature, label: String, at| {
        all.push(Obstacle {
            kind,
            quality,
            feature,
            label,
            at,
        });
    };
    let labels = |issue: &str, of: &dyn Fn(&str) -> bool| -> Option<String> {
        let causes = diagnosis.get(issue)?.causes();
        let labels: Vec<&str> = causes
            .iter()
            .filter(|cause| of(&cause.key))
            .map(|cause| cause.label.as_str())
            .collect();
        (!labels.is_empty()).then(|| labels.join("; "))
    };
    let all_of = |issue: &str| labels(issue, &|_| true);
    let pauses = case.facts.pause.as_ref().ok();
    let end = |pause: Option<&Pause>| pause.and_then(|pause| pause.at(case.now).until);
    if let Some(label) = all_of("quality-updates-paused") {
        let until = end(pauses.map(|p| &p.quality));
        add(ObstacleKind::Paused, true, false, label, until);
    }
    if let Some(label) = all_of("feature-updates-paused") {
        let until = end(pauses.map(|p| &p.feature));
        add(ObstacleKind::Paused, false, true, label, until);
    }
    if let Ok(sources) = &case.facts.scan_source {
        // WSUS offers what was approved there: days of deferral do not count.
        let of_service = |class| sources.of(class).source == UpdateSource::WindowsUpdate;
        let deferrals = [
            (UpdateClass::Quality, &sources.deferrals.quality),
            (UpdateClass::Feature, &sources.deferrals.feature),
        ];
        for (class, deferral) in deferrals {
            if let Some(deferral) = deferral
                .as_ref()
                .filter(|d| d.days > 0 && of_service(class))
            {
                let days = u16::try_from(deferral.days).unwrap_or(u16::MAX);
                let quality = class == UpdateClass::Quality;
                let label = deferral.by_in_words().to_owned();
                add(
                    ObstacleKind::Deferred { days },
                    quality,
                    !quality,
                    label,
                    None,
                );
            }
        }
    }
    for issue in ["safeguard-hold", "upgrade-blocked"] {
        if let Some(label) = all_of(issue) {
            add(ObstacleKind::Held, false, true, label, None);
        }
    }
    for (class, prefix) in [
        (UpdateClass::Quality, "quality:"),
        (UpdateClass::Feature, "feature:"),
    ] {
        if let Some(label) = labels("wrong-scan-source", &|key| key.starts_with(prefix)) {
            let quality = class == UpdateClass::Quality;
            add(ObstacleKind::WrongSource, quality, !quality, label, None);
        }
    }
    if diagnosis.is_open("pending-reboot") {
        let since = case
            .facts
            .pending_reboot
            .as_ref()
            .ok()
            .and_then(PendingRebootFacts::since);
        add(
            ObstacleKind::Restart,
            true,
            true,
            "A restart is pending".to_owned(),
            since,
        );
    }
    for issue in ["update-services-disabled", "automatic-updates-disabled"] {
        if let Some(label) = all_of(issue) {
            add(ObstacleKind::Stopped, true, true, label, None);
        }
    }
    if let Ok(sources) = &case.facts.scan_source {
        for class in [UpdateClass::Quality, UpdateClass::Feature] {
            let source = sources.of(class);
            if source.source == UpdateSource::Blocked {
                let quality = class == UpdateClass::Quality;
                let label = format!(
                    "Policy leaves {} updates no source ({})",
                    class.name(),
                    source.decided_by
                );
                add(ObstacleKind::Stopped, quality, !quality, label, None);
            }
        }
    }
    all
}
