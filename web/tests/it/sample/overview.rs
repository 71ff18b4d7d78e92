//! The overview, of a running and of a fresh server.

use sickbay_diagnosis::expectation::{ExpectedSource, UpdateClass, UpdateSource};
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::time::{HOUR_MS, MINUTE_MS};
use sickbay_diagnosis::verdict::State;
use sickbay_web::chart::{Band, Chart, Difference, Series, Subject};
use sickbay_web::pages::expectations::{ProvisionalLine, Whose};
use sickbay_web::pages::overview::{
    Change, Count, FirstSteps, FleetHealth, OverviewPage, ReleaseShare, RevisionShare, Revisions,
    Silence, SourceShare, Unheard,
};
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
            past: past(),
            unheard: vec![Unheard {
                who: Silence::NeverEnrolled,
                devices: 4,
                href: "/issues/never-enrolled".to_owned(),
                difference: Difference {
                    now: 4,
                    yesterday: Some(6),
                    week: Some(3),
                },
            }],
            releases: self.releases(),
            sources: vec![SourceShare {
                source: ExpectedSource {
                    source: UpdateSource::Wsus,
                    server: Some(self.say("https://wsus01.corp.example:8531")),
                },
                devices: 150,
                href: "/devices?filter=source%3Awsus%2A".to_owned(),
            }],
            views: self.some_views(),
            issues: lines(),
            changes: self.changes(),
            provisional: vec![ProvisionalLine {
                whose: Whose::Clients,
                sources: vec![self.wsus(UpdateClass::Quality, "https://wsus01.corp.example:8531")],
            }],
            first_steps: FirstSteps::default(),
        }
    }

    fn releases(&self) -> Vec<ReleaseShare> {
        let share = |of, devices| RevisionShare {
            of,
            devices,
            href: "/devices?filter=build%3D26100".to_owned(),
        };
        let one = |revision: &str, devices| share(Revisions::One(self.say(revision)), devices);
        vec![ReleaseShare {
            name: self.say("Windows 11 24H2"),
            devices: 140,
            href: "/devices?filter=build%3D26100".to_owned(),
            shares: vec![one("26100.7171", 90), one("26100.6899", 30)],
            others: share(Revisions::Older, 15),
            unknown: share(Revisions::Unknown, 5),
        }]
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
            past: Chart::default(),
            unheard: Vec::new(),
            releases: Vec::new(),
            sources: Vec::new(),
            views: Vec::new(),
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

/// Ninety days in which some were not counted.
pub(super) fn past() -> Chart {
    let days: u64 = 90;
    let band = |of, count: fn(u64) -> u64| Band {
        of,
        values: (0..days)
            .map(|day| (!(40..43).contains(&day)).then(|| count(day)))
            .collect(),
    };
    Chart {
        of: Subject::Fleet,
        days: (0..days)
            .map(|day| format!("2026-{:02}-{:02}", 8 + day / 30, 1 + day % 30))
            .collect(),
        bands: vec![
            band(Series::Serious, |day| 60 - day / 3),
            band(Series::Warning, |day| 40 + day % 7),
            band(Series::Unknown, |_| 9),
            band(Series::Healthy, |day| 80 + day / 3),
        ],
        region: sickbay_web::region::OVERVIEW.to_owned(),
    }
}
