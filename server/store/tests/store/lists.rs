//! Lists, pages, groups and scopes.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::verdict::{Severity, State};
use sickbay_store::{
    AuditQuery, CauseCount, DeviceChange, DeviceStatus, Finding, FindingChange, Page, Scope, action,
};
use uuid::Uuid;

use crate::fixture::{Fixture, at, filter, first, open, summary, unknown};

/// Names of all devices, read in pages.
async fn names(store: &Fixture, scope: &Scope, filter: &Filter, limit: u32) -> Vec<String> {
    let mut names = Vec::new();
    let mut page = first(limit);
    loop {
        let rows = store.devices(scope, filter, &page).await.unwrap();
        assert!(rows.len() <= limit as usize);
        let Some(last) = rows.last() else {
            return names;
        };
        page = Page {
            after: Some(last.cursor()),
            limit,
        };
        names.extend(rows.into_iter().map(|row| row.summary.name));
    }
}

pub(crate) async fn devices_page_by_name_then_key_without_gap_or_repeat(store: Fixture) {
    // Equal names, names that differ in case, names that end within another, and none at all.
    for name in [
        "pc-2", "PC-1", "pc-1", "", "pc-1", "pc", "Zebra", "Ähre", "pc-10", "\u{fffd}",
    ] {
        store.active(name).await;
    }
    store.pending_device("waiting").await;
    let expected = [
        "", "pc", "PC-1", "pc-1", "pc-1", "pc-10", "pc-2", "Zebra", "Ähre", "\u{fffd}",
    ];
    for limit in [1, 2, 3, 100] {
        assert_eq!(
            names(&store, &Scope::All, &Filter::Everything, limit).await,
            expected,
            "{limit}"
        );
    }
    let some = names(&store, &Scope::All, &filter("name:pc-1*"), 2).await;
    assert_eq!(some, ["PC-1", "pc-1", "pc-1", "pc-10"]);
    assert_eq!(
        store
            .count_devices(&Scope::All, &filter("name:pc-1*"))
            .await
            .unwrap(),
        4
    );
    let waiting = store
        .devices_with_status(
            &Scope::All,
            DeviceStatus::Pending,
            &Filter::Everything,
            &first(10),
        )
        .await
        .unwrap();
    assert_eq!(
        waiting
            .iter()
            .map(|row| row.summary.name.as_str())
            .collect::<Vec<_>>(),
        ["waiting"]
    );
}

pub(crate) async fn a_renamed_device_moves_in_every_list(store: Fixture) {
    let (a, b) = (store.active("a").await, store.active("b").await);
    for device in [&a, &b] {
        store
            .report(device.key, vec![open("x", Severity::Warning, &["c"])])
            .await;
    }
    let renamed = DeviceChange {
        summary: Some(summary("C")),
        // One finding stays as it is and another comes in the same change.
        findings: vec![FindingChange::Put(unknown("y"))],
        ..store.change(a.key).await
    };
    store.done(renamed).await;
    assert_eq!(
        names(&store, &Scope::All, &Filter::Everything, 1).await,
        ["b", "C"]
    );
    let mut page = first(1);
    let mut met = Vec::new();
    loop {
        let rows = store
            .issue_devices(&Scope::All, "x", &Filter::Everything, &page)
            .await
            .unwrap();
        let Some(last) = rows.last() else { break };
        page.after = Some(last.device.cursor());
        met.extend(rows.into_iter().map(|row| row.device.summary.name));
    }
    assert_eq!(met, ["b", "C"]);
}

pub(crate) async fn a_device_that_changes_its_name_all_the_time_does_not_fill_the_record(
    store: Fixture,
) {
    const HOUR_MS: i64 = 3_600_000;
    let device = store.active("a").await;
    store.report(device.key, Vec::new()).await;
    for (minute, name) in [(0, "B"), (1, "C"), (59, "D"), (60, "E")] {
        let renamed = DeviceChange {
            summary: Some(summary(name)),
            now: Time::from_millis(24 * HOUR_MS + minute * 60_000),
            ..store.change(device.key).await
        };
        store.done(renamed).await;
    }
    let record = store.audit(&AuditQuery::of(device.id, 100)).await.unwrap();
    let told: Vec<&str> = record
        .iter()
        .filter(|line| line.action == action::RENAMED)
        .map(|line| line.subject.as_str())
        .collect();
    assert_eq!(told, ["E", "B"], "one within an hour, newest first");
}

