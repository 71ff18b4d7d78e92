//! The imported list of machines and who leaves it.

use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::issues::never_enrolled;
use sickbay_diagnosis::verdict::{Severity, State};
use sickbay_store::{
    CauseCount, DeviceChange, DeviceStatus, FleetCounts, Imported, IssueDevice, ListedMachine,
    Page, Scope,
};

use crate::fixture::{Fixture, at, deed, filter, first, machine, mark, summary};

const ISSUE: &str = never_enrolled::ID;

async fn listed(store: &Fixture) -> Vec<IssueDevice> {
    store
        .issue_devices(&Scope::All, ISSUE, &Filter::Everything, &first(1_000))
        .await
        .unwrap()
}

async fn names(store: &Fixture) -> Vec<String> {
    let rows = listed(store).await.into_iter();
    rows.map(|row| row.device.summary.name).collect()
}

/// The counters say what the list shows.
async fn counted(store: &Fixture) -> u64 {
    let counts = store.issue_counts(&Scope::All).await.unwrap();
    let open = counts.iter().find(|count| count.issue == ISSUE);
    let open = open.map_or(0, |count| count.open);
    let fleet = store.fleet_counts(&Scope::All).await.unwrap();
    assert_eq!(fleet.never_enrolled, open);
    assert_eq!(listed(store).await.len() as u64, open);
    open
}

async fn import(store: &Fixture, machines: Vec<ListedMachine>, now: i64) -> Imported {
    store
        .import_machines(machines, "test", at(now))
        .await
        .unwrap()
}

