//! What is a change and what is none.

use super::*;

fn registry(path: &str, name: Option<&str>, data: Data) -> Reading {
    Reading {
        source: Source::Registry,
        path: path.to_owned(),
        name: name.map(str::to_owned),
        data,
    }
}

fn form(check: Check, taken_at: i64, readings: Vec<Reading>) -> Vec<u8> {
    let observation = Observation {
        taken_at: Time::from_millis(taken_at),
        outcome: Outcome::Seen(readings),
    };
    comparison_form(check, &observation)
}

#[test]
fn an_unchanged_machine_sends_nothing() {
    let a = registry(
        keys::POLICY,
        Some("WUServer"),
        Data::Text("http://a".to_owned()),
    );
    let b = registry(keys::POLICY, Some("DisableDualScan"), Data::Absent);
    let first = form(Check::ScanSource, 1, vec![a.clone(), b.clone()]);
    assert_eq!(
        first,
        form(Check::ScanSource, 2, vec![b.clone(), a.clone()])
    );
    let other = registry(
        keys::POLICY,
        Some("WUServer"),
        Data::Text("http://b".to_owned()),
    );
    assert_ne!(first, form(Check::ScanSource, 1, vec![other, b]));
}

#[test]
fn absent_and_unreadable_are_different_answers() {
    let with = |data| form(Check::Pause, 0, vec![registry(keys::POLICY, None, data)]);
    let forms = [
        with(Data::Absent),
        with(Data::NotRecorded),
        with(Data::Unreadable("denied".to_owned())),
        with(Data::Key(None)),
    ];
    for (place, one) in forms.iter().enumerate() {
        assert!(!forms[..place].contains(one));
    }
}

#[test]
fn a_daily_appraisal_is_no_change_but_one_of_next_week_is() {
    const DAY_IN_FILETIME: u64 = 864_000_000_000;
    const A_MOMENT: u64 = 0x01dc_3000_0000_0000;
    let path = format!(r"{}\GE24H2", keys::APPRAISER_TARGETS);
    let on_day = |day: u64| {
        let timestamp = Data::Qword(A_MOMENT + day * DAY_IN_FILETIME);
        form(
            Check::SafeguardHold,
            0,
            vec![registry(&path, Some("Timestamp"), timestamp)],
        )
    };
    let changes = (0..70)
        .filter(|day| on_day(*day) != on_day(day + 1))
        .count();
    assert_eq!(changes, 10);
}

#[test]
fn the_date_of_no_pause_and_running_services_are_no_change() {
    let paused = |status: u32, date: &str| {
        let settings = keys::UPDATE_POLICY_SETTINGS;
        let readings = vec![
            registry(settings, Some("PausedQualityStatus"), Data::Dword(status)),
            registry(
                settings,
                Some("PausedQualityDate"),
                Data::Text(date.to_owned()),
            ),
        ];
        form(Check::Pause, 0, readings)
    };
    assert_eq!(
        paused(0, "2026-10-08 07:42:03"),
        paused(0, "2026-10-09 07:42:03")
    );
    assert_ne!(
        paused(1, "2026-10-08 07:42:03"),
        paused(1, "2026-10-09 07:42:03")
    );
    let running = |flag| {
        let reading = Reading {
            source: Source::ServiceManager,
            ..registry("wuauserv", Some(keys::RUNNING), Data::Flag(flag))
        };
        form(Check::Services, 0, vec![reading])
    };
    assert_eq!(running(true), running(false));
}

#[test]
fn further_file_renames_are_no_change_but_the_first_is() {
    let renames = |lines: &[&str]| {
        let data = Data::MultiText(lines.iter().map(|l| (*l).to_owned()).collect());
        let name = Some("PendingFileRenameOperations");
        form(
            Check::PendingReboot,
            0,
            vec![registry(keys::SESSION_MANAGER, name, data)],
        )
    };
    assert_eq!(renames(&["a", ""]), renames(&["a", "", "b", ""]));
    assert_ne!(renames(&[""]), renames(&["a", ""]));
}

#[test]
fn a_signal_that_is_set_again_is_a_change() {
    let written = |at: i64| {
        let data = Data::Key(Some(Time::from_millis(at)));
        form(
            Check::PendingReboot,
            0,
            vec![registry(keys::AUTO_UPDATE_REBOOT, None, data)],
        )
    };
    assert_ne!(written(1), written(2));
}

