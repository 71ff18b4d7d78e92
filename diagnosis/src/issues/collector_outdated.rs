//! `collector-outdated`.

use crate::context::Sighted;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::observation::EvidenceRef;
use crate::verdict::{Cause, Severity, State, Verdict};

/// The collector is older than the server supports well.
pub(super) const ISSUE: Issue = Issue {
    id: "collector-outdated",
    title: "Collector outdated",
    meaning: "The collector on this device is older than this server supports well: it does not know checks that issues rest on, which \
              then stay unknown. Nothing that it reports is wrong.",
    severity: Severity::Warning,
    groups_by: "version",
    fix: &[
        FixStep {
            text: "Put the newer installer into the policy object that installs the collector; devices upgrade at their next start.",
            command: Some("gpupdate /force && shutdown /r /t 0"),
        },
        FixStep {
            text: "Or upgrade it by hand; settings and identity stay.",
            command: Some("msiexec /i sickbay-collector.msi /qn"),
        },
    ],
    links: &[Link {
        title: "Use Group Policy to install software remotely",
        url: "https://learn.microsoft.com/troubleshoot/windows-server/group-policy/use-group-policy-to-install-software",
    }],
    explains: &["checks-failing"],
    told_by: Teller::Server,
    says_managed_elsewhere: false,
    never: &[(
        State::NotApplicable,
        "every device that reports has a collector",
    )],
    decide,
};

/// The oldest version that knows every check which this version's issues rest on. A new check moves it.
const SUPPORTED_SINCE: [u64; 3] = [0, 2, 0];

fn decide(case: &Case<'_>) -> Verdict {
    let version = case
        .sighting
        .map(|s| s.collector_version.as_str())
        .unwrap_or_default();
    let Some(numbers) = numbers_of(version) else {
        return Verdict::unknown(
            "The collector has not told its version, or none that can be read.",
        );
    };
    let [major, minor, patch] = SUPPORTED_SINCE;
    if numbers >= SUPPORTED_SINCE {
        return Verdict::clear(format!(
            "Collector {version}; versions from {major}.{minor}.{patch} on are supported well."
        ))
        .with_evidence([EVIDENCE]);
    }
    Verdict::open(
        ISSUE.severity,
        vec![Cause::new(version, format!("Version {version}"))],
        format!(
            "Collector {version} is older than {major}.{minor}.{patch}, from which on this server has all that it asks for."
        ),
    )
    .with_evidence([EVIDENCE])
}

const EVIDENCE: EvidenceRef = EvidenceRef::Sighted(Sighted::CollectorVersion);

/// The three numbers of a version; what follows a dash or plus does not count.
fn numbers_of(version: &str) -> Option<[u64; 3]> {
    let core = version.split(['-', '+']).next()?;
    let mut parts = core.split('.').map(|part| part.parse::<u64>().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}