pub(crate) async fn a_listed_machine_is_a_finding_and_no_device(store: Fixture) {
    let machines = vec![
        machine("PC-2", "corp.example.org", "OU=Lab,DC=corp"),
        machine("pc-1", "corp.example.org", "OU=Lab,DC=corp"),
        machine("srv-1", "", ""),
    ];
    let imported = import(&store, machines, 7).await;
    assert_eq!(
        imported,
        Imported {
            listed: 3,
            ..Imported::default()
        }
    );

    let rows = listed(&store).await;
    let row = &rows[1];
    assert_eq!(row.device.summary.name, "PC-2");
    assert_eq!(row.device.identity.status, DeviceStatus::Listed);
    assert_eq!(row.device.summary.domain, "corp.example.org");
    assert_eq!(row.device.summary.release, "Windows 11 Enterprise");
    assert_eq!(row.device.summary.kind, "client");
    assert_eq!((row.device.open, row.device.serious), (1, 0));
    assert_eq!(row.device.last_seen_at, None);
    assert_eq!(row.finding.state, State::Open);
    assert_eq!(row.finding.severity, Some(Severity::Warning));
    assert_eq!(row.finding.causes[0].key, "OU=Lab,DC=corp");
    assert_eq!(row.finding.since, at(7));
    let causes = store
        .issue_causes(&Scope::All, ISSUE, &Filter::Everything)
        .await
        .unwrap();
    let groups: Vec<(&str, u64)> = causes
        .iter()
        .map(|CauseCount { cause, devices }| (cause.key.as_str(), *devices))
        .collect();
    assert_eq!(groups, [("OU=Lab,DC=corp", 2), (never_enrolled::NO_OU, 1)]);
    assert_eq!(counted(&store).await, 3);

    // A scope and a filter take listed machines like devices.
    let lab = Scope::Matching(filter("ou:OU=Lab*"));
    let scoped = store.issue_counts(&lab).await.unwrap();
    assert_eq!((scoped.len(), scoped[0].open), (1, 2));
    let fleet = store.fleet_counts(&lab).await.unwrap();
    assert_eq!((fleet.never_enrolled, fleet.active()), (2, 0));
    let servers = filter("name:srv*");
    let count = store.count_issue_devices(&Scope::All, ISSUE, &servers);
    assert_eq!(count.await.unwrap(), 1);

    // It is no device: it stands in no other list, nobody waits for its report, and nothing is due.
    let everything = Filter::Everything;
    assert_eq!(
        store.fleet_counts(&Scope::All).await.unwrap(),
        FleetCounts {
            never_enrolled: 3,
            ..FleetCounts::default()
        }
    );
    let devices = store.devices(&Scope::All, &everything, &first(10)).await;
    assert!(devices.unwrap().is_empty());
    let count = store.count_devices(&Scope::All, &everything).await;
    assert_eq!(count.unwrap(), 0);
    assert!(
        store
            .keys_after(&sickbay_store::Concerned::All, 0, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(store.due(at(i64::MAX), 10).await.unwrap().is_empty());
    assert!(store.source_counts().await.unwrap().is_empty());
    let history = store.recent_history(&Scope::All, 10).await.unwrap();
    assert!(history.is_empty());
}

pub(crate) async fn an_import_replaces_the_list_as_a_whole(store: Fixture) {
    let machines = vec![
        machine("a", "x.example", "OU=1"),
        machine("b", "x.example", "OU=1"),
        machine("c", "x.example", "OU=1"),
        machine("B", "X.EXAMPLE", "OU=2"),
    ];
    assert_eq!(import(&store, machines, 1).await.repeated, 1);
    let before = listed(&store).await;
    let id_of = |rows: &[IssueDevice], name: &str| {
        let row = rows.iter().find(|row| row.device.summary.name == name);
        row.map(|row| (row.device.identity.id, row.finding.since))
    };

    let machines = vec![
        machine("c", "x.example", "OU=moved"),
        machine("d", "x.example", "OU=1"),
        machine("a", "x.example", "OU=1"),
    ];
    assert_eq!(
        import(&store, machines, 2).await,
        Imported {
            listed: 3,
            unchanged: 1,
            removed: 1,
            ..Imported::default()
        }
    );
    let after = listed(&store).await;
    assert_eq!(names(&store).await, ["a", "c", "d"]);
    for kept in ["a", "c"] {
        assert_eq!(id_of(&before, kept), id_of(&after, kept), "{kept}");
    }
    assert_eq!(id_of(&after, "d").map(|(_, since)| since), Some(at(2)));
    assert_eq!(after[1].finding.causes[0].key, "OU=moved");
    assert_eq!(counted(&store).await, 3);

    let nothing = import(&store, Vec::new(), 3).await;
    assert_eq!((nothing.listed, nothing.removed), (0, 3));
    assert_eq!(counted(&store).await, 0);
}

pub(crate) async fn a_device_of_any_status_speaks_for_its_machine(store: Fixture) {
    store.pending_device("Waits").await;
    store.active("WORKS").await;
    let gone = store.active("gone").await;
    store.put_status(&gone, DeviceStatus::Retired).await;
    let refused = store.active("refused").await;
    store.put_status(&refused, DeviceStatus::Revoked).await;
    // Devices of the fixture are of corp.example.org.
    let machines = vec![
        machine("waits", "", ""),
        machine("works", "CORP.example.org", ""),
        machine("works", "other.example.org", ""),
        machine("gone", "corp", ""),
        machine("refused", "corp.example.org", ""),
        machine("never", "corp.example.org", ""),
    ];
    let imported = import(&store, machines, 1).await;
    assert_eq!((imported.listed, imported.spoken_for), (2, 4));
    let rows = listed(&store).await;
    let left: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| {
            let summary = &row.device.summary;
            (summary.name.as_str(), summary.domain.as_str())
        })
        .collect();
    assert_eq!(
        left,
        [
            ("never", "corp.example.org"),
            ("works", "other.example.org")
        ]
    );
}

pub(crate) async fn who_enrols_or_takes_a_name_leaves_the_list(store: Fixture) {
    let machines = ["a", "b", "c", "d"]
        .map(|name| machine(name, "corp.example.org", "OU=1"))
        .to_vec();
    import(&store, machines.clone(), 1).await;
    store.pending_device("A").await;
    assert_eq!(names(&store).await, ["b", "c", "d"]);
    let device = store.active("old-name").await;
    assert_eq!(names(&store).await, ["b", "c", "d"]);
    let change = DeviceChange {
        mark: Some(mark(1)),
        summary: Some(summary("B")),
        ..store.change(device.key).await
    };
    store.done(change).await;
    assert_eq!(names(&store).await, ["c", "d"]);
    assert_eq!(counted(&store).await, 2);

    // A change that is not written speaks for nobody.
    let late = DeviceChange {
        expected_version: 99,
        summary: Some(summary("c")),
        ..store.change(device.key).await
    };
    store.commit(&[late]).await.unwrap();
    assert_eq!(names(&store).await, ["c", "d"]);

    let again = import(&store, machines, 2).await;
    assert_eq!((again.listed, again.unchanged, again.spoken_for), (2, 2, 2));
    assert_eq!(counted(&store).await, 2);
}

pub(crate) async fn only_enrolling_makes_a_device_of_a_listed_machine(store: Fixture) {
    import(&store, vec![machine("a", "", "")], 1).await;
    let entry = listed(&store).await.remove(0).device.identity;
    for status in [
        DeviceStatus::Pending,
        DeviceStatus::Active,
        DeviceStatus::Revoked,
        DeviceStatus::Retired,
    ] {
        let changed = store
            .set_status(&[entry.id], status, &deed(2))
            .await
            .unwrap();
        assert!(changed.is_empty(), "{status:?}");
    }
    let device = store.active("b").await;
    let changed = store
        .set_status(&[device.id], DeviceStatus::Listed, &deed(2))
        .await
        .unwrap();
    assert!(changed.is_empty());
    let change = DeviceChange {
        mark: Some(mark(1)),
        ..store.change(entry.key).await
    };
    let answers = store.commit(&[change]).await.unwrap();
    assert_eq!(answers, [sickbay_store::Committed::Conflict]);
    assert_eq!(counted(&store).await, 1);
}

pub(crate) async fn texts_of_a_list_harm_nothing(store: Fixture) {
    let hostile = [
        "'); DROP TABLE device; --",
        "a\0b",
        "\"]; x",
        "=1+1",
        "ÄÖÜ",
        "\u{202e}",
    ];
    let machines: Vec<ListedMachine> = hostile
        .iter()
        .map(|text| machine(text, text, text))
        .collect();
    let imported = import(&store, machines.clone(), 1).await;
    assert_eq!(imported.listed, hostile.len() as u64);
    assert_eq!(counted(&store).await, hostile.len() as u64);
    let again = import(&store, machines, 2).await;
    assert_eq!(again.unchanged, hostile.len() as u64, "{again:?}");
    for text in hostile {
        store.active(text).await;
    }
    // The domains of the list contradict those of the devices, so these stand for no machine of it.
    assert_eq!(counted(&store).await, hostile.len() as u64);
    let machines = hostile.map(|text| machine(text, "", text)).to_vec();
    assert_eq!(import(&store, machines, 3).await.spoken_for, 6);
    assert_eq!(counted(&store).await, 0);
}

pub(crate) async fn a_long_list_pages_without_gap_and_goes_again(store: Fixture) {
    const MACHINES: usize = 2_345;
    let machines: Vec<ListedMachine> = (0..MACHINES)
        .map(|number| machine(&format!("PC-{number}"), "", &format!("OU={}", number % 7)))
        .collect();
    let imported = import(&store, machines.clone(), 1).await;
    assert_eq!(imported.listed, MACHINES as u64);
    let mut seen = std::collections::BTreeSet::new();
    let mut page = Page {
        after: None,
        limit: 1_000,
    };
    loop {
        let rows = store
            .issue_devices(&Scope::All, ISSUE, &Filter::Everything, &page)
            .await
            .unwrap();
        let Some(last) = rows.last() else { break };
        page.after = Some(last.device.cursor());
        for row in rows {
            assert!(seen.insert(row.device.summary.name));
        }
    }
    assert_eq!(seen.len(), MACHINES);
    let half = machines.into_iter().step_by(2).collect();
    let imported = import(&store, half, 2).await;
    assert_eq!(
        (imported.unchanged, imported.removed),
        (MACHINES as u64 / 2 + 1, MACHINES as u64 / 2)
    );
}
