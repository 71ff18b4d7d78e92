//! What somebody with a scope sees is what a filter leaves of the whole fleet: counts, pages, lists, exports, search, live events.
//!
//! The brute force is [`Filter::matches`] over what somebody who sees everything is shown, with the tags that the server gave.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt as _;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use sickbay_diagnosis::filter::{Filter, FindingView, NumberField, Subject, TextField};
use sickbay_store::{Access, DeviceIdentity, Role, Scope};

use crate::readings::{client, held, paused_by_user, server, tagged};
use crate::site::{PATIENCE, Site, Viewer, encoded, eventually, within};

/// Scopes that are tried; each is a fleet's worth of questions.
const SCOPES: usize = 24;
const DEVICES: usize = 30;
const TAGS: [&str; 3] = ["berlin", "hamburg", "kiosk"];

/// A device as everybody's eyes see it, with the tags that the server gave it.
struct Known {
    identity: DeviceIdentity,
    row: Value,
    given: Vec<String>,
    /// State by issue, as the device's page says.
    states: BTreeMap<String, String>,
}

struct Sample<'a> {
    known: &'a Known,
    tags: Vec<String>,
}

impl Subject for Sample<'_> {
    fn texts(&self, field: TextField) -> Vec<Cow<'_, str>> {
        let name = match field {
            TextField::Tag => return self.tags.iter().map(|tag| tag.as_str().into()).collect(),
            TextField::Primary => "primary_issue",
            other => other.name(),
        };
        vec![self.known.row[name].as_str().unwrap_or_default().into()]
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        self.known.row[field.name()].as_u64()
    }

    fn findings(&self) -> Vec<FindingView<'_>> {
        Vec::new()
    }
}

impl Known {
    fn is_in(&self, scope: &Filter) -> bool {
        scope.matches(&Sample {
            known: self,
            tags: self.given.clone(),
        })
    }

    /// A search finds what the device says of its tags as well.
    fn answers(&self, search: &Filter) -> bool {
        let shown = self.row["tags"].as_array().unwrap();
        let tags = shown.iter().map(|tag| tag.as_str().unwrap().to_owned());
        search.matches(&Sample {
            known: self,
            tags: tags.collect(),
        })
    }

    fn is(&self, issue: &str, state: &str) -> bool {
        self.states.get(issue).is_some_and(|is| is == state)
    }

    fn id(&self) -> String {
        self.identity.id.to_string()
    }
}

/// A fleet in which every tag, kind and issue is there and is not there.
async fn fleet(site: &Site) -> Vec<Known> {
    let mut devices = Vec::new();
    for number in 0..DEVICES {
        let given: Vec<String> = TAGS
            .iter()
            .enumerate()
            .filter(|(place, _)| (number >> place) & 1 == 1)
            .map(|(_, tag)| (*tag).to_owned())
            .collect();
        let (_, token) = site.token(|token| token.tags.clone_from(&given)).await;
        let name = format!("{}-{number:02}", if number % 2 == 0 { "PC" } else { "SRV" });
        let device = site.stored_device(&token, &name).await;
        if reports(number) {
            site.take_in(&device, report(site, number, &name)).await;
        }
        devices.push((device, given));
    }
    // A device that never reported is looked at by a job.
    eventually("everything is diagnosed", async || {
        match site.store().due(site.now(), 100).await.unwrap().len() {
            0 => Ok(()),
            due => Err(format!("{due} are due")),
        }
    })
    .await;
    let whole = site.api().await;
    // What the fleet as a whole shows of updates is looked at by another job, and moves verdicts once: until all that is kept is what is
    // decided now.
    let mut known = within(Duration::from_mins(1), "verdicts rest", async || {
        let known = decided(&whole, &devices).await;
        let counts = whole.json("/api/v1/issues").await;
        for count in counts.as_array().unwrap() {
            let issue = count["id"].as_str().unwrap();
            for state in ["open", "unknown"] {
                let now = known.iter().filter(|known| known.is(issue, state)).count();
                if count[state].as_u64() != Some(now as u64) {
                    return Err(format!("{issue}: {} {state}, decided {now}", count[state]));
                }
            }
        }
        // Longer than that job rests.
        tokio::time::sleep(Duration::from_secs(4)).await;
        let again = whole.json("/api/v1/issues").await;
        if again == counts {
            Ok(known)
        } else {
            Err("it goes on".to_owned())
        }
    })
    .await;
    for row in listed(&whole, "/api/v1/devices?").await {
        let id = row["id"].as_str().unwrap().to_owned();
        if let Some(found) = known.iter_mut().find(|known| known.id() == id) {
            found.row = row;
        }
    }
    assert!(known.iter().all(|known| known.row.is_object()));
    known
}

