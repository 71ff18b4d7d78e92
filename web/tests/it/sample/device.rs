//! The page of a device.

use sickbay_diagnosis::facts::update_log::Became;
use sickbay_diagnosis::facts::updates::PackageState;
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::reading::Evidence;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use sickbay_diagnosis::verdict::{Severity, State};
use sickbay_web::Nav;
use sickbay_web::pages::device::{
    CollectorHealth, DevicePage, FactGroup, HistoryLine, Identity, Looked, RecordLine, Stage,
    Story, UpdateLine, Updates, VerdictView,
};

use super::words::{AUTO, FEATURE, HOLD, QUALITY, REBOOT, SERVICES, SOURCE, TLS, TOOLS};
use super::{ID, Sample, ago};

impl Sample<'_> {
    pub(super) fn evidence(&self, path: &str, name: &str, kind: &str, data: &str) -> Evidence {
        Evidence {
            source: "registry".to_owned(),
            path: self.say(path),
            name: if name.is_empty() {
                String::new()
            } else {
                self.say(name)
            },
            kind: kind.to_owned(),
            data: if data.is_empty() {
                String::new()
            } else {
                self.say(data)
            },
            read_at: ago(6 * MINUTE_MS).to_string(),
        }
    }

    pub(super) fn verdict(
        &self,
        issue: &'static Issue,
        summary: &str,
        evidence: Vec<Evidence>,
    ) -> VerdictView {
        VerdictView {
            issue,
            severity: None,
            summary: self.say(summary),
            causes: Vec::new(),
            since: None,
            accepted_until: None,
            valid_until: None,
            evidence,
        }
    }

    pub(super) fn open_verdicts(&self) -> Vec<VerdictView> {
        let target = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\AppCompatFlags\TargetVersionUpgradeExperienceIndicators\GE24H2";
        vec![
            VerdictView {
                severity: Some(Severity::Serious),
                causes: vec![self.cause("40667045/GE24H2", "Hold 40667045 for Windows 11 24H2")],
                since: Some(ago(9 * DAY_MS)),
                ..self.verdict(
                    &HOLD,
                    "Hold 40667045 keeps Windows 11 24H2 from being offered.",
                    vec![
                        self.evidence(target, "GatedBlockId", "REG_MULTI_SZ", "40667045\n52754008"),
                        self.evidence(target, "UpgEx", "REG_SZ", "Orange"),
                        self.evidence(r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate", "DisableWUfBSafeguards", "absent", ""),
                    ],
                )
            },
            VerdictView {
                severity: Some(Severity::Warning),
                causes: vec![
                    self.cause("cbs", "Component based servicing"),
                    self.cause("wu", "Windows Update"),
                ],
                since: Some(ago(2 * DAY_MS)),
                valid_until: Some(ago(-5 * DAY_MS)),
                ..self.verdict(
                    &REBOOT,
                    "A restart has been pending since 2026-11-21 for an update.",
                    vec![
                        self.evidence(r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending", "", "key", "exists, last written 2026-11-21T06:14:00Z"),
                        self.evidence(r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager", "PendingFileRenameOperations", "REG_MULTI_SZ", "\\??\\C:\\Windows\\Temp\\a.tmp\n\n\\??\\C:\\Windows\\Temp\\b.tmp"),
                    ],
                )
            },
            VerdictView {
                severity: Some(Severity::Warning),
                causes: vec![self.cause("user/2026-12-05", "Paused by a user until 2026-12-05")],
                since: Some(ago(2 * DAY_MS)),
                valid_until: Some(ago(-12 * DAY_MS)),
                ..self.verdict(
                    &FEATURE,
                    "A user paused feature updates until 2026-12-05.",
                    vec![self.evidence(r"HKLM\SOFTWARE\Microsoft\WindowsUpdate\UX\Settings", "PauseFeatureUpdatesEndTime", "REG_SZ", "2026-12-05T09:14:27Z")],
                )
            },
        ]
    }

    pub(crate) fn device(&self) -> DevicePage {
        let au = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU";
        DevicePage {
            chrome: self.chrome("LT-BER-0147", Some(Nav::Devices)),
            connected: true,
            may_inspect: true,
            looked: Some(Looked::Asked(ago(20_000))),
            identity: Identity {
                id: self.say(ID),
                name: self.say("LT-BER-0147"),
                status: "active".to_owned(),
                kind: "client".to_owned(),
                release: self.say("Windows 11 23H2"),
                build: self.say("22631.4317"),
                edition: self.say("Enterprise"),
                arch: self.say("x64"),
                domain: self.say("corp.example"),
                ou: self.say("OU=Laptops,OU=Berlin,DC=corp,DC=example"),
                site: self.say("Berlin-HQ"),
                tags: vec![self.say("pilot"), self.say("field")],
            },
            primary: Some(&HOLD),
            open: self.open_verdicts(),
            unknown: vec![VerdictView {
                since: Some(ago(3 * HOUR_MS)),
                ..self.verdict(
                    &TOOLS,
                    "The list of installed programs could not be read: access denied.",
                    vec![self.evidence(
                        r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall",
                        "",
                        "unreadable",
                        "access denied (error 5)",
                    )],
                )
            }],
            clear: vec![
                self.verdict(
                    &AUTO,
                    "Automatic updates are on.",
                    vec![self.evidence(au, "NoAutoUpdate", "REG_DWORD", "0")],
                ),
                self.verdict(
                    &SERVICES,
                    "Every service that updating needs can start.",
                    Vec::new(),
                ),
                self.verdict(
                    &SOURCE,
                    "Every class comes from where it should.",
                    vec![self.evidence(au, "UseWUServer", "REG_DWORD", "1")],
                ),
            ],
            not_applicable: vec![self.verdict(&TLS, "No WSUS server is set.", Vec::new())],
            facts: self.facts(),
            history: self.history(),
            updates: self.updates_and_failures(),
            history_before: Some(4711),
            story: Story {
                stage: Stage::Renamed {
                    on: ago(DAY_MS),
                    before: self.say("it was lt-ber-0157"),
                },
                other: Some((ID.to_owned(), self.say("LT-BER-0158"))),
                record: vec![
                    RecordLine {
                        at: ago(DAY_MS),
                        action: "renamed".to_owned(),
                        actor: self.say("the device"),
                        detail: self.say("it was lt-ber-0157"),
                    },
                    RecordLine {
                        at: ago(80 * DAY_MS),
                        action: "enrolled".to_owned(),
                        actor: self.say("enrolment token \"GPO\""),
                        detail: String::new(),
                    },
                ],
            },
            health: CollectorHealth {
                version: self.say("0.1.0"),
                last_seen_at: Some(ago(40_000)),
                last_report_at: Some(ago(6 * MINUTE_MS)),
                confirmed_at: Some(ago(6 * MINUTE_MS)),
                enrolled_at: Some(ago(80 * DAY_MS)),
                certificate_not_after: Some(ago(-6 * DAY_MS)),
            },
        }
    }

    fn updates_and_failures(&self) -> Updates {
        let line = |place: i64, what, title: &str| UpdateLine {
            at: Some(ago(place * DAY_MS)),
            what,
            title: Some(self.say(title)),
            kb: Some("KB5070001".to_owned()),
            code: None,
            meaning: None,
            of_the_store: false,
            times: 1,
            since: None,
            told_by: self.say("event 19 of System"),
            evidence: vec![self.evidence("System", "4711", "REG_MULTI_SZ", "id=19")],
        };
        let failed = UpdateLine {
            times: 7,
            since: Some(ago(6 * DAY_MS)),
            code: Some(self.say("0x800F081F")),
            meaning: Some(
                self.say("CBS_E_SOURCE_MISSING: the files to repair from were not found"),
            ),
            ..line(
                1,
                Became::InstallFailed,
                "2026-11 Cumulative Update (KB5070001)",
            )
        };
        let nameless = UpdateLine {
            at: None,
            title: None,
            kb: None,
            code: Some(self.say("0x80F00BAA")),
            ..line(1, Became::ScanFailed, "")
        };
        let settled = (2..9).map(|place| line(place, Became::Installed, "Defender (KB2267602)"));
        let stuck = Became::Unsettled(PackageState::PartiallyInstalled);
        Updates {
            lines: [failed, line(1, stuck, "Package_for_RollupFix"), nameless]
                .into_iter()
                .chain(settled)
                .collect(),
            silent: vec![(self.say("Setup"), self.say("access denied (error 5)"))],
        }
    }

    pub(super) fn facts(&self) -> Vec<FactGroup> {
        let fact = |name: &str, value: &str| (self.say(name), self.say(value));
        vec![
            FactGroup {
                check: "pause".to_owned(),
                taken_at: Some(ago(6 * MINUTE_MS)),
                trouble: None,
                facts: vec![
                    fact("quality", "not paused"),
                    fact("feature", "paused by user until 2026-12-05T09:14:27Z"),
                ],
            },
            FactGroup {
                check: "scan_source".to_owned(),
                taken_at: Some(ago(6 * MINUTE_MS)),
                trouble: None,
                facts: vec![
                    fact("quality", "windows-update"),
                    fact("feature", "windows-update"),
                    fact("driver", "windows-update"),
                    fact("other", "windows-update"),
                ],
            },
            FactGroup {
                check: "update_health_tools".to_owned(),
                taken_at: Some(ago(6 * MINUTE_MS)),
                trouble: Some(self.say("access denied (error 5)")),
                facts: Vec::new(),
            },
        ]
    }

    pub(super) fn history(&self) -> Vec<HistoryLine> {
        let line = |age, issue: &'static Issue, from, to, summary: &str| HistoryLine {
            at: ago(age),
            issue,
            from,
            to,
            causes: if to == State::Open {
                vec![self.cause("k", "Paused by a user until 2026-12-05")]
            } else {
                Vec::new()
            },
            summary: self.say(summary),
        };
        vec![
            line(
                3 * HOUR_MS,
                &TOOLS,
                State::Clear,
                State::Unknown,
                "The list of installed programs could not be read: access denied.",
            ),
            line(
                2 * DAY_MS,
                &FEATURE,
                State::Clear,
                State::Open,
                "A user paused feature updates until 2026-12-05.",
            ),
            line(
                9 * DAY_MS,
                &HOLD,
                State::Open,
                State::Open,
                "Hold 40667045 keeps Windows 11 24H2 from being offered.",
            ),
            line(
                40 * DAY_MS,
                &QUALITY,
                State::Open,
                State::Clear,
                "The pause ended.",
            ),
        ]
    }

    pub(crate) fn new_device(&self) -> DevicePage {
        DevicePage {
            connected: false,
            may_inspect: false,
            looked: None,
            identity: Identity {
                id: self.say(ID),
                name: self.say("LT-BER-0160"),
                status: "pending".to_owned(),
                ..Identity::default()
            },
            primary: None,
            open: Vec::new(),
            unknown: Vec::new(),
            clear: Vec::new(),
            not_applicable: Vec::new(),
            facts: Vec::new(),
            updates: Updates::default(),
            history: Vec::new(),
            history_before: None,
            story: Story {
                stage: Stage::Waiting {
                    since: ago(3 * DAY_MS),
                    why: None,
                },
                ..Story::default()
            },
            health: CollectorHealth::default(),
            chrome: self.chrome("LT-BER-0160", Some(Nav::Devices)),
        }
    }
}
