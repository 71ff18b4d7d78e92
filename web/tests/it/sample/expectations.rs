//! Expectations: the page, the form, the preview, and an acceptance that has to be put right.

use sickbay_diagnosis::expectation::{ExpectedSource, UpdateClass, UpdateSource};
use sickbay_diagnosis::time::DAY_MS;
use sickbay_diagnosis::verdict::Severity;
use sickbay_web::Nav;
use sickbay_web::pages::accept::{AcceptForm, AcceptPage};
use sickbay_web::pages::expectations::{
    AcceptanceLine, Done, ExpectationsPage, FleetLine, Origin, ProvisionalLine, ScopeLine,
    SharedSource, Unit, Value, Whose, Wish,
};
use sickbay_web::pages::expectations_form::{
    Entry, ExpectationsFormPage, Field, FormOf, Mistake, ScopeFields,
};
use sickbay_web::pages::expectations_preview::{
    Back, Change, ExpectationsPreviewPage, IssueChange,
};

use super::{ID, Sample, ago};

impl Sample<'_> {
    pub(crate) fn expectations(&self) -> ExpectationsPage {
        let days = |number| Value::Number(number, Unit::Days);
        let failures = |number| Value::Number(number, Unit::Failures);
        let line = |name, clients, servers, wished, origin| FleetLine {
            name,
            clients,
            servers,
            wished,
            origin,
        };
        let scope = |name: &str, filter: &str, wishes: &[Wish]| ScopeLine {
            name: self.say(name),
            filter: if filter.is_empty() {
                String::new()
            } else {
                self.say(filter)
            },
            wishes: wishes.to_vec(),
        };
        let managed = [
            self.managed_by(),
            Wish {
                name: "silent_days",
                value: days(3),
            },
        ];
        ExpectationsPage {
            chrome: self.chrome("Expectations", Some(Nav::Settings)),
            fleet: vec![
                line("oldest_scan_days", days(7), days(3), None, Origin::Default),
                line(
                    "silent_days",
                    days(14),
                    days(1),
                    Some(days(2)),
                    Origin::Here,
                ),
                line(
                    "install_failures",
                    failures(3),
                    failures(3),
                    Some(failures(5)),
                    Origin::SettingsFile,
                ),
            ],
            scopes: vec![
                scope("Kiosks", "ou:*Kiosks*", &managed),
                scope("Domain controllers", "name:DC* kind:server", &[]),
                scope("Servers", "kind:server", &managed[1..]),
            ],
            file_scopes: vec![
                scope("Laboratory", "tag:lab", &managed[..1]),
                scope("All", "", &[]),
            ],
            provisional: vec![ProvisionalLine {
                whose: Whose::Scope(self.say("Kiosks")),
                sources: vec![
                    self.wsus(UpdateClass::Quality, "https://wsus.corp.example:8531"),
                    SharedSource {
                        classes: vec![UpdateClass::Driver],
                        source: ExpectedSource {
                            source: UpdateSource::WindowsUpdate,
                            server: None,
                        },
                    },
                ],
            }],
            acceptances: vec![self.acceptance(1, "ou:*Kiosks*"), self.acceptance(2, "")],
            past: 4,
            mark: "5f0c".to_owned(),
            done: Some(Done::Applied),
        }
    }

    /// What comes from a WSUS server.
    pub(super) fn wsus(&self, class: UpdateClass, server: &str) -> SharedSource {
        SharedSource {
            classes: vec![class],
            source: ExpectedSource {
                source: UpdateSource::Wsus,
                server: Some(self.say(server)),
            },
        }
    }

    fn managed_by(&self) -> Wish {
        Wish {
            name: "managed_by",
            value: Value::Text(self.say("ConfigMgr")),
        }
    }

    fn acceptance(&self, place: usize, scope: &str) -> AcceptanceLine {
        AcceptanceLine {
            id: format!("{ID}{place}"),
            issue: "pending-reboot".to_owned(),
            title: "A restart is pending".to_owned(),
            scope: if scope.is_empty() {
                String::new()
            } else {
                self.say(scope)
            },
            reason: self.say("Kiosks restart every Sunday"),
            made_by: self.say("API token nightly"),
            made_at: ago(3 * DAY_MS),
            until: ago(-40 * DAY_MS),
        }
    }

    /// The page of a server on which nobody said anything.
    pub(crate) fn no_expectations(&self) -> ExpectationsPage {
        ExpectationsPage {
            scopes: Vec::new(),
            file_scopes: Vec::new(),
            provisional: Vec::new(),
            acceptances: Vec::new(),
            past: 0,
            done: None,
            ..self.expectations()
        }
    }

    pub(crate) fn expectations_form(&self) -> ExpectationsFormPage {
        let field = |name, entry, error| Field { name, entry, error };
        ExpectationsFormPage {
            chrome: self.chrome("Scope Kiosks", Some(Nav::Settings)),
            of: FormOf::Scope(Some(self.say("Kiosks"))),
            scope: Some(ScopeFields {
                name: self.say("Kiosks"),
                name_error: Some(Mistake::Name),
                filter: self.say("standing:serious"),
                filter_error: Some(Mistake::Unreadable(
                    self.say("a scope cannot ask for standing"),
                )),
            }),
            place: "0".to_owned(),
            fields: vec![
                field(
                    "quality_source",
                    Entry::Source {
                        source: "wsus".to_owned(),
                        server: self.say("https://wsus.corp.example:8531"),
                        otherwise: Value::Text(self.say("what most devices use")),
                    },
                    Some(Mistake::ServerWithoutWsus),
                ),
                field(
                    "oldest_scan_days",
                    Entry::Number {
                        value: self.say("two"),
                        unit: Unit::Days,
                        otherwise: Value::Each {
                            clients: Box::new(Value::Bare(7)),
                            servers: Box::new(Value::Bare(3)),
                        },
                    },
                    Some(Mistake::NotWhole(Unit::Days)),
                ),
                field(
                    "update_health_tools_wanted",
                    Entry::YesNo {
                        value: "no".to_owned(),
                        otherwise: Value::YesNo(true),
                    },
                    None,
                ),
                field(
                    "managed_by",
                    Entry::Text {
                        value: self.say("ConfigMgr"),
                        otherwise: Value::Nothing,
                    },
                    None,
                ),
            ],
            mark: "5f0c".to_owned(),
            error: Some(Mistake::Unreadable(
                self.say("Another preview is under way."),
            )),
        }
    }

    pub(crate) fn expectations_preview(&self) -> ExpectationsPreviewPage {
        ExpectationsPreviewPage {
            chrome: self.chrome("What would change", Some(Nav::Settings)),
            change: Change::Scope {
                name: self.say("Kiosks"),
            },
            wishes: vec![self.managed_by()],
            devices: 12_345,
            changed: 37,
            issues: vec![
                IssueChange {
                    issue: "wrong-scan-source".to_owned(),
                    title: "Updates come from the wrong source".to_owned(),
                    severity: Severity::Serious,
                    opens: 0,
                    clears: 30,
                },
                IssueChange {
                    issue: "scan-stale".to_owned(),
                    title: "No successful scan".to_owned(),
                    severity: Severity::Warning,
                    opens: 7,
                    clears: 0,
                },
            ],
            json: self.say(r#"{"scopes":[],"fleet":{}}"#),
            mark: "5f0c".to_owned(),
            back: Back::Form(vec![
                ("change".to_owned(), "scope".to_owned()),
                ("name".to_owned(), self.say("Kiosks")),
            ]),
        }
    }

    /// A preview of a change that makes none.
    pub(crate) fn expectations_preview_same(&self) -> ExpectationsPreviewPage {
        ExpectationsPreviewPage {
            wishes: Vec::new(),
            changed: 0,
            issues: Vec::new(),
            back: Back::Overview,
            ..self.expectations_preview()
        }
    }

    pub(crate) fn accept(&self) -> AcceptPage {
        AcceptPage {
            chrome: self.chrome("Accept", Some(Nav::Settings)),
            title: self.say("A restart is pending"),
            form: AcceptForm {
                issue: "pending-reboot".to_owned(),
                scope: self.say("state:open"),
                reason: self.say("Kiosks restart every Sunday"),
                until: self.say("2026-12-31"),
                earliest: "2026-11-23".to_owned(),
                latest: "2028-11-22".to_owned(),
            },
            part: "scope".to_owned(),
            error: self.say("a scope cannot ask for state"),
        }
    }
}
