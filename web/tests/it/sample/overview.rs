//! The overview, of a running and of a fresh server.

use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::time::{HOUR_MS, MINUTE_MS};
use sickbay_diagnosis::verdict::State;
use sickbay_web::pages::expectations::ProvisionalLine;
use sickbay_web::pages::overview::{Change, Count, FirstSteps, FleetHealth, OverviewPage};
use sickbay_web::{Chrome, Nav};

use super::issues::lines;
use super::words::{BLOCK, HOLD, QUALITY, REBOOT, SERVICES, SOURCE};
use super::{ID, Sample, ago};

impl Sample<'_> {
    pub(crate) fn overview(&self) -> OverviewPage {
        let count = |devices, filter: &str| Count {
            devices,
            filter: Some(filter.to_owned()),
        };
        OverviewPage {
            chrome: self.chrome("Fleet", Some(Nav::Overview)),
            fleet: FleetHealth {
                serious: count(31, "state:open"),
                warning: count(46, "state:open"),
                unknown: count(9, "state:unknown -state:open"),
                healthy: count(112, "-state:open -state:unknown"),
                never_reported: Count {
                    devices: 2,
                    filter: None,
                },
                pending: 3,
            },
            issues: lines(),
            changes: self.changes(),
            provisional: vec![ProvisionalLine {
                whose: self.say("Clients"),
                sources: vec![(
                    "quality updates".to_owned(),
                    self.say("WSUS https://wsus01.corp.example:8531"),
                )],
            }],
            first_steps: FirstSteps::default(),
        }
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        let rows: [(i64, &str, &'static Issue, State, State, &str); 6] = [
            (
                20_000,
                "LT-BER-0147",
                &HOLD,
                State::Clear,
                State::Open,
                "Hold 40667045 keeps Windows 11 24H2 from being offered.",
            ),
            (
                4 * MINUTE_MS,
                "LT-BER-0147",
                &REBOOT,
                State::Clear,
                State::Open,
                "A restart is pending for an update since 12 minutes.",
            ),
            (
                11 * MINUTE_MS,
                "SRV-SQL-02",
                &SERVICES,
                State::Open,
                State::Clear,
                "Every service that updating needs can start.",
            ),
            (
                38 * MINUTE_MS,
                "PC-HAM-1021",
                &SOURCE,
                State::Unknown,
                State::Open,
                "Quality updates come from Windows Update instead of WSUS.",
            ),
            (
                2 * HOUR_MS,
                "PC-MUC-0033",
                &QUALITY,
                State::Open,
                State::Clear,
                "The pause ended on 2026-11-23.",
            ),
            (
                5 * HOUR_MS,
                "KIOSK-09",
                &BLOCK,
                State::Clear,
                State::Unknown,
                "The appraiser has not run since the release changed.",
            ),
        ];
        rows.into_iter()
            .map(|(age, name, issue, from, to, summary)| Change {
                at: ago(age),
                device_id: self.say(ID),
                device_name: self.say(name),
                issue,
                from,
                to,
                summary: self.say(summary),
            })
            .collect()
    }

    pub(crate) fn fresh(&self) -> OverviewPage {
        OverviewPage {
            fleet: FleetHealth::default(),
            issues: Vec::new(),
            changes: Vec::new(),
            provisional: Vec::new(),
            first_steps: FirstSteps {
                token_command: self.say("sickbay-server token create --name first"),
                enrol_command: self.say(
                    "sickbay-collector enrol --server sickbay.corp.example:7443 --token TOKEN",
                ),
                collector_address: self.say("sickbay.corp.example:7443"),
                ca_pin: self
                    .say("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
            },
            chrome: Chrome {
                pending: 0,
                ..self.chrome("Fleet", Some(Nav::Overview))
            },
        }
    }
}
