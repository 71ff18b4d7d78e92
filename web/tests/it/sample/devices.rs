//! The list of devices.

use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::time::MINUTE_MS;
use sickbay_web::links::List;
use sickbay_web::pages::devices::DevicesPage;
use sickbay_web::table::{Asked, Cell, Choice, DeviceTable, Direction, Head, Row, Selection};
use sickbay_web::views::{View, Views};
use sickbay_web::{FilterBox, Nav, Zone};

use super::words::{HOLD, SERVICES, TLS};
use super::{ID, Sample, ago, now};

const COLUMNS: [&str; 9] = [
    "standing",
    "open_findings",
    "unknown_findings",
    "primary_issue",
    "release",
    "build",
    "ou",
    "last_seen_at",
    "tags",
];

/// Name, release, build, primary cause, open, serious, unknown, whether it ever reported.
type DeviceRow = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u32,
    u32,
    u32,
    bool,
);

impl Sample<'_> {
    pub(crate) fn devices(&self) -> DevicesPage {
        let rows: [DeviceRow; 8] = [
            (
                "DC-01",
                "Windows Server 2022",
                "20348.2762",
                "",
                0,
                0,
                0,
                true,
            ),
            (
                "KIOSK-09",
                "Windows 10 22H2",
                "19045.4957",
                "",
                0,
                0,
                3,
                true,
            ),
            (
                "LT-BER-0147",
                "Windows 11 23H2",
                "22631.4317",
                HOLD.title,
                2,
                2,
                0,
                true,
            ),
            (
                "LT-BER-0152",
                "Windows 11 23H2",
                "22631.4317",
                HOLD.title,
                1,
                1,
                1,
                true,
            ),
            ("LT-BER-0160", "", "", "", 0, 0, 0, false),
            (
                "PC-HAM-1021",
                "Windows 11 24H2",
                "26100.2033",
                TLS.title,
                1,
                0,
                0,
                true,
            ),
            (
                "PC-MUC-0033",
                "Windows 11 24H2",
                "26100.2033",
                "",
                0,
                0,
                0,
                true,
            ),
            (
                "SRV-SQL-02",
                "Windows Server 2019",
                "17763.6414",
                SERVICES.title,
                3,
                1,
                0,
                true,
            ),
        ];
        let rows = rows
            .iter()
            .enumerate()
            .map(|(place, row)| self.device_row(place, row));
        let list = List {
            list: "devices".to_owned(),
            sort: "-open_findings".to_owned(),
            ..List::default()
        };
        DevicesPage {
            chrome: self.chrome("Devices", Some(Nav::Devices)),
            filter: FilterBox {
                matching: 200,
                values: vec![self.say("Windows 11 24H2")],
                conditions: vec![(self.say("tag:pilot"), "/devices".to_owned())],
                kept: list.kept(),
                builds: true,
                ..FilterBox::default()
            },
            views: self.views("devices"),
            facets: self.facets(),
            table: Some(DeviceTable {
                selection: Some(Selection {
                    csrf: self.say("0f3a9c1db2"),
                    filter: String::new(),
                    inspects: true,
                    accepts: false,
                }),
                ..self.table(None, &COLUMNS, rows.collect())
            }),
            list,
            next_cursor: Some(self.say("c3J2LXNxbC0wMjo3Nw")),
            done: None,
        }
    }

    pub(super) fn table(
        &self,
        issue: Option<&'static Issue>,
        columns: &[&'static str],
        rows: Vec<Row>,
    ) -> DeviceTable {
        DeviceTable {
            issue,
            heads: std::iter::once(&"name")
                .chain(columns)
                .map(|name| Head {
                    name,
                    sort: (*name != "last_seen_at").then(|| format!("/devices?sort={name}")),
                    ordered: (*name == "open_findings").then_some(Direction::Descending),
                })
                .collect(),
            choices: columns
                .iter()
                .map(|name| Choice { name, shown: true })
                .collect(),
            action: "/devices".to_owned(),
            kept: vec![("filter", self.say("tag:pilot"))],
            rows,
            now: now(),
            zone: Zone::UTC,
            matching: 200,
            selection: None,
        }
    }

    pub(super) fn views(&self, list: &str) -> Views {
        Views {
            views: self.some_views(),
            list: List {
                list: list.to_owned(),
                filter: self.say("tag:pilot"),
                ..List::default()
            },
            csrf: self.say("0f3a9c1db2"),
        }
    }

    pub(super) fn some_views(&self) -> Vec<View> {
        vec![
            View {
                id: "0192".to_owned(),
                name: self.say("Pilots in Berlin"),
                href: "/devices?filter=tag%3Apilot".to_owned(),
                by: None,
                shared: true,
                removable: true,
            },
            View {
                id: "0193".to_owned(),
                name: self.say("Kiosks"),
                href: "/devices?filter=ou%3A%2AKiosks%2A".to_owned(),
                by: Some(self.say("anna")),
                shared: true,
                removable: false,
            },
        ]
    }

    fn device_row(
        &self,
        place: usize,
        &(name, release, build, primary, open, serious, unknown, has_reported): &DeviceRow,
    ) -> Row {
        let filled = |text: &str| {
            if text.is_empty() {
                Cell::Nothing
            } else {
                Cell::Text(self.say(text))
            }
        };
        let standing = match (has_reported, serious, open, unknown) {
            (false, ..) => "never-reported",
            (_, 1.., _, _) => "serious",
            (_, _, 1.., _) => "warning",
            (_, _, _, 1..) => "unknown",
            _ => "healthy",
        };
        Row {
            id: self.say(&format!("{ID}{place}")),
            name: self.say(name),
            status: if place == 5 { "retired" } else { "active" },
            cells: vec![
                Cell::Standing(standing),
                Cell::Number(open.into()),
                Cell::Number(unknown.into()),
                filled(primary),
                filled(release),
                filled(build),
                if place == 1 {
                    Cell::Nothing
                } else {
                    Cell::Ou(self.say("OU=Laptops,OU=Berlin,DC=corp,DC=example"))
                },
                if has_reported {
                    Cell::When(ago(place as i64 * 47 * MINUTE_MS))
                } else {
                    Cell::Nothing
                },
                if place.is_multiple_of(3) {
                    Cell::Texts(vec![self.say("pilot")])
                } else {
                    Cell::Nothing
                },
            ],
        }
    }

    pub(crate) fn no_devices(&self) -> DevicesPage {
        DevicesPage {
            filter: FilterBox {
                text: self.say("name:NOWHERE-*"),
                ..FilterBox::default()
            },
            facets: sickbay_web::facets::Facets::default(),
            table: None,
            next_cursor: None,
            done: Some(Asked {
                asked: 1,
                not_connected: 0,
            }),
            ..self.devices()
        }
    }
}
