//! `end-of-service` (fact sheet section 8).

use super::lifecycle::{End, end_of};
use super::{device_evidence, not_known};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::time::DAY_MS;
use crate::verdict::{Cause, Severity, State, Verdict};

/// The release gets no more updates, or soon will not.
pub(super) const ISSUE: Issue = Issue {
    id: "end-of-service",
    title: "Release at or near its end of service",
    meaning: "The installed release and edition get no security fixes any more, or soon will not. Nothing is offered after that day, \
              so the device looks quiet while it gets more vulnerable every month.",
    severity: Severity::Serious,
    groups_by: "release",
    fix: &[
        FixStep {
            text: "Remove what keeps the device on the release (a pin, a pause, a hold, a deferral: see its other issues) and let \
                   it look for a feature update.",
            command: Some("UsoClient StartScan"),
        },
        FixStep {
            text: "Or upgrade in place from installation media of a release that is in service.",
            command: Some("setup.exe /auto upgrade /dynamicupdate enable /eula accept"),
        },
        FixStep {
            text: "Where neither is possible: buy extended security updates for it, or replace it.",
            command: None,
        },
    ],
    links: &[
        Link {
            title: "Windows 11 release information",
            url: "https://learn.microsoft.com/windows/release-health/windows11-release-information",
        },
        Link {
            title: "Search product and services lifecycle information",
            url: "https://learn.microsoft.com/lifecycle/products/",
        },
    ],
    explains: &["behind-on-quality-updates", "servicing-stack-outdated"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[(State::NotApplicable, "every release has an end of service")],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let device = match &case.facts.device {
        Ok(device) => device,
        Err(why) => return not_known(why),
    };
    let Some(release) = device.release.as_deref() else {
        let named = device
            .release_name()
            .unwrap_or_else(|| "a release without a build number".to_owned());
        return Verdict::unknown(format!(
            "{named} is not in the table of releases, so its end of service is not known."
        ))
        .with_evidence(device_evidence(case));
    };
    let Some(end) = end_of(release, device) else {
        let name = &release.name;
        let why = match device.edition_id() {
            None => format!(
                "When {name} goes out of service depends on the edition, which is not known."
            ),
            Some(edition) => {
                format!("The table of releases has no end of service of {name} for {edition}.")
            }
        };
        return Verdict::unknown(why).with_evidence(device_evidence(case));
    };
    judge(case, &release.name, &end).with_evidence(device_evidence(case))
}

fn judge(case: &Case<'_>, release: &str, end: &End) -> Verdict {
    let day = end.last_day.day();
    let near_at = end
        .over_at()
        .plus_millis(-case.expectations.end_of_service_near_ms);
    if case.now >= end.over_at() {
        let cause = Cause::new(release, format!("{release}, ended {day}"));
        let summary = format!(
            "{release} got its last update on {day} ({}), {} days ago.",
            end.of,
            case.now.since(end.last_day) / DAY_MS
        );
        return Verdict::open(Severity::Serious, vec![cause], summary);
    }
    if case.now >= near_at {
        let cause = Cause::new(release, format!("{release}, ends {day}"));
        let summary = format!("{release} gets its last update on {day} ({}).", end.of);
        return Verdict::open(Severity::Warning, vec![cause], summary).until(Some(end.over_at()));
    }
    Verdict::clear(format!("{release} gets updates until {day} ({}).", end.of)).until(Some(near_at))
}
