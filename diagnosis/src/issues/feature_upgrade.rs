//! What the rules about the way to the next release share: on which devices the question arises, and which targets count.

use std::fmt;

use super::{device_evidence, not_known};
use crate::expectation::{UpdateClass, UpdateSource};
use crate::facts::safeguard_hold::{
    APPRAISAL_FRESH_DAYS, Appraised, Relevant, SafeguardFacts, Target,
};
use crate::issue::Case;
use crate::knowledge::DeviceKind;
use crate::time::Time;
use crate::verdict::Verdict;

/// First build of Windows 10.
const WINDOWS_10: u32 = 10240;

/// The appraiser's word and the targets that count, or the verdict where the question ends before that.
pub(super) fn targets<'a>(
    case: &Case<'a>,
) -> Result<(&'a SafeguardFacts, Vec<&'a Target>), Verdict> {
    arises(case)?;
    let facts = case.facts.safeguard_hold.as_ref().map_err(not_known)?;
    let key = facts.key;
    match &facts.appraised {
        Appraised::Yes => {}
        Appraised::Never => {
            return Err(Verdict::unknown(
                "The compatibility appraiser has not run on this device, so nothing is known of what blocks an upgrade.",
            )
            .with_evidence(key));
        }
        Appraised::Unreadable(why) => {
            return Err(Verdict::unknown(format!(
                "The compatibility appraiser's key could not be read: {why}."
            ))
            .with_evidence(key));
        }
    }
    let pinned = facts.pinned.as_ref().map(|p| p.version.at);
    match facts.relevant(case.facts.windows()) {
        Relevant::Targets(targets) => Ok((facts, targets)),
        Relevant::OnTarget(release) => Err(Verdict::not_applicable(format!(
            "Policy pins the device to {}, which it already runs.",
            release.name
        ))
        .with_evidence(pinned)
        .with_evidence(device_evidence(case))),
        Relevant::PinnedMissing(version) => {
            let codes: Vec<&str> = facts.targets.iter().map(|t| t.code.as_str()).collect();
            Err(Verdict::unknown(format!(
                "Policy pins the device to {version}, and the appraiser has no word on it (it has on: {}).",
                if codes.is_empty() { "none".to_owned() } else { codes.join(", ") }
            ))
            .with_evidence(pinned)
            .with_evidence(key))
        }
    }
}

/// The verdict of what is about feature updates where the device is a server.
pub(super) fn not_on_servers(case: &Case<'_>) -> Result<(), Verdict> {
    if case.facts.windows().kind == Some(DeviceKind::Server) {
        return Err(
            Verdict::not_applicable("Servers get no feature updates from Windows Update.")
                .with_evidence(device_evidence(case)),
        );
    }
    Ok(())
}

fn arises(case: &Case<'_>) -> Result<(), Verdict> {
    not_on_servers(case)?;
    let windows = case.facts.windows();
    if windows.build.is_some_and(|build| build < WINDOWS_10) {
        return Err(
            Verdict::not_applicable("This release of Windows gets no feature updates.")
                .with_evidence(device_evidence(case)),
        );
    }
    if let Ok(sources) = &case.facts.scan_source
        && sources.of(UpdateClass::Feature).source == UpdateSource::Wsus
    {
        return Err(Verdict::not_applicable(
            "Feature updates come from WSUS, to which the blocks of Windows Update do not apply.",
        )
        .with_evidence(sources.evidence.iter().copied()));
    }
    Ok(())
}

/// Why the first of the targets could not be read in full.
pub(super) fn unreadable<'a>(targets: &[&'a Target]) -> Option<&'a str> {
    targets.iter().find_map(|t| t.unreadable.as_deref())
}

/// A clause about targets that were appraised too long ago; empty where none was.
pub(super) fn old_appraisals(targets: &[&Target], now: Time) -> String {
    let old: Vec<String> = targets
        .iter()
        .filter(|t| t.is_old(now))
        .filter_map(|t| Some(format!("{} on {}", t.release_name(), t.appraised_at?.day())))
        .collect();
    if old.is_empty() {
        String::new()
    } else {
        format!(" The appraisal is old: {}.", old.join(", "))
    }
}

/// When the first of the targets' appraisals becomes too old.
pub(super) fn fresh_until(targets: &[&Target], now: Time) -> Option<Time> {
    targets
        .iter()
        .filter_map(|t| {
            Some(
                t.appraised_at?
                    .plus_days(APPRAISAL_FRESH_DAYS)
                    .plus_millis(1),
            )
        })
        .filter(|end| *end > now)
        .min()
}

/// The names of the targets, for a sentence.
pub(super) struct Names<'a>(pub(super) &'a [&'a Target]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, target) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            f.write_str(target.release_name())?;
        }
        Ok(())
    }
}
