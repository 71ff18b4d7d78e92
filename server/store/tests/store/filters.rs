//! A filter means the same in SQL as in its own evaluation.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use sickbay_diagnosis::expectation::{ExpectedSource, UpdateSource};
use sickbay_diagnosis::filter::{
    Compare, Filter, FindingView, NumberField, Pattern, Subject, Test, TextField,
};
use sickbay_diagnosis::verdict::{Kept, Severity};
use sickbay_store::{
    Concerned, DeviceChange, DeviceDetail, DeviceStatus, DeviceSummary, Facet, FindingChange,
    Group, Scope,
};
use tokio::runtime::Handle;

use crate::fixture::{Fixture, accepted, bare_change, deed, filter, first, mark, open, unknown};

/// Texts that differ in case, hold SQL's wildcards, quotes and escapes, or letters whose case only Unicode folds.
const TEXTS: [&str; 14] = [
    "",
    "a",
    "A",
    "ab",
    "aab",
    "a%",
    "a_b",
    "a\\",
    "\\%",
    "'",
    "x' OR 1=1 --",
    "Ä",
    "ä",
    "OU=Berlin,DC=x",
];
const PATTERNS: [&str; 26] = [
    "",
    "*",
    "**",
    "a",
    "A*",
    "*b",
    "a*b",
    "a**b",
    "*a*",
    "%",
    "_",
    "a%",
    "a%*",
    "*\\*",
    "\\%",
    "*'*",
    "Ä",
    "ä*",
    "*berlin*",
    "x' or*",
    "?",
    "*\u{fffd}*",
    "serious",
    "*n*",
    "Healthy",
    "never*",
];
const ISSUES: [&str; 3] = ["hold", "Pause", "re%boot"];
const NUMBERS: [Option<u32>; 4] = [None, Some(0), Some(26_100), Some(u32::MAX)];

/// A device with the tags that the server gave it, which alone count for who may see it.
struct Member {
    detail: DeviceDetail,
    given: Vec<String>,
}

impl Deref for Member {
    type Target = DeviceDetail;
    fn deref(&self) -> &DeviceDetail {
        &self.detail
    }
}

struct Sample<'a> {
    device: &'a DeviceDetail,
    tags: &'a [String],
    issue: Option<&'a str>,
}

impl Subject for Sample<'_> {
    fn texts(&self, field: TextField) -> Vec<Cow<'_, str>> {
        let summary = &self.device.row.summary;
        let text = match field {
            TextField::Standing => return vec![standing(self.device).into()],
            TextField::Tag => {
                return self.tags.iter().map(|tag| tag.as_str().into()).collect();
            }
            TextField::Id => return vec![self.device.row.identity.id.to_string().into()],
            TextField::Name => &summary.name,
            TextField::Domain => &summary.domain,
            TextField::Ou => &summary.ou,
            TextField::Site => &summary.site,
            TextField::Kind => &summary.kind,
            TextField::Release => &summary.release,
            TextField::Edition => &summary.edition,
            TextField::Arch => &summary.arch,
            TextField::Primary => &summary.primary_issue,
            TextField::Source => {
                let source = summary.sources[0].as_ref();
                return vec![source.map_or_else(String::new, ToString::to_string).into()];
            }
        };
        vec![text.as_str().into()]
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        let summary = &self.device.row.summary;
        match field {
            NumberField::Build => summary.build,
            NumberField::Ubr => summary.ubr,
        }
        .map(u64::from)
    }

    fn findings(&self) -> Vec<FindingView<'_>> {
        self.device
            .findings
            .iter()
            .map(|finding| FindingView {
                issue: &finding.issue,
                state: finding.kept(),
                causes: &finding.causes,
            })
            .collect()
    }

    fn issue_in_question(&self) -> Option<&str> {
        self.issue
    }
}

fn standing(device: &DeviceDetail) -> &'static str {
    let row = &device.row;
    if device.mark.epoch.is_empty() {
        "never-reported"
    } else if row.serious > 0 {
        "serious"
    } else if row.open > 0 {
        "warning"
    } else if row.unknown > 0 {
        "unknown"
    } else {
        "healthy"
    }
}

