use sickbay_diagnosis::context::Sighting;
use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::time::HOUR_MS;
use sickbay_store::{DeviceIdentity, DeviceRow, DeviceSummary, Life, ReportMark};
use uuid::Uuid;

use super::*;

const NOW: i64 = 100 * DAY_MS;

fn identity(status: DeviceStatus) -> DeviceIdentity {
    DeviceIdentity {
        key: 1,
        id: Uuid::nil(),
        status,
    }
}

fn device(status: DeviceStatus, life: Life) -> DeviceDetail {
    DeviceDetail {
        row: DeviceRow {
            identity: identity(status),
            summary: DeviceSummary::default(),
            tags: Vec::new(),
            last_seen_at: Some(Time::from_millis(NOW - 3 * DAY_MS)),
            last_report_at: None,
            enrolled_at: Time::from_millis(0),
            open: 0,
            serious: 0,
            unknown: 0,
            accepted: 0,
        },
        observations: Observations::new(),
        findings: Vec::new(),
        confirmed_at: None,
        collector_version: String::new(),
        mark: ReportMark::default(),
        certificate_not_after: None,
        sighting: Sighting {
            enrolled_at: Time::from_millis(0),
            last_seen_at: None,
            reported: false,
            collector_version: String::new(),
            clock_ahead_ms: None,
        },
        life,
    }
}

fn line(what: &str, detail: &str) -> AuditRow {
    AuditRow {
        id: 1,
        at: Time::from_millis(NOW - DAY_MS),
        actor: "somebody".to_owned(),
        action: what.to_owned(),
        device: None,
        subject: "PC".to_owned(),
        detail: detail.to_owned(),
    }
}

fn said(status: DeviceStatus, life: Life, record: &[AuditRow]) -> String {
    let told = tell(&device(status, life), record, false, Time::from_millis(NOW));
    let sentence = told.stage.to_string();
    assert!(
        sentence.ends_with('.') && !sentence.contains(".."),
        "{sentence}"
    );
    sentence
}

fn ended(why: Ended) -> Life {
    Life {
        ended: Some(why),
        status_at: Some(Time::from_millis(50 * DAY_MS)),
        ephemeral_ms: Some(12 * HOUR_MS),
        ..Life::default()
    }
}

#[test]
fn every_end_of_a_life_is_told_with_its_reason() {
    let relative = Relative {
        device: identity(DeviceStatus::Active),
        name: "PC-NEW".to_owned(),
    };
    for (status, life, wanted) in [
        (
            DeviceStatus::Retired,
            ended(Ended::Uninstalled),
            "uninstalled on 1970-02-20",
        ),
        (
            DeviceStatus::Retired,
            ended(Ended::Ephemeral),
            "fell silent for 12 hours and retired by itself",
        ),
        (
            DeviceStatus::Retired,
            ended(Ended::ByPerson),
            "retired on 1970-02-20 by somebody",
        ),
        (
            DeviceStatus::Revoked,
            ended(Ended::ByPerson),
            "refused for ever",
        ),
        (
            DeviceStatus::Replaced,
            ended(Ended::Merged),
            "same machine as another device, by the word of a person",
        ),
        (
            DeviceStatus::Replaced,
            ended(Ended::Reimaged),
            "enrolled again on 1970-02-20",
        ),
    ] {
        let record = [line(action::RETIRED, ""), line(action::REVOKED, "")];
        let sentence = said(status, life.clone(), &record);
        assert!(sentence.contains(wanted), "{sentence}");
        let life = Life {
            successor: Some(relative.clone()),
            ..life
        };
        let told = tell(
            &device(status, life),
            &record,
            false,
            Time::from_millis(NOW),
        );
        let linked = told.other.is_some();
        assert_eq!(linked, status == DeviceStatus::Replaced, "{}", told.stage);
    }
}

#[test]
fn what_happened_to_a_living_device_is_told_before_since_when_it_is_here() {
    let living = |life, record: &[AuditRow]| said(DeviceStatus::Active, life, record);
    for (what, detail, wanted) in [
        (
            action::CLONED,
            "two machines hold it",
            "found on two machines on 1970-04-10: two machines hold it",
        ),
        (action::SET_BACK, "", "an earlier state on 1970-04-10"),
        (action::RECOVERED, "", "came home by itself"),
        (
            action::RENAMED,
            "it was pc-old",
            "another name since 1970-04-10 (it was pc-old)",
        ),
    ] {
        let record = [
            line(what, detail),
            line(action::ENROLLED, "active: by list"),
        ];
        let sentence = living(Life::default(), &record);
        assert!(sentence.contains(wanted), "{sentence}");
    }
    // The gravest first.
    let both = [
        line(action::RENAMED, "it was a"),
        line(action::CLONED, "two"),
    ];
    assert!(living(Life::default(), &both).contains("two machines"));
    // What lies far back is no news.
    let mut old = line(action::CLONED, "two");
    old.at = Time::from_millis(0);
    let token = Life {
        token: Some("GPO".to_owned()),
        ..Life::default()
    };
    assert_eq!(
        living(token, &[old]),
        "It enrolled on 1970-01-01 with the token \"GPO\", and was last heard of 3 days ago."
    );
    let again = Life {
        predecessors: vec![Relative {
            device: identity(DeviceStatus::Replaced),
            name: "PC".to_owned(),
        }],
        ..Life::default()
    };
    assert!(living(again, &[]).contains("in the place of an earlier device"));
    let short = Life {
        ephemeral_ms: Some(HOUR_MS),
        ..Life::default()
    };
    assert!(living(short, &[]).contains("after 1 hour of silence"));
    let here = tell(
        &device(DeviceStatus::Active, Life::default()),
        &[],
        true,
        Time::from_millis(NOW),
    );
    assert_eq!(
        here.stage.to_string(),
        "It enrolled on 1970-01-01, and is connected now."
    );
}

#[test]
fn who_waits_is_told_what_for() {
    let record = [line(
        action::ENROLLED,
        "pending: a device that lives holds its place",
    )];
    assert_eq!(
        said(DeviceStatus::Pending, Life::default(), &record),
        "It asked to be let in on 1970-01-01 and waits: a device that lives holds its place."
    );
    assert!(said(DeviceStatus::Listed, Life::default(), &[]).contains("imported list"));
}
