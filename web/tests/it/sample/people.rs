//! People, one's own account, and the record.

use sickbay_web::pages::account::{self, AccountPage, SessionLine};
use sickbay_web::pages::audit::{AuditPage, RecordFilter, RecordLine, Soundness};
use sickbay_web::pages::people::{
    AccountLine, ApiTokenLine, Done, Mistake, PeoplePage, Secret, SecretOf,
};
use sickbay_web::{Nav, SignedIn};

use super::{ID, Sample, ago};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

impl Sample<'_> {
    fn sessions(&self) -> Vec<SessionLine> {
        let one = |place: usize, whose: &str, agent: &str, age: i64| SessionLine {
            id: format!("{ID}{place}"),
            whose: self.say(whose),
            address: self.say("192.0.2.17"),
            agent: self.say(agent),
            opened_at: ago(age * 3),
            seen_at: ago(age),
            is_this: place == 0,
        };
        vec![
            one(
                0,
                "Ann (local)",
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0",
                MINUTE,
            ),
            one(
                1,
                "session 3f6a2c4d (sign-in link)",
                "curl/8.9",
                90 * MINUTE,
            ),
        ]
    }

    pub(crate) fn account(&self) -> AccountPage {
        AccountPage {
            chrome: self.chrome("Account", None),
            account: Some((self.say("Ann"), "local")),
            may: self.say("admin of all devices"),
            has_password: true,
            shortest: 12,
            sessions: self.sessions(),
            zones: ["Europe/Berlin", "UTC"].map(str::to_owned).to_vec(),
            done: None,
            mistake: Some(account::Mistake::WrongPassword),
        }
    }

    pub(crate) fn account_of_link(&self) -> AccountPage {
        AccountPage {
            account: None,
            mistake: None,
            done: Some(account::Done::Session),
            ..self.account()
        }
    }

    pub(crate) fn people(&self) -> PeoplePage {
        let account = |place: usize, name: &str, source, role: &str, scope: &str| AccountLine {
            id: format!("{ID}{place}"),
            name: self.say(name),
            source,
            role: role.to_owned(),
            scope: if scope.is_empty() {
                String::new()
            } else {
                self.say(scope)
            },
            has_password: place != 1,
            signed_in_at: (place != 1).then(|| ago(DAY)),
            disabled_at: (place == 2).then(|| ago(3 * DAY)),
        };
        let token = |place: usize, name: &str, role: &str, scope: &str| ApiTokenLine {
            id: format!("{ID}{place}"),
            name: self.say(name),
            role: role.to_owned(),
            scope: if scope.is_empty() {
                String::new()
            } else {
                self.say(scope)
            },
            made_by: self.say("Ann (local)"),
            made_at: ago(40 * DAY),
            used_at: (place == 0).then(|| ago(4 * MINUTE)),
            expires_at: Some(ago(if place == 1 { DAY } else { -300 * DAY })),
            revoked_at: (place == 2).then(|| ago(2 * DAY)),
        };
        PeoplePage {
            chrome: self.chrome("People", Some(Nav::People)),
            accounts: vec![
                account(0, "Ann", "local", "admin", ""),
                account(1, "Bob", "local", "operator", "ou:*Berlin*"),
                account(2, "carol@example.org", "openid", "viewer", "tag:kiosk"),
                account(3, "dave", "ldap", "", ""),
            ],
            sessions: self.sessions(),
            tokens: vec![
                token(0, "nightly export", "viewer", ""),
                token(1, "ticket system", "operator", "ou:*Berlin*"),
                token(2, "trial", "admin", ""),
            ],
            roles: vec!["viewer", "operator", "admin"],
            secret: Some(Secret {
                of: SecretOf::PasswordLink {
                    name: self.say("Bob"),
                    hours: 24,
                },
                text: self.say("https://sickbay.example:8443/sign-in/tS2YxF3vA9c0k1uQ"),
            }),
            done: None,
            mistake: None,
        }
    }

    pub(crate) fn people_first(&self) -> PeoplePage {
        PeoplePage {
            accounts: Vec::new(),
            tokens: Vec::new(),
            secret: None,
            done: Some(Done::Token),
            mistake: Some(Mistake::NameTaken {
                name: self.say("Ann"),
            }),
            ..self.people()
        }
    }

    pub(crate) fn audit(&self) -> AuditPage {
        let line =
            |id, age: i64, actor: &str, action: &str, subject: &str, detail: &str| RecordLine {
                id,
                at: ago(age),
                actor: self.say(actor),
                action: self.say(action),
                subject: self.say(subject),
                detail: self.say(detail),
                device: (id % 2 == 0).then(|| self.say(ID)),
            };
        AuditPage {
            chrome: self.chrome("Record", Some(Nav::Audit)),
            lines: vec![
                line(
                    8_212,
                    MINUTE,
                    "Ann (local)",
                    "exported",
                    "devices of safeguard-hold",
                    "devices.csv, of devices that match kind:client",
                ),
                line(
                    8_211,
                    3 * MINUTE,
                    "Ann (local)",
                    "signed-in",
                    "by password",
                    "from 192.0.2.17",
                ),
                line(
                    8_210,
                    40 * MINUTE,
                    "enrolment token \"Berlin\"",
                    "enrolled",
                    "PC-0417",
                    "pending: its token asks for a person's approval",
                ),
                line(
                    8_209,
                    DAY,
                    "bob",
                    "sign-in-refused",
                    "by password",
                    "the password is another one; from 198.51.100.7",
                ),
            ],
            filter: RecordFilter {
                actor: self.say("ann"),
                action: "exported".to_owned(),
                ..RecordFilter::default()
            },
            mistake: None,
            actions: &["signed-in", "exported", "enrolled"],
            verified: Some(Soundness::Sound(
                self.say("8212 lines are as they were recorded, up to line 8212."),
            )),
            older: Some("/audit?before=8209".to_owned()),
            exports: (
                "/api/v1/audit/record.csv".to_owned(),
                "/api/v1/audit/record.ndjson".to_owned(),
            ),
            is_continued: false,
        }
    }

    pub(crate) fn audit_broken(&self) -> AuditPage {
        AuditPage {
            lines: Vec::new(),
            verified: Some(Soundness::Broken(self.say(
                "line 17 does not follow from the line before: it was changed, moved or put in, or lines before it were taken away",
            ))),
            mistake: Some(self.say("`since` is a day such as 2026-11-26.")),
            older: None,
            is_continued: true,
            ..self.audit()
        }
    }

    /// What somebody who sees a scope alone has in the navigation.
    pub(crate) fn message_to_viewer(&self) -> sickbay_web::pages::message::MessagePage {
        let mut page = self.message();
        page.chrome.signed_in = Some(SignedIn {
            name: self.say("Bob (local)"),
            has_account: true,
            ..SignedIn::default()
        });
        page
    }
}
