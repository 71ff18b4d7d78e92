use std::borrow::Cow;

use super::*;
use crate::expectation::UpdateSource;
use crate::filter::{FindingView, NumberField};

struct Device {
    ou: &'static str,
    tags: &'static [&'static str],
}

impl Subject for Device {
    fn texts(&self, field: TextField) -> Vec<Cow<'_, str>> {
        match field {
            TextField::Ou => vec![self.ou.into()],
            TextField::Tag => self.tags.iter().map(|t| (*t).into()).collect(),
            _ => vec!["".into()],
        }
    }

    fn number(&self, _field: NumberField) -> Option<u64> {
        None
    }

    fn findings(&self) -> Vec<FindingView<'_>> {
        Vec::new()
    }
}

const BERLIN: Device = Device {
    ou: "OU=Berlin,DC=example",
    tags: &["kiosk"],
};

fn wish(scope: &str, wanted: Wanted) -> ScopedWish {
    ScopedWish {
        name: scope.to_owned(),
        scope: DeviceScope::parse(scope).expect("tests write scopes well"),
        wanted,
    }
}

fn scan_days(days: u32) -> Wanted {
    Wanted {
        oldest_scan_days: Some(days),
        ..Wanted::default()
    }
}

#[test]
fn the_first_scope_that_holds_decides_and_leaves_the_rest_to_the_next() {
    let wishes = Wishes {
        scopes: vec![
            wish("ou:*Munich*", scan_days(1)),
            wish("tag:kiosk", scan_days(30)),
            wish(
                "ou:*Berlin*",
                Wanted {
                    silent_days: Some(5),
                    ..scan_days(2)
                },
            ),
        ],
        fleet: Wanted {
            behind_days: Some(21),
            silent_days: Some(6),
            ..Wanted::default()
        },
    };
    let expected = wishes.resolve(&BERLIN, Some(DeviceKind::Client));
    assert_eq!(expected.oldest_scan_ms, 30 * DAY_MS);
    assert_eq!(expected.silent_after_ms, 5 * DAY_MS);
    assert_eq!(expected.behind_ms, 21 * DAY_MS);
    assert_eq!(expected.scope, Some(1));
    assert_eq!(wishes.devices_of(1).to_string(), "tag:kiosk -ou:*Munich*");
}

#[test]
fn what_nobody_wishes_is_the_catalogues_default_for_clients_or_servers() {
    let wishes = Wishes::default();
    let client = wishes.resolve(&BERLIN, Some(DeviceKind::Client));
    assert_eq!(client, Expectations::default());
    assert_eq!(client.oldest_scan_ms, 7 * DAY_MS);
    assert_eq!(client.silent_after_ms, 14 * DAY_MS);
    let server = wishes.resolve(&BERLIN, Some(DeviceKind::Server));
    assert_eq!(server.oldest_scan_ms, 3 * DAY_MS);
    assert_eq!(server.silent_after_ms, DAY_MS);
    assert_eq!(server.clock_serious_ms, 5 * MINUTE_MS);
    assert_eq!(server.end_of_service_near_ms, 180 * DAY_MS);
    assert_eq!(wishes.resolve(&BERLIN, None), client);
}

#[test]
fn a_scope_that_would_depend_on_its_own_outcome_is_refused() {
    for text in [
        "issue:silent",
        "ou:a -state:open",
        "standing:serious or ou:a",
    ] {
        let error = DeviceScope::parse(text).expect_err(text).to_string();
        assert!(error.contains("a scope cannot ask for"), "{error}");
    }
    assert!(matches!(
        DeviceScope::parse("build>="),
        Err(BadWish::Filter(_))
    ));
}

#[test]
fn wishes_that_make_no_sense_are_refused_by_name() {
    let refused = |wanted: Wanted| wanted.check().expect_err("refused").to_string();
    assert!(refused(scan_days(0)).contains("oldest_scan_days = 0"));
    let blocked = ExpectedSource {
        source: UpdateSource::Blocked,
        server: None,
    };
    let source = Wanted {
        quality_source: Some(blocked),
        ..Wanted::default()
    };
    assert!(refused(source).contains("quality_source must be"));
    let server = Wanted {
        driver_source: Some(ExpectedSource {
            source: UpdateSource::WindowsUpdate,
            server: Some("https://a".to_owned()),
        }),
        ..Wanted::default()
    };
    assert!(refused(server).contains("driver_source names a server"));
    let managed = Wanted {
        managed_by: Some(" ".to_owned()),
        ..Wanted::default()
    };
    assert!(refused(managed).contains("managed_by"));
    assert_eq!(scan_days(3650).check(), Ok(()));
}

#[test]
fn a_wish_comes_back_as_it_was_written() {
    let written = wish(
        "ou:*Berlin* -tag:lab",
        Wanted {
            quality_source: Some(ExpectedSource {
                source: UpdateSource::Wsus,
                server: Some("https://wsus:8531".to_owned()),
            }),
            ..scan_days(3)
        },
    );
    let json = serde_json::to_string(&written).expect("writes");
    assert_eq!(
        json,
        r#"{"name":"ou:*Berlin* -tag:lab","scope":"ou:*Berlin* -tag:lab","wanted":{"quality_source":{"source":"wsus","server":"https://wsus:8531"},"oldest_scan_days":3}}"#
    );
    let read: ScopedWish = serde_json::from_str(&json).expect("reads");
    assert_eq!(read, written);
    let unknown = json.replace("oldest_scan_days", "oldest_scan_weeks");
    assert!(serde_json::from_str::<ScopedWish>(&unknown).is_err());
}
