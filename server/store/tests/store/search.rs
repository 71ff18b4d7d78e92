//! What of a fleet has a text in it: who, how many, and never more than the viewer may see.

use sickbay_diagnosis::filter::{Filter, Pattern, Test, TextField};
use sickbay_diagnosis::verdict::Severity;
use sickbay_store::{Counted, DeviceStatus, DeviceSummary, InFleet, Scope, Sought};

use crate::fixture::{Fixture, accepted, at, filter, machine, open, summary, unknown};

/// A text as a person types it: a part of a name, and words of all else.
fn sought(text: &str) -> Sought {
    Sought {
        name: text.to_owned(),
        words: text.split(' ').map(str::to_lowercase).collect(),
        limit: 10,
        ..Sought::default()
    }
}

async fn search(store: &Fixture, scope: &Scope, text: &str) -> InFleet {
    store.search(scope, &sought(text)).await.unwrap()
}

fn names(found: &InFleet) -> Vec<&str> {
    let devices = found.devices.iter();
    devices.map(|row| row.summary.name.as_str()).collect()
}

pub(crate) async fn the_closest_names_come_first_and_all_are_counted(store: Fixture) {
    for name in ["my-pc-1", "PC-10", "pc-1", "pc-11", "other"] {
        store.active(name).await;
    }
    let gone = store.active("PC-1").await;
    store.put_status(&gone, DeviceStatus::Retired).await;
    store.pending_device("pc-1").await;
    let list = vec![machine("PC-12", "corp.example.org", "")];
    store.import_machines(list, "test", at(10)).await.unwrap();

    let found = search(&store, &Scope::All, "Pc-1").await;
    assert_eq!(names(&found), ["pc-1", "PC-10", "pc-11", "my-pc-1"]);
    let others = found.others.iter();
    let others: Vec<_> = others
        .map(|row| (row.summary.name.as_str(), row.identity.status))
        .collect();
    assert_eq!(
        others,
        [
            ("PC-1", DeviceStatus::Retired),
            ("pc-1", DeviceStatus::Pending),
            ("PC-12", DeviceStatus::Listed)
        ]
    );
    let counted = &found.counted;
    assert_eq!((counted.active, counted.others), (4, 3));
    assert_eq!((counted.called_so, counted.others_called_so), (1, 2));

    let few = Sought {
        limit: 1,
        ..sought("pc-1")
    };
    let few = store.search(&Scope::All, &few).await.unwrap();
    assert_eq!((names(&few), few.others.len()), (vec!["pc-1"], 1));
    assert_eq!(few.counted, found.counted, "all are counted");

    let full = Sought {
        label: Some("PC-11".to_owned()),
        ..sought("pc-11.corp.example.org")
    };
    let full = store.search(&Scope::All, &full).await.unwrap();
    assert_eq!((names(&full), full.counted.called_so), (vec!["pc-11"], 1));

    assert_eq!(
        names(&search(&store, &Scope::All, "my*1").await),
        ["my-pc-1"]
    );
    let nothing = store.search(&Scope::All, &Sought::default()).await.unwrap();
    assert!(nothing.devices.is_empty() && nothing.others.is_empty());
    assert_eq!(nothing.counted, Counted::default());
}

/// A fleet of two tags, with groups and causes that share words.
async fn tagged(store: &Fixture) {
    for (number, tag) in ["berlin", "hamburg", "berlin", "berlin"].iter().enumerate() {
        let name = format!("pc-{number}");
        let device = store.tagged_device(&name, &[tag, "berlin-desk"]).await;
        let change = sickbay_store::DeviceChange {
            summary: Some(DeviceSummary {
                site: "Berlin-Mitte".to_owned(),
                ou: format!("OU=Floor {number},OU=Berlin,DC=corp"),
                release: "Windows 11 24H2".to_owned(),
                ..summary(&name)
            }),
            ..store.change(device.key).await
        };
        store.done(change).await;
        let findings = match number {
            0 => vec![
                open("hold", Severity::Serious, &["41990788/GE24H2", "2/GE24H2"]),
                open("proxy", Severity::Warning, &["http://berlin:3128"]),
            ],
            1 => vec![open("hold", Severity::Serious, &["41990788/GE24H2"])],
            2 => vec![accepted("hold", Severity::Serious, &["41990788/GE24H2"])],
            _ => vec![
                unknown("hold"),
                open("hold-2", Severity::Serious, &["41990788/NI23H2"]),
            ],
        };
        store.report(device.key, findings).await;
    }
}