pub(crate) async fn findings_of_an_issue_page_and_group_by_cause(store: Fixture) {
    let findings: [(&str, Finding); 5] = [
        ("e", open("hold", Severity::Serious, &["1/W11", "2/W11"])),
        ("d", open("hold", Severity::Warning, &["1/W11"])),
        ("c", unknown("hold")),
        ("b", open("hold", Severity::Serious, &["3/W11"])),
        ("a", open("other", Severity::Serious, &["1/W11"])),
    ];
    for (name, finding) in findings {
        let device = store.active(name).await;
        store.report(device.key, vec![finding]).await;
    }
    let listed = async |text: &str| {
        let filter = filter(text);
        let rows = store
            .issue_devices(&Scope::All, "hold", &filter, &first(10))
            .await
            .unwrap();
        let count = store
            .count_issue_devices(&Scope::All, "hold", &filter)
            .await
            .unwrap();
        assert_eq!(count, rows.len() as u64, "{text}");
        rows.into_iter()
            .map(|row| row.device.summary.name)
            .collect::<String>()
    };
    assert_eq!(listed("").await, "bcde");
    assert_eq!(listed("state:open").await, "bde");
    assert_eq!(listed("state:unknown").await, "c");
    assert_eq!(listed("cause:1/W11").await, "de");
    assert_eq!(listed("state:open -cause:1*").await, "b");
    assert_eq!(listed("issue:other").await, "");

    let groups = async |text: &str| {
        let rows = store
            .issue_causes(&Scope::All, "hold", &filter(text))
            .await
            .unwrap();
        rows.into_iter()
            .map(|CauseCount { cause, devices }| (cause.key, cause.label, devices))
            .collect::<Vec<_>>()
    };
    let group = |key: &str, devices| (key.to_owned(), format!("Cause {key}"), devices);
    assert_eq!(
        groups("").await,
        [group("1/W11", 2), group("2/W11", 1), group("3/W11", 1)]
    );
    assert_eq!(
        groups("cause:2/W11").await,
        [group("1/W11", 1), group("2/W11", 1)]
    );

    let page = store
        .issue_devices(&Scope::All, "hold", &filter("state:open"), &first(1))
        .await
        .unwrap();
    assert_eq!(page[0].finding, open("hold", Severity::Serious, &["3/W11"]));
    assert_eq!((page[0].device.open, page[0].device.serious), (1, 1));
}

pub(crate) async fn causes_follow_the_finding(store: Fixture) {
    let device = store.active("a").await;
    let groups = async || {
        let rows = store
            .issue_causes(&Scope::All, "x", &Filter::Everything)
            .await
            .unwrap();
        rows.into_iter()
            .map(|row| row.cause.key)
            .collect::<Vec<_>>()
    };
    store
        .report(device.key, vec![open("x", Severity::Warning, &["1", "2"])])
        .await;
    assert_eq!(groups().await, ["1", "2"]);
    store
        .report(
            device.key,
            vec![open("x", Severity::Warning, &["2", "3", "3"])],
        )
        .await;
    assert_eq!(groups().await, ["2", "3"]);

    // An unknown finding groups by nothing, whatever the caller hands over; a clear one is not kept.
    let mut confused = unknown("x");
    confused.causes = open("x", Severity::Warning, &["4"]).causes;
    store.report(device.key, vec![confused.clone()]).await;
    assert!(groups().await.is_empty());
    assert!(
        store
            .devices(&Scope::All, &filter("cause:4"), &first(1))
            .await
            .unwrap()
            .is_empty()
    );
    confused.state = State::Clear;
    store.report(device.key, vec![confused]).await;
    assert!(store.state(device.key).await.findings.is_empty());
    store
        .report(device.key, vec![open("x", Severity::Warning, &["5"])])
        .await;
    let removed = DeviceChange {
        findings: vec![
            FindingChange::Remove {
                issue: "x".to_owned(),
            },
            FindingChange::Remove {
                issue: "never-there".to_owned(),
            },
        ],
        ..store.change(device.key).await
    };
    store.done(removed).await;
    assert!(groups().await.is_empty());
    let row = store
        .device(&Scope::All, device.id)
        .await
        .unwrap()
        .unwrap()
        .row;
    assert_eq!((row.open, row.serious, row.unknown), (0, 0, 0));
}

