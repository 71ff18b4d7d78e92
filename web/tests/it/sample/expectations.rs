//! Expectations: the page, the form, the preview, and an acceptance that has to be put right.

use sickbay_diagnosis::time::DAY_MS;
use sickbay_diagnosis::verdict::Severity;
use sickbay_web::Nav;
use sickbay_web::pages::accept::{AcceptForm, AcceptPage};
use sickbay_web::pages::expectations::{
    AcceptanceLine, ExpectationsPage, FleetLine, Origin, ProvisionalLine, ScopeLine,
};
use sickbay_web::pages::expectations_form::{Entry, ExpectationsFormPage, Field, ScopeFields};
use sickbay_web::pages::expectations_preview::{Back, ExpectationsPreviewPage, IssueChange};

use super::{ID, Sample, ago};

impl Sample<'_> {
    pub(crate) fn expectations(&self) -> ExpectationsPage {
        let line = |label: &str, clients: &str, servers: &str, wished: &str, origin| FleetLine {
            label: label.to_owned(),
            clients: clients.to_owned(),
            servers: servers.to_owned(),
            wished: self.say(wished),
            origin,
        };
        let scope = |name: &str, filter: &str, wishes: &[(&str, &str)]| ScopeLine {
            name: self.say(name),
            filter: if filter.is_empty() {
                String::new()
            } else {
                self.say(filter)
            },
            wishes: wishes
                .iter()
                .map(|(label, value)| ((*label).to_owned(), self.say(value)))
                .collect(),
        };
        let managed = [("Managed by", "ConfigMgr"), ("Silent after", "3 days")];
        ExpectationsPage {
            chrome: self.chrome("Expectations", Some(Nav::Settings)),
            fleet: vec![
                line(
                    "Oldest successful scan",
                    "7 days",
                    "3 days",
                    "",
                    Origin::Default,
                ),
                line("Silent after", "14 days", "1 day", "2 days", Origin::Here),
                line(
                    "Failures in a row",
                    "3 failures",
                    "3 failures",
                    "5 failures",
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
                whose: self.say("Clients"),
                sources: vec![
                    (
                        "quality updates".to_owned(),
                        self.say("WSUS https://wsus.corp.example:8531"),
                    ),
                    ("drivers".to_owned(), self.say("Windows Update")),
                ],
            }],
            acceptances: vec![self.acceptance(1, "ou:*Kiosks*"), self.acceptance(2, "")],
            past: 4,
            mark: "5f0c".to_owned(),
            done: Some(self.say("Applied.")),
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
        let field = |name: &str, label: &str, entry, error: Option<&str>| Field {
            name: name.to_owned(),
            label: label.to_owned(),
            hint: "What it does.".to_owned(),
            entry,
            error: error.map(|why| self.say(why)),
        };
        ExpectationsFormPage {
            chrome: self.chrome("Scope Kiosks", Some(Nav::Settings)),
            heading: self.say("Scope Kiosks"),
            scope: Some(ScopeFields {
                name: self.say("Kiosks"),
                name_error: Some(self.say("give it a name of 1 to 100 characters")),
                filter: self.say("standing:serious"),
                filter_error: Some(self.say("a scope cannot ask for standing")),
            }),
            place: "0".to_owned(),
            fields: vec![
                field(
                    "quality_source",
                    "Source of quality updates",
                    Entry::Source {
                        source: "wsus".to_owned(),
                        server: self.say("https://wsus.corp.example:8531"),
                        otherwise: self.say("what most devices use"),
                    },
                    Some("only WSUS goes with a server"),
                ),
                field(
                    "oldest_scan_days",
                    "Oldest successful scan",
                    Entry::Number {
                        value: self.say("two"),
                        unit: "days".to_owned(),
                        otherwise: "7, servers 3".to_owned(),
                    },
                    Some("must be a whole number of days"),
                ),
                field(
                    "update_health_tools_wanted",
                    "Update Health Tools wanted",
                    Entry::YesNo {
                        value: "no".to_owned(),
                        otherwise: "yes".to_owned(),
                    },
                    None,
                ),
                field(
                    "managed_by",
                    "Managed by",
                    Entry::Text {
                        value: self.say("ConfigMgr"),
                        otherwise: "none".to_owned(),
                    },
                    None,
                ),
            ],
            mark: "5f0c".to_owned(),
            error: Some(self.say("Another preview is under way.")),
        }
    }

    pub(crate) fn expectations_preview(&self) -> ExpectationsPreviewPage {
        ExpectationsPreviewPage {
            chrome: self.chrome("What would change", Some(Nav::Settings)),
            change: self.say("Expectations of the scope \"Kiosks\"."),
            wishes: vec![("Managed by".to_owned(), self.say("ConfigMgr"))],
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
