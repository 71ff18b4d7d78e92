//! Issues as samples tell of them: titles and ids of the catalogue, one text for all.

use sickbay_diagnosis::issue::{FixStep, Issue, Link, Teller};
use sickbay_diagnosis::verdict::{Severity, Verdict};

macro_rules! issue {
    ($name:ident, $id:literal, $title:literal, $severity:ident, $groups:literal, $explains:expr) => {
        pub(in crate::sample) static $name: Issue = Issue {
            id: $id,
            title: $title,
            meaning: "Windows is told not to offer this update here. Until that changes the device stays on the release it runs, \
                      and monthly updates for that release go on arriving only while the release is in service.",
            severity: Severity::$severity,
            groups_by: $groups,
            fix: &[
                FixStep {
                    text: "Look up what the device itself reports.",
                    command: Some(
                        r#"reg query "HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\AppCompatFlags\TargetVersionUpgradeExperienceIndicators" /s"#,
                    ),
                },
                FixStep {
                    text: "Remove what blocks it, then let the device look for updates.",
                    command: Some("UsoClient StartInteractiveScan"),
                },
                FixStep {
                    text: "Sickbay notices by itself within minutes; nothing needs to be confirmed here.",
                    command: None,
                },
            ],
            links: &[Link {
                title: "Windows release health",
                url: "https://learn.microsoft.com/windows/release-health/",
            }],
            explains: $explains,
            told_by: Teller::Device,
            says_managed_elsewhere: false,
            never: &[],
            decide: |_| Verdict::clear("not decided in samples"),
        };
    };
}

issue!(
    HOLD,
    "safeguard-hold",
    "Blocked by a safeguard hold",
    Serious,
    "hold id and target release",
    &["feature-updates-paused"]
);
issue!(
    SOURCE,
    "wrong-scan-source",
    "Updates come from the wrong source",
    Serious,
    "class and actual source",
    &["update-health-tools-missing"]
);
issue!(
    SERVICES,
    "update-services-disabled",
    "Update services are disabled",
    Serious,
    "service",
    &[]
);
issue!(
    QUALITY,
    "quality-updates-paused",
    "Quality updates are paused",
    Serious,
    "who paused and until when",
    &[]
);
issue!(
    FEATURE,
    "feature-updates-paused",
    "Feature updates are paused",
    Warning,
    "who paused and until when",
    &[]
);
issue!(
    REBOOT,
    "pending-reboot",
    "A restart is pending",
    Serious,
    "signal",
    &[]
);
issue!(
    TOOLS,
    "update-health-tools-missing",
    "Update Health Tools are missing",
    Warning,
    "state and version",
    &[]
);
issue!(
    TLS,
    "wsus-without-tls",
    "WSUS is reached without TLS",
    Warning,
    "WSUS address",
    &[]
);
issue!(
    AUTO,
    "automatic-updates-disabled",
    "Automatic updates are disabled",
    Serious,
    "deciding value",
    &[]
);
issue!(
    CONFLICT,
    "scan-source-conflict",
    "Policies contradict each other",
    Warning,
    "contradicting values",
    &[]
);
issue!(
    INSTALL,
    "install-failing",
    "Installing updates fails",
    Serious,
    "error code and update",
    &[]
);
issue!(
    BLOCK,
    "upgrade-blocked",
    "Hardware or software blocks the upgrade",
    Serious,
    "reason and target",
    &[]
);