pub(crate) async fn what_is_outside_the_scope_does_not_exist(store: Fixture) {
    let mine = store.tagged_device("mine", &["Berlin", "Pilot"]).await;
    let other = store.tagged_device("other", &["Paris"]).await;
    for device in [&mine, &other] {
        store
            .report(device.key, vec![open("x", Severity::Warning, &["c"])])
            .await;
    }
    let scope = Scope::Matching(filter("tag:berlin"));
    // A filter cannot widen a scope.
    let everyone = filter("name:* or name:other");
    assert_eq!(names(&store, &scope, &everyone, 5).await, ["mine"]);
    assert_eq!(store.count_devices(&scope, &everyone).await.unwrap(), 1);
    assert_eq!(
        store
            .count_issue_devices(&scope, "x", &Filter::Everything)
            .await
            .unwrap(),
        1
    );
    let listed = store
        .issue_devices(&scope, "x", &everyone, &first(9))
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].device.tags, ["Berlin", "Pilot"]);
    assert_eq!(
        store.issue_causes(&scope, "x", &everyone).await.unwrap()[0].devices,
        1
    );
    assert!(store.device(&scope, other.id).await.unwrap().is_none());
    assert!(store.device(&scope, mine.id).await.unwrap().is_some());
    let seen = store
        .device_ids(&scope, &[mine.key, other.key, -5])
        .await
        .unwrap();
    assert_eq!(seen, std::slice::from_ref(&mine));
    let all = store
        .device_ids(&Scope::All, &[other.key, mine.key])
        .await
        .unwrap();
    assert_eq!(all, [mine, other]);
    assert!(store.device_ids(&Scope::All, &[]).await.unwrap().is_empty());
}

pub(crate) async fn a_device_is_told_whole(store: Fixture) {
    let device = store.active("a").await;
    assert!(
        store
            .device(&Scope::All, Uuid::nil())
            .await
            .unwrap()
            .is_none()
    );
    let detail = store.device(&Scope::All, device.id).await.unwrap().unwrap();
    assert!(detail.observations.is_empty() && detail.findings.is_empty());
    assert!(detail.mark.epoch.is_empty());
    assert_eq!(
        (detail.row.last_seen_at, detail.certificate_not_after),
        (None, None)
    );

    let findings = vec![open("a", Severity::Serious, &["1"]), unknown("b")];
    store.report(device.key, findings.clone()).await;
    let detail = store.device(&Scope::All, device.id).await.unwrap().unwrap();
    assert_eq!(detail.findings, findings);
    assert_eq!(
        (detail.row.open, detail.row.serious, detail.row.unknown),
        (1, 1, 1)
    );
    assert_eq!(detail.row.last_report_at, Some(at(1_000)));
    assert_eq!(detail.row.identity, device);
}

pub(crate) async fn tags_of_the_token_stay_and_reported_ones_come_and_go(store: Fixture) {
    let device = store.tagged_device("pc", &["pilot", "berlin"]).await;
    let reports = async |tags: &[&str]| {
        let change = store.change(device.key).await;
        let reported_tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        store
            .done(DeviceChange {
                summary: Some(sickbay_store::DeviceSummary {
                    reported_tags,
                    ..summary("pc")
                }),
                ..change
            })
            .await;
    };
    let found = async |tag: &str| {
        let tag = filter(&format!("tag:{tag}"));
        names(&store, &Scope::All, &tag, 10).await.len()
    };
    reports(&["kiosk", "pilot"]).await;
    let rows = store
        .devices(&Scope::All, &Filter::Everything, &first(10))
        .await
        .unwrap();
    assert_eq!(rows[0].tags, ["berlin", "kiosk", "pilot"]);
    assert_eq!((found("kiosk").await, found("pilot").await), (1, 1));
    reports(&["other"]).await;
    assert_eq!((found("kiosk").await, found("other").await), (0, 1));
    reports(&[]).await;
    assert_eq!((found("other").await, found("pilot").await), (0, 1));
    assert_eq!(
        store.state(device.key).await.summary.reported_tags,
        Vec::<String>::new()
    );
}