pub(crate) async fn groups_and_causes_are_found_with_as_many_devices_as_their_lists_have(
    store: Fixture,
) {
    tagged(&store).await;
    let mut met = 0;
    for scope in [Scope::All, Scope::Matching(filter("tag:berlin"))] {
        for text in ["berlin", "24h2", "floor corp", "41990788", "desk", "hold"] {
            let found = search(&store, &scope, text).await.counted;
            for (field, group) in &found.groups {
                let value = group.value.to_lowercase();
                assert!(text.split(' ').all(|word| value.contains(word)), "{value}");
                let narrowed = Filter::Is(Test::Text(*field, Pattern::new(&group.value)));
                let there = store.count_devices(&scope, &narrowed).await.unwrap();
                assert_eq!(there, group.devices, "{text}: {field:?} {}", group.value);
                met += 1;
            }
            for found in &found.causes {
                let key = Pattern::new(&found.cause.key);
                let narrowed = Filter::Is(Test::Cause(key));
                let there = store
                    .count_issue_devices(&scope, &found.issue, &narrowed)
                    .await
                    .unwrap();
                assert_eq!(there, found.devices, "{text}: {found:?}");
                met += 1;
            }
        }
    }
    assert!(met > 20, "{met}");

    let found = search(&store, &Scope::All, "berlin").await.counted;
    let fields: Vec<TextField> = found.groups.iter().map(|(field, _)| *field).collect();
    for field in [TextField::Ou, TextField::Site, TextField::Tag] {
        assert!(fields.contains(&field), "{fields:?}");
    }
    assert_eq!(found.groups[0].1.devices, 4, "those of most devices first");
    assert_eq!(found.causes.len(), 1);
    assert_eq!(found.causes[0].issue, "proxy");
}

pub(crate) async fn devices_of_a_hold_count_once_whatever_it_is_for(store: Fixture) {
    tagged(&store).await;
    let beginnings = ["41990788/", "2/", "9/"].map(str::to_owned).to_vec();
    let sought = Sought {
        beginnings: Some(("hold", beginnings.clone())),
        ..Sought::default()
    };
    let counts = async |scope: &Scope| store.search(scope, &sought).await.unwrap().counted;
    // One has two holds, one is accepted, and one is of another issue.
    assert_eq!(counts(&Scope::All).await.of_beginnings, [2, 1, 0]);
    let scope = Scope::Matching(filter("tag:hamburg"));
    assert_eq!(counts(&scope).await.of_beginnings, [1, 0, 0]);
    let unheard_of = Sought {
        beginnings: Some(("never", beginnings)),
        ..Sought::default()
    };
    let unheard_of = store.search(&Scope::All, &unheard_of).await.unwrap();
    assert_eq!(unheard_of.counted.of_beginnings, [0, 0, 0]);
}

pub(crate) async fn nothing_outside_the_scope_is_found_or_counted(store: Fixture) {
    tagged(&store).await;
    let away = store.tagged_device("pc-away", &["berlin"]).await;
    store.put_status(&away, DeviceStatus::Revoked).await;
    let scope = Scope::Matching(filter("tag:hamburg"));
    let found = search(&store, &scope, "pc-").await;
    assert_eq!(names(&found), ["pc-1"]);
    assert_eq!((found.counted.active, found.counted.others), (1, 0));
    let of_berlin = search(&store, &scope, "berlin").await.counted;
    assert!(of_berlin.causes.is_empty(), "the proxy is another's");
    assert!(of_berlin.groups.iter().all(|(_, group)| group.devices == 1));
    let tags: Vec<&str> = of_berlin
        .groups
        .iter()
        .filter(|(field, _)| *field == TextField::Tag)
        .map(|(_, group)| group.value.as_str())
        .collect();
    assert_eq!(
        tags,
        ["berlin-desk"],
        "what nobody in sight has is no group"
    );
    let nowhere = Scope::Matching(filter("tag:nowhere"));
    assert_eq!(
        search(&store, &nowhere, "pc-").await.counted,
        Counted::default()
    );
}
