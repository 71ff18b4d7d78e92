//! The list of issues, and the page of one.

use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};
use sickbay_diagnosis::verdict::{Kept, Severity};
use sickbay_web::pages::issue::{AffectedDevice, CauseGroup, IssuePage};
use sickbay_web::pages::issues::{IssueLine, IssuesPage, by_weight};
use sickbay_web::{FilterBox, Nav};

use super::words::{
    AUTO, BLOCK, CONFLICT, FEATURE, HOLD, INSTALL, QUALITY, REBOOT, SERVICES, SOURCE, TLS, TOOLS,
};
use super::{ID, Sample, ago};

impl Sample<'_> {
    pub(crate) fn issues(&self) -> IssuesPage {
        IssuesPage {
            chrome: self.chrome("Issues", Some(Nav::Issues)),
            issues: lines(),
            active: 200,
        }
    }

    pub(crate) fn issue(&self) -> IssuePage {
        let group = |key: &str, label: &str, devices| CauseGroup {
            cause: self.cause(key, label),
            devices,
            filter: self.say(&format!("cause:{key}")),
        };
        IssuePage {
            chrome: self.chrome(HOLD.title, Some(Nav::Issues)),
            issue: &HOLD,
            open: 14,
            serious: 14,
            unknown: 4,
            accepted: 2,
            primary: 12,
            explains: vec![&FEATURE],
            filter: FilterBox {
                text: self.say("release:\"Windows 11*\""),
                error: None,
                matching: 14,
            },
            facets: self.facets(),
            causes: vec![
                group("40667045/GE24H2", "Hold 40667045 for Windows 11 24H2", 9),
                group("52754008/GE24H2", "Hold 52754008 for Windows 11 24H2", 4),
                group("41332279/NI23H2", "Hold 41332279 for Windows 11 23H2", 2),
            ],
            devices: self.affected(),
            next_cursor: Some(self.say("cGMtaGFtLTEwMjE6NDI")),
            is_continued: true,
        }
    }

    pub(crate) fn issue_of_codes(&self) -> IssuePage {
        let failed = "KB5034441: 0x80070643 (ERROR_INSTALL_FAILURE: the installer failed)";
        let mut page = self.issue();
        page.chrome = self.chrome(INSTALL.title, Some(Nav::Issues));
        page.issue = &INSTALL;
        page.causes = vec![CauseGroup {
            cause: self.cause("0x80070643 KB5034441", failed),
            devices: 14,
            filter: self.say("cause:\"0x80070643 KB5034441\""),
        }];
        for device in &mut page.devices {
            device.causes = vec![self.cause("0x80070643 KB5034441", failed)];
        }
        page
    }

    pub(super) fn affected(&self) -> Vec<AffectedDevice> {
        let rows: [(&str, &str, &str, &str, i64); 5] = [
            (
                "LT-BER-0147",
                "22631.4317",
                "OU=Laptops,OU=Berlin,DC=corp,DC=example",
                "Hold 40667045 for Windows 11 24H2",
                20_000,
            ),
            (
                "LT-BER-0152",
                "22631.4317",
                "OU=Laptops,OU=Berlin,DC=corp,DC=example",
                "Hold 40667045 for Windows 11 24H2",
                3 * HOUR_MS,
            ),
            (
                "PC-HAM-1021",
                "22631.4169",
                "OU=Workstations,OU=Hamburg,DC=corp,DC=example",
                "Hold 52754008 for Windows 11 24H2",
                9 * DAY_MS,
            ),
            (
                "PC-MUC-0033",
                "22621.4317",
                "OU=Design,OU=Workstations,OU=Munich,DC=corp,DC=example",
                "Hold 41332279 for Windows 11 23H2",
                21 * DAY_MS,
            ),
            (
                "KIOSK-09",
                "22631.3880",
                "",
                "Hold 40667045 for Windows 11 24H2",
                70 * DAY_MS,
            ),
        ];
        rows.iter()
            .enumerate()
            .map(|(place, (name, build, ou, label, age))| AffectedDevice {
                id: self.say(&format!("{ID}{place}")),
                name: self.say(name),
                release: self.say("Windows 11 23H2"),
                build: self.say(build),
                ou: if ou.is_empty() {
                    String::new()
                } else {
                    self.say(ou)
                },
                state: match place {
                    4 => Kept::Unknown,
                    3 => Kept::Accepted,
                    _ => Kept::Open,
                },
                accepted_until: (place == 3).then(|| ago(-20 * DAY_MS)),
                severity: (place != 4).then_some(if place == 3 {
                    Severity::Warning
                } else {
                    Severity::Serious
                }),
                causes: if place == 4 {
                    Vec::new()
                } else {
                    vec![self.cause(label, label)]
                },
                summary: self.say("The appraiser has not run since the release changed."),
                since: ago(*age),
                last_seen_at: (place != 2).then(|| ago(age / 20)),
            })
            .collect()
    }

    pub(crate) fn issue_with_bad_filter(&self) -> IssuePage {
        IssuePage {
            filter: FilterBox {
                text: self.say("buildd>26100"),
                error: Some(self.say("filter, character 1: there is no field \"buildd\": write one of name, id, domain, ou, site")),
                matching: 0,
            },
            causes: Vec::new(),
            devices: Vec::new(),
            next_cursor: None,
            ..self.issue()
        }
    }
}

pub(super) fn lines() -> Vec<IssueLine> {
    let line = |issue, open, serious, unknown: u64, primary| IssueLine {
        issue,
        open,
        serious,
        unknown,
        accepted: unknown / 2,
        primary_on: Some(primary),
    };
    let mut lines = vec![
        line(&HOLD, 14, 14, 4, 12),
        line(&SOURCE, 11, 11, 0, 10),
        line(&SERVICES, 6, 6, 0, 6),
        line(&QUALITY, 3, 3, 1, 0),
        line(&FEATURE, 21, 0, 1, 9),
        line(&REBOOT, 38, 7, 0, 22),
        line(&TOOLS, 17, 0, 6, 4),
        line(&TLS, 24, 0, 0, 2),
        line(&AUTO, 0, 0, 0, 0),
        line(&CONFLICT, 0, 0, 2, 0),
        line(&BLOCK, 0, 0, 5, 0),
    ];
    by_weight(&mut lines);
    lines
}
