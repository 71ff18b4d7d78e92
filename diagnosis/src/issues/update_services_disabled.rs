//! `update-services-disabled` (fact sheet sections 3 and 13).

use super::{device_evidence, not_known};
use crate::facts::Windows;
use crate::facts::services::{Service, ServicesFacts, StartType};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::knowledge::DeviceKind;
use crate::verdict::{Cause, Severity, State, Verdict};

/// A service that updating needs is disabled or gone.
pub(super) const ISSUE: Issue = Issue {
    id: "update-services-disabled",
    title: "A service that updating needs is disabled",
    meaning: "Windows Update rests on several services. One that is disabled, or was removed, cannot start when it is needed, and \
              updates fail or are never looked for. Tools that clean up Windows often do this. That a service is stopped is normal.",
    severity: Severity::Serious,
    groups_by: "service",
    fix: &[
        FixStep {
            text: "Windows Update: back to manual.",
            command: Some("sc config wuauserv start= demand"),
        },
        FixStep {
            text: "Update Orchestrator: back to automatic, delayed.",
            command: Some("sc config UsoSvc start= delayed-auto"),
        },
        FixStep {
            text: "Background transfer: back to automatic, delayed.",
            command: Some("sc config bits start= delayed-auto"),
        },
        FixStep {
            text: "Cryptographic services: back to automatic.",
            command: Some("sc config cryptsvc start= auto"),
        },
        FixStep {
            text: "Windows Modules Installer: back to manual.",
            command: Some("sc config TrustedInstaller start= demand"),
        },
        FixStep {
            text: "Delivery Optimization: back to automatic, delayed.",
            command: Some("sc config DoSvc start= delayed-auto"),
        },
        FixStep {
            text: "Remove the policy or tool that disabled it, or it will do so again.",
            command: Some("gpresult /scope computer /h gpresult.html"),
        },
    ],
    links: &[Link {
        title: "Windows Update issues troubleshooting",
        url: "https://learn.microsoft.com/troubleshoot/windows-client/installing-updates-features-roles/windows-update-issues-troubleshooting",
    }],
    explains: &[
        "scan-stale",
        "download-failing",
        "install-failing",
        "pending-reboot",
        "update-health-tools-missing",
    ],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[(
        State::NotApplicable,
        "every Windows needs some of these services",
    )],
    decide,
};

/// A service and the releases that need it.
struct Needed {
    name: &'static str,
    /// First and last build.
    builds: (u32, u32),
    /// Whether servers need it too.
    on_servers: bool,
}

const WINDOWS_10: u32 = 10240;
const ANY: (u32, u32) = (0, u32::MAX);
const FROM_10: (u32, u32) = (WINDOWS_10, u32::MAX);

const NEEDED: &[Needed] = &[
    needed("wuauserv", ANY),
    needed("BITS", ANY),
    needed("CryptSvc", ANY),
    needed("TrustedInstaller", ANY),
    needed("UsoSvc", FROM_10),
    needed("DoSvc", FROM_10),
    // Without it 1709 and 1803 are never offered a feature update.
    Needed {
        name: "wlidsvc",
        builds: (16299, 17134),
        on_servers: false,
    },
];

const fn needed(name: &'static str, builds: (u32, u32)) -> Needed {
    Needed {
        name,
        builds,
        on_servers: true,
    }
}

impl Needed {
    /// Whether the device needs it; `None` where the release is not known and decides.
    fn by(&self, windows: Windows) -> Option<bool> {
        let (first, last) = self.builds;
        let by_build = match windows.build {
            Some(build) => Some((first..=last).contains(&build)),
            None if self.builds == ANY => Some(true),
            None => None,
        };
        let by_kind = match windows.kind {
            Some(DeviceKind::Server) => Some(self.on_servers),
            Some(DeviceKind::Client) => Some(true),
            None => self.on_servers.then_some(true),
        };
        match (by_build, by_kind) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}

fn decide(case: &Case<'_>) -> Verdict {
    let facts = match &case.facts.services {
        Ok(facts) => facts,
        Err(why) => return not_known(why),
    };
    let mut found = Found {
        good: Vec::with_capacity(NEEDED.len()),
        ..Found::default()
    };
    for needed in NEEDED {
        if let Some(service) = facts.get(needed.name) {
            found.add(service, needed.by(case.facts.windows()), facts);
        }
    }
    found.verdict().with_evidence(device_evidence(case))
}

#[derive(Default)]
struct Found<'a> {
    broken: Vec<(&'a Service, &'static str)>,
    unclear: Vec<(&'a Service, String)>,
    good: Vec<&'a Service>,
}

impl<'a> Found<'a> {
    /// Sorts one service. A service of newer releases that is there tells by itself that the release has it.
    fn add(&mut self, service: &'a Service, needed: Option<bool>, facts: &ServicesFacts) {
        match (&service.start, needed) {
            (_, Some(false)) | (StartType::Absent | StartType::Unknown(_), None) => {}
            (StartType::Disabled, Some(true)) => self.broken.push((service, "disabled")),
            (StartType::Disabled, None) if service.name == "wlidsvc" => {}
            (StartType::Disabled, None) => self.broken.push((service, "disabled")),
            (StartType::Absent, Some(true)) if facts.list_is_whole => {
                self.broken.push((service, "missing"));
            }
            (StartType::Absent, Some(true)) => self.unclear.push((
                service,
                "it is not there, but neither is a service that every Windows has, so the list is not whole".to_owned(),
            )),
            (StartType::Unknown(why), Some(true)) => self.unclear.push((service, why.clone())),
            (StartType::Auto | StartType::Manual, _) => self.good.push(service),
        }
    }

    fn verdict(&self) -> Verdict {
        if !self.broken.is_empty() {
            let causes = self
                .broken
                .iter()
                .map(|(s, how)| {
                    Cause::new(format!("{} {how}", s.name), format!("{} is {how}", s.name))
                })
                .collect();
            let parts: Vec<String> = self
                .broken
                .iter()
                .map(|(s, how)| format!("{} is {how}", s.name))
                .collect();
            let evidence = self
                .broken
                .iter()
                .flat_map(|(s, _)| s.evidence.iter().copied());
            return Verdict::open(ISSUE.severity, causes, format!("{}.", parts.join(", ")))
                .with_evidence(evidence);
        }
        if !self.unclear.is_empty() {
            let parts: Vec<String> = self
                .unclear
                .iter()
                .map(|(s, why)| format!("{}: {why}", s.name))
                .collect();
            let evidence = self
                .unclear
                .iter()
                .flat_map(|(s, _)| s.evidence.iter().copied());
            return Verdict::unknown(format!("Not known of every service. {}.", parts.join("; ")))
                .with_evidence(evidence);
        }
        let evidence = self.good.iter().flat_map(|s| s.evidence.iter().copied());
        Verdict::clear("No service that updating needs is disabled.").with_evidence(evidence)
    }
}
