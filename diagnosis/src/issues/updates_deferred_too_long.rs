//! `updates-deferred-too-long` (fact sheet section 1).

use super::{APPLY_POLICIES_AND_LOOK, device_evidence, not_known};
use crate::facts::scan_source::Deferral;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::knowledge::DeviceKind;
use crate::verdict::{Cause, Severity, Verdict};

/// First build that can defer (Windows 10 1511).
const DEFERS_SINCE: u32 = 10586;

/// Policies defer updates longer than the owner wants.
pub(super) const ISSUE: Issue = Issue {
    id: "updates-deferred-too-long",
    title: "Updates deferred longer than wanted",
    meaning: "A policy holds updates back for more days after their release than the fleet's owner accepts. Until then the device is \
              told that nothing is there, and known weaknesses stay open on it.",
    severity: Severity::Warning,
    groups_by: "days and source",
    fix: &[
        FixStep {
            text: "Lower the days in \"Select when Quality Updates are received\" or \"Select when Preview Builds and Feature Updates \
                   are received\" of the policy object that sets them.",
            command: Some("gpresult /scope computer /h gpresult.html"),
        },
        FixStep {
            text: "Where device management sets them: lower the deferral of the update ring there.",
            command: None,
        },
        APPLY_POLICIES_AND_LOOK,
    ],
    links: &[Link {
        title: "Configure Windows Update client policies",
        url: "https://learn.microsoft.com/windows/deployment/update/waas-configure-wufb",
    }],
    explains: &["behind-on-quality-updates"],
    told_by: Teller::Device,
    says_managed_elsewhere: true,
    never: &[],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let windows = case.facts.windows();
    let wanted = case.expectations;
    let is_server = windows.kind == Some(DeviceKind::Server);
    let quality_limit = wanted.longest_quality_deferral_days;
    let feature_limit = wanted.longest_feature_deferral_days.filter(|_| !is_server);
    if quality_limit.is_none() && feature_limit.is_none() {
        return Verdict::not_applicable("No longest deferral is set for this device.");
    }
    if windows.build.is_some_and(|build| build < DEFERS_SINCE) {
        return Verdict::not_applicable("This release of Windows cannot defer updates.")
            .with_evidence(device_evidence(case));
    }
    let sources = match &case.facts.scan_source {
        Ok(sources) => sources,
        Err(why) => return not_known(why),
    };
    if let Some(why) = &sources.unreadable {
        return Verdict::unknown(format!("The policies could not be read: {why}."))
            .with_evidence(sources.evidence.iter().copied());
    }
    let deferrals = &sources.deferrals;
    let late: Vec<Late<'_>> = [
        Late::of("Quality updates", deferrals.quality.as_ref(), quality_limit),
        Late::of("Feature updates", deferrals.feature.as_ref(), feature_limit),
    ]
    .into_iter()
    .flatten()
    .collect();
    if late.is_empty() {
        return Verdict::clear(within(
            deferrals.quality.as_ref(),
            deferrals.feature.as_ref(),
        ))
        .with_evidence(sources.evidence.iter().copied());
    }
    let sentences: Vec<String> = late.iter().map(Late::sentence).collect();
    Verdict::open(
        ISSUE.severity,
        late.iter().map(Late::cause).collect(),
        format!("{}.", sentences.join("; ")),
    )
    .with_evidence(
        late.iter()
            .flat_map(|l| l.deferral.evidence.iter().copied()),
    )
}

/// A class that is deferred for too long.
struct Late<'a> {
    class: &'static str,
    deferral: &'a Deferral,
    limit: u32,
}

impl<'a> Late<'a> {
    fn of(class: &'static str, deferral: Option<&'a Deferral>, limit: Option<u32>) -> Option<Self> {
        let (deferral, limit) = (deferral?, limit?);
        (deferral.days > u64::from(limit)).then_some(Self {
            class,
            deferral,
            limit,
        })
    }

    fn cause(&self) -> Cause {
        let Deferral { days, by, .. } = self.deferral;
        Cause::new(
            format!("{} {days} {by}", self.class.to_ascii_lowercase()),
            format!(
                "{} by {days} days ({})",
                self.class,
                self.deferral.by_in_words()
            ),
        )
    }

    fn sentence(&self) -> String {
        format!(
            "{} are deferred by {} days ({} of {}); at most {} are wanted",
            self.class,
            self.deferral.days,
            self.deferral.value,
            self.deferral.by_in_words(),
            self.limit
        )
    }
}

fn within(quality: Option<&Deferral>, feature: Option<&Deferral>) -> String {
    match (quality, feature) {
        (None, None) => "No policy defers updates.".to_owned(),
        (quality, feature) => format!(
            "Quality updates are deferred by {} days, feature updates by {}, which is within what is wanted.",
            quality.map_or(0, |d| d.days),
            feature.map_or(0, |d| d.days)
        ),
    }
}
