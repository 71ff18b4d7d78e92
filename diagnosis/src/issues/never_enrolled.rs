//! `never-enrolled`: the one issue of machines that say nothing. The list that an administrator imports knows them; a collector that
//! reports is the proof that its own machine is not among them.

use crate::context::Sighted;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::observation::EvidenceRef;
use crate::verdict::{Cause, Severity, State, Verdict};

/// Its public id.
pub const ID: &str = "never-enrolled";

/// How bad it is.
pub const SEVERITY: Severity = Severity::Warning;

/// What stands for the OU of a machine of which none is known.
pub const NO_OU: &str = "(no OU)";

/// No collector ever spoke for a machine of the imported list.
pub(super) const ISSUE: Issue = Issue {
    id: ID,
    title: "Never enrolled",
    meaning: "The machine stands in the imported list, but no collector ever spoke for it: nothing is known of its updates. The collector \
              was not installed there, cannot reach the server, or the machine does not exist any more.",
    severity: SEVERITY,
    groups_by: "OU",
    fix: &[
        FixStep {
            text: "Is the machine in use? Ask Active Directory when it last signed in. Disable or delete the account of one that is gone, \
                   and import the list again.",
            command: Some(
                "Get-ADComputer PC-NAME -Properties LastLogonDate, Enabled | Format-List Name, Enabled, LastLogonDate, DistinguishedName",
            ),
        },
        FixStep {
            text: "Where a whole OU is missing: is the group policy that installs the collector linked there, and is it inherited?",
            command: Some(
                "(Get-GPInheritance -Target 'OU=NAME,DC=example,DC=com').InheritedGpoLinks",
            ),
        },
        FixStep {
            text: "On the machine, as an administrator: was the policy applied? It stands under the applied group policy objects of the \
                   computer; under those filtered out, with the reason.",
            command: Some("gpresult /scope computer /r"),
        },
        FixStep {
            text: "Apply it, and restart: start-up scripts run when the machine starts.",
            command: Some("gpupdate /force /target:computer && shutdown /r /t 60"),
        },
        FixStep {
            text: "Where the collector is installed and yet silent, it says itself why: name, route, certificate and token are tried one \
                   after the other.",
            command: Some(r#""%ProgramFiles%\Sickbay\Collector\sickbay-collector.exe" self-test"#),
        },
    ],
    links: &[
        Link {
            title: "gpresult: the resultant set of policy",
            url: "https://learn.microsoft.com/windows-server/administration/windows-commands/gpresult",
        },
        Link {
            title: "Get-ADComputer: computers of Active Directory",
            url: "https://learn.microsoft.com/powershell/module/activedirectory/get-adcomputer",
        },
    ],
    explains: &[],
    told_by: Teller::Server,
    says_managed_elsewhere: false,
    never: &[
        (
            State::Open,
            "a device that is judged has a collector; the machine of the list is told of by `of_listed`",
        ),
        (State::Unknown, "that a device enrolled is known"),
        (
            State::NotApplicable,
            "every machine should have a collector",
        ),
    ],
    decide,
};

fn decide(_: &Case<'_>) -> Verdict {
    Verdict::clear("A collector speaks for this machine.")
        .with_evidence([EvidenceRef::Sighted(Sighted::EnrolledAt)])
}

/// The verdict on a machine of the list that no device stands for, in this OU; empty where none is known.
pub fn of_listed(ou: &str) -> Verdict {
    let ou = if ou.is_empty() { NO_OU } else { ou };
    Verdict::open(
        SEVERITY,
        vec![Cause::new(ou, ou)],
        "The machine stands in the imported list, and no collector ever spoke for it.",
    )
}
