//! The list of issues, and the page of one.

use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};
use sickbay_diagnosis::verdict::{Kept, Severity};
use sickbay_web::links::List;
use sickbay_web::pages::issue::{CauseGroup, IssuePage};
use sickbay_web::pages::issues::{IssueLine, IssuesPage, by_weight};
use sickbay_web::table::{Cell, Row};
use sickbay_web::{FilterBox, Nav};

use super::words::{
    AUTO, BLOCK, CONFLICT, FEATURE, HOLD, INSTALL, QUALITY, REBOOT, SERVICES, SOURCE, TLS, TOOLS,
};
use super::{ID, Sample, ago};

const COLUMNS: [&str; 7] = [
    "state",
    "cause_labels",
    "release",
    "build",
    "ou",
    "since",
    "accepted_until",
];

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
                matching: 14,
                builds: true,
                ..FilterBox::default()
            },
            facets: self.facets(),
            causes: vec![
                group("40667045/GE24H2", "Hold 40667045 for Windows 11 24H2", 9),
                group("52754008/GE24H2", "Hold 52754008 for Windows 11 24H2", 4),
                group("41332279/NI23H2", "Hold 41332279 for Windows 11 23H2", 2),
            ],
            table: Some(self.table(Some(&HOLD), &COLUMNS, self.affected())),
            next_cursor: Some(self.say("cGMtaGFtLTEwMjE6NDI")),
            list: List {
                list: HOLD.id.to_owned(),
                filter: self.say("release:\"Windows 11*\""),
                cursor: "abc".to_owned(),
                ..List::default()
            },
            views: self.views(HOLD.id),
            trend: super::overview::past(),
            done: None,
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
        for row in page.table.iter_mut().flat_map(|table| &mut table.rows) {
            row.cells[1] = Cell::Causes(
                vec![self.cause("0x80070643 KB5034441", failed)],
                String::new(),
            );
        }
        page
    }

    pub(super) fn affected(&self) -> Vec<Row> {
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
            .map(|(place, (name, build, ou, label, age))| Row {
                id: self.say(&format!("{ID}{place}")),
                name: self.say(name),
                status: "active",
                cells: vec![
                    Cell::State(
                        match place {
                            4 => Kept::Unknown,
                            3 => Kept::Accepted,
                            _ => Kept::Open,
                        },
                        (place != 4).then_some(Severity::Serious),
                    ),
                    if place == 4 {
                        let why = "The appraiser has not run since the release changed.";
                        Cell::Causes(Vec::new(), self.say(why))
                    } else {
                        Cell::Causes(vec![self.cause(label, label)], String::new())
                    },
                    Cell::Text(self.say("Windows 11 23H2")),
                    Cell::Text(self.say(build)),
                    if ou.is_empty() {
                        Cell::Nothing
                    } else {
                        Cell::Ou(self.say(ou))
                    },
                    Cell::When(ago(*age)),
                    if place == 2 {
                        Cell::Nothing
                    } else {
                        Cell::LastDay(ago(-age / 20))
                    },
                ],
            })
            .collect()
    }

    pub(crate) fn issue_with_bad_filter(&self) -> IssuePage {
        IssuePage {
            filter: FilterBox {
                text: self.say("buildd>26100"),
                error: Some(self.say("filter, character 1: there is no field \"buildd\": write one of name, id, domain, ou, site")),
                ..FilterBox::default()
            },
            causes: Vec::new(),
            table: None,
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
        days: (0..90)
            .map(|day| (day != 30).then_some(open + (90 - day) % 9))
            .collect(),
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