#[test]
fn searches_that_go_on_working_or_failing_are_told_once_a_day() {
    let search = |record: u32, id: &str, at: &str, code: &str| {
        let values = [("id", id), ("at", at), ("errorCode", code)];
        Reading {
            source: Source::EventLog,
            ..registry(
                keys::UPDATE_CHANNEL,
                Some(&record.to_string()),
                lines::data(values.map(|(name, value)| (name, value.to_owned()))),
            )
        }
    };
    let of = |events: Vec<Reading>| form(Check::UpdateEvents, 0, events);
    let morning = search(1, "26", "2026-11-24T06:00:00Z", "");
    let noon = search(2, "26", "2026-11-24T12:00:00Z", "");
    let next_day = search(3, "26", "2026-11-25T06:00:00Z", "");
    let once = of(vec![morning.clone()]);
    assert_eq!(once, of(vec![noon.clone(), morning.clone()]));
    assert_ne!(once, of(vec![next_day.clone(), noon.clone()]));
    assert_eq!(
        of(vec![next_day.clone()]),
        of(vec![next_day, noon, morning])
    );
    let failed = |code| of(vec![search(4, "25", "2026-11-25T06:00:00Z", code)]);
    assert_ne!(failed("0x8024402C"), failed("0x80240438"));
}

#[test]
fn every_failed_installation_is_told() {
    let failed = |record: &str| {
        let values = [("id", "20"), ("at", "2026-11-25T06:00:00Z")];
        Reading {
            source: Source::EventLog,
            ..registry(
                keys::SYSTEM_CHANNEL,
                Some(record),
                lines::data(values.map(|(name, value)| (name, value.to_owned()))),
            )
        }
    };
    assert_ne!(
        form(Check::UpdateEvents, 0, vec![failed("1")]),
        form(Check::UpdateEvents, 0, vec![failed("1"), failed("2")])
    );
}

#[test]
fn a_drive_on_which_files_come_and_go_is_no_change_until_updates_would_feel_it() {
    let free = |bytes: u64| {
        let data = Data::Qword(bytes);
        form(
            Check::Storage,
            0,
            vec![registry(keys::SYSTEM_DRIVE, Some(keys::FREE_BYTES), data)],
        )
    };
    assert_eq!(free(60 << 30), free((60 << 30) + 12_345_678));
    assert_ne!(free(11 << 30), free(9 << 30));
    assert_ne!(free(6 << 30), free(4 << 30));
}

#[test]
fn a_way_that_is_gone_again_and_leads_as_far_is_no_change() {
    let gone = |name: &str, parts: &[(&str, &str)]| {
        let data = lines::data(parts.iter().map(|(n, v)| (*n, (*v).to_owned())));
        let reading = Reading {
            source: Source::System,
            ..registry(keys::UPDATE_ENDPOINT, Some(name), data)
        };
        form(Check::UpdateEndpoint, 0, vec![reading])
    };
    let dns = |found, took| {
        gone(
            "dns",
            &[("outcome", "ok"), ("found", found), ("took_ms", took)],
        )
    };
    assert_eq!(
        dns("10.0.0.1 10.0.0.2", "3"),
        dns("10.0.0.2 10.0.0.1", "907")
    );
    let tcp = |code, said| {
        gone(
            "tcp",
            &[("outcome", "failed"), ("code", code), ("said", said)],
        )
    };
    assert_eq!(tcp("10061", "refused"), tcp("10061", "verweigert"));
    assert_ne!(tcp("10061", "no"), tcp("10060", "no"));
    let http = |status| gone("http", &[("outcome", "ok"), ("status", status)]);
    assert_eq!(http("200"), http("302"));
    assert_ne!(http("200"), http("503"));
    assert_ne!(http("403"), http("503"));
    let proxy = |found| gone("proxy", &[("outcome", "ok"), ("found", found)]);
    assert_ne!(proxy("direct"), proxy("http://proxy.example:8080"));
}

#[test]
fn a_component_store_that_is_asked_again_and_says_the_same_is_no_change() {
    let asked = |health, at: &str| {
        let readings = vec![
            registry(keys::DISM, Some(keys::IMAGE_HEALTH), Data::Dword(health)),
            registry(
                keys::DISM,
                Some(keys::CHECKED_AT),
                Data::Text(at.to_owned()),
            ),
        ];
        form(Check::ComponentStore, 0, readings)
    };
    let first = asked(0, "2026-11-24T06:00:00Z");
    assert_eq!(first, asked(0, "2026-11-25T06:00:00Z"));
    assert_ne!(first, asked(1, "2026-11-25T06:00:00Z"));
}