fn text() -> impl Strategy<Value = String> {
    select(&TEXTS[..]).prop_map(str::to_owned)
}

fn devices() -> impl Strategy<Value = (DeviceSummary, Vec<String>, Vec<FindingChange>)> {
    let source = select(vec![
        None,
        Some((UpdateSource::WindowsUpdate, None)),
        Some((UpdateSource::Wsus, Some("http://PC-1".to_owned()))),
        Some((UpdateSource::Blocked, None)),
    ]);
    let names = (text(), text(), text(), (text(), source), (text(), text()));
    let tags = proptest::collection::vec(text(), 0..3);
    let more = (
        text(),
        text(),
        text(),
        select(&NUMBERS[..]),
        select(&NUMBERS[..]),
    );
    let summary = (names, more, tags).prop_map(
        |(
            (name, domain, ou, (site, source), (kind, primary_issue)),
            (release, edition, arch, build, ubr),
            reported_tags,
        )| {
            DeviceSummary {
                reported_tags,
                name,
                domain,
                ou,
                site,
                kind,
                release,
                build,
                ubr,
                edition,
                arch,
                primary_issue,
                sources: [
                    source.map(|(source, server)| ExpectedSource { source, server }),
                    None,
                    None,
                    None,
                ],
                ..DeviceSummary::default()
            }
        },
    );
    let finding = (
        select(&ISSUES[..]),
        select(&[Severity::Warning, Severity::Serious][..]),
        proptest::option::of(proptest::collection::vec(select(&TEXTS[..]), 1..3)),
    )
        .prop_map(|(issue, severity, causes)| {
            FindingChange::Put(match causes {
                Some(causes) if causes.len() > 1 && severity == Severity::Serious => {
                    accepted(issue, severity, &causes)
                }
                Some(causes) => open(issue, severity, &causes),
                None => unknown(issue),
            })
        });
    (
        summary,
        proptest::collection::vec(text(), 0..3),
        proptest::collection::vec(finding, 0..3),
    )
}