/// What is decided of each device now.
async fn decided(whole: &Viewer, devices: &[(DeviceIdentity, Vec<String>)]) -> Vec<Known> {
    let mut known = Vec::new();
    for (identity, given) in devices {
        let detail = whole
            .json(&format!("/api/v1/devices/{}", identity.id))
            .await;
        let verdicts = detail["verdicts"].as_array().unwrap();
        let states = verdicts.iter().map(|verdict| {
            let text = |name: &str| verdict[name].as_str().unwrap().to_owned();
            (text("issue"), text("state"))
        });
        known.push(Known {
            identity: identity.clone(),
            given: given.clone(),
            states: states.collect(),
            row: Value::Null,
        });
    }
    known
}

/// Every seventh never reports.
const fn reports(number: usize) -> bool {
    !number.is_multiple_of(7)
}

fn report(
    site: &Site,
    number: usize,
    name: &str,
) -> Vec<(
    sickbay_diagnosis::Check,
    sickbay_diagnosis::observation::Observation,
)> {
    let mut report = vec![match number % 5 {
        0 => server(name),
        // It says of itself what would put it into somebody's scope.
        1 => tagged(name, &["berlin", "secret"]),
        _ => client(name),
    }];
    if number.is_multiple_of(3) {
        report.push(paused_by_user(site.now().plus_days(1)));
    }
    if number % 4 == 1 {
        report.push(held("NI22H2", 41_990_788));
    }
    report
}

