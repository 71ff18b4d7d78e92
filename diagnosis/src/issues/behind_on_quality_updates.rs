//! `behind-on-quality-updates` (fact sheet section 8).

use std::fmt;

use super::lifecycle::end_of;
use super::{device_evidence, not_known};
use crate::context::{Seen, Standing};
use crate::facts::DeviceFacts;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::knowledge::KnownUpdate;
use crate::time::{DAY_MS, Time};
use crate::verdict::{Cause, Severity, Verdict};

/// The device lacks monthly updates that others of its release have.
pub(super) const ISSUE: Issue = Issue {
    id: "behind-on-quality-updates",
    title: "Behind on quality updates",
    meaning: "Devices of the same release in this fleet have had a newer revision for longer than the expected time, and this one has \
              not. What was mended since is open on it. Preview builds on a few machines make nobody late.",
    severity: Severity::Serious,
    groups_by: "release and revision",
    fix: &[
        FixStep {
            text: "Look at the device's other issues first: they usually say why the update does not arrive.",
            command: None,
        },
        FixStep {
            text: "Let it look for updates.",
            command: Some("UsoClient StartScan"),
        },
        FixStep {
            text: "Or install the newest cumulative update of the release by hand from the catalogue.",
            command: Some("wusa windows-update-file.msu /quiet /norestart"),
        },
    ],
    links: &[
        Link {
            title: "Windows 11 release information",
            url: "https://learn.microsoft.com/windows/release-health/windows11-release-information",
        },
        Link {
            title: "Windows 10 release information",
            url: "https://learn.microsoft.com/windows/release-health/release-information",
        },
    ],
    explains: &[],
    told_by: Teller::Fleet,
    says_managed_elsewhere: false,
    never: &[],
    decide,
};

/// This long after it was late it is serious, in days: a second monthly update is missing.
const SERIOUS_AFTER_DAYS: i64 = 30;

/// A release that is past its end gets no updates that it could be behind on.
fn decide(case: &Case<'_>) -> Verdict {
    let device = match &case.facts.device {
        Ok(device) => device,
        Err(why) => return not_known(why),
    };
    let release = device.release.as_deref();
    let over_at = release.and_then(|release| Some(end_of(release, device)?.over_at()));
    if let (Some(release), Some(over_at)) = (release, over_at)
        && case.now >= over_at
    {
        return Verdict::not_applicable(format!(
            "{} got its last update on {}.",
            release.name,
            over_at.plus_days(-1).day()
        ))
        .with_evidence(device_evidence(case));
    }
    compared(case, device)
        .until(over_at)
        .with_evidence(device_evidence(case))
}

/// Where the device stands among those of its release, which gets updates.
fn compared(case: &Case<'_>, device: &DeviceFacts) -> Verdict {
    let windows = case.facts.windows();
    let (Some(kind), Some(build), Some(revision)) = (windows.kind, windows.build, windows.ubr)
    else {
        return Verdict::unknown("The device's release or revision is not known.");
    };
    let name = device
        .release_name()
        .unwrap_or_else(|| format!("Build {build}"));
    let own = format!("{build}.{revision}");
    // A hotpatch brings the content of its month's cumulative update at a lower revision.
    let known = case.knowledge();
    let family = device.release.as_deref();
    let family = family.map_or(build, |release| release.package_build);
    let content = known
        .covered_by_hotpatch(family, revision)
        .unwrap_or(revision);
    let published = || Published {
        newest: known.newest_cumulative(family, kind),
        build,
        content,
    };
    match case.fleet.revisions.standing(kind, build, content) {
        Standing::NoBaseline => Verdict::unknown(format!(
            "Fewer than five devices of {name} have told their revision, so whether {own} is up to date is not known.{}",
            published()
        )),
        Standing::Newest(newest) => of_newest(&own, newest, published, case.now),
        Standing::Behind { newest, since } => {
            let late_at = since.plus_millis(case.expectations.behind_ms);
            let newer = format!(
                "{build}.{} has been in the fleet since {}",
                newest.revision,
                newest.since.day()
            );
            if case.now < late_at {
                Verdict::clear(format!(
                    "{own} is behind only since {}; {newer}.",
                    since.day()
                ))
                .until(Some(late_at))
            } else {
                let serious_at = late_at.plus_days(SERIOUS_AFTER_DAYS);
                let serious = case.now >= serious_at;
                let severity = if serious {
                    Severity::Serious
                } else {
                    Severity::Warning
                };
                Verdict::open(
                    severity,
                    vec![Cause::new(own.clone(), format!("{name}, {own}"))],
                    format!(
                        "{name} is at {own}, behind for {} days; {newer}.",
                        case.now.since(since) / DAY_MS
                    ),
                )
                .until((!serious).then_some(serious_at))
            }
        }
    }
}

/// What the table of updates has to say where the fleet cannot. It makes nobody late: it says neither what is a preview nor what the
/// fleet's owner has approved.
struct Published<'k> {
    newest: Option<&'k KnownUpdate>,
    build: u32,
    /// The revision of the cumulative update that the device has, or has the content of.
    content: u32,
}

impl fmt::Display for Published<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(newest) = self.newest else {
            return Ok(());
        };
        f.write_str(if newest.revision > self.content {
            " The table of updates knows a newer one, "
        } else {
            " The table of updates knows nothing newer; it goes to "
        })?;
        write!(f, "{}.{} ({}", self.build, newest.revision, newest.kb)?;
        if let Some(at) = newest.released {
            write!(f, " of {}", at.day())?;
        }
        f.write_str(").")
    }
}

fn of_newest<'k>(
    own: &str,
    newest: Seen,
    published: impl Fn() -> Published<'k>,
    now: Time,
) -> Verdict {
    if now >= newest.fresh_until() {
        return Verdict::unknown(format!(
            "{own} is the newest that the fleet has seen for this release, but that was on {}: the fleet as a whole may be stuck.{}",
            newest.since.day(),
            published()
        ));
    }
    Verdict::clear(format!(
        "{own} is the newest that the fleet has seen for this release, since {}.",
        newest.since.day()
    ))
    .until(Some(newest.fresh_until()))
}