fn filters() -> impl Strategy<Value = Filter> {
    let pattern = || select(&PATTERNS[..]).prop_map(Pattern::new);
    let compare = select(vec![
        Compare::Equal,
        Compare::Less,
        Compare::AtMost,
        Compare::Greater,
        Compare::AtLeast,
    ]);
    let number = select(vec![
        0,
        1,
        26_100,
        u64::from(u32::MAX),
        u64::from(u32::MAX) + 1,
        u64::MAX,
    ]);
    let test = prop_oneof![
        6 => (select(&TextField::ALL[..]), pattern()).prop_map(|(field, pattern)| Test::Text(field, pattern)),
        2 => (select(&NumberField::ALL[..]), compare, number)
            .prop_map(|(field, compare, number)| Test::Number(field, compare, number)),
        1 => select(&["hold", "PAUSE", "re%*", "*", "r*_*"][..]).prop_map(|text| Test::Issue(Pattern::new(text))),
        2 => pattern().prop_map(Test::Cause),
        2 => select(Kept::ALL.to_vec()).prop_map(Test::State),
    ]
    .prop_map(Filter::Is);
    let leaf = prop_oneof![8 => test, 1 => Just(Filter::Everything)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

async fn fleet(store: &Fixture) -> Vec<Member> {
    let mut runner = TestRunner::deterministic();
    let mut fleet = Vec::new();
    for number in 0..60 {
        let (summary, tags, findings) = devices().new_tree(&mut runner).unwrap().current();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let device = store.tagged_device("pc", &tags).await;
        let read = async || store.device(&Scope::All, device.id).await.unwrap().unwrap();
        let given = read().await.row.tags;
        store
            .done(DeviceChange {
                // Some were diagnosed and never reported.
                mark: (number % 8 > 0).then(|| mark(1)),
                summary: Some(summary),
                findings,
                ..bare_change(device.key)
            })
            .await;
        let detail = read().await;
        fleet.push(Member { detail, given });
    }
    fleet
}

pub(crate) async fn index_sql_and_evaluation_agree(store: Fixture) {
    let fleet = fleet(&store).await;
    assert!(
        fleet.iter().any(|device| device.findings.len() == 2),
        "the sample is too plain"
    );
    let handle = Handle::current();
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    tokio::task::block_in_place(|| {
        runner.run(&(filters(), filters()), |(filter, scope)| {
            handle.block_on(agree(&store, &fleet, &filter, &scope))
        })
    })
    .unwrap();
}

async fn agree(
    store: &Fixture,
    fleet: &[Member],
    filter: &Filter,
    scope: &Filter,
) -> Result<(), TestCaseError> {
    let in_scope = |device: &Member| {
        scope.matches(&Sample {
            device,
            tags: &device.given,
            issue: None,
        })
    };
    for (within, visible) in [
        (Scope::All, None),
        (Scope::Matching(scope.clone()), Some(())),
    ] {
        let seen = |device: &Member| visible.is_none() || in_scope(device);
        let expected: BTreeSet<i64> = fleet
            .iter()
            .filter(|device| {
                seen(device)
                    && filter.matches(&Sample {
                        device,
                        tags: &device.row.tags,
                        issue: None,
                    })
            })
            .map(|device| device.row.identity.key)
            .collect();
        let listed = store.devices(&within, filter, &first(1_000)).await.unwrap();
        let listed: BTreeSet<i64> = listed.iter().map(|row| row.identity.key).collect();
        prop_assert_eq!(&listed, &expected);
        let count = store.count_devices(&within, filter).await.unwrap();
        prop_assert_eq!(count, expected.len() as u64);
        let survey = store.survey_devices(&within, filter, &TextField::ALL);
        let survey = survey.await.unwrap();
        let matching = fleet
            .iter()
            .filter(|device| expected.contains(&device.row.identity.key));
        prop_assert_eq!(survey.facets, facets(matching));
        // What SQL makes of them: a filter where the fleet is walked, a scope where devices are named.
        let concerned = Concerned::Matching(filter.clone());
        let walked = store.keys_after(&concerned, 0, 1_000).await.unwrap();
        let keys: Vec<i64> = fleet.iter().map(|d| d.row.identity.key).collect();
        let visible = store.device_ids(&within, &keys).await.unwrap();
        let visible: BTreeSet<i64> = visible.iter().map(|device| device.key).collect();
        let walked: BTreeSet<i64> = walked.into_iter().filter(|k| visible.contains(k)).collect();
        prop_assert_eq!(&walked, &expected);

        for issue in ISSUES {
            let question = |device: &Member| {
                filter.matches(&Sample {
                    device,
                    tags: &device.row.tags,
                    issue: Some(issue),
                })
            };
            let expected: BTreeSet<i64> = fleet
                .iter()
                .filter(|device| device.findings.iter().any(|finding| finding.issue == issue))
                .filter(|device| seen(device) && question(device))
                .map(|device| device.row.identity.key)
                .collect();
            let listed = store
                .issue_devices(&within, issue, filter, &first(1_000))
                .await
                .unwrap();
            let listed: BTreeSet<i64> = listed.iter().map(|row| row.device.identity.key).collect();
            prop_assert_eq!(&listed, &expected);
            let count = store
                .count_issue_devices(&within, issue, filter)
                .await
                .unwrap();
            prop_assert_eq!(count, expected.len() as u64);
            let survey = store.survey_issue(&within, issue, filter, &[TextField::Ou]);
            let survey = survey.await.unwrap();
            prop_assert_eq!(survey.devices, count);
            let mut causes: BTreeMap<&str, u64> = BTreeMap::new();
            let matching = fleet
                .iter()
                .filter(|device| expected.contains(&device.row.identity.key));
            let findings = matching
                .flat_map(|device| &device.detail.findings)
                .filter(|finding| finding.issue == issue && finding.kept() == Kept::Open);
            for finding in findings {
                let keys: BTreeSet<&str> = finding.causes.iter().map(|c| c.key.as_str()).collect();
                for key in keys {
                    *causes.entry(key).or_default() += 1;
                }
            }
            let told: BTreeMap<&str, u64> = survey
                .causes
                .iter()
                .map(|count| (count.cause.key.as_str(), count.devices))
                .collect();
            prop_assert_eq!(told, causes);
        }
    }
    Ok(())
}

/// Groups by every field that has few values, counted one by one.
fn facets<'a>(devices: impl Iterator<Item = &'a Member> + Clone) -> Vec<Facet> {
    let grouped = TextField::ALL
        .into_iter()
        .filter(|field| !matches!(field, TextField::Name | TextField::Id));
    grouped
        .map(|field| {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for device in devices.clone() {
                let sample = Sample {
                    device,
                    tags: &device.row.tags,
                    issue: None,
                };
                for text in sample.texts(field) {
                    *counts.entry(text.into_owned()).or_default() += 1;
                }
            }
            let mut groups: Vec<Group> = counts
                .into_iter()
                .map(|(value, devices)| Group { value, devices })
                .collect();
            // Those of one size stay in the order of their words.
            groups.sort_by_key(|group| std::cmp::Reverse(group.devices));
            Facet { field, groups }
        })
        .collect()
}

pub(crate) async fn lists_follow_whatever_another_process_writes(store: Fixture) {
    let other = store.another_handle().await;
    let everything = Filter::Everything;
    let counted = async |text: &str| {
        let by = filter(text);
        let count = store.count_devices(&Scope::All, &by).await.unwrap();
        let listed = store.devices(&Scope::All, &by, &first(100)).await.unwrap();
        assert_eq!(count, listed.len() as u64, "{text}");
        count
    };
    assert_eq!(counted("name:*").await, 0);
    let device = store.tagged_device("first", &["a"]).await;
    assert_eq!(counted("name:*").await, 1);
    // The other one reads what this one wrote, and writes.
    let seen = other.devices(&Scope::All, &everything, &first(10)).await;
    assert_eq!(seen.unwrap().len(), 1);
    other
        .commit(&[DeviceChange {
            summary: Some(DeviceSummary {
                name: "second".to_owned(),
                ou: "OU=There".to_owned(),
                ..DeviceSummary::default()
            }),
            findings: vec![FindingChange::Put(open("hold", Severity::Serious, &["c"]))],
            mark: Some(mark(1)),
            ..bare_change(device.key)
        }])
        .await
        .unwrap();
    assert_eq!(counted("name:first").await, 0);
    assert_eq!(counted("name:second ou:ou=there issue:hold").await, 1);
    assert_eq!(counted("standing:serious").await, 1);
    other
        .set_status(&[device.id], DeviceStatus::Retired, &deed(9))
        .await
        .unwrap();
    assert_eq!(counted("name:*").await, 0);
    let page = first(10);
    let retired = store.devices_with_status(&Scope::All, DeviceStatus::Retired, &everything, &page);
    assert_eq!(retired.await.unwrap().len(), 1);
    other.delete_devices(&[device.id], &deed(10)).await.unwrap();
    let retired = store.count_with_status(&Scope::All, DeviceStatus::Retired, &everything);
    assert_eq!(retired.await.unwrap(), 0);
    // Its place goes to somebody else, in the right order.
    for name in ["b", "a", "c"] {
        store.tagged_device(name, &[]).await;
    }
    let names: Vec<String> = store
        .devices(&Scope::All, &everything, &first(10))
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.summary.name)
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
}

pub(crate) async fn texts_of_devices_cannot_break_out_of_sql(store: Fixture) {
    let hostile = "x'); DELETE FROM device; --";
    let device = store.tagged_device(hostile, &[hostile]).await;
    store
        .report(
            device.key,
            vec![open(hostile, Severity::Warning, &[hostile])],
        )
        .await;
    for field in ["name", "tag", "issue", "cause"] {
        let filter = filter(&format!("{field}:\"{hostile}\""));
        assert_eq!(
            store.count_devices(&Scope::All, &filter).await.unwrap(),
            1,
            "{field}"
        );
    }
    let long = filter(&"pc ".repeat(600));
    assert_eq!(store.count_devices(&Scope::All, &long).await.unwrap(), 0);
    let deep = (0..32).fold(filter("pc"), |inner, _| Filter::Not(Box::new(inner)));
    assert_eq!(store.count_devices(&Scope::All, &deep).await.unwrap(), 0);
}