/// Every row of a list, page by page.
async fn listed(viewer: &Viewer, path: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let part = viewer.json(&format!("{path}limit=7{cursor}")).await;
        rows.extend(part["items"].as_array().unwrap().iter().cloned());
        match part["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

fn leaf() -> impl Strategy<Value = String> {
    select(vec![
        "tag:berlin",
        "tag:hamburg",
        "tag:k*",
        "tag:secret",
        "-tag:kiosk",
        "name:PC-*",
        "name:*1*",
        "kind:server",
        "kind:client",
        "release:\"Windows 11*\"",
        "build>=26100",
        "build<26100",
        "edition:*Server*",
        "domain:\"\"",
    ])
    .prop_map(str::to_owned)
}

/// Filters that a scope may be, as people write them.
fn filters() -> impl Strategy<Value = String> {
    leaf().prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_shows_what_a_filter_leaves_of_the_fleet_everywhere() {
    let site = Site::start().await;
    let fleet = fleet(&site).await;
    let mut runner = TestRunner::deterministic();
    let (mut partial, mut heard) = (0, 0);
    for number in 0..SCOPES {
        let text = filters().new_tree(&mut runner).unwrap().current();
        let search = filters().new_tree(&mut runner).unwrap().current();
        let scope = Filter::parse(&text).unwrap();
        let visible: Vec<&Known> = fleet.iter().filter(|known| known.is_in(&scope)).collect();
        partial += usize::from(!visible.is_empty() && visible.len() < fleet.len());
        let access = Access {
            role: Role::Viewer,
            scope: Scope::Matching(scope),
        };
        let (_, viewer) = site.api_token_that_may(access, None).await;
        let what = format!("{text}, searched for {search}");
        sees_its_devices(&viewer, &fleet, &visible, &search, &what).await;
        sees_its_issues(&viewer, &fleet, &visible, &what).await;
        // Waiting for what is not said takes its time.
        if number % 6 == 0 {
            hears_of_its_devices(&site, &viewer, &fleet, &visible, &what).await;
            heard += usize::from(!visible.is_empty());
        }
    }
    assert!(partial > SCOPES / 2, "{partial} scopes tell devices apart");
    assert!(heard > 0, "nobody was told anything");
}

async fn sees_its_devices(
    viewer: &Viewer,
    fleet: &[Known],
    visible: &[&Known],
    search: &str,
    what: &str,
) {
    let expected: BTreeSet<String> = visible.iter().map(|known| known.id()).collect();
    let rows = listed(viewer, "/api/v1/devices?").await;
    assert_eq!(ids(&rows), expected, "{what}");
    let page = viewer.page("/devices").await;
    let count = format!("<strong>{} device", expected.len());
    assert!(page.contains(&count), "{what}: {count}");

    let asked = Filter::parse(search).unwrap();
    let found: BTreeSet<String> = visible
        .iter()
        .filter(|known| known.answers(&asked))
        .map(|known| known.id())
        .collect();
    let path = format!("/api/v1/devices?filter={}&", encoded(search));
    assert_eq!(ids(&listed(viewer, &path).await), found, "{what}");

    let overview = viewer.page("/").await;
    for known in fleet {
        let seen = expected.contains(&known.id());
        for path in [
            format!("/devices/{}", known.id()),
            format!("/api/v1/devices/{}", known.id()),
        ] {
            let status = viewer.get(&path).await.status().as_u16();
            assert_eq!(status, if seen { 200 } else { 404 }, "{what}: {path}");
        }
        if !seen {
            for (name, page) in [("overview", &overview), ("devices", &page)] {
                assert!(!page.contains(&known.id()), "{what}: {name}");
            }
        }
    }
}

async fn sees_its_issues(viewer: &Viewer, fleet: &[Known], visible: &[&Known], what: &str) {
    let file = viewer.page("/api/v1/exports/devices/devices.ndjson").await;
    let taken: BTreeSet<String> = file.lines().map(id_of).collect();
    let seen: BTreeSet<String> = visible.iter().map(|known| known.id()).collect();
    assert_eq!(taken, seen, "{what}: devices as a file");
    let of = |issue: &str, state: &str| -> BTreeSet<String> {
        visible
            .iter()
            .filter(|known| known.is(issue, state))
            .map(|known| known.id())
            .collect()
    };
    let counts = viewer.json("/api/v1/issues").await;
    for count in counts.as_array().unwrap() {
        let issue = count["id"].as_str().unwrap();
        let (open, unknown) = (of(issue, "open"), of(issue, "unknown"));
        assert_eq!(
            (count["open"].as_u64(), count["unknown"].as_u64()),
            (Some(open.len() as u64), Some(unknown.len() as u64)),
            "{what}: {issue}"
        );
        // Issues that the fleet has, and one that it has not.
        let anywhere = fleet.iter().any(|known| known.is(issue, "open"));
        if !anywhere && issue != "low-disk-space" {
            continue;
        }
        let path = format!("/api/v1/issues/{issue}/devices?");
        assert_eq!(ids(&listed(viewer, &path).await), open, "{what}: {issue}");
        let file = viewer
            .page(&format!("/api/v1/issues/{issue}/devices.csv"))
            .await;
        let mut reader = csv::Reader::from_reader(file.as_bytes());
        let taken: BTreeSet<String> = reader
            .records()
            .map(|row| row.unwrap()[0].to_owned())
            .collect();
        assert_eq!(taken, open, "{what}: {issue} as a file");
        let made = crate::exports::made(
            viewer,
            &format!(r#"{{"issue":"{issue}","format":"ndjson"}}"#),
        )
        .await;
        let made: BTreeSet<String> = made.lines().map(id_of).collect();
        assert_eq!(made, open, "{what}: {issue} as a file that was made");
        let page = viewer.page(&format!("/issues/{issue}")).await;
        for known in fleet {
            let link = format!("/devices/{}", known.id());
            assert_eq!(
                page.contains(&link),
                open.contains(&known.id()),
                "{what}: {issue}"
            );
        }
    }
}

fn id_of(line: &str) -> String {
    let row: Value = serde_json::from_str(line).unwrap();
    row["id"].as_str().unwrap().to_owned()
}

/// Everything changes at once, and of all that the viewer hears of what they see.
async fn hears_of_its_devices(
    site: &Site,
    viewer: &Viewer,
    fleet: &[Known],
    visible: &[&Known],
    what: &str,
) {
    let mut events = viewer.get("/api/v1/events").await.bytes_stream();
    let mut told_of = BTreeSet::new();
    for (number, known) in fleet.iter().enumerate().filter(|(n, _)| reports(*n)) {
        told_of.insert(known.id());
        let name = known.row["name"].as_str().unwrap();
        site.take_in(&known.identity, report(site, number, name))
            .await;
    }
    let seen: BTreeSet<String> = visible.iter().map(|known| known.id()).collect();
    let expected: BTreeSet<&String> = seen.intersection(&told_of).collect();
    let mut told = String::new();
    let heard = async {
        while !expected.iter().all(|id| told.contains(id.as_str())) {
            let part = events.next().await.unwrap().unwrap();
            told.push_str(&String::from_utf8_lossy(&part));
        }
    };
    tokio::time::timeout(PATIENCE, heard)
        .await
        .unwrap_or_else(|_| panic!("{what}: not all was told"));
    // What is gathered still may come.
    let rest = tokio::time::timeout(Duration::from_millis(400), events.next()).await;
    if let Ok(Some(Ok(part))) = rest {
        told.push_str(&String::from_utf8_lossy(&part));
    }
    for known in fleet.iter().filter(|known| !seen.contains(&known.id())) {
        assert!(
            !told.contains(&known.id()),
            "{what}: it hears of {}",
            known.row["name"]
        );
    }
    if expected.is_empty() {
        assert!(!told.contains("event:"), "{what}: {told}");
    }
}
