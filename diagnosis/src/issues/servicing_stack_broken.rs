//! `servicing-stack-broken` (fact sheet section 7).

use super::not_known;
use crate::facts::servicing_stack::StackRegistration;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::verdict::{Cause, Severity, State, Verdict};

/// The servicing stack's registration is missing or points nowhere.
pub(super) const ISSUE: Issue = Issue {
    id: "servicing-stack-broken",
    title: "Servicing stack registration broken",
    meaning: "Windows finds the program that installs updates by a registered version and its folder. The registration is gone, or names \
              a folder that is not there; installations then end with 0x80070003 or error 126 before they begin.",
    severity: Severity::Serious,
    groups_by: "what is missing",
    fix: &[
        FixStep {
            text: "Repair the component store, which brings back the folder.",
            command: Some("DISM.exe /Online /Cleanup-Image /RestoreHealth"),
        },
        FixStep {
            text: "See which versions are registered and which folders exist.",
            command: Some(
                r#"reg query "HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Version" && dir /b %windir%\WinSxS\*servicingstack*"#,
            ),
        },
        FixStep {
            text: "Where repair itself does not start: repair the installation in place from media.",
            command: Some("setup.exe /auto upgrade /eula accept"),
        },
    ],
    links: &[Link {
        title: "Servicing stack updates",
        url: "https://learn.microsoft.com/windows/deployment/update/servicing-stack-updates",
    }],
    explains: &[
        "component-store-corrupt",
        "install-failing",
        "servicing-stack-outdated",
    ],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[(State::NotApplicable, "every Windows has a servicing stack")],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let stack = match &case.facts.servicing_stack {
        Ok(stack) => stack,
        Err(why) => return not_known(why),
    };
    match &stack.registration {
        StackRegistration::Whole { evidence } => Verdict::clear(format!(
            "The registered servicing stack{} has its folder.",
            stack
                .registered
                .as_ref()
                .map_or_else(String::new, |version| format!(" {version}"))
        ))
        .with_evidence(evidence.iter().copied()),
        StackRegistration::Empty { evidence } => Verdict::open(
            Severity::Serious,
            vec![Cause::new("nothing registered", "No version is registered")],
            "No version of the servicing stack is registered.",
        )
        .with_evidence(evidence.iter().copied()),
        StackRegistration::Dangling {
            versions,
            evidence,
            none_left,
        } => dangling(versions, *none_left).with_evidence(evidence.iter().copied()),
        StackRegistration::Unknown(why) => {
            Verdict::unknown(format!("How the stack is registered is not known: {why}."))
        }
    }
}

/// A version whose folder is gone beside one that has its own may be a left-over, so it is only a warning.
fn dangling(versions: &[String], none_left: bool) -> Verdict {
    let (severity, cause, rest) = if none_left {
        (
            Severity::Serious,
            Cause::new("no folder left", "No registered version has its folder"),
            " No other version is registered with one.",
        )
    } else {
        (
            Severity::Warning,
            Cause::new("folder missing", "A registered version has no folder"),
            " Another registered version has its folder.",
        )
    };
    Verdict::open(
        severity,
        vec![cause],
        format!(
            "The folder of servicing stack {} is missing.{rest}",
            versions.join(", ")
        ),
    )
}
