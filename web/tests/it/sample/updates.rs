//! Updates: releases and what was told, one update, and one on a device.

use sickbay_diagnosis::explanation::Class;
use sickbay_diagnosis::reading::Evidence;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};
use sickbay_web::pages::update::{
    Brings, BringsLine, ClassRow, Family, StandingRow, Teller, UpdatePage,
};
use sickbay_web::pages::update_on::{ReasonView, UpdateOnPage, WayOutView};
use sickbay_web::pages::updates::{ReleaseRow, RevisionCell, ToldRow, ToldStanding, UpdatesPage};
use sickbay_web::{FilterBox, Nav};

use super::words::REBOOT;
use super::{ID, Sample, ago};

impl Sample<'_> {
    pub(crate) fn updates(&self) -> UpdatesPage {
        let cell = |revision: &str, kb: &str, devices| RevisionCell {
            revision: self.say(revision),
            kb: if kb.is_empty() {
                String::new()
            } else {
                self.say(kb)
            },
            devices,
            released: (!kb.is_empty()).then(|| ago(20 * DAY_MS)),
        };
        let told = |kb: &str, devices, by_title, standing| ToldRow {
            kb: self.say(kb),
            of: self.say("Windows 11 25H2, Windows 11 24H2"),
            brings: self.say("26100.9457"),
            devices,
            by_title,
            since: ago(18 * DAY_MS),
            standing,
        };
        UpdatesPage {
            chrome: self.chrome("Updates", Some(Nav::Updates)),
            asked: String::new(),
            error: None,
            releases: vec![
                ReleaseRow {
                    name: self.say("Windows 11 24H2"),
                    filter: self.say("kind:client build=26100"),
                    devices: 96,
                    newest: vec![
                        cell("26100.9457", "KB5129195", 61),
                        cell("26100.9168", "KB5121003", 20),
                        cell("26100.8875", "", 7),
                    ],
                    ahead: 1,
                    others: 5,
                    unknown: 2,
                },
                ReleaseRow {
                    name: self.say("Windows Server 2022"),
                    filter: self.say("kind:server build=20348"),
                    devices: 12,
                    newest: vec![cell("20348.5631", "KB5129237", 12)],
                    ahead: 0,
                    others: 0,
                    unknown: 0,
                },
            ],
            without_release: 2,
            told: vec![
                told("KB5129195", 61, 40, ToldStanding::Believed),
                told("KB5121003", 3, 0, ToldStanding::Needs(2)),
                told("KB5099999", 9, 0, ToldStanding::Contradicted),
                told("KB5101650", 0, 0, ToldStanding::Imported),
            ],
            known: 328,
            dated: self.say("2026-09-29"),
        }
    }

    pub(crate) fn updates_not_understood(&self) -> UpdatesPage {
        UpdatesPage {
            asked: self.say("the patch of last week"),
            error: Some(self.say("this is neither an update's number nor a package's name.")),
            releases: Vec::new(),
            told: Vec::new(),
            ..self.updates()
        }
    }

    pub(crate) fn update(&self) -> UpdatePage {
        let classes = [
            (Class::Installed, 61),
            (Class::Superseded, 4),
            (Class::OtherRelease, 70),
            (Class::OtherEdition, 3),
            (Class::PrerequisiteMissing, 1),
            (Class::Paused, 12),
            (Class::Deferred, 9),
            (Class::WrongSource, 7),
            (Class::WaitingForRestart, 14),
            (Class::Failing, 5),
            (Class::Stopped, 4),
            (Class::NotScanned, 6),
            (Class::Offered, 2),
            (Class::NotOffered, 1),
            (Class::Unknown, 1),
        ];
        UpdatePage {
            chrome: self.chrome("KB5129195", Some(Nav::Updates)),
            asked: self.say("windows11.0-kb5129195-x64"),
            kb: self.say("KB5129195"),
            file: self.say("windows11.0-kb5129195-x64"),
            brings: vec![BringsLine {
                to: Family::Releases(self.say("Windows 11 25H2, Windows 11 24H2")),
                what: Brings::Revision("26100.9457".to_owned()),
                out: Some("2026-09-14".to_owned()),
                who: Teller::Fleet(Some(61)),
            }],
            catalogue: self.say("https://www.catalog.update.microsoft.com/Search.aspx?q=KB5129195"),
            classes: classes
                .into_iter()
                .map(|(class, devices)| ClassRow { class, devices })
                .collect(),
            devices: 200,
            chosen: Some(Class::Paused),
            filter: FilterBox {
                text: self.say("kind:client"),
                error: None,
                matching: 12,
                ..FilterBox::default()
            },
            rows: Class::ALL
                .iter()
                .enumerate()
                .map(|(place, class)| StandingRow {
                    id: self.say(&format!("{ID}{place}")),
                    name: self.say(&format!("LT-BER-{place:04}")),
                    release: self.say("Windows 11 24H2"),
                    build: self.say("26100.9168"),
                    ou: self.say("OU=Laptops,OU=Berlin,DC=corp,DC=example"),
                    class: *class,
                    why: self.say("Paused by the user until 2026-12-02."),
                })
                .collect(),
            next_cursor: Some(self.say("bHQtYmVyLTEyOjQy")),
            is_continued: true,
        }
    }

    pub(crate) fn update_unknown(&self) -> UpdatePage {
        UpdatePage {
            file: String::new(),
            brings: Vec::new(),
            classes: Vec::new(),
            devices: 0,
            chosen: None,
            filter: FilterBox::default(),
            rows: Vec::new(),
            next_cursor: None,
            is_continued: false,
            ..self.update()
        }
    }

    pub(crate) fn update_on(&self) -> UpdateOnPage {
        let reading = |name: &str, data: &str| Evidence {
            source: self.say("registry"),
            path: self.say(r"HKLM\SOFTWARE\Microsoft\WindowsUpdate\UX\Settings"),
            name: self.say(name),
            kind: self.say("REG_SZ"),
            data: self.say(data),
            read_at: ago(HOUR_MS).to_string(),
        };
        UpdateOnPage {
            chrome: self.chrome("KB5129195 on LT-BER-0147", Some(Nav::Updates)),
            asked: self.say("KB5129195"),
            kb: self.say("KB5129195"),
            is_for: self.say("Windows 11 25H2, Windows 11 24H2"),
            id: self.say(ID),
            name: self.say("LT-BER-0147"),
            release: self.say("Windows 11 24H2"),
            build: self.say("26100.9168"),
            arch: self.say("x64"),
            decisive: ReasonView {
                class: Class::Paused,
                sentence: self.say("Paused by the user until 2026-12-02."),
                evidence: vec![
                    reading("PauseQualityUpdatesStartTime", "2026-11-01T09:00:00Z"),
                    reading("PauseQualityUpdatesEndTime", "2026-12-02T09:00:00Z"),
                ],
            },
            rest: vec![ReasonView {
                class: Class::NotScanned,
                sentence: self.say("The device last looked for updates on 2026-10-30."),
                evidence: Vec::new(),
            }],
            primary: Some(&REBOOT),
            way_out: Some(WayOutView {
                catalogue: self
                    .say("https://www.catalog.update.microsoft.com/Search.aspx?q=KB5129195"),
                steps: vec![
                    (self.say("Download the file."), None),
                    (
                        self.say("Install it."),
                        Some(self.say("wusa windows11.0-kb5129195-x64.msu /quiet /norestart")),
                    ),
                ],
            }),
        }
    }
}
