use super::*;
use crate::check::Check;
use crate::reading::Reading;

fn reading(path: &str, name: Option<&str>, data: Data) -> Reading {
    Reading {
        source: Source::EventLog,
        path: path.to_owned(),
        name: name.map(str::to_owned),
        data,
    }
}

fn event(record: &str, id: &str, at: &str, values: &[(&str, &str)]) -> Reading {
    let own = [("id", id), ("at", at)];
    let all = own.iter().chain(values);
    let data = lines::data(all.map(|(name, value)| (*name, (*value).to_owned())));
    reading(keys::SYSTEM_CHANNEL, Some(record), data)
}

fn facts(readings: &[Reading]) -> UpdateEventsFacts {
    UpdateEventsFacts::derive(Lookup::new(Check::UpdateEvents, readings))
}

#[test]
fn a_failure_that_worked_later_is_no_failure_and_the_newest_of_each_update_counts() {
    let update = |id: &'static str| ("updateGuid", id);
    let failed = |code: &'static str| ("errorCode", code);
    let facts = facts(&[
        event(
            "1",
            "20",
            "2026-11-01T00:00:00Z",
            &[update("{A}"), failed("0x80070005")],
        ),
        event("2", "19", "2026-11-02T00:00:00Z", &[update("{a}")]),
        event(
            "3",
            "20",
            "2026-11-03T00:00:00Z",
            &[update("{B}"), failed("0x800f0922")],
        ),
        event(
            "4",
            "20",
            "2026-11-04T00:00:00Z",
            &[update("{B}"), failed("-2146498530")],
        ),
    ]);
    let failed = facts.failed_installs();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].update(), Some("b"));
    assert_eq!(failed[0].error().as_deref(), Some("0x800F081E"));
}

#[test]
fn a_program_of_the_store_is_told_apart_from_an_update() {
    let by_title = event(
        "1",
        "20",
        "2026-11-01T00:00:00Z",
        &[("updateTitle", "9NBLGGH4NNS1-Microsoft.App")],
    );
    let by_service = event(
        "2",
        "20",
        "2026-11-01T00:00:00Z",
        &[
            ("serviceGuid", "{855E8A7C-ECB4-4CA3-B045-1DFA50104289}"),
            ("updateGuid", "x"),
        ],
    );
    let update = event(
        "3",
        "20",
        "2026-11-01T00:00:00Z",
        &[
            ("updateTitle", "2026-11 Update (KB5099999)"),
            ("updateGuid", "y"),
        ],
    );
    let store =
        |reading: &Reading| facts(std::slice::from_ref(reading)).events[0].is_of_the_store();
    assert!(store(&by_title) && store(&by_service));
    assert!(!store(&update));
}

#[test]
fn a_channel_that_tells_nothing_says_why() {
    let state = |enabled: Data, read: Option<Data>| {
        let mut readings = vec![reading(
            keys::SETUP_CHANNEL,
            Some(keys::CHANNEL_ENABLED),
            enabled,
        )];
        readings.extend(read.map(|data| reading(keys::SETUP_CHANNEL, None, data)));
        facts(&readings).json()["channels"][keys::SETUP_CHANNEL]["state"].clone()
    };
    let denied = || Data::Unreadable("access is denied".to_owned());
    assert_eq!(state(Data::Flag(true), Some(Data::Key(None))), "read");
    assert_eq!(state(Data::Flag(false), Some(Data::Key(None))), "disabled");
    assert_eq!(state(Data::Absent, Some(denied())), "absent");
    assert_eq!(state(Data::Flag(true), Some(denied())), "unreadable");
    assert_eq!(state(denied(), None), "unreadable");
    assert_eq!(
        state(Data::NotRecorded, Some(Data::NotRecorded)),
        "not-recorded"
    );
}

#[test]
fn the_newest_success_and_failure_of_a_scan_are_both_told() {
    let json = facts(&[
        event(
            "7",
            "25",
            "2026-11-03T00:00:00Z",
            &[("errorCode", "0x8024402C")],
        ),
        event("8", "26", "2026-11-04T00:00:00Z", &[("updateCount", "0")]),
        event("6", "26", "2026-11-02T00:00:00Z", &[("updateCount", "2")]),
        event(
            "9",
            "1015",
            "2026-11-01T00:00:00Z",
            &[
                ("errorCode", "0x800F081F"),
                ("totalCorruption", "4"),
                ("repaired", "1"),
            ],
        ),
    ])
    .json();
    assert_eq!(json["scan"]["succeeded_at"], "2026-11-04T00:00:00Z");
    assert_eq!(json["scan"]["error"], "0x8024402C");
    assert_eq!(json["corruption"]["found"], "4");
}
