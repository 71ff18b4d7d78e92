//! `directory-registration-broken` (fact sheet section 11).

use super::{device_evidence, not_known};
use crate::facts::directory::Registration;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::verdict::{Cause, Severity, Verdict};

/// First build that can be registered (Windows 10).
const WINDOWS_10: u32 = 10240;

/// No or a broken registration with Entra ID.
pub(super) const ISSUE: Issue = Issue {
    id: "directory-registration-broken",
    title: "Not or badly registered with Entra ID",
    meaning: "The owner expects the device to be registered with Entra ID, as the deployment service and device management need it, and \
              it is not, or its registration lacks what belongs to it. Such a device gets nothing that is deployed to it there.",
    severity: Severity::Serious,
    groups_by: "join state or error",
    fix: &[
        FixStep {
            text: "See the state and the last error of the registration.",
            command: Some("dsregcmd /status"),
        },
        FixStep {
            text: "Where the registration is broken (a cloned or cleaned machine): leave, then join again at the next sign-in.",
            command: Some("dsregcmd /leave"),
        },
        FixStep {
            text: "Where it was never registered: let the scheduled registration run and look at its result.",
            command: Some(
                r#"schtasks /run /tn "\Microsoft\Windows\Workplace Join\Automatic-Device-Join""#,
            ),
        },
    ],
    links: &[Link {
        title: "Troubleshoot devices by using the dsregcmd command",
        url: "https://learn.microsoft.com/entra/identity/devices/troubleshoot-device-dsregcmd",
    }],
    explains: &[],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    if !case.expectations.directory_registration_wanted {
        return Verdict::not_applicable(
            "No registration with Entra ID is expected of this device.",
        );
    }
    if case
        .facts
        .windows()
        .build
        .is_some_and(|build| build < WINDOWS_10)
    {
        return Verdict::not_applicable("This release of Windows cannot be registered so.")
            .with_evidence(device_evidence(case));
    }
    let directory = match &case.facts.directory {
        Ok(directory) => directory,
        Err(why) => return not_known(why),
    };
    let verdict = match &directory.state {
        Registration::Registered { tenant } => {
            Verdict::clear(format!("The device is registered with tenant {tenant}."))
        }
        Registration::NotRegistered => Verdict::open(
            ISSUE.severity,
            vec![Cause::new("not registered", "Not registered")],
            "The device is not registered with Entra ID.",
        ),
        Registration::Broken(fault) => Verdict::open(
            ISSUE.severity,
            vec![Cause::new(
                fault.name(),
                format!("Broken: {}", fault.told()),
            )],
            format!(
                "The registration with Entra ID is broken: {}.",
                fault.told()
            ),
        ),
        Registration::Unknown(why) => Verdict::unknown(format!(
            "Whether the device is registered with Entra ID is not known: {why}."
        )),
    };
    verdict.with_evidence(directory.evidence.iter().copied())
}
