//! What one text finds, of every kind.

use sickbay_web::pages::search::{HitGroup, HitLine, SearchPage, Suggestions};

use super::{ID, Sample};

impl Sample<'_> {
    fn hit(&self, title: &str, why: &str, href: &str, devices: Option<u64>) -> HitLine {
        HitLine {
            title: self.say(title),
            why: self.say(why),
            href: href.to_owned(),
            devices,
        }
    }

    fn hit_groups(&self) -> Vec<HitGroup> {
        vec![
            HitGroup {
                name: "device",
                hits: vec![
                    self.hit(
                        "LT-BER-0247",
                        "Its host name begins so · Windows 11 23H2 · corp.example",
                        &format!("/devices/{ID}"),
                        None,
                    ),
                    self.hit(
                        "KIOSK-LT-BER",
                        "Its host name has this in it · Windows 10 22H2 · corp.example",
                        &format!("/devices/{ID}"),
                        None,
                    ),
                ],
                total: 1_312,
                all: "/devices?filter=name%3A%2Alt-ber%2A".to_owned(),
            },
            HitGroup {
                name: "cause",
                hits: vec![self.hit(
                    "http://wsus-ber.corp.example:8530",
                    "A cause of “WSUS without TLS”",
                    "/issues/wsus-without-tls?filter=cause%3Aber",
                    Some(48),
                )],
                total: 1,
                all: "/search?q=ber&kind=cause".to_owned(),
            },
            HitGroup {
                name: "group",
                hits: vec![self.hit(
                    "OU=Laptops,OU=Berlin,DC=corp,DC=example",
                    "OU of devices",
                    "/devices?filter=ou%3ABerlin",
                    Some(1),
                )],
                total: 3,
                all: "/search?q=ber&kind=group".to_owned(),
            },
        ]
    }

    /// Several kinds, of which one has more than is shown.
    pub(crate) fn search(&self) -> SearchPage {
        SearchPage {
            chrome: self.chrome("Search", None),
            text: self.say("ber"),
            trouble: None,
            not_a_filter: None,
            groups: self.hit_groups(),
            is_of_one_kind: false,
        }
    }

    /// Nothing, of a text that is nearly a filter.
    pub(crate) fn search_nothing(&self) -> SearchPage {
        SearchPage {
            text: self.say("knd:server"),
            not_a_filter: Some(self.say("filter, character 1: there is no field of this name")),
            groups: Vec::new(),
            ..self.search()
        }
    }

    /// A text that is too long, and one kind alone.
    pub(crate) fn search_trouble(&self) -> SearchPage {
        SearchPage {
            text: self.say(&"word ".repeat(120)),
            trouble: Some(self.say("The text has 600 characters, and at most 500 are looked for.")),
            is_of_one_kind: true,
            ..self.search()
        }
    }

    /// What is suggested while a text is typed.
    pub(crate) fn suggestions(&self) -> Suggestions {
        Suggestions {
            text: self.say("ber"),
            groups: self.hit_groups(),
            all: "/search?q=ber&list=all".to_owned(),
        }
    }
}
