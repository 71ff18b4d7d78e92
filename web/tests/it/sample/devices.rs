//! The list of devices.

use sickbay_diagnosis::time::MINUTE_MS;
use sickbay_web::pages::devices::{DeviceLine, DevicesPage};
use sickbay_web::{FilterBox, Nav};

use super::words::{HOLD, SERVICES, TLS};
use super::{ID, Sample, ago};

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
        DevicesPage {
            chrome: self.chrome("Devices", Some(Nav::Devices)),
            filter: FilterBox {
                text: String::new(),
                error: None,
                matching: 200,
            },
            facets: self.facets(),
            devices: rows
                .iter()
                .enumerate()
                .map(|(place, row)| self.device_line(place, row))
                .collect(),
            next_cursor: Some(self.say("c3J2LXNxbC0wMjo3Nw")),
            is_continued: false,
        }
    }

    pub(super) fn device_line(
        &self,
        place: usize,
        &(name, release, build, primary, open, serious, unknown, has_reported): &DeviceRow,
    ) -> DeviceLine {
        let filled = |text: &str| {
            if text.is_empty() {
                String::new()
            } else {
                self.say(text)
            }
        };
        DeviceLine {
            id: self.say(&format!("{ID}{place}")),
            name: self.say(name),
            status: if place == 5 { "retired" } else { "active" }.to_owned(),
            release: filled(release),
            build: filled(build),
            domain: self.say("corp.example"),
            ou: if place == 1 {
                String::new()
            } else {
                self.say("OU=Laptops,OU=Berlin,DC=corp,DC=example")
            },
            tags: if place.is_multiple_of(3) {
                vec![self.say("pilot")]
            } else {
                Vec::new()
            },
            primary: filled(primary),
            open,
            serious,
            unknown,
            last_seen_at: has_reported.then(|| ago(place as i64 * 47 * MINUTE_MS)),
            has_reported,
        }
    }

    pub(crate) fn no_devices(&self) -> DevicesPage {
        DevicesPage {
            filter: FilterBox {
                text: self.say("name:NOWHERE-*"),
                error: None,
                matching: 0,
            },
            facets: sickbay_web::facets::Facets::default(),
            devices: Vec::new(),
            next_cursor: None,
            ..self.devices()
        }
    }
}
