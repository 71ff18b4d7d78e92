//! Enrolment, settings, and the pages that say one thing.

use super::{ID, Sample, ago};
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use sickbay_web::pages::ca::{CaPage, Generation, Phase, Standing, Step};
use sickbay_web::pages::enrolment::{Done, EnrolmentPage, PendingDevice, TokenLine};
use sickbay_web::pages::message::MessagePage;
use sickbay_web::pages::settings::{
    ImportedLine, KnowledgeLine, KnowledgeView, Origin, RefusedLine, SettingGroup, SettingLine,
    SettingsPage,
};
use sickbay_web::pages::sign_in::{ConfirmPage, SignInPage, SignInReason};
use sickbay_web::{Chrome, FilterBox, Nav};

impl Sample<'_> {
    pub(crate) fn enrolment(&self) -> EnrolmentPage {
        let pending = |place: usize, name: &str, ou: &str, age| PendingDevice {
            id: self.say(&format!("{ID}{place}")),
            name: self.say(name),
            domain: self.say("corp.example"),
            ou: if ou.is_empty() {
                String::new()
            } else {
                self.say(ou)
            },
            why: self.say("a device that lives holds its place"),
            asked_at: ago(age),
        };
        let token = |name: &str, approval, uses, expires_at, revoked_at| TokenLine {
            id: self.say(ID),
            name: self.say(name),
            approval,
            scope: self.say("ou:*Berlin*"),
            per_hour: Some(60),
            ephemeral_ms: (approval == "list").then_some(12 * HOUR_MS),
            tags: vec![self.say("berlin")],
            uses,
            use_limit: Some(500),
            created_at: ago(30 * DAY_MS),
            expires_at,
            revoked_at,
        };
        EnrolmentPage {
            chrome: self.chrome("Enrolment", Some(Nav::Enrolment)),
            pending: vec![
                pending(
                    1,
                    "LT-BER-0160",
                    "OU=Laptops,OU=Berlin,DC=corp,DC=example",
                    4 * MINUTE_MS,
                ),
                pending(
                    2,
                    "PC-HAM-1099",
                    "OU=Workstations,OU=Hamburg,DC=corp,DC=example",
                    2 * HOUR_MS,
                ),
                pending(3, "DESKTOP-7Q2KX1P", "", 3 * DAY_MS),
            ],
            pending_total: 3,
            filter: FilterBox {
                text: self.say("ou:*Berlin*"),
                matching: 3,
                ..FilterBox::default()
            },
            tokens: vec![
                token("Berlin imaging", "list", 147, Some(ago(-60 * DAY_MS)), None),
                token("Demo fleet", "nobody", 200, None, None),
                token("Old rollout", "person", 500, None, Some(ago(12 * DAY_MS))),
            ],
            done: Some(Done::Approved(2)),
        }
    }

    /// A rotation half way.
    pub(crate) fn ca(&self) -> CaPage {
        let one = |number, standing, age, pin: &str| Generation {
            number,
            standing,
            since: ago(age),
            pin: pin.repeat(32),
        };
        CaPage {
            chrome: self.chrome("Certificate authority", Some(Nav::Enrolment)),
            generations: vec![
                one(3, Standing::Issuing, HOUR_MS, "3c"),
                one(2, Standing::Trusted, HOUR_MS, "9e"),
                one(1, Standing::Retired, 300 * DAY_MS, "07"),
            ],
            phase: Phase::Switched,
            progress: Some((184, 200)),
            steps: vec![Step::Retire, Step::BackOut],
            done: Some(Step::Switch),
        }
    }

    pub(crate) fn settings(&self) -> SettingsPage {
        let line = |key: &str, value: &str, origin, meaning: &str| SettingLine {
            key: key.to_owned(),
            value: if value.is_empty() {
                String::new()
            } else {
                self.say(value)
            },
            origin,
            meaning: meaning.to_owned(),
        };
        SettingsPage {
            chrome: self.chrome("Settings", Some(Nav::Settings)),
            groups: vec![
                SettingGroup {
                    title: "Server".to_owned(),
                    settings: vec![
                        line(
                            "web.listen",
                            "127.0.0.1:8080",
                            Origin::Set,
                            "Where pages and API are served.",
                        ),
                        line(
                            "collectors.listen",
                            "0.0.0.0:7443",
                            Origin::Default,
                            "Where collectors connect.",
                        ),
                        line(
                            "data_dir",
                            "/var/lib/sickbay",
                            Origin::Set,
                            "Database and CA.",
                        ),
                    ],
                },
                SettingGroup {
                    title: "Expectations".to_owned(),
                    settings: vec![
                        line(
                            "quality_source",
                            "",
                            Origin::Default,
                            "Where quality updates should come from; while not set, what most devices use.",
                        ),
                        line(
                            "pending_reboot_serious_after",
                            "7 days",
                            Origin::Default,
                            "A pending restart is serious from this age on.",
                        ),
                    ],
                },
            ],
            knowledge: self.knowledge(),
        }
    }

    fn knowledge(&self) -> KnowledgeView {
        let table = |name: &str, dated: &str, age_days, entries, imported| KnowledgeLine {
            name: self.say(name),
            dated: dated.to_owned(),
            age_days,
            entries,
            imported,
            newer_built_in: imported.then(|| "2026-11-10".to_owned()),
        };
        KnowledgeView {
            version: self.say("2026.09"),
            dated: "2026-09-10".to_owned(),
            age_days: 74,
            warn_after_days: 60,
            imported: Some(ImportedLine {
                at: ago(70 * DAY_MS),
                by: self.say("root"),
                signer: "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".to_owned(),
            }),
            refused: Some(RefusedLine {
                version: self.say("2026.10"),
                at: ago(2 * HOUR_MS),
                reason: self.say("its signature is wrong"),
            }),
            left_out: vec!["later.tsv".to_owned()],
            tables: vec![
                table("Windows releases", "2026-09-10", 74, 58, true),
                table("Safeguard holds", "2026-11-02", 21, 31, false),
            ],
        }
    }

    pub(crate) fn sign_in(&self) -> SignInPage {
        SignInPage {
            chrome: Chrome {
                signed_in: None,
                ..self.chrome("Sign in", None)
            },
            reason: SignInReason::LinkRefused,
            provider: Some(self.say("Sign in with Example")),
            next: self.say("/devices"),
            link_command: Some(self.say("sickbay-server user sign-in-link")),
        }
    }

    pub(crate) fn sign_in_confirm(&self) -> ConfirmPage {
        ConfirmPage {
            chrome: self.sign_in().chrome,
            to: "/sign-in/of-account/AAAA".to_owned(),
        }
    }

    pub(crate) fn message(&self) -> MessagePage {
        MessagePage {
            chrome: self.chrome("Not found", None),
            status: 404,
            heading: self.say("There is no such device"),
            advice: self.say("It may have been retired, or the link is incomplete. Look for it in the list of devices."),
        }
    }
}
